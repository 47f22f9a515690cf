//! Special functions against values computed with 60 digits, the exact interval against R's.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::numeric::{
    clopper_pearson, incomplete_beta, incomplete_beta_upper, inverse_incomplete_beta, ln_gamma,
    normal_probability, normal_quantile,
};
use proptest::prelude::*;

#[test]
fn special_functions_agree_with_60_digit_values_to_1e_12() {
    let mut worst = Vec::new();
    for row in include_str!("fixtures/special_functions.csv").lines() {
        let fields: Vec<&str> = row.split(',').collect();
        let [a, b, x, expected] = [1, 2, 3, 4].map(|at| fields[at].parse::<f64>().unwrap());
        let found = match fields[0] {
            "ibeta" => incomplete_beta(a, b, x),
            "ibetainv" => inverse_incomplete_beta(a, b, x),
            "lgamma" => ln_gamma(a),
            "pnorm" => normal_probability(a),
            "qnorm" => normal_quantile(a),
            other => panic!("{other} is not a function of the fixture"),
        };
        worst.push((((found - expected) / expected).abs(), row));
    }
    let (error, row) = worst.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert!(error < 1e-12, "relative error {error:e} at {row}");
}

#[test]
fn exact_intervals_are_those_of_r() {
    for row in include_str!("fixtures/clopper_pearson.csv").lines() {
        let fields: Vec<&str> = row.split(',').collect();
        let (successes, n) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        let [confidence, lower, upper] = [2, 3, 4].map(|at| fields[at].parse::<f64>().unwrap());
        let found = clopper_pearson(successes, n, confidence).unwrap();
        assert!((found.0 - lower).abs() < 1e-12 && (found.1 - upper).abs() < 1e-12, "{row}: {found:?}");
    }
}

#[test]
fn there_is_no_interval_without_patients_or_confidence() {
    for (successes, n, confidence) in [(0, 0, 0.95), (4, 3, 0.95), (1, 3, 0.0), (1, 3, 1.0), (1, 3, f64::NAN)]
    {
        assert_eq!(clopper_pearson(successes, n, confidence), None);
    }
}

#[test]
fn arguments_outside_the_domain_give_nan() {
    for value in [
        ln_gamma(0.0),
        normal_quantile(0.0),
        normal_quantile(1.0),
        incomplete_beta(0.0, 1.0, 0.5),
        incomplete_beta(1.0, 1.0, 1.5),
        incomplete_beta(1.0, 1.0, f64::NAN),
        inverse_incomplete_beta(1.0, -1.0, 0.5),
        inverse_incomplete_beta(1.0, 1.0, 2.0),
    ] {
        assert!(value.is_nan());
    }
}

proptest! {
    #[test]
    fn the_two_tails_sum_to_one_and_mirror(a in 0.05..200.0_f64, b in 0.05..200.0_f64, x in 0.001..0.999_f64) {
        let (lower, upper) = (incomplete_beta(a, b, x), incomplete_beta_upper(a, b, x));
        prop_assert!((lower + upper - 1.0).abs() < 1e-14);
        prop_assert!((incomplete_beta(b, a, 1.0 - x) - upper).abs() < 1e-12);
    }

    #[test]
    fn the_inverse_returns_to_its_probability(a in 0.5..200.0_f64, b in 0.5..200.0_f64, p in 1e-9..0.999_999_f64) {
        let x = inverse_incomplete_beta(a, b, p);
        prop_assert!((incomplete_beta(a, b, x) - p).abs() < 1e-11 * p.max(1e-4), "{} {} {}", a, b, p);
    }

    #[test]
    fn intervals_hold_the_observed_rate_and_widen_with_confidence(n in 1_u32..300, part in 0.0..=1.0_f64) {
        let successes = (f64::from(n) * part) as u32;
        let narrow = clopper_pearson(successes, n, 0.8).unwrap();
        let wide = clopper_pearson(successes, n, 0.95).unwrap();
        let rate = f64::from(successes) / f64::from(n);
        prop_assert!(wide.0 <= narrow.0 && narrow.0 <= rate && rate <= narrow.1 && narrow.1 <= wide.1);
    }
}
