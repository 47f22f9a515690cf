//! The best response of every subject of a long file, read in passing.
//!
//! One thread reads and cuts the rows into batches at a change of subject; two judge them, without a word. What is
//! held is a few batches, the answers, and one number a subject. Where the rows of a subject do not stand together the
//! file is read again, whole, and answered as ever.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use posology_clinic::response::best::{Best, best as best_of};
use posology_clinic::response::confirm::statuses;
use posology_clinic::response::imwg::{Criteria, Settings, categories};
use posology_exchange::dataset::{self, ReadOptions, Reader, Row};
use serde_json::json;

use super::layout::{self, Layout, Wrong};
use super::{Values, set};
use crate::commands::response::{DATE, SUBJECT};
use crate::failure::Failure;
use crate::output;
use crate::rows::Rows;

/// Rows after which a batch ends with its subject.
const BATCH: usize = 4_096;
/// Threads that judge.
const JUDGES: usize = 2;
/// Batches on their way.
const ON_THE_WAY: usize = 4;

/// Rows with their cells in one text.
#[derive(Default)]
struct Batch {
    text: String,
    /// For each cell its end in the text; a missing one has no length.
    ends: Vec<usize>,
    /// For each row its number in the file and its first cell.
    rows: Vec<(u64, usize)>,
}

impl Batch {
    fn push(&mut self, row: &Row) {
        self.rows.push((row.number(), self.ends.len()));
        for index in 0..row.width() {
            self.text.push_str(row.cell(index).text().unwrap_or_default());
            self.ends.push(self.text.len());
        }
    }

    fn cell(&self, row: usize, index: usize) -> Option<&str> {
        let first = self.rows.get(row)?.1;
        let end = self.rows.get(row + 1).map_or(self.ends.len(), |next| next.1);
        let at = first + index;
        if at >= end {
            return None;
        }
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..self.ends[at]).filter(|text| !text.is_empty())
    }
}

/// The answers of a batch.
#[derive(Default)]
struct Answers {
    text: String,
    warnings: Vec<String>,
}

/// How a file is judged, whatever thread does it.
struct Court<'a> {
    settings: &'a Settings,
    criteria: Criteria,
    layout: Layout,
    heading: Rows,
    json: bool,
}

impl Court<'_> {
    /// The answers of a batch, subject by subject.
    fn judge(&self, batch: &Batch) -> Result<Answers, Failure> {
        let mut answers = Answers::default();
        let mut start = 0;
        while start < batch.rows.len() {
            let name = self.subject(batch, start)?;
            let mut values = Values::default();
            let mut end = start;
            while end < batch.rows.len() && self.subject(batch, end)? == name {
                values.take(&self.layout, |index| batch.cell(end, index)).map_err(|bad| {
                    let date = date_of(&self.layout, batch, end);
                    self.wrong(batch, end, &bad, &format!("subject {name}{date}: "))
                })?;
                end += 1;
            }
            self.answer(name, values, &mut answers)?;
            start = end;
        }
        Ok(answers)
    }

    fn wrong(&self, batch: &Batch, row: usize, bad: &Wrong, who: &str) -> Failure {
        let number = batch.rows.get(row).map_or(0, |row| row.0);
        self.heading.wrong(number, &bad.column, &format!("{who}{}", bad.says))
    }

    fn subject<'b>(&self, batch: &'b Batch, row: usize) -> Result<&'b str, Failure> {
        self.layout.subject(|index| batch.cell(row, index)).map_err(|bad| self.wrong(batch, row, &bad, ""))
    }

    fn answer(&self, name: &str, values: Values, answers: &mut Answers) -> Result<(), Failure> {
        let bad = |says: String| self.heading.bad(&format!("subject {name}: {says}"));
        let Some(patient) = values.patient().map_err(bad)? else { return Ok(()) };
        let assessments = categories(&self.criteria, &patient.baseline, &patient.visits)
            .map_err(|wrong| bad(wrong.to_string()))?;
        let course = &patient.told.course;
        let rules = &self.settings.confirmation;
        let best = best_of(rules, course, &statuses(rules, course, &assessments));
        if self.json {
            if !answers.text.is_empty() {
                answers.text.push_str(",\n");
            }
            let best = json!({
                "confirmed": best.confirmed, "date": best.date, "unconfirmed": best.unconfirmed,
                "unconfirmed_date": best.unconfirmed_date, "progression": best.progression,
            });
            answers.text.push_str(&json!({ "subject": name, "best": best }).to_string());
        } else {
            write_row(&mut answers.text, name, &best);
        }
        let told = patient.told.warnings.iter().map(|warning| format!("warning: {name}: {}", warning.says));
        answers.warnings.extend(told);
        Ok(())
    }
}

fn date_of(layout: &Layout, batch: &Batch, row: usize) -> String {
    layout.date_text(|index| batch.cell(row, index)).map(|date| format!(" on {date}")).unwrap_or_default()
}

/// One line of CSV.
fn write_row(text: &mut String, name: &str, best: &Best) {
    use std::fmt::Write as _;
    if name.contains(['"', ',', '\n', '\r']) {
        text.push('"');
        text.push_str(&name.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(name);
    }
    for (category, date) in [(best.confirmed, best.date), (best.unconfirmed, best.unconfirmed_date)] {
        text.push(',');
        text.push_str(category.map_or("", |category| category.code()));
        text.push(',');
        if let Some(date) = date {
            let _ = write!(text, "{date}");
        }
    }
    text.push(',');
    if let Some(date) = best.progression {
        let _ = write!(text, "{date}");
    }
    text.push('\n');
}

/// Why reading in passing ended early.
enum Halt {
    Failed(Failure),
    /// The rows of this subject do not stand together.
    Scattered(String),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Prints the best response of every subject of a file.
pub(crate) fn best(settings: &Settings, path: &Path, json: bool) -> Result<(), Failure> {
    let (mut reader, heading) = open(path)?;
    heading.need(&[("a subject", SUBJECT), ("a date", DATE)])?;
    heading.refuse_misspelt(layout::NAMES)?;
    let layout = Layout::of(set(settings), heading.names());
    let court = Court { settings, criteria: settings.criteria(), layout, heading, json };
    let answers = match in_passing(&court, &mut reader) {
        Ok(answers) => answers,
        Err(Halt::Failed(failure)) => return Err(failure),
        Err(Halt::Scattered(name)) => {
            if !std::fs::metadata(path).is_ok_and(|file| file.is_file()) {
                return Err(court.heading.bad(&format!(
                    "expected the rows of {name} together, as the file cannot be read twice; mend: sort it by subject, \
                     or name a file"
                )));
            }
            output::error(&format!(
                "note: the rows of {name} do not stand together: the file is read again, whole"
            ));
            whole(&court, open(path)?.0)?
        }
    };
    for warning in answers.iter().flat_map(|part| &part.warnings) {
        output::error(warning);
    }
    let separator = if json { ",\n" } else { "" };
    let parts: Vec<&str> =
        answers.iter().map(|part| part.text.as_str()).filter(|text| !text.is_empty()).collect();
    let body = parts.join(separator);
    if json {
        output::text(&format!("[{body}]"));
    } else {
        output::text(&format!("subject,confirmed,date,unconfirmed,unconfirmed_date,progression\n{body}"));
    }
    Ok(())
}

fn open(path: &Path) -> Result<(Reader<File>, Rows), Failure> {
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if dataset::stem(&name).is_some() { name } else { format!("{name}.csv") };
    let reader = Reader::open(&name, file, &ReadOptions::default()).map_err(Failure::input)?;
    let names: Vec<String> =
        reader.data_set().variables.iter().map(|variable| variable.name.trim().to_lowercase()).collect();
    Ok((reader, Rows::heading(path.display().to_string(), names)))
}

type Numbered<T> = (usize, T);

fn in_passing(court: &Court<'_>, reader: &mut Reader<File>) -> Result<Vec<Answers>, Halt> {
    let (give, take) = sync_channel::<Numbered<Batch>>(ON_THE_WAY);
    let (answer, answered) = sync_channel::<Numbered<Result<Answers, Failure>>>(ON_THE_WAY);
    let take = Mutex::new(take);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(court, reader, give));
        for _ in 0..JUDGES {
            let (answer, take) = (answer.clone(), &take);
            scope.spawn(move || judge_all(court, take, &answer));
        }
        drop(answer);
        let mut all: BTreeMap<usize, Answers> = BTreeMap::new();
        let mut failed: Option<Numbered<Failure>> = None;
        for (number, found) in answered {
            match found {
                Ok(answers) => {
                    all.insert(number, answers);
                }
                // The first in the file is told, whichever thread was faster.
                Err(failure) if failed.as_ref().is_none_or(|(first, _)| number < *first) => {
                    failed = Some((number, failure));
                }
                Err(_) => {}
            }
        }
        let read =
            reading.join().unwrap_or_else(|_| Err(Failure::fault("a thread that reads has stopped").into()));
        match (failed, read) {
            (_, Err(Halt::Scattered(name))) => Err(Halt::Scattered(name)),
            (Some((_, failure)), _) => Err(failure.into()),
            (None, read) => read.map(|()| all.into_values().collect()),
        }
    })
}

fn judge_all(
    court: &Court<'_>,
    take: &Mutex<Receiver<Numbered<Batch>>>,
    answer: &SyncSender<Numbered<Result<Answers, Failure>>>,
) {
    loop {
        let next = match take.lock() {
            Ok(take) => take.recv(),
            Err(_) => return,
        };
        let Ok((number, batch)) = next else { return };
        if answer.send((number, court.judge(&batch))).is_err() {
            return;
        }
    }
}

/// Reads rows into batches, each ending with a subject.
fn read(court: &Court<'_>, reader: &mut Reader<File>, give: SyncSender<Numbered<Batch>>) -> Result<(), Halt> {
    let hasher = RandomState::new();
    let mut seen: HashSet<u64> = HashSet::new();
    let (mut batch, mut number) = (Batch::default(), 0);
    let mut current = String::new();
    let mut row = Row::default();
    while reader.next_row(&mut row).map_err(Failure::input)? {
        let name = court.layout.subject(|index| row.cell(index).text());
        let name = name.map_err(|bad| court.heading.wrong(row.number(), &bad.column, &bad.says))?;
        if name != current {
            // Two names of one number are possible and harmless: the file is then read whole.
            if !seen.insert(hasher.hash_one(name)) {
                return Err(Halt::Scattered(name.to_owned()));
            }
            current.clear();
            current.push_str(name);
            if batch.rows.len() >= BATCH {
                if give.send((number, std::mem::take(&mut batch))).is_err() {
                    return Ok(());
                }
                number += 1;
            }
        }
        batch.push(&row);
    }
    // Where nobody takes the last batch a judge has failed, and says so.
    let _ = give.send((number, batch));
    Ok(())
}

/// The same for a file whose subjects do not stand together: grouped first.
fn whole(court: &Court<'_>, mut reader: Reader<File>) -> Result<Vec<Answers>, Failure> {
    let mut subjects: BTreeMap<String, Batch> = BTreeMap::new();
    let mut row = Row::default();
    while reader.next_row(&mut row).map_err(Failure::input)? {
        let name = court.layout.subject(|index| row.cell(index).text());
        let name = name.map_err(|bad| court.heading.wrong(row.number(), &bad.column, &bad.says))?;
        match subjects.get_mut(name) {
            Some(batch) => batch.push(&row),
            None => {
                let mut batch = Batch::default();
                batch.push(&row);
                subjects.insert(name.to_owned(), batch);
            }
        }
    }
    subjects.values().map(|batch| court.judge(batch)).collect()
}
