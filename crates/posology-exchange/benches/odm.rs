//! Events and values of ODM a second: `cargo bench -p posology-exchange --bench odm`.
//!
//! The record is an example's: 4,978 events of 24 patients, 7.9 MB as a trail.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use posology_exchange::limits::Limits;
use posology_exchange::odm;
use posology_exchange::package::Study;
use posology_trial::event::Chain;

fn main() {
    divan::main();
}

fn record() -> Chain {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131/events.ndjson");
    Chain::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn trail(chain: &Chain) -> Vec<u8> {
    let study = Study { id: "S".into(), title: "T".into(), protocol: "P".into(), synthetic: true };
    let mut bytes = Vec::new();
    odm::write_trail(&study, chain, "posology 0", &mut bytes).unwrap();
    bytes
}

#[divan::bench(sample_count = 10)]
fn events_of_a_trail_written(bencher: Bencher<'_, '_>) {
    let chain = record();
    bencher.counter(ItemsCount::new(chain.entries().len())).bench(|| trail(&chain));
}

#[divan::bench(sample_count = 10)]
fn bytes_of_a_trail_read(bencher: Bencher<'_, '_>) {
    let bytes = trail(&record());
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench(|| odm::read("x.xml", bytes.as_slice(), Limits::default()).unwrap());
}

#[divan::bench(sample_count = 10)]
fn events_of_a_trail_restored(bencher: Bencher<'_, '_>) {
    let chain = record();
    let document = odm::read("x.xml", trail(&chain).as_slice(), Limits::default()).unwrap();
    bencher.counter(ItemsCount::new(chain.entries().len())).bench(|| odm::restore(&document).unwrap());
}
