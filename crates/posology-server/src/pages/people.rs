//! People, roles, accounts, sites, keys and sessions: the administrator's page.

use maud::{Markup, html};
use posology_record::desk::NewPerson;
use posology_trial::event::{AccessKind, Fact, Kind, Role, RoleWithdrawn};

use super::field;
use super::sign_in::holders;
use crate::View;
use crate::ask::{Answer, Asked, Failed};
use crate::layout::{self, csrf};
use crate::token;

pub(crate) fn page(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let administers = asked.may_record(&view, &[Kind::Person]);
    let sessions = asked.site.sessions.list(asked.now());
    let tokens = match asked.user() {
        Some(_) => asked.at_desk(|desk| token::list(desk, None))?,
        None => Vec::new(),
    };
    let now = asked.now();
    let body = html! {
        h2 { "People" }
        (people(asked, &view, administers))
        @if administers {
            (add_form(asked, &view))
        }
        h2 { "Sites" }
        (sites(&view, administers))
        h2 { "Sessions" }
        @if sessions.is_empty() { p { "None." } } @else {
            table {
                thead { tr { th scope="col" { "User" } th scope="col" { "Began" } th scope="col" { "Last seen" } th scope="col" { "From" } th scope="col" { "Program" } th scope="col" { "End" } } }
                tbody {
                    @for session in &sessions {
                        tr {
                            th scope="row" { (session.user) } td { (session.began) } td { (session.seen) } td { (session.from) } td { (session.program) }
                            td { @if administers { form method="post" action={ "/sessions/" (session.number) "/end" } { (csrf(asked)) button aria-label={ "End session " (session.number) " of " (session.user) } { "End" } } } }
                        }
                    }
                }
            }
        }
        h2 { "Tokens" }
        @if tokens.is_empty() { p { "None." } } @else {
            table {
                thead { tr { th scope="col" { "User" } th scope="col" { "For" } th scope="col" { "Scope" } th scope="col" { "Until" } } }
                tbody { @for token in &tokens { tr .gone[!token.holds(now)] { th scope="row" { (token.user) } td { (token.label) } td { (token.scope.word()) } td { (token.expires) } } } }
            }
        }
    };
    Ok(layout::page(asked, &view, "/people", "People", &body))
}

fn people(asked: &Asked, view: &View, administers: bool) -> Markup {
    let conduct = &view.conduct;
    let mut users: Vec<&str> = conduct
        .of_trial(Kind::Person)
        .filter_map(|entry| match &entry.event.fact {
            Fact::Person(person) => Some(person.user.as_str()),
            _ => None,
        })
        .collect();
    users.sort_unstable();
    users.dedup();
    let roles = holders(conduct);
    html! {
        table {
            thead { tr { th scope="col" { "User" } th scope="col" { "Name" } th scope="col" { "Roles" } th scope="col" { "Key" } @if administers { th scope="col" { "Change" } } } }
            tbody {
                @for user in users {
                    tr {
                        th scope="row" { code { (user) } }
                        td { (conduct.person(user).map_or("", |person| person.printed_name.as_str())) }
                        td { (roles.iter().find(|(name, ..)| name == user).map_or("none", |(.., roles)| roles)) }
                        td { code { (key_of(view, user)) } }
                        @if administers {
                            td {
                                details {
                                    summary aria-label={ "Change " (user) } { "Change" }
                                    (change_forms(asked, view, user))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn key_of(view: &View, user: &str) -> String {
    let issued = view.conduct.of_trial(Kind::KeyIssued).rev().find_map(|entry| match &entry.event.fact {
        Fact::KeyIssued(issued) if issued.user == user => Some(issued.key.as_str()),
        _ => None,
    });
    issued.and_then(|key| key.get(..12)).map_or_else(|| "–".to_owned(), |key| format!("{key}…"))
}

fn role_and_site(view: &View) -> Markup {
    html! {
        label { "Role" select name="role" required { option value="" { "–" } @for role in Role::ALL { option value=(role.word()) { (role.word().replace('-', " ")) } } } }
        label { "Site" select name="site" { option value="" { "every site" } @for site in site_ids(view) { option value=(site) { (site) } } } }
    }
}

fn site_ids(view: &View) -> Vec<&str> {
    let opened = view.conduct.of_trial(Kind::SiteOpened);
    opened
        .filter_map(|entry| match &entry.event.fact {
            Fact::SiteOpened(site) => Some(site.site.as_str()),
            _ => None,
        })
        .collect()
}

fn change_forms(asked: &Asked, view: &View, user: &str) -> Markup {
    html! {
        form method="post" action={ "/people/" (user) "/grant" } { (csrf(asked)) (role_and_site(view)) button { "Grant" } }
        form method="post" action={ "/people/" (user) "/withdraw" } { (csrf(asked)) (role_and_site(view)) label { "Reason" input name="reason" required; } button { "Withdraw" } }
        form method="post" action={ "/people/" (user) "/unlock" } { (csrf(asked)) button { "Unlock" } }
        form method="post" action={ "/people/" (user) "/reset" } {
            (csrf(asked))
            label { "First password" input name="first" type="password" autocomplete="new-password" required; }
            label { "Passphrase of the root key" input name="passphrase" type="password" autocomplete="off" required; }
            button { "Reset: new password and key" }
        }
    }
}

fn add_form(asked: &Asked, view: &View) -> Markup {
    html! {
        h3 { "Name someone" }
        form .entry method="post" action="/people" {
            (csrf(asked))
            (field("User name", html! { input name="user" autocomplete="off" required; }))
            (field("Name, as it is printed with signatures", html! { input name="name" autocomplete="off" required; }))
            (field("Discipline", html! { input name="discipline"; }))
            (role_and_site(view))
            (field("First password, which they must change", html! { input name="first" type="password" autocomplete="new-password" required; }))
            (field("Passphrase of the trial's root key", html! { input name="passphrase" type="password" autocomplete="off" required; }))
            p { button { "Name them" } }
        }
    }
}

fn sites(view: &View, administers: bool) -> Markup {
    let of = |site: &str, kind: Kind| -> Vec<String> {
        view.conduct
            .of_trial(kind)
            .filter(|entry| view.conduct.site_of(&entry.event) == Some(site))
            .map(|entry| super::audit::in_words(&entry.event.fact))
            .collect()
    };
    html! {
        @for site in site_ids(view) {
            details {
                summary { "Site " (site) }
                ul {
                    @for kind in [Kind::SiteOpened, Kind::SiteApproved, Kind::SiteReleased, Kind::SiteSettings, Kind::SiteClosed] {
                        @for line in of(site, kind) { li { (line) } }
                    }
                }
            }
        }
        @if administers {
            p {
                @for kind in [Kind::SiteOpened, Kind::SiteApproved, Kind::SiteReleased, Kind::SiteSettings, Kind::SiteClosed, Kind::ProtocolAdopted] {
                    a href={ "/record/" (kind.word()) } { (super::entry::capitalised(&crate::kinds::plain(kind))) } " "
                }
            }
        }
    }
}

fn grant_word(asked: &Asked) -> Result<String, Failed> {
    let role = asked.needed("role")?;
    Ok(asked.field("site").map_or_else(|| role.to_owned(), |site| format!("{role}@{site}")))
}

pub(crate) fn add(asked: &Asked) -> Answer {
    let user = asked.needed("user")?;
    let grant = match asked.field("role") {
        Some(_) => Some(grant_word(asked)?),
        None => None,
    };
    let person = NewPerson {
        user,
        name: Some(asked.needed("name")?),
        discipline: asked.field("discipline"),
        grants: grant.iter().map(String::as_str).collect(),
    };
    let first = (asked.secret("first"), asked.secret("passphrase"));
    asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Person)?;
        desk.person(&by, &person, Some(first))
    })?;
    Ok(asked
        .go_on("/people", format!("{user} is named, and changes the first password before anything else.")))
}

pub(crate) fn grant(asked: &Asked) -> Answer {
    let (user, grant) = (asked.part("user"), grant_word(asked)?);
    let person = NewPerson { user, name: None, discipline: None, grants: vec![&grant] };
    asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Person)?;
        desk.person(&by, &person, None)
    })?;
    Ok(asked.go_on("/people", format!("{user} has the role {grant}.")))
}

pub(crate) fn withdraw(asked: &Asked) -> Answer {
    let user = asked.part("user").to_owned();
    let word = asked.needed("role")?;
    let role =
        Role::of(word).ok_or_else(|| Failed::asked(format!("role: expected a role, found {word:?}")))?;
    let withdrawn = RoleWithdrawn {
        user: user.clone(),
        role,
        site: asked.field("site").map(str::to_owned),
        reason: asked.needed("reason")?.to_owned(),
    };
    asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::RoleWithdrawn)?;
        desk.stage(by.event(desk.now(), withdrawn))?;
        desk.commit(None)
    })?;
    Ok(asked.go_on("/people", format!("{user} has the role {word} no longer.")))
}

pub(crate) fn unlock(asked: &Asked) -> Answer {
    let user = asked.part("user");
    asked.at_desk(|desk| {
        let by = desk.administrator(asked.user().unwrap_or_default())?;
        desk.unlock(&by, user)
    })?;
    Ok(asked.go_on("/people", format!("{user} is unlocked.")))
}

pub(crate) fn reset(asked: &Asked) -> Answer {
    let user = asked.part("user");
    asked.at_desk(|desk| {
        let by = desk.administrator(asked.user().unwrap_or_default())?;
        desk.reset(&by, user, asked.secret("first"), asked.secret("passphrase"))
    })?;
    Ok(asked
        .go_on("/people", format!("{user} has a new key, and changes the password before anything else.")))
}

pub(crate) fn end_session(asked: &Asked) -> Answer {
    let number =
        asked.part("number").parse().map_err(|_| Failed::missing("expected the number of a session"))?;
    let user =
        asked.site.sessions.end(number).ok_or_else(|| Failed::missing("expected a session that lasts"))?;
    let by = asked.user().unwrap_or_default();
    let detail = format!("session ended by {by}");
    asked.at_desk(|desk| desk.note_access(&user, AccessKind::SignedOut, Some(&detail)))?;
    Ok(asked.go_on("/people", format!("The session of {user} is ended.")))
}
