//! What other people's software says of what `trial export` writes of every example: readers, schemas and rule engines.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every example in every form that is looked at, made once.
fn exports() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for example in ["clr131", "clover1", "paediatric"] {
            for format in ["dataset-json", "ndjson", "dsjc", "xpt"] {
                let output = Command::new(env!("CARGO_BIN_EXE_posology"))
                    .args(["trial", "export"])
                    .arg(project().join("examples").join(example))
                    .args(["--format", format, "--out"])
                    .arg(folder.path().join(example).join(format))
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        folder
    })
    .path()
}

/// Runs a check; what it could not look at it says in a line that begins with `skipped`.
fn ask(check: &str) {
    // The first makes the environment that the others use.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let shared = project().join("../shared");
    if !shared.exists() {
        println!("skipped: no shared");
        return;
    }
    let output = Command::new(project().join("crates/posology/tests/validators.sh"))
        .arg(check)
        .arg(exports())
        .arg(shared)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    print!("{said}");
}

#[test]
fn schema_and_a_strict_reader_take_every_dataset_json() {
    ask("json");
}

#[test]
fn pyreadstat_reads_the_same_cells_from_xpt_as_stand_in_dataset_json() {
    ask("xpt");
}

#[test]
fn r_reads_the_same_cells_from_xpt_as_stand_in_dataset_json() {
    ask("haven");
}

#[test]
fn define_xml_is_valid_and_in_order() {
    ask("define");
}

#[test]
fn the_rules_of_cdisc_core_find_nothing_but_what_each_example_says_of_itself() {
    ask("core");
}
