//! The ledger: events of a trial in their order, appended and read, never changed.
//!
//! Start at [`Ledger::open`] and [`Ledger::append`]. Two stores, one behaviour: a SQLite file for one site or a laptop,
//! a PostgreSQL database for many sites (and many trials). Guarantees, the same on both:
//!
//! - an append is whole or not there; what was acknowledged is on disk;
//! - an append names the head it was made upon: of two at once, one is told [`LedgerError::Stale`];
//! - an append repeated under the same client key is done once;
//! - a hash that does not follow from the one before and the bytes is refused before anything is written;
//! - the tables refuse UPDATE and DELETE.
//!
//! Left out: whether an event may be recorded (`posology_trial::conduct`), and encryption of the connection to
//! PostgreSQL, which is expected on a socket of the same machine or through a tunnel.

mod driver;
mod postgres;
mod schema;
mod sqlite;

use std::path::PathBuf;

use posology_trial::event::{BadRecord, Chain, GENESIS};
use sha2::{Digest, Sha256};

use driver::{Driver, Fault, FaultKind, Value};
pub use schema::{SCHEMA_VERSION, grants};

/// Where a ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database, as a connection string.
    Postgres(String),
}

impl Location {
    /// A `postgres://` or `postgresql://` address, or else a path.
    ///
    /// ```
    /// use posology_record::ledger::Location;
    /// assert_eq!(Location::parse("trial/record.db"), Location::File("trial/record.db".into()));
    /// assert!(matches!(Location::parse("postgres://localhost/trials"), Location::Postgres(_)));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::File(PathBuf::from(text))
        }
    }

    /// As it may be shown: without a password.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Postgres(address) => {
                let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
                let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
                let user = user.split(':').next().unwrap_or_default();
                // Parameters may carry a password too.
                let host = host.split('?').next().unwrap_or_default();
                if user.is_empty() {
                    format!("{scheme}://{host}")
                } else {
                    format!("{scheme}://{user}@{host}")
                }
            }
        }
    }
}

/// The end of a trial's record: how many events, and the hash of the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of events.
    pub position: u64,
    /// Hash of the last event, or 64 zeros.
    pub hash: String,
}

impl Head {
    /// The head of a record without events.
    #[must_use]
    pub fn genesis() -> Self {
        Self { position: 0, hash: GENESIS.to_owned() }
    }

    /// The head of a chain.
    #[must_use]
    pub fn of(chain: &Chain) -> Self {
        Self { position: chain.entries().len() as u64, hash: chain.head().to_owned() }
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// SHA-256 over the hash before and the body, 64 hexadecimal digits.
    pub hash: String,
    /// Canonical JSON of the event.
    pub body: String,
}

/// A client's key for a request, with a digest of what it asked: a request repeated is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The key, chosen by the client.
    pub client_key: String,
    /// Digest of the request.
    pub digest: String,
}

/// Where an append stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event, from 1.
    pub first: u64,
    /// Position of its last event.
    pub last: u64,
    /// Hash of its last event.
    pub hash: String,
    /// Whether it had been appended before under the same client key.
    pub repeated: bool,
}

/// Content of a closed session, kept apart from the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedContent {
    /// The commitment that stands in the record.
    pub commitment: String,
    /// The salt, 64 hexadecimal digits.
    pub salt: String,
    /// Canonical JSON of the content.
    pub content: String,
}

/// An account as stored: an opaque text and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// Version, from 1.
    pub version: u64,
    /// The text.
    pub body: String,
}

/// Why the ledger did not do what was asked. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Others appended in between.
    #[error(
        "the record moved: expected its end at position {} ({}), found {} ({}); mend: read what was added and try again",
        expected.position, short(&expected.hash), found.position, short(&found.hash)
    )]
    Stale {
        /// The head the append was made upon.
        expected: Head,
        /// The head found.
        found: Head,
    },
    /// A client key used again for something else.
    #[error(
        "the client key {client_key:?}: expected the same request as before, found another; mend: take a new key for a new request"
    )]
    KeyReused {
        /// The key.
        client_key: String,
    },
    /// An event whose hash does not follow.
    #[error(
        "event {position} of the append: the hash does not follow: expected {expected}, found {found}; mend: make the events upon the present head"
    )]
    Broken {
        /// Place within the append, from 1.
        position: usize,
        /// The hash that follows.
        expected: String,
        /// The hash given.
        found: String,
    },
    /// Nothing to append.
    #[error("expected at least one event to append, found none; mend: nothing is to be done")]
    Empty,
    /// An account changed in between.
    #[error("the account {name:?}: expected version {expected}, found {found}; mend: read it and try again")]
    AccountMoved {
        /// Account name.
        name: String,
        /// Version expected.
        expected: u64,
        /// Version found.
        found: u64,
    },
    /// No record there.
    #[error(
        "{location}: expected a record, found none; mend: found the trial (`posology trial found`) or restore a bundle"
    )]
    Absent {
        /// Where.
        location: String,
    },
    /// A record there already.
    #[error(
        "{location}: expected no record, found one; mend: choose another place, or use the record that is there"
    )]
    Present {
        /// Where.
        location: String,
    },
    /// Written by a later program.
    #[error(
        "{location}: expected a schema of at most version {known}, found version {found}; mend: use the version of the program that wrote it, or a later one"
    )]
    NewerSchema {
        /// Where.
        location: String,
        /// Version this program knows.
        known: i64,
        /// Version found.
        found: i64,
    },
    /// Not a ledger, or damaged.
    #[error(
        "{location}: expected a sound ledger, found {found}; mend: restore it from a backup or a bundle, and keep the damaged one for inquiry"
    )]
    Damaged {
        /// Where.
        location: String,
        /// What was found.
        found: String,
    },
    /// No room left.
    #[error(
        "{location}: expected room to write, found none ({found}); mend: make room and try again: nothing was written"
    )]
    Full {
        /// Where.
        location: String,
        /// What was found.
        found: String,
    },
    /// The store cannot be reached, or was lost on the way: whether the append was done is told by repeating it under its key.
    #[error(
        "{location}: expected an answer, found {found}; mend: see that it can be reached, and repeat the request under its client key"
    )]
    Unreachable {
        /// Where.
        location: String,
        /// What was found.
        found: String,
    },
    /// Refused by the store.
    #[error(
        "{location}: refused: {found}; mend: see the rights of the user, and that nothing else changes these tables"
    )]
    Refused {
        /// Where.
        location: String,
        /// What was found.
        found: String,
    },
    /// The stored events do not read as a chain.
    #[error(transparent)]
    Record(#[from] BadRecord),
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// A ledger, open.
pub struct Ledger {
    location: Location,
    driver: Box<dyn Driver>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("location", &self.location.shown()).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens a ledger, making it where there is none. An older schema is brought up to date in one transaction.
    ///
    /// # Errors
    /// If it cannot be reached or made, is damaged, or was written by a later program.
    pub fn open_or_create(location: &Location) -> Result<Self, LedgerError> {
        Self::connect(location, true)
    }

    /// Opens a ledger that is there.
    ///
    /// # Errors
    /// [`LedgerError::Absent`] if it is not; otherwise as [`Ledger::open_or_create`].
    pub fn open(location: &Location) -> Result<Self, LedgerError> {
        if let Location::File(path) = location
            && !path.is_file()
        {
            return Err(LedgerError::Absent { location: location.shown() });
        }
        Self::connect(location, false)
    }

    fn connect(location: &Location, may_create: bool) -> Result<Self, LedgerError> {
        let driver: Result<Box<dyn Driver>, Fault> = match location {
            Location::File(path) => {
                sqlite::Sqlite::open(path, may_create).map(|driver| Box::new(driver) as _)
            }
            Location::Postgres(address) => {
                postgres::Postgres::connect(address).map(|driver| Box::new(driver) as _)
            }
        };
        let driver = driver.map_err(|fault| failed(location, fault))?;
        let mut ledger = Self { location: location.clone(), driver };
        ledger.migrate(may_create)?;
        Ok(ledger)
    }

    fn fail(&self, fault: Fault) -> LedgerError {
        failed(&self.location, fault)
    }

    fn migrate(&mut self, may_create: bool) -> Result<(), LedgerError> {
        let found = schema::version(self.driver.as_mut()).map_err(|fault| self.fail(fault))?;
        if found == 0 && !may_create {
            return Err(LedgerError::Absent { location: self.location.shown() });
        }
        if found > SCHEMA_VERSION {
            let location = self.location.shown();
            return Err(LedgerError::NewerSchema { location, known: SCHEMA_VERSION, found });
        }
        if found < SCHEMA_VERSION {
            self.transaction(|driver| schema::bring_up_to_date(driver).map_err(Stop::Fault))?;
        }
        Ok(())
    }

    /// Runs a piece of work as one transaction, undone whole if it stops.
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Driver) -> Result<T, Stop>,
    ) -> Result<T, LedgerError> {
        let driver = self.driver.as_mut();
        let done = driver.begin().map_err(Stop::Fault).and_then(|()| {
            let done = work(driver)?;
            driver.commit().map_err(Stop::Fault)?;
            Ok(done)
        });
        match done {
            Ok(done) => Ok(done),
            Err(stop) => {
                self.driver.rollback();
                Err(match stop {
                    Stop::Fault(fault) => self.fail(fault),
                    Stop::Said(error) => error,
                })
            }
        }
    }

    /// Where it is kept.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The trials in it, by id.
    ///
    /// # Errors
    /// If the store fails.
    pub fn trials(&mut self) -> Result<Vec<String>, LedgerError> {
        let mut trials = Vec::new();
        self.rows("SELECT DISTINCT trial FROM event ORDER BY trial", &[], |row| trials.push(row.text(0)))?;
        Ok(trials)
    }

    fn rows(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut row: impl FnMut(&driver::Row),
    ) -> Result<(), LedgerError> {
        let done = self.driver.rows(sql, values, &mut |found| row(found));
        done.map_err(|fault| self.fail(fault))
    }

    /// The end of a trial's record.
    ///
    /// # Errors
    /// If the store fails.
    pub fn head(&mut self, trial: &str) -> Result<Head, LedgerError> {
        let head = head(self.driver.as_mut(), trial);
        head.map_err(|fault| self.fail(fault))
    }

    /// Appends events made upon a head: all of them or none.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing was written, but for [`LedgerError::Unreachable`], after which a repetition under the
    /// same client key tells.
    pub fn append(
        &mut self,
        trial: &str,
        expected: &Head,
        lines: &[Line],
        command: Option<&Command>,
    ) -> Result<Appended, LedgerError> {
        check_links(&expected.hash, lines)?;
        let last = lines.last().ok_or(LedgerError::Empty)?;
        self.transaction(|driver| {
            driver.lock(trial).map_err(Stop::Fault)?;
            if let Some(command) = command
                && let Some(done) = repeated(driver, trial, command)?
            {
                return Ok(done);
            }
            let found = head(driver, trial).map_err(Stop::Fault)?;
            if found != *expected {
                return Err(Stop::Said(LedgerError::Stale { expected: expected.clone(), found }));
            }
            let first = found.position + 1;
            let mut previous = found.hash.as_str();
            for (position, line) in (first..).zip(lines) {
                let values = [
                    Value::Text(trial),
                    Value::Integer(signed(position)),
                    Value::Text(&line.hash),
                    Value::Text(previous),
                    Value::Text(&line.body),
                ];
                driver.run(schema::INSERT_EVENT, &values).map_err(Stop::Fault)?;
                previous = &line.hash;
            }
            let end = found.position + lines.len() as u64;
            let values = [
                Value::Text(trial),
                Value::Integer(signed(first)),
                Value::Integer(signed(end)),
                Value::Text(&last.hash),
                command.map_or(Value::Null, |command| Value::Text(&command.client_key)),
                command.map_or(Value::Null, |command| Value::Text(&command.digest)),
            ];
            driver.run(schema::INSERT_APPEND, &values).map_err(Stop::Fault)?;
            Ok(Appended { first, last: end, hash: last.hash.clone(), repeated: false })
        })
    }

    /// What was appended under a client's key for the same request, if it was: to be asked before anything is staged anew.
    ///
    /// # Errors
    /// [`LedgerError::KeyReused`] where the key stands for another request.
    pub fn appended(&mut self, trial: &str, command: &Command) -> Result<Option<Appended>, LedgerError> {
        self.transaction(|driver| repeated(driver, trial, command))
    }

    /// Hands each event from a position (from 1) on to a function, in order, until it answers with an error.
    ///
    /// # Errors
    /// The function's, or if the store fails.
    pub fn for_each<E: From<LedgerError>>(
        &mut self,
        trial: &str,
        from: u64,
        mut take: impl FnMut(u64, Line) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stopped = None;
        let sql =
            "SELECT position, hash, body FROM event WHERE trial = $1 AND position >= $2 ORDER BY position";
        self.rows(sql, &[Value::Text(trial), Value::Integer(signed(from))], |row| {
            if stopped.is_none() {
                let line = Line { hash: row.text(1), body: row.text(2) };
                stopped = take(row.integer(0).unsigned_abs(), line).err();
            }
        })?;
        stopped.map_or(Ok(()), Err)
    }

    /// The whole record of a trial, its hashes checked.
    ///
    /// # Errors
    /// The first event that does not follow, or if the store fails.
    pub fn chain(&mut self, trial: &str) -> Result<Chain, LedgerError> {
        let mut text = String::new();
        self.for_each::<LedgerError>(trial, 1, |_, line| {
            text.push_str("{\"event\":");
            text.push_str(&line.body);
            text.push_str(",\"hash\":\"");
            text.push_str(&line.hash);
            text.push_str("\"}\n");
            Ok(())
        })?;
        Ok(Chain::read(&text)?)
    }

    /// The ends that appends have left, in order: last position and hash of each. They are a second witness of the
    /// record's length.
    ///
    /// # Errors
    /// If the store fails.
    pub fn appends(&mut self, trial: &str) -> Result<Vec<Head>, LedgerError> {
        let mut heads = Vec::new();
        let sql = "SELECT last_position, hash FROM append WHERE trial = $1 ORDER BY last_position";
        self.rows(sql, &[Value::Text(trial)], |row| {
            heads.push(Head { position: row.integer(0).unsigned_abs(), hash: row.text(1) });
        })?;
        Ok(heads)
    }

    /// Keeps the content of a closed session beside the record. Kept once: the same commitment again is nothing new.
    ///
    /// # Errors
    /// If the store fails.
    pub fn keep_sealed(&mut self, trial: &str, sealed: &SealedContent) -> Result<(), LedgerError> {
        self.transaction(|driver| {
            driver.lock(trial).map_err(Stop::Fault)?;
            let mut there = false;
            let key = [Value::Text(trial), Value::Text(&sealed.commitment)];
            let sql = "SELECT salt FROM sealed WHERE trial = $1 AND commitment = $2";
            driver.rows(sql, &key, &mut |_| there = true).map_err(Stop::Fault)?;
            if there {
                return Ok(());
            }
            let values = [
                Value::Text(trial),
                Value::Text(&sealed.commitment),
                Value::Text(&sealed.salt),
                Value::Text(&sealed.content),
            ];
            driver
                .run("INSERT INTO sealed (trial, commitment, salt, content) VALUES ($1, $2, $3, $4)", &values)
                .map(|_| ())
                .map_err(Stop::Fault)
        })
    }

    /// The contents of closed sessions, by commitment. Who may read them is for the caller to ask.
    ///
    /// # Errors
    /// If the store fails.
    pub fn sealed(&mut self, trial: &str) -> Result<Vec<SealedContent>, LedgerError> {
        let mut all = Vec::new();
        let sql = "SELECT commitment, salt, content FROM sealed WHERE trial = $1 ORDER BY commitment";
        self.rows(sql, &[Value::Text(trial)], |row| {
            all.push(SealedContent { commitment: row.text(0), salt: row.text(1), content: row.text(2) });
        })?;
        Ok(all)
    }

    /// An account, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub fn account(&mut self, trial: &str, name: &str) -> Result<Option<StoredAccount>, LedgerError> {
        let found = account(self.driver.as_mut(), trial, name);
        found.map_err(|fault| self.fail(fault))
    }

    /// The names of all accounts.
    ///
    /// # Errors
    /// If the store fails.
    pub fn account_names(&mut self, trial: &str) -> Result<Vec<String>, LedgerError> {
        let mut names = Vec::new();
        let sql = "SELECT name FROM account WHERE trial = $1 ORDER BY name";
        self.rows(sql, &[Value::Text(trial)], |row| names.push(row.text(0)))?;
        Ok(names)
    }

    /// Writes an account that stands at a version (0: that is not there yet), and returns its new version.
    ///
    /// # Errors
    /// [`LedgerError::AccountMoved`] if it stands at another.
    pub fn put_account(
        &mut self,
        trial: &str,
        name: &str,
        expected: u64,
        body: &str,
    ) -> Result<u64, LedgerError> {
        self.transaction(|driver| {
            driver.lock(trial).map_err(Stop::Fault)?;
            let found =
                account(driver, trial, name).map_err(Stop::Fault)?.map_or(0, |account| account.version);
            if found != expected {
                let name = name.to_owned();
                return Err(Stop::Said(LedgerError::AccountMoved { name, expected, found }));
            }
            let version = found + 1;
            let sql = if found == 0 {
                "INSERT INTO account (version, body, trial, name) VALUES ($1, $2, $3, $4)"
            } else {
                "UPDATE account SET version = $1, body = $2 WHERE trial = $3 AND name = $4"
            };
            let values =
                [Value::Integer(signed(version)), Value::Text(body), Value::Text(trial), Value::Text(name)];
            driver.run(sql, &values).map_err(Stop::Fault)?;
            Ok(version)
        })
    }
}

/// Why a transaction is undone.
enum Stop {
    Fault(Fault),
    Said(LedgerError),
}

fn failed(location: &Location, fault: Fault) -> LedgerError {
    let (location, found) = (location.shown(), fault.message);
    match fault.kind {
        FaultKind::Full => LedgerError::Full { location, found },
        FaultKind::Damaged => LedgerError::Damaged { location, found },
        FaultKind::Refused => LedgerError::Refused { location, found },
        FaultKind::Unreachable => LedgerError::Unreachable { location, found },
    }
}

/// Positions are far below the largest signed number.
fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn head(driver: &mut dyn Driver, trial: &str) -> Result<Head, Fault> {
    let mut head = Head::genesis();
    let sql = "SELECT position, hash FROM event WHERE trial = $1 ORDER BY position DESC LIMIT 1";
    driver.rows(sql, &[Value::Text(trial)], &mut |row| {
        head = Head { position: row.integer(0).unsigned_abs(), hash: row.text(1) };
    })?;
    Ok(head)
}

fn repeated(driver: &mut dyn Driver, trial: &str, command: &Command) -> Result<Option<Appended>, Stop> {
    let mut found = None;
    let sql =
        "SELECT first_position, last_position, hash, digest FROM append WHERE trial = $1 AND client_key = $2";
    let key = [Value::Text(trial), Value::Text(&command.client_key)];
    let done = driver.rows(sql, &key, &mut |row| {
        let appended = Appended {
            first: row.integer(0).unsigned_abs(),
            last: row.integer(1).unsigned_abs(),
            hash: row.text(2),
            repeated: true,
        };
        found = Some((appended, row.text(3)));
    });
    done.map_err(Stop::Fault)?;
    match found {
        Some((appended, digest)) if digest == command.digest => Ok(Some(appended)),
        Some(_) => {
            let client_key = command.client_key.clone();
            Err(Stop::Said(LedgerError::KeyReused { client_key }))
        }
        None => Ok(None),
    }
}

fn account(driver: &mut dyn Driver, trial: &str, name: &str) -> Result<Option<StoredAccount>, Fault> {
    let mut found = None;
    let sql = "SELECT version, body FROM account WHERE trial = $1 AND name = $2";
    driver.rows(sql, &[Value::Text(trial), Value::Text(name)], &mut |row| {
        found = Some(StoredAccount { version: row.integer(0).unsigned_abs(), body: row.text(1) });
    })?;
    Ok(found)
}

/// Each hash follows from the one before and the body.
fn check_links(head: &str, lines: &[Line]) -> Result<(), LedgerError> {
    let mut previous = head;
    for (index, line) in lines.iter().enumerate() {
        let mut hasher = Sha256::new();
        hasher.update(previous.as_bytes());
        hasher.update(line.body.as_bytes());
        let expected = crate::hexadecimal::write(&hasher.finalize());
        if expected != line.hash {
            return Err(LedgerError::Broken { position: index + 1, expected, found: line.hash.clone() });
        }
        previous = &line.hash;
    }
    Ok(())
}
