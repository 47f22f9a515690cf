//! Any bytes are a bundle that writes back to itself, or are refused. Run with `cargo +nightly fuzz run bundle`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_record::bundle::{self, Reader};
use posology_record::verify::{self, Against};
use posology_trial::event::Chain;

fuzz_target!(|bytes: &[u8]| {
    let report = verify::bundle(bytes, &Against::default());
    let entries = Reader::open(bytes).and_then(|reader| {
        let headed = reader.header().is_some();
        Ok((headed, reader.collect::<Result<Vec<_>, _>>()?))
    });
    let Ok((headed, entries)) = entries else {
        assert!(!report.is_whole());
        return;
    };
    let mut chain = Chain::default();
    for entry in entries {
        if chain.push_verified(entry).is_err() {
            // A correction of nothing: the reader asks for bytes and hashes, the replay for this.
            assert!(!report.is_whole());
            return;
        }
    }
    let mut written = Vec::new();
    if headed {
        bundle::write(&chain, &mut written).expect("what was read can be written");
    } else {
        written = chain.write().into_bytes();
    }
    assert_eq!(written, bytes);
});
