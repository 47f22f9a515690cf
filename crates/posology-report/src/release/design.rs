//! Levels and schedules: whether fractions add up to their level, and steps are what they are called.

use rust_decimal::Decimal;
use serde_json::json;

use super::arithmetic::Printed;
use super::claims::{Asks, Reading};
use super::phrase::{Activity, activities, is_break, percent_at};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    for (index, sentence) in reading.sentences.iter().enumerate() {
        if !reading.boilerplate.get(index).copied().unwrap_or(false) {
            infusion(reading, sentence, claims);
        }
        let activities = activities(sentence);
        if activities.is_empty() {
            continue;
        }
        let mut taken: Vec<usize> = Vec::new();
        let stepped = step(reading, sentence, &activities);
        for (parts, total) in schedules(sentence, &activities) {
            let used: Vec<usize> =
                parts.places.iter().copied().chain(total.iter().map(|total| total.from)).collect();
            if used.iter().any(|place| taken.contains(place)) {
                continue;
            }
            taken.extend(&used);
            let from = total.map_or(parts.from, |total| total.from.min(parts.from));
            let to = total.map_or(parts.to, |total| total.to.max(parts.to));
            let sum =
                parts.each.iter().fold(Decimal::ZERO, |sum, part| sum.saturating_add(*part)).normalize();
            let each: Vec<String> = parts.each.iter().map(|part| part.normalize().to_string()).collect();
            let unit = parts.unit;
            let (verdict, because) = match total {
                Some(total) if total.value.normalize() == sum => (
                    Verdict::Consistent,
                    format!("{} make {sum} {unit}, the level that is printed.", each.join(" + ")),
                ),
                Some(total) => (
                    Verdict::Contradicted,
                    format!(
                        "{} make {sum} {unit}, and not the {} {unit} that is printed.",
                        each.join(" + "),
                        total.value.normalize()
                    ),
                ),
                None => (
                    Verdict::NotCheckable,
                    format!(
                        "{} make {sum} {unit}; no total is printed beside them, and the protocol is not at hand.",
                        each.join(" + ")
                    ),
                ),
            };
            // The ladder of a protocol is asked in mCi/m2 alone: activities of a patient, in mCi or MBq, are none of its levels.
            let asks = if unit == "mCi/m2" {
                Asks::Level {
                    total: Some(total.map_or(sum, |total| total.value)),
                    parts: parts.each.clone(),
                    cohorts: reading.cohorts_at(index, from),
                }
            } else {
                Asks::Nothing
            };
            let claim = reading.claim(sentence, (from, to), ClaimKind::Design, (verdict, because), asks);
            claims.push(claim.with(json!({ "parts": each, "sum": sum.to_string(), "unit": unit })));
        }
        for pair in activities.windows(2) {
            let [one, other] = pair else { continue };
            let bracketed =
                sentence.at(one.to).is_some_and(|token| token.is_sign('(')) && other.from == one.to + 1;
            if !bracketed || one.millicuries == other.millicuries || one.per_area != other.per_area {
                continue;
            }
            let (mci, mbq) = if one.millicuries { (one, other) } else { (other, one) };
            let Some(made) = mci.value.checked_mul(Decimal::from(37)) else { continue };
            // Both are rounded when printed: a tenth is left to that.
            let off = (made - mbq.value).abs();
            let close = off.checked_mul(Decimal::TEN).is_some_and(|off| off <= mbq.value);
            let because = format!(
                "{} mCi are {} MBq at 37 MBq a mCi, and {} MBq are printed.",
                mci.value.normalize(),
                made.normalize(),
                mbq.value.normalize()
            );
            let verdict = if close { Verdict::Consistent } else { Verdict::Contradicted };
            taken.extend([one.from, other.from]);
            let claim = reading.claim(
                sentence,
                (one.from, other.to),
                ClaimKind::Design,
                (verdict, because),
                Asks::Nothing,
            );
            claims.push(claim.with(
                json!({ "mci": mci.value.to_string(), "mbq": mbq.value.to_string(), "mbq-per-mci": 37 }),
            ));
        }
        if let Some(claim) = stepped {
            taken.extend(activities.iter().map(|activity| activity.from));
            claims.push(claim);
        }
        for activity in &activities {
            if taken.contains(&activity.from) || activity.to == activity.from + 1 || !activity.per_area {
                continue;
            }
            let because = "It is a level of the protocol, which is not at hand.".to_owned();
            let asks = if activity.unit() == "mCi/m2" {
                Asks::Level {
                    total: Some(activity.value),
                    parts: Vec::new(),
                    cohorts: reading.cohorts_at(index, activity.from),
                }
            } else {
                Asks::Nothing
            };
            let verdict = (Verdict::NotCheckable, because);
            claims.push(reading.claim(
                sentence,
                (activity.from, activity.to),
                ClaimKind::Design,
                verdict,
                asks,
            ));
        }
    }
}

/// `a 30-minute infusion`: how something is given.
fn infusion(reading: &Reading<'_>, sentence: &Sentence, claims: &mut Vec<Claim>) {
    let place = (0..sentence.tokens.len()).find(|at| {
        sentence.at(*at).and_then(Token::whole).is_some()
            && (at + 1..at + 3)
                .any(|at| matches!(sentence.letters(at), "minute" | "minutes" | "hour" | "min"))
    });
    let Some(place) = place else { return };
    let Some(to) = (place..place + 6).find(|at| sentence.letters(*at).starts_with("infus")) else { return };
    let because = "How long each infusion ran stands in the protocol and in the log of administrations, which are not at hand.".to_owned();
    let verdict = (Verdict::NotCheckable, because);
    claims.push(reading.claim(sentence, (place, to + 1), ClaimKind::Design, verdict, Asks::Nothing));
}

/// The parts of a schedule.
struct Parts {
    each: Vec<Decimal>,
    places: Vec<usize>,
    from: usize,
    to: usize,
    unit: &'static str,
}

fn is_fraction_word(word: &str) -> bool {
    matches!(
        word,
        "fraction"
            | "fractions"
            | "dose"
            | "doses"
            | "infusion"
            | "infusions"
            | "administration"
            | "administrations"
            | "injections"
            | "cycles"
            | "treatments"
    )
}

/// The schedules of a sentence, each with the level it is said to make.
fn schedules(sentence: &Sentence, activities: &[Activity]) -> Vec<(Parts, Option<Activity>)> {
    let mut found: Vec<(Parts, Option<Activity>)> = Vec::new();
    for (place, activity) in activities.iter().enumerate() {
        let Some((count, from)) = counted(sentence, activity) else { continue };
        let sum = activity.value.saturating_mul(count.into());
        let total = level_beside(activities, place, |one| one.value == sum).or_else(|| {
            level_beside(activities, place, |one| {
                one.value != activity.value && is_linked(sentence, one, activity)
            })
        });
        let parts = Parts {
            each: vec![activity.value; count as usize],
            places: vec![activity.from],
            from,
            to: activity.to,
            unit: activity.unit(),
        };
        found.push((parts, total));
    }
    if !found.is_empty() {
        return found;
    }
    // `20 mCi/m2 on day 1 and 20 mCi/m2 on day 8`.
    let dated: Vec<&Activity> = activities
        .iter()
        .filter(|activity| {
            (activity.to..activity.to + 6).any(|at| matches!(sentence.letters(at), "day" | "week" | "later"))
                && (activity.to..activity.to + 2)
                    .all(|at| sentence.at(at).is_none_or(|token| !token.is_sign(';')))
        })
        .collect();
    if let [first, .., last] = dated.as_slice()
        && dated.len() >= 2
        && dated.iter().all(|one| one.is_like(first))
    {
        let sum: Decimal = dated.iter().fold(Decimal::ZERO, |sum, one| sum.saturating_add(one.value));
        let other = |one: &&Activity| {
            one.is_like(first) && !dated.iter().any(|part| part.from == one.from) && one.value > first.value
        };
        let total = activities.iter().filter(other).find(|one| one.value == sum).or_else(|| {
            activities
                .iter()
                .filter(other)
                .find(|one| is_linked(sentence, one, if one.from < first.from { first } else { last }))
        });
        found.push((
            Parts {
                each: dated.iter().map(|one| one.value).collect(),
                places: dated.iter().map(|one| one.from).collect(),
                from: first.from,
                to: last.to,
                unit: first.unit(),
            },
            total.copied(),
        ));
    }
    found
}

/// How many fractions an activity is each of, and where that is said: `two doses of 20`, `two 20 mCi/m2 fractions`,
/// `20 mCi/m2 x 2`, `20 mCi/m2 twice`.
fn counted(sentence: &Sentence, activity: &Activity) -> Option<(u32, usize)> {
    let count_at =
        |at: usize| sentence.at(at).and_then(Token::whole).filter(|count| (2..=12).contains(count));
    let before = activity.from;
    // `fractions of 20`, `fractions of about 20`, `doses, each of 20`, `doses (20`.
    let mut at = before.saturating_sub(1);
    let mut steps = 0;
    while steps < 6 && !is_fraction_word(sentence.letters(at)) {
        let joins = matches!(
            sentence.letters(at),
            "of" | "each" | "at" | "equal" | "about" | "approximately" | "a" | "with" | "with-"
        ) || sentence.at(at).is_some_and(|token| token.is_sign('(') || token.is_sign(','));
        if !joins {
            break;
        }
        at = at.saturating_sub(1);
        steps += 1;
    }
    if is_fraction_word(sentence.letters(at)) {
        let mut number = at.saturating_sub(1);
        for _ in 0..6 {
            if let Some(count) = count_at(number) {
                return Some((count, number));
            }
            let ends = sentence.at(number).is_some_and(|token| is_break(token) || token.is_sign('('))
                || matches!(sentence.letters(number), "day" | "days" | "cohort" | "of" | "and" | "week");
            if number == 0 || ends {
                break;
            }
            number -= 1;
        }
    }
    // `two 20 mCi/m2 fractions`.
    if let Some(count) = before.checked_sub(1).and_then(count_at)
        && (activity.to..activity.to + 3).any(|at| is_fraction_word(sentence.letters(at)))
    {
        return Some((count, before - 1));
    }
    // `4 x 15 mCi/m2`.
    let times_before = before.checked_sub(1).filter(|at| {
        sentence.letters(*at) == "x" || sentence.at(*at).is_some_and(|token| token.is_sign('\u{d7}'))
    });
    if let Some(count) = times_before.and_then(|at| at.checked_sub(1)).and_then(count_at) {
        return Some((count, before - 2));
    }
    // `20 mCi/m2 x 2`.
    let times = sentence.letters(activity.to) == "x"
        || sentence.at(activity.to).is_some_and(|token| token.is_sign('\u{d7}'));
    if times && let Some(count) = count_at(activity.to + 1) {
        return Some((count, before));
    }
    let days = days_behind(sentence, activity.to);
    // On several days, with a total called one.
    if (2..=12).contains(&days) && sentence.has_any(&["total", "totaling", "totalling"]) {
        return Some((days, before));
    }
    (sentence.letters(activity.to) == "twice").then_some((2, before))
}

/// Whether the words between a level and its parts say that the one is made of the others, and name no further level or group.
fn is_linked(sentence: &Sentence, level: &Activity, part: &Activity) -> bool {
    const APART: [&str; 22] = [
        "cohort",
        "cohorts",
        "versus",
        "vs",
        "than",
        "while",
        "whereas",
        "then",
        "next",
        "followed",
        "previous",
        "previously",
        "from",
        "up",
        "group",
        "groups",
        "level",
        "levels",
        "later",
        "advance",
        "escalate",
        "escalated",
    ];
    let (from, to) = if level.from < part.from { (level.to, part.from) } else { (part.to, level.from) };
    let stop = |at: usize| sentence.at(at).is_some_and(|token| token.is_sign(';') || token.is_sign('|'));
    let apart = (from..to).any(|at| APART.contains(&sentence.letters(at)) || stop(at));
    let named = |at: usize| {
        let word = sentence.letters(at);
        matches!(
            word,
            "total"
                | "totaling"
                | "totalling"
                | "totals"
                | "as"
                | "in"
                | "given"
                | "administered"
                | "divided"
                | "split"
                | "fractionated"
                | "consisting"
                | "consists"
                | "consisted"
                | "or"
                | "into"
                | "dose"
                | "altogether"
        ) || sentence
            .at(at)
            .is_some_and(|token| token.is_sign('(') || token.is_sign('=') || token.is_sign(':'))
    };
    let around = from..(to + 8).min(sentence.tokens.len());
    let sums = |at: usize| matches!(sentence.letters(at), "total" | "altogether");
    // Behind its parts, a level is theirs only where the words call it a total.
    let linked = if level.from < part.from {
        (from..to).any(named)
    } else {
        around.clone().any(sums)
            || (from..to)
                .any(|at| sentence.at(at).is_some_and(|token| token.is_sign('(') || token.is_sign('=')))
    };
    !apart && linked
}

/// How many days are listed behind an activity: `20 mCi/m2 on days 1 and 8`.
fn days_behind(sentence: &Sentence, from: usize) -> u32 {
    let Some(mut at) = (from..from + 3).find(|at| sentence.letters(*at) == "days") else { return 0 };
    let mut count = 0;
    loop {
        at += 1;
        let joins = sentence.at(at).is_some_and(|token| token.is_sign(',')) || sentence.letters(at) == "and";
        if joins && count > 0 {
            continue;
        }
        if sentence.at(at).and_then(Token::whole).is_none() {
            return count;
        }
        // `days 1 and 8, 15 patients`.
        let unit = sentence.letters(at + 1);
        if unit == "mci"
            || unit == "mbq"
            || unit == "gbq"
            || unit == "patients"
            || percent_at(sentence, at).is_some()
        {
            return 0;
        }
        count += 1;
    }
}

/// The level nearest to a part, before it or behind it.
fn level_beside(activities: &[Activity], place: usize, fits: impl Fn(&Activity) -> bool) -> Option<Activity> {
    let part = activities.get(place)?;
    let like =
        |one: &&Activity| one.is_like(part) && one.from != part.from && fits(one) && one.value > part.value;
    let before = activities.iter().take(place).rev().find(like);
    let behind = activities.iter().skip(place + 1).find(like);
    before.or(behind).copied()
}

/// `a 20% increase from 31.25 to 37.5 mCi/m2`.
fn step(reading: &Reading<'_>, sentence: &Sentence, activities: &[Activity]) -> Option<Claim> {
    let place = (0..sentence.tokens.len()).find(|place| {
        percent_at(sentence, *place).is_some_and(|behind| {
            let raised = place.checked_sub(1).is_some_and(|at| sentence.letters(at) == "by")
                && (place.saturating_sub(6)..*place).any(|at| {
                    matches!(sentence.letters(at), "raised" | "increased" | "rose" | "escalated" | "increase")
                });
            raised
                || (behind..behind + 4).any(|at| {
                    matches!(
                        sentence.letters(at),
                        "increase" | "higher" | "escalation" | "increment" | "more" | "above"
                    )
                })
        })
    })?;
    let printed = Printed::new(sentence.at(place)?.number()?);
    let change =
        |low: Decimal, high: Decimal| (high - low).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(low);
    let round = |change: Decimal| {
        change.round_dp_with_strategy(printed.decimals, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
    };
    let mut pairs: Vec<(Decimal, Decimal)> = Vec::new();
    for one in activities {
        for other in activities.iter().filter(|other| one.is_like(other) && one.value < other.value) {
            pairs.push((one.value, other.value));
        }
    }
    // Of several pairs any may be meant: it is wrong only where none gives the percentage.
    let fits = pairs
        .iter()
        .find(|(low, high)| change(*low, *high).is_some_and(|found| round(found) == printed.value));
    let (low, high) = *fits.or(pairs.first().filter(|_| pairs.len() == 1))?;
    let change = change(low, high)?;
    let rounded = round(change);
    let from = place.min(activities.first()?.from);
    let to = percent_at(sentence, place)?.max(activities.last()?.to);
    let (low, high) = (low.normalize(), high.normalize());
    let (verdict, because) = if rounded == printed.value {
        (
            Verdict::Consistent,
            format!("From {low} to {high} is {}% more, as printed.", change.round_dp(1).normalize()),
        )
    } else {
        (
            Verdict::Contradicted,
            format!(
                "From {low} to {high} is {}% more, and not {}%.",
                change.round_dp(1).normalize(),
                printed.value
            ),
        )
    };
    let asks = Asks::Nothing;
    Some(reading.claim(sentence, (from, to), ClaimKind::Design, (verdict, because), asks))
}
