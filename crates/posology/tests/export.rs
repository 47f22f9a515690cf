//! What `trial export` writes is taken back by `trial import`, and what must not be written is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

fn posology(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posology")).args(args).output().unwrap()
}

fn said(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_audit_trail_of_odm_is_the_same_record_again() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).display().to_string();
    let trial = example("paediatric");
    let exported = posology(&[
        "--json",
        "trial",
        "export",
        &trial.display().to_string(),
        "--format",
        "odm",
        "--out",
        &path("out"),
    ]);
    assert_eq!(said(&exported)["files"][0], "odm/audit-trail.xml");
    fs::create_dir(work.path().join("new")).unwrap();
    fs::copy(trial.join("trial.toml"), work.path().join("new/trial.toml")).unwrap();
    let trail = path("out/odm/audit-trail.xml");
    let taken = said(&posology(&["--json", "trial", "import", &path("new"), &trail]));
    assert_eq!(taken["events"], 2303);
    let events = fs::read(trial.join("events.ndjson")).unwrap();
    assert_eq!(fs::read(work.path().join("new/events.ndjson")).unwrap(), events);
    let again = posology(&["trial", "import", &path("new"), &trail]);
    assert_eq!(again.status.code(), Some(2), "a trial with events of its own takes no trail");
    posology(&["trial", "export", &path("new"), "--format", "odm", "--out", &path("again")]);
    for file in ["odm/audit-trail.xml", "odm/snapshot.xml", "SHA256SUMS"] {
        let of = |folder: &str| fs::read(work.path().join(folder).join(file)).unwrap();
        assert!(of("out") == of("again"), "{file}");
    }
}

#[test]
fn a_damaged_trail_is_refused_and_nothing_is_written() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).display().to_string();
    let trial = example("paediatric");
    posology(&["trial", "export", &trial.display().to_string(), "--format", "odm", "--out", &path("out")]);
    let trail = fs::read_to_string(path("out/odm/audit-trail.xml")).unwrap();
    fs::create_dir(work.path().join("new")).unwrap();
    fs::copy(trial.join("trial.toml"), work.path().join("new/trial.toml")).unwrap();
    let damaged = trail.replacen("\"42.9 mCi\"", "\"52.9 mCi\"", 1).replacen("Value=\"F\"", "Value=\"M\"", 1);
    assert_ne!(trail, damaged);
    fs::write(path("damaged.xml"), damaged).unwrap();
    let refused = posology(&["trial", "import", &path("new"), &path("damaged.xml")]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stdout));
    assert!(!work.path().join("new/events.ndjson").exists());
}

#[test]
fn the_same_cut_gives_the_same_files_and_the_list_of_hashes_holds() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).display().to_string();
    let trial = example("clover1").display().to_string();
    let said =
        said(&posology(&["--json", "trial", "export", &trial, "--format", "xpt", "--out", &path("one")]));
    posology(&["trial", "export", &trial, "--format", "xpt", "--out", &path("two")]);
    let sums = fs::read_to_string(path("one/SHA256SUMS")).unwrap();
    assert_eq!(sums, fs::read_to_string(path("two/SHA256SUMS")).unwrap());
    assert_eq!(sums.lines().count() + 1, said["files"].as_array().unwrap().len());
    assert!(sums.contains("  adam/adsl.xpt") && sums.contains("  sdtm/dm.xpt"));
    assert!(
        said["changed"].as_array().unwrap().iter().any(|one| one["found"].to_string().contains("Waldenstr"))
    );
    let earlier = posology(&[
        "--json",
        "trial",
        "export",
        &trial,
        "--format",
        "csv",
        "--cut",
        "2018-06-30",
        "--standard",
        "sdtm",
        "--out",
        &path("cut"),
    ]);
    let rows = |said: &Value, name: &str| {
        said["data_sets"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .map(|one| one["rows"].as_u64().unwrap())
    };
    assert!(rows(&self::said(&earlier), "EX") < rows(&said, "EX"));
}
