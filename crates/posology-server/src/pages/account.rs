//! One's own account: password, second factor, tokens.

use axum::http::StatusCode;
use maud::{Markup, html};
use posology_record::account::{NewFactor, second_factor_address};
use posology_record::desk::Undone;

use super::field;
use crate::ask::{Answer, Asked, Failed};
use crate::layout::{self, csrf};
use crate::session::hexadecimal;
use crate::token::{self, LONGEST, Scope, Token};

pub(crate) fn password_page(asked: &Asked) -> Answer {
    let first = asked.query.contains("first=yes");
    Ok(password_form(asked, first, None))
}

fn password_form(asked: &Asked, first: bool, refused: Option<&str>) -> axum::response::Response {
    let body = html! {
        @if first { p .said role="status" { "Your password was set by another: choose one of your own before anything else." } }
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        form .stacked method="post" action="/password" {
            (csrf(asked))
            label { "User" input name="user" value=(asked.user().unwrap_or_default()) autocomplete="username" required; }
            label { "Present password" input name="password" type="password" autocomplete="current-password" required; }
            label { "Code" input name="code" inputmode="numeric" autocomplete="one-time-code" aria-describedby="code-hint"; }
            p #code-hint .hint { "The code of the second factor, for those who have one." }
            label { "New password" input name="new" type="password" autocomplete="new-password" required minlength="12" aria-describedby="new-hint"; }
            p #new-hint .hint { "At least 12 characters; several words are easy to keep." }
            label { "New password, again" input name="new-again" type="password" autocomplete="new-password" required; }
            button { "Change the password" }
        }
    };
    layout::plain("", "Change a password", &body)
}

pub(crate) fn change_password(asked: &Asked) -> Answer {
    let (user, old, new) = (asked.needed("user")?, asked.secret("password"), asked.secret("new"));
    if new != asked.secret("new-again") {
        let says = "New password: expected the same twice, found two; mend: type it again";
        return Ok(password_form(asked, false, Some(says)));
    }
    if let Err(seconds) = asked.site.sign_ins.take(&asked.peer.to_string(), asked.now()) {
        let says = format!("expected fewer attempts, found too many; mend: try again in {seconds} seconds");
        return Err(Failed::new(StatusCode::TOO_MANY_REQUESTS, says));
    }
    let changed = asked.at_desk(|desk| match desk.change_password(user, old, asked.field("code"), new) {
        Err(undone @ (Undone::Change(_) | Undone::SignIn(_) | Undone::Password(_))) => {
            Ok(Err(undone.to_string()))
        }
        other => other.map(Ok),
    })?;
    if let Err(refused) = changed {
        return Ok(password_form(asked, false, Some(&refused)));
    }
    let body = html! {
        p role="status" { "The password is changed; sessions begun before are over." }
        p { a href="/sign-in" { "Sign in" } }
    };
    Ok(layout::plain("", "Password changed", &body))
}

pub(crate) fn page(asked: &Asked) -> Answer {
    shown(asked, None)
}

fn shown(asked: &Asked, made: Option<&str>) -> Answer {
    let view = asked.view()?;
    let user = asked.user().unwrap_or_default().to_owned();
    let (tokens, second_factor) =
        asked.at_desk(|desk| Ok((token::list(desk, Some(&user))?, desk.has_second_factor(&user)?)))?;
    let person = view.conduct.person(&user);
    let roles = super::sign_in::holders(&view.conduct).into_iter().find(|(name, ..)| *name == user);
    let body = html! {
        dl {
            dt { "Name" } dd { (person.map_or("–", |person| person.printed_name.as_str())) }
            dt { "Roles" } dd { (roles.map_or_else(|| "none".to_owned(), |(.., roles)| roles)) }
            dt { "Second factor" } dd {
                @if second_factor { "enrolled; " } @else { "none; " }
                a href="/account/second-factor" { @if second_factor { "replace it" } @else { "enrol one" } }
            }
            dt { "Password" } dd { a href="/password" { "change it" } }
        }
        h2 { "Tokens" }
        p { "A token lets a program read, or record too, in your place, what you may. It never signs. The API is described at " a href="/api" { "/api" } "." }
        @if let Some(made) = made {
            p .said role="status" { "Your new token, shown this once: " code { (made) } }
        }
        (tokens_table(asked, &tokens))
        h3 { "Make a token" }
        form method="post" action="/account/tokens" {
            (csrf(asked))
            label { "What it is for" input name="label" required; }
            label { "Scope" select name="scope" { option value="read" { "read" } option value="record" { "record" } } }
            label { "Days" input name="days" type="number" min="1" max=(LONGEST) value="90"; }
            button { "Make a token" }
        }
    };
    Ok(layout::page(asked, &view, "/account", "Account", &body))
}

fn tokens_table(asked: &Asked, tokens: &[Token]) -> Markup {
    let now = asked.now();
    html! {
        @if tokens.is_empty() { p { "No token." } } @else {
            table {
                thead { tr { th scope="col" { "For" } th scope="col" { "Scope" } th scope="col" { "Made" } th scope="col" { "Until" } th scope="col" { "Take back" } } }
                tbody {
                    @for token in tokens {
                        tr .gone[!token.holds(now)] {
                            th scope="row" { (token.label) }
                            td { (token.scope.word()) }
                            td { (token.made) }
                            td { (token.expires) @if let Some(revoked) = token.revoked { ", taken back " (revoked) } }
                            td {
                                @if token.holds(now) {
                                    form method="post" action={ "/account/tokens/" (token.id) "/revoke" } {
                                        (csrf(asked))
                                        button aria-label={ "Take back the token for " (token.label) } { "Take back" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) fn make_token(asked: &Asked) -> Answer {
    let scope = match asked.field("scope") {
        Some("record") => Scope::Record,
        _ => Scope::Read,
    };
    let days = asked.field("days").unwrap_or("90").parse().map_err(|_| {
        Failed::asked(format!("days: expected a whole number of 1 to {LONGEST}; mend: write one"))
    })?;
    let (user, label) = (asked.user().unwrap_or_default(), asked.needed("label")?);
    let (text, _) = asked.at_desk(|desk| token::make(desk, user, label, scope, days))?;
    shown(asked, Some(&text))
}

pub(crate) fn revoke_token(asked: &Asked) -> Answer {
    let user = asked.user().unwrap_or_default();
    asked.at_desk(|desk| {
        let administers = desk.administrator(user).is_ok();
        token::revoke(desk, asked.part("id"), user, administers)
    })?;
    Ok(asked.go_on("/account", "The token is taken back."))
}

pub(crate) fn second_factor_page(asked: &Asked) -> Answer {
    let secret = asked.at_desk(|desk| desk.entropy::<20>())?;
    second_factor(asked, &secret, None)
}

fn second_factor(asked: &Asked, secret: &[u8; 20], refused: Option<&str>) -> Answer {
    let view = asked.view()?;
    let user = asked.user().unwrap_or_default().to_owned();
    let address = second_factor_address(&view.analysis.protocol.trial.id, &user, secret);
    let has = asked.at_desk(|desk| desk.has_second_factor(&user))?;
    let key = address.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
    let body = html! {
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        p { "Give this key to your authenticator program, then type the code that it shows." }
        p { code { (key) } }
        details { summary { "As an address" } p { code { (address) } } }
        form .stacked method="post" action="/account/second-factor" {
            (csrf(asked))
            input type="hidden" name="secret" value=(hexadecimal(secret));
            (field("Password", html! { input name="password" type="password" autocomplete="current-password" required; }))
            @if has { (field("Code of the present second factor", html! { input name="code" inputmode="numeric" autocomplete="one-time-code" required; })) }
            (field("Code of the new second factor", html! { input name="proof" inputmode="numeric" autocomplete="off" required; }))
            button { "Enrol it" }
        }
    };
    Ok(layout::page(asked, &view, "/account", "Second factor", &body))
}

pub(crate) fn enrol_second_factor(asked: &Asked) -> Answer {
    let bad =
        || Failed::asked("expected the key that the page showed, found another; mend: open the page again");
    let typed = asked.needed("secret")?;
    let mut secret = [0_u8; 20];
    if typed.len() != 40 {
        return Err(bad());
    }
    for (place, byte) in secret.iter_mut().enumerate() {
        let pair = typed.get(2 * place..2 * place + 2).ok_or_else(bad)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    let (user, password) = (asked.user().unwrap_or_default(), asked.secret("password"));
    let proof = asked.needed("proof")?;
    let enrolled = asked.at_desk(|desk| {
        let factor = NewFactor { secret: &secret, proof };
        match desk.enrol_second_factor(user, password, asked.field("code"), factor) {
            Err(Undone::Change(refused)) => Ok(Err(refused.to_string())),
            other => other.map(Ok),
        }
    })?;
    if let Err(refused) = enrolled {
        return second_factor(asked, &secret, Some(&refused));
    }
    let body = html! {
        p role="status" { "The second factor is enrolled; sessions begun before are over." }
        p { a href="/sign-in" { "Sign in" } }
    };
    Ok(layout::plain("", "Second factor", &body))
}
