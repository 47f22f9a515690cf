//! Did it last, and was it real? What later assessments make of a response, an early progression, or a visit with
//! more steroids.

use jiff::civil::Date;

use super::{CLINICAL, PRELIMINARY, STEROIDS, Settings, days_between};
use crate::Because;
use crate::response::confirm::{Course, LastProgression};
use crate::response::imaging::Settled;
use crate::response::{Assessment, Category};

fn rests_on(settings: &Settings, assessment: &Assessment, rule: &str) -> bool {
    assessment.reasons.iter().any(|because| because.rule == settings.rule(rule))
}

pub(super) fn settle(settings: &Settings, course: &Course, days: &[&Assessment], day: usize) -> Settled {
    let later: Vec<&Assessment> =
        days[day + 1..].iter().copied().filter(|one| one.category != Category::NotEvaluable).collect();
    let sequence = Sequence { settings, course, here: days[day], later: &later };
    match days[day].category {
        Category::NotEvaluable if rests_on(settings, days[day], STEROIDS) => sequence.steroids(),
        Category::NotEvaluable => sequence.settled(
            Category::NotEvaluable,
            None,
            "confirm/not-evaluable",
            "not evaluable: the status is carried forward".to_owned(),
        ),
        Category::Progressive if rests_on(settings, days[day], PRELIMINARY) => sequence.preliminary(),
        Category::Progressive => sequence.settled(
            Category::Progressive,
            None,
            "confirm/progression-at-once",
            "progression needs no second image".to_owned(),
        ),
        category if category.is_response() => sequence.response(),
        category => {
            sequence.settled(category, None, "confirm/stable", format!("{category} needs no confirmation"))
        }
    }
}

struct Sequence<'a> {
    settings: &'a Settings,
    course: &'a Course,
    here: &'a Assessment,
    /// The evaluable assessments after it.
    later: &'a [&'a Assessment],
}

impl Sequence<'_> {
    fn settled(&self, established: Category, by: Option<Date>, rule: &str, says: String) -> Settled {
        let because = Because::new(rule, says).source(self.settings.source());
        Settled { established, confirmed_by: by, because }
    }

    fn lies_after(&self, later: &Assessment, weeks: u32) -> bool {
        days_between(self.here.date, later.date) >= i64::from(weeks).saturating_mul(7)
    }

    fn response(&self) -> Settled {
        let here = self.here.category;
        let weeks = self.settings.durable_weeks;
        let alone = |why: String| {
            let says = format!("{here} did not last {weeks} weeks and counts as stable disease: {why}");
            self.settled(Category::Stable, None, "confirm/response-alone", says)
        };
        let mut lowest = here;
        for later in self.later {
            if self.course.known_new_therapy().is_some_and(|therapy| later.date > therapy) {
                return alone(format!("the next image, {}, was made after new therapy", later.date));
            }
            if !later.category.is_response() {
                return alone(format!("{} on {}", later.category, later.date));
            }
            lowest = lowest.min(later.category);
            if self.lies_after(later, weeks) {
                let says = format!(
                    "{here} held as {lowest} until {}, at least {weeks} weeks: confirmed",
                    later.date
                );
                return self.settled(lowest, Some(later.date), "confirm/response-lasted", says);
            }
        }
        alone(format!("no image {weeks} weeks later or more"))
    }

    fn preliminary(&self) -> Settled {
        let weeks = self.settings.confirm_weeks;
        for later in self.later {
            if later.category != Category::Progressive {
                let says =
                    format!("the preliminary progression was none: {} on {}", later.category, later.date);
                return self.settled(Category::NotEvaluable, None, "confirm/preliminary-refuted", says);
            }
            if self.lies_after(later, weeks) {
                let says =
                    format!("progression again on {}: confirmed, dated at the preliminary one", later.date);
                return self.settled(
                    Category::Progressive,
                    Some(later.date),
                    "confirm/preliminary-confirmed",
                    says,
                );
            }
        }
        let follows = |date: Option<Date>| date.filter(|date| *date >= self.here.date);
        let what = follows(self.course.known_new_therapy())
            .map(|date| format!("new therapy on {date}"))
            .or_else(|| follows(self.course.known_death()).map(|date| format!("death on {date}")));
        match what {
            Some(what) if self.settings.last_progression == LastProgression::TherapyOrDeath => self.settled(
                Category::Progressive,
                None,
                "confirm/preliminary-last",
                format!("the preliminary progression was followed by {what}: it counts"),
            ),
            _ => self.settled(
                Category::NotEvaluable,
                None,
                "confirm/preliminary-open",
                format!("the preliminary progression awaits an image at least {weeks} weeks later"),
            ),
        }
    }

    fn steroids(&self) -> Settled {
        match self.later.first() {
            Some(next)
                if next.category == Category::Progressive && rests_on(self.settings, next, CLINICAL) =>
            {
                self.settled(
                    Category::Progressive,
                    Some(next.date),
                    "confirm/steroids-decline",
                    format!(
                        "clinical decline followed on {}: progression is dated when more steroids became necessary",
                        next.date
                    ),
                )
            }
            Some(next) if next.category.is_at_least(Category::Stable) => self.settled(
                Category::Stable,
                Some(next.date),
                "confirm/steroids-resolved",
                format!("steroids were reduced again and {} followed on {}: stable", next.category, next.date),
            ),
            _ => self.settled(
                Category::NotEvaluable,
                None,
                "confirm/steroids-open",
                "neither stable nor progressive until the need for more steroids is resolved".to_owned(),
            ),
        }
    }
}
