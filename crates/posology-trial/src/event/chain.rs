//! Events in a hash chain: identity, order, verification.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Event, Fact, Kind, canonical};

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
    /// An event that means what it should, in other bytes than canonical ones.
    #[error(
        "events.ndjson line {line}: expected canonical JSON, found other bytes from byte {byte} on: {found:?}; mend: restore the file from its last good copy"
    )]
    NotCanonical {
        /// Line, from 1.
        line: usize,
        /// Byte of the line, from 1.
        byte: usize,
        /// The text from there on, a few characters of it.
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
    /// A retraction of what does not stand.
    #[error(
        "events.ndjson line {line}: a retraction must name an earlier event of its subject that stands, found {found}; mend: name the event that now stands"
    )]
    BadRetraction {
        /// Line, from 1.
        line: usize,
        /// The hash it names.
        found: String,
    },
    /// An event that cannot be written as canonical JSON.
    #[error("an event cannot be written: {0}")]
    Unwritable(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    event: Event,
    hash: String,
}

impl Entry {
    /// Reads one line of the text form, `{"event":…,"hash":"…"}`, without its newline, and checks that each of its bytes
    /// is canonical. Whether its hash follows is another question: [`follows`](Self::follows).
    ///
    /// # Errors
    /// Where the line, of this number, is no event, of a kind unknown here, or not canonical.
    pub fn read(text: &str, line: usize) -> Result<Self, BadRecord> {
        let Line { event, hash } =
            serde_json::from_str(text).map_err(|error| unreadable(line, text, &error))?;
        let entry = Self { canonical: canonical(&event)?.into_boxed_str(), hash, event };
        let parts = [r#"{"event":"#, &*entry.canonical, r#","hash":""#, entry.hash.as_str(), r#""}"#];
        let mut rest = text;
        for part in parts {
            rest = rest.strip_prefix(part).ok_or_else(|| {
                let same = rest.bytes().zip(part.bytes()).take_while(|(found, expected)| found == expected);
                let byte = text.len() - rest.len() + same.count();
                let from = text.floor_char_boundary(byte);
                let found = text.get(from..).unwrap_or_default().chars().take(24).collect();
                BadRecord::NotCanonical { line, byte: byte + 1, found }
            })?;
        }
        if rest.is_empty() {
            return Ok(entry);
        }
        let byte = text.len() - rest.len() + 1;
        Err(BadRecord::NotCanonical { line, byte, found: rest.chars().take(24).collect() })
    }

    /// Reads an event from its canonical bytes, as a database keeps them, with its hash.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of(canonical: &str, hash: &str, line: usize) -> Result<Self, BadRecord> {
        Self::read(&written(canonical, hash), line)
    }

    /// The canonical JSON of the event, over which its hash runs.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The line of the text form, without its newline.
    #[must_use]
    pub fn write(&self) -> String {
        written(&self.canonical, &self.hash)
    }

    /// The hash that follows from these bytes after another.
    #[must_use]
    pub fn hash_after(&self, previous: &str) -> String {
        sha256_after(previous, &self.canonical)
    }

    /// Whether its hash follows from its bytes and the hash before it.
    #[must_use]
    pub fn follows(&self, previous: &str) -> bool {
        self.hash_after(previous) == self.hash
    }
}

fn written(canonical: &str, hash: &str) -> String {
    let mut line = String::with_capacity(canonical.len() + hash.len() + 22);
    for part in [r#"{"event":"#, canonical, r#","hash":""#, hash, r#""}"#] {
        line.push_str(part);
    }
    line
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
    pub fn push_verified(&mut self, entry: Entry) -> Result<(), BadRecord> {
        let line = self.entries.len() + 1;
        let expected = sha256_after(self.head(), &entry.canonical);
        if expected != entry.hash {
            return Err(BadRecord::Broken { line, expected, found: entry.hash });
        }
        self.push(entry, line)
    }

    /// Reads and verifies the text form: each event's bytes are canonical and its hash follows. Blank lines, and the
    /// line ends of another system, are passed over; a bundle is stricter.
    ///
    /// # Errors
    /// The first line that is no event, is not canonical, or whose hash does not follow.
    pub fn read(text: &str) -> Result<Self, BadRecord> {
        let mut chain = Self::default();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if line.trim().is_empty() {
                continue;
            }
            let entry = Entry::read(line, number)?;
            let expected = entry.hash_after(chain.head());
            if expected != entry.hash {
                return Err(BadRecord::Broken { line: number, expected, found: entry.hash });
            }
            chain.push(entry, number)?;
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
        if let Fact::Retracted(retracted) = &event.fact {
            let stands = self.places.get(&retracted.event).is_some_and(|place| {
                self.entries.get(*place).is_some_and(|earlier| {
                    earlier.event.fact.kind() != Kind::Retracted
                        && earlier.event.fact.subject() == Some(retracted.subject.as_str())
                })
            });
            if !stands {
                return Err(BadRecord::BadRetraction { line, found: retracted.event.clone() });
            }
            self.places.remove(&retracted.event);
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
            text.push_str(&entry.write());
            text.push('\n');
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

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use proptest::prelude::*;

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
    fn the_same_event_in_other_bytes_is_refused_at_its_byte() {
        let mut chain = Chain::default();
        chain.append(opened("C1")).unwrap();
        let text = chain.write();
        for (canonical, other, byte) in [
            ("\"C1\"", "\"\\u00431\"", 37),
            ("{\"fact", "{ \"fact", 11),
            (":\"test\"}", ":\"test\",\"reason\":null}", 145),
            ("00:00:00Z", "00:00:00.0Z", 122),
            (",\"hash", ", \"hash", 147),
        ] {
            let tampered = text.replacen(canonical, other, 1);
            assert_ne!(tampered, text);
            let Err(BadRecord::NotCanonical { line: 1, byte: found, .. }) = Chain::read(&tampered) else {
                panic!("{tampered} was read");
            };
            assert_eq!(found, byte, "{tampered}");
        }
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

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let text = prop_oneof!["[a-c]{0,2}", "\\PC{0,4}", "[\\x00-\\x20\"\\\\\u{e000}\u{1f600}]{0,3}"];
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            text.clone().prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map(text.clone(), inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// RFC 8785, section 3.2, the slow way: every object sorted first, strings as another program writes them.
    fn slowly(value: &serde_json::Value) -> String {
        use serde_json::Value;
        match value {
            Value::Array(items) => format!("[{}]", items.iter().map(slowly).collect::<Vec<_>>().join(",")),
            Value::Object(map) => {
                let mut members: Vec<_> = map.iter().collect();
                members.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
                let member = |(key, value): (&String, &Value)| {
                    format!("{}:{}", Value::String(key.clone()), slowly(value))
                };
                format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
            }
            leaf => leaf.to_string(),
        }
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_the_slow_way_writes_it_and_reads_back(value in any_json()) {
            let text = canonical(&value).unwrap();
            prop_assert_eq!(&text, &slowly(&value));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn a_floating_point_number_has_no_canonical_form_here() {
        assert!(canonical(&serde_json::json!({"level": 0.5})).is_err());
        assert!(canonical(&1e300).is_err());
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
