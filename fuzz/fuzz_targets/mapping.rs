//! Any text is a mapping or a list of problems, each inside the text; a mapping reads files without a panic. Run with
//! `cargo +nightly fuzz run mapping`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_exchange::intake::{ImportOptions, KnownRows, SourceFile};
use posology_exchange::mapping::{Mapping, dry_run};

fn file(name: &str, text: &'static str) -> SourceFile {
    SourceFile { name: name.to_owned(), open: Box::new(move || Ok(Box::new(text.as_bytes()))) }
}

fuzz_target!(|text: &str| match Mapping::read(text) {
    Err(problems) => {
        for problem in problems.as_slice() {
            assert!(problem.offset + problem.length <= text.len());
        }
    }
    Ok(mapping) => {
        let files = [file("t.csv", "A;B;C;D\nP-1;1;UN.07.2019;1.234,5\nP-2;2;JUL 2019;8:15\n")];
        let _ = dry_run(&mapping, &files, &KnownRows::default(), &ImportOptions::default(), 5);
    }
});
