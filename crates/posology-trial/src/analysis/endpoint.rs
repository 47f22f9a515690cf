//! Times to an event of one patient: where each begins, where it ends, and whether the end is the event.
//!
//! Start at [`Followed::time_to`]: the dates of one patient and a named set of censoring rules in; origin, end, days,
//! event or censored, and the reason out. Days are counted as study days are: an event on the day of the origin comes
//! on day 1. The dates were settled before: progression is dated at the first of the two samples that confirm it, a
//! response at the first of its two. Left out: the estimate over patients, which is [`super::survival`].
//!
//! Sources: FDA. Clinical trial endpoints for the approval of cancer drugs and biologics, 2007, appendix 3, table A
//! (kept in the edition of 2018). EMA/CHMP/27994/2008 Rev. 1, appendix 1 to the guideline on anticancer medicinal
//! products. Rajkumar SV et al. Blood 2011;117:4691-4695, doi:10.1182/blood-2010-10-299487.

use jiff::ToSpan as _;
use jiff::civil::Date;
use posology_clinic::Because;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::survival::TimeToEvent;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeEndpoint {
    /// From the origin to progression or death.
    ProgressionFreeSurvival,
    /// From the origin to death.
    OverallSurvival,
    /// From the first partial response or better, confirmed, to progression or death; of responders.
    DurationOfResponse,
    /// From the origin to the first partial response or better, confirmed; of responders.
    TimeToResponse,
    /// From the origin to the first day of the best confirmed category; of responders.
    TimeToBestResponse,
    /// From the origin to progression or death from it.
    TimeToProgression,
    /// From the origin to the next anti-cancer therapy or, by a setting, death.
    TimeToNextTherapy,
}

impl TimeEndpoint {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 7] = [
        Self::ProgressionFreeSurvival,
        Self::OverallSurvival,
        Self::TimeToProgression,
        Self::TimeToNextTherapy,
        Self::TimeToResponse,
        Self::TimeToBestResponse,
        Self::DurationOfResponse,
    ];

    /// Its short id, such as `PFS`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::ProgressionFreeSurvival => "PFS",
            Self::OverallSurvival => "OS",
            Self::DurationOfResponse => "DoR",
            Self::TimeToResponse => "TTR",
            Self::TimeToBestResponse => "TTBR",
            Self::TimeToProgression => "TTP",
            Self::TimeToNextTherapy => "TTNT",
        }
    }

    /// Its name in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ProgressionFreeSurvival => "Progression-free survival",
            Self::OverallSurvival => "Overall survival",
            Self::DurationOfResponse => "Duration of response",
            Self::TimeToResponse => "Time to response",
            Self::TimeToBestResponse => "Time to best response",
            Self::TimeToProgression => "Time to progression",
            Self::TimeToNextTherapy => "Time to next therapy",
        }
    }
}

/// A named set of censoring rules.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CensoringSet {
    /// Documented progression on the day it was seen, and death; censored before new therapy and before a gap of missed
    /// assessments (FDA 2007, appendix 3, table A).
    #[default]
    FdaTableA,
    /// The same, with a progression between visits dated at the next scheduled one.
    ProgressionAtNextVisit,
    /// As table A, and treatment stopped without progression is itself the event.
    DiscontinuationIsEvent,
    /// Progression and death count whatever therapy came before and whatever was missed (European practice).
    RegardlessOfNewTherapy,
    /// As table A, but progression and death count however many assessments were missed before.
    MissedVisitsIgnored,
}

impl CensoringSet {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::FdaTableA,
        Self::ProgressionAtNextVisit,
        Self::DiscontinuationIsEvent,
        Self::RegardlessOfNewTherapy,
        Self::MissedVisitsIgnored,
    ];

    /// The word of the protocol file, such as `fda-table-a`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::FdaTableA => "fda-table-a",
            Self::ProgressionAtNextVisit => "progression-at-next-visit",
            Self::DiscontinuationIsEvent => "discontinuation-is-event",
            Self::RegardlessOfNewTherapy => "regardless-of-new-therapy",
            Self::MissedVisitsIgnored => "missed-visits-ignored",
        }
    }

    /// The rule in words, as printed under a table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::FdaTableA => {
                "progression is dated when it was first seen; censored at the last adequate assessment, before new therapy where there was any, and before two or more missed assessments"
            }
            Self::ProgressionAtNextVisit => {
                "as table A, with a progression between visits dated at the next scheduled one"
            }
            Self::DiscontinuationIsEvent => {
                "as table A, and treatment stopped without progression is itself the event"
            }
            Self::RegardlessOfNewTherapy => {
                "progression and death count whatever therapy came before and whatever was missed"
            }
            Self::MissedVisitsIgnored => {
                "as table A, but progression and death count however many assessments were missed before"
            }
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::RegardlessOfNewTherapy => {
                "EMA/CHMP/27994/2008 Rev. 1, appendix 1 to the guideline on anticancer medicinal products"
            }
            Self::FdaTableA => "FDA guidance on endpoints 2007, appendix 3, table A",
            _ => "Sensitivity set to FDA guidance on endpoints 2007, appendix 3, table A",
        }
    }

    const fn censors_at_new_therapy(self) -> bool {
        !matches!(self, Self::RegardlessOfNewTherapy)
    }

    const fn censors_after_a_gap(self) -> bool {
        !matches!(self, Self::RegardlessOfNewTherapy | Self::MissedVisitsIgnored)
    }
}

/// Which deaths end a duration of response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseEndingDeath {
    /// Any death, as newer analysis plans have it.
    #[default]
    Any,
    /// Death from progression, as in IMWG 2011; a death of unknown cause counts as one.
    FromProgression,
}

/// Where a patient who died of something else is censored, where only death from progression is the event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherDeath {
    /// At the last adequate assessment before.
    #[default]
    AtLastAssessment,
    /// On the day of death.
    AtDeath,
}

/// What a death before the next therapy is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeathBeforeNextTherapy {
    /// An event, as in IMWG 2011.
    #[default]
    Event,
    /// A censoring on the day of death.
    Censored,
}

/// Times to an event: the set of censoring rules, and what the guidance leaves open. Printed with each result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The set that decides (`fda-table-a`).
    pub censoring: CensoringSet,
    /// Sets shown beside it (all others).
    pub sensitivity: Vec<CensoringSet>,
    /// Days between scheduled assessments, counted from the first fraction (28).
    pub interval_days: u32,
    /// Days by which an assessment may miss its scheduled day (7).
    pub window_days: u32,
    /// Consecutive missed assessments after which progression or death no longer counts (2): censored where the last
    /// adequate assessment lies more than this many intervals and one window before.
    pub missed_visits: u32,
    /// Which deaths end a duration of response (`any`).
    pub response_ends_with_death: ResponseEndingDeath,
    /// Where a patient is censored who died of something else than progression, where only that is the event
    /// (`at-last-assessment`).
    pub other_death: OtherDeath,
    /// What a death before the next therapy is, in the time to next therapy (`event`).
    pub death_before_next_therapy: DeathBeforeNextTherapy,
    /// Reductions of the driving marker whose lasting is reported, percent of baseline (25, 50).
    pub marker_reduction_percent: Vec<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            censoring: CensoringSet::FdaTableA,
            sensitivity: CensoringSet::ALL.into_iter().skip(1).collect(),
            interval_days: 28,
            window_days: 7,
            missed_visits: 2,
            response_ends_with_death: ResponseEndingDeath::Any,
            other_death: OtherDeath::AtLastAssessment,
            death_before_next_therapy: DeathBeforeNextTherapy::Event,
            marker_reduction_percent: vec![25, 50],
        }
    }
}

impl Settings {
    /// The longest time without an adequate assessment after which progression or death still counts, days.
    fn gap_days(&self) -> i64 {
        i64::from(self.missed_visits)
            .saturating_mul(i64::from(self.interval_days))
            .saturating_add(i64::from(self.window_days))
    }

    /// The first scheduled day on or after a date; the date itself where it lies within the window of one.
    fn next_visit(&self, origin: Date, date: Date) -> Date {
        let interval = i64::from(self.interval_days.max(1));
        let since = days_from(origin, date);
        let to_last = since.rem_euclid(interval);
        let to_next = interval - to_last;
        let window = i64::from(self.window_days);
        if (since >= interval && to_last <= window) || to_last == 0 || to_next <= window {
            return date;
        }
        date.checked_add(to_next.days()).unwrap_or(date)
    }
}

/// A death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeathOn {
    /// Day of death.
    pub date: Date,
    /// Whether it was due to progression; `None` where not recorded.
    pub by_progression: Option<bool>,
}

/// The dates of one patient that times to an event rest on. Nothing in it lies after the cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The first fraction, or randomisation.
    pub origin: Date,
    /// The cut: no end lies after it.
    pub cut: Date,
    /// Whether the disease was measured at baseline, so that progression can be told.
    pub has_baseline: bool,
    /// Days of adequate assessments: each marker measurable at baseline was measured. In any order.
    pub adequate: Vec<Date>,
    /// Day of progression: the first of the two samples that confirm it.
    pub progression: Option<Date>,
    /// Day of progression where samples after the start of new therapy may show and confirm it too; read only by the
    /// set that looks beyond new therapy.
    pub progression_regardless: Option<Date>,
    /// First day of a partial response or better, later confirmed.
    pub response: Option<Date>,
    /// First day of the best confirmed category, of a responder.
    pub best_response: Option<Date>,
    /// Death.
    pub death: Option<DeathOn>,
    /// Start of the first new anti-cancer therapy.
    pub new_therapy: Option<Date>,
    /// When and why treatment was stopped for another reason than progression or death.
    pub discontinued: Option<(Date, String)>,
    /// Last day the patient was known to be alive.
    pub last_known_alive: Date,
}

/// One patient's time to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointTime {
    /// What is timed.
    pub endpoint: TimeEndpoint,
    /// The set of censoring rules that decided.
    pub set: CensoringSet,
    /// Where it begins.
    pub origin: Date,
    /// Where it ends.
    pub end: Date,
    /// Days from the origin to the end; an end on the day of the origin is day 1.
    pub days: u32,
    /// Whether the end is the event; else the patient is censored there.
    pub is_event: bool,
    /// Why it ends there.
    pub because: Because,
}

impl EndpointTime {
    /// The word of the rule by which it ends, such as `progression`, `death`, `new-therapy` or `alive`.
    #[must_use]
    pub fn rule(&self) -> &str {
        self.because.rule.rsplit('/').next().unwrap_or_default()
    }

    /// As data of an estimate.
    #[must_use]
    pub fn time(&self) -> TimeToEvent {
        TimeToEvent { days: f64::from(self.days), event: self.is_event }
    }
}

/// A candidate for the event, in the order in which one counts where two share a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Progression,
    Death,
    Discontinuation,
}

/// How a time ends.
struct End<'a> {
    date: Date,
    is_event: bool,
    rule: &'a str,
    says: String,
}

impl Followed {
    /// The time of this patient to an endpoint by a set of censoring rules.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use posology_trial::analysis::endpoint::{CensoringSet, Followed, Settings, TimeEndpoint};
    /// let patient = Followed {
    ///     origin: date(2024, 1, 1),
    ///     cut: date(2024, 12, 31),
    ///     has_baseline: true,
    ///     adequate: vec![date(2024, 1, 29), date(2024, 2, 26)],
    ///     progression: None, // shown only after the new therapy
    ///     progression_regardless: Some(date(2024, 4, 22)),
    ///     response: None,
    ///     best_response: None,
    ///     death: None,
    ///     new_therapy: Some(date(2024, 3, 25)),
    ///     discontinued: None,
    ///     last_known_alive: date(2024, 6, 1),
    /// };
    /// let pfs = |set| patient.time_to(TimeEndpoint::ProgressionFreeSurvival, set, &Settings::default()).unwrap();
    /// let (american, european) = (pfs(CensoringSet::FdaTableA), pfs(CensoringSet::RegardlessOfNewTherapy));
    /// assert_eq!((american.days, american.is_event), (57, false)); // censored before the new therapy
    /// assert_eq!((european.days, european.is_event), (113, true)); // progression counts all the same
    /// ```
    ///
    /// # Errors
    /// The reason why this patient has no such time: no confirmed response, for an endpoint of responders.
    pub fn time_to(
        &self,
        endpoint: TimeEndpoint,
        set: CensoringSet,
        settings: &Settings,
    ) -> Result<EndpointTime, Because> {
        let responded = || {
            self.response.ok_or_else(|| {
                Because::new(
                    format!("time/{}/no-response", endpoint.id()),
                    format!("{} is of responders: there is no confirmed response", endpoint.words()),
                )
            })
        };
        let (origin, end) = match endpoint {
            TimeEndpoint::ProgressionFreeSurvival | TimeEndpoint::TimeToProgression => {
                (self.origin, self.disease(endpoint, self.origin, set, settings))
            }
            TimeEndpoint::DurationOfResponse => {
                let response = responded()?;
                (response, self.disease(endpoint, response, set, settings))
            }
            TimeEndpoint::TimeToResponse => (self.origin, first_response(responded()?)),
            TimeEndpoint::TimeToBestResponse => {
                let response = responded()?;
                (self.origin, best_response(self.best_response.unwrap_or(response)))
            }
            TimeEndpoint::OverallSurvival => (self.origin, self.death_or_alive()),
            TimeEndpoint::TimeToNextTherapy => (self.origin, self.next_therapy(settings)),
        };
        let date = end.date.min(self.cut).max(origin);
        let days = u32::try_from(days_from(origin, date).saturating_add(1)).unwrap_or(1);
        let mut because = Because::new(
            format!("time/{}/{}", endpoint.id(), end.rule),
            format!("day {days} ({date}): {}", end.says),
        )
        .input("origin", origin)
        .input("end", date)
        .input("censoring", set.word())
        .input("cut", self.cut)
        .source(match endpoint {
            TimeEndpoint::TimeToResponse
            | TimeEndpoint::TimeToBestResponse
            | TimeEndpoint::TimeToNextTherapy
            | TimeEndpoint::OverallSurvival => {
                "Rajkumar SV et al. Blood 2011;117:4691-4695, doi:10.1182/blood-2010-10-299487"
            }
            _ => set.source(),
        });
        let dates = [
            ("progression", self.progression_by(set)),
            ("death", self.death.map(|death| death.date)),
            ("new therapy", self.new_therapy),
            ("last adequate assessment", self.adequate.iter().copied().max()),
        ];
        for (name, date) in dates {
            if let Some(date) = date {
                because = because.input(name, date);
            }
        }
        Ok(EndpointTime { endpoint, set, origin, end: date, days, is_event: end.is_event, because })
    }

    /// The last adequate assessment from one day on, up to another.
    fn last_adequate(&self, from: Date, to: Date) -> Option<Date> {
        let adequate = self.adequate.iter().copied().filter(|_| self.has_baseline);
        adequate.filter(|date| *date >= from && *date <= to).max()
    }

    /// The day of progression that a set sees; none without a baseline to progress from.
    fn progression_by(&self, set: CensoringSet) -> Option<Date> {
        let regardless = self.progression_regardless.filter(|_| !set.censors_at_new_therapy());
        self.progression.into_iter().chain(regardless).min().filter(|_| self.has_baseline)
    }

    /// Whether death is the event of an endpoint that progression also ends.
    fn death_counts(&self, endpoint: TimeEndpoint, settings: &Settings) -> bool {
        let only_from_progression = match endpoint {
            TimeEndpoint::TimeToProgression => true,
            TimeEndpoint::DurationOfResponse => {
                settings.response_ends_with_death == ResponseEndingDeath::FromProgression
            }
            _ => false,
        };
        !only_from_progression || self.death.is_some_and(|death| death.by_progression != Some(false))
    }

    /// The end of an endpoint that progression ends.
    fn disease(
        &self,
        endpoint: TimeEndpoint,
        from: Date,
        set: CensoringSet,
        settings: &Settings,
    ) -> End<'static> {
        let death = self.death.map(|death| death.date);
        let counted_death = death.filter(|_| self.death_counts(endpoint, settings));
        let stopped = self.discontinued.as_ref().map(|(date, _)| *date);
        let event = [
            (self.progression_by(set), Event::Progression),
            (counted_death, Event::Death),
            (stopped.filter(|_| set == CensoringSet::DiscontinuationIsEvent), Event::Discontinuation),
        ]
        .into_iter()
        .filter_map(|(date, event)| Some((date?, event)))
        .filter(|(date, _)| *date >= from && *date <= self.cut)
        .min();
        let therapy = self.new_therapy.filter(|date| set.censors_at_new_therapy() && *date <= self.cut);

        if let Some(start) = therapy
            && event.is_none_or(|(date, _)| date > start)
        {
            let why = format!("before the new therapy of {start}");
            return self.censored(from, start, "new-therapy", &why);
        }
        if let Some((date, event @ (Event::Progression | Event::Death))) = event
            && set.censors_after_a_gap()
        {
            // The assessment that showed the progression does not close the gap before itself.
            let before = if event == Event::Progression { date.yesterday().unwrap_or(date) } else { date };
            let seen = self.last_adequate(from, before);
            let gap = days_from(seen.unwrap_or(from), date);
            if gap > settings.gap_days() {
                let what = if event == Event::Progression { "progression" } else { "death" };
                let why = format!(
                    "before the gap: {what} of {date} came {gap} days after it, more than {} missed assessments every {} days with a window of {}",
                    settings.missed_visits, settings.interval_days, settings.window_days
                );
                return self.censored(from, before, "missed-assessments", &why);
            }
        }
        match event {
            Some((date, Event::Progression)) if set == CensoringSet::ProgressionAtNextVisit => {
                let visit = settings.next_visit(self.origin, date);
                let end = death.into_iter().chain([visit, self.cut]).min().unwrap_or(visit);
                let says = format!("progression of {date}, at the next scheduled visit");
                End { date: end, is_event: true, rule: "progression-at-next-visit", says }
            }
            Some((date, Event::Progression)) => {
                End { date, is_event: true, rule: "progression", says: "confirmed progression".to_owned() }
            }
            Some((date, Event::Death)) => {
                let unknown = self.death.is_some_and(|death| death.by_progression.is_none());
                let says = if endpoint == TimeEndpoint::ProgressionFreeSurvival || !unknown {
                    "death"
                } else {
                    "death, its cause not recorded"
                };
                End { date, is_event: true, rule: "death", says: says.to_owned() }
            }
            Some((date, Event::Discontinuation)) => {
                let reason = self.discontinued.as_ref().map_or("", |(_, reason)| reason.as_str());
                let says = format!("treatment stopped without progression: {reason}");
                End { date, is_event: true, rule: "discontinuation", says }
            }
            None => match death.filter(|date| *date <= self.cut) {
                Some(date) if settings.other_death == OtherDeath::AtDeath => End {
                    date,
                    is_event: false,
                    rule: "other-death",
                    says: "censored at death from another cause than progression".to_owned(),
                },
                Some(date) => {
                    let why = format!("before the death of {date}, not from progression");
                    self.censored(from, date, "other-death", &why)
                }
                None => match &self.discontinued {
                    Some((date, reason)) => {
                        let why = format!("without progression; treatment stopped {date}: {reason}");
                        self.censored(from, self.cut, "discontinued", &why)
                    }
                    None => self.censored(from, self.cut, "no-progression", "without progression"),
                },
            },
        }
    }

    /// Censored at the last adequate assessment up to a day, or on day 1 where there is none.
    fn censored(&self, from: Date, to: Date, rule: &'static str, why: &str) -> End<'static> {
        match self.last_adequate(from, to) {
            Some(date) => End {
                date,
                is_event: false,
                rule,
                says: format!("censored at the last adequate assessment {why}"),
            },
            None => {
                let missing = if self.has_baseline { "no assessment after baseline" } else { "no baseline" };
                let says = format!("censored on day 1: there is {missing} to go by; {why}");
                End { date: from, is_event: false, rule: "not-assessed", says }
            }
        }
    }

    fn death_or_alive(&self) -> End<'static> {
        match self.death.filter(|death| death.date <= self.cut) {
            Some(death) => End { date: death.date, is_event: true, rule: "death", says: "death".to_owned() },
            None => self.alive(),
        }
    }

    fn alive(&self) -> End<'static> {
        End {
            date: self.last_known_alive,
            is_event: false,
            rule: "alive",
            says: "censored when last known alive".to_owned(),
        }
    }

    fn next_therapy(&self, settings: &Settings) -> End<'static> {
        let death = self.death.map(|death| death.date).filter(|date| *date <= self.cut);
        match (self.new_therapy.filter(|date| *date <= self.cut), death) {
            (Some(date), death) if death.is_none_or(|death| date <= death) => End {
                date,
                is_event: true,
                rule: "next-therapy",
                says: "start of the next therapy".to_owned(),
            },
            (_, Some(date)) => match settings.death_before_next_therapy {
                DeathBeforeNextTherapy::Event => End {
                    date,
                    is_event: true,
                    rule: "death",
                    says: "death before any next therapy".to_owned(),
                },
                DeathBeforeNextTherapy::Censored => End {
                    date,
                    is_event: false,
                    rule: "death",
                    says: "censored at death before any next therapy".to_owned(),
                },
            },
            _ => self.alive(),
        }
    }
}

fn first_response(date: Date) -> End<'static> {
    let says = "first partial response or better, later confirmed".to_owned();
    End { date, is_event: true, rule: "response", says }
}

fn best_response(date: Date) -> End<'static> {
    let says = "first day of the best confirmed category".to_owned();
    End { date, is_event: true, rule: "best-response", says }
}

fn days_from(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}
