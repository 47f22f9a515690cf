//! Signatures and certificates: what holds, and what a stranger can check.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use jiff::Timestamp;
use posology_record::signature::{BadSignature, KeyRing, PublicKey, SecretKey};
use posology_trial::event::*;
use proptest::prelude::*;

fn now() -> Timestamp {
    "2020-01-01T00:00:00Z".parse().unwrap()
}

fn root() -> SecretKey {
    SecretKey::from_entropy([1; 32])
}

fn ann() -> SecretKey {
    SecretKey::from_entropy([2; 32])
}

fn event(fact: impl Into<Fact>) -> Event {
    Event::new(now(), "ann", fact)
}

/// Founded, with Ann's key certified; and the ring that knows it.
fn signed_up() -> (Chain, KeyRing) {
    let mut chain = Chain::default();
    let founded = TrialFounded {
        trial: "T-1".into(),
        root_key: root().public().to_string(),
        mode: Mode::Capture,
        except: Vec::new(),
    };
    chain.append(event(founded)).unwrap();
    let key = ann().public();
    let issued = KeyIssued {
        user: "ann".into(),
        key: key.to_string(),
        certificate: root().certify("T-1", "ann", &key).unwrap(),
    };
    chain.append(event(issued)).unwrap();
    let mut ring = KeyRing::default();
    for entry in chain.entries() {
        ring.take(entry).unwrap();
    }
    (chain, ring)
}

fn statement(chain: &Chain) -> Statement {
    Statement {
        trial: "T-1".into(),
        signs: chain.head().to_owned(),
        user: "ann".into(),
        printed_name: "Ann Example".into(),
        role: Role::Sponsor,
        meaning: Meaning::Approval,
        at: now(),
        key: ann().public().to_string(),
    }
}

#[test]
fn a_signature_holds_and_none_of_its_parts_can_be_changed() {
    let (chain, ring) = signed_up();
    let signature = ann().sign(statement(&chain)).unwrap();
    ring.check(&event(signature.clone())).unwrap();
    let changed = |change: fn(&mut Signature)| {
        let mut signature = signature.clone();
        change(&mut signature);
        ring.check(&event(signature)).unwrap_err()
    };
    assert!(matches!(changed(|s| s.statement.printed_name.push('!')), BadSignature::Forged { .. }));
    assert!(matches!(changed(|s| s.statement.meaning = Meaning::Review), BadSignature::Forged { .. }));
    assert!(matches!(changed(|s| s.statement.role = Role::Auditor), BadSignature::Forged { .. }));
    assert!(matches!(changed(|s| s.statement.user = "bob".into()), BadSignature::Key { .. }));
    assert!(matches!(changed(|s| s.statement.signs = GENESIS.into()), BadSignature::Signs { .. }));
    assert!(matches!(changed(|s| s.statement.trial = "T-2".into()), BadSignature::Trial { .. }));
    assert!(matches!(changed(|s| s.signature = "0".repeat(128)), BadSignature::Forged { .. }));
    let mut late = event(signature.clone());
    late.recorded_at = "2020-01-01T01:00:00Z".parse().unwrap();
    assert!(matches!(ring.check(&late), Err(BadSignature::Time { .. })));
}

#[test]
fn a_revoked_key_signs_no_more_and_what_it_signed_stands() {
    let (mut chain, mut ring) = signed_up();
    let signature = ann().sign(statement(&chain)).unwrap();
    chain.append(event(signature.clone())).unwrap();
    ring.take(chain.entries().last().unwrap()).unwrap();
    let key = ann().public().to_string();
    chain.append(event(KeyRevoked { key, reason: "Lost".into() })).unwrap();
    ring.take(chain.entries().last().unwrap()).unwrap();
    assert!(matches!(ring.check(&event(signature)), Err(BadSignature::Key { .. })));
    assert_eq!(ring.checked(), (1, 1));
    assert_eq!(ring.key_of("ann"), None);
}

#[test]
fn a_key_certified_by_another_root_or_for_another_person_is_refused() {
    let (_, ring) = signed_up();
    let key = SecretKey::from_entropy([3; 32]).public();
    let issued = |certificate| event(KeyIssued { user: "bob".into(), key: key.to_string(), certificate });
    for certificate in [
        ann().certify("T-1", "bob", &key).unwrap(),
        root().certify("T-1", "ann", &key).unwrap(),
        root().certify("T-2", "bob", &key).unwrap(),
    ] {
        assert!(matches!(ring.check(&issued(certificate)), Err(BadSignature::Certificate { .. })));
    }
    ring.check(&issued(root().certify("T-1", "bob", &key).unwrap())).unwrap();
    let early = KeyRing::default().check(&issued(root().certify("T-1", "bob", &key).unwrap()));
    assert_eq!(early, Err(BadSignature::Unfounded));
}

#[test]
fn a_new_root_certified_by_the_old_certifies_from_then_on() {
    let (mut chain, mut ring) = signed_up();
    let new = SecretKey::from_entropy([4; 32]);
    let rotated = |certificate| RootKeyRotated { key: new.public().to_string(), certificate };
    let forged = event(rotated(new.certify_root("T-1", &new.public()).unwrap()));
    assert!(matches!(ring.check(&forged), Err(BadSignature::Certificate { .. })));
    chain.append(event(rotated(root().certify_root("T-1", &new.public()).unwrap()))).unwrap();
    ring.take(chain.entries().last().unwrap()).unwrap();
    let key = SecretKey::from_entropy([3; 32]).public();
    let by = |root: &SecretKey| {
        let certificate = root.certify("T-1", "bob", &key).unwrap();
        ring.check(&event(KeyIssued { user: "bob".into(), key: key.to_string(), certificate }))
    };
    assert!(by(&root()).is_err());
    assert!(by(&new).is_ok());
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032_and_weak_keys_are_none() {
    // Section 7.1, test 2: the public key of a secret key.
    let secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let bytes: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).unwrap()).collect();
    let key = SecretKey::from_entropy(bytes.try_into().unwrap()).public();
    assert_eq!(key.to_string(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    for none in [&"0".repeat(64), "3d40", &key.to_string().to_uppercase(), &format!("{}0", "1".repeat(63))] {
        let read = PublicKey::parse(none);
        assert!(read.is_err() || none.starts_with('1'), "{none}");
    }
}

#[test]
fn a_stranger_verifies_a_signature_with_openssl() {
    let can = Command::new("openssl").arg("version").output().is_ok_and(|output| {
        // ed25519 over raw bytes came with 3.0.
        !String::from_utf8_lossy(&output.stdout).starts_with("OpenSSL 1.")
    });
    if !can {
        println!("skipped: no openssl");
        return;
    }
    let (chain, _) = signed_up();
    let signature = ann().sign(statement(&chain)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("key.pem"), ann().public().to_pem()).unwrap();
    std::fs::write(path("statement"), canonical(&signature.statement).unwrap()).unwrap();
    let hex = &signature.signature;
    let bytes: Vec<u8> = (0..64).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    std::fs::write(path("signature"), bytes).unwrap();
    let verify = || {
        Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
            .arg(path("key.pem"))
            .arg("-in")
            .arg(path("statement"))
            .arg("-sigfile")
            .arg(path("signature"))
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(verify());
    std::fs::write(path("statement"), canonical(&signature.statement).unwrap().replace("approval", "review"))
        .unwrap();
    assert!(!verify());
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_signature_is_found(byte in 0_usize..64, bit in 0_u32..8) {
        let (chain, ring) = signed_up();
        let mut signature = ann().sign(statement(&chain)).unwrap();
        let place = 2 * byte..2 * byte + 2;
        let value = u8::from_str_radix(&signature.signature[place.clone()], 16).unwrap() ^ (1 << bit);
        signature.signature.replace_range(place, &format!("{value:02x}"));
        prop_assert!(ring.check(&event(signature)).is_err());
    }

    #[test]
    fn no_text_is_a_key_by_accident_or_a_panic(text in ".{0,80}") {
        prop_assert!(PublicKey::parse(&text).is_err());
    }
}
