//! One patient at the cut: everything the tables and figures say of them.

use jiff::civil::Date;
use posology_clinic::dlt::Window;
use rust_decimal::Decimal;

use super::efficacy::ResponseAnalysis;
use super::endpoint::{EndpointTime, Followed, TimeEndpoint};
use super::exposure::Exposure;
use super::late::LateFollowUp;
use super::organ::{FiltrationChange, OrganTotal};
use super::toxicity::{DltAssessment, EmergentEvent, Kinetics, LateToxicity, WorstGrade};
use crate::cut::Cut;
use crate::event::Support;
use crate::protocol::{Population, Protocol};
use crate::state::Patient;

/// One patient, analysed.
#[derive(Debug, Clone)]
pub struct PatientAnalysis {
    /// Subject id.
    pub id: String,
    /// The facts it rests on.
    pub facts: Patient,
    /// Cohort id: of the enrolment, else the arm where that is a cohort of the protocol.
    pub cohort: Option<String>,
    /// Regimen id.
    pub regimen: Option<String>,
    /// Stratum id: the cohort's, else the one named at enrolment.
    pub stratum: Option<String>,
    /// Day of enrolment, else of first treatment.
    pub enrolled: Option<Date>,
    /// Protocol version at enrolment.
    pub protocol_version: Option<String>,
    /// The subject this one replaces.
    pub replaces: Option<String>,
    /// Height, cm, last before the first fraction.
    pub height_cm: Option<Decimal>,
    /// Weight, kg, last before the first fraction.
    pub weight_kg: Option<Decimal>,
    /// What was prescribed and given.
    pub exposure: Exposure,
    /// The DLT window, where a fraction was given and the protocol has one.
    pub window: Option<Window>,
    /// Status for dose-limiting toxicity.
    pub dlt: DltAssessment,
    /// Treatment-emergent adverse events, by onset.
    pub emergent: Vec<EmergentEvent>,
    /// Events that began after the window: the rule does not see them.
    pub late: Vec<LateToxicity>,
    /// Follow-up for late toxicity, of a treated patient, where the protocol asks for it.
    pub late_follow_up: Option<LateFollowUp>,
    /// Absorbed doses of organs, as imported, and what they add up to.
    pub organs: Vec<OrganTotal>,
    /// How the eGFR changed, where it was reported on both sides of the first fraction.
    pub filtration_change: Option<FiltrationChange>,
    /// Platelets, neutrophils and haemoglobin over time.
    pub kinetics: Vec<Kinetics>,
    /// Worst grade after baseline, by laboratory term.
    pub worst_grades: Vec<WorstGrade>,
    /// Transfusions and growth factors after the first fraction.
    pub support: Vec<Support>,
    /// Response.
    pub response: ResponseAnalysis,
    /// The dates that times to an event rest on, of a treated patient.
    pub followed: Option<Followed>,
    /// Progression-free survival by the protocol's set of censoring rules, of a treated patient.
    pub progression_free: Option<EndpointTime>,
    /// How treatment and study stand.
    pub disposition: Disposition,
}

/// How treatment and study stand for a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disposition {
    /// Screen failure.
    pub screen_failure: bool,
    /// Why treatment was discontinued, as the standard term; `None` while ongoing or after completion.
    pub treatment_discontinued: Option<String>,
    /// Treatment completed.
    pub treatment_completed: bool,
    /// Why the study was left, as the standard term.
    pub study_discontinued: Option<String>,
    /// Whether the study was left or completed, on a recorded day or not.
    pub left: bool,
    /// Day the study was left or completed.
    pub off_study: Option<Date>,
    /// Study completed.
    pub study_completed: bool,
}

impl PatientAnalysis {
    /// Derives everything from the facts of one patient at the cut.
    pub(crate) fn derive(protocol: &Protocol, facts: &Patient, cut: &Cut) -> Self {
        let cohort = facts
            .enrolment
            .as_ref()
            .map(|enrolment| enrolment.cohort.clone())
            .or_else(|| facts.subject.arm.clone().filter(|arm| protocol.cohort(arm).is_some()));
        let regimen =
            cohort.as_deref().and_then(|cohort| protocol.cohort(cohort)).map(|cohort| cohort.regimen.clone());
        let named = facts.enrolment.as_ref().and_then(|enrolment| enrolment.stratum.as_deref());
        let in_cohort = cohort.as_deref().and_then(|cohort| protocol.cohort(cohort));
        let stratum = protocol.stratum_of(in_cohort, named).map(str::to_owned);
        let plan = regimen.as_deref().and_then(|regimen| protocol.regimen(regimen));
        let exposure = Exposure::derive(protocol, plan, facts);
        let first = exposure.first();
        let window = first.zip(protocol.dlt.as_ref()).map(|(first, dlt)| {
            Window::new(first, dlt.window_days, exposure.last(), dlt.min_days_after_last_fraction)
        });
        let disposition = Disposition::derive(facts, first);
        let samples = super::toxicity::samples(facts);
        let kinetics = super::toxicity::kinetics(protocol, facts, first, &samples, cut);
        let emergent = super::toxicity::emergent(facts, first, window.as_ref(), cut);
        let dlt =
            super::toxicity::assess(protocol, facts, &exposure, window.as_ref(), &disposition, &samples, cut);
        let late = super::toxicity::late(&emergent, window.as_ref(), first);
        let late_follow_up =
            LateFollowUp::derive(protocol, facts, &exposure, window.as_ref(), &disposition, &samples, cut);
        let worst_grades = super::toxicity::worst_grades(protocol, first, &samples);
        let response = ResponseAnalysis::derive(protocol, stratum.as_deref(), facts, first, cut);
        let followed = first.map(|first| {
            super::efficacy::followed(
                facts,
                first,
                &response,
                disposition.stopped_without_progression(facts),
                cut,
            )
        });
        let progression_free = followed.as_ref().and_then(|followed| {
            let set = protocol.times.censoring;
            followed.time_to(TimeEndpoint::ProgressionFreeSurvival, set, &protocol.times).ok()
        });
        let vital = |test: &str, unit: &str| last_vital(facts, test, unit, first);
        Self {
            id: facts.id().to_owned(),
            cohort,
            regimen,
            stratum,
            enrolled: facts
                .enrolment
                .as_ref()
                .map(|enrolment| enrolment.date)
                .or_else(|| facts.subject.first_treatment.as_ref().map(crate::when::When::earliest_date)),
            protocol_version: facts.enrolment.as_ref().map(|enrolment| enrolment.protocol_version.clone()),
            replaces: facts.enrolment.as_ref().and_then(|enrolment| enrolment.replaces.clone()),
            height_cm: vital("HEIGHT", "cm"),
            weight_kg: vital("WEIGHT", "kg"),
            support: facts
                .support
                .iter()
                .filter(|support| first.is_some_and(|first| support.at.latest_date() >= first))
                .cloned()
                .collect(),
            organs: OrganTotal::derive(&facts.absorbed_doses, &exposure),
            exposure,
            window,
            dlt,
            emergent,
            late,
            late_follow_up,
            filtration_change: FiltrationChange::derive(first, &samples),
            kinetics,
            worst_grades,
            response,
            followed,
            progression_free,
            disposition,
            facts: facts.clone(),
        }
    }

    /// Given at least one fraction.
    #[must_use]
    pub fn is_treated(&self) -> bool {
        self.exposure.first().is_some()
    }

    /// Whether the patient stands in a population.
    #[must_use]
    pub fn is_in(&self, population: Population) -> bool {
        use super::toxicity::DltStatus::{Dlt, NoDlt};
        match population {
            Population::Treated => self.is_treated(),
            Population::DltEvaluable => matches!(self.dlt.status, Dlt | NoDlt),
            Population::ResponseEvaluable => self.is_treated() && self.response.evaluable,
        }
    }

    /// Study day of a date: the first fraction is day 1, there is no day 0.
    #[must_use]
    pub fn study_day(&self, date: Date) -> Option<i32> {
        self.exposure.first().map(|first| posology_clinic::dlt::study_day(first, date))
    }

    /// Worst low grade of platelets, neutrophils and haemoglobin after the first fraction.
    #[must_use]
    pub fn worst_cytopenia(&self) -> Option<u8> {
        self.kinetics
            .iter()
            .flat_map(|kinetics| {
                kinetics.points.iter().filter(|point| point.day >= 1).filter_map(|point| point.grade)
            })
            .max()
    }

    /// Short id for figures: what follows the last hyphen but one, or the whole id where it is short.
    #[must_use]
    pub fn short_id(&self) -> &str {
        let mut hyphens = self.id.rmatch_indices('-');
        match (hyphens.next(), hyphens.next()) {
            (Some(_), Some((at, _))) => &self.id[at + 1..],
            _ => &self.id,
        }
    }
}

/// The last vital sign before or on the day of the first fraction, in the unit asked for; kg and lb, cm and
/// in are converted exactly, another unit gives none.
fn last_vital(facts: &Patient, test: &str, unit: &str, first: Option<Date>) -> Option<Decimal> {
    let mut found: Vec<(Date, Decimal)> = facts
        .vital_signs
        .iter()
        .filter(|vital| vital.test.eq_ignore_ascii_case(test))
        .filter_map(|vital| {
            let value: Decimal = vital.result.as_deref()?.trim().parse().ok()?;
            let factor = match (unit, vital.unit.as_deref()?.trim().to_ascii_lowercase().as_str()) {
                ("cm", "cm") | ("kg", "kg") => Decimal::ONE,
                ("cm", "m") => Decimal::ONE_HUNDRED,
                ("cm", "in") => Decimal::new(254, 2),
                ("kg", "g") => Decimal::new(1, 3),
                ("kg", "lb") => Decimal::new(45_359_237, 8),
                _ => return None,
            };
            Some((vital.at.as_ref()?.earliest_date(), value.checked_mul(factor)?))
        })
        .filter(|(date, _)| first.is_none_or(|first| *date <= first))
        .collect();
    found.sort_by_key(|(date, _)| *date);
    found.last().map(|(_, value)| *value)
}

impl Disposition {
    fn derive(facts: &Patient, first: Option<Date>) -> Self {
        let mut disposition = Self {
            screen_failure: first.is_none()
                && (facts
                    .subject
                    .no_arm_reason
                    .as_deref()
                    .is_some_and(|reason| reason.eq_ignore_ascii_case("SCREEN FAILURE"))
                    || facts.subject.arm.as_deref().is_some_and(|arm| arm.eq_ignore_ascii_case("Scrnfail"))),
            ..Self::default()
        };
        for fact in &facts.dispositions {
            let is_event = fact
                .category
                .as_deref()
                .is_none_or(|category| category.eq_ignore_ascii_case("DISPOSITION EVENT"));
            if !is_event {
                continue;
            }
            let completed = fact.standard.eq_ignore_ascii_case("COMPLETED");
            let of_treatment =
                fact.scope.as_deref().is_some_and(|scope| scope.to_ascii_uppercase().contains("TREATMENT"));
            if of_treatment {
                disposition.treatment_completed |= completed;
                if !completed {
                    disposition.treatment_discontinued = Some(fact.standard.clone());
                }
            } else {
                disposition.study_completed |= completed;
                if !completed {
                    disposition.study_discontinued = Some(fact.standard.clone());
                }
                disposition.left = true;
                let day = fact.at.as_ref().map(crate::when::When::earliest_date);
                disposition.off_study = disposition.off_study.into_iter().chain(day).min();
            }
        }
        disposition
    }

    /// When and why treatment was stopped, or the study left, for another reason than progression, death or loss to
    /// follow-up; the first such day.
    pub(crate) fn stopped_without_progression(&self, facts: &Patient) -> Option<(Date, String)> {
        const OTHERWISE: [&str; 7] = [
            "COMPLETED",
            "PROGRESSIVE DISEASE",
            "DISEASE PROGRESSION",
            "DEATH",
            "LOST TO FOLLOW-UP",
            "SCREEN FAILURE",
            "STUDY TERMINATED BY SPONSOR",
        ];
        if self.screen_failure {
            return None;
        }
        let is_event = |category: Option<&str>| {
            category.is_none_or(|category| category.eq_ignore_ascii_case("DISPOSITION EVENT"))
        };
        facts
            .dispositions
            .iter()
            .filter(|fact| is_event(fact.category.as_deref()))
            .filter(|fact| !OTHERWISE.iter().any(|word| fact.standard.eq_ignore_ascii_case(word)))
            .filter_map(|fact| Some((fact.at.as_ref()?.earliest_date(), fact.standard.clone())))
            .min()
    }

    /// Still followed in the study.
    #[must_use]
    pub fn on_study(&self) -> bool {
        !self.screen_failure && !self.left
    }
}
