//! Methods: the identity of the cut, the rules in force, and what the protocol assumes.

use posology_clinic::response::CriteriaSet;
use posology_trial::analysis::Analysis;
use posology_trial::protocol::Response;

use super::decision::{action_words, scope_words};
use super::{Review, cover};
use crate::document::{Block, Text};
use crate::table::{Cell, Column, Row, Table};

/// Methods and assumptions, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let protocol = &analysis.protocol;
    let mut blocks = vec![
        Block::section(1, "methods", "Methods, versions and assumptions"),
        Block::Facts(cover::identity(review)),
        Block::section(2, "versions", "Versions of the protocol"),
        Block::List(versions(analysis)),
    ];
    if !analysis.signatures.is_empty() {
        blocks.push(Block::section(2, "signatures", "Signatures"));
        blocks.push(Block::table(signatures(analysis)));
    }
    if let Some(dlt) = &protocol.dlt {
        blocks.push(Block::section(2, "dlt-rules", "Dose-limiting toxicity"));
        blocks.push(Block::paragraph(format!(
            "Window: {} days from the first fraction and at least {} days after the last given. Graded by CTCAE {}. \
             Mandatory counts from day {} to day {}, at most {} days apart.",
            dlt.window_days,
            dlt.min_days_after_last_fraction,
            dlt.ctcae.id(),
            dlt.counts.from_day,
            dlt.counts.to_day,
            dlt.counts.every_days
        )));
        blocks.push(Block::List(
            dlt.rules
                .iter()
                .map(|rule| Text::new().code(&rule.id).plain(format!(": {}", rule.text)))
                .collect(),
        ));
    }
    if !protocol.stopping.hold.is_empty() {
        blocks.push(Block::section(2, "holds", "Holds"));
        blocks.push(Block::table(holds(analysis)));
    }
    blocks.push(Block::section(2, "response-criteria", "Response criteria and their open points"));
    blocks.extend(open_points(analysis).into_iter().map(Block::table));
    blocks.push(Block::section(2, "assumptions", "Assumptions"));
    blocks.push(if protocol.assumption.is_empty() {
        Block::paragraph("The protocol file marks none.")
    } else {
        let assumed = |key: &str, text: &str| Text::new().code(key).plain(format!(": {text}"));
        Block::List(
            protocol.assumption.iter().map(|assumption| assumed(&assumption.key, &assumption.text)).collect(),
        )
    });
    blocks
}

fn versions(analysis: &Analysis) -> Vec<Text> {
    let protocol = &analysis.protocol;
    let earlier =
        protocol.amendment.iter().map(|amendment| (&amendment.version, amendment.date, &amendment.reason));
    let current = (&protocol.version.id, protocol.version.date, &protocol.version.reason);
    earlier
        .chain([current])
        .map(|(version, date, reason)| Text::new().strong(version).plain(format!(" of {date}: {reason}")))
        .collect()
}

/// Who signed what, when and for what (21 CFR 11.50(b)).
fn signatures(analysis: &Analysis) -> Table {
    let population = "Signatures at the cut on versions of the protocol, recommendations and decisions";
    let mut table = Table::new("SIGNATURES", "Signatures", population);
    table.stub = "Signed".to_owned();
    table.columns = ["By", "As", "Meaning", "At, UTC", "Event"].map(Column::words).to_vec();
    table.rows = analysis
        .signatures
        .iter()
        .map(|signed| {
            Row::new(
                &signed.what,
                [
                    Cell::value("printed name", &signed.printed_name),
                    Cell::value("role", signed.role.word().replace('-', " ")),
                    Cell::value("meaning", signed.meaning.word()),
                    Cell::value("signed at", signed.at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
                    Cell::value("event", signed.signs.get(..12).unwrap_or_default()),
                ],
            )
        })
        .collect();
    table
}

fn holds(analysis: &Analysis) -> Table {
    let mut table = Table::new("HOLDS", "Holds of the protocol", "Treated patients in the scope of the hold");
    table.stub = "Hold".to_owned();
    table.columns = ["Action", "Scope", "Patients needed", "Lifted by"].map(Column::words).to_vec();
    table.rows = analysis
        .protocol
        .stopping
        .hold
        .iter()
        .map(|hold| {
            Row::new(
                &hold.id,
                [
                    Cell::value("action", action_words(hold.action, hold.within_days)),
                    Cell::value("scope", scope_words(hold.scope)),
                    Cell::count(hold.patients),
                    Cell::value("lifted by", &hold.lifted_by),
                ],
            )
        })
        .collect();
    table
}

/// Each open point of the criteria with the protocol's answer, and the rules of confirmation; a table for each set of
/// criteria in use.
fn open_points(analysis: &Analysis) -> Vec<Table> {
    let protocol = &analysis.protocol;
    let used = |set: &CriteriaSet| {
        let strata = protocol.stratum.iter().map(|stratum| protocol.response_of(Some(&stratum.id)));
        strata.chain([&protocol.response]).find(|response| response.criteria.set() == *set)
    };
    let sets = cover::criteria(analysis);
    let many = sets.len() > 1;
    let id = |set: &CriteriaSet| {
        if many { format!("CRITERIA-{}", set.id().to_uppercase()) } else { "CRITERIA".to_owned() }
    };
    sets.iter().filter_map(|set| Some(points_of(&id(set), used(set)?))).collect()
}

fn points_of(id: &str, response: &Response) -> Table {
    let set = response.criteria.set();
    let source = set.source();
    let title = format!("{} as applied", set.id().to_uppercase().replace('-', " "));
    let mut table = Table::new(id, title, source);
    table.stub = "Point".to_owned();
    table.columns = vec![Column::words("Answer")];
    let parts = match response.imwg() {
        Some(myeloma) => {
            vec![serde_json::to_value(myeloma.criteria()), serde_json::to_value(&myeloma.confirmation)]
        }
        None => vec![serde_json::to_value(&response.criteria)],
    };
    for part in parts.into_iter().flatten() {
        let serde_json::Value::Object(points) = part else { continue };
        table.rows.extend(points.into_iter().filter(|(point, _)| point != "criteria").map(
            |(point, answer)| {
                let words = match answer {
                    serde_json::Value::String(words) => words,
                    other => {
                        other.to_string().replace(['{', '}', '"'], "").replace(':', " ").replace(',', ", ")
                    }
                };
                Row::new(point.replace('-', " "), [Cell::value("answer", words)])
            },
        ));
    }
    table
}
