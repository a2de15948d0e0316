//! The shapes of what is sent and answered.

use serde_json::{Value, json};

/// All of them, by name.
// long: one table
pub(super) fn all() -> Value {
    let id = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let text = json!({ "type": "string" });
    let key = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let at = json!({ "type": "integer", "description": "unix milliseconds" });
    let many = |name: &str| json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } });
    let one = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({
        "Problem": object(&["type", "title", "status", "detail"], json!({
            "type": { "type": "string", "pattern": "^urn:faregate:problem:" }, "title": text,
            "status": { "type": "integer" }, "detail": text,
            "field": { "type": "string", "description": "what of the request is at fault, when it is one thing; `body`, `query` or `path` for the whole of it" },
        })),
        "Money": object(&["minor", "currency"], json!({
            "minor": { "type": "integer", "description": "in the currency's smallest unit" },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        })),
        "Upload": object(&["records"], json!({ "records": {
            "type": "array", "maxItems": fare_protocol::wire::UPLOAD_RECORDS_MAX,
            "items": object(&["id", "envelope"], json!({ "id": id, "envelope": envelope() })),
        } })),
        "Answers": object(&["answers", "server_time_ms"], json!({
            "answers": { "type": "array", "items": object(&["id", "outcome"], json!({
                "id": { "anyOf": [id, { "type": "null" }], "description": "null for what has no readable id" },
                "outcome": { "enum": ["accepted", "refused"] }, "voucher": envelope(),
                "code": { "enum": ["malformed", "wrong-gate", "bad-signature", "fork", "revoked"] }, "reason": text,
            })) },
            "server_time_ms": at,
        })),
        "PayCodeAsk": object(&["id", "direction", "at_ms", "platform", "code"], json!({
            "id": id, "direction": { "enum": ["entry", "exit"] }, "at_ms": at, "platform": text,
            "code": { "type": "string", "format": "password", "maxLength": fare_protocol::pay_code::PAY_CODE_LEN_MAX },
        })),
        "PayCodeAnswer": object(&["id", "as_of_ms", "outcome"], json!({
            "id": id, "as_of_ms": at, "outcome": { "enum": ["admit", "refuse"] }, "account": id,
            "open": { "type": "object", "description": "the journey without an exit" },
            "paid_before": { "type": "object", "description": "what matters of it for that journey's price" },
            "code": { "enum": ["not-taken", "no-platform", "denied"] }, "reason": text,
        })),
        "Enrolled": object(&["account", "class", "issuer_part", "code_lifetime_ms", "not_after_ms", "server_key"], json!({
            "account": id, "class": text, "class_until_ms": nullable(at.clone()), "issuer_part": envelope(),
            "code_lifetime_ms": { "type": "integer" },
            "not_after_ms": at, "server_key": text,
        })),
        "Correction": closed(&["entry", "station", "left_at_ms"], json!({
            "entry": id, "station": text, "left_at_ms": at, "note": { "type": "string", "maxLength": 300 },
        })),
        "Journey": object(&["entry", "state", "from", "entered_at_ms"], json!({
            "entry": id, "state": text, "from": one("StationName"), "entered_at_ms": at,
            "to": nullable(one("StationName")), "left_at_ms": nullable(at.clone()), "fare": nullable(one("Money")),
            "steps": many("FareStep"), "voucher": nullable(envelope()), "completed": nullable(one("Completed")),
            "correction": nullable(json!({ "type": "object" })),
        })),
        "Completed": object(&["at", "percent", "because"], json!({
            "at": one("StationName"), "percent": { "type": "integer", "minimum": 0, "maximum": 100 },
            "because": { "type": "array", "items": { "type": "object" } },
        })),
        "FareStep": object(&["code", "values", "text", "minor"], json!({
            "code": { "enum": fare_protocol::FareReason::CODES }, "values": { "type": "object" }, "text": text,
            "minor": { "type": "integer" },
        })),
        "Exit": object(&["exit", "at", "left_at_ms", "state", "fare", "steps"], json!({
            "exit": id, "at": one("StationName"), "left_at_ms": at, "state": { "enum": ["waiting", "charged", "kept"] },
            "fare": nullable(one("Money")), "steps": many("FareStep"),
        })),
        "Journeys": object(&["journeys", "exits", "balance", "as_of_ms"], json!({
            "journeys": many("Journey"), "exits": many("Exit"), "balance": nullable(one("Money")), "as_of_ms": at,
        })),
        "Products": object(&["products", "on_sale", "as_of_ms"], json!({
            "products": many("Product"), "on_sale": many("Offer"), "as_of_ms": at,
        })),
        "Offer": object(&["offer", "name", "kind", "price", "valid_days"], json!({
            "offer": text, "name": text, "kind": { "enum": ["pass", "multi-ride", "coupon"] }, "price": one("Money"),
            "valid_days": { "type": "integer" }, "uses": { "type": ["integer", "null"] }, "off": nullable(one("Money")),
            "off_percent": { "type": ["integer", "null"] }, "most": nullable(one("Money")),
        })),
        "Product": object(&["product", "offer", "name", "kind", "price", "from_ms", "until_ms", "used"], json!({
            "product": id, "offer": text, "name": text, "kind": { "enum": ["pass", "multi-ride", "coupon"] },
            "price": one("Money"), "from_ms": at, "until_ms": at, "used": { "type": "integer" },
            "uses": { "type": ["integer", "null"] },
        })),
        "Vouchers": object(&["vouchers", "cursor"], json!({ "vouchers": { "type": "array" }, "cursor": { "type": "integer" } })),
        "StationName": object(&["id", "name", "local"], json!({ "id": text, "name": text, "local": text })),
        "Stations": many("StationName"),
        "Conflict": object(&["conflict", "kind", "about", "detail", "proposal"], json!({
            "conflict": id, "kind": text, "about": text, "detail": text, "proposal": { "type": "object" },
            "records": { "type": "array" }, "end": { "type": ["object", "null"] },
        })),
        "Conflicts": object(&["conflicts"], json!({ "conflicts": many("Conflict"), "next": id })),
        "Reason": closed(&["reason"], json!({ "reason": { "type": "string", "minLength": 1, "maxLength": 500 } })),
        "FareTable": object(&["table", "name", "imported_by", "imported_ms", "releases", "live"], json!({
            "table": id, "name": text, "imported_by": text, "imported_ms": at, "live": { "type": "boolean" },
            "releases": { "type": "array", "items": object(&["by", "at_ms"], json!({ "by": text, "at_ms": at })) },
        })),
        "FareTables": object(&["tables"], json!({ "tables": many("FareTable") })),
        "Decision": closed(&["decision", "reason"], json!({
            "decision": { "enum": ["keep", "charge"] }, "fare": one("Money"),
            "reason": { "type": "string", "minLength": 1, "maxLength": 500 },
        })),
        "State": object(&["as_of_ms", "counts", "books", "gates", "journeys", "conflicts"], json!({
            "as_of_ms": at, "counts": { "type": "object" }, "books": { "type": "object" },
            "gates": { "type": "array" }, "journeys": { "type": "array" }, "conflicts": { "type": "array" },
        })),
        "Station": station(&text, &at),
        "Modes": closed(&["gates", "mode", "reason"], json!({
            "gates": { "type": "array", "items": { "type": "string", "pattern": super::CODE }, "minItems": 1, "maxItems": crate::modes::GATES_MAX },
            "mode": { "enum": fare_protocol::Mode::ALL.map(fare_protocol::Mode::code) },
            "direction": { "enum": ["entry", "exit"] }, "reason": { "type": "string", "minLength": 1, "maxLength": 60 },
        })),
        "LetThrough": let_through(),
        "LetThroughTold": let_through_told(&text, &at),
        "Told": object(&["told"], json!({ "told": {
            "type": "array", "items": object(&["gate", "modes"], json!({ "gate": text, "modes": text })),
        } })),
        "Riders": object(&["riders"], json!({ "riders": {
            "type": "array", "items": object(&["account", "denied", "advice", "taps"], json!({
                "account": { "type": "string", "description": "masked" }, "denied": { "type": "boolean" },
                "advice": text, "taps": { "type": "array", "items": { "type": "object" } },
            })),
        } })),
        "GateKeys": { "type": "array", "items": object(&["gate", "key"], json!({ "gate": text, "key": key })) },
        "Renewal": object(&["tls_key", "record_proof", "tls_proof"], json!({
            "tls_key": key, "record_proof": envelope(), "tls_proof": envelope(),
        })),
        "RenewedCertificate": object(&["certificate"], json!({
            "certificate": { "type": "string", "description": "PEM" },
        })),
        "EnrolRequest": object(&["secret", "record_key", "tls_key", "record_proof", "tls_proof"], json!({
            "secret": envelope(), "record_key": key, "tls_key": key, "record_proof": envelope(), "tls_proof": envelope(),
        })),
        "Enrolment": object(&["gate", "config", "certificate", "authority", "issuers", "servers", "tariff"], json!({
            "gate": text, "config": { "type": "string", "description": "gate.toml" },
            "certificate": { "type": "string", "description": "PEM" },
            "authority": { "type": "string", "description": "PEM" },
            "issuers": { "type": "array" }, "servers": { "type": "array" }, "tariff": { "type": "object" },
        })),
        "SignIn": closed(&["person", "password"], json!({ "person": text, "password": { "type": "string", "format": "password" } })),
        "SignedIn": object(&["person", "roles"], json!({
            "person": text, "roles": { "type": "array", "items": text }, "until_ms": at,
        })),
    })
}

fn station(text: &Value, at: &Value) -> Value {
    let way = json!({ "enum": ["entry", "exit"] });
    let helped = object(
        &[
            "gate",
            "direction",
            "at_ms",
            "by",
            "reason",
            "state",
            "record",
        ],
        json!({
            "gate": text, "direction": way, "at_ms": at, "by": text, "reason": text,
            "state": { "enum": ["waiting", "not done", "open", "passed", "annulled", "unknown"] },
            "record": nullable(text.clone()),
        }),
    );
    let count = json!({ "type": "integer" });
    let gate = object(
        &[
            "gate",
            "state",
            "entry",
            "exit",
            "entries",
            "exits",
            "let_through",
            "alarms",
        ],
        json!({
            "gate": text, "state": { "enum": ["online", "silent", "never seen"] }, "heard_ms": nullable(at.clone()),
            "entry": text, "exit": text, "awaited": nullable(text.clone()),
            "entries": count, "exits": count, "let_through": count,
            "last_tap_ms": nullable(at.clone()), "last_was_exit": { "type": "boolean" },
            "record_delay_ms": { "type": ["integer", "null"] },
            "alarms": { "type": "array", "items": text },
        }),
    );
    object(
        &["as_of_ms", "station", "name", "gates", "let_through"],
        json!({
            "as_of_ms": at, "station": text, "name": text,
            "gates": { "type": "array", "items": gate },
            "let_through": { "type": "array", "items": helped },
        }),
    )
}

fn let_through() -> Value {
    closed(
        &["gate", "direction", "reason"],
        json!({
            "gate": { "type": "string", "pattern": super::CODE }, "direction": { "enum": ["entry", "exit"] },
            "reason": { "type": "string", "minLength": 1, "maxLength": 60 },
            "receipt": { "type": "string", "minLength": 4, "maxLength": 32, "description": "its last digits; for the audit" },
        }),
    )
}

fn let_through_told(text: &Value, at: &Value) -> Value {
    object(
        &["gate", "direction", "command", "until_ms"],
        json!({
            "gate": text, "direction": { "enum": ["entry", "exit"] }, "command": text, "until_ms": at,
        }),
    )
}

/// One of which no other field is taken.
fn closed(required: &[&str], properties: Value) -> Value {
    let mut object = object(required, properties);
    if let Some(object) = object.as_object_mut() {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    object
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn envelope() -> Value {
    json!({ "type": "string", "contentEncoding": "base64url" })
}

fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}
