//! What any packet must hold, on the example trial and on a small one made by hand.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use posology_clinic::laboratory::Analyte;
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{
    Administration, AdverseEvent, Amount, Chain, CohortOpened, Enrolment, Event, Fact, Laboratory,
    Prescription, Subject, sha256,
};
use posology_trial::protocol::Protocol;

use super::{BadPacket, Packet, ProgramVersion, compose};
use crate::document::Block;
use crate::html;
use crate::table::{Row, Table, Value};

static EXAMPLE: LazyLock<(String, Chain)> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    (read("trial.toml"), Chain::read(&read("events.ndjson")).unwrap())
});

/// The packet of the example; once for all tests that only read it.
static PACKET: LazyLock<Packet> = LazyLock::new(|| {
    let (text, chain) = &*EXAMPLE;
    packet(text, chain, &Cut::freeze(chain, None).unwrap(), "C6")
});

fn packet(text: &str, chain: &Chain, cut: &Cut, cohort: &str) -> Packet {
    let (protocol, _) = Protocol::read(text).unwrap();
    let analysis = Analysis::of(&protocol, &sha256(text.as_bytes()), chain, cut).unwrap();
    let program = ProgramVersion { name: "posology".to_owned(), version: "0.0.0".to_owned() };
    compose(&analysis, cohort, &program, None).unwrap()
}

fn tables(packet: &Packet) -> impl Iterator<Item = &Table> {
    packet.document.blocks.iter().filter_map(|block| match block {
        Block::Table { table, .. } => Some(table),
        _ => None,
    })
}

fn table<'a>(packet: &'a Packet, id: &str) -> &'a Table {
    tables(packet).find(|table| table.id == id).unwrap()
}

/// The counts of a row, one a column.
fn counts(row: &Row) -> Vec<u64> {
    row.cells
        .iter()
        .map(|cell| match cell.numbers.first().map(|number| &number.value) {
            Some(Value::Count(count)) => *count,
            other => panic!("{}: {other:?} is no count", row.label),
        })
        .collect()
}

fn row<'a>(table: &'a Table, label: &str) -> &'a Row {
    table.rows.iter().find(|row| row.label == label).unwrap_or_else(|| panic!("{}: no row {label}", table.id))
}

fn sum(rows: &[Vec<u64>]) -> Vec<u64> {
    (0..rows.first().map_or(0, Vec::len)).map(|column| rows.iter().map(|row| row[column]).sum()).collect()
}

/// A day of the small trial: day 1 is the first fraction.
fn day(day: i64) -> Date {
    date(2020, 3, 2) + (day - 1).days()
}

const SMALL: &str = r#"
    [trial]
    id = "SMALL"
    title = "Two levels"
    [version]
    id = "1.0"
    date = 2020-01-01
    reason = "First version"
    [[regimen]]
    id = "low"
    fraction = [{ day = 1, activity = "10 mCi/m2" }]
    [[regimen]]
    id = "high"
    fraction = [{ day = 1, activity = "20 mCi/m2" }]
    [[cohort]]
    id = "A"
    regimen = "low"
    planned = 3
    [[cohort]]
    id = "B"
    regimen = "high"
    planned = 3
    [dlt]
    window-days = 28
    ctcae = "5.0"
    [dlt.counts]
    from-day = 7
    to-day = 28
    every-days = 28
    [[dlt.rules]]
    id = "any-4"
    text = "Vomiting of grade 4"
    adverse-event = { terms = ["Vomiting"], grade-at-least = 4 }
    [escalation]
    design = "3+3"
"#;

fn recorded(fact: Fact) -> Event {
    Event::new("2021-01-01T00:00:00Z".parse().unwrap(), "test", fact)
}

fn chain(facts: impl IntoIterator<Item = Fact>) -> Chain {
    let mut chain = Chain::default();
    for fact in facts {
        chain.append(recorded(fact)).unwrap();
    }
    chain
}

/// A patient enrolled and, with a day, given the one fraction of the level.
fn patient(id: &str, cohort: &str, given: Option<i64>) -> Vec<Fact> {
    let subject = Subject {
        subject: id.to_owned(),
        site: None,
        age_years: Some(60.into()),
        sex: None,
        race: None,
        ethnicity: None,
        country: None,
        arm: None,
        no_arm_reason: None,
        consent: None,
        first_treatment: None,
        death: None,
    };
    let enrolment = Enrolment {
        subject: id.to_owned(),
        cohort: cohort.to_owned(),
        date: day(given.unwrap_or(1)),
        protocol_version: "1.0".to_owned(),
        replaces: None,
        stratum: None,
    };
    let administration = given.map(|on| Administration {
        subject: id.to_owned(),
        treatment: "AGENT".to_owned(),
        fraction: Some(1),
        amount: Some(Amount::Activity("20 mCi".parse().unwrap())),
        start: day(on).into(),
        end: None,
        route: None,
        lot: None,
        adjustment: None,
    });
    let prescription = Prescription {
        subject: id.to_owned(),
        fraction: 1,
        per_area: None,
        body_surface_m2: None,
        activity: Some("20 mCi".parse().unwrap()),
        planned: None,
    };
    let mut facts =
        vec![Fact::Subject(subject), Fact::Enrolment(enrolment), Fact::Prescription(prescription)];
    facts.extend(administration.map(Fact::Administration));
    facts
}

fn platelets(id: &str, on: i64, value: &str) -> Fact {
    Fact::Laboratory(Laboratory {
        subject: id.to_owned(),
        test: "PLAT".to_owned(),
        analyte: Some(Analyte::Platelets),
        result: Some(value.to_owned()),
        unit: Some("10^9/L".to_owned()),
        lower_limit: None,
        upper_limit: None,
        specimen: None,
        method: None,
        visit: None,
        at: Some(day(on).into()),
    })
}

fn event(id: &str, on: i64, term: &str, grade: Option<u8>) -> Fact {
    Fact::AdverseEvent(AdverseEvent {
        subject: id.to_owned(),
        key: format!("{term}-{on}"),
        verbatim: term.to_owned(),
        term: term.to_owned(),
        class: None,
        grade,
        severity: None,
        serious: None,
        causality: None,
        related: Some(true),
        action: None,
        outcome: None,
        fatal: None,
        start: Some(day(on).into()),
        end: None,
    })
}

/// Cohort A: one patient through the window, one with a DLT on day 10, one without a grade; all followed to day 40.
fn three_at_the_low_level() -> Vec<Fact> {
    let mut facts =
        vec![Fact::CohortOpened(CohortOpened { cohort: "A".to_owned(), date: day(-30), places: None })];
    for id in ["01", "02", "03"] {
        facts.extend(patient(id, "A", Some(1)));
        facts.extend([platelets(id, 1, "200"), platelets(id, 20, "90"), platelets(id, 40, "210")]);
    }
    facts.push(event("02", 10, "Vomiting", Some(4)));
    facts.push(event("02", 12, "Nausea", Some(1)));
    facts.push(event("03", 12, "Nausea", None));
    facts.push(event("03", 35, "Fatigue", Some(2)));
    facts
}

fn small(facts: impl IntoIterator<Item = Fact>, cohort: &str) -> Packet {
    let chain = chain(facts);
    packet(SMALL, &chain, &Cut::freeze(&chain, None).unwrap(), cohort)
}

#[test]
fn the_five_classes_of_evaluability_add_up_to_the_treated() {
    let of_three = small(three_at_the_low_level(), "A");
    for packet in [&*PACKET, &of_three] {
        let e03 = table(packet, "E03");
        let classes = [
            "Completed the DLT window without DLT",
            "DLT in the window",
            "Pending: window still open",
            "Pending: window over, judgement awaited",
            "Not evaluable",
        ];
        assert_eq!(sum(&classes.map(|label| counts(row(e03, label)))), counts(row(e03, "Treated")));
    }
    let e03 = table(&of_three, "E03");
    assert_eq!(counts(row(e03, "DLT in the window")), [1, 1]);
    assert_eq!(row(e03, "n/m (%)").cells[0].text, "1/3 (33.3%†)");
}

#[test]
fn best_responses_add_up_to_everyone_in_the_population() {
    for id in ["RSPT01", "RSPT01T", "RSPT01U"] {
        let table = table(&PACKET, id);
        let labels = ["sCR", "CR", "VGPR", "PR", "MR", "SD", "PD", "NE", "Not assessed"];
        let population: Vec<u64> = table.columns.iter().map(|column| column.n.unwrap().into()).collect();
        assert_eq!(sum(&labels.map(|label| counts(row(table, label)))), population, "{id}");
    }
}

/// Source: release of May 2019, as the plan of the synthetic patients keeps it: cohort 6 half PR and half MR.
#[test]
fn cohort_6_of_the_example_has_two_partial_and_two_minimal_responses() {
    let table = table(&PACKET, "RSPT01");
    let level = table.columns.iter().position(|column| column.label.starts_with("DL6")).unwrap();
    assert_eq!([counts(row(table, "PR"))[level], counts(row(table, "MR"))[level]], [2, 2]);
}

#[test]
fn single_grades_and_the_ungraded_add_up_to_any_in_every_block() {
    let of_three = small(three_at_the_low_level(), "A");
    for table in [table(&PACKET, "AET04"), table(&PACKET, "AET04W"), table(&of_three, "AET04")] {
        let single = |label: &str| {
            label == "Grade not recorded" || (label.starts_with("Grade ") && !label.contains(" or "))
        };
        let mut blocks = 0;
        let mut rows = table.rows.iter().peekable();
        while let Some(any) = rows.next() {
            let mut grades = Vec::new();
            while let Some(below) = rows.next_if(|row| row.label.starts_with("Grade ")) {
                if single(&below.label) {
                    grades.push(counts(below));
                }
            }
            assert_eq!(sum(&grades), counts(any), "{} / {}", table.id, any.label);
            blocks += 1;
        }
        assert!(blocks >= 4, "{}", table.id);
    }
}

#[test]
fn levels_add_up_to_all_in_every_row_of_counts() {
    let mut rows = 0;
    for table in
        tables(&PACKET).filter(|table| table.columns.last().is_some_and(|column| column.label == "All"))
    {
        let n: Vec<u32> = table.columns.iter().filter_map(|column| column.n).collect();
        if let [levels @ .., all] = n.as_slice()
            && !levels.is_empty()
        {
            assert_eq!(levels.iter().sum::<u32>(), *all, "{}", table.id);
        }
        for row in &table.rows {
            let found: Vec<Option<u64>> = row
                .cells
                .iter()
                .map(|cell| match cell.numbers.first() {
                    Some(number) if number.statistic == "count" => match number.value {
                        Value::Count(count) => Some(count),
                        _ => None,
                    },
                    _ => None,
                })
                .collect();
            if let (Some((Some(all), levels)), true) = (found.split_last(), found.len() > 1)
                && levels.iter().all(Option::is_some)
            {
                assert_eq!(levels.iter().flatten().sum::<u64>(), *all, "{} / {}", table.id, row.label);
                rows += 1;
            }
        }
    }
    assert!(rows > 200, "only {rows} rows were looked at");
}

#[test]
fn every_number_of_the_tables_is_in_the_data_and_every_printed_digit_has_a_number() {
    let json = PACKET.json();
    let results = json["results"].as_array().unwrap();
    let numbers: Vec<_> = tables(&PACKET)
        .flat_map(|table| &table.rows)
        .flat_map(|row| &row.cells)
        .flat_map(|cell| &cell.numbers)
        .collect();
    assert_eq!(results.len(), numbers.len());
    for (result, number) in results.iter().zip(numbers) {
        assert_eq!(result["value"], serde_json::to_value(&number.value).unwrap());
        assert_eq!(result["statistic"], number.statistic);
        assert!(!result["population"].as_str().unwrap().is_empty());
    }
    for table in tables(&PACKET) {
        for (label, cell) in
            table.rows.iter().flat_map(|row| row.cells.iter().zip(&table.columns)).map(|(c, l)| (&l.label, c))
        {
            let is_words = label == "Because" || label == "Reason";
            assert!(
                is_words || !cell.numbers.is_empty() || !cell.text.contains(|c: char| c.is_ascii_digit()),
                "{} / {label}: {} is printed and not in the data",
                table.id,
                cell.text
            );
        }
    }
}

#[test]
fn what_a_cell_says_stands_in_the_page() {
    let page = html::write(&PACKET.document);
    let (_, body) = page.rsplit_once("</style>").unwrap();
    let cells = tables(&PACKET).flat_map(|table| &table.rows).flat_map(|row| &row.cells);
    let said: BTreeSet<&str> = cells.map(|cell| cell.text.as_str()).collect();
    for text in said.into_iter().filter(|text| !text.contains(['<', '>', '&', '"', '\'', '\n'])) {
        assert!(body.contains(text), "{text}");
    }
}

#[test]
fn rates_carry_definition_population_and_method_into_the_data() {
    let json = PACKET.json();
    let rate = json["results"].as_array().unwrap().iter().find(|result| {
        result["output"] == "RSPT01" && result["column"] == "All" && result["statistic"] == "lower"
    });
    let rate = rate.unwrap();
    assert_eq!(rate["definition"], "ORR: best response PR or better");
    assert_eq!(rate["method"], "Clopper-Pearson, 95% interval");
    assert!(rate["n"].is_u64() && rate["N"].is_u64());
}

#[test]
fn a_pending_patient_moves_no_numerator_and_no_evaluable_denominator() {
    let before = small(three_at_the_low_level(), "A");
    let mut facts = three_at_the_low_level();
    facts.extend(patient("04", "A", Some(30)));
    let after = small(facts, "A");
    let dlt = |packet: &Packet| row(table(packet, "E03"), "n/m (%)").cells[0].text.clone();
    assert_eq!(dlt(&before), dlt(&after));
    assert_eq!(counts(row(table(&after, "E03"), "Pending: window still open")), [1, 1]);
    assert_eq!(counts(row(table(&after, "E03"), "Treated")), [4, 4]);
}

#[test]
fn the_same_cut_gives_the_same_bytes_and_what_comes_after_changes_nothing() {
    let facts = three_at_the_low_level();
    let mut record = chain(facts);
    let cut_off: Timestamp = "2020-04-05T12:00:00Z".parse().unwrap();
    let cut = Cut::freeze(&record, Some(cut_off)).unwrap();
    let bytes = |record: &Chain| {
        let packet = packet(SMALL, record, &cut, "A");
        (html::write(&packet.document), packet.json().to_string())
    };
    let first = bytes(&record);
    assert_eq!(first, bytes(&record));
    record.append(recorded(event("01", 5, "Sepsis", Some(4)))).unwrap();
    assert_eq!(first, bytes(&record), "recorded after the position of the cut");
}

#[test]
fn an_event_dated_after_the_cut_off_moves_no_table() {
    let cut_off: Timestamp = "2020-04-05T12:00:00Z".parse().unwrap();
    let bodies = |facts: Vec<Fact>| {
        let record = chain(facts);
        let packet = packet(SMALL, &record, &Cut::freeze(&record, Some(cut_off)).unwrap(), "A");
        tables(&packet).cloned().collect::<Vec<_>>()
    };
    let mut later = three_at_the_low_level();
    later.push(event("01", 39, "Sepsis", Some(4)));
    assert_eq!(bodies(three_at_the_low_level()), bodies(later));
}

#[test]
fn patients_beyond_the_gates_are_counted() {
    // 20 mCi prescribed: 115% is beyond 10%, 125% beyond 20% too; 110% is neither.
    let mut facts = Vec::new();
    for (id, given) in [("S-1", "20 mCi"), ("S-2", "22 mCi"), ("S-3", "23 mCi"), ("S-4", "25 mCi")] {
        for fact in patient(id, "A", Some(1)) {
            facts.push(match fact {
                Fact::Administration(administration) => Fact::Administration(Administration {
                    amount: Some(Amount::Activity(given.parse().unwrap())),
                    ..administration
                }),
                other => other,
            });
        }
    }
    let packet = small(facts, "A");
    let exposure = table(&packet, "EXT01");
    let beyond = |limit: &str| {
        let row = exposure.rows.iter().find(|row| row.label.contains(limit) && row.label.ends_with("off"));
        *counts(row.unwrap()).last().unwrap()
    };
    assert_eq!((beyond("10%"), beyond("20%")), (2, 1));
}

#[test]
fn a_level_without_an_evaluable_patient_prints_neither_percentage_nor_interval() {
    let mut facts = three_at_the_low_level();
    facts.push(Fact::CohortOpened(CohortOpened { cohort: "B".to_owned(), date: day(30), places: None }));
    facts.extend(patient("05", "B", None));
    let packet = small(facts, "B");
    let e03 = table(&packet, "E03");
    assert_eq!(e03.columns[1].label, "DL2 20 mCi/m2 x1");
    assert_eq!(e03.columns[1].n, Some(0));
    assert_eq!(row(e03, "n/m (%)").cells[1].text, "0/0");
    for table in tables(&packet).filter(|table| table.columns.len() == 3 && table.columns[1].n == Some(0)) {
        for row in &table.rows {
            let text = row.cells.get(1).map_or("", |cell| cell.text.as_str());
            assert!(!text.contains('%'), "{} / {}: {text}", table.id, row.label);
        }
    }
}

#[test]
fn the_decision_stands_before_everything_else_and_its_three_lines_come_first() {
    let blocks = &PACKET.document.blocks;
    assert!(matches!(&blocks[0], Block::Section { id, .. } if id == "decision"));
    assert!(matches!(&blocks[1], Block::KeyPoints(lines) if lines.len() == 3));
    assert!(matches!(&blocks[2], Block::Callout(callout) if callout.title.starts_with("Escalate")));
}

#[test]
fn synthetic_patients_are_announced_on_every_page_and_in_the_data() {
    assert_eq!(PACKET.document.notice.as_deref(), Some("Synthetic patients"));
    assert_eq!(PACKET.json()["notice"], "Synthetic patients");
    assert_eq!(small(three_at_the_low_level(), "A").document.notice, None);
}

#[test]
fn outputs_have_ids_of_their_own() {
    let mut ids: Vec<&str> = tables(&PACKET).map(|table| table.id.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_cohort_that_is_not_in_the_protocol_is_refused_by_name() {
    let chain = chain(three_at_the_low_level());
    let (protocol, _) = Protocol::read(SMALL).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &Cut::freeze(&chain, None).unwrap()).unwrap();
    let program = ProgramVersion { name: "posology".to_owned(), version: "0.0.0".to_owned() };
    let error = compose(&analysis, "Z", &program, None).unwrap_err();
    assert!(matches!(error, BadPacket::UnknownCohort { .. }));
    assert_eq!(
        error.to_string(),
        "cohort \"Z\": the protocol has no such cohort; expected one of A, B; mend: name one of these, or leave the cohort out"
    );
}
