//! The register of a programme: promises by the day, and every problem with its place.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use jiff::civil::date;
use posology_trial::programme::{Programme, Stands, json_schema};

const EXAMPLE: &str = include_str!("../../../examples/programme.toml");
const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/programme.schema.json");

#[test]
fn the_checked_in_schema_is_the_one_the_types_make() {
    let made = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(CHECKED_IN, &made).unwrap();
    }
    assert!(std::fs::read_to_string(CHECKED_IN).unwrap() == made, "run this test with UPDATE_SCHEMA=1");
}

#[test]
fn a_promise_is_due_until_the_last_day_of_its_period_and_then_missed_late_or_met() {
    let programme = Programme::read(EXAMPLE).unwrap();
    let promise = |id: &str| programme.milestone.iter().find(|one| one.id == id).unwrap();
    let data = promise("cohort-7-data");
    assert_eq!(data.stands(date(2019, 5, 13)), Stands::Due { days_left: 232 });
    assert_eq!(
        data.stands(date(2019, 12, 31)),
        Stands::Due { days_left: 0 },
        "on its last day it is not missed"
    );
    assert_eq!(data.stands(date(2020, 1, 1)), Stands::Missed { days: 1 });
    let interim = promise("interim-2019");
    // What settled it on 7 December is not known on the 6th.
    assert_eq!(interim.stands(date(2019, 12, 6)), Stands::Due { days_left: 25 });
    assert_eq!(interim.stands(date(2019, 12, 7)), Stands::Met);
    let late = Programme::read(&EXAMPLE.replace("on = 2019-12-07", "on = 2020-01-10")).unwrap();
    let late = late.milestone.iter().find(|one| one.id == "interim-2019").unwrap().stands(date(2020, 2, 1));
    assert_eq!(late, Stands::Late { days: 10 });
}

#[test]
fn every_problem_of_a_register_is_told_with_its_place() {
    let first = |text: String| Programme::read(&text).unwrap_err().as_slice()[0].clone();
    let unknown = first(EXAMPLE.replacen("product = \"CLR131\"", "product = \"CLR999\"", 1));
    assert_eq!(unknown.path, "trial[0].product");
    assert!(unknown.expected.contains("one of CLR131") && unknown.line > 20);
    assert_eq!(first(EXAMPLE.replacen("due = \"2019-Q4\"", "due = \"2019-Q5\"", 1)).path, "milestone[0].due");
    assert_eq!(
        first(EXAMPLE.replacen("kind = \"orphan\"", "kind = \"orphaned\"", 1)).path,
        "designation[0].kind"
    );
    let twice = EXAMPLE.replacen("id = \"CLOVER-1\"", "id = \"CLR131-MM\"", 1);
    assert!(first(twice).found.contains("a second time"));
    assert!(
        first(EXAMPLE.replace("on = 2019-12-07", "on = 2018-12-07")).found.contains("before it was promised")
    );
}
