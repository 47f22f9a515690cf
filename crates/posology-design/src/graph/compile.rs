//! Compiling a design into its graph, layer by layer of patients treated.

use super::{Graph, NoGraph, Root, outcomes};
use crate::data::{Cohort, Count, Counts, Data, Turned};
use crate::decision::{Action, Move};
use crate::design::{Design, Needs};
use crate::ladder::Level;

/// The greatest number of patients that a level's bytes hold.
const PATIENTS_MAX: u32 = 255;
/// A layer of at least so many states is decided on by several threads.
const SHARED_LAYER: usize = 4_096;
/// Bytes a state takes while its graph is compiled.
const BYTES_A_STATE: f64 = 100.0;
/// Bytes at the end of a key, its tail.
const TAIL: usize = 4;

/// What tells states apart, packed into words so that it is added, compared and hashed in registers: byte by byte, the
/// lowest of a word first, the counts of each level; at the end the tail. The tail of an arrival is the current level
/// and the cohort treated last, as far as the rule remembers it; that of a node what comes next.
type Key<const W: usize> = [u64; W];

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
        let compiler = Compiler { design, max, efficacy, stride, budget, threads: threads.max(1) };
        match data.levels().len() * stride + TAIL {
            ..=16 => compiler.run::<2>(data),
            17..=32 => compiler.run::<4>(data),
            33..=64 => compiler.run::<8>(data),
            65..=256 => compiler.run::<32>(data),
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
struct Interner<const W: usize> {
    keys: Vec<Key<W>>,
    /// Number plus one, 0 where free; a power of two of them, at most half taken.
    slots: Vec<u32>,
}

impl<const W: usize> Interner<W> {
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

    #[inline]
    fn intern(&mut self, key: Key<W>) -> u32 {
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

/// Folds the key two words at a time by wide multiplication.
#[inline]
fn hash<const W: usize>(key: &Key<W>) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for [low, high] in key.as_chunks().0 {
        let product = u128::from(low ^ state) * u128::from(high ^ 0xD6E8_FEB8_6659_FD93);
        state = (product >> 64) as u64 ^ product as u64;
    }
    state
}

struct Compiler<'d> {
    design: &'d Design,
    /// Patients the trial may have.
    max: Option<u32>,
    efficacy: bool,
    /// Bytes a level takes in a key.
    stride: usize,
    budget: usize,
    threads: usize,
}

/// The patients a trial may have at most, and the arrays that grow.
struct Growing<const W: usize> {
    graph: Graph,
    /// Cohort outcomes that arrive at each number of patients treated.
    arrivals: Vec<Interner<W>>,
    /// For each arrival, by patients treated, its node.
    nodes: Vec<Vec<u32>>,
    /// Patients by level at the ends: their keys without anything else.
    profiles: Interner<W>,
    /// By level and cohort size, what each outcome of the cohort adds to a key; empty until asked for.
    additions: Vec<Vec<Vec<Key<W>>>>,
    /// Ones where a key holds patients.
    patients: Key<W>,
    /// Ones where a key holds DLTs.
    dlts: Key<W>,
}

impl Compiler<'_> {
    fn run<const W: usize>(&self, data: &Data) -> Result<Graph, NoGraph> {
        let levels = data.levels().len();
        let known = data.known();
        let mut growing = Growing::<W> {
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
            additions: vec![Vec::new(); levels],
            patients: self.mask(levels, 0),
            dlts: self.mask(levels, 1),
        };
        // Arrivals of the roots: where they were put, and how the undecided turned out.
        let mut beginnings = Vec::new();
        for way in data.completions(self.efficacy) {
            let seen = data.completed(&way);
            let layer = seen.patients();
            let number = growing.arrivals_at(layer as usize).intern(self.arrival_key(&seen)?);
            beginnings.push((layer, number, turned(data, &way)));
        }
        let mut canonical = Interner::<W>::new();
        let mut layer = 0;
        while layer < growing.arrivals.len() {
            growing.graph.layers.push(growing.graph.level.len() as u32);
            let arrivals = std::mem::replace(&mut growing.arrivals[layer], Interner::new()).keys;
            if arrivals.is_empty() {
                growing.nodes.push(Vec::new());
                layer += 1;
                continue;
            }
            let steps = self.decide_all(&arrivals, layer, levels)?;
            canonical.clear();
            let last = self.is_last(layer);
            let base = growing.graph.level.len() as u32;
            let mut nodes = Vec::with_capacity(arrivals.len());
            for (arrival, step) in arrivals.iter().zip(steps) {
                let key = node_key(arrival, step);
                // At `max-patients` arrivals differ in their counts, so that each is a node of its own.
                let number = if last { nodes.len() as u32 } else { canonical.intern(key) };
                nodes.push(base + number);
                if base + number == growing.graph.level.len() as u32 {
                    self.add_node(&mut growing, layer, &key)?;
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
    fn finish<const W: usize>(&self, growing: Growing<W>, beginnings: &[Beginning]) -> Graph {
        let Growing { mut graph, nodes, profiles, .. } = growing;
        let levels = graph.levels;
        let patients = |key: Key<W>| (0..levels).map(move |level| byte(&key, level * self.stride));
        graph.profiles = profiles.keys.into_iter().flat_map(patients).collect();
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
        self.max.is_some_and(|max| layer as u32 >= max)
    }

    fn add_node<const W: usize>(
        &self,
        growing: &mut Growing<W>,
        layer: usize,
        key: &Key<W>,
    ) -> Result<(), NoGraph> {
        let [next, size, ..] = tail(key);
        let graph = &mut growing.graph;
        graph.level.push(next);
        graph.size.push(size);
        graph.first.push(graph.to.len() as u32);
        if size == 0 {
            graph.here.push([0; 2]);
            graph.ends.push(graph.level.len() as u32 - 1);
            // DLTs are in odd bytes alone: sixteen bits are enough for the sum over a word.
            let sum = |word: u64| (word >> 8).wrapping_mul(0x0001_0001_0001_0001) >> 48;
            let dlts: u64 = only(key, &growing.dlts).into_iter().map(sum).sum();
            graph.profile.push(growing.profiles.intern(only(key, &growing.patients)));
            graph.ending.push(dlts as u32 * graph.outcomes_of_end() as u32 + u32::from(next));
            return Ok(());
        }
        let at = usize::from(next) * self.stride;
        graph.here.push([byte(key, at), byte(key, at + 1)]);
        let found = u32::from(byte(key, at)) + u32::from(size);
        if found > PATIENTS_MAX {
            return Err(NoGraph::Beyond { what: "patients at one level", found, max: PATIENTS_MAX });
        }
        let after = layer + usize::from(size);
        growing.arrivals_at(after);
        let of_level = &mut growing.additions[usize::from(next)];
        if of_level.len() <= usize::from(size) {
            of_level.resize(usize::from(size) + 1, Vec::new());
        }
        let additions = &mut of_level[usize::from(size)];
        if additions.is_empty() {
            *additions = self.additions(at, size);
        }
        let before = with_tail(*key, [next, 0, 0, 0]);
        let last = self.is_last(after);
        let arrivals = &mut growing.arrivals[after];
        let arrive = |addition: &Key<W>| {
            // No byte runs over: no level has more than `PATIENTS_MAX` patients.
            let reached = std::array::from_fn(|word| before[word].wrapping_add(addition[word]));
            arrivals.intern(if last { with_tail(reached, [0; TAIL]) } else { reached })
        };
        growing.graph.to.extend(additions.iter().map(arrive));
        Ok(())
    }

    /// What each outcome of a cohort of this size adds to a key in which the counts of its level are at `at`.
    fn additions<const W: usize>(&self, at: usize, size: u8) -> Vec<Key<W>> {
        let addition = |outcome: [u8; 3]| {
            let cohort = Cohort { patients: u32::from(size), dlts: u32::from(outcome[0]) };
            let mut key = with_tail([0; W], self.remembered(0, Some(cohort)));
            put(&mut key, at, size);
            for (place, more) in outcome.into_iter().enumerate().take(self.stride - 1) {
                put(&mut key, at + 1 + place, more);
            }
            key
        };
        outcomes(size, self.efficacy).into_iter().map(addition).collect()
    }

    /// What to do after each arrival at so many patients, in their order.
    fn decide_all<const W: usize>(
        &self,
        arrivals: &[Key<W>],
        layer: usize,
        levels: usize,
    ) -> Result<Vec<Move>, NoGraph> {
        if self.threads == 1 || arrivals.len() < SHARED_LAYER {
            return self.decide(arrivals, layer, levels);
        }
        let share = arrivals.len().div_ceil(self.threads);
        std::thread::scope(|scope| {
            let parts: Vec<_> = arrivals
                .chunks(share)
                .map(|part| scope.spawn(move || self.decide(part, layer, levels)))
                .collect();
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

    /// [`Design::advance`] after each arrival, with what does not change at so many patients looked up once. A design
    /// that waits although nobody is undecided would have no next state: that ends the trial there.
    fn decide<const W: usize>(
        &self,
        arrivals: &[Key<W>],
        layer: usize,
        levels: usize,
    ) -> Result<Vec<Move>, NoGraph> {
        let rule = self.design.rule();
        let left = self.max.map_or(u32::MAX, |max| max.saturating_sub(layer as u32));
        let mut seen = Counts::none(levels, Level::FIRST);
        let mut steps = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            self.read(arrival, &mut seen);
            let step = match (left, layer) {
                (0, _) => Move::end(rule.select(&seen)?),
                (_, 0) => rule.begin(),
                _ => rule.decide(&seen)?,
            };
            let ends = matches!(step.action, Action::Stop | Action::Complete | Action::Wait);
            steps.push(Move { enrol: if ends { 0 } else { step.enrol.min(left) }, ..step });
        }
        Ok(steps)
    }

    fn read<const W: usize>(&self, key: &Key<W>, seen: &mut Counts) {
        if self.efficacy {
            for (counts, mut word) in seen.levels.chunks_mut(2).zip(*key) {
                for count in counts {
                    let [evaluable, dlt, efficacy, both] = (word as u32).to_le_bytes().map(u32::from);
                    *count = Count { evaluable, dlt, efficacy, both };
                    word >>= 32;
                }
            }
        } else {
            for (counts, mut word) in seen.levels.chunks_mut(4).zip(*key) {
                for count in counts {
                    [count.evaluable, count.dlt] = (word as u16).to_le_bytes().map(u32::from);
                    word >>= 16;
                }
            }
        }
        let [current, patients, dlts, known] = tail(key);
        seen.current = Level::at_index(usize::from(current));
        let remembered = Cohort { patients: u32::from(patients), dlts: u32::from(dlts) };
        seen.last = (known == 1).then_some(remembered);
    }

    fn arrival_key<const W: usize>(&self, seen: &Counts) -> Result<Key<W>, NoGraph> {
        let mut key = with_tail([0; W], self.remembered(seen.current.index() as u8, seen.last));
        for (level, count) in seen.levels.iter().enumerate() {
            let values = [count.evaluable, count.dlt, count.efficacy, count.both];
            for (place, found) in values.into_iter().enumerate().take(self.stride) {
                let beyond = NoGraph::Beyond { what: "patients at one level", found, max: PATIENTS_MAX };
                put(&mut key, level * self.stride + place, u8::try_from(found).map_err(|_| beyond)?);
            }
        }
        Ok(key)
    }

    /// The tail of an arrival: its level, and what the rule remembers of the last cohort.
    fn remembered(&self, current: u8, last: Option<Cohort>) -> [u8; TAIL] {
        match last.and_then(|last| self.design.rule().remembers(last)) {
            Some(last) => [current, last.patients.min(255) as u8, last.dlts.min(255) as u8, 1],
            None => [current, 0, 0, 0],
        }
    }

    /// Ones where the keys of so many levels hold this one of a level's counts.
    fn mask<const W: usize>(&self, levels: usize, place: usize) -> Key<W> {
        let mut mask = [0; W];
        (0..levels).for_each(|level| put(&mut mask, level * self.stride + place, u8::MAX));
        mask
    }

    /// Whether a third of the trial shows that the rest will not fit by far.
    fn is_hopeless<const W: usize>(&self, growing: &Growing<W>, layer: usize) -> bool {
        let third = self.max.is_some_and(|max| layer as u32 * 3 >= max);
        third
            && growing.graph.level.len() > 10_000
            && self.estimate(growing, layer) > 20.0 * self.budget as f64
    }

    fn too_large<const W: usize>(&self, growing: &Growing<W>, layer: usize) -> NoGraph {
        let of = self.max.unwrap_or(layer as u32);
        let estimate = self.estimate(growing, layer);
        let gigabytes = estimate * BYTES_A_STATE / 1e9;
        NoGraph::TooLarge { budget: self.budget, patients: layer as u32, of, estimate, gigabytes }
    }

    fn estimate<const W: usize>(&self, growing: &Growing<W>, layer: usize) -> f64 {
        let of = self.max.unwrap_or(layer as u32);
        let states = growing.graph.level.len().max(1) as f64;
        let half = growing.graph.layers.get(layer / 2).map_or(1.0, |first| f64::from(*first).max(1.0));
        // Growth like a power of the patients treated, its exponent read off the second half so far.
        let exponent = libm::log2(states / half).max(1.0);
        states * libm::pow(f64::from(of) / layer.max(1) as f64, exponent)
    }
}

impl<const W: usize> Growing<W> {
    /// The arrivals at so many patients.
    fn arrivals_at(&mut self, layer: usize) -> &mut Interner<W> {
        if self.arrivals.len() <= layer {
            self.arrivals.resize_with(layer, Interner::new);
            // The next layer is about twice as large as the one that leads to it.
            self.arrivals.push(Interner::with_room(2 * self.nodes.last().map_or(0, Vec::len)));
        }
        &mut self.arrivals[layer]
    }
}

fn byte<const W: usize>(key: &Key<W>, at: usize) -> u8 {
    (key[at / 8] >> (at % 8 * 8)) as u8
}

/// Sets a byte that is 0.
fn put<const W: usize>(key: &mut Key<W>, at: usize, byte: u8) {
    key[at / 8] |= u64::from(byte) << (at % 8 * 8);
}

fn tail<const W: usize>(key: &Key<W>) -> [u8; TAIL] {
    ((key[W - 1] >> 32) as u32).to_le_bytes()
}

fn with_tail<const W: usize>(mut key: Key<W>, tail: [u8; TAIL]) -> Key<W> {
    key[W - 1] = key[W - 1] & u64::from(u32::MAX) | u64::from(u32::from_le_bytes(tail)) << 32;
    key
}

/// The counts of an arrival with what comes next: level and cohort, or the selection.
fn node_key<const W: usize>(arrival: &Key<W>, step: Move) -> Key<W> {
    let level = step.level.map(|level| level.index() as u8);
    let ends = step.enrol == 0;
    let next = if ends { level.map_or(0, |level| level + 1) } else { level.unwrap_or(0) };
    with_tail(*arrival, [next, step.enrol.min(255) as u8, u8::from(ends), 0])
}

/// The bytes of a key under the ones of a mask.
fn only<const W: usize>(key: &Key<W>, mask: &Key<W>) -> Key<W> {
    std::array::from_fn(|word| key[word] & mask[word])
}

fn turned(data: &Data, way: &[Turned]) -> Vec<(u8, u8, [u8; 3])> {
    let at = data.levels().iter().zip(way).enumerate().filter(|(_, (at, _))| at.undecided() > 0);
    at.map(|(level, (at, turned))| {
        let outcome = [turned.dlts, turned.efficacy_only + turned.both, turned.both];
        (level as u8, at.undecided() as u8, outcome.map(|count| count as u8))
    })
    .collect()
}
