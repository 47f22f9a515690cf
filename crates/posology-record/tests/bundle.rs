//! A trial leaves a ledger as one file and comes back without a changed byte, on SQLite and on PostgreSQL.
//!
//! 21 CFR 11.10(b) (complete copies), 11.10(c) (retrievable throughout retention); ICH E6(R3) 4.2.5 (migration).

#![allow(clippy::unwrap_used, clippy::panic)]

mod record;
mod support;

use std::path::Path;

use posology_record::bundle::{self, BadBundle, Reader};
use posology_record::ledger::{Head, Ledger, LedgerError, Line, Location, SealedContent};
use posology_record::verify::{self, Against};
use posology_trial::event::*;
use record::{TRIAL, bundled, small};

fn exported(ledger: &mut Ledger) -> String {
    let mut out = Vec::new();
    bundle::export(ledger, TRIAL, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn restored(text: &str, location: &Location) -> Ledger {
    let mut ledger = Ledger::open_or_create(location).unwrap();
    let (trial, head) = bundle::restore(Reader::open(text.as_bytes()).unwrap(), &mut ledger).unwrap();
    assert_eq!((trial.as_str(), &head), (TRIAL, &ledger.head(TRIAL).unwrap()));
    ledger
}

fn stored_lines(ledger: &mut Ledger) -> Vec<(u64, Line)> {
    let mut all = Vec::new();
    ledger
        .for_each::<LedgerError>(TRIAL, 1, |position, line| {
            all.push((position, line));
            Ok(())
        })
        .unwrap();
    all
}

#[test]
fn from_sqlite_to_postgresql_and_back_no_byte_changes() {
    let text = bundled(small(1).chain());
    let (folder, stores) = support::stores();
    let mut first = restored(&text, &Location::File(folder.path().join("first.db")));
    assert_eq!(exported(&mut first), text);
    let lines = stored_lines(&mut first);
    for location in stores {
        println!("{}", location.shown());
        let mut second = restored(&exported(&mut first), &location);
        assert_eq!(stored_lines(&mut second), lines);
        assert_eq!(exported(&mut second), text);
        let path = folder.path().join(format!("back-{}.db", location.shown().len()));
        let mut back = restored(&exported(&mut second), &Location::File(path));
        assert_eq!(stored_lines(&mut back), lines);
        assert_eq!(exported(&mut back), text);
        let report = verify::ledger(&mut back, TRIAL, &Against::default()).unwrap();
        assert!(report.is_whole(), "{report}");
    }
}

#[test]
fn a_bundle_is_the_same_whether_written_from_memory_or_from_a_ledger() {
    let record = small(7);
    let (_folder, stores) = support::stores();
    for location in stores {
        let mut ledger = restored(&bundled(record.chain()), &location);
        assert_eq!(exported(&mut ledger), bundled(record.chain()));
        assert_eq!(&ledger.chain(TRIAL).unwrap(), record.chain());
    }
}

#[test]
fn a_file_that_is_not_whole_restores_nothing() {
    let text = bundled(small(1).chain());
    let lines: Vec<&str> = text.lines().collect();
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open_or_create(&Location::File(folder.path().join("record.db"))).unwrap();
    for bad in [
        text.replacen("\"212\"", "\"112\"", 1),
        lines[..lines.len() - 1].iter().flat_map(|line| [line, "\n"]).collect(),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
    ] {
        let restoring = Reader::open(bad.as_bytes()).and_then(|reader| bundle::restore(reader, &mut ledger));
        assert!(restoring.is_err());
        assert_eq!(ledger.head(TRIAL).unwrap(), Head::genesis());
        assert!(ledger.trials().unwrap().is_empty());
    }
}

#[test]
fn a_trial_is_restored_once_and_never_over_another_record() {
    let text = bundled(small(1).chain());
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = restored(&text, &Location::File(folder.path().join("record.db")));
    let again = bundle::restore(Reader::open(text.as_bytes()).unwrap(), &mut ledger);
    assert!(matches!(again, Err(BadBundle::Present { events, .. }) if events > 20), "{again:?}");
    let other = bundled(small(50).chain());
    assert!(bundle::restore(Reader::open(other.as_bytes()).unwrap(), &mut ledger).is_err());
    assert_eq!(exported(&mut ledger), text);
}

#[test]
fn a_plain_file_of_events_restores_too_and_an_unfounded_one_is_no_trial() {
    let chain = small(1).chain().clone();
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = restored(&chain.write(), &Location::File(folder.path().join("record.db")));
    assert_eq!(exported(&mut ledger), bundled(&chain));
    let facts = support::chain(3);
    let refused = bundle::restore(Reader::open(facts.write().as_bytes()).unwrap(), &mut ledger);
    assert!(matches!(refused, Err(BadBundle::NotFounded { .. })), "{refused:?}");
    assert!(matches!(bundle::write(&facts, &mut Vec::new()), Err(BadBundle::NotFounded { .. })));
    assert!(matches!(bundle::export(&mut ledger, "T-9", &mut Vec::new()), Err(BadBundle::NotFounded { .. })));
}

#[test]
fn a_reader_holds_no_more_than_a_line_and_refuses_one_beyond_the_limit() {
    let mut long = b"{\"bundle\":\"".to_vec();
    long.resize(bundle::LINE_LIMIT + 100, b'a');
    assert!(matches!(Reader::open(&*long), Err(BadBundle::TooLong { line: 1 })));
    // A line without end is given up at the limit, not read to its end.
    let endless = std::io::BufReader::new(std::io::repeat(b'{'));
    assert!(matches!(Reader::open(endless), Err(BadBundle::TooLong { line: 1 })));
    assert!(matches!(Reader::open(&b"\xff\xfe\n"[..]), Err(BadBundle::NotText { line: 1, byte: 1 })));
}

#[test]
fn what_was_said_in_a_closed_session_is_in_no_bundle_and_travels_only_in_its_own_file() {
    let (salt, content) = ("5a".repeat(32), "the minutes of the closed session".to_owned());
    let minutes =
        Minutes { review: 1, session: SessionKind::Closed, text: content.clone(), actions: Vec::new() };
    let closed = canonical(&Closed::Minutes(minutes)).unwrap();
    let commitment = bundle::commitment(&salt, &closed);
    let sealed = SealedContent { commitment: commitment.clone(), salt: salt.clone(), content: closed };
    let mut events: Vec<Event> = small(1).chain().entries().iter().map(|entry| entry.event.clone()).collect();
    let fact = Sealed { review: 1, kind: ClosedKind::Minutes, commitment };
    events.push(Event::new(events.last().unwrap().recorded_at, "member", fact));
    let chain = record::chained(events);

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Location::File(folder.path().join(name));
    let mut first = restored(&bundled(&chain), &at("first.db"));
    first.keep_sealed(TRIAL, &sealed).unwrap();
    let text = exported(&mut first);
    assert!(!text.contains(&content) && !text.contains(&salt));

    let mut file = Vec::new();
    let head = first.head(TRIAL).unwrap();
    bundle::write_sealed(TRIAL, &head, &first.sealed(TRIAL).unwrap(), &mut file).unwrap();
    let mut second = restored(&text, &at("second.db"));
    assert!(second.sealed(TRIAL).unwrap().is_empty());
    assert_eq!(bundle::restore_sealed(&*file, &mut second).unwrap(), 1);
    assert_eq!(second.sealed(TRIAL).unwrap(), [sealed]);
    let report = verify::ledger(&mut second, TRIAL, &Against::default()).unwrap();
    assert_eq!(
        report.check("sealed").map(|check| (check.count, check.problems.len())),
        Some((1, 0)),
        "{report}"
    );
    // Into a record that never committed to it, it does not go.
    let mut third = restored(&bundled(small(1).chain()), &at("third.db"));
    assert!(matches!(bundle::restore_sealed(&*file, &mut third), Err(BadBundle::NotSealed { line: 2, .. })));
}

#[test]
fn the_corpus_is_read_or_refused_and_what_is_read_writes_back_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/bundle");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5);
    let mut whole = 0;
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        for end in (0..bytes.len()).step_by(211).chain([bytes.len()]) {
            let report = verify::bundle(&bytes[..end], &Against::default());
            let entries: Result<Vec<Entry>, BadBundle> = match Reader::open(&bytes[..end]) {
                Ok(reader) => reader.collect(),
                Err(error) => Err(error),
            };
            let Ok(entries) = entries else {
                assert!(!report.is_whole(), "{}, {end} bytes", path.display());
                continue;
            };
            let mut chain = Chain::default();
            for entry in entries {
                chain.push_verified(entry).unwrap();
            }
            let mut written = Vec::new();
            if bundle::write(&chain, &mut written).is_err() || written != bytes[..end] {
                written = chain.write().into_bytes();
            }
            assert_eq!(written, bytes[..end], "{}", path.display());
            whole += usize::from(report.is_whole());
        }
    }
    assert!(whole >= 2);
}

/// Writes the corpus anew: `UPDATE_CORPUS=1 cargo test -p posology-record --test bundle corpus`.
#[test]
fn corpus_is_that_of_the_small_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/bundle");
    let chain = small(1).chain().clone();
    let text = bundled(&chain);
    let files = [
        ("whole.ndjson", text.clone()),
        ("events.ndjson", chain.write()),
        ("facts.ndjson", support::chain(2).write()),
        ("short.ndjson", text.lines().take(12).flat_map(|line| [line, "\n"]).collect()),
        ("windows.ndjson", text.lines().take(4).flat_map(|line| [line, "\r\n"]).collect()),
        (
            "later.ndjson",
            text.replacen("posology-bundle/1", "posology-bundle/2", 1).lines().take(2).collect(),
        ),
        (
            "escaped.ndjson",
            text.replace("Moreau", "Mor\\u0065au").lines().take(5).flat_map(|line| [line, "\n"]).collect(),
        ),
    ];
    for (name, expected) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &expected).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "{name}");
    }
}
