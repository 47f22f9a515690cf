//! The ledger, the same on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use posology_record::ledger::{
    Command, Head, Ledger, LedgerError, Line, Location, SCHEMA_VERSION, SealedContent,
};
use support::{lines, stores};

const TRIAL: &str = "T-1";

fn each_store(test: impl Fn(&mut Ledger)) {
    let (_folder, stores) = stores();
    for location in stores {
        println!("{}", location.shown());
        test(&mut Ledger::open_or_create(&location).unwrap());
    }
}

/// Raw SQL, past the ledger.
fn raw(location: &Location, sql: &str) -> Result<(), String> {
    match location {
        Location::File(path) => {
            rusqlite::Connection::open(path).unwrap().execute_batch(sql).map_err(|error| error.to_string())
        }
        Location::Postgres(address) => {
            postgres::Client::connect(address, postgres::NoTls).unwrap().batch_execute(sql).map_err(|error| {
                error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
            })
        }
    }
}

#[test]
fn what_is_appended_is_read_again_in_order_and_byte_for_byte() {
    each_store(|ledger| {
        let first = lines(&Head::genesis(), 0..5);
        let appended = ledger.append(TRIAL, &Head::genesis(), &first, None).unwrap();
        assert_eq!((appended.first, appended.last, appended.repeated), (1, 5, false));
        let head = ledger.head(TRIAL).unwrap();
        assert_eq!(head, Head { position: 5, hash: appended.hash });
        let second = lines(&head, 5..8);
        ledger.append(TRIAL, &head, &second, None).unwrap();
        let mut read = Vec::new();
        ledger
            .for_each::<LedgerError>(TRIAL, 1, |position, line| {
                read.push((position, line));
                Ok(())
            })
            .unwrap();
        let all: Vec<(u64, Line)> = (1..).zip(first.into_iter().chain(second)).collect();
        assert_eq!(read, all);
        assert_eq!(ledger.chain(TRIAL).unwrap(), support::chain(8));
        assert_eq!(ledger.appends(TRIAL).unwrap().last(), Some(&ledger.head(TRIAL).unwrap()));
        let reopened = Ledger::open(&ledger.location().clone()).unwrap().chain(TRIAL).unwrap();
        assert_eq!(reopened.entries().len(), 8);
    });
}

#[test]
fn trials_in_one_ledger_do_not_touch() {
    each_store(|ledger| {
        for trial in ["B", "A"] {
            ledger.append(trial, &Head::genesis(), &lines(&Head::genesis(), 0..3), None).unwrap();
        }
        assert_eq!(ledger.trials().unwrap(), ["A", "B"]);
        assert_eq!(ledger.head("A").unwrap(), ledger.head("B").unwrap());
        assert_eq!(ledger.head("C").unwrap(), Head::genesis());
    });
}

#[test]
fn of_two_appends_upon_one_head_one_is_told_that_the_record_moved() {
    each_store(|ledger| {
        ledger.append(TRIAL, &Head::genesis(), &lines(&Head::genesis(), 0..1), None).unwrap();
        let late = ledger.append(TRIAL, &Head::genesis(), &lines(&Head::genesis(), 7..8), None);
        assert!(matches!(late, Err(LedgerError::Stale { found: Head { position: 1, .. }, .. })), "{late:?}");
        assert_eq!(ledger.head(TRIAL).unwrap().position, 1);
    });
}

#[test]
fn a_request_repeated_under_its_key_is_done_once_and_another_under_it_is_refused() {
    each_store(|ledger| {
        let command = |digest: &str| Command { client_key: "k".to_owned(), digest: digest.to_owned() };
        let made = lines(&Head::genesis(), 0..2);
        let once = ledger.append(TRIAL, &Head::genesis(), &made, Some(&command("d"))).unwrap();
        // Even upon another head and with other bytes: the request is known by its key.
        let head = ledger.head(TRIAL).unwrap();
        let again = ledger.append(TRIAL, &head, &lines(&head, 2..4), Some(&command("d"))).unwrap();
        assert_eq!(
            (again.first, again.last, again.hash, again.repeated),
            (once.first, once.last, once.hash, true)
        );
        let other = ledger.append(TRIAL, &head, &lines(&head, 2..4), Some(&command("e")));
        assert!(matches!(other, Err(LedgerError::KeyReused { .. })), "{other:?}");
        assert_eq!(ledger.head(TRIAL).unwrap().position, 2);
    });
}

#[test]
fn a_hash_that_does_not_follow_is_refused_whole() {
    each_store(|ledger| {
        let mut made = lines(&Head::genesis(), 0..3);
        made[2].body.push(' ');
        let broken = ledger.append(TRIAL, &Head::genesis(), &made, None);
        assert!(matches!(broken, Err(LedgerError::Broken { position: 3, .. })), "{broken:?}");
        assert!(matches!(ledger.append(TRIAL, &Head::genesis(), &[], None), Err(LedgerError::Empty)));
        assert_eq!(ledger.head(TRIAL).unwrap(), Head::genesis());
    });
}

#[test]
fn the_tables_refuse_change_and_removal() {
    each_store(|ledger| {
        ledger.append(TRIAL, &Head::genesis(), &lines(&Head::genesis(), 0..2), None).unwrap();
        let content =
            SealedContent { commitment: "c".repeat(64), salt: "s".repeat(64), content: "{}".to_owned() };
        ledger.keep_sealed(TRIAL, &content).unwrap();
        ledger.keep_sealed(TRIAL, &content).unwrap();
        assert_eq!(ledger.sealed(TRIAL).unwrap(), [content]);
        let location = ledger.location().clone();
        let mut changes = vec![
            "UPDATE event SET body = '{}'",
            "DELETE FROM event WHERE position = 2",
            "DELETE FROM append",
            "UPDATE append SET hash = ''",
            "UPDATE sealed SET content = ''",
            "DELETE FROM sealed",
            "DELETE FROM schema_version",
        ];
        if matches!(location, Location::Postgres(_)) {
            changes.extend(["TRUNCATE event", "TRUNCATE append, sealed"]);
        }
        for change in changes {
            let refused = raw(&location, change).unwrap_err();
            assert!(refused.contains("append-only"), "{change}: {refused}");
        }
        assert_eq!(ledger.chain(TRIAL).unwrap(), support::chain(2));
    });
}

#[test]
fn an_account_is_written_only_upon_the_version_that_was_read() {
    each_store(|ledger| {
        assert_eq!(ledger.account(TRIAL, "ann").unwrap(), None);
        assert_eq!(ledger.put_account(TRIAL, "ann", 0, "a").unwrap(), 1);
        assert_eq!(ledger.put_account(TRIAL, "ann", 1, "b").unwrap(), 2);
        let late = ledger.put_account(TRIAL, "ann", 1, "c");
        assert!(matches!(late, Err(LedgerError::AccountMoved { found: 2, .. })), "{late:?}");
        assert_eq!(ledger.account(TRIAL, "ann").unwrap().unwrap().body, "b");
        assert_eq!(ledger.account_names(TRIAL).unwrap(), ["ann"]);
    });
}

/// The tables as version 1 made them, with two events.
const VERSION_1: &str = include_str!("fixtures/version-1.sql");

#[test]
fn a_record_of_an_earlier_schema_is_brought_up_to_date_and_one_of_a_later_is_refused() {
    let (_folder, stores) = stores();
    for location in stores {
        let mut sql = VERSION_1.to_owned();
        for (number, line) in (1..).zip(lines(&Head::genesis(), 0..2)) {
            let previous = if number == 1 {
                Head::genesis().hash
            } else {
                lines(&Head::genesis(), 0..1)[0].hash.clone()
            };
            sql.push_str(&format!(
                "INSERT INTO event VALUES ('{TRIAL}', {number}, '{}', '{previous}', '{}');\n",
                line.hash, line.body
            ));
        }
        raw_create(&location, &sql);
        let mut ledger = Ledger::open(&location).unwrap();
        assert_eq!(ledger.chain(TRIAL).unwrap(), support::chain(2));
        assert_eq!(ledger.put_account(TRIAL, "ann", 0, "a").unwrap(), 1);
        let head = ledger.head(TRIAL).unwrap();
        ledger.append(TRIAL, &head, &lines(&head, 2..3), None).unwrap();
        drop(ledger);
        raw(&location, &format!("INSERT INTO schema_version (version) VALUES ({})", SCHEMA_VERSION + 1))
            .unwrap();
        let later = Ledger::open(&location).unwrap_err();
        assert!(matches!(later, LedgerError::NewerSchema { .. }), "{later}");
    }
}

fn raw_create(location: &Location, sql: &str) {
    if let Location::File(path) = location {
        std::fs::write(path, []).unwrap();
    }
    raw(location, sql).unwrap();
}

#[test]
fn what_is_no_ledger_is_refused_with_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.db");
    let location = Location::File(path.clone());
    assert!(matches!(Ledger::open(&location), Err(LedgerError::Absent { .. })));
    std::fs::write(
        &path,
        "This is a letter, not a database, and long enough to be mistaken for one. ".repeat(9),
    )
    .unwrap();
    let error = Ledger::open_or_create(&location).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE recipes (name text)").unwrap();
    let error = Ledger::open_or_create(&location).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    let nowhere = Location::parse("postgres://nobody:secret@127.0.0.1:1/none");
    let error = Ledger::open(&nowhere).unwrap_err().to_string();
    assert!(error.contains("postgres://nobody@127.0.0.1:1/none") && !error.contains("secret"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.db");
    drop(Ledger::open_or_create(&Location::File(path.clone())).unwrap());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn writers_at_once_lose_and_double_nothing() {
    let (_folder, stores) = stores();
    for location in stores {
        let writers: u64 = if matches!(location, Location::File(_)) { 8 } else { 64 };
        let each = if writers == 8 { 10 } else { 3 };
        drop(Ledger::open_or_create(&location).unwrap());
        std::thread::scope(|scope| {
            for writer in 0..writers {
                let location = &location;
                scope.spawn(move || {
                    let mut ledger = Ledger::open(location).unwrap();
                    for turn in 0..each {
                        let number = writer * each + turn;
                        let command = Command { client_key: number.to_string(), digest: number.to_string() };
                        loop {
                            let head = ledger.head(TRIAL).unwrap();
                            match ledger.append(TRIAL, &head, &lines(&head, [number]), Some(&command)) {
                                Ok(_) => break,
                                Err(LedgerError::Stale { .. }) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                });
            }
        });
        let mut ledger = Ledger::open(&location).unwrap();
        let chain = ledger.chain(TRIAL).unwrap();
        let mut numbers: Vec<u64> = chain
            .entries()
            .iter()
            .map(|entry| match &entry.event.fact {
                posology_trial::event::Fact::CohortOpened(opened) => opened.cohort[1..].parse().unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..writers * each).collect::<Vec<_>>());
        let mut expected = 1;
        ledger
            .for_each::<LedgerError>(TRIAL, 1, |position, _| {
                assert_eq!(position, expected);
                expected += 1;
                Ok(())
            })
            .unwrap();
    }
}
