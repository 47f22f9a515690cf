//! Names: an organisation spelled two ways, a registry number of the wrong length.

use serde_json::json;

use super::arithmetic::edits;
use super::claims::{Asks, Reading};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

/// Words that end the name of an organisation.
const ENDINGS: [&str; 24] = [
    "biosciences",
    "bioscience",
    "biopharma",
    "biopharmaceuticals",
    "pharma",
    "pharmaceuticals",
    "pharmaceutical",
    "therapeutics",
    "biotherapeutics",
    "biotech",
    "biotechnology",
    "oncology",
    "sciences",
    "laboratories",
    "biologics",
    "medicines",
    "genetics",
    "inc",
    "corp",
    "corporation",
    "ltd",
    "limited",
    "gmbh",
    "university",
];
/// Letters in which two spellings of one name may differ.
const CLOSE: usize = 2;

struct Name<'a> {
    sentence: &'a Sentence,
    from: usize,
    to: usize,
    plain: String,
    shown: String,
}

pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let names = organisations(reading);
    let mut groups: Vec<Vec<&Name<'_>>> = Vec::new();
    for name in &names {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.plain == name.plain)) {
            Some(group) => group.push(name),
            None => groups.push(vec![name]),
        }
    }
    let mut said: Vec<&str> = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let Some(first) = group.first() else { continue };
        if said.contains(&first.plain.as_str()) {
            continue;
        }
        let close = groups
            .iter()
            .skip(place + 1)
            .filter_map(|other| other.first())
            .find(|other| is_slip(&first.plain, &other.plain));
        let asks = Asks::Organisation { name: first.shown.clone() };
        match close {
            Some(other) => {
                // The spelling used less often is the slip.
                let often = |plain: &str| names.iter().filter(|name| name.plain == plain).count();
                let (right, slip) = if often(&other.plain) > often(&first.plain) {
                    (*other, *first)
                } else {
                    (*first, *other)
                };
                let (right_line, slip_line) = (reading.line_of(right.start()), reading.line_of(slip.start()));
                let because = format!(
                    "The same organisation is {:?} on line {right_line} and {:?} on line {slip_line}: one of the two is misspelt.",
                    right.shown, slip.shown
                );
                let verdict = (Verdict::Contradicted, because);
                let claim =
                    reading.claim(slip.sentence, (slip.from, slip.to), ClaimKind::Identity, verdict, asks);
                claims.push(claim.with(json!({
                    "quotes": [{ "line": right_line, "text": right.shown }, { "line": slip_line, "text": slip.shown }]
                })));
                said.push(&other.plain);
            }
            None if group.len() > 1 => {
                let because = format!("It is spelled the same in all {} places.", group.len());
                let verdict = (Verdict::Consistent, because);
                claims.push(reading.claim(
                    first.sentence,
                    (first.from, first.to),
                    ClaimKind::Identity,
                    verdict,
                    asks,
                ));
            }
            None => {}
        }
        said.push(&first.plain);
    }
    slips(reading, claims);
    registry(reading, claims);
}

/// Persons whose first name stands twice and whose last name differs by a letter, and a substance named beside its code that is
/// elsewhere written with another letter.
fn slips(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let mut words: Vec<(&Sentence, usize)> = Vec::new();
    for sentence in reading.sentences {
        words.extend(
            (0..sentence.tokens.len()).filter(|at| sentence.letters(*at).len() >= 5).map(|at| (sentence, at)),
        );
        if words.len() > MOST_WORDS {
            return;
        }
    }
    let capital = |sentence: &Sentence, at: usize| sentence.at(at).is_some_and(|token| token.capital);
    let mut firsts: std::collections::BTreeMap<&str, Vec<(&Sentence, usize)>> =
        std::collections::BTreeMap::new();
    for (sentence, at) in &words {
        let Some(first) =
            at.checked_sub(1).filter(|first| capital(sentence, *first) && capital(sentence, *at))
        else {
            continue;
        };
        if !sentence.letters(first).is_empty() {
            firsts.entry(sentence.letters(first)).or_default().push((sentence, *at));
        }
    }
    let mut pairs: Vec<(Place<'_>, Place<'_>)> = Vec::new();
    for named in firsts.values() {
        let Some((right, rest)) = named.split_first() else { continue };
        let of = |(sentence, at): &(&Sentence, usize)| owner(sentence.letters(*at)).to_owned();
        // All of them one name but for a single slip: more than two spellings are words, and no name.
        if let Some(slip) = rest.iter().find(|other| is_letter_off(&of(right), &of(other)))
            && named.iter().all(|one| of(one) == of(right) || of(one) == of(slip))
        {
            pairs.push((*right, *slip));
        }
    }
    for (sentence, at) in &words {
        let bracketed = at
            .checked_sub(1)
            .is_some_and(|before| sentence.at(before).is_some_and(|token| token.is_sign('(')))
            && sentence.at(at + 1).is_some_and(|token| token.is_sign(')'));
        let coded = at.checked_sub(2).is_some_and(|code| {
            sentence.letters(code).chars().any(|letter| letter.is_ascii_digit())
                || sentence.at(code).is_some_and(|token| token.number().is_some())
        });
        let name = sentence.letters(*at);
        if !bracketed || !coded || name.len() < 7 {
            continue;
        }
        if let Some(slip) =
            words.iter().find(|(other, place)| is_letter_off(name, owner(other.letters(*place))))
        {
            pairs.push(((sentence, *at), *slip));
        }
    }
    for ((right, at), (slip, place)) in pairs {
        let from = |sentence: &Sentence, at: usize| {
            if at > 0
                && capital(sentence, at - 1)
                && capital(sentence, at)
                && !sentence.letters(at - 1).is_empty()
            {
                at - 1
            } else {
                at
            }
        };
        let (start, shown) = reading.span(right, from(right, at), at + 1);
        let (slip_start, slip_shown) = reading.span(slip, from(slip, place), place + 1);
        let (line, slip_line) = (reading.line_of(start), reading.line_of(slip_start));
        let because = format!(
            "The same name is {shown:?} on line {line} and {slip_shown:?} on line {slip_line}: one of the two is misspelt."
        );
        let verdict = (Verdict::Contradicted, because);
        let claim =
            reading.claim(slip, (from(slip, place), place + 1), ClaimKind::Identity, verdict, Asks::Nothing);
        claims.push(claim.with(json!({
            "quotes": [{ "line": line, "text": shown }, { "line": slip_line, "text": slip_shown }]
        })));
    }
}

/// A word of a sentence.
type Place<'a> = (&'a Sentence, usize);

/// Words of a text beyond which names are not compared with each other.
const MOST_WORDS: usize = 20_000;

/// Whether two long words differ by one letter within, and neither is the other with an ending.
fn is_letter_off(one: &str, other: &str) -> bool {
    let lengths = one.len().abs_diff(other.len()) <= 1 && one.len().min(other.len()) >= 5;
    let plain = |word: &str| word.chars().all(|letter| letter.is_ascii_lowercase());
    lengths
        && plain(one)
        && plain(other)
        && one.chars().next() == other.chars().next()
        && !one.starts_with(other)
        && !other.starts_with(one)
        && !(ENDINGS.contains(&one) || ENDINGS.contains(&other))
        && edits(one, other) == 1
}

impl Name<'_> {
    fn start(&self) -> usize {
        self.sentence.at(self.from).map_or(0, |token| token.start)
    }
}

/// Whether two names are two spellings of one: a letter or two in a long word, the rest equal.
fn is_slip(one: &str, other: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    if a.len() != b.len() {
        return false;
    }
    let differing: Vec<(&&str, &&str)> = a.iter().zip(&b).filter(|(a, b)| a != b).collect();
    match differing.as_slice() {
        [(a, b)] => {
            let shortest = a.len().min(b.len());
            let digits = a.chars().chain(b.chars()).any(|letter| letter.is_ascii_digit());
            // A plural or another ending is another word, and no slip.
            let inflected = a.strip_suffix('s') == Some(b) || b.strip_suffix('s') == Some(a);
            let ending = ENDINGS.contains(*a) && ENDINGS.contains(*b);
            // `Bioscience` beside `Biosciences` of the same first name is one company, written two ways.
            if inflected && ending {
                return true;
            }
            // Two companies may differ in a first letter, such as Eastlake and Westlake; a slip seldom does.
            let first = a.chars().next() == b.chars().next();
            let changed = edits(a, b);
            !digits
                && first
                && !inflected
                && !ending
                && shortest >= 5
                && changed <= CLOSE
                && changed * 4 <= shortest + 3
        }
        _ => false,
    }
}

/// Capitalised words that end in the word of an organisation, or in one close to it.
fn organisations<'a>(reading: &Reading<'a>) -> Vec<Name<'a>> {
    let mut names = Vec::new();
    for sentence in reading.sentences {
        let mut place = 0;
        while place < sentence.tokens.len() {
            let word = owner(sentence.letters(place));
            let capital = sentence.at(place).is_some_and(|token| token.capital);
            let ends = capital
                && !matches!(word, "inc" | "corp" | "ltd" | "corporation" | "limited" | "gmbh")
                && ENDINGS.iter().any(|ending| {
                    word == *ending || (ending.len() >= 6 && word.len() >= 6 && edits(word, ending) <= CLOSE)
                });
            if !ends {
                place += 1;
                continue;
            }
            let mut from = place;
            while from > 0
                && sentence.at(from - 1).is_some_and(|token| token.capital && !is_common(token.letters()))
                && place - from < 3
            {
                from -= 1;
            }
            if from < place {
                let plain: Vec<&str> = (from..=place).map(|at| owner(sentence.letters(at))).collect();
                let (_, shown) = reading.span(sentence, from, place + 1);
                let shown = shown.trim_end_matches("'s").trim_end_matches("\u{2019}s").to_owned();
                names.push(Name { sentence, from, to: place + 1, plain: plain.join(" "), shown });
            }
            place += 1;
        }
    }
    names
}

/// A name without the ending of whom something is.
fn owner(word: &str) -> &str {
    word.strip_suffix("'s").unwrap_or(word)
}

/// Words that begin a sentence or a heading, and no name.
fn is_common(word: &str) -> bool {
    matches!(
        word,
        "the"
            | "about"
            | "and"
            | "of"
            | "at"
            | "for"
            | "by"
            | "contact"
            | "contacts"
            | "investors"
            | "media"
            | "source"
            | "from"
            | "a"
            | "an"
            | "in"
            | "on"
            | "with"
            | "said"
            | "company"
            | "today"
            | "copyright"
            | "visit"
    )
}

fn registry(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let mut said: Vec<String> = Vec::new();
    for sentence in reading.sentences {
        for place in 0..sentence.tokens.len() {
            let word = sentence.letters(place);
            let Some(digits) = word.strip_prefix("nct") else { continue };
            let (digits, to) = match sentence.at(place + 1).and_then(Token::number) {
                Some(number) if digits.is_empty() => (number.to_string(), place + 2),
                _ => (digits.to_owned(), place + 1),
            };
            if digits.is_empty()
                || !digits.bytes().all(|digit| digit.is_ascii_digit())
                || said.contains(&digits)
            {
                continue;
            }
            said.push(digits.clone());
            let id = format!("NCT{digits}");
            let judged = if digits.len() == 8 {
                (
                    Verdict::NotCheckable,
                    "Whether the registry has this number for the trial is to be looked up there.".to_owned(),
                )
            } else {
                let because = format!(
                    "A number of ClinicalTrials.gov is NCT and eight digits; this has {}.",
                    digits.len()
                );
                (Verdict::Contradicted, because)
            };
            let kind = if digits.len() == 8 { ClaimKind::External } else { ClaimKind::Identity };
            claims.push(reading.claim(sentence, (place, to), kind, judged, Asks::Registry { id }));
        }
    }
}
