//! Absorbed doses of organs from `organ-doses.csv`.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use posology_exchange::sdtm::{ImportOptions, ImportOutcome, KnownRows, SourceFile, import};
use posology_trial::event::{Chain, Fact, OrganAbsorbedDose};

const DEMOGRAPHICS: &str = "DOMAIN,USUBJID\nDM,P-01\nDM,P-02\n";
const HEADER: &str = "USUBJID,ORGAN,FRACTION,COURSE,ABSORBED_DOSE,UNIT,BED,BED_UNIT,METHOD,DATE,SOURCE\n";

fn file(name: &str, text: String) -> SourceFile {
    let bytes: &'static [u8] = Box::leak(text.into_boxed_str()).as_bytes();
    SourceFile { name: name.to_owned(), open: Box::new(move || Ok(Box::new(bytes))) }
}

fn read(rows: &str, known: &KnownRows) -> ImportOutcome {
    let files = [file("dm.csv", DEMOGRAPHICS.to_owned()), file("organ-doses.csv", format!("{HEADER}{rows}"))];
    import(&files, known, &ImportOptions::default())
}

fn values(outcome: &ImportOutcome) -> Vec<&OrganAbsorbedDose> {
    outcome
        .events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::OrganAbsorbedDose(value) => Some(value),
            _ => None,
        })
        .collect()
}

#[test]
fn a_table_of_absorbed_doses_is_taken_row_by_row_in_gray() {
    let outcome = read(
        "P-01,Kidney,1,,2.05,Gy,2.31,Gy,\"planar, MIRD\",2015-03-23,report 7\nP-01,marrow,,2,830,mGy,,,SPECT/CT,,\n",
        &KnownRows::default(),
    );
    let values = values(&outcome);
    assert_eq!(values.len(), 2);
    let (kidney, marrow) = (values[0], values[1]);
    assert_eq!((kidney.fraction, kidney.course, kidney.organ.as_str()), (Some(1), None, "Kidney"));
    assert_eq!(kidney.absorbed_dose, "2.05 Gy".parse().unwrap());
    assert_eq!(kidney.biologically_effective_dose, Some("2.31 Gy".parse().unwrap()));
    assert_eq!(kidney.source.as_deref(), Some("report 7"));
    assert_eq!((marrow.fraction, marrow.course), (None, Some(2)));
    assert_eq!(marrow.absorbed_dose, "0.83 Gy".parse().unwrap());
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place_and_nothing_is_guessed() {
    for (row, column, found) in [
        ("P-01,kidney,1,,,Gy,,,planar,,", "ABSORBED_DOSE", "none"),
        ("P-01,kidney,1,,2.05,,,,planar,,", "UNIT", "none"),
        ("P-01,kidney,1,,2.05,rad,,,planar,,", "UNIT", "rad"),
        ("P-01,kidney,1,,-2,Gy,,,planar,,", "ABSORBED_DOSE", "-2"),
        ("P-01,kidney,1,,2.05,Gy,2.3,,planar,,", "BED_UNIT", "none"),
        ("P-01,kidney,0,,2.05,Gy,,,planar,,", "FRACTION", "0"),
        ("P-01,kidney,1,,2.05,Gy,,,,,", "METHOD", "none"),
        ("P-01,,1,,2.05,Gy,,,planar,,", "ORGAN", "none"),
        ("P-01,kidney,1,,2.05,Gy,,,planar,soon,", "DATE", "soon"),
        ("P-09,kidney,1,,2.05,Gy,,,planar,,", "USUBJID", "P-09"),
    ] {
        let outcome = read(&format!("{row}\n"), &KnownRows::default());
        let refusals = &outcome.report.files[1].refusals;
        let said = refusals.first.first().unwrap_or_else(|| panic!("{row} was taken")).to_string();
        assert!(said.contains(&format!("column {column}")) && said.contains(found), "{row}: {said}");
        assert!(values(&outcome).is_empty());
    }
}

#[test]
fn an_organ_of_one_fraction_stands_once_and_another_case_is_the_same_organ() {
    let rows = "P-01,kidney,1,,2.05,Gy,,,planar,,\nP-01,Kidney,1,,2.1,Gy,,,SPECT,,\nP-01,kidney,2,,2.1,Gy,,,planar,,\n";
    let outcome = read(rows, &KnownRows::default());
    assert_eq!(values(&outcome).len(), 2);
    assert!(outcome.report.files[1].refusals.first[0].to_string().contains("row 1"));
}

#[test]
fn a_second_delivery_corrects_what_changed_and_keeps_the_rest() {
    let mut chain = Chain::default();
    let rows = "P-01,kidney,1,,2.05,Gy,,,planar,,\nP-02,kidney,1,,3,Gy,,,planar,,\n";
    for event in read(rows, &KnownRows::default()).events {
        chain.append(event.recorded("2021-01-01T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
    let again = read(&rows.replace("2.05", "2.25"), &KnownRows::of(&chain));
    assert_eq!((again.events.len(), again.report.total.corrected), (1, 1));
    assert!(again.events[0].corrects.is_some());
}
