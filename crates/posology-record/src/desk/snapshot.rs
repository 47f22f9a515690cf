//! A snapshot of another system taken into the record: its difference to the last, and what that does to the trial.

use std::collections::BTreeMap;

use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Correction, Event, Fact, FileTaken, Kind, Origin, Retracted, SnapshotImported};
use posology_trial::follow::{Effect, RowChange, admit, can_be_followed, difference, effect};

use super::{Desk, Recorded, Undone};
use crate::record::Actor;

/// A row of the source as a fact, with the event that it corrects where it changed.
pub type Row = (Origin, Option<Correction>, Fact);

/// A row that was there and is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Where it stood.
    pub origin: Origin,
    /// Hash of its event.
    pub event: String,
    /// Whether every row of its file could be read: else it may be among those that could not.
    pub whole: bool,
}

/// What was read of another system.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Where it came from, in words.
    pub source: String,
    /// Its files.
    pub files: Vec<FileTaken>,
    /// Rows that are new or changed.
    pub rows: Vec<Row>,
    /// Rows that are gone.
    pub gone: Vec<Gone>,
}

/// What taking a snapshot does, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// Row by row.
    pub rows: Vec<RowChange>,
    /// What it does to DLT status, evaluability and advice.
    pub effects: Vec<Effect>,
    /// What was left out or not retracted, and why.
    pub notes: Vec<String>,
    /// What was recorded; none in a dry run, or where nothing is new.
    pub recorded: Option<Recorded>,
}

impl Desk {
    /// Takes a snapshot, all of it in one append; in a dry run, nothing.
    ///
    /// # Errors
    /// What the rules say, with the row.
    pub fn follow(&mut self, by: &Actor, snapshot: Snapshot, dry_run: bool) -> Result<Followed, Undone> {
        let at = self.now();
        let (withdrawn, mut notes) = self.withdrawals(&snapshot.gone);
        let (mut events, mut not_ours): (Vec<Event>, BTreeMap<String, usize>) = Default::default();
        for (origin, corrects, fact) in snapshot.rows.into_iter().chain(withdrawn) {
            let event = Event { origin: Some(origin), corrects, ..by.event(at, fact) };
            match admit(self.conduct(), &event) {
                Ok(()) => events.push(event),
                Err(refusal) => *not_ours.entry(refusal.to_string()).or_default() += 1,
            }
        }
        notes.extend(
            not_ours.into_iter().map(|(refusal, rows)| format!("{rows} rows were not taken: {refusal}")),
        );
        let rows = difference(self.record.chain(), &events);
        let before = self.analysed();
        let nothing_new = events.is_empty();
        if !nothing_new {
            let taken = SnapshotImported { source: snapshot.source, at, files: snapshot.files };
            self.stage(by.event(at, taken))?;
            for event in events {
                let place = event.origin.as_ref().map(|origin| format!("{} {}", origin.data_set, origin.key));
                if let Err(refused) = self.stage(event) {
                    self.drop_staged()?;
                    return Err(Undone::Asked(format!("{}: {refused}", place.unwrap_or_default())));
                }
            }
        }
        let after = self.analysed();
        let effects = after.as_ref().map(|after| effect(before.as_ref(), after)).unwrap_or_default();
        let recorded = if dry_run || nothing_new {
            self.drop_staged()?;
            None
        } else {
            Some(self.commit(None)?)
        };
        Ok(Followed { rows, effects, notes, recorded })
    }

    /// The analysis of what is recorded and staged; none before there is anything to analyse.
    fn analysed(&self) -> Option<Analysis> {
        let chain = self.record.chain();
        let cut = Cut::freeze(chain, None).ok()?;
        let adopted = self.conduct().adopted().last()?;
        Analysis::of(&adopted.protocol, &adopted.sha256, chain, &cut).ok()
    }

    /// Retractions of rows that are gone, where the trial follows their kind; and why others are kept.
    fn withdrawals(&self, gone: &[Gone]) -> (Vec<Row>, Vec<String>) {
        let mut kept = Vec::new();
        let mut facts = Vec::new();
        for gone in gone {
            let Some(entry) = self.conduct().entry(&gone.event) else { continue };
            let kind = entry.event.fact.kind();
            let place = format!("{} {}", gone.origin.data_set, gone.origin.key);
            let (Some(subject), true, true) =
                (entry.event.fact.subject(), gone.whole, can_be_followed(kind) && kind != Kind::Subject)
            else {
                kept.push(if gone.whole {
                    format!("{place} is gone from the source; {} cannot be retracted and stands", kind.word())
                } else {
                    format!(
                        "{place} is gone, but rows of its file were refused: it stands until the file reads whole"
                    )
                });
                continue;
            };
            let fact = Retracted {
                subject: subject.to_owned(),
                event: gone.event.clone(),
                reason: "Gone from the source".to_owned(),
            };
            facts.push((gone.origin.clone(), None, fact.into()));
        }
        (facts, kept)
    }
}
