//! The board, the list of patients and the page of one, on the example and on records made from it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use jiff::civil::Date;
use posology_record::desk::Surroundings;
use posology_report::packet::{self, ProgramVersion};
use posology_server::{Loaded, Options, Source, Stand, router};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{AdverseEvent, Chain, Correction, Event, Fact, NewTherapy, sha256};
use posology_trial::protocol::Protocol;
use serde_json::Value;
use tower::ServiceExt as _;

/// A clock that stands still, and no chance at all: nothing is recorded here.
const HERE: Surroundings = Surroundings {
    now: || "2019-05-04T12:00:00Z".parse().unwrap(),
    draw: |_| Err("nothing is drawn".to_owned()),
    local_offset: || None,
    software: "posology test",
};

fn example() -> (String, Chain) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    (read("trial.toml"), Chain::read(&read("events.ndjson")).unwrap())
}

/// The example as it stood after so many events.
fn early(events: usize) -> (String, Chain) {
    let (text, chain) = example();
    let lines: String = chain.write().lines().take(events).map(|line| format!("{line}\n")).collect();
    (text, Chain::read(&lines).unwrap())
}

fn source((text, chain): (String, Chain)) -> Source {
    Box::new(move || {
        let (protocol, _) = Protocol::read(&text).map_err(|problems| problems.to_string())?;
        let protocol_sha256 = sha256(text.as_bytes());
        Ok(Loaded { protocol, protocol_sha256, chain: chain.clone() })
    })
}

fn get_from(source: Source, paths: &[&str]) -> Vec<(StatusCode, String)> {
    let site = router(Stand::File(source), HERE, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut answers = Vec::new();
        for path in paths {
            let request = Request::get(*path).header("host", "127.0.0.1:8037").body(Body::empty()).unwrap();
            let response = site.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
            answers.push((status, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        answers
    })
}

fn page(of: (String, Chain), path: &str) -> String {
    let (status, text) = get_from(source(of), &[path]).remove(0);
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

/// Cells of the table row that holds a text, without tags.
fn row(page: &str, holds: &str) -> Vec<String> {
    let row =
        page.split("<tr").find(|row| row.contains(holds)).unwrap_or_else(|| panic!("no row with {holds}"));
    let row = row.split("</tr>").next().unwrap();
    row.split("</t")
        .filter_map(|cell| Some(&cell[cell.find("<t")?..]))
        .map(|cell| {
            let mut text = String::new();
            let mut inside = false;
            for c in cell.chars() {
                match c {
                    '<' => inside = false,
                    '>' => inside = true,
                    c if inside => text.push(c),
                    _ => {}
                }
            }
            text.trim().to_owned()
        })
        .filter(|cell| !cell.is_empty())
        .collect()
}

#[test]
fn the_countdown_is_the_window_end_less_the_day_of_the_board() {
    let [board, api] = &get_from(source(early(4600)), &["/", "/api/v1/board"])[..] else { panic!() };
    let api: Value = serde_json::from_str(&api.1).unwrap();
    let as_of: Date = api["as-of"].as_str().unwrap().parse().unwrap();
    assert_eq!(as_of.to_string(), "2019-01-22");
    let windows = api["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 3);
    for window in windows {
        let subject = window["subject"].as_str().unwrap();
        // The protocol's own words: 85 days from the first fraction, and both fractions a week apart end sooner.
        let first: Date = window["first-fraction"].as_str().unwrap().parse().unwrap();
        let end = first.saturating_add(jiff::Span::new().days(85));
        let left = (end - as_of).get_days();
        assert_eq!(window["days-left"], left, "{subject}");
        let cells = row(&board.1, &format!("/patients/{subject}\">{subject}"));
        assert!(cells.contains(&left.to_string()), "{subject}: {cells:?}");
    }
    assert_eq!(windows[0]["days-left"], 8);
}

#[test]
fn the_ladder_has_a_named_link_for_every_enrolled_patient_and_says_how_far_the_fractions_are() {
    let (_, chain) = early(4600);
    let board = page(early(4600), "/");
    let mut enrolled = 0;
    for entry in chain.entries() {
        if let Fact::Enrolment(enrolment) = &entry.event.fact {
            enrolled += 1;
            let mark = format!(
                "<a href=\"/patients/{0}\" aria-label=\"{0}, cohort {1}: ",
                enrolment.subject, enrolment.cohort
            );
            assert!(board.contains(&mark), "{}", enrolment.subject);
        }
    }
    assert_eq!(enrolled, 24);
    assert!(board.contains("CLR131-02-602, cohort C6: no fraction given yet; fraction 1 planned 2019-01-22"));
    assert!(board.contains("CLR131-02-101, cohort C1: not evaluable"));
    // Last sampled on 2019-01-15, 70 days after the first fraction, of 85: 82.35%, cut off.
    assert!(board.contains("CLR131-01-601, cohort C6: pending 82%"));
    assert!(
        board.contains("<svg") && board.contains("role=\"group\""),
        "what is linked within an image cannot be reached"
    );
}

#[test]
fn the_board_says_what_is_capped_and_what_holds_the_protocol_knows() {
    let board = page(example(), "/");
    let total = row(&board, ">the trial<");
    assert_eq!(total, ["the trial", "24", "31", "room for 7"]);
    assert_eq!(row(&board, "regimen 31.25x2"), ["regimen 31.25x2", "4", "6", "room for 2"]);
    let hold = row(&board, ">unrecovered-grade-4<");
    assert_eq!(
        hold[1],
        "2 patients with grade 4 platelet or neutrophil count not recovered at the cut: enrolment at the level stops"
    );
    assert_eq!(hold[3], "not in force");
}

#[test]
fn the_list_is_filtered_and_sorted_by_plain_links() {
    let [all, cohort, sorted, down] = &get_from(
        source(example()),
        &[
            "/patients",
            "/patients?cohort=C5",
            "/patients?sort=fractions",
            "/patients?sort=fractions&down=1&cohort=",
        ],
    )[..] else {
        panic!()
    };
    let order = |page: &str| -> Vec<String> {
        page.split("<th scope=\"row\"><a href=\"/patients/")
            .skip(1)
            .map(|rest| rest[..13].to_owned())
            .collect()
    };
    assert_eq!(order(&all.1).len(), 24);
    assert!(order(&all.1).is_sorted(), "by subject when nothing is asked");
    assert_eq!(order(&cohort.1), ["CLR131-01-501", "CLR131-01-502", "CLR131-02-501", "CLR131-02-502"]);
    assert!(cohort.1.contains("aria-current=\"true\">C5 (4)"));
    assert!(sorted.1.contains("aria-sort=\"ascending\""));
    assert!(
        sorted.1.contains("/patients?sort=fractions&amp;down=1"),
        "the same column again turns the order"
    );
    let mut turned = order(&down.1);
    turned.reverse();
    assert_eq!(order(&sorted.1), turned);
    // Two fractions come after one.
    assert!(order(&sorted.1)[0].starts_with("CLR131-01-101") && order(&down.1)[0].ends_with("02"));
    assert_eq!(row(&all.1, "/patients/CLR131-01-501\"")[1..4], ["01", "C5", "2 / 2"]);
}

#[test]
fn platelets_stand_over_bands_at_75_50_and_25_and_their_nadir_is_named() {
    // CTCAE v5.0, platelet count decreased: grade 2 below 75, 3 below 50, 4 below 25 x 10^9/L.
    let (_, chain) = example();
    let page = page(example(), "/patients/CLR131-01-502");
    let rules = "platelets: G1 below the lower limit of normal, G2 below 75 10^9/L, G3 below 50 10^9/L, G4 below 25 10^9/L";
    assert!(page.contains(&format!("Grades by CTCAE 5.0. {rules}")), "bands");
    let first: Date = "2018-01-03".parse().unwrap();
    let (lowest, day) = chain
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Laboratory(result) if result.subject == "CLR131-01-502" && result.test == "PLAT" => {
                let date = result.at.as_ref()?.date()?;
                let value: u32 = result.result.as_ref()?.parse().ok()?;
                (date > first).then_some((value, (date - first).get_days()))
            }
            _ => None,
        })
        .min()
        .unwrap();
    assert_eq!((lowest, day), (39, 52));
    assert!(page.contains("nadir 39, day 52"));
    assert!(page.contains("<title>platelets 39 10^9/L on 2018-02-24, day 52: grade 3, nadir</title>"));
}

#[test]
fn each_visit_shows_the_category_that_the_packet_has() {
    let subject = "CLR131-01-601";
    let (text, chain) = example();
    let (protocol, _) = Protocol::read(&text).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    let analysis = Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut).unwrap();
    let program = ProgramVersion { name: "posology".to_owned(), version: "0.1.0".to_owned() };
    let packet = packet::compose(&analysis, "C6", &program, None).unwrap().json();
    let page = page((text, chain), &format!("/patients/{subject}"));
    let mut visits = 0;
    for result in packet["results"].as_array().unwrap() {
        let row_name = result["row"].as_str().unwrap();
        if result["output"] != "ONCL01" || !row_name.starts_with(subject) {
            continue;
        }
        let day = row_name.rsplit(" / ").next().unwrap().trim_start_matches('D');
        let cells = row(&page, &format!("study day {day}<"));
        let value = result["value"]["text"].as_str().or_else(|| result["value"].as_str());
        match result["column"].as_str().unwrap() {
            "Computed" => {
                assert_eq!(Some(cells[1].as_str()), value, "{row_name}");
                visits += 1;
            }
            "Status" => assert!(cells[2].starts_with(value.unwrap()), "{row_name}: {cells:?}"),
            _ => {}
        }
    }
    assert!(visits >= 4, "{visits}");
    // Thresholds of the first marker, 3.75 g/dL at baseline: falls of 25, 50 and 90%.
    for line in ["MR −25%: 2.8125", "PR −50%: 1.875", "VGPR −90%: 0.375"] {
        assert!(page.contains(line), "{line}");
    }
    // The low of 1.95 that no second sample confirmed is none: the nadir is 2.16, and 25% above it, 2.70, is more than
    // 0.5 g/dL above it, 2.66.
    assert!(page.contains(">PD from 2.7<"));
}

#[test]
fn the_timeline_tells_fractions_with_their_activity_and_every_event_with_its_grade() {
    let page = page(example(), "/patients/CLR131-01-502");
    for mark in [
        "<title>Fractions: fraction 1: 25.1 mCi, 2018-01-03 (day 0)</title>",
        "<title>Fractions: fraction 2: 24.9 mCi, 2018-01-15 (day 12)</title>",
        "Adverse events: Platelet count decreased, grade 3, ",
        "After: new therapy: Pomalidomide and dexamethasone, 2018-05-23",
        "After: last contact",
        "Study: screening",
    ] {
        assert!(page.contains(mark), "{mark}");
    }
    let (_, chain) = example();
    for entry in chain.entries() {
        if let Fact::AdverseEvent(event) = &entry.event.fact
            && event.subject == "CLR131-01-502"
        {
            assert!(page.contains(&format!(
                "Adverse events: {}, grade {}",
                event.term,
                event.grade.unwrap()
            )));
        }
    }
}

#[test]
fn nothing_on_the_page_of_a_patient_is_of_another() {
    let (_, chain) = example();
    let subjects: Vec<String> = chain
        .entries()
        .iter()
        .filter_map(|entry| match &entry.event.fact {
            Fact::Subject(subject) => Some(subject.subject.clone()),
            _ => None,
        })
        .collect();
    let paths: Vec<String> = subjects.iter().map(|subject| format!("/patients/{subject}")).collect();
    let pages = get_from(source(example()), &paths.iter().map(String::as_str).collect::<Vec<_>>());
    for (subject, (_, page)) in subjects.iter().zip(&pages) {
        assert!(page.contains(subject.as_str()));
        // The one named is the subject that this one replaced, as this one's own enrolment says.
        let replaced = chain.entries().iter().find_map(|entry| match &entry.event.fact {
            Fact::Enrolment(enrolment) if enrolment.subject == *subject => enrolment.replaces.clone(),
            _ => None,
        });
        for other in subjects.iter().filter(|other| *other != subject && Some(*other) != replaced.as_ref()) {
            assert!(!page.contains(other.as_str()), "{other} on the page of {subject}");
        }
    }
}

#[test]
fn a_correction_is_told_with_what_it_changed_and_why() {
    let (text, chain) = example();
    let mut altered = Chain::default();
    let mut corrected = None;
    for entry in chain.entries().iter().filter(|entry| entry.event.fact.subject() == Some("CLR131-01-502")) {
        altered.append(Event { corrects: None, origin: None, ..entry.event.clone() }).unwrap();
        if let (Fact::AdverseEvent(event), None) = (&entry.event.fact, &corrected) {
            corrected = Some((event.clone(), altered.head().to_owned(), altered.entries().len()));
        }
    }
    let (event, hash, position) = corrected.unwrap();
    let last = altered.entries().last().unwrap().event.clone();
    altered
        .append(Event {
            corrects: Some(Correction { hash, reason: "read off the wrong <b>column</b>".to_owned() }),
            fact: Fact::AdverseEvent(AdverseEvent { grade: Some(2), ..event.clone() }),
            ..last
        })
        .unwrap();
    let page = page((text, altered), "/patients/CLR131-01-502");
    assert!(page.contains(&format!("event {position}</a>: read off the wrong &lt;b&gt;column")));
    let changed = format!(
        "<th scope=\"row\">grade</th><td><del>{}</del></td><td><ins>2</ins></td>",
        event.grade.unwrap()
    );
    assert!(page.contains(&changed), "{changed}");
    assert_eq!(page.matches("<del>").count(), 1, "only what differs");
    assert!(
        page.contains(&format!("<tr class=\"gone\" id=\"event-{position}\">"))
            || page.contains("no longer stands")
    );
}

#[test]
fn hostile_words_of_the_data_stay_text_in_tables_and_in_drawings() {
    const HOSTILE: &str = "</title></svg><script>alert(1)</script>\"'&";
    let (text, chain) = example();
    let mut altered = Chain::default();
    for entry in chain.entries().iter().filter(|entry| entry.event.fact.subject() == Some("CLR131-01-502")) {
        let fact = match &entry.event.fact {
            Fact::AdverseEvent(event) => {
                Fact::AdverseEvent(AdverseEvent { term: HOSTILE.to_owned(), ..event.clone() })
            }
            Fact::NewTherapy(therapy) => {
                Fact::NewTherapy(NewTherapy { name: Some(HOSTILE.to_owned()), ..therapy.clone() })
            }
            fact => fact.clone(),
        };
        altered.append(Event { fact, corrects: None, origin: None, ..entry.event.clone() }).unwrap();
    }
    for (status, page) in get_from(source((text, altered)), &["/patients/CLR131-01-502", "/", "/patients"]) {
        assert_eq!(status, StatusCode::OK);
        assert!(!page.contains("<script>alert") && !page.contains("\"'&\""));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(page.matches("<title").count(), page.matches("</title>").count());
    }
}
