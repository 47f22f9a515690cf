//! `trial synthesize`: a synthetic trial from the protocol with its versions, a plan and a seed, conducted from its
//! founding on.

mod conducted;

/// Everybody's password in a synthetic trial.
pub(crate) const PASSWORD: &str = conducted::PASSWORD;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use posology_trial::protocol::Protocol;
use posology_trial::synthetic::{Plan, synthesize};

use crate::failure::Failure;
use crate::folder::{Folder, write_atomically};
use crate::output;

#[derive(Args)]
pub(crate) struct Synthesize {
    /// Folder of the trial
    dir: PathBuf,
    /// Seed [default: the plan's]
    #[arg(long)]
    seed: Option<u64>,
    /// Where to write the events [default: standard output]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where to write accounts of the invented people, each with the password "synthetic patients only"
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// The patients' facts alone, with nobody who records them
    #[arg(long, conflicts_with = "accounts")]
    facts_only: bool,
}

pub(crate) fn run(args: &Synthesize) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    if !folder.protocol.trial.synthetic {
        return Err(Failure::input(
            "expected `synthetic = true` under [trial], found a trial of real patients; mend: write synthetic patients only into a trial that says so",
        ));
    }
    let path = folder.path.join("patients.toml");
    let text = fs::read_to_string(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    let plan =
        Plan::read(&text).map_err(|problem| Failure::input(format!("{}: {problem}", path.display())))?;
    let seed = args.seed.unwrap_or(plan.seed);
    let facts = synthesize(&folder.protocol, &folder.text, &plan, seed).map_err(Failure::input)?;
    let events = if args.facts_only {
        facts.write()
    } else {
        let versions = versions(&folder)?;
        let conducted = conducted::conduct(&folder.protocol, &versions, &plan, seed, &facts)?;
        if let Some(path) = &args.accounts {
            write_atomically(path, &conducted.accounts()?)?;
        }
        conducted.chain().write()
    };
    match &args.out {
        Some(out) => write_atomically(out, events.as_bytes()),
        None => {
            output::text(&events);
            Ok(())
        }
    }
}

/// The versions of the protocol, oldest first: those under `versions/`, and the one in force.
fn versions(folder: &Folder) -> Result<Vec<(Protocol, String)>, Failure> {
    let mut versions = Vec::new();
    for amendment in &folder.protocol.amendment {
        let path = folder.path.join("versions").join(format!("{}.toml", amendment.version));
        let text = fs::read_to_string(&path).map_err(|error| Failure::unreadable(&path, &error))?;
        let protocol = read(&path, &text)?;
        versions.push((protocol, text));
    }
    versions.push((folder.protocol.clone(), folder.text.clone()));
    Ok(versions)
}

fn read(path: &Path, text: &str) -> Result<Protocol, Failure> {
    Protocol::read(text).map(|(protocol, _)| protocol).map_err(|problems| Failure::Problems {
        file: path.display().to_string(),
        text: text.to_owned(),
        problems: problems.into_vec(),
    })
}
