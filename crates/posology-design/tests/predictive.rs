//! Predictive and posterior monitoring against the papers and against sums over whole trials.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::monitoring::{Look, characteristics};
use posology_design::predictive::{Beta, Predictive, Standard, ThallSimon};
use proptest::prelude::*;

/// Lee and Liu 2008, the design for 20% against 40% that the paper sets out: 36 patients, Beta(0.2, 0.8).
fn paper() -> Predictive {
    Predictive {
        p0: 0.20,
        prior: Beta { a: 0.2, b: 0.8 },
        looks: (10..=36).collect(),
        efficacious: 0.90,
        futile: 0.001,
        promising: 1.0,
    }
}

/// Lee and Liu 2008, section 2: 16 responders of 23, 40 patients, Beta(0.6, 0.4), p0 = 0.60, theta_T = 0.90.
#[test]
fn the_predictive_probability_of_the_paper_s_example_is_found() {
    let design = Predictive { p0: 0.60, prior: Beta { a: 0.6, b: 0.4 }, looks: vec![23, 40], ..paper() };
    assert!((design.probability(16, 23).unwrap() - 0.5656).abs() < 5e-5);
}

/// Lee and Liu 2008: no-go at 0/10, 1/17, 2/21, …, 10/36; type I error 0.088, power 0.906, early no-go 0.86, 27.67 patients.
#[test]
fn boundaries_and_characteristics_are_those_of_the_paper() {
    let looks = paper().looks().unwrap();
    let mut first = Vec::new();
    for look in &looks {
        let most = look.futility_max.unwrap();
        if first.last().is_none_or(|(before, _)| *before < most) {
            first.push((most, look.n));
        }
    }
    let printed =
        [(0, 10), (1, 17), (2, 21), (3, 24), (4, 27), (5, 29), (6, 31), (7, 33), (8, 34), (9, 35), (10, 36)];
    assert_eq!(first, printed);
    let low = characteristics(&looks, 0.20).unwrap();
    let high = characteristics(&looks, 0.40).unwrap();
    assert!((low.go - 0.088).abs() < 0.000_51, "{low:?}");
    assert!((high.go - 0.906).abs() < 0.000_51, "{high:?}");
    assert!((low.early_no_go - 0.86).abs() < 0.005_1, "{low:?}");
    assert!((low.expected_n - 27.67).abs() < 0.005_1, "{low:?}");
}

/// Every course of a trial of few patients, one by one.
fn brute(looks: &[Look], rate: f64) -> (f64, f64) {
    let max = looks.last().unwrap().n;
    let (mut go, mut expected) = (0.0, 0.0);
    for outcomes in 0_u32..1 << max {
        let chance: f64 = (0..max).map(|i| if outcomes >> i & 1 == 1 { rate } else { 1.0 - rate }).product();
        for look in looks {
            let responders = (outcomes & ((1 << look.n) - 1)).count_ones();
            let no_go = look.futility_max.is_some_and(|most| responders <= most);
            let is_go = look.efficacy_min.is_some_and(|least| responders >= least);
            if no_go || is_go || look.n == max {
                go += if no_go { 0.0 } else { chance };
                expected += chance * f64::from(look.n);
                break;
            }
        }
    }
    (go, expected)
}

#[test]
fn characteristics_are_those_of_every_course_counted_one_by_one() {
    let design = Predictive { looks: vec![4, 7, 9, 13], futile: 0.1, promising: 0.95, ..paper() };
    let looks = design.looks().unwrap();
    assert!(looks.iter().any(|look| look.efficacy_min.is_some() && look.n < 13));
    for rate in [0.0, 0.1, 0.2, 0.45, 1.0] {
        let found = characteristics(&looks, rate).unwrap();
        let (go, expected) = brute(&looks, rate);
        assert!((found.go - go).abs() < 1e-13 && (found.expected_n - expected).abs() < 1e-11);
        assert!((found.ends_at.iter().sum::<f64>() - 1.0).abs() < 1e-13);
    }
}

#[test]
fn the_predictive_probability_is_the_mean_of_the_final_answers() {
    // Beta-binomial chances by the urn: each patient to come responds with the mean so far.
    fn urn(a: f64, b: f64, x: u32, left: u32, least: u32) -> f64 {
        if left == 0 {
            return if x >= least { 1.0 } else { 0.0 };
        }
        let p = a / (a + b);
        p * urn(a + 1.0, b, x + 1, left - 1, least) + (1.0 - p) * urn(a, b + 1.0, x, left - 1, least)
    }
    let design = Predictive { looks: vec![10, 22], ..paper() };
    let least = design.looks().unwrap()[1].efficacy_min.unwrap();
    for x in 0..=10 {
        let by_urn = urn(0.2 + f64::from(x), 0.8 + f64::from(10 - x), x, 12, least);
        assert!((design.probability(x, 10).unwrap() - by_urn).abs() < 1e-12, "{x}");
    }
}

/// Pr(X > Y) of Beta variables with whole `a` of X: a finite sum (Evans and others).
fn above_by_sum(new: Beta, standard: Beta) -> f64 {
    let ln_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    (0..new.a as u32)
        .map(|i| {
            let i = f64::from(i);
            let ln = ln_beta(standard.a + i, new.b + standard.b)
                - (new.b + i).ln()
                - ln_beta(1.0 + i, new.b)
                - ln_beta(standard.a, standard.b);
            ln.exp()
        })
        .sum()
}

#[test]
fn the_probability_of_being_better_is_the_finite_sum_where_there_is_one() {
    for (standard, prior) in [
        (Beta { a: 1.0, b: 1.0 }, Beta { a: 1.0, b: 1.0 }),
        (Beta { a: 40.0, b: 160.0 }, Beta { a: 2.0, b: 0.5 }),
        (Beta { a: 0.3, b: 0.4 }, Beta { a: 1.0, b: 0.2 }),
        (Beta { a: 2_000.0, b: 8_000.0 }, Beta { a: 1.0, b: 4.0 }),
    ] {
        let design = ThallSimon {
            standard: Standard::Believed(standard),
            prior,
            improvement: 0.1,
            looks: vec![30],
            futile: 0.05,
            promising: 0.95,
        };
        for x in [0, 3, 11, 30] {
            let found = design.probability(x, 30, 0.0).unwrap_or_else(|e| panic!("{standard:?} {x} {e}"));
            let new = Beta { a: prior.a + f64::from(x), b: prior.b + f64::from(30 - x) };
            let expected = above_by_sum(new, standard);
            assert!((found - expected).abs() < 1e-9, "{found} {expected} {standard:?} {x}");
        }
        // With an improvement, against a plain sum over a fine grid of the standard rate's quantiles.
        let found = design.probability(11, 30, 0.1).unwrap();
        let new = Beta { a: prior.a + 11.0, b: prior.b + 19.0 };
        let cells = 20_000;
        let by_grid: f64 = (0..cells)
            .map(|i| {
                let share = (f64::from(i) + 0.5) / f64::from(cells);
                let at =
                    posology_design::numeric::inverse_incomplete_beta(standard.a, standard.b, share) + 0.1;
                if at < 1.0 { posology_design::numeric::incomplete_beta_upper(new.a, new.b, at) } else { 0.0 }
            })
            .sum::<f64>()
            / f64::from(cells);
        assert!((found - by_grid).abs() < 1e-6, "{found} {by_grid} {standard:?}");
    }
}

#[test]
fn a_believed_rate_without_doubt_gives_the_boundaries_of_a_known_one() {
    let known = ThallSimon {
        standard: Standard::Rate(0.2),
        prior: Beta { a: 0.6, b: 1.4 },
        improvement: 0.15,
        looks: (10..=40).step_by(5).collect(),
        futile: 0.05,
        promising: 0.95,
    };
    let believed =
        ThallSimon { standard: Standard::Believed(Beta { a: 2_000.0, b: 8_000.0 }), ..known.clone() };
    assert_eq!(known.looks().unwrap(), believed.looks().unwrap());
    let looks = known.looks().unwrap();
    let last = looks.last().unwrap();
    assert_eq!(last.futility_max.unwrap() + 1, last.efficacy_min.unwrap());
    assert!(characteristics(&looks, 0.2).unwrap().go < characteristics(&looks, 0.4).unwrap().go);
}

#[test]
fn bad_settings_are_refused_with_the_key() {
    let keys = |design: Predictive| -> Vec<String> {
        design.looks().unwrap_err().0.into_iter().map(|problem| problem.key).collect()
    };
    assert_eq!(keys(Predictive { p0: f64::NAN, ..paper() }), ["p0"]);
    assert_eq!(
        keys(Predictive { prior: Beta { a: 0.0, b: f64::INFINITY }, ..paper() }),
        ["prior.a", "prior.b"]
    );
    assert_eq!(keys(Predictive { looks: vec![], ..paper() }), ["looks"]);
    assert_eq!(keys(Predictive { looks: vec![10, 10], ..paper() }), ["looks"]);
    assert_eq!(keys(Predictive { looks: vec![0, 10], ..paper() }), ["looks"]);
    assert_eq!(keys(Predictive { looks: vec![1_000_000], ..paper() }), ["looks"]);
    assert_eq!(keys(Predictive { efficacious: 1.0, ..paper() }), ["efficacious"]);
    assert_eq!(keys(Predictive { futile: 0.5, promising: 0.4, ..paper() }), ["promising"]);
    assert_eq!(keys(Predictive { futile: f64::NAN, ..paper() }), ["futile", "promising"]);
    assert!(paper().probability(11, 10).is_err() && paper().probability(1, 37).is_err());
    let both = Look { n: 10, futility_max: Some(3), efficacy_min: Some(3) };
    assert!(characteristics(&[both], 0.2).is_err());
    assert!(characteristics(&[], 0.2).is_err());
    assert!(characteristics(&paper().looks().unwrap(), 1.5).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn boundaries_never_fall_and_a_better_treatment_goes_on_more_often(
        p0 in 0.05..0.6f64, futile in 0.001..0.3f64, promising in 0.8..0.999f64, efficacious in 0.7..0.99f64, size in 20u32..50,
    ) {
        let design = Predictive {
            p0, prior: Beta { a: p0, b: 1.0 - p0 }, looks: (5..=size).collect(), efficacious, futile, promising,
        };
        let looks = design.looks().unwrap();
        prop_assert!(looks.is_sorted_by_key(|look| look.futility_max));
        let go = |rate: f64| characteristics(&looks, rate).unwrap().go;
        prop_assert!(go(p0) <= go(p0 + 0.1) + 1e-12 && go(p0 + 0.1) <= go(p0 + 0.3) + 1e-12);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&go(p0)));
    }
}
