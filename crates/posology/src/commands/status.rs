//! `trial status`: the board. Where each cohort and patient stands, what is awaited and what is overdue.

use std::path::Path;

use posology_trial::analysis::{Analysis, CohortAnalysis, decision::Counts};
use posology_trial::board::{Board, CohortBoard};
use posology_trial::conduct::Conduct;
use posology_trial::cut::{BadCut, Cut};
use serde_json::{Value, json};

use crate::desk;
use crate::failure::Failure;
use crate::folder::{Folder, parse_cut};
use crate::output;

pub(crate) fn run(dir: &Path, cut: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let cut = match Cut::freeze(&chain, cut.map(parse_cut).transpose()?) {
        // A record that was just founded has a board too.
        Err(BadCut::NoFacts) if !chain.entries().is_empty() => {
            Cut { position: chain.entries().len(), head: chain.head().to_owned(), cut_off: desk::now() }
        }
        cut => cut.map_err(Failure::input)?,
    };
    let (protocol, sha256) = folder.in_force(&chain)?;
    let analysis = Analysis::of(&protocol, &sha256, &chain, &cut).map_err(Failure::input)?;
    let conduct = Conduct::replay(&chain).map_err(Failure::input)?;
    let holds =
        if conduct.founded().is_some() { conduct.holds().map_err(Failure::input)? } else { Vec::new() };
    // Nobody waits for synthetic patients: what is late among them is late as of the cut-off.
    let now = if protocol.trial.synthetic { cut.cut_off } else { desk::now() };
    let board = Board::of(&conduct, &analysis, holds, now);
    if as_json {
        let mut document = document(&analysis);
        document["board"] = serde_json::to_value(&board).map_err(Failure::fault)?;
        output::json(&document);
    } else {
        output::text(&words(&analysis, &board));
        if folder.location()?.is_some() && folder.protocol_sha256() != sha256 {
            output::text(&format!(
                "Note: trial.toml differs from version {} as adopted, by which this is judged; adopt it with `posology trial record {} protocol-adopted`.",
                protocol.version.id,
                dir.display()
            ));
        }
    }
    Ok(())
}

fn counts(analysis: &Analysis, cohort: &CohortAnalysis) -> Counts {
    Counts::of(analysis.patients_of(cohort))
}

fn document(analysis: &Analysis) -> Value {
    let cohorts: Vec<Value> = analysis
        .cohorts
        .iter()
        .map(|cohort| {
            let counts = counts(analysis, cohort);
            json!({
                "id": cohort.id, "regimen": cohort.regimen, "label": cohort.label, "level": cohort.level,
                "stage": cohort.stage, "planned": cohort.planned, "treated": counts.treated,
                "evaluable": counts.evaluable(), "dlt": counts.dlt, "pending": counts.pending,
                "possible": counts.possible, "not_evaluable": counts.not_evaluable,
                "advice": cohort.advised_word(),
            })
        })
        .collect();
    let patients: Vec<Value> = analysis
        .patients
        .iter()
        .filter(|patient| patient.is_treated() || patient.cohort.is_some())
        .map(|patient| {
            json!({
                "subject": patient.id, "cohort": patient.cohort, "regimen": patient.regimen,
                "first_fraction": patient.exposure.first(), "window_end": patient.window.map(|window| window.end),
                "status": patient.dlt.status.words(), "follow_up_share": patient.dlt.share,
                "awaits": patient.dlt.awaits,
                "best_response": {
                    "confirmed": patient.response.best.confirmed, "unconfirmed": patient.response.best.unconfirmed,
                    "date": patient.response.best.date,
                },
            })
        })
        .collect();
    json!({
        "trial": analysis.protocol.trial.id, "synthetic": analysis.protocol.trial.synthetic,
        "cut": analysis.cut, "misfits": analysis.misfits, "cohorts": cohorts, "patients": patients,
    })
}

fn words(analysis: &Analysis, board: &Board) -> String {
    let mut text = format!("{}\n", analysis.protocol.trial.title);
    if analysis.protocol.trial.synthetic {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    text.push_str(&format!("Cut-off {}, {} events.\n", analysis.cut.cut_off, analysis.cut.position));
    for misfit in &analysis.misfits {
        text.push_str(&format!("Flag: {}.\n", misfit.says));
    }
    if !analysis.cohorts.is_empty() {
        let dlt = analysis.protocol.dlt.is_some();
        let rows = analysis.cohorts.iter().map(|cohort| {
            let counts = counts(analysis, cohort);
            let mut row = vec![
                cohort.id.clone(),
                cohort.label.clone(),
                format!("{}/{}", counts.treated, cohort.planned),
            ];
            if dlt {
                row.extend(
                    [counts.evaluable(), counts.dlt, counts.pending + counts.possible, counts.not_evaluable]
                        .map(|count| count.to_string()),
                );
            }
            row.push(
                board
                    .cohorts
                    .iter()
                    .find(|on_board| on_board.id == cohort.id)
                    .map_or_else(|| cohort.stage.words().to_owned(), stands),
            );
            row
        });
        let head =
            ["cohort", "regimen", "treated/planned", "evaluable", "DLT", "pending", "not evaluable", "stage"];
        let head: Vec<&str> = head
            .into_iter()
            .enumerate()
            .filter(|(place, _)| dlt || !(3..7).contains(place))
            .map(|(_, name)| name)
            .collect();
        text.push_str(&output::table(&head, rows));
        text.push('\n');
    }
    if !analysis.cohorts.is_empty() {
        text.push_str(&awaited(board));
    }
    for arm in &board.arms {
        text.push_str(&format!(
            "Arm {} ({}): {} of {} planned randomised, {} enrolled.\n",
            arm.cohort, arm.regimen, arm.randomised, arm.planned, arm.enrolled
        ));
    }
    for hold in &board.holds {
        let level = hold.regimen.as_ref().map(|regimen| format!(" on {regimen}")).unwrap_or_default();
        text.push_str(&format!("Hold {}{level} in force: {}.\n", hold.hold, hold.says));
    }
    if !board.slots.is_empty() {
        let rows = board.slots.iter().map(|slot| {
            vec![
                slot.slot.clone(),
                slot.cohort.clone(),
                slot.site.clone(),
                slot.subject.clone().unwrap_or_else(|| "-".to_owned()),
                slot.until.map_or_else(|| "to be confirmed".to_owned(), |until| until.to_string()),
            ]
        });
        text.push_str("Places kept:\n");
        text.push_str(&output::table(&["place", "cohort", "site", "for", "until"], rows));
        text.push('\n');
    }
    if !board.flags.is_empty() {
        text.push_str(&format!(
            "Recorded although it breaks a rule, {} times; the last:\n",
            board.flags.len()
        ));
        for flag in board.flags.iter().rev().take(5) {
            let subject = flag.subject.as_deref().unwrap_or("the trial");
            text.push_str(&format!("  event {}, {subject} [{}]: {flag}\n", flag.position, flag.rule));
        }
    }
    let assessed: Vec<_> =
        analysis.patients.iter().filter(|patient| !patient.response.visits.is_empty()).collect();
    if !assessed.is_empty() {
        let code = |category: Option<posology_clinic::response::Category>| {
            category.map_or_else(|| "-".to_owned(), |category| category.to_string())
        };
        let rows = assessed.iter().map(|patient| {
            let best = &patient.response.best;
            vec![
                patient.id.clone(),
                patient.cohort.clone().unwrap_or_else(|| "-".to_owned()),
                code(best.confirmed),
                best.date.map_or_else(|| "-".to_owned(), |date| date.to_string()),
                code(best.unconfirmed),
                patient.response.visits.len().to_string(),
            ]
        });
        text.push_str(&format!("Best response of {} patients with an assessment:\n", assessed.len()));
        text.push_str(&output::table(
            &["subject", "cohort", "confirmed", "dated", "unconfirmed", "assessments"],
            rows,
        ));
    }
    text
}

/// Where a cohort stands: open places before all, then its review.
fn stands(cohort: &CohortBoard) -> String {
    let mut text = cohort.stands.clone();
    if cohort.open {
        let free = cohort.places.saturating_sub(cohort.enrolled).saturating_sub(cohort.kept);
        text.push_str(&format!("; {free} of {} places free", cohort.places));
        if cohort.kept > 0 {
            text.push_str(&format!(", {} kept", cohort.kept));
        }
        if let Some(day) = cohort.next_start {
            text.push_str(&format!("; next start {day} or later"));
        }
    }
    text
}

fn awaited(board: &Board) -> String {
    if board.awaited.is_empty() {
        return "Nothing is awaited.\n".to_owned();
    }
    let rows = board.awaited.iter().map(|one| {
        let until = one.until.map_or_else(|| "-".to_owned(), |day| day.to_string());
        vec![
            one.subject.clone().or_else(|| one.cohort.clone()).unwrap_or_else(|| "the trial".to_owned()),
            output::wrapped(&one.what, 70),
            if one.overdue { format!("{until}, overdue") } else { until },
        ]
    });
    format!("Awaited, as of {}:\n{}\n", board.as_of, output::table(&["who", "what", "until"], rows))
}
