use super::*;
use crate::analysis::survival::{IntervalScale, KaplanMeier, TimeToEvent};
use num::Fraction;
use proptest::prelude::*;

/// Fractions of whole numbers, so that the second method has no rounding of its own.
mod num {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Fraction(i128, i128);

    fn divisor(a: i128, b: i128) -> i128 {
        if b == 0 { a.abs().max(1) } else { divisor(b, a % b) }
    }

    impl Fraction {
        pub(super) fn new(above: i128, below: i128) -> Self {
            let common = divisor(above, below);
            Self(above / common, below / common)
        }

        pub(super) fn to_f64(self) -> f64 {
            self.0 as f64 / self.1 as f64
        }
    }

    impl std::ops::Add for Fraction {
        type Output = Self;
        fn add(self, other: Self) -> Self {
            Self::new(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
        }
    }

    impl std::ops::Sub for Fraction {
        type Output = Self;
        fn sub(self, other: Self) -> Self {
            self + Self(-other.0, other.1)
        }
    }

    impl std::ops::Mul for Fraction {
        type Output = Self;
        fn mul(self, other: Self) -> Self {
            Self::new(self.0 * other.0, self.1 * other.1)
        }
    }
}

fn estimate(times: &[(u32, Ending)]) -> CumulativeIncidence {
    let times: Vec<CompetingTime> = times
        .iter()
        .map(|(days, ending)| CompetingTime { days: f64::from(*days), ending: *ending })
        .collect();
    CumulativeIncidence::estimate(&times, Confidence::NINETY_FIVE).unwrap()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

/// The same by another way: the product of the matrices of transition, one a time, in whole fractions; and the variance
/// as the sum over the increments of gradient, multinomial covariance and gradient again. The incidence is linear in
/// the increment of each time, so that its derivative is a difference.
mod product_integral {
    use super::{Ending, Fraction};

    /// At risk, events and competing ends at each time.
    pub(super) fn table(times: &[(u32, Ending)]) -> Vec<(i128, i128, i128)> {
        let mut days: Vec<u32> = times.iter().map(|time| time.0).collect();
        days.sort_unstable();
        days.dedup();
        let ends = |day: u32, ending| times.iter().filter(|time| **time == (day, ending)).count() as i128;
        days.into_iter()
            .map(|day| {
                let at_risk = times.iter().filter(|time| time.0 >= day).count() as i128;
                (at_risk, ends(day, Ending::Event), ends(day, Ending::Competing))
            })
            .collect()
    }

    /// From the state "free" to each of the three, after these increments.
    fn occupied(increments: &[(Fraction, Fraction)]) -> [Fraction; 3] {
        let [none, all] = [Fraction::new(0, 1), Fraction::new(1, 1)];
        increments.iter().fold([all, none, none], |[free, event, competing], (e, c)| {
            let step = [[all - *e - *c, *e, *c], [none, all, none], [none, none, all]];
            let column = |to: usize| free * step[0][to] + event * step[1][to] + competing * step[2][to];
            [column(0), column(1), column(2)]
        })
    }

    pub(super) fn estimate(times: &[(u32, Ending)]) -> ([Fraction; 3], Fraction) {
        let table = table(times);
        let increments: Vec<(Fraction, Fraction)> =
            table.iter().map(|(n, e, c)| (Fraction::new(*e, *n), Fraction::new(*c, *n))).collect();
        let whole = occupied(&increments);
        let mut variance = Fraction::new(0, 1);
        for (place, (n, e, c)) in table.iter().enumerate() {
            let moved = |by: (i128, i128)| {
                let mut other = increments.clone();
                let (a, b) = other[place];
                other[place] = (a + Fraction::new(by.0, 1), b + Fraction::new(by.1, 1));
                occupied(&other)[1] - whole[1]
            };
            let (by_event, by_competing) = (moved((1, 0)), moved((0, 1)));
            let cube = n * n * n;
            let of_event = Fraction::new(e * (n - e), cube);
            let of_competing = Fraction::new(c * (n - c), cube);
            let of_both = Fraction::new(-2 * e * c, cube);
            variance = variance
                + by_event * by_event * of_event
                + by_competing * by_competing * of_competing
                + by_event * by_competing * of_both;
        }
        (whole, variance)
    }
}

/// Source: worked by hand. Six patients; event at 1, death at 2, censored at 3, event at 4, death at 5, censored at 6.
/// Incidence 1/6; death 5/6 * 1/5 = 1/6; then 4 free of 6 with 3 at risk: 2/3 * 1/3 = 2/9 more, so 7/18; death
/// 1/6 + 4/9 * 1/2 = 7/18; free 2/9.
#[test]
fn six_patients_worked_by_hand() {
    use Ending::{Censored, Competing, Event};
    let times = [(1, Event), (2, Competing), (3, Censored), (4, Event), (5, Competing), (6, Censored)];
    let curve = estimate(&times);
    let last = curve.steps().last().unwrap();
    close(last.incidence, 7.0 / 18.0);
    close(last.competing_incidence, 7.0 / 18.0);
    close(last.free, 2.0 / 9.0);
    assert_eq!((curve.events(), curve.competing(), curve.patients()), (2, 2, 6));
    let at: Vec<u32> = [0.0, 1.0, 1.5, 4.0, 6.0, 6.5].map(|days| curve.at_risk(days)).to_vec();
    assert_eq!(at, [6, 6, 5, 3, 1, 0]);
    // Variance by hand at day 1: 1/6 * 5/6 / 6 = 5/216.
    close(curve.steps()[0].standard_error.powi(2), 5.0 / 216.0);
}

/// Source: the binomial law. Without censoring the incidence is the share with the event, and its variance p(1-p)/n.
#[test]
fn without_censoring_the_incidence_is_a_share_with_its_binomial_variance() {
    let times: Vec<(u32, Ending)> =
        (1..=10).map(|day| (day, if day % 3 == 0 { Ending::Event } else { Ending::Competing })).collect();
    let last = *estimate(&times).steps().last().unwrap();
    close(last.incidence, 0.3);
    close(last.standard_error.powi(2), 0.3 * 0.7 / 10.0);
    // The interval in another language: 1 - 0.7^exp(-+ 1.959964 * sqrt(0.021) / (0.7 * 0.356675)).
    let (lower, upper) = last.interval.unwrap();
    assert!((lower - 0.108_050_958_775_155_8).abs() < 1e-9, "{lower}");
    assert!((upper - 0.671_283_406_720_265_4).abs() < 1e-9, "{upper}");
}

#[test]
fn one_minus_kaplan_meier_says_more_than_happened_where_the_dead_are_censored() {
    use Ending::{Competing, Event};
    let times = [(1, Competing), (2, Event), (3, Competing), (4, Event)];
    let naive: Vec<TimeToEvent> = times
        .iter()
        .map(|(days, ending)| TimeToEvent { days: f64::from(*days), event: *ending == Event })
        .collect();
    let naive = KaplanMeier::estimate(&naive, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
    close(1.0 - naive.at(4.0).unwrap().survival, 1.0);
    close(estimate(&times).at(4.0).unwrap().incidence, 0.5);
}

#[test]
fn beyond_the_last_follow_up_nothing_is_said_unless_all_have_ended() {
    use Ending::{Censored, Competing, Event};
    assert_eq!(estimate(&[(1, Event), (2, Censored)]).at(3.0), None);
    let all = estimate(&[(1, Event), (2, Competing)]).at(3.0).unwrap();
    assert_eq!((all.incidence, all.at_risk, all.events), (0.5, 0, 1));
    assert_eq!(estimate(&[]).at(0.0), None);
}

#[test]
fn a_time_that_no_patient_can_have_is_refused_with_its_place() {
    for days in [-1.0, f64::NAN, f64::INFINITY] {
        let good = CompetingTime { days: 1.0, ending: Ending::Event };
        let bad = CompetingTime { days, ending: Ending::Censored };
        assert_eq!(CumulativeIncidence::estimate(&[good, bad], Confidence::NINETY).unwrap_err().place, 2);
    }
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::Event), Just(Ending::Competing), Just(Ending::Censored)]
}

proptest! {
    /// Source: Andersen PK, Borgan O, Gill RD, Keiding N. Statistical models based on counting processes. Springer 1993,
    /// section IV.4: the Aalen-Johansen estimate is the product integral of one plus the increments.
    #[test]
    fn estimate_and_variance_are_those_of_the_product_integral_in_exact_fractions(
        times in prop::collection::vec((0_u32..6, ending()), 1..9)
    ) {
        let ([free, event, competing], variance) = product_integral::estimate(&times);
        let last = *estimate(&times).steps().last().unwrap();
        prop_assert!((last.free - free.to_f64()).abs() < 1e-12);
        prop_assert!((last.incidence - event.to_f64()).abs() < 1e-12);
        prop_assert!((last.competing_incidence - competing.to_f64()).abs() < 1e-12);
        prop_assert!((last.standard_error.powi(2) - variance.to_f64()).abs() < 1e-12);
    }

    #[test]
    fn incidences_and_the_share_free_of_any_end_add_up_to_one(
        times in prop::collection::vec((0_u32..60, ending()), 1..60)
    ) {
        let any: Vec<TimeToEvent> = times
            .iter()
            .map(|(days, ending)| TimeToEvent { days: f64::from(*days), event: *ending != Ending::Censored })
            .collect();
        let any = KaplanMeier::estimate(&any, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
        for (step, free) in estimate(&times).steps().iter().zip(any.steps()) {
            prop_assert!((step.free - free.survival).abs() < 1e-12);
            prop_assert!((step.incidence + step.competing_incidence + step.free - 1.0).abs() < 1e-12);
            if let Some((lower, upper)) = step.interval {
                prop_assert!(0.0 <= lower && lower <= step.incidence && step.incidence <= upper && upper <= 1.0);
            }
        }
    }

    #[test]
    fn where_nobody_dies_it_is_one_minus_kaplan_meier_with_the_same_interval(
        times in prop::collection::vec((0_u32..60, any::<bool>()), 1..40)
    ) {
        let ending = |event| if event { Ending::Event } else { Ending::Censored };
        let curve = estimate(&times.iter().map(|(days, event)| (*days, ending(*event))).collect::<Vec<_>>());
        let alone: Vec<TimeToEvent> =
            times.iter().map(|(days, event)| TimeToEvent { days: f64::from(*days), event: *event }).collect();
        let alone = KaplanMeier::estimate(&alone, IntervalScale::LogLog, Confidence::NINETY_FIVE).unwrap();
        for (step, other) in curve.steps().iter().zip(alone.steps()) {
            prop_assert!((step.incidence - (1.0 - other.survival)).abs() < 1e-12);
            if other.survival > 0.0 {
                let greenwood = other.survival * other.ln_standard_error;
                prop_assert!((step.standard_error - greenwood).abs() < 1e-9);
            }
            if let (Some((lower, upper)), Some((low, high))) = (step.interval, other.interval) {
                prop_assert!((lower - (1.0 - high)).abs() < 1e-9 && (upper - (1.0 - low)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_order_of_patients_is_nothing(mut times in prop::collection::vec((0_u32..50, ending()), 1..40)) {
        let curve = estimate(&times);
        times.reverse();
        prop_assert_eq!(estimate(&times), curve);
    }
}
