//! Percentages and counts: what they are of, which numbers can give them, and whether those over one set hold together.

use posology_clinic::response::Category;
use rust_decimal::prelude::ToPrimitive;
use serde_json::json;

use super::arithmetic::{Printed, adds_up, exceeds_all};
use super::claims::{Asks, Counted, Reading, listed};
use super::phrase::{
    Measure, Named, activities, fraction_at, is_break, is_people, measures, mentions, people_follow,
    percent_at, size_at,
};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

/// Denominators are listed up to so many patients.
const LISTED_TO: u32 = 40;
/// Numbers of patients that several percentages may share are looked for up to so many.
const SHARED_TO: u32 = 200;
/// Most patients that a denominator is looked for among.
const LARGEST: u32 = 10_000;
/// Points of a percentage that a word such as about is taken to cover.
const ABOUT: f64 = 5.0;
/// Words within which a percentage has its noun.
const REACH: usize = 10;

/// A percentage found.
struct Rate {
    sentence: usize,
    /// Where its number stands.
    place: usize,
    from: usize,
    to: usize,
    measure: Measure,
    printed: Printed,
    x: Option<u32>,
    n: Option<u32>,
    set: String,
    explicit: bool,
    confirmed: Option<bool>,
    /// Whether it is known to be of other patients than the rates around it, which words do not tell apart.
    apart: bool,
    /// Whether the text calls it about so much.
    about: bool,
}

/// Finds the rates and counts of a text.
pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let mut rates: Vec<Rate> = Vec::new();
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if reading.boilerplate.get(index).copied().unwrap_or(false) {
            continue;
        }
        let mut taken = vec![false; sentence.tokens.len()];
        for place in 0..sentence.tokens.len() {
            let Some(value) = sentence.at(place).and_then(Token::number) else { continue };
            let Some(behind) = percent_at(sentence, place) else { continue };
            if !is_rate(sentence, place, behind) {
                if let Some(average) = average(reading, index, place, behind, Printed::new(value)) {
                    rates.push(average);
                }
                continue;
            }
            if let Some(rate) = rate(reading, index, place, behind, Printed::new(value)) {
                for token in taken.iter_mut().take(rate.to).skip(rate.from) {
                    *token = true;
                }
                rates.push(rate);
            }
        }
        respectively(reading, index, &mut rates);
        times(reading, sentence, claims);
        counts(reading, index, &taken, claims);
    }
    part(&mut rates);
    judge(reading, &rates, claims);
}

/// `ORR and DCR were 44% and 78%, respectively`: the first percentage is of the first measure or cohort, and so on. Where
/// which is whose is not read, nothing is held against them.
fn respectively(reading: &Reading<'_>, index: usize, rates: &mut Vec<Rate>) {
    let Some(sentence) = reading.sentences.get(index).filter(|sentence| sentence.has_any(&["respectively"]))
    else {
        return;
    };
    let percentages: Vec<(usize, usize, rust_decimal::Decimal)> = (0..sentence.tokens.len())
        .filter_map(|place| Some((place, percent_at(sentence, place)?, sentence.at(place)?.number()?)))
        .collect();
    let Some((first, ..)) = percentages.first() else { return };
    let named: Vec<_> = measures(sentence).into_iter().filter(|found| found.to <= *first).collect();
    let cohorts: Vec<u32> = mentions(sentence).into_iter().flat_map(|mention| mention.numbers).collect();
    let numbered = rates.iter().any(|rate| rate.sentence == index && (rate.x.is_some() || rate.n.is_some()));
    let each_a_measure = named.len() == percentages.len() && percentages.len() > 1;
    let each_a_cohort = named.len() == 1 && cohorts.len() == percentages.len();
    if numbered || !(each_a_measure || each_a_cohort) {
        for (place, rate) in rates.iter_mut().filter(|rate| rate.sentence == index).enumerate() {
            rate.set = format!("{} apart {index} {place}", rate.set);
            rate.explicit = false;
            rate.apart = true;
        }
        return;
    }
    rates.retain(|rate| rate.sentence != index);
    for (order, (place, behind, value)) in percentages.into_iter().enumerate() {
        let Some(found) = named.get(if each_a_measure { order } else { 0 }) else { continue };
        let (set, explicit) = match cohorts.get(order).filter(|_| each_a_cohort) {
            Some(cohort) => (format!("cohort {cohort} "), true),
            None => set_of(reading, index, place),
        };
        rates.push(Rate {
            sentence: index,
            place,
            from: if order == 0 { found.from } else { place },
            to: behind,
            measure: found.measure.clone(),
            printed: Printed::new(value),
            x: None,
            n: None,
            set,
            explicit,
            confirmed: None,
            apart: each_a_cohort,
            about: is_about(sentence, place),
        });
    }
}

/// `median overall survival was 22.0 months`, `a mean PFS of 88.5 days`.
fn times(reading: &Reading<'_>, sentence: &Sentence, claims: &mut Vec<Claim>) {
    let mut from = 0;
    while let Some(average) = (from..sentence.tokens.len())
        .find(|at| matches!(sentence.letters(*at), "median" | "mean" | "average" | "mos" | "mpfs"))
    {
        from = average + 1;
        let is_time = |at: usize| {
            matches!(sentence.letters(at), "months" | "month" | "days" | "weeks" | "years")
                && sentence.letters(at + 1) != "after"
        };
        let Some(place) =
            (average..average + 14).find(|at| sentence.at(*at).is_some_and(|token| token.number().is_some()))
        else {
            continue;
        };
        let survival = (average..place).any(|at| {
            let word = sentence.letters(at);
            word.contains("survival")
                || word.contains("pfs")
                || matches!(word, "os" | "mos" | "duration" | "time" | "dor" | "response")
        });
        if !survival || !is_time(place + 1) {
            continue;
        }
        let because = "It is an average over patients whose number and times are not printed with it, so nobody can compute it.";
        let verdict = (Verdict::NotReproducible, because.to_owned());
        let claim = reading.claim(sentence, (average, place + 2), ClaimKind::Rate, verdict, Asks::Nothing);
        claims.push(claim.with(json!({ "missing": ["patients", "times"] })));
        from = place + 2;
    }
}

/// Words that set one group, trial or day beside another: percentages of such a sentence need not be of the same patients.
const BESIDE: [&str; 29] = [
    "versus",
    "vs",
    "compared",
    "comparison",
    "than",
    "historical",
    "historically",
    "previous",
    "previously",
    "earlier",
    "another",
    "placebo",
    "arm",
    "arms",
    "subgroup",
    "subgroups",
    "subset",
    "group",
    "groups",
    "whereas",
    "literature",
    "published",
    "elsewhere",
    "standard-of-care",
    "comparator",
    "improved",
    "rose",
    "initial",
    "initially",
];

/// Percentages of one measure that differ within one sentence are of different patients or days, whatever else is said.
fn part(rates: &mut [Rate]) {
    let marked: Vec<bool> = rates
        .iter()
        .map(|rate| {
            rates.iter().any(|other| {
                other.sentence == rate.sentence
                    && other.place != rate.place
                    && other.measure == rate.measure
                    && other.confirmed == rate.confirmed
                    && other.printed.value != rate.printed.value
            })
        })
        .collect();
    for (place, (rate, marked)) in rates.iter_mut().zip(marked).enumerate() {
        if marked {
            rate.set = format!("{} apart {place}", rate.set);
            rate.explicit = false;
            rate.apart = true;
        }
    }
}

/// Whether a percentage is a rate of patients, and no threshold, confidence, change of level or value of one patient.
fn is_rate(sentence: &Sentence, place: usize, behind: usize) -> bool {
    let letters = |at: Option<usize>| at.map_or("", |at| sentence.letters(at));
    let sign = |at: Option<usize>, sign: char| {
        at.and_then(|at| sentence.at(at)).is_some_and(|token| token.is_sign(sign))
    };
    if matches!(letters(Some(behind)), "ci" | "confidence" | "interval" | "isodose" | "power" | "alpha") {
        return false;
    }
    // A band or a limit.
    let before = place.checked_sub(1);
    let in_band = sign(before, '-')
        || sign(Some(behind), '-')
        || sign(before, '<')
        || sign(before, '>')
        || sign(before, '=') && place >= 2 && (sign(Some(place - 2), '>') || sign(Some(place - 2), '<'))
        || sign(before, '\u{2265}')
        || sign(before, '\u{2264}');
    let limit = [
        ("at", "least"),
        ("more", "than"),
        ("less", "than"),
        ("at", "most"),
        ("greater", "than"),
        ("up", "to"),
    ]
    .iter()
    .any(|(one, two)| place >= 2 && sentence.has_at(place - 2, &[one, two]));
    let or_more = letters(Some(behind)) == "or"
        && matches!(letters(Some(behind + 1)), "more" | "greater" | "higher" | "less");
    if in_band
        || limit
        || or_more
        || (letters(Some(behind)) == "to" && percent_at(sentence, behind + 1).is_some())
    {
        return false;
    }
    if letters(before) == "between"
        || letters(before) == "and"
            && (place.saturating_sub(5)..place).any(|at| sentence.letters(at) == "between")
    {
        return false;
    }
    if letters(before) == "to" && place >= 2 && sign(Some(place - 2), '%') {
        return false;
    }
    // A change of one marker, one patient or one level.
    let change = [
        "reduction",
        "reductions",
        "decrease",
        "decreases",
        "decline",
        "declines",
        "fall",
        "drop",
        "increase",
        "increases",
        "rise",
        "reduced",
        "decreased",
        "shrinkage",
        "fell",
        "rose",
        "dropped",
        "declined",
        "higher",
        "lower",
        "escalation",
        "increment",
    ];
    let near = (behind..behind + 5).take_while(|at| sentence.at(*at).is_some_and(|token| !is_break(token)));
    let people = |at: usize| is_people(sentence.letters(at));
    let behind_words: Vec<usize> = near.collect();
    if let Some(at) = behind_words.iter().position(|at| change.contains(&sentence.letters(*at)))
        && !behind_words.iter().take(at).any(|at| people(*at))
    {
        return false;
    }
    let back = place.saturating_sub(3)..place;
    !back.clone().any(|at| change.contains(&sentence.letters(at)) && !back.clone().any(people))
}

/// The noun of a percentage, its numbers and the set it is over.
fn rate(reading: &Reading<'_>, index: usize, place: usize, behind: usize, printed: Printed) -> Option<Rate> {
    let sentence = reading.sentences.get(index)?;
    let named = measures(sentence);
    let stops = |at: usize| {
        sentence.at(at).is_none_or(|token| {
            token.is_sign(';')
                || token.is_sign('|')
                || (token.number().is_some() && percent_at(sentence, at).is_some())
        })
    };
    let comma = |at: usize| sentence.at(at).is_some_and(|token| token.is_sign(','));
    let forward = || {
        let mut at = behind;
        let mut steps = 0;
        while !stops(at) && steps < REACH {
            if let Some(found) = named.iter().find(|found| found.from == at) {
                return Some(found.clone());
            }
            // A comma ends the reach, but for one within `of patients, all evaluable, had …`.
            if comma(at) {
                return None;
            }
            at += 1;
            steps += 1;
        }
        None
    };
    let backward = || {
        let mut at = place;
        let mut steps = 0;
        while at > 0 && steps < REACH + 4 {
            at -= 1;
            steps += 1;
            if let Some(found) = named.iter().find(|found| found.to == at + 1) {
                return Some(found.clone());
            }
            let token = sentence.at(at)?;
            if token.is_sign(';') || token.is_sign('|') || token.is_sign('%') || comma(at) {
                return None;
            }
        }
        None
    };
    // `an ORR of 44%`, `ORR: 44%`, `had a partial response (50%)` have their noun before, `50% partial response` behind.
    let before = place.checked_sub(1).and_then(|at| sentence.at(at));
    let leads = before.is_some_and(|token| {
        matches!(token.letters(), "of" | "was" | "is" | "were" | "reached" | "at" | "be" | "rate" | "in")
            || token.is_sign(':')
            || token.is_sign('=')
            || (token.is_sign('(') && named.iter().any(|found| found.to + 1 == place))
    }) || named.iter().any(|found| found.to == place);
    let (x, n, mut from, mut to) = numbers(sentence, place, behind);
    let led = from
        .checked_sub(1)
        .is_some_and(|at| from < place && matches!(sentence.letters(at), "in" | "among" | "by"));
    let found = if leads || led { backward().or_else(forward) } else { forward().or_else(backward) };
    let measure = match &found {
        Some(found) => {
            (from, to) = (from.min(found.from), to.max(found.to));
            found.measure.clone()
        }
        None => {
            // Some share of patients: the words behind it say of what.
            let words: Vec<&str> = (behind..behind + 8)
                .take_while(|at| sentence.at(*at).is_some_and(|token| !is_break(token)))
                .map(|at| sentence.letters(at))
                .collect();
            if x.is_none() && n.is_none() && !words.iter().any(|word| is_people(word)) {
                return average(reading, index, place, behind, printed)
                    .or_else(|| again(reading, index, place, behind, printed));
            }
            let last = (behind..behind + 8)
                .take_while(|at| sentence.at(*at).is_some_and(|token| !is_break(token)))
                .last()
                .map_or(behind, |at| at + 1);
            to = to.max(last);
            Measure::Other(words.join(" "))
        }
    };
    let (mut set, mut explicit) = set_of(reading, index, place);
    if let Some(cohorts) = behind_cohorts(reading, index, to) {
        let cohorts: Vec<String> = cohorts.iter().map(ToString::to_string).collect();
        (set, explicit) = (format!("cohort {} ", cohorts.join(",")), true);
    }
    let confirmed = if sentence.has_stem(&["unconfirmed"]) {
        Some(false)
    } else {
        sentence.has_stem(&["confirmed"]).then_some(true)
    };
    Some(Rate {
        sentence: index,
        place,
        from,
        to,
        measure,
        printed,
        x,
        n,
        set,
        explicit,
        confirmed,
        apart: false,
        about: is_about(sentence, place),
    })
}

/// `the ORR was 43% in one group and 26% in the other`: a further percentage of the measure before it, in other patients.
fn again(reading: &Reading<'_>, index: usize, place: usize, behind: usize, printed: Printed) -> Option<Rate> {
    let sentence = reading.sentences.get(index)?;
    let before = place.checked_sub(1)?;
    let joined = matches!(sentence.letters(before), "and" | "versus" | "vs" | "but")
        || sentence.at(before).is_some_and(|token| token.is_sign(','));
    if !joined || !matches!(sentence.letters(behind), "in" | "among" | "for" | "at" | "with" | "on") {
        return None;
    }
    let found = measures(sentence)
        .into_iter()
        .rev()
        .find(|found| found.to <= place && found.measure.is_specific())?;
    let earlier = (found.to..place).filter(|at| percent_at(sentence, *at).is_some()).count();
    let (set, _) = set_of(reading, index, place);
    (earlier >= 1).then(|| Rate {
        sentence: index,
        place,
        from: place,
        to: behind,
        measure: found.measure,
        printed,
        x: None,
        n: None,
        set: format!("{set} again {index} {place}"),
        explicit: false,
        confirmed: None,
        apart: true,
        about: is_about(sentence, place),
    })
}

/// Whether a sentence speaks of some of the patients of a cohort, by what they are or had: a record is not asked for those.
fn is_narrow(sentence: &Sentence) -> bool {
    sentence.has_any(&[
        "high-risk",
        "subset",
        "subgroup",
        "subgroups",
        "those",
        "whom",
        "whose",
        "women",
        "men",
        "older",
        "younger",
        "naive",
        "remain",
        "remains",
        "still",
    ]) || sentence.has_stem(&["triple", "quad", "penta", "extramedullary", "cytogenetic"])
        || (0..sentence.tokens.len()).any(|at| {
            is_people(sentence.letters(at))
                && matches!(sentence.letters(at + 1), "with" | "who")
                && measures(sentence).iter().any(|found| found.from > at && found.from <= at + 3)
        })
}

/// The cohorts a rate is over: those named straight behind it (`50% in cohort 2`), else those meant where it stands.
fn cohorts_of(reading: &Reading<'_>, rate: &Rate) -> Vec<u32> {
    match behind_cohorts(reading, rate.sentence, rate.to) {
        Some(cohorts) => cohorts,
        None if rate.apart => Vec::new(),
        None => reading.cohorts_at(rate.sentence, rate.place),
    }
}

fn behind_cohorts(reading: &Reading<'_>, index: usize, to: usize) -> Option<Vec<u32>> {
    let sentence = reading.sentences.get(index)?;
    if !matches!(sentence.letters(to), "in" | "of" | "for") {
        return None;
    }
    let named = mentions(sentence).into_iter().find(|mention| mention.from > to && mention.from <= to + 2)?;
    Some(named.numbers)
}

/// Whether a word before a number leaves it loose.
fn is_about(sentence: &Sentence, place: usize) -> bool {
    (place.saturating_sub(2)..place).any(|at| {
        matches!(
            sentence.letters(at),
            "about"
                | "approximately"
                | "nearly"
                | "almost"
                | "roughly"
                | "around"
                | "some"
                | "over"
                | "close"
                | "approx"
        ) || sentence.at(at).is_some_and(|token| token.is_sign('~') || token.is_sign('\u{2248}'))
    })
}

/// A median or mean of a change over patients.
fn average(
    reading: &Reading<'_>,
    index: usize,
    place: usize,
    behind: usize,
    printed: Printed,
) -> Option<Rate> {
    let sentence = reading.sentences.get(index)?;
    let average = (place.saturating_sub(8)..place)
        .any(|at| matches!(sentence.letters(at), "median" | "mean" | "average"));
    let confidence = matches!(sentence.letters(behind), "ci" | "confidence" | "interval");
    if !average || confidence {
        return None;
    }
    let from = (place.saturating_sub(8)..place)
        .rev()
        .find(|at| matches!(sentence.letters(*at), "median" | "mean" | "average"))?;
    // Another number or clause between: then the average is of that one.
    if (from..place)
        .any(|at| sentence.at(at).is_some_and(|token| token.number().is_some() || token.is_sign(';')))
    {
        return None;
    }
    let (set, explicit) = set_of(reading, index, place);
    Some(Rate {
        sentence: index,
        place,
        from,
        to: behind,
        measure: Measure::Other(format!("{} of a marker", sentence.letters(from))),
        printed,
        x: None,
        n: None,
        set: format!("{set}/average"),
        explicit,
        confirmed: None,
        apart: false,
        about: is_about(sentence, place),
    })
}

/// x and n printed with a percentage, and the span that holds them.
fn numbers(sentence: &Sentence, place: usize, behind: usize) -> (Option<u32>, Option<u32>, usize, usize) {
    let opens = |at: usize| sentence.at(at).is_some_and(|token| token.is_sign('('));
    // `50% (2/4)`, `50% (n = 4)`, `50% of 4 patients`, `50% of the 4 evaluable patients`.
    if opens(behind) {
        if let Some((x, n, to)) = fraction_at(sentence, behind + 1) {
            return (Some(x), Some(n), place, to + 1);
        }
        if let Some((n, to)) = size_at(sentence, behind) {
            return (None, Some(n), place, to + 1);
        }
    }
    if matches!(sentence.letters(behind), "of" | "in" | "among") {
        let mut at = behind + 1;
        while matches!(sentence.letters(at), "the" | "all" | "these" | "first") {
            at += 1;
        }
        if let Some(n) = sentence.at(at).and_then(Token::whole)
            && percent_at(sentence, at).is_none()
            && people_follow(sentence, at + 1)
        {
            return (None, Some(n), place, at + 2);
        }
    }
    // `2 of 4 patients (50%)`, `2/4 (50%)`, `ORR 50% …, n = 4`.
    let bracketed = place.checked_sub(1).is_some_and(opens);
    let printed = sentence.at(place).and_then(Token::number).map(Printed::new);
    let fits =
        |x: u32, n: u32| printed.is_some_and(|printed| printed.is_of(x, n) || printed.is_cut_off_from(x, n));
    let reach = place.saturating_sub(if bracketed { 14 } else { 6 });
    for from in (reach..place).rev() {
        // `among all 9 patients` names the set, and says of none of them that they are counted.
        let whole_set = matches!(sentence.letters(from), "all")
            && from
                .checked_sub(1)
                .is_some_and(|at| matches!(sentence.letters(at), "among" | "of" | "in" | "for" | "across"));
        if let Some((x, n, to)) = fraction_at(sentence, from)
            && to <= place
            && !whole_set
            && !(to..place).any(|at| percent_at(sentence, at).is_some())
            && (fits(x, n) || is_its_own(sentence, to, place))
        {
            let whole = from.checked_sub(1).filter(|at| opens(*at)).is_none();
            if whole || !bracketed {
                return (Some(x), Some(n), from, if bracketed { behind + 1 } else { behind });
            }
        }
    }
    // `of 27 patients, nine (33%)`, `nine (33%)`.
    if bracketed && let Some(x) = place.checked_sub(2).and_then(|at| sentence.at(at)).and_then(Token::whole) {
        let of = (1..place).rev().find_map(|at| {
            let n = sentence.at(at).and_then(Token::whole).filter(|n| *n >= x)?;
            let leads = matches!(sentence.letters(at - 1), "of" | "among")
                || (at >= 2 && sentence.has_at(at - 2, &["of", "the"]));
            // With further numbers between, x may be of another one: then it is of this only where it fits.
            let alone = || !(at + 1..place - 2).any(|at| sentence.at(at).and_then(Token::whole).is_some());
            (leads && people_follow(sentence, at + 1) && (fits(x, n) || alone())).then_some((n, at - 1))
        });
        return match of {
            // Those after the first of a list begin with their own number.
            Some((n, from)) if (from..place).any(|at| percent_at(sentence, at).is_some()) => {
                (Some(x), Some(n), place - 2, behind + 1)
            }
            Some((n, from)) => (Some(x), Some(n), from, behind + 1),
            None => (Some(x), None, place - 2, behind + 1),
        };
    }
    // `five patients (56%)`.
    if bracketed {
        let at = (place.saturating_sub(8)..place).rev().find(|at| is_people(sentence.letters(*at)));
        let of_more = at.and_then(|at| at.checked_sub(2)).is_some_and(|at| {
            matches!(sentence.letters(at), "of" | "the" | "all")
                || sentence.at(at).is_some_and(|token| token.is_sign('/'))
        });
        if let Some(x) = at
            .filter(|_| !of_more)
            .and_then(|at| at.checked_sub(1))
            .and_then(|at| sentence.at(at))
            .and_then(Token::whole)
        {
            return (Some(x), None, at.map_or(place, |at| at - 1), behind + 1);
        }
    }
    // `(n = 4)` after the noun, in the same clause.
    for at in behind..(behind + 9).min(sentence.tokens.len()) {
        if sentence.at(at).is_some_and(|token| token.is_sign(';')) || percent_at(sentence, at).is_some() {
            break;
        }
        if let Some((n, to)) = size_at(sentence, at) {
            let can = printed.is_some_and(|printed| printed.numerator(n).is_some());
            // `seen in 8 evaluable patients (n = 8)`: the number said twice is no other.
            let again = (behind..at)
                .all(|at| sentence.at(at).and_then(Token::whole).is_none_or(|other| other == n))
                && (behind..at).any(|at| sentence.at(at).and_then(Token::whole) == Some(n))
                && !(behind..at).any(|at| matches!(sentence.letters(at), "and" | "versus" | "vs" | "than"));
            if can || again || is_its_own(sentence, behind, at) {
                return (None, Some(n), place, to + 1);
            }
            break;
        }
    }
    // `of the 9 evaluable patients 44% responded`, `among all 9 patients the ORR was 44%`.
    if let Some((n, from)) = led_by(sentence, place, behind) {
        return (None, Some(n), from, behind);
    }
    // `61% ORR (11/18)`.
    if let Some(open) = (behind..behind + 6).find(|at| opens(*at))
        && (behind..open).all(|at| !sentence.letters(at).is_empty())
        && let Some((x, n, to)) = fraction_at(sentence, open + 1)
        && (fits(x, n) || is_its_own(sentence, behind, open))
        && sentence.at(to).is_some_and(|token| token.is_sign(')'))
    {
        return (Some(x), Some(n), place, to + 1);
    }
    // `in the triple-class refractory group (n = 18) the ORR was 46%`: the one number of a sentence, before its one percentage.
    let sizes: Vec<(usize, u32, usize)> = (0..sentence.tokens.len())
        .filter(|at| sentence.letters(*at) == "n")
        .filter_map(|at| size_at(sentence, at).map(|(n, to)| (at, n, to)))
        .collect();
    if let [(at, n, to)] = sizes.as_slice()
        && *to <= place
        && !(*to..place).any(|at| {
            percent_at(sentence, at).is_some()
                || sentence.at(at).is_some_and(|token| token.is_sign(';') || token.is_sign('|'))
                || matches!(
                    sentence.letters(at),
                    "evaluable"
                        | "assessable"
                        | "responders"
                        | "those"
                        | "whom"
                        | "which"
                        | "subset"
                        | "among"
                        | "of"
                        | "versus"
                        | "vs"
                ) && (sentence.letters(at) != "of"
                    || sentence.at(at + 1).and_then(Token::number).is_none())
        })
    {
        return (None, Some(*n), at.saturating_sub(1), behind);
    }
    (None, None, place, behind)
}

/// The number of patients that a clause before its one percentage names, and where: nothing else is counted between.
fn led_by(sentence: &Sentence, place: usize, behind: usize) -> Option<(u32, usize)> {
    if matches!(sentence.letters(behind), "in" | "among" | "for" | "with" | "at") {
        return None;
    }
    let at = (1..place).rev().find(|at| {
        sentence.at(*at).is_some_and(|token| token.number().is_some())
            && !matches!(sentence.letters(at - 1), "cohort" | "phase" | "grade" | "level")
    })?;
    let n =
        sentence.at(at).and_then(Token::whole).filter(|n| *n > 0 && percent_at(sentence, at).is_none())?;
    let mut from = at.checked_sub(1)?;
    while from > 0 && matches!(sentence.letters(from), "the" | "all" | "these" | "first") {
        from -= 1;
    }
    let leads = matches!(sentence.letters(from), "of" | "among" | "in") && people_follow(sentence, at + 1);
    // The clause must open the sentence, and no other set come after it.
    let opens = from == 0 || sentence.at(from - 1).is_some_and(is_break) || named_before(sentence, from);
    let other = (at + 1..place).any(|at| {
        matches!(
            sentence.letters(at),
            "those"
                | "whom"
                | "which"
                | "who"
                | "and"
                | "subset"
                | "but"
                | "with"
                | "versus"
                | "vs"
                | "while"
                | "including"
                | "median"
                | "mean"
        )
    });
    let within = (at + 1..place).filter(|at| is_people(sentence.letters(*at))).count();
    (leads && opens && !other && within <= 2).then_some((n, from))
}

/// Whether the rate's own name leads to the set: `the response rate among all 9 patients was 44%`.
fn named_before(sentence: &Sentence, from: usize) -> bool {
    measures(sentence).iter().any(|found| found.to == from)
}

/// Whether nothing between a count and a percentage starts something new, so that the two belong together.
fn is_its_own(sentence: &Sentence, from: usize, to: usize) -> bool {
    const NEW: [&str; 16] = [
        "and",
        "all",
        "both",
        "none",
        "while",
        "but",
        "including",
        "for",
        "versus",
        "vs",
        "than",
        "compared",
        "whereas",
        "remaining",
        "other",
        "others",
    ];
    // `five of nine patients, or 56%`.
    let to = match to.checked_sub(1) {
        Some(or) if sentence.letters(or) == "or" && or > from => {
            or - usize::from(sentence.at(or - 1).is_some_and(|token| token.is_sign(',')))
        }
        _ => to,
    };
    (from..to).all(|at| {
        let starts = NEW.contains(&sentence.letters(at));
        !starts && sentence.at(at).is_some_and(|token| token.number().is_none() && !is_break(token))
    })
}

/// The patients a rate is over, as far as words tell, and whether the words name them.
fn set_of(reading: &Reading<'_>, index: usize, place: usize) -> (String, bool) {
    const GROUPS: [&str; 26] = [
        "triple-class",
        "quad-class",
        "penta-refractory",
        "penta-class",
        "quad-refractory",
        "triple-refractory",
        "dlbcl",
        "mantle",
        "marginal",
        "waldenstrom",
        "waldenström",
        "waldenstrom's",
        "waldenström's",
        "lymphoplasmacytic",
        "cll",
        "sll",
        "lymphoma",
        "bolus",
        "fractionated",
        "single",
        "weekly",
        "monthly",
        "neuroblastoma",
        "glioma",
        "bcma",
        "high-risk",
    ];
    let Some(sentence) = reading.sentences.get(index) else { return (String::new(), false) };
    let mut words: Vec<String> = sentence
        .tokens
        .iter()
        .map(Token::letters)
        .filter(|word| GROUPS.contains(word))
        .map(str::to_owned)
        .collect();
    words
        .extend(activities(sentence).iter().map(|activity| format!("{}{}", activity.value, activity.unit())));
    words.extend(
        ["evaluable", "treated", "enrolled", "intent-to-treat"]
            .into_iter()
            .filter(|word| sentence.has_any(&[word]))
            .map(str::to_owned),
    );
    words.sort();
    words.dedup();
    let cohorts = reading.cohorts_at(index, place);
    if !cohorts.is_empty() {
        let cohorts: Vec<String> = cohorts.iter().map(ToString::to_string).collect();
        return (format!("cohort {} {}", cohorts.join(","), words.join(" ")), true);
    }
    let named = !words.is_empty();
    (format!("paragraph {} {}", sentence.paragraph, words.join(" ")), named)
}

/// Counts that stand without a percentage.
fn counts(reading: &Reading<'_>, index: usize, taken: &[bool], claims: &mut Vec<Claim>) {
    let Some(sentence) = reading.sentences.get(index) else { return };
    let named = measures(sentence);
    let mut place = 0;
    while place < sentence.tokens.len() {
        if taken.get(place).copied().unwrap_or(false) || reading.is_cohort_number(index, place) {
            place += 1;
            continue;
        }
        if let Some((x, n, to)) = fraction_at(sentence, place) {
            let noun = named.iter().find(|found| found.from >= to && found.from < to + REACH);
            let end = noun.map_or_else(|| people_end(sentence, to), |noun| noun.to);
            let because =
                format!("{x} of {n} patients are counted, and no record is at hand in which to count them.");
            // `one of two patients with a partial response` counts among those, and not them.
            let measured = noun.filter(|noun| {
                !(noun.from.saturating_sub(2)..noun.from)
                    .any(|at| matches!(sentence.letters(at), "with" | "whose" | "who" | "achieving"))
                    && !sentence.has_any(&["remain", "remains", "still", "continue", "continues"])
            });
            let what = if measured.is_some() { Counted::With } else { Counted::Unknown };
            let asks = Asks::Count {
                measure: measured.map(|noun| noun.measure.clone()),
                what,
                x,
                n: Some(n),
                cohorts: reading.cohorts_at(index, place),
            };
            let verdict = (Verdict::NotCheckable, because);
            claims.push(reading.claim(sentence, (place, end), ClaimKind::Count, verdict, asks));
            place = end.max(place + 1);
            continue;
        }
        // `all patients … disease control`, without a number.
        if sentence.letters(place) == "all"
            && is_people(sentence.letters(people_at(sentence, place + 1)))
            && let Some(noun) = named.iter().find(|found| found.from > place && found.from < place + REACH)
        {
            let because = "How many patients all of them are is not printed with it.".to_owned();
            let verdict = (Verdict::NotReproducible, because);
            let asks = Asks::Rate {
                measure: noun.measure.clone(),
                printed: Printed::new(100.into()),
                x: None,
                n: None,
                cohorts: reading.cohorts_at(index, place),
                confirmed: None,
            };
            claims.push(reading.claim(sentence, (place, noun.to), ClaimKind::Count, verdict, asks));
            place = noun.to;
            continue;
        }
        // `no dose-limiting toxicities`, `one DLT`.
        let none = matches!(sentence.letters(place), "no" | "zero" | "without");
        let number =
            sentence.at(place).and_then(Token::whole).filter(|_| percent_at(sentence, place).is_none());
        if none || number.is_some() {
            let skipped = (place + 1..place + 4).find(|at| {
                !matches!(
                    sentence.letters(*at),
                    "any" | "treatment-related" | "observed" | "confirmed" | "unconfirmed"
                )
            });
            let noun = skipped.and_then(|at| named.iter().find(|found| found.from == at));
            let grade = (place.saturating_sub(4)..place)
                .any(|at| matches!(sentence.letters(at), "grade" | "grades" | "phase"));
            if let Some(noun) = noun.filter(|_| !grade) {
                let x = number.unwrap_or(0);
                let because = format!(
                    "{x} with {} is counted, and no record is at hand in which to count.",
                    noun.measure.words()
                );
                let measure = Some(noun.measure.clone());
                let asks = Asks::Count {
                    measure,
                    what: Counted::With,
                    x,
                    n: None,
                    cohorts: reading.cohorts_at(index, place),
                };
                let verdict = (Verdict::NotCheckable, because);
                claims.push(reading.claim(sentence, (place, noun.to), ClaimKind::Count, verdict, asks));
                place = noun.to;
                continue;
            }
        }
        // `two patients achieved a partial response`.
        if let Some(x) = number {
            let grade = (place.saturating_sub(4)..place)
                .any(|at| matches!(sentence.letters(at), "grade" | "grades" | "phase"));
            let at = people_at(sentence, place + 1);
            let noun = named
                .iter()
                .find(|found| found.from > at && found.from <= at.saturating_add(5))
                .filter(|found| {
                    (at + 1..found.from).all(|at| {
                        matches!(
                            sentence.letters(at),
                            "had"
                                | "has"
                                | "have"
                                | "experienced"
                                | "achieved"
                                | "showed"
                                | "a"
                                | "an"
                                | "the"
                                | "developed"
                                | "attained"
                                | "reached"
                                | "demonstrated"
                                | "confirmed"
                                | "unconfirmed"
                        )
                    })
                });
            // One patient with a response is one of those who have it, and not all of them.
            let all_of_them = |noun: &Named| x != 1 || noun.measure == Measure::DoseLimiting;
            let followed = sentence.has_any(&["remain", "remains", "still", "continue", "continues"]);
            if let Some(noun) =
                noun.filter(|noun| !grade && !followed && noun.measure.is_specific() && all_of_them(noun))
            {
                let because = format!(
                    "{x} with {} is counted, and no record is at hand in which to count.",
                    noun.measure.words()
                );
                let asks = Asks::Count {
                    measure: Some(noun.measure.clone()),
                    what: Counted::With,
                    x,
                    n: None,
                    cohorts: reading.cohorts_at(index, place),
                };
                let verdict = (Verdict::NotCheckable, because);
                claims.push(reading.claim(sentence, (place, noun.to), ClaimKind::Count, verdict, asks));
                place = noun.to;
                continue;
            }
        }
        // `four patients were enrolled`, `enrolled four patients`.
        if let Some(x) = number
            && is_people(sentence.letters(people_at(sentence, place + 1)))
            && !(place >= 1 && sentence.at(place - 1).is_some_and(|token| token.is_sign('-')))
        {
            let at = people_at(sentence, place + 1);
            let what = if sentence.has_stem(&["enrol"]) {
                Counted::Enrolled
            } else if sentence.has_any(&["evaluable"]) {
                Counted::Evaluable
            } else if sentence.has_any(&["treated", "dosed", "received"]) {
                Counted::Treated
            } else {
                Counted::Unknown
            };
            if what != Counted::Unknown || x > 1 {
                let because =
                    "It is a number of patients, and no record is at hand in which to count them.".to_owned();
                let asks = Asks::Count {
                    measure: None,
                    what,
                    x,
                    n: None,
                    cohorts: reading.cohorts_at(index, place),
                };
                let verdict = (Verdict::NotCheckable, because);
                claims.push(reading.claim(sentence, (place, at + 1), ClaimKind::Count, verdict, asks));
                place = at;
            }
        }
        place += 1;
    }
}

fn people_at(sentence: &Sentence, from: usize) -> usize {
    let between = |at: &usize| {
        let word = sentence.letters(*at);
        !word.is_empty()
            && !matches!(
                word,
                "had"
                    | "have"
                    | "has"
                    | "were"
                    | "was"
                    | "in"
                    | "of"
                    | "and"
                    | "or"
                    | "to"
                    | "with"
                    | "for"
                    | "all"
                    | "the"
                    | "each"
                    | "every"
                    | "both"
            )
    };
    (from..from + 3).take_while(between).find(|at| is_people(sentence.letters(*at))).unwrap_or(usize::MAX - 1)
}

fn people_end(sentence: &Sentence, from: usize) -> usize {
    let at = people_at(sentence, from);
    if at < sentence.tokens.len() { at + 1 } else { from }
}

/// Judges the rates set by set.
fn judge(reading: &Reading<'_>, rates: &[Rate], claims: &mut Vec<Claim>) {
    let mut sets: Vec<&str> = Vec::new();
    for rate in rates {
        if !sets.contains(&rate.set.as_str()) {
            sets.push(&rate.set);
        }
    }
    for set in sets {
        let of: Vec<&Rate> = rates.iter().filter(|rate| rate.set == set).collect();
        judge_set(reading, &of, claims);
    }
}

fn judge_set(reading: &Reading<'_>, rates: &[&Rate], claims: &mut Vec<Claim>) {
    let mut said: Vec<(&Measure, &Rate, Verdict)> = Vec::new();
    let mut leading: Option<&Rate> = None;
    let overfull = overfull(rates);
    for rate in rates {
        let Some(sentence) = reading.sentences.get(rate.sentence) else { continue };
        let asks = if is_narrow(sentence) {
            Asks::Nothing
        } else {
            Asks::Rate {
                measure: rate.measure.clone(),
                printed: rate.printed,
                x: rate.x,
                n: rate.n,
                cohorts: cohorts_of(reading, rate),
                confirmed: rate.confirmed,
            }
        };
        let earlier = said
            .iter()
            .find(|(measure, other, _)| **measure == rate.measure && other.confirmed == rate.confirmed);
        let (verdict, because, evidence) = match (own(rate), earlier) {
            (Some(own), _)
                if own.0 != Verdict::Contradicted
                    && overfull.as_ref().is_some_and(|full| std::ptr::eq(full.last, *rate)) =>
            {
                overfull.as_ref().map_or(own, Overfull::judged)
            }
            (Some(own), Some((_, other, _)))
                if own.0 != Verdict::Contradicted && differs(reading, rate, other) =>
            {
                against_line(reading, rate, other)
            }
            (Some(own), _) => own,
            (None, Some((_, other, verdict))) if other.printed.value == rate.printed.value => {
                let line = reading.sentences.get(other.sentence).map_or(0, |sentence| sentence.line);
                let because = format!(
                    "It says again what line {line} says of {}; the same holds.",
                    rate.measure.words()
                );
                (*verdict, because, json!({ "same-as-line": line }))
            }
            (None, Some((_, other, _))) if differs(reading, rate, other) => {
                against_line(reading, rate, other)
            }
            (None, _) if rate.apart || mixed(reading, rates) => alone(rate),
            (None, _) => {
                let held = beside(rate, leading.unwrap_or(rate), rates, reading);
                match (known_size(reading, rate, rates), leading) {
                    _ if held.0 == Verdict::Contradicted => held,
                    (Some(size), _) => of_size(rate, size),
                    (None, None) => alone(rate),
                    (None, Some(_)) => held,
                }
            }
        };
        if rate.x.is_none() && rate.n.is_none() && leading.is_none() {
            leading = Some(rate);
        }
        said.push((&rate.measure, rate, verdict));
        let claim = reading.claim(sentence, (rate.from, rate.to), ClaimKind::Rate, (verdict, because), asks);
        claims.push(claim.with(evidence));
    }
}

/// Parts of one set, counted out of one number in one sentence, that make more than the set.
struct Overfull<'a> {
    last: &'a Rate,
    counts: Vec<u32>,
    n: u32,
}

impl Overfull<'_> {
    fn judged(&self) -> Judged {
        let sum: u32 = self.counts.iter().sum();
        let counts: Vec<String> = self.counts.iter().map(u32::to_string).collect();
        let because = format!(
            "{} make {sum}, more than the {} patients they are counted out of: each patient is in one of them.",
            counts.join(" + "),
            self.n
        );
        (Verdict::Contradicted, because, json!({ "sum": sum, "of": self.n }))
    }
}

/// Response, minimal response, stable disease and progressive disease exclude each other as best responses: counted out of
/// one number in one sentence they cannot be more than it. Who `progressed` may have responded before.
fn overfull<'a>(rates: &[&'a Rate]) -> Option<Overfull<'a>> {
    let part = |rate: &Rate| match &rate.measure {
        Measure::OverallResponse => Some("response"),
        Measure::Category(Category::Minimal) => Some("minimal"),
        Measure::Category(Category::Stable) => Some("stable"),
        Measure::Category(Category::Progressive) => Some("progression"),
        _ => None,
    };
    let first = rates.iter().find(|rate| part(rate).is_some() && rate.n.is_some())?;
    let n = first.n?;
    let mut parts: Vec<&str> = Vec::new();
    let mut counts = Vec::new();
    let mut last = *first;
    for rate in
        rates.iter().filter(|rate| rate.sentence == first.sentence && rate.n == Some(n) && !rate.apart)
    {
        let (Some(part), Some(x)) = (part(rate), rate.x) else { continue };
        if !parts.contains(&part) {
            parts.push(part);
            counts.push(x);
            last = rate;
        }
    }
    (parts.len() > 2 && counts.iter().sum::<u32>() > n).then_some(Overfull { last, counts, n })
}

impl Measure {
    fn is_specific(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

type Judged = (Verdict, String, serde_json::Value);

/// Whether two percentages of one measure over one named set cannot both be true.
fn differs(reading: &Reading<'_>, rate: &Rate, other: &Rate) -> bool {
    let apart = (rate.printed.value - other.printed.value).abs();
    let slack = rate.printed.half_unit() + other.printed.half_unit();
    let same_size = match (rate.n, other.n) {
        (Some(n), Some(m)) => n == m,
        _ => true,
    };
    rate.sentence != other.sentence
        && rate.explicit
        && other.explicit
        && !rate.apart
        && !other.apart
        && rate.measure.is_specific()
        && apart > slack
        && same_size
        && !mixed(reading, &[rate, other])
        && !dated(reading, &[rate, other])
}

/// A percentage against an earlier one that cannot be true beside it, both quoted.
fn against_line(reading: &Reading<'_>, rate: &Rate, other: &Rate) -> Judged {
    let of = |rate: &Rate| {
        let sentence = reading.sentences.get(rate.sentence);
        (sentence.map_or(0, |one| one.line), sentence.map_or_else(String::new, |one| reading.said(one)))
    };
    let ((line, said), (first, before)) = (of(rate), of(other));
    let because = format!(
        "Line {first} says {}% and line {line} says {}% of {} over the same patients: both cannot be true.",
        other.printed.value,
        rate.printed.value,
        rate.measure.words()
    );
    let quotes = json!({ "quotes": [{ "line": first, "text": before }, { "line": line, "text": said }] });
    (Verdict::Contradicted, because, quotes)
}

/// Whether a sentence of these rates sets one group beside another.
fn mixed(reading: &Reading<'_>, rates: &[&Rate]) -> bool {
    rates.iter().any(|rate| {
        reading.sentences.get(rate.sentence).is_some_and(|sentence| {
            sentence.has_any(&BESIDE)
                || (0..sentence.tokens.len()).any(|at| {
                    matches!(
                        sentence.letters(at),
                        "prior" | "first" | "second" | "other" | "different" | "separate"
                    ) && matches!(
                        sentence.letters(at + 1),
                        "study"
                            | "studies"
                            | "trial"
                            | "trials"
                            | "phase"
                            | "analysis"
                            | "readout"
                            | "patients"
                            | "part"
                    )
                })
        })
    })
}

/// Whether one of these rates is of a day of its own: what held on one day need not hold on another.
fn dated(reading: &Reading<'_>, rates: &[&Rate]) -> bool {
    rates.iter().any(|rate| {
        reading.sentences.get(rate.sentence).is_some_and(|sentence| {
            sentence.has_any(&[
                "now",
                "since",
                "interim",
                "updated",
                "update",
                "later",
                "month",
                "months",
                "weeks",
                "week",
                "day",
                "until",
                "still",
                "date",
                "cut-off",
                "cutoff",
                "then",
                "currently",
                "best",
            ]) || sentence.find(&["as", "of"]).is_some()
        })
    })
}

/// The number of patients that other words print for the same set, where they agree on one, and the line.
fn known_size(reading: &Reading<'_>, rate: &Rate, rates: &[&Rate]) -> Option<(u32, usize)> {
    if !rate.explicit || matches!(rate.measure, Measure::Other(_)) {
        return None;
    }
    let mut sizes: Vec<(u32, usize)> = Vec::new();
    for other in rates {
        let Some(sentence) = reading.sentences.get(other.sentence) else { continue };
        sizes.extend(other.n.map(|n| (n, sentence.line)));
        sizes.extend(
            (0..sentence.tokens.len()).filter_map(|at| Some((size_at(sentence, at)?.0, sentence.line))),
        );
    }
    let (first, _) = *sizes.first()?;
    sizes.iter().all(|(size, _)| *size == first).then(|| sizes.first().copied())?
}

/// A rate without its own number, over a set whose number other words print.
fn of_size(rate: &Rate, (n, line): (u32, usize)) -> Judged {
    let value = rate.printed.value;
    let evidence = json!({ "of": n, "printed-on-line": line, "printed": value.to_string() });
    match rate.printed.numerator(n) {
        Some(x) => {
            (Verdict::Consistent, format!("{x} of the {n} patients on line {line} give {value}%."), evidence)
        }
        None => {
            let because = format!(
                "Its own number is not printed, and no number of the {n} patients on line {line} gives {value}%: {}.",
                nearest(rate.printed, n)
            );
            (Verdict::NotReproducible, because, evidence)
        }
    }
}

/// A rate with its own numbers.
fn own(rate: &Rate) -> Option<Judged> {
    let printed = rate.printed;
    let (value, decimals) = (printed.value, printed.decimals);
    match (rate.x, rate.n) {
        (Some(x), Some(n)) => {
            let exact = f64::from(x) / f64::from(n) * 100.0;
            let evidence = json!({ "n": x, "of": n, "percent": exact, "printed": value.to_string() });
            Some(if printed.is_of(x, n) {
                (
                    Verdict::Consistent,
                    format!("{x} of {n} is {exact:.1}%, which is printed as {value}%."),
                    evidence,
                )
            } else if printed.is_cut_off_from(x, n) {
                let because = format!(
                    "{x} of {n} is {exact:.2}%, which is {value}% only if it is cut off and not rounded."
                );
                (Verdict::Consistent, because, evidence)
            } else if rate.about && (exact - value.to_string().parse::<f64>().unwrap_or(0.0)).abs() <= ABOUT {
                let because = format!("{x} of {n} is {exact:.1}%, which the text calls about {value}%.");
                (Verdict::Consistent, because, evidence)
            } else {
                let because = format!("{x} of {n} is {exact:.1}%, and not the {value}% printed beside it.");
                (Verdict::Contradicted, because, evidence)
            })
        }
        (None, Some(n)) => {
            let evidence = json!({ "of": n, "printed": value.to_string() });
            Some(match printed.numerator(n) {
                Some(x) => (
                    Verdict::Consistent,
                    format!(
                        "{x} of {n} gives {value}%, so the number printed can be right; how many they were is not printed."
                    ),
                    evidence,
                ),
                None => {
                    let near = nearest(printed, n);
                    let because = format!("No number of {n} patients gives {value}%: {near}.");
                    let cut_off = (0..=n).any(|x| printed.is_cut_off_from(x, n));
                    (
                        if rate.about || cut_off { Verdict::NotReproducible } else { Verdict::Contradicted },
                        because,
                        evidence,
                    )
                }
            })
        }
        (Some(x), None) => {
            // x is p% of about 100 x / p patients, and of no number far from it.
            let most = if printed.value > printed.half_unit() {
                let about = rust_decimal::Decimal::from(x) * rust_decimal::Decimal::ONE_HUNDRED;
                let about = about.checked_div(printed.value - printed.half_unit());
                about.and_then(|about| about.ceil().to_u32())
            } else {
                None
            };
            let most = most.unwrap_or(LARGEST).min(LARGEST);
            let can: Vec<u32> = (x.max(1)..=most)
                .filter(|n| printed.is_of(x, *n) || printed.is_cut_off_from(x, *n))
                .collect();
            let evidence = json!({ "n": x, "possible-denominators": can, "printed": value.to_string() });
            Some(if can.is_empty() {
                let because = format!("{x} patients are {value}% of no whole number of patients.");
                (
                    if most < LARGEST { Verdict::Contradicted } else { Verdict::NotReproducible },
                    because,
                    evidence,
                )
            } else {
                let because = format!(
                    "The number of all patients is not printed; {x} are {value}% of {}.",
                    listed(&can)
                );
                (Verdict::NotReproducible, because, evidence)
            })
        }
        (None, None) => {
            let _ = decimals;
            None
        }
    }
}

fn nearest(printed: Printed, n: u32) -> String {
    let share = |x: u32| f64::from(x) / f64::from(n) * 100.0;
    let value: f64 = printed.value.to_string().parse().unwrap_or(0.0);
    let below = (0..=n).rev().find(|x| share(*x) <= value).unwrap_or(0);
    if below < n {
        format!("{below} are {:.1}% and {} are {:.1}%", share(below), below + 1, share(below + 1))
    } else {
        format!("{below} are {:.1}%", share(below))
    }
}

/// The leading rate over a set whose size is nowhere.
fn alone(rate: &Rate) -> Judged {
    let value = rate.printed.value;
    if let Measure::Other(words) = &rate.measure
        && words.ends_with("of a marker")
    {
        let because = "It is an average over patients whose number and values are not printed, so nobody can compute it.";
        return (Verdict::NotReproducible, because.to_owned(), json!({ "missing": ["patients", "values"] }));
    }
    let can = rate.printed.denominators(LISTED_TO);
    let evidence = json!({ "possible-denominators": can, "up-to": LISTED_TO, "printed": value.to_string() });
    let because = if can.len() as u32 == LISTED_TO {
        format!(
            "No number of patients is printed with it, and {value}% says nothing without one: of 2 patients it is 2 or none."
        )
    } else if can.is_empty() {
        format!("No number of patients is printed with it, and none up to {LISTED_TO} gives {value}%.")
    } else {
        format!(
            "No number of patients is printed with it; up to {LISTED_TO}, {value}% can come of {}.",
            listed(&can)
        )
    };
    (Verdict::NotReproducible, because, evidence)
}

/// Where a measure stands among the nested totals, and the categories it counts; none of what is not of response.
fn floor(measure: &Measure, macroglobulinaemia: bool, benefit_is_stable: bool) -> Option<Category> {
    Some(match measure {
        Measure::AtLeast(category) => *category,
        Measure::OverallResponse if macroglobulinaemia => Category::Minimal,
        Measure::OverallResponse => Category::Partial,
        Measure::ClinicalBenefit if benefit_is_stable => Category::Stable,
        Measure::ClinicalBenefit => Category::Minimal,
        Measure::DiseaseControl => Category::Stable,
        _ => return None,
    })
}

/// A further rate over a set without a number, against the others.
fn beside(rate: &Rate, first: &Rate, rates: &[&Rate], reading: &Reading<'_>) -> Judged {
    let macroglobulinaemia = reading
        .sentences
        .get(rate.sentence)
        .is_some_and(|sentence| sentence.has_stem(&["waldenstr", "lymphoplasmacytic", "macroglobulin"]));
    let mut parts: Vec<&&Rate> = Vec::new();
    for other in rates {
        let is_part = matches!(other.measure, Measure::Category(_))
            && other.confirmed == rate.confirmed
            && !other.apart;
        // What is said twice counts once.
        if is_part && !parts.iter().any(|part| part.measure == other.measure) {
            parts.push(other);
        }
    }
    let printed: Vec<Printed> = parts.iter().map(|part| part.printed).collect();
    let named = |rates: &[&&Rate]| {
        rates
            .iter()
            .map(|part| format!("{} {}%", part.measure.words(), part.printed.value))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let value = rate.printed.value;
    if matches!(rate.measure, Measure::Category(_)) && exceeds_all(&printed) {
        let sum: rust_decimal::Decimal = printed.iter().map(|part| part.value).sum();
        let because = format!(
            "{} make {sum}%: each patient has one best response, so they cannot be over the same patients.",
            named(&parts)
        );
        return (Verdict::Contradicted, because, json!({ "sum": sum.to_string() }));
    }
    let hundred = Printed::new(100.into());
    if let Some(least) = floor(&rate.measure, macroglobulinaemia, false) {
        let above: Vec<&&Rate> = parts
            .iter()
            .copied()
            .filter(|part| matches!(part.measure, Measure::Category(category) if category.is_at_least(least)))
            .collect();
        let above_printed: Vec<Printed> = above.iter().map(|part| part.printed).collect();
        let whole = !parts.is_empty() && adds_up(&printed, hundred);
        if !above.is_empty() && adds_up(&above_printed, rate.printed) {
            let because = format!("It follows from {}, and says nothing beyond them.", named(&above));
            return (Verdict::Consistent, because, json!({ "follows-from": named(&above) }));
        }
        let sum: rust_decimal::Decimal = above_printed.iter().map(|part| part.value).sum();
        let slack: rust_decimal::Decimal =
            above_printed.iter().map(|part| part.half_unit()).sum::<rust_decimal::Decimal>()
                + rate.printed.half_unit();
        let stable_benefit = rate.measure == Measure::ClinicalBenefit
            && {
                let with_stable: Vec<Printed> = parts
                .iter()
                .filter(|part| matches!(part.measure, Measure::Category(category) if category.is_at_least(Category::Stable)))
                .map(|part| part.printed)
                .collect();
                !with_stable.is_empty() && adds_up(&with_stable, rate.printed)
            };
        if stable_benefit {
            let because = "It follows if stable disease counts as clinical benefit; counted from minimal response on, as in myeloma, it would not: the definition is not printed.";
            return (Verdict::Consistent, because.to_owned(), json!({ "parts": named(&parts) }));
        }
        if !above.is_empty() && sum > value + slack {
            let because = format!(
                "{} alone make {sum}%, more than the {value}% printed for {}.",
                named(&above),
                rate.measure.words()
            );
            return (Verdict::Contradicted, because, json!({ "sum": sum.to_string() }));
        }
        if whole && (sum - value).abs() > slack {
            let because = format!(
                "The parts {} are all of the patients, and {} of them make {sum}%, not {value}%: {} counts only {} or better.",
                named(&parts),
                if above.is_empty() { "none".to_owned() } else { named(&above) },
                rate.measure.words(),
                least.code()
            );
            return (
                Verdict::Contradicted,
                because,
                json!({ "parts": named(&parts), "sum": sum.to_string() }),
            );
        }
        for other in rates {
            let Some(theirs) = floor(&other.measure, macroglobulinaemia, false) else { continue };
            if other.measure == rate.measure || other.confirmed != rate.confirmed {
                continue;
            }
            let slack = other.printed.half_unit() + rate.printed.half_unit();
            // A benefit rate may count stable disease: it is held against the others only where both readings fail.
            let loose =
                [&rate.measure, &other.measure].contains(&&Measure::ClinicalBenefit) && least != theirs && {
                    let (a, b) = (
                        floor(&rate.measure, macroglobulinaemia, true),
                        floor(&other.measure, macroglobulinaemia, true),
                    );
                    a >= b
                };
            let deeper_is_more = least > theirs && value > other.printed.value + slack;
            let shallower_is_less = least < theirs && value + slack < other.printed.value;
            if (deeper_is_more || shallower_is_less) && !loose {
                let because = format!(
                    "{} is printed as {value}% and {} as {}%: whoever is in the first is also in the other, or the reverse, so the order is impossible.",
                    rate.measure.words(),
                    other.measure.words(),
                    other.printed.value
                );
                return (
                    Verdict::Contradicted,
                    because,
                    json!({ "nested": [rate.measure.words(), other.measure.words()] }),
                );
            }
        }
    }
    let shared: Vec<u32> = (1..=SHARED_TO)
        .filter(|n| {
            rates
                .iter()
                .filter(|other| other.n.is_none() && other.x.is_none())
                .all(|other| other.printed.numerator(*n).is_some())
        })
        .collect();
    let first_line = reading.sentences.get(first.sentence).map_or(0, |sentence| sentence.line);
    if shared.is_empty() {
        let because = format!(
            "No number of patients up to {SHARED_TO} gives all the percentages printed over these patients, beginning with {}% on line {first_line}; which number it is, is not printed.",
            first.printed.value
        );
        return (
            Verdict::NotReproducible,
            because,
            json!({ "possible-denominators": shared, "up-to": SHARED_TO }),
        );
    }
    let together = if !parts.is_empty() && adds_up(&printed, hundred) && parts.len() > 1 {
        format!("{} make 100% together. ", named(&parts))
    } else {
        String::new()
    };
    let because = format!(
        "{together}It can be over the same patients as {}% on line {first_line} ({} of them, up to {SHARED_TO}); their number is not printed.",
        first.printed.value,
        listed(&shared)
    );
    (Verdict::Consistent, because, json!({ "possible-denominators": shared, "up-to": SHARED_TO }))
}
