//! Accounts: who someone is, told by user name, password and a code of a second factor.
//!
//! Start at [`Account::create`] and [`Account::sign_in`]. The person's signing key and the second factor's secret lie in
//! a vault that the password opens; a password is right when it does. So nobody signs for another, an administrator
//! included: a password set anew by an administrator comes with a new key (21 CFR 11.200(a)(2), 11.300). The second
//! factor's secret lies there rather than under a key of the server, since a laptop has no place to keep such a key from
//! whoever reads its disk.
//!
//! Signing asks for an [`Authenticated`], which signing in gives and one signature takes away: each signature needs the
//! password again, the first of a [`Session`] the second factor too (21 CFR 11.200(a)(1)).
//!
//! Pure: time and entropy come in as values; entropy is never used twice. An account is text (JSON) that the ledger
//! keeps. Left out: which account is whose in the record, and what a role may do (`posology_trial::permission`).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use posology_trial::event::{Signature, Statement};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::signature::{BadSignature, PublicKey, SecretKey, TOLERANCE};
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
    /// How long after signing in one may still sign (5 minutes).
    pub fresh: SignedDuration,
    /// How long a session lasts, in which later signings take the password alone (8 hours).
    pub session: SignedDuration,
    /// Whether nobody gets in without a second factor (no: user name and password are the two components that 21 CFR
    /// 11.200(a)(1) asks for).
    pub second_factor_required: bool,
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
            session: SignedDuration::from_hours(8),
            second_factor_required: false,
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

/// Why someone was not let in. An unknown user, a wrong password and a wrong code read the same to the outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInRefused {
    /// No such user.
    #[error("{SAME}")]
    Unknown,
    /// Wrong password.
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
    /// There is no second factor, and there must be: only enrolling one is allowed.
    #[error("expected a second factor, found none enrolled; mend: enrol one first")]
    MustEnrol,
    /// The session is over, of another person, or from before the password was changed.
    #[error(
        "expected a session of one's own that still lasts, found one that does not; mend: sign in with password and code"
    )]
    Session,
}

const SAME: &str =
    "expected a user with their password and code, found none that agree; mend: try again with care";

impl SignInRefused {
    /// The word for the audit trail, which is told more than the person.
    #[must_use]
    pub fn recorded(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown user",
            Self::Password => "password",
            Self::Code => "code",
            Self::Locked { .. } => "locked",
            Self::MustChange => "password to be changed",
            Self::MustEnrol => "second factor to be enrolled",
            Self::Session => "session over",
        }
    }
}

/// Refuses a user who has no account, at the cost of a wrong password, so that time does not tell who has one.
#[must_use]
pub fn refuse_unknown(user: &str, password: &str, settings: &Settings) -> SignInRefused {
    let _ = Vault::lock(&[0; KEY], password, user, &[0; 40], settings.cost);
    SignInRefused::Unknown
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

/// Which components are shown beside user name and password (21 CFR 11.200(a)(1)).
#[derive(Debug, Clone, Copy)]
pub enum Components<'a> {
    /// All of them: the first signing in of a session.
    All {
        /// Code of the second factor, where one is enrolled.
        code: Option<&'a str>,
    },
    /// The password alone: a later one in a session that began with all.
    PasswordAlone {
        /// That session.
        session: &'a Session,
    },
}

/// A stretch of time that began with all components. It lets nobody sign: that takes the password again.
///
/// Made only by [`Authenticated::session`], and kept in memory only: it has no written form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    user: String,
    began: Timestamp,
    ends: Timestamp,
}

impl Session {
    /// Who.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether it lasts now. That an account was closed or its password changed since is asked of the account.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        (self.began..=self.ends).contains(&now)
    }
}

/// Someone who has just shown who they are. It cannot be made or copied otherwise, and does not keep.
#[derive(Debug)]
pub struct Authenticated {
    at: Timestamp,
    fresh: SignedDuration,
    session: Session,
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
    /// A statement of another time.
    #[error(
        "expected a statement of now, {now}, found one of {found}; mend: make the statement when it is signed"
    )]
    Time {
        /// Now.
        now: Timestamp,
        /// When the statement says it was made.
        found: Timestamp,
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
        &self.session.user
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

    /// The session that this signing in began, or in which it stands.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session.clone()
    }

    /// Signs one statement of their own, while the signing in is fresh. The next takes another signing in:
    ///
    /// ```compile_fail,E0382
    /// # use posology_record::account::*;
    /// # use posology_trial::event::Statement;
    /// # fn twice(signed_in: Authenticated, one: Statement, other: Statement, now: jiff::Timestamp) {
    /// let _ = signed_in.sign(one, now);
    /// let _ = signed_in.sign(other, now); // does not compile: `signed_in` is used up
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SigningRefused`].
    pub fn sign(self, statement: Statement, now: Timestamp) -> Result<Signature, SigningRefused> {
        let age = now.duration_since(self.at);
        if age > self.fresh || age.is_negative() {
            return Err(SigningRefused::NotFresh { at: self.at, fresh: self.fresh });
        }
        if now.duration_since(statement.at).abs() > TOLERANCE {
            return Err(SigningRefused::Time { now, found: statement.at });
        }
        if statement.user != self.session.user {
            return Err(SigningRefused::Another { user: self.session.user, found: statement.user });
        }
        Ok(self.key.sign(statement)?)
    }
}

/// What lies in the vault: the secret key, then the second factor's secret where there is one.
const KEY: usize = 32;
const FACTOR: usize = 20;

/// A second factor to be enrolled.
#[derive(Clone, Copy)]
pub struct NewFactor<'a> {
    /// Its secret: 20 bytes of entropy, handed over as [`second_factor_address`].
    pub secret: &'a [u8; FACTOR],
    /// The code that it shows now, so that a secret wrongly taken up locks nobody out.
    pub proof: &'a str,
}

impl fmt::Debug for NewFactor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewFactor(…)")
    }
}

impl Account {
    /// A new account with a new key. `set_by_another` asks for a change of password at the first signing in.
    ///
    /// ```
    /// use jiff::{SignedDuration, Timestamp};
    /// use posology_record::account::{Account, Components, Settings};
    /// use posology_record::signature::SecretKey;
    ///
    /// let (settings, now) = (Settings::default(), Timestamp::UNIX_EPOCH);
    /// // Entropy comes from the system; here it is written out.
    /// let key = SecretKey::from_entropy([1; 32]);
    /// let mut ann = Account::create("ann", "correct horse battery", false, &key, &[2; 40], now, &settings)?;
    /// let first = ann.sign_in("correct horse battery", Components::All { code: None }, now, &settings)?;
    /// let session = first.session();
    /// // Later in that session the password alone will do, but not without it.
    /// let later = now + SignedDuration::from_hours(1);
    /// let again = Components::PasswordAlone { session: &session };
    /// assert!(ann.sign_in("wrong horse battery", again, later, &settings).is_err());
    /// assert_eq!(ann.sign_in("correct horse battery", again, later, &settings)?.user(), "ann");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        let vault =
            Vault::lock(&held(key, None), password, user, entropy, settings.cost).ok_or(BadPassword::Cost)?;
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
        let session = match components {
            Components::All { .. } => None,
            Components::PasswordAlone { session } => {
                let theirs = session.user == self.user && session.began >= self.password_since;
                if !theirs || !session.lasts(now) {
                    return Err(SignInRefused::Session);
                }
                Some(session.clone())
            }
        };
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
        self.unlock();
        let too_old = settings.password_age.is_some_and(|age| now.duration_since(self.password_since) > age);
        if self.must_change || too_old {
            return Err(SignInRefused::MustChange);
        }
        if settings.second_factor_required && factor.is_none() {
            return Err(SignInRefused::MustEnrol);
        }
        let session = session.unwrap_or_else(|| Session {
            user: self.user.clone(),
            began: now,
            ends: now.saturating_add(settings.session).unwrap_or(Timestamp::MAX),
        });
        Ok(Authenticated { at: now, fresh: settings.fresh, session, key })
    }

    fn refuse(&mut self, why: SignInRefused, now: Timestamp, settings: &Settings) -> SignInRefused {
        self.refusals = self.refusals.saturating_add(1);
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

    /// Changes the password; key and second factor stay. Sessions begun before are over.
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
            Ok(_) | Err(SignInRefused::MustChange | SignInRefused::MustEnrol) => {}
            Err(refused) => return Err(refused.into()),
        }
        acceptable(&self.user, new, settings)?;
        if new == old || self.earlier.iter().any(|earlier| earlier.is_of(new)) {
            return Err(BadPassword::Known.into());
        }
        let secret = self.vault.open(old, &self.user).ok_or(SignInRefused::Password)?;
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
    /// As for signing in; [`ChangeRefused::Factor`] where its first code is wrong.
    pub fn enrol_second_factor(
        &mut self,
        password: &str,
        code: Option<&str>,
        factor: NewFactor<'_>,
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<(), ChangeRefused> {
        // Nobody must have a second factor in order to enrol one.
        let settings = Settings { second_factor_required: false, ..settings.clone() };
        let signed_in = self.sign_in(password, Components::All { code }, now, &settings)?;
        let step = step_of(factor.secret, factor.proof, now).ok_or(ChangeRefused::Factor)?;
        let secret = held(&signed_in.key, Some(factor.secret));
        self.relock(&secret, password, entropy, &settings)?;
        self.second_factor = true;
        self.last_step = step;
        Ok(())
    }

    /// Takes a new signing key into the account; password and second factor stay. Returns the old key, to be revoked in
    /// every trial that certified it, as the new one is to be certified.
    ///
    /// # Errors
    /// As for signing in.
    pub fn rotate_key(
        &mut self,
        password: &str,
        code: Option<&str>,
        key: &SecretKey,
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<String, ChangeRefused> {
        self.sign_in(password, Components::All { code }, now, settings)?;
        let opened = self.vault.open(password, &self.user).ok_or(SignInRefused::Password)?;
        let (_, factor) = contents(&opened).ok_or(SignInRefused::Password)?;
        self.relock(&held(key, factor), password, entropy, settings)?;
        Ok(std::mem::replace(&mut self.key, key.public().to_string()))
    }

    /// Sets a password for someone who lost theirs, by an administrator who saw who they are. What the old password
    /// locked is lost with it: the second factor is to be enrolled again, and the account has a new key. Returns the old
    /// one, to be revoked in every trial that certified it. The person must change the password before anything else.
    ///
    /// # Errors
    /// [`BadPassword`]; the account is then as before.
    pub fn reset(
        &mut self,
        password: &str,
        key: &SecretKey,
        entropy: &[u8; 40],
        now: Timestamp,
        settings: &Settings,
    ) -> Result<String, BadPassword> {
        acceptable(&self.user, password, settings)?;
        let known = self.earlier.iter().any(|earlier| earlier.is_of(password));
        if known || self.vault.open(password, &self.user).is_some() {
            return Err(BadPassword::Known);
        }
        self.relock(&held(key, None), password, entropy, settings)?;
        self.unlock();
        self.second_factor = false;
        self.must_change = true;
        self.password_since = now;
        Ok(std::mem::replace(&mut self.key, key.public().to_string()))
    }

    fn relock(
        &mut self,
        secret: &[u8],
        password: &str,
        entropy: &[u8; 40],
        settings: &Settings,
    ) -> Result<(), BadPassword> {
        self.vault =
            Vault::lock(secret, password, &self.user, entropy, settings.cost).ok_or(BadPassword::Cost)?;
        Ok(())
    }
}

impl Earlier {
    fn is_of(&self, password: &str) -> bool {
        Vault::for_marks(&self.salt, self.cost).mark(password).as_deref() == Some(&self.mark)
    }
}

/// The address by which an authenticator program takes up a second factor.
#[must_use]
pub fn second_factor_address(trial: &str, user: &str, secret: &[u8; FACTOR]) -> String {
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
    /// The code shown by a new second factor is not its own.
    #[error(
        "expected the code that the new second factor shows now, found another; mend: read the address into the authenticator again, and see that its clock is right"
    )]
    Factor,
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
        let vault = Vault::lock(&held(key, None), passphrase, "root", entropy, settings.cost);
        Ok(Self { vault: vault.ok_or(BadPassword::Cost)?, key: key.public().to_string() })
    }

    /// The root key, where the passphrase is right.
    ///
    /// # Errors
    /// [`SignInRefused::Password`].
    pub fn open(&self, passphrase: &str) -> Result<SecretKey, SignInRefused> {
        let secret = self.vault.open(passphrase, "root").ok_or(SignInRefused::Password)?;
        let (key, _) = contents(&secret).ok_or(SignInRefused::Password)?;
        Ok(key)
    }

    /// Changes the passphrase; the key stays.
    ///
    /// # Errors
    /// Both kinds: the old passphrase is wrong, the new one is not taken.
    pub fn change_passphrase(
        &mut self,
        old: &str,
        new: &str,
        entropy: &[u8; 40],
        settings: &Settings,
    ) -> Result<(), ChangeRefused> {
        let key = self.open(old)?;
        if new == old {
            return Err(BadPassword::Known.into());
        }
        *self = Self::lock(&key, new, entropy, settings)?;
        Ok(())
    }

    /// Its public half.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn held(key: &SecretKey, factor: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    // Room for all from the start: a vector that grows leaves a copy behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(KEY + FACTOR));
    secret.extend_from_slice(Zeroizing::new(key.to_bytes()).as_slice());
    secret.extend_from_slice(factor.unwrap_or_default());
    secret
}

fn contents(secret: &[u8]) -> Option<(SecretKey, Option<&[u8]>)> {
    let (key, factor) = secret.split_at_checked(KEY)?;
    let entropy: Zeroizing<[u8; KEY]> = Zeroizing::new(key.try_into().ok()?);
    let key = SecretKey::from_entropy(*entropy);
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
