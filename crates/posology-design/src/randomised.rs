//! Randomised dose optimisation after escalation: two or three regimens side by side, one of them chosen.
//!
//! Start at [`Randomised::decide`] for what a trial's data choose and why, at [`Randomised::characteristics`] for the
//! exact probabilities of choosing each arm. Every patient has one of four outcomes: efficacy or not, and an event that
//! counts against tolerability or not. A rule names one arm from the counts. Its probabilities are sums over all
//! counts that the arms can show, not a simulation.
//!
//! Such a trial chooses; it is **not powered to show that one arm is superior**, and no p value comes with it. The
//! frame is the selection design of Simon R, Wittes RE, Ellenberg SS. Cancer Treat Rep 1985;69:1375-1381. The need for
//! it: FDA, Optimizing the Dosage of Human Prescription Drugs and Biological Products for the Treatment of Oncologic
//! Diseases, August 2024 (docket FDA-2022-D-2827).
//!
//! Who is allocated to which arm is not decided here: blocks and strata are settings that are checked and described.

use libm::{exp, lgamma, log, sqrt};
use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::numeric::{gauss_legendre, incomplete_beta};
use crate::settings::{Problem, Problems};

/// The greatest number of patients in an arm, pooled backfill patients among them.
pub const ARM_PATIENTS_MAX: u32 = 100;
/// The least number of patients randomised to an arm.
pub const ARM_PATIENTS_MIN: u32 = 5;
/// Two utilities this near are the same: sums of utilities are rounded.
const TIE: f64 = 1e-9;
const SOURCE: &str = "Simon R, Wittes RE, Ellenberg SS. Cancer Treat Rep 1985;69:1375-1381";
/// What stands beside every result.
pub const NOT_POWERED: &str = "The trial chooses among regimens; it is not powered to show that one is superior to another, and a choice is no evidence of superiority.";

/// How one arm is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Choosing {
    /// The arm with the highest observed mean utility; of equal ones the lowest activity.
    Utility,
    /// The lowest activity whose response rate is not worse than that of the highest activity by more than `delta`, in
    /// the sense of `sense`, and which is better tolerated; the highest activity where there is none.
    NonInferior,
}

/// In what sense a response rate is not worse by more than `delta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sense {
    /// The observed rate is lower by at most `delta`.
    Observed,
    /// The true rate is lower by less than `delta` with posterior probability of at least `probability`, each rate with
    /// a Beta(1, 1) prior.
    Posterior,
}

/// Patients of one arm by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Outcomes {
    /// Neither efficacy nor a tolerability event.
    pub none: u32,
    /// Efficacy only.
    pub efficacy_only: u32,
    /// A tolerability event only.
    pub toxicity_only: u32,
    /// Both.
    pub both: u32,
}

impl Outcomes {
    /// All patients.
    pub fn patients(self) -> u32 {
        [self.efficacy_only, self.toxicity_only, self.both]
            .iter()
            .fold(self.none, |sum, n| sum.saturating_add(*n))
    }

    /// Patients with efficacy.
    pub fn efficacy(self) -> u32 {
        self.efficacy_only.saturating_add(self.both)
    }

    /// Patients with a tolerability event.
    pub fn toxicity(self) -> u32 {
        self.toxicity_only.saturating_add(self.both)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            none: self.none.saturating_add(other.none),
            efficacy_only: self.efficacy_only.saturating_add(other.efficacy_only),
            toxicity_only: self.toxicity_only.saturating_add(other.toxicity_only),
            both: self.both.saturating_add(other.both),
        }
    }
}

/// A stratum factor, such as prior lines of therapy, and its categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stratum {
    /// What it is.
    pub name: String,
    /// Its categories, at least two.
    pub categories: Vec<String>,
}

/// The settings of a randomised comparison as a file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The regimens, two or three, the lowest activity first.
    pub arms: Vec<String>,
    /// Patients randomised to each arm, 5 to 100; usually 10 to 40.
    pub patients: u32,
    /// The rule that chooses.
    pub choosing: Choosing,
    /// The utility of neither efficacy nor a tolerability event, 0 to 100; efficacy alone is worth 100, an event alone 0.
    pub utility_none: f64,
    /// The utility of both, 0 to 100.
    pub utility_both: f64,
    /// How much lower a response rate may be, 0 to 1: the margin of `non-inferior`, and the error of response reported.
    pub delta: f64,
    /// How much lower a mean utility may be, 0 to 100: the error of utility reported.
    pub utility_delta: f64,
    /// The sense of `non-inferior`.
    pub sense: Sense,
    /// The posterior probability that the sense `posterior` asks for.
    pub probability: f64,
    /// By how much the rate of tolerability events must be lower than at the highest activity, 0 to 1: more than this.
    pub tolerability_gain: f64,
    /// Lengths of the permuted blocks, each a multiple of the number of arms; empty where allocation is not blocked.
    pub block_sizes: Vec<u32>,
    /// The factors by which allocation is stratified.
    pub strata: Vec<Stratum>,
    /// Patients treated with each regimen before randomisation, by arm; empty where there are none.
    pub backfill: Vec<Outcomes>,
    /// Whether the protocol declares that these are pooled with the randomised. Not declared, they are left out.
    pub pool_backfill: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            arms: Vec::new(),
            patients: 20,
            choosing: Choosing::Utility,
            utility_none: 40.0,
            utility_both: 60.0,
            delta: 0.10,
            utility_delta: 10.0,
            sense: Sense::Observed,
            probability: 0.80,
            tolerability_gain: 0.0,
            block_sizes: Vec::new(),
            strata: Vec::new(),
            backfill: Vec::new(),
            pool_backfill: false,
        }
    }
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let arms = self.arms.len();
        if !(2..=3).contains(&arms) {
            let mend = "name the regimens that are compared, the lowest activity first";
            problems.push(Problem::new("arms", arms, "2 or 3 regimens", mend));
        }
        if let Some(twice) = (1..arms).find(|at| self.arms[..*at].contains(&self.arms[*at])) {
            let found = format!("`{}` twice", self.arms[twice]);
            problems.push(Problem::new("arms", found, "names that differ", "rename one of the two"));
        }
        let mend = "give the patients randomised to each arm, usually 10 to 40";
        problems.extend(Problem::unless_among(
            "patients",
            self.patients,
            ARM_PATIENTS_MIN,
            ARM_PATIENTS_MAX,
            mend,
        ));
        let closed = |key: &str, value: f64, high: f64, mend: &str| {
            (!(0.0..=high).contains(&value)).then(|| Problem::new(key, value, format!("0 to {high}"), mend))
        };
        let worth = "give the worth of this outcome between an event alone (0) and efficacy alone (100)";
        problems.extend(closed("utility-none", self.utility_none, 100.0, worth));
        problems.extend(closed("utility-both", self.utility_both, 100.0, worth));
        let mend = "give a difference of response rates, such as 0.10";
        problems.extend(closed("delta", self.delta, 1.0, mend));
        let mend = "give a difference of mean utilities, such as 10";
        problems.extend(closed("utility-delta", self.utility_delta, 100.0, mend));
        let mend = "give a difference of rates, such as 0.05, or leave it out";
        problems.extend(closed("tolerability-gain", self.tolerability_gain, 1.0, mend));
        let mend = "give a probability such as 0.80";
        problems.extend(Problem::unless_inside("probability", self.probability, 0.0, 1.0, mend));
        for &block in &self.block_sizes {
            if block == 0 || arms > 0 && !(block as usize).is_multiple_of(arms) || block > ARM_PATIENTS_MAX {
                let expected = format!("multiples of the {arms} arms up to {ARM_PATIENTS_MAX}");
                let mend = "give block lengths in which each arm comes equally often";
                problems.push(Problem::new("block-sizes", block, expected, mend));
            }
        }
        for stratum in &self.strata {
            let few = stratum.categories.len() < 2;
            let twice = (1..stratum.categories.len())
                .any(|at| stratum.categories[..at].contains(&stratum.categories[at]));
            if few || twice {
                let found = format!("`{}` with {}", stratum.name, stratum.categories.join(", "));
                let mend = "give each category once";
                problems.push(Problem::new("strata", found, "at least two categories that differ", mend));
            }
        }
        if !self.strata.is_empty() && self.block_sizes.is_empty() {
            let mend = "give `block-sizes`: without blocks, strata change nothing";
            problems.push(Problem::new("strata", self.strata.len(), "blocks within the strata", mend));
        }
        if !self.backfill.is_empty() && self.backfill.len() != arms {
            let mend = "give one entry for each arm, zeros where there are none";
            problems.push(Problem::new("backfill", self.backfill.len(), format!("{arms} entries"), mend));
        }
        let most = self.backfill.iter().map(|arm| arm.patients()).max().unwrap_or(0);
        if self.pool_backfill && most.saturating_add(self.patients) > ARM_PATIENTS_MAX {
            let expected =
                format!("at most {ARM_PATIENTS_MAX} patients in an arm, the randomised among them");
            problems.push(Problem::new("backfill", most, expected, "randomise fewer, or do not pool"));
        }
        if self.pool_backfill && self.backfill.is_empty() {
            let mend = "give `backfill`, the patients to pool, or leave `pool-backfill` out";
            problems.push(Problem::new("pool-backfill", true, "patients to pool", mend));
        }
        problems
    }
}

/// What is supposed to be true of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Truth {
    /// The probability of efficacy.
    pub efficacy: f64,
    /// The probability of a tolerability event.
    pub toxicity: f64,
    /// The correlation (phi coefficient) of the two within a patient; 0 where they are independent.
    #[serde(default)]
    pub correlation: f64,
}

impl Truth {
    /// The probabilities of neither, efficacy only, an event only and both.
    ///
    /// With p, q the two probabilities and rho the correlation, both has p q + rho sqrt(p (1-p) q (1-q)).
    ///
    /// # Errors
    /// A probability outside 0 to 1, or a correlation that these two probabilities cannot have.
    ///
    /// ```
    /// use posology_design::randomised::Truth;
    /// let cells = Truth { efficacy: 0.5, toxicity: 0.2, correlation: 0.0 }.cells()?;
    /// assert!((cells[3] - 0.1).abs() < 1e-15);
    /// # Ok::<(), posology_design::Problem>(())
    /// ```
    pub fn cells(self) -> Result<[f64; 4], Problem> {
        let Self { efficacy, toxicity, correlation } = self;
        for (key, probability) in [("efficacy", efficacy), ("toxicity", toxicity)] {
            if !(0.0..=1.0).contains(&probability) {
                return Err(Problem::new(key, probability, "0 to 1", "give a probability"));
            }
        }
        let spread = sqrt(efficacy * (1.0 - efficacy) * toxicity * (1.0 - toxicity));
        let both = efficacy * toxicity + correlation * spread;
        let (least, most) = ((efficacy + toxicity - 1.0).max(0.0), efficacy.min(toxicity));
        if !(both >= least - 1e-12 && both <= most + 1e-12 && (-1.0..=1.0).contains(&correlation)) {
            let expected = if spread > 0.0 {
                let bound = |both: f64| (both - efficacy * toxicity) / spread;
                format!("{:.3} to {:.3} for these two probabilities", bound(least), bound(most))
            } else {
                "-1 to 1".to_owned()
            };
            return Err(Problem::new(
                "correlation",
                correlation,
                expected,
                "give a correlation they can have",
            ));
        }
        // Rounding may carry a probability past its bound by a few units in the last place.
        let both = both.clamp(least, most);
        let cells = [1.0 - efficacy - toxicity + both, efficacy - both, toxicity - both, both];
        Ok(cells.map(|cell| cell.max(0.0)))
    }
}

/// A randomised comparison whose settings hold together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Randomised {
    settings: Settings,
}

impl TryFrom<Settings> for Randomised {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        if problems.is_empty() { Ok(Self { settings }) } else { Err(Problems(problems)) }
    }
}

impl From<Randomised> for Settings {
    fn from(randomised: Randomised) -> Self {
        randomised.settings
    }
}

/// The arm that the data choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its place among the arms, from 1, the lowest activity.
    pub arm: u32,
    /// Its name.
    pub name: String,
    /// The observed mean utility of each arm, 0 to 100.
    pub utilities: Vec<f64>,
    /// Why; the last entry says what the choice does not show.
    pub because: Vec<Because>,
}

/// The exact probabilities of a rule under one supposed truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Characteristics {
    /// Patients randomised to each arm.
    pub patients: u32,
    /// The probability of choosing each arm; they sum to 1.
    pub choose: Vec<f64>,
    /// The true mean utility of each arm, 0 to 100.
    pub utilities: Vec<f64>,
    /// The probability of choosing an arm with the highest true mean utility.
    pub p_best: f64,
    /// The probability of choosing an arm whose true mean utility is lower than the highest by more than `utility-delta`.
    pub p_wrong_utility: f64,
    /// The probability of choosing an arm whose true response rate is lower than the highest by more than `delta`.
    pub p_wrong_response: f64,
    /// The mean of the true utility lost by not choosing the best arm.
    pub utility_loss: f64,
    /// [`NOT_POWERED`].
    pub says: String,
}

impl Randomised {
    /// The arm that the data choose, and why. `seen` are the randomised patients of each arm, the lowest activity first;
    /// backfill patients are added where the settings declare it. Arms may be of any size: the rule compares rates.
    ///
    /// ```
    /// use posology_design::randomised::{Outcomes, Randomised, Settings};
    /// let arms = vec!["20 mCi/m2".to_owned(), "25 mCi/m2".to_owned()];
    /// let trial = Randomised::try_from(Settings { arms, ..Settings::default() }).unwrap();
    /// let low = Outcomes { none: 10, efficacy_only: 8, toxicity_only: 1, both: 1 };
    /// let high = Outcomes { none: 6, efficacy_only: 6, toxicity_only: 4, both: 4 };
    /// let choice = trial.decide(&[low, high]).unwrap();
    /// assert_eq!((choice.arm, choice.utilities[0], choice.utilities[1]), (1, 63.0, 54.0));
    /// ```
    ///
    /// # Errors
    /// Not one entry for each arm, an arm without patients or one with more than [`ARM_PATIENTS_MAX`].
    pub fn decide(&self, seen: &[Outcomes]) -> Result<Choice, Problem> {
        let arms = self.settings.arms.len();
        if seen.len() != arms {
            let mend = "give the patients of each arm, the lowest activity first";
            return Err(Problem::new("outcomes", seen.len(), format!("{arms} arms"), mend));
        }
        let pooled: Vec<Outcomes> =
            seen.iter().enumerate().map(|(arm, outcomes)| outcomes.plus(self.pooled(arm))).collect();
        if let Some(bad) = pooled.iter().map(|arm| arm.patients()).find(|n| *n == 0 || *n > ARM_PATIENTS_MAX)
        {
            let expected = format!("1 to {ARM_PATIENTS_MAX} patients in an arm");
            return Err(Problem::new("outcomes", bad, expected, "correct the counts"));
        }
        let utilities: Vec<f64> =
            pooled.iter().map(|arm| self.total_utility(*arm) / f64::from(arm.patients())).collect();
        let (arm, reason) = match self.settings.choosing {
            Choosing::Utility => self.by_utility(&utilities),
            Choosing::NonInferior => self.by_non_inferiority(&pooled),
        };
        let mut because = vec![reason];
        let listed: u32 = self.settings.backfill.iter().map(|arm| arm.patients()).sum();
        if listed > 0 {
            let says = if self.settings.pool_backfill {
                format!(
                    "{listed} backfill patients, who were not randomised, are pooled as the protocol declares"
                )
            } else {
                format!(
                    "{listed} backfill patients are left out: the protocol does not declare that they are pooled"
                )
            };
            because.push(Because::new("randomised/backfill", says).input("backfill", listed));
        }
        because.push(Because::new("randomised/not-powered", NOT_POWERED).source(SOURCE));
        let name = self.settings.arms.get(arm).cloned().unwrap_or_default();
        Ok(Choice { arm: arm as u32 + 1, name, utilities, because })
    }

    /// The exact probabilities when these are the true arms, the lowest activity first.
    ///
    /// ```
    /// use posology_design::randomised::{Randomised, Settings, Truth};
    /// let arms = vec!["low".to_owned(), "high".to_owned()];
    /// let trial = Randomised::try_from(Settings { arms, patients: 30, ..Settings::default() }).unwrap();
    /// let low = Truth { efficacy: 0.50, toxicity: 0.10, correlation: 0.0 };
    /// let high = Truth { efficacy: 0.50, toxicity: 0.40, correlation: 0.0 };
    /// let exact = trial.characteristics(&[low, high]).unwrap();
    /// assert!((exact.choose.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    /// assert!(exact.p_best > 0.9);
    /// ```
    ///
    /// # Errors
    /// Not one truth for each arm, or one that cannot be.
    pub fn characteristics(&self, truths: &[Truth]) -> Result<Characteristics, Problem> {
        self.characteristics_with(truths, self.settings.patients)
    }

    /// The exact probabilities for each of several sizes of the arms: a table to choose the size from.
    ///
    /// # Errors
    /// As [`Randomised::characteristics`]; a size outside the settings' bounds.
    pub fn sample_sizes(&self, truths: &[Truth], sizes: &[u32]) -> Result<Vec<Characteristics>, Problem> {
        let pooled = (0..self.settings.arms.len()).map(|arm| self.pooled(arm).patients()).max().unwrap_or(0);
        let most = ARM_PATIENTS_MAX.saturating_sub(pooled);
        let mend = "ask for arms of an allowed size";
        sizes
            .iter()
            .map(|&size| match Problem::unless_among("patients", size, ARM_PATIENTS_MIN, most, mend) {
                Some(problem) => Err(problem),
                None => self.characteristics_with(truths, size),
            })
            .collect()
    }

    /// How patients are allocated and what the trial can and cannot show, in sentences for a protocol.
    pub fn statement(&self) -> Vec<String> {
        let Settings { arms, patients, block_sizes, strata, backfill, pool_backfill, .. } = &self.settings;
        let total = patients.saturating_mul(arms.len() as u32);
        let mut says = vec![format!(
            "{total} patients are randomised equally to {} arms: {}.",
            arms.len(),
            arms.join(", ")
        )];
        if block_sizes.is_empty() {
            says.push("Allocation is not blocked.".to_owned());
        } else {
            let lengths: Vec<String> = block_sizes.iter().map(u32::to_string).collect();
            says.push(format!("Allocation is by permuted blocks of length {}.", lengths.join(" or ")));
        }
        if !strata.is_empty() {
            let names: Vec<String> = strata
                .iter()
                .map(|stratum| format!("{} ({})", stratum.name, stratum.categories.join(", ")))
                .collect();
            let cells =
                strata.iter().fold(1_u64, |all, stratum| all.saturating_mul(stratum.categories.len() as u64));
            says.push(format!("It is stratified by {}: {cells} strata.", names.join(" and ")));
            let longest = u64::from(block_sizes.iter().copied().max().unwrap_or(0));
            if cells.saturating_mul(longest) > u64::from(total) {
                says.push(format!(
                    "With {cells} strata and blocks of up to {longest} many blocks will not be filled, and the arms may differ in size."
                ));
            }
        }
        let listed: u32 = backfill.iter().map(|arm| arm.patients()).sum();
        if listed > 0 {
            says.push(if *pool_backfill {
                format!("{listed} backfill patients, who were not randomised, are pooled with their arms as declared.")
            } else {
                format!("{listed} backfill patients are not pooled with the randomised.")
            });
        }
        says.push(NOT_POWERED.to_owned());
        says
    }

    fn pooled(&self, arm: usize) -> Outcomes {
        let Settings { pool_backfill, backfill, .. } = &self.settings;
        if *pool_backfill { backfill.get(arm).copied().unwrap_or_default() } else { Outcomes::default() }
    }

    fn total_utility(&self, arm: Outcomes) -> f64 {
        100.0 * f64::from(arm.efficacy_only)
            + self.settings.utility_none * f64::from(arm.none)
            + self.settings.utility_both * f64::from(arm.both)
    }

    fn by_utility(&self, utilities: &[f64]) -> (usize, Because) {
        let mut best = 0;
        for (arm, utility) in utilities.iter().enumerate() {
            if *utility > utilities[best] + TIE {
                best = arm;
            }
        }
        let listed: Vec<String> = utilities
            .iter()
            .zip(&self.settings.arms)
            .map(|(utility, name)| format!("{utility:.1} with {name}"))
            .collect();
        let says = format!(
            "the observed mean utility is {}: {} is the lowest activity with the highest",
            listed.join(", "),
            self.settings.arms[best]
        );
        (best, Because::new("randomised/utility", says).source(SOURCE))
    }

    fn by_non_inferiority(&self, seen: &[Outcomes]) -> (usize, Because) {
        let highest = seen.len() - 1;
        let reference = seen[highest];
        let Settings { arms, delta, sense, probability, tolerability_gain, .. } = &self.settings;
        let found = (0..highest).find(|arm| {
            let arm = seen[*arm];
            self.not_worse(arm.efficacy(), arm.patients(), reference.efficacy(), reference.patients())
                && self.better_tolerated(
                    arm.toxicity(),
                    arm.patients(),
                    reference.toxicity(),
                    reference.patients(),
                )
        });
        let in_sense = match sense {
            Sense::Observed => format!("an observed response rate lower by at most {delta}"),
            Sense::Posterior => {
                format!(
                    "a response rate lower by less than {delta} with probability of at least {probability}"
                )
            }
        };
        let reference_says = format!(
            "{} responders and {} tolerability events among {}",
            reference.efficacy(),
            reference.toxicity(),
            reference.patients()
        );
        let name = &arms[highest];
        let says = match found {
            Some(place) => {
                let arm = seen[place];
                format!(
                    "{} has {} responders and {} tolerability events among {}, {name} {reference_says}: it is the lowest activity with {in_sense} and better tolerability",
                    arms[place],
                    arm.efficacy(),
                    arm.toxicity(),
                    arm.patients()
                )
            }
            None => format!(
                "no lower activity has {in_sense} than {name} ({reference_says}) and better tolerability"
            ),
        };
        let because = Because::new("randomised/non-inferior", says)
            .input("delta", delta)
            .input("tolerability-gain", tolerability_gain);
        (found.unwrap_or(highest), because)
    }

    fn not_worse(&self, responders: u32, n: u32, reference: u32, of: u32) -> bool {
        let Settings { delta, sense, probability, .. } = self.settings;
        match sense {
            Sense::Observed => rate(reference, of) - rate(responders, n) <= delta + TIE,
            Sense::Posterior => probability_not_worse(responders, n, reference, of, delta) >= probability,
        }
    }

    fn better_tolerated(&self, events: u32, n: u32, reference: u32, of: u32) -> bool {
        rate(reference, of) - rate(events, n) > self.settings.tolerability_gain + TIE
    }

    fn characteristics_with(&self, truths: &[Truth], patients: u32) -> Result<Characteristics, Problem> {
        let arms = self.settings.arms.len();
        if truths.len() != arms {
            let mend = "give what is true of each arm, the lowest activity first";
            return Err(Problem::new("truth", truths.len(), format!("{arms} arms"), mend));
        }
        let cells = truths.iter().map(|truth| truth.cells()).collect::<Result<Vec<_>, _>>()?;
        let choose = match self.settings.choosing {
            Choosing::Utility => self.choose_by_utility(&cells, patients),
            Choosing::NonInferior => self.choose_by_non_inferiority(&cells, patients),
        };
        let Settings { utility_none, utility_both, delta, utility_delta, .. } = self.settings;
        let worth = |cell: &[f64; 4]| utility_none * cell[0] + 100.0 * cell[1] + utility_both * cell[3];
        let utilities: Vec<f64> = cells.iter().map(worth).collect();
        let highest = utilities.iter().copied().fold(0.0, f64::max);
        let response = truths.iter().map(|truth| truth.efficacy).fold(0.0, f64::max);
        let sum = |wrong: &dyn Fn(usize) -> bool| {
            (0..arms).filter(|arm| wrong(*arm)).fold(0.0, |sum, arm| sum + choose[arm])
        };
        let loss = |arm: usize| highest - utilities[arm];
        Ok(Characteristics {
            patients,
            p_best: sum(&|arm| loss(arm) <= TIE),
            p_wrong_utility: sum(&|arm| loss(arm) > utility_delta + TIE),
            p_wrong_response: sum(&|arm| response - truths[arm].efficacy > delta + TIE),
            utility_loss: (0..arms).map(|arm| choose[arm] * loss(arm)).sum(),
            choose,
            utilities,
            says: NOT_POWERED.to_owned(),
        })
    }

    /// Arm i is chosen when its mean utility is above those of all lower arms and not below those of any higher.
    fn choose_by_utility(&self, cells: &[[f64; 4]], patients: u32) -> Vec<f64> {
        let laws: Vec<Vec<(f64, f64)>> = cells
            .iter()
            .enumerate()
            .map(|(arm, cell)| {
                let known = self.pooled(arm);
                let n = f64::from(patients.saturating_add(known.patients()));
                let mut law: Vec<(f64, f64)> = multinomial(patients, *cell)
                    .map(|(outcomes, probability)| {
                        (self.total_utility(outcomes.plus(known)) / n, probability)
                    })
                    .collect();
                law.sort_by(|a, b| a.0.total_cmp(&b.0));
                law.dedup_by(|next, kept| {
                    let same = next.0 - kept.0 <= TIE;
                    if same {
                        kept.1 += next.1;
                    }
                    same
                });
                law
            })
            .collect();
        // The probability that an arm's utility lies below a value, or below or at it, for rising values.
        let up_to = |law: &[(f64, f64)], values: &[(f64, f64)], at: bool| -> Vec<f64> {
            let (mut place, mut sum) = (0, 0.0);
            values
                .iter()
                .map(|(value, _)| {
                    let bound = if at { value + TIE } else { value - TIE };
                    while let Some((_, probability)) = law.get(place).filter(|entry| entry.0 <= bound) {
                        sum += probability;
                        place += 1;
                    }
                    sum
                })
                .collect()
        };
        (0..cells.len())
            .map(|arm| {
                let mut mass: Vec<f64> = laws[arm].iter().map(|entry| entry.1).collect();
                for other in (0..cells.len()).filter(|other| *other != arm) {
                    let below = up_to(&laws[other], &laws[arm], other > arm);
                    mass.iter_mut().zip(below).for_each(|(mass, below)| *mass *= below);
                }
                mass.iter().sum()
            })
            .collect()
    }

    /// Given the counts of the highest activity, the lower arms qualify independently of each other.
    fn choose_by_non_inferiority(&self, cells: &[[f64; 4]], patients: u32) -> Vec<f64> {
        let highest = cells.len() - 1;
        let known = self.pooled(highest);
        let of = patients.saturating_add(known.patients());
        let size = patients as usize + 1;
        let reference = response_and_toxicity(patients, cells[highest]);
        // For each lower arm: the probability of at least r responders and at most t - 1 events; the fewest responders
        // that are not worse for each count of the reference; the number of event counts that are better.
        let lower: Vec<(Vec<f64>, Vec<usize>, Vec<usize>)> = (0..highest)
            .map(|arm| {
                let mut tail = vec![0.0; (size + 1) * (size + 1)];
                let joint = response_and_toxicity(patients, cells[arm]);
                for r in (0..size).rev() {
                    let mut row = 0.0;
                    for t in 0..size {
                        row += joint[r * size + t];
                        tail[r * (size + 1) + t + 1] = tail[(r + 1) * (size + 1) + t + 1] + row;
                    }
                }
                let mine = self.pooled(arm);
                let n = patients.saturating_add(mine.patients());
                let needed = (0..size as u32)
                    .map(|r| {
                        (0..size as u32)
                            .position(|own| {
                                self.not_worse(own + mine.efficacy(), n, r + known.efficacy(), of)
                            })
                            .unwrap_or(size)
                    })
                    .collect();
                let allowed = (0..size as u32)
                    .map(|t| {
                        (0..size as u32)
                            .take_while(|own| {
                                self.better_tolerated(own + mine.toxicity(), n, t + known.toxicity(), of)
                            })
                            .count()
                    })
                    .collect();
                (tail, needed, allowed)
            })
            .collect();
        let mut choose = vec![0.0; cells.len()];
        for r in 0..size {
            for t in 0..size {
                let mut left = reference[r * size + t];
                for (arm, (tail, needed, allowed)) in lower.iter().enumerate() {
                    let qualifies = tail[needed[r] * (size + 1) + allowed[t]];
                    choose[arm] += left * qualifies;
                    left *= 1.0 - qualifies;
                }
                choose[highest] += left;
            }
        }
        choose
    }
}

fn rate(count: u32, n: u32) -> f64 {
    f64::from(count) / f64::from(n)
}

/// Pr(p > p' - `delta`) when p has `responders` of `n` and p' has `reference` of `of`, each with a Beta(1, 1) prior.
///
/// The integrand is a polynomial of degree n + of + 1 above `delta` and needs no quadrature below it, so that a
/// Gauss-Legendre rule with enough points is exact up to rounding, some 1e-14.
///
/// ```
/// use posology_design::randomised::probability_not_worse;
/// assert!((probability_not_worse(5, 10, 5, 10, 0.0) - 0.5).abs() < 1e-13);
/// // Without patients: p > p' - 1/2 holds on 7/8 of the unit square.
/// assert!((probability_not_worse(0, 0, 0, 0, 0.5) - 0.875).abs() < 1e-13);
/// ```
pub fn probability_not_worse(responders: u32, n: u32, reference: u32, of: u32, delta: f64) -> f64 {
    let counts_fit = responders <= n && reference <= of && n.max(of) <= 10_000;
    if !(counts_fit && (0.0..=1.0).contains(&delta)) {
        return f64::NAN;
    }
    let (a, b) = (f64::from(reference) + 1.0, f64::from(of - reference) + 1.0);
    let (c, d) = (f64::from(responders) + 1.0, f64::from(n - responders) + 1.0);
    let ln_scale = lgamma(a + b) - lgamma(a) - lgamma(b);
    let density = |x: f64| exp(ln_scale + (a - 1.0) * log(x) + (b - 1.0) * libm::log1p(-x));
    let half = 0.5 * (1.0 - delta);
    let points = (n as usize + of as usize + 3) / 2 + 1;
    let worse: f64 = gauss_legendre(points)
        .into_iter()
        .map(|(node, weight)| {
            let beyond = half * (1.0 + node);
            weight * half * density(delta + beyond) * incomplete_beta(c, d, beyond)
        })
        .sum();
    1.0 - worse
}

/// Every way in which `n` patients can fall into the four outcomes, with its probability.
fn multinomial(n: u32, cells: [f64; 4]) -> impl Iterator<Item = (Outcomes, f64)> {
    let factorials: Vec<f64> = (0..=n).map(|k| lgamma(f64::from(k) + 1.0)).collect();
    let logs = cells.map(log);
    let mut found = Vec::new();
    for both in 0..=n {
        for toxicity_only in 0..=n - both {
            for efficacy_only in 0..=n - both - toxicity_only {
                let none = n - both - toxicity_only - efficacy_only;
                let counts = [none, efficacy_only, toxicity_only, both];
                if counts.iter().zip(cells).any(|(count, cell)| *count > 0 && cell == 0.0) {
                    continue;
                }
                let ln: f64 = counts
                    .iter()
                    .zip(logs)
                    .filter(|(count, _)| **count > 0)
                    .map(|(count, ln)| f64::from(*count) * ln - factorials[*count as usize])
                    .sum();
                let outcomes = Outcomes { none, efficacy_only, toxicity_only, both };
                found.push((outcomes, exp(factorials[n as usize] + ln)));
            }
        }
    }
    found.into_iter()
}

/// The joint law of responders (rows) and tolerability events (columns) among `n`.
fn response_and_toxicity(n: u32, cells: [f64; 4]) -> Vec<f64> {
    let size = n as usize + 1;
    let mut joint = vec![0.0; size * size];
    for (outcomes, probability) in multinomial(n, cells) {
        joint[outcomes.efficacy() as usize * size + outcomes.toxicity() as usize] += probability;
    }
    joint
}
