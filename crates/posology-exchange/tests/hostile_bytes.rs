//! The fuzz corpus, and bytes made from it: read to the end or refused, never a panic, never without end.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use posology_exchange::dataset::{ReadOptions, Reader, Row};
use posology_exchange::limits::Limits;
use posology_exchange::problem::Unreadable;
use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};
use proptest::prelude::*;

const NAMES: [&str; 7] = ["x.csv", "x.csv.gz", "x.xpt", "x.json", "x.ndjson", "x.ndjson.gz", "x.dsjc"];

fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut files: Vec<PathBuf> = ["csv", "xpt", "dataset_json"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Reads whatever can be read, and imports it: the only claim is that it ends.
fn read_as_everything(bytes: &[u8]) {
    let limits = Limits { max_bytes: 1 << 22, ..Limits::default() };
    for name in NAMES {
        let Ok(mut reader) = Reader::open(name, bytes, &ReadOptions { limits, ..ReadOptions::default() })
        else {
            continue;
        };
        let mut row = Row::default();
        loop {
            match reader.next_row(&mut row) {
                Ok(true) => assert_eq!(row.width(), reader.data_set().variables.len()),
                Err(Unreadable::Row(problem)) => assert!(problem.place.row.is_some()),
                Ok(false) => match reader.next_data_set() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                },
                Err(Unreadable::File(_)) => break,
            }
        }
    }
}

fn import_as(domain: &str, bytes: Vec<u8>) {
    let dm = "DOMAIN,USUBJID\nDM,01\nDM,02\n";
    let file = |name: &str, bytes: Vec<u8>| SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    };
    let files = [file("dm.csv", dm.as_bytes().to_vec()), file(&format!("{domain}.csv"), bytes)];
    let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
    for report in &outcome.report.files {
        let counts = report.counts;
        let settled = counts.taken + counts.corrected + counts.unchanged + counts.refused + counts.set_aside;
        assert_eq!(settled, counts.read, "{report:?}");
    }
}

#[test]
fn the_corpus_is_there_and_is_read_or_refused() {
    let corpus = corpus();
    assert!(corpus.len() >= 13);
    for bytes in &corpus {
        read_as_everything(bytes);
        for cut in (0..bytes.len()).step_by(7) {
            read_as_everything(&bytes[..cut]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let corpus = corpus();
        let mut bytes = which.get(&corpus).clone();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        read_as_everything(&bytes);
        read_as_everything(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn every_row_of_a_domain_is_taken_set_aside_or_refused(
        rows in prop::collection::vec(("(01|02|99|)", "[0-9]{0,2}", "[-0-9.<A-Za-z/ ]{0,8}", "(mCi|g/L|mg|mCi/m2|)", "(2024-0[0-9]-[0-3][0-9]|2024|x|)"), 0..12),
        domain in "(DM|EC|EX|AE|LB|VS|RS|DS|MH|SV|CM|PR|TU)",
    ) {
        let columns = ["SEQ", "TERM", "TESTCD", "TRT", "DOSE", "DOSU", "ORRES", "ORRESU", "STDTC", "DTC"];
        let mut text = format!("DOMAIN,USUBJID,{}\n", columns.map(|column| format!("{domain}{column}")).join(","));
        for (subject, sequence, value, unit, date) in rows {
            text.push_str(&format!("{domain},{subject},{sequence},{value},{value},{value},{value},{unit},{value},{unit},{date},{date}\n"));
        }
        import_as(&domain.to_lowercase().replace("dm", "dm_other"), text.into_bytes());
    }
}
