//! The text being read, and how a claim is made of a part of it.

use rust_decimal::Decimal;
use serde_json::Value;

use super::phrase::{self, Measure};
use super::text::Sentence;
use super::{Claim, ClaimKind, Printed, Verdict};

/// What the record would be asked of a claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Asks {
    /// Nothing that a record holds.
    #[default]
    Nothing,
    /// A percentage, with x and n where printed.
    Rate {
        measure: Measure,
        printed: Printed,
        x: Option<u32>,
        n: Option<u32>,
        cohorts: Vec<u32>,
        confirmed: Option<bool>,
    },
    /// A count, of n where printed.
    Count { measure: Option<Measure>, what: Counted, x: u32, n: Option<u32>, cohorts: Vec<u32> },
    /// A level with its schedule.
    Level { total: Option<Decimal>, parts: Vec<Decimal>, cohorts: Vec<u32> },
    /// What a committee is said to have done.
    Committee { unanimous: bool, cohorts: Vec<u32> },
    /// That a cohort is open.
    Opened { cohort: u32 },
    /// That all patients of the cohorts, or none, are still on study (or on it without progression).
    Remain { all: bool, cohorts: Vec<u32> },
    /// A registry number.
    Registry { id: String },
    /// An organisation.
    Organisation { name: String },
}

/// Who or what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Enrolled,
    Treated,
    Evaluable,
    /// Those with a measure.
    With,
    Unknown,
}

/// The text with what is known of each sentence.
pub(super) struct Reading<'a> {
    pub(super) text: &'a str,
    pub(super) sentences: &'a [Sentence],
    /// The cohorts of each sentence: its own, else those last named in its paragraph.
    cohorts: Vec<Vec<phrase::Mention>>,
    /// From this sentence on, the text is about the company, its cautions and its contacts.
    pub(super) boilerplate: Vec<bool>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str, sentences: &'a [Sentence]) -> Self {
        let mut cohorts: Vec<Vec<phrase::Mention>> = Vec::new();
        let mut last: (usize, Vec<u32>) = (usize::MAX, Vec::new());
        let mut boilerplate = Vec::new();
        let mut within = false;
        let mut cautioned = false;
        for sentence in sentences {
            let own = phrase::mentions(sentence);
            let named = if let Some(first) = own.first() {
                // Later sentences go on about the last that was named.
                last = (sentence.paragraph, own.last().unwrap_or(first).numbers.clone());
                cohorts.push(own);
                mark(&mut boilerplate, text, sentence, &mut within, &mut cautioned);
                continue;
            } else if last.0 == sentence.paragraph {
                last.1.clone()
            } else {
                Vec::new()
            };
            last = (sentence.paragraph, named.clone());
            let inherited = phrase::Mention { numbers: named.clone(), from: 0, to: 0 };
            cohorts.push(if named.is_empty() { Vec::new() } else { vec![inherited] });
            mark(&mut boilerplate, text, sentence, &mut within, &mut cautioned);
        }
        Self { text, sentences, cohorts, boilerplate }
    }

    /// The cohorts meant at a place of a sentence: those named last before it, else those named first behind it.
    pub(super) fn cohorts_at(&self, index: usize, place: usize) -> Vec<u32> {
        let Some(mentions) = self.cohorts.get(index) else { return Vec::new() };
        // What is told of the whole trial is not of the cohort named before it.
        let inherited = mentions.iter().all(|mention| mention.to == 0);
        let whole = self.sentences.get(index).is_some_and(|sentence| {
            sentence.has_any(&["across", "altogether"])
                || sentence.find(&["all", "cohorts"]).is_some()
                || sentence.has_any(&["overall", "total", "cohorts"])
                    && !sentence.has_any(&["response", "responses", "survival", "remission"])
                || sentence.find(&["to", "date"]).is_some()
                || sentence.find(&["so", "far"]).is_some()
        });
        if inherited && whole {
            return Vec::new();
        }
        let before = mentions.iter().rev().find(|mention| mention.from <= place);
        before.or(mentions.first()).map_or_else(Vec::new, |mention| mention.numbers.clone())
    }

    /// Whether a number at a place is that of a cohort.
    pub(super) fn is_cohort_number(&self, index: usize, place: usize) -> bool {
        self.cohorts
            .get(index)
            .is_some_and(|mentions| mentions.iter().any(|one| (one.from..one.to).contains(&place)))
    }
}

/// Whether a sentence is caution, kept beside those before it.
fn mark(
    boilerplate: &mut Vec<bool>,
    text: &str,
    sentence: &Sentence,
    within: &mut bool,
    cautioned: &mut bool,
) {
    let cautions = ["forward-looking", "safe harbor", "safe harbour"];
    let words: String = text.get(sentence.start..sentence.end).unwrap_or_default().to_lowercase();
    let caution = cautions.iter().any(|caution| words.contains(caution));
    let about = words.trim_start_matches(['#', ' ', '*']).starts_with("about ") && words.len() < 80;
    *within = *within || caution || about;
    let ends = ["contact", "investor", "media", "source", "about "]
        .iter()
        .any(|word| words.trim_start_matches(['#', ' ', '*']).starts_with(word));
    *cautioned = caution || (*cautioned && !ends && !about);
    boilerplate.push(*cautioned || (*within && !about && words.contains("risks and uncertainties")));
}

impl Reading<'_> {
    /// The words between two places of a sentence, as written.
    pub(super) fn span(&self, sentence: &Sentence, from: usize, to: usize) -> (usize, String) {
        let start = sentence.at(from).map_or(sentence.start, |token| token.start);
        let end = to
            .checked_sub(1)
            .and_then(|last| sentence.at(last))
            .or_else(|| sentence.tokens.last())
            .map_or(sentence.end, |token| token.end);
        (start, self.text.get(start..end.max(start)).unwrap_or_default().to_owned())
    }

    /// A claim of the words between two places of a sentence.
    pub(super) fn claim(
        &self,
        sentence: &Sentence,
        (from, to): (usize, usize),
        kind: ClaimKind,
        (verdict, because): (Verdict, String),
        asks: Asks,
    ) -> Claim {
        let (start, text) = self.span(sentence, from, to);
        Claim { text, line: self.line_of(start), kind, verdict, because, evidence: Vec::new(), start, asks }
    }

    /// The line of a byte.
    pub(super) fn line_of(&self, byte: usize) -> usize {
        self.text.get(..byte).unwrap_or_default().matches('\n').count() + 1
    }

    /// A sentence as written, on one line.
    pub(super) fn said(&self, sentence: &Sentence) -> String {
        let text = self.text.get(sentence.start..sentence.end).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Claim {
    pub(super) fn with(mut self, evidence: Value) -> Self {
        self.evidence.push(evidence);
        self
    }
}

/// Numbers as a list in words, cut off where it is long.
pub(super) fn listed(numbers: &[u32]) -> String {
    const MOST: usize = 12;
    let shown: Vec<String> = numbers.iter().take(MOST).map(ToString::to_string).collect();
    let rest = if numbers.len() > MOST { " and others" } else { "" };
    format!("{}{rest}", shown.join(", "))
}
