//! Definitions of response and single values, against the published criteria.

use posology_clinic::response::Category;
use rust_decimal::Decimal;
use serde_json::json;

use super::claims::{Asks, Reading};
use super::phrase::{Measure, measures, percent_at};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

/// A set of criteria as far as one percentage decides: the falls of each category, half open from below.
struct Criteria {
    name: &'static str,
    of: &'static str,
    bands: &'static [(Category, i64, Option<i64>)],
    progression: i64,
}

const IMWG: Criteria = Criteria {
    name: "IMWG 2016",
    of: "serum M-protein",
    bands: &[
        (Category::Minimal, 25, Some(50)),
        (Category::Partial, 50, Some(90)),
        (Category::VeryGoodPartial, 90, Some(100)),
    ],
    progression: 25,
};
const IWWM: Criteria = Criteria { name: "IWWM-11", of: "serum IgM", ..IMWG };
const RECIST: Criteria = Criteria {
    name: "RECIST 1.1",
    of: "the sum of target diameters",
    bands: &[(Category::Partial, 30, Some(100))],
    progression: 20,
};
const LUGANO: Criteria = Criteria {
    name: "Lugano 2014",
    of: "the sum of products of diameters",
    bands: &[(Category::Partial, 50, Some(100))],
    progression: 50,
};

/// The criteria that the words of a text point to; none where they point to none, or to several.
fn criteria(reading: &Reading<'_>) -> Option<&'static Criteria> {
    let has = |stems: &[&str]| reading.sentences.iter().any(|sentence| sentence.has_stem(stems));
    let macroglobulinaemia = has(&["waldenstr", "macroglobulin", "igm"]);
    let myeloma = has(&["myeloma", "m-protein", "imwg", "paraprotein"]);
    let solid = has(&["recist"]);
    let lymphoma = has(&["lugano"]);
    match (myeloma, macroglobulinaemia, solid, lymphoma) {
        (true, false, false, false) => Some(&IMWG),
        (false, true, false, false) => Some(&IWWM),
        (false, false, true, false) => Some(&RECIST),
        (false, false, false, true) => Some(&LUGANO),
        _ => None,
    }
}

/// Percentages of change in a sentence: a limit, a band, or a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    AtLeast(Decimal),
    Band(Decimal, Decimal),
    Value(Decimal),
}

pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let criteria = criteria(reading);
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if reading.boilerplate.get(index).copied().unwrap_or(false) {
            continue;
        }
        let changes = changes(sentence);
        if changes.is_empty() {
            continue;
        }
        // The thresholds held here are those of one measure; another marker has others.
        let elsewhere = sentence
            .has_any(&["flc", "urine", "urinary", "psa", "spep", "upep", "ldh", "tumor", "tumour", "marrow"])
            || sentence.has_stem(&["chain", "light-chain"]);
        let criteria =
            criteria.filter(|one| !elsewhere || one.name == RECIST.name || one.name == LUGANO.name);
        let categories: Vec<_> = measures(sentence)
            .into_iter()
            .filter_map(|found| match found.measure {
                Measure::Category(category) | Measure::AtLeast(category) => {
                    Some((category, found.from, found.to))
                }
                _ => None,
            })
            .collect();
        for (change, from, to) in changes {
            if let Some((category, start, end)) = meant(sentence, &categories, from, to) {
                let span = (from.min(start), to.max(end));
                // `a partial response with a fall of at least 70%` is a finding and defines nothing.
                let unconfirmed = sentence.has_stem(&["unconfirm", "confirm", "await", "pending"]);
                let found = !matches!(change, Change::Value(_)) && !defining(sentence);
                let judged = match change {
                    Change::AtLeast(least) if found => match single(criteria, category, least, unconfirmed) {
                        (Verdict::Contradicted, _) => (
                            Verdict::NotReproducible,
                            format!(
                                "It is the least of the falls that were seen, {least}%: the values of each patient are not printed."
                            ),
                        ),
                        other => other,
                    },
                    Change::Band(low, high)
                        if found && limit(criteria, category, low, Some(high)).0 == Verdict::Contradicted =>
                    {
                        let because = format!(
                            "It is the range of the falls that were seen, {low}% to {high}%: the values of each patient are not printed."
                        );
                        (Verdict::NotReproducible, because)
                    }
                    Change::Value(value) => {
                        let judged = single(criteria, category, value, unconfirmed);
                        // Where another category of the sentence can be meant as well, it is not held against this one.
                        let other = categories.iter().find(|(other, ..)| {
                            *other != category
                                && single(criteria, *other, value, unconfirmed).0 == Verdict::Consistent
                        });
                        match other
                            .filter(|_| judged.0 == Verdict::Contradicted && !is_bracketed(sentence, start))
                        {
                            Some((other, ..)) => single(criteria, *other, value, unconfirmed),
                            None => judged,
                        }
                    }
                    Change::AtLeast(least) => limit(criteria, category, least, None),
                    Change::Band(low, high) => limit(criteria, category, low, Some(high)),
                };
                let claim = reading.claim(sentence, span, ClaimKind::Threshold, judged, Asks::Nothing);
                claims.push(claim.with(json!({ "criteria": criteria.map(|one| one.name) })));
            } else if let Change::Value(_) = change
                && one_patient(sentence)
            {
                let because = "It is one patient's value, and no record is at hand that holds it.".to_owned();
                let verdict = (Verdict::NotCheckable, because);
                claims.push(reading.claim(
                    sentence,
                    (from, to),
                    ClaimKind::Threshold,
                    verdict,
                    Asks::Nothing,
                ));
            }
        }
    }
}

/// The category that a change is of: the one behind it where a word leads to it (`50% for a partial response`), else the
/// one before it with no other change between (`PR (50% to 89.9%)`), else the one behind.
fn meant(
    sentence: &Sentence,
    categories: &[(Category, usize, usize)],
    from: usize,
    to: usize,
) -> Option<(Category, usize, usize)> {
    const FAR: usize = 14;
    let behind = categories.iter().find(|(_, start, _)| *start >= to && start - to <= FAR).copied();
    let leads = |start: usize| {
        (to..start).all(|at| {
            matches!(
                sentence.letters(at),
                "for"
                    | "a"
                    | "an"
                    | "is"
                    | "was"
                    | "as"
                    | "called"
                    | "the"
                    | "constitutes"
                    | "qualifies"
                    | "defines"
            ) || sentence.at(at).is_some_and(|token| token.is_sign('(') || token.is_sign('='))
        }) && start > to
            && !matches!(sentence.letters(to), "a" | "an" | "the")
    };
    let bracketed = |start: usize| {
        is_bracketed(sentence, start)
            && !(to..start).any(|at| {
                percent_at(sentence, at).is_some() || sentence.at(at).is_some_and(|token| token.is_sign(','))
            })
    };
    if let Some(found) = behind.filter(|(_, start, _)| leads(*start) || bracketed(*start)) {
        return Some(found);
    }
    let before = categories.iter().rev().find(|(_, _, end)| *end <= from && from - end <= FAR).copied();
    let free = |end: usize| !(end..from).any(|at| percent_at(sentence, at).is_some());
    before.filter(|(_, _, end)| free(*end)).or(behind)
}

/// Whether a category stands in brackets straight behind what it is said of.
fn is_bracketed(sentence: &Sentence, start: usize) -> bool {
    start.checked_sub(1).is_some_and(|at| sentence.at(at).is_some_and(|token| token.is_sign('(')))
}

/// Whether a sentence says what a category is, rather than what was seen.
fn defining(sentence: &Sentence) -> bool {
    let seen = sentence.has_any(&[
        "achieved",
        "achieving",
        "showed",
        "shown",
        "experienced",
        "observed",
        "reached",
        "seen",
        "demonstrated",
        "documented",
    ]) && !sentence.has_stem(&["defin", "criteri"]);
    !seen
        && (sentence.has_stem(&["defin", "criteri", "requir", "mean", "correspond", "constitut", "qualif"])
            || sentence.has_any(&["is", "are", "i.e", "begin", "begins", "takes", "counts", "="])
            || sentence.tokens.iter().any(|token| token.is_sign('(')))
}

/// Whether a sentence speaks of one patient.
fn one_patient(sentence: &Sentence) -> bool {
    // `Patient 2 had …`.
    let numbered = (0..sentence.tokens.len())
        .any(|at| sentence.letters(at) == "patient" && sentence.at(at + 1).and_then(Token::whole).is_some());
    if numbered {
        return true;
    }
    [
        ["one", "patient"],
        ["a", "patient"],
        ["this", "patient"],
        ["the", "patient"],
        ["another", "patient"],
        ["single", "patient"],
    ]
    .iter()
    .any(|[one, two]| {
        (0..sentence.tokens.len()).any(|place| {
            let first = sentence.letters(place) == *one
                || (*one == "one" && sentence.at(place).and_then(Token::whole) == Some(1));
            first && (place + 1..place + 4).any(|at| sentence.letters(at) == *two)
        })
    })
}

fn changes(sentence: &Sentence) -> Vec<(Change, usize, usize)> {
    let change_word = [
        "reduction",
        "reductions",
        "decrease",
        "decreases",
        "decline",
        "declines",
        "fall",
        "drop",
        "reduced",
        "decreased",
        "shrinkage",
    ];
    let about_change = sentence.tokens.iter().any(|token| change_word.contains(&token.letters()));
    let defines = sentence.has_stem(&["defin", "criteri"]);
    let sign = |place: usize, signs: &[char]| {
        sentence.at(place).is_some_and(|token| signs.iter().any(|sign| token.is_sign(*sign)))
    };
    let mut found = Vec::new();
    let mut place = 0;
    while place < sentence.tokens.len() {
        let Some(value) = sentence.at(place).and_then(Token::number) else {
            place += 1;
            continue;
        };
        // `50-89.9%`, `50% to 89.9%`, `between 50% and 89.9%`.
        let own = percent_at(sentence, place);
        let after = own.unwrap_or(place + 1);
        let joins = sign(after, &['-']) || matches!(sentence.letters(after), "to" | "through" | "and");
        let second = after + 1;
        if joins
            && let Some(high) = sentence.at(second).and_then(Token::number)
            && let Some(end) = percent_at(sentence, second)
            && (own.is_none()
                || sentence.letters(after) != "and"
                || sentence.letters(place.saturating_sub(1)) == "between")
            && high > value
        {
            found.push((Change::Band(value, high), place, end));
            place = end;
            continue;
        }
        let Some(end) = own else {
            place += 1;
            continue;
        };
        let before = place.saturating_sub(1);
        let marked = place > 0
            && (sign(before, &['>', '\u{2265}'])
                || (sign(before, &['=']) && place > 1 && sign(before - 1, &['>'])));
        let worded = place >= 2
            && [("at", "least"), ("greater", "than"), ("more", "than")]
                .iter()
                .any(|(a, b)| sentence.has_at(place - 2, &[a, b]));
        let behind = sentence.letters(end) == "or"
            && matches!(sentence.letters(end + 1), "more" | "greater" | "higher");
        if marked || worded || behind {
            let from = if worded {
                place - 2
            } else if marked {
                before
            } else {
                place
            };
            found.push((Change::AtLeast(value), from, if behind { end + 2 } else { end }));
        } else if about_change
            && (place.saturating_sub(5)..end + 4).any(|at| change_word.contains(&sentence.letters(at)))
            && (one_patient(sentence) || (defines && sentence.has_any(&["defined", "definition"])))
        {
            let at = if one_patient(sentence) { Change::Value(value) } else { Change::AtLeast(value) };
            let to = (end..end + 4)
                .find(|at| change_word.contains(&sentence.letters(*at)))
                .map_or(end, |at| at + 1);
            found.push((at, place, to));
        }
        place = end;
    }
    // Bands and limits speak of response where a change or a definition is meant.
    if !about_change && !defines {
        found.retain(|(change, ..)| matches!(change, Change::Band(..)) && !measures(sentence).is_empty());
    }
    found
}

/// What a category takes beside one percentage.
fn left_out(category: Category, criteria: &Criteria) -> &'static str {
    match (criteria.name, category) {
        ("IMWG 2016", Category::Partial) => {
            "urine M-protein down by at least 90% or below 200 mg in 24 hours, masses halved where there were any, and a second sample"
        }
        ("IMWG 2016", Category::Minimal) => "urine M-protein down by 50% to 89%, and a second sample",
        ("IMWG 2016", Category::VeryGoodPartial) => {
            "urine M-protein below 100 mg in 24 hours, and a second sample"
        }
        (_, Category::Partial) => "no new lesion, and confirmation where the protocol asks for it",
        _ => "the other conditions of the criteria",
    }
}

fn limit(
    criteria: Option<&Criteria>,
    category: Category,
    low: Decimal,
    high: Option<Decimal>,
) -> (Verdict, String) {
    let printed = high.map_or_else(|| format!("at least {low}%"), |high| format!("{low}% to {high}%"));
    let Some(criteria) = criteria else {
        let because = format!(
            "The text does not say by which criteria {category} is defined, so {printed} can be held against none."
        );
        return (Verdict::NotCheckable, because);
    };
    let Some((_, from, to)) = criteria.bands.iter().find(|(of, ..)| *of == category) else {
        let because = format!("{} defines {category} by more than one percentage.", criteria.name);
        return (Verdict::NotCheckable, because);
    };
    let from_ok = low == Decimal::from(*from);
    let to_ok = high.is_none_or(|high| {
        let top = Decimal::from(to.unwrap_or(100));
        // A band printed with one decimal ends a unit of that decimal below the next.
        let step = Decimal::new(1, high.scale());
        high == top || high + step == top
    });
    if from_ok && to_ok {
        let because = format!(
            "{} takes {category} from a fall of {from}% in {} on; left out here: {}.",
            criteria.name,
            criteria.of,
            left_out(category, criteria)
        );
        (Verdict::Consistent, because)
    } else {
        let upto = to.filter(|to| *to < 100).map(|to| format!(" to below {to}%")).unwrap_or_default();
        let because = format!(
            "{} takes {category} from a fall of {from}%{upto} in {}, not {printed}.",
            criteria.name, criteria.of
        );
        (Verdict::Contradicted, because)
    }
}

fn single(
    criteria: Option<&Criteria>,
    category: Category,
    value: Decimal,
    unconfirmed: bool,
) -> (Verdict, String) {
    let Some(criteria) = criteria else {
        let because = format!(
            "The text does not say by which criteria {category} is judged, so {value}% can be held against none."
        );
        return (Verdict::NotCheckable, because);
    };
    let within = |from: i64, to: Option<i64>| {
        value >= Decimal::from(from)
            && to.is_none_or(|to| value < Decimal::from(to) || (to == 100 && value == Decimal::ONE_HUNDRED))
    };
    match criteria.bands.iter().find(|(of, ..)| *of == category) {
        Some((_, from, to)) if within(*from, *to) => {
            let upto = to.filter(|to| *to < 100).map(|to| format!(" to below {to}%")).unwrap_or_default();
            let because = format!(
                "A fall of {value}% lies where {} has {category} (from {from}%{upto}); one percentage does not establish it, which takes {} too.",
                criteria.name,
                left_out(category, criteria)
            );
            (Verdict::Consistent, because)
        }
        // A deeper fall may stay in the category for want of a second sample or of another condition; only the minimal response
        // has an upper end of its own.
        Some((_, from, _))
            if value >= Decimal::from(*from) && (category != Category::Minimal || unconfirmed) =>
        {
            (
                Verdict::Consistent,
                format!(
                    "A fall of {value}% is enough for {category} by {}; alone it would make a deeper response, which takes {} too.",
                    criteria.name,
                    left_out(category, criteria)
                ),
            )
        }
        Some((_, from, to)) => {
            let upto = to.filter(|to| *to < 100).map(|to| format!(" to below {to}%")).unwrap_or_default();
            let because = format!(
                "A fall of {value}% is no {category} by {}, which takes it from {from}%{upto}.",
                criteria.name
            );
            (Verdict::Contradicted, because)
        }
        None if category == Category::Stable => {
            let least = criteria.bands.first().map_or(25, |(_, from, _)| *from);
            if value < Decimal::from(least) {
                let because = format!(
                    "A fall of {value}% is less than the {least}% at which {} begins a response.",
                    criteria.name
                );
                (Verdict::Consistent, because)
            } else if unconfirmed || criteria.name != IMWG.name || value < Decimal::from(50) {
                let because = format!(
                    "A fall of {value}% would begin a response by {}, at {least}%, if it were confirmed and counted there; the text does not say.",
                    criteria.name
                );
                (Verdict::NotReproducible, because)
            } else {
                let because = format!(
                    "A fall of {value}% is more than stable disease by {}, where a response begins at {least}%.",
                    criteria.name
                );
                (Verdict::Contradicted, because)
            }
        }
        None if category == Category::Progressive => {
            let because = format!(
                "Progression by {} is a rise of at least {}% from the lowest value, so a fall of {value}% from baseline says nothing of it.",
                criteria.name, criteria.progression
            );
            (Verdict::NotCheckable, because)
        }
        None => (
            Verdict::NotCheckable,
            format!("{} decides {category} by more than one percentage.", criteria.name),
        ),
    }
}
