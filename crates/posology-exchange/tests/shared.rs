//! Real files of other people, where they are at hand: a folder named by POSOLOGY_SHARED, or `shared` beside the repository.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use posology_exchange::dataset::{Cell, CsvEncoding, ReadOptions, Reader, Row};
use posology_exchange::problem::Unreadable;
use posology_exchange::sdtm::{
    FileReport, ImportOptions, ImportOutcome, KnownRows, Outcome, SourceFile, import,
};
use posology_trial::event::{Chain, Fact, ProgressionFoundBy};

/// A folder of shared data, or `None` with a note.
fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("POSOLOGY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("data").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no shared");
    None
}

fn files_of(folder: &Path) -> Vec<SourceFile> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| SourceFile {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            open: Box::new(move || Ok(Box::new(File::open(&path)?))),
        })
        .collect()
}

fn file<'a>(outcome: &'a ImportOutcome, name: &str) -> &'a FileReport {
    outcome.report.files.iter().find(|file| file.file == name).unwrap()
}

fn recorded(outcome: &ImportOutcome, onto: &mut Chain) {
    for event in &outcome.events {
        onto.append(event.clone().recorded("2026-01-01T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
}

// Source of the counts: the README of the data, rows by file.
#[test]
fn pharmaversesdtm_is_taken_whole_but_for_the_second_population_and_the_file_that_is_not_utf_8() {
    let Some(folder) = shared("pharmaversesdtm") else { return };
    let files = files_of(&folder);
    let start = Instant::now();
    let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
    eprintln!(
        "{} rows read, {} events in {:?}",
        outcome.report.total.read,
        outcome.events.len(),
        start.elapsed()
    );
    for report in &outcome.report.files {
        eprintln!(
            "{:<26} {:?} {:?} warnings {}",
            report.file, report.counts, report.outcome, report.warnings.count
        );
        for problem in report.refusals.first.iter().take(2).chain(report.warnings.first.iter().take(2)) {
            eprintln!("    {problem}");
        }
    }

    for (name, rows) in [
        ("dm.csv", 306),
        ("ex.csv", 591),
        ("ds.csv", 850),
        ("sv.csv", 3_559),
        ("ae.csv.gz", 1_191),
        ("suppae.csv.gz", 1_191),
        ("lb.csv.gz", 59_580),
        ("rs_onco_imwg.csv", 65),
        ("supprs_onco_imwg.csv", 19),
        ("rs_onco_recist.csv", 66),
        ("rs_onco_lymphoma.csv", 68),
        ("suppds.csv", 3),
    ] {
        let report = file(&outcome, name);
        assert_eq!(report.outcome, Outcome::Taken, "{name}");
        assert_eq!((report.counts.taken, report.counts.refused), (rows, 0), "{name}");
    }
    let peds = file(&outcome, "dm_peds.csv");
    assert_eq!((peds.counts.taken, peds.counts.refused), (0, 5));
    assert!(peds.refusals.first[0].found.contains("already there"));
    let peds = file(&outcome, "vs_peds.csv");
    assert_eq!((peds.counts.taken, peds.counts.refused), (0, 164));
    assert!(peds.refusals.first[0].found.contains("already there"));
    let Outcome::Refused(problem) = &file(&outcome, "ts.csv").outcome else {
        panic!("ts.csv was not refused")
    };
    assert!(problem.place.row.is_some() && problem.place.column.as_deref() == Some("TSVAL"));
    assert!(problem.found.contains("0x92"), "{problem}");
    assert!(problem.mend.contains("--encoding windows-1252"), "{problem}");
    for name in ["tu_onco_recist.csv", "tr_onco_recist.csv", "LICENSE.md"] {
        assert!(matches!(file(&outcome, name).outcome, Outcome::NotTaken(_)), "{name}");
    }

    let responses = |criteria: Option<&str>| {
        let found = outcome.events.iter().filter(|event| {
            matches!(&event.fact, Fact::ResponseAssessment(fact) if fact.criteria.as_deref() == criteria)
        });
        found.count()
    };
    assert_eq!((responses(Some("IMWG")), responses(Some("LUGANO 2014")), responses(None)), (65, 68, 66));
    let found_by = |by| {
        let found = outcome.events.iter().filter(|event| {
            matches!(&event.fact, Fact::ResponseAssessment(fact) if fact.progression_found_by == Some(by))
        });
        found.count()
    };
    // Counted in supprs_onco_imwg.csv: PDOFL 7, PDIFL 2, NACTDT 9, DTHPDFL 1.
    assert_eq!(found_by(ProgressionFoundBy::Biochemical), 7);
    assert_eq!(found_by(ProgressionFoundBy::Imaging), 2);
    let therapies = outcome.events.iter().filter(|event| matches!(event.fact, Fact::NewTherapy(_)));
    assert_eq!(therapies.count(), 9);

    // Read as Windows-1252 the summary is sound, but not of a domain that import takes.
    let mut options = ImportOptions::default();
    options.read.encoding = CsvEncoding::Windows1252;
    let windows = import(&files, &KnownRows::default(), &options);
    assert!(matches!(file(&windows, "ts.csv").outcome, Outcome::NotTaken(_)));

    // Once recorded, the same folder adds nothing.
    let mut chain = Chain::default();
    let start = Instant::now();
    recorded(&outcome, &mut chain);
    eprintln!("recorded in {:?}", start.elapsed());
    let again = import(&files, &KnownRows::of(&chain), &ImportOptions::default());
    assert_eq!(again.events, []);
    assert_eq!(
        (again.report.total.taken, again.report.total.corrected, again.report.total.vanished),
        (0, 0, 0)
    );
    assert_eq!(again.report.total.unchanged, outcome.report.total.taken);
}

type Cells = Vec<Vec<Option<String>>>;

/// All rows of a file's first data set; numbers by value.
fn cells(path: &Path) -> Result<(Vec<String>, Cells, usize), Unreadable> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let source = File::open(path).unwrap();
    let mut reader = Reader::open(&name, source, &ReadOptions::default()).map_err(Unreadable::File)?;
    let names = reader.data_set().variables.iter().map(|variable| variable.name.clone()).collect();
    let mut row = Row::default();
    let mut rows = Vec::new();
    while reader.next_row(&mut row)? {
        let cell = |column| match row.cell(column) {
            Cell::Missing(letter) => letter.map(|letter| format!(".{letter}")),
            Cell::Text(text) => Some(text.to_owned()),
            Cell::Number(number) => Some(number.parse::<f64>().unwrap().to_string()),
        };
        rows.push((0..row.width()).map(cell).collect());
    }
    let warnings = reader.take_warnings().len();
    Ok((names, rows, warnings))
}

// Source: another reader (pyreadstat against the JSON forms: all rows and cells agree).
#[test]
fn the_same_study_as_xpt_json_ndjson_and_dsjc_is_equal_cell_by_cell() {
    let Some(folder) = shared("cdisc") else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder.join("xpt/sdtm")).unwrap() {
        let xpt = entry.unwrap().path();
        let stem = xpt.file_stem().unwrap().to_string_lossy().into_owned();
        let from_xpt = cells(&xpt).unwrap();
        assert_eq!(from_xpt.2, 0, "{stem}");
        for ending in ["json", "ndjson", "dsjc"] {
            let json = folder.join("dataset-json/sdtm").join(format!("{stem}.{ending}"));
            if json.is_file() {
                let from_json = cells(&json).unwrap_or_else(|error| panic!("{stem}.{ending}: {error}"));
                assert_eq!(from_xpt.0, from_json.0, "{stem}.{ending}");
                assert!(from_xpt.1 == from_json.1, "{stem}.{ending}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 16 + 6);
    for stem in ["adsl", "adae"] {
        let forms: Vec<_> = ["json", "ndjson", "dsjc"]
            .map(|ending| cells(&folder.join("dataset-json/adam").join(format!("{stem}.{ending}"))).unwrap())
            .into();
        assert!(forms[0] == forms[1] && forms[1] == forms[2], "{stem}");
    }
}

#[test]
fn odd_real_files_are_read_with_a_warning_or_refused_with_the_place() {
    let Some(folder) = shared("cdisc") else { return };
    // Three Windows-1252 apostrophes.
    let (_, rows, warnings) = cells(&folder.join("xpt/pilot/ph_ts.xpt")).unwrap();
    assert!(!rows.is_empty());
    assert_eq!(warnings, 3);
    // `label: []`, decimals as padded texts; where R wrote " NA" into a decimal, the place is named.
    for name in ["relrec.json", "suppds.json", "ex.json", "dm.json"] {
        match cells(&folder.join("pilot5").join(name)) {
            Ok((_, rows, warnings)) => assert!(!rows.is_empty() && warnings > 0, "{name}"),
            Err(Unreadable::Row(problem)) => {
                assert!(problem.found == "\" NA\"" && problem.place.column.is_some())
            }
            Err(Unreadable::File(problem)) => panic!("{problem}"),
        }
    }
    let (_, rows, _) = cells(&folder.join("dataset-json/i18n/ae.json")).unwrap();
    assert_eq!(rows.len(), 1_191);
    let Err(Unreadable::File(problem)) = cells(&folder.join("xpt/pilot/NOT_AN_XPT_html404.xpt")) else {
        panic!()
    };
    assert!(problem.to_string().contains("expected a SAS transport header"), "{problem}");
    let Err(Unreadable::File(problem)) = cells(&folder.join("dataset-json/extensions/extended_dataset.json"))
    else {
        panic!()
    };
    assert!(problem.expected.contains("keys of Dataset-JSON"), "{problem}");
    let (_, rows, _) = cells(&folder.join("xpt/made/special-missing-A.xpt")).unwrap();
    assert_eq!(rows.len(), 7);
    assert_eq!(rows[1], [Some(".A".to_owned())]);
    assert_eq!(rows[6], [Some("0".to_owned())]);
    let mut reader = Reader::open(
        "ph_ts_nonclin.xpt",
        File::open(folder.join("xpt/pilot/ph_ts_nonclin.xpt")).unwrap(),
        &ReadOptions::default(),
    )
    .unwrap();
    assert!(reader.data_set().variables.iter().any(|variable| variable.format.as_deref() == Some("$2.")));
    assert!(!reader.next_data_set().unwrap());
}

// Source: the README of the data, the planted faults of core-broken-sample.
#[test]
fn planted_faults_are_named_with_row_and_column() {
    let Some(folder) = shared("cdisc/core-broken-sample") else { return };
    let outcome = import(&files_of(&folder), &KnownRows::default(), &ImportOptions::default());
    let mut columns: BTreeMap<(String, String), u64> = BTreeMap::new();
    for report in &outcome.report.files {
        for problem in &report.refusals.first {
            let column = problem.place.column.clone().unwrap_or_default();
            *columns.entry((report.file.clone(), column)).or_default() += 1;
        }
    }
    eprintln!("{columns:?}");
    for (file, column) in
        [("ae.json", "AESER"), ("ae.json", "AESTDTC"), ("dm.json", "USUBJID"), ("dm.json", "SEX")]
    {
        assert!(columns.contains_key(&(file.to_owned(), column.to_owned())), "{file} {column}");
    }
}

#[test]
fn a_folder_with_each_data_set_in_several_forms_is_read_once() {
    let Some(folder) = shared("cdisc/dataset-json/sdtm") else { return };
    let outcome = import(&files_of(&folder), &KnownRows::default(), &ImportOptions::default());
    for report in &outcome.report.files {
        eprintln!("{:<12} {:?} {:?}", report.file, report.counts, report.outcome);
        for problem in report.refusals.first.iter().take(2).chain(report.warnings.first.iter().take(2)) {
            eprintln!("    {problem}");
        }
    }
    let subjects = outcome.events.iter().filter(|event| matches!(event.fact, Fact::Subject(_)));
    assert_eq!(subjects.count(), 18);
    let refused = outcome.report.files.iter().filter(
        |file| matches!(&file.outcome, Outcome::Refused(problem) if problem.found.contains("also in")),
    );
    assert_eq!(refused.count(), 6);
}
