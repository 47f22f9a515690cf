//! What is wrong in a protocol file, where, and how to mend it.

use std::fmt;

use serde::Serialize;

/// Whether a problem stops the trial or is only worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken; someone should look.
    Warning,
}

/// One problem of a protocol file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops the trial.
    pub severity: Severity,
    /// The setting, such as `regimen[6].fraction[1].day`; positions in a list count from 0.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Where the place begins, in bytes from the start of the text.
    pub offset: usize,
    /// Length of the place, in bytes.
    pub length: usize,
    /// What stands there.
    pub found: String,
    /// What would be right.
    pub expected: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { line, column, found, expected, mend, .. } = self;
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        writeln!(f, "{severity} at line {line}, column {column}: {path}")?;
        writeln!(f, "  found {found}")?;
        writeln!(f, "  expected {expected}")?;
        write!(f, "  mend: {mend}")
    }
}

/// All problems of a protocol file that was refused, in the order of the file; at least one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems {
    problems: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (a.offset, &a.path, a.severity).cmp(&(b.offset, &b.path, b.severity)));
        Self { problems }
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, in the order of the file, to keep.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
