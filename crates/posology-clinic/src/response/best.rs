//! The best response of one patient, confirmed, and beside it unconfirmed.
//!
//! Start at [`best`]. It looks from the first treatment to the first confirmed progression (included), new
//! therapy (excluded) or the cut, whichever is first. The two answers are never merged: an unconfirmed
//! response moves no confirmed one.

use jiff::civil::Date;
use serde::Serialize;

use super::Category;
use super::confirm::{Confirmed, Course, Rules, Status};
use crate::Because;

/// A response or progression that one more agreeing sample would confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Awaiting {
    /// What the confirmed status would become.
    pub would_become: Category,
    /// The day of the first sample, at which it would be dated.
    pub since: Date,
}

/// Best overall response of one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Best {
    /// Best confirmed category; not evaluable where assessments count but establish nothing, `None` where none
    /// counts.
    pub confirmed: Option<Category>,
    /// Day of the first of the two samples that made the confirmed best, or of the one that stands alone.
    pub date: Option<Date>,
    /// Best category as assessed, whether or not a second sample agreed; `None` where no assessment counts.
    pub unconfirmed: Option<Category>,
    /// Day on which the unconfirmed best was first assessed.
    pub unconfirmed_date: Option<Date>,
    /// What the last evaluable sample would establish if the next agreed, where that is still possible.
    pub awaiting: Option<Awaiting>,
    /// Day of the first confirmed progression.
    pub progression: Option<Date>,
    /// Why, in the order a reader would ask.
    pub reasons: Vec<Because>,
}

/// The best response among statuses that [`confirm`](super::confirm::confirm) gave for the same `rules` and
/// `course`.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, best::best, confirm::{Course, Rules, confirm}};
/// let course = Course { first_treatment: Some(date(2024, 1, 1)), ..Course::default() };
/// let rows = [
///     Assessment::new(date(2024, 2, 1), Category::Partial, None),
///     Assessment::new(date(2024, 3, 1), Category::VeryGoodPartial, None),
/// ];
/// let best = best(&Rules::REFERENCE, &course, &confirm(&Rules::REFERENCE, &course, &rows));
/// assert_eq!((best.confirmed, best.date), (Some(Category::Partial), Some(date(2024, 2, 1))));
/// assert_eq!(best.unconfirmed, Some(Category::VeryGoodPartial));
/// assert_eq!(best.awaiting.map(|a| a.would_become), Some(Category::VeryGoodPartial));
/// ```
pub fn best(rules: &Rules, course: &Course, confirmed: &Confirmed) -> Best {
    let progression = confirmed.progression();
    let counted: Vec<&Status> = confirmed
        .statuses
        .iter()
        .filter(|status| {
            status.counts
                && rules.is_before(status.date, course.known_new_therapy())
                && progression.is_none_or(|day| status.date <= day)
        })
        .collect();
    let window = Window { rules, course, counted: &counted };
    let best_confirmed = window.deepest(|status| status.status);
    let best_unconfirmed = window.deepest(|status| status.assessed);
    Best {
        confirmed: best_confirmed.map(|found| found.0),
        date: best_confirmed.map(|found| found.1),
        unconfirmed: best_unconfirmed.map(|found| found.0),
        unconfirmed_date: best_unconfirmed.map(|found| found.1),
        awaiting: awaiting(rules, course, confirmed, &counted),
        progression: progression.filter(|&day| counted.iter().any(|status| status.date == day)),
        reasons: window.reasons(best_confirmed),
    }
}

struct Window<'a> {
    rules: &'a Rules,
    course: &'a Course,
    counted: &'a [&'a Status],
}

impl Window<'_> {
    /// The deepest category and the first day it stood, stable disease only where it lasted long enough.
    fn deepest(&self, category: impl Fn(&Status) -> Category) -> Option<(Category, Date)> {
        self.counted
            .iter()
            .filter_map(|status| {
                let reached = category(status);
                match reached {
                    Category::Stable if !self.is_late_enough(status) => None,
                    _ => Some((reached, status.date)),
                }
            })
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .or_else(|| self.counted.first().map(|status| (Category::NotEvaluable, status.date)))
    }

    /// Whether the disease was seen stable at this assessment no earlier than the minimum after treatment. An
    /// assessment that is not evaluable or progressive shows no stability, though its status may be carried.
    fn is_late_enough(&self, status: &Status) -> bool {
        self.rules.min_stable_disease_days == 0
            || (status.assessed.is_at_least(Category::Stable)
                && self.course.first_treatment.is_some_and(|first| {
                    i64::from((status.date - first).get_days())
                        >= i64::from(self.rules.min_stable_disease_days)
                }))
    }

    fn reasons(&self, best: Option<(Category, Date)>) -> Vec<Because> {
        let mut reasons = match best {
            None => vec![Because::new(
                "best/none",
                "no assessment counts: none between first treatment and new therapy or cut",
            )],
            Some((Category::NotEvaluable, _)) => {
                vec![Because::new("best/not-evaluable", "assessments count, but none establishes a category")]
            }
            Some((category, date)) => self
                .counted
                .iter()
                .find(|status| status.date == date)
                .and_then(|status| status.confirmed_by)
                .map_or_else(
                    || vec![Because::new("best/confirmed", format!("{category} stands since {date}"))],
                    |second| {
                        vec![
                            Because::new(
                                "best/confirmed",
                                format!("{category} of {date}, confirmed by the sample of {second}"),
                            )
                            .input("first", date)
                            .input("second", second),
                        ]
                    },
                ),
        };
        let minimum = self.rules.min_stable_disease_days;
        let too_early = minimum > 0
            && best.is_some_and(|found| found.0 < Category::Stable)
            && self.counted.iter().any(|status| status.status == Category::Stable);
        if too_early {
            reasons.push(
                Because::new(
                    "best/stable-too-early",
                    if self.course.first_treatment.is_some() {
                        format!("stable disease was not seen {minimum} days or more after the first treatment")
                    } else {
                        format!("the first treatment has no date, so {minimum} days of stable disease cannot be shown")
                    },
                )
                .input("minimum", format!("{minimum} days")),
            );
        }
        if let Some(therapy) = self.course.known_new_therapy() {
            reasons.push(
                Because::new("best/new-therapy", format!("assessments count until new therapy on {therapy}"))
                    .input("new therapy", therapy),
            );
        }
        reasons
    }
}

fn awaiting(rules: &Rules, course: &Course, confirmed: &Confirmed, counted: &[&Status]) -> Option<Awaiting> {
    if course.known_death().is_some() || confirmed.progression().is_some() {
        return None;
    }
    let last = counted.iter().rev().find(|status| status.assessed != Category::NotEvaluable)?;
    let later = confirmed.statuses.iter().filter(|status| status.counts && status.date > last.date);
    if later.clone().any(|status| status.assessed != Category::NotEvaluable) {
        return None;
    }
    let not_evaluable = later.count();
    let reachable = rules
        .max_not_evaluable_between
        .is_none_or(|most| u32::try_from(not_evaluable).is_ok_and(|found| found <= most));
    let in_time = |may_follow_therapy: bool| may_follow_therapy || course.known_new_therapy().is_none();
    let possible = match last.assessed {
        Category::Progressive => in_time(rules.new_therapy_may_confirm_progression),
        response => response.is_response() && response > last.status && in_time(false),
    };
    (reachable && possible).then_some(Awaiting { would_become: last.assessed, since: last.date })
}
