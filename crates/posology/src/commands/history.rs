//! `trial history`: everything that was recorded of one patient, in the order of recording.

use std::path::Path;

use posology_trial::conduct::Conduct;
use posology_trial::event::{Entry, Fact};
use serde_json::{Value, json};

use crate::desk::in_words;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

pub(crate) fn run(dir: &Path, subject: &str, as_json: bool) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let conduct = Conduct::replay(&chain).map_err(Failure::input)?;
    let of = |fact: &Fact| match fact {
        Fact::Signature(signature) => conduct
            .entry(&signature.statement.signs)
            .is_some_and(|signed| signed.event.fact.subject() == Some(subject)),
        fact => fact.subject() == Some(subject),
    };
    let entries: Vec<(usize, &Entry)> = chain
        .entries()
        .iter()
        .enumerate()
        .map(|(place, entry)| (place + 1, entry))
        .filter(|(_, entry)| of(&entry.event.fact))
        .collect();
    if entries.is_empty() {
        let known = conduct.subjects();
        let near: Vec<&str> = known.iter().copied().take(8).collect();
        return Err(Failure::input(format!(
            "expected a subject of this record, found {subject:?}; mend: write the id as recorded, such as {}{}",
            near.join(", "),
            if known.len() > near.len() { ", …" } else { "" }
        )));
    }
    if as_json {
        let events: Vec<Value> =
            entries.iter().map(|(position, entry)| document(&conduct, *position, entry)).collect();
        output::json(
            &json!({ "subject": subject, "synthetic": folder.protocol.trial.synthetic, "events": events }),
        );
        return Ok(());
    }
    let mut text = String::new();
    if folder.protocol.trial.synthetic {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    text.push_str(&format!("{subject}: {} events\n", entries.len()));
    let rows = entries.iter().map(|(position, entry)| row(&conduct, *position, entry));
    text.push_str(&output::table(&["event", "recorded", "by", "what", "hash"], rows));
    output::text(&text);
    Ok(())
}

fn document(conduct: &Conduct, position: usize, entry: &Entry) -> Value {
    let signatures: Vec<Value> = conduct
        .signatures_on(&entry.hash)
        .iter()
        .map(|signature| serde_json::to_value(&signature.statement).unwrap_or_default())
        .collect();
    let flags: Vec<_> = conduct.flags().iter().filter(|flag| flag.position == position).collect();
    json!({
        "position": position, "hash": entry.hash, "event": entry.event, "stands": conduct.stands(&entry.hash),
        "signatures": signatures, "flags": flags,
    })
}

fn row(conduct: &Conduct, position: usize, entry: &Entry) -> Vec<String> {
    let event = &entry.event;
    let mut what = match &event.fact {
        Fact::Signature(signature) => {
            let statement = &signature.statement;
            format!(
                "signed event {} as {}, for {:?}",
                conduct.position(&statement.signs),
                statement.role.word(),
                statement.meaning
            )
            .to_lowercase()
        }
        fact => in_words(fact),
    };
    if let Some(correction) = &event.corrects {
        let at = conduct.position(&correction.hash);
        what.push_str(&format!("\ncorrects event {at}: {}", correction.reason));
    }
    if !conduct.stands(&entry.hash) {
        what.push_str("\nno longer stands: corrected or retracted since");
    }
    if let Some(reason) = &event.reason {
        what.push_str(&format!("\nbecause {reason}"));
    }
    if let Some(origin) = &event.origin {
        what.push_str(&format!("\nfrom {} {}", origin.data_set, origin.key));
    }
    for signature in conduct.signatures_on(&entry.hash) {
        let statement = &signature.statement;
        what.push_str(&format!(
            "\nsigned by {} ({}, {:?}) at {}",
            statement.printed_name,
            statement.role.word(),
            statement.meaning,
            statement.at
        ));
    }
    for flag in conduct.flags().iter().filter(|flag| flag.position == position) {
        what.push_str(&format!("\nflag [{}]: {flag}", flag.rule));
    }
    let what: Vec<String> = what.lines().map(|line| output::wrapped(line, 78)).collect();
    let role = event.recorded_as.map(|role| format!("\n{}", role.word())).unwrap_or_default();
    vec![
        position.to_string(),
        event.recorded_at.strftime("%Y-%m-%d\n%H:%M:%SZ").to_string(),
        format!("{}{role}", event.recorded_by),
        what.join("\n"),
        entry.hash.get(..12).unwrap_or_default().to_owned(),
    ]
}
