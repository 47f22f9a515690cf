//! One trial whose outcomes are known at once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::totals::Counter;
use super::{NotSimulated, Perturbation, Plan, UNPLANNED_MAX};
use crate::characteristics::Scenario;
use crate::data::{BadData, Cohort, Counts};
use crate::decision::{Action, Move};
use crate::design::Design;
use crate::ladder::Level;
use crate::random::Stream;

/// What happens to a patient, and what is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) dlt: bool,
    pub(super) efficacy: bool,
    pub(super) recorded_dlt: bool,
    pub(super) evaluable: bool,
}

/// The rates at one level.
#[derive(Debug, Clone, Copy)]
struct Rates {
    dlt: f64,
    efficacy_with_dlt: f64,
    efficacy_without: f64,
}

/// A supposed truth, ready to draw patients from.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    rates: Vec<Rates>,
    perturbation: Perturbation,
    perturbed: bool,
}

impl Truth {
    pub(super) fn new(scenario: &Scenario, perturbation: Perturbation) -> Self {
        let of = |level: usize| {
            let [neither, dlt_only, efficacy_only, both] = scenario.cells(level);
            let share = |part: f64, rest: f64| if part > 0.0 { part / (part + rest) } else { 0.0 };
            Rates {
                dlt: scenario.truth[level],
                efficacy_with_dlt: share(both, dlt_only),
                efficacy_without: share(efficacy_only, neither),
            }
        };
        let rates = (0..scenario.truth.len()).map(of).collect();
        Self { rates, perturbation, perturbed: perturbation.any() }
    }

    /// What happens to a patient, and the place of the DLT's onset among all.
    pub(super) fn patient(&self, stream: &Stream, patient: u64, level: Level) -> (Outcome, f64) {
        let numbers = stream.block(2 * patient);
        let rates = self.rates[level.index()];
        let dlt = numbers[0] < rates.dlt;
        let efficacy = numbers[1] < if dlt { rates.efficacy_with_dlt } else { rates.efficacy_without };
        if !self.perturbed {
            return (Outcome { dlt, efficacy, recorded_dlt: dlt, evaluable: true }, numbers[2]);
        }
        let [leaves, _, misread, _] = stream.block(2 * patient + 1);
        let Perturbation { non_evaluable, false_dlt, missed_dlt, .. } = self.perturbation;
        let recorded_dlt = if dlt { misread >= missed_dlt } else { misread < false_dlt };
        (Outcome { dlt, efficacy, recorded_dlt, evaluable: leaves >= non_evaluable }, numbers[2])
    }

    /// The share of the window after which a patient leaves who is not evaluable.
    pub(super) fn leaving(&self, stream: &Stream, patient: u64) -> f64 {
        stream.block(2 * patient + 1)[1]
    }

    /// The true DLT rate at a level.
    pub(super) fn rate(&self, level: Level) -> f64 {
        self.rates[level.index()].dlt
    }

    /// Whether the cohort of which this patient is the first gets one patient too many.
    pub(super) fn over_enrols(&self, stream: &Stream, patient: u64) -> bool {
        let share = self.perturbation.over_enrolment;
        share > 0.0 && stream.block(2 * patient + 1)[3] < share
    }
}

/// What has happened in a trial so far, level by level.
#[derive(Debug, Clone, Default)]
pub(super) struct Happened {
    /// Patients, without those replaced.
    pub(super) patients: Vec<u32>,
    /// Patients, with those replaced.
    pub(super) treated: Vec<u32>,
    pub(super) dlts: Vec<u32>,
    pub(super) responses: Vec<u32>,
    pub(super) cohorts: u32,
}

impl Happened {
    pub(super) fn clear(&mut self, levels: usize) {
        for counts in [&mut self.patients, &mut self.treated, &mut self.dlts, &mut self.responses] {
            counts.clear();
            counts.resize(levels, 0);
        }
        self.cohorts = 0;
    }

    pub(super) fn add(&mut self, level: Level, outcome: Outcome) {
        let level = level.index();
        self.treated[level] += 1;
        if outcome.evaluable {
            self.patients[level] += 1;
            self.dlts[level] += u32::from(outcome.dlt);
            self.responses[level] += u32::from(outcome.efficacy);
        }
    }
}

/// Decisions already taken: trials come back to the same states, and a model takes its time to decide.
#[derive(Default)]
struct Memory {
    known: HashMap<Box<[u32]>, Move, BuildHasherDefault<Fold>>,
    state: Vec<u32>,
}

/// The most states remembered.
const REMEMBERED_MAX: usize = 1 << 18;

impl Memory {
    /// What the design does in this state, which is all that it may read.
    fn advance(&mut self, design: &Design, seen: &Counts) -> Result<Move, BadData> {
        let two = |low: u32, high: u32| low | high << 16;
        self.state.clear();
        self.state.push(seen.current.index() as u32);
        let last = seen.last.and_then(|last| design.rule().remembers(last));
        self.state.push(last.map_or(u32::MAX, |last| two(last.patients, last.dlts)));
        for count in &seen.levels {
            self.state.extend([two(count.evaluable, count.dlt), two(count.efficacy, count.both)]);
        }
        if let Some(step) = self.known.get(self.state.as_slice()) {
            return Ok(*step);
        }
        let step = design.advance(seen)?;
        if self.known.len() < REMEMBERED_MAX {
            self.known.insert(self.state.as_slice().into(), step);
        }
        Ok(step)
    }
}

/// Folds a state four bytes at a time by wide multiplication.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let product = u128::from(self.0 ^ u64::from_le_bytes(word)) * 0xD6E8_FEB8_6659_FD93_u128;
            self.0 = (product >> 64) as u64 ^ product as u64 ^ 0x9E37_79B9_7F4A_7C15;
        }
    }
}

/// Trials one after the other, in the same memory.
pub(super) struct CountTrial<'p> {
    design: &'p Design,
    seed: u64,
    scenario: u64,
    perturbation: Perturbation,
    max: u32,
    truth: Truth,
    seen: Counts,
    happened: Happened,
    memory: Memory,
}

impl<'p> CountTrial<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let perturbation = plan.conduct.perturbation;
        Self {
            design: &plan.design,
            seed: plan.seed,
            scenario: 0,
            perturbation,
            max: plan.design.max_patients().unwrap_or(u32::MAX),
            truth: Truth::new(&Scenario::default(), perturbation),
            seen: Counts::none(plan.levels(), Level::FIRST),
            happened: Happened::default(),
            memory: Memory::default(),
        }
    }

    /// Takes another truth.
    pub(super) fn suppose(&mut self, scenario: &Scenario, number: u64) {
        self.truth = Truth::new(scenario, self.perturbation);
        self.scenario = number;
    }

    pub(super) fn run(&mut self, replicate: u64, counter: &mut Counter) -> Result<(), NotSimulated> {
        let Self { truth, seen, happened, memory, .. } = self;
        let stream = Stream::new(self.seed, self.scenario, replicate);
        let levels = seen.levels.len();
        seen.levels.iter_mut().for_each(|count| *count = Default::default());
        (seen.current, seen.last) = (Level::FIRST, None);
        happened.clear(levels);
        let mut patient = 0;
        loop {
            let Move { action, level, enrol } = memory.advance(self.design, seen)?;
            let ends = matches!(action, Action::Stop | Action::Complete | Action::Wait) || enrol == 0;
            let Some(at) = level.filter(|_| !ends) else {
                counter.add(happened, level);
                return Ok(());
            };
            let treated = seen.patients();
            if self.max == u32::MAX && treated > UNPLANNED_MAX {
                return Err(NotSimulated::NoEnd);
            }
            let extra = u32::from(truth.over_enrols(&stream, patient));
            let places = enrol.saturating_add(extra).min(self.max.saturating_sub(treated));
            let mut cohort = Cohort { patients: 0, dlts: 0 };
            while cohort.patients < places {
                let (outcome, _) = truth.patient(&stream, patient, at);
                patient += 1;
                happened.add(at, outcome);
                if !outcome.evaluable {
                    continue;
                }
                let count = &mut seen.levels[at.index()];
                let (dlt, efficacy) = (u32::from(outcome.recorded_dlt), u32::from(outcome.efficacy));
                count.evaluable += 1;
                count.dlt += dlt;
                count.efficacy += efficacy;
                count.both += dlt * efficacy;
                cohort.patients += 1;
                cohort.dlts += dlt;
            }
            (seen.current, seen.last) = (at, Some(cohort));
            happened.cohorts += 1;
        }
    }
}
