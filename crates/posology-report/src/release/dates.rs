//! Dates: that the day of the week is right, that nothing happened after the release, and when promises fall due.

use jiff::civil::{Date, Weekday};
use serde_json::json;

use super::claims::{Asks, Reading};
use super::text::{Sentence, Token};
use super::{Claim, ClaimKind, Verdict};

/// A day or a period found.
struct Found {
    from: usize,
    to: usize,
    /// The first and the last day it can be.
    first: Date,
    last: Date,
}

pub(super) fn find(reading: &Reading<'_>, claims: &mut Vec<Claim>) {
    let release = release_date(reading);
    for (index, sentence) in reading.sentences.iter().enumerate() {
        let found = dates(sentence);
        for date in &found {
            weekday(reading, sentence, date, claims);
        }
        reviewed(reading, sentence, &found, claims);
        let promises = promises(sentence);
        if !promises.is_empty() && !reading.boilerplate.get(index).copied().unwrap_or(false) {
            for (place, from) in promises.iter().enumerate() {
                let next = promises.get(place + 1).copied().unwrap_or(usize::MAX);
                let due = found.iter().find(|date| {
                    date.from > *from && date.from < next && is_of_promise(sentence, *from, date.from)
                });
                promised(reading, sentence, *from, due, release.map(|(_, date)| date), claims);
            }
        } else if let Some((at, release)) = release {
            for date in found.iter().filter(|date| (index, date.from) != at) {
                after(reading, sentence, date, release, claims);
            }
        }
    }
}

/// The date of the release: the first whole day of its first sentences.
fn release_date(reading: &Reading<'_>) -> Option<((usize, usize), Date)> {
    reading.sentences.iter().enumerate().take(6).find_map(|(index, sentence)| {
        let found = dates(sentence);
        let day = found.iter().find(|date| date.first == date.last)?;
        is_dateline(sentence, day).then_some(((index, day.from), day.first))
    })
}

/// Whether a date behind a promise is the day it is promised for, and not that of something past.
fn is_of_promise(sentence: &Sentence, from: usize, date: usize) -> bool {
    const PAST: [&str; 23] = [
        "dosed",
        "reported",
        "announced",
        "began",
        "completed",
        "was",
        "were",
        "had",
        "received",
        "enrolled",
        "treated",
        "initiated",
        "observed",
        "collected",
        "presented",
        "published",
        "since",
        "following",
        "which",
        "after",
        "ended",
        "filed",
        "met",
    ];
    (from..date).all(|at| !PAST.contains(&sentence.letters(at)))
}

/// Whether a day is the one a release is dated with: a dash, a bracket or a slash follows it, or it closes a line of few words,
/// and no verb or preposition leads to it.
fn is_dateline(sentence: &Sentence, day: &Found) -> bool {
    let opens = sentence
        .at(day.to)
        .is_some_and(|token| ['-', '(', '/', ':', '|'].iter().any(|sign| token.is_sign(*sign)));
    let alone = day.to >= sentence.tokens.len().saturating_sub(1) && sentence.tokens.len() <= 16;
    let led = (day.from.saturating_sub(3)..day.from).any(|at| {
        matches!(
            sentence.letters(at),
            "on" | "of"
                | "by"
                | "since"
                | "until"
                | "from"
                | "at"
                | "to"
                | "was"
                | "is"
                | "in"
                | "before"
                | "after"
        )
    });
    day.from <= 12 && (opens || alone) && !led
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let place = MONTHS.iter().position(|month| {
        *month == word
            || (word.len() >= 3 && word != "mar" && month.starts_with(word) && word.len() <= 4)
            || (word == "mar" && *month == "march")
    })?;
    i8::try_from(place + 1).ok()
}

fn year(token: Option<&Token>) -> Option<i16> {
    let token = token?;
    let year = token.whole().filter(|_| token.digits)?;
    (1990..=2100).contains(&year).then(|| i16::try_from(year).ok())?
}

fn day(token: Option<&Token>) -> Option<i8> {
    let token = token?;
    let word = token.letters();
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let number = if !digits.is_empty() && ["st", "nd", "rd", "th"].iter().any(|end| word.ends_with(end)) {
        digits.parse().ok()?
    } else {
        token.whole().filter(|_| token.digits)?
    };
    (1..=31).contains(&number).then(|| i8::try_from(number).ok())?
}

fn whole_month(year: i16, month: i8) -> Option<(Date, Date)> {
    let first = Date::new(year, month, 1).ok()?;
    Some((first, first.last_of_month()))
}

/// The days and periods of a sentence.
fn dates(sentence: &Sentence) -> Vec<Found> {
    let mut found = Vec::new();
    let mut place = 0;
    while place < sentence.tokens.len() {
        match date_at(sentence, place) {
            Some((to, first, last)) => {
                found.push(Found { from: place, to, first, last });
                place = to;
            }
            None => place += 1,
        }
    }
    found
}

fn date_at(sentence: &Sentence, place: usize) -> Option<(usize, Date, Date)> {
    let comma = |at: usize| {
        usize::from(sentence.at(at).is_some_and(|token| token.is_sign(',') || token.is_sign('.')))
    };
    let word = sentence.letters(place);
    if let Some(month) = month(word).filter(|_| sentence.at(place).is_some_and(|token| token.capital)) {
        let at = place + 1 + comma(place + 1);
        if let Some(day) = day(sentence.at(at)) {
            let at = at + 1 + comma(at + 1);
            if let Some(year) = year(sentence.at(at)) {
                let date = Date::new(year, month, day).ok()?;
                return Some((at + 1, date, date));
            }
        }
        if let Some(year) = year(sentence.at(at)) {
            let (first, last) = whole_month(year, month)?;
            return Some((at + 1, first, last));
        }
    }
    if let Some(day) = day(sentence.at(place))
        && let Some(month) = month(sentence.letters(place + 1))
            .filter(|_| sentence.at(place + 1).is_some_and(|token| token.capital))
    {
        let at = place + 2 + comma(place + 2);
        let date = Date::new(year(sentence.at(at))?, month, day).ok()?;
        return Some((at + 1, date, date));
    }
    // 2019-05-13.
    if let Some(year) = year(sentence.at(place)) {
        let dash = |at: usize| sentence.at(at).is_some_and(|token| token.is_sign('-'));
        if dash(place + 1) && dash(place + 3) {
            let month =
                sentence.at(place + 2).and_then(Token::whole).and_then(|month| i8::try_from(month).ok())?;
            let date = Date::new(year, month, day(sentence.at(place + 4))?).ok()?;
            return Some((place + 5, date, date));
        }
    }
    // `fourth quarter of 2019`, `Q4 2019`, `second half of 2019`, `end of 2019`, `mid-2019`.
    const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
    let of = |at: usize| if sentence.letters(at) == "of" { at + 1 } else { at };
    let part = |ordinal: usize, size: i8, at: usize| {
        let year = year(sentence.at(of(at)))?;
        let ordinal = i8::try_from(ordinal).ok()?;
        let (first, _) = whole_month(year, ordinal * size + 1)?;
        let (_, last) = whole_month(year, ordinal * size + size)?;
        Some((of(at) + 1, first, last))
    };
    if let Some(ordinal) = ORDINALS.iter().position(|one| *one == word) {
        if sentence.letters(place + 1) == "quarter" {
            return part(ordinal, 3, place + 2);
        }
        if sentence.letters(place + 1) == "half" && ordinal < 2 {
            return part(ordinal, 6, place + 2);
        }
    }
    if let Some(ordinal) = ["q1", "q2", "q3", "q4"].iter().position(|one| *one == word) {
        return part(ordinal, 3, place + 1);
    }
    if let Some(ordinal) = ["h1", "h2"].iter().position(|one| *one == word) {
        return part(ordinal, 6, place + 1);
    }
    if matches!(word, "end" | "year-end" | "yearend") {
        let year = year(sentence.at(of(place + 1)))?;
        let date = Date::new(year, 12, 31).ok()?;
        return Some((of(place + 1) + 1, Date::new(year, 10, 1).ok()?, date));
    }
    if let Some(year) = word
        .strip_prefix("mid-")
        .and_then(|year| year.parse::<i16>().ok())
        .filter(|year| (1990..=2100).contains(year))
    {
        return Some((place + 1, Date::new(year, 5, 1).ok()?, Date::new(year, 8, 31).ok()?));
    }
    if matches!(word, "in" | "by" | "during" | "early" | "late")
        && let Some(year) = year(sentence.at(place + 1))
    {
        return Some((place + 2, Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?));
    }
    None
}

/// A day of the week beside a day of the calendar.
fn weekday(reading: &Reading<'_>, sentence: &Sentence, date: &Found, claims: &mut Vec<Claim>) {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    if date.first != date.last {
        return;
    }
    let at = date.from.checked_sub(1).map(|at| {
        if sentence.at(at).is_some_and(|token| token.is_sign(',')) { at.saturating_sub(1) } else { at }
    });
    let Some(at) = at else { return };
    let Some((_, named)) = DAYS.iter().find(|(word, _)| *word == sentence.letters(at)) else { return };
    if *named == date.first.weekday() {
        return;
    }
    let right = DAYS.iter().find(|(_, day)| *day == date.first.weekday()).map_or("", |(word, _)| word);
    let mut right = right.to_owned();
    if let Some(first) = right.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let because = format!("{} was a {right}.", date.first);
    let verdict = (Verdict::Contradicted, because);
    claims.push(reading.claim(sentence, (at, date.to), ClaimKind::Event, verdict, Asks::Nothing));
}

/// Where a sentence promises something; what was expected once is told, and not promised.
fn promises(sentence: &Sentence) -> Vec<usize> {
    const WORDS: [&str; 20] = [
        "expect",
        "expects",
        "expected",
        "anticipate",
        "anticipates",
        "anticipated",
        "plans",
        "planned",
        "intends",
        "intend",
        "will",
        "projected",
        "targeted",
        "scheduled",
        "forecast",
        "aims",
        "expecting",
        "anticipating",
        "slated",
        "targets",
    ];
    let meant = |at: &usize| {
        let word = sentence.letters(*at);
        let before = at.checked_sub(1).map_or("", |at| sentence.letters(at));
        let leads = matches!(sentence.letters(at + 1), "to" | "for" | "in" | "by" | "during");
        WORDS.contains(&word)
            && !matches!(before, "were" | "was" | "not" | "been" | "as" | "than" | "had")
            && (!matches!(word, "planned" | "scheduled" | "projected" | "targeted" | "slated") || leads)
    };
    let all: Vec<usize> = (0..sentence.tokens.len()).filter(meant).collect();
    // `is expected to be planned`: one promise a clause.
    all.iter()
        .enumerate()
        .filter(|(place, at)| {
            place.checked_sub(1).and_then(|before| all.get(before)).is_none_or(|before| *at - before > 6)
        })
        .map(|(_, at)| *at)
        .collect()
}

fn promised(
    reading: &Reading<'_>,
    sentence: &Sentence,
    from: usize,
    due: Option<&Found>,
    release: Option<Date>,
    claims: &mut Vec<Claim>,
) {
    let ends = |token: &Token| token.is_sign(';') || token.is_sign('.') || token.is_sign(',');
    let dated = dates(sentence);
    let in_date = |at: usize| dated.iter().any(|date| (date.from..date.to).contains(&at));
    let start =
        (0..from).rev().find(|at| !in_date(*at) && sentence.at(*at).is_some_and(ends)).map_or(0, |at| at + 1);
    let to = match due {
        Some(due) => due.to,
        None => (from..sentence.tokens.len())
            .find(|at| sentence.at(*at).is_some_and(|token| token.is_sign(';') || token.is_sign('.')))
            .unwrap_or(sentence.tokens.len()),
    };
    let (verdict, because, evidence) = match (due, release) {
        (Some(due), Some(release)) if due.last < release => (
            Verdict::Contradicted,
            format!(
                "It is promised for {} at the latest, and the release is of {release}: that day had passed.",
                due.last
            ),
            json!({ "due": due.last.to_string(), "release": release.to_string() }),
        ),
        (Some(due), _) => (
            Verdict::NotCheckable,
            format!(
                "It is a promise, due on {} at the latest; until then nobody can say whether it is kept.",
                due.last
            ),
            json!({ "due": due.last.to_string() }),
        ),
        (None, _) => (
            Verdict::NotCheckable,
            "It is a promise without a day by which it could be held to have failed.".to_owned(),
            json!({ "due": null }),
        ),
    };
    let claim =
        reading.claim(sentence, (start, to), ClaimKind::ForwardLooking, (verdict, because), Asks::Nothing);
    claims.push(claim.with(evidence));
}

/// `The committee met on May 3 to review data as of May 20`: what was reviewed must be older than the meeting.
fn reviewed(reading: &Reading<'_>, sentence: &Sentence, found: &[Found], claims: &mut Vec<Claim>) {
    let Some(met) = (0..sentence.tokens.len())
        .find(|at| matches!(sentence.letters(*at), "met" | "meeting" | "reviewed" | "convened"))
    else {
        return;
    };
    let lead = |date: &Found, words: &[&str]| {
        (date.from.saturating_sub(4)..date.from).any(|at| words.contains(&sentence.letters(at)))
    };
    let meeting = found.iter().find(|date| {
        date.from > met && date.from <= met + 3 && !lead(date, &["as", "through", "cut-off", "cutoff"])
    });
    let cut = found.iter().find(|date| {
        let as_of = date.from >= 2 && sentence.has_at(date.from - 2, &["as", "of"]);
        as_of || lead(date, &["through", "cut-off", "cutoff"])
    });
    let (Some(meeting), Some(cut)) = (meeting, cut) else { return };
    if cut.first <= meeting.last || sentence.has_any(&["will", "next"]) {
        return;
    }
    let because = format!(
        "The data are of {} and the meeting that looked at them of {}: it cannot have seen them.",
        cut.first, meeting.last
    );
    let verdict = (Verdict::Contradicted, because);
    let span = (meeting.from.min(cut.from), meeting.to.max(cut.to));
    let claim = reading.claim(sentence, span, ClaimKind::Event, verdict, Asks::Nothing);
    claims.push(claim.with(json!({ "meeting": meeting.last.to_string(), "cut-off": cut.first.to_string() })));
}

/// Something that is told as past, dated after the release.
fn after(reading: &Reading<'_>, sentence: &Sentence, date: &Found, release: Date, claims: &mut Vec<Claim>) {
    const PAST: [&str; 18] = [
        "met",
        "cut-off",
        "cutoff",
        "reviewed",
        "recommended",
        "announced",
        "began",
        "was",
        "were",
        "received",
        "reported",
        "opened",
        "completed",
        "had",
        "dosed",
        "enrolled",
        "treated",
        "as",
    ];
    // What lasts, falls due or is foreseen may well lie ahead: a word of that kind leaves the date alone.
    const AHEAD: [&str; 33] = [
        "until",
        "through",
        "into",
        "expire",
        "expires",
        "expiring",
        "expiration",
        "runway",
        "fund",
        "sufficient",
        "host",
        "hold",
        "present",
        "presented",
        "presentation",
        "presentations",
        "conference",
        "call",
        "webcast",
        "meeting",
        "congress",
        "due",
        "ending",
        "ends",
        "beyond",
        "next",
        "upcoming",
        "pdufa",
        "date",
        "scheduled",
        "planned",
        "may",
        "should",
    ];
    // The verb must stand in the words before the date, in its own clause.
    let clause = (0..date.from)
        .rev()
        .find(|at| sentence.at(*at).is_some_and(|token| token.is_sign(';') || token.is_sign('|')))
        .map_or(0, |at| at + 1);
    let near = clause.max(date.from.saturating_sub(8))..date.from;
    let past = near.clone().any(|at| PAST.contains(&sentence.letters(at)));
    let ahead = sentence.tokens.iter().any(|token| {
        AHEAD.contains(&token.letters())
            && !(token.letters() == "date" && sentence.has_any(&["cut-off", "cutoff"]))
    });
    if date.first <= release || !past || ahead {
        return;
    }
    let because =
        format!("{} is after {release}, the date of the release in which it is told as past.", date.first);
    let verdict = (Verdict::Contradicted, because);
    let claim = reading.claim(sentence, (date.from, date.to), ClaimKind::Event, verdict, Asks::Nothing);
    claims.push(claim.with(json!({ "date": date.first.to_string(), "release": release.to_string() })));
}
