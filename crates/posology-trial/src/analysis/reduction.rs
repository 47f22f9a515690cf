//! How far the driving marker fell, and how long it stayed down.
//!
//! Start at [`MarkerReduction::of`] for a cohort, at [`Reduction::of`] for one patient. Values on or after progression or
//! new therapy do not count: what they show is not the treatment's. Left out: a model of the marker's course.

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::imwg::{Change, Marker};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::efficacy::exact_percent;
use super::exposure::days_between;
use super::patient::PatientAnalysis;
use super::rates::Confidence;
use super::survival::{BadTime, IntervalScale, KaplanMeier, TimeToEvent};

/// Up to when values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// To the end of the window for dose-limiting toxicity: the safety evaluation period.
    SafetyEvaluation,
    /// As long as the patient was followed.
    FollowUp,
}

impl Period {
    /// The period in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SafetyEvaluation => "the safety evaluation period",
            Self::FollowUp => "the whole follow-up",
        }
    }
}

/// How long a reduction of at least so many percent lasted: from the first value that showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lasting {
    /// The reduction asked for, percent of baseline.
    pub at_least_percent: u32,
    /// Day of the first value that showed it.
    pub from: Date,
    /// Day of the last value in a row that showed it: it lasted at least until then.
    pub last_seen: Date,
    /// Day of the first value afterwards that did not; `None` where no counted value says that it ended.
    pub ended: Option<Date>,
}

impl Lasting {
    /// Days it lasted at least.
    #[must_use]
    pub fn least_days(&self) -> u32 {
        days(self.from, self.last_seen)
    }

    /// Days by which it had ended; `None` while nothing says so.
    #[must_use]
    pub fn most_days(&self) -> Option<u32> {
        self.ended.map(|ended| days(self.from, ended))
    }

    /// As data of an estimate: ended on the day that was seen, else censored at the last value that showed it.
    #[must_use]
    pub fn time(&self) -> TimeToEvent {
        let end = self.ended.unwrap_or(self.last_seen);
        TimeToEvent { days: f64::from(days(self.from, end)), event: self.ended.is_some() }
    }
}

/// The best change of one patient's driving marker, and how long reductions lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reduction {
    /// The lowest counted value beside its baseline; of equal ones the first. A value above the baseline is kept.
    pub best: Change,
    /// Its change in percent of baseline, negative for a fall; exact, not rounded.
    pub percent: Decimal,
    /// For each percentage asked for that was reached, how long.
    pub lasting: Vec<Lasting>,
}

impl Reduction {
    /// From the values after baseline, in any order, that lie before `end` where there is one, and not after `until`.
    ///
    /// A reduction of p percent is reached where `100 value <= (100 - p) baseline`, in decimals. Its lasting runs from the
    /// first value that reaches it to the first later one that does not.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use posology_clinic::response::imwg::{Change, Marker};
    /// use posology_trial::analysis::reduction::Reduction;
    /// let series = [(1, "3.0"), (2, "1.9"), (3, "2.9"), (4, "3.1")].map(|(month, value)| Change {
    ///     marker: Marker::SerumM,
    ///     date: date(2024, month, 1),
    ///     baseline: "4.0".parse().unwrap(),
    ///     value: value.parse().unwrap(),
    ///     nadir: None,
    /// });
    /// let found = Reduction::of(&series, None, None, &[25, 50]).unwrap();
    /// assert_eq!(found.percent.to_string(), "-52.5");
    /// assert_eq!((found.lasting[0].least_days(), found.lasting[0].most_days()), (60, Some(91)));
    /// assert_eq!((found.lasting[1].least_days(), found.lasting[1].most_days()), (0, Some(29)));
    /// ```
    #[must_use]
    pub fn of(series: &[Change], end: Option<Date>, until: Option<Date>, percents: &[u32]) -> Option<Self> {
        let mut counted: Vec<&Change> = series
            .iter()
            .filter(|change| {
                end.is_none_or(|end| change.date < end) && until.is_none_or(|until| change.date <= until)
            })
            .collect();
        counted.sort_by_key(|change| change.date);
        let best =
            counted.iter().copied().reduce(|best, next| if next.value < best.value { next } else { best })?;
        Some(Self {
            percent: exact_percent(best)?.normalize(),
            lasting: percents.iter().filter_map(|percent| lasting(&counted, *percent)).collect(),
            best: best.clone(),
        })
    }
}

fn lasting(counted: &[&Change], at_least_percent: u32) -> Option<Lasting> {
    let reached = |change: &Change| {
        let left = Decimal::ONE_HUNDRED.saturating_sub(Decimal::from(at_least_percent));
        change.value.saturating_mul(Decimal::ONE_HUNDRED) <= left.saturating_mul(change.baseline)
    };
    let mut later = counted.iter().skip_while(|change| !reached(change));
    let from = later.next()?.date;
    let mut lasting = Lasting { at_least_percent, from, last_seen: from, ended: None };
    for change in later {
        if !reached(change) {
            lasting.ended = Some(change.date);
            break;
        }
        lasting.last_seen = change.date;
    }
    Some(lasting)
}

/// How long a reduction of at least so many percent lasted, over the patients who reached it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastingTimes {
    /// The reduction, percent of baseline.
    pub at_least_percent: u32,
    /// Patients who reached it.
    pub reached: usize,
    /// Kaplan-Meier estimate of its lasting, from the first value that showed it; its median is the duration.
    pub curve: KaplanMeier,
}

/// Marker reduction over the patients of a cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarkerReduction {
    /// Up to when values counted.
    pub period: Period,
    /// Each patient with a counted value, by subject id.
    pub patients: Vec<(String, Reduction)>,
    /// Each without, with the reason.
    pub without: Vec<(String, Because)>,
    /// Median of the best changes, percent of baseline, unrounded; of an even number the mean of the middle two.
    pub median_percent: Option<Decimal>,
    /// The deepest and the least change, percent of baseline.
    pub range_percent: Option<(Decimal, Decimal)>,
    /// How long reductions lasted.
    pub lasting: Vec<LastingTimes>,
    /// What was counted.
    pub because: Because,
}

impl MarkerReduction {
    /// Over the treated among some patients; `percents` are the reductions whose lasting is wanted, such as 25 and 50.
    ///
    /// # Errors
    /// [`BadTime`], of which none can come from dates in order.
    pub fn of<'a>(
        patients: impl Iterator<Item = &'a PatientAnalysis>,
        period: Period,
        percents: &[u32],
    ) -> Result<Self, BadTime> {
        let (mut found, mut without) = (Vec::new(), Vec::new());
        for patient in patients.filter(|patient| patient.is_treated()) {
            match of_patient(patient, period, percents) {
                Ok(reduction) => found.push((patient.id.clone(), reduction)),
                Err(because) => without.push((patient.id.clone(), because)),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        without.sort_by(|a, b| a.0.cmp(&b.0));
        let mut changes: Vec<Decimal> = found.iter().map(|(_, reduction)| reduction.percent).collect();
        changes.sort();
        let median_percent = median(&changes);
        let range_percent = changes.first().copied().zip(changes.last().copied());
        let lasting = percents
            .iter()
            .map(|percent| {
                let times: Vec<TimeToEvent> = found
                    .iter()
                    .flat_map(|(_, reduction)| &reduction.lasting)
                    .filter(|lasting| lasting.at_least_percent == *percent)
                    .map(Lasting::time)
                    .collect();
                let curve = KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE)?;
                Ok(LastingTimes { at_least_percent: *percent, reached: times.len(), curve })
            })
            .collect::<Result<_, _>>()?;
        let shown = |percent: Decimal| {
            percent.round_dp_with_strategy(1, RoundingStrategy::ToZero).normalize().to_string()
        };
        let says = match (median_percent, range_percent) {
            (Some(median), Some((deepest, least))) => format!(
                "best change of the driving marker over {}: median {}% of baseline (range {}% to {}%) in {} patients, {} without a value",
                period.words(),
                shown(median),
                shown(deepest),
                shown(least),
                changes.len(),
                without.len()
            ),
            _ => format!("no patient has a value of the driving marker over {}", period.words()),
        };
        let markers: Vec<&str> = Marker::ALL
            .into_iter()
            .filter(|marker| found.iter().any(|(_, reduction)| reduction.best.marker == *marker))
            .map(Marker::name)
            .collect();
        let because = Because::new("marker-reduction/best-change", says)
            .input("patients", found.len())
            .input("without a value", without.len())
            .input("markers", markers.join(", "))
            .source(
                "100 (lowest value after baseline - baseline) / baseline, before progression and new therapy",
            );
        Ok(Self { period, patients: found, without, median_percent, range_percent, lasting, because })
    }
}

fn of_patient(patient: &PatientAnalysis, period: Period, percents: &[u32]) -> Result<Reduction, Because> {
    let no = |rule: &str, says: &str| Because::new(format!("marker-reduction/{rule}"), says);
    let until = match period {
        Period::FollowUp => None,
        Period::SafetyEvaluation => match &patient.window {
            Some(window) => Some(window.end),
            None => return Err(no("no-period", "the protocol has no window for dose-limiting toxicity")),
        },
    };
    let therapy = patient.facts.new_therapies.iter().map(|therapy| therapy.start.earliest_date()).min();
    let end = patient.response.confirmed.progression().into_iter().chain(therapy).min();
    if patient.response.series.is_empty() {
        return Err(no("no-marker", "no marker measurable at baseline has a value afterwards"));
    }
    Reduction::of(&patient.response.series, end, until, percents).ok_or_else(|| {
        no(
            "no-value",
            "no value of the driving marker lies in the period, before progression and new therapy",
        )
    })
}

/// The middle of values in order, or the mean of the middle two.
fn median(sorted: &[Decimal]) -> Option<Decimal> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get((sorted.len() / 2).checked_sub(1)?)?;
    lower.checked_add(upper)?.checked_div(Decimal::TWO)
}

fn days(from: Date, to: Date) -> u32 {
    days_between(from, to).and_then(|days| u32::try_from(days).ok()).unwrap_or(0)
}
