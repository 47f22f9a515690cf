//! Reviews: freeze a cut, read the packet, see what changed, vote, recommend, sign, decide; closed sessions apart.

use axum::response::{Html, IntoResponse as _};
use maud::{Markup, html};
use posology_record::desk::{Freezing, Frozen, Undone, VoteCast};
use posology_report::packet::{self, ProgramVersion};
use posology_trial::analysis::Analysis;
use posology_trial::committee::{Review, Step, departures, may_vote, packet_digest, review, reviews};
use posology_trial::cut::Cut;
use posology_trial::event::{
    Choice, Closed, DataCut, Entry, Kind, Meaning, Minutes, PacketFile, PacketFrozen, Recommended, Role,
    SessionKind, sha256,
};
use posology_trial::follow::effect;
use posology_trial::form::{Form, Shape};
use posology_trial::permission::{Matter, Reach};
use serde_json::json;

use super::{entry, field};
use crate::View;
use crate::ask::{Answer, Asked, Failed};
use crate::layout::{self, csrf};

/// How many people came to a meeting: each sits in several sessions.
fn people_at(meeting: &posology_trial::event::Meeting) -> usize {
    meeting.attendance.iter().map(|one| one.user.as_str()).collect::<std::collections::BTreeSet<_>>().len()
}

fn program() -> ProgramVersion {
    ProgramVersion { name: "posology".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// Every review, where committee or sponsor departed, and who signed.
pub(crate) fn list(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Reviews)?;
    let departures = departures(&view.conduct);
    let body = html! {
        @if view.board.reviews.is_empty() { p { "No review is recorded." } } @else {
            table {
                thead { tr { th scope="col" { "Review" } th scope="col" { "Cohort" } th scope="col" { "Cut-off" } th scope="col" { "Packet" } th scope="col" .n { "Voted" } th scope="col" { "Stands" } } }
                tbody {
                    @for review in &view.board.reviews {
                        tr {
                            th scope="row" { a href={ "/reviews/" (review.number) } { "Review " (review.number) } }
                            td { (review.cohort.as_deref().unwrap_or("the trial")) }
                            td { @if let Some(cut_off) = review.cut_off { (cut_off) } }
                            td { code { (review.packet.as_deref().and_then(|hash| hash.get(..12)).unwrap_or("–")) } }
                            td .n { (review.voted.len()) }
                            td { @if review.next.is_some() { "awaits " (review.awaits) } @else { "decided" } }
                        }
                    }
                }
            }
        }
        (freeze_form(asked, &view, None))
        h2 { "Rule, committee, sponsor" }
        @if departures.is_empty() { p { "The committee followed the rule, and the sponsor the committee, in every review." } }
        ul .reasons {
            @for departure in &departures {
                li {
                    "Review " (departure.review) ": the rule advised " em { (departure.advised.replace('`', "")) } "; the committee recommended "
                    strong { (word(departure.recommended)) } ", because: " (departure.reason)
                    @if let Some(decided) = &departure.decided { " The sponsor decided otherwise: " (decided) }
                }
            }
        }
        h2 { "Signatures" }
        table {
            thead { tr { th scope="col" { "Signed" } th scope="col" { "By" } th scope="col" { "As" } th scope="col" { "Meaning" } th scope="col" { "At, UTC" } } }
            tbody {
                @for signed in &view.analysis.signatures {
                    tr { td { (signed.what) } td { (signed.printed_name) } td { (signed.role.word()) } td { (signed.meaning.word()) } td { (signed.at) } }
                }
            }
        }
        h2 { "Packets as of now" }
        p .hint { "Composed of the whole record at its end; what a review rests on is the packet frozen with its cut." }
        ul { @for cohort in &view.analysis.cohorts { @if cohort.opened.is_some() { li { a href={ "/packet/" (cohort.id) } { "Cohort " (cohort.id) ", " (cohort.label) } } } } }
    };
    Ok(layout::page(asked, &view, "/reviews", "Reviews", &body))
}

/// A word of the record in words, such as `change schedule`.
fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().replace('-', " ")
}

fn freeze_form(asked: &Asked, view: &View, number: Option<u32>) -> Markup {
    if !asked.may_record(view, &[Kind::DataCut]) {
        return html! {};
    }
    let usual = view.analysis.cohort_to_review().map(|cohort| cohort.id.as_str());
    html! {
        h2 { "Freeze a cut" }
        form method="post" action="/reviews/freeze" {
            (csrf(asked))
            @if let Some(number) = number { input type="hidden" name="review" value=(number); }
            label { "Cohort" select name="cohort" { @for cohort in &view.analysis.cohorts { option value=(cohort.id) selected[Some(cohort.id.as_str()) == usual] { (cohort.id) ", " (cohort.label) } } } }
            label { "Cut-off (may be left out: the end of the day of the last fact)" input name="cut-off" placeholder="2019-05-03"; }
            label { "Prepared by" input name="prepared-by"; }
            label { "Reason, where one was frozen before" input name="because"; }
            button { "Freeze cut and packet" }
        }
    }
}

fn number(asked: &Asked) -> Result<u32, Failed> {
    let found = asked.part("number");
    found.parse().map_err(|_| Failed::missing(format!("expected the number of a review, found {found:?}")))
}

/// A review of the record.
fn known(asked: &Asked, view: &View) -> Result<u32, Failed> {
    let number = number(asked)?;
    if reviews(&view.conduct).contains(&number) {
        return Ok(number);
    }
    Err(Failed::missing(format!("expected a review of this trial, found {number}")))
}

/// One review: its steps, what changed since the last, and what may be done next by whoever looks.
pub(crate) fn one(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Reviews)?;
    let number = known(asked, &view)?;
    let conduct = &view.conduct;
    let standing = review(conduct, number);
    let cohort = standing.cut.and_then(|(_, cut)| cut.cohort.as_deref()).unwrap_or("the trial");
    let user = asked.user().unwrap_or_default();
    let body = html! {
        dl {
            dt { "Cohort" } dd { (cohort) }
            dt { "Awaits" } dd { @if let Some(step) = standing.next { (step.awaited()) } @else { "nothing: decided" } }
            @if let Some((entry, cut)) = standing.cut {
                dt { "Cut" } dd { "cut-off " (cut.cut.cut_off) ", " (cut.cut.position) " events, head " code { (cut.cut.head.get(..12).unwrap_or_default()) } ", frozen by " (entry.event.recorded_by) }
                @if let Some(advice) = &cut.advice { dt { "The rule advised" } dd { (advice.replace('`', "")) } }
            }
            @if let Some((_, frozen)) = standing.packet {
                dt { "Packet" } dd {
                    a href={ "/packet/review-" (number) } { "Read it" } ", " (frozen.files.len()) @if frozen.files.len() == 1 { " file" } @else { " files" } ", digest "
                    code { (packet_digest(&frozen.files).unwrap_or_default()) }
                }
            }
            @if let Some((_, meeting)) = standing.meeting {
                dt { "Meeting" } dd { (meeting.date) ", " (people_at(meeting)) " attended" }
            }
            dt { "Voted" } dd { @if standing.voted.is_empty() { "nobody yet" } @else { (standing.voted.join(", ")) } }
            @if let Some((entry, recommendation)) = standing.recommendation {
                dt { "Recommended" } dd { (recommended(&view, entry, &word(recommendation.recommended), &recommendation.reason)) (sign_link(asked, &view, entry, Role::CommitteeMember, "the chair")) }
            }
            @if let Some((entry, decision)) = standing.decision {
                dt { "Decided" } dd { (recommended(&view, entry, &word(decision.answer), &decision.reason)) (sign_link(asked, &view, entry, Role::Sponsor, "the sponsor")) }
            }
        }
        (next(asked, &view, &standing, user))
        @if reading.reach(Matter::ClosedSessions) != Reach::Nowhere {
            p { a href={ "/reviews/" (number) "/closed" } { "The closed session: votes and minutes, for members alone" } }
        }
        (changed(&view, number)?)
        (superseded(asked, &view, &standing))
    };
    Ok(layout::page(asked, &view, "/reviews", &format!("Review {number} of {cohort}"), &body))
}

fn recommended(view: &View, entry: &Entry, what: &str, reason: &str) -> Markup {
    html! {
        strong { (what) } " " (reason)
        (super::patients::signatures(view, entry))
    }
}

/// The way to sign, for whom it awaits.
fn sign_link(asked: &Asked, view: &View, entry: &Entry, role: Role, who: &str) -> Markup {
    if view.conduct.is_signed(&entry.hash, role, Meaning::Approval) {
        return html! {};
    }
    let user = asked.user().unwrap_or_default();
    html! {
        " " span .flag { "takes effect once signed by " (who) }
        @if !view.conduct.grants(user, role).is_empty() { " " a .button href={ "/sign/" (entry.hash) } { "Sign it" } }
    }
}

/// What may be done next, by whoever looks.
fn next(asked: &Asked, view: &View, standing: &Review<'_>, user: &str) -> Markup {
    let number = standing.number;
    let link = |kind: Kind, says: &str| {
        html! { @if asked.may_record(view, &[kind]) { a .button href={ "/record/" (kind.word()) "?review=" (number) } { (says) } " " } }
    };
    let open = standing.next.is_some() && standing.recommendation.is_none();
    let votes = standing.packet.is_some() && open && asked.may_record(view, &[Kind::Sealed]);
    html! {
        p .acts {
            @if standing.packet.is_some() && open {
                (link(Kind::Meeting, "Record the meeting"))
                (link(Kind::Recusal, "Record a recusal"))
                (link(Kind::Minutes, "Minutes of the open session"))
            }
            @if matches!(standing.next, Some(Step::Recommendation)) { (link(Kind::Recommendation, "Record the recommendation")) }
            @if matches!(standing.next, Some(Step::Decision)) { (link(Kind::SponsorDecision, "Record the sponsor's decision")) }
            @if standing.next.is_none() {
                @if asked.may_record(view, &[Kind::CohortOpened]) { (open_link(view, standing)) }
            }
        }
        @if votes {
            @match may_vote(&view.conduct, number, user) {
                Ok(()) => (vote_form(asked, view, number)),
                Err(why) => p .hint { "You cannot vote now: " (why) "." },
            }
        }
    }
}

/// The way to open the cohort that was decided on.
fn open_link(view: &View, standing: &Review<'_>) -> Markup {
    if standing.decision.is_none() {
        return html! {};
    }
    let recommended =
        standing.recommendation.and_then(|(_, recommendation)| recommendation.next_cohort.as_deref());
    let Some(cohort) = recommended.filter(|cohort| !view.conduct.is_cohort_open(cohort)) else {
        return html! {};
    };
    let query = serde_urlencoded::to_string([("cohort", cohort)]).unwrap_or_default();
    html! { a .button href={ "/record/cohort-opened?" (query) } { "Open cohort " (cohort) } }
}

fn words_of(name: &str, kind: Kind) -> Vec<(String, String)> {
    let form = Form::of(kind);
    match form.field(name).map(|field| field.shape.clone()) {
        Some(Shape::OneOf(words)) => words,
        _ => Vec::new(),
    }
}

fn vote_form(asked: &Asked, view: &View, number: u32) -> Markup {
    html! {
        h2 { "Vote" }
        p { "Your vote is sealed: the record tells that you voted, and how stays with the committee until the database is locked." }
        form .entry method="post" action={ "/reviews/" (number) "/vote" } {
            (csrf(asked))
            (field("The recommendation voted on", html! {
                select name="motion" required { option value="" { "–" } @for (word, says) in words_of("recommended", Kind::Recommendation) { option value=(word) { (word.replace('-', " ")) ": " (says) } } }
            }))
            (field("The cohort that it would open", html! {
                select name="next-cohort" { option value="" { "none" } @for cohort in &view.analysis.protocol.cohort { option value=(cohort.id) { (cohort.id) } } }
            }))
            fieldset {
                legend { "Your vote" }
                @for choice in ["for", "against", "abstain"] { label .choice { input type="radio" name="choice" value=(choice) required; (choice) } }
            }
            label .choice { input type="checkbox" name="written" value="yes"; "Cast in writing, after the meeting" }
            (field("Your password", html! { input name="password" type="password" autocomplete="current-password" required; }))
            p { button { "Cast the vote" } }
        }
    }
}

/// What changed in patients and advice since the review before.
fn changed(view: &View, number: u32) -> Result<Markup, Failed> {
    let cut_of = |number: u32| review(&view.conduct, number).cut.map(|(_, cut)| cut.cut.clone());
    let Some(cut) = cut_of(number) else { return Ok(html! {}) };
    let before = reviews(&view.conduct).into_iter().rev().find(|other| *other < number);
    let Some(before) = before else {
        return Ok(html! { h2 { "What changed" } p { "This is the first review." } });
    };
    let earlier = cut_of(before).map(|cut| at(view, &cut)).transpose()?;
    let now = at(view, &cut)?;
    let effects = effect(earlier.as_ref(), &now);
    Ok(html! {
        h2 { "What changed since review " (before) }
        @if effects.is_empty() { p { "Nothing in DLT status, evaluability or advice." } } @else {
            table {
                thead { tr { th scope="col" { "On" } th scope="col" { "What" } th scope="col" { "Then" } th scope="col" { "Now" } th scope="col" { "Because" } } }
                tbody {
                    @for effect in &effects {
                        tr {
                            th scope="row" { (effect.on) } td { (effect.what) }
                            td { (effect.before.as_deref().unwrap_or("–")) } td { (effect.after.as_deref().unwrap_or("–")) }
                            td { (effect.because.join("; ").replace('`', "")) }
                        }
                    }
                }
            }
        }
    })
}

/// The analysis at a cut, by the protocol in force then.
fn at(view: &View, cut: &Cut) -> Result<Analysis, Failed> {
    let adopted = view
        .conduct
        .adopted()
        .iter()
        .rev()
        .find(|adopted| view.conduct.position(&adopted.hash) <= cut.position);
    let (protocol, sha256) = match adopted {
        Some(adopted) => (&adopted.protocol, adopted.sha256.as_str()),
        None => (&view.analysis.protocol, ""),
    };
    Analysis::of(protocol, sha256, view.conduct.chain(), cut).map_err(Failed::fault)
}

/// A cut that is to take the place of this one, before a recommendation rests on it.
fn superseded(asked: &Asked, view: &View, standing: &Review<'_>) -> Markup {
    if standing.recommendation.is_some() {
        html! {}
    } else {
        freeze_form(asked, view, Some(standing.number))
    }
}

/// Freezes a cut and binds the packet to it.
pub(crate) fn freeze(asked: &Asked) -> Answer {
    let number = match asked.field("review") {
        Some(number) => Some(number.parse().map_err(|_| Failed::asked("review: expected a number"))?),
        None => None,
    };
    let (number, frozen) = frozen(
        asked,
        number,
        asked.field("cohort"),
        asked.field("cut-off"),
        asked.field("because"),
        asked.field("prepared-by"),
    )?;
    let said = match frozen.recorded {
        Some(recorded) => {
            format!("Cut and packet of review {number} are frozen, up to event {}.", recorded.appended.last)
        }
        None => format!("Cut and packet of review {number} stand in the record already: nothing was added."),
    };
    Ok(asked.go_on(&format!("/reviews/{number}"), said))
}

/// Freezes a cut: the packet is composed of what stands, and recorded upon it if nothing came in between.
pub(crate) fn frozen(
    asked: &Asked,
    number: Option<u32>,
    cohort: Option<&str>,
    cut_off: Option<&str>,
    because: Option<&str>,
    prepared_by: Option<&str>,
) -> Result<(u32, Frozen), Failed> {
    let cut_off = cut_off
        .map(|text| {
            posology_trial::cut::cut_off(text).ok_or_else(|| {
                Failed::asked(format!("cut-off: expected a day such as 2019-05-03 or a time with its offset, found {text:?}; mend: write it so"))
            })
        })
        .transpose()?;
    asked.at_desk(|desk| {
        let freezing: Freezing = desk.freezing(number, cohort, cut_off)?;
        let adopted = desk.conduct().adopted().last();
        let adopted =
            adopted.ok_or_else(|| Undone::Asked("expected an adopted protocol, found none".to_owned()))?;
        let chain = desk.record().chain();
        let analysis = Analysis::of(&adopted.protocol, &adopted.sha256, chain, &freezing.cut)
            .map_err(|error| Undone::Asked(error.to_string()))?;
        let under_review = match cohort {
            Some(id) => analysis.cohort(id),
            None => analysis.cohort_to_review(),
        };
        let under_review = under_review.ok_or_else(|| {
            Undone::Asked(
                "cohort: expected one of the protocol with a treated patient; mend: name one".to_owned(),
            )
        })?;
        let packet = packet::compose(&analysis, &under_review.id, &program(), Some(freezing.review))
            .map_err(|error| Undone::Asked(error.to_string()))?;
        let files = packet.files().map_err(|error| Undone::Fault(error.to_string()))?;
        let files =
            files.into_iter().map(|(name, bytes)| PacketFile { name, sha256: sha256(&bytes) }).collect();
        let cut = DataCut {
            review: freezing.review,
            cohort: Some(under_review.id.clone()),
            cut: freezing.cut.clone(),
            advice: under_review.advice_in_words(),
        };
        let packet =
            PacketFrozen { review: freezing.review, files, prepared_by: prepared_by.map(str::to_owned) };
        let by = asked.actor(desk, None, Kind::DataCut)?;
        let done = desk.freeze(&by, &freezing, cut, because.map(str::to_owned), packet)?;
        Ok((freezing.review, done))
    })
}

/// The closed session of a review.
pub(crate) fn closed(asked: &Asked) -> Answer {
    closed_shown(asked, None)
}

fn closed_shown(asked: &Asked, tally: Option<&Markup>) -> Answer {
    let (view, _) = asked.reads(Matter::ClosedSessions)?;
    let number = known(asked, &view)?;
    let standing = review(&view.conduct, number);
    let body = html! {
        p .notice role="note" { "Closed session: for members of the committee alone. Nothing on this page leaves it before the database is locked." }
        h2 { "Votes" }
        p { (standing.voted.len()) " voted" @if !standing.voted.is_empty() { ": " (standing.voted.join(", ")) } "." }
        @if let Some(tally) = tally { (tally) }
        form method="post" action={ "/reviews/" (number) "/tally" } {
            (csrf(asked))
            button { "Count the votes" }
            span .hint { " That they were read is recorded." }
        }
        h2 { "Minutes of a closed session" }
        form .entry method="post" action={ "/reviews/" (number) "/minutes" } {
            (csrf(asked))
            (field("Session", html! { select name="session" { option value="closed" { "closed" } option value="executive" { "executive" } } }))
            (field("Minutes", html! { textarea name="text" rows="8" required {} }))
            (field("Action items, one a line", html! { textarea name="actions" rows="3" {} }))
            (field("Your password", html! { input name="password" type="password" autocomplete="current-password" required; }))
            p { button { "Seal the minutes" } }
        }
        @if view.conduct.of_trial(Kind::DatabaseLocked).next().is_some() {
            h2 { "Release" }
            form method="post" action="/reviews/release" {
                (csrf(asked))
                button { "Release every vote and closed minutes" }
                span .hint { " The database is locked: what was sealed may be opened, in the record, for everyone." }
            }
        }
        p { a href={ "/reviews/" (number) } { "To the open part of the review" } }
    };
    Ok(layout::page(asked, &view, "/reviews", &format!("Review {number}: closed session"), &body))
}

fn read_word<T: serde::de::DeserializeOwned>(asked: &Asked, name: &str) -> Result<T, Failed> {
    let found = asked.needed(name)?;
    serde_json::from_value(json!(found)).map_err(|_| {
        Failed::asked(format!("{name}: expected one of the words offered, found {found:?}; mend: choose one"))
    })
}

/// Votes and minutes take the password again: nobody votes at a desk that another left.
fn again(asked: &Asked) -> Result<(), Failed> {
    use posology_record::account::Components;
    let user = asked.user().unwrap_or_default().to_owned();
    let components = match asked.session() {
        Some(signed_in) => Components::PasswordAlone { session: &signed_in.session },
        None => Components::All { code: asked.field("code") },
    };
    asked.at_desk(|desk| desk.sign_in(&user, asked.secret("password"), components)).map(|_| ())
}

pub(crate) fn vote(asked: &Asked) -> Answer {
    let number = number(asked)?;
    let recorded = cast(asked, number)?;
    let said = format!("Your vote on review {number} is cast and sealed, as event {recorded}.");
    Ok(entry::rotated(asked, asked.go_on(&format!("/reviews/{number}"), said)))
}

/// Casts the vote that a form or a body says; its position.
pub(crate) fn cast(asked: &Asked, review: u32) -> Result<u64, Failed> {
    let motion: Recommended = read_word(asked, "motion")?;
    let choice: Choice = read_word(asked, "choice")?;
    let next_cohort = asked.field("next-cohort").map(str::to_owned);
    let written = asked.field("written") == Some("yes");
    again(asked)?;
    let recorded = asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Sealed)?;
        desk.vote(&by, VoteCast { review, motion, next_cohort, choice, written })
    })?;
    Ok(recorded.appended.last)
}

pub(crate) fn minutes(asked: &Asked) -> Answer {
    let number = number(asked)?;
    let session: SessionKind = read_word(asked, "session")?;
    let text = asked.needed("text")?.to_owned();
    let actions: Vec<String> = asked
        .field("actions")
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    again(asked)?;
    let minutes = Minutes { review: number, session, text, actions };
    asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Sealed)?;
        desk.seal(&by, Closed::Minutes(minutes))
    })?;
    Ok(asked.go_on(&format!("/reviews/{number}/closed"), "The minutes are sealed."))
}

/// Releases what was sealed, once the database is locked.
pub(crate) fn release(asked: &Asked) -> Answer {
    let released = asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Unsealed)?;
        desk.unseal(&by)
    })?;
    let said = format!("{} votes and {} minutes are released.", released.votes, released.minutes);
    Ok(asked.go_on("/reviews", said))
}

pub(crate) fn tally(asked: &Asked) -> Answer {
    let number = number(asked)?;
    let tally = asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Sealed)?;
        desk.tally(&by, number)
    })?;
    let [for_it, against, abstained] = tally.votes;
    let counted = html! {
        p .said role="status" {
            (for_it) " for, " (against) " against, " (abstained) " abstained."
            @if let Some(casting) = tally.casting { " The chair's casting vote: " (word(casting)) "." }
        }
    };
    closed_shown(asked, Some(&counted))
}

/// The packet of a cohort at the end of the record, as `review` writes it; of `review-3`, the one frozen then.
pub(crate) fn packet(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Reviews)?;
    let named = asked.part("cohort");
    if let Some(number) = named.strip_prefix("review-").and_then(|number| number.parse::<u32>().ok()) {
        return frozen_packet(&view, number);
    }
    let packet = packet::compose(&view.analysis, named, &program(), None)
        .map_err(|error| Failed::missing(error.to_string()))?;
    Ok(Html(posology_report::html::write(&packet.document)).into_response())
}

/// The packet of a cohort at the end of the record, as data.
pub(crate) fn packet_as_data(view: &View, cohort: &str) -> Result<serde_json::Value, Failed> {
    let packet = packet::compose(&view.analysis, cohort, &program(), None)
        .map_err(|error| Failed::missing(error.to_string()))?;
    Ok(packet.json())
}

/// The packet of a review as its cut gives it, with its hash held against the record.
fn frozen_packet(view: &View, number: u32) -> Answer {
    let standing = review(&view.conduct, number);
    let (Some((_, cut)), Some((_, frozen))) = (standing.cut, standing.packet) else {
        return Err(Failed::missing(format!("expected a review with a packet, found review {number}")));
    };
    let cohort = cut.cohort.as_deref().unwrap_or_default();
    let analysis = at(view, &cut.cut)?;
    let packet = packet::compose(&analysis, cohort, &program(), Some(number))
        .map_err(|error| Failed::missing(error.to_string()))?;
    let html = posology_report::html::write(&packet.document);
    let json = format!("{:#}\n", packet.json());
    let holds = |name: &str, bytes: &[u8]| {
        frozen.files.iter().find(|file| file.name == name).map(|file| file.sha256 == sha256(bytes))
    };
    match holds("packet.html", html.as_bytes()).or_else(|| holds("packet.json", json.as_bytes())) {
        Some(false) => Err(Failed::new(
            axum::http::StatusCode::CONFLICT,
            format!(
                "review {number}: expected the packet whose hashes stand in the record, found other bytes: this program is another version than the one that froze it; mend: read the files that were handed out then"
            ),
        )),
        _ => Ok(Html(html).into_response()),
    }
}
