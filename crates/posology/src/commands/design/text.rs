//! `design text`: the design section of a protocol, in words.

use std::path::PathBuf;

use clap::Args;
use posology_design::characteristics::Scenario;
use posology_design::graph::{Graph, STATES_MAX};
use posology_design::paths::pathways;
use posology_design::scenario;
use posology_design::{AtLevel, Data, Design, Level, Settings};
use posology_report::design_section::{Contents, Method, compose};
use posology_report::{html, markdown};
use serde::Serialize;
use serde_json::Value;

use super::file::{self, named};
use super::scenarios::Judged;
use crate::failure::Failure;
use crate::folder::write_atomically;
use crate::output;

/// Cohorts of the appendix.
const COHORTS: u32 = 3;

/// Which design is told.
#[derive(Args)]
pub(crate) struct Text {
    /// Design file, or a trial's trial.toml
    file: PathBuf,
    #[command(flatten)]
    judged: Judged,
    /// Write HTML instead of Markdown
    #[arg(long)]
    html: bool,
    /// Write to a file instead of standard output
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    design: &'static str,
    markdown: String,
    html: String,
}

pub(crate) fn run(text: &Text, json: bool) -> Result<(), Failure> {
    let file = file::open(&text.file)?;
    let source = text.file.display().to_string();
    let design = &file.design;
    let target = design.target();
    let levels = design.levels().unwrap_or(0) as usize;
    let no_graph = |why| file::no_graph(&source, &why);
    let refused = |bad| file::refused(&source, &bad);

    // A design that has no exact characteristics is told without them.
    let on_counts = !design.needs_follow_up();
    let scenarios = match (text.judged.asks(), target) {
        (true, _) => text.judged.scenarios(design)?,
        (false, Some(target)) if !design.needs_efficacy() => standard(design, target)?,
        (false, _) => Vec::new(),
    };
    let mut characteristics = Vec::new();
    let mut toxic = Vec::new();
    let mut states = 0;
    if on_counts && !scenarios.is_empty() {
        let graph = Graph::compile(design, STATES_MAX, file::threads()).map_err(no_graph)?;
        let yardstick = text.judged.yardstick(target, graph.planned(design))?;
        states = graph.size().states;
        characteristics = graph.characteristics(&scenarios, yardstick, file::threads()).map_err(no_graph)?;
        if !design.needs_efficacy() {
            let far_too_toxic = standard(design, yardstick.target)?
                .into_iter()
                .find(|scenario| scenario.name == "first level at the edge");
            let far_too_toxic: Vec<Scenario> = far_too_toxic.into_iter().collect();
            toxic = graph.characteristics(&far_too_toxic, yardstick, file::threads()).map_err(no_graph)?;
        }
    }
    let nobody = Data::new(vec![AtLevel::default(); levels], None).map_err(refused)?;
    let courses = if on_counts && !design.needs_efficacy() {
        pathways(design, &nobody, COHORTS, scenarios.first())
            .map_err(|why| Failure::input(format!("{source}: {why}")))?
    } else {
        Vec::new()
    };
    let names: Vec<String> = (0..levels).map(|index| named(&file, Level::at_index(index))).collect();
    let document = compose(&Contents {
        design,
        levels: &names,
        settings: &settings(design.clone().into())?,
        characteristics: &characteristics,
        method: Method::Exact { states },
        pathways: &courses,
        toxic_first_level: toxic.first(),
    });
    if json {
        let (markdown, html) = (markdown::write(&document), html::write(&document));
        output::json(&Answer { design: design.name(), markdown, html });
        return Ok(());
    }
    let words = if text.html { html::write(&document) } else { markdown::write(&document) };
    match &text.out {
        Some(path) => write_atomically(path, words.as_bytes()),
        None => {
            output::text(&words);
            Ok(())
        }
    }
}

fn standard(design: &Design, target: f64) -> Result<Vec<Scenario>, Failure> {
    scenario::standard(design.levels().unwrap_or(0), target).map_err(Failure::input)
}

/// The settings in the order of their declaration, without the ladder and what is not given.
fn settings(settings: Settings) -> Result<Vec<(String, String)>, Failure> {
    let told = serde_json::to_value(settings).map_err(Failure::fault)?;
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let all = told.as_object().into_iter().flatten();
    Ok(all
        .filter(|(key, value)| !["design", "doses"].contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), shown(value)))
        .collect())
}
