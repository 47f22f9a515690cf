//! How long a response must last, the best one, and what a progression is called.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use super::super::best::Best;
use super::super::confirm::{self, Confirmed, Course, Rules, Settled, Walk};
use super::super::{Assessment, Category};
use super::settings::{RefractoryFrom, Settings, Therapy};
use super::{SOURCE, because};
use crate::Because;

fn months_after(date: Date, months: u8) -> Date {
    date.saturating_add(i32::from(months).months())
}

impl Settings {
    fn rules(&self, course: &Course) -> Rules {
        let days = course
            .first_treatment
            .map_or(0, |first| (months_after(first, self.min_stable_disease_months) - first).get_days());
        Rules { min_stable_disease_days: u32::try_from(days).unwrap_or(0), ..Rules::PROTOCOL }
    }
}

/// Confirms the assessments of one patient, given in any order.
///
/// Under continuous therapy a response is established if it lasts for the months of the settings; after a finite
/// therapy if it is there at an assessment that many months after the last treatment. What it establishes is the
/// least of the categories up to then. Progression needs no second assessment.
pub fn confirm(settings: &Settings, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let walk = Walk { source: SOURCE, kind_decides: false };
    let mut confirmed = walk.carry(course, assessments, |days, day, _| {
        let here = days[day];
        let stands = |says: &str| Settled {
            established: here.category,
            confirmed_by: None,
            because: because("at-once", says),
        };
        match here.category {
            Category::Progressive => stands("progression needs no second assessment"),
            Category::Stable => stands("stable disease needs no second assessment"),
            Category::NotEvaluable => stands("not evaluable: the status is carried forward"),
            _ => {
                let until = match settings.therapy {
                    Therapy::Continuous => Some(here.date),
                    Therapy::Finite => course.last_treatment,
                };
                match until.map(|from| months_after(from, settings.persistence_months)) {
                    Some(until) => confirm::lasting(course, days, day, until, "iwcll-2018/lasting", SOURCE),
                    None => Settled {
                        established: Category::Stable,
                        confirmed_by: None,
                        because: because(
                            "therapy-not-ended",
                            format!(
                                "{} counts as stable disease: it is assessed {} months after the last treatment, whose day is not known",
                                here.category, settings.persistence_months
                            ),
                        ),
                    },
                }
            }
        }
    });
    if settings.therapy == Therapy::Continuous
        && let Some(last) = course.last_treatment
    {
        confirmed.findings.push(because(
            "therapy-ended",
            format!("therapy is set to continuous, and the last treatment was on {last}"),
        ));
    }
    confirmed
}

/// The best response among statuses that [`confirm()`] gave for the same settings and course.
pub fn best(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Best {
    super::super::best::best(&settings.rules(course), course, confirmed)
}

/// What a progression is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recurrence {
    /// `true` for a relapse, `false` for refractory disease.
    pub relapse: bool,
    /// Day of the progression.
    pub date: Date,
    /// Why.
    pub because: Because,
}

/// Whether the progression of a patient is a relapse (after a confirmed response, the months of the settings or
/// more later) or refractory disease (earlier, or without a response). `None` without progression.
pub fn recurrence(settings: &Settings, course: &Course, confirmed: &Confirmed) -> Option<Recurrence> {
    let date = confirmed.progression()?;
    let response = confirmed
        .statuses
        .iter()
        .find(|status| status.counts && status.established.is_at_least(Category::PartialWithLymphocytosis))
        .map(|status| status.date);
    let told =
        |relapse, says: String| Some(Recurrence { relapse, date, because: because("recurrence", says) });
    let Some(response) = response else {
        return told(false, format!("progression on {date} without an earlier response: refractory"));
    };
    let (since, of_what) = match settings.refractory_from {
        RefractoryFrom::Response => (response, "response"),
        RefractoryFrom::LastTreatment => match course.last_treatment {
            Some(last) => (last, "last treatment"),
            None => return told(false, format!("progression on {date} under treatment: refractory")),
        },
    };
    let limit = months_after(since, settings.relapse_months);
    let relapse = date >= limit;
    let word = if relapse { "relapse" } else { "refractory" };
    let side = if relapse { "at or after" } else { "before" };
    told(
        relapse,
        format!(
            "progression on {date}, {side} {limit}, which is {} months after the {of_what} of {since}: {word}",
            settings.relapse_months
        ),
    )
}
