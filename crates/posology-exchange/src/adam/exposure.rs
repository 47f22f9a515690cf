//! ADEX: what was prescribed and given, fraction by fraction and in all.

use posology_trial::analysis::exposure::{Exposure, FractionExposure, days_between};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Protocol;
use rust_decimal::Decimal;

use super::Context;
use super::sheet::{Record, Sheet, shared_columns, whole};
use crate::package::{Class, Column, Table, Value};

/// Percent of the first prescription below which a fraction counts as reduced, where the protocol does not say.
const REDUCED_BELOW_PERCENT: u32 = 90;

/// ADEX.
pub(super) fn table(context: &Context<'_>) -> Table {
    let mut rows = Vec::new();
    for (patient, start) in context.patients().filter(|(patient, _)| patient.is_treated()) {
        for parameter in totals(context.protocol(), &patient.exposure) {
            let mut row = start.clone();
            set(&mut row, &parameter);
            row.set("PARCAT1", "OVERALL").set("ADT", patient.exposure.last());
            row.set("ADY", patient.exposure.last().and_then(|last| patient.study_day(last)).map(i64::from));
            rows.push(row);
        }
        for fraction in &patient.exposure.fractions {
            for parameter in of_fraction(fraction) {
                rows.push(fraction_row(context, patient, fraction, &parameter, &start));
            }
        }
    }
    let sheet = Sheet {
        name: "ADEX",
        label: "Exposure Analysis Dataset",
        class: Class::BasicDataStructure,
        structure: "One record per subject per parameter per fraction",
        keys: &["STUDYID", "USUBJID", "PARAMCD", "AVISITN"],
        comment: Some(
            "Of treated subjects. Administered activity is net: assayed less residual, at administration. Fractions are those of the product; whatever else was given in an activity stands in EX alone."
                .to_owned(),
        ),
        columns: columns(context.protocol()),
        rows,
    };
    sheet.table()
}

fn reduced_below(protocol: &Protocol) -> u32 {
    protocol.dlt.as_ref().map_or(REDUCED_BELOW_PERCENT, |dlt| dlt.reduced_below_percent)
}

fn columns(protocol: &Protocol) -> Vec<Column> {
    let mut columns = shared_columns();
    columns.extend([
        Column::text("PARCAT1", "Parameter Category 1").assigned(),
        Column::text("PARAM", "Parameter").required().assigned(),
        Column::text("PARAMCD", "Parameter Code").required().assigned().coded("PARAMCD_ADEX"),
        Column::float("AVAL", "Analysis Value").expected().derived(format!(
            "TOTADM, TOTADMB: sum of the net administered activities of the fractions given, missing where one is not recorded. TOTPRS: sum of the prescribed activities of all fractions but optional ones that nobody prescribed or gave. RELINT: 100 x TOTADM / TOTPRS. TDURD: days from the first fraction to the last, both counted. TNFRAC: fractions given. TNDOSMIS: fractions not given for a recorded reason. TNDOSDLY: fractions given more than {} days after their planned day (protocol, gates.delayed-more-than-days). TNDOSRED: fractions of which less than {}% of the first prescription was given (protocol, dlt.reduced-below-percent). FRADM, FRADMB, FRPRS: net administered and prescribed activity of the fraction. FRPCT: 100 x FRADM / FRPRS. FRDELAY: days after the planned day",
            protocol.gates.delayed_more_than_days,
            reduced_below(protocol),
        )),
        Column::text("AVALU", "Analysis Value Unit").assigned(),
        Column::text("AVISIT", "Analysis Visit").derived("FRACTION and its number; missing of parameters over all fractions"),
        Column::integer("AVISITN", "Analysis Visit (N)")
            .derived("Number of the fraction, from 1; 0 of parameters over all fractions"),
        Column::date("ADT", "Analysis Date").derived("Day on which the fraction was given; of parameters over all fractions the day of the last one"),
        Column::integer("ADY", "Analysis Relative Day").derived("ADT - TRTSDT + 1"),
        Column::date("PLANDT", "Planned Date of the Fraction")
            .derived("Day of the written directive, else the day of the regimen counted from the first fraction"),
        Column::text("FRADJ", "Reason for Change of the Fraction").derived("Reason recorded for a change, delay or omission"),
        Column::text("FRADJ2", "Reason for Change, Continued").derived("What FRADJ does not hold"),
        Column::text("FRTOXFL", "Changed through Toxicity Flag")
            .derived("Y or N as that reason was sorted; missing where it was not")
            .coded("NY"),
        Column::text("SRCDOM", "Source Data").derived("EX, of a fraction that was given"),
        Column::text("SRCVAR", "Source Variable").derived("EXDOSE for an administered activity, EXSTDTC for a delay"),
        Column::integer("SRCSEQ", "Source Sequence Number").derived("EX.EXSEQ of the administration; of several the first"),
    ]);
    columns
}

struct Parameter {
    code: &'static str,
    name: &'static str,
    value: Value,
    unit: Option<&'static str>,
}

fn parameter(
    code: &'static str,
    name: &'static str,
    value: impl Into<Value>,
    unit: Option<&'static str>,
) -> Parameter {
    Parameter { code, name, value: value.into(), unit }
}

fn count(exposure: &Exposure, counts: impl Fn(&FractionExposure) -> bool) -> Value {
    whole(exposure.fractions.iter().filter(|fraction| counts(fraction)).count() as i64)
}

fn totals(protocol: &Protocol, exposure: &Exposure) -> Vec<Parameter> {
    let days = exposure.first().zip(exposure.last()).and_then(|(first, last)| days_between(first, last));
    let delayed = |fraction: &FractionExposure| fraction.flags.iter().any(|flag| flag.rule == "gates/delay");
    let below = reduced_below(protocol);
    let administered = exposure.total_administered();
    vec![
        parameter(
            "TOTADM",
            "Total Administered Activity (mCi)",
            administered.map(|total| total.mci()),
            Some("mCi"),
        ),
        parameter(
            "TOTADMB",
            "Total Administered Activity (MBq)",
            administered.map(|total| total.mbq()),
            Some("MBq"),
        ),
        parameter(
            "TOTPRS",
            "Total Prescribed Activity (mCi)",
            exposure.total_prescribed().map(|total| total.mci()),
            Some("mCi"),
        ),
        parameter("RELINT", "Relative Intensity (%)", exposure.percent(), Some("%")),
        parameter(
            "TDURD",
            "Duration of Treatment (days)",
            days.map(|days| Decimal::from(days.saturating_add(1))),
            Some("DAYS"),
        ),
        parameter("TNFRAC", "Fractions Given", count(exposure, |fraction| fraction.given.is_some()), None),
        parameter("TNDOSMIS", "Fractions Missed", count(exposure, FractionExposure::is_omitted), None),
        parameter("TNDOSDLY", "Fractions Delayed", count(exposure, delayed), None),
        parameter(
            "TNDOSRED",
            "Fractions Reduced",
            count(exposure, |fraction| fraction.is_reduced(below)),
            None,
        ),
    ]
}

/// What is known of one fraction; a parameter without a value is left out, and an optional fraction that nobody meant.
fn of_fraction(fraction: &FractionExposure) -> Vec<Parameter> {
    let mut parameters = vec![
        parameter(
            "FRPRS",
            "Prescribed Activity (mCi)",
            fraction.prescribed.map(|activity| activity.mci()),
            Some("mCi"),
        ),
        parameter("FRADM", "Administered Activity (mCi)", fraction.net.map(|net| net.mci()), Some("mCi")),
        parameter("FRADMB", "Administered Activity (MBq)", fraction.net.map(|net| net.mbq()), Some("MBq")),
        parameter("FRPCT", "Administered of Prescribed Activity (%)", fraction.percent(), Some("%")),
        parameter(
            "FRDELAY",
            "Delay of the Fraction (days)",
            fraction.delay_days.map(i64::from),
            Some("DAYS"),
        ),
    ];
    let keeps = |code: &str| fraction.is_omitted() && code == "FRPRS";
    parameters.retain(|parameter| parameter.value != Value::Missing || keeps(parameter.code));
    parameters
}

fn set(row: &mut Record, parameter: &Parameter) {
    row.set("PARAM", parameter.name)
        .set("PARAMCD", parameter.code)
        .set("AVAL", parameter.value.clone())
        .set("AVALU", parameter.unit)
        .set("AVISITN", whole(0));
}

fn fraction_row(
    context: &Context<'_>,
    patient: &PatientAnalysis,
    fraction: &FractionExposure,
    parameter: &Parameter,
    start: &Record,
) -> Record {
    let mut row = start.clone();
    set(&mut row, parameter);
    row.set("PARCAT1", "FRACTION")
        .set("AVISIT", format!("FRACTION {}", fraction.number))
        .set("AVISITN", whole(fraction.number))
        .set("ADT", fraction.given)
        .set("ADY", fraction.given.and_then(|given| patient.study_day(given)).map(i64::from))
        .set("PLANDT", fraction.planned)
        .set_long("FRADJ", "FRADJ2", fraction.reason.as_deref().unwrap_or_default())
        .flag("FRTOXFL", fraction.through_toxicity);
    let variable = match parameter.code {
        "FRADM" | "FRADMB" | "FRPCT" => Some("EXDOSE"),
        "FRDELAY" => Some("EXSTDTC"),
        _ => None,
    };
    if let (Some(variable), Some(given)) = (variable, fraction.given) {
        let product = context.records.of_subject("EX", &patient.id).find(|found| {
            found.text("EXTRT").is_some_and(|treatment| context.protocol().is_product(treatment))
                && found.when("EXSTDTC").is_some_and(|when| when.latest_date() == given)
        });
        row.set("SRCDOM", "EX")
            .set("SRCVAR", variable)
            .set("SRCSEQ", product.map_or(Value::Missing, |found| found.sequence()));
    }
    row
}
