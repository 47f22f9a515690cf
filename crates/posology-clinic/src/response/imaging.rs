//! What criteria on lesions share beneath their own rules: two diameters, what cannot have been measured, and the
//! assessments of a patient as days that count.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::confirm::{Confirmed, Course, Status};
use super::lesion::{Lesion, Size};
use super::{Assessment, Category};
use crate::Because;

/// A length beyond which a typing error is likelier than a lesion, mm.
const LONGEST_POSSIBLE: Decimal = whole(1000);
/// Decimal places of a length in mm, so that products of two stay exact.
const MOST_DECIMALS: u32 = 6;

pub(super) const fn whole(number: u32) -> Decimal {
    Decimal::from_parts(number, 0, 0, false, 0)
}

/// A value that cannot have been measured, or that the criteria cannot use as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}, {date}: found {found}, expected {expected}; mend: {mend}")]
pub struct BadValue {
    /// Which value, such as `lesion T01`.
    pub place: String,
    /// Day of the image or sample.
    pub date: Date,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// How to mend it.
    pub mend: String,
}

/// Two perpendicular diameters of a lesion, mm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Diameters {
    pub(super) longest: Decimal,
    pub(super) shortest: Decimal,
}

impl Diameters {
    /// The diameters that a size stands for; `None` where it was not measured in both directions.
    pub(super) fn of(size: &Size, too_small: Decimal) -> Option<Self> {
        match size {
            Size::Measured { longest: Some(longest), shortest: Some(shortest) } => {
                Some(Self { longest: *longest, shortest: *shortest })
            }
            Size::TooSmall => Some(Self { longest: too_small, shortest: too_small }),
            Size::Absent => Some(Self { longest: Decimal::ZERO, shortest: Decimal::ZERO }),
            _ => None,
        }
    }

    /// Product of the two, mm².
    pub(super) fn product(self) -> Decimal {
        self.longest.saturating_mul(self.shortest)
    }

    /// Whether one of the two grew by at least `step` since `earlier`.
    pub(super) fn grew_by(self, step: Decimal, earlier: Self) -> bool {
        self.longest.saturating_sub(earlier.longest) >= step
            || self.shortest.saturating_sub(earlier.shortest) >= step
    }
}

impl std::fmt::Display for Diameters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} x {} mm", self.longest.normalize(), self.shortest.normalize())
    }
}

/// Whether the lesions of one visit can have been measured so, and each stands once.
pub(super) fn check_lesions<'a>(
    lesions: impl IntoIterator<Item = &'a Lesion>,
    date: Date,
) -> Result<(), BadValue> {
    let mut seen = BTreeSet::new();
    for lesion in lesions {
        let bad = |found: String, expected: &str, mend: &str| BadValue {
            place: format!("lesion {}", lesion.id),
            date,
            found,
            expected: expected.to_owned(),
            mend: mend.to_owned(),
        };
        if !seen.insert(lesion.id.as_str()) {
            return Err(bad("two rows".to_owned(), "one row a lesion and visit", "keep one of them"));
        }
        let Size::Measured { longest, shortest } = &lesion.size else { continue };
        for length in longest.iter().chain(shortest) {
            check_length(*length).map_err(|expected| {
                bad(format!("{length} mm"), expected, "look the length up, and its unit")
            })?;
        }
        if let (Some(longest), Some(shortest)) = (longest, shortest)
            && shortest > longest
        {
            return Err(bad(
                format!("{longest} x {shortest} mm"),
                "the longest diameter first",
                "exchange the two if they were mixed up",
            ));
        }
    }
    Ok(())
}

/// Whether a length in mm can have been measured; else what was expected.
pub(super) fn check_length(length: Decimal) -> Result<(), &'static str> {
    if length < Decimal::ZERO {
        Err("0 mm or more")
    } else if length > LONGEST_POSSIBLE {
        Err("1000 mm or less")
    } else if length.normalize().scale() > MOST_DECIMALS {
        Err("at most 6 decimal places")
    } else {
        Ok(())
    }
}

/// Whether `value` lies at least `percent` below `base`; from 0 nothing can fall.
pub(super) fn fell_by(base: Decimal, value: Decimal, percent: u32) -> bool {
    base > Decimal::ZERO
        && base.saturating_sub(value).saturating_mul(Decimal::ONE_HUNDRED)
            >= base.saturating_mul(whole(percent))
}

/// Whether `value` lies at least `percent` above `low`. From 0 no percentage exists, and anything is more.
pub(super) fn rose_by(low: Decimal, value: Decimal, percent: u32) -> bool {
    value > low
        && value.saturating_sub(low).saturating_mul(Decimal::ONE_HUNDRED)
            >= low.saturating_mul(whole(percent))
}

pub(super) fn days_between(first: Date, second: Date) -> i64 {
    i64::from((second - first).get_days())
}

/// What one day established, on its own or with later ones.
pub(super) struct Settled {
    pub(super) established: Category,
    pub(super) confirmed_by: Option<Date>,
    pub(super) because: Because,
}

/// Carries the status over the days that count: `settle` says of the day at an index what it established. The
/// status is the deepest so far and falls only to progression, which is final.
pub(super) fn carry(
    course: &Course,
    assessments: &[Assessment],
    source: &str,
    settle: impl Fn(&[&Assessment], usize) -> Settled,
) -> Confirmed {
    let mut findings = Vec::new();
    let knows = |date: Date| course.cut.is_none_or(|cut| date <= cut);
    let mut known: Vec<&Assessment> = assessments.iter().filter(|one| knows(one.date)).collect();
    let rank = |one: &Assessment| (one.category == Category::NotEvaluable, one.category);
    known.sort_by(|a, b| (a.date, rank(a), &a.reasons).cmp(&(b.date, rank(b), &b.reasons)));
    if let (Some(cut), later @ 1..) = (course.cut, assessments.len() - known.len()) {
        findings.push(
            Because::new(
                "confirm/after-cut",
                format!("{later} assessments after the cut {cut} are left out"),
            )
            .input("cut", cut),
        );
    }
    let mut days: Vec<&Assessment> = Vec::new();
    let rows: Vec<(&Assessment, Option<Because>)> = known
        .into_iter()
        .map(|one| {
            let left_out = if course.first_treatment.is_some_and(|first| one.date < first) {
                Some(Because::new(
                    "confirm/before-treatment",
                    format!("{} on {} lies before the first treatment: left out", one.category, one.date),
                ))
            } else if days.last().is_some_and(|last| last.date == one.date) {
                Some(Because::new(
                    "confirm/same-day",
                    format!("several assessments on {}: the worst counts, not {}", one.date, one.category),
                ))
            } else {
                days.push(one);
                None
            };
            (one, left_out)
        })
        .collect();
    findings.extend(rows.iter().filter_map(|(_, left_out)| left_out.clone()));

    let mut status = Category::NotEvaluable;
    let mut day = 0;
    let statuses = rows
        .into_iter()
        .map(|(one, left_out)| {
            let mut reasons = one.reasons.clone();
            let counts = left_out.is_none();
            let (mut established, mut confirmed_by) = (Category::NotEvaluable, None);
            if let Some(left_out) = left_out {
                reasons.push(left_out);
            } else {
                let settled = settle(&days, day);
                day += 1;
                (established, confirmed_by) = (settled.established, settled.confirmed_by);
                reasons.push(settled.because);
                let progresses = established == Category::Progressive;
                if status != Category::Progressive && (progresses || established > status) {
                    status = established;
                }
                if status != established {
                    reasons.push(
                        Because::new(
                            "confirm/status-stays",
                            format!(
                                "the confirmed status stays {status}: it falls only to progressive disease"
                            ),
                        )
                        .source(source),
                    );
                }
            }
            Status {
                date: one.date,
                assessed: one.category,
                kind: one.kind,
                counts,
                established,
                status,
                confirmed_by,
                reasons,
            }
        })
        .collect();
    Confirmed { statuses, findings }
}
