//! Neuroblastoma by the criteria of 2017: every threshold of the three components from both sides, the overall
//! table with its holes, and the laws all criteria keep.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::confirm::Course;
use posology_clinic::response::inrc::{
    FallToMinimal, RiseFrom, Score, ScoreSystem, Settings, Unnamed, Uptake, Verdict, Visit, assess,
    assess_all, best, confirm,
};
use posology_clinic::response::lesion::{Lesion, Role, Size};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1) + (28 * number).days()
}

fn sized(longest: &str) -> Size {
    Size::Measured { longest: Some(dec(longest)), shortest: None }
}

fn lesion(id: &str, site: &str, role: Role, size: Size) -> Lesion {
    Lesion { id: id.to_owned(), role, is_node: false, site: site.to_owned(), size, method: "MRI".to_owned() }
}

fn primary(size: Size) -> Lesion {
    lesion("P1", "primary", Role::Target, size)
}

fn target(size: Size) -> Lesion {
    lesion("T1", "liver", Role::Target, size)
}

fn curie(value: u32) -> Option<Score> {
    Some(Score { value, system: ScoreSystem::Curie })
}

/// A verdict of one component at a visit.
fn verdict(settings: &Settings, name: &str, baseline: &Visit, history: &[Visit], now: &Visit) -> Verdict {
    *assess(settings, baseline, history, now).unwrap().verdict(name).unwrap()
}

fn with_primary(number: i32, size: Size, uptake: Uptake) -> Visit {
    Visit {
        lesions: vec![primary(size)],
        primary_uptake: uptake,
        score: curie(0),
        marrow: Some(Decimal::ZERO),
        ..Visit::new(day(number))
    }
}

#[test]
fn the_primary_tumour_is_judged_by_length_and_uptake() {
    // Source: table of the primary tumour; 50 mm and avid at baseline.
    let baseline = with_primary(0, sized("50"), Uptake::Avid);
    let settings = Settings::default();
    for (size, uptake, expected) in [
        (sized("9.9"), Uptake::Resolved, Verdict::Complete),
        (sized("10"), Uptake::Resolved, Verdict::Partial),
        (sized("9.9"), Uptake::Better, Verdict::Partial),
        (Size::Absent, Uptake::Resolved, Verdict::Complete),
        (Size::TooSmall, Uptake::Resolved, Verdict::Complete),
        (sized("35"), Uptake::Avid, Verdict::Partial),
        (sized("35.1"), Uptake::Resolved, Verdict::Stable),
        (sized("35"), Uptake::Worse, Verdict::Stable),
        (sized("35"), Uptake::NotDone, Verdict::NotEvaluable),
        (sized("60"), Uptake::Avid, Verdict::Stable),
        (sized("60.1"), Uptake::Avid, Verdict::Progressive),
        (Size::NotAssessed, Uptake::Avid, Verdict::NotEvaluable),
        (Size::Worse, Uptake::Avid, Verdict::Progressive),
    ] {
        let now = with_primary(2, size.clone(), uptake);
        assert_eq!(verdict(&settings, "primary", &baseline, &[], &now), expected, "{size:?} {uptake:?}");
    }
}

#[test]
fn progression_by_size_is_strictly_more_than_20_percent_of_the_nadir_and_at_least_5_mm() {
    let baseline = with_primary(0, sized("50"), Uptake::Avid);
    let settings = Settings::default();
    let nadir = [with_primary(1, sized("20"), Uptake::Avid)];
    let judged =
        |size| verdict(&settings, "primary", &baseline, &nadir, &with_primary(2, sized(size), Uptake::Avid));
    assert_ne!(judged("24.9"), Verdict::Progressive, "24.5% and 4.9 mm");
    assert_eq!(judged("25"), Verdict::Progressive, "25% and 5 mm");
    let nadir = [with_primary(1, sized("30"), Uptake::Avid)];
    let judged =
        |size| verdict(&settings, "primary", &baseline, &nadir, &with_primary(2, sized(size), Uptake::Avid));
    assert_ne!(judged("36"), Verdict::Progressive, "exactly 20%, which RECIST calls progression");
    assert_eq!(judged("36.1"), Verdict::Progressive);
}

/// Soft-tissue metastasis, MIBG score and no marrow disease.
fn with_metastasis(number: i32, size: Size, score: u32, uptake: Uptake) -> Visit {
    Visit {
        lesions: vec![target(size)],
        soft_tissue_uptake: uptake,
        score: curie(score),
        marrow: Some(Decimal::ZERO),
        ..Visit::new(day(number))
    }
}

#[test]
fn metastases_respond_only_if_size_and_score_both_do() {
    let baseline = with_metastasis(0, sized("40"), 10, Uptake::Avid);
    let settings = Settings::default();
    for (size, score, uptake, expected) in [
        ("28", 5, Uptake::Better, Verdict::Partial),
        ("28", 1, Uptake::Better, Verdict::Partial),
        ("28.1", 5, Uptake::Better, Verdict::Stable),
        ("28", 6, Uptake::Better, Verdict::Stable),
        ("9.9", 0, Uptake::Resolved, Verdict::Complete),
        ("9.9", 1, Uptake::Resolved, Verdict::Partial),
        ("10", 0, Uptake::Resolved, Verdict::Partial),
        ("9.9", 0, Uptake::Better, Verdict::Partial),
        ("40", 11, Uptake::Avid, Verdict::Stable),
        ("40", 12, Uptake::Avid, Verdict::Progressive),
        ("48", 10, Uptake::Avid, Verdict::Stable),
        ("48.1", 10, Uptake::Avid, Verdict::Progressive),
    ] {
        let now = with_metastasis(2, sized(size), score, uptake);
        let found = verdict(&settings, "metastases", &baseline, &[], &now);
        assert_eq!(found, expected, "{size} mm, score {score}, {uptake:?}");
    }
}

fn bone(number: i32, score: Option<Score>) -> Visit {
    Visit { score, marrow: Some(Decimal::ZERO), ..Visit::new(day(number)) }
}

#[test]
fn the_relative_mibg_score_is_drawn_at_0_5_and_1_2() {
    let settings = Settings::default();
    let siopen = |value| Some(Score { value, system: ScoreSystem::Siopen });
    for (now, expected) in [
        (0, Verdict::Complete),
        (1, Verdict::Partial),
        (25, Verdict::Partial),
        (26, Verdict::Stable),
        (59, Verdict::Stable),
        (60, Verdict::Progressive),
    ] {
        let found = verdict(&settings, "metastases", &bone(0, siopen(50)), &[], &bone(2, siopen(now)));
        assert_eq!(found, expected, "{now} of 50");
    }
    let judged = |now| verdict(&settings, "metastases", &bone(0, curie(0)), &[], &bone(2, now));
    assert_eq!(judged(curie(0)), Verdict::NotInvolved);
    assert_eq!(judged(curie(1)), Verdict::Progressive, "new MIBG-avid bone");
    assert_eq!(judged(None), Verdict::NotInvolved);
    assert_eq!(
        verdict(&settings, "metastases", &bone(0, curie(10)), &[], &bone(2, None)),
        Verdict::NotEvaluable
    );
}

#[test]
fn scores_of_two_systems_are_never_compared_and_impossible_ones_refused() {
    let other = Some(Score { value: 10, system: ScoreSystem::Siopen });
    let found = verdict(&Settings::default(), "metastases", &bone(0, curie(20)), &[], &bone(2, other));
    assert_eq!(found, Verdict::NotEvaluable);
    let error = assess(&Settings::default(), &bone(0, curie(31)), &[], &bone(2, curie(1))).unwrap_err();
    assert!(error.to_string().contains("0 to 30 by Curie"), "{error}");
}

#[test]
fn the_score_of_progression_may_be_taken_from_the_nadir() {
    let history = [bone(1, curie(5))];
    let judged = |settings: &Settings| {
        verdict(settings, "metastases", &bone(0, curie(20)), &history, &bone(2, curie(6)))
    };
    assert_eq!(judged(&Settings::default()), Verdict::Partial);
    let from_nadir = Settings { score_rise_from: RiseFrom::Nadir, ..Settings::default() };
    assert_eq!(judged(&from_nadir), Verdict::Progressive);
}

#[test]
fn where_the_tumour_takes_up_no_mibg_the_fdg_avid_bone_lesions_count() {
    let fdg = |number, count| Visit {
        fdg_bone_lesions: count,
        marrow: Some(Decimal::ZERO),
        ..Visit::new(day(number))
    };
    let settings = Settings::default();
    for (now, expected) in [
        (Some(0), Verdict::Complete),
        (Some(2), Verdict::Partial),
        (Some(3), Verdict::Stable),
        (Some(5), Verdict::Stable),
        (Some(6), Verdict::Progressive),
        (None, Verdict::NotEvaluable),
    ] {
        let found = verdict(&settings, "metastases", &fdg(0, Some(5)), &[], &fdg(2, now));
        assert_eq!(found, expected, "{now:?}");
    }
}

#[test]
fn a_new_lesion_is_progression_once_it_is_avid_or_proven() {
    let baseline = with_metastasis(0, sized("40"), 10, Uptake::Avid);
    let mut now = with_metastasis(2, sized("20"), 5, Uptake::Better);
    now.lesions.push(lesion("N1", "lung", Role::New, sized("12")));
    let settings = Settings::default();
    assert_eq!(
        verdict(&settings, "metastases", &baseline, &[], &now),
        Verdict::Stable,
        "no response with it"
    );
    let proven = Visit { new_lesion_proven: true, ..now.clone() };
    assert_eq!(verdict(&settings, "metastases", &baseline, &[], &proven), Verdict::Progressive);
    let any = Settings { new_lesion_needs_proof: false, ..settings };
    assert_eq!(verdict(&any, "metastases", &baseline, &[], &now), Verdict::Progressive);
}

#[test]
fn a_lesion_not_assessed_leaves_metastases_not_evaluable_where_they_might_respond() {
    let mut baseline = with_metastasis(0, sized("40"), 0, Uptake::Avid);
    baseline.lesions.push(lesion("T2", "lung", Role::Target, sized("20")));
    baseline.lesions.push(lesion("X1", "pleura", Role::NonTarget, Size::Present));
    let settings = Settings::default();
    let judged = |first: &str, second: Option<&str>, other: Size| {
        let mut now = with_metastasis(2, sized(first), 0, Uptake::Better);
        let second = second.map_or(Size::NotAssessed, sized);
        now.lesions.push(lesion("T2", "lung", Role::Target, second));
        now.lesions.push(lesion("X1", "pleura", Role::NonTarget, other));
        verdict(&settings, "metastases", &baseline, &[], &now)
    };
    assert_eq!(judged("20", Some("10"), Size::Present), Verdict::Partial);
    assert_eq!(judged("20", None, Size::Present), Verdict::NotEvaluable);
    assert_eq!(judged("20", Some("10"), Size::NotAssessed), Verdict::NotEvaluable);
    assert_eq!(judged("40", Some("20"), Size::NotAssessed), Verdict::Stable, "whatever that lesion did");
    assert_eq!(judged("20", None, Size::Worse), Verdict::Progressive);
}

#[test]
fn a_node_counts_by_its_short_axis() {
    let node = |longest: &str, shortest: Option<&str>| Lesion {
        is_node: true,
        size: Size::Measured { longest: Some(dec(longest)), shortest: shortest.map(dec) },
        ..target(Size::Absent)
    };
    let visit = |number, node| Visit {
        lesions: vec![node],
        soft_tissue_uptake: Uptake::NotAvid,
        score: curie(0),
        marrow: Some(Decimal::ZERO),
        ..Visit::new(day(number))
    };
    let baseline = visit(0, node("30", Some("20")));
    let settings = Settings::default();
    let judged = |short| verdict(&settings, "metastases", &baseline, &[], &visit(2, node("30", Some(short))));
    assert_eq!(judged("9.9"), Verdict::Complete);
    assert_eq!(judged("14"), Verdict::Partial);
    assert_eq!(judged("14.1"), Verdict::Stable);
    let error = assess(&settings, &baseline, &[], &visit(2, node("30", None))).unwrap_err().to_string();
    assert!(error.contains("T1") && error.contains("short axis"), "{error}");
}

fn marrow(number: i32, percent: Option<&str>) -> Visit {
    Visit { score: curie(0), marrow: percent.map(dec), ..Visit::new(day(number)) }
}

#[test]
fn the_marrow_is_judged_at_zero_five_and_twenty_percent() {
    // Source: table of the marrow.
    let settings = Settings::default();
    for (base, now, expected) in [
        ("30", "0", Verdict::Complete),
        ("2", "0", Verdict::Complete),
        ("0", "0", Verdict::NotInvolved),
        ("0", "5", Verdict::Minimal),
        ("0", "5.1", Verdict::Progressive),
        ("30", "5", Verdict::Minimal),
        ("30", "5.1", Verdict::Stable),
        ("20.1", "5", Verdict::Minimal),
        ("3", "5", Verdict::Minimal),
        ("10", "20", Verdict::Stable),
        ("10", "20.1", Verdict::Progressive),
        ("10.1", "20.1", Verdict::Stable),
        ("30", "60", Verdict::Stable),
        ("30", "60.1", Verdict::Progressive),
        ("4", "15", Verdict::Stable),
        ("4", "21", Verdict::Progressive),
    ] {
        let found = verdict(&settings, "marrow", &marrow(0, Some(base)), &[], &marrow(2, Some(now)));
        assert_eq!(found, expected, "{base}% to {now}%");
    }
    assert_eq!(
        verdict(&settings, "marrow", &marrow(0, Some("30")), &[], &marrow(2, None)),
        Verdict::NotEvaluable
    );
    assert_eq!(
        verdict(&settings, "marrow", &marrow(0, Some("0")), &[], &marrow(2, None)),
        Verdict::NotInvolved
    );
    assert_eq!(
        verdict(&settings, "marrow", &marrow(0, None), &[], &marrow(2, Some("0"))),
        Verdict::NotEvaluable,
        "not done at baseline is not negative"
    );
}

#[test]
fn marrow_between_5_and_20_percent_that_falls_to_5_is_minimal_disease_unless_the_protocol_says_stable() {
    for base in ["5.1", "10", "20"] {
        let judged = |settings: &Settings| {
            verdict(settings, "marrow", &marrow(0, Some(base)), &[], &marrow(2, Some("5")))
        };
        assert_eq!(judged(&Settings::default()), Verdict::Minimal, "{base}");
        let stable = Settings { marrow_fall_to_five: FallToMinimal::Stable, ..Settings::default() };
        assert_eq!(judged(&stable), Verdict::Stable, "{base}");
    }
}

#[test]
fn marrow_that_was_cleared_and_comes_back_is_progression_unless_measured_from_baseline() {
    let history = [marrow(1, Some("0"))];
    let judged = |settings: &Settings| {
        verdict(settings, "marrow", &marrow(0, Some("50")), &history, &marrow(2, Some("30")))
    };
    assert_eq!(judged(&Settings::default()), Verdict::Progressive);
    let from_baseline = Settings { marrow_rise_from: RiseFrom::Baseline, ..Settings::default() };
    assert_eq!(judged(&from_baseline), Verdict::Stable);
}

/// A patient with all three components involved, and a visit that makes each what is asked.
fn overall(settings: &Settings, primary: Verdict, metastases: Verdict, in_marrow: Verdict) -> Category {
    let involved = |verdict| verdict != Verdict::NotInvolved;
    let baseline = Visit {
        lesions: if involved(primary) { vec![self::primary(sized("50"))] } else { Vec::new() },
        primary_uptake: if involved(primary) { Uptake::Avid } else { Uptake::NotAvid },
        score: curie(if involved(metastases) { 10 } else { 0 }),
        marrow: Some(dec(if involved(in_marrow) { "40" } else { "0" })),
        ..Visit::new(day(0))
    };
    let (size, uptake) = match primary {
        Verdict::Complete => (Size::Absent, Uptake::Resolved),
        Verdict::Partial => (sized("30"), Uptake::Better),
        Verdict::Progressive => (sized("90"), Uptake::Avid),
        Verdict::NotEvaluable => (Size::NotAssessed, Uptake::NotDone),
        _ => (sized("50"), Uptake::Avid),
    };
    let now = Visit {
        lesions: if involved(primary) { vec![self::primary(size)] } else { Vec::new() },
        primary_uptake: uptake,
        score: match metastases {
            Verdict::Complete | Verdict::NotInvolved => curie(0),
            Verdict::Partial => curie(3),
            Verdict::Progressive => curie(15),
            Verdict::NotEvaluable => None,
            _ => curie(9),
        },
        marrow: match in_marrow {
            Verdict::Complete | Verdict::NotInvolved => Some(dec("0")),
            Verdict::Minimal => Some(dec("4")),
            Verdict::Progressive => Some(dec("90")),
            Verdict::NotEvaluable => None,
            _ => Some(dec("40")),
        },
        ..Visit::new(day(2))
    };
    let response = assess(settings, &baseline, &[], &now).unwrap();
    let made: Vec<Verdict> = response.components.iter().map(|component| component.verdict).collect();
    assert_eq!(made, [primary, metastases, in_marrow], "the visit makes what is asked");
    response.category
}

#[test]
fn the_overall_category_is_that_of_the_table() {
    use Verdict::{Complete, Minimal, NotEvaluable, NotInvolved, Partial, Progressive, Stable};
    let settings = Settings::default();
    for (primary, metastases, marrow, expected) in [
        (Complete, Complete, Complete, Category::Complete),
        (Complete, NotInvolved, NotInvolved, Category::Complete),
        (Partial, Complete, Complete, Category::Partial),
        (Partial, NotInvolved, Minimal, Category::Partial),
        (Complete, Partial, Minimal, Category::Partial),
        (Partial, Stable, Complete, Category::Minimal),
        (Complete, Complete, Stable, Category::Minimal),
        (Stable, Partial, Minimal, Category::Minimal),
        (Stable, Stable, NotInvolved, Category::Stable),
        (Stable, Stable, Minimal, Category::Stable),
        (Stable, NotInvolved, NotInvolved, Category::Stable),
        (Complete, Complete, Progressive, Category::Progressive),
        (NotEvaluable, Progressive, Complete, Category::Progressive),
        (NotEvaluable, Complete, Complete, Category::NotEvaluable),
        (Complete, NotEvaluable, Complete, Category::NotEvaluable),
        (Complete, Complete, NotEvaluable, Category::NotEvaluable),
        (NotInvolved, NotInvolved, NotInvolved, Category::NotEvaluable),
    ] {
        let found = overall(&settings, primary, metastases, marrow);
        assert_eq!(found, expected, "{primary:?} {metastases:?} {marrow:?}");
    }
}

#[test]
fn the_combinations_that_the_paper_does_not_name_are_settings() {
    use Verdict::{Complete, Minimal, NotInvolved};
    let of = |complete, alone| Settings {
        complete_but_minimal_marrow: complete,
        minimal_marrow_alone: alone,
        ..Settings::default()
    };
    for (answer, expected) in [
        (Unnamed::Partial, Category::Partial),
        (Unnamed::Minor, Category::Minimal),
        (Unnamed::Stable, Category::Stable),
    ] {
        assert_eq!(overall(&of(answer, Unnamed::Stable), Complete, Complete, Minimal), expected);
        assert_eq!(overall(&of(Unnamed::Partial, answer), NotInvolved, NotInvolved, Minimal), expected);
    }
    assert_eq!(overall(&Settings::default(), Complete, Complete, Minimal), Category::Partial);
    assert_eq!(overall(&Settings::default(), NotInvolved, NotInvolved, Minimal), Category::Stable);
}

#[test]
fn mixed_response_is_no_overall_response_here() {
    assert_eq!(CriteriaSet::Inrc2017.overall_response_floor(), Category::Partial);
    assert!(CriteriaSet::Inrc2017.category("VGPR").is_err(), "of the criteria before 2017");
}

#[test]
fn progression_in_the_marrow_alone_says_so() {
    let response = assess(&Settings::default(), &marrow(0, Some("0")), &[], &marrow(2, Some("30"))).unwrap();
    assert_eq!(response.kind, Some(ProgressionKind::Marrow));
}

#[test]
fn a_response_is_confirmed_only_where_the_protocol_asks() {
    let rows =
        [Assessment::new(day(1), Category::Partial, None), Assessment::new(day(2), Category::Stable, None)];
    let best_of = |settings: &Settings, rows: &[Assessment]| {
        let course = Course::default();
        best(settings, &course, &confirm(settings, &course, rows)).confirmed
    };
    assert_eq!(best_of(&Settings::default(), &rows), Some(Category::Partial));
    let asks = Settings { confirm_after_days: Some(28), ..Settings::default() };
    assert_eq!(best_of(&asks, &rows), Some(Category::Stable));
    let twice = |days: i32| {
        let second = Assessment::new(day(1) + days.days(), Category::Complete, None);
        best_of(&asks, &[rows[0].clone(), second])
    };
    assert_eq!(twice(28), Some(Category::Partial));
    assert_eq!(twice(27), Some(Category::Stable));
}

#[test]
fn the_settings_are_read_in_kebab_case_and_a_misspelt_key_is_refused() {
    let read: Settings = serde_json::from_str(r#"{"confirm-after-days": 28}"#).unwrap();
    assert_eq!(read, Settings { confirm_after_days: Some(28), ..Settings::default() });
    assert!(serde_json::from_str::<Settings>(r#"{"confirm-days": 28}"#).is_err());
}

prop_compose! {
    fn visits()(values in prop::collection::vec((1u32..90, 0u32..31, prop::option::of(0u32..101)), 2..8)) -> Vec<Visit> {
        values.into_iter().zip(0..).map(|((longest, score, share), number)| Visit {
            lesions: vec![
                primary(Size::Measured { longest: Some(longest.into()), shortest: None }),
                target(Size::Measured { longest: Some((91 - longest).into()), shortest: None }),
            ],
            primary_uptake: Uptake::Avid,
            soft_tissue_uptake: Uptake::Avid,
            score: curie(score),
            marrow: share.map(Decimal::from),
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
        for visit in &mut turned {
            visit.lesions.reverse();
        }
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
    fn the_status_never_falls_except_to_progression(visits in visits()) {
        let settings = Settings { confirm_after_days: Some(28), ..Settings::default() };
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

#[test]
fn what_was_gone_and_is_back_is_progression_and_a_target_not_measured_hides_none() {
    let settings = Settings::default();
    let met = |number: i32, lesions: Vec<Lesion>| Visit {
        lesions,
        soft_tissue_uptake: Uptake::Avid,
        ..Visit::new(day(number))
    };
    let non_target = |size: Size| lesion("N1", "liver", Role::NonTarget, size);
    let with = |number: i32, size: Size| met(number, vec![target(sized("30")), non_target(size)]);
    let (before, gone, back) = (with(0, Size::Present), with(1, Size::Absent), with(2, Size::Present));
    let found = verdict(&settings, "metastases", &before, std::slice::from_ref(&gone), &back);
    assert_eq!(found, Verdict::Progressive);

    let second = |size: &str| lesion("T2", "liver", Role::Target, sized(size));
    let both = met(0, vec![target(sized("30")), second("30")]);
    let grown = met(2, vec![target(sized("80"))]);
    assert_eq!(verdict(&settings, "metastases", &both, &[], &grown), Verdict::Progressive);
    let shrunk = met(2, vec![target(sized("10"))]);
    assert_eq!(verdict(&settings, "metastases", &both, &[], &shrunk), Verdict::NotEvaluable);

    let scored = |number: i32, value: u32| bone(number, curie(value));
    let found = verdict(&settings, "metastases", &scored(0, 20), &[scored(1, 0)], &scored(2, 5));
    assert_eq!(found, Verdict::Progressive);
}
