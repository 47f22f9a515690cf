//! Synthetic patients: a whole record of events from a protocol, a plan of outcomes and a seed.
//!
//! Start at [`synthesize`]. The plan says what must come out (who responds how deeply, when counts are lowest, who
//! dies); the seed fills in the rest (sex, size, noise, minor events). Pure and in whole numbers only, so that the
//! same three give the same record on every machine. Left out: any claim that real patients are like these.

mod course;
mod disease;
mod draw;
mod patient;
mod plan;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::event::{
    Chain, CohortOpened, Event, Fact, ProtocolAdopted, Recommendation, SponsorDecision, sha256,
};
use crate::protocol::Protocol;
use patient::{Recorded, Synthesis};

pub use plan::{
    AssessedPlan, BadPlan, CohortPlan, Delay, Marker, Nadir, PatientPlan, Plan, PlannedEvent, ResponsePlan,
    ReviewPlan, Therapy, Withdrawal,
};

/// Who records synthetic events.
pub const RECORDED_BY: &str = "synthetic generator";

/// The record of a synthetic trial.
///
/// `protocol_text` is the text from which `protocol` was read; it is adopted as it stands. Whatever the seed, each
/// patient has the planned best change of the marker, category, progression, lowest counts and outcome. A patient's
/// facts depend on the protocol, the patient's plan and the seed alone: neither on the other patients nor on their
/// order. Events are recorded the day after they happened, at noon UTC.
///
/// # Errors
/// [`BadPlan`] where the plan contradicts the protocol or itself; names the patient and the setting.
///
/// ```
/// use posology_trial::{protocol::Protocol, synthetic::{Plan, synthesize}};
/// # let text = include_str!("../../../examples/clr131/trial.toml");
/// # let plan = include_str!("../../../examples/clr131/patients.toml");
/// let protocol = Protocol::read(text)?.0;
/// let plan = Plan::read(plan)?;
/// let chain = synthesize(&protocol, text, &plan, plan.seed)?;
/// assert!(chain.entries().len() > 1_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn synthesize(
    protocol: &Protocol,
    protocol_text: &str,
    plan: &Plan,
    seed: u64,
) -> Result<Chain, BadPlan> {
    // Ordered by day of recording, then trial before patients, then patient, then place within the patient.
    let mut facts: Vec<((Date, String), Fact)> = trial_facts(protocol, protocol_text, plan)?
        .into_iter()
        .map(|(recorded, fact)| ((recorded, String::new()), fact))
        .collect();
    let mut subjects = std::collections::BTreeSet::new();
    for cohort_plan in &plan.cohort {
        let cohort = protocol
            .cohort(&cohort_plan.id)
            .ok_or_else(|| BadPlan::impossible("cohort", &cohort_plan.id, "a cohort of the protocol"))?;
        for patient in &cohort_plan.patient {
            if !subjects.insert(&patient.subject) {
                return Err(BadPlan::impossible("subject", &patient.subject, "each subject once"));
            }
            if patient.enrolled < cohort_plan.opened {
                let place = format!("patient {}, enrolled", patient.subject);
                return Err(BadPlan::impossible(
                    &place,
                    patient.enrolled,
                    format!("the opening on {} or later", cohort_plan.opened),
                ));
            }
            let recorded = Synthesis::new(protocol, cohort, patient, seed, plan.last_fact)?.facts()?;
            facts.extend(recorded.into_iter().map(|(date, fact)| ((date, patient.subject.clone()), fact)));
        }
    }
    facts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut chain = Chain::default();
    for ((date, _), fact) in facts {
        let recorded_at = date
            .at(12, 0, 0, 0)
            .to_zoned(TimeZone::UTC)
            .map_err(|error| BadPlan::impossible("date", date, format!("a date of this era ({error})")))?;
        let event = Event::new(recorded_at.timestamp(), RECORDED_BY, fact);
        chain
            .append(event)
            .map_err(|error| BadPlan::impossible("event", error, "an event that can be written"))?;
    }
    Ok(chain)
}

/// Adoption of the protocol, openings, recommendations and decisions.
fn trial_facts(protocol: &Protocol, text: &str, plan: &Plan) -> Result<Vec<Recorded>, BadPlan> {
    let next_day = |date: Date| date.saturating_add(1.day());
    let version = &protocol.version;
    let adopted = ProtocolAdopted {
        version: version.id.clone(),
        date: version.date,
        reason: version.reason.clone(),
        sha256: sha256(text.as_bytes()),
        text: text.to_owned(),
    };
    let mut facts = vec![(next_day(version.date), Fact::ProtocolAdopted(adopted))];
    for cohort in &plan.cohort {
        let opened = CohortOpened { cohort: cohort.id.clone(), date: cohort.opened, places: None };
        facts.push((next_day(cohort.opened), Fact::CohortOpened(opened)));
        let Some(review) = &cohort.review else { continue };
        if review.date < review.cut_off || review.decided < review.date || review.decided > plan.last_fact {
            let place = format!("cohort {}, review", cohort.id);
            let found =
                format!("cut-off {}, meeting {}, decision {}", review.cut_off, review.date, review.decided);
            return Err(BadPlan::impossible(
                &place,
                found,
                format!("these in order, none after {}", plan.last_fact),
            ));
        }
        let recommendation = Recommendation {
            review: review.number,
            cohort: cohort.id.clone(),
            date: review.date,
            cut_off: review.cut_off,
            recommended: review.recommended,
            next_cohort: review.next_cohort.clone(),
            votes: review.votes,
            reason: review.reason.clone(),
            rule_advice: review.rule_advice.clone(),
            packet: None,
        };
        facts.push((next_day(review.date), Fact::Recommendation(recommendation)));
        let decision = SponsorDecision {
            review: review.number,
            cohort: cohort.id.clone(),
            date: review.decided,
            answer: review.answer,
            opens: review.next_cohort.clone(),
            reason: review.decision_reason.clone(),
            recommendation: None,
        };
        facts.push((next_day(review.decided), Fact::SponsorDecision(decision)));
    }
    Ok(facts)
}
