//! Rows a second: `cargo bench -p posology-exchange`.
//!
//! The laboratory is generated: 254 subjects, 60,000 rows of 12 variables, as CSV in memory.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use posology_exchange::dataset::{ReadOptions, Reader, Row};
use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};

const SUBJECTS: usize = 254;
const ROWS: usize = 60_000;

fn main() {
    divan::main();
}

fn demographics() -> String {
    let mut text = "DOMAIN,USUBJID,AGE,AGEU,SEX\n".to_owned();
    for subject in 0..SUBJECTS {
        writeln!(text, "DM,01-{subject:03},63,YEARS,F").unwrap();
    }
    text
}

fn laboratory() -> String {
    let tests =
        [("PLAT", "GI/L", "150", "400"), ("HGB", "g/dL", "12", "16"), ("CREAT", "mg/dL", "0.5", "1.1")];
    let mut text =
        "DOMAIN,USUBJID,LBSEQ,LBTESTCD,LBCAT,LBORRES,LBORRESU,LBORNRLO,LBORNRHI,LBSPEC,VISIT,LBDTC\n"
            .to_owned();
    for row in 0..ROWS {
        let (test, unit, low, high) = tests[row % tests.len()];
        let (subject, sequence, day) = (row % SUBJECTS, row / SUBJECTS, row / SUBJECTS % 28 + 1);
        writeln!(
            text,
            "LB,01-{subject:03},{sequence},{test},CHEMISTRY,{}.{},{unit},{low},{high},BLOOD,WEEK {day},2024-02-{day:02}T08:15",
            row % 300,
            row % 10,
        )
        .unwrap();
    }
    text
}

fn file(name: &str, text: &Arc<str>) -> SourceFile {
    let text = Arc::clone(text);
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(Arc::<[u8]>::from(Arc::clone(&text)))))),
    }
}

#[divan::bench(sample_count = 10)]
fn rows_of_csv_read(bencher: Bencher<'_, '_>) {
    let text = laboratory();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut reader = Reader::open("lb.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
        let mut row = Row::default();
        let mut rows = 0;
        while reader.next_row(&mut row).unwrap() {
            rows += 1;
        }
        assert_eq!(rows, ROWS);
    });
}

#[divan::bench(sample_count = 10)]
fn rows_imported(bencher: Bencher<'_, '_>) {
    let (dm, lb) = (Arc::from(demographics()), Arc::from(laboratory()));
    bencher.counter(ItemsCount::new(ROWS + SUBJECTS)).bench(|| {
        let files = [file("dm.csv", &dm), file("lb.csv", &lb)];
        let outcome = import(&files, &KnownRows::default(), &ImportOptions::default());
        assert_eq!(outcome.events.len(), ROWS + SUBJECTS);
    });
}
