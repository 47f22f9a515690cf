//! Any text is a protocol or a list of problems, each inside the text. Run with `cargo +nightly fuzz run protocol`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_trial::protocol::Protocol;

fuzz_target!(|text: &str| {
    if let Err(problems) = Protocol::read(text) {
        for problem in problems.as_slice() {
            assert!(problem.offset + problem.length <= text.len());
        }
    }
});
