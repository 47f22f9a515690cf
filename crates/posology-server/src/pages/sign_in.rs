//! Signing in and out.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use posology_record::account::{Components, SignInRefused};
use posology_record::desk::Undone;
use posology_trial::conduct::Conduct;
use posology_trial::event::{AccessKind, Role};

use crate::ask::{Answer, Asked, Failed, go_to};
use crate::gate::cookie_name;
use crate::layout::{self, csrf};
use crate::{Site, Stand};

/// Where to go after signing in: a page of this site and no other.
fn next(asked: &str) -> &str {
    let inside = asked.starts_with('/') && !asked.starts_with("//") && !asked.contains('\\');
    if inside && asked.bytes().all(|byte| byte.is_ascii_graphic()) { asked } else { "/" }
}

pub(crate) fn page(asked: &Asked) -> Answer {
    let fields = asked.fields();
    let to = fields.iter().find(|(name, _)| name == "next").map_or("/", |(_, to)| to);
    Ok(shown(asked, "", to, None))
}

fn shown(asked: &Asked, user: &str, to: &str, refused: Option<&str>) -> Response {
    let rehearsal = asked.site.options.rehearsal.as_deref().map(|password| (password, people(&asked.site)));
    let body = html! {
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        form .stacked method="post" action="/sign-in" {
            (csrf(asked))
            input type="hidden" name="next" value=(next(to));
            label { "User" input name="user" value=(user) autocomplete="username" required autofocus[user.is_empty()]; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            label { "Code" input name="code" inputmode="numeric" autocomplete="one-time-code" aria-describedby="code-hint"; }
            p #code-hint .hint { "The code of the second factor, for those who have one." }
            button { "Sign in" }
        }
        p { a href="/password" { "Change a password" } " · " a href="/lab" { "The design lab needs no signing in" } }
        @if let Some((password, people)) = rehearsal {
            section .said aria-label="Rehearsal" {
                p { "A rehearsal with invented people. Everyone has the password " code { (password) } ". What is recorded is gone when the program stops." }
                table {
                    thead { tr { th scope="col" { "User" } th scope="col" { "Name" } th scope="col" { "Roles" } } }
                    tbody { @for (user, name, roles) in people { tr { th scope="row" { code { (user) } } td { (name) } td { (roles) } } } }
                }
            }
        }
    };
    layout::plain("", "Sign in", &body)
}

/// Everyone who holds a role, with their names and roles.
fn people(site: &Site) -> Vec<(String, String, String)> {
    site.view().map(|view| holders(&view.conduct)).unwrap_or_default()
}

pub(crate) fn holders(conduct: &Conduct) -> Vec<(String, String, String)> {
    let mut users: Vec<&str> = Role::ALL.into_iter().flat_map(|role| conduct.holders(role)).collect();
    users.sort_unstable();
    users.dedup();
    let roles = |user: &str| {
        let mut words = Vec::new();
        for role in Role::ALL {
            for site in conduct.grants(user, role) {
                let at = site.map(|site| format!(" at {site}")).unwrap_or_default();
                words.push(format!("{}{at}", role.word().replace('-', " ")));
            }
        }
        words.join(", ")
    };
    users
        .into_iter()
        .map(|user| {
            let name = conduct.person(user).map_or("", |person| person.printed_name.as_str());
            (user.to_owned(), name.to_owned(), roles(user))
        })
        .collect()
}

pub(crate) fn sign_in(asked: &Asked) -> Answer {
    if !matches!(*asked.site.stand(), Stand::Record(_)) {
        return Err(Failed::missing("expected a record with people, found none served here"));
    }
    let (user, password) = (asked.needed("user")?, asked.secret("password"));
    let to = asked.field("next").unwrap_or("/");
    if let Err(seconds) = asked.site.sign_ins.take(&asked.peer.to_string(), asked.now()) {
        let says = format!(
            "expected fewer attempts to sign in, found too many; mend: try again in {seconds} seconds"
        );
        return Err(Failed::new(StatusCode::TOO_MANY_REQUESTS, says));
    }
    let components = Components::All { code: asked.field("code") };
    let from = format!("{} by the pages", asked.peer);
    let signed_in = asked.at_desk(|desk| {
        let session = match desk.sign_in(user, password, components) {
            Ok(authenticated) => authenticated.session(),
            Err(Undone::SignIn(refused)) => return Ok(Err(refused)),
            Err(other) => return Err(other),
        };
        desk.note_access(user, AccessKind::SignedIn, Some(&from))?;
        Ok(Ok((session, desk.entropy::<64>()?)))
    })?;
    let (session, entropy) = match signed_in {
        Ok(both) => both,
        Err(SignInRefused::MustChange) => return Ok(go_to("/password?first=yes")),
        Err(refused) => {
            let mut response = shown(asked, user, to, Some(&refused.to_string()));
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Ok(response);
        }
    };
    // Whoever was signed in here before is signed out: a session is never taken over.
    if let Some(before) = asked.session() {
        asked.site.sessions.end(before.number);
    }
    let secret = asked.site.sessions.begin(session, asked.peer, &asked.agent, &entropy, asked.now());
    let mut response = go_to(next(to));
    set_cookie(&mut response, asked, &secret);
    Ok(response)
}

/// Gives the browser a session's secret: to this site alone, to no script, and not beyond the browser's own end.
pub(crate) fn set_cookie(response: &mut Response, asked: &Asked, secret: &str) {
    let secure = asked.site.options.secure;
    let flags = if secure { "; Secure" } else { "" };
    let end = if secret.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict{flags}{end}", cookie_name(secure));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(crate) fn sign_out(asked: &Asked) -> Answer {
    if let Some(signed_in) = asked.session() {
        asked.site.sessions.end(signed_in.number);
        let user = signed_in.user.clone();
        asked.at_desk(|desk| desk.note_access(&user, AccessKind::SignedOut, None))?;
    }
    let body: Markup =
        html! { p role="status" { "You are signed out." } p { a href="/sign-in" { "Sign in" } } };
    let mut response = layout::plain("", "Signed out", &body).into_response();
    set_cookie(&mut response, asked, "");
    Ok(response)
}
