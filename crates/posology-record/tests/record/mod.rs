//! A small trial with people, keys, signatures and a correction, and what an attacker can do to it.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, unreachable_pub, missing_docs)]

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use posology_record::signature::SecretKey;
use posology_trial::conduct::{Conduct, Context};
use posology_trial::event::*;
use serde_json::json;

pub const TRIAL: &str = "T-1";

pub const PROTOCOL: &str = r#"
[trial]
id = "T-1"
title = "A test"
synthetic = true
[version]
id = "1.0"
date = 2020-01-01
reason = "First"
[product]
name = "X"
radionuclide = "I-131"
[[regimen]]
id = "low"
fraction = [{ day = 1, activity = "10 mCi/m2" }]
[[cohort]]
id = "A"
regimen = "low"
planned = 3
[dlt]
window-days = 28
ctcae = "5.0"
[[dlt.rules]]
id = "any-4"
text = "Vomiting of grade 4"
adverse-event = { terms = ["Vomiting"], grade-at-least = 4 }
[[stopping.hold]]
id = "related-death"
when = "related-death"
scope = "trial"
action = "hold"
lifted-by = "Sponsor"
[escalation]
design = "3+3"
"#;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Keys of a test: each from one byte.
pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_entropy([seed; 32])
}

/// A trial being recorded, a minute an event.
pub struct Record {
    pub conduct: Conduct,
    now: Timestamp,
    root: SecretKey,
    keys: BTreeMap<&'static str, SecretKey>,
}

impl Record {
    /// Founded with a root key, which certifies the keys of people; all from one number.
    pub fn founded(root: u8) -> Self {
        let mut record = Self {
            conduct: Conduct::default(),
            now: "2020-02-01T08:00:00Z".parse().unwrap(),
            root: key(root),
            keys: BTreeMap::new(),
        };
        let root_key = record.root.public().to_string();
        let founding =
            TrialFounded { trial: TRIAL.into(), root_key, mode: Mode::Capture, except: Vec::new() };
        let admin = Role::Administrator;
        record.by(admin, founding);
        record.by(admin, person("administrator", "Ada \"Keys\" Moreau"));
        record.by(admin, granted("administrator", admin));
        for (user, name, role) in [
            ("sponsor", "Søren Üz", Role::Sponsor),
            ("site-coordinator", "C. Ordinator", Role::SiteCoordinator),
        ] {
            record.by(admin, person(user, name));
            record.by(admin, granted(user, role));
        }
        record.issue("sponsor", root.wrapping_add(1));
        record.issue("administrator", root.wrapping_add(2));
        record
    }

    pub fn by(&mut self, role: Role, fact: impl Into<Fact>) -> String {
        let now = self.now.checked_add(SignedDuration::from_mins(1)).unwrap();
        self.take(Event { recorded_as: Some(role), ..Event::new(now, role.word(), fact) })
    }

    #[track_caller]
    pub fn take(&mut self, event: Event) -> String {
        self.now = event.recorded_at;
        self.conduct.record(event, &Context::at(self.now)).unwrap().hash.clone()
    }

    pub fn issue(&mut self, user: &'static str, seed: u8) -> String {
        let secret = key(seed);
        let certificate = self.root.certify(TRIAL, user, &secret.public()).unwrap();
        let issued = KeyIssued { user: user.into(), key: secret.public().to_string(), certificate };
        self.keys.insert(user, secret);
        self.by(Role::Administrator, issued)
    }

    pub fn sign(&mut self, role: Role, meaning: Meaning, signs: &str) -> String {
        let secret = &self.keys[role.word()];
        let statement = Statement {
            trial: TRIAL.into(),
            signs: signs.into(),
            user: role.word().into(),
            printed_name: self.conduct.person(role.word()).unwrap().printed_name.clone(),
            role,
            meaning,
            at: self.now,
            key: secret.public().to_string(),
        };
        let signature = secret.sign(statement).unwrap();
        self.by(role, signature)
    }

    pub fn chain(&self) -> &Chain {
        self.conduct.chain()
    }
}

pub fn person(user: &str, name: &str) -> Person {
    Person { user: user.into(), printed_name: name.into(), discipline: None }
}

pub fn granted(user: &str, role: Role) -> RoleGranted {
    RoleGranted { user: user.into(), role, site: None }
}

pub fn laboratory(subject: &str, day: &str, result: &str) -> Laboratory {
    serde_json::from_value(json!({
        "subject": subject, "test": "PLAT", "analyte": "platelets", "result": result, "unit": "10^9/L",
        "lower-limit": "150", "upper-limit": "400", "at": day,
    }))
    .unwrap()
}

/// Some thirty events: founding, people, keys certified by the root, a new root key, a protocol signed, a site, a
/// cohort, patients, a result corrected, a key revoked and another issued that signs again.
pub fn small(root: u8) -> Record {
    let mut record = Record::founded(root);
    let (admin, sponsor, site) = (Role::Administrator, Role::Sponsor, Role::SiteCoordinator);
    record.by(
        admin,
        SiteOpened {
            site: "01".into(),
            name: "A hospital".into(),
            time_zone: None,
            date: date("2020-02-01"),
        },
    );
    let adopted = record.by(
        admin,
        ProtocolAdopted {
            version: "1.0".into(),
            date: date("2020-01-01"),
            reason: "First".into(),
            sha256: sha256(PROTOCOL.as_bytes()),
            text: PROTOCOL.into(),
        },
    );
    record.sign(sponsor, Meaning::Approval, &adopted);
    record.sign(admin, Meaning::Review, &adopted);
    for by in [ApprovalBy::EthicsCommittee, ApprovalBy::RadiationSafety] {
        record.by(
            admin,
            SiteApproved {
                site: "01".into(),
                protocol_version: "1.0".into(),
                by,
                date: date("2020-02-01"),
                reference: None,
            },
        );
    }
    record.by(
        sponsor,
        SiteReleased { site: "01".into(), protocol_version: "1.0".into(), date: date("2020-02-01") },
    );
    record.by(sponsor, CohortOpened { cohort: "A".into(), date: date("2020-02-01"), places: None });
    // A new root key, certified by the first; what follows is certified by the new one.
    let next = key(root.wrapping_add(3));
    let certificate = record.root.certify_root(TRIAL, &next.public()).unwrap();
    record.by(admin, RootKeyRotated { key: next.public().to_string(), certificate });
    record.root = next;
    let subject: Subject = serde_json::from_value(json!({ "subject": "S-1", "site": "01" })).unwrap();
    record.by(site, subject);
    record.by(
        site,
        Screening { subject: "S-1".into(), date: date("2020-02-01"), protocol_version: "1.0".into() },
    );
    let wrong = record.by(site, laboratory("S-1", "2020-02-01", "21"));
    record.by(site, laboratory("S-1", "2020-01-31", "<10"));
    let now = record.now.checked_add(SignedDuration::from_mins(1)).unwrap();
    record.take(Event {
        recorded_as: Some(site),
        corrects: Some(Correction { hash: wrong, reason: "misread: \u{1f600} \u{fb33} \t".into() }),
        ..Event::new(now, site.word(), laboratory("S-1", "2020-02-01", "212"))
    });
    let revoked = key(root.wrapping_add(1)).public().to_string();
    record.by(admin, KeyRevoked { key: revoked, reason: "a new device".into() });
    record.issue("sponsor", root.wrapping_add(4));
    let closed =
        CohortClosed { cohort: "A".into(), date: date("2020-02-01"), reason: "end of the test".into() };
    let closed = record.by(sponsor, closed);
    record.sign(sponsor, Meaning::Responsibility, &closed);
    record
}

/// A subject screened and so many results, half of them corrected never: the bulk of a long record, with a signature
/// every hundred events.
pub fn long(events: usize) -> Record {
    let mut record = small(1);
    let subjects = 200;
    for number in 0..subjects {
        let subject: Subject =
            serde_json::from_value(json!({ "subject": format!("P-{number:03}"), "site": "01" })).unwrap();
        record.by(Role::SiteCoordinator, subject);
    }
    while record.chain().entries().len() < events {
        let number = record.chain().entries().len();
        let subject = format!("P-{:03}", number % subjects);
        let fact = laboratory(&subject, "2020-02-01", &(number % 400).to_string());
        let hash = record.by(Role::SiteCoordinator, fact);
        if number.is_multiple_of(100) {
            record.sign(Role::Sponsor, Meaning::Review, &hash);
        }
    }
    record
}

/// Events chained anew from a changed list, as an attacker who knows the format would.
pub fn chained(events: impl IntoIterator<Item = Event>) -> Chain {
    let mut chain = Chain::default();
    for event in events {
        chain.append(event).unwrap();
    }
    chain
}

/// The events of a chain, with every hash that one names of another put right after a change: what it takes to
/// write a record anew.
pub fn rewritten(chain: &Chain, mut change: impl FnMut(usize, &mut Event)) -> Chain {
    let mut anew = Chain::default();
    let mut hashes: BTreeMap<String, String> = BTreeMap::new();
    for (index, entry) in chain.entries().iter().enumerate() {
        let mut event = entry.event.clone();
        if let Some(correction) = &mut event.corrects {
            correction.hash = hashes[&correction.hash].clone();
        }
        if let Fact::Signature(signature) = &mut event.fact {
            signature.statement.signs = hashes[&signature.statement.signs].clone();
        }
        change(index + 1, &mut event);
        let hash = anew.append(event).unwrap().to_owned();
        hashes.insert(entry.hash.clone(), hash);
    }
    anew
}

/// Position of the first event, from 1, that answers to a question.
#[track_caller]
pub fn position(chain: &Chain, ask: impl Fn(&Fact) -> bool) -> u64 {
    chain.entries().iter().position(|entry| ask(&entry.event.fact)).unwrap() as u64 + 1
}

pub fn bundled(chain: &Chain) -> String {
    let mut out = Vec::new();
    posology_record::bundle::write(chain, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
