//! Tokens: what programs ask with in a person's place. A token reads, or records too; it never signs, since a signature
//! takes the password each time. It is kept by its SHA-256, beside the accounts.

use jiff::{SignedDuration, Timestamp};
use posology_record::desk::{Desk, Undone};
use posology_trial::event::sha256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session::{changed_since, hexadecimal, same};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    /// Read what its person may read.
    Read,
    /// Record too what its person may record.
    Record,
}

impl Scope {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Record => "record",
        }
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Token {
    /// Its number, part of the token itself.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) user: String,
    /// What it is for, in the person's words.
    pub(crate) label: String,
    /// What it may do.
    pub(crate) scope: Scope,
    /// When it was made.
    pub(crate) made: Timestamp,
    /// Until when it holds.
    pub(crate) expires: Timestamp,
    /// When it was taken back, if it was.
    pub(crate) revoked: Option<Timestamp>,
    #[schemars(skip)]
    hash: String,
}

impl Token {
    /// Whether it lets anybody in now.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }
}

/// Days for which a token may hold.
pub(crate) const LONGEST: i64 = 366;

const PREFIX: &str = "psl_";

fn place(id: &str) -> String {
    format!("@token/{id}")
}

/// Makes a token: its text, told once.
pub(crate) fn make(
    desk: &mut Desk,
    user: &str,
    label: &str,
    scope: Scope,
    days: i64,
) -> Result<(String, Token), Undone> {
    if !(1..=LONGEST).contains(&days) {
        return Err(Undone::Asked(format!(
            "days: expected 1 to {LONGEST}, found {days}; mend: make a new token when this one is over"
        )));
    }
    let (id, secret) = (hexadecimal(&desk.entropy::<6>()?), hexadecimal(&desk.entropy::<32>()?));
    let made = desk.now();
    let expires = made
        .checked_add(SignedDuration::from_hours(24 * days))
        .map_err(|error| Undone::Fault(error.to_string()))?;
    let token = Token {
        hash: sha256(secret.as_bytes()),
        user: user.to_owned(),
        label: label.chars().take(80).collect(),
        scope,
        made,
        expires,
        revoked: None,
        id,
    };
    keep(desk, &token, 0)?;
    Ok((format!("{PREFIX}{}_{secret}", token.id), token))
}

fn keep(desk: &mut Desk, token: &Token, version: u64) -> Result<(), Undone> {
    let trial = desk.record().trial().to_owned();
    let body = serde_json::to_string(token)?;
    desk.record_mut().ledger().put_account(&trial, &place(&token.id), version, &body)?;
    Ok(())
}

fn kept(desk: &mut Desk, id: &str) -> Result<Option<(u64, Token)>, Undone> {
    let trial = desk.record().trial().to_owned();
    let Some(stored) = desk.record_mut().ledger().account(&trial, &place(id))? else { return Ok(None) };
    Ok(Some((stored.version, serde_json::from_str(&stored.body)?)))
}

/// The token of a text, where it holds: none made before its person's password or key last changed.
pub(crate) fn find(desk: &mut Desk, text: &str) -> Result<Option<Token>, Undone> {
    let Some((id, secret)) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else {
        return Ok(None);
    };
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let now = desk.now();
    let found = kept(desk, id)?.map(|(_, token)| token);
    let holds = found.filter(|token| same(&token.hash, &sha256(secret.as_bytes())) && token.holds(now));
    Ok(holds.filter(|token| !changed_since(desk.conduct(), &token.user, token.made)))
}

/// A person's tokens, or everyone's, the newest first.
pub(crate) fn list(desk: &mut Desk, of: Option<&str>) -> Result<Vec<Token>, Undone> {
    let trial = desk.record().trial().to_owned();
    let mut tokens = Vec::new();
    for name in desk.record_mut().ledger().account_names(&trial)? {
        let Some(id) = name.strip_prefix("@token/") else { continue };
        if let Some((_, token)) = kept(desk, id)?
            && of.is_none_or(|user| user == token.user)
        {
            tokens.push(token);
        }
    }
    tokens.sort_by_key(|token| std::cmp::Reverse(token.made));
    Ok(tokens)
}

/// Takes a token back: its person may, and an administrator.
pub(crate) fn revoke(desk: &mut Desk, id: &str, by: &str, administers: bool) -> Result<(), Undone> {
    let found = kept(desk, id)?.filter(|(_, token)| administers || token.user == by);
    let Some((version, mut token)) = found else {
        return Err(Undone::Asked(format!(
            "expected a token of yours, found {id:?}; mend: name one that is listed"
        )));
    };
    token.revoked = Some(desk.now());
    keep(desk, &token, version)
}
