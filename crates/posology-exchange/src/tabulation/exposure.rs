//! EX: what was given, a record a fraction, with the administered activity in the unit in which it was recorded; EC: what
//! was prescribed (SCHEDULED, per area where it was prescribed so) and what of it was given or not (PERFORMED).

use posology_trial::event::{Administration, Amount};
use posology_trial::state::Patient;

use super::TrialAtCut;
use super::frame::{Domain, Line};
use crate::package::{Class, Column, Value};

/// Exposure as collected.
pub(super) fn collected(of: &TrialAtCut<'_>) -> Domain {
    let protocol = &of.analysis.protocol;
    let product =
        protocol.product.as_ref().map_or("STUDY TREATMENT", |product| product.name.as_str()).to_uppercase();
    let route = protocol.product.as_ref().and_then(|product| product.route.as_deref()).map(str::to_uppercase);
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let facts = &patient.facts;
        let of_product = |line: &mut Line| {
            line.set("ECTRT", product.as_str())
                .set("ECDOSFRM", "INJECTION, SOLUTION")
                .set("ECDOSFRQ", "ONCE")
                .set("ECROUTE", route.as_deref());
        };
        for (place, prescribed) in facts.prescriptions.iter().enumerate() {
            // A fraction may stand in a directive and in a prescription of the same words.
            if facts.prescriptions.iter().take(place).any(|earlier| earlier == prescribed) {
                continue;
            }
            let mut line = Line::of(&patient.id);
            of_product(&mut line);
            let per_area = prescribed.per_area.map(per_area_of);
            let activity = prescribed.activity.map(amount_of);
            let (amount, unit) = match (&per_area, &activity) {
                (Some((amount, unit)), _) => (Some(*amount), Some(unit.clone())),
                (None, Some((amount, unit))) => (Some(*amount), Some((*unit).to_owned())),
                (None, None) => (None, None),
            };
            let beside =
                activity.filter(|_| per_area.is_some()).map(|(amount, unit)| format!("{amount} {unit}"));
            line.set("ECMOOD", "SCHEDULED")
                .set("ECDOSE", amount)
                .set("ECDOSU", unit)
                .set_when("ECSTDTC", prescribed.planned.as_ref())
                .qualify("FRACTION", FRACTION, Some(prescribed.fraction.to_string()), "CRF")
                .qualify("PRSACT", "Prescribed Activity", beside, "CRF")
                .qualify(
                    "PRSBSA",
                    "Body Surface Area Prescribed For, m2",
                    prescribed.body_surface_m2.map(|area| area.normalize().to_string()),
                    "CRF",
                );
            lines.push(line);
        }
        for given in &facts.administrations {
            let mut line = amounts(&patient.id, given, protocol.is_product(&given.treatment), &COLLECTED);
            line.set("ECMOOD", "PERFORMED").set("ECPRESP", "Y").set("ECOCCUR", "Y");
            lines.push(line);
        }
        for omitted in &facts.omitted {
            let mut line = Line::of(&patient.id);
            line.set("ECTRT", product.as_str())
                .set("ECMOOD", "PERFORMED")
                .set("ECPRESP", "Y")
                .set("ECOCCUR", "N")
                .set("ECADJ", omitted.adjustment.reason.as_str())
                .set_when("ECSTDTC", Some(&omitted.date))
                .qualify("FRACTION", FRACTION, Some(omitted.fraction.to_string()), "CRF");
            lines.push(line);
        }
    }
    Domain {
        code: "EC",
        label: "Exposure as Collected",
        class: Class::Interventions,
        structure: "One record per protocol-specified study treatment, collected-dosing interval, per subject, per mood",
        columns: vec![
            Column::text("ECTRT", "Name of Treatment").required(),
            Column::text("ECMOOD", "Mood").assigned(),
            Column::text("ECPRESP", "Pre-Specified").assigned().coded("NY"),
            Column::text("ECOCCUR", "Occurrence").coded("NY"),
            Column::float("ECDOSE", "Dose").expected(),
            Column::text("ECDOSU", "Dose Units").expected().coded("UNIT"),
            Column::text("ECDOSFRM", "Dose Form").expected().assigned().coded("FRM"),
            Column::text("ECDOSFRQ", "Dosing Frequency per Interval").assigned().coded("FREQ"),
            Column::text("ECROUTE", "Route of Administration").coded("ROUTE"),
            Column::text("ECLOT", "Lot Number"),
            Column::text("ECADJ", "Reason for Dose Adjustment"),
            Column::iso("ECSTDTC", "Start Date/Time of Treatment").expected(),
            Column::iso("ECENDTC", "End Date/Time of Treatment").expected(),
        ],
        order: &["ECSTDTC", "ECTRT", "ECMOOD"],
        timing: Some("ECSTDTC"),
        visits: false,
        lines,
    }
}

const FRACTION: &str = "Number of the Fraction";

/// Exposure.
pub(super) fn given(of: &TrialAtCut<'_>) -> Domain {
    let protocol = &of.analysis.protocol;
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let mut read = Vec::new();
        for given in &patient.facts.administrations {
            let product = protocol.is_product(&given.treatment);
            let mut line = amounts(&patient.id, given, product, &EXPOSURE);
            if let Some(fraction) = given.fraction.filter(|fraction| product && !read.contains(fraction)) {
                read.push(fraction);
                readings(&mut line, &patient.facts, fraction);
            }
            lines.push(line);
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
        visits: false,
        lines,
    }
}

/// What the calibrator read before a fraction was given and of what was left: no variable holds them.
fn readings(line: &mut Line, facts: &Patient, fraction: u32) {
    let assays = facts.assays.iter().filter(|one| one.fraction == fraction).map(|one| (one.activity, one.at));
    let left =
        facts.residuals.iter().filter(|one| one.fraction == fraction).map(|one| (one.activity, one.at));
    let said = |(activity, at)| format!("fraction {fraction}: {activity} at {at}");
    for (name, reading) in ["ASSAY", "ASSAY2", "ASSAY3", "ASSAY4"].into_iter().zip(assays.map(said)) {
        line.qualify(name, "Activity Before Use", Some(reading), "CRF");
    }
    for (name, reading) in ["RESIDUAL", "RESIDUA2", "RESIDUA3", "RESIDUA4"].into_iter().zip(left.map(said)) {
        line.qualify(name, "Activity Left", Some(reading), "CRF");
    }
}

/// Names of the variables of a domain of exposure.
struct Names {
    treatment: &'static str,
    amount: &'static str,
    unit: &'static str,
    form: &'static str,
    frequency: &'static str,
    route: &'static str,
    lot: &'static str,
    adjustment: &'static str,
    start: &'static str,
    end: &'static str,
}

macro_rules! names {
    ($code:literal) => {
        Names {
            treatment: concat!($code, "TRT"),
            amount: concat!($code, "DOSE"),
            unit: concat!($code, "DOSU"),
            form: concat!($code, "DOSFRM"),
            frequency: concat!($code, "DOSFRQ"),
            route: concat!($code, "ROUTE"),
            lot: concat!($code, "LOT"),
            adjustment: concat!($code, "ADJ"),
            start: concat!($code, "STDTC"),
            end: concat!($code, "ENDTC"),
        }
    };
}

const EXPOSURE: Names = names!("EX");
const COLLECTED: Names = names!("EC");

fn amounts(subject: &str, given: &Administration, product: bool, names: &Names) -> Line {
    let mut line = Line::of(subject);
    let (value, unit) = match &given.amount {
        Some(Amount::Activity(activity)) => {
            let (value, unit) = amount_of(*activity);
            (value.into(), unit.into())
        }
        Some(Amount::Other { value, unit }) => (value.normalize().into(), unit.as_str().into()),
        None => (Value::Missing, Value::Missing),
    };
    line.set(names.treatment, given.treatment.to_uppercase())
        .set(names.amount, value)
        .set(names.unit, unit)
        .set(names.form, product.then_some("INJECTION, SOLUTION"))
        .set(names.frequency, product.then_some("ONCE"))
        .set(names.route, given.route.as_deref().map(str::to_uppercase))
        .set(names.lot, given.lot.as_deref())
        .set(names.adjustment, given.adjustment.as_ref().map(|why| why.reason.as_str()))
        .set_when(names.start, Some(&given.start))
        .set_when(names.end, given.end.as_ref())
        .qualify("FRACTION", FRACTION, given.fraction.map(|fraction| fraction.to_string()), "CRF");
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

/// An activity per area as it was recorded: its value and its unit.
fn per_area_of(activity: posology_clinic::quantity::ActivityPerArea) -> (rust_decimal::Decimal, String) {
    use posology_clinic::quantity::ActivityUnit::{Gigabecquerel, Megabecquerel, Millicurie};
    let unit = activity.shown_in();
    let value = match unit {
        Millicurie => activity.mci_per_m2(),
        Megabecquerel => activity.mbq_per_m2(),
        Gigabecquerel => activity.mbq_per_m2() / rust_decimal::Decimal::ONE_THOUSAND,
    };
    (value.normalize(), format!("{}/m2", unit.symbol()))
}
