//! The fields of a fact as options of a command, and back to values.

use clap::{Arg, ArgAction, ArgMatches};
use posology_trial::form::{Form, Shape};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// An option for each field.
pub(super) fn arguments(form: &Form) -> impl Iterator<Item = Arg> + '_ {
    form.fields.iter().map(|field| {
        let help =
            if field.required { field.says.clone() } else { format!("{} [may be left out]", field.says) };
        let mut argument = Arg::new(field.name.clone())
            .long(field.name.clone())
            .allow_hyphen_values(true)
            .value_name(field.shape.looks())
            .display_order(usize::from(!field.required));
        let mut long = help.clone();
        if let Some(words) = field.shape.words() {
            for (word, meaning) in words {
                long.push_str(&format!("\n- {word}: {meaning}"));
            }
        }
        if let Some(parts) = field.shape.parts() {
            let parts: Vec<String> =
                parts.iter().map(|(name, shape)| format!("{name}={}", shape.looks())).collect();
            long.push_str(&format!("\nAs {} (or JSON).", parts.join(",")));
        }
        if let Shape::List(_) = field.shape {
            argument = argument.action(ArgAction::Append);
            long.push_str("\nRepeat the option for each.");
        }
        argument.help(long)
    })
}

/// The fields given.
pub(super) fn values(form: &Form, matches: &ArgMatches) -> Result<Map<String, Value>, Failure> {
    let mut values = Map::new();
    for field in &form.fields {
        let Some(given) = matches.get_many::<String>(&field.name) else { continue };
        let given: Vec<&String> = given.collect();
        let place = format!("--{}", field.name);
        let read = |shape: &Shape, text: &str| shape.read(&place, text).map_err(Failure::input);
        let value = match (&field.shape, given.as_slice()) {
            (Shape::List(item), all) => {
                Value::Array(all.iter().map(|text| read(item, text)).collect::<Result<_, _>>()?)
            }
            (shape, [.., last]) => read(shape, last)?,
            (_, []) => continue,
        };
        values.insert(field.name.clone(), value);
    }
    Ok(values)
}
