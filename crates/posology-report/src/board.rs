//! The figure of the board: what the analysis and the board say, handed to the ladder that shows it. Nothing is derived.

use posology_trial::analysis::Analysis;
use posology_trial::analysis::decision::Counts;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::board::{Board, FractionStands};

use crate::figure::{
    Figure, Frame, Ladder, LadderCohort, LadderFraction, LadderLevel, LadderPatient, NotDrawn,
};
use crate::packet::{is_enrolled, status};

/// The ladder as of the board's day, with the patients who may be shown; `href` gives the address of a patient's page.
///
/// Counts stand beside a level, and the stage of a cohort under its name, only where all patients of the trial are shown.
#[must_use]
pub fn ladder(
    analysis: &Analysis,
    board: &Board,
    shown: &[&PatientAnalysis],
    href: impl Fn(&PatientAnalysis) -> String,
) -> Figure {
    let protocol = &analysis.protocol;
    let is_shown = |patient: &PatientAnalysis| shown.iter().any(|one| one.id == patient.id);
    let everyone = analysis.patients.iter().all(is_shown);
    let current = analysis
        .cohorts
        .iter()
        .rev()
        .find(|cohort| board.cohorts.iter().any(|on| on.id == cohort.id && on.open))
        .or_else(|| analysis.cohort_to_review())
        .map(|cohort| cohort.regimen.as_str());
    let levels = protocol.regimen.iter().enumerate().map(|(place, regimen)| {
        let cohorts: Vec<_> = analysis.cohorts.iter().filter(|cohort| cohort.regimen == regimen.id).collect();
        let patients: Vec<&PatientAnalysis> =
            cohorts.iter().flat_map(|cohort| analysis.patients_of(cohort)).collect();
        let counts = Counts::of(patients.iter().copied());
        let open = counts.pending + counts.possible;
        let mut sum = Vec::new();
        if everyone {
            sum.extend(
                (counts.evaluable() > 0).then(|| format!("{}/{} DLT", counts.dlt, counts.evaluable())),
            );
            sum.extend((open > 0).then(|| format!("{open} pending")));
        }
        LadderLevel {
            id: format!("DL{}", place + 1),
            label: regimen.title(),
            sum,
            is_current: current == Some(regimen.id.as_str()),
            cohorts: cohorts
                .into_iter()
                .map(|cohort| {
                    let on = board.cohorts.iter().find(|on| on.id == cohort.id);
                    LadderCohort {
                        id: cohort.id.clone(),
                        stands: match on {
                            Some(on) if everyone => on.stands.clone(),
                            Some(on) if on.open => "open".to_owned(),
                            _ if everyone => cohort.stage.words().to_owned(),
                            _ => "not open".to_owned(),
                        },
                        free: on.filter(|on| on.open).map_or(0, posology_trial::board::CohortBoard::free),
                        patients: analysis
                            .patients_of(cohort)
                            .filter(|patient| is_enrolled(patient) && is_shown(patient))
                            .map(|patient| on_ladder(patient, board, href(patient)))
                            .collect(),
                    }
                })
                .collect(),
        }
    });
    let placeless = shown.iter().filter(|patient| is_enrolled(patient) && patient.cohort.is_none());
    Ladder {
        levels: levels.collect(),
        as_of: board.as_of.to_string(),
        not_drawn: placeless
            .map(|patient| NotDrawn {
                subject: patient.id.clone(),
                reason: "in no cohort of the protocol".to_owned(),
            })
            .collect(),
    }
    .draw(&Frame { cut_off: None, synthetic: protocol.trial.synthetic })
}

fn on_ladder(patient: &PatientAnalysis, board: &Board, href: String) -> LadderPatient {
    let fractions = patient.exposure.fractions.iter().map(|fraction| {
        let state = match FractionStands::of(patient, fraction, board.as_of) {
            FractionStands::Given => LadderFraction::Given,
            FractionStands::Planned => LadderFraction::Planned,
            FractionStands::Late => LadderFraction::Late,
            FractionStands::Omitted => LadderFraction::Omitted,
            FractionStands::NotGiven => LadderFraction::NotGiven,
            FractionStands::Optional => LadderFraction::Planned,
        };
        (state, fraction.given.or(fraction.planned).map(|day| day.to_string()))
    });
    LadderPatient {
        subject: patient.id.clone(),
        short: patient.short_id().to_owned(),
        status: status(patient),
        fractions: fractions.collect(),
        href: Some(href),
    }
}
