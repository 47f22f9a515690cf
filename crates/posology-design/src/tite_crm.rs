//! The time-to-event CRM: a CRM in which patients whose window is open count by how long they have been followed.
//!
//! A patient with a DLT counts whole, one who completed the window without a DLT too; a pending patient counts with a
//! weight w between 0 and 1, so that the likelihood has the factor 1 - w p. Everything else is as in [`crate::crm`], except
//! that a last cohort without a DLT does not forbid to de-escalate: the DLT that asks for it may have come late in an
//! earlier patient. A DLT in the last cohort, if it is known, forbids to escalate.
//!
//! The weights are those of [`crate::late_onset`], which says why a window of more than 42 days needs an explicit
//! choice.
//!
//! Source: Cheung YK, Chappell R. Biometrics 2000;56:1177-1182, doi:10.1111/j.0006-341X.2000.01177.x, which has `linear` and `adaptive`. Numbers
//! agree with `titecrm` of R's dfcrm 0.2-2.1; its simulations restrict an escalation to one level but not after a
//! DLT, as here with `coherent = false`.

use crate::because::Because;
use crate::crm::{
    Fit, Fitted, Model, ModelSettings, Observed, PATIENTS_EXPECTED, SCALE, Steering, StopToxic,
    recommended_treated, selected_words,
};
use crate::data::{BadData, Counts};
use crate::decision::{Action, Move, Numbers};
use crate::design::{Needs, Rule};
use crate::ladder::Level;
use crate::late_onset::{Asked, LateOnset, Weights};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str =
    "Cheung YK, Chappell R. Biometrics 2000;56:1177-1182, doi:10.1111/j.0006-341X.2000.01177.x";
pub(crate) const ABOUT: About =
    About { title: "Time-to-event CRM (TITE-CRM)", reference: SOURCE, exact: false };

settings! {
    "The settings of a TITE-CRM design as a file gives them.";
    /// The window in days: a DLT within it counts.
    window: Option<f64> = None => "required";
    /// What a pending patient counts: `linear`, `adaptive`, a `table` of days and weights, or a `distribution` of onset.
    weights: Option<Weights> = None => "`linear` up to 42 days; longer windows need a choice";
    /// The day that patients must have passed before an escalation.
    min_follow_up: Option<f64> = None => "none";
    /// How many patients at the current level must have passed that day.
    min_follow_up_patients: u32 = 3;
    /// Patients' worth of follow-up at the current level, each pending patient by its weight, before an escalation to an
    /// untried level; 0 asks for none.
    escalate_from: f64 = 1.0;
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
    /// Whether an escalation right after a cohort with a DLT is forbidden.
    coherent: bool = true;
    /// The trial stops when the posterior probability that level 1's DLT rate exceeds the target is above this, with at
    /// least 3 evaluable patients there; `false` never stops so.
    stop_toxic: StopToxic = StopToxic::Above(0.90) => "0.90";
    /// The level of each patient, in order of entry, until the first DLT; then the model takes over.
    initial_design: Vec<u32> = Vec::new() => "none";
    /// The trial ends when the current level has so many evaluable patients and the design would stay there.
    early_stop_n: Option<u32> = None => "none";
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.of_model().check(&self.shared());
        problems.extend(self.steering(0.0).check(self.of_model().levels(&self.shared()), self.start));
        problems.extend(self.asked().check());
        if !(self.escalate_from >= 0.0 && self.escalate_from <= 100.0) {
            let mend =
                "give the patients' worth of follow-up before an untried level, such as 1; 0 asks for none";
            problems.push(Problem::new("escalate-from", self.escalate_from, "0 to 100", mend));
        }
        problems
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            window: self.window,
            weights: self.weights.as_ref(),
            min_follow_up: self.min_follow_up,
            min_follow_up_patients: self.min_follow_up_patients,
        }
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
            keeps_level: false,
        }
    }
}

/// A TITE-CRM design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct TiteCrm {
    settings: Settings,
    target: f64,
    late_onset: LateOnset,
    skeleton: Vec<f64>,
    model: Box<Fitted>,
}

impl TryFrom<Settings> for TiteCrm {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), Some(late_onset), true) =
            (settings.target, settings.asked().late_onset(), problems.is_empty())
        else {
            return Err(Problems(problems));
        };
        let skeleton = settings.of_model().rates(&settings.shared());
        let patients = settings.max_patients.unwrap_or(PATIENTS_EXPECTED);
        let model = Box::new(settings.of_model().build(&skeleton, target, patients));
        Ok(Self { settings, target, late_onset, skeleton, model })
    }
}

impl From<TiteCrm> for Settings {
    fn from(rule: TiteCrm) -> Self {
        rule.settings
    }
}

impl TiteCrm {
    /// The DLT rate of each level expected before the trial.
    pub fn skeleton(&self) -> &[f64] {
        &self.skeleton
    }

    /// The weight of a patient without a DLT who has been followed for so many days, before any DLT: from 0 to 1, 1 at
    /// the end of the window.
    ///
    /// ```
    /// use posology_design::Design;
    /// let design: Design = serde_json::from_str(
    ///     r#"{"design": "tite-crm", "target": 0.25, "skeleton": [0.12, 0.25], "window": 85,
    ///         "weights": {"distribution": {"law": "normal", "mean": 45, "sd": 10}}}"#,
    /// ).unwrap();
    /// let Design::TiteCrm(tite) = &design else { unreachable!() };
    /// assert!((tite.weight_at(28.0) - 0.0446).abs() < 5e-5); // where `linear` has 0.33
    /// ```
    pub fn weight_at(&self, day: f64) -> f64 {
        self.late_onset.weight((day / self.late_onset.window()).max(0.0), &[])
    }

    /// The weights of pending patients.
    pub fn late_onset(&self) -> &LateOnset {
        &self.late_onset
    }

    fn steering(&self) -> Steering<'_> {
        self.settings.steering(self.target)
    }

    fn fit(&self, seen: &Counts) -> Result<Fit, BadData> {
        self.model.fit(Observed { counts: &seen.levels, partial: &self.late_onset.pending(seen) })
    }

    fn missing(&self, seen: &Counts) -> u32 {
        self.late_onset.missing_follow_up(seen, seen.current)
    }

    /// Patients' worth of follow-up at the current level: the evaluable, and the pending by their weights.
    fn worth(&self, seen: &Counts) -> f64 {
        let here = seen.current.index();
        let pending = self.late_onset.pending(seen).into_iter().filter(|(level, _)| *level == here);
        f64::from(seen.here().evaluable) + pending.map(|(_, weight)| weight).sum::<f64>()
    }

    /// Whether the level above is untried and too little has been seen at this one: the model would go up on its prior.
    fn unseen(&self, seen: &Counts) -> bool {
        let above = seen.current.above();
        let untried = seen.at(above).evaluable + seen.pending_at(above) == 0;
        untried && self.worth(seen) < self.settings.escalate_from
    }

    fn wants_follow_up(&self, seen: &Counts) -> bool {
        self.missing(seen) > 0 || self.unseen(seen)
    }

    /// How the pending count.
    fn weighed(&self, seen: &Counts) -> Option<Because> {
        let partial = self.late_onset.pending(seen);
        if partial.is_empty() {
            return None;
        }
        let total: f64 = partial.iter().map(|(_, weight)| weight).sum();
        let word = match self.late_onset.weights() {
            Weights::Linear => "linear",
            Weights::Adaptive => "adaptive",
            Weights::Table(_) => "table",
            Weights::Distribution(_) => "distribution",
        };
        let window = self.late_onset.window();
        let count = partial.len();
        let patients =
            if count == 1 { "1 pending patient counts" } else { &format!("{count} pending patients count") };
        let says = format!("{patients} as {total:.2} by `{word}` weights over a window of {window} days");
        Some(
            Because::new("tite-crm/weights", says)
                .input("pending", count)
                .input("weight", total)
                .input("window", window)
                .source(SOURCE),
        )
    }
}

impl Rule for TiteCrm {
    fn shared(&self) -> Shared<'_> {
        Shared { levels: Some(self.skeleton.len() as u32), ..self.settings.shared() }
    }

    fn needs(&self) -> Needs {
        Needs::FollowUp
    }

    fn late_onset(&self) -> Option<&LateOnset> {
        Some(&self.late_onset)
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
        let step = steering.step(seen, self.model.recommended(fit), self.wants_follow_up(seen));
        if steering.ends(seen, step) {
            let waits = !seen.pending.is_empty();
            return Ok(if waits { Move::wait(seen.current) } else { Move::end(self.select(seen)?) });
        }
        Ok(Move::to(seen.current, step.to, step.enrol))
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        let steering = self.steering();
        let fit = self.fit(seen)?;
        let mut because: Vec<Because> = self.weighed(seen).into_iter().collect();
        if steering.stops(seen, fit.over) {
            because.insert(0, steering.stop_words("tite-crm", seen, fit.over));
            return Ok(because);
        }
        let step = steering.step(seen, self.model.recommended(fit), self.wants_follow_up(seen));
        because.extend(steering.step_words("tite-crm", SOURCE, seen, step, &self.model.estimates(fit)));
        if step.waits_for_follow_up() && self.unseen(seen) {
            let (worth, wanted) = (self.worth(seen), self.settings.escalate_from);
            let says = format!(
                "{worth:.2} patients' worth of follow-up at level {}, less than {wanted}: no escalation to an untried level",
                seen.current
            );
            because.push(
                Because::new("tite-crm/escalate-from", says)
                    .input("level", seen.current)
                    .input("worth", worth)
                    .input("escalate-from", wanted),
            );
        }
        let missing = self.missing(seen);
        if let Some((day, wanted)) =
            self.late_onset.min_follow_up().filter(|_| missing > 0 && step.waits_for_follow_up())
        {
            let says = format!(
                "{missing} more of {wanted} patients at level {} must have passed day {day}: no escalation before that",
                seen.current
            );
            because.push(
                Because::new("tite-crm/min-follow-up", says)
                    .input("level", seen.current)
                    .input("missing", missing)
                    .input("min-follow-up", day)
                    .input("min-follow-up-patients", wanted),
            );
        }
        if decided.action == Action::Wait {
            let says = "the trial has enough patients at this level; the selection waits for the pending";
            because.push(Because::new("tite-crm/pending-at-end", says).input("pending", seen.pending.len()));
        }
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
            stops.then(|| self.steering().stop_words("tite-crm", seen, fit.over)).into_iter().collect();
        because.push(selected_words("tite-crm", SOURCE, self.target, &self.model.estimates(fit), selected));
        Ok(because)
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let closed = self.steering().stops(seen, self.fit(seen)?.over);
        self.model.numbers(
            seen,
            Observed { counts: &seen.levels, partial: &self.late_onset.pending(seen) },
            closed,
        )
    }
}
