//! Signatures and certificates: what holds, and what a stranger can check.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use jiff::Timestamp;
use posology_record::signature::{BadSignature, KeyLife, KeyRing, PublicKey, SecretKey};
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
    assert!(matches!(ring.check(&event(signature)), Err(BadSignature::Revoked { revoked: 4, .. })));
    assert_eq!(ring.checked(), (1, 1));
    assert_eq!(ring.key_of("ann"), None);
    let again = KeyRing::fold(chain.entries()).unwrap();
    assert_eq!(again.lives(), ring.lives());
    let life = KeyLife { key: ann().public(), user: Some("ann".into()), from: 2, until: Some(4) };
    assert_eq!(ring.lives().last(), Some(&life));
}

#[test]
fn a_key_belongs_to_one_person_for_good_and_the_last_issued_is_the_one_to_sign_with() {
    let (mut chain, mut ring) = signed_up();
    let issued = |user: &str, key: &PublicKey| {
        let certificate = root().certify("T-1", user, key).unwrap();
        event(KeyIssued { user: user.into(), key: key.to_string(), certificate })
    };
    for taken in [ann().public(), root().public()] {
        let refused = ring.check(&issued("bob", &taken)).unwrap_err();
        assert!(matches!(refused, BadSignature::Taken { .. }), "{refused}");
    }
    for entropy in [9, 8, 7] {
        let key = SecretKey::from_entropy([entropy; 32]).public();
        chain.append(issued("ann", &key)).unwrap();
        ring.take(chain.entries().last().unwrap()).unwrap();
        assert_eq!(ring.key_of("ann"), Some(key));
    }
    let revoked = KeyRevoked { key: ann().public().to_string(), reason: "Lost".into() };
    chain.append(event(revoked)).unwrap();
    ring.take(chain.entries().last().unwrap()).unwrap();
    // A revoked key does not come back, neither to its holder nor to another.
    for user in ["ann", "bob"] {
        assert!(matches!(ring.check(&issued(user, &ann().public())), Err(BadSignature::Taken { .. })));
    }
}

#[test]
fn a_second_founding_does_not_bring_another_root() {
    let (mut chain, mut ring) = signed_up();
    let another = SecretKey::from_entropy([6; 32]);
    let founded = TrialFounded {
        trial: "T-1".into(),
        root_key: another.public().to_string(),
        mode: Mode::Capture,
        except: Vec::new(),
    };
    chain.append(event(founded)).unwrap();
    let refused = ring.take(chain.entries().last().unwrap());
    assert_eq!(refused, Err(BadSignature::FoundedBefore { trial: "T-1".into() }));
    assert_eq!(ring.root(), Some(root().public()));
    let bad = KeyRing::fold(chain.entries()).unwrap_err();
    assert_eq!(bad.position, 3);
    assert!(bad.to_string().starts_with("event 3: expected one founding event, found another"), "{bad}");
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
fn what_is_no_key_or_a_weak_one_is_refused() {
    let key = ann().public().to_string();
    // Points of small order (RFC 7748, section 6.1, warns of their like): under them one signature fits many texts.
    let (zero, one) = ("0".repeat(64), format!("01{}", "0".repeat(62)));
    let order_2 = format!("ec{}7f", "f".repeat(60));
    for none in ["", &key[..62], &key.to_uppercase(), &format!("{key}0"), &zero, &one, &order_2] {
        assert!(matches!(PublicKey::parse(none), Err(BadSignature::NoKey { .. })), "{none}");
    }
    assert_eq!(PublicKey::parse(&key), Ok(ann().public()));
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
    fn a_statement_that_a_flipped_bit_makes_another_is_found(place in 0_usize..1000, bit in 0_u32..8) {
        let (chain, _) = signed_up();
        let signature = ann().sign(statement(&chain)).unwrap();
        let mut bytes = canonical(&signature.statement).unwrap().into_bytes();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        // Most flips leave no statement at all, or the same in other bytes (a small z for UTC), which are not what is
        // signed. One that reads as another statement must not verify.
        let read = serde_json::from_slice::<Statement>(&bytes).ok();
        if let Some(statement) = read.filter(|statement| *statement != signature.statement) {
            let changed = Signature { statement, signature: signature.signature };
            prop_assert!(!ann().public().verifies_signature(&changed));
        }
    }

    #[test]
    fn any_text_as_a_signature_or_certificate_is_refused(text in "[0-9a-f]{128}|.{0,200}") {
        let (chain, ring) = signed_up();
        let signature = Signature { statement: statement(&chain), signature: text.clone() };
        prop_assert!(ring.check(&event(signature)).is_err());
        let key = SecretKey::from_entropy([3; 32]).public().to_string();
        let issued = KeyIssued { user: "bob".into(), key: key.clone(), certificate: text.clone() };
        prop_assert!(ring.check(&event(issued)).is_err());
        let rotated = RootKeyRotated { key, certificate: text };
        prop_assert!(ring.check(&event(rotated)).is_err());
    }

    #[test]
    fn no_text_is_a_key_by_accident_or_a_panic(text in ".{0,80}") {
        prop_assert!(PublicKey::parse(&text).is_err());
    }
}
