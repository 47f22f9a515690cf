//! Printing: for people, or one JSON document.

use std::io::{IsTerminal as _, Write as _};

use indicatif::ProgressBar;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Severity};
use posology_trial::protocol::{Problem, Severity as Weight};
use serde::Serialize;

/// Prints text; a reader that has gone away is no error.
pub(crate) fn text(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}

/// Prints to standard error; where nobody listens, nobody is told.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints one JSON document.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(document) => text(&document),
        Err(fault) => error(&format!("internal fault: {fault}")),
    }
}

/// A file with a longer line is not shown with its problems.
const LONGEST_LINE: usize = 1_000;

/// Prints problems of a file with the lines they stand in, on standard error.
pub(crate) fn problems(file: &str, source: &str, problems: &[Problem]) {
    let handler = miette::GraphicalReportHandler::new_themed(if std::io::stderr().is_terminal() {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    });
    if source.lines().any(|line| line.len() > LONGEST_LINE) {
        for problem in problems {
            error(&format!("{file}: {problem}"));
        }
        return;
    }
    for problem in problems {
        let severity = match problem.severity {
            Weight::Warning => Severity::Warning,
            Weight::Error => Severity::Error,
        };
        let diagnostic = MietteDiagnostic::new(format!("{}: expected {}", problem.path, problem.expected))
            .with_severity(severity)
            .with_help(&problem.mend)
            .with_label(LabeledSpan::at(
                problem.offset..problem.offset + problem.length,
                format!("found {}", problem.found),
            ));
        let report =
            miette::Report::from(diagnostic).with_source_code(NamedSource::new(file, source.to_owned()));
        let mut shown = String::new();
        if handler.render_report(&mut shown, report.as_ref()).is_ok() {
            error(shown.trim_end_matches('\n'));
        }
    }
}

/// A table for the terminal.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY.row_separator(comfy_table::LineStyle::none()));
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// Text on lines of at most about so many characters.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// A sign of life on a terminal while something takes long; nothing where output is piped.
pub(crate) fn progress(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// A decimal as a JSON number, all its digits kept that a double can hold.
pub(crate) fn number(value: rust_decimal::Decimal) -> serde_json::Value {
    serde_json::from_str(&value.normalize().to_string()).unwrap_or(serde_json::Value::Null)
}
