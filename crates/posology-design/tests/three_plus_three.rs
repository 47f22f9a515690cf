//! The 3+3 rule against a table written from its sentences, against exact characteristics made by other
//! programs, and against what must hold for any data.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::{Action, AtLevel, BadData, Case, Data, Decision, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde::Deserialize;

fn design(settings: &str) -> Design {
    serde_json::from_str(&format!(r#"{{"design": "3+3", {settings}}}"#)).unwrap()
}

fn level(number: u32) -> Option<Level> {
    Level::new(number)
}

fn next(settings: &str, levels: u32, outcomes: &str) -> Decision {
    design(settings).next(&Data::from_outcomes(levels, outcomes).unwrap()).unwrap()
}

fn advice(settings: &str, levels: u32, outcomes: &str) -> (Action, Option<u32>, u32) {
    let decision = next(settings, levels, outcomes);
    (decision.action, decision.level.map(Level::number), decision.enrol)
}

fn rules(decision: &Decision) -> Vec<&str> {
    decision.because.iter().map(|because| because.rule.as_str()).collect()
}

/// Three levels, those below the current one with 0 of 3. U escalate, S stay, C complete here, B complete with the
/// level below, D de-escalate to it, X stop, W wait; one letter for each number of DLTs among the evaluable.
#[test]
fn every_decision_for_1_to_7_evaluable_and_0_to_7_pending_is_that_of_the_table() {
    let mut checked = 0;
    for row in include_str!("fixtures/three_plus_three.txt").lines() {
        let [variant, position, evaluable, pending, letters] =
            row.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let current = match position {
            "bottom" => 1,
            "middle" => 2,
            _ => 3,
        };
        let (evaluable, pending): (u32, usize) = (evaluable.parse().unwrap(), pending.parse().unwrap());
        let design = design(&format!(r#""doses": 3, "variant": "{variant}""#));
        for (dlt, letter) in (0..=evaluable).zip(letters.chars()) {
            for open in ["pending", "possible"] {
                let mut levels = vec![AtLevel::default(); 3];
                for below in &mut levels[..current - 1] {
                    below.no_dlt = 3;
                }
                let here = &mut levels[current - 1];
                (here.dlt, here.no_dlt) = (dlt, evaluable - dlt);
                if open == "pending" {
                    here.pending = vec![0.5; pending];
                } else {
                    here.possible_dlt = pending as u32;
                }
                let here = Level::new(current as u32);
                let below = Level::new(current as u32 - 1);
                let letter = if open == "possible" && pending > 0 && letter == 'U' { 'W' } else { letter };
                let expected = match letter {
                    'U' => (Action::Escalate, Level::new(current as u32 + 1)),
                    'S' => (Action::Stay, here),
                    'C' => (Action::Complete, here),
                    'B' => (Action::Complete, below),
                    'D' => (Action::DeEscalate, below),
                    'X' => (Action::Stop, None),
                    'W' => (Action::Wait, here),
                    other => panic!("{other} is no letter of the table"),
                };
                let data = Data::new(levels, here).unwrap();
                let decision = design.next(&data).unwrap();
                assert_eq!((decision.action, decision.level), expected, "{row}: {dlt} DLTs, {open}");
                assert_eq!(decision.completions.len(), if pending == 0 { 0 } else { pending + 1 });
                assert!(decision.because.iter().all(|because| !because.says.is_empty()));
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 2 * 3 * 3 * 8 * (2..=8).sum::<u32>());
}

#[derive(Deserialize)]
struct Exact {
    cases: Vec<ExactCase>,
}

#[derive(Deserialize)]
struct ExactCase {
    variant: String,
    p_true: Vec<f64>,
    p_select_none: f64,
    p_select: Vec<f64>,
    e_n: Vec<f64>,
    n_paths: u32,
}

struct Walk<'a> {
    design: &'a Design,
    truth: &'a [f64],
    select: Vec<f64>,
    select_none: f64,
    patients: Vec<f64>,
    paths: u32,
}

impl Walk<'_> {
    fn from(&mut self, counts: &[(u32, u32)], current: Level, probability: f64) {
        let levels =
            counts.iter().map(|(n, y)| AtLevel { dlt: *y, no_dlt: n - y, ..AtLevel::default() }).collect();
        let data = Data::new(levels, Some(current)).unwrap();
        let decision = self.design.next(&data).unwrap();
        if decision.enrol == 0 {
            let selection = self.design.mtd(&data).unwrap();
            assert_eq!(decision.level, selection.level, "what ends a trial is what is selected: {data:?}");
            match selection.level {
                Some(level) => self.select[level.index()] += probability,
                None => self.select_none += probability,
            }
            for (expected, (n, _)) in self.patients.iter_mut().zip(counts) {
                *expected += probability * f64::from(*n);
            }
            self.paths += 1;
            return;
        }
        let level = decision.level.unwrap();
        let p = self.truth[level.index()];
        let mut ways = 1.0;
        for dlts in 0..=decision.enrol {
            let of_outcome = ways * p.powi(dlts as i32) * (1.0 - p).powi((decision.enrol - dlts) as i32);
            let mut counts = counts.to_vec();
            counts[level.index()].0 += decision.enrol;
            counts[level.index()].1 += dlts;
            self.from(&counts, level, probability * of_outcome);
            ways = ways * f64::from(decision.enrol - dlts) / f64::from(dlts + 1);
        }
    }
}

#[test]
fn exact_characteristics_of_the_three_variants_are_those_of_other_programs() {
    let exact: Exact = serde_json::from_str(include_str!("fixtures/three_plus_three_exact.json")).unwrap();
    for case in exact.cases {
        let levels = case.p_true.len();
        let design = design(&format!(r#""doses": {levels}, "variant": "{}""#, case.variant));
        let mut walk = Walk {
            design: &design,
            truth: &case.p_true,
            select: vec![0.0; levels],
            select_none: 0.0,
            patients: vec![0.0; levels],
            paths: 0,
        };
        walk.from(&vec![(0, 0); levels], Level::FIRST, 1.0);
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-12, "{}: {found} is not {expected}", case.variant);
        };
        assert_eq!(walk.paths, case.n_paths, "{} with {levels} levels", case.variant);
        close(walk.select_none, case.p_select_none);
        walk.select.iter().zip(&case.p_select).for_each(|(found, expected)| close(*found, *expected));
        walk.patients.iter().zip(&case.e_n).for_each(|(found, expected)| close(*found, *expected));
    }
}

#[test]
fn a_trial_begins_with_the_first_cohort_at_its_start_level() {
    assert_eq!(advice(r#""doses": 4"#, 4, ""), (Action::Start, Some(1), 3));
    assert_eq!(advice(r#""doses": 4, "start": 2, "first-cohort": 5"#, 4, ""), (Action::Start, Some(2), 5));
}

#[test]
fn cohorts_of_4_and_5_follow_the_same_lines() {
    let settings = r#""doses": 3"#;
    assert_eq!(advice(settings, 3, "1NNNN"), (Action::Escalate, Some(2), 3));
    assert_eq!(advice(settings, 3, "1NNNNN"), (Action::Escalate, Some(2), 3));
    assert_eq!(advice(settings, 3, "1NNNT"), (Action::Stay, Some(1), 2));
    assert_eq!(advice(settings, 3, "1TNNNN"), (Action::Stay, Some(1), 1));
    assert_eq!(advice(settings, 3, "1NNNTT"), (Action::Stop, None, 0));
}

#[test]
fn a_first_cohort_of_5_is_filled_before_the_level_is_left() {
    let settings = r#""doses": 3, "first-cohort": 5"#;
    assert_eq!(advice(settings, 3, "1NNN"), (Action::Stay, Some(1), 2));
    assert_eq!(advice(settings, 3, "1NNNNX"), (Action::Stay, Some(1), 1));
    assert_eq!(advice(settings, 3, "1NNNNN"), (Action::Escalate, Some(2), 5));
}

#[test]
fn two_dlts_stop_a_level_at_once_and_the_reason_says_so() {
    let decision = next(r#""doses": 3"#, 3, "1NNN 2TTP");
    assert_eq!((decision.action, decision.level), (Action::Complete, level(1)));
    assert_eq!(decision.because[0].rule, "3+3/stop-level");
    assert_eq!(
        decision.because[0].says,
        "level 2 and all levels above it must stop: 2 DLTs among 2 evaluable patients"
    );
    assert_eq!(
        decision.because[1].says,
        "1 pending patient cannot change the advice: each of the 2 ways they can turn out gives `complete` with level 1 selected"
    );
    assert_eq!(
        decision.because[2].says,
        "no DLT among 3 evaluable patients at level 1: the level is cleared"
    );
}

#[test]
fn a_late_second_dlt_below_the_current_level_closes_the_current_level_too() {
    let settings = r#""doses": 4, "variant": "korn""#;
    assert_eq!(advice(settings, 4, "1NNN 2NNTNNT 3NNN"), (Action::DeEscalate, Some(1), 3));
    assert_eq!(advice(r#""doses": 4"#, 4, "1NNN 2NNTNNT 3NNN"), (Action::Complete, Some(1), 0));
}

#[test]
fn no_variant_selects_a_level_where_nobody_was_treated() {
    for variant in ["classic", "korn", "six-at-mtd"] {
        let settings = format!(r#""doses": 3, "start": 2, "variant": "{variant}""#);
        assert_eq!(advice(&settings, 3, "2TTN"), (Action::DeEscalate, Some(1), 3), "{variant}");
    }
    let data = Data::from_outcomes(3, "2TTN").unwrap();
    assert_eq!(design(r#""doses": 3, "start": 2"#).mtd(&data).unwrap().level, None);
}

#[test]
fn classic_returns_to_a_level_that_a_late_dlt_left_unsettled() {
    assert_eq!(advice(r#""doses": 3"#, 3, "1NNT 2TTN"), (Action::DeEscalate, Some(1), 3));
}

#[test]
fn a_late_first_dlt_below_brings_the_trial_back_and_its_pending_hold_it() {
    for variant in ["classic", "korn", "six-at-mtd"] {
        let settings = format!(r#""doses": 3, "variant": "{variant}""#);
        assert_eq!(advice(&settings, 3, "1NNT 2NNN"), (Action::DeEscalate, Some(1), 3), "{variant}");
        assert_eq!(advice(&settings, 3, "1NNP 2NNN"), (Action::Wait, Some(2), 0), "{variant}");
        assert_eq!(advice(&settings, 3, "1NNTNNN 2NNN"), (Action::Escalate, Some(3), 3), "{variant}");
    }
}

#[test]
fn a_planned_cohort_beyond_reason_is_cut_and_not_listed_for_ever() {
    let rows = design(r#""doses": 3"#).what_if(&Data::from_outcomes(3, "1NNN").unwrap(), u32::MAX).unwrap();
    assert_eq!(rows.len(), 101);
}

#[test]
fn a_possible_dlt_blocks_escalation_until_it_is_adjudicated() {
    let six = AtLevel { no_dlt: 5, ..AtLevel::default() };
    let with = |at: AtLevel| Data::new(vec![at, AtLevel::default()], None).unwrap();
    let design = design(r#""doses": 2"#);
    let possible = design.next(&with(AtLevel { possible_dlt: 1, ..six.clone() })).unwrap();
    assert_eq!(possible.action, Action::Wait);
    assert!(rules(&possible).contains(&"undecided/possible-dlt"));
    assert!(possible.completions.iter().all(|way| way.action == Action::Escalate));
    let pending = design.next(&with(AtLevel { pending: vec![0.9], ..six })).unwrap();
    assert_eq!((pending.action, pending.level), (Action::Escalate, level(2)));
    assert!(rules(&pending).contains(&"undecided/cannot-change"));
}

#[test]
fn pending_at_two_levels_are_completed_together() {
    let decision = next(r#""doses": 3"#, 3, "1NNP 2NNNP");
    assert_eq!(decision.completions.len(), 4);
    assert_eq!(decision.action, Action::Wait);
    let last = decision.completions.last().unwrap();
    assert_eq!(
        last.dlts.iter().map(|at| (at.level.number(), at.dlts, at.undecided)).collect::<Vec<_>>(),
        [(1, 1, 1), (2, 1, 1)]
    );
}

#[test]
fn the_last_patient_of_max_patients_ends_the_trial_with_its_selection() {
    let settings = r#""doses": 3, "max-patients": 7"#;
    assert_eq!(advice(settings, 3, "1NNN 2NNN"), (Action::Escalate, Some(3), 1));
    assert_eq!(advice(settings, 3, "1NNN 2NNNN"), (Action::Complete, Some(2), 0));
    let error = design(settings).next(&Data::from_outcomes(3, "1NNNN 2NNNN").unwrap()).unwrap_err();
    assert_eq!(error, BadData::TooManyPatients { found: 8, max: 7 });
}

#[test]
fn what_if_shows_best_worst_and_every_number_of_dlts_in_the_next_cohort() {
    let data = Data::from_outcomes(3, "1NNN 2NNP").unwrap();
    let rows = design(r#""doses": 3"#).what_if(&data, 3).unwrap();
    let short: Vec<_> = rows.iter().map(|row| (row.case, row.decision.action)).collect();
    let of_3 = |dlts| Case::NextCohort { patients: 3, dlts };
    assert_eq!(
        short,
        [
            (Case::Best, Action::Escalate),
            (Case::Worst, Action::Stay),
            (of_3(0), Action::Escalate),
            (of_3(1), Action::Wait),
            (of_3(2), Action::Complete),
            (of_3(3), Action::Complete),
        ]
    );
}

#[test]
fn mtd_waits_where_pending_patients_can_change_it() {
    let design = design(r#""doses": 3"#);
    let selection = design.mtd(&Data::from_outcomes(3, "1NNN 2NNNTNP").unwrap()).unwrap();
    assert_eq!((selection.level, selection.awaits), (None, true));
    let selection = design.mtd(&Data::from_outcomes(3, "1NNN 2NTTP").unwrap()).unwrap();
    assert_eq!((selection.level, selection.awaits), (level(1), false));
}

#[test]
fn a_file_with_problems_names_each_key_at_once() {
    let settings: Settings = serde_json::from_str(
        r#"{"design": "3+3", "doses": ["a", "a"], "start": 3, "first-cohort": 6, "expand-to": 6, "cohort-size": 2, "target": 30}"#,
    )
    .unwrap();
    let keys: Vec<_> = settings.check().into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["doses", "start", "target", "first-cohort", "expand-to", "cohort-size"]);
    let Problems(problems) = Design::try_from(settings).unwrap_err();
    assert_eq!(problems.len(), 6);
}

#[test]
fn unknown_keys_designs_and_variants_are_refused_by_name() {
    for (file, expected) in [
        (r#"{"design": "3+3", "dosess": 3}"#, "unknown field `dosess`"),
        (r#"{"design": "4+4"}"#, "unknown variant `4+4`"),
        (r#"{"design": "3+3", "variant": "korm"}"#, "unknown variant `korm`"),
        (r#"{"doses": 3}"#, "missing field `design`"),
        (r#"{"design": "3+3", "doses": 0}"#, "`doses`: found 0, expected 1 to 100 levels"),
        (r#"{"design": "3+3", "doses": "x"}"#, "the number of levels, or a list of their labels"),
    ] {
        let message = serde_json::from_str::<Design>(file).unwrap_err().to_string();
        assert!(message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn settings_survive_a_round_trip() {
    let design =
        design(r#""doses": ["15 mCi/m2", "20 mCi/m2"], "variant": "korn", "target": 0.3, "cohort-size": 3"#);
    let text = serde_json::to_string(&design).unwrap();
    assert_eq!(serde_json::from_str::<Design>(&text).unwrap(), design);
    assert_eq!(serde_json::to_value(&design).unwrap()["variant"], "korn");
}

#[test]
fn the_regimens_of_a_trial_are_its_ladder() {
    let read = |text: &str| serde_json::from_str::<Settings>(text).unwrap();
    let regimens = ["A".to_owned(), "B".to_owned()];
    let design = Design::try_from(read(r#"{"design": "3+3"}"#).for_regimens(&regimens).unwrap()).unwrap();
    assert_eq!(design.levels(), Some(2));
    assert!(read(r#"{"design": "3+3", "doses": 2}"#).for_regimens(&regimens).is_ok());
    let problem = read(r#"{"design": "3+3", "doses": 3}"#).for_regimens(&regimens).unwrap_err();
    assert_eq!((problem.key.as_str(), problem.found.as_str()), ("doses", "3"));
}

#[test]
fn outcomes_and_counts_that_cannot_be_read_say_what_was_expected() {
    for (outcomes, expected) in [
        ("4NNN", "found level 4, expected 1 to 3"),
        ("0N", "found level 0, expected 1 to 3"),
        ("NNN", "found the cohort `NNN`"),
        ("1NZ", "found the cohort `1NZ`"),
        ("99999999999N", "found the cohort"),
        ("1é", "found the cohort `1é`"),
    ] {
        let message = Data::from_outcomes(3, outcomes).unwrap_err().to_string();
        assert!(message.contains(expected), "{outcomes}: {message}");
    }
    let late = AtLevel { pending: vec![1.2], ..AtLevel::default() };
    assert!(matches!(Data::new(vec![late], None), Err(BadData::FollowUp { .. })));
    assert!(matches!(Data::new(vec![], None), Err(BadData::NoLadder { found: 0 })));
    assert!(matches!(Data::new(vec![AtLevel::default()], level(2)), Err(BadData::OutsideLadder { .. })));
    let many = AtLevel { pending: vec![0.0; 30], ..AtLevel::default() };
    assert!(matches!(Data::new(vec![many; 4], None), Err(BadData::TooUndecided { .. })));
    let two = Data::from_outcomes(2, "1N").unwrap();
    assert!(matches!(
        design(r#""doses": 3"#).next(&two),
        Err(BadData::OtherLadder { found: 2, expected: 3 })
    ));
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_of_a_design_is_that_of_its_file() {
    let schema = serde_json::to_value(schemars::schema_for!(Design)).unwrap();
    let settings = serde_json::to_value(schemars::schema_for!(Settings)).unwrap();
    assert_eq!((&schema["oneOf"], &schema["$defs"]), (&settings["oneOf"], &settings["$defs"]));
    assert!(schema.to_string().contains("first-cohort"));
}

fn any_level() -> impl Strategy<Value = AtLevel> {
    (0_u32..4, 0_u32..8, 0_u32..2, 0_usize..3).prop_map(|(dlt, no_dlt, possible_dlt, pending)| AtLevel {
        dlt,
        no_dlt,
        possible_dlt,
        pending: vec![0.5; pending],
        ..AtLevel::default()
    })
}

fn any_data() -> impl Strategy<Value = Data> {
    (prop::collection::vec(any_level(), 1..5), 0_u32..5).prop_map(|(levels, current)| {
        let current = current % levels.len() as u32 + 1;
        Data::new(levels, Level::new(current)).unwrap()
    })
}

fn any_design() -> impl Strategy<Value = Design> {
    (prop::sample::select(vec!["classic", "korn", "six-at-mtd"]), 3_u32..6)
        .prop_map(|(variant, first)| design(&format!(r#""variant": "{variant}", "first-cohort": {first}"#)))
}

proptest! {
    #[test]
    fn no_advice_treats_or_selects_at_or_above_a_level_with_two_dlts(data in any_data(), design in any_design()) {
        let decision = design.next(&data).unwrap();
        let closed = data.levels().iter().position(|at| at.dlt >= 2).map_or(usize::MAX, |index| index);
        if decision.action != Action::Wait {
            prop_assert!(decision.level.is_none_or(|level| level.index() < closed));
        }
        prop_assert!(design.mtd(&data).unwrap().level.is_none_or(|level| level.index() < closed));
    }

    #[test]
    fn advice_moves_up_one_level_at_most_and_always_has_a_reason(data in any_data(), design in any_design()) {
        let decision = design.next(&data).unwrap();
        prop_assert!(!decision.because.is_empty());
        prop_assert_eq!(decision.level.is_none(), decision.action == Action::Stop);
        if data.patients() > 0 {
            prop_assert!(decision.level.is_none_or(|level| level.number() <= data.current().number() + 1));
        }
        prop_assert_eq!(decision.enrol > 0, matches!(
            decision.action, Action::Start | Action::Escalate | Action::Stay | Action::DeEscalate));
    }

    #[test]
    fn advice_with_undecided_patients_is_what_every_completion_gives(data in any_data(), design in any_design()) {
        let decision = design.next(&data).unwrap();
        if decision.action != Action::Wait {
            for way in &decision.completions {
                prop_assert_eq!((way.action, way.level), (decision.action, decision.level));
            }
        }
    }

    #[test]
    fn any_text_of_outcomes_is_read_or_refused(text in "[0-9NTPXa é]{0,12}") {
        let _ = Data::from_outcomes(3, &text);
    }
}
