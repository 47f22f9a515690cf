//! The patients of a design: counts by level or one row a patient, from a file, or outcomes on one line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use posology_design::{AtLevel, Because, Data, Design, LastCohort, Level};
use posology_trial::protocol::DesignFile;

use super::file::refused;
use crate::failure::Failure;
use crate::rows::{Line, Rows};

/// A count above this is a slip of the pen.
const COUNT_MAX: u32 = 10_000;

const DOSE: &[&str] = &["dose", "level", "regimen"];
const PATIENT: &[&str] = &["patient", "subject", "usubjid"];
const N: &[&str] = &["n"];
const DLT: &[&str] = &["dlt"];
const PENDING: &[&str] = &["pending"];
const STATUS: &[&str] = &["status"];
const DAYS: &[&str] = &["days"];
const EFFICACY: &[&str] = &["efficacy"];
const BOTH: &[&str] = &["both"];
/// Every column that is read.
const KNOWN: &[&[&str]] = &[DOSE, PATIENT, N, DLT, PENDING, STATUS, DAYS, EFFICACY, BOTH];

/// A design, and the patients treated so far.
#[derive(Args)]
pub(crate) struct Asked {
    /// Design file, or a trial's trial.toml
    pub(crate) file: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The level the trial is at [default: the last patient's, or the highest that has patients]
    #[arg(long)]
    current: Option<String>,
}

/// Where the patients stand.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// CSV file: dose,n,dlt and perhaps pending, or a row a patient: patient,dose,dlt or patient,dose,status (and days)
    #[arg(long)]
    data: Option<PathBuf>,
    /// Cohorts in order, such as "1NNN 2NNT": T a DLT, N none, P pending, X not evaluable, E efficacy only, B both
    #[arg(long)]
    outcomes: Option<String>,
}

/// Patients by level, and what had to be understood to read them.
pub(super) struct Patients {
    pub(super) data: Data,
    pub(super) notes: Vec<Because>,
    /// What to call them in an error.
    pub(super) source: String,
}

/// The patients of a design.
pub(super) fn read(file: &DesignFile, asked: &Asked) -> Result<Patients, Failure> {
    let source = &asked.source;
    read_from(file, source.data.as_deref(), source.outcomes.as_deref(), asked.current.as_deref())
}

/// The patients of a file, or else those of a line of outcomes.
pub(super) fn read_from(
    file: &DesignFile,
    data: Option<&Path>,
    outcomes: Option<&str>,
    current: Option<&str>,
) -> Result<Patients, Failure> {
    let ladder = Ladder { file };
    let current = match current {
        Some(text) => {
            let level = ladder.level(text, true);
            Some(level.map_err(|bad| Failure::input(format!("--current: {bad}")))?)
        }
        None => None,
    };
    let patients = match data {
        Some(path) => from_file(&ladder, path, current),
        None => from_outcomes(&ladder, outcomes.unwrap_or_default(), current),
    }?;
    let treated = patients.data.levels().iter().rposition(|at| at.patients() > 0).map(Level::at_index);
    let grid = matches!(file.design, Design::PoCrm(_) | Design::BoinComb(_));
    match treated.filter(|highest| patients.data.current() > highest.above() && !grid) {
        Some(highest) => Err(Failure::input(format!(
            "{}: expected a current level of at most {}, one above the highest with a patient, found {}; mend: correct --current, or give the patients between",
            patients.source,
            highest.above(),
            patients.data.current()
        ))),
        None => Ok(patients),
    }
}

fn from_outcomes(ladder: &Ladder<'_>, outcomes: &str, current: Option<Level>) -> Result<Patients, Failure> {
    let source = "--outcomes".to_owned();
    let data = Data::from_outcomes(ladder.levels(), outcomes)
        .and_then(|data| match current {
            Some(level) if level != data.current() => data.at(level),
            _ => Ok(data),
        })
        .map_err(|bad| refused(&source, &bad))?;
    let mut notes: Vec<Because> = not_evaluable(outcomes.matches('X').count()).into_iter().collect();
    if ladder.file.design.needs_follow_up() {
        notes.extend(just_begun(outcomes.matches('P').count()));
    }
    Ok(Patients { data, notes, source })
}

fn from_file(ladder: &Ladder<'_>, path: &Path, current: Option<Level>) -> Result<Patients, Failure> {
    let source = path.display().to_string();
    let rows = Rows::read(path)?;
    rows.refuse_misspelt(KNOWN)?;
    let counts = rows.has_any(N);
    if counts && rows.has_any(PATIENT) {
        return Err(Failure::input(format!(
            "{source}: expected either a column n (counts, a row a level) or a column patient (a row a patient), found both; mend: keep one of the two"
        )));
    }
    rows.need(&[
        ("the dose level", DOSE),
        if counts { ("evaluable patients", N) } else { ("counts (n) or patients (patient)", PATIENT) },
    ])?;
    let read = if counts { by_level(ladder, &rows) } else { by_patient(ladder, &rows) }?;
    let ByLevel { levels, entered, notes } = read;
    let last = entered.as_ref().and_then(|entered| entered.last()).map(|(level, _)| *level);
    let data = Data::new(levels, current.or(last))
        .and_then(|data| {
            let cohort = entered.filter(|_| last == Some(data.current())).and_then(|entered| {
                let here = entered.iter().rev().take_while(|(level, _)| Some(*level) == last);
                let mut outcomes: Vec<Option<bool>> = here.filter_map(|(_, outcome)| *outcome).collect();
                outcomes.reverse();
                LastCohort::of(&outcomes, ladder.file.design.cohort_size())
            });
            data.with_last(cohort)
        })
        .map_err(|bad| refused(&source, &bad))?;
    Ok(Patients { data, notes, source })
}

/// What a file says.
struct ByLevel {
    levels: Vec<AtLevel>,
    /// Level and outcome of each patient in order of entry, where the file has a row a patient: a DLT, none,
    /// undecided, or not evaluable.
    entered: Option<Vec<(Level, Option<Option<bool>>)>>,
    notes: Vec<Because>,
}

fn by_level(ladder: &Ladder<'_>, rows: &Rows) -> Result<ByLevel, Failure> {
    rows.need(&[("DLTs", DLT)])?;
    let design = &ladder.file.design;
    let mut levels = vec![AtLevel::default(); ladder.levels() as usize];
    let mut seen: HashSet<Level> = HashSet::new();
    for line in rows.lines() {
        let level = ladder.of_row(&line)?;
        if !seen.insert(level) {
            let bad = format!(
                "expected each level once, found level {level} again; mend: add the two rows up, or give one row a patient"
            );
            return Err(line.bad(DOSE, &bad));
        }
        let n = line_count(&line, N)?.ok_or_else(|| line.missing(N))?;
        let dlt = line_count(&line, DLT)?.ok_or_else(|| line.missing(DLT))?;
        if dlt > n {
            let bad = format!(
                "expected at most the {n} evaluable patients of the row, found {dlt} DLTs; mend: correct n or dlt"
            );
            return Err(line.bad(DLT, &bad));
        }
        let pending = line_count(&line, PENDING)?.unwrap_or(0);
        let (efficacy_only, both) =
            if design.needs_efficacy() { efficacy_counts(&line, n, dlt)? } else { (0, 0) };
        levels[level.index()] = AtLevel {
            dlt,
            no_dlt: n - dlt,
            pending: vec![0.0; pending as usize],
            efficacy_only,
            both,
            ..AtLevel::default()
        };
    }
    let patients: u32 = levels.iter().map(AtLevel::patients).sum();
    let pending: usize = levels.iter().map(|at| at.pending.len()).sum();
    let mut notes = Vec::new();
    if !rows.has_any(PENDING) && patients > 0 {
        notes.push(all_complete("pending", patients));
    } else if design.needs_follow_up() {
        notes.extend(just_begun(pending));
    }
    notes.extend(unread_efficacy(ladder, rows));
    Ok(ByLevel { levels, entered: None, notes })
}

/// Evaluable patients with the efficacy outcome: without a DLT, and with one.
fn efficacy_counts(line: &Line<'_>, n: u32, dlt: u32) -> Result<(u32, u32), Failure> {
    let Some(efficacy) = line_count(line, EFFICACY)? else {
        return if n == 0 { Ok((0, 0)) } else { Err(line.missing(EFFICACY)) };
    };
    if efficacy > n {
        let bad = format!(
            "expected at most the {n} evaluable patients of the row, found {efficacy} with the efficacy outcome; mend: correct n or efficacy"
        );
        return Err(line.bad(EFFICACY, &bad));
    }
    // So many must have both outcomes, and so many can.
    let (least, most) = ((dlt + efficacy).saturating_sub(n), dlt.min(efficacy));
    let both = match line_count(line, BOTH)? {
        Some(both) if (least..=most).contains(&both) => both,
        Some(both) => {
            let bad = format!(
                "expected {least} to {most} patients with both outcomes, found {both}; mend: give those of the row who have a DLT and the efficacy outcome"
            );
            return Err(line.bad(BOTH, &bad));
        }
        None if least == most => least,
        None => return Err(line.missing(BOTH)),
    };
    Ok((efficacy - both, both))
}

/// How a patient counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Dlt,
    NoDlt,
    Pending,
    PossibleDlt,
    NotEvaluable,
}

fn by_patient(ladder: &Ladder<'_>, rows: &Rows) -> Result<ByLevel, Failure> {
    if rows.has_any(DLT) == rows.has_any(STATUS) {
        return Err(rows.bad(
            &"expected either a column dlt (0 or 1) or a column status (dlt, none, pending, not-evaluable), found both or neither; mend: keep one of the two",
        ));
    }
    let design = &ladder.file.design;
    let window = ladder.file.window_days.filter(|_| design.needs_follow_up());
    let has_days = rows.has_any(DAYS);
    let mut levels = vec![AtLevel::default(); ladder.levels() as usize];
    let mut entered = Vec::new();
    let mut patients: HashSet<String> = HashSet::new();
    let (mut unfollowed, mut late, mut left_out) = (0, 0, 0);
    for line in rows.lines() {
        let patient: String = line.required(PATIENT)?;
        if !patients.insert(patient.clone()) {
            let bad = format!(
                "expected each patient once, found {patient:?} again; mend: remove one of the two rows, or correct the id"
            );
            return Err(line.bad(PATIENT, &bad));
        }
        let level = ladder.of_row(&line)?;
        let (mut status, efficacy) = outcome(&line, rows, design.needs_efficacy())?;
        let days = days(&line)?.filter(|_| window.is_some());
        let share = window.zip(days).map(|(window, days)| days / window);
        if let (Status::NoDlt, Some(share), Some(days)) = (status, share, days)
            && share < 1.0
        {
            if !rows.has_any(DLT) {
                let window = window.unwrap_or_default();
                let bad = format!(
                    "expected {window} days, the window, or more for a patient who completed it without a DLT, found {days}; mend: give the status pending, or the days of the whole window"
                );
                return Err(line.bad(DAYS, &bad));
            }
            status = Status::Pending;
        }
        let at = &mut levels[level.index()];
        match status {
            Status::Dlt => {
                at.dlt += 1;
                at.both += u32::from(efficacy);
                match share {
                    Some(share) if share <= 1.0 => at.onset.push(share),
                    Some(_) => late += 1,
                    None => {}
                }
            }
            Status::NoDlt => {
                at.no_dlt += 1;
                at.efficacy_only += u32::from(efficacy);
            }
            Status::Pending => {
                if let (Some(share), Some(window), Some(days)) = (share, window, days)
                    && share > 1.0
                {
                    let bad = format!(
                        "expected at most {window} days, the window, for a pending patient, found {days}; mend: give the status reached, none or dlt"
                    );
                    return Err(line.bad(DAYS, &bad));
                }
                unfollowed += usize::from(share.is_none());
                at.pending.push(share.unwrap_or(0.0));
            }
            Status::PossibleDlt => at.possible_dlt += 1,
            Status::NotEvaluable => left_out += 1,
        }
        entered.push((
            level,
            match status {
                Status::Dlt => Some(Some(true)),
                Status::NoDlt => Some(Some(false)),
                Status::Pending | Status::PossibleDlt => Some(None),
                Status::NotEvaluable => None,
            },
        ));
    }
    let mut notes = Vec::new();
    if rows.has_any(DLT) && !(window.is_some() && has_days) && !entered.is_empty() {
        notes.push(all_complete("status", u32::try_from(entered.len()).unwrap_or(u32::MAX)));
    }
    notes.extend(not_evaluable(left_out));
    if design.needs_follow_up() {
        notes.extend(just_begun(unfollowed));
    } else if has_days {
        let says =
            format!("{} does not read `days`: the pending count alike, however long followed", design.name());
        notes.push(Because::new("data/days-not-read", says));
    }
    if late > 0 {
        let says =
            format!("{late} DLTs with more `days` than the window: counted, their onset taken as unknown");
        notes.push(Because::new("data/onset-unknown", says).input("patients", late));
    }
    notes.extend(unread_efficacy(ladder, rows));
    Ok(ByLevel { levels, entered: Some(entered), notes })
}

/// The status of a row, and whether the patient has the efficacy outcome.
fn outcome(line: &Line<'_>, rows: &Rows, needs_efficacy: bool) -> Result<(Status, bool), Failure> {
    let yes_or_no = |columns: &'static [&'static str]| match line.text(columns) {
        Some("0") => Ok(Some(false)),
        Some("1") => Ok(Some(true)),
        None => Ok(None),
        Some(other) => Err(line.bad(
            columns,
            &format!("expected 0 or 1, found {other:?}; mend: write 1 where the patient has it, else 0"),
        )),
    };
    let (status, by_word) = if rows.has_any(DLT) {
        let dlt = yes_or_no(DLT)?.ok_or_else(|| line.missing(DLT))?;
        (if dlt { Status::Dlt } else { Status::NoDlt }, None)
    } else {
        let word: String = line.required(STATUS)?;
        match word.to_ascii_lowercase().as_str() {
            "dlt" | "t" => (Status::Dlt, None),
            "none" | "n" => (Status::NoDlt, None),
            "pending" | "p" => (Status::Pending, None),
            "possible-dlt" => (Status::PossibleDlt, None),
            "not-evaluable" | "x" => (Status::NotEvaluable, None),
            "efficacy" | "e" => (Status::NoDlt, Some(true)),
            "both" | "b" => (Status::Dlt, Some(true)),
            _ => {
                let bad = format!(
                    "expected dlt, none, pending, possible-dlt or not-evaluable (with efficacy also efficacy or both), found {word:?}; mend: write one of them"
                );
                return Err(line.bad(STATUS, &bad));
            }
        }
    };
    if !needs_efficacy {
        return Ok((status, false));
    }
    let by_column = yes_or_no(EFFICACY)?;
    match (by_word, by_column) {
        (Some(true), Some(false)) => {
            let bad = "expected 1, as the status says, found 0; mend: correct one of the two";
            Err(line.bad(EFFICACY, &bad))
        }
        (None, None) if rows.has_any(DLT) => Err(line.missing(EFFICACY)),
        (word, column) => Ok((status, word.or(column).unwrap_or(false))),
    }
}

fn days(line: &Line<'_>) -> Result<Option<f64>, Failure> {
    let Some(text) = line.text(DAYS) else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(days) if days.is_finite() && days >= 0.0 => Ok(Some(days)),
        _ => {
            let bad = format!(
                "expected a number of days, 0 or more, found {text:?}; mend: write the days of follow-up, or of the onset of a DLT"
            );
            Err(line.bad(DAYS, &bad))
        }
    }
}

/// A count of a row; none where the column is not there or the cell is empty.
fn line_count(line: &Line<'_>, columns: &'static [&'static str]) -> Result<Option<u32>, Failure> {
    let Some(text) = line.text(columns) else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(count) if count <= COUNT_MAX => Ok(Some(count)),
        _ => {
            let bad = format!(
                "expected a whole number of patients, 0 to {COUNT_MAX}, found {text:?}; mend: write the count"
            );
            Err(line.bad(columns, &bad))
        }
    }
}

fn all_complete(column: &str, patients: u32) -> Because {
    let says =
        format!("there is no column `{column}`: all {patients} patients are read as complete, none pending");
    Because::new("data/all-complete", says).input("patients", patients)
}

fn not_evaluable(patients: usize) -> Option<Because> {
    let says = match patients {
        0 => return None,
        1 => "1 patient is not evaluable and left out".to_owned(),
        _ => format!("{patients} patients are not evaluable and left out"),
    };
    Some(Because::new("data/not-evaluable", says).input("patients", patients))
}

fn just_begun(pending: usize) -> Option<Because> {
    let says = format!(
        "no days of follow-up are given for {pending} pending {}: read as if the window had just begun",
        if pending == 1 { "patient" } else { "patients" }
    );
    (pending > 0).then(|| Because::new("data/follow-up-unknown", says).input("pending", pending))
}

fn unread_efficacy(ladder: &Ladder<'_>, rows: &Rows) -> Option<Because> {
    let design = &ladder.file.design;
    let says = format!("{} decides on toxicity alone: `efficacy` is not read", design.name());
    (!design.needs_efficacy() && rows.has_any(EFFICACY)).then(|| Because::new("data/efficacy-not-read", says))
}

/// The levels of a design and what they are called.
struct Ladder<'a> {
    file: &'a DesignFile,
}

impl Ladder<'_> {
    fn levels(&self) -> u32 {
        self.file.design.levels().unwrap_or(0)
    }

    fn of_row(&self, line: &Line<'_>) -> Result<Level, Failure> {
        let text: String = line.required(DOSE)?;
        self.level(&text, false).map_err(|bad| line.bad(DOSE, &bad))
    }

    /// The level that a number or a name stands for. In the data of a trial a number is refused: after an amendment
    /// it would be another level.
    fn level(&self, text: &str, numbers_in_trial: bool) -> Result<Level, String> {
        let text = text.trim();
        let named = self.file.labels.iter().position(|label| label == text).map(Level::at_index);
        let number = text.parse::<u32>().ok().filter(|number| *number <= self.levels()).and_then(Level::new);
        let numbered = number.filter(|_| numbers_in_trial || !self.file.of_trial);
        match (named, numbered) {
            (Some(named), Some(numbered)) if named != numbered => Err(format!(
                "expected one level, found {text:?}, which is the name of level {named} and the number of another; mend: give the levels names that are no numbers, such as \"{text} mg\""
            )),
            (Some(level), _) | (None, Some(level)) => Ok(level),
            (None, None) => Err(self.unknown(text)),
        }
    }

    fn unknown(&self, text: &str) -> String {
        let names = self.file.labels.join(", ");
        let expected = match (self.file.of_trial, names.is_empty()) {
            (true, _) => format!("a regimen of the protocol: {names}"),
            (false, true) => format!("a dose level, 1 to {}", self.levels()),
            (false, false) => format!("a dose level, 1 to {}, or its name: {names}", self.levels()),
        };
        format!("expected {expected}, found {text:?}; mend: correct it, or the ladder of the design")
    }
}
