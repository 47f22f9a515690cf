//! The `design` commands as a user runs them: what they print, and how they refuse.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

const BOIN: &str = "design = \"boin\"\ntarget = 0.30\ndoses = 5\nmax-patients = 30\n";

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn posology(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_posology"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.posology(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.posology(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is said on standard error by a command that exits 2 and prints nothing.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.posology(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed something");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The problems of a design file that `design check` refuses.
    fn problems(&self, text: impl AsRef<[u8]>) -> Vec<Value> {
        let file = self.file("refused.toml", text);
        let output = self.posology(&["design", "check", &file, "--json"]);
        assert_eq!(output.status.code(), Some(2));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["ok"], false);
        answer["problems"].as_array().unwrap().clone()
    }
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn near(value: &Value, expected: f64, within: f64) {
    let found = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

#[test]
fn every_design_is_listed_with_its_settings() {
    let listed = Case::new().json(&["design", "list"]);
    let boin = listed.as_array().unwrap().iter().find(|design| design["design"] == "boin").unwrap();
    assert_eq!(boin["exact"], true);
    assert!(boin["reference"].as_str().unwrap().contains("doi"));
    let settings = boin["settings"].as_array().unwrap();
    let elimination = settings.iter().find(|setting| setting["name"] == "elimination").unwrap();
    assert_eq!(elimination["default"], "0.95");
    assert!(elimination["meaning"].as_str().unwrap().contains("probability"));
    for design in listed.as_array().unwrap() {
        assert!(design["title"].is_string() && design["exact"].is_boolean(), "{design}");
    }
}

#[test]
fn a_valid_design_file_is_valid_and_a_trial_is_a_design_file_too() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    assert_eq!(case.json(&["design", "check", &file])["ok"], true);
    assert!(case.text(&["design", "check", &file]).contains("5 levels"));
    // An integer where a number is asked for, a byte order mark, and Windows line ends.
    let lax =
        case.file("lax.toml", "\u{feff}design = \"boin\"\r\ntarget = 0.3\r\ndoses = 5\r\noffset = 0\r\n");
    assert_eq!(case.json(&["design", "check", &lax])["ok"], true);
    let trial = root().join("examples/clr131/trial.toml").display().to_string();
    assert_eq!(case.json(&["design", "check", &trial])["design"], "3+3");
}

#[test]
fn every_problem_of_a_design_file_is_named_at_its_place_at_once() {
    let case = Case::new();
    let problems = case.problems(
        "design = \"boin\"\ntarget = 2\ndoses = 10000\ncohort-size = 2.5\nelimnation = 0.9\nmax-patients = 0\n",
    );
    let place = |problem: &Value| {
        (
            problem["path"].as_str().unwrap().to_owned(),
            problem["line"].as_u64().unwrap(),
            problem["column"].as_u64().unwrap(),
        )
    };
    assert_eq!(
        problems.iter().map(place).collect::<Vec<_>>(),
        [
            ("target".to_owned(), 2, 10),
            ("doses".to_owned(), 3, 9),
            ("cohort-size".to_owned(), 4, 15),
            ("elimnation".to_owned(), 5, 1),
            ("max-patients".to_owned(), 6, 16),
        ]
    );
    for problem in &problems {
        for key in ["found", "expected", "mend"] {
            assert!(!problem[key].as_str().unwrap().is_empty(), "{problem}");
        }
    }
    assert!(problems[3]["mend"].as_str().unwrap().contains("elimination"));
}

#[test]
fn hostile_design_files_are_refused_and_none_is_a_fault() {
    let case = Case::new();
    let long_list = format!("design = \"boin\"\ntarget = 0.3\ndoses = {:?}", vec!["a"; 10_000]);
    for (text, path) in [
        ("".as_bytes(), "design"),
        (b"design = \"boin\"\ntarget = nan\ndoses = 5", "target"),
        (b"design = \"boin\"\ntarget = inf\ndoses = 5", "target"),
        (b"design = \"boin\"\ntarget = -0.1\ndoses = 5", "target"),
        (b"design = \"boin\"\ntarget = \"0.3\"\ndoses = 5", "target"),
        (b"design = \"boin\"\ntarget = 0.3", "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = 0", "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = -1", "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = 1e9", "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = 99999999999999999999999", "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = [\"a\", \"a\"]", "doses"),
        (long_list.as_bytes(), "doses"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = 5\nstart = 6", "start"),
        (b"design = \"boin\"\ntarget = 0.3\ndoses = 5\nmax-patients = 1000000000", "max-patients"),
        (b"design = \"bion\"\ntarget = 0.3\ndoses = 5", "design"),
        (b"target = 0.3\ndoses = 5", "design"),
        (b"design = \"boin\"\ntarget = 0.3\ntarget = 0.4\ndoses = 5", ""),
        (b"design = \"boin\ntarget = 0.3", ""),
        (b"\x00\x01\x02", ""),
        (b"\xff\xfed\x00e\x00", ""),
        (b"[[[[[[[[[[", ""),
        (b"[trial]\nid = \"X\"", "trial.title"),
    ] {
        let problems = case.problems(text);
        let paths: Vec<&str> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
        assert!(
            paths.contains(&path),
            "{:?}: {paths:?}",
            String::from_utf8_lossy(&text[..text.len().min(80)])
        );
    }
    let folder = case.folder.path().display().to_string();
    assert!(case.refusal(&["design", "check", &folder]).contains("folder"));
    assert!(case.refusal(&["design", "check", "none.toml"]).contains("none.toml"));
    let escalation_less = root().join("examples/minimal/trial.toml").display().to_string();
    assert!(case.refusal(&["design", "check", &escalation_less]).contains("[escalation]"));
}

#[test]
fn the_table_of_boin_is_that_of_the_paper() {
    // Liu and Yuan 2015, table 1: target 0.30, default rates; and R's BOIN 2.7.2, get.boundary(0.3, 10, 3).
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let table = case.json(&["design", "table", &file]);
    near(&table["lambda_e"], 0.236_490_685, 1e-9);
    near(&table["lambda_d"], 0.358_519_465, 1e-9);
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 30);
    assert_eq!(rows[0], json!({"n": 1, "escalate_max": 0, "deescalate_min": 1, "eliminate_min": null}));
    assert_eq!(rows[2], json!({"n": 3, "escalate_max": 0, "deescalate_min": 2, "eliminate_min": 3}));
    assert_eq!(rows[5], json!({"n": 6, "escalate_max": 1, "deescalate_min": 3, "eliminate_min": 4}));
    assert_eq!(rows[29], json!({"n": 30, "escalate_max": 7, "deescalate_min": 11, "eliminate_min": 14}));
    assert!(case.text(&["design", "table", &file]).contains("<= 7"));
}

#[test]
fn next_gives_the_advice_with_every_number_of_every_level() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let answer = case.json(&["design", "next", &file, "--outcomes", "1NNN 2NNT"]);
    assert_eq!((answer["action"].as_str(), answer["dose"].as_u64()), (Some("stay"), Some(2)));
    assert_eq!(answer["enrol"], 3);
    let doses = answer["doses"].as_array().unwrap();
    assert_eq!(doses.len(), 5);
    for (index, level) in doses.iter().enumerate() {
        assert_eq!(level["dose"], index + 1);
        for key in ["n", "dlt", "estimate", "mean", "lower", "upper", "eliminated"] {
            assert!(level.get(key).is_some(), "{key} of {level}");
        }
    }
    // Beta(1, 1) prior: 1 of 3 gives Beta(2, 3), mean 0.4; an untried level has the prior's numbers.
    near(&doses[1]["mean"], 0.4, 1e-12);
    near(&doses[4]["mean"], 0.5, 1e-12);
    assert_eq!(doses[4]["estimate"], Value::Null);
    assert!(answer["because"][0]["says"].as_str().unwrap().contains("1 DLT among 3"));

    let start = case.json(&["design", "next", &file, "--outcomes", ""]);
    assert_eq!((start["action"].as_str(), start["dose"].as_u64()), (Some("start"), Some(1)));
    let stop = case.json(&["design", "next", &file, "--outcomes", "1TTT"]);
    assert_eq!((stop["action"].as_str(), stop["dose"].clone()), (Some("stop"), Value::Null));
    assert_eq!(stop["doses"][0]["eliminated"], true);
    let text = case.text(&["design", "next", &file, "--outcomes", "1NNN"]);
    assert!(text.starts_with("Escalate to level 2: treat 3 patients there."), "{text}");
}

#[test]
fn pending_patients_are_asked_both_ways() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let wait = case.json(&["design", "next", &file, "--outcomes", "1NNN 2NNP"]);
    assert_eq!((wait["action"].as_str(), wait["dose"].as_u64()), (Some("wait"), Some(2)));
    assert_eq!(wait["completions"][0]["action"], "escalate");
    assert_eq!(wait["completions"][1]["action"], "stay");
    assert_eq!(wait["completions"][1]["dlts"][0], json!({"dose": 2, "dlts": 1, "undecided": 1}));
    let aggregated = case.file("pending.csv", "dose,n,dlt,pending\n1,3,0,0\n2,2,0,1\n");
    let same = case.json(&["design", "next", &file, "--data", &aggregated]);
    assert_eq!(same["completions"], wait["completions"]);
    let decided = case.json(&["design", "next", &file, "--outcomes", "1NNN 2TTPT"]);
    assert_eq!(decided["action"], "de-escalate");
}

#[test]
fn the_same_patients_give_the_same_advice_in_every_form() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let outcomes = case.json(&["design", "next", &file, "--outcomes", "1NNN 2NNT 2NNX"]);
    for (name, text) in [
        ("counts.csv", "dose,n,dlt,pending\n1,3,0,0\n2,5,1,0\n3,0,0,0\n"),
        ("bom.csv", "\u{feff}DOSE,N,DLT,PENDING\r\n\"1\",\"3\",0,\r\n2,5,1,0\r\n\r\n"),
        (
            "patients.csv",
            "patient,dose,status\na,1,none\nb,1,none\nc,1,none\nd,2,none\ne,2,none\nf,2,DLT\ng,2,none\nh,2,none\ni,2,not-evaluable\n",
        ),
        (
            "letters.csv",
            "patient,dose,status\na,1,N\nb,1,N\nc,1,N\nd,2,N\ne,2,N\nf,2,T\ng,2,N\nh,2,N\ni,2,X\n",
        ),
        ("dlts.csv", "patient,dose,dlt\na,1,0\nb,1,0\nc,1,0\nd,2,0\ne,2,0\nf,2,1\ng,2,0\nh,2,0\n"),
    ] {
        let data = case.file(name, text);
        let answer = case.json(&["design", "next", &file, "--data", &data]);
        assert_eq!(answer["action"], outcomes["action"], "{name}");
        assert_eq!(answer["doses"], outcomes["doses"], "{name}");
    }
}

#[test]
fn a_bare_table_of_counts_is_read_as_complete_and_the_answer_says_so() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let data = case.file("bare.csv", "dose,n,dlt\n2,3,1\n1,3,0\n");
    for command in ["next", "mtd"] {
        let answer = case.json(&["design", command, &file, "--data", &data]);
        let because = answer["because"].as_array().unwrap();
        let note = because.iter().find(|because| because["rule"] == "data/all-complete").unwrap();
        assert!(note["says"].as_str().unwrap().contains("all 6 patients"), "{note}");
    }
}

#[test]
fn the_current_level_is_the_last_patients_or_the_one_named() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let data = case.file("back.csv", "patient,dose,dlt\na,1,0\nb,2,1\nc,2,1\nd,1,0\n");
    assert_eq!(case.json(&["design", "next", &file, "--data", &data])["current"], 1);
    let at_two = case.json(&["design", "next", &file, "--data", &data, "--current", "2"]);
    assert_eq!((at_two["current"].as_u64(), at_two["action"].as_str()), (Some(2), Some("de-escalate")));
    let counts = case.file("counts.csv", "dose,n,dlt\n3,0,0\n2,3,0\n1,3,0\n");
    assert_eq!(case.json(&["design", "next", &file, "--data", &counts])["current"], 2);
    let none = case.file("none.csv", "dose,n,dlt\n");
    assert_eq!(case.json(&["design", "next", &file, "--data", &none])["action"], "start");
    assert!(case.refusal(&["design", "next", &file, "--data", &data, "--current", "6"]).contains("1 to 5"));
}

#[test]
fn bad_patients_are_refused_at_their_row_and_column() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    for (text, place) in [
        ("dose,n,dlt\n1,3,4\n", "row 1, column dlt"),
        ("dose,n,dlt\n1,3,0\n2,-3,0\n", "row 2, column n"),
        ("dose,n,dlt\n1,3,0.5\n", "row 1, column dlt"),
        ("dose,n,dlt\n1,3,nan\n", "row 1, column dlt"),
        ("dose,n,dlt\n1,3,\n", "row 1, column dlt"),
        ("dose,n,dlt\n1,99999999999,0\n", "row 1, column n"),
        ("dose,n,dlt\n6,3,0\n", "row 1, column dose"),
        ("dose,n,dlt\n0,3,0\n", "row 1, column dose"),
        ("dose,n,dlt\n1.5,3,0\n", "row 1, column dose"),
        ("dose,n,dlt\n10 mg,3,0\n", "row 1, column dose"),
        ("dose,n,dlt\n1,3,0\n1,3,0\n", "row 2, column dose"),
        ("dose,n,dlt,pending\n1,3,0,-1\n", "row 1, column pending"),
        ("dose,n,dlt\n1,3\n", "row 1"),
        ("dose,n\n1,3\n", "DLTs"),
        ("n,dlt\n3,0\n", "dose"),
        ("dose,dlt\n1,0\n", "patient"),
        ("patient,dose,n,dlt\na,1,3,0\n", "both"),
        ("patient,dose\na,1\n", "status"),
        ("patient,dose,dlt,status\na,1,0,none\n", "status"),
        ("patient,dose,dlt\na,1,2\n", "row 1, column dlt"),
        ("patient,dose,dlt\na,1,0\na,1,0\n", "row 2, column patient"),
        ("patient,dose,dlt\n,1,0\n", "row 1, column patient"),
        ("patient,dose,status\na,1,maybe\n", "row 1, column status"),
        ("dose;n;dlt\n1;3;0\n", "commas"),
        ("", "empty"),
        ("dose,n,dlt\n1,30,0\n2,1,0\n", "max-patients"),
    ] {
        let data = case.file("bad.csv", text);
        for command in ["next", "mtd"] {
            let error = case.refusal(&["design", command, &file, "--data", &data]);
            assert!(error.contains(place), "{text:?}: {error}");
            assert!(error.contains("expected"), "{text:?}: {error}");
        }
    }
    let utf16 = case.file("utf16.csv", b"\xff\xfed\x00o\x00");
    assert!(case.refusal(&["design", "next", &file, "--data", &utf16]).contains("UTF-16"));
    let bytes = case.file("bytes.csv", b"dose,n,dlt\n1,\xff,0\n");
    assert!(case.refusal(&["design", "next", &file, "--data", &bytes]).contains("UTF-8"));
    let folder = case.folder.path().display().to_string();
    case.refusal(&["design", "next", &file, "--data", &folder]);
    case.refusal(&["design", "next", &file, "--data", "none.csv"]);
    case.refusal(&["design", "next", &file]);
    for outcomes in ["1NNQ", "NNN", "6NNN", "0NNN", "1NNN 2", "-1N", "99999999999999999999N", "é", "1é"] {
        let output = case.posology(&["design", "next", &file, &format!("--outcomes={outcomes}")]);
        let is_part_cohort = outcomes == "1NNN 2";
        assert_eq!(output.status.code(), Some(if is_part_cohort { 0 } else { 2 }), "{outcomes}");
    }
    let pending =
        format!("--outcomes={}", (1..=5).map(|level| format!("{level}PPPPPP ")).collect::<String>());
    assert!(case.refusal(&["design", "next", &file, &pending]).contains("ways"));
}

#[test]
fn levels_are_known_by_number_or_by_name_and_never_confused() {
    let case = Case::new();
    let named = case.file("named.toml", "design = \"boin\"\ntarget = 0.3\ndoses = [\"10 mg\", \"20 mg\"]\n");
    let data = case.file("data.csv", "dose,n,dlt\n10 mg,3,0\n2,3,1\n");
    let answer = case.json(&["design", "next", &named, "--data", &data]);
    assert_eq!((answer["dose"].as_u64(), answer["doses"][1]["label"].as_str()), (Some(2), Some("20 mg")));
    let numbers = case.file("numbers.toml", "design = \"boin\"\ntarget = 0.3\ndoses = [\"2\", \"4\"]\n");
    let error = case.refusal(&["design", "next", &numbers, "--data", &data]);
    assert!(error.contains("10 mg"), "{error}");
    let ambiguous = case.file("ambiguous.csv", "dose,n,dlt\n2,3,0\n");
    assert!(case.refusal(&["design", "next", &numbers, "--data", &ambiguous]).contains("name of level 1"));

    let trial = root().join("examples/clr131/trial.toml").display().to_string();
    let data = case.file("trial.csv", "patient,dose,status\na,12.5x1,none\nb,12.5x1,none\nc,12.5x1,none\n");
    let answer = case.json(&["design", "next", &trial, "--data", &data]);
    assert_eq!((answer["action"].as_str(), answer["dose"].as_u64()), (Some("escalate"), Some(2)));
    assert_eq!(answer["doses"][0]["label"], "12.5x1");
    let by_number = case.file("number.csv", "patient,dose,status\na,1,none\n");
    assert!(case.refusal(&["design", "next", &trial, "--data", &by_number]).contains("12.5x1"));
}

#[test]
fn the_selection_at_the_end_is_the_designs_own() {
    // R's BOIN 2.7.2: select.mtd(target = 0.3, npts = c(3, 3, 15, 9, 0), ntox = c(0, 0, 4, 4, 0)) gives dose 3.
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let data = case.file("end.csv", "dose,n,dlt,pending\n1,3,0,0\n2,3,0,0\n3,15,4,0\n4,9,4,0\n");
    let answer = case.json(&["design", "mtd", &file, "--data", &data]);
    assert_eq!(answer["mtd"], 3);
    assert_eq!(answer["doses"][3]["n"], 9);
    near(&answer["doses"][2]["estimate"], 0.268_211_920_529_801, 1e-12);
    assert_eq!(answer["doses"][4]["estimate"], Value::Null);
    let none = case.json(&["design", "mtd", &file, "--outcomes", "1TTT"]);
    assert_eq!(none["mtd"], Value::Null);
    assert!(case.text(&["design", "mtd", &file, "--data", &data]).starts_with("Level 3 is selected."));
}

/// Source: a forward enumeration, in Python, of the algorithm of R's BOIN 2.7.2 on its own boundary table.
#[test]
fn the_exact_characteristics_of_boin_are_those_of_an_independent_enumeration() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let answer = case.json(&[
        "design",
        "oc",
        &file,
        "--truth",
        "0.05,0.15,0.3,0.45,0.6",
        "--truth",
        "0.12, 0.3, 0.45, 0.55, 0.65",
    ]);
    assert_eq!((answer["design"].as_str(), answer["method"].as_str()), (Some("boin"), Some("exact")));
    assert!(answer["states"].as_u64().unwrap() > 10_000);
    let scenarios = answer["scenarios"].as_array().unwrap();
    for (place, select, none) in [
        (
            0,
            [
                1.1693298174562514,
                23.206187650332545,
                54.63301643354052,
                19.370370504125166,
                1.6000080240267727,
            ],
            0.02108757051856461,
        ),
        (
            1,
            [
                19.51607776279591,
                59.78530496418857,
                17.773691493911578,
                2.2976370034155815,
                0.14025465335327258,
            ],
            0.4870341223348997,
        ),
    ] {
        let oc = &scenarios[place];
        for (found, expected) in oc["select"].as_array().unwrap().iter().zip(select) {
            near(found, expected / 100.0, 1e-12);
        }
        near(&oc["select_none"], none / 100.0, 1e-12);
    }
    near(&scenarios[0]["patients"][2], 11.158802640353818, 1e-10);
    near(&scenarios[0]["total_dlts"], 7.546560856727698, 1e-10);
    assert_eq!((scenarios[0]["true_mtd"].as_u64(), scenarios[1]["true_mtd"].as_u64()), (Some(3), Some(2)));
    for key in [
        "truth",
        "dlts",
        "total_patients",
        "overdose_60",
        "overdose_80",
        "p_correct",
        "p_acceptable",
        "p_select_above",
        "p_allocated_above",
        "p_early_stop",
        "benchmark",
    ] {
        assert!(scenarios[0].get(key).is_some(), "{key}");
    }
    let text = case.text(&["design", "oc", &file, "--truth", "0.05,0.15,0.3,0.45,0.6"]);
    assert!(text.contains("54.6%") && text.contains("benchmark"), "{text}");
}

#[test]
fn a_thousand_truths_are_an_ordinary_question() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN.replace("max-patients = 30", "max-patients = 12"));
    let truths: Vec<String> = (0..1_000)
        .map(|place| {
            let top = 0.3 + 0.6 * f64::from(place) / 1_000.0;
            format!("--truth=0,{},{},{},{top}", top / 4.0, top / 3.0, top / 2.0)
        })
        .collect();
    let arguments: Vec<&str> =
        ["design", "oc", &file].into_iter().chain(truths.iter().map(String::as_str)).collect();
    let answer = case.json(&arguments);
    assert_eq!(answer["scenarios"].as_array().unwrap().len(), 1_000);
    let alone = case.json(&["design", "oc", &file, &truths[617]]);
    assert_eq!(answer["scenarios"][617], alone["scenarios"][0], "company does not matter");
    assert!(case.text(&arguments).contains("scenario 1000"));
}

#[test]
fn scenarios_come_from_a_file_with_their_names() {
    let case = Case::new();
    let file = case.file("three.toml", "design = \"3+3\"\ndoses = 3\n");
    let named = case.file(
        "s.toml",
        "[[scenario]]\nname = \"safe\"\ntruth = [0, 0.05, 0.1]\n[[scenario]]\nname = \"falling\"\ntruth = [0.5, 0.25, 0.05]\n",
    );
    let answer = case.json(&["design", "oc", &file, "--scenarios", &named]);
    assert_eq!(answer["scenarios"][1]["name"], "falling");
    // Source: exact recursion in R, checked against escalation 0.2.3, classic 3+3 without de-escalation.
    let known = case.json(&["design", "oc", &file, "--truth", "0.05,0.25,0.5"]);
    for (found, expected) in known["scenarios"][0]["select"].as_array().unwrap().iter().zip([
        0.389519450313568,
        0.483560977914155,
        0.100361712397277,
    ]) {
        near(found, expected, 1e-13);
    }
    for (text, place) in [
        ("[[scenario]]\ntruth = [0.1, 0.2]\n", "s.toml:2"),
        ("[[scenario]]\ntruth = [0.1, 0.2, 1.5]\n", "s.toml:2"),
        ("[[scenario]]\ntruth = [0.1, 0.2, nan]\n", "s.toml:2"),
        ("[[scenario]]\ntruht = [0.1, 0.2, 0.3]\n", "write truth"),
        ("[[scenario]]\ntruth = \"0.1, 0.2, 0.3\"\n", "s.toml:2"),
        ("", "scenario"),
        ("[[scenario]\n", "s.toml:1"),
    ] {
        let bad = case.file("s.toml", text);
        let error = case.refusal(&["design", "oc", &file, "--scenarios", &bad]);
        assert!(error.contains(place), "{text}: {error}");
    }
}

#[test]
fn truths_that_cannot_be_asked_are_refused() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    for truth in ["0.1,0.2", "0.1,0.2,0.3,0.4,0.5,0.6", "", "0.1,,0.3,0.4,0.5", "0.1,0.2,x,0.4,0.5"] {
        case.refusal(&["design", "oc", &file, &format!("--truth={truth}")]);
    }
    for rate in ["-0.1", "1.1", "nan", "inf", "1e300"] {
        let error = case.refusal(&["design", "oc", &file, &format!("--truth=0.1,{rate},0.3,0.4,0.5")]);
        assert!(error.contains("level 2") && error.contains("from 0 to 1"), "{error}");
    }
    case.refusal(&["design", "oc", &file]);
    let truth = "--truth=0.1,0.2,0.3,0.4,0.5";
    case.refusal(&["design", "oc", &file, truth, "--target", "nan"]);
    case.refusal(&["design", "oc", &file, truth, "--acceptable", "0.4,0.2"]);
    let error = case.refusal(&["design", "oc", &file, truth, "--max-states", "100"]);
    assert!(error.contains("--max-states"), "{error}");
    let endless = case.file("endless.toml", "design = \"boin\"\ntarget = 0.3\ndoses = 5\n");
    assert!(case.refusal(&["design", "oc", &endless, truth]).contains("max-patients"));
}

#[test]
fn characteristics_from_here_on_start_from_the_data() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let data = case.file("so-far.csv", "dose,n,dlt,pending\n1,3,0,0\n2,6,1,0\n3,12,4,0\n4,9,3,0\n");
    let answer = case.json(&["design", "oc", &file, "--truth", "0.05,0.15,0.3,0.45,0.6", "--from", &data]);
    // Nobody is left to treat: the selection is what `design mtd` says.
    let mtd = case.json(&["design", "mtd", &file, "--data", &data])["mtd"].as_u64().unwrap() as usize;
    near(&answer["scenarios"][0]["select"][mtd - 1], 1.0, 1e-12);
    near(&answer["predicted"]["select"][mtd - 1], 1.0, 1e-12);
    near(&answer["scenarios"][0]["patients"][2], 12.0, 1e-12);
}

#[test]
fn the_paths_of_the_first_cohorts_sum_to_one() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let answer =
        case.json(&["design", "paths", &file, "--cohorts", "4", "--truth", "0.05,0.15,0.3,0.45,0.6"]);
    let paths = answer["paths"].as_array().unwrap();
    let sum: f64 = paths.iter().map(|path| path["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    // R's escalation 0.2.3, calculate_probabilities: node 5, no DLT in four cohorts.
    let safe = paths.iter().find(|path| path["outcomes"] == "1NNN 2NNN 3NNN 4NNN").unwrap();
    near(&safe["probability"], 0.0300475994693574, 1e-15);
    assert_eq!((safe["action"].as_str(), safe["dose"].as_u64()), (Some("escalate"), Some(5)));
    assert_eq!(safe["cohorts"][3], json!({"dose": 4, "n": 3, "dlt": 0}));
    assert!(
        case.json(&["design", "paths", &file, "--cohorts", "1"])["paths"][0].get("probability").is_none()
    );
    for cohorts in ["0", "51", "-1", "1.5", "1000000000"] {
        case.refusal(&["design", "paths", &file, &format!("--cohorts={cohorts}")]);
    }
}

#[test]
fn designs_are_compared_over_the_same_scenarios_with_3_plus_3_among_them() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN);
    let safer = case.file("safer.toml", format!("{BOIN}elimination = 0.8\n"));
    let truth = "--truth=0.05,0.15,0.3,0.45,0.6";
    let answer = case.json(&["design", "compare", &file, &safer, truth]);
    let designs = answer["designs"].as_array().unwrap();
    let names: Vec<&str> = designs.iter().map(|design| design["design"].as_str().unwrap()).collect();
    assert_eq!(names, ["boin", "boin", "3+3"]);
    assert_eq!(designs[0]["scenarios"], case.json(&["design", "oc", &file, truth])["scenarios"]);
    near(&designs[2]["yardstick"]["target"], 0.3, 0.0);
    let three = case.file("three.toml", "design = \"3+3\"\ndoses = 4\n");
    assert!(case.refusal(&["design", "compare", &file, &three, truth]).contains("4"));
    assert!(case.text(&["design", "compare", &file, truth]).contains("3+3"));
}

#[test]
fn follow_up_in_days_makes_pending_patients_count_in_part() {
    let case = Case::new();
    let tite = "design = \"tite-boin\"\ntarget = 0.3\ndoses = 4\nwindow = 80\nweights = \"linear\"\n";
    let file = case.file("tite.toml", tite);
    let data = case.file(
        "days.csv",
        "patient,dose,dlt,days\na,1,0,80\nb,1,0,90\nc,1,0,80\nd,2,0,80\ne,2,1,20\nf,2,0,40\n",
    );
    let answer = case.json(&["design", "next", &file, "--data", &data]);
    let two = &answer["doses"][1];
    assert_eq!(
        (two["n"].as_u64(), two["dlt"].as_u64(), two["pending"].as_u64()),
        (Some(2), Some(1), Some(1))
    );
    let by_status = case.file(
        "status.csv",
        "patient,dose,status,days\na,1,none,\nb,1,none,80\nc,1,none,80\nd,2,none,80\ne,2,dlt,20\nf,2,pending,40\n",
    );
    assert_eq!(case.json(&["design", "next", &file, "--data", &by_status])["doses"], answer["doses"]);
    for (text, place) in [
        ("patient,dose,dlt,days\na,1,0,-1\n", "row 1, column days"),
        ("patient,dose,dlt,days\na,1,0,nan\n", "row 1, column days"),
        ("patient,dose,status,days\na,1,pending,81\n", "row 1, column days"),
    ] {
        let bad = case.file("bad.csv", text);
        assert!(case.refusal(&["design", "next", &file, "--data", &bad]).contains(place));
    }
    let unknown = case.json(&["design", "next", &file, "--outcomes", "1NNP"]);
    let rules: Vec<&str> =
        unknown["because"].as_array().unwrap().iter().map(|why| why["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"data/follow-up-unknown"), "{rules:?}");
}

#[test]
fn designs_on_efficacy_read_both_outcomes_in_every_form() {
    let case = Case::new();
    let file = case.file("boin12.toml", "design = \"boin12\"\ntarget = 0.35\ndoses = 4\nmax-patients = 12\n");
    let outcomes = case.json(&["design", "next", &file, "--outcomes", "1NNE 2NEB"]);
    for (name, text) in [
        ("counts.csv", "dose,n,dlt,efficacy,both\n1,3,0,1,\n2,3,1,2,1\n"),
        (
            "words.csv",
            "patient,dose,status\na,1,none\nb,1,none\nc,1,efficacy\nd,2,none\ne,2,efficacy\nf,2,both\n",
        ),
        ("columns.csv", "patient,dose,dlt,efficacy\na,1,0,0\nb,1,0,0\nc,1,0,1\nd,2,0,0\ne,2,0,1\nf,2,1,1\n"),
    ] {
        let data = case.file(name, text);
        let answer = case.json(&["design", "next", &file, "--data", &data]);
        assert_eq!(answer["doses"], outcomes["doses"], "{name}");
        assert_eq!(answer["dose"], outcomes["dose"], "{name}");
    }
    for (text, place) in [
        ("dose,n,dlt\n1,3,0\n", "row 1, column efficacy"),
        ("dose,n,dlt,efficacy\n1,3,1,1\n", "row 1, column both"),
        ("dose,n,dlt,efficacy\n1,3,1,4\n", "row 1, column efficacy"),
        ("dose,n,dlt,efficacy,both\n1,3,1,1,2\n", "row 1, column both"),
        ("patient,dose,dlt\na,1,0\n", "row 1, column efficacy"),
        ("patient,dose,status,efficacy\na,1,both,0\n", "row 1, column efficacy"),
    ] {
        let bad = case.file("bad.csv", text);
        let error = case.refusal(&["design", "next", &file, "--data", &bad]);
        assert!(error.contains(place), "{text}: {error}");
    }
    let oc = ["design", "oc", &file, "--truth", "0.05,0.1,0.2,0.4"];
    assert!(case.refusal(&oc).contains("--efficacy"));
    let answer = case.json(&[&oc[..], &["--efficacy", "0.2,0.4,0.5,0.5"]].concat());
    near(&answer["scenarios"][0]["efficacy"][1], 0.4, 0.0);
}

#[test]
fn a_model_gives_its_parameters_and_an_untreated_trial_has_the_prior_s() {
    let case = Case::new();
    let crm =
        "design = \"crm\"\ntarget = 0.25\nskeleton = [0.08, 0.16, 0.25, 0.35, 0.46]\nmax-patients = 24\n";
    let file = case.file("crm.toml", crm);
    let start = case.json(&["design", "next", &file, "--outcomes", ""]);
    assert_eq!(start["action"], "start");
    assert_eq!(start["doses"].as_array().unwrap().len(), 5);
    near(&start["parameters"][0]["mean"], 0.0, 1e-9);
    near(&start["parameters"][0]["sd"], 1.34_f64.sqrt(), 1e-8);
    near(&start["doses"][2]["estimate"], 0.25, 1e-9);
    assert!(case.refusal(&["design", "table", &file]).contains("design next"));
    let oc = case.json(&["design", "oc", &file, "--truth", "0.05,0.15,0.3,0.45,0.6"]);
    let select: f64 =
        oc["scenarios"][0]["select"].as_array().unwrap().iter().map(|select| select.as_f64().unwrap()).sum();
    assert!((select + oc["scenarios"][0]["select_none"].as_f64().unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn the_two_stage_designs_are_those_of_simon() {
    // R's clinfun 1.1.5, ph2simon(0.05, 0.20, 0.05, 0.20, nmax = 120).
    let case = Case::new();
    let rates = ["design", "two-stage", "--p0", "0.05", "--p1", "0.20", "--alpha", "0.05"];
    let answer = case.json(&[&rates[..], &["--power", "0.8"]].concat());
    let sizes = |design: &Value| ["r1", "n1", "r", "n"].map(|key| design[key].as_u64().unwrap());
    assert_eq!(sizes(&answer["optimal"]), [0, 10, 3, 29]);
    near(&answer["optimal"]["en0"], 17.6239981544708, 1e-9);
    near(&answer["optimal"]["pet0"], 0.598736939238379, 1e-12);
    assert_eq!(sizes(&answer["minimax"]), [0, 13, 3, 27]);
    near(&answer["minimax"]["power"], 0.801124467145196, 1e-12);
    assert!(!answer["admissible"].as_array().unwrap().is_empty());
    for power in ["nan", "0", "1.5", "0.01", "-0.8"] {
        let error = case.refusal(&[&rates[..], &["--power", power]].concat());
        assert!(error.contains("--power") && error.contains("expected"), "{error}");
    }
    let few = case.refusal(&[&rates[..], &["--power", "0.8", "--max-n", "10"]].concat());
    assert!(few.contains("--max-n"), "{few}");
}

#[test]
fn candidates_are_tried_exactly_and_judged_by_goals_and_constraints() {
    let case = Case::new();
    let boin = BOIN.replace("max-patients = 30", "max-patients = 12");
    let file = case.file("boin.toml", &boin);
    let truths = ["--truth", "0.05,0.15,0.3,0.45,0.6", "--truth", "0.3,0.4,0.5,0.6,0.7"];
    let calibrate =
        ["design", "calibrate", &file, "--vary", "p-under=0.15,0.18,0.21", "--vary", "cohort-size=1,3"];
    let asked = [
        &calibrate[..],
        &truths[..],
        &["--goal", "p-correct", "--goal", "overdose-60:worst", "--at-most", "overdose-60=0.3"],
    ]
    .concat();
    let answer = case.json(&asked);
    let candidates = answer["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 6);
    for candidate in candidates {
        let under = candidate["settings"]["p-under"].as_f64().unwrap();
        let size = candidate["settings"]["cohort-size"].as_u64().unwrap();
        let alone = case.file("one.toml", format!("{boin}p-under = {under}\ncohort-size = {size}\n"));
        let oc = case.json(&[&["design", "oc", &alone][..], &truths[..]].concat());
        assert_eq!(candidate["scenarios"], oc["scenarios"]);
        let worst = oc["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .map(|oc| oc["overdose_60"].as_f64().unwrap())
            .fold(0.0, f64::max);
        near(&candidate["goals"][1], worst, 1e-15);
        assert_eq!(candidate["feasible"].as_bool().unwrap(), worst <= 0.3);
    }
    assert!(case.text(&asked).contains("Pareto"));
    for bad in ["p-under=0.35", "p-under", "unheard-of=1", "p-under=", "target=x"] {
        case.refusal(&[&["design", "calibrate", &file, "--vary", bad][..], &truths[..]].concat());
    }
    case.refusal(&[&calibrate[..], &truths[..], &["--goal", "beauty"]].concat());
    case.refusal(&[&calibrate[..], &truths[..], &["--at-most", "overdose-60=x"]].concat());
}

#[test]
fn pictures_are_written_as_their_names_end() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN.replace("max-patients = 30", "max-patients = 12"));
    let truth = "--truth=0.05,0.15,0.3,0.45,0.6";
    let path = |name: &str| case.folder.path().join(name).display().to_string();
    for (name, arguments) in [
        ("oc.svg", vec!["oc", &file, truth]),
        ("oc.png", vec!["oc", &file, truth]),
        ("compare.svg", vec!["compare", &file, truth]),
        ("paths.svg", vec!["paths", &file, "--cohorts=2"]),
        ("next.svg", vec!["next", &file, "--outcomes=1NNN"]),
    ] {
        let picture = path(name);
        case.text(&[&["design"][..], &arguments, &["--plot", &picture]].concat());
        let bytes = fs::read(&picture).unwrap();
        let begins: &[u8] = if name.ends_with("png") { b"\x89PNG" } else { b"<svg" };
        assert!(bytes.starts_with(begins), "{name}");
        let other = [&["design"][..], &arguments, &["--plot", "picture.pdf"]].concat();
        assert!(case.refusal(&other).contains(".svg or .png"));
    }
}

#[test]
fn simulated_and_exact_selection_differ_by_less_than_four_standard_errors() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN.replace("max-patients = 30", "max-patients = 12"));
    let oc = ["design", "oc", &file, "--truth=0.05,0.15,0.3,0.45,0.6"];
    let exact = &case.json(&oc)["scenarios"][0];
    let simulated =
        case.json(&[&oc[..], &["--method", "monte-carlo", "--trials", "4000", "--seed", "11"]].concat());
    assert_eq!(
        (simulated["method"].as_str(), simulated["states"].clone()),
        (Some("monte-carlo"), Value::Null)
    );
    assert_eq!((simulated["trials"].as_u64(), simulated["seed"].as_u64()), (Some(4000), Some(11)));
    let simulated = &simulated["scenarios"][0];
    for level in 0..5 {
        let error = simulated["mc_se"]["select"][level].as_f64().unwrap();
        near(&simulated["select"][level], exact["select"][level].as_f64().unwrap(), 4.0 * error + 1e-3);
    }
}

#[test]
fn parts_of_a_simulation_add_up_to_the_last_bit() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN.replace("max-patients = 30", "max-patients = 12"));
    let oc = ["design", "oc", &file, "--truth=0.05,0.15,0.3,0.45,0.6", "--trials", "300", "--seed", "5"];
    let whole = case.json(&[&oc[..], &["--method", "monte-carlo"]].concat());
    let parts: Vec<String> = (1..=3)
        .map(|part| {
            let text = case.text(&[&oc[..], &["--shard", &format!("{part}/3")]].concat());
            case.file(&format!("{part}.json"), text)
        })
        .collect();
    assert_eq!(case.json(&["design", "merge", &parts[2], &parts[0], &parts[1]]), whole);
    assert!(case.text(&["design", "merge", &parts[2], &parts[0], &parts[1]]).contains("300 trials"));
    assert!(case.refusal(&["design", "merge", &parts[0], &parts[2]]).contains("100"));
    assert!(case.refusal(&["design", "merge", &parts[0], &parts[0]]).contains("both"));
    assert!(case.refusal(&["design", "merge", &file]).contains("--shard"));
    for (option, value) in
        [("--shard", "4/3"), ("--shard", "0/3"), ("--shard", "x"), ("--trials", "1000000000")]
    {
        let asked = [&oc[..4], &[option, value, "--method", "monte-carlo"]].concat();
        assert!(case.refusal(&asked[..]).contains(option), "{option} {value}");
    }
    case.refusal(&[&oc[..], &["--method", "exact", "--shard", "1/2"]].concat());
}

#[test]
fn a_late_onset_design_is_simulated_in_time() {
    let case = Case::new();
    let tite = "design = \"tite-boin\"\ntarget = 0.3\ndoses = 3\nwindow = 40\nweights = \"linear\"\nmax-patients = 12\n";
    let file = case.file("tite.toml", tite);
    let oc = ["design", "oc", &file, "--truth=0.1,0.3,0.5", "--trials", "200"];
    let answer = case.json(&oc);
    assert_eq!(answer["method"], "monte-carlo");
    near(&answer["conduct"]["timing"]["window"], 40.0, 0.0);
    assert!(answer["scenarios"][0]["duration"].as_f64().unwrap() > 0.0);
    let slow = case.file("slow.toml", "[timing]\nrate = 0.01\nwindow = 40\n");
    let slow = case.json(&[&oc[..], &["--conduct", &slow]].concat());
    let duration = |answer: &Value| answer["scenarios"][0]["duration"].as_f64().unwrap();
    assert!(duration(&slow) > duration(&answer));
    let bad = case.file("bad.toml", "[timing]\nrat = 0.01\n");
    assert!(case.refusal(&[&oc[..], &["--conduct", &bad]].concat()).contains("bad.toml:2"));
}

#[test]
fn the_design_section_tells_the_rule_with_its_numbers() {
    let case = Case::new();
    let file = case.file("boin.toml", BOIN.replace("max-patients = 30", "max-patients = 12"));
    let text = case.text(&["design", "text", &file]);
    assert!(
        text.starts_with('#') && text.contains("MTD at level 3") && text.contains("elimination"),
        "{text}"
    );
    let both = case.json(&["design", "text", &file, "--truth", "0.05,0.15,0.3,0.45,0.6"]);
    assert!(both["html"].as_str().unwrap().starts_with("<!"), "{both}");
    assert!(both["markdown"].as_str().unwrap().contains("0.45"));
    let standard = case.json(&["design", "oc", &file, "--scenarios", "standard"]);
    let scenarios = standard["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 12);
    for (level, oc) in scenarios.iter().skip(2).take(5).enumerate() {
        assert_eq!(oc["name"], format!("MTD at level {}", level + 1));
        assert_eq!(oc["true_mtd"], level + 1, "{}", oc["name"]);
    }
}

#[test]
fn what_a_reviewer_broke_is_refused_or_safe() {
    let case = Case::new();
    let boin = case.file("boin.toml", BOIN);
    // An untried level beyond the next one is no current level.
    let refused = case.refusal(&["design", "next", &boin, "--outcomes", "1NNN", "--current", "5"]);
    assert!(refused.contains("at most 2, one above the highest with a patient, found 5"), "{refused}");
    // A misspelt column would have been read as none pending.
    let misspelt = case.file("misspelt.csv", "dose,n,dlt,pendng\n1,3,0,3\n");
    let refused = case.refusal(&["design", "next", &boin, "--data", &misspelt]);
    assert!(refused.contains("pendng") && refused.contains("expected pending"), "{refused}");
    // Efficacy rates for a design that has none.
    let truth = ["--truth", "0.1,0.2,0.3,0.4,0.5", "--efficacy", "0.1,0.2,0.3,0.4,0.5"];
    let refused = case.refusal(&[&["design", "oc", &boin][..], &truth].concat());
    assert!(refused.contains("--efficacy: expected a design on efficacy, found boin"), "{refused}");
    // Complete without a DLT after 3 of 28 days.
    let tite = "design = \"tite-boin\"\ntarget = 0.3\ndoses = 3\nwindow = 28\nmax-patients = 12\n";
    let tite = case.file("tite.toml", tite);
    let early = case.file("early.csv", "patient,dose,status,days\na,1,none,3\n");
    let refused = case.refusal(&["design", "next", &tite, "--data", &early]);
    assert!(refused.contains("found 3") && refused.contains("28 days"), "{refused}");
    // The 3+3 rule is a table too.
    let three = case.file("three.toml", "design = \"3+3\"\ndoses = 3\n");
    let rows = case.json(&["design", "table", &three])["rows"].clone();
    assert_eq!(rows[2]["escalate_max"], 0);
    assert_eq!(
        (&rows[2]["deescalate_min"], &rows[5]["escalate_max"]),
        (&serde_json::json!(2), &serde_json::json!(1))
    );
}

/// The reference page of all designs, as `design list` has it.
fn page_of_designs() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let table = |settings: &[&posology_design::settings::Setting]| {
        let rows: String = settings
            .iter()
            .map(|setting| {
                format!("| `{}` | {} | {} |\n", setting.name, cell(&setting.default), cell(&setting.meaning))
            })
            .collect();
        format!("| setting | default | meaning |\n|---|---|---|\n{rows}")
    };
    let designs = posology_design::catalogue();
    let shared = ["doses", "start", "cohort-size", "max-patients", "target"];
    let mut page = String::from(
        "# Designs and their settings\n\nWhat a [design file](design.md) or the `[escalation]` of a \
         [protocol](protocol.md) may say, as `posology design list` has it. A number may be an integer or a decimal; what \
         is not given has its default.\n\n## Shared by all\n\n",
    );
    let of_all: Vec<_> =
        designs[0].settings.iter().filter(|setting| shared.contains(&setting.name.as_str())).collect();
    page.push_str(&table(&of_all));
    for listed in &designs {
        let how = if listed.exact { "exact" } else { "simulated" };
        page.push_str(&format!(
            "\n## `{}`\n\n{}. Operating characteristics: {how}. Source: {}.\n",
            listed.design,
            listed.title,
            listed.reference.trim_end_matches('.')
        ));
        let own: Vec<_> =
            listed.settings.iter().filter(|setting| !shared.contains(&setting.name.as_str())).collect();
        if !own.is_empty() {
            page.push_str(&format!("\n{}", table(&own)));
        }
    }
    page
}

#[test]
fn the_page_of_designs_is_the_list_of_designs() {
    let path = root().join("docs/src/reference/designs.md");
    if std::env::var_os("UPDATE_BOOK").is_some() {
        fs::write(&path, page_of_designs()).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == page_of_designs(), "docs/src/reference/designs.md: run this test with UPDATE_BOOK=1");
}
