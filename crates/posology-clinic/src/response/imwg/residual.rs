//! Minimal residual disease: which negative results count, with which method and sensitivity, and for how long.
//!
//! Start at [`residual_disease`]. It needs no second sample. Sources: Kumar et al., Lancet Oncol 2016;17:e328-46
//! (flow, sequencing, imaging, sustained); FDA draft guidance of January 2026, FDA-2025-D-2616 (negativity counts in
//! a complete or stringent complete response only).

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::judge::days_between;
use super::{Criteria, Markers};
use crate::Because;
use crate::response::Category;

/// By which assay residual disease was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResidualMethod {
    /// Next-generation flow cytometry (EuroFlow or equivalent).
    Flow,
    /// Sequencing; negative with fewer than two identical reads of the clone.
    Sequencing,
    /// Mass spectrometry in blood.
    MassSpectrometry,
}

impl ResidualMethod {
    /// The method in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow cytometry",
            Self::Sequencing => "sequencing",
            Self::MassSpectrometry => "mass spectrometry",
        }
    }
}

/// One result of an assay of residual disease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResidualDisease {
    /// The assay.
    pub method: ResidualMethod,
    /// Its sensitivity as the share of cells it can find, such as 0.00001 for one in 100,000.
    pub sensitivity: Decimal,
    /// Whether disease was found.
    pub found: bool,
}

/// Uptake of tracer on PET in what took it up at baseline or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uptake {
    /// All gone, or below that of the mediastinal blood pool or the tissue around.
    Gone,
    /// Some left.
    Present,
    /// Not done.
    #[default]
    NotDone,
}

/// What one result says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResidualStatus {
    /// Disease was found.
    Positive,
    /// None was found, and it counts.
    Negative,
    /// None was found, marrow and imaging.
    ImagingNegative,
    /// The same twice, far enough apart and with nothing found between.
    SustainedNegative,
    /// None was found, outside a complete response: it does not count.
    NotInComplete,
    /// None was found by an assay that is not accepted or not sensitive enough: it does not count.
    NotSensitive,
}

impl ResidualStatus {
    /// Whether it counts as negative.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::Negative | Self::ImagingNegative | Self::SustainedNegative)
    }
}

/// One result with what it says and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Residual {
    /// Day of the sample.
    pub date: Date,
    /// The result, method and sensitivity included.
    pub result: ResidualDisease,
    /// What it says.
    pub status: ResidualStatus,
    /// Why; the sentence names method and sensitivity.
    pub because: Because,
}

/// Each result of residual disease in date order, given the confirmed status by day ([`Status`]).
///
/// [`Status`]: crate::response::confirm::Status
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, imwg::*};
/// let sample = Markers {
///     residual_disease: Some(ResidualDisease {
///         method: ResidualMethod::Flow,
///         sensitivity: "0.00001".parse().unwrap(),
///         found: false,
///     }),
///     ..Markers::new(date(2024, 6, 1))
/// };
/// let of = |status| residual_disease(&Criteria::IMWG_2016, &[(date(2024, 5, 1), status)], &[sample.clone()]);
/// assert_eq!(of(Category::Complete)[0].status, ResidualStatus::Negative);
/// assert_eq!(of(Category::VeryGoodPartial)[0].status, ResidualStatus::NotInComplete);
/// assert!(of(Category::Complete)[0].because.says.contains("flow cytometry, sensitivity 0.00001"));
/// ```
pub fn residual_disease(
    criteria: &Criteria,
    statuses: &[(Date, Category)],
    visits: &[Markers],
) -> Vec<Residual> {
    let mut dated: Vec<&Markers> = visits.iter().collect();
    dated.sort_by_key(|visit| visit.date);
    // The first imaging-negative result of a run that nothing has broken since.
    let mut clear_since: Option<Date> = None;
    let mut results = Vec::new();
    for (index, visit) in dated.iter().enumerate() {
        if visit.uptake == Uptake::Present {
            clear_since = None;
        }
        let Some(result) = visit.residual_disease else { continue };
        let date = visit.marrow_date();
        let uptake = dated[..=index].iter().rev().find(|earlier| earlier.uptake != Uptake::NotDone).filter(
            |earlier| days_between(earlier.date, visit.date) <= i64::from(criteria.imaging_interval_days),
        );
        let accepted = result.sensitivity <= criteria.mrd_sensitivity.share()
            && (result.method != ResidualMethod::MassSpectrometry || criteria.mrd_mass_spectrometry);
        let assay = format!("{}, sensitivity {}", result.method.name(), result.sensitivity.normalize());
        let (status, says) = if result.found {
            (ResidualStatus::Positive, format!("residual disease found by {assay}"))
        } else if !accepted {
            let asked = criteria.mrd_sensitivity.share();
            let says = format!(
                "no residual disease by {assay}: not counted, which asks for an accepted method and a sensitivity \
                 of {asked} or better"
            );
            (ResidualStatus::NotSensitive, says)
        } else if criteria.mrd_needs_complete && !is_complete(criteria, statuses, date) {
            let says = format!(
                "no residual disease by {assay}: not counted outside a confirmed complete or stringent complete response"
            );
            (ResidualStatus::NotInComplete, says)
        } else if uptake.is_some_and(|at| at.uptake == Uptake::Gone) {
            let since = *clear_since.get_or_insert(date);
            let months = i64::from(criteria.mrd_sustained_months).min(1200);
            let is_sustained = since.checked_add(months.months()).is_ok_and(|then| date >= then);
            if is_sustained {
                let says = format!(
                    "no residual disease by {assay} and none on imaging, as on {since}, at least {months} months \
                     before: sustained negative"
                );
                (ResidualStatus::SustainedNegative, says)
            } else {
                let says =
                    format!("no residual disease by {assay}, and none on imaging: imaging-plus negative");
                (ResidualStatus::ImagingNegative, says)
            }
        } else {
            (ResidualStatus::Negative, format!("no residual disease by {assay}: negative in the marrow"))
        };
        if status == ResidualStatus::Positive {
            clear_since = None;
        }
        let because = Because::new(criteria.rule("residual-disease"), says)
            .input("method", result.method.name())
            .input("sensitivity", result.sensitivity.normalize())
            .source("Kumar et al., Lancet Oncol 2016;17:e328-46; FDA-2025-D-2616 (draft, January 2026)");
        results.push(Residual { date, result, status, because });
    }
    results
}

/// Whether the confirmed status is complete on a day, or becomes so within the window of its marrow sample.
fn is_complete(criteria: &Criteria, statuses: &[(Date, Category)], date: Date) -> bool {
    let window = i64::from(criteria.marrow_window_days);
    let reached = |category: Category| category.is_at_least(Category::Complete);
    let so_far = statuses.iter().filter(|(day, _)| *day <= date).max_by_key(|(day, _)| *day);
    let soon = || {
        statuses
            .iter()
            .any(|&(day, status)| day > date && days_between(date, day) <= window && reached(status))
    };
    match so_far {
        Some((_, Category::Progressive)) => false,
        Some(&(_, status)) if reached(status) => true,
        _ => soon(),
    }
}
