//! The Bayesian logistic regression model with overdose control: the level most probably in the target interval
//! among those that are not too probably above it.
//!
//! With level values d and a reference r, logit p(d) = log alpha + beta log(d/r), and (log alpha, log beta) is
//! bivariate normal before the data. Two cuts c1 < c2 part the DLT probability of a level: `under` below c1,
//! `target` from c1 to below c2, `over` from c2 on. A level is eligible when its posterior probability of `over`
//! is less than `overdose-bound`; among eligible levels within reach the next patients go where the probability
//! of `target` is greatest. When no level is eligible the trial stops, which is also the rule for a too toxic first
//! level. Posterior integrals are quadratures, never MCMC, on grids refined until two agree to 1e-9.
//!
//! Source: Neuenschwander B, Branson M, Gsponer T. Stat Med 2008;27:2420-2439, doi:10.1002/sim.3230. Ours: an
//! untried level is never skipped unless `max-step` says so; probabilities that differ by less than 1e-9 count as
//! equal, then the lower level is taken and a level at the overdose bound is not eligible. The R packages crmPack
//! and OncoBayes2 sample the same posterior by MCMC, so that their decisions near a bound vary with the seed.

mod posterior;
mod table;

use std::sync::Arc;

use libm::log;
use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::boin::plural;
use crate::data::{BadData, Cohort, Counts};
use crate::decision::{Action, Estimate, Move, Numbers, Parameter};
use crate::design::{Believed, Rule};
use crate::ladder::{LEVELS_MAX, Level};
use crate::settings::{About, Problem, Problems, Shared, settings};
use posterior::{Integrals, Model, Moments, TOLERANCE, Threshold, Treated};
use table::{Layout, Table};

pub(crate) use posterior::logistic;
pub(crate) use table::exp_near_zero;

const SOURCE: &str =
    "Neuenschwander B, Branson M, Gsponer T. Stat Med 2008;27:2420-2439, doi:10.1002/sim.3230";

pub(crate) const ABOUT: About =
    About { title: "Bayesian logistic regression model (BLRM)", reference: SOURCE, exact: true };

/// Which of the eligible levels within reach is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Choose {
    /// The level with the greatest posterior probability of the target interval; of equals the lower.
    #[default]
    MostInTarget,
    /// The highest eligible level.
    HighestEligible,
}

settings! {
    "The settings of a BLRM design as a file gives them. `target` may be given for reports; the rule does not read it.";
    /// The value of each level, such as its activity, rising; any one unit.
    dose_values: Vec<f64> = Vec::new() => "required";
    /// The value at which log alpha is the logit of the DLT probability, in the unit of `dose-values`.
    reference_dose: Option<f64> = None => "required";
    /// Prior means of log alpha and log beta. The default puts the median DLT probability at the reference at one third.
    prior_mean: Vec<f64> = vec![-std::f64::consts::LN_2, 0.0] => "[-0.693, 0], log alpha = ln(1/2)";
    /// Prior standard deviations of log alpha and log beta.
    prior_sd: Vec<f64> = vec![2.0, 1.0] => "[2, 1]";
    /// Prior correlation of log alpha and log beta.
    prior_correlation: f64 = 0.0;
    /// The cuts c1 < c2: a DLT probability below c1 is too low, from c2 on too high, between them on target.
    intervals: Vec<f64> = vec![0.16, 0.33] => "[0.16, 0.33]";
    /// A level is eligible while the posterior probability that it is too high is less than this.
    overdose_bound: f64 = 0.25;
    /// How many untried levels above the highest tried one may be reached at once.
    max_step: u32 = 1;
    /// Which eligible level is chosen: `most-in-target` or `highest-eligible`.
    choose: Choose = Choose::MostInTarget => "most-in-target";
    /// The trial ends when the chosen level has so many evaluable patients (and `mtd-min-target-probability`).
    mtd_min_patients: Option<u32> = None => "none";
    /// With `mtd-min-patients`: the posterior probability of the target interval that the level must have too.
    mtd_min_target_probability: Option<f64> = None => "none";
}

/// The greatest prior standard deviation, and the greatest prior mean away from 0.
const PRIOR_SD_MAX: f64 = 10.0;
const PRIOR_MEAN_MAX: f64 = 10.0;

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.rule_shared().check();
        self.check_values(&mut problems);
        self.check_prior(&mut problems);
        let cuts = self.intervals.as_slice();
        if !matches!(cuts, [low, high] if *low > 0.0 && low < high && *high < 1.0) {
            let mend = "give the two DLT probabilities between which a level is on target";
            let expected = "two rising probabilities between 0 and 1, such as [0.16, 0.33]";
            problems.push(Problem::new("intervals", listed(cuts), expected, mend));
        }
        let mend = "give the probability of a too high level that is not allowed, such as 0.25";
        problems.extend(Problem::unless_inside("overdose-bound", self.overdose_bound, 0.0, 1.0, mend));
        let mend = "give how many untried levels may be reached at once, such as 1";
        problems.extend(Problem::unless_among("max-step", self.max_step, 1, LEVELS_MAX, mend));
        if self.mtd_min_patients == Some(0) {
            let mend = "give the patients at one level that end the trial, or leave it out";
            problems.push(Problem::new("mtd-min-patients", 0, "at least 1", mend));
        }
        if let Some(least) = self.mtd_min_target_probability {
            let key = "mtd-min-target-probability";
            let mend = "give a probability such as 0.5, or leave it out";
            problems.extend(Problem::unless_inside(key, least, 0.0, 1.0, mend));
            if self.mtd_min_patients.is_none() {
                let mend = "say from how many patients at a level the trial may end";
                problems.push(Problem::new("mtd-min-patients", "nothing", "a number of patients", mend));
            }
        }
        problems
    }

    fn check_values(&self, problems: &mut Vec<Problem>) {
        let values = self.dose_values.as_slice();
        let rising = values.windows(2).all(|pair| pair[0] < pair[1]);
        let usable = |value: &f64| (1e-9..=1e9).contains(value);
        if values.is_empty() || !rising || !values.iter().all(usable) {
            let mend = "give the value of every level, the lowest first";
            let expected = "rising numbers between 1e-9 and 1e9, one a level";
            problems.push(Problem::new("dose-values", listed(values), expected, mend));
        }
        let told = self.doses.as_ref().map(crate::ladder::Doses::levels);
        if let Some(levels) = told.filter(|levels| !values.is_empty() && *levels as usize != values.len()) {
            let expected = format!("{levels} values, as `doses` says");
            let found = format!("{} values", values.len());
            problems.push(Problem::new("dose-values", found, expected, "give one value a level"));
        }
        if !self.reference_dose.as_ref().is_some_and(usable) {
            let found = self.reference_dose.map_or("nothing".to_owned(), |value| value.to_string());
            let mend = "give the value at which log alpha is the logit of the DLT probability";
            let expected = "a number between 1e-9 and 1e9, in the unit of `dose-values`";
            problems.push(Problem::new("reference-dose", found, expected, mend));
        }
    }

    fn check_prior(&self, problems: &mut Vec<Problem>) {
        let mean = self.prior_mean.as_slice();
        if mean.len() != 2 || !mean.iter().all(|mean| mean.abs() <= PRIOR_MEAN_MAX) {
            let expected = format!("two numbers from -{PRIOR_MEAN_MAX} to {PRIOR_MEAN_MAX}");
            let mend = "give the prior means of log alpha and of log beta";
            problems.push(Problem::new("prior-mean", listed(mean), expected, mend));
        }
        let sd = self.prior_sd.as_slice();
        if sd.len() != 2 || !sd.iter().all(|sd| (0.01..=PRIOR_SD_MAX).contains(sd)) {
            let expected = format!("two numbers from 0.01 to {PRIOR_SD_MAX}");
            let mend = "give the prior standard deviations of log alpha and of log beta";
            problems.push(Problem::new("prior-sd", listed(sd), expected, mend));
        }
        if !(-0.99..=0.99).contains(&self.prior_correlation) {
            let mend = "give a correlation with which the prior is positive definite, such as 0";
            problems.push(Problem::new("prior-correlation", self.prior_correlation, "-0.99 to 0.99", mend));
        }
    }

    /// The shared settings; the values count the levels where `doses` does not.
    fn rule_shared(&self) -> Shared<'_> {
        let shared = self.shared();
        let counted = u32::try_from(self.dose_values.len()).ok().filter(|levels| *levels > 0);
        Shared { levels: shared.levels.or(counted), ..shared }
    }
}

fn listed(numbers: &[f64]) -> String {
    let shown: Vec<String> = numbers.iter().take(12).map(f64::to_string).collect();
    let more = if numbers.len() > 12 { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}

/// A BLRM design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Blrm {
    settings: Settings,
    model: Model,
    /// The logits of the two cuts.
    cuts: [f64; 2],
    /// Grids laid out ahead for decisions, the coarsest first.
    tables: Arc<[Table]>,
}

const COARSE: Layout =
    Layout { row_step: 0.25, nodes: 4, panel: 3.0, panel_error: 2e-4, reach: 5.5, cutoff: 18.0, rim: 1e-5 };
const FINE: Layout =
    Layout { row_step: 0.125, nodes: 8, panel: 3.0, panel_error: 1e-7, reach: 7.5, cutoff: 36.0, rim: 1e-7 };
/// The grids laid out ahead serve so many patients where `max-patients` does not say how many there will be.
const PATIENTS: u32 = 60;

impl TryFrom<Settings> for Blrm {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let ([mean_alpha, mean_beta], [sd_alpha, sd_beta], [low, high], Some(reference), true) = (
            settings.prior_mean.as_slice(),
            settings.prior_sd.as_slice(),
            settings.intervals.as_slice(),
            settings.reference_dose,
            problems.is_empty(),
        ) else {
            return Err(Problems(problems));
        };
        let model = Model {
            x: settings.dose_values.iter().map(|value| log(value / reference)).collect(),
            mean: [*mean_alpha, *mean_beta],
            sd: [*sd_alpha, *sd_beta],
            correlation: settings.prior_correlation,
        };
        let cuts = [logit(*low), logit(*high)];
        let patients = settings.max_patients.unwrap_or(PATIENTS);
        let tables = [COARSE, FINE]
            .into_iter()
            .filter_map(|layout| Table::new(&model, cuts, patients, layout))
            .collect();
        Ok(Self { settings, model, cuts, tables })
    }
}

impl From<Blrm> for Settings {
    fn from(rule: Blrm) -> Self {
        rule.settings
    }
}

fn logit(p: f64) -> f64 {
    log(p / (1.0 - p))
}

/// The posterior probabilities of the three intervals at one level.
#[derive(Debug, Clone, Copy)]
struct Chances {
    under: f64,
    target: f64,
    over: f64,
}

/// Treated levels, as the quadrature reads them.
fn treated(seen: &Counts) -> Vec<Treated> {
    let counts = seen.levels.iter().enumerate().filter(|(_, count)| count.evaluable > 0);
    counts
        .map(|(level, count)| Treated {
            level,
            evaluable: f64::from(count.evaluable),
            dlt: f64::from(count.dlt),
        })
        .collect()
}

impl Blrm {
    fn integrals(&self, seen: &Counts, levels: usize, moments: Moments) -> Result<Integrals, BadData> {
        let thresholds: Vec<Threshold> =
            (0..levels).flat_map(|level| self.cuts.map(|logit| Threshold { level, logit })).collect();
        self.model.integrals(&treated(seen), &thresholds, moments)
    }

    fn chances(&self, seen: &Counts, levels: usize) -> Result<Vec<Chances>, BadData> {
        Ok(chances(&self.integrals(seen, levels, Moments::Left)?))
    }

    /// The highest level that the next patients may have, counted from 0.
    fn reach(&self, seen: &Counts) -> usize {
        let tried = seen.levels.iter().rposition(|count| count.evaluable > 0).unwrap_or(0);
        let step = self.settings.max_step as usize;
        (tried.max(seen.current.index()) + step).min(seen.levels.len().saturating_sub(1))
    }

    fn eligible(&self, chances: Chances) -> bool {
        chances.over < self.settings.overdose_bound - TOLERANCE
    }

    /// The chosen one of the first `levels` levels that are candidates, with its chances: from the first grid whose
    /// error is less than every margin, else from integrals to [`TOLERANCE`].
    fn choice(
        &self,
        seen: &Counts,
        levels: usize,
        candidate: impl Fn(usize) -> bool,
    ) -> Result<Option<(usize, Chances)>, BadData> {
        let chosen_of = |chances: &[Chances]| {
            let all = chances.iter().copied().enumerate();
            let chosen = self.chosen(all.filter(|(level, _)| candidate(*level)));
            chosen.and_then(|level| Some((level, *chances.get(level)?)))
        };
        let treated = treated(seen);
        for table in self.tables.iter() {
            let Some((below, error)) = table.below(&treated, seen.patients(), levels) else {
                continue;
            };
            let chances: Vec<Chances> = below
                .chunks(2)
                .map(|below| Chances { under: below[0], target: below[1] - below[0], over: 1.0 - below[1] })
                .collect();
            let chosen = chosen_of(&chances);
            if self.is_certain(&chances, &candidate, chosen, error) {
                return Ok(chosen);
            }
        }
        Ok(chosen_of(&self.chances(seen, levels)?))
    }

    /// Whether chances off by at most `error` give the same choice as exact ones.
    fn is_certain(
        &self,
        chances: &[Chances],
        candidate: impl Fn(usize) -> bool,
        chosen: Option<(usize, Chances)>,
        error: f64,
    ) -> bool {
        let candidates = || chances.iter().enumerate().filter(|(level, _)| candidate(*level));
        let bound = self.settings.overdose_bound;
        let margin = error + TOLERANCE;
        if candidates().any(|(_, chances)| (chances.over - bound).abs() <= margin) {
            return false;
        }
        let Some((chosen, best)) = chosen else {
            return true;
        };
        // The probability of an interval is a difference of two, each off by at most `error`.
        let margin = 4.0 * error + TOLERANCE;
        let rivalled = self.settings.choose == Choose::MostInTarget
            && candidates().any(|(level, chances)| {
                level != chosen && self.eligible(*chances) && best.target - chances.target <= margin
            });
        let least =
            self.settings.mtd_min_target_probability.filter(|_| self.settings.mtd_min_patients.is_some());
        !rivalled && least.is_none_or(|least| (best.target - least).abs() > margin)
    }

    /// The chosen one of these levels, given from the lowest up with their chances.
    fn chosen(&self, levels: impl Iterator<Item = (usize, Chances)>) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (level, chances) in levels.filter(|(_, chances)| self.eligible(*chances)) {
            let better = match self.settings.choose {
                Choose::HighestEligible => true,
                Choose::MostInTarget => best.is_none_or(|(_, most)| chances.target > most + TOLERANCE),
            };
            if better {
                best = Some((level, chances.target));
            }
        }
        best.map(|(level, _)| level)
    }

    /// Whether the trial may end with this level selected.
    fn is_settled(&self, seen: &Counts, level: usize, chances: Chances) -> bool {
        let evaluable = seen.at(Level::at_index(level)).evaluable;
        let least = self.settings.mtd_min_target_probability.unwrap_or(0.0);
        self.settings.mtd_min_patients.is_some_and(|patients| evaluable >= patients)
            && chances.target >= least
    }

    fn treated_levels<'a>(
        &self,
        seen: &'a Counts,
        chances: &'a [Chances],
    ) -> impl Iterator<Item = (usize, Chances)> + 'a {
        let all = chances.iter().copied().enumerate();
        all.filter(|(level, _)| seen.levels.get(*level).is_some_and(|count| count.evaluable > 0))
    }

    fn about(&self, rule: &str, says: String, level: usize, chances: Chances) -> Because {
        Because::new(rule, says)
            .input("level", level + 1)
            .input("under", chances.under)
            .input("target", chances.target)
            .input("over", chances.over)
            .input("overdose-bound", self.settings.overdose_bound)
            .source(SOURCE)
    }

    fn none_eligible(&self, chances: &[Chances]) -> Option<Because> {
        let first = *chances.first()?;
        let cut = self.settings.intervals.get(1).copied().unwrap_or(f64::NAN);
        let says = format!(
            "even at level 1 the DLT probability is {cut} or more with probability {:.4}, which must be below {}: no level is eligible",
            first.over, self.settings.overdose_bound
        );
        Some(self.about("blrm/no-eligible-level", says, 0, first))
    }
}

fn chances(integrals: &Integrals) -> Vec<Chances> {
    let pairs = integrals.below.chunks(2).zip(integrals.above.chunks(2));
    pairs
        .map(|(below, above)| {
            let target = if below[1] < 0.5 { below[1] - below[0] } else { above[0] - above[1] };
            Chances { under: below[0], target: target.max(0.0), over: above[1] }
        })
        .collect()
}

impl Rule for Blrm {
    fn shared(&self) -> Shared<'_> {
        self.settings.rule_shared()
    }

    fn believed(&self, seen: &Counts) -> Result<Option<Vec<Believed>>, BadData> {
        Ok(Some(self.model.curves(&treated(seen))))
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let Some((chosen, chances)) = self.choice(seen, self.reach(seen) + 1, |_| true)? else {
            return Ok(Move::end(None));
        };
        if self.is_settled(seen, chosen, chances) {
            return Ok(Move::end(Some(Level::at_index(chosen))));
        }
        Ok(Move::to(seen.current, Level::at_index(chosen), self.settings.cohort_size))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let reach = self.reach(seen);
        let all = self.chances(seen, seen.levels.len())?;
        let Some((level, here)) =
            decided.level.and_then(|level| Some((level.index(), *all.get(level.index())?)))
        else {
            return Ok(self.none_eligible(&all).into_iter().collect());
        };
        let mut because = Vec::new();
        let (low, high) = match self.settings.intervals.as_slice() {
            [low, high] => (*low, *high),
            _ => (f64::NAN, f64::NAN),
        };
        let bound = self.settings.overdose_bound;
        let within = all.iter().take(reach + 1);
        let highest = within.clone().rposition(|chances| self.eligible(*chances)).unwrap_or(0);
        if let Some(closed) = all.get(highest + 1).filter(|_| highest < reach) {
            let says = format!(
                "level {} is not eligible: its DLT probability is {high} or more with probability {:.4}, which must be below {bound}",
                highest + 2,
                closed.over
            );
            because.push(self.about("blrm/overdose", says, highest + 1, *closed));
        }
        let among = match highest {
            0 => "the only eligible level within reach".to_owned(),
            _ => format!("of levels 1 to {}, the eligible ones within reach,", highest + 1),
        };
        let says = match self.settings.choose {
            Choose::MostInTarget if highest == 0 => format!("level 1 is {among}"),
            Choose::MostInTarget => format!(
                "{among} level {} is most probably between {low} and {high}: with probability {:.4}",
                level + 1,
                here.target
            ),
            Choose::HighestEligible => {
                format!("level {} is the highest eligible level within reach", level + 1)
            }
        };
        because.push(self.about("blrm/choose", says, level, here));
        let unbound = self.chosen(all.iter().copied().enumerate()).filter(|wanted| *wanted > reach);
        if let Some((wanted, chances)) = unbound.and_then(|wanted| Some((wanted, *all.get(wanted)?))) {
            let step = self.settings.max_step;
            let says = format!(
                "level {} would be chosen, but is out of reach: at most {step} untried {} above the highest tried one",
                wanted + 1,
                plural(step, "level")
            );
            because.push(self.about("blrm/max-step", says, wanted, chances).input("max-step", step));
        }
        if decided.action == Action::Complete {
            let evaluable = seen.at(Level::at_index(level)).evaluable;
            let says = format!(
                "{evaluable} evaluable patients at level {} with probability {:.4} of the target interval: the trial ends",
                level + 1,
                here.target
            );
            because.push(self.about("blrm/mtd-reached", says, level, here).input("evaluable", evaluable));
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        let treated = |level: usize| seen.levels.get(level).is_some_and(|count| count.evaluable > 0);
        let levels = seen.levels.iter().rposition(|count| count.evaluable > 0).map_or(0, |top| top + 1);
        Ok(self.choice(seen, levels, treated)?.map(|(level, _)| Level::at_index(level)))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        let all = self.chances(seen, seen.levels.len())?;
        let because = match selected.and_then(|level| Some((level.index(), *all.get(level.index())?))) {
            Some((level, chances)) => {
                let says = match self.settings.choose {
                    Choose::MostInTarget => format!(
                        "level {} is selected: of the treated eligible levels it is most probably on target, with probability {:.4}",
                        level + 1,
                        chances.target
                    ),
                    Choose::HighestEligible => {
                        format!("level {} is selected: it is the highest treated eligible level", level + 1)
                    }
                };
                Some(self.about("blrm/selected", says, level, chances))
            }
            None if seen.patients() == 0 => {
                Some(Because::new("blrm/none-selected", "nobody has been treated").source(SOURCE))
            }
            None => match self.treated_levels(seen, &all).next() {
                Some((level, chances)) => {
                    let says = format!(
                        "no treated level is eligible: level {} is too high with probability {:.4}, which must be below {}",
                        level + 1,
                        chances.over,
                        self.settings.overdose_bound
                    );
                    Some(self.about("blrm/none-selected", says, level, chances))
                }
                None => None,
            },
        };
        Ok(because.into_iter().collect())
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let integrals = self.integrals(seen, seen.levels.len(), Moments::Taken)?;
        let credible = self.model.credible(&treated(seen), &integrals)?;
        let levels = seen
            .levels
            .iter()
            .zip(chances(&integrals))
            .zip(integrals.rates.iter().zip(credible))
            .map(|((count, chances), (rate, (lower, upper)))| Estimate {
                evaluable: count.evaluable,
                dlt: count.dlt,
                estimate: Some(*rate),
                mean: Some(*rate),
                lower: Some(lower),
                upper: Some(upper),
                under: Some(chances.under),
                on_target: Some(chances.target),
                over: Some(chances.over.clamp(0.0, 1.0)),
                eliminated: !self.eligible(chances),
                ..Estimate::default()
            })
            .collect();
        let parameter = |place: usize, name: &str| Parameter {
            name: name.to_owned(),
            mean: integrals.mean[place],
            sd: integrals.sd[place],
        };
        Ok(Numbers { levels, parameters: vec![parameter(0, "log alpha"), parameter(1, "log beta")] })
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_data_the_posterior_is_the_prior() {
        let model = Model { x: vec![-1.0, 0.0, 2.0], mean: [-1.0, 0.5], sd: [1.5, 0.7], correlation: 0.3 };
        let thresholds = [Threshold { level: 1, logit: -0.5 }];
        let found = model.integrals(&[], &thresholds, Moments::Taken).unwrap();
        assert!(found.log_evidence.abs() < 1e-12);
        assert!((found.sd[0] - 1.5).abs() < 1e-12 && (found.mean[1] - 0.5).abs() < 1e-12);
        // At the reference the logit is log alpha itself.
        let expected = crate::numeric::normal_probability(0.5 / 1.5);
        assert!((found.below[0] - expected).abs() < 1e-13, "{} {expected}", found.below[0]);
    }
    #[test]
    fn the_log_evidence_is_that_of_independent_quadrature() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/blrm.json")).unwrap();
        for case in fixture["cases"].as_array().unwrap() {
            let number = |key: &str, place: usize| case[key][place].as_f64().unwrap();
            let reference = case["reference"].as_f64().unwrap();
            let values = case["values"].as_array().unwrap();
            let model = Model {
                x: values.iter().map(|value| log(value.as_f64().unwrap() / reference)).collect(),
                mean: [number("mean", 0), number("mean", 1)],
                sd: [number("sd", 0), number("sd", 1)],
                correlation: case["correlation"].as_f64().unwrap(),
            };
            let treated: Vec<Treated> = (0..model.x.len())
                .map(|level| Treated { level, evaluable: number("n", level), dlt: number("y", level) })
                .collect();
            let found = model.integrals(&treated, &[], Moments::Left).unwrap().log_evidence;
            assert!((found - case["log_evidence"].as_f64().unwrap()).abs() < 1e-11, "{found} {case}");
        }
    }

    /// Every state in which a trial of this design may be asked for a decision, as far as `many`.
    fn states(rule: &Blrm, levels: usize, many: usize) -> Vec<Counts> {
        let mut open = vec![Counts::none(levels, Level::FIRST)];
        let mut seen = std::collections::BTreeSet::new();
        let mut states = Vec::new();
        while let Some(state) = open.pop() {
            if states.len() >= many || state.patients() >= rule.settings.max_patients.unwrap() {
                continue;
            }
            let step = if state.patients() == 0 { rule.begin() } else { rule.decide(&state).unwrap() };
            let Some(level) = step.level.filter(|_| step.enrol > 0) else { continue };
            for dlts in 0..=step.enrol {
                let mut next = state.clone();
                next.current = level;
                next.levels[level.index()].evaluable += step.enrol;
                next.levels[level.index()].dlt += dlts;
                let key: Vec<(u32, u32)> = next
                    .levels
                    .iter()
                    .map(|count| (count.evaluable, count.dlt))
                    .chain([(level.number(), 0)])
                    .collect();
                if seen.insert(key) {
                    states.push(next.clone());
                    open.push(next);
                }
            }
        }
        states
    }

    fn rule(settings: serde_json::Value) -> Blrm {
        Blrm::try_from(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
    }

    /// Weakly informative; correlated, as crmPack's example; and the ladder of the paper's example.
    fn rules() -> [Blrm; 3] {
        let six = [10, 25, 50, 100, 150, 200];
        [
            rule(serde_json::json!({"dose-values": six, "reference-dose": 100, "max-patients": 36})),
            rule(serde_json::json!({
                "dose-values": six, "reference-dose": 50, "max-patients": 36, "prior-mean": [-0.85, 1],
                "prior-sd": [1, 1], "prior-correlation": -0.5,
            })),
            rule(serde_json::json!({
                "dose-values": [1, 2.5, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250],
                "reference-dose": 250, "max-patients": 36, "prior-mean": [2.15, 0.52],
                "prior-sd": [0.84, 0.8], "prior-correlation": 0.2, "intervals": [0.2, 0.35],
            })),
        ]
    }

    #[test]
    fn the_grids_for_decisions_keep_their_error_bounds_and_give_the_exact_choice() {
        for rule in rules() {
            let levels = rule.model.x.len();
            let all = states(&rule, levels, 4_000);
            assert_eq!(rule.tables.len(), 2);
            let mut answered = 0;
            for seen in all.iter().step_by(211) {
                let thresholds: Vec<Threshold> =
                    (0..levels).flat_map(|level| rule.cuts.map(|logit| Threshold { level, logit })).collect();
                let exact = rule.model.integrals(&treated(seen), &thresholds, Moments::Left).unwrap();
                for table in rule.tables.iter() {
                    let Some((below, error)) = table.below(&treated(seen), seen.patients(), levels) else {
                        continue;
                    };
                    answered += 1;
                    for (below, exact) in below.iter().zip(&exact.below) {
                        assert!((below - exact).abs() < error, "{below} {exact} {error:e} {seen:?}");
                    }
                }
                let exact = Blrm { tables: Arc::new([]), ..rule.clone() };
                assert_eq!(rule.decide(seen).unwrap(), exact.decide(seen).unwrap(), "{seen:?}");
                assert_eq!(rule.select(seen).unwrap(), exact.select(seen).unwrap(), "{seen:?}");
            }
            assert!(answered > 30, "{answered}");
        }
    }
}
