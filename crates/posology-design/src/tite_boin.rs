//! TITE-BOIN: BOIN that goes on while earlier patients are still in their window, each counted for what has been seen
//! of them.
//!
//! With nobody pending it is [`crate::boin`], decision for decision. With pending patients at the current level the
//! observed rate is replaced by an estimate of [`Estimate`] and compared with the same two rates; accrual is
//! suspended while too many are pending. Start at [`TiteBoin`]; the weights are those of [`crate::late_onset`].
//!
//! In this order: a level closed for toxicity is left; too many pending at the level, `wait`, unless the known DLTs
//! alone, were no pending patient to have one, ask to de-escalate; then the comparison. Besides, the rule waits where
//! level 1 asks to de-escalate while patients there are pending, where `early-stop-n` is reached while anyone is
//! pending, during titration while anyone is pending, and where nothing has been seen of the pending patients who are
//! alone at a level.
//!
//! Pending patients count in full for **elimination only**: the papers and the R package TITEgBOIN 0.4.0 take all
//! treated patients, so that a level with many pending is not closed for good on few. It never lets a level in that
//! the comparison would keep out, since that uses the weights; `eliminate-by-weight` takes the weights there too.
//!
//! Source: Yuan Y, Lin R, Li D, Nie L, Warren KE. Clin Cancer Res 2018;24:4921-4930,
//! doi:10.1158/1078-0432.CCR-18-0246. The estimate by effective number of patients, the default here as in the package,
//! is that of Lin R, Yuan Y. Biostatistics 2020;21:807-824, doi:10.1093/biostatistics/kxz007. Differences from the
//! package: it suspends even where the known DLTs alone ask to de-escalate (the 2018 paper does not), it knows no
//! minimum follow-up, and it weighs linearly.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::boin::{self, Boin, plural};
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Move, Numbers};
use crate::design::{Boundaries, Needs, Rule};
use crate::ladder::Level;
use crate::late_onset::{Asked, LateOnset, Weighed, Weights};
use crate::numeric::{incomplete_beta_upper, inverse_incomplete_beta, isotonic};
use crate::settings::{About, Problem, Problems, Shared, settings};

const SOURCE: &str = "Yuan Y, Lin R, Li D, Nie L, Warren KE. Clin Cancer Res 2018;24:4921-4930, doi:10.1158/1078-0432.CCR-18-0246";
/// Fewer treated patients than this never eliminate a level.
const ELIMINATES_FROM: u32 = 3;

pub(crate) const ABOUT: About = About {
    title: "Time-to-event Bayesian optimal interval design (TITE-BOIN)",
    reference: SOURCE,
    exact: false,
};

/// How pending patients enter the DLT rate of the current level: y DLTs, r evaluable, c pending patients whose weights
/// sum to s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// y/(r + s), by the effective number of patients. Lin and Yuan 2020.
    #[default]
    Effective,
    /// (y + q (c - s))/(r + c): each pending patient at the expected outcome, with odds q = p/(1 - p) of the posterior
    /// mean p under `imputation-prior`. Yuan and others 2018.
    Imputed,
}

settings! {
    "The settings of a TITE-BOIN design as a file gives them.";
    /// The window in days: a DLT within it counts.
    window: Option<f64> = None => "required";
    /// What a pending patient counts: `linear`, `adaptive`, a `table` of days and weights, or a `distribution` of onset.
    weights: Option<Weights> = None => "`linear` up to 42 days; longer windows need a choice";
    /// The day that patients must have passed before an escalation.
    min_follow_up: Option<f64> = None => "none";
    /// How many patients at the current level must have passed that day.
    min_follow_up_patients: u32 = 3;
    /// Accrual is suspended while more than this share of the patients at the current level is pending, 0 to below 1.
    suspend_above: f64 = 0.5;
    /// How pending patients enter the rate: `effective` or `imputed`.
    estimate: Estimate = Estimate::Effective => "effective";
    /// For `imputed`: the two parameters of the Beta prior of the DLT rate.
    imputation_prior: Option<(f64, f64)> = None => "target/2 and 1 - target/2";
    /// Whether elimination counts the pending at their weights; else in full, as the papers do.
    eliminate_by_weight: bool = false;
    /// The DLT rate that is too low, below which escalation is right; less than the target.
    p_under: Option<f64> = None => "0.6 target";
    /// The DLT rate that is too high, above which de-escalation is right; more than the target.
    p_over: Option<f64> = None => "1.4 target";
    /// A level is eliminated when the posterior probability that its DLT rate exceeds the target is above this.
    elimination: f64 = 0.95;
    /// Whether the trial also stops when level 1 is above the target with probability above `elimination` less `offset`.
    extra_safe: bool = false;
    /// How much earlier `extra-safe` stops, 0 to 0.5.
    offset: f64 = 0.05;
    /// The trial ends when the current level has so many patients and the rule would stay there.
    early_stop_n: Option<u32> = None => "none";
    /// Whether the selected level's estimate must not exceed the rate at which the rule de-escalates.
    bounded_mtd: bool = false;
    /// Whether the trial begins with single patients, one level up each time, until the first DLT.
    titration: bool = false;
}

impl Settings {
    /// Everything that is wrong with the settings.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.boin().check();
        problems.extend(self.asked().check());
        if !(0.0..1.0).contains(&self.suspend_above) {
            let mend = "give the share of pending patients above which accrual is suspended, such as 0.5";
            problems.push(Problem::new("suspend-above", self.suspend_above, "0 to below 1", mend));
        }
        if let Some((a, b)) = self.imputation_prior {
            let fits = |parameter: f64| parameter > 0.0 && parameter <= 1_000.0;
            if !(fits(a) && fits(b)) {
                let mend = "give two numbers such as [0.15, 0.85], or leave it out";
                let found = format!("[{a}, {b}]");
                problems.push(Problem::new(
                    "imputation-prior",
                    found,
                    "two numbers above 0, at most 1000",
                    mend,
                ));
            }
        }
        problems
    }

    fn boin(&self) -> boin::Settings {
        boin::Settings {
            doses: self.doses.clone(),
            start: self.start,
            cohort_size: self.cohort_size,
            max_patients: self.max_patients,
            target: self.target,
            p_under: self.p_under,
            p_over: self.p_over,
            elimination: self.elimination,
            extra_safe: self.extra_safe,
            offset: self.offset,
            early_stop_n: self.early_stop_n,
            bounded_mtd: self.bounded_mtd,
            titration: self.titration,
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            window: self.window,
            weights: self.weights.as_ref(),
            min_follow_up: self.min_follow_up,
            min_follow_up_patients: self.min_follow_up_patients,
        }
    }
}

/// A TITE-BOIN design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct TiteBoin {
    settings: Settings,
    boin: Boin,
    target: f64,
    late_onset: LateOnset,
}

impl TryFrom<Settings> for TiteBoin {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        let (Some(target), Some(late_onset), true) =
            (settings.target, settings.asked().late_onset(), problems.is_empty())
        else {
            return Err(Problems(problems));
        };
        let boin = Boin::try_from(settings.boin())?;
        Ok(Self { settings, boin, target, late_onset })
    }
}

impl From<TiteBoin> for Settings {
    fn from(rule: TiteBoin) -> Self {
        rule.settings
    }
}

/// Why the rule gave its answer while patients were pending.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reason {
    /// The level, or one below it, is closed.
    Closed,
    /// No patient at the level.
    Untreated,
    Titration,
    Suspended,
    /// The known DLTs alone ask to de-escalate.
    KnownDlts,
    /// Nothing has been seen of the pending.
    NothingSeen,
    Escalate,
    /// Escalation waits for so many patients to pass the day.
    TooEarly(u32),
    NoLevelAbove,
    Stay,
    DeEscalate,
    /// Level 1 asks to de-escalate.
    FirstTooToxic,
    EarlyStop,
}

impl TiteBoin {
    /// The observed rates at which the rule escalates and de-escalates: those of BOIN.
    pub fn interval(&self) -> boin::Interval {
        self.boin.interval()
    }

    /// The weights of pending patients.
    pub fn late_onset(&self) -> &LateOnset {
        &self.late_onset
    }

    /// The DLT rate of a level as the rule compares it; none where nothing has been seen.
    fn rate(&self, at: Weighed) -> Option<f64> {
        let dlts = f64::from(at.dlt);
        match self.settings.estimate {
            Estimate::Effective => (at.effective() > 0.0).then(|| dlts / at.effective()),
            Estimate::Imputed => {
                let half = 0.5 * self.target;
                let (a, b) = self.settings.imputation_prior.unwrap_or((half, 1.0 - half));
                let mean = (dlts + a) / (f64::from(at.evaluable) + a + b);
                let unseen = f64::from(at.pending) - at.followed;
                (at.treated() > 0).then(|| (dlts + mean / (1.0 - mean) * unseen) / f64::from(at.treated()))
            }
        }
    }

    /// Which way the rate asks to go. Imputed outcomes alone never take it across the target.
    fn asks(&self, at: Weighed, rate: f64) -> std::cmp::Ordering {
        let boin::Interval { escalate, de_escalate } = self.boin.interval();
        let observed = f64::from(at.dlt) / f64::from(at.treated());
        let reaches_target = observed >= self.target - 1e-12;
        let (may_rise, may_fall) = match self.settings.estimate {
            Estimate::Effective => (true, true),
            Estimate::Imputed => (!reaches_target, reaches_target),
        };
        if rate <= escalate && may_rise {
            std::cmp::Ordering::Greater
        } else if rate >= de_escalate && may_fall {
            std::cmp::Ordering::Less
        } else {
            std::cmp::Ordering::Equal
        }
    }

    fn over(&self, at: Weighed) -> f64 {
        let patients =
            if self.settings.eliminate_by_weight { at.effective() } else { f64::from(at.treated()) };
        incomplete_beta_upper(f64::from(at.dlt) + 1.0, patients - f64::from(at.dlt) + 1.0, self.target)
    }

    fn closed(&self, at: Weighed) -> bool {
        if at.pending == 0 || !self.settings.eliminate_by_weight {
            return self.boin.eliminated(in_full(at));
        }
        at.treated() >= ELIMINATES_FROM && self.over(at) > self.settings.elimination
    }

    fn lowest_closed(&self, levels: &[Weighed]) -> Option<usize> {
        levels.iter().position(|at| self.closed(*at))
    }

    fn extra_safe_stops(&self, levels: &[Weighed]) -> bool {
        let Some(&first) = levels.first().filter(|_| self.settings.extra_safe) else { return false };
        if first.pending == 0 || !self.settings.eliminate_by_weight {
            return self.boin.unsafe_from(first.treated()).is_some_and(|dlts| first.dlt >= dlts);
        }
        first.treated() >= ELIMINATES_FROM
            && self.over(first) > self.settings.elimination - self.settings.offset
    }

    /// The answer while somebody is pending.
    fn steps(&self, seen: &Counts, levels: &[Weighed]) -> (Move, Reason) {
        let (current, size) = (seen.current, self.settings.cohort_size);
        let here = levels.get(current.index()).copied().unwrap_or_default();
        let closed = self.lowest_closed(levels);
        if closed == Some(0) || self.extra_safe_stops(levels) {
            return (Move::end(None), Reason::Closed);
        }
        let open = closed.map_or(seen.top(), |lowest| Level::at_index(lowest.saturating_sub(1)));
        if open < current {
            return (Move::to(current, open, size), Reason::Closed);
        }
        let single = |at: &Weighed| at.dlt == 0 && at.treated() <= 1;
        if self.settings.titration && levels.iter().all(single) {
            return (Move::wait(current), Reason::Titration);
        }
        if here.treated() == 0 {
            return (Move::to(current, current, size), Reason::Untreated);
        }
        let bounds = self.boin.bounds(here.treated());
        let below = current.index().checked_sub(1).map(Level::at_index);
        if f64::from(here.pending) > f64::from(here.treated()) * self.settings.suspend_above {
            return match below {
                Some(below) if bounds.deescalate_min.is_some_and(|least| here.dlt >= least) => {
                    (Move::to(current, below, size), Reason::KnownDlts)
                }
                _ => (Move::wait(current), Reason::Suspended),
            };
        }
        let asks = if here.pending == 0 {
            let least = bounds.deescalate_min;
            match bounds.escalate_max {
                Some(most) if here.dlt <= most => std::cmp::Ordering::Greater,
                _ if least.is_some_and(|least| here.dlt >= least) => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Equal,
            }
        } else {
            let Some(rate) = self.rate(here) else { return (Move::wait(current), Reason::NothingSeen) };
            self.asks(here, rate)
        };
        let missing = self.late_onset.missing_follow_up(seen, current);
        let stay = Move::to(current, current, size);
        let (step, reason) = match asks {
            std::cmp::Ordering::Greater if current >= open => (stay, Reason::NoLevelAbove),
            std::cmp::Ordering::Greater if missing > 0 => (stay, Reason::TooEarly(missing)),
            std::cmp::Ordering::Greater => {
                return (Move::to(current, current.above(), size), Reason::Escalate);
            }
            std::cmp::Ordering::Equal => (stay, Reason::Stay),
            std::cmp::Ordering::Less => match below {
                Some(below) => return (Move::to(current, below, size), Reason::DeEscalate),
                None if here.pending > 0 => return (Move::wait(current), Reason::FirstTooToxic),
                None => (stay, Reason::FirstTooToxic),
            },
        };
        let ends = self.settings.early_stop_n.is_some_and(|n| here.treated() >= n);
        if ends { (Move::wait(current), Reason::EarlyStop) } else { (step, reason) }
    }

    /// The isotonic rates among levels that may be selected, pending patients at their weights.
    fn candidates(&self, levels: &[Weighed]) -> Vec<(Level, f64)> {
        let closed = self.lowest_closed(levels).unwrap_or(usize::MAX);
        if closed == 0 || self.extra_safe_stops(levels) {
            return Vec::new();
        }
        let seen = levels.iter().enumerate().take(closed).filter(|(_, at)| at.effective() > 0.0);
        let (places, weighed): (Vec<Level>, Vec<Weighed>) =
            seen.map(|(index, at)| (Level::at_index(index), *at)).unzip();
        places.into_iter().zip(isotonic_weighed(&weighed)).collect()
    }
}

/// The patients of a level, the pending as if complete without a DLT: what elimination counts.
fn in_full(at: Weighed) -> Count {
    Count { evaluable: at.treated(), dlt: at.dlt, ..Count::default() }
}

/// Isotonic DLT rates as BOIN selects by, with effective numbers of patients in place of counts.
pub(crate) fn isotonic_weighed(levels: &[Weighed]) -> Vec<f64> {
    let beta = |at: &Weighed| (f64::from(at.dlt) + 0.05, at.effective() - f64::from(at.dlt) + 0.05);
    let rates: Vec<f64> = levels.iter().map(beta).map(|(a, b)| a / (a + b)).collect();
    let weights: Vec<f64> =
        levels.iter().map(beta).map(|(a, b)| (a + b) * (a + b) * (a + b + 1.0) / (a * b)).collect();
    isotonic(&rates, &weights)
}

/// The level whose isotonic rate is nearest to the target, ties as in BOIN: 1e-10 a level is added first.
pub(crate) fn nearest(rates: &[(Level, f64)], target: f64) -> Option<Level> {
    let far = |place: usize, rate: f64| (rate + 1e-10 * (place + 1) as f64 - target).abs();
    let mut best: Option<(Level, f64)> = None;
    for (place, &(level, rate)) in rates.iter().enumerate() {
        if best.is_none_or(|(_, least)| far(place, rate) < least) {
            best = Some((level, far(place, rate)));
        }
    }
    best.map(|(level, _)| level)
}

/// Each level's rate as compared, and its Beta(1, 1) posterior by the effective number of patients.
pub(crate) fn weighed_numbers(
    levels: &[Weighed],
    closed: usize,
    target: f64,
    rate: impl Fn(Weighed) -> Option<f64>,
) -> Vec<crate::decision::Estimate> {
    let at = |(index, &at): (usize, &Weighed)| {
        let (a, b) = (f64::from(at.dlt) + 1.0, at.effective() - f64::from(at.dlt) + 1.0);
        crate::decision::Estimate {
            evaluable: at.evaluable,
            dlt: at.dlt,
            estimate: rate(at),
            mean: Some(a / (a + b)),
            lower: Some(inverse_incomplete_beta(a, b, 0.025)),
            upper: Some(inverse_incomplete_beta(a, b, 0.975)),
            over: Some(incomplete_beta_upper(a, b, target)),
            eliminated: index >= closed,
            ..crate::decision::Estimate::default()
        }
    };
    levels.iter().enumerate().map(at).collect()
}

impl Rule for TiteBoin {
    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn needs(&self) -> Needs {
        Needs::FollowUp
    }

    fn late_onset(&self) -> Option<&LateOnset> {
        Some(&self.late_onset)
    }

    fn begin(&self) -> Move {
        self.boin.begin()
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        if seen.pending.is_empty() {
            return self.boin.decide(seen);
        }
        Ok(self.steps(seen, &self.late_onset.weigh(seen)).0)
    }

    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData> {
        if seen.pending.is_empty() {
            return self.boin.because(seen, decided);
        }
        let levels = self.late_onset.weigh(seen);
        let current = seen.current;
        let here = levels.get(current.index()).copied().unwrap_or_default();
        let (_, reason) = self.steps(seen, &levels);
        let mut because = self.known_stops(seen);
        let boin::Interval { escalate, de_escalate } = self.boin.interval();
        let rate = self.rate(here);
        let about = |rule: &str, says: String| {
            let because = Because::new(format!("tite-boin/{rule}"), says)
                .input("level", current)
                .input("evaluable", here.evaluable)
                .input("dlt", here.dlt)
                .input("pending", here.pending)
                .input("weight", here.followed)
                .input("target", self.target)
                .source(SOURCE);
            match rate {
                Some(rate) => because.input("rate", rate),
                None => because,
            }
        };
        let found = format!(
            "{} {} among {} evaluable at level {current}, {} pending",
            here.dlt,
            plural(here.dlt, "DLT"),
            here.evaluable,
            here.pending
        );
        let counted = match rate {
            Some(rate) => format!("{found} who count as {:.2}: a rate of {rate:.3}", here.followed),
            None => found.clone(),
        };
        let share = 100.0 * self.settings.suspend_above;
        let suspended = || {
            about(
                "suspended",
                format!(
                    "{found}: more than {share}% of the {} are pending, so accrual waits for them",
                    here.treated()
                ),
            )
            .input("suspend-above", self.settings.suspend_above)
        };
        match reason {
            Reason::Closed => {}
            Reason::Untreated => {
                because.push(about("untreated", format!("nobody has been treated at level {current} yet")));
            }
            Reason::Titration => because.push(about(
                "titration-waits",
                format!("{found}: titration goes up only when every patient is complete"),
            )),
            Reason::Suspended => because.push(suspended()),
            Reason::KnownDlts => because.push(about(
                "known-dlts",
                format!(
                    "{found}: even if none of the pending has a DLT, {} among {} asks to de-escalate",
                    here.dlt,
                    here.treated()
                ),
            )),
            Reason::NothingSeen => because
                .push(about("nothing-seen", format!("{found}: nothing has been seen of the pending yet"))),
            Reason::Escalate | Reason::NoLevelAbove | Reason::TooEarly(_) => because.push(
                about("escalate", format!("{counted}; at most {escalate:.3} asks to escalate"))
                    .input("lambda-e", escalate),
            ),
            Reason::Stay => because.push(
                about("stay", format!("{counted}; between {escalate:.3} and {de_escalate:.3} it stays"))
                    .input("lambda-e", escalate)
                    .input("lambda-d", de_escalate),
            ),
            Reason::DeEscalate | Reason::FirstTooToxic => because.push(
                about("de-escalate", format!("{counted}; {de_escalate:.3} or more asks to de-escalate"))
                    .input("lambda-d", de_escalate),
            ),
            Reason::EarlyStop => because.push(about(
                "early-stop-waits",
                format!(
                    "{} patients at level {current}, as `early-stop-n` says: the selection waits for the pending",
                    here.treated()
                ),
            )),
        }
        match reason {
            Reason::NoLevelAbove => because.push(about(
                "no-level-above",
                if current == seen.top() {
                    format!("level {current} is the top of the ladder: more patients there")
                } else {
                    format!("the level above is eliminated: more patients at level {current}")
                },
            )),
            Reason::TooEarly(missing) => {
                if let Some((day, wanted)) = self.late_onset.min_follow_up() {
                    let says = format!(
                        "no escalation before {wanted} patients at level {current} have passed day {day}: {missing} more are needed"
                    );
                    because.push(
                        about("min-follow-up", says).input("min-follow-up", day).input("missing", missing),
                    );
                }
            }
            Reason::FirstTooToxic => because.push(about(
                "no-level-below",
                if here.pending > 0 {
                    format!(
                        "there is no level below level {current}: no more patients before the pending are known"
                    )
                } else {
                    format!("there is no level below level {current}: more patients there")
                },
            )),
            _ => {}
        }
        Ok(because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        if seen.pending.is_empty() {
            return self.boin.select(seen);
        }
        let mut rates = self.candidates(&self.late_onset.weigh(seen));
        if self.settings.bounded_mtd {
            rates.retain(|(_, rate)| *rate <= self.boin.interval().de_escalate);
        }
        Ok(nearest(&rates, self.target))
    }

    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        if seen.pending.is_empty() {
            return self.boin.because_selected(seen, selected);
        }
        let rates = self.candidates(&self.late_onset.weigh(seen));
        let rate = selected.and_then(|level| rates.iter().find(|rate| rate.0 == level));
        let mut because = self.known_stops(seen);
        let pending = seen.pending.len() as u32;
        let whom = format!("{pending} pending {} at their weights", plural(pending, "patient"));
        because.push(match rate {
            Some((level, rate)) => Because::new(
                "tite-boin/selected",
                format!(
                    "level {level} would be selected, {whom}: its isotonic rate {rate:.3} is nearest to {}",
                    self.target
                ),
            )
            .input("level", level)
            .input("rate", rate),
            None => Because::new("tite-boin/none-selected", format!("no level would be selected, {whom}")),
        });
        Ok(because.into_iter().map(|because| because.input("target", self.target).source(SOURCE)).collect())
    }

    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        if seen.pending.is_empty() {
            return self.boin.numbers(seen);
        }
        let levels = self.late_onset.weigh(seen);
        let closed = self.lowest_closed(&levels).unwrap_or(usize::MAX);
        let levels = weighed_numbers(&levels, closed, self.target, |at| self.rate(at));
        Ok(Numbers { levels, parameters: Vec::new() })
    }

    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        if seen.pending.is_empty() {
            return self.boin.numbers_at_end(seen);
        }
        let mut numbers = self.numbers(seen)?;
        let levels = self.late_onset.weigh(seen);
        let some: Vec<(usize, Weighed)> =
            levels.into_iter().enumerate().filter(|(_, at)| at.effective() > 0.0).collect();
        let rates = isotonic_weighed(&some.iter().map(|(_, at)| *at).collect::<Vec<_>>());
        for ((index, _), rate) in some.into_iter().zip(rates) {
            if let Some(at) = numbers.levels.get_mut(index) {
                at.estimate = Some(rate);
            }
        }
        Ok(numbers)
    }

    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        self.boin.boundaries(evaluable)
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        if known.pending.is_empty() {
            return self.boin.known_stops(known);
        }
        let levels = self.late_onset.weigh(known);
        let mut because = Vec::new();
        let how = |at: Weighed| {
            if self.settings.eliminate_by_weight {
                format!("the {} pending counted as {:.2}", at.pending, at.followed)
            } else {
                format!("the {} pending counted in full", at.pending)
            }
        };
        if let Some((lowest, &at)) = levels.iter().enumerate().find(|(_, at)| self.closed(**at)) {
            let level = Level::at_index(lowest);
            let probability = self.over(at);
            let above = if level < known.top() { " and all levels above it are" } else { " is" };
            let says = format!(
                "level {level}{above} eliminated: with {} {} among {}, {}, the DLT rate is above {} with probability {probability:.3}",
                at.dlt,
                plural(at.dlt, "DLT"),
                at.treated(),
                how(at),
                self.target
            );
            because.push(
                Because::new("tite-boin/eliminate", says)
                    .input("level", level)
                    .input("treated", at.treated())
                    .input("pending", at.pending)
                    .input("dlt", at.dlt)
                    .input("probability", probability)
                    .input("elimination", self.settings.elimination)
                    .source(SOURCE),
            );
        }
        if let Some(&first) = levels.first().filter(|_| self.extra_safe_stops(&levels)) {
            let probability = self.over(first);
            let says = format!(
                "level 1 is above {} with probability {probability:.3}, {}: the trial stops under `extra-safe`",
                self.target,
                how(first)
            );
            because.push(
                Because::new("tite-boin/extra-safe", says)
                    .input("level", 1)
                    .input("treated", first.treated())
                    .input("dlt", first.dlt)
                    .input("probability", probability)
                    .source(SOURCE),
            );
        }
        because
    }
}
