//! A record is whole, or the report says where it is not.
//!
//! 21 CFR 11.10(a) (altered records can be told), 11.10(e), 11.70 (signatures cannot be moved); ICH E6(R3) 4.2.

#![allow(clippy::unwrap_used, clippy::panic)]

mod record;

use posology_record::bundle;
use posology_record::ledger::{Head, Ledger, Line, Location, SealedContent};
use posology_record::verify::{self, Against, Report};
use posology_trial::cut::Cut;
use posology_trial::event::*;
use proptest::prelude::*;
use record::{TRIAL, bundled, chained, key, position, rewritten, small};

fn verified(bundle: &str) -> Report {
    verify::bundle(bundle.as_bytes(), &Against::default())
}

/// Name of the check and the position that are bad first.
#[track_caller]
fn first_bad(report: &Report) -> (&'static str, Option<u64>) {
    let Some((check, problem)) = report.first() else { panic!("whole:\n{report}") };
    assert!(!report.is_whole());
    (check.name, problem.position)
}

fn lines(bundle: &str) -> Vec<&str> {
    bundle.lines().collect()
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[test]
fn a_record_as_it_was_made_is_whole_and_every_check_counts_what_it_saw() {
    let record = small(1);
    let chain = record.chain();
    let report = verified(&bundled(chain));
    assert!(report.is_whole(), "{report}");
    let events = chain.entries().len() as u64;
    assert!((25..40).contains(&events), "{events}");
    let count = |name| report.check(name).unwrap().count;
    assert_eq!([count("format"), count("chain"), count("extent"), count("replay")], [events; 4]);
    // The founding, three keys and a new root; three signatures.
    assert_eq!((count("certificates"), count("signatures")), (5, 3));
    assert_eq!(report.root_key.unwrap(), key(1).public().to_string());
    assert_eq!(report.head, chain.head());
    assert_eq!(report.rests_on.len(), 2);
}

#[test]
fn each_bit_of_each_byte_flipped_is_detected_at_its_event() {
    let bundle = bundled(small(1).chain()).into_bytes();
    let half = bundle.len() * 2 / 3;
    std::thread::scope(|threads| {
        threads.spawn(|| flipped(&bundle, 0..half));
        threads.spawn(|| flipped(&bundle, half..bundle.len()));
    });
}

fn flipped(bundle: &[u8], places: std::ops::Range<usize>) {
    let header = bundle.iter().position(|byte| *byte == b'\n').unwrap();
    let mut line = bundle[..places.start].iter().filter(|byte| **byte == b'\n').count() as u64;
    for place in places {
        for bit in 0..8 {
            let mut tampered = bundle.to_vec();
            tampered[place] ^= 1 << bit;
            // Signatures need not be looked at: reading alone tells.
            let error = match bundle::Reader::open(&*tampered) {
                Ok(mut reader) => reader.find_map(Result::err).map(|error| (reader.head().position, error)),
                Err(error) => Some((0, error)),
            };
            let Some((whole, error)) = error else { panic!("bit {bit} of byte {place} was not detected") };
            if place > header {
                assert_eq!(whole + 1, line, "byte {place}, bit {bit}: {error}");
            }
        }
        if place.is_multiple_of(101) && place > header {
            let mut tampered = bundle.to_vec();
            tampered[place] ^= 1;
            let report = verify::bundle(&*tampered, &Against::default());
            let (check, position) = first_bad(&report);
            assert!(["format", "chain"].contains(&check), "{report}");
            assert_eq!(position, Some(line), "{report}");
        }
        line += u64::from(bundle[place] == b'\n');
    }
}

#[test]
fn a_header_that_says_something_else_is_detected() {
    let chain = small(1).chain().clone();
    let bundle = bundled(&chain);
    let events = chain.entries().len();
    let other = key(9).public().to_string();
    for (from, to, check, position) in [
        (format!("\"events\":{events}"), format!("\"events\":{}", events - 1), "extent", events as u64),
        (format!("\"events\":{events}"), format!("\"events\":{}", events + 1), "extent", events as u64 + 1),
        (chain.head().to_owned(), "0".repeat(64), "extent", events as u64),
        (key(1).public().to_string(), other, "extent", 1),
        ("\"trial\":\"T-1\"".into(), "\"trial\":\"T-2\"".into(), "extent", 1),
        ("posology-bundle/1".into(), "posology-bundle/2".into(), "format", 1),
        ("{\"bundle".into(), "\u{feff}{\"bundle".into(), "format", 1),
        ("{\"bundle".into(), " {\"bundle".into(), "format", 1),
    ] {
        let report = verified(&bundle.replacen(&from, &to, 1));
        assert_eq!(first_bad(&report), (check, Some(position)), "{from} -> {to}\n{report}");
    }
}

#[test]
fn other_newlines_blank_lines_and_bytes_after_the_end_are_refused() {
    let bundle = bundled(small(1).chain());
    let events = bundle.lines().count() as u64 - 1;
    for (tampered, at) in [
        (bundle.replace('\n', "\r\n"), 1),
        (bundle.replacen('\n', "\n\n", 2), 1),
        (format!("{bundle}\n"), events + 1),
        (format!("{bundle} "), events + 1),
        (format!("{bundle}{{}}\n"), events + 1),
        (bundle.trim_end().to_owned(), events),
        (bundle.replace(",\"hash\":", ", \"hash\":"), 1),
        (bundle.replace("Moreau", "Mor\\u0065au"), 2),
        (bundle.replace("Søren", "S\\u00f8ren"), 4),
        (bundle.replacen("T08:01:00Z", "T08:01:00.000Z", 1), 1),
        (bundle.replacen("T08:01:00Z", "T08:01:00+00:00", 1), 1),
    ] {
        assert_ne!(tampered, bundle);
        let report = verified(&tampered);
        assert_eq!(first_bad(&report), ("format", Some(at)), "{report}");
    }
    assert_eq!(first_bad(&verified("")), ("format", Some(1)));
}

#[test]
fn events_swapped_dropped_or_doubled_are_detected_at_the_first_that_does_not_follow() {
    let bundle = bundled(small(1).chain());
    let all = lines(&bundle);
    for place in 1..all.len() {
        let at = Some(place as u64);
        let mut dropped = all.clone();
        dropped.remove(place);
        if place + 1 < all.len() {
            assert_eq!(first_bad(&verified(&joined(&dropped))), ("chain", at), "dropped {place}");
            let mut swapped = all.clone();
            swapped.swap(place, place + 1);
            assert_eq!(first_bad(&verified(&joined(&swapped))), ("chain", at), "swapped {place}");
        } else {
            assert_eq!(first_bad(&verified(&joined(&dropped))), ("extent", at), "dropped the last");
        }
        let mut doubled = all.clone();
        doubled.insert(place, all[place]);
        assert_eq!(
            first_bad(&verified(&joined(&doubled))),
            ("chain", Some(place as u64 + 1)),
            "doubled {place}"
        );
    }
}

#[test]
fn a_tail_cut_off_shows_by_the_header_and_without_one_only_by_a_head_noted_elsewhere() {
    let chain = small(1).chain().clone();
    let bundle = bundled(&chain);
    let all = lines(&bundle);
    let shorter = &all[..all.len() - 3];
    let at = shorter.len() as u64;
    assert_eq!(first_bad(&verified(&joined(shorter))), ("extent", Some(at)));
    // A plain file of events, or a header made to fit: the first events of a record are a record.
    let plain = joined(&shorter[1..]);
    let fitted =
        bundled(&chained(chain.entries()[..shorter.len() - 1].iter().map(|entry| entry.event.clone())));
    for cut in [plain, fitted] {
        let report = verified(&cut);
        assert!(report.is_whole(), "{report}");
        assert!(!report.rests_on.is_empty());
        let against = Against { head: Some(chain.head()), ..Against::default() };
        let report = verify::bundle(cut.as_bytes(), &against);
        assert_eq!(first_bad(&report), ("extent", None), "{report}");
    }
    // Any head noted on the way is found in a record that goes on.
    for entry in chain.entries() {
        let against = Against { head: Some(&entry.hash), ..Against::default() };
        assert!(verify::bundle(bundle.as_bytes(), &against).is_whole());
    }
}

fn is_signature(fact: &Fact) -> bool {
    matches!(fact, Fact::Signature(_))
}

#[test]
fn a_signature_replaced_by_another_valid_one_is_detected_even_with_the_chain_made_anew() {
    let chain = small(1).chain().clone();
    let signatures: Vec<&Signature> = chain
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Signature(signature) => Some(signature),
            _ => None,
        })
        .collect();
    let at = position(&chain, is_signature);
    // The bytes of another signature under this statement.
    let moved = rewritten(&chain, |position, event| {
        if let (Fact::Signature(signature), true) = (&mut event.fact, position as u64 == at) {
            signature.signature = signatures[1].signature.clone();
        }
    });
    assert_eq!(first_bad(&verified(&bundled(&moved))), ("signatures", Some(at)));
    // A whole signature, statement and all, that belongs to a later event.
    let whole = rewritten(&chain, |position, event| {
        if position as u64 == at {
            event.fact = signatures[2].clone().into();
        }
    });
    let report = verified(&bundled(&whole));
    let bad = report.check("signatures").unwrap().problems.first().unwrap().position;
    assert_eq!(bad, Some(at), "{report}");
    // The event signed is changed, and the signature with it, but not its bytes.
    let signed = position(&chain, |fact| matches!(fact, Fact::ProtocolAdopted(_)));
    let changed = rewritten(&chain, |position, event| {
        if position as u64 == signed {
            event.recorded_by = "administrator".into();
            event.local_offset = Some("+01:00".into());
        }
    });
    assert_eq!(first_bad(&verified(&bundled(&changed))), ("signatures", Some(at)));
}

#[test]
fn another_meaning_name_role_or_time_under_a_signature_is_detected() {
    let chain = small(1).chain().clone();
    let at = position(&chain, is_signature);
    let changes: [fn(&mut Statement); 5] = [
        |statement| statement.meaning = Meaning::Authorship,
        |statement| statement.printed_name = "Another".into(),
        |statement| statement.role = Role::MedicalMonitor,
        |statement| statement.at = statement.at.checked_add(jiff::SignedDuration::from_secs(1)).unwrap(),
        |statement| statement.user = "administrator".into(),
    ];
    for change in changes {
        let changed = rewritten(&chain, |position, event| {
            if let (Fact::Signature(signature), true) = (&mut event.fact, position as u64 == at) {
                change(&mut signature.statement);
            }
        });
        let report = verified(&bundled(&changed));
        let bad = report.check("signatures").unwrap().problems.first().unwrap().position;
        assert_eq!(bad, Some(at), "{report}");
    }
}

/// The sponsor's first key and what it signed, made anew with a key of the attacker's, certified by another.
fn with_a_key_of_ones_own(chain: &Chain, certifier: u8) -> Chain {
    let (old, mine) = (key(2).public().to_string(), key(77));
    rewritten(chain, |_, event| match &mut event.fact {
        Fact::KeyIssued(issued) if issued.key == old => {
            issued.key = mine.public().to_string();
            issued.certificate = key(certifier).certify(TRIAL, &issued.user, &mine.public()).unwrap();
        }
        Fact::KeyRevoked(revoked) if revoked.key == old => revoked.key = mine.public().to_string(),
        Fact::Signature(signature) => {
            let mut statement = signature.statement.clone();
            let secret = if statement.key == old {
                statement.key = mine.public().to_string();
                &mine
            } else {
                // The administrator's and the sponsor's second key sign what now has other hashes: an attacker
                // without these keys would be found out there, too.
                return *signature = resigned(statement);
            };
            *signature = secret.sign(statement).unwrap();
        }
        _ => {}
    })
}

fn resigned(statement: Statement) -> Signature {
    let secret = (0..=u8::MAX).map(key).find(|key| key.public().to_string() == statement.key).unwrap();
    secret.sign(statement).unwrap()
}

#[test]
fn a_key_replaced_and_signed_with_anew_is_detected_unless_the_root_key_is_stolen() {
    let chain = small(1).chain().clone();
    let at = position(&chain, |fact| matches!(fact, Fact::KeyIssued(_)));
    let report = verified(&bundled(&with_a_key_of_ones_own(&chain, 76)));
    assert_eq!(first_bad(&report), ("certificates", Some(at)), "{report}");
    // Who holds the root key and every other key can write the record anew: only a head noted elsewhere tells.
    let stolen = bundled(&with_a_key_of_ones_own(&chain, 1));
    let report = verified(&stolen);
    assert!(report.is_whole(), "{report}");
    let against = Against { head: Some(chain.head()), ..Against::default() };
    assert_eq!(first_bad(&verify::bundle(stolen.as_bytes(), &against)), ("extent", None));
}

#[test]
fn a_root_key_rotated_by_another_than_the_root_is_detected() {
    let chain = small(1).chain().clone();
    let at = position(&chain, |fact| matches!(fact, Fact::RootKeyRotated(_)));
    let mine = key(77).public();
    let forged = rewritten(&chain, |_, event| match &mut event.fact {
        Fact::RootKeyRotated(rotated) => {
            rotated.key = mine.to_string();
            rotated.certificate = key(77).certify_root(TRIAL, &mine).unwrap();
        }
        Fact::Signature(signature) => *signature = resigned(signature.statement.clone()),
        _ => {}
    });
    assert_eq!(first_bad(&verified(&bundled(&forged))), ("certificates", Some(at)));
}

#[test]
fn a_record_written_anew_from_its_founding_shows_only_against_what_was_noted_elsewhere() {
    // The same trial, with a root and keys of the attacker's: whole in itself. Nothing inside a file can tell.
    let (real, forged) = (small(1), small(101));
    let bundle = bundled(forged.chain());
    let report = verified(&bundle);
    assert!(report.is_whole(), "{report}");
    assert!(report.to_string().contains("Rests on: the root key"), "{report}");
    let root = key(1).public().to_string();
    let by_root = Against { root_key: Some(&root), ..Against::default() };
    assert_eq!(first_bad(&verify::bundle(bundle.as_bytes(), &by_root)), ("certificates", Some(1)));
    let by_head = Against { head: Some(real.chain().head()), ..Against::default() };
    assert_eq!(first_bad(&verify::bundle(bundle.as_bytes(), &by_head)), ("extent", None));
    let both = Against { root_key: Some(&root), head: Some(real.chain().head()), ..Against::default() };
    let report = verify::bundle(bundled(real.chain()).as_bytes(), &both);
    assert!(report.is_whole() && report.rests_on.is_empty(), "{report}");
}

#[test]
fn a_signature_by_a_revoked_key_is_detected() {
    let record = small(1);
    let signed = record.chain().entries().iter().rev().nth(1).unwrap().hash.clone();
    let chain = record.chain().clone();
    let mut events: Vec<Event> = chain.entries().iter().map(|entry| entry.event.clone()).collect();
    let Fact::Signature(last) = &events.last().unwrap().fact else { panic!("a signature") };
    let revoked = key(2);
    let mut statement = last.statement.clone();
    (statement.key, statement.signs) = (revoked.public().to_string(), signed);
    events.last_mut().unwrap().fact = revoked.sign(statement).unwrap().into();
    let report = verified(&bundled(&chained(events)));
    assert_eq!(first_bad(&report).1, Some(chain.entries().len() as u64));
    assert!(!report.check("signatures").unwrap().problems.is_empty(), "{report}");
    // And the conduct of the trial refuses it, too.
    assert!(!report.check("replay").unwrap().problems.is_empty(), "{report}");
}

#[test]
fn an_event_that_could_not_have_been_recorded_is_named_by_its_rule() {
    let chain = small(1).chain().clone();
    // The release of the site before its approvals, well chained.
    let mut events: Vec<Event> = chain.entries().iter().map(|entry| entry.event.clone()).collect();
    let at = position(&chain, |fact| matches!(fact, Fact::SiteApproved(_)));
    events.remove(usize::try_from(at).unwrap() - 1);
    events.truncate(usize::try_from(at).unwrap() + 2);
    let report = verified(&bundled(&chained(events)));
    let problem = report.check("replay").unwrap().problems.first().unwrap();
    assert!(problem.expected.contains("site/released-after-approvals"), "{report}");
    assert_eq!(problem.position, Some(at + 1));
}

#[test]
fn a_data_cut_names_a_position_and_head_of_the_chain() {
    let chain = small(1).chain().clone();
    let cut = |position: usize, head: &str| {
        let cut = Cut { position, head: head.into(), cut_off: "2020-02-01T23:59:59Z".parse().unwrap() };
        let mut events: Vec<Event> = chain.entries().iter().map(|entry| entry.event.clone()).collect();
        let now = events.last().unwrap().recorded_at;
        events.push(Event::new(now, "statistician", DataCut { review: 1, cohort: None, cut, advice: None }));
        verified(&bundled(&chained(events)))
    };
    let at = chain.entries().len();
    let cuts = |report: &Report| report.check("cuts").unwrap().clone();
    let good = cuts(&cut(at, chain.head()));
    assert_eq!((good.count, good.problems.len()), (1, 0));
    for (position, head) in
        [(at, GENESIS), (at - 1, chain.head()), (at + 1, chain.head()), (at + 2, chain.head())]
    {
        let bad = cuts(&cut(position, head));
        assert_eq!(bad.problems.first().unwrap().position, Some(at as u64 + 1), "{bad:?}");
    }
}

#[test]
fn packet_files_in_a_folder_have_the_hashes_frozen() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("review-1")).unwrap();
    std::fs::write(folder.path().join("review-1/tables.csv"), "1,2\n").unwrap();
    std::fs::write(folder.path().join("packet.html"), "<p>").unwrap();
    let file = |name: &str, bytes: &str| PacketFile { name: name.into(), sha256: sha256(bytes.as_bytes()) };
    let frozen = |files| {
        let packet = PacketFrozen { review: 1, files, prepared_by: None };
        let mut chain = Chain::default();
        chain.append(Event::new("2020-02-01T08:00:00Z".parse().unwrap(), "s", packet)).unwrap();
        let against = Against { packets: Some(folder.path()), ..Against::default() };
        verify::bundle(chain.write().as_bytes(), &against)
    };
    let report =
        frozen(vec![file("tables.csv", "1,2\n"), file("packet.html", "<p>"), file("elsewhere.pdf", "%PDF")]);
    assert!(report.is_whole(), "{report}");
    assert_eq!(report.check("packets").unwrap().count, 2);
    let report = frozen(vec![file("tables.csv", "1,3\n")]);
    assert_eq!(first_bad(&report), ("packets", Some(1)), "{report}");
    let nowhere = folder.path().join("nowhere");
    let against = Against { packets: Some(&nowhere), ..Against::default() };
    assert!(!verify::bundle(bundled(small(1).chain()).as_bytes(), &against).is_whole());
}

fn vote() -> (Vote, SealedContent) {
    let vote = Vote {
        review: 1,
        user: "member".into(),
        motion: Recommended::Escalate,
        next_cohort: None,
        choice: Choice::For,
        written: false,
        packet: "ab".repeat(32),
    };
    let (salt, content) = ("5a".repeat(32), canonical(&Closed::Vote(vote.clone())).unwrap());
    let commitment = sha256(format!("{salt}{content}").as_bytes());
    (vote, SealedContent { commitment, salt, content })
}

/// A sealed vote, and perhaps its unsealing, in a mere file of events.
fn sealed(commitment: &str, unsealed: Option<(&str, Vote)>) -> Chain {
    let now = "2020-02-01T08:00:00Z".parse().unwrap();
    let mut chain = Chain::default();
    let fact = Sealed { review: 1, kind: ClosedKind::Vote, commitment: commitment.into() };
    let hash = chain.append(Event::new(now, "member", fact)).unwrap().to_owned();
    if let Some((salt, vote)) = unsealed {
        let fact = Unsealed { sealed: hash, salt: salt.into(), content: Closed::Vote(vote) };
        chain.append(Event::new(now, "member", fact)).unwrap();
    }
    chain
}

#[test]
fn a_sealed_vote_shows_no_byte_of_itself_and_opens_only_as_it_was() {
    let (vote, content) = vote();
    let chain = sealed(&content.commitment, None);
    for closed in ["\"for\"", "escalate", &content.salt, "motion"] {
        assert!(!chain.write().contains(closed), "{closed} stands in the record");
    }
    let at_hand = |contents: &[SealedContent]| {
        let against = Against { sealed: contents, ..Against::default() };
        verify::bundle(chain.write().as_bytes(), &against)
    };
    assert!(at_hand(&[]).check("sealed").unwrap().skipped.is_some());
    let report = at_hand(std::slice::from_ref(&content));
    assert_eq!((report.is_whole(), report.check("sealed").unwrap().count), (true, 1), "{report}");
    let changed =
        SealedContent { content: content.content.replace("\"for\"", "\"against\""), ..content.clone() };
    assert_eq!(first_bad(&at_hand(&[changed])), ("sealed", Some(1)));
    let unknown = SealedContent { commitment: "00".repeat(32), ..content.clone() };
    assert_eq!(first_bad(&at_hand(&[unknown])), ("sealed", None));
    let opened = sealed(&content.commitment, Some((&content.salt, vote.clone())));
    assert!(verified(&opened.write()).is_whole());
    let other = Vote { choice: Choice::Against, ..vote.clone() };
    for (salt, vote) in [(content.salt.as_str(), other), (&"00".repeat(32), vote)] {
        let opened = sealed(&content.commitment, Some((salt, vote)));
        assert_eq!(first_bad(&verified(&opened.write())), ("sealed", Some(2)));
    }
}

#[test]
fn a_file_of_closed_sessions_is_canonical_complete_and_fits_its_commitments() {
    let (_, content) = vote();
    let head = Head { position: 1, hash: "ab".repeat(32) };
    let mut file = Vec::new();
    bundle::write_sealed(TRIAL, &head, std::slice::from_ref(&content), &mut file).unwrap();
    let (header, contents) = bundle::read_sealed(&*file).unwrap();
    assert_eq!((header.contents, header.trial.as_str(), contents), (1, TRIAL, vec![content]));
    let line = file.iter().position(|byte| *byte == b'\n').unwrap();
    for place in line..file.len() {
        for bit in 0..8 {
            let mut tampered = file.clone();
            tampered[place] ^= 1 << bit;
            assert!(bundle::read_sealed(&*tampered).is_err(), "bit {bit} of byte {place}");
        }
    }
    assert!(bundle::read_sealed(&file[..=line]).is_err());
}

/// A ledger with the small record in it, appended in groups.
fn stored(folder: &tempfile::TempDir, chain: &Chain) -> (Location, Ledger) {
    let location = Location::File(folder.path().join("record.db"));
    let mut ledger = Ledger::open_or_create(&location).unwrap();
    let mut head = Head::genesis();
    for group in chain.entries().chunks(4) {
        let lines: Vec<Line> = group
            .iter()
            .map(|entry| Line { hash: entry.hash.clone(), body: entry.canonical().to_owned() })
            .collect();
        let appended = ledger.append(TRIAL, &head, &lines, None).unwrap();
        head = Head { position: appended.last, hash: appended.hash };
    }
    (location, ledger)
}

/// What someone with the file and a SQLite shell can do: drop the triggers, then anything.
fn attacked(chain: &Chain, sql: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let (location, mut ledger) = stored(&folder, chain);
    assert!(verify::ledger(&mut ledger, TRIAL, &Against::default()).unwrap().is_whole());
    let Location::File(path) = &location else { panic!("a file") };
    let database = rusqlite::Connection::open(path).unwrap();
    let triggers: Vec<String> = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(!triggers.is_empty());
    assert!(database.execute_batch(sql).is_err(), "the triggers refuse: {sql}");
    for trigger in triggers {
        database.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
    }
    database.execute_batch(sql).unwrap();
    drop(database);
    verify::ledger(&mut ledger, TRIAL, &Against { head: Some(chain.head()), ..Against::default() }).unwrap()
}

#[test]
fn a_database_whose_triggers_were_dropped_and_rows_changed_is_detected() {
    let chain = small(1).chain().clone();
    let last = chain.entries().len() as u64;
    for (sql, check, position) in [
        ("UPDATE event SET body = replace(body, '\"212\"', '\"112\"')".to_owned(), "chain", None),
        ("UPDATE event SET body = replace(body, 'Moreau', 'Mor\\u0065au')".to_owned(), "format", Some(2)),
        ("UPDATE event SET body = ' ' || body WHERE position = 5".to_owned(), "format", Some(5)),
        ("UPDATE event SET body = '' WHERE position = 5".to_owned(), "format", Some(5)),
        ("UPDATE event SET hash = replace(hash, 'a', 'b') WHERE position = 5".to_owned(), "chain", Some(5)),
        ("DELETE FROM event WHERE position = 7".to_owned(), "extent", Some(7)),
        ("DELETE FROM event WHERE position = 1".to_owned(), "extent", Some(1)),
        (
            "UPDATE event SET position = 1000 WHERE position = 8; UPDATE event SET position = 8 WHERE position = 9; \
             UPDATE event SET position = 9 WHERE position = 1000"
                .to_owned(),
            "chain",
            Some(8),
        ),
        // The end cut off: the row of its append still names it.
        (format!("DELETE FROM event WHERE position > {}", last - 2), "rows", Some(last)),
        // With that row gone, too, only the head noted elsewhere tells.
        ("DELETE FROM event WHERE position > 8; DELETE FROM append WHERE last_position > 8".to_owned(), "extent", None),
        (format!("UPDATE append SET hash = '{}' WHERE last_position = 8", "ab".repeat(32)), "rows", Some(8)),
        ("DELETE FROM append WHERE last_position > 8".to_owned(), "rows", Some(9)),
        ("UPDATE event SET trial = 'T-2'; UPDATE append SET trial = 'T-2'".to_owned(), "extent", None),
    ] {
        let report = attacked(&chain, &sql);
        let (found, at) = first_bad(&report);
        assert_eq!(found, check, "{sql}\n{report}");
        if position.is_some() || check == "extent" {
            assert_eq!(at, position, "{sql}\n{report}");
        }
    }
}

#[test]
fn a_record_kept_under_another_trial_s_name_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open_or_create(&Location::File(folder.path().join("record.db"))).unwrap();
    let lines: Vec<Line> = small(1)
        .chain()
        .entries()
        .iter()
        .map(|entry| Line { hash: entry.hash.clone(), body: entry.canonical().to_owned() })
        .collect();
    ledger.append("T-2", &Head::genesis(), &lines, None).unwrap();
    let report = verify::ledger(&mut ledger, "T-2", &Against::default()).unwrap();
    assert_eq!(first_bad(&report), ("extent", Some(1)), "{report}");
}

#[test]
fn the_report_reads_as_sentences_with_place_expected_found_and_mend() {
    let bundle = bundled(small(1).chain()).replacen("\"212\"", "\"112\"", 1);
    let text = verified(&bundle).to_string();
    assert!(text.starts_with("trial T-1: "), "{text}");
    assert!(text.contains("BAD chain"), "{text}");
    assert!(text.contains("an event was changed, removed or moved; mend: restore the record"), "{text}");
    assert!(text.contains("The record is NOT whole: first bad is event "), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Bytes overwritten, cut out or put in, lines moved: the record is never called whole, and nothing panics.
    #[test]
    fn no_random_tampering_leaves_a_whole_record(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        use std::sync::OnceLock;
        static BUNDLE: OnceLock<Vec<u8>> = OnceLock::new();
        let bundle = BUNDLE.get_or_init(|| bundled(small(1).chain()).into_bytes());
        let mut bytes = bundle.clone();
        for (place, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        prop_assume!(&bytes != bundle);
        let report = verify::bundle(&*bytes, &Against::default());
        prop_assert!(!report.is_whole());
        prop_assert!(report.first().is_some());
    }
}
