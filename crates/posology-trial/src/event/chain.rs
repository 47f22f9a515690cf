//! Events in a hash chain: canonical bytes, identity, verification.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, Kind};

/// The hash before the first event: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of bytes, as 64 hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Events in the order they were recorded, each with its hash.
///
/// The text form is one line an event: `{"event":…,"hash":"…"}`, both canonical.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    entries: Vec<Entry>,
    /// Where each event that was not corrected stands, by its hash.
    places: HashMap<String, usize>,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its hash, which is its identity.
    pub hash: String,
    /// The event.
    pub event: Event,
    /// Its canonical JSON, over which the hash runs.
    canonical: Box<str>,
}

impl Entry {
    /// Its canonical JSON, over which the hash runs.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// A record that does not read or does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A line that is no event.
    #[error(
        "events.ndjson line {line}: expected an event such as {{\"event\":{{…}},\"hash\":\"…\"}}, found {found}; mend: restore the file from its last good copy"
    )]
    NotAnEvent {
        /// Line, from 1.
        line: usize,
        /// What was found, in a few words.
        found: String,
    },
    /// An event of a kind that this program does not know.
    #[error(
        "events.ndjson line {line}: expected a kind of event that this program knows, found {found:?}{}; mend: read this record with the version of the program that wrote it ({}) or a later one",
        known.map(|known| format!(" (known is {known})")).unwrap_or_default(),
        software.as_deref().unwrap_or("not stated")
    )]
    UnknownKind {
        /// Line, from 1.
        line: usize,
        /// The kind found, such as `administration/2`.
        found: String,
        /// The version of that kind that this program knows, if it knows the kind.
        known: Option<&'static str>,
        /// The program that wrote the event, where it says so.
        software: Option<String>,
    },
    /// An event whose hash does not follow from its bytes and the hash before it.
    #[error(
        "events.ndjson line {line}: the hash does not follow: expected {expected}, found {found}; an event was changed, removed or moved; mend: restore the file from its last good copy"
    )]
    Broken {
        /// Line, from 1.
        line: usize,
        /// The hash that follows from the bytes.
        expected: String,
        /// The hash in the file.
        found: String,
    },
    /// A correction that corrects nothing it may.
    #[error(
        "events.ndjson line {line}: a correction must name an earlier event of the same kind and subject that was not corrected before, found {found}; mend: correct the event that now stands"
    )]
    BadCorrection {
        /// Line, from 1.
        line: usize,
        /// The hash it names.
        found: String,
    },
    /// An event that cannot be written as canonical JSON.
    #[error("an event cannot be written: {0}")]
    Unwritable(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    event: Event,
    hash: String,
}

impl Chain {
    /// The events with their hashes, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The hash of the last event, or [`GENESIS`].
    #[must_use]
    pub fn head(&self) -> &str {
        self.entries.last().map_or(GENESIS, |entry| entry.hash.as_str())
    }

    /// Appends an event and returns its hash.
    ///
    /// # Errors
    /// [`BadRecord::Unwritable`] where the event has no JSON form.
    pub fn append(&mut self, event: Event) -> Result<&str, BadRecord> {
        let canonical = canonical(&event)?.into_boxed_str();
        let hash = sha256_after(self.head(), &canonical);
        self.push(Entry { hash, event, canonical }, self.entries.len() + 1)?;
        Ok(self.head())
    }

    /// Appends an entry of another chain, where its hash follows here.
    ///
    /// # Errors
    /// Where the hash does not follow, or the correction corrects nothing it may.
    pub(crate) fn push_verified(&mut self, entry: Entry) -> Result<(), BadRecord> {
        let line = self.entries.len() + 1;
        let expected = sha256_after(self.head(), &entry.canonical);
        if expected != entry.hash {
            return Err(BadRecord::Broken { line, expected, found: entry.hash });
        }
        self.push(entry, line)
    }

    /// Reads and verifies the text form.
    ///
    /// # Errors
    /// The first line that is no event, or whose hash does not follow.
    pub fn read(text: &str) -> Result<Self, BadRecord> {
        let mut chain = Self::default();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if line.trim().is_empty() {
                continue;
            }
            let Line { event, hash: found } =
                serde_json::from_str(line).map_err(|error| unreadable(number, line, &error))?;
            let canonical = canonical(&event)?.into_boxed_str();
            let expected = sha256_after(chain.head(), &canonical);
            if expected != found {
                return Err(BadRecord::Broken { line: number, expected, found });
            }
            chain.push(Entry { hash: found, event, canonical }, number)?;
        }
        Ok(chain)
    }

    /// Takes an event whose hash follows; a correction must name an event of its own kind and subject that
    /// still stands.
    fn push(&mut self, entry: Entry, line: usize) -> Result<(), BadRecord> {
        let event = &entry.event;
        if let Some(correction) = &event.corrects {
            let stands = self.places.get(&correction.hash).is_some_and(|place| {
                self.entries.get(*place).is_some_and(|earlier| {
                    std::mem::discriminant(&earlier.event.fact) == std::mem::discriminant(&event.fact)
                        && earlier.event.fact.subject() == event.fact.subject()
                })
            });
            if !stands {
                return Err(BadRecord::BadCorrection { line, found: correction.hash.clone() });
            }
            self.places.remove(&correction.hash);
        }
        self.places.insert(entry.hash.clone(), self.entries.len());
        self.entries.push(entry);
        Ok(())
    }

    /// The text form.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            text.push_str("{\"event\":");
            text.push_str(&entry.canonical);
            text.push_str(",\"hash\":\"");
            text.push_str(&entry.hash);
            text.push_str("\"}\n");
        }
        text
    }
}

/// Why a line is no event: its kind is unknown here, or it is none at all.
fn unreadable(line: usize, text: &str, error: &serde_json::Error) -> BadRecord {
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let event = value.as_ref().and_then(|value| value.get("event"));
    let kind = event.and_then(|event| event.get("fact")?.get("type")?.as_str());
    match kind {
        Some(found) if !Kind::ALL.iter().any(|kind| kind.name() == found) => BadRecord::UnknownKind {
            line,
            found: found.to_owned(),
            known: found.split_once('/').and_then(|(word, _)| Kind::of(word)).map(Kind::name),
            software: event.and_then(|event| event.get("software")?.as_str()).map(str::to_owned),
        },
        _ => BadRecord::NotAnEvent { line, found: error.to_string() },
    }
}

fn sha256_after(previous: &str, canonical: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous.as_bytes());
    hasher.update(canonical.as_bytes());
    hexadecimal(&hasher.finalize())
}

/// Canonical JSON (RFC 8785) of a value that holds no floating-point number.
///
/// # Errors
/// [`BadRecord::Unwritable`] where the value has no JSON form or holds a floating-point number.
pub fn canonical(value: &impl Serialize) -> Result<String, BadRecord> {
    let value = serde_json::to_value(value).map_err(|error| BadRecord::Unwritable(error.to_string()))?;
    let mut text = String::with_capacity(256);
    write_canonical(&value, &mut text)?;
    Ok(text)
}

fn write_canonical(value: &serde_json::Value, text: &mut String) -> Result<(), BadRecord> {
    use serde_json::Value;
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_f64() => {
            return Err(BadRecord::Unwritable(format!(
                "the floating-point number {number}; write a decimal as text"
            )));
        }
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => write_string(string, text)?,
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text)?;
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key, text)?;
                text.push(':');
                if let Some(item) = map.get(key) {
                    write_canonical(item, text)?;
                }
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) -> Result<(), BadRecord> {
    let quoted = serde_json::to_string(string).map_err(|error| BadRecord::Unwritable(error.to_string()))?;
    text.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::event::CohortOpened;

    fn opened(cohort: &str) -> Event {
        let fact = CohortOpened { cohort: cohort.to_owned(), date: Date::constant(2019, 1, 1), places: None };
        Event::new("2019-01-01T00:00:00Z".parse().unwrap(), "test", fact)
    }

    #[test]
    fn an_event_is_hashed_as_an_inspector_would_with_sha256sum() {
        // printf '%s%s' 000…000 '{"fact":…}' | sha256sum
        let mut chain = Chain::default();
        chain.append(opened("C1")).unwrap();
        let bytes = r#"{"fact":{"body":{"cohort":"C1","date":"2019-01-01"},"type":"cohort-opened/1"},"recorded-at":"2019-01-01T00:00:00Z","recorded-by":"test"}"#;
        assert_eq!(canonical(&opened("C1")).unwrap(), bytes);
        assert_eq!(chain.head(), "7678901e56741d194579575b8b014fd7db8c2fe18d6c414faff90932dc73f12f");
    }

    #[test]
    fn a_changed_event_breaks_the_chain_at_its_line() {
        let mut chain = Chain::default();
        chain.append(opened("C1")).unwrap();
        chain.append(opened("C2")).unwrap();
        let text = chain.write();
        assert_eq!(Chain::read(&text).unwrap(), chain);
        let tampered = text.replace("\"C1\"", "\"C9\"");
        assert!(matches!(Chain::read(&tampered), Err(BadRecord::Broken { line: 1, .. })));
        assert!(matches!(Chain::read("{}"), Err(BadRecord::NotAnEvent { line: 1, .. })));
    }

    #[test]
    fn a_kind_of_a_later_program_is_refused_with_what_is_needed() {
        let mut chain = Chain::default();
        let mut event = opened("C1");
        event.software = Some("posology 9.0.0".to_owned());
        chain.append(event).unwrap();
        let later = chain.write().replace("cohort-opened/1", "cohort-opened/2");
        let error = Chain::read(&later).unwrap_err().to_string();
        assert!(error.contains("\"cohort-opened/2\" (known is cohort-opened/1)"), "{error}");
        assert!(error.contains("posology 9.0.0"), "{error}");
    }

    #[test]
    fn keys_are_ordered_by_utf_16_as_rfc_8785_section_3_2_3_shows() {
        let value: serde_json::Value = serde_json::from_str(
            "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}",
        )
        .unwrap();
        assert_eq!(
            canonical(&value).unwrap(),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
    }
}
