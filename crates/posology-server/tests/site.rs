//! The pages and the API of the example, asked as a browser and a program would.

#![allow(clippy::unwrap_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use posology_record::desk::Surroundings;
use posology_server::{Loaded, Options, Source, Stand, router};
use posology_trial::event::{Chain, Event, Fact, sha256};
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

fn source(text: String, chain: Chain) -> Source {
    Box::new(move || {
        let (protocol, _) = Protocol::read(&text).map_err(|problems| problems.to_string())?;
        let protocol_sha256 = sha256(text.as_bytes());
        Ok(Loaded { protocol, protocol_sha256, chain: chain.clone() })
    })
}

/// Answers to several paths of one site.
fn get_from(source: Source, paths: &[&str], host: &str) -> Vec<(StatusCode, HeaderMap, String)> {
    let site = router(Stand::File(source), HERE, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut answers = Vec::new();
        for path in paths {
            let request = Request::get(*path).header("host", host).body(Body::empty()).unwrap();
            let response = site.clone().oneshot(request).await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
            answers.push((status, headers, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        answers
    })
}

fn get(paths: &[&str]) -> Vec<(StatusCode, HeaderMap, String)> {
    let (text, chain) = example();
    get_from(source(text, chain), paths, "127.0.0.1:8037")
}

#[test]
fn every_page_is_there_with_its_headers_and_says_that_the_patients_are_synthetic() {
    let pages = ["/", "/patients", "/patients/CLR131-01-502", "/reviews", "/audit", "/lab", "/packet/C6"];
    for (path, (status, headers, text)) in pages.iter().zip(get(&pages)) {
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(text.contains("Synthetic patients"), "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("script-src 'unsafe-inline'"));
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        for elsewhere in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!text.contains(elsewhere), "{path} asks for something elsewhere: {elsewhere}");
        }
        if *path != "/packet/C6" {
            assert!(!text.contains("<script>") && !text.contains(" style="), "{path}: nothing inline");
            assert!(text.contains("<html lang=\"en\">") && text.contains("<main id=\"main\">"), "{path}");
        }
    }
}

#[test]
fn the_board_says_what_the_packet_and_the_terminal_say() {
    let [board, api] = &get(&["/", "/api/v1/board"])[..] else { panic!() };
    for part in
        ["decided in review 5", "a data cut for its review", "escalate", "3+3/no-dlt", "dosing/window"]
    {
        assert!(board.2.contains(part), "{part}");
    }
    let api: Value = serde_json::from_str(&api.2).unwrap();
    assert_eq!(api["reviews"].as_array().unwrap().len(), 5);
    assert_eq!(api["awaited"][0]["cohort"], "C6");
}

#[test]
fn a_fraction_is_shown_line_by_line_with_its_flag_and_its_signatures() {
    let [page, api] = &get(&["/patients/CLR131-01-502", "/api/v1/patients/CLR131-01-502/dosing"])[..] else {
        panic!()
    };
    for part in
        ["decay factor of assay", "0.99730", "5 days after the planned day", "signed by Authorised user"]
    {
        assert!(page.2.contains(part), "{part}");
    }
    let api: Value = serde_json::from_str(&api.2).unwrap();
    assert_eq!(api["fractions"].as_array().unwrap().len(), 2);
}

#[test]
fn the_lab_answers_what_the_exact_graph_says() {
    // BOIN, target 0.30, 5 levels, 30 patients: the benchmark of complete information selects level 3 in 68.5%.
    let query =
        "/api/v1/lab?design=boin&target=0.3&cohort-size=3&max-patients=30&truth=0.05,0.15,0.30,0.45,0.60";
    let [answer, page] = &get(&[query, "/lab/answer?truth=0.05,0.15,0.30,0.45,0.60"])[..] else { panic!() };
    let answer: Value = serde_json::from_str(&answer.2).unwrap();
    let oc = &answer["characteristics"];
    let all: f64 = oc["select"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
    assert!((all + oc["select_none"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    assert!((oc["benchmark"].as_f64().unwrap() - 0.685).abs() < 0.001, "{}", oc["benchmark"]);
    // Table of Liu and Yuan (2015) for a target of 0.30: 3 patients: escalate at 0, de-escalate at 2.
    assert_eq!(answer["table"][2]["escalate_max"], 0);
    assert_eq!(answer["table"][2]["deescalate_min"], 2);
    assert!(page.2.contains("Exact over 13145 states"));
}

#[test]
fn what_cannot_be_answered_says_what_was_expected() {
    let paths = [
        "/nothing",
        "/patients/P-0",
        "/packet/C99",
        "/api/v1/patients/P-0",
        "/api/v1/lab?truth=2",
        "/api/v1/lab?truth=0.1,0.2&toml=design%3D%22boin%22",
        "/api/v1/lab?truth=0.1&cohort-size=x",
        "/audit?before=-1",
    ];
    let expected = [404, 404, 404, 404, 422, 422, 422, 400];
    for ((path, (status, headers, text)), expected) in paths.iter().zip(get(&paths)).zip(expected) {
        assert_eq!(status.as_u16(), expected, "{path}: {text}");
        if path.starts_with("/api") && status != StatusCode::BAD_REQUEST {
            assert_eq!(headers["content-type"], "application/problem+json");
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert!(
                problem["detail"].as_str().unwrap().to_lowercase().contains("expected"),
                "{path}: {problem}"
            );
        }
    }
}

#[test]
fn nobody_reaches_the_pages_under_another_name() {
    let (text, chain) = example();
    for host in ["evil.example", "127.0.0.1.evil.example:8037", ""] {
        let answers = get_from(source(text.clone(), chain.clone()), &["/", "/api/v1/events"], host);
        for (status, _, text) in answers {
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert!(!text.contains("CLR131"));
        }
    }
}

#[test]
fn the_audit_trail_pages_through_every_event_and_finds_by_who_what_and_of_whom() {
    let (_, chain) = example();
    let mut before = None;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let path = before.map_or_else(
            || "/api/v1/events?kind=signature".to_owned(),
            |before: u64| format!("/api/v1/events?kind=signature&before={before}"),
        );
        let answer: Value = serde_json::from_str(&get(&[&path])[0].2).unwrap();
        for event in answer["events"].as_array().unwrap() {
            seen.push(event["position"].as_u64().unwrap());
        }
        before = answer["before"].as_u64();
        if before.is_none() {
            break;
        }
    }
    let signatures =
        chain.entries().iter().filter(|entry| matches!(entry.event.fact, Fact::Signature(_))).count();
    assert_eq!(seen.len(), signatures);
    assert!(seen.is_sorted_by(|a, b| a > b));
    let by: Value = serde_json::from_str(&get(&["/api/v1/events?by=sponsor&subject="])[0].2).unwrap();
    let mut people = by["events"].as_array().unwrap().iter().map(|event| &event["event"]["recorded-by"]);
    assert!(people.all(|by| by == "sponsor"));
}

#[test]
fn words_of_the_data_are_never_markup() {
    let (text, chain) = example();
    let mut altered = Chain::default();
    for entry in chain.entries().iter().filter(|entry| entry.event.fact.subject() == Some("CLR131-01-502")) {
        let fact = match &entry.event.fact {
            Fact::AdverseEvent(event) => Fact::AdverseEvent(posology_trial::event::AdverseEvent {
                term: "<script>alert(1)</script>\"'&".to_owned(),
                ..event.clone()
            }),
            fact => fact.clone(),
        };
        altered.append(Event { fact, corrects: None, origin: None, ..entry.event.clone() }).unwrap();
    }
    for (status, _, page) in get_from(
        source(text, altered),
        &["/patients/CLR131-01-502", "/audit?kind=adverse-event"],
        "localhost:1",
    ) {
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"), "shown as it stands");
        assert!(!page.contains("<script>alert"));
    }
}
