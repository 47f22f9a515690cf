//! `posology trial …`: the verbs of a trial.

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    bundle, check, export, found, history, import, people, randomise, record, sign, status, synthesize,
    verify,
};
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum TrialCommand {
    /// Begin a trial: write a commented protocol file
    New(found::New),
    /// Check the protocol file and list every problem with its place
    Check {
        /// Folder of the trial, or its trial.toml
        dir: PathBuf,
    },
    /// Begin the trial's record: its root key, its founder, its protocol
    Found(found::Found),
    /// Record a person: name, roles, key and account
    Person(people::NewPerson),
    /// Passwords, second factors, locks
    #[command(subcommand)]
    Account(people::AccountCommand),
    /// Record one event: `posology trial record DIR` lists the kinds, `… DIR EVENT --help` the options of one
    Record {
        /// Folder of the trial
        dir: PathBuf,
        /// Kind of event and its options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        event: Vec<String>,
    },
    /// Allocate a subject to the next arm of the list, by the seed; or check all allocations
    Randomise(randomise::Randomise),
    /// Sign an event
    Sign(sign::Sign),
    /// Cast a vote of the committee; it is sealed
    Vote(sign::CastVote),
    /// Seal the minutes of a closed session
    Seal(sign::SealMinutes),
    /// Count the sealed votes of a review, for members of the committee
    Tally(sign::Tally),
    /// Release votes and closed minutes, once the database is locked
    Unseal(sign::UnsealAll),
    /// Import SDTM data sets (CSV, XPT, Dataset-JSON) into the trial's events
    Import(import::Import),
    /// Export the data sets of the trial at a cut: SDTM as Dataset-JSON, XPT or CSV, with Define-XML
    Export(export::Export),
    /// The board: cohorts, patients, windows, what is awaited and what is overdue
    Status {
        /// Folder of the trial
        dir: PathBuf,
        /// Clinical cut-off, such as 2019-05-03 or 2019-05-03T12:00:00Z [default: the last recorded fact]
        #[arg(long)]
        cut: Option<String>,
    },
    /// Everything recorded of one patient, with corrections, signatures and flags
    History {
        /// Folder of the trial
        dir: PathBuf,
        /// Subject id
        subject: String,
    },
    /// Whether the record, or a bundle, is whole: chain, signatures, replay
    Verify(verify::Verify),
    /// Write the whole trial as one file
    Bundle(bundle::Bundle),
    /// Restore a trial from a bundle or a file of events into a fresh record
    Restore(bundle::Restore),
    /// Write a synthetic trial from the protocol, its versions and its plan (patients.toml)
    Synthesize(synthesize::Synthesize),
}

pub(crate) fn run(command: TrialCommand, json: bool) -> Result<(), Failure> {
    match command {
        TrialCommand::New(new) => found::new(&new, json),
        TrialCommand::Check { dir } => check::run(&dir, json),
        TrialCommand::Found(founding) => found::found(&founding, json),
        TrialCommand::Person(person) => people::person(&person, json),
        TrialCommand::Account(account) => people::account(&account, json),
        TrialCommand::Record { dir, event } => record::run(&dir, &event, json),
        TrialCommand::Randomise(randomise) => randomise::run(&randomise, json),
        TrialCommand::Sign(signature) => sign::sign(&signature, json),
        TrialCommand::Vote(vote) => sign::vote(&vote, json),
        TrialCommand::Seal(minutes) => sign::seal_minutes(&minutes, json),
        TrialCommand::Tally(tally) => sign::tally(&tally, json),
        TrialCommand::Unseal(unseal) => sign::unseal(&unseal, json),
        TrialCommand::Import(import) => import::run(&import, json),
        TrialCommand::Export(import) => export::run(&import, json),
        TrialCommand::Status { dir, cut } => status::run(&dir, cut.as_deref(), json),
        TrialCommand::History { dir, subject } => history::run(&dir, &subject, json),
        TrialCommand::Verify(verify) => verify::run(&verify, json),
        TrialCommand::Bundle(bundle) => bundle::bundle(&bundle, json),
        TrialCommand::Restore(restore) => bundle::restore(&restore, json),
        TrialCommand::Synthesize(synthesize) => synthesize::run(&synthesize),
    }
}
