//! Times to an event of one patient, by each named set of censoring rules.
//!
//! The numbered cases are those of FDA. Clinical trial endpoints for the approval of cancer drugs and biologics, 2007,
//! appendix 3, tables A to C. Visits are every 28 days with a window of 7; all expected days were counted by hand.

#![allow(clippy::unwrap_used)]

use jiff::Span;
use jiff::civil::{Date, date};
use posology_trial::analysis::endpoint::{
    CensoringSet, DeathBeforeNextTherapy, DeathOn, EndpointTime, Followed, OtherDeath, ResponseEndingDeath,
    Settings, TimeEndpoint,
};
use proptest::prelude::*;

const ORIGIN: Date = date(2024, 1, 1);

/// Study day: the origin is day 1.
fn day(day: i32) -> Date {
    ORIGIN.checked_add(Span::new().days(day - 1)).unwrap()
}

/// Seen on days 29, 57, 85 and 113, alive on day 120, cut on day 400.
fn patient() -> Followed {
    Followed {
        origin: ORIGIN,
        cut: day(400),
        has_baseline: true,
        adequate: [29, 57, 85, 113].map(day).to_vec(),
        progression: None,
        progression_regardless: None,
        response: None,
        best_response: None,
        death: None,
        new_therapy: None,
        discontinued: None,
        last_known_alive: day(120),
    }
}

fn death(on: i32) -> Option<DeathOn> {
    Some(DeathOn { date: day(on), by_progression: None })
}

fn time(patient: &Followed, endpoint: TimeEndpoint, set: CensoringSet) -> EndpointTime {
    patient.time_to(endpoint, set, &Settings::default()).unwrap()
}

/// Day and event of progression-free survival.
fn pfs(patient: &Followed, set: CensoringSet) -> (u32, bool) {
    let time = time(patient, TimeEndpoint::ProgressionFreeSurvival, set);
    (time.days, time.is_event)
}

use CensoringSet::{
    DiscontinuationIsEvent, FdaTableA, MissedVisitsIgnored, ProgressionAtNextVisit, RegardlessOfNewTherapy,
};

#[test]
fn case_1_no_baseline_or_no_later_assessment_is_censored_on_day_1_unless_death_came_within_two_visits() {
    let unseen = Followed { adequate: vec![], ..patient() };
    let without_baseline = Followed { has_baseline: false, progression: Some(day(57)), ..patient() };
    for patient in [unseen, without_baseline] {
        assert_eq!(pfs(&patient, FdaTableA), (1, false));
        assert_eq!(pfs(&Followed { death: death(50), ..patient.clone() }, FdaTableA), (50, true));
        assert_eq!(pfs(&Followed { death: death(200), ..patient }, FdaTableA), (1, false));
    }
}

#[test]
fn case_2_progression_between_visits_is_dated_when_seen_or_in_a_sensitivity_set_at_the_next_visit() {
    let seen = Followed { progression: Some(day(70)), ..patient() };
    assert_eq!(pfs(&seen, FdaTableA), (70, true));
    assert_eq!(pfs(&seen, ProgressionAtNextVisit), (85, true));
    // Within the window of a scheduled day it is that visit: nothing is put off.
    let at_a_visit = Followed { progression: Some(day(88)), ..patient() };
    assert_eq!(pfs(&at_a_visit, ProgressionAtNextVisit), (88, true));
    // Death before the next visit ends it.
    assert_eq!(pfs(&Followed { death: death(74), ..seen }, ProgressionAtNextVisit), (74, true));
}

#[test]
fn case_3_without_progression_the_last_adequate_assessment_censors() {
    for set in CensoringSet::ALL {
        assert_eq!(pfs(&patient(), set), (113, false), "{}", set.word());
    }
}

#[test]
fn case_4_treatment_stopped_for_toxicity_is_censored_and_in_a_sensitivity_set_an_event() {
    let stopped = Followed { discontinued: Some((day(60), "ADVERSE EVENT".to_owned())), ..patient() };
    assert_eq!(pfs(&stopped, FdaTableA), (113, false));
    assert_eq!(pfs(&stopped, DiscontinuationIsEvent), (60, true));
    let because = time(&stopped, TimeEndpoint::ProgressionFreeSurvival, DiscontinuationIsEvent).because;
    assert!(because.says.contains("ADVERSE EVENT"), "{}", because.says);
}

#[test]
fn case_5_new_therapy_censors_at_the_last_adequate_assessment_on_or_before_its_start() {
    let switched = Followed { new_therapy: Some(day(85)), progression: Some(day(113)), ..patient() };
    assert_eq!(pfs(&switched, FdaTableA), (85, false)); // the assessment of the day itself counts
    assert_eq!(pfs(&Followed { new_therapy: Some(day(84)), ..switched.clone() }, FdaTableA), (57, false));
    assert_eq!(pfs(&switched, RegardlessOfNewTherapy), (113, true));
    let died = Followed { progression: None, death: death(130), ..switched };
    assert_eq!((pfs(&died, FdaTableA), pfs(&died, RegardlessOfNewTherapy)), ((85, false), (130, true)));
    // Progression on the day the new therapy began was the reason for it.
    let together = Followed { new_therapy: Some(day(85)), progression: Some(day(85)), ..patient() };
    assert_eq!(pfs(&together, FdaTableA), (85, true));
}

#[test]
fn case_6_progression_or_death_after_two_missed_assessments_is_censored_before_the_gap() {
    // The last adequate assessment is day 113; twice 28 and the window of 7 reach to day 176.
    for (on, expected) in [(176, (176, true)), (177, (113, false))] {
        assert_eq!(pfs(&Followed { progression: Some(day(on)), ..patient() }, FdaTableA), expected);
        assert_eq!(pfs(&Followed { death: death(on), ..patient() }, FdaTableA), expected);
    }
    let late = Followed { death: death(177), ..patient() };
    assert_eq!(pfs(&late, MissedVisitsIgnored), (177, true));
    assert_eq!(pfs(&late, RegardlessOfNewTherapy), (177, true));
    // The assessment that shows the progression does not close the gap before itself.
    let mut shown = Followed { progression: Some(day(225)), ..patient() };
    shown.adequate.push(day(225));
    assert_eq!(pfs(&shown, FdaTableA), (113, false));
    let because = time(&shown, TimeEndpoint::ProgressionFreeSurvival, FdaTableA).because;
    assert_eq!(because.rule, "time/PFS/missed-assessments");
    assert!(because.says.contains("112 days"), "{}", because.says);
}

#[test]
fn case_7_death_before_the_first_assessment_or_between_adequate_ones_is_an_event_on_its_day() {
    assert_eq!(pfs(&Followed { adequate: vec![], death: death(20), ..patient() }, FdaTableA), (20, true));
    assert_eq!(pfs(&Followed { death: death(125), ..patient() }, FdaTableA), (125, true));
    assert_eq!(pfs(&Followed { death: death(1), adequate: vec![], ..patient() }, FdaTableA), (1, true));
}

#[test]
fn a_gap_is_as_long_as_the_protocol_says() {
    let settings = Settings { interval_days: 42, window_days: 0, ..Settings::default() };
    let days = |on| {
        let patient = Followed { death: death(on), ..patient() };
        let pfs = patient.time_to(TimeEndpoint::ProgressionFreeSurvival, FdaTableA, &settings).unwrap();
        (pfs.days, pfs.is_event)
    };
    assert_eq!((days(197), days(198)), ((197, true), (113, false))); // 113 + 84
}

#[test]
fn overall_survival_asks_for_nothing_but_death_and_the_last_day_known_alive() {
    let os = |patient: &Followed| {
        let time = time(patient, TimeEndpoint::OverallSurvival, FdaTableA);
        (time.days, time.is_event)
    };
    assert_eq!(os(&patient()), (120, false));
    let died = Followed { death: death(300), new_therapy: Some(day(60)), has_baseline: false, ..patient() };
    assert_eq!(os(&died), (300, true)); // neither new therapy nor the gap matters
}

#[test]
fn times_of_responders_count_from_the_right_day_and_leave_others_out_with_a_reason() {
    let responder = Followed {
        response: Some(day(29)),
        best_response: Some(day(57)),
        progression: Some(day(141)),
        ..patient()
    };
    let found = |endpoint| {
        let time = time(&responder, endpoint, FdaTableA);
        (time.origin, time.days, time.is_event)
    };
    assert_eq!(found(TimeEndpoint::TimeToResponse), (ORIGIN, 29, true));
    assert_eq!(found(TimeEndpoint::TimeToBestResponse), (ORIGIN, 57, true));
    assert_eq!(found(TimeEndpoint::DurationOfResponse), (day(29), 113, true)); // 141 - 29 + 1
    for endpoint in
        [TimeEndpoint::TimeToResponse, TimeEndpoint::TimeToBestResponse, TimeEndpoint::DurationOfResponse]
    {
        let none = patient().time_to(endpoint, FdaTableA, &Settings::default()).unwrap_err();
        assert!(none.says.contains("no confirmed response"), "{}", none.says);
    }
}

#[test]
fn a_death_of_another_cause_ends_a_response_or_not_as_the_protocol_says() {
    let other = Some(DeathOn { date: day(130), by_progression: Some(false) });
    let responder = Followed { response: Some(day(29)), death: other, ..patient() };
    let dor = |settings: &Settings| {
        let time = responder.time_to(TimeEndpoint::DurationOfResponse, FdaTableA, settings).unwrap();
        (time.end, time.is_event)
    };
    assert_eq!(dor(&Settings::default()), (day(130), true));
    let from_progression =
        Settings { response_ends_with_death: ResponseEndingDeath::FromProgression, ..Settings::default() };
    assert_eq!(dor(&from_progression), (day(113), false));
}

#[test]
fn time_to_progression_censors_deaths_of_other_causes_where_the_protocol_says() {
    let of =
        |by_progression| Followed { death: Some(DeathOn { date: day(130), by_progression }), ..patient() };
    let ttp = |patient: &Followed, settings: &Settings| {
        let time = patient.time_to(TimeEndpoint::TimeToProgression, FdaTableA, settings).unwrap();
        (time.days, time.is_event)
    };
    let standard = Settings::default();
    assert_eq!(ttp(&of(Some(true)), &standard), (130, true));
    assert_eq!(ttp(&of(None), &standard), (130, true)); // of unknown cause: the cautious reading, and said so
    assert_eq!(ttp(&of(Some(false)), &standard), (113, false));
    let at_death = Settings { other_death: OtherDeath::AtDeath, ..Settings::default() };
    assert_eq!(ttp(&of(Some(false)), &at_death), (130, false));
}

#[test]
fn the_next_therapy_or_death_before_it_ends_the_time_to_next_therapy() {
    let ttnt = |patient: &Followed, settings: &Settings| {
        let time = patient.time_to(TimeEndpoint::TimeToNextTherapy, FdaTableA, settings).unwrap();
        (time.days, time.is_event)
    };
    let standard = Settings::default();
    let treated = Followed { new_therapy: Some(day(90)), death: death(300), ..patient() };
    assert_eq!(ttnt(&treated, &standard), (90, true));
    let died = Followed { death: death(300), ..patient() };
    assert_eq!(ttnt(&died, &standard), (300, true));
    let censored =
        Settings { death_before_next_therapy: DeathBeforeNextTherapy::Censored, ..Settings::default() };
    assert_eq!(ttnt(&died, &censored), (300, false));
    assert_eq!(ttnt(&patient(), &standard), (120, false));
}

#[test]
fn every_set_is_named_in_its_result_and_says_where_it_is_written() {
    for set in CensoringSet::ALL {
        let because = time(&patient(), TimeEndpoint::ProgressionFreeSurvival, set).because;
        assert_eq!(because.inputs["censoring"], set.word());
        assert!(because.source.contains("FDA") || because.source.contains("EMA"), "{}", because.source);
    }
}

prop_compose! {
    fn any_patient()(
        mut adequate in prop::collection::vec(1_i32..400, 0..12),
        progression in prop::option::of(1_i32..400),
        after in prop::option::of(1_i32..400),
        response in prop::option::of(1_i32..400),
        died in prop::option::of((1_i32..400, prop::option::of(any::<bool>()))),
        therapy in prop::option::of(1_i32..400),
        stopped in prop::option::of(1_i32..400),
        has_baseline in any::<bool>(),
        alive in 1_i32..400,
    ) -> Followed {
        let last = died.map_or(400, |(died, _)| died);
        adequate.retain(|day| *day <= last);
        Followed {
            has_baseline,
            adequate: adequate.into_iter().map(day).collect(),
            progression: progression.filter(|day| *day <= last).map(day),
            progression_regardless: after.filter(|day| *day <= last).map(day),
            response: response.map(|found| day(found.min(last))),
            best_response: response.map(|found| day(found.min(last))),
            death: died.map(|(died, by_progression)| DeathOn { date: day(died), by_progression }),
            new_therapy: therapy.filter(|day| *day <= last).map(day),
            discontinued: stopped.filter(|day| *day <= last).map(|on| (day(on), "ADVERSE EVENT".to_owned())),
            last_known_alive: day(died.map_or(alive, |(died, _)| died)),
            ..patient()
        }
    }
}

proptest! {
    #[test]
    fn an_end_lies_between_origin_and_cut_and_days_count_from_one(patient in any_patient()) {
        for endpoint in TimeEndpoint::ALL {
            for set in CensoringSet::ALL {
                let Ok(time) = patient.time_to(endpoint, set, &Settings::default()) else { continue };
                prop_assert!(time.origin <= time.end && time.end <= patient.cut);
                prop_assert_eq!(i64::from(time.days), i64::from((time.end - time.origin).get_days()) + 1);
            }
        }
    }

    #[test]
    fn the_order_of_assessments_is_nothing(patient in any_patient()) {
        let mut reversed = patient.clone();
        reversed.adequate.reverse();
        for endpoint in TimeEndpoint::ALL {
            for set in CensoringSet::ALL {
                let settings = Settings::default();
                prop_assert_eq!(
                    patient.time_to(endpoint, set, &settings),
                    reversed.time_to(endpoint, set, &settings)
                );
            }
        }
    }

    #[test]
    fn progression_free_survival_never_outlasts_overall_survival_of_the_dead(patient in any_patient()) {
        prop_assume!(patient.death.is_some());
        let os = time(&patient, TimeEndpoint::OverallSurvival, FdaTableA);
        for set in CensoringSet::ALL {
            prop_assert!(time(&patient, TimeEndpoint::ProgressionFreeSurvival, set).days <= os.days);
        }
    }

    #[test]
    fn an_event_of_table_a_is_an_event_of_every_other_set_but_for_its_day(patient in any_patient()) {
        prop_assume!(pfs(&patient, FdaTableA).1);
        for set in CensoringSet::ALL {
            prop_assert!(pfs(&patient, set).1, "{}", set.word());
        }
    }

    #[test]
    fn what_happens_after_a_progression_that_counts_changes_nothing(
        patient in any_patient(),
        on in 11_i32..300,
        later in 1_i32..60,
    ) {
        let mut counts =
            Followed { has_baseline: true, progression: Some(day(on)), death: None, new_therapy: None, ..patient };
        counts.adequate.push(day(on - 10));
        let mut longer = counts.clone();
        longer.adequate.push(day(on + later));
        longer.new_therapy = Some(day(on + later));
        longer.death = death(on + later);
        prop_assert_eq!(pfs(&counts, FdaTableA), (on as u32, true));
        prop_assert_eq!(pfs(&longer, FdaTableA), (on as u32, true));
    }
}
