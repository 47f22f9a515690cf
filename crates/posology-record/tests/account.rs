//! Accounts: what opens them, what locks them, who signs.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use posology_record::account::*;
use posology_record::signature::SecretKey;
use posology_trial::event::{Meaning, Role, Statement};
use proptest::prelude::*;

const PASSWORD: &str = "correct horse battery";

/// Cheap guesses, so that tests are quick.
fn settings() -> Settings {
    Settings { cost: Cost { memory_kib: 8, passes: 1 }, ..Settings::default() }
}

fn at(minute: i64) -> Timestamp {
    "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn account() -> Account {
    let key = SecretKey::from_entropy([7; 32]);
    Account::create("ann", PASSWORD, false, &key, &[1; 40], at(0), &settings()).unwrap()
}

fn all(code: Option<&str>) -> Components<'_> {
    Components::All { code }
}

fn statement(user: &str, key: &str) -> Statement {
    Statement {
        trial: "T-1".into(),
        signs: "0".repeat(64),
        user: user.into(),
        printed_name: "Ann".into(),
        role: Role::Sponsor,
        meaning: Meaning::Approval,
        at: at(0),
        key: key.into(),
    }
}

#[test]
fn the_right_password_opens_the_account_and_its_key_signs() {
    let mut account = account();
    let signed_in = account.sign_in(PASSWORD, all(None), at(1), &settings()).unwrap();
    assert_eq!(signed_in.key().to_string(), account.key());
    let signature = signed_in.sign(statement("ann", account.key()), at(2)).unwrap();
    assert!(signed_in.key().verifies_signature(&signature));
    assert!(matches!(
        signed_in.sign(statement("bob", account.key()), at(2)),
        Err(SigningRefused::Another { .. })
    ));
    assert!(matches!(
        signed_in.sign(statement("ann", account.key()), at(7)),
        Err(SigningRefused::NotFresh { .. })
    ));
    let kept: Account = serde_json::from_str(&serde_json::to_string(&account).unwrap()).unwrap();
    assert_eq!(kept, account);
}

#[test]
fn five_refusals_lock_for_a_quarter_of_an_hour_and_again_for_twice_as_long() {
    let mut account = account();
    let wrong = |account: &mut Account, minute| {
        account.sign_in("wrong horse battery", all(None), at(minute), &settings()).unwrap_err()
    };
    for _ in 0..5 {
        assert_eq!(wrong(&mut account, 0), SignInRefused::Password);
    }
    assert_eq!(wrong(&mut account, 1), SignInRefused::Locked { until: at(15) });
    // Even the right password waits.
    assert!(account.sign_in(PASSWORD, all(None), at(14), &settings()).is_err());
    for _ in 0..5 {
        wrong(&mut account, 15);
    }
    assert_eq!(account.locked_until(at(16)), Some(at(45)));
    assert!(account.sign_in(PASSWORD, all(None), at(45), &settings()).is_ok());
    for _ in 0..4 {
        wrong(&mut account, 46);
    }
    assert!(account.sign_in(PASSWORD, all(None), at(46), &settings()).is_ok());
}

#[test]
fn nothing_tells_a_wrong_password_from_a_wrong_code_but_the_audit_trail() {
    assert_eq!(SignInRefused::Password.to_string(), SignInRefused::Code.to_string());
    assert_ne!(SignInRefused::Password.recorded(), SignInRefused::Code.recorded());
}

#[test]
fn a_code_of_the_second_factor_is_asked_for_and_taken_once() {
    let mut account = account();
    let secret = *b"12345678901234567890";
    account.enrol_second_factor(PASSWORD, None, &secret, &[2; 40], at(0), &settings()).unwrap();
    let code = code_at(&secret, at(10).as_second() / 30);
    let sign_in = |account: &mut Account, code, minute| {
        account.sign_in(PASSWORD, all(code), at(minute), &settings()).map(|_| ())
    };
    assert_eq!(sign_in(&mut account, None, 10), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some("000000"), 10), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some(&code), 12), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some(&code), 10), Ok(()));
    assert_eq!(sign_in(&mut account, Some(&code), 10), Err(SignInRefused::Code));
    // A later signing of a session takes the password alone.
    assert!(account.sign_in(PASSWORD, Components::PasswordAlone, at(11), &settings()).is_ok());
    let address = second_factor_address("T 1", "ann", &secret);
    assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"), "{address}");
}

#[test]
fn codes_are_those_of_rfc_6238_appendix_b() {
    // The appendix prints eight digits; six are their end.
    let secret = b"12345678901234567890";
    for (seconds, eight) in [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000_i64, "65353130"),
    ] {
        assert_eq!(code_at(secret, seconds / 30), eight[2..], "{seconds}");
    }
}

#[test]
fn a_changed_password_keeps_the_key_and_none_of_the_last_comes_back() {
    let mut account = account();
    let change = |account: &mut Account, old: &str, new: &str, salt: u8| {
        account.change_password(old, None, new, &[salt; 40], at(1), &settings())
    };
    let key = account.key().to_owned();
    assert!(matches!(
        change(&mut account, "not the old one", "a wholly new one", 3),
        Err(ChangeRefused::SignIn(SignInRefused::Password))
    ));
    assert!(matches!(
        change(&mut account, PASSWORD, "short", 3),
        Err(ChangeRefused::Password(BadPassword::Short { .. }))
    ));
    assert!(matches!(
        change(&mut account, PASSWORD, PASSWORD, 3),
        Err(ChangeRefused::Password(BadPassword::Known))
    ));
    change(&mut account, PASSWORD, "a wholly new one", 3).unwrap();
    assert!(matches!(
        change(&mut account, "a wholly new one", PASSWORD, 4),
        Err(ChangeRefused::Password(BadPassword::Known))
    ));
    let signed_in = account.sign_in("a wholly new one", all(None), at(2), &settings()).unwrap();
    assert_eq!(signed_in.key().to_string(), key);
    assert!(account.sign_in(PASSWORD, all(None), at(2), &settings()).is_err());
}

#[test]
fn a_password_set_by_another_lets_nobody_in_until_it_is_changed() {
    let key = SecretKey::from_entropy([7; 32]);
    let mut account = Account::create("ann", PASSWORD, true, &key, &[1; 40], at(0), &settings()).unwrap();
    assert_eq!(
        account.sign_in(PASSWORD, all(None), at(1), &settings()).unwrap_err(),
        SignInRefused::MustChange
    );
    account.change_password(PASSWORD, None, "one of my very own", &[2; 40], at(1), &settings()).unwrap();
    assert!(account.sign_in("one of my very own", all(None), at(1), &settings()).is_ok());
    let old = Settings { password_age: Some(SignedDuration::from_hours(24 * 90)), ..settings() };
    let late = at(60 * 24 * 91);
    assert_eq!(
        account.sign_in("one of my very own", all(None), late, &old).unwrap_err(),
        SignInRefused::MustChange
    );
}

#[test]
fn no_secret_is_shown_and_a_vault_moved_to_another_account_stays_shut() {
    let account = account();
    let text = serde_json::to_string(&account).unwrap();
    assert!(!text.contains(PASSWORD) && !text.contains(&"07".repeat(32)));
    assert_eq!(format!("{:?}", SecretKey::from_entropy([7; 32])), "SecretKey(…)");
    let mut stolen: Account = serde_json::from_str(&text.replace("\"ann\"", "\"bob\"")).unwrap();
    assert!(stolen.sign_in(PASSWORD, all(None), at(1), &settings()).is_err());
}

#[test]
fn the_root_key_opens_with_its_passphrase_alone() {
    let root = SecretKey::from_entropy([9; 32]);
    let locked = LockedRoot::lock(&root, "a long passphrase", &[5; 40], &settings()).unwrap();
    assert_eq!(locked.open("a long passphrase").unwrap().public(), root.public());
    assert!(locked.open("another passphrase").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_account_is_refused_and_never_a_panic(place in 0_usize..900, byte in 0_u8..=255) {
        let mut text = serde_json::to_string(&account()).unwrap().into_bytes();
        let place = place % text.len();
        text[place] = byte;
        if let Ok(mut damaged) = serde_json::from_slice::<Account>(&text) {
            let _ = damaged.sign_in(PASSWORD, all(Some("123456")), at(1), &settings());
        }
    }
}
