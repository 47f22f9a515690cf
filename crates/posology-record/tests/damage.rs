//! What someone with the file, or with the rights of the database's owner, can do to it: it shows, and where.
//!
//! 21 CFR 11.10(a), (e): altered records can be told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod record;
mod support;

use posology_record::bundle::{self, Reader};
use posology_record::ledger::{self, Head, Ledger, LedgerError, Line, Location};
use posology_record::verify::{self, Against, Report};
use record::{TRIAL, bundled, small};

fn restored(location: &Location) -> (String, u64) {
    let text = bundled(small(1).chain());
    let mut ledger = Ledger::open_or_create(location).unwrap();
    let (_, head) = bundle::restore(Reader::open(text.as_bytes()).unwrap(), &mut ledger).unwrap();
    (text, head.position)
}

fn examined(ledger: &mut Ledger) -> Report {
    verify::ledger(ledger, TRIAL, &Against::default()).unwrap()
}

#[track_caller]
fn first_bad(report: &Report) -> Option<u64> {
    let Some((_, problem)) = report.first() else { panic!("whole:\n{report}") };
    assert!(!problem.expected.is_empty() && !problem.found.is_empty(), "{report}");
    problem.position
}

/// Bytes of a text with one of them changed, at eight places of it.
fn flipped(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let step = (text.len() / 8).max(1);
    (0..text.len()).step_by(step).flat_map(move |place| {
        [0x01, 0x80].map(|bit| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] ^= bit;
            bytes
        })
    })
}

#[test]
fn a_byte_flipped_in_any_row_of_sqlite_is_found_at_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.db");
    let (_, events) = restored(&Location::File(path.clone()));
    let mut ledger = Ledger::open(&Location::File(path.clone())).unwrap();
    assert!(examined(&mut ledger).is_whole());
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute_batch("DROP TRIGGER event_refuses_update").unwrap();
    let mut tried = 0;
    for position in 1..=events {
        for column in ["body", "hash"] {
            let select = format!("SELECT {column} FROM event WHERE position = {position}");
            let sound: String = database.query_row(&select, [], |row| row.get(0)).unwrap();
            let update = format!("UPDATE event SET {column} = CAST(?1 AS text) WHERE position = {position}");
            for bytes in flipped(&sound) {
                // The length that the table asks of a hash counts characters: a byte that is no character is refused.
                if database.execute(&update, [&bytes]).is_err() {
                    continue;
                }
                let report = examined(&mut ledger);
                assert_eq!(first_bad(&report), Some(position), "{column}\n{report}");
                tried += 1;
            }
            database.execute(&update, [sound.as_bytes()]).unwrap();
        }
    }
    assert!(examined(&mut ledger).is_whole());
    assert!(tried > 20 * events, "{tried}");
}

#[test]
fn a_byte_flipped_anywhere_in_the_file_is_found_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.db");
    let (text, _) = restored(&Location::File(path.clone()));
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let sound = std::fs::read(&path).unwrap();
    let (mut found, mut nothing) = (0, 0);
    for place in (0..sound.len()).step_by(sound.len() / 300) {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x04;
        let path = folder.path().join(format!("{place}.db"));
        std::fs::write(&path, bytes).unwrap();
        let location = Location::File(path.clone());
        let whole = Ledger::open(&location)
            .and_then(|mut ledger| Ok((verify::ledger(&mut ledger, TRIAL, &Against::default())?, ledger)))
            .ok()
            .filter(|(report, _)| report.is_whole());
        match whole {
            None => found += 1,
            Some((_, mut ledger)) => {
                let mut out = Vec::new();
                bundle::export(&mut ledger, TRIAL, &mut out).unwrap();
                assert!(out == text.as_bytes(), "byte {place}: another record was called whole");
                nothing += 1;
            }
        }
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(path.with_file_name(format!("{place}.db{end}")));
        }
    }
    println!("of {} bytes flipped {found} were found, {nothing} changed nothing", found + nothing);
    assert!(found > 30 && nothing > 0);
}

#[test]
fn a_file_cut_short_is_never_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.db");
    let (text, _) = restored(&Location::File(path.clone()));
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let sound = std::fs::read(&path).unwrap();
    for part in 1..16 {
        let path = folder.path().join(format!("{part}.db"));
        std::fs::write(&path, &sound[..sound.len() * part / 16]).unwrap();
        let Ok(mut ledger) = Ledger::open(&Location::File(path)) else { continue };
        let Ok(report) = verify::ledger(&mut ledger, TRIAL, &Against::default()) else { continue };
        if report.is_whole() {
            // What was cut off held an index only, which no event needs.
            let mut out = Vec::new();
            bundle::export(&mut ledger, TRIAL, &mut out).unwrap();
            assert!(out == text.as_bytes(), "{part} of 16 parts\n{report}");
        }
    }
}

fn refused_in_words(client: &mut postgres::Client, sql: &str) -> String {
    let error = client.batch_execute(sql).unwrap_err();
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

#[test]
fn rows_of_postgresql_changed_by_its_owner_are_found_at_their_event() {
    let Some(location) = support::database() else { return };
    let (_, events) = restored(&location);
    let Location::Postgres(address) = &location else { panic!("a server") };
    let mut ledger = Ledger::open(&location).unwrap();
    let mut client = postgres::Client::connect(address, postgres::NoTls).unwrap();
    let change = "UPDATE event SET body = replace(body, '2020', '2021') WHERE position = 9";
    assert!(refused_in_words(&mut client, change).contains("append-only"));
    client.batch_execute("ALTER TABLE event DISABLE TRIGGER USER").unwrap();
    client.batch_execute("ALTER TABLE append DISABLE TRIGGER USER").unwrap();
    for position in 1..=events {
        let row = client
            .query_one(
                "SELECT hash, body FROM event WHERE position = $1",
                &[&i64::try_from(position).unwrap()],
            )
            .unwrap();
        let (hash, body): (String, String) = (row.get(0), row.get(1));
        for bytes in flipped(&body).step_by(2) {
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let update = "UPDATE event SET body = $1 WHERE hash = $2";
            client.execute(update, &[&changed, &hash]).unwrap();
            assert_eq!(first_bad(&examined(&mut ledger)), Some(position));
            client.execute(update, &[&body, &hash]).unwrap();
        }
    }
    assert!(examined(&mut ledger).is_whole());
    for (sql, expected) in [
        ("DELETE FROM event WHERE position = 7".to_owned(), 7),
        (format!("DELETE FROM event WHERE position = {events}"), events),
        (
            "UPDATE event SET position = 1000 WHERE position = 8; UPDATE event SET position = 8 WHERE position = 9; \
             UPDATE event SET position = 9 WHERE position = 1000"
                .to_owned(),
            8,
        ),
    ] {
        client.batch_execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM event").unwrap();
        client.batch_execute(&sql).unwrap();
        assert_eq!(first_bad(&examined(&mut ledger)), Some(expected), "{sql}");
        client.batch_execute("DELETE FROM event; INSERT INTO event SELECT * FROM kept").unwrap();
    }
    assert!(examined(&mut ledger).is_whole());
}

#[test]
fn a_role_with_the_rights_given_appends_and_reads_and_changes_nothing_even_without_triggers() {
    let Some(location) = support::database() else { return };
    let (_, events) = restored(&location);
    let Location::Postgres(address) = &location else { panic!("a server") };
    let mut owner = postgres::Client::connect(address, postgres::NoTls).unwrap();
    owner.batch_execute("CREATE ROLE posology_app LOGIN").unwrap();
    owner.batch_execute(&ledger::grants("posology_app")).unwrap();
    for table in ["event", "append", "sealed", "schema_version"] {
        owner.batch_execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).unwrap();
    }
    let theirs = address.replace("posology@", "posology_app@");
    let mut ledger = Ledger::open(&Location::Postgres(theirs.clone())).unwrap();
    assert!(examined(&mut ledger).is_whole());
    let head = ledger.head(TRIAL).unwrap();
    let lines: Vec<Line> = support::lines(&head, [1]);
    assert_eq!(ledger.append(TRIAL, &head, &lines, None).unwrap().last, events + 1);
    assert_eq!(ledger.put_account(TRIAL, "ann", 0, "a").unwrap(), 1);
    assert_eq!(ledger.put_account(TRIAL, "ann", 1, "b").unwrap(), 2);
    let mut client = postgres::Client::connect(&theirs, postgres::NoTls).unwrap();
    for change in [
        "UPDATE event SET body = '{}'",
        "DELETE FROM event",
        "TRUNCATE event",
        "UPDATE append SET hash = ''",
        "DELETE FROM sealed",
        "DELETE FROM account",
        "ALTER TABLE event ENABLE TRIGGER USER",
        "DROP TABLE event",
    ] {
        let said = refused_in_words(&mut client, change);
        assert!(said.contains("permission denied") || said.contains("must be owner"), "{change}: {said}");
    }
    // And through the ledger a refusal of the store is told as such.
    owner.batch_execute("REVOKE INSERT ON event FROM posology_app").unwrap();
    let head: Head = ledger.head(TRIAL).unwrap();
    let error = ledger.append(TRIAL, &head, &support::lines(&head, [2]), None).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
    assert_eq!(ledger.head(TRIAL).unwrap(), head);
}
