use jiff::civil::date;
use jiff::{Timestamp, ToSpan as _};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, Event, Fact};
use posology_trial::protocol::Protocol;
use serde_json::{Value, json};

use crate::packet::{Packet, ProgramVersion, compose};

const PROTOCOL: &str = r#"
    [trial]
    id = "T-R"
    title = "Two arms"
    [version]
    id = "1.0"
    date = 2020-01-01
    reason = "First version"
    [[regimen]]
    id = "low"
    fraction = [{ day = 1, activity = "10 mCi/m2" }]
    [[regimen]]
    id = "high"
    fraction = [{ day = 1, activity = "20 mCi/m2" }]
    [[cohort]]
    id = "A"
    regimen = "low"
    planned = 5
    [[cohort]]
    id = "B"
    regimen = "high"
    planned = 5
    [dlt]
    window-days = 28
    ctcae = "5.0"
"#;

const PART: &str = r#"
    [randomised]
    seed-sha256 = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"
    seed-held-by = "The statistician"
    outcome-day = 29
    [randomised.comparison]
    arms = ["A", "B"]
    patients = 5
    block-sizes = [2]
    [[randomised.tolerability]]
    id = "vomiting"
    text = "Vomiting of grade 2"
    adverse-event = { terms = ["Vomiting"], grade-at-least = 2 }
    [[randomised.truth]]
    name = "alike"
    arm = [{ efficacy = 0.4, toxicity = 0.2 }, { efficacy = 0.4, toxicity = 0.2 }]
"#;

/// Five patients in each arm, of whom one in A and three in B vomit; so many of them randomised.
fn packet(protocol: &str, randomised: usize) -> Packet {
    let mut chain = Chain::default();
    let first = date(2020, 3, 2);
    let on = |days: i64| (first + days.days()).to_string();
    let mut append = |kind: &str, body: Value| {
        let fact: Fact = serde_json::from_value(json!({ "type": kind, "body": body })).unwrap();
        let at: Timestamp = "2021-01-01T00:00:00Z".parse().unwrap();
        chain.append(Event::new(at, "test", fact)).unwrap();
    };
    for (arm, events) in [("A", 1), ("B", 3)] {
        for number in 0..5 {
            let id = format!("{arm}-{number}");
            append("subject/1", json!({ "subject": id, "arm": arm }));
            if number < randomised {
                append(
                    "randomisation/1",
                    json!({ "subject": id, "arm": arm, "block": 1, "position": 1, "date": on(-1),
                    "seed-sha256": "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a" }),
                );
            }
            append(
                "administration/1",
                json!({ "subject": id, "treatment": "X", "fraction": 1, "start": on(0) }),
            );
            if number < events {
                append(
                    "adverse-event/1",
                    json!({ "subject": id, "key": "1", "term": "Vomiting", "verbatim": "Vomiting",
                    "grade": 2, "start": on(3), "end": on(4) }),
                );
            }
            append("visit/1", json!({ "subject": id, "start": on(40) }));
        }
    }
    let (protocol, _) = Protocol::read(protocol).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
    let program = ProgramVersion { name: "posology".to_owned(), version: "0.0.0".to_owned() };
    compose(&analysis, "A", &program, None).unwrap()
}

fn numbers(packet: &Packet, output: &str, row: &str) -> Vec<f64> {
    let json = packet.json();
    let is = |result: &&Value| result["output"] == output && result["row"] == row;
    json["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is)
        .filter_map(|result| result["value"].as_f64())
        .collect()
}

/// Source: worked by hand. Without any response four of five in A are worth 40 each, in B two of five: 32 and 16.
#[test]
fn a_packet_tells_each_arm_the_choice_and_its_exact_probabilities() {
    let packet = packet(&format!("{PROTOCOL}{PART}"), 5);
    assert_eq!(numbers(&packet, "RND01", "Randomised"), [5.0, 5.0]);
    assert_eq!(numbers(&packet, "RND01", "Number of / events of grade 1 or 2"), [1.0, 3.0]);
    assert_eq!(numbers(&packet, "RND02", "Observed mean utility"), [32.0, 16.0]);
    let exact = numbers(&packet, "RND03", "alike");
    assert!((exact[0] + exact[1] - 1.0).abs() < 1e-12);
    // Arms that are alike: whichever is chosen is the better, and the lower is taken where utilities are equal.
    assert!((exact[2] - 1.0).abs() < 1e-12 && exact[0] > 0.5);
    let text = crate::html::write(&packet.document);
    assert!(text.contains("not powered to show that one is superior"));
}

#[test]
fn nothing_is_chosen_while_an_arm_is_not_full_and_no_section_stands_without_arms() {
    let early = packet(&format!("{PROTOCOL}{PART}"), 4);
    assert!(numbers(&early, "RND02", "Observed mean utility").is_empty());
    let outputs = early.json()["outputs"].to_string();
    assert!(outputs.contains("arm A: 4 of 5 patients randomised"), "{outputs}");
    assert!(!packet(PROTOCOL, 0).json().to_string().contains("RND0"));
}
