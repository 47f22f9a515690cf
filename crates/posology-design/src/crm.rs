//! The continual reassessment method: the level whose modelled DLT rate is nearest to the target, refitted after each cohort.
//!
//! A curve with one or two parameters links the levels. `empiric`: p = skeleton^exp(a). `logistic`: p =
//! logistic(intercept + exp(a) x), each level's x such that a = 0 gives the skeleton. In both a is normal with mean
//! 0 and standard deviation `scale`. `logistic-2`: p = logistic(c + exp(b) x), c normal with mean `intercept` and
//! standard deviation `intercept-sd`, b normal with mean 0 and standard deviation `scale`, each level's x such that
//! the prior means give the skeleton. The normal prior of a (or b) is cut to -10 … 10, as dfcrm integrates it; with
//! the default `scale` that takes away 6e-18 of it.
//!
//! What the rule compares is the curve at the posterior means of the parameters. All levels at most the target: the
//! top level; all at least: level 1; else the nearest, the first on ties. Then, in this order: a trial stops when
//! level 1 is too toxic; no escalation goes more than one level above the current level, nor more than one above the
//! highest level tried (`allow-skipping` lifts both); no escalation right after a cohort with a DLT and no de-escalation right
//! after one without (`coherent = false` lifts both). The last cohort is known when the order of entry is; otherwise a
//! level where some have had a DLT and some have not counts as if the last cohort had one.
//!
//! Sources: O'Quigley J, Pepe M, Fisher L. Biometrics 1990;46:33-48, doi:10.2307/2531628. Cheung YK. Dose Finding by the Continual
//! Reassessment Method. CRC Press 2011. Posterior numbers agree with R's dfcrm 0.2-2.1 to the accuracy of its
//! integrals. On purpose different: dfcrm's simulations forbid an escalation when the last cohort's DLT rate is at
//! least the target and never forbid a de-escalation; for cohorts of up to 3 and targets up to 1/3 the first is the same. dfcrm never
//! stops for toxicity. Its interval is of a normal approximation; here it is the posterior's own.
//!
//! Left out: maximum likelihood, whose estimate does not exist before the first DLT and the first non-DLT.

mod calibration;
mod posterior;
mod steering;

use serde::{Deserialize, Serialize};

pub use calibration::{Indifference, indifference_intervals, skeleton};
pub use steering::StopToxic;

pub(crate) use posterior::{Curve, Fit, Normal, Observed, Posterior, Surface, logit, root};
pub(crate) use steering::{Steering, recommended, recommended_treated, selected_words};

use crate::because::Because;
use crate::data::{BadData, Cohort, Counts};
use crate::decision::{Action, Estimate, Move, Numbers, Parameter};
use crate::design::{Believed, Rule};
use crate::ladder::{Doses, LEVELS_MAX, Level};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "O'Quigley J, Pepe M, Fisher L. Biometrics 1990;46:33-48, doi:10.2307/2531628";
/// The standard deviation of a that dfcrm uses: sqrt(1.34).
pub(crate) const SCALE: f64 = 1.157_583_690_279_022_5;
/// The prior of a (or b) is cut to this on either side, as dfcrm integrates it: exp(10) times as steep is no curve.
const SLOPE_MAX: f64 = 10.0;
/// Patients for whom nodes are spaced where `max-patients` is not given.
pub(crate) const PATIENTS_EXPECTED: u32 = 60;

pub(crate) const ABOUT: About =
    About { title: "Continual reassessment method (CRM)", reference: SOURCE, exact: true };

/// The curve that links the levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// skeleton^exp(a).
    #[default]
    Empiric,
    /// logistic(intercept + exp(a) x).
    Logistic,
    /// logistic(c + exp(b) x), the intercept c unknown too.
    #[serde(rename = "logistic-2")]
    Logistic2,
}

impl Model {
    fn default_intercept(self) -> f64 {
        if self == Self::Logistic2 { 0.0 } else { 3.0 }
    }
}

settings! {
    "The settings of a CRM design as a file gives them.";
    /// The curve: `empiric`, `logistic` or `logistic-2`.
    model: Model = Model::Empiric => "empiric";
    /// The DLT rate of each level expected before the trial, rising from the lowest level up. Else `half-width` and `prior-mtd`.
    skeleton: Option<Vec<f64>> = None => "by `half-width` and `prior-mtd`";
    /// The half-width of the skeleton's indifference intervals, such as 0.05.
    half_width: Option<f64> = None => "none";
    /// The level expected to be the MTD before the trial.
    prior_mtd: Option<u32> = None => "none";
    /// The prior standard deviation of a (of b with `logistic-2`).
    scale: f64 = SCALE => "sqrt(1.34)";
    /// The intercept of the logistic models; with `logistic-2` its prior mean.
    intercept: Option<f64> = None => "3; with logistic-2 0";
    /// The prior standard deviation of the intercept with `logistic-2`.
    intercept_sd: f64 = 2.0;
    /// Whether untried levels may be skipped.
    allow_skipping: bool = false;
    /// Whether an escalation right after a cohort with a DLT and a de-escalation right after one without are forbidden.
    coherent: bool = true;
    /// The trial stops when the posterior probability that level 1's DLT rate exceeds the target is above this, with at
    /// least 3 evaluable patients there; `false` never stops so.
    stop_toxic: StopToxic = StopToxic::Above(0.90) => "0.90";
    /// The level of each patient, in order of entry, until the first DLT; then the model takes over.
    initial_design: Vec<u32> = Vec::new() => "none";
    /// The trial ends when the current level has so many patients and the design would stay there.
    early_stop_n: Option<u32> = None => "none";
}

/// What says how the levels are linked: in `crm` and in `tite-crm` alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelSettings<'a> {
    pub(crate) model: Model,
    pub(crate) skeleton: Option<&'a [f64]>,
    pub(crate) half_width: Option<f64>,
    pub(crate) prior_mtd: Option<u32>,
    pub(crate) scale: f64,
    pub(crate) intercept: Option<f64>,
    pub(crate) intercept_sd: f64,
}

impl ModelSettings<'_> {
    /// The number of levels: of the ladder, or else of the skeleton.
    pub(crate) fn levels(&self, shared: &Shared<'_>) -> Option<u32> {
        let of_skeleton = self.skeleton.map(|rates| u32::try_from(rates.len()).unwrap_or(u32::MAX));
        shared.levels.or(of_skeleton)
    }

    pub(crate) fn intercept(&self) -> f64 {
        self.intercept.unwrap_or_else(|| self.model.default_intercept())
    }

    /// What is wrong with the shared settings and those of the model.
    pub(crate) fn check(&self, shared: &Shared<'_>) -> Vec<Problem> {
        let levels = self.levels(shared);
        let shared = Shared { levels, ..*shared };
        let mut problems = shared.check_with_target();
        let mend = "give the prior standard deviation, such as 1.1576 (the square root of 1.34)";
        if !(0.01..=10.0).contains(&self.scale) {
            problems.push(Problem::new("scale", self.scale, "0.01 to 10", mend));
        }
        let mend = "give the intercept, such as 3, or leave it out";
        let intercept = self.intercept();
        problems.extend(Problem::unless_inside("intercept", intercept, -10.0, 10.0, mend));
        if !(0.01..=10.0).contains(&self.intercept_sd) {
            let mend = "give the prior standard deviation of the intercept, such as 2";
            problems.push(Problem::new("intercept-sd", self.intercept_sd, "0.01 to 10", mend));
        }
        let Some(target) = shared.target.filter(|target| *target > 0.0 && *target < 1.0) else {
            return problems;
        };
        let ceiling = self.ceiling();
        if target >= ceiling {
            let expected = format!("a target below logistic(intercept) = {ceiling:.3}");
            problems.push(Problem::new("intercept", intercept, expected, "raise the intercept"));
            return problems;
        }
        match (self.skeleton, self.half_width, self.prior_mtd) {
            (Some(rates), None, None) => {
                problems.extend(self.check_skeleton("skeleton", rates, shared.doses))
            }
            (Some(_), _, _) => {
                let found = "a skeleton and also `half-width` or `prior-mtd`";
                let mend = "give one or the other";
                problems.push(Problem::new("skeleton", found, "one way to say the prior rates", mend));
            }
            (None, Some(half_width), Some(prior_mtd)) => {
                problems.extend(self.check_half_width(half_width, prior_mtd, target, levels));
            }
            (None, None, None) => {
                let mend = "give the expected DLT rate of each level, such as [0.08, 0.16, 0.25, 0.35, 0.46]";
                let expected = "a list of rates, or `half-width` and `prior-mtd`";
                problems.push(Problem::new("skeleton", "nothing", expected, mend));
            }
            (None, half_width, _) => {
                let key = if half_width.is_some() { "prior-mtd" } else { "half-width" };
                let mend = "give both, such as half-width = 0.05 and prior-mtd = 3";
                problems.push(Problem::new(key, "nothing", "`half-width` and `prior-mtd` together", mend));
            }
        }
        problems
    }

    /// No DLT rate under the model reaches this.
    fn ceiling(&self) -> f64 {
        if self.model == Model::Logistic { 1.0 / (1.0 + libm::exp(-self.intercept())) } else { 1.0 }
    }

    pub(crate) fn check_skeleton(&self, key: &str, rates: &[f64], doses: Option<&Doses>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mend = "give one expected DLT rate a level, rising from the lowest level up";
        let mut wrong = |found: String, expected: String| {
            problems.push(Problem::new(key, found, expected, mend));
        };
        if !(1..=LEVELS_MAX as usize).contains(&rates.len()) {
            wrong(format!("{} rates", rates.len()), format!("1 to {LEVELS_MAX}"));
            return problems;
        }
        if let Some(levels) = doses.map(Doses::levels).filter(|levels| *levels as usize != rates.len()) {
            wrong(format!("{} rates", rates.len()), format!("{levels}, one for each level of `doses`"));
        }
        let ceiling = self.ceiling();
        if let Some(rate) = rates.iter().find(|rate| !(**rate > 0.0 && **rate < ceiling)) {
            let expected = if ceiling < 1.0 {
                format!("rates between 0 and logistic(intercept) = {ceiling:.3}, without the ends")
            } else {
                "rates between 0 and 1, without the ends".to_owned()
            };
            wrong(rate.to_string(), expected);
        } else if let Some(pair) = rates.windows(2).find(|pair| pair[1] <= pair[0]) {
            wrong(format!("{} after {}", pair[1], pair[0]), "rates that rise from level to level".to_owned());
        }
        problems
    }

    fn check_half_width(
        &self,
        half_width: f64,
        prior_mtd: u32,
        target: f64,
        levels: Option<u32>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let widest = target.min(self.ceiling() - target);
        let mend = "give the half-width of the indifference interval, such as 0.05";
        problems.extend(Problem::unless_inside("half-width", half_width, 0.0, widest, mend));
        let Some(levels) = levels.filter(|levels| (1..=LEVELS_MAX).contains(levels)) else {
            let mend = "give the number of levels, or a skeleton";
            problems.push(Problem::new("doses", "nothing", "the number of levels", mend));
            return problems;
        };
        let mend = "give the level expected to be the MTD, counted from 1";
        problems.extend(Problem::unless_among("prior-mtd", prior_mtd, 1, levels, mend));
        if problems.is_empty() {
            let rates = skeleton(self.model, half_width, target, prior_mtd, levels, self.intercept());
            let beyond = self.check_skeleton("half-width", &rates, None);
            problems.extend(beyond.into_iter().map(|problem| Problem {
                found: format!("{half_width}, whose skeleton has {}", problem.found),
                mend: "give a half-width for which the skeleton rises strictly within 0 and 1".to_owned(),
                ..problem
            }));
        }
        problems
    }

    /// The skeleton, of settings that were checked.
    pub(crate) fn rates(&self, shared: &Shared<'_>) -> Vec<f64> {
        match (self.skeleton, self.half_width, self.prior_mtd, shared.target, self.levels(shared)) {
            (Some(rates), ..) => rates.to_vec(),
            (None, Some(half_width), Some(prior_mtd), Some(target), Some(levels)) => {
                skeleton(self.model, half_width, target, prior_mtd, levels, self.intercept())
            }
            _ => Vec::new(),
        }
    }

    /// The curve with its prior, for settings that were checked.
    pub(crate) fn build(&self, rates: &[f64], target: f64, patients: u32) -> Fitted {
        let curve = curve_of(self.model, rates, self.intercept());
        let slope = Normal { mean: 0.0, sd: self.scale, cut: Some(SLOPE_MAX) };
        let (first, second) = match self.model {
            Model::Logistic2 => {
                let intercept = Normal { mean: self.intercept(), sd: self.intercept_sd, cut: None };
                (intercept, Some(slope))
            }
            Model::Empiric | Model::Logistic => (slope, None),
        };
        let cuts = if second.is_none() { calibration::cuts(&curve, target) } else { Vec::new() };
        Fitted { posterior: Posterior::new(curve, first, second, target, patients), cuts, target }
    }
}

/// The curve through a skeleton.
pub(crate) fn curve_of(model: Model, skeleton: &[f64], intercept: f64) -> Curve {
    let x = || skeleton.iter().map(|rate| logit(*rate) - intercept).collect();
    match model {
        Model::Empiric => {
            Curve::Empiric { ln_skeleton: skeleton.iter().map(|rate| libm::log(*rate)).collect() }
        }
        Model::Logistic => Curve::Logistic { intercept, x: x() },
        Model::Logistic2 => Curve::Logistic2 { x: x() },
    }
}

/// A model ready to be fitted, and what it recommends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fitted {
    posterior: Posterior,
    /// For one-parameter models, where the recommendation moves one level up as the parameter rises.
    cuts: Vec<f64>,
    target: f64,
}

impl Fitted {
    pub(crate) fn fit(&self, observed: Observed<'_>) -> Result<Fit, BadData> {
        self.posterior.fit(observed)
    }

    /// The model's curve, prior and nodes.
    pub(crate) fn posterior(&self) -> &Posterior {
        &self.posterior
    }

    /// The curve at the posterior means.
    pub(crate) fn estimates(&self, fit: Fit) -> Vec<f64> {
        let curve = &self.posterior.curve;
        (0..curve.levels()).map(|level| curve.at(level, fit.first, fit.second)).collect()
    }

    /// The level the model recommends.
    pub(crate) fn recommended(&self, fit: Fit) -> Level {
        if self.cuts.is_empty() {
            return Level::at_index(recommended(&self.estimates(fit), self.target).unwrap_or(0));
        }
        Level::at_index(self.cuts.partition_point(|cut| *cut < fit.first))
    }

    /// All numbers of all levels.
    pub(crate) fn numbers(
        &self,
        seen: &Counts,
        observed: Observed<'_>,
        closed: bool,
    ) -> Result<Numbers, BadData> {
        let surface = self.posterior.surface(observed)?;
        let curve = &self.posterior.curve;
        let parameters = surface.parameters();
        let at = |place: usize| parameters.get(place).map_or(0.0, |(mean, _)| *mean);
        let levels = seen.levels.iter().zip(surface.intervals(curve)).enumerate();
        let levels = levels.map(|(level, (count, (lower, upper)))| Estimate {
            evaluable: count.evaluable,
            dlt: count.dlt,
            estimate: Some(curve.at(level, at(0), at(1))),
            mean: Some(surface.mean(curve, level)),
            lower: Some(lower),
            upper: Some(upper),
            over: Some(surface.over(curve, level, self.target)),
            eliminated: closed,
            ..Estimate::default()
        });
        let names: &[&str] = if parameters.len() == 2 { &["intercept", "b"] } else { &["a"] };
        let parameter = |(name, (mean, sd)): (&&str, &(f64, f64))| Parameter {
            name: (*name).to_owned(),
            mean: *mean,
            sd: *sd,
        };
        Ok(Numbers {
            levels: levels.collect(),
            parameters: names.iter().zip(&parameters).map(parameter).collect(),
        })
    }
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.of_model().check(&self.shared());
        problems.extend(self.steering(0.0).check(self.of_model().levels(&self.shared()), self.start));
        problems
    }

    fn of_model(&self) -> ModelSettings<'_> {
        ModelSettings {
            model: self.model,
            skeleton: self.skeleton.as_deref(),
            half_width: self.half_width,
            prior_mtd: self.prior_mtd,
            scale: self.scale,
            intercept: self.intercept,
            intercept_sd: self.intercept_sd,
        }
    }

    fn steering(&self, target: f64) -> Steering<'_> {
        Steering {
            target,
            cohort_size: self.cohort_size,
            allow_skipping: self.allow_skipping,
            coherent: self.coherent,
            stop_toxic: self.stop_toxic,
            early_stop_n: self.early_stop_n,
            initial_design: &self.initial_design,
            keeps_level: true,
        }
    }
}

/// A CRM design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Crm {
    settings: Settings,
    target: f64,
    skeleton: Vec<f64>,
    model: Box<Fitted>,
}

impl TryFrom<Settings> for Crm {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let skeleton = settings.of_model().rates(&settings.shared());
        let patients = settings.max_patients.unwrap_or(PATIENTS_EXPECTED);
        let model = settings.of_model().build(&skeleton, target, patients);
        Ok(Self { settings, target, skeleton, model: Box::new(model) })
    }
}

impl From<Crm> for Settings {
    fn from(rule: Crm) -> Self {
        rule.settings
    }
}

impl Crm {
    /// The DLT rate of each level expected before the trial.
    pub fn skeleton(&self) -> &[f64] {
        &self.skeleton
    }

    fn steering(&self) -> Steering<'_> {
        self.settings.steering(self.target)
    }

    fn fit(&self, seen: &Counts) -> Result<Fit, BadData> {
        self.model.fit(observed(seen))
    }
}

fn observed(seen: &Counts) -> Observed<'_> {
    Observed { counts: &seen.levels, partial: &[] }
}

impl Rule for Crm {
    fn shared(&self) -> Shared<'_> {
        Shared { levels: Some(self.skeleton.len() as u32), ..self.settings.shared() }
    }

    fn begin(&self) -> Move {
        self.steering().begin(self.settings.start)
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let steering = self.steering();
        let fit = self.fit(seen)?;
        if steering.stops(seen, fit.over) {
            return Ok(Move::end(None));
        }
        let step = steering.step(seen, self.model.recommended(fit), false);
        if steering.ends(seen, step) {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(seen.current, step.to, step.enrol))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let steering = self.steering();
        let fit = self.fit(seen)?;
        if steering.stops(seen, fit.over) {
            return Ok(vec![steering.stop_words("crm", seen, fit.over)]);
        }
        let step = steering.step(seen, self.model.recommended(fit), false);
        let mut because = steering.step_words("crm", SOURCE, seen, step, &self.model.estimates(fit));
        if decided.action == Action::Complete || decided.action == Action::Stop {
            because.extend(self.because_selected(seen, decided.level)?);
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let fit = self.fit(seen)?;
        if self.steering().stops(seen, fit.over) {
            return Ok(None);
        }
        Ok(recommended_treated(seen, &self.model.estimates(fit), self.target))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let fit = self.fit(seen)?;
        let stops = self.steering().stops(seen, fit.over);
        let mut because: Vec<Because> =
            stops.then(|| self.steering().stop_words("crm", seen, fit.over)).into_iter().collect();
        because.push(selected_words("crm", SOURCE, self.target, &self.model.estimates(fit), selected));
        Ok(because)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let closed = self.steering().stops(seen, self.fit(seen)?.over);
        self.model.numbers(seen, observed(seen), closed)
    }

    fn believed(&self, seen: &Counts) -> Result<Option<Vec<Believed>>, BadData> {
        let surface = self.model.posterior.surface(observed(seen))?;
        Ok(Some(surface.curves(&self.model.posterior.curve)))
    }

    fn remembers(&self, last: Cohort) -> Option<Cohort> {
        // Only whether there was a patient, and a DLT, is read.
        let some = Cohort { patients: last.patients.min(1), dlts: last.dlts.min(1) };
        self.settings.coherent.then_some(some)
    }
}
