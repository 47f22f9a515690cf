//! Neuroblastoma: a table of lesions, with the scans and the marrow in columns of the visit.

use std::path::Path;

use posology_clinic::Because;
use posology_clinic::response::inrc::{MARROW, Score, ScoreSystem, Settings, Uptake, Visit, assess_all};
use serde_json::json;

use super::Subject;
use super::lesions::{self, Options, Reading};
use super::wide::split;
use crate::failure::Failure;

const PRIMARY_UPTAKE: &str = "primary_uptake";
const SOFT_TISSUE_UPTAKE: &str = "soft_tissue_uptake";
const SCORE: &str = "mibg_score";
const SYSTEM: &str = "mibg_system";
const FDG: &str = "fdg_bone_lesions";
const PROVEN: &str = "new_lesion_proven";
const IN_MARROW: &str = "marrow";
const MARROW_UNIT: &str = "marrow_unit";

/// The subjects of a table, their assessments judged.
pub(super) fn subjects(
    settings: &Settings,
    file: &Path,
    reading: Reading<'_>,
) -> Result<Vec<Subject>, Failure> {
    let columns = &[PRIMARY_UPTAKE, SOFT_TISSUE_UPTAKE, SCORE, SYSTEM, FDG, PROVEN, IN_MARROW, MARROW_UNIT];
    let patients = lesions::read(file, &Options { set: settings.criteria, columns, reading })?;
    patients.into_iter().map(|patient| judged(settings, file, patient)).collect()
}

fn judged(settings: &Settings, file: &Path, patient: lesions::Patient) -> Result<Subject, Failure> {
    let mut subject = patient.subject;
    let baseline = visit(patient.baseline)?;
    let visits = patient.visits.into_iter().map(visit).collect::<Result<Vec<_>, _>>()?;
    subject.basis = basis(&baseline);
    if let Some(system) = baseline.score.map(|score| score.system) {
        let other = visits.iter().filter(|visit| visit.score.is_some_and(|score| score.system != system));
        for visit in other {
            subject.warnings.push(
                Because::new(
                    "response/score-changes",
                    format!("{}, column {SYSTEM}: another MIBG score than at baseline", visit.date),
                )
                .input("date", visit.date)
                .input("column", SYSTEM),
            );
        }
    }
    let responses = assess_all(settings, &baseline, &visits)
        .map_err(|bad| Failure::input(format!("{}: subject {}: {bad}", file.display(), subject.name)))?;
    let parts: Vec<_> = responses
        .iter()
        .map(|response| json!({"date": response.date, "components": response.components}))
        .collect();
    subject.also.insert("components".to_owned(), json!(parts));
    subject.assessments = responses.into_iter().map(|response| response.into_assessment()).collect();
    Ok(subject)
}

fn basis(baseline: &Visit) -> Vec<Because> {
    let primary =
        baseline.lesions.iter().filter(|lesion| lesion.site.eq_ignore_ascii_case("primary")).count();
    let score = baseline.score.map_or_else(
        || {
            baseline
                .fdg_bone_lesions
                .map_or("not recorded".to_owned(), |count| format!("{count} FDG-avid lesions"))
        },
        |score| format!("MIBG score {}", score.value),
    );
    let marrow = baseline.marrow.map_or_else(|| "not examined".to_owned(), |share| format!("{share}%"));
    [
        format!("primary tumour: {}", if primary == 0 { "none recorded" } else { "recorded" }),
        format!("metastases: {} lesions; bone: {score}", baseline.lesions.len() - primary),
        format!("tumour in the marrow: {marrow}"),
    ]
    .into_iter()
    .map(|says| Because::new("inrc-2017/baseline", says))
    .collect()
}

fn visit(found: lesions::Visit) -> Result<Visit, Failure> {
    let mut visit = Visit::new(found.date);
    visit.primary_uptake = uptake(&found, PRIMARY_UPTAKE)?;
    visit.soft_tissue_uptake = uptake(&found, SOFT_TISSUE_UPTAKE)?;
    let whole = |column: &str| -> Result<Option<u32>, Failure> {
        let Some(text) = found.value(column).filter(|text| !is_not_done(text)) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            found.bad(column, &format!("expected a whole number from 0, found {text:?}; mend: correct it"))
        })
    };
    visit.fdg_bone_lesions = whole(FDG)?;
    if let Some(value) = whole(SCORE)? {
        let system = match found.value(SYSTEM).map(str::to_ascii_lowercase).as_deref() {
            Some("curie") => ScoreSystem::Curie,
            Some("siopen") => ScoreSystem::Siopen,
            other => {
                return Err(found.bad(
                    if other.is_some() { SYSTEM } else { SCORE },
                    &format!(
                        "expected curie or siopen in {SYSTEM} beside a score, found {}; mend: name the system",
                        other.map_or_else(|| "none".to_owned(), |other| format!("{other:?}"))
                    ),
                ));
            }
        };
        visit.score = Some(Score { value, system });
    }
    visit.new_lesion_proven = match found.value(PROVEN).map(str::to_ascii_uppercase).as_deref() {
        None | Some("N") => false,
        Some("Y") => true,
        Some(other) => {
            return Err(found.bad(PROVEN, &format!("expected Y, N or nothing, found {other:?}; mend: write Y where a new lesion is avid or proven by biopsy")));
        }
    };
    if let Some(text) = found.value(IN_MARROW).filter(|text| !is_not_done(text)) {
        let (number, unit) = split(text);
        let unit = if unit.is_empty() { found.value(MARROW_UNIT).unwrap_or("") } else { unit };
        let share = number.parse().map_err(|_| {
            found.bad(IN_MARROW, &format!("expected a number, found {text:?}; mend: write it as \"30%\""))
        })?;
        visit.marrow = Some(MARROW.canonical(share, unit).map_err(|bad| found.bad(IN_MARROW, &bad))?);
    }
    visit.lesions = found.lesions;
    Ok(visit)
}

fn is_not_done(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "not done" | "nd")
}

fn uptake(found: &lesions::Visit, column: &str) -> Result<Uptake, Failure> {
    let Some(text) = found.value(column) else { return Ok(Uptake::NotDone) };
    Ok(match text.to_ascii_lowercase().as_str() {
        "not done" | "nd" => Uptake::NotDone,
        "not avid" | "not-avid" => Uptake::NotAvid,
        "resolved" => Uptake::Resolved,
        "better" => Uptake::Better,
        "avid" | "stable" => Uptake::Avid,
        "worse" => Uptake::Worse,
        _ => {
            return Err(found.bad(column, &format!("expected avid, not avid, resolved, better, stable, worse or not done, found {text:?}; mend: write one of them")));
        }
    })
}
