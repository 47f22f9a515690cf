//! IMWG categories against the boundary table, the rules of missing data, and their own laws.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::imwg::{
    Baseline, Chain, Clonality, Criteria, Edition, Imaging, Immunofixation, LargeSpike, Limit, Marker,
    Markers, MissingMeasurable, MissingUnmeasurable, Nadir, NormalRatio, Reading, Response, Settings,
    UrineAt200, assess, assess_all, best_change, measurable, percent_change, series,
};
use posology_clinic::response::{Category, ProgressionKind};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1) + (28 * number).days()
}

/// An amount of the boundary table, in the canonical unit.
fn amount(marker: Marker, value: &Value) -> Decimal {
    marker.canonical(dec(value["value"].as_str().unwrap()), value["unit"].as_str().unwrap()).unwrap()
}

fn reading(marker: Marker, value: &Value) -> Reading {
    match value {
        Value::Null => Reading::NotDone,
        value if value["result"] == "not detected" => Reading::NotDetected,
        value => Reading::Quantified(amount(marker, value)),
    }
}

fn immunofixation(value: &Value) -> Immunofixation {
    match value.as_str() {
        Some("positive") => Immunofixation::Positive,
        Some("negative") => Immunofixation::Negative,
        None => Immunofixation::NotDone,
        Some(other) => panic!("{other}"),
    }
}

fn markers(date: Date, values: &Value) -> Markers {
    let maybe = |marker, key: &str| values.get(key).map(|value| amount(marker, value));
    Markers {
        serum_m: reading(Marker::SerumM, &values["serum_m"]),
        urine_m: reading(Marker::UrineM, &values["urine_m"]),
        serum_immunofixation: immunofixation(&values["serum_ife"]),
        urine_immunofixation: immunofixation(&values["urine_ife"]),
        kappa: maybe(Marker::FreeLightChains, "kappa"),
        lambda: maybe(Marker::FreeLightChains, "lambda"),
        plasma_cells: maybe(Marker::PlasmaCells, "bmpc"),
        ..Markers::new(date)
    }
}

fn marker_named(name: &str) -> Marker {
    match name {
        "serum_m" => Marker::SerumM,
        "urine_m" => Marker::UrineM,
        "flc" => Marker::FreeLightChains,
        "bmpc" => Marker::PlasmaCells,
        other => panic!("{other}"),
    }
}

#[test]
fn every_boundary_case_holds_under_every_edition_it_names() {
    // Source: boundary table of the criteria, checked there with exact rational arithmetic.
    let table: Value = serde_json::from_str(include_str!("data/imwg_boundaries.json")).unwrap();
    let cases = table["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 37);
    for case in cases {
        let id = case["id"].as_str().unwrap();
        for edition in case["criteria"].as_array().unwrap() {
            let criteria = edition.as_str().unwrap().parse::<Edition>().unwrap().criteria();
            if case["kind"] == "flc-ratio" {
                let ratio = dec(case["current"]["kappa_lambda_ratio"].as_str().unwrap());
                assert_eq!(
                    criteria.free_light_chain_ratio.contains(ratio),
                    case["expected"]["normal"],
                    "{id}"
                );
                continue;
            }
            let baseline = Baseline::new(markers(day(0), &case["baseline"]));
            let expected: Vec<Marker> = case["measurable"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| marker_named(m.as_str().unwrap()))
                .collect();
            assert_eq!(measurable(&criteria, &baseline).unwrap().markers, expected, "{id}");
            let history = match case.get("nadir") {
                None => Vec::new(),
                Some(nadir) => vec![markers(day(1), nadir), markers(day(2), nadir)],
            };
            let now = markers(day(3), &case["current"]);
            let response = assess(&criteria, &baseline, &history, &now).unwrap();
            assert_eq!(
                response.category.code(),
                case["expected"]["response"],
                "{id} {edition}: {response:#?}"
            );
            assert_eq!(!response.progression.is_empty(), case["expected"]["progression"], "{id} {edition}");
            if case["expected"]["status"].is_string() {
                assert!(response.kind().is_some_and(ProgressionKind::needs_second_sample), "{id}");
            }
            assert!(
                !response.reasons.is_empty() && response.reasons.iter().all(|r| !r.source.is_empty()),
                "{id}"
            );
        }
    }
}

fn serum(number: i32, value: &str) -> Markers {
    Markers {
        serum_m: Reading::Quantified(dec(value)),
        urine_m: Reading::NotDetected,
        serum_immunofixation: Immunofixation::Positive,
        urine_immunofixation: Immunofixation::Negative,
        ..Markers::new(day(number))
    }
}

fn both(number: i32, serum_m: &str, urine_m: &str) -> Markers {
    Markers {
        urine_m: Reading::Quantified(dec(urine_m)),
        urine_immunofixation: Immunofixation::Positive,
        ..serum(number, serum_m)
    }
}

fn light_chains(number: i32, kappa: &str, lambda: &str) -> Markers {
    Markers {
        serum_m: Reading::NotDetected,
        urine_m: Reading::NotDetected,
        kappa: Some(dec(kappa)),
        lambda: Some(dec(lambda)),
        ..Markers::new(day(number))
    }
}

fn complete(number: i32) -> Markers {
    Markers {
        serum_m: Reading::NotDetected,
        serum_immunofixation: Immunofixation::Negative,
        plasma_cells: Some(dec("4")),
        clonality: Clonality::Absent,
        kappa: Some(dec("1")),
        lambda: Some(dec("1")),
        ..serum(number, "0")
    }
}

fn under(criteria: &Criteria, base: &Markers, history: &[Markers], now: &Markers) -> Response {
    assess(criteria, &Baseline::new(base.clone()), history, now).unwrap()
}

fn category(base: &Markers, history: &[Markers], now: &Markers) -> Category {
    under(&Criteria::IMWG_2016, base, history, now).category
}

#[test]
fn progressions_that_binary_floating_point_loses_are_found() {
    // Source: the eight pairs with a nadir below 12 g/dL that 64-bit arithmetic loses.
    for (nadir, now) in [
        ("0.2", "0.7"),
        ("0.9", "1.4"),
        ("1.8", "2.3"),
        ("3.2", "4.0"),
        ("3.6", "4.5"),
        ("4.4", "5.5"),
        ("7.2", "8.2"),
        ("7.7", "8.7"),
    ] {
        let history = [serum(1, nadir), serum(2, nadir)];
        assert_eq!(
            category(&serum(0, "12"), &history, &serum(3, now)),
            Category::Progressive,
            "{nadir} {now}"
        );
    }
}

#[test]
fn a_stringent_complete_response_needs_every_item_and_loses_a_level_for_each_that_is_missing() {
    let base = serum(0, "4.0");
    let of = |change: &dyn Fn(&mut Markers)| {
        let mut now = complete(3);
        change(&mut now);
        category(&base, &[], &now)
    };
    assert_eq!(of(&|_| {}), Category::StringentComplete);
    assert_eq!(of(&|m| m.clonality = Clonality::NotDone), Category::Complete);
    assert_eq!(of(&|m| m.kappa = None), Category::Complete);
    assert_eq!(of(&|m| m.kappa = Some(dec("1.66"))), Category::Complete);
    assert_eq!(of(&|m| m.plasma_cells = Some(dec("5"))), Category::VeryGoodPartial);
    assert_eq!(of(&|m| m.plasma_cells = None), Category::VeryGoodPartial);
    assert_eq!(of(&|m| m.serum_immunofixation = Immunofixation::NotDone), Category::VeryGoodPartial);
    assert_eq!(of(&|m| m.urine_immunofixation = Immunofixation::Positive), Category::VeryGoodPartial);
    assert_eq!(of(&|m| m.serum_m = Reading::Quantified(dec("0.1"))), Category::VeryGoodPartial);
    assert_eq!(of(&|m| m.serum_m = Reading::TracePresent), Category::VeryGoodPartial);
}

#[test]
fn marrow_counts_for_a_complete_response_within_its_window_only() {
    let base = serum(0, "4.0");
    let with_marrow = complete(2);
    let now = |number| Markers { plasma_cells: None, ..complete(number) };
    assert_eq!(category(&base, std::slice::from_ref(&with_marrow), &now(3)), Category::StringentComplete);
    assert_eq!(category(&base, std::slice::from_ref(&with_marrow), &now(4)), Category::VeryGoodPartial);
}

#[test]
fn what_was_not_done_is_never_read_as_zero() {
    let missing_serum = Markers { serum_m: Reading::NotDone, ..serum(1, "0") };
    assert_eq!(category(&serum(0, "4.0"), &[], &missing_serum), Category::NotEvaluable);
    let spurious = Markers { spurious: [Marker::SerumM].into(), ..serum(1, "0.1") };
    assert_eq!(category(&serum(0, "4.0"), &[], &spurious), Category::NotEvaluable);
    let nothing = Markers::new(day(0));
    assert_eq!(category(&nothing, &[], &serum(1, "0.1")), Category::NotEvaluable);
    let missing_chains = Markers { kappa: None, ..light_chains(1, "1", "1") };
    assert_eq!(category(&light_chains(0, "50", "1"), &[], &missing_chains), Category::NotEvaluable);
}

#[test]
fn missing_urine_blocks_improvement_where_urine_was_measurable_unless_carried_forward_once() {
    let base = both(0, "4.0", "1000");
    let missing = |number, value: &str| Markers { urine_m: Reading::NotDone, ..both(number, value, "0") };
    assert_eq!(category(&base, &[], &missing(1, "1.0")), Category::NotEvaluable);
    assert_eq!(category(&base, &[], &missing(1, "3.9")), Category::Stable);
    assert_eq!(
        category(&base, &[], &missing(1, "5.0")),
        Category::Progressive,
        "never blocked by what is missing"
    );
    let carry = Criteria { missing_urine: MissingMeasurable::CarryForwardOnce, ..Criteria::IMWG_2016 };
    let seen = both(1, "1.0", "150");
    assert_eq!(
        under(&carry, &base, std::slice::from_ref(&seen), &missing(2, "1.0")).category,
        Category::Partial
    );
    let twice = [seen, missing(2, "1.0")];
    assert_eq!(under(&carry, &base, &twice, &missing(3, "1.0")).category, Category::NotEvaluable);
}

#[test]
fn missing_urine_that_was_not_measurable_allows_partial_response_at_most() {
    let now = Markers {
        urine_m: Reading::NotDone,
        urine_immunofixation: Immunofixation::NotDone,
        ..serum(1, "0.1")
    };
    assert_eq!(category(&serum(0, "4.0"), &[], &now), Category::Partial);
    let documented = Markers { urine_immunofixation: Immunofixation::Negative, ..now.clone() };
    assert_eq!(category(&serum(0, "4.0"), &[], &documented), Category::VeryGoodPartial);
    let relaxed = Criteria { missing_unmeasurable: MissingUnmeasurable::Ignore, ..Criteria::IMWG_2016 };
    assert_eq!(under(&relaxed, &serum(0, "4.0"), &[], &now).category, Category::VeryGoodPartial);
}

#[test]
fn light_chains_alone_are_no_progression_where_serum_was_measurable() {
    let with_chains = |number, kappa: &str| Markers {
        kappa: Some(dec(kappa)),
        lambda: Some(dec("1")),
        ..serum(number, "2.0")
    };
    let now = with_chains(1, "500");
    assert_eq!(category(&with_chains(0, "10"), &[], &now), Category::Stable);
}

#[test]
fn urine_that_was_not_measurable_can_still_progress_by_the_full_amount() {
    let base = both(0, "4.0", "50");
    assert_eq!(category(&base, &[], &both(1, "2.0", "249")), Category::Partial);
    assert_eq!(category(&base, &[], &both(1, "2.0", "250")), Category::Progressive);
}

#[test]
fn a_nadir_counts_when_confirmed_or_at_once_as_the_edition_says() {
    let base = serum(0, "4.0");
    let history = [serum(1, "1.0"), serum(2, "1.8")];
    let now = serum(3, "2.2");
    assert_eq!(category(&base, &history, &now), Category::Minimal, "confirmed nadir 1.8: up 0.4");
    let any = Criteria { nadir: Nadir::Any, ..Criteria::IMWG_2016 };
    assert_eq!(under(&any, &base, &history, &now).category, Category::Progressive, "nadir 1.0: up 1.2");
    let spurious = [Markers { spurious: [Marker::SerumM].into(), ..serum(1, "1.0") }, serum(2, "1.8")];
    assert_eq!(under(&any, &base, &spurious, &now).category, Category::Minimal);
}

#[test]
fn light_chain_response_needs_a_normal_ratio_to_be_complete() {
    let base = light_chains(0, "51", "1");
    assert_eq!(category(&base, &[], &light_chains(1, "6", "1")), Category::VeryGoodPartial);
    assert_eq!(category(&base, &[], &light_chains(1, "26", "1")), Category::Partial);
    assert_eq!(category(&base, &[], &light_chains(1, "26.1", "1")), Category::Stable);
    let cleared = |kappa: &str| Markers {
        serum_immunofixation: Immunofixation::Negative,
        urine_immunofixation: Immunofixation::Negative,
        plasma_cells: Some(dec("2")),
        ..light_chains(1, kappa, "1")
    };
    assert_eq!(category(&base, &[], &cleared("1.65")), Category::Complete);
    assert_eq!(category(&base, &[], &cleared("1.66")), Category::VeryGoodPartial);
}

#[test]
fn the_involved_chain_is_fixed_at_baseline() {
    let base = light_chains(0, "1", "51");
    assert_eq!(
        measurable(&Criteria::IMWG_2016, &Baseline::new(base.clone())).unwrap().involved,
        Some(Chain::Lambda)
    );
    // The other chain rising makes the difference negative: a fall, and no progression.
    assert_eq!(category(&base, &[], &light_chains(1, "40", "1")), Category::VeryGoodPartial);
}

#[test]
fn imaging_and_marrow_progress_without_a_second_sample() {
    let lesion = Markers { imaging: Imaging::NewLesion, ..serum(1, "0.1") };
    let response = under(&Criteria::IMWG_2016, &serum(0, "4.0"), &[], &lesion);
    assert_eq!((response.category, response.kind()), (Category::Progressive, Some(ProgressionKind::Imaging)));
    let mass = |number, size: &str| Markers { plasmacytoma: Some(dec(size)), ..serum(number, "2.0") };
    let grown = under(&Criteria::IMWG_2016, &mass(0, "10"), &[mass(1, "4")], &mass(2, "6"));
    assert_eq!(grown.kind(), Some(ProgressionKind::Imaging));
    let back = under(&Criteria::IMWG_2016, &mass(0, "10"), &[mass(1, "0")], &mass(2, "0.1"));
    assert_eq!(back.category, Category::Progressive);
    let marrow =
        |number, cells: &str| Markers { plasma_cells: Some(dec(cells)), ..Markers::new(day(number)) };
    let risen = under(&Criteria::IMWG_2016, &marrow(0, "60"), &[marrow(1, "8")], &marrow(2, "18"));
    assert_eq!(risen.kind(), Some(ProgressionKind::Marrow));
}

#[test]
fn a_plasmacytoma_present_at_baseline_must_shrink_too() {
    let mass = |number, value: &str, size: Option<&str>| Markers {
        plasmacytoma: size.map(dec),
        ..serum(number, value)
    };
    let base = mass(0, "4.0", Some("10"));
    assert_eq!(category(&base, &[], &mass(1, "1.0", Some("5"))), Category::Partial);
    assert_eq!(category(&base, &[], &mass(1, "1.0", Some("5.1"))), Category::Stable);
    let older = Criteria::IMWG_2011;
    assert_eq!(under(&older, &base, &[], &mass(1, "1.0", Some("7.5"))).category, Category::Minimal);
    let carried = [mass(1, "1.0", Some("5"))];
    assert_eq!(category(&base, &carried, &mass(2, "1.0", None)), Category::Partial);
    assert_eq!(
        category(&base, &carried, &mass(6, "1.0", None)),
        Category::Minimal,
        "not measured for 140 days"
    );
    let gone = Markers { plasmacytoma: Some(Decimal::ZERO), ..complete(2) };
    assert_eq!(category(&base, &[], &gone), Category::StringentComplete);
    assert_eq!(category(&base, &[], &complete(2)), Category::Partial);
}

#[test]
fn hypercalcaemia_is_progression_before_2016_when_myeloma_alone_explains_it() {
    let calcium = |value: &str, due| Markers {
        calcium: Some(dec(value)),
        calcium_due_to_myeloma: due,
        ..serum(1, "2.0")
    };
    let base = serum(0, "4.0");
    let of = |criteria: &Criteria, now: &Markers| under(criteria, &base, &[], now).category;
    assert_eq!(of(&Criteria::IMWG_2011, &calcium("11.6", true)), Category::Progressive);
    assert_eq!(of(&Criteria::IMWG_2011, &calcium("11.5", true)), Category::Partial);
    assert_eq!(of(&Criteria::IMWG_2011, &calcium("11.6", false)), Category::Partial);
    assert_eq!(of(&Criteria::IMWG_2016, &calcium("11.6", true)), Category::Partial);
}

#[test]
fn open_points_change_exactly_what_they_name() {
    let of = |criteria: &Criteria, base: &Markers, now: &Markers| under(criteria, base, &[], now).category;
    let strict = Criteria { measurable: Limit::Above, ..Criteria::IMWG_2016 };
    assert_eq!(of(&Criteria::IMWG_2016, &serum(0, "1"), &serum(1, "0.5")), Category::Partial);
    assert_eq!(of(&strict, &serum(0, "1"), &serum(1, "0.5")), Category::NotEvaluable);
    let above = Criteria { very_good_partial: Limit::Above, ..Criteria::IMWG_2016 };
    assert_eq!(of(&above, &serum(0, "4.0"), &serum(1, "0.4")), Category::Partial);
    assert_eq!(of(&above, &serum(0, "4.0"), &serum(1, "0.39")), Category::VeryGoodPartial);
    let literal = Criteria { urine_at_200: UrineAt200::Stable, ..Criteria::IMWG_2016 };
    assert_eq!(of(&Criteria::IMWG_2016, &both(0, "0", "1000"), &both(1, "0", "200")), Category::Minimal);
    assert_eq!(of(&literal, &both(0, "0", "1000"), &both(1, "0", "200")), Category::Stable);
    let chains = Criteria { minimal_by_light_chains: true, ..Criteria::IMWG_2016 };
    let (base, now) = (light_chains(0, "41", "1"), light_chains(1, "31", "1"));
    assert_eq!(of(&Criteria::IMWG_2016, &base, &now), Category::Stable);
    assert_eq!(of(&chains, &base, &now), Category::Minimal);
    let marrow =
        |number, cells: &str| Markers { plasma_cells: Some(dec(cells)), ..Markers::new(day(number)) };
    let without = Criteria { marrow_measurable: false, ..Criteria::IMWG_2016 };
    assert_eq!(of(&Criteria::IMWG_2016, &marrow(0, "30"), &marrow(1, "15")), Category::Partial);
    assert_eq!(of(&without, &marrow(0, "30"), &marrow(1, "15")), Category::NotEvaluable);
}

#[test]
fn units_are_converted_exactly_and_unknown_ones_refused_with_the_known() {
    assert_eq!(Marker::SerumM.canonical(dec("40"), "g/L").unwrap(), dec("4"));
    assert_eq!(Marker::FreeLightChains.canonical(dec("1010"), "mg/L").unwrap(), dec("101"));
    assert_eq!(Marker::UrineM.canonical(dec("0.2"), "g/24 h").unwrap(), dec("200"));
    let refused = Marker::SerumM.canonical(dec("4"), "g/l").unwrap_err().to_string();
    assert!(refused.contains("`g/l`") && refused.contains("g/dL, g/L"), "{refused}");
    for unit in ["", "mg/24 h", "G/DL"] {
        assert!(Marker::SerumM.canonical(dec("4"), unit).is_err(), "{unit}");
    }
    assert!(Marker::SerumM.canonical(dec("-1"), "g/dL").is_err());
    assert!(Marker::PlasmaCells.canonical(dec("101"), "%").is_err());
}

#[test]
fn values_that_cannot_have_been_measured_are_refused_with_their_place() {
    for bad in ["-0.1", "79228162514264337593543950335", "0.1234567890123"] {
        let found =
            assess(&Criteria::IMWG_2016, &Baseline::new(serum(0, "4")), &[], &serum(1, bad)).unwrap_err();
        assert_eq!(found.place, format!("serum M-protein of {}", day(1)));
        assert!(assess(&Criteria::IMWG_2016, &Baseline::new(serum(0, bad)), &[], &serum(1, "4")).is_err());
        assert!(series(&Criteria::IMWG_2016, &Baseline::new(serum(0, "4")), &[serum(1, bad)], None).is_err());
    }
}

#[test]
fn the_displayed_percentage_never_reaches_a_limit_the_value_missed() {
    let response = under(&Criteria::IMWG_2016, &serum(0, "10.00"), &[], &serum(1, "1.003"));
    assert_eq!(response.category, Category::Partial);
    assert!(response.reasons[0].says.contains("down 89.9% from 10.00 g/dL"), "{:?}", response.reasons);
}

#[test]
fn reasons_begin_with_what_set_the_category_and_name_a_rise_that_is_none_yet() {
    let response = under(&Criteria::IMWG_2016, &both(0, "4.00", "1000"), &[], &both(1, "1.80", "400"));
    assert_eq!(response.category, Category::Minimal);
    assert!(response.reasons[0].says.starts_with("urine M-protein 400 mg/24 h, down 60.0%"));
    let history = [serum(1, "1.00"), serum(2, "1.00")];
    let response = under(&Criteria::IMWG_2016, &serum(0, "4.00"), &history, &serum(3, "1.49"));
    let last = response.reasons.last().unwrap();
    assert_eq!(last.rule, "imwg-2016/no-progression");
    assert!(last.says.contains("up 49.0% from 1.00 g/dL at the nadir, a rise of 0.49"), "{}", last.says);
}

#[test]
fn the_nadir_includes_the_baseline_and_nothing_before_it() {
    let base = serum(1, "2.0");
    assert_eq!(category(&base, &[serum(2, "2.4"), serum(3, "2.4")], &serum(4, "2.5")), Category::Progressive);
    let before = [serum(-1, "0.1"), serum(0, "0.1")];
    assert_eq!(category(&base, &before, &serum(2, "2.0")), Category::Stable);
}

#[test]
fn a_visit_is_not_its_own_nadir() {
    let any = Criteria { nadir: Nadir::Any, ..Criteria::IMWG_2016 };
    let base = Baseline::new(serum(0, "4.0"));
    let all = assess_all(&any, &base, &[serum(1, "2.0"), serum(2, "1.0")]).unwrap();
    let nadirs: Vec<_> = all.iter().map(|response| response.changes[0].nadir).collect();
    assert_eq!(nadirs, [Some(dec("4.0")), Some(dec("2.0"))]);
}

#[test]
fn urine_limits_hold_beside_any_serum() {
    assert_eq!(category(&serum(0, "4.0"), &[], &both(1, "0.1", "100")), Category::Partial);
    assert_eq!(category(&serum(0, "4.0"), &[], &both(1, "0.1", "99.9")), Category::VeryGoodPartial);
    assert_eq!(category(&both(0, "0", "3000"), &[], &both(1, "0", "300")), Category::Partial);
    assert_eq!(category(&both(0, "0", "3000"), &[], &both(1, "0", "301")), Category::Minimal);
    assert_eq!(category(&both(0, "0.5", "3000"), &[], &both(1, "0.5", "50")), Category::VeryGoodPartial);
    assert_eq!(category(&both(0, "0.5", "3000"), &[], &both(1, "0.6", "50")), Category::Partial);
}

#[test]
fn marrow_alone_is_no_progression_where_light_chains_were_measurable() {
    let at =
        |number, cells: &str| Markers { plasma_cells: Some(dec(cells)), ..light_chains(number, "51", "1") };
    assert_eq!(category(&at(0, "40"), &[], &at(1, "80")), Category::Stable);
}

#[test]
fn light_chains_without_a_ratio_are_neither_measurable_nor_normal() {
    let contrary = Baseline { markers: light_chains(0, "51", "1"), involved: Some(Chain::Lambda) };
    assert_eq!(measurable(&Criteria::IMWG_2016, &contrary).unwrap().driving, None);
    let none_left = Markers { kappa: Some(Decimal::ZERO), lambda: Some(Decimal::ZERO), ..complete(1) };
    assert_eq!(category(&serum(0, "4.0"), &[], &none_left), Category::Complete);
}

#[test]
fn windows_of_marrow_and_imaging_include_their_last_day_and_the_latest_sample_counts() {
    let base = serum(0, "4.0");
    let after = |days: i32, earlier: &Markers| Markers {
        plasma_cells: None,
        date: earlier.date + days.days(),
        ..complete(0)
    };
    let marrow = complete(1);
    assert_eq!(
        category(&base, std::slice::from_ref(&marrow), &after(42, &marrow)),
        Category::StringentComplete
    );
    assert_eq!(
        category(&base, std::slice::from_ref(&marrow), &after(43, &marrow)),
        Category::VeryGoodPartial
    );
    let worse = Markers { plasma_cells: Some(dec("9")), date: day(1) + 7.days(), ..complete(1) };
    assert_eq!(category(&base, &[marrow.clone(), worse], &after(14, &marrow)), Category::VeryGoodPartial);
    let mass = |number, size: &str| Markers { plasmacytoma: Some(dec(size)), ..serum(number, "1.0") };
    let base = Markers { serum_m: Reading::Quantified(dec("4.0")), ..mass(0, "10") };
    let seen = mass(1, "5");
    let later = |days: i32| Markers { date: seen.date + days.days(), ..serum(0, "1.0") };
    assert_eq!(category(&base, std::slice::from_ref(&seen), &later(90)), Category::Partial);
    assert_eq!(category(&base, std::slice::from_ref(&seen), &later(91)), Category::Minimal);
    let nearly_gone = Markers { plasmacytoma: Some(dec("0.5")), ..complete(1) };
    assert_eq!(category(&base, &[], &nearly_gone), Category::VeryGoodPartial);
}

#[test]
fn a_percentage_just_below_a_limit_is_not_rounded_up_even_beyond_28_digits() {
    let percent = percent_change(dec("70000000000000000000000000"), dec("7000000000000000000000000.001"));
    assert_eq!(percent, Some(dec("-89.9")));
}

#[test]
fn a_protocol_names_edition_and_open_points_and_an_unknown_key_is_refused() {
    let read = |text: &str| serde_json::from_str::<Settings>(text);
    let settings =
        read(r#"{"criteria":"IMWG-2011","large-spike":"nadir","confirmation":{"warn-after-days":60}}"#)
            .unwrap();
    assert_eq!(settings.criteria(), Criteria { large_spike: LargeSpike::Nadir, ..Criteria::IMWG_2011 });
    assert_eq!(settings.confirmation.warn_after_days, 60);
    for edition in Edition::ALL {
        let text = format!(r#"{{"criteria":"{edition}"}}"#);
        assert_eq!(read(&text).unwrap(), Settings::new(edition));
        assert_eq!(read(&text).unwrap().criteria(), edition.criteria());
    }
    let ratio =
        read(r#"{"criteria":"imwg-2016","free-light-chain-ratio":{"low":"0.31","high":"1.56"}}"#).unwrap();
    assert_eq!(ratio.criteria().free_light_chain_ratio, NormalRatio { low: dec("0.31"), high: dec("1.56") });
    assert!(read(r#"{"criteria":"imwg-2016","nadirs":"any"}"#).is_err());
    assert!(read(r#"{"criteria":"imwg-2025"}"#).is_err());
    assert!("imwg-2025".parse::<Edition>().unwrap_err().to_string().contains("imwg-2016"));
}

#[test]
fn the_best_change_is_of_the_driving_marker_and_stops_where_told() {
    let criteria = Criteria::IMWG_2016;
    let base = Baseline::new(both(0, "4.0", "1000"));
    let visits = [both(3, "5.0", "900"), both(1, "3.0", "10"), both(2, "2.9", "20")];
    let best = best_change(&criteria, &base, &visits, None).unwrap().unwrap();
    assert_eq!((best.marker, best.date), (Marker::SerumM, day(2)));
    assert_eq!(best.percent_from_baseline(), Some(dec("-27.5")));
    let first = best_change(&criteria, &base, &visits, Some(day(1))).unwrap().unwrap();
    assert_eq!(first.from_baseline(), (dec("-1.0"), dec("4.0")));
    assert_eq!(best_change(&criteria, &base, &[], None).unwrap(), None);
    let tie = [both(2, "2.0", "20"), both(1, "2.0", "20")];
    assert_eq!(best_change(&criteria, &base, &tie, None).unwrap().map(|change| change.date), Some(day(1)));
    let line = series(&criteria, &base, &visits, None).unwrap();
    assert_eq!(line.iter().map(|c| c.value).collect::<Vec<_>>(), [dec("3.0"), dec("2.9"), dec("5.0")]);
    assert_eq!(line[2].nadir, Some(dec("3.0")), "2.9 is not confirmed");
    assert_eq!(line[2].percent_from_nadir(), Some(dec("66.6")));
}

/// Serum values in tenths of g/dL, of which every fourth is missing.
fn visits() -> impl Strategy<Value = Vec<Markers>> {
    prop::collection::vec((0..120_u32, 0..3000_u32, 0..4_u32), 1..8).prop_map(|values| {
        values
            .into_iter()
            .zip(1..)
            .map(|((serum_m, urine_m, which), number)| Markers {
                serum_m: if which == 0 {
                    Reading::NotDone
                } else {
                    Reading::Quantified(Decimal::new(serum_m.into(), 1))
                },
                urine_m: if which == 1 { Reading::NotDone } else { Reading::Quantified(urine_m.into()) },
                ..Markers::new(day(number))
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_order_in_which_visits_are_given_does_not_matter(
        (given, shuffled) in visits().prop_flat_map(|given| (Just(given.clone()), Just(given).prop_shuffle())),
    ) {
        let base = Baseline::new(both(0, "6.0", "1000"));
        for edition in Edition::ALL {
            let criteria = edition.criteria();
            prop_assert_eq!(assess_all(&criteria, &base, &given), assess_all(&criteria, &base, &shuffled));
        }
    }

    #[test]
    fn multiplying_every_unit_by_ten_and_back_changes_nothing(tenths in 10..120_u32, now in 0..120_u32) {
        let grams_per_litre = |value: u32| Reading::Quantified(
            Marker::SerumM.canonical(Decimal::from(value), "g/L").unwrap()
        );
        let at = |number, reading| Markers { serum_m: reading, ..serum(number, "0") };
        let direct = |value: u32| Reading::Quantified(Decimal::new(value.into(), 1));
        let given = category(&at(0, direct(tenths)), &[], &at(1, direct(now)));
        prop_assert_eq!(given, category(&at(0, grams_per_litre(tenths)), &[], &at(1, grams_per_litre(now))));
        // The same decision in whole numbers of tenths.
        let expected = match () {
            () if 4 * now >= 5 * tenths && now >= tenths + 5 || tenths >= 50 && now >= tenths + 10 => Category::Progressive,
            () if 10 * now <= tenths => Category::VeryGoodPartial,
            () if 2 * now <= tenths => Category::Partial,
            () if 4 * now <= 3 * tenths => Category::Minimal,
            () => Category::Stable,
        };
        prop_assert_eq!(given, expected);
    }

    #[test]
    fn a_lower_serum_value_never_gives_a_shallower_response(base in 10..120_u32, low in 0..120_u32, more in 0..60_u32) {
        let at = |number, tenths: u32| Markers {
            serum_m: Reading::Quantified(Decimal::new(tenths.into(), 1)),
            ..serum(number, "0")
        };
        let deeper = category(&at(0, base), &[], &at(1, low));
        let shallower = category(&at(0, base), &[], &at(1, low + more));
        prop_assert!(deeper >= shallower);
    }
}
