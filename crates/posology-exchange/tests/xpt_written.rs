//! SAS transport files written: the bytes that SAS writes, and nothing lost on the way through them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use jiff::civil::{DateTime, date};
use posology_exchange::dataset::{Cell, DataSet, ReadOptions, Reader, Row, Variable, VariableKind};
use posology_exchange::xpt_write::{Changes, Unwritten, XptWriter};
use proptest::prelude::*;

fn at() -> DateTime {
    date(2020, 8, 21).at(9, 14, 29, 0)
}

/// Reads a transport file and writes it again.
fn again(bytes: &[u8]) -> (Vec<u8>, Changes) {
    let mut reader = Reader::open("x.xpt", bytes, &ReadOptions::default()).unwrap();
    let mut out = Vec::new();
    let mut writer = XptWriter::create(&mut out, reader.data_set(), at()).unwrap();
    let mut row = Row::default();
    while reader.next_row(&mut row).unwrap() {
        writer.row(&row).unwrap();
    }
    let changes = writer.finish().unwrap();
    (out, changes)
}

/// The bytes without what names the system and the time: records 2, 3, 6 and 7 (of record 7 the label is kept).
fn without_stamp(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (record, from, to) in [(1, 24, 80), (2, 0, 16), (5, 24, 80), (6, 0, 16)] {
        bytes[record * 80 + from..record * 80 + to].fill(b' ');
    }
    bytes
}

#[test]
fn files_that_sas_wrote_are_written_again_to_the_same_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cdisc/xpt/sdtm");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no shared");
        return;
    };
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let (written, _) = again(&bytes);
        let (one, other) = (without_stamp(&bytes), without_stamp(&written));
        let differs = one.iter().zip(&other).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{} at byte {differs:?}", path.display());
        assert_eq!(one.len(), other.len(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 15, "{count} files");
}

fn variable(name: &str, kind: VariableKind, length: u32, format: Option<&str>) -> Variable {
    let format = format.map(str::to_owned);
    Variable {
        name: name.to_owned(),
        label: Some(format!("Label of {name}")),
        kind,
        length: Some(length),
        format,
    }
}

fn row_of(cells: &[Option<&str>]) -> Row {
    // Rows are filled by readers alone: CSV is the plainest.
    let quoted = |cell: &Option<&str>| {
        cell.map_or_else(String::new, |text| format!("\"{}\"", text.replace('"', "\"\"")))
    };
    let head: Vec<String> = (0..cells.len()).map(|place| format!("C{place}")).collect();
    // A last column that is there, since a line of nothing is no row of CSV.
    let text =
        format!("{},LAST\n{},x\n", head.join(","), cells.iter().map(quoted).collect::<Vec<_>>().join(","));
    let mut row = Row::default();
    let mut reader = Reader::open("r.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    assert!(reader.next_row(&mut row).unwrap());
    row
}

fn written(data_set: &DataSet, rows: &[Row]) -> Result<(Vec<u8>, Changes), Unwritten> {
    let mut out = Vec::new();
    let mut writer = XptWriter::create(&mut out, data_set, at())?;
    for row in rows {
        writer.row(row)?;
    }
    let changes = writer.finish()?;
    Ok((out, changes))
}

fn one_text(length: u32) -> DataSet {
    let variables = vec![variable("TEXT", VariableKind::Text, length, Some("$12."))];
    DataSet { name: "T".to_owned(), label: Some("Test".to_owned()), variables }
}

#[test]
fn formats_labels_and_names_come_back_as_they_were() {
    let variables = vec![
        variable("A", VariableKind::Text, 3, Some("$2.")),
        variable("B", VariableKind::Number, 8, Some("DATE9.")),
        variable("C", VariableKind::Number, 8, Some("8.2")),
        variable("D", VariableKind::Number, 8, None),
    ];
    let data_set = DataSet { name: "X".to_owned(), label: Some("A data set".to_owned()), variables };
    let (bytes, _) = written(&data_set, &[row_of(&[Some("abc"), Some("1"), Some("-0.5"), None])]).unwrap();
    let mut reader = Reader::open("x.xpt", bytes.as_slice(), &ReadOptions::default()).unwrap();
    assert_eq!(*reader.data_set(), data_set);
    let mut row = Row::default();
    assert!(reader.next_row(&mut row).unwrap());
    assert_eq!(
        [row.cell(0), row.cell(1), row.cell(2), row.cell(3)],
        [Cell::Text("abc"), Cell::Number("1"), Cell::Number("-0.5"), Cell::Missing(None)]
    );
}

#[test]
fn letters_beyond_ascii_are_put_in_ascii_and_told_or_refused() {
    let (bytes, changes) = written(&one_text(20), &[row_of(&[Some("Waldenström ± 2")])]).unwrap();
    assert_eq!(changes.reported.len(), 1);
    assert!(changes.reported[0].to_string().contains("row 1, column TEXT"), "{}", changes.reported[0]);
    assert!(String::from_utf8_lossy(&bytes).contains("Waldenstroem +/- 2  "));
    let Err(Unwritten::Refused(problem)) = written(&one_text(20), &[row_of(&[Some("頭痛")])]) else {
        panic!("Japanese has no ASCII");
    };
    assert!(problem.to_string().contains("Dataset-JSON"), "{problem}");
}

#[test]
fn names_labels_and_values_are_counted_in_bytes() {
    let mut long = one_text(10);
    long.variables[0].name = "NINECHARS".to_owned();
    assert!(matches!(written(&long, &[]), Err(Unwritten::Refused(_))));
    let mut long = one_text(10);
    long.variables[0].label = Some("x".repeat(41));
    assert!(matches!(written(&long, &[]), Err(Unwritten::Refused(_))));
    // 38 letters, 42 bytes in ASCII.
    long.variables[0].label = Some("ö".repeat(4) + &"x".repeat(34));
    assert!(matches!(written(&long, &[]), Err(Unwritten::Refused(_))));
    let Err(Unwritten::Refused(problem)) = written(&one_text(3), &[row_of(&[Some("four")])]) else {
        panic!("longer than its variable");
    };
    assert!(problem.to_string().contains("at most 3 bytes"), "{problem}");
    let (_, changes) = written(&one_text(300), &[row_of(&[Some(&"y".repeat(201))])]).unwrap();
    assert!(changes.reported[0].to_string().contains("at most 200 bytes"), "{:?}", changes.reported);
}

#[test]
fn a_last_row_of_blanks_is_told_for_nobody_can_read_it() {
    let (_, changes) = written(&one_text(4), &[row_of(&[Some("a")]), row_of(&[None])]).unwrap();
    assert!(changes.reported[0].to_string().contains("padding"), "{:?}", changes.reported);
    let (_, changes) = written(&one_text(4), &[row_of(&[None]), row_of(&[Some("a")])]).unwrap();
    assert_eq!(changes.reported, []);
}

#[test]
fn a_missing_value_keeps_the_letter_of_its_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/cdisc/xpt/made/special-missing-A.xpt");
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: no shared");
        return;
    };
    let (written, _) = again(&bytes);
    assert_eq!(without_stamp(&bytes), without_stamp(&written));
}

proptest! {
    #[test]
    fn a_number_in_range_comes_back_to_the_last_bit(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let data_set = DataSet {
            name: "N".to_owned(),
            label: None,
            variables: vec![variable("N", VariableKind::Number, 8, None)],
        };
        let result = written(&data_set, &[row_of(&[Some(&value.to_string())])]);
        if value == 0.0 || (5.4e-79..7.2e75).contains(&value.abs()) {
            let (bytes, _) = result.unwrap();
            let mut reader = Reader::open("n.xpt", bytes.as_slice(), &ReadOptions::default()).unwrap();
            let mut row = Row::default();
            prop_assert!(reader.next_row(&mut row).unwrap());
            let Cell::Number(text) = row.cell(0) else { panic!("{value}") };
            let back: f64 = text.parse().unwrap();
            prop_assert!(back == value, "{value} came back as {back}");
        } else if value.is_finite() && !(5.3e-79..7.3e75).contains(&value.abs()) {
            prop_assert!(matches!(result, Err(Unwritten::Refused(_))), "{value}");
        }
    }

    #[test]
    fn rows_of_any_text_and_number_come_back(rows in prop::collection::vec(("[!-~]{1,12}", prop::option::of(-1_000_000_i64..1_000_000)), 1..40)) {
        let data_set = DataSet {
            name: "R".to_owned(),
            label: None,
            variables: vec![variable("TEXT", VariableKind::Text, 12, None), variable("NUMBER", VariableKind::Number, 8, None)],
        };
        let texts: Vec<(String, Option<String>)> =
            rows.iter().map(|(text, number)| (text.clone(), number.map(|number| number.to_string()))).collect();
        let made: Vec<Row> = texts.iter().map(|(text, number)| row_of(&[Some(text), number.as_deref()])).collect();
        let (bytes, _) = written(&data_set, &made).unwrap();
        let mut reader = Reader::open("r.xpt", bytes.as_slice(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        for (text, number) in &texts {
            prop_assert!(reader.next_row(&mut row).unwrap());
            prop_assert_eq!(row.cell(0).text(), Some(text.as_str()));
            prop_assert_eq!(row.cell(1).text(), number.as_deref());
        }
        prop_assert!(!reader.next_row(&mut row).unwrap());
    }
}
