//! Any bytes as an export of REDCap (flat or EAV, CSV or JSON) and as its dictionary are taken or refused row by row;
//! nothing panics. Run with `cargo +nightly fuzz run redcap`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_exchange::intake::{ImportOptions, KnownRows, SourceFile};
use posology_exchange::mapping::{Mapping, import};

const DICTIONARY: &[u8] = include_bytes!("../corpus/redcap/dictionary.csv");
const RECORDS: &[u8] = include_bytes!("../corpus/redcap/flat.csv");

fn file(name: &str, bytes: &[u8]) -> SourceFile {
    let bytes = bytes.to_vec();
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    }
}

fuzz_target!(|bytes: &[u8]| {
    for (records, dictionary, ending) in
        [(bytes, DICTIONARY, "csv"), (bytes, DICTIONARY, "json"), (RECORDS, bytes, "csv")]
    {
        let text = format!(
            "[[table]]\nname = \"s\"\nfile = \"r.{ending}\"\ndictionary = \"d.csv\"\nform = \"enrolment\"\n\
             fact = \"subject\"\nfields.subject = \"record_id\"\nfields.arm = \"sex\"\n"
        );
        let Ok(mapping) = Mapping::read(&text) else { continue };
        let files = [file(&format!("r.{ending}"), records), file("d.csv", dictionary)];
        let _ = import(&mapping, &files, &KnownRows::default(), &ImportOptions::default());
    }
});
