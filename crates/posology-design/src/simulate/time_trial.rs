//! One trial in time: patients come, are followed, and may find accrual suspended.
//!
//! A cohort is enrolled as its patients come; the next decision is taken when it is full, and taken anew, on what is
//! known then, when the next patient comes. A design on counts decides as in a real trial: it waits for pending
//! patients unless none of them can change the answer. At the end the selection waits until nobody is pending.

use super::conduct::{Arrivals, Timing, WhileSuspended};
use super::count_trial::{Happened, Outcome, Truth};
use super::totals::{Clock, Counter};
use super::{NotSimulated, Perturbation, Plan, UNPLANNED_MAX};
use crate::characteristics::Scenario;
use crate::data::{COMPLETIONS_MAX, Cohort, Count, Counts, Followed};
use crate::decision::{Action, Move};
use crate::design::{Design, Needs};
use crate::ladder::Level;
use crate::random::Stream;

/// Times nearer to each other than this share of the window are the same: sums of equal steps differ by rounding.
const SAME_TIME: f64 = 1e-9;

/// A patient who is followed.
#[derive(Debug, Clone, Copy)]
struct Open {
    level: Level,
    entry: f64,
    /// When the outcome is known, or the patient leaves.
    until: f64,
    leaves: bool,
    cohort: u32,
    outcome: Outcome,
}

/// What the trial does next.
enum Next {
    Enrol(Level, u32),
    Wait,
    End(Option<Level>),
}

/// Trials one after the other, in the same memory.
pub(super) struct TimeTrial<'p> {
    design: &'p Design,
    needs: Needs,
    timing: Timing,
    seed: u64,
    scenario: u64,
    perturbation: Perturbation,
    max: u32,
    truth: Truth,
    state: State,
    supposed: Vec<(Count, u32)>,
}

/// Where a trial stands.
struct State {
    now: f64,
    /// What is known: counts and onsets; the pending are filled in when the design is asked.
    seen: Counts,
    open: Vec<Open>,
    happened: Happened,
    /// Places left in the present cohort.
    places: u32,
    /// Evaluable patients and DLTs known in the last cohort, and its undecided patients.
    last: Cohort,
    last_undecided: u32,
    patient: u64,
    /// Patients who wait for a place.
    waiting: u32,
    clock: Clock,
}

impl State {
    /// Patients of whom the outcome is known or awaited.
    fn counted(&self) -> u32 {
        self.seen.patients() + self.open.len() as u32
    }

    /// The first time at which an outcome is known or a patient leaves.
    fn first_known(&self) -> Option<f64> {
        self.open.iter().map(|patient| patient.until).min_by(f64::total_cmp)
    }

    /// Takes in what is known by now; whether there was anything.
    fn take_in(&mut self, window: f64) -> bool {
        let by = self.now + SAME_TIME * window;
        let mut any = false;
        let mut place = 0;
        while let Some(patient) = self.open.get(place).copied() {
            if patient.until > by {
                place += 1;
                continue;
            }
            any = true;
            self.open.swap_remove(place);
            let in_last = patient.cohort == self.happened.cohorts;
            self.last_undecided -= u32::from(in_last);
            if patient.leaves {
                self.places += u32::from(in_last);
                continue;
            }
            let dlt = u32::from(patient.outcome.recorded_dlt);
            let efficacy = u32::from(patient.outcome.efficacy);
            if let Some(count) = self.seen.levels.get_mut(patient.level.index()) {
                count.evaluable += 1;
                count.dlt += dlt;
                count.efficacy += efficacy;
                count.both += dlt * efficacy;
            }
            if dlt > 0 {
                let share = ((patient.until - patient.entry) / window).clamp(0.0, 1.0);
                self.seen.onsets.push(Followed { level: patient.level, share });
            }
            self.last.patients += u32::from(in_last);
            self.last.dlts += if in_last { dlt } else { 0 };
        }
        any
    }
}

impl<'p> TimeTrial<'p> {
    pub(super) fn new(plan: &'p Plan, timing: Timing) -> Self {
        let perturbation = plan.conduct.perturbation;
        let state = State {
            now: 0.0,
            seen: Counts::none(plan.levels(), Level::FIRST),
            open: Vec::new(),
            happened: Happened::default(),
            places: 0,
            last: Cohort { patients: 0, dlts: 0 },
            last_undecided: 0,
            patient: 0,
            waiting: 0,
            clock: Clock::default(),
        };
        Self {
            design: &plan.design,
            needs: plan.design.rule().needs(),
            timing,
            seed: plan.seed,
            scenario: 0,
            perturbation,
            max: plan.design.max_patients().unwrap_or(u32::MAX),
            truth: Truth::new(&Scenario::default(), perturbation),
            state,
            supposed: Vec::new(),
        }
    }

    /// Takes another truth.
    pub(super) fn suppose(&mut self, scenario: &Scenario, number: u64) {
        self.truth = Truth::new(scenario, self.perturbation);
        self.scenario = number;
    }

    pub(super) fn run(&mut self, replicate: u64, counter: &mut Counter) -> Result<(), NotSimulated> {
        self.clear();
        let stream = Stream::new(self.seed, self.scenario, replicate);
        let mut arrivals = Stream::of_arrivals(self.seed, self.scenario, replicate);
        let mut come = 0_u64;
        let timing = self.timing;
        let mut arrive = |before: f64| match timing.arrivals {
            Arrivals::Poisson => before - libm::log1p(-arrivals.uniform()) / timing.rate,
            Arrivals::Fixed => {
                come += 1;
                come as f64 / timing.rate
            }
        };
        let mut arrival = arrive(0.0);
        let (mut open_at, mut enrol) = match self.ask()? {
            Next::Enrol(level, enrol) => (level, enrol),
            Next::Wait => (Level::FIRST, 0),
            Next::End(selected) => return self.end(selected, counter),
        };
        self.begin_cohort(&stream, open_at, enrol);
        loop {
            // A cohort is filled as patients come; whose outcome is known meanwhile is asked when it is full.
            while self.state.places > 0 {
                if self.state.waiting > 0 {
                    self.state.waiting -= 1;
                } else {
                    // Who came while the last patients were followed found accrual ended.
                    while arrival < self.state.now {
                        arrival = arrive(arrival);
                    }
                    self.state.now = arrival;
                    arrival = arrive(arrival);
                }
                self.state.take_in(timing.window);
                self.enrol(&stream, open_at)?;
            }
            // The cohort is full: accrual is open or suspended until the next patient comes.
            let mut next = self.ask()?;
            let mut asked = self.state.now;
            let chosen = loop {
                match next {
                    Next::End(selected) => return self.end(selected, counter),
                    Next::Wait if self.state.open.is_empty() => {
                        return self.end(Some(self.state.seen.current), counter);
                    }
                    Next::Wait => {
                        let last = self.state.counted() >= self.max;
                        let known = self.state.first_known().unwrap_or(f64::INFINITY);
                        if !last && arrival < known {
                            self.pass(arrival);
                            arrival = arrive(arrival);
                            self.state.clock.found_suspended += 1;
                            let may_enter = self.needs == Needs::FollowUp;
                            if may_enter {
                                next = self.ask()?;
                            }
                            match next {
                                // Follow-up alone has opened the trial again, to the patient who has just come.
                                Next::Enrol(level, enrol) => {
                                    self.state.clock.found_suspended -= 1;
                                    self.state.waiting += 1;
                                    break Some((level, enrol));
                                }
                                _ if timing.while_suspended == WhileSuspended::Wait => {
                                    self.state.waiting += 1
                                }
                                _ => {}
                            }
                        } else {
                            if last {
                                self.state.now = known;
                            } else {
                                self.pass(known);
                            }
                            self.state.take_in(timing.window);
                            if self.state.places > 0 {
                                break None;
                            }
                            next = self.ask()?;
                            asked = self.state.now;
                        }
                    }
                    Next::Enrol(level, enrol) if self.state.waiting > 0 => break Some((level, enrol)),
                    Next::Enrol(level, enrol) => {
                        while arrival < self.state.now {
                            arrival = arrive(arrival);
                        }
                        self.state.now = arrival;
                        arrival = arrive(arrival);
                        let changed = self.state.take_in(timing.window);
                        if self.state.places > 0 {
                            self.state.waiting += 1;
                            break None;
                        }
                        let again = self.state.now > asked && (changed || self.needs == Needs::FollowUp);
                        next = if again { self.ask()? } else { Next::Enrol(level, enrol) };
                        asked = self.state.now;
                        match next {
                            Next::Enrol(..) => self.state.waiting += 1,
                            Next::Wait => {
                                self.state.clock.found_suspended += 1;
                                let waits = timing.while_suspended == WhileSuspended::Wait;
                                self.state.waiting += u32::from(waits);
                            }
                            Next::End(_) => {}
                        }
                    }
                }
            };
            if let Some(chosen) = chosen {
                (open_at, enrol) = chosen;
                self.state.clock.decisions += 1;
                self.state.clock.pending += self.state.open.len() as u64;
                self.begin_cohort(&stream, open_at, enrol);
            }
        }
    }

    fn clear(&mut self) {
        let state = &mut self.state;
        state.now = 0.0;
        state.seen.levels.iter_mut().for_each(|count| *count = Count::default());
        (state.seen.current, state.seen.last) = (Level::FIRST, None);
        state.seen.pending.clear();
        state.seen.onsets.clear();
        state.open.clear();
        let levels = state.seen.levels.len();
        state.happened.clear(levels);
        (state.places, state.last_undecided, state.patient, state.waiting) = (0, 0, 0, 0);
        state.last = Cohort { patients: 0, dlts: 0 };
        state.clock = Clock::default();
    }

    /// Time passes while accrual is suspended.
    fn pass(&mut self, until: f64) {
        self.state.clock.suspended += until - self.state.now;
        self.state.now = until;
    }

    fn begin_cohort(&mut self, stream: &Stream, level: Level, enrol: u32) {
        let state = &mut self.state;
        let extra = u32::from(self.truth.over_enrols(stream, state.patient));
        state.places = enrol.saturating_add(extra).min(self.max.saturating_sub(state.counted()));
        state.happened.cohorts += 1;
        state.last = Cohort { patients: 0, dlts: 0 };
        state.last_undecided = 0;
        state.seen.current = level;
    }

    fn enrol(&mut self, stream: &Stream, level: Level) -> Result<(), NotSimulated> {
        let (window, onset) = (self.timing.window, self.timing.onset);
        let state = &mut self.state;
        if self.max == u32::MAX && state.counted() > UNPLANNED_MAX {
            return Err(NotSimulated::NoEnd);
        }
        let (outcome, place) = self.truth.patient(stream, state.patient, level);
        state.happened.add(level, outcome);
        let share = if !outcome.evaluable {
            self.truth.leaving(stream, state.patient)
        } else if outcome.recorded_dlt && self.needs != Needs::Efficacy {
            onset.share(place, self.truth.rate(level))
        } else {
            1.0
        };
        state.patient += 1;
        state.places -= 1;
        state.last_undecided += 1;
        let cohort = state.happened.cohorts;
        let (entry, until) = (state.now, state.now + share * window);
        state.open.push(Open { level, entry, until, leaves: !outcome.evaluable, cohort, outcome });
        Ok(())
    }

    /// What the design answers to what is known now.
    fn ask(&mut self) -> Result<Next, NotSimulated> {
        if self.state.counted() >= self.max && !self.state.open.is_empty() {
            return Ok(Next::Wait);
        }
        let step = match self.needs {
            _ if self.state.open.is_empty() => {
                let State { seen, last, happened, .. } = &mut self.state;
                seen.pending.clear();
                seen.last = (happened.cohorts > 0).then_some(*last);
                self.design.advance(seen)?
            }
            Needs::FollowUp => {
                let State { seen, open, last, now, .. } = &mut self.state;
                seen.pending.clear();
                let share = |patient: &Open| ((*now - patient.entry) / self.timing.window).clamp(0.0, 1.0);
                let followed = |patient: &Open| Followed { level: patient.level, share: share(patient) };
                seen.pending.extend(open.iter().map(followed));
                seen.last = Some(*last);
                self.design.advance(seen)?
            }
            Needs::Efficacy => Move::wait(self.state.seen.current),
            Needs::Counts => self.ask_for_every_completion()?,
        };
        Ok(match step {
            Move { action: Action::Stop | Action::Complete, level, .. } => Next::End(level),
            Move { action: Action::Wait, .. } => Next::Wait,
            Move { level: Some(level), enrol, .. } if enrol > 0 => Next::Enrol(level, enrol),
            Move { level, .. } => Next::End(level),
        })
    }

    /// What all ways in which the pending may turn out lead to, or to wait.
    fn ask_for_every_completion(&mut self) -> Result<Move, NotSimulated> {
        let State { seen, open, last, last_undecided, .. } = &mut self.state;
        self.supposed.clear();
        self.supposed.extend(seen.levels.iter().map(|count| (*count, 0)));
        open.iter().for_each(|patient| self.supposed[patient.level.index()].1 += 1);
        let wait = Move::wait(seen.current);
        let ways =
            self.supposed.iter().fold(1_u64, |ways, (_, open)| ways.saturating_mul(u64::from(*open) + 1));
        let mut agreed: Option<Move> = None;
        if ways > COMPLETIONS_MAX {
            return Ok(wait);
        }
        for way in 0..ways {
            let mut rest = way;
            for (count, (known, open)) in seen.levels.iter_mut().zip(&self.supposed) {
                let dlts = (rest % (u64::from(*open) + 1)) as u32;
                rest /= u64::from(*open) + 1;
                *count = Count { evaluable: known.evaluable + open, dlt: known.dlt + dlts, ..*known };
            }
            let here = seen.current.index();
            let dlts = seen.here().dlt - self.supposed[here].0.dlt;
            seen.last = Some(Cohort {
                patients: last.patients + *last_undecided,
                dlts: last.dlts + dlts.min(*last_undecided),
            });
            seen.pending.clear();
            let step = self.design.advance(seen);
            let step = step.inspect_err(|_| restore(seen, &self.supposed))?;
            agreed = match agreed {
                None => Some(step),
                Some(other) if (other.action, other.level) == (step.action, step.level) => {
                    Some(Move { enrol: other.enrol.min(step.enrol), ..other })
                }
                Some(_) => {
                    agreed = None;
                    break;
                }
            };
        }
        restore(seen, &self.supposed);
        Ok(agreed.unwrap_or(wait))
    }

    fn end(&mut self, selected: Option<Level>, counter: &mut Counter) -> Result<(), NotSimulated> {
        let state = &self.state;
        let clock = Clock { duration: state.now, ..state.clock };
        counter.add(&state.happened, selected);
        counter.add_clock(clock, self.timing.window);
        Ok(())
    }
}

fn restore(seen: &mut Counts, known: &[(Count, u32)]) {
    seen.levels.iter_mut().zip(known).for_each(|(count, (known, _))| *count = *known);
}
