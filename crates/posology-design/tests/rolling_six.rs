//! The rolling six design: its published table row by row, what follows at the end of the ladder, and what must hold
//! for any data.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::ops::RangeInclusive;

use posology_design::characteristics::{Characteristics, Scenario, Yardstick};
use posology_design::simulate::{Plan, simulate};
use posology_design::{Action, AtLevel, Data, Decision, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn rolling(levels: u32) -> Design {
    design(json!({"design": "rolling-6", "doses": levels}))
}

fn at(evaluable: u32, dlt: u32, pending: usize) -> AtLevel {
    AtLevel { dlt, no_dlt: evaluable - dlt, pending: vec![0.9; pending], ..AtLevel::default() }
}

fn next(design: &Design, outcomes: &str) -> Decision {
    design.next(&Data::from_outcomes(design.levels().unwrap(), outcomes).unwrap()).unwrap()
}

fn advice(design: &Design, outcomes: &str) -> (Action, Option<u32>, u32) {
    let decision = next(design, outcomes);
    (decision.action, decision.level.map(Level::number), decision.enrol)
}

/// Enrolled, evaluable, DLTs, and the decision for the next patient.
type Row = (RangeInclusive<u32>, RangeInclusive<u32>, RangeInclusive<u32>, Action);

#[test]
fn every_row_of_the_published_table_is_followed() {
    // Source: JAMA Netw Open 2020;3:e204787, table 2, column "Rolling 6", which restates Skolnik et al. 2008.
    let rows: [Row; 19] = [
        (1..=5, 0..=0, 0..=0, Action::Stay),
        (6..=6, 0..=0, 0..=0, Action::Wait),
        (1..=5, 1..=1, 0..=0, Action::Stay),
        (6..=6, 1..=1, 0..=0, Action::Wait),
        (2..=5, 2..=2, 0..=0, Action::Stay),
        (6..=6, 2..=2, 0..=0, Action::Wait),
        (3..=3, 3..=3, 0..=0, Action::Escalate),
        (4..=5, 3..=3, 0..=0, Action::Stay),
        (6..=6, 3..=3, 0..=0, Action::Wait),
        (4..=4, 4..=4, 0..=0, Action::Escalate),
        (5..=5, 4..=4, 0..=0, Action::Stay),
        (6..=6, 4..=4, 0..=0, Action::Wait),
        (5..=5, 5..=5, 0..=0, Action::Escalate),
        (6..=6, 5..=6, 0..=0, Action::Escalate),
        (1..=5, 1..=5, 1..=1, Action::Stay),
        (6..=6, 1..=5, 1..=1, Action::Wait),
        (6..=6, 6..=6, 1..=1, Action::Escalate),
        (2..=6, 2..=6, 2..=2, Action::DeEscalate),
        (3..=6, 3..=6, 3..=6, Action::DeEscalate),
    ];
    let mut checked = std::collections::BTreeSet::new();
    for (enrolled, evaluable, dlts, action) in rows {
        for (n, m, y) in enrolled.flat_map(|n| {
            let (evaluable, dlts) = (evaluable.clone(), dlts.clone());
            evaluable.flat_map(move |m| dlts.clone().map(move |y| (n, m, y)))
        }) {
            if m > n || y > m {
                continue;
            }
            let levels = vec![at(3, 0, 0), at(m, y, (n - m) as usize), AtLevel::default()];
            let decision = rolling(3).next(&Data::new(levels, Level::new(2)).unwrap()).unwrap();
            assert_eq!(decision.action, action, "{n} enrolled, {m} evaluable, {y} DLTs");
            assert!(checked.insert((n, m, y)), "each state stands once in the table");
        }
    }
    // Every state of 1 to 6 enrolled patients: the sum over n of the (evaluable, DLT) pairs.
    let states: u32 = (1..=6).map(|n| (0..=n).map(|m| m + 1).sum::<u32>()).sum();
    assert_eq!(checked.len() as u32, states);
}

#[test]
fn two_patients_begin_and_then_one_is_enrolled_at_a_time() {
    let rolling = rolling(3);
    assert_eq!(advice(&rolling, ""), (Action::Start, Some(1), 2));
    assert_eq!(advice(&rolling, "1P"), (Action::Stay, Some(1), 1));
    assert_eq!(advice(&rolling, "1PPPPP"), (Action::Stay, Some(1), 1));
    assert_eq!(advice(&rolling, "1PPPPPP"), (Action::Wait, Some(1), 0));
    assert_eq!(advice(&rolling, "1NNN"), (Action::Escalate, Some(2), 2));
    assert_eq!(next(&rolling, "1NNNP").because.len(), 1, "four patients are no part cohort");
}

#[test]
fn the_level_below_a_closed_one_is_filled_to_six_and_selected_with_at_most_one_dlt() {
    let rolling = rolling(3);
    assert_eq!(advice(&rolling, "1NNN 2TT"), (Action::DeEscalate, Some(1), 1));
    assert_eq!(advice(&rolling, "1NNN 2TT 1NN"), (Action::Stay, Some(1), 1));
    assert_eq!(advice(&rolling, "1NNN 2TT 1NNT"), (Action::Complete, Some(1), 0));
    assert_eq!(advice(&rolling, "1NNN 2TT 1NNP"), (Action::Complete, Some(1), 0));
    assert_eq!(advice(&rolling, "1NNN 2TT 1NTP"), (Action::Wait, Some(1), 0));
    assert_eq!(advice(&rolling, "1NNN 2TT 1NTT"), (Action::Stop, None, 0));
    assert_eq!(advice(&rolling, "1TT"), (Action::Stop, None, 0));
    // The top of the ladder is filled to six as well.
    assert_eq!(advice(&rolling, "1NNN 2NNN 3NNN"), (Action::Stay, Some(3), 1));
    assert_eq!(advice(&rolling, "1NNN 2NNN 3NNNNNT"), (Action::Complete, Some(3), 0));
}

#[test]
fn a_late_dlt_below_is_followed_up_before_anything_else() {
    let rolling = rolling(3);
    assert_eq!(advice(&rolling, "1NNT 2NNN"), (Action::DeEscalate, Some(1), 1));
    assert_eq!(advice(&rolling, "1NNPP 2NNN"), (Action::Wait, Some(2), 0), "they can close level 1");
    assert_eq!(advice(&rolling, "1NNNNNP 2NNN"), (Action::Escalate, Some(3), 2), "one cannot");
}

#[test]
fn a_level_with_fewer_than_six_is_selected_only_where_the_file_says_so_and_without_a_dlt() {
    let select = |settings: Value, outcomes: &str| {
        let data = Data::from_outcomes(3, outcomes).unwrap();
        design(settings).mtd(&data).unwrap().level.map(Level::number)
    };
    let six = json!({"design": "rolling-6", "doses": 3});
    let three = json!({"design": "rolling-6", "doses": 3, "mtd-patients": 3});
    assert_eq!(select(six.clone(), "1NNNNNT 2NNN"), Some(1));
    assert_eq!(select(six.clone(), "1NNN 2NNN"), None);
    assert_eq!(select(six, "1NNNNTP 2NNN"), None, "the pending patient can close level 1");
    assert_eq!(select(three.clone(), "1NNN 2NNN"), Some(2));
    assert_eq!(select(three.clone(), "1NNN 2NNP"), Some(1));
    assert_eq!(select(three, "1NNN 2NNT"), Some(1));
}

#[test]
fn a_possible_dlt_blocks_escalation() {
    let mut levels = vec![at(2, 0, 0), AtLevel::default()];
    levels[0].possible_dlt = 1;
    let decision = rolling(2).next(&Data::new(levels, None).unwrap()).unwrap();
    assert_eq!(decision.action, Action::Wait);
}

/// Trials in time: three patients come in a window, 4 levels, at most 24 patients.
fn in_time(name: &str) -> Characteristics {
    let design = design(json!({"design": name, "doses": 4, "max-patients": 24}));
    let scenarios = vec![Scenario::of(&[0.03, 0.06, 0.12, 0.45])];
    let mut plan = Plan::new(design, scenarios, Yardstick::new(0.25, 24), 400, 20_080_110);
    let mut conduct = serde_json::to_value(plan.conduct).unwrap();
    conduct["timing"] = json!({"rate": 3.0, "window": 1.0});
    plan.conduct = serde_json::from_value(conduct).unwrap();
    simulate(&plan, 1).unwrap().remove(0)
}

#[test]
fn with_patients_who_come_faster_than_windows_close_it_takes_less_time_for_a_patient_than_3_plus_3() {
    // Source: Skolnik et al. 2008: shorter trials than 3+3, no more DLTs, on average.
    let (rolling, cohorts) = (in_time("rolling-6"), in_time("3+3"));
    let patients = |oc: &Characteristics| oc.patients.iter().sum::<f64>();
    let pace = |oc: &Characteristics| oc.duration.unwrap() / patients(oc);
    assert!(pace(&rolling) < pace(&cohorts), "{} {}", pace(&rolling), pace(&cohorts));
    assert!(rolling.patients.iter().all(|patients| *patients <= 6.0));
    assert!(rolling.select[3] < 0.2, "a rate of 0.45 is rarely selected: {:?}", rolling.select);
}

#[test]
fn settings_out_of_range_are_refused_with_the_key() {
    for (key, value) in [("mtd-patients", 2), ("mtd-patients", 7), ("cohort-size", 2), ("start", 4)] {
        let mut settings = json!({"design": "rolling-6", "doses": 3});
        settings[key] = json!(value);
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let problems: Problems = Design::try_from(settings).unwrap_err();
        assert!(problems.to_string().contains(&format!("`{key}`")), "{problems}");
    }
}

fn any_data() -> impl Strategy<Value = Data> {
    let level = (0..7_u32, 0..4_u32, 0..3_usize).prop_map(|(n, dlts, pending)| at(n, dlts.min(n), pending));
    (prop::collection::vec(level, 1..5), any::<prop::sample::Index>()).prop_map(|(levels, current)| {
        let current = Level::at_index(current.index(levels.len()));
        Data::new(levels, Some(current)).unwrap()
    })
}

/// The same data with every pending patient complete, without or with a DLT.
fn completed(data: &Data, dlt: bool) -> Data {
    let levels = data.levels().iter().map(|at| {
        let (pending, mut at) = (at.pending.len() as u32, at.clone());
        at.pending.clear();
        if dlt {
            at.dlt += pending
        } else {
            at.no_dlt += pending
        }
        at
    });
    Data::new(levels.collect(), Some(data.current())).unwrap()
}

proptest! {
    #[test]
    fn nobody_enters_a_level_with_two_dlts_or_six_patients_or_above_the_next(data in any_data()) {
        let design = design(json!({"design": "rolling-6"}));
        let decision = design.next(&data).unwrap();
        prop_assert_eq!(&decision, &design.next(&data).unwrap());
        prop_assert!(!decision.because.is_empty());
        let closed = data.levels().iter().position(|at| at.dlt >= 2).unwrap_or(usize::MAX);
        if decision.enrol > 0 {
            let level = decision.level.unwrap();
            let enrolled = data.levels()[level.index()].patients();
            prop_assert!(level.index() < closed);
            prop_assert!(enrolled + decision.enrol <= 6);
            let tried_below = level.index() <= data.current().index() + 1
                || data.levels()[level.index() - 1].patients() >= 6;
            prop_assert!(tried_below);
        }
        prop_assert_eq!(decision.action == Action::Stop, closed == 0);
        prop_assert!(design.mtd(&data).unwrap().level.is_none_or(|level| level.index() < closed));
    }

    #[test]
    fn what_is_decided_with_pending_patients_stands_when_they_all_turn_out_well(data in any_data()) {
        let design = design(json!({"design": "rolling-6"}));
        let decision = design.next(&data).unwrap();
        if decision.action == Action::Escalate {
            let later = design.next(&completed(&data, false)).unwrap();
            prop_assert!(later.level >= decision.level);
        }
        if decision.action == Action::Complete {
            for dlt in [false, true] {
                let data = completed(&data, dlt);
                prop_assert_eq!(design.mtd(&data).unwrap().level, decision.level);
            }
        }
    }
}
