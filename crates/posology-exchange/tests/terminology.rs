//! What passes every rule engine and is wrong: values that no code list has.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use posology_exchange::package::{Class, Column, Package, Source, Standard, Study, Table, Value};
use posology_exchange::terminology::{check, code_lists};

fn table(name: &str, columns: Vec<Column>, row: &[&str]) -> Table {
    Table {
        name: name.to_owned(),
        label: "Test".to_owned(),
        class: Class::Findings,
        structure: "One record".to_owned(),
        keys: Vec::new(),
        reference: false,
        comment: None,
        columns,
        rows: vec![row.iter().map(|text| Value::text(*text)).collect()],
    }
}

fn package(table: Table) -> Package {
    let study = Study { id: "S".into(), title: "T".into(), protocol: "P".into(), synthetic: true };
    let cut_off = "2019-05-03T23:59:59Z".parse().unwrap();
    let source = Source { cut_off, position: 0, head: String::new(), program: "p 1".into() };
    Package { standard: Standard::Sdtm, study, source, tables: vec![table], code_lists: Vec::new() }
}

fn refused(table: Table) -> Vec<String> {
    check(&package(table)).refused.iter().map(ToString::to_string).collect()
}

#[test]
fn a_term_that_a_closed_list_does_not_have_is_refused() {
    let said = refused(table("DM", vec![Column::text("SEX", "Sex").coded("SEX")], &["X"]));
    assert_eq!(
        said,
        [
            "DM row 1, column SEX: expected a term of SEX (C66731), found \"X\"; mend: the list takes no other: F, M, U, UNDIFFERENTIATED"
        ]
    );
    assert_eq!(refused(table("DM", vec![Column::text("SEX", "Sex").coded("SEX")], &["F"])), [""; 0]);
}

#[test]
fn terms_are_spelt_to_the_letter() {
    let said = refused(table("RS", vec![Column::text("RSSTRESC", "Result").coded("ONCRSR")], &["SCR"]));
    assert!(said[0].ends_with("mend: write sCR: terms are spelt to the letter"), "{said:?}");
}

#[test]
fn an_extension_of_a_list_that_takes_any_is_told_and_declared() {
    let table = table("RS", vec![Column::text("RSCAT", "Category").coded("ONCRSCAT")], &["IMWG"]);
    let lists = code_lists(std::slice::from_ref(&table));
    assert!(lists[0].terms[0].extension && lists[0].code == Some("C124298"));
    let checked = check(&package(table));
    assert!(checked.refused.is_empty());
    assert!(checked.extended[0].to_string().contains("\"IMWG\""), "{:?}", checked.extended);
}

#[test]
fn what_was_administered_is_no_activity_per_area() {
    let said = refused(table("EX", vec![Column::text("EXDOSU", "Dose Units").coded("UNIT")], &["mCi/m2"]));
    assert!(said[0].contains("EC, SCHEDULED"), "{said:?}");
    let scheduled = table("EC", vec![Column::text("ECDOSU", "Dose Units").coded("UNIT")], &["mCi/m2"]);
    assert_eq!(
        check(&package(scheduled)),
        check(&package(table("EC", Vec::new(), &[]))),
        "declared by this program"
    );
}

#[test]
fn a_code_and_its_name_are_one_test() {
    let columns = || {
        vec![
            Column::text("LBTESTCD", "Code").coded("LBTESTCD"),
            Column::text("LBTEST", "Name").coded("LBTEST"),
        ]
    };
    assert_eq!(refused(table("LB", columns(), &["PLAT", "Platelets"])), [""; 0]);
    assert!(refused(table("LB", columns(), &["PLAT", "Hemoglobin"]))[0].contains("PLAT with \"Hemoglobin\""));
}

#[test]
fn a_required_value_that_is_missing_and_a_key_that_stands_twice_are_refused() {
    let said = refused(table("AE", vec![Column::text("AETERM", "Term").required()], &[""]));
    assert!(said[0].contains("expected a value, found none"), "{said:?}");
    let mut twice = table("AE", vec![Column::text("USUBJID", "Subject")], &["S-1"]);
    twice.keys = vec!["USUBJID"];
    twice.rows.push(twice.rows[0].clone());
    assert!(refused(twice)[0].contains("expected each USUBJID once"));
}

#[test]
fn a_value_of_the_trial_summary_has_its_own_code() {
    let summary = |parameter: &str, value: &str, code: &str| {
        let columns = ["TSPARMCD", "TSVAL", "TSVALCD"].map(|name| Column::text(name, "Test")).to_vec();
        refused(table("TS", columns, &[parameter, value, code]))
    };
    assert_eq!(summary("TPHASE", "PHASE I TRIAL", "C15600"), [""; 0]);
    assert_eq!(summary("DOSU", "mCi/m2", ""), [""; 0], "the list takes others, which have no code");
    assert_eq!(summary("TITLE", "PHASE I TRIAL", ""), [""; 0], "no list");
    let other = summary("TPHASE", "PHASE I TRIAL", "C15601");
    assert!(other[0].contains("PHASE I TRIAL with \"C15601\"; mend: write C15600"), "{other:?}");
    assert!(summary("RANDOM", "NO", "C49487")[0].contains("expected a term of NY (C66742) for RANDOM"));
    assert!(summary("TPHASE", "PHASE 1", "C15600")[0].contains("found \"PHASE 1\""));
}
