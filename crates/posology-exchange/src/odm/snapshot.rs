//! What stands at a data cut as a Snapshot file: the forms of each subject, corrected values in place.
//!
//! Left out: how it came about, people's accounts and access, and what was sealed: that is the trail's.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use posology_trial::event::{Entry, Fact, Kind, Signature};
use posology_trial::form::Form;

use super::admin::Admin;
use super::forms::{self, Lengths, STUDY_EVENTS, VERSION, form_oid, study_event};
use super::items::{Group, clean, lay_out};
use super::markup::Markup;
use super::trail::{Places, Unwritable, head, subject_key, write_group, write_signature};
use crate::tabulation::TrialAtCut;

/// Writes what stands at a data cut as an ODM Snapshot file, with the latest signature on each form. A character that
/// XML does not have is written as U+FFFD. The same cut gives the same bytes.
///
/// # Errors
/// Where the record is empty, and what the writer behind `out` says.
pub fn write_snapshot(of: &TrialAtCut<'_>, out: impl Write) -> Result<(), Unwritable> {
    let cut = &of.analysis.cut;
    let recorded = of.chain.entries().get(..cut.position).unwrap_or(of.chain.entries());
    if recorded.is_empty() {
        return Err(Unwritable::Empty);
    }
    let places = Places::of(recorded);
    let by_hash: HashMap<&str, usize> =
        recorded.iter().enumerate().map(|(place, entry)| (entry.hash.as_str(), place)).collect();
    let signatures: HashMap<&str, (usize, &Signature)> = recorded
        .iter()
        .enumerate()
        .filter_map(|(place, entry)| match &entry.event.fact {
            Fact::Signature(signature) => Some((signature.statement.signs.as_str(), (place, signature))),
            _ => None,
        })
        .collect();
    let forms = Form::all();
    let by_kind: HashMap<Kind, &Form> = forms.iter().map(|form| (form.kind, form)).collect();
    let standing = cut.entries(of.chain);
    let mut lengths = Lengths::default();
    let mut subjects: Vec<&str> = Vec::new();
    let mut met = HashSet::new();
    let mut instances: HashMap<(&str, &str), Vec<Instance<'_>>> = HashMap::new();
    for entry in standing.iter().filter(|entry| is_of_a_snapshot(&entry.event.fact)) {
        let (Some(place), Some(form)) =
            (by_hash.get(entry.hash.as_str()), by_kind.get(&entry.event.fact.kind()))
        else {
            continue;
        };
        let host = places.host(*place);
        if met.insert(host) {
            subjects.push(host);
        }
        let fact = serde_json::to_value(&entry.event.fact).unwrap_or_default();
        let groups = lay_out(form, &fact["body"]);
        lengths.measure(&groups);
        let instance = Instance { root: places.root(*place), entry, groups };
        instances.entry((host, study_event(form.kind))).or_default().push(instance);
    }
    let sites: HashMap<&str, &str> = standing
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Subject(subject) => Some((subject.subject.as_str(), subject.site.as_deref()?)),
            _ => None,
        })
        .collect();
    let admin = Admin::of(recorded);
    let study = of.study();
    let study_oid = clean(&study.id);

    let mut markup = Markup::new(io::BufWriter::new(out))?;
    let at = cut.cut_off.to_string();
    head(
        &mut markup,
        &study,
        of.program,
        ("Snapshot", &format!("snapshot.{}", cut.position)),
        &cut.head,
        &at,
    )?;
    forms::write(&mut markup, &study, &forms, &lengths)?;
    admin.write(&mut markup, &study_oid)?;
    markup.open("ClinicalData", &[("StudyOID", &study_oid), ("MetaDataVersionOID", VERSION)])?;
    for subject in subjects {
        let site = sites.get(subject).copied();
        let location = admin.location_oid(site);
        markup.open("SubjectData", &[("SubjectKey", &subject_key(subject))])?;
        if site.is_some() {
            markup.empty("SiteRef", &[("LocationOID", location)])?;
        }
        for (event_oid, _) in STUDY_EVENTS {
            let Some(mut of_event) = instances.remove(&(subject, event_oid)) else { continue };
            of_event.sort_by_key(|instance| instance.root);
            markup.open("StudyEventData", &[("StudyEventOID", event_oid)])?;
            for instance in of_event {
                let form = form_oid(instance.entry.event.fact.kind());
                let repeat = (instance.root + 1).to_string();
                markup.open("FormData", &[("FormOID", &form), ("FormRepeatKey", &repeat)])?;
                if let Some(signature) = signatures.get(instance.entry.hash.as_str()) {
                    write_signature(&mut markup, &admin, location, *signature)?;
                }
                for group in &instance.groups {
                    write_group(&mut markup, group, None)?;
                }
                markup.close()?;
            }
            markup.close()?;
        }
        markup.close()?;
    }
    markup.close()?;
    Ok(markup.finish()?)
}

struct Instance<'a> {
    root: usize,
    entry: &'a Entry,
    groups: Vec<Group>,
}

/// What is of a subject, or dated in the trial; not the keeping of the record.
fn is_of_a_snapshot(fact: &Fact) -> bool {
    let of_trial = fact.clinical_time().is_some();
    (fact.subject().is_some() || of_trial) && fact.kind() != Kind::Retracted
}
