//! Waldenström macroglobulinaemia by the 6th and the 11th workshop: every threshold from both sides, what is no
//! progression, confirmation, and the laws all criteria keep.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::confirm::{Course, LastProgression};
use posology_clinic::response::iwwm::{
    Baseline, Extramedullary, IGM, Marrow, Method, MissingExtramedullary, OtherMethod, Pause,
    SecondImmunofixation, Settings, Visit, assess, assess_all, best, confirm,
};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1) + (28 * number).days()
}

fn at(number: i32, igm: &str) -> Visit {
    Visit { igm: Some(dec(igm)), ..Visit::new(day(number)) }
}

fn six() -> Settings {
    Settings::new(CriteriaSet::Iwwm6)
}

fn eleven() -> Settings {
    Settings::new(CriteriaSet::Iwwm11)
}

/// The category of the last of some IgM values, mg/dL, the first being baseline.
fn category(settings: &Settings, values: &[&str]) -> Category {
    let visits: Vec<Visit> = values.iter().zip(0..).map(|(igm, number)| at(number, igm)).collect();
    let (now, history) = visits[1..].split_last().unwrap();
    assess(settings, &Baseline::new(visits[0].clone()), history, now).unwrap().category
}

/// A baseline with extramedullary disease, and the category of a visit with a finding on it.
fn with_disease(settings: &Settings, igm: &str, found: Extramedullary) -> Category {
    let baseline = Baseline::new(Visit { extramedullary: Extramedullary::Present, ..at(0, "4000") });
    assess(settings, &baseline, &[], &Visit { extramedullary: found, ..at(2, igm) }).unwrap().category
}

#[test]
fn the_fall_of_igm_decides_at_90_50_and_25_percent_exactly() {
    // Source: table of both workshops; 4000 mg/dL at baseline.
    for (igm, expected) in [
        ("400", Category::VeryGoodPartial),
        ("400.1", Category::Partial),
        ("2000", Category::Partial),
        ("2000.1", Category::Minimal),
        ("3000", Category::Minimal),
        ("3000.1", Category::Stable),
        ("4000", Category::Stable),
        ("4999.9", Category::Stable),
        ("5000", Category::Progressive),
    ] {
        assert_eq!(category(&eleven(), &["4000", igm]), expected, "{igm}");
        let with_none = Baseline::new(Visit { extramedullary: Extramedullary::Absent, ..at(0, "4000") });
        assert_eq!(assess(&six(), &with_none, &[], &at(2, igm)).unwrap().category, expected, "{igm}");
    }
}

#[test]
fn the_11th_workshop_asks_for_500_mg_per_dl_beside_25_percent_and_the_6th_does_not() {
    // Nadir 1000: 25% is 250.
    assert_eq!(category(&eleven(), &["4000", "1000", "1499.9"]), Category::Partial);
    assert_eq!(category(&eleven(), &["4000", "1000", "1500"]), Category::Progressive);
    assert_eq!(category(&six(), &["4000", "1000", "1249.9"]), Category::Partial);
    assert_eq!(category(&six(), &["4000", "1000", "1250"]), Category::Progressive);
    let asks = Settings { absolute_rise: Some(500), ..six() };
    assert_eq!(category(&asks, &["4000", "1000", "1250"]), Category::Partial);
    // 500 alone is not enough: 10% of 5000.
    assert_eq!(category(&eleven(), &["6000", "5000", "5500"]), Category::Stable);
}

#[test]
fn progression_is_measured_from_the_nadir_and_not_from_baseline() {
    assert_eq!(category(&eleven(), &["4000", "800", "2000"]), Category::Progressive, "half of baseline");
}

#[test]
fn a_normal_igm_is_very_good_in_the_11th_workshop_only() {
    // Baseline 500, now 200: down 60%, within 230 mg/dL.
    assert_eq!(category(&eleven(), &["500", "230"]), Category::VeryGoodPartial);
    assert_eq!(category(&eleven(), &["500", "230.1"]), Category::Partial);
    assert_eq!(category(&six(), &["500", "200"]), Category::Partial);
    let mut now = at(1, "300");
    now.igm_upper_limit = Some(dec("300"));
    let response = assess(&eleven(), &Baseline::new(at(0, "900")), &[], &now).unwrap();
    assert_eq!(response.category, Category::VeryGoodPartial, "the laboratory's own limit goes before");
}

#[test]
fn extramedullary_disease_decides_in_the_6th_workshop_only() {
    for (found, by_90, by_50) in [
        (Extramedullary::Absent, Category::VeryGoodPartial, Category::Partial),
        (Extramedullary::Smaller, Category::Partial, Category::Partial),
        (Extramedullary::Present, Category::Minimal, Category::Minimal),
        (Extramedullary::NotDone, Category::Minimal, Category::Minimal),
        (Extramedullary::Larger, Category::Progressive, Category::Progressive),
        (Extramedullary::New, Category::Progressive, Category::Progressive),
    ] {
        assert_eq!(with_disease(&six(), "400", found), by_90, "{found:?}");
        assert_eq!(with_disease(&six(), "2000", found), by_50, "{found:?}");
        if by_90 != Category::Progressive {
            assert_eq!(with_disease(&eleven(), "400", found), Category::VeryGoodPartial, "{found:?}");
        }
        assert_eq!(with_disease(&six(), "3000", found), by_50.min(Category::Minimal), "{found:?}");
    }
    let strict = Settings { missing_extramedullary: MissingExtramedullary::NotEvaluable, ..six() };
    assert_eq!(with_disease(&strict, "400", Extramedullary::NotDone), Category::NotEvaluable);
}

#[test]
fn disease_that_nobody_looked_for_leaves_partial_response_at_the_most_in_the_6th_workshop() {
    assert_eq!(category(&six(), &["4000", "400"]), Category::Partial);
    assert_eq!(category(&six(), &["4000", "2000"]), Category::Partial);
}

/// A visit at which everything that a complete response asks for holds.
fn complete(number: i32) -> Visit {
    Visit {
        immunofixation_positive: Some(false),
        extramedullary: Extramedullary::Absent,
        marrow: Marrow::Normal,
        ..at(number, "100")
    }
}

#[test]
fn a_complete_response_needs_immunofixation_normal_igm_no_disease_outside_and_a_normal_marrow() {
    let baseline = Baseline::new(Visit { extramedullary: Extramedullary::Present, ..at(0, "4000") });
    for settings in [six(), eleven()] {
        let judged = |visit: &Visit| assess(&settings, &baseline, &[], visit).unwrap().category;
        assert_eq!(judged(&complete(1)), Category::Complete);
        for lacking in [
            Visit { immunofixation_positive: Some(true), ..complete(1) },
            Visit { immunofixation_positive: None, ..complete(1) },
            Visit { marrow: Marrow::Involved, ..complete(1) },
            Visit { marrow: Marrow::NotDone, ..complete(1) },
        ] {
            assert_eq!(judged(&lacking), Category::VeryGoodPartial, "{lacking:?}");
        }
        assert_eq!(judged(&Visit { igm: Some(dec("231")), ..complete(1) }), Category::VeryGoodPartial);
    }
    let unseen = Visit { extramedullary: Extramedullary::NotDone, ..complete(1) };
    assert_eq!(assess(&eleven(), &baseline, &[], &unseen).unwrap().category, Category::VeryGoodPartial);
}

#[test]
fn complete_response_counts_once_a_second_immunofixation_agrees() {
    let settings = eleven();
    let rows = |categories: &[Category]| -> Vec<Assessment> {
        let numbered = categories.iter().zip(1..);
        numbered.map(|(category, number)| Assessment::new(day(number), *category, None)).collect()
    };
    let best_of = |settings: &Settings, categories: &[Category]| {
        let course = Course::default();
        best(settings, &course, &confirm(settings, &course, &rows(categories)))
    };
    use Category::{Complete, Minimal, NotEvaluable, Partial, VeryGoodPartial};
    assert_eq!(best_of(&settings, &[Partial, Complete]).confirmed, Some(VeryGoodPartial));
    let twice = best_of(&settings, &[Partial, Complete, NotEvaluable, Complete]);
    assert_eq!((twice.confirmed, twice.date), (Some(Complete), Some(day(2))));
    let between = [Complete, VeryGoodPartial, Complete];
    assert_eq!(best_of(&settings, &between).confirmed, Some(VeryGoodPartial));
    let later = Settings { second_immunofixation: SecondImmunofixation::Later, ..settings.clone() };
    assert_eq!(best_of(&later, &between).confirmed, Some(Complete));
    assert_eq!(best_of(&settings, &[Minimal]).confirmed, Some(Minimal), "all else needs no second sample");
}

#[test]
fn minimal_response_counts_in_the_overall_rate_and_partial_in_the_major_one() {
    for set in [CriteriaSet::Iwwm6, CriteriaSet::Iwwm11] {
        assert_eq!(set.overall_response_floor(), Category::Minimal);
        assert_eq!(set.major_response_floor(), Some(Category::Partial));
    }
    assert_eq!(CriteriaSet::Imwg2016.overall_response_floor(), Category::Partial);
}

#[test]
fn progression_by_igm_needs_a_second_sample_and_clinical_progression_none() {
    let settings = eleven();
    let course = Course::default();
    let visits = [at(1, "1000"), at(2, "1600"), at(3, "1700")];
    let rows: Vec<Assessment> = assess_all(&settings, &Baseline::new(at(0, "4000")), &visits)
        .unwrap()
        .into_iter()
        .map(|response| response.into_assessment())
        .collect();
    assert_eq!(rows[1].kind, Some(ProgressionKind::Biochemical));
    assert_eq!(confirm(&settings, &course, &rows).progression(), Some(day(2)));
    assert_eq!(confirm(&settings, &course, &rows[..2]).progression(), None, "one sample alone");
    let therapy = Course { new_therapy: Some(day(4)), ..course };
    assert_eq!(confirm(&settings, &therapy, &rows[..2]).progression(), Some(day(2)), "therapy followed");
    let unconfirmed = Settings { last_progression: LastProgression::Unconfirmed, ..settings.clone() };
    assert_eq!(confirm(&unconfirmed, &therapy, &rows[..2]).progression(), None);
    let clinical = Visit { clinical_progression: true, ..at(2, "1000") };
    let response = assess(&settings, &Baseline::new(at(0, "4000")), &[], &clinical).unwrap();
    assert_eq!(response.kind, Some(ProgressionKind::Clinical));
    let rows = [response.into_assessment()];
    assert_eq!(confirm(&settings, &course, &rows).progression(), Some(day(2)));
}

#[test]
fn a_flare_after_rituximab_is_no_progression_within_its_days() {
    let mut baseline = Baseline::new(at(0, "4000"));
    baseline.anti_cd20 = vec![day(0)];
    let judged = |number| assess(&eleven(), &baseline, &[], &at(number, "6000")).unwrap();
    assert_eq!(judged(4).category, Category::Stable, "day 112");
    assert!(judged(4).reasons[0].says.contains("flare"), "{:?}", judged(4).reasons);
    assert_eq!(judged(5).category, Category::Progressive, "day 140");
    let grown = Visit { extramedullary: Extramedullary::Larger, ..at(2, "6000") };
    assert_eq!(assess(&eleven(), &baseline, &[], &grown).unwrap().category, Category::Progressive);
}

#[test]
fn a_rebound_while_a_btk_inhibitor_is_paused_is_no_progression() {
    let mut baseline = Baseline::new(at(0, "4000"));
    let history = [at(2, "800")];
    let judged = |baseline: &Baseline, number| {
        assess(&eleven(), baseline, &history, &at(number, "1900")).unwrap().category
    };
    assert_eq!(judged(&baseline, 4), Category::Progressive);
    baseline.pauses = vec![Pause { from: day(3), resumed: None }];
    assert_eq!(judged(&baseline, 4), Category::Partial);
    baseline.pauses = vec![Pause { from: day(3), resumed: Some(day(4)) }];
    assert_eq!(judged(&baseline, 6), Category::Partial, "56 days after it was resumed");
    assert_eq!(judged(&baseline, 7), Category::Progressive);
}

#[test]
fn igm_after_plasmapheresis_is_neither_a_response_nor_a_nadir_for_four_weeks() {
    let mut baseline = Baseline::new(at(0, "4000"));
    baseline.plasmapheresis = vec![day(1)];
    let judged =
        |history: &[Visit], now: &Visit| assess(&eleven(), &baseline, history, now).unwrap().category;
    assert_eq!(judged(&[], &at(2, "1500")), Category::NotEvaluable, "day 28 after it");
    let later = Visit { date: day(2) + 1.day(), ..at(2, "1500") };
    assert_eq!(judged(&[], &later), Category::Partial);
    assert_eq!(judged(&[at(2, "1500")], &at(4, "3900")), Category::Stable, "no nadir of 1500");
}

#[test]
fn one_method_throughout_and_a_mixed_one_is_named() {
    let by = |method, visit: Visit| Visit { method: Some(method), ..visit };
    let baseline = Baseline::new(by(Method::Nephelometry, at(0, "4000")));
    let other = by(Method::Electrophoresis, at(1, "1000"));
    let response = assess(&eleven(), &baseline, &[], &other).unwrap();
    assert_eq!(response.category, Category::NotEvaluable);
    assert_eq!(response.reasons[0].rule, "iwwm-11/method-changed");
    let compares = Settings { other_method: OtherMethod::Compare, ..eleven() };
    let response = assess(&compares, &baseline, &[], &other).unwrap();
    assert_eq!(response.category, Category::Partial);
    assert!(response.reasons[0].says.contains("electrophoresis and not by nephelometry"));
    let same = by(Method::Nephelometry, at(2, "2500"));
    assert_eq!(assess(&eleven(), &baseline, &[other], &same).unwrap().category, Category::Minimal);
}

#[test]
fn a_missing_igm_is_never_zero() {
    let nothing = Visit::new(day(1));
    let baseline = Baseline::new(at(0, "4000"));
    assert_eq!(assess(&eleven(), &baseline, &[], &nothing).unwrap().category, Category::NotEvaluable);
    let unknown = Baseline::new(Visit::new(day(0)));
    assert_eq!(assess(&eleven(), &unknown, &[], &at(1, "100")).unwrap().category, Category::NotEvaluable);
    assert_eq!(category(&eleven(), &["200", "20"]), Category::NotEvaluable, "normal at baseline");
}

#[test]
fn igm_is_read_in_four_units_and_never_without_one() {
    for (value, unit) in [("40", "g/L"), ("4000", "mg/dL"), ("4", "g/dL"), ("40000", "mg/L")] {
        assert_eq!(IGM.canonical(dec(value), unit).unwrap(), dec("4000"));
    }
    let error = IGM.canonical(dec("40"), "").unwrap_err().to_string();
    assert!(error.contains("without a unit") && error.contains("g/L"), "{error}");
    assert!(IGM.canonical(dec("-1"), "g/L").is_err());
}

#[test]
fn the_settings_are_read_in_kebab_case_and_a_misspelt_key_is_refused() {
    let read: Settings = serde_json::from_str(r#"{"criteria": "iwwm-6", "absolute-rise": 500}"#).unwrap();
    assert_eq!(read, Settings { absolute_rise: Some(500), ..six() });
    assert!(serde_json::from_str::<Settings>(r#"{"criteria": "iwwm-6", "absolut-rise": 500}"#).is_err());
}

prop_compose! {
    fn course_of_igm()(values in prop::collection::vec(prop::option::of(0u32..8000), 2..9)) -> Vec<Visit> {
        values
            .into_iter()
            .zip(0..)
            .map(|(igm, number)| Visit { igm: igm.map(Decimal::from), ..Visit::new(day(number)) })
            .collect()
    }
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(visits in course_of_igm(), turn in 0usize..8) {
        let baseline = Baseline::new(visits[0].clone());
        let straight = assess_all(&eleven(), &baseline, &visits[1..]).unwrap();
        let mut turned = visits[1..].to_vec();
        let by = turn % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(assess_all(&eleven(), &baseline, &turned).unwrap(), straight);
    }

    #[test]
    fn a_later_visit_changes_nothing_before_it(visits in course_of_igm()) {
        let baseline = Baseline::new(visits[0].clone());
        let all = assess_all(&six(), &baseline, &visits[1..]).unwrap();
        let fewer = assess_all(&six(), &baseline, &visits[1..visits.len() - 1]).unwrap();
        prop_assert_eq!(&all[..fewer.len()], &fewer[..]);
    }

    #[test]
    fn the_unit_does_not_matter(values in prop::collection::vec(1i64..800_000, 2..8)) {
        let visits = |unit: &str, places| -> Vec<Visit> {
            values.iter().zip(0..).map(|(value, number)| {
                let igm = IGM.canonical(Decimal::new(*value, places), unit).unwrap();
                Visit { igm: Some(igm), ..Visit::new(day(number)) }
            }).collect()
        };
        let judged = |visits: Vec<Visit>| -> Vec<Category> {
            assess_all(&eleven(), &Baseline::new(visits[0].clone()), &visits).unwrap().iter().map(|r| r.category).collect()
        };
        prop_assert_eq!(judged(visits("mg/dL", 2)), judged(visits("g/L", 4)));
    }

    #[test]
    fn the_status_never_falls_except_to_progression(visits in course_of_igm()) {
        let rows: Vec<Assessment> = assess_all(&eleven(), &Baseline::new(visits[0].clone()), &visits)
            .unwrap().into_iter().map(|response| response.into_assessment()).collect();
        let confirmed = confirm(&eleven(), &Course::default(), &rows);
        for pair in confirmed.statuses.windows(2) {
            let (before, after) = (pair[0].status, pair[1].status);
            prop_assert!(after >= before || after == Category::Progressive, "{before} {after}");
            prop_assert!(before != Category::Progressive || after == Category::Progressive);
        }
    }
}

#[test]
fn extramedullary_disease_that_was_absent_and_is_there_is_progression_whatever_igm_does() {
    for settings in [six(), eleven()] {
        for found in [Extramedullary::Present, Extramedullary::Smaller] {
            let free = Baseline::new(Visit { extramedullary: Extramedullary::Absent, ..at(0, "4000") });
            let now = Visit { extramedullary: found, ..at(3, "400") };
            assert_eq!(assess(&settings, &free, &[], &now).unwrap().category, Category::Progressive);
            let had = Baseline::new(Visit { extramedullary: Extramedullary::Present, ..at(0, "4000") });
            let gone = Visit { extramedullary: Extramedullary::Absent, ..at(1, "400") };
            let unseen = at(2, "400");
            let judged = assess(&settings, &had, &[gone, unseen], &now).unwrap();
            assert_eq!(judged.category, Category::Progressive);
        }
    }
}
