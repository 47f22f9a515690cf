//! `trial check`: the protocol file, with every problem at its place.

use std::path::Path;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

pub(crate) fn run(dir: &Path, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(dir)?;
    let protocol = &folder.protocol;
    if json {
        output::json(&serde_json::json!({
            "ok": true,
            "warnings": folder.warnings,
            "trial": protocol.trial.id,
            "version": protocol.version.id,
            "sha256": folder.protocol_sha256(),
        }));
        return Ok(());
    }
    output::problems(&folder.path.join("trial.toml").display().to_string(), &folder.text, &folder.warnings);
    output::text(&format!(
        "{} version {} is valid: {} regimens, {} cohorts, {} DLT rules, {} warnings.",
        protocol.trial.id,
        protocol.version.id,
        protocol.regimen.len(),
        protocol.cohort.len(),
        protocol.dlt.as_ref().map_or(0, |dlt| dlt.rules.len()),
        folder.warnings.len()
    ));
    Ok(())
}
