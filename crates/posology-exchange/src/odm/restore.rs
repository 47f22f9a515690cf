//! A trail back to the record it was written from, event by event and hash by hash.

use std::collections::HashMap;

use posology_trial::event::{Chain, Kind};
use posology_trial::form::Form;

use super::items::{Group, Held, RECORD, Told, event_of};
use super::{AuditRecord, Change, Document, Transaction};
use crate::problem::{Problem, quoted};

/// The record of which [`write_trail`](super::write_trail) wrote a file: the same events in the same order, at the same
/// times by the same people, each with the hash that its audit record names.
///
/// # Errors
/// A file that is not such a trail, an event that does not read, and the first whose hash does not follow.
pub fn restore(document: &Document) -> Result<Chain, Problem> {
    let problem = |line: u64, expected: &str, found: String| {
        let mend =
            "export the trail again from the record; what other systems export comes in by a mapping file";
        let mut problem = Problem::in_file(&document.file, expected, found, mend);
        problem.place.line = Some(line);
        problem
    };
    if !document.header.transactional {
        return Err(problem(1, "a Transactional file with the whole record", "a Snapshot".to_owned()));
    }
    let forms: HashMap<String, Form> =
        Form::all().into_iter().map(|form| (super::forms::form_oid(form.kind), form)).collect();
    let users: HashMap<&str, &str> =
        document.users.iter().filter_map(|user| Some((user.oid.as_str(), user.login.as_deref()?))).collect();
    let units: HashMap<&str, &str> =
        document.units.iter().map(|(oid, symbol)| (oid.as_str(), symbol.as_str())).collect();
    let mut chain = Chain::default();
    let mut rest = document.transactions.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let within = after.iter().take_while(|one| one.item_group().is_some()).count();
        let (of_form, remaining) = after.split_at_checked(within).unwrap_or((after, &[]));
        rest = remaining;
        let told = of_form.iter().any(|one| one.item_group().is_some_and(|group| group.oid == RECORD));
        if !told {
            // A form that another event removed or signed.
            continue;
        }
        let line = first.line;
        let Some(form) = first.form().and_then(|form| forms.get(&form.oid)) else {
            let found = first.form().map(|form| quoted(&form.oid)).unwrap_or_default();
            return Err(problem(line, "the form of a kind of fact", found));
        };
        let audit = first.audit.and_then(|place| document.audits.get(place));
        let Some(AuditRecord { user, at, reason, source: Some(hash), .. }) = audit else {
            return Err(problem(line, "an AuditRecord with SourceID", "none".to_owned()));
        };
        let Some(user) = users.get(user.as_str()) else {
            return Err(problem(line, "a User with LoginName", quoted(user)));
        };
        let groups: Vec<Group> = of_form.iter().filter_map(|one| group(one, &units)).collect();
        let told = Told { subject: &first.subject, user, at, reason: reason.as_deref() };
        let event = event_of(form, &groups, &told).map_err(|error| {
            problem(line, "the items of a fact", format!("{error} ({})", kind_of(form.kind)))
        })?;
        let recorded =
            chain.append(event).map_err(|error| problem(line, "an event that follows", error.to_string()))?;
        if recorded != hash {
            return Err(problem(
                line,
                &format!("an event with the hash {hash}"),
                format!("one with {recorded}"),
            ));
        }
    }
    if chain.entries().is_empty() {
        return Err(problem(1, "a trail that Posology wrote", "no item group IG.record".to_owned()));
    }
    Ok(chain)
}

fn kind_of(kind: Kind) -> &'static str {
    kind.name()
}

/// The values that a transaction leaves in an item group; none where it removes the group.
fn group(transaction: &Transaction, units: &HashMap<&str, &str>) -> Option<Group> {
    if transaction.change == Change::Remove {
        return None;
    }
    let address = transaction.item_group()?;
    let items = transaction.items.iter().filter(|item| item.change != Change::Remove);
    let items = items.filter_map(|item| {
        let unit = item.unit.as_deref().map(|unit| units.get(unit).copied().unwrap_or(unit).to_owned());
        Some(Held { oid: item.oid.clone(), value: item.value.clone()?, unit })
    });
    let repeat = address.repeat.as_deref().and_then(|repeat| repeat.parse().ok());
    Some(Group { oid: address.oid.clone(), repeat, items: items.collect() })
}
