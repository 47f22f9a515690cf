//! The second immunofixation of a complete response, the second IgM of a progression, and the best response.

use super::super::best::Best;
use super::super::confirm::{self, Confirmed, Course, Settled, Walk};
use super::super::{Assessment, Category};
use super::settings::{SecondImmunofixation, Settings};

/// Confirms the assessments of one patient, given in any order.
///
/// A complete response needs a second one (the second negative immunofixation) and is a very good partial response
/// until then; a progression by IgM needs a second sample; all else stands at once.
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let rules = settings.rules();
    let source = settings.criteria.source();
    let walk = Walk { source, kind_decides: settings.progression_confirmed };
    walk.carry(course, assessments, |days, day, _| {
        let here = days[day];
        let stands = |says: String| Settled {
            established: here.category,
            confirmed_by: None,
            because: settings.because("at-once", says),
        };
        match here.category {
            Category::Progressive if settings.progression_confirmed => {
                let mut settled = confirm::settle_progression(&rules, course, days, day);
                settled.because = settled.because.source(source);
                settled
            }
            Category::Complete => second_immunofixation(settings, course, days, day),
            Category::NotEvaluable => stands("not evaluable: the status is carried forward".to_owned()),
            category => stands(format!("{category} needs no second assessment")),
        }
    })
}

fn second_immunofixation(settings: &Settings, course: &Course, days: &[&Assessment], day: usize) -> Settled {
    let later = days[day + 1..]
        .iter()
        .take_while(|later| course.known_new_therapy().is_none_or(|therapy| later.date < therapy))
        .find(|later| match later.category {
            Category::NotEvaluable => false,
            Category::VeryGoodPartial => settings.second_immunofixation == SecondImmunofixation::Next,
            _ => true,
        });
    let settled = |established, confirmed_by, says: String| Settled {
        established,
        confirmed_by,
        because: settings.because("second-immunofixation", says),
    };
    match later {
        Some(second) if second.category == Category::Complete => settled(
            Category::Complete,
            Some(second.date),
            format!("CR again on {}: confirmed by a second immunofixation, dated at the first", second.date),
        ),
        Some(other) => settled(
            Category::VeryGoodPartial,
            None,
            format!(
                "CR without a second immunofixation counts as VGPR: {} is {}",
                other.date, other.category
            ),
        ),
        None => settled(
            Category::VeryGoodPartial,
            None,
            "CR without a second immunofixation counts as VGPR: none follows".to_owned(),
        ),
    }
}

/// The best response among statuses that [`confirm()`] gave for the same settings and course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    super::super::best::best(&settings.rules(), course, confirmed)
}
