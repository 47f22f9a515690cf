//! Lymphoma and brain tumours as a user runs them: from a table to a best response.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn posology(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posology")).args(arguments).output().unwrap()
}

fn answer(criteria: &str, table: &str) -> Value {
    let output = posology(&["response", criteria, table, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(criteria: &str, table: &str) -> String {
    let output = posology(&["response", criteria, table]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("visits.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn column(answer: &Value, key: &str) -> Vec<String> {
    let rows = answer[0]["assessments"].as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

const LYMPHOMA: &str = "\
subject,date,lesion,role,node,longest,shortest,unit,state,spleen,marrow,avid,baseline
P,2024-01-10,T01,target,Y,40,30,mm,,15 cm,involved,N,Y
P,2024-01-10,T02,target,N,25,20,mm,,,,,
P,2024-03-12,T01,,,2.0,1.5,cm,,135 mm,,,
P,2024-03-12,T02,,,15,10,mm,,,,,
P,2024-05-14,T01,,,12,9,mm,,12.8 cm,clear,,
P,2024-05-14,T02,,,,,,absent,,,,
P,2024-08-13,T01,,,12,9,mm,,12.8 cm,,,
P,2024-08-13,T02,,,14,11,mm,,,,,
";

#[test]
fn lymphoma_goes_from_lesions_spleen_and_marrow_to_a_best_response() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), LYMPHOMA);
    let found = answer("lugano-2014", &table);
    assert_eq!(column(&found, "response"), ["PR", "CR", "PD"]);
    assert_eq!(found[0]["best"]["confirmed"], "CR");
    assert_eq!(found[0]["best"]["progression"], "2024-08-13");
    assert_eq!(found[0]["components"][0]["components"]["spleen"], "PR");
    assert_eq!(found[0]["criteria"]["spleen-normal-mm"], 130, "the settings stand with the result");
    // Millimetres throughout give the same.
    let same = file(folder.path(), &LYMPHOMA.replace("2.0,1.5,cm", "20,15,mm").replace("12.8 cm", "128 mm"));
    assert_eq!(column(&answer("lugano-2014", &same), "response"), ["PR", "CR", "PD"]);
    let no_unit = file(folder.path(), &LYMPHOMA.replace("15 cm", "15"));
    assert!(refusal("lugano-2014", &no_unit).contains("as 15 cm"));
}

#[test]
fn the_readers_pet_and_ct_are_combined_without_sizes() {
    // 01-701-1015 and 01-701-1133 of the lymphoma data of pharmaversesdtm.
    let folder = tempfile::tempdir().unwrap();
    let table = file(
        folder.path(),
        "subject,date,metabolic,anatomic,baseline\n\
         A,2014-01-02,NMR,SAD,Y\nA,2014-03-05,NMR,SAD,\nA,2014-05-07,PMR,PAR,\nA,2014-06-18,CMR,PAR,\n",
    );
    assert_eq!(column(&answer("lugano-2014", &table), "response"), ["SD", "PR", "CR"]);
    let table = file(
        folder.path(),
        "subject,date,metabolic,anatomic,baseline\n\
         B,2012-10-01,NMR,SAD,Y\nB,2012-12-24,NE,PAR,\nB,2013-02-18,ND,PAD,\n",
    );
    assert_eq!(column(&answer("lugano-2014", &table), "response"), ["SD", "PD"]);
    let wrong = file(folder.path(), "subject,date,metabolic\nA,2014-01-02,\nA,2014-03-05,cure\n");
    let error = refusal("lugano-2014", &wrong);
    assert!(error.contains("metabolic") && error.contains("CMR") && error.contains("mend"), "{error}");
}

#[test]
fn an_indeterminate_response_dates_the_progression_that_follows() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "subject,date,lesion,role,node,longest,shortest,unit,clinical,avid,baseline,first_treatment\n\
                P,2024-01-10,T01,target,Y,20,20,mm,,N,Y,2024-01-12\n\
                P,2024-03-01,T01,,,30,20,mm,stable,,,\n\
                P,2024-04-01,T01,,,42,22,mm,stable,,,\n";
    let found = answer("lyric", &file(folder.path(), rows));
    assert_eq!(column(&found, "response"), ["IR(1)", "PD"]);
    assert_eq!(column(&found, "confirmed"), ["PD", "PD"]);
    assert_eq!(found[0]["best"]["progression"], "2024-03-01");
}

const BRAIN: &str = "\
subject,date,lesion,role,part,longest,shortest,unit,flair,steroids,clinical,radiotherapy_end,baseline,first_treatment
P,2024-01-10,T01,target,enhancing,40,30,mm,stable,4 mg,stable,2023-12-13,Y,2024-01-15
P,2024-02-14,T01,,,50,30,mm,stable,4 mg,stable,,,
P,2024-03-20,T01,,,50,32,mm,stable,4 mg,stable,,,
";

#[test]
fn an_early_progression_is_preliminary_in_rano_2_and_none_in_2010() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), BRAIN);
    let found = answer("rano-2.0", &table);
    assert_eq!(column(&found, "response"), ["PD", "PD"]);
    assert_eq!(found[0]["components"][0]["preliminary"], true);
    assert_eq!(found[0]["best"]["progression"], "2024-02-14", "seen again, dated at the first");
    let found = answer("rano-hgg", &table);
    assert_eq!(column(&found, "response"), ["NE", "PD"]);
    assert_eq!(found[0]["best"]["progression"], "2024-03-20");
    assert_eq!(column(&answer("rapno-hgg", &table), "response"), ["PD", "PD"]);
    let no_part = file(folder.path(), &BRAIN.replace("enhancing", ""));
    assert!(refusal("rano-2.0", &no_part).contains("write enhancing or non-enhancing"));
    let no_unit = file(folder.path(), &BRAIN.replace("4 mg", "4"));
    assert!(refusal("rano-hgg", &no_unit).contains("4 mg; mend"));
}

#[test]
fn settings_of_another_set_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), LYMPHOMA);
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "criteria = \"lugano-2014\"\nmax-targets = 1\n").unwrap();
    let named = settings.display().to_string();
    let output = posology(&["response", "lugano-2014", &table, "--settings", &named]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("at most 1 targets"));
    let output = posology(&["response", "lyric", &table, "--settings", &named]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("make them agree"));
}

#[test]
fn a_scored_scan_on_which_nobody_says_whether_there_are_new_foci_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let head = "subject,date,deauville,uptake,new_foci,avid,baseline\nP,2024-01-10,5,,,Y,Y\n";
    let said = |row: &str| {
        let output = posology(&["response", "lugano-2014", &file(folder.path(), &format!("{head}{row}\n"))]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    };
    let warned = said("P,2024-03-12,4,lower,,,");
    assert!(warned.contains("warning: P: 2024-03-12: nobody says whether PET shows new foci"), "{warned}");
    assert_eq!(said("P,2024-03-12,4,lower,N,,"), "");
}
