//! Any bytes as the table of absorbed doses are taken or refused row by row; nothing panics. Run with
//! `cargo +nightly fuzz run organ_doses`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};

fuzz_target!(|bytes: &[u8]| {
    let file = |name: &str, bytes: Vec<u8>| SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    };
    let demographics = b"DOMAIN,USUBJID\nDM,P-01\n".to_vec();
    let files = [file("dm.csv", demographics), file("organ-doses.csv", bytes.to_vec())];
    let _ = import(&files, &KnownRows::default(), &ImportOptions::default());
});
