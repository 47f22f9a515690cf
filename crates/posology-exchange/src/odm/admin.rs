//! People and places as administrative data: users with their sites and keys, locations, what signatures mean.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Write};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use posology_trial::event::{Entry, Fact, Meaning, Role};

use super::forms::VERSION;
use super::items::clean;
use super::markup::Markup;

/// The place that is no site: where the trial is led.
const CENTRE: &str = "LOC.trial";

/// People and places of a record.
pub(super) struct Admin<'a> {
    users: Vec<Person<'a>>,
    user_places: HashMap<&'a str, usize>,
    sites: Vec<Site<'a>>,
    site_places: HashMap<&'a str, usize>,
    oids: HashSet<String>,
    began: Date,
}

struct Person<'a> {
    oid: String,
    user: &'a str,
    printed_name: Option<&'a str>,
    roles: BTreeSet<Role>,
    sites: BTreeSet<&'a str>,
    keys: Vec<&'a str>,
}

struct Site<'a> {
    oid: String,
    site: &'a str,
    name: Option<&'a str>,
    date: Option<Date>,
}

impl<'a> Admin<'a> {
    /// Everybody and every place that the events name.
    pub(super) fn of(entries: &'a [Entry]) -> Self {
        let began = entries.first().map(|entry| entry.event.recorded_at.to_zoned(TimeZone::UTC).date());
        let mut admin = Self {
            users: Vec::new(),
            user_places: HashMap::new(),
            sites: Vec::new(),
            site_places: HashMap::new(),
            oids: HashSet::from([CENTRE.to_owned()]),
            began: began.unwrap_or_default(),
        };
        for entry in entries {
            admin.user(&entry.event.recorded_by);
            match &entry.event.fact {
                Fact::Person(person) => {
                    if let Some(known) = admin.user(&person.user) {
                        known.printed_name = Some(&person.printed_name);
                    }
                }
                Fact::RoleGranted(granted) => {
                    if let Some(known) = admin.user(&granted.user) {
                        known.roles.insert(granted.role);
                        known.sites.extend(granted.site.as_deref());
                    }
                    admin.site(granted.site.as_deref());
                }
                Fact::KeyIssued(issued) => {
                    if let Some(known) = admin.user(&issued.user) {
                        known.keys.push(&issued.key);
                    }
                }
                Fact::Signature(signature) => {
                    admin.user(&signature.statement.user);
                }
                Fact::SiteOpened(opened) => {
                    if let Some(known) = admin.site(Some(&opened.site)) {
                        known.name = known.name.or(Some(&opened.name));
                        known.date = known.date.or(Some(opened.date));
                    }
                }
                Fact::Subject(subject) => {
                    admin.site(subject.site.as_deref());
                }
                _ => {}
            }
        }
        admin
    }

    /// An identifier that no other has.
    fn oid(&mut self, prefix: &str, name: &str) -> String {
        let plain = format!("{prefix}.{}", clean(name));
        let mut oid = plain.clone();
        let mut number = 2;
        while !self.oids.insert(oid.clone()) {
            oid = format!("{plain}#{number}");
            number += 1;
        }
        oid
    }

    fn user(&mut self, user: &'a str) -> Option<&mut Person<'a>> {
        let place = match self.user_places.get(user) {
            Some(place) => *place,
            None => {
                let oid = self.oid("USR", user);
                self.user_places.insert(user, self.users.len());
                let (roles, sites) = (BTreeSet::new(), BTreeSet::new());
                self.users.push(Person { oid, user, printed_name: None, roles, sites, keys: Vec::new() });
                self.users.len() - 1
            }
        };
        self.users.get_mut(place)
    }

    fn site(&mut self, site: Option<&'a str>) -> Option<&mut Site<'a>> {
        let site = site?;
        let place = match self.site_places.get(site) {
            Some(place) => *place,
            None => {
                let oid = self.oid("LOC.site", site);
                self.site_places.insert(site, self.sites.len());
                self.sites.push(Site { oid, site, name: None, date: None });
                self.sites.len() - 1
            }
        };
        self.sites.get_mut(place)
    }

    /// Identifier of a user.
    pub(super) fn user_oid(&self, user: &str) -> &str {
        self.user_places
            .get(user)
            .and_then(|place| self.users.get(*place))
            .map_or("USR.", |known| known.oid.as_str())
    }

    /// Identifier of a site, or of the place where the trial is led.
    pub(super) fn location_oid(&self, site: Option<&str>) -> &str {
        let known = site.and_then(|site| self.sites.get(*self.site_places.get(site)?));
        known.map_or(CENTRE, |known| known.oid.as_str())
    }

    /// Writes the element AdminData.
    pub(super) fn write(&self, markup: &mut Markup<impl Write>, study: &str) -> io::Result<()> {
        markup.open("AdminData", &[("StudyOID", study)])?;
        for user in &self.users {
            let user_type = match () {
                () if user.roles.contains(&Role::Sponsor) => "Sponsor",
                () if user.roles.contains(&Role::Investigator) => "Investigator",
                () => "Other",
            };
            markup.open("User", &[("OID", &user.oid), ("UserType", user_type)])?;
            markup.text("LoginName", &[], &clean(user.user))?;
            if let Some(name) = user.printed_name {
                markup.text("FullName", &[], &clean(name))?;
            }
            for site in &user.sites {
                markup.empty("LocationRef", &[("LocationOID", self.location_oid(Some(site)))])?;
            }
            for key in &user.keys {
                markup.text("Certificate", &[], &clean(key))?;
            }
            markup.close()?;
        }
        self.location(markup, study, (CENTRE, "Where the trial is led", "Sponsor"), self.began)?;
        for site in &self.sites {
            let name = clean(site.name.filter(|name| !name.is_empty()).unwrap_or(site.site));
            let name = if name.is_empty() { "not named" } else { &name };
            self.location(markup, study, (&site.oid, name, "Site"), site.date.unwrap_or(self.began))?;
        }
        for meaning in Meaning::ALL {
            let legal_reason = match meaning {
                Meaning::Authorship => "The signer wrote this",
                Meaning::Review => "The signer has reviewed this",
                Meaning::Approval => "The signer approves this",
                Meaning::Responsibility => "The signer takes responsibility for this",
                Meaning::Verification => "The signer has verified this independently",
            };
            markup.open("SignatureDef", &[("OID", &meaning_oid(meaning)), ("Methodology", "Digital")])?;
            markup.text("Meaning", &[], meaning.word())?;
            markup.text("LegalReason", &[], &format!("{legal_reason} (21 CFR 11.50(a)(3))"))?;
            markup.close()?;
        }
        markup.close()
    }

    fn location(
        &self,
        markup: &mut Markup<impl Write>,
        study: &str,
        (oid, name, location_type): (&str, &str, &str),
        from: Date,
    ) -> io::Result<()> {
        markup.open("Location", &[("OID", oid), ("Name", name), ("LocationType", location_type)])?;
        let from = from.to_string();
        let version =
            [("StudyOID", study), ("MetaDataVersionOID", VERSION), ("EffectiveDate", from.as_str())];
        markup.empty("MetaDataVersionRef", &version)?;
        markup.close()
    }
}

/// Identifier of what a signature means.
pub(super) fn meaning_oid(meaning: Meaning) -> String {
    format!("SD.{}", meaning.word())
}
