//! The acts of a review: freezing cut and packet, votes and minutes under seal, the tally, and their release.

use jiff::Timestamp;
use posology_trial::committee::{count, may_vote, packet_digest, review, reviews, seal};
use posology_trial::cut::Cut;
use posology_trial::event::{
    AccessKind, Choice, Closed, DataCut, Event, Fact, Kind, PacketFile, PacketFrozen, Recommended, Role,
    Unsealed, Vote, canonical,
};
use serde_json::{Value, json};

use super::{Desk, Recorded, Undone};
use crate::ledger::SealedContent;
use crate::record::Actor;

/// A cut that is to be frozen, or stands frozen already.
#[derive(Debug, Clone, PartialEq)]
pub struct Freezing {
    /// Number of the review.
    pub review: u32,
    /// The cut.
    pub cut: Cut,
    /// Whether the cut stands in the record.
    pub again: bool,
    /// Digest of the packet bound to it, if one is.
    pub bound: Option<String>,
}

impl Freezing {
    /// Whether cut and packet stand in the record already, so that freezing them records nothing.
    #[must_use]
    pub fn stands_with(&self, files: &[PacketFile]) -> bool {
        self.again && self.bound.is_some() && packet_digest(files).ok() == self.bound
    }
}

/// What freezing did.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// Digest of the packet: what votes and the recommendation name.
    pub packet: String,
    /// What was recorded; none where both stood already.
    pub recorded: Option<Recorded>,
}

/// A vote to be cast.
#[derive(Debug, Clone, PartialEq)]
pub struct VoteCast {
    /// Number of the review.
    pub review: u32,
    /// The recommendation voted on.
    pub motion: Recommended,
    /// The cohort that it would open.
    pub next_cohort: Option<String>,
    /// The vote.
    pub choice: Choice,
    /// Whether it is cast in writing, after the meeting.
    pub written: bool,
}

/// The votes of a review.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Number of the review.
    pub review: u32,
    /// For, against, abstained.
    pub votes: [u32; 3],
    /// The chair's casting vote, where it decides.
    pub casting: Option<Choice>,
    /// Who voted.
    pub voted: Vec<String>,
}

/// What was released of closed sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Votes.
    pub votes: usize,
    /// Minutes.
    pub minutes: usize,
    /// Where it stands.
    pub recorded: Recorded,
}

/// Whether an event is of the review itself, so that a cut before it is still the last.
fn is_of_the_review(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DataCut
            | Kind::PacketFrozen
            | Kind::Meeting
            | Kind::Recusal
            | Kind::Sealed
            | Kind::Minutes
            | Kind::Signature
            | Kind::Access
            | Kind::Exported
    )
}

impl Desk {
    /// What a review would freeze: a new cut, or the one that stands where nothing that a cut takes was recorded since.
    /// Without a number, the review that is open, else the next.
    ///
    /// # Errors
    /// A record without facts.
    pub fn freezing(
        &self,
        number: Option<u32>,
        cohort: Option<&str>,
        cut_off: Option<Timestamp>,
    ) -> Result<Freezing, Undone> {
        let conduct = self.conduct();
        let number = number.unwrap_or_else(|| match reviews(conduct).last() {
            None => 1,
            Some(last) if review(conduct, *last).recommendation.is_none() => *last,
            Some(last) => last.saturating_add(1),
        });
        let chain = self.record.chain();
        let asked = Cut::freeze(chain, cut_off).map_err(|error| Undone::Asked(error.to_string()))?;
        let standing = review(conduct, number);
        let again = standing.cut.filter(|(_, frozen)| {
            frozen.cut.cut_off == asked.cut_off
                && cohort.is_none_or(|cohort| frozen.cohort.as_deref() == Some(cohort))
                && chain
                    .entries()
                    .iter()
                    .skip(frozen.cut.position)
                    .all(|entry| is_of_the_review(entry.event.fact.kind()))
        });
        let bound = standing.packet.and_then(|(_, packet)| packet_digest(&packet.files).ok());
        Ok(Freezing {
            review: number,
            again: again.is_some(),
            cut: again.map_or(asked, |(_, frozen)| frozen.cut.clone()),
            bound,
        })
    }

    /// Records a cut with the rule's advice, and binds a packet to it by its hashes. The same again records nothing.
    ///
    /// # Errors
    /// Another packet bound to the same cut, or what the rules say.
    pub fn freeze(
        &mut self,
        by: &Actor,
        freezing: &Freezing,
        fact: DataCut,
        because: Option<String>,
        packet: PacketFrozen,
    ) -> Result<Frozen, Undone> {
        let digest = packet_digest(&packet.files)?;
        if freezing.stands_with(&packet.files) {
            return Ok(Frozen { packet: digest, recorded: None });
        }
        if !freezing.again {
            let event = Event { reason: because, ..by.event(self.now(), fact) };
            self.stage(event)?;
        } else if let Some(bound) = &freezing.bound {
            return Err(Undone::Asked(format!(
                "review {}: expected the packet frozen with this cut, {bound}, found another, {digest}; mend: the program that made the first was another version; take that one, or freeze a new cut with a reason",
                freezing.review
            )));
        }
        let staged = self.stage(by.event(self.now(), packet));
        self.or_drop(staged)?;
        Ok(Frozen { packet: digest, recorded: Some(self.commit(None)?) })
    }

    /// What a review's facts take from what stands of it.
    pub(super) fn complete_review(
        &self,
        kind: Kind,
        number: u32,
        set: &mut impl FnMut(&str, Value),
    ) -> Result<(), Undone> {
        let standing = review(self.conduct(), number);
        match kind {
            Kind::Meeting => {
                if let Some((_, packet)) = standing.packet {
                    let documents: Vec<&str> =
                        packet.files.iter().map(|file: &PacketFile| file.sha256.as_str()).collect();
                    set("documents", json!(documents));
                }
            }
            Kind::Recommendation => {
                if let Some((_, packet)) = standing.packet {
                    set("packet", json!(packet_digest(&packet.files)?));
                }
                if let Some((_, cut)) = standing.cut {
                    set("cohort", json!(cut.cohort));
                    set("rule-advice", json!(cut.advice));
                    let day = cut.cut.cut_off.to_zoned(jiff::tz::TimeZone::UTC).date();
                    set("cut-off", json!(day));
                }
                if let Some((_, meeting)) = standing.meeting {
                    set("date", json!(meeting.date));
                }
            }
            Kind::SponsorDecision => {
                if let Some((entry, recommendation)) = standing.recommendation {
                    set("recommendation", json!(entry.hash));
                    set("cohort", json!(recommendation.cohort));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Casts a vote under seal, upon the packet of its review.
    ///
    /// # Errors
    /// No packet yet, or what the rules say.
    pub fn vote(&mut self, by: &Actor, cast: VoteCast) -> Result<Recorded, Undone> {
        let Some((_, packet)) = review(self.conduct(), cast.review).packet else {
            return Err(Undone::Asked(format!(
                "review {}: expected a packet to vote on, found none; mend: freeze it first (`posology review`, or the page Reviews)",
                cast.review
            )));
        };
        let packet = packet_digest(&packet.files)?;
        let VoteCast { review, motion, next_cohort, choice, written } = cast;
        let vote = Vote { review, user: by.user.clone(), motion, next_cohort, choice, written, packet };
        self.seal(by, Closed::Vote(vote))
    }

    /// Seals a content: its commitment into the record, itself beside it.
    ///
    /// # Errors
    /// What the rules say.
    pub fn seal(&mut self, by: &Actor, content: Closed) -> Result<Recorded, Undone> {
        let salt: String = self.entropy::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let fact = seal(&content, &salt)?;
        let kept = SealedContent { commitment: fact.commitment.clone(), salt, content: canonical(&content)? };
        self.stage(by.event(self.now(), fact))?;
        // The content first: a commitment whose content is lost could never be opened.
        let trial = self.record.trial().to_owned();
        let sealed = self.record.ledger().keep_sealed(&trial, &kept).map_err(Undone::from);
        self.or_drop(sealed)?;
        self.commit(None)
    }

    /// The votes of a review, for the eyes of the committee; that they were read is recorded.
    ///
    /// # Errors
    /// Someone who is no member, or a protocol without a committee.
    pub fn tally(&mut self, by: &Actor, number: u32) -> Result<Tally, Undone> {
        if !by.role.reads_closed_sessions() || self.conduct().grants(&by.user, by.role).is_empty() {
            return Err(Undone::NotTheirs(format!(
                "expected a member of the committee, found {} as {}; mend: closed sessions are for its members alone",
                by.user,
                by.role.word()
            )));
        }
        // Counting after each vote would tell who voted how.
        if may_vote(self.conduct(), number, &by.user).is_ok() {
            return Err(Undone::Asked(format!(
                "expected the vote of {} first, found none in review {number}; mend: vote, then read how the others did",
                by.user
            )));
        }
        let said = format!("votes of review {number}");
        self.note_access(&by.user, AccessKind::ClosedSessionRead, Some(&said))?;
        let contents: Vec<Closed> = self
            .contents()?
            .into_iter()
            .map(|(_, closed)| closed)
            .filter(|closed| matches!(closed, Closed::Vote(_)))
            .collect();
        let conduct = self.conduct();
        let charter =
            conduct.protocol().and_then(|protocol| protocol.committee.as_ref()).ok_or_else(|| {
                Undone::Asked(
                    "expected a committee in the protocol, found none; mend: adopt one with [committee]"
                        .to_owned(),
                )
            })?;
        let (votes, casting) = count(conduct, charter, number, &contents);
        let voted = review(conduct, number).voted.iter().map(|user| (*user).to_owned()).collect();
        Ok(Tally { review: number, votes, casting, voted })
    }

    fn contents(&mut self) -> Result<Vec<(SealedContent, Closed)>, Undone> {
        let trial = self.record.trial().to_owned();
        let sealed = self.record.ledger().sealed(&trial)?;
        sealed
            .into_iter()
            .map(|sealed| {
                let closed = serde_json::from_str(&sealed.content)?;
                Ok((sealed, closed))
            })
            .collect()
    }

    /// Releases every content of closed sessions, once the database is locked.
    ///
    /// # Errors
    /// Nothing to release, or what the rules say.
    pub fn unseal(&mut self, by: &Actor) -> Result<Released, Undone> {
        let contents = self.contents()?;
        let conduct = self.conduct();
        let released: Vec<&str> = conduct
            .of_trial(Kind::Unsealed)
            .filter_map(|entry| match &entry.event.fact {
                Fact::Unsealed(unsealed) => Some(unsealed.sealed.as_str()),
                _ => None,
            })
            .collect();
        let mut facts = Vec::new();
        for entry in conduct.of_trial(Kind::Sealed) {
            let Fact::Sealed(sealed) = &entry.event.fact else { continue };
            if released.contains(&entry.hash.as_str()) {
                continue;
            }
            if let Some((kept, closed)) =
                contents.iter().find(|(kept, _)| kept.commitment == sealed.commitment)
            {
                facts.push(Unsealed {
                    sealed: entry.hash.clone(),
                    salt: kept.salt.clone(),
                    content: closed.clone(),
                });
            }
        }
        let votes = facts.iter().filter(|fact| matches!(fact.content, Closed::Vote(_))).count();
        let minutes = facts.len() - votes;
        if facts.is_empty() {
            return Err(Undone::Asked(
                "expected something sealed whose content is here, found nothing; mend: nothing is to be done, or restore the closed sessions first".to_owned(),
            ));
        }
        for fact in facts {
            let staged = self.stage(by.event(self.now(), fact));
            self.or_drop(staged)?;
        }
        Ok(Released { votes, minutes, recorded: self.commit(None)? })
    }

    /// Whether someone may read what belongs to closed sessions.
    #[must_use]
    pub fn reads_closed_sessions(&self, user: &str) -> bool {
        Role::ALL
            .into_iter()
            .any(|role| role.reads_closed_sessions() && !self.conduct().grants(user, role).is_empty())
    }
}
