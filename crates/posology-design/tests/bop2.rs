//! BOP2 against the boundaries that the R package BOP2FE prints, and against every course of small trials.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::bop2::{Bop2, Boundary, Endpoints, Joint, Settings, Truth};
use proptest::prelude::*;

fn settings(endpoints: Endpoints) -> Settings {
    Settings { endpoints, looks: vec![10, 15, 20, 25, 30, 35, 40], alpha: 0.10, lambdas: 100, gammas: 100 }
}

fn joint(both: f64, first: f64, second: f64, neither: f64) -> Joint {
    Joint { both, first, second, neither }
}

fn fails(design: &Bop2, endpoint: usize) -> Vec<u32> {
    design.boundaries.iter().filter_map(|boundary| boundary.fails[endpoint]).collect()
}

fn nested() -> Endpoints {
    Endpoints::Nested { null: Joint::nested(0.15, 0.30), alternative: Joint::nested(0.25, 0.50) }
}

fn co_primary() -> Endpoints {
    Endpoints::CoPrimary { null: joint(0.05, 0.05, 0.15, 0.75), alternative: joint(0.15, 0.15, 0.20, 0.50) }
}

fn with_toxicity() -> Endpoints {
    Endpoints::EfficacyToxicity {
        null: joint(0.15, 0.30, 0.15, 0.40),
        alternative: joint(0.18, 0.42, 0.02, 0.38),
    }
}

/// The futility boundaries that the README of the R package BOP2FE prints (github.com/belayb/BOP2FE, commit 09bd8e3) for
/// looks at 10, 15, …, 40: its futility rule is that of BOP2.
#[test]
fn boundaries_are_those_of_the_package_for_all_four_kinds_of_endpoints() {
    let binary = settings(Endpoints::Binary { null: 0.2, alternative: 0.4 }).design(0.909, 1.0).unwrap();
    assert_eq!(fails(&binary, 0), [1, 2, 3, 5, 7, 9, 11]);
    assert!(fails(&binary, 1).is_empty());
    let nested = settings(nested()).design(0.95, 1.0).unwrap();
    assert_eq!(fails(&nested, 0), [0, 1, 3, 4, 5, 7, 10]);
    assert_eq!(fails(&nested, 1), [2, 3, 6, 8, 10, 13, 17]);
    let co_primary = settings(co_primary()).design(0.95, 1.0).unwrap();
    assert_eq!(fails(&co_primary, 0), [0, 1, 2, 3, 4, 5, 7]);
    assert_eq!(fails(&co_primary, 1), [1, 2, 4, 5, 7, 9, 12]);
    let toxicity = settings(with_toxicity()).design(0.7, 1.0).unwrap();
    assert_eq!(fails(&toxicity, 0), [3, 5, 8, 10, 13, 16, 19]);
    assert_eq!(fails(&toxicity, 1), [5, 6, 7, 8, 9, 10, 11]);
}

/// Every course of a small trial: each patient in one of four cells.
fn brute(endpoints: &Endpoints, boundaries: &[Boundary], truth: &Joint) -> (f64, f64) {
    let cells = [(1, 1, truth.both), (1, 0, truth.first), (0, 1, truth.second), (0, 0, truth.neither)];
    let max = boundaries.last().unwrap().n;
    let any = matches!(endpoints, Endpoints::EfficacyToxicity { .. });
    let (mut go, mut expected) = (0.0, 0.0);
    for course in 0..4_u32.pow(max) {
        let patients: Vec<_> = (0..max).map(|i| cells[(course / 4_u32.pow(i) % 4) as usize]).collect();
        let chance: f64 = patients.iter().map(|cell| cell.2).product();
        for boundary in boundaries {
            let seen = &patients[..boundary.n as usize];
            let first: u32 = seen.iter().map(|cell| cell.0).sum();
            let second: u32 = seen.iter().map(|cell| cell.1).sum();
            let first_fails = boundary.fails[0].is_some_and(|most| first <= most);
            let second_fails =
                boundary.fails[1].is_some_and(|bound| if any { second >= bound } else { second <= bound });
            let no_go = if any { first_fails || second_fails } else { first_fails && second_fails };
            if no_go || boundary.n == max {
                go += if no_go { 0.0 } else { chance };
                expected += chance * f64::from(boundary.n);
                break;
            }
        }
    }
    (go, expected)
}

#[test]
fn characteristics_are_those_of_every_course_counted_one_by_one() {
    for endpoints in [nested(), co_primary(), with_toxicity()] {
        let design = Settings { looks: vec![3, 5, 7], ..settings(endpoints) }.design(0.75, 0.6).unwrap();
        let (Endpoints::Nested { null, alternative }
        | Endpoints::CoPrimary { null, alternative }
        | Endpoints::EfficacyToxicity { null, alternative }) = endpoints
        else {
            panic!("two endpoints");
        };
        for truth in [null, alternative, Joint::independent(0.5, 0.35)] {
            let found = design.at(&Truth::Joint(truth)).unwrap();
            let (go, expected) = brute(&endpoints, &design.boundaries, &truth);
            assert!((found.go - go).abs() < 1e-12, "{endpoints:?} {truth:?}");
            assert!((found.expected_n - expected).abs() < 1e-11);
            assert!((found.ends_at.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!((design.alpha - brute(&endpoints, &design.boundaries, &null).0).abs() < 1e-12);
        assert!((design.power - brute(&endpoints, &design.boundaries, &alternative).0).abs() < 1e-12);
    }
}

#[test]
fn one_endpoint_alone_is_two_of_which_the_other_always_fails() {
    // Nested with a first endpoint that nearly never occurs decides as its second alone.
    let rare = 1e-9;
    let two = Settings {
        looks: vec![10, 20],
        ..settings(Endpoints::Nested {
            null: Joint::nested(rare, 0.2),
            alternative: Joint::nested(rare, 0.4),
        })
    };
    let one = Settings { looks: vec![10, 20], ..settings(Endpoints::Binary { null: 0.2, alternative: 0.4 }) };
    let (two, one) = (two.design(0.9, 0.5).unwrap(), one.design(0.9, 0.5).unwrap());
    assert_eq!(fails(&two, 1), fails(&one, 0));
    assert!((two.alpha - one.alpha).abs() < 1e-7 && (two.power - one.power).abs() < 1e-7);
}

#[test]
fn the_search_finds_the_greatest_power_of_the_grid() {
    for endpoints in [Endpoints::Binary { null: 0.2, alternative: 0.4 }, co_primary()] {
        let settings = Settings { looks: vec![8, 16, 24], lambdas: 12, gammas: 6, ..settings(endpoints) };
        let best = settings.search().unwrap();
        assert!(best.alpha <= 0.10);
        let mut greatest = 0.0_f64;
        for step in 1..12 {
            for rise in 0..=6 {
                let design = settings.design(f64::from(step) / 12.0, f64::from(rise) / 6.0).unwrap();
                if design.alpha <= 0.10 {
                    greatest = greatest.max(design.power);
                }
            }
        }
        assert!((best.power - greatest).abs() < 1e-12);
        assert_eq!(settings.design(best.lambda, best.gamma).unwrap(), best);
    }
}

#[test]
fn bad_settings_are_refused_with_the_key() {
    let keys = |settings: Settings| -> Vec<String> {
        settings.search().unwrap_err().0.into_iter().map(|problem| problem.key).collect()
    };
    let binary = |null, alternative| settings(Endpoints::Binary { null, alternative });
    assert_eq!(keys(binary(f64::NAN, 0.4)), ["null"]);
    assert_eq!(keys(binary(0.4, 0.2)), ["alternative"]);
    assert_eq!(keys(Settings { looks: vec![], ..binary(0.2, 0.4) }), ["looks"]);
    assert_eq!(keys(Settings { looks: vec![10, 5], ..binary(0.2, 0.4) }), ["looks"]);
    assert_eq!(keys(Settings { looks: vec![201], ..settings(nested()) }), ["looks"]);
    assert_eq!(keys(Settings { alpha: 0.0, ..binary(0.2, 0.4) }), ["alpha"]);
    assert_eq!(keys(Settings { lambdas: 1_000_000, gammas: 0, ..binary(0.2, 0.4) }), ["lambdas", "gammas"]);
    assert_eq!(keys(Settings { looks: vec![2], alpha: 1e-6, ..binary(0.2, 0.4) }), ["alpha"]);
    let sum =
        Endpoints::CoPrimary { null: joint(0.1, 0.1, 0.1, 0.1), alternative: joint(0.2, 0.2, 0.2, 0.4) };
    assert_eq!(keys(settings(sum)), ["null"]);
    let only_first =
        Endpoints::Nested { null: joint(0.1, 0.1, 0.1, 0.7), alternative: Joint::nested(0.3, 0.5) };
    assert_eq!(keys(settings(only_first)), ["null.first"]);
    let exchanged = Endpoints::EfficacyToxicity {
        null: joint(0.18, 0.42, 0.02, 0.38),
        alternative: joint(0.15, 0.30, 0.15, 0.40),
    };
    assert_eq!(keys(settings(exchanged)), ["alternative"]);
    assert!(binary(0.2, 0.4).design(1.0, 1.0).is_err() && binary(0.2, 0.4).design(0.9, f64::NAN).is_err());
    let design = binary(0.2, 0.4).design(0.9, 1.0).unwrap();
    assert!(design.at(&Truth::Rate(-0.1)).is_err());
    assert!(design.at(&Truth::Joint(Joint::independent(0.2, 0.2))).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn boundaries_of_responses_never_fall_and_probabilities_are_probabilities(
        null in 0.05..0.6f64, lambda in 0.05..0.99f64, gamma in 0.0..1.0f64,
    ) {
        let design = Settings {
            looks: (5..=30).step_by(5).collect(),
            ..settings(Endpoints::CoPrimary {
                null: Joint::independent(null, null / 2.0),
                alternative: Joint::independent(null + 0.2, null / 2.0),
            })
        }.design(lambda, gamma).unwrap();
        for endpoint in [0, 1] {
            prop_assert!(design.boundaries.is_sorted_by_key(|boundary| boundary.fails[endpoint]));
        }
        prop_assert!((0.0..=1.0 + 1e-12).contains(&design.alpha) && design.alpha <= design.power + 1e-12);
    }
}
