//! `GET /openapi.json`: the API as OpenAPI 3.1, made from the list of routes. Shapes whose fields are
//! documented beside their types say no more here than what they consist of.

mod routes;
mod schemas;

pub use routes::{Auth, ROUTES, Route};

use crate::metrics::Listener;
use axum::Json;
use serde_json::{Map, Value, json};

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fareserver",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "The settlement server. Each path says at which of its addresses it is: \
                `x-listeners` names the keys of its configuration. Every error is a Problem; docs/problems.md \
                lists their types.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "gate": { "type": "mutualTLS", "description": "a client certificate of the gates' authority" },
                "phone": {
                    "type": "apiKey", "in": "header", "name": fare_protocol::rider::SIGNATURE_HEADER,
                    "description": "an Ed25519 signature by the phone's key over method, path, time and body; \
                        the headers of key and time go with it",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-session" },
            },
        },
    })
}

/// The document as it is served.
pub(crate) async fn serve() -> Json<Value> {
    Json(document())
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "summary": route.what,
        "operationId": operation_id(route),
        "x-listeners": route.listeners.iter().map(|at| key(*at)).collect::<Vec<_>>(),
        "security": security(route.auth),
        "parameters": parameters(route),
        "responses": { route.answer.0.to_string(): answer(route), "default": problem() },
    });
    if let (Some(body), Some(operation)) = (route.body, operation.as_object_mut()) {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    operation
}

/// The key of the configuration that names the address.
fn key(listener: Listener) -> &'static str {
    match listener {
        Listener::Gates => "listen",
        Listener::Console => "console_listen, staff.listen",
        Listener::Riders => "riders.listen",
        Listener::Status => "status_listen",
        Listener::Enrolment => "enrolment.listen",
        Listener::Notices => "charging.notices_listen",
    }
}

/// `getV1GatesGateFeed`: unique, because path and method are.
fn operation_id(route: &Route) -> String {
    let words = route
        .path
        .split(|letter: char| !letter.is_ascii_alphanumeric());
    words.fold(route.method.to_owned(), |id, word| {
        let (first, rest) = word.split_at(word.len().min(1));
        id + &first.to_ascii_uppercase() + rest
    })
}

fn security(auth: Auth) -> Value {
    match auth {
        Auth::Anybody => json!([]),
        Auth::Gate => json!([{ "gate": [] }]),
        Auth::Phone => json!([{ "phone": [] }]),
        Auth::Staff => json!([{ "session": [] }]),
    }
}

fn parameters(route: &Route) -> Value {
    let names = route.path.split('{').skip(1);
    let names = names.filter_map(|rest| rest.split_once('}'));
    let in_path = names.map(|(name, _)| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|(name, what)| {
        json!({ "name": name, "in": "query", "description": what, "schema": { "type": "string" } })
    });
    let key = (route.path == "/v1/modes").then(|| {
        json!({ "name": "Idempotency-Key", "in": "header", "required": true,
                "schema": { "type": "string", "minLength": 8, "maxLength": 80 } })
    });
    in_path.chain(in_query).chain(key).collect()
}

fn answer(route: &Route) -> Value {
    let (_, media, schema) = route.answer;
    if media.is_empty() {
        return json!({ "description": "done" });
    }
    let schema = schema.map_or_else(|| json!({}), |name| json!({ "schema": reference(name) }));
    json!({ "description": "done", "content": { media: schema } })
}

fn problem() -> Value {
    let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
    json!({ "description": "an error, whatever its status", "content": content })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
