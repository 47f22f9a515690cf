//! A data cut: the facts recorded up to a position whose clinical time is at or before a cut-off.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::event::{Chain, Entry, Fact};

/// Which facts a review rests on. The same cut of the same record gives the same packet, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Cut {
    /// Number of events taken, from the first.
    pub position: usize,
    /// Hash of the last of them.
    pub head: String,
    /// Clinical cut-off, UTC: what happened later is not seen.
    pub cut_off: Timestamp,
}

/// A clinical cut-off as people write it: an instant, or a day, which counts to its end in UTC.
///
/// ```
/// use posology_trial::cut::cut_off;
/// assert_eq!(cut_off("2019-05-03"), cut_off("2019-05-03T18:59:59-05:00"));
/// assert_eq!(cut_off("yesterday"), None);
/// ```
#[must_use]
pub fn cut_off(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let day: Date = text.parse().ok()?;
    day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map(|end| end.timestamp()).ok()
}

/// A cut that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCut {
    /// The record holds no dated fact.
    #[error(
        "expected a record with at least one dated fact, found none; mend: import data, or state the cut-off with --cut"
    )]
    NoFacts,
    /// The cut-off lies after every fact.
    #[error(
        "the cut-off {cut_off} lies after the last recorded fact of {last}: windows would be counted as followed up although nothing was recorded; expected at most {last}; mend: record the follow-up, or take a cut-off up to {last}"
    )]
    AfterLastFact {
        /// The cut-off asked for.
        cut_off: Timestamp,
        /// End of the day of the last fact.
        last: Timestamp,
    },
}

impl Cut {
    /// Freezes the whole record at a clinical cut-off; by default the end of the day of the last fact of a patient.
    /// Plans (prescriptions) and facts of the trial (an amendment) show no follow-up and move no cut-off.
    ///
    /// # Errors
    /// [`BadCut`] where there is no dated fact, or the cut-off lies after the last one: follow-up that
    /// nobody recorded must not count as follow-up.
    pub fn freeze(chain: &Chain, cut_off: Option<Timestamp>) -> Result<Self, BadCut> {
        let last = chain
            .entries()
            .iter()
            .filter(|entry| entry.event.fact.subject().is_some())
            .filter(|entry| !is_plan(&entry.event.fact))
            .filter_map(|entry| entry.event.fact.clinical_time())
            .map(|when| when.earliest_date())
            .max()
            .ok_or(BadCut::NoFacts)?;
        let last = last.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(|_| BadCut::NoFacts)?.timestamp();
        let cut_off = match cut_off {
            Some(cut_off) if cut_off > last => return Err(BadCut::AfterLastFact { cut_off, last }),
            Some(cut_off) => cut_off,
            None => last,
        };
        Ok(Self { position: chain.entries().len(), head: chain.head().to_owned(), cut_off })
    }

    /// The entries it takes: in place, dated at or before the cut-off, and not corrected or retracted by another it takes.
    /// A fact without a date of its own is taken.
    #[must_use]
    pub fn entries<'a>(&self, chain: &'a Chain) -> Vec<&'a Entry> {
        let recorded = chain.entries().get(..self.position).unwrap_or(chain.entries());
        let taken = || recorded.iter().filter(|entry| entry.event.fact.is_by(self.cut_off));
        let corrected: HashSet<&str> = taken()
            .filter_map(|entry| match &entry.event.fact {
                Fact::Retracted(retracted) => Some(retracted.event.as_str()),
                _ => Some(entry.event.corrects.as_ref()?.hash.as_str()),
            })
            .collect();
        taken().filter(|entry| !corrected.contains(entry.hash.as_str())).collect()
    }

    /// The day of the cut-off, UTC.
    #[must_use]
    pub fn date(&self) -> jiff::civil::Date {
        self.cut_off.to_zoned(TimeZone::UTC).date()
    }
}

/// What is intended, as against what was seen.
fn is_plan(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Prescription(_)
            | Fact::WrittenDirective(_)
            | Fact::ActivityOrder(_)
            | Fact::SlotRequested(_)
            | Fact::QueryRaised(_)
    )
}
