//! Accounts: who someone is, told by user name, password and a code of a second factor.
//!
//! Start at [`Account::create`] and [`Account::sign_in`]. The person's signing key and the second factor's secret lie in
//! a vault that the password opens; a password is right when it does. So nobody signs for another, an administrator
//! included: a password set anew by an administrator comes with a new key (21 CFR 11.200(a)(2), 11.300).
//!
//! Pure: time and entropy come in as values. An account is text (JSON) that the ledger keeps.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use posology_trial::event::{Signature, Statement};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::signature::{BadSignature, PublicKey, SecretKey};
pub use crate::vault::Cost;
use crate::vault::Vault;

/// What a trial asks of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What a guess at a password costs.
    pub cost: Cost,
    /// Least length of a password, characters (12).
    pub least_length: usize,
    /// Refusals in a row before the account is locked (5).
    pub refusals: u32,
    /// How long it is locked at first (15 minutes); each further time twice as long, up to a day.
    pub locked: SignedDuration,
    /// How long a password holds (none: until it is changed).
    pub password_age: Option<SignedDuration>,
    /// Earlier passwords that may not come back (5).
    pub remembered: usize,
    /// How long after signing in one may still sign without doing so again (5 minutes).
    pub fresh: SignedDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cost: Cost::default(),
            least_length: 12,
            refusals: 5,
            locked: SignedDuration::from_mins(15),
            password_age: None,
            remembered: 5,
            fresh: SignedDuration::from_mins(5),
        }
    }
}

/// An account, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    user: String,
    /// Secret key and second factor, locked by the password.
    vault: Vault,
    /// Public half of the signing key.
    key: String,
    second_factor: bool,
    /// Set by another: to be changed at the first signing in.
    must_change: bool,
    password_since: Timestamp,
    earlier: Vec<Earlier>,
    refusals: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_until: Option<Timestamp>,
    lockouts: u32,
    /// Step of the last code used: each is used once.
    last_step: i64,
}

/// A password that may not come back, as a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Earlier {
    salt: String,
    cost: Cost,
    mark: String,
}

/// Why someone was not let in. To the outside all but the lock read the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInRefused {
    /// Wrong password, or no such user.
    #[error("{SAME}")]
    Password,
    /// Wrong, used or missing code.
    #[error("{SAME}")]
    Code,
    /// Locked after refusals.
    #[error(
        "expected an account that is not locked, found it locked until {until}; mend: wait, or ask an administrator to unlock it"
    )]
    Locked {
        /// Until when.
        until: Timestamp,
    },
    /// The password is too old, or was set by another: only changing it is allowed.
    #[error(
        "expected a password of one's own that still holds, found one to be changed; mend: change it first"
    )]
    MustChange,
}

const SAME: &str =
    "expected a user with their password and code, found none that agree; mend: try again with care";

impl SignInRefused {
    /// The word for the audit trail, which is told more than the person.
    #[must_use]
    pub fn recorded(&self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Locked { .. } => "locked",
            Self::MustChange => "password to be changed",
        }
    }
}

/// A password that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPassword {
    /// Too short.
    #[error("expected a password of at least {expected} characters, found {found}; mend: take several words")]
    Short {
        /// Least length.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// Used before, or the user's name.
    #[error(
        "expected a password not used before that is not the user's name, found one that is; mend: take another"
    )]
    Known,
    /// Could not be locked in.
    #[error(
        "the password could not be taken: the cost set for it is out of range; mend: set a memory of 8 KiB to 1 GiB"
    )]
    Cost,
}

/// Which components a signing in needs (21 CFR 11.200(a)(1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Components<'a> {
    /// All of them: the first of a session.
    All {
        /// Code of the second factor, where one is enrolled.
        code: Option<&'a str>,
    },
    /// The password alone: a later signing in a session that began with all.
    PasswordAlone,
}

/// Someone who has just shown who they are. It cannot be made otherwise, and does not keep.
#[derive(Debug)]
pub struct Authenticated {
    user: String,
    at: Timestamp,
    fresh: SignedDuration,
    key: SecretKey,
}

/// Signing that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningRefused {
    /// Not shown freshly enough who they are.
    #[error("expected a signing in within the last {} minutes, found one at {at}; mend: sign in again", fresh.as_mins())]
    NotFresh {
        /// When they signed in.
        at: Timestamp,
        /// How long that holds.
        fresh: SignedDuration,
    },
    /// A statement of another person.
    #[error("expected a statement of {user:?}, found one of {found:?}; mend: each signs for themselves")]
    Another {
        /// Who is signed in.
        user: String,
        /// Whose statement it is.
        found: String,
    },
    /// The statement's key is not theirs.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl Authenticated {
    /// Who.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Public half of their key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key.public()
    }

    /// Signs a statement of their own, while the signing in is fresh.
    ///
    /// # Errors
    /// [`SigningRefused`].
    pub fn sign(&self, statement: Statement, now: Timestamp) -> Result<Signature, SigningRefused> {
        let age = now.duration_since(self.at);
        if age > self.fresh || age.is_negative() {
            return Err(SigningRefused::NotFresh { at: self.at, fresh: self.fresh });
        }
        if statement.user != self.user {
            return Err(SigningRefused::Another { user: self.user.clone(), found: statement.user });
        }
        Ok(self.key.sign(statement)?)
    }
}

/// What lies in the vault: the secret key, then the second factor's secret where there is one.
const KEY: usize = 32;
const FACTOR: usize = 20;

impl Account {
    /// A new account with a new key. `set_by_another` asks for a change of password at the first signing in.
    ///
    /// # Errors
    /// [`BadPassword`].
    pub fn create(
        user: &str,
        password: &str,
        set_by_another: bool,
        key: &SecretKey,
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Self, BadPassword> {
        acceptable(user, password, settings)?;
        let secret = Zeroizing::new(key.to_bytes());
        let vault = Vault::lock(secret.as_slice(), password, user, entropy, settings.cost)
            .ok_or(BadPassword::Cost)?;
        Ok(Self {
            user: user.to_owned(),
            vault,
            key: key.public().to_string(),
            second_factor: false,
            must_change: set_by_another,
            password_since: now,
            earlier: Vec::new(),
            refusals: 0,
            locked_until: None,
            lockouts: 0,
            last_step: 0,
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Public half of the signing key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a second factor is enrolled.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.second_factor
    }

    /// Until when it is locked, if it is.
    #[must_use]
    pub fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > now)
    }

    /// Signs someone in. The account is changed either way (refusals, the code used) and must be kept again.
    ///
    /// # Errors
    /// [`SignInRefused`].
    pub fn sign_in(
        &mut self,
        password: &str,
        components: Components<'_>,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Authenticated, SignInRefused> {
        if let Some(until) = self.locked_until(now) {
            return Err(SignInRefused::Locked { until });
        }
        let opened = self.vault.open(password, &self.user);
        let Some((key, factor)) = opened.as_deref().and_then(|secret| contents(secret)) else {
            return Err(self.refuse(SignInRefused::Password, now, settings));
        };
        if let (Components::All { code }, Some(factor)) = (components, factor) {
            match code.and_then(|code| step_of(factor, code, now)).filter(|step| *step > self.last_step) {
                Some(step) => self.last_step = step,
                None => return Err(self.refuse(SignInRefused::Code, now, settings)),
            }
        }
        self.refusals = 0;
        self.lockouts = 0;
        self.locked_until = None;
        let too_old = settings.password_age.is_some_and(|age| now.duration_since(self.password_since) > age);
        if self.must_change || too_old {
            return Err(SignInRefused::MustChange);
        }
        Ok(Authenticated {
            user: self.user.clone(),
            at: now,
            fresh: settings.fresh,
            key: SecretKey::from_entropy(key),
        })
    }

    fn refuse(&mut self, why: SignInRefused, now: Timestamp, settings: &Settings) -> SignInRefused {
        self.refusals += 1;
        if self.refusals >= settings.refusals {
            self.refusals = 0;
            let doubled = 1_i32 << self.lockouts.min(10);
            let day = SignedDuration::from_hours(24);
            let locked = settings.locked.checked_mul(doubled).unwrap_or(day).min(day);
            self.lockouts = self.lockouts.saturating_add(1);
            self.locked_until = Some(now.saturating_add(locked).unwrap_or(Timestamp::MAX));
        }
        why
    }

    /// Lifts a lock.
    pub fn unlock(&mut self) {
        self.refusals = 0;
        self.lockouts = 0;
        self.locked_until = None;
    }

    /// Changes the password; key and second factor stay.
    ///
    /// # Errors
    /// Both kinds: the old password is wrong (or the account locked), the new one is not taken.
    pub fn change_password(
        &mut self,
        old: &str,
        code: Option<&str>,
        new: &str,
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<(), ChangeRefused> {
        match self.sign_in(old, Components::All { code }, now, settings) {
            Ok(_) | Err(SignInRefused::MustChange) => {}
            Err(refused) => return Err(refused.into()),
        }
        acceptable(&self.user, new, settings)?;
        let secret = self.vault.open(old, &self.user).ok_or(SignInRefused::Password)?;
        let known = new == old
            || self.earlier.iter().any(|earlier| {
                Vault::for_marks(&earlier.salt, earlier.cost).mark(new).as_deref() == Some(&earlier.mark)
            });
        if known {
            return Err(BadPassword::Known.into());
        }
        let vault = Vault::lock(&secret, new, &self.user, entropy, settings.cost).ok_or(BadPassword::Cost)?;
        if let Some(mark) = self.vault.mark(old) {
            let salt = self.vault.salt().to_owned();
            self.earlier.push(Earlier { salt, cost: self.vault.cost(), mark });
            let surplus = self.earlier.len().saturating_sub(settings.remembered);
            self.earlier.drain(..surplus);
        }
        self.vault = vault;
        self.must_change = false;
        self.password_since = now;
        Ok(())
    }

    /// Enrols a second factor with a new secret, or replaces it.
    ///
    /// # Errors
    /// As for signing in.
    pub fn enrol_second_factor(
        &mut self,
        password: &str,
        code: Option<&str>,
        secret: &[u8; FACTOR],
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<(), ChangeRefused> {
        let signed_in = self.sign_in(password, Components::All { code }, now, settings)?;
        let mut contents = Zeroizing::new(signed_in.key.to_bytes().to_vec());
        contents.extend_from_slice(secret);
        let cost = settings.cost;
        self.vault = Vault::lock(&contents, password, &self.user, entropy, cost).ok_or(BadPassword::Cost)?;
        self.second_factor = true;
        Ok(())
    }
}

/// The address by which an authenticator program takes up a second factor.
#[must_use]
pub fn second_factor_address(trial: &str, user: &str, secret: &[u8; 20]) -> String {
    let plain = |text: &str| -> String {
        let keeps = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        text.chars().map(|c| if keeps(c) { c } else { '-' }).collect()
    };
    let (trial, user) = (plain(trial), plain(user));
    format!("otpauth://totp/Posology%20{trial}:{user}?secret={}&issuer=Posology%20{trial}", base32(secret))
}

/// A change that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// Not let in.
    #[error(transparent)]
    SignIn(#[from] SignInRefused),
    /// The new password is not taken.
    #[error(transparent)]
    Password(#[from] BadPassword),
}

/// The trial's root key, locked by its own passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRoot {
    vault: Vault,
    key: String,
}

impl LockedRoot {
    /// Locks a root key.
    ///
    /// # Errors
    /// [`BadPassword`].
    pub fn lock(
        key: &SecretKey,
        passphrase: &str,
        entropy: &[u8; 40],
        settings: &Settings,
    ) -> Result<Self, BadPassword> {
        acceptable("root", passphrase, settings)?;
        let secret = Zeroizing::new(key.to_bytes());
        let vault = Vault::lock(secret.as_slice(), passphrase, "root", entropy, settings.cost);
        Ok(Self { vault: vault.ok_or(BadPassword::Cost)?, key: key.public().to_string() })
    }

    /// The root key, where the passphrase is right.
    ///
    /// # Errors
    /// [`SignInRefused::Password`].
    pub fn open(&self, passphrase: &str) -> Result<SecretKey, SignInRefused> {
        let secret = self.vault.open(passphrase, "root").ok_or(SignInRefused::Password)?;
        let (key, _) = contents(&secret).ok_or(SignInRefused::Password)?;
        Ok(SecretKey::from_entropy(key))
    }

    /// Its public half.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn contents(secret: &[u8]) -> Option<([u8; KEY], Option<&[u8]>)> {
    let (key, factor) = secret.split_at_checked(KEY)?;
    let key = key.try_into().ok()?;
    match factor.len() {
        0 => Some((key, None)),
        FACTOR => Some((key, Some(factor))),
        _ => None,
    }
}

fn acceptable(user: &str, password: &str, settings: &Settings) -> Result<(), BadPassword> {
    let found = password.chars().count();
    if found < settings.least_length {
        return Err(BadPassword::Short { expected: settings.least_length, found });
    }
    if password.to_lowercase().replace(' ', "") == user.to_lowercase() {
        return Err(BadPassword::Known);
    }
    Ok(())
}

/// The code of a secret at a step of 30 seconds (RFC 6238 with SHA-1 and 6 digits, what authenticator programs speak).
#[must_use]
pub fn code_at(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last().copied().unwrap_or(0) & 15);
    let bits = digest.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = bits.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step whose code it is: the present one, or one before or after.
fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let present = now.as_second().div_euclid(30);
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = None;
    // Every step is computed whatever the outcome, so that time tells nothing.
    for step in [present - 1, present, present + 1] {
        let expected = code_at(secret, step);
        let differs = expected.len() != code.len()
            || expected.bytes().zip(code.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) != 0;
        if !differs {
            found = Some(step);
        }
    }
    found
}

/// Base32 without padding (RFC 4648), as authenticator programs read secrets.
fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for group in bytes.chunks(5) {
        let mut bits = 0_u64;
        for place in 0..5 {
            bits = (bits << 8) | u64::from(group.get(place).copied().unwrap_or(0));
        }
        let digits = (group.len() * 8).div_ceil(5);
        for place in 0..digits {
            let value = (bits >> (35 - 5 * place)) & 31;
            let digit = usize::try_from(value).ok().and_then(|value| DIGITS.get(value));
            text.push(digit.map_or('A', |digit| char::from(*digit)));
        }
    }
    text
}
