//! A decision table of one's own: for each number of evaluable patients at the current level, a letter for each number of
//! DLTs, as a protocol prints it.
//!
//! Row n of `table` has n + 1 letters, for 0 to n DLTs: `E` escalate, `S` stay, `D` de-escalate, `DU` (or `U`) de-escalate
//! and close the level and those above. A row never asks for a higher level after more DLTs. Levels are closed and left as
//! [`crate::interval`] says. A level has room for as many patients as the table has rows: where the next patients would
//! have to be treated at a level without room, the trial ends with the selection. Should a level have more patients
//! after all, the last row's DLT counts stand for it, which errs on the safe side.
//!
//! The selection is the level whose isotonic DLT rate is nearest to the target, or without a model the highest that is
//! open and that the table does not ask to leave downward. A table that could never close a level is refused: no
//! trial is without a stop for a too toxic first level.

use serde::{Deserialize, Serialize};

use crate::because::Because;
use crate::data::Count;
use crate::design::Boundaries;
use crate::interval::{Tabular, Verdict};
use crate::settings::{About, PATIENTS_MAX, Problem, Problems, Shared, settings};

const SOURCE: &str = "the decision table of the design file";

pub(crate) const ABOUT: About =
    About { title: "A decision table of one's own", reference: "the protocol's own table", exact: true };

/// One row of the table, for so many evaluable patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected letters such as \"E S D\", or a list of letters")]
pub enum Row {
    /// The letters of 0, 1, 2, … DLTs with spaces between.
    Line(String),
    /// The letters one by one.
    Letters(Vec<String>),
}

impl Row {
    fn letters(&self) -> Vec<&str> {
        match self {
            Self::Line(line) => line.split_whitespace().collect(),
            Self::Letters(letters) => letters.iter().map(String::as_str).collect(),
        }
    }
}

/// How the level is selected at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mtd {
    /// The treated level, not closed, whose isotonic DLT rate is nearest to the target.
    #[default]
    Isotonic,
    /// The highest treated level that is not closed and whose row reads E or S.
    Highest,
}

settings! {
    "The settings of a decision table of one's own as a file gives them.";
    /// The rows for 1, 2, 3, … evaluable patients, each with the letters of 0, 1, 2, … DLTs: E, S, D, DU.
    table: Vec<Row> = Vec::new() => "required";
    /// How the level is selected at the end: `isotonic`, which needs a target, or `highest`.
    mtd: Mtd = Mtd::Isotonic => "isotonic";
}

impl Settings {
    /// Everything that is wrong with the settings.
    ///
    /// ```
    /// use posology_design::decision_table::{Mtd, Row, Settings};
    /// let table = ["E D", "E S DU", "E S E DU"].map(|row| Row::Line(row.to_owned())).to_vec();
    /// let problems = Settings { table, mtd: Mtd::Highest, ..Settings::default() }.check();
    /// assert_eq!(
    ///     problems[0].to_string(),
    ///     "`table`: found `E` for 2 DLTs of 3 after `S` for 1, expected S, D or DU: \
    ///      more DLTs never ask for a higher level"
    /// );
    /// ```
    pub fn check(&self) -> Vec<Problem> {
        let shared = self.shared();
        let mut problems =
            if self.mtd == Mtd::Isotonic { shared.check_with_target() } else { shared.check() };
        let rows = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        let least = self.cohort_size.clamp(1, PATIENTS_MAX);
        if !(least..=PATIENTS_MAX).contains(&rows) {
            let expected = format!("{least} to {PATIENTS_MAX} rows, at least those of one cohort");
            let mend = "give one row for each number of patients: \"E S\", \"E S D\", \"E S D DU\", …";
            problems.push(Problem::new("table", format!("{rows} rows"), expected, mend));
        } else {
            problems.extend(self.table.iter().zip(1..).flat_map(|(row, n)| check_row(row, n)));
        }
        let closes = self.table.last().and_then(|row| row.letters().last().copied().and_then(verdict));
        if problems.is_empty() && closes != Some(Verdict::Eliminate) {
            let mend = "close the level when all its patients have a DLT, so that the trial can stop";
            let found = format!("no DU for {rows} DLTs of {rows}");
            problems.push(Problem::new("table", found, "DU at the end of the last row", mend));
        }
        problems
    }
}

fn verdict(letter: &str) -> Option<Verdict> {
    match letter {
        "E" => Some(Verdict::Escalate),
        "S" => Some(Verdict::Stay),
        "D" => Some(Verdict::DeEscalate),
        "DU" | "U" => Some(Verdict::Eliminate),
        _ => None,
    }
}

fn rank(letter: &str) -> Option<u8> {
    verdict(letter).map(|verdict| match verdict {
        Verdict::Escalate => 0,
        Verdict::Stay => 1,
        Verdict::DeEscalate => 2,
        Verdict::Eliminate => 3,
    })
}

/// What is wrong with the row of n patients: each unknown letter, its length, the first letter out of order.
fn check_row(row: &Row, n: u32) -> Vec<Problem> {
    let letters = row.letters();
    let mut problems: Vec<Problem> = letters
        .iter()
        .zip(0..)
        .filter(|(letter, _)| verdict(letter).is_none())
        .map(|(letter, dlts): (_, u32)| {
            let found = format!("`{letter}` for {} of {n}", dlts_words(dlts));
            let mend = "write escalate, stay, de-escalate, or de-escalate and close the level";
            Problem::new("table", found, "E, S, D or DU", mend)
        })
        .collect();
    if letters.len() != n as usize + 1 {
        let patients = if n == 1 { "1 patient".to_owned() } else { format!("{n} patients") };
        let found = format!("{} letters for {patients}", letters.len());
        let expected = format!("{}, for 0 to {n} DLTs", n + 1);
        problems.push(Problem::new("table", found, expected, "give one letter for each number of DLTs"));
    }
    let falls = letters.windows(2).zip(1_u32..).find(|(pair, _)| rank(pair[0]) > rank(pair[1]));
    if let (Some((pair, dlts)), true) = (falls, problems.is_empty()) {
        let found =
            format!("`{}` for {} of {n} after `{}` for {}", pair[1], dlts_words(dlts), pair[0], dlts - 1);
        let lowest = rank(pair[0]).unwrap_or(0);
        let expected = ["E, S, D or DU", "S, D or DU", "D or DU", "DU"][usize::from(lowest)];
        problems.push(Problem::new("table", found, expected, "more DLTs never ask for a higher level"));
    }
    problems
}

fn dlts_words(count: u32) -> String {
    if count == 1 { "1 DLT".to_owned() } else { format!("{count} DLTs") }
}

/// A decision table of one's own whose settings hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionTable {
    settings: Settings,
    rows: Vec<Boundaries>,
}

impl TryFrom<Settings> for DecisionTable {
    type Error = Problems;

    fn try_from(settings: Settings) -> Result<Self, Problems> {
        let problems = settings.check();
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let row = |row: &Row| {
            let letters = row.letters();
            let first = |rank_from: u8| {
                let place = letters.iter().position(|letter| rank(letter) >= Some(rank_from));
                place.and_then(|place| u32::try_from(place).ok())
            };
            let n = u32::try_from(letters.len()).unwrap_or(u32::MAX);
            Boundaries {
                escalate_max: first(1).unwrap_or(n).checked_sub(1),
                deescalate_min: first(2),
                eliminate_min: first(3),
            }
        };
        let rows = settings.table.iter().map(row).collect();
        Ok(Self { settings, rows })
    }
}

impl From<DecisionTable> for Settings {
    fn from(design: DecisionTable) -> Self {
        design.settings
    }
}

impl Tabular for DecisionTable {
    const NAME: &'static str = "table";
    const SOURCE: &'static str = SOURCE;

    fn shared(&self) -> Shared<'_> {
        self.settings.shared()
    }

    fn row(&self, n: u32) -> Boundaries {
        let place = (n as usize).checked_sub(1);
        let row = place.and_then(|place| self.rows.get(place).or(self.rows.last()));
        row.copied().unwrap_or_default()
    }

    fn room(&self) -> Option<u32> {
        u32::try_from(self.rows.len()).ok()
    }

    fn selects_highest(&self) -> bool {
        self.settings.mtd == Mtd::Highest
    }

    fn explain(&self, because: Because, count: Count, verdict: Verdict) -> Because {
        let asks = match verdict {
            Verdict::Escalate => "E, escalate",
            Verdict::Stay => "S, stay",
            Verdict::DeEscalate => "D, de-escalate",
            Verdict::Eliminate => "DU, de-escalate and close the level",
        };
        let says = format!("{}: {} {asks}", because.says, self.reads(count));
        Because { says, ..because }
    }

    fn explain_elimination(&self, because: Because, count: Count) -> Because {
        let says = format!("{}: {} DU", because.says, self.reads(count));
        Because { says, ..because }
    }
}

impl DecisionTable {
    fn reads(&self, count: Count) -> String {
        match self.rows.len() as u32 {
            rows if count.evaluable > rows => format!("the table's last row, for {rows}, reads"),
            _ => format!("the table's row {} reads", count.evaluable),
        }
    }
}
