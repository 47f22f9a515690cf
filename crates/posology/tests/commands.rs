//! Every command as a user runs it: what it prints, what it writes, how it refuses.

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

fn near(value: &Value, expected: f64, within: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
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

#[test]
fn a_prescription_is_the_worked_example_of_the_radiopharmacy() {
    // H 175, W 80, Mosteller 1.97203 m2; 2 x 20 mCi/m2: 39.4405 mCi = 1,459.30 MBq each, 78.8811 mCi in all.
    let answer = json(&[
        "dose",
        "prescribe",
        "examples/clr131",
        "--regimen",
        "40x2",
        "--height-cm",
        "175",
        "--weight-kg",
        "80",
    ]);
    near(&answer["bsa_m2"], 1.972_03, 5e-6);
    assert_eq!(answer["formula"], "mosteller");
    assert_eq!(answer["fractions"].as_array().unwrap().len(), 2);
    assert_eq!(answer["fractions"][1]["day"], 8);
    near(&answer["fractions"][0]["activity_mci"], 39.440_5, 5e-5);
    near(&answer["fractions"][0]["activity_mbq"], 1459.30, 5e-3);
    near(&answer["total_mci"], 78.881_1, 5e-5);
}

#[test]
fn an_activity_decays_from_its_label_to_its_use_and_back() {
    // 1,650 MBq given 1.5 d later: factor 0.87848, 1,449.5 MBq.
    let label = ["dose", "decay", "--nuclide", "I-131", "--activity", "1650 MBq"];
    let forwards =
        json(&[&label[..], &["--from", "2019-05-01T12:00-05:00", "--to", "2019-05-03T00:00-05:00"]].concat());
    near(&forwards["factor"], 0.878_48, 5e-6);
    near(&forwards["activity_mbq"], 1449.5, 0.05);
    near(&forwards["half_life_days"], 8.0252, 0.0);
    let back =
        json(&[&label[..], &["--from", "2019-05-03T00:00-05:00", "--to", "2019-05-01T12:00-05:00"]].concat());
    assert!(back["factor"].as_f64().unwrap() > 1.0);
}

#[test]
fn a_quantity_without_its_unit_is_refused_with_its_place() {
    let error = refusal(&[
        "dose",
        "decay",
        "--nuclide",
        "I-131",
        "--activity",
        "1650",
        "--from",
        "2019-05-01T12:00Z",
        "--to",
        "2019-05-02T12:00Z",
    ]);
    assert!(error.contains("--activity") && error.contains("mend"), "{error}");
    let error = refusal(&[
        "dose",
        "decay",
        "--nuclide",
        "I-131",
        "--activity",
        "1 mCi",
        "--from",
        "2019-05-01 12:00",
        "--to",
        "2019-05-02T12:00Z",
    ]);
    assert!(error.contains("--from") && error.contains("offset"), "{error}");
    let error = refusal(&[
        "dose",
        "prescribe",
        "examples/clr131",
        "--regimen",
        "60x1",
        "--height-cm",
        "175",
        "--weight-kg",
        "80",
    ]);
    assert!(error.contains("40x2"), "names the regimens there are: {error}");
}

#[test]
fn grades_come_from_the_value_its_unit_and_the_version_named() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(
        folder.path(),
        "labs.csv",
        "test,value,unit,lln,uln,baseline\n\
         PLAT,15,10^9/L,150,400,\n\
         PLAT,25,10^9/L,150,400,\n\
         PLAT,24.9,10^9/L,150,400,\n\
         NEUT,0.3,10^9/L,,,\n\
         PLAT,120,10^9/L,,,\n\
         HGB,7.9,g/dL,12,16,\n\
         PLAT,15,furlongs,,,\n\
         PLAT,,10^9/L,,,\n",
    );
    let grades = |version: &str| -> Vec<(u64, Value)> {
        json(&["toxicity", "grade", &table, "--ctcae", version])
            .as_array()
            .unwrap()
            .iter()
            .filter(|answer| answer["direction"] != "high")
            .map(|answer| (answer["row"].as_u64().unwrap(), answer["grade"].clone()))
            .collect()
    };
    let null = Value::Null;
    let expected = |first: [u64; 4]| -> Vec<(u64, Value)> {
        let [a, b, c, d] = first.map(Value::from);
        vec![
            (1, a),
            (2, b),
            (3, c),
            (4, d),
            (5, null.clone()),
            (6, 3.into()),
            (7, null.clone()),
            (8, null.clone()),
        ]
    };
    assert_eq!(grades("5.0"), expected([4, 3, 4, 4]));
    assert_eq!(grades("6.0"), expected([3, 3, 3, 3]));
    assert!(refusal(&["toxicity", "grade", &table, "--ctcae", "4.03"]).contains("4.03"));
}

#[test]
fn what_cannot_be_read_in_a_table_of_laboratory_values_is_refused_and_what_is_doubtful_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let grade = |text: &str| {
        let table = file(folder.path(), "labs.csv", text);
        vec!["toxicity".to_owned(), "grade".to_owned(), table, "--ctcae".to_owned(), "5.0".to_owned()]
    };
    let refused = |text: &str| refusal(&grade(text).iter().map(String::as_str).collect::<Vec<_>>());
    let says = refused("test,value,unit\nPLAT,15,10^9/L\nPLAT,15,\n");
    assert!(says.contains("row 2, column unit") && says.contains("10^9/L"), "{says}");
    let says = refused("subject,date,test,value,unit\nA,2024-02-30,PLAT,15,10^9/L\n");
    assert!(says.contains("row 1, column date"), "{says}");
    let says = refused("test,value,unti\nPLAT,15,10^9/L\n");
    assert!(says.contains("unit"), "{says}");

    let arguments = grade(
        "subject,date,baseline_date,test,value,unit\n\
         A,2024-02-01,2024-01-10,PLAT,15,10^9/L\n\
         A,2024-02-01,2024-01-10,PLAT,20,10^9/L\n\
         A,2024-02-08,2024-01-10,PLAT,20000,/mm3\n\
         A,2024-01-02,2024-01-10,HGB,7,g/dL\n",
    );
    let output = posology(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for part in [
        "two results of platelets, rows 1 and 2",
        "in /mm3 after 10^9/L",
        "before the baseline of 2024-01-10",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn response_goes_from_values_to_a_confirmed_best_response_with_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(
        folder.path(),
        "markers.csv",
        "subject,date,serum_m,urine_m,serum_ife,urine_ife\n\
         A,2024-01-01,4.00 g/dL,not detected,positive,negative\n\
         A,2024-02-01,20.0 g/L,not detected,positive,negative\n\
         A,2024-03-01,2.01 g/dL,not detected,positive,negative\n",
    );
    let answer = json(&["response", "imwg-2016", &table]);
    let subject = &answer[0];
    assert_eq!(subject["subject"], "A");
    let responses: Vec<&str> = subject["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["response"].as_str().unwrap())
        .collect();
    assert_eq!(responses, ["PR", "MR"], "exactly 50% is PR, 49.75% is MR");
    assert_eq!(subject["best"]["confirmed"], "MR", "confirmed at the lower of the two");
    assert_eq!(subject["best"]["unconfirmed"], "PR");
    assert_eq!(subject["best"]["date"], "2024-02-01");
    assert!(subject["assessments"][0]["reasons"][0]["says"].as_str().unwrap().contains("50.0%"));
    let words = posology(&["response", "imwg-2016", &table, "--explain", "A"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("measurable") && words.contains("2024-03-01      2.01    -49.7%"), "{words}");
    let without_unit = file(folder.path(), "bare.csv", "subject,date,serum_m\nA,2024-01-01,4.00\n");
    let error = refusal(&["response", "imwg-2016", &without_unit]);
    assert!(error.contains("row 1") && error.contains("serum_m"), "{error}");
}

#[test]
fn confirmation_of_categories_is_that_of_the_reference() {
    // Rows of the reference sweep: conf and cbor as admiralonco gives them.
    let sequences = [
        ("a", "sCR PR CR PR", "PR PR PR PR", Some("PR")),
        ("b", "CR MR CR SD", "MR MR MR MR", Some("MR")),
        ("c", "PR NE NE PR", "PR PR PR PR", Some("PR")),
        ("d", "PR PR PDl PDl", "PR PR PD PD", Some("PR")),
        ("e", "MR MR PDl PR", "MR MR MR MR", Some("MR")),
        ("f", "PDl SD PDl", "NE SD SD", Some("SD")),
        ("g", "PR PR PDi", "PR PR PD", Some("PR")),
        ("h", "NE CR", "NE SD", Some("SD")),
        ("i", "PDl", "NE", Some("NE")),
    ];
    let mut text = "subject,date,response,pd_kind,therapy_start,death_pd\n".to_owned();
    for (subject, raw, _, _) in sequences {
        for (visit, response) in raw.split(' ').enumerate() {
            let (response, kind) = match response {
                "PDl" => ("PD", "biochemical"),
                "PDi" => ("PD", "imaging"),
                other => (other, ""),
            };
            text.push_str(&format!("{subject},2024-0{}-01,{response},{kind},,\n", visit + 1));
        }
    }
    text.push_str("z,2024-03-01,PR,,2024-03-01,\n");
    let folder = tempfile::tempdir().unwrap();
    let answer = json(&["response", "confirm", "imwg-2016", &file(folder.path(), "rs.csv", text)]);
    for (index, (subject, _, confirmed, best)) in sequences.iter().enumerate() {
        let answer = &answer[index];
        assert_eq!(answer["subject"], *subject);
        let found: Vec<&str> = answer["assessments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["confirmed"].as_str().unwrap())
            .collect();
        assert_eq!(found.join(" "), *confirmed, "{subject}");
        assert_eq!(answer["best"]["confirmed"].as_str(), *best, "{subject}");
    }
    assert_eq!(answer[sequences.len()]["best"]["confirmed"], Value::Null, "all on or after new therapy");
}

#[test]
fn a_valid_protocol_passes_and_an_invalid_one_lists_every_problem_with_its_place() {
    let answer = json(&["trial", "check", "examples/clr131"]);
    assert_eq!(answer["ok"], true);
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(root().join("examples/clr131/trial.toml")).unwrap();
    let line = 1 + text.lines().position(|line| line.starts_with("window-days")).unwrap();
    file(folder.path(), "trial.toml", text.replacen("window-days = 85", "window-dais = 85", 1));
    let output = posology(&["trial", "check", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    let problem =
        answer["problems"].as_array().unwrap().iter().find(|problem| problem["line"] == line).unwrap();
    for key in ["column", "found", "expected", "mend"] {
        assert!(!problem[key].is_null(), "{key}");
    }
    assert!(problem["found"].as_str().unwrap().contains("window-dais"), "{problem}");
}

#[test]
fn status_tells_where_each_cohort_stands() {
    let answer = json(&["trial", "status", "examples/clr131"]);
    let stage = |id: &str| {
        answer["cohorts"].as_array().unwrap().iter().find(|cohort| cohort["id"] == id).unwrap()["stage"]
            .clone()
    };
    assert_eq!(
        (stage("C5"), stage("C6"), stage("C7")),
        ("decided".into(), "under-review".into(), "planned".into())
    );
    let early = json(&["trial", "status", "examples/clr131", "--cut", "2019-03-01"]);
    let sixth =
        early["cohorts"].as_array().unwrap().iter().find(|cohort| cohort["id"] == "C6").unwrap().clone();
    assert!(sixth["pending"].as_u64().unwrap() > 0, "{sixth}");
    assert_eq!(sixth["advice"], "wait");
    let error = refusal(&["trial", "status", "examples/clr131", "--cut", "2030-01-01"]);
    assert!(error.contains("last recorded fact"), "{error}");
}

#[test]
fn a_review_writes_the_packet_and_the_same_cut_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    for out in [&one, &two] {
        let output =
            posology(&["review", "examples/clr131", "--cohort", "C6", "--out", out.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        for words in ["SYNTHETIC", "ESCALATE", "because", "CLR131", "unrecorded cut"] {
            assert!(told.contains(words), "{words} in\n{told}");
        }
    }
    let mut names = files(&one, &one);
    names.sort();
    assert!(
        names.iter().any(|name| name == "packet.html") && names.iter().any(|name| name == "packet.json"),
        "{names:?}"
    );
    assert_eq!(cfg!(feature = "pdf"), names.iter().any(|name| name == "packet.pdf"));
    for name in &names {
        let bytes = fs::read(one.join(name)).unwrap();
        assert_eq!(bytes, fs::read(two.join(name)).unwrap(), "{name}");
        if !name.ends_with(".png") && !name.ends_with(".pdf") {
            assert!(String::from_utf8(bytes).unwrap().to_lowercase().contains("synthetic"), "{name} says so");
        }
    }
    let svg = names.iter().filter(|name| name.ends_with(".svg")).count();
    assert!(svg >= 7 && names.iter().filter(|name| name.ends_with(".png")).count() == svg, "{names:?}");
}

fn files(folder: &Path, base: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, base));
        } else {
            found.push(path.strip_prefix(base).unwrap().display().to_string());
        }
    }
    found
}

#[test]
fn a_review_of_what_is_not_there_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("packet");
    let error = refusal(&["review", "examples/clr131", "--cohort", "C9", "--out", out.to_str().unwrap()]);
    assert!(error.contains("C7") && error.contains("C9"), "{error}");
    assert!(!out.exists());
    refusal(&["review", "examples/minimal", "--out", out.to_str().unwrap()]);
    assert!(!out.exists());
}

#[test]
fn an_import_is_one_transaction_and_a_second_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trial = folder.path().join("trial");
    let data = folder.path().join("data");
    fs::create_dir_all(&trial).unwrap();
    fs::create_dir_all(&data).unwrap();
    fs::copy(root().join("examples/minimal/trial.toml"), trial.join("trial.toml")).unwrap();
    file(&data, "dm.csv", "DOMAIN,USUBJID,SEX\nDM,01-001,F\n");
    file(
        &data,
        "ae.csv",
        "DOMAIN,USUBJID,AESEQ,AETERM,AETOXGR\nAE,01-001,1,Anaemia,3\nAE,01-999,1,Anaemia,3\n",
    );
    let (trial_path, data_path) = (trial.to_str().unwrap(), data.to_str().unwrap());
    let import = ["trial", "import", trial_path, data_path, "--recorded-at", "2024-01-01T00:00:00Z"];
    let answer = json(&import);
    assert_eq!(answer["report"]["total"]["taken"], 2);
    assert_eq!(answer["report"]["total"]["refused"], 1);
    let events = fs::read_to_string(trial.join("events.ndjson")).unwrap();
    assert_eq!(events.lines().count(), 3, "the protocol, the subject, the event");
    assert_eq!(json(&import)["report"]["total"]["unchanged"], 2);
    assert_eq!(fs::read_to_string(trial.join("events.ndjson")).unwrap(), events);

    file(&data, "ae.csv", "DOMAIN,USUBJID,AESEQ,AETERM,AETOXGR\nAE,01-001,1,Anaemia,2\n");
    assert_eq!(json(&import)["report"]["total"]["corrected"], 1);
    let corrected = fs::read_to_string(trial.join("events.ndjson")).unwrap();
    assert!(corrected.starts_with(&events), "nothing is updated in place");

    let broken = corrected.replace("Anaemia", "Anemia");
    fs::write(trial.join("events.ndjson"), &broken).unwrap();
    assert!(refusal(&import).contains("the hash does not follow"));
    assert_eq!(fs::read_to_string(trial.join("events.ndjson")).unwrap(), broken);
}

#[test]
fn an_import_that_can_take_nothing_writes_nothing_and_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("examples/minimal/trial.toml"), folder.path().join("trial.toml")).unwrap();
    let page = file(
        folder.path(),
        "dm.xpt",
        "<!DOCTYPE HTML>\n<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD><BODY><H1>Not Found</H1></BODY></HTML>\n",
    );
    let output = posology(&["trial", "import", folder.path().to_str().unwrap(), &page]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("expected a SAS transport header"));
    assert!(!folder.path().join("events.ndjson").exists());
}

#[test]
fn the_pharmaverse_study_imports_and_all_23_assessed_subjects_have_a_confirmed_response() {
    let Some(data) = shared("data/pharmaversesdtm") else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("examples/minimal/trial.toml"), folder.path().join("trial.toml")).unwrap();
    let trial = folder.path().to_str().unwrap();
    let report = json(&["trial", "import", trial, data.to_str().unwrap()]);
    let of = |file: &str| {
        report["report"]["files"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["file"] == file)
            .unwrap()
            .clone()
    };
    assert_eq!(of("dm.csv")["taken"], 306);
    assert_eq!(of("lb.csv.gz")["taken"], 59_580);
    assert_eq!(of("dm_peds.csv")["refused"], 5);
    assert_eq!(of("vs_peds.csv")["refused"], 164);
    assert_eq!(of("ts.csv")["outcome"]["outcome"], "refused");
    let status = json(&["trial", "status", trial]);
    let best = |subject: &str| {
        let subject = format!("01-{subject}");
        status["patients"].as_array().unwrap().iter().find(|patient| patient["subject"] == *subject).unwrap()
            ["best_response"]["confirmed"]
            .clone()
    };
    // As admiralonco's confirmation gives them; 701-1097 was assessed only after new therapy.
    let expected = [
        ("701-1015", Some("PD")),
        ("701-1028", Some("sCR")),
        ("701-1034", Some("CR")),
        ("701-1097", None),
        ("701-1115", Some("PD")),
        ("701-1118", Some("VGPR")),
        ("701-1130", Some("VGPR")),
        ("701-1133", Some("PR")),
        ("701-1146", Some("NE")),
        ("701-1148", Some("PR")),
        ("701-1153", Some("MR")),
        ("701-1203", Some("MR")),
        ("701-1211", Some("MR")),
        ("701-1239", Some("MR")),
        ("701-1275", Some("MR")),
        ("701-1287", Some("PR")),
        ("701-1294", Some("SD")),
        ("701-1302", Some("PD")),
        ("701-1345", Some("MR")),
        ("701-1363", Some("SD")),
        ("701-1415", Some("MR")),
        ("702-1082", Some("SD")),
        ("703-1076", Some("SD")),
    ];
    for (subject, confirmed) in expected {
        assert_eq!(best(subject).as_str(), confirmed, "{subject}");
    }
    assert!(!folder.path().join("record.db").exists());
}

#[test]
fn a_table_without_a_row_is_refused_where_there_is_nothing_to_judge() {
    let folder = tempfile::tempdir().unwrap();
    let markers = file(folder.path(), "markers.csv", "subject,date,serum_m\n");
    let responses = file(folder.path(), "responses.csv", "subject,date,response\n");
    let labs = file(folder.path(), "labs.csv", "test,value,unit\n");
    for arguments in [
        &["response", "imwg-2016", &markers][..],
        &["response", "confirm", "imwg-2016", &responses],
        &["toxicity", "grade", &labs, "--ctcae", "5.0"],
    ] {
        let said = refusal(arguments);
        assert!(said.contains("expected a row under the header, found none"), "{said}");
    }
}
