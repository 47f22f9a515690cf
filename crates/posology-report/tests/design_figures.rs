//! Figures of a design's characteristics, drawn from the exact engine.
#![allow(clippy::unwrap_used, missing_docs)]

use posology_design::characteristics::{Scenario, Yardstick};
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::paths::{Pathway, pathways};
use posology_design::{Data, Design, Estimate};
use posology_report::figure::{
    Course, DesignInScenario, Distributions, Figure, Frame, Pathways, Posterior, PosteriorLevel,
    ScenarioPanel, SelectionBars, Spread, TruthCurves,
};

const TRUTHS: [(&str, [f64; 5]); 3] = [
    ("MTD at level 3", [0.05, 0.15, 0.30, 0.45, 0.60]),
    ("All too toxic", [0.50, 0.60, 0.70, 0.75, 0.80]),
    ("Steep", [0.01, 0.03, 0.08, 0.30, 0.65]),
];

fn design(settings: &str) -> Design {
    serde_json::from_str(settings).unwrap()
}

fn levels() -> Vec<String> {
    (1..=5).map(|level| format!("level {level}")).collect()
}

fn bars(designs: &[(&str, Design)]) -> SelectionBars {
    let scenarios: Vec<Scenario> = TRUTHS.iter().map(|(_, truth)| Scenario::of(truth)).collect();
    let graphs: Vec<(String, Vec<_>)> = designs
        .iter()
        .map(|(name, design)| {
            let graph = Graph::compile(design, STATES_MAX, 1).unwrap();
            let yardstick = Yardstick::new(0.3, graph.planned(design));
            ((*name).to_owned(), graph.characteristics(&scenarios, yardstick, 1).unwrap())
        })
        .collect();
    let panel = |(place, (name, truth)): (usize, &(&str, [f64; 5]))| ScenarioPanel {
        name: (*name).to_owned(),
        truth: truth.to_vec(),
        true_mtd: graphs[0].1[place].true_mtd,
        benchmark: graphs[0].1[place].benchmark_select.clone(),
        designs: graphs
            .iter()
            .map(|(name, all)| DesignInScenario {
                design: name.clone(),
                select: all[place].select.clone(),
                select_none: all[place].select_none,
                patients: all[place].patients.clone(),
            })
            .collect(),
    };
    SelectionBars { levels: levels(), target: 0.3, panels: TRUTHS.iter().enumerate().map(panel).collect() }
}

fn boin() -> Design {
    design(r#"{"design": "boin", "target": 0.3, "doses": 5, "max-patients": 30}"#)
}

fn tree() -> Pathways {
    let truth = Scenario::of(&TRUTHS[0].1);
    let all = pathways(&boin(), &Data::from_outcomes(5, "").unwrap(), 3, Some(&truth)).unwrap();
    let course = |pathway: &Pathway| Course {
        cohorts: pathway
            .cohorts
            .iter()
            .map(|cohort| (format!("level {}", cohort.level), cohort.patients, cohort.dlts))
            .collect(),
        advice: match pathway.level {
            Some(level) => format!("{} to level {level}", pathway.action.word()),
            None => pathway.action.word().to_owned(),
        },
        probability: pathway.probability,
    };
    Pathways { courses: all.iter().map(course).collect(), truth: "0.05, 0.15, 0.30, 0.45, 0.60".to_owned() }
}

fn posterior() -> Posterior {
    let data = Data::from_outcomes(5, "1NNN 2NNN 3NNT 4TTT 3NNN").unwrap();
    let numbers = boin().numbers(&data).unwrap();
    let level = |(place, at): (usize, &Estimate)| PosteriorLevel {
        label: format!("level {}", place + 1),
        evaluable: at.evaluable,
        dlt: at.dlt,
        mean: at.mean,
        interval: at.lower.zip(at.upper),
        over: at.over,
        eliminated: at.eliminated,
    };
    Posterior {
        design: "BOIN".to_owned(),
        target: Some(0.3),
        levels: numbers.levels.iter().enumerate().map(level).collect(),
    }
}

fn curves() -> TruthCurves {
    let scenarios = TRUTHS.iter().map(|(name, truth)| ((*name).to_owned(), truth.to_vec())).collect();
    TruthCurves { levels: levels(), target: 0.3, scenarios }
}

fn all() -> Vec<(&'static str, Figure)> {
    let frame = Frame::default();
    let three = design(r#"{"design": "3+3", "doses": 5}"#);
    vec![
        ("selection-of-one", bars(&[("BOIN", boin())]).draw(&frame)),
        ("selection-of-two", bars(&[("BOIN", boin()), ("3+3", three)]).draw(&frame)),
        ("pathways", tree().draw(&frame)),
        ("posterior", posterior().draw(&frame)),
        ("truths", curves().draw(&frame)),
    ]
}

#[test]
fn the_table_behind_the_bars_holds_each_level_and_none_of_every_design_and_scenario() {
    let figure = bars(&[("BOIN", boin())]).draw(&Frame::default());
    assert_eq!(figure.data.rows.len(), 3 * 6);
    let row = figure.data.rows.iter().find(|row| row[0] == "MTD at level 3" && row[2] == "level 3").unwrap();
    let selected: f64 = row[4].parse().unwrap();
    assert!((selected - 0.546_330_164_335_405).abs() < 1e-12);
    assert!(figure.alt.contains("the true MTD, level 3, is selected in 54.6%"));
}

#[test]
fn the_tree_names_the_most_probable_course() {
    let figure = tree().draw(&Frame::default());
    assert_eq!(figure.data.rows.len(), 40);
    assert!(figure.alt.contains("level 1: 0/3; level 2: 0/3"), "{}", figure.alt);
}

#[test]
fn nothing_to_draw_is_said_and_not_a_fault() {
    let frame = Frame::default();
    let empty = [
        SelectionBars { levels: Vec::new(), target: 0.3, panels: Vec::new() }.draw(&frame),
        Pathways { courses: Vec::new(), truth: String::new() }.draw(&frame),
        Posterior { design: "BOIN".to_owned(), target: None, levels: Vec::new() }.draw(&frame),
        TruthCurves { levels: Vec::new(), target: 0.3, scenarios: Vec::new() }.draw(&frame),
    ];
    assert!(empty.iter().all(|figure| figure.svg().starts_with("<svg")));
}

#[test]
#[ignore = "writes pictures for people to the folder in FIGURES"]
fn pictures() {
    let Ok(folder) = std::env::var("FIGURES") else { return };
    for (name, figure) in all() {
        let png = posology_report::figure::png::write(figure.svg(), 1280).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), png).unwrap();
    }
}

#[test]
fn the_design_section_says_the_rule_its_risks_and_what_they_mean_for_patients() {
    use posology_report::design_section::{Contents, Method, compose};
    let design = boin();
    let graph = Graph::compile(&design, STATES_MAX, 1).unwrap();
    let scenarios: Vec<Scenario> = TRUTHS
        .iter()
        .map(|(name, truth)| Scenario { name: (*name).to_owned(), ..Scenario::of(truth) })
        .collect();
    let yardstick = Yardstick::new(0.3, 30);
    let all = graph.characteristics(&scenarios, yardstick, 1).unwrap();
    let toxic = graph.characteristics(&[Scenario::of(&[0.4, 0.5, 0.6, 0.7, 0.8])], yardstick, 1).unwrap();
    let paths = pathways(&design, &Data::from_outcomes(5, "").unwrap(), 3, Some(&scenarios[0])).unwrap();
    let document = compose(&Contents {
        design: &design,
        levels: &levels(),
        settings: &[("target".to_owned(), "0.3".to_owned()), ("elimination".to_owned(), "0.95".to_owned())],
        characteristics: &all,
        method: Method::Exact { states: graph.size().states },
        pathways: &paths,
        toxic_first_level: toxic.first(),
    });
    let text = posology_report::markdown::write(&document);
    // Source: the boundary table of BOIN 2.7.2 for a target of 0.30.
    assert!(text.contains("| 3 | 0 | 1 | 2 | 3 |"), "{text}");
    assert!(text.contains("| 9 | 2 | 3 | 4 | 5 |"), "{text}");
    assert!(text.contains("so toxic that 40.0% of patients had a dose-limiting toxicity"), "{text}");
    assert!(text.contains("| True DLT rate | 0.05 | 0.15 | 0.30 | 0.45 | 0.60 | – | – |"), "{text}");
    if let Ok(folder) = std::env::var("FIGURES") {
        std::fs::write(format!("{folder}/design.html"), posology_report::html::write(&document)).unwrap();
        std::fs::write(format!("{folder}/design.md"), text).unwrap();
    }
}

#[test]
fn distributions_draw_a_bar_for_each_number_that_can_be_and_table_each_probability() {
    // Three patients, DLT rate 0.2, the trial then over: DLTs are binomial, 0.512, 0.384, 0.096, 0.008.
    let dlts = vec![0.512, 0.384, 0.096, 0.008];
    let spread =
        Spread { design: "one cohort".to_owned(), patients: vec![0.0, 0.0, 0.0, 1.0], dlts: dlts.clone() };
    let figure =
        Distributions { designs: vec![spread], truth: "DLT rate 0.2".to_owned() }.draw(&Frame::default());
    assert!(
        figure.alt.contains("most often 3 patients, 100.0%")
            && figure.alt.contains("most often 0 DLTs, 51.2%")
    );
    let rows: Vec<(&str, &str, f64)> = figure
        .data
        .rows
        .iter()
        .map(|row| (row[1].as_str(), row[2].as_str(), row[3].parse().unwrap()))
        .collect();
    assert_eq!(rows[0], ("patients", "3", 1.0));
    for (count, probability) in dlts.iter().enumerate() {
        assert_eq!(rows[1 + count], ("DLTs", count.to_string().as_str(), *probability));
    }
    let none = Distributions { designs: Vec::new(), truth: String::new() }.draw(&Frame::default());
    assert!(none.svg().contains("No design was asked for."));
}
