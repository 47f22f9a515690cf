//! `design list`: every design there is, and its settings.

use posology_design::catalogue;

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(name: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut designs = catalogue();
    if let Some(name) = name {
        let known: Vec<&str> = designs.iter().map(|listed| listed.design).collect();
        if !known.contains(&name) {
            return Err(Failure::input(format!(
                "expected a design, one of {}, found {name:?}; mend: name one of them",
                known.join(", ")
            )));
        }
        designs.retain(|listed| listed.design == name);
    }
    if json {
        output::json(&designs);
        return Ok(());
    }
    if let (Some(_), [listed]) = (name, designs.as_slice()) {
        let rows = listed.settings.iter().map(|setting| {
            vec![
                setting.name.clone(),
                output::wrapped(&setting.default, 24),
                output::wrapped(&setting.meaning, 64),
            ]
        });
        output::text(&format!(
            "design = {:?}: {}\n{}\nSource: {}\nOperating characteristics: {}.",
            listed.design,
            listed.title,
            output::table(&["setting", "default", "meaning"], rows),
            output::wrapped(listed.reference, 100),
            how(listed.exact)
        ));
        return Ok(());
    }
    let rows = designs
        .iter()
        .map(|listed| vec![listed.design.to_owned(), listed.title.to_owned(), how(listed.exact).to_owned()]);
    output::text(&format!(
        "{}\nSettings of one: posology design list NAME",
        output::table(&["design", "title", "operating characteristics"], rows)
    ));
    Ok(())
}

fn how(exact: bool) -> &'static str {
    if exact { "exact" } else { "simulated" }
}
