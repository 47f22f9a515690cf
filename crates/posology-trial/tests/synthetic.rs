//! The example's patients: made again, and true to their plan whatever the seed.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::Category;
use posology_trial::event::{Amount, Chain, Fact};
use posology_trial::protocol::Protocol;
use posology_trial::synthetic::{AssessedPlan, BadPlan, Marker, PatientPlan, Plan, synthesize};
use proptest::prelude::*;
use rust_decimal::Decimal;

const PROTOCOL: &str = include_str!("../../../examples/clr131/trial.toml");
const PLAN: &str = include_str!("../../../examples/clr131/patients.toml");

fn example(plan: &Plan, seed: u64) -> Chain {
    let protocol = Protocol::read(PROTOCOL).unwrap().0;
    synthesize(&protocol, PROTOCOL, plan, seed).unwrap()
}

fn plan() -> Plan {
    Plan::read(PLAN).unwrap()
}

fn facts(chain: &Chain) -> impl Iterator<Item = &Fact> {
    chain.entries().iter().map(|entry| &entry.event.fact)
}

fn patients(plan: &Plan) -> impl Iterator<Item = (&str, &PatientPlan)> {
    plan.cohort
        .iter()
        .flat_map(|cohort| cohort.patient.iter().map(move |patient| (cohort.id.as_str(), patient)))
}

/// The results of an analyte of a subject by study day, those of the first fraction's day and before as baseline.
fn values(chain: &Chain, patient: &PatientPlan, analyte: Analyte) -> BTreeMap<i32, Decimal> {
    facts(chain)
        .filter_map(|fact| match fact {
            Fact::Laboratory(lab) if lab.subject == patient.subject && lab.analyte == Some(analyte) => {
                Some(lab)
            }
            _ => None,
        })
        .map(|lab| {
            let days =
                patient.first_fraction.until(lab.at.as_ref().unwrap().date().unwrap()).unwrap().get_days();
            (if days >= 0 { days + 1 } else { days }, lab.result.as_ref().unwrap().parse().unwrap())
        })
        .collect()
}

/// The driving marker by study day: the protein, or involved less uninvolved light chain.
fn driving(chain: &Chain, patient: &PatientPlan) -> BTreeMap<i32, Decimal> {
    let of = |analyte| values(chain, patient, analyte);
    let less = |a: BTreeMap<i32, Decimal>, b: BTreeMap<i32, Decimal>| {
        a.iter().map(|(day, a)| (*day, a - b[day])).collect()
    };
    match patient.marker.unwrap() {
        Marker::SerumIgg | Marker::SerumIga => of(Analyte::SerumMProtein),
        Marker::Urine => of(Analyte::UrineMProtein),
        Marker::FreeKappa => less(of(Analyte::FreeKappa), of(Analyte::FreeLambda)),
        Marker::FreeLambda => less(of(Analyte::FreeLambda), of(Analyte::FreeKappa)),
    }
}

fn last_day(fact: &Fact) -> Option<Date> {
    fact.clinical_time().map(|when| when.latest_date())
}

#[test]
fn the_patients_of_the_checked_in_record_are_made_again() {
    let plan = plan();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131/events.ndjson");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.len() < 3_500_000, "{} bytes", text.len());
    let checked_in = Chain::read(&text).unwrap();
    assert_eq!(checked_in.write(), text);
    // What people do around them (directives, assays, screening) is put in when the trial is conducted.
    let made = example(&plan, plan.seed);
    let mut there = facts(&checked_in);
    for fact in facts(&made).filter(|fact| fact.subject().is_some()) {
        assert!(
            there.any(|other| other == fact),
            "{fact:?} is not in examples/clr131/events.ndjson in this order: make it anew with `posology trial synthesize examples/clr131`"
        );
    }
}

#[test]
fn a_patient_does_not_depend_on_the_others_or_their_order() {
    let plan = plan();
    let whole = example(&plan, 7);
    let mut reversed = plan.clone();
    reversed.cohort.iter_mut().for_each(|cohort| cohort.patient.reverse());
    reversed.cohort.reverse();
    let of = |chain: &Chain, subject: &str| -> Vec<Fact> {
        facts(chain).filter(|fact| fact.subject() == Some(subject)).cloned().collect()
    };
    let reversed = example(&reversed, 7);
    assert_eq!(whole.head(), reversed.head());
    let mut alone = plan.clone();
    alone.cohort.retain(|cohort| cohort.id == "C6");
    alone.cohort[0].patient.truncate(1);
    let subject = &plan.cohort[5].patient[0].subject;
    assert_eq!(of(&whole, subject), of(&example(&alone, 7), subject));
}

#[test]
fn facts_are_recorded_in_order_and_none_is_later_than_the_last() {
    let plan = plan();
    let chain = example(&plan, plan.seed);
    let recorded: Vec<_> = chain.entries().iter().map(|entry| entry.event.recorded_at).collect();
    assert!(recorded.is_sorted());
    let days: BTreeSet<Date> = facts(&chain).filter_map(last_day).collect();
    assert_eq!(days.last(), Some(&plan.last_fact));
    // A prescription is recorded before the day it is planned for; everything else after it happened.
    let happened = chain.entries().iter().filter(|entry| !matches!(entry.event.fact, Fact::Prescription(_)));
    assert!(happened.into_iter().all(|entry| {
        let at = entry.event.recorded_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        last_day(&entry.event.fact).is_none_or(|day| day < at)
    }));
}

#[test]
fn cohort_six_is_under_review_with_every_window_closed_and_cohort_seven_is_not_open() {
    let plan = plan();
    let chain = example(&plan, plan.seed);
    assert!(plan.cohort[5].review.is_none());
    for patient in &plan.cohort[5].patient {
        assert!(
            patient.first_fraction.until(plan.last_fact).unwrap().get_days() >= 85,
            "{}",
            patient.subject
        );
    }
    assert!(facts(&chain).all(|fact| !matches!(fact, Fact::CohortOpened(opened) if opened.cohort == "C7")));
}

#[test]
fn published_survival_is_met() {
    // MUK and HT-2019-02: 26.2 months in cohort 1; 22.0 months in the 15 or 16 patients given one activity.
    let months = |days: f64| (days / 30.4375 * 10.0).round() / 10.0;
    let plan = plan();
    let median = |cohorts: &[&str]| {
        let mut times: Vec<(i32, bool)> = patients(&plan)
            .filter(|(cohort, patient)| cohorts.contains(cohort) && patient.withdrawal.is_none())
            .map(|(_, patient)| {
                let alive = patient.first_fraction.until(plan.last_fact).unwrap().get_days() + 1;
                patient.death.map_or((alive, false), |day| (day, true))
            })
            .collect();
        times.sort_unstable();
        let mut survival = 1.0;
        for (index, (day, died)) in times.iter().enumerate() {
            if *died {
                survival *= 1.0 - 1.0 / (times.len() - index) as f64;
            }
            if survival <= 0.5 + 1e-9 {
                return months(f64::from(*day));
            }
        }
        f64::INFINITY
    };
    assert_eq!(median(&["C1"]), 26.2);
    assert_eq!(median(&["C1", "C2", "C3", "C4"]), 22.0);
}

#[test]
fn published_times_to_progression_and_earlier_lines_are_met() {
    // PR-2016-12: mean PFS 88.5 days over 4 patients, 127 days over 4 with 1 free of progression; MUK: 5.8 lines.
    let plan = plan();
    let days = |cohort: usize, by: Date| -> i32 {
        let reported = plan.cohort[cohort].patient.iter().filter(|patient| patient.withdrawal.is_none());
        reported
            .map(|patient| {
                let seen = patient.first_fraction.until(by).unwrap().get_days() + 1;
                patient.response.as_ref().unwrap().progression.unwrap().min(seen)
            })
            .sum()
    };
    assert_eq!(days(0, date(2016, 12, 1)), 354);
    assert_eq!(days(1, date(2016, 12, 1)), 508);
    assert_eq!(plan.cohort[0].patient.iter().map(|patient| patient.earlier_lines).sum::<u32>(), 29);
}

#[test]
fn lowest_counts_come_about_day_49_and_recover_some_16_days_later() {
    let plan = plan();
    for nadir in [
        |patient: &PatientPlan| patient.platelets.clone(),
        |patient: &PatientPlan| patient.neutrophils.clone(),
    ] {
        let (days, recovery): (Vec<i32>, Vec<i32>) =
            patients(&plan).map(|(_, patient)| (nadir(patient).day, nadir(patient).recovery_days)).unzip();
        let mean = |days: &[i32]| f64::from(days.iter().sum::<i32>()) / days.len() as f64;
        assert!((mean(&days) - 49.0).abs() < 2.0, "{}", mean(&days));
        assert!((mean(&recovery) - 16.0).abs() < 1.0, "{}", mean(&recovery));
    }
}

#[test]
fn a_plan_against_the_protocol_or_itself_is_refused_by_name() {
    let protocol = Protocol::read(PROTOCOL).unwrap().0;
    for (from, to, place) in [
        ("id = \"C3\"", "id = \"C9\"", "C9"),
        ("change-percent = \"-48.0\"", "change-percent = \"-48.1\"", "response.change-percent"),
        (
            "best = \"MR\", change-percent = \"-48.0\"",
            "best = \"PR\", change-percent = \"-48.0\"",
            "response.best",
        ),
        ("baseline = \"3.75\"", "baseline = \"0.75\"", "baseline"),
        ("lowest = \"31\"", "lowest = \"31.5\"", "platelets"),
        ("enrolled = \"2018-11-01\"", "enrolled = \"2018-11-11\"", "first-fraction"),
        ("enrolled = \"2018-11-01\"", "enrolled = \"2018-01-11\"", "enrolled"),
        ("CLR131-01-601", "CLR131-01-101", "CLR131-01-101"),
        ("day = 134, name", "day = 120, name", "new-therapy.day"),
        ("death = 797", "death = 2147483647", "death"),
        ("baseline = \"3.75\"", "baseline = \"7922816251426433759354395033\"", "baseline"),
        (
            "change-percent = \"-48.0\"",
            "change-percent = \"7922816251426433759354395033\"",
            "response.change-percent",
        ),
        (
            "earlier-lines = 5\n",
            "earlier-lines = 5\ndelay = { days = 2, reason = \"Road closed\" }\n",
            "delay",
        ),
    ] {
        let text = PLAN.replacen(from, to, 1);
        assert_ne!(text, PLAN, "{from}");
        let error = synthesize(&protocol, PROTOCOL, &Plan::read(&text).unwrap(), 1).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
    }
    let unknown = PLAN.replacen("seed =", "sead =", 1);
    assert!(matches!(Plan::read(&unknown), Err(BadPlan::NotAPlan { .. })));
}

/// Days from the last count at or above a limit to the first one at or above it again, around the lowest.
fn longest_below(values: &BTreeMap<i32, Decimal>, limit: Decimal) -> i32 {
    let mut longest = 0;
    let mut above = -7;
    let mut below = false;
    for (&day, &value) in values {
        if value >= limit {
            if below {
                longest = longest.max(day - above);
            }
            (above, below) = (day, false);
        } else {
            below = true;
        }
    }
    assert!(!below, "not recovered at the last count");
    longest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_seed_each_patient_has_the_planned_course(seed: u64) {
        let plan = plan();
        let chain = example(&plan, seed);
        for (cohort, patient) in patients(&plan) {
            let name = format!("{cohort} {}", patient.subject);
            let marker = driving(&chain, patient);
            let baseline = patient.baseline.unwrap();
            prop_assert_eq!(marker[&-7], baseline, "{}", name);
            if let Some(response) = &patient.response {
                let after = marker.range(1..).map(|(_, value)| *value);
                let lowest = after.min().unwrap();
                let change = (lowest - baseline) * Decimal::ONE_HUNDRED / baseline;
                prop_assert_eq!(change.round_dp(1), response.change_percent, "{}", name);
            }
            for (analyte, nadir, limit, recovered) in [
                (Analyte::Platelets, &patient.platelets, Decimal::from(25), Decimal::from(75)),
                (Analyte::Neutrophils, &patient.neutrophils, Decimal::new(5, 1), Decimal::new(15, 1)),
            ] {
                let counts = values(&chain, patient, analyte);
                if patient.withdrawal.is_some() { continue; }
                let lowest = counts.iter().min_by_key(|(day, value)| (**value, **day)).unwrap();
                prop_assert_eq!((*lowest.0, *lowest.1), (nadir.day, nadir.lowest), "{}", name);
                // Even the longest time compatible with the sampling is no dose-limiting toxicity.
                prop_assert!(longest_below(&counts, limit) <= 7, "{} {:?}", name, counts);
                prop_assert!(counts.range(nadir.day + nadir.recovery_days..).all(|(_, value)| *value >= recovered.min(nadir.lowest)), "{}", name);
                prop_assert!(counts[&85] >= recovered, "{} {:?}", name, counts);
                let window: Vec<i32> = counts.range(22..=78).map(|(day, _)| *day).collect();
                prop_assert!(window.windows(2).all(|pair| pair[1] - pair[0] <= 9), "{}", name);
            }
        }
    }

    #[test]
    fn whatever_the_seed_95_to_103_percent_of_the_prescribed_activity_is_given(seed: u64) {
        let chain = example(&plan(), seed);
        let mut prescribed = BTreeMap::new();
        let mut given = 0;
        for fact in facts(&chain) {
            match fact {
                Fact::Prescription(p) => {
                    prescribed.insert((p.subject.clone(), p.fraction), p.activity.unwrap().mci());
                }
                Fact::Administration(a) => {
                    let Some(Amount::Activity(activity)) = &a.amount else { continue };
                    let percent = activity.mci() * Decimal::ONE_HUNDRED / prescribed[&(a.subject.clone(), a.fraction.unwrap())];
                    prop_assert!((Decimal::from(95)..=Decimal::from(103)).contains(&percent), "{}", percent);
                    given += 1;
                }
                _ => {}
            }
        }
        prop_assert_eq!(given, 5 + 4 + 4 + 3 + 2 * 4 + 2 * 4);
    }

    #[test]
    fn no_plan_makes_the_generator_panic(
        cohort in 0..6_usize,
        days in proptest::array::uniform6(prop_oneof![any::<i32>(), 1..400_i32]),
        values in proptest::array::uniform4(prop_oneof![any::<i64>(), 1..6_000_i64]),
        year in -9998..9999_i16,
        scale in 0..3_u32,
    ) {
        let mut plan = plan();
        plan.cohort = vec![plan.cohort.swap_remove(cohort)];
        plan.cohort[0].patient.truncate(1);
        let patient = &mut plan.cohort[0].patient[0];
        let [baseline, change, platelets, neutrophils] = values.map(|value| Decimal::new(value, scale));
        patient.baseline = Some(baseline);
        (patient.optional_fraction, patient.weight) = (Some(days[2]), Some(platelets));
        (patient.age, patient.height) = (Some(i64::from(days[3])), Some(i64::from(days[4])));
        if days[5] % 2 == 0 {
            (patient.age, patient.height, patient.weight) = (None, None, None);
        }
        patient.platelets.lowest = platelets;
        patient.neutrophils.lowest = neutrophils;
        [patient.platelets.day, patient.platelets.recovery_days, patient.neutrophils.day] = [days[0], days[1], days[2]];
        patient.death = Some(days[3]);
        if let Some(response) = &mut patient.response {
            response.change_percent = change;
            (response.day, response.progression) = (days[4], Some(days[5]));
        }
        if days[0] % 2 == 0 {
            patient.response = None;
        }
        if days[0] % 4 == 0 {
            (patient.marker, patient.baseline) = (None, None);
            let each = [(days[4], Category::Stable), (days[5], Category::Progressive)];
            patient.assessed = each.map(|(day, response)| AssessedPlan { day, response }).to_vec();
        }
        if days[1] % 3 == 0 {
            (patient.enrolled, patient.first_fraction) = (date(year, 1, 1), date(year, 1, 2));
            (plan.cohort[0].opened, plan.last_fact) = (date(year, 1, 1), date(year, 12, 31));
        }
        let protocol = Protocol::read(PROTOCOL).unwrap().0;
        let _ = synthesize(&protocol, PROTOCOL, &plan, 1);
    }
}
