//! How long a count stayed low, as far as samples can tell, and the course of a cytopenia.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::course::{Course, Sample, study_day};
use super::days_between;
use crate::laboratory::{Analyte, Qualifier};

/// A duration known only from samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The shortest: from the first to the last sample that shows it, in days.
    pub lower_days: u32,
    /// The longest: from the last sample before that does not show it (else the first that does) to the first after
    /// that does not, in days; `None` if it was still open at the cut.
    pub upper_days: Option<u32>,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.upper_days {
            Some(upper) if upper == self.lower_days => write!(f, "{upper} days"),
            Some(upper) => write!(f, "{} to {upper} days", self.lower_days),
            None => write!(f, "at least {} days, still open at the cut", self.lower_days),
        }
    }
}

/// What a sample shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// Beyond the bound.
    Ill,
    /// Beyond it if what nobody recorded is taken at its worst.
    Perhaps(String),
    /// Not to be told.
    Unknown(String),
    /// Not beyond it.
    Well,
}

pub(super) struct Seen {
    pub(super) date: Date,
    pub(super) status: Status,
    pub(super) supported: bool,
}

/// Successive samples none of which shows recovery.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// First and last sample that is not well.
    pub(super) first: Date,
    pub(super) last: Date,
    /// First and last sample of the longest stretch that is ill for certain throughout.
    pub(super) sure: Option<(Date, Date)>,
    stretch: Option<(Date, Date)>,
    perhaps: bool,
    /// Last sample that does not show recovery, be it for support.
    pub(super) last_unrecovered: Date,
    /// Last sample before that was well, and first after that shows recovery.
    pub(super) before: Option<Date>,
    pub(super) after: Option<Date>,
    /// Why a sample of it could not be told, or what was taken for granted.
    pub(super) why: Option<String>,
}

impl Run {
    /// Whether any of it was seen, rather than not to be told.
    pub(super) fn seen(&self) -> bool {
        self.sure.is_some() || self.perhaps
    }

    pub(super) fn interval(&self) -> Interval {
        Interval {
            lower_days: self.sure.map_or(0, |(first, last)| days_between(first, last)),
            upper_days: self.after.map(|after| self.longest_until(after)),
        }
    }

    /// The longest it can have lasted by its end, or by a cut if it is open.
    pub(super) fn longest_until(&self, cut: Date) -> u32 {
        days_between(self.before.unwrap_or(self.first), self.after.unwrap_or(cut))
    }

    fn open(date: Date, before: Option<Date>) -> Self {
        Self {
            first: date,
            last: date,
            sure: None,
            stretch: None,
            perhaps: false,
            last_unrecovered: date,
            before,
            after: None,
            why: None,
        }
    }

    fn extend(&mut self, date: Date, status: Status) {
        (self.last, self.last_unrecovered) = (date, date);
        match status {
            Status::Ill => {
                let stretch = (self.stretch.map_or(date, |s| s.0), date);
                self.stretch = Some(stretch);
                let longer =
                    |sure: (Date, Date)| days_between(stretch.0, stretch.1) > days_between(sure.0, sure.1);
                if self.sure.is_none_or(longer) {
                    self.sure = Some(stretch);
                }
            }
            Status::Perhaps(why) => {
                (self.stretch, self.perhaps) = (None, true);
                self.why.get_or_insert(why);
            }
            Status::Unknown(why) => {
                self.stretch = None;
                self.why.get_or_insert(why);
            }
            Status::Well => {}
        }
    }
}

/// The runs among samples in order of date that begin on or after a date. `known_well` is a date before them at which
/// the count was not low.
pub(super) fn runs(seen: &[Seen], known_well: Option<Date>, from: Date) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut open: Option<Run> = None;
    let mut last_well = known_well;
    for Seen { date, status, supported } in seen {
        match (status, &mut open) {
            // Under support a count is not known to have recovered by itself.
            (Status::Well, Some(run)) if *supported => run.last_unrecovered = *date,
            (Status::Well, _) => {
                if let Some(mut run) = open.take() {
                    run.after = Some(*date);
                    runs.push(run);
                }
                last_well = last_well.max(Some(*date));
            }
            (_, None) if *date < from => {}
            (status, _) => {
                open.get_or_insert_with(|| Run::open(*date, last_well)).extend(*date, status.clone());
            }
        }
    }
    runs.extend(open);
    runs
}

/// The course of a count after treatment: where it began, how low it went, how long, and when it came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kinetics {
    /// The value before treatment, in the canonical unit.
    pub baseline: Option<Decimal>,
    /// The lowest value after the first fraction.
    pub nadir: Option<Nadir>,
    /// For each bound asked for, the times below it.
    pub below: Vec<(Decimal, Vec<Episode>)>,
    /// When it came back to the bound of recovery after the lowest value, if it was below it.
    pub recovery: Option<Recovery>,
}

/// The lowest value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nadir {
    /// The value in the canonical unit.
    pub value: Decimal,
    /// The value as reported, with `<` where it is a limit of the method.
    pub reported: String,
    /// Study day of the first sample with it.
    pub day: i32,
    /// Whether that sample was taken under transfusion or growth factor.
    pub supported: bool,
}

/// One time below a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// Study day of the first sample below.
    pub first_day: i32,
    /// Study day of the last sample below.
    pub last_day: i32,
    /// How long, as far as samples tell.
    pub interval: Interval,
}

/// When a count recovered: after one study day, by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Last day at which it was not recovered, be it for support.
    pub after_day: i32,
    /// First day at which it was, without support; `None` if it never was by the cut.
    pub by_day: Option<i32>,
}

/// The kinetics of a count: `bounds` and `recovered_at` are in the analyte's canonical unit; a value at a bound is not
/// below it.
///
/// A value that the laboratory gives only as "<x" counts as x, unless x is above a bound: then it neither shows a time
/// below that bound nor recovery.
pub fn kinetics(course: &Course, analyte: Analyte, bounds: &[Decimal], recovered_at: Decimal) -> Kinetics {
    let day = |date| study_day(course.first_fraction, date);
    let baseline = course.baseline(analyte);
    let after: Vec<&Sample> = course
        .of(analyte)
        .into_iter()
        .filter(|sample| {
            sample.date >= course.first_fraction && !baseline.is_some_and(|b| std::ptr::eq(b, *sample))
        })
        .collect();
    let status = |sample: &Sample, bound: Decimal| {
        let value = sample.value.canonical;
        match sample.value.measured.qualifier {
            Qualifier::Exact if value < bound => Status::Ill,
            Qualifier::LessThan if value <= bound => Status::Ill,
            Qualifier::Exact => Status::Well,
            Qualifier::GreaterThan if value >= bound => Status::Well,
            Qualifier::LessThan | Qualifier::GreaterThan => Status::Unknown(String::new()),
        }
    };
    let runs_below = |bound: Decimal| {
        let seen: Vec<Seen> = after
            .iter()
            .map(|s| Seen { date: s.date, status: status(s, bound), supported: s.supported })
            .collect();
        let known_well = baseline.filter(|b| status(b, bound) == Status::Well).map(|b| b.date);
        runs(&seen, known_well, course.first_fraction)
    };
    let lowest = after
        .iter()
        .filter(|sample| sample.value.measured.qualifier != Qualifier::GreaterThan)
        // Of equals the first.
        .min_by(|a, b| a.value.canonical.cmp(&b.value.canonical));
    let below = bounds
        .iter()
        .map(|&bound| {
            let episodes = runs_below(bound).into_iter().filter_map(|run| {
                let (first, last) = run.sure?;
                Some(Episode { first_day: day(first), last_day: day(last), interval: run.interval() })
            });
            (bound, episodes.collect())
        })
        .collect();
    let recovery = lowest.and_then(|nadir| {
        runs_below(recovered_at)
            .into_iter()
            .find(|run| (run.first..=run.last).contains(&nadir.date))
            .map(|run| Recovery { after_day: day(run.last_unrecovered), by_day: run.after.map(day) })
    });
    Kinetics {
        baseline: baseline.map(|b| b.value.canonical),
        nadir: lowest.map(|sample| Nadir {
            value: sample.value.canonical,
            reported: sample.value.measured.to_string(),
            day: day(sample.date),
            supported: sample.supported,
        }),
        below,
        recovery,
    }
}
