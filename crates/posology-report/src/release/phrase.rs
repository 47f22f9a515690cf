//! The words of the field: what a rate is of, which cohort is meant, how much of which unit.

use posology_clinic::response::Category;
use rust_decimal::Decimal;

use super::text::{Sentence, Token, Word};

/// What a percentage or a count is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Measure {
    /// Patients whose best response is a category.
    Category(Category),
    /// Patients at a category or better.
    AtLeast(Category),
    /// The overall response rate.
    OverallResponse,
    /// The clinical benefit rate.
    ClinicalBenefit,
    /// The disease control rate.
    DiseaseControl,
    /// Patients with a dose-limiting toxicity.
    DoseLimiting,
    /// Followed over the whole window for dose-limiting toxicity.
    WholeWindow,
    /// Something else that is counted, in the words of the text.
    Other(String),
}

impl Measure {
    fn is_of_response(&self) -> bool {
        match self {
            Self::Category(_) => true,
            Self::Other(words) => words.contains(" or "),
            _ => false,
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Category(category) => category.code().to_owned(),
            Self::AtLeast(category) => format!("{category} or better"),
            Self::OverallResponse => "overall response (PR or better)".to_owned(),
            Self::ClinicalBenefit => "clinical benefit".to_owned(),
            Self::DiseaseControl => "disease control".to_owned(),
            Self::DoseLimiting => "dose-limiting toxicity".to_owned(),
            Self::WholeWindow => "the whole DLT window".to_owned(),
            Self::Other(words) => words.clone(),
        }
    }
}

/// Phrases, the longer before the shorter.
fn phrases() -> Vec<(Vec<&'static str>, Measure)> {
    use Category::{Complete, Minimal, Partial, Progressive, Stable, StringentComplete, VeryGoodPartial};
    let mut phrases: Vec<(Vec<&'static str>, Measure)> = Vec::new();
    let mut add = |text: &'static str, measure: Measure| phrases.push((text.split(' ').collect(), measure));
    for (text, category) in [
        ("stringent complete response", StringentComplete),
        ("stringent complete responses", StringentComplete),
        ("scr", StringentComplete),
        ("complete response", Complete),
        ("complete responses", Complete),
        ("complete remission", Complete),
        ("complete remissions", Complete),
        ("cr", Complete),
        ("crs", Complete),
        ("very good partial response", VeryGoodPartial),
        ("very good partial responses", VeryGoodPartial),
        ("vgpr", VeryGoodPartial),
        ("vgprs", VeryGoodPartial),
        ("partial response", Partial),
        ("partial responses", Partial),
        ("partial remission", Partial),
        ("partial remissions", Partial),
        ("partial responder", Partial),
        ("partial responders", Partial),
        ("pr", Partial),
        ("prs", Partial),
        ("minimal response", Minimal),
        ("minimal responses", Minimal),
        ("minor response", Minimal),
        ("minor responses", Minimal),
        ("minimal responders", Minimal),
        ("mr", Minimal),
        ("mrs", Minimal),
        ("stable disease", Stable),
        ("sd", Stable),
        ("progressive disease", Progressive),
        ("disease progression", Progressive),
        ("pd", Progressive),
    ] {
        add(text, Measure::Category(category));
    }
    for (text, measure) in [
        ("overall response rate", Measure::OverallResponse),
        ("overall response", Measure::OverallResponse),
        ("overall responses", Measure::OverallResponse),
        ("objective response rate", Measure::OverallResponse),
        ("objective response", Measure::OverallResponse),
        ("objective responses", Measure::OverallResponse),
        ("overall remission rate", Measure::OverallResponse),
        ("orr", Measure::OverallResponse),
        ("response rate", Measure::OverallResponse),
        ("responders", Measure::OverallResponse),
        ("responded", Measure::OverallResponse),
        ("major response rate", Measure::AtLeast(Partial)),
        ("major response", Measure::AtLeast(Partial)),
        ("mrr", Measure::AtLeast(Partial)),
        ("clinical benefit rate", Measure::ClinicalBenefit),
        ("clinical benefit", Measure::ClinicalBenefit),
        ("cbr", Measure::ClinicalBenefit),
        ("disease control rate", Measure::DiseaseControl),
        ("disease control", Measure::DiseaseControl),
        ("dcr", Measure::DiseaseControl),
        ("dose-limiting toxicity", Measure::DoseLimiting),
        ("dose-limiting toxicities", Measure::DoseLimiting),
        ("dose limiting toxicity", Measure::DoseLimiting),
        ("dose limiting toxicities", Measure::DoseLimiting),
        ("dlt", Measure::DoseLimiting),
        ("dlts", Measure::DoseLimiting),
    ] {
        add(text, measure);
    }
    for event in [
        "thrombocytopenia",
        "neutropenia",
        "anemia",
        "anaemia",
        "leukopenia",
        "leucopenia",
        "lymphopenia",
        "cytopenias",
        "cytopenia",
        "fatigue",
        "nausea",
        "infection",
        "infections",
        "pneumonia",
        "transfusion",
        "transfusions",
        "fever",
    ] {
        add(event, Measure::Other(event.to_owned()));
    }
    phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    phrases
}

/// A measure found, with the places of its words.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) measure: Measure,
    pub(super) from: usize,
    /// The place behind its last word.
    pub(super) to: usize,
}

/// Every measure of a sentence, from the left, none within another.
pub(super) fn measures(sentence: &Sentence) -> Vec<Named> {
    let phrases = phrases();
    let mut found: Vec<Named> = Vec::new();
    let mut place = 0;
    while place < sentence.tokens.len() {
        let here = phrases.iter().find(|(words, _)| sentence.has_at(place, words));
        let Some((words, measure)) = here else {
            place += 1;
            continue;
        };
        let mut to = place + words.len();
        let mut measure = measure.clone();
        if sentence.has_at(to, &["rate"]) || sentence.has_at(to, &["rates"]) {
            to += 1;
        }
        // `completed the DLT window` is told of follow-up, not of a toxicity.
        if measure == Measure::DoseLimiting {
            let behind = sentence.letters(to);
            if matches!(behind, "window" | "windows" | "period" | "periods") {
                to += 1;
                let done = (0..place).any(|at| {
                    matches!(
                        sentence.letters(at),
                        "completed" | "complete" | "completing" | "finished" | "cleared"
                    )
                });
                measure =
                    if done { Measure::WholeWindow } else { Measure::Other("the DLT window".to_owned()) };
            } else if matches!(
                behind,
                "evaluation" | "observation" | "assessment" | "evaluable" | "definition" | "criteria"
            ) {
                to += 1;
                measure = Measure::Other("dose-limiting toxicity, how it is looked for".to_owned());
            }
        }
        if let Measure::Category(category) = measure {
            let behind = if sentence.at(to).is_some_and(|token| token.is_sign('(')) { to + 3 } else { to };
            let or_better = ["better", "deeper", "greater", "higher", "more"];
            for at in [to, behind] {
                if sentence.letters(at) == "or" && or_better.contains(&sentence.letters(at + 1)) {
                    measure = Measure::AtLeast(category);
                    to = at + 2;
                    break;
                }
            }
        }
        // `CR/VGPR`, `CR or VGPR` is one group of two categories.
        let joins = place >= 1
            && (matches!(sentence.letters(place - 1), "or")
                || sentence.at(place - 1).is_some_and(|token| token.is_sign('/') || token.is_sign('+')));
        match found.last_mut() {
            Some(last)
                if joins
                    && last.to + 1 == place
                    && last.measure.is_of_response()
                    && measure.is_of_response() =>
            {
                last.measure = Measure::Other(format!("{} or {}", last.measure.words(), measure.words()));
                last.to = to;
            }
            _ => found.push(Named { measure, from: place, to }),
        }
        place = to;
    }
    found
}

/// Cohorts named together, with the places of their words.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) numbers: Vec<u32>,
    pub(super) from: usize,
    /// The place behind its last number.
    pub(super) to: usize,
}

/// The cohorts that a sentence names, by number, from the left.
pub(super) fn mentions(sentence: &Sentence) -> Vec<Mention> {
    const ORDINALS: [&str; 10] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    let mut found = Vec::new();
    for place in 0..sentence.tokens.len() {
        let word = sentence.letters(place);
        if word != "cohort" && word != "cohorts" {
            continue;
        }
        let between = matches!(
            place.checked_sub(1).map_or("", |at| sentence.letters(at)),
            "dose" | "dosing" | "patient" | "treatment" | "escalation" | "expansion"
        );
        if let Some(before) = place.checked_sub(1 + usize::from(between))
            && let Some(ordinal) = ORDINALS.iter().position(|ordinal| *ordinal == sentence.letters(before))
            && let Ok(number) = u32::try_from(ordinal + 1)
        {
            found.push(Mention { numbers: vec![number], from: before, to: place + 1 });
            continue;
        }
        let mut at = place + 1;
        if sentence.at(at).is_some_and(|token| token.is_sign('#')) {
            at += 1;
        }
        // `cohort 6`, `cohort C6`.
        let named = |token: &Token| {
            let digits = token.letters().trim_start_matches(|letter: char| letter.is_ascii_lowercase());
            (token.letters().len() - digits.len() <= 2).then(|| digits.parse::<u32>().ok())?
        };
        let Some(first) = sentence.at(at).and_then(|token| token.whole().or_else(|| named(token))) else {
            continue;
        };
        let mut numbers = vec![first];
        if word == "cohort" {
            found.push(Mention { numbers, from: place, to: at + 1 });
            continue;
        }
        loop {
            let (sign, next) = (sentence.at(at + 1), sentence.at(at + 2).and_then(Token::whole));
            let Some(next) = next.filter(|next| *next <= 99) else { break };
            let is = |word: &str| sign.is_some_and(|token| token.letters() == word);
            // `cohorts 1 and 2`, but not `cohorts 1 and 2, two of four patients`.
            let counts = percent_at(sentence, at + 2).is_some()
                || matches!(sentence.letters(at + 3), "of" | "out")
                || is_people(sentence.letters(at + 3));
            if is("to") || is("through") || sign.is_some_and(|token| token.is_sign('-')) {
                numbers.extend((numbers.last().copied().unwrap_or(next) + 1)..=next.min(first + 50));
            } else if !counts && (is("and") || sign.is_some_and(|token| token.is_sign(','))) {
                numbers.push(next);
            } else {
                break;
            }
            at += 2;
        }
        numbers.sort_unstable();
        numbers.dedup();
        found.push(Mention { numbers, from: place, to: at + 1 });
    }
    found
}

/// An activity as printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) value: Decimal,
    /// Whether it is per square metre.
    pub(super) per_area: bool,
    /// Whether in mCi; else MBq (GBq are turned into MBq).
    pub(super) millicuries: bool,
    pub(super) from: usize,
    /// The place behind its unit.
    pub(super) to: usize,
}

impl Activity {
    /// Whether two are of the same kind.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.per_area, self.millicuries) == (other.per_area, other.millicuries)
    }

    pub(super) fn unit(&self) -> &'static str {
        match (self.millicuries, self.per_area) {
            (true, true) => "mCi/m2",
            (true, false) => "mCi",
            (false, true) => "MBq/m2",
            (false, false) => "MBq",
        }
    }
}

/// The activities of a sentence; a number that shares the unit of a later one (`12.5 and 18.75 mCi/m2`) is one too.
pub(super) fn activities(sentence: &Sentence) -> Vec<Activity> {
    let mut found: Vec<Activity> = Vec::new();
    for place in 0..sentence.tokens.len() {
        let Some(value) = sentence.at(place).and_then(Token::number) else { continue };
        let at = if sentence.at(place + 1).is_some_and(|token| token.is_sign('-')) {
            place + 2
        } else {
            place + 1
        };
        let (value, millicuries) = match sentence.letters(at) {
            "mci" | "millicurie" | "millicuries" => (value, true),
            "mbq" | "megabecquerel" => (value, false),
            "gbq" | "gigabecquerel" => (value * Decimal::ONE_THOUSAND, false),
            _ => continue,
        };
        let slash = sentence.at(at + 1).is_some_and(|token| token.is_sign('/'));
        let square = |place: usize| matches!(sentence.letters(place), "m2" | "sqm" | "square");
        let over = slash && (square(at + 2) || sentence.letters(at + 2) == "m");
        let (per_area, mut to) = if over || (sentence.letters(at + 1) == "per" && square(at + 2)) {
            (true, at + 3)
        } else {
            (false, at + 1)
        };
        if sentence.letters(to.saturating_sub(1)) == "square" {
            to += 1;
        }
        // `12.5, 18.75 and 25 mCi/m2`: numbers before it that share its unit.
        let mut before = place;
        let mut shared = Vec::new();
        while before >= 2 {
            let joined = sentence.at(before - 1).is_some_and(|token| {
                token.is_sign(',') || token.is_sign('/') || matches!(token.letters(), "and" | "or" | "to")
            });
            let step =
                if joined && sentence.at(before - 2).is_some_and(|token| token.is_sign(',')) { 3 } else { 2 };
            let earlier = before.checked_sub(step).and_then(|at| Some((at, sentence.at(at)?)));
            let Some((at, value)) = earlier
                .filter(|_| joined)
                .and_then(|(at, token)| token.digits.then(|| Some((at, token.number()?)))?)
            else {
                break;
            };
            let led = at.checked_sub(1).map_or("", |at| sentence.letters(at));
            if found.iter().any(|one| one.from == at)
                || matches!(
                    led,
                    "cohort" | "cohorts" | "phase" | "day" | "days" | "level" | "levels" | "week" | "grade"
                )
            {
                break;
            }
            shared.push(Activity { value, per_area, millicuries, from: at, to: at + 1 });
            before = at;
        }
        found.extend(shared.into_iter().rev());
        found.push(Activity { value, per_area, millicuries, from: place, to });
    }
    found.sort_by_key(|activity| activity.from);
    found
}

/// A percent sign or word behind a number: the place behind it.
pub(super) fn percent_at(sentence: &Sentence, number: usize) -> Option<usize> {
    let next = sentence.at(number + 1)?;
    if next.is_sign('%') || matches!(next.letters(), "percent" | "pct") {
        return Some(number + 2);
    }
    (next.letters() == "per" && sentence.letters(number + 2) == "cent").then_some(number + 3)
}

/// Words for those who are counted.
pub(super) fn is_people(word: &str) -> bool {
    matches!(
        word,
        "patients"
            | "pts"
            | "patient"
            | "subjects"
            | "subject"
            | "participants"
            | "participant"
            | "people"
            | "persons"
            | "children"
            | "adults"
            | "individuals"
            | "women"
            | "men"
            | "evaluable"
            | "responders"
    )
}

/// x of n as it stands from a place on: `5 of 9`, `five out of nine`, `5/9`, `all four`, `both`, `none of the six`.
pub(super) fn fraction_at(sentence: &Sentence, place: usize) -> Option<(u32, u32, usize)> {
    let word = sentence.letters(place);
    let number =
        |at: usize| sentence.at(at).filter(|_| percent_at(sentence, at).is_none()).and_then(Token::whole);
    let skip_the = |mut at: usize| {
        while matches!(sentence.letters(at), "the" | "all" | "first" | "these" | "those") {
            at += 1;
        }
        at
    };
    if word == "all" {
        let at = skip_the(place + 1);
        let at = if sentence.letters(at) == "of" { skip_the(at + 1) } else { at };
        let n = number(at)?;
        return people_follow(sentence, at + 1).then_some((n, n, at + 1));
    }
    if word == "none" && sentence.letters(place + 1) == "of" {
        let at = skip_the(place + 2);
        let n = number(at)?;
        return Some((0, n, at + 1));
    }
    let x = number(place)?;
    let every = place.checked_sub(1).is_some_and(|at| matches!(sentence.letters(at), "every" | "each"));
    let next = sentence.at(place + 1)?;
    if next.is_sign('/') {
        // `Phase 1/2`, `grade 3/4` count nobody.
        let before = place.checked_sub(1).map_or("", |at| sentence.letters(at));
        if matches!(
            before,
            "phase"
                | "phases"
                | "grade"
                | "grades"
                | "stage"
                | "stages"
                | "level"
                | "levels"
                | "day"
                | "days"
        ) {
            return None;
        }
        let n = number(place + 2)?;
        let dated = sentence.at(place + 3).is_some_and(|token| token.is_sign('/'));
        let ratio = x <= n && n > 0 && !dated && sentence.letters(place + 3) != "m2";
        return ratio.then_some((x, n, place + 3));
    }
    let mut at = place + 1;
    if is_people(sentence.letters(at)) {
        at += 1;
    }
    let of = if sentence.letters(at) == "of" {
        at + 1
    } else if sentence.letters(at) == "out" && sentence.letters(at + 1) == "of" {
        at + 2
    } else {
        return None;
    };
    let at = skip_the(of);
    let n = number(at)?;
    let x = if every && x == 1 { n } else { x };
    (x <= n && n > 0).then_some((x, n, at + 1))
}

/// Whether people are named within the next few words.
pub(super) fn people_follow(sentence: &Sentence, place: usize) -> bool {
    (place..place + 4).any(|at| is_people(sentence.letters(at)))
}

/// `(n = 9)` or `n=9` from a place on.
pub(super) fn size_at(sentence: &Sentence, place: usize) -> Option<(u32, usize)> {
    let at = if sentence.at(place).is_some_and(|token| token.is_sign('(')) { place + 1 } else { place };
    if sentence.letters(at) != "n" || !sentence.at(at + 1).is_some_and(|token| token.is_sign('=')) {
        return None;
    }
    Some((sentence.at(at + 2).and_then(Token::whole)?, at + 3))
}

/// The text of a sign or word, for a span.
pub(super) fn is_break(token: &Token) -> bool {
    matches!(token.word, Word::Sign(',' | ';' | ':' | '|'))
}
