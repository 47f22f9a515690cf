//! When something happened, as it was recorded: an ISO 8601 date or time that may be partial.

use std::fmt;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A recorded date or time, kept as the text it came in: `2019-04`, `2019-04-30`, `2019-04-30T08:15`,
/// `2019-04-30T08:15:00-05:00`.
///
/// A part that was not recorded stays unknown; [`When::latest_date`] and [`When::earliest_date`] give the
/// bounds, and a result that used one of them says so. A time without an offset is read as UTC.
///
/// ```
/// use posology_trial::when::When;
/// let partial: When = "2013-08".parse()?;
/// assert_eq!(partial.date(), None);
/// assert_eq!(partial.latest_date().to_string(), "2013-08-31");
/// assert!("2013-8".parse::<When>().is_err());
/// # Ok::<(), posology_trial::when::BadWhen>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct When {
    text: String,
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    instant: Option<Timestamp>,
}

/// Years in which something of a trial can have happened; another is a mistyped one.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

/// A text that is not an ISO 8601 date or time of this era.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a date such as 2019-04-30 (or 2019-04, or 2019-04-30T08:15), found {found:?}; mend: write year, month and day as YYYY-MM-DD"
)]
pub struct BadWhen {
    /// The text as found.
    pub found: String,
}

impl When {
    /// The day, where all of year, month and day were recorded.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?).ok()
    }

    /// The last day it can have been: the day itself, or the last of the month or year recorded.
    #[must_use]
    pub fn latest_date(&self) -> Date {
        let month = self.month.unwrap_or(12);
        let first = Date::new(self.year, month, 1).unwrap_or(Date::MAX);
        match self.day {
            Some(day) => Date::new(self.year, month, day).unwrap_or(first),
            None => first.last_of_month(),
        }
    }

    /// The first day it can have been.
    #[must_use]
    pub fn earliest_date(&self) -> Date {
        Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).unwrap_or(Date::MIN)
    }

    /// Whether month or day was not recorded.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.day.is_none() || self.month.is_none()
    }

    /// The instant in UTC, where a time of day was recorded.
    #[must_use]
    pub fn instant(&self) -> Option<Timestamp> {
        self.instant
    }

    /// Whether the time of day states the offset of its clock from UTC; without, it is read as UTC.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        self.text.split_once('T').is_some_and(|(_, time)| time.contains(['Z', '+', '-']))
    }

    /// Whether it lies at or before a clinical cut-off. A date counts until the end of the cut-off's day;
    /// a partial date by the last day it can have been.
    #[must_use]
    pub fn is_by(&self, cut_off: Timestamp) -> bool {
        match self.instant {
            Some(instant) => instant <= cut_off,
            None => self.latest_date() <= cut_off.to_zoned(TimeZone::UTC).date(),
        }
    }

    /// Whether it may lie at or before a clinical cut-off: a partial date by the first day it can have been.
    #[must_use]
    pub fn may_be_by(&self, cut_off: Timestamp) -> bool {
        self.is_by(cut_off)
            || self.earliest_date() <= cut_off.to_zoned(TimeZone::UTC).date() && self.instant.is_none()
    }
}

impl std::str::FromStr for When {
    type Err = BadWhen;

    fn from_str(text: &str) -> Result<Self, BadWhen> {
        let bad = || BadWhen { found: text.chars().take(60).collect() };
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let number = |part: &str, width: usize| -> Result<i16, BadWhen> {
            if part.len() == width && part.bytes().all(|b| b.is_ascii_digit()) {
                part.parse().map_err(|_| bad())
            } else {
                Err(bad())
            }
        };
        let year = number(parts.next().ok_or_else(bad)?, 4)?;
        if !YEARS.contains(&year) {
            return Err(bad());
        }
        let two = |part: &str| number(part, 2).and_then(|n| i8::try_from(n).map_err(|_| bad()));
        let month = parts.next().map(two).transpose()?;
        let day = parts.next().map(two).transpose()?;
        if parts.next().is_some() || month.is_some_and(|m| !(1..=12).contains(&m)) {
            return Err(bad());
        }
        let complete = match (month, day) {
            (Some(month), Some(day)) => Some(Date::new(year, month, day).map_err(|_| bad())?),
            _ => None,
        };
        let instant = match (complete, time) {
            (_, None) => None,
            (None, Some(_)) => return Err(bad()),
            (Some(date), Some(time)) => Some(instant_of(date, time).ok_or_else(bad)?),
        };
        Ok(Self { text: text.to_owned(), year, month, day, instant })
    }
}

/// Reads `08`, `08:15`, `08:15:30`, each with an optional offset `Z` or `-05:00`.
fn instant_of(date: Date, time: &str) -> Option<Timestamp> {
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let clock = match clock.len() {
        2 => format!("{clock}:00:00"),
        5 => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    let offset = if offset.len() == 5 && !offset.contains(':') {
        format!("{}:{}", &offset.get(..3)?, &offset.get(3..)?)
    } else {
        offset.to_owned()
    };
    let hours: i8 = offset.get(1..3).and_then(|hours| hours.parse().ok()).unwrap_or(0);
    if hours > FURTHEST_HOURS {
        return None;
    }
    format!("{date}T{clock}{offset}").parse().ok()
}

/// No clock on earth is further from UTC.
const FURTHEST_HOURS: i8 = 14;

impl TryFrom<String> for When {
    type Error = BadWhen;
    fn try_from(text: String) -> Result<Self, BadWhen> {
        text.parse()
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.text
    }
}

impl From<Timestamp> for When {
    fn from(instant: Timestamp) -> Self {
        let date = instant.to_zoned(TimeZone::UTC).date();
        Self {
            text: instant.to_string(),
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
            instant: Some(instant),
        }
    }
}

impl schemars::JsonSchema for When {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Date or time, as much of it as is known: 2019-04, 2019-04-30, 2019-04-30T08:15:00-05:00",
            "pattern": r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T.+)?)?)?$"
        })
    }
}

impl From<Date> for When {
    fn from(date: Date) -> Self {
        Self {
            text: date.to_string(),
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
            instant: None,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(text: &str) -> When {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_without_a_day_is_by_a_cut_only_when_its_last_day_is() {
        let cut: Timestamp = "2013-08-30T12:00:00Z".parse().unwrap();
        assert!(!when("2013-08").is_by(cut));
        assert!(when("2013-07").is_by(cut));
        assert!(when("2013-08-30").is_by(cut));
        assert!(!when("2013-08-30T12:00:01").is_by(cut));
        assert!(when("2013-08-30T07:00-05:00").is_by(cut));
    }

    #[test]
    fn what_is_not_a_date_is_refused_and_never_panics() {
        for text in [
            "",
            "2013-13",
            "2013-02-30",
            "13-02-03",
            "2013-02-03T",
            "2013-02-03T25:00",
            "2014---12",
            "2013-02T10:00",
            "2013-02-03Té",
            "99999",
            "2013-02-03 10:00",
        ] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
