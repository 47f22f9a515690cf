//! Late toxicity: for how many years a patient is followed beyond the DLT window, what was due and done, and the first
//! late event of each kind the protocol names, with death as a competing end.
//!
//! Start at [`LateFollowUp`] for one patient and at [`Analysis::late_incidence`] for many. An event is late if it
//! began after the patient's own DLT window; its kind is a rule of `[[late.event]]`, in the language of `[[dlt.rules]]`.
//! Only what is certain counts: a finding that the samples leave possible, or an event without a grade, is listed. A
//! patient without the event is censored when last seen, or at the last result of the analyte where the kind is a laboratory
//! value: nobody was free of it for longer than was looked. Left out: adjudication, and comparisons of regimens.

use jiff::ToSpan as _;
use jiff::civil::Date;
use posology_clinic::dlt::{Certainty, Condition, Finding, NotJudged, Rule, Rules, Window, study_day};
use posology_clinic::laboratory::Analyte;
use serde::Serialize;

use super::Analysis;
use super::exposure::Exposure;
use super::incidence::{CompetingTime, CumulativeIncidence, Ending};
use super::patient::{Disposition, PatientAnalysis};
use super::rates::Confidence;
use super::survival::BadTime;
use super::toxicity::Sample;
use crate::cut::Cut;
use crate::protocol::{AfterNewTherapy, Dlt, Late, LateFollow, Protocol};
use crate::state::Patient;

/// Days of a month, 365.25 / 12: the unit in which the times of cumulative incidence are stated.
pub const MONTH_DAYS: f64 = 30.4375;

/// One patient's follow-up for late toxicity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateFollowUp {
    /// The first fraction, from which times are counted.
    pub origin: Date,
    /// The last day of the DLT window: what began after it is late.
    pub window_end: Date,
    /// The last day on which anything was recorded of the patient, by the cut.
    pub last_seen: Date,
    /// Day of death, if by the cut; the earliest that the record leaves possible.
    pub death: Option<Date>,
    /// Day on which follow-up ended otherwise, if by the cut: the study was left, or, where the protocol has it so, a new
    /// anti-cancer therapy began.
    pub ended: Option<Date>,
    /// What was found, by the kinds of the protocol, in its order.
    pub kinds: Vec<LateKind>,
    /// The occasions of each thing that is followed, in the protocol's order.
    pub schedule: Vec<FollowedItem>,
}

/// One kind of late event in one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateKind {
    /// Id of the rule.
    pub id: String,
    /// The first late event of the kind that is certain.
    pub first: Option<Finding>,
    /// Late events that the record leaves possible.
    pub possible: Vec<Finding>,
    /// What could not be judged, such as an event without a grade.
    pub not_judged: Vec<NotJudged>,
    /// The last day on which the kind was looked for.
    pub followed_to: Date,
}

/// How one patient's time to a late event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateTime {
    /// Days from the first fraction, which is day 1.
    pub days: u32,
    /// How it ended: with the event, with death, or without either.
    pub ending: Ending,
}

/// One thing that is followed in one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FollowedItem {
    /// Id.
    pub id: String,
    /// What, in words.
    pub what: String,
    /// Its occasions after the window, in order.
    pub occasions: Vec<Occasion>,
}

/// One occasion of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Occasion {
    /// Months after the first fraction.
    pub month: u32,
    /// Its day.
    pub due: Date,
    /// The last day on which it is not overdue.
    pub until: Date,
    /// When it took place.
    pub done: Option<Date>,
    /// Whether it did not take place and no longer will: a later one did, or the patient died or left after its last day.
    pub passed_over: bool,
    /// Whether the patient had died or left by its last day, so that it is not asked for.
    pub not_asked: bool,
}

/// How an occasion stands as of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OccasionStands {
    /// Took place by its last day.
    Done,
    /// Took place after it.
    DoneLate,
    /// Did not take place, and no longer will.
    Missed,
    /// Its last day has passed, and it is awaited.
    Overdue,
    /// Still to come.
    Awaited,
    /// Not asked for: the patient had died or left.
    NotAsked,
}

impl Occasion {
    /// How it stands as of a day.
    #[must_use]
    pub fn stands(&self, as_of: Date) -> OccasionStands {
        match self.done {
            Some(day) if day <= self.until => OccasionStands::Done,
            Some(_) => OccasionStands::DoneLate,
            None if self.not_asked => OccasionStands::NotAsked,
            None if self.passed_over => OccasionStands::Missed,
            None if self.until < as_of => OccasionStands::Overdue,
            None => OccasionStands::Awaited,
        }
    }
}

impl FollowedItem {
    /// The occasion that is awaited next as of a day: the first that is neither done, passed over nor without a patient
    /// to ask; and how many are overdue by then.
    #[must_use]
    pub fn next(&self, as_of: Date) -> Option<(Occasion, usize)> {
        let open = |occasion: &&Occasion| {
            matches!(occasion.stands(as_of), OccasionStands::Overdue | OccasionStands::Awaited)
        };
        let overdue = self.occasions.iter().filter(|one| one.stands(as_of) == OccasionStands::Overdue);
        Some((*self.occasions.iter().find(open)?, overdue.count()))
    }
}

impl LateFollowUp {
    /// Derives the follow-up of a treated patient; none where the protocol does not ask for it.
    pub(crate) fn derive(
        protocol: &Protocol,
        facts: &Patient,
        exposure: &Exposure,
        window: Option<&Window>,
        disposition: &Disposition,
        samples: &[Sample],
        cut: &Cut,
    ) -> Option<Self> {
        let (late, dlt, window) = (protocol.late.as_ref()?, protocol.dlt.as_ref()?, window?);
        let origin = window.first_fraction;
        let last_seen = super::toxicity::last_seen(facts, cut.date()).unwrap_or(origin).max(origin);
        let by_cut = |date: &Date| *date <= cut.date();
        let death = death(facts, last_seen).filter(by_cut);
        let therapy = facts
            .new_therapies
            .iter()
            .map(|therapy| therapy.start.earliest_date())
            .filter(|_| late.new_therapy == AfterNewTherapy::Censored)
            .min();
        let left = disposition.left.then(|| disposition.off_study.unwrap_or(last_seen));
        let ended = therapy.into_iter().chain(left.filter(|left| death.is_none_or(|death| *left < death)));
        let ended = ended.filter(by_cut).min();
        let kinds = kinds(
            late,
            dlt,
            facts,
            exposure,
            window,
            samples,
            ended.map_or(last_seen, |day| day.min(last_seen)),
        );
        let asked_until = death.into_iter().chain(left).min();
        let schedule = late
            .follow
            .iter()
            .map(|item| FollowedItem {
                id: item.id.clone(),
                what: item.what.clone(),
                occasions: occasions(late, item, facts, window, asked_until, cut.date()),
            })
            .collect();
        Some(Self { origin, window_end: window.end, last_seen, death, ended, kinds, schedule })
    }

    /// The time to the first late event of a kind, or of any kind where none is named; none for a kind that the protocol
    /// does not have.
    #[must_use]
    pub fn time_to(&self, kind: Option<&str>) -> Option<LateTime> {
        let of_kind = |one: &&LateKind| kind.is_none_or(|id| id == one.id);
        let kinds: Vec<&LateKind> = self.kinds.iter().filter(of_kind).collect();
        let onset = kinds.iter().filter_map(|one| one.first.as_ref()).map(|found| found.onset_date).min();
        let looked = match (kind, kinds.as_slice()) {
            (Some(_), [only]) => only.followed_to,
            (Some(_), _) => return None,
            (None, _) => self.ended.map_or(self.last_seen, |ended| ended.min(self.last_seen)),
        };
        let death = self.death.filter(|death| self.ended.is_none_or(|ended| *death <= ended));
        let (end, ending) = match (onset, death) {
            (Some(onset), _) => (onset, Ending::Event),
            (None, Some(death)) => (death, Ending::Competing),
            (None, None) => (looked, Ending::Censored),
        };
        let days = u32::try_from(study_day(self.origin, end)).unwrap_or(1).max(1);
        Some(LateTime { days, ending })
    }
}

/// The earliest day on which the patient can have died, or that of a fatal event without a death on record.
fn death(facts: &Patient, last_seen: Date) -> Option<Date> {
    let recorded = facts.death.as_ref().map(|death| death.at.earliest_date());
    let fatal =
        facts.adverse_events.iter().filter(|event| event.fatal == Some(true) || event.grade == Some(5)).map(
            |event| event.end.as_ref().or(event.start.as_ref()).map_or(last_seen, |day| day.earliest_date()),
        );
    recorded.or_else(|| fatal.min())
}

fn kinds(
    late: &Late,
    dlt: &Dlt,
    facts: &Patient,
    exposure: &Exposure,
    window: &Window,
    samples: &[Sample],
    followed_to: Date,
) -> Vec<LateKind> {
    let course = super::toxicity::course(dlt, facts, exposure, window.first_fraction, samples, followed_to);
    let of_rule = |rule: &Rule| {
        let alone = Rules::new(vec![rule.clone()]).unwrap_or_default();
        let found = posology_clinic::dlt::evaluate(&alone, &course, window, dlt.ctcae);
        let (certain, possible): (Vec<Finding>, Vec<Finding>) =
            found.late.into_iter().partition(|finding| finding.certainty == Certainty::Fired);
        let not_judged = found.not_judged.into_iter().filter(|unread| unread.date > window.end).collect();
        let looked = rule.conditions().into_iter().filter_map(|condition| match condition {
            Condition::Lab(lab) => Some(
                samples
                    .iter()
                    .filter(|sample| sample.value.analyte == lab.analyte && sample.date <= followed_to)
                    .map(|sample| sample.date.max(window.first_fraction))
                    .max()
                    .unwrap_or(window.first_fraction),
            ),
            _ => None,
        });
        LateKind {
            id: rule.id.clone(),
            first: certain.into_iter().min_by_key(|finding| finding.onset_date),
            possible,
            not_judged,
            followed_to: looked.min().unwrap_or(followed_to),
        }
    };
    late.event.iter().map(of_rule).collect()
}

/// Whether the name of a test in the protocol means an analyte: its id, or a code of its records.
pub(crate) fn names(test: &str, analyte: Analyte) -> bool {
    test.eq_ignore_ascii_case(analyte.id())
        || analyte.codes().iter().any(|code| test.eq_ignore_ascii_case(code))
}

/// The days on which each of the things asked for on an occasion was done: a list for each test, or one of visits.
fn done_on(item: &LateFollow, facts: &Patient, cut: Date) -> Vec<Vec<Date>> {
    let by_cut = |date: &Date| *date <= cut;
    if item.tests.is_empty() {
        let counts = |name: Option<&str>| {
            item.visits.is_empty()
                || name.is_some_and(|name| item.visits.iter().any(|visit| visit.eq_ignore_ascii_case(name)))
        };
        let visits = facts.visits.iter().filter(|visit| counts(visit.name.as_deref()));
        return vec![visits.filter_map(|visit| visit.start.as_ref()?.date()).filter(by_cut).collect()];
    }
    let of_test = |test: &String| {
        let results = facts.laboratory.iter().filter(|result| {
            result.result.is_some()
                && (result.test.eq_ignore_ascii_case(test)
                    || result.analyte.is_some_and(|analyte| names(test, analyte)))
        });
        results.filter_map(|result| result.at.as_ref()?.date()).filter(by_cut).collect()
    };
    item.tests.iter().map(of_test).collect()
}

/// The occasions after the window. What was done belongs to the occasion whose days had begun and whose successor's had
/// not, however late it came.
fn occasions(
    late: &Late,
    item: &LateFollow,
    facts: &Patient,
    window: &Window,
    asked_until: Option<Date>,
    cut: Date,
) -> Vec<Occasion> {
    let done = done_on(item, facts, cut);
    let days = |date: Date, days: i64| date.saturating_add(days.days());
    let opens = |due: Date| days(due, -i64::from(item.days_early));
    let due: Vec<(u32, Date)> = item
        .months(late)
        .map(|month| (month, window.first_fraction.saturating_add(i64::from(month).months())))
        .filter(|(_, due)| *due > window.end)
        .collect();
    let mut occasions: Vec<Occasion> = due
        .iter()
        .enumerate()
        .map(|(place, (month, due_on))| {
            let from = opens(*due_on);
            let before = due.get(place + 1).map(|(_, next)| opens(*next));
            let within = |date: &&Date| **date >= from && before.is_none_or(|before| **date < before);
            let first = |dates: &Vec<Date>| dates.iter().filter(within).min().copied();
            let each: Option<Vec<Date>> = done.iter().map(first).collect();
            let until = days(*due_on, i64::from(item.days_late));
            let done = each.and_then(|each| each.into_iter().max());
            let not_asked = done.is_none() && asked_until.is_some_and(|end| end <= until);
            Occasion { month: *month, due: *due_on, until, done, passed_over: false, not_asked }
        })
        .collect();
    // Nothing more is done in a patient who died or left.
    let mut later_done = asked_until.is_some();
    for occasion in occasions.iter_mut().rev() {
        occasion.passed_over = occasion.done.is_none() && later_done;
        later_done |= occasion.done.is_some();
    }
    occasions
}

impl Analysis {
    /// The times of some patients to their first late event of a kind, or of any kind; patients who were not treated have
    /// none.
    #[must_use]
    pub fn late_times<'a>(
        &self,
        kind: Option<&str>,
        patients: impl IntoIterator<Item = &'a PatientAnalysis>,
    ) -> Vec<(&'a PatientAnalysis, LateTime)> {
        let time = |patient: &PatientAnalysis| patient.late_follow_up.as_ref()?.time_to(kind);
        patients.into_iter().filter_map(|patient| Some((patient, time(patient)?))).collect()
    }

    /// The cumulative incidence of the first late event of a kind, or of any kind, with death as a competing end, in days
    /// from the first fraction.
    ///
    /// # Errors
    /// [`BadTime`], of which none can come from dates in order.
    pub fn late_incidence<'a>(
        &self,
        kind: Option<&str>,
        patients: impl IntoIterator<Item = &'a PatientAnalysis>,
    ) -> Result<CumulativeIncidence, BadTime> {
        let times: Vec<CompetingTime> = self
            .late_times(kind, patients)
            .into_iter()
            .map(|(_, time)| CompetingTime { days: f64::from(time.days), ending: time.ending })
            .collect();
        CumulativeIncidence::estimate(&times, Confidence::NINETY_FIVE)
    }
}
