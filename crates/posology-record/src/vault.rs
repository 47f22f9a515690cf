//! Secrets locked by a password: argon2id makes the key, XChaCha20-Poly1305 the lock.
//!
//! The present password is nowhere stored, not even hashed: it is right when the lock opens. Sources: RFC 9106 (Argon2,
//! version 0x13, one lane); draft-irtf-cfrg-xchacha-03 over RFC 8439 (XChaCha20-Poly1305).

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

    /// Its salt, hexadecimal: a mark is compared under the same one.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_password_is_that_of_the_argon2_reference_implementation() {
        // P-H-C/phc-winner-argon2, src/test.c: argon2id, version 0x13, p = 1, password "password", salt "somesalt".
        for (memory_kib, passes, expected) in [
            (256, 2, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
            (65_536, 2, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
            (65_536, 1, "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"),
        ] {
            let key = key("password", b"somesalt", Cost { memory_kib, passes }).unwrap();
            assert_eq!(hexadecimal::write(key.as_slice()), expected);
        }
    }

    #[test]
    fn the_default_cost_is_at_least_what_owasp_asks() {
        let Cost { memory_kib, passes } = Cost::default();
        assert!(memory_kib >= 19 * 1024 && passes >= 2);
    }

    #[test]
    fn a_cost_that_would_take_the_machine_is_refused() {
        for cost in [Cost { memory_kib: u32::MAX, passes: 1 }, Cost { memory_kib: 8, passes: u32::MAX }] {
            assert!(Vault::lock(&[1; 32], "password", "ann", &[2; 40], cost).is_none());
        }
        assert!(
            Vault::lock(&[1; 32], "password", "ann", &[2; 40], Cost { memory_kib: 0, passes: 0 }).is_none()
        );
    }
}
