//! Clinical relapse, and relapse from a complete or MRD-negative state: reports of their own.
//!
//! None of these is progression: they enter neither the time to progression nor progression-free survival.
//! [`clinical_relapses`] says when treatment may be due; [`relapse_from_complete`] and
//! [`relapse_from_negative`] end disease-free survival only. Source: Kumar et al., Lancet Oncol 2016;17:e328-46;
//! Rajkumar et al., Blood 2011;117:4691-5.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::judge::COMPLETE_PLASMA_CELLS;
use super::{
    BadValue, Baseline, Clonality, Criteria, Imaging, Immunofixation, Markers, Reading, Residual,
    ResidualStatus, SerumMethod, assess_all, whole,
};
use crate::Because;
use crate::response::Category;

/// Fall of haemoglobin that is a sign of relapse, g/dL.
const HAEMOGLOBIN_FALL: Decimal = whole(2);
/// Rise of creatinine that is a sign of relapse, mg/dL.
const CREATININE_RISE: Decimal = whole(2);
/// Growth in length beside that of the sum by half, cm.
const GROWTH: Decimal = Decimal::ONE;

/// A day with signs of relapse, each with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relapse {
    /// Day of the assessment.
    pub date: Date,
    /// The signs.
    pub reasons: Vec<Because>,
}

fn in_order<'v>(baseline: &Baseline, visits: &'v [Markers]) -> Vec<&'v Markers> {
    let mut dated: Vec<&Markers> = visits.iter().filter(|visit| visit.date > baseline.markers.date).collect();
    dated.sort_by_key(|visit| visit.date);
    dated
}

/// Every assessment with a sign of clinical relapse: a new plasmacytoma or bone lesion (a compression fracture
/// is none); plasmacytomas grown by half in the sum of their products and by 1 cm in length, or called definitely
/// grown; corrected calcium above 11 mg/dL; haemoglobin 2 g/dL or more below its highest value since baseline and
/// not explained otherwise; creatinine 2 mg/dL or more above baseline due to myeloma; hyperviscosity.
///
/// # Errors
/// A value that cannot have been measured.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::imwg::{Baseline, Criteria, Markers, clinical_relapses};
/// let at = |month, calcium: &str| Markers {
///     calcium: Some(calcium.parse().unwrap()),
///     ..Markers::new(date(2024, month, 1))
/// };
/// let found = clinical_relapses(&Criteria::IMWG_2016, &Baseline::new(at(1, "9.5")), &[at(2, "11.0"), at(3, "11.1")])?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].date, date(2024, 3, 1));
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn clinical_relapses(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
) -> Result<Vec<Relapse>, BadValue> {
    let base = &baseline.markers;
    base.check()?;
    let mut highest_haemoglobin = base.haemoglobin;
    // By name: the smallest longest diameter so far. The sum of products has its own nadir.
    let mut shortest: BTreeMap<&str, Decimal> =
        base.masses.iter().map(|mass| (mass.id.as_str(), mass.longest)).collect();
    let mut masses_are_known = !base.masses.is_empty()
        || base.imaging != Imaging::NotDone
        || base.plasmacytoma == Some(Decimal::ZERO);
    let mut lowest_sum = base.amount(super::Marker::Plasmacytoma, None);
    let mut found = Vec::new();
    for now in in_order(baseline, visits) {
        now.check()?;
        let mut reasons = Vec::new();
        let mut sign = |rule: &str, says: String| {
            reasons.push(
                Because::new(criteria.rule(&format!("clinical-relapse-{rule}")), says)
                    .source(criteria.edition.source()),
            );
        };
        match now.imaging {
            Imaging::NewLesion => sign("lesion", "imaging shows a new lesion".to_owned()),
            Imaging::DefiniteGrowth => sign("growth", "imaging shows a definitely grown lesion".to_owned()),
            Imaging::NoProgression | Imaging::CompressionFracture | Imaging::NotDone => {}
        }
        for mass in now.masses.iter().filter(|mass| masses_are_known && mass.longest > Decimal::ZERO) {
            if !shortest.contains_key(mass.id.as_str()) {
                sign(
                    "lesion",
                    format!("plasmacytoma {}, {} cm, was not there before", mass.id, mass.longest),
                );
            }
        }
        let all_measured = shortest.keys().all(|id| now.masses.iter().any(|mass| mass.id == **id));
        let sum = now.amount(super::Marker::Plasmacytoma, None).filter(|_| all_measured);
        if let (Some(low), Some(sum)) = (lowest_sum, sum) {
            let by_half = sum > low && sum.saturating_sub(low).saturating_mul(whole(2)) >= low;
            let by_length = now.masses.iter().any(|mass| {
                shortest.get(mass.id.as_str()).is_some_and(|&low| mass.longest.saturating_sub(low) >= GROWTH)
            });
            if by_half && by_length {
                sign(
                    "growth",
                    format!(
                        "plasmacytomas {sum} cm2, {low} cm2 at the nadir: at least 50% larger, and 1 cm longer"
                    ),
                );
            }
        }
        let limit = criteria.clinical_relapse_calcium.milligrams_per_decilitre();
        if let Some(calcium) = now.calcium.filter(|&calcium| calcium > limit) {
            sign("calcium", format!("corrected calcium {calcium} mg/dL, above {limit}"));
        }
        if let (Some(highest), Some(value)) = (highest_haemoglobin, now.haemoglobin) {
            let fall = highest.saturating_sub(value);
            if fall >= HAEMOGLOBIN_FALL && !now.haemoglobin_otherwise_explained {
                sign(
                    "haemoglobin",
                    format!(
                        "haemoglobin {value} g/dL, {fall} below {highest}, and nothing but myeloma explains it"
                    ),
                );
            }
        }
        if let (Some(base), Some(value)) = (base.creatinine, now.creatinine) {
            let rise = value.saturating_sub(base);
            if rise >= CREATININE_RISE && now.creatinine_due_to_myeloma {
                sign(
                    "creatinine",
                    format!("creatinine {value} mg/dL, {rise} above {base} at baseline, due to myeloma"),
                );
            }
        }
        if now.hyperviscosity {
            sign("hyperviscosity", "hyperviscosity by the paraprotein".to_owned());
        }
        if !reasons.is_empty() {
            found.push(Relapse { date: now.date, reasons });
        }
        highest_haemoglobin = highest_haemoglobin.into_iter().chain(now.haemoglobin).max();
        for mass in &now.masses {
            let known = shortest.entry(&mass.id).or_insert(mass.longest);
            *known = mass.longest.min(*known);
        }
        masses_are_known |= !now.masses.is_empty();
        lowest_sum = lowest_sum.into_iter().chain(sum).min();
    }
    Ok(found)
}

/// The first relapse after the first day of a confirmed complete response: M-protein back by immunofixation or
/// electrophoresis, plasma cells of 5% or more, or any other sign of progression. A band of another isotype, or of a
/// therapeutic antibody, is none. It ends disease-free survival and is no progression.
///
/// # Errors
/// A value that cannot have been measured.
pub fn relapse_from_complete(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
    statuses: &[(Date, Category)],
) -> Result<Option<Relapse>, BadValue> {
    let reached = statuses
        .iter()
        .filter(|(_, status)| status.is_at_least(Category::Complete))
        .map(|(day, _)| *day)
        .min();
    match reached {
        Some(since) => first_sign(criteria, baseline, visits, since, &[]),
        None => Ok(None),
    }
}

/// The first relapse after the first result negative for residual disease: disease found again, M-protein back,
/// 5% or more clonal plasma cells, or any other sign of progression. It ends disease-free survival only.
///
/// # Errors
/// A value that cannot have been measured.
pub fn relapse_from_negative(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
    residual: &[Residual],
) -> Result<Option<Relapse>, BadValue> {
    let reached =
        residual.iter().filter(|result| result.status.is_negative()).map(|result| result.date).min();
    match reached {
        Some(since) => first_sign(criteria, baseline, visits, since, residual),
        None => Ok(None),
    }
}

fn first_sign(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
    since: Date,
    residual: &[Residual],
) -> Result<Option<Relapse>, BadValue> {
    let mut signs: BTreeMap<Date, Vec<Because>> = BTreeMap::new();
    for now in in_order(baseline, visits) {
        signs.entry(now.date).or_default().extend(protein_or_cells(criteria, now));
    }
    for found in residual.iter().filter(|result| result.status == ResidualStatus::Positive) {
        signs.entry(found.date).or_default().push(found.because.clone());
    }
    for response in assess_all(criteria, baseline, visits)? {
        let met = response.progression.into_iter().map(|met| met.because);
        signs.entry(response.date).or_default().extend(met);
    }
    for relapse in clinical_relapses(criteria, baseline, visits)? {
        signs.entry(relapse.date).or_default().extend(relapse.reasons);
    }
    Ok(signs
        .into_iter()
        .find(|(date, reasons)| *date > since && !reasons.is_empty())
        .map(|(date, reasons)| Relapse { date, reasons }))
}

/// M-protein or clonal plasma cells that are there again.
fn protein_or_cells(criteria: &Criteria, now: &Markers) -> Vec<Because> {
    let sign = |says: String| {
        Because::new(criteria.rule("relapse-from-complete"), says).source(criteria.edition.source())
    };
    let mut reasons = Vec::new();
    let by_spike = now.serum_method == SerumMethod::Electrophoresis;
    for (fluid, fixation, reading, shows_spikes) in [
        ("serum", now.serum_immunofixation, now.serum_m, by_spike),
        ("urine", now.urine_immunofixation, now.urine_m, true),
    ] {
        if fixation == Immunofixation::Positive {
            reasons.push(sign(format!("immunofixation of {fluid} is positive again")));
        }
        let seen = match reading {
            Reading::Quantified(amount) => !amount.is_zero(),
            Reading::TracePresent => true,
            Reading::NotDetected | Reading::NotDone => false,
        };
        if seen && shows_spikes {
            reasons.push(sign(format!("electrophoresis of {fluid} shows M-protein again")));
        }
    }
    if let Some(cells) = now.plasma_cells.filter(|&cells| cells >= COMPLETE_PLASMA_CELLS)
        && now.clonality != Clonality::Absent
    {
        reasons.push(sign(format!("marrow plasma cells {cells}%, 5% or more")));
    }
    reasons
}
