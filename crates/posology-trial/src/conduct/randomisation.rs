//! Randomisation: the next place of a stratum, for an eligible subject who has none, before enrolment.

use super::subject::{is_eligible, version_at_site};
use super::{Conduct, Refusal, cohort};
use crate::event::{Enrolment, Event, Fact, Kind, Randomisation};
use crate::protocol::Protocol;
use crate::randomisation::stratum_number;

impl Conduct {
    /// The allocations made, in order.
    #[must_use]
    pub fn randomised(&self) -> Vec<&Randomisation> {
        let mut made: Vec<_> = self
            .subjects()
            .into_iter()
            .filter_map(|subject| self.of_subject(subject, Kind::Randomisation).next_back())
            .collect();
        made.sort_by_key(|entry| self.places.get(&entry.hash).copied());
        made.into_iter()
            .filter_map(|entry| match &entry.event.fact {
                Fact::Randomisation(made) => Some(made),
                _ => None,
            })
            .collect()
    }

    /// The arm of a subject.
    #[must_use]
    pub fn arm_of(&self, subject: &str) -> Option<&str> {
        match &self.of_subject(subject, Kind::Randomisation).next_back()?.event.fact {
            Fact::Randomisation(made) => Some(&made.arm),
            _ => None,
        }
    }
}

pub(super) fn admit(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    let Fact::Randomisation(made) = &event.fact else { return Ok(()) };
    let Some((protocol, part)) = conduct.protocol().and_then(|p| Some((p, p.randomised.as_ref()?))) else {
        let mend = "amend the protocol, or enrol into a cohort";
        return Err(Refusal::new(
            "randomisation/protocol",
            "[randomised] in the protocol in force",
            "none",
            mend,
        ));
    };
    let settings = &part.comparison;
    if event.origin.is_some() {
        return Ok(());
    }
    if event.corrects.is_some() {
        let mend = "let it stand; record what went wrong as a deviation";
        return Err(Refusal::new("randomisation/final", "an allocation that stands", "a correction", mend));
    }
    if conduct.arm_of(&made.subject).is_some() || conduct.enrolment(&made.subject).is_some() {
        let found = format!("{:?}, randomised or enrolled", made.subject);
        let mend = "nothing: a subject is allocated once";
        return Err(Refusal::new("randomisation/once", "a subject not allocated yet", found, mend));
    }
    if made.seed_sha256 != part.seed_sha256 {
        let mend = "use the seed that the protocol states the SHA-256 of";
        return Err(Refusal::new("randomisation/seed", &*part.seed_sha256, &*made.seed_sha256, mend));
    }
    if !settings.arms.contains(&made.arm) {
        let mend = "let `posology trial randomise` take the next place";
        return Err(Refusal::new("randomisation/arm", settings.arms.join(", "), &*made.arm, mend));
    }
    if stratum_number(settings, &made.stratum).is_none() {
        let factors: Vec<String> = settings
            .strata
            .iter()
            .map(|factor| format!("{}: {}", factor.name, factor.categories.join(" or ")))
            .collect();
        let expected = if factors.is_empty() { "no stratum".to_owned() } else { factors.join("; ") };
        let mend = "give the category of each factor, in the protocol's words and order";
        return Err(Refusal::new("randomisation/stratum", expected, made.stratum.join(", "), mend));
    }
    eligible_for_each_arm(conduct, protocol, made)?;
    for arm in &settings.arms {
        cohort::is_open(conduct, arm)?;
    }
    let earlier = conduct.randomised();
    let most = settings.patients.saturating_mul(u32::try_from(settings.arms.len()).unwrap_or(u32::MAX));
    if u32::try_from(earlier.len()).unwrap_or(u32::MAX) >= most {
        let expected = format!("at most {most} patients randomised");
        let mend = "nothing: the comparison is full";
        return Err(Refusal::new("randomisation/full", expected, format!("{} already", earlier.len()), mend));
    }
    let last = earlier.iter().rev().find(|other| other.stratum == made.stratum);
    let (block, position) = last.map_or((1, 0), |last| (last.block, last.position));
    let follows = (made.block, made.position) == (block, position + 1)
        || (last.is_some() && (made.block, made.position) == (block + 1, 1));
    if follows {
        return Ok(());
    }
    let found = format!("block {}, place {}", made.block, made.position);
    let expected = format!("the place after block {block}, place {position} of the stratum");
    let mend = "let `posology trial randomise` take the next place";
    Err(Refusal::new("randomisation/next", expected, found, mend))
}

/// Whoever is randomised can be treated in whichever arm the list gives.
fn eligible_for_each_arm(
    conduct: &Conduct,
    protocol: &Protocol,
    made: &Randomisation,
) -> Result<(), Refusal> {
    version_at_site(conduct, &made.subject, &protocol.version.id)?;
    let arms = protocol.cohort.iter().filter(|cohort| protocol.is_arm(&cohort.id));
    for arm in arms {
        let supposed = Enrolment {
            subject: made.subject.clone(),
            cohort: arm.id.clone(),
            date: made.date,
            protocol_version: protocol.version.id.clone(),
            replaces: None,
            stratum: None,
        };
        is_eligible(conduct, &supposed, Some(protocol), &arm.regimen)?;
    }
    Ok(())
}

/// Into an arm only whom the list put there, and nowhere else whoever it put there.
pub(super) fn enrols_as_allocated(
    conduct: &Conduct,
    protocol: Option<&Protocol>,
    enrolment: &Enrolment,
) -> Result<(), Refusal> {
    let arm = conduct.arm_of(&enrolment.subject);
    let is_arm = protocol.is_some_and(|protocol| protocol.is_arm(&enrolment.cohort));
    if arm == Some(enrolment.cohort.as_str()) || (arm.is_none() && !is_arm) {
        return Ok(());
    }
    let found =
        arm.map_or_else(|| "a subject not randomised".to_owned(), |arm| format!("randomised to {arm}"));
    let expected = format!("a subject randomised to {}", enrolment.cohort);
    let mend = "randomise first (`posology trial randomise`), and enrol into that arm";
    Err(Refusal::new("enrolment/as-randomised", expected, found, mend))
}
