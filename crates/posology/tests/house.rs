//! The house is as `ARCHITECTURE.md` draws it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Command;

/// Every allowed edge between the crates of the workspace, and no others.
const ALLOWED: &[(&str, &str)] = &[
    ("posology-trial", "posology-design"),
    ("posology-trial", "posology-clinic"),
    ("posology-record", "posology-trial"),
    ("posology-exchange", "posology-trial"),
    ("posology-exchange", "posology-clinic"),
    ("posology-report", "posology-trial"),
    ("posology-report", "posology-design"),
    ("posology-report", "posology-clinic"),
    ("posology-server", "posology-clinic"),
    ("posology-server", "posology-design"),
    ("posology-server", "posology-exchange"),
    ("posology-server", "posology-record"),
    ("posology-server", "posology-trial"),
    ("posology-server", "posology-report"),
    ("posology", "posology-server"),
    ("posology", "posology-design"),
    ("posology", "posology-clinic"),
    ("posology", "posology-trial"),
    ("posology", "posology-record"),
    ("posology", "posology-exchange"),
    ("posology", "posology-report"),
];

#[test]
fn no_crate_knows_another_that_the_plan_does_not_let_it_know() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let (from, to) = (package["name"].as_str().unwrap(), dependency["name"].as_str().unwrap());
            if to.starts_with("posology") && dependency["kind"].is_null() {
                edges.insert((from.to_owned(), to.to_owned()));
            }
        }
    }
    let allowed: BTreeSet<_> =
        ALLOWED.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let forbidden: Vec<_> = edges.difference(&allowed).collect();
    assert!(forbidden.is_empty(), "edges that ARCHITECTURE.md does not draw: {forbidden:?}");
    assert!(
        edges.contains(&("posology-trial".to_owned(), "posology-clinic".to_owned())),
        "metadata was read"
    );
}
