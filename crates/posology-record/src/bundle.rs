//! A whole trial as one file that a stranger can verify, and back into a ledger without a changed byte.
//!
//! Start at [`write()`] or [`export`], and at [`Reader`] for the way back. Line 1 is a [`Header`], each line after it an
//! event with its hash; every byte is canonical, so that the same record is the same file, from SQLite or PostgreSQL.
//! The format is documented byte for byte in the book ("The bundle"). A file of events without a header
//! (`events.ndjson`) is read too, as a lesser form: it cannot tell that its end is missing.
//!
//! What belongs to closed sessions never stands in a bundle; it travels in a file of its own, on demand and for the
//! committee ([`write_sealed`], [`read_sealed`]).

use std::io::{self, BufRead, Read as _, Write};

use posology_trial::event::{BadRecord, Chain, Closed, Entry, Event, Fact, TrialFounded, canonical, sha256};
use serde::{Deserialize, Serialize};

use crate::ledger::{Head, Ledger, LedgerError, Line, SealedContent};

/// The format's name and version, as the header states it.
pub const FORMAT: &str = "posology-bundle/1";

/// The name and version of the file of closed sessions.
pub const SEALED_FORMAT: &str = "posology-sealed/1";

/// No line is longer, in bytes: a longer one is refused before it is read into memory.
pub const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Header {
    /// The format, `posology-bundle/1`.
    pub bundle: String,
    /// Number of events.
    pub events: u64,
    /// Hash of the last event.
    pub head: String,
    /// The trial's root key as it was founded, 64 hexadecimal digits.
    pub root_key: String,
    /// The trial's id.
    pub trial: String,
}

/// The first line of a file of closed sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SealedHeader {
    /// Number of contents.
    pub contents: u64,
    /// Hash of the last event of the record at that time.
    pub head: String,
    /// The format, `posology-sealed/1`.
    pub sealed: String,
    /// The trial's id.
    pub trial: String,
}

/// A file that is no whole bundle, or a record that cannot be one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadBundle {
    /// Reading or writing failed.
    #[error(
        "line {line}: expected bytes to read or room to write, found {source}; mend: see the disk, and try again"
    )]
    Unreachable {
        /// Line, from 1.
        line: u64,
        /// What happened.
        source: io::Error,
    },
    /// A line beyond the limit.
    #[error(
        "line {line}: expected at most {LINE_LIMIT} bytes, found more; mend: this is no bundle; restore it from its last good copy"
    )]
    TooLong {
        /// Line, from 1.
        line: u64,
    },
    /// Bytes that are no UTF-8.
    #[error(
        "line {line}: expected UTF-8, found other bytes from byte {byte} on; mend: restore the file from its last good copy"
    )]
    NotText {
        /// Line, from 1.
        line: u64,
        /// Byte of the line, from 1.
        byte: usize,
    },
    /// A last line without its newline.
    #[error(
        "line {line}: expected a newline (byte 0A) at its end, found the end of the file; mend: restore the file from its last good copy"
    )]
    Unended {
        /// Line, from 1.
        line: u64,
    },
    /// A first line that is neither header nor event.
    #[error(
        "line 1: expected the header of {format}, canonical, found {found}; mend: restore the file from its last good copy"
    )]
    NotAHeader {
        /// The format asked for.
        format: &'static str,
        /// What was found, in a few words.
        found: String,
    },
    /// Another version of the format.
    #[error(
        "line 1: expected {format}, found {found:?}; mend: read it with the version of the program that wrote it, or a later one"
    )]
    OtherFormat {
        /// The format known here.
        format: &'static str,
        /// The format found.
        found: String,
    },
    /// A line that is no event, is not canonical or does not follow.
    #[error("{}", of_line(.0))]
    Record(#[from] BadRecord),
    /// The header says something else than the founding.
    #[error(
        "line 1: expected the {key} of the founding, {expected:?}, found {found:?}; mend: restore the file from its last good copy"
    )]
    HeaderDisagrees {
        /// The key of the header.
        key: &'static str,
        /// What the first event says.
        expected: String,
        /// What the header says.
        found: String,
    },
    /// Fewer or more events than the header says, or another head.
    #[error(
        "expected {} events with the head {}, as the header says, found {} with the head {}; mend: the file's end is missing, or something was added: restore it from its last good copy",
        expected.position, expected.hash, found.position, found.hash
    )]
    OtherExtent {
        /// What the header says.
        expected: Head,
        /// What was found.
        found: Head,
    },
    /// A record that was never founded.
    #[error(
        "expected a record that begins with the founding of a trial, found {found}; mend: found the trial first (`posology trial found`); a mere file of facts stays `events.ndjson`"
    )]
    NotFounded {
        /// What stands first.
        found: String,
    },
    /// The ledger has a record of this trial.
    #[error(
        "expected no record of trial {trial:?}, found {events} events; mend: restore into an empty ledger"
    )]
    Present {
        /// The trial.
        trial: String,
        /// Number of events found.
        events: u64,
    },
    /// A content whose commitment is not that of its bytes, or not in the record.
    #[error(
        "line {line}: expected the content of a commitment in the record, found {found}; mend: ask the committee for the file again"
    )]
    NotSealed {
        /// Line, from 1.
        line: u64,
        /// What was found.
        found: String,
    },
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The same words, of whichever file it is.
fn of_line(error: &BadRecord) -> String {
    let text = error.to_string();
    text.strip_prefix("events.ndjson ").map(str::to_owned).unwrap_or(text)
}

fn founding(event: Option<&Event>) -> Result<&TrialFounded, BadBundle> {
    match event.map(|event| &event.fact) {
        Some(Fact::TrialFounded(founded)) => Ok(founded),
        Some(fact) => Err(BadBundle::NotFounded { found: fact.kind().name().to_owned() }),
        None => Err(BadBundle::NotFounded { found: "no event".to_owned() }),
    }
}

fn header(founded: &TrialFounded, head: &Head) -> Header {
    Header {
        bundle: FORMAT.to_owned(),
        events: head.position,
        head: head.hash.clone(),
        root_key: founded.root_key.clone(),
        trial: founded.trial.clone(),
    }
}

fn put(out: &mut impl Write, line: u64, text: &str) -> Result<(), BadBundle> {
    let done = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    done.map_err(|source| BadBundle::Unreachable { line, source })
}

/// Writes a record as a bundle and returns its header.
///
/// # Errors
/// Where it was never founded, or writing fails.
pub fn write(chain: &Chain, out: &mut impl Write) -> Result<Header, BadBundle> {
    let founded = founding(chain.entries().first().map(|entry| &entry.event))?;
    let header = header(founded, &Head::of(chain));
    put(out, 1, &canonical(&header)?)?;
    for (entry, line) in chain.entries().iter().zip(2..) {
        put(out, line, &entry.write())?;
    }
    out.flush().map_err(|source| BadBundle::Unreachable { line: header.events + 1, source })?;
    Ok(header)
}

/// Writes a trial of a ledger as a bundle, event by event, and returns its header. What others append meanwhile is not
/// in it. Whatever was written before an error is no bundle: write to a temporary file and rename it.
///
/// # Errors
/// Where the trial was never founded, an event is not canonical or does not follow, or reading or writing fails.
pub fn export(ledger: &mut Ledger, trial: &str, out: &mut impl Write) -> Result<Header, BadBundle> {
    let end = ledger.head(trial)?;
    if end.position == 0 {
        return Err(BadBundle::NotFounded { found: "no event".to_owned() });
    }
    let mut written: Option<Header> = None;
    let mut last = Head::genesis();
    ledger.for_each::<BadBundle>(trial, 1, |position, stored| {
        if last.position >= end.position {
            return Ok(());
        }
        let line = usize::try_from(position).unwrap_or(usize::MAX);
        let entry = Entry::of(&stored.body, &stored.hash, line)?;
        let expected = entry.hash_after(&last.hash);
        if expected != entry.hash || position != last.position + 1 {
            return Err(BadRecord::Broken { line, expected, found: entry.hash }.into());
        }
        if written.is_none() {
            let header = header(founding(Some(&entry.event))?, &end);
            put(out, 1, &canonical(&header)?)?;
            written = Some(header);
        }
        put(out, position + 1, &entry.write())?;
        last = Head { position, hash: entry.hash };
        Ok(())
    })?;
    out.flush().map_err(|source| BadBundle::Unreachable { line: last.position + 1, source })?;
    match written {
        Some(header) if last == end => Ok(header),
        _ => Err(BadBundle::OtherExtent { expected: end, found: last }),
    }
}

/// Lines of at most [`LINE_LIMIT`] bytes, each ended by one newline.
struct Lines<R> {
    input: R,
    /// Number of the line read last, from 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, BadBundle> {
        let line = self.number + 1;
        let mut bytes = Vec::new();
        let limit = LINE_LIMIT as u64 + 2;
        (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut bytes)
            .map_err(|source| BadBundle::Unreachable { line, source })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        if bytes.len() > LINE_LIMIT {
            return Err(BadBundle::TooLong { line });
        }
        if !ended {
            return Err(BadBundle::Unended { line });
        }
        self.number = line;
        let text = String::from_utf8(bytes);
        text.map(Some)
            .map_err(|error| BadBundle::NotText { line, byte: error.utf8_error().valid_up_to() + 1 })
    }
}

/// Reads a bundle, or a plain file of events, as a stream of events whose bytes are canonical and whose hashes follow.
///
/// The iterator ends after the last event if the file is whole, or with the first error: a line that is not canonical or
/// does not follow, a count or head that is not the header's, bytes after the end. Memory is bounded by the longest
/// line.
pub struct Reader<R> {
    lines: Lines<R>,
    header: Option<Header>,
    /// The first line of a plain file, an event already.
    first: Option<String>,
    head: Head,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Where it is neither the header of a bundle nor an event.
    pub fn open(input: R) -> Result<Self, BadBundle> {
        let mut lines = Lines { input, number: 0 };
        let first = lines.next()?;
        let mut reader = Self { lines, header: None, first: None, head: Head::genesis(), ended: false };
        match first {
            Some(line) if line.starts_with("{\"event\":") => reader.first = Some(line),
            Some(line) => reader.header = Some(read_header(&line, FORMAT, |header: &Header| &header.bundle)?),
            None => {
                let found = "an empty file".to_owned();
                return Err(BadBundle::NotAHeader { format: FORMAT, found });
            }
        }
        Ok(reader)
    }

    /// The header; `None` for a plain file of events, whose end nothing vouches for.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Position and hash of the event read last.
    pub fn head(&self) -> &Head {
        &self.head
    }

    fn event(&mut self) -> Result<Option<Entry>, BadBundle> {
        let text = match self.first.take() {
            Some(first) => Some(first),
            None => self.lines.next()?,
        };
        let expected =
            self.header.as_ref().map(|header| Head { position: header.events, hash: header.head.clone() });
        let Some(text) = text else {
            return match expected {
                Some(_) if self.head.position == 0 => {
                    Err(BadBundle::NotFounded { found: "no event".to_owned() })
                }
                Some(expected) if expected != self.head => {
                    Err(BadBundle::OtherExtent { expected, found: self.head.clone() })
                }
                _ => Ok(None),
            };
        };
        let line = usize::try_from(self.lines.number).unwrap_or(usize::MAX);
        let entry = Entry::read(&text, line)?;
        let follows = entry.hash_after(&self.head.hash);
        if follows != entry.hash {
            return Err(BadRecord::Broken { line, expected: follows, found: entry.hash }.into());
        }
        self.head = Head { position: self.head.position + 1, hash: entry.hash.clone() };
        if let Some(expected) = expected.filter(|expected| self.head.position > expected.position) {
            return Err(BadBundle::OtherExtent { expected, found: self.head.clone() });
        }
        if let Some(header) = self.header.as_ref().filter(|_| self.head.position == 1) {
            let founded = founding(Some(&entry.event))?;
            for (key, expected, found) in
                [("trial", &founded.trial, &header.trial), ("root-key", &founded.root_key, &header.root_key)]
            {
                if expected != found {
                    let (expected, found) = (expected.clone(), found.clone());
                    return Err(BadBundle::HeaderDisagrees { key, expected, found });
                }
            }
        }
        Ok(Some(entry))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, BadBundle>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.event().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn read_header<H: Serialize + for<'de> Deserialize<'de>>(
    line: &str,
    format: &'static str,
    name: impl Fn(&H) -> &String,
) -> Result<H, BadBundle> {
    let not = |found: String| BadBundle::NotAHeader { format, found };
    if line.starts_with('\u{feff}') {
        return Err(not("a byte order mark".to_owned()));
    }
    let stated = serde_json::from_str::<serde_json::Value>(line).ok().and_then(|value| {
        let key = format.split_once('/').and_then(|(name, _)| name.strip_prefix("posology-"))?;
        value.get(key)?.as_str().map(str::to_owned)
    });
    if let Some(found) = stated.filter(|found| found != format) {
        return Err(BadBundle::OtherFormat { format, found });
    }
    let header: H = serde_json::from_str(line).map_err(|error| not(error.to_string()))?;
    if canonical(&header)? != line {
        return Err(not("other bytes than canonical ones".to_owned()));
    }
    if name(&header) == format { Ok(header) } else { Err(not("another format".to_owned())) }
}

/// Restores a record into a ledger that has none of this trial: every byte and hash, in one append. Returns the
/// trial and its head.
///
/// # Errors
/// Where the file is not whole, was never founded, or the ledger has a record of the trial. Nothing is written then.
pub fn restore(reader: Reader<impl BufRead>, ledger: &mut Ledger) -> Result<(String, Head), BadBundle> {
    let mut trial: Option<String> = None;
    let mut lines = Vec::new();
    for entry in reader {
        let entry = entry?;
        if trial.is_none() {
            trial = Some(founding(Some(&entry.event))?.trial.clone());
        }
        lines.push(Line { body: entry.canonical().to_owned(), hash: entry.hash });
    }
    let trial = trial.ok_or_else(|| BadBundle::NotFounded { found: "no event".to_owned() })?;
    let there = ledger.head(&trial)?;
    if there.position > 0 {
        return Err(BadBundle::Present { trial, events: there.position });
    }
    let appended = ledger.append(&trial, &Head::genesis(), &lines, None)?;
    Ok((trial, Head { position: appended.last, hash: appended.hash }))
}

/// A line of a file of closed sessions.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedLine {
    commitment: String,
    content: Closed,
    salt: String,
}

/// The commitment to a content: SHA-256 over the salt (64 hexadecimal digits) and the content's canonical JSON.
#[must_use]
pub fn commitment(salt: &str, content: &str) -> String {
    sha256(format!("{salt}{content}").as_bytes())
}

/// Writes the contents of closed sessions, in order of their commitments: for the committee's eyes. Recording who took
/// them is for the caller.
///
/// # Errors
/// Where a content does not read, or writing fails.
pub fn write_sealed(
    trial: &str,
    head: &Head,
    contents: &[SealedContent],
    out: &mut impl Write,
) -> Result<SealedHeader, BadBundle> {
    let header = SealedHeader {
        contents: contents.len() as u64,
        head: head.hash.clone(),
        sealed: SEALED_FORMAT.to_owned(),
        trial: trial.to_owned(),
    };
    put(out, 1, &canonical(&header)?)?;
    let mut contents: Vec<&SealedContent> = contents.iter().collect();
    contents.sort_by(|a, b| a.commitment.cmp(&b.commitment));
    for (sealed, line) in contents.into_iter().zip(2..) {
        let content = serde_json::from_str(&sealed.content)
            .map_err(|error| BadBundle::NotSealed { line, found: error.to_string() })?;
        let (commitment, salt) = (sealed.commitment.clone(), sealed.salt.clone());
        put(out, line, &canonical(&SealedLine { commitment, content, salt })?)?;
    }
    out.flush().map_err(|source| BadBundle::Unreachable { line: header.contents + 1, source })?;
    Ok(header)
}

/// Reads a file of closed sessions: each byte canonical, each commitment that of its salt and content, in order.
///
/// # Errors
/// The first line that is not so, or a count that is not the header's.
pub fn read_sealed(input: impl BufRead) -> Result<(SealedHeader, Vec<SealedContent>), BadBundle> {
    let mut lines = Lines { input, number: 0 };
    let not = |line, found: &str| BadBundle::NotSealed { line, found: found.to_owned() };
    let Some(first) = lines.next()? else {
        return Err(BadBundle::NotAHeader { format: SEALED_FORMAT, found: "an empty file".to_owned() });
    };
    let header: SealedHeader = read_header(&first, SEALED_FORMAT, |header: &SealedHeader| &header.sealed)?;
    let mut contents: Vec<SealedContent> = Vec::new();
    while let Some(text) = lines.next()? {
        let line = lines.number;
        let sealed: SealedLine =
            serde_json::from_str(&text).map_err(|error| not(line, &error.to_string()))?;
        if canonical(&sealed)? != text {
            return Err(not(line, "other bytes than canonical ones"));
        }
        let content = canonical(&sealed.content)?;
        if commitment(&sealed.salt, &content) != sealed.commitment {
            return Err(not(line, "another commitment than that of its salt and content"));
        }
        if contents.last().is_some_and(|last| last.commitment >= sealed.commitment) {
            return Err(not(line, "a commitment out of order, or twice"));
        }
        contents.push(SealedContent { commitment: sealed.commitment, salt: sealed.salt, content });
    }
    if contents.len() as u64 != header.contents {
        return Err(not(
            lines.number,
            &format!("{} contents where the header says {}", contents.len(), header.contents),
        ));
    }
    Ok((header, contents))
}

/// Restores the contents of closed sessions beside a record that is there, and returns how many.
///
/// # Errors
/// Where a content belongs to no commitment of the record. Nothing is written then.
pub fn restore_sealed(input: impl BufRead, ledger: &mut Ledger) -> Result<u64, BadBundle> {
    let (header, contents) = read_sealed(input)?;
    let chain = ledger.chain(&header.trial)?;
    let committed: std::collections::HashSet<&str> = chain
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Sealed(sealed) => Some(sealed.commitment.as_str()),
            _ => None,
        })
        .collect();
    for (content, line) in contents.iter().zip(2..) {
        if !committed.contains(content.commitment.as_str()) {
            let found = format!("{}, which no event of the record states", content.commitment);
            return Err(BadBundle::NotSealed { line, found });
        }
    }
    for content in &contents {
        ledger.keep_sealed(&header.trial, content)?;
    }
    Ok(contents.len() as u64)
}
