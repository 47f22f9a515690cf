//! Signatures: who signed which event, with which meaning, under which key, and how a stranger can tell.
//!
//! Start at [`SecretKey::sign`] and [`KeyRing`]. A signature runs (ed25519, RFC 8032) over the canonical JSON of its
//! statement; the statement names the hash of the event signed, so it cannot be moved to another (21 CFR 11.70). Keys
//! of people are certified by the trial's root key, whose public half stands in the founding event. Everything needed
//! to check a signature is in the record.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use jiff::SignedDuration;
use posology_trial::event::{Entry, Fact, Signature, Statement, canonical};
use serde::Serialize;

use crate::hexadecimal;

/// A secret key. It is not shown, and wiped when dropped.
pub struct SecretKey(SigningKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    /// The key of 32 bytes of entropy.
    ///
    /// ```
    /// use posology_record::signature::SecretKey;
    /// // RFC 8032, section 7.1, test 1.
    /// let key = SecretKey::from_entropy([
    ///     0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    ///     0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    /// ]);
    /// assert_eq!(key.public().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    /// ```
    #[must_use]
    pub fn from_entropy(entropy: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&entropy))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    fn sign_bytes(&self, bytes: &[u8]) -> String {
        hexadecimal::write(&self.0.sign(bytes).to_bytes())
    }

    /// Signs a statement whose `key` is this one's public half; the fact to record.
    ///
    /// # Errors
    /// [`BadSignature::Key`] where the statement names another key.
    pub fn sign(&self, statement: Statement) -> Result<Signature, BadSignature> {
        let public = self.public().to_string();
        if statement.key != public {
            return Err(BadSignature::Key { user: statement.user, found: statement.key });
        }
        let signature = self.sign_bytes(&bytes(&statement)?);
        Ok(Signature { statement, signature })
    }

    /// Certifies, as the trial's root key, that a public key belongs to a person.
    ///
    /// # Errors
    /// Never for text that can be written as JSON.
    pub fn certify(&self, trial: &str, user: &str, key: &PublicKey) -> Result<String, BadSignature> {
        Ok(self.sign_bytes(&person_certificate(trial, user, &key.to_string())?))
    }

    /// Certifies, as the trial's root key, the root key that takes its place.
    ///
    /// # Errors
    /// Never for text that can be written as JSON.
    pub fn certify_root(&self, trial: &str, key: &PublicKey) -> Result<String, BadSignature> {
        Ok(self.sign_bytes(&root_certificate(trial, &key.to_string())?))
    }
}

#[derive(Serialize)]
struct Certificate<'a> {
    certifies: &'a str,
    key: &'a str,
    trial: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, BadSignature> {
    canonical(value).map(String::into_bytes).map_err(|error| BadSignature::Unwritable(error.to_string()))
}

fn person_certificate(trial: &str, user: &str, key: &str) -> Result<Vec<u8>, BadSignature> {
    bytes(&Certificate { certifies: "posology-key/1", key, trial, user: Some(user) })
}

fn root_certificate(trial: &str, key: &str) -> Result<Vec<u8>, BadSignature> {
    bytes(&Certificate { certifies: "posology-root/1", key, trial, user: None })
}

/// A public key: 64 hexadecimal digits, which are also its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 64 hexadecimal digits, lower case.
    ///
    /// # Errors
    /// [`BadSignature::NoKey`] where they are no ed25519 key, or one of the few weak ones.
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        hexadecimal::read(text)
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .filter(|key| !key.is_weak())
            .map(Self)
            .ok_or_else(|| BadSignature::NoKey { found: text.to_owned() })
    }

    /// As a PEM file (SubjectPublicKeyInfo), which openssl reads.
    #[must_use]
    pub fn to_pem(&self) -> String {
        // RFC 8410: the prefix of an ed25519 public key is always the same.
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend_from_slice(self.0.as_bytes());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der))
    }

    fn verifies(&self, bytes: &[u8], signature: &str) -> bool {
        hexadecimal::read(signature).is_some_and(|signature| {
            self.0.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok()
        })
    }

    /// Whether a signature on a statement is this key's.
    #[must_use]
    pub fn verifies_signature(&self, signature: &Signature) -> bool {
        signature.statement.key == self.to_string()
            && bytes(&signature.statement).is_ok_and(|bytes| self.verifies(&bytes, &signature.signature))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal::write(self.0.as_bytes()))
    }
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |value: u32| {
        usize::try_from(value & 63)
            .ok()
            .and_then(|place| DIGITS.get(place))
            .map_or('A', |digit| char::from(*digit))
    };
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        text.extend([digit(bits >> 18), digit(bits >> 12)]);
        text.push(if group.len() > 1 { digit(bits >> 6) } else { '=' });
        text.push(if group.len() > 2 { digit(bits) } else { '=' });
    }
    text
}

/// A key or signature that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSignature {
    /// Not a public key.
    #[error(
        "expected a public key of 64 hexadecimal digits, found {found:?}; mend: take it as the record shows it"
    )]
    NoKey {
        /// What was found.
        found: String,
    },
    /// No founding event came before.
    #[error(
        "expected the founding event before any key or signature, found none; mend: found the trial first"
    )]
    Unfounded,
    /// A certificate that is not the root key's.
    #[error(
        "the key {key} of {user:?}: expected the certificate of the trial's root key {root}, found another; mend: have the key issued by who holds the root key"
    )]
    Certificate {
        /// The key certified.
        key: String,
        /// Whose it is said to be.
        user: String,
        /// The root key.
        root: String,
    },
    /// A key that is not the signer's, or no longer in force.
    #[error(
        "a signature of {user:?}: expected a key of theirs in force, found {found}; mend: sign with a key in force, or have one issued"
    )]
    Key {
        /// Who signs.
        user: String,
        /// The key found.
        found: String,
    },
    /// The event named is not before it.
    #[error(
        "a signature of {user:?}: expected the hash of an earlier event, found {found}; mend: sign an event of this record"
    )]
    Signs {
        /// Who signs.
        user: String,
        /// The hash named.
        found: String,
    },
    /// Another trial's.
    #[error(
        "a signature of {user:?}: expected trial {expected:?}, found {found:?}; mend: sign again in this trial"
    )]
    Trial {
        /// Who signs.
        user: String,
        /// This trial.
        expected: String,
        /// The trial named.
        found: String,
    },
    /// Signed at another time than recorded.
    #[error(
        "a signature of {user:?}: expected a time within 5 minutes of its recording, {recorded}, found {found}; mend: sign again"
    )]
    Time {
        /// Who signs.
        user: String,
        /// When it was recorded.
        recorded: jiff::Timestamp,
        /// When it says it was made.
        found: jiff::Timestamp,
    },
    /// The signature does not follow from key and statement.
    #[error(
        "a signature of {user:?}: expected one that follows from statement and key, found another: the statement, the key or the signature was changed; mend: sign again"
    )]
    Forged {
        /// Who signs.
        user: String,
    },
    /// A statement that cannot be written.
    #[error("a statement cannot be written: {0}")]
    Unwritable(String),
}

/// The keys of a record, folded event by event, and what each signature needs to hold.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    trial: Option<String>,
    root: Option<PublicKey>,
    /// Keys in force and whose they are.
    keys: BTreeMap<String, (String, PublicKey)>,
    seen: HashSet<String>,
    signatures: usize,
    certificates: usize,
}

/// How far the time of a signature and of its recording may differ.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl KeyRing {
    /// The trial's root key now.
    #[must_use]
    pub fn root(&self) -> Option<PublicKey> {
        self.root
    }

    /// How many signatures and certificates were checked and hold.
    #[must_use]
    pub fn checked(&self) -> (usize, usize) {
        (self.signatures, self.certificates)
    }

    /// The key of a person in force, if there is one; the last issued where there are several.
    #[must_use]
    pub fn key_of(&self, user: &str) -> Option<&str> {
        self.keys.iter().find(|(_, (holder, _))| holder == user).map(|(key, _)| key.as_str())
    }

    /// Checks an event that is not yet in the record against the keys so far.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, event: &posology_trial::event::Event) -> Result<(), BadSignature> {
        match &event.fact {
            Fact::TrialFounded(founded) => PublicKey::parse(&founded.root_key).map(|_| ()),
            Fact::KeyIssued(issued) => {
                let (trial, root) = self.founded()?;
                PublicKey::parse(&issued.key)?;
                let certified = person_certificate(trial, &issued.user, &issued.key)?;
                self.certified(root, &certified, &issued.certificate, &issued.key, &issued.user)
            }
            Fact::RootKeyRotated(rotated) => {
                let (trial, root) = self.founded()?;
                PublicKey::parse(&rotated.key)?;
                let certified = root_certificate(trial, &rotated.key)?;
                self.certified(root, &certified, &rotated.certificate, &rotated.key, "the root")
            }
            Fact::Signature(signature) => self.check_signature(signature, event.recorded_at),
            _ => Ok(()),
        }
    }

    fn founded(&self) -> Result<(&str, PublicKey), BadSignature> {
        self.trial.as_deref().zip(self.root).ok_or(BadSignature::Unfounded)
    }

    fn certified(
        &self,
        root: PublicKey,
        certified: &[u8],
        certificate: &str,
        key: &str,
        user: &str,
    ) -> Result<(), BadSignature> {
        if root.verifies(certified, certificate) {
            return Ok(());
        }
        let (key, user, root) = (key.to_owned(), user.to_owned(), root.to_string());
        Err(BadSignature::Certificate { key, user, root })
    }

    fn check_signature(&self, signature: &Signature, recorded: jiff::Timestamp) -> Result<(), BadSignature> {
        let (trial, _) = self.founded()?;
        let statement = &signature.statement;
        let user = statement.user.clone();
        if statement.trial != trial {
            let (expected, found) = (trial.to_owned(), statement.trial.clone());
            return Err(BadSignature::Trial { user, expected, found });
        }
        if !self.seen.contains(&statement.signs) {
            return Err(BadSignature::Signs { user, found: statement.signs.clone() });
        }
        let key = self.keys.get(&statement.key).filter(|(holder, _)| *holder == statement.user);
        let Some((_, key)) = key else {
            return Err(BadSignature::Key { user, found: statement.key.clone() });
        };
        if recorded.duration_since(statement.at).abs() > TOLERANCE {
            return Err(BadSignature::Time { user, recorded, found: statement.at });
        }
        if key.verifies_signature(signature) { Ok(()) } else { Err(BadSignature::Forged { user }) }
    }

    /// Checks the next entry of a record and takes in what it says of keys.
    ///
    /// # Errors
    /// What does not hold; the ring is then as before.
    pub fn take(&mut self, entry: &Entry) -> Result<(), BadSignature> {
        self.check(&entry.event)?;
        match &entry.event.fact {
            Fact::TrialFounded(founded) => {
                self.trial = Some(founded.trial.clone());
                self.root = Some(PublicKey::parse(&founded.root_key)?);
            }
            Fact::KeyIssued(issued) => {
                self.certificates += 1;
                self.keys.insert(issued.key.clone(), (issued.user.clone(), PublicKey::parse(&issued.key)?));
            }
            Fact::RootKeyRotated(rotated) => {
                self.certificates += 1;
                self.root = Some(PublicKey::parse(&rotated.key)?);
            }
            Fact::KeyRevoked(revoked) => {
                self.keys.remove(&revoked.key);
            }
            Fact::Signature(_) => self.signatures += 1,
            _ => {}
        }
        self.seen.insert(entry.hash.clone());
        Ok(())
    }
}
