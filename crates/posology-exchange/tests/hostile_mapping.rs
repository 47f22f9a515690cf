//! The fuzz corpus of mappings and of REDCap's exports, and texts made from it: read or refused, never a panic.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use posology_exchange::intake::{ImportOptions, KnownRows, SourceFile};
use posology_exchange::mapping::{Mapping, dry_run, import};
use proptest::prelude::*;

fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn file(name: &str, bytes: &[u8]) -> SourceFile {
    let bytes = bytes.to_vec();
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    }
}

/// A mapping is read and reads files, or its problems lie inside the text.
fn read_mapping(text: &str) {
    match Mapping::read(text) {
        Err(problems) => {
            for problem in problems.as_slice() {
                assert!(problem.offset + problem.length <= text.len());
            }
        }
        Ok(mapping) => {
            let files = [file("t.csv", b"A;B;C;D\nP-1;1;UN.07.2019;1.234,5\nP-2;2;JUL 2019;8:15\n")];
            let dry = dry_run(&mapping, &files, &KnownRows::default(), &ImportOptions::default(), 5);
            assert!(dry.gone.is_empty());
        }
    }
}

/// Bytes as records and as a dictionary: every row is settled.
fn read_export(bytes: &[u8]) {
    let corpus = corpus("redcap");
    let (dictionary, flat) = (&corpus[0], &corpus[2]);
    for (records, dictionary, ending) in [
        (bytes, dictionary.as_slice(), "csv"),
        (bytes, dictionary.as_slice(), "json"),
        (flat.as_slice(), bytes, "csv"),
    ] {
        let text = format!(
            "[[table]]\nname = \"s\"\nfile = \"r.{ending}\"\ndictionary = \"d.csv\"\nform = \"enrolment\"\n\
             fact = \"subject\"\nfields.subject = \"record_id\"\nfields.arm = \"sex\"\n"
        );
        let files = [file(&format!("r.{ending}"), records), file("d.csv", dictionary)];
        let mapping = Mapping::read(&text).unwrap();
        let outcome = import(&mapping, &files, &KnownRows::default(), &ImportOptions::default());
        for report in &outcome.report.files {
            let counts = report.counts;
            let settled =
                counts.taken + counts.corrected + counts.unchanged + counts.refused + counts.set_aside;
            assert_eq!(settled, counts.read, "{report:?}");
        }
    }
}

#[test]
fn the_corpus_is_there_and_is_read_or_refused() {
    let (mappings, exports) = (corpus("mapping"), corpus("redcap"));
    assert!(mappings.len() >= 3 && exports.len() >= 4);
    for bytes in &mappings {
        read_mapping(std::str::from_utf8(bytes).unwrap());
    }
    for bytes in &exports {
        read_export(bytes);
        for cut in (0..bytes.len()).step_by(97) {
            read_export(&bytes[..cut]);
        }
    }
    // The smallest of the mappings takes both facts of the table that it is given.
    let small = mappings.iter().find_map(|bytes| {
        let mapping = Mapping::read(std::str::from_utf8(bytes).unwrap()).ok()?;
        (mapping.table.len() == 2).then_some(mapping)
    });
    let files = [file("t.csv", b"A;B;C;D\nP-1;1;UN.07.2019;1.234,5\n")];
    let outcome = import(&small.unwrap(), &files, &KnownRows::default(), &ImportOptions::default());
    assert_eq!(outcome.report.total.taken, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_mapping_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}=\"',.a-z0-9\n* ]{0,3}"), 1..4),
    ) {
        let corpus = corpus("mapping");
        let mut text = String::from_utf8(which.get(&corpus).clone()).unwrap();
        for (place, piece) in changes {
            let mut at = place.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let end = (at + 1..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(at);
            text.replace_range(at..end, &piece);
        }
        read_mapping(&text);
    }

    #[test]
    fn a_mutated_export_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let corpus = corpus("redcap");
        let mut bytes = which.get(&corpus).clone();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        read_export(&bytes);
    }
}
