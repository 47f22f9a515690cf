//! `trial synthesize`: synthetic patients from the protocol, a plan and a seed.

use std::fs;
use std::path::Path;

use posology_trial::synthetic::{Plan, synthesize};

use crate::failure::Failure;
use crate::folder::{Folder, write_atomically};
use crate::output;

pub(crate) fn run(dir: &Path, seed: Option<u64>, out: Option<&Path>) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    if !folder.protocol.trial.synthetic {
        return Err(Failure::input(
            "expected `synthetic = true` under [trial], found a trial of real patients; mend: write synthetic patients only into a trial that says so",
        ));
    }
    let path = folder.path.join("patients.toml");
    let text = fs::read_to_string(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    let plan =
        Plan::read(&text).map_err(|problem| Failure::input(format!("{}: {problem}", path.display())))?;
    let chain = synthesize(&folder.protocol, &folder.text, &plan, seed.unwrap_or(plan.seed))
        .map_err(Failure::input)?;
    let events = chain.write();
    match out {
        Some(out) => write_atomically(out, events.as_bytes()),
        None => {
            output::text(&events);
            Ok(())
        }
    }
}
