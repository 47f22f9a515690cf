//! `trial record`: one event of any kind, its fields as options, made from the schema of facts.

mod fields;

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _};
use posology_record::desk::Draft;
use posology_trial::event::{Correction, Kind};
use posology_trial::form::Form;
use posology_trial::permission::{awaits_signature, who_may};

use crate::desk::{self, Identity};
use crate::failure::Failure;
use crate::output;

/// Kinds that a command of their own records, with that command.
const ELSEWHERE: [(Kind, &str); 10] = [
    (Kind::Randomisation, "trial randomise"),
    (Kind::TrialFounded, "trial found"),
    (Kind::KeyIssued, "trial person"),
    (Kind::Signature, "trial sign"),
    (Kind::Access, "trial account"),
    (Kind::Sealed, "trial vote, or trial seal"),
    (Kind::Unsealed, "trial unseal"),
    (Kind::DataCut, "review"),
    (Kind::PacketFrozen, "review"),
    (Kind::Exported, "trial bundle"),
];

pub(crate) fn run(dir: &std::path::Path, words: &[String], as_json: bool) -> Result<(), Failure> {
    let Some((place, named)) = words.iter().enumerate().find(|(_, word)| !word.starts_with('-')) else {
        output::text(&overview());
        return Ok(());
    };
    let Some(kind) = Kind::of(named) else {
        let near = nearest(named);
        return Err(Failure::input(format!(
            "expected a kind of event, found {named:?}; mend: write one that `posology trial record DIR` lists{}",
            near.map(|near| format!(", such as {near}")).unwrap_or_default()
        )));
    };
    if let Some((_, command)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == kind) {
        return Err(Failure::input(format!(
            "{}: expected a kind that is recorded by hand, found one with a command of its own; mend: use `posology {command}`",
            kind.word()
        )));
    }
    let form = Form::of(kind);
    let (before, after) = words.split_at(place);
    let arguments = before.iter().chain(after.iter().skip(1));
    let matches = command(&form).try_get_matches_from(std::iter::once(named).chain(arguments));
    let matches = match matches {
        Ok(matches) => matches,
        Err(told) => {
            if told.use_stderr() {
                return Err(Failure::Usage(told.render().to_string()));
            }
            output::text(&told.render().to_string());
            return Ok(());
        }
    };
    let as_json = as_json || matches.get_flag("json");
    append(dir, &form, &matches, as_json)
}

fn append(dir: &std::path::Path, form: &Form, matches: &ArgMatches, as_json: bool) -> Result<(), Failure> {
    let kind = form.kind;
    let identity = Identity::from_arg_matches(matches).map_err(Failure::input)?;
    let (folder, mut desk) = desk::open(dir)?;
    let mut values = fields::values(form, matches)?;
    desk.complete(kind, &mut values, Some((&folder.protocol, &folder.text)))?;
    if let Some(missing) = form.missing(&values) {
        return Err(Failure::Usage(format!(
            "error: {}: expected --{}, found none; mend: `posology trial record DIR {} --help` says what it means",
            kind.word(),
            missing.name,
            kind.word()
        )));
    }
    let fact = form.fact(&values).map_err(Failure::input)?;
    let by = desk.actor(identity.user()?, desk::role(&desk, &identity, kind)?);
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let corrects = match (text("corrects"), text("correction-reason")) {
        (Some(named), Some(reason)) => Some(Correction { hash: desk.find(&named)?.1, reason }),
        _ => None,
    };
    let authenticated = desk::sign_in(&mut desk, &identity)?;
    let what = desk::in_words(&fact);
    let draft = Draft { fact, reason: text("because"), corrects };
    let command = text("client-key").map(|key| draft.under(&key, &by.user));
    let meaning = text("sign").map(|word| super::sign::meaning(&word)).transpose()?;
    let signed = meaning.map(|meaning| (authenticated, meaning));
    let unsigned = signed.is_none();
    let recorded = desk.record_draft(&draft, &by, signed, command.as_ref())?;
    desk::say(&recorded, &what, as_json);
    if let Some(who) = awaits_signature(kind).filter(|_| !as_json && unsigned && !recorded.appended.repeated)
    {
        output::text(&format!(
            "It takes effect once signed by {who}: `posology trial sign {} {} --meaning approval`.",
            dir.display(),
            recorded.appended.last
        ));
    }
    Ok(())
}

/// The options of a kind of event.
fn command(form: &Form) -> Command {
    let kind = form.kind;
    let mut command = Command::new(kind.word())
        .override_usage(format!("posology trial record DIR {} [OPTIONS]", kind.word()))
        .disable_version_flag(true)
        .term_width(100)
        .max_term_width(100)
        .next_help_heading("The fact");
    for argument in fields::arguments(form) {
        command = command.arg(argument);
    }
    command = Identity::augment_args(command.next_help_heading("Who"));
    command
        .about(form.says.clone())
        .next_help_heading("The event")
        .arg(
            Arg::new("because")
                .long("because")
                .value_name("REASON")
                .help("Why, where a rule asks: it then stands with a flag"),
        )
        .arg(
            Arg::new("corrects")
                .long("corrects")
                .value_name("EVENT")
                .requires("correction-reason")
                .help("The event that it replaces: its hash or its position"),
        )
        .arg(
            Arg::new("correction-reason")
                .long("correction-reason")
                .value_name("REASON")
                .requires("corrects")
                .help("Why the earlier event does not hold"),
        )
        .arg(
            Arg::new("sign")
                .long("sign")
                .value_name("MEANING")
                .help("Sign it too: authorship, review, approval, responsibility or verification"),
        )
        .arg(
            Arg::new("client-key")
                .long("client-key")
                .value_name("KEY")
                .help("A key of your own: the same request again under it is done once"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(clap::ArgAction::SetTrue)
                .help("Print one JSON document instead of text for people"),
        )
        .after_help(after(form))
}

fn after(form: &Form) -> String {
    let kind = form.kind;
    let roles = who_may(kind);
    let signed = awaits_signature(kind)
        .map(|who| format!("\nIt takes effect once signed by {who} (--sign approval, or `trial sign`)."))
        .unwrap_or_default();
    format!(
        "Recorded by: {roles}.{signed}\nExample:\n  posology trial record DIR {}{}",
        kind.word(),
        form.example()
    )
}

fn overview() -> String {
    let rows = Form::all().into_iter().map(|form| {
        let kind = form.kind;
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == kind);
        let by = elsewhere.map_or_else(|| who_may(kind), |(_, command)| format!("by `posology {command}`"));
        vec![kind.word().to_owned(), output::wrapped(&form.says, 48), output::wrapped(&by, 40)]
    });
    format!(
        "Usage: posology trial record DIR EVENT [OPTIONS]\n\nEvents that can be recorded; `posology trial record DIR EVENT --help` shows the options of one.\n{}",
        output::table(&["event", "", "recorded by"], rows)
    )
}

/// The kind most like a word: by the longest beginning or end in common.
fn nearest(word: &str) -> Option<&'static str> {
    let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let back = |text: &str| text.chars().rev().collect::<String>();
    Kind::ALL
        .iter()
        .map(|kind| kind.word())
        .map(|known| (common(known, word).max(common(&back(known), &back(word))), known))
        .filter(|(length, _)| *length >= 3)
        .max_by_key(|(length, _)| *length)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_options_that_do_not_clash() {
        for form in Form::all() {
            command(&form).debug_assert();
        }
    }

    #[test]
    fn a_word_mistyped_is_answered_with_the_nearest_kind() {
        assert_eq!(nearest("enrollment"), Some("enrolment"));
        assert_eq!(nearest("zzz"), None);
    }
}
