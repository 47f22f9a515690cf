//! The description of the API: OpenAPI 3.1, made from the list of endpoints and the types.

use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::IntoResponse as _;
use maud::html;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::ask::{Answer, Asked};
use crate::layout;
use crate::routes::{Endpoint, Gate, endpoints};

static DOCUMENT: LazyLock<Value> = LazyLock::new(made);

fn operation(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Option<Value> {
    let documented = endpoint.documented.as_ref()?;
    let mut parameters = Vec::new();
    for part in endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        parameters
            .push(json!({ "name": part, "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    for (name, says, kind) in documented.query {
        parameters
            .push(json!({ "name": name, "in": "query", "description": says, "schema": { "type": kind } }));
    }
    if endpoint.method == Method::POST {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 200 },
            "description": "A key of your own: the same fact again under it is recorded once",
        }));
    }
    let mut responses = Map::new();
    let schema = documented.answer.map(|answer| answer(generator));
    match schema {
        Some(schema) => {
            let done =
                json!({ "description": "Done", "content": { (documented.media): { "schema": schema } } });
            responses.insert("200".to_owned(), done.clone());
            if endpoint.method == Method::POST {
                responses.insert("201".to_owned(), done);
            }
        }
        None => {
            responses.insert("204".to_owned(), json!({ "description": "Done" }));
        }
    }
    for (status, says) in [
        ("400", "A query or body that does not read"),
        ("401", "Nobody signed in, or a token that does not hold"),
        ("403", "Not theirs to see or do"),
        ("404", "Not there, or not theirs to see"),
        ("409", "Refused by the record: the rule stands in `type`"),
        ("413", "Too large"),
        ("415", "Of another type than expected"),
        ("422", "Not as expected: what was found, what was expected and how to mend it stand in `detail`"),
        ("429", "Too many requests at once"),
    ] {
        responses.insert(status.to_owned(), json!({ "description": says, "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } }));
    }
    let name: Vec<&str> = endpoint
        .path
        .trim_start_matches("/api/v1/")
        .split('/')
        .map(|part| part.trim_matches(['{', '}']))
        .collect();
    let mut operation = json!({
        "operationId": format!("{}-{}", endpoint.method.as_str().to_lowercase(), name.join("-")),
        "summary": documented.says,
        "description": gate(endpoint.gate),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = documented.body {
        let schema = body(generator);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    } else if endpoint.path.ends_with("/imports") {
        let file = json!({ "type": "string", "contentMediaType": "application/octet-stream" });
        let form = json!({ "type": "object", "required": ["files"], "properties": { "files": { "type": "array", "items": file } } });
        operation["requestBody"] =
            json!({ "required": true, "content": { "multipart/form-data": { "schema": form } } });
    }
    if matches!(endpoint.gate, Gate::Anyone | Gate::Static) {
        operation["security"] = json!([]);
    }
    Some(operation)
}

/// Who is let through, in words.
fn gate(gate: Gate) -> String {
    match gate {
        Gate::Static | Gate::Anyone => "For anyone.".to_owned(),
        Gate::SignedIn => "For whoever is signed in.".to_owned(),
        Gate::Reads(matter) => format!("For whoever may read {}, as far as they may.", matter.word()),
        Gate::Records(kinds) => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
            format!("For whoever may record {}.", words.join(", "))
        }
    }
}

fn made() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let Some(operation) = operation(endpoint, &mut generator) else { continue };
        let method = endpoint.method.as_str().to_lowercase();
        let path = paths.entry(endpoint.path.to_owned()).or_insert_with(|| json!({}));
        path[method] = operation;
    }
    let mut schemas: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    schemas.insert(
        "Problem".to_owned(),
        json!({
            "type": "object",
            "description": "RFC 9457",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string", "description": "about:blank, or urn:posology:rule: and the rule that refused it" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string", "description": "What was expected, what was found, and how to mend it" },
            },
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Posology",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A dose-escalation trial: what its pages show and do, as data. It gives no medical advice.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "A token made on the page Account, with the scope read or record" } },
        },
    })
}

pub(crate) fn document(_: &Asked) -> Answer {
    Ok(([(header::CONTENT_TYPE, "application/json")], DOCUMENT.to_string()).into_response())
}

/// The API for people: every endpoint with who is let through, its parameters and an example.
pub(crate) fn page(_: &Asked) -> Answer {
    let documented = endpoints().iter().filter_map(|one| Some((one, one.documented.as_ref()?)));
    let body = html! {
        p { "What the pages show and do, as data: " a href="/api/v1/openapi.json" { "OpenAPI 3.1" } ". Send a token, made on the page Account, as " code { "Authorization: Bearer …" } ". Problems come as " code { "application/problem+json" } " (RFC 9457)." }
        pre { "curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8037/api/v1/board" }
        table {
            thead { tr { th scope="col" { "Request" } th scope="col" { "What" } th scope="col" { "For whom" } th scope="col" { "Query" } } }
            tbody {
                @for (endpoint, documented) in documented {
                    tr {
                        th scope="row" { code { (endpoint.method.as_str()) " " (endpoint.path) } }
                        td { (documented.says) }
                        td { (gate(endpoint.gate)) }
                        td { @for (name, says, _) in documented.query { code { (name) } " " (says) ". " } }
                    }
                }
            }
        }
    };
    Ok(layout::plain("/api", "The API", &body))
}
