//! Judges one patient's visits in date order, and keeps of each only what later ones are judged by.
//!
//! Start at [`verdicts`]. [`Judge::judge`] tests progression first, against the nadirs so far, then response; it
//! pushes the grounds of its verdict as data, and nothing here makes a sentence of them ([`super::ground`]).

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::ground::{Bound, Fluid, Ground, Missing, Obstacle, Rise, Since};
use super::measurable::{Basis, LightChainRatio};
use super::nadir::Low;
use super::{
    BadValue, Baseline, CirculatingCells, Clonality, Criteria, Imaging, Immunofixation, LargeSpike, Limit,
    Marker, Markers, MarrowProgression, MarrowSample, MissingImaging, MissingMeasurable, MissingUnmeasurable,
    PlasmacytomaMinimal, PlasmacytomaVeryGoodPartial, Reading, SerumMethod, UrineAt200, UrineOnlySerum,
    whole,
};
use crate::response::{Category, ProgressionKind};

/// Urine M-protein below which a fall is a very good partial response, mg/24 h.
const URINE_VERY_GOOD_PARTIAL: Decimal = whole(100);
/// Urine M-protein below which a fall is a partial response whatever its share, mg/24 h.
const URINE_PARTIAL: Decimal = whole(200);
/// Marrow plasma cells below which a response may be complete, %; at which one has been lost.
pub(super) const COMPLETE_PLASMA_CELLS: Decimal = whole(5);
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
/// Level, or rise, of circulating plasma cells that may be progression, cells/uL.
const CIRCULATING_CELLS: Decimal = whole(200);
/// Short axis beyond which the growth of one plasmacytoma may be progression, cm.
const SHORT_AXIS: Decimal = Decimal::ONE;
/// Corrected calcium above which hypercalcaemia is progression in the editions before 2016, mg/dL.
const HYPERCALCAEMIA: Decimal = Decimal::from_parts(115, 0, 0, false, 1);

/// Whether `value` lies at least `percent` below `base`.
fn fell_by(base: Decimal, value: Decimal, percent: u32) -> bool {
    hundredfold(base.saturating_sub(value)) >= base.saturating_mul(whole(percent))
}

/// Whether `value` lies at least `percent` above `low`. From 0 no percentage exists, and the amount alone decides.
fn rose_by(low: Decimal, value: Decimal, percent: u32) -> bool {
    low <= Decimal::ZERO || hundredfold(value.saturating_sub(low)) >= low.saturating_mul(whole(percent))
}

fn hundredfold(value: Decimal) -> Decimal {
    value.saturating_mul(Decimal::ONE_HUNDRED)
}

/// Whole days from `first` to `second`.
pub(super) fn days_between(first: Date, second: Date) -> i64 {
    i64::from((second - first).get_days())
}

/// What one assessment shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) category: Category,
    pub(super) kind: Option<ProgressionKind>,
}

/// The marrow sample of one row.
#[derive(Debug, Clone, Copy)]
struct Marrow {
    plasma_cells: Decimal,
    clonality: Clonality,
    date: Date,
    row: usize,
}

/// A plasmacytoma since it was first measured: its smallest longest diameter, and the short axis then.
#[derive(Debug, Clone, Copy)]
struct Followed<'v> {
    id: &'v str,
    longest: Decimal,
    shortest: Decimal,
}

/// Everything earlier that a visit is judged by.
pub(super) struct Judge<'v> {
    criteria: &'v Criteria,
    baseline: &'v Markers,
    basis: Basis,
    lows: [Low; Marker::ALL.len()],
    masses: Vec<Followed<'v>>,
    /// Whether a lesion not among `masses` is new.
    masses_are_known: bool,
    mass_measured: Option<(Decimal, Date)>,
    previous: Option<&'v Markers>,
    /// Every marrow sample of the patient, in the order of their rows.
    marrows: Vec<Marrow>,
    /// Whether a complete response was assessed before.
    was_complete: bool,
    /// What the visits showed without later marrow samples, once that is known.
    without_later_marrow: Option<&'v [Verdict]>,
    /// Whether a later marrow sample could change a verdict.
    awaits_later_marrow: bool,
    row: usize,
    /// Values of the visit under judgement, by [`Marker`] as a number.
    values: [Option<Decimal>; Marker::ALL.len()],
}

/// The verdict on every visit, in order; `visits` are in date order, one a day, after the baseline.
///
/// # Errors
/// A value that cannot have been measured.
pub(super) fn verdicts(
    criteria: &Criteria,
    baseline: &Baseline,
    basis: Basis,
    visits: &[&Markers],
) -> Result<Vec<Verdict>, BadValue> {
    for visit in visits {
        visit.check()?;
    }
    let pass = |without_later_marrow: Option<&[Verdict]>| {
        let mut grounds = Vec::new();
        let mut judge = Judge::new(criteria, &baseline.markers, basis, visits, without_later_marrow);
        let mut verdicts = Vec::with_capacity(visits.len());
        for visit in visits {
            grounds.clear();
            let verdict = judge.judge(visit, &mut grounds);
            judge.remember(visit, verdict);
            verdicts.push(verdict);
        }
        (verdicts, judge.awaits_later_marrow)
    };
    let (first, awaits) = pass(None);
    Ok(if awaits { pass(Some(&first)).0 } else { first })
}

impl<'v> Judge<'v> {
    pub(super) fn new(
        criteria: &'v Criteria,
        baseline: &'v Markers,
        basis: Basis,
        visits: &[&'v Markers],
        without_later_marrow: Option<&'v [Verdict]>,
    ) -> Self {
        let marrows = visits
            .iter()
            .enumerate()
            .filter_map(|(row, at)| {
                let plasma_cells = at.amount(Marker::PlasmaCells, None)?;
                Some(Marrow { plasma_cells, clonality: at.clonality, date: at.marrow_date(), row })
            })
            .collect();
        let mut judge = Self {
            criteria,
            baseline,
            basis,
            lows: Marker::ALL
                .map(|marker| Low::new(criteria, marker, baseline.amount(marker, basis.involved))),
            masses: Vec::new(),
            masses_are_known: baseline.imaging != Imaging::NotDone
                || baseline.plasmacytoma.is_some_and(|sum| sum.is_zero()),
            mass_measured: None,
            previous: None,
            marrows,
            was_complete: false,
            without_later_marrow,
            awaits_later_marrow: false,
            row: 0,
            values: [None; Marker::ALL.len()],
        };
        judge.follow_masses(baseline);
        judge
    }

    pub(super) fn base(&self, marker: Marker) -> Option<Decimal> {
        self.baseline.amount(marker, self.basis.involved)
    }

    pub(super) fn value(&self, marker: Marker) -> Option<Decimal> {
        self.values[marker as usize]
    }

    pub(super) fn nadir(&self, marker: Marker) -> Option<Decimal> {
        self.lows[marker as usize].get()
    }

    /// The verdict on the next visit, and its grounds: what set the category first.
    pub(super) fn judge(&mut self, now: &'v Markers, grounds: &mut Vec<Ground<'v>>) -> Verdict {
        if self.basis.serum_method.is_none() && now.serum_m != Reading::NotDone {
            self.basis.serum_method = Some(now.serum_method);
        }
        self.values = Marker::ALL.map(|marker| self.measured(now, marker));
        let start = grounds.len();
        self.progression(now, grounds);
        let kind = grounds[start..].iter().filter_map(Ground::progression).max();
        let category = if kind.is_some() {
            Category::Progressive
        } else {
            let category = self.response(now, grounds);
            self.rises_short_of_progression(grounds);
            category
        };
        self.notes(now, grounds);
        Verdict { category, kind }
    }

    /// Passes the visit just judged.
    pub(super) fn remember(&mut self, now: &'v Markers, verdict: Verdict) {
        for (low, value) in self.lows.iter_mut().zip(self.values) {
            if let Some(value) = value {
                low.pass(value);
            }
        }
        self.follow_masses(now);
        if let Some(sum) = self.value(Marker::Plasmacytoma) {
            self.mass_measured = Some((sum, now.date));
        }
        self.was_complete |= verdict.category.is_at_least(Category::Complete);
        self.previous = Some(now);
        self.row += 1;
    }

    /// The value of a marker that may be compared with those before it.
    fn measured(&self, at: &Markers, marker: Marker) -> Option<Decimal> {
        let is_comparable = match marker {
            Marker::SerumM => self.is_of_the_method(at),
            // A sum without one of the masses is no sum of all.
            Marker::Plasmacytoma => {
                at.plasmacytoma.is_some()
                    || self.masses.iter().all(|known| at.masses.iter().any(|mass| mass.id == known.id))
            }
            _ => true,
        };
        if is_comparable { at.amount(marker, self.basis.involved) } else { None }
    }

    fn is_of_the_method(&self, at: &Markers) -> bool {
        self.basis.serum_method.is_none_or(|method| method == at.serum_method)
    }

    fn follow_masses(&mut self, at: &'v Markers) {
        for mass in &at.masses {
            let found = Followed { id: &mass.id, longest: mass.longest, shortest: mass.shortest };
            match self.masses.iter_mut().find(|known| known.id == mass.id) {
                Some(known) if mass.longest < known.longest => *known = found,
                Some(_) => {}
                None => self.masses.push(found),
            }
        }
        self.masses_are_known |= !at.masses.is_empty();
    }

    // Progression.

    fn progression(&self, now: &'v Markers, grounds: &mut Vec<Ground<'v>>) {
        let protein = self.basis.has_protein();
        let light_chains = self.basis.has(Marker::FreeLightChains);
        let rises = [
            (Marker::SerumM, self.serum_rise()),
            (Marker::UrineM, self.urine_rise()),
            (Marker::FreeLightChains, if protein { None } else { self.light_chain_rise() }),
            (Marker::PlasmaCells, if protein || light_chains { None } else { self.marrow_rise() }),
        ];
        let mut push = |marker: Marker, by: Option<Rise>| {
            if let (Some(by), Some(low), Some(value)) = (by, self.nadir(marker), self.value(marker)) {
                grounds.push(Ground::Rise { marker, low, value, by });
            }
        };
        for (marker, by) in rises {
            push(marker, by);
        }
        push(Marker::CirculatingCells, self.circulating_rise());
        match now.imaging {
            Imaging::NewLesion => grounds.push(Ground::NewLesion),
            Imaging::DefiniteGrowth => grounds.push(Ground::GrownLesion),
            Imaging::NoProgression | Imaging::CompressionFracture | Imaging::NotDone => {}
        }
        self.masses_progress(now, grounds);
        let counts = self.criteria.hypercalcaemia_progression && now.calcium_due_to_myeloma;
        if let Some(calcium) = now.calcium.filter(|&calcium| counts && calcium > HYPERCALCAEMIA) {
            grounds.push(Ground::Calcium(calcium));
        }
    }

    /// Nadir, value and rise of a marker that may show progression: any that was measurable, and by default the
    /// others too.
    fn rise(&self, marker: Marker) -> Option<(Decimal, Decimal, Decimal)> {
        let escapes = matches!(marker, Marker::SerumM | Marker::UrineM | Marker::FreeLightChains)
            && !self.basis.has(marker);
        if escapes && !self.criteria.progression_of_unmeasurable {
            return None;
        }
        let (low, value) = (self.nadir(marker)?, self.value(marker)?);
        Some((low, value, value.saturating_sub(low)))
    }

    fn serum_rise(&self) -> Option<Rise> {
        let (low, value, rise) = self.rise(Marker::SerumM)?;
        let large = match self.criteria.large_spike {
            LargeSpike::Nadir => Some(low),
            LargeSpike::Starting => self.base(Marker::SerumM),
        };
        if rose_by(low, value, 25) && rise >= SERUM_RISE {
            Some(Rise::Serum)
        } else if large.is_some_and(|large| large >= LARGE_SPIKE) && rise >= LARGE_SPIKE_RISE {
            Some(Rise::LargeSpike(self.criteria.large_spike))
        } else {
            None
        }
    }

    fn urine_rise(&self) -> Option<Rise> {
        let (low, value, rise) = self.rise(Marker::UrineM)?;
        (rose_by(low, value, 25) && rise >= URINE_RISE).then_some(Rise::Urine)
    }

    fn light_chain_rise(&self) -> Option<Rise> {
        let (low, value, rise) = self.rise(Marker::FreeLightChains)?;
        (rose_by(low, value, 25) && rise > LIGHT_CHAIN_RISE).then_some(Rise::LightChains)
    }

    fn marrow_rise(&self) -> Option<Rise> {
        let (low, value, rise) = self.rise(Marker::PlasmaCells)?;
        let progression = self.criteria.marrow_progression;
        let enough = match progression {
            MarrowProgression::Increase10 => rise >= PLASMA_CELLS_RISE,
            MarrowProgression::Level10 | MarrowProgression::Level10Or5AfterComplete => {
                value >= PLASMA_CELLS_RISE
            }
        };
        let enough_after_complete = progression == MarrowProgression::Level10Or5AfterComplete
            && self.was_complete
            && value >= COMPLETE_PLASMA_CELLS;
        match rose_by(low, value, 25) {
            true if enough => Some(Rise::Marrow(progression)),
            true if enough_after_complete => Some(Rise::MarrowAfterComplete),
            _ => None,
        }
    }

    /// Whether plasma cells in the blood are all that can be followed.
    fn only_circulating_cells(&self) -> bool {
        self.criteria.circulating_cells_progression != CirculatingCells::None && self.basis.driving.is_none()
    }

    fn circulating_rise(&self) -> Option<Rise> {
        let (low, value, rise) = self.rise(Marker::CirculatingCells)?;
        let by = self.criteria.circulating_cells_progression;
        let enough = match by {
            CirculatingCells::None => false,
            CirculatingCells::Level200 => rise > Decimal::ZERO && value >= CIRCULATING_CELLS,
            CirculatingCells::Increase200 => rise >= CIRCULATING_CELLS,
        };
        (self.only_circulating_cells() && rose_by(low, value, 50) && enough).then_some(Rise::Circulating(by))
    }

    fn masses_progress(&self, now: &'v Markers, grounds: &mut Vec<Ground<'v>>) {
        if now.spurious.contains(&Marker::Plasmacytoma) {
            return;
        }
        for mass in &now.masses {
            match self.masses.iter().find(|known| known.id == mass.id) {
                None if self.masses_are_known && mass.longest > Decimal::ZERO => {
                    grounds.push(Ground::NewMass { id: &mass.id, longest: mass.longest });
                }
                Some(known)
                    if known.shortest > SHORT_AXIS
                        && mass.longest > known.longest
                        && rose_by(known.longest, mass.longest, 50) =>
                {
                    grounds.push(Ground::GrownMass {
                        id: &mass.id,
                        low: known.longest,
                        short_axis: known.shortest,
                        value: mass.longest,
                    });
                }
                _ => {}
            }
        }
        let Some((low, value, rise)) = self.rise(Marker::Plasmacytoma) else { return };
        // The sum is a criterion for more than one mass; where only the sum is known it is taken to be of several.
        let of_several = now.masses.is_empty() || self.masses.len() > 1 || low.is_zero();
        if of_several && rise > Decimal::ZERO && rose_by(low, value, 50) {
            grounds.push(Ground::Rise { marker: Marker::Plasmacytoma, low, value, by: Rise::Masses });
        }
    }

    /// The markers that could progress and stand above their nadir, though not far enough.
    fn rises_short_of_progression(&self, grounds: &mut Vec<Ground<'v>>) {
        let protein = self.basis.has_protein();
        let light_chains = self.basis.has(Marker::FreeLightChains);
        for (marker, counts) in [
            (Marker::SerumM, true),
            (Marker::UrineM, true),
            (Marker::FreeLightChains, !protein),
            (Marker::PlasmaCells, !protein && !light_chains),
            (Marker::CirculatingCells, self.only_circulating_cells()),
        ] {
            if let Some((low, value, rise)) = self.rise(marker).filter(|_| counts)
                && rise > Decimal::ZERO
            {
                grounds.push(Ground::NoRise { marker, low, value });
            }
        }
    }

    // Response.

    fn response(&mut self, now: &'v Markers, grounds: &mut Vec<Ground<'v>>) -> Category {
        let Some(driving) = self.basis.driving else {
            grounds.push(Ground::NothingMeasurable);
            return Category::NotEvaluable;
        };
        let start = grounds.len();
        match driving {
            Marker::FreeLightChains => grounds.push(self.light_chain_level()),
            Marker::PlasmaCells => grounds.push(self.marrow_level(now)),
            Marker::Plasmacytoma => {}
            _ => self.protein_levels(now, grounds),
        }
        let lowest = |grounds: &[Ground<'_>]| grounds.iter().filter_map(Ground::category).min();
        let by_driving = lowest(&grounds[start..]);
        grounds.extend(self.plasmacytoma_level(now, by_driving));
        let reached = lowest(&grounds[start..]).unwrap_or(Category::NotEvaluable);
        // What sets the level comes first: it is the reason a reader looks for.
        grounds[start..].sort_by_key(Ground::category);

        // Very good partial response is not defined by marrow alone, light chains may be normal after a smaller
        // fall, and immunoglobulin by nephelometry never falls below its normal part: there a complete response
        // needs partial response of the marker only.
        let by_spike = self.basis.has_protein() && self.basis.serum_method != Some(SerumMethod::Nephelometry);
        let floor = if by_spike { Category::VeryGoodPartial } else { Category::Partial };
        if !reached.is_at_least(floor) {
            return reached;
        }
        self.complete(now, driving, reached, start, grounds)
    }

    fn level(&self, category: Category, marker: Marker, value: Decimal, bound: Bound) -> Ground<'v> {
        let base = self.base(marker).unwrap_or_default();
        Ground::Level { category, marker, base, value, bound, since: None }
    }

    fn is_ninety_percent_down(&self, base: Decimal, value: Decimal) -> bool {
        match self.criteria.very_good_partial {
            Limit::AtLeast => fell_by(base, value, 90),
            Limit::Above => hundredfold(base.saturating_sub(value)) > base.saturating_mul(whole(90)),
        }
    }

    /// The value now, or by the criteria that of the visit just before.
    fn now_or_carried(&self, marker: Marker, missing: MissingMeasurable) -> Option<(Decimal, Option<Since>)> {
        if let Some(value) = self.value(marker) {
            return Some((value, None));
        }
        let before = self.previous.filter(|_| missing == MissingMeasurable::CarryForwardOnce)?;
        Some((self.measured(before, marker)?, Some(Since::CarriedFrom(before.date))))
    }

    fn protein_levels(&self, now: &Markers, grounds: &mut Vec<Ground<'v>>) {
        let has_serum = self.basis.has(Marker::SerumM);
        let serum = if has_serum { Some(self.serum_level()) } else { self.serum_cap(now) };
        let by_serum = serum.as_ref().and_then(Ground::category).filter(|_| has_serum);
        grounds.extend(serum);
        if self.basis.has(Marker::UrineM) {
            grounds.push(self.urine_level(by_serum));
        } else {
            grounds.extend(self.urine_cap(now));
        }
    }

    fn serum_level(&self) -> Ground<'v> {
        let base = self.base(Marker::SerumM).unwrap_or_default();
        let Some((value, since)) = self.now_or_carried(Marker::SerumM, self.criteria.missing_serum) else {
            return Ground::Missing { category: Category::NotEvaluable, item: Missing::Serum };
        };
        // A spike too small to measure is a very good partial response whatever the relation at 90%.
        let (category, bound) = if value.is_zero() {
            (Category::VeryGoodPartial, Bound::NoSpike)
        } else if self.is_ninety_percent_down(base, value) {
            (Category::VeryGoodPartial, Bound::Ninety)
        } else if fell_by(base, value, 50) {
            (Category::Partial, Bound::Fifty)
        } else if self.criteria.minimal_response && fell_by(base, value, 25) {
            (Category::Minimal, Bound::TwentyFive)
        } else {
            (Category::Stable, Bound::LessDown)
        };
        Ground::Level { category, marker: Marker::SerumM, base, value, bound, since }
    }

    /// The level by urine that was measurable at baseline; `by_serum` is that of serum, if it was too.
    fn urine_level(&self, by_serum: Option<Category>) -> Ground<'v> {
        let base = self.base(Marker::UrineM).unwrap_or_default();
        let Some((value, since)) = self.now_or_carried(Marker::UrineM, self.criteria.missing_urine) else {
            let category = match by_serum {
                Some(Category::Stable) => Category::Stable,
                _ => Category::NotEvaluable,
            };
            return Ground::Missing { category, item: Missing::Urine };
        };
        let is_minimal = self.criteria.minimal_response
            && fell_by(base, value, 50)
            && (value > URINE_PARTIAL || self.criteria.urine_at_200 == UrineAt200::Minimal);
        let (category, bound) = if value < URINE_VERY_GOOD_PARTIAL {
            (Category::VeryGoodPartial, Bound::Below100)
        } else if value < URINE_PARTIAL {
            (Category::Partial, Bound::Below200)
        } else if fell_by(base, value, 90) {
            (Category::Partial, Bound::UrineNinety)
        } else if is_minimal {
            (Category::Minimal, Bound::UrineFifty)
        } else {
            (Category::Stable, Bound::LessDown)
        };
        Ground::Level { category, marker: Marker::UrineM, base, value, bound, since }
    }

    /// What serum that was not measurable at baseline allows: no very good partial response where it is worse
    /// than at baseline, or not documented.
    fn serum_cap(&self, now: &Markers) -> Option<Ground<'v>> {
        match self.value(Marker::SerumM) {
            Some(value) => {
                let is_worse = self.criteria.urine_only_serum == UrineOnlySerum::NotWorse
                    && self.base(Marker::SerumM).is_some_and(|base| value > base);
                is_worse.then(|| self.level(Category::Partial, Marker::SerumM, value, Bound::SerumWorse))
            }
            None => self.undocumented(Fluid::Serum, now.serum_immunofixation),
        }
    }

    /// What urine that was not measurable at baseline allows: a very good partial response needs less than
    /// 100 mg/24 h, or a documented negative.
    fn urine_cap(&self, now: &Markers) -> Option<Ground<'v>> {
        match self.value(Marker::UrineM) {
            Some(value) => (value >= URINE_VERY_GOOD_PARTIAL)
                .then(|| self.level(Category::Partial, Marker::UrineM, value, Bound::UrineNot100)),
            None => self.undocumented(Fluid::Urine, now.urine_immunofixation),
        }
    }

    fn undocumented(&self, fluid: Fluid, immunofixation: Immunofixation) -> Option<Ground<'v>> {
        let caps = self.criteria.missing_unmeasurable == MissingUnmeasurable::CapAtPartial
            && !self.is_negative(immunofixation);
        caps.then_some(Ground::Missing { category: Category::Partial, item: Missing::Undocumented(fluid) })
    }

    /// Whether an immunofixation shows nothing of the clone.
    fn is_negative(&self, immunofixation: Immunofixation) -> bool {
        match immunofixation {
            Immunofixation::Negative | Immunofixation::TherapeuticAntibody => true,
            Immunofixation::OtherIsotype => self.was_complete,
            Immunofixation::Positive | Immunofixation::NotDone => false,
        }
    }

    fn light_chain_level(&self) -> Ground<'v> {
        let marker = Marker::FreeLightChains;
        let base = self.base(marker).unwrap_or_default();
        let Some((value, since)) = self.now_or_carried(marker, self.criteria.missing_light_chains) else {
            return Ground::Missing { category: Category::NotEvaluable, item: Missing::LightChains };
        };
        let minimal = self.criteria.minimal_response && self.criteria.minimal_by_light_chains;
        let (category, bound) = if self.is_ninety_percent_down(base, value) {
            (Category::VeryGoodPartial, Bound::Ninety)
        } else if fell_by(base, value, 50) {
            (Category::Partial, Bound::Fifty)
        } else if minimal && fell_by(base, value, 25) {
            (Category::Minimal, Bound::TwentyFive)
        } else {
            (Category::Stable, Bound::LessDown)
        };
        Ground::Level { category, marker, base, value, bound, since }
    }

    fn marrow_level(&self, now: &Markers) -> Ground<'v> {
        let base = self.base(Marker::PlasmaCells).unwrap_or_default();
        let Some(marrow) = self.marrow_so_far(now) else {
            return Ground::Missing { category: Category::NotEvaluable, item: Missing::Marrow };
        };
        let cells = marrow.plasma_cells;
        let minimal = self.criteria.minimal_response && self.criteria.minimal_by_marrow;
        let (category, bound) =
            if self.criteria.very_good_partial_by_marrow && self.is_ninety_percent_down(base, cells) {
                (Category::VeryGoodPartial, Bound::Ninety)
            } else if fell_by(base, cells, 50) {
                let alone = !self.criteria.very_good_partial_by_marrow;
                (Category::Partial, if alone { Bound::MarrowFifty } else { Bound::Fifty })
            } else if minimal && fell_by(base, cells, 25) {
                (Category::Minimal, Bound::TwentyFive)
            } else {
                (Category::Stable, Bound::LessDown)
            };
        self.level(category, Marker::PlasmaCells, cells, bound)
    }

    fn is_in_the_window(&self, marrow: &Marrow, now: &Markers) -> bool {
        days_between(marrow.date, now.date).abs() <= i64::from(self.criteria.marrow_window_days)
    }

    /// The latest marrow sample of the rows so far, within the window of this assessment.
    fn marrow_so_far(&self, now: &Markers) -> Option<Marrow> {
        self.marrows
            .iter()
            .take_while(|marrow| marrow.row <= self.row)
            .filter(|marrow| self.is_in_the_window(marrow, now))
            .max_by_key(|marrow| marrow.date)
            .copied()
    }

    /// The same, or else the first of a later row if no progression lies between.
    fn marrow(&mut self, now: &Markers) -> Option<Marrow> {
        let so_far = self.marrow_so_far(now);
        if so_far.is_some() || self.criteria.marrow_sample == MarrowSample::Before {
            return so_far;
        }
        let later = self
            .marrows
            .iter()
            .find(|marrow| marrow.row > self.row && self.is_in_the_window(marrow, now))
            .copied()?;
        let Some(verdicts) = self.without_later_marrow else {
            self.awaits_later_marrow = true;
            return None;
        };
        let between = verdicts.get(self.row..=later.row).unwrap_or_default();
        let is_free = between.iter().all(|verdict| verdict.category != Category::Progressive);
        is_free.then_some(later)
    }

    /// What a plasmacytoma present at baseline allows; `by_markers` is what the others do, where any drives.
    fn plasmacytoma_level(&self, now: &Markers, by_markers: Option<Category>) -> Option<Ground<'v>> {
        if !self.basis.has(Marker::Plasmacytoma) {
            return None;
        }
        let drives = by_markers.is_none();
        let Some((value, date)) = self.plasmacytoma(now) else {
            let category = match (by_markers, self.criteria.missing_imaging) {
                (None, _) | (_, MissingImaging::NotEvaluable) => Category::NotEvaluable,
                (_, MissingImaging::NoComplete) => Category::VeryGoodPartial,
                (Some(level), MissingImaging::OneLevelLower) => {
                    let level = level.one_level_down();
                    let is_defined = self.criteria.minimal_response || level != Category::Minimal;
                    if is_defined { level } else { Category::Stable }
                }
            };
            let interval_days = self.criteria.imaging_interval_days;
            return Some(Ground::Missing { category, item: Missing::Plasmacytoma { interval_days, drives } });
        };
        let base = self.base(Marker::Plasmacytoma).unwrap_or_default();
        let very_good = match self.criteria.plasmacytoma_very_good_partial {
            PlasmacytomaVeryGoodPartial::Ninety => 90,
            PlasmacytomaVeryGoodPartial::AsPartial => 50,
        };
        let minimal = match self.criteria.plasmacytoma_minimal {
            PlasmacytomaMinimal::Quarter => 25,
            PlasmacytomaMinimal::Half => 50,
        };
        let (category, bound) = if value.is_zero() {
            let gone = if drives { Category::VeryGoodPartial } else { Category::StringentComplete };
            (gone, Bound::Gone)
        } else if fell_by(base, value, very_good) {
            (Category::VeryGoodPartial, Bound::Smaller(very_good))
        } else if fell_by(base, value, 50) {
            (Category::Partial, Bound::Smaller(50))
        } else if self.criteria.minimal_response && fell_by(base, value, minimal) {
            (Category::Minimal, Bound::Smaller(minimal))
        } else {
            (Category::Stable, Bound::LessShrunken)
        };
        let since = (date != now.date).then_some(Since::MeasuredOn(date));
        Some(Ground::Level { category, marker: Marker::Plasmacytoma, base, value, bound, since })
    }

    /// The latest measurement of the plasmacytomas within the imaging interval.
    fn plasmacytoma(&self, now: &Markers) -> Option<(Decimal, Date)> {
        let earlier = || {
            self.mass_measured.filter(|(_, date)| {
                days_between(*date, now.date) <= i64::from(self.criteria.imaging_interval_days)
            })
        };
        self.value(Marker::Plasmacytoma).map(|value| (value, now.date)).or_else(earlier)
    }

    /// Complete and stringent complete response, for markers that fell far enough; else `reached`, with what
    /// stands in the way. A ground that changes the category goes to `first`, the others to the end.
    fn complete(
        &mut self,
        now: &'v Markers,
        driving: Marker,
        reached: Category,
        first: usize,
        grounds: &mut Vec<Ground<'v>>,
    ) -> Category {
        let (marrow, ratio) = match self.way_to_complete(now, driving) {
            Ok(found) => found,
            Err(obstacle) => {
                grounds.push(Ground::NotComplete(obstacle));
                return reached;
            }
        };
        let holds = ratio == Some(LightChainRatio::Normal) && marrow.clonality == Clonality::Absent;
        let complete = Ground::Complete { plasma_cells: marrow.plasma_cells, on: marrow.date };
        let stringent = Ground::Stringent { ratio, clonality: marrow.clonality, holds };
        let (category, more) = if holds {
            (Category::StringentComplete, [stringent, complete])
        } else {
            (Category::Complete, [complete, stringent])
        };
        grounds.splice(first..first, more);
        category
    }

    fn way_to_complete(
        &mut self,
        now: &Markers,
        driving: Marker,
    ) -> Result<(Marrow, Option<LightChainRatio>), Obstacle> {
        for (fluid, result) in
            [(Fluid::Serum, now.serum_immunofixation), (Fluid::Urine, now.urine_immunofixation)]
        {
            if !self.is_negative(result) {
                return Err(Obstacle::Immunofixation(fluid, result));
            }
        }
        // Nephelometry measures normal immunoglobulin too: what it finds is no spike.
        let by_spike = now.serum_method == SerumMethod::Electrophoresis;
        for (fluid, reading, shows_spikes) in
            [(Fluid::Serum, now.serum_m, by_spike), (Fluid::Urine, now.urine_m, true)]
        {
            let seen = match reading {
                Reading::Quantified(amount) => !amount.is_zero(),
                Reading::TracePresent => true,
                Reading::NotDetected | Reading::NotDone => false,
            };
            if seen && shows_spikes {
                return Err(Obstacle::Electrophoresis(fluid));
            }
        }
        let Some(marrow) = self.marrow(now) else {
            return Err(Obstacle::NoMarrow { window_days: self.criteria.marrow_window_days });
        };
        if marrow.plasma_cells >= COMPLETE_PLASMA_CELLS {
            return Err(Obstacle::Marrow(marrow.plasma_cells));
        }
        let mass = self.basis.has(Marker::Plasmacytoma);
        if mass && !self.plasmacytoma(now).is_some_and(|(value, _)| value.is_zero()) {
            return Err(Obstacle::Mass);
        }
        let ratio = LightChainRatio::of(self.criteria, now);
        if driving == Marker::FreeLightChains && ratio != Some(LightChainRatio::Normal) {
            return Err(Obstacle::Ratio(ratio));
        }
        Ok((marrow, ratio))
    }

    /// What a reader must know though it set no category.
    fn notes(&self, now: &Markers, grounds: &mut Vec<Ground<'v>>) {
        for (fluid, result) in
            [(Fluid::Serum, now.serum_immunofixation), (Fluid::Urine, now.urine_immunofixation)]
        {
            match result {
                Immunofixation::TherapeuticAntibody => grounds.push(Ground::TherapeuticAntibody(fluid)),
                Immunofixation::OtherIsotype if self.was_complete => {
                    grounds.push(Ground::OtherIsotype(fluid))
                }
                _ => {}
            }
        }
        if now.imaging == Imaging::CompressionFracture {
            grounds.push(Ground::CompressionFracture);
        }
        if let Some(patient) = self.basis.serum_method
            && now.serum_m != Reading::NotDone
            && !self.is_of_the_method(now)
        {
            grounds.push(Ground::OtherMethod { now: now.serum_method, patient });
        }
    }
}
