//! Compiling a design into its graph, layer by layer of patients treated.

use super::{Graph, NoGraph, Root, outcomes};
use crate::data::{Cohort, Count, Counts, Data, Turned};
use crate::decision::{Action, Move};
use crate::design::{Design, Needs, Rule};
use crate::ladder::Level;

/// The greatest number of patients that a level's bytes hold.
const PATIENTS_MAX: u32 = 255;
/// A layer of at least so many states is decided on by several threads.
const SHARED_LAYER: usize = 4_096;
/// Bytes a state takes while its graph is compiled.
const BYTES_A_STATE: f64 = 100.0;

impl Graph {
    /// The graph of a design from its first patient on, on up to `threads` threads; refused above `budget` states.
    ///
    /// ```
    /// use posology_design::{Design, characteristics::{Scenario, Yardstick}, graph::{Graph, STATES_MAX}};
    /// let boin = r#"{"design": "boin", "target": 0.3, "doses": 5, "max-patients": 30}"#;
    /// let design: Design = serde_json::from_str(boin).unwrap();
    /// let graph = Graph::compile(&design, STATES_MAX, 1)?;
    /// let truth = Scenario::of(&[0.05, 0.15, 0.30, 0.45, 0.60]);
    /// let oc = &graph.characteristics(&[truth], Yardstick::new(0.3, 30), 1)?[0];
    /// assert!((oc.select[2] - 0.546_330_164_335_405).abs() < 1e-12);
    /// # Ok::<(), posology_design::graph::NoGraph>(())
    /// ```
    ///
    /// # Errors
    /// The design does not decide on counts, has no end, needs more than the budget, or gives no answer.
    pub fn compile(design: &Design, budget: usize, threads: usize) -> Result<Self, NoGraph> {
        let levels = design.levels().ok_or(NoGraph::NoLadder)? as usize;
        let data = Data::new(vec![crate::AtLevel::default(); levels], None)?;
        Self::compile_from(design, &data, budget, threads)
    }

    /// The graph from the patients treated so far on. Undecided patients turn out by the truth.
    ///
    /// # Errors
    /// As [`Graph::compile`], and data that are not the design's.
    pub fn compile_from(
        design: &Design,
        data: &Data,
        budget: usize,
        threads: usize,
    ) -> Result<Self, NoGraph> {
        let efficacy = match design.rule().needs() {
            Needs::Counts => false,
            Needs::Efficacy => true,
            Needs::FollowUp => return Err(NoGraph::NotOnCounts { design: design.name() }),
        };
        design.fits(data)?;
        let max = design.max_patients();
        if max.is_none() && !matches!(design, Design::ThreePlusThree(_)) {
            return Err(NoGraph::NoEnd { design: design.name(), max: PATIENTS_MAX });
        }
        if let Some(found) = max.filter(|max| *max > PATIENTS_MAX) {
            return Err(NoGraph::Beyond { what: "patients", found, max: PATIENTS_MAX });
        }
        let stride = if efficacy { 4 } else { 2 };
        let compiler = Compiler { design, efficacy, stride, budget, threads: threads.max(1) };
        match data.levels().len() * stride + 4 {
            ..=16 => compiler.run::<16>(data),
            17..=32 => compiler.run::<32>(data),
            33..=64 => compiler.run::<64>(data),
            65..=256 => compiler.run::<256>(data),
            _ => {
                let (found, max) = (data.levels().len() as u32, 252 / stride as u32);
                Err(NoGraph::Beyond { what: "levels", found, max })
            }
        }
    }
}

/// A root as it is put into the graph: its layer, its number there, and how the undecided turned out.
type Beginning = (u32, u32, Vec<(u8, u8, [u8; 3])>);

/// Gives each key a number in the order of arrival.
struct Interner<const B: usize> {
    keys: Vec<[u8; B]>,
    /// Number plus one, 0 where free; a power of two of them, at most half taken.
    slots: Vec<u32>,
}

impl<const B: usize> Interner<B> {
    fn new() -> Self {
        Self { keys: Vec::new(), slots: Vec::new() }
    }

    /// With room for so many keys.
    fn with_room(keys: usize) -> Self {
        Self { keys: Vec::with_capacity(keys), slots: vec![0; (2 * keys).next_power_of_two().max(64)] }
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.slots.fill(0);
    }

    fn intern(&mut self, key: [u8; B]) -> u32 {
        if self.keys.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(&key) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                number if self.keys[number as usize - 1] == key => return number - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
        self.keys.push(key);
        self.slots[slot] = self.keys.len() as u32;
        self.keys.len() as u32 - 1
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 4).max(64);
        self.slots.clear();
        self.slots.resize(size, 0);
        for (number, key) in self.keys.iter().enumerate() {
            let mut slot = hash(key) as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }
}

/// Folds the key sixteen bytes at a time by wide multiplication.
fn hash<const B: usize>(key: &[u8; B]) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for chunk in key.chunks_exact(16) {
        let mut word = [0; 16];
        word.copy_from_slice(chunk);
        let word = u128::from_le_bytes(word);
        let (low, high) = (word as u64 ^ state, (word >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93);
        let product = u128::from(low) * u128::from(high);
        state = (product >> 64) as u64 ^ product as u64;
    }
    state.wrapping_mul(0xA3AA_6C5D_96F1_5C6B) >> 16
}

struct Compiler<'d> {
    design: &'d Design,
    efficacy: bool,
    /// Bytes a level takes in a key.
    stride: usize,
    budget: usize,
    threads: usize,
}

/// The patients a trial may have at most, and the arrays that grow.
struct Growing<const B: usize> {
    graph: Graph,
    /// Cohort outcomes that arrive at each number of patients treated.
    arrivals: Vec<Interner<B>>,
    /// For each arrival, by patients treated, its node.
    nodes: Vec<Vec<u32>>,
    /// Patients by level at the ends.
    profiles: Interner<B>,
}

impl Compiler<'_> {
    fn run<const B: usize>(&self, data: &Data) -> Result<Graph, NoGraph> {
        let levels = data.levels().len();
        let known = data.known();
        let mut growing = Growing::<B> {
            graph: Graph {
                levels,
                efficacy: self.efficacy,
                level: Vec::new(),
                size: Vec::new(),
                here: Vec::new(),
                first: Vec::new(),
                to: Vec::new(),
                ends: Vec::new(),
                profile: Vec::new(),
                profiles: Vec::new(),
                ending: Vec::new(),
                roots: Vec::new(),
                before: known.levels.iter().map(|count| count.evaluable.min(PATIENTS_MAX) as u8).collect(),
                layers: Vec::new(),
                longest: 0,
            },
            arrivals: Vec::new(),
            nodes: Vec::new(),
            profiles: Interner::new(),
        };
        // Arrivals of the roots: where they were put, and how the undecided turned out.
        let mut beginnings = Vec::new();
        for way in data.completions(self.efficacy) {
            let seen = data.completed(&way);
            let (layer, number) = growing.arrive(seen.patients(), self.arrival_key::<B>(&seen)?);
            beginnings.push((layer, number, turned(data, &way)));
        }
        let mut outcomes_of: Vec<Vec<[u8; 3]>> = vec![Vec::new(); 256];
        let mut canonical = Interner::<B>::new();
        let mut layer = 0;
        while layer < growing.arrivals.len() {
            growing.graph.layers.push(growing.graph.level.len() as u32);
            let arrivals = std::mem::replace(&mut growing.arrivals[layer], Interner::new()).keys;
            if arrivals.is_empty() {
                growing.nodes.push(Vec::new());
                layer += 1;
                continue;
            }
            let steps = self.decide_all(&arrivals, levels)?;
            canonical.clear();
            let last = self.is_last(layer);
            let base = growing.graph.level.len() as u32;
            let mut nodes = Vec::with_capacity(arrivals.len());
            for (arrival, step) in arrivals.iter().zip(steps) {
                let key = self.node_key(arrival, levels, step);
                // At `max-patients` arrivals differ in their counts, so that each is a node of its own.
                let number = if last { nodes.len() as u32 } else { canonical.intern(key) };
                nodes.push(base + number);
                if base + number == growing.graph.level.len() as u32 {
                    let size = step.enrol.min(u32::from(u8::MAX)) as u8;
                    if outcomes_of[size as usize].is_empty() {
                        outcomes_of[size as usize] = outcomes(size, self.efficacy);
                    }
                    self.add_node(&mut growing, layer, &key, size, &outcomes_of[size as usize])?;
                }
            }
            growing.nodes.push(nodes);
            let waiting: usize = growing.arrivals.iter().map(|arrivals| arrivals.keys.len()).sum();
            if growing.graph.level.len() + waiting > self.budget || self.is_hopeless(&growing, layer) {
                return Err(self.too_large(&growing, layer));
            }
            layer += 1;
        }
        Ok(self.finish(growing, &beginnings))
    }

    /// Where an edge leads is known by number of arrival; now that all have nodes, it is put in their place.
    fn finish<const B: usize>(&self, growing: Growing<B>, beginnings: &[Beginning]) -> Graph {
        let Growing { mut graph, nodes, profiles, .. } = growing;
        graph.profiles = profiles.keys.iter().flat_map(|key| key[..graph.levels].iter().copied()).collect();
        graph.first.push(graph.to.len() as u32);
        graph.layers.push(graph.level.len() as u32);
        graph.longest = (nodes.len() as u32).saturating_sub(1);
        for layer in 0..nodes.len() {
            for node in graph.layers[layer] as usize..graph.layers[layer + 1] as usize {
                let reached = layer + usize::from(graph.size[node]);
                for edge in graph.first[node] as usize..graph.first[node + 1] as usize {
                    graph.to[edge] = nodes[reached][graph.to[edge] as usize];
                }
            }
        }
        let root = |(layer, number, turned): &Beginning| Root {
            node: nodes[*layer as usize][*number as usize],
            turned: turned.clone(),
        };
        graph.roots = beginnings.iter().map(root).collect();
        graph
    }

    /// Whether so many patients are all there may be: the selection then reads the counts alone.
    fn is_last(&self, layer: usize) -> bool {
        self.design.max_patients().is_some_and(|max| layer as u32 >= max)
    }

    fn add_node<const B: usize>(
        &self,
        growing: &mut Growing<B>,
        layer: usize,
        key: &[u8; B],
        size: u8,
        outcomes: &[[u8; 3]],
    ) -> Result<(), NoGraph> {
        let levels = growing.graph.levels;
        let next = key[levels * self.stride];
        let graph = &mut growing.graph;
        graph.level.push(next);
        graph.size.push(size);
        graph.first.push(graph.to.len() as u32);
        if size == 0 {
            graph.here.push([0; 2]);
            graph.ends.push(graph.level.len() as u32 - 1);
            let counts = key[..levels * self.stride].chunks_exact(self.stride);
            let mut patients = [0; B];
            let mut dlts = 0_u32;
            for (patients, count) in patients.iter_mut().zip(counts) {
                *patients = count[0];
                dlts += u32::from(count[1]);
            }
            graph.profile.push(growing.profiles.intern(patients));
            graph.ending.push(dlts * graph.outcomes_of_end() as u32 + u32::from(next));
            return Ok(());
        }
        let at = usize::from(next) * self.stride;
        graph.here.push([key[at], key[at + 1]]);
        if u32::from(key[at]) + u32::from(size) > PATIENTS_MAX {
            let found = u32::from(key[at]) + u32::from(size);
            return Err(NoGraph::Beyond { what: "patients at one level", found, max: PATIENTS_MAX });
        }
        for outcome in outcomes {
            let mut reached = *key;
            reached[at] += size;
            for (place, more) in outcome.iter().enumerate().take(self.stride - 1) {
                reached[at + 1 + place] += more;
            }
            if self.is_last(layer + usize::from(size)) {
                reached[levels * self.stride..].fill(0);
            } else {
                let cohort = Cohort { patients: u32::from(size), dlts: u32::from(outcome[0]) };
                self.set_last(&mut reached, levels, self.design.rule().remembers(cohort));
            }
            let (_, number) = growing.arrive((layer + usize::from(size)) as u32, reached);
            growing.graph.to.push(number);
        }
        Ok(())
    }

    /// What to do after each arrival, in their order.
    fn decide_all<const B: usize>(&self, arrivals: &[[u8; B]], levels: usize) -> Result<Vec<Move>, NoGraph> {
        let decide = |arrivals: &[[u8; B]]| -> Result<Vec<Move>, NoGraph> {
            let mut seen = Counts::none(levels, Level::FIRST);
            let (rule, max) = (self.design.rule(), self.design.max_patients());
            let decide_one = |arrival: &[u8; B]| {
                self.read(arrival, levels, &mut seen);
                advance(rule, max, &seen)
            };
            arrivals.iter().map(decide_one).collect()
        };
        if self.threads == 1 || arrivals.len() < SHARED_LAYER {
            return decide(arrivals);
        }
        let share = arrivals.len().div_ceil(self.threads);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                arrivals.chunks(share).map(|part| scope.spawn(move || decide(part))).collect();
            let mut steps = Vec::with_capacity(arrivals.len());
            for part in parts {
                match part.join() {
                    Ok(part) => steps.extend(part?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(steps)
        })
    }

    fn read<const B: usize>(&self, key: &[u8; B], levels: usize, seen: &mut Counts) {
        let counts = key[..levels * self.stride].chunks_exact(self.stride);
        for (count, bytes) in seen.levels.iter_mut().zip(counts) {
            let of = |place: usize| bytes.get(place).copied().map_or(0, u32::from);
            *count = Count { evaluable: of(0), dlt: of(1), efficacy: of(2), both: of(3) };
        }
        let tail = &key[levels * self.stride..];
        seen.current = Level::at_index(usize::from(tail[0]));
        let remembered = Cohort { patients: u32::from(tail[1]), dlts: u32::from(tail[2]) };
        seen.last = (tail[3] == 1).then_some(remembered);
    }

    fn arrival_key<const B: usize>(&self, seen: &Counts) -> Result<[u8; B], NoGraph> {
        let mut key = [0; B];
        for (bytes, count) in key.chunks_exact_mut(self.stride).zip(&seen.levels) {
            for (byte, value) in
                bytes.iter_mut().zip([count.evaluable, count.dlt, count.efficacy, count.both])
            {
                *byte = u8::try_from(value).map_err(|_| NoGraph::Beyond {
                    what: "patients at one level",
                    found: value,
                    max: PATIENTS_MAX,
                })?;
            }
        }
        let levels = seen.levels.len();
        key[levels * self.stride] = seen.current.index() as u8;
        self.set_last(&mut key, levels, seen.last.and_then(|last| self.design.rule().remembers(last)));
        Ok(key)
    }

    fn set_last<const B: usize>(&self, key: &mut [u8; B], levels: usize, last: Option<Cohort>) {
        let tail = &mut key[levels * self.stride..];
        let last_bytes =
            last.map_or([0; 3], |last| [last.patients.min(255) as u8, last.dlts.min(255) as u8, 1]);
        tail[1..4].copy_from_slice(&last_bytes);
    }

    /// The counts of an arrival with what comes next: level and cohort, or the selection.
    fn node_key<const B: usize>(&self, arrival: &[u8; B], levels: usize, step: Move) -> [u8; B] {
        let mut key = *arrival;
        let tail = &mut key[levels * self.stride..];
        let level = step.level.map(|level| level.index() as u8);
        let ends = step.enrol == 0;
        let next = if ends { level.map_or(0, |level| level + 1) } else { level.unwrap_or(0) };
        tail[..4].copy_from_slice(&[next, step.enrol.min(255) as u8, u8::from(ends), 0]);
        key
    }

    /// Whether a third of the trial shows that the rest will not fit by far.
    fn is_hopeless<const B: usize>(&self, growing: &Growing<B>, layer: usize) -> bool {
        let third = self.design.max_patients().is_some_and(|max| layer as u32 * 3 >= max);
        third
            && growing.graph.level.len() > 10_000
            && self.estimate(growing, layer) > 20.0 * self.budget as f64
    }

    fn too_large<const B: usize>(&self, growing: &Growing<B>, layer: usize) -> NoGraph {
        let of = self.design.max_patients().unwrap_or(layer as u32);
        let estimate = self.estimate(growing, layer);
        let gigabytes = estimate * BYTES_A_STATE / 1e9;
        NoGraph::TooLarge { budget: self.budget, patients: layer as u32, of, estimate, gigabytes }
    }

    fn estimate<const B: usize>(&self, growing: &Growing<B>, layer: usize) -> f64 {
        let of = self.design.max_patients().unwrap_or(layer as u32);
        let states = growing.graph.level.len().max(1) as f64;
        let half = growing.graph.layers.get(layer / 2).map_or(1.0, |first| f64::from(*first).max(1.0));
        // Growth like a power of the patients treated, its exponent read off the second half so far.
        let exponent = libm::log2(states / half).max(1.0);
        states * libm::pow(f64::from(of) / layer.max(1) as f64, exponent)
    }
}

impl<const B: usize> Growing<B> {
    fn arrive(&mut self, patients: u32, key: [u8; B]) -> (u32, u32) {
        let layer = patients as usize;
        if self.arrivals.len() <= layer {
            self.arrivals.resize_with(layer, Interner::new);
            // The next layer is about twice as large as the one that leads to it.
            self.arrivals.push(Interner::with_room(2 * self.nodes.last().map_or(0, Vec::len)));
        }
        (patients, self.arrivals[layer].intern(key))
    }
}

/// [`Design::advance`] with what does not change looked up once. A design that waits although nobody is undecided
/// would have no next state: that ends the trial there.
fn advance(rule: &dyn Rule, max: Option<u32>, seen: &Counts) -> Result<Move, NoGraph> {
    let treated = seen.patients();
    let step = match max.map(|max| max.saturating_sub(treated)) {
        Some(0) => Move::end(rule.select(seen)?),
        left => {
            let step = if treated == 0 { rule.begin() } else { rule.decide(seen)? };
            Move { enrol: step.enrol.min(left.unwrap_or(u32::MAX)), ..step }
        }
    };
    Ok(match step.action {
        Action::Stop | Action::Complete | Action::Wait => Move { enrol: 0, ..step },
        _ => step,
    })
}

fn turned(data: &Data, way: &[Turned]) -> Vec<(u8, u8, [u8; 3])> {
    let at = data.levels().iter().zip(way).enumerate().filter(|(_, (at, _))| at.undecided() > 0);
    at.map(|(level, (at, turned))| {
        let outcome = [turned.dlts, turned.efficacy_only + turned.both, turned.both];
        (level as u8, at.undecided() as u8, outcome.map(|count| count as u8))
    })
    .collect()
}
