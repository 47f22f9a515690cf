//! Simulated trials against the exact sums, published simulations and themselves.

#![allow(clippy::unwrap_used)]

use posology_design::Design;
use posology_design::characteristics::{Characteristics, Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::simulate::{
    NotMerged, NotSimulated, Part, Plan, Shard, merge, simulate, simulate_shard,
};
use serde_json::{Value, json};

const CLIMB: [f64; 5] = [0.05, 0.15, 0.30, 0.45, 0.60];
const TOXIC: [f64; 5] = [0.35, 0.50, 0.60, 0.70, 0.80];

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn boin(more: Value) -> Design {
    let mut settings = json!({"design": "boin", "target": 0.3, "doses": 5, "max-patients": 30});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    design(settings)
}

fn plan(design: Design, truths: &[&[f64]], trials: u64) -> Plan {
    let scenarios = truths.iter().map(|truth| Scenario::of(truth)).collect();
    let yardstick = Yardstick::new(0.3, design.max_patients().unwrap_or(30));
    Plan::new(design, scenarios, yardstick, trials, 20_261_122)
}

#[track_caller]
fn within_four_errors(found: f64, expected: f64, error: f64, what: &str) {
    assert!(
        (found - expected).abs() <= 4.0 * error + 1e-12,
        "{what}: found {found}, expected {expected} within four errors of {error}"
    );
}

/// Each measure of which the standard error is known, and, with the largest error there can be, all other probabilities.
#[track_caller]
fn agree(simulated: &Characteristics, exact: &Characteristics, trials: u64) {
    let error = simulated.mc_se.as_ref().unwrap();
    let of_share = |p: f64| (p * (1.0 - p) / trials as f64).sqrt().max(1.0 / trials as f64);
    for (level, (found, expected)) in simulated.select.iter().zip(&exact.select).enumerate() {
        within_four_errors(*found, *expected, of_share(*expected), &format!("select {level}"));
    }
    within_four_errors(simulated.select_none, exact.select_none, of_share(exact.select_none), "none");
    for level in 0..exact.patients.len() {
        let error = error.patients[level].max(1.0 / trials as f64);
        within_four_errors(simulated.patients[level], exact.patients[level], error, "patients");
        within_four_errors(simulated.dlts[level], exact.dlts[level], error, "DLTs");
    }
    within_four_errors(simulated.total_patients, exact.total_patients, error.total_patients, "total");
    within_four_errors(simulated.total_dlts, exact.total_dlts, error.total_dlts, "total DLTs");
    let shares = |oc: &Characteristics| {
        [oc.overdose_60, oc.overdose_80, oc.p_correct, oc.p_acceptable, oc.p_select_above, oc.p_ever_above]
            .into_iter()
            .chain([oc.p_escalated_from_toxic, oc.p_early_stop])
            .chain(oc.sample_size.clone())
            .chain(oc.dlt_count.clone())
            .collect::<Vec<_>>()
    };
    for (place, (found, expected)) in shares(simulated).into_iter().zip(shares(exact)).enumerate() {
        // Some eighty numbers are compared, among them rare ones: five errors.
        within_four_errors(found, expected, 1.25 * of_share(expected), &format!("share {place}"));
    }
    let cohorts = (simulated.cohorts.unwrap(), exact.cohorts.unwrap());
    within_four_errors(cohorts.0, cohorts.1, error.total_patients.max(1e-9), "cohorts");
    assert_eq!(
        (simulated.true_mtd, simulated.benchmark, &simulated.truth),
        (exact.true_mtd, exact.benchmark, &exact.truth)
    );
}

#[track_caller]
fn exact_and_simulated_agree(design: Design) {
    agree_in(design, 10_000);
}

#[track_caller]
fn agree_in(design: Design, trials: u64) {
    let plan = plan(design, &[&CLIMB, &TOXIC], trials);
    let graph = Graph::compile(&plan.design, STATES_MAX, 1).unwrap();
    let exact = graph.characteristics(&plan.scenarios, plan.yardstick, 1).unwrap();
    for (simulated, exact) in simulate(&plan, 2).unwrap().iter().zip(&exact) {
        agree(simulated, exact, trials);
    }
}

#[test]
fn exact_and_simulated_3_plus_3_differ_by_less_than_four_standard_errors() {
    for variant in ["classic", "korn", "six-at-mtd"] {
        exact_and_simulated_agree(design(json!({"design": "3+3", "doses": 5, "variant": variant})));
    }
}

#[test]
fn exact_and_simulated_boin_differ_by_less_than_four_standard_errors() {
    exact_and_simulated_agree(boin(json!({})));
    exact_and_simulated_agree(boin(json!({"titration": true, "start": 1})));
    exact_and_simulated_agree(boin(json!({"early-stop-n": 9, "extra-safe": true, "start": 2})));
    exact_and_simulated_agree(boin(json!({"cohort-size": 4, "bounded-mtd": true})));
}

#[test]
fn exact_and_simulated_interval_designs_differ_by_less_than_four_standard_errors() {
    for name in ["mtpi", "mtpi-2", "keyboard", "i3+3"] {
        let settings = json!({"design": name, "target": 0.3, "doses": 5, "max-patients": 24});
        exact_and_simulated_agree(design(settings));
    }
}

const SKELETON: [f64; 5] = [0.08, 0.16, 0.25, 0.35, 0.46];

#[test]
fn exact_and_simulated_crm_differ_by_less_than_four_standard_errors() {
    for (size, coherent) in [(3, true), (2, false)] {
        let settings = json!({"design": "crm", "target": 0.25, "skeleton": SKELETON, "max-patients": 12,
            "cohort-size": size, "coherent": coherent});
        agree_in(design(settings), 1_000);
    }
}

#[test]
fn exact_and_simulated_boin12_differ_by_less_than_four_standard_errors() {
    let design =
        design(json!({"design": "boin12", "doses": 3, "max-patients": 15, "target": 0.35, "cohort-size": 3}));
    let truth =
        Scenario { efficacy: vec![0.2, 0.45, 0.5], odds_ratio: Some(3.0), ..Scenario::of(&[0.1, 0.25, 0.5]) };
    let trials = 10_000;
    let plan = Plan::new(design, vec![truth], Yardstick::new(0.35, 15), trials, 11);
    let graph = Graph::compile(&plan.design, STATES_MAX, 1).unwrap();
    let exact = graph.characteristics(&plan.scenarios, plan.yardstick, 1).unwrap().remove(0);
    let simulated = simulate(&plan, 2).unwrap().remove(0);
    agree(&simulated, &exact, trials);
    for level in 0..3 {
        let error = simulated.mc_se.as_ref().unwrap().patients[level];
        within_four_errors(simulated.responses[level], exact.responses[level], error, "responses");
    }
}

#[test]
fn the_result_is_the_same_to_the_last_bit_on_any_number_of_threads() {
    let plan = plan(boin(json!({})), &[&CLIMB, &TOXIC], 1_001);
    let one = simulate(&plan, 1).unwrap();
    assert_eq!(one, simulate(&plan, 2).unwrap());
    assert_eq!(one, simulate(&plan, 7).unwrap());
    assert_eq!(one, simulate(&plan, 5_000).unwrap());
}

fn shards(plan: &Plan, of: u32) -> Vec<Shard> {
    (1..=of).map(|index| simulate_shard(plan, Part { index, of }, 2).unwrap()).collect()
}

#[test]
fn shards_in_any_order_give_the_unsharded_result_to_the_last_bit_through_files_too() {
    let plan = plan(boin(json!({})), &[&CLIMB, &[0.1, 0.123_456_789_012_345_67, 0.2, 1.0 / 3.0, 0.4]], 1_003);
    let whole = simulate(&plan, 1).unwrap();
    for of in [1, 2, 5, 2_000] {
        let mut parts = shards(&plan, of);
        parts.reverse();
        assert_eq!(merge(&parts).unwrap(), whole);
        let files: Vec<String> = parts.iter().map(|part| serde_json::to_string(part).unwrap()).collect();
        let read: Vec<Shard> = files.iter().map(|file| serde_json::from_str(file).unwrap()).collect();
        assert_eq!(read, parts);
        assert_eq!(merge(&read).unwrap(), whole);
    }
}

#[test]
fn shards_that_do_not_belong_together_are_refused_by_name() {
    let of_boin = plan(boin(json!({})), &[&CLIMB], 100);
    let parts = shards(&of_boin, 4);
    assert_eq!(merge(&[]), Err(NotMerged::None));
    assert_eq!(
        merge(&[parts[0].clone(), parts[2].clone(), parts[3].clone()]),
        Err(NotMerged::Gap { from: 25, to: 49 })
    );
    assert_eq!(merge(&parts[..3]), Err(NotMerged::Gap { from: 75, to: 99 }));
    let twice = [&parts[..], &parts[1..2]].concat();
    let refused = merge(&twice).unwrap_err().to_string();
    assert!(refused.starts_with("file 2 (shard 2/4) and file 5 (shard 2/4) both have trial 25"), "{refused}");

    let halves = shards(&of_boin, 2);
    let refused = merge(&[parts[0].clone(), halves[1].clone()]).unwrap_err();
    assert_eq!(refused, NotMerged::Gap { from: 25, to: 49 });
    let refused = merge(&[parts[1].clone(), halves[0].clone(), halves[1].clone()]).unwrap_err();
    assert!(
        matches!(refused, NotMerged::Overlap { first_place: 2, second_place: 1, from: 25, .. }),
        "{refused}"
    );

    let other = shards(&Plan { seed: 1, ..of_boin.clone() }, 2);
    let refused = merge(&[halves[0].clone(), other[1].clone()]).unwrap_err().to_string();
    assert!(
        refused.contains("file 2 (shard 2/2) is of another plan") && refused.contains("the seed"),
        "{refused}"
    );
    let other = shards(&plan(boin(json!({"extra-safe": true})), &[&CLIMB], 100), 2);
    let refused = merge(&[halves[0].clone(), other[1].clone()]).unwrap_err().to_string();
    assert!(refused.contains("the design differs"), "{refused}");
    let mut older = halves[1].clone();
    older.engine = "posology 0.0.1".to_owned();
    let refused = merge(&[halves[0].clone(), older]).unwrap_err().to_string();
    assert!(refused.contains("file 2 (shard 2/2) is by `posology 0.0.1`"), "{refused}");
}

#[test]
fn a_damaged_shard_is_refused_and_never_added_up() {
    let whole = serde_json::to_value(&shards(&plan(boin(json!({})), &[&CLIMB], 100), 1)[0]).unwrap();
    let damages: [(&str, Value); 7] = [
        ("/to", json!(99)),
        ("/part/of", json!(2)),
        ("/totals/0/trials", json!(99)),
        ("/totals/0/sums/none", json!(u64::MAX)),
        ("/totals/0/sums/select/2", json!(101)),
        ("/totals/0/patients", json!([1, 2])),
        ("/totals/0/patients/0", json!(u64::MAX)),
    ];
    for (place, value) in damages {
        let mut shard = whole.clone();
        *shard.pointer_mut(place).unwrap() = value;
        let shard: Shard = serde_json::from_value(shard).unwrap();
        let refused = merge(&[shard]).unwrap_err();
        assert!(matches!(refused, NotMerged::Damaged { .. }), "{place}: {refused}");
    }
}

/// DLTs in trial 3 of scenario 2 with seed 7, in a trial of so many patients at a level with this DLT rate.
fn dlts_in_one_replicate(patients: u32, rate: f64) -> u64 {
    let settings = json!({"design": "boin", "target": 0.3, "doses": 1, "max-patients": patients,
        "cohort-size": patients, "elimination": 0.999_999});
    let of = Scenario::of(&[rate]);
    let scenarios = vec![of.clone(), of.clone(), of];
    let plan = Plan::new(design(settings), scenarios, Yardstick::new(0.3, patients), 4, 7);
    let shard = simulate_shard(&plan, Part { index: 4, of: 4 }, 1).unwrap();
    serde_json::to_value(&shard).unwrap()["totals"][2]["dlts"][0].as_u64().unwrap()
}

#[test]
fn patients_have_the_uniform_numbers_of_numpy() {
    // numpy 2.4: Generator(Philox(key=[7, 0], counter=[0, 0, 2, 3])).random((4, 8))[:, 0]
    let uniforms =
        [0.513_630_128_411_438_2, 0.591_546_180_316_530_5, 0.713_569_836_173_541, 0.981_026_969_192_353_7];
    for patient in 0..4 {
        let dlts = |rate: f64| (dlts_in_one_replicate(patient as u32 + 1, rate), rate);
        let among = |rate: f64| uniforms[..=patient].iter().filter(|uniform| **uniform < rate).count() as u64;
        let at = uniforms[patient];
        for (found, rate) in [dlts(at), dlts(at + 1e-15), dlts(at - 1e-15)] {
            assert_eq!(found, among(rate), "patient {patient} at a rate of {rate}");
        }
    }
}

#[test]
fn a_plan_that_cannot_be_simulated_says_why() {
    let good = plan(boin(json!({})), &[&CLIMB], 100);
    let refused = |plan: Plan| simulate(&plan, 1).unwrap_err();
    for found in [0, 1, 1_000_000_000] {
        let error = refused(Plan { trials: found, ..good.clone() });
        assert_eq!(error, NotSimulated::Trials { found });
        assert_eq!(
            error.to_string(),
            format!("`trials`: found {found}, expected 2 to 100000000 in each scenario")
        );
    }
    assert_eq!(refused(Plan { scenarios: vec![], ..good.clone() }), NotSimulated::Scenarios { found: 0 });
    for truth in [&[0.1; 4][..], &[0.1, 0.2, f64::NAN, 0.3, 0.4], &[0.1, 0.2, 0.3, 0.4, 1.1]] {
        let error = refused(Plan { scenarios: vec![Scenario::of(truth)], ..good.clone() });
        assert!(matches!(error, NotSimulated::Scenario(_)), "{error}");
    }
    let endless = design(json!({"design": "boin", "target": 0.3, "doses": 2}));
    assert_eq!(refused(plan(endless, &[&[0.1, 0.3]], 10)), NotSimulated::NoEnd);
    for part in [Part { index: 0, of: 2 }, Part { index: 3, of: 2 }, Part { index: 1, of: 1_000_000 }] {
        assert_eq!(simulate_shard(&good, part, 1).unwrap_err(), NotSimulated::Part { found: part });
    }
    for (key, value) in
        [("non-evaluable", 0.95), ("false-dlt", -0.1), ("missed-dlt", 1.5), ("over-enrolment", 2.0)]
    {
        let conduct = serde_json::from_value(json!({"perturbation": {key: value}})).unwrap();
        let error = refused(Plan { conduct, ..good.clone() }).to_string();
        assert!(error.contains(key) && error.contains(&value.to_string()), "{error}");
    }
}

fn perturbed(perturbation: Value, truths: &[&[f64]], trials: u64) -> Vec<Characteristics> {
    let conduct = serde_json::from_value(json!({"perturbation": perturbation})).unwrap();
    simulate(&Plan { conduct, ..plan(boin(json!({})), truths, trials) }, 2).unwrap()
}

#[test]
fn patients_who_are_not_evaluable_are_replaced_and_change_nothing_but_the_number_treated() {
    let trials = 10_000;
    let graph = Graph::compile(&boin(json!({})), STATES_MAX, 1).unwrap();
    let exact = &graph.characteristics(&[Scenario::of(&CLIMB)], Yardstick::new(0.3, 30), 1).unwrap()[0];
    for share in [0.2, 0.4] {
        let oc = perturbed(json!({"non-evaluable": share}), &[&CLIMB], trials).remove(0);
        agree(&oc, exact, trials);
        for (treated, patients) in oc.treated.iter().zip(&exact.patients) {
            assert!((treated * (1.0 - share) - patients).abs() < 0.15, "{treated} {patients}");
        }
    }
}

#[test]
fn misread_dlts_act_as_another_dlt_rate_while_patients_have_the_true_one() {
    let (false_dlt, missed_dlt, trials) = (0.1, 0.25, 10_000);
    let read = CLIMB.map(|rate| rate * (1.0 - missed_dlt) + (1.0 - rate) * false_dlt);
    let graph = Graph::compile(&boin(json!({})), STATES_MAX, 1).unwrap();
    let exact = &graph.characteristics(&[Scenario::of(&read)], Yardstick::new(0.3, 30), 1).unwrap()[0];
    let oc =
        perturbed(json!({"false-dlt": false_dlt, "missed-dlt": missed_dlt}), &[&CLIMB], trials).remove(0);
    let error = oc.mc_se.clone().unwrap();
    for (level, rate) in CLIMB.iter().enumerate() {
        within_four_errors(oc.select[level], exact.select[level], error.select[level].max(1e-4), "select");
        within_four_errors(oc.patients[level], exact.patients[level], error.patients[level], "patients");
        let dlts = rate * exact.patients[level];
        within_four_errors(oc.dlts[level], dlts, error.patients[level], "DLTs");
    }
}

#[test]
fn a_cohort_always_over_enrolled_is_a_larger_cohort() {
    let trials = 10_000;
    let oc = perturbed(json!({"over-enrolment": 1.0}), &[&CLIMB], trials).remove(0);
    let four = Graph::compile(&boin(json!({"cohort-size": 4})), STATES_MAX, 1).unwrap();
    let exact = &four.characteristics(&[Scenario::of(&CLIMB)], Yardstick::new(0.3, 30), 1).unwrap()[0];
    agree(&oc, exact, trials);
}

#[test]
fn simulated_boin_agrees_with_the_package_s_own_simulation() {
    // Source: BOIN 2.7.2, get.oc, 100,000 trials, seed 6.
    let [select, none, patients] = [
        vec![1.186, 23.292, 54.745, 19.219, 1.53],
        vec![0.028],
        vec![4.174_32, 9.127_35, 11.149_32, 4.737_66, 0.804_09],
    ];
    let trials = 10_000;
    let oc = simulate(&plan(boin(json!({})), &[&CLIMB], trials), 2).unwrap().remove(0);
    let both = |p: f64| (p * (1.0 - p) * (1.0 / 1e5 + 1.0 / trials as f64)).sqrt();
    for (found, expected) in oc.select.iter().chain([&oc.select_none]).zip(select.iter().chain(&none)) {
        within_four_errors(*found, expected / 100.0, both(expected / 100.0), "select");
    }
    let error = oc.mc_se.clone().unwrap();
    for ((found, expected), error) in oc.patients.iter().zip(patients).zip(error.patients) {
        within_four_errors(*found, expected, error * (1.0 + trials as f64 / 1e5).sqrt(), "patients");
    }
}

/// The same plan in time: so many patients in a window, and other settings.
fn timed(plan: &Plan, rate: f64, more: Value) -> Plan {
    let mut timing = json!({"rate": rate, "window": 1.0});
    for (key, value) in more.as_object().unwrap() {
        timing[key] = value.clone();
    }
    let mut conduct = serde_json::to_value(plan.conduct).unwrap();
    conduct["timing"] = timing;
    Plan { conduct: serde_json::from_value(conduct).unwrap(), ..plan.clone() }
}

/// What does not depend on time.
fn untimed(mut oc: Characteristics) -> Characteristics {
    (oc.duration, oc.suspended, oc.found_suspended, oc.pending_at_decision) = (None, None, None, None);
    oc.mc_se.as_mut().unwrap().duration = None;
    oc
}

#[test]
fn a_design_on_counts_treats_the_same_patients_alike_in_time_and_out_of_it() {
    let designs = [
        design(json!({"design": "3+3", "doses": 5})),
        design(json!({"design": "3+3", "doses": 5, "variant": "korn"})),
        boin(json!({})),
        boin(json!({"titration": true, "early-stop-n": 12})),
    ];
    for design in designs {
        let plan = plan(design, &[&CLIMB, &TOXIC], 100);
        let expected = simulate(&plan, 1).unwrap();
        for (rate, more) in [
            (0.5, json!({"arrivals": "fixed"})),
            (6.0, json!({"onset": {"law": "halves", "first-half": 0.2}})),
            (6.0, json!({"while-suspended": "wait", "onset": {"law": "weibull", "first-half": 0.4}})),
        ] {
            let found = simulate(&timed(&plan, rate, more), 1).unwrap();
            assert_eq!(found.into_iter().map(untimed).collect::<Vec<_>>(), expected);
        }
    }
}

fn tite_boin(more: Value) -> Design {
    let mut settings =
        json!({"design": "tite-boin", "target": 0.3, "doses": 5, "max-patients": 30, "window": 28});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    design(settings)
}

#[test]
fn a_late_onset_design_with_every_window_over_before_the_next_patient_is_the_design_on_counts() {
    for size in [1, 3] {
        let counts = plan(boin(json!({"cohort-size": size})), &[&CLIMB, &TOXIC], 200);
        let tite = timed(
            &Plan { design: tite_boin(json!({"cohort-size": size})), ..counts.clone() },
            0.9,
            json!({"arrivals": "fixed"}),
        );
        let found: Vec<_> = simulate(&tite, 1).unwrap();
        assert!(found.iter().all(|oc| oc.pending_at_decision == Some(0.0)));
        assert_eq!(found.into_iter().map(untimed).collect::<Vec<_>>(), simulate(&counts, 1).unwrap());
    }
}

#[test]
fn times_of_a_trial_that_never_waits_are_those_of_its_arrivals() {
    // One level, 4 patients in one cohort, fixed arrivals at 0.5, 1, 1.5 and 2: all is known at 3 without a DLT.
    let one = json!({"design": "boin", "target": 0.3, "doses": 1, "max-patients": 4, "cohort-size": 4});
    let one = plan(design(one), &[&[0.0]], 50);
    let oc = simulate(&timed(&one, 2.0, json!({"arrivals": "fixed"})), 1).unwrap().remove(0);
    assert_eq!((oc.duration, oc.suspended, oc.found_suspended), (Some(3.0), Some(0.0), Some(0.0)));
    // At random the fourth comes after 4/2 on average, with variance 4/2^2.
    let many = Plan { trials: 20_000, ..one };
    let oc = simulate(&timed(&many, 2.0, json!({})), 2).unwrap().remove(0);
    let error = oc.mc_se.clone().unwrap().duration.unwrap();
    assert!((error - 1.0 / 20_000_f64.sqrt()).abs() < 2e-4, "{error}");
    within_four_errors(oc.duration.unwrap(), 3.0, error, "duration");
}

#[test]
fn suspended_time_is_what_the_rule_waits_and_turns_the_patients_away_who_come_in_it() {
    // 3+3 on one level without a DLT, fixed arrivals every quarter of the window: three at 0.75, known at 1.75.
    let one = plan(design(json!({"design": "3+3", "doses": 2, "variant": "classic"})), &[&[0.0, 0.0]], 20);
    let oc = simulate(&timed(&one, 4.0, json!({"arrivals": "fixed"})), 1).unwrap().remove(0);
    // Closed from 0.75 to 1.75; patients at 1, 1.25 and 1.5 turned away, those at 1.75, 2, 2.25 treated, known at 3.25.
    assert_eq!((oc.duration, oc.found_suspended), (Some(3.25), Some(6.0)));
    assert!((oc.suspended.unwrap() - 2.0 / 3.25).abs() < 1e-6);
    let waiting = json!({"arrivals": "fixed", "while-suspended": "wait"});
    let oc = simulate(&timed(&one, 4.0, waiting), 1).unwrap().remove(0);
    // The three who wait are treated at 1.75, known at 2.75.
    assert_eq!(oc.duration, Some(2.75));
}

#[test]
fn trials_in_time_are_the_same_on_any_number_of_threads_and_from_shards() {
    let base = plan(tite_boin(json!({})), &[&CLIMB, &TOXIC], 101);
    let mut plan = timed(&base, 5.0, json!({"onset": {"law": "normal", "mean": 0.53, "sd": 0.12}}));
    plan.conduct.perturbation =
        serde_json::from_value(json!({"non-evaluable": 0.2, "false-dlt": 0.05, "over-enrolment": 0.2}))
            .unwrap();
    let one = simulate(&plan, 1).unwrap();
    assert_eq!(one, simulate(&plan, 3).unwrap());
    let files: Vec<String> =
        shards(&plan, 3).iter().map(|part| serde_json::to_string(part).unwrap()).collect();
    let read: Vec<Shard> = files.iter().map(|file| serde_json::from_str(file).unwrap()).collect();
    assert_eq!(merge(&read).unwrap(), one);
    for oc in one {
        let [treated, evaluable] = [oc.treated.iter().sum::<f64>(), oc.total_patients];
        assert!((evaluable / treated - 0.8).abs() < 0.05, "{evaluable} of {treated}");
        assert!(oc.sample_size.len() == 31 && oc.pending_at_decision.unwrap() > 0.0);
    }
}

#[test]
fn late_onset_makes_linear_weights_escalate_to_more_toxicity() {
    let base = plan(tite_boin(json!({"suspend-above": 0.99})), &[&TOXIC], 2_000);
    let dlts = |first_half: f64| {
        let onset = json!({"onset": {"law": "halves", "first-half": first_half}});
        simulate(&timed(&base, 6.0, onset), 2).unwrap()[0].p_ever_above
    };
    let (early, late) = (dlts(0.9), dlts(0.1));
    assert!(late > early + 0.1, "early {early}, late {late}");
}

#[test]
fn rolling_six_takes_less_time_than_3_plus_3_and_selects_about_alike() {
    let of = |settings: Value| {
        let plan = plan(design(settings), &[&CLIMB], 2_000);
        simulate(&timed(&plan, 6.0, json!({})), 2).unwrap().remove(0)
    };
    let [rolling, three] =
        [of(json!({"design": "rolling-6", "doses": 5})), of(json!({"design": "3+3", "doses": 5}))];
    assert!(rolling.duration < three.duration, "{:?} {:?}", rolling.duration, three.duration);
    assert!(rolling.total_patients > three.total_patients);
    for (rolling, three) in rolling.select.iter().zip(&three.select) {
        assert!((rolling - three).abs() < 0.2, "{rolling} {three}");
    }
}

#[test]
fn times_that_cannot_be_are_refused() {
    let base = plan(boin(json!({})), &[&[0.1, 0.2, 0.3, 0.4, 1.0]], 10);
    let refused = |rate: f64, more: Value| simulate(&timed(&base, rate, more), 1).unwrap_err().to_string();
    for (rate, more, key) in [
        (0.0, json!({}), "`rate`"),
        (-1.0, json!({}), "`rate`"),
        (1e6, json!({}), "`rate`"),
        (1.0, json!({"window": 0.0}), "`window`"),
        (1.0, json!({"onset": {"law": "halves", "first-half": 1.0}}), "`first-half`"),
        (1.0, json!({"onset": {"law": "weibull", "first-half": 0.5}}), "`onset`"),
        (1.0, json!({"onset": {"law": "normal", "mean": 2.0, "sd": 0.1}}), "`onset`"),
    ] {
        let error = refused(rate, more);
        assert!(error.starts_with(key), "{error}");
    }
    let tite = plan(tite_boin(json!({})), &[&CLIMB], 10);
    assert_eq!(simulate(&tite, 1).unwrap_err(), NotSimulated::NoTiming { design: "tite-boin" });
}

fn dfcrm_skeleton() -> [f64; 5] {
    [0.083_973_491_305_624_3, 0.156_741_021_142_636, 0.25, 0.354_500_427_615_112, 0.460_343_111_085_307]
}

#[track_caller]
fn agrees_with_dfcrm(oc: &Characteristics, trials: [f64; 2], select: [f64; 5], patients: [f64; 5]) {
    let both = 1.0 / trials[0] + 1.0 / trials[1];
    for (found, expected) in oc.select.iter().zip(select) {
        within_four_errors(*found, expected, (expected * (1.0 - expected) * both).sqrt(), "select");
    }
    let errors = &oc.mc_se.as_ref().unwrap().patients;
    for ((found, expected), error) in oc.patients.iter().zip(patients).zip(errors) {
        within_four_errors(*found, expected, error * (trials[0] * both).sqrt(), "patients");
    }
}

#[test]
fn simulated_tite_crm_agrees_with_the_simulation_of_dfcrm() {
    // Source: dfcrm 0.2-2.1, titesim, 2,000 trials: n = 30, obswin = 1, rate = 2, fixed accrual, restrict.
    let tite = json!({"design": "tite-crm", "target": 0.25, "skeleton": dfcrm_skeleton(), "max-patients": 30,
        "cohort-size": 1, "window": 28, "coherent": false, "stop-toxic": false, "escalate-from": 0});
    let truth = [0.05, 0.12, 0.25, 0.40, 0.55];
    let plan = Plan { yardstick: Yardstick::new(0.25, 30), ..plan(design(tite), &[&truth], 600) };
    let oc = simulate(&timed(&plan, 2.0, json!({"arrivals": "fixed"})), 2).unwrap().remove(0);
    let patients = [2.7185, 7.505, 11.9725, 5.946, 1.858];
    agrees_with_dfcrm(&oc, [600.0, 2_000.0], [0.006, 0.2065, 0.593, 0.187, 0.0075], patients);
    // dfcrm counts to the end of the last window.
    assert!(oc.duration.unwrap() <= 16.0 && oc.duration.unwrap() > 15.8, "{:?}", oc.duration);
}
