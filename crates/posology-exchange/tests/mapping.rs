//! A site's own files to facts by a mapping: the worked example, what is refused and why, and what a second delivery does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use posology_exchange::intake::{Fate, ImportOptions, ImportOutcome, KnownRows, Outcome, SourceFile};
use posology_exchange::mapping::{Mapping, dry_run, import};
use posology_trial::event::{Amount, Chain, Fact};
use posology_trial::follow::{Change, difference};

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> SourceFile {
    let bytes = bytes.into();
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    }
}

fn example(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mapping").join(name)).unwrap()
}

const EXAMPLE: [&str; 4] =
    ["labs_2026-04-01.xlsx", "radiopharmacy.csv", "redcap_dictionary.csv", "redcap_records.csv"];

fn example_mapping() -> Mapping {
    Mapping::read(&String::from_utf8(example("mapping.toml")).unwrap())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(mapping: &Mapping, files: &[SourceFile], chain: &Chain) -> ImportOutcome {
    let outcome = import(mapping, files, &KnownRows::of(chain), &ImportOptions::default());
    for report in &outcome.report.files {
        let counts = report.counts;
        let settled = counts.taken + counts.corrected + counts.unchanged + counts.refused + counts.set_aside;
        assert_eq!(settled, counts.read, "{report:?}");
    }
    outcome
}

fn recorded(outcome: &ImportOutcome, onto: &mut Chain) {
    for event in &outcome.events {
        onto.append(event.clone().recorded("2026-04-02T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
}

fn problems(outcome: &ImportOutcome) -> Vec<String> {
    let reports = outcome.report.files.iter();
    reports
        .flat_map(|report| {
            let whole = match &report.outcome {
                Outcome::Refused(problem) => Some(problem.to_string()),
                _ => None,
            };
            whole.into_iter().chain(report.refusals.first.iter().map(ToString::to_string))
        })
        .collect()
}

fn example_files() -> Vec<SourceFile> {
    EXAMPLE.iter().map(|name| file(name, example(name))).collect()
}

/// The example with one of its files another.
fn example_with(name: &str, bytes: impl Into<Vec<u8>>) -> Vec<SourceFile> {
    let mut files = example_files();
    files.retain(|file| file.name != name);
    files.push(file(name, bytes));
    files
}

fn facts(outcome: &ImportOutcome) -> Vec<(String, String, String, String)> {
    let mut facts: Vec<_> = outcome
        .events
        .iter()
        .map(|event| {
            let origin = event.origin.clone();
            let fact = serde_json::to_string(&event.fact).unwrap();
            (origin.data_set, origin.key, origin.row_hash, fact)
        })
        .collect();
    facts.sort();
    facts
}

fn fact<'a>(outcome: &'a ImportOutcome, data_set: &str, key: &str) -> &'a Fact {
    let is_it = |event: &&posology_exchange::intake::NewEvent| {
        event.origin.data_set == data_set && event.origin.key == key
    };
    &outcome.events.iter().find(is_it).unwrap_or_else(|| panic!("no {data_set} {key}")).fact
}

#[test]
fn the_example_of_a_site_becomes_facts() {
    let outcome = run(&example_mapping(), &example_files(), &Chain::default());
    assert_eq!(problems(&outcome), Vec::<String>::new());
    let taken: Vec<(&str, u64, u64)> = outcome
        .report
        .files
        .iter()
        .map(|report| (report.data_set.as_str(), report.counts.taken, report.counts.set_aside))
        .collect();
    // Set aside: two boxes that are not checked, a height that is not known, two samples without M-protein or
    // neutrophils.
    let expected = [
        ("site-01-subjects", 3, 0),
        ("site-01-earlier-therapy", 7, 2),
        ("site-01-body-size", 5, 1),
        ("site-01-adverse-events", 4, 0),
        ("site-01-dlt", 4, 0),
        ("site-01-responses", 4, 0),
        ("site-01-haematology", 26, 2),
        ("site-01-administrations", 3, 0),
    ];
    assert_eq!(taken, expected);

    let Fact::Subject(subject) = fact(&outcome, "site-01-subjects", "CLR131-01-103") else { panic!() };
    assert_eq!((subject.sex.as_deref(), subject.race.as_deref()), (Some("F"), Some("NOT REPORTED")));
    let Fact::AdverseEvent(event) = fact(&outcome, "site-01-adverse-events", "CLR131-01-101/2") else {
        panic!()
    };
    assert_eq!((event.key.as_str(), event.grade, event.related), ("2", Some(4), Some(true)));
    let Fact::DltJudgement(judged) = fact(&outcome, "site-01-dlt", "CLR131-01-101/2") else { panic!() };
    assert_eq!((judged.event.as_deref(), judged.dose_limiting), (Some("2"), true));
    let Fact::Administration(given) = fact(&outcome, "site-01-administrations", "CLR131-01-102/1") else {
        panic!()
    };
    assert_eq!(given.start.to_string(), "2026-01-28T10:30-06:00");
    let Some(Amount::Activity(activity)) = &given.amount else { panic!() };
    assert_eq!(activity.to_string(), "22.15 mCi");
    let Fact::Laboratory(neutrophils) = fact(&outcome, "site-01-haematology", "CLR131-01-101/S-0003/NEUT")
    else {
        panic!()
    };
    assert_eq!(neutrophils.result.as_deref(), Some("0.3"));
    assert_eq!(neutrophils.at.as_ref().unwrap().to_string(), "2026-03-06T08:40-06:00");
    assert!(neutrophils.analyte.is_some());
    let Fact::Laboratory(platelets) = fact(&outcome, "site-01-haematology", "CLR131-01-102/S-0006/PLAT")
    else {
        panic!()
    };
    assert_eq!(platelets.result.as_deref(), Some("<5"));
    let Fact::ResponseAssessment(unknown) =
        fact(&outcome, "site-01-responses", "CLR131-01-103/treatment_arm_1")
    else {
        panic!()
    };
    assert_eq!(unknown.response, None);
}

/// A flat export as REDCap's EAV export tells it: a row for each value, checked boxes alone.
fn as_eav(flat: &[u8]) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(flat);
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let address = ["record", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"];
    writer.write_record(address.iter().chain(&["field_name", "value"])).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        for (name, value) in names.iter().zip(row.iter()).filter(|(_, value)| !value.is_empty()) {
            let (field, value) = match name.split_once("___") {
                Some((field, code)) if value == "1" => (field, code),
                Some(_) => continue,
                None => (name.as_str(), value),
            };
            if !field.starts_with("redcap_") {
                writer.write_record([&row[0], &row[1], &row[2], &row[3], field, value]).unwrap();
            }
        }
    }
    writer.into_inner().unwrap()
}

/// A CSV export as the API gives it with format=json: all values text.
fn as_json(csv: &[u8]) -> serde_json::Value {
    let mut reader = csv::Reader::from_reader(csv);
    let names = reader.headers().unwrap().clone();
    let object = |row: csv::StringRecord| -> serde_json::Value {
        names
            .iter()
            .zip(row.iter())
            .map(|(name, value)| (name.to_owned(), serde_json::Value::from(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    reader.records().map(|row| object(row.unwrap())).collect()
}

#[test]
fn flat_and_eav_exports_csv_and_json_and_a_file_of_responses_give_the_same_facts() {
    let flat = example("redcap_records.csv");
    let expected = facts(&run(&example_mapping(), &example_files(), &Chain::default()));
    let eav = as_eav(&flat);
    let outcome =
        run(&example_mapping(), &example_with("redcap_records.csv", eav.clone()), &Chain::default());
    assert_eq!(problems(&outcome), Vec::<String>::new());
    assert_eq!(facts(&outcome), expected);

    let text = String::from_utf8(example("mapping.toml")).unwrap();
    let json = Mapping::read(&text.replace("redcap_records.csv", "redcap_records.json")).unwrap();
    for csv in [&flat, &eav] {
        let mut files = example_files();
        files.push(file("redcap_records.json", as_json(csv).to_string()));
        assert_eq!(facts(&run(&json, &files, &Chain::default())), expected);
    }

    // What the API names its columns, whatever their order.
    let dictionary = String::from_utf8(example("redcap_dictionary.csv")).unwrap();
    let dictionary = dictionary
        .replace("Variable / Field Name", "field_name")
        .replace("Form Name", "form_name")
        .replace("Field Type", "field_type")
        .replace("\"Choices, Calculations, OR Slider Labels\"", "select_choices_or_calculations")
        .replace("Text Validation Type OR Show Slider Number", "text_validation_type_or_show_slider_number");
    let responses =
        serde_json::json!({ "metadata": as_json(dictionary.as_bytes()), "record": as_json(&flat) });
    let text = text
        .replace("redcap_records.csv", "responses.json")
        .replace("dictionary = \"redcap_dictionary.csv\"\n", "");
    let mut files = example_files();
    files.push(file("responses.json", responses.to_string()));
    assert_eq!(facts(&run(&Mapping::read(&text).unwrap(), &files, &Chain::default())), expected);
}

#[test]
fn a_second_delivery_is_skipped_corrected_or_told_to_be_gone() {
    let mapping = example_mapping();
    let mut chain = Chain::default();
    recorded(&run(&mapping, &example_files(), &chain), &mut chain);
    let again = run(&mapping, &example_files(), &chain);
    assert_eq!((again.events.len(), again.gone.len()), (0, 0));
    assert_eq!(again.report.total.unchanged, 56);

    let records = String::from_utf8(example("redcap_records.csv")).unwrap();
    let records = records
        .replace("Platelet count decreased,Investigations,4", "Platelet count decreased,Investigations,3");
    let records: String =
        records.lines().filter(|line| !line.contains("tired")).map(|line| format!("{line}\n")).collect();
    let second = run(&mapping, &example_with("redcap_records.csv", records), &chain);
    assert_eq!(second.report.total.corrected, 1);
    let gone: Vec<(&str, &str)> =
        second.gone.iter().map(|gone| (gone.origin.data_set.as_str(), gone.origin.key.as_str())).collect();
    assert_eq!(gone, [("site-01-adverse-events", "CLR131-01-102/1"), ("site-01-dlt", "CLR131-01-102/1")]);
    let events: Vec<_> = second
        .events
        .iter()
        .map(|event| event.clone().recorded("2026-05-01T00:00:00Z".parse().unwrap(), "import"))
        .collect();
    let changes = difference(&chain, &events);
    assert_eq!((changes.len(), changes[0].change), (1, Change::Changed));
    assert_eq!(
        (changes[0].fields[0].field.as_str(), changes[0].fields[0].after.as_deref()),
        ("grade", Some("3"))
    );

    assert!(second.report.is_whole("site-01-adverse-events"));
    // A row of an export that cannot be read may be a row of any form: none is gone for certain.
    let torn = String::from_utf8(example("redcap_records.csv")).unwrap();
    let torn: Vec<&str> =
        torn.lines().map(|line| if line.contains("tired") { "2,treat" } else { line }).collect();
    let torn = run(&mapping, &example_with("redcap_records.csv", torn.join("\n")), &chain);
    assert_eq!(torn.gone.len(), 2);
    assert!(torn.gone.iter().all(|gone| !torn.report.is_whole(&gone.origin.data_set)));
    assert!(torn.report.is_whole("site-01-haematology"));

    // A column that nothing reads is none of the row; a mended mapping mends what it made.
    let lists =
        String::from_utf8(example("radiopharmacy.csv")).unwrap().replace("26003;", "26003;vial changed");
    assert!(run(&mapping, &example_with("radiopharmacy.csv", lists), &chain).events.is_empty());
    let text = String::from_utf8(example("mapping.toml"))
        .unwrap()
        .replace("3 = \"POSSIBLE\"", "3 = \"NOT RELATED\"");
    let mended = run(&Mapping::read(&text).unwrap(), &example_files(), &chain);
    assert_eq!(mended.report.total.corrected, 1);
    let Fact::AdverseEvent(event) = &mended.events[0].fact else { panic!() };
    assert_eq!((event.term.as_str(), event.related), ("Fatigue", Some(false)));
}

#[test]
fn a_dry_run_shows_the_first_rows_as_facts_and_every_refusal_and_takes_nothing() {
    let mapping = example_mapping();
    let lists = String::from_utf8(example("radiopharmacy.csv")).unwrap();
    let lists = lists.replace("103;1;11.02.2026", "109;1;11.02.2026").replace("24,8", "1.234");
    let files = example_with("radiopharmacy.csv", lists);
    let dry = dry_run(&mapping, &files, &KnownRows::default(), &ImportOptions::default(), 2);
    assert!(dry.tables.iter().all(|table| table.rows.chunk_by(|a, b| a.row == b.row).count() <= 2));
    let given = dry.tables.iter().find(|table| table.table == "site-01-administrations").unwrap();
    assert_eq!(given.columns_not_read, ["Bemerkung"]);
    assert_eq!((given.rows.len(), given.rows[0].fate, given.rows[1].fate), (2, Fate::Refused, Fate::Taken));
    assert!(given.rows[1].fact.is_some());
    let report = dry.report.files.iter().find(|report| report.data_set == "site-01-administrations").unwrap();
    let refused: Vec<String> = report.refusals.first.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "radiopharmacy.csv row 1 (line 3), column Aktivität (mCi): expected a number such as 1234,5, found \
             \"1.234\"; mend: say what \".\" means here: thousands = \".\", or decimal = \".\" if \",\" is none; it is \
             never guessed",
            "radiopharmacy.csv row 3 (line 5), column Pat.-Nr.: expected a subject of the table of subjects, found \
             \"CLR131-01-109\"; mend: add the subject to the table of subjects, or correct the subject here",
        ]
    );
    // The outcome of the import is the same, and the record it was held against is as it was.
    let outcome = run(&mapping, &files, &Chain::default());
    assert_eq!(outcome.report, dry.report);
    let as_data = serde_json::to_value(&dry).unwrap();
    assert_eq!(as_data["tables"][0]["rows"][0]["fact"]["type"], "subject/1");
    let rows: usize =
        dry_run(&mapping, &files, &KnownRows::default(), &ImportOptions::default(), 0).tables.len();
    assert_eq!(rows, 0);
}

const SUBJECTS: &str = "[[table]]\nname = \"subjects\"\nfile = \"s.csv\"\nfact = \"subject\"\nkey = \"No\"\nfields.subject = \"Patient\"\n";

/// Two subjects, and a table of laboratory values mapped as `more` says.
fn laboratory(more: &str, rows: &str) -> ImportOutcome {
    let text = format!(
        "{SUBJECTS}[[table]]\nname = \"labs\"\nfile = \"labs.csv\"\nfact = \"laboratory\"\nkey = \"Id\"\n{more}\n\
         [table.fields]\nsubject = \"Patient\"\ntest = {{ value = \"PLAT\" }}\nresult = \"Value\"\nunit = \"Unit\"\nat = \"Date\"\n"
    );
    let mapping = Mapping::read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let files = [file("s.csv", "No,Patient\n1,P-1\n2,P-2\n"), file("labs.csv", rows)];
    run(&mapping, &files, &Chain::default())
}

#[test]
fn what_a_comma_means_is_declared_or_the_row_is_refused() {
    let rows = "Id,Patient,Value,Unit,Date\n1,P-1,\"1,234\",10^9/L,2026-01-02\n";
    let refused = problems(&laboratory("", rows));
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0].starts_with("labs.csv row 1 (line 2), column Value: expected a number such as 1234.5"),
        "{refused:?}"
    );
    for (written, result) in [("decimal = \",\"", "1.234"), ("thousands = \",\"", "1234")] {
        let outcome = laboratory(&format!("written = {{ {written} }}"), rows);
        let Fact::Laboratory(value) = &outcome.events[2].fact else { panic!() };
        assert_eq!(value.result.as_deref(), Some(result));
    }
}

#[test]
fn a_number_that_a_workbook_holds_as_such_has_no_marks_to_declare() {
    let of_labs = |outcome: &ImportOutcome| -> Vec<_> {
        facts(outcome).into_iter().filter(|(data_set, ..)| data_set == "site-01-haematology").collect()
    };
    let text = String::from_utf8(example("mapping.toml")).unwrap();
    let comma = text.replacen("[written]\n", "[written]\ndecimal = \",\"\n", 1);
    let expected = of_labs(&run(&example_mapping(), &example_files(), &Chain::default()));
    let read = run(&Mapping::read(&comma).unwrap(), &example_files(), &Chain::default());
    assert_eq!((of_labs(&read), expected.len()), (expected, 26));
    // The weight is text in the export, and its point is then none.
    assert!(problems(&read).iter().any(|problem| problem.contains("column weight")), "{:?}", problems(&read));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_name_and_semicolons_are_declared() {
    let rows = "\u{feff}Id;Patient;Value;Unit;Date\r\n1;P-1;12,5;10^9/L;2026-01-02\r\n;;;;\r\n";
    let refused = problems(&laboratory("", rows));
    assert!(refused[0].contains("mend: say how the file is written: delimiter = \";\""), "{refused:?}");
    let outcome = laboratory("written = { delimiter = \";\", decimal = \",\" }", rows);
    assert_eq!(problems(&outcome), Vec::<String>::new());
    assert_eq!(outcome.report.total.taken, 3);
}

#[test]
fn rows_are_refused_with_their_place_and_never_half_read() {
    let head = "Id,Patient,Value,Unit,Date\n";
    for (row, column, says) in [
        ("1,P-3,5,10^9/L,2026-01-02", "Patient", "a subject of the table of subjects"),
        ("1,,5,10^9/L,2026-01-02", "Patient", "a value for subject"),
        ("1,P-1,5,10^3/mm,2026-01-02", "Unit", "a unit of platelets"),
        ("1,P-1,5,,2026-01-02", "Unit", "found none"),
        ("1,P-1,5,10^9/L,02.01.2026", "Date", "a date such as 2019-04-30"),
        ("1,P-1,5,10^9/L,2026-02-30", "Date", "a date such as 2019-04-30"),
        (",P-1,5,10^9/L,2026-01-02", "Id", "a value that tells the subject's rows apart"),
        ("1,P-1,5,10^9/L", "", "5 values, as the first line names"),
    ] {
        let outcome = laboratory("", &format!("{head}{row}\n"));
        let refused = problems(&outcome);
        assert_eq!(refused.len(), 1, "{row}");
        assert!(refused[0].contains(says), "{row}: {refused:?}");
        assert!(column.is_empty() || refused[0].contains(&format!("column {column}:")), "{row}: {refused:?}");
        assert_eq!(outcome.report.total.taken, 2, "{row}");
    }
    let twice = laboratory(
        "",
        &format!("{head}1,P-1,5,10^9/L,2026-01-02\n1.0,P-2,5,10^9/L,\n1,P-1,6,10^9/L,2026-01-03\n"),
    );
    assert!(
        problems(&twice)[0].contains("found \"P-1/1\" already there, in row 1"),
        "{:?}",
        problems(&twice)
    );
}

#[test]
fn rows_are_left_out_by_conditions_and_skipped_where_they_are_no_data() {
    let rows = "Id,Patient,Value,Unit,Date\nunits,,,,\n1,P-1,5,10^9/L,2026-01-02\n2,P-1,NI,10^9/L,2026-01-02\n3,P-1,7,K/uL,2026-01-02\n";
    let more = "skip-rows = 1\nwritten = { missing = \"NI\" }\nwhere = [{ column = \"Value\", filled = true }, { column = \"Unit\", is-not = \"K/uL\" }]";
    let outcome = laboratory(more, rows);
    let report = outcome.report.files.iter().find(|report| report.data_set == "labs").unwrap();
    assert_eq!((report.counts.taken, report.counts.set_aside), (1, 2));
    assert_eq!(report.set_aside_because["left out by where"], 2);
}

#[test]
fn a_column_or_a_file_that_is_not_there_refuses_the_table_with_what_may_be_meant() {
    let outcome = laboratory("", "Id,Pateint,Value,Unit,Date\n");
    assert!(
        problems(&outcome)[0].contains("mend: write \"Pateint\" for \"Patient\" in the mapping"),
        "{:?}",
        problems(&outcome)
    );
    let outcome = laboratory("", "Id,Patient,Value,Value,Unit,Date\n");
    assert!(problems(&outcome)[0].contains("found \"Value\" more than once"), "{:?}", problems(&outcome));

    let mapping = Mapping::read(SUBJECTS).unwrap();
    let outcome = run(&mapping, &[file("S.csv", "No,Patient\n"), file("notes.txt", "x")], &Chain::default());
    assert!(problems(&outcome)[0].contains("mend: write S.csv in the mapping"), "{:?}", problems(&outcome));
    let left: Vec<&Outcome> = outcome.report.files.iter().skip(1).map(|report| &report.outcome).collect();
    assert!(left.iter().all(|left| matches!(left, Outcome::NotTaken(_))), "{left:?}");
    let dated = Mapping::read(&SUBJECTS.replace("s.csv", "s-*.csv")).unwrap();
    let deliveries = [file("s-1.csv", "No,Patient\n1,P-1\n"), file("s-2.csv", "No,Patient\n1,P-1\n")];
    assert!(
        problems(&run(&dated, &deliveries, &Chain::default()))[0]
            .contains("found \"s-1.csv\" and \"s-2.csv\"")
    );
    assert_eq!(run(&dated, &deliveries[..1], &Chain::default()).report.total.taken, 1);
}

#[test]
fn a_second_table_of_subjects_is_set_aside_where_it_says_the_same_and_refused_where_it_does_not() {
    let second = |name: &str| {
        format!(
            "[[table]]\nname = \"{name}\"\nfile = \"{name}.csv\"\nfact = \"subject\"\nkey = \"No\"\nfields.subject = \"Patient\"\nfields.arm = \"Arm\"\n"
        )
    };
    let visits = "[[table]]\nname = \"visits\"\nfile = \"visits.csv\"\nfact = \"visit\"\nkey = \"Day\"\n\
        fields.subject = { column = \"No\", of = \"second\" }\nfields.start = \"Day\"\n";
    let mapping = Mapping::read(&format!("{}{}{visits}", second("first"), second("second"))).unwrap();
    let files = [
        file("first.csv", "No,Patient,Arm\n1,P-1,C1\n2,P-2,C1\n"),
        file("second.csv", "No,Patient,Arm\n7,P-1,C1\n8,P-2,C2\n9,P-3,C2\n"),
        file("visits.csv", "No,Day\n7,2026-01-02\n8,2026-01-02\n9,2026-01-02\n"),
    ];
    let outcome = run(&mapping, &files, &Chain::default());
    let keys: Vec<&str> = outcome.events.iter().map(|event| event.origin.key.as_str()).collect();
    assert_eq!(keys, ["P-1", "P-2", "P-3", "P-1/2026-01-02", "P-3/2026-01-02"]);
    let told = problems(&outcome);
    assert!(told[0].contains("\"P-2\" already there, from first, with other content"), "{told:?}");
    // Of whom the refused row speaks is not known, so neither is whose visit it is.
    assert!(
        told[1].contains("visits.csv row 2 (line 3), column No: expected a subject of the table second"),
        "{told:?}"
    );
    let chain = {
        let mut chain = Chain::default();
        recorded(&outcome, &mut chain);
        chain
    };
    assert!(run(&mapping, &files, &chain).events.is_empty());
}

#[test]
fn a_mapping_that_makes_no_sense_is_refused_with_all_its_problems_and_their_places() {
    let text = r#"
[[table]]
name = "subjects"
file = "s.csv"
fact = "subject"
fields.subject = "Patient"
fields.sex = { column = "Sex", codes = { 1 = "F", 2 = "M" } }
[[table]]
name = "labs"
file = "labs.csv"
fact = "labratory"
key = "Id"
"#;
    let one = |text: &str| {
        let problems = Mapping::read(text).unwrap_err();
        assert_eq!(problems.as_slice().len(), 1, "{problems}");
        let problem = problems.as_slice()[0].clone();
        (problem.line, problem.path, problem.mend)
    };
    assert_eq!(one(text), (11, "table[1].fact".to_owned(), "write laboratory, if that was meant".to_owned()));
    let good = text.replace("labratory", "laboratory");
    let (line, path, mend) = one(&good
        .replace("file = \"labs", "flie = \"labs")
        .replace("fact = \"laboratory\"\nkey = \"Id\"", "fact = \"subject\"\nfields.subject = \"Id\""));
    assert_eq!(
        (line, path.as_str(), mend.as_str()),
        (10, "table[1].flie", "write file, if that was meant; else remove the line")
    );

    // What the fact needs and nothing fills, and a constant it cannot take: both at once.
    let problems = Mapping::read(&good.replace(
        "key = \"Id\"",
        "key = \"Id\"\nfields.subject = \"Patient\"\nfields.upper-limit = { value = \"high\" }",
    ))
    .unwrap_err();
    let told: Vec<(usize, &str)> =
        problems.as_slice().iter().map(|problem| (problem.line, problem.path.as_str())).collect();
    assert_eq!(told, [(13, "table[1].fields.test"), (14, "table[1].fields.upper-limit.value")], "{problems}");

    let filled =
        good.replace("key = \"Id\"", "key = \"Id\"\nfields.subject = \"Patient\"\nfields.test = \"Test\"");
    assert!(Mapping::read(&filled).is_ok());
    for (from, to, mend) in [
        ("fields.test = \"Test\"", "fields.tset = \"Test\"\nfields.test = \"Test\"", "write test"),
        ("fields.test = \"Test\"", "fields.test = { colunm = \"Test\" }", "write column"),
        (
            "fields.test = \"Test\"",
            "fields.test = { column = \"Test\", value = \"x\" }",
            "say what fills the field",
        ),
        (
            "fields.test = \"Test\"",
            "fields.test = { column = \"Test\", unit = \"g/L\" }",
            "unit of a laboratory result",
        ),
        (
            "fields.test = \"Test\"",
            "fields.test = \"Test\"\nfields.at = { column = \"D\", date = \"DD.MM.YY\" }",
            "DD.MM.YYYY",
        ),
        ("fields.test = \"Test\"", "fields.test = { template = \"{Test\" }", "close each brace"),
        (
            "fields.test = \"Test\"",
            "fields.test = \"Test\"\nwritten = { decimal = \",\", thousands = \",\" }",
            "decimal or thousands",
        ),
        ("fields.test = \"Test\"", "fields.test = \"Test\"\nwritten = { offset = \"UTC\" }", "write it so"),
        ("fields.test = \"Test\"", "fields.test = \"Test\"\nsheet = \"One\"", "remove the line"),
        ("name = \"labs\"", "name = \"subjects\"", "rename one of the two"),
        ("key = \"Id\"", "", "name the columns"),
        (
            "fact = \"laboratory\"",
            "fact = \"recommendation\"",
            "acts and adjudications are no rows of a site",
        ),
        (
            "fields.subject = \"Patient\"\nfields.test",
            "fields.subject = { column = \"No\", of = \"subjects\" }\nfields.test",
            "one column as key",
        ),
        ("2 = \"M\"", "2 = \"M\"\n", ""),
    ] {
        assert!(filled.contains(from), "{from}");
        let at = filled.rfind(from).unwrap();
        let broken = format!("{}{to}{}", &filled[..at], &filled[at + from.len()..]);
        match Mapping::read(&broken) {
            Ok(_) => assert!(mend.is_empty(), "{to}"),
            Err(problems) => assert!(
                problems.as_slice().iter().any(|problem| problem.mend.contains(mend)),
                "{to}: {problems}"
            ),
        }
    }
}

#[test]
fn every_mapping_that_the_book_shows_is_one() {
    let page = include_str!("../../../docs/src/howto/mapping.md");
    let shown: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(shown.len(), 5);
    for text in shown {
        Mapping::read(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    }
}
