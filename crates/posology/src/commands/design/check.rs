//! `design check`: the design file, with every problem at its place.

use std::path::Path;

use super::file;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(path: &Path, json: bool) -> Result<(), Failure> {
    let (text, file) = file::read(path)?;
    let design = &file.design;
    if json {
        output::json(&serde_json::json!({
            "ok": true,
            "design": design.name(),
            "levels": design.levels(),
            "warnings": file.warnings,
        }));
        return Ok(());
    }
    output::problems(&path.display().to_string(), &text, &file.warnings);
    let levels = design.levels().map_or_else(String::new, |levels| format!(" on {levels} levels"));
    let max = design.max_patients().map_or_else(String::new, |max| format!(", at most {max} patients"));
    output::text(&format!("{} is valid: {}{levels}{max}.", path.display(), design.name()));
    Ok(())
}
