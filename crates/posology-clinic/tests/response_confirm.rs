//! Confirmation and best response against results made by other programs, and by their own laws.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::best::{Best, best};
use posology_clinic::response::confirm::{
    Confirmed, Course, LastProgression, ProgressionBetween, Rules, SameDayTherapy, confirm,
};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind};
use proptest::prelude::*;

/// Categories joined by `>`, 28 days apart; `PDl` is biochemical progression, `PDi` progression by imaging,
/// `PD` one of unknown kind.
fn sequence(text: &str) -> Vec<Assessment> {
    text.split('>')
        .zip(0..)
        .map(|(code, visit)| {
            let (category, kind) = match code {
                "PDl" => (Category::Progressive, Some(ProgressionKind::Biochemical)),
                "PDi" => (Category::Progressive, Some(ProgressionKind::Imaging)),
                other => (Category::from_str(other).unwrap(), None),
            };
            Assessment::new(day(visit), category, kind)
        })
        .collect()
}

/// The date of a visit, counted from 0.
fn day(visit: i32) -> Date {
    date(2024, 1, 29) + (28 * visit).days()
}

fn treated() -> Course {
    Course { first_treatment: Some(date(2024, 1, 1)), ..Course::default() }
}

fn derive(rules: &Rules, course: &Course, text: &str) -> (Confirmed, Best) {
    let confirmed = confirm(rules, course, &sequence(text));
    let best = best(rules, course, &confirmed);
    (confirmed, best)
}

fn statuses(confirmed: &Confirmed) -> String {
    confirmed.statuses.iter().map(|status| status.status.code()).collect::<Vec<_>>().join(">")
}

#[test]
fn confirmed_status_and_best_response_agree_with_admiralonco_on_every_sequence() {
    // Source: output of the myeloma article of admiralonco 1.4.0.9003 (pharmaverse/admiralonco@83370b1).
    let mut compared = 0;
    for line in include_str!("data/imwg_sequence_sweep.csv").lines().skip(1) {
        let [raw, conf, cbor, visit] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        for rules in [Rules::REFERENCE, Rules::PROTOCOL] {
            let (confirmed, best) = derive(&rules, &treated(), raw);
            assert_eq!(statuses(&confirmed), conf, "{raw}");
            assert_eq!(best.confirmed.map(Category::code), Some(cbor), "{raw}");
            assert_eq!(best.date, Some(day(visit.parse::<i32>().unwrap() - 1)), "{raw}");
        }
        compared += 1;
    }
    assert_eq!(compared, 4471);
}

#[test]
fn a_progression_of_unknown_kind_needs_a_second_sample_and_is_reported() {
    // admiralonco ignores such a progression silently; that defect is not copied.
    let (confirmed, best) = derive(&Rules::REFERENCE, &treated(), "PR>PR>PD>PD");
    assert_eq!(statuses(&confirmed), "PR>PR>PD>PD");
    assert_eq!(best.progression, Some(day(2)));
    assert_eq!(confirmed.findings.iter().filter(|f| f.rule == "confirm/kind-of-progression").count(), 2);
}

#[test]
fn death_due_to_progression_confirms_it() {
    let rows = [Assessment::new(day(0), Category::Progressive, Some(ProgressionKind::Death))];
    let confirmed = confirm(&Rules::REFERENCE, &treated(), &rows);
    assert_eq!(confirmed.statuses[0].status, Category::Progressive);
}

#[test]
fn a_sample_after_new_therapy_confirms_progression_but_no_response() {
    let course = Course { new_therapy: Some(day(1) - 1.day()), ..treated() };
    assert_eq!(statuses(&derive(&Rules::REFERENCE, &course, "PR>PR").0), "SD>SD");
    assert_eq!(derive(&Rules::REFERENCE, &course, "PDl>PDl").1.confirmed, Some(Category::Progressive));
    let strict = Rules { new_therapy_may_confirm_progression: false, ..Rules::REFERENCE };
    assert_eq!(derive(&strict, &course, "PDl>PDl").1.confirmed, Some(Category::NotEvaluable));
}

#[test]
fn a_sample_on_the_day_of_new_therapy_follows_the_protocol() {
    let course = Course { new_therapy: Some(day(1)), ..treated() };
    let with =
        |same_day_therapy| derive(&Rules { same_day_therapy, ..Rules::REFERENCE }, &course, "PR>VGPR>VGPR").1;
    let only = with(SameDayTherapy::ConfirmsOnly);
    assert_eq!((only.confirmed, only.unconfirmed), (Some(Category::Partial), Some(Category::Partial)));
    let counts = with(SameDayTherapy::ConfirmsAndCounts);
    assert_eq!(
        (counts.confirmed, counts.unconfirmed),
        (Some(Category::Partial), Some(Category::VeryGoodPartial))
    );
    let neither = with(SameDayTherapy::Neither);
    assert_eq!((neither.confirmed, neither.unconfirmed), (Some(Category::Stable), Some(Category::Partial)));
}

#[test]
fn best_response_is_absent_where_all_lies_after_new_therapy_and_not_evaluable_where_nothing_is_established() {
    // Source: command-line contract; admiralonco calls the first MISSING.
    let course = Course { new_therapy: Some(day(0) - 1.day()), ..treated() };
    let (_, none) = derive(&Rules::REFERENCE, &course, "PDl");
    assert_eq!((none.confirmed, none.unconfirmed, none.date), (None, None, None));
    let (_, alone) = derive(&Rules::REFERENCE, &treated(), "PDl");
    assert_eq!(
        (alone.confirmed, alone.unconfirmed),
        (Some(Category::NotEvaluable), Some(Category::Progressive))
    );
}

#[test]
fn progression_at_the_last_visit_counts_where_therapy_or_death_follows_and_the_rule_says_so() {
    let therapy = Course { new_therapy: Some(day(2)), ..treated() };
    let death = Course { death: Some(day(2)), ..treated() };
    for course in [therapy, death] {
        assert_eq!(derive(&Rules::PROTOCOL, &course, "SD>PDl").1.progression, Some(day(1)));
        assert_eq!(derive(&Rules::REFERENCE, &course, "SD>PDl").1.progression, None);
        assert_eq!(derive(&Rules::PROTOCOL, &course, "SD>PDl>NE").1.progression, Some(day(1)));
    }
    let same_day = Course { death: Some(day(1)), ..treated() };
    assert_eq!(derive(&Rules::PROTOCOL, &same_day, "SD>PDl").1.progression, Some(day(1)));
    let unknown_at_the_cut = Course { cut: Some(day(1)), ..therapy };
    assert_eq!(derive(&Rules::PROTOCOL, &unknown_at_the_cut, "SD>PDl").1.progression, None);
    assert_eq!(derive(&Rules::PROTOCOL, &treated(), "SD>PDl").1.progression, None);
}

#[test]
fn gaps_may_be_bounded_by_not_evaluable_samples_or_by_days() {
    let at_most_one = Rules { max_not_evaluable_between: Some(1), ..Rules::REFERENCE };
    assert_eq!(derive(&at_most_one, &treated(), "PR>NE>PR").1.confirmed, Some(Category::Partial));
    assert_eq!(derive(&at_most_one, &treated(), "PR>NE>NE>PR").1.confirmed, Some(Category::Stable));
    let days = |max| Rules { max_days_between: Some(max), ..Rules::REFERENCE };
    assert_eq!(derive(&days(28), &treated(), "PR>PR").1.confirmed, Some(Category::Partial));
    assert_eq!(derive(&days(27), &treated(), "PR>PR").1.confirmed, Some(Category::Stable));
    let (confirmed, _) = derive(&Rules::REFERENCE, &treated(), "PR>NE>NE>NE>PR");
    assert!(confirmed.findings.iter().any(|f| f.rule == "confirm/long-gap" && f.inputs["days"] == "112"));
    assert_eq!(
        derive(&Rules::REFERENCE, &treated(), "PR>NE>NE>PR").0.findings,
        [],
        "84 days are not beyond 84"
    );
}

#[test]
fn an_unconfirmed_progression_between_two_responses_follows_the_protocol() {
    let pass = Rules { progression_between: ProgressionBetween::PassedOver, ..Rules::REFERENCE };
    assert_eq!(statuses(&derive(&Rules::REFERENCE, &treated(), "PR>PDl>PR>PR").0), "SD>SD>PR>PR");
    assert_eq!(statuses(&derive(&pass, &treated(), "PR>PDl>PR").0), "PR>PR>PR");
    assert_eq!(statuses(&derive(&pass, &treated(), "PR>PDl>PDl>PR").0), "SD>PD>PD>PD");
    assert_eq!(statuses(&derive(&pass, &treated(), "PR>PDi>PR").0), "SD>PD>PD");
}

#[test]
fn of_several_assessments_on_one_day_the_worst_counts_and_not_evaluable_yields() {
    let on = |d, category| Assessment::new(d, category, None);
    let rows = [
        on(day(0), Category::Complete),
        on(day(0), Category::Partial),
        on(day(0), Category::NotEvaluable),
        on(day(1), Category::Complete),
    ];
    let confirmed = confirm(&Rules::REFERENCE, &treated(), &rows);
    assert_eq!(statuses(&confirmed), "PR>PR>PR>PR");
    assert_eq!(confirmed.statuses.iter().map(|s| s.counts).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(confirmed.findings.iter().filter(|f| f.rule == "confirm/same-day").count(), 2);
    let single_day = confirm(&Rules::REFERENCE, &treated(), &rows[..3]);
    assert_eq!(single_day.statuses[0].established, Category::Stable, "a second sample is another day's");
}

#[test]
fn stable_disease_must_last_as_long_as_the_protocol_says() {
    // Visits are 28 days apart from day 28 after first treatment.
    let rules = Rules { min_stable_disease_days: 42, ..Rules::REFERENCE };
    assert_eq!(derive(&rules, &treated(), "SD").1.confirmed, Some(Category::NotEvaluable));
    assert_eq!(derive(&rules, &treated(), "PR").1.confirmed, Some(Category::NotEvaluable));
    assert_eq!(derive(&rules, &treated(), "PR").1.unconfirmed, Some(Category::Partial));
    assert_eq!(derive(&rules, &treated(), "SD>NE").1.confirmed, Some(Category::NotEvaluable));
    assert_eq!(derive(&rules, &treated(), "SD>PDi").1.confirmed, Some(Category::Progressive));
    let (_, kept) = derive(&rules, &treated(), "SD>SD");
    assert_eq!((kept.confirmed, kept.date), (Some(Category::Stable), Some(day(1))));
    let undated = derive(&rules, &Course::default(), "SD>SD").1;
    assert_eq!(undated.confirmed, Some(Category::NotEvaluable));
}

#[test]
fn assessments_before_treatment_and_after_the_cut_do_not_count() {
    let course = Course { first_treatment: Some(day(1)), cut: Some(day(2)), ..Course::default() };
    let (confirmed, best) = derive(&Rules::REFERENCE, &course, "PDi>PR>PR>PDi");
    assert_eq!(statuses(&confirmed), "NE>PR>PR");
    assert_eq!(best.confirmed, Some(Category::Partial));
    assert_eq!(confirmed.findings.len(), 2);
}

#[test]
fn what_awaits_confirmation_is_named_while_it_can_still_be_confirmed() {
    let becomes = |course: &Course, text| {
        derive(&Rules::REFERENCE, course, text).1.awaiting.map(|awaiting| awaiting.would_become)
    };
    assert_eq!(becomes(&treated(), "PR"), Some(Category::Partial));
    assert_eq!(becomes(&treated(), "PR>VGPR>NE"), Some(Category::VeryGoodPartial));
    assert_eq!(becomes(&treated(), "PR>PR>PDl"), Some(Category::Progressive));
    assert_eq!(becomes(&treated(), "VGPR>VGPR>PR"), None);
    assert_eq!(becomes(&treated(), "PR>PR"), None);
    assert_eq!(becomes(&treated(), "PR>SD"), None);
    let at_most_one = Rules { max_not_evaluable_between: Some(1), ..Rules::REFERENCE };
    assert!(derive(&at_most_one, &treated(), "PR>NE").1.awaiting.is_some());
    assert!(derive(&at_most_one, &treated(), "PR>NE>NE").1.awaiting.is_none());
    assert_eq!(becomes(&treated(), "PDi"), None);
    assert_eq!(becomes(&Course { new_therapy: Some(day(3)), ..treated() }, "PR"), None);
    assert_eq!(becomes(&Course { death: Some(day(3)), ..treated() }, "PR"), None);
}

#[test]
fn a_protocol_table_names_only_what_it_changes_and_an_unknown_key_is_refused() {
    let rules: Rules = serde_json::from_str(r#"{"same-day-therapy":"neither"}"#).unwrap();
    assert_eq!(rules, Rules { same_day_therapy: SameDayTherapy::Neither, ..Rules::PROTOCOL });
    assert_eq!(rules.last_progression, LastProgression::TherapyOrDeath);
    assert!(serde_json::from_str::<Rules>(r#"{"same-day":"neither"}"#).is_err());
}

#[test]
fn no_assessment_gives_no_best_response() {
    let confirmed = confirm(&Rules::REFERENCE, &treated(), &[]);
    let best = best(&Rules::REFERENCE, &treated(), &confirmed);
    assert_eq!((best.confirmed, best.unconfirmed), (None, None));
}

fn assessment() -> impl Strategy<Value = Assessment> {
    let kind = prop::option::of(prop::sample::select(vec![
        ProgressionKind::Biochemical,
        ProgressionKind::Imaging,
        ProgressionKind::Marrow,
        ProgressionKind::Death,
    ]));
    (0..300_i32, prop::sample::select(CriteriaSet::Imwg2016.categories().to_vec()), kind).prop_map(
        |(days, category, kind)| {
            let kind = kind.filter(|_| category == Category::Progressive);
            Assessment::new(date(2024, 1, 1) + days.days(), category, kind)
        },
    )
}

proptest! {
    #[test]
    fn the_status_never_falls_except_to_progression_which_is_final(rows in prop::collection::vec(assessment(), 0..12)) {
        let statuses = confirm(&Rules::REFERENCE, &treated(), &rows).statuses;
        for pair in statuses.windows(2) {
            let (before, after) = (pair[0].status, pair[1].status);
            prop_assert!(after == Category::Progressive || (before != Category::Progressive && after >= before));
        }
    }

    #[test]
    fn the_order_of_entry_does_not_matter(
        (rows, shuffled) in prop::collection::vec(assessment(), 0..12)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        prop_assert_eq!(
            confirm(&Rules::REFERENCE, &treated(), &rows),
            confirm(&Rules::REFERENCE, &treated(), &shuffled)
        );
    }

    #[test]
    fn samples_that_are_not_evaluable_change_no_confirmed_best_response(
        rows in prop::collection::vec(assessment(), 1..8),
        added in prop::collection::vec(0..300_i32, 0..5),
    ) {
        let of = |rows: &[Assessment]| best(&Rules::REFERENCE, &treated(), &confirm(&Rules::REFERENCE, &treated(), rows));
        let mut more = rows.clone();
        more.extend(added.iter().map(|&days| {
            Assessment::new(date(2024, 1, 1) + days.days(), Category::NotEvaluable, None)
        }));
        let (plain, with) = (of(&rows), of(&more));
        prop_assert_eq!(plain.confirmed, with.confirmed);
        prop_assert_eq!(plain.unconfirmed, with.unconfirmed);
        prop_assert_eq!(plain.awaiting, with.awaiting);
    }

    #[test]
    fn a_confirmed_best_response_is_never_deeper_than_the_unconfirmed(rows in prop::collection::vec(assessment(), 1..12)) {
        let best = best(&Rules::REFERENCE, &treated(), &confirm(&Rules::REFERENCE, &treated(), &rows));
        if best.confirmed.is_some_and(Category::is_response) {
            prop_assert!(best.confirmed <= best.unconfirmed);
        }
    }
}
