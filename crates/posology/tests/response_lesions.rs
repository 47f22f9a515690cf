//! Response from tables of lesions, as a user runs it: both layouts, RECIST and iRECIST, and how bad rows are refused.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn posology(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posology")).args(arguments).current_dir(root()).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = posology(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(arguments: &[&str]) -> String {
    let output = posology(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The third-party data, where they stand beside the project; else the test says that it was skipped.
fn shared(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("POSOLOGY_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = shared.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no shared");
    None
}

fn strings(rows: &Value, key: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap_or("-").to_owned()).collect()
}

/// The example of the book.
fn example() -> String {
    let page = fs::read_to_string(root().join("docs/src/howto/responses.md")).unwrap();
    let from = page.find("subject,date,lesion,role,site,node,longest,shortest,unit").unwrap();
    page[from..].split("```").next().unwrap().to_owned()
}

#[test]
fn the_example_of_the_book_is_a_confirmed_partial_response() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "lesions.csv", example());
    let answer = &json(&["response", "recist-1.1", &table])[0];
    // 40 + 18 = 58 mm; 21 + 9 = 30 is 48.2% down; too small counts 5, and 5 + 8 = 13.
    assert_eq!(strings(&answer["assessments"], "response"), ["PR", "PR"]);
    assert_eq!(answer["components"][0]["sum"]["baseline_mm"], "58");
    assert_eq!(answer["components"][0]["sum"]["sum_mm"], "30");
    assert_eq!(answer["components"][1]["sum"]["sum_mm"], "13");
    assert_eq!((&answer["best"]["confirmed"], &answer["best"]["date"]), (&"PR".into(), &"2024-03-05".into()));
    assert_eq!(answer["criteria"]["confirm-days"], 28, "the settings are printed with the result");
    assert_eq!(answer["disagreements"].as_array().unwrap().len(), 0);
    let words = posology(&["response", "recist-1.1", &table, "--explain", "P-01"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("sum 30 mm, down 48.2% from 58 mm at baseline: PR"), "{words}");
    assert!(words.contains("the investigator said PR, which agrees"), "{words}");
}

#[test]
fn order_of_rows_and_units_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let text = example();
    let (header, rows) = text.split_once('\n').unwrap();
    let mut turned: Vec<&str> = rows.lines().collect();
    turned.reverse();
    let turned = format!("{header}\n{}\n", turned.join("\n"));
    let in_cm = text.replace(",40,,mm,", ",4.0,,cm,").replace(",,18,mm,", ",,1.8,cm,");
    assert_ne!(text, in_cm);
    let responses = |name: &str, text: &str| {
        let answer = json(&["response", "recist-1.1", &file(folder.path(), name, text)]);
        (answer[0]["assessments"].clone(), answer[0]["best"].clone())
    };
    let expected = responses("a.csv", &text);
    assert_eq!(responses("b.csv", &turned), expected);
    assert_eq!(responses("c.csv", &in_cm), expected);
}

#[test]
fn bad_rows_are_refused_with_row_subject_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let base = "subject,date,lesion,role,longest,unit,state,baseline,investigator,tumour_markers\n\
                A,2024-01-02,T01,target,40,mm,,,,\n";
    let cases = [
        (
            "A,2024-03-01,T01,target,30,,,,,",
            &["row 2", "subject A, 2024-03-01", "column longest", "mm or cm"][..],
        ),
        ("A,2024-03-01,T01,target,-3,mm,,,,", &["row 2", "0 or more"]),
        ("A,2024-03-01,T01,target,30,inch,,,,", &["row 2", "inch"]),
        ("A,2024-02-30,T01,target,30,mm,,,,", &["row 2", "column date"]),
        ("A,2024-01-02,T01,target,41,mm,,,,", &["row 2", "one result for T01", "row 1"]),
        ("A,2024-03-01,T01,new,30,mm,,,,", &["keep its role", "2024-03-01"]),
        ("A,2024-03-01,T01,Target,30,mm,,,,", &["column role", "found \"Target\""]),
        ("A,2024-03-01,T01,target,,,,,,", &["column state", "neither"]),
        ("A,2024-03-01,T01,target,30,mm,absent,,,", &["column state"]),
        ("A,2024-03-01,T01,target,30,mm,,,pr,", &["column investigator", "`pr`", "spelt so"]),
        ("A,2024-03-01,T09,target,30,mm,,,,", &["subject A", "T09", "the baseline lacks"]),
        ("A,2024-03-01,T09,,30,mm,,,,", &["T09", "column role"]),
        (
            "A,2023-12-01,T01,target,30,mm,,,,\nA,2024-01-02,,,,,,Y,,",
            &["before the baseline of 2024-01-02", "2023-12-01"],
        ),
        (
            "A,2024-03-01,T01,target,30,mm,,,,normal\nA,2024-03-01,,,,,,,,raised",
            &["row 3", "column tumour_markers", "row 2"],
        ),
        ("A,2024-03-01,T01,target,30,mm,,,,high", &["column tumour_markers", "\"high\""]),
        ("A,2024-03-01,,target,30,mm,,,,", &["the lesion this belongs to"]),
    ];
    for (row, expected) in cases {
        let error =
            refusal(&["response", "recist-1.1", &file(folder.path(), "bad.csv", format!("{base}{row}\n"))]);
        assert!(expected.iter().all(|part| error.contains(part)), "{row}: {error}");
        assert!(
            error.contains("mend: ") || error.contains("spelt so") || error.contains("column date"),
            "{error}"
        );
    }
}

#[test]
fn what_may_be_meant_so_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let text = "subject,date,lesion,role,longest,shortest,unit,method\n\
                A,2024-01-02,T01,target,40,20,mm,CT\n\
                A,2024-03-01,T01,target,2,3,cm,MRI\n";
    let answer = json(&["response", "recist-1.1", &file(folder.path(), "odd.csv", text)]);
    let rules = strings(&answer[0]["warnings"], "rule");
    for rule in ["response/two-units", "response/method-changed", "response/shortest-longer"] {
        assert!(rules.iter().any(|found| found == rule), "{rule} in {rules:?}");
    }
}

#[test]
fn irecist_and_settings_are_chosen_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = "subject,date,lesion,role,longest,unit,first_treatment\n\
                A,2024-01-02,T01,target,50,mm,2024-01-03\nA,2024-02-01,T01,,60,mm,\nA,2024-03-01,T01,,65,mm,\n";
    let table = file(folder.path(), "immune.csv", text);
    let answer = json(&["response", "irecist", &table]);
    assert_eq!(strings(&answer[0]["assessments"], "response"), ["iUPD", "iCPD"]);
    let longer = file(folder.path(), "irecist.toml", "criteria = \"irecist\"\nimmune-confirm-days = 30\n");
    let answer = json(&["response", "irecist", &table, "--settings", &longer]);
    assert_eq!(strings(&answer[0]["assessments"], "response"), ["iUPD", "iUPD"]);
    assert_eq!(answer[0]["criteria"]["immune-confirm-days"], 30);
    let error = refusal(&["response", "recist-1.1", &table, "--settings", &longer]);
    assert!(error.contains("irecist"), "{error}");
}

#[test]
fn responses_already_categorised_are_confirmed_by_table_3() {
    let folder = tempfile::tempdir().unwrap();
    let text = "subject,date,response,first_treatment\n\
                A,2024-02-12,PR,2024-01-01\nA,2024-03-25,CR,\nB,2024-02-12,CR,2024-01-01\nB,2024-03-25,PR,\n";
    let answer = json(&["response", "confirm", "recist-1.1", &file(folder.path(), "rs.csv", text)]);
    assert_eq!(
        (&answer[0]["best"]["confirmed"], &answer[0]["best"]["unconfirmed"]),
        (&"PR".into(), &"CR".into())
    );
    assert_eq!(
        answer[1]["best"]["confirmed"], "SD",
        "the complete response had reached the minimum of 42 days"
    );
    assert_eq!(answer[1]["best"]["progression"], "2024-03-25");
}

const TU: &str = "USUBJID,TULNKID,TUSTRESC,TULOC,TUMETHOD,TUEVAL,TUTESTCD\n\
    A,T01,TARGET,LIVER,CT SCAN,INVESTIGATOR,TUMIDENT\nA,T02,TARGET,LYMPH NODE,CT SCAN,INVESTIGATOR,TUMIDENT\n\
    A,NT01,NON-TARGET,BONE,CT SCAN,INVESTIGATOR,TUMIDENT\n";
const TR: &str = "USUBJID,TRLNKID,TRTESTCD,TRSTRESC,TRSTRESN,TRSTRESU,TRDTC,TREVAL\n\
    A,T01,LDIAM,40,40,mm,2024-01-02,INVESTIGATOR\nA,T02,SAXIS,18,18,mm,2024-01-02,INVESTIGATOR\n\
    A,NT01,TUMSTATE,PRESENT,,,2024-01-02,INVESTIGATOR\n\
    A,T01,LDIAM,2.1,2.1,cm,2024-03-05T09:00,INVESTIGATOR\nA,T02,SAXIS,9,9,mm,2024-03-05,INVESTIGATOR\n\
    A,NT01,TUMSTATE,PRESENT,,,2024-03-05,INVESTIGATOR\n\
    A,T01,LDIAM,80,80,mm,2024-03-05,INDEPENDENT ASSESSOR\n\
    A,,SUMDIAM,30,30,mm,2024-03-05,INVESTIGATOR\n";

#[test]
fn sdtm_gives_what_the_rows_for_people_give() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "tu.csv", TU);
    let tr = file(folder.path(), "tr.csv", TR);
    file(
        folder.path(),
        "rs.csv",
        "USUBJID,RSTESTCD,RSSTRESC,RSDTC,RSEVAL\nA,OVRLRESP,SD,2024-03-05,INVESTIGATOR\n",
    );
    file(folder.path(), "dm.csv", "USUBJID,RFXSTDTC,DTHDTC\nA,2024-01-10,\nB,2024-01,\n");
    let by_file = json(&["response", "recist-1.1", &tr]);
    let by_folder = json(&["response", "recist-1.1", folder.path().to_str().unwrap()]);
    assert_eq!(by_file, by_folder);
    let answer = &by_file[0];
    assert_eq!(strings(&answer["assessments"], "response"), ["PR"]);
    assert_eq!(answer["components"][0]["sum"]["sum_mm"], "30");
    assert_eq!(answer["disagreements"][0]["investigator"], "SD");
    assert_eq!(answer["best"]["confirmed"], "SD", "day 55 after the first treatment of DM");
    let error = refusal(&["response", "recist-1.1", &tr, "--evaluator", "NOBODY"]);
    assert!(error.contains("NOBODY") && error.contains("--evaluator"), "{error}");
}

#[test]
fn sdtm_that_can_be_read_in_two_ways_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tr = |rows: &str| file(folder.path(), "tr.csv", format!("{TR}{rows}"));
    let without_tu = refusal(&["response", "recist-1.1", &tr("")]);
    assert!(without_tu.contains("the domain TU"), "{without_tu}");
    file(folder.path(), "tu.csv", TU);
    let twice = refusal(&["response", "recist-1.1", &tr("A,T01,LDIAM,22,22,mm,2024-03-05,INVESTIGATOR\n")]);
    assert!(twice.contains("row 9") && twice.contains("found two"), "{twice}");
    let month = tr("A,T01,LDIAM,21,21,mm,2024-04,INVESTIGATOR\n");
    let partial = refusal(&["response", "recist-1.1", &month]);
    assert!(partial.contains("2024-04") && partial.contains("--partial-dates"), "{partial}");
    let completed = json(&["response", "recist-1.1", &month, "--partial-dates", "last-day"]);
    assert_eq!(strings(&completed[0]["assessments"], "date"), ["2024-03-05", "2024-04-30"]);
    assert!(strings(&completed[0]["warnings"], "rule").contains(&"response/partial-date".to_owned()));
    let unknown = refusal(&["response", "recist-1.1", &tr("A,T07,LDIAM,21,21,mm,2024-04-05,INVESTIGATOR\n")]);
    assert!(unknown.contains("T07") && unknown.contains("TULNKID"), "{unknown}");
}

#[test]
fn sums_nadirs_and_progressions_of_pharmaversesdtm_are_those_of_the_published_table() {
    // Source: admiralonco's article on tumour results, run on the investigator's lesions of pharmaversesdtm.
    let (Some(data), Some(reference)) = (shared("data/pharmaversesdtm"), shared("reference/response")) else {
        return;
    };
    let tr = data.join("tr_onco_recist.csv");
    let answer = json(&["response", "recist-1.1", tr.to_str().unwrap(), "--partial-dates", "first-day"]);
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(reference.join("adtr_sdiam.json")).unwrap()).unwrap();
    let number = |value: &Value| -> Option<f64> {
        value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    let mut compared = 0;
    for row in expected.as_array().unwrap().iter().filter(|row| row["PARAMCD"] == "SDIAM") {
        let subject = answer.as_array().unwrap().iter().find(|one| one["subject"] == row["USUBJID"]).unwrap();
        compared += 1;
        let close = |found: &Value, expected: &Value| {
            let (found, expected) = (number(found).unwrap(), number(expected).unwrap());
            assert!((found - expected).abs() < 1e-9, "{row}: {found} is not {expected}");
        };
        if row["ABLFL"] == "Y" {
            close(&subject["components"][0]["sum"]["baseline_mm"], &row["AVAL"]);
            continue;
        }
        let visit =
            subject["components"].as_array().unwrap().iter().find(|one| one["date"] == row["ADT"]).unwrap();
        close(&visit["sum"]["sum_mm"], &row["AVAL"]);
        close(&visit["sum"]["nadir_mm"], &row["NADIR"]);
        assert_eq!(visit["sum"]["not_assessed"].is_null(), row["ANL01FL"] == "Y", "{row}");
        assert_eq!(visit["target"] == "PD", row["PDFL"] == "Y", "{row}");
        if row["CRFL"] == "Y" && row["ANL01FL"] == "Y" {
            assert_eq!(visit["target"], "CR", "{row}");
        }
    }
    assert_eq!(compared, 25);
}
