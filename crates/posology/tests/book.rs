//! The book and the README say what is there: it builds, its links lead somewhere, its commands, keys, events and tests
//! exist, and its worked examples are what the program answers.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use posology_design::{Action, Data, Decision, Design};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The book's pages and the pages at the root, each with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("docs/src")];
    let mut pages: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md"].iter().map(|page| root().join(page)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
        .into_iter()
        .map(|page| {
            let text = fs::read_to_string(&page).unwrap();
            (page, text)
        })
        .collect()
}

#[test]
fn the_book_builds_with_every_page_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut book = mdbook_driver::MDBook::load(root().join("docs")).unwrap();
    book.config.build.build_dir = folder.path().to_owned();
    book.build().unwrap();
    let summary = read("docs/src/SUMMARY.md");
    for (page, _) in pages() {
        let Ok(page) = page.strip_prefix(root().join("docs/src")) else { continue };
        let name = page.to_str().unwrap();
        if name != "SUMMARY.md" {
            assert!(summary.contains(&format!("({name})")), "{name} is not in SUMMARY.md");
            let written = name.replace("README.md", "index.md").replace(".md", ".html");
            assert!(folder.path().join(&written).is_file(), "{written} was not written");
        }
    }
}

#[test]
fn every_link_within_the_repository_leads_to_a_file() {
    let mut followed = 0;
    for (page, text) in pages() {
        for after in text.split("](").skip(1) {
            let target = after.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(
                page.parent().unwrap().join(target).exists(),
                "{}: {target} is not there",
                page.display()
            );
            followed += 1;
        }
    }
    assert!(followed > 50, "the pages were read: {followed} links");
}

/// The arguments of each command of this program in the `sh` blocks and headings of a page.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut in_shell = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            in_shell = language == "sh";
            continue;
        }
        let heading = line.strip_prefix("## `").and_then(|heading| heading.strip_suffix('`'));
        let Some(command) = heading.or(in_shell.then_some(line)) else { continue };
        let arguments = match command.strip_prefix("posology ") {
            Some(arguments) => arguments,
            None if command.starts_with("cargo run ") => command.split_once(" -- ").unwrap().1,
            None => continue,
        };
        commands.push(arguments.split_whitespace().map(str::to_owned).collect());
    }
    commands
}

#[test]
fn every_command_and_option_in_the_pages_is_one_the_program_knows() {
    let mut shown = BTreeSet::new();
    for (page, text) in pages() {
        for command in commands(&text) {
            let depth = match command.iter().map(String::as_str).take(2).collect::<Vec<_>>()[..] {
                ["trial", "record"] => 4,
                ["trial", "account"] => 3,
                _ => 2,
            };
            let words = &command[..command.len().min(depth)];
            let output =
                Command::new(env!("CARGO_BIN_EXE_posology")).args(words).arg("--help").output().unwrap();
            let help = String::from_utf8(output.stdout).unwrap();
            let said = || format!("{}: posology {}", page.display(), command.join(" "));
            assert!(output.status.success(), "{}", said());
            for option in command.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option.as_str()), "{}: {option} is no option", said());
            }
            let usage =
                help.lines().find_map(|line| line.strip_prefix("Usage: posology ")).unwrap_or_default();
            let usage = usage.split(['[', '<']).next().unwrap();
            let usage = usage.split(" DIR ").next().unwrap();
            shown.insert(usage.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
        }
    }
    let design = [
        "calibrate",
        "check",
        "compare",
        "list",
        "merge",
        "mtd",
        "next",
        "oc",
        "paths",
        "table",
        "text",
        "two-stage",
    ];
    let design = design.map(|verb| format!("design {verb}"));
    let all = [
        "dose decay",
        "dose prescribe",
        "dose sheet",
        "programme status",
        "release check",
        "release checklist",
        "release draft",
        "response",
        "response confirm",
        "review",
        "serve",
        "toxicity grade",
        "toxicity regrade",
    ];
    let trial = [
        "account",
        "bundle",
        "check",
        "export",
        "found",
        "history",
        "import",
        "new",
        "person",
        "randomise",
        "record",
        "restore",
        "seal",
        "sign",
        "status",
        "synthesize",
        "tally",
        "unseal",
        "verify",
        "vote",
    ];
    let trial = trial.map(|verb| format!("trial {verb}"));
    assert_eq!(
        shown.into_iter().collect::<Vec<_>>(),
        [&design.each_ref().map(String::as_str)[..], &all[..], &trial.each_ref().map(String::as_str)[..],]
            .concat(),
        "each command is shown"
    );
}

#[test]
fn every_test_that_the_validation_names_is_in_the_sources() {
    let page = read("docs/src/validation.md");
    let mut named = 0;
    for quoted in page.split('`').filter(|quoted| quoted.contains(".rs::")) {
        let (file, name) = quoted.split_once("::").unwrap();
        assert!(read(file).contains(&format!("fn {name}(")), "{file} has no test {name}");
        named += 1;
    }
    assert!(named > 100, "the page was read: {named} tests");
}

/// The page of response criteria: for each family its keys, with the default of each set and what they mean.
fn page_of_criteria() -> String {
    use posology_clinic::response::{CriteriaSet, Settings};
    let schema: serde_json::Value = serde_json::from_str(&read("schemas/trial.schema.json")).unwrap();
    let mut page = "# Response criteria and their settings\n\nWhat a set of criteria leaves open is a key: under `[response]` of a \
        protocol, beside `criteria`, or in a file of its own for `posology response … --settings FILE`. A key left out has its default; \
        `-` means none, or as the set's paper says. Made from the program.\n"
        .to_owned();
    // The keys of a family are known by its own table in the schema.
    let families: Vec<&serde_json::Value> = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .filter(|table| table["properties"].get("criteria").is_some())
        .collect();
    let mut done: Vec<BTreeSet<String>> = Vec::new();
    for &set in CriteriaSet::ALL {
        let settings = Settings::of(set);
        let mut defaults = serde_json::to_value(&settings).unwrap();
        if let Settings::Imwg(myeloma) = &settings {
            // Points left to the edition, answered.
            let answered = serde_json::to_value(myeloma.criteria()).unwrap();
            defaults.as_object_mut().unwrap().extend(answered.as_object().unwrap().clone());
        }
        let keys: BTreeSet<String> =
            defaults.as_object().unwrap().keys().filter(|key| *key != "criteria").cloned().collect();
        let table = families.iter().find(|table| {
            let of_table = table["properties"].as_object().unwrap();
            keys.iter().all(|key| of_table.contains_key(key))
        });
        let all: BTreeSet<String> = table.map_or(keys, |table| {
            let keys = table["properties"].as_object().unwrap().keys();
            keys.filter(|key| *key != "criteria").cloned().collect()
        });
        page.push_str(&format!("\n## `{set}`\n\nSource: {}.\n", set.source()));
        let described = done.contains(&all);
        if described {
            page.push_str("\nKeys as above, with its own defaults:\n");
        }
        page.push_str("\n| key | default |");
        page.push_str(if described { "\n|---|---|\n" } else { " meaning |\n|---|---|---|\n" });
        for key in &all {
            let default = match &defaults[key] {
                serde_json::Value::Null => "-".to_owned(),
                serde_json::Value::String(word) => format!("`{word}`"),
                other => format!("`{}`", other.to_string().replace(['"', '{', '}'], "").replace([','], ", ")),
            };
            if described {
                if default != "-" {
                    page.push_str(&format!("| `{key}` | {default} |\n"));
                }
                continue;
            }
            let meaning = table.and_then(|table| table["properties"][key]["description"].as_str());
            let meaning = meaning.unwrap_or("see the page of the method").replace('\n', " ");
            page.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
        }
        done.push(all);
    }
    page
}

#[test]
fn the_page_of_response_criteria_is_the_one_the_program_makes() {
    let path = root().join("docs/src/reference/criteria.md");
    if std::env::var_os("UPDATE_BOOK").is_some() {
        fs::write(&path, page_of_criteria()).unwrap();
    }
    let page = fs::read_to_string(path).unwrap_or_default();
    assert!(page == page_of_criteria(), "docs/src/reference/criteria.md: run this test with UPDATE_BOOK=1");
}

#[test]
fn every_key_of_the_protocol_and_every_event_is_described() {
    fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = value["properties"].as_object() {
            found.extend(properties.keys().cloned());
        }
        match value {
            serde_json::Value::Object(map) => map.values().for_each(|value| keys(value, found)),
            serde_json::Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&read("schemas/trial.schema.json")).unwrap();
    let mut found = BTreeSet::new();
    keys(&schema, &mut found);
    let pages = ["protocol", "designs", "criteria"];
    let page: String = pages.iter().map(|page| read(&format!("docs/src/reference/{page}.md"))).collect();
    let missing: Vec<_> = found
        .iter()
        .filter(|key| {
            let written =
                [format!("| `{key}` |"), format!("[{key}]"), format!("[{key}."), format!(".{key}]")];
            !written.iter().any(|written| page.contains(written))
        })
        .collect();
    assert!(found.len() > 100 && missing.is_empty(), "keys without a description: {missing:?}");

    let events = read("docs/src/reference/events.md");
    for kind in posology_trial::event::Kind::ALL {
        let name = kind.name();
        assert!(events.contains(&format!("### `{name}`")), "{name} is not described");
    }
    let shown = events.lines().find(|line| line.starts_with("{\"event\"")).unwrap();
    assert!(
        read("examples/clr131/events.ndjson").lines().any(|line| line == shown),
        "an event of the example"
    );
}

fn words(decision: &Decision) -> String {
    let level = decision.level.map_or(0, posology_design::Level::number);
    match decision.action {
        Action::Start => format!("start at level {level} with {}", decision.enrol),
        Action::Escalate => format!("escalate to level {level}"),
        Action::Stay => format!("stay, {} more", decision.enrol),
        Action::Complete => format!("complete with level {level}"),
        other => other.word().to_owned(),
    }
}

#[test]
fn the_worked_examples_of_3_plus_3_are_what_the_rule_advises() {
    let design: Design = serde_json::from_str(r#"{"design": "3+3", "doses": 3}"#).unwrap();
    let page = read("docs/src/methods/escalation.md");
    let table = page.split("| outcomes, 3 levels |").nth(1).unwrap();
    let mut worked = 0;
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let outcomes = if cells[1] == "none" { "" } else { cells[1].trim_matches('`') };
        let decision = design.next(&Data::from_outcomes(3, outcomes).unwrap()).unwrap();
        assert_eq!(words(&decision), cells[2], "{outcomes}");
        worked += 1;
    }
    assert!(worked >= 8);
}
