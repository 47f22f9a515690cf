//! Which markers could be followed from baseline on, and which of them drives.

use rust_decimal::Decimal;
use serde::Serialize;

use super::{BadValue, Baseline, Chain, Criteria, Limit, Marker, Markers, Reading, SerumMethod, whole};
use crate::Because;

/// Serum M-protein that can be followed, g/dL.
const SERUM: Decimal = Decimal::ONE;
/// Urine M-protein that can be followed, mg/24 h.
const URINE: Decimal = whole(200);
/// Involved free light chain that can be followed if the ratio is abnormal, mg/dL.
const LIGHT_CHAIN: Decimal = whole(10);
/// Marrow plasma cells that can be followed, %.
const PLASMA_CELLS: Decimal = whole(30);
/// Longest diameter of a plasmacytoma that can be followed, cm.
const DIAMETER: Decimal = whole(2);

/// Which markers could be followed from baseline on, and which of them drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measurable {
    /// Markers measurable at baseline. A plasmacytoma present at baseline is among them: it adds a condition.
    pub markers: Vec<Marker>,
    /// The involved light chain, where the baseline tells.
    pub involved: Option<Chain>,
    /// The marker whose course is drawn: serum, else urine, else light chains, else marrow, else plasmacytoma.
    /// `None`: response cannot be evaluated.
    pub driving: Option<Marker>,
    /// Why, one reason a marker.
    pub reasons: Vec<Because>,
}

impl Measurable {
    /// Whether a marker was measurable at baseline.
    pub fn has(&self, marker: Marker) -> bool {
        self.markers.contains(&marker)
    }
}

/// The same without words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis {
    /// By [`Marker`] as a number.
    has: [bool; Marker::ALL.len()],
    pub(super) involved: Option<Chain>,
    pub(super) driving: Option<Marker>,
    /// The one method of serum M-protein of this patient, once any value is known.
    pub(super) serum_method: Option<SerumMethod>,
}

impl Basis {
    pub(super) fn of(criteria: &Criteria, baseline: &Baseline) -> Self {
        let at = &baseline.markers;
        let reaches = |value: Decimal, limit: Decimal| match criteria.measurable {
            Limit::AtLeast => value >= limit,
            Limit::Above => value > limit,
        };
        let ratio = LightChainRatio::of(criteria, at);
        let involved = baseline.involved.or(match ratio {
            Some(LightChainRatio::High) => Some(Chain::Kappa),
            Some(LightChainRatio::Low) => Some(Chain::Lambda),
            _ => None,
        });
        let amount = |marker| at.amount(marker, involved);
        let mut has = [false; Marker::ALL.len()];
        has[Marker::SerumM as usize] = amount(Marker::SerumM).is_some_and(|value| reaches(value, SERUM));
        has[Marker::UrineM as usize] = amount(Marker::UrineM).is_some_and(|value| reaches(value, URINE));
        has[Marker::FreeLightChains as usize] = amount(Marker::FreeLightChains)
            .is_some_and(|difference| difference > Decimal::ZERO)
            && ratio.is_some_and(|ratio| ratio != LightChainRatio::Normal)
            && chain(at, involved).is_some_and(|value| reaches(value, LIGHT_CHAIN));
        has[Marker::PlasmaCells as usize] = criteria.marrow_measurable
            && amount(Marker::PlasmaCells).is_some_and(|value| value >= PLASMA_CELLS);
        has[Marker::Plasmacytoma as usize] =
            amount(Marker::Plasmacytoma).is_some_and(|sum| sum > Decimal::ZERO);
        let first_four = [Marker::SerumM, Marker::UrineM, Marker::FreeLightChains, Marker::PlasmaCells];
        let by_number = first_four.into_iter().find(|&marker| has[marker as usize]);
        let mass_drives = criteria.plasmacytoma_measurable
            && has[Marker::Plasmacytoma as usize]
            && at.masses.iter().any(|mass| mass.longest >= DIAMETER);
        has[Marker::CirculatingCells as usize] = by_number.is_none()
            && !mass_drives
            && amount(Marker::CirculatingCells).is_some_and(|cells| cells > Decimal::ZERO);
        let driving = by_number.or(mass_drives.then_some(Marker::Plasmacytoma));
        let serum_method = (at.serum_m != Reading::NotDone).then_some(at.serum_method);
        Self { has, involved, driving, serum_method }
    }

    pub(super) const fn has(&self, marker: Marker) -> bool {
        self.has[marker as usize]
    }

    /// Whether the M-protein of serum or urine was measurable; then light chains and marrow do not drive.
    pub(super) const fn has_protein(&self) -> bool {
        self.has(Marker::SerumM) || self.has(Marker::UrineM)
    }
}

fn chain(at: &Markers, involved: Option<Chain>) -> Option<Decimal> {
    match involved? {
        Chain::Kappa => at.kappa,
        Chain::Lambda => at.lambda,
    }
}

/// Measurable disease at baseline: serum M-protein of 1 g/dL or more, urine M-protein of 200 mg/24 h or more, an
/// involved free light chain of 10 mg/dL or more with an abnormal ratio; where none of these and the protocol
/// allows, marrow plasma cells of 30% or more, else a plasmacytoma with a diameter of 2 cm or more. A baseline not
/// measured is not measurable. Plasma cells in the blood, followed where nothing else can be, show progression only.
///
/// # Errors
/// A baseline value that cannot have been measured.
pub fn measurable(criteria: &Criteria, baseline: &Baseline) -> Result<Measurable, BadValue> {
    let at = &baseline.markers;
    at.check()?;
    let basis = Basis::of(criteria, baseline);
    let comparator = match criteria.measurable {
        Limit::AtLeast => "at least",
        Limit::Above => "more than",
    };
    let mut reasons = Vec::new();
    let mut note = |marker: Marker, limit: Decimal, also: &str| {
        let value = at.amount(marker, basis.involved);
        let verdict = if basis.has(marker) { "measurable" } else { "not measurable" };
        let shown = value.map_or_else(|| "not done".to_owned(), |value| marker.show(value));
        let limit = marker.show(limit);
        reasons.push(
            Because::new(
                criteria.rule("measurable"),
                format!("{marker} at baseline {shown}: {verdict} ({comparator} {limit}{also})"),
            )
            .input("baseline", shown)
            .source(criteria.edition.source()),
        );
    };
    let method = match at.serum_method {
        SerumMethod::Nephelometry => "; immunoglobulin by nephelometry, at every visit",
        SerumMethod::Electrophoresis => "",
    };
    note(Marker::SerumM, SERUM, method);
    note(Marker::UrineM, URINE, "");
    let of_which = match (basis.involved, chain(at, basis.involved)) {
        (Some(Chain::Kappa), Some(value)) => format!(" of the involved chain, here kappa {value}"),
        (Some(Chain::Lambda), Some(value)) => format!(" of the involved chain, here lambda {value}"),
        _ => " of the involved chain".to_owned(),
    };
    note(Marker::FreeLightChains, LIGHT_CHAIN, &format!("{of_which}, with an abnormal ratio"));
    note(Marker::PlasmaCells, PLASMA_CELLS, "; drives where nothing else does");
    let mut also = |says: String| {
        reasons.push(Because::new(criteria.rule("measurable"), says).source(criteria.edition.source()));
    };
    if basis.has(Marker::Plasmacytoma) {
        let sum = at.amount(Marker::Plasmacytoma, None).unwrap_or_default();
        let part = if basis.driving == Some(Marker::Plasmacytoma) {
            "the only measurable disease, with a diameter of at least 2 cm: it drives"
        } else {
            "present: a condition at every level"
        };
        also(format!("plasmacytoma at baseline {}: {part}", Marker::Plasmacytoma.show(sum)));
    }
    if basis.has(Marker::CirculatingCells) {
        let cells = at.amount(Marker::CirculatingCells, None).unwrap_or_default();
        also(format!(
            "circulating plasma cells at baseline {}: nothing else is measurable, and they show progression only",
            Marker::CirculatingCells.show(cells)
        ));
    }
    Ok(Measurable {
        markers: Marker::ALL.into_iter().filter(|&marker| basis.has(marker)).collect(),
        involved: basis.involved,
        driving: basis.driving,
        reasons,
    })
}

/// Where the ratio of kappa to lambda lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LightChainRatio {
    Low,
    Normal,
    High,
}

impl LightChainRatio {
    pub(super) fn of(criteria: &Criteria, at: &Markers) -> Option<Self> {
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
