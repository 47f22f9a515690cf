//! The answer as markup: what is put in anew while a rate is dragged.

use maud::{Markup, html};
use posology_design::characteristics::Characteristics;
use posology_design::graph;
use posology_design::paths::Pathway;
use posology_design::{Boundaries, Level};
use posology_report::figure::{
    Course, DesignInScenario, Distributions, Frame, Pathways, ScenarioPanel, SelectionBars, Spread,
};

use super::answer::{Answer, No, OfDesign};
use super::asked::{Asked, How};
use crate::pages::drawing;

/// A measure of the whole trial: its name, and its value under one truth.
type Row = (&'static str, fn(&Characteristics) -> String);

/// A row of the decision table: what is done, and with how many DLTs.
type Bound = (&'static str, fn(&Boundaries) -> Option<u32>);

const MEASURES: [Row; 11] = [
    ("Right level selected", |oc| percent(oc.p_correct)),
    ("Benchmark of complete information", |oc| percent(oc.benchmark)),
    ("An acceptable level selected", |oc| percent(oc.p_acceptable)),
    ("A level above the MTD selected", |oc| percent(oc.p_select_above)),
    ("None selected", |oc| percent(oc.select_none)),
    ("Patients above the MTD", |oc| percent(oc.p_allocated_above)),
    ("Over 60% of those planned above the MTD", |oc| percent(oc.overdose_60)),
    ("Patients, expected", |oc| format!("{:.1}", oc.total_patients)),
    ("DLTs, expected", |oc| format!("{:.2}", oc.total_dlts)),
    ("Fewer patients than planned", |oc| percent(oc.p_early_stop)),
    ("Duration, days", |oc| oc.duration.map_or_else(|| "–".to_owned(), |days| format!("{days:.0}"))),
];

pub(super) fn percent(probability: f64) -> String {
    // Nothing at all may come as minus zero.
    if probability <= 0.0 {
        "0.0%".to_owned()
    } else if probability < 0.0005 {
        "<0.1%".to_owned()
    } else {
        format!("{:.1}%", 100.0 * probability)
    }
}

/// The answer, or why there is none and what may be asked instead.
pub(crate) fn shown(asked: &Asked, answer: &Result<std::sync::Arc<Answer>, No>) -> Markup {
    match answer {
        Ok(answer) => told(asked, answer),
        Err(no) => html! {
            p .flag role="alert" { (no.says()) }
            @if let No::Long(_, instead) = no {
                p .instead { @for how in instead { (ask(asked, *how)) " " } }
            }
        },
    }
}

/// A link that asks the same in another way.
fn ask(asked: &Asked, how: How) -> Markup {
    let address = format!("/lab?{}", Asked { how, ..asked.clone() }.query());
    let says = match how {
        How::AtOnce => "Compute at once",
        How::AtLength => "Compute at length",
        How::Simulated => "Simulate trials instead",
    };
    html! { a .button data-ask="" href=(address) { (says) } }
}

fn told(asked: &Asked, answer: &Answer) -> Markup {
    let oc = &answer.characteristics;
    let several = answer.designs.len() > 1;
    html! {
        p .said data-says=(summary(answer)) { @for design in &answer.designs { (how_had(asked, design)) " " } }
        @for design in &answer.designs {
            @if let Some(because) = &design.left_out { p .flag { (design.name) ": " (because.says) } }
        }
        section aria-labelledby="oc" {
            h2 #oc { "Operating characteristics" }
            (drawing(&selection(answer), "Selection and patients at each level"))
            @for design in &answer.designs { (by_level(answer, design, several)) }
            (measures(answer))
        }
        @if answer.designs.iter().any(|design| !design.standard.is_empty()) { (standard(answer)) }
        section aria-labelledby="spread" {
            h2 #spread { "Distributions" }
            (drawing(&distributions(answer), "How many patients, how many DLTs"))
            (progress(answer))
        }
        (decisions(answer))
        (courses(answer))
        (take_away(asked, answer))
        p .quiet { "Right and wrong by a target of " (answer.yardstick.target) ": " @match oc.true_mtd { Some(level) => { "level " (level) " is the MTD under these rates." } None => { "no level is right under these rates." } } }
    }
}

/// The answer in a sentence, for who hears the page.
fn summary(answer: &Answer) -> String {
    let words: Vec<String> = answer
        .designs
        .iter()
        .map(|design| {
            let oc = &design.characteristics;
            format!(
                "{}: right level selected {}, above the MTD {}, {:.1} patients, {:.1} DLTs",
                design.name,
                percent(oc.p_correct),
                percent(oc.p_select_above),
                oc.total_patients,
                oc.total_dlts
            )
        })
        .collect();
    words.join("; ")
}

fn how_had(asked: &Asked, design: &OfDesign) -> Markup {
    html! {
        @match (design.states, design.trials) {
            (Some(states), _) => { (design.name) ": Exact over " (states) " states, every course that the trial can take." }
            (None, Some(trials)) => {
                (design.name) ": " (trials) " simulated trials; a probability near 50% is known to ± "
                (format!("{:.1}", 196.0 * (0.25 / trials as f64).sqrt())) " points (95%)."
                @if let Some(timing) = &design.timing { " Patients come at random, " (format!("{:.1}", timing.rate * timing.window)) " in a window of " (timing.window) " days." }
                @if asked.how == How::AtOnce { " " (ask(asked, How::AtLength)) }
            }
            (None, None) => {}
        }
    }
}

fn by_level(answer: &Answer, design: &OfDesign, several: bool) -> Markup {
    let oc = &design.characteristics;
    html! {
        table .numbers {
            @if several { caption { (design.name) } }
            thead { tr { th scope="col" { "Level" } @for name in &answer.levels { th scope="col" .n { (name) } } th scope="col" .n { "None" } } }
            tbody {
                tr { th scope="row" { "Supposed DLT rate" } @for rate in &oc.truth { td .n { (format!("{rate:.2}")) } } td {} }
                @if !oc.efficacy.is_empty() {
                    tr { th scope="row" { "Supposed efficacy" } @for rate in &oc.efficacy { td .n { (format!("{rate:.2}")) } } td {} }
                }
                tr { th scope="row" { "Selected" } @for share in &oc.select { td .n { (percent(*share)) } } td .n { (percent(oc.select_none)) } }
                tr { th scope="row" { "Patients" } @for patients in &oc.patients { td .n { (format!("{patients:.1}")) } } td {} }
                tr { th scope="row" { "DLTs" } @for dlts in &oc.dlts { td .n { (format!("{dlts:.2}")) } } td {} }
            }
        }
    }
}

fn measures(answer: &Answer) -> Markup {
    let with_duration = answer.designs.iter().any(|design| design.characteristics.duration.is_some());
    html! {
        table .numbers.measures {
            thead { tr { th scope="col" { "Measure" } @for design in &answer.designs { th scope="col" .n { (design.name) } } } }
            tbody {
                @for (name, value) in MEASURES.iter().filter(|(name, _)| with_duration || !name.starts_with("Duration")) {
                    tr { th scope="row" { (name) } @for design in &answer.designs { td .n { (value(&design.characteristics)) } } }
                }
            }
        }
    }
}

fn standard(answer: &Answer) -> Markup {
    let designs: Vec<&OfDesign> =
        answer.designs.iter().filter(|design| !design.standard.is_empty()).collect();
    let Some(first) = designs.first() else { return html! {} };
    html! {
        section aria-labelledby="standard" {
            h2 #standard { "Over the standard scenarios" }
            @if designs.len() < answer.designs.len() {
                p .quiet { "Designs on efficacy are left out: these scenarios say nothing of it." }
            }
            div .scroll tabindex="0" role="region" aria-label="Standard scenarios" {
                table .numbers {
                    thead {
                        tr {
                            th scope="col" rowspan="2" { "Scenario" }
                            th scope="col" rowspan="2" { "DLT rates" }
                            th scope="col" rowspan="2" .n { "True MTD" }
                            th scope="col" rowspan="2" .n { "Benchmark" }
                            @for design in &designs { th scope="colgroup" colspan="3" { (design.name) } }
                        }
                        tr { @for _ in &designs { th scope="col" .n { "right" } th scope="col" .n { "too high" } th scope="col" .n { "patients above" } } }
                    }
                    tbody {
                        @for (place, of_first) in first.standard.iter().enumerate() {
                            tr {
                                th scope="row" { (of_first.name) }
                                td .rates-of { (of_first.truth.iter().map(|rate| format!("{rate:.2}")).collect::<Vec<_>>().join(" ")) }
                                td .n { (of_first.true_mtd.map_or_else(|| "none".to_owned(), |level| level.to_string())) }
                                td .n { (percent(of_first.benchmark)) }
                                @for design in &designs {
                                    @if let Some(oc) = design.standard.get(place) {
                                        td .n { (percent(oc.p_correct)) } td .n { (percent(oc.p_select_above)) } td .n { (percent(oc.p_allocated_above)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn progress(answer: &Answer) -> Markup {
    html! {
        @if !answer.by_patients.is_empty() {
            details #progress {
                summary { "Where trials are as patients are treated" }
                div .scroll tabindex="0" role="region" aria-label="Share of trials by patients treated" {
                    table .numbers {
                        thead { tr { th scope="col" .n { "Patients treated" } @for name in &answer.levels { th scope="col" .n { "Level " (name) } } th scope="col" .n { "Ended" } } }
                        tbody { @for (patients, shares) in &answer.by_patients { tr { th scope="row" .n { (patients) } @for share in shares { td .n { (percent(*share)) } } } } }
                    }
                }
            }
        }
    }
}

fn decisions(answer: &Answer) -> Markup {
    let rows: [Bound; 3] = [
        ("Escalate, DLTs at most", |bounds| bounds.escalate_max),
        ("De-escalate, at least", |bounds| bounds.deescalate_min),
        ("Eliminate, at least", |bounds| bounds.eliminate_min),
    ];
    html! {
        section aria-labelledby="decisions" {
            h2 #decisions { "Decision table" }
            @if answer.table.is_empty() {
                p { "This design decides by more than the DLTs at the current level: the paths below show what it does." }
            } @else {
                div .scroll tabindex="0" role="region" aria-label="Decisions by patients treated" {
                    table .numbers.decisions {
                        thead { tr { th scope="col" { "Patients at the level" } @for n in 1..=answer.table.len() { th scope="col" .n { (n) } } } }
                        tbody { @for (says, bound) in rows { tr { th scope="row" { (says) } @for bounds in &answer.table { td .n { (or_dash(bound(bounds))) } } } } }
                    }
                }
            }
        }
    }
}

fn or_dash(dlts: Option<u32>) -> String {
    dlts.map_or_else(|| "–".to_owned(), |dlts| dlts.to_string())
}

fn courses(answer: &Answer) -> Markup {
    let sentence = |says: &str, course: &graph::Course| {
        let cohorts: Vec<String> = course.cohorts.iter().map(graph::CohortOutcome::notation).collect();
        let end = match course.selected {
            Some(level) => format!("level {} selected", name(answer, level)),
            None => "none selected".to_owned(),
        };
        html! { dt { (says) } dd { code { (cohorts.join(" ")) } ", " (end) "; probability " (tiny(course.probability)) } }
    };
    let on_efficacy = !answer.characteristics.efficacy.is_empty();
    html! {
        @if !answer.paths.is_empty() || answer.most_likely.is_some() {
            section aria-labelledby="paths" {
                h2 #paths { "Paths" }
                dl {
                    @if let Some(course) = &answer.most_likely { (sentence("Most probable course", course)) }
                    @if let Some(course) = &answer.worst { (sentence("Course with the most DLTs", course)) }
                }
                p .quiet { "A number is the level; T is a patient with a DLT, N one without" @if on_efficacy { ", E one with efficacy, B one with both" } "." }
                @if on_efficacy { (listed(answer)) }
                @else if !answer.paths.is_empty() { (drawing(&tree(answer), "What the next cohorts can bring")) }
            }
        }
    }
}

/// The paths as a table: a tree of DLTs alone could not tell outcomes with efficacy apart.
fn listed(answer: &Answer) -> Markup {
    html! {
        table .numbers {
            thead { tr { th scope="col" { "Outcomes" } th scope="col" { "Advice" } th scope="col" .n { "Probability" } } }
            tbody {
                @for path in &answer.paths {
                    tr {
                        th scope="row" { code { (path.cohorts.iter().map(graph::CohortOutcome::notation).collect::<Vec<_>>().join(" ")) } }
                        td { (advice(answer, path)) }
                        td .n { (path.probability.map(percent).unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

/// A probability that may be far below a tenth of a percent.
fn tiny(probability: f64) -> String {
    if probability > 0.0 && probability < 0.0005 {
        format!("{probability:.1e}")
    } else {
        percent(probability)
    }
}

fn name(answer: &Answer, level: Level) -> String {
    answer.levels.get(level.index()).cloned().unwrap_or_else(|| level.to_string())
}

fn advice(answer: &Answer, path: &Pathway) -> String {
    match path.level {
        Some(level) => format!("{}, level {}", path.action.word(), name(answer, level)),
        None => path.action.word().to_owned(),
    }
}

fn rates(answer: &Answer) -> String {
    let rates: Vec<String> = answer.characteristics.truth.iter().map(|rate| format!("{rate:.2}")).collect();
    format!("DLT rates {}", rates.join(", "))
}

fn tree(answer: &Answer) -> String {
    let course = |path: &Pathway| Course {
        cohorts: path
            .cohorts
            .iter()
            .map(|cohort| (name(answer, cohort.level), cohort.patients, cohort.dlts))
            .collect(),
        advice: advice(answer, path),
        probability: path.probability,
    };
    let courses = answer.paths.iter().map(course).collect();
    Pathways { courses, truth: rates(answer) }.draw(&Frame::default()).svg().to_owned()
}

fn distributions(answer: &Answer) -> String {
    let spread = |design: &OfDesign| Spread {
        design: design.name.clone(),
        patients: design.characteristics.sample_size.clone(),
        dlts: design.characteristics.dlt_count.clone(),
    };
    let designs = answer.designs.iter().map(spread).collect();
    Distributions { designs, truth: rates(answer) }.draw(&Frame::default()).svg().to_owned()
}

fn selection(answer: &Answer) -> String {
    let design = |design: &OfDesign| DesignInScenario {
        design: design.name.clone(),
        select: design.characteristics.select.clone(),
        select_none: design.characteristics.select_none,
        patients: design.characteristics.patients.clone(),
    };
    let oc = &answer.characteristics;
    let panel = ScenarioPanel {
        name: "Supposed rates".to_owned(),
        truth: oc.truth.clone(),
        true_mtd: oc.true_mtd,
        benchmark: oc.benchmark_select.clone(),
        designs: answer.designs.iter().map(design).collect(),
    };
    let bars =
        SelectionBars { levels: answer.levels.clone(), target: answer.yardstick.target, panels: vec![panel] };
    bars.draw(&Frame::default()).svg().to_owned()
}

fn take_away(asked: &Asked, answer: &Answer) -> Markup {
    let query = asked.query();
    html! {
        section aria-labelledby="take-away" {
            h2 #take-away { "Take away" }
            ul .take-away {
                li { a href={ "/lab/design.toml?" (query) } download="design.toml" { "The design as TOML" } " " button type="button" hidden data-copy="toml" { "Copy" } }
                li { a href={ "/lab/characteristics.csv?" (query) } download="characteristics.csv" { "Every number as CSV" } " " button type="button" hidden data-copy="csv" { "Copy" } }
                li { a href={ "/lab?" (query) } { "Link to this page as it stands" } " " button type="button" hidden data-copy="link" { "Copy" } }
            }
            details #as-file { summary { "The design file" } pre #toml-text tabindex="0" { (answer.toml) } p { a href={ "/lab?" (Asked { toml: answer.toml.clone(), ..asked.clone() }.query()) } { "Write it as TOML" } " instead of in fields." } }
        }
    }
}

/// Every number of every design and scenario, a row each.
pub(crate) fn csv(answer: &Answer) -> String {
    let mut text = String::from("design,method,scenario,measure,of,value\r\n");
    for design in &answer.designs {
        let supposed = std::iter::once(("supposed rates", &design.characteristics));
        let standard = design.standard.iter().map(|oc| (oc.name.as_str(), oc));
        for (scenario, oc) in supposed.chain(standard) {
            for row in oc.rows() {
                let of = row.of.map(|of| of.to_string()).unwrap_or_default();
                text.push_str(&format!(
                    "{},{},{},{},{of},{}\r\n",
                    cell(&design.name),
                    design.method,
                    cell(scenario),
                    row.measure,
                    row.value
                ));
            }
        }
    }
    text
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
