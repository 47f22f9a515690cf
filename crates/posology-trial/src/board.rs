//! The board: where the trial stands now, what it waits for, and what is overdue.
//!
//! Start at [`Board::of`]. It joins what may happen next (`conduct`) with what is true of the patients at a cut
//! (`analysis`). Pure: the day comes in. Left out: advice on what to do about what is late.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};
use serde::Serialize;

use crate::analysis::exposure::{FractionExposure, days_between};
use crate::analysis::patient::PatientAnalysis;
use crate::analysis::toxicity::DltStatus;
use crate::analysis::{Analysis, CohortAnalysis, CohortStage};
use crate::committee::{Step, packet_digest, review, reviews};
use crate::conduct::{Conduct, Flag, HoldInForce};
use crate::event::{Eligibility, Fact, Kind};

/// Where the trial stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Board {
    /// The day by which something is late.
    pub as_of: Date,
    /// Cohorts, in the protocol's order.
    pub cohorts: Vec<CohortBoard>,
    /// What is awaited, the overdue first and then by day.
    pub awaited: Vec<Awaited>,
    /// The windows of those who are pending, the one that ends first before the others.
    pub windows: Vec<OpenWindow>,
    /// What the protocol caps, and how many patients there are.
    pub caps: Vec<Cap>,
    /// The holds that the protocol knows, each with what has met it.
    pub hold_rules: Vec<HoldRule>,
    /// The arms of a randomised comparison, the lowest activity first; none without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmBoard>,
    /// Reviews, in order.
    pub reviews: Vec<ReviewBoard>,
    /// Places kept for patients to come.
    pub slots: Vec<KeptSlot>,
    /// Holds in force.
    pub holds: Vec<HoldInForce>,
    /// What stands although it breaks a rule.
    pub flags: Vec<Flag>,
}

/// A cohort on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CohortBoard {
    /// Id.
    pub id: String,
    /// Whether patients can be enrolled now.
    pub open: bool,
    /// Places offered, replacements included.
    pub places: u32,
    /// Patients enrolled.
    pub enrolled: u32,
    /// Places kept for others.
    pub kept: u32,
    /// First day on which the next patient may begin, where the protocol staggers patients.
    pub next_start: Option<Date>,
    /// Number of its last review, if any.
    pub review: Option<u32>,
    /// Where it stands, in words.
    pub stands: String,
}

impl CohortBoard {
    /// Places offered, less those enrolled and those kept for others.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.places.saturating_sub(self.enrolled).saturating_sub(self.kept)
    }
}

/// Something awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Awaited {
    /// The patient it concerns, if one.
    pub subject: Option<String>,
    /// The cohort it concerns, if one.
    pub cohort: Option<String>,
    /// What.
    pub what: String,
    /// The last day for it, where the protocol sets one.
    pub until: Option<Date>,
    /// Whether that day has passed.
    pub overdue: bool,
}

/// The DLT window of a patient who is pending, counted down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OpenWindow {
    /// Subject.
    pub subject: String,
    /// Cohort.
    pub cohort: Option<String>,
    /// Day of the first fraction.
    pub first_fraction: Date,
    /// Last day of the window.
    pub end: Date,
    /// Days from the board's day to that day; negative once it has passed, while a judgement or a visit is awaited.
    pub days_left: i32,
    /// What is awaited.
    pub awaits: String,
    /// Whether a possible dose-limiting toxicity waits for judgement.
    pub possible_dlt: bool,
}

/// A number of patients that the protocol does not exceed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Cap {
    /// The regimen, or none where it is the trial's.
    pub regimen: Option<String>,
    /// Most patients.
    pub most: u32,
    /// Patients enrolled.
    pub enrolled: u32,
}

impl Cap {
    /// Whether nobody more may be enrolled.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.enrolled >= self.most
    }
}

/// An arm on the board. The list of allocations to come stands nowhere in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ArmBoard {
    /// Cohort id.
    pub cohort: String,
    /// Regimen id.
    pub regimen: String,
    /// Patients planned.
    pub planned: u32,
    /// Patients randomised.
    pub randomised: u32,
    /// Of these, enrolled.
    pub enrolled: u32,
}

/// A hold that the protocol knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HoldRule {
    /// Id.
    pub hold: String,
    /// What the protocol says.
    pub says: String,
    /// Who lifts it.
    pub lifted_by: String,
    /// Why it is in force, a sentence for each level at which it is; empty where it is not.
    pub in_force: Vec<String>,
    /// What has met it at a cohort's level, whether or not it was lifted since or stops anything.
    pub met: Vec<String>,
}

/// How far a fraction is, as of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FractionStands {
    /// Given.
    Given,
    /// Its day is still to come, or is not known.
    Planned,
    /// Its day has passed, and it is awaited.
    Late,
    /// Decided not to be given.
    Omitted,
    /// Its day has passed, it is no longer awaited, and no decision is recorded.
    NotGiven,
    /// It may be given or not, and is not prescribed.
    Optional,
}

impl FractionStands {
    /// How far a fraction of a patient is, as of a day.
    #[must_use]
    pub fn of(patient: &PatientAnalysis, fraction: &FractionExposure, as_of: Date) -> Self {
        let omitted = patient.facts.omitted.iter().any(|omitted| omitted.fraction == fraction.number);
        let ended = patient.facts.death.is_some()
            || patient.disposition.left
            || patient.dlt.status == DltStatus::NotEvaluable
            || (patient.is_treated() && !patient.dlt.window_open);
        match (fraction.given, fraction.planned) {
            (Some(_), _) => Self::Given,
            (None, _) if omitted => Self::Omitted,
            (None, _) if !fraction.is_meant() => Self::Optional,
            (None, Some(planned)) if planned >= as_of => Self::Planned,
            (None, _) if ended => Self::NotGiven,
            (None, Some(_)) => Self::Late,
            (None, None) => Self::Planned,
        }
    }

    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Planned => "planned",
            Self::Late => "late",
            Self::Omitted => "omitted",
            Self::NotGiven => "not given",
            Self::Optional => "optional",
        }
    }
}

/// A review on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReviewBoard {
    /// Number.
    pub number: u32,
    /// Cohort under review, if one.
    pub cohort: Option<String>,
    /// Clinical cut-off.
    pub cut_off: Option<Timestamp>,
    /// Digest of the packet, which votes and recommendation rest on.
    pub packet: Option<String>,
    /// Who has voted.
    pub voted: Vec<String>,
    /// What is awaited next; `None` once the decision is signed.
    pub next: Option<Step>,
    /// The same in words.
    pub awaits: String,
}

/// A place kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KeptSlot {
    /// Id.
    pub slot: String,
    /// Cohort.
    pub cohort: String,
    /// Site.
    pub site: String,
    /// For whom, if known.
    pub subject: Option<String>,
    /// Until when; `None` where it was asked for and not confirmed yet.
    pub until: Option<Timestamp>,
}

impl Board {
    /// The board of a record, with an analysis of it, as of a time.
    ///
    /// `holds` are those in force ([`Conduct::holds`]).
    #[must_use]
    pub fn of(conduct: &Conduct, analysis: &Analysis, holds: Vec<HoldInForce>, now: Timestamp) -> Self {
        let as_of = now.to_zoned(TimeZone::UTC).date();
        let mut awaited = Vec::new();
        for patient in &analysis.patients {
            of_patient(conduct, analysis, patient, &mut awaited);
            of_late(patient, as_of, &mut awaited);
        }
        of_screened(conduct, &mut awaited);
        let reviews: Vec<ReviewBoard> =
            reviews(conduct).into_iter().map(|n| review_board(conduct, n)).collect();
        for review in &reviews {
            if review.next.is_some() {
                let what = format!("review {}: {}", review.number, review.awaits);
                awaited.push(Awaited::new(None, review.cohort.clone(), what));
            }
        }
        let mut cohorts = Vec::new();
        for cohort in &analysis.cohorts {
            let board = cohort_board(conduct, cohort, &reviews, now);
            let complete = cohort.stage == CohortStage::UnderReview && board.review.is_none();
            if complete && conduct.founded().is_some() {
                let what = "a data cut for its review: the windows are closed".to_owned();
                awaited.push(Awaited::new(None, Some(cohort.id.clone()), what));
            }
            cohorts.push(board);
        }
        for query in conduct.open_queries() {
            let what = format!("an answer to query {}: {}", query.query, query.text);
            awaited.push(Awaited::new(query.subject.clone(), None, what));
        }
        for one in &mut awaited {
            one.overdue = one.until.is_some_and(|until| until < as_of);
        }
        awaited.sort_by_key(|one| {
            (!one.overdue, one.until.unwrap_or(Date::MAX), one.subject.clone(), one.what.clone())
        });
        Self {
            as_of,
            cohorts,
            awaited,
            windows: windows(analysis, as_of),
            caps: caps(conduct, analysis),
            hold_rules: hold_rules(analysis, &holds),
            arms: arms(conduct, analysis),
            reviews,
            slots: slots(conduct, now),
            holds,
            flags: conduct.flags().to_vec(),
        }
    }
}

/// What is due next: of what is awaited and not late, that with the earliest last day.
#[must_use]
pub fn next_due<'a>(awaited: impl IntoIterator<Item = &'a Awaited>) -> Option<&'a Awaited> {
    awaited.into_iter().filter(|one| one.until.is_some() && !one.overdue).min_by_key(|one| one.until)
}

fn windows(analysis: &Analysis, as_of: Date) -> Vec<OpenWindow> {
    let mut windows: Vec<OpenWindow> = analysis
        .patients
        .iter()
        .filter(|patient| patient.dlt.status == DltStatus::Pending)
        .filter_map(|patient| {
            let window = patient.window?;
            Some(OpenWindow {
                subject: patient.id.clone(),
                cohort: patient.cohort.clone(),
                first_fraction: window.first_fraction,
                end: window.end,
                days_left: days_between(as_of, window.end)?,
                awaits: patient.dlt.awaits.clone().unwrap_or_default(),
                possible_dlt: !patient.dlt.possible.is_empty(),
            })
        })
        .collect();
    windows.sort_by(|a, b| (a.end, &a.subject).cmp(&(b.end, &b.subject)));
    windows
}

fn caps(conduct: &Conduct, analysis: &Analysis) -> Vec<Cap> {
    let protocol = &analysis.protocol;
    let enrolled = |regimen: Option<&str>| {
        protocol
            .cohort
            .iter()
            .filter(|cohort| regimen.is_none_or(|regimen| cohort.regimen == regimen))
            .map(|cohort| conduct.patients_in(&cohort.id))
            .fold(0, u32::saturating_add)
    };
    let total = protocol.caps.total.map(|most| Cap { regimen: None, most, enrolled: enrolled(None) });
    let each = protocol.caps.per_regimen.into_iter().flat_map(|most| {
        protocol.regimen.iter().map(move |regimen| Cap {
            regimen: Some(regimen.id.clone()),
            most,
            enrolled: enrolled(Some(&regimen.id)),
        })
    });
    total.into_iter().chain(each).collect()
}

fn arms(conduct: &Conduct, analysis: &Analysis) -> Vec<ArmBoard> {
    let Some(part) = &analysis.protocol.randomised else { return Vec::new() };
    let made = conduct.randomised();
    let count = |patients: usize| u32::try_from(patients).unwrap_or(u32::MAX);
    let of_arm = |arm: &String| {
        let randomised = || made.iter().filter(|made| made.arm == *arm);
        let cohort = analysis.protocol.cohort(arm)?;
        Some(ArmBoard {
            cohort: arm.clone(),
            regimen: cohort.regimen.clone(),
            planned: part.comparison.patients,
            randomised: count(randomised().count()),
            enrolled: count(randomised().filter(|made| conduct.enrolment(&made.subject).is_some()).count()),
        })
    };
    part.comparison.arms.iter().filter_map(of_arm).collect()
}

fn hold_rules(analysis: &Analysis, in_force: &[HoldInForce]) -> Vec<HoldRule> {
    let rules = analysis.protocol.stopping.hold.iter();
    rules
        .map(|hold| {
            let mut met: Vec<String> = Vec::new();
            let of_cohorts = analysis.cohorts.iter().flat_map(|cohort| analysis.holds_of(cohort));
            for triggered in of_cohorts.filter(|met| met.hold.id == hold.id) {
                if !met.contains(&triggered.because.says) {
                    met.push(triggered.because.says.clone());
                }
            }
            HoldRule {
                hold: hold.id.clone(),
                says: hold.words(),
                lifted_by: hold.lifted_by.clone(),
                in_force: in_force
                    .iter()
                    .filter(|force| force.hold == hold.id)
                    .map(|force| force.says.clone())
                    .collect(),
                met,
            }
        })
        .collect()
}

impl Awaited {
    fn new(subject: Option<String>, cohort: Option<String>, what: String) -> Self {
        Self { subject, cohort, what, until: None, overdue: false }
    }
}

fn of_patient(conduct: &Conduct, analysis: &Analysis, patient: &PatientAnalysis, awaited: &mut Vec<Awaited>) {
    let mut push = |what: String, until: Option<Date>| {
        let (subject, cohort) = (Some(patient.id.clone()), patient.cohort.clone());
        awaited.push(Awaited { subject, cohort, what, until, overdue: false });
    };
    if !patient.is_treated() {
        if patient.enrolled.is_some() && conduct.of_subject(&patient.id, Kind::Death).next().is_none() {
            let planned = patient.exposure.fractions.first().and_then(|fraction| fraction.planned);
            push("the first fraction".to_owned(), planned);
        }
        return;
    }
    let open = patient.dlt.window_open && patient.dlt.status != DltStatus::NotEvaluable;
    let ungiven = |fraction: &&FractionExposure| fraction.given.is_none() && open && fraction.is_meant();
    for fraction in patient.exposure.fractions.iter().filter(ungiven) {
        let omitted = conduct.of_subject(&patient.id, Kind::FractionOmitted).any(
            |entry| matches!(&entry.event.fact, Fact::FractionOmitted(omitted) if omitted.fraction == fraction.number),
        );
        if omitted {
            continue;
        }
        let late = fraction_days_late(analysis, patient, fraction.number);
        let until = fraction.planned.and_then(|planned| planned.checked_add(i64::from(late).days()).ok());
        let planned = fraction.planned.map(|day| format!(", planned for {day}")).unwrap_or_default();
        push(format!("fraction {}{planned}", fraction.number), until);
    }
    if patient.dlt.status == DltStatus::Pending
        && let Some(awaits) = &patient.dlt.awaits
    {
        let tolerance = analysis.protocol.dlt.as_ref().map_or(0, |dlt| dlt.visit_tolerance_days);
        let until = patient
            .window
            .map(|window| window.end.checked_add(i64::from(tolerance).days()).unwrap_or(window.end));
        // A judgement has no last day: it blocks the advice until it is there.
        let judgement = !patient.dlt.possible.is_empty();
        push(awaits.clone(), if judgement { None } else { until });
    }
}

/// What is due next of each thing that is followed beyond the window, of a patient who is beyond it.
fn of_late(patient: &PatientAnalysis, as_of: Date, awaited: &mut Vec<Awaited>) {
    let Some(late) = patient.late_follow_up.as_ref().filter(|late| late.window_end < as_of) else { return };
    for item in &late.schedule {
        let Some((next, overdue)) = item.next(as_of) else { continue };
        let more = if overdue > 1 { format!(", and {} later overdue", overdue - 1) } else { String::new() };
        let what = format!("late follow-up: {} of month {}, due {}{more}", item.what, next.month, next.due);
        let (subject, cohort) = (Some(patient.id.clone()), patient.cohort.clone());
        awaited.push(Awaited { subject, cohort, what, until: Some(next.until), overdue: false });
    }
}

/// How many days after the planned one a fraction may be given, by the protocol.
fn fraction_days_late(analysis: &Analysis, patient: &PatientAnalysis, number: u32) -> u32 {
    let regimen = patient.regimen.as_deref().and_then(|id| analysis.protocol.regimen(id));
    let place = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    regimen.and_then(|regimen| regimen.fraction.get(place)).map_or(0, |fraction| fraction.days_late)
}

/// Subjects who were screened and not judged, or judged eligible and not enrolled.
fn of_screened(conduct: &Conduct, awaited: &mut Vec<Awaited>) {
    for subject in conduct.subjects() {
        if conduct.of_subject(subject, Kind::Screening).next().is_none()
            || conduct.enrolment(subject).is_some()
        {
            continue;
        }
        if let Some(arm) = conduct.arm_of(subject) {
            let what = format!("enrolment: randomised to {arm}");
            awaited.push(Awaited::new(Some(subject.to_owned()), Some(arm.to_owned()), what));
            continue;
        }
        let judged = conduct.of_subject(subject, Kind::Eligibility).next_back();
        let what = match judged.map(|entry| &entry.event.fact) {
            None => "a judgement on eligibility, by the investigator",
            Some(Fact::Eligibility(Eligibility { eligible: true, .. })) => "enrolment: judged eligible",
            Some(_) => continue,
        };
        awaited.push(Awaited::new(Some(subject.to_owned()), None, what.to_owned()));
    }
}

fn review_board(conduct: &Conduct, number: u32) -> ReviewBoard {
    let standing = review(conduct, number);
    ReviewBoard {
        number,
        cohort: standing.cut.and_then(|(_, cut)| cut.cohort.clone()),
        cut_off: standing.cut.map(|(_, cut)| cut.cut.cut_off),
        packet: standing.packet.and_then(|(_, packet)| packet_digest(&packet.files).ok()),
        voted: standing.voted.iter().map(|user| (*user).to_owned()).collect(),
        next: standing.next,
        awaits: standing.next.map_or_else(|| "decided".to_owned(), |step| step.awaited().to_owned()),
    }
}

fn cohort_board(
    conduct: &Conduct,
    cohort: &CohortAnalysis,
    reviews: &[ReviewBoard],
    now: Timestamp,
) -> CohortBoard {
    let last = reviews.iter().rev().find(|review| review.cohort.as_deref() == Some(&cohort.id));
    let stands = match last {
        Some(review) if review.next.is_some() => {
            format!("review {}: awaits {}", review.number, review.awaits)
        }
        Some(review) => format!("decided in review {}", review.number),
        // Opened, or decided, after the last fact of a patient: the cut does not see it.
        None if cohort.stage == CohortStage::Planned && conduct.is_cohort_open(&cohort.id) => {
            "open".to_owned()
        }
        None => cohort.stage.words().to_owned(),
    };
    let open = conduct.is_cohort_open(&cohort.id);
    let places = conduct.places_offered(&cohort.id);
    let enrolled = conduct.patients_in(&cohort.id);
    CohortBoard {
        open: open && enrolled < places && cohort.decision.is_none(),
        places,
        enrolled,
        kept: conduct.places_kept(&cohort.id, None, now),
        next_start: if open { conduct.next_start(&cohort.id) } else { None },
        review: last.map(|review| review.number),
        stands,
        id: cohort.id.clone(),
    }
}

fn slots(conduct: &Conduct, now: Timestamp) -> Vec<KeptSlot> {
    let of_subjects = conduct
        .subjects()
        .into_iter()
        .flat_map(|subject| conduct.of_subject(subject, Kind::SlotRequested))
        .collect::<Vec<_>>();
    conduct
        .of_trial(Kind::SlotRequested)
        .chain(of_subjects)
        .filter_map(|entry| match &entry.event.fact {
            Fact::SlotRequested(slot) => Some(slot),
            _ => None,
        })
        .filter(|slot| slot.subject.as_deref().is_none_or(|subject| conduct.enrolment(subject).is_none()))
        .filter_map(|slot| {
            let confirmed = conduct.of_trial(Kind::SlotConfirmed).any(
                |entry| matches!(&entry.event.fact, Fact::SlotConfirmed(fact) if fact.slot == slot.slot),
            );
            let until = conduct.slot_kept_until(&slot.slot, now);
            if confirmed && until.is_none() {
                return None;
            }
            let subject = slot.subject.clone();
            let (slot, cohort, site) = (slot.slot.clone(), slot.cohort.clone(), slot.site.clone());
            Some(KeptSlot { until, subject, slot, cohort, site })
        })
        .collect()
}
