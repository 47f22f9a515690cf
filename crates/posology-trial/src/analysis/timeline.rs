//! One patient from screening to last contact, as lanes of moments and stretches. Nothing is judged here.
//!
//! Start at [`Timeline::of`]. Days are counted from the first fraction, or from the first thing recorded of a patient
//! who was given none. A day known only in part stands at the first day it can have been, and says so.

use jiff::civil::Date;
use serde::Serialize;

use super::exposure::days_between;
use super::patient::PatientAnalysis;
use super::toxicity::last_seen;
use crate::conduct::Conduct;
use crate::cut::Cut;
use crate::event::{Fact, Kind};
use crate::when::When;

/// What a moment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Consent, screening, enrolment, leaving the study.
    Study,
    /// Fractions.
    Fractions,
    /// The window of dose-limiting toxicity.
    Window,
    /// Assessments of response.
    Responses,
    /// Transfusions, growth factors, stem cells.
    Support,
    /// Adverse events.
    AdverseEvents,
    /// New anti-cancer therapy, death, last contact.
    End,
}

impl Lane {
    /// All lanes, from the top.
    pub const ALL: [Self; 7] = [
        Self::Study,
        Self::Fractions,
        Self::Window,
        Self::Responses,
        Self::Support,
        Self::AdverseEvents,
        Self::End,
    ];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Study => "Study",
            Self::Fractions => "Fractions",
            Self::Window => "DLT window",
            Self::Responses => "Response",
            Self::Support => "Support",
            Self::AdverseEvents => "Adverse events",
            Self::End => "After",
        }
    }
}

/// What kind of moment it is, for the mark that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Consent, screening, enrolment.
    Milestone,
    /// A fraction given.
    Given,
    /// A fraction planned and not given so far, or not at all.
    NotGiven,
    /// The window, with whether it is open at the cut.
    Window {
        /// Whether it is open.
        open: bool,
    },
    /// An assessment, with the code of its category.
    Response(String),
    /// Support.
    Support,
    /// An adverse event with its grade, where one is recorded.
    AdverseEvent(Option<u8>),
    /// New anti-cancer therapy.
    NewTherapy,
    /// Death.
    Death,
    /// The study was left.
    Left,
    /// The last day on which anything was recorded.
    LastContact,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Where it stands.
    pub lane: Lane,
    /// What kind it is.
    pub moment: Moment,
    /// What it was, in words.
    pub label: String,
    /// First day, as recorded.
    pub from: String,
    /// First day, counted from the first fraction (day 0).
    pub day: i32,
    /// Last day, as recorded; `None` for a moment, and for what goes on.
    pub to: Option<String>,
    /// Last day, counted likewise.
    pub to_day: Option<i32>,
    /// Whether it goes on at the cut.
    pub ongoing: bool,
}

/// A patient's course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// Day 0.
    pub origin: Date,
    /// Whether day 0 is the first fraction.
    pub from_first_fraction: bool,
    /// Everything, by lane and day.
    pub items: Vec<Item>,
    /// The last day of follow-up by the cut.
    pub last_day: i32,
    /// What is recorded without a day: it has no place on the line.
    pub undated: Vec<String>,
}

impl Timeline {
    /// The course of a patient by a cut; `None` where nothing recorded of the patient has a day.
    #[must_use]
    pub fn of(conduct: &Conduct, patient: &PatientAnalysis, cut: &Cut) -> Option<Self> {
        let facts = &patient.facts;
        let first = patient.exposure.first();
        let screened = conduct.of_subject(&patient.id, Kind::Screening).next_back();
        let screened = screened.and_then(|entry| match &entry.event.fact {
            Fact::Screening(screening) => Some(screening.date),
            _ => None,
        });
        let consent = facts.subject.consent.as_ref();
        let beginnings = [consent.map(When::earliest_date), screened, patient.enrolled];
        let origin = first.or_else(|| beginnings.into_iter().flatten().min())?;
        let mut line = Line { origin, cut: cut.date(), items: Vec::new(), undated: Vec::new() };

        line.moment(Lane::Study, Moment::Milestone, "consent", consent);
        line.day(Lane::Study, Moment::Milestone, "screening", screened);
        line.day(
            Lane::Study,
            Moment::Milestone,
            "enrolment",
            patient.enrolled.filter(|_| facts.enrolment.is_some()),
        );
        if patient.disposition.left {
            let why = patient.disposition.study_discontinued.as_deref().unwrap_or("completed");
            let label = format!("study left: {}", why.to_lowercase());
            line.day(Lane::Study, Moment::Left, &label, patient.disposition.off_study);
        }
        line.fractions(patient);
        if let Some(window) = patient.window {
            let open = patient.dlt.window_open;
            line.stretch(
                Lane::Window,
                Moment::Window { open },
                &format!("window: {}", patient.dlt.status.words()),
                &window.first_fraction.into(),
                Some(&window.end.into()),
            );
        }
        for status in patient.response.confirmed.statuses.iter().filter(|status| status.counts) {
            let code = status.assessed.code().to_owned();
            line.day(Lane::Responses, Moment::Response(code.clone()), &code, Some(status.date));
        }
        for support in &facts.support {
            line.moment(Lane::Support, Moment::Support, support.kind.words(), Some(&support.at));
        }
        for event in &facts.adverse_events {
            let moment = Moment::AdverseEvent(event.grade);
            match &event.start {
                Some(start) => {
                    line.stretch(Lane::AdverseEvents, moment, &event.term, start, event.end.as_ref());
                }
                None => line.undated.push(event.term.clone()),
            }
        }
        for therapy in &facts.new_therapies {
            let name = therapy.name.as_deref().map(|name| format!(": {name}")).unwrap_or_default();
            line.moment(Lane::End, Moment::NewTherapy, &format!("new therapy{name}"), Some(&therapy.start));
        }
        if let Some(death) = &facts.death {
            let cause = death.cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
            line.moment(Lane::End, Moment::Death, &format!("death{cause}"), Some(&death.at));
        } else {
            line.day(Lane::End, Moment::LastContact, "last contact", last_seen(facts, cut.date()));
        }
        line.items.sort_by(|a, b| (a.lane, a.day, &a.label).cmp(&(b.lane, b.day, &b.label)));
        let last_day = line.items.iter().map(|item| item.to_day.unwrap_or(item.day)).max().unwrap_or(0);
        Some(Self {
            origin,
            from_first_fraction: first.is_some(),
            items: line.items,
            last_day,
            undated: line.undated,
        })
    }
}

struct Line {
    origin: Date,
    cut: Date,
    items: Vec<Item>,
    undated: Vec<String>,
}

impl Line {
    fn moment(&mut self, lane: Lane, moment: Moment, label: &str, at: Option<&When>) {
        let Some(at) = at else { return };
        let Some(day) = days_between(self.origin, at.earliest_date()) else { return };
        let label = if at.is_partial() { format!("{label} (day not known)") } else { label.to_owned() };
        let from = at.to_string();
        self.items.push(Item { lane, moment, label, from, day, to: None, to_day: None, ongoing: false });
    }

    fn day(&mut self, lane: Lane, moment: Moment, label: &str, date: Option<Date>) {
        self.moment(lane, moment, label, date.map(When::from).as_ref());
    }

    fn stretch(&mut self, lane: Lane, moment: Moment, label: &str, from: &When, to: Option<&When>) {
        let is_event = lane == Lane::AdverseEvents;
        let end = to.map(When::latest_date);
        let ongoing = is_event && end.is_none_or(|end| end > self.cut);
        self.moment(lane, moment, label, Some(from));
        let last = if ongoing { Some(self.cut) } else { end };
        let to_day = last.and_then(|last| days_between(self.origin, last));
        if let Some(item) = self.items.last_mut() {
            item.to = to.filter(|_| !ongoing).map(ToString::to_string);
            item.to_day = to_day.map(|day| day.max(item.day));
            item.ongoing = ongoing;
        }
    }

    fn fractions(&mut self, patient: &PatientAnalysis) {
        for fraction in &patient.exposure.fractions {
            match (fraction.given, fraction.planned) {
                (Some(given), _) => {
                    let net = fraction
                        .net
                        .map_or_else(|| "net activity not known".to_owned(), |net| net.to_string());
                    let label = format!("fraction {}: {net}", fraction.number);
                    self.day(Lane::Fractions, Moment::Given, &label, Some(given));
                }
                (None, planned) => {
                    let reason = fraction.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                    let label = format!("fraction {} not given{reason}", fraction.number);
                    if planned.is_none() {
                        self.undated.push(label.clone());
                    }
                    self.day(Lane::Fractions, Moment::NotGiven, &label, planned);
                }
            }
        }
    }
}
