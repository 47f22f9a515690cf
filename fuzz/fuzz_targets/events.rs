//! Any text is a chain that writes back to itself, or is refused. Run with `cargo +nightly fuzz run events`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_trial::event::Chain;

fuzz_target!(|text: &str| {
    if let Ok(chain) = Chain::read(text) {
        let written = chain.write();
        assert_eq!(Chain::read(&written).expect("what was written reads"), chain);
    }
});
