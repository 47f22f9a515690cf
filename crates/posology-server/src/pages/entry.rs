//! Entry of data: a form for each kind of event, made from the schema of facts; what it would record, shown before it is
//! recorded; corrections; signatures.

mod fields;
mod meaning;

use axum::response::Response;
use maud::{Markup, html};
use posology_record::account::Components;
use posology_record::desk::{Desk, Draft, Undone};
use posology_trial::conduct::Flag;
use posology_trial::event::{Correction, Event, Fact, Kind, Meaning, Role, canonical};
use posology_trial::form::Form;
use posology_trial::permission::{Reach, allowed, awaits_signature, reach, who_may};
use serde_json::{Map, Value, json};

use super::audit::in_words;
use super::field;
use crate::View;
use crate::ask::{Answer, Asked, Failed};
use crate::kinds::{GROUPS, elsewhere, plain};
use crate::layout::{self, csrf};
use crate::session::hexadecimal;
use fields::{Known, typed};
pub(crate) use meaning::other_units;

/// The kinds that someone may record.
pub(crate) fn kinds(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let user = asked.user().unwrap_or_default();
    let fields = asked.fields();
    let subject = fields.iter().find(|(name, _)| name == "subject").map(|(_, subject)| subject.clone());
    let site = subject.as_deref().and_then(|subject| view.conduct.subject_site(subject));
    let may = |kind: &&Kind| {
        Role::ALL.into_iter().any(|role| match &subject {
            Some(_) => allowed(&view.conduct, user, role, site).contains(kind),
            None => reach(role, **kind) != Reach::Nowhere && !view.conduct.grants(user, role).is_empty(),
        })
    };
    let forms = Form::all();
    let about = subject.as_ref().map(|subject| format!("?{}", query(&[("subject", subject)])));
    let body = html! {
        @if let Some(subject) = &subject { p { "Of " a href={ "/patients/" (subject) } { (subject) } ":" } }
        @for (group, kinds) in GROUPS {
            @let offered: Vec<&Kind> = kinds.iter().filter(may).collect();
            @if !offered.is_empty() {
                h2 { (group) }
                ul .kinds {
                    @for kind in offered {
                        li {
                            @let page = elsewhere(*kind).map_or_else(|| format!("/record/{}{}", kind.word(), about.as_deref().unwrap_or_default()), str::to_owned);
                            a href=(page) { (plain(*kind)) }
                            span .hint { (forms.iter().find(|form| form.kind == *kind).map_or("", |form| form.says.as_str())) }
                        }
                    }
                }
            }
        }
    };
    Ok(layout::page(asked, &view, "/record", "Record", &body))
}

fn query(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

fn kind_of(asked: &Asked) -> Result<Kind, Failed> {
    let word = asked.part("kind");
    let kind = Kind::of(word).ok_or_else(|| {
        Failed::missing(format!(
            "expected a kind of event, found {word:?}; mend: choose one on the page Record"
        ))
    })?;
    match elsewhere(kind) {
        Some(page) => Err(Failed::missing(format!(
            "{}: expected a kind that is recorded by its fields, found one with a page of its own; mend: see {page}",
            plain(kind)
        ))),
        None => Ok(kind),
    }
}

/// The correction that a request is about, with the event that it corrects.
fn corrected<'a>(asked: &Asked, view: &'a View, named: &str) -> Result<&'a Event, Failed> {
    let reading = asked.reading(view);
    view.conduct
        .entry(named)
        .map(|entry| &entry.event)
        .filter(|event| reading.reads_event(&view.conduct, event))
        .ok_or_else(|| Failed::missing(format!("expected an event of this record, found {named:?}")))
}

/// An empty form, or one filled from the query or from the event that is to be corrected.
pub(crate) fn form(asked: &Asked) -> Answer {
    let kind = kind_of(asked)?;
    let view = asked.view()?;
    may_record(asked, &view, kind)?;
    let form = Form::of(kind);
    let mut given = asked.fields();
    let corrects = given.iter().find(|(name, _)| name == "corrects").map(|(_, hash)| hash.clone());
    if let Some(hash) = &corrects {
        let event = corrected(asked, &view, hash)?;
        if let Some(fields) = json!(event.fact)["body"].as_object() {
            given.extend(fields::written(&form, fields));
        }
    } else {
        let mut values = Map::new();
        for (name, value) in &given {
            if let Some(known) = form.field(name)
                && let Ok(value) = known.shape.read(name, value)
            {
                values.insert(name.clone(), value);
            }
        }
        let before = values.clone();
        asked.at_desk(|desk| desk.complete(kind, &mut values, None))?;
        values.retain(|name, _| !before.contains_key(name));
        given.extend(fields::written(&form, &values));
        given.extend(before.iter().flat_map(|(name, value)| {
            fields::written(&form, &Map::from_iter([(name.clone(), value.clone())]))
        }));
    }
    shown(asked, &view, &form, &given, None)
}

/// A permission that no role of theirs gives is refused before anything is typed.
fn may_record(asked: &Asked, view: &View, kind: Kind) -> Result<(), Failed> {
    if asked.may_record(view, &[kind]) {
        return Ok(());
    }
    Err(Failed::forbidden(format!(
        "{}: expected {}, found {}; mend: let one of them record it",
        plain(kind),
        who_may(kind),
        asked.user().unwrap_or("nobody")
    )))
}

fn value<'a>(given: &'a [(String, String)], name: &str) -> &'a str {
    given.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

fn shown(
    asked: &Asked,
    view: &View,
    form: &Form,
    given: &[(String, String)],
    refused: Option<&str>,
) -> Answer {
    let kind = form.kind;
    let user = asked.user().unwrap_or_default();
    let known = Known::of(view, &asked.reading(view), kind);
    let corrects = value(given, "corrects");
    let body = html! {
        p { (form.says) " Recorded by: " (who_may(kind)) "." }
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        form .entry method="post" action={ "/record/" (kind.word()) } {
            (csrf(asked))
            input type="hidden" name="client-key" value=(value(given, "client-key"));
            @for one in &form.fields { (fields::input(one, given, &known)) }
            fieldset {
                legend { "About this entry" }
                (roles(view, user, kind, value(given, "entry.role")))
                (field("Reason, where a rule asks for one", html! { input name="entry.because" value=(value(given, "entry.because")); }))
                @if !corrects.is_empty() {
                    input type="hidden" name="corrects" value=(corrects);
                    p { "Corrects event " (view.conduct.position(corrects)) ", which stays in the record and no longer stands." }
                    (field("Why the earlier event does not hold", html! { input name="entry.correction" value=(value(given, "entry.correction")) required; }))
                }
            }
            p { button name="entry.step" value="check" { "Check what will be recorded" } }
        }
        script src="/static/entry.js" defer {}
    };
    let title =
        if corrects.is_empty() { capitalised(&plain(kind)) } else { format!("Correct: {}", plain(kind)) };
    Ok(layout::page(asked, view, "/record", &title, &body))
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A choice of role, where several of theirs may record a kind.
pub(crate) fn roles(view: &View, user: &str, kind: Kind, chosen: &str) -> Markup {
    let able: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| reach(*role, kind) != Reach::Nowhere && !view.conduct.grants(user, *role).is_empty())
        .collect();
    html! {
        @if able.len() > 1 {
            (field("Role", html! {
                select name="entry.role" {
                    @for role in &able { option value=(role.word()) selected[role.word() == chosen] { (role.word().replace('-', " ")) } }
                }
            }))
        }
    }
}

/// What a form says: values, or what in them does not read.
fn read(asked: &Asked, view: &View, form: &Form) -> Result<Draft, Failed> {
    let mut values = fields::read(form, &asked.form)?;
    asked.at_desk(|desk| desk.complete(form.kind, &mut values, None))?;
    if let Some(missing) = form.missing(&values) {
        return Err(Failed::asked(format!(
            "{}: expected {}, found nothing; mend: fill it in",
            fields::label(&missing.name),
            missing.shape.looks().to_lowercase()
        )));
    }
    let fact = form.fact(&values).map_err(Failed::asked)?;
    let corrects = match asked.field("corrects") {
        Some(hash) => {
            corrected(asked, view, hash)?;
            let reason = asked.needed("entry.correction")?.to_owned();
            Some(Correction { hash: hash.to_owned(), reason })
        }
        None => None,
    };
    Ok(Draft { fact, reason: asked.field("entry.because").map(str::to_owned), corrects })
}

/// Checks a form and shows what it would record; or records it.
pub(crate) fn record(asked: &Asked) -> Answer {
    let kind = kind_of(asked)?;
    let view = asked.view()?;
    may_record(asked, &view, kind)?;
    let form = Form::of(kind);
    let again = |says: &str| shown(asked, &view, &form, &asked.form, Some(says));
    let draft = match read(asked, &view, &form) {
        Ok(draft) => draft,
        Err(failed) => return again(&failed.says),
    };
    let role = asked.field("entry.role");
    let step = asked.field("entry.step").unwrap_or("check");
    if step != "record" {
        let tried = asked.at_desk(|desk| {
            let by = asked.actor(desk, role, kind)?;
            Ok((desk.try_out(&draft, &by), desk.entropy::<16>()?))
        })?;
        return match tried {
            (Ok((event, flags)), entropy) => {
                checked(asked, &view, &event, &flags, &hexadecimal(&entropy), None)
            }
            (Err(undone), _) => again(&Failed::from(undone).says),
        };
    }
    let doubled = doubled(&view, kind, &draft.fact);
    if let Some(differs) = doubled.iter().find_map(|(name, first)| {
        let second = asked.field(&format!("again.{name}")).unwrap_or_default();
        (!typed(second, first)).then(|| {
            format!("{}: expected the same twice, found {first:?} and {second:?}; mend: look at the source and correct the wrong one", fields::label(name))
        })
    }) {
        let tried = asked.at_desk(|desk| {
            let by = asked.actor(desk, role, kind)?;
            desk.try_out(&draft, &by)
        })?;
        return checked(asked, &view, &tried.0, &tried.1, asked.secret("client-key"), Some(&differs));
    }
    let done = asked.at_desk(|desk| {
        let by = asked.actor(desk, role, kind)?;
        let command = asked.field("client-key").map(|key| draft.under(key, &by.user));
        let signed = signed(asked, desk)?;
        desk.record_draft(&draft, &by, signed, command.as_ref())
    });
    match done {
        Ok(recorded) => {
            let position = recorded.appended.last;
            let awaits = awaits_signature(kind).filter(|_| asked.field("meaning").is_none());
            let mut said = if recorded.appended.repeated {
                format!("Recorded before, as event {position}: nothing was added.")
            } else {
                format!("Recorded as event {position}: {}.", in_words(&draft.fact))
            };
            if let Some(who) = awaits {
                said.push_str(&format!(" It takes effect once signed by {who}."));
            }
            for flag in &recorded.flags {
                said.push_str(&format!(" Flag: {flag}."));
            }
            Ok(asked.go_on(&after(&draft.fact), said))
        }
        Err(failed) => {
            let tried = asked.at_desk(|desk| {
                let by = asked.actor(desk, role, kind)?;
                desk.try_out(&draft, &by)
            });
            match tried {
                Ok((event, flags)) => {
                    checked(asked, &view, &event, &flags, asked.secret("client-key"), Some(&failed.says))
                }
                Err(_) => again(&failed.says),
            }
        }
    }
}

/// The page to look at after a fact was recorded.
fn after(fact: &Fact) -> String {
    let review = json!(fact)["body"]["review"].as_u64();
    match (fact.subject(), review) {
        (Some(subject), _) => format!("/patients/{subject}"),
        (None, Some(review)) => format!("/reviews/{review}"),
        (None, None) => "/record".to_owned(),
    }
}

/// The fields of a fact that the protocol wants typed twice, as first typed: its quantities and results.
fn doubled(view: &View, kind: Kind, fact: &Fact) -> Vec<(String, String)> {
    let asked = view.analysis.protocol.entry.double.iter().any(|word| Kind::of(word) == Some(kind));
    if !asked {
        return Vec::new();
    }
    let form = Form::of(kind);
    let body = json!(fact);
    let measured = form.fields.iter().filter(|field| fields::is_measured(field));
    measured
        .filter_map(|field| {
            let value = body["body"][&field.name].as_str()?;
            Some((field.name.clone(), value.to_owned()))
        })
        .collect()
}

/// The signature that a form asks for, where it does: the password is shown again for it (21 CFR 11.200(a)(1)).
pub(crate) fn signed(
    asked: &Asked,
    desk: &mut Desk,
) -> Result<Option<(posology_record::account::Authenticated, Meaning)>, Undone> {
    let Some(word) = asked.field("meaning") else { return Ok(None) };
    let meaning = Meaning::ALL.into_iter().find(|meaning| meaning.word() == word).ok_or_else(|| {
        let known: Vec<&str> = Meaning::ALL.into_iter().map(Meaning::word).collect();
        Undone::Asked(format!(
            "meaning: expected one of {}, found {word:?}; mend: choose one",
            known.join(", ")
        ))
    })?;
    let user = asked.user().unwrap_or_default();
    let password = asked.secret("password");
    let components = match asked.session() {
        Some(signed_in) => Components::PasswordAlone { session: &signed_in.session },
        None => Components::All { code: asked.field("code") },
    };
    Ok(Some((desk.sign_in(user, password, components)?, meaning)))
}

/// What would be recorded, as it would stand, before it is.
fn checked(
    asked: &Asked,
    view: &View,
    event: &Event,
    flags: &[Flag],
    client_key: &str,
    refused: Option<&str>,
) -> Answer {
    let fact = &event.fact;
    let kind = fact.kind();
    let role = event.recorded_as.map_or("", Role::word);
    let name = view.conduct.person(&event.recorded_by).map_or("", |person| person.printed_name.as_str());
    let kept: Vec<&(String, String)> = asked
        .form
        .iter()
        .filter(|(name, _)| {
            !matches!(name.as_str(), "csrf" | "client-key" | "entry.step" | "password" | "meaning" | "code")
                && !name.starts_with("again.")
        })
        .collect();
    let doubled = doubled(view, kind, fact);
    let text = canonical(event).unwrap_or_default();
    let body = html! {
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        p { "This is what will be recorded. Nothing is recorded yet." }
        table {
            thead { tr { th scope="col" { "Field" } th scope="col" { "Recorded as" } th scope="col" { "Which is" } } }
            tbody {
                @for (name, value) in meaning::rows(fact) {
                    tr { th scope="row" { (fields::label(&name)) } td { (value.shown) } td { (value.means) } }
                }
                tr { th scope="row" { "Recorded by" } td { (event.recorded_by) ", " (role.replace('-', " ")) } td { (name) } }
                tr { th scope="row" { "Recorded at" } td { (event.recorded_at) } td { (meaning::instant(&event.recorded_at.to_string(), event.local_offset.as_deref())) } }
                @if let Some(reason) = &event.reason { tr { th scope="row" { "Reason" } td { (reason) } td {} } }
                @if let Some(correction) = &event.corrects { tr { th scope="row" { "Corrects" } td { "event " (view.conduct.position(&correction.hash)) } td { (correction.reason) } } }
            }
        }
        @for doubt in meaning::doubts(fact) { p .flag { (doubt) } }
        @for flag in flags { p .flag { "It will stand with a flag: " (flag.to_string()) " " code { (flag.rule) } } }
        form .entry method="post" action={ "/record/" (kind.word()) } {
            (csrf(asked))
            @for (name, value) in kept { input type="hidden" name=(name) value=(value); }
            input type="hidden" name="client-key" value=(client_key);
            @if !doubled.is_empty() {
                fieldset {
                    legend { "Type these again, from the source" }
                    p .hint { "The protocol asks for double entry of what is measured." }
                    @for (name, _) in &doubled { (field(&fields::label(name), html! { input name={ "again." (name) } autocomplete="off" required; })) }
                }
            }
            (signature(kind))
            p {
                button name="entry.step" value="record" { "Record it" }
            }
        }
        details {
            summary { "The bytes that will be signed and hashed" }
            p .hint { "The time of recording is set anew when it is recorded." }
            pre { (text) }
        }
        script src="/static/entry.js" defer {}
    };
    Ok(layout::page(asked, view, "/record", &format!("Check: {}", plain(kind)), &body))
}

/// The fields of a signature.
fn signature(kind: Kind) -> Markup {
    let usual = match kind {
        Kind::WrittenDirective | Kind::Recommendation | Kind::SponsorDecision => Some(Meaning::Approval),
        _ => None,
    };
    html! {
        fieldset {
            legend { @if usual.is_some() { "Signature: it takes effect once signed" } @else { "Signature (may be left out)" } }
            (field("What the signature means", html! {
                select name="meaning" {
                    option value="" { "not signed now" }
                    @for meaning in Meaning::ALL { option value=(meaning.word()) selected[Some(meaning) == usual] { (meaning.word()) } }
                }
            }))
            (field("Your password", html! { input name="password" type="password" autocomplete="current-password"; }))
        }
    }
}

/// An event to be signed.
pub(crate) fn sign_page(asked: &Asked) -> Answer {
    sign_shown(asked, None)
}

fn sign_shown(asked: &Asked, refused: Option<&str>) -> Answer {
    let view = asked.view()?;
    let hash = asked.part("event");
    let event = corrected(asked, &view, hash)?;
    let user = asked.user().unwrap_or_default();
    let body = html! {
        @if let Some(refused) = refused { p .flag role="alert" { (refused) } }
        p { "To be signed: event " (view.conduct.position(hash)) ", recorded by " (event.recorded_by) " at " (event.recorded_at) "." }
        table {
            thead { tr { th scope="col" { "Field" } th scope="col" { "Recorded as" } th scope="col" { "Which is" } } }
            tbody {
                @for (name, value) in meaning::rows(&event.fact) {
                    tr { th scope="row" { (fields::label(&name)) } td { (value.shown) } td { (value.means) } }
                }
            }
        }
        p { "Its hash, over every event before it: " code { (hash) } }
        form .entry method="post" action={ "/sign/" (hash) } {
            (csrf(asked))
            fieldset {
                legend { "Signature" }
                (roles(&view, user, Kind::Signature, ""))
                (field("What the signature means", html! {
                    select name="meaning" { @for meaning in Meaning::ALL { option value=(meaning.word()) selected[meaning == Meaning::Approval] { (meaning.word()) } } }
                }))
                (field("Your password", html! { input name="password" type="password" autocomplete="current-password" required; }))
            }
            p { button { "Sign" } }
        }
    };
    Ok(layout::page(asked, &view, "/record", &format!("Sign: {}", plain(event.fact.kind())), &body))
}

pub(crate) fn sign(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let hash = asked.part("event").to_owned();
    let fact = corrected(asked, &view, &hash)?.fact.clone();
    let done = asked.at_desk(|desk| {
        let user = asked.user().unwrap_or_default();
        let role = desk.role(user, asked.field("entry.role"), Kind::Signature)?;
        let (authenticated, meaning) = signed(asked, desk)?.ok_or_else(|| {
            Undone::Asked("meaning: expected what the signature means; mend: choose it".to_owned())
        })?;
        desk.sign(authenticated, role, meaning, &hash)
    });
    match done {
        Ok(recorded) => {
            let said = format!("Signed, as event {}.", recorded.appended.last);
            Ok(rotated(asked, asked.go_on(&after(&fact), said)))
        }
        Err(failed) => sign_shown(asked, Some(&failed.says)),
    }
}

/// After a signature the session goes on under a new secret.
pub(crate) fn rotated(asked: &Asked, mut response: Response) -> Response {
    let Some(signed_in) = asked.session() else { return response };
    if let Ok(entropy) = asked.at_desk(|desk| desk.entropy::<32>())
        && let Some(secret) = asked.site.sessions.rotate(signed_in.number, &entropy)
    {
        super::sign_in::set_cookie(&mut response, asked, &secret);
    }
    response
}

/// A value as JSON has it, in words.
pub(crate) fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(all) => all.iter().map(shown_value).collect::<Vec<_>>().join("; "),
        Value::Object(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .map(|(name, value)| format!("{}: {}", name.replace('-', " "), shown_value(value)))
                .collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}
