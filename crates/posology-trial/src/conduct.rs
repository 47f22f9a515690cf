//! The conduct of a trial: whether an event may be recorded, given all that was recorded before.
//!
//! Start at [`Conduct::admit`]. The state is the chain itself with indexes of what stands: every rule is a question about
//! standing facts, so a correction needs no code of its own. Two kinds of event are judged differently:
//!
//! - An **act** (enrol, sign, vote, freeze, decide, open) out of order is refused, with the rule that forbids it.
//! - A **fact** that happened (an infusion without a signed directive) cannot be unmade by refusing it. It is refused
//!   without a stated reason; with one it stands, and a [`Flag`] stands beside it.
//!
//! Pure: the time and what the analysis says of holds come in with [`Context`]. Left out: storage, cryptography (the
//! record checks signatures before it asks here) and what is true of the patients (`analysis`).

mod cohort;
mod committee;
mod dosing;
mod holds;
mod organ;
mod people;
mod randomisation;
mod readable;
mod subject;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::event::{Chain, Entry, Event, Fact, GENESIS, Kind, Meaning, Role, Signature, TrialFounded};
use crate::follow;
use crate::permission;
use crate::protocol::Protocol;

/// Why an event may not be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{rule}: expected {expected}, found {found}; mend: {mend}")]
pub struct Refusal {
    /// The rule that forbids it, such as `cohort/opened-by-decision`.
    pub rule: &'static str,
    /// What the rule asks.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub mend: String,
}

impl Refusal {
    pub(crate) fn new(
        rule: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { rule, expected: expected.into(), found: found.into(), mend: mend.into() }
    }
}

/// Something that was recorded although it breaks a rule, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Flag {
    /// The rule.
    pub rule: &'static str,
    /// What the rule asks and what was found.
    pub says: String,
    /// The reason given.
    pub reason: Option<String>,
    /// Subject, if it concerns one.
    pub subject: Option<String>,
    /// Position of the event, from 1; 0 before it is appended.
    pub position: usize,
}

/// What the outside says when an event is admitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The time by the record's clock.
    pub now: Timestamp,
    /// Holds in force, as the analysis finds them on what is recorded.
    pub holds: Vec<HoldInForce>,
}

impl Context {
    /// A time, and no holds.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, holds: Vec::new() }
    }
}

/// A hold of the protocol whose trigger is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct HoldInForce {
    /// Id of the hold in the protocol.
    pub hold: String,
    /// The regimen it is on, or none where it stops the whole trial.
    pub regimen: Option<String>,
    /// What met it.
    pub says: String,
}

/// The first event that could not have been recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} ({kind}): {refusal}")]
pub struct Illegal {
    /// Position, from 1.
    pub position: usize,
    /// Its kind.
    pub kind: &'static str,
    /// Why.
    pub refusal: Refusal,
}

/// A version of the protocol as adopted, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// Hash of the event.
    pub hash: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The protocol.
    pub protocol: Protocol,
}

/// All that was recorded, indexed for the question what may be recorded next.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    chain: Chain,
    /// Places of standing events of each kind, of the trial and of each subject.
    of_trial: BTreeMap<Kind, Vec<usize>>,
    of_subject: HashMap<String, BTreeMap<Kind, Vec<usize>>>,
    /// Places by hash, standing or not.
    places: HashMap<String, usize>,
    /// Places of signatures, by the hash they sign.
    signatures: HashMap<String, Vec<usize>>,
    adopted: Vec<Adopted>,
    flags: Vec<Flag>,
}

/// Clocks of sites and servers differ by so much at most.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl Conduct {
    /// Folds a whole chain, admitting each event as of its own time.
    ///
    /// # Errors
    /// The first event that could not have been recorded where it stands.
    pub fn replay(chain: &Chain) -> Result<Self, Box<Illegal>> {
        let mut conduct = Self::default();
        for entry in chain.entries() {
            conduct.replay_next(entry.clone())?;
        }
        Ok(conduct)
    }

    /// Takes the next event of a record as it was recorded, admitting it as of its own time: the step of
    /// [`replay`](Self::replay), for whoever reads a record event by event.
    ///
    /// # Errors
    /// Where it could not have been recorded here. Nothing is taken then.
    pub fn replay_next(&mut self, entry: Entry) -> Result<(), Box<Illegal>> {
        let position = self.chain.entries().len() + 1;
        let kind = entry.event.fact.kind().name();
        let illegal = |refusal| Box::new(Illegal { position, kind, refusal });
        let flags = self.admit(&entry.event, &Context::at(entry.event.recorded_at)).map_err(illegal)?;
        self.take(entry, flags).map_err(illegal)
    }

    /// Whether an event may be recorded now; what stands beside it as flags if it may.
    ///
    /// A record that was never founded (a file of facts) has no people and no acts: it takes facts of patients as they
    /// come.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn admit(&self, event: &Event, context: &Context) -> Result<Vec<Flag>, Refusal> {
        self.admit_time(event, context)?;
        self.admit_correction(event)?;
        if let Fact::TrialFounded(founded) = &event.fact {
            return self.admit_founding(founded).map(|()| Vec::new());
        }
        if self.founded().is_none() {
            return Ok(Vec::new());
        }
        permission::admit(self, event)?;
        self.admit_retraction(event)?;
        follow::admit(self, event)?;
        Self::admit_clinical_time(event)?;
        readable::admit(event)?;
        self.admit_after_lock(event)?;
        let mut breaches = Breaches { rules: Vec::new(), event };
        match event.fact.kind() {
            Kind::Person
            | Kind::RoleGranted
            | Kind::RoleWithdrawn
            | Kind::KeyIssued
            | Kind::KeyRevoked
            | Kind::RootKeyRotated
            | Kind::Access
            | Kind::Signature => people::admit(self, event)?,
            Kind::ProtocolAdopted
            | Kind::SiteOpened
            | Kind::SiteApproved
            | Kind::SiteReleased
            | Kind::SiteClosed
            | Kind::SiteSettings
            | Kind::CohortOpened
            | Kind::CohortClosed
            | Kind::HoldLifted
            | Kind::DatabaseLocked => cohort::admit(self, event, context)?,
            Kind::DataCut
            | Kind::PacketFrozen
            | Kind::Meeting
            | Kind::Recusal
            | Kind::Sealed
            | Kind::Unsealed
            | Kind::Minutes
            | Kind::Recommendation
            | Kind::SponsorDecision => {
                committee::admit(self, event, context)?;
            }
            Kind::WrittenDirective
            | Kind::ActivityOrder
            | Kind::Assay
            | Kind::Residual
            | Kind::SecondCheck
            | Kind::Infusion
            | Kind::Administration
            | Kind::Prescription
            | Kind::FractionDelayed
            | Kind::FractionReduced
            | Kind::FractionOmitted
            | Kind::Extravasation
            | Kind::PatientRelease
            | Kind::ThyroidBlockade
            | Kind::StemCells => {
                subject::is_known(self, event)?;
                dosing::admit(self, event, &mut breaches)?;
            }
            Kind::Randomisation => {
                subject::is_known(self, event)?;
                randomisation::admit(self, event)?;
            }
            Kind::OrganAbsorbedDose => {
                subject::is_known(self, event)?;
                organ::admit(self, event)?;
            }
            _ => subject::admit(self, event, context, &mut breaches)?,
        }
        breaches.settle()
    }

    /// Appends an event that was admitted.
    ///
    /// # Errors
    /// Where it is not admitted, or has no canonical form.
    pub fn record(&mut self, event: Event, context: &Context) -> Result<&Entry, Refusal> {
        let flags = self.admit(&event, context)?;
        let mut chain = std::mem::take(&mut self.chain);
        let appended = chain.append(event).map(|_| ());
        self.chain = chain;
        appended.map_err(|error| {
            Refusal::new("event/canonical", "an event that can be written", error.to_string(), "report this")
        })?;
        self.index(flags);
        self.chain
            .entries()
            .last()
            .ok_or_else(|| Refusal::new("event/canonical", "the event just appended", "none", "report this"))
    }

    fn take(&mut self, entry: Entry, flags: Vec<Flag>) -> Result<(), Refusal> {
        self.chain.push_verified(entry).map_err(|error| {
            Refusal::new("event/chain", "an event that follows", error.to_string(), "restore the record")
        })?;
        self.index(flags);
        Ok(())
    }

    /// Indexes the last entry.
    fn index(&mut self, flags: Vec<Flag>) {
        let place = self.chain.entries().len().saturating_sub(1);
        let earlier = self.chain.entries().get(place).and_then(|entry| entry.event.corrects.as_ref());
        if let Some(earlier) = earlier.and_then(|correction| self.places.get(&correction.hash).copied()) {
            self.remove(earlier);
        }
        let retracted = self.chain.entries().get(place).and_then(|entry| match &entry.event.fact {
            Fact::Retracted(retracted) => self.places.get(&retracted.event).copied(),
            _ => None,
        });
        if let Some(retracted) = retracted {
            self.remove(retracted);
        }
        let Some(Entry { hash, event, .. }) = self.chain.entries().get(place) else { return };
        match &event.fact {
            Fact::Signature(signature) => {
                self.signatures.entry(signature.statement.signs.clone()).or_default().push(place);
            }
            Fact::ProtocolAdopted(adopted) => {
                if let Ok((protocol, _)) = Protocol::read(&adopted.text) {
                    let sha256 = adopted.sha256.clone();
                    self.adopted.push(Adopted { hash: hash.clone(), sha256, protocol });
                }
            }
            _ => {}
        }
        let kinds = match event.fact.subject() {
            Some(subject) => self.of_subject.entry(subject.to_owned()).or_default(),
            None => &mut self.of_trial,
        };
        kinds.entry(event.fact.kind()).or_default().push(place);
        self.places.insert(hash.clone(), place);
        self.flags.extend(flags.into_iter().map(|flag| Flag { position: place + 1, ..flag }));
    }

    fn remove(&mut self, place: usize) {
        let Some(entry) = self.chain.entries().get(place) else { return };
        let kind = entry.event.fact.kind();
        if let Fact::ProtocolAdopted(_) = entry.event.fact {
            self.adopted.retain(|adopted| adopted.hash != entry.hash);
        }
        let kinds = match entry.event.fact.subject() {
            Some(subject) => self.of_subject.get_mut(subject),
            None => Some(&mut self.of_trial),
        };
        if let Some(places) = kinds.and_then(|kinds| kinds.get_mut(&kind)) {
            places.retain(|other| *other != place);
        }
    }

    fn admit_time(&self, event: &Event, context: &Context) -> Result<(), Refusal> {
        let found = || format!("an event of {}", event.recorded_at);
        if event.recorded_at > context.now.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX) {
            return Err(Refusal::new(
                "event/clock",
                format!("a time of recording up to now, {}", context.now),
                found(),
                "set the clock of the machine that records",
            ));
        }
        let last = self.chain.entries().last().map(|entry| entry.event.recorded_at);
        if let Some(last) = last.filter(|last| event.recorded_at < *last) {
            return Err(Refusal::new(
                "event/clock",
                format!("a time of recording not before the last event's, {last}"),
                found(),
                "set the clock of the machine that records",
            ));
        }
        Ok(())
    }

    /// After the lock, only people, access, signatures and the release of what was sealed.
    fn admit_after_lock(&self, event: &Event) -> Result<(), Refusal> {
        let kind = event.fact.kind();
        let free = matches!(
            kind,
            Kind::Person
                | Kind::RoleGranted
                | Kind::RoleWithdrawn
                | Kind::KeyIssued
                | Kind::KeyRevoked
                | Kind::RootKeyRotated
                | Kind::Signature
                | Kind::Access
                | Kind::Exported
                | Kind::Unsealed
        );
        if free || self.of_trial(Kind::DatabaseLocked).next().is_none() {
            return Ok(());
        }
        Err(Refusal::new(
            "trial/locked",
            "a database that is open",
            format!("{} after its lock", kind.word()),
            "nothing: data of a locked trial are final",
        ))
    }

    /// What happened happened before it was recorded; a day's grace covers time zones.
    fn admit_clinical_time(event: &Event) -> Result<(), Refusal> {
        if event.origin.is_some() || matches!(event.fact, Fact::WrittenDirective(_) | Fact::Prescription(_)) {
            return Ok(());
        }
        let Some(when) = event.fact.clinical_time() else { return Ok(()) };
        let latest = event.recorded_at.saturating_add(SignedDuration::from_hours(24));
        let latest = latest.unwrap_or(Timestamp::MAX);
        let today = latest.to_zoned(TimeZone::UTC).date();
        let later = match when.instant() {
            Some(instant) => instant > event.recorded_at.saturating_add(CLOCK_TOLERANCE).unwrap_or(latest),
            None => when.earliest_date() > today,
        };
        if !later {
            return Ok(());
        }
        Err(Refusal::new(
            "event/in-the-future",
            format!("something that happened by {}", event.recorded_at),
            format!("{when}"),
            "check date and time zone; what is planned is recorded as a plan",
        ))
    }

    fn admit_correction(&self, event: &Event) -> Result<(), Refusal> {
        let Some(correction) = &event.corrects else { return Ok(()) };
        let rule = "event/correction";
        let mend = "name the event that stands now (`posology trial history` shows hashes)";
        let Some(earlier) =
            self.places.get(&correction.hash).and_then(|place| self.chain.entries().get(*place))
        else {
            return Err(Refusal::new(rule, "the hash of an event of this record", &*correction.hash, mend));
        };
        if earlier.event.fact.kind() != event.fact.kind()
            || earlier.event.fact.subject() != event.fact.subject()
        {
            let found = format!("{} by {}", earlier.event.fact.kind().name(), event.fact.kind().name());
            return Err(Refusal::new(rule, "a correction of the same kind and subject", found, mend));
        }
        if !self.stands(&correction.hash) {
            return Err(Refusal::new(
                rule,
                "an event that was not corrected before",
                &*correction.hash,
                mend,
            ));
        }
        if correction.reason.trim().is_empty() {
            return Err(Refusal::new(rule, "a reason", "none", "say why it is corrected"));
        }
        let fixed = [
            Kind::TrialFounded,
            Kind::Signature,
            Kind::KeyIssued,
            Kind::KeyRevoked,
            Kind::RootKeyRotated,
            Kind::RoleGranted,
            Kind::RoleWithdrawn,
            Kind::Access,
            Kind::DataCut,
            Kind::PacketFrozen,
            Kind::Sealed,
            Kind::Unsealed,
            Kind::Exported,
            Kind::SnapshotImported,
        ];
        if self.founded().is_some() && fixed.contains(&event.fact.kind()) {
            return Err(Refusal::new(
                rule,
                "a kind of event that can be corrected",
                event.fact.kind().name(),
                "record what follows from it as a new event: a key is revoked, a role withdrawn, a cut frozen anew",
            ));
        }
        if self.founded().is_some() && !self.signatures_on(&correction.hash).is_empty() {
            let signed = [Kind::Recommendation, Kind::SponsorDecision, Kind::ProtocolAdopted];
            if signed.contains(&event.fact.kind()) {
                return Err(Refusal::new(
                    rule,
                    "a decision that nobody has signed yet",
                    format!("a signed {}", event.fact.kind().word()),
                    "a signed decision is superseded by a new review, never corrected",
                ));
            }
        }
        Ok(())
    }

    /// A fact can be taken back where it stands and no act rests on it.
    fn admit_retraction(&self, event: &Event) -> Result<(), Refusal> {
        let Fact::Retracted(retracted) = &event.fact else { return Ok(()) };
        let rule = "event/retraction";
        let mend = "name the event that stands now (`posology trial history` shows hashes)";
        let Some(earlier) = self.entry(&retracted.event) else {
            return Err(Refusal::new(rule, "the hash of an event of this record", &*retracted.event, mend));
        };
        if earlier.event.fact.subject() != Some(retracted.subject.as_str()) {
            let expected = format!("an event of subject {}", retracted.subject);
            return Err(Refusal::new(rule, expected, earlier.event.fact.kind().word(), mend));
        }
        if !self.stands(&retracted.event) {
            return Err(Refusal::new(
                rule,
                "an event that stands",
                "one corrected or retracted already",
                mend,
            ));
        }
        let acts = [
            Kind::Retracted,
            Kind::Subject,
            Kind::Screening,
            Kind::Eligibility,
            Kind::Enrolment,
            Kind::Assignment,
            Kind::SlotRequested,
            Kind::WrittenDirective,
            Kind::QueryRaised,
        ];
        if acts.contains(&earlier.event.fact.kind()) {
            let mend = "correct it, or record what follows from it: others were decided upon it";
            return Err(Refusal::new(rule, "a fact", earlier.event.fact.kind().word(), mend));
        }
        if retracted.reason.trim().is_empty() {
            return Err(Refusal::new(rule, "a reason", "none", "say why"));
        }
        Ok(())
    }

    fn admit_founding(&self, founded: &TrialFounded) -> Result<(), Refusal> {
        if !self.chain.entries().is_empty() {
            return Err(Refusal::new(
                "trial/founded-once",
                "the founding as the first event of a record",
                format!("{} events before it", self.chain.entries().len()),
                "found a new record",
            ));
        }
        if let Some(word) = founded.except.iter().find(|word| Kind::of(word).is_none()) {
            return Err(Refusal::new(
                "trial/founded-modes",
                "kinds of fact such as `laboratory`",
                format!("{word:?}"),
                "write the kind as `posology trial record --help` lists it",
            ));
        }
        Ok(())
    }

    /// The record's events.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Hash of the last event.
    #[must_use]
    pub fn head(&self) -> &str {
        self.chain.entries().last().map_or(GENESIS, |entry| entry.hash.as_str())
    }

    /// What stands although it breaks a rule, in order.
    #[must_use]
    pub fn flags(&self) -> &[Flag] {
        &self.flags
    }

    /// The founding, unless the record is a mere file of facts.
    #[must_use]
    pub fn founded(&self) -> Option<&TrialFounded> {
        match &self.chain.entries().first()?.event.fact {
            Fact::TrialFounded(founded) => Some(founded),
            _ => None,
        }
    }

    /// Versions of the protocol, in the order of adoption.
    #[must_use]
    pub fn adopted(&self) -> &[Adopted] {
        &self.adopted
    }

    /// The protocol adopted last.
    #[must_use]
    pub fn protocol(&self) -> Option<&Protocol> {
        self.adopted.last().map(|adopted| &adopted.protocol)
    }

    /// The protocol of a version.
    #[must_use]
    pub fn protocol_of(&self, version: &str) -> Option<&Protocol> {
        self.adopted.iter().rev().map(|adopted| &adopted.protocol).find(|p| p.version.id == version)
    }

    /// The standing events of a kind that speak of no subject, in order.
    pub fn of_trial(&self, kind: Kind) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries_at(self.of_trial.get(&kind))
    }

    /// The standing events of a kind of one subject, in order.
    pub fn of_subject(&self, subject: &str, kind: Kind) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries_at(self.of_subject.get(subject).and_then(|kinds| kinds.get(&kind)))
    }

    /// Subjects of whom anything is recorded, by id.
    #[must_use]
    pub fn subjects(&self) -> Vec<&str> {
        let mut subjects: Vec<&str> = self.of_subject.keys().map(String::as_str).collect();
        subjects.sort_unstable();
        subjects
    }

    fn entries_at<'a>(
        &'a self,
        places: Option<&'a Vec<usize>>,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> + use<'a> {
        places.map_or(&[][..], Vec::as_slice).iter().filter_map(|place| self.chain.entries().get(*place))
    }

    /// The event of a hash, standing or not.
    #[must_use]
    pub fn entry(&self, hash: &str) -> Option<&Entry> {
        self.chain.entries().get(*self.places.get(hash)?)
    }

    /// Position of the event of a hash, from 1; 0 where it is not in the record.
    #[must_use]
    pub fn position(&self, hash: &str) -> usize {
        self.places.get(hash).map_or(0, |place| place + 1)
    }

    /// Whether the event of a hash stands: it is in the record and no other corrects it.
    #[must_use]
    pub fn stands(&self, hash: &str) -> bool {
        let Some(place) = self.places.get(hash) else { return false };
        let Some(entry) = self.chain.entries().get(*place) else { return false };
        let kinds = match entry.event.fact.subject() {
            Some(subject) => self.of_subject.get(subject),
            None => Some(&self.of_trial),
        };
        kinds
            .and_then(|kinds| kinds.get(&entry.event.fact.kind()))
            .is_some_and(|places| places.contains(place))
    }

    /// Signatures on the event of a hash, in order.
    #[must_use]
    pub fn signatures_on(&self, hash: &str) -> Vec<&Signature> {
        self.entries_at(self.signatures.get(hash))
            .filter_map(|entry| match &entry.event.fact {
                Fact::Signature(signature) => Some(signature),
                _ => None,
            })
            .collect()
    }

    /// Whether the event of a hash was signed in a role with a meaning.
    #[must_use]
    pub fn is_signed(&self, hash: &str, role: Role, meaning: Meaning) -> bool {
        self.signatures_on(hash)
            .iter()
            .any(|signature| signature.statement.role == role && signature.statement.meaning == meaning)
    }
}

/// Rules that a fact breaks, gathered while it is admitted.
pub(crate) struct Breaches<'a> {
    rules: Vec<Refusal>,
    event: &'a Event,
}

impl Breaches<'_> {
    /// Notes a breach: the fact needs a reason and then carries a flag.
    pub(crate) fn note(&mut self, breach: Refusal) {
        self.rules.push(breach);
    }

    /// The flags, or the first breach where no reason was given.
    fn settle(self) -> Result<Vec<Flag>, Refusal> {
        let reason = self.event.reason.as_deref().filter(|reason| !reason.trim().is_empty());
        match (self.rules.first(), reason) {
            (Some(breach), None) => Err(Refusal {
                mend: format!(
                    "{}; if it happened so, record it with a reason: it will stand with a flag",
                    breach.mend
                ),
                ..breach.clone()
            }),
            (_, reason) => Ok(self
                .rules
                .iter()
                .map(|breach| Flag {
                    rule: breach.rule,
                    says: format!("expected {}, found {}", breach.expected, breach.found),
                    reason: reason.map(str::to_owned),
                    subject: self.event.fact.subject().map(str::to_owned),
                    position: 0,
                })
                .collect()),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.says)?;
        match &self.reason {
            Some(reason) => write!(f, "; reason given: {reason}"),
            None => Ok(()),
        }
    }
}
