//! Reading a design file: its own, or a trial's protocol.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use posology_design::graph::NoGraph;
use posology_design::{BadData, Level};
use posology_trial::protocol::{DesignFile, Problem, Severity, read_design};

use crate::failure::Failure;
use crate::output;

/// Longer texts are refused by the reader, and need not be in memory to be refused.
const LONGEST_READ: u64 = (1 << 20) + 1;

/// The design of a file; warnings about it go to standard error.
pub(super) fn open(path: &Path) -> Result<DesignFile, Failure> {
    let (text, file) = read(path)?;
    output::problems(&path.display().to_string(), &text, &file.warnings);
    Ok(file)
}

/// The text of a file and the design in it.
pub(super) fn read(path: &Path) -> Result<(String, DesignFile), Failure> {
    let text = text(path)?;
    match read_design(&text) {
        Ok(file) => Ok((text, file)),
        Err(problems) => Err(refused_text(path, text, problems.into_vec())),
    }
}

/// The text of a TOML file.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    if path.is_dir() {
        return Err(Failure::input(format!(
            "{}: expected a file, found a folder; mend: name the file in it, such as trial.toml",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_READ).read_to_end(&mut bytes))
        .map_err(|error| Failure::unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let problem = not_text(error.as_bytes(), error.utf8_error().valid_up_to());
        refused_text(path, String::from_utf8_lossy(error.as_bytes()).into_owned(), vec![problem])
    })
}

fn refused_text(path: &Path, text: String, problems: Vec<Problem>) -> Failure {
    Failure::Problems { file: path.display().to_string(), text, problems }
}

/// The first byte that is no UTF-8.
fn not_text(bytes: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default()).into_owned();
    let line = before.rsplit('\n').next().unwrap_or_default();
    Problem {
        severity: Severity::Error,
        path: String::new(),
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        offset: at,
        length: 0,
        found: format!("the byte 0x{:02X}", bytes.get(at).copied().unwrap_or_default()),
        expected: "text in UTF-8".to_owned(),
        mend: "check that this is a TOML file, and save it as UTF-8".to_owned(),
    }
}

/// What the design has against data.
pub(super) fn refused(source: &str, bad: &BadData) -> Failure {
    match bad {
        BadData::NotReached { .. } => Failure::fault(bad),
        _ => Failure::input(format!("{source}: {bad}")),
    }
}

/// Why there is no exact answer.
pub(super) fn no_graph(source: &str, why: &NoGraph) -> Failure {
    match why {
        NoGraph::Data(bad) => refused(source, bad),
        NoGraph::Leaks { .. } => Failure::fault(why),
        _ => Failure::input(format!("{source}: {why}")),
    }
}

/// Threads that the machine runs at a time.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A level for people: its number, and its name where it has one.
pub(super) fn named(file: &DesignFile, level: Level) -> String {
    match file.labels.get(level.index()) {
        Some(label) => format!("{level} ({label})"),
        None => level.to_string(),
    }
}
