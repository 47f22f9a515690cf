//! `trial status`: where each cohort and patient stands, and what is awaited.

use std::path::Path;

use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::analysis::{Analysis, CohortAnalysis, decision::Counts};
use posology_trial::cut::Cut;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::folder::{Folder, parse_cut};
use crate::output;

pub(crate) fn run(dir: &Path, cut: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, cut.map(parse_cut).transpose()?).map_err(Failure::input)?;
    let analysis =
        Analysis::of(&folder.protocol, &folder.protocol_sha256(), &chain, &cut).map_err(Failure::input)?;
    if as_json {
        output::json(&document(&analysis));
    } else {
        output::text(&words(&analysis));
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
                "advice": cohort.advice.as_ref().map(|advice| advice.advised.word()),
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

fn words(analysis: &Analysis) -> String {
    let mut text = format!("{}\n", analysis.protocol.trial.title);
    if analysis.protocol.trial.synthetic {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    text.push_str(&format!("Cut-off {}, {} events.\n", analysis.cut.cut_off, analysis.cut.position));
    for misfit in &analysis.misfits {
        text.push_str(&format!("Flag: {}.\n", misfit.says));
    }
    if !analysis.cohorts.is_empty() {
        let rows = analysis.cohorts.iter().map(|cohort| {
            let counts = counts(analysis, cohort);
            vec![
                cohort.id.clone(),
                cohort.label.clone(),
                format!("{}/{}", counts.treated, cohort.planned),
                counts.evaluable().to_string(),
                counts.dlt.to_string(),
                (counts.pending + counts.possible).to_string(),
                counts.not_evaluable.to_string(),
                cohort.stage.words().to_owned(),
            ]
        });
        text.push_str(&output::table(
            &[
                "cohort",
                "regimen",
                "treated/planned",
                "evaluable",
                "DLT",
                "pending",
                "not evaluable",
                "stage",
            ],
            rows,
        ));
        text.push('\n');
    }
    let awaited: Vec<String> = analysis
        .patients
        .iter()
        .filter(|patient| patient.dlt.status == DltStatus::Pending)
        .filter_map(|patient| Some(format!("{} awaits {}", patient.id, patient.dlt.awaits.as_ref()?)))
        .collect();
    if !analysis.cohorts.is_empty() {
        text.push_str(&if awaited.is_empty() {
            "Nothing is awaited.\n".to_owned()
        } else {
            format!("Awaited:\n  {}\n", awaited.join("\n  "))
        });
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
