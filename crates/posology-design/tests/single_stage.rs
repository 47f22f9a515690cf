//! Single-stage designs against `ph2single` of the R package clinfun 1.1.5.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::single_stage::{Settings, SingleStage};
use serde_json::Value;

#[test]
fn the_smallest_designs_are_those_of_the_package() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/ph2single.json")).unwrap();
    for case in fixture["designs"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let (p0, p1, alpha) = (number("p0"), number("p1"), number("alpha"));
        let found = Settings { p0, p1, alpha, power: 1.0 - number("beta") }.search(3).unwrap();
        let expected = case["solutions"].as_array().unwrap();
        assert_eq!(found.smallest.len(), expected.len());
        for (design, expected) in found.smallest.iter().zip(expected) {
            assert_eq!(
                (design.n, design.r),
                (expected[0].as_u64().unwrap() as u32, expected[1].as_u64().unwrap() as u32)
            );
            assert!((design.alpha / expected[2].as_f64().unwrap() - 1.0).abs() < 1e-12);
            assert!((design.power - (1.0 - expected[3].as_f64().unwrap())).abs() < 1e-12);
        }
        assert!(found.holds_from.unwrap() >= found.smallest[0].n);
    }
}

/// A'Hern 2001, Table 1: p0 = 0.05, p1 = 0.25, alpha 0.05, power 0.80: 16 patients, at least 3 responses.
#[test]
fn the_table_of_the_paper_is_found() {
    let found = Settings { p0: 0.05, p1: 0.25, alpha: 0.05, power: 0.80 }.search(1).unwrap();
    assert_eq!((found.smallest[0].n, found.smallest[0].r + 1), (16, 3));
}

#[test]
fn p_values_are_sums_and_bad_input_has_none() {
    assert!((SingleStage::p_value(9, 10, 0.5).unwrap() - 11.0 / 1024.0).abs() < 1e-16);
    assert_eq!(SingleStage::p_value(0, 10, 0.5).map(|p| (p - 1.0).abs() < 1e-14), Some(true));
    assert_eq!(SingleStage::p_value(11, 10, 0.5), None);
    assert_eq!(SingleStage::p_value(1, 10, f64::NAN), None);
    assert!(Settings { p0: 0.3, p1: 0.3, alpha: 0.05, power: 0.8 }.search(1).is_err());
    assert!(Settings { p0: 0.3, p1: 0.301, alpha: 0.05, power: 0.8 }.search(1).is_err());
    assert!(Settings { p0: f64::NAN, p1: 0.3, alpha: 0.05, power: 0.8 }.search(1).is_err());
}

/// The upper binomial tail is an incomplete beta function, which is checked against 60-digit values elsewhere.
#[test]
fn sums_of_up_to_a_thousand_patients_keep_twelve_digits() {
    for n in [1, 7, 50, 333, 1_000] {
        for p0 in [0.001, 0.05, 0.3, 0.5, 0.77, 0.999] {
            for responders in [1, n / 20 + 1, n / 3 + 1, n / 2 + 1, n] {
                let (y, of) = (f64::from(responders), f64::from(n));
                let expected = posology_design::numeric::incomplete_beta(y, of - y + 1.0, p0);
                let found = SingleStage::p_value(responders, n, p0).unwrap();
                if expected > 1e-290 {
                    assert!(
                        (found / expected - 1.0).abs() < 1e-12,
                        "{responders} of {n} at {p0}: {found} {expected}"
                    );
                }
            }
        }
    }
}
