//! What became of each subject: elements gone through (SE), disposition with the entry into the trial (DS), deviations
//! (DV), visits (SV).

use std::collections::BTreeMap;

use posology_trial::event::{DeviationCategory, Fact, Visit};
use posology_trial::when::When;
use rust_decimal::Decimal;

use super::TrialAtCut;
use super::frame::{Domain, ELEMENTS, Frame, Line, STUDY_DAY_IS};
use crate::package::{Class, Column, Table, Value};

/// Subject elements.
pub(super) fn elements(of: &TrialAtCut<'_>, frame: &Frame) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let gone = frame.elements(&patient.id);
        let starts = [gone.screening, gone.treatment, gone.follow_up];
        for (place, (element, start)) in ELEMENTS.iter().zip(starts).enumerate() {
            let Some(start) = start else { continue };
            let next = starts.iter().skip(place + 1).find_map(|start| *start);
            let mut line = Line::of(&patient.id);
            line.set("ETCD", element.code)
                .set("ELEMENT", element.name)
                .set("TAETORD", place as i64 + 1)
                .set("SESTDTC", start.to_string())
                .set("SEENDTC", next.or(gone.end).map(|end| end.to_string()));
            lines.push(line);
        }
    }
    Domain {
        code: "SE",
        label: "Subject Elements",
        class: Class::SpecialPurpose,
        structure: "One record per actual Element per subject",
        columns: vec![
            Column::text("ETCD", "Element Code").required().derived("Element of TE in which the subject was"),
            Column::text("ELEMENT", "Description of Element").derived("Element of TE in which the subject was"),
            Column::integer("TAETORD", "Planned Order of Element within Arm").derived("As in TA"),
            Column::iso("SESTDTC", "Start Date/Time of Element")
                .required()
                .derived("Consent; first fraction; the day after the last fraction or, if later, after the DLT window"),
            Column::iso("SEENDTC", "End Date/Time of Element")
                .expected()
                .derived("Start of the next element, or the end of participation"),
        ],
        order: &["SESTDTC", "TAETORD"],
        timing: Some("SESTDTC"),
        visits: false,
        lines,
    }
}

/// Disposition: what was recorded, and the entry into the trial with cohort, protocol version and whom it replaces.
pub(super) fn disposition(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for one in &patient.facts.dispositions {
            let mut line = Line::of(&patient.id);
            line.set("DSTERM", one.term.as_str())
                .set("DSDECOD", one.standard.as_str())
                .set("DSCAT", one.category.as_deref())
                .set("DSSCAT", one.scope.as_deref())
                .set_when("DSSTDTC", one.at.as_ref());
            lines.push(line);
        }
        if let Some(enrolment) = &patient.facts.enrolment {
            let mut line = Line::of(&patient.id);
            line.set("DSTERM", "ENROLLED")
                .set("DSDECOD", ENTERED)
                .set("DSCAT", "PROTOCOL MILESTONE")
                .set("DSSTDTC", enrolment.date.to_string())
                .qualify("COHORT", "Cohort at Enrolment", Some(enrolment.cohort.as_str()), "Assigned")
                .qualify("PROTVER", "Protocol Version at Enrolment", Some(enrolment.protocol_version.as_str()), "Assigned")
                .qualify("REPLACES", "Subject Replaced", enrolment.replaces.as_deref(), "Assigned")
                .qualify("STRATUM", "Stratum at Enrolment", enrolment.stratum.as_deref(), "Assigned");
            lines.push(line);
        }
    }
    Domain {
        code: "DS",
        label: "Disposition",
        class: Class::Events,
        structure: "One record per disposition status or protocol milestone per subject",
        columns: vec![
            Column::text("DSTERM", "Reported Term for the Disposition Event").required(),
            Column::text("DSDECOD", "Standardized Disposition Term").required().assigned(),
            Column::text("DSCAT", "Category for Disposition Event").expected().assigned().coded("DSCAT"),
            Column::text("DSSCAT", "Subcategory for Disposition Event").assigned().coded("DSSCAT"),
            Column::iso("DSSTDTC", "Start Date/Time of Disposition Event").expected(),
        ],
        order: &["DSSTDTC", "DSCAT", "DSDECOD"],
        timing: Some("DSSTDTC"),
        visits: false,
        lines,
    }
}

/// The standard term of the entry into the trial (codelist PROTMLST).
pub(crate) const ENTERED: &str = "ENTERED INTO TRIAL";

/// Protocol deviations of subjects.
pub(super) fn deviations(of: &TrialAtCut<'_>) -> Domain {
    let entries = of.analysis.cut.entries(of.chain);
    let lines = entries.iter().filter_map(|entry| {
        let Fact::Deviation(deviation) = &entry.event.fact else { return None };
        let mut line = Line::of(deviation.subject.as_deref()?);
        line.set("DVTERM", deviation.what.as_str())
            .set("DVCAT", match deviation.category {
                DeviationCategory::Minor => "MINOR",
                DeviationCategory::Important => "IMPORTANT",
            })
            .set_when("DVSTDTC", Some(&deviation.date))
            .qualify("DVACTION", "Action Taken on the Deviation", deviation.action.as_deref(), "CRF");
        Some(line)
    });
    Domain {
        code: "DV",
        label: "Protocol Deviations",
        class: Class::Events,
        structure: "One record per protocol deviation per subject",
        columns: vec![
            Column::text("DVTERM", "Protocol Deviation Term").required(),
            Column::text("DVCAT", "Category for Protocol Deviation").assigned(),
            Column::iso("DVSTDTC", "Start Date/Time of Deviation"),
        ],
        order: &["DVSTDTC", "DVTERM"],
        timing: Some("DVSTDTC"),
        visits: false,
        lines: lines.collect(),
    }
}

/// Unplanned visits are numbered from here on.
const UNPLANNED: i64 = 9_000;

/// Visits. One recorded without a number is unplanned: it is numbered by its name and by its place among the subject's.
pub(super) fn visits(of: &TrialAtCut<'_>, frame: &Frame) -> Option<Table> {
    let mut names: Vec<&str> = of
        .analysis
        .patients
        .iter()
        .flat_map(|patient| &patient.facts.visits)
        .filter(|visit| visit.number.is_none())
        .map(name_of)
        .collect();
    names.sort_unstable();
    names.dedup();
    let study = &of.analysis.protocol.trial.id;
    let mut rows = Vec::new();
    for patient in &of.analysis.patients {
        let mut visits: Vec<&Visit> = patient.facts.visits.iter().collect();
        visits.sort_by_key(|visit| visit.start.as_ref().map(|when| (when.earliest_date(), when.to_string())));
        let mut count: BTreeMap<&str, i64> = BTreeMap::new();
        let elements = frame.elements(&patient.id);
        let day = |when: Option<&When>| Value::from(when.and_then(When::date).and_then(|day| elements.study_day(day)));
        for visit in visits {
            let (number, name) = match visit.number {
                Some(number) => (number, visit.name.clone()),
                None => {
                    let name = name_of(visit);
                    let kind = names.iter().position(|known| *known == name).unwrap_or_default() as i64;
                    let place = count.entry(name).or_default();
                    *place += 1;
                    (Decimal::from(UNPLANNED + 100 * kind + *place), Some(format!("{name} {place}")))
                }
            };
            let planned = visit.number.is_some_and(|number| number < Decimal::from(UNPLANNED));
            rows.push(vec![
                study.as_str().into(),
                "SV".into(),
                patient.id.as_str().into(),
                number.into(),
                name.into(),
                planned.then_some("Y").into(),
                planned.then_some("Y").into(),
                visit.start.as_ref().map(ToString::to_string).into(),
                visit.end.as_ref().map(ToString::to_string).into(),
                day(visit.start.as_ref()),
                day(visit.end.as_ref()),
            ]);
        }
    }
    let table = Table {
        name: "SV".to_owned(),
        label: "Subject Visits".to_owned(),
        class: Class::SpecialPurpose,
        structure: "One record per actual or planned visit per subject".to_owned(),
        keys: vec!["STUDYID", "USUBJID", "VISITNUM"],
        reference: false,
        comment: None,
        columns: vec![
            Column::text("STUDYID", "Study Identifier").required().of_protocol(),
            Column::text("DOMAIN", "Domain Abbreviation").required().assigned(),
            Column::text("USUBJID", "Unique Subject Identifier").required().assigned(),
            Column::float("VISITNUM", "Visit Number").required().assigned(),
            Column::text("VISIT", "Visit Name").assigned(),
            Column::text("SVPRESP", "Pre-specified").expected().assigned().coded("NY"),
            Column::text("SVOCCUR", "Visit Occurrence").expected().coded("NY"),
            Column::iso("SVSTDTC", "Start Date/Time of Observation").expected(),
            Column::iso("SVENDTC", "End Date/Time of Observation").expected(),
            Column::integer("SVSTDY", "Study Day of Start of Observation").derived(STUDY_DAY_IS),
            Column::integer("SVENDY", "Study Day of End of Observation").expected().derived(STUDY_DAY_IS),
        ],
        rows,
    };
    (!table.rows.is_empty()).then(|| table.finished())
}

fn name_of(visit: &Visit) -> &str {
    visit.name.as_deref().unwrap_or("UNSCHEDULED")
}

