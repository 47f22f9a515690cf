//! Signatures: who signed which event, with which meaning, under which key, and how a stranger can tell.
//!
//! Start at [`SecretKey::sign`] and [`KeyRing::fold`]. A signature runs (ed25519, RFC 8032) over the canonical JSON of its
//! statement; the statement names the hash of the event signed, so it cannot be moved to another (21 CFR 11.70). Keys
//! of people are certified by the trial's root key, whose public half stands in the founding event. Everything needed
//! to check a signature is in the record.
//!
//! Left out: whether the signer may sign such an event in that role, and whether the printed name is theirs; that is asked
//! by `posology_trial::conduct` before an event is recorded, and again when a record is verified.

use std::collections::{HashMap, HashSet};
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
    /// A key that is not the signer's.
    #[error(
        "a signature of {user:?}: expected a key that was issued to them, found {found}; mend: sign with a key in force, or have one issued"
    )]
    Key {
        /// Who signs.
        user: String,
        /// The key found.
        found: String,
    },
    /// A key that was the signer's and is revoked.
    #[error(
        "a signature of {user:?}: expected a key in force, found {found}, revoked by event {revoked}; mend: have a new key issued and sign again"
    )]
    Revoked {
        /// Who signs.
        user: String,
        /// The key found.
        found: String,
        /// Position of the event that revoked it, from 1.
        revoked: usize,
    },
    /// A key issued or made root that is in the record already.
    #[error(
        "the key {found}: expected a new one, found one issued to {holder} before; mend: make a new key, for one key belongs to one person (21 CFR 11.100)"
    )]
    Taken {
        /// The key found.
        found: String,
        /// Whose it is.
        holder: String,
    },
    /// A founding after the first.
    #[error(
        "expected one founding event, found another after that of trial {trial:?}; mend: found another record"
    )]
    FoundedBefore {
        /// The trial founded.
        trial: String,
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

/// One key's life in a record, told by positions of events (from 1).
///
/// A person's key signs the events after `from`, up to and with `until`; what it signed then stands for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLife {
    /// The key.
    pub key: PublicKey,
    /// Whose it is; none for a root key.
    pub user: Option<String>,
    /// The event that issued it, founded the trial with it or made it root.
    pub from: usize,
    /// The event that revoked it, or made another key root.
    pub until: Option<usize>,
}

/// The first event of a record whose key, certificate or signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position}: {why}")]
pub struct BadEntry {
    /// Its position, from 1.
    pub position: usize,
    /// What does not hold.
    pub why: BadSignature,
}

/// The keys of a record, folded event by event, and what each signature needs to hold.
///
/// A key is in force from the event that issues it to the one that revokes it. A new root key certifies from its event
/// on; what the old one certified stays certified.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    trial: Option<String>,
    root: Option<PublicKey>,
    lives: Vec<KeyLife>,
    /// Where in `lives` a key stands.
    places: HashMap<[u8; 32], usize>,
    seen: HashSet<String>,
    signatures: usize,
    certificates: usize,
}

/// How far the time of a signature and of its recording may differ: 5 minutes.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl KeyRing {
    /// The keys of a whole record, every certificate and signature checked.
    ///
    /// # Errors
    /// The first event that does not hold, with its position.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, BadEntry> {
        let mut ring = Self::default();
        for (before, entry) in entries.into_iter().enumerate() {
            ring.take(entry).map_err(|why| BadEntry { position: before + 1, why })?;
        }
        Ok(ring)
    }

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

    /// Every key that was ever issued or root, in that order: whose, from which event to which.
    #[must_use]
    pub fn lives(&self) -> &[KeyLife] {
        &self.lives
    }

    /// The key of a person in force, if there is one; the last issued where there are several.
    #[must_use]
    pub fn key_of(&self, user: &str) -> Option<PublicKey> {
        let theirs = |life: &&KeyLife| life.until.is_none() && life.user.as_deref() == Some(user);
        self.lives.iter().rev().find(theirs).map(|life| life.key)
    }

    fn life(&self, key: &PublicKey) -> Option<&KeyLife> {
        self.lives.get(*self.places.get(key.0.as_bytes())?)
    }

    /// Checks an event that is not yet in the record against the keys so far.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, event: &posology_trial::event::Event) -> Result<(), BadSignature> {
        match &event.fact {
            Fact::TrialFounded(founded) => match &self.trial {
                None => PublicKey::parse(&founded.root_key).map(|_| ()),
                Some(trial) => Err(BadSignature::FoundedBefore { trial: trial.clone() }),
            },
            Fact::KeyIssued(issued) => {
                let (trial, root) = self.founded()?;
                self.is_new(&issued.key)?;
                let certified = person_certificate(trial, &issued.user, &issued.key)?;
                self.certified(root, &certified, &issued.certificate, &issued.key, &issued.user)
            }
            Fact::RootKeyRotated(rotated) => {
                let (trial, root) = self.founded()?;
                self.is_new(&rotated.key)?;
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

    fn is_new(&self, key: &str) -> Result<(), BadSignature> {
        let Some(life) = self.life(&PublicKey::parse(key)?) else { return Ok(()) };
        let holder = life.user.as_ref().map_or("the root".to_owned(), |user| format!("{user:?}"));
        Err(BadSignature::Taken { found: key.to_owned(), holder })
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
        let life = PublicKey::parse(&statement.key).ok().and_then(|key| self.life(&key));
        let Some(life) = life.filter(|life| life.user.as_ref() == Some(&statement.user)) else {
            return Err(BadSignature::Key { user, found: statement.key.clone() });
        };
        if let Some(revoked) = life.until {
            return Err(BadSignature::Revoked { user, found: statement.key.clone(), revoked });
        }
        if recorded.duration_since(statement.at).abs() > TOLERANCE {
            return Err(BadSignature::Time { user, recorded, found: statement.at });
        }
        if life.key.verifies_signature(signature) { Ok(()) } else { Err(BadSignature::Forged { user }) }
    }

    /// Checks the next entry of a record and takes in what it says of keys.
    ///
    /// # Errors
    /// What does not hold. The entry then counts as an event that was seen, and nothing that it says of keys is taken in.
    pub fn take(&mut self, entry: &Entry) -> Result<(), BadSignature> {
        let checked = self.check(&entry.event);
        self.seen.insert(entry.hash.clone());
        checked?;
        let position = self.seen.len();
        match &entry.event.fact {
            Fact::TrialFounded(founded) => {
                self.trial = Some(founded.trial.clone());
                self.begin(&founded.root_key, None, position)?;
            }
            Fact::KeyIssued(issued) => {
                self.certificates += 1;
                self.begin(&issued.key, Some(issued.user.clone()), position)?;
            }
            Fact::RootKeyRotated(rotated) => {
                self.certificates += 1;
                if let Some(root) = self.root {
                    self.end(&root, position);
                }
                self.begin(&rotated.key, None, position)?;
            }
            Fact::KeyRevoked(revoked) => {
                // Only a person's: a root key ends by rotation.
                let key = PublicKey::parse(&revoked.key).ok();
                if let Some(key) = key.filter(|key| self.life(key).is_some_and(|life| life.user.is_some())) {
                    self.end(&key, position);
                }
            }
            Fact::Signature(_) => self.signatures += 1,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, key: &str, user: Option<String>, from: usize) -> Result<(), BadSignature> {
        let key = PublicKey::parse(key)?;
        if user.is_none() {
            self.root = Some(key);
        }
        self.places.insert(*key.0.as_bytes(), self.lives.len());
        self.lives.push(KeyLife { key, user, from, until: None });
        Ok(())
    }

    fn end(&mut self, key: &PublicKey, position: usize) {
        let place = self.places.get(key.0.as_bytes()).copied();
        if let Some(life) = place.and_then(|place| self.lives.get_mut(place)) {
            life.until.get_or_insert(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_signatures_are_those_of_rfc_8032() {
        // Section 7.1, tests 1 to 3: secret key, public key, message, signature.
        for (secret, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                &[][..],
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                &[0x72],
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                &[0xaf, 0x82],
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let key = SecretKey::from_entropy(hexadecimal::read(secret).unwrap());
            assert_eq!(key.public().to_string(), public);
            assert_eq!(key.sign_bytes(message), signature);
            assert!(key.public().verifies(message, signature));
            assert!(!key.public().verifies(b"another", signature));
        }
    }

    #[test]
    fn any_flipped_bit_of_the_bytes_signed_or_of_the_signature_is_found() {
        let key = SecretKey::from_entropy([2; 32]);
        let certified = person_certificate("T-1", "ann", &key.public().to_string()).unwrap();
        let signature = key.sign_bytes(&certified);
        let signed: [u8; 64] = hexadecimal::read(&signature).unwrap();
        assert!(key.public().verifies(&certified, &signature));
        let flipped = |bytes: &[u8], place: usize| {
            let mut bytes = bytes.to_vec();
            bytes[place / 8] ^= 1 << (place % 8);
            bytes
        };
        for place in 0..8 * certified.len() {
            assert!(!key.public().verifies(&flipped(&certified, place), &signature), "bit {place}");
        }
        for place in 0..8 * signed.len() {
            let signature = hexadecimal::write(&flipped(&signed, place));
            assert!(!key.public().verifies(&certified, &signature), "bit {place}");
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648_section_10() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
