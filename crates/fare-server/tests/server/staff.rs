//! Staff who sign in, and the description of all that can be asked.

use super::api::{Running, problem};
use crate::gate::Gate;
use fare_protocol::UnixMs;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
// long: one session from its beginning to its end
async fn staff_sign_in_to_look_and_every_deed_is_noted() {
    let server = Running::new(&[]).await;
    let get = async |path: &str, cookie: &str| {
        let request = server.client.get(format!("{}{path}", server.staff));
        request.header("cookie", cookie).send().await.unwrap()
    };
    for path in [
        "/v1/console/state",
        "/v1/console/events",
        "/v1/conflicts",
        "/v1/session",
    ] {
        let refused = problem(get(path, "").await).await;
        assert_eq!(
            (refused.status, refused.title.as_str()),
            (401, "not-signed-in"),
            "{path}"
        );
    }
    // Who opens a page is led to where one signs in.
    let page = get("/", "").await;
    assert_eq!(page.url().path(), "/login");
    assert!(page.text().await.unwrap().contains("<h1>Sign in</h1>"));

    let cookie = server.signs_in(&server.staff, "Wang", "viewer").await;
    let who: Value = get("/v1/session", &cookie).await.json().await.unwrap();
    assert_eq!(who, json!({"person": "Wang", "roles": ["viewer"]}));
    let page = get("/", &cookie).await.text().await.unwrap();
    assert!(
        page.contains("Wang <span class=\"id\">viewer</span>"),
        "{page}"
    );
    assert_eq!(get("/v1/console/state", &cookie).await.status(), 200);
    let mut events = get("/v1/console/events", &cookie).await;
    assert!(events.chunk().await.unwrap().is_some());

    let url = format!("{}/v1/session", server.staff);
    let foreign = server.client.delete(&url).header("cookie", &cookie);
    let foreign = foreign
        .header("origin", "https://evil.example")
        .send()
        .await;
    let foreign = problem(foreign.unwrap()).await;
    assert_eq!(
        (foreign.status, foreign.title.as_str()),
        (403, "other-site")
    );
    let out = server
        .client
        .delete(&url)
        .header("cookie", &cookie)
        .send()
        .await;
    let out = out.unwrap();
    assert_eq!(out.status(), 204);
    assert!(
        out.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(get("/v1/session", &cookie).await.status(), 401);
    while events.chunk().await.unwrap().is_some() {}

    // A new password ends what was begun with the old one.
    let cookie = server.signs_in(&server.staff, "Wang", "viewer").await;
    server.signs_in(&server.staff, "Wang", "steward").await;
    assert_eq!(get("/v1/session", &cookie).await.status(), 401);
    let all = (UnixMs(0), UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, None, 10)));
    let done = done.unwrap();
    let done: Vec<_> = done
        .iter()
        .map(|done| (&*done.person, &*done.what))
        .collect();
    let sign_in = ("Wang", "sign-in");
    assert_eq!(done, [sign_in, ("Wang", "sign-out"), sign_in, sign_in]);
    server.end().await;
}

#[tokio::test]
async fn guessing_passwords_is_slow_and_noted() {
    let server = Running::new(&[]).await;
    let cookie = server.signs_in(&server.staff, "Wang", "viewer").await;
    let url = format!("{}/v1/session", server.staff);
    let guess = async |person: &str| {
        let typed = json!({"person": person, "password": "wrong password"});
        server.client.post(&url).json(&typed).send().await.unwrap()
    };
    for person in ["Wang", "Wang", "nobody", "wang"] {
        let refused = problem(guess(person).await).await;
        let said = (
            refused.status,
            refused.title.as_str(),
            refused.field.as_deref(),
        );
        assert_eq!(said, (401, "wrong-password", Some("password")), "{person}");
    }
    let mut last = guess("Wang").await;
    while last.status() == 401 {
        last = guess("Wang").await;
    }
    assert!(last.headers().contains_key("retry-after"));
    assert_eq!(problem(last).await.title, "too-often");
    let typed = json!({"person": "Wang", "pass": "x"});
    let wrong = server.client.post(&url).json(&typed).send().await.unwrap();
    assert_eq!(problem(wrong).await.field.as_deref(), Some("pass"));
    // Who is signed in stays so.
    let still = server
        .client
        .get(&url)
        .header("cookie", &cookie)
        .send()
        .await;
    assert_eq!(still.unwrap().status(), 200);
    let all = (UnixMs(0), UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, Some("Wang"), 50)));
    let refused = done
        .unwrap()
        .into_iter()
        .filter(|done| done.what == "sign-in-refused");
    let refused: Vec<_> = refused.collect();
    assert!((3..=5).contains(&refused.len()), "{refused:?}");
    assert!(
        refused.iter().all(|done| done.about == "127.0.0.1"),
        "{refused:?}"
    );
    server.end().await;
}

#[tokio::test]
async fn what_is_described_is_there_at_each_address_and_the_description_too() {
    use fare_server::metrics::Listener;
    use fare_server::openapi::ROUTES;
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let cookie = server.signs_in(&server.console, "Wang", "supervisor").await;
    for route in ROUTES {
        for listener in route.listeners {
            let base = match listener {
                Listener::Gates => &server.gates,
                Listener::Console => &server.console,
                Listener::Riders => &server.riders,
                Listener::Status => &server.status,
                // This server has neither; the tests of their own go there.
                Listener::Enrolment | Listener::Notices => continue,
            };
            let path = address(route, &"00".repeat(16));
            let method = route.method.to_uppercase().parse().unwrap();
            let request = server.client.request(method, format!("{base}{path}"));
            let answer = request.header("cookie", &cookie).send().await.unwrap();
            let (status, kind) = (
                answer.status(),
                answer.headers().get("content-type").cloned(),
            );
            assert_ne!(
                status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{} {path}",
                route.method
            );
            if status == StatusCode::NOT_FOUND {
                assert_eq!(problem(answer).await.title, "no-such-conflict", "{path}");
            } else if status.is_success() && !route.answer.1.is_empty() {
                let kind = kind.unwrap();
                let kind = kind.to_str().unwrap();
                assert!(kind.starts_with(route.answer.1), "{path}: {kind}");
            }
        }
    }
    described_however_asked(&server, &cookie).await;
    let served = server.client.get(format!("{}/openapi.json", server.status));
    let served: Value = served.send().await.unwrap().json().await.unwrap();
    assert_eq!(served, fare_server::openapi::document());
    server.end().await;
}

/// The route's path, for the gate and station that there are and this id of a conflict or table.
fn address(route: &fare_server::openapi::Route, id: &str) -> String {
    let path = route.path.replace("{gate}", "PGY-01");
    let path = path.replace("{station}", "PGY");
    path.replace("{conflict}", id).replace("{table}", id)
}

/// Whatever is sent: the status is one that is described, and what is refused says which field and why.
async fn described_however_asked(server: &Running, cookie: &str) {
    use fare_server::metrics::Listener;
    use fare_server::openapi::{ROUTES, document};
    let document = document();
    let json = "application/json";
    let sent = [
        ("", "", ""),
        (cookie, "", ""),
        (cookie, "text/plain", "{}"),
        (cookie, json, "{"),
        (cookie, json, "[]"),
        (cookie, json, "{\"nobody\": 1}"),
    ];
    for route in ROUTES {
        let base = match route.listeners[0] {
            Listener::Gates => &server.gates,
            Listener::Console => &server.staff,
            Listener::Riders => &server.riders,
            Listener::Status => &server.status,
            Listener::Enrolment | Listener::Notices => continue,
        };
        let path = address(route, "0");
        let url = format!("{base}{path}");
        let responses = &document["paths"][route.path][route.method]["responses"];
        for (cookie, kind, body) in sent {
            let method = route.method.to_uppercase().parse().unwrap();
            let request = server.client.request(method, &url).header("cookie", cookie);
            let request = request.header("content-type", kind).body(body);
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let what = format!("{} {path} {kind} {body}: {status}", route.method);
            assert!(responses.get(status.as_str()).is_some(), "{what}");
            if status.is_client_error() {
                let problem = problem(answer).await;
                let is_whole = ["not-signed-in", "not-allowed", "wrong-password"];
                let has_field =
                    problem.field.is_some() || is_whole.contains(&problem.title.as_str());
                assert!(has_field, "{what}: {problem:?}");
            }
        }
        let other = server.client.put(&url).send().await.unwrap();
        assert!(other.headers().contains_key("allow"), "{path}");
        let other = problem(other).await;
        assert_eq!(
            (other.status, other.field.as_deref()),
            (405, Some("method"))
        );
    }
}

#[tokio::test]
// long: one table from draft to release
async fn two_releasers_make_a_table_of_fares_live() {
    let server = Running::new(&[]).await;
    let text = super::site::settlement().tariff_text;
    let import = |tx: &fare_server::store::Tx<'_>| {
        fare_server::fares::import(tx, &text, "Sun", UnixMs(1)).map(|(table, _)| table)
    };
    let table = server
        .database
        .with(|database| database.write(import).unwrap());
    let wang = server.signs_in(&server.staff, "Wang", "releaser").await;
    let li = server
        .signs_in(&server.staff, "Li", "releaser viewer")
        .await;
    let steward = server
        .signs_in(&server.staff, "Zhao", "supervisor finance")
        .await;
    let url = format!("{}/v1/fares/{}/release", server.staff, table.hash.to_hex());
    let release = async |url: &str, cookie: &str, reason: &str| {
        let request = server.client.post(url).header("cookie", cookie);
        request
            .json(&json!({ "reason": reason }))
            .send()
            .await
            .unwrap()
    };
    assert_eq!(
        problem(release(&url, &steward, "so").await).await.title,
        "not-allowed"
    );
    assert_eq!(
        problem(release(&url, &wang, " ").await)
            .await
            .field
            .as_deref(),
        Some("reason")
    );
    let unprintable = problem(release(&url, &wang, "a\0b").await).await;
    assert_eq!(
        (unprintable.status, unprintable.field.as_deref()),
        (400, Some("reason"))
    );
    let nowhere = url.replace(&table.hash.to_hex(), &"00".repeat(16));
    assert_eq!(
        problem(release(&nowhere, &wang, "so").await).await.title,
        "no-such-table"
    );
    for (cookie, live) in [(&wang, false), (&wang, false), (&li, true)] {
        let table: Value = release(&url, cookie, "checked").await.json().await.unwrap();
        assert_eq!(table["live"], live, "{table}");
    }
    let listed = server
        .client
        .get(format!("{}/v1/fares", server.staff))
        .header("cookie", &steward);
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    let releases = listed["tables"][0]["releases"].as_array().unwrap();
    assert_eq!(
        (&releases[0]["by"], &releases[1]["by"]),
        (&json!("Wang"), &json!("Li"))
    );
    let all = (UnixMs(0), UnixMs(i64::MAX));
    let done = server
        .database
        .with(|database| database.read(|tx| tx.audits(all, None, 50)));
    let done = done.unwrap();
    let refused = done.iter().find(|done| done.what == "refused").unwrap();
    let path = format!("POST /v1/fares/{}/release", table.hash.to_hex());
    assert_eq!(
        (&*refused.person, &refused.about, &*refused.why),
        ("Zhao", &path, "supervisor finance")
    );
    let done = done.into_iter().filter(|done| done.what == "fares-release");
    assert_eq!(
        done.map(|done| done.person).collect::<Vec<_>>(),
        ["Wang", "Li"]
    );
    server.end().await;
}
