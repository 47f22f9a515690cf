//! The CRM against R's dfcrm 0.2-2.1, accurate quadrature of the same posteriors, and the paths of R's escalation.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::crm::{Model, indifference_intervals, skeleton};
use posology_design::{Action, AtLevel, Data, Design, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/crm.json")).unwrap()
}

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn refusal(settings: Value) -> String {
    serde_json::from_value::<Design>(settings).unwrap_err().to_string()
}

fn model(name: &Value) -> Model {
    serde_json::from_value(name.clone()).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn counts(n: &Value, y: &Value) -> Vec<AtLevel> {
    let pairs = n.as_array().unwrap().iter().zip(y.as_array().unwrap());
    pairs
        .map(|(n, y)| {
            let (n, y) = (n.as_u64().unwrap() as u32, y.as_u64().unwrap() as u32);
            AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() }
        })
        .collect()
}

const SKELETON: [f64; 5] =
    [0.0839734913056243, 0.156741021142636, 0.25, 0.354500427615112, 0.460343111085307];

fn usual() -> Value {
    json!({"design": "crm", "target": 0.25, "skeleton": SKELETON, "max-patients": 30})
}

fn with(mut settings: Value, key: &str, value: Value) -> Value {
    settings[key] = value;
    settings
}

#[test]
fn skeletons_are_those_of_getprior() {
    let fixture = fixture();
    let cases = fixture["getprior"].as_array().unwrap();
    assert_eq!(cases.len(), 405);
    for case in cases {
        let rates = skeleton(
            model(&case[0]),
            case[1].as_f64().unwrap(),
            case[2].as_f64().unwrap(),
            case[3].as_u64().unwrap() as u32,
            case[4].as_u64().unwrap() as u32,
            case[5].as_f64().unwrap(),
        );
        for (rate, expected) in rates.iter().zip(numbers(&case[6])) {
            assert!((rate - expected).abs() < 1e-12, "{case}");
        }
    }
}

#[test]
fn posteriors_are_the_accurate_ones_and_near_those_of_the_package() {
    let mut worst: f64 = 0.0;
    let fixture = fixture();
    let cases = fixture["fits"].as_array().unwrap();
    assert_eq!(cases.len(), 53);
    for case in cases {
        let crm = design(json!({
            "design": "crm", "model": case["model"], "target": case["target"], "skeleton": case["prior"],
            "scale": case["scale"], "intercept": case["intercept"], "allow-skipping": true, "coherent": false,
            "stop-toxic": false,
        }));
        let data = Data::new(counts(&case["n"], &case["y"]), None).unwrap();
        let found = crm.numbers(&data).unwrap();
        let curve: Vec<f64> = found.levels.iter().map(|at| at.estimate.unwrap()).collect();
        let all = |of: &Value| {
            let mut all = vec![of["estimate"].as_f64().unwrap(), of["post_var"].as_f64().unwrap()];
            all.extend(numbers(&of["ptox"]));
            all
        };
        let a = &found.parameters[0];
        let mut ours = vec![a.mean, a.sd * a.sd];
        ours.extend(curve);
        for (ours, accurate) in ours.iter().zip(all(&case["accurate"])) {
            worst = worst.max((ours - accurate).abs());
            assert!((ours - accurate).abs() < 1e-9, "{case}: {ours} {accurate}");
        }
        for (ours, package) in ours.iter().zip(all(&case["package"])) {
            assert!((ours - package).abs() < 1e-4, "{case}: {ours} {package}");
        }
        let mtd = case["accurate"]["mtd"].as_u64().unwrap() as u32;
        assert_eq!(crm.next(&data).unwrap().level, Level::new(mtd), "{case}");
    }
    println!("greatest difference from the accurate posteriors: {worst:.1e}");
}

/// R's escalation runs dfcrm along every path.
#[test]
fn paths_are_those_of_the_package_cohort_by_cohort() {
    let settings = [
        json!({"design": "crm", "target": 0.25, "allow-skipping": true}),
        json!({"design": "crm", "target": 0.25, "model": "logistic"}),
        json!({"design": "crm", "target": 0.25, "cohort-size": 1}),
    ];
    for (case, mut settings) in fixture()["paths"].as_array().unwrap().iter().zip(settings) {
        settings["skeleton"] = case["skeleton"].clone();
        settings["coherent"] = json!(false);
        settings["stop-toxic"] = json!(false);
        let crm = design(settings);
        let mut outcomes = vec![String::new(); case["nodes"].as_array().unwrap().len() + 1];
        let mut next = vec![0; outcomes.len()];
        for node in case["nodes"].as_array().unwrap() {
            let number = node[0].as_u64().unwrap() as usize;
            if let Some(parent) = node[1].as_u64() {
                let parent = parent as usize;
                outcomes[number] =
                    format!("{} {}{}", outcomes[parent], next[parent], node[2].as_str().unwrap());
            }
            next[number] = node[3].as_u64().unwrap();
            let data = Data::from_outcomes(5, &outcomes[number]).unwrap();
            let level = crm.next(&data).unwrap().level.map(|level| u64::from(level.number()));
            assert_eq!(level, Some(next[number]), "{}: {}", case["call"], outcomes[number]);
        }
    }
}

#[test]
fn indifference_intervals_are_those_of_crmsens() {
    for case in fixture()["crmsens"].as_array().unwrap() {
        let rates = numbers(&case["prior"]);
        let ours = indifference_intervals(
            model(&case["model"]),
            &rates,
            case["target"].as_f64().unwrap(),
            case["intcpt"].as_f64().unwrap(),
        );
        for (ours, (limits, values)) in
            ours.iter().zip(case["iint"].as_array().unwrap().iter().zip(case["Hset"].as_array().unwrap()))
        {
            // The package bisects to 1e-6 of twice the target.
            for (ours, theirs) in [(ours.lower, &limits[0]), (ours.upper, &limits[1])] {
                assert_eq!(ours.is_some(), !theirs.is_null());
                let near =
                    ours.zip(theirs.as_f64()).is_none_or(|(ours, theirs)| (ours - theirs).abs() < 1e-6);
                assert!(near, "{case}: {ours:?} {theirs}");
            }
            if ours.from.is_finite() {
                assert!((ours.from - values[0].as_f64().unwrap()).abs() < 1e-5, "{case}");
            }
        }
    }
}

#[test]
fn the_first_level_stops_the_trial_only_from_three_patients_on() {
    let crm = design(usual());
    let stops = |outcomes: &str| crm.next(&Data::from_outcomes(5, outcomes).unwrap()).unwrap();
    assert_eq!(stops("1TT").action, Action::Stay);
    let stopped = stops("1TTT");
    assert_eq!((stopped.action, stopped.level), (Action::Stop, None));
    assert_eq!(stopped.because[0].rule, "crm/stop-toxic");
    let going = design(with(usual(), "stop-toxic", json!(false)));
    let data = Data::from_outcomes(5, "1TTT").unwrap();
    assert_eq!(going.next(&data).unwrap().action, Action::Stay);
    assert_eq!(crm.mtd(&data).unwrap().level, None);
    assert!(crm.numbers(&data).unwrap().levels.iter().all(|at| at.eliminated));
}

#[test]
fn no_escalation_right_after_a_dlt_nor_when_there_may_have_been_one() {
    let crm = design(with(usual(), "cohort-size", json!(1)));
    let loose = design(with(with(usual(), "cohort-size", json!(1)), "coherent", json!(false)));
    let outcomes = "1N 1N 1N 1N 1N 1N 1N 1N 1N 1N 1N 1N 1T";
    let known = Data::from_outcomes(5, outcomes).unwrap();
    assert_eq!(loose.next(&known).unwrap().action, Action::Escalate);
    let held = crm.next(&known).unwrap();
    assert_eq!(held.action, Action::Stay);
    assert!(held.because.iter().any(|because| because.rule == "crm/coherence"));
    let unknown = known.clone().with_last(None).unwrap();
    let held = crm.next(&unknown).unwrap();
    assert_eq!(held.action, Action::Stay);
    assert!(held.because.iter().any(|because| because.says.contains("order of entry is not known")));
    let after_none = Data::from_outcomes(5, &format!("{outcomes} 1N")).unwrap();
    assert_eq!(crm.next(&after_none).unwrap().action, Action::Escalate);
}

#[test]
fn untried_levels_are_not_skipped() {
    let data = Data::from_outcomes(5, "1NNN").unwrap();
    assert_eq!(design(usual()).next(&data).unwrap().level, Level::new(2));
    let loose = design(with(usual(), "allow-skipping", json!(true)));
    assert_eq!(loose.next(&data).unwrap().level, Level::new(5));
    // Tried once, the level two above is still two steps away.
    let down = Data::from_outcomes(5, "1NNN 2NNN 3NNT 1NNNNNN").unwrap();
    assert_eq!(design(usual()).next(&down).unwrap().level, Level::new(2));
}

#[test]
fn the_initial_design_is_followed_until_the_first_dlt() {
    let crm = design(with(usual(), "initial-design", json!([1, 1, 2, 2, 3, 3, 3, 4])));
    let next = |outcomes: &str| crm.next(&Data::from_outcomes(5, outcomes).unwrap()).unwrap();
    let step = |outcomes: &str| (next(outcomes).level.unwrap().number(), next(outcomes).enrol);
    assert_eq!(step(""), (1, 2));
    assert_eq!(step("1NN"), (2, 2));
    assert_eq!(step("1NN 2NN"), (3, 3));
    assert_eq!(step("1NN 2NN 3N"), (3, 2));
    let planned = |outcomes: &str| next(outcomes).because.iter().any(|one| one.rule == "crm/initial-design");
    assert!(planned("1NN 2NN") && !planned("1NN 2NT") && !planned("1NN 2NN 3NNN 4N"));
}

#[test]
fn a_full_level_ends_the_trial_when_the_design_would_stay() {
    let crm = design(with(usual(), "early-stop-n", json!(6)));
    let data = Data::from_outcomes(5, "1NNN 2NNT 2NNT").unwrap();
    let end = crm.next(&data).unwrap();
    assert_eq!((end.action, end.level), (Action::Complete, Level::new(2)));
    assert!(end.because.iter().any(|because| because.rule == "crm/early-stop"));
}

#[test]
fn with_no_data_the_numbers_are_those_of_the_prior() {
    let crm = design(usual());
    let found = crm.numbers(&Data::from_outcomes(5, "").unwrap()).unwrap();
    assert!(found.parameters[0].mean.abs() < 1e-12);
    assert!((found.parameters[0].sd - 1.34_f64.sqrt()).abs() < 1e-11);
    // Pr(p_k > t) = Phi(ln(ln t / ln s_k) / scale), and quantiles of p are those of a through the curve.
    for (at, rate) in found.levels.iter().zip(SKELETON) {
        let cut = (0.25_f64.ln() / rate.ln()).ln();
        let over = posology_design::numeric::normal_probability(cut / 1.34_f64.sqrt());
        assert!((at.over.unwrap() - over).abs() < 1e-10);
        let end = |z: f64| rate.powf((z * 1.34_f64.sqrt()).exp());
        assert!((at.lower.unwrap() - end(1.959963984540054)).abs() < 1e-9);
        assert!((at.upper.unwrap() - end(-1.959963984540054)).abs() < 1e-9);
        assert!((at.estimate.unwrap() - rate).abs() < 1e-12);
    }
}

#[test]
fn settings_are_refused_by_name() {
    let cases: [(&str, Value, &str); 22] = [
        ("target", json!(1.0), "`target`"),
        ("target", json!(0.0), "`target`"),
        ("skeleton", json!([0.1, 0.3, 0.2]), "`skeleton`"),
        ("skeleton", json!([0.1, 0.1]), "`skeleton`"),
        ("skeleton", json!([]), "`skeleton`"),
        ("skeleton", json!([0.0, 0.2]), "`skeleton`"),
        ("skeleton", json!([0.2, 1.0]), "`skeleton`"),
        ("skeleton", json!(vec![0.5; 10_000]), "`skeleton`"),
        ("doses", json!(4), "`skeleton`"),
        ("doses", json!(10_000), "`doses`"),
        ("start", json!(6), "`start`"),
        ("scale", json!(0.0), "`scale`"),
        ("scale", json!(1e300), "`scale`"),
        ("intercept", json!(50.0), "`intercept`"),
        ("half-width", json!(0.05), "`skeleton`"),
        ("stop-toxic", json!(1.5), "`stop-toxic`"),
        ("stop-toxic", json!(true), "`stop-toxic`"),
        ("early-stop-n", json!(0), "`early-stop-n`"),
        ("initial-design", json!([2, 3]), "`initial-design`"),
        ("initial-design", json!([1, 3]), "`initial-design`"),
        ("initial-design", json!([1, 6]), "`initial-design`"),
        ("intercept-sd", json!(-1.0), "`intercept-sd`"),
    ];
    for (key, value, named) in cases {
        let told = refusal(with(usual(), key, value.clone()));
        assert!(told.contains(named), "{key} = {value}: {told}");
    }
    let told = refusal(json!({"design": "crm", "target": 0.25, "doses": 5}));
    assert!(told.contains("`skeleton`"), "{told}");
    let told = refusal(json!({"design": "crm", "target": 0.25, "doses": 5, "half-width": 0.05}));
    assert!(told.contains("`prior-mtd`"), "{told}");
    let told = refusal(json!({"design": "crm", "target": 0.25, "half-width": 0.05, "prior-mtd": 2}));
    assert!(told.contains("`doses`"), "{told}");
    let told =
        refusal(json!({"design": "crm", "target": 0.25, "doses": 5, "half-width": 0.3, "prior-mtd": 6}));
    assert!(told.contains("`half-width`") && told.contains("`prior-mtd`"), "{told}");
    // A level above logistic(intercept) cannot be reached by the logistic curve.
    let low = json!({"design": "crm", "target": 0.25, "model": "logistic", "intercept": 0.0, "skeleton": [0.2, 0.6]});
    assert!(refusal(low).contains("`skeleton`"));
}

#[test]
fn the_skeleton_may_be_given_by_its_half_width() {
    let by_width = json!({"design": "crm", "target": 0.25, "doses": 5, "half-width": 0.05, "prior-mtd": 3});
    let Design::Crm(crm) = design(by_width) else { panic!("not a crm") };
    for (rate, expected) in crm.skeleton().iter().zip(SKELETON) {
        assert!((rate - expected).abs() < 1e-12);
    }
}

fn any_levels(levels: usize, most: u32) -> impl Strategy<Value = Vec<AtLevel>> {
    let at = (0..=most, 0..=most).prop_map(|(dlt, no_dlt)| AtLevel { dlt, no_dlt, ..AtLevel::default() });
    proptest::collection::vec(at, levels)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn numbers_are_probabilities_in_order_whatever_the_counts(
        levels in any_levels(5, 12), name in 0..2_usize, scale in 0.2..3.0_f64,
    ) {
        let mut settings = with(usual(), "model", json!(["empiric", "logistic"][name]));
        settings["max-patients"] = json!(200);
        settings["scale"] = json!(scale);
        let crm = design(settings);
        let data = Data::new(levels, None).unwrap();
        let found = crm.numbers(&data).unwrap();
        prop_assert_eq!(&found, &crm.numbers(&data).unwrap());
        for at in &found.levels {
            let of = |value: Option<f64>| value.unwrap();
            for value in [of(at.estimate), of(at.mean), of(at.lower), of(at.upper), of(at.over)] {
                prop_assert!((0.0..=1.0).contains(&value));
            }
            prop_assert!(of(at.lower) <= of(at.mean) && of(at.mean) <= of(at.upper));
        }
        prop_assert!(found.levels.is_sorted_by(|one, other| one.estimate <= other.estimate));
        prop_assert!(found.levels.is_sorted_by(|one, other| one.over.unwrap() <= other.over.unwrap() + 1e-9));
    }

    #[test]
    fn a_decision_never_skips_and_is_the_nearest_by_its_own_numbers(
        levels in any_levels(5, 4), current in 1..=5_u32,
    ) {
        let settings = with(with(usual(), "max-patients", json!(60)), "stop-toxic", json!(false));
        let data = Data::new(levels.clone(), Level::new(current)).unwrap();
        prop_assume!(data.patients() > 0);
        let crm = design(settings.clone());
        let decision = crm.next(&data).unwrap();
        prop_assert_eq!(&decision, &crm.next(&data).unwrap());
        let highest = levels.iter().rposition(|at| at.patients() > 0).unwrap() as u32 + 1;
        let level = decision.level.unwrap().number();
        prop_assert!(level <= current.max(highest + 1) && level <= current + 1);
        if level > current {
            prop_assert!(level <= highest + 1);
            prop_assert_eq!(levels[current as usize - 1].dlt, 0);
        }
        let loose = design(with(with(settings, "allow-skipping", json!(true)), "coherent", json!(false)));
        let wanted = loose.next(&data).unwrap().level.unwrap();
        let numbers = loose.numbers(&data).unwrap();
        let far = |at: usize| (numbers.levels[at].estimate.unwrap() - 0.25).abs();
        for at in 0..5 {
            prop_assert!(far(wanted.index()) <= far(at) + 1e-9);
        }
    }
}
