//! The page of a station: what gates do, telling them, and the rider beside one.

use super::api::{Running, problem};
use crate::gate::{Gate, Tap, account};
use fare_protocol::wire::FeedChange;
use fare_protocol::{Direction, PassageOutcome, SignedRecord};
use reqwest::Response;
use serde_json::{Value, json};

async fn get(server: &Running, path: &str, cookie: &str) -> Response {
    let request = server.client.get(format!("{}{path}", server.staff));
    request.header("cookie", cookie).send().await.unwrap()
}

async fn tell(server: &Running, cookie: &str, key: &str, asked: &Value) -> Response {
    let request = server.client.post(format!("{}/v1/modes", server.staff));
    let request = request
        .header("cookie", cookie)
        .header("idempotency-key", key);
    request.json(asked).send().await.unwrap()
}

/// The rider of account `ab…` taps and goes through, at any minute.
fn passes_at(gate: &Gate, direction: Direction, minute: i64) -> [SignedRecord; 2] {
    let tap = gate.tap(Tap {
        direction,
        account: account(0xab),
        minute,
        quoted: None,
        code: 0xc0,
        names: None,
    });
    let passage = gate.passage(&tap, PassageOutcome::Passed);
    [tap, passage]
}

#[tokio::test]
async fn a_station_shows_its_own_gates_as_they_are() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let cookie = server.signs_in(&server.staff, "Wang", "viewer").await;
    let never: Value = get(&server, "/v1/stations/PGY", &cookie)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(never["name"], "Pingguoyuan");
    let gate = &never["gates"][0];
    assert_eq!(
        (&gate["gate"], &gate["state"]),
        (&json!("PGY-01"), &json!("never seen"))
    );
    assert_eq!(never["gates"].as_array().unwrap().len(), 1);
    server
        .send(&a, &a.passes(Direction::Entry, account(0xab), 1))
        .await;
    let seen: Value = get(&server, "/v1/stations/PGY", &cookie)
        .await
        .json()
        .await
        .unwrap();
    let gate = &seen["gates"][0];
    assert_eq!(
        (&gate["state"], &gate["entry"]),
        (&json!("online"), &json!("normal"))
    );
    assert!(gate["last_tap_ms"].is_i64(), "{gate}");
    assert_eq!(gate["last_was_exit"], false);
    let page = get(&server, "/stations/PGY", &cookie)
        .await
        .text()
        .await
        .unwrap();
    for shown in ["Pingguoyuan", "PGY-01", "online"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("XDN-02") && !page.contains("<!--") && !page.contains("data-needs"));
    assert!(
        page.contains("<form id=\"modes\" class=\"row\" hidden>"),
        "a viewer tells nobody"
    );
    for unknown in ["/v1/stations/GMO", "/v1/stations/nowhere"] {
        let unknown = problem(get(&server, unknown, &cookie).await).await;
        assert_eq!(
            (unknown.status, unknown.title.as_str()),
            (404, "no-such-station")
        );
    }
    let away = get(&server, "/stations/PGY", "").await;
    assert_eq!(away.url().path(), "/login");
    assert_eq!(away.url().query(), Some("next=/stations/PGY"));
    server.end().await;
}

#[tokio::test]
// long: one command, every way to send it
async fn gates_are_told_once_all_or_none_and_by_whom() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("PGY-02", "PGY"));
    let server = Running::new(&[&a, &b]).await;
    let steward = server.signs_in(&server.staff, "Zhao", "steward").await;
    let wang = server.signs_in(&server.staff, "Wang", "supervisor").await;
    let asked = json!({"gates": ["PGY-01", "PGY-02"], "mode": "closed", "direction": "exit",
                       "reason": "crowd"});
    let refused = problem(tell(&server, &steward, "key-0001", &asked).await).await;
    assert_eq!(
        (refused.status, refused.title.as_str()),
        (403, "not-allowed")
    );
    assert!(
        refused.detail.ends_with("this needs supervisor"),
        "{}",
        refused.detail
    );
    for (wrong, field) in [
        (
            json!({"gates": [], "mode": "closed", "reason": "x"}),
            "gates",
        ),
        (
            json!({"gates": ["PGY-01"], "mode": "shut", "reason": "x"}),
            "mode",
        ),
        (
            json!({"gates": ["PGY-01"], "mode": "free", "direction": "up", "reason": "x"}),
            "direction",
        ),
        (
            json!({"gates": ["PGY-01"], "mode": "free", "reason": " "}),
            "reason",
        ),
        (json!({"gates": ["PGY-01"], "mode": "free"}), "reason"),
    ] {
        let wrong = problem(tell(&server, &wang, "key-0002", &wrong).await).await;
        assert_eq!(
            (wrong.status, wrong.field.as_deref()),
            (400, Some(field)),
            "{}",
            wrong.detail
        );
    }
    let none = json!({"gates": ["PGY-01", "GMO-09"], "mode": "free", "reason": "x"});
    assert_eq!(tell(&server, &wang, "key-0003", &none).await.status(), 404);
    let keyless = problem(tell(&server, &wang, "short", &asked).await).await;
    assert_eq!(keyless.field.as_deref(), Some("idempotency-key"));

    let first = tell(&server, &wang, "key-0004", &asked).await;
    assert_eq!(first.status(), 200);
    let first = first.text().await.unwrap();
    let told: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        told["told"][1],
        json!({"gate": "PGY-02", "modes": "entry normal, exit closed"})
    );
    let again = tell(&server, &wang, "key-0004", &asked).await;
    assert_eq!(again.text().await.unwrap(), first);
    let mut other = asked.clone();
    other["reason"] = json!("another");
    let other = problem(tell(&server, &wang, "key-0004", &other).await).await;
    assert_eq!((other.status, other.title.as_str()), (422, "key-used"));

    // What the gates hear: one command each, and nobody was told anything twice.
    let news = server
        .database
        .with(|database| database.read(|tx| tx.news(0)));
    let commands = news.unwrap().changes.into_iter();
    let commands = commands.filter(|change| matches!(change, FeedChange::ModeCommanded(_)));
    assert_eq!(commands.count(), 2);
    let station: Value = get(&server, "/v1/stations/PGY", &wang)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(station["gates"][0]["awaited"], "entry normal, exit closed");
    let all = (fare_protocol::UnixMs(0), fare_protocol::UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, Some("Wang"), 9)));
    let done = done
        .unwrap()
        .into_iter()
        .filter(|done| done.what == "gate-mode");
    let mut done: Vec<_> = done.map(|done| (done.about, done.why)).collect();
    // Both in one millisecond, in whatever order.
    done.sort();
    let modes = |gate| {
        (
            format!("{gate}: entry normal, exit closed"),
            "crowd".to_owned(),
        )
    };
    assert_eq!(done, [modes("PGY-01"), modes("PGY-02")]);
    server.end().await;
}

#[tokio::test]
// long: one rider, every way to look
async fn the_rider_beside_a_gate_is_found_by_what_is_on_the_phone() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let steward = server.signs_in(&server.staff, "Zhao", "steward").await;
    let viewer = server.signs_in(&server.staff, "Qian", "viewer").await;
    // As late as the server's clock, which finds nobody of other weeks.
    let minute = (fare_server::clock::now().0 - crate::gate::MORNING) / 60_000 - 60;
    let entry = passes_at(&a, Direction::Entry, minute);
    server.send(&a, &entry).await;
    let find = async |query: &str| get(&server, &format!("/v1/riders?{query}"), &steward).await;
    let receipt = entry[0].record().id.to_hex();
    for query in [
        "account=abab",
        "account=…ABABAB",
        "code=0c0c0c0",
        &format!("receipt={}", &receipt[24..]),
    ] {
        let found: Value = find(query).await.json().await.unwrap();
        let rider = &found["riders"][0];
        assert_eq!(
            (&rider["account"], &rider["denied"]),
            (&json!("…abab"), &json!(false)),
            "{query}"
        );
        let tap = &rider["taps"][0];
        assert_eq!(
            (&tap["receipt"], &tap["direction"]),
            (&json!(receipt), &json!("in"))
        );
        assert_eq!(
            (&tap["passage"], &tap["journey"]),
            (&json!("passed"), &json!("open"))
        );
        assert_eq!(tap["station_name"], "Pingguoyuan");
        let advice = rider["advice"].as_str().unwrap();
        assert!(advice.starts_with("The rider is inside."), "{advice}");
        assert!(!found.to_string().contains(&account(0xab).to_hex()));
    }
    server
        .send(&b, &passes_at(&b, Direction::Exit, minute + 40))
        .await;
    let found: Value = find("account=abab").await.json().await.unwrap();
    let taps = &found["riders"][0]["taps"];
    assert_eq!(taps.as_array().unwrap().len(), 2);
    assert_eq!(taps[0]["fare"], json!({"minor": 500, "currency": "CNY"}));
    let nobody: Value = find("receipt=00000000").await.json().await.unwrap();
    assert_eq!(nobody["riders"], json!([]));
    for (query, field) in [
        ("account=ab", Some("account")),
        ("code=xyzz", Some("code")),
        ("name=Li", Some("name")),
        ("account=abab&code=abab", Some("query")),
    ] {
        let wrong = problem(find(query).await).await;
        assert_eq!(
            (wrong.status, wrong.field.as_deref()),
            (400, field),
            "{query}"
        );
    }
    let refused = problem(get(&server, "/v1/riders?account=abab", &viewer).await).await;
    assert_eq!(refused.title, "not-allowed");
    let all = (fare_protocol::UnixMs(0), fare_protocol::UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, Some("Zhao"), 9)));
    let looked = done
        .unwrap()
        .into_iter()
        .filter(|done| done.what == "rider-find");
    assert_eq!(looked.count(), 6, "that somebody looked is noted");
    server.end().await;
}
