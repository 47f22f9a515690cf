//! EX: what was given, a record a fraction, with the administered activity in the unit in which it was recorded.

use posology_trial::event::{Administration, Amount};

use super::TrialAtCut;
use super::frame::{Domain, Line};
use crate::package::{Class, Column, Value};

/// Exposure.
pub(super) fn given(of: &TrialAtCut<'_>) -> Domain {
    let protocol = &of.analysis.protocol;
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for given in &patient.facts.administrations {
            lines.push(line(&patient.id, given, protocol.is_product(&given.treatment)));
        }
    }
    Domain {
        code: "EX",
        label: "Exposure",
        class: Class::Interventions,
        structure: "One record per protocol-specified study treatment, constant-dosing interval, per subject",
        columns: vec![
            Column::text("EXTRT", "Name of Treatment").required(),
            Column::float("EXDOSE", "Dose").expected(),
            Column::text("EXDOSU", "Dose Units").expected().coded("UNIT"),
            Column::text("EXDOSFRM", "Dose Form").expected().assigned().coded("FRM"),
            Column::text("EXDOSFRQ", "Dosing Frequency per Interval").assigned().coded("FREQ"),
            Column::text("EXROUTE", "Route of Administration").coded("ROUTE"),
            Column::text("EXLOT", "Lot Number"),
            Column::text("EXADJ", "Reason for Dose Adjustment"),
            Column::iso("EXSTDTC", "Start Date/Time of Treatment").expected(),
            Column::iso("EXENDTC", "End Date/Time of Treatment").expected(),
        ],
        order: &["EXSTDTC", "EXTRT"],
        timing: Some("EXSTDTC"),
        lines,
    }
}

fn line(subject: &str, given: &Administration, product: bool) -> Line {
    let mut line = Line::of(subject);
    let (value, unit) = match &given.amount {
        Some(Amount::Activity(activity)) => {
            let (value, unit) = amount_of(*activity);
            (value.into(), unit.into())
        }
        Some(Amount::Other { value, unit }) => (value.normalize().into(), unit.as_str().into()),
        None => (Value::Missing, Value::Missing),
    };
    line.set("EXTRT", given.treatment.to_uppercase())
        .set("EXDOSE", value)
        .set("EXDOSU", unit)
        .set("EXDOSFRM", product.then_some("INJECTION, SOLUTION"))
        .set("EXDOSFRQ", product.then_some("ONCE"))
        .set("EXROUTE", given.route.as_deref().map(str::to_uppercase))
        .set("EXLOT", given.lot.as_deref())
        .set("EXADJ", given.adjustment.as_ref().map(|why| why.reason.as_str()))
        .set_when("EXSTDTC", Some(&given.start))
        .set_when("EXENDTC", Some(given.end.as_ref().unwrap_or(&given.start)))
        .qualify(
            "FRACTION",
            "Number of the Fraction",
            given.fraction.map(|fraction| fraction.to_string()),
            "Collected",
        );
    line
}

/// An activity as it was recorded: its value and the symbol of its unit.
pub(super) fn amount_of(
    activity: posology_clinic::quantity::Activity,
) -> (rust_decimal::Decimal, &'static str) {
    use posology_clinic::quantity::ActivityUnit::{Gigabecquerel, Megabecquerel, Millicurie};
    let unit = activity.shown_in();
    let value = match unit {
        Millicurie => activity.mci(),
        Megabecquerel => activity.mbq(),
        Gigabecquerel => activity.mbq() / rust_decimal::Decimal::ONE_THOUSAND,
    };
    (value.normalize(), unit.symbol())
}
