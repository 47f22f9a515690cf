//! Kaplan-Meier estimates of the time to an event, with pointwise intervals, quantiles and landmark rates.
//!
//! Start at [`KaplanMeier::estimate`]. Times are in days; who is censored, and when, was decided before. At equal
//! times events come before censorings. Left out: left truncation, weights and comparisons of groups.
//!
//! Sources: Kaplan EL, Meier P. J Am Stat Assoc 1958;53:457-481; variance by Greenwood's formula; quantile limits:
//! Brookmeyer R, Crowley J. Biometrics 1982;38:29-41. Equal to R's survival 3.5-3 on the
//! data of the test, but for the two points its comments name.

use libm::{exp, log, sqrt};
use posology_design::numeric::normal_quantile;
use serde::Serialize;
use thiserror::Error;

use super::rates::Confidence;
use crate::Because;

/// Estimates of a probability closer than this are equal: sums of counts differ by rounding alone.
const SAME: f64 = 1e-9;

/// How long a patient was followed, and whether the event ended it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimeToEvent {
    /// Days from the origin to the event or to censoring; finite, 0 or more.
    pub days: f64,
    /// Whether the event happened; else the patient is censored.
    pub event: bool,
}

/// The scale on which a pointwise interval is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalScale {
    /// The probability itself, cut to 0 and 1.
    Plain,
    /// Its logarithm, cut to 1: the default of R.
    Log,
    /// The logarithm of minus its logarithm: the default of SAS, and the one for few patients.
    LogLog,
}

/// What the estimate is from one time on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Days from the origin.
    pub days: f64,
    /// Patients at risk just before.
    pub at_risk: u32,
    /// Events at this time.
    pub events: u32,
    /// Patients censored at this time.
    pub censored: u32,
    /// Probability of being free of the event beyond this time.
    pub survival: f64,
    /// Standard error of ln of `survival`, by Greenwood's formula; infinite where `survival` is 0.
    #[serde(skip)]
    pub ln_standard_error: f64,
    /// Pointwise interval, lower and upper; none where `survival` is 0, or on the log-log scale 1.
    pub interval: Option<(f64, f64)>,
}

/// The time by which a share of the patients had the event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    /// The share, such as 0.5 for the median.
    pub share: f64,
    /// The estimate in days; none if not reached.
    pub days: Option<f64>,
    /// Lower limit in days; none if not estimable.
    pub lower: Option<f64>,
    /// Upper limit in days; none if not estimable.
    pub upper: Option<f64>,
}

/// The estimate at a landmark such as day 182.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Landmark {
    /// Days from the origin.
    pub days: f64,
    /// Patients at risk then.
    pub at_risk: u32,
    /// Probability of being free of the event beyond then.
    pub survival: f64,
    /// Pointwise interval.
    pub interval: Option<(f64, f64)>,
}

/// A Kaplan-Meier estimate.
///
/// ```
/// use posology_trial::analysis::rates::Confidence;
/// use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
/// let times = [(30.0, true), (60.0, false), (90.0, true), (120.0, false)]
///     .map(|(days, event)| TimeToEvent { days, event });
/// let curve = KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE)?;
/// assert_eq!(curve.steps()[2].survival, 0.375); // 3/4 of 1/2
/// assert_eq!(curve.median().days, Some(90.0));
/// assert_eq!(curve.at(200.0), None); // nobody was followed so long
/// # Ok::<(), posology_trial::analysis::survival::BadTime>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KaplanMeier {
    patients: u32,
    events: u32,
    scale: IntervalScale,
    confidence: Confidence,
    steps: Vec<Step>,
    because: Because,
}

impl KaplanMeier {
    /// Estimates the curve from one time a patient, in any order.
    ///
    /// # Errors
    /// A time that is negative or not finite.
    pub fn estimate(
        times: &[TimeToEvent],
        scale: IntervalScale,
        confidence: Confidence,
    ) -> Result<Self, BadTime> {
        if let Some((index, bad)) =
            times.iter().enumerate().find(|(_, time)| !(time.days >= 0.0 && time.days.is_finite()))
        {
            return Err(BadTime { place: index + 1, found: bad.days });
        }
        let mut sorted = times.to_vec();
        sorted.sort_by(|a, b| a.days.total_cmp(&b.days));
        let z = normal_quantile(0.5 + 0.5 * confidence.probability());
        let mut at_risk = count(sorted.len());
        let (mut survival, mut variance) = (1.0, 0.0);
        let mut steps = Vec::new();
        for same_time in sorted.chunk_by(|a, b| a.days == b.days) {
            let Some(TimeToEvent { days, .. }) = same_time.first().copied() else { continue };
            let events = count(same_time.iter().filter(|time| time.event).count());
            let censored = count(same_time.len()) - events;
            let (n, d) = (f64::from(at_risk), f64::from(events));
            if events > 0 {
                survival *= (n - d) / n;
                variance += d / (n * (n - d));
            }
            let ln_standard_error = sqrt(variance);
            let interval = interval(survival, z * ln_standard_error, scale);
            steps.push(Step { days, at_risk, events, censored, survival, ln_standard_error, interval });
            at_risk -= events + censored;
        }
        let patients = count(times.len());
        let events = steps.iter().map(|step| step.events).sum();
        let says = format!("{events} events among {patients} patients, pointwise {confidence} intervals");
        let because = Because::new("survival/kaplan-meier", says)
            .input("patients", patients)
            .input("events", events)
            .input("confidence", confidence)
            .input("interval", scale.word())
            .source(
                "Kaplan EL, Meier P. J Am Stat Assoc 1958;53:457-481, doi:10.1080/01621459.1958.10501452",
            );
        Ok(Self { patients, events, scale, confidence, steps, because })
    }

    /// The follow-up: the curve of the same patients with event and censoring exchanged, so that its median is the time
    /// for which half would have been followed had nobody had the event (Schemper and Smith's reverse Kaplan-Meier).
    ///
    /// At equal times the ends of follow-up come before the events, as R's survfit has it with the status exchanged.
    ///
    /// ```
    /// use posology_trial::analysis::rates::Confidence;
    /// use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
    /// let times = [(30.0, true), (60.0, false), (90.0, true), (120.0, false)]
    ///     .map(|(days, event)| TimeToEvent { days, event });
    /// let follow_up = KaplanMeier::follow_up(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE)?;
    /// assert_eq!((follow_up.events(), follow_up.median().days), (2, Some(120.0))); // 2/3 from day 60, then 0
    /// # Ok::<(), posology_trial::analysis::survival::BadTime>(())
    /// ```
    ///
    /// # Errors
    /// A time that is negative or not finite.
    pub fn follow_up(
        times: &[TimeToEvent],
        scale: IntervalScale,
        confidence: Confidence,
    ) -> Result<Self, BadTime> {
        let exchanged: Vec<TimeToEvent> =
            times.iter().map(|time| TimeToEvent { days: time.days, event: !time.event }).collect();
        let mut curve = Self::estimate(&exchanged, scale, confidence)?;
        curve.because = Because::new(
            "survival/reverse-kaplan-meier",
            format!("{} of {} patients are followed without the event", curve.events, curve.patients),
        )
        .input("patients", curve.patients)
        .input("censored", curve.events)
        .input("confidence", confidence)
        .input("interval", scale.word())
        .source(
            "Schemper M, Smith TL. Control Clin Trials 1996;17:343-346, doi:10.1016/0197-2456(96)00075-X",
        );
        Ok(curve)
    }

    /// Patients at risk just before a time: with neither event nor censoring earlier. 0 after the last.
    ///
    /// ```
    /// use posology_trial::analysis::rates::Confidence;
    /// use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
    /// let times = [(30.0, true), (60.0, false), (90.0, true)].map(|(days, event)| TimeToEvent { days, event });
    /// let curve = KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE)?;
    /// assert_eq!([0.0, 30.0, 31.0, 90.0, 91.0].map(|days| curve.at_risk(days)), [3, 3, 2, 1, 0]);
    /// # Ok::<(), posology_trial::analysis::survival::BadTime>(())
    /// ```
    pub fn at_risk(&self, days: f64) -> u32 {
        self.steps.iter().find(|step| step.days >= days).map_or(0, |step| step.at_risk)
    }

    /// Patients in the estimate.
    pub fn patients(&self) -> u32 {
        self.patients
    }

    /// Patients with the event.
    pub fn events(&self) -> u32 {
        self.events
    }

    /// The scale of its intervals.
    pub fn scale(&self) -> IntervalScale {
        self.scale
    }

    /// The confidence of its intervals.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// The curve at each time with an event or a censoring, ascending. Before the first it is 1.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What was estimated from whom, and where the method is written.
    pub fn because(&self) -> &Because {
        &self.because
    }

    /// The median time with its limits.
    pub fn median(&self) -> Quantile {
        self.quantile(0.5)
    }

    /// The times by which a quarter, half and three quarters had the event, with their limits.
    pub fn quartiles(&self) -> [Quantile; 3] {
        [0.25, 0.5, 0.75].map(|share| self.quantile(share))
    }

    /// The time by which `share` (between 0 and 1) of the patients had the event: where the curve falls to 1 -
    /// `share`, or the middle of the flat part if it stays exactly there until it falls again. The limits are
    /// those of the curve's lower and upper pointwise bounds, each where it first falls so low: on the log scale the
    /// upper bound may rise again late, and R then takes the later time.
    pub fn quantile(&self, share: f64) -> Quantile {
        let reaches = |curve: fn(&Step) -> Option<f64>| falls_to(&self.steps, curve, 1.0 - share);
        Quantile {
            share,
            days: reaches(|step| Some(step.survival)),
            lower: reaches(|step| step.interval.map(|(lower, _)| lower)),
            upper: reaches(|step| step.interval.map(|(_, upper)| upper)),
        }
    }

    /// The estimate at a landmark; none beyond the last follow-up, unless everyone had the event before.
    pub fn at(&self, days: f64) -> Option<Landmark> {
        let last = self.steps.last()?;
        if days.is_nan() || days < 0.0 || (days > last.days && last.survival > 0.0) {
            return None;
        }
        let at_risk = self.at_risk(days);
        let (survival, interval) = match self.steps.iter().rev().find(|step| step.days <= days) {
            Some(step) => (step.survival, step.interval),
            None => (1.0, interval(1.0, 0.0, self.scale)),
        };
        Some(Landmark { days, at_risk, survival, interval })
    }
}

impl IntervalScale {
    /// The word in files and on screens, such as `log-log`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Log => "log",
            Self::LogLog => "log-log",
        }
    }
}

/// The interval of half-width `reach` in ln of the probability, carried over to the scale.
fn interval(survival: f64, reach: f64, scale: IntervalScale) -> Option<(f64, f64)> {
    if survival <= 0.0 {
        return None;
    }
    let ln = log(survival);
    match scale {
        IntervalScale::Plain => {
            Some(((survival - survival * reach).max(0.0), (survival + survival * reach).min(1.0)))
        }
        IntervalScale::Log => Some((exp(ln - reach), exp(ln + reach).min(1.0))),
        IntervalScale::LogLog if survival >= 1.0 => None,
        IntervalScale::LogLog => {
            let bound = |shift: f64| exp(ln * exp(shift));
            Some((bound(-reach / ln), bound(reach / ln)))
        }
    }
}

/// Where a curve of the steps first is at most `height`, or the middle of its flat part at exactly that height.
fn falls_to(steps: &[Step], curve: fn(&Step) -> Option<f64>, height: f64) -> Option<f64> {
    let first_at_most = |bound: f64| {
        steps.iter().find(|step| curve(step).is_some_and(|value| value <= bound)).map(|step| step.days)
    };
    let reached = first_at_most(height + SAME)?;
    Some(first_at_most(height - SAME).map_or(reached, |below| 0.5 * (reached + below)))
}

fn count(patients: usize) -> u32 {
    u32::try_from(patients).unwrap_or(u32::MAX)
}

/// A time no patient can have.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("time {place}: found {found} days, expected 0 or more: correct the origin or the date of the event")]
pub struct BadTime {
    /// Its place in the data, from 1.
    pub place: usize,
    /// The days found.
    pub found: f64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn numbers(value: &Value) -> Vec<Option<f64>> {
        value.as_array().unwrap().iter().map(Value::as_f64).collect()
    }

    fn times(case: &Value) -> Vec<TimeToEvent> {
        let time = numbers(&case["time"]).into_iter().flatten();
        time.zip(numbers(&case["status"]))
            .map(|(days, status)| TimeToEvent { days, event: status == Some(1.0) })
            .collect()
    }

    fn close(found: Option<f64>, expected: Option<f64>, what: &str) {
        match (found, expected) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() < 1e-12, "{what}: {found} is not {expected}");
            }
            other => assert_eq!(other, (None, None), "{what}"),
        }
    }

    /// Source: R 4.2.2, survival 3.5-3: survfit and its quantile method, at 95%.
    #[test]
    fn curves_intervals_quantiles_and_landmarks_are_those_of_r() {
        let cases: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/kaplan_meier.json")).unwrap();
        for case in cases.as_array().unwrap() {
            for scale in [IntervalScale::Plain, IntervalScale::Log, IntervalScale::LogLog] {
                let curve = KaplanMeier::estimate(&times(case), scale, Confidence::NINETY_FIVE).unwrap();
                let (shape, expected) = (&case["plain"], &case[scale.word()]);
                let what = format!("{} {}", case["label"], scale.word());
                let steps = curve.steps();
                let [surv, n_risk] = ["surv", "n_risk"].map(|key| numbers(&shape[key]));
                let [lower, upper] = ["lower", "upper"].map(|key| numbers(&expected[key]));
                assert_eq!(steps.len(), surv.len(), "{what}");
                for (index, step) in steps.iter().enumerate() {
                    assert_eq!(Some(f64::from(step.at_risk)), n_risk[index], "{what}");
                    close(Some(step.survival), surv[index], &what);
                    close(step.interval.map(|bounds| bounds.0), lower[index], &what);
                    close(step.interval.map(|bounds| bounds.1), upper[index], &what);
                }
                for (index, quantile) in curve.quartiles().iter().enumerate() {
                    close(quantile.days, numbers(&expected["quantile"])[index], &what);
                    close(quantile.lower, numbers(&expected["q_lower"])[index], &what);
                    if what == "\"aml all\" log" && quantile.share == 0.5 {
                        // The upper bound falls below one half at 45 and rises to 0.46 at 48: R takes the later.
                        assert_eq!(quantile.upper, Some(45.0));
                    } else {
                        close(quantile.upper, numbers(&expected["q_upper"])[index], &what);
                    }
                }
                let (at, at_shape) = (&expected["at_times"], &shape["at_times"]);
                for (index, days) in numbers(&at["t"]).into_iter().flatten().enumerate() {
                    let landmark = curve.at(days).unwrap();
                    assert_eq!(
                        Some(f64::from(landmark.at_risk)),
                        numbers(&at_shape["n_risk"])[index],
                        "{what}"
                    );
                    close(Some(landmark.survival), numbers(&at_shape["surv"])[index], &what);
                    if landmark.survival == 1.0 && scale == IntervalScale::LogLog {
                        assert_eq!(landmark.interval, None, "{what}: R prints 1 to 1 before the first time");
                    } else {
                        close(landmark.interval.map(|bounds| bounds.0), numbers(&at["lower"])[index], &what);
                        close(landmark.interval.map(|bounds| bounds.1), numbers(&at["upper"])[index], &what);
                    }
                }
            }
        }
    }

    #[test]
    fn beyond_the_last_follow_up_nothing_is_said_unless_all_had_the_event() {
        let estimate = |event| {
            let times = [(10.0, true), (20.0, event)].map(|(days, event)| TimeToEvent { days, event });
            KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap()
        };
        assert_eq!(estimate(false).at(21.0), None);
        let none_left = estimate(true).at(21.0).unwrap();
        assert_eq!((none_left.survival, none_left.at_risk, none_left.interval), (0.0, 0, None));
    }

    /// Source: worked by hand. Follow-up ends at 20, 40 and 50; events at 10 and 30 leave the follow-up open:
    /// 1 - 1/4 = 3/4 from day 20, times 1/2 = 3/8 from day 40, 0 from day 50.
    #[test]
    fn the_median_follow_up_is_where_the_exchanged_curve_falls_to_one_half() {
        let times = [(10.0, true), (20.0, false), (30.0, true), (40.0, false), (50.0, false)]
            .map(|(days, event)| TimeToEvent { days, event });
        let curve = KaplanMeier::follow_up(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
        let survival: Vec<f64> = curve.steps().iter().map(|step| step.survival).collect();
        assert_eq!(survival, [1.0, 0.75, 0.75, 0.375, 0.0]);
        assert_eq!((curve.patients(), curve.events(), curve.median().days), (5, 3, Some(40.0)));
        assert_eq!(curve.because().rule, "survival/reverse-kaplan-meier");
    }

    #[test]
    fn nobody_gives_an_empty_curve_and_no_median() {
        let curve = KaplanMeier::estimate(&[], IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
        assert_eq!(
            (curve.patients(), curve.steps().len(), curve.median().days, curve.at(0.0)),
            (0, 0, None, None)
        );
    }

    #[test]
    fn a_time_that_no_patient_can_have_is_refused_with_its_place() {
        for days in [-1.0, f64::NAN, f64::INFINITY] {
            let times = [TimeToEvent { days: 1.0, event: true }, TimeToEvent { days, event: false }];
            let error = KaplanMeier::estimate(&times, IntervalScale::Log, Confidence::NINETY).unwrap_err();
            assert_eq!(error.place, 2);
        }
    }

    proptest! {
        #[test]
        fn curves_fall_within_their_intervals_and_the_order_of_patients_is_nothing(
            mut data in prop::collection::vec((0_u32..50, any::<bool>()), 1..40)
        ) {
            let estimate = |data: &[(u32, bool)]| {
                let times: Vec<_> =
                    data.iter().map(|(days, event)| TimeToEvent { days: f64::from(*days), event: *event }).collect();
                KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap()
            };
            let curve = estimate(&data);
            prop_assert!(curve.steps().is_sorted_by(|a, b| a.days < b.days && a.survival >= b.survival));
            for step in curve.steps() {
                if let Some((lower, upper)) = step.interval {
                    prop_assert!(0.0 <= lower && lower <= step.survival && step.survival <= upper && upper <= 1.0);
                }
            }
            data.reverse();
            prop_assert_eq!(estimate(&data), curve);
        }

        #[test]
        fn censoring_a_patient_later_never_lowers_survival(
            data in prop::collection::vec((0_u32..50, any::<bool>()), 1..40),
            who in any::<prop::sample::Index>(),
            longer in 1_u32..60,
        ) {
            let mut times: Vec<_> =
                data.iter().map(|(days, event)| TimeToEvent { days: f64::from(*days), event: *event }).collect();
            let who = who.index(times.len());
            times[who].event = false;
            let estimate =
                |times: &[TimeToEvent]| KaplanMeier::estimate(times, IntervalScale::Log, Confidence::NINETY).unwrap();
            let before = estimate(&times);
            times[who].days += f64::from(longer);
            let after = estimate(&times);
            for step in before.steps() {
                let later = after.at(step.days).unwrap();
                prop_assert!(later.survival >= step.survival - 1e-12, "day {}", step.days);
                prop_assert!(later.at_risk >= step.at_risk);
            }
        }
    }
}
