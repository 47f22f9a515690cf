//! Subjects: screening, eligibility, places, enrolment, assignment; queries about them.

use jiff::{Timestamp, ToSpan as _};

use super::{Breaches, Conduct, Context, Refusal, cohort, randomisation};
use crate::analysis::eligibility::{self, Known};
use crate::event::{
    Assignment, Eligibility, Enrolment, Entry, Event, Fact, Kind, QueryRaised, SlotRequested,
};
use crate::protocol::Protocol;

impl Conduct {
    /// The site of a subject.
    #[must_use]
    pub fn subject_site(&self, subject: &str) -> Option<&str> {
        self.of_subject(subject, Kind::Subject).rev().find_map(|entry| match &entry.event.fact {
            Fact::Subject(subject) => subject.site.as_deref(),
            _ => None,
        })
    }

    /// The enrolment of a subject.
    #[must_use]
    pub fn enrolment(&self, subject: &str) -> Option<&Enrolment> {
        self.of_subject(subject, Kind::Enrolment).next_back().and_then(|entry| match &entry.event.fact {
            Fact::Enrolment(enrolment) => Some(enrolment),
            _ => None,
        })
    }

    /// The cohort, regimen and protocol version of an enrolled subject now.
    #[must_use]
    pub fn assignment(&self, subject: &str) -> Option<(&str, &str, &str)> {
        let moved = self.of_subject(subject, Kind::Assignment).next_back();
        if let Some(Fact::Assignment(assignment)) = moved.map(|entry| &entry.event.fact) {
            let Assignment { cohort, regimen, protocol_version, .. } = assignment;
            return Some((cohort, regimen, protocol_version));
        }
        let enrolment = self.enrolment(subject)?;
        let protocol = self.protocol_of(&enrolment.protocol_version).or_else(|| self.protocol())?;
        let cohort = protocol.cohort(&enrolment.cohort)?;
        Some((&enrolment.cohort, &cohort.regimen, &enrolment.protocol_version))
    }

    /// What is recorded of a subject that criteria of eligibility rest on.
    #[must_use]
    pub fn known_of(&self, subject: &str) -> Known<'_> {
        let mut known = Known::default();
        for kind in [Kind::Subject, Kind::Characteristic, Kind::Laboratory, Kind::Support] {
            for entry in self.of_subject(subject, kind) {
                match &entry.event.fact {
                    Fact::Subject(fact) => known.subject = Some(fact),
                    Fact::Characteristic(fact) => known.characteristics.push(fact),
                    Fact::Laboratory(fact) => known.laboratory.push(fact),
                    Fact::Support(fact) => known.support.push(fact),
                    _ => {}
                }
            }
        }
        known
    }

    /// The enrolments of a cohort, in order.
    pub fn enrolled<'a>(&'a self, cohort: &'a str) -> impl Iterator<Item = (&'a Enrolment, &'a Entry)> + 'a {
        let mut all: Vec<(&Enrolment, &Entry)> = self
            .of_subject
            .keys()
            .filter_map(|subject| {
                let entry = self.of_subject(subject, Kind::Enrolment).next_back()?;
                match &entry.event.fact {
                    Fact::Enrolment(enrolment) if enrolment.cohort == cohort => Some((enrolment, entry)),
                    _ => None,
                }
            })
            .collect();
        all.sort_by_key(|(_, entry)| self.places.get(&entry.hash).copied());
        all.into_iter()
    }

    /// A place asked for.
    #[must_use]
    pub fn slot(&self, slot: &str) -> Option<&SlotRequested> {
        self.slots().find(|requested| requested.slot == slot)
    }

    fn slots(&self) -> impl Iterator<Item = &SlotRequested> {
        // A request may name its subject, so it stands with the subject or with the trial.
        let of_subjects =
            self.of_subject.keys().flat_map(|subject| self.of_subject(subject, Kind::SlotRequested));
        self.of_trial(Kind::SlotRequested).chain(of_subjects).filter_map(|entry| match &entry.event.fact {
            Fact::SlotRequested(slot) => Some(slot),
            _ => None,
        })
    }

    /// Until when a confirmed place is kept: `None` if it was not confirmed, has expired at `now`, or was given back.
    #[must_use]
    pub fn slot_kept_until(&self, slot: &str, now: Timestamp) -> Option<Timestamp> {
        let given_back = self
            .of_trial(Kind::SlotExpired)
            .any(|entry| matches!(&entry.event.fact, Fact::SlotExpired(expired) if expired.slot == slot));
        if given_back {
            return None;
        }
        self.of_trial(Kind::SlotConfirmed)
            .filter_map(|entry| match &entry.event.fact {
                Fact::SlotConfirmed(confirmed) if confirmed.slot == slot => Some(confirmed.until),
                _ => None,
            })
            .next_back()
            .filter(|until| *until > now)
    }

    /// Places of a cohort kept at a time for others than a subject: confirmed, not expired, not yet enrolled.
    #[must_use]
    pub fn places_kept(&self, cohort: &str, but_for: Option<&str>, now: Timestamp) -> u32 {
        let kept = self.slots().filter(|slot| {
            slot.cohort == cohort
                && (slot.subject.is_none() || slot.subject.as_deref() != but_for)
                && slot.subject.as_deref().is_none_or(|subject| self.enrolment(subject).is_none())
                && self.slot_kept_until(&slot.slot, now).is_some()
        });
        u32::try_from(kept.count()).unwrap_or(u32::MAX)
    }

    /// A query by its id.
    #[must_use]
    pub fn query(&self, id: &str) -> Option<&QueryRaised> {
        let of_subjects =
            self.of_subject.keys().flat_map(|subject| self.of_subject(subject, Kind::QueryRaised));
        self.of_trial(Kind::QueryRaised).chain(of_subjects).find_map(|entry| match &entry.event.fact {
            Fact::QueryRaised(query) if query.query == id => Some(query),
            _ => None,
        })
    }

    /// Ids of queries raised and not closed.
    #[must_use]
    pub fn open_queries(&self) -> Vec<&QueryRaised> {
        let closed: Vec<&str> = self
            .of_trial(Kind::QueryClosed)
            .filter_map(|entry| match &entry.event.fact {
                Fact::QueryClosed(closed) => Some(closed.query.as_str()),
                _ => None,
            })
            .collect();
        let of_subjects =
            self.of_subject.keys().flat_map(|subject| self.of_subject(subject, Kind::QueryRaised));
        self.of_trial(Kind::QueryRaised)
            .chain(of_subjects)
            .filter_map(|entry| match &entry.event.fact {
                Fact::QueryRaised(query) if !closed.contains(&query.query.as_str()) => Some(query),
                _ => None,
            })
            .collect()
    }

    /// The first day on which the next patient of a cohort may get a first fraction, by the protocol's staggering.
    #[must_use]
    pub fn next_start(&self, cohort: &str) -> Option<jiff::civil::Date> {
        let protocol = self.protocol()?;
        let days = protocol.enrolment.stagger_days;
        if days == 0 {
            return None;
        }
        let last = self
            .enrolled(cohort)
            .map(|(enrolment, _)| self.first_fraction(&enrolment.subject).unwrap_or(enrolment.date))
            .max()?;
        Some(last.saturating_add(i64::from(days).days()))
    }

    /// The day of a subject's first fraction, as administered.
    #[must_use]
    pub fn first_fraction(&self, subject: &str) -> Option<jiff::civil::Date> {
        self.of_subject(subject, Kind::Administration)
            .filter_map(|entry| match &entry.event.fact {
                Fact::Administration(administration) if administration.fraction.is_some() => {
                    Some(administration.start.earliest_date())
                }
                _ => None,
            })
            .min()
    }
}

/// Whether the subject of an event is known to the record.
pub(super) fn is_known(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    let Some(subject) = event.fact.subject() else { return Ok(()) };
    if conduct.of_subject(subject, Kind::Subject).next().is_some() {
        return Ok(());
    }
    Err(Refusal::new(
        "subject/known",
        "a subject of this record",
        format!("{subject:?}"),
        "record the subject first (`subject`), or correct the id",
    ))
}

pub(super) fn admit(
    conduct: &Conduct,
    event: &Event,
    context: &Context,
    breaches: &mut Breaches<'_>,
) -> Result<(), Refusal> {
    if event.origin.is_some() {
        return Ok(());
    }
    match &event.fact {
        Fact::Subject(subject) => {
            let again = event.corrects.is_none()
                && conduct.of_subject(&subject.subject, Kind::Subject).next().is_some();
            if again {
                return Err(Refusal::new(
                    "subject/once",
                    "a subject id that is not used yet",
                    format!("{:?}", subject.subject),
                    "take the next free id, or correct the subject",
                ));
            }
            let site = subject.site.as_deref().unwrap_or_default();
            cohort::is_open_site(conduct, site)
        }
        _ => {
            is_known(conduct, event)?;
            match &event.fact {
                Fact::Screening(screening) => {
                    version_at_site(conduct, &screening.subject, &screening.protocol_version)
                }
                Fact::Eligibility(eligibility) => admit_eligibility(conduct, eligibility, breaches),
                Fact::SlotRequested(slot) => admit_slot(conduct, slot, context),
                Fact::SlotConfirmed(confirmed) => {
                    slot_exists(conduct, &confirmed.slot)?;
                    if confirmed.until <= event.recorded_at {
                        return Err(Refusal::new(
                            "slot/until",
                            "a time still to come",
                            confirmed.until.to_string(),
                            "write until when the place is kept",
                        ));
                    }
                    let slot = conduct.slot(&confirmed.slot);
                    let (cohort, subject) =
                        slot.map_or(("", None), |slot| (slot.cohort.as_str(), slot.subject.as_deref()));
                    cohort::has_room(conduct, cohort, subject, context.now)
                }
                Fact::SlotExpired(expired) => slot_exists(conduct, &expired.slot),
                Fact::Enrolment(enrolment) => admit_enrolment(conduct, event, enrolment, context, breaches),
                Fact::Assignment(assignment) => admit_assignment(conduct, assignment),
                Fact::QueryRaised(query) => match conduct.query(&query.query) {
                    None => Ok(()),
                    Some(_) if event.corrects.is_some() => Ok(()),
                    Some(_) => Err(Refusal::new(
                        "query/once",
                        "an id that is not used yet",
                        format!("{:?}", query.query),
                        "take the next free id",
                    )),
                },
                Fact::QueryAnswered(answer) => query_exists(conduct, &answer.query),
                Fact::QueryClosed(closed) => query_exists(conduct, &closed.query),
                Fact::EvaluabilityJudgement(judgement) => {
                    if judgement.adjudicator == event.recorded_by
                        || conduct
                            .person(&event.recorded_by)
                            .is_some_and(|person| person.printed_name == judgement.adjudicator)
                    {
                        return Ok(());
                    }
                    Err(Refusal::new(
                        "evaluability/adjudicator",
                        "the judgement recorded by the adjudicator",
                        format!("{:?} by {:?}", judgement.adjudicator, event.recorded_by),
                        "let the adjudicator record it",
                    ))
                }
                _ => Ok(()),
            }
        }
    }
}

/// The subject's site works under that version now.
pub(super) fn version_at_site(conduct: &Conduct, subject: &str, version: &str) -> Result<(), Refusal> {
    let site = conduct.subject_site(subject).unwrap_or_default();
    let in_force = conduct.version_at(site);
    if in_force == Some(version) {
        return Ok(());
    }
    Err(Refusal::new(
        "site/version",
        format!(
            "the protocol version in force at site {site}: {}",
            in_force.unwrap_or("none released there")
        ),
        version,
        "write that version, or release the site for the new one first (`site-released`)",
    ))
}

/// Each criterion of the version that concerns the subject is judged, and none is judged as met against its own number
/// without a reason.
fn numbers_agree(
    conduct: &Conduct,
    protocol: &Protocol,
    eligibility: &Eligibility,
    breaches: &mut Breaches<'_>,
) -> Result<(), Refusal> {
    for finding in eligibility::findings(protocol, &conduct.known_of(&eligibility.subject), eligibility.date)
    {
        if finding.concerns == Some(false) {
            continue;
        }
        let Some(judged) = eligibility.criteria.iter().find(|criterion| criterion.id == finding.id) else {
            return Err(Refusal::new(
                "eligibility/criteria",
                format!("a judgement on the criterion {:?}: {}", finding.id, finding.text),
                "none",
                "judge each criterion of the protocol version that concerns the subject",
            ));
        };
        if judged.met && finding.met == Some(false) {
            breaches.note(Refusal::new(
                "eligibility/numbers",
                format!("{:?} judged as its number says", finding.id),
                format!("met, while {}", finding.because.says),
                "judge it as not met, or correct the number",
            ));
        }
    }
    Ok(())
}

fn admit_eligibility(
    conduct: &Conduct,
    eligibility: &Eligibility,
    breaches: &mut Breaches<'_>,
) -> Result<(), Refusal> {
    version_at_site(conduct, &eligibility.subject, &eligibility.protocol_version)?;
    if conduct.of_subject(&eligibility.subject, Kind::Screening).next().is_none() {
        return Err(Refusal::new(
            "eligibility/screened",
            "a subject who was screened",
            "no screening",
            "record the screening first (`screening`)",
        ));
    }
    let protocol = conduct.protocol_of(&eligibility.protocol_version);
    if let (Some(protocol), Some(regimen)) = (protocol, &eligibility.regimen) {
        if protocol.regimen(regimen).is_none() {
            return Err(Refusal::new(
                "eligibility/regimen",
                "a regimen of the protocol",
                format!("{regimen:?}"),
                "write its id as in the protocol",
            ));
        }
        let judged = |id: &&str| eligibility.criteria.iter().any(|criterion| criterion.id == *id);
        if let Some(missing) =
            protocol.gates_of(regimen).into_iter().map(|gate| gate.id.as_str()).find(|id| !judged(id))
        {
            return Err(Refusal::new(
                "eligibility/gates",
                format!("a judgement on the gate {missing:?} of regimen {regimen}"),
                "none",
                "judge each gate of the regimen",
            ));
        }
    }
    if let Some(protocol) = protocol.filter(|_| eligibility.eligible) {
        numbers_agree(conduct, protocol, eligibility, breaches)?;
    }
    let unmet = eligibility.criteria.iter().find(|criterion| !criterion.met);
    match unmet {
        Some(unmet) if eligibility.eligible => Err(Refusal::new(
            "eligibility/no-waiver",
            "eligible only with every criterion met",
            format!("{:?} not met", unmet.id),
            "record the subject as not eligible, or correct the criterion: there are no waivers",
        )),
        _ => Ok(()),
    }
}

fn admit_slot(conduct: &Conduct, slot: &SlotRequested, context: &Context) -> Result<(), Refusal> {
    if conduct.slot(&slot.slot).is_some() {
        return Err(Refusal::new(
            "slot/once",
            "an id that is not used yet",
            format!("{:?}", slot.slot),
            "take the next free id",
        ));
    }
    cohort::is_open_site(conduct, &slot.site)?;
    cohort::is_open(conduct, &slot.cohort)?;
    cohort::has_room(conduct, &slot.cohort, slot.subject.as_deref(), context.now)
}

fn slot_exists(conduct: &Conduct, slot: &str) -> Result<(), Refusal> {
    match conduct.slot(slot) {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            "slot/requested",
            "a place that was asked for",
            format!("{slot:?}"),
            "record `slot-requested` first, or correct the id",
        )),
    }
}

fn query_exists(conduct: &Conduct, query: &str) -> Result<(), Refusal> {
    if conduct.open_queries().iter().any(|open| open.query == query) {
        return Ok(());
    }
    Err(Refusal::new(
        "query/open",
        "a query that is open",
        format!("{query:?}"),
        "`posology trial status` lists open queries",
    ))
}

fn admit_enrolment(
    conduct: &Conduct,
    event: &Event,
    enrolment: &Enrolment,
    context: &Context,
    breaches: &mut Breaches<'_>,
) -> Result<(), Refusal> {
    let subject = enrolment.subject.as_str();
    if conduct.enrolment(subject).is_some() && event.corrects.is_none() {
        return Err(Refusal::new(
            "enrolment/once",
            "a subject who is not enrolled yet",
            format!("{subject:?}, enrolled"),
            "nothing, or assign the subject anew (`assignment`)",
        ));
    }
    version_at_site(conduct, subject, &enrolment.protocol_version)?;
    let protocol = conduct.protocol_of(&enrolment.protocol_version);
    randomisation::enrols_as_allocated(conduct, protocol, enrolment)?;
    cohort::is_open(conduct, &enrolment.cohort)?;
    let regimen = protocol
        .and_then(|protocol| protocol.cohort(&enrolment.cohort))
        .map(|cohort| cohort.regimen.as_str())
        .unwrap_or_default();
    has_stratum(protocol, enrolment)?;
    is_eligible(conduct, enrolment, protocol, regimen)?;
    cohort::no_hold(context, regimen)?;
    if event.corrects.is_none() {
        if let Some(replaced) = &enrolment.replaces {
            may_replace(conduct, event, enrolment, replaced)?;
        } else if conduct.arm_of(subject).is_none() {
            cohort::has_room(conduct, &enrolment.cohort, Some(subject), context.now)?;
        }
        cohort::within_caps(conduct, regimen)?;
    }
    if let Some(next) = conduct.next_start(&enrolment.cohort).filter(|_| event.corrects.is_none())
        && enrolment.date < next
    {
        breaches.note(Refusal::new(
            "enrolment/staggered",
            format!("{next} or later, by the days between patients of a cohort"),
            enrolment.date.to_string(),
            "wait until then",
        ));
    }
    Ok(())
}

/// Where the protocol has strata, it is known of which the subject is.
fn has_stratum(protocol: Option<&Protocol>, enrolment: &Enrolment) -> Result<(), Refusal> {
    let Some(protocol) = protocol else { return Ok(()) };
    let of_cohort = protocol.cohort(&enrolment.cohort).and_then(|cohort| cohort.stratum.as_deref());
    let ids = || protocol.stratum.iter().map(|stratum| stratum.id.as_str()).collect::<Vec<_>>().join(", ");
    match (of_cohort, enrolment.stratum.as_deref()) {
        (Some(_), None) => Ok(()),
        (Some(of_cohort), Some(named)) if of_cohort == named => Ok(()),
        (Some(of_cohort), Some(named)) => Err(Refusal::new(
            "enrolment/stratum",
            format!("the stratum of cohort {}: {of_cohort}", enrolment.cohort),
            format!("{named:?}"),
            "leave the stratum out, or enrol into the cohort of that stratum",
        )),
        (None, None) if protocol.stratum.is_empty() => Ok(()),
        (None, Some(named)) if protocol.stratum(named).is_some() => Ok(()),
        (None, named) => Err(Refusal::new(
            "enrolment/stratum",
            if protocol.stratum.is_empty() {
                "no stratum: the protocol has none".to_owned()
            } else {
                format!("a stratum of the protocol: one of {}", ids())
            },
            named.map_or_else(|| "none".to_owned(), |named| format!("{named:?}")),
            "name the kind of disease by its id in the protocol",
        )),
    }
}

pub(super) fn is_eligible(
    conduct: &Conduct,
    enrolment: &Enrolment,
    protocol: Option<&Protocol>,
    regimen: &str,
) -> Result<(), Refusal> {
    let judged = conduct.of_subject(&enrolment.subject, Kind::Eligibility).next_back();
    let Some(Fact::Eligibility(judged)) = judged.map(|entry| &entry.event.fact) else {
        return Err(Refusal::new(
            "enrolment/eligible",
            "a subject judged eligible",
            "no judgement",
            "let the investigator record `eligibility`",
        ));
    };
    let refuse = |found: String| {
        Err(Refusal::new(
            "enrolment/eligible",
            format!("eligible under protocol version {}", enrolment.protocol_version),
            found,
            "let the investigator judge eligibility again",
        ))
    };
    if !judged.eligible {
        return refuse(format!("not eligible, judged on {}", judged.date));
    }
    if judged.protocol_version != enrolment.protocol_version {
        return refuse(format!("eligible under version {}", judged.protocol_version));
    }
    let gates = protocol.map(|protocol| protocol.gates_of(regimen)).unwrap_or_default();
    let met = |id: &&str| judged.criteria.iter().any(|criterion| criterion.id == *id && criterion.met);
    match gates.into_iter().map(|gate| gate.id.as_str()).find(|id| !met(id)) {
        Some(gate) => refuse(format!("the gate {gate:?} of regimen {regimen} not judged as met")),
        None => Ok(()),
    }
}

fn may_replace(
    conduct: &Conduct,
    event: &Event,
    enrolment: &Enrolment,
    replaced: &str,
) -> Result<(), Refusal> {
    let rule = "enrolment/replaces";
    if conduct.enrolment(replaced).is_none_or(|earlier| earlier.cohort != enrolment.cohort) {
        let mend = "name the subject who is replaced";
        return Err(Refusal::new(rule, "a subject of the same cohort", format!("{replaced:?}"), mend));
    }
    let taken =
        conduct.enrolled(&enrolment.cohort).any(|(other, _)| other.replaces.as_deref() == Some(replaced));
    if taken {
        let mend = "name another subject, or none";
        return Err(Refusal::new(rule, "a subject not replaced yet", format!("{replaced:?}"), mend));
    }
    let judged = conduct.of_subject(replaced, Kind::EvaluabilityJudgement).next_back();
    match judged.map(|entry| (&entry.event.fact, &entry.event.recorded_by)) {
        Some((Fact::EvaluabilityJudgement(judgement), judge)) if !judgement.evaluable => {
            if *judge == event.recorded_by {
                return Err(Refusal::new(
                    rule,
                    "a replacement recorded by someone other than who judged evaluability",
                    judge.clone(),
                    "let someone else enrol the replacement",
                ));
            }
            Ok(())
        }
        _ => Err(Refusal::new(
            rule,
            "a subject judged not evaluable",
            format!("no such judgement on {replaced:?}"),
            "let the medical monitor record `evaluability-judgement`",
        )),
    }
}

fn admit_assignment(conduct: &Conduct, assignment: &Assignment) -> Result<(), Refusal> {
    if conduct.enrolment(&assignment.subject).is_none() {
        return Err(Refusal::new(
            "assignment/enrolled",
            "an enrolled subject",
            format!("{:?}", assignment.subject),
            "enrol the subject first (`enrolment`)",
        ));
    }
    version_at_site(conduct, &assignment.subject, &assignment.protocol_version)?;
    let protocol = conduct.protocol_of(&assignment.protocol_version);
    let cohort = protocol.and_then(|protocol| protocol.cohort(&assignment.cohort));
    match cohort {
        Some(cohort) if cohort.regimen == assignment.regimen => Ok(()),
        Some(cohort) => Err(Refusal::new(
            "assignment/level",
            format!("the regimen of cohort {}: {}", cohort.id, cohort.regimen),
            assignment.regimen.clone(),
            "write the cohort's regimen",
        )),
        None => Err(Refusal::new(
            "assignment/cohort",
            "a cohort of the protocol version",
            format!("{:?}", assignment.cohort),
            "write its id as in the protocol",
        )),
    }
}
