//! `programme`: the register of products, trials, designations and promises.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::civil::Date;
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::programme::{Programme, Status};
use serde_json::json;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum ProgrammeCommand {
    /// Products, trials, designations, promises, and safety over all trials
    Status {
        /// The register, programme.toml
        file: PathBuf,
        /// Day by which promises are judged [default: the file's as-of]
        #[arg(long)]
        as_of: Option<String>,
    },
}

pub(crate) fn run(command: &ProgrammeCommand, json: bool) -> Result<(), Failure> {
    let ProgrammeCommand::Status { file, as_of } = command;
    let as_of = match as_of {
        None => None,
        Some(text) => Some(text.parse::<Date>().map_err(|_| {
            Failure::input(format!(
                "--as-of: expected a day such as 2019-05-31, found {text:?}; mend: write it so"
            ))
        })?),
    };
    let status = status(file, as_of)?;
    if json {
        output::json(&status.document());
    } else {
        output::text(&shown(&status));
    }
    Ok(())
}

/// A register and the trials whose folders it names, as they stand on a day, or on the file's own.
pub(super) fn status(file: &Path, as_of: Option<Date>) -> Result<Status, Failure> {
    let programme = register(file)?;
    let as_of = as_of.unwrap_or(programme.programme.as_of);
    let beside = file.parent().unwrap_or(Path::new("."));
    let analyses: Vec<Option<Analysis>> = programme
        .trial
        .iter()
        .map(|trial| trial.folder.as_ref().map(|folder| analysed(&beside.join(folder))).transpose())
        .collect::<Result<_, _>>()?;
    Ok(Status::of(programme, as_of, &analyses))
}

/// A register, read whole.
pub(super) fn register(file: &Path) -> Result<Programme, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    Programme::read(&text).map_err(|problems| Failure::Problems {
        file: file.display().to_string(),
        text: text.clone(),
        problems: problems.into_vec(),
    })
}

/// A trial at its last recorded fact.
fn analysed(dir: &Path) -> Result<Analysis, Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, None).map_err(Failure::input)?;
    let (protocol, sha256) = folder.in_force(&chain)?;
    Analysis::of(&protocol, &sha256, &chain, &cut).map_err(Failure::input)
}

fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().replace('-', " ")
}

fn shown(status: &Status) -> String {
    let Status { as_of, register: programme, .. } = status;
    let dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let mut text = format!("{}, {}, as of {as_of}\n", programme.programme.name, programme.programme.company);
    if status.is_synthetic() {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    let products = programme.product.iter().map(|product| {
        vec![
            product.name.clone(),
            dash(product.class.as_deref()),
            dash(product.payload.as_deref()),
            dash(product.partner.as_deref()),
            dash(product.stage.as_deref()),
        ]
    });
    text.push_str(&output::table(&["product", "class", "payload", "partner", "stage"], products));
    let rows = status.trials().map(|(trial, record)| {
        vec![
            trial.id.clone(),
            trial.phase.clone(),
            trial.indication.clone(),
            dash(trial.registry.as_deref()),
            word(trial.status),
            record.treated.map_or_else(|| "-".to_owned(), |treated| treated.to_string()),
        ]
    });
    text.push('\n');
    text.push_str(&output::table(&["trial", "phase", "indication", "registry", "status", "treated"], rows));
    let designations = programme.designation.iter().map(|one| {
        vec![
            word(one.kind),
            one.agency.clone(),
            one.indication.clone(),
            word(one.status),
            one.date.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        ]
    });
    text.push('\n');
    text.push_str(&output::table(&["designation", "agency", "indication", "status", "since"], designations));
    let milestones = status
        .milestones()
        .map(|(one, stands)| vec![one.what.clone(), one.due.to_string(), one.said.clone(), stands.words()]);
    text.push('\n');
    text.push_str(&output::table(&["promised", "due", "by", "stands"], milestones));
    if let Some(safety) = &status.safety {
        let cell = |rate: &posology_trial::analysis::rates::Rate| {
            let interval = rate.interval().map_or_else(String::new, |interval| {
                format!(" ({:.1}-{:.1}%)", interval.lower * 100.0, interval.upper * 100.0)
            });
            format!("{}/{}{interval}", rate.successes(), rate.denominator())
        };
        let rows = safety.groups.iter().map(|group| {
            vec![
                group.label.clone(),
                group.treated.to_string(),
                cell(&group.dose_limiting),
                cell(&group.platelets),
                cell(&group.neutrophils),
                cell(&group.haemoglobin),
                cell(&group.related_deaths),
            ]
        });
        text.push_str(
            "\n\nSafety over all trials, by total administered activity: n/N (exact 95% interval)\n",
        );
        text.push_str(&output::table(
            &[
                "group",
                "treated",
                "DLT",
                "platelets 3-4",
                "neutrophils 3-4",
                "haemoglobin 3-4",
                "related death",
            ],
            rows,
        ));
        for note in &safety.notes {
            text.push_str(&format!("\n{note}"));
        }
    }
    text
}
