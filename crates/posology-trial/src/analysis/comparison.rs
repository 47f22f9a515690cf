//! The randomised comparison at a cut: who is in which arm, with which outcome, and what the protocol's rule chooses.
//!
//! Start at [`Analysis::comparison`]. A patient's outcome has two parts. Efficacy is a confirmed response of the protocol's
//! category; who has none counts as without it once followed to the outcome day, or once progression, new therapy, death or
//! the end of participation make one impossible. Tolerability is judged by the protocol's rules over the DLT window; who left or
//! died inside the window without an event counts as with one, since nobody saw the rest. Until both are known the patient is
//! pending, and while one is pending nothing is chosen. Left out: allocation, which is [`crate::randomisation`].

use posology_clinic::Because;
use posology_clinic::dlt::{Certainty, evaluate, study_day};
use posology_design::randomised::{Characteristics, Choice, Outcomes, Randomised, Settings};
use serde::Serialize;

use super::Analysis;
use super::patient::PatientAnalysis;
use super::rates::{Confidence, CountedPopulation, Rate};
use crate::protocol::{Protocol, RandomisedPart};

/// The outcome of one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// Both parts are known.
    Known {
        /// A confirmed response.
        efficacy: bool,
        /// An event against tolerability.
        event: bool,
        /// Why.
        because: Vec<Because>,
    },
    /// One part is awaited.
    Pending {
        /// What.
        awaits: String,
    },
    /// No fraction was given.
    NotTreated,
}

/// One arm.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Arm {
    /// Cohort id.
    pub cohort: String,
    /// Label of the regimen.
    pub label: String,
    /// Patients planned.
    pub planned: u32,
    /// Its randomised patients, as places in [`Analysis::patients`].
    pub patients: Vec<usize>,
    /// Patients by outcome, of those whose outcome is known.
    pub outcomes: Outcomes,
    /// Who is pending, with what is awaited.
    pub pending: Vec<(String, String)>,
    /// Randomised and not treated.
    pub not_treated: Vec<String>,
    /// Treated with the same regimen before, not randomised: by outcome, where it is known.
    pub backfill: Outcomes,
}

impl Arm {
    /// Who responded, of those randomised to the arm whose outcome is known, with the exact interval.
    #[must_use]
    pub fn response_rate(&self) -> Option<Rate> {
        self.rate("response", self.outcomes.efficacy())
    }

    /// Who had an event against tolerability, of those randomised to the arm whose outcome is known, with the exact interval.
    #[must_use]
    pub fn event_rate(&self) -> Option<Rate> {
        self.rate("event against tolerability", self.outcomes.toxicity())
    }

    fn rate(&self, definition: &str, with: u32) -> Option<Rate> {
        let population = CountedPopulation {
            id: "outcome-known".to_owned(),
            words: "patients randomised and treated, with a known outcome".to_owned(),
        };
        Rate::new(with, self.outcomes.patients(), definition, population, Confidence::NINETY_FIVE).ok()
    }
}

/// The comparison.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The arms, the lowest activity first.
    pub arms: Vec<Arm>,
    /// What the rule chooses; none while it is awaited.
    pub choice: Option<Choice>,
    /// What the choice awaits; empty once it is made.
    pub awaits: Vec<String>,
    /// The exact probabilities of the rule under each supposed truth, by its name.
    pub characteristics: Vec<(String, Characteristics)>,
    /// Allocation, and what the trial can and cannot show, in sentences.
    pub statement: Vec<String>,
}

impl Analysis {
    /// The randomised comparison; none where the protocol has none.
    #[must_use]
    pub fn comparison(&self) -> Option<Comparison> {
        let part = self.protocol.randomised.as_ref()?;
        let arms: Vec<Arm> = part.comparison.arms.iter().map(|arm| self.arm(part, arm)).collect();
        let rule = rule(part, &arms)?;
        let mut awaits = Vec::new();
        for arm in &arms {
            let randomised = count(arm.patients.len());
            if randomised < arm.planned {
                awaits
                    .push(format!("arm {}: {randomised} of {} patients randomised", arm.cohort, arm.planned));
            }
            if !arm.pending.is_empty() {
                awaits.push(format!("arm {}: the outcome of {} patients", arm.cohort, arm.pending.len()));
            }
        }
        let seen: Vec<Outcomes> = arms.iter().map(|arm| arm.outcomes).collect();
        let choice = awaits.is_empty().then(|| rule.decide(&seen));
        let choice = match choice {
            Some(Ok(choice)) => Some(choice),
            Some(Err(problem)) => {
                awaits.push(problem.to_string());
                None
            }
            None => None,
        };
        let characteristics = part
            .truth
            .iter()
            .filter_map(|supposed| Some((supposed.name.clone(), rule.characteristics(&supposed.arm).ok()?)));
        Some(Comparison {
            choice,
            awaits,
            characteristics: characteristics.collect(),
            statement: rule.statement(),
            arms,
        })
    }

    fn arm(&self, part: &RandomisedPart, cohort: &str) -> Arm {
        let regimen = self.protocol.cohort(cohort).map(|cohort| cohort.regimen.as_str()).unwrap_or_default();
        let mut arm = Arm {
            cohort: cohort.to_owned(),
            label: self.protocol.regimen(regimen).map(|regimen| regimen.title()).unwrap_or_default(),
            planned: part.comparison.patients,
            patients: Vec::new(),
            outcomes: Outcomes::default(),
            pending: Vec::new(),
            not_treated: Vec::new(),
            backfill: Outcomes::default(),
        };
        for (place, patient) in self.patients.iter().enumerate() {
            let allocated = patient.facts.randomisation.as_ref().map(|made| made.arm.as_str());
            if allocated == Some(cohort) {
                arm.patients.push(place);
                match outcome(&self.protocol, part, patient, self.cut.date()) {
                    Outcome::Known { efficacy, event, .. } => add(&mut arm.outcomes, efficacy, event),
                    Outcome::Pending { awaits } => arm.pending.push((patient.id.clone(), awaits)),
                    Outcome::NotTreated => arm.not_treated.push(patient.id.clone()),
                }
            } else if allocated.is_none()
                && patient.regimen.as_deref() == Some(regimen)
                && patient.is_treated()
                && let Outcome::Known { efficacy, event, .. } =
                    outcome(&self.protocol, part, patient, self.cut.date())
            {
                add(&mut arm.backfill, efficacy, event);
            }
        }
        arm
    }
}

/// The rule with the backfill patients of the record; without them where they would make an arm too large.
fn rule(part: &RandomisedPart, arms: &[Arm]) -> Option<Randomised> {
    let backfill: Vec<Outcomes> = arms.iter().map(|arm| arm.backfill).collect();
    let any = backfill.iter().any(|arm| arm.patients() > 0);
    let settings = Settings {
        pool_backfill: part.comparison.pool_backfill && any,
        backfill: if any { backfill } else { Vec::new() },
        ..part.comparison.clone()
    };
    Randomised::try_from(settings).ok().or_else(|| part.rule())
}

fn add(outcomes: &mut Outcomes, efficacy: bool, event: bool) {
    let of = match (efficacy, event) {
        (false, false) => &mut outcomes.none,
        (true, false) => &mut outcomes.efficacy_only,
        (false, true) => &mut outcomes.toxicity_only,
        (true, true) => &mut outcomes.both,
    };
    *of = of.saturating_add(1);
}

/// The outcome of one patient as of the cut.
#[must_use]
pub fn outcome(
    protocol: &Protocol,
    part: &RandomisedPart,
    patient: &PatientAnalysis,
    cut: jiff::civil::Date,
) -> Outcome {
    let (Some(first), Some(window), Some(dlt)) = (patient.exposure.first(), &patient.window, &protocol.dlt)
    else {
        return Outcome::NotTreated;
    };
    let mut because = Vec::new();
    let seen = super::toxicity::last_seen(&patient.facts, cut).unwrap_or(first);
    let gone = gone(patient, seen).filter(|(day, _)| *day <= cut);
    let to = gone.as_ref().map_or(seen, |(day, _)| seen.min(*day));
    let samples = super::toxicity::samples(&patient.facts);
    let course = super::toxicity::course(dlt, &patient.facts, &patient.exposure, first, &samples, to);
    let found = evaluate(&part.tolerability, &course, window, dlt.ctcae);
    let certain = found.findings.iter().find(|finding| finding.certainty == Certainty::Fired);
    let open = found.findings.iter().any(|finding| finding.certainty == Certainty::Possible)
        || found.not_judged.iter().any(|unread| unread.date <= window.end);
    let event = if let Some(finding) = certain {
        because.push(finding.because.clone());
        true
    } else if open {
        return pending("a value or grade that a rule of tolerability needs");
    } else if to >= window.end || patient.dlt.whole_window {
        false
    } else if let Some((day, why)) = &gone {
        let says = format!(
            "{why} on {day}, before the window ended: counted as an event, since the rest was not seen"
        );
        because.push(Because::new("randomised/not-seen", says));
        true
    } else {
        return pending("the rest of the DLT window");
    };
    let best = patient.response.best.confirmed;
    let efficacy = best.is_some_and(|best| best.is_at_least(part.efficacy));
    let over = patient.response.confirmed.progression().is_some() || gone.is_some();
    let therapy = patient.facts.new_therapies.iter().any(|therapy| therapy.start.earliest_date() <= cut);
    let day = i64::from(study_day(first, seen));
    if !efficacy && !over && !therapy && day < i64::from(part.outcome_day) {
        return pending("a response, or follow-up to the outcome day");
    }
    let words = best.map_or_else(|| "none".to_owned(), |best| best.to_string());
    because.push(Because::new("randomised/efficacy", format!("best confirmed response: {words}")));
    Outcome::Known { efficacy, event, because }
}

/// Study days, by a cut, on which an event of grade 1 or 2 lasted: each day once, however many events share it. An event
/// without an end lasts until the patient was last seen; one without a full date of onset is left out.
#[must_use]
pub fn low_grade_days(patient: &PatientAnalysis, cut: jiff::civil::Date) -> u32 {
    let Some(first) = patient.exposure.first() else { return 0 };
    let seen = study_day(first, super::toxicity::last_seen(&patient.facts, cut).unwrap_or(first));
    let mut lasted: Vec<(i32, i32)> = patient
        .emergent
        .iter()
        .filter(|event| event.event.grade.is_some_and(|grade| (1..=2).contains(&grade)))
        .filter_map(|event| {
            let onset = event.onset_day?.max(1);
            Some((onset, event.end_day.unwrap_or(seen).max(onset)))
        })
        .collect();
    lasted.sort_unstable();
    let (mut days, mut counted_to) = (0_u32, 0_i32);
    for (onset, end) in lasted {
        let from = onset.max(counted_to.saturating_add(1));
        days = days.saturating_add(u32::try_from(end.saturating_sub(from).saturating_add(1)).unwrap_or(0));
        counted_to = counted_to.max(end);
    }
    days
}

fn pending(awaits: &str) -> Outcome {
    Outcome::Pending { awaits: awaits.to_owned() }
}

/// The day on which the patient died or left, and which of the two.
fn gone(patient: &PatientAnalysis, seen: jiff::civil::Date) -> Option<(jiff::civil::Date, &'static str)> {
    let death = patient.facts.death.as_ref().map(|death| (death.at.earliest_date(), "died"));
    let left =
        patient.disposition.left.then(|| (patient.disposition.off_study.unwrap_or(seen), "left the study"));
    death.into_iter().chain(left).min()
}

fn count(patients: usize) -> u32 {
    u32::try_from(patients).unwrap_or(u32::MAX)
}
