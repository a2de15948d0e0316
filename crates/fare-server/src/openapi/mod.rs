//! `GET /openapi.json`: the API as OpenAPI 3.1, made from the list of routes. Shapes whose fields are
//! documented beside their types say no more here than what they consist of.

mod routes;
mod schemas;

pub use routes::{Auth, Kind, Parameter, ROUTES, Route};

use crate::api::problems::PROBLEMS;
use crate::metrics::Listener;
use axum::Json;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The id of a gate or a station.
const CODE: &str = "^[A-Z0-9-]{1,16}$";

/// Problems that come with who asks.
const GATE: &[&str] = &[
    "fault",
    "gate-revoked",
    "no-such-gate",
    "other-gate",
    "request-timeout",
    "unavailable",
];
const PHONE: &[&str] = &[
    "bad-signature",
    "fault",
    "not-enrolled",
    "not-signed",
    "repeated",
    "stale-time",
    "too-large",
    "too-often",
    "unavailable",
];
/// The first for who has not the role.
const STAFF: &[&str] = &["not-allowed", "fault", "not-signed-in", "unavailable"];

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
                "phone-key": {
                    "type": "apiKey", "in": "header", "name": fare_protocol::rider::KEY_HEADER,
                    "description": "the phone's Ed25519 public key, 64 hexadecimal digits",
                },
                "phone-time": {
                    "type": "apiKey", "in": "header", "name": fare_protocol::rider::TIME_HEADER,
                    "description": "when it asks, in unix milliseconds",
                },
                "phone-signature": {
                    "type": "apiKey", "in": "header", "name": fare_protocol::rider::SIGNATURE_HEADER,
                    "description": "an Ed25519 signature by that key over method, path, time and body",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-session" },
                "session-plain": {
                    "type": "apiKey", "in": "cookie", "name": "session",
                    "description": "the same at an address without TLS, which is a loopback one",
                },
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
        "security": security(route),
        "parameters": parameters(route),
        "responses": responses(route),
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

fn security(route: &Route) -> Value {
    match route.auth {
        Auth::Anybody => json!([]),
        Auth::Gate => json!([{ "gate": [] }]),
        Auth::Phone => {
            json!([{ "phone-key": [], "phone-time": [], "phone-signature": [] }])
        }
        // At a loopback address whoever is there may look.
        Auth::Staff if looks(route) => json!([{ "session": [] }, { "session-plain": [] }, {}]),
        Auth::Staff => json!([{ "session": [] }, { "session-plain": [] }]),
    }
}

/// Whether any of the staff may, whatever their role.
fn looks(route: &Route) -> bool {
    route.method == "get" && !["/v1/riders", "/v1/session"].contains(&route.path)
}

fn parameters(route: &Route) -> Value {
    let names = route.path.split('{').skip(1);
    let names = names.filter_map(|rest| rest.split_once('}'));
    let in_path = names.map(|(name, _)| {
        json!({ "name": name, "in": "path", "required": true, "schema": in_path(name) })
    });
    let in_query = route.query.iter().map(|(name, what, kind)| {
        json!({ "name": name, "in": "query", "description": what, "schema": in_query(*kind) })
    });
    let key = route.once.then(|| {
        json!({ "name": "Idempotency-Key", "in": "header", "required": true,
                "description": "a new one for each request; the same when it is sent again",
                "schema": { "type": "string", "minLength": 8, "maxLength": 80 } })
    });
    in_path.chain(in_query).chain(key).collect()
}

fn in_path(name: &str) -> Value {
    match name {
        "gate" | "station" => json!({ "type": "string", "pattern": CODE }),
        "conflict" | "table" => json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        "platform" => json!({ "enum": ["alipay", "wechat", "stored-value"] }),
        _ => json!({ "type": "string" }),
    }
}

fn in_query(kind: Kind) -> Value {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(most) => json!({ "type": "integer", "minimum": 0, "maximum": most }),
        Kind::Number => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        Kind::Id => json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        Kind::Tail => json!({ "type": "string", "pattern": "^[0-9a-f]{4,32}$" }),
    }
}

/// What is answered, by status: when it is done, and each problem that it may meet.
fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    responses.insert(route.answer.0.to_string(), answer(route, "done"));
    if let Some((status, when)) = route.also {
        let also = if status < 300 {
            answer(route, when)
        } else {
            json!({ "description": when })
        };
        responses.insert(status.to_string(), also);
    }
    let met = problems(route);
    for (status, text) in &met {
        responses.insert(status.to_string(), problem(status, text));
    }
    responses.insert("default".to_owned(), problem("", "an error of HTTP itself"));
    Value::Object(responses)
}

/// The problems that a route may meet, by status, in words.
fn problems(route: &Route) -> BTreeMap<&'static str, String> {
    let mut codes = route.problems.to_vec();
    let has = |listener| route.listeners.contains(&listener);
    codes.extend(match route.auth {
        Auth::Anybody => [].as_slice(),
        Auth::Gate => GATE,
        Auth::Phone => PHONE,
        Auth::Staff if looks(route) => &STAFF[1..],
        Auth::Staff => STAFF,
    });
    if has(Listener::Console) {
        codes.push("not-local");
        if route.method != "get" {
            codes.push("other-site");
        }
    }
    if route.body.is_some() {
        codes.extend(["bad-request", "too-large"]);
        codes.extend(has(Listener::Console).then_some("unsupported-media-type"));
    }
    if !route.query.is_empty() || route.path.contains('{') {
        codes.push("bad-request");
    }
    if route.once {
        codes.push("key-used");
    }
    let mut met: BTreeMap<_, String> = BTreeMap::new();
    for (code, status, meaning) in PROBLEMS {
        if codes.contains(code) {
            let text = met.entry(*status).or_default();
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&format!("`{code}`: {meaning}"));
        }
    }
    met
}

fn answer(route: &Route, when: &str) -> Value {
    let (_, media, schema) = route.answer;
    if media.is_empty() {
        return json!({ "description": when });
    }
    let schema = schema.map_or_else(|| json!({}), |name| json!({ "schema": reference(name) }));
    json!({ "description": when, "content": { media: schema } })
}

fn problem(status: &str, text: &str) -> Value {
    let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
    let mut problem = json!({ "description": text, "content": content });
    if ["429", "503"].contains(&status)
        && let Some(problem) = problem.as_object_mut()
    {
        let header = json!({ "description": "come again after so many seconds", "schema": { "type": "integer" } });
        problem.insert("headers".to_owned(), json!({ "Retry-After": header }));
    }
    problem
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
