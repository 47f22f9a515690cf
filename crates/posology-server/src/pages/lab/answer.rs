//! What the lab answers: the same functions as `design oc`, `table`, `paths` and `compare`, over designs that are kept
//! compiled while their curve is dragged.
//!
//! Start at [`Lab::answer`]. Nothing here blocks the pages: the sums run on threads of their own, few at a time, within
//! a bound of states and trials; who waits too long is told so, and finds the compiled design when asking again.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use posology_design::characteristics::{Characteristics, Scenario, Yardstick};
use posology_design::graph::{Course, Graph, NoGraph};
use posology_design::paths::{Pathway, pathways};
use posology_design::simulate::{Plan, Timing, simulate};
use posology_design::starting::WINDOW_DAYS;
use posology_design::{AtLevel, Because, Boundaries, Data, scenario};
use posology_trial::protocol::{DesignFile, read_design};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::asked::{Asked, How};

/// States compiled while a curve is dragged, and when asked for at length. The latter take some 60 MB.
const STATES_AT_ONCE: usize = 150_000;
const STATES_AT_LENGTH: usize = 3_000_000;
/// Simulated patients in a scenario while a curve is dragged, and at length; trials are as many as that makes.
const PATIENTS_AT_ONCE: u64 = 30_000;
const PATIENTS_AT_LENGTH: u64 = 600_000;
/// The seed of simulated trials: the same question has the same answer.
const SEED: u64 = 1;
/// How long an answer is waited for.
const WAIT_AT_ONCE: Duration = Duration::from_secs(3);
const WAIT_AT_LENGTH: Duration = Duration::from_secs(90);
/// Compiled designs that are kept, and their bytes.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 256 << 20;
/// The most courses that are drawn.
const PATHS_DRAWN: usize = 64;
/// Beyond so many states, courses and shares by patient are left out of an answer that must come at once.
const STATES_TOLD: usize = 60_000;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum No {
    /// The question cannot be answered as it stands.
    Bad(String),
    /// The answer takes long: these may be asked for instead.
    Long(String, Vec<How>),
    /// Others are being answered.
    Busy,
}

impl No {
    /// What is said.
    pub(crate) fn says(&self) -> &str {
        match self {
            Self::Bad(says) | Self::Long(says, _) => says,
            Self::Busy => {
                "expected an answer at once, found the lab busy with others; mend: ask again in a moment"
            }
        }
    }
}

/// One design's part of the answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OfDesign {
    /// What it is called beside the others.
    pub(crate) name: String,
    /// The design as TOML.
    pub(crate) toml: String,
    /// `exact` or `monte-carlo`.
    pub(crate) method: &'static str,
    /// States of the exact sum; none for simulated trials.
    pub(crate) states: Option<usize>,
    /// Simulated trials in a scenario; none for the exact sum.
    pub(crate) trials: Option<u64>,
    /// How patients come and are followed in simulated trials; none where only counts matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timing: Option<Timing>,
    /// Under the supposed rates.
    pub(crate) characteristics: Characteristics,
    /// Under the standard scenarios, where asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) standard: Vec<Characteristics>,
    /// What of the rule the characteristics leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<Because>,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answer {
    /// The first design as TOML.
    pub(crate) toml: String,
    /// States of its compiled graph; none where trials were simulated.
    pub(crate) states: Option<usize>,
    /// What right and wrong are judged by.
    pub(crate) yardstick: Yardstick,
    /// Its characteristics.
    pub(crate) characteristics: Characteristics,
    /// Decision table: DLTs to escalate at most, to de-escalate and to eliminate at least, by patients; empty where the
    /// design does not decide by the current level alone.
    pub(crate) table: Vec<Boundaries>,
    /// Every design, the first among them.
    pub(crate) designs: Vec<OfDesign>,
    /// The courses of the next cohorts, with their probabilities; empty where counts do not fix them.
    pub(crate) paths: Vec<Pathway>,
    /// The most probable course of the whole trial, and the one with the most DLTs.
    pub(crate) most_likely: Option<Course>,
    pub(crate) worst: Option<Course>,
    /// Where trials are once so many patients have been treated: share at each level, and (last) ended.
    pub(crate) by_patients: Vec<(u32, Vec<f64>)>,
    /// What the levels are called.
    pub(crate) levels: Vec<String>,
}

/// A design read, and compiled where that can be.
struct Ready {
    file: DesignFile,
    graph: Result<Graph, NoGraph>,
}

type Slot = Arc<OnceLock<Result<Ready, String>>>;

#[derive(Default)]
struct Kept {
    slots: HashMap<(String, usize), (u64, Slot)>,
    asked: u64,
}

/// Compiled designs, and who may compute.
pub(crate) struct Lab {
    kept: Arc<Mutex<Kept>>,
    at_once: Arc<Semaphore>,
    at_length: Arc<Semaphore>,
}

impl Default for Lab {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            at_once: Arc::new(Semaphore::new(threads().max(2))),
            at_length: Arc::new(Semaphore::new(1)),
        }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Lab {
    /// The answer, or why there is none.
    pub(crate) async fn answer(&self, asked: &Asked) -> Result<Arc<Answer>, No> {
        let (turns, wait) = match asked.how {
            How::AtOnce => (&self.at_once, WAIT_AT_ONCE),
            How::AtLength | How::Simulated => (&self.at_length, WAIT_AT_LENGTH),
        };
        let (kept, asked, turns) = (Arc::clone(&self.kept), asked.clone(), Arc::clone(turns));
        let how = asked.how;
        let work = async {
            let turn = turns.acquire_owned().await.map_err(|_| No::Busy)?;
            let sums = tokio::task::spawn_blocking(move || {
                let answer = answer(&kept, &asked);
                drop(turn);
                answer
            });
            sums.await.map_err(|why| No::Bad(format!("internal: {why}")))?
        };
        match tokio::time::timeout(wait, work).await {
            Ok(answer) => answer.map(Arc::new),
            Err(_) if how == How::AtOnce => Err(No::Long(
                "This design is still being compiled. Ask again in a moment, or at length.".to_owned(),
                vec![How::AtLength],
            )),
            Err(_) => Err(No::Busy),
        }
    }
}

impl Kept {
    fn slot(&mut self, toml: &str, budget: usize) -> Slot {
        self.asked += 1;
        let asked = self.asked;
        let key = (toml.to_owned(), budget);
        let slot = Arc::clone(
            &self
                .slots
                .entry(key)
                .and_modify(|(last, _)| *last = asked)
                .or_insert_with(|| (asked, Slot::default()))
                .1,
        );
        self.forget();
        slot
    }

    /// Forgets the designs that were not asked for the longest, until the rest is within its bounds.
    fn forget(&mut self) {
        let bytes = |slot: &Slot| match slot.get() {
            Some(Ok(Ready { graph: Ok(graph), .. })) => graph.size().bytes,
            _ => 0,
        };
        while self.slots.len() > KEPT
            || (self.slots.len() > 1
                && self.slots.values().map(|(_, slot)| bytes(slot)).sum::<usize>() > KEPT_BYTES)
        {
            let Some(oldest) =
                self.slots.iter().min_by_key(|(_, (last, _))| *last).map(|(key, _)| key.clone())
            else {
                break;
            };
            self.slots.remove(&oldest);
        }
    }
}

/// The design of this text, compiled within the budget or found compiled already.
fn ready(kept: &Mutex<Kept>, toml: &str, how: How) -> Slot {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let at_length = (toml.to_owned(), STATES_AT_LENGTH);
    let done = kept.slots.get(&at_length).is_some_and(|(_, slot)| slot.get().is_some());
    let budget = if done || how == How::AtLength { STATES_AT_LENGTH } else { STATES_AT_ONCE };
    let slot = kept.slot(toml, budget);
    drop(kept);
    slot.get_or_init(|| {
        let file = read_design(toml).map_err(|problems| problems.to_string())?;
        let graph = Graph::compile(&file.design, budget, threads());
        Ok(Ready { file, graph })
    });
    slot
}

fn answer(kept: &Mutex<Kept>, asked: &Asked) -> Result<Answer, No> {
    let bad = No::Bad;
    let truth = asked.rates().map_err(bad)?;
    let tomls = asked.files().map_err(bad)?;
    let mut slots = Vec::with_capacity(tomls.len());
    for toml in tomls {
        let slot = ready(kept, &toml, asked.how);
        if let Some(Err(says)) = slot.get() {
            return Err(bad(says.clone()));
        }
        slots.push((toml, slot));
    }
    let all: Vec<(&String, &Ready)> =
        slots.iter().filter_map(|(toml, slot)| Some((toml, slot.get()?.as_ref().ok()?))).collect();
    let Some((toml, first)) = all.first().copied() else { return Err(No::Busy) };
    for (_, ready) in &all {
        let levels = ready.file.design.levels().unwrap_or(0) as usize;
        if levels != truth.len() {
            return Err(bad(format!(
                "truth: expected as many rates as `{}` has levels, {levels}, found {}; mend: make them agree",
                ready.file.design.name(),
                truth.len()
            )));
        }
    }
    // All designs are judged by one target: the first that a design has, as in `design compare`.
    let target = match all.iter().find_map(|(_, ready)| ready.file.design.target()) {
        Some(target) => target,
        None => asked.target().map_err(bad)?,
    };
    let levels = u32::try_from(truth.len()).unwrap_or(u32::MAX);
    let standard = if asked.standard {
        scenario::standard(levels, target).map_err(|problem| bad(problem.to_string()))?
    } else {
        Vec::new()
    };
    let mut designs = Vec::with_capacity(all.len());
    let mut yardstick = Yardstick::new(target, 0);
    for (place, (toml, ready)) in all.iter().enumerate() {
        let design = &ready.file.design;
        let efficacy = if design.needs_efficacy() {
            asked.efficacy_rates(truth.len()).map_err(bad)?
        } else {
            Vec::new()
        };
        let mut scenarios = vec![Scenario { truth: truth.clone(), efficacy, ..Scenario::default() }];
        // The standard scenarios say nothing of efficacy.
        scenarios.extend(standard.iter().filter(|_| !design.needs_efficacy()).cloned());
        let (of_design, by) = one(ready, toml, asked.how, scenarios, target)?;
        if place == 0 {
            yardstick = by;
        }
        designs.push(of_design);
    }
    name_apart(&mut designs);
    let Some(characteristics) = designs.first().map(|design| design.characteristics.clone()) else {
        return Err(No::Busy);
    };
    let supposed = Scenario { truth, efficacy: characteristics.efficacy.clone(), ..Scenario::default() };
    let told = first.graph.as_ref().ok().filter(|graph| {
        asked.how != How::Simulated && (graph.size().states <= STATES_TOLD || asked.how == How::AtLength)
    });
    let rows = first.file.design.max_patients().unwrap_or(30).min(60);
    Ok(Answer {
        toml: (*toml).clone(),
        states: designs.first().and_then(|design| design.states),
        yardstick,
        characteristics,
        table: first.file.design.table(rows).unwrap_or_default(),
        paths: paths(first, asked.cohorts_ahead(), &supposed),
        most_likely: told.map(|graph| graph.most_likely_course(&supposed)),
        worst: told.map(|graph| graph.worst_course(&supposed)),
        by_patients: told.map(|graph| graph.by_patients_treated(&supposed)).unwrap_or_default(),
        levels: names(&first.file, levels),
        designs,
    })
}

/// What the levels are called.
fn names(file: &DesignFile, levels: u32) -> Vec<String> {
    let name = |level: u32| match file.labels.get(level as usize - 1) {
        Some(label) => label.clone(),
        None => level.to_string(),
    };
    (1..=levels).map(name).collect()
}

/// Designs of the same name are told apart by their place.
fn name_apart(designs: &mut [OfDesign]) {
    let names: Vec<String> = designs.iter().map(|design| design.name.clone()).collect();
    for (place, design) in designs.iter_mut().enumerate() {
        if names.iter().filter(|name| **name == design.name).count() > 1 {
            design.name = format!("{} ({})", design.name, place + 1);
        }
    }
}

/// One design under all scenarios, the supposed truth first.
fn one(
    ready: &Ready,
    toml: &str,
    how: How,
    scenarios: Vec<Scenario>,
    target: f64,
) -> Result<(OfDesign, Yardstick), No> {
    let design = &ready.file.design;
    let exact = match &ready.graph {
        Ok(graph) if how != How::Simulated => Some(graph),
        Err(NoGraph::TooLarge { .. }) if how == How::AtOnce => {
            return Err(No::Long(
                format!(
                    "`{}` has more than {STATES_AT_ONCE} states here: too many to be computed while a curve is dragged.",
                    design.name()
                ),
                vec![How::AtLength, How::Simulated],
            ));
        }
        Err(why @ NoGraph::TooLarge { .. }) if how == How::AtLength => {
            return Err(No::Long(format!("`{}`: {why}", design.name()), vec![How::Simulated]));
        }
        Err(NoGraph::NotOnCounts { .. } | NoGraph::Beyond { .. } | NoGraph::TooLarge { .. }) | Ok(_) => None,
        Err(why) => return Err(No::Bad(why.to_string())),
    };
    let planned = match (exact, design.max_patients()) {
        (Some(graph), _) => graph.planned(design),
        (None, Some(max)) => max,
        (None, None) => {
            return Err(No::Bad(
                "`max-patients`: found nothing, expected the greatest number of patients; mend: give it, simulated trials must end"
                    .to_owned(),
            ));
        }
    };
    let yardstick = Yardstick::new(target, planned);
    let mut timing = None;
    let (mut all, trials) = match exact {
        Some(graph) => {
            let all = graph.characteristics(&scenarios, yardstick, threads());
            (all.map_err(|why| No::Bad(why.to_string()))?, None)
        }
        None => {
            let patients = if how == How::AtOnce { PATIENTS_AT_ONCE } else { PATIENTS_AT_LENGTH };
            let trials = (patients / u64::from(planned.max(1))).clamp(100, 20_000);
            let mut plan = Plan::new(design.clone(), scenarios, yardstick, trials, SEED);
            if design.needs_follow_up() {
                plan.conduct.timing = Some(Timing::usual(ready.file.window_days.unwrap_or(WINDOW_DAYS)));
            }
            timing = plan.conduct.timing;
            let all = simulate(&plan, threads()).map_err(|why| No::Bad(why.to_string()))?;
            (all, Some(trials))
        }
    };
    let standard = all.split_off(1.min(all.len()));
    let Some(characteristics) = all.pop() else { return Err(No::Bad("internal: no scenario".to_owned())) };
    let of_design = OfDesign {
        name: design.name().to_owned(),
        toml: toml.to_owned(),
        method: if exact.is_some() { "exact" } else { "monte-carlo" },
        states: exact.map(|graph| graph.size().states),
        trials,
        timing,
        characteristics,
        standard,
        left_out: design.left_out_of_characteristics(),
    };
    Ok((of_design, yardstick))
}

/// The courses of the next cohorts, as many as are asked for and can be drawn.
fn paths(ready: &Ready, ahead: u32, truth: &Scenario) -> Vec<Pathway> {
    let nobody = vec![AtLevel::default(); truth.truth.len()];
    let Ok(from) = Data::new(nobody, None) else { return Vec::new() };
    let mut found = Vec::new();
    for cohorts in 1..=ahead {
        match pathways(&ready.file.design, &from, cohorts, Some(truth)) {
            Ok(all) if cohorts == 1 || all.len() <= PATHS_DRAWN => found = all,
            _ => break,
        }
    }
    found
}
