//! The 3+3 rule, in three named variants that differ in what it takes to select a level.
//!
//! With y DLTs among n evaluable patients at a level: fewer than `first-cohort` patients, treat up to it; none,
//! the level is cleared; one, treat up to `expand-to` and it is cleared if no second comes; two or more at any
//! n, and at any time, the level and all above it stop. Nobody is dropped by order of entry, so 4, 5 or 7
//! patients follow the same four lines.
//!
//! A cleared level leads to the next one up unless that is stopped or there is none. Then, and when a level has
//! stopped, the variant speaks: see [`Variant`]. Two things are the same in all, since the sources presume that
//! each level is complete before the next: where the highest level not stopped has not itself been cleared (the
//! trial began above it), and where a late DLT leaves a lower level at one among too few, the rule goes down there.
//!
//! Left out: levels of two agents, and any dose other than those of the ladder.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::data::{BadData, Cohort, Count, Counts};
use crate::decision::{Action, Decision, Estimate, Move, Numbers, Selection};
use crate::design::{Boundaries, Rule};
use crate::ladder::Level;
use crate::numeric::clopper_pearson;
use crate::settings::{About, Problem, Problems, Shared, settings};

const STORER: &str = "Storer BE. Biometrics 1989;45:925-937, doi:10.2307/2531693";
const KORN: &str = "Korn EL et al. Stat Med 1994;13:1799-1806, doi:10.1002/sim.4780131802";
const SIX: &str = "Norris DC. arXiv:2012.05301; as enumerated by the R package precautionary 0.2.6";

/// The greatest `expand-to`.
const EXPAND_TO_MAX: u32 = 12;

/// What it takes to select a level. The three are incompatible: the same data can give different answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// No de-escalation: when a level stops, the cleared level below is the MTD, even with 3 patients.
    #[default]
    Classic,
    /// De-escalation: the level below a stopped one needs `expand-to` patients to be the MTD. The top of the
    /// ladder is selected after 0 of 3.
    Korn,
    /// The MTD always needs `expand-to` patients, at the top of the ladder too.
    SixAtMtd,
}

impl Variant {
    /// The word in files and on screens, such as `six-at-mtd`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Korn => "korn",
            Self::SixAtMtd => "six-at-mtd",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Classic => STORER,
            Self::Korn => KORN,
            Self::SixAtMtd => SIX,
        }
    }
}

pub(crate) const ABOUT: About = About { title: "3+3", reference: STORER, exact: true };

settings! {
    "The settings of a 3+3 design as a file gives them. It takes its cohorts from `first-cohort` and `expand-to`, so
    that a `cohort-size` other than 3 or `first-cohort` is refused; it does not read `target`.";
    /// What it takes to select a level: `classic`, `korn` or `six-at-mtd`.
    variant: Variant = Variant::Classic => "classic";
    /// Patients treated first at a level, 3 to 5.
    first_cohort: u32 = 3;
    /// Patients at a level that has had one DLT, more than `first-cohort` and at most 12.
    expand_to: u32 = 6;
}

impl Settings {
    /// Everything that is wrong with the settings.
    ///
    /// ```
    /// use posology_design::three_plus_three::Settings;
    /// let problems = Settings { first_cohort: 2, ..Settings::default() }.check();
    /// assert_eq!(
    ///     problems[0].to_string(),
    ///     "`first-cohort`: found 2, expected 3 to 5: the rule needs at least 3 patients to clear a level"
    /// );
    /// ```
    pub fn check(&self) -> Vec<Problem> {
        let Self { first_cohort, expand_to, .. } = *self;
        let mut problems = self.shared().check();
        if !(3..=5).contains(&first_cohort) {
            let mend = "the rule needs at least 3 patients to clear a level";
            problems.push(Problem::new("first-cohort", first_cohort, "3 to 5", mend));
        }
        if expand_to <= first_cohort || expand_to > EXPAND_TO_MAX {
            let expected = format!("more than `first-cohort` ({first_cohort}) and at most {EXPAND_TO_MAX}");
            let mend = "give the patients a level has in all after one DLT, usually 6";
            problems.push(Problem::new("expand-to", expand_to, expected, mend));
        }
        if let Some(size) = Some(self.cohort_size).filter(|size| *size != 3 && *size != first_cohort) {
            let expected = format!("3, or {first_cohort} as `first-cohort` says");
            let mend = "leave it out, and set `first-cohort` and `expand-to`";
            problems.push(Problem::new("cohort-size", size, expected, mend));
        }
        problems
    }
}

/// A 3+3 design whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreePlusThree(Settings);

impl TryFrom<Settings> for ThreePlusThree {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        if problems.is_empty() { Ok(Self(settings)) } else { Err(Problems(problems)) }
    }
}

impl From<ThreePlusThree> for Settings {
    fn from(rule: ThreePlusThree) -> Self {
        rule.0
    }
}

/// What the counts at a level say about it, before the levels around it are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Two or more DLTs: this level and those above are closed.
    Stopped,
    /// So many more patients are needed before the level can be cleared.
    Wants(u32),
    Cleared,
}

impl Rule for ThreePlusThree {
    fn shared(&self) -> Shared<'_> {
        self.0.shared()
    }

    fn begin(&self) -> Move {
        Move { action: Action::Start, level: Level::new(self.0.start), enrol: self.0.first_cohort }
    }

    fn decide(&self, seen: &Counts) -> Result<Move, BadData> {
        let Decision { action, level, enrol, .. } = self.next(seen);
        Ok(Move { action, level, enrol })
    }

    fn because(&self, seen: &Counts, _decided: Move) -> Result<Vec<Because>, BadData> {
        Ok(self.next(seen).because)
    }

    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData> {
        Ok(self.selection(seen).level)
    }

    fn because_selected(&self, seen: &Counts, _selected: Option<Level>) -> Result<Vec<Because>, BadData> {
        Ok(self.selection(seen).because)
    }

    /// The rule compares counts; the interval is that of Clopper and Pearson, the mean that of a Beta(1, 1) prior.
    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData> {
        let stopped = self.lowest_stopped(seen);
        let at = |(index, count): (usize, &Count)| {
            // With nobody treated nothing is excluded.
            let interval = clopper_pearson(count.dlt, count.evaluable, 0.95).or(Some((0.0, 1.0)));
            let treated = f64::from(count.evaluable);
            Estimate {
                evaluable: count.evaluable,
                dlt: count.dlt,
                estimate: (count.evaluable > 0).then(|| f64::from(count.dlt) / treated),
                mean: Some((f64::from(count.dlt) + 1.0) / (treated + 2.0)),
                lower: interval.map(|interval| interval.0),
                upper: interval.map(|interval| interval.1),
                eliminated: stopped.is_some_and(|stopped| stopped.index() <= index),
                ..Estimate::default()
            }
        };
        Ok(Numbers { levels: seen.levels.iter().enumerate().map(at).collect(), parameters: Vec::new() })
    }

    fn remembers(&self, _last: Cohort) -> Option<Cohort> {
        None
    }

    fn in_cohorts(&self) -> bool {
        false
    }

    /// The four lines of the rule; a level with too few patients for its lines neither escalates nor is cleared.
    fn boundaries(&self, evaluable: u32) -> Option<Boundaries> {
        let Settings { first_cohort, expand_to, .. } = self.0;
        let stops = (evaluable >= 2).then_some(2);
        let escalate_max = match evaluable {
            n if n < first_cohort => None,
            n if n < expand_to => Some(0),
            _ => Some(1),
        };
        Some(Boundaries { escalate_max, deescalate_min: stops, eliminate_min: stops })
    }

    fn known_stops(&self, known: &Counts) -> Vec<Because> {
        self.stopped_levels(known)
    }
}

impl ThreePlusThree {
    /// The settings, known to hold together.
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    fn next(&self, counts: &Counts) -> Decision {
        let mut because = self.stopped_levels(counts);
        let Some(highest) = self.highest_open(counts) else {
            because
                .push(self.because("3+3/no-level-left", "no level is left below level 1: none is tolerated"));
            return decision(Action::Stop, None, 0, because);
        };
        let level = self.reopened_below(counts, counts.current.min(highest));
        let missing = self.missing(counts, level, highest);
        because.extend(self.findings(counts, level, highest));
        if missing > 0 {
            let action = if level < counts.current { Action::DeEscalate } else { Action::Stay };
            decision(action, Some(level), missing, because)
        } else if level == highest {
            because.push(self.selected(level));
            decision(Action::Complete, Some(level), 0, because)
        } else {
            let up = level.above();
            let enrol = match self.missing(counts, up, highest) {
                0 => self.0.first_cohort,
                missing => missing,
            };
            let says = format!("level {up} is next and not stopped: {enrol} patients there");
            because.push(self.because("3+3/next-level", says).input("level", up));
            decision(Action::Escalate, Some(up), enrol, because)
        }
    }

    fn selection(&self, counts: &Counts) -> Selection {
        let mut because = self.stopped_levels(counts);
        let highest = self.highest_open(counts);
        let level = (0..highest.map_or(0, |highest| highest.index() + 1))
            .rev()
            .map(Level::at_index)
            .find(|level| self.qualifies(counts, *level));
        because.push(match level {
            Some(level) => self.selected(level),
            None => {
                let says = format!(
                    "no treated level qualifies as MTD under the variant `{}`",
                    self.0.variant.word()
                );
                self.because("3+3/none-selected", says)
            }
        });
        Selection { level, awaits: false, because }
    }

    /// The lowest stopped level, which closes those above it too.
    fn stopped_levels(&self, counts: &Counts) -> Vec<Because> {
        let Some(level) = self.lowest_stopped(counts) else { return Vec::new() };
        let Count { evaluable, dlt, .. } = counts.at(level);
        let above = if level < counts.top() { " and all levels above it" } else { "" };
        let says = format!("level {level}{above} must stop: {} among {}", dlts(dlt), patients(evaluable));
        vec![
            self.because("3+3/stop-level", says)
                .input("level", level)
                .input("evaluable", evaluable)
                .input("dlt", dlt),
        ]
    }

    fn verdict(&self, count: Count) -> Verdict {
        let Settings { first_cohort, expand_to, .. } = self.0;
        match count {
            Count { dlt: 2.., .. } => Verdict::Stopped,
            Count { evaluable, .. } if evaluable < first_cohort => Verdict::Wants(first_cohort - evaluable),
            Count { evaluable, dlt: 1, .. } if evaluable < expand_to => Verdict::Wants(expand_to - evaluable),
            Count { .. } => Verdict::Cleared,
        }
    }

    fn lowest_stopped(&self, counts: &Counts) -> Option<Level> {
        counts.levels.iter().position(|count| self.verdict(*count) == Verdict::Stopped).map(Level::at_index)
    }

    fn highest_open(&self, counts: &Counts) -> Option<Level> {
        match self.lowest_stopped(counts) {
            Some(level) => Level::new(level.number() - 1),
            None => Some(counts.top()),
        }
    }

    /// The lowest level below this one whose only DLT came in after the trial had gone on, before the level had
    /// `expand-to` patients; this one if there is none.
    fn reopened_below(&self, counts: &Counts, level: Level) -> Level {
        let waits = |count: &Count| count.dlt == 1 && matches!(self.verdict(*count), Verdict::Wants(_));
        counts.levels.iter().take(level.index()).position(waits).map_or(level, Level::at_index)
    }

    /// Whether a cleared level must also have `expand-to` patients, being a candidate for the MTD.
    fn wants_expansion(&self, level: Level, top: Level) -> bool {
        match self.0.variant {
            Variant::Classic => false,
            Variant::Korn => level != top,
            Variant::SixAtMtd => true,
        }
    }

    /// Patients to treat at an open level before the rule leaves it.
    fn missing(&self, counts: &Counts, level: Level, highest: Level) -> u32 {
        let count = counts.at(level);
        match self.verdict(count) {
            Verdict::Wants(more) => more,
            Verdict::Cleared if level == highest && self.wants_expansion(level, counts.top()) => {
                self.0.expand_to.saturating_sub(count.evaluable)
            }
            Verdict::Cleared | Verdict::Stopped => 0,
        }
    }

    fn qualifies(&self, counts: &Counts, level: Level) -> bool {
        let count = counts.at(level);
        self.verdict(count) == Verdict::Cleared
            && (count.evaluable >= self.0.expand_to || !self.wants_expansion(level, counts.top()))
    }

    /// What was found at the level the rule looks at, and what that asks for.
    fn findings(&self, counts: &Counts, level: Level, highest: Level) -> Vec<Because> {
        let count @ Count { evaluable, dlt, .. } = counts.at(level);
        let Settings { first_cohort, expand_to, variant, .. } = self.0;
        let found = format!("{} among {} at level {level}", dlts(dlt), patients(evaluable));
        let missing = self.missing(counts, level, highest);
        let more = if missing == 1 { "1 more is".to_owned() } else { format!("{missing} more are") };
        let (rule, says) = match self.verdict(count) {
            Verdict::Wants(_) if evaluable < first_cohort => (
                "3+3/first-cohort",
                format!("{found}: {more} needed there, to make the first {first_cohort}"),
            ),
            Verdict::Wants(_) => {
                ("3+3/one-dlt", format!("{found}: {more} needed there, to make {expand_to}"))
            }
            _ if dlt == 0 => ("3+3/no-dlt", format!("{found}: the level is cleared")),
            _ => ("3+3/one-dlt-expanded", format!("{found}: at most 1 in {expand_to}, the level is cleared")),
        };
        let about = |rule: &str, says: String| {
            self.because(rule, says).input("level", level).input("evaluable", evaluable).input("dlt", dlt)
        };
        let mut because = vec![about(rule, says)];
        if self.verdict(count) == Verdict::Cleared && level == highest {
            let place = if level == counts.top() {
                format!("level {level} is the top of the ladder")
            } else {
                format!("level {} above is stopped", level.above())
            };
            because.push(about("3+3/highest-open", place));
            if missing > 0 {
                let says = format!(
                    "the variant `{}` selects a level with {expand_to} patients: {more} needed",
                    variant.word()
                );
                because.push(about("3+3/expand-before-selection", says));
            }
        }
        because
    }

    fn selected(&self, level: Level) -> Because {
        let says = format!(
            "level {level} is the MTD: the highest cleared level, by the variant `{}`",
            self.0.variant.word()
        );
        self.because("3+3/selected", says).input("level", level)
    }

    fn because(&self, rule: &str, says: impl Into<String>) -> Because {
        Because::new(rule, says).input("variant", self.0.variant.word()).source(self.0.variant.source())
    }
}

fn decision(action: Action, level: Option<Level>, enrol: u32, because: Vec<Because>) -> Decision {
    Decision { action, level, enrol, because, completions: Vec::new() }
}

fn dlts(count: u32) -> String {
    match count {
        0 => "no DLT".to_owned(),
        1 => "1 DLT".to_owned(),
        _ => format!("{count} DLTs"),
    }
}

fn patients(count: u32) -> String {
    if count == 1 { "1 evaluable patient".to_owned() } else { format!("{count} evaluable patients") }
}
