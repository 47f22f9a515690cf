//! Who is signed in: sessions and tokens, kept so that what is stored lets nobody in.
//!
//! A session's secret goes to the browser and its SHA-256 stays here, in memory alone: a restart signs everyone out. It
//! ends when it is idle for too long, when it is too old, when its person changes the password or gets a new key, and
//! when an administrator ends it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use posology_record::account;
use posology_trial::conduct::Conduct;
use posology_trial::event::{AccessKind, Fact, Kind, sha256};

/// Sessions of one person at a time; the oldest ends when another begins.
const OF_ONE: usize = 20;

/// A session as it is kept.
struct Held {
    number: u64,
    session: account::Session,
    csrf: String,
    seen: Timestamp,
    from: IpAddr,
    agent: String,
    /// What was just done, said on the next page.
    said: Option<String>,
}

/// A session found.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) user: String,
    pub(crate) csrf: String,
    pub(crate) number: u64,
    pub(crate) session: account::Session,
}

/// A session as an administrator sees it.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Listed {
    pub(crate) number: u64,
    pub(crate) user: String,
    pub(crate) began: Timestamp,
    pub(crate) seen: Timestamp,
    pub(crate) from: String,
    pub(crate) program: String,
}

pub(crate) struct Sessions {
    held: Mutex<(u64, HashMap<String, Held>)>,
    idle: SignedDuration,
}

impl Sessions {
    pub(crate) fn new(idle: SignedDuration) -> Self {
        Self { held: Mutex::default(), idle }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<String, Held>)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session: its secret for the cookie, from entropy that is used for nothing else.
    pub(crate) fn begin(
        &self,
        session: account::Session,
        from: IpAddr,
        agent: &str,
        entropy: &[u8; 64],
        now: Timestamp,
    ) -> String {
        let (secret, csrf) = entropy.split_at(32);
        let (secret, csrf) = (hexadecimal(secret), hexadecimal(csrf));
        let mut guard = self.lock();
        let (count, held) = &mut *guard;
        held.retain(|_, one| one.session.lasts(now) && now.duration_since(one.seen) <= self.idle);
        let of_user: Vec<(u64, String)> = held
            .iter()
            .filter(|(_, one)| one.session.user() == session.user())
            .map(|(key, one)| (one.number, key.clone()))
            .collect();
        if of_user.len() >= OF_ONE
            && let Some((_, oldest)) = of_user.into_iter().min()
        {
            held.remove(&oldest);
        }
        *count += 1;
        let agent = agent.chars().take(120).collect();
        let one = Held { number: *count, session, csrf, seen: now, from, agent, said: None };
        held.insert(sha256(secret.as_bytes()), one);
        secret
    }

    /// The session of a cookie, seen now.
    pub(crate) fn find(&self, secret: &str, conduct: &Conduct, now: Timestamp) -> Option<SignedIn> {
        let key = sha256(secret.as_bytes());
        let mut guard = self.lock();
        let one = guard.1.get_mut(&key)?;
        let lasts = one.session.lasts(now)
            && now.duration_since(one.seen) <= self.idle
            && !changed_since(conduct, one.session.user(), one.session.began());
        if !lasts {
            guard.1.remove(&key);
            return None;
        }
        one.seen = now;
        Some(SignedIn {
            user: one.session.user().to_owned(),
            csrf: one.csrf.clone(),
            number: one.number,
            session: one.session.clone(),
        })
    }

    /// Gives a session a new secret: what was seen of the old one is worth nothing then.
    pub(crate) fn rotate(&self, number: u64, entropy: &[u8; 32]) -> Option<String> {
        let mut guard = self.lock();
        let key = guard.1.iter().find(|(_, one)| one.number == number).map(|(key, _)| key.clone())?;
        let one = guard.1.remove(&key)?;
        let secret = hexadecimal(entropy);
        guard.1.insert(sha256(secret.as_bytes()), one);
        Some(secret)
    }

    /// Keeps what is to be said on the next page.
    pub(crate) fn say(&self, number: u64, said: String) {
        if let Some(one) = self.lock().1.values_mut().find(|one| one.number == number) {
            one.said = Some(said);
        }
    }

    /// What is to be said on this page.
    pub(crate) fn said(&self, number: u64) -> Option<String> {
        self.lock().1.values_mut().find(|one| one.number == number).and_then(|one| one.said.take())
    }

    /// Ends a session; whose it was.
    pub(crate) fn end(&self, number: u64) -> Option<String> {
        let mut guard = self.lock();
        let key = guard.1.iter().find(|(_, one)| one.number == number).map(|(key, _)| key.clone())?;
        guard.1.remove(&key).map(|one| one.session.user().to_owned())
    }

    /// Sessions that last, the newest first.
    pub(crate) fn list(&self, now: Timestamp) -> Vec<Listed> {
        let guard = self.lock();
        let mut listed: Vec<Listed> = guard
            .1
            .values()
            .filter(|one| one.session.lasts(now) && now.duration_since(one.seen) <= self.idle)
            .map(|one| Listed {
                number: one.number,
                user: one.session.user().to_owned(),
                began: one.session.began(),
                seen: one.seen,
                from: one.from.to_string(),
                program: one.agent.clone(),
            })
            .collect();
        listed.sort_by_key(|one| std::cmp::Reverse(one.number));
        listed
    }
}

/// Whether someone's password or key was changed after a time: sessions from before are over then.
pub(crate) fn changed_since(conduct: &Conduct, user: &str, began: Timestamp) -> bool {
    let recent =
        |kind: Kind| conduct.of_trial(kind).rev().take_while(move |entry| entry.event.recorded_at > began);
    recent(Kind::Access).any(|entry| {
        matches!(&entry.event.fact, Fact::Access(access)
            if access.user == user
                && matches!(access.kind, AccessKind::PasswordChanged | AccessKind::SecondFactorChanged))
    }) || recent(Kind::KeyIssued)
        .any(|entry| matches!(&entry.event.fact, Fact::KeyIssued(issued) if issued.user == user))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// How often something may be done: so many at once, then one in a while.
pub(crate) struct Limit {
    at_once: f64,
    a_second: f64,
    buckets: Mutex<HashMap<String, (f64, Timestamp)>>,
}

/// Names remembered at a time; beyond it those that are full again are forgotten.
const NAMES: usize = 20_000;

impl Limit {
    pub(crate) fn new(at_once: f64, a_second: f64) -> Self {
        Self { at_once, a_second, buckets: Mutex::default() }
    }

    /// Gives one back: it was no attempt.
    pub(crate) fn give_back(&self, name: &str) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((left, _)) = buckets.get_mut(name) {
            *left = (*left + 1.0).min(self.at_once);
        }
    }

    /// Takes one; the seconds to wait where there is none.
    pub(crate) fn take(&self, name: &str, now: Timestamp) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > NAMES {
            let (at_once, a_second) = (self.at_once, self.a_second);
            buckets.retain(|_, (left, since)| {
                *left + now.duration_since(*since).as_secs_f64() * a_second < at_once
            });
        }
        let (left, since) = buckets.entry(name.to_owned()).or_insert((self.at_once, now));
        *left = (*left + now.duration_since(*since).as_secs_f64().max(0.0) * self.a_second).min(self.at_once);
        *since = now;
        if *left >= 1.0 {
            *left -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - *left) / self.a_second).ceil();
        // Between 1 and a few thousand: the cast loses nothing.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Err(wait.clamp(1.0, 3600.0) as u64)
    }
}
