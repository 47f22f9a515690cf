//! `trial bundle`, `trial restore`: a whole trial in one file, and back.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use posology_record::bundle::{self, Reader, restore_sealed, write_sealed};
use posology_record::ledger::{Head, Ledger, Location};
use posology_trial::event::{AccessKind, Exported, Fact, Kind, Role, canonical, sha256};
use serde::{Deserialize, Serialize};

use crate::desk::{self, Identity};
use crate::failure::Failure;
use crate::folder::{Folder, location, write_atomically};
use crate::output;
use posology_record::desk::Desk;

#[derive(Args)]
pub(crate) struct Bundle {
    /// Folder of the trial
    dir: PathBuf,
    /// File to write
    #[arg(long)]
    out: PathBuf,
    /// File for the contents of closed sessions too: for members of the committee alone
    #[arg(long)]
    sealed: Option<PathBuf>,
    /// File for the accounts too, their keys locked by passwords: for administrators alone
    #[arg(long)]
    accounts: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
}

/// Writes the bundle, and records that a copy left.
pub(crate) fn bundle(args: &Bundle, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Exported)?;
    let user = by.user.clone();
    let trial = desk.record().trial().to_owned();
    let may = |desk: &Desk, role: Role, what: &str| {
        if desk.conduct().grants(&user, role).is_empty() {
            return Err(Failure::input(format!(
                "--{what}: expected {}, found {user}; mend: let one of them take it",
                role.word()
            )));
        }
        Ok(())
    };
    let mut written = vec![(args.out.clone(), {
        let mut bytes = Vec::new();
        bundle::export(desk.record_mut().ledger(), &trial, &mut bytes).map_err(Failure::input)?;
        bytes
    })];
    let mut read = false;
    if let Some(path) = &args.sealed {
        may(&desk, Role::CommitteeMember, "sealed")?;
        let head = Head::of(desk.record().chain());
        let contents = desk.record_mut().ledger().sealed(&trial).map_err(Failure::input)?;
        let mut bytes = Vec::new();
        write_sealed(&trial, &head, &contents, &mut bytes).map_err(Failure::input)?;
        written.push((path.clone(), bytes));
        read = true;
    }
    if let Some(path) = &args.accounts {
        may(&desk, Role::Administrator, "accounts")?;
        written.push((path.clone(), accounts(&mut desk, &trial)?));
    }
    for (path, bytes) in &written {
        write_atomically(path, bytes)?;
    }
    for (path, bytes) in &written {
        let what = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let fact = Exported { what, sha256: sha256(bytes), at: desk::now() };
        desk.stage(by.event(desk::now(), fact))?;
    }
    let recorded = desk.commit(None)?;
    if read {
        desk.note_access(&user, AccessKind::ClosedSessionRead, Some("contents exported"))?;
    }
    let names: Vec<String> = written.iter().map(|(path, _)| path.display().to_string()).collect();
    desk::say(&recorded, &format!("that {} left the record", names.join(", ")), json);
    Ok(())
}

/// The first line of a file of accounts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsHeader {
    accounts: String,
    trial: String,
}

const ACCOUNTS: &str = "posology-accounts/1";

/// An account as kept: its text is opaque here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountLine {
    body: String,
    name: String,
}

/// The file of accounts: name and text of each.
pub(crate) fn write_accounts(trial: &str, accounts: &[(String, String)]) -> Result<Vec<u8>, Failure> {
    let header = AccountsHeader { accounts: ACCOUNTS.to_owned(), trial: trial.to_owned() };
    let mut bytes = canonical(&header).map_err(Failure::fault)?.into_bytes();
    bytes.push(b'\n');
    for (name, body) in accounts {
        let line = AccountLine { body: body.clone(), name: name.clone() };
        bytes.extend(canonical(&line).map_err(Failure::fault)?.into_bytes());
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn accounts(desk: &mut Desk, trial: &str) -> Result<Vec<u8>, Failure> {
    let ledger = desk.record_mut().ledger();
    let mut kept = Vec::new();
    for name in ledger.account_names(trial).map_err(Failure::input)? {
        if let Some(stored) = ledger.account(trial, &name).map_err(Failure::input)? {
            kept.push((name, stored.body));
        }
    }
    write_accounts(trial, &kept)
}

/// The accounts of a file, for a trial.
fn read_accounts(path: &Path, trial: &str) -> Result<Vec<AccountLine>, Failure> {
    let bad = |line: usize, found: String| {
        Failure::input(format!(
            "{} line {line}: expected accounts of trial {trial} as `trial bundle --accounts` writes them, found {found}; mend: name such a file",
            path.display()
        ))
    };
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let mut lines = BufReader::new(file).lines().enumerate();
    let first = match lines.next() {
        Some((_, line)) => line.map_err(|error| Failure::unreadable(path, &error))?,
        None => String::new(),
    };
    let header: AccountsHeader = serde_json::from_str(&first).map_err(|error| bad(1, error.to_string()))?;
    if header.accounts != ACCOUNTS || header.trial != trial {
        return Err(bad(1, format!("{} of trial {}", header.accounts, header.trial)));
    }
    lines
        .map(|(place, line)| {
            let line = line.map_err(|error| Failure::unreadable(path, &error))?;
            serde_json::from_str(&line).map_err(|error| bad(place + 1, error.to_string()))
        })
        .collect()
}

#[derive(Args)]
pub(crate) struct Restore {
    /// Bundle, file of events, or folder with an events.ndjson
    from: PathBuf,
    /// Folder of the trial; made where there is none
    dir: PathBuf,
    /// File with the contents of closed sessions
    #[arg(long)]
    sealed: Option<PathBuf>,
    /// File with the accounts
    #[arg(long)]
    accounts: Option<PathBuf>,
}

/// What was restored.
struct Restored {
    trial: String,
    at: Location,
    head: Head,
    contents: u64,
    people: usize,
    notes: Vec<String>,
}

pub(crate) fn restore(args: &Restore, json: bool) -> Result<(), Failure> {
    let Restored { trial, at, head, contents, people, notes } = restored(args, json)?;
    if json {
        output::json(&serde_json::json!({
            "ok": true, "trial": trial, "record": at.shown(), "events": head.position, "head": head.hash,
            "sealed": contents, "accounts": people, "notes": notes,
        }));
        return Ok(());
    }
    output::text(&format!(
        "Restored {trial} into {}: {} events, each replayed and its signatures checked; the record ends in {}.",
        at.shown(),
        head.position,
        head.hash
    ));
    if contents > 0 || people > 0 {
        output::text(&format!(
            "Restored beside it: {contents} contents of closed sessions, {people} accounts."
        ));
    }
    for note in notes {
        output::text(&format!("Note: {note}."));
    }
    Ok(())
}

/// Restores a trial with everybody who can act in it, without a word.
pub(crate) fn rehearse(from: PathBuf, accounts: PathBuf, dir: PathBuf) -> Result<(), Failure> {
    restored(&Restore { from, dir, sealed: None, accounts: Some(accounts) }, false).map(|_| ())
}

fn restored(args: &Restore, json: bool) -> Result<Restored, Failure> {
    let from = if args.from.is_dir() { args.from.join("events.ndjson") } else { args.from.clone() };
    let open = || {
        let file = File::open(&from).map_err(|error| Failure::unreadable(&from, &error))?;
        Ok::<_, Failure>(BufReader::new(file))
    };
    // Replayed before anything is made: what could not have been recorded is refused here.
    let report = posology_record::verify::bundle(open()?, &Default::default());
    if !report.is_whole() {
        if json {
            output::json(&serde_json::json!({ "ok": false, "report": report }));
        } else {
            output::text(&report.to_string());
        }
        return Err(Failure::input(format!(
            "{}: expected a whole record, found one that is not; mend: restore it from its last good copy; nothing was written",
            from.display()
        )));
    }
    let Some(trial) = report.trial.clone() else {
        return Err(Failure::input(format!(
            "{}: expected the record of a founded trial, found a file of facts; mend: found the trial (`posology trial found`) and import them",
            from.display()
        )));
    };
    let accounts = args.accounts.as_deref().map(|path| read_accounts(path, &trial)).transpose()?;
    let text = protocol_text(open()?)?;
    if args.dir.join("trial.toml").exists() {
        let there = Folder::open(&args.dir)?.protocol.trial.id;
        if there != trial {
            return Err(Failure::input(format!(
                "{}: expected a folder of trial {trial}, or none, found one of {there}; mend: choose another folder; nothing was written",
                args.dir.display()
            )));
        }
    }
    fs::create_dir_all(&args.dir).map_err(|error| Failure::unreadable(&args.dir, &error))?;
    let at = location(&args.dir)?.unwrap_or_else(|| Location::File(args.dir.join("record.db")));
    let mut ledger = Ledger::open_or_create(&at).map_err(Failure::input)?;
    let reader = Reader::open(open()?).map_err(Failure::input)?;
    let (trial, head) = bundle::restore(reader, &mut ledger).map_err(Failure::input)?;
    let path = args.dir.join("trial.toml");
    let mut notes = Vec::new();
    if let Some(text) = text {
        match fs::read_to_string(&path) {
            Ok(there) if there == text => {}
            Ok(_) => notes.push(format!(
                "{} differs from the protocol adopted last; the record goes by the one adopted",
                path.display()
            )),
            Err(_) => write_atomically(&path, text.as_bytes())?,
        }
    }
    let mut contents = 0;
    if let Some(path) = &args.sealed {
        let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        contents = restore_sealed(BufReader::new(file), &mut ledger).map_err(Failure::input)?;
    }
    let people = accounts.as_ref().map_or(0, Vec::len);
    for account in accounts.into_iter().flatten() {
        ledger.put_account(&trial, &account.name, 0, &account.body).map_err(Failure::input)?;
    }
    Ok(Restored { trial, at, head, contents, people, notes })
}

/// The text of the protocol adopted last in a file of events.
fn protocol_text(input: impl std::io::BufRead) -> Result<Option<String>, Failure> {
    let mut text = None;
    for entry in Reader::open(input).map_err(Failure::input)? {
        if let Fact::ProtocolAdopted(adopted) = entry.map_err(Failure::input)?.event.fact {
            text = Some(adopted.text);
        }
    }
    Ok(text)
}
