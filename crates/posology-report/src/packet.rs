//! The committee's packet: what an independent committee needs to decide on the next cohort, in the order it is read.
//!
//! Start at [`compose`]: an analysis and a cohort in, a [`Packet`] out, whose document goes to the writers and whose
//! [`Packet::json`] is the same numbers as data. The decision comes first; each group of tables is one file. Nothing
//! is derived here: every number is a value of the [`Analysis`], counted over the patients a table names. Outputs
//! carry the numbers of the open NEST catalogue where it has one (`AET02`, `RSPT01`); those with E are of escalation.

mod cells;
mod cover;
mod decision;
mod disposition;
mod escalation;
mod exposure;
mod figures;
mod files;
mod groups;
mod laboratory;
mod late;
mod levels;
mod listings;
mod methods;
mod organ;
mod quality;
mod randomised;
mod response;
mod safety;
#[cfg(test)]
mod tests;
mod times;

pub(crate) use figures::status;
pub use files::NotWritten;
pub(crate) use levels::is_enrolled;

use posology_trial::analysis::{Analysis, CohortAnalysis};
use serde_json::{Value, json};

use crate::document::{Block, Document, Running};
use crate::figure;

/// The program that made a packet, printed on its cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramVersion {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// A packet: one document for people, its figures, and the same numbers as data.
#[derive(Debug, Clone)]
pub struct Packet {
    /// What the committee reads.
    pub document: Document,
    /// The figures of the document, to be written as files of their own.
    pub figures: Vec<figure::Figure>,
    cover: Value,
    decision: Value,
}

/// A packet that cannot be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// The cohort is not one of the protocol.
    #[error(
        "cohort {found:?}: the protocol has no such cohort; expected one of {}; mend: name one of these, or leave the cohort out",
        known.join(", ")
    )]
    UnknownCohort {
        /// The id as given.
        found: String,
        /// The protocol's cohorts.
        known: Vec<String>,
    },
}

/// The figures of a trial, as its packet has them: escalation, windows, counts, responses, survival. Over some of the
/// patients, with an analysis of those ([`Analysis::among`]); none where the protocol has no cohort.
#[must_use]
pub fn results(analysis: &Analysis) -> Vec<figure::Figure> {
    let Some(cohort) = analysis.cohort_to_review().or_else(|| analysis.cohorts.first()) else {
        return Vec::new();
    };
    let program = ProgramVersion { name: String::new(), version: String::new() };
    let review = Review { analysis, cohort, program: &program, recorded: None };
    figures::compose(review).into_iter().map(|(_, figure)| figure).collect()
}

/// A cut of a trial with the cohort under review: what every part of the packet is made from.
#[derive(Clone, Copy)]
struct Review<'a> {
    analysis: &'a Analysis,
    cohort: &'a CohortAnalysis,
    program: &'a ProgramVersion,
    /// Number of the review whose cut the record keeps; none where the cut is not recorded.
    recorded: Option<u32>,
}

/// Composes the packet for the review of one cohort. `recorded` is the number of the review whose data cut the record
/// keeps; without it the packet says that its cut is recorded nowhere.
///
/// # Errors
/// [`BadPacket`] where the protocol has no such cohort.
pub fn compose(
    analysis: &Analysis,
    cohort: &str,
    program: &ProgramVersion,
    recorded: Option<u32>,
) -> Result<Packet, BadPacket> {
    let cohort = analysis.cohort(cohort).ok_or_else(|| BadPacket::UnknownCohort {
        found: cohort.to_owned(),
        known: analysis.cohorts.iter().map(|cohort| cohort.id.clone()).collect(),
    })?;
    let review = Review { analysis, cohort, program, recorded };
    let trial = &analysis.protocol.trial;
    let mut document = Document::new(format!("Cohort {}: packet for the committee", cohort.id), &trial.title);
    document.date = Some(analysis.cut.cut_off);
    document.notice = trial.synthetic.then(|| "Synthetic patients".to_owned());
    document.cover = cover::facts(review);
    document.running = running(review);
    document.blocks = [
        decision::blocks(review),
        escalation::blocks(review),
        disposition::blocks(review),
        exposure::blocks(review),
        safety::blocks(review),
        late::blocks(review),
        laboratory::blocks(review),
        organ::blocks(review),
        response::blocks(review),
        groups::blocks(review),
        randomised::blocks(review),
        quality::blocks(review),
        listings::blocks(review),
        methods::blocks(review),
    ]
    .concat();
    mark_level(&mut document, &levels::level_label(cohort.level, &cohort.label));
    let figures = figures::compose(review);
    illustrate(&mut document, &figures);
    Ok(Packet {
        document,
        figures: figures.into_iter().map(|(_, figure)| figure).collect(),
        cover: cover::json(review),
        decision: decision::json(review),
    })
}

/// Sets apart the column of the level under review.
fn mark_level(document: &mut Document, label: &str) {
    for block in &mut document.blocks {
        if let Block::Table { table, .. } = block {
            for column in table.columns.iter_mut().filter(|column| column.label == label) {
                column.is_marked = true;
            }
        }
    }
}

/// Puts each figure at the end of its section, named by id; a section the document lacks puts it at the very end.
fn illustrate(document: &mut Document, figures: &[(&str, figure::Figure)]) {
    for (section, figure) in figures {
        let is_section = |block: &Block| matches!(block, Block::Section { level: 1, .. });
        let begin = document
            .blocks
            .iter()
            .position(|block| matches!(block, Block::Section { id, .. } if id == section));
        let end = begin
            .and_then(|begin| {
                Some(begin + 1 + document.blocks.get(begin + 1..)?.iter().position(is_section)?)
            })
            .unwrap_or(document.blocks.len());
        document.blocks.insert(end, Block::Figure(figure.into()));
    }
}

/// The lines of every page.
fn running(review: Review<'_>) -> Running {
    let Review { analysis, cohort, program, .. } = review;
    let protocol = &analysis.protocol;
    let ctcae = protocol.ctcae().map(|ctcae| format!("CTCAE {}", ctcae.id()));
    let dictionaries = protocol.dictionaries.iter().map(|(name, version)| format!("{name} {version}"));
    Running {
        left: format!("{} · cohort {}", protocol.trial.id, cohort.id),
        right: format!("Cut-off {}", cover::cut_off(analysis)),
        foot: [
            format!("Protocol {} of {}", protocol.version.id, protocol.version.date),
            format!("Record {} at {}", cover::short(&analysis.cut.head), analysis.cut.position),
        ]
        .into_iter()
        .chain(ctcae)
        .chain(dictionaries)
        .chain([format!("{} {}", program.name, program.version)])
        .collect(),
    }
}

impl Packet {
    /// The packet as data: the cover, the decision with its reasons, and analysis results, one row a number.
    pub fn json(&self) -> Value {
        let tables = self.document.blocks.iter().filter_map(|block| match block {
            Block::Table { table, .. } => Some(table),
            _ => None,
        });
        let outputs: Vec<Value> = tables
            .clone()
            .map(|table| {
                json!({
                    "output": table.id,
                    "title": table.title,
                    "population": table.population,
                    "notes": table.footnotes(),
                    "because": table.because,
                })
            })
            .collect();
        let results: Vec<_> = tables.flat_map(|table| table.results()).collect();
        json!({
            "notice": self.document.notice,
            "cover": self.cover,
            "decision": self.decision,
            "outputs": outputs,
            "figures": self.figures,
            "results": results,
        })
    }
}
