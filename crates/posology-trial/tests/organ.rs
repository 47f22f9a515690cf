//! Absorbed doses of organs: recorded once for a fraction that was given, added only where nothing is missing.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;

use posology_trial::analysis::organ::{OrganSum, OrganTotal};
use posology_trial::event::{Administration, Amount, OrganAbsorbedDose, Role};
use posology_trial::permission::{Reach, reach};
use scene::{Scene, enrolment};
use serde_json::json;

fn value(organ: &str, fraction: Option<u32>, course: Option<u32>, absorbed_dose: &str) -> OrganAbsorbedDose {
    serde_json::from_value(json!({
        "subject": "P-01",
        "organ": organ,
        "absorbed-dose": absorbed_dose,
        "fraction": fraction,
        "course": course,
        "method": "SPECT/CT, MIRD",
    }))
    .unwrap()
}

fn sums(values: &[OrganAbsorbedDose], given: &[u32]) -> Vec<(String, Option<String>, Option<String>)> {
    OrganTotal::of(values, given)
        .into_iter()
        .map(|total| {
            let gray = total.sum.gray().map(|gray| gray.normalize().to_string());
            (total.organ.clone(), gray, total.sum.missing())
        })
        .collect()
}

/// Source: added by hand. 1.05 + 0.85 + 0.30 = 2.20.
#[test]
fn fractions_add_up_exactly_whatever_their_unit_and_order() {
    let values = [
        value("Marrow", Some(2), None, "850 mGy"),
        value("marrow", Some(1), None, "1.05 Gy"),
        value("marrow", Some(3), None, "30 cGy"),
    ];
    assert_eq!(sums(&values, &[1, 2, 3]), [("marrow".to_owned(), Some("2.2".to_owned()), None)]);
}

#[test]
fn a_fraction_without_a_value_makes_the_sum_partial_and_no_number() {
    let values = [value("kidney", Some(1), None, "2 Gy")];
    let partial = Some("partial: 1 of 2 fractions".to_owned());
    assert_eq!(sums(&values, &[1, 2]), [("kidney".to_owned(), None, partial)]);
    // A fraction that was not given is not missing.
    assert_eq!(sums(&values, &[1])[0].1.as_deref(), Some("2"));
}

#[test]
fn courses_add_up_and_a_gap_between_them_is_told() {
    let both = [value("kidney", None, Some(1), "6 Gy"), value("kidney", None, Some(2), "5.5 Gy")];
    assert_eq!(sums(&both, &[1, 2, 3])[0].1.as_deref(), Some("11.5"));
    assert_eq!(sums(&both[1..], &[1, 2, 3])[0].2.as_deref(), Some("partial: 1 of 2 courses"));
    assert_eq!(sums(&[value("kidney", None, None, "6 Gy")], &[1, 2])[0].1.as_deref(), Some("6"));
}

#[test]
fn what_would_count_twice_or_was_never_given_is_not_added() {
    for (values, why) in [
        (
            vec![value("kidney", Some(1), None, "2 Gy"), value("kidney", Some(1), None, "3 Gy")],
            "several values",
        ),
        (vec![value("kidney", Some(1), None, "2 Gy"), value("kidney", None, None, "3 Gy")], "whole course"),
        (vec![value("kidney", Some(3), None, "2 Gy")], "was not given"),
    ] {
        let total = &OrganTotal::of(&values, &[1, 2])[0];
        assert!(matches!(total.sum, OrganSum::NotAdded { .. }));
        assert!(total.sum.missing().unwrap().contains(why), "{:?}", total.sum);
        assert_eq!(total.biologically_effective_gray, None);
    }
}

#[test]
fn the_biologically_effective_dose_is_added_only_where_every_value_has_one() {
    let with = |fraction, effective: Option<&str>| {
        let mut value = value("kidney", Some(fraction), None, "2 Gy");
        value.biologically_effective_dose = effective.map(|text| text.parse().unwrap());
        value
    };
    let bed = |values: &[OrganAbsorbedDose]| OrganTotal::of(values, &[1, 2])[0].biologically_effective_gray;
    assert_eq!(bed(&[with(1, Some("2.4 Gy")), with(2, Some("2.3 Gy"))]), Some("4.7".parse().unwrap()));
    assert_eq!(bed(&[with(1, Some("2.4 Gy")), with(2, None)]), None);
}

#[test]
fn a_value_is_recorded_once_for_a_fraction_that_was_given_and_corrected_after() {
    let mut scene = Scene::open();
    scene.eligible("P-01");
    scene.by(Role::SiteCoordinator, enrolment("P-01", "A"));
    let first = value("kidney", Some(1), None, "2 Gy");
    assert_eq!(scene.refused(Role::AuthorisedUser, first.clone()), "organ/fraction-given");
    assert_eq!(scene.refused(Role::AuthorisedUser, value("kidney", Some(0), None, "2 Gy")), "organ/number");
    assert_eq!(scene.refused(Role::AuthorisedUser, value(" ", None, None, "2 Gy")), "organ/name");
    scene.by(Role::AuthorisedUser, value("kidney", None, None, "2 Gy"));
    assert_eq!(scene.refused(Role::Investigator, value("Kidney", None, None, "2.5 Gy")), "organ/once");
    scene.by(Role::Investigator, value("Kidney", None, Some(2), "2.5 Gy"));
    // Another drug's tablet is no fraction.
    let tablet = Administration {
        subject: "P-01".into(),
        treatment: "Dexamethasone".into(),
        fraction: None,
        amount: Some(Amount::Other { value: 40.into(), unit: "mg".into() }),
        start: "2020-02-01".parse().unwrap(),
        end: None,
        route: None,
        lot: None,
        adjustment: None,
    };
    scene.by(Role::SiteCoordinator, tablet);
    assert_eq!(scene.refused(Role::AuthorisedUser, first), "organ/fraction-given");
}

#[test]
fn dosimetry_is_recorded_where_the_patient_is_treated_and_by_nobody_else() {
    use posology_trial::event::Kind::OrganAbsorbedDose as Dosimetry;
    assert_eq!(reach(Role::AuthorisedUser, Dosimetry), Reach::Site);
    assert_eq!(reach(Role::Sponsor, Dosimetry), Reach::Nowhere);
}
