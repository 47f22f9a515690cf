//! The record as a Transactional file: one SubjectData an event, in the order of the record.
//!
//! A form instance has as FormRepeatKey the position of the event that it began with; a correction updates it, value by
//! value; a retraction is a form of its own and removes the one it takes back; a signature is a form of its own and
//! signs the one it is on.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use posology_trial::event::{Chain, Entry, Event, Fact, Kind, canonical};
use posology_trial::form::Form;

use super::admin::{Admin, meaning_oid};
use super::forms::{self, Lengths, VERSION, form_oid, study_event, unit_oid};
use super::items::{Group, RECORD, TRIAL, Told, clean, event_of, lay_out, record_of, whole};
use super::markup::Markup;
use crate::package::Study;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// A record without events has no trail.
    #[error("expected a record with events, found none; mend: found the trial first")]
    Empty,
    /// What the writer behind said.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Writes the whole record as an ODM Transactional file: the audit trail in its standard form. `program` is the program
/// and its version, such as `posology 0.1.0`. The same record gives the same bytes.
///
/// # Errors
/// Where the record is empty, and what the writer behind `out` says.
pub fn write_trail(study: &Study, chain: &Chain, program: &str, out: impl Write) -> Result<(), Unwritable> {
    let entries = chain.entries();
    let last = entries.last().ok_or(Unwritable::Empty)?;
    let places = Places::of(entries);
    let forms = Form::all();
    let by_kind: HashMap<Kind, &Form> = forms.iter().map(|form| (form.kind, form)).collect();
    let instances: Vec<Vec<Group>> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| {
            let form = by_kind.get(&entry.event.fact.kind());
            form.map(|form| instance(form, entry, places.host(place))).unwrap_or_default()
        })
        .collect();
    let mut lengths = Lengths::default();
    instances.iter().for_each(|groups| lengths.measure(groups));
    let admin = Admin::of(entries);

    let mut markup = Markup::new(io::BufWriter::new(out))?;
    let at = last.event.recorded_at.to_string();
    head(
        &mut markup,
        study,
        program,
        ("Transactional", &format!("trail.{}", entries.len())),
        &last.hash,
        &at,
    )?;
    forms::write(&mut markup, study, &forms, &lengths)?;
    let study_oid = clean(&study.id);
    admin.write(&mut markup, &study_oid)?;
    markup.open("ClinicalData", &[("StudyOID", &study_oid), ("MetaDataVersionOID", VERSION)])?;
    let mut trail = Trail {
        markup: &mut markup,
        entries,
        places: &places,
        instances: &instances,
        admin: &admin,
        begun: HashSet::new(),
        removed: HashSet::new(),
        sites: HashMap::new(),
    };
    for (place, entry) in entries.iter().enumerate() {
        trail.transaction(place, entry)?;
    }
    markup.close()?;
    Ok(markup.finish()?)
}

/// The root element.
pub(super) fn head(
    markup: &mut Markup<impl Write>,
    study: &Study,
    program: &str,
    (file_type, what): (&str, &str),
    hash: &str,
    at: &str,
) -> io::Result<()> {
    let (system, version) = program.rsplit_once(' ').unwrap_or((program, ""));
    let short: String = hash.chars().take(12).collect();
    let file_oid = format!("{}.{what}.{short}", clean(&study.id));
    let mut attributes = vec![
        ("xmlns", super::stream::NAMESPACE),
        ("FileType", file_type),
        ("Granularity", "All"),
        ("FileOID", &file_oid),
        ("CreationDateTime", at),
        ("AsOfDateTime", at),
        ("ODMVersion", "1.3.2"),
        ("SourceSystem", system),
    ];
    if file_type == "Transactional" {
        // Every transaction and every audit record of the record is here.
        attributes.push(("Archival", "Yes"));
    }
    if !version.is_empty() {
        attributes.push(("SourceSystemVersion", version));
    }
    markup.open("ODM", &attributes)
}

/// Where events belong: the one each began with, and the subject under which it stands.
pub(super) struct Places<'a> {
    by_hash: HashMap<&'a str, usize>,
    roots: Vec<usize>,
    hosts: Vec<&'a str>,
}

impl<'a> Places<'a> {
    pub(super) fn of(entries: &'a [Entry]) -> Self {
        let mut places = Self { by_hash: HashMap::new(), roots: Vec::new(), hosts: Vec::new() };
        for (place, entry) in entries.iter().enumerate() {
            let corrected =
                entry.event.corrects.as_ref().and_then(|correction| places.place(&correction.hash));
            let root = corrected.map_or(place, |corrected| places.root(corrected));
            let host = match &entry.event.fact {
                _ if root != place => places.host(root),
                // A signature stands with what it signs.
                Fact::Signature(signature) => {
                    places.place(&signature.statement.signs).map_or(TRIAL, |signed| places.host(signed))
                }
                fact => fact.subject().unwrap_or(TRIAL),
            };
            places.roots.push(root);
            places.hosts.push(host);
            places.by_hash.insert(&entry.hash, place);
        }
        places
    }

    fn place(&self, hash: &str) -> Option<usize> {
        self.by_hash.get(hash).copied()
    }

    pub(super) fn root(&self, place: usize) -> usize {
        self.roots.get(place).copied().unwrap_or(place)
    }

    pub(super) fn host(&self, place: usize) -> &'a str {
        self.hosts.get(place).copied().unwrap_or(TRIAL)
    }
}

/// A subject's name as SubjectKey, which may not be empty.
pub(super) fn subject_key(host: &str) -> String {
    if host.is_empty() { "(no subject)".to_owned() } else { clean(host) }
}

/// Why an event was recorded, as its audit record says it.
fn reason(event: &Event) -> Option<&str> {
    match (&event.corrects, &event.fact) {
        (Some(correction), _) => Some(&correction.reason),
        (None, Fact::Retracted(retracted)) => Some(&retracted.reason),
        (None, _) => event.reason.as_deref(),
    }
}

/// The item groups of an event. What items and audit record cannot tell whole stands beside them as JSON.
fn instance(form: &Form, entry: &Entry, host: &str) -> Vec<Group> {
    let event = &entry.event;
    let fact = serde_json::to_value(&event.fact).unwrap_or_default();
    let mut groups = lay_out(form, &fact["body"]);
    groups.push(record_of(event));
    let (subject, user, at) = (subject_key(host), clean(&event.recorded_by), event.recorded_at.to_string());
    let reason = reason(event).map(clean);
    let told = Told { subject: &subject, user: &user, at: &at, reason: reason.as_deref() };
    let again = event_of(form, &groups, &told).ok().and_then(|again| canonical(&again).ok());
    if again.as_deref() != Some(entry.canonical())
        && let Some(record) = groups.last_mut()
    {
        record.items.push(whole(entry.canonical()));
    }
    groups
}

struct Trail<'a, W: Write> {
    markup: &'a mut Markup<W>,
    entries: &'a [Entry],
    places: &'a Places<'a>,
    instances: &'a [Vec<Group>],
    admin: &'a Admin<'a>,
    /// Subjects, and study events of subjects, that were inserted.
    begun: HashSet<(&'a str, &'static str)>,
    /// Form instances that were removed.
    removed: HashSet<usize>,
    sites: HashMap<&'a str, &'a str>,
}

impl<'a, W: Write> Trail<'a, W> {
    fn transaction(&mut self, place: usize, entry: &'a Entry) -> io::Result<()> {
        let event = &entry.event;
        if let Fact::Subject(subject) = &event.fact
            && let Some(site) = &subject.site
        {
            self.sites.insert(&subject.subject, site);
        }
        let host = self.places.host(place);
        let change = if self.begun.insert((host, "")) { "Insert" } else { "Context" };
        self.markup
            .open("SubjectData", &[("SubjectKey", &subject_key(host)), ("TransactionType", change)])?;
        if let Some(site) = self.sites.get(host) {
            self.markup.empty("SiteRef", &[("LocationOID", self.admin.location_oid(Some(site)))])?;
        }
        self.form(place, entry)?;
        match &event.fact {
            _ if event.corrects.is_some() => {}
            Fact::Retracted(retracted) => {
                if let Some(target) = self.standing(&retracted.event, host) {
                    self.removed.insert(target);
                    self.upon(target, "Remove", (place, entry))?;
                    self.markup.close()?;
                    self.markup.close()?;
                }
            }
            Fact::Signature(signature) => {
                if let Some(target) = self.standing(&signature.statement.signs, host) {
                    self.upon(target, "Update", (place, entry))?;
                    write_signature(self.markup, self.admin, self.location(host), (place, signature))?;
                    self.markup.close()?;
                    self.markup.close()?;
                }
            }
            _ => {}
        }
        self.markup.close()
    }

    /// The form instance of an event, where it stands under this subject.
    fn standing(&self, hash: &str, host: &str) -> Option<usize> {
        let place = self.places.place(hash)?;
        let root = self.places.root(place);
        (self.places.host(place) == host && !self.removed.contains(&root)).then_some(root)
    }

    fn location(&self, host: &str) -> &'a str {
        self.admin.location_oid(self.sites.get(host).copied())
    }

    /// Opens the form instance of an earlier event, with the audit record of this one.
    fn upon(&mut self, root: usize, change: &'static str, by: (usize, &Entry)) -> io::Result<()> {
        let Some(target) = self.entries.get(root) else { return Ok(()) };
        let kind = target.event.fact.kind();
        let repeat = (root + 1).to_string();
        let study_event = [("StudyEventOID", study_event(kind)), ("TransactionType", "Context")];
        self.markup.open("StudyEventData", &study_event)?;
        let form = form_oid(kind);
        let form = [("FormOID", form.as_str()), ("FormRepeatKey", &repeat), ("TransactionType", change)];
        self.markup.open("FormData", &form)?;
        let host = self.places.host(root);
        self.audit(by, host, change == "Remove", ".2")
    }

    fn audit(&mut self, by: (usize, &Entry), host: &str, later: bool, which: &str) -> io::Result<()> {
        let (place, entry) = by;
        let event = &entry.event;
        let id = format!("AR.{}{which}", place + 1);
        let attributes =
            [("EditPoint", "DataManagement"), ("UsedImputationMethod", "No"), ("ID", id.as_str())];
        // What is first entered has no point of editing.
        self.markup.open("AuditRecord", attributes.get(usize::from(!later)..).unwrap_or_default())?;
        self.markup.empty("UserRef", &[("UserOID", self.admin.user_oid(&event.recorded_by))])?;
        self.markup.empty("LocationRef", &[("LocationOID", self.location(host))])?;
        self.markup.text("DateTimeStamp", &[], &event.recorded_at.to_string())?;
        if let Some(reason) = reason(event) {
            self.markup.text("ReasonForChange", &[], &clean(reason))?;
        }
        self.markup.text("SourceID", &[], &entry.hash)?;
        self.markup.close()
    }

    /// The form of the event itself: new, or an update of the one it corrects.
    fn form(&mut self, place: usize, entry: &Entry) -> io::Result<()> {
        let kind = entry.event.fact.kind();
        let (host, root) = (self.places.host(place), self.places.root(place));
        let event_oid = study_event(kind);
        let change = if self.begun.insert((host, event_oid)) { "Insert" } else { "Context" };
        self.markup.open("StudyEventData", &[("StudyEventOID", event_oid), ("TransactionType", change)])?;
        let corrected =
            entry.event.corrects.as_ref().and_then(|correction| self.places.place(&correction.hash));
        let (form, repeat) = (form_oid(kind), (root + 1).to_string());
        let change = if corrected.is_some() { "Update" } else { "Insert" };
        let attributes =
            [("FormOID", form.as_str()), ("FormRepeatKey", &repeat), ("TransactionType", change)];
        self.markup.open("FormData", &attributes)?;
        self.audit((place, entry), host, corrected.is_some(), "")?;
        let groups = self.instances.get(place).map_or(&[][..], Vec::as_slice);
        match corrected.and_then(|corrected| self.instances.get(corrected)) {
            None => {
                for group in groups {
                    write_group(self.markup, group, None)?;
                }
            }
            Some(before) => {
                for group in groups {
                    let earlier =
                        before.iter().find(|one| one.oid == group.oid && one.repeat == group.repeat);
                    write_group(self.markup, group, Some(earlier))?;
                }
                let gone = |one: &&Group| {
                    !groups.iter().any(|group| group.oid == one.oid && group.repeat == one.repeat)
                };
                for group in before.iter().filter(gone) {
                    let repeat = group.repeat.map(|repeat| repeat.to_string());
                    let mut attributes = vec![("ItemGroupOID", group.oid.as_str())];
                    attributes.extend(repeat.as_deref().map(|repeat| ("ItemGroupRepeatKey", repeat)));
                    attributes.push(("TransactionType", "Remove"));
                    self.markup.empty("ItemGroupData", &attributes)?;
                }
            }
        }
        self.markup.close()?;
        self.markup.close()
    }
}

/// Writes an item group; in an update with what stood before, if anything did.
pub(super) fn write_group(
    markup: &mut Markup<impl Write>,
    group: &Group,
    before: Option<Option<&Group>>,
) -> io::Result<()> {
    if group.items.is_empty() && group.oid == RECORD && before.is_none() {
        return markup.empty("ItemGroupData", &[("ItemGroupOID", RECORD)]);
    }
    let repeat = group.repeat.map(|repeat| repeat.to_string());
    let mut attributes = vec![("ItemGroupOID", group.oid.as_str())];
    attributes.extend(repeat.as_deref().map(|repeat| ("ItemGroupRepeatKey", repeat)));
    attributes.extend(
        before.map(|earlier| ("TransactionType", if earlier.is_some() { "Update" } else { "Insert" })),
    );
    markup.open("ItemGroupData", &attributes)?;
    let earlier = before.flatten();
    for held in &group.items {
        let mut attributes = vec![("ItemOID", held.oid.as_str())];
        if let Some(earlier) = earlier {
            let stood = earlier.items.iter().any(|one| one.oid == held.oid);
            attributes.push(("TransactionType", if stood { "Update" } else { "Insert" }));
        }
        attributes.push(("Value", &held.value));
        match &held.unit {
            Some(unit) => {
                markup.open("ItemData", &attributes)?;
                markup.empty("MeasurementUnitRef", &[("MeasurementUnitOID", &unit_oid(unit))])?;
                markup.close()?;
            }
            None => markup.empty("ItemData", &attributes)?,
        }
    }
    for gone in earlier.iter().flat_map(|earlier| &earlier.items) {
        if !group.items.iter().any(|held| held.oid == gone.oid) {
            markup.empty("ItemData", &[("ItemOID", &gone.oid), ("TransactionType", "Remove")])?;
        }
    }
    markup.close()
}

/// Writes the element Signature.
pub(super) fn write_signature(
    markup: &mut Markup<impl Write>,
    admin: &Admin<'_>,
    location: &str,
    (place, signature): (usize, &posology_trial::event::Signature),
) -> io::Result<()> {
    let statement = &signature.statement;
    // Readers ask for an ID even where nothing refers to it.
    markup.open("Signature", &[("ID", &format!("SIG.{}", place + 1))])?;
    markup.empty("UserRef", &[("UserOID", admin.user_oid(&statement.user))])?;
    markup.empty("LocationRef", &[("LocationOID", location)])?;
    markup.empty("SignatureRef", &[("SignatureOID", &meaning_oid(statement.meaning))])?;
    markup.text("DateTimeStamp", &[], &statement.at.to_string())?;
    markup.text("CryptoBindingManifest", &[], &clean(&signature.signature))?;
    markup.close()
}
