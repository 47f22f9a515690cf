//! Passes over a graph: forward for probabilities, backward for expectations and derivatives.

use super::{Graph, NoGraph, Root, outcomes};
use crate::characteristics::{Characteristics, Scenario, Tally, Yardstick};
use crate::data::Data;
use crate::design::Design;
use crate::ladder::Level;
use crate::numeric::{binomial_probabilities, ln_gamma};

/// Scenarios that go through the graph side by side.
const LANES: usize = 4;
/// How far the probabilities of all ends may sum from one.
const LEAK: f64 = 1e-9;

/// The probabilities of a cohort's outcomes at each level, for the cohort sizes that occur, for each lane.
struct Chances<const L: usize> {
    /// Where the outcomes of each cohort size begin within a level; `None` where the size does not occur.
    offset: Vec<Option<usize>>,
    /// How many outcomes a cohort of each size has.
    outcomes: Vec<usize>,
    /// Outcomes of a level, all sizes together.
    width: usize,
    table: Vec<[f64; L]>,
}

impl<const L: usize> Chances<L> {
    fn new(graph: &Graph, scenarios: &[Scenario]) -> Self {
        let mut occurs = vec![false; 256];
        graph.size.iter().for_each(|size| occurs[usize::from(*size)] = true);
        let (mut offset, mut counts, mut width) = (vec![None; 256], vec![0; 256], 0);
        for size in (1..=u8::MAX).filter(|size| occurs[usize::from(*size)]) {
            offset[usize::from(size)] = Some(width);
            counts[usize::from(size)] = outcomes(size, graph.efficacy).len();
            width += counts[usize::from(size)];
        }
        let mut table = vec![[0.0; L]; width * graph.levels];
        for (lane, scenario) in scenarios.iter().enumerate() {
            for level in 0..graph.levels {
                for (size, offset) in offset.iter().enumerate() {
                    let Some(offset) = offset else { continue };
                    let chances = outcome_chances(scenario, level, size as u8, graph.efficacy);
                    for (place, chance) in chances.into_iter().enumerate() {
                        table[level * width + offset + place][lane] = chance;
                    }
                }
            }
        }
        Self { offset, outcomes: counts, width, table }
    }

    /// How many outcomes a cohort of this size has; 0 for one that does not occur.
    fn outcomes(&self, size: u8) -> usize {
        self.outcomes[usize::from(size)]
    }

    fn of(&self, level: u8, size: u8) -> &[[f64; L]] {
        let from = usize::from(level) * self.width + self.offset[usize::from(size)].unwrap_or(0);
        &self.table[from..]
    }
}

/// The probabilities of the outcomes of a cohort at a level, in the order of [`outcomes`].
pub(crate) fn outcome_chances(scenario: &Scenario, level: usize, size: u8, efficacy: bool) -> Vec<f64> {
    if !efficacy {
        return binomial_probabilities(u32::from(size), scenario.truth[level]);
    }
    let [neither, dlt, only, both] = scenario.cells(level);
    let ways = |[toxic, responders, joint]: [u8; 3]| {
        let factorial = |count: u8| ln_gamma(f64::from(count) + 1.0);
        let cells = [size - toxic - (responders - joint), toxic - joint, responders - joint, joint];
        let ways = libm::exp(factorial(size) - cells.iter().map(|count| factorial(*count)).sum::<f64>());
        let power = |p: f64, count: u8| (0..count).fold(1.0, |power, _| power * p);
        libm::round(ways)
            * power(neither, cells[0])
            * power(dlt, cells[1])
            * power(only, cells[2])
            * power(both, cells[3])
    };
    outcomes(size, true).into_iter().map(ways).collect()
}

impl Root {
    /// The probability that the undecided turn out as this beginning says.
    fn chance(&self, scenario: &Scenario, efficacy: bool) -> f64 {
        let one = |(level, undecided, outcome): &(u8, u8, [u8; 3])| {
            let all = outcomes(*undecided, efficacy);
            let place = all.iter().position(|other| other == outcome).unwrap_or(0);
            outcome_chances(scenario, usize::from(*level), *undecided, efficacy)[place]
        };
        self.turned.iter().map(one).product()
    }
}

impl Graph {
    /// The operating characteristics under each scenario, on up to `threads` threads. The result does not depend on
    /// how many threads there are, nor on which scenarios stand beside each other.
    ///
    /// # Errors
    /// Probabilities that do not sum to one.
    pub fn characteristics(
        &self,
        scenarios: &[Scenario],
        yardstick: Yardstick,
        threads: usize,
    ) -> Result<Vec<Characteristics>, NoGraph> {
        let run = |scenarios: &[Scenario]| -> Result<Vec<Characteristics>, NoGraph> {
            let mut mass = Vec::new();
            let mut all = Vec::with_capacity(scenarios.len());
            let batches = scenarios.chunks_exact(LANES);
            let rest = batches.remainder();
            for batch in batches {
                all.extend(self.batch::<LANES>(batch, yardstick, &mut mass)?);
            }
            let mut mass = Vec::new();
            for alone in rest {
                all.extend(self.batch::<1>(std::slice::from_ref(alone), yardstick, &mut mass)?);
            }
            Ok(all)
        };
        let batches = scenarios.len().div_ceil(LANES);
        let threads = threads.clamp(1, batches.max(1));
        if threads == 1 || self.to.len() * scenarios.len() < 100_000 {
            return run(scenarios);
        }
        let share = batches.div_ceil(threads) * LANES;
        std::thread::scope(|scope| {
            let parts: Vec<_> = scenarios.chunks(share).map(|part| scope.spawn(move || run(part))).collect();
            let mut all = Vec::with_capacity(scenarios.len());
            for part in parts {
                match part.join() {
                    Ok(part) => all.extend(part?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(all)
        })
    }

    fn batch<const L: usize>(
        &self,
        scenarios: &[Scenario],
        yardstick: Yardstick,
        mass: &mut Vec<[f64; L]>,
    ) -> Result<Vec<Characteristics>, NoGraph> {
        let (patients, cohorts) = self.forward(scenarios, mass);
        let mut tallies: Vec<Tally> =
            scenarios.iter().map(|scenario| Tally::new(scenario, yardstick)).collect();
        let mut profiles = vec![[0.0; L]; self.profiles.len() / self.levels];
        let ways = self.outcomes_of_end();
        let last = self.ending.iter().max().map_or(0, |ending| *ending as usize);
        let mut endings = vec![[0.0; L]; last + 1];
        for ((&node, &profile), &ending) in self.ends.iter().zip(&self.profile).zip(&self.ending) {
            let weights = mass[node as usize];
            for lane in 0..L {
                profiles[profile as usize][lane] += weights[lane];
                endings[ending as usize][lane] += weights[lane];
            }
        }
        for (ending, weights) in endings.iter().enumerate() {
            for (tally, weight) in tallies.iter_mut().zip(weights) {
                tally.add_end(*weight, ending % ways, (ending / ways) as u32);
            }
        }
        for (patients, weights) in self.profiles.chunks_exact(self.levels).zip(&profiles) {
            for (tally, weight) in tallies.iter_mut().zip(weights) {
                tally.add_profile(*weight, patients.iter().map(|patients| u32::from(*patients)));
            }
        }
        let before: Vec<f64> = self.before.iter().map(|patients| f64::from(*patients)).collect();
        let finish = |(lane, (scenario, tally)): (usize, (&Scenario, Tally))| {
            let patients =
                before.iter().zip(&patients).map(|(before, treated)| before + treated[lane]).collect();
            let mut oc = tally.finish(scenario, patients);
            oc.cohorts = Some(cohorts[lane]);
            let sum = oc.select.iter().sum::<f64>() + oc.select_none;
            if (sum - 1.0).abs() > LEAK { Err(NoGraph::Leaks { sum }) } else { Ok(oc) }
        };
        scenarios.iter().zip(tallies).enumerate().map(finish).collect()
    }

    /// The probability of every node, and by lane the expected patients at each level and the expected cohorts.
    fn forward<const L: usize>(
        &self,
        scenarios: &[Scenario],
        mass: &mut Vec<[f64; L]>,
    ) -> (Vec<[f64; L]>, [f64; L]) {
        let chances = Chances::<L>::new(self, scenarios);
        mass.clear();
        mass.resize(self.level.len(), [0.0; L]);
        let mut patients = vec![[0.0; L]; self.levels];
        for root in &self.roots {
            for (lane, scenario) in scenarios.iter().enumerate() {
                mass[root.node as usize][lane] += root.chance(scenario, self.efficacy);
                for (level, undecided, _) in &root.turned {
                    patients[usize::from(*level)][lane] +=
                        f64::from(*undecided) * root.chance(scenario, self.efficacy);
                }
            }
        }
        let mut cohorts = [0.0; L];
        let mut rest = self.to.as_slice();
        for (node, (&size, &at)) in self.size.iter().zip(&self.level).enumerate() {
            if size == 0 {
                continue;
            }
            let here = mass[node];
            let (edges, after) = rest.split_at(chances.outcomes(size));
            rest = after;
            for (&to, chance) in edges.iter().zip(chances.of(at, size)) {
                let reached = &mut mass[to as usize];
                for lane in 0..L {
                    reached[lane] += here[lane] * chance[lane];
                }
            }
            let treated = &mut patients[usize::from(at)];
            for lane in 0..L {
                treated[lane] += here[lane] * f64::from(size);
                cohorts[lane] += here[lane];
            }
        }
        (patients, cohorts)
    }

    /// The derivative of the probability that each level is selected (and, last, that none is) by the true DLT rate
    /// at each level: `gradient[selected][level]`, by one backward pass for each. For designs on toxicity alone.
    pub fn selection_gradient(&self, scenario: &Scenario) -> Vec<Vec<f64>> {
        let mut mass: Vec<[f64; 1]> = Vec::new();
        self.forward(std::slice::from_ref(scenario), &mut mass);
        let selected = |wanted: Option<u8>| {
            let value = |node: usize| if Some(self.level[node]) == wanted { 1.0 } else { 0.0 };
            self.gradient(scenario, &mass, &value)
        };
        (1..=self.levels as u8).map(|level| selected(Some(level))).chain([selected(Some(0))]).collect()
    }

    fn gradient(&self, scenario: &Scenario, mass: &[[f64; 1]], value: &dyn Fn(usize) -> f64) -> Vec<f64> {
        let chances = Chances::<1>::new(self, std::slice::from_ref(scenario));
        let mut worth = vec![0.0; self.level.len()];
        let mut gradient = vec![0.0; self.levels];
        let mut slopes: Vec<Option<Vec<f64>>> = vec![None; 256 * self.levels];
        for node in (0..self.level.len()).rev() {
            let size = self.size[node];
            if size == 0 {
                worth[node] = value(node);
                continue;
            }
            let edges = &self.to[self.first[node] as usize..self.first[node + 1] as usize];
            let at = self.level[node];
            let level = usize::from(at);
            let slope = slopes[level * 256 + usize::from(size)]
                .get_or_insert_with(|| binomial_slopes(u32::from(size), scenario.truth[level]));
            let (mut expected, mut change) = (0.0, 0.0);
            for ((&to, chance), slope) in edges.iter().zip(chances.of(at, size)).zip(slope.iter()) {
                expected += chance[0] * worth[to as usize];
                change += slope * worth[to as usize];
            }
            worth[node] = expected;
            gradient[level] += mass[node][0] * change;
        }
        for root in self.roots.iter().filter(|root| !root.turned.is_empty()) {
            for (place, (level, undecided, outcome)) in root.turned.iter().enumerate() {
                let others = Root {
                    node: root.node,
                    turned: root
                        .turned
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != place)
                        .map(|(_, one)| *one)
                        .collect(),
                };
                let slope = binomial_slopes(u32::from(*undecided), scenario.truth[usize::from(*level)]);
                gradient[usize::from(*level)] += others.chance(scenario, self.efficacy)
                    * slope[usize::from(outcome[0])]
                    * worth[root.node as usize];
            }
        }
        gradient
    }

    /// What the end of the trial will be, given the patients treated before the graph begins: the mean of its
    /// characteristics over the posterior. A design with a model of all levels uses its own posterior; else each
    /// level's DLT rate has the Beta(1, 1) prior, independently. For designs on toxicity alone.
    ///
    /// # Errors
    /// The model gives no answer, or probabilities do not sum to one.
    pub fn predict(&self, design: &Design, data: &Data, threads: usize) -> Result<Prediction, NoGraph> {
        let Some(believed) = design.rule().believed(&data.known())? else {
            let mut select = self.predicted_by_level(data);
            let select_none = select.pop().unwrap_or(0.0);
            return Ok(Prediction { select, select_none, belief: Belief::IndependentBeta });
        };
        let scenarios: Vec<Scenario> = believed.iter().map(|(_, truth)| Scenario::of(truth)).collect();
        let yardstick = Yardstick::new(design.target().unwrap_or(0.5), self.planned(design));
        let all = self.characteristics(&scenarios, yardstick, threads)?;
        let mean = |of: &dyn Fn(&Characteristics) -> f64| {
            all.iter().zip(&believed).map(|(oc, (mass, _))| mass * of(oc)).sum::<f64>()
        };
        let select = (0..self.levels).map(|level| mean(&|oc| oc.select[level])).collect();
        Ok(Prediction { select, select_none: mean(&|oc| oc.select_none), belief: Belief::Model })
    }

    /// Selections by exact recursion: what the next cohort at a level does is beta-binomial given that level's counts.
    fn predicted_by_level(&self, data: &Data) -> Vec<f64> {
        let mut mass = vec![0.0; self.level.len()];
        for root in &self.roots {
            let of_level = |(level, undecided, outcome): &(u8, u8, [u8; 3])| {
                let known = data.levels().get(usize::from(*level)).cloned().unwrap_or_default();
                beta_binomial(known.evaluable(), known.dlt, *undecided)[usize::from(outcome[0])]
            };
            mass[root.node as usize] += root.turned.iter().map(of_level).product::<f64>();
        }
        let mut tables: std::collections::HashMap<(u8, u8, u8), Vec<f64>> = std::collections::HashMap::new();
        let mut select = vec![0.0; self.levels + 1];
        for node in 0..self.level.len() {
            let size = self.size[node];
            if size == 0 {
                let place = usize::from(self.level[node]).checked_sub(1).unwrap_or(self.levels);
                select[place] += mass[node];
                continue;
            }
            let [n, y] = self.here[node];
            let table =
                tables.entry((n, y, size)).or_insert_with(|| beta_binomial(u32::from(n), u32::from(y), size));
            let edges = self.first[node] as usize..self.first[node + 1] as usize;
            for (edge, chance) in edges.zip(table.iter()) {
                mass[self.to[edge] as usize] += mass[node] * chance;
            }
        }
        select
    }

    /// The share of trials whose next cohort is at each level, and (last) of those that have ended, once so many
    /// patients have been treated; a row for each number at which anyone decides.
    pub fn by_patients_treated(&self, scenario: &Scenario) -> Vec<(u32, Vec<f64>)> {
        let mut mass: Vec<[f64; 1]> = Vec::new();
        self.forward(std::slice::from_ref(scenario), &mut mass);
        let mut ended = 0.0;
        let mut rows = Vec::new();
        for (treated, layer) in self.layers.windows(2).enumerate().filter(|(_, layer)| layer[0] < layer[1]) {
            let mut row = vec![0.0; self.levels + 1];
            for node in layer[0] as usize..layer[1] as usize {
                if self.size[node] == 0 {
                    ended += mass[node][0];
                } else {
                    row[usize::from(self.level[node])] += mass[node][0];
                }
            }
            row[self.levels] = ended;
            rows.push((treated as u32, row));
        }
        rows
    }

    /// The most probable course of a trial: the outcome of each cohort, its probability, and the selection.
    pub fn most_likely_course(&self, scenario: &Scenario) -> Course {
        self.course(scenario, false)
    }

    /// The course with the most DLTs, of those the most probable.
    pub fn worst_course(&self, scenario: &Scenario) -> Course {
        self.course(scenario, true)
    }

    fn course(&self, scenario: &Scenario, worst: bool) -> Course {
        // Best way to each node: DLTs where they count, log probability, the edge's origin and place.
        let mut best: Vec<Option<(u32, f64, u32, u32)>> = vec![None; self.level.len()];
        let better = |now: (u32, f64), than: Option<(u32, f64, u32, u32)>| {
            than.is_none_or(|(dlts, log, ..)| if worst && now.0 != dlts { now.0 > dlts } else { now.1 > log })
        };
        for root in &self.roots {
            let chance = root.chance(scenario, self.efficacy);
            let dlts = root.turned.iter().map(|(_, _, outcome)| u32::from(outcome[0])).sum();
            let way = (dlts, libm::log(chance));
            if chance > 0.0 && better(way, best[root.node as usize]) {
                best[root.node as usize] = Some((way.0, way.1, u32::MAX, 0));
            }
        }
        for node in 0..self.level.len() {
            let (Some((dlts, log, ..)), size @ 1..) = (best[node], self.size[node]) else { continue };
            let chances = outcome_chances(scenario, usize::from(self.level[node]), size, self.efficacy);
            let edges = self.first[node] as usize..self.first[node + 1] as usize;
            for (place, (edge, (chance, outcome))) in
                edges.zip(chances.into_iter().zip(outcomes(size, self.efficacy))).enumerate()
            {
                let to = self.to[edge] as usize;
                let way = (dlts + u32::from(outcome[0]), log + libm::log(chance));
                if chance > 0.0 && better(way, best[to]) {
                    best[to] = Some((way.0, way.1, node as u32, place as u32));
                }
            }
        }
        let mut end: Option<(u32, (u32, f64))> = None;
        for &node in &self.ends {
            let Some((dlts, log, ..)) = best[node as usize] else { continue };
            let than = end.map(|(_, (dlts, log))| (dlts, log, 0, 0));
            if better((dlts, log), than) {
                end = Some((node, (dlts, log)));
            }
        }
        let Some((last, (_, log))) = end else { return Course::default() };
        let mut cohorts = Vec::new();
        let mut node = last;
        while let Some((_, _, from, place)) = best[node as usize].filter(|way| way.2 != u32::MAX) {
            let size = self.size[from as usize];
            let [dlts, efficacy, both] = outcomes(size, self.efficacy)[place as usize];
            cohorts.push(CohortOutcome {
                level: Level::at_index(usize::from(self.level[from as usize])),
                patients: u32::from(size),
                dlts: u32::from(dlts),
                efficacy: u32::from(efficacy),
                both: u32::from(both),
            });
            node = from;
        }
        cohorts.reverse();
        Course {
            cohorts,
            selected: Level::new(u32::from(self.level[last as usize])),
            probability: libm::exp(log),
        }
    }
}

/// The predictive probabilities of the final selection.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Prediction {
    /// Probability that each level is selected.
    pub select: Vec<f64>,
    /// Probability that none is.
    pub select_none: f64,
    /// Whose posterior it is.
    pub belief: Belief,
}

/// The posterior behind a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belief {
    /// That of the design's own model.
    Model,
    /// Beta(1, 1) at each level, independently.
    IndependentBeta,
}

/// The course of one trial.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Course {
    /// What happened in each cohort, in order.
    pub cohorts: Vec<CohortOutcome>,
    /// The level selected at the end; none where none is.
    pub selected: Option<Level>,
    /// The probability of this course.
    pub probability: f64,
}

/// What happened in one cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CohortOutcome {
    /// The level treated.
    pub level: Level,
    /// Evaluable patients.
    pub patients: u32,
    /// DLTs among them.
    pub dlts: u32,
    /// Patients with the efficacy outcome; 0 for designs on toxicity alone.
    #[serde(default)]
    pub efficacy: u32,
    /// Patients with both; 0 for designs on toxicity alone.
    #[serde(default)]
    pub both: u32,
}

impl CohortOutcome {
    /// The cohort in the notation that [`crate::Data::from_outcomes`] reads, such as `2NNT`.
    pub fn notation(&self) -> String {
        let only = self.efficacy.saturating_sub(self.both);
        let neither = self.patients.saturating_sub(self.dlts).saturating_sub(only);
        let toxic = self.dlts.saturating_sub(self.both);
        let letters = [("N", neither), ("E", only), ("T", toxic), ("B", self.both)];
        let patients: String = letters.iter().map(|(letter, count)| letter.repeat(*count as usize)).collect();
        format!("{}{patients}", self.level)
    }
}

/// The derivatives by p of the probabilities of 0, 1, …, n successes.
fn binomial_slopes(n: u32, p: f64) -> Vec<f64> {
    // n (b(y-1; n-1) - b(y; n-1)), which holds at p = 0 and 1 too.
    let fewer = binomial_probabilities(n - 1, p);
    let at = |place: Option<usize>| place.and_then(|place| fewer.get(place)).copied().unwrap_or(0.0);
    (0..=n as usize).map(|y| f64::from(n) * (at(y.checked_sub(1)) - at(Some(y)))).collect()
}

/// The probabilities of 0, 1, … DLTs in the next cohort after `dlts` among `n`, for a Beta(1, 1) prior.
fn beta_binomial(n: u32, dlts: u32, size: u8) -> Vec<f64> {
    let (a, b, m) = (f64::from(dlts) + 1.0, f64::from(n - dlts.min(n)) + 1.0, f64::from(size));
    let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let one = |y: u8| {
        let y = f64::from(y);
        let ways = ln_gamma(m + 1.0) - ln_gamma(y + 1.0) - ln_gamma(m - y + 1.0);
        libm::exp(ways + beta(a + y, b + m - y) - beta(a, b))
    };
    (0..=size).map(one).collect()
}
