//! `toxicity regrade`: what another version of CTCAE would change in a trial.

use std::path::Path;

use posology_clinic::ctcae::Version;
use posology_trial::analysis::regrade::{GradeChange, Regrading, Standing, Tally, regrade};
use posology_trial::cut::Cut;
use serde_json::json;

use crate::failure::Failure;
use crate::folder::{Folder, parse_cut};
use crate::output;

pub(crate) fn run(
    dir: &Path,
    ctcae: &str,
    cohort: Option<&str>,
    cut: Option<&str>,
    as_json: bool,
) -> Result<(), Failure> {
    let to: Version = ctcae.parse().map_err(|bad| Failure::input(format!("--ctcae: {bad}")))?;
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, cut.map(parse_cut).transpose()?).map_err(Failure::input)?;
    let mut report =
        regrade(&folder.protocol, &folder.protocol_sha256(), &chain, &cut, to).map_err(Failure::input)?;
    if let Some(id) = cohort {
        let known: Vec<String> = report.cohorts.iter().map(|cohort| cohort.id.clone()).collect();
        report = report.of_cohort(id).ok_or_else(|| {
            Failure::input(format!(
                "--cohort: expected a cohort with a treated patient ({}), found {id:?}; mend: name one of them",
                known.join(", ")
            ))
        })?;
    }
    let trial = &folder.protocol.trial;
    if as_json {
        let mut document = json!(report);
        document["trial"] = json!(trial.id);
        document["synthetic"] = json!(trial.synthetic);
        output::json(&document);
    } else {
        let mut text = format!("{}\n", trial.title);
        if trial.synthetic {
            text.push_str("Synthetic patients: none of these people exists.\n");
        }
        text.push_str(&words(&report));
        output::text(&text);
    }
    Ok(())
}

/// The report in words.
pub(super) fn words(report: &Regrading) -> String {
    let (from, to) = (report.from, report.to);
    let mut text = format!(
        "Cut-off {}. Every laboratory grade derived by CTCAE {from} (the protocol's) and by {to}.\n\n",
        report.cut.cut_off
    );
    let status: Vec<&str> = report.status_changes().map(|patient| patient.subject.as_str()).collect();
    text.push_str(&format!(
        "DLT status changes in {} of {} treated patients{}{}.\n",
        status.len(),
        report.patients.len(),
        if status.is_empty() { "" } else { ": " },
        status.join(", ")
    ));
    let advice: Vec<&str> =
        report.cohorts.iter().filter(|c| c.advice_changes).map(|c| c.id.as_str()).collect();
    text.push_str(&format!(
        "The rule's advice changes in {} of {} cohorts{}{}.\n\n",
        advice.len(),
        report.cohorts.len(),
        if advice.is_empty() { "" } else { ": " },
        advice.join(", ")
    ));
    let rows = report.cohorts.iter().map(|cohort| {
        let tally = |tally: &Tally| {
            format!(
                "{}/{}, {} pending, {}",
                tally.dlt,
                tally.evaluable,
                tally.pending,
                tally.advice.unwrap_or("no advice")
            )
        };
        vec![cohort.id.clone(), tally(&cohort.before), tally(&cohort.after)]
    });
    let head = [format!("DLT/evaluable by {from}"), format!("by {to}")];
    text.push_str(&output::table(&["cohort", &head[0], &head[1]], rows));
    text.push('\n');
    for patient in report.patients.iter().filter(|patient| patient.changed || !patient.grades.is_empty()) {
        let (before, after) = (&patient.before, &patient.after);
        text.push_str(&format!(
            "\n{}{}: {} by {from}, {} by {to}\n",
            patient.subject,
            patient.cohort.as_ref().map_or_else(String::new, |cohort| format!(" (cohort {cohort})")),
            before.status.words(),
            after.status.words()
        ));
        if patient.changed {
            for (version, standing) in [(from, before), (to, after)] {
                text.push_str(&findings(version, standing));
            }
        }
        if !patient.grades.is_empty() {
            let grades: Vec<String> = patient.grades.iter().map(change).collect();
            text.push_str(&format!("  grades: {}\n", grades.join("; ")));
        }
    }
    text.push_str(&format!(
        "\n{} grades of adverse events were given by investigators; they stay as given.\n",
        report.investigator_grades
    ));
    text
}

fn findings(version: Version, standing: &Standing) -> String {
    let found = standing.findings.iter().map(|found| {
        let kind = if found.dose_limiting { "dose-limiting" } else { "possible" };
        format!("  by {version}: {kind}: {}\n", found.says)
    });
    let not_judged = standing.not_judged.iter().map(|says| format!("  by {version}: not judged: {says}\n"));
    let lines: String = found.chain(not_judged).collect();
    if lines.is_empty() { format!("  by {version}: nothing found\n") } else { lines }
}

fn change(change: &GradeChange) -> String {
    let grade = |grade: Option<u8>| grade.map_or_else(|| "no grade".to_owned(), |grade| grade.to_string());
    format!(
        "day {} {} {}: {} to {}",
        change.day,
        change.analyte,
        change.value,
        grade(change.before),
        grade(change.after)
    )
}
