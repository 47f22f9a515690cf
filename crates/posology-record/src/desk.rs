//! The desk at which a trial's record is worked with: who acts, in which role, and what each act consists of.
//!
//! Start at [`Desk::open`]. The command line and the pages call the same acts, so what one refuses the other refuses in
//! the same words. Clock and random source are given by whoever opens the desk ([`Surroundings`]); what may be recorded
//! is decided by `posology_trial::conduct`, who someone is by [`account`](crate::account). Left out: terminals, forms,
//! and the packet, whose files are made elsewhere and bound here by their hashes.

mod people;
mod review;
mod snapshot;

use jiff::{SignedDuration, Timestamp};
use posology_trial::conduct::{Conduct, Context, Flag};
use posology_trial::event::{
    Access, AccessKind, BadRecord, Correction, Event, Exported, Fact, KeyIssued, Kind, Meaning, Mode, Person,
    ProtocolAdopted, Role, RoleGranted, Statement, TrialFounded, sha256,
};
use posology_trial::permission::{Reach, reach};
use posology_trial::protocol::Protocol;
use serde_json::{Map, Value, json};

use crate::account::{
    Account, Authenticated, BadPassword, ChangeRefused, Components, LockedRoot, Settings, SignInRefused,
    SigningRefused, refuse_unknown,
};
use crate::bundle::BadBundle;
use crate::ledger::{Appended, Command, LedgerError, Location, StoredAccount};
use crate::record::{Actor, Record, RecordError};
use crate::signature::{BadSignature, SecretKey};

pub use people::NewPerson;
pub use review::{Freezing, Frozen, Released, Tally, VoteCast};
pub use snapshot::{Followed, Gone, Row, Snapshot};

/// The account under which the trial's root key lies; no person's user name begins so.
pub const ROOT: &str = "@root";

/// The account of a root key that is to take the place of the present one.
const NEXT_ROOT: &str = "@root-next";

/// What a desk cannot know by itself: the time, chance, where it stands and with which program.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Now, UTC, to the millisecond.
    pub now: fn() -> Timestamp,
    /// Fills bytes that nobody can guess.
    pub draw: fn(&mut [u8]) -> Result<(), String>,
    /// Offset from UTC of this place, such as `-06:00`.
    pub local_offset: fn() -> Option<String>,
    /// Program and version, as each event states it.
    pub software: &'static str,
}

/// Why an act was not done. Nothing was recorded, but for the refusal where someone was not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Undone {
    /// Not let in.
    #[error(transparent)]
    SignIn(#[from] SignInRefused),
    /// A new password is not taken.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// A change of an account is refused.
    #[error(transparent)]
    Change(#[from] ChangeRefused),
    /// A signature is refused.
    #[error(transparent)]
    Signing(#[from] SigningRefused),
    /// Not theirs to do.
    #[error("{0}")]
    NotTheirs(String),
    /// What was asked cannot be done as asked: what was expected, found, and how to mend it.
    #[error("{0}")]
    Asked(String),
    /// The record refuses it, or cannot be reached.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Something that should always work did not.
    #[error("{0}")]
    Fault(String),
}

impl From<LedgerError> for Undone {
    fn from(error: LedgerError) -> Self {
        Self::Record(error.into())
    }
}

impl From<BadSignature> for Undone {
    fn from(error: BadSignature) -> Self {
        Self::Record(error.into())
    }
}

impl From<BadRecord> for Undone {
    fn from(error: BadRecord) -> Self {
        Self::Record(error.into())
    }
}

impl From<BadBundle> for Undone {
    fn from(error: BadBundle) -> Self {
        Self::Asked(error.to_string())
    }
}

impl From<serde_json::Error> for Undone {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(error.to_string())
    }
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands.
    pub appended: Appended,
    /// What stands although it breaks a rule.
    pub flags: Vec<Flag>,
}

/// A fact to be recorded by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What.
    pub fact: Fact,
    /// Why, where a rule asks for a reason.
    pub reason: Option<String>,
    /// The event that it replaces, and why.
    pub corrects: Option<Correction>,
}

impl Draft {
    /// The event that it becomes.
    fn event(&self, by: &Actor, at: Timestamp) -> Event {
        Event {
            reason: self.reason.clone(),
            corrects: self.corrects.clone(),
            ..by.event(at, self.fact.clone())
        }
    }

    /// A client's key for recording it: the same draft by the same person under the same key is recorded once.
    #[must_use]
    pub fn under(&self, client_key: &str, user: &str) -> Command {
        let request = json!({ "fact": self.fact, "corrects": self.corrects, "by": user }).to_string();
        Command { client_key: client_key.to_owned(), digest: sha256(request.as_bytes()) }
    }
}

/// How a record begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Founding<'a> {
    /// The protocol, read.
    pub protocol: &'a Protocol,
    /// Its text.
    pub text: &'a str,
    /// Where data originate.
    pub mode: Mode,
    /// Kinds for which it is the other way round.
    pub except: Vec<String>,
    /// User name of the founder, who becomes the administrator.
    pub user: &'a str,
    /// Their name, as it is printed.
    pub name: &'a str,
    /// Their password.
    pub password: &'a str,
    /// Passphrase of the trial's root key.
    pub passphrase: &'a str,
}

/// A trial's record with all that is done to it.
pub struct Desk {
    record: Record,
    around: Surroundings,
    settings: Settings,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Desk {
    /// Opens the record of a trial; without an id, of the one that is there.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn open(location: &Location, trial: Option<&str>, around: Surroundings) -> Result<Self, Undone> {
        Ok(Self { record: Record::open(location, trial)?, around, settings: Settings::default() })
    }

    /// Founds the record of a trial: root key, founder as administrator, protocol adopted. The desk, what was recorded
    /// and the root key's public half.
    ///
    /// # Errors
    /// A record there already, a password that is not taken, or what the ledger says.
    pub fn found(
        location: &Location,
        founding: &Founding<'_>,
        around: Surroundings,
    ) -> Result<(Self, Recorded, String), Undone> {
        let user = user_name(founding.user)?;
        let trial = founding.protocol.trial.id.clone();
        let record = Record::create(location, &trial)?;
        let mut desk = Self { record, around, settings: Settings::default() };
        let now = desk.now();
        let (root, key) =
            (SecretKey::from_entropy(desk.entropy()?), SecretKey::from_entropy(desk.entropy()?));
        let locked = LockedRoot::lock(&root, founding.passphrase, &desk.entropy()?, &desk.settings)?;
        let account =
            Account::create(user, founding.password, false, &key, &desk.entropy()?, now, &desk.settings)?;
        let certificate = root.certify(&trial, user, &key.public())?;
        let root_key = root.public().to_string();
        let facts: [Fact; 5] = [
            TrialFounded {
                trial,
                root_key: root_key.clone(),
                mode: founding.mode,
                except: founding.except.clone(),
            }
            .into(),
            Person { user: user.to_owned(), printed_name: founding.name.to_owned(), discipline: None }.into(),
            RoleGranted { user: user.to_owned(), role: Role::Administrator, site: None }.into(),
            KeyIssued { user: user.to_owned(), key: key.public().to_string(), certificate }.into(),
            adoption(founding.protocol, founding.text).into(),
        ];
        let founder = desk.actor(user, Role::Administrator);
        for fact in facts {
            desk.record.stage(founder.event(now, fact), &Context::at(now))?;
        }
        // The keys first: a record whose root key nobody holds could never be worked with.
        desk.keep_root(ROOT, &locked)?;
        let version = desk.account(user)?.map_or(0, |(stored, _)| stored.version);
        desk.keep(&account, version)?;
        let recorded = desk.commit(None)?;
        Ok((desk, recorded, root_key))
    }

    /// Reads what others recorded since; whether there was something. What is staged is dropped then.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn refresh(&mut self) -> Result<bool, Undone> {
        let trial = self.record.trial().to_owned();
        let head = self.record.ledger().head(&trial)?;
        if head.hash == self.record.chain().head() {
            return Ok(false);
        }
        self.record.reload()?;
        Ok(true)
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record, for verifying and exporting it.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// What was recorded and is staged.
    #[must_use]
    pub fn conduct(&self) -> &Conduct {
        self.record.conduct()
    }

    /// What is asked of accounts.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.around.now)()
    }

    /// Bytes that nobody can guess.
    ///
    /// # Errors
    /// Where there is no source of randomness.
    pub fn entropy<const N: usize>(&self) -> Result<[u8; N], Undone> {
        let mut bytes = [0; N];
        (self.around.draw)(&mut bytes)
            .map_err(|error| Undone::Fault(format!("no source of randomness: {error}")))?;
        Ok(bytes)
    }

    /// A person at this desk.
    #[must_use]
    pub fn actor(&self, user: &str, role: Role) -> Actor {
        Actor {
            user: user.to_owned(),
            role,
            local_offset: (self.around.local_offset)(),
            software: self.around.software.to_owned(),
        }
    }

    /// The account of a user, if there is one, with the version at which it stands.
    ///
    /// # Errors
    /// What the ledger says, or an account that does not read.
    pub fn account(&mut self, user: &str) -> Result<Option<(StoredAccount, Account)>, Undone> {
        let trial = self.record.trial().to_owned();
        let Some(stored) = self.record.ledger().account(&trial, user)? else {
            return Ok(None);
        };
        let account = serde_json::from_str(&stored.body).map_err(|error| {
            Undone::Fault(format!(
                "the account of {user:?} does not read: {error}; mend: restore it from its backup"
            ))
        })?;
        Ok(Some((stored, account)))
    }

    /// The account of someone who must have one.
    fn account_of(&mut self, user: &str) -> Result<(u64, Account), Undone> {
        match self.account(user)? {
            Some((stored, account)) => Ok((stored.version, account)),
            None => Err(Undone::Asked(format!(
                "expected someone with an account, found {user:?}; mend: an administrator makes one"
            ))),
        }
    }

    /// Keeps an account that stood at a version.
    fn keep(&mut self, account: &Account, version: u64) -> Result<(), Undone> {
        let trial = self.record.trial().to_owned();
        let body = serde_json::to_string(account)?;
        self.record.ledger().put_account(&trial, account.user(), version, &body)?;
        Ok(())
    }

    /// Signs a person in. A refusal is recorded, where the person has a role in which to record it.
    ///
    /// # Errors
    /// [`SignInRefused`], in the same words whichever component was wrong.
    pub fn sign_in(
        &mut self,
        user: &str,
        password: &str,
        components: Components<'_>,
    ) -> Result<Authenticated, Undone> {
        let Some((stored, mut account)) = self.account(user)? else {
            return Err(refuse_unknown(user, password, &self.settings).into());
        };
        let at = self.now();
        let answer = account.sign_in(password, components, at, &self.settings);
        self.keep(&account, stored.version)?;
        answer.map_err(|refused| {
            let locked = account.locked_until(at).is_some();
            let kind = if locked { AccessKind::LockedOut } else { AccessKind::Refused };
            // What is recorded of a refusal must not hide the refusal.
            let _ = self.note_access(user, kind, Some(refused.recorded()));
            refused.into()
        })
    }

    /// Records an access, in whichever role the person has; nothing of a person without one.
    ///
    /// # Errors
    /// What the record says.
    pub fn note_access(&mut self, user: &str, kind: AccessKind, detail: Option<&str>) -> Result<(), Undone> {
        let held = |role: &Role| !self.conduct().grants(user, *role).is_empty();
        let Some(role) = Role::ALL.into_iter().find(held) else { return Ok(()) };
        let access = Access { user: user.to_owned(), kind, detail: detail.map(str::to_owned) };
        let event = self.actor(user, role).event(self.now(), access);
        self.stage(event)?;
        self.commit(None).map(|_| ())
    }

    /// The role in which a user records a kind of event: the one asked for, or the only one that may.
    ///
    /// # Errors
    /// A role that there is not, nobody with a role, or several to choose from.
    pub fn role(&self, user: &str, asked: Option<&str>, kind: Kind) -> Result<Role, Undone> {
        if let Some(word) = asked {
            return Role::of(word).ok_or_else(|| {
                let known: Vec<&str> = Role::ALL.into_iter().map(Role::word).collect();
                Undone::Asked(format!(
                    "role: expected one of {}, found {word:?}; mend: write it so",
                    known.join(", ")
                ))
            });
        }
        let held: Vec<Role> =
            Role::ALL.into_iter().filter(|role| !self.conduct().grants(user, *role).is_empty()).collect();
        let able: Vec<Role> =
            held.iter().copied().filter(|role| reach(*role, kind) != Reach::Nowhere).collect();
        match (able.as_slice(), held.as_slice()) {
            ([one], _) | ([], [one, ..]) => Ok(*one),
            ([], []) => Err(Undone::NotTheirs(format!(
                "{user}: expected someone with a role in this trial, found none; mend: an administrator grants one"
            ))),
            _ => Err(Undone::Asked(format!(
                "{user} may record {} in several roles: {}; mend: name one (--in-role, or the field Role)",
                kind.word(),
                able.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// What the outside says for the admission of a kind of event, now.
    fn context(&self, kind: Kind) -> Result<Context, Undone> {
        let depends = matches!(
            kind,
            Kind::Enrolment
                | Kind::SlotRequested
                | Kind::SlotConfirmed
                | Kind::CohortOpened
                | Kind::SponsorDecision
                | Kind::HoldLifted
        );
        let holds = if depends {
            self.conduct().holds().map_err(|problem| {
                Undone::Asked(format!(
                    "whether a hold is in force cannot be told: {problem}; mend: mend the data first"
                ))
            })?
        } else {
            Vec::new()
        };
        Ok(Context { now: self.now(), holds })
    }

    /// Stages an event; its hash.
    ///
    /// # Errors
    /// What forbids it.
    pub fn stage(&mut self, event: Event) -> Result<String, Undone> {
        let context = self.context(event.fact.kind())?;
        Ok(self.record.stage(event, &context)?)
    }

    /// Writes what is staged.
    ///
    /// # Errors
    /// What the ledger says; nothing is staged then.
    pub fn commit(&mut self, command: Option<&Command>) -> Result<Recorded, Undone> {
        let (appended, flags) = self.record.commit(command)?;
        Ok(Recorded { appended, flags })
    }

    /// Drops what is staged.
    ///
    /// # Errors
    /// As [`Record::reload`].
    pub fn drop_staged(&mut self) -> Result<(), Undone> {
        Ok(self.record.reload()?)
    }

    /// What was recorded before under a client's key.
    ///
    /// # Errors
    /// What the ledger says, a key used for another request among it.
    pub fn done_before(&mut self, command: &Command) -> Result<Option<Recorded>, Undone> {
        let trial = self.record.trial().to_owned();
        let appended = self.record.ledger().appended(&trial, command)?;
        Ok(appended.map(|appended| Recorded { appended, flags: Vec::new() }))
    }

    /// Whether a draft would be taken now; the flags that would stand beside it. Nothing is recorded.
    ///
    /// # Errors
    /// What forbids it.
    pub fn try_out(&self, draft: &Draft, by: &Actor) -> Result<(Event, Vec<Flag>), Undone> {
        let event = draft.event(by, self.now());
        let context = self.context(event.fact.kind())?;
        let flags = self.conduct().admit(&event, &context).map_err(RecordError::from)?;
        Ok((event, flags))
    }

    /// Records a draft, signed at once where asked: both, or nothing.
    ///
    /// # Errors
    /// What forbids it.
    pub fn record_draft(
        &mut self,
        draft: &Draft,
        by: &Actor,
        signed: Option<(Authenticated, Meaning)>,
        command: Option<&Command>,
    ) -> Result<Recorded, Undone> {
        if let Some(recorded) = command.map(|command| self.done_before(command)).transpose()?.flatten() {
            return Ok(recorded);
        }
        let hash = self.stage(draft.event(by, self.now()))?;
        if let Some((authenticated, meaning)) = signed {
            let staged = self.stage_signature(authenticated, by.role, meaning, &hash);
            self.or_drop(staged)?;
        }
        self.commit(command)
    }

    /// Signs an event of the record.
    ///
    /// # Errors
    /// What forbids it.
    pub fn sign(
        &mut self,
        authenticated: Authenticated,
        role: Role,
        meaning: Meaning,
        hash: &str,
    ) -> Result<Recorded, Undone> {
        self.stage_signature(authenticated, role, meaning, hash)?;
        self.commit(None)
    }

    /// Drops what is staged where an act failed half-way.
    fn or_drop<T>(&mut self, result: Result<T, Undone>) -> Result<T, Undone> {
        if result.is_err() {
            self.record.reload()?;
        }
        result
    }

    /// Stages a person's signature on an event of the record or on one staged.
    fn stage_signature(
        &mut self,
        authenticated: Authenticated,
        role: Role,
        meaning: Meaning,
        signs: &str,
    ) -> Result<String, Undone> {
        let user = authenticated.user().to_owned();
        let printed_name = self.conduct().person(&user).map(|person| person.printed_name.clone());
        let at = self.now();
        let statement = Statement {
            trial: self.record.trial().to_owned(),
            signs: signs.to_owned(),
            user: user.clone(),
            printed_name: printed_name.unwrap_or_default(),
            role,
            meaning,
            at,
            key: authenticated.key().to_string(),
        };
        let signature = authenticated.sign(statement, at)?;
        self.stage(self.actor(&user, role).event(at, signature))
    }

    /// An event of the record, by its hash, the beginning of it, or its position: its position and hash.
    ///
    /// # Errors
    /// None, or several.
    pub fn find(&self, named: &str) -> Result<(usize, String, &Event), Undone> {
        let entries = self.record.chain().entries();
        let by_position = named.parse::<usize>().ok().filter(|_| named.len() < 8);
        let mut found = entries.iter().enumerate().filter(|(place, entry)| {
            by_position == Some(place + 1) || (named.len() >= 8 && entry.hash.starts_with(named))
        });
        match (found.next(), found.next()) {
            (Some((place, entry)), None) => Ok((place + 1, entry.hash.clone(), &entry.event)),
            (None, _) => Err(Undone::Asked(format!(
                "expected the hash of an event of this record (8 digits at least) or its position up to {}, found {named:?}; mend: `posology trial history` and the page Audit show both",
                entries.len()
            ))),
            (Some(_), Some(_)) => Err(Undone::Asked(format!(
                "{named:?}: expected one event, found several; mend: write more of the hash"
            ))),
        }
    }

    /// What the record or the protocol at hand knows of a fact need not be typed.
    ///
    /// # Errors
    /// Where time runs out of the calendar.
    pub fn complete(
        &self,
        kind: Kind,
        values: &mut Map<String, Value>,
        at_hand: Option<(&Protocol, &str)>,
    ) -> Result<(), Undone> {
        let number =
            values.get("review").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let mut set = |name: &str, value: Value| {
            if !values.contains_key(name) && !value.is_null() {
                values.insert(name.to_owned(), value);
            }
        };
        match (kind, number, at_hand) {
            (Kind::ProtocolAdopted, _, Some((protocol, text))) => {
                if let Value::Object(fields) = json!(adoption(protocol, text)) {
                    for (name, value) in fields {
                        set(&name, value);
                    }
                }
            }
            (Kind::SlotConfirmed, ..) => {
                let days =
                    i64::from(self.conduct().protocol().map_or(0, |protocol| protocol.enrolment.slot_days));
                let until = self
                    .now()
                    .checked_add(SignedDuration::from_hours(24 * days))
                    .map_err(|error| Undone::Fault(error.to_string()))?;
                set("until", json!(until));
            }
            (_, Some(number), _) => self.complete_review(kind, number, &mut set)?,
            _ => {}
        }
        Ok(())
    }

    /// The whole record as a bundle; that a copy left is recorded.
    ///
    /// # Errors
    /// What the record says.
    pub fn export(&mut self, by: &Actor, what: &str) -> Result<Vec<u8>, Undone> {
        let trial = self.record.trial().to_owned();
        let mut bytes = Vec::new();
        crate::bundle::export(self.record.ledger(), &trial, &mut bytes)?;
        let at = self.now();
        let fact = Exported { what: what.to_owned(), sha256: sha256(&bytes), at };
        self.stage(by.event(at, fact))?;
        self.commit(None)?;
        Ok(bytes)
    }
}

/// A protocol as a version adopted.
fn adoption(protocol: &Protocol, text: &str) -> ProtocolAdopted {
    let version = &protocol.version;
    ProtocolAdopted {
        version: version.id.clone(),
        date: version.date,
        reason: version.reason.clone(),
        sha256: sha256(text.as_bytes()),
        text: text.to_owned(),
    }
}

/// A user name that a person may have.
fn user_name(user: &str) -> Result<&str, Undone> {
    if user.starts_with('@') || user.trim().is_empty() {
        return Err(Undone::Asked(format!(
            "user name: expected one that does not begin with @ and is not empty, found {user:?}; mend: choose another"
        )));
    }
    Ok(user)
}
