//! What another CTCAE version would change, on the synthetic patients of the example.
//!
//! The cuts stand here once more, by hand: platelets grade 4 below 25 (5.0) and below 10 (6.0), neutrophils grade 4
//! below 0.5 and below 0.1, grade 3 below 1.0 and below 0.5, in 10^9/L (NCI, CTCAE v5.0 and v6.0).

#![allow(clippy::unwrap_used, clippy::panic)]

use posology_clinic::ctcae::Version;
use posology_clinic::laboratory::Analyte;
use posology_trial::analysis::regrade::{BadRegrade, Regrading, regrade};
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;
use rust_decimal::Decimal;

const TRIAL: &str = include_str!("../../../examples/clr131/trial.toml");
const EVENTS: &str = include_str!("../../../examples/clr131/events.ndjson");

/// The example as it is, or with the rule on platelets below 25 written as "grade 4 on any day" instead.
fn report(on_grades: bool, to: Version) -> Regrading {
    let text = TRIAL.replace(
        r#"lab = { analyte = "platelets", below = "25 10^9/L", more-than-days = 7 }"#,
        if on_grades {
            r#"lab = { analyte = "platelets", grade-at-least = 4 }"#
        } else {
            r#"lab = { analyte = "platelets", below = "25 10^9/L", more-than-days = 7 }"#
        },
    );
    assert_eq!(text != TRIAL, on_grades);
    let (protocol, _) = Protocol::read(&text).unwrap();
    let chain = Chain::read(EVENTS).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    regrade(&protocol, "sha", &chain, &cut, to).unwrap()
}

#[test]
fn grades_move_as_the_cuts_of_the_two_versions_say() {
    let report = report(false, Version::V6);
    let mut seen = 0;
    for change in report.patients.iter().flat_map(|patient| &patient.grades) {
        let value: Decimal = change.value.split_whitespace().next().unwrap().parse().unwrap();
        let at = |cuts: [&str; 2]| cuts.iter().filter(|cut| value < cut.parse().unwrap()).count();
        match change.analyte {
            // Platelets between 10 and 25, and nothing else, go from grade 4 to 3.
            Analyte::Platelets => {
                assert_eq!((change.before, change.after, at(["25", "10"])), (Some(4), Some(3), 1), "{value}");
            }
            Analyte::Neutrophils => {
                let before =
                    4 - ["0.5", "1.0", "1.5"].iter().filter(|cut| value >= cut.parse().unwrap()).count();
                let after =
                    ["0.1", "0.5", "1.0", "1.5"].iter().filter(|cut| value < cut.parse().unwrap()).count();
                assert_eq!(change.before.map(usize::from), Some(before.max(1)), "{value}");
                assert_eq!(change.after.map(usize::from), Some(after), "{value}");
            }
            // Version 6.0 has no term for low lymphocytes: no grade, which is not grade 0.
            Analyte::Lymphocytes => assert_eq!(change.after, None),
            other => panic!("{other}: {change:?}"),
        }
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn rules_on_values_do_not_move_with_the_version_and_rules_on_grades_do() {
    assert_eq!(report(false, Version::V6).status_changes().count(), 0);
    let report = report(true, Version::V6);
    let changed: Vec<_> = report.affected().collect();
    assert!(!changed.is_empty());
    for patient in &changed {
        // A finding can only be lost: version 6.0 grades every platelet count as mild or milder.
        assert!(patient.after.findings.len() < patient.before.findings.len(), "{}", patient.subject);
        let lost = patient.before.findings.iter().find(|found| !patient.after.findings.contains(found));
        assert_eq!(lost.unwrap().rule.as_deref(), Some("platelets-25"));
        assert!(!patient.grades.is_empty(), "{}: a finding moves only with a grade", patient.subject);
    }
    for patient in report.status_changes() {
        assert!(matches!(patient.before.status, DltStatus::Dlt | DltStatus::Pending));
    }
}

#[test]
fn under_its_own_version_nothing_changes() {
    for on_grades in [false, true] {
        let report = report(on_grades, Version::V5);
        assert_eq!(report.affected().count(), 0);
        assert!(report.patients.iter().all(|patient| patient.grades.is_empty()));
        assert!(report.cohorts.iter().all(|cohort| !cohort.advice_changes && cohort.before == cohort.after));
    }
}

#[test]
fn a_cohort_is_reported_alone_and_an_unknown_one_not_at_all() {
    let whole = report(true, Version::V6);
    let id = whole.cohorts[0].id.clone();
    let alone = whole.clone().of_cohort(&id).unwrap();
    assert!(alone.patients.len() < whole.patients.len());
    assert!(alone.patients.iter().all(|patient| patient.cohort.as_deref() == Some(id.as_str())));
    assert!(whole.of_cohort("no such cohort").is_none());
}

#[test]
fn a_protocol_without_a_version_cannot_be_regraded() {
    let (mut protocol, _) = Protocol::read(TRIAL).unwrap();
    protocol.dlt = None;
    let chain = Chain::read(EVENTS).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let refused = regrade(&protocol, "sha", &chain, &cut, Version::V6);
    assert_eq!(refused.unwrap_err(), BadRegrade::NoVersion);
}
