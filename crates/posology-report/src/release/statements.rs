//! What is said without a percentage: judgements of a committee, where things stand, comparisons, designations.

use posology_design::numeric::ln_gamma;
use serde_json::json;

use super::claims::{Asks, Reading};
use super::phrase::{fraction_at, is_break, measures, mentions};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let mut independence = false;
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if reading.boilerplate.get(index).copied().unwrap_or(false) {
            continue;
        }
        let cohorts = reading.cohorts_at(index, sentence.tokens.len());
        if !committee(reading, sentence, &cohorts, claims) {
            tolerated(reading, sentence, claims);
        }
        independent(reading, sentence, &mut independence, claims);
        status(reading, sentence, &cohorts, claims);
        comparison(reading, sentence, claims);
        designation(reading, sentence, claims);
    }
}

const COMMITTEES: [&str; 6] = ["committee", "dmc", "idmc", "dsmb", "dsmc", "board"];
const JUDGES: [&str; 32] = [
    "determined",
    "determines",
    "concluded",
    "concludes",
    "found",
    "finds",
    "recommended",
    "recommends",
    "deemed",
    "judged",
    "considered",
    "agreed",
    "voted",
    "votes",
    "saw",
    "supported",
    "endorsed",
    "approved",
    "advised",
    "confirmed",
    "cleared",
    "unanimous",
    "unanimously",
    "recommendation",
    "determination",
    "noted",
    "declared",
    "assessed",
    "reviewed",
    "raised",
    "expressed",
    "identified",
];

/// The end of the clause that a place stands in.
fn clause_end(sentence: &Sentence, from: usize) -> usize {
    (from..sentence.tokens.len())
        .find(|at| {
            sentence.at(*at).is_some_and(|token| {
                token.is_sign(';') || token.is_sign('.') || token.is_sign('|') || token.is_sign('"')
            })
        })
        .unwrap_or(sentence.tokens.len())
}

fn committee(reading: &Reading<'_>, sentence: &Sentence, cohorts: &[u32], claims: &mut Vec<Claim>) -> bool {
    let Some(who) = (0..sentence.tokens.len()).find(|at| COMMITTEES.contains(&sentence.letters(*at))) else {
        return false;
    };
    let Some(does) = (0..sentence.tokens.len()).find(|at| JUDGES.contains(&sentence.letters(*at))) else {
        return false;
    };
    if sentence.letters(who) == "board" && !sentence.has_any(&["monitoring", "safety", "data"]) {
        return false;
    }
    let mut from = who.min(does);
    while from > 0
        && matches!(
            sentence.letters(from - 1),
            "independent"
                | "data"
                | "safety"
                | "monitoring"
                | "and"
                | "review"
                | "external"
                | "the"
                | "trial"
                | "'s"
                | "steering"
        )
    {
        from -= 1;
    }
    let to = clause_end(sentence, who.max(does));
    let unanimous = sentence.has_stem(&["unanim"]);
    let split = votes(sentence);
    // The cohort that was judged, and not the one that is to come: `recommended to advance to cohort 7`.
    let own = mentions(sentence);
    let judged = own.iter().find(|mention| {
        !mention.from.checked_sub(1).is_some_and(|at| {
            matches!(
                sentence.letters(at),
                "to" | "open"
                    | "opening"
                    | "into"
                    | "with"
                    | "start"
                    | "starting"
                    | "initiate"
                    | "initiating"
                    | "next"
                    | "begin"
            )
        })
    });
    let cohorts = match judged {
        Some(mention) => mention.numbers.clone(),
        None if own.is_empty() => cohorts.to_vec(),
        None => Vec::new(),
    };
    let asks = Asks::Committee { unanimous, cohorts };
    let (verdict, because) = match split {
        Some((for_it, against)) if unanimous && against > 0 => (
            Verdict::Contradicted,
            format!("A vote of {for_it} to {against} is not unanimous."),
        ),
        _ if unanimous && sentence.has_stem(&["abstain", "abstention", "dissent"])
            && !sentence.has_any(&["no", "without", "none"]) =>
        {
            (Verdict::NotCheckable, "Whether an abstention leaves a vote unanimous is for the committee's charter to say, which is not at hand.".to_owned())
        }
        _ if unanimous => (
            Verdict::NotCheckable,
            "The votes stand in the committee's record, which is not at hand; unanimous means that all votes cast were for it.".to_owned(),
        ),
        _ => (
            Verdict::NotCheckable,
            "It is the committee's judgement: its signed recommendation is not at hand, and words such as safe and tolerable have no number.".to_owned(),
        ),
    };
    claims.push(reading.claim(sentence, (from, to), ClaimKind::Event, (verdict, because), asks));
    true
}

/// `5 to 1`, `5-1`, beside words of voting.
fn votes(sentence: &Sentence) -> Option<(u32, u32)> {
    if !sentence.has_stem(&["vote", "voting", "unanim"]) {
        return None;
    }
    let number = |at: Option<usize>| at.and_then(|at| sentence.at(at)).and_then(Token::whole);
    // `with four votes for and one against`.
    let against =
        (0..sentence.tokens.len()).find(|at| matches!(sentence.letters(*at), "against" | "dissenting"));
    if let Some(against) =
        against.and_then(|at| number(at.checked_sub(1))).filter(|count| (1..30).contains(count))
    {
        let for_it = (0..sentence.tokens.len()).find(|at| sentence.letters(*at) == "for");
        let for_it = for_it.and_then(|at| number(at.checked_sub(1)).or_else(|| number(at.checked_sub(2))));
        if let Some(for_it) = for_it {
            return Some((for_it, against));
        }
    }
    (0..sentence.tokens.len()).find_map(|at| {
        let for_it = sentence.at(at).and_then(Token::whole)?;
        let joins =
            sentence.letters(at + 1) == "to" || sentence.at(at + 1).is_some_and(|token| token.is_sign('-'));
        let against = sentence.at(at + 2).and_then(Token::whole).filter(|_| joins)?;
        // `from cohort 6 to 7`, `from 30 to 40 mCi/m2`, `days 1 to 8` are no votes.
        let before = at.checked_sub(1).map_or("", |at| sentence.letters(at));
        let led = matches!(
            before,
            "from" | "cohort" | "cohorts" | "level" | "levels" | "day" | "days" | "phase" | "between"
        );
        let voted = (at.saturating_sub(6)..at + 6).any(|at| {
            let word = sentence.letters(at);
            word.starts_with("vot") || word.starts_with("unanim")
        });
        let unit = ["mci", "mbq", "gbq", "patients", "days", "weeks", "months", "mg"]
            .contains(&sentence.letters(at + 3));
        (for_it <= 30 && against < for_it && !led && voted && !unit).then_some((for_it, against))
    })
}

fn tolerated(reading: &Reading<'_>, sentence: &Sentence, claims: &mut Vec<Claim>) {
    let place = (0..sentence.tokens.len()).find(|at| {
        matches!(sentence.letters(*at), "tolerated" | "tolerable" | "well-tolerated" | "tolerability")
            || sentence.has_at(*at, &["safety", "profile"])
            || sentence.has_at(*at, &["acceptable", "safety"])
    });
    let Some(place) = place else { return };
    if sentence.letters(place) == "tolerability"
        && sentence.has_stem(&["objective", "evaluat", "assess", "endpoint", "determine"])
    {
        return;
    }
    let from = (0..place).rev().find(|at| sentence.at(*at).is_some_and(is_break)).map_or(0, |at| at + 1);
    let because = "It is a judgement without a number: which events, of how many patients, would have to be said to test it.".to_owned();
    let to = place + 1;
    claims.push(reading.claim(
        sentence,
        (from, to),
        ClaimKind::Event,
        (Verdict::NotCheckable, because),
        Asks::Nothing,
    ));
}

fn independent(reading: &Reading<'_>, sentence: &Sentence, said: &mut bool, claims: &mut Vec<Claim>) {
    if *said {
        return;
    }
    let Some(place) = sentence.find(&["independent"]) else { return };
    let Some(to) = (place..place + 6).find(|at| COMMITTEES.contains(&sentence.letters(*at))) else { return };
    *said = true;
    let because = "That no member is employed or paid by the sponsor stands in the charter and the members' declarations, not in trial data.".to_owned();
    let verdict = (Verdict::NotCheckable, because);
    claims.push(reading.claim(sentence, (place, to + 1), ClaimKind::External, verdict, Asks::Nothing));
}

fn status(reading: &Reading<'_>, sentence: &Sentence, cohorts: &[u32], claims: &mut Vec<Claim>) {
    let count = sentence.tokens.len();
    const FUTURE: [&str; 10] = [
        "will",
        "expects",
        "expected",
        "plans",
        "planned",
        "anticipates",
        "intends",
        "anticipated",
        "would",
        "may",
    ];
    let future = |verb: usize| {
        verb.checked_sub(1).is_some_and(|at| sentence.letters(at) == "to")
            || (verb.saturating_sub(5)..verb).any(|at| FUTURE.contains(&sentence.letters(at)))
    };
    let starts = [
        "initiated",
        "initiation",
        "opened",
        "opening",
        "begun",
        "began",
        "started",
        "commenced",
        "open",
        "ongoing",
        "completed",
        "closed",
        "underway",
        "enrolling",
    ];
    let subject = ["enrolment", "enrollment", "cohort", "dosing", "recruitment", "trial", "study", "accrual"];
    if let Some(verb) = (0..count).find(|at| starts.contains(&sentence.letters(*at)) && !future(*at))
        && let Some(noun) = (0..count).find(|at| subject.contains(&sentence.letters(*at)))
        && noun.abs_diff(verb) <= 8
        && !(sentence.letters(verb) == "open" && matches!(sentence.letters(verb + 1), "label" | "-"))
    {
        let mut to = noun.max(verb) + 1;
        // `initiated enrolment of cohort 7`.
        while to < count
            && to < noun.max(verb) + 6
            && !sentence.at(to).is_some_and(|token| is_break(token) || token.is_sign('.'))
        {
            to += 1;
        }
        let mut from = noun.min(verb);
        if sentence
            .at(from.saturating_sub(1))
            .is_some_and(|token| matches!(token.letters(), "sixth" | "seventh" | "next" | "has" | "the"))
        {
            from -= 1;
        }
        let because =
            "It stands in the trial's record, which is not at hand; announced is not yet open.".to_owned();
        let asks = match cohorts {
            [cohort] => Asks::Opened { cohort: *cohort },
            _ => Asks::Nothing,
        };
        claims.push(reading.claim(
            sentence,
            (from, to),
            ClaimKind::Status,
            (Verdict::NotCheckable, because),
            asks,
        ));
    }
    if let Some(verb) = (0..count)
        .find(|at| matches!(sentence.letters(*at), "remain" | "remains" | "continue" | "continues" | "still"))
        && let Some(on) = (verb..(verb + 6).min(count)).find(|at| {
            matches!(
                sentence.letters(*at),
                "study" | "treatment" | "therapy" | "trial" | "follow-up" | "progression-free"
            )
        })
    {
        let because = "Who is still followed stands in the trial's record, which is not at hand.".to_owned();
        let who = (0..verb).rev().find(|at| super::phrase::is_people(sentence.letters(*at)));
        let from = who.map_or(verb, |at| {
            let counted = at.checked_sub(1).filter(|at| {
                sentence.at(*at).is_some_and(|token| token.number().is_some())
                    || matches!(sentence.letters(*at), "a" | "all" | "most" | "both")
            });
            counted.unwrap_or(at)
        });
        claims.push(reading.claim(
            sentence,
            (from, on + 1),
            ClaimKind::Status,
            (Verdict::NotCheckable, because),
            remain(sentence, from, on, cohorts),
        ));
    }
}

/// What is asked of the record: whether all, or none, are still on study. Treatment and freedom from progression are others'.
fn remain(sentence: &Sentence, from: usize, on: usize, cohorts: &[u32]) -> Asks {
    let before = from.checked_sub(1).map_or("", |at| sentence.letters(at));
    let all = sentence.letters(from) == "all";
    let none = matches!(sentence.letters(from), "no" | "none") || matches!(before, "no" | "none");
    let on_study = matches!(sentence.letters(on), "study" | "trial");
    if on_study && (all || none) { Asks::Remain { all, cohorts: cohorts.to_vec() } } else { Asks::Nothing }
}

fn comparison(reading: &Reading<'_>, sentence: &Sentence, claims: &mut Vec<Claim>) {
    let count = sentence.tokens.len();
    let named = (0..count).find_map(|at| {
        let word = sentence.letters(at);
        let next = sentence.letters(at + 1);
        if (word == "dose" || word == "activity") && matches!(next, "response" | "dependent" | "relationship")
        {
            let last = if sentence.letters(at + 2) == "relationship" { at + 3 } else { at + 2 };
            let worded = at.checked_sub(1).filter(|at| {
                matches!(sentence.letters(*at), "clear" | "strong" | "apparent" | "evident" | "marked")
            });
            return Some((worded.unwrap_or(at), last, true));
        }
        if matches!(word, "dose-response" | "dose-dependent" | "dose-related" | "dose-proportional") {
            return Some((
                at,
                at + 1 + usize::from(matches!(next, "relationship" | "effect" | "response")),
                true,
            ));
        }
        if word.starts_with("correlat")
            || word == "trend"
            || word == "trends"
            || (matches!(word, "increases" | "increased" | "rose" | "improved" | "deepened")
                && next == "with")
        {
            return Some((at, (at + 5).min(count), true));
        }
        None
    });
    let than = (1..count).find(|at| sentence.letters(*at) == "than").and_then(|at| {
        let comparatives = [
            "more", "fewer", "higher", "lower", "greater", "better", "deeper", "longer", "faster", "quicker",
            "superior", "shorter",
        ];
        let from = (at.saturating_sub(16)..at)
            .rev()
            .find(|place| comparatives.contains(&sentence.letters(*place)))?;
        // `more than 60 mCi`, `more than 25%` are limits.
        let limit = at == from + 1 && sentence.at(at + 1).is_some_and(|token| token.number().is_some());
        (!limit).then_some((from, clause_end(sentence, at), false))
    });
    let versus = (0..count)
        .find(|at| matches!(sentence.letters(*at), "versus" | "vs" | "compared"))
        .map(|at| (at.saturating_sub(6), clause_end(sentence, at), false));
    let Some((from, to, trend)) = named.or(than).or(versus) else { return };
    let mut groups: Vec<(u32, u32)> = Vec::new();
    let mut at = 0;
    while at < count {
        match fraction_at(sentence, at) {
            Some((x, n, behind)) => {
                groups.push((x, n));
                at = behind;
            }
            None => at += 1,
        }
    }
    let significant = sentence.has_stem(&["significant", "statistical"]);
    let (verdict, because) = match groups.as_slice() {
        [(x1, n1), (x2, n2)] => {
            let p = fisher(*x1, *n1, *x2, *n2);
            let share = |x: u32, n: u32| f64::from(x) / f64::from(n) * 100.0;
            let said = format!(
                "{x1} of {n1} against {x2} of {n2} is {:.0}% against {:.0}%; Fisher's exact test gives p = {p:.2} two-sided",
                share(*x1, *n1),
                share(*x2, *n2)
            );
            // The first count must stand before `than`, the second behind it, with a word that says which is the greater.
            let split = sentence.find(&["than"]);
            let ordered = split.is_some_and(|split| {
                let count_of = |range: std::ops::Range<usize>| range.filter(|at| fraction_at(sentence, *at).is_some_and(|(x, n, _)| (x, n) == (*x1, *n1) || (x, n) == (*x2, *n2))).count();
                count_of(0..split) == 1 && count_of(split..count) == 1
            });
            let word = split.map_or("", |split| {
                (0..split).rev().map(|at| sentence.letters(at)).find(|word| matches!(*word, "more" | "higher" | "greater" | "fewer" | "lower")).unwrap_or("")
            });
            let respond = sentence.has_stem(&["respon"]) && !sentence.has_any(&["not", "no", "non-responders"]);
            let (one, two) = (u64::from(*x1) * u64::from(*n2), u64::from(*x2) * u64::from(*n1));
            let wrong = ordered
                && respond
                && (matches!(word, "more" | "higher" | "greater") && one < two || matches!(word, "fewer" | "lower") && one > two);
            if wrong {
                (Verdict::Contradicted, format!("{said}, and the difference goes the other way than the word {word} says."))
            } else if significant && p > 0.05 {
                (Verdict::Contradicted, format!("{said}, which is not significant at 5%."))
            } else if p > 0.05 {
                (Verdict::Consistent, format!("{said}: the numbers differ that way, and chance alone could do as much."))
            } else {
                (Verdict::Consistent, format!("{said}."))
            }
        }
        _ if trend
            || than.is_some()
                && measures(sentence).iter().any(|found| (from..to).contains(&found.from))
            || than.is_some() && (from..to).any(|at| sentence.letters(at).starts_with("respon")) =>
        (
            Verdict::NotReproducible,
            "The counts of each group are not printed, so nobody can test it; groups that differ in schedule too would confound it.".to_owned(),
        ),
        _ => (Verdict::NotCheckable, "The words do not say what was measured, in whom and over which time.".to_owned()),
    };
    let claim = reading.claim(sentence, (from, to), ClaimKind::Comparison, (verdict, because), Asks::Nothing);
    claims.push(claim.with(json!({ "groups": groups })));
}

/// Fisher's exact test, two-sided: the tables no more probable than the one seen.
pub(super) fn fisher(x1: u32, n1: u32, x2: u32, n2: u32) -> f64 {
    let choose = |n: u32, k: u32| {
        ln_gamma(f64::from(n) + 1.0) - ln_gamma(f64::from(k) + 1.0) - ln_gamma(f64::from(n - k) + 1.0)
    };
    let (total, with) = (n1 + n2, x1 + x2);
    let probability = |x: u32| (choose(n1, x) + choose(n2, with - x) - choose(total, with)).exp();
    let seen = probability(x1);
    let (least, most) = (with.saturating_sub(n2), with.min(n1));
    (least..=most).map(probability).filter(|p| *p <= seen * (1.0 + 1e-7)).sum::<f64>().min(1.0)
}

const DESIGNATIONS: [&[&str]; 12] = [
    &["orphan", "drug", "designation"],
    &["orphan", "designation"],
    &["orphan", "drug", "status"],
    &["orphan", "status"],
    &["fast", "track", "designation"],
    &["fast", "track"],
    &["breakthrough", "therapy", "designation"],
    &["rare", "pediatric", "disease", "designation"],
    &["rare", "paediatric", "disease", "designation"],
    &["priority", "review"],
    &["accelerated", "approval"],
    &["prime", "designation"],
];

fn designation(reading: &Reading<'_>, sentence: &Sentence, claims: &mut Vec<Claim>) {
    let mut place = 0;
    while place < sentence.tokens.len() {
        if let Some(words) = DESIGNATIONS.iter().find(|words| sentence.has_at(place, words)) {
            let because = "It stands in the regulator's own list, where it is to be looked up.".to_owned();
            let verdict = (Verdict::NotCheckable, because);
            let to = place + words.len();
            claims.push(reading.claim(sentence, (place, to), ClaimKind::External, verdict, Asks::Nothing));
            place = to;
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fishers_test_gives_the_p_values_of_r() {
        // R: fisher.test(rbind(c(2, 1), c(2, 8)))$p.value and rbind(c(3, 2), c(2, 10)).
        assert!((fisher(2, 3, 2, 10) - 0.202_797_202_797).abs() < 1e-9);
        assert!((fisher(3, 5, 2, 12) - 0.116_838_978_022).abs() < 1e-3);
        assert!((fisher(5, 5, 5, 5) - 1.0).abs() < 1e-12);
    }
}
