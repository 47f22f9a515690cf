//! Whether a record is whole: nothing lost, nothing changed, nothing that could not have been recorded.
//!
//! Start at [`ledger`] or [`bundle`]; both give a [`Report`] of every check with what it counted, the first bad position
//! and why. Offline and without a key: whatever is needed stands in the record. What a record can not show by itself
//! (that its end is there, that it is the record of this trial and not another made whole) is asked of a head or a root
//! key noted elsewhere, [`Against`]; without them the report says what it rests on.
//!
//! Left out: whether what was recorded is true of the patients, and what only the source documents can tell.

mod packet;

use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

use posology_trial::conduct::Conduct;
use posology_trial::event::{BadRecord, Closed, ClosedKind, Entry, Fact, GENESIS, Kind, Sealed, canonical};
use serde::Serialize;

use crate::bundle::{BadBundle, Reader, commitment};
use crate::ledger::{Head, Ledger, LedgerError, SealedContent};
use crate::signature::KeyRing;

/// What is known from outside the record, to hold it against.
#[derive(Debug, Clone, Copy, Default)]
pub struct Against<'a> {
    /// A head noted elsewhere (on a packet, by a witness): an event of this hash must be in the record.
    pub head: Option<&'a str>,
    /// The trial's root key as it was noted at the founding.
    pub root_key: Option<&'a str>,
    /// Contents of closed sessions at hand.
    pub sealed: &'a [SealedContent],
    /// A folder of packet files.
    pub packets: Option<&'a Path>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}expected {expected}, found {found}; mend: {mend}", at(*.position))]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Position of the event, from 1; none where it is the record as a whole.
    pub position: Option<u64>,
    /// What must be.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub mend: String,
}

fn at(position: Option<u64>) -> String {
    position.map(|position| format!("event {position}: ")).unwrap_or_default()
}

/// One question asked of the whole record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Its name, such as `chain`.
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// How many were looked at.
    pub count: u64,
    /// Of what, such as `signatures`.
    pub of: &'static str,
    /// Why it could not be asked, if it could not.
    pub skipped: Option<String>,
    /// What is not as it must be, first position first.
    pub problems: Vec<Problem>,
}

impl Check {
    fn new(name: &'static str, asks: &'static str, of: &'static str) -> Self {
        Self { name, asks, count: 0, of, skipped: None, problems: Vec::new() }
    }

    fn bad(
        &mut self,
        position: impl Into<Option<u64>>,
        expected: impl Into<String>,
        found: impl Into<String>,
        mend: &str,
    ) {
        let (expected, found) = (expected.into(), found.into());
        self.problems.push(Problem { position: position.into(), expected, found, mend: mend.to_owned() });
    }
}

/// Every check of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The trial, if the record was founded.
    pub trial: Option<String>,
    /// The root key it was founded with.
    pub root_key: Option<String>,
    /// Events read.
    pub events: u64,
    /// Hash of the last of them.
    pub head: String,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// What the answer rests on, since nothing noted elsewhere was given.
    pub rests_on: Vec<String>,
}

impl Report {
    /// Whether nothing was found that is not as it must be.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.checks.iter().all(|check| check.problems.is_empty())
    }

    /// The first bad position and the check that found it; a problem of the whole record comes after those of its
    /// events.
    #[must_use]
    pub fn first(&self) -> Option<(&Check, &Problem)> {
        let all =
            self.checks.iter().flat_map(|check| check.problems.iter().map(move |problem| (check, problem)));
        all.min_by_key(|(_, problem)| problem.position.unwrap_or(u64::MAX))
    }

    /// A check by its name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}

/// No more problems of a check are printed.
const PRINTED: usize = 5;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trial =
            self.trial.as_deref().map_or("a file of facts".to_owned(), |trial| format!("trial {trial}"));
        writeln!(f, "{trial}: {} events, head {}", self.events, self.head)?;
        for check in &self.checks {
            let word = match (&check.skipped, check.problems.is_empty()) {
                (_, false) => "BAD",
                (Some(_), _) => "-",
                (None, true) => "ok",
            };
            writeln!(f, "  {word:<3} {:<11} {} {}: {}", check.name, check.count, check.of, check.asks)?;
            if let Some(why) = &check.skipped {
                writeln!(f, "        not asked: {why}")?;
            }
            for problem in check.problems.iter().take(PRINTED) {
                writeln!(f, "        {problem}")?;
            }
            if check.problems.len() > PRINTED {
                writeln!(f, "        and {} more", check.problems.len() - PRINTED)?;
            }
        }
        match self.first() {
            None => writeln!(f, "The record is whole.")?,
            Some((check, problem)) => {
                let place =
                    problem.position.map_or("its end".to_owned(), |position| format!("event {position}"));
                writeln!(f, "The record is NOT whole: first bad is {place} ({}).", check.name)?;
            }
        }
        for says in &self.rests_on {
            writeln!(f, "Rests on: {says}.")?;
        }
        Ok(())
    }
}

/// Verifies a trial of a ledger.
///
/// # Errors
/// If the store fails. What is wrong with the record stands in the report.
pub fn ledger(ledger: &mut Ledger, trial: &str, against: &Against<'_>) -> Result<Report, LedgerError> {
    let mut unreadable = Check::new("", "", "");
    let sealed = readable(ledger.sealed(trial), &mut unreadable, None)?;
    let sealed: Vec<SealedContent> = against.sealed.iter().cloned().chain(sealed).collect();
    let mut examination = Examination::new(&Against { sealed: &sealed, ..*against });
    examination.sealed.problems = unreadable.problems;
    let read = ledger.for_each::<LedgerError>(trial, 1, |position, line| {
        if examination.broken {
            return Ok(());
        }
        let expected = examination.head.position + 1;
        if position != expected {
            examination.broken = true;
            let found = format!("position {position}");
            examination.extent.bad(expected, format!("position {expected}"), found, RESTORE);
            return Ok(());
        }
        let place = usize::try_from(position).unwrap_or(usize::MAX);
        examination.take(Entry::of(&line.body, &line.hash, place).map_err(BadBundle::Record));
        Ok(())
    });
    let next = examination.head.position + 1;
    readable(read, &mut examination.format, next)?;
    examination.broken |= !examination.format.problems.is_empty();
    if examination.trial.as_deref().is_some_and(|founded| founded != trial) {
        let found = format!("that of {}", examination.trial.as_deref().unwrap_or_default());
        examination.extent.bad(1, format!("the record of {trial}"), found, RESTORE);
    }
    let appends = readable(ledger.appends(trial), &mut examination.rows, None)?;
    let end = readable(ledger.head(trial).map(Some), &mut examination.rows, None)?;
    examination.rows(&appends, &end.unwrap_or_else(Head::genesis));
    Ok(examination.finish(None))
}

/// What was read of a store. Rows that it cannot give are a finding of a check, not a failure to ask.
fn readable<T: Default>(
    read: Result<T, LedgerError>,
    check: &mut Check,
    position: impl Into<Option<u64>>,
) -> Result<T, LedgerError> {
    match read {
        Err(error @ LedgerError::Damaged { .. }) => {
            check.bad(position, "rows that can be read", error.to_string(), RESTORE);
            Ok(T::default())
        }
        other => other,
    }
}

/// Verifies a bundle, or a plain file of events, as it is read.
pub fn bundle(input: impl BufRead, against: &Against<'_>) -> Report {
    let mut examination = Examination::new(against);
    examination.rows.skipped = Some("a file has no rows beside its events".to_owned());
    let reader = match Reader::open(input) {
        Ok(reader) => reader,
        Err(error) => {
            examination.take(Err(error));
            return examination.finish(None);
        }
    };
    let header = reader.header().cloned();
    if header.is_none() {
        let says = "a plain file of events, without a header: that its end is there shows only by a head noted elsewhere";
        examination.rests_on.push(says.to_owned());
    }
    for entry in reader {
        examination.take(entry);
    }
    examination.finish(header.map(|header| Head { position: header.events, hash: header.head }))
}

const RESTORE: &str = "restore the record from its last good copy, and keep this one for inquiry";
const ASK: &str = "ask who keeps the record; keep this copy for inquiry";

/// A record being looked at, event by event.
struct Examination<'a> {
    against: Against<'a>,
    trial: Option<String>,
    root_key: Option<String>,
    head: Head,
    /// Whether the chain broke: what comes after it cannot be judged.
    broken: bool,
    conduct: Conduct,
    /// Positions by hash.
    positions: HashMap<String, u64>,
    hashes: Vec<String>,
    keys: KeyRing,
    commitments: HashMap<String, (u64, Sealed)>,
    sealed_by: HashMap<String, Sealed>,
    format: Check,
    chain: Check,
    extent: Check,
    replay: Check,
    certificates: Check,
    signatures: Check,
    sealed: Check,
    cuts: Check,
    packets: Check,
    rows: Check,
    packet_files: Option<packet::Folder>,
    rests_on: Vec<String>,
}

impl<'a> Examination<'a> {
    fn new(against: &Against<'a>) -> Self {
        let mut packets = Check::new("packets", "packet files have the hashes frozen", "files");
        let packet_files = match against.packets.map(packet::Folder::read) {
            Some(Ok(folder)) => Some(folder),
            Some(Err(error)) => {
                packets.bad(None, "a folder of packet files", error, "name the folder where they are");
                None
            }
            None => {
                packets.skipped = Some("no folder of packet files was given".to_owned());
                None
            }
        };
        Self {
            against: *against,
            trial: None,
            root_key: None,
            head: Head::genesis(),
            broken: false,
            conduct: Conduct::default(),
            positions: HashMap::new(),
            hashes: Vec::new(),
            keys: KeyRing::default(),
            commitments: HashMap::new(),
            sealed_by: HashMap::new(),
            format: Check::new("format", "every byte is canonical", "events"),
            chain: Check::new("chain", "each hash follows from the one before and the bytes", "events"),
            extent: Check::new("extent", "first and last event are those stated", "events"),
            replay: Check::new("replay", "each event could be recorded where it stands", "events"),
            certificates: Check::new("certificates", "each key is certified by the root key", "keys"),
            signatures: Check::new(
                "signatures",
                "each is valid over its statement, by a key in force, on an earlier event",
                "signatures",
            ),
            sealed: Check::new("sealed", "contents at hand are those committed to", "contents"),
            cuts: Check::new("cuts", "position and head of each data cut are the chain's", "cuts"),
            packets,
            rows: Check::new("rows", "what each append left behind agrees with the events", "appends"),
            packet_files,
            rests_on: Vec::new(),
        }
    }

    /// Looks at the next event, or at why there is none.
    fn take(&mut self, entry: Result<Entry, BadBundle>) {
        if self.broken {
            return;
        }
        match entry {
            Ok(entry) => {
                self.format.count += 1;
                self.look(entry);
            }
            Err(error) => {
                self.broken = true;
                let next = self.head.position + 1;
                match error {
                    BadBundle::Record(BadRecord::Broken { expected, found, .. }) => {
                        let (expected, found) = (
                            format!("the hash {expected}"),
                            format!("{found}: an event was changed, removed or moved"),
                        );
                        self.chain.bad(next, expected, found, RESTORE);
                    }
                    BadBundle::Record(BadRecord::BadCorrection { found, .. }) => {
                        let expected = "a correction of an earlier event that stands";
                        self.replay.bad(next, expected, found, RESTORE);
                    }
                    BadBundle::OtherExtent { expected, found } => {
                        // The reader stops there: what is missing or too much begins after the shorter of both.
                        let first = expected.position.min(found.position)
                            + u64::from(expected.position != found.position);
                        let says =
                            |head: &Head| format!("{} events with the head {}", head.position, head.hash);
                        self.extent.bad(first, says(&expected), says(&found), RESTORE);
                    }
                    error @ BadBundle::HeaderDisagrees { .. } => {
                        self.extent.bad(1, "the header of this record", error.to_string(), RESTORE);
                    }
                    error => {
                        let expected = "canonical bytes of an event this program knows";
                        self.format.bad(next, expected, error.to_string(), RESTORE);
                    }
                }
            }
        }
    }

    fn look(&mut self, entry: Entry) {
        let position = self.head.position + 1;
        if !entry.follows(&self.head.hash) {
            self.broken = true;
            let expected = format!("the hash {}", entry.hash_after(&self.head.hash));
            let found = format!("{}: an event was changed, removed or moved", entry.hash);
            self.chain.bad(position, expected, found, RESTORE);
            return;
        }
        self.chain.count += 1;
        self.head = Head { position, hash: entry.hash.clone() };
        if self.trial.is_some() || position == 1 {
            self.signed(position, &entry);
        }
        self.facts(position, &entry);
        self.positions.insert(entry.hash.clone(), position);
        self.hashes.push(entry.hash.clone());
        // After the first that could not have been recorded, replay has no state to judge by.
        if self.replay.problems.is_empty() {
            match self.conduct.replay_next(entry) {
                Ok(()) => self.replay.count += 1,
                Err(illegal) => {
                    let refusal = &illegal.refusal;
                    let expected = format!("{} ({}, {})", refusal.expected, illegal.kind, refusal.rule);
                    self.replay.bad(position, expected, refusal.found.clone(), ASK);
                }
            }
        }
    }

    /// Keys, certificates and signatures.
    fn signed(&mut self, position: u64, entry: &Entry) {
        let (check, expected) = match entry.event.fact.kind() {
            Kind::Signature => {
                (&mut self.signatures, "a valid signature by a key in force, on an earlier event")
            }
            Kind::TrialFounded | Kind::KeyIssued | Kind::RootKeyRotated => {
                (&mut self.certificates, "a key certified by the trial's root key")
            }
            _ => {
                let _ = self.keys.take(entry);
                return;
            }
        };
        check.count += 1;
        if let Err(error) = self.keys.take(entry) {
            check.bad(position, expected, error.to_string(), ASK);
        }
    }

    fn facts(&mut self, position: u64, entry: &Entry) {
        match &entry.event.fact {
            Fact::TrialFounded(founded) if position == 1 => {
                self.trial = Some(founded.trial.clone());
                self.root_key = Some(founded.root_key.clone());
            }
            Fact::DataCut(frozen) => {
                self.cuts.count += 1;
                let at = frozen.cut.position.checked_sub(1);
                let hash = match at {
                    None => Some(GENESIS),
                    Some(at) => self.hashes.get(at).map(String::as_str),
                };
                if hash != Some(frozen.cut.head.as_str()) {
                    let expected = match hash {
                        Some(hash) => format!("the head {hash} at position {}", frozen.cut.position),
                        None => format!("a position up to {}", position - 1),
                    };
                    let found = format!("position {} with the head {}", frozen.cut.position, frozen.cut.head);
                    self.cuts.bad(position, expected, found, ASK);
                }
            }
            Fact::PacketFrozen(frozen) => {
                if let Some(folder) = &self.packet_files {
                    for file in &frozen.files {
                        match folder.holds(file) {
                            packet::Held::Same => self.packets.count += 1,
                            packet::Held::NotThere => {}
                            packet::Held::Other(hash) => {
                                let expected = format!("{} with SHA-256 {}", file.name, file.sha256);
                                self.packets.bad(position, expected, hash, "take the file that was frozen");
                            }
                        }
                    }
                }
            }
            Fact::Sealed(sealed) => {
                self.commitments.insert(sealed.commitment.clone(), (position, sealed.clone()));
                self.sealed_by.insert(entry.hash.clone(), sealed.clone());
            }
            Fact::Unsealed(unsealed) => {
                self.sealed.count += 1;
                let found = match self.sealed_by.get(&unsealed.sealed) {
                    None => Err("the hash of no earlier commitment".to_owned()),
                    Some(sealed) => opens(sealed, &unsealed.salt, &unsealed.content),
                };
                if let Err(found) = found {
                    self.sealed.bad(position, "the content of the commitment it names", found, ASK);
                }
            }
            _ => {}
        }
    }

    /// Contents of closed sessions that are at hand, against what was committed to.
    fn contents(&mut self) {
        for content in self.against.sealed {
            self.sealed.count += 1;
            let Some((position, sealed)) = self.commitments.get(&content.commitment) else {
                let found = format!("{}, stated by no event", content.commitment);
                self.sealed.bad(None, "a commitment of the record", found, ASK);
                continue;
            };
            let found = serde_json::from_str::<Closed>(&content.content)
                .map_err(|error| error.to_string())
                .and_then(|closed| match canonical(&closed) {
                    Ok(bytes) if bytes == content.content => opens(sealed, &content.salt, &closed),
                    _ => Err("content that is not canonical".to_owned()),
                });
            if let Err(found) = found {
                self.sealed.bad(*position, "the content committed to", found, ASK);
            }
        }
    }

    /// What appends left behind names positions and hashes of the record, and the last of them its end.
    fn rows(&mut self, appends: &[Head], end: &Head) {
        for append in appends {
            self.rows.count += 1;
            let at = usize::try_from(append.position).unwrap_or(usize::MAX).checked_sub(1);
            let hash = at.and_then(|at| self.hashes.get(at));
            if !self.broken && hash != Some(&append.hash) {
                let expected = format!("an event with the hash {}, as its append left it", append.hash);
                let found = hash.map_or("no such event".to_owned(), |hash| format!("the hash {hash}"));
                self.rows.bad(append.position, expected, found, RESTORE);
            }
        }
        let last = appends.last().cloned().unwrap_or_else(Head::genesis);
        if !self.broken && last.position < end.position {
            let expected = format!("an end at position {}, as the last append left it", last.position);
            self.rows.bad(last.position + 1, expected, format!("position {}", end.position), RESTORE);
        }
    }

    fn finish(mut self, stated: Option<Head>) -> Report {
        self.extent.count = self.head.position;
        if let Some(stated) = stated.filter(|stated| !self.broken && *stated != self.head) {
            let says = |head: &Head| format!("{} events with the head {}", head.position, head.hash);
            self.extent.bad(None, says(&stated), says(&self.head), RESTORE);
        }
        match self.against.head {
            Some(head) if head != GENESIS && !self.positions.contains_key(head) => {
                let found = format!("none among {} events; the head is {}", self.head.position, self.head.hash);
                self.extent.bad(None, format!("an event with the hash {head}, noted elsewhere"), found, ASK);
            }
            Some(_) => {}
            None => self.rests_on.push(
                "the record's own end; a head noted elsewhere (a packet, a witness) would show that the record was not written anew".to_owned(),
            ),
        }
        match (self.against.root_key, self.root_key.as_deref()) {
            (Some(expected), found) if found != Some(expected) => {
                let found = found.unwrap_or("none").to_owned();
                self.certificates.bad(1, format!("the root key {expected}, noted elsewhere"), found, ASK);
            }
            (None, Some(root)) => self.rests_on.push(format!(
                "the root key {root} as the record states it; compare it with the one noted when the trial was founded"
            )),
            _ => {}
        }
        if self.trial.is_none() {
            for check in [&mut self.certificates, &mut self.signatures] {
                check.skipped = Some("the record was never founded: it has no keys".to_owned());
            }
        }
        self.contents();
        let committed = self.commitments.len();
        if committed > 0 && self.against.sealed.is_empty() && self.sealed.count == 0 {
            self.sealed.skipped = Some(format!("the contents of {committed} commitments are not at hand"));
        }
        Report {
            trial: self.trial,
            root_key: self.root_key,
            events: self.head.position,
            head: self.head.hash,
            checks: vec![
                self.format,
                self.chain,
                self.extent,
                self.replay,
                self.certificates,
                self.signatures,
                self.sealed,
                self.cuts,
                self.packets,
                self.rows,
            ],
            rests_on: self.rests_on,
        }
    }
}

/// Whether salt and content are what was committed to, of the kind and review stated.
fn opens(sealed: &Sealed, salt: &str, content: &Closed) -> Result<(), String> {
    let bytes = canonical(content).map_err(|error| error.to_string())?;
    let found = commitment(salt, &bytes);
    if found != sealed.commitment {
        return Err(format!("the commitment {found} instead of {}", sealed.commitment));
    }
    let (kind, review) = match content {
        Closed::Vote(vote) => (ClosedKind::Vote, vote.review),
        Closed::Minutes(minutes) => (ClosedKind::Minutes, minutes.review),
    };
    if (kind, review) == (sealed.kind, sealed.review) {
        return Ok(());
    }
    Err(format!("{kind:?} of review {review} where {:?} of review {} was sealed", sealed.kind, sealed.review))
}
