//! The figures of the example trial: who is drawn, and whether the numbers are those of the analysis.

use std::sync::LazyLock;

use posology_trial::analysis::decision::Counts;
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, sha256};
use posology_trial::protocol::Protocol;

use super::*;
use crate::packet::ProgramVersion;
use crate::table::rounded;

static EXAMPLE: LazyLock<Analysis> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let (text, chain) = (read("trial.toml"), Chain::read(&read("events.ndjson")).unwrap());
    let (protocol, _) = Protocol::read(&text).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut).unwrap()
});

static FIGURES: LazyLock<Vec<(&str, Figure)>> = LazyLock::new(|| of_cohort("C6"));

fn of_cohort(cohort: &str) -> Vec<(&'static str, Figure)> {
    let program = ProgramVersion { name: "posology".to_owned(), version: "0.0.0".to_owned() };
    let cohort = EXAMPLE.cohort(cohort).unwrap();
    compose(Review { analysis: &EXAMPLE, cohort, program: &program, recorded: None })
}

fn figure(id: &str) -> &'static Figure {
    FIGURES.iter().map(|(_, figure)| figure).find(|figure| figure.id == id).unwrap()
}

/// A column of the table behind a figure.
fn column(figure: &Figure, name: &str) -> Vec<String> {
    let place = figure.data.header.iter().position(|header| header == name).unwrap();
    figure.data.rows.iter().map(|row| row[place].clone()).collect()
}

fn treated() -> Vec<&'static PatientAnalysis> {
    EXAMPLE.patients.iter().filter(|patient| patient.is_treated()).collect()
}

#[test]
fn every_treated_patient_is_drawn_once_or_named_with_a_reason() {
    let mut expected: Vec<String> = treated().iter().map(|patient| short(patient)).collect();
    expected.sort();
    assert!(expected.windows(2).all(|pair| pair[0] != pair[1]), "short names differ");
    for id in ["F1", "F4", "F5", "F6"] {
        let figure = figure(id);
        let mut found = column(figure, "Subject");
        if id == "F6" {
            found.dedup(); // a row a value
        }
        found.extend(figure.not_drawn.iter().map(|absent| absent.subject.clone()));
        found.sort();
        if id == "F1" {
            found.retain(|subject| expected.contains(subject)); // it names the untreated too
        }
        assert_eq!(found, expected, "{id}");
        assert!(figure.not_drawn.iter().all(|absent| !absent.reason.is_empty()), "{id}");
    }
}

/// Source: the press releases on cohort 6 report a fall by 48% in one patient, a minimal response.
#[test]
fn the_waterfall_shows_the_minimal_response_of_minus_48_percent_at_level_6() {
    let figure = figure("F5");
    let [levels, changes, responses] =
        ["Level", "Best change from baseline (%)", "Best response"].map(|name| column(figure, name));
    let shown = (0..levels.len())
        .any(|row| levels[row] == "DL6" && changes[row] == "-48.0" && responses[row] == "MR");
    assert!(shown, "{:?}", figure.data.rows);
}

#[test]
fn best_changes_are_those_of_the_analysis() {
    let figure = figure("F5");
    let drawn: Vec<_> =
        std::iter::zip(column(figure, "Subject"), column(figure, "Best change from baseline (%)")).collect();
    let expected: Vec<_> = treated()
        .iter()
        .filter_map(|patient| Some((short(patient), rounded(patient.response.best_percent()?, 1))))
        .collect();
    assert_eq!(drawn.len(), expected.len());
    assert!(expected.iter().all(|pair| drawn.contains(pair)));
}

#[test]
fn the_history_counts_each_status_as_the_analysis_does() {
    let figure = figure("F1");
    let [cohorts, statuses] = ["Cohort", "DLT status"].map(|name| column(figure, name));
    for cohort in &EXAMPLE.cohorts {
        let counts = Counts::of(EXAMPLE.patients_of(cohort));
        let drawn = |words: &str| {
            let rows = std::iter::zip(&cohorts, &statuses).filter(|(id, _)| **id == cohort.id);
            u32::try_from(rows.filter(|(_, status)| status.starts_with(words)).count()).unwrap()
        };
        let expected = [counts.dlt, counts.no_dlt, counts.not_evaluable];
        assert_eq!(["DLT", "no DLT", "not evaluable"].map(drawn), expected, "{}", cohort.id);
    }
}

#[test]
fn the_rate_of_all_levels_is_the_sum_of_the_levels_and_that_of_the_analysis() {
    let definition = &EXAMPLE.protocol.rate[0];
    let figure = figure(&format!("rate-{}", definition.id));
    let rate = EXAMPLE.rate(definition, EXAMPLE.patients.iter(), true);
    for (name, expected) in [("n", rate.successes()), ("N", rate.denominator())] {
        let mut numbers: Vec<u32> = column(figure, name).iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(numbers.pop(), Some(expected), "{name}");
        assert_eq!(numbers.iter().sum::<u32>(), expected, "{name}");
    }
}

#[test]
fn every_figure_says_that_the_patients_are_synthetic_and_where_the_data_end() {
    for (_, figure) in FIGURES.iter() {
        assert!(figure.svg().contains("Synthetic patients"), "{}", figure.id);
        assert!(figure.svg().contains("2019-"), "{}", figure.id);
    }
}

#[test]
fn a_cohort_without_a_patient_still_gets_its_figures() {
    let ids: Vec<String> = of_cohort("C7").into_iter().map(|(_, figure)| figure.id).collect();
    assert!(ids.contains(&"F1".to_owned()) && !ids.iter().any(|id| id.starts_with("F9")), "{ids:?}");
}

#[test]
fn each_value_of_the_cohort_under_review_stands_in_the_curves() {
    for (analyte, id) in [(Analyte::Platelets, "F9-platelets"), (Analyte::Neutrophils, "F9-neutrophils")] {
        let cohort = EXAMPLE.cohort("C6").unwrap();
        let points = EXAMPLE
            .patients_of(cohort)
            .flat_map(|patient| &patient.kinetics)
            .filter(|kinetics| kinetics.analyte == analyte)
            .map(|kinetics| kinetics.points.len())
            .sum::<usize>();
        assert_eq!(figure(id).data.rows.len(), points, "{id}");
    }
}

#[test]
#[ignore = "writes pictures to look at, to the folder in FIGURES"]
fn pictures_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var_os("FIGURES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (section, figure) in FIGURES.iter() {
        let stem = format!("{section}-{}", figure.id);
        std::fs::write(folder.join(format!("{stem}.png")), figure::png::write(figure.svg(), 1280).unwrap())
            .unwrap();
        let words = format!("{}\n{}\n{}\n{:?}\n", figure.title, figure.alt, figure.caption, figure.not_drawn);
        std::fs::write(folder.join(format!("{stem}.txt")), words).unwrap();
    }
}
