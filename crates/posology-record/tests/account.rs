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
    let mut sign_in = |minute| account.sign_in(PASSWORD, all(None), at(minute), &settings()).unwrap();
    let signed_in = sign_in(1);
    let (public, key) = (signed_in.key(), signed_in.key().to_string());
    let signature = signed_in.sign(statement("ann", &key), at(2)).unwrap();
    assert!(public.verifies_signature(&signature));
    let refused = |by: Authenticated, user, minute| by.sign(statement(user, &key), at(minute)).unwrap_err();
    assert!(matches!(refused(sign_in(1), "bob", 2), SigningRefused::Another { .. }));
    // Five minutes, and not one second more; nor before having signed in.
    assert!(sign_in(0).sign(statement("ann", &key), at(5)).is_ok());
    let late = at(5) + SignedDuration::from_secs(1);
    assert!(matches!(sign_in(0).sign(statement("ann", &key), late), Err(SigningRefused::NotFresh { .. })));
    assert!(matches!(refused(sign_in(2), "ann", 1), SigningRefused::NotFresh { .. }));
    // A statement made up for another time.
    assert!(matches!(refused(sign_in(60), "ann", 60), SigningRefused::Time { .. }));
    assert_eq!(account.key(), key);
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
    let unknown = refuse_unknown("nobody", PASSWORD, &settings());
    let refused = [unknown, SignInRefused::Password, SignInRefused::Code];
    for (place, one) in refused.iter().enumerate() {
        for other in &refused[..place] {
            assert_eq!(one.to_string(), other.to_string());
            assert_ne!(one.recorded(), other.recorded());
        }
    }
}

#[test]
fn the_password_alone_will_do_only_in_a_session_of_ones_own_that_began_with_all_and_lasts() {
    let secret = *b"12345678901234567890";
    let mut account = account();
    let factor = NewFactor { secret: &secret, proof: &code_at(&secret, at(0).as_second() / 30) };
    account.enrol_second_factor(PASSWORD, None, factor, &[2; 40], at(0), &settings()).unwrap();
    let code = code_at(&secret, at(10).as_second() / 30);
    let session = account.sign_in(PASSWORD, all(Some(&code)), at(10), &settings()).unwrap().session();
    let alone = |account: &mut Account, password: &str, minute| {
        let components = Components::PasswordAlone { session: &session };
        account.sign_in(password, components, at(minute), &settings())
    };
    let later = alone(&mut account, PASSWORD, 10 + 8 * 60).unwrap();
    // A later signing in does not make the session longer.
    assert_eq!(later.session(), session);
    assert_eq!(alone(&mut account, PASSWORD, 11 + 8 * 60).unwrap_err(), SignInRefused::Session);
    assert_eq!(alone(&mut account, PASSWORD, 9).unwrap_err(), SignInRefused::Session);
    assert_eq!(alone(&mut account, "wrong horse battery", 11).unwrap_err(), SignInRefused::Password);
    let key = SecretKey::from_entropy([8; 32]);
    let mut bob = Account::create("bob", PASSWORD, false, &key, &[3; 40], at(0), &settings()).unwrap();
    assert_eq!(alone(&mut bob, PASSWORD, 11).unwrap_err(), SignInRefused::Session);
    // A new password ends it.
    let code = code_at(&secret, at(12).as_second() / 30);
    account
        .change_password(PASSWORD, Some(&code), "a wholly new one", &[4; 40], at(12), &settings())
        .unwrap();
    assert_eq!(alone(&mut account, "a wholly new one", 13).unwrap_err(), SignInRefused::Session);
}

#[test]
fn a_password_set_anew_by_an_administrator_comes_with_a_new_key_and_without_second_factor() {
    let secret = *b"12345678901234567890";
    let mut account = account();
    let old = account.key().to_owned();
    let factor = NewFactor { secret: &secret, proof: &code_at(&secret, at(0).as_second() / 30) };
    account.enrol_second_factor(PASSWORD, None, factor, &[2; 40], at(0), &settings()).unwrap();
    for _ in 0..5 {
        let _ = account.sign_in("wrong horse battery", all(None), at(1), &settings());
    }
    let new = SecretKey::from_entropy([8; 32]);
    let before = account.clone();
    assert!(matches!(
        account.reset("short", &new, &[3; 40], at(2), &settings()),
        Err(BadPassword::Short { expected: 12, found: 5 })
    ));
    assert!(matches!(account.reset(PASSWORD, &new, &[3; 40], at(2), &settings()), Err(BadPassword::Known)));
    assert_eq!(account, before);
    let revoke = account.reset("set by an administrator", &new, &[3; 40], at(2), &settings()).unwrap();
    assert_eq!((revoke, account.key()), (old, &*new.public().to_string()));
    assert!(!account.has_second_factor() && account.locked_until(at(2)).is_none());
    let sign_in = |account: &mut Account, password| {
        account.sign_in(password, all(None), at(3), &settings()).map(|signed_in| signed_in.key())
    };
    assert_eq!(sign_in(&mut account, PASSWORD), Err(SignInRefused::Password));
    assert_eq!(sign_in(&mut account, "set by an administrator"), Err(SignInRefused::MustChange));
    let own = "one of my very own";
    account.change_password("set by an administrator", None, own, &[4; 40], at(3), &settings()).unwrap();
    assert_eq!(sign_in(&mut account, own), Ok(new.public()));
}

#[test]
fn a_new_key_of_ones_own_keeps_password_and_second_factor() {
    let secret = *b"12345678901234567890";
    let mut account = account();
    let code = |minute| code_at(&secret, at(minute).as_second() / 30);
    let factor = NewFactor { secret: &secret, proof: &code(0) };
    account.enrol_second_factor(PASSWORD, None, factor, &[2; 40], at(0), &settings()).unwrap();
    let (old, new) = (account.key().to_owned(), SecretKey::from_entropy([8; 32]));
    let refused = account.rotate_key(PASSWORD, None, &new, &[3; 40], at(1), &settings());
    assert_eq!(refused, Err(ChangeRefused::SignIn(SignInRefused::Code)));
    let revoke = account.rotate_key(PASSWORD, Some(&code(1)), &new, &[3; 40], at(1), &settings());
    assert_eq!(revoke, Ok(old));
    let signed_in = account.sign_in(PASSWORD, all(Some(&code(2))), at(2), &settings()).unwrap();
    assert_eq!(signed_in.key(), new.public());
}

#[test]
fn where_a_second_factor_is_required_nobody_gets_in_without_but_to_enrol_it() {
    let required = Settings { second_factor_required: true, ..settings() };
    let secret = *b"12345678901234567890";
    let mut account = account();
    assert_eq!(account.sign_in(PASSWORD, all(None), at(1), &required).unwrap_err(), SignInRefused::MustEnrol);
    let enrol = |account: &mut Account, proof: &str| {
        let factor = NewFactor { secret: &secret, proof };
        account.enrol_second_factor(PASSWORD, None, factor, &[2; 40], at(1), &required)
    };
    assert_eq!(enrol(&mut account, "000000"), Err(ChangeRefused::Factor));
    assert!(!account.has_second_factor());
    let proof = code_at(&secret, at(1).as_second() / 30);
    enrol(&mut account, &proof).unwrap();
    // The code that proved the enrolment is used.
    assert_eq!(
        account.sign_in(PASSWORD, all(Some(&proof)), at(1), &required).unwrap_err(),
        SignInRefused::Code
    );
    let next = code_at(&secret, at(2).as_second() / 30);
    assert!(account.sign_in(PASSWORD, all(Some(&next)), at(2), &required).is_ok());
}

#[test]
fn a_code_of_the_second_factor_is_asked_for_and_taken_once() {
    let mut account = account();
    let secret = *b"12345678901234567890";
    let factor = NewFactor { secret: &secret, proof: &code_at(&secret, at(0).as_second() / 30) };
    account.enrol_second_factor(PASSWORD, None, factor, &[2; 40], at(0), &settings()).unwrap();
    let code = code_at(&secret, at(10).as_second() / 30);
    let sign_in = |account: &mut Account, code, minute| {
        account.sign_in(PASSWORD, all(code), at(minute), &settings()).map(|_| ())
    };
    assert_eq!(sign_in(&mut account, None, 10), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some("000000"), 10), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some(&code), 12), Err(SignInRefused::Code));
    assert_eq!(sign_in(&mut account, Some(&code), 10), Ok(()));
    assert_eq!(sign_in(&mut account, Some(&code), 10), Err(SignInRefused::Code));
    // One step of drift either way, and no more: the code of seconds 30 to 59 holds from 0 to 89.
    let code = code_at(&secret, at(20).as_second() / 30 + 1);
    let seconds = |account: &Account, seconds| {
        let now = at(20) + SignedDuration::from_secs(seconds);
        account.clone().sign_in(PASSWORD, all(Some(&code)), now, &settings()).is_ok()
    };
    assert_eq!([-1, 0, 30, 60, 89, 90].map(|s| seconds(&account, s)), [false, true, true, true, true, false]);
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
    let factor = NewFactor { secret: &[5; 20], proof: "123456" };
    assert_eq!(format!("{factor:?}"), "NewFactor(…)");
    let mut same = account.clone();
    let signed_in = same.sign_in(PASSWORD, all(None), at(1), &settings()).unwrap();
    let shown = format!("{signed_in:?} {account:?}");
    assert!(shown.contains("key: SecretKey(…)"), "{shown}");
    assert!(!shown.contains("7, 7, 7") && !shown.contains(&"07".repeat(32)) && !shown.contains(PASSWORD));
    let mut stolen: Account = serde_json::from_str(&text.replace("\"ann\"", "\"bob\"")).unwrap();
    assert!(stolen.sign_in(PASSWORD, all(None), at(1), &settings()).is_err());
}

#[test]
fn the_root_key_opens_with_its_passphrase_alone() {
    let root = SecretKey::from_entropy([9; 32]);
    let mut locked = LockedRoot::lock(&root, "a long passphrase", &[5; 40], &settings()).unwrap();
    assert_eq!(locked.open("a long passphrase").unwrap().public(), root.public());
    assert!(locked.open("another passphrase").is_err());
    let change =
        |locked: &mut LockedRoot, old, new| locked.change_passphrase(old, new, &[6; 40], &settings());
    for (old, new) in [
        ("another passphrase", "a third passphrase"),
        ("a long passphrase", "a long passphrase"),
        ("a long passphrase", "short"),
    ] {
        assert!(change(&mut locked, old, new).is_err(), "{old} {new}");
    }
    change(&mut locked, "a long passphrase", "another passphrase").unwrap();
    assert_eq!(locked.open("another passphrase").unwrap().public(), root.public());
    assert!(locked.open("a long passphrase").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_out_of_range_are_no_panic(refusals in any::<u32>(), lockouts in any::<u32>(), step in any::<i64>()) {
        for (refusals, lockouts, step) in [(refusals, lockouts, step), (u32::MAX, u32::MAX, i64::MAX), (0, 0, i64::MIN)] {
            let mut value = serde_json::to_value(account()).unwrap();
            value["refusals"] = refusals.into();
            value["lockouts"] = lockouts.into();
            value["last-step"] = step.into();
            let mut damaged: Account = serde_json::from_value(value).unwrap();
            let mut never = settings();
            never.refusals = u32::MAX;
            prop_assert!(damaged.sign_in("wrong horse battery", all(None), at(1), &never).is_err());
            prop_assert!(damaged.sign_in("wrong horse battery", all(None), at(1), &settings()).is_err());
        }
    }

    #[test]
    fn no_text_is_an_account_by_accident_or_a_panic(text in ".{0,200}|\\{\"user\":\".*\",\"vault\":\\{\"cost\":.*\\}\\}") {
        prop_assert!(serde_json::from_str::<Account>(&text).is_err());
        prop_assert!(serde_json::from_str::<LockedRoot>(&text).is_err());
    }

    #[test]
    fn any_text_may_be_a_password_or_a_code_and_none_but_the_right_one_opens(password in ".{12,80}", code in ".{0,12}") {
        let key = SecretKey::from_entropy([7; 32]);
        let mut own = Account::create("ann", &password, false, &key, &[1; 40], at(0), &settings()).unwrap();
        prop_assert!(own.sign_in(&password, all(Some(&code)), at(1), &settings()).is_ok());
        let other = format!("{password} ");
        prop_assert!(own.sign_in(&other, all(Some(&code)), at(1), &settings()).is_err());
        let secret = [9; 20];
        let factor = NewFactor { secret: &secret, proof: &code };
        let proved = own.enrol_second_factor(&password, None, factor, &[2; 40], at(1), &settings());
        prop_assert!(proved.is_err() || code.trim().len() == 6);
    }

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
