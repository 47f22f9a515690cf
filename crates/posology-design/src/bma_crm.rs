//! The continual reassessment method averaged over several skeletons, so that no single guess of the DLT rates decides.
//!
//! Each skeleton makes a CRM of its own ([`crate::crm`]: same curve, same prior of its parameters). After each cohort a
//! model's weight is its prior weight times the probability of the data under it, scaled to add up to 1, and a level's
//! DLT rate is the weighted average of the models' estimates: of the posterior means of the rate (`estimate = "mean"`,
//! the paper's), or of the curves at the posterior means of the parameters (`"curve"`, as the CRM here compares; with
//! one skeleton the design is then that CRM). The probability that level 1 is above the target is averaged alike. What
//! follows is the CRM's: the nearest level, no skipping, coherence, stopping.
//!
//! Source: Yin G, Yuan Y. J Am Stat Assoc 2009;104:954-968, doi:10.1198/jasa.2009.ap08425. What is done with the
//! recommendation is the same as for the CRM here, so that the two can be compared; the paper's own steps and its rule
//! for stopping were not followed.

use libm::{exp, sqrt};
use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::crm::{
    Fit, Fitted, Model, ModelSettings, Observed, PATIENTS_EXPECTED, SCALE, Steering, StopToxic, Surface,
    recommended, recommended_treated, root, selected_words,
};
use crate::data::{BadData, Cohort, Counts};
use crate::decision::{Action, Estimate, Move, Numbers, Parameter};
use crate::design::{Believed, Rule};
use crate::ladder::Level;
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Yin G, Yuan Y. J Am Stat Assoc 2009;104:954-968, doi:10.1198/jasa.2009.ap08425";
/// The greatest number of skeletons.
pub const SKELETONS_MAX: usize = 20;

pub(crate) const ABOUT: About = About {
    title: "CRM averaged over several skeletons (Bayesian model averaging, BMA-CRM)",
    reference: SOURCE,
    exact: true,
};

/// Which estimate of a DLT rate is averaged over the models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Averaged {
    /// The posterior mean of the rate.
    #[default]
    Mean,
    /// The curve at the posterior means of its parameters.
    Curve,
}

settings! {
    "The settings of a BMA-CRM design as a file gives them.";
    /// The skeletons: for each model the DLT rate of each level expected before the trial, rising from the lowest level up.
    skeletons: Vec<Vec<f64>> = Vec::new() => "none";
    /// The prior weight of each skeleton.
    skeleton_prior: Vec<f64> = Vec::new() => "all equal";
    /// The curve: `empiric`, `logistic` or `logistic-2`.
    model: Model = Model::Empiric => "empiric";
    /// What is averaged: the posterior `mean` of each rate, or the `curve` at the posterior means of its parameters.
    estimate: Averaged = Averaged::Mean => "mean";
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
    /// The level of each patient, in order of entry, until the first DLT; then the models take over.
    initial_design: Vec<u32> = Vec::new() => "none";
    /// The trial ends when the current level has so many patients and the design would stay there.
    early_stop_n: Option<u32> = None => "none";
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let shared = self.rule_shared();
        let count = self.skeletons.len();
        let mend = "give a list of skeletons, such as [[0.05, 0.15, 0.30], [0.10, 0.25, 0.45]]";
        let mut problems = Vec::new();
        let Some(first) = self.skeletons.first().filter(|_| count <= SKELETONS_MAX) else {
            let expected = format!("1 to {SKELETONS_MAX} skeletons");
            problems.push(Problem::new("skeletons", format!("{count} skeletons"), expected, mend));
            problems.extend(shared.check_with_target());
            return problems;
        };
        problems.extend(self.of_model(first).check(&shared).into_iter().map(|problem| Problem {
            key: if problem.key == "skeleton" { "skeletons".to_owned() } else { problem.key.clone() },
            ..problem
        }));
        for (place, skeleton) in self.skeletons.iter().enumerate().skip(1) {
            if skeleton.len() != first.len() {
                let found = format!("{} rates in skeleton {}", skeleton.len(), place + 1);
                let expected = format!("{}, as in the first", first.len());
                problems.push(Problem::new("skeletons", found, expected, mend));
                continue;
            }
            let of_this = self.of_model(skeleton).check_skeleton("skeletons", skeleton, None);
            problems.extend(of_this.into_iter().map(|problem| Problem {
                found: format!("{} in skeleton {}", problem.found, place + 1),
                ..problem
            }));
        }
        let prior = &self.skeleton_prior;
        let usable = prior.iter().all(|weight| (1e-9..=1e9).contains(weight));
        if !prior.is_empty() && (prior.len() != count || !usable) {
            let found = format!("{} weights: {prior:?}", prior.len());
            let expected = format!("{count} positive weights, one for each skeleton");
            let mend = "give one weight a skeleton, or leave it out for equal weights";
            problems.push(Problem::new("skeleton-prior", found, expected, mend));
        }
        problems.extend(self.steering(0.0).check(shared.levels, self.start));
        problems
    }

    fn rule_shared(&self) -> Shared<'_> {
        let shared = self.shared();
        let of_skeletons = self.skeletons.first().map(|rates| u32::try_from(rates.len()).unwrap_or(u32::MAX));
        Shared { levels: shared.levels.or(of_skeletons), ..shared }
    }

    fn of_model<'a>(&self, skeleton: &'a [f64]) -> ModelSettings<'a> {
        ModelSettings {
            model: self.model,
            skeleton: Some(skeleton),
            half_width: None,
            prior_mtd: None,
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

/// A BMA-CRM design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct BmaCrm {
    settings: Settings,
    target: f64,
    models: Vec<Fitted>,
    /// Prior weights; they add up to 1.
    prior: Vec<f64>,
}

impl TryFrom<Settings> for BmaCrm {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), true) = (settings.target, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let patients = settings.max_patients.unwrap_or(PATIENTS_EXPECTED);
        let models: Vec<Fitted> = settings
            .skeletons
            .iter()
            .map(|skeleton| settings.of_model(skeleton).build(skeleton, target, patients))
            .collect();
        let equal = vec![1.0; models.len()];
        let weights = if settings.skeleton_prior.is_empty() { &equal } else { &settings.skeleton_prior };
        let total: f64 = weights.iter().sum();
        let prior = weights.iter().map(|weight| weight / total).collect();
        Ok(Self { settings, target, models, prior })
    }
}

impl From<BmaCrm> for Settings {
    fn from(rule: BmaCrm) -> Self {
        rule.settings
    }
}

/// What the models say together.
struct Average {
    /// The posterior probability of each model.
    weights: Vec<f64>,
    /// The averaged DLT rate of each level.
    estimates: Vec<f64>,
    /// Pr(DLT rate of level 1 > target).
    over: f64,
}

impl BmaCrm {
    fn levels(&self) -> usize {
        self.settings.skeletons.first().map_or(0, Vec::len)
    }

    fn steering(&self) -> Steering<'_> {
        self.settings.steering(self.target)
    }

    fn average(&self, seen: &Counts) -> Result<Average, BadData> {
        let mut fits: Vec<(Fit, Vec<f64>)> = Vec::with_capacity(self.models.len());
        for model in &self.models {
            fits.push(match self.settings.estimate {
                Averaged::Mean => model.posterior().fit_with_means(observed(seen))?,
                Averaged::Curve => {
                    let fit = model.fit(observed(seen))?;
                    (fit, model.estimates(fit))
                }
            });
        }
        let evidence: Vec<f64> = fits.iter().map(|(fit, _)| fit.ln_evidence).collect();
        let weights = self.weights(&evidence);
        let mut estimates = vec![0.0; self.levels()];
        let mut over = 0.0;
        for (weight, (fit, of_model)) in weights.iter().zip(&fits) {
            over += weight * fit.over;
            for (estimate, rate) in estimates.iter_mut().zip(of_model) {
                *estimate += weight * rate;
            }
        }
        Ok(Average { weights, estimates, over })
    }

    /// Posterior weights from the ln evidence of the models.
    fn weights(&self, evidence: &[f64]) -> Vec<f64> {
        let most = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> =
            evidence.iter().zip(&self.prior).map(|(ln, prior)| prior * exp(ln - most)).collect();
        let total: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= total;
        }
        weights
    }

    fn recommended(&self, average: &Average) -> Level {
        Level::at_index(recommended(&average.estimates, self.target).unwrap_or(0))
    }

    fn weights_because(&self, average: &Average) -> Because {
        let shares: Vec<String> = average.weights.iter().map(|weight| format!("{weight:.3}")).collect();
        let says = format!("the {} skeletons weigh {} after the data", shares.len(), shares.join(", "));
        let mut because = Because::new("bma-crm/weights", says).source(SOURCE);
        for (place, weight) in average.weights.iter().enumerate() {
            because = because.input(format!("skeleton {}", place + 1), weight);
        }
        because
    }
}

fn observed(seen: &Counts) -> Observed<'_> {
    Observed { counts: &seen.levels, partial: &[] }
}

impl Rule for BmaCrm {
    fn shared(&self) -> Shared<'_> {
        Shared { levels: Some(self.levels() as u32), ..self.settings.shared() }
    }

    fn begin(&self) -> Move {
        self.steering().begin(self.settings.start)
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let steering = self.steering();
        let average = self.average(seen)?;
        if steering.stops(seen, average.over) {
            return Ok(Move::end(None));
        }
        let step = steering.step(seen, self.recommended(&average), false);
        if steering.ends(seen, step) {
            return Ok(Move::end(self.select(seen)?));
        }
        Ok(Move::to(seen.current, step.to, step.enrol))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let steering = self.steering();
        let average = self.average(seen)?;
        let weights = self.weights_because(&average);
        if steering.stops(seen, average.over) {
            return Ok(vec![steering.stop_words("bma-crm", seen, average.over), weights]);
        }
        let step = steering.step(seen, self.recommended(&average), false);
        let mut because = steering.step_words("bma-crm", SOURCE, seen, step, &average.estimates);
        because.push(weights);
        if matches!(decided.action, Action::Complete | Action::Stop) {
            because.extend(self.because_selected(seen, decided.level)?);
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let average = self.average(seen)?;
        if self.steering().stops(seen, average.over) {
            return Ok(None);
        }
        Ok(recommended_treated(seen, &average.estimates, self.target))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let average = self.average(seen)?;
        let stops = self.steering().stops(seen, average.over);
        let mut because: Vec<Because> =
            stops.then(|| self.steering().stop_words("bma-crm", seen, average.over)).into_iter().collect();
        because.push(selected_words("bma-crm", SOURCE, self.target, &average.estimates, selected));
        Ok(because)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let average = self.average(seen)?;
        let closed = self.steering().stops(seen, average.over);
        let surfaces: Vec<Surface> = self
            .models
            .iter()
            .map(|model| model.posterior().surface(observed(seen)))
            .collect::<Result<_, _>>()?;
        let mixed = |of: &dyn Fn(&Surface, &Fitted) -> f64| -> f64 {
            let models = surfaces.iter().zip(&self.models).zip(&average.weights);
            models.map(|((surface, model), weight)| weight * of(surface, model)).sum()
        };
        let above = |level: usize, rate: f64| {
            mixed(&|surface, model| surface.over(&model.posterior().curve, level, rate))
        };
        let quantile = |level: usize, tail: f64| {
            let rate = |logit: f64| 1.0 / (1.0 + exp(-logit));
            rate(root(-60.0, 60.0, |logit| 1.0 - above(level, rate(logit)) - tail))
        };
        let levels = seen.levels.iter().enumerate().map(|(level, count)| Estimate {
            evaluable: count.evaluable,
            dlt: count.dlt,
            estimate: average.estimates.get(level).copied(),
            mean: Some(mixed(&|surface, model| surface.mean(&model.posterior().curve, level))),
            lower: Some(quantile(level, 0.025)),
            upper: Some(quantile(level, 0.975)),
            over: Some(above(level, self.target)),
            eliminated: closed,
            ..Estimate::default()
        });
        let weights = average.weights.iter().enumerate().map(|(place, weight)| Parameter {
            name: format!("skeleton {}", place + 1),
            mean: *weight,
            sd: sqrt(weight * (1.0 - weight)),
        });
        Ok(Numbers { levels: levels.collect(), parameters: weights.collect() })
    }

    fn believed(&self, seen: &Counts) -> Result<Option<Vec<Believed>>, BadData> {
        let average = self.average(seen)?;
        let mut believed = Vec::new();
        for (model, weight) in self.models.iter().zip(&average.weights) {
            let surface = model.posterior().surface(observed(seen))?;
            let curves = surface.curves(&model.posterior().curve);
            believed.extend(curves.into_iter().map(|(mass, rates)| (weight * mass, rates)));
        }
        Ok(Some(believed))
    }

    fn remembers(&self, last: Cohort) -> Option<Cohort> {
        // Only whether there was a patient, and a DLT, is read.
        let some = Cohort { patients: last.patients.min(1), dlts: last.dlts.min(1) };
        self.settings.coherent.then_some(some)
    }
}
