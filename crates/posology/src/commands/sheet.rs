//! `dose sheet`: each fraction of a patient from directive to release, with the arithmetic line by line.

use std::path::Path;

use posology_trial::conduct::Conduct;
use posology_trial::dosing::{Check, Course, Judged, Sheet};

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

pub(crate) fn run(dir: &Path, subject: &str, fraction: Option<u32>, as_json: bool) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let conduct = Conduct::replay(&chain).map_err(Failure::input)?;
    let mut course = Course::of(&conduct, subject);
    if let Some(number) = fraction {
        course.fractions.retain(|sheet| sheet.fraction == number);
    }
    if course.fractions.is_empty() {
        return Err(Failure::input(format!(
            "expected a subject with fractions in this record, found none of {subject:?}{}; mend: `posology trial status` lists the patients",
            fraction.map(|number| format!(" numbered {number}")).unwrap_or_default()
        )));
    }
    if as_json {
        output::json(&course);
        return Ok(());
    }
    let mut text = String::new();
    if folder.protocol.trial.synthetic {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    text.push_str(&format!(
        "{subject} · regimen {} · protocol {} · half-life {}\n",
        course.regimen.as_deref().unwrap_or("-"),
        course.protocol_version.as_deref().unwrap_or("-"),
        course.half_life.as_deref().unwrap_or("-"),
    ));
    for sheet in &course.fractions {
        text.push_str(&one(sheet));
    }
    let rest: Vec<&Check> =
        course.checks.iter().chain(course.releases.iter().flat_map(|release| &release.checks)).collect();
    if !rest.is_empty() {
        text.push_str("\nThe course\n");
        text.push_str(&checks(&rest));
    }
    if let Some(total) = course.total_administered {
        text.push_str(&format!(
            "Net administered in all: {} MBq, {} mCi\n",
            total.mbq().round_dp(1),
            total.mci().round_dp(2)
        ));
    }
    text.push_str(
        "It checks arithmetic and shows its inputs; what a flag amounts to, the responsible person says.\n",
    );
    output::text(&text);
    Ok(())
}

fn one(sheet: &Sheet) -> String {
    let mut text = format!("\nFraction {}\n", sheet.fraction);
    if let Some(directive) = &sheet.directive {
        let signed = directive.signed.as_ref().map_or_else(
            || "not signed".to_owned(),
            |signed| format!("signed by {} at {}", signed.printed_name, signed.at),
        );
        text.push_str(&format!("Directive {} of {}, {signed}\n", directive.directive, directive.date));
    }
    let rows = sheet.lines.iter().map(|line| {
        vec![
            line.label.clone(),
            output::wrapped(&line.formula, 52),
            format!("{} {}", line.shown, line.unit).trim_end().to_owned(),
        ]
    });
    text.push_str(&output::table(&["", "how", "value"], rows));
    text.push('\n');
    if let Some(missing) = &sheet.net_missing {
        text.push_str(&format!("No net administered activity: {missing}.\n"));
    }
    for gate in &sheet.gates {
        let mark = match gate.flagged {
            Some(true) => "FLAG",
            Some(false) => "ok",
            None => "-",
        };
        text.push_str(&marked(mark, &gate.because.says));
    }
    text.push_str(&checks(&sheet.checks.iter().collect::<Vec<_>>()));
    for leak in &sheet.extravasations {
        text.push_str(&marked("FLAG", &leak.because.says));
    }
    text
}

fn checks(checks: &[&Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = match check.judged {
            Judged::Met => "ok",
            Judged::NotMet => "FLAG",
            _ => "-",
        };
        text.push_str(&marked(mark, &check.because().says));
    }
    text
}

/// A sentence behind its mark, on lines that fit a terminal.
fn marked(mark: &str, says: &str) -> String {
    let lines = output::wrapped(says, 95).replace('\n', "\n     ");
    format!("{mark:<5}{lines}\n")
}
