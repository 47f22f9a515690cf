//! A trial being conducted, for tests: one person in each role, a minute an event.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic)]

use jiff::Timestamp;
use jiff::civil::Date;
use posology_trial::conduct::{Conduct, Context};
use posology_trial::event::*;

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
[[regimen]]
id = "high"
fraction = [{ day = 1, activity = "35 mCi/m2" }]
gate = [{ id = "stem-cells", requires = "Stem cells stored", above = "30 mCi/m2" }]
[[cohort]]
id = "A"
regimen = "low"
planned = 3
[[cohort]]
id = "B"
regimen = "high"
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
[enrolment]
stagger-days = 7
[committee]
name = "The committee"
quorum = 2
quorum-roles = ["Chair"]
voting = "two-thirds"
member = [
    { name = "Chair", user = "committee-member", role = "Chair" },
    { name = "Statistician B", user = "bea", role = "Biostatistician" },
    { name = "Physician C", user = "cai", role = "Haematologist" },
    { name = "Packet", user = "statistician", role = "Independent statistician", votes = false },
]
[caps]
total = 6
"#;

pub const KEY: &str = "aa";

/// A trial being conducted, a minute an event.
pub struct Scene {
    pub conduct: Conduct,
    pub now: Timestamp,
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn adoption(text: &str) -> ProtocolAdopted {
    let (protocol, _) = posology_trial::protocol::Protocol::read(text).unwrap();
    ProtocolAdopted {
        version: protocol.version.id.clone(),
        date: protocol.version.date,
        reason: protocol.version.reason.clone(),
        sha256: sha256(text.as_bytes()),
        text: text.to_owned(),
    }
}

impl Scene {
    pub fn empty() -> Self {
        Self { conduct: Conduct::default(), now: "2020-02-01T08:00:00Z".parse().unwrap() }
    }

    /// Founded, with one person in each role, named by the role's word.
    pub fn peopled() -> Self {
        let mut scene = Self::empty();
        scene.founding();
        for role in Role::ALL {
            if role != Role::Administrator {
                scene.person(role.word());
                let site = matches!(
                    role,
                    Role::SiteCoordinator | Role::Investigator | Role::AuthorisedUser | Role::Pharmacist
                );
                if site && scene.conduct.of_trial(Kind::SiteOpened).next().is_none() {
                    for site in ["01", "02"] {
                        scene.by(
                            Role::Administrator,
                            SiteOpened {
                                site: site.into(),
                                name: "A hospital".into(),
                                time_zone: Some("America/Chicago".into()),
                                date: date("2020-02-01"),
                            },
                        );
                    }
                }
                scene.by(
                    Role::Administrator,
                    RoleGranted { user: role.word().into(), role, site: site.then(|| "01".into()) },
                );
            }
        }
        scene
    }

    /// With the protocol in force at site 01 and cohort A open.
    pub fn open() -> Self {
        Self::open_with(PROTOCOL)
    }

    /// The same under another protocol, of version 1.0 with a cohort A.
    pub fn open_with(text: &str) -> Self {
        let mut scene = Self::peopled();
        scene.by(Role::Administrator, adoption(text));
        scene.sign(Role::Sponsor, Meaning::Approval);
        for by in [ApprovalBy::EthicsCommittee, ApprovalBy::RadiationSafety] {
            scene.by(
                Role::Administrator,
                SiteApproved {
                    site: "01".into(),
                    protocol_version: "1.0".into(),
                    by,
                    date: date("2020-02-01"),
                    reference: None,
                },
            );
        }
        scene.by(
            Role::Sponsor,
            SiteReleased { site: "01".into(), protocol_version: "1.0".into(), date: date("2020-02-01") },
        );
        scene.by(Role::Sponsor, CohortOpened { cohort: "A".into(), date: date("2020-02-01"), places: None });
        scene
    }

    pub fn founding(&mut self) {
        self.by(
            Role::Administrator,
            TrialFounded {
                trial: "T-1".into(),
                root_key: "00".into(),
                mode: Mode::Capture,
                except: Vec::new(),
            },
        );
        self.person("administrator");
        self.by(
            Role::Administrator,
            RoleGranted { user: "administrator".into(), role: Role::Administrator, site: None },
        );
    }

    pub fn person(&mut self, user: &str) {
        self.by(
            Role::Administrator,
            Person { user: user.into(), printed_name: format!("The {user}"), discipline: None },
        );
    }

    pub fn event(&self, role: Role, fact: impl Into<Fact>) -> Event {
        let now = self.now.checked_add(jiff::SignedDuration::from_mins(1)).unwrap();
        Event { recorded_as: Some(role), ..Event::new(now, role.word(), fact) }
    }

    /// Records a fact as the person of that role, and returns its hash.
    #[track_caller]
    pub fn by(&mut self, role: Role, fact: impl Into<Fact>) -> String {
        let event = self.event(role, fact);
        self.take(event)
    }

    #[track_caller]
    pub fn take(&mut self, event: Event) -> String {
        self.now = event.recorded_at;
        self.conduct.record(event, &Context::at(self.now)).unwrap().hash.clone()
    }

    /// The rule that refuses it.
    #[track_caller]
    pub fn refused(&self, role: Role, fact: impl Into<Fact>) -> &'static str {
        let event = self.event(role, fact);
        let now = event.recorded_at;
        self.conduct.admit(&event, &Context::at(now)).unwrap_err().rule
    }

    pub fn key_of(role: Role) -> String {
        format!("{KEY}{}", role.word())
    }

    /// Signs the last event that is no signature.
    #[track_caller]
    pub fn sign(&mut self, role: Role, meaning: Meaning) -> String {
        let signs = self.conduct.head().to_owned();
        if self.conduct.key_holder(&Self::key_of(role)).is_none() {
            let issued =
                KeyIssued { user: role.word().into(), key: Self::key_of(role), certificate: "cc".into() };
            self.by(Role::Administrator, issued);
        }
        self.by(role, self.statement(role, meaning, &signs))
    }

    pub fn statement(&self, role: Role, meaning: Meaning, signs: &str) -> Signature {
        Signature {
            statement: Statement {
                trial: "T-1".into(),
                signs: signs.into(),
                user: role.word().into(),
                printed_name: format!("The {}", role.word()),
                role,
                meaning,
                at: self.now,
                key: Self::key_of(role),
            },
            signature: "ss".into(),
        }
    }

    pub fn subject(&mut self, id: &str) {
        self.by(Role::SiteCoordinator, subject(id, "01"));
        self.by(
            Role::SiteCoordinator,
            Screening { subject: id.into(), date: date("2020-02-01"), protocol_version: "1.0".into() },
        );
    }

    pub fn eligible(&mut self, id: &str) {
        self.subject(id);
        self.by(Role::Investigator, eligibility(id, true, &[("age", true)]));
    }
}

pub fn subject(id: &str, site: &str) -> Subject {
    serde_json::from_value(serde_json::json!({ "subject": id, "site": site })).unwrap()
}

pub fn eligibility(id: &str, eligible: bool, criteria: &[(&str, bool)]) -> Eligibility {
    Eligibility {
        subject: id.into(),
        date: date("2020-02-01"),
        protocol_version: "1.0".into(),
        regimen: Some("low".into()),
        criteria: criteria
            .iter()
            .map(|(id, met)| Criterion { id: (*id).into(), met: *met, evidence: None })
            .collect(),
        eligible,
        reason: None,
    }
}

pub fn enrolment(id: &str, cohort: &str) -> Enrolment {
    Enrolment {
        subject: id.into(),
        cohort: cohort.into(),
        date: date("2020-02-01"),
        protocol_version: "1.0".into(),
        replaces: None,
        stratum: None,
    }
}
