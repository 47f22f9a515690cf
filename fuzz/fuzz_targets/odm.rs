//! Any bytes are read to the end or refused; a trail that reads back is written and read again to the same record.
//! Run with `cargo +nightly fuzz run odm`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posology_exchange::limits::Limits;
use posology_exchange::odm;
use posology_exchange::package::Study;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_bytes: 1 << 24, ..Limits::default() };
    let Ok(document) = odm::read("x.xml", bytes, limits) else { return };
    for table in &document.tables {
        assert!(table.rows.iter().all(|row| row.width() == table.data_set.variables.len()));
    }
    let Ok(chain) = odm::restore(&document) else { return };
    let study = Study { id: "S".into(), title: "T".into(), protocol: "P".into(), synthetic: true };
    let mut written = Vec::new();
    odm::write_trail(&study, &chain, "posology 0", &mut written).expect("a record that was read can be written");
    let again = odm::read("x.xml", written.as_slice(), limits).expect("what was written can be read");
    assert_eq!(odm::restore(&again).expect("and restored").head(), chain.head());
});
