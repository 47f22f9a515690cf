//! A decision table of one's own, the cumulative cohort design, and accelerated titration.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::{Action, Boundaries, Data, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn problems(settings: Value) -> Vec<String> {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    match Design::try_from(settings) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn advice(design: &Design, outcomes: &str) -> (Action, Option<u32>, u32) {
    let levels = design.levels().unwrap();
    let decision = design.next(&Data::from_outcomes(levels, outcomes).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number), decision.enrol)
}

fn says(design: &Design, outcomes: &str) -> Vec<String> {
    let levels = design.levels().unwrap();
    let decision = design.next(&Data::from_outcomes(levels, outcomes).unwrap()).unwrap();
    decision.because.into_iter().map(|because| because.says).collect()
}

/// The letters of another design's boundaries.
fn letters(n: u32, row: Boundaries) -> String {
    let reaches = |least: Option<u32>, dlts: u32| least.is_some_and(|least| dlts >= least);
    let letter = |dlts: u32| match () {
        () if reaches(row.eliminate_min, dlts) => "DU",
        () if reaches(row.deescalate_min, dlts) => "D",
        () if row.escalate_max.is_some_and(|most| dlts <= most) => "E",
        () => "S",
    };
    (0..=n).map(letter).collect::<Vec<_>>().join(" ")
}

fn keyboard() -> Design {
    design(json!({"design": "keyboard", "doses": 4, "target": 0.3, "max-patients": 12}))
}

/// The Keyboard table for up to 12 patients, given as a table of one's own.
fn copied(extra: &Value) -> Value {
    let rows: Vec<String> =
        keyboard().table(12).unwrap().into_iter().zip(1..).map(|(row, n)| letters(n, row)).collect();
    let mut settings =
        json!({"design": "table", "doses": 4, "target": 0.3, "max-patients": 12, "table": rows});
    for (key, value) in extra.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

#[test]
fn another_design_s_table_given_as_one_s_own_has_that_design_s_characteristics() {
    let scenario = Scenario::of(&[0.1, 0.25, 0.4, 0.6]);
    let oc = |design: &Design| {
        let graph = Graph::compile(design, STATES_MAX, 1).unwrap();
        graph.characteristics(std::slice::from_ref(&scenario), Yardstick::new(0.3, 12), 1).unwrap().remove(0)
    };
    let (own, other) = (oc(&design(copied(&json!({})))), oc(&keyboard()));
    for (own, other) in own.select.iter().zip(&other.select) {
        assert!((own - other).abs() < 1e-14);
    }
    for (own, other) in own.patients.iter().zip(&other.patients) {
        assert!((own - other).abs() < 1e-13);
    }
}

#[test]
fn a_table_is_read_from_lines_and_from_lists_alike() {
    let lines = json!({"design": "table", "target": 0.3, "table": ["E D", "E S DU", "E S D U"]});
    let lists = json!({"design": "table", "target": 0.3, "table": [["E", "D"], ["E", "S", "DU"], ["E", "S", "D", "U"]]});
    let (lines, lists) = (design(lines), design(lists));
    assert_eq!(lines.table(3), lists.table(3));
    let expected = Boundaries { escalate_max: Some(0), deescalate_min: Some(2), eliminate_min: Some(3) };
    assert_eq!(lines.table(3).unwrap()[2], expected);
    assert_eq!(lines.table(4).unwrap()[3], expected, "the last row stands beyond the table");
    let again: Design = serde_json::from_str(&serde_json::to_string(&lists).unwrap()).unwrap();
    assert_eq!(again, lists);
}

#[test]
fn a_level_has_room_for_as_many_patients_as_the_table_has_rows() {
    let table = json!({
        "design": "table", "doses": 3, "mtd": "highest",
        "table": ["E S", "E S D", "E S DU DU", "E S D DU DU", "E S D DU DU DU"],
    });
    let table = design(table);
    assert_eq!(advice(&table, "1NNT"), (Action::Stay, Some(1), 2), "two places are left of five");
    assert_eq!(advice(&table, "1NNT 1NN"), (Action::Complete, Some(1), 0));
    assert_eq!(advice(&table, "1NNNNN"), (Action::Escalate, Some(2), 3));
    assert_eq!(advice(&table, "1NNNNN 2TTN"), (Action::Complete, Some(1), 0), "level 1 is full");
    assert_eq!(advice(&table, "1TTN"), (Action::Stop, None, 0));
    assert_eq!(advice(&table, "1NNNNNNT"), (Action::Complete, Some(1), 0), "row 5 stands for 7 patients");
    assert_eq!(says(&table, "1NNT"), ["1 DLT among 3 at level 1: the table's row 3 reads S, stay"]);
}

#[test]
fn the_highest_tolerated_level_is_selected_where_the_file_asks_for_it() {
    let select = |mtd: &str| {
        let design = design(copied(&json!({"mtd": mtd})));
        let data = Data::from_outcomes(4, "1NNN 2NNN 3NNT").unwrap();
        design.mtd(&data).unwrap().level.map(Level::number)
    };
    assert_eq!(select("isotonic"), Some(3));
    assert_eq!(select("highest"), Some(3));
    let design = design(copied(&json!({"mtd": "highest"})));
    let data = Data::from_outcomes(4, "1NNN 2NNN 3NTT").unwrap();
    assert_eq!(design.mtd(&data).unwrap().level.map(Level::number), Some(2), "2 of 3 reads D");
}

#[test]
fn a_table_that_is_not_whole_or_not_in_order_is_refused_with_row_and_column() {
    let with = |table: Value| problems(json!({"design": "table", "target": 0.3, "table": table}));
    let rows = |third: &str| with(json!(["E D", "E S DU", third]));
    assert!(rows("E S D DU").is_empty());
    assert_eq!(
        rows("E D S DU"),
        [
            "`table`: found `S` for 2 DLTs of 3 after `D` for 1, expected D or DU: more DLTs never ask for a higher level"
        ]
    );
    assert_eq!(
        rows("E X D DU"),
        [
            "`table`: found `X` for 1 DLT of 3, expected E, S, D or DU: write escalate, stay, de-escalate, or de-escalate and close the level"
        ]
    );
    assert_eq!(
        rows("E S DU"),
        [
            "`table`: found 3 letters for 3 patients, expected 4, for 0 to 3 DLTs: give one letter for each number of DLTs"
        ]
    );
    assert!(rows("E S D D")[0].contains("no DU for 3 DLTs of 3"));
    assert!(with(json!(["E DU"]))[0].contains("1 rows"), "fewer rows than a cohort");
    assert!(with(json!([]))[0].contains("0 rows"));
    let no_target = json!({"design": "table", "table": ["E D", "E S DU", "E S D DU"]});
    assert!(problems(no_target)[0].contains("`target`"));
    let unknown = json!({"design": "table", "target": 0.3, "table": [1]});
    assert!(serde_json::from_value::<Design>(unknown).is_err());
}

#[test]
fn the_cumulative_cohort_design_has_the_published_bounds() {
    // Source: Ivanova, Flournoy and Chung 2007; escalation bounds for cohorts of 3 worked as floor(n (target - delta)).
    let ccd = design(json!({"design": "ccd", "doses": 4, "target": 0.3}));
    let expected = [(3, 0, 2), (6, 1, 3), (9, 1, 4), (12, 2, 5), (15, 3, 6)];
    let table = ccd.table(15).unwrap();
    for (n, up, down) in expected {
        let row = table[n - 1];
        assert_eq!((row.escalate_max, row.deescalate_min), (Some(up), Some(down)), "n = {n}");
    }
    // 0.30 - 0.10 is 0.20 and 0.30 + 0.10 is 0.40: at the very bounds the rule moves.
    assert_eq!((table[4].escalate_max, table[4].deescalate_min), (Some(1), Some(2)));
    let quarter = design(json!({"design": "ccd", "doses": 4, "target": 0.25})).table(9).unwrap();
    assert_eq!(
        (quarter[8].escalate_max, quarter[8].deescalate_min),
        (Some(1), Some(4)),
        "0.16 and 0.34 of 9"
    );
}

#[test]
fn a_delta_that_is_not_published_must_be_given() {
    let with = |target: f64, delta: Value| {
        let mut settings = json!({"design": "ccd", "doses": 4, "target": target});
        if !delta.is_null() {
            settings["delta"] = delta;
        }
        problems(settings)
    };
    assert!(with(0.05, Value::Null)[0].contains("none is published"));
    assert!(with(0.6, Value::Null)[0].contains("none is published"));
    assert!(with(0.05, json!(0.04)).is_empty());
    assert!(with(0.10, Value::Null).is_empty());
    assert!(with(0.50, Value::Null).is_empty());
    for delta in [0.0, -0.1, 0.3, 0.7] {
        assert!(with(0.3, json!(delta))[0].contains("`delta`"), "{delta}");
    }
}

#[test]
fn single_patients_go_up_until_the_first_dlt_and_then_3_plus_3_decides() {
    // Source: Simon et al. 1997, design 2: at the first DLT the level is filled to three.
    let titration = design(json!({"design": "accelerated-titration", "doses": 4}));
    assert_eq!(advice(&titration, ""), (Action::Start, Some(1), 1));
    assert_eq!(advice(&titration, "1N"), (Action::Escalate, Some(2), 1));
    assert_eq!(advice(&titration, "1N 2N"), (Action::Escalate, Some(3), 1));
    assert_eq!(advice(&titration, "1N 2N 3T"), (Action::Stay, Some(3), 2));
    assert_eq!(advice(&titration, "1N 2N 3T 3NN"), (Action::Stay, Some(3), 3));
    assert_eq!(advice(&titration, "1N 2N 3T 3NN 3NNN"), (Action::Escalate, Some(4), 3));
    assert_eq!(advice(&titration, "1N 2N 3T 3TN"), (Action::DeEscalate, Some(2), 2));
    assert_eq!(advice(&titration, "1N 2N 3T 3TN 2NN"), (Action::Complete, Some(2), 0));
    assert_eq!(advice(&titration, "1N 2N 3N 4N"), (Action::Stay, Some(4), 2), "the top is filled");
    assert_eq!(advice(&titration, "1P"), (Action::Wait, Some(1), 0));
    assert_eq!(advice(&titration, "1T"), (Action::Stay, Some(1), 2));
    assert_eq!(advice(&titration, "1T 1T"), (Action::Stop, None, 0));
    let late = "1T 2N 3N";
    assert_eq!(advice(&titration, late), (Action::DeEscalate, Some(1), 2), "a late DLT below");
    assert_eq!(
        says(&titration, "1N 2T"),
        [
            "a DLT has ended the single patients: the 3+3 rule decides",
            "1 DLT among 1 evaluable patient at level 2: 2 more are needed there, to make the first 3"
        ]
    );
}

#[test]
fn whole_cohorts_begin_where_the_file_says_so() {
    let titration = design(json!({"design": "accelerated-titration", "doses": 4, "cohorts-from": 3}));
    assert_eq!(advice(&titration, "1N"), (Action::Escalate, Some(2), 1));
    assert_eq!(advice(&titration, "1N 2N"), (Action::Escalate, Some(3), 3));
    assert_eq!(advice(&titration, "1N 2N 3N"), (Action::Stay, Some(3), 2));
    assert_eq!(advice(&titration, "1N 2N 3NNN"), (Action::Escalate, Some(4), 3));
    assert!(
        problems(json!({"design": "accelerated-titration", "doses": 4, "cohorts-from": 5}))[0]
            .contains("cohorts-from")
    );
    assert!(
        problems(json!({"design": "accelerated-titration", "first-cohort": 2}))[0].contains("first-cohort")
    );
}

proptest! {
    #[test]
    fn accelerated_titration_is_the_3_plus_3_rule_once_there_is_a_dlt(
        levels in prop::collection::vec((0..7_u32, 0..3_u32), 1..5), current in any::<prop::sample::Index>(),
    ) {
        let current = Level::at_index(current.index(levels.len()));
        let levels = levels.into_iter().map(|(n, dlts)| posology_design::AtLevel {
            dlt: dlts.min(n), no_dlt: n - dlts.min(n), ..Default::default()
        });
        let data = Data::new(levels.collect(), Some(current)).unwrap();
        let titration = design(json!({"design": "accelerated-titration"}));
        let decision = titration.next(&data).unwrap();
        if data.levels().iter().any(|at| at.dlt > 0) {
            let cohorts = design(json!({"design": "3+3"})).next(&data).unwrap();
            prop_assert_eq!((decision.action, decision.level, decision.enrol), (cohorts.action, cohorts.level, cohorts.enrol));
        } else if data.patients() > 0 {
            prop_assert!(decision.level.unwrap().index() <= current.index() + 1);
        }
        prop_assert!(!decision.because.is_empty());
    }
}
