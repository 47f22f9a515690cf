//! `trial sign`, `trial vote`, `trial seal`, `trial tally`, `trial unseal`: signatures and closed sessions.

use std::path::PathBuf;

use clap::Args;
use posology_record::ledger::SealedContent;
use posology_trial::committee::{count, packet_digest, review, seal};
use posology_trial::event::{
    AccessKind, Choice, Closed, Fact, Kind, Meaning, Minutes, Recommended, SessionKind, Unsealed, Vote,
    canonical,
};
use serde_json::json;

use crate::desk::{self, Desk, Identity, actor, entropy};
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct Sign {
    /// Folder of the trial
    dir: PathBuf,
    /// What to sign: the position of an event, or its hash (8 digits at least)
    event: String,
    /// What the signature means: authorship, review, approval, responsibility or verification
    #[arg(long)]
    meaning: String,
    #[command(flatten)]
    identity: Identity,
}

/// A meaning by its word.
pub(crate) fn meaning(word: &str) -> Result<Meaning, Failure> {
    Meaning::ALL.into_iter().find(|meaning| meaning.word() == word).ok_or_else(|| {
        let known: Vec<&str> = Meaning::ALL.into_iter().map(Meaning::word).collect();
        Failure::input(format!(
            "--meaning: expected one of {}, found {word:?}; mend: write it so",
            known.join(", ")
        ))
    })
}

pub(crate) fn sign(args: &Sign, as_json: bool) -> Result<(), Failure> {
    let meaning = meaning(&args.meaning)?;
    let mut desk = Desk::open(&args.dir)?;
    let (position, hash, event) = desk.find(&args.event)?;
    let what = format!(
        "event {position}, recorded by {} at {}\n  {}",
        event.recorded_by,
        event.recorded_at,
        desk::in_words(&event.fact)
    );
    let role = desk.role(&args.identity, Kind::Signature)?;
    if !as_json {
        output::text(&format!("To be signed, as {}, for {}: {what}\n  {hash}", role.word(), args.meaning));
    }
    let authenticated = desk.sign_in(&args.identity)?;
    desk.stage_signature(authenticated, role, meaning, &hash)?;
    let recorded = desk.commit(None)?;
    desk::say(&recorded, &format!("a signature on event {position} ({})", args.meaning), as_json);
    Ok(())
}

#[derive(Args)]
pub(crate) struct CastVote {
    /// Folder of the trial
    dir: PathBuf,
    /// Number of the review
    #[arg(long)]
    review: u32,
    /// The recommendation voted on, such as escalate, stay or hold
    #[arg(long)]
    motion: String,
    /// The cohort that it would open
    #[arg(long)]
    next_cohort: Option<String>,
    /// The vote: for, against or abstain
    #[arg(long)]
    choice: String,
    /// It is cast in writing, after the meeting
    #[arg(long)]
    written: bool,
    #[command(flatten)]
    identity: Identity,
}

fn word<T: serde::de::DeserializeOwned>(option: &str, word: &str, known: &str) -> Result<T, Failure> {
    serde_json::from_value(json!(word)).map_err(|_| {
        Failure::input(format!("--{option}: expected one of {known}, found {word:?}; mend: write it so"))
    })
}

pub(crate) fn vote(args: &CastVote, as_json: bool) -> Result<(), Failure> {
    let motion: Recommended = word(
        "motion",
        &args.motion,
        "escalate, escalate-intermediate, stay, change-schedule, de-escalate, declare, hold, suspend, terminate",
    )?;
    let choice: Choice = word("choice", &args.choice, "for, against, abstain")?;
    let mut desk = Desk::open(&args.dir)?;
    let user = args.identity.user()?.to_owned();
    let Some((_, packet)) = review(desk.record.conduct(), args.review).packet else {
        return Err(Failure::input(format!(
            "review {}: expected a packet to vote on, found none; mend: freeze it first (`posology review`)",
            args.review
        )));
    };
    let packet = packet_digest(&packet.files).map_err(Failure::fault)?;
    let vote = Vote {
        review: args.review,
        user,
        motion,
        next_cohort: args.next_cohort.clone(),
        choice,
        written: args.written,
        packet,
    };
    let recorded = sealed(&mut desk, &args.identity, Closed::Vote(vote))?;
    desk::say(&recorded, &format!("a vote on review {}, sealed", args.review), as_json);
    Ok(())
}

#[derive(Args)]
pub(crate) struct SealMinutes {
    /// Folder of the trial
    dir: PathBuf,
    /// Number of the review
    #[arg(long)]
    review: u32,
    /// Session: closed or executive
    #[arg(long, default_value = "closed")]
    session: String,
    /// File with the minutes
    #[arg(long)]
    minutes: PathBuf,
    /// An action item; may be repeated
    #[arg(long)]
    action: Vec<String>,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) fn seal_minutes(args: &SealMinutes, as_json: bool) -> Result<(), Failure> {
    let session: SessionKind = word("session", &args.session, "closed, executive")?;
    let text =
        std::fs::read_to_string(&args.minutes).map_err(|error| Failure::unreadable(&args.minutes, &error))?;
    let mut desk = Desk::open(&args.dir)?;
    let minutes = Minutes { review: args.review, session, text, actions: args.action.clone() };
    let recorded = sealed(&mut desk, &args.identity, Closed::Minutes(minutes))?;
    desk::say(&recorded, &format!("minutes of review {}, sealed", args.review), as_json);
    Ok(())
}

/// Seals a content: its commitment into the record, itself beside it.
fn sealed(desk: &mut Desk, identity: &Identity, content: Closed) -> Result<desk::Recorded, Failure> {
    let role = desk.role(identity, Kind::Sealed)?;
    let user = identity.user()?.to_owned();
    let salt: String = entropy::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let fact = seal(&content, &salt).map_err(Failure::fault)?;
    let kept = SealedContent {
        commitment: fact.commitment.clone(),
        salt,
        content: canonical(&content).map_err(Failure::fault)?,
    };
    desk.sign_in(identity)?;
    desk.stage(actor(&user, role).event(desk::now(), fact))?;
    // The content first: a commitment whose content is lost could never be opened.
    let trial = desk.record.trial().to_owned();
    desk.record.ledger().keep_sealed(&trial, &kept).map_err(Failure::input)?;
    desk.commit(None)
}

#[derive(Args)]
pub(crate) struct Tally {
    /// Folder of the trial
    dir: PathBuf,
    /// Number of the review
    #[arg(long)]
    review: u32,
    #[command(flatten)]
    identity: Identity,
}

/// The votes of a review, for the eyes of the committee; that they were read is recorded.
pub(crate) fn tally(args: &Tally, as_json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&args.dir)?;
    let role = desk.role(&args.identity, Kind::Sealed)?;
    let user = args.identity.user()?.to_owned();
    desk.sign_in(&args.identity)?;
    if !role.reads_closed_sessions() || desk.record.conduct().grants(&user, role).is_empty() {
        return Err(Failure::input(format!(
            "expected a member of the committee, found {user} as {}; mend: closed sessions are for its members alone",
            role.word()
        )));
    }
    desk.note_access(
        &user,
        AccessKind::ClosedSessionRead,
        Some(&format!("votes of review {}", args.review)),
    )?;
    let contents: Vec<Closed> = contents(&mut desk)?
        .into_iter()
        .map(|(_, closed)| closed)
        .filter(|closed| matches!(closed, Closed::Vote(_)))
        .collect();
    let conduct = desk.record.conduct();
    let charter = conduct.protocol().and_then(|protocol| protocol.committee.as_ref()).ok_or_else(|| {
        Failure::input("expected a committee in the protocol, found none; mend: adopt one with [committee]")
    })?;
    let (votes, casting) = count(conduct, charter, args.review, &contents);
    let voted = review(conduct, args.review).voted;
    if as_json {
        output::json(&json!({ "review": args.review, "votes": votes, "casting": casting, "voted": voted }));
        return Ok(());
    }
    let [for_it, against, abstained] = votes;
    output::text(&format!(
        "Review {}: {for_it} for, {against} against, {abstained} abstained ({} voted).{}",
        args.review,
        voted.join(", "),
        casting
            .map(|choice| format!(" The chair's casting vote: {choice:?}.").to_lowercase())
            .unwrap_or_default()
    ));
    Ok(())
}

fn contents(desk: &mut Desk) -> Result<Vec<(SealedContent, Closed)>, Failure> {
    let trial = desk.record.trial().to_owned();
    desk.record
        .ledger()
        .sealed(&trial)
        .map_err(Failure::input)?
        .into_iter()
        .map(|sealed| {
            let closed = serde_json::from_str(&sealed.content).map_err(Failure::fault)?;
            Ok((sealed, closed))
        })
        .collect()
}

#[derive(Args)]
pub(crate) struct UnsealAll {
    /// Folder of the trial
    dir: PathBuf,
    #[command(flatten)]
    identity: Identity,
}

/// Releases every content of closed sessions, once the database is locked.
pub(crate) fn unseal(args: &UnsealAll, as_json: bool) -> Result<(), Failure> {
    let mut desk = Desk::open(&args.dir)?;
    let role = desk.role(&args.identity, Kind::Unsealed)?;
    let user = args.identity.user()?.to_owned();
    desk.sign_in(&args.identity)?;
    let contents = contents(&mut desk)?;
    let conduct = desk.record.conduct();
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
        if let Some((kept, closed)) = contents.iter().find(|(kept, _)| kept.commitment == sealed.commitment) {
            facts.push(Unsealed {
                sealed: entry.hash.clone(),
                salt: kept.salt.clone(),
                content: closed.clone(),
            });
        }
    }
    let votes = facts.iter().filter(|fact| matches!(fact.content, Closed::Vote(_))).count();
    let what = format!("{votes} votes and {} minutes, unsealed", facts.len() - votes);
    if facts.is_empty() {
        return Err(Failure::input(
            "expected something sealed whose content is here, found nothing; mend: nothing is to be done, or restore the closed sessions first",
        ));
    }
    for fact in facts {
        desk.stage(actor(&user, role).event(desk::now(), fact))?;
    }
    let recorded = desk.commit(None)?;
    desk::say(&recorded, &what, as_json);
    Ok(())
}
