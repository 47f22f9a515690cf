//! A trial's record at the command line: where it is kept, who records, and what is said back.
//!
//! The clock, the random source, the environment and the terminal are here; no rule of the trial is.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use clap::Args;
use jiff::{Timestamp, Unit, Zoned};
use posology_record::account::{Authenticated, Components, SignInRefused};
use posology_record::desk::{Desk, Recorded, Surroundings, Undone};
use posology_record::ledger::Location;
use posology_record::record::Actor;
use posology_trial::event::{Fact, Kind, Role};
use serde_json::json;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

/// Program and version, as each event states it.
pub(crate) const SOFTWARE: &str = concat!("posology ", env!("CARGO_PKG_VERSION"));

/// This machine: its clock, its source of randomness, its place.
pub(crate) const HERE: Surroundings = Surroundings {
    now,
    draw: |bytes| getrandom::fill(bytes).map_err(|error| error.to_string()),
    local_offset,
    software: SOFTWARE,
};

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

/// Everything that goes wrong at a desk is said as it is.
impl From<Undone> for Failure {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Fault(fault) => Self::fault(fault),
            other => Self::input(other),
        }
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
    (HERE.draw)(&mut bytes).map_err(|error| Failure::fault(format!("no source of randomness: {error}")))?;
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

/// The folder of a trial, and the desk of its record.
pub(crate) fn open(dir: &Path) -> Result<(Folder, Desk), Failure> {
    let folder = Folder::open(dir)?;
    let Some(location) = folder.location()? else {
        return Err(Failure::input(format!(
            "{}: expected a record (record.db, `record` in posology.toml, or POSOLOGY_RECORD), found none; mend: found one with `posology trial found`, or restore one with `posology trial restore`",
            folder.path.display()
        )));
    };
    let desk = Desk::open(&location, Some(&folder.protocol.trial.id), HERE)?;
    Ok((folder, desk))
}

/// Signs a person in.
pub(crate) fn sign_in(desk: &mut Desk, identity: &Identity) -> Result<Authenticated, Failure> {
    let user = identity.user()?.to_owned();
    let password = secret("POSOLOGY_PASSWORD", &format!("Password of {user}"))?;
    desk.sign_in(&user, &password, Components::All { code: identity.code.as_deref() }).map_err(|undone| {
        match undone {
            Undone::SignIn(refused @ SignInRefused::MustChange) => {
                Failure::input(format!("{refused} with `posology trial account password DIR --as {user}`"))
            }
            other => other.into(),
        }
    })
}

/// The role in which a person records a kind of event.
pub(crate) fn role(desk: &Desk, identity: &Identity, kind: Kind) -> Result<Role, Failure> {
    Ok(desk.role(identity.user()?, identity.role.as_deref(), kind)?)
}

/// The person who acts, in the role in which they record a kind of event, signed in.
pub(crate) fn acting(desk: &mut Desk, identity: &Identity, kind: Kind) -> Result<Actor, Failure> {
    let role = role(desk, identity, kind)?;
    sign_in(desk, identity)?;
    Ok(desk.actor(identity.user()?, role))
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
