//! Chronic lymphocytic leukaemia by the workshop of 2018: every threshold from both sides, the counting of groups A
//! and B, what is no progression, how long a response must last, and the laws all criteria keep.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::confirm::Course;
use posology_clinic::response::iwcll::{
    CytopeniaCause, FallFrom, HAEMOGLOBIN, LENGTH, LYMPHOCYTES, Marrow, Node, RefractoryFrom, RiseFrom,
    Settings, Therapy, Visit, assess, assess_all, best, confirm, recurrence,
};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// What one row of a table changes in a visit.
type Change = fn(&mut Visit);

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1) + (28 * number).days()
}

fn node(longest: &str, shortest: &str) -> Node {
    Node { longest: dec(longest), shortest: dec(shortest) }
}

/// One node of 40 x 30 mm, a spleen of 17 cm, lymphocytes 80, platelets 80, haemoglobin 9.
fn baseline() -> Visit {
    Visit {
        nodes: [("n1".to_owned(), node("40", "30"))].into(),
        spleen: Some(dec("170")),
        liver: Some(dec("0")),
        symptoms: Some(true),
        lymphocytes: Some(dec("80")),
        platelets: Some(dec("80")),
        haemoglobin: Some(dec("9")),
        ..Visit::new(day(0))
    }
}

/// The same values at a later visit, changed.
fn now(change: impl Fn(&mut Visit)) -> Visit {
    let mut visit = Visit { date: day(4), ..baseline() };
    change(&mut visit);
    visit
}

fn judged(settings: &Settings, visit: &Visit) -> Category {
    assess(settings, &baseline(), &[], visit).unwrap().category
}

fn category(change: impl Fn(&mut Visit)) -> Category {
    judged(&Settings::default(), &now(change))
}

/// Everything normal, and the marrow too.
fn cleared(visit: &mut Visit) {
    visit.nodes = [("n1".to_owned(), node("14.9", "10"))].into();
    visit.spleen = Some(dec("129"));
    visit.symptoms = Some(false);
    visit.lymphocytes = Some(dec("3.9"));
    visit.platelets = Some(dec("100"));
    visit.haemoglobin = Some(dec("11"));
    visit.marrow =
        Some(Marrow { leukaemia_cells: Some(false), percent: None, nodules: false, hypocellular: false });
}

#[test]
fn complete_response_needs_every_parameter_normal() {
    assert_eq!(category(cleared), Category::Complete);
    let lacks: [(&str, Change); 8] = [
        ("a node of 15 mm", |v| v.nodes = [("n1".to_owned(), node("15", "10"))].into()),
        ("a spleen of 13 cm", |v| v.spleen = Some(dec("130"))),
        ("symptoms", |v| v.symptoms = Some(true)),
        ("symptoms not recorded", |v| v.symptoms = None),
        ("lymphocytes of 4", |v| v.lymphocytes = Some(dec("4"))),
        ("platelets of 99", |v| v.platelets = Some(dec("99"))),
        ("haemoglobin of 10.9", |v| v.haemoglobin = Some(dec("10.9"))),
        ("no marrow", |v| v.marrow = None),
    ];
    for (lacking, change) in lacks {
        let found = category(|visit| {
            cleared(visit);
            change(visit);
        });
        assert_eq!(found, Category::Partial, "{lacking}");
    }
}

#[test]
fn incomplete_recovery_is_a_cytopenia_from_therapy_or_a_hypocellular_marrow() {
    let low = |cause| {
        category(move |visit| {
            cleared(visit);
            visit.platelets = Some(dec("60"));
            visit.cytopenia = cause;
        })
    };
    assert_eq!(low(Some(CytopeniaCause::Therapy)), Category::CompleteIncompleteRecovery);
    assert_eq!(low(None), Category::Partial, "the cause is not guessed");
    let hypocellular = category(|visit| {
        cleared(visit);
        visit.marrow =
            Some(Marrow { leukaemia_cells: Some(false), percent: None, nodules: false, hypocellular: true });
    });
    assert_eq!(hypocellular, Category::CompleteIncompleteRecovery);
}

#[test]
fn nodules_in_the_marrow_are_a_nodular_partial_response_only_if_the_protocol_names_it() {
    let nodular = now(|visit| {
        cleared(visit);
        visit.marrow =
            Some(Marrow { leukaemia_cells: Some(false), percent: None, nodules: true, hypocellular: false });
    });
    assert_eq!(judged(&Settings::default(), &nodular), Category::Partial);
    let named = Settings { nodular_partial: true, ..Settings::default() };
    assert_eq!(judged(&named, &nodular), Category::NodularPartial);
}

#[test]
fn partial_response_needs_two_of_group_a_and_one_of_group_b() {
    let halved_nodes = |visit: &mut Visit| visit.nodes = [("n1".to_owned(), node("30", "20"))].into(); // 600 of 1200
    let halved_lymphocytes = |visit: &mut Visit| visit.lymphocytes = Some(dec("40"));
    let halved_spleen = |visit: &mut Visit| visit.spleen = Some(dec("150")); // 20 of 40 mm beyond 130
    let haemoglobin = |visit: &mut Visit| visit.haemoglobin = Some(dec("11"));
    assert_eq!(
        category(|visit| {
            halved_nodes(visit);
            halved_lymphocytes(visit);
            haemoglobin(visit);
        }),
        Category::Partial
    );
    assert_eq!(
        category(|visit| {
            halved_spleen(visit);
            halved_lymphocytes(visit);
            visit.platelets = Some(dec("100"));
        }),
        Category::Partial
    );
    assert_eq!(
        category(|visit| {
            halved_nodes(visit);
            haemoglobin(visit);
        }),
        Category::Stable,
        "one of A"
    );
    assert_eq!(
        category(|visit| {
            halved_nodes(visit);
            halved_lymphocytes(visit);
        }),
        Category::Stable,
        "none of B"
    );
}

#[test]
fn where_only_one_parameter_of_a_group_was_abnormal_only_that_one_must_improve() {
    let mut base = baseline();
    base.nodes = [("n1".to_owned(), node("14", "10"))].into();
    base.spleen = Some(dec("120"));
    base.platelets = Some(dec("150"));
    let mut visit = Visit { date: day(4), haemoglobin: Some(dec("11")), ..base.clone() };
    visit.lymphocytes = Some(dec("40"));
    let judged = |visit: &Visit| assess(&Settings::default(), &base, &[], visit).unwrap().category;
    assert_eq!(judged(&visit), Category::Partial);
    visit.lymphocytes = Some(dec("40.1"));
    assert_eq!(judged(&visit), Category::Stable);
    visit.lymphocytes = Some(dec("40"));
    visit.haemoglobin = Some(dec("10.9"));
    assert_eq!(judged(&visit), Category::Stable, "haemoglobin was the only one of B, platelets were normal");
}

#[test]
fn improvement_is_drawn_at_50_percent_exactly() {
    let with = |change: fn(&mut Visit, &str), value: &str| {
        let value = value.to_owned();
        category(move |visit| {
            visit.nodes = [("n1".to_owned(), node("30", "20"))].into();
            visit.lymphocytes = Some(dec("40"));
            visit.haemoglobin = Some(dec("11"));
            change(visit, &value);
        })
    };
    let lymphocytes: fn(&mut Visit, &str) = |visit, value| visit.lymphocytes = Some(dec(value));
    assert_eq!(with(lymphocytes, "40"), Category::Partial);
    assert_eq!(with(lymphocytes, "40.01"), Category::Stable);
    let nodes: fn(&mut Visit, &str) =
        |visit, value| visit.nodes = [("n1".to_owned(), node(value, "20"))].into();
    assert_eq!(with(nodes, "30"), Category::Partial);
    assert_eq!(with(nodes, "30.1"), Category::Stable);
    let haemoglobin: fn(&mut Visit, &str) = |visit, value| visit.haemoglobin = Some(dec(value));
    assert_eq!(with(haemoglobin, "10.9"), Category::Stable, "9 to 10.9 is 21% up");
    let mut low = baseline();
    low.haemoglobin = Some(dec("6"));
    let mut visit = now(|visit| {
        visit.nodes = [("n1".to_owned(), node("30", "20"))].into();
        visit.lymphocytes = Some(dec("40"));
    });
    for (value, expected) in [("9", Category::Partial), ("8.9", Category::Stable)] {
        visit.haemoglobin = Some(dec(value));
        let found = assess(&Settings::default(), &low, &[], &visit).unwrap().category;
        assert_eq!(found, expected, "{value} from 6");
    }
}

#[test]
fn a_count_under_transfusion_or_erythropoietin_shows_no_recovery() {
    let supported = now(|visit| {
        cleared(visit);
        visit.marrow = None;
        visit.red_cell_support = true;
    });
    let response = assess(&Settings::default(), &baseline(), &[], &supported).unwrap();
    assert_eq!(response.verdict("haemoglobin"), Some(&Category::Stable));
    assert_eq!(response.category, Category::Partial, "the platelets have recovered by themselves");
    let both = Visit { platelet_support: true, ..supported };
    assert_eq!(judged(&Settings::default(), &both), Category::Stable);
}

#[test]
fn a_missing_value_makes_not_evaluable_only_where_it_could_change_the_category() {
    let known = |change: fn(&mut Visit)| {
        category(move |visit| {
            visit.nodes = [("n1".to_owned(), node("30", "20"))].into();
            visit.lymphocytes = Some(dec("40"));
            visit.haemoglobin = Some(dec("11"));
            change(visit);
        })
    };
    assert_eq!(known(|visit| visit.spleen = None), Category::Partial, "two of A improved without it");
    assert_eq!(
        known(|visit| visit.lymphocytes = None),
        Category::NotEvaluable,
        "it would be the second of A"
    );
    assert_eq!(
        known(|visit| {
            visit.lymphocytes = None;
            visit.nodes = baseline().nodes;
        }),
        Category::Stable,
        "even then there were only one of A"
    );
    assert_eq!(known(|visit| visit.platelets = None), Category::Partial);
}

#[test]
fn lymphocytosis_alone_under_a_kinase_inhibitor_is_no_progression_and_leaves_pr_l() {
    let settings = Settings { kinase_inhibitor: true, ..Settings::default() };
    let risen = now(|visit| visit.lymphocytes = Some(dec("200")));
    assert_eq!(category(|visit| visit.lymphocytes = Some(dec("200"))), Category::Progressive);
    let response = assess(&settings, &baseline(), &[], &risen).unwrap();
    assert_eq!(response.category, Category::Stable);
    assert!(response.reasons.iter().any(|because| because.rule == "iwcll-2018/lymphocytosis-alone"));
    let shrunk = |lymphocytes: &str| {
        let lymphocytes = dec(lymphocytes);
        now(move |visit| {
            visit.nodes = [("n1".to_owned(), node("30", "20"))].into();
            visit.spleen = Some(dec("150"));
            visit.haemoglobin = Some(dec("11"));
            visit.lymphocytes = Some(lymphocytes);
        })
    };
    assert_eq!(judged(&settings, &shrunk("200")), Category::PartialWithLymphocytosis);
    assert_eq!(judged(&settings, &shrunk("41")), Category::PartialWithLymphocytosis);
    assert_eq!(judged(&settings, &shrunk("40")), Category::Partial);
    let grown = now(|visit| {
        visit.lymphocytes = Some(dec("200"));
        visit.spleen = Some(dec("190"));
    });
    assert_eq!(judged(&settings, &grown), Category::Progressive, "a growing spleen is");
}

#[test]
fn progression_is_measured_from_the_nadir() {
    let nadir = now(|visit| {
        visit.date = day(2);
        visit.nodes = [("n1".to_owned(), node("20", "10"))].into(); // 200 mm2
        visit.spleen = Some(dec("150"));
        visit.lymphocytes = Some(dec("10"));
    });
    let after = |change: fn(&mut Visit)| {
        let visit = now(|visit| {
            visit.nodes = [("n1".to_owned(), node("20", "10"))].into();
            visit.spleen = Some(dec("150"));
            visit.lymphocytes = Some(dec("10"));
            change(visit);
        });
        assess(&Settings::default(), &baseline(), std::slice::from_ref(&nadir), &visit).unwrap()
    };
    for (change, progresses) in [
        ((|v: &mut Visit| v.nodes = [("n1".to_owned(), node("20", "15"))].into()) as fn(&mut Visit), true),
        (|v| v.nodes = [("n1".to_owned(), node("20", "14.9"))].into(), false),
        (|v| v.spleen = Some(dec("160")), true),
        (|v| v.spleen = Some(dec("159")), false),
        (|v| v.lymphocytes = Some(dec("15")), true),
        (|v| v.lymphocytes = Some(dec("14.9")), false),
    ] {
        let response = after(change);
        assert_eq!(response.category == Category::Progressive, progresses, "{:?}", response.reasons);
    }
    let settings = Settings { lymphocyte_rise_from: RiseFrom::Baseline, ..Settings::default() };
    let visit = now(|visit| {
        visit.nodes = nadir.nodes.clone();
        visit.spleen = nadir.spleen;
        visit.lymphocytes = Some(dec("30"));
    });
    let found = assess(&settings, &baseline(), std::slice::from_ref(&nadir), &visit).unwrap().category;
    assert_ne!(found, Category::Progressive, "as the table prints it, from baseline");
}

#[test]
fn a_rise_of_lymphocytes_must_reach_5() {
    let mut base = baseline();
    base.lymphocytes = Some(dec("3"));
    let judged = |value: &str| {
        let visit = now(|visit| visit.lymphocytes = Some(dec(value)));
        assess(&Settings::default(), &base, &[], &visit).unwrap().category
    };
    assert_ne!(judged("4.9"), Category::Progressive, "63% up, below 5");
    assert_eq!(judged("5"), Category::Progressive);
}

#[test]
fn a_node_of_10_to_15_mm_must_grow_by_half_to_more_than_15_mm() {
    let mut base = baseline();
    base.nodes.insert("n2".to_owned(), node("10", "8"));
    let judged = |longest: &str| {
        let visit = now(|visit| {
            visit.nodes.insert("n2".to_owned(), node(longest, "8"));
        });
        assess(&Settings::default(), &base, &[], &visit).unwrap().category
    };
    assert_ne!(judged("15"), Category::Progressive, "50% up, to 15 mm and not more");
    assert_eq!(judged("15.1"), Category::Progressive);
    base.nodes.insert("n2".to_owned(), node("14", "8"));
    let judged = |longest: &str| {
        let visit = now(|visit| {
            visit.nodes.insert("n2".to_owned(), node(longest, "8"));
        });
        assess(&Settings::default(), &base, &[], &visit).unwrap().category
    };
    assert_ne!(judged("20.9"), Category::Progressive, "49% up");
    assert_eq!(judged("21"), Category::Progressive);
}

#[test]
fn a_new_node_is_progression_from_15_mm() {
    assert_eq!(category(|visit| visit.new_node = Some(dec("15"))), Category::Progressive);
    assert_eq!(category(|visit| visit.new_node = Some(dec("14.9"))), Category::Stable);
    let named = |longest: &'static str| {
        category(move |visit| {
            visit.nodes.insert("n9".to_owned(), node(longest, "5"));
        })
    };
    assert_eq!(named("15"), Category::Progressive);
    assert_eq!(named("14.9"), Category::Stable);
}

#[test]
fn a_spleen_or_liver_newly_enlarged_is_progression() {
    let mut base = baseline();
    base.spleen = Some(dec("120"));
    let judged = |settings: &Settings, spleen: &str, liver: &str| {
        let visit = now(|visit| {
            visit.spleen = Some(dec(spleen));
            visit.liver = Some(dec(liver));
        });
        assess(settings, &base, &[], &visit).unwrap().category
    };
    let settings = Settings::default();
    assert_ne!(judged(&settings, "129.9", "0"), Category::Progressive);
    assert_eq!(judged(&settings, "130", "0"), Category::Progressive);
    assert_eq!(judged(&settings, "120", "10"), Category::Progressive);
    let grown = Settings { organ_growth: 20, ..settings };
    assert_ne!(judged(&grown, "139.9", "0"), Category::Progressive);
    assert_eq!(judged(&grown, "140", "0"), Category::Progressive);
}

#[test]
fn a_cytopenia_is_progression_only_if_the_disease_caused_it() {
    let fell = |cause, platelets: &'static str, haemoglobin: &'static str| {
        category(move |visit| {
            visit.platelets = Some(dec(platelets));
            visit.haemoglobin = Some(dec(haemoglobin));
            visit.cytopenia = cause;
        })
    };
    let disease = Some(CytopeniaCause::Disease);
    assert_eq!(fell(disease, "40", "9"), Category::Progressive);
    assert_eq!(fell(disease, "40.1", "9"), Category::Stable);
    assert_eq!(fell(disease, "80", "7"), Category::Progressive);
    assert_eq!(fell(disease, "80", "7.1"), Category::Stable);
    assert_eq!(fell(Some(CytopeniaCause::Therapy), "20", "6"), Category::Stable);
    let visit = now(|visit| visit.platelets = Some(dec("20")));
    let response = assess(&Settings::default(), &baseline(), &[], &visit).unwrap();
    assert_eq!(response.category, Category::Stable);
    let said = response.reasons.iter().any(|because| because.says.contains("cause not recorded: no PD"));
    assert!(said, "{:?}", response.reasons);
}

#[test]
fn a_cytopenia_may_be_measured_from_the_best_count() {
    let best_count = now(|visit| {
        visit.date = day(2);
        visit.haemoglobin = Some(dec("13"));
    });
    let visit = now(|visit| {
        visit.haemoglobin = Some(dec("11"));
        visit.cytopenia = Some(CytopeniaCause::Disease);
    });
    let judged = |settings: &Settings| {
        assess(settings, &baseline(), std::slice::from_ref(&best_count), &visit).unwrap().category
    };
    assert_eq!(judged(&Settings::default()), Category::Stable);
    let from_best = Settings { cytopenia_from: FallFrom::Best, ..Settings::default() };
    assert_eq!(judged(&from_best), Category::Progressive);
}

#[test]
fn transformation_is_progression_whatever_else_improves() {
    let visit = now(|visit| {
        cleared(visit);
        visit.transformation = true;
    });
    let response = assess(&Settings::default(), &baseline(), &[], &visit).unwrap();
    assert_eq!((response.category, response.kind), (Category::Progressive, Some(ProgressionKind::Clinical)));
}

#[test]
fn leukaemia_cells_in_the_marrow_up_by_half_on_successive_biopsies_are_progression() {
    let marrow = |percent: &str| {
        Some(Marrow {
            leukaemia_cells: Some(true),
            percent: Some(dec(percent)),
            nodules: false,
            hypocellular: false,
        })
    };
    let base = Visit { marrow: marrow("40"), ..baseline() };
    let judged = |percent: &str| {
        let visit = now(|visit| visit.marrow = marrow(percent));
        assess(&Settings::default(), &base, &[], &visit).unwrap().category
    };
    assert_eq!(judged("60"), Category::Progressive);
    assert_eq!(judged("59"), Category::Stable);
}

#[test]
fn a_patient_with_nothing_of_group_a_to_follow_is_not_evaluable() {
    let base = Visit {
        nodes: [("n1".to_owned(), node("12", "10"))].into(),
        spleen: Some(dec("110")),
        lymphocytes: Some(dec("2")),
        ..baseline()
    };
    let visit = Visit { date: day(4), ..base.clone() };
    assert_eq!(assess(&Settings::default(), &base, &[], &visit).unwrap().category, Category::NotEvaluable);
}

fn rows(categories: &[(Date, Category)]) -> Vec<Assessment> {
    categories.iter().map(|(date, category)| Assessment::new(*date, *category, None)).collect()
}

#[test]
fn a_response_under_continuous_therapy_must_last_two_months() {
    let settings = Settings::default();
    let course = Course { first_treatment: Some(date(2024, 1, 1)), ..Course::default() };
    let best_of = |second: Date, category| {
        let rows = rows(&[(date(2024, 3, 15), Category::Partial), (second, category)]);
        best(&settings, &course, &confirm(&settings, &course, &rows))
    };
    let short = best_of(date(2024, 5, 14), Category::Partial);
    assert_eq!(short.confirmed, Some(Category::Stable));
    let long = best_of(date(2024, 5, 15), Category::Partial);
    assert_eq!((long.confirmed, long.date), (Some(Category::Partial), Some(date(2024, 3, 15))));
    assert_eq!(best_of(date(2024, 5, 15), Category::Complete).confirmed, Some(Category::Partial));
    assert_eq!(best_of(date(2024, 5, 15), Category::Stable).confirmed, Some(Category::Stable));
    let lapse = rows(&[
        (date(2024, 3, 15), Category::Partial),
        (date(2024, 4, 15), Category::Stable),
        (date(2024, 5, 15), Category::Partial),
    ]);
    assert_eq!(
        best(&settings, &course, &confirm(&settings, &course, &lapse)).confirmed,
        Some(Category::Stable),
        "it did not last"
    );
    let missed = rows(&[
        (date(2024, 3, 15), Category::Partial),
        (date(2024, 4, 15), Category::NotEvaluable),
        (date(2024, 5, 15), Category::Partial),
    ]);
    assert_eq!(
        best(&settings, &course, &confirm(&settings, &course, &missed)).confirmed,
        Some(Category::Partial)
    );
}

#[test]
fn after_a_finite_therapy_the_response_is_assessed_two_months_after_its_end() {
    let settings = Settings { therapy: Therapy::Finite, ..Settings::default() };
    let course = Course {
        first_treatment: Some(date(2024, 1, 1)),
        last_treatment: Some(date(2024, 6, 30)),
        ..Course::default()
    };
    let best_of = |course: &Course, day: Date| {
        let rows = rows(&[(day, Category::Complete)]);
        best(&settings, course, &confirm(&settings, course, &rows)).confirmed
    };
    assert_eq!(best_of(&course, date(2024, 8, 30)), Some(Category::Complete));
    assert_eq!(best_of(&course, date(2024, 8, 29)), Some(Category::Stable));
    let goes_on = Course { last_treatment: None, ..course };
    assert_eq!(best_of(&goes_on, date(2024, 8, 30)), Some(Category::Stable), "no end is known");
}

#[test]
fn stable_disease_is_a_best_response_only_after_two_months() {
    let settings = Settings::default();
    let course = Course { first_treatment: Some(date(2024, 1, 1)), ..Course::default() };
    let best_of = |day: Date| {
        let rows = rows(&[(day, Category::Stable)]);
        best(&settings, &course, &confirm(&settings, &course, &rows)).confirmed
    };
    assert_eq!(best_of(date(2024, 3, 1)), Some(Category::Stable));
    assert_eq!(best_of(date(2024, 2, 29)), Some(Category::NotEvaluable));
}

#[test]
fn progression_stands_at_once_and_without_its_kind() {
    let settings = Settings::default();
    let confirmed = confirm(&settings, &Course::default(), &rows(&[(day(2), Category::Progressive)]));
    assert_eq!(confirmed.progression(), Some(day(2)));
    assert!(confirmed.findings.is_empty(), "{:?}", confirmed.findings);
}

#[test]
fn relapse_is_progression_six_months_after_a_response_and_refractory_is_earlier() {
    let settings = Settings::default();
    let course = Course::default();
    let called = |settings: &Settings, course: &Course, progression: Date| {
        let rows = rows(&[
            (date(2024, 1, 15), Category::Partial),
            (date(2024, 3, 15), Category::Partial),
            (progression, Category::Progressive),
        ]);
        recurrence(settings, course, &confirm(settings, course, &rows)).unwrap().relapse
    };
    assert!(called(&settings, &course, date(2024, 7, 15)));
    assert!(!called(&settings, &course, date(2024, 7, 14)));
    let from_last = Settings { refractory_from: RefractoryFrom::LastTreatment, ..settings.clone() };
    let ended = Course { last_treatment: Some(date(2024, 2, 1)), ..course };
    assert!(!called(&from_last, &ended, date(2024, 7, 15)));
    assert!(called(&from_last, &ended, date(2024, 8, 1)));
    let never = confirm(&settings, &course, &rows(&[(day(9), Category::Progressive)]));
    assert!(!recurrence(&settings, &course, &never).unwrap().relapse);
}

#[test]
fn minimal_response_is_no_category_here_and_pr_l_no_overall_response() {
    let set = CriteriaSet::Iwcll2018;
    assert!(set.category("MR").is_err() && set.category("PR-L").is_ok());
    assert!(!Category::PartialWithLymphocytosis.is_at_least(set.overall_response_floor()));
    assert!(Category::NodularPartial.is_at_least(set.overall_response_floor()));
}

#[test]
fn the_settings_are_read_in_kebab_case_and_a_misspelt_key_is_refused() {
    let text = r#"{"criteria": "iwcll-2018", "therapy": "finite", "lymphocytes-normal-below": "3.5"}"#;
    let read: Settings = serde_json::from_str(text).unwrap();
    let expected =
        Settings { therapy: Therapy::Finite, lymphocytes_normal_below: dec("3.5"), ..Settings::default() };
    assert_eq!(read, expected);
    assert!(serde_json::from_str::<Settings>(r#"{"terapy": "finite"}"#).is_err());
}

#[test]
fn units_are_converted_exactly_and_none_is_guessed() {
    assert_eq!(LYMPHOCYTES.canonical(dec("5000"), "/uL").unwrap(), dec("5"));
    assert_eq!(LYMPHOCYTES.canonical(dec("5"), "10^3/uL").unwrap(), dec("5"));
    assert_eq!(HAEMOGLOBIN.canonical(dec("110"), "g/L").unwrap(), dec("11"));
    assert_eq!(LENGTH.canonical(dec("1.5"), "cm").unwrap(), dec("15"));
    assert!(HAEMOGLOBIN.canonical(dec("6.8"), "mmol/L").is_err());
    assert!(LYMPHOCYTES.canonical(dec("5"), "").is_err());
}

prop_compose! {
    fn visits()(values in prop::collection::vec(
        (prop::option::of(0u32..200), prop::option::of(20u32..200), prop::option::of(5u32..16), 5u32..60, 90u32..220),
        2..8,
    )) -> Vec<Visit> {
        values.into_iter().zip(0..).map(|((lymphocytes, platelets, haemoglobin, longest, spleen), number)| Visit {
            nodes: [("n1".to_owned(), Node { longest: longest.into(), shortest: 5.into() })].into(),
            spleen: Some(spleen.into()),
            liver: Some(Decimal::ZERO),
            symptoms: Some(false),
            lymphocytes: lymphocytes.map(Decimal::from),
            platelets: platelets.map(Decimal::from),
            haemoglobin: haemoglobin.map(Decimal::from),
            cytopenia: Some(CytopeniaCause::Disease),
            ..Visit::new(day(number))
        }).collect()
    }
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(visits in visits(), turn in 0usize..8) {
        let settings = Settings::default();
        let straight = assess_all(&settings, &visits[0], &visits[1..]).unwrap();
        let mut turned = visits[1..].to_vec();
        let by = turn % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(assess_all(&settings, &visits[0], &turned).unwrap(), straight);
    }

    #[test]
    fn a_later_visit_changes_nothing_before_it(visits in visits()) {
        let settings = Settings::default();
        let all = assess_all(&settings, &visits[0], &visits[1..]).unwrap();
        let fewer = assess_all(&settings, &visits[0], &visits[1..visits.len() - 1]).unwrap();
        prop_assert_eq!(&all[..fewer.len()], &fewer[..]);
    }

    #[test]
    fn the_unit_does_not_matter(values in prop::collection::vec((1i64..200_000, 40i64..160, 50i64..600), 2..7)) {
        let read = |american: bool| -> Vec<Category> {
            let visits: Vec<Visit> = values.iter().zip(0..).map(|((lymphocytes, haemoglobin, longest), number)| {
                let (cells, cells_unit, haem, haem_unit, length, length_unit) = if american {
                    (Decimal::new(*lymphocytes, 0), "/uL", Decimal::new(*haemoglobin, 1), "g/dL", Decimal::new(*longest, 2), "cm")
                } else {
                    (Decimal::new(*lymphocytes, 3), "10^9/L", Decimal::new(*haemoglobin, 0), "g/L", Decimal::new(*longest, 1), "mm")
                };
                let longest = LENGTH.canonical(length, length_unit).unwrap();
                Visit {
                    nodes: [("n1".to_owned(), Node { longest, shortest: 5.into() })].into(),
                    lymphocytes: Some(LYMPHOCYTES.canonical(cells, cells_unit).unwrap()),
                    haemoglobin: Some(HAEMOGLOBIN.canonical(haem, haem_unit).unwrap()),
                    platelets: Some(150.into()),
                    spleen: Some(100.into()),
                    liver: Some(Decimal::ZERO),
                    ..Visit::new(day(number))
                }
            }).collect();
            assess_all(&Settings::default(), &visits[0], &visits).unwrap().iter().map(|r| r.category).collect()
        };
        prop_assert_eq!(read(true), read(false));
    }

    #[test]
    fn the_status_never_falls_except_to_progression(visits in visits()) {
        let settings = Settings::default();
        let rows: Vec<Assessment> = assess_all(&settings, &visits[0], &visits)
            .unwrap().into_iter().map(|response| response.into_assessment()).collect();
        let confirmed = confirm(&settings, &Course::default(), &rows);
        for pair in confirmed.statuses.windows(2) {
            let (before, after) = (pair[0].status, pair[1].status);
            prop_assert!(after >= before || after == Category::Progressive, "{before} {after}");
            prop_assert!(before != Category::Progressive || after == Category::Progressive);
        }
    }
}
