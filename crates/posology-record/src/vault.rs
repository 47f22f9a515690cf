//! Secrets locked by a password: argon2id makes the key, XChaCha20-Poly1305 the lock.
//!
//! The password itself is nowhere stored, not even hashed: it is right when the lock opens.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::hexadecimal;

/// What one guess at a password costs (argon2id). The default is OWASP's first choice of 2024: 19 MiB, two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// Most memory that a stored cost may ask for, KiB: a damaged file must not take the machine.
const MOST_MEMORY: u32 = 1 << 20;

/// A locked secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Vault {
    cost: Cost,
    salt: String,
    nonce: String,
    locked: String,
}

fn key(password: &str, salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    if cost.memory_kib > MOST_MEMORY || cost.passes > 100 {
        return None;
    }
    let parameters = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(password.as_bytes(), salt, key.as_mut_slice())
        .ok()?;
    Some(key)
}

impl Vault {
    /// Locks a secret. `entropy` makes salt and nonce and is never used twice; `owner` is bound to the lock, so that a
    /// vault moved to another account does not open.
    pub(crate) fn lock(
        secret: &[u8],
        password: &str,
        owner: &str,
        entropy: &[u8; 40],
        cost: Cost,
    ) -> Option<Self> {
        let (salt, nonce) = entropy.split_at_checked(16)?;
        let key = key(password, salt, cost)?;
        let cipher = XChaCha20Poly1305::new_from_slice(key.as_slice()).ok()?;
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let locked = cipher.encrypt(&XNonce::try_from(nonce).ok()?, payload).ok()?;
        Some(Self {
            cost,
            salt: hexadecimal::write(salt),
            nonce: hexadecimal::write(nonce),
            locked: hexadecimal::write(&locked),
        })
    }

    /// The secret, where password and owner are right.
    pub(crate) fn open(&self, password: &str, owner: &str) -> Option<Zeroizing<Vec<u8>>> {
        let salt: [u8; 16] = hexadecimal::read(&self.salt)?;
        let nonce: [u8; 24] = hexadecimal::read(&self.nonce)?;
        let locked = any_length(&self.locked)?;
        let key = key(password, &salt, self.cost)?;
        let cipher = XChaCha20Poly1305::new_from_slice(key.as_slice()).ok()?;
        let payload = Payload { msg: &locked, aad: owner.as_bytes() };
        cipher.decrypt(&XNonce::from(nonce), payload).ok().map(Zeroizing::new)
    }

    /// A mark by which the same password is known again under this salt and cost, without telling it.
    pub(crate) fn mark(&self, password: &str) -> Option<String> {
        let salt: [u8; 16] = hexadecimal::read(&self.salt)?;
        let key = key(password, &salt, self.cost)?;
        let mut hasher = Sha256::new();
        hasher.update(b"posology-password-mark/1");
        hasher.update(key.as_slice());
        Some(hexadecimal::write(&hasher.finalize()))
    }

    /// Whether another vault has this one's salt, so that marks can be compared.
    pub(crate) fn salt(&self) -> &str {
        &self.salt
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// A vault to compare marks with: only its salt and cost matter.
    pub(crate) fn for_marks(salt: &str, cost: Cost) -> Self {
        Self { cost, salt: salt.to_owned(), nonce: String::new(), locked: String::new() }
    }
}

fn any_length(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) || text.len() > 8192 {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            hexadecimal::read::<1>(pair).map(|[byte]| byte)
        })
        .collect()
}
