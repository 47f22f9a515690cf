//! Two places of a text that cannot both be right: a headline against the body, none against some, two days for one promise.

use jiff::civil::Date;
use serde_json::json;

use super::claims::{Asks, Reading};
use super::phrase::{Measure, mentions};
use super::text::Sentence;
use super::{Claim, ClaimKind, Verdict};

/// Claims compared with each other at most; a text with more is no release.
const MOST: usize = 600;

/// Judges claims against each other where each alone holds.
pub(super) fn judge(reading: &Reading<'_>, claims: &mut [Claim]) {
    if claims.len() > MOST {
        return;
    }
    claims.sort_by_key(|claim| (claim.start, claim.kind));
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (later, claim) in claims.iter().enumerate() {
        if claim.verdict == Verdict::Contradicted {
            continue;
        }
        for (earlier, other) in claims.iter().enumerate().take(later) {
            if other.verdict == Verdict::Contradicted || found.iter().any(|(_, done, _)| *done == earlier) {
                continue;
            }
            if let Some(why) = apart(reading, other, claim) {
                found.push((earlier, later, why));
                break;
            }
        }
    }
    for (earlier, later, why) in found {
        let quote = |claim: &Claim| json!({ "line": claim.line, "text": claim.text });
        let (Some(first), Some(second)) = (claims.get(earlier).map(quote), claims.get(later).map(quote))
        else {
            continue;
        };
        if let Some(claim) = claims.get_mut(later) {
            claim.verdict = Verdict::Contradicted;
            claim.because = why;
            claim.evidence = vec![json!({ "quotes": [first, second] })];
        }
    }
}

/// Why two claims cannot both be right, if they cannot.
fn apart(reading: &Reading<'_>, first: &Claim, second: &Claim) -> Option<String> {
    let (one, other) = (sentence_of(reading, first)?, sentence_of(reading, second)?);
    if one.start == other.start {
        return None;
    }
    match (&first.asks, &second.asks) {
        (
            Asks::Count { measure: Some(a), x: none, n: m, cohorts: c, .. },
            Asks::Count { measure: Some(b), x: some, n, cohorts: d, .. },
        ) if a == b && c == d && !c.is_empty() && named(one, c) && named(other, d) => {
            let differ = (*none == 0) != (*some == 0) || (m.is_some() && m == n && none != some);
            (*a != Measure::Other(String::new()) && differ && !is_of_a_time(one) && !is_of_a_time(other)).then(|| {
                format!(
                    "Line {} has {none} and line {} has {some} with {} in the same patients: both cannot be true.",
                    first.line,
                    second.line,
                    a.words()
                )
            })
        }
        (
            Asks::Rate { measure: a, printed: p, cohorts: c, confirmed: s, .. },
            Asks::Rate { measure: b, printed: q, cohorts: d, confirmed: t, .. },
        ) if a == b && c == d && s == t && !matches!(a, Measure::Other(_)) => {
            let slack = p.half_unit() + q.half_unit();
            let differ = (p.value - q.value).abs() > slack;
            // The headline says in short what the body says: nothing else of that measure stands in the text.
            let headline = is_headline(reading, one)
                && mentions(one).is_empty() == mentions(other).is_empty()
                && (phases(one).is_empty() || phases(other).is_empty() || phases(one) == phases(other));
            (differ
                && headline
                && !is_of_a_time(one)
                && !is_of_a_time(other)
                && is_of_all(one)
                && is_of_all(other)
                && only(reading, a, &[one, other]))
            .then(|| {
                format!(
                    "The headline, line {}, says {}% and line {} says {}% of {}: both cannot be true.",
                    first.line,
                    p.value,
                    second.line,
                    q.value,
                    a.words()
                )
            })
        }
        _ if first.kind == ClaimKind::ForwardLooking && second.kind == ClaimKind::ForwardLooking => {
            let (a, b) = (due(first)?, due(second)?);
            let (c, d) = (mentions(one), mentions(other));
            let cohort = |of: &[super::phrase::Mention]| match of {
                [one] => one.numbers.first().copied().filter(|_| one.numbers.len() == 1),
                _ => None,
            };
            let same = cohort(&c).is_some() && cohort(&c) == cohort(&d);
            let data = |sentence: &Sentence| {
                sentence.has_any(&["data", "results", "readout"])
                    && !sentence.has_any(&[
                        "interim",
                        "initial",
                        "topline",
                        "top-line",
                        "final",
                        "full",
                        "additional",
                        "further",
                        "updated",
                        "complete",
                        "more",
                        "presented",
                        "published",
                        "early",
                        "preliminary",
                    ])
            };
            (same && a != b && data(one) && data(other)).then(|| {
                format!(
                    "Line {} promises it for {a} at the latest and line {} for {b}: one of the two is wrong.",
                    first.line, second.line
                )
            })
        }
        _ => None,
    }
}

fn sentence_of<'a>(reading: &Reading<'a>, claim: &Claim) -> Option<&'a Sentence> {
    reading.sentences.iter().find(|sentence| (sentence.start..sentence.end).contains(&claim.start))
}

/// Whether a sentence names cohorts itself.
fn named(sentence: &Sentence, cohorts: &[u32]) -> bool {
    mentions(sentence).iter().any(|mention| mention.numbers == cohorts)
}

fn due(claim: &Claim) -> Option<Date> {
    claim.evidence.iter().find_map(|evidence| evidence.get("due")?.as_str()?.parse().ok())
}

/// Words of another time, group or way of counting: two numbers may then both be right.
fn is_of_a_time(sentence: &Sentence) -> bool {
    sentence.has_any(&[
        "now",
        "since",
        "interim",
        "updated",
        "later",
        "after",
        "until",
        "still",
        "cut-off",
        "cutoff",
        "then",
        "currently",
        "subsequently",
        "during",
        "within",
        "first",
        "second",
        "initially",
        "previously",
        "earlier",
        "previous",
        "prior",
        "month",
        "months",
        "week",
        "weeks",
        "day",
        "days",
        "window",
        "additional",
        "further",
        "other",
        "another",
        "historical",
        "versus",
        "vs",
        "compared",
        "than",
        "late",
        "cycle",
        "expansion",
        "related",
        "unrelated",
        "confirmed",
        "unconfirmed",
        "as",
    ])
}

/// The phases a sentence names.
fn phases(sentence: &Sentence) -> Vec<String> {
    (1..sentence.tokens.len())
        .filter(|at| sentence.letters(at - 1) == "phase")
        .filter_map(|at| sentence.at(at)?.number().map(|number| number.to_string()))
        .collect()
}

/// Whether nothing narrows the patients of a sentence.
fn is_of_all(sentence: &Sentence) -> bool {
    !sentence.has_any(&[
        "subgroup",
        "subset",
        "arm",
        "group",
        "refractory",
        "high-risk",
        "those",
        "whom",
        "dose",
        "doses",
        "mci",
        "mbq",
        "level",
        "levels",
        "who",
        "naive",
        "prior",
        "post-bcma",
        "lymphoma",
        "myeloma",
        "cll",
        "dlbcl",
        "higher",
        "lower",
        "single",
        "multiple",
    ]) && !sentence.has_stem(&["triple", "quad", "penta", "waldenst", "fraction"])
}

/// A heading among the first lines: it ends without a full stop.
fn is_headline(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    let first = reading.sentences.iter().take(3).any(|one| one.start == sentence.start);
    let text = reading.text.get(sentence.start..sentence.end).unwrap_or_default();
    first && !text.trim_end().ends_with(['.', '!', '?', '"', '\u{201d}'])
}

/// Whether a measure stands in no other sentence than these.
fn only(reading: &Reading<'_>, measure: &Measure, sentences: &[&Sentence]) -> bool {
    reading.sentences.iter().all(|one| {
        sentences.iter().any(|of| of.start == one.start)
            || super::phrase::measures(one).iter().all(|found| found.measure != *measure)
            || !one.tokens.iter().any(|token| token.is_sign('%'))
    })
}
