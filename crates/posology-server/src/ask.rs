//! A request as the pages and the API are handed it: who asks, for what, with which fields; and how it is answered.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use posology_record::desk::{Desk, Undone};
use posology_record::record::{Actor, RecordError};
use posology_trial::event::{Kind, Role};
use posology_trial::permission::{Matter, Reach, Reading, reach};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::session::SignedIn;
use crate::token::Scope;
use crate::{Site, View};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Nobody known.
    Nobody,
    /// Whoever has a file of events that names nobody: they read, and record nothing.
    Reader,
    /// Someone in a session.
    Session(SignedIn),
    /// A program, with someone's token.
    Token { user: String, scope: Scope },
}

/// A file sent along.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// What was asked.
pub(crate) struct Asked {
    pub(crate) site: Arc<Site>,
    pub(crate) who: Who,
    pub(crate) method: Method,
    /// The path as it was asked, such as `/patients/P-01`.
    pub(crate) path: String,
    /// Parts of the path by name.
    pub(crate) parts: Vec<(String, String)>,
    /// The query, not decoded.
    pub(crate) query: String,
    /// Fields of a form, in their order.
    pub(crate) form: Vec<(String, String)>,
    pub(crate) files: Vec<Upload>,
    /// A body of JSON.
    pub(crate) json: Value,
    /// Key under which a request repeated is done once.
    pub(crate) idempotency_key: Option<String>,
    pub(crate) agent: String,
    pub(crate) peer: IpAddr,
}

/// What went wrong, for a page and for a program.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) status: StatusCode,
    pub(crate) says: String,
    /// The rule that refused it, where one did.
    pub(crate) rule: Option<&'static str>,
}

impl Failed {
    pub(crate) fn new(status: StatusCode, says: impl Into<String>) -> Self {
        Self { status, says: says.into(), rule: None }
    }

    /// What was asked does not read.
    pub(crate) fn asked(says: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, says)
    }

    pub(crate) fn missing(says: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, says)
    }

    pub(crate) fn forbidden(says: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, says)
    }

    /// Something that should always work did not.
    pub(crate) fn fault(says: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, says.to_string())
    }
}

impl From<Undone> for Failed {
    fn from(undone: Undone) -> Self {
        let says = undone.to_string();
        let mut rule = None;
        let status = match &undone {
            Undone::SignIn(_) | Undone::Change(_) | Undone::NotTheirs(_) => StatusCode::FORBIDDEN,
            Undone::Record(RecordError::Refused(refusal)) => {
                rule = Some(refusal.rule);
                if refusal.rule.starts_with("permission/") {
                    StatusCode::FORBIDDEN
                } else {
                    StatusCode::CONFLICT
                }
            }
            Undone::Record(RecordError::Ledger(error)) => ledger(error),
            Undone::Record(RecordError::Signature(_)) => StatusCode::CONFLICT,
            Undone::Record(_) | Undone::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { status, says, rule }
    }
}

fn ledger(error: &posology_record::ledger::LedgerError) -> StatusCode {
    use posology_record::ledger::LedgerError as E;
    match error {
        E::Stale { .. } | E::KeyReused { .. } | E::AccountMoved { .. } => StatusCode::CONFLICT,
        E::Unreachable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        E::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer of a handler.
pub(crate) type Answer = Result<Response, Failed>;

impl Asked {
    /// A part of the path.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(part, _)| part == name).map_or("", |(_, value)| value)
    }

    /// The query as a type.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Failed> {
        serde_urlencoded::from_str(&self.query).map_err(|error| {
            Failed::new(
                StatusCode::BAD_REQUEST,
                format!("expected a query as the documentation has it, found {error}; mend: write it so"),
            )
        })
    }

    /// Fields of the query, in their order.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_str(&self.query).unwrap_or_default()
    }

    /// A field of the form; an empty one is none.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    pub(crate) fn needed(&self, name: &str) -> Result<&str, Failed> {
        self.field(name).ok_or_else(|| {
            Failed::asked(format!("{name}: expected something, found nothing; mend: fill it in"))
        })
    }

    /// A secret of the form, as it was typed, blanks included.
    pub(crate) fn secret(&self, name: &str) -> &str {
        self.form.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Whether a program asks.
    pub(crate) fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// The trial as it stands.
    pub(crate) fn view(&self) -> Result<Arc<View>, Failed> {
        self.site.view()
    }

    /// The user, where someone is signed in.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.who {
            Who::Session(signed_in) => Some(&signed_in.user),
            Who::Token { user, .. } => Some(user),
            Who::Nobody | Who::Reader => None,
        }
    }

    /// The session.
    pub(crate) fn session(&self) -> Option<&SignedIn> {
        match &self.who {
            Who::Session(signed_in) => Some(signed_in),
            _ => None,
        }
    }

    /// What they may read.
    pub(crate) fn reading(&self, view: &View) -> Reading {
        match &self.who {
            Who::Reader => Reading::everything(),
            Who::Session(signed_in) => Reading::of(&view.conduct, &signed_in.user),
            Who::Token { user, .. } => Reading::of(&view.conduct, user),
            Who::Nobody => Reading::of(&view.conduct, ""),
        }
    }

    /// The trial, where they read all that it has of a matter, or what their sites have.
    pub(crate) fn reads(&self, matter: Matter) -> Result<(Arc<View>, Reading), Failed> {
        let view = self.view()?;
        let reading = self.reading(&view);
        if reading.reach(matter) == Reach::Nowhere {
            return Err(Failed::forbidden(format!(
                "expected someone who may read {}, found {}; mend: sign in in such a role, or ask an administrator for it",
                matter.word(),
                self.named()
            )));
        }
        Ok((view, reading))
    }

    fn named(&self) -> &str {
        self.user().unwrap_or("nobody")
    }

    /// Whether they hold a role that may record one of some kinds.
    pub(crate) fn may_record(&self, view: &View, kinds: &[Kind]) -> bool {
        let Some(user) = self.user() else { return false };
        Role::ALL.into_iter().any(|role| {
            !view.conduct.grants(user, role).is_empty()
                && kinds.iter().any(|kind| reach(role, *kind) != Reach::Nowhere)
        })
    }

    /// Does something at the desk; what is shown next is read anew.
    pub(crate) fn at_desk<T>(&self, act: impl FnOnce(&mut Desk) -> Result<T, Undone>) -> Result<T, Failed> {
        self.site.at_desk(act)
    }

    /// The person who records, in the role named by a field `role`, or the only one that may.
    pub(crate) fn actor(&self, desk: &Desk, role: Option<&str>, kind: Kind) -> Result<Actor, Undone> {
        let user = self.user().ok_or_else(|| {
            Undone::NotTheirs("expected someone signed in, found nobody; mend: sign in".to_owned())
        })?;
        Ok(desk.actor(user, desk.role(user, role, kind)?))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.site.around.now)()
    }
}

impl Asked {
    /// Goes on to another page, where it is said what was done.
    pub(crate) fn go_on(&self, to: &str, said: impl Into<String>) -> Response {
        if let Some(signed_in) = self.session() {
            self.site.sessions.say(signed_in.number, said.into());
        }
        go_to(to)
    }
}

/// Waits for what is worked out elsewhere; a handler is no thread that serves others.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(work)
}

/// Goes to another page of this site.
pub(crate) fn go_to(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
