//! The arithmetic of a fraction, line by line: readings carried to the time of administration, and what is retained later.

use jiff::Timestamp;
use posology_clinic::nuclide::{HalfLife, decay};
use posology_clinic::prescription::{Reading, net_administered};
use posology_clinic::quantity::Activity;
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::facts::Time;
use crate::event::{Assay, Residual};

/// One line of a calculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is.
    pub label: String,
    /// How it comes about, in words.
    pub formula: String,
    /// The value, not rounded.
    pub value: Decimal,
    /// The value as printed: activities to 2 decimals, percentages cut off after 1, factors to 5, times to 4.
    pub shown: String,
    /// Unit; empty for a factor.
    pub unit: &'static str,
}

impl Line {
    pub(crate) fn new(
        label: impl Into<String>,
        formula: impl Into<String>,
        value: Decimal,
        unit: &'static str,
    ) -> Self {
        let round = |digits| value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        let shown = match unit {
            "%" => shown_percent(value),
            "MBq" | "mCi" => format!("{:.2}", round(2)),
            "" => format!("{:.5}", round(5)),
            _ => round(4).normalize().to_string(),
        };
        Self { label: label.into(), formula: formula.into(), value, shown, unit }
    }
}

/// A percentage for display: cut off after the first decimal.
pub(crate) fn shown_percent(percent: Decimal) -> String {
    let cut = percent.trunc_with_scale(1);
    if cut.is_zero() { "0.0".to_owned() } else { format!("{cut:.1}") }
}

/// A deviation for display, with its sign.
pub(crate) fn shown_deviation(percent: Decimal) -> String {
    let shown = shown_percent(percent);
    if shown.starts_with('-') || shown == "0.0" { format!("{shown}%") } else { format!("+{shown}%") }
}

/// An activity for a sentence.
pub(crate) fn shown_activity(activity: Activity) -> String {
    let round = |value: Decimal| value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    format!("{:.2} MBq ({:.2} mCi)", round(activity.mbq()), round(activity.mci()))
}

/// Hours from one instant to another, exact to the second.
fn hours(from: Timestamp, to: Timestamp) -> Decimal {
    let seconds = Decimal::from(to.duration_since(from).as_secs());
    seconds.checked_div(Decimal::from(3600)).unwrap_or_default().normalize()
}

/// Carries an activity to the time of administration and writes down how.
pub(crate) fn carry(
    lines: &mut Vec<Line>,
    what: &str,
    read: &str,
    activity: Activity,
    from: &Time,
    to: &Time,
    half_life: HalfLife,
) -> Result<Activity, String> {
    let decayed = decay(activity, half_life, from.at, to.at).map_err(|error| format!("{what}: {error}"))?;
    lines.push(Line::new(format!("{what} as read"), format!("{read}, at {from}"), activity.mbq(), "MBq"));
    lines.push(Line::new(
        format!("time from {what} to administration"),
        format!("{to} less {from}"),
        hours(from.at, to.at),
        "h",
    ));
    lines.push(Line::new(
        format!("decay factor of {what}"),
        format!("2 to the power of -(time / half-life of {} d, {})", half_life.days(), half_life.source),
        decayed.factor,
        "",
    ));
    lines.push(Line::new(
        format!("{what} at administration"),
        format!("{what} as read times its decay factor"),
        decayed.activity.mbq(),
        "MBq",
    ));
    Ok(decayed.activity)
}

/// Net administered activity of two readings at a time of administration.
pub(crate) fn net_of(
    assay: &Assay,
    residual: &Residual,
    at: Timestamp,
    half_life: HalfLife,
) -> Result<Activity, String> {
    let before = Reading { activity: assay.activity, at: assay.at };
    let left = Reading { activity: residual.activity, at: residual.at };
    let net = net_administered(before, left, at, half_life).map_err(|error| error.to_string())?;
    Ok(net.activity.show_in(assay.activity.shown_in()))
}

/// The share of an activity that is left in the body after so many hours, by an effective half-life in days.
pub(crate) fn retained_share(hours: Decimal, effective_half_life_days: Decimal) -> Option<Decimal> {
    let half_lives = hours.to_f64()? / (effective_half_life_days.to_f64()? * 24.0);
    if !half_lives.is_finite() || half_lives < 0.0 {
        return None;
    }
    Decimal::from_f64_retain(libm::exp2(-half_lives))?.round_sf(15).map(|share| share.normalize())
}

/// What is retained of one fraction at an instant, line by line.
pub(crate) fn retain(
    lines: &mut Vec<Line>,
    fraction: u32,
    net: Activity,
    given: &Time,
    at: Timestamp,
    effective_half_life_days: Decimal,
) -> Option<Activity> {
    let since = hours(given.at, at);
    let share = retained_share(since, effective_half_life_days)?;
    let left = Activity::from_mbq(net.mbq().checked_mul(share)?.normalize()).ok()?.show_in(net.shown_in());
    let days = since.checked_div(Decimal::from(24))?;
    lines.push(Line::new(
        format!("fraction {fraction}, net administered"),
        format!("at {given}"),
        net.mbq(),
        "MBq",
    ));
    lines.push(Line::new(
        format!("fraction {fraction}, time since"),
        format!("{at} less {given}"),
        days,
        "d",
    ));
    lines.push(Line::new(
        format!("fraction {fraction}, share retained"),
        format!("2 to the power of -(time since / effective half-life of {effective_half_life_days} d)"),
        share.checked_mul(Decimal::ONE_HUNDRED)?,
        "%",
    ));
    lines.push(Line::new(
        format!("fraction {fraction}, retained"),
        "net administered times the share retained",
        left.mbq(),
        "MBq",
    ));
    Some(left)
}
