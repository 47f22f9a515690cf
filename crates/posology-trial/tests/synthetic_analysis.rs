//! The example as the analysis sees it: what is published of the cohorts comes out of the synthetic facts.
#![allow(clippy::unwrap_used)]

use posology_clinic::response::Category;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::CohortStage;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::cut::Cut;
use posology_trial::event::sha256;
use posology_trial::protocol::Protocol;
use posology_trial::synthetic::{Plan, synthesize};
use rust_decimal::Decimal;

const PROTOCOL: &str = include_str!("../../../examples/clr131/trial.toml");
const PLAN: &str = include_str!("../../../examples/clr131/patients.toml");

fn analysis(seed: Option<u64>) -> (Plan, Analysis) {
    let protocol = Protocol::read(PROTOCOL).unwrap().0;
    let plan = Plan::read(PLAN).unwrap();
    let chain = synthesize(&protocol, PROTOCOL, &plan, seed.unwrap_or(plan.seed)).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, &sha256(PROTOCOL.as_bytes()), &chain, &cut).unwrap();
    (plan, analysis)
}

fn of<'a>(analysis: &'a Analysis, cohort: &str) -> Vec<&'a PatientAnalysis> {
    analysis.patients_of(analysis.cohort(cohort).unwrap()).collect()
}

fn best(analysis: &Analysis, cohort: &str) -> Vec<Option<Category>> {
    let mut categories: Vec<_> =
        of(analysis, cohort).iter().map(|patient| patient.response.best.confirmed).collect();
    categories.sort();
    categories
}

fn published_results_come_out(plan: &Plan, analysis: &Analysis) {
    use Category::{Minimal, Partial, Progressive, Stable};
    let enrolled = ["C1", "C2", "C3", "C4", "C5", "C6", "C7"].map(|cohort| of(analysis, cohort).len());
    assert_eq!(enrolled, [5, 4, 4, 3, 4, 4, 0]);
    // SA-2017-02: 4 of 4 stable; MRN-2017-10: 1 PR and 2 SD; release of 15 May 2019: 50 % PR and 50 % MR.
    assert_eq!(best(analysis, "C1"), [None, Some(Progressive), Some(Stable), Some(Stable), Some(Stable)]);
    assert_eq!(best(analysis, "C3"), [Some(Stable); 4]);
    assert_eq!(best(analysis, "C4"), [Some(Stable), Some(Stable), Some(Partial)]);
    assert_eq!(best(analysis, "C6"), [Some(Minimal), Some(Minimal), Some(Partial), Some(Partial)]);
    let fell_48 = |patient: &&&PatientAnalysis| patient.response.best_percent() == Some(Decimal::from(-48));
    let cohort_6 = of(analysis, "C6");
    let minimal = cohort_6.iter().find(fell_48).unwrap();
    assert_eq!(minimal.response.best.confirmed, Some(Minimal));
    assert!(minimal.disposition.on_study());

    for (cohort, planned) in plan.cohort.iter().zip(&analysis.cohorts) {
        assert_eq!(cohort.id, planned.id);
        for patient in &cohort.patient {
            let found = analysis.patients.iter().find(|found| found.id == patient.subject).unwrap();
            let name = &patient.subject;
            let expected =
                if patient.withdrawal.is_some() { DltStatus::NotEvaluable } else { DltStatus::NoDlt };
            assert_eq!(found.dlt.status, expected, "{name}");
            assert!(found.dlt.possible.is_empty() && found.dlt.unknown.is_empty(), "{name}");
            let Some(response) = &patient.response else { continue };
            if response.best != Progressive {
                let change = found.response.best_percent().unwrap();
                assert_eq!(change.round_dp(1), response.change_percent, "{name}");
                assert_eq!(found.response.best.unconfirmed, Some(response.best), "{name}");
            }
            if response.confirmed {
                assert_eq!(found.response.best.confirmed, Some(response.best), "{name}");
            }
            let progression = found.response.best.progression.map(|date| found.study_day(date).unwrap());
            assert_eq!(progression, response.progression, "{name}");
        }
        assert!(planned.advice.as_ref().is_none_or(|advice| advice.gaps.is_empty()), "{}", cohort.id);
    }
}

#[test]
fn published_results_come_out_of_the_example() {
    let (plan, analysis) = analysis(None);
    published_results_come_out(&plan, &analysis);
    let stage = |cohort: &str| analysis.cohort(cohort).unwrap().stage;
    assert!(["C1", "C2", "C3", "C4", "C5"].iter().all(|cohort| stage(cohort) == CohortStage::Decided));
    assert_eq!((stage("C6"), stage("C7")), (CohortStage::UnderReview, CohortStage::Planned));
    // Illustrations: one unconfirmed response in cohort 3, one assessment that differs, a late toxicity, a late fraction.
    let minimal = |patient: &&&PatientAnalysis| patient.response.best.unconfirmed == Some(Category::Minimal);
    assert_eq!(of(&analysis, "C3").iter().filter(minimal).count(), 1);
    let differs = analysis.patients.iter().flat_map(|patient| &patient.response.visits).filter(|visit| {
        visit.computed.as_ref().map(|computed| computed.category.code()) != visit.investigator.as_deref()
    });
    assert_eq!(differs.count(), 1);
    assert_eq!(analysis.patients.iter().flat_map(|patient| &patient.late).count(), 3);
    assert_eq!(of(&analysis, "C5").iter().filter(|patient| !patient.exposure.is_complete()).count(), 0);
}

#[test]
fn published_results_come_out_whatever_the_seed() {
    for seed in [0, 1, 2019, u64::MAX] {
        let (plan, analysis) = analysis(Some(seed));
        published_results_come_out(&plan, &analysis);
    }
}

/// Source: patients.toml: partial responses in none of cohorts 1 to 3, 1 of 3 in cohort 4, 1 of 4 in 5 and 2 of 4 in 6; one
/// patient of cohort 1 left before an assessment.
#[test]
fn dose_response_is_over_the_prescribed_regimens_and_exploratory_unless_the_protocol_names_the_test() {
    let (_, mut analysis) = analysis(None);
    let rate = analysis.protocol.rate.iter().find(|rate| rate.id == "ORR").unwrap().clone();
    let found = analysis.dose_response(&rate, true).unwrap();
    let counts: Vec<(u32, u32)> = found.groups.iter().map(|group| (group.with, group.patients)).collect();
    assert_eq!(counts, [(0, 4), (0, 4), (0, 4), (1, 3), (1, 4), (2, 4), (0, 0)]);
    let scores: Vec<String> = found.groups.iter().map(|group| group.score.normalize().to_string()).collect();
    assert_eq!(scores, ["12.5", "18.75", "25", "31.25", "31.25", "37.5", "40"]);
    // All 8855 ways to place 4 responses among 23 patients, listed by another program: 171 reach the sum of
    // scores of 137.5 or more.
    let exact = found.cochran_armitage.unwrap().exact.unwrap();
    assert!((exact.increasing - 171.0 / 8855.0).abs() < 1e-12, "{exact:?}");
    let says = |analysis: &Analysis| -> Vec<String> {
        let found = analysis.dose_response(&rate, true).unwrap();
        found.because.into_iter().map(|because| because.rule).collect()
    };
    assert!(says(&analysis).contains(&"dose-response/exploratory".to_owned()));
    assert!(says(&analysis).contains(&"dose-response/confounded".to_owned()));
    analysis.protocol.dose_response.named_test = Some("Cochran-Armitage on the ORR".to_owned());
    assert!(!says(&analysis).contains(&"dose-response/exploratory".to_owned()));
}
