//! A long record: `cargo bench -p posology-record --bench record` (and its memory, which the system tells).
//!
//! The record has 100,000 events, laboratory results of 200 subjects in the main, and a signature every hundred.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/record/mod.rs"]
mod record;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::OnceLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use posology_record::bundle::{self, Reader};
use posology_record::ledger::{Head, Ledger, Line, Location};
use posology_record::record::Record;
use posology_record::signature::KeyRing;
use posology_record::verify::{self, Against};
use posology_trial::conduct::Conduct;
use posology_trial::event::Chain;
use record::{TRIAL, bundled, long};

const EVENTS: usize = 100_000;
/// Events appended in a bench: enough for a second.
const APPENDED: usize = 10_000;

fn main() {
    divan::main();
}

fn chain() -> &'static Chain {
    static CHAIN: OnceLock<Chain> = OnceLock::new();
    CHAIN.get_or_init(|| long(EVENTS).chain().clone())
}

fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| bundled(chain()))
}

fn lines() -> Vec<Line> {
    let entries = chain().entries().iter();
    entries.map(|entry| Line { hash: entry.hash.clone(), body: entry.canonical().to_owned() }).collect()
}

/// Appends the first events in groups, each group acknowledged before the next.
fn append(location: &Location, lines: &[Line], group: usize) {
    let mut ledger = Ledger::open_or_create(location).unwrap();
    let mut head = Head::genesis();
    for group in lines.chunks(group) {
        let done = ledger.append(TRIAL, &head, group, None).unwrap();
        head = Head { position: done.last, hash: done.hash };
    }
}

#[divan::bench(args = [1, 10, 100], sample_count = 5)]
fn append_on_sqlite_in_groups_of(bencher: Bencher<'_, '_>, group: usize) {
    let lines = lines();
    let events = if group == 1 { APPENDED / 10 } else { APPENDED };
    bencher.counter(ItemsCount::new(events)).with_inputs(|| tempfile::tempdir().unwrap()).bench_refs(
        |folder| append(&Location::File(folder.path().join("record.db")), &lines[..events], group),
    );
}

#[divan::bench(args = [1, 10, 100], sample_count = 5)]
fn append_on_postgresql_in_groups_of(bencher: Bencher<'_, '_>, group: usize) {
    if support::server().is_none() {
        return;
    }
    let lines = lines();
    let events = if group == 1 { APPENDED / 10 } else { APPENDED };
    bencher
        .counter(ItemsCount::new(events))
        .with_inputs(|| support::database().unwrap())
        .bench_refs(|location| append(location, &lines[..events], group));
}

#[divan::bench(sample_count = 10)]
fn replay(bencher: Bencher<'_, '_>) {
    let chain = chain();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| Conduct::replay(chain).unwrap());
}

#[divan::bench(sample_count = 10)]
fn read_the_text_form(bencher: Bencher<'_, '_>) {
    let text = chain().write();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| Chain::read(&text).unwrap());
}

#[divan::bench(sample_count = 10)]
fn signatures_of_the_record(bencher: Bencher<'_, '_>) {
    let chain = chain();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| KeyRing::fold(chain.entries()).unwrap());
}

#[divan::bench(sample_count = 10)]
fn verify_a_bundle(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let report = verify::bundle(text.as_bytes(), &Against::default());
        assert!(report.is_whole(), "{report}");
    });
}

fn stored() -> (tempfile::TempDir, Location) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("record.db"));
    append(&location, &lines(), 1_000);
    (folder, location)
}

#[divan::bench(sample_count = 10)]
fn verify_a_ledger_on_sqlite(bencher: Bencher<'_, '_>) {
    let (_folder, location) = stored();
    let mut ledger = Ledger::open(&location).unwrap();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let report = verify::ledger(&mut ledger, TRIAL, &Against::default()).unwrap();
        assert!(report.is_whole(), "{report}");
    });
}

#[divan::bench(sample_count = 10)]
fn open_a_record_on_sqlite(bencher: Bencher<'_, '_>) {
    let (_folder, location) = stored();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| Record::open(&location, Some(TRIAL)).unwrap());
}

#[divan::bench(sample_count = 10)]
fn write_a_bundle(bencher: Bencher<'_, '_>) {
    let chain = chain();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let mut out = Vec::new();
        bundle::write(chain, &mut out).unwrap();
        out
    });
}

#[divan::bench(sample_count = 10)]
fn read_a_bundle(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        assert_eq!(Reader::open(text.as_bytes()).unwrap().filter_map(Result::ok).count(), EVENTS);
    });
}

#[divan::bench(sample_count = 5)]
fn restore_a_bundle_on_sqlite(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.counter(ItemsCount::new(EVENTS)).with_inputs(|| tempfile::tempdir().unwrap()).bench_refs(
        |folder| {
            let location = Location::File(folder.path().join("record.db"));
            let mut ledger = Ledger::open_or_create(&location).unwrap();
            bundle::restore(Reader::open(text.as_bytes()).unwrap(), &mut ledger).unwrap();
        },
    );
}
