//! One patient's course, as far as DLT rules read it, and the days they count.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ctcae::{Circumstances, Direction, Graded, Version, grade};
use crate::laboratory::{Analyte, LabValue};

/// What is recorded of a patient up to a cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Date of the first fraction: study day 1.
    pub first_fraction: Date,
    /// Last date for which the record speaks: the data cut, or the end of the patient's follow-up if earlier.
    pub cut: Date,
    /// Laboratory samples, in any order.
    pub samples: Vec<Sample>,
    /// Adverse events, in any order.
    pub adverse_events: Vec<AdverseEvent>,
    /// Fractions, in the order of the plan.
    pub fractions: Vec<Fraction>,
    /// Transfusions, growth factors and stem cells given, in any order.
    pub support: Vec<Support>,
}

/// A kind of support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SupportKind {
    /// Platelets transfused.
    PlateletTransfusion,
    /// Red cells transfused.
    RedCellTransfusion,
    /// Granulocyte growth factor.
    GrowthFactor,
    /// Stem cells returned.
    StemCellRescue,
}

impl SupportKind {
    /// The kind in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PlateletTransfusion => "platelet transfusion",
            Self::RedCellTransfusion => "red-cell transfusion",
            Self::GrowthFactor => "growth factor",
            Self::StemCellRescue => "stem-cell rescue",
        }
    }
}

/// Support given on a day; where the day is recorded only in part, the days between which it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// What was given.
    pub kind: SupportKind,
    /// The earliest day it can have been.
    pub earliest: Date,
    /// The latest day it can have been; the same where the day is known.
    pub latest: Date,
}

/// One result of one analyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Date of the sample.
    pub date: Date,
    /// The value.
    pub value: LabValue,
    /// Taken under transfusion or growth factor, so that it cannot show recovery.
    pub supported: bool,
    /// What else was recorded that changes a grade.
    pub circumstances: Circumstances,
}

/// One adverse event, or one period of it with a grade of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdverseEvent {
    /// What the record calls it, so that a judgement on it can be found again.
    pub key: String,
    /// The term, such as the MedDRA preferred term.
    pub term: String,
    /// The system organ class; empty where nobody recorded it.
    pub class: String,
    /// CTCAE grade, 1 to 5, if recorded.
    pub grade: Option<u8>,
    /// First day.
    pub start: Date,
    /// Last day; `None` while it lasts.
    pub end: Option<Date>,
    /// Whether it is related to treatment; `None` if nobody recorded it, which is not "unrelated".
    pub related: Option<bool>,
    /// Whether it is a serious adverse event; `None` if nobody recorded it, which is not "no".
    pub serious: Option<bool>,
}

/// One planned fraction and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    /// Date of the plan.
    pub planned: Date,
    /// What became of it.
    pub outcome: FractionOutcome,
    /// Why it was delayed, omitted or reduced; `None` if it was not, or nobody recorded why.
    pub reason: Option<Reason>,
}

/// What became of a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FractionOutcome {
    /// Given.
    Given {
        /// On this date.
        on: Date,
        /// With less activity than first prescribed.
        reduced: bool,
    },
    /// Not given, and it will not be.
    Omitted,
    /// Not given yet.
    Awaited,
}

/// Why a fraction was delayed, omitted or reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Toxicity.
    Toxicity,
    /// Anything else, such as supply or the patient's wish.
    Other,
}

impl Course {
    /// A course without a record yet.
    pub fn new(first_fraction: Date, cut: Date) -> Self {
        Self {
            first_fraction,
            cut,
            samples: Vec::new(),
            adverse_events: Vec::new(),
            fractions: Vec::new(),
            support: Vec::new(),
        }
    }

    /// The samples of an analyte up to the cut, by date.
    pub(super) fn of(&self, analyte: Analyte) -> Vec<&Sample> {
        let mut samples: Vec<&Sample> =
            self.samples.iter().filter(|s| s.value.analyte == analyte && s.date <= self.cut).collect();
        samples.sort_by_key(|sample| sample.date);
        samples
    }

    /// The last sample of an analyte on or before the day of the first fraction.
    pub fn baseline(&self, analyte: Analyte) -> Option<&Sample> {
        self.of(analyte).into_iter().take_while(|sample| sample.date <= self.first_fraction).last()
    }
}

impl Sample {
    /// A sample without support, and with nothing else recorded.
    pub fn new(date: Date, value: LabValue) -> Self {
        Self { date, value, supported: false, circumstances: Circumstances::default() }
    }

    /// The same sample, under transfusion or growth factor.
    #[must_use]
    pub fn under_support(self) -> Self {
        Self { supported: true, ..self }
    }

    pub(super) fn graded(
        &self,
        version: Version,
        baseline: Option<&Self>,
        direction: Direction,
    ) -> Option<Graded> {
        grade(version, &self.value, baseline.map(|b| &b.value), &self.circumstances)
            .into_iter()
            .find(|graded| graded.direction == direction)
    }
}

/// The DLT window of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Date of the first fraction.
    pub first_fraction: Date,
    /// Last date of the window.
    pub end: Date,
}

impl Window {
    /// The window that ends at the later of the first fraction plus `days` and the last given fraction plus
    /// `min_after_last`.
    ///
    /// ```
    /// use posology_clinic::dlt::Window;
    /// use jiff::civil::date;
    /// let window = Window::new(date(2026, 1, 1), 85, Some(date(2026, 3, 12)), 42); // fraction 4 on day 71
    /// assert_eq!(window.end, date(2026, 4, 23));
    /// ```
    pub fn new(first_fraction: Date, days: u32, last_given: Option<Date>, min_after_last: u32) -> Self {
        let end = later(first_fraction, days);
        let end = last_given.map_or(end, |last| end.max(later(last, min_after_last)));
        Self { first_fraction, end }
    }

    /// Share of the window that has passed at a cut, from 0 to 1.
    ///
    /// ```
    /// use posology_clinic::dlt::Window;
    /// use jiff::civil::date;
    /// let window = Window::new(date(2026, 1, 1), 85, None, 0);
    /// assert_eq!(window.follow_up_share(date(2026, 1, 29)).round_dp(3).to_string(), "0.329");
    /// ```
    pub fn follow_up_share(&self, cut: Date) -> Decimal {
        let days = |to: Date| Decimal::from((to - self.first_fraction).get_days().max(0));
        if cut >= self.end {
            Decimal::ONE
        } else {
            days(cut).checked_div(days(self.end)).unwrap_or(Decimal::ONE)
        }
    }

    /// Whether the whole window has passed at a cut.
    pub fn is_complete(&self, cut: Date) -> bool {
        cut >= self.end
    }
}

/// A date some days later, at most the last date of the calendar.
fn later(date: Date, days: u32) -> Date {
    date.saturating_add(i64::from(days).min(7_304_484).days())
}

/// The study day of a date: 1 is the day of the first fraction, -1 the day before; there is no day 0.
///
/// ```
/// use posology_clinic::dlt::study_day;
/// use jiff::civil::date;
/// let first = date(2026, 3, 1);
/// assert_eq!([study_day(first, date(2026, 2, 28)), study_day(first, first)], [-1, 1]);
/// ```
pub fn study_day(first_fraction: Date, date: Date) -> i32 {
    let days = (date - first_fraction).get_days();
    if days < 0 { days } else { days + 1 }
}

/// The date of a study day; day 0, which does not exist, is read as day 1.
pub fn study_date(first_fraction: Date, day: i32) -> Date {
    let days = if day > 0 { i64::from(day) - 1 } else { i64::from(day) };
    first_fraction.saturating_add(days.clamp(-7_304_484, 7_304_484).days())
}

/// The longest time without a sample of an analyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Study day of the sample before it, or the first day looked at.
    pub from_day: i32,
    /// Study day of the sample after it, or the last day looked at.
    pub to_day: i32,
    /// Days from one to the other.
    pub days: u32,
}

/// The longest time without a sample of an analyte between two study days, such as 28 and 70, when counts of an I-131
/// agent are lowest. Days after the cut are not missing yet; `None` if the cut is before the first day.
pub fn largest_gap(course: &Course, analyte: Analyte, from_day: i32, to_day: i32) -> Option<Gap> {
    let first = course.first_fraction;
    let (from, to) = (study_date(first, from_day), study_date(first, to_day).min(course.cut));
    if from > to {
        return None;
    }
    let inside =
        course.of(analyte).into_iter().map(|sample| sample.date).filter(|date| (from..=to).contains(date));
    let mut last = from;
    inside
        .chain([to])
        .map(|date| {
            let gap = Gap {
                from_day: study_day(first, last),
                to_day: study_day(first, date),
                days: super::days_between(last, date),
            };
            last = date;
            gap
        })
        // The first of equals.
        .reduce(|longest, gap| if gap.days > longest.days { gap } else { longest })
}
