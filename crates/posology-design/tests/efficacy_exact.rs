//! Exact characteristics of designs on toxicity and efficacy, against a walk through every course of small trials.

#![allow(clippy::unwrap_used)]

use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::{Action, AtLevel, Data, Design};
use serde_json::{Value, json};

const TOXICITY: [f64; 3] = [0.10, 0.30, 0.55];
const EFFICACY: [f64; 3] = [0.20, 0.50, 0.60];

/// Adds to `select` (its last entry none) and `patients` what follows these levels with this probability.
fn walk(
    design: &Design,
    levels: &[AtLevel],
    at: usize,
    probability: f64,
    select: &mut [f64],
    patients: &mut [f64],
) {
    let current = posology_design::Level::at_index(at);
    let decision = design.next(&Data::new(levels.to_vec(), Some(current)).unwrap()).unwrap();
    let next = decision.level.map(|level| level.index());
    if matches!(decision.action, Action::Stop | Action::Complete) {
        select[next.unwrap_or(levels.len())] += probability;
        for (sum, level) in patients.iter_mut().zip(levels) {
            *sum += probability * f64::from(level.evaluable());
        }
        return;
    }
    let (to, n) = (next.unwrap(), decision.enrol);
    let (p, q) = (TOXICITY[to], EFFICACY[to]);
    for toxic in 0..=n {
        for alone in 0..=n - toxic {
            for both in 0..=toxic {
                let choose =
                    |n: u32, k: u32| (0..k).fold(1.0, |all, i| all * f64::from(n - i) / f64::from(i + 1));
                let power = |x: f64, k: u32| x.powi(k as i32);
                let chance = choose(n, toxic)
                    * power(p, toxic)
                    * power(1.0 - p, n - toxic)
                    * choose(n - toxic, alone)
                    * power(q, alone)
                    * power(1.0 - q, n - toxic - alone)
                    * choose(toxic, both)
                    * power(q, both)
                    * power(1.0 - q, toxic - both);
                let mut after = levels.to_vec();
                after[to].dlt += toxic;
                after[to].no_dlt += n - toxic;
                after[to].efficacy_only += alone;
                after[to].both += both;
                walk(design, &after, to, probability * chance, select, patients);
            }
        }
    }
}

fn agrees(settings: Value) {
    let design: Design = serde_json::from_value(settings).unwrap();
    let (mut select, mut patients) = ([0.0; 4], [0.0; 3]);
    walk(
        &design,
        &[AtLevel::default(), AtLevel::default(), AtLevel::default()],
        0,
        1.0,
        &mut select,
        &mut patients,
    );
    assert!((select.iter().sum::<f64>() - 1.0).abs() < 1e-12);

    let graph = Graph::compile(&design, STATES_MAX, 1).unwrap();
    let scenario = Scenario { efficacy: EFFICACY.to_vec(), ..Scenario::of(&TOXICITY) };
    let exact = &graph.characteristics(&[scenario], Yardstick::new(0.35, 9), 1).unwrap()[0];
    for level in 0..3 {
        assert!((exact.select[level] - select[level]).abs() < 1e-12, "{:?} {select:?}", exact.select);
        assert!((exact.patients[level] - patients[level]).abs() < 1e-11, "{:?} {patients:?}", exact.patients);
    }
    assert!((exact.select_none - select[3]).abs() < 1e-12);
}

#[test]
fn boin12_is_summed_exactly() {
    agrees(json!({"design": "boin12", "doses": 3, "target": 0.35, "max-patients": 9}));
}

#[test]
fn boin_et_is_summed_exactly() {
    agrees(json!({"design": "boin-et", "doses": 3, "target": 0.30, "max-patients": 9}));
}
