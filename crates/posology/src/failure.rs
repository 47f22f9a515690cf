//! How a command fails: what is said, and the exit status.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use posology_trial::protocol::Problem;

/// A failed command.
pub(crate) enum Failure {
    /// Bad usage or bad input: nothing was written (2).
    Input(String),
    /// A file with problems, each with its place (2).
    Problems { file: String, text: String, problems: Vec<Problem> },
    /// The thing checked does not hold (1); it was said already.
    DoesNotHold,
    /// Bad usage, as the parser of the command line says it (2).
    Usage(String),
    /// A fault that is not the user's (3).
    Fault(String),
}

impl Failure {
    /// Bad input.
    pub(crate) fn input(message: impl Display) -> Self {
        Self::Input(message.to_string())
    }

    /// A fault of the program.
    pub(crate) fn fault(message: impl Display) -> Self {
        Self::Fault(message.to_string())
    }

    /// A file or folder that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::Input(format!(
            "{}: expected a readable file, found: {error}; mend: check the path and its rights",
            path.display()
        ))
    }

    /// What is wrong, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Input(message) | Self::Usage(message) | Self::Fault(message) => message.clone(),
            Self::Problems { file, problems, .. } => {
                let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
                format!("{file}: {}", all.join("; "))
            }
            Self::DoesNotHold => "what was checked does not hold".to_owned(),
        }
    }

    /// Says what is wrong and gives the exit status.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        match self {
            Self::Input(message) => {
                if json {
                    crate::output::json(&serde_json::json!({ "ok": false, "error": message }));
                }
                crate::output::error(&format!("error: {message}"));
                ExitCode::from(2)
            }
            Self::Problems { file, text, problems } => {
                if json {
                    crate::output::json(&serde_json::json!({ "ok": false, "problems": problems }));
                } else {
                    crate::output::problems(file, text, problems);
                }
                ExitCode::from(2)
            }
            Self::DoesNotHold => ExitCode::from(1),
            Self::Usage(message) => {
                if json {
                    crate::output::json(&serde_json::json!({ "ok": false, "error": message.trim() }));
                }
                crate::output::error(message.trim_end());
                ExitCode::from(2)
            }
            Self::Fault(message) => {
                crate::output::error(&format!("internal fault: {message}"));
                ExitCode::from(3)
            }
        }
    }
}
