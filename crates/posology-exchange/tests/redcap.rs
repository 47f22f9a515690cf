//! Exports of REDCap: forms, repeats, checkboxes and codes to tables, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use posology_exchange::intake::{ImportOptions, ImportOutcome, KnownRows, Outcome, SourceFile};
use posology_exchange::mapping::{Mapping, import};
use posology_trial::event::Fact;

fn file(name: &str, text: &str) -> SourceFile {
    let bytes = text.as_bytes().to_vec();
    SourceFile {
        name: name.to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    }
}

const DICTIONARY: &str = "\u{feff}\"Variable / Field Name\",\"Form Name\",\"Field Type\",\"Choices, Calculations, OR Slider Labels\",\"Text Validation Type OR Show Slider Number\"\n\
    record_id,base,text,,\n\
    sex,base,radio,\"1, Male | 2, Female\",\n\
    consent,base,text,,date_mdy\n\
    why,base,checkbox,\"1, One | -2, Two | B, Three\",\n\
    seen,visit,text,,datetime_dmy\n\
    note,visit,descriptive,,\n\
    name,visit,text,,\n";

const MAPPING: &str = r#"
written = { missing = ["-99", "NI"] }
[[table]]
name = "subjects"
file = "records.csv"
dictionary = "dictionary.csv"
form = "base"
fact = "subject"
fields.subject = "record_id"
fields.sex = { column = "sex", codes = { 1 = "M", 2 = "F" } }
fields.consent = "consent"
fields.site = "why____2"
fields.race = "why___b"
[[table]]
name = "visits"
file = "records.csv"
dictionary = "dictionary.csv"
form = "visit"
fact = "visit"
fields.subject = { column = "record_id", of = "subjects" }
fields.name = "name"
fields.start = "seen"
"#;

fn read(records: &str) -> ImportOutcome {
    read_with(DICTIONARY, records)
}

fn read_with(dictionary: &str, records: &str) -> ImportOutcome {
    let mapping = Mapping::read(MAPPING).unwrap_or_else(|problems| panic!("{problems}"));
    let files = [file("dictionary.csv", dictionary), file("records.csv", records)];
    import(&mapping, &files, &KnownRows::default(), &ImportOptions::default())
}

/// Every problem once, whole files first.
fn problems(outcome: &ImportOutcome) -> Vec<String> {
    let mut problems = Vec::new();
    for report in &outcome.report.files {
        if let Outcome::Refused(problem) = &report.outcome {
            problems.push(problem.to_string());
        }
        problems.extend(report.refusals.first.iter().map(ToString::to_string));
    }
    problems
}

const HEAD: &str = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,consent,why___1,why____2,why___b,base_complete,seen,name,visit_complete\n";

#[test]
fn forms_are_parted_and_what_was_not_entered_makes_no_row() {
    let outcome = read(&format!(
        "{HEAD}1,a,,,2,2026-01-05,0,1,0,2,,,0\n1,b,visit,1,,,,,,,2026-01-06 08:15,first,2\n1,b,visit,2,,,,,,,2026-02-06 09:00:30,second,2\n\
         1,c,,,,,0,0,0,0,2026-03-06 10:00,third,1\n2,a,,,NI,-99,0,0,0,2,,,\n"
    ));
    assert_eq!(problems(&outcome), Vec::<String>::new());
    let told: Vec<(&str, &str)> = outcome
        .events
        .iter()
        .map(|event| (event.origin.data_set.as_str(), event.origin.key.as_str()))
        .collect();
    assert_eq!(
        told,
        [("subjects", "1"), ("subjects", "2"), ("visits", "1/b/1"), ("visits", "1/b/2"), ("visits", "1/c")]
    );
    let Fact::Subject(first) = &outcome.events[0].fact else { panic!() };
    // A code that is negative or a capital stands in the name of its column as REDCap writes it.
    assert_eq!(
        (first.sex.as_deref(), first.site.as_deref(), first.race.as_deref()),
        (Some("F"), Some("1"), Some("0"))
    );
    let Fact::Subject(second) = &outcome.events[1].fact else { panic!() };
    assert_eq!((second.sex.as_deref(), second.consent.as_ref()), (None, None));
    let Fact::Visit(visit) = &outcome.events[3].fact else { panic!() };
    assert_eq!(visit.start.as_ref().unwrap().to_string(), "2026-02-06T09:00:30");
}

#[test]
fn rows_that_the_dictionary_forbids_are_refused_with_their_place() {
    for (row, says) in [
        (
            "1,a,,,3,2026-01-05,0,0,0,2,,,",
            "row 1 (line 2), column sex: expected a code among 1, 2, found \"3\"",
        ),
        ("1,a,,,Female,2026-01-05,0,0,0,2,,,", "mend: export raw data, not labels"),
        (
            "1,a,,,1,05/01/2026,0,0,0,2,,,",
            "column consent: expected a date as REDCap exports it, 2019-04-30, found \"05/01/2026\"",
        ),
        ("1,a,,,1,2026-01-05,Checked,0,0,2,,,", "column why___1: expected 0 or 1"),
        ("1,a,,,1,2026-01-05,0,0,0,Complete,,,", "column base_complete: expected 0, 1 or 2"),
        (",a,,,1,2026-01-05,0,0,0,2,,,", "column record_id: expected a record id"),
        (
            "1,b,Visit,1,,,,,,,2026-01-06 08:15,x,2",
            "column redcap_repeat_instrument: expected a form of the data dictionary",
        ),
    ] {
        let told = problems(&read(&format!("{HEAD}{row}\n")));
        assert!(told.iter().any(|problem| problem.contains(says)), "{row}: {told:?}");
    }
    let twice = read(&format!(
        "{HEAD}1,a,,,1,,0,0,0,2,,,\n1,b,visit,1,,,,,,,2026-01-06 08:15,first,2\n1,b,visit,1,,,,,,,2026-01-07 08:15,again,2\n"
    ));
    assert_eq!(
        problems(&twice),
        [
            "records.csv row 3 (line 4), column redcap_repeat_instance: expected each instance of a record and event once, \
          found \"1 b visit 1\" already there, in row 2; mend: keep the row that is right"
        ]
    );
    assert_eq!(twice.events.len(), 2);
}

#[test]
fn a_column_that_is_no_field_refuses_the_export_and_a_field_that_is_none_its_eav_row() {
    let told = problems(&read("record_id,sexx\n1,1\n"));
    assert!(
        told[0].contains("expected a field of the data dictionary, found \"sexx\"; mend: is sex meant?"),
        "{told:?}"
    );
    let told = problems(&read("Record ID,Sex\n1,Male\n"));
    assert!(told[0].contains("raw and not as labels"), "{told:?}");

    let eav = "record,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,field_name,value\n\
               1,a,,,record_id,1\n1,a,,,sex,1\n1,a,,,why,-2\n1,a,,,base_complete,2\n";
    let outcome = read(eav);
    assert_eq!(problems(&outcome), Vec::<String>::new());
    let Fact::Subject(subject) = &outcome.events[0].fact else { panic!() };
    assert_eq!((subject.site.as_deref(), subject.race.as_deref()), (Some("1"), Some("0")));
    let told = problems(&read(&format!("{eav}1,a,,,sxe,1\n")));
    assert!(
        told.iter().any(|problem| problem.contains(
            "row 5 (line 6), column field_name: expected a field of the data dictionary, found \"sxe\""
        )),
        "{told:?}"
    );
    let told = problems(&read(&format!("{eav}1,a,,,sex,2\n")));
    assert!(
        told.iter().any(|problem| problem.contains("expected each field of an instance once")),
        "{told:?}"
    );
    let told = problems(&read(&format!("{eav}1,a,,,why,7\n")));
    assert!(told.iter().any(|problem| problem.contains("expected a code of why")), "{told:?}");
}

#[test]
fn a_dictionary_of_another_kind_is_refused() {
    let records = format!("{HEAD}1,a,,,1,,0,0,0,2,,,\n");
    for (dictionary, says) in [
        ("a,b\n1,2\n", "the data dictionary of REDCap with a column \"Variable / Field Name\""),
        ("field_name,form_name,field_type\n", "at least the field of the record id"),
        ("field_name,form_name,field_type\nrecord_id,,text\n", "a field with its form"),
        ("field_name,form_name,field_type\nx,f,text\nx,f,text\n", "\"x\" a second time"),
    ] {
        let told = problems(&read_with(dictionary, &records));
        assert!(told[0].contains(says), "{told:?}");
    }
}

#[test]
fn an_error_of_the_api_is_told_as_such() {
    let mapping = Mapping::read(&MAPPING.replace("records.csv", "records.json")).unwrap();
    for (response, says) in [
        (
            r#"{"error": "You do not have permissions to use the API"}"#,
            "its error \"You do not have permissions",
        ),
        (r#"[{"record_id": ["1"]}]"#, "a list or an object as a value"),
        (r#"{"record": 7}"#, "expected a list of objects"),
        ("[", "expected JSON"),
        (&"[".repeat(10_000), "expected JSON"),
    ] {
        let files = [file("dictionary.csv", DICTIONARY), file("records.json", response)];
        let told = problems(&import(&mapping, &files, &KnownRows::default(), &ImportOptions::default()));
        assert!(told[0].contains(says), "{told:?}");
    }
}
