//! Expectations are the sentences of the rules, worked out by hand on a calendar.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::laboratory::{Analyte, LabValue};

const FIRST: Date = date(2026, 1, 1);

fn sample(day: i32, value: &str) -> Sample {
    sample_of(Analyte::Platelets, day, value)
}

fn sample_of(analyte: Analyte, day: i32, value: &str) -> Sample {
    let value =
        LabValue::new(analyte, format!("{value} 10^9/L").parse().unwrap(), Some(150.into()), None).unwrap();
    Sample::new(study_date(FIRST, day), value)
}

fn course(cut_day: i32, counts: &[(i32, &str)]) -> Course {
    let mut course = Course::new(FIRST, study_date(FIRST, cut_day));
    course.samples = counts.iter().map(|(day, value)| sample(*day, value)).collect();
    course
}

fn event(term: &str, grade: Option<u8>, day: i32) -> AdverseEvent {
    AdverseEvent {
        key: format!("{term} {day}"),
        term: term.to_owned(),
        class: "Gastrointestinal disorders".to_owned(),
        grade,
        start: study_date(FIRST, day),
        end: Some(study_date(FIRST, day + 2)),
        related: None,
        serious: Some(false),
    }
}

fn rules(json: &str) -> Rules {
    serde_json::from_str(&format!("[{{\"id\": \"r\", \"text\": \"the rule\", {json}}}]")).unwrap()
}

fn evaluated(json: &str, course: &Course) -> Evaluation {
    evaluate(&rules(json), course, &Window::new(FIRST, 85, None, 0), Version::V5)
}

const BELOW_25_FOR_7: &str = r#""lab": {"analyte": "platelets", "below": "25 10^9/L", "more-than-days": 7}"#;

#[test]
fn a_duration_fires_on_its_lower_bound_and_is_possible_on_its_upper() {
    for (counts, expected) in [
        // Low on days 40 and 48: 8 days at least.
        (
            &[(37, "60"), (40, "20"), (44, "12"), (48, "24"), (52, "30")][..],
            Some((Certainty::Fired, 8, Some(15))),
        ),
        // 7 days at least and 10 at most.
        (&[(39, "60"), (40, "20"), (47, "24"), (49, "25")], Some((Certainty::Possible, 7, Some(10)))),
        // 3 days at least and 7 at most: not more than 7.
        (&[(40, "60"), (42, "20"), (45, "24"), (47, "25")], None),
        // 25 is not below 25.
        (&[(30, "60"), (40, "25"), (60, "25"), (70, "90")], None),
        // Without a sample before, the first low one is the beginning.
        (&[(40, "20"), (47, "30")], None),
        // Two times low with a recovery between are not one.
        (&[(39, "60"), (40, "20"), (43, "30"), (44, "20"), (47, "60")], None),
    ] {
        let evaluation = evaluated(BELOW_25_FOR_7, &course(90, counts));
        let found = evaluation.findings.first().map(|f| {
            let interval = f.interval.unwrap();
            (f.certainty, interval.lower_days, interval.upper_days)
        });
        assert_eq!(found, expected, "{counts:?}");
    }
}

#[test]
fn the_sample_nearest_before_dates_the_beginning() {
    let found =
        evaluated(BELOW_25_FOR_7, &course(90, &[(-20, "90"), (-1, "60"), (5, "20"), (12, "20"), (13, "40")]));
    assert_eq!(found.findings[0].interval, Some(Interval { lower_days: 7, upper_days: Some(13) }));
}

#[test]
fn a_sample_under_support_does_not_end_an_episode() {
    let mut course = course(90, &[(38, "60"), (40, "20"), (48, "20"), (51, "30")]);
    course.samples.push(sample(44, "55").under_support());
    assert_eq!(evaluated(BELOW_25_FOR_7, &course).certainty(), Some(Certainty::Fired));
    course.samples.last_mut().unwrap().supported = false;
    assert_eq!(evaluated(BELOW_25_FOR_7, &course).findings, []);
}

#[test]
fn an_episode_open_at_the_cut_is_possible_since_it_may_yet_last_long_enough() {
    let open = |cut| evaluated(BELOW_25_FOR_7, &course(cut, &[(38, "60"), (40, "20")]));
    assert_eq!(open(41).certainty(), Some(Certainty::Possible));
    let found = open(46);
    assert_eq!(found.certainty(), Some(Certainty::Possible));
    assert_eq!(found.findings[0].interval, Some(Interval { lower_days: 0, upper_days: None }));
    assert_eq!(found.findings[0].onset_day, 40);
}

#[test]
fn not_recovered_by_a_day_waits_for_that_day() {
    let rule = r#""lab": {"analyte": "platelets", "below": "75 10^9/L", "not-recovered-by-day": 85}"#;
    let certainty = |course: &Course| evaluated(rule, course).certainty();
    let low = &[(30, "100"), (40, "20"), (60, "50")][..];
    assert_eq!(certainty(&course(84, low)), None);
    assert_eq!(certainty(&course(85, low)), Some(Certainty::Possible)); // no sample since day 60
    assert_eq!(certainty(&course(90, &[low, &[(85, "74.9")]].concat())), Some(Certainty::Fired));
    assert_eq!(certainty(&course(90, &[low, &[(85, "75")]].concat())), None);
    assert_eq!(certainty(&course(90, &[low, &[(88, "80")]].concat())), Some(Certainty::Possible));
    let mut supported = course(90, low);
    supported.samples.push(sample(86, "90").under_support());
    assert_eq!(certainty(&supported), Some(Certainty::Fired));
}

#[test]
fn a_grade_is_that_of_the_version_of_the_protocol() {
    let rule = rules(r#""lab": {"analyte": "platelets", "grade-at-least": 4}"#);
    let course = course(90, &[(49, "15")]);
    let window = Window::new(FIRST, 85, None, 0);
    assert_eq!(evaluate(&rule, &course, &window, Version::V5).certainty(), Some(Certainty::Fired));
    assert_eq!(evaluate(&rule, &course, &window, Version::V6).certainty(), None);
}

#[test]
fn an_abnormal_baseline_asks_for_worse_by_grades() {
    let rule = r#""lab": {"analyte": "platelets", "grade-at-least": 3, "worse-than-baseline-by-grades": 2}"#;
    let from = |baseline| evaluated(rule, &course(90, &[(-2, baseline), (49, "30")])).certainty();
    assert_eq!(from("60"), None); // grade 2 to grade 3
    assert_eq!(from("90"), Some(Certainty::Fired)); // grade 1 to grade 3
}

#[test]
fn below_a_share_of_baseline_without_a_baseline_is_not_judged() {
    let rule = r#""lab": {"analyte": "platelets", "below-percent-of-baseline": 25}"#;
    assert_eq!(evaluated(rule, &course(90, &[(1, "200"), (49, "49.9")])).certainty(), Some(Certainty::Fired));
    assert_eq!(evaluated(rule, &course(90, &[(1, "200"), (49, "50")])).certainty(), None);
    let unknown = evaluated(rule, &course(90, &[(49, "10")]));
    assert_eq!((unknown.findings.len(), unknown.not_judged.len()), (0, 1));
}

#[test]
fn an_onset_after_the_window_is_late_and_one_within_it_that_lasts_is_not() {
    let counts = &[(70, "60"), (84, "20"), (95, "20"), (100, "80"), (101, "10"), (120, "10")];
    let found = evaluated(BELOW_25_FOR_7, &course(130, counts));
    assert_eq!(found.findings.iter().map(|f| f.onset_day).collect::<Vec<_>>(), [84]);
    assert_eq!(found.late.iter().map(|f| f.onset_day).collect::<Vec<_>>(), [101]);
}

#[test]
fn a_value_that_decides_nothing_is_listed_as_not_judged() {
    let found =
        evaluated(r#""lab": {"analyte": "platelets", "below": "25 10^9/L"}"#, &course(90, &[(49, "<30")]));
    assert_eq!((found.findings.len(), found.not_judged.len()), (0, 1));
    assert!(found.not_judged[0].why.contains("<30"), "{:?}", found.not_judged);
    let found =
        evaluated(r#""lab": {"analyte": "platelets", "below": "30 10^9/L"}"#, &course(90, &[(49, "<30")]));
    assert_eq!(found.certainty(), Some(Certainty::Fired));
}

#[test]
fn adverse_events_count_by_grade_exception_and_attribution() {
    let rule = r#""adverse-event": {"grade-at-least": 3, "except-terms": ["Nausea"], "except-classes": ["Investigations"]}"#;
    let with = |change: fn(&mut AdverseEvent)| {
        let mut course = course(90, &[]);
        let mut one = event("Diarrhoea", Some(3), 10);
        change(&mut one);
        course.adverse_events.push(one);
        evaluated(rule, &course)
    };
    assert_eq!(with(|_| {}).certainty(), Some(Certainty::Fired)); // relation not recorded: it counts
    assert_eq!(with(|e| e.related = Some(true)).certainty(), Some(Certainty::Fired));
    assert_eq!(with(|e| e.related = Some(false)).certainty(), None);
    assert_eq!(with(|e| e.grade = Some(2)).certainty(), None);
    assert_eq!(with(|e| e.term = "NAUSEA".to_owned()).certainty(), None);
    assert_eq!(with(|e| e.class = "Investigations".to_owned()).certainty(), None);
    assert_eq!(with(|e| e.start = study_date(FIRST, -3)).certainty(), None);
    assert_eq!(with(|e| e.grade = None).not_judged.len(), 1);
    assert_eq!(with(|e| (e.start, e.end) = (study_date(FIRST, 87), None)).late.len(), 1);
}

#[test]
fn an_event_lasts_from_its_first_day_to_its_last_both_counted() {
    let rule = r#""attribution": "any", "adverse-event": {"grade-at-least": 3, "terms": ["Nausea"], "more-than-days": 3}"#;
    let lasting = |days: i32| {
        let mut course = course(90, &[]);
        let end = Some(study_date(FIRST, 9 + days));
        course.adverse_events.push(AdverseEvent {
            end,
            related: Some(false),
            ..event("Nausea", Some(3), 10)
        });
        evaluated(rule, &course).certainty()
    };
    assert_eq!(lasting(3), None);
    assert_eq!(lasting(4), Some(Certainty::Fired));
}

#[test]
fn conditions_of_all_of_must_hold_at_the_same_time() {
    let rule = r#""all-of": [
        {"lab": {"analyte": "platelets", "grade-at-least": 3}},
        {"adverse-event": {"grade-at-least": 2, "terms": ["Epistaxis"]}}]"#;
    let bleeding_on = |day| {
        let mut course = course(90, &[(36, "80"), (40, "30"), (50, "30"), (54, "60")]);
        course.adverse_events.push(event("Epistaxis", Some(2), day));
        evaluated(rule, &course).findings.first().map(|f| (f.certainty, f.onset_day))
    };
    assert_eq!(bleeding_on(45), Some((Certainty::Fired, 45)));
    assert_eq!(bleeding_on(52), Some((Certainty::Possible, 52))); // between the last low count and the first higher
    assert_eq!(bleeding_on(60), None);
    assert_eq!(bleeding_on(20), None);
}

#[test]
fn a_delay_counts_through_toxicity_and_is_possible_without_a_reason() {
    let rule = r#""fraction": {"delayed-more-than-days": 14, "omitted": true}"#;
    let fraction = |outcome, reason| {
        let mut course = course(60, &[]);
        course.fractions.push(Fraction { planned: study_date(FIRST, 15), outcome, reason });
        evaluated(rule, &course).certainty()
    };
    let given = |day| FractionOutcome::Given { on: study_date(FIRST, day), reduced: false };
    assert_eq!(fraction(given(30), Some(Reason::Toxicity)), Some(Certainty::Fired));
    assert_eq!(fraction(given(29), Some(Reason::Toxicity)), None);
    assert_eq!(fraction(given(30), Some(Reason::Other)), None);
    assert_eq!(fraction(given(30), None), Some(Certainty::Possible));
    assert_eq!(fraction(FractionOutcome::Omitted, Some(Reason::Toxicity)), Some(Certainty::Fired));
    assert_eq!(fraction(FractionOutcome::Awaited, Some(Reason::Toxicity)), Some(Certainty::Fired));
}

#[test]
fn a_transfusion_still_needed_after_a_day_is_a_finding_and_one_by_that_day_is_not() {
    let rule = r#""support": {"kinds": ["platelet-transfusion"], "after-day": 42}"#;
    let given = |kind, earliest, latest| {
        let mut course = course(90, &[]);
        let (earliest, latest) = (study_date(FIRST, earliest), study_date(FIRST, latest));
        course.support.push(Support { kind, earliest, latest });
        evaluated(rule, &course).findings.first().map(|f| (f.certainty, f.onset_day))
    };
    let platelets = SupportKind::PlateletTransfusion;
    assert_eq!(given(platelets, 42, 42), None);
    assert_eq!(given(platelets, 43, 43), Some((Certainty::Fired, 43)));
    assert_eq!(given(platelets, 40, 60), Some((Certainty::Possible, 43)), "recorded by its month only");
    assert_eq!(given(SupportKind::RedCellTransfusion, 50, 50), None);
    assert_eq!(given(platelets, 91, 91), None, "after the cut");
    assert!(
        serde_json::from_str::<Rules>(r#"[{"id": "a", "text": "", "support": {"kinds": []}}]"#)
            .unwrap_err()
            .to_string()
            .contains("platelet-transfusion")
    );
}

#[test]
fn a_late_nadir_counts_as_any_other() {
    // Source: 131I-CHT-25, platelets lowest on day 38 and neutrophils on day 53 (Clin Cancer Res 2009;15:7701).
    let mut course = course(90, &[(10, "190"), (31, "60"), (38, "15"), (48, "22"), (55, "60")]);
    let neutrophils = |day, count: &str| {
        let value = format!("{count} 10^9/L").parse().unwrap();
        Sample::new(
            study_date(FIRST, day),
            LabValue::new(Analyte::Neutrophils, value, Some(2.into()), None).unwrap(),
        )
    };
    course.samples.extend([neutrophils(40, "1.2"), neutrophils(46, "0.4"), neutrophils(53, "0.3")]);
    course.samples.extend([neutrophils(58, "0.4"), neutrophils(65, "1.6")]);
    let both = r#""lab": {"analyte": "neutrophils", "grade-at-least": 4, "more-than-days": 7}"#;
    assert_eq!(evaluated(both, &course).findings[0].onset_day, 46);
    assert_eq!(evaluated(both, &course).certainty(), Some(Certainty::Fired));
    assert_eq!(evaluated(BELOW_25_FOR_7, &course).certainty(), Some(Certainty::Fired));
}

#[test]
fn febrile_neutropenia_counts_whatever_it_was_attributed_to() {
    let rule =
        r#""attribution": "any", "adverse-event": {"grade-at-least": 3, "terms": ["Febrile neutropenia"]}"#;
    let mut course = course(90, &[]);
    course
        .adverse_events
        .push(AdverseEvent { related: Some(false), ..event("Febrile neutropenia", Some(3), 44) });
    assert_eq!(evaluated(rule, &course).certainty(), Some(Certainty::Fired));
}

#[test]
fn rules_that_cannot_be_evaluated_are_refused_all_at_once() {
    let error = serde_json::from_str::<Rules>(
        r#"[{"id": "a", "text": "", "lab": {"analyte": "platelets", "below": "25 g/L"}},
            {"id": "b", "text": "", "lab": {"analyte": "platelets"}, "from-day": 0},
            {"id": "c", "text": ""},
            {"id": "c", "text": "", "adverse-event": {"grade-at-least": 6}},
            {"id": "d", "text": "", "fraction": {}}]"#,
    );
    let error = error.unwrap_err().to_string();
    for part in [
        "\"g/L\"",
        "10^9/L",
        "0 bounds",
        "from-day = 0",
        "0 conditions",
        "twice",
        "grade 6",
        "names no change",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let unknown =
        serde_json::from_str::<Rules>(r#"[{"id": "a", "text": "", "dose": 3}]"#).unwrap_err().to_string();
    assert!(unknown.contains("dose"), "{unknown}");
}

#[test]
fn rules_are_written_as_they_were_read() {
    let json = r#"[{"id":"a","text":"t","lab":{"analyte":"platelets","below":"baseline","not-recovered-by-day":85},"attribution":"related"}]"#;
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Rules>(json).unwrap()).unwrap(), json);
}

#[test]
fn there_is_no_study_day_0() {
    for (day, expected) in [(1, date(2026, 1, 1)), (-1, date(2025, 12, 31)), (85, date(2026, 3, 26))] {
        assert_eq!(study_date(FIRST, day), expected);
        assert_eq!(study_day(FIRST, expected), day);
    }
}

#[test]
fn the_window_ends_at_the_later_of_its_two_ends() {
    assert_eq!(Window::new(FIRST, 85, Some(study_date(FIRST, 15)), 42).end, date(2026, 3, 27));
    assert_eq!(Window::new(FIRST, 85, Some(study_date(FIRST, 71)), 42).end, study_date(FIRST, 113));
    let window = Window::new(FIRST, 85, None, 0);
    assert_eq!(window.follow_up_share(date(2025, 1, 1)), 0.into());
    assert_eq!(window.follow_up_share(date(2027, 1, 1)), 1.into());
    assert!(!window.is_complete(date(2026, 3, 26)) && window.is_complete(date(2026, 3, 27)));
}

#[test]
fn the_largest_gap_runs_to_the_edges_of_the_days_and_no_further_than_the_cut() {
    let course = course(60, &[(10, "90"), (30, "40"), (37, "30"), (52, "20")]);
    assert_eq!(
        largest_gap(&course, Analyte::Platelets, 28, 70),
        Some(Gap { from_day: 37, to_day: 52, days: 15 })
    );
    assert_eq!(
        largest_gap(&course, Analyte::Neutrophils, 28, 70),
        Some(Gap { from_day: 28, to_day: 60, days: 32 })
    );
    assert_eq!(largest_gap(&course, Analyte::Platelets, 61, 70), None);
}

#[test]
fn a_cytopenia_has_baseline_nadir_times_below_and_recovery() {
    let mut course = course(
        90,
        &[(-1, "180"), (1, "170"), (28, "90"), (42, "40"), (49, "21"), (56, "24"), (63, "55"), (77, "100")],
    );
    course.samples.push(sample(70, "80").under_support());
    let found = kinetics(&course, Analyte::Platelets, &[50.into(), 25.into()], 75.into());
    assert_eq!(found.baseline, Some(170.into()));
    let nadir = found.nadir.unwrap();
    assert_eq!((nadir.value, nadir.day), (21.into(), 49));
    let below = |at: usize| {
        found.below[at].1.iter().map(|e| (e.first_day, e.last_day, e.interval)).collect::<Vec<_>>()
    };
    assert_eq!(below(0), [(42, 56, Interval { lower_days: 14, upper_days: Some(35) })]);
    assert_eq!(below(1), [(49, 56, Interval { lower_days: 7, upper_days: Some(21) })]);
    assert_eq!(found.recovery, Some(Recovery { after_day: 70, by_day: Some(77) }));
}

proptest! {
    #[test]
    fn the_order_of_samples_changes_nothing_and_a_lower_count_never_clears(
        mut counts in proptest::collection::btree_map(1i32..100, (0u32..60, any::<bool>()), 1..14),
        at in any::<proptest::sample::Index>(),
    ) {
        let build = |counts: &std::collections::BTreeMap<i32, (u32, bool)>| {
            let mut course = course(110, &[]);
            course.samples = counts.iter().map(|(day, (count, supported))| {
                Sample { supported: *supported, ..sample(*day, &count.to_string()) }
            }).collect();
            course
        };
        let before = build(&counts);
        let mut reversed = before.clone();
        reversed.samples.reverse();
        let window = Window::new(FIRST, 120, None, 0);
        let rules = rules(BELOW_25_FOR_7);
        let found = evaluate(&rules, &before, &window, Version::V5);
        prop_assert_eq!(&found, &evaluate(&rules, &reversed, &window, Version::V5));
        for finding in &found.findings {
            let interval = finding.interval.unwrap();
            prop_assert!(interval.upper_days.is_none_or(|upper| upper >= interval.lower_days));
        }
        let day = *at.get(&counts.keys().copied().collect::<Vec<_>>());
        // The first sample is the only one that a lower count can turn from "well before" into the beginning.
        counts.insert(day, (0, counts[&day].1));
        let worse = evaluate(&rules, &build(&counts), &window, Version::V5);
        if found.certainty() == Some(Certainty::Fired) {
            prop_assert_eq!(worse.certainty(), Some(Certainty::Fired));
        }
    }
}

#[cfg(feature = "schema")]
#[test]
fn rules_have_a_schema() {
    let schema = serde_json::to_string(&schemars::schema_for!(Rules)).unwrap();
    assert!(schema.contains("not-recovered-by-day") && schema.contains("\"array\""), "{schema}");
}
