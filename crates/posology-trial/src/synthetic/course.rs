//! How a count falls and recovers, and how a marker answers: whole numbers in the last reported decimal.

use posology_clinic::response::Category;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::draw::Draw;
use super::plan::{BadPlan, Marker, ResponsePlan};

/// Parts of a whole in which shares are held.
const WHOLE: i64 = 10_000;

/// A reported value as a whole number of its last decimal; `None` where it has more decimals than are reported.
pub(super) fn whole(value: Decimal, decimals: u32) -> Option<i64> {
    let scaled = value.checked_mul(Decimal::from(10_i64.pow(decimals)))?;
    (scaled.fract().is_zero()).then(|| scaled.to_i64()).flatten()
}

/// The reported value of a whole number of its last decimal.
pub(super) fn reported(value: i64, decimals: u32) -> Decimal {
    Decimal::new(value, decimals)
}

/// A share that starts and ends at half the steepness of its middle, of `WHOLE`.
fn eased(at: i64, length: i64) -> i64 {
    let u = (at * WHOLE / length.max(1)).clamp(0, WHOLE);
    let smooth = u * u / WHOLE * (3 * WHOLE - 2 * u) / WHOLE;
    (u + smooth) / 2
}

/// A blood count over time: level, fall to the lowest value, recovery to grade 1, and the level afterwards.
#[derive(Debug, Clone)]
pub(super) struct Fall {
    pub(super) baseline: i64,
    pub(super) lowest: i64,
    pub(super) day: i32,
    pub(super) recovered: i64,
    pub(super) recovery_days: i32,
    pub(super) level: i64,
}

impl Fall {
    /// The count on a day; the lowest one on its day only.
    pub(super) fn on(&self, day: i32, draw: &mut Draw) -> i64 {
        let noise = draw.between(-300, 300);
        if day == self.day {
            return self.lowest;
        }
        let (from, to, share) = if day < self.day {
            let start = if self.day > 30 { 10 } else { 1 };
            (self.baseline, self.lowest, eased(i64::from(day - start), i64::from(self.day - start)))
        } else if day <= self.day + self.recovery_days {
            let share = eased(i64::from(day - self.day), i64::from(self.recovery_days));
            (self.lowest, self.recovered, share)
        } else {
            let later = i64::from(day - self.day - self.recovery_days);
            (self.recovered, self.level.max(self.recovered), eased(later, 28))
        };
        let value = from + (to - from) * share / WHOLE;
        let above = (value - self.lowest) * (WHOLE + noise) / WHOLE;
        let value = self.lowest + above.max(1);
        // Recovery is reached on its day and not lost again.
        if day >= self.day + self.recovery_days { value.max(self.recovered) } else { value }
    }
}

impl Marker {
    /// Decimals of its reported values.
    pub(super) fn decimals(self) -> u32 {
        match self {
            Self::SerumIgg | Self::SerumIga => 2,
            Self::Urine => 0,
            Self::FreeKappa | Self::FreeLambda => 1,
        }
    }

    /// Least measurable value: 1 g/dL, 200 mg/24h, 10 mg/dL.
    pub(super) fn measurable(self) -> i64 {
        match self {
            Self::SerumIgg | Self::SerumIga | Self::FreeKappa | Self::FreeLambda => 100,
            Self::Urine => 200,
        }
    }

    /// The highest value that is still of a category, against baseline; none for SD and the rest.
    fn ceiling(self, category: Category, baseline: i64) -> Option<i64> {
        match (self, category) {
            (Self::Urine, Category::Partial) => Some((baseline / 10).max(199)),
            (Self::Urine, Category::Minimal) => Some(baseline / 2),
            (_, Category::Partial) => Some(baseline / 2),
            (Self::SerumIgg | Self::SerumIga, Category::Minimal) => Some(baseline * 3 / 4),
            _ => None,
        }
    }

    /// The least rise over the lowest value that is progression (IMWG 2016).
    fn rise(self, nadir: i64) -> i64 {
        let quarter = (nadir + 3) / 4;
        match self {
            Self::SerumIgg | Self::SerumIga if nadir >= 500 => 100,
            Self::SerumIgg | Self::SerumIga => quarter.max(50),
            Self::Urine => quarter.max(200),
            Self::FreeKappa | Self::FreeLambda => quarter.max(101),
        }
    }

    /// The category of one sample, before any confirmation: progression against the lowest value, response
    /// against baseline.
    pub(super) fn category(self, value: i64, baseline: i64, nadir: i64) -> Category {
        if value - nadir >= self.rise(nadir) {
            return Category::Progressive;
        }
        [Category::Partial, Category::Minimal]
            .into_iter()
            .find(|&category| self.ceiling(category, baseline).is_some_and(|ceiling| value <= ceiling))
            .unwrap_or(Category::Stable)
    }
}

/// The course of the driving marker: its values on the days of its samples, baseline first.
pub(super) struct Answered {
    pub(super) values: Vec<(i32, i64)>,
}

impl Answered {
    /// The category of each sample after baseline.
    pub(super) fn categories(&self, marker: Marker) -> Vec<(i32, Category)> {
        let Some(((_, baseline), later)) = self.values.split_first() else { return Vec::new() };
        let mut nadir = *baseline;
        let mut categories = Vec::with_capacity(later.len());
        for &(day, value) in later {
            categories.push((day, marker.category(value, *baseline, nadir)));
            nadir = nadir.min(value);
        }
        categories
    }
}

/// Days of the samples after baseline: 29, 57, 85, then every six weeks until the patient leaves; with progression,
/// its day and the confirming one, and none later.
pub(super) fn marker_days(progression: Option<i32>, last_day: i32) -> Vec<i32> {
    let planned = [29, 57].into_iter().chain((85..).step_by(42)).take_while(|&day| day <= last_day);
    match progression {
        Some(day) => planned
            .take_while(|&at| at <= day - 10)
            .chain([day, day + 14])
            .filter(|&at| at <= last_day)
            .collect(),
        None => planned.collect(),
    }
}

/// Draws a course that has the planned best value on its day, the planned category and progression.
pub(super) fn answer(
    place: &str,
    marker: Marker,
    baseline: i64,
    plan: &ResponsePlan,
    days: &[i32],
    draw: &mut Draw,
) -> Result<Answered, BadPlan> {
    let Some(at) = days.iter().position(|&day| day == plan.day) else {
        return Err(BadPlan::impossible(
            &format!("{place}, response.day"),
            plan.day,
            format!("one of {days:?}"),
        ));
    };
    let best = best_value(place, baseline, plan)?;
    let category = marker.category(best, baseline, baseline);
    if category != plan.best {
        return Err(BadPlan::impossible(
            &format!("{place}, response.best"),
            plan.best,
            format!("{category}, as a change of {} % is", plan.change_percent),
        ));
    }
    let ceiling = marker.ceiling(plan.best, baseline);
    let nadir = best.min(baseline);
    let rise = marker.rise(nadir);
    let fall = (best - baseline).abs();
    let mut values = Vec::with_capacity(days.len() + 1);
    values.push((-7, baseline));
    for (index, &day) in days.iter().enumerate() {
        let before = index < at;
        let mut value = match plan.progression {
            _ if index == at => best,
            Some(progression) if day > progression => {
                let last = values.last().map_or(best, |(_, value)| *value);
                last + rise * draw.between(300, 1_500) / WHOLE
            }
            Some(progression) if day == progression => {
                let confirmed = confirmed_nadir(&values);
                let rise = marker.rise(confirmed);
                confirmed + rise + rise * draw.between(0, 1_500) / WHOLE
            }
            _ if before => {
                let (left, length) = (i64::from(plan.day - day), i64::from(plan.day));
                let share = WHOLE - left * left * WHOLE / (length * length);
                baseline + (best - baseline) * share / WHOLE + fall * draw.between(-200, 200) / WHOLE
            }
            Some(progression) => {
                let share = i64::from(day - plan.day) * WHOLE / i64::from(progression - plan.day).max(1);
                best + rise * share / WHOLE * draw.between(4_500, 7_500) / WHOLE
            }
            None => best + room(ceiling, best, baseline, rise) * draw.between(500, 5_500) / WHOLE,
        };
        let settled = plan.progression.is_none_or(|progression| day < progression);
        if index != at && settled {
            let lowest = values.iter().map(|(_, value)| *value).min().unwrap_or(baseline);
            value = value.max(best + 1).min(lowest + marker.rise(lowest) - 1);
            let next_to_it = index.abs_diff(at) == 1;
            match ceiling {
                Some(ceiling) if !plan.confirmed && next_to_it => value = value.max(ceiling + 1),
                // The sample after the best one confirms it; before it does where there is none after.
                Some(ceiling) if plan.confirmed && next_to_it && confirms(index, at, days, plan) => {
                    value = value.min(ceiling);
                }
                _ => {}
            }
        }
        values.push((day, value));
    }
    Ok(Answered { values })
}

/// The lowest value with two consecutive samples at or below it, baseline included: progression against it is
/// progression against the lowest value too.
fn confirmed_nadir(values: &[(i32, i64)]) -> i64 {
    let baseline = values.first().map(|(_, value)| *value);
    let pairs = values.iter().zip(values.iter().skip(1)).skip(1).map(|((_, a), (_, b))| *a.max(b));
    baseline.into_iter().chain(pairs).min().unwrap_or(0)
}

/// Whether the neighbour at `index` is the one that confirms the best sample at `at`.
fn confirms(index: usize, at: usize, days: &[i32], plan: &ResponsePlan) -> bool {
    let next_is_response =
        days.get(at + 1).is_some_and(|&day| plan.progression.is_none_or(|progression| day < progression));
    if next_is_response { index > at } else { index < at }
}

/// How far a later sample may rise above the best one without another category.
fn room(ceiling: Option<i64>, best: i64, baseline: i64, rise: i64) -> i64 {
    ceiling.map_or((baseline / 12).min(rise / 2), |ceiling| ceiling - best).max(1)
}

/// The best value, whose change from baseline is the planned percentage to its one decimal.
fn best_value(place: &str, baseline: i64, plan: &ResponsePlan) -> Result<i64, BadPlan> {
    let exact = Decimal::from(baseline) * (Decimal::ONE_HUNDRED + plan.change_percent) / Decimal::ONE_HUNDRED;
    let best = exact.round().to_i64().unwrap_or(0);
    let change = Decimal::from(best - baseline) * Decimal::ONE_HUNDRED / Decimal::from(baseline.max(1));
    if change.round_dp(1) == plan.change_percent && plan.change_percent >= -Decimal::ONE_HUNDRED {
        return Ok(best);
    }
    Err(BadPlan::impossible(
        &format!("{place}, response.change-percent"),
        plan.change_percent,
        format!("a change that the reported decimals can show, such as {}", change.round_dp(1)),
    ))
}
