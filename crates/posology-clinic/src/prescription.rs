//! From a level to the activity of one fraction, and from two readings of an instrument to what the patient got.
//!
//! [`prescribe`] checks the arithmetic of the protocol's formula, level times body surface times share, and shows each
//! input: to be verified against the written directive, which an authorised user signs. [`net_administered`] brings
//! the readings before and after to the time of administration. Three named gates compare the two with different
//! operators; they flag for review and never say whether something is a medical event.

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::Because;
use crate::nuclide::{DecayError, HalfLife, decay};
use crate::quantity::{Activity, ActivityPerArea, ActivityUnit, Area, BadQuantity};

/// What a protocol does to the activity that its formula gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The largest activity of one fraction; no cap if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<Activity>,
    /// The step to whose nearest multiple the activity is rounded, half away from zero, such as "0.1 mCi"; not rounded
    /// if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_to: Option<Activity>,
}

/// The prescribed activity of one fraction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prescribed {
    /// The activity, capped and then rounded.
    pub activity: Activity,
    /// Level times body surface times share.
    pub unrounded: Activity,
    /// Whether the cap applied.
    pub capped: bool,
    /// The reason, with each input.
    pub because: Because,
}

/// The prescribed activity of a fraction: level times body surface times the fraction's share of the level (1 where
/// the level is that of each fraction, 1/2 for two equal fractions of a level that is the whole course's).
///
/// # Errors
/// Unless the share is above 0 and at most 1 and the step of rounding above zero; or if the activity leaves its range.
///
/// ```
/// use posology_clinic::prescription::{prescribe, Settings};
/// let one = prescribe("20 mCi/m2".parse()?, "1.97203 m2".parse()?, 1.into(), &Settings::default())?;
/// assert_eq!(one.activity.to_string(), "39.4406 mCi");
/// let rounded = Settings { round_to: Some("0.1 mCi".parse()?), ..Settings::default() };
/// let one = prescribe("20 mCi/m2".parse()?, "1.97203 m2".parse()?, 1.into(), &rounded)?;
/// assert_eq!(one.activity.to_string(), "39.4 mCi");
/// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
/// ```
pub fn prescribe(
    level: ActivityPerArea,
    area: Area,
    share: Decimal,
    settings: &Settings,
) -> Result<Prescribed, BadQuantity> {
    if share <= Decimal::ZERO || share > Decimal::ONE {
        let expected = "a share of the level above 0 and at most 1";
        return Err(BadQuantity::new(share, expected, "write 1 for a level given in each fraction"));
    }
    let unit = level.shown_in();
    let in_mbq = |mbq: Decimal| Activity::from_mbq(mbq).map(|activity| activity.show_in(unit));
    let unrounded = in_mbq((level.mbq_per_m2() * area.square_metres() * share).normalize())?;
    let capped = settings.cap.is_some_and(|cap| unrounded > cap);
    let mut activity = settings.cap.filter(|_| capped).map_or(unrounded, |cap| cap.show_in(unit));
    if let Some(step) = settings.round_to {
        let steps = activity.mbq().checked_div(step.mbq()).ok_or_else(|| {
            BadQuantity::new(step, "a step of rounding above zero", "leave round-to out for no rounding")
        })?;
        activity =
            in_mbq(steps.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero) * step.mbq())?;
    }
    let mut because = Because::new(
        "prescription/level-by-area",
        format!(
            "{level} on {} m2 {}is {} mCi ({} MBq){}: verify against the written directive",
            area.square_metres().round_dp(4),
            if share == Decimal::ONE { String::new() } else { format!("times {share} ") },
            activity.mci().round_dp(2),
            activity.mbq().round_dp(1),
            if capped { ", by the protocol's cap" } else { "" },
        ),
    )
    .input("level", level)
    .input("body surface", area)
    .input("share", share)
    .input("unrounded", unrounded)
    .source("protocol, prescribed activity");
    for (name, setting) in [("cap", settings.cap), ("round-to", settings.round_to)] {
        if let Some(setting) = setting {
            because = because.input(name, setting);
        }
    }
    Ok(Prescribed { activity, unrounded, capped, because })
}

/// A reading of the dose calibrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The activity.
    pub activity: Activity,
    /// When it was read.
    pub at: Timestamp,
}

/// What the patient got in one fraction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetAdministered {
    /// Before minus residual, both at the time of administration.
    pub activity: Activity,
    /// The reading before, at the time of administration.
    pub before: Activity,
    /// The reading of what was left, at the time of administration.
    pub residual: Activity,
    /// The reason, with readings and times.
    pub because: Because,
}

/// Why no net administered activity could be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A reading could not be carried to the time of administration.
    #[error(transparent)]
    Decay(#[from] DecayError),
    /// More was left than there was.
    #[error(
        "found a residual of {residual} against {before} before; expected less; mend: check units and times of the two readings"
    )]
    MoreLeft {
        /// The reading before, at the time of administration.
        before: Activity,
        /// The residual, at the time of administration.
        residual: Activity,
    },
}

/// Net administered activity: the reading (or label) before, less the residual in syringe, vial and line, each carried
/// by decay to the time of administration.
///
/// # Errors
/// If a reading is too far from the administration, or the residual exceeds what was there.
pub fn net_administered(
    before: Reading,
    residual: Reading,
    administered_at: Timestamp,
    half_life: HalfLife,
) -> Result<NetAdministered, NetError> {
    let carry = |reading: Reading| {
        decay(reading.activity, half_life, reading.at, administered_at).map(|d| d.activity)
    };
    let (full, left) = (carry(before)?, carry(residual)?);
    let activity = full.minus(left).ok_or(NetError::MoreLeft { before: full, residual: left })?;
    let round = |activity: Activity| activity.mbq().round_dp(2);
    let says = format!(
        "{} MBq less a residual of {} MBq, both at {administered_at}, is {} MBq",
        round(full),
        round(left),
        round(activity)
    );
    let because = Because::new("prescription/net-administered", says)
        .input("before", format!("{} at {}", before.activity, before.at))
        .input("residual", format!("{} at {}", residual.activity, residual.at))
        .input("administered at", administered_at)
        .input("half-life", half_life)
        .source("before minus residual, both corrected to the time of administration");
    Ok(NetAdministered { activity, before: full, residual: left, because })
}

/// Total administered activity (TAD) of a course, whole and on each square metre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Sum of the net administered activities, each at its own time.
    pub activity: Activity,
    /// The same divided by the body surface, to 15 significant digits.
    pub per_area: ActivityPerArea,
}

/// The total of a course's net administered activities.
///
/// # Errors
/// If a sum leaves the range of an activity.
pub fn total_administered(fractions: &[Activity], area: Area) -> Result<Total, BadQuantity> {
    let activity = Activity::total(fractions.iter().copied())?;
    let mbq_per_m2 = activity.mbq().checked_div(area.square_metres()).unwrap_or(Decimal::MAX);
    let mbq_per_m2 = mbq_per_m2.round_sf(15).unwrap_or(mbq_per_m2);
    Ok(Total {
        activity,
        per_area: ActivityPerArea::from_mbq_per_m2(mbq_per_m2)?.show_in(activity.shown_in()),
    })
}

/// Delivered as a percentage of prescribed, to the 28 digits of a decimal; `None` if nothing was prescribed.
///
/// ```
/// use posology_clinic::prescription::percent_of_prescribed;
/// let percent = percent_of_prescribed("30 mCi".parse()?, "40 mCi".parse()?);
/// assert_eq!(percent, Some(75.into()));
/// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
/// ```
pub fn percent_of_prescribed(delivered: Activity, prescribed: Activity) -> Option<Decimal> {
    (delivered.mbq() * Decimal::ONE_HUNDRED).checked_div(prescribed.mbq())
}

/// The three comparisons of a delivered with a prescribed dosage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The protocol's or pharmacy's own tolerance: **more than** 10%, by default.
    ProtocolTolerance,
    /// Before use, 10 CFR 35.63(d): **more than** 20%, or outside the prescribed range.
    BeforeUse,
    /// After use, screening for 10 CFR 35.3045: 20% **or more**, or outside the prescribed range.
    AfterUse,
}

/// How a deviation is held against the percentage of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Only what is beyond the percentage: exactly 20% is not more than 20%.
    MoreThan,
    /// What is at the percentage, too: exactly 20% is at least 20%.
    AtLeast,
}

impl Comparison {
    /// The operator in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::MoreThan => "more than",
            Self::AtLeast => "at least",
        }
    }

    /// The limit in words: `more than 10%`, `20% or more`.
    #[must_use]
    pub fn limit(self, percent: Decimal) -> String {
        match self {
            Self::MoreThan => format!("more than {percent}%"),
            Self::AtLeast => format!("{percent}% or more"),
        }
    }
}

/// The thresholds of the gates, which each site sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GateSettings {
    /// More than this percentage off is outside the protocol's tolerance; 10 by default.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub tolerance_percent: Decimal,
    /// How a deviation is held against it; `more-than` by default.
    pub tolerance_comparison: Comparison,
    /// More than this percentage off before use needs the authorised user's direction; 20 by default.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub before_use_percent: Decimal,
    /// How a deviation is held against it; `more-than` by default, as 10 CFR 35.63(d) says.
    pub before_use_comparison: Comparison,
    /// This percentage off or more after use is for review; 20 by default.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub after_use_percent: Decimal,
    /// How a deviation is held against it; `at-least` by default, as 10 CFR 35.3045(a)(1) says.
    pub after_use_comparison: Comparison,
    /// This percentage off or more in a single fraction is for review; off by default, as the regulation words that
    /// test for absorbed dose and not for dosage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub single_fraction_percent: Option<Decimal>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            tolerance_percent: Decimal::TEN,
            tolerance_comparison: Comparison::MoreThan,
            before_use_percent: Decimal::from(20),
            before_use_comparison: Comparison::MoreThan,
            after_use_percent: Decimal::from(20),
            after_use_comparison: Comparison::AtLeast,
            single_fraction_percent: None,
        }
    }
}

/// What was prescribed in one fraction and what was assayed or delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Prescribed dosage.
    pub prescribed: Activity,
    /// Assayed dosage before use, net administered after.
    pub delivered: Activity,
}

impl Compared {
    /// Delivered less prescribed, in percent of prescribed; `None` if nothing was prescribed.
    pub fn deviation_percent(self) -> Option<Decimal> {
        percent_of_prescribed(self.delivered, self.prescribed).map(|percent| percent - Decimal::ONE_HUNDRED)
    }

    // Multiplied out, so that exactly 20% is exactly 20%.
    fn off_by(self, percent: Decimal, or_exactly: bool) -> bool {
        let (prescribed, delivered) = (self.prescribed.mbq(), self.delivered.mbq());
        let off = (delivered - prescribed).abs() * Decimal::ONE_HUNDRED;
        let limit = prescribed.saturating_mul(percent);
        off > limit || (or_exactly && off == limit)
    }
}

/// The answer of a gate. A flag asks a person to look; it says nothing about what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// The gate.
    pub gate: Gate,
    /// Whether it asks for review.
    pub flagged: bool,
    /// Deviation of the whole in percent of prescribed; `None` if nothing was prescribed.
    pub deviation_percent: Option<Decimal>,
    /// The deviation of each fraction.
    pub fractions_percent: Vec<Option<Decimal>>,
    /// The reason.
    pub because: Because,
}

/// Compares the fractions of one written directive (or one of them) at a gate. `range` is the prescribed range of the
/// whole, where the directive has one; it does not bear on the protocol's tolerance.
///
/// # Errors
/// If a sum leaves the range of an activity.
///
/// ```
/// use posology_clinic::prescription::{review, Compared, Gate, GateSettings};
/// let fifth_more = [Compared { prescribed: "40 mCi".parse()?, delivered: "48 mCi".parse()? }];
/// let site = GateSettings::default();
/// assert!(!review(Gate::BeforeUse, &fifth_more, None, &site)?.flagged); // not more than 20%
/// assert!(review(Gate::AfterUse, &fifth_more, None, &site)?.flagged); // 20% or more
/// # Ok::<(), posology_clinic::quantity::BadQuantity>(())
/// ```
pub fn review(
    gate: Gate,
    fractions: &[Compared],
    range: Option<(Activity, Activity)>,
    settings: &GateSettings,
) -> Result<Review, BadQuantity> {
    let whole = Compared {
        prescribed: Activity::total(fractions.iter().map(|f| f.prescribed))?,
        delivered: Activity::total(fractions.iter().map(|f| f.delivered))?,
    };
    let (percent, comparison, who, source) = match gate {
        Gate::ProtocolTolerance => (
            settings.tolerance_percent,
            settings.tolerance_comparison,
            "the investigator",
            "protocol, tolerance",
        ),
        Gate::BeforeUse => (
            settings.before_use_percent,
            settings.before_use_comparison,
            "the authorised user, whose direction it needs before use",
            "10 CFR 35.63(d)",
        ),
        Gate::AfterUse => (
            settings.after_use_percent,
            settings.after_use_comparison,
            "the radiation safety officer",
            "10 CFR 35.3045(a)(1)",
        ),
    };
    let words = comparison.words();
    let off = whole.off_by(percent, comparison == Comparison::AtLeast);
    let outside = gate != Gate::ProtocolTolerance
        && range.is_some_and(|(low, high)| whole.delivered < low || whole.delivered > high);
    let single = settings.single_fraction_percent.filter(|_| gate == Gate::AfterUse);
    let fraction_off = single.is_some_and(|percent| fractions.iter().any(|f| f.off_by(percent, true)));
    let flagged = off || outside || fraction_off;

    let deviation_percent = whole.deviation_percent();
    let shown = deviation_percent.map_or("not in percent, as nothing was prescribed".to_owned(), |percent| {
        format!("{:+}%", percent.round_dp(1))
    });
    let (delivered, prescribed) = (show(whole.delivered), show(whole.prescribed));
    let mut says =
        format!("{delivered} against {prescribed} prescribed ({shown}); the gate is {words} {percent}%");
    if outside {
        says.push_str("; outside the prescribed range");
    }
    if fraction_off {
        says.push_str("; a single fraction is beyond the site's limit");
    }
    if flagged {
        says.push_str(&format!(": for review by {who}"));
    }
    let mut because = Because::new(format!("gate/{}", rule(gate)), says)
        .input("delivered", whole.delivered)
        .input("prescribed", whole.prescribed)
        .source(source);
    if let Some((low, high)) = range {
        because = because.input("range", format!("{low} to {high}"));
    }
    Ok(Review {
        gate,
        flagged,
        deviation_percent,
        fractions_percent: fractions.iter().map(|f| f.deviation_percent()).collect(),
        because,
    })
}

fn rule(gate: Gate) -> &'static str {
    match gate {
        Gate::ProtocolTolerance => "protocol-tolerance",
        Gate::BeforeUse => "before-use",
        Gate::AfterUse => "after-use",
    }
}

fn show(activity: Activity) -> String {
    let value = match activity.shown_in() {
        ActivityUnit::Millicurie => return format!("{} mCi", activity.mci().round_dp(2)),
        ActivityUnit::Megabecquerel | ActivityUnit::Gigabecquerel => activity.mbq().round_dp(1),
    };
    format!("{value} MBq")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::body_surface::{Formula, body_surface};

    fn activity(text: &str) -> Activity {
        text.parse().unwrap()
    }

    fn one(prescribed: &str, delivered: &str) -> [Compared; 1] {
        [Compared { prescribed: activity(prescribed), delivered: activity(delivered) }]
    }

    #[test]
    fn two_fractions_of_20_mci_per_m2_from_label_to_net() {
        // Source: worked by hand. 175 cm, 80 kg, Mosteller 1.97203 m2; half-life 8.0252 d; label 1650 MBq given 1.5 d
        // later; residual 22.0 MBq measured 2 h after the administration.
        let settings =
            crate::body_surface::Settings { formula: Formula::Mosteller, cap: None, decimals: None };
        let area = body_surface("175 cm".parse().unwrap(), "80 kg".parse().unwrap(), &settings).unwrap().area;
        let level = "20 mCi/m2".parse().unwrap();
        let prescribed = prescribe(level, area, Decimal::ONE, &Settings::default()).unwrap().activity;
        assert_eq!(prescribed.mci().round_dp(4).to_string(), "39.4405");
        assert_eq!(prescribed.mbq().round_dp(2).to_string(), "1459.30");
        let total = Activity::total([prescribed; 2]).unwrap();
        assert_eq!(total.mci().round_dp(4).to_string(), "78.8811");

        let given: Timestamp = "2026-03-03T00:00Z".parse().unwrap();
        let net = net_administered(
            Reading { activity: activity("1650 MBq"), at: "2026-03-01T12:00Z".parse().unwrap() },
            Reading { activity: activity("22.0 MBq"), at: "2026-03-03T02:00Z".parse().unwrap() },
            given,
            HalfLife::of("I-131", None).unwrap(),
        )
        .unwrap();
        assert_eq!(net.before.mbq().round_dp(1).to_string(), "1449.5");
        assert_eq!(net.residual.mbq().round_dp(2).to_string(), "22.16");
        assert_eq!(net.activity.mbq().round_dp(1).to_string(), "1427.3");
        assert_eq!(percent_of_prescribed(net.activity, prescribed).unwrap().round_dp(1).to_string(), "97.8");

        let whole = total_administered(&[net.activity; 2], area).unwrap();
        assert_eq!(whole.activity.mbq().round_dp(0).to_string(), "2855");
        assert_eq!(whole.per_area.mbq_per_m2().round_dp(0).to_string(), "1448");
    }

    #[test]
    fn the_three_gates_differ_at_their_own_limits() {
        let site = GateSettings::default();
        for (delivered, tolerance, before, after) in [
            ("110 MBq", false, false, false),
            ("110.1 MBq", true, false, false),
            ("89.9 MBq", true, false, false),
            ("119.9 MBq", true, false, false),
            ("120 MBq", true, false, true),
            ("80 MBq", true, false, true),
            ("120.1 MBq", true, true, true),
            ("79.9 MBq", true, true, true),
        ] {
            for (gate, expected) in
                [(Gate::ProtocolTolerance, tolerance), (Gate::BeforeUse, before), (Gate::AfterUse, after)]
            {
                let found = review(gate, &one("100 MBq", delivered), None, &site).unwrap();
                assert_eq!(found.flagged, expected, "{gate:?} {delivered}");
                assert_eq!(found.because.says.contains("for review by"), expected);
                assert!(!found.because.says.contains("medical event"));
            }
        }
    }

    #[test]
    fn outside_the_prescribed_range_is_flagged_within_20_percent_too() {
        let range = Some((activity("95 MBq"), activity("105 MBq")));
        let site = GateSettings::default();
        let flagged =
            |gate, delivered| review(gate, &one("100 MBq", delivered), range, &site).unwrap().flagged;
        assert!(flagged(Gate::BeforeUse, "106 MBq") && flagged(Gate::AfterUse, "94 MBq"));
        assert!(!flagged(Gate::BeforeUse, "105 MBq") && !flagged(Gate::ProtocolTolerance, "106 MBq"));
    }

    #[test]
    fn a_single_fraction_is_flagged_only_where_the_site_says_so_and_always_shown() {
        let course = [one("100 MBq", "50 MBq")[0], one("100 MBq", "140 MBq")[0]];
        let site = GateSettings::default();
        let found = review(Gate::AfterUse, &course, None, &site).unwrap();
        assert!(!found.flagged);
        assert_eq!(found.fractions_percent, [Some((-50).into()), Some(40.into())]);
        let strict = GateSettings { single_fraction_percent: Some(Decimal::from(50)), ..site };
        assert!(review(Gate::AfterUse, &course, None, &strict).unwrap().flagged);
    }

    #[test]
    fn a_cap_comes_before_rounding_and_both_are_told() {
        let settings = Settings { cap: Some(activity("60.03 mCi")), round_to: Some(activity("0.5 mCi")) };
        let found = prescribe("40 mCi/m2".parse().unwrap(), "2 m2".parse().unwrap(), Decimal::ONE, &settings)
            .unwrap();
        assert_eq!(found.activity.to_string(), "60 mCi");
        assert_eq!((found.unrounded, found.capped), (activity("80 mCi"), true));
        assert_eq!(found.because.inputs["cap"], "60.03 mCi");
    }

    #[test]
    fn shares_and_residuals_that_cannot_be_are_refused() {
        let (level, area) = ("40 mCi/m2".parse().unwrap(), "2 m2".parse().unwrap());
        for share in ["0", "-0.5", "1.01"] {
            assert!(prescribe(level, area, share.parse().unwrap(), &Settings::default()).is_err(), "{share}");
        }
        let zero_step = Settings { cap: None, round_to: Some(Activity::ZERO) };
        assert!(prescribe(level, area, Decimal::ONE, &zero_step).is_err());
        let at: Timestamp = "2026-03-03T00:00Z".parse().unwrap();
        let reading = |text| Reading { activity: activity(text), at };
        let iodine = HalfLife::of("I-131", None).unwrap();
        let error = net_administered(reading("10 MBq"), reading("10 mCi"), at, iodine).unwrap_err();
        assert!(matches!(error, NetError::MoreLeft { .. }));
        assert_eq!(percent_of_prescribed(activity("1 MBq"), Activity::ZERO), None);
    }

    proptest! {
        #[test]
        fn shares_of_a_level_add_up_to_it(level in 1u32..1000, area in 30u32..300, parts in 1u32..8) {
            let level = ActivityPerArea::from_mbq_per_m2(level.into()).unwrap();
            let area = Area::from_square_metres(Decimal::new(area.into(), 2)).unwrap();
            let share = Decimal::ONE / Decimal::from(parts);
            let fraction = prescribe(level, area, share, &Settings::default()).unwrap().activity;
            let total = Activity::total((0..parts).map(|_| fraction)).unwrap();
            let whole = prescribe(level, area, Decimal::ONE, &Settings::default()).unwrap().activity;
            prop_assert!((total.mbq() - whole.mbq()).abs() < Decimal::new(1, 15));
        }

        #[test]
        fn a_gate_never_panics(prescribed in 0i64..i64::MAX, delivered in 0i64..i64::MAX, scale in 0u32..20) {
            let of = |n| Activity::from_mbq(Decimal::new(n, scale));
            if let (Ok(prescribed), Ok(delivered)) = (of(prescribed), of(delivered)) {
                for gate in [Gate::ProtocolTolerance, Gate::BeforeUse, Gate::AfterUse] {
                    let _ = review(gate, &[Compared { prescribed, delivered }], None, &GateSettings::default());
                }
            }
        }
    }
}
