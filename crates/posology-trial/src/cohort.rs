//! Where a cohort stands: open, full, in window, under review, recommended, decided.

use crate::analysis::patient::PatientAnalysis;
use crate::analysis::toxicity::DltStatus;
use crate::analysis::{Analysis, BadAnalysis, CohortAnalysis, CohortStage, decision, monitoring};
use crate::protocol::Cohort;
use crate::state::State;

/// Derives a cohort from its patients and its decisions.
pub(crate) fn derive(
    analysis: &Analysis,
    state: &State,
    cohort: &Cohort,
) -> Result<CohortAnalysis, BadAnalysis> {
    let protocol = &analysis.protocol;
    let patients: Vec<usize> = analysis
        .patients
        .iter()
        .enumerate()
        .filter(|(_, patient)| patient.cohort.as_deref() == Some(cohort.id.as_str()))
        .map(|(index, _)| index)
        .collect();
    let members: Vec<&PatientAnalysis> =
        patients.iter().filter_map(|index| analysis.patients.get(*index)).collect();
    let opened = state.opened.iter().find(|opened| opened.cohort == cohort.id).map(|opened| opened.date);
    let recommendation = state.recommendations.iter().rev().find(|r| r.cohort == cohort.id).cloned();
    let decision = state.decisions.iter().rev().find(|d| d.cohort == cohort.id).cloned();
    let level = protocol.level_of(&cohort.regimen).unwrap_or(0);
    let stage = if decision.is_some() {
        CohortStage::Decided
    } else if recommendation.is_some() {
        CohortStage::Recommended
    } else {
        stage(opened.is_some(), cohort, &members)
    };
    let treated = members.iter().any(|patient| patient.is_treated());
    let advice = match &protocol.escalation {
        Some(design) if treated && level > 0 && !protocol.is_arm(&cohort.id) => {
            Some(decision::derive(protocol, design, level, &cohort.id, &analysis.patients).map_err(
                |problem| BadAnalysis::Design { cohort: cohort.id.clone(), problem: problem.to_string() },
            )?)
        }
        _ => None,
    };
    let monitored = match &cohort.monitoring {
        Some(monitoring) if treated => Some(
            monitoring::derive(analysis, monitoring, &members)
                .map_err(|problem| BadAnalysis::Design { cohort: cohort.id.clone(), problem })?,
        ),
        _ => None,
    };
    let label =
        protocol.regimen(&cohort.regimen).map_or_else(|| cohort.regimen.clone(), |regimen| regimen.title());
    Ok(CohortAnalysis {
        id: cohort.id.clone(),
        regimen: cohort.regimen.clone(),
        label,
        level,
        planned: cohort.planned,
        stage,
        opened,
        recommendation,
        decision,
        patients,
        advice,
        monitored,
    })
}

fn stage(opened: bool, cohort: &Cohort, members: &[&PatientAnalysis]) -> CohortStage {
    let enrolled = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let waiting = |patient: &PatientAnalysis| {
        matches!(patient.dlt.status, DltStatus::Pending | DltStatus::NotTreated) && patient.dlt.window_open
    };
    if enrolled == 0 && !opened {
        CohortStage::Planned
    } else if enrolled < cohort.planned {
        CohortStage::Open
    } else if members.iter().any(|patient| waiting(patient)) {
        CohortStage::InWindow
    } else {
        CohortStage::UnderReview
    }
}
