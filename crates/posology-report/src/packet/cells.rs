//! Cells of listings: dates, study days and measured values that are also results.

use jiff::civil::Date;
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;

use crate::table::{Cell, Number, Value, rounded};

/// A text with the numbers it prints.
pub(super) fn printed<const N: usize>(text: impl Into<String>, numbers: [Number; N]) -> Cell {
    Cell { text: text.into(), numbers: numbers.to_vec(), ..Cell::default() }
}

/// A number by name.
pub(super) fn number(statistic: &str, value: impl Into<Decimal>, unit: &str) -> Number {
    Number {
        statistic: statistic.to_owned(),
        value: Value::Decimal(value.into()),
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
        ..Number::default()
    }
}

/// A date, or nothing.
pub(super) fn date(date: Option<Date>) -> Cell {
    date.map_or_else(Cell::nothing, |date| Cell::value("date", date.to_string()))
}

/// A study day, or nothing.
pub(super) fn day(day: Option<i32>) -> Cell {
    day.map_or_else(Cell::nothing, |day| printed(format!("D{day}"), [number("study day", day, "")]))
}

/// A measured value with its decimals, or nothing.
pub(super) fn decimal(statistic: &str, value: Option<Decimal>, decimals: u32, unit: &str) -> Cell {
    value.map_or_else(Cell::nothing, |value| Cell::decimal(statistic, value, decimals, unit))
}

/// An activity in mCi, or nothing.
pub(super) fn mci(statistic: &str, activity: Option<Activity>) -> Cell {
    decimal(statistic, activity.map(Activity::mci), 1, "mCi")
}

/// A measured value followed by the study day it was taken on.
pub(super) fn value_on_day(statistic: &str, value: Decimal, shown: &str, unit: &str, day: i32) -> Cell {
    printed(format!("{shown} (D{day})"), [number(statistic, value, unit), number("study day", day, "")])
}

/// A percentage already computed over measured values, signed where it is a change.
pub(super) fn change(percent: Decimal) -> String {
    let shown = rounded(percent, 1);
    if percent > Decimal::ZERO { format!("+{shown}%") } else { format!("{shown}%") }
}

/// A category or words that are also a result, or nothing.
pub(super) fn words(statistic: &str, words: Option<impl Into<String>>) -> Cell {
    words.map_or_else(Cell::nothing, |words| Cell::value(statistic, words))
}

/// Yes or no, or nothing where it was not recorded.
pub(super) fn yes_no(statistic: &str, answer: Option<bool>) -> Cell {
    words(statistic, answer.map(|yes| if yes { "yes" } else { "no" }))
}
