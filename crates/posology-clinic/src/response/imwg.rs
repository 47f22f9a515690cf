//! IMWG response in multiple myeloma: from dated marker values to one category for each assessment.
//!
//! Start at [`assess`]: criteria, baseline, the earlier assessments in any order, and the one to judge in; a
//! [`Response`] with its reasons out. [`assess_all`] does so for every visit. Thresholds belong to an edition
//! ([`Criteria::IMWG_2016`]); an older edition is another value of that type, not other code, and what the
//! editions leave open is a field of it. Comparisons are exact: both sides are multiplied out in decimals, and
//! percentages are computed for display only, cut off and not rounded.
//!
//! Left out: confirmation and best response ([`super::confirm`], [`super::best`]); circulating plasma cells;
//! clinical relapse; minimal residual disease; a plasmacytoma as the only measurable disease.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Assessment, Category, ProgressionKind};
use crate::Because;

mod change;
mod criteria;
mod markers;

use change::moved;
pub use change::{Change, best_change, percent_change, series};
pub use criteria::{
    Criteria, Edition, LargeSpike, Limit, MarrowProgression, MissingUnmeasurable, MissingUrine, Nadir,
    NormalRatio, PlasmacytomaMinimal, PlasmacytomaVeryGoodPartial, Settings, UnknownEdition, UrineAt200,
};
pub use markers::{BadValue, Baseline, Chain, Clonality, Imaging, Immunofixation, Marker, Markers, Reading};

/// Serum M-protein that can be followed, g/dL.
const MEASURABLE_SERUM: Decimal = Decimal::ONE;
/// Urine M-protein that can be followed, mg/24 h.
const MEASURABLE_URINE: Decimal = whole(200);
/// Involved free light chain that can be followed if the ratio is abnormal, mg/dL.
const MEASURABLE_LIGHT_CHAIN: Decimal = whole(10);
/// Marrow plasma cells that can be followed, %.
const MEASURABLE_PLASMA_CELLS: Decimal = whole(30);
/// Urine M-protein below which a fall is a very good partial response, mg/24 h.
const URINE_VERY_GOOD_PARTIAL: Decimal = whole(100);
/// Urine M-protein below which a fall is a partial response whatever its share, mg/24 h.
const URINE_PARTIAL: Decimal = whole(200);
/// Marrow plasma cells below which a response may be complete, %.
const COMPLETE_PLASMA_CELLS: Decimal = whole(5);
/// Rise of serum M-protein that may be progression, g/dL.
const SERUM_RISE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);
/// M-protein from which a rise of 1 g/dL is enough, g/dL, and that rise.
const LARGE_SPIKE: Decimal = whole(5);
const LARGE_SPIKE_RISE: Decimal = Decimal::ONE;
/// Rise of urine M-protein that may be progression, mg/24 h.
const URINE_RISE: Decimal = whole(200);
/// Rise of the light chain difference beyond which it may be progression, mg/dL.
const LIGHT_CHAIN_RISE: Decimal = whole(10);
/// Rise in percentage points, or level in %, of marrow plasma cells that may be progression.
const PLASMA_CELLS_RISE: Decimal = whole(10);
/// Corrected calcium above which hypercalcaemia is progression in the editions before 2016, mg/dL.
const HYPERCALCAEMIA: Decimal = Decimal::from_parts(115, 0, 0, false, 1);

const fn whole(number: u32) -> Decimal {
    Decimal::from_parts(number, 0, 0, false, 0)
}

/// Which markers could be followed from baseline on, and which of them drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measurable {
    /// Markers measurable at baseline. A plasmacytoma present at baseline is among them: it adds a condition.
    pub markers: Vec<Marker>,
    /// The involved light chain, where the baseline tells.
    pub involved: Option<Chain>,
    /// The marker whose course is drawn: serum, else urine, else light chains, else marrow. `None`: response
    /// cannot be evaluated.
    pub driving: Option<Marker>,
    /// Why, one reason a marker.
    pub reasons: Vec<Because>,
}

impl Measurable {
    /// Whether a marker was measurable at baseline.
    pub fn has(&self, marker: Marker) -> bool {
        self.markers.contains(&marker)
    }

    /// Whether the M-protein of serum or urine was measurable; then light chains and marrow do not drive.
    fn has_protein(&self) -> bool {
        self.has(Marker::SerumM) || self.has(Marker::UrineM)
    }
}

/// Measurable disease at baseline: serum M-protein of 1 g/dL or more, urine M-protein of 200 mg/24 h or more, an
/// involved free light chain of 10 mg/dL or more with an abnormal ratio; marrow plasma cells of 30% or more where
/// none of these and the protocol allows. A baseline not measured is not measurable.
///
/// # Errors
/// A baseline value that cannot have been measured.
pub fn measurable(criteria: &Criteria, baseline: &Baseline) -> Result<Measurable, BadValue> {
    let at = &baseline.markers;
    at.check()?;
    let reaches = |value: Decimal, limit: Decimal| match criteria.measurable {
        Limit::AtLeast => value >= limit,
        Limit::Above => value > limit,
    };
    let comparator = match criteria.measurable {
        Limit::AtLeast => "at least",
        Limit::Above => "more than",
    };
    let ratio = LightChainRatio::of(criteria, at);
    let involved = baseline.involved.or(match ratio {
        Some(LightChainRatio::High) => Some(Chain::Kappa),
        Some(LightChainRatio::Low) => Some(Chain::Lambda),
        _ => None,
    });
    let mut found = Measurable { markers: Vec::new(), involved, driving: None, reasons: Vec::new() };
    let mut note = |marker: Marker, value: Option<Decimal>, limit: Decimal, holds: bool, also: &str| {
        if holds {
            found.markers.push(marker);
        }
        let verdict = if holds { "measurable" } else { "not measurable" };
        let shown = value.map_or_else(|| "not done".to_owned(), |value| marker.show(value));
        let limit = marker.show(limit);
        found.reasons.push(
            Because::new(
                criteria.rule("measurable"),
                format!("{marker} at baseline {shown}: {verdict} ({comparator} {limit}{also})"),
            )
            .input("baseline", shown)
            .source(criteria.edition.source()),
        );
    };

    let serum = at.amount(Marker::SerumM, None);
    let has_serum = serum.is_some_and(|value| reaches(value, MEASURABLE_SERUM));
    note(Marker::SerumM, serum, MEASURABLE_SERUM, has_serum, "");
    let urine = at.amount(Marker::UrineM, None);
    let has_urine = urine.is_some_and(|value| reaches(value, MEASURABLE_URINE));
    note(Marker::UrineM, urine, MEASURABLE_URINE, has_urine, "");

    let difference = at.amount(Marker::FreeLightChains, involved);
    let chain = match involved {
        Some(Chain::Kappa) => at.kappa,
        Some(Chain::Lambda) => at.lambda,
        None => None,
    };
    let has_light_chains = difference.is_some_and(|difference| difference > Decimal::ZERO)
        && ratio.is_some_and(|ratio| ratio != LightChainRatio::Normal)
        && chain.is_some_and(|value| reaches(value, MEASURABLE_LIGHT_CHAIN));
    let of_which = match (involved, chain) {
        (Some(Chain::Kappa), Some(value)) => format!(" of the involved chain, here kappa {value}"),
        (Some(Chain::Lambda), Some(value)) => format!(" of the involved chain, here lambda {value}"),
        _ => " of the involved chain".to_owned(),
    };
    let of_which = format!("{of_which}, with an abnormal ratio");
    note(Marker::FreeLightChains, difference, MEASURABLE_LIGHT_CHAIN, has_light_chains, &of_which);

    let cells = at.amount(Marker::PlasmaCells, None);
    let has_cells = criteria.marrow_measurable && cells.is_some_and(|value| value >= MEASURABLE_PLASMA_CELLS);
    note(Marker::PlasmaCells, cells, MEASURABLE_PLASMA_CELLS, has_cells, "; drives where nothing else does");

    if at.amount(Marker::Plasmacytoma, None).is_some_and(|sum| sum > Decimal::ZERO) {
        found.markers.push(Marker::Plasmacytoma);
    }
    found.driving = [Marker::SerumM, Marker::UrineM, Marker::FreeLightChains, Marker::PlasmaCells]
        .into_iter()
        .find(|marker| found.markers.contains(marker));
    Ok(found)
}

/// Where the ratio of kappa to lambda lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LightChainRatio {
    Low,
    Normal,
    High,
}

impl LightChainRatio {
    fn of(criteria: &Criteria, at: &Markers) -> Option<Self> {
        if at.spurious.contains(&Marker::FreeLightChains) {
            return None;
        }
        // With a reported ratio the lambda is 1; else both sides are multiplied by lambda.
        let (kappa, lambda) = match at.kappa_lambda_ratio {
            Some(ratio) => (ratio, Decimal::ONE),
            None => (at.kappa?, at.lambda?),
        };
        if kappa.is_zero() && lambda.is_zero() {
            return None;
        }
        let normal = &criteria.free_light_chain_ratio;
        Some(if kappa < normal.low.saturating_mul(lambda) {
            Self::Low
        } else if kappa > normal.high.saturating_mul(lambda) {
            Self::High
        } else {
            Self::Normal
        })
    }
}

/// One criterion of progression that was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progression {
    /// The marker that rose, where it was a marker.
    pub marker: Option<Marker>,
    /// By what progression was seen, hence whether a second sample is needed.
    pub kind: ProgressionKind,
    /// The rule with its numbers.
    pub because: Because,
}

/// The category of one assessment, unconfirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Day of the assessment.
    pub date: Date,
    /// The category; progressive disease wherever any criterion of progression is met.
    pub category: Category,
    /// Every criterion of progression that is met.
    pub progression: Vec<Progression>,
    /// Why this category, in the order a physician would ask.
    pub reasons: Vec<Because>,
    /// Each marker measured now and at baseline, beside baseline and nadir.
    pub changes: Vec<Change>,
}

impl Response {
    /// The kind of progression with the most weight, which decides whether a second sample is needed.
    pub fn kind(&self) -> Option<ProgressionKind> {
        self.progression.iter().map(|met| met.kind).max()
    }

    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        Assessment { date: self.date, category: self.category, kind: self.kind(), reasons: self.reasons }
    }
}

/// The category of the assessment `now`, given the baseline and the assessments before it.
///
/// Progression is tested first, against the nadir, and no missing value blocks it. Then the category is the
/// lowest over the markers measurable at baseline; complete response further asks for negative immunofixation of
/// both fluids, fewer than 5% plasma cells and no plasmacytoma. A missing item lowers the category or makes it not
/// evaluable; it is never read as zero. Of `history`, only what lies before `now` and not before baseline is used.
///
/// # Errors
/// A value that cannot have been measured (negative, above 100% or 1e9, of more than 12 decimal places), named
/// with its marker and day.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Category, imwg::{Baseline, Criteria, Markers, Reading, assess}};
/// let at = |month, serum: &str| Markers {
///     serum_m: Reading::Quantified(serum.parse().unwrap()),
///     urine_m: Reading::NotDetected,
///     ..Markers::new(date(2024, month, 1))
/// };
/// let response = assess(&Criteria::IMWG_2016, &Baseline::new(at(1, "4.00")), &[], &at(2, "2.00"))?;
/// assert_eq!(response.category, Category::Partial);
/// assert!(response.reasons[0].says.contains("down 50.0% from 4.00 g/dL"));
/// # Ok::<(), posology_clinic::response::imwg::BadValue>(())
/// ```
pub fn assess(
    criteria: &Criteria,
    baseline: &Baseline,
    history: &[Markers],
    now: &Markers,
) -> Result<Response, BadValue> {
    let measurable = measurable(criteria, baseline)?;
    let mut before: Vec<&Markers> = history
        .iter()
        .filter(|earlier| earlier.date < now.date && earlier.date > baseline.markers.date)
        .collect();
    before.sort_by_key(|earlier| earlier.date);
    for earlier in &before {
        earlier.check()?;
    }
    now.check()?;
    let patient =
        Patient { criteria, baseline: &baseline.markers, measurable: &measurable, before: &before, now };
    let progression = patient.progression();
    let (category, reasons) = if progression.is_empty() {
        let (category, mut reasons) = patient.response();
        reasons.extend(patient.rises_short_of_progression());
        (category, reasons)
    } else {
        (Category::Progressive, progression.iter().map(|met| met.because.clone()).collect())
    };
    let mut visits = before.clone();
    visits.push(now);
    let changes = Marker::ALL
        .into_iter()
        .filter_map(|marker| {
            self::changes(criteria, baseline, &measurable, marker, &visits)
                .pop()
                .filter(|change| change.date == now.date)
        })
        .collect();
    Ok(Response { date: now.date, category, progression, reasons, changes })
}

/// The category of every visit after baseline, in date order, each judged by the visits before it.
///
/// # Errors
/// As [`assess`].
pub fn assess_all(
    criteria: &Criteria,
    baseline: &Baseline,
    visits: &[Markers],
) -> Result<Vec<Response>, BadValue> {
    let mut dated: Vec<&Markers> = visits.iter().filter(|visit| visit.date > baseline.markers.date).collect();
    dated.sort_by_key(|visit| visit.date);
    dated.into_iter().map(|now| assess(criteria, baseline, visits, now)).collect()
}

/// The changes of one marker over visits in date order; those at or before baseline are passed over.
fn changes(
    criteria: &Criteria,
    baseline: &Baseline,
    measurable: &Measurable,
    marker: Marker,
    visits: &[&Markers],
) -> Vec<Change> {
    let Some(base) = baseline.markers.amount(marker, measurable.involved) else { return Vec::new() };
    let mut earlier = Vec::new();
    let mut changes = Vec::new();
    for visit in visits.iter().filter(|visit| visit.date > baseline.markers.date) {
        let Some(value) = visit.amount(marker, measurable.involved) else { continue };
        let nadir = lowest(criteria, marker, Some(base), &earlier);
        changes.push(Change { marker, date: visit.date, baseline: base, value, nadir });
        earlier.push(value);
    }
    changes
}

/// The nadir over the baseline and the values since, in order. Where baseline is missing the first value known
/// takes its place. Marrow and masses need no second sample.
fn lowest(criteria: &Criteria, marker: Marker, base: Option<Decimal>, values: &[Decimal]) -> Option<Decimal> {
    let start = base.or_else(|| values.first().copied())?;
    let any = matches!(marker, Marker::PlasmaCells | Marker::Plasmacytoma) || criteria.nadir == Nadir::Any;
    let lowest = if any {
        values.iter().copied().min()
    } else {
        values.windows(2).map(|pair| pair[0].max(pair[1])).min()
    };
    Some(lowest.map_or(start, |lowest| lowest.min(start)))
}

/// Whether `value` lies at least `percent` below `base`.
fn fell_by(base: Decimal, value: Decimal, percent: u32) -> bool {
    hundredfold(base.saturating_sub(value)) >= base.saturating_mul(whole(percent))
}

/// Whether `value` lies at least 25% above `low`. From 0 no percentage exists, and the amount alone decides.
fn rose_by_a_quarter(low: Decimal, value: Decimal) -> bool {
    low <= Decimal::ZERO || hundredfold(value.saturating_sub(low)) >= low.saturating_mul(whole(25))
}

fn hundredfold(value: Decimal) -> Decimal {
    value.saturating_mul(Decimal::ONE_HUNDRED)
}

/// One assessment with everything it is judged by.
struct Patient<'a> {
    criteria: &'a Criteria,
    baseline: &'a Markers,
    measurable: &'a Measurable,
    before: &'a [&'a Markers],
    now: &'a Markers,
}

/// What one marker, or one missing item, allows at most.
struct Level {
    category: Category,
    because: Because,
}

/// The marrow sample an assessment may use.
struct Marrow {
    plasma_cells: Decimal,
    clonality: Clonality,
    date: Date,
}

impl Patient<'_> {
    fn base(&self, marker: Marker) -> Option<Decimal> {
        self.baseline.amount(marker, self.measurable.involved)
    }

    fn value(&self, marker: Marker) -> Option<Decimal> {
        self.now.amount(marker, self.measurable.involved)
    }

    fn nadir(&self, marker: Marker) -> Option<Decimal> {
        let values: Vec<Decimal> = self
            .before
            .iter()
            .filter_map(|earlier| earlier.amount(marker, self.measurable.involved))
            .collect();
        lowest(self.criteria, marker, self.base(marker), &values)
    }

    fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        Because::new(self.criteria.rule(rule), says).source(self.criteria.edition.source())
    }

    // Progression.

    fn progression(&self) -> Vec<Progression> {
        let protein = self.measurable.has_protein();
        let light_chains = self.measurable.has(Marker::FreeLightChains);
        [
            self.serum_progression(),
            self.urine_progression(),
            if protein { None } else { self.light_chain_progression() },
            if protein || light_chains { None } else { self.marrow_progression() },
            self.lesion_progression(),
            self.mass_progression(),
            self.hypercalcaemia(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn rise(&self, marker: Marker) -> Option<(Decimal, Decimal, Decimal)> {
        let (low, value) = (self.nadir(marker)?, self.value(marker)?);
        Some((low, value, value.saturating_sub(low)))
    }

    fn risen(&self, marker: Marker, rule: &str, limit: &str) -> Option<Progression> {
        let (low, value, rise) = self.rise(marker)?;
        let kind = match marker {
            Marker::PlasmaCells => ProgressionKind::Marrow,
            Marker::Plasmacytoma => ProgressionKind::Imaging,
            _ => ProgressionKind::Biochemical,
        };
        let says = format!("{}: {limit}", describe_rise(marker, low, value, rise));
        Some(Progression {
            marker: Some(marker),
            kind,
            because: self
                .because(rule, says)
                .input("now", marker.show(value))
                .input("nadir", marker.show(low)),
        })
    }

    /// The markers that could progress and stand above their nadir, though not far enough.
    fn rises_short_of_progression(&self) -> Vec<Because> {
        let protein = self.measurable.has_protein();
        let light_chains = self.measurable.has(Marker::FreeLightChains);
        let marrow = match self.criteria.marrow_progression {
            MarrowProgression::Increase10 => "needs 25% of the nadir and 10 percentage points",
            MarrowProgression::Level10 => "needs 25% of the nadir and a level of 10%",
        };
        [
            (Marker::SerumM, true, "needs 25% and 0.5 g/dL"),
            (Marker::UrineM, true, "needs 25% and 200 mg/24 h"),
            (Marker::FreeLightChains, !protein, "needs 25% and more than 10 mg/dL"),
            (Marker::PlasmaCells, !protein && !light_chains, marrow),
        ]
        .into_iter()
        .filter(|&(_, counts, _)| counts)
        .filter_map(|(marker, _, needs)| {
            let (low, value, rise) = self.rise(marker)?;
            (rise > Decimal::ZERO).then(|| {
                let says =
                    format!("{}: no progression, which {needs}", describe_rise(marker, low, value, rise));
                self.because("no-progression", says)
            })
        })
        .collect()
    }

    fn serum_progression(&self) -> Option<Progression> {
        let (low, value, rise) = self.rise(Marker::SerumM)?;
        let (large, of_what) = match self.criteria.large_spike {
            LargeSpike::Nadir => (Some(low), "nadir"),
            LargeSpike::Starting => (self.base(Marker::SerumM), "starting value"),
        };
        if rose_by_a_quarter(low, value) && rise >= SERUM_RISE {
            return self.risen(Marker::SerumM, "progression-serum", "at least 25% and at least 0.5 g/dL");
        }
        if large.is_some_and(|large| large >= LARGE_SPIKE) && rise >= LARGE_SPIKE_RISE {
            let limit = format!("at least 1 g/dL is enough from a {of_what} of at least 5 g/dL");
            return self.risen(Marker::SerumM, "progression-large-spike", &limit);
        }
        None
    }

    fn urine_progression(&self) -> Option<Progression> {
        let (low, value, rise) = self.rise(Marker::UrineM)?;
        if rose_by_a_quarter(low, value) && rise >= URINE_RISE {
            return self.risen(Marker::UrineM, "progression-urine", "at least 25% and at least 200 mg/24 h");
        }
        None
    }

    fn light_chain_progression(&self) -> Option<Progression> {
        let (low, value, rise) = self.rise(Marker::FreeLightChains)?;
        if rose_by_a_quarter(low, value) && rise > LIGHT_CHAIN_RISE {
            let limit = "at least 25% and more than 10 mg/dL";
            return self.risen(Marker::FreeLightChains, "progression-light-chains", limit);
        }
        None
    }

    fn marrow_progression(&self) -> Option<Progression> {
        let (low, value, rise) = self.rise(Marker::PlasmaCells)?;
        let (enough, limit) = match self.criteria.marrow_progression {
            MarrowProgression::Increase10 => {
                (rise >= PLASMA_CELLS_RISE, "at least 25% of the nadir and at least 10 percentage points")
            }
            MarrowProgression::Level10 => {
                (value >= PLASMA_CELLS_RISE, "at least 25% of the nadir, to a level of at least 10%")
            }
        };
        if rose_by_a_quarter(low, value) && enough {
            return self.risen(Marker::PlasmaCells, "progression-marrow", limit);
        }
        None
    }

    fn lesion_progression(&self) -> Option<Progression> {
        let says = match self.now.imaging {
            Imaging::NewLesion => "imaging shows a new lesion",
            Imaging::DefiniteGrowth => "imaging shows a definitely grown lesion",
            Imaging::NoProgression | Imaging::NotDone => return None,
        };
        let because = self.because("progression-imaging", says);
        Some(Progression { marker: None, kind: ProgressionKind::Imaging, because })
    }

    fn mass_progression(&self) -> Option<Progression> {
        let (low, _, rise) = self.rise(Marker::Plasmacytoma)?;
        let grown = rise > Decimal::ZERO && hundredfold(rise) >= low.saturating_mul(whole(50));
        if grown {
            return self.risen(
                Marker::Plasmacytoma,
                "progression-plasmacytoma",
                "at least 50%, or there again",
            );
        }
        None
    }

    fn hypercalcaemia(&self) -> Option<Progression> {
        let calcium = self.now.calcium?;
        let counts = self.criteria.hypercalcaemia_progression && self.now.calcium_due_to_myeloma;
        (counts && calcium > HYPERCALCAEMIA).then(|| Progression {
            marker: None,
            kind: ProgressionKind::Biochemical,
            because: self.because(
                "progression-calcium",
                format!("corrected calcium {calcium} mg/dL, above 11.5, explained by myeloma alone"),
            ),
        })
    }

    // Response.

    fn response(&self) -> (Category, Vec<Because>) {
        let Some(driving) = self.measurable.driving else {
            let says = "no marker was measurable at baseline: response cannot be evaluated";
            return (Category::NotEvaluable, vec![self.because("no-measurable-disease", says)]);
        };
        let mut levels = match driving {
            Marker::FreeLightChains => vec![self.light_chain_level()],
            Marker::PlasmaCells => vec![self.marrow_level()],
            _ => self.protein_levels(),
        };
        let by_driving = levels.iter().map(|level| level.category).min().unwrap_or(Category::NotEvaluable);
        levels.extend(self.plasmacytoma_level(by_driving));
        let lowest = levels.iter().map(|level| level.category).min().unwrap_or(Category::NotEvaluable);
        // What sets the level comes first: it is the reason a reader looks for.
        levels.sort_by_key(|level| level.category);
        let mut reasons: Vec<Because> = levels.into_iter().map(|level| level.because).collect();

        // Very good partial response is not defined by marrow alone, and light chains may be normal after a
        // smaller fall: there a complete response needs partial response of the marker only.
        let floor = if self.measurable.has_protein() { Category::VeryGoodPartial } else { Category::Partial };
        if !lowest.is_at_least(floor) {
            return (lowest, reasons);
        }
        let (category, more) = self.complete(lowest);
        let place = if category == lowest { reasons.len() } else { 0 };
        reasons.splice(place..place, more);
        (category, reasons)
    }

    fn level(&self, category: Category, marker: Marker, value: Decimal, limit: &str) -> Level {
        let base = self.base(marker).unwrap_or_default();
        let (now, baseline) = (marker.show(value), marker.show(base));
        let says =
            format!("{marker} {now}, {} {baseline} at baseline: {category} ({limit})", moved(base, value));
        let because = self
            .because(&format!("response-{}", rule_name(marker)), says)
            .input("now", now)
            .input("baseline", baseline);
        Level { category, because }
    }

    fn missing(&self, category: Category, rule: &str, says: impl Into<String>) -> Level {
        Level { category, because: self.because(rule, says) }
    }

    fn is_ninety_percent_down(&self, base: Decimal, value: Decimal) -> bool {
        match self.criteria.very_good_partial {
            Limit::AtLeast => fell_by(base, value, 90),
            Limit::Above => hundredfold(base.saturating_sub(value)) > base.saturating_mul(whole(90)),
        }
    }

    fn protein_levels(&self) -> Vec<Level> {
        let serum = if self.measurable.has(Marker::SerumM) { self.serum_level() } else { self.serum_cap() };
        let by_serum = serum.as_ref().map(|level| level.category);
        let urine = if self.measurable.has(Marker::UrineM) {
            Some(self.urine_level(by_serum.filter(|_| self.measurable.has(Marker::SerumM))))
        } else {
            self.urine_cap()
        };
        serum.into_iter().chain(urine).collect()
    }

    fn serum_level(&self) -> Option<Level> {
        let base = self.base(Marker::SerumM)?;
        let Some(value) = self.value(Marker::SerumM) else {
            return Some(self.missing(
                Category::NotEvaluable,
                "missing-serum",
                "serum M-protein was measurable at baseline and has no value now: not evaluable",
            ));
        };
        // A spike too small to measure is a very good partial response whatever the relation at 90%.
        let (category, limit) = if value.is_zero() {
            (Category::VeryGoodPartial, "no spike left to measure")
        } else if self.is_ninety_percent_down(base, value) {
            (Category::VeryGoodPartial, "90% down")
        } else if fell_by(base, value, 50) {
            (Category::Partial, "at least 50% down")
        } else if self.criteria.minimal_response && fell_by(base, value, 25) {
            (Category::Minimal, "at least 25% down")
        } else {
            (Category::Stable, "less down than the next category asks")
        };
        Some(self.level(category, Marker::SerumM, value, limit))
    }

    /// The level by urine that was measurable at baseline; `by_serum` is that of serum, if it was too.
    fn urine_level(&self, by_serum: Option<Category>) -> Level {
        let base = self.base(Marker::UrineM).unwrap_or_default();
        let Some((value, carried)) = self.urine_now_or_carried() else {
            let says = "urine M-protein was measurable at baseline and has no value now: improvement cannot be evaluated";
            let category = match by_serum {
                Some(Category::Stable) => Category::Stable,
                _ => Category::NotEvaluable,
            };
            return self.missing(category, "missing-urine", says);
        };
        let is_minimal = self.criteria.minimal_response
            && fell_by(base, value, 50)
            && (value > URINE_PARTIAL || self.criteria.urine_at_200 == UrineAt200::Minimal);
        let (category, limit) = if value < URINE_VERY_GOOD_PARTIAL {
            (Category::VeryGoodPartial, "below 100 mg/24 h")
        } else if value < URINE_PARTIAL {
            (Category::Partial, "below 200 mg/24 h, not below 100")
        } else if fell_by(base, value, 90) {
            (Category::Partial, "at least 90% down, not below 100 mg/24 h")
        } else if is_minimal {
            (Category::Minimal, "at least 50% down, not below 200 mg/24 h")
        } else {
            (Category::Stable, "less down than the next category asks")
        };
        let limit = match carried {
            Some(date) => format!("{limit}; value of {date}, carried forward once"),
            None => limit.to_owned(),
        };
        self.level(category, Marker::UrineM, value, &limit)
    }

    fn urine_now_or_carried(&self) -> Option<(Decimal, Option<Date>)> {
        if let Some(value) = self.value(Marker::UrineM) {
            return Some((value, None));
        }
        if self.criteria.missing_urine != MissingUrine::CarryForwardOnce {
            return None;
        }
        let last = self.before.last()?;
        Some((last.amount(Marker::UrineM, None)?, Some(last.date)))
    }

    /// What serum that was not measurable at baseline allows: no very good partial response where it is worse
    /// than at baseline, or not documented.
    fn serum_cap(&self) -> Option<Level> {
        match self.value(Marker::SerumM) {
            Some(value) if self.base(Marker::SerumM).is_some_and(|base| value > base) => {
                Some(self.level(Category::Partial, Marker::SerumM, value, "worse than at baseline: no VGPR"))
            }
            Some(_) => None,
            None => self.undocumented("serum", self.now.serum_immunofixation),
        }
    }

    /// What urine that was not measurable at baseline allows: a very good partial response needs less than
    /// 100 mg/24 h, or a documented negative.
    fn urine_cap(&self) -> Option<Level> {
        match self.value(Marker::UrineM) {
            Some(value) if value >= URINE_VERY_GOOD_PARTIAL => {
                Some(self.level(Category::Partial, Marker::UrineM, value, "not below 100 mg/24 h: no VGPR"))
            }
            Some(_) => None,
            None => self.undocumented("urine", self.now.urine_immunofixation),
        }
    }

    fn undocumented(&self, fluid: &str, immunofixation: Immunofixation) -> Option<Level> {
        let caps = self.criteria.missing_unmeasurable == MissingUnmeasurable::CapAtPartial
            && immunofixation != Immunofixation::Negative;
        caps.then(|| {
            let says =
                format!("{fluid} M-protein has no value now, and no negative immunofixation: PR at most");
            self.missing(Category::Partial, &format!("undocumented-{fluid}"), says)
        })
    }

    fn light_chain_level(&self) -> Level {
        let base = self.base(Marker::FreeLightChains).unwrap_or_default();
        let Some(value) = self.value(Marker::FreeLightChains) else {
            return self.missing(
                Category::NotEvaluable,
                "missing-light-chains",
                "free light chains drive and have no value now: not evaluable",
            );
        };
        let minimal = self.criteria.minimal_response && self.criteria.minimal_by_light_chains;
        let (category, limit) = if self.is_ninety_percent_down(base, value) {
            (Category::VeryGoodPartial, "90% down")
        } else if fell_by(base, value, 50) {
            (Category::Partial, "at least 50% down")
        } else if minimal && fell_by(base, value, 25) {
            (Category::Minimal, "at least 25% down")
        } else {
            (Category::Stable, "less down than the next category asks")
        };
        self.level(category, Marker::FreeLightChains, value, limit)
    }

    fn marrow_level(&self) -> Level {
        let base = self.base(Marker::PlasmaCells).unwrap_or_default();
        let Some(marrow) = self.marrow() else {
            return self.missing(
                Category::NotEvaluable,
                "missing-marrow",
                "marrow plasma cells drive and have no value near this assessment: not evaluable",
            );
        };
        let minimal = self.criteria.minimal_response && self.criteria.minimal_by_marrow;
        let (category, limit) = if fell_by(base, marrow.plasma_cells, 50) {
            (Category::Partial, "at least 50% down; marrow alone gives no VGPR")
        } else if minimal && fell_by(base, marrow.plasma_cells, 25) {
            (Category::Minimal, "at least 25% down")
        } else {
            (Category::Stable, "less down than the next category asks")
        };
        self.level(category, Marker::PlasmaCells, marrow.plasma_cells, limit)
    }

    /// The latest marrow sample within the window of this assessment.
    fn marrow(&self) -> Option<Marrow> {
        self.before
            .iter()
            .copied()
            .chain([self.now])
            .filter(|at| {
                let apart = i64::from((at.marrow_date() - self.now.date).get_days().unsigned_abs());
                apart <= i64::from(self.criteria.marrow_window_days)
            })
            .filter_map(|at| {
                Some(Marrow {
                    plasma_cells: at.amount(Marker::PlasmaCells, None)?,
                    clonality: at.clonality,
                    date: at.marrow_date(),
                })
            })
            .max_by_key(|marrow| marrow.date)
    }

    /// What a plasmacytoma present at baseline allows; without a recent measurement one level less than the
    /// markers alone.
    fn plasmacytoma_level(&self, by_markers: Category) -> Option<Level> {
        if !self.measurable.has(Marker::Plasmacytoma) {
            return None;
        }
        let base = self.base(Marker::Plasmacytoma)?;
        let Some((value, date)) = self.plasmacytoma() else {
            let category = by_markers.one_level_down();
            let category = if self.criteria.minimal_response || category != Category::Minimal {
                category
            } else {
                Category::Stable
            };
            let says = format!(
                "a plasmacytoma was present at baseline and was not measured within {} days: one level lower",
                self.criteria.imaging_interval_days
            );
            return Some(self.missing(category, "missing-plasmacytoma", says));
        };
        let very_good = match self.criteria.plasmacytoma_very_good_partial {
            PlasmacytomaVeryGoodPartial::Ninety => 90,
            PlasmacytomaVeryGoodPartial::AsPartial => 50,
        };
        let minimal = match self.criteria.plasmacytoma_minimal {
            PlasmacytomaMinimal::Quarter => 25,
            PlasmacytomaMinimal::Half => 50,
        };
        let (category, limit) = if value.is_zero() {
            (Category::StringentComplete, "gone".to_owned())
        } else if fell_by(base, value, very_good) {
            (Category::VeryGoodPartial, format!("at least {very_good}% smaller"))
        } else if fell_by(base, value, 50) {
            (Category::Partial, "at least 50% smaller".to_owned())
        } else if self.criteria.minimal_response && fell_by(base, value, minimal) {
            (Category::Minimal, format!("at least {minimal}% smaller"))
        } else {
            (Category::Stable, "less shrunken than the next category asks".to_owned())
        };
        let limit = if date == self.now.date { limit } else { format!("{limit}; measured on {date}") };
        Some(self.level(category, Marker::Plasmacytoma, value, &limit))
    }

    /// The latest measurement of the plasmacytomas within the imaging interval.
    fn plasmacytoma(&self) -> Option<(Decimal, Date)> {
        let measured = |at: &Markers| Some((at.amount(Marker::Plasmacytoma, None)?, at.date));
        measured(self.now).or_else(|| {
            self.before.iter().rev().find_map(|at| measured(at)).filter(|(_, date)| {
                i64::from((self.now.date - *date).get_days())
                    <= i64::from(self.criteria.imaging_interval_days)
            })
        })
    }

    /// Complete and stringent complete response, for markers that fell far enough; else `reached`, with what
    /// stands in the way.
    fn complete(&self, reached: Category) -> (Category, Vec<Because>) {
        let stays = |rule: &str, says: String| (reached, vec![self.because(rule, format!("{says}: no CR"))]);
        for (fluid, result) in
            [("serum", self.now.serum_immunofixation), ("urine", self.now.urine_immunofixation)]
        {
            match result {
                Immunofixation::Negative => {}
                Immunofixation::Positive => {
                    return stays(
                        "complete-immunofixation",
                        format!("immunofixation of {fluid} is positive"),
                    );
                }
                Immunofixation::NotDone => {
                    return stays(
                        "complete-immunofixation",
                        format!("immunofixation of {fluid} was not done"),
                    );
                }
            }
        }
        for (fluid, reading) in [("serum", self.now.serum_m), ("urine", self.now.urine_m)] {
            let seen = match reading {
                Reading::Quantified(amount) => !amount.is_zero(),
                Reading::TracePresent => true,
                Reading::NotDetected | Reading::NotDone => false,
            };
            if seen {
                let says =
                    format!("electrophoresis of {fluid} still shows M-protein, against its immunofixation");
                return stays("complete-electrophoresis", says);
            }
        }
        let Some(marrow) = self.marrow() else {
            let days = self.criteria.marrow_window_days;
            return stays("complete-marrow", format!("no marrow sample within {days} days"));
        };
        if marrow.plasma_cells >= COMPLETE_PLASMA_CELLS {
            let says = format!("marrow plasma cells {}% are not below 5%", marrow.plasma_cells);
            return stays("complete-marrow", says);
        }
        let mass = self.measurable.has(Marker::Plasmacytoma);
        if mass && !self.plasmacytoma().is_some_and(|(value, _)| value.is_zero()) {
            return stays(
                "complete-plasmacytoma",
                "disappearance of the plasmacytoma is not shown".to_owned(),
            );
        }
        let ratio = LightChainRatio::of(self.criteria, self.now);
        let normal_ratio = ratio == Some(LightChainRatio::Normal);
        let ratio_says = match ratio {
            Some(LightChainRatio::Normal) => "the light chain ratio is normal",
            Some(_) => "the light chain ratio is not normal",
            None => "the light chain ratio is not known",
        };
        if self.measurable.driving == Some(Marker::FreeLightChains) && !normal_ratio {
            return stays("complete-light-chain-ratio", ratio_says.to_owned());
        }
        let complete = self
            .because(
                "complete",
                format!(
                    "immunofixation of serum and urine is negative and marrow plasma cells are {}%, below 5%: CR",
                    marrow.plasma_cells
                ),
            )
            .input("marrow plasma cells", format!("{}% on {}", marrow.plasma_cells, marrow.date));
        let clonality_says = match marrow.clonality {
            Clonality::Absent => "no clonal plasma cells are found",
            Clonality::Present => "clonal plasma cells are found",
            Clonality::NotDone => "clonality of the plasma cells is not known",
        };
        let stringent = normal_ratio && marrow.clonality == Clonality::Absent;
        let verdict = if stringent { "sCR" } else { "CR, not sCR" };
        let more = self.because("stringent", format!("{ratio_says}, and {clonality_says}: {verdict}"));
        if stringent {
            (Category::StringentComplete, vec![more, complete])
        } else {
            (Category::Complete, vec![complete, more])
        }
    }
}

fn describe_rise(marker: Marker, low: Decimal, value: Decimal, rise: Decimal) -> String {
    let (now, nadir) = (marker.show(value), marker.show(low));
    format!("{marker} {now}, {} {nadir} at the nadir, a rise of {rise}", moved(low, value))
}

const fn rule_name(marker: Marker) -> &'static str {
    match marker {
        Marker::SerumM => "serum",
        Marker::UrineM => "urine",
        Marker::FreeLightChains => "light-chains",
        Marker::PlasmaCells => "marrow",
        Marker::Plasmacytoma => "plasmacytoma",
    }
}
