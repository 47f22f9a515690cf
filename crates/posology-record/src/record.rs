//! A trial's record at work: its ledger, what may be recorded next, and the keys in force.
//!
//! Start at [`Record::open`]. Events are staged one by one, each admitted by the rules of conduct and its signature
//! checked, and then committed to the ledger together: all of them or none. Dropped before that, they are as if they had
//! never been.

use std::fmt;

use jiff::Timestamp;
use posology_trial::conduct::{Conduct, Context, Flag, Illegal, Refusal};
use posology_trial::event::{BadRecord, Chain, Event, Fact, Role};

use crate::ledger::{Appended, Command, Head, Ledger, LedgerError, Line, Location};
use crate::signature::{BadSignature, KeyRing};

/// Who records, in which role, with which program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// User name.
    pub user: String,
    /// Role.
    pub role: Role,
    /// Offset from UTC where they are, such as `-06:00`.
    pub local_offset: Option<String>,
    /// Program and version.
    pub software: String,
}

impl Actor {
    /// An event recorded by them at a time.
    #[must_use]
    pub fn event(&self, at: Timestamp, fact: impl Into<Fact>) -> Event {
        Event {
            recorded_as: Some(self.role),
            local_offset: self.local_offset.clone(),
            software: Some(self.software.clone()),
            ..Event::new(at, &*self.user, fact)
        }
    }
}

/// Why something was not recorded. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A rule of the trial's conduct.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A key or a signature.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// What is stored could not have been recorded.
    #[error(
        "the record is not whole: {0}; mend: `posology trial verify` tells more; restore it from its last good copy"
    )]
    Illegal(#[from] Box<Illegal>),
    /// What is stored does not read.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// Which trial is meant.
    #[error("{location}: expected one trial, or its id, found {found}; mend: name one of them")]
    WhichTrial {
        /// Where.
        location: String,
        /// The trials found.
        found: String,
    },
}

/// A trial's record, open.
pub struct Record {
    ledger: Ledger,
    trial: String,
    conduct: Conduct,
    keys: KeyRing,
    /// How many of the events are in the ledger; the rest are staged.
    committed: usize,
    flags: Vec<Flag>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("trial", &self.trial)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// Opens the record of a trial, verifying chain, conduct and signatures on the way; without an id, of the one trial
    /// that the ledger holds.
    ///
    /// # Errors
    /// [`RecordError`]: absent, unreachable, or not whole.
    pub fn open(location: &Location, trial: Option<&str>) -> Result<Self, RecordError> {
        let mut ledger = Ledger::open(location)?;
        let trial = match trial {
            Some(trial) => trial.to_owned(),
            None => {
                let trials = ledger.trials()?;
                match trials.as_slice() {
                    [one] => one.clone(),
                    _ => {
                        let location = location.shown();
                        let found = if trials.is_empty() { "none".to_owned() } else { trials.join(", ") };
                        return Err(RecordError::WhichTrial { location, found });
                    }
                }
            }
        };
        let mut record = Self::empty(ledger, trial);
        record.reload()?;
        if record.committed == 0 {
            return Err(LedgerError::Absent { location: location.shown() }.into());
        }
        Ok(record)
    }

    /// A record that holds nothing yet, to be founded or restored; made where there is no ledger.
    ///
    /// # Errors
    /// [`LedgerError::Present`] where the ledger holds the trial.
    pub fn create(location: &Location, trial: &str) -> Result<Self, RecordError> {
        let mut ledger = Ledger::open_or_create(location)?;
        if ledger.head(trial)? != Head::genesis() {
            return Err(LedgerError::Present { location: location.shown() }.into());
        }
        Ok(Self::empty(ledger, trial.to_owned()))
    }

    fn empty(ledger: Ledger, trial: String) -> Self {
        Self {
            ledger,
            trial,
            conduct: Conduct::default(),
            keys: KeyRing::default(),
            committed: 0,
            flags: Vec::new(),
        }
    }

    /// Reads the record anew, dropping what is staged.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn reload(&mut self) -> Result<(), RecordError> {
        let chain = self.ledger.chain(&self.trial)?;
        let mut keys = KeyRing::default();
        for entry in chain.entries() {
            keys.take(entry)?;
        }
        self.conduct = Conduct::replay(&chain)?;
        self.keys = keys;
        self.committed = chain.entries().len();
        self.flags.clear();
        Ok(())
    }

    /// The trial's id.
    #[must_use]
    pub fn trial(&self) -> &str {
        &self.trial
    }

    /// What was recorded and what is staged.
    #[must_use]
    pub fn conduct(&self) -> &Conduct {
        &self.conduct
    }

    /// The events.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        self.conduct.chain()
    }

    /// The keys in force.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The ledger, for accounts and contents of closed sessions.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Stages an event: admitted, its signature checked, not yet written. Its hash, by which a signature staged next
    /// may name it.
    ///
    /// # Errors
    /// What forbids it; what was staged before stays staged.
    pub fn stage(&mut self, event: Event, context: &Context) -> Result<String, RecordError> {
        self.keys.check(&event)?;
        let before = self.conduct.flags().len();
        let entry = self.conduct.record(event, context)?.clone();
        self.keys.take(&entry)?;
        self.flags.extend(self.conduct.flags().iter().skip(before).cloned());
        Ok(entry.hash)
    }

    /// Writes what is staged, all of it or nothing; the flags that stand beside it.
    ///
    /// # Errors
    /// [`LedgerError`]; the record is then read anew, and what was staged is gone.
    pub fn commit(&mut self, command: Option<&Command>) -> Result<(Appended, Vec<Flag>), RecordError> {
        let entries = self.conduct.chain().entries();
        let head = match self.committed.checked_sub(1).and_then(|place| entries.get(place)) {
            Some(last) => Head { position: self.committed as u64, hash: last.hash.clone() },
            None => Head::genesis(),
        };
        let lines: Vec<Line> = entries
            .get(self.committed..)
            .unwrap_or_default()
            .iter()
            .map(|entry| Line { hash: entry.hash.clone(), body: entry.canonical().to_owned() })
            .collect();
        let appended = match self.ledger.append(&self.trial, &head, &lines, command) {
            Ok(appended) => appended,
            Err(error) => {
                self.reload()?;
                return Err(error.into());
            }
        };
        if appended.repeated {
            self.reload()?;
            return Ok((appended, Vec::new()));
        }
        self.committed = self.conduct.chain().entries().len();
        Ok((appended, std::mem::take(&mut self.flags)))
    }

    /// Takes over a whole chain into a record that holds nothing yet.
    ///
    /// # Errors
    /// What in it does not hold; nothing is written then.
    pub fn restore(&mut self, chain: &Chain) -> Result<Appended, RecordError> {
        for entry in chain.entries() {
            self.keys.take(entry)?;
        }
        self.conduct = Conduct::replay(chain)?;
        Ok(self.commit(None)?.0)
    }
}
