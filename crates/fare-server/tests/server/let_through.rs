//! Letting one person through: who may, that a gate is told once and soon, and what its records make of it.

use super::api::{Running, problem};
use crate::gate::Gate;
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    CommandId, Direction, LetThrough, LetThroughBy, LetThroughCommand, PassageOutcome, RecordBody,
    SignedRecord, UnixMs,
};
use reqwest::Response;
use serde_json::{Value, json};

async fn ask(server: &Running, cookie: &str, key: &str, asked: &Value) -> Response {
    let request = server
        .client
        .post(format!("{}/v1/let-through", server.staff));
    let request = request
        .header("cookie", cookie)
        .header("idempotency-key", key);
    request.json(asked).send().await.unwrap()
}

async fn station(server: &Running, cookie: &str) -> Value {
    let request = server
        .client
        .get(format!("{}/v1/stations/PGY", server.staff));
    let answer = request.header("cookie", cookie).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The commands that gates hear after `cursor`.
fn heard(server: &Running, cursor: u64) -> Vec<LetThroughCommand> {
    let news = server
        .database
        .with(|database| database.read(|tx| tx.news(cursor)));
    let command = |change: FeedChange| {
        if let FeedChange::LetThroughCommanded(command) = change {
            return Some(command);
        }
        None
    };
    news.unwrap()
        .changes
        .into_iter()
        .filter_map(command)
        .collect()
}

/// What the gate records now, by the clock of the server.
fn opens(gate: &Gate, by: LetThroughBy) -> SignedRecord {
    let minute = (fare_server::clock::now().0 - crate::gate::MORNING) / 60_000;
    gate.make(
        minute,
        RecordBody::LetThrough(LetThrough {
            direction: Direction::Exit,
            by,
            reason: "phone is dead".parse().unwrap(),
        }),
    )
}

fn phone_is_dead() -> Value {
    json!({"gate": "PGY-01", "direction": "exit", "reason": "phone is dead"})
}

/// A server with a gate that has a feed behind it.
async fn running() -> (Running, Gate, u64) {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let cursor = server
        .database
        .with(|database| database.read(|tx| tx.news(0)).unwrap().cursor);
    (server, gate, cursor)
}

#[tokio::test]
// long: one command, every way to send it
async fn stewards_and_supervisors_may_and_what_is_wrong_is_named() {
    let (server, _gate, cursor) = running().await;
    let steward = server.signs_in(&server.staff, "Zhao", "steward").await;
    for role in ["viewer", "finance"] {
        let cookie = server.signs_in(&server.staff, role, role).await;
        let refused = problem(ask(&server, &cookie, "key-0001", &phone_is_dead()).await).await;
        assert_eq!(
            (refused.status, refused.title.as_str()),
            (403, "not-allowed")
        );
        assert!(
            refused.detail.ends_with("this needs steward or supervisor"),
            "{}",
            refused.detail
        );
    }
    let away = problem(ask(&server, "", "key-0001", &phone_is_dead()).await).await;
    assert_eq!((away.status, away.title.as_str()), (401, "not-signed-in"));
    for (field, value) in [
        ("direction", json!("up")),
        ("reason", json!(" ")),
        ("reason", json!("x".repeat(61))),
        ("receipt", json!("xyzz")),
        ("receipt", json!("ab1")),
        ("gate", json!("no gate at all")),
        ("name", json!("Li")),
    ] {
        let mut asked = phone_is_dead();
        asked[field] = value;
        let wrong = problem(ask(&server, &steward, "key-0002", &asked).await).await;
        assert_eq!(
            (wrong.status, wrong.field.as_deref()),
            (400, Some(field)),
            "{}",
            wrong.detail
        );
    }
    let mut nowhere = phone_is_dead();
    nowhere["gate"] = json!("PGY-09");
    let nowhere = problem(ask(&server, &steward, "key-0003", &nowhere).await).await;
    assert_eq!(
        (nowhere.status, nowhere.title.as_str()),
        (404, "no-such-gate")
    );
    assert_eq!(heard(&server, cursor), [], "nobody was told anything");
    server.end().await;
}

#[tokio::test]
// long: from the command to the passage
async fn a_gate_is_told_once_and_its_records_say_what_became_of_it() {
    let (server, gate, cursor) = running().await;
    let steward = server.signs_in(&server.staff, "Zhao", "steward").await;
    let mut asked = phone_is_dead();
    asked["receipt"] = json!("…9F3A2C");
    let first = ask(&server, &steward, "key-0004", &asked).await;
    assert_eq!(first.status(), 200);
    let first = first.text().await.unwrap();
    let again = ask(&server, &steward, "key-0004", &asked).await;
    assert_eq!(again.text().await.unwrap(), first);
    let told = heard(&server, cursor);
    let [command] = told[..] else {
        panic!("one command: {told:?}")
    };
    let answer: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(answer["command"], json!(command.id));
    assert_eq!(answer["until_ms"], json!(command.until_ms));
    let left = command.until_ms.since(fare_server::clock::now());
    assert!((1..=30_000).contains(&left), "{left} ms");
    assert_eq!(heard(&server, 0), [], "who starts anew is told nothing old");

    // Until it is done or over, no second one.
    let second = ask(&server, &steward, "key-0005", &phone_is_dead()).await;
    assert!(second.headers().contains_key("retry-after"));
    let second = problem(second).await;
    assert_eq!(
        (second.status, second.title.as_str()),
        (409, "let-through-waits")
    );
    let waiting = station(&server, &steward).await;
    let shown = &waiting["let_through"][0];
    assert_eq!(
        (&shown["state"], &shown["by"], &shown["reason"]),
        (&json!("waiting"), &json!("Zhao"), &json!("phone is dead"))
    );

    let record = opens(&gate, LetThroughBy::Server(command.id));
    server.send(&gate, std::slice::from_ref(&record)).await;
    let open = station(&server, &steward).await;
    assert_eq!(open["let_through"][0]["state"], "open");
    assert_eq!(open["let_through"][0]["record"], json!(record.record().id));
    let passage = gate.passage(&record, PassageOutcome::Passed);
    server.send(&gate, &[passage]).await;
    let passed = station(&server, &steward).await;
    assert_eq!(passed["let_through"][0]["state"], "passed");
    assert_eq!(passed["gates"][0]["let_through"], 1);
    assert_eq!(passed["gates"][0]["exits"], 0, "it is no tap");
    let next = ask(&server, &steward, "key-0006", &phone_is_dead()).await;
    assert_eq!(next.status(), 200);

    // Nobody pays, nothing contradicts, and the audit says who and for whom.
    let state = server.state().await;
    assert_eq!(state["counts"]["conflicts"], 0, "{state}");
    assert_eq!(state["books"]["postings"], 0, "{state}");
    let all = (UnixMs(0), UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, Some("Zhao"), 9)))
        .unwrap();
    let done: Vec<_> = done
        .iter()
        .filter(|done| done.what == "let-through")
        .collect();
    assert_eq!(done.len(), 2);
    assert_eq!(done[0].why, "phone is dead");
    let about = format!("PGY-01 exit, receipt …9f3a2c: command {}", command.id);
    assert_eq!(done[0].about, about);
    server.end().await;
}

#[tokio::test]
async fn who_is_let_through_at_the_gate_itself_is_shown_too() {
    let (server, gate, _) = running().await;
    let viewer = server.signs_in(&server.staff, "Qian", "viewer").await;
    let record = opens(&gate, LetThroughBy::Staff);
    let nobody = PassageOutcome::Annulled(fare_protocol::Annulment::TimedOut);
    let passage = gate.passage(&record, nobody);
    // The passage may come first.
    server.send(&gate, &[passage]).await;
    server.send(&gate, &[record]).await;
    // A command that this server does not know, as after a restore of its database.
    let unknown = opens(&gate, LetThroughBy::Server(CommandId([7; 16])));
    server.send(&gate, &[unknown]).await;
    let shown = station(&server, &viewer).await;
    let shown = shown["let_through"].as_array().unwrap();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(
        (&shown[0]["state"], &shown[0]["by"]),
        (&json!("annulled"), &json!("staff at the gate"))
    );
    let page = server.client.get(format!("{}/stations/PGY", server.staff));
    let page = page.header("cookie", &viewer).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("nobody went through") && page.contains("phone is dead"));
    assert!(
        page.contains("<form id=\"help\" class=\"row\" hidden>"),
        "a viewer opens nothing"
    );
    server.end().await;
}

#[tokio::test]
async fn one_person_cannot_open_gates_all_day() {
    let (server, gate, cursor) = running().await;
    let steward = server.signs_in(&server.staff, "Zhao", "steward").await;
    for n in 0..20 {
        let key = format!("key-{n:04}");
        let done = ask(&server, &steward, &key, &phone_is_dead()).await;
        assert_eq!(done.status(), 200, "{n}");
        let command = heard(&server, cursor).pop().unwrap();
        let record = opens(&gate, LetThroughBy::Server(command.id));
        server.send(&gate, &[record]).await;
    }
    let over = ask(&server, &steward, "key-9999", &phone_is_dead()).await;
    assert!(over.headers().contains_key("retry-after"));
    let over = problem(over).await;
    assert_eq!((over.status, over.title.as_str()), (429, "too-often"));
    let other = server.signs_in(&server.staff, "Wang", "supervisor").await;
    assert_eq!(
        ask(&server, &other, "key-0001", &phone_is_dead())
            .await
            .status(),
        200
    );
    server.end().await;
}
