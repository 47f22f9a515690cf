//! ADaM of the example trials: what stands in it is what the analysis says and what the tabulation holds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use jiff::civil::Date;
use posology_exchange::adam::analysis_data;
use posology_exchange::dataset::{Cell, ReadOptions, Reader, Row};
use posology_exchange::define;
use posology_exchange::handover::{Format, files};
use posology_exchange::package::{Core, DataType, Origin, Package, Table, Value};
use posology_exchange::sdtm::{ImportOptions, KnownRows, SourceFile, import};
use posology_exchange::tabulation::{TrialAtCut, tabulate};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::decision::Counts;
use posology_trial::analysis::endpoint::TimeEndpoint;
use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Confidence;
use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
use posology_trial::cut::{Cut, cut_off};
use posology_trial::event::{Chain, Event, Randomisation};
use posology_trial::protocol::{Population, Protocol};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

const EXAMPLES: [&str; 3] = ["clr131", "clover1", "paediatric"];

struct Trial {
    analysis: Analysis,
    adam: Package,
    sdtm: Package,
}

fn trial(name: &str, change: impl Fn(&str) -> String, until: Option<&str>) -> Trial {
    let folder = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let protocol = Protocol::read(&change(&read("trial.toml"))).unwrap().0;
    let chain = Chain::read(&read("events.ndjson")).unwrap();
    let cut = Cut::freeze(&chain, until.map(|until| cut_off(until).unwrap())).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    let of = TrialAtCut { analysis: &analysis, chain: &chain, program: "posology 0" };
    Trial { adam: analysis_data(&of), sdtm: tabulate(&of), analysis }
}

/// An example as it stands at the end of its record.
fn example(name: &str) -> &'static Trial {
    static AT_END: [LazyLock<Trial>; 3] = [
        LazyLock::new(|| trial("clr131", str::to_owned, None)),
        LazyLock::new(|| trial("clover1", str::to_owned, None)),
        LazyLock::new(|| trial("paediatric", str::to_owned, None)),
    ];
    let at = EXAMPLES.iter().position(|example| *example == name).unwrap();
    &AT_END[at]
}

/// Rows of a data set by the names of variables; of an absent variable the value is missing.
struct Rows<'a> {
    table: &'a Table,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    table: &'a Table,
    row: &'a [Value],
}

impl<'a> Line<'a> {
    fn get(&self, name: &str) -> Value {
        self.table.column(name).map_or(Value::Missing, |at| self.row[at].clone())
    }

    fn text(&self, name: &str) -> String {
        match self.get(name) {
            Value::Text(text) => text,
            Value::Missing => String::new(),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn number(&self, name: &str) -> Option<Decimal> {
        match self.get(name) {
            Value::Number(number) => Some(number),
            Value::Missing => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn date(&self, name: &str) -> Option<Date> {
        match self.get(name) {
            Value::Date(date) => Some(date),
            Value::Missing => None,
            other => panic!("{name} is {other:?}"),
        }
    }
}

impl<'a> Rows<'a> {
    fn all(&self) -> impl Iterator<Item = Line<'a>> + 'a {
        let table = self.table;
        table.rows.iter().map(move |row| Line { table, row })
    }

    fn of(&self, subject: &str, parameter: &str) -> Vec<Line<'a>> {
        self.all()
            .filter(|line| line.text("USUBJID") == subject && line.text("PARAMCD") == parameter)
            .collect()
    }

    fn one(&self, subject: &str, parameter: &str) -> Line<'a> {
        let found = self.of(subject, parameter);
        assert_eq!(found.len(), 1, "{} {subject} {parameter}", self.table.name);
        found[0]
    }
}

fn rows<'a>(package: &'a Package, name: &str) -> Rows<'a> {
    let table = package.tables.iter().find(|table| table.name == name);
    Rows { table: table.unwrap_or_else(|| panic!("{name} is not there")) }
}

fn treated(analysis: &Analysis) -> impl Iterator<Item = &PatientAnalysis> {
    analysis.patients.iter().filter(|patient| patient.is_treated())
}

/// Limits: FDA, Study Data Technical Conformance Guide: names of 8 letters, labels of 40 bytes, texts of 200.
fn assert_fit(name: &str, adam: &Package, sdtm: &Package) {
    let lists: BTreeSet<&str> = adam.code_lists.iter().map(|list| list.id).collect();
    for table in &adam.tables {
        let place = format!("{name} {}", table.name);
        assert!(table.name.len() <= 8 && table.label.len() <= 40, "{place}: {}", table.label);
        let keys: Vec<usize> = table.keys.iter().filter_map(|key| table.column(key)).collect();
        let names: BTreeSet<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), table.columns.len(), "{place}: a name stands twice");
        for column in &table.columns {
            let place = format!("{place}.{}", column.name);
            assert!(column.name.len() <= 8 && column.label.len() <= 40, "{place}: {}", column.label);
            match column.origin {
                Origin::Derived => {
                    let how = column.derivation.as_deref().unwrap_or_default();
                    assert!(how.len() >= 4 && !how.contains("  "), "{place}: {how:?}");
                }
                Origin::Predecessor(from) => {
                    let (data_set, variable) = from.split_once('.').unwrap();
                    let source = adam.tables.iter().chain(&sdtm.tables).find(|table| table.name == data_set);
                    let there = source.is_some_and(|table| table.column(variable).is_some());
                    assert!(there || from == "SUPPAE.AEDLT", "{place}: {from} is not there");
                }
                Origin::Assigned | Origin::Collected | Origin::Protocol => {}
            }
            if let Some(list) = column.code_list {
                assert!(lists.contains(list), "{place}: {list}");
            }
        }
        let mut seen = BTreeSet::new();
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len());
            let key: Vec<Value> = keys.iter().map(|at| row[*at].clone()).collect();
            assert!(seen.insert(key.clone()), "{place}: {key:?} twice");
            for (column, value) in table.columns.iter().zip(row) {
                let place = format!("{place}.{}", column.name);
                assert!(column.core != Core::Required || *value != Value::Missing, "{place}: {key:?}");
                let fits = match value {
                    Value::Missing => true,
                    Value::Text(text) => {
                        text.len() <= 200
                            && matches!(column.data_type, DataType::Text | DataType::IsoDateTime)
                    }
                    Value::Number(number) => {
                        column.data_type == DataType::Float
                            || (column.data_type == DataType::Integer && number.fract().is_zero())
                    }
                    Value::Date(_) => column.data_type == DataType::NumericDate,
                };
                assert!(fits, "{place}: {value:?}");
                if column.name.ends_with("DY") {
                    assert_ne!(*value, Value::from(0), "{place}: there is no day 0");
                }
            }
        }
    }
}

#[test]
fn every_data_set_is_fit_for_submission_and_each_variable_says_where_it_comes_from() {
    for name in EXAMPLES {
        let Trial { adam, sdtm, .. } = example(name);
        assert_fit(name, adam, sdtm);
        let names: Vec<&str> = adam.tables.iter().map(|table| table.name.as_str()).collect();
        let dlt: &[&str] = if name == "clover1" { &[] } else { &["ADDLT"] };
        assert_eq!(names, [&["ADSL", "ADAE"], dlt, &["ADEX", "ADLB", "ADRS", "ADTTE"]].concat(), "{name}");
    }
}

#[test]
fn at_any_cut_the_data_sets_are_fit_and_nothing_of_a_later_day_is_known() {
    for until in ["2015-04-10", "2016-02-01", "2017-06-30", "2018-12-20", "2019-02-28"] {
        let Trial { adam, sdtm, analysis } = &trial("clr131", str::to_owned, Some(until));
        assert_fit(until, adam, sdtm);
        assert_eq!(rows(adam, "ADSL").table.rows.len(), analysis.patients.len(), "{until}");
        let cut = analysis.cut.date();
        for table in &adam.tables {
            for (at, column) in table.columns.iter().enumerate() {
                // What is planned may lie ahead: the end of a window, the day of a fraction. Demographics have no day of
                // their own, so that a later consent stands in DM as well.
                if matches!(column.name, "DLTEDT" | "PLANDT" | "RFICDT") {
                    continue;
                }
                for row in &table.rows {
                    if let Value::Date(date) = row[at] {
                        assert!(date <= cut, "{until} {} {}: {date}", table.name, column.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_format_holds_every_row_and_a_transport_file_loses_no_last_one() {
    for name in EXAMPLES {
        let Trial { adam, .. } = example(name);
        for format in Format::ALL {
            let (written, changes) = files(adam, format).unwrap();
            // What ASCII cannot hold is written otherwise, and said: a name with a diaeresis.
            for change in &changes {
                assert!(!change.found.is_ascii(), "{name}: {change}");
            }
            if format == Format::Csv {
                continue;
            }
            for table in &adam.tables {
                let file = format!("{}.{}", table.name.to_lowercase(), format.ending());
                let bytes = &written.iter().find(|written| written.name == file).unwrap().bytes;
                let mut reader = Reader::open(&file, bytes.as_slice(), &ReadOptions::default()).unwrap();
                let (mut row, mut count) = (Row::default(), 0);
                while reader.next_row(&mut row).unwrap() {
                    for (at, value) in table.rows[count].iter().enumerate() {
                        let missing = matches!(row.cell(at), Cell::Missing(_));
                        assert_eq!(missing, *value == Value::Missing, "{name} {file} row {count}");
                    }
                    count += 1;
                }
                assert_eq!(count, table.rows.len(), "{name} {file}");
            }
        }
    }
}

#[test]
fn define_xml_of_the_analysis_data_is_valid_and_refers_to_nothing_that_is_not_there() {
    let values = |xml: &str, attribute: &str| -> BTreeSet<String> {
        let marked = format!(" {attribute}=\"");
        let found = xml.match_indices(&marked);
        found.map(|(at, _)| xml[at + marked.len()..].split('"').next().unwrap().to_owned()).collect()
    };
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/cdisc/xsd/define/2.1/define2-1-0.xsd");
    let has_schema = schema.exists() && Command::new("xmllint").arg("--version").output().is_ok();
    if !has_schema {
        println!("skipped: no shared, or no xmllint");
    }
    for name in EXAMPLES {
        let xml = define::write(&example(name).adam, "xpt");
        let defined = values(&xml, "OID");
        for attribute in ["ItemOID", "MethodOID", "CodeListOID", "def:CommentOID", "def:StandardOID"] {
            for reference in values(&xml, attribute) {
                assert!(defined.contains(&reference), "{name}: {attribute} {reference}");
            }
        }
        if has_schema {
            let mut child = Command::new("xmllint")
                .args(["--noout", "--nonet", "--schema"])
                .arg(&schema)
                .arg("-")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn a_randomised_subject_has_the_arm_the_strata_and_the_day_of_the_allocation() {
    let part = r#"
[randomised]
seed-sha256 = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"
seed-held-by = "The independent statistician"
outcome-day = 29
[randomised.comparison]
arms = ["C5", "C6"]
patients = 5
block-sizes = [2, 4]
strata = [{ name = "Earlier lines", categories = ["1-2", "3 or more"] }]
[[randomised.tolerability]]
id = "vomiting-2"
text = "Vomiting of grade 2 or worse"
adverse-event = { terms = ["Vomiting"], grade-at-least = 2 }
"#;
    let folder = format!("{}/../../examples/clr131", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(format!("{folder}/trial.toml")).unwrap();
    let text = text.replace("planned = 4", "planned = 5").replace("total = 31", "total = 40") + part;
    let protocol = Protocol::read(&text).unwrap().0;
    let mut chain =
        Chain::read(&std::fs::read_to_string(format!("{folder}/events.ndjson")).unwrap()).unwrap();
    let made = Randomisation {
        subject: "CLR131-01-601".to_owned(),
        arm: "C6".to_owned(),
        stratum: vec!["3 or more".to_owned()],
        block: 1,
        position: 2,
        date: jiff::civil::date(2018, 11, 1),
        seed_sha256: "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a".to_owned(),
    };
    let at = "2019-09-01T08:00:00Z".parse().unwrap();
    chain.append(Event::new(at, "statistician", made)).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    let adam = &analysis_data(&TrialAtCut { analysis: &analysis, chain: &chain, program: "posology 0" });
    let adsl = rows(adam, "ADSL");
    for line in adsl.all() {
        let randomised = line.text("USUBJID") == "CLR131-01-601";
        assert_eq!(line.text("RANDFL"), if randomised { "Y" } else { "N" });
        assert_eq!(line.text("RANDARM"), if randomised { "C6" } else { "" });
        assert_eq!(line.text("STRATAR"), if randomised { "3 or more" } else { "" });
        assert_eq!(line.date("RANDDT"), randomised.then(|| jiff::civil::date(2018, 11, 1)));
    }
    assert!(
        example("clr131").adam.tables[0].column("RANDFL").is_none(),
        "no variable where nobody is randomised"
    );
}

#[test]
fn real_records_with_partial_dates_and_other_treatments_are_analysed_as_they_are() {
    let root = std::env::var_os("POSOLOGY_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let folder = root.join("data/pharmaversesdtm");
    if !folder.is_dir() {
        println!("skipped: no shared");
        return;
    }
    let named = ["dm.csv", "ex.csv", "ds.csv", "ae.csv.gz", "suppae.csv.gz", "lb.csv.gz", "rs_onco_imwg.csv"];
    let sources: Vec<SourceFile> = named
        .iter()
        .map(|name| {
            let path = folder.join(name);
            let open = move || Ok(Box::new(std::fs::File::open(&path)?) as Box<dyn std::io::Read>);
            SourceFile { name: (*name).to_owned(), open: Box::new(open) }
        })
        .collect();
    let outcome = import(&sources, &KnownRows::default(), &ImportOptions::default());
    let mut chain = Chain::default();
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    for event in outcome.events {
        chain.append(event.recorded(at, "import")).unwrap();
    }
    let text = include_str!("../../../examples/minimal/trial.toml");
    let protocol = Protocol::read(text).unwrap().0;
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = &Analysis::of(&protocol, "", &chain, &cut).unwrap();
    let of = TrialAtCut { analysis, chain: &chain, program: "posology 0" };
    let start = std::time::Instant::now();
    let sdtm = &tabulate(&of);
    let tabulated = start.elapsed();
    let adam = &analysis_data(&of);
    eprintln!(
        "{} subjects tabulated in {tabulated:?}, analysed in {:?}",
        analysis.patients.len(),
        start.elapsed() - tabulated
    );
    assert_fit("pharmaversesdtm", adam, sdtm);
    assert_eq!(rows(adam, "ADSL").table.rows.len(), 306);
    let adae = rows(adam, "ADAE");
    assert_eq!(adae.table.rows.len(), 1_191, "every adverse event of the file");
    let mut partial = 0;
    for line in adae.all() {
        let recorded = line.text("AESTDTC");
        let wanted = match recorded.len() {
            0 => "Y",
            4 => "M",
            7 => "D",
            _ => "",
        };
        if line.date("ASTDT").is_some() {
            assert_eq!(line.text("ASTDTF"), wanted, "{recorded}");
            partial += usize::from(!wanted.is_empty());
        }
        assert!(line.text("ASTDTF").is_empty() || line.number("ASTDY").is_none());
    }
    assert!(partial > 0);
}

#[test]
fn terms_of_closed_lists_of_cdisc_are_cdiscs_and_each_parameter_has_one_code() {
    for name in EXAMPLES {
        let Trial { adam, .. } = example(name);
        for list in adam.code_lists.iter().filter(|list| list.code.is_some() && !list.extensible) {
            for term in &list.terms {
                assert!(term.code.is_some(), "{name} {}: {}", list.id, term.value);
            }
        }
        for table in &adam.tables {
            let Some(code) = table.column("PARAMCD") else { continue };
            let parameter = table.column("PARAM").unwrap();
            let mut names = BTreeMap::new();
            for row in &table.rows {
                let known = names.entry(row[code].clone()).or_insert_with(|| row[parameter].clone());
                assert_eq!(*known, row[parameter], "{name} {}", table.name);
                let Value::Text(text) = &row[code] else { panic!("a code") };
                assert!(text.len() <= 8, "{name} {}: {text}", table.name);
            }
            assert_eq!(names.values().collect::<BTreeSet<_>>().len(), names.len(), "{name} {}", table.name);
        }
    }
}

#[test]
fn adsl_has_one_row_for_each_subject_of_dm_and_what_dm_says() {
    for name in EXAMPLES {
        let Trial { adam, sdtm, analysis } = example(name);
        let (adsl, dm) = (rows(adam, "ADSL"), rows(sdtm, "DM"));
        assert_eq!(adsl.table.rows.len(), analysis.patients.len(), "{name}");
        let demographics: BTreeMap<String, Line<'_>> =
            dm.all().map(|line| (line.text("USUBJID"), line)).collect();
        for line in adsl.all() {
            let found = demographics[&line.text("USUBJID")];
            for same in ["STUDYID", "SUBJID", "SITEID", "AGE", "SEX", "RACE", "ARM", "ACTARM", "DTHFL"] {
                assert_eq!(line.get(same), found.get(same), "{name} {same}");
            }
            let first = line.date("TRTSDT").map(|date| date.to_string()).unwrap_or_default();
            assert_eq!(found.text("RFSTDTC").get(..10).unwrap_or_default(), first, "{name}");
        }
        // Everyone else's rows are of subjects of ADSL.
        for table in &adam.tables {
            let subject = table.column("USUBJID").unwrap();
            for row in &table.rows {
                let Value::Text(id) = &row[subject] else { panic!("no subject") };
                assert!(demographics.contains_key(id), "{name} {}: {id}", table.name);
            }
        }
    }
}

#[test]
fn populations_and_dose_limiting_toxicity_count_by_cohort_as_the_packet_counts_them() {
    for until in [None, Some("2018-12-20")] {
        let Trial { adam, analysis, .. } = &trial("clr131", str::to_owned, until);
        let (adsl, addlt) = (rows(adam, "ADSL"), rows(adam, "ADDLT"));
        let mut statuses = BTreeSet::new();
        for cohort in &analysis.cohorts {
            let counts = Counts::of(analysis.patients_of(cohort));
            let of_cohort: Vec<Line<'_>> =
                adsl.all().filter(|line| line.text("COHORT") == cohort.id).collect();
            let number = |name: &str, term: &str| {
                u32::try_from(of_cohort.iter().filter(|line| line.text(name) == term).count()).unwrap()
            };
            assert_eq!(number("SAFFL", "Y"), counts.treated, "{}", cohort.id);
            assert_eq!(number("DLTEVLFL", "Y"), counts.evaluable(), "{}", cohort.id);
            assert_eq!(number("DLTFL", "Y"), counts.dlt, "{}", cohort.id);
            assert_eq!(number("DLTFL", "N"), counts.no_dlt, "{}", cohort.id);
            assert_eq!(number("DLTSTAT", "NOT EVALUABLE"), counts.not_evaluable, "{}", cohort.id);
            assert_eq!(number("DLTSTAT", "PENDING"), counts.pending + counts.possible, "{}", cohort.id);
            let in_addlt = |value: i64| {
                let is = |line: &Line<'_>| {
                    line.text("COHORT") == cohort.id && line.number("AVAL") == Some(Decimal::from(value))
                };
                u32::try_from(addlt.all().filter(is).count()).unwrap()
            };
            assert_eq!((in_addlt(1), in_addlt(0)), (counts.dlt, counts.no_dlt), "{}", cohort.id);
            statuses.extend(of_cohort.iter().map(|line| line.text("DLTSTAT")));
        }
        for line in adsl.all() {
            let no = line.text("DLTEVLFL") == "N";
            assert_eq!(no, !line.text("DLTEVRS").is_empty(), "a reason where, and only where, not evaluable");
        }
        assert!(statuses.contains("NO DLT") && statuses.contains("NOT EVALUABLE"), "{statuses:?}");
        assert_eq!(statuses.contains("PENDING"), until.is_some(), "{statuses:?}");
        for population in [Population::ResponseEvaluable, Population::DltEvaluable, Population::Treated] {
            let flag = match population {
                Population::Treated => "SAFFL",
                Population::DltEvaluable => "DLTEVLFL",
                Population::ResponseEvaluable => "RESPEVFL",
            };
            let wanted: BTreeSet<&str> = analysis
                .patients
                .iter()
                .filter(|patient| patient.is_in(population))
                .map(|patient| patient.id.as_str())
                .collect();
            let flagged: BTreeSet<String> =
                adsl.all().filter(|line| line.text(flag) == "Y").map(|line| line.text("USUBJID")).collect();
            assert_eq!(flagged.iter().map(String::as_str).collect::<BTreeSet<_>>(), wanted, "{flag}");
        }
    }
}

#[test]
fn a_dose_limiting_toxicity_is_one_in_addlt_an_event_in_ttdlt_and_flagged_in_adae() {
    // Thrombocytopenia of any length below 50 is dose-limiting here, and every related event of grade 2 or worse.
    let stricter = |text: &str| {
        text.replace("below = \"25 10^9/L\", more-than-days = 7", "below = \"50 10^9/L\", more-than-days = 1")
            .replace("grade-at-least = 3, except-terms", "grade-at-least = 2, except-terms")
    };
    let Trial { adam, sdtm, analysis } = &trial("clr131", stricter, None);
    let (addlt, adtte, adae) = (rows(adam, "ADDLT"), rows(adam, "ADTTE"), rows(adam, "ADAE"));
    let (mut by_event, mut by_value) = (0, 0);
    for patient in treated(analysis) {
        let line = addlt.one(&patient.id, "DLT");
        let time = adtte.one(&patient.id, "TTDLT");
        let onset = patient.dlt.records.iter().filter_map(|record| record.onset).min();
        let flagged = adae.all().filter(|row| row.text("USUBJID") == patient.id && row.text("ADLTFL") == "Y");
        let flagged: Vec<Line<'_>> = flagged.collect();
        let events = patient.dlt.records.iter().filter(|record| record.event.is_some()).count();
        assert_eq!(flagged.len(), events, "{}", patient.id);
        if patient.dlt.records.is_empty() {
            assert_eq!(time.number("CNSR"), Some(Decimal::ONE));
            assert_ne!(line.number("AVAL"), Some(Decimal::ONE));
            continue;
        }
        assert_eq!((line.number("AVAL"), line.text("AVALC").as_str()), (Some(Decimal::ONE), "Y"));
        assert_eq!((line.date("ADT"), time.date("ADT")), (onset, onset));
        assert_eq!(time.number("CNSR"), Some(Decimal::ZERO));
        assert_eq!(line.text("CRIT1FL"), "Y", "{}", patient.id);
        assert_eq!(line.get("SRCSEQ"), time.get("SRCSEQ"));
        let domain = rows(sdtm, &line.text("SRCDOM"));
        let sequence = format!("{}SEQ", line.text("SRCDOM"));
        let source = domain
            .all()
            .find(|row| row.text("USUBJID") == patient.id && row.get(&sequence) == line.get("SRCSEQ"))
            .unwrap_or_else(|| panic!("{} names no record", patient.id));
        let date = source.text(&line.text("SRCVAR"));
        assert_eq!(date.get(..10), Some(onset.unwrap().to_string().as_str()));
        match line.text("SRCDOM").as_str() {
            "AE" => by_event += 1,
            "LB" => {
                assert_eq!(source.text("LBTESTCD"), "PLAT");
                by_value += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(by_event > 0 && by_value > 0, "{by_event} and {by_value}");
}

#[test]
fn times_fed_back_give_the_kaplan_meier_estimates_of_the_analysis() {
    let estimate = |data: &[TimeToEvent]| {
        let estimate = KaplanMeier::estimate(data, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
        (format!("{:?}", estimate.steps()), format!("{:?}", estimate.median()))
    };
    for name in EXAMPLES {
        let Trial { adam, analysis, .. } = example(name);
        let adtte = rows(adam, "ADTTE");
        let set = analysis.protocol.times.censoring;
        let mut compared = 0;
        for endpoint in TimeEndpoint::ALL {
            let times = analysis.times(endpoint, set, analysis.patients.iter());
            let code = endpoint.id().to_uppercase();
            let fed: Vec<TimeToEvent> = adtte
                .all()
                .filter(|line| line.text("PARAMCD") == code)
                .map(|line| TimeToEvent {
                    days: line.number("AVAL").unwrap().to_f64().unwrap(),
                    event: line.number("CNSR") == Some(Decimal::ZERO),
                })
                .collect();
            assert_eq!(fed.len(), times.counted.len(), "{name} {code}");
            if !fed.is_empty() {
                assert_eq!(estimate(&fed), estimate(&times.data()), "{name} {code}");
                compared += 1;
            }
        }
        assert!(compared >= 4, "{name}: {compared}");
    }
}

#[test]
fn each_time_is_the_days_from_its_origin_and_names_the_record_that_ended_it() {
    for name in EXAMPLES {
        let Trial { adam, sdtm, analysis } = example(name);
        let mut without = BTreeMap::new();
        for line in rows(adam, "ADTTE").all() {
            let place = format!("{name} {} {}", line.text("USUBJID"), line.text("PARAMCD"));
            let (start, end) = (line.date("STARTDT").unwrap(), line.date("ADT").unwrap());
            let days = days_between(start, end).unwrap() + 1;
            assert_eq!(line.number("AVAL"), Some(Decimal::from(days)), "{place}");
            assert!(end <= analysis.cut.date(), "{place}");
            let censored = line.number("CNSR").unwrap();
            assert!(censored.is_zero() || censored == Decimal::ONE, "{place}");
            assert_eq!(censored.is_zero(), line.text("CNSDTDSC").is_empty(), "{place}");
            let domain = line.text("SRCDOM");
            if domain.is_empty() {
                *without.entry(line.text("PARAMCD")).or_insert(0) += 1;
                continue;
            }
            let sequence = format!("{domain}SEQ");
            let source = rows(sdtm, &domain);
            let found = source.all().find(|row| {
                let same = match source.table.column(&sequence) {
                    Some(_) => row.get(&sequence) == line.get("SRCSEQ"),
                    None => row.text(&line.text("SRCVAR")).get(..10) == Some(end.to_string().as_str()),
                };
                same && row.text("USUBJID") == line.text("USUBJID")
            });
            let found = found.unwrap_or_else(|| panic!("{place}: no such record of {domain}"));
            let date = found.text(&line.text("SRCVAR"));
            if !line.text("PARAMCD").ends_with("NV") {
                assert_eq!(date.get(..10), Some(end.to_string().as_str()), "{place}: {domain}");
            }
        }
        // The end of a window is a day of the calendar and no record; everything else rests on one.
        without.remove("TTDLT");
        assert!(without.is_empty(), "{name}: {without:?}");
    }
}

#[test]
fn best_responses_rates_and_marker_changes_are_those_of_the_analysis() {
    for name in EXAMPLES {
        let Trial { adam, analysis, .. } = example(name);
        let adrs = rows(adam, "ADRS");
        for patient in treated(analysis) {
            let best = &patient.response.best;
            for (code, category) in [("BOR", best.unconfirmed), ("CBOR", best.confirmed)] {
                let line = adrs.one(&patient.id, code);
                let wanted = category.map_or("MISSING", |category| category.code());
                assert_eq!(line.text("AVALC"), wanted, "{name} {} {code}", patient.id);
            }
            let change: Vec<Option<Decimal>> =
                adrs.of(&patient.id, "MRKBPCHG").iter().map(|line| line.number("AVAL")).collect();
            assert_eq!(
                change,
                patient
                    .response
                    .best_change
                    .iter()
                    .map(|_| patient.response.best_percent())
                    .collect::<Vec<_>>()
            );
            let visits = adrs.of(&patient.id, "OVR");
            assert_eq!(visits.len(), patient.response.confirmed.statuses.len());
            for line in &visits {
                assert!(!line.text("SRCDOM").is_empty(), "{name} {} {:?}", patient.id, line.date("ADT"));
                assert!(line.number("SRCSEQ").is_some());
            }
            let progressed = adrs.one(&patient.id, "PD");
            assert_eq!(progressed.date("ADT"), patient.response.confirmed.progression());
        }
        for rate in &analysis.protocol.rate {
            for confirmed in [true, false] {
                let code = if confirmed { rate.id.clone() } else { format!("{}U", rate.id) };
                let wanted = analysis.rate(rate, analysis.patients.iter(), confirmed);
                let counted: Vec<Line<'_>> = adrs
                    .all()
                    .filter(|line| line.text("PARAMCD") == code && line.text("ANL01FL") == "Y")
                    .collect();
                let with = counted.iter().filter(|line| line.text("AVALC") == "Y").count();
                assert_eq!(counted.len(), wanted.denominator() as usize, "{name} {code}");
                assert_eq!(with, wanted.successes() as usize, "{name} {code}");
            }
        }
    }
}

#[test]
fn exposure_adds_up_to_what_the_analysis_has() {
    for name in EXAMPLES {
        let Trial { adam, analysis, .. } = example(name);
        let adex = rows(adam, "ADEX");
        for patient in treated(analysis) {
            let one = |code: &str| adex.one(&patient.id, code).number("AVAL");
            let exposure = &patient.exposure;
            assert_eq!(one("TOTADM"), exposure.total_administered().map(|total| total.mci()));
            assert_eq!(one("TOTADMB"), exposure.total_administered().map(|total| total.mbq()));
            assert_eq!(one("TOTPRS"), exposure.total_prescribed().map(|total| total.mci()));
            assert_eq!(one("RELINT"), exposure.percent());
            let parts = adex.of(&patient.id, "FRADM");
            let sum: Decimal = parts.iter().map(|line| line.number("AVAL").unwrap()).sum();
            assert_eq!(Some(sum), one("TOTADM"), "{name} {}", patient.id);
            assert_eq!(one("TNFRAC"), Some(Decimal::from(parts.len())));
            for line in parts {
                assert_eq!((line.text("SRCDOM").as_str(), line.number("SRCSEQ").is_some()), ("EX", true));
            }
        }
    }
}

#[test]
fn laboratory_values_have_the_packets_baseline_change_grades_and_nadir() {
    for name in EXAMPLES {
        let Trial { adam, sdtm, analysis } = example(name);
        let adlb = rows(adam, "ADLB");
        let records: BTreeMap<(String, Value), Line<'_>> =
            rows(sdtm, "LB").all().map(|line| ((line.text("USUBJID"), line.get("LBSEQ")), line)).collect();
        let mut nadirs = 0;
        for line in adlb.all() {
            if let Some(value) = line.number("LBSEQ") {
                let found = records[&(line.text("USUBJID"), Value::Number(value))];
                assert_eq!(line.get("LBORRES"), found.get("LBORRES"));
                let day = found.text("LBDTC");
                assert_eq!(day.get(..10), Some(line.date("ADT").unwrap().to_string().as_str()));
                if let (Some(exact), false) = (found.number("LBSTRESN"), line.text("AVALU").is_empty()) {
                    assert_eq!(line.number("AVAL"), Some(exact), "{name} {}", line.text("PARAMCD"));
                }
            } else {
                assert_eq!(line.text("PARAMCD"), "CACRALB", "only the corrected calcium is computed");
            }
            match (line.number("BASE"), line.text("ABLFL").as_str()) {
                (Some(base), "Y") => {
                    assert_eq!((line.number("AVAL"), line.number("CHG")), (Some(base), None))
                }
                (Some(base), _) => {
                    assert_eq!(line.number("CHG"), Some(line.number("AVAL").unwrap() - base));
                }
                (None, _) => assert_eq!(line.number("CHG"), None),
            }
        }
        for patient in treated(analysis) {
            for kinetics in &patient.kinetics {
                let code = kinetics.analyte.codes()[0];
                let of: Vec<Line<'_>> = adlb.of(&patient.id, code);
                let flagged: Vec<_> = of
                    .iter()
                    .filter(|line| line.text("ANL02FL") == "Y")
                    .map(|line| (line.number("AVAL").unwrap(), line.number("ADY").unwrap()))
                    .collect();
                let nadir = kinetics.summary.as_ref().and_then(|summary| summary.nadir.as_ref());
                let wanted: Vec<_> =
                    nadir.iter().map(|nadir| (nadir.value, Decimal::from(nadir.day))).collect();
                assert_eq!(flagged, wanted, "{name} {} {code}", patient.id);
                nadirs += flagged.len();
                let baselines = of.iter().filter(|line| line.text("ABLFL") == "Y").count();
                assert_eq!(baselines, 1, "{name} {} {code}", patient.id);
                for point in &kinetics.points {
                    let line = of.iter().find(|line| {
                        line.date("ADT") == Some(point.date) && line.number("AVAL") == Some(point.value)
                    });
                    let line = line.unwrap_or_else(|| panic!("{} {code} {}", patient.id, point.date));
                    assert_eq!(line.text("SUPPFL") == "Y", point.supported);
                    if line.text("ANL01FL") == "Y" {
                        assert_eq!(
                            line.text("ATOXGRL"),
                            point.grade.map(|grade| grade.to_string()).unwrap_or_default()
                        );
                    }
                }
            }
            for worst in &patient.worst_grades {
                let code = worst.analyte.codes()[0];
                let name = match worst.direction {
                    posology_clinic::ctcae::Direction::Low => "ATOXGRL",
                    posology_clinic::ctcae::Direction::High => "ATOXGRH",
                };
                let graded = adlb.of(&patient.id, code).into_iter().filter(|line| {
                    line.text("ANL01FL") == "Y" && line.text("ABLFL") != "Y" && !line.text(name).is_empty()
                });
                let found = graded.map(|line| line.text(name).parse::<u8>().unwrap()).max();
                assert_eq!(found, worst.worst, "{} {code} {name}", patient.id);
            }
        }
        assert!(nadirs > 20, "{name}: {nadirs}");
    }
}

#[test]
fn adverse_events_are_those_of_ae_and_count_as_the_packet_counts_them() {
    for name in EXAMPLES {
        let Trial { adam, sdtm, analysis } = example(name);
        let adae = rows(adam, "ADAE");
        let ae = rows(sdtm, "AE");
        let keys = |rows: &Rows<'_>| {
            rows.all()
                .map(|line| {
                    (line.text("USUBJID"), line.get("AESEQ"), line.text("AEDECOD"), line.text("AETOXGR"))
                })
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(&adae), keys(&ae), "{name}");
        for patient in &analysis.patients {
            let of: Vec<Line<'_>> = adae.all().filter(|line| line.text("USUBJID") == patient.id).collect();
            let emergent: Vec<&Line<'_>> = of.iter().filter(|line| line.text("TRTEMFL") == "Y").collect();
            assert_eq!(emergent.len(), patient.emergent.len(), "{name} {}", patient.id);
            let flagged = |flag: &str| of.iter().filter(|line| line.text(flag) == "Y").count();
            let terms: BTreeSet<&str> =
                patient.emergent.iter().map(|event| event.event.term.as_str()).collect();
            assert_eq!(flagged("AOCCPFL"), terms.len(), "{name} {}", patient.id);
            assert_eq!(flagged("AOCCPIFL"), terms.len(), "{name} {}", patient.id);
            let any = usize::from(!patient.emergent.is_empty());
            assert_eq!((flagged("AOCCFL"), flagged("AOCCIFL")), (any, any), "{name} {}", patient.id);
            let worst =
                of.iter().find(|line| line.text("AOCCIFL") == "Y").and_then(|line| line.number("ATOXGRN"));
            let grade = patient.emergent.iter().filter_map(|event| event.event.grade).max();
            assert_eq!(worst, grade.map(Decimal::from), "{name} {}", patient.id);
            let first = of.iter().find(|line| line.text("AOCCFL") == "Y").and_then(|line| line.date("ASTDT"));
            assert_eq!(first, patient.emergent.first().map(|event| event.onset), "{name} {}", patient.id);
            if analysis.protocol.dlt.is_some() {
                let inside = patient.emergent.iter().filter(|event| event.in_window).count();
                assert_eq!(flagged("DLTPERFL"), inside, "{name} {}", patient.id);
            }
        }
    }
}

#[test]
fn strata_and_groupings_of_the_protocol_are_variables_and_agree_with_the_analysis() {
    for name in ["clover1", "paediatric"] {
        let Trial { adam, analysis, .. } = example(name);
        let adsl = rows(adam, "ADSL");
        for (number, grouping) in analysis.protocol.group.iter().enumerate() {
            let variable = format!("PRGRP{}", number + 1);
            let grouped = analysis.grouped(grouping).remove(0);
            for group in &grouped.groups {
                let wanted: BTreeSet<String> =
                    analysis.patients_in(group).map(|patient| patient.id.clone()).collect();
                let found: BTreeSet<String> = adsl
                    .all()
                    .filter(|line| line.text(&variable) == group.label)
                    .map(|line| line.text("USUBJID"))
                    .collect();
                assert_eq!(found, wanted, "{name} {} {}", grouping.id, group.label);
            }
            let column = &adsl.table.columns[adsl.table.column(&variable).unwrap()];
            assert!(column.derivation.as_deref().unwrap().contains(&grouping.name), "{name} {}", grouping.id);
        }
        for patient in &analysis.patients {
            let line = adsl.all().find(|line| line.text("USUBJID") == patient.id).unwrap();
            assert_eq!(line.text("STRATUM"), patient.stratum.clone().unwrap_or_default());
        }
    }
}

#[test]
fn a_trial_without_dose_limiting_toxicity_has_no_variable_of_it() {
    let Trial { adam, .. } = example("clover1");
    assert!(adam.tables.iter().all(|table| table.name != "ADDLT"));
    for table in &adam.tables {
        assert!(table.columns.iter().all(|column| !column.name.contains("DLT")), "{}", table.name);
    }
    assert!(rows(adam, "ADTTE").all().all(|line| line.text("PARAMCD") != "TTDLT"));
}

#[test]
fn a_design_that_weighs_follow_up_has_the_fraction_followed_of_each_treated_patient() {
    let weighed = |text: &str| {
        let (before, rest) = text.split_once("[escalation]").unwrap();
        let (_, after) = rest.split_once("[response]").unwrap();
        let design = "[escalation]\ndesign = \"tite-boin\"\ntarget = 0.25\nwindow = 85\nweights = { distribution = { law = \"normal\", mean = 45, sd = 10 } }\n\n[response]";
        format!("{before}{design}{after}")
    };
    let Trial { adam, analysis, .. } = &trial("clr131", weighed, Some("2018-12-20"));
    let addlt = rows(adam, "ADDLT");
    let mut open = 0;
    for patient in treated(analysis) {
        let followed = addlt.one(&patient.id, "DLTFUFR").number("AVAL").unwrap();
        assert_eq!(followed, patient.dlt.share, "{}", patient.id);
        open += usize::from(followed < Decimal::ONE);
    }
    assert!(open > 0);
    let Trial { adam, .. } = example("clr131");
    assert!(rows(adam, "ADDLT").all().all(|line| line.text("PARAMCD") == "DLT"));
}

#[test]
fn a_subject_near_the_cut_of_a_grouping_has_the_group_of_the_other_comparison_beside_it() {
    let someone =
        treated(&example("clover1").analysis).find(|patient| patient.regimen.as_deref() == Some("25x1"));
    let someone = someone.unwrap();
    let given = someone.exposure.administered_by(someone.exposure.first().unwrap()).unwrap();
    let at = format!("cut = \"{given}\"");
    let Trial { adam, .. } = &trial("clover1", |text| text.replace("cut = \"60 mCi\"", &at), None);
    let adsl = rows(adam, "ADSL");
    let line = adsl.all().find(|line| line.text("USUBJID") == someone.id).unwrap();
    assert_eq!(line.text("PRGRP1"), format!("at most {given}"));
    assert_eq!(line.text("PRGRP1X"), format!("at least {given}"));
    assert!(example("clover1").adam.tables[0].column("PRGRP1X").is_none(), "nobody is near 60 mCi");
}
