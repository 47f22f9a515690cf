//! Myeloma on the command line: what is refused and what is told, long files, and one patient's page.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn posology(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posology")).args(arguments).env("COLUMNS", "80").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(folder: &Path, content: &str) -> String {
    let path = folder.join("markers.csv");
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the command says of a table it refuses, and nothing is printed.
fn refusal(content: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path(), content);
    let mut said = Vec::new();
    for more in [None, Some("--best")] {
        let arguments: Vec<&str> = ["response", "imwg-2016", &table].into_iter().chain(more).collect();
        let output = posology(&arguments);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(output.stdout.is_empty());
        said.push(text(&output.stderr));
    }
    assert_eq!(said[0], said[1], "the long way and the short one say the same");
    said.remove(0)
}

/// The answer as JSON, and what was said beside it.
fn answer(content: &str, more: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path(), content);
    let output = posology(&[&["response", "imwg-2016", &table, "--json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), text(&output.stderr))
}

#[test]
fn what_cannot_be_read_is_refused_with_row_column_subject_and_day() {
    let row = "subject,date,serum_m,bmpc,kappa,mrd,mrd_method,mrd_sensitivity,imaging\nP-7,2024-01-05,4.0 g/dL,,,,,,\n";
    for (bad, expected) in [
        ("P-7,2024-02-30,2.0 g/dL,,,,,,", ["row 2, column date", "P-7", "2024-02-30", "calendar"]),
        ("P-7,2024-02-05,2.0 g/dL,101 %,,,,,", ["row 2, column bmpc", "P-7 on 2024-02-05", "101", "to 100"]),
        (
            "P-7,2024-02-05,2.0 g/dL,,-1 mg/L,,,,",
            ["row 2, column kappa", "P-7 on 2024-02-05", "-1", "from 0"],
        ),
        ("P-7,2024-02-05,2.0,,,,,,", ["row 2, column serum_m", "P-7 on 2024-02-05", "2.0", "g/dL, g/L"]),
        ("P-7,2024-02-05,two g/dL,,,,,,", ["row 2, column serum_m", "P-7 on 2024-02-05", "two", "a number"]),
        (
            "P-7,2024-02-05,2.0 g/dL,,,negative,,1e-5,",
            ["column mrd_method", "P-7 on 2024-02-05", "flow", "mend"],
        ),
        ("P-7,2024-02-05,2.0 g/dL,,,negative,flow,,", ["column mrd_sensitivity", "P-7 on", "1e-5", "mend"]),
        (
            "P-7,2024-02-05,2.0 g/dL,,,,,,fracture",
            ["column imaging", "P-7 on", "compression fracture", "mend"],
        ),
        ("P-7,2024-01-05,3.9 g/dL,,,,,,", ["P-7", "2024-01-05", "serum M-protein", "found two"]),
    ] {
        let said = refusal(&format!("{row}{bad}\n"));
        for part in expected {
            assert!(said.contains(part), "{bad}: {part:?} is not in {said}");
        }
    }
    assert!(refusal("subject,date,serum_n\nA,2024-01-05,4.0 g/dL\n").contains("serum_m"));
    assert!(refusal("subject,serum_m\nA,4.0 g/dL\n").contains("a date"));
}

#[test]
fn what_is_doubtful_is_read_and_told_with_subject_and_day() {
    let table = "subject,date,baseline,serum_m,bmpc,therapy_start,investigator\n\
                 P-7,2023-12-20,,4.1 g/dL,,,\n\
                 P-7,2024-01-05,Y,4.0 g/dL,,,\n\
                 P-7,2024-02-05,,20 g/L,,2024-06-01,pr\n\
                 P-7,2024-02-05,,,30 %,2024-06-02,\n";
    let (found, said) = answer(table, &[]);
    for part in [
        "warning: P-7: the assessment of 2023-12-20 lies before the baseline of 2024-01-05: left out",
        "serum_m of 2024-02-05 is in g/L, the first in g/dL",
        "several rows on 2024-02-05 are read as one assessment",
        "therapy_start is given as 2024-06-01 and as 2024-06-02: the earlier counts",
        "investigator of 2024-02-05: `pr`",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    for warning in found[0]["warnings"].as_array().unwrap() {
        let inputs = &warning["inputs"];
        assert!(inputs["date"].is_string() && inputs["column"].is_string(), "{warning}");
    }
    assert_eq!(found[0]["assessments"].as_array().unwrap().len(), 1);
    assert_eq!(found[0]["assessments"][0]["response"], "PR");
}

#[test]
fn the_baseline_is_the_last_row_on_or_before_the_first_treatment() {
    let table = "subject,date,serum_m,first_treatment\n\
                 A,2024-01-01,8.0 g/dL,2024-01-10\n\
                 A,2024-01-09,4.0 g/dL,2024-01-10\n\
                 A,2024-02-09,2.1 g/dL,2024-01-10\n";
    let (found, _) = answer(table, &[]);
    assert_eq!(found[0]["baseline"]["date"], "2024-01-09");
    assert_eq!(found[0]["assessments"][0]["response"], "MR", "47.5% down from 4.0, not 73.8% from 8.0");
}

#[test]
fn everything_measured_is_answered() {
    let table = "subject,date,serum_m,urine_m,serum_ife,urine_ife,kappa,lambda,bmpc,clonality,mrd,mrd_method,mrd_sensitivity,pet,calcium,plasmacytomas\n\
                 A,2024-01-05,4.0 g/dL,not detected,positive,negative,,,40 %,present,,,,,,A 3.0 x 2.0 cm\n\
                 A,2024-02-05,not detected,not detected,therapeutic antibody,negative,10 mg/L,9 mg/L,3 %,absent,negative,sequencing,1e-6,gone,,A gone\n\
                 A,2024-03-05,not detected,not detected,negative,negative,10 mg/L,9 mg/L,3 %,absent,,,,,11.2 mg/dL,A 0 x 0 mm\n\
                 A,2024-04-05,not detected,not detected,positive,negative,10 mg/L,9 mg/L,,,,,,,,A gone\n";
    let (found, _) = answer(table, &[]);
    let one = &found[0];
    assert_eq!(one["best"]["confirmed"], "sCR");
    assert_eq!(one["residual_disease"][0]["status"], "imaging-negative");
    assert_eq!(one["residual_disease"][0]["result"]["method"], "sequencing");
    assert_eq!(one["clinical_relapse"][0]["date"], "2024-03-05");
    assert_eq!(
        one["relapse_from_complete"]["date"], "2024-03-05",
        "by the calcium, another sign of progression"
    );
    assert!(one["best"]["progression"].is_null());
}

/// Subjects whose courses differ, a row a visit, in the order of the subjects.
fn many(subjects: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for subject in 0..subjects {
        for visit in 0..6 {
            let value = match (subject % 5, visit) {
                (_, 0) => 40,
                (0, _) => 20,
                (1, visit) => 40 >> visit,
                (2, visit) => 40 + 6 * visit,
                (3, visit) => {
                    if visit < 3 {
                        10
                    } else {
                        20
                    }
                }
                (_, visit) => 39 - visit,
            };
            let mut row = String::new();
            write!(
                row,
                "S-{subject:05},2024-{:02}-{:02},{}.{} g/dL,not detected",
                visit + 1,
                subject % 28 + 1,
                value / 10,
                value % 10
            )
            .unwrap();
            rows.push(row);
        }
    }
    rows
}

#[test]
fn best_responses_read_in_passing_are_those_of_the_whole_answer() {
    // More rows than a batch, so that several threads have work.
    let rows = many(2_000);
    let table = format!("subject,date,serum_m,urine_m\n{}\n", rows.join("\n"));
    let (whole, _) = answer(&table, &[]);
    let (passing, said) = answer(&table, &["--best"]);
    assert!(said.is_empty(), "{said}");
    let whole: Vec<Value> = whole
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let best = &one["best"];
            serde_json::json!([
                one["subject"],
                best["confirmed"],
                best["date"],
                best["unconfirmed"],
                best["progression"]
            ])
        })
        .collect();
    let passing: Vec<Value> = passing
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let best = &one["best"];
            serde_json::json!([
                one["subject"],
                best["confirmed"],
                best["date"],
                best["unconfirmed"],
                best["progression"]
            ])
        })
        .collect();
    assert_eq!(whole.len(), 2_000);
    assert_eq!(whole, passing);
}

#[test]
fn rows_of_a_subject_that_do_not_stand_together_are_answered_alike_and_told() {
    let rows = many(40);
    let mut scattered = rows.clone();
    scattered.sort_by_key(|row| row.split(',').nth(1).unwrap().to_owned());
    let heading = "subject,date,serum_m,urine_m\n";
    let (together, _) = answer(&format!("{heading}{}\n", rows.join("\n")), &["--best"]);
    let (apart, said) = answer(&format!("{heading}{}\n", scattered.join("\n")), &["--best"]);
    assert_eq!(together, apart);
    assert!(said.contains("do not stand together"), "{said}");
}

#[test]
fn a_page_shows_the_curve_its_limits_and_every_visit_in_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(
        folder.path(),
        "subject,date,serum_m,urine_m,serum_ife,urine_ife,therapy_start\n\
         P-01,2024-01-05,4.00 g/dL,not detected,positive,negative,2024-07-01\n\
         P-01,2024-02-05,2.00 g/dL,not detected,positive,negative,\n\
         P-01,2024-03-05,0.40 g/dL,not detected,positive,negative,\n\
         P-01,2024-04-05,0.40 g/dL,not detected,positive,negative,\n\
         P-01,2024-05-05,,not detected,positive,negative,\n\
         P-01,2024-06-05,1.00 g/dL,not detected,positive,negative,\n",
    );
    let output = posology(&["response", "imwg-2016", &table, "--explain", "P-01"]);
    let page = text(&output.stdout);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    for part in [
        "Best response: VGPR confirmed, dated 2024-03-05",
        "PR 50%",
        "VGPR 90%",
        "┆ new therapy 2024-07-01",
        "2024-02-05      2.00    -50.0%   -50.0%   PR        PR, confirmed 2024-03-05",
        "2024-05-05         -         -        -   NE        VGPR",
        "2024-06-05      1.00    -75.0%  +150.0%   PD        VGPR; PD unconfirmed",
        "every point that the edition leaves open has its default",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    // The half of 4.00 is on the line of PR: the point stands in it.
    let line = page.lines().find(|line| line.contains("PR 50%") && line.contains('╌')).unwrap();
    assert!(line.contains('●'), "{line}");
    let missing = posology(&["response", "imwg-2016", &table, "--explain", "P-02"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn settings_of_the_protocol_are_used_and_named_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(
        folder.path(),
        "subject,date,serum_m,urine_m\n\
         A,2024-01-05,4.0 g/dL,not detected\n\
         A,2024-02-05,1.0 g/dL,not detected\n\
         A,2024-03-05,1.8 g/dL,not detected\n\
         A,2024-04-05,2.2 g/dL,not detected\n",
    );
    let settings = folder.path().join("response.toml");
    std::fs::write(&settings, "criteria = \"imwg-2016\"\nnadir = \"any\"\n").unwrap();
    let settings = settings.to_str().unwrap();
    let page = posology(&["response", "imwg-2016", &table, "--settings", settings, "--explain", "A"]);
    let page = text(&page.stdout);
    assert!(page.contains("nadir = any"), "{page}");
    assert!(page.contains("2024-03-05       1.8    -55.0%   +80.0%   PD"), "{page}");
}
