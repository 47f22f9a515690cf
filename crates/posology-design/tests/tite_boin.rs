//! TITE-BOIN against decisions of the R package TITEgBOIN 0.4.0, against the 2018 paper, and against BOIN where nobody
//! is pending.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::{Action, AtLevel, Data, Design, Level, Problems, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    let mut whole = json!({"design": "tite-boin", "target": 0.3, "doses": 5, "window": 28});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn refused(settings: Value) -> Vec<String> {
    let mut whole = json!({"design": "tite-boin", "target": 0.3, "doses": 5, "window": 28});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let settings: Settings = serde_json::from_value(whole).unwrap();
    let Err(Problems(problems)) = Design::try_from(settings) else { return Vec::new() };
    problems.into_iter().map(|problem| problem.key).collect()
}

fn at(dlt: u32, evaluable: u32, pending: &[f64]) -> AtLevel {
    AtLevel { dlt, no_dlt: evaluable - dlt, pending: pending.to_vec(), ..AtLevel::default() }
}

fn advice(design: &Design, levels: Vec<AtLevel>, current: u32) -> (Action, Option<u32>) {
    let decision = design.next(&Data::new(levels, Level::new(current)).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number))
}

fn rules(design: &Design, levels: Vec<AtLevel>, current: u32) -> Vec<String> {
    let decision = design.next(&Data::new(levels, Level::new(current)).unwrap()).unwrap();
    decision.because.into_iter().map(|because| because.rule).collect()
}

#[test]
fn all_27_decisions_are_those_of_the_package() {
    let mut checked = 0;
    for line in include_str!("fixtures/tite_boin.txt").lines().filter(|line| !line.starts_with('#')) {
        let [current, treated, pending, dlts, follow_up, next, waits] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let numbers = |list: &str| -> Vec<f64> { list.split(',').map(|n| n.parse().unwrap()).collect() };
        let (treated, pending, dlts, follow_up) =
            (numbers(treated), numbers(pending), numbers(dlts), numbers(follow_up));
        let levels = (0..5).map(|level| {
            let share = follow_up[level] / pending[level].max(1.0) / 28.0;
            let evaluable = treated[level] - pending[level];
            at(dlts[level] as u32, evaluable as u32, &vec![share; pending[level] as usize])
        });
        let (action, level) = advice(&design(json!({})), levels.collect(), current.parse().unwrap());
        assert_eq!(level, next.parse().ok(), "{line}");
        assert_eq!(action == Action::Wait, waits == "1", "{line}");
        checked += 1;
    }
    assert_eq!(checked, 27);
}

/// Yuan and others 2018, Table 1: target 0.2, of 9 patients 1 with a DLT and 4 pending: escalate from a total of 2.15
/// windows of follow-up on.
#[test]
fn the_imputed_estimate_escalates_where_the_paper_s_table_does() {
    let design = design(json!({"target": 0.2, "estimate": "imputed"}));
    let levels =
        |share: f64| vec![at(1, 5, &[share; 4]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])];
    assert_eq!(advice(&design, levels(2.144 / 4.0), 1).0, Action::Stay);
    assert_eq!(advice(&design, levels(2.155 / 4.0), 1).0, Action::Escalate);
}

#[test]
fn a_pending_patient_counts_as_the_share_of_the_window_seen() {
    let design = design(json!({}));
    let levels = vec![at(0, 3, &[]), at(1, 3, &[0.5, 0.25]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])];
    let numbers = design.numbers(&Data::new(levels, None).unwrap()).unwrap();
    assert_eq!(numbers.levels[1].estimate, Some(1.0 / 3.75));
    assert!((numbers.levels[1].mean.unwrap() - 2.0 / 5.75).abs() < 1e-15);
}

#[test]
fn accrual_is_suspended_above_half_pending_and_not_at_half() {
    let design = design(json!({}));
    let levels = |pending: usize| {
        vec![at(0, 3, &[]), at(0, 3, &vec![0.9; pending]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])]
    };
    assert_eq!(advice(&design, levels(3), 2), (Action::Escalate, Some(3)));
    assert_eq!(advice(&design, levels(4), 2), (Action::Wait, Some(2)));
    assert_eq!(rules(&design, levels(4), 2), ["part-cohort", "tite-boin/suspended"]);
}

#[test]
fn known_dlts_that_ask_to_de_escalate_whatever_happens_do_not_wait() {
    let design = design(json!({}));
    let levels = vec![at(0, 3, &[]), at(3, 3, &[0.1; 4]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])];
    assert_eq!(advice(&design, levels, 2), (Action::DeEscalate, Some(1)));
}

#[test]
fn level_one_waits_where_it_asks_to_de_escalate_with_patients_pending() {
    let design = design(json!({}));
    let levels = vec![at(2, 5, &[0.1]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])];
    assert_eq!(advice(&design, levels, 1), (Action::Wait, Some(1)));
}

#[test]
fn a_level_is_eliminated_on_all_treated_or_by_weight_as_the_design_says() {
    // 3 DLTs among 3, 3 pending and unseen: 3 of 6 does not eliminate at a target of 0.3, 3 of 3 does.
    let levels = || vec![at(3, 3, &[0.0; 3]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[]), at(0, 0, &[])];
    assert_eq!(advice(&design(json!({})), levels(), 1), (Action::Wait, Some(1)));
    let by_weight = design(json!({"eliminate-by-weight": true}));
    assert_eq!(advice(&by_weight, levels(), 1), (Action::Stop, None));
    assert_eq!(rules(&by_weight, levels(), 1), ["tite-boin/eliminate"]);
}

#[test]
fn no_escalation_before_patients_have_passed_the_day_of_minimum_follow_up() {
    let levels = |share: f64| vec![at(0, 2, &[share]), at(0, 0, &[]), at(0, 0, &[])];
    let design =
        |day: f64| design(json!({"doses": 3, "min-follow-up": day, "window": 85, "weights": "linear"}));
    assert_eq!(advice(&design(49.0), levels(48.9 / 85.0), 1), (Action::Stay, Some(1)));
    assert_eq!(
        rules(&design(49.0), levels(48.9 / 85.0), 1),
        ["tite-boin/escalate", "tite-boin/min-follow-up"]
    );
    assert_eq!(advice(&design(49.0), levels(49.0 / 85.0), 1), (Action::Escalate, Some(2)));
}

/// Three patients on day 28 of 85 are one by linear weights; with onset about normal (45, 10) they are 0.13.
#[test]
fn three_patients_on_day_28_count_as_one_linearly_and_as_0_13_when_onset_is_late() {
    let total = |weights: Value| {
        let design = design(json!({"window": 85, "weights": weights}));
        3.0 * design.late_onset().unwrap().weights_on(&[28.0])[0]
    };
    assert!((total(json!("linear")) - 84.0 / 85.0).abs() < 1e-12);
    let late = json!({"distribution": {"law": "normal", "mean": 45, "sd": 10}});
    assert!((total(late) - 0.133_7).abs() < 1e-4);
    let table = json!({"table": [[14, 0.0], [42, 0.4]]});
    assert!((total(table) - 0.6).abs() < 1e-12);
    // Weibull with shape 2, scale 50: (1 - exp(-(28/50)^2)) / (1 - exp(-(85/50)^2)), by another program.
    let weibull = json!({"distribution": {"law": "weibull", "shape": 2, "scale": 50}});
    assert!((total(weibull) - 3.0 * 0.285_029_569_748_921_7).abs() < 1e-12);
}

/// Cheung and Chappell 2000 as dfcrm 0.2-2.1 computes them: with z onsets, k passed, (k + part of the step) / (z + 1).
#[test]
fn adaptive_weights_step_at_the_onsets_seen() {
    let design = design(json!({"weights": "adaptive"}));
    let adaptive = design.late_onset().unwrap();
    assert_eq!(adaptive.weight(0.4, &[]), 0.4);
    assert!((adaptive.weight(0.25, &[0.5]) - 0.25).abs() < 1e-15);
    assert!((adaptive.weight(0.75, &[0.5, 0.7]) - (2.0 + 0.05 / 0.3) / 3.0).abs() < 1e-15);
    // Both DLTs late: a patient before them counts a third of the way.
    assert!((adaptive.weight(0.4, &[0.8, 0.9]) - 0.5 / 3.0).abs() < 1e-15);
}

#[test]
fn a_window_over_42_days_wants_an_explicit_choice_of_weights() {
    assert_eq!(refused(json!({"window": 42})), [""; 0]);
    assert_eq!(refused(json!({"window": 43})), ["weights"]);
    assert_eq!(refused(json!({"window": 43, "weights": "linear"})), [""; 0]);
    assert_eq!(refused(json!({"window": null})), ["window"]);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for (settings, key) in [
        (json!({"window": 0}), "window"),
        (json!({"window": 1e300}), "window"),
        (json!({"suspend-above": 1.0}), "suspend-above"),
        (json!({"suspend-above": -0.1}), "suspend-above"),
        (json!({"min-follow-up": 29}), "min-follow-up"),
        (json!({"min-follow-up-patients": 0}), "min-follow-up-patients"),
        (json!({"imputation-prior": [0.0, 1.0]}), "imputation-prior"),
        (json!({"weights": {"table": []}}), "weights"),
        (json!({"weights": {"table": [[10, 0.5], [9, 0.6]]}}), "weights"),
        (json!({"weights": {"table": [[10, 0.5], [12, 0.4]]}}), "weights"),
        (json!({"weights": {"table": [[28, 0.5]]}}), "weights"),
        (json!({"weights": {"table": [[29, 1.0]]}}), "weights"),
        (json!({"weights": {"distribution": {"law": "normal", "mean": 45, "sd": 0}}}), "weights"),
        (json!({"weights": {"distribution": {"law": "normal", "mean": 400, "sd": 10}}}), "weights"),
        (json!({"weights": {"distribution": {"law": "weibull", "shape": 0, "scale": 9}}}), "weights"),
        (json!({"p-under": 0.4}), "p-under"),
        (json!({"target": 0.0}), "target"),
    ] {
        assert_eq!(refused(settings.clone()), [key], "{settings}");
    }
    let not_a_number = serde_json::from_value::<Design>(json!({"design": "tite-boin", "window": "NaN"}));
    assert!(not_a_number.is_err());
}

#[test]
fn at_max_patients_the_selection_waits_for_the_pending() {
    let design = design(json!({"max-patients": 6, "doses": 2}));
    let levels = vec![at(0, 3, &[]), at(1, 2, &[0.5])];
    assert_eq!(advice(&design, levels, 2), (Action::Wait, Some(2)));
}

fn boin() -> impl Strategy<Value = Value> {
    (
        0.1..0.5_f64,
        prop::bool::ANY,
        prop::bool::ANY,
        prop::bool::ANY,
        prop::option::of(6..20_u32),
        prop::option::of(12..40_u32),
    )
        .prop_map(|(target, extra_safe, bounded, titration, early, max)| {
            json!({
                "target": target, "doses": 4, "extra-safe": extra_safe, "bounded-mtd": bounded,
                "titration": titration, "early-stop-n": early, "max-patients": max,
            })
        })
}

/// Evaluable and DLTs of four levels; shares of pending patients at each; the current level.
type Trial = (Vec<(u32, u32)>, Vec<Vec<f64>>, u32);

fn trial() -> impl Strategy<Value = Trial> {
    let count = (0..8_u32).prop_flat_map(|n| (Just(n), 0..=n));
    let pending = prop::collection::vec(0.0..=1.0_f64, 0..4);
    (prop::collection::vec(count, 4), prop::collection::vec(pending, 4), 1..=4_u32)
}

fn data((counts, pending, current): &Trial) -> Option<Data> {
    let levels = counts.iter().zip(pending).map(|(&(n, dlts), pending)| at(dlts, n, pending)).collect();
    Data::new(levels, Level::new(*current)).ok()
}

fn tite(settings: &Value, more: Value) -> Design {
    let mut whole = settings.clone();
    for (key, value) in more.as_object().unwrap() {
        whole[key] = value.clone();
    }
    design(whole)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_nobody_pending_it_is_boin(settings in boin(), trial in trial(), imputed: bool) {
        let none = (trial.0.clone(), vec![Vec::new(); 4], trial.2);
        let data = data(&none).unwrap();
        let estimate = if imputed { "imputed" } else { "effective" };
        let tite = tite(&settings, json!({"estimate": estimate}));
        let mut plain = settings.clone();
        plain["design"] = json!("boin");
        let boin: Design = serde_json::from_value(plain).unwrap();
        prop_assert_eq!(tite.next(&data).map(|next| (next.action, next.level, next.enrol)),
            boin.next(&data).map(|next| (next.action, next.level, next.enrol)));
        prop_assert_eq!(tite.mtd(&data).map(|mtd| mtd.level), boin.mtd(&data).map(|mtd| mtd.level));
        prop_assert_eq!(tite.numbers(&data), boin.numbers(&data));
        prop_assert_eq!(tite.table(30), boin.table(30));
    }

    #[test]
    fn a_dlt_in_place_of_none_never_leads_to_a_higher_level(
        settings in boin(), trial in trial(), at in 0..4_usize, imputed: bool, by_weight: bool,
    ) {
        let mut worse = trial.clone();
        let count = &mut worse.0[at];
        prop_assume!(count.1 < count.0);
        count.1 += 1;
        let (Some(better), Some(worse)) = (data(&trial), data(&worse)) else { return Ok(()) };
        let design = tite(&settings, json!({
            "estimate": if imputed { "imputed" } else { "effective" }, "eliminate-by-weight": by_weight,
            "max-patients": 41, "early-stop-n": null,
        }));
        let (better, worse) = (design.next(&better).unwrap(), design.next(&worse).unwrap());
        prop_assert!(worse.level <= better.level, "{:?} then {:?}", better, worse);
    }

    #[test]
    fn more_follow_up_without_a_dlt_never_leads_to_a_lower_level(
        settings in boin(), trial in trial(), share in 0.0..=1.0_f64,
    ) {
        let mut longer = trial.clone();
        let here = &mut longer.1[trial.2 as usize - 1];
        let Some(first) = here.first_mut() else { return Ok(()) };
        prop_assume!(share > *first);
        *first = share;
        let (Some(shorter), Some(longer)) = (data(&trial), data(&longer)) else { return Ok(()) };
        let design = tite(&settings, json!({"max-patients": 41, "early-stop-n": null}));
        let (shorter, longer) = (design.next(&shorter).unwrap(), design.next(&longer).unwrap());
        prop_assert!(longer.level >= shorter.level || shorter.action == Action::Wait);
    }

    #[test]
    fn pending_never_count_for_more_than_their_weight(trial in trial(), onsets in prop::collection::vec(0.0..=1.0_f64, 0..5), share in 0.0..=1.0_f64) {
        let mut onsets = onsets;
        onsets.sort_by(f64::total_cmp);
        for weights in [
            json!("linear"), json!("adaptive"), json!({"table": [[7, 0.1], [21, 0.6]]}),
            json!({"distribution": {"law": "normal", "mean": 20, "sd": 4}}),
            json!({"distribution": {"law": "weibull", "shape": 3, "scale": 20}}),
        ] {
            let design = design(json!({"doses": 4, "max-patients": 41, "weights": weights}));
            let late_onset = design.late_onset().unwrap();
            let (lower, weight) = (late_onset.weight(0.9 * share, &onsets), late_onset.weight(share, &onsets));
            prop_assert!((0.0..=1.0).contains(&weight));
            prop_assert!(lower <= weight + 1e-15);
            prop_assert_eq!(late_onset.weight(1.0, &onsets), 1.0);
            let Some(data) = data(&trial) else { continue };
            let numbers = design.numbers(&data).unwrap();
            for (at, (count, pending)) in numbers.levels.iter().zip(trial.0.iter().zip(&trial.1)) {
                // No DLT onset is given, so adaptive weights are linear here.
                let followed: f64 = pending.iter().map(|share| late_onset.weight(*share, &[])).sum();
                if let Some(rate) = at.estimate {
                    prop_assert!((rate * (f64::from(count.0) + followed) - f64::from(count.1)).abs() < 1e-9);
                }
                prop_assert_eq!((at.evaluable, at.dlt), *count);
            }
        }
    }

    #[test]
    fn no_patient_goes_to_a_closed_level_and_no_level_is_skipped(settings in boin(), trial in trial(), by_weight: bool) {
        let Some(data) = data(&trial) else { return Ok(()) };
        let design = tite(&settings, json!({"eliminate-by-weight": by_weight, "max-patients": 41}));
        let next = design.next(&data).unwrap();
        let numbers = design.numbers(&data).unwrap();
        if let (Some(level), true) = (next.level, next.enrol > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated);
            prop_assert!(level.number() <= trial.2 + 1);
        }
        prop_assert_eq!(&design.next(&data).unwrap(), &next);
        if next.action == Action::Wait {
            prop_assert!(trial.1.iter().any(|pending| !pending.is_empty()));
        }
    }
}
