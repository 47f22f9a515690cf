//! Confirmation where the protocol asks for it, and the best response.

use jiff::ToSpan;

use super::super::Assessment;
use super::super::best::Best;
use super::super::confirm::{self, Confirmed, Course, Rules, Settled, Walk};
use super::settings::Settings;
use super::{SOURCE, because};

impl Settings {
    fn rules(&self) -> Rules {
        Rules { min_stable_disease_days: self.min_stable_disease_days, ..Rules::PROTOCOL }
    }
}

/// Confirms the assessments of one patient, given in any order.
///
/// Every assessment stands at once, unless the protocol asks that a response is there again after some days
/// ([`Settings::confirm_after_days`]); then the least of the categories up to that day is established.
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let walk = Walk { source: SOURCE, kind_decides: false };
    walk.carry(course, assessments, |days, day, _| {
        let here = days[day];
        match settings.confirm_after_days {
            Some(wait) if here.category.is_response() => {
                let until = here.date.saturating_add(i64::from(wait).days());
                confirm::lasting(course, days, day, until, "inrc-2017/confirmed", SOURCE)
            }
            _ => Settled {
                established: here.category,
                confirmed_by: None,
                because: because("at-once", format!("{} needs no second assessment", here.category)),
            },
        }
    })
}

/// The best response among statuses that [`confirm()`] gave for the same settings and course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    super::super::best::best(&settings.rules(), course, confirmed)
}
