//! The packet of the example, from its record to its bytes: `cargo bench -p posology-report`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use posology_report::packet::{Packet, ProgramVersion, compose};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;

const PROTOCOL: &str = include_str!("../../../examples/clr131/trial.toml");
const EVENTS: &str = include_str!("../../../examples/clr131/events.ndjson");

fn main() {
    divan::main();
}

fn analysis() -> Analysis {
    let (protocol, _) = Protocol::read(PROTOCOL).unwrap();
    let chain = Chain::read(EVENTS).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    Analysis::of(&protocol, "", &chain, &cut).unwrap()
}

fn packet() -> Packet {
    let program = ProgramVersion { name: "posology".to_owned(), version: "0".to_owned() };
    compose(&analysis(), "C6", &program, None).unwrap()
}

#[divan::bench]
fn record_to_analysis() -> Analysis {
    analysis()
}

#[divan::bench]
fn record_to_packet() -> Packet {
    packet()
}

#[divan::bench]
fn html(bencher: Bencher<'_, '_>) {
    let packet = packet();
    bencher.bench(|| posology_report::html::write(&packet.document));
}

#[cfg(feature = "pdf")]
#[divan::bench(sample_count = 5)]
fn pdf(bencher: Bencher<'_, '_>) {
    let packet = packet();
    bencher.bench(|| posology_report::pdf::write(&packet.document).unwrap());
}

#[divan::bench(sample_count = 3)]
fn figures_as_png(bencher: Bencher<'_, '_>) {
    let packet = packet();
    bencher.bench(|| {
        packet
            .figures
            .iter()
            .map(|figure| posology_report::figure::png::write(figure.svg(), 1600).unwrap().len())
            .sum::<usize>()
    });
}
