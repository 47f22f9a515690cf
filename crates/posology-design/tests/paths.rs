//! Dose transition pathways against those of the R package escalation 0.2.3, and calibration and predictions
//! against second ways of computing them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use posology_design::calibrate::{Constraint, Goal, Measure, Over, Search, calibrate, least_favourable};
use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::paths::{NoPathways, Pathway, pathways};
use posology_design::{Action, Data, Design, Level};
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "found {found}, expected {expected} within {within}");
}

/// The package's course to a node, as a list of (level, DLTs).
fn courses(nodes: &[Value]) -> BTreeMap<u64, Vec<(u64, usize)>> {
    let mut courses: BTreeMap<u64, Vec<(u64, usize)>> = BTreeMap::new();
    for node in nodes {
        let course = match node[1].as_u64() {
            None => Vec::new(),
            Some(parent) => {
                let level = nodes.iter().find(|other| other[0].as_u64() == Some(parent)).unwrap()[4]
                    .as_u64()
                    .unwrap();
                let dlts = node[3].as_str().unwrap().matches('T').count();
                [courses[&parent].clone(), vec![(level, dlts)]].concat()
            }
        };
        courses.insert(node[0].as_u64().unwrap(), course);
    }
    courses
}

fn outcome(pathway: &Pathway) -> Vec<(u64, usize)> {
    pathway.cohorts.iter().map(|cohort| (u64::from(cohort.level.number()), cohort.dlts as usize)).collect()
}

#[test]
fn pathways_and_their_probabilities_are_those_of_the_package_escalation() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/dose_paths.json")).unwrap();
    let designs = [
        ("boin", json!({"design": "boin", "target": 0.3, "doses": 5})),
        ("three_plus_three", json!({"design": "3+3", "doses": 5})),
    ];
    for (name, settings) in designs {
        let case = &fixture[name];
        let nodes = case["nodes"].as_array().unwrap();
        let courses = courses(nodes);
        for scenario in case["scenarios"].as_array().unwrap() {
            let truth = Scenario::of(&numbers(&scenario["truth"]));
            let from = Data::from_outcomes(5, "").unwrap();
            let all = pathways(
                &design(settings.clone()),
                &from,
                case["cohorts"].as_u64().unwrap() as u32,
                Some(&truth),
            )
            .unwrap();
            close(all.iter().map(|pathway| pathway.probability.unwrap()).sum(), 1.0, 1e-12);
            let ours: BTreeMap<_, f64> =
                all.iter().map(|pathway| (outcome(pathway), pathway.probability.unwrap())).collect();
            let ends = scenario["terminal"]["node"].as_array().unwrap();
            assert_eq!(ours.len(), ends.len(), "{name}");
            for (node, probability) in ends.iter().zip(numbers(&scenario["terminal"]["prob"])) {
                close(ours[&courses[&node.as_u64().unwrap()]], probability, 1e-14);
            }
        }
        // The next level at every end where the package treats on.
        let from = Data::from_outcomes(5, "").unwrap();
        let all = pathways(&design(settings), &from, case["cohorts"].as_u64().unwrap() as u32, None).unwrap();
        let by_course: BTreeMap<_, &Pathway> =
            all.iter().map(|pathway| (outcome(pathway), pathway)).collect();
        for node in nodes.iter().filter(|node| courses[&node[0].as_u64().unwrap()].len() == 4) {
            let pathway = by_course[&courses[&node[0].as_u64().unwrap()]];
            let next = pathway.level.map(|level| u64::from(level.number()));
            assert_eq!(next, node[4].as_u64(), "{name} {node}");
        }
    }
}

#[test]
fn pathways_say_why_they_cannot_be_listed() {
    let boin = design(json!({"design": "boin", "target": 0.3, "doses": 3, "cohort-size": 10}));
    let none = Data::from_outcomes(3, "").unwrap();
    assert_eq!(pathways(&boin, &none, 6, None), Err(NoPathways::TooMany));
    let pending = Data::from_outcomes(3, "1NNP").unwrap();
    assert_eq!(pathways(&boin, &pending, 1, None), Err(NoPathways::Undecided { found: 1 }));
    let short = pathways(&boin, &none, 1, Some(&Scenario::of(&[0.1, 0.2]))).unwrap_err();
    assert_eq!(short.to_string(), "the truth: found 2 rates, expected 3, one for each level");
}

#[test]
fn the_most_likely_and_the_worst_course_are_found_among_all_pathways() {
    let three = design(json!({"design": "3+3", "doses": 3}));
    let truth = Scenario::of(&[0.1, 0.25, 0.45]);
    let graph = Graph::compile(&three, STATES_MAX, 1).unwrap();
    let all = pathways(&three, &Data::from_outcomes(3, "").unwrap(), 20, Some(&truth)).unwrap();
    let dlts = |pathway: &Pathway| pathway.cohorts.iter().map(|cohort| cohort.dlts).sum::<u32>();
    let likely = graph.most_likely_course(&truth);
    let most = all.iter().max_by(|a, b| a.probability.unwrap().total_cmp(&b.probability.unwrap())).unwrap();
    assert_eq!(likely.cohorts, most.cohorts);
    close(likely.probability, most.probability.unwrap(), 1e-14);
    let worst = graph.worst_course(&truth);
    let worst_of_all = all.iter().map(dlts).max().unwrap();
    assert_eq!(worst.cohorts.iter().map(|cohort| cohort.dlts).sum::<u32>(), worst_of_all);
    let best = all
        .iter()
        .filter(|pathway| dlts(pathway) == worst_of_all)
        .map(|pathway| pathway.probability.unwrap());
    close(worst.probability, best.fold(0.0, f64::max), 1e-14);
}

#[test]
fn from_here_on_is_the_whole_given_the_first_cohorts() {
    // The probability of each selection is the mean over the first cohort's outcomes of what follows each.
    let boin = design(json!({"design": "boin", "target": 0.3, "doses": 3, "max-patients": 15}));
    let truth = Scenario::of(&[0.15, 0.3, 0.5]);
    let yardstick = Yardstick::new(0.3, 15);
    let whole = Graph::compile(&boin, STATES_MAX, 1)
        .unwrap()
        .characteristics(std::slice::from_ref(&truth), yardstick, 1)
        .unwrap()
        .remove(0);
    let mut select = [0.0; 3];
    let mut patients = [0.0; 3];
    for (outcome, chance) in
        ["1NNN", "1TNN", "1TTN", "1TTT"].iter().zip([0.614_125, 0.325_125, 0.057_375, 0.003_375])
    {
        let data = Data::from_outcomes(3, outcome).unwrap();
        let graph = Graph::compile_from(&boin, &data, STATES_MAX, 1).unwrap();
        let after = graph.characteristics(std::slice::from_ref(&truth), yardstick, 1).unwrap().remove(0);
        for level in 0..3 {
            select[level] += chance * after.select[level];
            patients[level] += chance * after.patients[level];
        }
    }
    for level in 0..3 {
        close(select[level], whole.select[level], 1e-13);
        close(patients[level], whole.patients[level], 1e-12);
    }
    // A pending first cohort is the same as none yet.
    let pending = Data::from_outcomes(3, "1PPP").unwrap();
    let graph = Graph::compile_from(&boin, &pending, STATES_MAX, 1).unwrap();
    let after = graph.characteristics(&[truth], yardstick, 1).unwrap().remove(0);
    for level in 0..3 {
        close(after.select[level], whole.select[level], 1e-13);
    }
}

#[test]
fn predictions_are_the_exact_characteristics_averaged_over_the_posterior() {
    // Two levels with Beta posteriors: midpoint sums over 200 x 200 truths against the beta-binomial recursion.
    let boin = design(json!({"design": "boin", "target": 0.3, "doses": 2, "max-patients": 12}));
    let data = Data::from_outcomes(2, "1NNT 2NNN").unwrap();
    let graph = Graph::compile_from(&boin, &data, STATES_MAX, 1).unwrap();
    let prediction = graph.predict(&boin, &data, 1).unwrap();
    let predicted = prediction.select.clone();
    close(predicted.iter().sum::<f64>() + prediction.select_none, 1.0, 1e-12);
    let points = 200;
    let grid: Vec<f64> = (0..points).map(|point| (f64::from(point) + 0.5) / f64::from(points)).collect();
    // Densities of Beta(2, 3) and Beta(1, 4).
    let weight =
        |p: f64, q: f64| 12.0 * p * (1.0 - p).powi(2) * 4.0 * (1.0 - q).powi(3) / f64::from(points * points);
    let truths: Vec<Scenario> =
        grid.iter().flat_map(|p| grid.iter().map(|q| Scenario::of(&[*p, *q]))).collect();
    let all = graph.characteristics(&truths, Yardstick::new(0.3, 12), 2).unwrap();
    for (level, predicted) in predicted.iter().enumerate() {
        let mean: f64 = all.iter().map(|oc| oc.select[level] * weight(oc.truth[0], oc.truth[1])).sum();
        close(*predicted, mean, 2e-4);
    }
}

#[test]
fn a_model_predicts_as_its_own_posterior_says() {
    // With everybody treated, the selection is certain; before that the prediction is a mean over the posterior, so
    // that its mean over the next cohort's predictive outcomes is the same prediction again.
    let settings = json!({"design": "crm", "target": 0.25, "skeleton": [0.1, 0.25, 0.4], "max-patients": 9,
        "stop-toxic": false});
    let crm = design(settings);
    let at = |outcomes: &str| {
        let data = Data::from_outcomes(3, outcomes).unwrap();
        let graph = Graph::compile_from(&crm, &data, STATES_MAX, 1).unwrap();
        graph.predict(&crm, &data, 1).unwrap().select
    };
    let now = at("1NNN 2NNT");
    close(now.iter().sum(), 1.0, 1e-9);
    let done = at("1NNN 2NNT 2NNT");
    assert!(done.iter().any(|selected| (selected - 1.0).abs() < 1e-12), "{done:?}");
    // The next cohort is at level 2: its outcomes, weighted by the ratio of evidences through the posterior of p2.
    let numbers = crm.numbers(&Data::from_outcomes(3, "1NNN 2NNT").unwrap()).unwrap();
    let next: Vec<Vec<f64>> =
        ["2NNN", "2NNT", "2NTT", "2TTT"].iter().map(|cohort| at(&format!("1NNN 2NNT {cohort}"))).collect();
    for level in 0..3 {
        let (least, most) =
            next.iter().map(|one| one[level]).fold((1.0_f64, 0.0_f64), |(a, b), p| (a.min(p), b.max(p)));
        assert!(now[level] >= least - 1e-9 && now[level] <= most + 1e-9, "{now:?}");
    }
    // Level 3 is selected only after no further DLT: at most the probability of that, 1 - mean + spread.
    assert!(now[2] < 1.0 - numbers.levels[1].mean.unwrap());
}

#[test]
fn calibration_ranks_the_feasible_first_and_names_what_is_not_dominated() {
    let sizes = [12, 18, 24, 30];
    let candidates: Vec<Design> = sizes
        .iter()
        .map(|max| design(json!({"design": "boin", "target": 0.3, "doses": 4, "max-patients": max})))
        .collect();
    let scenarios = [Scenario::of(&[0.1, 0.3, 0.5, 0.6]), Scenario::of(&[0.05, 0.1, 0.3, 0.5])];
    let goals = [
        Goal { measure: Measure::PCorrect, over: Over::Mean },
        Goal { measure: Measure::TotalPatients, over: Over::Mean },
    ];
    let constraints = [Constraint { measure: Measure::PCorrect, at_most: None, at_least: Some(0.5) }];
    let search = Search {
        scenarios: &scenarios,
        goals: &goals,
        constraints: &constraints,
        budget: STATES_MAX,
        threads: 1,
    };
    let tried = calibrate(&candidates, &search).unwrap();
    assert_eq!(tried.len(), 4);
    assert!(tried.is_sorted_by(|a, b| a.feasible >= b.feasible));
    assert_eq!(sizes[tried[0].candidate], 30, "more patients select more rightly");
    for one in &tried {
        let least = one.scenarios.iter().map(|oc| oc.p_correct).fold(1.0, f64::min);
        assert_eq!(one.feasible, least >= 0.5);
        assert_eq!(one.pareto, one.feasible, "each size costs patients and buys correctness");
    }
}

#[test]
fn the_least_favourable_truth_is_worse_than_the_scenario_and_stays_near_it() {
    let boin = design(json!({"design": "boin", "target": 0.3, "doses": 4, "max-patients": 24}));
    let graph = Graph::compile(&boin, STATES_MAX, 1).unwrap();
    let scenario = Scenario::of(&[0.1, 0.3, 0.5, 0.6]);
    let yardstick = Yardstick::new(0.3, 24);
    let (truth, least) = least_favourable(&graph, &scenario, yardstick, 0.05).unwrap().unwrap();
    let at_scenario =
        graph.characteristics(std::slice::from_ref(&scenario), yardstick, 1).unwrap()[0].p_correct;
    assert!(least < at_scenario - 0.05, "{least} against {at_scenario}");
    assert!(truth.iter().zip(&scenario.truth).all(|(rate, centre)| (rate - centre).abs() <= 0.05 + 1e-12));
    let again = graph.characteristics(&[Scenario::of(&truth)], yardstick, 1).unwrap();
    close(again[0].select[1], least, 1e-12);
}

#[test]
fn a_trial_that_ends_early_is_a_shorter_pathway() {
    let boin = design(json!({"design": "boin", "target": 0.3, "doses": 2, "max-patients": 12}));
    let all = pathways(&boin, &Data::from_outcomes(2, "").unwrap(), 4, None).unwrap();
    let stopped = all.iter().find(|pathway| pathway.cohorts.len() == 1).unwrap();
    assert_eq!((stopped.action, stopped.cohorts[0].dlts, stopped.level), (Action::Stop, 3, None));
    assert!(all.iter().filter(|pathway| pathway.cohorts.len() == 4).all(|pathway| {
        matches!((pathway.action, pathway.level), (Action::Complete, Some(_)) | (Action::Stop, None))
    }));
    assert!(all.iter().any(|pathway| pathway.level == Level::new(2)));
}
