//! Any bytes are read to the end or refused; nothing panics. Run with `cargo +nightly fuzz run csv`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_exchange::dataset::{ReadOptions, Reader, Row};
use posology_exchange::problem::Unreadable;

fuzz_target!(|bytes: &[u8]| {
    for name in ["x.csv", "x.csv.gz"] {
        let Ok(mut reader) = Reader::open(name, bytes, &ReadOptions::default()) else { continue };
        let mut row = Row::default();
        loop {
            match reader.next_row(&mut row) {
                Ok(true) | Err(Unreadable::Row(_)) => {}
                Ok(false) => match reader.next_data_set() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                },
                Err(Unreadable::File(_)) => break,
            }
        }
    }
});
