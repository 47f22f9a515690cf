//! `trial sign`, `trial vote`, `trial seal`, `trial tally`, `trial unseal`: signatures and closed sessions.

use std::path::PathBuf;

use clap::Args;
use posology_record::desk::VoteCast;
use posology_trial::event::{Choice, Closed, Kind, Meaning, Minutes, Recommended, SessionKind};
use serde_json::json;

use crate::desk::{self, Identity};
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
    let (_, mut desk) = desk::open(&args.dir)?;
    let (position, hash, event) = desk.find(&args.event)?;
    let what = format!(
        "event {position}, recorded by {} at {}\n  {}",
        event.recorded_by,
        event.recorded_at,
        desk::in_words(&event.fact)
    );
    let role = desk::role(&desk, &args.identity, Kind::Signature)?;
    if !as_json {
        output::text(&format!("To be signed, as {}, for {}: {what}\n  {hash}", role.word(), args.meaning));
    }
    let authenticated = desk::sign_in(&mut desk, &args.identity)?;
    let recorded = desk.sign(authenticated, role, meaning, &hash)?;
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
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Sealed)?;
    let (review, next_cohort, written) = (args.review, args.next_cohort.clone(), args.written);
    let recorded = desk.vote(&by, VoteCast { review, motion, next_cohort, choice, written })?;
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
    let (_, mut desk) = desk::open(&args.dir)?;
    let minutes = Minutes { review: args.review, session, text, actions: args.action.clone() };
    let by = desk::acting(&mut desk, &args.identity, Kind::Sealed)?;
    let recorded = desk.seal(&by, Closed::Minutes(minutes))?;
    desk::say(&recorded, &format!("minutes of review {}, sealed", args.review), as_json);
    Ok(())
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
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Sealed)?;
    let tally = desk.tally(&by, args.review)?;
    if as_json {
        output::json(&json!(tally));
        return Ok(());
    }
    let [for_it, against, abstained] = tally.votes;
    output::text(&format!(
        "Review {}: {for_it} for, {against} against, {abstained} abstained ({} voted).{}",
        tally.review,
        tally.voted.join(", "),
        tally
            .casting
            .map(|choice| format!(" The chair's casting vote: {choice:?}.").to_lowercase())
            .unwrap_or_default()
    ));
    Ok(())
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
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Unsealed)?;
    let released = desk.unseal(&by)?;
    let what = format!("{} votes and {} minutes, unsealed", released.votes, released.minutes);
    desk::say(&released.recorded, &what, as_json);
    Ok(())
}
