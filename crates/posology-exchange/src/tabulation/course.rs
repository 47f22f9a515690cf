//! What became of each subject: elements gone through (SE), disposition with the entry into the trial (DS), deviations
//! (DV), visits (SV).

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::event::{DeviationCategory, Fact, Visit};
use posology_trial::when::When;
use rust_decimal::Decimal;

use super::TrialAtCut;
use super::frame::{Domain, ELEMENTS, Frame, Line, STUDY_DAY_IS, planned_visits};
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
            Column::text("ELEMENT", "Description of Element")
                .derived("Element of TE in which the subject was"),
            Column::integer("TAETORD", "Planned Order of Element within Arm").derived("As in TA"),
            Column::iso("SESTDTC", "Start Date/Time of Element").required().derived(
                "Consent; first fraction; the day after the last fraction or, if later, after the DLT window",
            ),
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
        if let Some(day) = still_followed(patient, of.analysis.cut.date()) {
            let mut line = Line::of(&patient.id);
            line.set("DSTERM", AT_CUT_OFF)
                .set("DSDECOD", AT_CUT_OFF)
                .set("DSCAT", "OTHER EVENT")
                .set("DSSTDTC", day.to_string());
            lines.push(line);
        }
        if let Some(enrolment) = &patient.facts.enrolment {
            let mut line = Line::of(&patient.id);
            line.set("DSTERM", "ENROLLED")
                .set("DSDECOD", ENTERED)
                .set("DSCAT", "PROTOCOL MILESTONE")
                .set("DSSTDTC", enrolment.date.to_string())
                .qualify("COHORT", "Cohort at Enrolment", Some(enrolment.cohort.as_str()), "Assigned")
                .qualify(
                    "PROTVER",
                    "Protocol Version at Enrolment",
                    Some(enrolment.protocol_version.as_str()),
                    "Assigned",
                )
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
            Column::text("DSSCAT", "Subcategory for Disposition Event").assigned(),
            Column::iso("DSSTDTC", "Start Date/Time of Disposition Event").expected(),
        ],
        order: &["DSSTDTC", "DSCAT", "DSDECOD"],
        timing: Some("DSSTDTC"),
        visits: false,
        lines,
    }
}

/// The day of the cut-off, of someone who was enrolled and has neither left nor died.
fn still_followed(patient: &PatientAnalysis, cut: Date) -> Option<Date> {
    let on_study = patient.cohort.is_some() && !patient.disposition.left && patient.facts.death.is_none();
    on_study.then_some(cut)
}

/// What stands in DS of someone still followed when the data were cut; it is no disposition and import leaves it aside.
pub(crate) const AT_CUT_OFF: &str = "ON STUDY AT DATA CUT-OFF";

/// The standard term of the entry into the trial (codelist PROTMLST).
pub(crate) const ENTERED: &str = "ENTERED INTO TRIAL";

/// Protocol deviations of subjects.
pub(super) fn deviations(of: &TrialAtCut<'_>) -> Domain {
    let entries = of.analysis.cut.entries(of.chain);
    let lines = entries.iter().filter_map(|entry| {
        let Fact::Deviation(deviation) = &entry.event.fact else { return None };
        let mut line = Line::of(deviation.subject.as_deref()?);
        line.set("DVTERM", deviation.what.as_str())
            .set(
                "DVCAT",
                match deviation.category {
                    DeviationCategory::Minor => "MINOR",
                    DeviationCategory::Important => "IMPORTANT",
                },
            )
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

/// Contacts recorded without a number are numbered from here on.
const UNPLANNED: i64 = 9_000;

/// Visits: those recorded, and those that findings name, from the first of their dates to the last. One recorded without
/// a number is unplanned: it is numbered by its name and by its place among the subject's.
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
    let planned = planned_visits(&of.analysis.protocol);
    let mut rows = Vec::new();
    for patient in &of.analysis.patients {
        let mut gone: BTreeMap<Decimal, Gone> = BTreeMap::new();
        let mut recorded: Vec<&Visit> = patient.facts.visits.iter().collect();
        recorded
            .sort_by_key(|visit| visit.start.as_ref().map(|when| (when.earliest_date(), when.to_string())));
        let mut count: BTreeMap<&str, i64> = BTreeMap::new();
        for visit in recorded {
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
            let text = |when: Option<&When>| when.map(ToString::to_string);
            let one = Gone { name, start: text(visit.start.as_ref()), end: text(visit.end.as_ref()) };
            gone.entry(number).or_insert(one);
        }
        for (number, one) in of_findings(patient, frame) {
            gone.entry(Decimal::from(number)).or_insert(one);
        }
        let elements = frame.elements(&patient.id);
        let day = |text: &Option<String>| {
            let when = text.as_ref().and_then(|text| text.parse::<When>().ok());
            Value::from(when.and_then(|when| when.date()).and_then(|day| elements.study_day(day)))
        };
        for (number, one) in gone {
            let is_planned = planned.iter().any(|visit| Decimal::from(visit.number) == number);
            let (start, end) = (day(&one.start), day(&one.end));
            rows.push(vec![
                frame.study().into(),
                "SV".into(),
                patient.id.as_str().into(),
                number.normalize().into(),
                one.name.into(),
                is_planned.then_some("Y").into(),
                is_planned.then_some("Y").into(),
                one.start.into(),
                one.end.into(),
                start,
                end,
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
            Column::text("SVOCCUR", "Occurrence").expected().coded("NY"),
            Column::iso("SVSTDTC", "Start Date/Time of Observation")
                .expected()
                .derived("As recorded, or the first date of a finding of the visit"),
            Column::iso("SVENDTC", "End Date/Time of Observation")
                .expected()
                .derived("As recorded, or the last date of a finding of the visit"),
            Column::integer("SVSTDY", "Study Day of Start of Observation").expected().derived(STUDY_DAY_IS),
            Column::integer("SVENDY", "Study Day of End of Observation").expected().derived(STUDY_DAY_IS),
        ],
        rows,
    };
    (!table.rows.is_empty()).then(|| table.finished())
}

/// A visit as SV tells it.
struct Gone {
    name: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

/// Visits that findings name, by number.
fn of_findings(patient: &PatientAnalysis, frame: &Frame) -> BTreeMap<i64, Gone> {
    let facts = &patient.facts;
    let laboratory = facts.laboratory.iter().map(|one| (&one.visit, &one.at));
    let vital = facts.vital_signs.iter().map(|one| (&one.visit, &one.at));
    let responses = facts.responses.iter().map(|one| (&one.visit, &one.at));
    let mut visits: BTreeMap<i64, (String, Option<(Date, Date)>)> = BTreeMap::new();
    for (visit, at) in laboratory.chain(vital).chain(responses) {
        let Some((name, number)) = visit.as_ref().and_then(|name| Some((name, frame.visit_number(name)?)))
        else {
            continue;
        };
        let known = &mut visits.entry(number).or_insert_with(|| (name.clone(), None)).1;
        if let Some(day) = at.as_ref().and_then(When::date) {
            *known = Some(known.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
        }
    }
    visits
        .into_iter()
        .map(|(number, (name, days))| {
            let text = |day: Option<Date>| day.map(|day| day.to_string());
            let (start, end) = (text(days.map(|(first, _)| first)), text(days.map(|(_, last)| last)));
            (number, Gone { name: Some(name), start, end })
        })
        .collect()
}

fn name_of(visit: &Visit) -> &str {
    visit.name.as_deref().unwrap_or("UNSCHEDULED")
}
