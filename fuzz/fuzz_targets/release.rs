//! Any text is read as a release: no panic, and every claim is a part of it. Run with `cargo +nightly fuzz run release`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_report::release::check;

fuzz_target!(|text: &str| {
    let Ok(checked) = check(text, None) else { return };
    for claim in checked.claims {
        assert!(text.contains(&claim.text));
    }
});
