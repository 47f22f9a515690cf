//! Simon's two-stage designs against the paper's tables and the R package clinfun 1.1.5.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::two_stage::{Designs, Observed, Ordering, Settings, TwoStage, infer};
use proptest::prelude::*;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/simon.json")).unwrap()
}

fn bounds(design: &TwoStage) -> [u64; 4] {
    [design.r1, design.n1, design.r, design.n].map(u64::from)
}

fn four(value: &Value) -> [u64; 4] {
    [0, 1, 2, 3].map(|place| value[place].as_u64().unwrap())
}

fn search(case: &Value) -> Designs {
    let number = |key: &str| case[key].as_f64().unwrap();
    Settings::new(number("p0"), number("p1"), number("alpha"), 1.0 - number("beta")).search().unwrap()
}

#[test]
fn designs_and_their_characteristics_are_those_of_the_package() {
    for case in fixture()["designs"].as_array().unwrap() {
        let found = search(case);
        for (design, name) in [(found.optimal, "optimal"), (found.minimax, "minimax")] {
            assert_eq!(bounds(&design), four(&case[name]), "{name} of {case}");
            let numbers = [design.en0, design.pet0, design.alpha, design.power];
            for (place, number) in numbers.into_iter().enumerate() {
                let expected = case[format!("{name}_oc")][place].as_f64().unwrap();
                assert!((number / expected - 1.0).abs() < 1e-12, "{name} {place} of {case}: {number}");
            }
        }
    }
}

#[test]
fn admissible_designs_and_weights_are_those_of_the_package() {
    for case in fixture()["designs"].as_array().unwrap() {
        let found = search(case).admissible;
        // The package lists a design that is minimax and optimal twice.
        let mut expected = case["admissible"].as_array().unwrap().clone();
        expected.dedup();
        assert_eq!(found.len(), expected.len(), "{case}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(bounds(&found.design), four(expected), "{case}");
            for (weight, place) in [(found.weight_from, 4), (found.weight_to, 5)] {
                assert!((weight - expected[place].as_f64().unwrap()).abs() < 5.1e-4, "{case}");
            }
        }
    }
}

/// Simon 1989, Table 1: p0 = 0.05, p1 = 0.25.
#[test]
fn the_table_of_the_paper_is_found() {
    let table = [
        (0.10, 0.90, [0, 9, 2, 24], 14.5, 0.63, [0, 13, 2, 20], 16.4, 0.51),
        (0.05, 0.80, [0, 9, 2, 17], 12.0, 0.63, [0, 12, 2, 16], 13.8, 0.54),
        (0.05, 0.90, [0, 9, 3, 30], 16.8, 0.63, [0, 15, 3, 25], 20.4, 0.46),
    ];
    for (alpha, power, optimal, optimal_en, optimal_pet, minimax, minimax_en, minimax_pet) in table {
        let found = Settings::new(0.05, 0.25, alpha, power).search().unwrap();
        assert_eq!(bounds(&found.optimal), optimal);
        assert_eq!(bounds(&found.minimax), minimax);
        let close = |found: f64, printed: f64, half: f64| assert!((found - printed).abs() <= half, "{found}");
        close(found.optimal.en0, optimal_en, 0.0501);
        close(found.minimax.en0, minimax_en, 0.0501);
        close(found.optimal.pet0, optimal_pet, 0.00501);
        close(found.minimax.pet0, minimax_pet, 0.00501);
    }
}

#[test]
fn estimates_and_p_values_are_those_of_the_package_and_lower_limits_within_its_grid() {
    for case in fixture()["inference"].as_array().unwrap() {
        let whole = |key: &str| case[key].as_u64().unwrap() as u32;
        let (r1, n1, x) = (whole("r1"), whole("n1"), whole("x"));
        let seen = if x <= r1 {
            Observed { n1, responses1: x, n: n1, responses: x }
        } else {
            Observed { n1, responses1: r1 + 1, n: whole("n"), responses: x }
        };
        let after = infer(r1, case["pu"].as_f64().unwrap(), 0.90, &seen).unwrap();
        let expected = |key: &str| case[key].as_f64().unwrap();
        assert!((after.estimate - expected("umvue")).abs() < 1e-12, "{case}");
        assert!((after.p_value - expected("p_value")).abs() < 1e-12, "{case}");
        assert!((after.lower - expected("lcl95")).abs() < 1.01e-4, "{case} {after:?}");
        // The package leaves the observed result out of its upper limit: ours is never below it.
        assert!(after.upper >= expected("ucl95") - 1.01e-4, "{case} {after:?}");
    }
}

fn choose(n: u32, k: u32) -> f64 {
    if k > n { 0.0 } else { (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product() }
}

fn chance(n: u32, k: u32, p: f64) -> f64 {
    choose(n, k) * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

/// Every result of a trial in stage-wise order, with its probability.
fn results(r1: u32, n1: u32, n: u32, p: f64) -> Vec<(Observed, f64)> {
    let ended = (0..=r1).map(|x| (Observed { n1, responses1: x, n: n1, responses: x }, chance(n1, x, p)));
    let on = (r1 + 1..=n).map(|s| {
        let ways = (r1 + 1..=n1.min(s)).filter(|x| s - x <= n - n1);
        let sum = ways.map(|x| chance(n1, x, p) * chance(n - n1, s - x, p)).sum();
        (Observed { n1, responses1: (r1 + 1).max(s.saturating_sub(n - n1)), n, responses: s }, sum)
    });
    ended.chain(on).collect()
}

#[test]
fn the_estimate_is_unbiased_and_the_interval_covers_at_any_rate() {
    for (r1, n1, n) in [(1, 10, 29), (3, 13, 43), (0, 9, 17)] {
        for p in [0.03, 0.1, 0.27, 0.5, 0.8, 0.97] {
            let (mut mean, mut above, mut below, mut total) = (0.0, 0.0, 0.0, 0.0);
            for (seen, probability) in results(r1, n1, n, p) {
                let after = infer(r1, 0.1, 0.90, &seen).unwrap();
                assert_eq!(after.ordering, Ordering::StageWise);
                assert!(after.lower <= after.upper);
                mean += probability * after.estimate;
                total += probability;
                above += if after.lower > p { probability } else { 0.0 };
                below += if after.upper < p { probability } else { 0.0 };
            }
            assert!((total - 1.0).abs() < 1e-12);
            assert!((mean - p).abs() < 1e-12, "{mean} at {p}");
            assert!(above <= 0.05 + 1e-12 && below <= 0.05 + 1e-12, "{above} {below} at {p}");
        }
    }
}

#[test]
fn limits_are_roots_of_the_tails_and_p_values_grow_along_the_order() {
    let (r1, n1, n) = (1, 10, 29);
    let order: Vec<Observed> = results(r1, n1, n, 0.5).into_iter().map(|(seen, _)| seen).collect();
    for (place, seen) in order.iter().enumerate() {
        let after = infer(r1, 0.1, 0.90, seen).unwrap();
        let high = |p: f64| results(r1, n1, n, p)[place..].iter().map(|(_, chance)| chance).sum::<f64>();
        let low = |p: f64| results(r1, n1, n, p)[..=place].iter().map(|(_, chance)| chance).sum::<f64>();
        assert!((after.p_value - high(0.1)).abs() < 1e-13);
        assert!(after.lower == 0.0 || (high(after.lower) - 0.05).abs() < 1e-12, "{seen:?}");
        assert!(after.upper == 1.0 || (low(after.upper) - 0.05).abs() < 1e-12, "{seen:?}");
        assert_eq!(after.lower == 0.0, place == 0);
        assert_eq!(after.upper == 1.0, place == order.len() - 1);
    }
}

#[test]
fn the_package_s_upper_limit_leaves_out_the_observed_result() {
    // clinfun after 1 response of 10: 0.2588, the rate at which fewer than 1 has probability 0.05.
    let after = infer(1, 0.1, 0.90, &Observed { n1: 10, responses1: 1, n: 10, responses: 1 }).unwrap();
    assert!((chance(10, 0, 0.2588) - 0.05).abs() < 1e-4);
    assert!((chance(10, 0, after.upper) + chance(10, 1, after.upper) - 0.05).abs() < 1e-12);
    let (_, upper) = posology_design::numeric::clopper_pearson(1, 10, 0.90).unwrap();
    assert!((after.upper - upper).abs() < 1e-13);
}

#[test]
fn a_second_stage_of_another_size_and_an_overruled_stop_are_answered() {
    let short = infer(1, 0.1, 0.90, &Observed { n1: 10, responses1: 2, n: 10, responses: 2 }).unwrap();
    assert_eq!(short.ordering, Ordering::StageWise);
    assert!((short.estimate - 0.2).abs() < 1e-15);
    assert!((short.p_value - 0.263_901_070_9).abs() < 1e-12);
    let seen = Observed { n1: 10, responses1: 1, n: 29, responses: 6 };
    let overruled = infer(1, 0.1, 0.90, &seen).unwrap();
    assert_eq!(overruled.ordering, Ordering::StopOverruled);
    assert!((overruled.estimate - 6.0 / 29.0).abs() < 1e-14);
    let single: f64 = (6..=29).map(|x| chance(29, x, 0.1)).sum();
    assert!((overruled.p_value - single).abs() < 1e-14);
    let (lower, upper) = posology_design::numeric::clopper_pearson(6, 29, 0.90).unwrap();
    assert!((overruled.lower - lower).abs() < 1e-13 && (overruled.upper - upper).abs() < 1e-13);
    let kept = infer(1, 0.1, 0.90, &Observed { responses1: 2, ..seen }).unwrap();
    assert!(kept.p_value < overruled.p_value);
}

/// All designs of at most `most` patients, by full enumeration.
fn brute(settings: &Settings, most: u32) -> Vec<TwoStage> {
    let Settings { p0, p1, alpha, power, .. } = *settings;
    let mut all = Vec::new();
    for n in 2..=most {
        for n1 in 1..n {
            for r1 in 0..n1 {
                for r in r1..n {
                    let design = TwoStage::new(r1, n1, r, n, p0, p1).unwrap();
                    if design.alpha <= alpha && design.power >= power {
                        all.push(design);
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_search_finds_what_full_enumeration_finds() {
    for (p0, p1, alpha, power) in
        [(0.1, 0.5, 0.1, 0.8), (0.3, 0.7, 0.1, 0.85), (0.05, 0.3, 0.1, 0.8), (0.5, 0.9, 0.2, 0.9)]
    {
        let settings = Settings { max_n: Some(24), ..Settings::new(p0, p1, alpha, power) };
        let all = brute(&settings, 24);
        let found = settings.search().unwrap();
        let least = all.iter().map(|design| design.en0).fold(f64::INFINITY, f64::min);
        assert!((found.optimal.en0 - least).abs() < 1e-12);
        let n = all.iter().map(|design| design.n).min().unwrap();
        let en0 = all.iter().filter(|d| d.n == n).map(|d| d.en0).fold(f64::INFINITY, f64::min);
        assert!(found.minimax.n == n && (found.minimax.en0 - en0).abs() < 1e-12);
        for percent in 0..=100_u32 {
            let weight = f64::from(percent) / 100.0;
            let loss = |design: &TwoStage| weight * f64::from(design.n) + (1.0 - weight) * design.en0;
            let least = all.iter().map(loss).fold(f64::INFINITY, f64::min);
            let best = found.admissible.iter().map(|admissible| loss(&admissible.design));
            assert!((best.fold(f64::INFINITY, f64::min) - least).abs() < 1e-12);
        }
    }
}

#[test]
fn bad_settings_are_refused_with_the_key() {
    let keys = |settings: Settings| -> Vec<String> {
        settings.search().unwrap_err().0.into_iter().map(|problem| problem.key).collect()
    };
    assert_eq!(keys(Settings::new(f64::NAN, 0.3, 0.05, 0.8)), ["p0"]);
    assert_eq!(keys(Settings::new(0.3, 0.1, 0.05, 0.8)), ["p1"]);
    assert_eq!(keys(Settings::new(0.1, 0.3, 0.0, f64::INFINITY)), ["alpha", "power"]);
    assert_eq!(keys(Settings::new(0.1, 0.3, 0.9, 0.8)), ["power"]);
    assert_eq!(keys(Settings { max_n: Some(1_000_000), ..Settings::new(0.1, 0.3, 0.05, 0.8) }), ["max-n"]);
    assert_eq!(keys(Settings { max_n: Some(10), ..Settings::new(0.1, 0.3, 0.05, 0.8) }), ["max-n"]);
    assert_eq!(keys(Settings::new(0.500, 0.501, 0.05, 0.8)), ["max-n"]);
    for (r1, n1, r, n) in
        [(10, 10, 12, 20), (1, 20, 5, 20), (3, 10, 2, 20), (1, 10, 20, 20), (1, 10, 5, 1_001)]
    {
        assert!(TwoStage::new(r1, n1, r, n, 0.1, 0.3).is_err());
    }
    let seen = |n1, responses1, n, responses| Observed { n1, responses1, n, responses };
    for bad in
        [seen(0, 0, 0, 0), seen(10, 11, 20, 12), seen(10, 3, 9, 3), seen(10, 3, 20, 2), seen(10, 3, 20, 14)]
    {
        assert!(infer(1, 0.1, 0.9, &bad).is_err(), "{bad:?}");
    }
    assert!(infer(10, 0.1, 0.9, &seen(10, 3, 20, 6)).is_err());
    assert!(infer(1, 0.0, 0.9, &seen(10, 3, 20, 6)).is_err());
    assert!(infer(1, 0.1, f64::NAN, &seen(10, 3, 20, 6)).is_err());
}

#[test]
fn the_json_has_the_keys_of_the_contract() {
    let found = serde_json::to_value(Settings::new(0.05, 0.25, 0.05, 0.80).search().unwrap()).unwrap();
    for design in [&found["optimal"], &found["minimax"], &found["admissible"][0]] {
        for key in ["r1", "n1", "r", "n", "en0", "pet0", "alpha", "power"] {
            assert!(design[key].is_number(), "{key}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_found_holds_its_error_rates(p0 in 0.02..0.7f64, more in 0.15..0.3f64, alpha in 0.02..0.2f64, power in 0.7..0.92f64) {
        let settings = Settings::new(p0, p0 + more, alpha, power);
        let found = settings.search().unwrap();
        prop_assert!(found.minimax.n <= found.optimal.n && found.optimal.en0 <= found.minimax.en0);
        prop_assert!(found.admissible.is_sorted_by(|a, b| a.design.n < b.design.n && a.design.en0 > b.design.en0));
        for admissible in &found.admissible {
            prop_assert!(admissible.design.alpha <= alpha + 1e-11 && admissible.design.power >= power - 1e-11);
            prop_assert!(admissible.weight_from < admissible.weight_to);
        }
        // A larger limit changes nothing: the search had ended by itself.
        let limited = Settings { max_n: Some(found.optimal.n + 60), ..settings };
        prop_assert_eq!(limited.search().unwrap(), found);
    }
}
