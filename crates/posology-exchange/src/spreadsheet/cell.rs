//! What a cell of a workbook holds: text, a number without binary noise, a date as ISO 8601, an error.

use jiff::civil::{Date, date};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// The value of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// Decimal text.
    Number(String),
    /// Why there is no value: what was found, and how to mend it.
    Fault(String, &'static str),
}

/// Digits that a spreadsheet program keeps and shows; further ones are noise of its binary numbers.
const DIGITS: u32 = 15;

/// A number as decimal text: `0.1` and `0.10000000000000001` are 0.1, `0.30000000000000004` is 0.3.
pub(super) fn number(text: &str) -> Value {
    match decimal(text).and_then(|number| number.round_sf(DIGITS)) {
        Some(number) => Value::Number(number.normalize().to_string()),
        None => Value::Fault(format!("{text:?} as a number"), "correct the cell"),
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// A day number with its fraction as ISO 8601: a date, a date and time, or (below one day) a time of day. Days count
/// from 1900, where 29 February 1900 is taken for a day (ISO/IEC 29500-1, 18.17.4.1), or from 1904.
pub(super) fn day_and_time(text: &str, from_1904: bool) -> Value {
    let read = || {
        let number = decimal(text)?;
        let seconds = (number.fract() * Decimal::from(86_400))
            .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        let (mut days, mut seconds) = (number.trunc().to_i64()?, seconds.to_u32()?);
        if seconds == 86_400 {
            (days, seconds) = (days + 1, 0);
        }
        let clock = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (hours, minutes, 0) => format!("{hours:02}:{minutes:02}"),
            (hours, minutes, seconds) => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        };
        if days == 0 && !from_1904 {
            return Some(clock);
        }
        let first: Date = match (from_1904, days) {
            (true, _) => date(1904, 1, 1),
            (false, 60) => return None,
            (false, 1..60) => date(1899, 12, 31),
            (false, _) => date(1899, 12, 30),
        };
        let day = first.checked_add(jiff::Span::new().try_days(days).ok()?).ok().filter(|_| days >= 0)?;
        Some(if seconds == 0 { day.to_string() } else { format!("{day}T{clock}") })
    };
    match read() {
        Some(text) => Value::Text(text),
        None => Value::Fault(format!("{text:?} as a date"), "correct the cell, or format it as what it is"),
    }
}

/// Whether a number format shows a date or time: it has a part of one outside quotes, brackets and escapes.
pub(super) fn shows_date(format: &str) -> bool {
    let mut characters = format.chars();
    let mut bracket = String::new();
    let (mut in_quotes, mut in_bracket) = (false, false);
    while let Some(c) = characters.next() {
        match c {
            '"' if !in_bracket => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '\\' | '_' | '*' => {
                characters.next();
            }
            '[' => (in_bracket, bracket) = (true, String::new()),
            ']' if in_bracket => {
                in_bracket = false;
                // Elapsed time: [h], [mm], [ss].
                if !bracket.is_empty()
                    && bracket.chars().all(|c| matches!(c, 'h' | 'm' | 's' | 'H' | 'M' | 'S'))
                {
                    return true;
                }
            }
            _ if in_bracket => bracket.push(c),
            ';' => return false,
            'd' | 'm' | 'h' | 'y' | 's' | 'D' | 'M' | 'H' | 'Y' | 'S' => return true,
            // "General" and the exponent of scientific notation.
            'G' | 'g' => return false,
            _ => {}
        }
    }
    false
}

/// Whether one of the formats that every workbook has shows a date or time (ISO/IEC 29500-1, 18.8.30).
pub(super) fn is_date_id(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Column and row of a reference such as `B3`, from 0; `None` outside of a sheet.
pub(super) fn place(reference: &str) -> Option<(u32, u32)> {
    let reference = reference.as_bytes();
    let letters = reference.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let (letters, digits) = reference.split_at_checked(letters)?;
    let column = letters.iter().try_fold(0_u32, |column, letter| {
        column.checked_mul(26)?.checked_add(u32::from(letter - b'A') + 1)
    })?;
    let row: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let inside = (1..=16_384).contains(&column) && (1..=1_048_576).contains(&row);
    inside.then(|| (column - 1, row - 1))
}

/// The letters of a column, from 0.
pub(super) fn letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        let digit = u8::try_from((left - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + digit));
        left = (left - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_binary_noise() {
        for (written, read) in [
            ("0.1", "0.1"),
            ("0.10000000000000001", "0.1"),
            ("0.30000000000000004", "0.3"),
            ("4.5999999999999996", "4.6"),
            ("1E-3", "0.001"),
            ("123456789012345", "123456789012345"),
            ("-7.50", "-7.5"),
            ("1.2E+3", "1200"),
        ] {
            assert_eq!(number(written), Value::Number(read.to_owned()), "{written}");
        }
        assert!(matches!(number("1E+300"), Value::Fault(..)));
        assert!(matches!(number("x"), Value::Fault(..)));
    }

    // Expectations: what Excel shows for the number formatted yyyy-mm-dd hh:mm.
    #[test]
    fn days_are_counted_from_1900_or_1904() {
        for (number, from_1904, read) in [
            ("43649", false, "2019-07-03"),
            ("42187", true, "2019-07-03"),
            ("43649.34375", false, "2019-07-03T08:15"),
            ("0.34375", false, "08:15"),
            ("1", false, "1900-01-01"),
            ("59", false, "1900-02-28"),
            ("61", false, "1900-03-01"),
            ("43649.999999", false, "2019-07-04"),
        ] {
            assert_eq!(day_and_time(number, from_1904), Value::Text(read.to_owned()), "{number}");
        }
        for number in ["60", "-1", "1e20", "99999999"] {
            assert!(matches!(day_and_time(number, false), Value::Fault(..)), "{number}");
        }
    }

    #[test]
    fn a_format_shows_a_date_by_its_parts_alone() {
        for format in ["dd.mm.yyyy", "[$-407]d. mmmm yyyy;@", "h:mm", "[h]:mm:ss", "yyyy\\-mm\\-dd"] {
            assert!(shows_date(format), "{format}");
        }
        for format in ["General", "0.00", "#,##0 \"mCi\"", "0.00E+00", "[Red]0.0", "\"day\" 0", "@", "0\\d"] {
            assert!(!shows_date(format), "{format}");
        }
        assert!(!shows_date(&"[".repeat(1_000)));
    }

    #[test]
    fn references_name_a_place_within_a_sheet() {
        assert_eq!(place("A1"), Some((0, 0)));
        assert_eq!(place("XFD1048576"), Some((16_383, 1_048_575)));
        for reference in ["", "A", "1", "A0", "XFE1", "A1048577", "a1", "AAAAAAAAAAAA1", "é1"] {
            assert_eq!(place(reference), None, "{reference}");
        }
        assert_eq!(["A", "Z", "AA", "XFD"], [0, 25, 26, 16_383].map(letters).each_ref().map(String::as_str));
    }
}
