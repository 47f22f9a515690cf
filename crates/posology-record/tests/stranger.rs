//! A stranger verifies a bundle with the published format, Python and openssl, and no Posology.
//!
//! 21 CFR 11.10(b), (c): complete copies that can be inspected; the script is `docs/verify_bundle.py`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod record;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use posology_record::bundle;
use posology_record::ledger::{Head, SealedContent};
use posology_record::verify::{self, Against};
use posology_trial::cut::Cut;
use posology_trial::event::*;
use record::{TRIAL, bundled, chained, key, position, rewritten, small};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether the programs of a stranger are here; says so where they are not.
fn can_ask() -> bool {
    let there = |program: &str, argument: &str| {
        let done = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    let all = there("python3", "--version") && there("openssl", "version");
    if !all {
        println!("skipped: python3 or openssl is missing");
    }
    all
}

/// What the script answers: its exit status and what it printed.
fn asked(folder: &Path, bytes: &[u8], options: &[&str]) -> (i32, String) {
    let path = folder.join("bundle.ndjson");
    std::fs::write(&path, bytes).unwrap();
    let script = root().join("docs/verify_bundle.py");
    let output = Command::new("python3").arg(script).arg(&path).args(options).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

/// The position that the script calls bad first; none where it is the whole.
#[track_caller]
fn refused(folder: &Path, bytes: &[u8], options: &[&str]) -> Option<u64> {
    let (status, said) = asked(folder, bytes, options);
    assert_eq!(status, 1, "{said}");
    let at = said.split("first bad is ").nth(1).unwrap();
    at.strip_prefix("event ").map(|rest| rest.split(':').next().unwrap().parse().unwrap())
}

/// Both must refuse it, at the same event.
#[track_caller]
fn both_refuse(folder: &Path, bundle: &str) -> Option<u64> {
    let report = verify::bundle(bundle.as_bytes(), &Against::default());
    let (_, problem) = report.first().unwrap();
    let found = refused(folder, bundle.as_bytes(), &[]);
    assert_eq!(found, problem.position, "{report}");
    found
}

/// The small record with a vote sealed, a data cut, and the vote unsealed; and what was sealed.
fn with_a_closed_session() -> (Chain, SealedContent) {
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
    let commitment = bundle::commitment(&salt, &content);
    let small = small(1).chain().clone();
    let mut events: Vec<Event> = small.entries().iter().map(|entry| entry.event.clone()).collect();
    let now = events.last().unwrap().recorded_at;
    let fact = Sealed { review: 1, kind: ClosedKind::Vote, commitment: commitment.clone() };
    events.push(Event::new(now, "member", fact));
    let sealed = chained(events.clone()).head().to_owned();
    let cut = Cut { position: small.entries().len(), head: small.head().into(), cut_off: now };
    events.push(Event::new(now, "statistician", DataCut { review: 1, cohort: None, cut, advice: None }));
    let fact = Unsealed { sealed, salt: salt.clone(), content: Closed::Vote(vote) };
    events.push(Event::new(now, "member", fact));
    (chained(events), SealedContent { commitment, salt, content })
}

#[test]
fn a_whole_bundle_is_whole_to_a_stranger_and_he_counts_the_same() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let chain = small(1).chain().clone();
    let (head, root_key) = (chain.head().to_owned(), key(1).public().to_string());
    let options = ["--head", &head, "--root-key", &root_key];
    let (status, said) = asked(folder.path(), bundled(&chain).as_bytes(), &options);
    assert_eq!(status, 0, "{said}");
    let report = verify::bundle(bundled(&chain).as_bytes(), &Against::default());
    let count = |name| report.check(name).unwrap().count;
    // The founding's own root key has no certificate.
    let counted =
        format!("{} certificates and {} signatures hold", count("certificates") - 1, count("signatures"));
    for expected in [&*head, &root_key, &counted, &format!("{} events", chain.entries().len())] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let other = key(9).public().to_string();
    let bundle = bundled(&chain);
    assert_eq!(refused(folder.path(), bundle.as_bytes(), &["--root-key", &other]), Some(1));
    assert_eq!(refused(folder.path(), bundle.as_bytes(), &["--head", &"0f".repeat(32)]), None);
}

#[test]
fn each_line_damaged_swapped_dropped_or_cut_off_is_refused_at_its_event() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundled(small(1).chain());
    let lines: Vec<&str> = bundle.lines().collect();
    let joined = |lines: &[&str]| -> String { lines.iter().flat_map(|line| [*line, "\n"]).collect() };
    for place in 0..lines.len() {
        // A byte in the middle of the line, which is text of ASCII there or becomes no UTF-8: either is told.
        let mut bytes = bundle.clone().into_bytes();
        let from: usize = lines[..place].iter().map(|line| line.len() + 1).sum();
        bytes[from + lines[place].len() / 2] ^= 1;
        let report = verify::bundle(&*bytes, &Against::default());
        let expected = report.first().unwrap().1.position;
        assert_eq!(refused(folder.path(), &bytes, &[]), expected, "{report}");
        if place > 0 && place.is_multiple_of(4) && place + 1 < lines.len() {
            let at = Some(place as u64);
            let mut dropped = lines.clone();
            dropped.remove(place);
            assert_eq!(both_refuse(folder.path(), &joined(&dropped)), at, "dropped {place}");
            let mut swapped = lines.clone();
            swapped.swap(place, place + 1);
            assert_eq!(both_refuse(folder.path(), &joined(&swapped)), at, "swapped {place}");
            assert_eq!(both_refuse(folder.path(), &joined(&lines[..=place])), Some(place as u64 + 1), "cut");
        }
    }
}

#[test]
fn other_bytes_of_the_same_meaning_and_another_header_are_refused() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let chain = small(1).chain().clone();
    let (bundle, events) = (bundled(&chain), chain.entries().len());
    for tampered in [
        bundle.replace('\n', "\r\n"),
        format!("{bundle}\n"),
        bundle.trim_end().to_owned(),
        bundle.replace(",\"hash\":", ", \"hash\":"),
        bundle.replace("Moreau", "Mor\\u0065au"),
        bundle.replace("Søren", "S\\u00f8ren"),
        bundle.replacen("\"signs\":", "\"signs\":\"\",\"signs\":", 1),
        bundle.replacen(&format!("\"events\":{events}"), &format!("\"events\":{}", events - 1), 1),
        bundle.replacen(&format!("\"events\":{events}"), &format!("\"events\":{}", events + 1), 1),
        bundle.replacen(&format!("\"events\":{events}"), &format!("\"events\":{events}.0"), 1),
        bundle.replacen(chain.head(), &"0".repeat(64), 1),
        bundle.replacen(&key(1).public().to_string(), &key(9).public().to_string(), 1),
        bundle.replacen("\"trial\":\"T-1\"", "\"trial\":\"T-2\"", 1),
        bundle.replacen("posology-bundle/1", "posology-bundle/2", 1),
        String::new(),
    ] {
        assert_ne!(tampered, bundle);
        assert!(both_refuse(folder.path(), &tampered).is_some());
    }
}

#[test]
fn a_record_written_anew_with_another_signature_certificate_or_key_is_refused() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let chain = small(1).chain().clone();
    let signatures: Vec<Signature> = chain
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Signature(signature) => Some(signature.clone()),
            _ => None,
        })
        .collect();
    let at = position(&chain, |fact| matches!(fact, Fact::Signature(_)));
    let refuse = |change: &dyn Fn(&mut Signature)| {
        let anew = rewritten(&chain, |position, event| {
            if let (Fact::Signature(signature), true) = (&mut event.fact, position as u64 == at) {
                change(signature);
            }
        });
        assert_eq!(refused(folder.path(), bundled(&anew).as_bytes(), &[]), Some(at));
    };
    refuse(&|signature| signature.signature = signatures[1].signature.clone());
    refuse(&|signature| *signature = signatures[2].clone());
    refuse(&|signature| signature.statement.printed_name = "Another".into());
    refuse(&|signature| signature.statement.user = "administrator".into());
    refuse(&|signature| signature.statement.trial = "T-2".into());
    // The event signed is changed, and every hash after it, but no signature: the first that names it is refused.
    let changed = rewritten(&chain, |_, event| {
        if matches!(event.fact, Fact::ProtocolAdopted(_)) {
            event.local_offset = Some("+01:00".into());
        }
    });
    assert_eq!(refused(folder.path(), bundled(&changed).as_bytes(), &[]), Some(at));
    // A key certified by another than the root.
    let issued = position(&chain, |fact| matches!(fact, Fact::KeyIssued(_)));
    let forged = rewritten(&chain, |position, event| {
        if let (Fact::KeyIssued(fact), true) = (&mut event.fact, position as u64 == issued) {
            fact.certificate = key(66).certify(TRIAL, &fact.user, &key(2).public()).unwrap();
        }
    });
    assert_eq!(refused(folder.path(), bundled(&forged).as_bytes(), &[]), Some(issued));
    // A signature by a key that was revoked before.
    let revoked = rewritten(&chain, |position, event| {
        if let (Fact::Signature(signature), true) = (&mut event.fact, position == chain.entries().len()) {
            signature.statement.key = key(2).public().to_string();
            *signature = key(2).sign(signature.statement.clone()).unwrap();
        }
    });
    assert_eq!(refused(folder.path(), bundled(&revoked).as_bytes(), &[]), Some(chain.entries().len() as u64));
}

#[test]
fn an_event_is_taken_back_once_and_only_with_its_subject() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let small = small(1).chain().clone();
    let screened =
        small.entries().iter().find(|entry| matches!(entry.event.fact, Fact::Screening(_))).unwrap();
    let retracted = |subject: &str| Retracted {
        subject: subject.into(),
        event: screened.hash.clone(),
        reason: "in error".into(),
    };
    let now = small.entries().last().unwrap().event.recorded_at;
    let with = |facts: &[Retracted]| {
        let mut events: Vec<Event> = small.entries().iter().map(|entry| entry.event.clone()).collect();
        events.extend(facts.iter().map(|fact| Event::new(now, "site-coordinator", fact.clone())));
        // Hashed by hand: the program does not chain what it refuses.
        let mut head = GENESIS.to_owned();
        let lines: Vec<String> = events
            .iter()
            .map(|event| {
                let body = canonical(event).unwrap();
                head = sha256(format!("{head}{body}").as_bytes());
                format!("{{\"event\":{body},\"hash\":\"{head}\"}}\n")
            })
            .collect();
        let root_key = key(1).public();
        let header = format!(
            "{{\"bundle\":\"posology-bundle/1\",\"events\":{},\"head\":\"{head}\",\"root-key\":\"{root_key}\",\"trial\":\"{TRIAL}\"}}\n",
            lines.len()
        );
        header + &lines.concat()
    };
    let last = small.entries().len() as u64;
    let (status, said) = asked(folder.path(), with(&[retracted("S-1")]).as_bytes(), &[]);
    assert_eq!(status, 0, "{said}");
    let twice = with(&[retracted("S-1"), retracted("S-1")]);
    assert_eq!(refused(folder.path(), twice.as_bytes(), &[]), Some(last + 2));
    assert_eq!(refused(folder.path(), with(&[retracted("S-2")]).as_bytes(), &[]), Some(last + 1));
}

type Change = fn(&mut Event);

#[test]
fn a_commitment_opens_only_to_what_was_sealed_and_a_cut_names_an_earlier_head() {
    if !can_ask() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (chain, sealed) = with_a_closed_session();
    let last = chain.entries().len();
    let mut file = Vec::new();
    bundle::write_sealed(TRIAL, &Head::of(&chain), std::slice::from_ref(&sealed), &mut file).unwrap();
    let path = folder.path().join("sealed.ndjson");
    std::fs::write(&path, &file).unwrap();
    let options = ["--sealed", path.to_str().unwrap()];
    let (status, said) = asked(folder.path(), bundled(&chain).as_bytes(), &options);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("1 commitments of closed sessions, 2 contents seen"), "{said}");
    std::fs::write(&path, String::from_utf8(file).unwrap().replace("\"for\"", "\"against\"")).unwrap();
    assert_eq!(refused(folder.path(), bundled(&chain).as_bytes(), &options), None);
    let changes: [(usize, Change); 3] = [
        (last, |event| {
            if let Fact::Unsealed(Unsealed { content: Closed::Vote(vote), .. }) = &mut event.fact {
                vote.choice = Choice::Against;
            }
        }),
        (last, |event| {
            if let Fact::Unsealed(unsealed) = &mut event.fact {
                unsealed.salt = "00".repeat(32);
            }
        }),
        (last - 1, |event| {
            if let Fact::DataCut(frozen) = &mut event.fact {
                frozen.cut.position -= 1;
            }
        }),
    ];
    for (at, change) in changes {
        let anew = rewritten(&chain, |position, event| {
            if position == at {
                change(event);
            }
        });
        assert_eq!(refused(folder.path(), bundled(&anew).as_bytes(), &[]), Some(at as u64));
    }
}

/// The shell lines of the page run as they stand there.
#[test]
fn the_shell_lines_of_the_book_verify_the_chain_and_a_signature_by_hand() {
    if !can_ask() {
        return;
    }
    let page = std::fs::read_to_string(root().join("docs/src/reference/bundle.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```sh\n").skip(1).map(|after| after.split("```").next().unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let chain = small(1).chain().clone();
    let run = |text: &str, block: &str| {
        std::fs::write(folder.path().join("trial.bundle"), text).unwrap();
        let output = Command::new("sh").args(["-c", block]).current_dir(folder.path()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let bundle = bundled(&chain);
    assert_eq!(blocks.len(), 2);
    let said = run(&bundle, blocks[0]);
    assert!(said.contains(&format!("{} events, head {}", chain.entries().len(), chain.head())), "{said}");
    assert!(!said.contains("does not follow"), "{said}");
    let said = run(&bundle.replacen("\"212\"", "\"112\"", 1), blocks[0]);
    assert!(said.contains("does not follow"), "{said}");
    let said = run(&bundle, blocks[1]);
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    let said = run(&bundle.replacen("\"meaning\":\"approval\"", "\"meaning\":\"review\"", 1), blocks[1]);
    assert!(!said.contains("Successfully"), "{said}");
}
