//! Cumulative incidence of an event that death, or another competing end, can forestall: the Aalen-Johansen estimate.
//!
//! Start at [`CumulativeIncidence::estimate`]. One minus a Kaplan-Meier estimate that censors the dead answers what would
//! happen if nobody died; here the dead stay dead, and the incidences of the ends and the share free of all add up to
//! one. Times are in days; who counts, and how each follow-up ended, was decided before. At equal times events come
//! before censorings. Left out: comparisons of groups, regression, left truncation.
//!
//! With `n` at risk, `e` events and `c` competing ends at a time, and `S` the share free of both just before it, the
//! incidence rises there by `S e / n`, and `S` falls by the factor `1 - (e + c) / n`. The variance is that of the delta
//! method with multinomial increments (of the Greenwood type); without a competing end it is Greenwood's. The interval is
//! symmetric in `ln(-ln(1 - F))`, so that it is then the complement of the log-log interval of Kaplan-Meier.
//!
//! Sources: Aalen OO, Johansen S. Scand J Stat 1978;5:141-150. Marubini E, Valsecchi MG. Analysing survival data from
//! clinical trials and observational studies. Wiley 1995, chapter 10.

use libm::{exp, expm1, log1p, sqrt};
use posology_design::numeric::normal_quantile;
use serde::Serialize;

use super::rates::Confidence;
use super::survival::BadTime;
use crate::Because;

/// How the follow-up of a patient ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With the event.
    Event,
    /// With an end after which the event can no longer come, such as death.
    Competing,
    /// Without either.
    Censored,
}

/// How long a patient was followed, and how that ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CompetingTime {
    /// Days from the origin; finite, 0 or more.
    pub days: f64,
    /// How it ended.
    pub ending: Ending,
}

/// What the estimate is from one time on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IncidenceStep {
    /// Days from the origin.
    pub days: f64,
    /// Patients at risk just before.
    pub at_risk: u32,
    /// Events at this time.
    pub events: u32,
    /// Competing ends at this time.
    pub competing: u32,
    /// Patients censored at this time.
    pub censored: u32,
    /// Probability of having had the event by this time.
    pub incidence: f64,
    /// Probability of having had a competing end by this time.
    pub competing_incidence: f64,
    /// Probability of having had neither.
    pub free: f64,
    /// Standard error of `incidence`.
    pub standard_error: f64,
    /// Pointwise interval, lower and upper; none where `incidence` is 0 or 1.
    pub interval: Option<(f64, f64)>,
}

/// The estimate at a stated time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IncidenceAt {
    /// Days from the origin.
    pub days: f64,
    /// Patients still at risk then.
    pub at_risk: u32,
    /// Patients with the event by then.
    pub events: u32,
    /// Probability of having had the event by then.
    pub incidence: f64,
    /// Probability of having had a competing end by then.
    pub competing_incidence: f64,
    /// Pointwise interval; none where the incidence is 0 or 1.
    pub interval: Option<(f64, f64)>,
}

/// An Aalen-Johansen estimate of the cumulative incidence of an event.
///
/// ```
/// use posology_trial::analysis::incidence::{CompetingTime, CumulativeIncidence, Ending};
/// use posology_trial::analysis::rates::Confidence;
/// let times = [(10.0, Ending::Event), (20.0, Ending::Competing), (30.0, Ending::Event), (40.0, Ending::Censored)]
///     .map(|(days, ending)| CompetingTime { days, ending });
/// let curve = CumulativeIncidence::estimate(&times, Confidence::NINETY_FIVE)?;
/// let at = curve.at(35.0).unwrap();
/// assert_eq!((at.incidence, at.competing_incidence), (0.5, 0.25)); // one minus Kaplan-Meier would say 0.625
/// # Ok::<(), posology_trial::analysis::survival::BadTime>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CumulativeIncidence {
    patients: u32,
    events: u32,
    competing: u32,
    confidence: Confidence,
    steps: Vec<IncidenceStep>,
    because: Because,
}

impl CumulativeIncidence {
    /// Estimates the curve from one time a patient, in any order. The cost grows with the square of the number of
    /// different times.
    ///
    /// # Errors
    /// A time that is negative or not finite.
    pub fn estimate(times: &[CompetingTime], confidence: Confidence) -> Result<Self, BadTime> {
        if let Some((index, bad)) =
            times.iter().enumerate().find(|(_, time)| !(time.days >= 0.0 && time.days.is_finite()))
        {
            return Err(BadTime { place: index + 1, found: bad.days });
        }
        let mut sorted = times.to_vec();
        sorted.sort_by(|a, b| a.days.total_cmp(&b.days));
        let mut at_risk = count(sorted.len());
        let (mut free, mut incidence, mut competing_incidence) = (1.0, 0.0, 0.0);
        let mut steps: Vec<IncidenceStep> = Vec::new();
        let mut increments: Vec<Increment> = Vec::new();
        for same_time in sorted.chunk_by(|a, b| a.days == b.days) {
            let Some(CompetingTime { days, .. }) = same_time.first().copied() else { continue };
            let with = |ending| count(same_time.iter().filter(|time| time.ending == ending).count());
            let [events, competing, censored] =
                [Ending::Event, Ending::Competing, Ending::Censored].map(with);
            let (n, e, c) = (f64::from(at_risk), f64::from(events), f64::from(competing));
            let before = free;
            if events + competing > 0 {
                incidence += before * e / n;
                competing_incidence += before * c / n;
                free *= (n - e - c) / n;
                increments.push(Increment { n, e, c, before, incidence });
            }
            let standard_error = sqrt(variance(&increments, incidence));
            steps.push(IncidenceStep {
                days,
                at_risk,
                events,
                competing,
                censored,
                incidence,
                competing_incidence,
                free,
                standard_error,
                interval: interval(incidence, standard_error, confidence),
            });
            at_risk -= events + competing + censored;
        }
        let patients = count(times.len());
        let events = steps.iter().map(|step| step.events).sum();
        let competing = steps.iter().map(|step| step.competing).sum();
        let says = format!(
            "{events} events and {competing} competing ends among {patients} patients, pointwise {confidence} intervals"
        );
        let because = Because::new("incidence/aalen-johansen", says)
            .input("patients", patients)
            .input("events", events)
            .input("competing", competing)
            .input("confidence", confidence)
            .input("interval", "log-log of one minus the incidence, variance by the delta method")
            .source(
                "Aalen OO, Johansen S. Scand J Stat 1978;5:141-150; Marubini E, Valsecchi MG. Analysing survival data. Wiley 1995, chapter 10",
            );
        Ok(Self { patients, events, competing, confidence, steps, because })
    }

    /// Patients at risk just before a time: with neither end nor censoring earlier. 0 after the last.
    #[must_use]
    pub fn at_risk(&self, days: f64) -> u32 {
        self.steps.iter().find(|step| step.days >= days).map_or(0, |step| step.at_risk)
    }

    /// Patients in the estimate.
    #[must_use]
    pub fn patients(&self) -> u32 {
        self.patients
    }

    /// Patients with the event.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.events
    }

    /// Patients with a competing end before the event.
    #[must_use]
    pub fn competing(&self) -> u32 {
        self.competing
    }

    /// The confidence of its intervals.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// The curve at each time with an event, a competing end or a censoring, ascending. Before the first it is 0.
    #[must_use]
    pub fn steps(&self) -> &[IncidenceStep] {
        &self.steps
    }

    /// What was estimated from whom, and where the method is written.
    #[must_use]
    pub fn because(&self) -> &Because {
        &self.because
    }

    /// The estimate at a stated time; none beyond the last follow-up, unless every patient's end came before.
    #[must_use]
    pub fn at(&self, days: f64) -> Option<IncidenceAt> {
        let last = self.steps.last()?;
        if days.is_nan() || days < 0.0 || (days > last.days && last.free > 0.0) {
            return None;
        }
        let by_then = || self.steps.iter().filter(|step| step.days <= days);
        let step = by_then().next_back();
        Some(IncidenceAt {
            days,
            at_risk: self.at_risk(days),
            events: by_then().map(|step| step.events).sum(),
            incidence: step.map_or(0.0, |step| step.incidence),
            competing_incidence: step.map_or(0.0, |step| step.competing_incidence),
            interval: step.and_then(|step| step.interval),
        })
    }
}

/// A time at which someone had an event or a competing end.
struct Increment {
    n: f64,
    e: f64,
    c: f64,
    /// Share free of both just before.
    before: f64,
    /// Incidence from then on.
    incidence: f64,
}

/// The variance of the incidence after these increments, by the delta method.
fn variance(increments: &[Increment], incidence: f64) -> f64 {
    let of_one = |at: &Increment| {
        let (ends, rise) = (at.e + at.c, incidence - at.incidence);
        // Where nobody stays at risk nothing rises later, and the first term is 0 times infinity.
        let later = if at.n > ends { rise * rise * ends / (at.n * (at.n - ends)) } else { 0.0 };
        let here = at.before * at.before * at.e * (at.n - at.e) / (at.n * at.n * at.n);
        let both = 2.0 * rise * at.before * at.e / (at.n * at.n);
        later + here - both
    };
    increments.iter().map(of_one).sum::<f64>().max(0.0)
}

fn interval(incidence: f64, standard_error: f64, confidence: Confidence) -> Option<(f64, f64)> {
    if incidence <= 0.0 || incidence >= 1.0 {
        return None;
    }
    let ln_free = log1p(-incidence);
    let z = normal_quantile(0.5 + 0.5 * confidence.probability());
    let reach = z * standard_error / ((1.0 - incidence) * -ln_free);
    let bound = |shift: f64| -expm1(ln_free * exp(shift));
    Some((bound(-reach), bound(reach)))
}

fn count(patients: usize) -> u32 {
    u32::try_from(patients).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
