//! The protocol file: what is taken, what is refused, and whether a refusal names the right place.

// Clippy takes only functions marked as tests for tests, and these have helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use posology_trial::protocol::{Problem, Protocol, Severity};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../examples/clr131/trial.toml");
const MINIMAL: &str = include_str!("../../../examples/minimal/trial.toml");

/// Every problem of a text, refused or not.
fn problems(text: &str) -> Vec<Problem> {
    match Protocol::read(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems.into_vec(),
    }
}

/// One bad thing: the example's text `was` becomes `now`, in which `«` marks the place the problem must name.
struct Bad {
    was: &'static str,
    now: &'static str,
    /// A second edit: what the example has, and what it becomes.
    also: (&'static str, &'static str),
    severity: Severity,
    path: &'static str,
    found: &'static str,
    expected: &'static str,
}

const fn bad(
    was: &'static str,
    now: &'static str,
    path: &'static str,
    found: &'static str,
    expected: &'static str,
) -> Bad {
    Bad { was, now, also: ("", ""), severity: Severity::Error, path, found, expected }
}

const fn bad_with(
    also: (&'static str, &'static str),
    was: &'static str,
    now: &'static str,
    path: &'static str,
    found: &'static str,
    expected: &'static str,
) -> Bad {
    Bad { also, ..bad(was, now, path, found, expected) }
}

const fn worth_a_warning(
    was: &'static str,
    now: &'static str,
    path: &'static str,
    found: &'static str,
    expected: &'static str,
) -> Bad {
    Bad { severity: Severity::Warning, ..bad(was, now, path, found, expected) }
}

/// The example with one bad thing, and line and column of the mark, counted here and not by the code under test.
fn with(case: &Bad) -> (String, usize, usize) {
    assert_eq!(EXAMPLE.matches(case.was).count(), 1, "the example has not exactly one {:?}", case.was);
    let marked = EXAMPLE.replacen(case.was, case.now, 1).replacen(case.also.0, case.also.1, 1);
    let before: Vec<char> = marked.chars().take_while(|c| *c != '«').collect();
    let line = 1 + before.iter().filter(|c| **c == '\n').count();
    let column = 1 + before.iter().rev().take_while(|c| **c != '\n').count();
    (marked.replace('«', ""), line, column)
}

fn each_is_named_at_its_place(cases: &[Bad]) {
    for case in cases {
        let (text, line, column) = with(case);
        let all = problems(&text);
        let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
        let shown = shown.join("\n");
        let Some(problem) =
            all.iter().find(|problem| problem.path == case.path && problem.severity == case.severity)
        else {
            panic!("{:?}: no problem with {}\n{shown}", case.now, case.path);
        };
        assert_eq!((problem.line, problem.column), (line, column), "{:?}\n{shown}", case.now);
        assert!(problem.found.contains(case.found), "{:?}: found\n{shown}", case.now);
        assert!(problem.expected.contains(case.expected), "{:?}: expected\n{shown}", case.now);
        assert!(!problem.mend.is_empty(), "{shown}");
        let errors = all.iter().filter(|problem| problem.severity == Severity::Error).count();
        let one = usize::from(case.severity == Severity::Error);
        assert_eq!(errors, one, "{:?}: one bad thing is one error\n{shown}", case.now);
        assert_eq!(Protocol::read(&text).is_err(), one == 1);
    }
}

#[test]
fn the_example_is_whole_and_warns_only_of_patients_who_progress_before_the_window_closes() {
    let (protocol, warnings) = Protocol::read(EXAMPLE).unwrap();
    assert_eq!(protocol.trial.registry.as_deref(), Some("NCT02278315"));
    assert!(protocol.trial.synthetic);
    // Source: clr131 trials, table of cohorts: total activity and number of fractions.
    let ladder: Vec<(String, usize)> = protocol
        .regimen
        .iter()
        .map(|r| (r.total_per_area().unwrap().to_string(), r.fraction.len()))
        .collect();
    let published =
        [("12.5", 1), ("18.75", 1), ("25", 1), ("31.25", 1), ("31.25", 2), ("37.5", 2), ("40", 2)];
    assert_eq!(ladder, published.map(|(total, fractions)| (format!("{total} mCi/m2"), fractions)));
    assert_eq!(protocol.level_of("40x2"), Some(7));
    assert_eq!(protocol.escalation.unwrap().levels(), Some(7));
    let paths: Vec<&str> = warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["dlt.median-pfs-days"]);
    // 1 - 2^(-85/88) = 0.488, by hand.
    assert!(warnings[0].found.contains("49%"), "{}", warnings[0]);
}

#[test]
fn the_minimal_protocol_is_taken_without_a_warning() {
    let (protocol, warnings) = Protocol::read(MINIMAL).unwrap();
    assert!(protocol.product.is_none() && protocol.dlt.is_none() && protocol.escalation.is_none());
    assert_eq!(protocol.rate.iter().map(|rate| rate.id.as_str()).collect::<Vec<_>>(), ["ORR", "CBR", "DCR"]);
    assert_eq!(warnings, []);
}

#[test]
fn a_key_that_nothing_reads_is_an_error_in_every_table() {
    let tables = [
        "trial",
        "version",
        "product",
        "body-surface",
        "gates",
        "dlt",
        "dlt.counts",
        "dlt.support",
        "evaluability",
        "escalation",
        "response",
        "committee",
        "caps",
    ];
    for table in tables {
        let header = format!("\n[{table}]");
        let at = EXAMPLE.find(&header).unwrap_or_else(|| panic!("no table {table}")) + header.len();
        let next_line = at + EXAMPLE[at..].find('\n').unwrap() + 1;
        let text = format!("{}no-such-key = 1\n{}", &EXAMPLE[..next_line], &EXAMPLE[next_line..]);
        refused_for_its_key(&text, next_line, &format!("{table}.no-such-key"));
    }
    let lists = [
        "trial.site",
        "amendment",
        "regimen",
        "cohort",
        "dlt.rules",
        "stopping.hold",
        "endpoint",
        "rate",
        "committee.member",
        "assumption",
    ];
    for list in lists {
        let header = format!("\n[[{list}]]\n");
        let next_line = EXAMPLE.find(&header).unwrap_or_else(|| panic!("no list {list}")) + header.len();
        let text = format!("{}no-such-key = 1\n{}", &EXAMPLE[..next_line], &EXAMPLE[next_line..]);
        refused_for_its_key(&text, next_line, &format!("{list}[0].no-such-key"));
    }
    refused_for_its_key(&format!("no-such-key = 1\n{EXAMPLE}"), 0, "no-such-key");
}

fn refused_for_its_key(text: &str, offset: usize, path: &str) {
    let problems = Protocol::read(text).unwrap_err().into_vec();
    let errors: Vec<&Problem> =
        problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    let [error] = errors.as_slice() else { panic!("{path}: {problems:?}") };
    assert_eq!((error.path.as_str(), error.offset, error.column), (path, offset, 1));
    assert_eq!(error.line, 1 + text[..offset].matches('\n').count());
    assert_eq!(error.found, "the unknown key no-such-key");
}

#[test]
fn a_trial_in_another_disease_names_its_criteria_and_their_open_points() {
    let minimal = "[trial]\nid = \"W\"\ntitle = \"Waldenström\"\n[version]\nid = \"1\"\ndate = 2020-01-01\nreason = \"first\"\n";
    let read = |response: &str| Protocol::read(&format!("{minimal}{response}"));
    let (protocol, _) = read("[response]\ncriteria = \"IWWM-11\"\nflare-days = 84\n").unwrap();
    assert_eq!(protocol.response.criteria.set().id(), "iwwm-11");
    assert!(protocol.response.imwg().is_none());
    let written = serde_json::to_value(&protocol.response).unwrap();
    assert_eq!((written["criteria"].as_str(), written["flare-days"].as_u64()), (Some("iwwm-11"), Some(84)));

    let problems = read("[response]\ncriteria = \"iwwm-11\"\nflare-day = 84\n").unwrap_err();
    assert_eq!((problems.as_slice()[0].line, problems.as_slice()[0].column), (10, 1), "{problems}");
    let problems = read("[response]\ncriteria = \"iwwm-12\"\n").unwrap_err();
    assert_eq!(problems.as_slice()[0].line, 9, "{problems}");
    assert!(problems.as_slice()[0].expected.contains("iwwm-11"), "{problems}");
}

#[test]
fn a_misspelt_key_or_word_is_named_with_the_one_that_was_meant() {
    each_is_named_at_its_place(&[
        bad("registry = ", "«regsitry = ", "trial.regsitry", "regsitry", "registry"),
        bad(
            "criteria = \"imwg-2016\" ",
            "«critera = \"IMWG-2016\" ",
            "response.critera",
            "critera",
            "criteria",
        ),
        bad(
            "{ day = 1, activity = \"20 mCi/m2\" }",
            "{ day = 1, activity = \"20 mCi/m2\", «days-lat = 3 }",
            "regimen[6].fraction[0].days-lat",
            "days-lat",
            "days-late",
        ),
        bad(
            "voting = \"unanimous\"",
            "voting = «\"unanimus\"",
            "committee.voting",
            "\"unanimus\"",
            "majority, two-thirds, unanimous",
        ),
        bad("expand-to = 6", "«expnad-to = 6", "escalation.expnad-to", "expnad-to", "expand-to"),
    ]);
    let text = EXAMPLE.replacen("registry = ", "regsitry = ", 1);
    assert_eq!(problems(&text)[0].mend, "write registry, if that was meant; else remove the line");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_what_stands_there() {
    each_is_named_at_its_place(&[
        bad(
            "infusion-minutes = 30",
            "infusion-minutes = «\"30\"",
            "product.infusion-minutes",
            "\"30\"",
            "a whole number",
        ),
        bad(
            "infusion-minutes = 30",
            "infusion-minutes = «-30",
            "product.infusion-minutes",
            "-30",
            "0 or more",
        ),
        bad("phase = \"1\"", "phase = «1", "trial.phase", "1", "text in double quotes"),
        bad("synthetic = true", "synthetic = «\"yes\"", "trial.synthetic", "\"yes\"", "true or false"),
        bad("date = 2018-07-02", "date = «\"2 July 2018\"", "version.date", "2 July 2018", "2019-05-15"),
        bad(
            "tolerance-percent = 10 ",
            "tolerance-percent = «\"ten\" ",
            "gates.tolerance-percent",
            "\"ten\"",
            "",
        ),
        bad("total = \"40 mCi/m2\"", "total = «\"40 mCi/kg\"", "regimen[6].total", "mCi/kg", "mCi/m2"),
        bad("total = \"40 mCi/m2\"", "total = «\"-40 mCi/m2\"", "regimen[6].total", "-40", ""),
        bad("ctcae = \"5.0\"", "ctcae = «\"4.03\"", "dlt.ctcae", "4.03", "5.0 or 6.0"),
        bad(
            "first-cohort = 3 ",
            "first-cohort = «\"three\" ",
            "escalation.first-cohort",
            "\"three\"",
            "a whole number",
        ),
        bad("design = \"3+3\"", "design = «\"4+4\"", "escalation.design", "4+4", "3+3"),
        bad("[[cohort]]\nid = \"C7\"\n", "«[[cohort]]\n", "cohort[6].id", "no id", "id"),
    ]);
}

#[test]
fn what_contradicts_the_schedule_is_an_error_at_the_setting() {
    each_is_named_at_its_place(&[
        bad(
            "total = \"40 mCi/m2\"",
            "total = «\"38 mCi/m2\"",
            "regimen[6].total",
            "38 mCi/m2",
            "40 mCi/m2, the sum of its 2 fractions",
        ),
        bad(
            "{ day = 1, activity = \"20 mCi/m2\" }",
            "{ day = «2, activity = \"20 mCi/m2\" }",
            "regimen[6].fraction[0].day",
            "2",
            "no day 0",
        ),
        bad(
            "{ day = 8, activity = \"20 mCi/m2\",",
            "{ day = «1, activity = \"20 mCi/m2\",",
            "regimen[6].fraction[1].day",
            "1",
            "a day after 1",
        ),
        bad(
            "{ day = 8, activity = \"20 mCi/m2\",",
            "{ day = «8, days-early = 7, activity = \"20 mCi/m2\",",
            "regimen[6].fraction[1].day",
            "7 days early",
            "the latest of the fraction before",
        ),
        bad(
            "{ day = 8, activity = \"20 mCi/m2\",",
            "«{ day = 8,",
            "regimen[6].fraction[1].activity",
            "no activity",
            "each fraction",
        ),
        bad(
            "fraction = [{ day = 1, activity = \"25 mCi/m2\" }]",
            "fraction = «[]",
            "regimen[2].fraction",
            "no fraction",
            "at least one",
        ),
        bad_with(
            ("window-days = 85", "window-days = «85"),
            "{ day = 8, activity = \"20 mCi/m2\", days-late = 3 }",
            "{ day = 8, activity = \"20 mCi/m2\", days-late = 3 }, { day = 86, activity = \"0 mCi/m2\", days-late = 3 }",
            "dlt.window-days",
            "85",
            "at least 89",
        ),
        bad(
            "min-days-after-last-fraction = 65",
            "min-days-after-last-fraction = «79",
            "dlt.min-days-after-last-fraction",
            "79",
            "at most 78",
        ),
        bad(
            "\nnadir-day = 49",
            "\nevaluable-from-day = «86\nnadir-day = 49",
            "dlt.evaluable-from-day",
            "86",
            "1 to 85",
        ),
        bad("from-day = 28", "from-day = «71", "dlt.counts.from-day", "71", "at most to-day, 70"),
    ]);
}

#[test]
fn what_contradicts_the_ladder_is_an_error_at_the_setting() {
    each_is_named_at_its_place(&[
        bad("regimen = \"40x2\"", "regimen = «\"45x2\"", "cohort[6].regimen", "45x2", "40x2"),
        bad("id = \"C7\"", "id = «\"C6\"", "cohort[6].id", "C6 a second time", "an id of its own"),
        bad(
            "regimen = \"40x2\"\nplanned = 4",
            "regimen = \"40x2\"\nplanned = «0",
            "cohort[6].planned",
            "0",
            "at least 1",
        ),
        bad("design = \"3+3\"", "design = \"3+3\"\ndoses = «5", "escalation.doses", "5", "the 7 regimens"),
        bad(
            "design = \"3+3\"",
            "design = \"3+3\"\ndoses = «[\"40x2\", \"37.5x2\"]",
            "escalation.doses",
            "40x2, 37.5x2",
            "12.5x1",
        ),
        bad("design = \"3+3\"", "design = \"3+3\"\nstart = «8", "escalation.start", "8", "1 to 7"),
        bad("first-cohort = 3 ", "first-cohort = «2 ", "escalation.first-cohort", "2", "3 to 5"),
        bad("total = 31 ", "total = «27 ", "caps.total", "27", "at least 28"),
        bad(
            "per-regimen = 6",
            "per-regimen = «4",
            "caps.per-regimen",
            "4",
            "at least 5, the planned patients at regimen 12.5x1",
        ),
    ]);
}

#[test]
fn ids_of_rules_holds_and_rates_are_given_once() {
    each_is_named_at_its_place(&[
        bad(
            "[[dlt.rules]]\nid = \"neutrophils-0.5\"",
            "«[[dlt.rules]]\nid = \"platelets-25\"",
            "dlt.rules[1]",
            "platelets-25 a second time",
            "an id of its own",
        ),
        bad(
            "id = \"bleed\"",
            "id = «\"related-death\"",
            "stopping.hold[3].id",
            "a second time",
            "an id of its own",
        ),
        bad("id = \"CBR\"", "id = «\"ORR\"", "rate[1].id", "ORR a second time", "an id of its own"),
        bad("id = \"PFS\"", "id = «\" \"", "endpoint[3].id", "an empty id", "an id of its own"),
        bad("id = \"CLR131-MM\"", "id = «\"../CLR131\"", "trial.id", "../CLR131", "letters, digits"),
    ]);
}

#[test]
fn what_contradicts_committee_versions_rates_or_holds_is_an_error_at_the_setting() {
    each_is_named_at_its_place(&[
        bad("quorum = 3", "quorum = «5", "committee.quorum", "5", "1 to 4"),
        bad(
            "[\"Chair\", \"Biostatistician\"]",
            "[\"Chair\", «\"Statistician\"]",
            "committee.quorum-roles[1]",
            "Statistician",
            "Biostatistician",
        ),
        bad("date = 2017-09-29", "date = «2014-10-30", "amendment[1].date", "2014-10-30", "after 2014-10-30"),
        bad(
            "date = 2017-09-29",
            "date = «2018-07-02",
            "amendment[1].date",
            "2018-07-02",
            "before 2018-07-02",
        ),
        bad("version = \"2.0\"", "version = «\"3.0\"", "amendment[1].version", "3.0", "an earlier version"),
        bad("at-least = \"MR\"", "at-least = «\"PD\"", "rate[1].at-least", "PD", "SD or better"),
        bad(
            "[caps]",
            "[times]\nmarker-reduction-percent = [25, «101]\n[caps]",
            "times.marker-reduction-percent[1]",
            "101",
            "1 to 100",
        ),
        bad_with(
            ("minimum-days = 42\n", ""),
            "[[rate]]\nid = \"DCR\"",
            "«[[rate]]\nid = \"DCR\"",
            "rate[2].minimum-days",
            "no minimum-days",
            "stable disease",
        ),
        bad_with(
            ("within-days = 5\n", ""),
            "[[stopping.hold]]\nid = \"bleed\"",
            "«[[stopping.hold]]\nid = \"bleed\"",
            "stopping.hold[3].within-days",
            "no within-days",
            "meets",
        ),
        bad(
            "radionuclide = \"I-131\"",
            "radionuclide = «\"I-139\"",
            "product.radionuclide",
            "I-139",
            "I-131",
        ),
        bad("half-life = \"ensdf\"", "half-life = «\"guess\"", "product.half-life", "guess", "ensdf"),
        bad(
            "minimum-percent = 75 ",
            "minimum-percent = «7500 ",
            "evaluability.minimum-percent",
            "7500",
            "0 to 100",
        ),
    ]);
}

#[test]
fn what_a_reader_should_know_is_a_warning() {
    each_is_named_at_its_place(&[
        Bad {
            also: ("recovery-days = 16", "recovery-days = 30"),
            ..worth_a_warning("window-days = 85", "window-days = «85", "dlt.window-days", "85", "at least 86")
        },
        worth_a_warning(
            "median-pfs-days = 88 ",
            "median-pfs-days = «264 ",
            "dlt.median-pfs-days",
            "20%",
            "at most 20%",
        ),
    ]);
    // 1 - 2^(-85/265) = 0.1994, by hand: just under one in five.
    let calm = EXAMPLE.replacen("median-pfs-days = 88 ", "median-pfs-days = 265 ", 1);
    assert_eq!(problems(&calm), []);
}

#[test]
fn dlt_rules_must_fit_the_window_and_the_version() {
    each_is_named_at_its_place(&[
        bad(
            "not-recovered-by-day = 85",
            "not-recovered-by-day = «86",
            "dlt.rules[2].lab.not-recovered-by-day",
            "86",
            "85",
        ),
        bad(
            "below = \"25 10^9/L\", more-than-days = 7",
            "below = \"25 10^9/L\", more-than-days = «85",
            "dlt.rules[0].lab.more-than-days",
            "85",
            "less than the window of 85",
        ),
        bad(
            "attribution = \"any\"",
            "attribution = \"any\"\nto-day = «120",
            "dlt.rules[3].to-day",
            "120",
            "1 to 85",
        ),
        bad(
            "attribution = \"any\"",
            "attribution = \"any\"\nfrom-day = «-1",
            "dlt.rules[3].from-day",
            "-1",
            "1 to 85",
        ),
        bad(
            "analyte = \"platelets\", below = \"25 10^9/L\"",
            "analyte = «\"free-lambda\", grade-at-least = 4",
            "dlt.rules[0].lab.analyte",
            "free-lambda",
            "CTCAE 5.0",
        ),
        bad(
            "[[dlt.rules]]\nid = \"neutrophils-0.5\"",
            "«[[dlt.rules]]\nid = \"neutrophils-0.5\"\nfraction = { omitted = true }",
            "dlt.rules[1]",
            "2 conditions",
            "exactly one of",
        ),
        bad_with(
            ("below = \"0.5 10^9/L\"", "below = \"0.5 furlong\""),
            "[[dlt.rules]]\nid = \"neutrophils-0.5\"",
            "«[[dlt.rules]]\nid = \"neutrophils-0.5\"",
            "dlt.rules[1]",
            "furlong",
            "10^9/L",
        ),
        bad(
            "analyte = \"neutrophils\"",
            "analyte = «\"neutrofils\"",
            "dlt.rules[1].lab.analyte",
            "neutrofils",
            "neutrophils",
        ),
    ]);
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let text = r#"
        [trail]
        id = "X"
        [trial]
        id = "a b"
        titel = "Été"
        [version]
        id = 1
        date = 2019-13
        [[regimen]]
        id = "A"
        total = "40 mCi/kg"
        fraction = [{ day = 1 }, { dya = 8 }]
        [[cohort]]
        id = "C1"
        regimen = "A"
        [escalation]
        design = "3+3"
        variant = "clasic"
        first-cohort = "3"
    "#;
    insta::assert_snapshot!(Protocol::read(&text.replace("2019-13", "\"2019-13\"")).unwrap_err());
    insta::assert_snapshot!(Protocol::read(text).unwrap_err(), @r"
    error at line 9, column 16: the file
      found 2019-13 (invalid date)
      expected `-` (MM-DD)
      mend: correct the TOML here; text stands in double quotes (https://toml.io)
    ");
    let contradictions = EXAMPLE
        .replacen("total = \"40 mCi/m2\"", "total = \"38 mCi/m2\"", 1)
        .replacen("quorum = 3", "quorum = 9", 1)
        .replacen("window-days = 85  ", "window-days = 9   ", 1)
        .replacen("first-cohort = 3 ", "first-cohort = 9 ", 1);
    insta::assert_snapshot!(Protocol::read(&contradictions).unwrap_err());
}

#[test]
fn columns_count_characters_and_offsets_bytes() {
    let text = "[trial]\nid = \"X\"\ntitle = \"é\" ; x\n";
    let error = &problems(text)[0];
    assert_eq!((error.line, error.column, error.offset), (3, 13, 30));
    assert_eq!(&text[error.offset..error.offset + 1], ";");
}

#[test]
fn text_that_is_no_protocol_is_refused_and_never_panics() {
    let deep = format!("x = {}", "[".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    let long = "x".repeat((1 << 20) + 1);
    let keys: String = (0..20_000).map(|n| format!("k{n} = {n}\n")).collect();
    for text in [
        "",
        "\u{feff}",
        "\0",
        "[",
        "<html>",
        "[trial]\r\nid",
        "trial = 3",
        "[[trial]]",
        &deep,
        &dotted,
        &long,
        &keys,
    ] {
        let problems = Protocol::read(text).unwrap_err();
        assert!((1..=200).contains(&problems.as_slice().len()));
    }
}

#[test]
fn problems_serialise_as_the_command_prints_them() {
    let problems = Protocol::read("[trial]\nid = 3\n").unwrap_err();
    let json = serde_json::to_value(&problems).unwrap();
    assert_eq!(
        json[0],
        serde_json::json!({
            "severity": "error", "path": "trial.id", "line": 2, "column": 6, "offset": 13, "length": 1,
            "found": "3", "expected": "text in double quotes", "mend": "write \"3\"",
        })
    );
}

/// The example without the lines from one text up to another.
fn example_without(from: &str, to: &str) -> String {
    let (head, rest) = EXAMPLE.split_once(from).unwrap();
    let (_, tail) = rest.split_once(to).unwrap();
    format!("{head}{to}{tail}")
}

#[test]
fn a_design_without_holds_is_a_warning_and_without_a_window_an_error() {
    let no_holds = example_without("[[stopping.hold]]", "[escalation]");
    assert_eq!(
        Protocol::read(&no_holds).unwrap().1.last().map(|warning| warning.path.as_str()),
        Some("escalation")
    );

    let no_window = example_without("[dlt]", "[evaluability]");
    let problems = Protocol::read(&no_window).unwrap_err().into_vec();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(problem.path, "escalation");
    assert_eq!(&no_window[problem.offset..problem.offset + problem.length], "[escalation]");
}

#[test]
fn a_ladder_without_regimens_names_every_cohort_and_the_design() {
    let problems = Protocol::read(&example_without("[[regimen]]", "[[cohort]]")).unwrap_err();
    let paths: Vec<&str> = problems.as_slice().iter().map(|problem| problem.path.as_str()).collect();
    for cohort in 0..7 {
        assert!(paths.contains(&format!("cohort[{cohort}].regimen").as_str()), "{problems}");
    }
    assert!(paths.contains(&"escalation.doses"), "{problems}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_change_to_the_example_makes_reading_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..40, "[ -~\n]{0,12}|\\PC{0,3}"), 1..6),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, length, with) in edits {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, with.chars());
            prop_assume!(!text.is_empty());
        }
        let text: String = text.into_iter().collect();
        for problem in problems(&text) {
            prop_assert!(text.is_char_boundary(problem.offset) && problem.offset + problem.length <= text.len());
            prop_assert!(problem.line >= 1 && problem.column >= 1);
            prop_assert!(!problem.found.is_empty() && !problem.expected.is_empty() && !problem.mend.is_empty());
        }
    }

    #[test]
    fn swapping_a_value_for_another_never_panics(
        line in any::<prop::sample::Index>(),
        value in prop::sample::select(vec!["1", "-1", "\"\"", "[]", "{}", "true", "1e400", "nan", "2019-05-15", "9223372036854775807", "\"99999999999999999999999999999999 mCi/m2\"", "4294967295"]),
    ) {
        let lines: Vec<&str> = EXAMPLE.lines().collect();
        let at = line.index(lines.len());
        let changed = match lines[at].split_once(" = ") {
            Some((key, _)) => format!("{key} = {value}"),
            None => value.to_owned(),
        };
        let text: Vec<String> = lines.iter().enumerate().map(|(n, line)| if n == at { changed.clone() } else { (*line).to_owned() }).collect();
        problems(&text.join("\n"));
    }
}

#[test]
fn a_design_that_goes_on_at_a_too_toxic_first_level_is_refused_in_a_trial() {
    let with = |escalation: &str| {
        let (before, rest) = EXAMPLE.split_once("[escalation]").unwrap();
        let after = rest.find("\n[").map_or("", |at| &rest[at..]);
        let text = format!("{before}[escalation]\n{escalation}\n{after}");
        problems(&text)
            .into_iter()
            .filter(|problem| problem.path.starts_with("escalation"))
            .collect::<Vec<_>>()
    };
    let crm = "design = \"crm\"\ntarget = 0.25\nhalf-width = 0.05\nprior-mtd = 3\nmax-patients = 30";
    assert!(with(crm).is_empty(), "{:?}", with(crm));
    let found = with(&format!("{crm}\nstop-toxic = false"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].expected.starts_with("a design that stops for a too toxic first level"), "{found:?}");
    // A late-onset design has the protocol's window, and what a pending patient counts is said.
    let tite = format!("{}\nwindow = 28", crm.replace("crm", "tite-crm"));
    let found = with(&tite);
    assert!(found.iter().any(|problem| problem.path == "escalation.window"), "{found:?}");
    let weighed = found.iter().find(|problem| problem.path == "escalation.weights").unwrap();
    assert_eq!(weighed.found, "a pending patient counts 0.50 on day 14");
}

#[test]
fn an_effective_half_life_is_not_longer_than_the_physical_one() {
    let with = |setting: &str| Protocol::read(&format!("{EXAMPLE}\n[dosing]\n{setting}\n"));
    assert!(with("effective-half-life-days = 6.5").is_ok());
    for days in ["0", "8.03"] {
        let problems = with(&format!("effective-half-life-days = {days}")).unwrap_err();
        assert!(problems.as_slice().iter().any(|p| p.path == "dosing.effective-half-life-days"), "{days}");
    }
    assert!(with("weight-change-percent = 101").is_err());
}
