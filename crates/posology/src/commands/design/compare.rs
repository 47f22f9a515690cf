//! `design compare`: several designs over the same scenarios, 3+3 always among them.

use std::path::PathBuf;

use clap::Args;
use posology_design::graph::STATES_MAX;
use posology_design::{Design, Settings};
use posology_trial::protocol::DesignFile;
use serde::Serialize;

use super::file;
use super::oc::{self, Answer, percent, title};
use super::plot;
use super::scenarios::Judged;
use super::trials::Simulated;
use crate::failure::Failure;
use crate::output;

/// Which designs are compared.
#[derive(Args)]
pub(crate) struct Compare {
    /// Design files, all on ladders of the same length
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    judged: Judged,
    /// Most states of the exact sum of one design [default: what fits in 4 GB]
    #[arg(long)]
    max_states: Option<usize>,
    #[command(flatten)]
    simulated: Simulated,
    /// Write selection and allocation as a picture: FILE.svg or FILE.png
    #[arg(long)]
    plot: Option<PathBuf>,
}

#[derive(Serialize)]
struct Compared {
    designs: Vec<Answer>,
}

pub(crate) fn run(compare: &Compare, json: bool) -> Result<(), Failure> {
    plot::check(compare.plot.as_deref())?;
    let mut files: Vec<(String, DesignFile)> = Vec::new();
    for path in &compare.files {
        files.push((path.display().to_string(), file::open(path)?));
    }
    let levels = |file: &DesignFile| file.design.levels().unwrap_or(0);
    if let Some((first, others)) = files.split_first()
        && let Some((source, other)) = others.iter().find(|(_, other)| levels(other) != levels(&first.1))
    {
        return Err(Failure::input(format!(
            "{source}: expected {} levels, as in {}, found {}; mend: compare designs on the same ladder",
            levels(&first.1),
            first.0,
            levels(other)
        )));
    }
    // All designs are judged by one target: the first that a design has.
    let target = files.iter().find_map(|(_, file)| file.design.target());
    let is_three_plus_three = |file: &DesignFile| matches!(file.design, Design::ThreePlusThree(_));
    if let Some((_, first)) = files.first()
        && !files.iter().any(|(_, file)| is_three_plus_three(file))
    {
        files.push(("3+3, for comparison".to_owned(), three_plus_three(first)?));
    }
    let budget = compare.max_states.unwrap_or(STATES_MAX);
    let mut designs = Vec::new();
    for (source, file) in &files {
        designs.push(oc::of_one(file, source, &compare.judged, &compare.simulated, budget, target)?);
    }
    if let (Some(path), Some((_, first))) = (&compare.plot, files.first()) {
        plot::write(path, &plot::selection(first, &designs))?;
    }
    if json {
        output::json(&Compared { designs });
    } else {
        output::text(&words(&designs));
    }
    Ok(())
}

/// The 3+3 rule, in its classic variant, on the same ladder.
fn three_plus_three(other: &DesignFile) -> Result<DesignFile, Failure> {
    let settings = serde_json::json!({ "design": "3+3", "doses": other.design.levels() });
    let settings: Settings = serde_json::from_value(settings).map_err(Failure::fault)?;
    let design = Design::try_from(settings).map_err(Failure::fault)?;
    Ok(DesignFile { design, warnings: Vec::new(), window_days: None, ..other.clone() })
}

fn words(designs: &[Answer]) -> String {
    let mut text = String::new();
    let scenarios = designs.first().map_or(0, |first| first.scenarios.len());
    for place in 0..scenarios {
        let rows = designs.iter().filter_map(|answer| {
            let oc = answer.scenarios.get(place)?;
            let select: Vec<String> =
                oc.select.iter().map(|select| format!("{:.1}", 100.0 * select)).collect();
            Some(vec![
                answer.file.clone().unwrap_or_else(|| answer.design.to_owned()),
                percent(oc.p_correct),
                percent(oc.p_acceptable),
                percent(oc.p_select_above),
                percent(oc.p_allocated_above),
                percent(oc.overdose_60),
                percent(oc.select_none),
                select.join(" "),
                format!("{:.1}", oc.total_patients),
                format!("{:.1}", oc.total_dlts),
            ])
        });
        let header = [
            "design",
            "right",
            "acceptable",
            "too high",
            "treated above",
            "overdose 60%",
            "none",
            "selected, % by level",
            "patients",
            "DLTs",
        ];
        let Some(first) = designs.first().and_then(|answer| answer.scenarios.get(place)) else { continue };
        let truth: Vec<String> = first.truth.iter().map(|rate| rate.to_string()).collect();
        let mtd = first.true_mtd.map_or_else(|| "none".to_owned(), |level| format!("level {level}"));
        text.push_str(&format!(
            "{}: DLT rates {}; true MTD {mtd}; benchmark {}\n{}\n\n",
            title(place, first),
            truth.join(", "),
            percent(first.benchmark),
            output::table(&header, rows)
        ));
    }
    text
}
