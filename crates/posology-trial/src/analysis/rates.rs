//! A percentage that cannot stand alone: n of N, of whom, by which definition, with its interval.
//!
//! Start at [`Rate::count`], which counts outcomes, or at [`Rate::new`] for counts made elsewhere. There is no way
//! to a percentage but through one of the two. Left out: the interval after a two-stage design, which is another.

use std::fmt;

use posology_design::numeric::clopper_pearson;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use crate::Because;

/// Decimals of a printed percentage.
const DECIMALS: u32 = 1;

/// The confidence of an interval, between 0 and 1, exact as written.
///
/// ```
/// use posology_trial::analysis::rates::Confidence;
/// assert_eq!(Confidence::NINETY_FIVE.to_string(), "95%");
/// assert_eq!(Confidence::new("0.975".parse().unwrap()).unwrap().to_string(), "97.5%");
/// assert_eq!(Confidence::new(1.into()), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(Decimal);

impl Confidence {
    /// 80%, which early trials with few patients often use.
    pub const EIGHTY: Self = Self(Decimal::from_parts(80, 0, 0, false, 2));
    /// 90%.
    pub const NINETY: Self = Self(Decimal::from_parts(90, 0, 0, false, 2));
    /// 95%.
    pub const NINETY_FIVE: Self = Self(Decimal::from_parts(95, 0, 0, false, 2));

    /// A confidence between 0 and 1, both excluded.
    pub fn new(fraction: Decimal) -> Option<Self> {
        (fraction > Decimal::ZERO && fraction < Decimal::ONE).then_some(Self(fraction))
    }

    /// As a probability, for the functions that compute with one.
    pub fn probability(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * Decimal::ONE_HUNDRED).normalize())
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.probability())
    }
}

/// Who stands in a denominator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedPopulation {
    /// Its id, such as `response-evaluable`.
    pub id: String,
    /// Its definition in words, such as `patients given at least one fraction`.
    pub words: String,
}

/// A confidence interval for a probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower bound, 0 to 1.
    pub lower: f64,
    /// Upper bound, 0 to 1.
    pub upper: f64,
    /// How it was computed, such as `Clopper-Pearson`.
    pub method: &'static str,
}

/// n of N: how many of a named population meet a named definition, with the exact interval.
///
/// ```
/// use posology_trial::analysis::rates::{Confidence, CountedPopulation, Rate};
/// let treated = CountedPopulation { id: "treated".into(), words: "patients given at least one fraction".into() };
/// let responded = [true, true, false, false];
/// let rate = Rate::count(responded, "ORR", treated, Confidence::NINETY_FIVE);
/// assert_eq!(rate.to_string(), "2/4 (50.0%)");
/// assert_eq!(
///     rate.sentence(),
///     "ORR 2/4 (50.0%), 95% interval 6.8% to 93.2% (Clopper-Pearson), of patients given at least one fraction"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    successes: u32,
    denominator: u32,
    population: CountedPopulation,
    definition: String,
    confidence: Confidence,
    interval: Option<Interval>,
    because: Because,
}

impl Rate {
    /// Counts one outcome a patient: whether the definition is met.
    pub fn count(
        outcomes: impl IntoIterator<Item = bool>,
        definition: impl Into<String>,
        population: CountedPopulation,
        confidence: Confidence,
    ) -> Self {
        let (successes, denominator) = outcomes
            .into_iter()
            .fold((0_u32, 0_u32), |(met, all), is_met| (met + u32::from(is_met), all + 1));
        Self::counted(successes, denominator, definition.into(), population, confidence)
    }

    /// A rate from counts made elsewhere.
    ///
    /// # Errors
    /// More successes than patients.
    pub fn new(
        successes: u32,
        denominator: u32,
        definition: impl Into<String>,
        population: CountedPopulation,
        confidence: Confidence,
    ) -> Result<Self, MoreThanAll> {
        let definition = definition.into();
        if successes > denominator {
            return Err(MoreThanAll { definition, population: population.id, successes, denominator });
        }
        Ok(Self::counted(successes, denominator, definition, population, confidence))
    }

    fn counted(
        successes: u32,
        denominator: u32,
        definition: String,
        population: CountedPopulation,
        confidence: Confidence,
    ) -> Self {
        let interval = clopper_pearson(successes, denominator, confidence.probability())
            .map(|(lower, upper)| Interval { lower, upper, method: "Clopper-Pearson" });
        let says = match interval {
            Some(_) => format!("{definition} is met by {successes} of {denominator} {}", population.words),
            None => {
                format!("there are no {}: {definition} has neither percentage nor interval", population.words)
            }
        };
        let because = Because::new("rate/clopper-pearson", says)
            .input("successes", successes)
            .input("denominator", denominator)
            .input("population", &population.id)
            .input("confidence", confidence)
            .source("Clopper CJ, Pearson ES. Biometrika 1934;26:404-413, doi:10.1093/biomet/26.4.404");
        Self { successes, denominator, population, definition, confidence, interval, because }
    }

    /// Patients who meet the definition.
    pub fn successes(&self) -> u32 {
        self.successes
    }

    /// Patients in the population.
    pub fn denominator(&self) -> u32 {
        self.denominator
    }

    /// Who stands in the denominator.
    pub fn population(&self) -> &CountedPopulation {
        &self.population
    }

    /// Id of the definition, such as `ORR`.
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// The confidence of the interval.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// The exact two-sided interval; none where nobody is in the population.
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// What was counted, and where the interval is written.
    pub fn because(&self) -> &Because {
        &self.because
    }

    /// The percentage with so many decimals (at most 9), halves away from zero, by integers; none of nobody.
    ///
    /// ```
    /// use posology_trial::analysis::rates::{Confidence, CountedPopulation, Rate};
    /// let all = CountedPopulation { id: "all".into(), words: "patients".into() };
    /// let rate = Rate::new(1, 16, "ORR", all, Confidence::NINETY_FIVE)?;
    /// assert_eq!(rate.percent(1).unwrap().to_string(), "6.3"); // 6.25
    /// # Ok::<(), posology_trial::analysis::rates::MoreThanAll>(())
    /// ```
    pub fn percent(&self, decimals: u32) -> Option<Decimal> {
        if self.denominator == 0 {
            return None;
        }
        let decimals = decimals.min(9);
        let denominator = u128::from(self.denominator);
        let scaled = u128::from(self.successes) * 10_u128.pow(decimals + 2);
        let rounded = (2 * scaled + denominator) / (2 * denominator);
        i64::try_from(rounded).ok().map(|digits| Decimal::new(digits, decimals))
    }

    /// Everything a percentage must be printed with, in one line.
    pub fn sentence(&self) -> String {
        let Self { successes, denominator, definition, confidence, .. } = self;
        let whom = &self.population.words;
        match (self.percent(DECIMALS), self.interval) {
            (Some(percent), Some(Interval { lower, upper, method })) => format!(
                "{definition} {successes}/{denominator} ({percent}%), {confidence} interval {}% to {}% ({method}), of {whom}",
                percent_of(lower),
                percent_of(upper)
            ),
            _ => format!("{definition} {successes}/{denominator}, of {whom}"),
        }
    }
}

/// `2/4 (50.0%)`; `0/6: upper 95% bound 45.9%`, since none seen is not none possible; `0/0`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { successes, denominator, confidence, .. } = self;
        write!(f, "{successes}/{denominator}")?;
        match (self.percent(DECIMALS), self.interval) {
            (Some(_), Some(interval)) if *successes == 0 => {
                write!(f, ": upper {confidence} bound {}%", percent_of(interval.upper))
            }
            (Some(percent), _) => write!(f, " ({percent}%)"),
            (None, _) => Ok(()),
        }
    }
}

/// A probability as a percentage for people, halves away from zero.
fn percent_of(probability: f64) -> Decimal {
    let exact = Decimal::from_f64_retain(probability).unwrap_or_default() * Decimal::ONE_HUNDRED;
    let mut percent = exact.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    percent.rescale(DECIMALS);
    percent
}

/// More patients meet a definition than there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{definition}: found {successes} successes, expected at most the {denominator} patients of `{population}`: \
     count both over the same patients"
)]
pub struct MoreThanAll {
    /// Id of the definition.
    pub definition: String,
    /// Id of the population.
    pub population: String,
    /// Patients said to meet it.
    pub successes: u32,
    /// Patients in the population.
    pub denominator: u32,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(successes: u32, denominator: u32) -> Rate {
        let treated = CountedPopulation { id: "treated".into(), words: "patients given a fraction".into() };
        Rate::new(successes, denominator, "ORR", treated, Confidence::NINETY_FIVE).unwrap()
    }

    #[test]
    fn rates_print_as_committees_read_them() {
        for (successes, denominator, printed) in [
            (2, 4, "2/4 (50.0%)"),
            (0, 6, "0/6: upper 95% bound 45.9%"),
            (0, 0, "0/0"),
            (3, 3, "3/3 (100.0%)"),
            (1, 3, "1/3 (33.3%)"),
            (2, 3, "2/3 (66.7%)"),
        ] {
            assert_eq!(rate(successes, denominator).to_string(), printed);
        }
    }

    #[test]
    fn halves_round_away_from_zero_where_floats_would_not() {
        // 1/16 = 6.25%, 1/2000 = 0.05%, 287/2000 = 14.35%: the last two are below the half as floats.
        for (successes, denominator, percent) in [(1, 16, "6.3"), (1, 2000, "0.1"), (287, 2000, "14.4")] {
            assert_eq!(rate(successes, denominator).percent(1).unwrap().to_string(), percent);
        }
        assert_eq!(rate(1, 3).percent(0).unwrap().to_string(), "33");
        assert_eq!(rate(u32::MAX, u32::MAX).percent(9).unwrap().to_string(), "100.000000000");
    }

    #[test]
    fn nobody_has_neither_percentage_nor_interval() {
        let none = rate(0, 0);
        assert_eq!((none.percent(1), none.interval()), (None, None));
        assert_eq!(none.sentence(), "ORR 0/0, of patients given a fraction");
    }

    #[test]
    fn more_successes_than_patients_are_refused() {
        let treated = CountedPopulation { id: "treated".into(), words: String::new() };
        let error = Rate::new(4, 3, "ORR", treated, Confidence::NINETY_FIVE).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("ORR: found 4 successes, expected at most the 3 patients of `treated`")
        );
    }

    /// Source: R 4.2.2, binom.test(0, 6)$conf.int and binom.test(0, 6, conf.level = 0.8)$conf.int.
    #[test]
    fn the_interval_is_the_exact_one_of_r() {
        assert!((rate(0, 6).interval().unwrap().upper - 0.4592581264399).abs() < 1e-12);
        let all = CountedPopulation { id: "all".into(), words: "patients".into() };
        let wide = Rate::count([false; 6], "ORR", all, Confidence::EIGHTY).interval().unwrap();
        assert!((wide.upper - 0.318707930942039).abs() < 1e-12);
    }

    #[test]
    fn json_carries_counts_population_definition_and_method_together() {
        let json = serde_json::to_value(rate(2, 4)).unwrap();
        assert_eq!((&json["successes"], &json["denominator"]), (&2.into(), &4.into()));
        assert_eq!((&json["definition"], &json["population"]["id"]), (&"ORR".into(), &"treated".into()));
        assert_eq!(
            (&json["confidence"], &json["interval"]["method"]),
            (&0.95.into(), &"Clopper-Pearson".into())
        );
    }

    proptest! {
        #[test]
        fn a_printed_percentage_is_within_half_a_unit_of_the_ratio(denominator in 1_u32..100_000, part in 0.0..=1.0_f64) {
            let successes = (f64::from(denominator) * part) as u32;
            let printed = rate(successes, denominator).percent(1).unwrap();
            let error = (printed * Decimal::from(denominator) - Decimal::from(successes) * Decimal::ONE_HUNDRED).abs();
            prop_assert!(error * Decimal::from(20) <= Decimal::from(denominator));
        }
    }
}
