//! From the text of a cell, as its table writes it, to a value as the record writes it: numbers, dates, codes.

use rust_decimal::Decimal;

use super::{DecimalMark, Filling, Table, ThousandsMark, Words, Written};
use crate::dataset::{Cell, CsvEncoding};
use crate::intake::sense::{parse_decimal, plain_number};
use crate::problem::quoted;

/// What is wrong with a value: what was expected, what was found, how to mend it.
pub(super) type Bad = [String; 3];

pub(super) fn bad(expected: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Bad {
    [expected.into(), found.into(), mend.into()]
}

/// How the values of one column are written: what the filling says, else the table, else the file.
#[derive(Debug, Clone)]
pub(super) struct Hand<'m> {
    missing: Vec<&'m str>,
    decimal: DecimalMark,
    thousands: Option<ThousandsMark>,
    dates: &'m [String],
    unknown: Vec<&'m str>,
    offset: Option<&'m str>,
}

impl<'m> Hand<'m> {
    pub(super) fn of(file: &'m Written, table: &'m Written, filling: Option<&'m Filling>) -> Self {
        let words = |all: [&'m Words; 3]| -> Vec<&'m str> {
            all.into_iter().flat_map(|words| &words.0).map(String::as_str).collect()
        };
        const NONE: &Words = &Words(Vec::new());
        let own = filling.map_or(NONE, |filling| &filling.missing);
        let dates = [filling.map_or(NONE, |filling| &filling.date), &table.date, &file.date];
        Self {
            missing: words([own, &table.missing, &file.missing]),
            decimal: filling
                .and_then(|filling| filling.decimal)
                .or(table.decimal)
                .or(file.decimal)
                .unwrap_or(DecimalMark::Point),
            thousands: table.thousands.or(file.thousands),
            dates: dates.into_iter().find(|dates| !dates.0.is_empty()).map_or(&[], |dates| &dates.0),
            unknown: words([NONE, &table.unknown, &file.unknown]),
            offset: filling
                .and_then(|filling| filling.offset.as_deref())
                .or(table.offset.as_deref())
                .or(file.offset.as_deref()),
        }
    }

    /// The same but for numbers, which have a decimal point and nothing between thousands.
    pub(super) fn with_point(&self) -> Self {
        Self { decimal: DecimalMark::Point, thousands: None, ..self.clone() }
    }

    /// The text of a cell without blanks around it; `None` where it is missing or stands for that.
    pub(super) fn text<'c>(&self, cell: Cell<'c>) -> Option<&'c str> {
        let text = cell.text()?.trim();
        let stands_for_missing = |word: &&str| is_same(word.trim(), text);
        if text.is_empty() || self.missing.iter().any(stands_for_missing) { None } else { Some(text) }
    }

    /// A number with a decimal point, from a text as it is written here.
    pub(super) fn number(&self, text: &str) -> Result<Decimal, Bad> {
        plain(text, self.decimal, self.thousands).and_then(|plain| {
            parse_decimal(&plain)
                .ok_or_else(|| bad("a number of at most 28 digits", quoted(text), "correct it at its source"))
        })
    }

    /// A result as reported: its number with a decimal point, its comparator kept; words stay words.
    pub(super) fn result(&self, text: &str) -> Result<String, Bad> {
        let number = text.trim_start_matches(['<', '>', '=', '≤', '≥', ' ']);
        let looks_like_one = number.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| {
                c.is_ascii_digit()
                    || matches!(c, '.' | ',' | '\'' | '-' | '+' | 'e' | 'E')
                    || c.is_whitespace()
            })
            && !number.ends_with(['-', '+']);
        if !looks_like_one {
            return Ok(text.to_owned());
        }
        let comparator = text.get(..text.len() - number.len()).unwrap_or_default().trim();
        let comparator = comparator.replace('≤', "<=").replace('≥', ">=");
        Ok(format!("{comparator}{}", plain(number, self.decimal, self.thousands)?))
    }

    /// The text of a quantity with its unit: `45,2 mCi` is `45.2 mCi` where the comma is the decimal mark.
    pub(super) fn quantity(&self, text: &str) -> Result<String, Bad> {
        let end = text
            .char_indices()
            .find(|(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '-' | '+')))
            .map_or(text.len(), |(at, _)| at);
        let (number, unit) = text.split_at(end);
        Ok(format!("{} {}", plain(number, self.decimal, self.thousands)?, unit.trim()))
    }

    /// A date or time as ISO 8601, from a text as it is written here and the time of day of another column.
    pub(super) fn date(&self, text: &str, time: Option<&str>) -> Result<String, Bad> {
        let iso = || text.parse::<posology_trial::when::When>().is_ok();
        let read = self.dates.iter().find_map(|form| read_date(text, form, &self.unknown));
        let mut date = match read {
            Some(date) => date,
            // A date of four digits first cannot be one of the other forms.
            None if iso() && !self.dates.iter().any(|form| form.starts_with("YYYY")) => text.to_owned(),
            None => {
                let expected = match self.dates {
                    [] => "a date such as 2019-04-30 or 2019-04, or a declared form".to_owned(),
                    forms => format!("a date as {}", forms.join(" or ")),
                };
                let mend = "correct it at its source, or declare its form: date = \"DD.MM.YYYY\"";
                return Err(bad(expected, quoted(text), mend));
            }
        };
        if let Some(time) = time
            && date.len() == "2019-04-30".len()
        {
            let clock = clock(time).ok_or_else(|| {
                bad("a time of day such as 08:15", quoted(time), "correct it at its source")
            })?;
            date.push('T');
            date.push_str(&clock);
        }
        if let (Some((_, clock)), Some(offset)) = (date.split_once('T'), self.offset)
            && !clock.contains(['Z', '+', '-'])
        {
            date.push_str(offset);
        }
        if date.parse::<posology_trial::when::When>().is_err() {
            let expected = "a day of the calendar from 1900 on".to_owned();
            return Err(bad(expected, quoted(text), "correct it at its source"));
        }
        Ok(date)
    }
}

/// What the code of a column stands for; a code that is not listed is refused.
pub(super) fn decoded<'m>(filling: &'m Filling, text: &str) -> Result<Option<&'m str>, Bad> {
    if filling.codes.is_empty() {
        return Ok(None);
    }
    let meant = filling
        .codes
        .get(text)
        .or_else(|| filling.codes.iter().find(|(code, _)| is_same(code, text)).map(|(_, meaning)| meaning));
    meant.map(|meaning| Some(meaning.as_str())).ok_or_else(|| {
        let known: Vec<&str> = filling.codes.keys().map(String::as_str).collect();
        bad(
            format!("a code among {}", known.join(", ")),
            quoted(text),
            "correct it at its source, or say in codes (or missing) what it stands for",
        )
    })
}

/// Whether two texts are the same, or the same number: `1` and `1.0`.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one == other
        || (one.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && other.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && parse_decimal(one).is_some()
            && plain_number(one) == plain_number(other))
}

/// A number with a decimal point and nothing between its thousands.
fn plain(text: &str, decimal: DecimalMark, thousands: Option<ThousandsMark>) -> Result<String, Bad> {
    let refuse = |mend: String| {
        let written = match (decimal, thousands) {
            (DecimalMark::Point, None) => "a number such as 1234.5".to_owned(),
            (DecimalMark::Comma, None) => "a number such as 1234,5".to_owned(),
            (DecimalMark::Point, Some(mark)) => format!("a number such as 1{}234.5", mark.char()),
            (DecimalMark::Comma, Some(mark)) => format!("a number such as 1{}234,5", mark.char()),
        };
        Err(bad(written, quoted(text), mend))
    };
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) if exponent.parse::<i16>().is_ok() => (digits, Some(exponent)),
        Some(_) => return refuse("correct it at its source".to_owned()),
        None => (digits, None),
    };
    let mark = match decimal {
        DecimalMark::Point => '.',
        DecimalMark::Comma => ',',
    };
    let (whole, fraction) = match digits.split_once(mark) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let joined = match thousands.filter(|mark| whole.contains(|c| mark.is(c))) {
        None => Some(whole.to_owned()),
        Some(mark) => {
            let groups: Vec<&str> = whole.split(|c| mark.is(c)).collect();
            let lawful = groups.iter().enumerate().all(|(place, group)| {
                is_digits(group) && if place == 0 { group.len() <= 3 } else { group.len() == 3 }
            });
            lawful.then(|| groups.concat())
        }
    };
    match (joined.filter(|whole| is_digits(whole)), fraction) {
        (Some(whole), None) => Ok(with_exponent(format!("{sign}{whole}"), exponent)),
        (Some(whole), Some(fraction)) if is_digits(fraction) => {
            Ok(with_exponent(format!("{sign}{whole}.{fraction}"), exponent))
        }
        _ if digits.contains([',', '.']) => {
            let (mark, other) = match decimal {
                DecimalMark::Point => (",", "."),
                DecimalMark::Comma => (".", ","),
            };
            refuse(format!(
                "say what {mark:?} means here: thousands = {mark:?}, or decimal = {mark:?} if {other:?} is none; it is never guessed"
            ))
        }
        _ => refuse("correct it at its source, or name it in missing if it stands for that".to_owned()),
    }
}

fn with_exponent(number: String, exponent: Option<&str>) -> String {
    match exponent {
        None => number,
        Some(exponent) => {
            let text = format!("{number}e{exponent}");
            Decimal::from_scientific(&text).map_or(text, |number| number.normalize().to_string())
        }
    }
}

impl ThousandsMark {
    fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Point => '.',
            Self::Blank => ' ',
            Self::Apostrophe => '\'',
        }
    }

    fn is(self, c: char) -> bool {
        c == self.char()
            || (self == Self::Blank && matches!(c, '\u{a0}' | '\u{202f}'))
            || (self == Self::Apostrophe && c == '’')
    }
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The parts of a form of dates; a longer one before one that begins it.
const PARTS: [&str; 7] = ["YYYY", "MON", "MM", "DD", "hh", "mm", "ss"];

/// What is wrong with a form of dates, if anything.
pub(super) fn fault_of_form(form: &str) -> Option<&'static str> {
    let parts: Vec<&str> = parts_of(form).into_iter().filter_map(Result::ok).collect();
    let has = |part: &str| parts.contains(&part);
    let letters = parts_of(form).iter().any(|part| matches!(part, Err(c) if c.is_alphabetic() && *c != 'T'));
    let mut sorted = parts.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if letters {
        Some(
            "a form of the parts YYYY, MM or MON, DD, hh, mm, ss and marks between them; years of two digits are never guessed",
        )
    } else if !has("YYYY") {
        Some("a form with the year in four digits, YYYY")
    } else if sorted.len() != parts.len() || (has("MM") && has("MON")) {
        Some("a form that names each part once")
    } else if (has("DD") && !has("MM") && !has("MON"))
        || (has("hh") && !has("DD"))
        || (has("mm") && !has("hh"))
    {
        Some("a form in which no larger part is left out: a day needs its month, a time its day")
    } else {
        None
    }
}

/// Parts of a form, and the characters between them.
fn parts_of(form: &str) -> Vec<Result<&'static str, char>> {
    let mut parts = Vec::new();
    let mut rest = form;
    while let Some(c) = rest.chars().next() {
        match PARTS.iter().find(|part| rest.starts_with(**part)) {
            Some(part) => {
                parts.push(Ok(*part));
                rest = rest.get(part.len()..).unwrap_or_default();
            }
            None => {
                parts.push(Err(c));
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    parts
}

/// A date of a form as ISO 8601; a day or month that stands for what is not known is left out.
fn read_date(text: &str, form: &str, unknown: &[&str]) -> Option<String> {
    let mut found: [Option<String>; 6] = [const { None }; 6];
    let mut rest = text.trim();
    for part in parts_of(form) {
        let part = match part {
            Err(mark) => {
                rest = rest.strip_prefix(mark)?;
                continue;
            }
            Ok(part) => part,
        };
        let place = ["YYYY", "MM", "DD", "hh", "mm", "ss"].iter().position(|known| *known == part);
        let place = place.unwrap_or(1);
        if matches!(part, "MM" | "MON" | "DD")
            && let Some(word) = unknown
                .iter()
                .filter(|word| {
                    rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                        && !word.is_empty()
                })
                .max_by_key(|word| word.len())
        {
            rest = rest.get(word.len()..)?;
            continue;
        }
        let slot = found.get_mut(place)?;
        if part == "MON" {
            let name = rest.get(..3)?.to_uppercase();
            let month = MONTHS.iter().position(|month| *month == name)?;
            *slot = Some(format!("{:02}", month + 1));
            rest = rest.get(3..)?;
            continue;
        }
        let longest = if part == "YYYY" { 4 } else { 2 };
        let digits = rest.bytes().take(longest).take_while(u8::is_ascii_digit).count();
        // A day or an hour may lack its zero, a year nothing.
        if digits == 0 || (part == "YYYY" && digits < 4) {
            return None;
        }
        let (number, after) = rest.split_at_checked(digits)?;
        *slot = Some(format!("{number:0>2}"));
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    let [year, month, day, hour, minute, second] = found;
    let mut date = year?;
    let parts = [("-", month), ("-", day), ("T", hour), (":", minute), (":", second)];
    for (mark, part) in parts {
        let Some(part) = part else { break };
        date.push_str(mark);
        date.push_str(&part);
    }
    date.parse::<posology_trial::when::When>().is_ok().then_some(date)
}

/// A time of day as `08:15` or `08:15:30`.
fn clock(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let limits = [24, 60, 60];
    let lawful = (2..=3).contains(&parts.len())
        && parts.iter().zip(limits).all(|(part, limit)| {
            (1..=2).contains(&part.len()) && part.parse::<u8>().is_ok_and(|number| number < limit)
        });
    lawful.then(|| parts.iter().map(|part| format!("{part:0>2}")).collect::<Vec<_>>().join(":"))
}

impl Table {
    /// Encoding of its CSV file.
    pub(super) fn encoding(&self, file: &Written) -> CsvEncoding {
        match self.written.encoding.or(file.encoding) {
            Some(super::Encoding::Windows1252) => CsvEncoding::Windows1252,
            _ => CsvEncoding::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hand(text: &str) -> Written {
        posology_trial::protocol::read_toml(text).unwrap()
    }

    fn number(written: &str, text: &str) -> Result<String, Bad> {
        let (file, written) = (Written::default(), hand(written));
        Hand::of(&file, &written, None).number(text).map(|number| number.to_string())
    }

    fn date(written: &str, text: &str) -> Option<String> {
        let (file, written) = (Written::default(), hand(written));
        Hand::of(&file, &written, None).date(text, None).ok()
    }

    #[test]
    fn a_comma_is_read_as_declared_and_refused_where_it_is_not() {
        assert_eq!(number("", "1234.5").unwrap(), "1234.5");
        assert_eq!(number("decimal = \",\"", "1234,50").unwrap(), "1234.50");
        assert_eq!(number("decimal = \",\"\nthousands = \".\"", "-1.234,5").unwrap(), "-1234.5");
        assert_eq!(number("thousands = \",\"", "12,345,678").unwrap(), "12345678");
        assert_eq!(number("thousands = \" \"", "12\u{a0}345").unwrap(), "12345");
        let [expected, found, mend] = number("", "1,234").unwrap_err();
        assert_eq!((expected.as_str(), found.as_str()), ("a number such as 1234.5", "\"1,234\""));
        assert!(mend.contains("thousands = \",\""), "{mend}");
        assert!(number("decimal = \",\"", "1.234").is_err());
        for text in ["12,34", "1,2345", ",123", "1,,234", "1.2.3", "", "-", "x", "1e", "0x1"] {
            assert!(number("thousands = \",\"", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_result_keeps_its_comparator_and_its_words() {
        let (file, comma) = (Written::default(), hand("decimal = \",\""));
        let hand = Hand::of(&file, &comma, None);
        for (written, read) in [
            ("4,60", "4.60"),
            ("< 0,2", "<0.2"),
            ("≥1,5", ">=1.5"),
            ("NEGATIVE", "NEGATIVE"),
            ("2+", "2+"),
            ("1:80", "1:80"),
        ] {
            assert_eq!(hand.result(written).unwrap(), read);
        }
        assert!(hand.result("1.234").is_err());
    }

    #[test]
    fn a_date_is_read_in_a_declared_form_alone() {
        assert_eq!(date("date = \"DD.MM.YYYY\"", "3.7.2019").as_deref(), Some("2019-07-03"));
        assert_eq!(date("date = \"MM/DD/YYYY\"", "07/03/2019").as_deref(), Some("2019-07-03"));
        assert_eq!(date("date = \"MM/DD/YYYY\"", "13/03/2019"), None);
        assert_eq!(date("", "03.07.2019"), None);
        assert_eq!(date("date = \"DD.MM.YYYY\"", "2019-07-03").as_deref(), Some("2019-07-03"));
        assert_eq!(date("date = \"DD.MM.YYYY\"", "03.07.19"), None);
        assert_eq!(date("date = \"DD.MM.YYYY\"", "31.02.2019"), None);
        let oncology = "date = \"DD-MON-YYYY\"\nunknown = [\"UN\", \"UNK\"]";
        assert_eq!(date(oncology, "03-jul-2019").as_deref(), Some("2019-07-03"));
        assert_eq!(date(oncology, "UN-JUL-2019").as_deref(), Some("2019-07"));
        assert_eq!(date(oncology, "UN-UNK-2019").as_deref(), Some("2019"));
        let clocked = "date = \"DD.MM.YYYY hh:mm\"\noffset = \"+01:00\"";
        assert_eq!(date(clocked, "03.07.2019 8:15").as_deref(), Some("2019-07-03T08:15+01:00"));
        assert_eq!(date("date = \"DD.MM.YYYY hh:mm\"", "03.07.2019 24:15"), None);
    }

    #[test]
    fn years_of_two_digits_are_no_form() {
        for form in ["DD.MM.YY", "DD.MM", "YYYY-DD", "DD.MM.YYYY DD", "YYYY-MM-DD mm", "D.M.YYYY"] {
            assert!(fault_of_form(form).is_some(), "{form}");
        }
        for form in ["DD.MM.YYYY", "YYYY", "MON YYYY", "YYYY-MM-DDThh:mm:ss", "YYYYMMDD"] {
            assert_eq!(fault_of_form(form), None, "{form}");
        }
    }
}
