//! Release texts: every claim of one is found, tested against what else the text says and, where there is a record, against
//! the record.
//!
//! Start at [`check`], and at [`draft`] for a text that the record writes. Rules and a grammar of the field's words read the text, the same way each time; a sentence that no
//! rule reads is listed, never passed over. What is said with certainty must be certain: a claim is contradicted only by
//! something that cannot be true beside it, and the answer names both.

mod against;
mod arithmetic;
mod claims;
mod conflicts;
mod dates;
mod design;
mod draft;
mod names;
mod phrase;
mod rates;
mod statements;
mod text;
mod thresholds;

use posology_trial::analysis::Analysis;
use serde::Serialize;
use serde_json::{Value, json};

pub use arithmetic::{Printed, adds_up, edits, exceeds_all};
pub use draft::{Draft, DraftClaim, draft};

/// Longest text that is read, bytes.
pub const LONGEST: usize = 1 << 20;

/// What sort of claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A number of patients or events.
    Count,
    /// A percentage.
    Rate,
    /// A definition, or a patient's value against one.
    Threshold,
    /// Something judged, such as by a committee.
    Event,
    /// Where a cohort or patient stands.
    Status,
    /// Levels, schedules and how they are given.
    Design,
    /// One group against another, or a trend.
    Comparison,
    /// What is promised.
    ForwardLooking,
    /// What a regulator or registry says.
    External,
    /// A name.
    Identity,
}

impl ClaimKind {
    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Rate => "rate",
            Self::Threshold => "threshold",
            Self::Event => "event",
            Self::Status => "status",
            Self::Design => "design",
            Self::Comparison => "comparison",
            Self::ForwardLooking => "forward-looking",
            Self::External => "external",
            Self::Identity => "identity",
        }
    }
}

/// What was found of a claim, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The record, another sentence, a definition, a date or arithmetic rules it out.
    Contradicted,
    /// A test exists, but the text withholds what it needs.
    NotReproducible,
    /// No test can be written or run.
    NotCheckable,
    /// It agrees with, or follows from, what else is printed or defined.
    Consistent,
    /// Computed from the record, and equal at the printed precision.
    Reproduced,
}

impl Verdict {
    /// All, the worst first.
    pub const ALL: [Self; 5] =
        [Self::Contradicted, Self::NotReproducible, Self::NotCheckable, Self::Consistent, Self::Reproduced];

    /// The word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::NotReproducible => "not-reproducible",
            Self::NotCheckable => "not-checkable",
            Self::Consistent => "consistent",
            Self::Reproduced => "reproduced",
        }
    }
}

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claim {
    /// The span as it stands in the text.
    pub text: String,
    /// Line on which it begins, from 1.
    pub line: usize,
    /// What sort.
    pub kind: ClaimKind,
    /// What was found.
    pub verdict: Verdict,
    /// Why, in a sentence for who is no statistician.
    pub because: String,
    /// The arithmetic, the places, or the query with n/N and the cut.
    pub evidence: Vec<Value>,
    #[serde(skip)]
    start: usize,
    #[serde(skip)]
    asks: claims::Asks,
}

/// A sentence that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NotRead {
    /// The sentence.
    pub text: String,
    /// Line on which it begins, from 1.
    pub line: usize,
}

/// What a release was found to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The claims, in the order of the text.
    pub claims: Vec<Claim>,
    /// Sentences that no rule reads.
    pub not_read: Vec<NotRead>,
}

impl Checked {
    /// Whether a claim is contradicted.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        self.claims.iter().any(|claim| claim.verdict == Verdict::Contradicted)
    }

    /// As one document.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "claims": self.claims, "not_read": self.not_read })
    }
}

/// A text that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a release of at most {LONGEST} bytes, found {found}; mend: give the text of the release alone"
)]
pub struct TooLong {
    /// Bytes of the text.
    pub found: usize,
}

/// Finds and tests the claims of a release: against the text itself, and against the analysis of a trial where one is given.
///
/// # Errors
/// A text longer than [`LONGEST`].
///
/// ```
/// use posology_report::release::{Verdict, check};
/// let checked = check("Five of nine patients (56%) had a partial response.", None)?;
/// assert_eq!(checked.claims[0].verdict, Verdict::Consistent);
/// let wrong = check("Five of nine patients (65%) had a partial response.", None)?;
/// assert_eq!(wrong.claims[0].verdict, Verdict::Contradicted);
/// # Ok::<(), posology_report::release::TooLong>(())
/// ```
pub fn check(text: &str, trial: Option<&Analysis>) -> Result<Checked, TooLong> {
    if text.len() > LONGEST {
        return Err(TooLong { found: text.len() });
    }
    let sentences = text::sentences(text);
    let reading = claims::Reading::new(text, &sentences);
    let mut claims = Vec::new();
    rates::find(&reading, &mut claims);
    thresholds::find(&reading, &mut claims);
    design::find(&reading, &mut claims);
    statements::find(&reading, &mut claims);
    dates::find(&reading, &mut claims);
    names::find(&reading, &mut claims);
    conflicts::judge(&reading, &mut claims);
    if let Some(analysis) = trial {
        against::judge(analysis, &reading, &mut claims);
    }
    claims.sort_by_key(|claim| (claim.start, claim.kind));
    let read: Vec<usize> = claims.iter().map(|claim| claim.start).collect();
    let not_read = sentences
        .iter()
        .filter(|sentence| !read.iter().any(|start| (sentence.start..sentence.end).contains(start)))
        .map(|sentence| NotRead {
            text: text.get(sentence.start..sentence.end).unwrap_or_default().to_owned(),
            line: sentence.line,
        })
        .collect();
    Ok(Checked { claims, not_read })
}
