//! Who is let through to what: every endpoint with every role, sessions, forged forms, tokens, and what one site reads of
//! another.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use posology_record::bundle::{Reader, restore};
use posology_record::desk::{Desk, Surroundings};
use posology_record::ledger::{Ledger, Location};
use posology_server::{Described, Gate, Options, Register, Stand, described, router};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, Kind, Role};
use posology_trial::permission::{Matter, Reach, reach, reads};
use posology_trial::programme::{Programme, Status};
use posology_trial::protocol::Protocol;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const PASSWORD: &str = "synthetic patients only";
const TRIAL: &str = "CLR131-MM";

/// The clock of a test, seconds after the example ends: one for each thread, so that tests do not move each other's.
static CLOCK: AtomicI64 = AtomicI64::new(0);
static DRAWN: AtomicU64 = AtomicU64::new(1);

/// Not chance, but never the same twice.
fn draw(bytes: &mut [u8]) -> Result<(), String> {
    for chunk in bytes.chunks_mut(8) {
        let mut state = DRAWN.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
        let word = state.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    Ok(())
}

fn now() -> Timestamp {
    let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
    start + SignedDuration::from_millis(CLOCK.fetch_add(1, Ordering::Relaxed))
}

const HERE: Surroundings =
    Surroundings { now, draw, local_offset: || Some("+00:00".to_owned()), software: "posology test" };

fn folder() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/clr131")
}

/// A ledger with the example and everybody who acts in it, made once and copied for each test.
fn example() -> &'static [u8] {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.db");
        {
            let mut ledger = Ledger::open_or_create(&Location::File(path.clone())).unwrap();
            let events = std::fs::File::open(format!("{}/events.ndjson", folder())).unwrap();
            restore(Reader::open(std::io::BufReader::new(events)).unwrap(), &mut ledger).unwrap();
            let accounts = std::fs::read_to_string(format!("{}/accounts.ndjson", folder())).unwrap();
            for line in accounts.lines().skip(1) {
                let account: Value = serde_json::from_str(line).unwrap();
                let (name, body) = (account["name"].as_str().unwrap(), account["body"].as_str().unwrap());
                ledger.put_account(TRIAL, name, 0, body).unwrap();
            }
        }
        std::fs::read(&path).unwrap()
    })
}

struct Site {
    router: Router,
    runtime: tokio::runtime::Runtime,
    _dir: TempDir,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }
}

/// Someone's browser.
struct Browser<'a> {
    site: &'a Site,
    cookie: RefCell<String>,
}

fn served(options: Options) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record.db");
    std::fs::write(&path, example()).unwrap();
    let desk = Desk::open(&Location::File(path), Some(TRIAL), HERE).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    Site { router: router(Stand::Record(Box::new(desk)), HERE, options), runtime, _dir: dir }
}

fn site() -> Site {
    served(Options::default())
}

fn form(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

impl Site {
    fn ask(&self, request: Request<Body>) -> Reply {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            let bytes = to_bytes(response.into_body(), 64 << 20).await.unwrap();
            Reply { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
        })
    }

    fn nobody(&self) -> Browser<'_> {
        Browser { site: self, cookie: RefCell::default() }
    }

    fn signed_in(&self, user: &str) -> Browser<'_> {
        let browser = self.nobody();
        let reply = browser.post("/sign-in", &[("user", user), ("password", PASSWORD)]);
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{user}: {}", reply.text);
        browser
    }

    fn with_token(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.ask(request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap())
    }
}

impl Browser<'_> {
    fn send(&self, method: &str, path: &str, body: Option<String>) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if !self.cookie.borrow().is_empty() {
            request = request.header("cookie", self.cookie.borrow().clone());
        }
        if body.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let reply = self.site.ask(request.body(body.map_or_else(Body::empty, Body::from)).unwrap());
        if let Some(cookie) = reply.headers.get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.borrow_mut() = cookie;
        }
        reply
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None)
    }

    /// The session's mark, as a page of this browser carries it.
    fn csrf(&self) -> String {
        let page = self.get("/account").text;
        let Some(rest) = page.split("name=\"csrf\" value=\"").nth(1) else { return String::new() };
        rest.split('"').next().unwrap().to_owned()
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = if self.cookie.borrow().is_empty() { String::new() } else { self.csrf() };
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.send("POST", path, Some(form(&all)))
    }

    /// A token of the person's own.
    fn token(&self, scope: &str) -> String {
        let reply = self.post("/account/tokens", &[("label", "a test"), ("scope", scope), ("days", "1")]);
        let token = reply.text.split("psl_").nth(1).unwrap_or_else(|| panic!("{}", reply.text));
        format!("psl_{}", token.split('<').next().unwrap())
    }
}

/// A person of the example in a role.
fn in_role(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::SiteCoordinator => "site-coordinator-01",
        Role::Investigator => "investigator-01",
        Role::AuthorisedUser => "authorised-user-01",
        Role::Pharmacist => "pharmacist-01",
        Role::MedicalMonitor => "medical-monitor",
        Role::Statistician => "statistician",
        Role::CommitteeMember => "member-1",
        Role::Sponsor => "sponsor",
        Role::Auditor => "auditor",
    }
}

/// What a path with parts is asked as.
fn asked_as(path: &str, event: &str) -> String {
    path.replace("/sessions/{number}", "/sessions/999")
        .replace("{subject}", "CLR131-01-502")
        .replace("{hash}", event)
        .replace("{event}", event)
        .replace("{kind}", "laboratory")
        .replace("{number}", "1")
        .replace("{cohort}", "C6")
        .replace("{user}", "auditor")
        .replace("{file}", "F4.csv")
        .replace("{id}", "000000000000")
}

fn allowed(gate: Gate, role: Role) -> bool {
    match gate {
        Gate::Static | Gate::Anyone | Gate::SignedIn => true,
        Gate::Reads(matter) => reads(role, matter) != Reach::Nowhere,
        Gate::Records(kinds) => kinds.iter().any(|kind| reach(role, *kind) != Reach::Nowhere),
    }
}

/// Endpoints that end a session, or are asked for by other tests with what they need.
fn is_apart(endpoint: &Described) -> bool {
    matches!(endpoint.path, "/sign-out" | "/sign-in" | "/password" | "/found")
}

#[test]
fn every_endpoint_lets_through_every_role_as_the_permission_table_says_and_nobody_else() {
    let site = site();
    let chain =
        Chain::read(&std::fs::read_to_string(format!("{}/events.ndjson", folder())).unwrap()).unwrap();
    let of_trial = chain.entries().iter().find(|entry| entry.event.fact.kind() == Kind::ProtocolAdopted);
    let event = of_trial.unwrap().hash.clone();
    let mut asked = 0;
    for role in Role::ALL {
        let browser = site.signed_in(in_role(role));
        let csrf = browser.csrf();
        for endpoint in described().iter().filter(|endpoint| !is_apart(endpoint)) {
            let path = asked_as(endpoint.path, &event);
            let reply = match endpoint.method.as_str() {
                "GET" => browser.get(&path),
                // Without fields: what is let through is then refused for another reason, and records nothing.
                method => browser.send(method, &path, Some(form(&[("csrf", &csrf), ("step", "dry-run")]))),
            };
            let through = reply.status != StatusCode::FORBIDDEN && reply.status != StatusCode::UNAUTHORIZED;
            let words = &reply.text[..reply.text.len().min(400)];
            let place = format!("{} {path} as {}: {} {words}", endpoint.method, role.word(), reply.status);
            assert!(!reply.status.is_server_error(), "{place}");
            if allowed(endpoint.gate, role) {
                // The kind of the form, or the person's own right, may still be another's.
                let inner = endpoint.path.contains("{kind}") || endpoint.path == "/api/v1/events";
                let own = reply.text.contains("expected a form of this site");
                assert!(through || inner && !own || endpoint.method == "DELETE", "{place}");
            } else {
                assert!(!through, "{place}");
            }
            asked += 1;
        }
    }
    let nobody = site.nobody();
    for endpoint in described().iter().filter(|endpoint| !is_apart(endpoint)) {
        let path = asked_as(endpoint.path, &event);
        let body = (endpoint.method != "GET").then(String::new);
        let reply = nobody.send(&endpoint.method, &path, body.map(|_| form(&[("step", "dry-run")])));
        let open = matches!(endpoint.gate, Gate::Static | Gate::Anyone);
        let to_sign_in =
            reply.headers.get("location").is_some_and(|to| to.to_str().unwrap().starts_with("/sign-in"));
        let shut = reply.status == StatusCode::UNAUTHORIZED || to_sign_in;
        assert_eq!(shut, !open, "{} {path} as nobody: {}", endpoint.method, reply.status);
    }
    assert!(asked > 600, "{asked} requests");
}

#[test]
fn the_table_of_who_reads_what_is_as_it_was_decided() {
    // Written out by hand: board, patients, results, reviews, closed sessions, audit, people.
    let table = [
        (Role::Administrator, "T----TT"),
        (Role::SiteCoordinator, "TS---S-"),
        (Role::Investigator, "TS---S-"),
        (Role::AuthorisedUser, "TS---S-"),
        (Role::Pharmacist, "TS---S-"),
        (Role::MedicalMonitor, "TTTT-T-"),
        (Role::Statistician, "TTTT-T-"),
        (Role::CommitteeMember, "TTTTTT-"),
        (Role::Sponsor, "TTTT-T-"),
        (Role::Auditor, "TTTT-TT"),
    ];
    for (role, expected) in table {
        let found: String = Matter::ALL
            .into_iter()
            .map(|matter| match reads(role, matter) {
                Reach::Nowhere => '-',
                Reach::Site => 'S',
                Reach::Trial => 'T',
            })
            .collect();
        assert_eq!(found, expected, "{}", role.word());
    }
}

#[test]
fn no_page_and_no_answer_shows_one_site_a_patient_of_another() {
    let site = site();
    let browser = site.signed_in("site-coordinator-02");
    let (_, events) = (0, std::fs::read_to_string(format!("{}/events.ndjson", folder())).unwrap());
    let others: Vec<String> =
        (1..=6).flat_map(|c| (1..=5).map(move |n| format!("CLR131-01-{c}0{n}"))).collect();
    assert!(
        others.iter().filter(|subject| events.contains(subject.as_str())).count() > 5,
        "there are others"
    );
    let own = browser.get("/patients").text;
    assert!(own.contains("CLR131-02-"), "its own are shown");
    let paths = [
        "/",
        "/patients",
        "/audit",
        "/audit?limit=1000",
        "/audit/events.ndjson",
        "/record",
        "/record/laboratory",
        "/api/v1/board",
        "/api/v1/patients",
        "/api/v1/events?limit=1000",
        "/account",
    ];
    for path in paths {
        let reply = browser.get(path);
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        for subject in &others {
            assert!(!reply.text.contains(subject.as_str()), "{path} shows {subject}");
        }
    }
    for subject in others.iter().filter(|subject| events.contains(subject.as_str())) {
        for path in [
            format!("/patients/{subject}"),
            format!("/api/v1/patients/{subject}"),
            format!("/api/v1/patients/{subject}/dosing"),
        ] {
            assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        }
        let search = browser.get(&format!("/api/v1/events?subject={subject}")).json();
        assert_eq!(search["events"].as_array().unwrap().len(), 0, "{subject}");
    }
    // Nor by the hash of an event, to read, to sign or to correct.
    let chain = Chain::read(&events).unwrap();
    let foreign =
        chain.entries().iter().find(|entry| entry.event.fact.subject() == Some("CLR131-01-502")).unwrap();
    for path in [
        format!("/api/v1/events/{}", foreign.hash),
        format!("/sign/{}", foreign.hash),
        format!("/record/laboratory?corrects={}", foreign.hash),
    ] {
        assert_eq!(browser.get(&path).status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn no_byte_of_a_closed_session_reaches_the_sponsor_and_the_tally_reaches_a_member() {
    let site = site();
    let sponsor = site.signed_in("sponsor");
    for path in ["/reviews/5/closed", "/reviews/5/tally", "/api/v1/reviews/5/tally"] {
        assert_eq!(sponsor.post(path, &[]).status.as_u16() / 100, 4, "{path}");
        if path.ends_with("closed") {
            assert_eq!(sponsor.get(path).status, StatusCode::FORBIDDEN);
        }
    }
    let page = sponsor.get("/reviews/5").text;
    assert!(!page.contains("closed session:") && !page.contains("/closed"), "not even the way there");
    let member = site.signed_in("member-1");
    assert_eq!(member.get("/reviews/5/closed").status, StatusCode::OK);
    // That a member read the votes is in the trail; who has none there reads none.
    let _ = member.post("/reviews/5/tally", &[]);
    let trail = site.signed_in("auditor").get("/api/v1/events?kind=access&limit=5").json();
    let read = |event: &Value| event["event"]["fact"]["body"]["kind"] == "closed-session-read";
    assert!(trail["events"].as_array().unwrap().iter().any(read), "{trail}");
}

#[test]
fn a_form_from_elsewhere_is_refused() {
    let site = site();
    let browser = site.signed_in("administrator");
    let fields = [("label", "x"), ("scope", "read"), ("days", "1")];
    let bare = browser.send("POST", "/account/tokens", Some(form(&fields)));
    assert_eq!(bare.status, StatusCode::FORBIDDEN, "without the session's mark");
    let wrong = browser.send(
        "POST",
        "/account/tokens",
        Some(form(&[&[("csrf", "0".repeat(64).as_str())], &fields[..]].concat())),
    );
    assert_eq!(wrong.status, StatusCode::FORBIDDEN, "with another mark");
    let other = site.signed_in("auditor").csrf();
    let others = browser.send(
        "POST",
        "/account/tokens",
        Some(form(&[&[("csrf", other.as_str())], &fields[..]].concat())),
    );
    assert_eq!(others.status, StatusCode::FORBIDDEN, "with another session's mark");
    let csrf = browser.csrf();
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
    {
        let request = Request::post("/account/tokens")
            .header("host", "localhost")
            .header("cookie", browser.cookie.borrow().clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header(name, value)
            .body(Body::from(form(&[&[("csrf", csrf.as_str())], &fields[..]].concat())))
            .unwrap();
        assert_eq!(site.ask(request).status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert_eq!(browser.post("/account/tokens", &fields).status, StatusCode::OK);
}

#[test]
fn a_session_is_for_this_site_alone_ends_when_left_and_is_renewed_by_a_signature() {
    let site = served(Options { idle: SignedDuration::from_secs(3600), ..Options::default() });
    let browser = site.nobody();
    let reply =
        browser.post("/sign-in", &[("user", "auditor"), ("password", PASSWORD), ("next", "//evil.example")]);
    assert_eq!(reply.headers["location"], "/", "never to another site");
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    let before = browser.cookie.borrow().clone();
    assert_eq!(browser.get("/").status, StatusCode::OK);
    browser.post("/sign-out", &[]);
    *browser.cookie.borrow_mut() = before;
    assert_eq!(browser.get("/").status, StatusCode::SEE_OTHER, "the old cookie is worth nothing");

    let secure = served(Options { secure: true, ..Options::default() });
    let reply = secure.nobody().post("/sign-in", &[("user", "auditor"), ("password", PASSWORD)]);
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-posology=") && cookie.contains("; Secure"), "{cookie}");
    assert!(reply.headers.contains_key("strict-transport-security"));
}

#[test]
fn wrong_passwords_are_refused_alike_locked_out_and_written_down() {
    let site = site();
    let attempt = |user: &str, password: &str| {
        site.nobody().post("/sign-in", &[("user", user), ("password", password)])
    };
    let (wrong, unknown) =
        (attempt("sponsor", "not this one at all"), attempt("nobody-here", "not this one at all"));
    assert_eq!((wrong.status, unknown.status), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    let alert = |reply: &Reply| {
        reply.text.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(alert(&wrong), alert(&unknown), "who has an account is not told");
    for _ in 0..4 {
        attempt("sponsor", "not this one at all");
    }
    let locked = attempt("sponsor", PASSWORD);
    assert!(alert(&locked).contains("locked until"), "{}", alert(&locked));
    let trail = site.signed_in("auditor").get("/api/v1/events?kind=access&by=sponsor&limit=20").json();
    let kinds: Vec<&str> = trail["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"]["fact"]["body"]["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"refused") && kinds.contains(&"locked-out"), "{kinds:?}");
    // An administrator opens it again.
    let administrator = site.signed_in("administrator");
    assert_eq!(administrator.post("/people/sponsor/unlock", &[]).status, StatusCode::SEE_OTHER);
    assert_eq!(attempt("sponsor", PASSWORD).status, StatusCode::SEE_OTHER);
}

#[test]
fn too_many_attempts_from_one_address_are_held_back() {
    let site = site();
    let statuses: Vec<u16> = (0..70)
        .map(|n| {
            site.nobody()
                .post("/sign-in", &[("user", &format!("guess-{n}")), ("password", "x")])
                .status
                .as_u16()
        })
        .collect();
    assert_eq!(statuses[0], 403);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_token_reads_or_records_never_signs_without_the_password_and_can_be_taken_back() {
    let site = site();
    let coordinator = site.signed_in("site-coordinator-01");
    let (read, record) = (coordinator.token("read"), coordinator.token("record"));
    let me = site.with_token("GET", "/api/v1/me", &read, None);
    assert_eq!((me.status, me.json()["user"].as_str().unwrap()), (StatusCode::OK, "site-coordinator-01"));
    let fact = json!({ "fact": { "type": "laboratory/1", "body": {
        "subject": "CLR131-01-502", "test": "PLAT", "result": "81", "unit": "10^9/L", "at": "2019-04-30" } } });
    let refused = site.with_token("POST", "/api/v1/events", &read, Some(&fact));
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let dry = site.with_token("POST", "/api/v1/events?dry-run=true", &record, Some(&fact));
    // The example follows another system: laboratory results come by import there.
    let problem = dry.json();
    assert!(
        dry.status == StatusCode::OK
            || problem["type"].as_str().unwrap().starts_with("urn:posology:rule:follow/"),
        "{problem}"
    );
    let deviation =
        json!({ "fact": { "type": "query-answered/1", "body": { "query": "none", "text": "x" } } });
    let no_query = site.with_token("POST", "/api/v1/events", &record, Some(&deviation)).json();
    assert!(no_query["detail"].as_str().unwrap().contains("expected"), "{no_query}");
    for wrong in ["psl_", "psl_000000000000_00", "x", &read[..read.len() - 1]] {
        let reply = site.with_token("GET", "/api/v1/me", wrong, None);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    // Tokens open the API, not the pages.
    assert_ne!(site.with_token("GET", "/patients", &read, None).status, StatusCode::OK);
    let id = &read[4..16];
    coordinator.post(&format!("/account/tokens/{id}/revoke"), &[]);
    assert_eq!(site.with_token("GET", "/api/v1/me", &read, None).status, StatusCode::UNAUTHORIZED);
    let stranger = site.signed_in("sponsor");
    let theirs = &record[4..16];
    assert_eq!(stranger.post(&format!("/account/tokens/{theirs}/revoke"), &[]).status.as_u16() / 100, 4);
}

#[test]
fn the_same_request_under_one_key_is_recorded_once() {
    let site = site();
    let token = site.signed_in("medical-monitor").token("record");
    let query = json!({ "fact": { "type": "query-raised/1", "body": {
        "query": "Q-key", "subject": "CLR131-01-502", "text": "Which sample?" } } });
    let send = |key: &str, body: &Value| {
        let request = Request::post("/api/v1/events")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        site.ask(request)
    };
    let (first, second) = (send("k1", &query), send("k1", &query));
    assert_eq!(
        (first.status, second.status),
        (StatusCode::CREATED, StatusCode::OK),
        "{} {}",
        first.text,
        second.text
    );
    assert_eq!(first.json()["last"], second.json()["last"]);
    assert_eq!(second.json()["repeated"], true);
    let mut other = query.clone();
    other["fact"]["body"]["text"] = json!("Another?");
    assert_eq!(send("k1", &other).status, StatusCode::CONFLICT, "another request under the key");
}

#[test]
fn a_fact_is_checked_first_shown_in_other_units_and_recorded_once() {
    let site = site();
    let monitor = site.signed_in("medical-monitor");
    let page = monitor.get("/record/query-raised?subject=CLR131-01-502").text;
    assert!(page.contains("value=\"CLR131-01-502\" selected"), "what is known is filled in");
    let fields = [("query", "Q-1"), ("subject", "CLR131-01-502"), ("text", "<b>Which</b> sample?")];
    let before = monitor.get("/api/v1/events?limit=1").json()["head"].clone();
    let checked = monitor.post("/record/query-raised", &fields).text;
    assert!(checked.contains("Nothing is recorded yet") && checked.contains("&lt;b&gt;Which"), "{checked}");
    assert_eq!(monitor.get("/api/v1/events?limit=1").json()["head"], before, "nothing was recorded");
    let key = checked.split("name=\"client-key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let whole = [&fields[..], &[("entry.step", "record"), ("client-key", key)]].concat();
    let done = monitor.post("/record/query-raised", &whole);
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert!(monitor.get("/patients/CLR131-01-502").text.contains("Recorded as event"));
    let again = monitor.post("/record/query-raised", &whole);
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert!(monitor.get("/").text.contains("Recorded before"), "sent twice, recorded once");
    let bad = monitor.post("/record/query-raised", &[("subject", "CLR131-01-502")]).text;
    assert!(bad.contains("role=\"alert\"") && bad.contains("fill it in"), "{bad}");
}

#[test]
fn a_quantity_without_its_unit_and_a_time_without_its_offset_are_refused() {
    let site = site();
    let pharmacist = site.signed_in("pharmacist-01");
    let alert = |fields: &[(&str, &str)]| {
        let text = pharmacist.post("/record/assay", fields).text;
        text.split("role=\"alert\">").nth(1).unwrap_or_default().split("</p>").next().unwrap().to_owned()
    };
    let base = [
        ("subject", "CLR131-01-502"),
        ("fraction", "1"),
        ("at", "2019-04-30T08:05"),
        ("how", "dose-calibrator"),
    ];
    let no_offset = alert(&[&base[..], &[("activity", "50"), ("activity.unit", "mCi")]].concat());
    assert!(no_offset.contains("offset of the clock"), "{no_offset}");
    let no_unit = alert(&[&base[..], &[("at.offset", "-05:00"), ("activity", "50")]].concat());
    assert!(no_unit.contains("expected a unit"), "{no_unit}");
    let number = alert(
        &[&base[..], &[("at.offset", "-05:00"), ("activity", "5O"), ("activity.unit", "mCi")]].concat(),
    );
    assert!(number.contains("expected"), "{number}");
}

#[test]
fn the_description_of_the_api_names_every_endpoint_and_only_those() {
    let site = site();
    let document = site.nobody().get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut named: Vec<String> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        named.extend(
            operations.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let mut answered: Vec<String> = described()
        .iter()
        .filter(|one| one.path.starts_with("/api/v1/") && !one.path.ends_with("openapi.json"))
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    named.sort();
    answered.sort();
    assert_eq!(named, answered);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name} is described");
    }
}

#[test]
fn results_are_of_those_filtered_and_leave_with_their_notice() {
    let site = site();
    let browser = site.signed_in("statistician");
    let all = browser.get("/results/F4.json").json();
    let some = browser.get("/results/F4.json?cohort=C6").json();
    let subjects = |document: &Value| -> Vec<String> {
        document["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
    };
    assert!(
        subjects(&some).iter().all(|subject| subject.contains("-60") || subject.contains("60")),
        "{some}"
    );
    assert!(subjects(&some).len() < subjects(&all).len());
    assert_eq!(some["synthetic"], true);
    assert!(browser.get("/results/F4.csv").text.starts_with("# Synthetic patients"));
    assert!(browser.get("/results/F4.svg").text.contains("Synthetic patients"));
    let png = browser.get("/results/F4.png");
    assert_eq!((png.status, &png.headers["content-type"]), (StatusCode::OK, &"image/png".parse().unwrap()));
    assert_eq!(browser.get("/results?cohort=C99").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.get("/results/F99.svg").status, StatusCode::NOT_FOUND);
    let page = browser.get("/results").text;
    assert!(page.contains("<figure class=\"result\">") && page.contains("<title>"));
}

#[test]
fn the_example_in_python_reads_the_trial_over_a_socket() {
    let site = site();
    let token = site.signed_in("medical-monitor").token("record");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = site.router.clone();
    site.runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/api_example.py");
    let run = std::process::Command::new("python3")
        .arg(script)
        .env("POSOLOGY_ADDRESS", &address)
        .env("POSOLOGY_TOKEN", &token)
        .output();
    let Ok(run) = run else {
        println!("skipped: no Python");
        return;
    };
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.starts_with("medical-monitor reads CLR131-MM\n"), "{said}");
    assert_eq!(said.matches("no DLT").count(), 23, "{said}");
    assert!(
        said.contains("\"recorded-by\":\"medical-monitor\"")
            && said.contains("Not Found: Expected a subject"),
        "{said}"
    );
}

#[test]
fn the_first_administrator_founds_the_record_with_an_address_that_works_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(format!("{}/../minimal/trial.toml", folder())).unwrap();
    let (protocol, _) = posology_trial::protocol::Protocol::read(&text).unwrap();
    let location = Location::File(dir.path().join("record.db"));
    let unfounded = posology_server::Unfounded { location, protocol, text, token: "once".repeat(8) };
    let stand = Stand::Unfounded(Box::new(unfounded));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let site = Site { router: router(stand, HERE, Options::default()), runtime, _dir: dir };
    let nobody = site.nobody();
    assert_eq!(nobody.get("/").status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.get("/found?token=guess").status, StatusCode::FORBIDDEN);
    let token = "once".repeat(8);
    assert_eq!(nobody.get(&format!("/found?token={token}")).status, StatusCode::OK);
    let fields = |token: &'static str, again: &'static str| {
        [
            ("token", token),
            ("user", "ada"),
            ("name", "Ada Adams"),
            ("password", PASSWORD),
            ("password-again", again),
            ("passphrase", "kept apart from all this"),
            ("mode", "capture"),
        ]
    };
    assert_eq!(nobody.post("/found", &fields("guess", PASSWORD)).status, StatusCode::FORBIDDEN);
    let token: &'static str = Box::leak(token.into_boxed_str());
    assert!(
        nobody.post("/found", &fields(token, "another one typed")).text.contains("expected the same twice")
    );
    assert!(nobody.post("/found", &fields(token, PASSWORD)).text.contains("is founded"));
    assert_eq!(nobody.post("/found", &fields(token, PASSWORD)).status, StatusCode::NOT_FOUND, "once");
    let ada = site.signed_in("ada");
    assert!(ada.get("/people").text.contains("Ada Adams"));
    assert_eq!(ada.get("/patients").status, StatusCode::FORBIDDEN, "who gives access reads no patient");
}

#[test]
fn the_host_of_http_2_stands_in_its_address() {
    let site = site();
    for (uri, expected) in [
        ("https://localhost/sign-in", StatusCode::OK),
        ("https://evil.example/sign-in", StatusCode::MISDIRECTED_REQUEST),
    ] {
        assert_eq!(site.ask(Request::get(uri).body(Body::empty()).unwrap()).status, expected, "{uri}");
    }
}

#[test]
fn a_new_password_ends_the_tokens_made_before_it() {
    let site = site();
    let coordinator = site.signed_in("site-coordinator-01");
    let token = coordinator.token("record");
    assert_eq!(site.with_token("GET", "/api/v1/me", &token, None).status, StatusCode::OK);
    let admin = site.signed_in("administrator");
    let fields = [("first", "a first one, told by telephone"), ("passphrase", PASSWORD)];
    let reset = admin.post("/people/site-coordinator-01/reset", &fields);
    assert!(reset.status.is_redirection() || reset.status.is_success(), "{}", reset.text);
    assert_eq!(site.with_token("GET", "/api/v1/me", &token, None).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn what_could_never_be_read_is_refused_where_it_is_typed() {
    let site = site();
    let token = site.signed_in("site-coordinator-01").token("record");
    let told = |body: Value| {
        let fact = json!({ "fact": { "type": "laboratory/1", "body": body } });
        site.with_token("POST", "/api/v1/events?dry-run=true", &token, Some(&fact)).text
    };
    let result = |changed: &[(&str, &str)]| {
        let mut body = json!({
            "subject": "CLR131-01-601", "test": "PLAT", "analyte": "platelets", "specimen": "BLOOD", "result": "45.5",
            "unit": "10^9/L", "at": "2018-12-23T08:05:00-06:00",
        });
        for (field, value) in changed {
            body[*field] = json!(value);
        }
        told(body)
    };
    assert!(!result(&[]).contains("expected"), "{}", result(&[]));
    for (changed, expected) in [
        (vec![("result", "45,5")], "a plain number with a decimal point"),
        (vec![("result", "45 10^3/uL")], "its unit apart"),
        (vec![("unit", "g/dL")], "a unit of"),
        (vec![("unit", "")], "no unit"),
        (vec![("at", "2018-12-23T08:05")], "offset"),
        (vec![("at", "2018-12-24T08:05:00+25:00")], "2018-12-24T08:05:00+25:00"),
        (vec![("analyte", "haemoglobin"), ("unit", "g/L")], "what test PLAT measures"),
    ] {
        assert!(result(&changed).contains(expected), "{changed:?}: {}", result(&changed));
    }
}

#[test]
fn a_data_set_of_some_megabytes_is_taken_and_one_beyond_the_bound_is_told_the_bound() {
    let site = site();
    let token = site.signed_in("administrator").token("record");
    let upload = |bytes: usize| {
        let head = "STUDYID,DOMAIN,USUBJID,SITEID\n";
        let rows = "CLR131-MM,DM,CLR131-01-601,01\n".repeat(bytes / 30);
        let body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"dm.csv\"\r\ncontent-type: text/csv\r\n\r\n{head}{rows}\r\n--edge--\r\n"
        );
        let request = Request::post("/api/v1/imports?dry-run=true")
            .header("host", "127.0.0.1")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(Body::from(body))
            .unwrap();
        site.ask(request)
    };
    let some = upload(3 << 20);
    assert_ne!(some.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", some.text);
    let more = upload(33 << 20);
    assert_eq!(more.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(more.text.contains("at most 32 MiB"), "{}", more.text);
}

#[test]
fn a_request_that_names_two_hosts_is_misdirected() {
    let site = site();
    let two = Request::get("/sign-in").header("host", "127.0.0.1").header("host", "evil.example");
    assert_eq!(site.ask(two.body(Body::empty()).unwrap()).status, StatusCode::MISDIRECTED_REQUEST);
    let other = Request::get("http://evil.example/sign-in").header("host", "127.0.0.1");
    assert_eq!(site.ask(other.body(Body::empty()).unwrap()).status, StatusCode::MISDIRECTED_REQUEST);
}

const REGISTER: &str = r#"
[programme]
name = "Test programme"
company = "A company"
as-of = 2019-05-31

[[product]]
id = "P"
name = "A product"

[[trial]]
id = "CLR131-MM"
product = "P"
phase = "1"
indication = "Myeloma"
status = "recruiting"
folder = "clr131"

[[milestone]]
id = "M"
what = "Data"
due = "2019-Q4"
said = "A release"
said-on = 2019-05-13
"#;

/// The programme of which the example is one trial.
fn programme() -> Register {
    Register(std::sync::Arc::new(|| {
        let read = |name: &str| std::fs::read_to_string(format!("{}/{name}", folder())).unwrap();
        let chain = Chain::read(&read("events.ndjson")).unwrap();
        let (protocol, _) = Protocol::read(&read("trial.toml")).unwrap();
        let cut = Cut::freeze(&chain, None).unwrap();
        let analysis = Analysis::of(&protocol, "", &chain, &cut).unwrap();
        let register = Programme::read(REGISTER).unwrap();
        let as_of = register.programme.as_of;
        Ok(Status::of(register, as_of, &[Some(analysis)]))
    }))
}

#[test]
fn the_programme_is_shown_to_all_and_its_counts_of_patients_to_those_who_read_every_patient() {
    let site = served(Options { programme: Some(programme()), ..Options::default() });
    let statistician = site.signed_in("statistician");
    let page = statistician.get("/programme").text;
    assert!(page.contains("due, 214 days left") && page.contains("Safety over all trials"), "{page}");
    assert!(page.contains("href=\"/programme\""), "it stands in the navigation");
    let data = statistician.get("/api/v1/programme?as_of=2020-01-10").json();
    assert_eq!(data["milestones"][0]["stands"], json!({ "stands": "missed", "days": 10 }));
    assert_eq!(data["trials"][0]["treated"], 24);
    assert_eq!(data["safety"]["groups"][0]["treated"], 24);
    assert_eq!(statistician.get("/programme?as_of=tomorrow").status, StatusCode::UNPROCESSABLE_ENTITY);

    let coordinator = site.signed_in("site-coordinator-02");
    let page = coordinator.get("/programme").text;
    assert!(
        page.contains("due, 214 days left") && page.contains("For those who read every patient"),
        "{page}"
    );
    let data = coordinator.get("/api/v1/programme").json();
    assert_eq!((&data["safety"], &data["trials"][0]["treated"]), (&Value::Null, &Value::Null));

    let without = served(Options::default());
    let statistician = without.signed_in("statistician");
    assert_eq!(statistician.get("/programme").status, StatusCode::NOT_FOUND);
    assert!(!statistician.get("/").text.contains("/programme"), "no programme, no entry in the navigation");
}
