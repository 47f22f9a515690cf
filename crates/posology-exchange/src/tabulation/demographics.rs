//! DM: one row a subject.

use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::event::Administration;
use posology_trial::when::When;

use super::TrialAtCut;
use super::frame::{Frame, clock};
use crate::package::{Class, Column, Table, Value};

/// Demographics.
pub(super) fn table(of: &TrialAtCut<'_>, frame: &Frame) -> Table {
    let table = Table {
        name: "DM".to_owned(),
        label: "Demographics".to_owned(),
        class: Class::SpecialPurpose,
        structure: "One record per subject".to_owned(),
        keys: vec!["STUDYID", "USUBJID"],
        reference: false,
        comment: None,
        columns: columns(),
        rows: of.analysis.patients.iter().map(|patient| row(of, frame, patient)).collect(),
    };
    table.finished()
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("STUDYID", "Study Identifier").required().of_protocol(),
        Column::text("DOMAIN", "Domain Abbreviation").required().assigned(),
        Column::text("USUBJID", "Unique Subject Identifier").required().assigned(),
        Column::text("SUBJID", "Subject Identifier for the Study").required(),
        Column::iso("RFSTDTC", "Subject Reference Start Date/Time")
            .expected()
            .derived("Start of the first fraction (first EXSTDTC of the product)"),
        Column::iso("RFENDTC", "Subject Reference End Date/Time")
            .expected()
            .derived("End, or start where no end is recorded, of the last fraction of the product"),
        Column::iso("RFXSTDTC", "Date/Time of First Study Treatment").expected().derived("First EXSTDTC"),
        Column::iso("RFXENDTC", "Date/Time of Last Study Treatment")
            .expected()
            .derived("Last EXENDTC, or EXSTDTC where no end is recorded"),
        Column::iso("RFICDTC", "Date/Time of Informed Consent").expected(),
        Column::iso("RFPENDTC", "Date/Time of End of Participation")
            .expected()
            .derived("Day on which the study was left or completed, or of death"),
        Column::iso("DTHDTC", "Date/Time of Death").expected(),
        Column::text("DTHFL", "Subject Death Flag")
            .expected()
            .derived("Y where a death is recorded")
            .coded("NY"),
        Column::text("SITEID", "Study Site Identifier").required().assigned(),
        Column::integer("AGE", "Age").expected(),
        Column::text("AGEU", "Age Units").expected().assigned().coded("AGEU"),
        Column::text("SEX", "Sex").required().coded("SEX"),
        Column::text("RACE", "Race").expected().coded("RACE"),
        Column::text("ETHNIC", "Ethnicity").coded("ETHNIC"),
        Column::text("ARMCD", "Planned Arm Code").expected().assigned(),
        Column::text("ARM", "Description of Planned Arm").expected().assigned(),
        Column::text("ACTARMCD", "Actual Arm Code").expected().assigned(),
        Column::text("ACTARM", "Description of Actual Arm").expected().assigned(),
        Column::text("ARMNRS", "Reason Arm and/or Actual Arm is Null").expected().assigned(),
        Column::text("ACTARMUD", "Description of Unplanned Actual Arm").expected().assigned(),
        Column::text("COUNTRY", "Country").required().assigned(),
    ]
}

/// The identifier within the study: site and number, as USUBJID ends (`01-101` of `CLR131-01-101`), or the whole of it
/// where two subjects would share that.
fn subject_id<'a>(of: &TrialAtCut<'_>, patient: &'a PatientAnalysis) -> &'a str {
    let short = patient.short_id();
    let shared = of.analysis.patients.iter().filter(|other| other.short_id() == short).count() > 1;
    if shared { &patient.id } else { short }
}

fn row(of: &TrialAtCut<'_>, frame: &Frame, patient: &PatientAnalysis) -> Vec<Value> {
    let subject = &patient.facts.subject;
    let protocol = &of.analysis.protocol;
    let all = &patient.facts.administrations;
    let product = || all.iter().filter(|given| protocol.is_product(&given.treatment));
    let order = |when: &When| (when.earliest_date(), when.instant());
    let start = |given: &Administration| given.start.clone();
    let end = |given: &Administration| given.end.clone().unwrap_or_else(|| given.start.clone());
    let earliest = |whens: Vec<When>| whens.iter().min_by_key(|when| order(when)).map(on_the_clock);
    let latest = |whens: Vec<When>| whens.iter().max_by_key(|when| order(when)).map(on_the_clock);
    let first = earliest(product().map(start).collect());
    let last = latest(product().map(end).collect());
    let first_of_any = earliest(all.iter().map(start).collect());
    let last_of_any = latest(all.iter().map(end).collect());
    let iso = |when: Option<&When>| Value::from(when.map(on_the_clock));
    let elements = frame.elements(&patient.id);
    let cohort = patient.cohort.as_deref();
    let arm = cohort.map(|id| arm_name(of, id));
    let unassigned = cohort.is_none().then(|| {
        subject.no_arm_reason.clone().unwrap_or_else(|| {
            if patient.disposition.screen_failure { "SCREEN FAILURE" } else { "NOT ASSIGNED" }.to_owned()
        })
    });
    let actual = cohort.filter(|_| patient.is_treated());
    let reason = unassigned.or_else(|| (actual.is_none()).then(|| "ASSIGNED, NOT TREATED".to_owned()));
    vec![
        frame.study().into(),
        "DM".into(),
        patient.id.as_str().into(),
        subject_id(of, patient).into(),
        first.into(),
        last.into(),
        first_of_any.into(),
        last_of_any.into(),
        iso(subject.consent.as_ref()),
        elements.end.map(|end| end.to_string()).into(),
        iso(patient.facts.death.as_ref().map(|death| &death.at)),
        Value::y_or_missing(patient.facts.death.is_some()),
        subject.site.as_deref().unwrap_or("NOT RECORDED").into(),
        subject.age_years.map(|age| age.normalize()).into(),
        subject.age_years.map(|_| "YEARS").into(),
        subject.sex.as_deref().unwrap_or("U").into(),
        subject.race.as_deref().into(),
        subject.ethnicity.as_deref().into(),
        cohort.into(),
        arm.clone().into(),
        actual.into(),
        actual.and(arm).into(),
        reason.into(),
        Value::Missing,
        subject.country.as_deref().unwrap_or("UNK").into(),
    ]
}

/// A date or time as --DTC holds it: the clock on the spot, as in EX.
fn on_the_clock(when: &When) -> String {
    let text = when.to_string();
    clock(&text).map_or_else(|| text.clone(), |(local, _)| local.to_owned())
}

/// A cohort as an arm is described: its place on the ladder, its regimen, and its kind of disease.
pub(super) fn arm_name(of: &TrialAtCut<'_>, cohort: &str) -> String {
    let analysis = of.analysis;
    let Some(found) = analysis.cohort(cohort) else { return cohort.to_owned() };
    let stratum = analysis.protocol.cohort(cohort).and_then(|cohort| cohort.stratum.as_deref());
    let disease = stratum.map(|stratum| format!(", {stratum}")).unwrap_or_default();
    format!("DL{} {}{disease}", found.level, found.label)
}
