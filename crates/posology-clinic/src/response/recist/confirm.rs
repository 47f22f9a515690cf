//! Table 3: which responses another assessment confirms, the best of them, and the dates they were reached.
//!
//! A complete response is confirmed by another, a partial one by a partial or complete one, each a minimum of days
//! later with nothing between that contradicts. A response that stays alone is stable disease, once treatment has
//! lasted long enough; progression needs no second assessment.

use jiff::civil::Date;
use serde::Serialize;

use super::super::best::{Awaiting, Best};
use super::super::confirm::{Confirmed, Course, Settled, Status, Walk};
use super::super::{Assessment, Category};
use super::judge::NOT_ALL_EVALUATED;
use super::{CompleteThenPartial, Edition, Settings};
use crate::Because;

use Category::{
    Complete, ImmuneComplete, ImmuneConfirmedProgressive, ImmunePartial, ImmuneStable,
    ImmuneUnconfirmedProgressive, NonCompleteNonProgressive, NotEvaluable, Partial, Progressive, Stable,
};

/// The category with the prefix of iRECIST taken off.
const fn plain(category: Category) -> Category {
    match category {
        ImmuneComplete => Complete,
        ImmunePartial => Partial,
        ImmuneStable => Stable,
        other => other,
    }
}

const fn is_response(category: Category) -> bool {
    matches!(plain(category), Complete | Partial)
}

const fn ends(category: Category) -> bool {
    matches!(category, Progressive | ImmuneConfirmedProgressive)
}

/// Confirms the assessments of one patient, given in any order. Of several on one day the worst counts, not
/// evaluable yielding to any other; those on or after new therapy confirm nothing.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, confirm::Course};
/// use posology_clinic::response::recist::{Edition, Settings, best, confirm};
/// let settings = Settings::new(Edition::Recist11);
/// let course = Course { first_treatment: Some(date(2024, 1, 1)), ..Course::default() };
/// let rows = [
///     Assessment::new(date(2024, 2, 26), Category::Partial, None),
///     Assessment::new(date(2024, 4, 22), Category::Complete, None),
/// ];
/// let best = best(&settings, &course, &confirm(&settings, &course, &rows));
/// assert_eq!((best.confirmed, best.unconfirmed), (Some(Category::Partial), Some(Category::Complete)));
/// ```
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let source = settings.criteria.source();
    Walk { source, kind_decides: false }
        .carry(course, assessments, |days, day, _| Sequence { settings, course, days }.settle(day))
}

struct Sequence<'a> {
    settings: &'a Settings,
    course: &'a Course,
    days: &'a [&'a Assessment],
}

impl Sequence<'_> {
    fn next_evaluable(&self, day: usize) -> Option<&Assessment> {
        self.days[day + 1..].iter().find(|later| later.category != NotEvaluable).copied()
    }

    /// The category as it is read in the light of the assessments beside it, and the complete response that
    /// changed its meaning.
    fn read(&self, day: usize) -> (Category, Option<Date>) {
        let here = self.days[day];
        let follows = |first: &Assessment, next: &Assessment| {
            plain(first.category) == Complete
                && plain(next.category) == Partial
                // A partial response only since something was not looked at shows no disease that is back.
                && next.reasons.iter().all(|because| because.rule != NOT_ALL_EVALUATED)
        };
        match self.settings.complete_then_partial {
            CompleteThenPartial::AsAssessed => {}
            CompleteThenPartial::Progression => {
                let before = self.days[..day].iter().rev().find(|earlier| earlier.category != NotEvaluable);
                if let Some(before) = before.filter(|before| follows(before, here)) {
                    let progression = match self.settings.criteria {
                        Edition::Recist11 => Progressive,
                        Edition::Immune => ImmuneUnconfirmedProgressive,
                    };
                    return (progression, Some(before.date));
                }
            }
            CompleteThenPartial::Partial => {
                if self.next_evaluable(day).is_some_and(|next| follows(here, next)) {
                    let partial = if here.category == ImmuneComplete { ImmunePartial } else { Partial };
                    return (partial, Some(here.date));
                }
            }
        }
        (here.category, None)
    }

    fn settle(&self, day: usize) -> Settled {
        let here = self.days[day];
        let (category, changed) = self.read(day);
        let rule = |name: &str| format!("{}/{name}", self.settings.criteria.set());
        let settled = |established, confirmed_by, name: &str, says: String| Settled {
            established,
            confirmed_by,
            because: Because::new(rule(name), says).source(self.settings.criteria.source()),
        };
        if let (Some(complete), CompleteThenPartial::Progression) =
            (changed, self.settings.complete_then_partial)
        {
            let says = format!(
                "{} after the complete response of {complete}: disease is back, which is progression",
                here.category
            );
            return settled(category, None, "complete-then-partial", says);
        }
        if !is_response(category) {
            let says = match category {
                NotEvaluable => "not evaluable: the status is carried forward".to_owned(),
                ImmuneUnconfirmedProgressive => {
                    "progression that the next assessment must confirm".to_owned()
                }
                other => format!("{other} needs no second assessment"),
            };
            return settled(category, None, "no-second-needed", says);
        }
        if !self.settings.confirmation {
            return settled(
                category,
                None,
                "confirmation-not-required",
                format!("{category}, confirmation is not required"),
            );
        }
        let read = if changed.is_some() {
            format!("{} is read as {category}, since a partial response follows it, and", here.category)
        } else {
            category.to_string()
        };
        match self.second(day, category) {
            Ok(second) => settled(
                category,
                Some(second.date),
                "confirmed",
                format!(
                    "{read} is confirmed by {} on {}, {} days later",
                    second.category,
                    second.date,
                    days_between(here.date, second.date)
                ),
            ),
            Err(why) => settled(
                Stable,
                None,
                "response-alone",
                format!("{read} is unconfirmed and counts as stable disease: {why}"),
            ),
        }
    }

    /// The assessment that confirms a response, or why none does.
    fn second(&self, day: usize, category: Category) -> Result<&Assessment, String> {
        let here = self.days[day];
        let (mut not_evaluable, mut stable, mut complete) = (0_u32, 0_u32, false);
        for later in day + 1..self.days.len() {
            let next = self.days[later];
            let on = format!("{} on {}", next.category, next.date);
            if self.course.known_new_therapy().is_some_and(|therapy| next.date > therapy) {
                return Err(format!("{on} was assessed after new therapy"));
            }
            let far = i64::from(days_between(here.date, next.date)) >= i64::from(self.settings.confirm_days);
            match (plain(category), plain(self.read(later).0)) {
                (_, NotEvaluable) => {
                    not_evaluable = not_evaluable.saturating_add(1);
                    if not_evaluable > self.settings.max_not_evaluable_between {
                        return Err(format!("{not_evaluable} assessments that are not evaluable follow"));
                    }
                }
                (Partial, Partial) if complete => return Err(format!("{on} follows a complete response")),
                (Complete, Complete) | (Partial, Partial | Complete) => {
                    if far {
                        return Ok(next);
                    }
                    complete |= plain(next.category) == Complete;
                }
                (Partial, Stable) if stable < self.settings.max_stable_between => {
                    stable = stable.saturating_add(1)
                }
                _ => return Err(format!("{on} follows")),
            }
        }
        Err(format!("no assessment that agrees follows {} days later or more", self.settings.confirm_days))
    }
}

fn days_between(first: Date, second: Date) -> i32 {
    (second - first).get_days()
}

/// The statuses that count for a best response: before new therapy, up to the first progression and with it.
fn counted<'a>(course: &Course, confirmed: &'a Confirmed) -> Vec<&'a Status> {
    let progression = first_progression(confirmed);
    confirmed
        .statuses
        .iter()
        .filter(|status| {
            status.counts
                && course.known_new_therapy().is_none_or(|therapy| status.date <= therapy)
                && progression.is_none_or(|day| status.date <= day)
        })
        .collect()
}

fn first_progression(confirmed: &Confirmed) -> Option<Date> {
    confirmed
        .statuses
        .iter()
        .find(|status| status.counts && ends(status.established))
        .map(|status| status.date)
}

/// Whether the minimum of stable disease was reached on a day.
fn late_enough(settings: &Settings, course: &Course, date: Date) -> bool {
    settings.min_stable_days == 0
        || course
            .first_treatment
            .is_some_and(|first| i64::from(days_between(first, date)) >= i64::from(settings.min_stable_days))
}

/// What an assessment adds to a best response: the minimum of stable disease applied to all that is none better.
fn worth(settings: &Settings, course: &Course, category: Category, date: Date) -> Category {
    match category {
        Stable | ImmuneStable | NonCompleteNonProgressive if !late_enough(settings, course, date) => {
            NotEvaluable
        }
        other => other,
    }
}

/// The best response among statuses that [`confirm`] gave for the same course: to the first progression, new therapy
/// (an assessment on its day still counts) or the cut.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    let counted = counted(course, confirmed);
    let deepest = |category: &dyn Fn(&Status) -> Category| {
        counted
            .iter()
            .map(|status| (worth(settings, course, category(status), status.date), status.date))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
    };
    let with_confirmation = deepest(&|status| status.established);
    let unconfirmed =
        deepest(&|status| if ends(status.established) { status.established } else { status.assessed });
    let progression = first_progression(confirmed);
    Best {
        confirmed: with_confirmation.map(|found| found.0),
        date: with_confirmation.map(|found| found.1),
        unconfirmed: unconfirmed.map(|found| found.0),
        unconfirmed_date: unconfirmed.map(|found| found.1),
        awaiting: awaiting(settings, course, &counted),
        progression: progression.filter(|&day| counted.iter().any(|status| status.date == day)),
        reasons: reasons(settings, course, &counted, with_confirmation),
    }
}

fn reasons(
    settings: &Settings,
    course: &Course,
    counted: &[&Status],
    best: Option<(Category, Date)>,
) -> Vec<Because> {
    let set = settings.criteria.set();
    let because = |name: &str, says: String| {
        Because::new(format!("{set}/{name}"), says).source(settings.criteria.source())
    };
    let Some((category, date)) = best else {
        return vec![because(
            "best-none",
            "no assessment counts: none between first treatment and new therapy or cut".to_owned(),
        )];
    };
    let second = counted.iter().find(|status| status.date == date).and_then(|status| status.confirmed_by);
    let mut reasons = vec![match second.filter(|_| is_response(category)) {
        Some(second) => because("best", format!("{category} of {date}, confirmed on {second}")),
        None => because("best", format!("{category} of {date} is the best that stands")),
    }];
    let early = counted
        .iter()
        .any(|status| worth(settings, course, status.established, status.date) != status.established);
    if early && category < NonCompleteNonProgressive {
        reasons.push(because(
            "stable-too-early",
            match course.first_treatment {
                Some(first) => format!(
                    "stable disease was not seen {} days or more after {first}",
                    settings.min_stable_days
                ),
                None => format!(
                    "the first treatment has no date, so {} days of stable disease cannot be shown",
                    settings.min_stable_days
                ),
            },
        ));
    }
    if let Some(therapy) = course.known_new_therapy() {
        reasons.push(because("new-therapy", format!("assessments count until new therapy on {therapy}")));
    }
    reasons
}

fn awaiting(settings: &Settings, course: &Course, counted: &[&Status]) -> Option<Awaiting> {
    let ended = course.known_death().is_some() || course.known_new_therapy().is_some();
    if ended || counted.iter().any(|status| ends(status.established)) {
        return None;
    }
    let last = counted.iter().rposition(|status| status.assessed != NotEvaluable)?;
    let not_evaluable = counted.len() - last - 1;
    let reachable =
        u32::try_from(not_evaluable).is_ok_and(|found| found <= settings.max_not_evaluable_between);
    let last = counted[last];
    let would_become = match last.assessed {
        ImmuneUnconfirmedProgressive => ImmuneConfirmedProgressive,
        response if settings.confirmation && is_response(response) && last.confirmed_by.is_none() => response,
        _ => return None,
    };
    (reachable && would_become != last.status).then_some(Awaiting { would_become, since: last.date })
}

/// The days on which a patient first reached what is counted in a rate; `None` where it was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Milestones {
    /// Complete or partial response, confirmed or not.
    pub response: Option<Date>,
    /// The first of the two assessments of a confirmed response.
    pub confirmed_response: Option<Date>,
    /// A response, or stable disease that had lasted the minimum.
    pub clinical_benefit: Option<Date>,
    /// A confirmed response, or a response or stable disease that had lasted the minimum.
    pub confirmed_clinical_benefit: Option<Date>,
}

/// When response and clinical benefit were first reached, by statuses that [`confirm`] gave for the same course.
pub fn milestones(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Milestones {
    let counted = counted(course, confirmed);
    let first = |holds: &dyn Fn(&Status) -> bool| {
        counted.iter().find(|status| holds(status)).map(|status| status.date)
    };
    let responds = |status: &Status| is_response(status.assessed) && !ends(status.established);
    let is_confirmed = |status: &Status| is_response(status.established);
    let lasts = |status: &Status| {
        let shows =
            responds(status) || matches!(status.assessed, Stable | ImmuneStable | NonCompleteNonProgressive);
        shows && late_enough(settings, course, status.date)
    };
    Milestones {
        response: first(&responds),
        confirmed_response: first(&is_confirmed),
        clinical_benefit: first(&|status| responds(status) || lasts(status)),
        confirmed_clinical_benefit: first(&|status| is_confirmed(status) || lasts(status)),
    }
}
