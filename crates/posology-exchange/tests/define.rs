//! Define-XML of the example trials: valid by the published schema, and every reference there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use posology_exchange::define;
use posology_exchange::package::Package;
use posology_exchange::tabulation::{TrialAtCut, tabulate};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;

fn tabulated(name: &str) -> Package {
    let folder = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let chain = Chain::read(&read("events.ndjson")).unwrap();
    let (protocol, _) = Protocol::read(&read("trial.toml")).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    tabulate(&TrialAtCut { analysis: &analysis, chain: &chain, program: "posology 0" })
}

/// The values of an attribute.
fn values<'a>(xml: &'a str, attribute: &str) -> BTreeSet<&'a str> {
    let marked = format!(" {attribute}=\"");
    xml.match_indices(&marked).map(|(at, _)| xml[at + marked.len()..].split('"').next().unwrap()).collect()
}

#[test]
fn every_reference_of_a_define_is_to_something_defined() {
    for name in ["clr131", "clover1", "paediatric"] {
        let xml = define::write(&tabulated(name), "xpt");
        let defined = values(&xml, "OID");
        for attribute in [
            "ItemOID",
            "MethodOID",
            "CodeListOID",
            "ValueListOID",
            "WhereClauseOID",
            "def:CommentOID",
            "def:ItemOID",
            "def:StandardOID",
        ] {
            for reference in values(&xml, attribute) {
                assert!(defined.contains(reference), "{name}: {attribute} {reference}");
            }
        }
        assert!(xml.contains("Synthetic patients"), "{name} says that its patients are invented");
        assert!(
            xml.contains("QNAM AEDLT") || !xml.contains("IG.SUPPAE"),
            "{name} states how a DLT is represented"
        );
    }
}

#[test]
fn a_define_is_valid_by_the_schema_of_cdisc() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/cdisc/xsd/define/2.1/define2-1-0.xsd");
    if !schema.exists() {
        println!("skipped: no shared");
        return;
    }
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: no xmllint");
        return;
    }
    for name in ["clr131", "clover1", "paediatric"] {
        let mut child = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(&schema)
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(define::write(&tabulated(name), "xpt").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
