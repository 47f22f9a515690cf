//! What the analysis tells of single results, follow-up and fractions agrees with what it sums up of them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use posology_clinic::ctcae::Graded;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::endpoint::TimeEndpoint;
use posology_trial::analysis::exposure::FractionExposure;
use posology_trial::analysis::toxicity::analysed_samples;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::Protocol;

fn example() -> Analysis {
    let protocol = Protocol::read(include_str!("../../../examples/clr131/trial.toml")).unwrap().0;
    let chain = Chain::read(include_str!("../../../examples/clr131/events.ndjson")).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    Analysis::of(&protocol, "", &chain, &cut).unwrap()
}

#[test]
fn the_worst_of_the_grades_of_single_results_is_the_worst_grade_of_the_table() {
    let analysis = example();
    let mut compared = 0;
    for patient in &analysis.patients {
        let first = patient.exposure.first();
        let samples = analysed_samples(&analysis.protocol, &patient.facts, first);
        assert!(samples.is_sorted_by_key(|analysed| analysed.sample.date));
        let mut worst = BTreeMap::new();
        for analysed in samples.iter().filter(|analysed| analysed.counts && !analysed.is_baseline) {
            for graded in &analysed.grades {
                let key = (analysed.sample.value.analyte, graded.direction);
                let known = worst.entry(key).or_insert(None);
                *known = graded.grade().max(*known);
            }
        }
        for summed in &patient.worst_grades {
            let found = worst.get(&(summed.analyte, summed.direction)).copied().flatten();
            assert_eq!(found, summed.worst, "{} {}", patient.id, summed.term);
            let baseline = samples
                .iter()
                .find(|analysed| analysed.is_baseline && analysed.sample.value.analyte == summed.analyte);
            let graded = baseline.and_then(|analysed| {
                analysed
                    .grades
                    .iter()
                    .find(|graded| graded.direction == summed.direction)
                    .and_then(Graded::grade)
            });
            assert_eq!(graded, summed.baseline, "{} {}", patient.id, summed.term);
            compared += 1;
        }
        // Each result says which fact it is, but for calcium corrected from two of them.
        for analysed in &samples {
            let Some(place) = analysed.sample.recorded else {
                assert_eq!(analysed.sample.value.analyte.id(), "corrected-calcium");
                continue;
            };
            let fact = &patient.facts.laboratory[place];
            assert_eq!(fact.analyte, Some(analysed.sample.value.analyte));
            assert_eq!(fact.at.as_ref().unwrap().date(), Some(analysed.sample.date));
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn without_a_fraction_no_result_counts_and_none_is_graded() {
    let analysis = example();
    let patient = &analysis.patients[0];
    let samples = analysed_samples(&analysis.protocol, &patient.facts, None);
    assert!(!samples.is_empty());
    assert!(samples.iter().all(|analysed| {
        !analysed.counts && !analysed.is_baseline && analysed.grades.is_empty() && analysed.baseline.is_none()
    }));
}

#[test]
fn the_share_of_the_window_is_that_of_the_last_day_followed() {
    for patient in &example().patients {
        let (Some(window), Some(to)) = (patient.window, patient.dlt.followed_to) else {
            assert!(!patient.is_treated());
            continue;
        };
        assert_eq!(window.follow_up_share(to), patient.dlt.share, "{}", patient.id);
    }
}

#[test]
fn the_rule_of_a_time_is_the_last_word_of_its_reason() {
    let analysis = example();
    let set = analysis.protocol.times.censoring;
    let times = analysis.times(TimeEndpoint::OverallSurvival, set, analysis.patients.iter());
    for (patient, time) in times.counted {
        assert_eq!(time.rule(), if time.is_event { "death" } else { "alive" }, "{}", patient.id);
    }
}

#[test]
fn a_fraction_awaited_is_not_omitted_and_one_at_the_bound_is_not_reduced() {
    let mci = |value: i64| posology_clinic::quantity::Activity::from_mci(value.into()).unwrap();
    let fraction = FractionExposure {
        number: 2,
        optional: false,
        per_area: None,
        first_prescribed: Some(mci(20)),
        prescribed: Some(mci(20)),
        planned: None,
        given: None,
        net: None,
        delay_days: None,
        reason: None,
        through_toxicity: None,
        flags: Vec::new(),
    };
    assert!(!fraction.is_omitted() && !fraction.is_reduced(90));
    let omitted = FractionExposure { reason: Some("thrombocytopenia".to_owned()), ..fraction.clone() };
    assert!(omitted.is_omitted() && !omitted.is_reduced(90));
    let given = |net| FractionExposure {
        given: Some(jiff::civil::date(2019, 1, 8)),
        net: Some(mci(net)),
        ..fraction.clone()
    };
    assert!(!given(18).is_reduced(90), "90% is not below 90%");
    assert!(given(17).is_reduced(90) && !given(17).is_omitted());
}
