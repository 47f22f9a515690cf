//! The gate: who is let through to what, and what every answer carries.
//!
//! Each request passes here: the host it names, its size, who asks (a session's cookie or a token), how often, whether a
//! form comes from a page of this site, and whether that person may. Then it is handed on, away from the threads that
//! serve others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest as _, Multipart, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use posology_trial::permission::{Reach, Reading};
use serde_json::Value;

use crate::ask::{Answer, Asked, Failed, Upload, Who, go_to};
use crate::routes::{Endpoint, Gate, endpoints};
use crate::session::same;
use crate::token::{self, Scope};
use crate::{Site, Stand, layout};

/// Headers of every answer: nothing is loaded from elsewhere, nothing framed, nothing kept by caches.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not "no-referrer": a form would then be sent without saying where it comes from.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// What a page may load: its style, its script and its data from here.
const PAGES: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What a packet may load: it carries its style and pictures itself, and has no script.
const PACKET: &str = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; frame-ancestors 'none'; base-uri 'none'";

/// Largest body of a form or of JSON.
const FORM: usize = 1 << 20;
/// Largest body with files.
const FILES: usize = 32 << 20;
/// Within so long a request has arrived.
const ARRIVES: std::time::Duration = std::time::Duration::from_secs(120);

/// Every endpoint behind the gate.
pub(crate) fn router(site: Arc<Site>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        let site = Arc::clone(&site);
        let method = match endpoint.method {
            Method::POST => MethodFilter::POST,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let handler = move |parts: RawPathParams, request: Request| {
            let site = Arc::clone(&site);
            async move { answer(site, endpoint, parts, request).await }
        };
        router = router.route(endpoint.path, axum::routing::on(method, handler));
    }
    let hosts = Arc::new(site.options.hosts.clone());
    let secure = site.options.secure;
    router
        .fallback(|request: Request| async move {
            let failed = Failed::missing("Expected a page of this trial, found none here.");
            failed.shown(request.uri().path().starts_with("/api/"))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            let failed = Failed::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!(
                    "expected another method than {} here; mend: see the description of the API",
                    request.method()
                ),
            );
            failed.shown(request.uri().path().starts_with("/api/"))
        })
        // `body` has bounds of its own, which say what they are.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let hosts = Arc::clone(&hosts);
            async move { guard(request, next, &hosts, secure).await }
        }))
}

/// Answers requests that name this machine, or a name it was given, so that no page elsewhere can reach it under a name
/// of its own.
async fn guard(mut request: Request, next: Next, hosts: &[String], secure: bool) -> Response {
    // HTTP/2 names the host in the address instead.
    if let Some(authority) = request.uri().authority()
        && !request.headers().contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    // One host, and the same in the address where that names one too: nobody in between shall read another than we do.
    let hosts_named = request.headers().get_all(header::HOST).iter().count();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let contradicts = request.uri().authority().is_some_and(|authority| authority.as_str() != host);
    let host = if hosts_named == 1 && !contradicts { host } else { "" };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { host }
    });
    let known = matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let policy = if request.uri().path().starts_with("/packet/") { PACKET } else { PAGES };
    let mut response = if known {
        next.run(request).await
    } else {
        let says = "expected a request to this machine or to a name given with --host, found another host; mend: open the address that `posology serve` prints";
        (StatusCode::MISDIRECTED_REQUEST, says).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a request whole, within its limits, and hands it on.
async fn answer(
    site: Arc<Site>,
    endpoint: &'static Endpoint,
    parts: RawPathParams,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let is_api = path.starts_with("/api/");
    let headers = request.headers().clone();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    let forwarded = text(&headers, HeaderName::from_static("x-forwarded-for")).rsplit(',').next();
    let peer = match forwarded.and_then(|last| last.trim().parse::<IpAddr>().ok()) {
        Some(named) if site.options.behind_proxy => named,
        _ => peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let mut asked = Asked {
        who: Who::Nobody,
        method: endpoint.method.clone(),
        parts: parts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        path,
        form: Vec::new(),
        files: Vec::new(),
        json: Value::Null,
        idempotency_key: headers
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok())
            .map(|key| key.chars().take(200).collect()),
        agent: text(&headers, header::USER_AGENT).to_owned(),
        peer,
        site,
    };
    let arrived = tokio::time::timeout(ARRIVES, body(&mut asked, request, &headers)).await;
    let late = || {
        let says = "expected the whole request within two minutes, found a part of it; mend: send it again";
        Failed::new(StatusCode::REQUEST_TIMEOUT, says.to_owned())
    };
    if let Err(failed) = arrived.unwrap_or_else(|_| Err(late())) {
        return failed.shown(is_api);
    }
    let worked = tokio::task::spawn_blocking(move || {
        let answered = admitted(&mut asked, endpoint, &headers);
        if asked.method != Method::GET {
            asked.site.forget_age();
        }
        answered.unwrap_or_else(|failed| layout::failed(&asked, &failed))
    });
    worked.await.unwrap_or_else(|_| Failed::fault("the request could not be worked on").shown(is_api))
}

/// Whether an error is that of a body longer than its bound.
fn is_over(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads the body: a form, a form with files, or JSON.
async fn body(asked: &mut Asked, request: Request, headers: &HeaderMap) -> Result<(), Failed> {
    if asked.method == Method::GET || asked.method == Method::DELETE {
        return Ok(());
    }
    let kind = text(headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
    let too_large = |most: usize| {
        Failed::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("expected at most {} MiB, found more; mend: send it in parts", most >> 20),
        )
    };
    if kind == "multipart/form-data" {
        let unreadable = |error: axum::extract::multipart::MultipartError| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE || is_over(&error) {
                return too_large(FILES);
            }
            Failed::new(
                error.status(),
                format!("expected a form with files, found {error}; mend: send it again"),
            )
        };
        let request = request.map(|body| axum::body::Body::new(http_body_util::Limited::new(body, FILES)));
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|error| Failed::new(error.status(), error.to_string()))?;
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(unreadable)?;
            match file {
                Some(file) if !file.is_empty() => {
                    asked.files.push(Upload { name: file, bytes: bytes.to_vec() });
                }
                Some(_) => {}
                None => asked.form.push((name, String::from_utf8_lossy(&bytes).into_owned())),
            }
        }
        return Ok(());
    }
    let bytes = to_bytes(request.into_body(), FORM).await.map_err(|_| too_large(FORM))?;
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            asked.form = serde_urlencoded::from_bytes(&bytes).map_err(|error| {
                Failed::new(
                    StatusCode::BAD_REQUEST,
                    format!("expected a form, found {error}; mend: send it again"),
                )
            })?;
        }
        _ if bytes.is_empty() => {}
        "application/json" => {
            asked.json = serde_json::from_slice(&bytes).map_err(|error| {
                Failed::new(
                    StatusCode::BAD_REQUEST,
                    format!("expected JSON, found {error}; mend: write it so"),
                )
            })?;
            // A body of JSON is read as the form of the same page would be.
            for (name, value) in asked.json.as_object().into_iter().flatten() {
                if let Some(text) = value.as_str() {
                    asked.form.push((name.clone(), text.to_owned()));
                }
            }
        }
        other => {
            return Err(Failed::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "expected a form or application/json, found {other:?}; mend: name its type in Content-Type"
                ),
            ));
        }
    }
    Ok(())
}

/// The name of a session's cookie.
pub(crate) fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-posology" } else { "posology" }
}

/// Finds out who asks, and whether they may.
fn admitted(asked: &mut Asked, endpoint: &Endpoint, headers: &HeaderMap) -> Answer {
    let now = asked.now();
    if let Gate::Static = endpoint.gate {
        return (endpoint.answer)(asked);
    }
    asked.who = who(asked, headers)?;
    let name = match &asked.who {
        Who::Session(signed_in) => format!("session {}", signed_in.number),
        Who::Token { user, .. } => format!("token {user}"),
        Who::Nobody | Who::Reader => format!("address {}", asked.peer),
    };
    asked.site.requests.take(&name, now).map_err(wait)?;
    if asked.method != Method::GET {
        same_site(asked, headers)?;
    }
    if let Who::Token { scope: Scope::Read, .. } = asked.who
        && asked.method != Method::GET
    {
        return Err(Failed::forbidden(
            "expected a token with the scope record, found one with the scope read; mend: make one on the page Account",
        ));
    }
    let refused = match endpoint.gate {
        Gate::Static | Gate::Anyone => None,
        _ if matches!(asked.who, Who::Nobody) => return not_signed_in(asked),
        Gate::SignedIn if matches!(asked.who, Who::Reader) => Some("someone signed in".to_owned()),
        Gate::SignedIn => None,
        Gate::Reads(matter) => {
            let view = asked.view()?;
            let reading: Reading = asked.reading(&view);
            (reading.reach(matter) == Reach::Nowhere)
                .then(|| format!("someone who may read {}", matter.word()))
        }
        Gate::Records(kinds) => {
            let view = asked.view()?;
            let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
            (!asked.may_record(&view, kinds)).then(|| format!("someone who may record {}", words.join(", ")))
        }
    };
    if let Some(expected) = refused {
        return Err(Failed::forbidden(format!(
            "expected {expected}, found {}; mend: sign in in such a role, or ask an administrator for it",
            asked.user().unwrap_or("a reader")
        )));
    }
    (endpoint.answer)(asked)
}

fn wait(seconds: u64) -> Failed {
    Failed::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("expected fewer requests, found too many at once; mend: try again in {seconds} seconds"),
    )
}

fn who(asked: &Asked, headers: &HeaderMap) -> Result<Who, Failed> {
    let (record, file) = {
        let stand = asked.site.stand();
        (matches!(*stand, Stand::Record(_)), matches!(*stand, Stand::File(_)))
    };
    if file {
        return Ok(Who::Reader);
    }
    if !record {
        return Ok(Who::Nobody);
    }
    let authorization = text(headers, header::AUTHORIZATION);
    if !authorization.is_empty() {
        let unknown = || {
            Failed::new(
                StatusCode::UNAUTHORIZED,
                "expected a token that holds, found none; mend: make one on the page Account and send it as Authorization: Bearer",
            )
        };
        let token = authorization.strip_prefix("Bearer ").filter(|_| asked.is_api()).ok_or_else(unknown)?;
        let attempts = format!("token from {}", asked.peer);
        asked.site.sign_ins.take(&attempts, asked.now()).map_err(wait)?;
        let found = asked.at_desk(|desk| token::find(desk, token.trim()))?.ok_or_else(unknown)?;
        asked.site.sign_ins.give_back(&attempts);
        return Ok(Who::Token { user: found.user, scope: found.scope });
    }
    let name = cookie_name(asked.site.options.secure);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let secret = cookies
        .flat_map(|cookie| cookie.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(cookie, _)| *cookie == name)
        .map(|(_, secret)| secret.to_owned());
    let Some(secret) = secret else { return Ok(Who::Nobody) };
    let view = asked.view()?;
    let found = asked.site.sessions.find(&secret, &view.conduct, asked.now());
    Ok(found.map_or(Who::Nobody, Who::Session))
}

/// A form must come from a page of this site (cross-site request forgery): its page carries the session's mark, and the
/// browser says where it comes from.
fn same_site(asked: &Asked, headers: &HeaderMap) -> Result<(), Failed> {
    if matches!(asked.who, Who::Token { .. }) {
        return Ok(());
    }
    let elsewhere = || {
        Failed::forbidden(
            "expected a form of this site, found one from elsewhere, or from before signing in; mend: open the page again and send it from there",
        )
    };
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(elsewhere());
    }
    let origin = text(headers, header::ORIGIN);
    let from = origin.split_once("://").map_or(origin, |(_, host)| host);
    if !origin.is_empty() && from != text(headers, header::HOST) {
        return Err(elsewhere());
    }
    match &asked.who {
        Who::Session(signed_in) => {
            let mark = headers
                .get("x-csrf")
                .and_then(|mark| mark.to_str().ok())
                .unwrap_or_else(|| asked.secret("csrf"));
            if same(mark, &signed_in.csrf) { Ok(()) } else { Err(elsewhere()) }
        }
        _ => Ok(()),
    }
}

fn not_signed_in(asked: &Asked) -> Answer {
    if matches!(*asked.site.stand(), Stand::Lab) {
        return Err(Failed::missing("expected the design lab, which alone is served here; mend: open /lab"));
    }
    if asked.is_api() {
        return Err(Failed::new(
            StatusCode::UNAUTHORIZED,
            "expected someone signed in, or a token, found nobody; mend: send a token as Authorization: Bearer",
        ));
    }
    if matches!(*asked.site.stand(), Stand::Unfounded(_)) {
        return Err(Failed::new(
            StatusCode::UNAUTHORIZED,
            "expected the one-time address that `posology serve` printed: this trial's record is not founded yet",
        ));
    }
    let next = if asked.method == Method::GET {
        let to = if asked.query.is_empty() {
            asked.path.clone()
        } else {
            format!("{}?{}", asked.path, asked.query)
        };
        serde_urlencoded::to_string([("next", to)]).unwrap_or_default()
    } else {
        String::new()
    };
    Ok(go_to(&format!("/sign-in?{next}")))
}
