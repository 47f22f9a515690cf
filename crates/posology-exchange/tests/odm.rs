//! ODM-XML of the example trials: lossless as a trail, valid by the standard's schema, read as tables; files of others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use posology_exchange::limits::Limits;
use posology_exchange::odm::{self, Change, Document};
use posology_exchange::package::Study;
use posology_exchange::tabulation::TrialAtCut;
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, Correction, Event, Fact, Origin, Retracted};
use posology_trial::protocol::Protocol;

const EXAMPLES: [&str; 3] = ["clr131", "clover1", "paediatric"];
const PROGRAM: &str = "posology 0.1.0";

fn folder(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example)
}

fn record(example: &str) -> Chain {
    Chain::read(&std::fs::read_to_string(folder(example).join("events.ndjson")).unwrap()).unwrap()
}

fn analysis(example: &str, chain: &Chain) -> Analysis {
    let text = std::fs::read_to_string(folder(example).join("trial.toml")).unwrap();
    let (protocol, _) = Protocol::read(&text).unwrap();
    let cut = Cut::freeze(chain, None).unwrap();
    Analysis::of(&protocol, "", chain, &cut).unwrap()
}

fn study() -> Study {
    Study {
        id: "ST-1".to_owned(),
        title: "A trial & its <title>".to_owned(),
        protocol: "P-1".to_owned(),
        synthetic: true,
    }
}

fn trail(chain: &Chain) -> Vec<u8> {
    let mut bytes = Vec::new();
    odm::write_trail(&study(), chain, PROGRAM, &mut bytes).unwrap();
    bytes
}

fn snapshot(example: &str, chain: &Chain) -> Vec<u8> {
    let analysis = analysis(example, chain);
    let mut bytes = Vec::new();
    odm::write_snapshot(&TrialAtCut { analysis: &analysis, chain, program: PROGRAM }, &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Document {
    odm::read("x.xml", bytes, Limits::default()).unwrap()
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POSOLOGY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no shared");
    None
}

/// What xmllint says against the schema of ODM 1.3.2; nothing where it is valid, `None` where it cannot be asked.
fn against_schema(bytes: &[u8]) -> Option<String> {
    let schema = shared("data/cdisc/xsd/odm/1.3.2/ODM1-3-2.xsd")?;
    let lint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--huge", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut lint) = lint else {
        eprintln!("skipped: no xmllint");
        return None;
    };
    let mut stdin = lint.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let feed = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = lint.wait_with_output().unwrap();
    feed.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { said.chars().take(2_000).collect() })
}

// The outcome that issue 8 names: export, import into an empty trial, export again: the same bytes.
#[test]
fn a_trail_makes_the_same_record_again_and_is_written_again_to_the_same_bytes() {
    for example in EXAMPLES {
        let chain = record(example);
        let written = trail(&chain);
        let document = read(&written);
        let again = odm::restore(&document).unwrap();
        assert_eq!(again.head(), chain.head(), "{example}");
        assert_eq!(again.write(), chain.write(), "{example}: the bundle's text is the same");
        assert!(trail(&again) == written, "{example}");
        let plain = !String::from_utf8_lossy(&written).contains("I.record.event\" Value");
        assert!(plain, "{example}: every event stands in items, none as JSON");
    }
}

#[test]
fn trail_and_snapshot_of_every_example_are_valid_by_the_schema_of_odm() {
    for example in EXAMPLES {
        let chain = record(example);
        for bytes in [trail(&chain), snapshot(example, &chain)] {
            let Some(said) = against_schema(&bytes) else { return };
            assert_eq!(said, "", "{example}");
        }
    }
    let broken = b"<ODM xmlns=\"http://www.cdisc.org/ns/odm/v1.3\"/>";
    assert_ne!(against_schema(broken).unwrap(), "", "a validator that never fails proves nothing");
}
