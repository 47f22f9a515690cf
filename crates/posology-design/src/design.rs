//! The one interface of every design: patients by level in, a decision with its reasons out.
//!
//! Start at [`Design::next`]. Patients who are pending, or whose DLT is not adjudicated, are never counted as
//! having none: a design that decides on counts is asked for every way in which they may turn out, and advises
//! only what all agree on; a late-onset design reads how long each pending patient has been followed.
//!
//! Adding a design is one file, which answers `Rule`, and one line in the list below.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::bf_boin::Backfill;
use crate::data::{AtLevel, BadData, Cohort, Counts, Data, Turned};
use crate::decision::{Action, Case, Completion, Decision, Move, Numbers, Selection, UndecidedDlts, WhatIf};
use crate::ladder::{Doses, Level};
use crate::late_onset::LateOnset;
use crate::settings::{Listed, Problem, Problems, Shared};
use crate::{
    accelerated_titration, bf_boin, blrm, bma_crm, boin, boin_comb, boin_et, boin12, ccd, crm,
    decision_table, ewoc, i3plus3, keyboard, mtpi, mtpi_2, partial_order, rolling_six, three_plus_three,
    tite_boin, tite_crm, tite_keyboard,
};

/// The greatest next cohort that [`Design::what_if`] lists.
pub const COHORT_MAX: u32 = 100;

/// What a design must be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Evaluable patients and DLTs at each level.
    Counts,
    /// Those, and who has the efficacy outcome.
    Efficacy,
    /// Those of `Counts`, and how long each pending patient has been followed.
    FollowUp,
}

/// A truth with its posterior mass: the DLT rate of each level.
pub(crate) type Believed = (f64, Vec<f64>);

/// What every design answers. Deciding and explaining are apart: `decide` allocates nothing that outlives it and
/// is called millions of times by the decision graph; the words are made for the one decision that is shown.
pub(crate) trait Rule: Sync {
    /// The settings that all designs have.
    fn shared(&self) -> Shared<'_>;

    /// What the design must be told.
    fn needs(&self) -> Needs {
        Needs::Counts
    }

    /// The first cohort.
    fn begin(&self) -> Move {
        let Shared { start, cohort_size, .. } = self.shared();
        Move { action: Action::Start, level: Level::new(start), enrol: cohort_size }
    }

    /// What to do after these data, which hold at least one patient and fewer than `max-patients`. More patients
    /// than `max-patients` leaves are never enrolled: the caller sees to that.
    fn decide(&self, seen: &Counts) -> Result<Move, BadData>;

    /// Why [`Rule::decide`] gave this.
    fn because(&self, seen: &Counts, decided: Move) -> Result<Vec<Because>, BadData>;

    /// The level selected at the end, over treated levels, whatever the counts.
    fn select(&self, seen: &Counts) -> Result<Option<Level>, BadData>;

    /// Why [`Rule::select`] gave this.
    fn because_selected(&self, seen: &Counts, selected: Option<Level>) -> Result<Vec<Because>, BadData>;

    /// All numbers of all levels, whatever the counts, none treated among them.
    fn numbers(&self, seen: &Counts) -> Result<Numbers, BadData>;

    /// The numbers at the end of the trial: as [`Rule::numbers`], with the estimates that the selection compares.
    fn numbers_at_end(&self, seen: &Counts) -> Result<Numbers, BadData> {
        self.numbers(seen)
    }

    /// The least DLTs among n evaluable patients at a level at which the rule escalates at most, de-escalates and
    /// eliminates, where the rule is such a table.
    fn boundaries(&self, _evaluable: u32) -> Option<Boundaries> {
        None
    }

    /// Truths that the rule's own model believes possible after the data, each with its posterior mass: the masses sum
    /// to one. None where the rule has no model of all levels together.
    fn believed(&self, _seen: &Counts) -> Result<Option<Vec<Believed>>, BadData> {
        Ok(None)
    }

    /// What of the last cohort the rule reads, in the simplest form that leads to the same decisions; none where it
    /// reads nothing. The decision graph holds states apart that differ in this.
    fn remembers(&self, last: Cohort) -> Option<Cohort> {
        Some(last)
    }

    /// Which levels below the current one are open for backfilling, for designs that backfill. Pending patients are in
    /// `pending`, possible DLTs are counted as DLTs.
    fn backfill(&self, _seen: &Counts) -> Vec<Backfill> {
        Vec::new()
    }

    /// On a grid, the level selected for each row that has one.
    fn contour(&self, _seen: &Counts) -> Vec<Level> {
        Vec::new()
    }

    /// The weights of pending patients, where the rule weighs them.
    fn late_onset(&self) -> Option<&LateOnset> {
        None
    }

    /// Whether the rule decides after whole cohorts of `cohort-size`; others count their own, and say what is missing.
    fn in_cohorts(&self) -> bool {
        true
    }

    /// What of the rule its operating characteristics leave out, where they do.
    fn left_out(&self) -> Option<Because> {
        None
    }

    /// Reasons that hold whatever the undecided turn out to be.
    fn known_stops(&self, _known: &Counts) -> Vec<Because> {
        Vec::new()
    }
}

/// One row of a decision table: DLT counts among n evaluable patients at the current level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundaries {
    /// Escalates with at most so many; none where it never does.
    pub escalate_max: Option<u32>,
    /// De-escalates from so many on; none where it never does. Never above `eliminate_min`.
    pub deescalate_min: Option<u32>,
    /// Closes the level and those above it from so many on; none where it never does.
    pub eliminate_min: Option<u32>,
}

macro_rules! designs {
    ($( $(#[doc = $doc:literal])+ $name:ident, $tag:literal, $module:ident; )+) => {
        /// The settings of a design as a file gives them, told apart by the key `design`. They may hold anything a
        /// file can; only settings without a problem become a [`Design`].
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "design")]
        #[non_exhaustive]
        pub enum Settings {
            $( $(#[doc = $doc])+ #[serde(rename = $tag)] $name($module::Settings), )+
        }

        impl Settings {
            /// Everything that is wrong with the settings; nothing when a design can be made of them.
            pub fn check(&self) -> Vec<Problem> {
                match self { $( Self::$name(settings) => settings.check(), )+ }
            }

            /// The setting `doses`, if given. In a trial the regimens stand for it.
            pub fn doses(&self) -> Option<&Doses> {
                match self { $( Self::$name(settings) => settings.doses.as_ref(), )+ }
            }

            fn set_doses(&mut self, doses: Doses) {
                match self { $( Self::$name(settings) => settings.doses = Some(doses), )+ }
            }
        }

        /// A dose-escalation design: one of a closed set, whole and checked. It is read from a file as [`Settings`].
        ///
        /// ```
        /// use posology_design::{Action, Data, Design};
        /// let design: Design = serde_json::from_str(r#"{"design": "3+3", "doses": 3}"#).unwrap();
        /// let decision = design.next(&Data::from_outcomes(3, "1NNN 2NNP")?)?;
        /// assert_eq!(decision.action, Action::Wait); // 0 of 3 would escalate, 1 of 3 would stay
        /// assert_eq!(decision.completions.len(), 2);
        /// # Ok::<(), posology_design::BadData>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "Settings", into = "Settings")]
        #[non_exhaustive]
        pub enum Design {
            $( $(#[doc = $doc])+ $name($module::$name), )+
        }

        impl TryFrom<Settings> for Design {
            type Error = Problems;

            fn try_from(settings: Settings) -> Result<Self, Problems> {
                match settings { $( Settings::$name(settings) => $module::$name::try_from(settings).map(Self::$name), )+ }
            }
        }

        impl From<Design> for Settings {
            fn from(design: Design) -> Self {
                match design { $( Design::$name(rule) => Self::$name(rule.into()), )+ }
            }
        }

        impl Design {
            pub(crate) fn rule(&self) -> &dyn Rule {
                match self { $( Self::$name(rule) => rule, )+ }
            }

            /// The name in files, such as `3+3`.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$name(_) => $tag, )+ }
            }
        }

        /// Every design there is, with its settings, in the order of the book.
        pub fn catalogue() -> Vec<Listed> {
            vec![ $( Listed::new($tag, &$module::ABOUT, $module::Settings::described()), )+ ]
        }
    };
}

designs! {
    /// The 3+3 rule.
    ThreePlusThree, "3+3", three_plus_three;
    /// The Bayesian optimal interval design.
    Boin, "boin", boin;
    /// The Bayesian logistic regression model.
    Blrm, "blrm", blrm;
    /// Accelerated titration.
    AcceleratedTitration, "accelerated-titration", accelerated_titration;
    /// The rolling six design.
    RollingSix, "rolling-6", rolling_six;
    /// The i3+3 design.
    I3Plus3, "i3+3", i3plus3;
    /// The Keyboard design.
    Keyboard, "keyboard", keyboard;
    /// The modified toxicity probability interval design.
    Mtpi, "mtpi", mtpi;
    /// The mTPI-2 design.
    Mtpi2, "mtpi-2", mtpi_2;
    /// The cumulative cohort design.
    Ccd, "ccd", ccd;
    /// A decision table of one's own.
    DecisionTable, "table", decision_table;
    /// The continual reassessment method.
    Crm, "crm", crm;
    /// The CRM averaged over several skeletons.
    BmaCrm, "bma-crm", bma_crm;
    /// Escalation with overdose control.
    Ewoc, "ewoc", ewoc;
    /// The CRM for partially ordered regimens.
    PoCrm, "po-crm", partial_order;
    /// BOIN12, on toxicity and efficacy.
    Boin12, "boin12", boin12;
    /// BOIN-ET, on toxicity and efficacy.
    BoinEt, "boin-et", boin_et;
    /// BOIN with backfilling at lower levels.
    BfBoin, "bf-boin", bf_boin;
    /// BOIN for two agents, or a grid.
    BoinComb, "boin-comb", boin_comb;
    /// BOIN for late-onset toxicity, which goes on while patients are pending.
    TiteBoin, "tite-boin", tite_boin;
    /// The time-to-event CRM.
    TiteCrm, "tite-crm", tite_crm;
    /// The Keyboard design for late-onset toxicity.
    TiteKeyboard, "tite-keyboard", tite_keyboard;
}

impl Settings {
    /// The settings for a trial whose regimens are these, from the lowest level up. A ladder the settings already
    /// have must agree with them in length, and in names if it has names.
    ///
    /// # Errors
    /// The two ladders differ.
    pub fn for_regimens(mut self, regimens: &[String]) -> Result<Self, Problem> {
        let agree = match self.doses() {
            None => true,
            Some(Doses::Count(count)) => *count as usize == regimens.len(),
            Some(Doses::Labels(labels)) => labels == regimens,
        };
        if !agree {
            let found = match self.doses() {
                Some(Doses::Labels(labels)) => labels.join(", "),
                other => other.map_or(0, Doses::levels).to_string(),
            };
            return Err(Problem::new(
                "doses",
                found,
                format!("the {} regimens of the trial: {}", regimens.len(), regimens.join(", ")),
                "leave `doses` out: in a trial its regimens are the ladder",
            ));
        }
        self.set_doses(Doses::Labels(regimens.to_vec()));
        Ok(self)
    }
}

impl Design {
    /// What to do next.
    ///
    /// With undecided patients a design on counts answers what every completion agrees on, else `wait`. A possible
    /// DLT blocks escalation until it is adjudicated, even when every completion would escalate. At `max-patients`
    /// the answer is `complete` with the selection of [`Design::mtd`], or `stop` when there is none.
    ///
    /// # Errors
    /// The data's ladder is not the design's, more patients than `max-patients` were treated, or an integral did
    /// not reach its accuracy.
    pub fn next(&self, data: &Data) -> Result<Decision, BadData> {
        let mut decision = self.decided(data)?;
        if !matches!(decision.action, Action::Stop | Action::Complete) {
            let levels = self.rule().backfill(&data.followed(true));
            decision.because.extend(levels.into_iter().map(|at| at.because));
        }
        Ok(decision)
    }

    /// As [`Design::next`], without the reasons for backfilling.
    fn decided(&self, data: &Data) -> Result<Decision, BadData> {
        self.fits(data)?;
        if data.undecided() == 0 {
            return self.next_when_complete(&data.known());
        }
        if self.rule().needs() == Needs::FollowUp {
            return self.next_by_follow_up(data);
        }
        let ways = self.completions(data);
        let mut answers = Vec::with_capacity(ways.len());
        for way in &ways {
            answers.push(self.next_when_complete(&data.completed(way))?);
        }
        let completions =
            ways.iter().zip(&answers).map(|(way, answer)| completion(data, way, answer)).collect();
        let (Some(best), Some(worst)) = (answers.first(), answers.last()) else {
            return self.next_when_complete(&data.known());
        };
        let agree = answers.iter().all(|answer| (answer.action, answer.level) == (best.action, best.level));
        let blocked = agree && best.action == Action::Escalate && data.possible_dlts() > 0;

        let mut because = self.rule().known_stops(&data.known());
        because.push(if blocked {
            possible_blocks(data, best)
        } else if agree {
            cannot_change(data, ways.len(), best)
        } else {
            can_change(data, &answers)
        });
        because.extend(suppositions(&because, &best.because, &worst.because, agree));
        Ok(if agree && !blocked {
            let enrol = answers.iter().map(|answer| answer.enrol).min().unwrap_or(0);
            Decision { action: best.action, level: best.level, enrol, because, completions }
        } else {
            Decision { action: Action::Wait, level: Some(data.current()), enrol: 0, because, completions }
        })
    }

    /// A late-onset design weighs the pending itself; only possible DLTs are tried both ways.
    fn next_by_follow_up(&self, data: &Data) -> Result<Decision, BadData> {
        let best = self.next_when_complete(&data.followed(false))?;
        if data.possible_dlts() == 0 {
            return Ok(best);
        }
        let worst = self.next_when_complete(&data.followed(true))?;
        let agree = (best.action, best.level) == (worst.action, worst.level);
        let blocked = agree && best.action == Action::Escalate;
        if agree && !blocked {
            return Ok(worst);
        }
        let first = if blocked {
            possible_blocks(data, &best)
        } else {
            can_change(data, &[best.clone(), worst.clone()])
        };
        let mut because = vec![first];
        because.extend(suppositions(&because, &best.because, &worst.because, agree));
        let level = Some(data.current());
        Ok(Decision { action: Action::Wait, level, enrol: 0, because, completions: Vec::new() })
    }

    /// The level to select if the trial ended with these data, by the design's own rule, over treated levels.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn mtd(&self, data: &Data) -> Result<Selection, BadData> {
        self.fits(data)?;
        if self.rule().needs() == Needs::FollowUp && data.possible_dlts() == 0 {
            return self.select_when_complete(&data.followed(false));
        }
        let ways = self.completions(data);
        let mut selections = Vec::with_capacity(ways.len());
        for way in &ways {
            selections.push(self.select_when_complete(&data.completed(way))?);
        }
        let [best, .., worst] = selections.as_slice() else {
            return self.select_when_complete(&data.known());
        };
        let agree = selections.iter().all(|selection| selection.level == best.level);
        let (rule, verb) = if agree {
            ("undecided/selection-stands", "cannot")
        } else {
            ("undecided/selection-awaits", "can")
        };
        let says = format!("{} {verb} change which level is selected", undecided_words(data));
        let mut because = self.rule().known_stops(&data.known());
        because.push(Because::new(rule, says).input("undecided", data.undecided()));
        because.extend(suppositions(&because, &best.because, &worst.because, agree));
        Ok(Selection { level: best.level.filter(|_| agree), awaits: !agree, because })
    }

    /// Every number of every level, whatever the data: untried levels, part cohorts and no patient at all are
    /// answered too. Undecided patients are left out, except by late-onset designs, which weigh the pending.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn numbers(&self, data: &Data) -> Result<Numbers, BadData> {
        self.fits(data)?;
        self.rule().numbers(&self.seen(data))
    }

    /// The numbers that the selection of [`Design::mtd`] compares, where they differ from those during the trial.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn numbers_at_end(&self, data: &Data) -> Result<Numbers, BadData> {
        self.fits(data)?;
        self.rule().numbers_at_end(&self.seen(data))
    }

    fn seen(&self, data: &Data) -> Counts {
        match self.rule().needs() {
            Needs::FollowUp => data.followed(false),
            Needs::Counts | Needs::Efficacy => data.known(),
        }
    }

    /// The decision table for n = 1 to `rows` evaluable patients at the current level; none where the design is no
    /// such table. `rows` is cut to 10,000.
    pub fn table(&self, rows: u32) -> Option<Vec<Boundaries>> {
        (1..=rows.min(10_000)).map(|evaluable| self.rule().boundaries(evaluable)).collect()
    }

    /// Whether decisions depend on nothing but the evaluable patients and DLTs at each level, the current level
    /// and the last cohort.
    pub fn counts_only(&self) -> bool {
        self.rule().needs() == Needs::Counts
    }

    /// Whether the design must be told who has the efficacy outcome.
    pub fn needs_efficacy(&self) -> bool {
        self.rule().needs() == Needs::Efficacy
    }

    /// Whether the design makes use of how long pending patients have been followed.
    pub fn needs_follow_up(&self) -> bool {
        self.rule().needs() == Needs::FollowUp
    }

    /// What of the rule its operating characteristics, exact or simulated, leave out; none where they are whole.
    pub fn left_out_of_characteristics(&self) -> Option<Because> {
        self.rule().left_out()
    }

    /// Whether the trial stops at the first level after a DLT in every patient there, six of them or as many as
    /// `max-patients` leaves undecided. A trial needs a design that does.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn stops_at_toxic_first_level(&self, levels: u32) -> Result<bool, BadData> {
        let patients = self.max_patients().map_or(6, |max| max.saturating_sub(1).min(6));
        let mut all = vec![AtLevel::default(); levels as usize];
        if let Some(first) = all.first_mut() {
            first.dlt = patients;
        }
        let decision = self.next(&Data::new(all, Some(Level::FIRST))?)?;
        Ok(patients < 3 || decision.action == Action::Stop)
    }

    /// The number of levels, if the settings give them; else the data's ladder is taken.
    pub fn levels(&self) -> Option<u32> {
        self.rule().shared().levels
    }

    /// The setting `target`, if the design has one.
    pub fn target(&self) -> Option<f64> {
        self.rule().shared().target
    }

    /// The setting `max-patients`, if given.
    pub fn max_patients(&self) -> Option<u32> {
        self.rule().shared().max_patients
    }

    /// The setting `cohort-size`.
    pub fn cohort_size(&self) -> u32 {
        self.rule().shared().cohort_size
    }

    /// What would be advised in the cases a committee asks about: with undecided patients the best and the worst
    /// case, then each number of DLTs among the next patients at the current level. `planned_next_cohort` is cut
    /// to the places `max-patients` leaves, and to [`COHORT_MAX`].
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn what_if(&self, data: &Data, planned_next_cohort: u32) -> Result<Vec<WhatIf>, BadData> {
        self.fits(data)?;
        let mut rows = Vec::new();
        if data.undecided() > 0 {
            let every = data.levels().iter().map(|at| Turned { dlts: at.undecided(), ..Turned::default() });
            let every: Vec<Turned> = every.collect();
            let none = vec![Turned::default(); every.len()];
            for (case, way) in [(Case::Best, none), (Case::Worst, every)] {
                rows.push(WhatIf { case, decision: self.next_when_complete(&data.completed(&way))? });
            }
        }
        let left = self.max_patients().map_or(u32::MAX, |max| max.saturating_sub(data.patients()));
        let patients = planned_next_cohort.min(left).min(COHORT_MAX);
        if patients > 0 {
            for dlts in 0..=patients {
                let decision = self.next(&data.with_cohort(patients, dlts))?;
                rows.push(WhatIf { case: Case::NextCohort { patients, dlts }, decision });
            }
        }
        Ok(rows)
    }

    /// Which levels below the current one are open for backfilling and why each is or is not: one entry a level, the
    /// lowest first. Empty for designs that do not backfill, and once the escalation has ended. The current level of
    /// the data is the one the escalation is at, whoever was treated last.
    ///
    /// ```
    /// use posology_design::{Data, Design};
    /// let design: Design = serde_json::from_str(r#"{"design": "bf-boin", "doses": 3, "target": 0.25}"#).unwrap();
    /// let open = |outcomes: &str| -> Vec<u32> {
    ///     let data = Data::from_outcomes(3, outcomes).unwrap();
    ///     let levels = design.backfill(&data).unwrap().into_iter().filter(|at| at.open);
    ///     levels.map(|at| at.level.number()).collect()
    /// };
    /// assert_eq!(open("1NNE 2NNN 3P"), [1]); // a response at level 1, none at level 2
    /// assert_eq!(open("1NNE 2NEN"), [1]); // level 2 is the current one
    /// ```
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn backfill(&self, data: &Data) -> Result<Vec<Backfill>, BadData> {
        let levels = self.rule().backfill(&data.followed(true));
        let goes_on = |action: Action| !matches!(action, Action::Stop | Action::Complete);
        Ok(if levels.is_empty() || !goes_on(self.decided(data)?.action) { Vec::new() } else { levels })
    }

    /// For designs on a grid, the level that would be selected in each row, the lowest row first, undecided patients
    /// left out; empty for others.
    ///
    /// # Errors
    /// As [`Design::next`].
    pub fn contour(&self, data: &Data) -> Result<Vec<Level>, BadData> {
        self.fits(data)?;
        Ok(self.rule().contour(&data.known()))
    }

    /// The weights of pending patients, for designs on follow-up.
    pub fn late_onset(&self) -> Option<&LateOnset> {
        self.rule().late_onset()
    }

    fn completions(&self, data: &Data) -> Vec<Vec<Turned>> {
        data.completions(self.rule().needs() == Needs::Efficacy)
    }

    /// The next step without its words. The decision graph, the simulator and [`Design::next`] all ask here.
    pub(crate) fn advance(&self, seen: &Counts) -> Result<Move, BadData> {
        let rule = self.rule();
        let treated = seen.treated();
        let step = match self.max_patients().map(|max| max.saturating_sub(treated)) {
            Some(0) if seen.pending.is_empty() => return Ok(Move::end(rule.select(seen)?)),
            Some(0) => return Ok(Move::wait(seen.current)),
            Some(left) => {
                let step = if treated == 0 { rule.begin() } else { rule.decide(seen)? };
                Move { enrol: step.enrol.min(left), ..step }
            }
            None if treated == 0 => rule.begin(),
            None => rule.decide(seen)?,
        };
        Ok(step)
    }

    fn next_when_complete(&self, seen: &Counts) -> Result<Decision, BadData> {
        let rule = self.rule();
        let step = self.advance(seen)?;
        let at_max = self.max_patients().filter(|max| seen.treated() >= *max);
        let mut because = Vec::new();
        if let Some(max) = at_max {
            let says = format!("all {max} patients of `max-patients` have been treated");
            because.push(Because::new("max-patients", says).input("max-patients", max));
            if step.action == Action::Wait {
                let says =
                    format!("{} of them are pending: the selection waits for them", seen.pending.len());
                because.push(Because::new("pending-at-end", says).input("pending", seen.pending.len()));
            } else {
                because.extend(rule.because_selected(seen, step.level)?);
            }
        } else if seen.treated() == 0 {
            let level = step.level.map_or(0, Level::number);
            let says = format!("no patient has been treated: the first {} at level {level}", step.enrol);
            because.push(Because::new(format!("{}/start", self.name()), says).input("level", level));
        } else {
            because.extend(self.part_cohort(seen));
            because.extend(rule.because(seen, step)?);
        }
        let Move { action, level, enrol } = step;
        Ok(Decision { action, level, enrol, because, completions: Vec::new() })
    }

    fn part_cohort(&self, seen: &Counts) -> Option<Because> {
        let size = self.cohort_size();
        let here = seen.here().evaluable + seen.pending_at(seen.current);
        (!here.is_multiple_of(size) && self.rule().in_cohorts()).then(|| {
            let says = format!(
                "level {} has {here} patients, not a multiple of the cohort size {size}: decided on what is there",
                seen.current
            );
            Because::new("part-cohort", says).input("patients", here).input("cohort-size", size)
        })
    }

    fn select_when_complete(&self, seen: &Counts) -> Result<Selection, BadData> {
        let level = self.rule().select(seen)?;
        Ok(Selection { level, awaits: false, because: self.rule().because_selected(seen, level)? })
    }

    pub(crate) fn fits(&self, data: &Data) -> Result<(), BadData> {
        let found = data.levels().len();
        if let Some(expected) = self.levels().filter(|levels| *levels as usize != found) {
            return Err(BadData::OtherLadder { found, expected });
        }
        let patients = data.patients();
        match self.max_patients().filter(|max| patients > *max) {
            Some(max) => Err(BadData::TooManyPatients { found: patients, max }),
            None => Ok(()),
        }
    }
}

fn completion(data: &Data, way: &[Turned], answer: &Decision) -> Completion {
    let dlts = data
        .levels()
        .iter()
        .zip(way)
        .enumerate()
        .filter(|(_, (at, _))| at.undecided() > 0)
        .map(|(index, (at, turned))| UndecidedDlts {
            level: Level::at_index(index),
            dlts: turned.dlts,
            undecided: at.undecided(),
            efficacy: turned.efficacy_only + turned.both,
        })
        .collect();
    Completion { dlts, action: answer.action, level: answer.level }
}

fn cannot_change(data: &Data, ways: usize, answer: &Decision) -> Because {
    let (who, advice) = (undecided_words(data), advice_words(answer));
    let says =
        format!("{who} cannot change the advice: each of the {ways} ways they can turn out gives {advice}");
    Because::new("undecided/cannot-change", says).input("undecided", data.undecided()).input("ways", ways)
}

fn can_change(data: &Data, answers: &[Decision]) -> Because {
    let mut advices: Vec<String> = Vec::new();
    for advice in answers.iter().map(advice_words) {
        if !advices.contains(&advice) {
            advices.push(advice);
        }
    }
    let who = undecided_words(data);
    let says = format!("{who} can change the advice: {}", advices.join(", or "));
    Because::new("undecided/can-change", says)
        .input("undecided", data.undecided())
        .input("ways", answers.len())
}

fn possible_blocks(data: &Data, answer: &Decision) -> Because {
    let possible = data.possible_dlts();
    let who =
        if possible == 1 { "1 possible DLT is".to_owned() } else { format!("{possible} possible DLTs are") };
    let says = format!(
        "{who} not adjudicated: no escalation before that, though the counts give {}",
        advice_words(answer)
    );
    Because::new("undecided/possible-dlt", says).input("possible-dlt", possible)
}

/// The reasons of the two extreme completions, without those already told as known: marked as supposed, but said
/// once and plainly where both extremes give them and lead to the same advice.
fn suppositions(told: &[Because], best: &[Because], worst: &[Because], agree: bool) -> Vec<Because> {
    let known = |because: &&Because| {
        told.iter().any(|other| {
            other.rule == because.rule && other.inputs.get("level") == because.inputs.get("level")
        })
    };
    let shared = |because: &Because| agree && best.contains(because) && worst.contains(because);
    let supposed = |condition: &str, because: &Because| Because {
        says: format!("{condition}: {}", because.says),
        ..because.clone()
    };
    let of_best = best.iter().filter(|because| !known(because)).map(|because| {
        if shared(because) { because.clone() } else { supposed("if none of them has a DLT", because) }
    });
    let of_worst = worst
        .iter()
        .filter(|because| !known(because) && !shared(because))
        .map(|because| supposed("if all of them have a DLT", because));
    of_best.chain(of_worst).collect()
}

fn advice_words(decision: &Decision) -> String {
    let word = decision.action.word();
    match (decision.action, decision.level) {
        (Action::Escalate | Action::DeEscalate, Some(level)) => format!("`{word}` to level {level}"),
        (Action::Complete, Some(level)) => format!("`{word}` with level {level} selected"),
        (_, Some(level)) => format!("`{word}` at level {level}"),
        (_, None) => format!("`{word}`"),
    }
}

/// Who is undecided, such as `2 pending patients and 1 with a possible DLT`.
fn undecided_words(data: &Data) -> String {
    let possible = data.possible_dlts();
    let patients = |count: u32| if count == 1 { "patient" } else { "patients" };
    match data.undecided().saturating_sub(possible) {
        0 => format!("{possible} {} with a possible DLT", patients(possible)),
        pending if possible == 0 => format!("{pending} pending {}", patients(pending)),
        pending => format!("{pending} pending {} and {possible} with a possible DLT", patients(pending)),
    }
}
