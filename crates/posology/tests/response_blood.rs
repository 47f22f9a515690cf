//! `response iwcll-2018`, `iwwm-6`, `iwwm-11` and `inrc-2017` as a user runs them: layouts, units, refusals.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posology")).args(arguments).output().unwrap()
}

/// Writes a table and runs `response CRITERIA TABLE` with further arguments.
fn response(criteria: &str, table: &str, further: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, table).unwrap();
    run(&[&["response", criteria, path.to_str().unwrap()], further].concat())
}

fn answer(criteria: &str, table: &str, further: &[&str]) -> Value {
    let output = response(criteria, table, &[further, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(criteria: &str, table: &str) -> String {
    let output = response(criteria, table, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn categories(subject: &Value) -> Vec<&str> {
    let rows = subject["assessments"].as_array().unwrap();
    rows.iter().map(|row| row["response"].as_str().unwrap()).collect()
}

const IGM: &str = "subject,date,igm,igm_method,ife,emd,marrow\n\
    W,2024-01-01,4000 mg/dL,nephelometry,positive,absent,involved\n\
    W,2024-03-01,30 g/L,nephelometry,positive,,\n\
    W,2024-05-01,2000 mg/dL,nephelometry,positive,,\n\
    W,2024-07-01,400 mg/dL,nephelometry,positive,,\n";

#[test]
fn waldenstroem_goes_from_igm_to_a_best_response_and_counts_minimal_in_the_overall_rate() {
    let answer = answer("iwwm-11", IGM, &[]);
    assert_eq!(categories(&answer[0]), ["MR", "PR", "VGPR"]);
    assert_eq!(answer[0]["best"]["confirmed"], "VGPR");
    assert_eq!(answer[0]["best"]["overall_response"], true);
    assert_eq!(answer[0]["best"]["major_response"], true);
    assert_eq!(answer[0]["criteria"]["criteria"], "iwwm-11");
    assert!(answer[0]["warnings"][0]["says"].as_str().unwrap().contains("the unit changes"));
    let minimal: String = IGM.lines().take(3).collect::<Vec<_>>().join("\n");
    let printed = String::from_utf8(response("iwwm-6", &minimal, &[]).stdout).unwrap();
    assert!(printed.contains("overall response (MR or better, confirmed): 1 of 1"), "{printed}");
    assert!(printed.contains("major response (PR or better, confirmed): 0 of 1"), "{printed}");
}

#[test]
fn waldenstroem_names_what_moves_igm_without_the_disease() {
    let table = "subject,date,igm,igm_method,plasmapheresis,anti_cd20,btk_paused\n\
        W,2024-01-01,40 g/L,nephelometry,,2024-01-02,\n\
        W,2024-02-01,60 g/L,nephelometry,,,\n\
        W,2024-06-01,10 g/L,nephelometry,2024-05-20,,\n\
        W,2024-08-01,10 g/L,electrophoresis,,,2024-09-01\n\
        W,2024-08-15,8 g/L,nephelometry,,,\n\
        W,2024-10-01,20 g/L,nephelometry,,,\n";
    let answer = answer("iwwm-11", table, &[]);
    assert_eq!(categories(&answer[0]), ["SD", "NE", "NE", "PR", "PR"]);
    let rules: Vec<&str> = answer[0]["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["reasons"][0]["rule"].as_str().unwrap())
        .collect();
    assert_eq!(
        rules,
        [
            "iwwm-11/flare",
            "iwwm-11/plasmapheresis",
            "iwwm-11/method-changed",
            "iwwm-11/igm",
            "iwwm-11/rebound"
        ]
    );
    let warned = answer[0]["warnings"][0]["says"].as_str().unwrap();
    assert!(warned.contains("2024-08-01") && warned.contains("igm_method"), "{warned}");
}

const LEUKAEMIA: &str = "subject,date,first_treatment,lymphocytes,platelets,haemoglobin,node1,spleen,liver,symptoms,marrow,investigator\n\
    L,2024-01-01,2024-01-02,80 10^9/L,80 10^9/L,90 g/L,40 x 30 mm,17 cm,normal,Y,leukaemia,\n\
    L,2024-03-01,,40000 /uL,85 10^9/L,11 g/dL,3 x 2 cm,160 mm,normal,N,,PR\n\
    L,2024-05-02,,3.9 10^9/L,120 10^9/L,12 g/dL,12 x 10 mm,12 cm,normal,N,normal,SD\n";

#[test]
fn leukaemia_goes_from_counts_nodes_and_organs_to_a_response_that_lasted() {
    let answer = answer("iwcll-2018", LEUKAEMIA, &[]);
    assert_eq!(categories(&answer[0]), ["PR", "CR"]);
    assert_eq!(answer[0]["best"]["confirmed"], "PR", "two months and a day later it is there, and deeper");
    assert_eq!(answer[0]["best"]["date"], "2024-03-01");
    assert_eq!(answer[0]["best"]["unconfirmed"], "CR");
    assert_eq!(answer[0]["disagreements"][0]["investigator"], "SD");
    let words = response("iwcll-2018", LEUKAEMIA, &["--explain", "L"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("2 of 3 abnormal at baseline improved"), "{words}");
    assert!(words.contains("lymphocytes 40 10^9/L, down 50.0% from 80 10^9/L at baseline"), "{words}");
}

#[test]
fn leukaemia_settings_are_read_from_a_file_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "criteria = \"iwcll-2018\"\nkinase-inhibitor = true\n").unwrap();
    let table = "subject,date,lymphocytes,platelets,haemoglobin,node1,spleen\n\
        L,2024-01-01,80 G/L,150 G/L,120 g/L,40 x 30 mm,120 mm\n\
        L,2024-03-01,200 G/L,150 G/L,120 g/L,20 x 20 mm,120 mm\n";
    let with = answer("iwcll-2018", table, &["--settings", settings.to_str().unwrap()]);
    assert_eq!(categories(&with[0]), ["PR-L"]);
    assert_eq!(with[0]["criteria"]["kinase-inhibitor"], true);
    assert_eq!(categories(&answer("iwcll-2018", table, &[])[0]), ["PD"]);
}

#[test]
fn leukaemia_responses_given_as_categories_are_confirmed_by_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rs.csv");
    let table = "subject,date,response,first_treatment\nL,2024-03-01,PR,2024-01-02\nL,2024-05-01,CRi,\nL,2025-03-01,PD,\n";
    fs::write(&path, table).unwrap();
    let output = run(&["response", "confirm", "iwcll-2018", path.to_str().unwrap(), "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer[0]["best"]["confirmed"], "PR");
    assert_eq!(answer[0]["best"]["progression"], "2025-03-01");
    assert_eq!(answer[0]["warnings"].as_array().unwrap().len(), 0, "{answer}");
}

const CHILD: &str = "subject,date,lesion,role,site,node,longest,shortest,state,method,primary_uptake,soft_tissue_uptake,mibg_score,mibg_system,marrow\n\
    C,2024-01-01,P1,target,primary,N,50 mm,,,MRI,avid,avid,20,curie,30%\n\
    C,2024-01-01,T1,target,neck,Y,30 mm,20 mm,,MRI,,,,,\n\
    C,2024-03-01,P1,target,primary,N,3.5 cm,,,MRI,better,better,10,curie,5%\n\
    C,2024-03-01,T1,target,neck,Y,20 mm,14 mm,,MRI,,,,,\n\
    C,2024-05-01,P1,target,primary,N,42.1 mm,,,MRI,better,better,10,curie,5%\n\
    C,2024-05-01,T1,target,neck,Y,20 mm,14 mm,,MRI,,,,,\n";

#[test]
fn neuroblastoma_goes_from_lesions_scans_and_marrow_to_one_category() {
    let child = |table: &str| answer("inrc-2017", table, &[]);
    let answer = child(CHILD);
    assert_eq!(categories(&answer[0]), ["PR", "PD"], "20.2% over the nadir of 35 mm");
    let verdicts: Vec<&str> = answer[0]["components"][0]["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["PR", "PR", "MD"]);
    let exactly = CHILD.replace("42.1 mm", "42 mm");
    assert_eq!(categories(&child(&exactly)[0]), ["PR", "MR"], "exactly 20% is no progression");
}

#[test]
fn a_value_without_its_unit_or_out_of_range_is_refused_with_its_place() {
    for (criteria, from, to, says) in [
        ("iwwm-11", "30 g/L", "30", "igm"),
        ("iwwm-11", "30 g/L", "-30 g/L", "0 to"),
        ("iwwm-11", "30 g/L", "30 mmol/L", "mmol/L"),
        ("iwwm-11", "2024-03-01", "2024-02-30", "column date"),
        ("iwwm-11", "2024-05-01", "2024-03-01", "a second of 2024-03-01"),
        ("iwwm-11", "igm_method", "igm_metod", "igm_metod"),
        ("iwwm-11", "400 mg/dL,nephelometry", "400 mg/dL,guess", "nephelometry"),
        ("iwcll-2018", "90 g/L", "9", "haemoglobin"),
        ("iwcll-2018", "40 x 30 mm", "40 x 30", "node1"),
        ("iwcll-2018", "40 x 30 mm", "40 mm", "two diameters"),
        ("iwcll-2018", "N,normal,SD", "no,normal,SD", "symptoms"),
        ("inrc-2017", "20,curie", "20,", "mibg_system"),
        ("inrc-2017", "20,curie", "31,curie", "0 to 30"),
        ("inrc-2017", "30%", "130%", "0 to 100"),
        ("inrc-2017", "30%", "30", "marrow"),
        ("inrc-2017", "avid,avid", "hot,avid", "primary_uptake"),
    ] {
        let table = match criteria {
            "iwwm-11" => IGM,
            "iwcll-2018" => LEUKAEMIA,
            _ => CHILD,
        };
        assert!(table.contains(from), "{from}");
        let error = refusal(criteria, &table.replacen(from, to, 1));
        assert!(error.contains(says), "{criteria} {to}: {error}");
        assert!(error.contains("table.csv"), "{error}");
    }
}

#[test]
fn a_visit_before_the_flagged_baseline_is_left_out_with_a_warning() {
    let table =
        "subject,date,baseline,igm\nW,2023-12-01,,50 g/L\nW,2024-01-01,Y,40 g/L\nW,2024-03-01,,20 g/L\n";
    let answer = answer("iwwm-11", table, &[]);
    assert_eq!(categories(&answer[0]), ["PR"]);
    assert_eq!(answer[0]["warnings"][0]["rule"], "response/before-baseline");
}

#[test]
fn contradictions_within_a_row_or_a_course_are_refused_with_subject_and_date() {
    // Beside "no enlarged node" a node of 15 mm or more; a share of residual cells that is no share; a visit after death.
    let with = |column: &str, values: [&str; 3]| {
        let mut lines = LEUKAEMIA.lines();
        let mut table = format!("{},{column}\n", lines.next().unwrap());
        for (line, value) in lines.zip(values) {
            table.push_str(&format!("{line},{value}\n"));
        }
        table
    };
    for (column, values, says) in [
        ("nodes", ["", "none", "none"], "subject L, 2024-03-01: expected no node of 15 mm or more"),
        ("mrd", ["", "", "1.2"], "subject L, 2024-05-02: expected a share between 0 and 1"),
        ("mrd", ["", "", "-0.1"], "subject L, 2024-05-02: expected a share between 0 and 1"),
        (
            "death",
            ["", "2024-04-01", ""],
            "subject L: expected no assessment after the death on 2024-04-01, found one on 2024-05-02",
        ),
    ] {
        let error = refusal("iwcll-2018", &with(column, values));
        assert!(error.contains(says), "{column}: {error}");
    }
    // A node below 15 mm is none that is enlarged.
    assert_eq!(categories(&answer("iwcll-2018", &with("nodes", ["", "", "none"]), &[])[0]), ["PR", "CR"]);
}
