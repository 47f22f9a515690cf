//! A trial's record at the command line: where it is kept, who records, and what is said back.
//!
//! The clock, the random source, the environment and the terminal are here; no rule of the trial is.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use clap::Args;
use jiff::{Timestamp, Unit, Zoned};
use posology_record::account::{
    Account, Authenticated, Components, LockedRoot, Settings, SignInRefused, refuse_unknown,
};
use posology_record::ledger::{Appended, Command, Location, StoredAccount};
use posology_record::record::{Actor, Record, RecordError};
use posology_record::signature::SecretKey;
use posology_trial::conduct::{Context, Flag};
use posology_trial::event::{Access, AccessKind, Event, Fact, Kind, Meaning, Role, Statement, sha256};
use posology_trial::permission::{Reach, reach};
use serde_json::json;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

/// Program and version, as each event states it.
pub(crate) const SOFTWARE: &str = concat!("posology ", env!("CARGO_PKG_VERSION"));

/// The account under which the trial's root key lies; no person's user name begins so.
pub(crate) const ROOT: &str = "@root";

/// The account of a root key that is to take the place of the present one.
pub(crate) const NEXT_ROOT: &str = "@root-next";

/// Who acts, and in which role.
#[derive(Args, Clone, Default)]
pub(crate) struct Identity {
    /// Who acts: a user name; the password is asked for, or taken from POSOLOGY_PASSWORD
    #[arg(id = "acting-user", long = "as", env = "POSOLOGY_USER", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// In which role; may be left out where only one of theirs allows it
    #[arg(id = "acting-role", long = "in-role", env = "POSOLOGY_ROLE", value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Code of the second factor, for those who have one
    #[arg(
        id = "second-factor-code",
        long = "code",
        env = "POSOLOGY_CODE",
        value_name = "CODE",
        hide_env_values = true
    )]
    pub(crate) code: Option<String>,
}

impl Identity {
    pub(crate) fn user(&self) -> Result<&str, Failure> {
        self.user.as_deref().ok_or_else(|| {
            Failure::input("expected who acts, found nobody; mend: name them with --as USER or POSOLOGY_USER")
        })
    }
}

/// Everything that goes wrong with a record is said as it is.
impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::input(error)
    }
}

/// A secret: from the environment, or asked for without showing it, or a line of standard input.
pub(crate) fn secret(variable: &str, prompt: &str) -> Result<String, Failure> {
    if let Ok(secret) = std::env::var(variable) {
        return Ok(secret);
    }
    let unreadable = |error: std::io::Error| {
        Failure::input(format!("{prompt}: cannot be read: {error}; mend: type it, or set {variable}"))
    };
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{prompt}: ")).map_err(unreadable);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(unreadable)?;
    let secret = line.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(Failure::input(format!("{prompt}: expected it, found nothing; mend: set {variable}")));
    }
    Ok(secret.to_owned())
}

/// A new secret, typed twice where it is typed.
pub(crate) fn new_secret(variable: &str, prompt: &str) -> Result<String, Failure> {
    let first = secret(variable, prompt)?;
    if std::env::var_os(variable).is_none() && std::io::stdin().is_terminal() {
        let _ = std::io::stderr().flush();
        if secret(variable, &format!("{prompt}, again"))? != first {
            return Err(Failure::input(format!(
                "{prompt}: expected the same twice, found two; mend: type it again"
            )));
        }
    }
    Ok(first)
}

/// Bytes that nobody can guess.
pub(crate) fn entropy<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::fault(format!("no source of randomness: {error}")))?;
    Ok(bytes)
}

/// Now, to the millisecond.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Millisecond).unwrap_or(now)
}

/// The offset from UTC of this machine.
pub(crate) fn local_offset() -> Option<String> {
    let seconds = Zoned::now().offset().seconds();
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    Some(format!("{sign}{:02}:{:02}", size / 3600, size % 3600 / 60))
}

/// A trial's folder with its record open.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    pub(crate) record: Record,
}

/// What was recorded.
pub(crate) struct Recorded {
    pub(crate) appended: Appended,
    pub(crate) flags: Vec<Flag>,
}

impl Desk {
    /// Opens the record of a folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let folder = Folder::open(dir)?;
        let Some(location) = folder.location()? else {
            return Err(Failure::input(format!(
                "{}: expected a record (record.db, `record` in posology.toml, or POSOLOGY_RECORD), found none; mend: found one with `posology trial found`, or restore one with `posology trial restore`",
                folder.path.display()
            )));
        };
        let record = Record::open(&location, Some(&folder.protocol.trial.id))?;
        Ok(Self { folder, record })
    }

    /// The account of a user, if there is one.
    pub(crate) fn account(&mut self, user: &str) -> Result<Option<(StoredAccount, Account)>, Failure> {
        let trial = self.record.trial().to_owned();
        let Some(stored) = self.record.ledger().account(&trial, user).map_err(Failure::input)? else {
            return Ok(None);
        };
        let account = serde_json::from_str(&stored.body).map_err(|error| {
            Failure::fault(format!(
                "the account of {user:?} does not read: {error}; mend: restore it from its backup"
            ))
        })?;
        Ok(Some((stored, account)))
    }

    /// Keeps an account that stood at a version.
    pub(crate) fn keep(&mut self, account: &Account, version: u64) -> Result<(), Failure> {
        let trial = self.record.trial().to_owned();
        let body = serde_json::to_string(account).map_err(Failure::fault)?;
        self.record
            .ledger()
            .put_account(&trial, account.user(), version, &body)
            .map(|_| ())
            .map_err(Failure::input)
    }

    /// Keeps a locked root key under a name.
    pub(crate) fn keep_root(&mut self, name: &str, locked: &LockedRoot) -> Result<(), Failure> {
        let trial = self.record.trial().to_owned();
        let body = serde_json::to_string(locked).map_err(Failure::fault)?;
        let ledger = self.record.ledger();
        let version = ledger.account(&trial, name).map_err(Failure::input)?.map_or(0, |there| there.version);
        ledger.put_account(&trial, name, version, &body).map(|_| ()).map_err(Failure::input)
    }

    /// The trial's root key, opened by its passphrase.
    pub(crate) fn root(&mut self) -> Result<SecretKey, Failure> {
        let trial = self.record.trial().to_owned();
        let in_force = self.record.keys().root().map(|root| root.to_string());
        let mut found = None;
        for name in [ROOT, NEXT_ROOT] {
            let stored = self.record.ledger().account(&trial, name).map_err(Failure::input)?;
            let Some(stored) = stored else { continue };
            let locked: LockedRoot = serde_json::from_str(&stored.body).map_err(Failure::fault)?;
            if in_force.as_deref() == Some(locked.key()) {
                found = Some(locked);
            }
        }
        let Some(locked) = found else {
            return Err(Failure::input(
                "expected the trial's root key beside the record, found none; mend: work where the trial was founded, or restore its accounts (`posology trial restore --accounts`)",
            ));
        };
        let passphrase = secret("POSOLOGY_ROOT_PASSPHRASE", "Passphrase of the trial's root key")?;
        locked.open(&passphrase).map_err(|_| {
            Failure::input(
                "expected the passphrase of the trial's root key, found another; mend: try again with care",
            )
        })
    }

    /// Signs a person in. A refusal is recorded, where the person has a role in which to record it.
    pub(crate) fn sign_in(&mut self, identity: &Identity) -> Result<Authenticated, Failure> {
        let user = identity.user()?.to_owned();
        let password = secret("POSOLOGY_PASSWORD", &format!("Password of {user}"))?;
        let settings = Settings::default();
        let Some((stored, mut account)) = self.account(&user)? else {
            return Err(Failure::input(refuse_unknown(&user, &password, &settings)));
        };
        let at = now();
        let answer =
            account.sign_in(&password, Components::All { code: identity.code.as_deref() }, at, &settings);
        self.keep(&account, stored.version)?;
        answer.map_err(|refused| {
            // What is recorded of a refusal must not hide the refusal.
            let _ = self.note_refusal(&user, &refused, account.locked_until(at).is_some());
            match refused {
                SignInRefused::MustChange => Failure::input(format!(
                    "{refused} with `posology trial account password {} --as {user}`",
                    self.folder.path.display()
                )),
                other => Failure::input(other),
            }
        })
    }

    fn note_refusal(&mut self, user: &str, refused: &SignInRefused, locked: bool) -> Result<(), Failure> {
        let kind = if locked { AccessKind::LockedOut } else { AccessKind::Refused };
        self.note_access(user, kind, Some(refused.recorded()))
    }

    /// Records an access, in whichever role the person has.
    pub(crate) fn note_access(
        &mut self,
        user: &str,
        kind: AccessKind,
        detail: Option<&str>,
    ) -> Result<(), Failure> {
        let held = |role: &Role| !self.record.conduct().grants(user, *role).is_empty();
        let Some(role) = Role::ALL.into_iter().find(held) else { return Ok(()) };
        let access = Access { user: user.to_owned(), kind, detail: detail.map(str::to_owned) };
        let event = actor(user, role).event(now(), access);
        self.stage(event)?;
        self.commit(None).map(|_| ())
    }

    /// The role in which a user records a kind of event: the one asked for, or the only one that may.
    pub(crate) fn role(&self, identity: &Identity, kind: Kind) -> Result<Role, Failure> {
        if let Some(word) = &identity.role {
            return Role::of(word).ok_or_else(|| {
                let known: Vec<&str> = Role::ALL.into_iter().map(Role::word).collect();
                Failure::input(format!(
                    "--in-role: expected one of {}, found {word:?}; mend: write it so",
                    known.join(", ")
                ))
            });
        }
        let user = identity.user()?;
        let held: Vec<Role> = Role::ALL
            .into_iter()
            .filter(|role| !self.record.conduct().grants(user, *role).is_empty())
            .collect();
        let able: Vec<Role> =
            held.iter().copied().filter(|role| reach(*role, kind) != Reach::Nowhere).collect();
        match (able.as_slice(), held.as_slice()) {
            ([one], _) | ([], [one, ..]) => Ok(*one),
            ([], []) => Err(Failure::input(format!(
                "{user}: expected someone with a role in this trial, found none; mend: an administrator grants one (`posology trial person`)"
            ))),
            _ => Err(Failure::input(format!(
                "{user} may record {} in several roles: {}; mend: name one with --in-role",
                kind.word(),
                able.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// What the outside says for the admission of a kind of event, now.
    fn context(&self, kind: Kind) -> Result<Context, Failure> {
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
            self.record.conduct().holds().map_err(|problem| {
                Failure::input(format!(
                    "whether a hold is in force cannot be told: {problem}; mend: mend the data first"
                ))
            })?
        } else {
            Vec::new()
        };
        Ok(Context { now: now(), holds })
    }

    /// Stages an event; its hash.
    pub(crate) fn stage(&mut self, event: Event) -> Result<String, Failure> {
        let context = self.context(event.fact.kind())?;
        Ok(self.record.stage(event, &context)?)
    }

    /// Stages a person's signature on an event of the record or on one staged.
    pub(crate) fn stage_signature(
        &mut self,
        authenticated: Authenticated,
        role: Role,
        meaning: Meaning,
        signs: &str,
    ) -> Result<String, Failure> {
        let user = authenticated.user().to_owned();
        let printed_name = self.record.conduct().person(&user).map(|person| person.printed_name.clone());
        let at = now();
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
        let signature = authenticated.sign(statement, at).map_err(Failure::input)?;
        self.stage(actor(&user, role).event(at, signature))
    }

    /// Writes what is staged.
    pub(crate) fn commit(&mut self, command: Option<&Command>) -> Result<Recorded, Failure> {
        let (appended, flags) = self.record.commit(command)?;
        Ok(Recorded { appended, flags })
    }

    /// What was recorded before under a client's key.
    pub(crate) fn done_before(&mut self, command: &Command) -> Result<Option<Recorded>, Failure> {
        let trial = self.record.trial().to_owned();
        let appended = self.record.ledger().appended(&trial, command).map_err(Failure::input)?;
        Ok(appended.map(|appended| Recorded { appended, flags: Vec::new() }))
    }

    /// An event of the record, by its hash, the beginning of it, or its position.
    pub(crate) fn find(&self, named: &str) -> Result<(usize, String, &Event), Failure> {
        let entries = self.record.chain().entries();
        let by_position = named.parse::<usize>().ok().filter(|_| named.len() < 8);
        let mut found = entries.iter().enumerate().filter(|(place, entry)| {
            by_position == Some(place + 1) || (named.len() >= 8 && entry.hash.starts_with(named))
        });
        match (found.next(), found.next()) {
            (Some((place, entry)), None) => Ok((place + 1, entry.hash.clone(), &entry.event)),
            (None, _) => Err(Failure::input(format!(
                "expected the hash of an event of this record (8 digits at least) or its position up to {}, found {named:?}; mend: `posology trial history` shows both",
                entries.len()
            ))),
            (Some(_), Some(_)) => Err(Failure::input(format!(
                "{named:?}: expected one event, found several; mend: write more of the hash"
            ))),
        }
    }
}

/// A person at this machine.
pub(crate) fn actor(user: &str, role: Role) -> Actor {
    Actor { user: user.to_owned(), role, local_offset: local_offset(), software: SOFTWARE.to_owned() }
}

/// A client's key for a request.
pub(crate) fn client_key(key: &str, request: &str) -> Command {
    Command { client_key: key.to_owned(), digest: sha256(request.as_bytes()) }
}

/// Where a new record of a folder goes: as configured, or `record.db` in it.
pub(crate) fn new_location(folder: &Folder) -> Result<Location, Failure> {
    Ok(folder.location()?.unwrap_or_else(|| Location::File(folder.path.join("record.db"))))
}

/// Says what was recorded.
pub(crate) fn say(recorded: &Recorded, what: &str, json: bool) {
    let Recorded { appended, flags } = recorded;
    if json {
        output::json(&json!({
            "ok": true, "first": appended.first, "last": appended.last, "hash": appended.hash,
            "repeated": appended.repeated, "flags": flags,
        }));
        return;
    }
    let place = if appended.first == appended.last {
        format!("event {}", appended.last)
    } else {
        format!("events {} to {}", appended.first, appended.last)
    };
    if appended.repeated {
        output::text(&format!("Recorded before under this key, as {place}: nothing was added."));
    } else {
        output::text(&format!("Recorded: {what}, as {place}; the record ends in {}.", appended.hash));
    }
    for flag in flags {
        output::text(&format!("Flag [{}]: {flag}.", flag.rule));
    }
}

/// A fact in a few words: its kind, and its fields without names for what is long.
pub(crate) fn in_words(fact: &Fact) -> String {
    let value = serde_json::to_value(fact).unwrap_or_default();
    let mut words = Vec::new();
    for (name, value) in value["body"].as_object().into_iter().flatten() {
        let shown = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let shown = if shown.chars().count() > 60 {
            format!("{}…", shown.chars().take(57).collect::<String>())
        } else {
            shown
        };
        words.push(format!("{name} {}", shown.replace('\n', " ")));
    }
    format!("{}: {}", fact.kind().word(), words.join(", "))
}
