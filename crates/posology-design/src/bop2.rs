//! BOP2, the Bayesian optimal phase 2 design: no-go at an analysis when the goal has become improbable.
//!
//! One or two yes-or-no endpoints are watched in one arm. After n of N patients the probability that a response rate is
//! above its null rate (or a toxicity rate below it) is compared with `lambda (n/N)^gamma`, which grows with the
//! evidence. [`Settings::search`] takes the lambda and gamma with the greatest power among those that hold the type I
//! error rate; [`Settings::design`] takes them as given. All characteristics are exact sums over both endpoints, where
//! the paper and its software simulate.
//!
//! Source: Zhou H, Lee JJ, Yuan Y. Stat Med 2017;36:3302-3314, doi:10.1002/sim.7338, sections 2.1 to 2.3. The prior is the
//! Dirichlet distribution with the null probabilities as parameters: worth one patient. Each endpoint's rate then has a
//! Beta posterior, so that the boundaries are numbers of patients for each endpoint.

use std::collections::BTreeMap;

use libm::pow;
use serde::{Deserialize, Serialize};

use crate::monitoring::{self, Look, check_sizes};
use crate::predictive::Beta;
use crate::settings::{Problem, Problems};

/// Error rates, and rates of the hypotheses, are compared up to this much: the accuracy of the sums.
const SLACK: f64 = 1e-12;
/// The greatest number of patients with two endpoints.
pub const PATIENTS_MAX_OF_TWO: u32 = 200;
/// The greatest number of values of lambda, and of gamma, in a search.
pub const GRID_MAX: u32 = 200;

/// The probabilities that a patient has both, only the first, only the second or neither of two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// Both.
    pub both: f64,
    /// Only the first.
    pub first: f64,
    /// Only the second.
    pub second: f64,
    /// Neither.
    pub neither: f64,
}

impl Joint {
    /// Two endpoints that do not depend on each other, with these rates.
    ///
    /// ```
    /// let joint = posology_design::bop2::Joint::independent(0.4, 0.3);
    /// assert!((joint.both - 0.12).abs() < 1e-15 && (joint.neither - 0.42).abs() < 1e-15);
    /// ```
    pub fn independent(first: f64, second: f64) -> Self {
        Self {
            both: first * second,
            first: first * (1.0 - second),
            second: (1.0 - first) * second,
            neither: (1.0 - first) * (1.0 - second),
        }
    }

    /// The first endpoint is a part of the second, as complete response is of response.
    ///
    /// ```
    /// let joint = posology_design::bop2::Joint::nested(0.15, 0.30);
    /// assert_eq!((joint.both, joint.first, joint.second, joint.neither), (0.15, 0.0, 0.15, 0.7));
    /// ```
    pub fn nested(first: f64, second: f64) -> Self {
        Self { both: first, first: 0.0, second: second - first, neither: 1.0 - second }
    }

    fn rates(&self) -> [f64; 2] {
        [self.both + self.first, self.both + self.second]
    }

    fn check(&self, key: &str) -> Vec<Problem> {
        let Self { both, first, second, neither } = *self;
        let parts = [("both", both), ("first", first), ("second", second), ("neither", neither)];
        let mend = "give the probabilities of both, only the first, only the second and neither";
        let outside = parts.iter().filter(|(_, part)| !(0.0..=1.0).contains(part));
        let mut problems: Vec<Problem> =
            outside.map(|(name, part)| Problem::new(format!("{key}.{name}"), part, "0 to 1", mend)).collect();
        let sum = both + first + second + neither;
        if problems.is_empty() && (sum - 1.0).abs() > 1e-9 {
            problems.push(Problem::new(key, format!("a sum of {sum}"), "probabilities that sum to 1", mend));
        }
        if problems.is_empty() && self.rates().iter().any(|rate| *rate <= 0.0 || *rate >= 1.0) {
            let [one, two] = self.rates();
            let found = format!("rates {one} and {two}");
            problems.push(Problem::new(key, found, "rates of both endpoints between 0 and 1", mend));
        }
        problems
    }
}

/// What is watched, with the null and the alternative hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Endpoints {
    /// One response: no-go when it is improbable that its rate is above `null`.
    Binary {
        /// The response rate that is too low.
        null: f64,
        /// The response rate that is wanted.
        alternative: f64,
    },
    /// A response within a response, such as CR within CR or PR: no-go when both are improbably above their null rates.
    /// In [`Joint`], `first` alone does not occur.
    Nested {
        /// Probabilities under the null hypothesis.
        null: Joint,
        /// Probabilities under the alternative.
        alternative: Joint,
    },
    /// Two responses, such as objective response and being free of progression at 6 months: no-go when both are
    /// improbably above their null rates. A go needs one of them.
    CoPrimary {
        /// Probabilities under the null hypothesis.
        null: Joint,
        /// Probabilities under the alternative.
        alternative: Joint,
    },
    /// Response, and toxicity: no-go when it is improbable that the response rate is above its null rate, or that the
    /// toxicity rate is below its. In [`Joint`] response is the first, toxicity the second. Type I error is taken at
    /// `null`; of a treatment that responds and is too toxic, or neither, ask [`Bop2::at`].
    EfficacyToxicity {
        /// Probabilities under the null hypothesis: the response rate too low, the toxicity rate too high.
        null: Joint,
        /// Probabilities under the alternative.
        alternative: Joint,
    },
}

/// What a BOP2 design is to achieve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// What is watched.
    pub endpoints: Endpoints,
    /// The patients at each analysis, the last being all of them.
    pub looks: Vec<u32>,
    /// The greatest probability of a go under the null hypothesis; read by [`Settings::search`].
    pub alpha: f64,
    /// How many values of lambda are tried, evenly between 0 and 1.
    #[serde(default = "hundred")]
    pub lambdas: u32,
    /// How many values of gamma are tried, evenly up to 1; 0 is tried too.
    #[serde(default = "hundred")]
    pub gammas: u32,
}

fn hundred() -> u32 {
    100
}

/// The boundary of one endpoint at one analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Boundary {
    /// Evaluable patients.
    pub n: u32,
    /// For each endpoint the number of patients with it that fails: at most so many responses, at least so many
    /// toxicities; none if no number fails.
    pub fails: [Option<u32>; 2],
}

/// A BOP2 design with its boundaries and exact characteristics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bop2 {
    /// The settings.
    pub settings: Settings,
    /// The probability cutoff at the last analysis.
    pub lambda: f64,
    /// How fast the cutoff grows: `lambda (n/N)^gamma`.
    pub gamma: f64,
    /// The boundaries at each analysis. The second of each pair is none for a single endpoint.
    pub boundaries: Vec<Boundary>,
    /// The probability of a go under the null hypothesis.
    pub alpha: f64,
    /// The probability of a go under the alternative.
    pub power: f64,
}

/// What a design does at one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Characteristics {
    /// The probability that the trial ends with a go.
    pub go: f64,
    /// The probability of a no-go before the last analysis.
    pub early_no_go: f64,
    /// The expected number of patients.
    pub expected_n: f64,
    /// The probability of ending at each look.
    pub ends_at: Vec<f64>,
}

/// How the endpoints make a no-go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoGo {
    /// All of them fail.
    All,
    /// Any of them fails.
    Any,
}

impl Endpoints {
    fn hypotheses(&self) -> (Joint, Joint) {
        match *self {
            // A single endpoint is the first; the second does not occur.
            Self::Binary { null, alternative } => (Joint::single(null), Joint::single(alternative)),
            Self::Nested { null, alternative }
            | Self::CoPrimary { null, alternative }
            | Self::EfficacyToxicity { null, alternative } => (null, alternative),
        }
    }

    fn single(&self) -> bool {
        matches!(self, Self::Binary { .. })
    }

    fn second_is_toxicity(&self) -> bool {
        matches!(self, Self::EfficacyToxicity { .. })
    }

    fn no_go(&self) -> NoGo {
        if self.second_is_toxicity() { NoGo::Any } else { NoGo::All }
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Self::Binary { null, alternative } = *self {
            let mend = "give the response rate that is too low, such as 0.20";
            problems.extend(Problem::unless_inside("null", null, 0.0, 1.0, mend));
            let lowest = if null > 0.0 && null < 1.0 { null } else { 0.0 };
            let mend = "give the response rate that is wanted, above the null rate";
            problems.extend(Problem::unless_inside("alternative", alternative, lowest, 1.0, mend));
            return problems;
        }
        let (null, alternative) = self.hypotheses();
        problems.extend(null.check("null"));
        problems.extend(alternative.check("alternative"));
        if !problems.is_empty() {
            return problems;
        }
        if matches!(self, Self::Nested { .. }) {
            for (key, joint) in [("null.first", null), ("alternative.first", alternative)] {
                if joint.first != 0.0 {
                    let mend = "the first endpoint is part of the second: nobody has only the first";
                    problems.push(Problem::new(key, joint.first, "0", mend));
                }
            }
        }
        let ([null_first, null_second], [first, second]) = (null.rates(), alternative.rates());
        if self.second_is_toxicity() {
            if !(first > null_first && second < null_second) {
                let found = format!("rates {first} and {second} against {null_first} and {null_second}");
                let expected =
                    "a higher response rate and a lower toxicity rate than under the null hypothesis";
                problems.push(Problem::new(
                    "alternative",
                    found,
                    expected,
                    "exchange or change the hypotheses",
                ));
            }
        } else if first - null_first < -SLACK
            || second - null_second < -SLACK
            || (first - null_first <= SLACK && second - null_second <= SLACK)
        {
            let found = format!("rates {first} and {second} against {null_first} and {null_second}");
            let expected = "rates not below those of the null hypothesis, and one above";
            problems.push(Problem::new("alternative", found, expected, "exchange or change the hypotheses"));
        }
        problems
    }
}

impl Joint {
    fn single(rate: f64) -> Self {
        Self { both: 0.0, first: rate, second: 0.0, neither: 1.0 - rate }
    }
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.endpoints.check();
        problems.extend(check_sizes(self.looks.iter().copied()));
        let most = if self.endpoints.single() { monitoring::PATIENTS_MAX } else { PATIENTS_MAX_OF_TWO };
        if let Some(&max) = self.looks.last()
            && max > most
            && problems.is_empty()
        {
            let mend = "watch fewer patients, or one endpoint";
            problems.push(Problem::new("looks", max, format!("at most {most} patients"), mend));
        }
        let mend = "give the type I error rate, such as 0.10";
        problems.extend(Problem::unless_inside("alpha", self.alpha, 0.0, 1.0, mend));
        let mend = "give how many values are tried, such as 100";
        problems.extend(Problem::unless_among("lambdas", self.lambdas, 2, GRID_MAX, mend));
        problems.extend(Problem::unless_among("gammas", self.gammas, 1, GRID_MAX, mend));
        problems
    }

    /// The design with the given lambda and gamma.
    ///
    /// # Errors
    /// Settings out of range; lambda not inside 0 to 1; gamma negative or above 10.
    ///
    /// ```
    /// use posology_design::bop2::{Endpoints, Settings};
    /// let settings = Settings {
    ///     endpoints: Endpoints::Binary { null: 0.2, alternative: 0.4 },
    ///     looks: vec![10, 15, 20, 25, 30, 35, 40], alpha: 0.10, lambdas: 100, gammas: 100,
    /// };
    /// let design = settings.design(0.909, 1.0)?;
    /// let no_go: Vec<_> = design.boundaries.iter().filter_map(|look| look.fails[0]).collect();
    /// assert_eq!(no_go, [1, 2, 3, 5, 7, 9, 11]);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn design(&self, lambda: f64, gamma: f64) -> Result<Bop2, Problems> {
        let mut problems = self.check();
        let mend = "give the probability cutoff at the last analysis, such as 0.9";
        problems.extend(Problem::unless_inside("lambda", lambda, 0.0, 1.0, mend));
        if !(0.0..=10.0).contains(&gamma) {
            let mend = "give how fast the cutoff grows, such as 1";
            problems.push(Problem::new("gamma", gamma, "0 to 10", mend));
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let boundaries = Posteriors::new(self).boundaries(lambda, gamma);
        let (null, alternative) = self.endpoints.hypotheses();
        let go = |joint: &Joint| self.course(&boundaries, joint).go;
        let (alpha, power) = (go(&null), go(&alternative));
        Ok(Bop2 { settings: self.clone(), lambda, gamma, boundaries, alpha, power })
    }

    /// The design with the greatest power among those of the grid that hold the type I error rate.
    ///
    /// Lambda is i / lambdas for i = 1, 2, …, below 1; gamma is j / gammas for j = 0, 1, …, up to 1. Of equal powers the lower
    /// expected number of patients under the null hypothesis counts, then the lower lambda and gamma. Grid points with
    /// the same boundaries are summed once.
    ///
    /// # Errors
    /// Settings out of range; no grid point that holds alpha.
    ///
    /// ```
    /// use posology_design::bop2::{Endpoints, Settings};
    /// let settings = Settings {
    ///     endpoints: Endpoints::Binary { null: 0.2, alternative: 0.4 },
    ///     looks: vec![10, 20, 30, 40], alpha: 0.10, lambdas: 50, gammas: 20,
    /// };
    /// let best = settings.search()?;
    /// assert!(best.alpha <= 0.10 && best.power > 0.85);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn search(&self) -> Result<Bop2, Problems> {
        let problems = self.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let posteriors = Posteriors::new(self);
        let (null, alternative) = self.endpoints.hypotheses();
        let mut summed: BTreeMap<Vec<[Option<u32>; 2]>, ()> = BTreeMap::new();
        let mut best: Option<(Bop2, f64)> = None;
        for step in 1..self.lambdas {
            let lambda = f64::from(step) / f64::from(self.lambdas);
            for rise in 0..=self.gammas {
                let gamma = f64::from(rise) / f64::from(self.gammas);
                let boundaries = posteriors.boundaries(lambda, gamma);
                if summed.insert(boundaries.iter().map(|boundary| boundary.fails).collect(), ()).is_some() {
                    continue;
                }
                let under_null = self.course(&boundaries, &null);
                if under_null.go > self.alpha + SLACK {
                    continue;
                }
                let power = self.course(&boundaries, &alternative).go;
                // A design that never goes holds any error rate.
                if power <= under_null.go {
                    continue;
                }
                let better = best.as_ref().is_none_or(|(design, expected_n)| {
                    let ahead = power - design.power;
                    ahead > SLACK || (ahead.abs() <= SLACK && under_null.expected_n < expected_n - SLACK)
                });
                if better {
                    let alpha = under_null.go;
                    let design = Bop2 { settings: self.clone(), lambda, gamma, boundaries, alpha, power };
                    best = Some((design, under_null.expected_n));
                }
            }
        }
        best.map(|(design, _)| design).ok_or_else(|| {
            let mend = "raise alpha, take more patients, or a finer grid of lambda";
            let expected = "a type I error rate that some lambda and gamma hold";
            Problems(vec![Problem::new("alpha", self.alpha, expected, mend)])
        })
    }

    fn course(&self, boundaries: &[Boundary], truth: &Joint) -> Characteristics {
        if self.endpoints.single() {
            let look = |boundary: &Boundary| Look {
                n: boundary.n,
                futility_max: boundary.fails[0],
                efficacy_min: None,
            };
            let looks: Vec<Look> = boundaries.iter().map(look).collect();
            let found = monitoring::course(&looks, truth.first);
            return Characteristics {
                go: found.go,
                early_no_go: found.early_no_go,
                expected_n: found.expected_n,
                ends_at: found.ends_at,
            };
        }
        self.course_of_two(boundaries, truth)
    }

    /// The forward sum over the numbers of patients with each endpoint, patient by patient.
    fn course_of_two(&self, boundaries: &[Boundary], truth: &Joint) -> Characteristics {
        let max = boundaries.last().map_or(0, |boundary| boundary.n as usize);
        let width = max + 1;
        let mut going = vec![0.0; width * width];
        going[0] = 1.0;
        let (mut n, mut early_no_go, mut expected_n, mut go) = (0, 0.0, 0.0, 0.0);
        let mut ends_at = Vec::with_capacity(boundaries.len());
        for (place, boundary) in boundaries.iter().enumerate() {
            while n < boundary.n as usize {
                n += 1;
                add_patient(&mut going, width, n, truth);
            }
            let last = place + 1 == boundaries.len();
            let mut ended = 0.0;
            for first in 0..=n {
                for second in 0..=n {
                    let probability = &mut going[first * width + second];
                    let no_go = self.is_no_go(boundary, first as u32, second as u32);
                    if no_go || last {
                        ended += *probability;
                        go += if no_go { 0.0 } else { *probability };
                        *probability = 0.0;
                    }
                }
            }
            early_no_go += if last { 0.0 } else { ended };
            expected_n += ended * n as f64;
            ends_at.push(ended);
        }
        Characteristics { go, early_no_go, expected_n, ends_at }
    }

    fn is_no_go(&self, boundary: &Boundary, first: u32, second: u32) -> bool {
        let first_fails = boundary.fails[0].is_some_and(|most| first <= most);
        let second_fails = boundary.fails[1].is_some_and(|bound| {
            if self.endpoints.second_is_toxicity() { second >= bound } else { second <= bound }
        });
        match self.endpoints.no_go() {
            _ if self.endpoints.single() => first_fails,
            NoGo::All => first_fails && second_fails,
            NoGo::Any => first_fails || second_fails,
        }
    }
}

/// The n-th patient, added from the highest counts down, so that one table suffices.
fn add_patient(going: &mut [f64], width: usize, n: usize, truth: &Joint) {
    for first in (0..=n).rev() {
        for second in (0..=n).rev() {
            let at = first * width + second;
            let mut sum = going[at] * truth.neither;
            if first > 0 {
                sum += going[at - width] * truth.first;
            }
            if second > 0 {
                sum += going[at - 1] * truth.second;
            }
            if first > 0 && second > 0 {
                sum += going[at - width - 1] * truth.both;
            }
            going[at] = sum;
        }
    }
}

/// The posterior probability of success by count, for each analysis and endpoint.
struct Posteriors {
    looks: Vec<u32>,
    /// Above its null rate for a response, below it for a toxicity.
    of: Vec<[Vec<f64>; 2]>,
    second_is_toxicity: bool,
}

impl Posteriors {
    fn new(settings: &Settings) -> Self {
        let (null, _) = settings.endpoints.hypotheses();
        let second_is_toxicity = settings.endpoints.second_is_toxicity();
        let column = |n: u32, rate: f64, toxicity: bool| -> Vec<f64> {
            let prior = Beta { a: rate, b: 1.0 - rate };
            let success = |x: u32| {
                let after = prior.after(x, n);
                if toxicity { after.below(rate) } else { after.above(rate) }
            };
            (0..=n).map(success).collect()
        };
        let both = |n: &u32| {
            if settings.endpoints.single() {
                return [column(*n, null.first, false), Vec::new()];
            }
            let [first, second] = null.rates();
            [column(*n, first, false), column(*n, second, second_is_toxicity)]
        };
        Self {
            looks: settings.looks.clone(),
            of: settings.looks.iter().map(both).collect(),
            second_is_toxicity,
        }
    }

    fn boundaries(&self, lambda: f64, gamma: f64) -> Vec<Boundary> {
        let max = f64::from(self.looks.last().copied().unwrap_or(1));
        let boundary = |(&n, [first, second]): (&u32, &[Vec<f64>; 2])| {
            let cutoff = lambda * pow(f64::from(n) / max, gamma);
            // The probability of success grows with responses and falls with toxicities.
            let most =
                |column: &[f64]| (column.partition_point(|success| *success < cutoff) as u32).checked_sub(1);
            let least = |column: &[f64]| {
                let at = column.partition_point(|success| *success >= cutoff) as u32;
                (at <= n).then_some(at)
            };
            let second = match second.as_slice() {
                [] => None,
                column if self.second_is_toxicity => least(column),
                column => most(column),
            };
            Boundary { n, fails: [most(first), second] }
        };
        self.looks.iter().zip(&self.of).map(boundary).collect()
    }
}

/// A truth at which a design is asked for its characteristics.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Truth {
    /// The rate of the single endpoint.
    Rate(f64),
    /// The joint probabilities of two endpoints.
    Joint(Joint),
}

impl Bop2 {
    /// What the design does at a truth: exact, absolute error below 1e-12.
    ///
    /// # Errors
    /// A truth that is no probability, or of the wrong number of endpoints.
    ///
    /// ```
    /// use posology_design::bop2::{Endpoints, Settings, Truth};
    /// let settings = Settings {
    ///     endpoints: Endpoints::Binary { null: 0.2, alternative: 0.4 }, looks: vec![20], alpha: 0.10, lambdas: 100, gammas: 100,
    /// };
    /// let design = settings.design(0.9, 1.0)?;
    /// assert_eq!(design.at(&Truth::Rate(1.0))?.go, 1.0);
    /// # Ok::<(), posology_design::Problems>(())
    /// ```
    pub fn at(&self, truth: &Truth) -> Result<Characteristics, Problems> {
        let mend = "give a rate for one endpoint, joint probabilities for two";
        let wrong =
            |found: String, expected: &str| Err(Problems(vec![Problem::new("truth", found, expected, mend)]));
        let joint = match *truth {
            Truth::Rate(rate) if self.settings.endpoints.single() => {
                if !(0.0..=1.0).contains(&rate) {
                    return wrong(rate.to_string(), "0 to 1");
                }
                Joint::single(rate)
            }
            Truth::Joint(joint) if !self.settings.endpoints.single() => {
                let Joint { both, first, second, neither } = joint;
                let parts = [both, first, second, neither];
                let sum: f64 = parts.iter().sum();
                if parts.iter().any(|part| !(0.0..=1.0).contains(part)) || (sum - 1.0).abs() > 1e-9 {
                    return wrong(format!("{parts:?}"), "four probabilities that sum to 1");
                }
                joint
            }
            Truth::Rate(_) => {
                return wrong("a rate".to_owned(), "joint probabilities: two endpoints are watched");
            }
            Truth::Joint(_) => {
                return wrong("joint probabilities".to_owned(), "a rate: one endpoint is watched");
            }
        };
        Ok(self.settings.course(&self.boundaries, &joint))
    }
}
