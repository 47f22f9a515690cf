//! How long each target is on one day, and the sum of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::super::lesion::{Lesion, Role, Size};
use super::{Settings, millimetres};

/// A lesion that cannot be used, with its place, what was expected, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: found {found}, expected {expected}; mend: {mend}")]
pub struct BadLesion {
    /// Day, and lesion where it is one.
    pub place: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// How to mend it.
    pub mend: String,
}

impl BadLesion {
    pub(super) fn new(
        date: Date,
        lesion: &str,
        found: impl Into<String>,
        expected: &str,
        mend: &str,
    ) -> Self {
        let place = if lesion.is_empty() { date.to_string() } else { format!("{date}, {lesion}") };
        Self { place, found: found.into(), expected: expected.to_owned(), mend: mend.to_owned() }
    }
}

/// Sum of the longest diameters of the targets, of nodes the short axis, on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SumOfDiameters {
    /// Sum over the targets assessed, mm.
    pub sum_mm: Decimal,
    /// Ids of the targets that were not assessed; the sum is complete where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_assessed: Vec<String>,
    /// The sum at baseline, mm.
    pub baseline_mm: Decimal,
    /// The lowest complete sum before this day, the baseline among them, mm.
    pub nadir_mm: Decimal,
    /// The day of that nadir.
    pub nadir_date: Date,
}

impl SumOfDiameters {
    /// Whether every target was assessed.
    pub const fn is_complete(&self) -> bool {
        self.not_assessed.is_empty()
    }
}

/// Beyond it a length cannot be a lesion's, and below it no sum overflows.
const LONGEST_MM: u32 = 10_000;
const MOST_DECIMAL_PLACES: u32 = 9;

/// The lesions of a role at baseline.
pub(super) fn of_role(lesions: &[Lesion], role: Role) -> Vec<Lesion> {
    let mut found: Vec<Lesion> = lesions.iter().filter(|lesion| lesion.role == role).cloned().collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// What a visit says of each baseline lesion: itself, its parts, or the mass it went into.
pub(super) struct Found<'a> {
    by_baseline: BTreeMap<&'a str, Vec<&'a Lesion>>,
}

impl<'a> Found<'a> {
    /// Matches the lesions of one role to those of the baseline.
    pub(super) fn new(
        date: Date,
        baseline: &'a [Lesion],
        lesions: &'a [Lesion],
        role: Role,
    ) -> Result<Self, BadLesion> {
        let mut by_baseline: BTreeMap<&str, Vec<&Lesion>> = BTreeMap::new();
        for lesion in lesions.iter().filter(|lesion| lesion.role == role) {
            let whole: Vec<&str> = baseline
                .iter()
                .map(|known| known.id.as_str())
                .filter(|known| {
                    lesion.id == *known || (!is_known(baseline, &lesion.id) && stands_for(&lesion.id, known))
                })
                .collect();
            if whole.is_empty() {
                return Err(BadLesion::new(
                    date,
                    &lesion.id,
                    "a lesion that the baseline lacks",
                    "one of the baseline, a part of one, or several joined by +",
                    "give it the role new, or correct its id",
                ));
            }
            for id in whole {
                let all = by_baseline.entry(id).or_default();
                let clash =
                    all.iter().any(|other| other.id == lesion.id || other.id == id || lesion.id == id);
                if clash {
                    return Err(BadLesion::new(
                        date,
                        id,
                        format!("{} beside another result of the same lesion", lesion.id),
                        "one result a day",
                        "keep one of them",
                    ));
                }
                all.push(lesion);
            }
        }
        Ok(Self { by_baseline })
    }

    /// What the visit says of a baseline lesion; nothing where it was not assessed.
    pub(super) fn of(&self, id: &str) -> &[&'a Lesion] {
        self.by_baseline.get(id).map_or(&[], Vec::as_slice)
    }

    /// Length of a target, mm: its parts added. A mass of several counts at the first of them, and as 0 at the
    /// rest. `None` where it was not assessed.
    pub(super) fn length(
        &self,
        settings: &Settings,
        date: Date,
        id: &str,
    ) -> Result<Option<Decimal>, BadLesion> {
        let found = self.of(id);
        if found.is_empty() {
            return Ok(None);
        }
        let mut sum = Decimal::ZERO;
        for lesion in found {
            let is_first = self
                .by_baseline
                .iter()
                .find(|(_, all)| all.iter().any(|other| other.id == lesion.id))
                .is_none_or(|(first, _)| *first == id);
            match length(settings, date, lesion)? {
                None => return Ok(None),
                Some(length) if is_first => sum = sum.saturating_add(length),
                Some(_) => {}
            }
        }
        Ok(Some(sum))
    }
}

fn is_known(baseline: &[Lesion], id: &str) -> bool {
    baseline.iter().any(|known| known.id == id)
}

/// Whether an id is that of a part of a lesion (`T01a`, `T01.1`) or of a mass it went into (`T01+T02`, `T01/T02`).
pub(super) fn stands_for(id: &str, whole: &str) -> bool {
    if id.contains(['+', '/']) {
        return id.split(['+', '/']).any(|one| one.trim() == whole);
    }
    id.strip_prefix(whole).is_some_and(|rest| {
        let mut letters = rest.chars();
        let first = letters.next();
        let numbered =
            first == Some('.') && rest.len() > 1 && letters.clone().all(|digit| digit.is_ascii_digit());
        numbered || (first.is_some_and(|letter| letter.is_ascii_lowercase()) && letters.next().is_none())
    })
}

/// Length that counts, mm: the short axis of a node, else the longest diameter; `None` where not assessed.
pub(super) fn length(settings: &Settings, date: Date, lesion: &Lesion) -> Result<Option<Decimal>, BadLesion> {
    match &lesion.size {
        Size::Absent => Ok(Some(Decimal::ZERO)),
        Size::TooSmall => Ok(Some(millimetres(settings.too_small_mm))),
        Size::Present | Size::Worse | Size::NotAssessed => Ok(None),
        Size::Measured { longest, shortest } => {
            for length in [longest, shortest].into_iter().flatten() {
                let fits = *length >= Decimal::ZERO
                    && *length <= millimetres(LONGEST_MM)
                    && length.scale() <= MOST_DECIMAL_PLACES;
                if !fits {
                    return Err(BadLesion::new(
                        date,
                        &lesion.id,
                        format!("{length} mm"),
                        "a length from 0 to 10000 mm in at most 9 decimals",
                        "correct it, or its unit",
                    ));
                }
            }
            let (counts, name) =
                if lesion.is_node { (shortest, "its short axis") } else { (longest, "its longest diameter") };
            // Of a lesion measured as 0 there is nothing whose other axis could be missing.
            let gone = [longest, shortest].into_iter().flatten().any(Decimal::is_zero);
            match counts {
                Some(length) => Ok(Some(*length)),
                None if gone => Ok(Some(Decimal::ZERO)),
                None => Err(BadLesion::new(
                    date,
                    &lesion.id,
                    "the other diameter only",
                    name,
                    "measure it, or mark the lesion as not assessed",
                )),
            }
        }
    }
}
