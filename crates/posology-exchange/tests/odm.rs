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
use posology_trial::event::{
    AdverseEvent, Chain, Characteristic, Correction, Event, Fact, Meeting, Origin, Recommendation, Retracted,
    Signature, Statement, VitalSign, canonical,
};
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

/// The tables of a file as rows of text, in an order of their own.
fn rows(document: &Document) -> BTreeMap<String, Vec<Vec<Option<String>>>> {
    let tables = document.tables.iter().map(|table| {
        let width = table.data_set.variables.len();
        let row = |row: &posology_exchange::dataset::Row| {
            (0..width).map(|column| row.cell(column).text().map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut rows: Vec<_> = table.rows.iter().map(row).collect();
        rows.sort();
        (table.data_set.name.clone(), rows)
    });
    tables.collect()
}

#[test]
fn what_stands_after_all_transactions_is_what_the_snapshot_says() {
    for example in EXAMPLES {
        let chain = record(example);
        let (after, at_cut) = (rows(&read(&trail(&chain))), rows(&read(&snapshot(example, &chain))));
        let mut compared = 0;
        for kind in [
            "subject/1",
            "laboratory/1",
            "adverse-event/1",
            "administration/1",
            "written-directive/1.fractions",
        ] {
            let group = format!("IG.{kind}");
            assert_eq!(after[&group], at_cut[&group], "{example} {kind}");
            compared += after[&group].len();
        }
        assert!(compared > 1_000, "{example}: {compared}");
        let of_kind = |word: &str| {
            chain.entries().iter().filter(|entry| entry.event.fact.kind().word() == word).count()
        };
        assert_eq!(after["IG.laboratory/1"].len(), of_kind("laboratory"), "{example}");
        assert_eq!(
            after["IG.record"].len(),
            chain.entries().len(),
            "{example}: every event says how it was recorded"
        );
        assert!(at_cut["IG.key-issued/1"].is_empty() && at_cut["IG.sealed/1"].is_empty(), "{example}");
    }
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let chain = record("paediatric");
    assert!(trail(&chain) == trail(&chain));
    assert!(snapshot("paediatric", &chain) == snapshot("paediatric", &chain));
    let empty = odm::write_trail(&study(), &Chain::default(), PROGRAM, Vec::new()).unwrap_err();
    assert!(empty.to_string().contains("a record with events"), "{empty}");
}

fn adverse_event(subject: &str, term: &str, grade: Option<u8>) -> AdverseEvent {
    serde_json::from_value(serde_json::json!({
        "subject": subject, "key": "1", "verbatim": term, "term": term, "grade": grade, "start": "2026-02",
    }))
    .unwrap()
}

/// A record with everything that an append-only record can hold: corrections of values and of lists, what was taken
/// back, a signature on what was corrected, imported rows, reasons, and texts that XML cannot hold.
fn eventful() -> Chain {
    let mut chain = Chain::default();
    let mut clock = 0;
    let mut add = |chain: &mut Chain, by: &str, fact: Fact, with: &dyn Fn(&mut Event)| {
        clock += 60;
        let at = jiff::Timestamp::new(1_770_000_000 + clock, if clock % 120 == 0 { 5_000_000 } else { 0 })
            .unwrap();
        let mut event = Event::new(at, by, fact);
        with(&mut event);
        chain.append(event).unwrap().to_owned()
    };
    let plain = |_: &mut Event| {};
    let correct = |hash: &str| {
        let hash = hash.to_owned();
        move |event: &mut Event| {
            event.corrects =
                Some(Correction { hash: hash.clone(), reason: "Read again from the chart".to_owned() });
            event.reason = Some("Out of order, \"as found\" <on paper> & signed\r\n\tthere".to_owned());
        }
    };
    let first = add(&mut chain, "site a", adverse_event("01-001", "Nausea", Some(2)).into(), &plain);
    let imported = |event: &mut Event| {
        event.origin =
            Some(Origin { data_set: "ae".into(), key: "01-001/7".into(), row_hash: "ab".repeat(32) });
    };
    add(&mut chain, "import", adverse_event("01-002", "Thrombocytopenia", Some(4)).into(), &imported);
    // The grade goes, the verbatim term changes.
    let second =
        add(&mut chain, "site a", adverse_event("01-001", "Vomiting", None).into(), &correct(&first));
    let third =
        add(&mut chain, "site b", adverse_event("01-001", "Vomiting", Some(3)).into(), &correct(&second));
    let statement = Statement {
        trial: "ST-1".into(),
        signs: third.clone(),
        user: "site b".into(),
        printed_name: "B".into(),
        role: posology_trial::event::Role::Investigator,
        meaning: posology_trial::event::Meaning::Review,
        at: "2026-02-03T08:05:00Z".parse().unwrap(),
        key: "00".repeat(32),
    };
    add(&mut chain, "site b", Signature { statement, signature: "ff".repeat(64) }.into(), &plain);
    let votes = |votes: [u32; 3], next: Option<&str>| -> Recommendation {
        serde_json::from_value(serde_json::json!({
            "review": 1, "cohort": "C1", "date": "2026-02-03", "cut-off": "2026-02-01", "recommended": "escalate",
            "votes": votes, "reason": "r", "rule-advice": "escalate", "next-cohort": next,
        }))
        .unwrap()
    };
    let recommended = add(&mut chain, "chair", votes([3, 0, 0], Some("C2")).into(), &plain);
    add(&mut chain, "chair", votes([2, 1, 0], None).into(), &correct(&recommended));
    let meeting = |documents: &[&str]| -> Meeting {
        serde_json::from_value(serde_json::json!({
            "review": 1, "date": "2026-02-03", "attendance": [], "documents": documents,
        }))
        .unwrap()
    };
    let met = add(&mut chain, "chair", meeting(&["agenda", "packet"]).into(), &plain);
    let met = add(&mut chain, "chair", meeting(&["packet"]).into(), &correct(&met));
    add(&mut chain, "chair", meeting(&["packet", "minutes", "letter"]).into(), &correct(&met));
    let pain = add(&mut chain, "site a", adverse_event("01-003", "Pain", None).into(), &plain);
    let retracted = Retracted { subject: "01-003".into(), event: pain, reason: "Another patient's".into() };
    add(&mut chain, "site a", retracted.into(), &plain);
    let trait_of = |subject: &str, name: &str, value: &str| Characteristic {
        subject: subject.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    for (subject, value) in [
        ("01-001", "  leading, trailing \t\n "),
        ("01-001", ""),
        ("01-001", "a control \u{1} and no character \u{ffff}"),
        ("01-001", "𝛽2 – µ ]]> <![CDATA["),
        ("(trial)", "named as what belongs to no subject"),
        ("", "no name"),
        ("\u{2}", "a name that XML cannot hold"),
    ] {
        add(&mut chain, "site a", trait_of(subject, "note", value).into(), &plain);
    }
    for by in ["", " ", "a\u{1}", "a\u{2}", "a\u{fffd}"] {
        add(&mut chain, by, trait_of("01-001", "note", by).into(), &plain);
    }
    chain
}

#[test]
fn corrections_retractions_signatures_and_texts_that_xml_cannot_hold_come_back_whole() {
    let chain = eventful();
    let written = trail(&chain);
    let document = read(&written);
    let again = odm::restore(&document).unwrap();
    assert_eq!(again.write(), chain.write());
    assert!(trail(&again) == written);
    if let Some(said) = against_schema(&written) {
        assert_eq!(said, "");
    }
    let as_json = String::from_utf8(written).unwrap().matches("ItemOID=\"I.record.event\" Value").count();
    assert_eq!(as_json, 6, "only what items cannot hold: a text, three names of subjects, two of users");
}

#[test]
fn a_correction_is_an_update_value_by_value_and_a_retraction_a_removal() {
    let document = read(&trail(&eventful()));
    let events: Vec<_> = document
        .transactions
        .iter()
        .filter(|one| {
            one.item_group().is_some_and(|group| group.oid == "IG.adverse-event/1") && one.subject == "01-001"
        })
        .collect();
    let change = |at: usize, item: &str| {
        let oid = format!("I.adverse-event/1.{item}");
        events[at].items.iter().find(|one| one.oid == oid).map(|one| (one.change, one.value.as_deref()))
    };
    assert_eq!(change(0, "grade"), Some((Change::Insert, Some("2"))));
    assert_eq!(change(1, "grade"), Some((Change::Remove, None)));
    assert_eq!(change(1, "term"), Some((Change::Update, Some("Vomiting"))));
    assert_eq!(change(2, "grade"), Some((Change::Insert, Some("3"))));
    let audit = &document.audits[events[1].audit.unwrap()];
    assert_eq!(audit.reason.as_deref(), Some("Read again from the chart"));
    assert_eq!(audit.user, "USR.site a");
    assert_eq!(
        events.iter().map(|one| one.form().unwrap().repeat.as_deref()).collect::<Vec<_>>(),
        [Some("1"); 3]
    );

    let table = rows(&document);
    let standing: Vec<_> = table["IG.adverse-event/1"].iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(standing, ["01-001", "01-002"], "what was taken back does not stand");
    let votes: Vec<_> = table["IG.recommendation/1.votes"]
        .iter()
        .map(|row| row.last().unwrap().as_deref().unwrap())
        .collect();
    assert_eq!(votes, ["2", "1", "0"]);
    let documents: Vec<_> =
        table["IG.meeting/1.documents"].iter().map(|row| row.last().unwrap().as_deref().unwrap()).collect();
    assert_eq!(documents, ["packet", "minutes", "letter"]);
    let signed = document.transactions.iter().find(|one| one.signature.is_some()).unwrap();
    assert_eq!((signed.change, signed.form().unwrap().oid.as_str()), (Change::Update, "F.adverse-event/1"));
    assert_eq!(signed.signature.as_ref().unwrap().meaning, "SD.review");
    let removed =
        document.transactions.iter().find(|one| one.change == Change::Remove && one.item_group().is_none());
    assert_eq!(document.audits[removed.unwrap().audit.unwrap()].reason.as_deref(), Some("Another patient's"));
}

#[test]
fn a_changed_value_a_missing_event_and_another_systems_file_are_no_trail() {
    let text = String::from_utf8(trail(&eventful())).unwrap();
    let refused = |text: &str| odm::restore(&read(text.as_bytes())).unwrap_err();
    let changed = refused(&text.replacen("Value=\"Thrombocytopenia\"", "Value=\"Anaemia\"", 1));
    assert!(changed.expected.contains("an event with the hash"), "{changed}");
    assert!(changed.place.line.is_some());
    let (start, end) = (text.find("  <SubjectData").unwrap(), text.find("</SubjectData>").unwrap());
    let first = &text[start..end + "</SubjectData>".len()];
    let missing = refused(&text.replacen(first, "", 1));
    assert!(missing.expected.contains("an event with the hash"), "{missing}");
    let snapshot = refused(&text.replacen("\"Transactional\"", "\"Snapshot\"", 1));
    assert!(snapshot.found.contains("Snapshot"), "{snapshot}");
    let other = r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" FileType="Transactional" FileOID="F" CreationDateTime="2026-11-22T10:15:00Z"/>"#;
    assert!(refused(other).expected.contains("a trail that Posology wrote"));
}

#[test]
fn a_unit_is_a_measurement_unit_and_stands_beside_its_number() {
    let mut chain = Chain::default();
    let weight: VitalSign = serde_json::from_value(serde_json::json!({
        "subject": "01-001", "test": "WEIGHT", "result": "80", "unit": "kg", "at": "2026-02-03",
    }))
    .unwrap();
    let given = serde_json::json!({
        "type": "administration/1",
        "body": {"subject": "01-001", "treatment": "CLR 131", "start": "2026-02-03T09:55-06:00", "amount": {"activity": "51.4 mCi"}},
    });
    let other = serde_json::json!({
        "type": "administration/1",
        "body": {"subject": "01-001", "treatment": "X", "start": "2026-02-03", "amount": {"other": {"value": "40", "unit": "mg"}}},
    });
    let at = "2026-02-04T12:00:00Z".parse().unwrap();
    chain.append(Event::new(at, "site", weight)).unwrap();
    for fact in [given, other] {
        chain.append(Event::new(at, "site", serde_json::from_value::<Fact>(fact).unwrap())).unwrap();
    }
    let document = read(&trail(&chain));
    let table = document.table("IG.administration/1").unwrap();
    let cell = |row: usize, name: &str| table.rows[row].cell(table.data_set.column(name).unwrap()).text();
    assert_eq!(cell(0, "I.administration/1.amount.activity"), Some("51.4"));
    assert_eq!(cell(0, "I.administration/1.amount.activity.unit"), Some("mCi"));
    let json = canonical(&serde_json::json!({"other": {"unit": "mg", "value": "40"}})).unwrap();
    assert_eq!(cell(1, "I.administration/1.amount"), Some(json.as_str()));
    assert_eq!(odm::restore(&document).unwrap().write(), chain.write());
}

// Source: the README of the shared data, on each file.
#[test]
fn files_of_others_are_read_or_refused_as_their_readme_says() {
    let Some(folder) = shared("data/cdisc/odm") else { return };
    let open =
        |name: &str| odm::read(name, std::fs::File::open(folder.join(name)).unwrap(), Limits::default());
    let snapshot = open("odm-data-snapshot.xml").unwrap();
    assert!(!snapshot.header.transactional);
    let events = snapshot.table("IG.AE.AE_ARRAY1").unwrap();
    let term = events.data_set.column("IT.AETERM").unwrap();
    assert_eq!(events.rows[0].cell(term).text(), Some("Constipation"));
    assert_eq!(events.rows[0].cell(0).text(), Some("SS_0001"));
    let total: usize = snapshot.tables.iter().map(|table| table.rows.len()).sum();
    assert_eq!(total, 55, "of 60 item groups five hold no value");

    let library = open("cdash-odm-test.xml").unwrap();
    assert!(library.transactions.is_empty() && !library.metadata[0].items.is_empty());
    assert!(
        library.warnings.iter().any(|warning| warning.found.contains("CL.SEX")),
        "it leaves code lists out"
    );
    let invalid = open("cdash-odm-test-invalid.xml").map(|_| ()).unwrap_err();
    assert_eq!(invalid.place.line, Some(14));
    assert!(invalid.found.contains("studyName"), "{invalid}");

    let clinical = open("test_clinical_data_01.xml").unwrap();
    assert_eq!(clinical.table("LB").unwrap().rows.len(), 2);
    let audited = open("transactional-audit-example.xml").unwrap();
    let update = &audited.transactions[0].items[0];
    assert_eq!(
        (update.change, update.oid.as_str(), update.value.as_deref()),
        (Change::Update, "IT.AEDLT", Some("Y"))
    );
    assert_eq!(audited.audits[update.audit.unwrap()].reason.as_deref(), Some("SRC adjudicated as DLT"));

    for name in ["ae", "dm"] {
        let refused = open(&format!("dataset-xml/{name}.xml")).map(|_| ()).unwrap_err();
        assert!(refused.found.contains("Dataset-XML"), "{refused}");
    }
    for file in std::fs::read_dir(folder.join("odm-2.0")).unwrap() {
        let name = format!("odm-2.0/{}", file.unwrap().file_name().to_string_lossy());
        let refused = open(&name).map(|_| ()).unwrap_err();
        assert!(refused.found.contains("ODM 2.0"), "{refused}");
    }
    for name in ["define/defineV21-SDTM.xml", "dataset-json/adam/define.xml"] {
        let path = folder.join("..").join(name);
        let define = odm::read(name, std::fs::File::open(path).unwrap(), Limits::default());
        assert!(define.is_ok_and(|define| define.tables.iter().all(|table| table.rows.is_empty())), "{name}");
    }
}

// odmlib is CDISC's own model in Python: it reads the file, checks the order of elements and every reference.
#[test]
fn odmlib_finds_order_and_references_in_place() {
    let python = std::env::var_os("POSOLOGY_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv-core/bin/python"),
        PathBuf::from,
    );
    let asks = |script: &str, path: &Path| {
        Command::new(&python).args(["-W", "ignore", "-c", script]).arg(path).output()
    };
    if !asks("import odmlib", Path::new("")).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no odmlib");
        return;
    }
    let script = "
import sys, odmlib.odm_loader as OL, odmlib.loader as LD
from odmlib.odm_1_3_2.rules import oid_ref
loader = LD.ODMLoader(OL.XMLODMLoader())
loader.open_odm_document(sys.argv[1])
odm = loader.load_odm()
checker = oid_ref.OIDRef()
odm.verify_oids(checker)
print(odm.verify_order(), checker.check_oid_refs())
";
    let chain = record("paediatric");
    for (name, bytes) in [("trail", trail(&chain)), ("snapshot", snapshot("paediatric", &chain))] {
        let path = std::env::temp_dir().join(format!("posology-odm-{name}-{}.xml", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let output = asks(script, &path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.trim(), "True True", "{name}");
    }
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    fn corpus() -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/odm");
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Reads whatever can be read: the only claim is that it ends, and that what was read is whole.
    fn read_or_refused(bytes: &[u8]) -> bool {
        let limits = Limits { max_bytes: 1 << 22, ..Limits::default() };
        let Ok(document) = odm::read("x.xml", bytes, limits) else { return false };
        for table in &document.tables {
            assert!(table.rows.iter().all(|row| row.width() == table.data_set.variables.len()));
        }
        let _ = odm::restore(&document);
        true
    }

    #[test]
    fn the_fuzz_corpus_and_each_of_its_beginnings_is_read_or_refused() {
        let corpus = corpus();
        let read: Vec<bool> = corpus.iter().map(|bytes| read_or_refused(bytes)).collect();
        assert_eq!(read, [true, false, true, true, true], "the second is the one with entities");
        for bytes in &corpus {
            for cut in (0..bytes.len()).step_by(97) {
                assert!(!read_or_refused(&bytes[..cut]), "half a file");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn mutated_files_are_read_or_refused(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let corpus = corpus();
            let mut bytes = which.get(&corpus).clone();
            for (place, byte) in changes {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            read_or_refused(&bytes);
        }
    }

    proptest! {
        // Each case writes and reads all definitions.
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn any_text_of_a_fact_comes_back(value in any::<String>(), by in any::<String>(), reason in any::<Option<String>>()) {
            let mut chain = Chain::default();
            let fact = Characteristic { subject: "01-001".into(), name: "note".into(), value };
            let mut event = Event::new("2026-02-03T08:05:00Z".parse().unwrap(), by, fact);
            event.reason = reason;
            chain.append(event).unwrap();
            prop_assert_eq!(odm::restore(&read(&trail(&chain))).unwrap().write(), chain.write());
        }
    }
}
