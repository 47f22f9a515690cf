//! SDTM of the example trials: what stands in it, and that it comes back the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use posology_exchange::dataset::{ReadOptions, Reader, Row, VariableKind};
use posology_exchange::dataset_json_write::{Form, write};
use posology_exchange::handover::{Format, files};
use posology_exchange::package::{Class, Core, Package, Table, Value};
use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};
use posology_exchange::tabulation::{TrialAtCut, tabulate};
use posology_exchange::terminology::check;
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, Event, Fact, ProtocolAdopted, sha256};
use posology_trial::protocol::Protocol;

const EXAMPLES: [&str; 3] = ["clr131", "clover1", "paediatric"];

struct Trial {
    text: String,
    chain: Chain,
    analysis: Analysis,
}

fn analysed(text: String, chain: Chain, cut_off: Option<jiff::Timestamp>) -> Trial {
    let (protocol, _) = Protocol::read(&text).unwrap();
    let cut = Cut::freeze(&chain, cut_off).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    Trial { text, chain, analysis }
}

fn example(name: &str) -> Trial {
    let folder = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    analysed(read("trial.toml"), Chain::read(&read("events.ndjson")).unwrap(), None)
}

fn package(trial: &Trial) -> Package {
    tabulate(&TrialAtCut { analysis: &trial.analysis, chain: &trial.chain, program: "posology 0" })
}

fn bytes(package: &Package, table: &Table) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(package, table, Form::Document, &mut bytes).unwrap();
    bytes
}

/// A trial with nothing but its protocol and what these data sets say.
fn imported(package: &Package, text: &str, cut_off: jiff::Timestamp) -> Trial {
    let files: Vec<SourceFile> = package
        .tables
        .iter()
        .map(|table| {
            let bytes = bytes(package, table);
            let open = move || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn Read>);
            SourceFile { name: format!("{}.json", table.name.to_lowercase()), open: Box::new(open) }
        })
        .collect();
    let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
    for file in &outcome.report.files {
        assert_eq!(file.counts.refused, 0, "{}: {:?}", file.file, file.refusals.first);
    }
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    let (protocol, _) = Protocol::read(text).unwrap();
    let mut chain = Chain::default();
    let adopted = ProtocolAdopted {
        version: protocol.version.id.clone(),
        date: protocol.version.date,
        reason: protocol.version.reason.clone(),
        text: text.to_owned(),
        sha256: sha256(text.as_bytes()),
    };
    chain.append(Event::new(at, "import", Fact::ProtocolAdopted(adopted))).unwrap();
    for event in outcome.events {
        chain.append(event.recorded(at, "import")).unwrap();
    }
    analysed(text.to_owned(), chain, Some(cut_off))
}

#[test]
fn what_is_exported_and_imported_into_an_empty_trial_is_exported_with_the_same_bytes() {
    for name in EXAMPLES {
        let trial = example(name);
        let first = package(&trial);
        let again = package(&imported(&first, &trial.text, trial.analysis.cut.cut_off));
        let names =
            |package: &Package| package.tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&first), names(&again), "{name}");
        for (one, other) in first.tables.iter().zip(&again.tables) {
            assert_eq!(one.columns, other.columns, "{name} {}", one.name);
            for (place, (row, same)) in one.rows.iter().zip(&other.rows).enumerate() {
                assert_eq!(row, same, "{name} {} row {}", one.name, place + 1);
            }
            assert_eq!(one.rows.len(), other.rows.len(), "{name} {}", one.name);
            assert_eq!(bytes(&first, one), bytes(&again, other), "{name} {}", one.name);
        }
    }
}

#[test]
fn every_table_holds_what_the_guide_asks_of_any_table() {
    for name in EXAMPLES {
        let trial = example(name);
        let package = package(&trial);
        let subjects: BTreeSet<&str> =
            trial.analysis.patients.iter().map(|patient| patient.id.as_str()).collect();
        for table in &package.tables {
            let place = format!("{name} {}", table.name);
            assert!(table.name.len() <= 8 && table.label.len() <= 40, "{place}: {}", table.label);
            for column in &table.columns {
                assert!(
                    column.name.len() <= 8 && column.label.len() <= 40,
                    "{place}: {} {}",
                    column.name,
                    column.label
                );
            }
            let key: Vec<usize> = table.keys.iter().filter_map(|key| table.column(key)).collect();
            let mut seen = BTreeMap::new();
            for (number, row) in table.rows.iter().enumerate() {
                assert_eq!(row.len(), table.columns.len(), "{place}");
                let key: Vec<Value> = key.iter().map(|at| row[*at].clone()).collect();
                assert_eq!(seen.insert(key.clone(), number), None, "{place}: {key:?} twice");
                for (column, value) in table.columns.iter().zip(row) {
                    assert!(
                        column.core != Core::Required || *value != Value::Missing,
                        "{place}: {} {row:?}",
                        column.name
                    );
                    if let Value::Text(text) = value {
                        assert!(text.len() <= 200, "{place}: {} {text}", column.name);
                    }
                    if column.name.ends_with("DY") && column.name != "VISITDY" {
                        assert_ne!(*value, Value::from(0), "{place}: there is no day 0");
                    }
                }
            }
            if let (Some(at), false) = (table.column("USUBJID"), table.reference) {
                for row in &table.rows {
                    let Value::Text(subject) = &row[at] else { panic!("{place}: {row:?}") };
                    assert!(subjects.contains(subject.as_str()), "{place}: {subject}");
                }
            }
        }
    }
}

#[test]
fn the_administered_activity_stands_in_ex_and_what_was_prescribed_per_area_in_ec() {
    let trial = example("clr131");
    let package = package(&trial);
    let table = |name: &str| package.tables.iter().find(|table| table.name == name).unwrap();
    let of = |table: &Table, column: &str, row: &[Value]| row[table.column(column).unwrap()].clone();
    let exposure = table("EX");
    let given: rust_decimal::Decimal = exposure
        .rows
        .iter()
        .filter(|row| of(exposure, "EXDOSU", row) == "mCi".into())
        .map(|row| match of(exposure, "EXDOSE", row) {
            Value::Number(number) => number,
            other => panic!("{other:?}"),
        })
        .sum();
    let total: rust_decimal::Decimal = trial
        .analysis
        .patients
        .iter()
        .filter_map(|patient| patient.exposure.total_administered())
        .map(|one| one.mci())
        .sum();
    assert_eq!(given, total);
    let collected = table("EC");
    let planned: Vec<_> =
        collected.rows.iter().filter(|row| of(collected, "ECMOOD", row) == "SCHEDULED".into()).collect();
    assert_eq!(planned.len(), 32);
    assert!(planned.iter().all(|row| of(collected, "ECDOSU", row) == "mCi/m2".into()));
}

/// Every cell of a file, as text; missing is empty.
fn cells(name: &str, bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = Reader::open(name, bytes, &ReadOptions::default()).unwrap();
    let width = reader.data_set().variables.len();
    let (mut row, mut rows) = (Row::default(), Vec::new());
    while reader.next_row(&mut row).unwrap() {
        rows.push((0..width).map(|at| row.cell(at).text().unwrap_or_default().to_owned()).collect());
    }
    rows
}

#[test]
fn one_study_is_the_same_cell_by_cell_in_every_format() {
    let trial = example("clover1");
    let package = package(&trial);
    let of = |format: Format| {
        let (files, changes) = files(&package, format).unwrap();
        let data: Vec<_> =
            files.into_iter().filter(|file| !file.name.ends_with(".dictionary.json")).collect();
        (data, changes)
    };
    let (json, _) = of(Format::DatasetJson);
    for format in [Format::NdJson, Format::Dsjc, Format::Csv, Format::Xpt] {
        let (other, changes) = of(format);
        assert_eq!(json.len(), other.len());
        for (one, other) in json.iter().zip(&other) {
            let (expected, mut found) = (cells(&one.name, &one.bytes), cells(&other.name, &other.bytes));
            if format == Format::Xpt {
                // What was put in ASCII is told; everything else is the same.
                assert!(changes.iter().all(|change| change.to_string().contains("Waldenstr")), "{changes:?}");
                for (row, expected) in found.iter_mut().zip(&expected) {
                    for (cell, expected) in row.iter_mut().zip(expected) {
                        if cell.contains("Waldenstroem") {
                            cell.clone_from(expected);
                        }
                    }
                }
            }
            assert_eq!(expected, found, "{} and {}", one.name, other.name);
        }
    }
}

/// Variables that stand beside those of a domain in the guide; the general model (SDTM 2.0) has them.
const OF_THE_MODEL: [(&str, &str); 2] = [("DD", "EPOCH"), ("MH", "MHSTDY")];

#[test]
fn variables_are_those_of_the_guide_by_label_type_core_and_order() {
    let guide: Vec<Vec<&str>> = include_str!("sdtmig-3.4.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    for name in EXAMPLES {
        let package = package(&example(name));
        for table in &package.tables {
            let of_domain: Vec<&Vec<&str>> = guide.iter().filter(|row| row[0] == table.name).collect();
            if table.class == Class::Relationship {
                continue;
            }
            assert!(!of_domain.is_empty(), "{name} {}: no domain of the guide", table.name);
            let mut last = 0;
            for column in &table.columns {
                let place = format!("{name} {} {}", table.name, column.name);
                let Some(at) = of_domain.iter().position(|row| row[1] == column.name) else {
                    assert!(OF_THE_MODEL.contains(&(table.name.as_str(), column.name)), "{place}");
                    continue;
                };
                let row = of_domain[at];
                assert_eq!(column.label, row[2], "{place}");
                assert!(at >= last, "{place} stands after a variable that the guide has after it");
                last = at;
                let number = column.data_type.kind() == VariableKind::Number;
                assert_eq!(number, row[4] == "Num", "{place}");
                // More may be expected than the guide asks, never less.
                let least = match row[3] {
                    "Req" => column.core == Core::Required,
                    "Exp" => column.core != Core::Permissible,
                    _ => column.core != Core::Required,
                };
                assert!(least, "{place}: {:?}, in the guide {}", column.core, row[3]);
            }
            for row in of_domain.iter().filter(|row| row[3] != "Perm") {
                assert!(table.column(row[1]).is_some(), "{name} {}: {} is missing", table.name, row[1]);
            }
        }
    }
}

#[test]
fn nothing_of_the_examples_is_refused_by_the_terminology() {
    for name in EXAMPLES {
        let refused = check(&package(&example(name))).refused;
        assert!(refused.is_empty(), "{name}: {refused:?}");
    }
}
