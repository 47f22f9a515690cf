//! Does the next sample agree? From categories by date to the confirmed status at each date.
//!
//! Start at [`confirm`]: assessments in any order in, one [`Status`] for each out, in date order. A response
//! and a biochemical progression count once the next evaluable sample agrees, and are dated at the first of
//! the two; marrow, imaging and death need no second. The status then stays until it is bettered or the
//! disease progresses. What the criteria leave open is a setting ([`Rules`]).
//!
//! Source: Durie et al., Leukemia 2006;20:1467-73; Kumar et al., Lancet Oncol 2016;17:e328-46. The order of
//! the steps is that of the myeloma article of admiralonco, whose results on 4,471 sequences are a test.
//! Left out: partial dates, which the caller completes or refuses.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Assessment, Category, ProgressionKind};
use crate::Because;

const SOURCE: &str = "Kumar et al., Lancet Oncol 2016;17:e328-46; Durie et al., Leukemia 2006;20:1467-73";

/// What a sample taken on the very day of the new anti-cancer therapy may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SameDayTherapy {
    /// It confirms an earlier response, and is itself left out of the best response.
    ConfirmsOnly,
    /// It was taken before the therapy: it confirms and counts.
    ConfirmsAndCounts,
    /// It was taken after the therapy: neither.
    Neither,
}

/// What an unconfirmed biochemical progression between two responses does to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ProgressionBetween {
    /// The two are not consecutive.
    Breaks,
    /// It is passed over, as a sample that could not be evaluated.
    PassedOver,
}

/// What becomes of a biochemical progression after which no evaluable sample was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LastProgression {
    /// It stays unconfirmed and is not evaluable.
    Unconfirmed,
    /// It is progression once new therapy or death follows.
    TherapyOrDeath,
}

/// The rules of confirmation that criteria leave open, as the table `[response.confirmation]` of a protocol.
///
/// A key left out of that table has the value of [`Rules::PROTOCOL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default = "Rules::protocol")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rules {
    /// How many assessments that are not evaluable may stand between two that confirm each other; none given
    /// means any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_not_evaluable_between: Option<u32>,
    /// How many days may lie between two assessments that confirm each other; none given means any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_days_between: Option<u32>,
    /// Beyond how many days between the two a finding is reported; the pair still confirms.
    pub warn_after_days: u32,
    /// What a sample on the day of the new therapy may do.
    pub same_day_therapy: SameDayTherapy,
    /// Whether a sample taken after new therapy may confirm a progression. It never confirms a response.
    pub new_therapy_may_confirm_progression: bool,
    /// What an unconfirmed biochemical progression does to the responses beside it.
    pub progression_between: ProgressionBetween,
    /// What becomes of a biochemical progression at the last visit.
    pub last_progression: LastProgression,
    /// Days from the first treatment before which stable disease does not count as a best response.
    pub min_stable_disease_days: u32,
}

impl Rules {
    /// The rules of the myeloma article of admiralonco: a progression at the last visit stays unconfirmed.
    pub const REFERENCE: Self = Self {
        max_not_evaluable_between: None,
        max_days_between: None,
        warn_after_days: 84,
        same_day_therapy: SameDayTherapy::ConfirmsOnly,
        new_therapy_may_confirm_progression: true,
        progression_between: ProgressionBetween::Breaks,
        last_progression: LastProgression::Unconfirmed,
        min_stable_disease_days: 0,
    };

    /// The rules of a protocol that says nothing else: [`Rules::REFERENCE`], but a biochemical progression at
    /// the last visit counts once new therapy or death follows. The other set is the sensitivity analysis.
    pub const PROTOCOL: Self = Self { last_progression: LastProgression::TherapyOrDeath, ..Self::REFERENCE };

    const fn protocol() -> Self {
        Self::PROTOCOL
    }

    pub(super) fn is_before(&self, date: Date, new_therapy: Option<Date>) -> bool {
        new_therapy.is_none_or(|therapy| {
            date < therapy || (date == therapy && self.same_day_therapy == SameDayTherapy::ConfirmsAndCounts)
        })
    }

    fn may_confirm_response(&self, date: Date, new_therapy: Option<Date>) -> bool {
        new_therapy.is_none_or(|therapy| {
            date < therapy || (date == therapy && self.same_day_therapy != SameDayTherapy::Neither)
        })
    }
}

impl Default for Rules {
    /// [`Rules::REFERENCE`].
    fn default() -> Self {
        Self::REFERENCE
    }
}

/// The dates of one patient that bound what a response can be; each is absent where it has not happened or is
/// not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Course {
    /// First treatment, or randomisation. Earlier assessments say nothing of the treatment and do not count.
    pub first_treatment: Option<Date>,
    /// Start of the next anti-cancer therapy.
    pub new_therapy: Option<Date>,
    /// Death of any cause.
    pub death: Option<Date>,
    /// Clinical cut-off: whatever is later is not known yet.
    pub cut: Option<Date>,
    /// Last day of a treatment of finite duration; `None` while it goes on.
    pub last_treatment: Option<Date>,
}

impl Course {
    fn knows(&self, date: Date) -> bool {
        self.cut.is_none_or(|cut| date <= cut)
    }

    /// Start of new therapy, if known at the cut.
    pub(super) fn known_new_therapy(&self) -> Option<Date> {
        self.new_therapy.filter(|&date| self.knows(date))
    }

    /// Death, if known at the cut.
    pub(super) fn known_death(&self) -> Option<Date> {
        self.death.filter(|&date| self.knows(date))
    }

    fn treats(&self, date: Date) -> bool {
        self.first_treatment.is_none_or(|first| date >= first)
    }
}

/// One assessment, what it established together with the next, and the status reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Day of the assessment.
    pub date: Date,
    /// Category as assessed.
    pub assessed: Category,
    /// For progressive disease, by what it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProgressionKind>,
    /// Whether it counts: not where another assessment of the same day does, nor before first treatment.
    pub counts: bool,
    /// What it and the next evaluable sample establish; stable disease for a response that stands alone, not
    /// evaluable for a biochemical progression that does.
    pub established: Category,
    /// The confirmed status so far. It never falls, except to progressive disease, which is final; not
    /// evaluable where nothing was established yet.
    pub status: Category,
    /// The day of the second sample that confirmed this one, where a second was needed and agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Date>,
    /// Why: those of the assessment first, then those of the confirmation.
    pub reasons: Vec<Because>,
}

/// The statuses of one patient in date order, and what a reader must know about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmed {
    /// One for each assessment known at the cut.
    pub statuses: Vec<Status>,
    /// What was doubtful and how it was read: several assessments on one day, a progression without its
    /// kind, a second sample long after the first, assessments left out.
    pub findings: Vec<Because>,
}

impl Confirmed {
    /// The date of the first confirmed progression.
    pub fn progression(&self) -> Option<Date> {
        let ended = |status: &&Status| {
            matches!(status.status, Category::Progressive | Category::ImmuneConfirmedProgressive)
        };
        self.statuses.iter().find(ended).map(|status| status.date)
    }
}

/// Confirms the assessments of one patient, given in any order.
///
/// With `j` the next evaluable sample after `i`: two responses establish the lower of the two; a response
/// followed by stable disease, by progression, by nothing, or only by a sample after new therapy establishes
/// stable disease; a biochemical progression needs another progression at `j` and is not evaluable without;
/// every other progression stands alone. The status is the greatest established so far, progression being
/// greatest. Of several assessments on one day the worst counts, not evaluable yielding to any. A progression
/// of unknown kind is taken as biochemical and reported.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, confirm::{Course, Rules, confirm}};
/// let sample = |month, category| Assessment::new(date(2024, month, 1), category, None);
/// let confirmed = confirm(
///     &Rules::REFERENCE,
///     &Course::default(),
///     &[sample(1, Category::Partial), sample(2, Category::VeryGoodPartial), sample(3, Category::Stable)],
/// );
/// assert_eq!(confirmed.statuses[0].status, Category::Partial);
/// assert_eq!(confirmed.statuses[0].confirmed_by, Some(date(2024, 2, 1)));
/// assert_eq!(confirmed.statuses[2].status, Category::Partial);
/// ```
pub fn confirm(rules: &Rules, course: &Course, assessments: &[Assessment]) -> Confirmed {
    WALK.carry(course, assessments, |days, day, findings| {
        let found = Sequence { rules, course, days }.settle(day);
        if let Some(second) = found.confirmed_by() {
            warn_of_a_long_gap(rules, days[day].date, second, findings);
        }
        found.told(days[day])
    })
}

/// The statuses of [`confirm`] without reasons or findings, for many patients at once.
///
/// ```
/// use jiff::civil::date;
/// use posology_clinic::response::{Assessment, Category, confirm::{Course, Rules, confirm, statuses}};
/// let rows = [1, 2].map(|month| Assessment::new(date(2024, month, 1), Category::Partial, None));
/// let told = confirm(&Rules::REFERENCE, &Course::default(), &rows);
/// let silent = statuses(&Rules::REFERENCE, &Course::default(), &rows);
/// assert_eq!(silent.statuses[0].status, told.statuses[0].status);
/// assert!(silent.statuses[0].reasons.is_empty());
/// ```
pub fn statuses(rules: &Rules, course: &Course, assessments: &[Assessment]) -> Confirmed {
    let confirmed = WALK.walk(false, course, assessments, |days, day, _| {
        let found = Sequence { rules, course, days }.settle(day);
        Settled {
            established: found.established,
            confirmed_by: found.confirmed_by(),
            because: Because::new(String::new(), String::new()),
        }
    });
    Confirmed { findings: Vec::new(), ..confirmed }
}

const WALK: Walk = Walk { source: SOURCE, kind_decides: true };

/// The walk over one patient's assessments in date order that all criteria share: which of them count, and the
/// status carried forward. What an assessment establishes is each set's own.
pub(super) struct Walk {
    /// The paper that says so.
    pub source: &'static str,
    /// Whether the kind of a progression decides if it needs a second sample.
    pub kind_decides: bool,
}

impl Walk {
    /// Confirms assessments given in any order. `settle` says what the assessment at an index establishes, given
    /// all that count, in date order.
    pub(super) fn carry(
        &self,
        course: &Course,
        assessments: &[Assessment],
        settle: impl Fn(&[&Assessment], usize, &mut Vec<Because>) -> Settled,
    ) -> Confirmed {
        self.walk(true, course, assessments, settle)
    }

    /// The walk, with the reasons only where they are `told`.
    fn walk(
        &self,
        told: bool,
        course: &Course,
        assessments: &[Assessment],
        settle: impl Fn(&[&Assessment], usize, &mut Vec<Because>) -> Settled,
    ) -> Confirmed {
        let mut findings = Vec::new();
        let rows = rows_in_date_order(self, course, assessments, &mut findings);
        let days: Vec<&Assessment> = rows.iter().filter(|row| row.counts).map(|row| row.assessment).collect();

        let mut statuses = Vec::with_capacity(rows.len());
        let mut status = Category::NotEvaluable;
        let mut day = 0;
        for row in &rows {
            let mut reasons = if told { row.assessment.reasons.clone() } else { Vec::new() };
            let (mut established, mut confirmed_by) = (Category::NotEvaluable, None);
            if row.counts {
                let settled = settle(&days, day, &mut findings);
                day += 1;
                established = settled.established;
                confirmed_by = settled.confirmed_by;
                if carried_rank(established) > carried_rank(status) {
                    status = established;
                }
                if told {
                    reasons.push(settled.because);
                }
                if told && status != established {
                    reasons.push(
                        Because::new(
                            "confirm/status-stays",
                            format!(
                                "the confirmed status stays {status}: it falls only to progressive disease"
                            ),
                        )
                        .source(self.source),
                    );
                }
            } else if told {
                reasons.push(row.left_out());
            }
            statuses.push(Status {
                date: row.assessment.date,
                assessed: row.assessment.category,
                kind: row.assessment.kind,
                counts: row.counts,
                established,
                status,
                confirmed_by,
                reasons,
            });
        }
        share_the_status_of_a_day(&mut statuses);
        Confirmed { statuses, findings }
    }
}

/// Rank in the carried status, where progression absorbs.
fn carried_rank(category: Category) -> u8 {
    let absorbs = matches!(category, Category::Progressive | Category::ImmuneConfirmedProgressive);
    if absorbs { u8::MAX } else { category as u8 }
}

struct Row<'a> {
    assessment: &'a Assessment,
    counts: bool,
    treated: bool,
}

impl Row<'_> {
    fn left_out(&self) -> Because {
        if self.treated {
            Because::new("confirm/same-day", "another assessment of the same day counts: the worst of them")
        } else {
            Because::new("confirm/before-treatment", "the assessment lies before the first treatment")
        }
    }
}

/// Rank of an assessment among those of one day: the worst first, not evaluable last.
fn rank_within_a_day(
    assessment: &Assessment,
) -> (bool, Category, std::cmp::Reverse<Option<ProgressionKind>>) {
    (assessment.category == Category::NotEvaluable, assessment.category, std::cmp::Reverse(assessment.kind))
}

fn rows_in_date_order<'a>(
    walk: &Walk,
    course: &Course,
    assessments: &'a [Assessment],
    findings: &mut Vec<Because>,
) -> Vec<Row<'a>> {
    let mut known: Vec<&Assessment> = assessments.iter().filter(|one| course.knows(one.date)).collect();
    known.sort_by(|a, b| {
        (a.date, rank_within_a_day(a), &a.reasons).cmp(&(b.date, rank_within_a_day(b), &b.reasons))
    });
    if let (Some(cut), later @ 1..) = (course.cut, assessments.len() - known.len()) {
        findings.push(
            Because::new(
                "confirm/after-cut",
                format!("{later} assessments after the cut {cut} are left out"),
            )
            .input("cut", cut),
        );
    }
    let mut rows: Vec<Row<'a>> = Vec::with_capacity(known.len());
    for assessment in known {
        let treated = course.treats(assessment.date);
        let repeats = rows.last().is_some_and(|last| last.assessment.date == assessment.date);
        if !treated {
            findings.push(
                Because::new(
                    "confirm/before-treatment",
                    format!(
                        "{} on {} lies before the first treatment: left out",
                        assessment.category, assessment.date
                    ),
                )
                .input("date", assessment.date),
            );
        } else if repeats {
            findings.push(
                Because::new(
                    "confirm/same-day",
                    format!(
                        "several assessments on {}: the worst counts, not {}",
                        assessment.date, assessment.category
                    ),
                )
                .input("date", assessment.date),
            );
        } else if walk.kind_decides
            && assessment.category == Category::Progressive
            && assessment.kind.is_none()
        {
            findings.push(
                Because::new(
                    "confirm/kind-of-progression",
                    format!(
                        "the progression on {} does not say by what it was seen (expected biochemical or \
                         imaging): taken as biochemical, which needs a second sample; name the kind in the source",
                        assessment.date
                    ),
                )
                .input("date", assessment.date),
            );
        }
        rows.push(Row { assessment, counts: treated && !repeats, treated });
    }
    rows
}

fn days_between(first: Date, second: Date) -> i32 {
    (second - first).get_days()
}

fn warn_of_a_long_gap(rules: &Rules, first: Date, second: Date, findings: &mut Vec<Because>) {
    let days = days_between(first, second);
    if i64::from(days) > i64::from(rules.warn_after_days) {
        findings.push(
            Because::new(
                "confirm/long-gap",
                format!("the sample of {second} confirms that of {first}, {days} days before"),
            )
            .input("days", days)
            .input("warn after", format!("{} days", rules.warn_after_days)),
        );
    }
}

/// Rows of one day show one status: the one reached that day.
fn share_the_status_of_a_day(statuses: &mut [Status]) {
    for later in 1..statuses.len() {
        if statuses[later].date == statuses[later - 1].date && !statuses[later].counts {
            statuses[later].status = statuses[later - 1].status;
        }
    }
}

/// The assessments that count, one a day, in date order.
struct Sequence<'a> {
    rules: &'a Rules,
    course: &'a Course,
    days: &'a [&'a Assessment],
}

/// What one assessment establishes together with those after it.
pub(super) struct Settled {
    pub established: Category,
    pub confirmed_by: Option<Date>,
    pub because: Because,
}

/// What a response establishes where it must last: the least of the evaluable assessments from `day` to the first
/// on or after `until` (which may be `day` itself), all before new therapy. Progression, or no such assessment,
/// leaves stable disease.
pub(super) fn lasting(
    course: &Course,
    days: &[&Assessment],
    day: usize,
    until: Date,
    rule: &str,
    source: &str,
) -> Settled {
    let here = days[day];
    let settled = |established, confirmed_by, says: String| Settled {
        established,
        confirmed_by,
        because: Because::new(rule, says)
            .input("first", format!("{} {}", here.date, here.category))
            .input("must last until", until)
            .source(source),
    };
    let alone = |why: String| {
        settled(
            Category::Stable,
            None,
            format!("{} is unconfirmed and counts as stable disease: {why}", here.category),
        )
    };
    let mut least = here.category;
    for later in &days[day..] {
        if course.known_new_therapy().is_some_and(|therapy| later.date >= therapy) {
            return alone("new therapy came before it had lasted long enough".to_owned());
        }
        match later.category {
            Category::NotEvaluable => continue,
            Category::Progressive => return alone(format!("progression on {}", later.date)),
            category => least = least.min(category),
        }
        if !least.is_response() {
            return alone(format!("{} is {}", later.date, later.category));
        }
        if later.date >= until {
            let second = (later.date > here.date).then_some(later.date);
            return settled(
                least,
                second,
                format!(
                    "{} has lasted: {least} is the least of it up to {}, and {until} was the day to reach",
                    here.category, later.date
                ),
            );
        }
    }
    alone(format!("no evaluable assessment on or after {until}"))
}

/// What an assessment establishes with the next, and why, as data.
struct Found {
    established: Category,
    why: Why,
}

#[derive(Clone, Copy)]
enum Why {
    NotEvaluable,
    Stable,
    ResponseAlone(Next),
    ResponsePair(Date, Category),
    ProgressionAtOnce(ProgressionKind),
    ProgressionPair(Date),
    LastBeforeTherapy(Date),
    LastBeforeDeath(Date),
    ProgressionAlone(Next),
}

/// What follows an assessment that stands alone.
#[derive(Clone, Copy)]
enum Next {
    Nothing,
    TooFar(Date),
    AfterTherapy(Date),
    Other(Date, Category),
}

impl Next {
    fn words(self) -> String {
        match self {
            Self::Nothing => "no evaluable sample follows".to_owned(),
            Self::TooFar(date) => format!("the next sample, {date}, does not count as the next"),
            Self::AfterTherapy(date) => format!("the next sample, {date}, was taken after new therapy"),
            Self::Other(date, Category::Progressive) => format!("the next sample, {date}, is progression"),
            Self::Other(date, Category::Stable) => format!("the next sample, {date}, is stable disease"),
            Self::Other(date, other) => format!("the next sample, {date}, is {other}"),
        }
    }
}

impl Found {
    const fn confirmed_by(&self) -> Option<Date> {
        match self.why {
            Why::ResponsePair(second, _) | Why::ProgressionPair(second) => Some(second),
            _ => None,
        }
    }

    /// The same in words, for the assessment it was found at.
    fn told(&self, here: &Assessment) -> Settled {
        let established = self.established;
        let (rule, says) = match self.why {
            Why::NotEvaluable => {
                ("confirm/not-evaluable", "not evaluable: the status is carried forward".to_owned())
            }
            Why::Stable => ("confirm/stable", "stable disease needs no second sample".to_owned()),
            Why::ResponseAlone(next) => (
                "confirm/response-alone",
                format!("{} is unconfirmed and counts as stable disease: {}", here.category, next.words()),
            ),
            Why::ResponsePair(second, other) => (
                "confirm/response-pair",
                format!(
                    "{} and, on {second}, {other}: {established} is confirmed, dated at the first",
                    here.category
                ),
            ),
            Why::ProgressionAtOnce(kind) => {
                ("confirm/progression-at-once", format!("progression by {kind} needs no second sample"))
            }
            Why::ProgressionPair(second) => (
                "confirm/progression-pair",
                format!("progression again on {second}: confirmed, dated at the first"),
            ),
            Why::LastBeforeTherapy(date) => (
                "confirm/last-progression",
                format!(
                    "biochemical progression at the last visit, followed by new therapy on {date}: it counts"
                ),
            ),
            Why::LastBeforeDeath(date) => (
                "confirm/last-progression",
                format!("biochemical progression at the last visit, followed by death on {date}: it counts"),
            ),
            Why::ProgressionAlone(next) => (
                "confirm/progression-alone",
                format!("biochemical progression is unconfirmed: {}", next.words()),
            ),
        };
        let mut because = Because::new(rule, says).source(SOURCE);
        if let Why::ResponsePair(second, other) = self.why {
            because = because
                .input("first", format!("{} {}", here.date, here.category))
                .input("second", format!("{second} {other}"));
        }
        Settled { established, confirmed_by: self.confirmed_by(), because }
    }
}

/// What a progression establishes where one by blood or urine needs a second sample.
pub(super) fn settle_progression(
    rules: &Rules,
    course: &Course,
    days: &[&Assessment],
    day: usize,
) -> Settled {
    Sequence { rules, course, days }.settle_progression(day).told(days[day])
}

impl Sequence<'_> {
    fn settle(&self, day: usize) -> Found {
        match self.days[day].category {
            Category::NotEvaluable => Found { established: Category::NotEvaluable, why: Why::NotEvaluable },
            Category::Stable => Found { established: Category::Stable, why: Why::Stable },
            Category::Progressive => self.settle_progression(day),
            _ => self.settle_response(day),
        }
    }

    fn settle_response(&self, day: usize) -> Found {
        let here = self.days[day];
        let alone = |next: Next| Found { established: Category::Stable, why: Why::ResponseAlone(next) };
        let Some(next) = self.next_evaluable(day, true) else {
            return alone(self.why_nothing_follows(day));
        };
        if !self.rules.may_confirm_response(next.date, self.course.known_new_therapy()) {
            return alone(Next::AfterTherapy(next.date));
        }
        match next.category {
            Category::Progressive | Category::Stable => alone(Next::Other(next.date, next.category)),
            other => {
                Found { established: here.category.min(other), why: Why::ResponsePair(next.date, other) }
            }
        }
    }

    fn settle_progression(&self, day: usize) -> Found {
        let here = self.days[day];
        let counts = |why: Why| Found { established: Category::Progressive, why };
        if let Some(kind) = here.kind.filter(|kind| !kind.needs_second_sample()) {
            return counts(Why::ProgressionAtOnce(kind));
        }
        let next = self.next_evaluable(day, false).filter(|next| {
            self.rules.new_therapy_may_confirm_progression
                || self.rules.may_confirm_response(next.date, self.course.known_new_therapy())
        });
        if let Some(next) = next.filter(|next| next.category == Category::Progressive) {
            return counts(Why::ProgressionPair(next.date));
        }
        let is_last = || self.days[day + 1..].iter().all(|row| row.category == Category::NotEvaluable);
        if self.rules.last_progression == LastProgression::TherapyOrDeath && is_last() {
            let follows = |date: Option<Date>| date.filter(|&date| date >= here.date);
            if let Some(date) = follows(self.course.known_new_therapy()) {
                return counts(Why::LastBeforeTherapy(date));
            }
            if let Some(date) = follows(self.course.known_death()) {
                return counts(Why::LastBeforeDeath(date));
            }
        }
        let next =
            next.map_or_else(|| self.why_nothing_follows(day), |next| Next::Other(next.date, next.category));
        Found { established: Category::NotEvaluable, why: Why::ProgressionAlone(next) }
    }

    /// The next sample that may confirm, if one follows closely enough. A response may look past a
    /// progression that stayed unconfirmed, if the rules say so.
    fn next_evaluable(&self, day: usize, for_response: bool) -> Option<&Assessment> {
        let here = self.days[day].date;
        let mut not_evaluable: u32 = 0;
        for later in day + 1..self.days.len() {
            let next = self.days[later];
            if next.category == Category::NotEvaluable {
                not_evaluable = not_evaluable.saturating_add(1);
                continue;
            }
            let passed_over = for_response
                && next.category == Category::Progressive
                && self.rules.progression_between == ProgressionBetween::PassedOver
                && self.settle_progression(later).established != Category::Progressive;
            if passed_over {
                continue;
            }
            let near = self.rules.max_not_evaluable_between.is_none_or(|most| not_evaluable <= most)
                && self
                    .rules
                    .max_days_between
                    .is_none_or(|most| i64::from(days_between(here, next.date)) <= i64::from(most));
            return near.then_some(next);
        }
        None
    }

    fn why_nothing_follows(&self, day: usize) -> Next {
        let later = self.days[day + 1..].iter().find(|row| row.category != Category::NotEvaluable);
        later.map_or(Next::Nothing, |row| Next::TooFar(row.date))
    }
}
