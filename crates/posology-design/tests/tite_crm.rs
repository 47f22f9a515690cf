//! TITE-CRM against R's dfcrm 0.2-2.1 and accurate quadrature of the same posteriors.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::tite_crm::TiteCrm;
use posology_design::{Action, AtLevel, Data, Design, LastCohort, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

const SKELETON: [f64; 5] =
    [0.0839734913056243, 0.156741021142636, 0.25, 0.354500427615112, 0.460343111085307];

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn tite(settings: Value) -> TiteCrm {
    let Design::TiteCrm(tite) = design(settings) else { panic!("not a tite-crm") };
    tite
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn usual() -> Value {
    json!({"design": "tite-crm", "target": 0.25, "skeleton": SKELETON, "window": 28, "cohort-size": 1})
}

fn with(mut settings: Value, key: &str, value: Value) -> Value {
    settings[key] = value;
    settings
}

fn at(dlt: u32, no_dlt: u32, pending: &[f64]) -> AtLevel {
    AtLevel { dlt, no_dlt, pending: pending.to_vec(), ..AtLevel::default() }
}

fn data(levels: &[AtLevel]) -> Data {
    let mut all = levels.to_vec();
    all.resize(5, AtLevel::default());
    Data::new(all, None).unwrap()
}

/// Patients as dfcrm has them: those followed to the end are complete, the others pending.
fn of_case(case: &Value) -> Data {
    let mut levels = vec![AtLevel::default(); case["prior"].as_array().unwrap().len()];
    let window = case["obswin"].as_f64();
    let (given, follow_up) = (case["weights"].as_array(), case["followup"].as_array());
    for (place, dlt) in numbers(&case["tox"]).into_iter().enumerate() {
        let level = &mut levels[case["level"][place].as_u64().unwrap() as usize - 1];
        // Where weights are given, `linear` makes a weight of a share.
        let share = match (given, follow_up) {
            (Some(weights), _) => weights[place].as_f64().unwrap(),
            (None, Some(days)) => (days[place].as_f64().unwrap() / window.unwrap()).min(1.0),
            _ => panic!("neither weights nor follow-up"),
        };
        if dlt > 0.5 {
            level.dlt += 1;
            level.onset.push(share);
        } else if share >= 1.0 {
            level.no_dlt += 1;
        } else {
            level.pending.push(share);
        }
    }
    Data::new(levels, None).unwrap()
}

#[test]
fn posteriors_and_levels_are_those_of_titecrm() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/tite_crm.json")).unwrap();
    let (mut worst, mut adaptive) = (0.0_f64, 0);
    for case in fixture["fits"].as_array().unwrap() {
        adaptive += u32::from(case["scheme"] == "adaptive");
        let tite = design(json!({
            "design": "tite-crm", "model": case["model"], "target": case["target"], "skeleton": case["prior"],
            "scale": case["scale"], "intercept": case["intcpt"], "weights": case["scheme"],
            "window": case["obswin"].as_f64().unwrap_or(1.0), "allow-skipping": true, "coherent": false,
            "stop-toxic": false, "cohort-size": 1,
        }));
        let data = of_case(case);
        let found = tite.numbers(&data).unwrap();
        let a = &found.parameters[0];
        let accurate = &case["accurate"];
        let mut pairs = vec![
            (a.mean, accurate["estimate"].as_f64().unwrap()),
            (a.sd * a.sd, accurate["post_var"].as_f64().unwrap()),
        ];
        pairs.extend(found.levels.iter().map(|at| at.estimate.unwrap()).zip(numbers(&accurate["ptox"])));
        for (ours, accurate) in pairs {
            worst = worst.max((ours - accurate).abs());
            assert!((ours - accurate).abs() < 1e-9, "{case}: {ours} {accurate}");
        }
        let mtd = accurate["mtd"].as_u64().unwrap() as u32;
        assert_eq!(tite.next(&data).unwrap().level, Level::new(mtd), "{case}");
    }
    println!("greatest difference from the accurate posteriors: {worst:.1e}; {adaptive} adaptive");
}

/// Cheung and Chappell 2000: each interval between times of DLT is worth the same. Worked by hand.
#[test]
fn adaptive_weights_give_each_interval_between_dlts_the_same() {
    let tite = |dlts: &[f64], share: f64| {
        let mut levels = vec![AtLevel::default(); 2];
        levels[0] = AtLevel { dlt: dlts.len() as u32, onset: dlts.to_vec(), no_dlt: 5, ..AtLevel::default() };
        levels[1].pending.push(share);
        let settings = json!({"design": "tite-crm", "target": 0.25, "skeleton": [0.1, 0.25], "window": 40,
            "weights": "adaptive", "cohort-size": 1, "stop-toxic": false});
        let Design::TiteCrm(_) = design(settings.clone()) else { panic!() };
        let adaptive = design(settings.clone()).numbers(&Data::new(levels.clone(), None).unwrap()).unwrap();
        (adaptive, settings, levels)
    };
    // DLTs at 10 and 20 of 40 days: at day 15 the weight is (1 + 5/10)/3, at day 5 it is (5/10)/3, at day 30 (2 + 10/20)/3.
    for (day, weight) in [(15.0, 0.5), (5.0, 1.0 / 6.0), (30.0, 2.5 / 3.0)] {
        let (adaptive, mut settings, mut levels) = tite(&[0.25, 0.5], day / 40.0);
        settings["weights"] = json!("linear");
        levels[1].pending[0] = weight;
        let linear = design(settings).numbers(&Data::new(levels, None).unwrap()).unwrap();
        for (one, other) in adaptive.levels.iter().zip(&linear.levels) {
            assert!((one.estimate.unwrap() - other.estimate.unwrap()).abs() < 1e-12, "day {day}");
        }
    }
}

/// The window of 85 days of an I-131 agent, with onset about normal (45, 10).
#[test]
fn weights_on_the_days_that_matter_can_be_asked_for() {
    let long = with(usual(), "window", json!(85));
    let linear = tite(with(long.clone(), "weights", json!("linear")));
    assert!((linear.weight_at(28.0) - 28.0 / 85.0).abs() < 1e-15);
    let law = json!({"distribution": {"law": "normal", "mean": 45, "sd": 10}});
    let late = tite(with(long.clone(), "weights", law));
    // Normal probabilities from a table: Phi(-1.7) = 0.04457, Phi(0.4) = 0.65542, Phi(1.9) = 0.97128.
    for (day, weight) in
        [(0.0, 0.0), (14.0, 0.0010), (28.0, 0.0446), (49.0, 0.6554), (64.0, 0.9713), (85.0, 1.0)]
    {
        assert!((late.weight_at(day) - weight).abs() < 1e-4, "day {day}");
    }
    let table = tite(with(long, "weights", json!({"table": [[28, 0.1], [49, 0.6], [64, 0.9]]})));
    for (day, weight) in
        [(14.0, 0.05), (28.0, 0.1), (38.5, 0.35), (64.0, 0.9), (74.5, 0.95), (85.0, 1.0), (900.0, 1.0)]
    {
        assert!((table.weight_at(day) - weight).abs() < 1e-12, "day {day}");
    }
}

#[test]
fn a_window_over_42_days_needs_a_choice_of_weights() {
    assert!(serde_json::from_value::<Design>(with(usual(), "window", json!(42))).is_ok());
    let told = serde_json::from_value::<Design>(with(usual(), "window", json!(43))).unwrap_err().to_string();
    assert!(told.contains("`weights`") && told.contains("43 days"), "{told}");
}

#[test]
fn no_escalation_before_enough_follow_up() {
    let settings = with(with(usual(), "min-follow-up", json!(14)), "min-follow-up-patients", json!(2));
    let next = |levels: &[AtLevel]| design(settings.clone()).next(&data(levels)).unwrap();
    let early = next(&[at(0, 1, &[0.25, 0.49])]);
    assert_eq!(early.action, Action::Stay);
    assert!(early.because.iter().any(|because| because.rule == "tite-crm/min-follow-up"));
    assert_eq!(next(&[at(0, 1, &[0.25, 0.5])]).action, Action::Escalate);
    assert_eq!(design(usual()).next(&data(&[at(0, 1, &[0.25, 0.49])])).unwrap().action, Action::Escalate);
}

#[test]
fn a_late_dlt_in_an_earlier_patient_may_de_escalate_past_a_pending_one() {
    let levels = [at(0, 3, &[]), at(3, 1, &[0.1])];
    let last = LastCohort { patients: 1, dlts: 0, undecided: 1 };
    let data = data(&levels).with_last(Some(last)).unwrap();
    assert_eq!(design(usual()).next(&data).unwrap().action, Action::DeEscalate);
}

#[test]
fn pending_patients_at_the_end_are_waited_for() {
    let full = design(with(usual(), "max-patients", json!(3)));
    assert_eq!(full.next(&data(&[at(0, 2, &[0.5])])).unwrap().action, Action::Wait);
    assert_eq!(full.next(&data(&[at(0, 3, &[])])).unwrap().action, Action::Complete);
}

#[test]
fn settings_are_refused_by_name() {
    let cases: [(&str, Value, &str); 9] = [
        ("window", json!(0), "`window`"),
        ("window", json!(1e9), "`window`"),
        ("window", Value::Null, "`window`"),
        ("min-follow-up", json!(29), "`min-follow-up`"),
        ("min-follow-up", json!(0), "`min-follow-up`"),
        ("min-follow-up-patients", json!(0), "`min-follow-up-patients`"),
        ("weights", json!({"table": [[40, 0.5]]}), "`weights`"),
        ("skeleton", json!([0.3, 0.2]), "`skeleton`"),
        ("stop-toxic", json!(0), "`stop-toxic`"),
    ];
    let told = |settings: Value| match serde_json::from_value::<Design>(settings) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    for (key, value, named) in cases {
        let told = told(with(usual(), key, value.clone()));
        assert!(told.contains(named), "{key} = {value}: {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn more_follow_up_without_a_dlt_never_raises_an_estimate(
        counts in proptest::collection::vec((0..3_u32, 0..4_u32), 5),
        shares in proptest::collection::vec(0.0..1.0_f64, 1..4),
        level in 0..5_usize,
    ) {
        let mut levels: Vec<AtLevel> = counts.iter().map(|(y, z)| at(*y, *z, &[])).collect();
        levels[level].pending = shares.clone();
        let estimates = |levels: &[AtLevel]| {
            let found = design(usual()).numbers(&Data::new(levels.to_vec(), None).unwrap()).unwrap();
            found.levels.iter().map(|at| at.estimate.unwrap()).collect::<Vec<_>>()
        };
        let before = estimates(&levels);
        levels[level].pending = shares.iter().map(|share| share.midpoint(1.0)).collect();
        for (after, before) in estimates(&levels).iter().zip(before) {
            prop_assert!(*after <= before + 1e-12 && (0.0..=1.0).contains(after));
        }
    }
}

#[test]
fn no_untried_level_is_opened_on_the_prior_alone() {
    let design = |more: &str| -> Design {
        serde_json::from_str(&format!(
            r#"{{"design": "tite-crm", "target": 0.25, "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55], "window": 28,
                "max-patients": 30{more}}}"#
        ))
        .unwrap()
    };
    let begun = Data::from_outcomes(5, "1PPP").unwrap();
    let decision = design("").next(&begun).unwrap();
    assert_eq!((decision.action, decision.level), (Action::Stay, Level::new(1)), "{decision:?}");
    assert!(decision.because.iter().any(|because| because.rule == "tite-crm/escalate-from"), "{decision:?}");
    // One patient's worth is enough, and whoever wants the published rule asks for none.
    let seen = AtLevel { pending: vec![0.5, 0.5, 0.0], ..AtLevel::default() };
    let some = Data::new([vec![seen], vec![AtLevel::default(); 4]].concat(), None).unwrap();
    assert_eq!(design("").next(&some).unwrap().action, Action::Escalate);
    assert_eq!(design(r#", "escalate-from": 0"#).next(&begun).unwrap().action, Action::Escalate);
}
