//! What the pages show and do, as data under `/api/v1`. Problems are `application/problem+json` (RFC 9457) in the words of
//! the pages and the commands. A request with a body of JSON is read as the form of the same page would be.

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use posology_record::desk::Draft;
use posology_trial::board::Board;
use posology_trial::committee::{packet_digest, review, reviews};
use posology_trial::conduct::Flag;
use posology_trial::dosing::Course;
use posology_trial::event::{Correction, Entry, Fact, Kind, canonical, json_schema};
use posology_trial::follow::{Effect, RowChange};
use posology_trial::form::{Form, Shape};
use posology_trial::permission::{Matter, reach, who_may};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::View;
use crate::ask::{Answer, Asked, Failed, wait};
use crate::pages::audit::{PAGE, Search, checked};
use crate::pages::entry::{other_units, signed};
use crate::pages::lab::{Asked as Lab, refused};
use crate::pages::patients::find;
use crate::pages::{import, reviews as review_pages};
use crate::routes::{Documented, Endpoint, Gate};
use crate::token::{self, Scope, Token};

/// Most of a list in one answer.
const MOST: usize = 1000;

const CURSOR: &[(&str, &str, &str)] = &[
    ("after", "Only those after this id, for the next page", "string"),
    ("limit", "Most in one answer, up to 1000 (100)", "integer"),
];
const SEARCH: &[(&str, &str, &str)] = &[
    ("by", "Who recorded it, a user name", "string"),
    ("kind", "Kind of event, such as assay", "string"),
    ("subject", "Subject", "string"),
    ("from", "Recorded on this day or later, UTC", "string"),
    ("to", "Recorded on this day or earlier, UTC", "string"),
    ("text", "Words that the event holds", "string"),
    ("before", "Only events before this position, for the next page", "integer"),
    ("limit", "Most in one answer, up to 1000 (100)", "integer"),
];
const LAB: &[(&str, &str, &str)] = &[
    ("design", "Name of the design, such as boin", "string"),
    ("target", "Target DLT rate", "number"),
    ("cohort-size", "Patients in a cohort", "integer"),
    ("max-patients", "Most patients", "integer"),
    ("truth", "Supposed DLT rate at each level, with commas", "string"),
    ("toml", "The design as TOML, in place of the settings above", "string"),
];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let read = |path, gate, answer: fn(&Asked) -> Answer, says, query, schema| Endpoint {
        method: Method::GET,
        path,
        gate,
        answer,
        documented: Some(Documented {
            says,
            query,
            body: None,
            answer: Some(schema),
            media: "application/json",
        }),
    };
    let write = |path, gate, answer: fn(&Asked) -> Answer, says, query, body, schema| Endpoint {
        method: Method::POST,
        path,
        gate,
        answer,
        documented: Some(Documented { says, query, body, answer: Some(schema), media: "application/json" }),
    };
    vec![
        read("/api/v1/me", Gate::SignedIn, me, "Who asks, with their roles", &[], any),
        read(
            "/api/v1/programme",
            Gate::Reads(Matter::Board),
            programme,
            "The programme of which the trial is one: products, trials, designations, promises; safety over all trials for those who read every patient. 404 where no programme is served",
            &[(
                "as_of",
                "Day by which promises are judged, such as 2019-05-31; the register's own where it is left out",
                "string",
            )],
            any,
        ),
        read(
            "/api/v1/board",
            Gate::Reads(Matter::Board),
            board,
            "The board: cohorts, what is awaited, reviews, places, holds, flags",
            &[],
            of::<Board>,
        ),
        read(
            "/api/v1/patients",
            Gate::Reads(Matter::Patients),
            patients,
            "Patients, by subject",
            CURSOR,
            any,
        ),
        read(
            "/api/v1/patients/{subject}",
            Gate::Reads(Matter::Patients),
            patient,
            "A patient: exposure, DLT status with its reasons, best response",
            &[],
            any,
        ),
        read(
            "/api/v1/patients/{subject}/dosing",
            Gate::Reads(Matter::Patients),
            dosing,
            "A patient's dosing sheets, line by line",
            &[],
            any,
        ),
        read("/api/v1/events", Gate::Reads(Matter::Audit), events, "Events, the latest first", SEARCH, any),
        read(
            "/api/v1/events/{hash}",
            Gate::Reads(Matter::Audit),
            event,
            "An event with its signatures",
            &[],
            any,
        ),
        write(
            "/api/v1/events",
            Gate::SignedIn,
            record,
            "Records a fact; with dry-run=true, says what recording it would do",
            &[("dry-run", "true to record nothing", "boolean")],
            Some(draft),
            recorded_schema,
        ),
        write(
            "/api/v1/events/{hash}/signatures",
            Gate::Records(&[Kind::Signature]),
            sign,
            "Signs an event; takes the password",
            &[],
            Some(of::<Signing>),
            recorded_schema,
        ),
        read(
            "/api/v1/forms",
            Gate::SignedIn,
            forms,
            "The kinds of event with their fields, and whether the person may record them",
            &[],
            any,
        ),
        read(
            "/api/v1/forms/{kind}",
            Gate::SignedIn,
            form,
            "The JSON Schema of every fact, and the fields of one kind",
            &[],
            any,
        ),
        read(
            "/api/v1/reviews",
            Gate::Reads(Matter::Reviews),
            review_list,
            "Reviews and where each stands",
            &[],
            any,
        ),
        read(
            "/api/v1/reviews/{number}",
            Gate::Reads(Matter::Reviews),
            review_one,
            "A review: cut, packet, meeting, recommendation, decision",
            &[],
            any,
        ),
        write(
            "/api/v1/reviews",
            Gate::Records(&[Kind::DataCut, Kind::PacketFrozen]),
            freeze,
            "Freezes a cut and binds the packet to it",
            &[],
            Some(of::<Freeze>),
            any,
        ),
        write(
            "/api/v1/reviews/{number}/votes",
            Gate::Records(&[Kind::Sealed]),
            vote,
            "Casts a vote under seal; takes the password",
            &[],
            Some(of::<Voting>),
            any,
        ),
        write(
            "/api/v1/reviews/{number}/tally",
            Gate::Reads(Matter::ClosedSessions),
            tally,
            "Counts the votes, for members of the committee; that they were read is recorded",
            &[],
            None,
            any,
        ),
        read(
            "/api/v1/packets/{cohort}",
            Gate::Reads(Matter::Reviews),
            packet,
            "The packet of a cohort at the end of the record, as data",
            &[],
            any,
        ),
        write(
            "/api/v1/imports",
            Gate::Records(&[Kind::SnapshotImported]),
            imports,
            "Takes data sets (multipart/form-data, field files); with dry-run=true, says what taking them would do",
            &[("dry-run", "true to record nothing", "boolean")],
            None,
            followed,
        ),
        read(
            "/api/v1/verification",
            Gate::Reads(Matter::Audit),
            verification,
            "Verifies the record from the first event on",
            &[],
            any,
        ),
        read("/api/v1/people", Gate::Reads(Matter::People), people, "People and their roles", &[], any),
        read("/api/v1/sessions", Gate::Reads(Matter::People), sessions, "Sessions that last", &[], any),
        read("/api/v1/tokens", Gate::SignedIn, tokens, "One's own tokens", &[], list_of::<Token>),
        write(
            "/api/v1/tokens",
            Gate::SignedIn,
            make_token,
            "Makes a token; its text is told once",
            &[],
            Some(of::<NewToken>),
            any,
        ),
        Endpoint {
            method: Method::DELETE,
            path: "/api/v1/tokens/{id}",
            gate: Gate::SignedIn,
            answer: revoke_token,
            documented: Some(Documented {
                says: "Takes a token back",
                query: &[],
                body: None,
                answer: None,
                media: "",
            }),
        },
        read("/api/v1/lab", Gate::Anyone, lab, "Exact operating characteristics of a design", LAB, any),
        read(
            "/api/v1/convert",
            Gate::Anyone,
            convert,
            "A quantity in the other units in which it may be written",
            &[
                ("quantity", "Number and unit, such as 50 mCi", "string"),
                ("shape", "ACTIVITY, ACTIVITY/AREA, LENGTH or MASS", "string"),
            ],
            any,
        ),
    ]
}

fn any(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().into()
}

fn list_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let one: Value = generator.subschema_for::<T>().into();
    json!({ "type": "array", "items": one })
}

fn draft(generator: &mut SchemaGenerator) -> Value {
    let fact: Value = generator.subschema_for::<Fact>().into();
    json!({
        "type": "object",
        "required": ["fact"],
        "properties": {
            "fact": fact,
            "role": { "type": "string", "description": "The role in which it is recorded, where several may" },
            "reason": { "type": "string", "description": "Why, where a rule asks" },
            "corrects": { "type": "string", "description": "Hash of the event that it replaces" },
            "correction-reason": { "type": "string", "description": "Why the earlier event does not hold" },
            "meaning": { "type": "string", "enum": ["authorship", "review", "approval", "responsibility", "verification"], "description": "Signs it too, with this meaning" },
            "password": { "type": "string", "format": "password", "description": "The person's password, for a signature" },
            "code": { "type": "string", "description": "Code of the second factor, for a signature by a program" },
        },
    })
}

fn recorded_schema(generator: &mut SchemaGenerator) -> Value {
    let flags = list_of::<Flag>(generator);
    json!({
        "type": "object",
        "required": ["dry-run", "flags"],
        "properties": {
            "dry-run": { "type": "boolean" },
            "first": { "type": "integer", "description": "Position of the first event recorded" },
            "last": { "type": "integer", "description": "Position of the last" },
            "hash": { "type": "string", "description": "Hash of the last: the head of the record" },
            "repeated": { "type": "boolean", "description": "Whether it had been recorded before under the same Idempotency-Key" },
            "canonical": { "type": "string", "description": "In a dry run, the bytes that would be hashed" },
            "flags": flags,
        },
    })
}

fn followed(generator: &mut SchemaGenerator) -> Value {
    let (rows, effects) = (list_of::<RowChange>(generator), list_of::<Effect>(generator));
    json!({ "type": "object", "properties": { "dry-run": { "type": "boolean" }, "rows": rows, "effects": effects, "notes": { "type": "array", "items": { "type": "string" } } } })
}

/// A signature by a program: the password each time.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct Signing {
    /// What it means: authorship, review, approval, responsibility or verification.
    meaning: String,
    /// The person's password.
    password: String,
    /// Code of the second factor, for those who have one.
    code: Option<String>,
    /// The role, where several may sign.
    role: Option<String>,
}

/// A cut to be frozen.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Freeze {
    /// Number of the review; else the open one, or the next.
    review: Option<u32>,
    /// Cohort under review; else the one that awaits it.
    cohort: Option<String>,
    /// Clinical cut-off; else the end of the day of the last fact.
    cut_off: Option<String>,
    /// Why, where one was frozen before.
    because: Option<String>,
    /// Who prepared the packet.
    prepared_by: Option<String>,
}

/// A vote.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Voting {
    /// The recommendation voted on, such as escalate.
    motion: String,
    /// The cohort that it would open.
    next_cohort: Option<String>,
    /// for, against or abstain.
    choice: String,
    /// yes where it is cast in writing, after the meeting.
    written: Option<String>,
    /// The person's password.
    password: String,
    /// Code of the second factor, for those who have one.
    code: Option<String>,
}

/// A token to be made.
#[derive(JsonSchema)]
#[allow(dead_code)]
struct NewToken {
    /// What it is for.
    label: String,
    /// read or record.
    scope: Option<String>,
    /// Days for which it holds (90).
    days: Option<u32>,
}

fn answer(value: &Value) -> Answer {
    Ok(([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response())
}

fn value(of: &impl serde::Serialize) -> Answer {
    answer(&serde_json::to_value(of).map_err(Failed::fault)?)
}

fn me(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let reading = asked.reading(&view);
    let roles: Vec<Value> =
        reading.grants().iter().map(|(role, site)| json!({ "role": role.word(), "site": site })).collect();
    answer(&json!({ "user": asked.user(), "roles": roles, "trial": view.analysis.protocol.trial.id }))
}

/// The board as someone may see it: of patients whom they do not read, nothing by name.
pub(crate) fn board_for(asked: &Asked, view: &View) -> Board {
    let reading = asked.reading(view);
    let mut board = view.board.clone();
    let reads = |subject: &Option<String>| {
        subject.as_deref().is_none_or(|subject| reading.reads_patient(&view.conduct, subject))
    };
    let reviews = reading.reach(Matter::Reviews) != posology_trial::permission::Reach::Nowhere;
    board.awaited.retain(|one| reads(&one.subject) && (reviews || one.subject.is_some()));
    board.flags.retain(|flag| reads(&flag.subject) && (reviews || flag.subject.is_some()));
    board.windows.retain(|window| reading.reads_patient(&view.conduct, &window.subject));
    board.slots.retain(|slot| reviews || reading.reads_at(Matter::Patients, Some(&slot.site)));
    if !reviews {
        board.reviews.clear();
        for rule in &mut board.hold_rules {
            rule.in_force.clear();
            rule.met.clear();
        }
        board.holds.iter_mut().for_each(|hold| hold.says = "enrolment is on hold".to_owned());
    }
    board
}

fn programme(asked: &Asked) -> Answer {
    let (status, _) = crate::pages::programme::readable(asked)?;
    value(&status.document())
}

fn board(asked: &Asked) -> Answer {
    let view = asked.view()?;
    value(&board_for(asked, &view))
}

/// A part of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

fn patients(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Patients)?;
    let page: Page = asked.query()?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, MOST);
    let mut all = view.patients_for(&reading);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let mut rest =
        all.into_iter().filter(|patient| page.after.as_ref().is_none_or(|after| patient.id > *after));
    let shown: Vec<_> = rest.by_ref().take(limit).collect();
    let after = if rest.next().is_some() { shown.last().map(|patient| patient.id.clone()) } else { None };
    let patients: Vec<Value> = shown
        .iter()
        .map(|patient| {
            json!({
                "subject": patient.id, "cohort": patient.cohort, "regimen": patient.regimen,
                "first-fraction": patient.exposure.first(), "window-end": patient.window.map(|window| window.end),
                "dlt-status": patient.dlt.status.words(), "awaits": patient.dlt.awaits,
            })
        })
        .collect();
    answer(
        &json!({ "synthetic": view.analysis.protocol.trial.synthetic, "patients": patients, "after": after }),
    )
}

fn patient(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Patients)?;
    let patient = find(&view, &reading, asked.part("subject"))?;
    answer(&json!({
        "subject": patient.id, "cohort": patient.cohort, "regimen": patient.regimen, "enrolled": patient.enrolled,
        "synthetic": view.analysis.protocol.trial.synthetic, "exposure": patient.exposure,
        "dlt-status": patient.dlt.status.words(), "because": patient.dlt.because, "awaits": patient.dlt.awaits,
        "best": { "confirmed": patient.response.best.confirmed, "unconfirmed": patient.response.best.unconfirmed },
    }))
}

fn dosing(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Patients)?;
    let subject = asked.part("subject");
    find(&view, &reading, subject)?;
    value(&Course::of(&view.conduct, subject))
}

fn event_value(view: &View, position: usize, entry: &Entry) -> Value {
    json!({
        "position": position, "hash": entry.hash, "event": entry.event, "stands": view.conduct.stands(&entry.hash),
    })
}

fn events(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Audit)?;
    let search: Search = asked.query()?;
    let limit = search.limit.unwrap_or(PAGE).clamp(1, MOST);
    let (found, more) = search.read()?.found(&view, &reading, limit);
    let next = if more { found.last().map(|(position, _)| *position) } else { None };
    let events: Vec<Value> =
        found.iter().map(|(position, entry)| event_value(&view, *position, entry)).collect();
    answer(&json!({ "head": view.conduct.head(), "events": events, "before": next }))
}

fn event(asked: &Asked) -> Answer {
    let (view, reading) = asked.reads(Matter::Audit)?;
    let hash = asked.part("hash");
    let entry = view
        .conduct
        .entry(hash)
        .filter(|entry| reading.reads_event(&view.conduct, &entry.event))
        .ok_or_else(|| Failed::missing(format!("expected the hash of an event, found {hash:?}")))?;
    let mut document = event_value(&view, view.conduct.position(hash), entry);
    document["canonical"] = json!(entry.canonical());
    document["signatures"] = json!(view.conduct.signatures_on(hash));
    answer(&document)
}

/// A field of the body that is text.
fn text<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.json[name].as_str().filter(|text| !text.is_empty())
}

fn is_dry(asked: &Asked) -> bool {
    asked.fields().iter().any(|(name, value)| name == "dry-run" && value == "true")
}

fn record(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let fact: Fact = serde_json::from_value(asked.json["fact"].clone()).map_err(|error| {
        Failed::asked(format!("fact: {error}; mend: write it as GET /api/v1/forms/{{kind}} has it"))
    })?;
    let kind = fact.kind();
    if !asked.may_record(&view, &[kind]) {
        return Err(Failed::forbidden(format!(
            "{}: expected {}, found {}; mend: let one of them record it",
            kind.word(),
            who_may(kind),
            asked.user().unwrap_or("nobody")
        )));
    }
    let corrects = match (text(asked, "corrects"), text(asked, "correction-reason")) {
        (Some(hash), Some(reason)) => Some(Correction { hash: hash.to_owned(), reason: reason.to_owned() }),
        (Some(_), None) => {
            return Err(Failed::asked(
                "correction-reason: expected why the earlier event does not hold, found nothing",
            ));
        }
        _ => None,
    };
    if let Some(correction) = &corrects {
        let reading = asked.reading(&view);
        let known = view.conduct.entry(&correction.hash);
        if !known.is_some_and(|entry| reading.reads_event(&view.conduct, &entry.event)) {
            return Err(Failed::asked(format!(
                "corrects: expected the hash of an event, found {:?}",
                correction.hash
            )));
        }
    }
    let draft = Draft { fact, reason: text(asked, "reason").map(str::to_owned), corrects };
    let role = text(asked, "role");
    if is_dry(asked) {
        let (event, flags) = asked.at_desk(|desk| {
            let by = asked.actor(desk, role, kind)?;
            desk.try_out(&draft, &by)
        })?;
        let bytes = canonical(&event).map_err(Failed::fault)?;
        return answer(&json!({ "dry-run": true, "canonical": bytes, "flags": flags }));
    }
    let recorded = asked.at_desk(|desk| {
        let by = asked.actor(desk, role, kind)?;
        let command = asked.idempotency_key.as_ref().map(|key| draft.under(key, &by.user));
        let signed = signed(asked, desk)?;
        desk.record_draft(&draft, &by, signed, command.as_ref())
    })?;
    created(&recorded)
}

fn created(recorded: &posology_record::desk::Recorded) -> Answer {
    let appended = &recorded.appended;
    let body = json!({
        "dry-run": false, "first": appended.first, "last": appended.last, "hash": appended.hash,
        "repeated": appended.repeated, "flags": recorded.flags,
    });
    let status = if appended.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let response: Response =
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    Ok(response)
}

fn sign(asked: &Asked) -> Answer {
    let (view, hash) = (asked.view()?, asked.part("hash").to_owned());
    let reading = asked.reading(&view);
    if !view.conduct.entry(&hash).is_some_and(|entry| reading.reads_event(&view.conduct, &entry.event)) {
        return Err(Failed::missing(format!("expected the hash of an event, found {hash:?}")));
    }
    let recorded = asked.at_desk(|desk| {
        let user = asked.user().unwrap_or_default();
        let role = desk.role(user, text(asked, "role"), Kind::Signature)?;
        let (authenticated, meaning) = signed(asked, desk)?.ok_or_else(|| {
            posology_record::desk::Undone::Asked(
                "meaning: expected what the signature means, found nothing; mend: write it".to_owned(),
            )
        })?;
        desk.sign(authenticated, role, meaning, &hash)
    })?;
    created(&recorded)
}

fn form_value(asked: &Asked, view: &View, form: &Form) -> Value {
    let user = asked.user().unwrap_or_default();
    let fields: Vec<Value> = form
        .fields
        .iter()
        .map(|field| {
            json!({
                "name": field.name, "says": field.says, "required": field.required, "looks": field.shape.looks(),
                "example": field.shape.example(), "units": field.shape.units(),
                "words": field.shape.words().map(|words| words.iter().map(|(word, _)| word.clone()).collect::<Vec<_>>()),
            })
        })
        .collect();
    let roles: Vec<&str> = posology_trial::event::Role::ALL
        .into_iter()
        .filter(|role| {
            reach(*role, form.kind) != posology_trial::permission::Reach::Nowhere
                && !view.conduct.grants(user, *role).is_empty()
        })
        .map(posology_trial::event::Role::word)
        .collect();
    json!({ "kind": form.kind.word(), "type": form.kind.name(), "says": form.says, "recorded-by": who_may(form.kind), "your-roles": roles, "fields": fields })
}

fn forms(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let all: Vec<Value> = Form::all().iter().map(|form| form_value(asked, &view, form)).collect();
    answer(&json!({ "forms": all }))
}

fn form(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let word = asked.part("kind");
    let kind = Kind::of(word).ok_or_else(|| {
        Failed::missing(format!("expected a kind of event, found {word:?}; mend: see /api/v1/forms"))
    })?;
    let mut document = form_value(asked, &view, &Form::of(kind));
    document["schema"] = json_schema();
    answer(&document)
}

fn review_value(view: &View, number: u32) -> Value {
    let standing = review(&view.conduct, number);
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("number", json!(number));
    put("next", json!(standing.next));
    put("awaits", json!(standing.next.map(posology_trial::committee::Step::awaited)));
    put("cut", json!(standing.cut.map(|(_, cut)| cut)));
    put("packet", json!(standing.packet.map(|(_, packet)| packet)));
    put("digest", json!(standing.packet.and_then(|(_, packet)| packet_digest(&packet.files).ok())));
    put("meeting", json!(standing.meeting.map(|(_, meeting)| meeting)));
    put("voted", json!(standing.voted));
    put(
        "recommendation",
        json!(standing.recommendation.map(|(entry, fact)| json!({ "hash": entry.hash, "fact": fact }))),
    );
    put(
        "decision",
        json!(standing.decision.map(|(entry, fact)| json!({ "hash": entry.hash, "fact": fact }))),
    );
    Value::Object(document)
}

fn review_list(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Reviews)?;
    let all: Vec<Value> =
        reviews(&view.conduct).into_iter().map(|number| review_value(&view, number)).collect();
    answer(&json!({ "reviews": all }))
}

fn number(asked: &Asked) -> Result<u32, Failed> {
    let found = asked.part("number");
    found.parse().map_err(|_| Failed::missing(format!("expected the number of a review, found {found:?}")))
}

fn review_one(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Reviews)?;
    let number = number(asked)?;
    if !reviews(&view.conduct).contains(&number) {
        return Err(Failed::missing(format!("expected a review of this trial, found {number}")));
    }
    answer(&review_value(&view, number))
}

fn freeze(asked: &Asked) -> Answer {
    let review = match &asked.json["review"] {
        Value::Null => None,
        value => Some(value.as_u64().and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
            Failed::asked(format!(
                "review: expected a number, found {value}; mend: leave it out for the next one"
            ))
        })?),
    };
    let (number, frozen) = review_pages::frozen(
        asked,
        review,
        text(asked, "cohort"),
        text(asked, "cut-off"),
        text(asked, "because"),
        text(asked, "prepared-by"),
    )?;
    let appended = frozen.recorded.as_ref().map(|recorded| recorded.appended.last);
    answer(
        &json!({ "review": number, "packet": frozen.packet, "last": appended, "repeated": appended.is_none() }),
    )
}

fn vote(asked: &Asked) -> Answer {
    let review = number(asked)?;
    let last = review_pages::cast(asked, review)?;
    answer(&json!({ "review": review, "last": last }))
}

fn tally(asked: &Asked) -> Answer {
    let review = number(asked)?;
    let tally = asked.at_desk(|desk| {
        let by = asked.actor(desk, None, Kind::Sealed)?;
        desk.tally(&by, review)
    })?;
    value(&tally)
}

fn packet(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::Reviews)?;
    answer(&review_pages::packet_as_data(&view, asked.part("cohort"))?)
}

fn imports(asked: &Asked) -> Answer {
    let dry = is_dry(asked);
    let (report, followed) = import::taken(asked, dry, asked.field("role"))?;
    let recorded = followed.recorded.as_ref();
    answer(&json!({
        "dry-run": dry, "report": report, "rows": followed.rows, "effects": followed.effects, "notes": followed.notes,
        "last": recorded.map(|recorded| recorded.appended.last), "flags": recorded.map(|recorded| &recorded.flags),
    }))
}

fn verification(asked: &Asked) -> Answer {
    let report = checked(asked)?;
    let mut document = serde_json::to_value(&report).map_err(Failed::fault)?;
    document["ok"] = report.is_whole().into();
    answer(&document)
}

fn people(asked: &Asked) -> Answer {
    let (view, _) = asked.reads(Matter::People)?;
    let people: Vec<Value> = crate::pages::sign_in::holders(&view.conduct)
        .into_iter()
        .map(|(user, name, roles)| json!({ "user": user, "name": name, "roles": roles }))
        .collect();
    answer(&json!({ "people": people }))
}

fn sessions(asked: &Asked) -> Answer {
    answer(&json!({ "sessions": asked.site.sessions.list(asked.now()) }))
}

fn token_value(token: &Token) -> Value {
    json!({
        "id": token.id, "user": token.user, "label": token.label, "scope": token.scope, "made": token.made,
        "expires": token.expires, "revoked": token.revoked,
    })
}

fn tokens(asked: &Asked) -> Answer {
    let user = asked.user().unwrap_or_default();
    let tokens = asked.at_desk(|desk| token::list(desk, Some(user)))?;
    answer(&Value::Array(tokens.iter().map(token_value).collect()))
}

fn make_token(asked: &Asked) -> Answer {
    if asked.session().is_none() {
        return Err(Failed::forbidden(
            "expected someone in a session, found a token: a token makes no token; mend: make it on the page Account",
        ));
    }
    let label =
        text(asked, "label").ok_or_else(|| Failed::asked("label: expected what it is for, found nothing"))?;
    let scope = match text(asked, "scope") {
        None | Some("read") => Scope::Read,
        Some("record") => Scope::Record,
        Some(other) => return Err(Failed::asked(format!("scope: expected read or record, found {other:?}"))),
    };
    let days = asked.json["days"].as_i64().unwrap_or(90);
    let user = asked.user().unwrap_or_default();
    let (text, token) = asked.at_desk(|desk| token::make(desk, user, label, scope, days))?;
    let mut document = token_value(&token);
    document["token"] = json!(text);
    answer(&document)
}

fn revoke_token(asked: &Asked) -> Answer {
    let user = asked.user().unwrap_or_default();
    asked.at_desk(|desk| {
        let administers = desk.administrator(user).is_ok();
        token::revoke(desk, asked.part("id"), user, administers)
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn lab(asked: &Asked) -> Answer {
    let lab: Lab = asked.query()?;
    value(&*wait(asked.site.lab.answer(&lab)).map_err(|no| refused(&no))?)
}

/// A quantity to be converted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Quantity {
    quantity: String,
    shape: String,
}

fn convert(asked: &Asked) -> Answer {
    let Quantity { quantity, shape } = asked.query()?;
    let shape = [Shape::Activity, Shape::ActivityPerArea, Shape::Length, Shape::Mass, Shape::AbsorbedDose]
        .into_iter()
        .find(|one| one.looks() == shape)
        .ok_or_else(|| {
            Failed::asked(format!(
                "shape: expected ACTIVITY, ACTIVITY/AREA, LENGTH, MASS or ABSORBED-DOSE, found {shape:?}"
            ))
        })?;
    let also = other_units(&shape, &quantity).ok_or_else(|| {
        Failed::asked(format!(
            "quantity: expected a number and one of {}, found {quantity:?}",
            shape.units().join(", ")
        ))
    })?;
    answer(&json!({ "quantity": quantity, "also": also }))
}
