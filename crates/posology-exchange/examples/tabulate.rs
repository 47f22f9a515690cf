//! Writes the SDTM of a folder's events as Dataset-JSON: `tabulate DIR OUT`.
#![allow(clippy::unwrap_used)]
use posology_exchange::dataset_json_write::{Form, write};
use posology_exchange::tabulation::{TrialAtCut, tabulate};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;
fn main() {
    let mut args = std::env::args().skip(1);
    let (dir, out) = (args.next().unwrap(), args.next().unwrap());
    let read = |name: &str| std::fs::read_to_string(format!("{dir}/{name}")).unwrap();
    let (protocol, _) = Protocol::read(&read("trial.toml")).unwrap();
    let chain = Chain::read(&read("events.ndjson")).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    let package = tabulate(&TrialAtCut { analysis: &analysis, chain: &chain, program: "posology 0.1.0" });
    std::fs::create_dir_all(&out).unwrap();
    for table in &package.tables {
        let file = std::fs::File::create(format!("{out}/{}.json", table.name.to_lowercase())).unwrap();
        write(&package, table, Form::Document, file).unwrap();
    }
}
