//! People: who is known, which roles they hold, which keys, what they sign.

use super::{Conduct, Refusal};
use crate::event::{AccessKind, Event, Fact, Kind, Person, Role};

impl Conduct {
    /// A person, as last recorded.
    #[must_use]
    pub fn person(&self, user: &str) -> Option<&Person> {
        self.of_trial(Kind::Person).rev().find_map(|entry| match &entry.event.fact {
            Fact::Person(person) if person.user == user => Some(person),
            _ => None,
        })
    }

    /// The sites for which a person holds a role now; `None` in the list is every site.
    #[must_use]
    pub fn grants(&self, user: &str, role: Role) -> Vec<Option<&str>> {
        let mut grants: Vec<(Option<&str>, usize)> = Vec::new();
        for entry in self.of_trial(Kind::RoleGranted) {
            if let Fact::RoleGranted(granted) = &entry.event.fact
                && granted.user == user
                && granted.role == role
            {
                grants.push((granted.site.as_deref(), self.place(&entry.hash)));
            }
        }
        for entry in self.of_trial(Kind::RoleWithdrawn) {
            if let Fact::RoleWithdrawn(withdrawn) = &entry.event.fact
                && withdrawn.user == user
                && withdrawn.role == role
            {
                let place = self.place(&entry.hash);
                grants.retain(|(site, granted)| *site != withdrawn.site.as_deref() || *granted > place);
            }
        }
        grants.into_iter().map(|(site, _)| site).collect()
    }

    /// Every person who holds a role now, by user name.
    #[must_use]
    pub fn holders(&self, role: Role) -> Vec<&str> {
        let mut users: Vec<&str> = self
            .of_trial(Kind::RoleGranted)
            .filter_map(|entry| match &entry.event.fact {
                Fact::RoleGranted(granted) if granted.role == role => Some(granted.user.as_str()),
                _ => None,
            })
            .collect();
        users.sort_unstable();
        users.dedup();
        users.retain(|user| !self.grants(user, role).is_empty());
        users
    }

    /// The subject an event speaks of, itself or through what it signs or answers.
    #[must_use]
    pub fn subject_of<'a>(&'a self, event: &'a Event) -> Option<&'a str> {
        match &event.fact {
            Fact::QueryAnswered(fact) => self.query(&fact.query)?.subject.as_deref(),
            Fact::QueryClosed(fact) => self.query(&fact.query)?.subject.as_deref(),
            Fact::Signature(fact) => match &self.entry(&fact.statement.signs)?.event.fact {
                Fact::Signature(_) => None,
                signed => signed.subject(),
            },
            fact => fact.subject(),
        }
    }

    /// The site an event speaks of: its own, or that of its subject.
    #[must_use]
    pub fn site_of<'a>(&'a self, event: &'a Event) -> Option<&'a str> {
        match &event.fact {
            Fact::Subject(fact) => fact.site.as_deref(),
            Fact::SiteOpened(fact) => Some(&fact.site),
            Fact::SiteApproved(fact) => Some(&fact.site),
            Fact::SiteReleased(fact) => Some(&fact.site),
            Fact::SiteClosed(fact) => Some(&fact.site),
            Fact::SiteSettings(fact) => Some(&fact.site),
            Fact::SlotRequested(fact) => Some(&fact.site),
            Fact::SlotExpired(fact) => self.slot(&fact.slot).map(|slot| slot.site.as_str()),
            Fact::Deviation(fact) if fact.site.is_some() => fact.site.as_deref(),
            Fact::QueryAnswered(fact) => {
                self.query(&fact.query)?.subject.as_deref().and_then(|subject| self.subject_site(subject))
            }
            Fact::Signature(fact) => {
                let signed = self.entry(&fact.statement.signs)?;
                match signed.event.fact {
                    Fact::Signature(_) => None,
                    _ => self.site_of(&signed.event),
                }
            }
            fact => self.subject_site(fact.subject()?),
        }
    }

    fn place(&self, hash: &str) -> usize {
        self.places.get(hash).copied().unwrap_or(0)
    }

    /// Whether an event names the first administrator: the founder may, until there is one.
    pub(crate) fn names_first_administrator(&self, event: &Event) -> bool {
        let founder = self.chain.entries().first().map(|entry| entry.event.recorded_by.as_str());
        if founder != Some(event.recorded_by.as_str()) || self.of_trial(Kind::RoleGranted).next().is_some() {
            return false;
        }
        match &event.fact {
            Fact::Person(person) => person.user == event.recorded_by,
            Fact::RoleGranted(granted) => {
                granted.user == event.recorded_by
                    && granted.role == Role::Administrator
                    && granted.site.is_none()
            }
            _ => false,
        }
    }
}

pub(super) fn admit(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    match &event.fact {
        Fact::Person(person) => {
            let named = |text: &str| !text.trim().is_empty() && !text.contains(['\n', '\r', '\t']);
            if named(&person.user) && named(&person.printed_name) {
                return Ok(());
            }
            Err(Refusal::new(
                "people/named",
                "a user name and a printed name, each on one line",
                format!("{:?}, {:?}", person.user, person.printed_name),
                "write the name as it is to be printed with signatures",
            ))
        }
        Fact::RoleGranted(granted) => {
            known(conduct, &granted.user)?;
            if let Some(site) = &granted.site {
                super::cohort::is_open_site(conduct, site)?;
            }
            if conduct.grants(&granted.user, granted.role).contains(&granted.site.as_deref()) {
                return Err(Refusal::new(
                    "people/granted-once",
                    "a role that the person does not hold yet",
                    format!("{} held by {}", granted.role.word(), granted.user),
                    "nothing: it is granted",
                ));
            }
            one_side_of_the_wall(conduct, &granted.user, granted.role)
        }
        Fact::RoleWithdrawn(withdrawn) => {
            if conduct.grants(&withdrawn.user, withdrawn.role).contains(&withdrawn.site.as_deref()) {
                let last = withdrawn.role == Role::Administrator
                    && conduct.holders(Role::Administrator).len() == 1
                    && conduct.grants(&withdrawn.user, withdrawn.role).len() == 1;
                if last {
                    return Err(Refusal::new(
                        "people/an-administrator-remains",
                        "another administrator",
                        "none",
                        "grant the role to someone else first",
                    ));
                }
                return Ok(());
            }
            Err(Refusal::new(
                "people/withdrawn",
                "a role that the person holds, with its site as granted",
                format!("{} not held by {} so", withdrawn.role.word(), withdrawn.user),
                "name the role and site as `role-granted` did",
            ))
        }
        Fact::KeyIssued(issued) => {
            known(conduct, &issued.user)?;
            let used = conduct.of_trial(Kind::KeyIssued).any(
                |entry| matches!(&entry.event.fact, Fact::KeyIssued(earlier) if earlier.key == issued.key),
            );
            if used {
                return Err(Refusal::new(
                    "people/key-issued-once",
                    "a new key",
                    issued.key.clone(),
                    "make a new key: one key belongs to one person (21 CFR 11.100)",
                ));
            }
            Ok(())
        }
        Fact::KeyRevoked(revoked) => match conduct.key_holder(&revoked.key) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(
                "people/key-revoked",
                "a key in force",
                revoked.key.clone(),
                "name a key that was issued and not revoked",
            )),
        },
        Fact::Access(access) => {
            let unlocks = access.kind == AccessKind::Unlocked;
            let administrator = event.recorded_as == Some(Role::Administrator);
            let theirs = if unlocks { administrator } else { access.user == event.recorded_by };
            if theirs {
                return Ok(());
            }
            Err(Refusal::new(
                "people/access",
                if unlocks {
                    "an unlocking by an administrator"
                } else {
                    "an access of the person who records it"
                },
                format!("one of {} by {}", access.user, event.recorded_by),
                "accesses are recorded as they happen, by the program",
            ))
        }
        Fact::Signature(signature) => {
            let statement = &signature.statement;
            let rule = "signature/statement";
            let mend = "sign again: the statement is made from the record";
            let Some(signed) = conduct.entry(&statement.signs) else {
                return Err(Refusal::new(rule, "the hash of an earlier event", &*statement.signs, mend));
            };
            if !conduct.stands(&statement.signs) {
                return Err(Refusal::new(rule, "an event that stands", "one that was corrected", mend));
            }
            if matches!(signed.event.fact, Fact::Signature(_) | Fact::Access(_)) {
                let found = signed.event.fact.kind().word();
                return Err(Refusal::new(rule, "an event that can be signed", found, mend));
            }
            if statement.user != event.recorded_by || Some(statement.role) != event.recorded_as {
                let found = format!("{} as {}", statement.user, statement.role.word());
                return Err(Refusal::new(rule, "the person and role that record it", found, mend));
            }
            if conduct.key_holder(&statement.key) != Some(statement.user.as_str()) {
                return Err(Refusal::new(
                    "signature/key",
                    format!("a key of {} in force", statement.user),
                    format!("the key {}", statement.key),
                    "have a new key issued (`key-issued`)",
                ));
            }
            let printed = conduct.person(&statement.user).map(|person| person.printed_name.as_str());
            if printed != Some(statement.printed_name.as_str()) {
                return Err(Refusal::new(
                    rule,
                    format!("the printed name {}", printed.unwrap_or("of a known person")),
                    format!("{:?}", statement.printed_name),
                    mend,
                ));
            }
            let trial = conduct.founded().map(|founded| founded.trial.as_str());
            if trial != Some(statement.trial.as_str()) {
                return Err(Refusal::new(rule, "this trial", format!("{:?}", statement.trial), mend));
            }
            let again = conduct.signatures_on(&statement.signs).iter().any(|earlier| {
                earlier.statement.user == statement.user && earlier.statement.meaning == statement.meaning
            });
            if again {
                return Err(Refusal::new(
                    "signature/once",
                    "a signature that is not there yet",
                    format!("one by {} with that meaning", statement.user),
                    "nothing: it is signed",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Conduct {
    /// Whose key it is, if it was issued and not revoked.
    #[must_use]
    pub fn key_holder(&self, key: &str) -> Option<&str> {
        let revoked = self
            .of_trial(Kind::KeyRevoked)
            .any(|entry| matches!(&entry.event.fact, Fact::KeyRevoked(revoked) if revoked.key == key));
        if revoked {
            return None;
        }
        self.of_trial(Kind::KeyIssued).find_map(|entry| match &entry.event.fact {
            Fact::KeyIssued(issued) if issued.key == key => Some(issued.user.as_str()),
            _ => None,
        })
    }
}

fn known(conduct: &Conduct, user: &str) -> Result<(), Refusal> {
    match conduct.person(user) {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            "people/known",
            "a person of this record",
            format!("{user:?}"),
            "record the person first (`person`)",
        )),
    }
}

/// Who deliberates does not decide for the sponsor, treat or keep the keys: the committee is independent.
fn one_side_of_the_wall(conduct: &Conduct, user: &str, role: Role) -> Result<(), Refusal> {
    let other = |role: &Role| !conduct.grants(user, *role).is_empty();
    let clash = if role == Role::CommitteeMember {
        [Role::Sponsor, Role::SiteCoordinator, Role::Investigator, Role::MedicalMonitor, Role::Administrator]
            .into_iter()
            .find(other)
    } else if matches!(
        role,
        Role::Sponsor
            | Role::SiteCoordinator
            | Role::Investigator
            | Role::MedicalMonitor
            | Role::Administrator
    ) {
        [Role::CommitteeMember].into_iter().find(other)
    } else {
        None
    };
    match clash {
        None => Ok(()),
        Some(held) => Err(Refusal::new(
            "people/independence",
            "committee members who hold no role of the sponsor, a site or the administration",
            format!("{user} is {}", held.word()),
            "choose another person, or withdraw the other role first",
        )),
    }
}
