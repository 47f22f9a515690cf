//! Every request that is answered: its path, who is let through, what answers it, and how the API describes it.

use std::sync::LazyLock;

use axum::http::Method;
use posology_trial::event::Kind;
use posology_trial::permission::Matter;
use serde_json::Value;

use crate::ask::{Answer, Asked};
use crate::{api, layout, openapi, pages};

/// Who is let through. What they then see is what they may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Anyone, without asking who: style, scripts, the description of the API.
    Static,
    /// Anyone: signing in, the design lab.
    Anyone,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever may read a matter.
    Reads(Matter),
    /// Whoever holds a role that may record one of these kinds.
    Records(&'static [Kind]),
}

/// How the API describes an endpoint.
pub(crate) struct Documented {
    pub(crate) says: &'static str,
    /// Parameters of the query: name, meaning, type in JSON Schema.
    pub(crate) query: &'static [(&'static str, &'static str, &'static str)],
    /// Schema of the body, where it takes one.
    pub(crate) body: Option<fn(&mut schemars::SchemaGenerator) -> Value>,
    /// Schema of the answer; none where it is not JSON.
    pub(crate) answer: Option<fn(&mut schemars::SchemaGenerator) -> Value>,
    /// Type of an answer that is not JSON.
    pub(crate) media: &'static str,
}

/// A request that is answered.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) gate: Gate,
    pub(crate) answer: fn(&Asked) -> Answer,
    pub(crate) documented: Option<Documented>,
}

/// An endpoint, for whoever tests that each lets through whom it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Method.
    pub method: String,
    /// Path with its parts in braces.
    pub path: &'static str,
    /// Who is let through.
    pub gate: Gate,
}

/// Every endpoint.
#[must_use]
pub fn described() -> Vec<Described> {
    let describe = |endpoint: &Endpoint| Described {
        method: endpoint.method.to_string(),
        path: endpoint.path,
        gate: endpoint.gate,
    };
    endpoints().iter().map(describe).collect()
}

/// Kinds that make a cut and a packet.
const FREEZE: &[Kind] = &[Kind::DataCut, Kind::PacketFrozen];
const IMPORT: &[Kind] = &[Kind::SnapshotImported];
const SEAL: &[Kind] = &[Kind::Sealed];
const PERSON: &[Kind] = &[Kind::Person];
const SIGN: &[Kind] = &[Kind::Signature];

static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    let mut all = pages_and_forms();
    all.extend(api::endpoints());
    all
});

pub(crate) fn endpoints() -> &'static [Endpoint] {
    &ENDPOINTS
}

fn pages_and_forms() -> Vec<Endpoint> {
    use pages::{
        account, audit, board, entry, found, import, lab, patients, people, programme, results, reviews,
        sign_in,
    };
    let get = |path, gate, answer| Endpoint { method: Method::GET, path, gate, answer, documented: None };
    let post = |path, gate, answer| Endpoint { method: Method::POST, path, gate, answer, documented: None };
    vec![
        get("/static/style.css", Gate::Static, layout::style),
        get("/static/lab.js", Gate::Static, layout::lab_script),
        get("/static/entry.js", Gate::Static, layout::entry_script),
        get("/sign-in", Gate::Anyone, sign_in::page),
        post("/sign-in", Gate::Anyone, sign_in::sign_in),
        post("/sign-out", Gate::SignedIn, sign_in::sign_out),
        get("/found", Gate::Anyone, found::page),
        post("/found", Gate::Anyone, found::found),
        get("/password", Gate::Anyone, account::password_page),
        post("/password", Gate::Anyone, account::change_password),
        get("/account", Gate::SignedIn, account::page),
        get("/account/second-factor", Gate::SignedIn, account::second_factor_page),
        post("/account/second-factor", Gate::SignedIn, account::enrol_second_factor),
        post("/account/tokens", Gate::SignedIn, account::make_token),
        post("/account/tokens/{id}/revoke", Gate::SignedIn, account::revoke_token),
        get("/", Gate::Reads(Matter::Board), board::page),
        get("/patients", Gate::Reads(Matter::Patients), patients::list),
        get("/patients/{subject}", Gate::Reads(Matter::Patients), patients::one),
        get("/record", Gate::SignedIn, entry::kinds),
        get("/record/{kind}", Gate::SignedIn, entry::form),
        post("/record/{kind}", Gate::SignedIn, entry::record),
        get("/sign/{event}", Gate::Records(SIGN), entry::sign_page),
        post("/sign/{event}", Gate::Records(SIGN), entry::sign),
        get("/import", Gate::Records(IMPORT), import::page),
        post("/import", Gate::Records(IMPORT), import::import),
        get("/reviews", Gate::Reads(Matter::Reviews), reviews::list),
        get("/reviews/{number}", Gate::Reads(Matter::Reviews), reviews::one),
        post("/reviews/freeze", Gate::Records(FREEZE), reviews::freeze),
        post("/reviews/release", Gate::Reads(Matter::ClosedSessions), reviews::release),
        get("/reviews/{number}/closed", Gate::Reads(Matter::ClosedSessions), reviews::closed),
        post("/reviews/{number}/vote", Gate::Records(SEAL), reviews::vote),
        post("/reviews/{number}/minutes", Gate::Records(SEAL), reviews::minutes),
        post("/reviews/{number}/tally", Gate::Reads(Matter::ClosedSessions), reviews::tally),
        get("/packet/{cohort}", Gate::Reads(Matter::Reviews), reviews::packet),
        get("/results", Gate::Reads(Matter::Results), results::page),
        get("/results/{file}", Gate::Reads(Matter::Results), results::file),
        get("/static/results.js", Gate::Static, layout::results_script),
        get("/programme", Gate::Reads(Matter::Board), programme::page),
        get("/audit", Gate::Reads(Matter::Audit), audit::page),
        get("/audit/events.ndjson", Gate::Reads(Matter::Audit), audit::export),
        post("/audit/verify", Gate::Reads(Matter::Audit), audit::verify),
        get("/people", Gate::Reads(Matter::People), people::page),
        post("/people", Gate::Records(PERSON), people::add),
        post("/people/{user}/grant", Gate::Records(PERSON), people::grant),
        post("/people/{user}/withdraw", Gate::Records(PERSON), people::withdraw),
        post("/people/{user}/unlock", Gate::Records(PERSON), people::unlock),
        post("/people/{user}/reset", Gate::Records(PERSON), people::reset),
        post("/sessions/{number}/end", Gate::Records(PERSON), people::end_session),
        post("/bundle", Gate::Reads(Matter::Results), audit::bundle),
        get("/lab", Gate::Anyone, lab::page),
        get("/lab/answer", Gate::Anyone, lab::part),
        get("/lab/design.toml", Gate::Anyone, lab::design_file),
        get("/lab/characteristics.csv", Gate::Anyone, lab::table_file),
        get("/api", Gate::Static, openapi::page),
        get("/api/v1/openapi.json", Gate::Static, openapi::document),
    ]
}
