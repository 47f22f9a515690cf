//! Every kind of bad input gets one clear error or a line in the report, and nothing is half imported.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use posology_clinic::laboratory::Analyte;
use posology_exchange::dataset::{Cell, ReadOptions, Reader, Row};
use posology_exchange::limits::Limits;
use posology_exchange::problem::{Problem, Unreadable};
use posology_exchange::sdtm::{
    FileReport, ImportOptions, ImportOutcome, KnownRows, Outcome, SourceFile, import,
};
use posology_trial::event::{Amount, Chain, Correction, Fact, Judge};

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> SourceFile {
    let bytes: Arc<[u8]> = bytes.into().into();
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(Arc::clone(&bytes))))),
    }
}

const DM: &str =
    "STUDYID,DOMAIN,USUBJID,AGE,AGEU,SEX,DTHDTC\nX,DM,01,63,YEARS,F,\nX,DM,02,70,YEARS,M,2024-03-10\n";

fn import_with_dm(name: &str, text: &str) -> ImportOutcome {
    import(&[file("dm.csv", DM), file(name, text)], &KnownRows::default(), &ImportOptions::default())
}

fn report<'a>(outcome: &'a ImportOutcome, name: &str) -> &'a FileReport {
    outcome.report.files.iter().find(|report| report.file == name).unwrap()
}

fn only_refusal(outcome: &ImportOutcome, name: &str) -> String {
    let report = report(outcome, name);
    assert_eq!(report.counts.refused, 1, "{report:?}");
    report.refusals.first[0].to_string()
}

fn facts(outcome: &ImportOutcome) -> Vec<&Fact> {
    outcome.events.iter().map(|event| &event.fact).filter(|fact| !matches!(fact, Fact::Subject(_))).collect()
}

fn read_all(name: &str, bytes: &[u8], limits: Limits) -> Result<u64, Problem> {
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let mut reader = Reader::open(name, bytes, &options)?;
    let mut row = Row::default();
    let mut rows = 0;
    loop {
        match reader.next_row(&mut row) {
            Ok(true) => rows += 1,
            Ok(false) => return Ok(rows),
            Err(Unreadable::Row(problem) | Unreadable::File(problem)) => return Err(problem),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_subject_who_is_not_in_the_demographics_is_refused_by_row() {
    let outcome = import_with_dm("ae.csv", "DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,99,1,Anaemia\n");
    let found = only_refusal(&outcome, "ae.csv");
    assert!(
        found.starts_with("ae.csv row 2 (line 3), column USUBJID: expected a subject of the demographics"),
        "{found}"
    );
    assert_eq!(facts(&outcome).len(), 1);
}

#[test]
fn without_demographics_nothing_is_taken_and_one_line_says_so() {
    let ae = "DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,02,1,Anaemia\n";
    let outcome = import(&[file("ae.csv", ae)], &KnownRows::default(), &ImportOptions::default());
    assert!(outcome.report.is_empty() && outcome.events.is_empty());
    assert!(
        matches!(&report(&outcome, "ae.csv").outcome, Outcome::Refused(problem) if problem.expected.contains("DM"))
    );
}

#[test]
fn a_negative_activity_and_a_unit_that_is_not_an_activitys_are_refused() {
    let ex = |dose: &str, unit: &str| {
        let text = format!(
            "DOMAIN,USUBJID,EXSEQ,EXTRT,EXDOSE,EXDOSU,EXSTDTC\nEX,01,1,CLR 131,{dose},{unit},2024-01-02\n"
        );
        import_with_dm("ex.csv", &text)
    };
    assert!(
        only_refusal(&ex("-1", "mCi"), "ex.csv")
            .contains("column EXDOSE: expected an amount of 0 or more, found -1")
    );
    assert!(only_refusal(&ex("-1", "mg"), "ex.csv").contains("found -1"));
    for unit in ["mCi/m2", "MCI", "mbq", "uCi", "kBq", "Ci"] {
        let found = only_refusal(&ex("30", unit), "ex.csv");
        assert!(found.contains("column EXDOSU: expected mCi, MBq or GBq"), "{found}");
    }
    assert!(only_refusal(&ex("30", ""), "ex.csv").contains("a unit is never guessed"));
    assert!(only_refusal(&ex("3O", "mCi"), "ex.csv").contains("a plain number"));
    let outcome = ex("30.5", "mCi");
    let [Fact::Administration(given)] = facts(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(given.amount, Some(Amount::Activity("30.5 mCi".parse().unwrap())));
    let outcome = ex("40", "mg");
    let [Fact::Administration(given)] = facts(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(given.amount, Some(Amount::Other { value: 40.into(), unit: "mg".to_owned() }));
    let outcome = ex("", "");
    let [Fact::Administration(given)] = facts(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(given.amount, None);
}

#[test]
fn two_units_for_one_analyte_are_taken_with_a_warning_and_an_unknown_one_is_refused() {
    let lb = "DOMAIN,USUBJID,LBSEQ,LBTESTCD,LBORRES,LBORRESU,LBDTC\n\
              LB,01,1,HGB,9.1,g/dL,2024-01-02\n\
              LB,01,2,HGB,91,g/L,2024-01-09\n\
              LB,01,3,HGB,91,g/mol,2024-01-16\n\
              LB,01,4,HGB,91,,2024-01-16\n\
              LB,02,1,HGB,91,g/L,2024-01-16\n\
              LB,02,2,FUNGAL,12,spores,2024-01-16\n\
              LB,02,3,FUNGAL,12,,2024-01-16\n\
              LB,02,4,PLAT,<10,GI/L,2024-01\n\
              LB,02,5,PLAT,CLUMPED,,2024\n";
    let outcome = import_with_dm("lb.csv", lb);
    let lb = report(&outcome, "lb.csv");
    assert_eq!((lb.counts.taken, lb.counts.refused, lb.warnings.count), (7, 2, 1));
    assert_eq!(lb.warnings.first[0].place.row, Some(2));
    assert!(lb.warnings.first[0].found.contains("\"g/L\" after \"g/dL\""));
    assert!(
        lb.refusals.first[0]
            .to_string()
            .contains("column LBORRESU: expected a unit of haemoglobin: g/L, g/dL"),
        "{}",
        lb.refusals.first[0]
    );
    assert_eq!(lb.refusals.first[1].found, "none");
    let results: Vec<_> = facts(&outcome)
        .into_iter()
        .map(|fact| {
            let Fact::Laboratory(fact) = fact else { panic!("{fact:?}") };
            (fact.analyte, fact.result.as_deref().unwrap())
        })
        .collect();
    assert_eq!(results[3], (None, "12"));
    assert_eq!(results[5], (Some(Analyte::Platelets), "<10"));
    assert_eq!(results[6], (Some(Analyte::Platelets), "CLUMPED"));
}

#[test]
fn dates_are_kept_as_far_as_they_are_known_and_never_guessed() {
    let ae = |start: &str| {
        import_with_dm("ae.csv", &format!("DOMAIN,USUBJID,AESEQ,AETERM,AESTDTC\nAE,01,1,Anaemia,{start}\n"))
    };
    for start in ["2024", "2024-02", "2024-02-29", "2024-02-29T08:15"] {
        let outcome = ae(start);
        let [Fact::AdverseEvent(event)] = facts(&outcome)[..] else { panic!("{start}") };
        assert_eq!(event.start.as_ref().unwrap().to_string(), start);
    }
    for start in ["2023-02-29", "29.02.2024", "24-02-01", "2024-13", "02/03/2024", "UNK"] {
        let found = only_refusal(&ae(start), "ae.csv");
        assert!(found.contains("column AESTDTC: expected a date such as"), "{found}");
    }
}

#[test]
fn facts_after_a_death_or_after_the_cut_are_taken_with_a_warning() {
    let ae = "DOMAIN,USUBJID,AESEQ,AETERM,AESTDTC\nAE,02,1,Anaemia,2024-03-11\nAE,02,2,Anaemia,2024-03\nAE,01,1,Anaemia,2024-06-01\n";
    let options =
        ImportOptions { cut_off: Some("2024-05-31T23:59:59Z".parse().unwrap()), ..ImportOptions::default() };
    let outcome = import(&[file("dm.csv", DM), file("ae.csv", ae)], &KnownRows::default(), &options);
    let ae = report(&outcome, "ae.csv");
    assert_eq!((ae.counts.taken, ae.warnings.count), (3, 2));
    assert!(ae.warnings.first[0].expected.contains("the death on 2024-03-10"));
    assert!(ae.warnings.first[1].expected.contains("the cut-off"));
}

#[test]
fn a_fraction_on_a_day_planned_for_another_patient_is_pointed_out() {
    let ec = "DOMAIN,USUBJID,ECSEQ,ECTRT,ECMOOD,ECOCCUR,ECDOSE,ECDOSU,ECSTDTC,ECADJ\n\
              EC,01,1,CLR 131,SCHEDULED,,20,mCi/m2,2024-01-02,\n\
              EC,01,2,CLR 131,SCHEDULED,,20,mCi/m2,2024-01-16,\n\
              EC,02,1,CLR 131,SCHEDULED,,20,mCi/m2,2024-01-03,\n\
              EC,01,3,CLR 131,PERFORMED,Y,38,mCi,2024-01-02,\n\
              EC,01,4,CLR 131,PERFORMED,N,,,2024-01-16,TOXICITY\n";
    let ex = "DOMAIN,USUBJID,EXSEQ,EXTRT,EXDOSE,EXDOSU,EXSTDTC\n\
              EX,01,1,CLR 131,38,mCi,2024-01-02\n\
              EX,01,2,CLR 131,36,mCi,2024-01-03\n";
    let outcome = import(
        &[file("ec.csv", ec), file("ex.csv", ex), file("dm.csv", DM)],
        &KnownRows::default(),
        &ImportOptions::default(),
    );
    let ex = report(&outcome, "ex.csv");
    assert_eq!((ex.counts.taken, ex.warnings.count), (2, 1));
    assert!(ex.warnings.first[0].to_string().starts_with("ex.csv row 2 (line 3), column USUBJID"));
    assert!(ex.warnings.first[0].found.contains("02 has one on 2024-01-03"));
    let fractions: Vec<_> = facts(&outcome)
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Prescription(fact) => Some((fact.subject.as_str(), fact.fraction)),
            _ => None,
        })
        .collect();
    assert_eq!(fractions, [("01", 1), ("01", 2), ("02", 1)]);
    let omitted = facts(&outcome).into_iter().find_map(|fact| match fact {
        Fact::FractionOmitted(fact) => Some((fact.fraction, fact.adjustment.toxicity)),
        _ => None,
    });
    assert_eq!(omitted, Some((2, Some(true))));
}

#[test]
fn a_second_record_of_a_subject_is_refused_and_its_population_with_it() {
    let peds = "STUDYID,DOMAIN,USUBJID,AGE,AGEU,SEX\nX,DM,01,2,YEARS,F\nX,DM,03,3,YEARS,F\n";
    let vs = "DOMAIN,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSORRESU\nVS,01,1,WEIGHT,12,kg\nVS,03,1,WEIGHT,14,kg\nVS,03,2,WEIGHT,14,stone\n";
    let files = [file("vs_peds.csv", vs), file("dm_peds.csv", peds), file("dm.csv", DM)];
    let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
    assert!(only_refusal(&outcome, "dm_peds.csv").contains("\"01\" already there, from dm"));
    let vs = report(&outcome, "vs_peds.csv");
    assert_eq!((vs.counts.taken, vs.counts.refused), (1, 2));
    assert!(vs.refusals.first[0].found.contains("refused in dm_peds: already there"));
    assert!(
        vs.refusals.first[1].expected.contains("a unit of WEIGHT: cm, m")
            || vs.refusals.first[1].expected.contains("kg, g, lb")
    );
    let twice = format!("{DM}X,DM,01,64,YEARS,F,\n");
    let outcome = import(&[file("dm.csv", twice)], &KnownRows::default(), &ImportOptions::default());
    assert!(only_refusal(&outcome, "dm.csv").contains("\"01\" already there, in row 1"));
}

#[test]
fn qualifiers_are_joined_to_their_records_and_judgements_are_facts_of_their_own() {
    let ae = "DOMAIN,USUBJID,AESEQ,AETERM,AETOXGR,AEREL,AEOUT\nAE,01,1,Anaemia,3,POSSIBLE,\nAE,02,2,Sepsis,5,NOT RELATED,FATAL\n";
    let supp = "RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QLABEL,QVAL,QEVAL\n\
                AE,01,AESEQ,1.0,AEDLT,Dose Limiting Toxicity,Y,INVESTIGATOR\n\
                AE,02,AESEQ, 2,AEDLT,Dose Limiting Toxicity,N,ADJUDICATION COMMITTEE\n\
                AE,02,AESEQ,2,AETRTEM,Treatment Emergent,Y,\n\
                AE,02,AESEQ,7,AETRTEM,Treatment Emergent,Y,\n";
    let files = [file("suppae.csv", supp), file("ae.csv", ae), file("dm.csv", DM)];
    let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
    assert!(only_refusal(&outcome, "suppae.csv").contains("row 4 (line 5), column IDVARVAL"));
    let judgements: Vec<_> = facts(&outcome)
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::DltJudgement(fact) => Some((fact.event.as_deref(), fact.by, fact.dose_limiting)),
            _ => None,
        })
        .collect();
    assert_eq!(judgements, [(Some("1"), Judge::Investigator, true), (Some("2"), Judge::Committee, false)]);
    assert_eq!(report(&outcome, "suppae.csv").qualifiers_not_read.get("AETRTEM"), Some(&1));
    let Some(Fact::AdverseEvent(sepsis)) =
        facts(&outcome).into_iter().find(|fact| fact.subject() == Some("02"))
    else {
        panic!()
    };
    assert_eq!((sepsis.grade, sepsis.fatal, sepsis.related), (Some(5), Some(true), Some(false)));
}

#[test]
fn unchanged_rows_are_skipped_changed_ones_corrected_and_vanished_ones_named() {
    let first = "DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,01,2,Fatigue\nAE,02,1,Nausea\n";
    let outcome = import_with_dm("ae.csv", first);
    let mut chain = Chain::default();
    for event in outcome.events {
        chain.append(event.recorded("2026-01-01T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
    // Columns in another order, an empty one added: the same rows. One changed, one gone, one new.
    let second = "USUBJID,DOMAIN,AESEQ,AETERM,AETOXGR\n01,AE,1,Anaemia,\n01,AE,2,Fatigue,2\n01,AE,3,Cough,\n";
    let files = [file("dm.csv", DM), file("ae.csv", second)];
    let outcome = import(&files, &KnownRows::of(&chain), &ImportOptions::default());
    let ae = report(&outcome, "ae.csv");
    assert_eq!((ae.counts.unchanged, ae.counts.corrected, ae.counts.taken, ae.counts.vanished), (1, 1, 1, 1));
    assert_eq!(ae.vanished_keys.first, ["02/1"]);
    let correction = outcome.events[0].corrects.as_ref().unwrap();
    let corrected = chain.entries().iter().find(|entry| entry.hash == correction.hash).unwrap();
    assert_eq!(corrected.event.origin.as_ref().unwrap().key, "01/2");
    assert!(correction.reason.contains("ae.csv row 2"));
    // After the correction the record knows the row as it is now.
    for event in outcome.events {
        chain.append(event.recorded("2026-01-02T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
    let again = import(&files, &KnownRows::of(&chain), &ImportOptions::default());
    assert_eq!(again.events, []);
    assert_eq!(report(&again, "ae.csv").counts.unchanged, 3);
}

#[test]
fn a_changed_row_that_was_corrected_by_hand_corrects_the_hand_and_warns() {
    let ae = |term: &str| format!("DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,{term}\n");
    let mut chain = Chain::default();
    for event in import_with_dm("ae.csv", &ae("Anaemia")).events {
        chain.append(event.recorded("2026-01-01T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
    let imported = chain.entries().last().unwrap().clone();
    let mut by_hand = imported.event.clone();
    by_hand.origin = None;
    by_hand.corrects = Some(Correction { hash: imported.hash, reason: "query 7".to_owned() });
    let by_hand = chain.append(by_hand).unwrap().to_owned();
    let known = KnownRows::of(&chain);
    let files = |term| [file("dm.csv", DM), file("ae.csv", ae(term))];
    assert_eq!(import(&files("Anaemia"), &known, &ImportOptions::default()).events, []);
    let outcome = import(&files("Fatigue"), &known, &ImportOptions::default());
    assert_eq!(outcome.events[0].corrects.as_ref().unwrap().hash, by_hand);
    assert!(report(&outcome, "ae.csv").warnings.first[0].expected.contains("corrected by hand"));
}

#[test]
fn a_truncated_or_garbled_file_adds_nothing() {
    let ae = "DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,01,2,Fatigue\n";
    let packed = gzip(ae.as_bytes());
    for cut in [3, packed.len() / 2, packed.len() - 4] {
        let files = [file("dm.csv", DM), file("ae.csv.gz", &packed[..cut])];
        let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
        assert!(matches!(report(&outcome, "ae.csv.gz").outcome, Outcome::Refused(_)), "{cut}");
        assert_eq!(facts(&outcome).len(), 0, "{cut}");
    }
    let mut garbled = packed;
    let middle = garbled.len() / 2;
    garbled[middle] ^= 0xff;
    let outcome = import(
        &[file("dm.csv", DM), file("ae.csv.gz", garbled)],
        &KnownRows::default(),
        &ImportOptions::default(),
    );
    assert!(matches!(report(&outcome, "ae.csv.gz").outcome, Outcome::Refused(_)));
    assert_eq!(facts(&outcome).len(), 0);
    // A CSV cut off in a row: that row is refused.
    let outcome = import_with_dm("ae.csv", "DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,01,2");
    assert!(only_refusal(&outcome, "ae.csv").contains("row 2 (line 3): expected 4 values"));
}

#[test]
fn a_wrong_header_is_named() {
    for (name, bytes, expected) in [
        ("ae.csv", &b"<html><body>404</body></html>\n"[..], "variable names"),
        ("ae.csv", b"", "a first line with the names"),
        ("ae.csv", b"DOMAIN;USUBJID;AESEQ\nAE;01;1\n", "a first line with the names"),
        ("ae.csv", b"\xff\xfeD\0O\0", "a first line with the names"),
        ("ae.csv", b"DOMAIN,USUBJID,USUBJID\n", "each variable once"),
        ("ae.xpt", b"PK\x03\x04", "a whole file"),
        ("ae.json", b"[1,2]", "an object"),
        ("ae.json", b"{\"rows\":[]}", "\"datasetJSONVersion\": \"1.1\" before the rows"),
        ("ae.json", b"{\"datasetJSONVersion\":\"1.0.0\"}", "\"datasetJSONVersion\": \"1.1\" before the rows"),
        ("ae.ndjson", b"hello", "JSON"),
    ] {
        let problem = read_all(name, bytes, Limits::default()).unwrap_err();
        assert!(problem.expected.contains(expected), "{problem}");
    }
}

#[test]
fn text_in_an_undeclared_encoding_is_refused_with_row_column_and_byte_unless_declared() {
    let ae = b"DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,Anaemia\nAE,01,2,caf\xe9\n";
    let files = || [file("dm.csv", DM), file("ae.csv", &ae[..])];
    let outcome = import(&files(), &KnownRows::default(), &ImportOptions::default());
    let Outcome::Refused(problem) = &report(&outcome, "ae.csv").outcome else { panic!() };
    assert!(
        problem
            .to_string()
            .starts_with("ae.csv row 2 (line 3), column AETERM, byte 4: expected UTF-8, found the byte 0xE9"),
        "{problem}"
    );
    assert_eq!(facts(&outcome).len(), 0);
    let mut options = ImportOptions::default();
    options.read.encoding = posology_exchange::dataset::CsvEncoding::Windows1252;
    let outcome = import(&files(), &KnownRows::default(), &options);
    assert!(matches!(facts(&outcome)[1], Fact::AdverseEvent(event) if event.verbatim == "café"));
    // A byte order mark is no part of the first name, quoted or not.
    for text in [
        "\u{feff}DOMAIN,USUBJID,AESEQ,AETERM\nAE,01,1,é\n",
        "\u{feff}\"DOMAIN\",USUBJID,AESEQ,AETERM\nAE,01,1,é\n",
    ] {
        assert_eq!(facts(&import_with_dm("ae.csv", text)).len(), 1);
    }
}

/// A source that never ends and says how much was taken of it.
struct Endless<'a> {
    line: &'a [u8],
    given: &'a std::cell::Cell<u64>,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let at = usize::try_from(self.given.get()).unwrap() % self.line.len();
        for (to, from) in buffer.iter_mut().zip(self.line.iter().cycle().skip(at)) {
            *to = *from;
        }
        self.given.set(self.given.get() + buffer.len() as u64);
        Ok(buffer.len())
    }
}

#[test]
fn a_file_of_many_gigabytes_is_a_stream_that_stops_at_its_limit() {
    let given = std::cell::Cell::new(0);
    let limits = Limits { max_bytes: 1 << 20, ..Limits::default() };
    let source = Endless { line: b"A,B\n", given: &given };
    let mut reader =
        Reader::open("lb.csv", source, &ReadOptions { limits, ..ReadOptions::default() }).unwrap();
    let mut row = Row::default();
    let stop = loop {
        match reader.next_row(&mut row) {
            Ok(_) | Err(Unreadable::Row(_)) => {}
            Err(Unreadable::File(problem)) => break problem,
        }
    };
    assert!(stop.to_string().contains("at most 1048576 bytes after decompression"), "{stop}");
    assert!(stop.mend.contains("--max-bytes"));
    assert!(given.get() < 2 << 20);
}

#[test]
fn a_quotation_mark_that_never_closes_does_not_swallow_the_file_into_memory() {
    let given = std::cell::Cell::new(0);
    let start: &[u8] = b"A,B\n1,\"";
    let source = start.chain(Endless { line: b"x", given: &given });
    let mut reader = Reader::open("lb.csv", source, &ReadOptions::default()).unwrap();
    let Err(Unreadable::File(problem)) = reader.next_row(&mut Row::default()) else { panic!() };
    assert!(problem.mend.contains("quotation mark"), "{problem}");
    assert!(given.get() < 5 << 20);
}

#[test]
fn a_zip_bomb_is_refused_by_its_ratio() {
    let bomb = gzip(format!("A,B\n{}", "1,2\n".repeat(1 << 19)).as_bytes());
    let problem = read_all("lb.csv.gz", &bomb, Limits::default()).unwrap_err();
    assert!(problem.expected.contains("at most 200 bytes unpacked for each byte packed"), "{problem}");
    assert!(read_all("lb.csv.gz", &bomb, Limits { max_ratio: 2_000, ..Limits::default() }).is_ok());
}

const NDJSON: &str = "{\"datasetJSONVersion\":\"1.1.0\",\"itemGroupOID\":\"IG.AE\",\"records\":2,\"name\":\"AE\",\"label\":\"Adverse Events\",\"columns\":[\
    {\"itemOID\":\"a\",\"name\":\"AESEQ\",\"label\":\"\",\"dataType\":\"integer\"},\
    {\"itemOID\":\"b\",\"name\":\"AETERM\",\"label\":\"\",\"dataType\":\"string\"},\
    {\"itemOID\":\"c\",\"name\":\"AEX\",\"label\":\"\",\"dataType\":\"decimal\",\"targetDataType\":\"decimal\"}]}\n";

#[test]
fn dataset_json_checks_what_its_schema_does_not() {
    let read = |rows: &str| read_all("ae.ndjson", format!("{NDJSON}{rows}").as_bytes(), Limits::default());
    assert_eq!(read("[1,\"a\",\"0.10\"]\r\n[null,\"\",\"\"]\n"), Ok(2));
    for (rows, expected) in [
        ("[1,\"a\",null]\n", "2 rows, as \"records\" states"),
        ("[1,\"a\",null]\n[1,\"a\",null]\n[1,\"a\",null]\n", "2 rows, as \"records\" states"),
        ("[1,\"a\"]\n[1,\"a\",null]\n", "3 values, as \"columns\" states"),
        ("[1,\"a\",null,null]\n[1,\"a\",null]\n", "3 values, as \"columns\" states"),
        ("[\"x\",\"a\",null]\n[1,\"a\",null]\n", "a number"),
        ("[1,2,null]\n[1,\"a\",null]\n", "a text"),
        ("[1,\"a\",\"1O\"]\n[1,\"a\",null]\n", "a decimal as text"),
        ("[1,\"a\",[]]\n", "a row of texts, numbers and null"),
        ("[1,\"a\",NaN]\n", "a row of texts, numbers and null"),
        ("[1,\"a\" \"b\",null]\n", "a row of texts, numbers and null"),
        ("[1,\"a\n", "a row of texts, numbers and null"),
        ("{}\n", "a row as an array"),
    ] {
        let problem = read(rows).unwrap_err();
        assert!(problem.expected.contains(expected), "{rows}: {problem}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
    let deep = format!("{{\"sourceSystem\":{deep}}}");
    assert!(read_all("ae.json", deep.as_bytes(), Limits::default()).is_err());
    let unknown = NDJSON.replace("\"itemGroupOID\"", "\"myExtension\":{},\"itemGroupOID\"");
    let problem = read_all("ae.ndjson", unknown.as_bytes(), Limits::default()).unwrap_err();
    assert!(problem.found.contains("myExtension"));
}

#[test]
fn numbers_keep_their_digits_and_odd_forms_are_read_with_a_warning() {
    let text = format!("{NDJSON}[1,\"a\",\"0.10\"]\n[\" 2\",\"b\\u00e9\",3]\n");
    for (name, bytes) in [
        ("ae.ndjson", text.clone().into_bytes()),
        ("ae.dsjc", gzip(text.as_bytes())),
        ("ae.dsjc", {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        }),
    ] {
        let mut reader = Reader::open(name, bytes.as_slice(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        assert!(reader.next_row(&mut row).unwrap());
        assert_eq!((row.cell(0), row.cell(2)), (Cell::Number("1"), Cell::Number("0.10")));
        assert!(reader.take_warnings().is_empty());
        assert!(reader.next_row(&mut row).unwrap());
        assert_eq!(
            (row.cell(0), row.cell(1), row.cell(2)),
            (Cell::Number("2"), Cell::Text("bé"), Cell::Number("3"))
        );
        assert_eq!(reader.take_warnings().len(), 2);
        assert!(!reader.next_row(&mut row).unwrap());
    }
}

#[test]
fn the_report_is_json() {
    let outcome = import_with_dm("ae.csv", "DOMAIN,USUBJID,AESEQ,AETERM\nAE,99,1,Anaemia\n");
    let json = serde_json::to_value(&outcome.report).unwrap();
    assert_eq!(json["total"]["refused"], 1);
    assert_eq!(json["files"][1]["refusals"]["first"][0]["row"], 1);
    assert_eq!(json["files"][1]["refusals"]["first"][0]["column"], "USUBJID");
}

#[test]
fn the_line_of_a_row_is_its_own_whatever_ends_the_lines() {
    for (end, quoted) in [("\n", "\n"), ("\r\n", "\r\n"), ("\r\n", "\n")] {
        let text = ["USUBJID,AGE", &format!("\"01{quoted}\",63"), "02,64", "03"].join(end);
        let mut reader = Reader::open("dm.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        let mut lines = Vec::new();
        while let Ok(true) = reader.next_row(&mut row) {
            lines.push(row.line().unwrap());
        }
        assert_eq!((lines, row.line()), (vec![2, 4], Some(5)), "{end:?}");
    }
}
