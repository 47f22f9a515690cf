//! The course of one patient as a lane of a swimmer plot: fractions, responses, progression, end.
//!
//! Start at [`Lane::of`]. Days count from the first fraction, which is day 0 of a lane, as figures draw them. A response
//! runs from the first of the two samples that made it to the next change, or to the last assessment.

use jiff::civil::Date;
use posology_clinic::response::Category;
use serde::Serialize;

use super::exposure::days_between;
use super::patient::PatientAnalysis;
use crate::cut::Cut;

/// A stretch of one confirmed response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// The confirmed status.
    pub response: Category,
    /// Its first day.
    pub from: i32,
    /// The day of the next change, else of the last assessment that counts.
    pub to: i32,
}

/// One patient's course in days since the first fraction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Subject id.
    pub subject: String,
    /// Regimen id.
    pub regimen: Option<String>,
    /// Day of each fraction given; the first is 0.
    pub fractions: Vec<i32>,
    /// Confirmed responses in order; nothing before the first that could be evaluated.
    pub responses: Vec<Stretch>,
    /// Day of confirmed progression.
    pub progression: Option<i32>,
    /// Day on which new therapy began.
    pub new_therapy: Option<i32>,
    /// Day of death.
    pub death: Option<i32>,
    /// Last day of follow-up: death, the day the study was left, else the cut.
    pub end: i32,
    /// Whether the patient is followed on after the cut.
    pub is_ongoing: bool,
}

impl Lane {
    /// The lane of a patient at a cut; none without a fraction.
    #[must_use]
    pub fn of(patient: &PatientAnalysis, cut: &Cut) -> Option<Self> {
        let first = patient.exposure.first()?;
        let cut = cut.date();
        let since = |date: Date| days_between(first, date);
        let death = patient.facts.death.as_ref().map(|death| death.at.latest_date().min(cut));
        let left = patient.disposition.off_study.filter(|_| patient.disposition.left);
        let end = death.or(left).unwrap_or(cut).min(cut);
        let seen = |date: &Date| *date <= end;
        let therapy = patient.facts.new_therapies.iter().map(|therapy| therapy.start.earliest_date()).min();
        let therapy = therapy.filter(seen);
        let mut responses: Vec<Stretch> = Vec::new();
        let last = therapy.unwrap_or(end);
        let statuses = &patient.response.confirmed.statuses;
        for status in statuses.iter().filter(|status| status.counts && status.date <= last) {
            let Some(day) = since(status.date).filter(|day| *day >= 0) else { continue };
            if let Some(before) = responses.last_mut() {
                before.to = day;
            }
            if status.status != Category::NotEvaluable
                && responses.last().is_none_or(|before| before.response != status.status)
            {
                responses.push(Stretch { response: status.status, from: day, to: day });
            }
        }
        Some(Self {
            subject: patient.id.clone(),
            regimen: patient.regimen.clone(),
            fractions: patient
                .exposure
                .fractions
                .iter()
                .filter_map(|fraction| since(fraction.given?))
                .collect(),
            responses,
            progression: patient.response.confirmed.progression().filter(seen).and_then(since),
            new_therapy: therapy.and_then(since),
            death: death.and_then(since),
            end: since(end)?,
            is_ongoing: death.is_none() && patient.disposition.on_study(),
        })
    }
}
