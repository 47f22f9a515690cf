//! What a signing in and a signature cost: `cargo bench -p posology-record --bench account`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use jiff::Timestamp;
use posology_record::account::{Account, Components, Settings, refuse_unknown};
use posology_record::signature::{KeyRing, SecretKey};
use posology_trial::event::{
    Chain, Event, Fact, KeyIssued, Meaning, Mode, Role, Signature, Statement, TrialFounded,
};

const PASSWORD: &str = "correct horse battery";
const SIGNATURES: usize = 1_000;

fn main() {
    divan::main();
}

fn account() -> Account {
    let key = SecretKey::from_entropy([7; 32]);
    let settings = Settings::default();
    Account::create("ann", PASSWORD, false, &key, &[1; 40], Timestamp::UNIX_EPOCH, &settings).unwrap()
}

/// The default cost: 19 MiB, two passes.
#[divan::bench]
fn sign_in(bencher: Bencher<'_, '_>) {
    let (account, settings) = (account(), Settings::default());
    bencher.with_inputs(|| account.clone()).bench_values(|mut account| {
        account.sign_in(PASSWORD, Components::All { code: None }, Timestamp::UNIX_EPOCH, &settings).unwrap()
    });
}

#[divan::bench]
fn sign_in_with_a_wrong_password(bencher: Bencher<'_, '_>) {
    let (account, settings) = (account(), Settings::default());
    bencher.with_inputs(|| account.clone()).bench_values(|mut account| {
        account
            .sign_in("wrong horse battery", Components::All { code: None }, Timestamp::UNIX_EPOCH, &settings)
            .unwrap_err()
    });
}

#[divan::bench]
fn sign_in_of_nobody() {
    divan::black_box(refuse_unknown("nobody", PASSWORD, &Settings::default()));
}

fn statement(key: &SecretKey, signs: &str) -> Statement {
    Statement {
        trial: "T-1".into(),
        signs: signs.into(),
        user: "ann".into(),
        printed_name: "Ann Example".into(),
        role: Role::Sponsor,
        meaning: Meaning::Approval,
        at: Timestamp::UNIX_EPOCH,
        key: key.public().to_string(),
    }
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let key = SecretKey::from_entropy([7; 32]);
    let statement = statement(&key, &"0".repeat(64));
    bencher.bench(|| key.sign(statement.clone()).unwrap());
}

/// Signatures of a record a second.
#[divan::bench]
fn fold_a_thousand_signatures(bencher: Bencher<'_, '_>) {
    let (root, key) = (SecretKey::from_entropy([1; 32]), SecretKey::from_entropy([7; 32]));
    let mut chain = Chain::default();
    let event = |fact: Fact| Event::new(Timestamp::UNIX_EPOCH, "ann", fact);
    let founded = TrialFounded {
        trial: "T-1".into(),
        root_key: root.public().to_string(),
        mode: Mode::Capture,
        except: Vec::new(),
    };
    chain.append(event(founded.into())).unwrap();
    let certificate = root.certify("T-1", "ann", &key.public()).unwrap();
    let issued = KeyIssued { user: "ann".into(), key: key.public().to_string(), certificate };
    chain.append(event(issued.into())).unwrap();
    for _ in 0..SIGNATURES {
        let signature: Signature = key.sign(statement(&key, chain.head())).unwrap();
        chain.append(event(signature.into())).unwrap();
    }
    bencher.counter(ItemsCount::new(SIGNATURES)).bench(|| KeyRing::fold(chain.entries()).unwrap());
}
