//! Borrowing between arms against the sum over listed partitions, one by one.

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_design::basket::{Arm, Borrowing, Characteristics, independent};
use posology_design::numeric::incomplete_beta_upper;
use posology_design::predictive::Beta;
use proptest::prelude::*;

fn trial(arms: usize, distinct: f64) -> Borrowing {
    Borrowing { null: vec![0.15; arms], prior: Beta { a: 0.5, b: 0.5 }, distinct, cutoff: 0.95 }
}

/// Every partition of so many arms, as the block of each arm (restricted growth strings).
fn partitions(arms: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for _ in 0..arms {
        all = all
            .iter()
            .flat_map(|before: &Vec<usize>| {
                let blocks = before.iter().max().map_or(0, |most| most + 1);
                (0..=blocks).map(move |block| before.iter().copied().chain([block]).collect())
            })
            .collect();
    }
    all
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// Pr(rate > null) and the mean of each arm, by listing all models.
fn by_listing(trial: &Borrowing, arms: &[Arm]) -> Vec<(f64, f64)> {
    let (mut total, mut sums) = (0.0, vec![(0.0, 0.0); arms.len()]);
    for partition in partitions(arms.len()) {
        let blocks = partition.iter().max().unwrap() + 1;
        let posterior: Vec<(f64, f64)> = (0..blocks)
            .map(|block| {
                let members = || arms.iter().zip(&partition).filter(|(_, of)| **of == block);
                let y: u32 = members().map(|(arm, _)| arm.responders).sum();
                let n: u32 = members().map(|(arm, _)| arm.n).sum();
                (trial.prior.a + f64::from(y), trial.prior.b + f64::from(n - y))
            })
            .collect();
        let ln: f64 = posterior
            .iter()
            .map(|(a, b)| trial.distinct + ln_beta(*a, *b) - ln_beta(trial.prior.a, trial.prior.b))
            .sum();
        // A constant factor cancels; this one keeps the weights in range.
        let patients: u32 = arms.iter().map(|arm| arm.n).sum();
        let weight = (ln + 0.5 * f64::from(patients)).exp();
        total += weight;
        for (arm, block) in partition.iter().enumerate() {
            let (a, b) = posterior[*block];
            sums[arm].0 += weight * incomplete_beta_upper(a, b, trial.null[arm]);
            sums[arm].1 += weight * a / (a + b);
        }
    }
    sums.iter().map(|(above, mean)| (above / total, mean / total)).collect()
}

#[test]
fn the_number_of_models_is_bell_s() {
    let bell = [1, 2, 5, 15, 52, 203, 877, 4_140];
    for (arms, expected) in (1..).zip(bell) {
        assert_eq!(partitions(arms).len(), expected);
    }
}

#[test]
fn eight_arms_are_averaged_over_all_4140_models() {
    let counts = [(20, 3), (25, 9), (12, 0), (30, 4), (18, 8), (7, 1), (22, 5), (15, 15)];
    let arms: Vec<Arm> = counts.iter().map(|(n, y)| Arm { n: *n, responders: *y }).collect();
    for distinct in [0.0, 1.0, -0.7] {
        let trial =
            Borrowing { null: vec![0.15, 0.15, 0.10, 0.15, 0.25, 0.15, 0.20, 0.50], ..trial(8, distinct) };
        let found = trial.believed(&arms).unwrap();
        for (arm, (above, mean)) in by_listing(&trial, &arms).into_iter().enumerate() {
            assert!((found[arm].above - above).abs() < 1e-12, "arm {arm}, {distinct}");
            assert!((found[arm].mean - mean).abs() < 1e-12);
            assert!((found[arm].same_as[arm] - 1.0).abs() < 1e-12);
        }
        assert!((found[1].same_as[4] - found[4].same_as[1]).abs() < 1e-14);
        assert!(found[7].same_as[2] < 1e-6);
    }
}

/// Two arms by hand: Beta(1, 1), 1 of 1 and 0 of 1. One rate: B(2, 2) = 1/6; two: 1/4 = B(2, 1) B(1, 2).
#[test]
fn two_arms_are_as_worked_by_hand() {
    let trial = Borrowing { null: vec![0.5; 2], prior: Beta { a: 1.0, b: 1.0 }, distinct: 0.0, cutoff: 0.9 };
    let found = trial.believed(&[Arm { n: 1, responders: 1 }, Arm { n: 1, responders: 0 }]).unwrap();
    let same = (1.0 / 6.0) / (1.0 / 6.0 + 1.0 / 4.0);
    assert!((found[0].same_as[1] - same).abs() < 1e-14);
    assert!((found[0].mean - (same * 0.5 + (1.0 - same) * 2.0 / 3.0)).abs() < 1e-14);
    assert!((found[0].above - (same * 0.5 + (1.0 - same) * 0.75)).abs() < 1e-14);
}

/// The same sum, asking for what is believed after each result.
fn by_results(trial: &Borrowing, n: &[u32], rates: &[f64]) -> Characteristics {
    let choose = |n: u32, k: u32| (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product::<f64>();
    let results = n.iter().fold(vec![vec![]], |all: Vec<Vec<u32>>, n| {
        all.iter().flat_map(|before| (0..=*n).map(move |y| [before.as_slice(), &[y]].concat())).collect()
    });
    let mut sum = Characteristics {
        go: vec![0.0; n.len()],
        any_false_go: 0.0,
        any_true_go: 0.0,
        expected_right: 0.0,
        results: results.len() as u64,
    };
    for result in results {
        let arms: Vec<Arm> = n.iter().zip(&result).map(|(n, y)| Arm { n: *n, responders: *y }).collect();
        let of = |(arm, p): (&Arm, &f64)| {
            choose(arm.n, arm.responders)
                * p.powi(arm.responders as i32)
                * (1.0 - p).powi((arm.n - arm.responders) as i32)
        };
        let chance: f64 = arms.iter().zip(rates).map(of).product();
        let go: Vec<bool> = by_listing(trial, &arms).iter().map(|(above, _)| *above > trial.cutoff).collect();
        let wanted: Vec<bool> = rates.iter().zip(&trial.null).map(|(rate, null)| rate > null).collect();
        for arm in 0..n.len() {
            sum.go[arm] += if go[arm] { chance } else { 0.0 };
            sum.expected_right += if go[arm] == wanted[arm] { chance } else { 0.0 };
        }
        let any = |of: bool| go.iter().zip(&wanted).any(|(go, wanted)| *go && *wanted == of);
        sum.any_false_go += if any(false) { chance } else { 0.0 };
        sum.any_true_go += if any(true) { chance } else { 0.0 };
    }
    sum
}

#[test]
fn characteristics_are_the_sum_over_every_result() {
    let unlike = Borrowing { null: vec![0.15, 0.20, 0.15], ..trial(3, 0.5) };
    for (trial, n, rates) in [
        (trial(3, 0.0), [9, 9, 9], [0.15, 0.15, 0.15]),
        (trial(3, 1.0), [9, 9, 9], [0.15, 0.45, 0.30]),
        (unlike, [6, 11, 8], [0.15, 0.45, 0.10]),
    ] {
        let found = trial.characteristics(&n, &rates).unwrap();
        let expected = by_results(&trial, &n, &rates);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        found.go.iter().zip(&expected.go).for_each(|(a, b)| close(*a, *b));
        close(found.any_false_go, expected.any_false_go);
        close(found.any_true_go, expected.any_true_go);
        close(found.expected_right, expected.expected_right);
        assert_eq!(found.results, expected.results);
    }
}

#[test]
fn without_borrowing_the_family_wise_error_rate_is_that_of_independent_arms() {
    let trial = trial(4, 20.0);
    let found = trial.characteristics(&[10; 4], &[0.15; 4]).unwrap();
    assert!((found.any_false_go - independent(&found.go).unwrap()).abs() < 1e-12);
    assert!(found.go[0] > 0.01);
}

#[test]
fn bad_settings_are_refused_with_the_key() {
    let arms = vec![Arm { n: 10, responders: 3 }; 3];
    let keys = |trial: &Borrowing, arms: &[Arm]| -> Vec<String> {
        trial.believed(arms).unwrap_err().0.into_iter().map(|problem| problem.key).collect()
    };
    let good = trial(3, 1.0);
    assert_eq!(keys(&Borrowing { null: vec![], ..good.clone() }, &[]), ["null"]);
    assert_eq!(keys(&Borrowing { null: vec![0.1; 10_000], ..good.clone() }, &arms), ["null", "arms"]);
    assert_eq!(keys(&Borrowing { null: vec![0.1, f64::NAN, 0.1], ..good.clone() }, &arms), ["null[1]"]);
    assert_eq!(keys(&Borrowing { prior: Beta { a: -1.0, b: 1.0 }, ..good.clone() }, &arms), ["prior.a"]);
    assert_eq!(
        keys(&Borrowing { distinct: f64::INFINITY, cutoff: 1.0, ..good.clone() }, &arms),
        ["distinct", "cutoff"]
    );
    assert_eq!(keys(&good, &arms[..2]), ["arms"]);
    assert_eq!(keys(&good, &[arms[0], arms[0], Arm { n: 2, responders: 3 }]), ["arms[2].responders"]);
    assert!(good.characteristics(&[10, 10, 10], &[0.1, 0.2]).is_err());
    assert!(good.characteristics(&[10, 10, 10], &[0.1, 0.2, 1.2]).is_err());
    assert!(good.characteristics(&[1_000, 1_000, 1_000], &[0.1, 0.2, 0.2]).is_err());
    assert_eq!(independent(&[0.1, f64::NAN]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn beliefs_are_probabilities_for_any_counts(
        counts in prop::collection::vec((1u32..200, 0.0..1.0f64), 1..7), distinct in -3.0..3.0f64,
    ) {
        let arms: Vec<Arm> = counts.iter().map(|(n, share)| Arm { n: *n, responders: (share * f64::from(*n)) as u32 }).collect();
        let trial = trial(arms.len(), distinct);
        for one in trial.believed(&arms).unwrap() {
            prop_assert!((-1e-12..=1.0 + 1e-12).contains(&one.above) && one.mean > 0.0 && one.mean < 1.0);
        }
    }
}
