//! The CRM averaged over skeletons, against plain integrals, against the CRM, and by its own laws.

#![allow(clippy::unwrap_used)]

use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::{Action, AtLevel, Data, Design, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};

const SKELETONS: [[f64; 4]; 3] =
    [[0.05, 0.12, 0.25, 0.40], [0.15, 0.25, 0.35, 0.45], [0.02, 0.30, 0.60, 0.80]];

fn design(more: &[(&str, Value)]) -> Design {
    let mut settings =
        json!({"design": "bma-crm", "target": 0.25, "skeletons": SKELETONS, "max-patients": 18});
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn data(counts: &[(u32, u32)]) -> Data {
    let at = |&(n, y): &(u32, u32)| AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() };
    Data::new(counts.iter().map(at).collect(), None).unwrap()
}

/// Evidence and mean DLT rates of one empiric model, by Simpson's rule over a from -10 to 10.
fn plain(skeleton: &[f64], counts: &[(u32, u32)]) -> (f64, Vec<f64>) {
    let steps = 200_000;
    let (mut evidence, mut means) = (0.0, vec![0.0; skeleton.len()]);
    for step in 0..=steps {
        let a = -10.0 + 20.0 * f64::from(step) / f64::from(steps);
        let weight = if step == 0 || step == steps { 1.0 } else { f64::from(2 + 2 * (step % 2)) };
        let rates: Vec<f64> = skeleton.iter().map(|rate| rate.powf(a.exp())).collect();
        let mut mass = weight * (-0.5 * a * a / 1.34).exp();
        for (rate, (n, y)) in rates.iter().zip(counts) {
            mass *= rate.powi(*y as i32) * (1.0 - rate).powi((n - y) as i32);
        }
        evidence += mass;
        for (mean, rate) in means.iter_mut().zip(&rates) {
            *mean += mass * rate;
        }
    }
    (evidence, means.into_iter().map(|mean| mean / evidence).collect())
}

#[test]
fn weights_and_averaged_rates_are_those_of_plain_integrals() {
    for counts in
        [[(3, 0), (3, 1), (0, 0), (0, 0)], [(3, 0), (6, 1), (6, 3), (3, 2)], [(9, 4), (0, 0), (0, 0), (0, 0)]]
    {
        let prior = [0.5, 0.2, 0.3];
        let models: Vec<(f64, Vec<f64>)> =
            SKELETONS.iter().map(|skeleton| plain(skeleton, &counts)).collect();
        let total: f64 = models.iter().zip(prior).map(|((evidence, _), prior)| prior * evidence).sum();
        let numbers = design(&[("skeleton-prior", json!([5, 2, 3]))]).numbers(&data(&counts)).unwrap();
        for ((parameter, (evidence, _)), prior) in numbers.parameters.iter().zip(&models).zip(prior) {
            assert!((parameter.mean - prior * evidence / total).abs() < 1e-9, "{counts:?}");
        }
        for (level, estimate) in numbers.levels.iter().enumerate() {
            let expected: f64 = models
                .iter()
                .zip(prior)
                .map(|((evidence, means), prior)| prior * evidence / total * means[level])
                .sum();
            assert!((estimate.estimate.unwrap() - expected).abs() < 1e-9, "{counts:?}");
            assert!((estimate.mean.unwrap() - expected).abs() < 1e-9, "{counts:?}");
            let inside = estimate.lower.unwrap() < expected && expected < estimate.upper.unwrap();
            assert!(inside, "{counts:?}");
        }
    }
}

#[test]
fn with_one_skeleton_and_the_curve_it_is_that_crm_in_every_state() {
    let one = design(&[("skeletons", json!([SKELETONS[0]])), ("estimate", json!("curve"))]);
    let crm: Design = serde_json::from_value(
        json!({"design": "crm", "target": 0.25, "skeleton": SKELETONS[0], "max-patients": 18}),
    )
    .unwrap();
    let truth = [Scenario::of(&[0.1, 0.2, 0.3, 0.5])];
    let of = |design: &Design| {
        let graph = Graph::compile(design, STATES_MAX, 1).unwrap();
        (graph.size(), graph.characteristics(&truth, Yardstick::new(0.25, 18), 1).unwrap()[0].select.clone())
    };
    assert_eq!(of(&one), of(&crm));
}

#[test]
fn a_skeleton_named_twice_says_what_it_says_once_and_their_order_says_nothing() {
    let counts = data(&[(3, 0), (3, 1), (3, 1), (0, 0)]);
    let estimates = |skeletons: Value| {
        let numbers = design(&[("skeletons", skeletons)]).numbers(&counts).unwrap();
        numbers.levels.iter().map(|level| level.estimate.unwrap()).collect::<Vec<_>>()
    };
    let close = |one: Vec<f64>, other: Vec<f64>| {
        assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-13), "{one:?} {other:?}");
    };
    let [first, second, third] = SKELETONS;
    close(estimates(json!([first])), estimates(json!([first, first])));
    close(estimates(json!([first, second, third])), estimates(json!([third, first, second])));
}

#[test]
fn a_first_level_too_toxic_under_the_average_stops_the_trial_and_the_weights_are_told() {
    let decision = design(&[]).next(&data(&[(6, 5), (0, 0), (0, 0), (0, 0)])).unwrap();
    assert_eq!(decision.action, Action::Stop);
    assert_eq!(decision.because[0].rule, "bma-crm/stop-toxic");
    assert!(decision.because.iter().any(|because| because.rule == "bma-crm/weights"));
}

#[test]
fn wrong_settings_are_refused_by_key() {
    let refused = |more: &[(&str, Value)]| {
        let mut settings = json!({"design": "bma-crm", "target": 0.25, "skeletons": SKELETONS});
        for (key, value) in more {
            settings[*key] = value.clone();
        }
        let settings: Settings = serde_json::from_value(settings).unwrap();
        Design::try_from(settings).unwrap_err().0.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert_eq!(refused(&[("skeletons", json!([]))]), ["skeletons"]);
    assert_eq!(refused(&[("skeletons", json!([[0.1, 0.2], [0.1, 0.2, 0.3]]))]), ["skeletons"]);
    assert_eq!(refused(&[("skeletons", json!([[0.1, 0.2], [0.2, 0.1]]))]), ["skeletons"]);
    assert_eq!(refused(&[("skeletons", json!([[0.2, 0.1]]))]), ["skeletons"]);
    assert_eq!(refused(&[("skeletons", json!(vec![[0.1, 0.2]; 21]))]), ["skeletons"]);
    assert_eq!(refused(&[("skeleton-prior", json!([1, 0, 1]))]), ["skeleton-prior"]);
    assert_eq!(refused(&[("skeleton-prior", json!([1, 1]))]), ["skeleton-prior"]);
    assert_eq!(refused(&[("target", json!(1.5))]), ["target"]);
    assert_eq!(refused(&[("doses", json!(3))]), ["skeletons"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rates_rise_by_level_weights_add_up_and_no_level_is_skipped(
        counts in prop::collection::vec((0_u32..7, 0_u32..7), 4), current in 1_u32..5
    ) {
        let counts: Vec<(u32, u32)> = counts.into_iter().map(|(n, y)| (n, y.min(n))).collect();
        let at = |&(n, y): &(u32, u32)| AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() };
        let data = Data::new(counts.iter().map(at).collect(), posology_design::Level::new(current)).unwrap();
        let design = design(&[("max-patients", json!(60))]);
        let numbers = design.numbers(&data).unwrap();
        let rates: Vec<f64> = numbers.levels.iter().map(|level| level.estimate.unwrap()).collect();
        prop_assert!(rates.windows(2).all(|pair| pair[0] < pair[1] + 1e-12));
        let total: f64 = numbers.parameters.iter().map(|weight| weight.mean).sum();
        prop_assert!((total - 1.0).abs() < 1e-12);
        if let Some(level) = design.next(&data).unwrap().level {
            prop_assert!(level.number() <= current + 1);
        }
    }
}
