//! ADSL: one row a subject, with populations, treatment, the window of dose-limiting toxicity, disposition, baseline and
//! groups, each as the analysis has it.

use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::protocol::{Dlt, Population, Protocol};
use posology_trial::when::When;

use super::sheet::{Record, Sheet, place, whole};
use super::{Context, baseline};
use crate::package::{Class, Column, Table, Value};

/// ADSL, and its rows in the order of the patients of the analysis.
pub(super) fn table(context: &Context<'_>) -> (Table, Vec<Record>) {
    let others = baseline::others(context);
    let rows: Vec<Record> = context
        .analysis()
        .patients
        .iter()
        .enumerate()
        .map(|(at, patient)| row(context, patient, at, &others))
        .collect();
    let mut comment = vec![
        "Subjects of DM at the data cut; populations, status for dose-limiting toxicity, groups and times are those of the analysis at that cut.".to_owned(),
    ];
    comment.extend(baseline::left_out(context, &others));
    let sheet = Sheet {
        name: "ADSL",
        label: "Subject-Level Analysis Dataset",
        class: Class::SubjectLevel,
        structure: "One record per subject",
        keys: &["STUDYID", "USUBJID"],
        comment: Some(comment.join(" ")),
        columns: columns(context, &others),
        rows: rows.clone(),
    };
    (sheet.table(), rows)
}

fn columns(context: &Context<'_>, others: &[String]) -> Vec<Column> {
    let protocol = context.protocol();
    let mut columns = vec![
        Column::text("STUDYID", "Study Identifier").required().predecessor("DM.STUDYID"),
        Column::text("USUBJID", "Unique Subject Identifier").required().predecessor("DM.USUBJID"),
        Column::text("SUBJID", "Subject Identifier for the Study").required().predecessor("DM.SUBJID"),
        Column::text("SITEID", "Study Site Identifier").required().predecessor("DM.SITEID"),
        Column::float("AGE", "Age").expected().predecessor("DM.AGE"),
        Column::text("AGEU", "Age Units").expected().predecessor("DM.AGEU").coded("AGEU"),
        Column::text("SEX", "Sex").required().predecessor("DM.SEX").coded("SEX"),
        Column::text("RACE", "Race").expected().predecessor("DM.RACE").coded("RACE"),
        Column::text("ETHNIC", "Ethnicity").predecessor("DM.ETHNIC").coded("ETHNIC"),
        Column::text("COUNTRY", "Country").predecessor("DM.COUNTRY"),
        Column::text("ARMCD", "Planned Arm Code").predecessor("DM.ARMCD"),
        Column::text("ARM", "Description of Planned Arm").expected().predecessor("DM.ARM"),
        Column::text("ACTARMCD", "Actual Arm Code").predecessor("DM.ACTARMCD"),
        Column::text("ACTARM", "Description of Actual Arm").predecessor("DM.ACTARM"),
        Column::text("COHORT", "Cohort").derived(
            "Cohort of the enrolment; without one DM.ARMCD, where that is a cohort of the protocol",
        ),
        Column::integer("COHORTN", "Cohort (N)").derived("Place of COHORT among the protocol's cohorts, from 1"),
        Column::text("PROTVER", "Protocol Version at Enrolment")
            .derived("Version of the protocol in force for the subject on the day of enrolment"),
        Column::text("REPLACES", "Subject Replaced").derived("Subject whom this one replaces, as enrolled"),
        Column::text("TRT01P", "Planned Treatment for Period 01").expected().derived(
            "Label of the regimen that the protocol prescribes for COHORT: total activity per area and number of fractions",
        ),
        Column::integer("TRT01PN", "Planned Treatment for Period 01 (N)")
            .derived("Level: place of the regimen on the protocol's ladder, from 1"),
        Column::text("TRT01A", "Actual Treatment for Period 01")
            .derived("TRT01P where at least one fraction was given; what was given stands in ADEX"),
        Column::integer("TRT01AN", "Actual Treatment for Period 01 (N)")
            .derived("TRT01PN where at least one fraction was given"),
        Column::float("DOSE01P", "Planned Treatment Dose for Period 01").derived(
            "Total prescribed activity per body surface area of the regimen, optional fractions left out (protocol, [[regimen]])",
        ),
        Column::text("DOSE01U", "Units for Dose for Period 01").assigned(),
        Column::date("RFICDT", "Date of Informed Consent").derived("DM.RFICDTC, where it is a complete date"),
        Column::date("ENRLDT", "Date of Enrollment").derived("Day of enrolment into COHORT"),
        Column::date("RANDDT", "Date of Randomization").derived("Day of the allocation to an arm"),
        Column::text("RANDARM", "Randomised Arm").derived("Cohort to which the subject was allocated at random"),
        Column::text("STRATAR", "Strata Used for Randomization")
            .derived("Categories of the stratification factors in the protocol's order, joined by a semicolon"),
        Column::date("TRTSDT", "Date of First Exposure to Treatment")
            .expected()
            .derived("Day of the first fraction of the product (EX.EXSTDTC; its last possible day where partial)"),
        Column::date("TRTEDT", "Date of Last Exposure to Treatment")
            .expected()
            .derived("Day of the last fraction of the product (EX.EXSTDTC; its last possible day where partial)"),
        Column::integer("NFRAC", "Fractions Given").derived("Number of fractions of the product given"),
        Column::float("PRESMCI", "Total Prescribed Activity (mCi)").derived(
            "Sum of the prescribed activities of all fractions but optional ones that nobody prescribed or gave; missing where one of them is not recorded",
        ),
        Column::float("ADMINMCI", "Total Administered Activity (mCi)").derived(
            "Sum of the net administered activities of the fractions given; missing where one of them is not recorded",
        ),
        Column::float("ADMINPCT", "Administered of Prescribed Activity (%)").derived("100 x ADMINMCI / PRESMCI"),
        Column::float("BSABL", "Body Surface Area of Prescription (m2)")
            .derived("Body surface area recorded with the first prescription that states one"),
        Column::float("HEIGHTBL", "Height at Baseline (cm)")
            .derived("Last VS.VSSTRESN of HEIGHT on or before the day of the first fraction, in cm"),
        Column::float("WEIGHTBL", "Weight at Baseline (kg)")
            .derived("Last VS.VSSTRESN of WEIGHT on or before the day of the first fraction, in kg"),
        Column::text("ENRLFL", "Enrolled Population Flag")
            .expected()
            .derived("Y where an enrolment is recorded or at least one fraction was given, else N")
            .coded("NY"),
        Column::text("SAFFL", "Safety Population Flag")
            .expected()
            .derived("Y where at least one fraction was given, else N")
            .coded("NY"),
        Column::text("RANDFL", "Randomized Population Flag")
            .derived("Y where an allocation to an arm is recorded, else N; only where the protocol randomises")
            .coded("NY"),
        Column::text("RESPEVFL", "Response-Evaluable Population Flag")
            .expected()
            .derived(format!("Y for {}, else N", Population::ResponseEvaluable.words()))
            .coded("NY"),
        Column::text("SCRFFL", "Screen Failure Flag")
            .derived("Y where no fraction was given and DM.ARMNRS is SCREEN FAILURE, else N")
            .coded("NY"),
    ];
    columns.extend(dlt_columns(protocol));
    columns.extend([
        Column::text("EOTSTT", "End of Treatment Status")
            .derived("DISCONTINUED where a disposition event of study treatment gives a reason, COMPLETED where it says so, else ONGOING; of treated subjects (DS)")
            .coded("SBJTSTAT"),
        Column::text("DCTREAS", "Reason for Discontinuation of Treatment")
            .derived("DS.DSDECOD of the disposition event by which treatment was discontinued"),
        Column::text("EOSSTT", "End of Study Status")
            .derived("DISCONTINUED where a disposition event of study participation gives a reason, COMPLETED where it says so, else ONGOING; of enrolled subjects (DS)")
            .coded("SBJTSTAT"),
        Column::text("DCSREAS", "Reason for Discontinuation from Study")
            .derived("DS.DSDECOD of the disposition event by which the study was left"),
        Column::date("EOSDT", "End of Study Date")
            .derived("First day on which the study was left or completed (DS.DSSTDTC)"),
        Column::text("DTHFL", "Subject Death Flag").predecessor("DM.DTHFL").coded("NY"),
        Column::date("DTHDT", "Date of Death").derived(
            "DM.DTHDTC; where it is partial the last day it can have been, but not after the data cut",
        ),
        Column::text("DTHDTF", "Date of Death Imputation Flag")
            .derived("D where the day, M where the month of DTHDT is not recorded")
            .coded("DATEFL"),
        Column::text("DTHCAUS", "Cause of Death").derived("Cause of death as recorded"),
        Column::date("LSTALVDT", "Date Last Known Alive").derived(
            "Death, or else the last day up to the data cut on which anything was recorded that only a living patient has; of treated subjects",
        ),
    ]);
    columns.extend(baseline::columns(context, others));
    columns
}

/// The window in words, as the protocol sets it.
pub(super) fn window_in_words(dlt: &Dlt) -> String {
    format!(
        "{} days after the first fraction or {} days after the last one given, whichever is later (protocol, dlt.window-days, dlt.min-days-after-last-fraction)",
        dlt.window_days, dlt.min_days_after_last_fraction
    )
}

/// How DLTSTAT comes about, in words.
pub(super) fn status_in_words(protocol: &Protocol) -> String {
    let rules = protocol
        .dlt
        .as_ref()
        .map_or_else(Vec::new, |dlt| dlt.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>());
    format!(
        "DLT where the committee, or without its judgement a rule of the protocol ({}) or the investigator, found a dose-limiting toxicity; NOT EVALUABLE where so judged for a reason other than toxicity; NO DLT where the whole window was followed without one; PENDING until then (protocol, [dlt], [evaluability])",
        rules.join(", ")
    )
}

fn dlt_columns(protocol: &Protocol) -> Vec<Column> {
    let Some(dlt) = &protocol.dlt else { return Vec::new() };
    vec![
        Column::text("DLTEVLFL", "DLT-Evaluable Population Flag")
            .expected()
            .derived("Y where DLTSTAT is DLT or NO DLT, else N: a dose-limiting toxicity makes a subject evaluable whatever was received, and who is pending is not counted (protocol, [evaluability])")
            .coded("NY"),
        Column::text("DLTEVRS", "Reason Not DLT-Evaluable")
            .derived("Where DLTEVLFL is N: the judgement with its adjudicator and day, or what a pending subject awaits"),
        Column::text("DLTEVRS2", "Reason Not DLT-Evaluable, Continued").derived("What DLTEVRS does not hold"),
        Column::text("DLTSTAT", "Status for Dose-Limiting Toxicity")
            .expected()
            .derived(status_in_words(protocol))
            .coded("DLTSTAT"),
        Column::text("DLTFL", "Dose-Limiting Toxicity Flag")
            .expected()
            .derived("Y where DLTSTAT is DLT, N where it is NO DLT; missing for everyone else")
            .coded("NY"),
        Column::date("DLTDT", "Date of First Dose-Limiting Toxicity")
            .derived("Earliest onset of what was found or judged dose-limiting, where its day is recorded"),
        Column::date("DLTSDT", "Start Date of the DLT Window").derived("TRTSDT"),
        Column::date("DLTEDT", "End Date of the DLT Window").derived(window_in_words(dlt)),
        Column::integer("DLTWIND", "Length of the DLT Window (days)").derived("DLTEDT - DLTSDT"),
        Column::date("DLTFUDT", "Last Date Followed for DLT").derived(
            "Last day on which anything was recorded up to the data cut, but not after new myelosuppressive therapy, death or leaving the study; progression does not end it",
        ),
        Column::float("DLTFUFR", "Fraction of the DLT Window Followed")
            .derived("(DLTFUDT - DLTSDT) / (DLTEDT - DLTSDT), at most 1"),
    ]
}

fn row(context: &Context<'_>, patient: &PatientAnalysis, at: usize, others: &[String]) -> Record {
    let protocol = context.protocol();
    let facts = &patient.facts;
    let treated = patient.is_treated();
    let mut record = Record::default();
    let demographics = context.records.of_subject("DM", &patient.id).next();
    for name in [
        "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ETHNIC", "COUNTRY", "ARMCD", "ARM", "ACTARMCD",
        "ACTARM", "DTHFL",
    ] {
        record.set(name, demographics.as_ref().map_or(Value::Missing, |found| found.value(name)));
    }
    record
        .set("STUDYID", protocol.trial.id.as_str())
        .set("USUBJID", patient.id.as_str())
        .set("RFICDT", facts.subject.consent.as_ref().and_then(When::date));

    let cohort = patient.cohort.as_deref();
    let cohort_place =
        cohort.and_then(|id| protocol.cohort.iter().position(|cohort| cohort.id == id)).map(place);
    let regimen = patient.regimen.as_deref().and_then(|id| protocol.regimen(id));
    let level = regimen.and_then(|regimen| protocol.level_of(&regimen.id)).map(|level| whole(level as i64));
    let title = regimen.map(posology_trial::protocol::Regimen::title);
    let total = regimen.and_then(posology_trial::protocol::Regimen::total_per_area);
    record
        .set("COHORT", cohort)
        .set("COHORTN", cohort_place.unwrap_or(Value::Missing))
        .set("PROTVER", patient.protocol_version.as_deref())
        .set("REPLACES", patient.replaces.as_deref())
        .set("TRT01P", title.clone())
        .set("TRT01PN", level.clone().unwrap_or(Value::Missing))
        .set("TRT01A", title.filter(|_| treated))
        .set("TRT01AN", level.filter(|_| treated).unwrap_or(Value::Missing))
        .set("DOSE01P", total.map(|total| total.mci_per_m2().normalize()))
        .set("DOSE01U", total.map(|_| "mCi/m2"))
        .set("ENRLDT", facts.enrolment.as_ref().map(|enrolment| enrolment.date));

    let randomised = facts.randomisation.as_ref();
    record
        .set("RANDDT", randomised.map(|made| made.date))
        .set("RANDARM", randomised.map(|made| made.arm.as_str()))
        .set("STRATAR", randomised.map(|made| made.stratum.join("; ")))
        .flag("RANDFL", protocol.randomised.as_ref().map(|_| randomised.is_some()));

    let exposure = &patient.exposure;
    let given = exposure.fractions.iter().filter(|fraction| fraction.given.is_some()).count();
    record
        .set("TRTSDT", exposure.first())
        .set("TRTEDT", exposure.last())
        .set("NFRAC", whole(given as i64))
        .set("PRESMCI", exposure.total_prescribed().map(|total| total.mci()))
        .set("ADMINMCI", exposure.total_administered().map(|total| total.mci()))
        .set("ADMINPCT", exposure.percent())
        .set("BSABL", exposure.body_surface_m2)
        .set("HEIGHTBL", patient.height_cm)
        .set("WEIGHTBL", patient.weight_kg);

    record
        .flag("ENRLFL", Some(facts.enrolment.is_some() || treated))
        .flag("SAFFL", Some(patient.is_in(Population::Treated)))
        .flag("RESPEVFL", Some(patient.is_in(Population::ResponseEvaluable)))
        .flag("SCRFFL", Some(patient.disposition.screen_failure));
    if protocol.dlt.is_some() {
        set_dlt(&mut record, patient);
    }
    set_disposition(&mut record, context, patient);

    baseline::set(&mut record, context, patient, at, others);
    record
}

fn set_dlt(record: &mut Record, patient: &PatientAnalysis) {
    let dlt = &patient.dlt;
    let evaluable = patient.is_in(Population::DltEvaluable);
    let why = match (&dlt.not_evaluable, &dlt.awaits) {
        _ if evaluable => None,
        (Some((reason, by, on)), None) => Some(format!("{reason} ({by}, {on})")),
        (_, Some(awaits)) => Some(format!("Awaits {awaits}")),
        (None, None) => Some("No fraction was given".to_owned()),
    };
    record
        .flag("DLTEVLFL", Some(evaluable))
        .set_long("DLTEVRS", "DLTEVRS2", why.as_deref().unwrap_or_default())
        .set("DLTSTAT", status_term(dlt.status))
        .flag("DLTFL", is_dlt(dlt.status))
        .set("DLTDT", first_onset(patient))
        .set("DLTFUDT", dlt.followed_to);
    if let Some(window) = patient.window {
        record
            .set("DLTSDT", window.first_fraction)
            .set("DLTEDT", window.end)
            .set("DLTWIND", days_between(window.first_fraction, window.end).map(i64::from))
            .set("DLTFUFR", dlt.share);
    }
}

/// The status as a term.
pub(super) fn status_term(status: DltStatus) -> String {
    status.words().to_uppercase()
}

/// Whether an evaluable patient had a dose-limiting toxicity; none for everyone else.
pub(super) fn is_dlt(status: DltStatus) -> Option<bool> {
    match status {
        DltStatus::Dlt => Some(true),
        DltStatus::NoDlt => Some(false),
        _ => None,
    }
}

/// The earliest recorded onset of what counts as dose-limiting.
pub(super) fn first_onset(patient: &PatientAnalysis) -> Option<jiff::civil::Date> {
    patient.dlt.records.iter().filter_map(|record| record.onset).min()
}

fn set_disposition(record: &mut Record, context: &Context<'_>, patient: &PatientAnalysis) {
    let disposition = &patient.disposition;
    let status = |discontinued: bool, completed: bool| match (discontinued, completed) {
        (true, _) => "DISCONTINUED",
        (_, true) => "COMPLETED",
        _ => "ONGOING",
    };
    let of_treatment = status(disposition.treatment_discontinued.is_some(), disposition.treatment_completed);
    let of_study = status(disposition.study_discontinued.is_some(), disposition.study_completed);
    let enrolled = patient.facts.enrolment.is_some() || patient.is_treated();
    let death = patient.facts.death.as_ref();
    let imputed = death.filter(|death| death.at.is_partial()).map(|death| {
        if death.at.earliest_date().last_of_month() == death.at.latest_date() { "D" } else { "M" }
    });
    let followed = patient.followed.as_ref();
    let cut = context.analysis().cut.date();
    let died = followed
        .and_then(|followed| followed.death.map(|death| death.date))
        .or_else(|| death.map(|death| death.at.latest_date().min(cut)));
    record
        .set("EOTSTT", patient.is_treated().then_some(of_treatment))
        .set("DCTREAS", disposition.treatment_discontinued.as_deref())
        .set("EOSSTT", enrolled.then_some(of_study))
        .set("DCSREAS", disposition.study_discontinued.as_deref())
        .set("EOSDT", disposition.off_study)
        .set("DTHDT", died)
        .set("DTHDTF", imputed)
        .set("DTHCAUS", death.and_then(|death| death.cause.as_deref()))
        .set("LSTALVDT", followed.map(|followed| followed.last_known_alive));
}
