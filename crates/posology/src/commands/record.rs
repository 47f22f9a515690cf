//! `trial record`: one event of any kind, its fields as options, made from the schema of facts.

mod fields;

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _};
use posology_trial::committee::{packet_digest, review};
use posology_trial::conduct::Conduct;
use posology_trial::event::{Correction, Event, Fact, Kind, Role, json_schema};
use posology_trial::permission::{Reach, reach};
use serde_json::{Map, Value, json};

use crate::desk::{self, Desk, Identity, actor};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;
use fields::Body;

/// Kinds that a command of their own records, with that command.
const ELSEWHERE: [(Kind, &str); 9] = [
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
    let schema = json_schema();
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
    let body = Body::of(&schema, kind);
    let (before, after) = words.split_at(place);
    let arguments = before.iter().chain(after.iter().skip(1));
    let matches = command(kind, &body).try_get_matches_from(std::iter::once(named).chain(arguments));
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
    append(dir, kind, &body, &matches, as_json)
}

fn append(
    dir: &std::path::Path,
    kind: Kind,
    body: &Body,
    matches: &ArgMatches,
    as_json: bool,
) -> Result<(), Failure> {
    let identity = Identity::from_arg_matches(matches).map_err(Failure::input)?;
    let mut desk = Desk::open(dir)?;
    let mut values = body.values(matches)?;
    fill(kind, &mut values, &desk.folder, desk.record.conduct())?;
    if let Some(missing) = body.missing(&values) {
        return Err(Failure::Usage(format!(
            "error: {}: expected --{missing}, found none; mend: `posology trial record DIR {} --help` says what it means",
            kind.word(),
            kind.word()
        )));
    }
    let fact: Fact =
        serde_json::from_value(json!({ "type": kind.name(), "body": values })).map_err(|error| {
            let error = error.to_string();
            let mend = if error.contains("mend:") { "" } else { "; mend: write it as --help shows" };
            Failure::input(format!("{}: {error}{mend}", kind.word()))
        })?;

    let role = desk.role(&identity, kind)?;
    let user = identity.user()?.to_owned();
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let corrects = match (text("corrects"), text("correction-reason")) {
        (Some(named), Some(reason)) => Some(Correction { hash: desk.find(&named)?.1, reason }),
        _ => None,
    };
    let authenticated = desk.sign_in(&identity)?;
    let what = desk::in_words(&fact);
    let request = json!({ "fact": fact, "corrects": corrects, "by": user }).to_string();
    let key = text("client-key").map(|key| desk::client_key(&key, &request));
    if let Some(recorded) = key.as_ref().map(|key| desk.done_before(key)).transpose()?.flatten() {
        desk::say(&recorded, &what, as_json);
        return Ok(());
    }
    let event = Event { reason: text("because"), corrects, ..actor(&user, role).event(desk::now(), fact) };
    let hash = desk.stage(event)?;
    if let Some(meaning) = matches.get_one::<String>("sign") {
        let meaning = super::sign::meaning(meaning)?;
        desk.stage_signature(authenticated, role, meaning, &hash)?;
    }
    let recorded = desk.commit(key.as_ref())?;
    desk::say(&recorded, &what, as_json);
    if let Some(who) =
        awaits_signature(kind).filter(|_| !as_json && matches.get_one::<String>("sign").is_none())
    {
        output::text(&format!(
            "It takes effect once signed by {who}: `posology trial sign {} {} --meaning approval`.",
            dir.display(),
            recorded.appended.last
        ));
    }
    Ok(())
}

/// Who must sign a kind before it has effect.
fn awaits_signature(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::WrittenDirective => Some("an authorised user"),
        Kind::Recommendation => Some("the chair"),
        Kind::SponsorDecision => Some("the sponsor"),
        _ => None,
    }
}

/// What the record or the folder knows need not be typed.
fn fill(
    kind: Kind,
    values: &mut Map<String, Value>,
    folder: &Folder,
    conduct: &Conduct,
) -> Result<(), Failure> {
    let number = values.get("review").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let mut set = |name: &str, value: Value| {
        if !values.contains_key(name) && !value.is_null() {
            values.insert(name.to_owned(), value);
        }
    };
    match (kind, number) {
        (Kind::ProtocolAdopted, _) => {
            let version = &folder.protocol.version;
            set("version", json!(version.id));
            set("date", json!(version.date));
            set("reason", json!(version.reason));
            set("text", json!(folder.text));
            set("sha256", json!(folder.protocol_sha256()));
        }
        (Kind::SlotConfirmed, _) => {
            let days = i64::from(conduct.protocol().map_or(0, |protocol| protocol.enrolment.slot_days));
            let until = desk::now().saturating_add(jiff::SignedDuration::from_hours(24 * days));
            set("until", json!(until.map_err(Failure::fault)?));
        }
        (Kind::Meeting, Some(number)) => {
            if let Some((_, packet)) = review(conduct, number).packet {
                let documents: Vec<&str> = packet.files.iter().map(|file| file.sha256.as_str()).collect();
                set("documents", json!(documents));
            }
        }
        (Kind::Recommendation, Some(number)) => {
            let standing = review(conduct, number);
            if let Some((_, packet)) = standing.packet {
                set("packet", json!(packet_digest(&packet.files).map_err(Failure::fault)?));
            }
            if let Some((_, cut)) = standing.cut {
                set("cohort", json!(cut.cohort));
                set("rule-advice", json!(cut.advice));
                let day = cut.cut.cut_off.to_zoned(jiff::tz::TimeZone::UTC).date();
                set("cut-off", json!(day));
            }
            if let Some((_, meeting)) = standing.meeting {
                set("date", json!(meeting.date));
            }
        }
        (Kind::SponsorDecision, Some(number)) => {
            if let Some((entry, recommendation)) = review(conduct, number).recommendation {
                set("recommendation", json!(entry.hash));
                set("cohort", json!(recommendation.cohort));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The options of a kind of event.
fn command(kind: Kind, body: &Body) -> Command {
    let mut command = Command::new(kind.word())
        .override_usage(format!("posology trial record DIR {} [OPTIONS]", kind.word()))
        .disable_version_flag(true)
        .term_width(100)
        .max_term_width(100)
        .next_help_heading("The fact");
    for argument in body.arguments() {
        command = command.arg(argument);
    }
    command = Identity::augment_args(command.next_help_heading("Who"));
    command
        .about(body.says.clone())
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
        .after_help(after(kind, body))
}

fn after(kind: Kind, body: &Body) -> String {
    let roles = who_may(kind);
    let signed = awaits_signature(kind)
        .map(|who| format!("\nIt takes effect once signed by {who} (--sign approval, or `trial sign`)."))
        .unwrap_or_default();
    format!(
        "Recorded by: {roles}.{signed}\nExample:\n  posology trial record DIR {}{}",
        kind.word(),
        body.example()
    )
}

fn who_may(kind: Kind) -> String {
    let mut words = Vec::new();
    for role in Role::ALL {
        match reach(role, kind) {
            Reach::Nowhere => {}
            Reach::Site => words.push(format!("{} of the site", role.word())),
            Reach::Trial => words.push(role.word().to_owned()),
        }
    }
    words.join(", ")
}

fn overview() -> String {
    let schema = json_schema();
    let rows = Kind::ALL.iter().map(|kind| {
        let says = Body::of(&schema, *kind).says;
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| other == kind);
        let by = elsewhere.map_or_else(|| who_may(*kind), |(_, command)| format!("by `posology {command}`"));
        vec![kind.word().to_owned(), output::wrapped(&says, 48), output::wrapped(&by, 40)]
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
        let schema = json_schema();
        for kind in Kind::ALL {
            command(*kind, &Body::of(&schema, *kind)).debug_assert();
        }
    }

    #[test]
    fn a_word_mistyped_is_answered_with_the_nearest_kind() {
        assert_eq!(nearest("enrollment"), Some("enrolment"));
        assert_eq!(nearest("zzz"), None);
    }
}
