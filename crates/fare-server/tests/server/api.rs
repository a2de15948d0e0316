//! The API over real sockets: mutual TLS, bodies of any kind, waiting for news, the console.

use super::site::{forever, riders, settlement};
use crate::fresh::Fresh;
use crate::gate::{Gate, account, upload};
use fare_protocol::wire::{
    ApiProblem, Feed, FeedChange, UPLOAD_RECORDS_MAX, UploadRequest, UploadResponse,
};
use fare_protocol::{Direction, SignedRecord, UnixMs};
use fare_server::config::{Config, Settlement, StaffListener};
use fare_server::server::Server;
use fare_server::store::{Database, StoreError};
use fare_server::tls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client, Identity, Response, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running server, a gate's client, and the server's end.
pub(crate) struct Running {
    pub(crate) gates: String,
    pub(crate) console: String,
    pub(crate) riders: String,
    pub(crate) status: String,
    pub(crate) staff: String,
    pub(crate) client: Client,
    pub(crate) database: Fresh,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    folder: TempDir,
}

impl Running {
    pub(crate) async fn new(gates: &[&Gate]) -> Self {
        Self::with(gates, settlement()).await
    }

    /// The same with fares of one's own.
    pub(crate) async fn with(gates: &[&Gate], settlement: Settlement) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = super::fresh();
        let gates: Vec<_> = gates.iter().map(|gate| gate.registered()).collect();
        let register = |tx: &fare_server::store::Tx<'_>| -> Result<(), StoreError> {
            gates.iter().try_for_each(|gate| tx.put_gate(gate))
        };
        database.with(|database| database.write(register).unwrap());
        let client = certificates(folder.path());
        let path = |name: &str| folder.path().join(name);
        let tls = tls::server_config(
            tls::certificates(&path("server-cert.pem")).unwrap(),
            tls::private_key(&path("server-key.pem")).unwrap(),
            tls::client_verifier(&path("ca.pem")).unwrap(),
        );
        let any = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            database: database.url.clone(),
            listen: any,
            console_listen: Some(any),
            status_listen: Some(any),
            ready_file: Some(path("ready.json")),
            uploads_max: 32,
            riders: Some(riders(&settlement)),
            settlement,
            staff: Some(StaffListener {
                listen: any,
                tls: None,
            }),
            charging: None,
            pay_codes: Some(super::pay_codes::house()),
            enrolment: None,
            sharing: None,
            key: ed25519_dalek::SigningKey::from_bytes(&[9; 32]),
            tls: tls.unwrap(),
        };
        let (stop, stopping) = watch::channel(false);
        let server = Server::start(config, stopping).await.unwrap();
        let gates = format!("https://localhost:{}", server.address().port());
        let console = format!("http://{}", server.console_address().unwrap());
        let riders = format!("http://{}", server.riders_address().unwrap());
        let status = format!("http://{}", server.status_address().unwrap());
        let staff = format!("http://{}", server.staff_address().unwrap());
        let serving = tokio::spawn(server.run());
        Self {
            gates,
            console,
            riders,
            status,
            staff,
            client,
            database,
            stop,
            serving,
            folder,
        }
    }

    /// The cookie of somebody with this role, who signs in at `site`.
    pub(crate) async fn signs_in(&self, site: &str, person: &str, roles: &str) -> String {
        let hash = fare_server::staff::password::hash("correct horse").unwrap();
        let roles = roles.parse().unwrap();
        let put = |tx: &fare_server::store::Tx<'_>| tx.put_staff(person, &hash, &roles, UnixMs(1));
        self.database.with(|database| database.write(put).unwrap());
        let typed = json!({"person": person, "password": "correct horse"});
        let request = self.client.post(format!("{site}/v1/session")).json(&typed);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict; "), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A client whose certificate bears this name.
    fn shows(&self, name: &str) -> Client {
        let read = |file: &str| fs::read_to_string(self.folder.path().join(file)).unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::new(authority, KeyPair::from_pem(&read("ca.key")).unwrap());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["gate".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        client(&read("ca.pem"), Some(certificate + &key.serialize_pem()))
    }

    async fn post(&self, gate: &str, body: impl Into<reqwest::Body>) -> Response {
        let url = format!("{}/v1/gates/{gate}/records", self.gates);
        self.client.post(url).body(body).send().await.unwrap()
    }

    pub(crate) async fn send(&self, gate: &Gate, records: &[SignedRecord]) -> Value {
        let request = UploadRequest {
            records: records.iter().map(upload).collect(),
        };
        let answer = self
            .post(gate.id.as_str(), serde_json::to_vec(&request).unwrap())
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn feed(&self, after: u64, wait_ms: u32) -> Feed {
        self.feed_of("PGY-01", after, wait_ms).await
    }

    pub(crate) async fn feed_of(&self, gate: &str, after: u64, wait_ms: u32) -> Feed {
        let url = format!(
            "{}/v1/gates/{gate}/feed?after={after}&wait_ms={wait_ms}",
            self.gates
        );
        let answer = self.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let bytes = answer.bytes().await.unwrap();
        Feed::open(&bytes, &forever(&*settlement().signer), UnixMs(1)).unwrap()
    }

    pub(crate) async fn state(&self) -> Value {
        let url = format!("{}/v1/console/state", self.console);
        self.client
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Ends the server, which must not take longer than two seconds.
    pub(crate) async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(2), self.serving)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Writes an authority and the server's certificate; answers a client with one of a gate's.
fn certificates(folder: &Path) -> Client {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (
            params.signed_by(&key, &issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    };
    let (cert, key) = signed("localhost");
    fs::write(folder.join("ca.pem"), &ca).unwrap();
    fs::write(folder.join("server-cert.pem"), cert).unwrap();
    fs::write(folder.join("server-key.pem"), key).unwrap();
    let (cert, key) = signed("gate");
    fs::write(folder.join("ca.key"), issuer.key().serialize_pem()).unwrap();
    client(&ca, Some(cert + &key))
}

fn client(ca: &str, identity: Option<String>) -> Client {
    // The first test installs it; the others find it there.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .tls_certs_only([Certificate::from_pem(ca.as_bytes()).unwrap()]);
    if let Some(pem) = identity {
        builder = builder.identity(Identity::from_pem(pem.as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

pub(crate) async fn problem(response: Response) -> ApiProblem {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let status = response.status().as_u16();
    let problem: ApiProblem = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    assert_eq!(
        problem.kind,
        format!("urn:faregate:problem:{}", problem.title)
    );
    problem
}

#[tokio::test]
async fn a_repeated_batch_is_answered_with_the_same_bytes() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let entry = gate.passes(Direction::Entry, account(1), 1);
    let request = UploadRequest {
        records: entry.iter().map(upload).collect(),
    };
    let request = serde_json::to_vec(&request).unwrap();
    let answers = async || {
        let body = server
            .post("PGY-01", request.clone())
            .await
            .text()
            .await
            .unwrap();
        let read: UploadResponse = serde_json::from_str(&body).unwrap();
        assert_eq!(read.answers.len(), 2);
        body.split("\"server_time_ms\"").next().unwrap().to_owned()
    };
    let first = answers().await;
    assert_eq!(answers().await, first);
    server.end().await;
}

#[tokio::test]
async fn hostile_bodies_get_a_problem_and_the_server_goes_on() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let id = "00".repeat(16);
    let many = vec![json!({"id": id, "envelope": "AA"}); UPLOAD_RECORDS_MAX + 1];
    let many = json!({ "records": many }).to_string();
    let deep = "[".repeat(100_000);
    for (body, status) in [
        ("", 400),
        ("{\"records\": [", 400),
        ("[]", 400),
        ("{\"records\": 7}", 400),
        ("\u{0}\u{0}", 400),
        (deep.as_str(), 400),
        (many.as_str(), 413),
    ] {
        let shown = body.get(..40).unwrap_or(body);
        let answer = problem(server.post("PGY-01", body.to_owned()).await).await;
        assert_eq!(answer.status, status, "{shown}: {}", answer.detail);
    }
    let big = problem(server.post("PGY-01", vec![b' '; 10 * 1024 * 1024]).await).await;
    assert_eq!((big.status, big.title.as_str()), (413, "too-large"));
    let good = server.send(&gate, &[gate.entry(account(1), 1)]).await;
    assert_eq!(good["answers"][0]["outcome"], "accepted");
    server.end().await;
}

#[tokio::test]
async fn a_failing_database_asks_for_the_batch_again_and_loses_nothing() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let request = UploadRequest {
        records: vec![upload(&gate.entry(account(1), 1))],
    };
    let request = serde_json::to_vec(&request).unwrap();
    let sql = |sql: &str| server.database.script(sql);
    sql("ALTER TABLE record RENAME TO away");
    let failed = server.post("PGY-01", request.clone()).await;
    assert_eq!(failed.headers()["retry-after"], "2");
    let failed = problem(failed).await;
    assert_eq!((failed.status, failed.title.as_str()), (503, "unavailable"));
    sql("ALTER TABLE away RENAME TO record");
    let taken: Value = server.post("PGY-01", request).await.json().await.unwrap();
    assert_eq!(taken["answers"][0]["outcome"], "accepted");
    assert_eq!(server.state().await["counts"]["journeys"], 1);
    server.end().await;
}

#[tokio::test]
async fn a_row_that_is_no_record_refuses_only_itself() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let good = serde_json::to_value(upload(&gate.entry(account(1), 1))).unwrap();
    let id = "0a".repeat(16);
    let bad = json!({"id": id, "envelope": ["not", "base64"]});
    let body = json!({"records": [bad, good]}).to_string();
    let answers: Value = server.post("PGY-01", body).await.json().await.unwrap();
    assert_eq!(answers["answers"][0]["code"], "malformed");
    assert_eq!(answers["answers"][0]["id"], id);
    assert_eq!(answers["answers"][1]["outcome"], "accepted");

    // What has no id that could be answered is answered at its place.
    let good = serde_json::to_value(upload(&gate.exit(account(2), 9))).unwrap();
    let body = json!({"records": [7, {"id": "zz", "envelope": "AA"}, good, {"envelope": "AA"}]});
    let answers: Value = server
        .post("PGY-01", body.to_string())
        .await
        .json()
        .await
        .unwrap();
    for place in [0, 1, 3] {
        let answer = &answers["answers"][place];
        assert_eq!(
            (&answer["id"], &answer["code"]),
            (&Value::Null, &json!("malformed"))
        );
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            reason.starts_with(&format!("records[{place}] has no readable id")),
            "{reason}"
        );
    }
    assert_eq!(answers["answers"][2]["outcome"], "accepted", "{answers}");
    server.end().await;
}

#[tokio::test]
async fn a_gate_asks_by_its_own_certificate() {
    let gates = [Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN")];
    let server = Running::new(&[&gates[0], &gates[1]]).await;
    let url = format!("{}/v1/gates/PGY-01/feed", server.gates);
    let refused = problem(server.shows("XDN-02").get(&url).send().await.unwrap()).await;
    assert_eq!(
        (refused.status, refused.title.as_str()),
        (403, "other-gate")
    );
    assert!(refused.detail.contains("XDN-02"), "{}", refused.detail);
    // An authority of one's own may call its certificates something else.
    for name in ["PGY-01", "ANY-GATE", "a box"] {
        let answer = server.shows(name).get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
    server.end().await;
}

#[tokio::test]
async fn what_does_not_exist_is_said_as_a_problem() {
    let server = Running::new(&[]).await;
    let unknown = problem(server.post("PGY-09", "{\"records\": []}").await).await;
    assert_eq!(
        (unknown.status, unknown.title.as_str()),
        (404, "no-such-gate")
    );
    assert!(
        unknown.detail.contains("fareserver gate add"),
        "{}",
        unknown.detail
    );
    let get = |path: &str| server.client.get(format!("{}{path}", server.gates)).send();
    assert_eq!(problem(get("/v2").await.unwrap()).await.title, "not-found");
    let wrong = problem(get("/v1/gates/PGY-01/records").await.unwrap()).await;
    assert_eq!(wrong.status, 405);
    let wrong = problem(get("/v1/gates/PGY-01/feed?after=-1").await.unwrap()).await;
    assert_eq!((wrong.status, wrong.field.as_deref()), (400, Some("after")));
    let wrong = problem(get("/v1/gates/PGY-01/feed?afterr=1").await.unwrap()).await;
    assert_eq!(wrong.field.as_deref(), Some("afterr"));
    assert_eq!(get("/healthz").await.unwrap().text().await.unwrap(), "ok\n");
    server.end().await;
}

#[tokio::test]
async fn who_shows_no_certificate_is_not_let_in() {
    let server = Running::new(&[]).await;
    let ca = fs::read_to_string(server.folder.path().join("ca.pem")).unwrap();
    let stranger = client(&ca, None);
    assert!(
        stranger
            .get(format!("{}/healthz", server.gates))
            .send()
            .await
            .is_err()
    );
    server.end().await;
}

#[tokio::test]
async fn the_feed_waits_for_news_and_no_longer() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let start = server.feed(0, 30_000).await;
    assert!(start.snapshot && start.issuers.is_some() && start.tariff.is_some());
    assert!(
        start.cursor > 0,
        "a gate that starts would ask for 0 again and again"
    );
    let quiet = server.feed(start.cursor, 20).await;
    assert_eq!(
        (quiet.cursor, quiet.changes.len(), quiet.snapshot),
        (start.cursor, 0, false)
    );
    let entry = gate.passes(Direction::Entry, account(1), 1);
    let (news, _) = tokio::join!(
        server.feed(start.cursor, 30_000),
        server.send(&gate, &entry)
    );
    assert!(
        matches!(news.changes[..], [FeedChange::JourneyOpened(_)]),
        "{news:?}"
    );
    // Another program denies an account, and who waits is told.
    let denying = async {
        let deny = |tx: &fare_server::store::Tx<'_>| tx.deny(account(2), UnixMs(1));
        let work = |database: &mut Database| database.write(deny).unwrap();
        server.database.with(work)
    };
    let (news, _) = tokio::join!(server.feed(news.cursor, 30_000), denying);
    assert_eq!(
        news.changes,
        [FeedChange::Denied {
            account: account(2)
        }]
    );
    server.end().await;
}

#[tokio::test]
async fn who_waits_is_answered_when_the_server_stops() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let cursor = server.feed(0, 0).await.cursor;
    let stop = server.stop.clone();
    let (feed, _) = tokio::join!(server.feed(cursor, 30_000), async move {
        stop.send_replace(true)
    });
    assert!(feed.changes.is_empty());
    server.end().await;
}

#[tokio::test]
async fn the_console_shows_what_happened_and_no_account() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let entry = a.passes(Direction::Entry, account(0xab), 1);
    server.send(&a, &entry).await;
    server
        .send(&b, &b.passes(Direction::Exit, account(0xab), 40))
        .await;
    let state = server.state().await;
    let journey = &state["journeys"][0];
    assert_eq!(journey["account"], "…abab");
    assert_eq!(journey["state"], "closed");
    assert_eq!(journey["fare"], json!({"minor": 500, "currency": "CNY"}));
    assert_eq!(journey["entry"], entry[0].record().id.to_hex());
    assert_eq!(state["books"]["balanced"], true);
    assert_eq!(
        (&state["counts"]["closed"], &state["counts"]["records"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(
        (&state["gates"][1]["gate"], &state["gates"][1]["seq"]),
        (&json!("XDN-02"), &json!(2))
    );

    let page = server.client.get(&server.console).send().await.unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    for shown in ["…abab", "Xidan", "CNY 5.00", "PGY-01", "<!doctype html>"] {
        assert!(page.contains(shown), "the page lacks {shown}: {page}");
    }
    assert!(!page.contains("<!--"), "every part is filled in");
    assert!(!(page + &state.to_string()).contains(&account(0xab).to_hex()));
    server.end().await;
}

#[tokio::test]
async fn the_console_tells_what_is_new_and_ends_with_the_server() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let url = format!("{}/v1/console/events", server.console);
    let mut events = server.client.get(url).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: page\ndata: {"), "{first:?}");
    server
        .send(&gate, &gate.passes(Direction::Entry, account(0xcd), 1))
        .await;
    let mut text = String::new();
    while !text.contains("…cdcd") {
        text += &String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap());
    }
    server.end().await;
    while events.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn the_console_answers_to_no_name_of_somebody_else() {
    let server = Running::new(&[]).await;
    let request = server
        .client
        .get(&server.console)
        .header("host", "evil.example");
    let refused = problem(request.send().await.unwrap()).await;
    assert_eq!((refused.status, refused.title.as_str()), (421, "not-local"));
    server.end().await;
}

#[tokio::test]
// long: one conflict, every way to decide it
async fn a_person_resolves_a_conflict_once_over_the_api() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    for minute in [1, 90] {
        let entry = gate.passes(Direction::Entry, account(0xab), minute);
        server.send(&gate, &entry).await;
    }
    let url = format!("{}/v1/conflicts", server.console);
    let get = async |url: &str| server.client.get(url).send().await.unwrap();
    let listed: Value = get(&url).await.json().await.unwrap();
    let case = &listed["conflicts"][0];
    assert_eq!(case["kind"], "entry-twice");
    assert_eq!(case["about"], "account …abab");
    assert_eq!(
        case["proposal"],
        json!({"decision": "charge", "fare": {"minor": 300, "currency": "CNY"}, "why": "least-fare"})
    );
    assert_eq!(case["records"].as_array().unwrap().len(), 2);
    let one = format!("{url}/{}", case["conflict"].as_str().unwrap());
    assert_eq!(&get(&one).await.json::<Value>().await.unwrap(), case);

    let wang = server.signs_in(&server.console, "Wang", "supervisor").await;
    let li = server.signs_in(&server.console, "Li", "finance").await;
    let steward = server
        .signs_in(&server.console, "Zhao", "steward releaser")
        .await;
    let decide_as = async |cookie: &str, body: String, kind: &str| {
        let request = server.client.post(format!("{one}/resolution"));
        let request = request
            .header("cookie", cookie)
            .header("content-type", kind);
        request.body(body).send().await.unwrap()
    };
    let decide = async |body: String, kind: &str| decide_as(&wang, body, kind).await;
    let ruling = |reason: &str| {
        json!({"decision": "charge", "fare": {"minor": 300, "currency": "CNY"}, "reason": reason})
            .to_string()
    };
    let asked = || ruling("asked at the gate");
    for (cookie, status, title) in [
        ("", 401, "not-signed-in"),
        ("session=0123", 401, "not-signed-in"),
        (&steward, 403, "not-allowed"),
    ] {
        let refused = problem(decide_as(cookie, asked(), "application/json").await).await;
        assert_eq!((refused.status, refused.title.as_str()), (status, title));
    }
    let plain = decide(asked(), "text/plain").await;
    assert_eq!(plain.status(), 415, "no form of another page gets in");
    for (body, field) in [
        ("{}".to_owned(), "reason"),
        (ruling(""), "reason"),
        (json!({"decision": "keep"}).to_string(), "reason"),
    ] {
        let wrong = problem(decide(body, "application/json").await).await;
        assert_eq!(
            (wrong.status, wrong.field.as_deref()),
            (400, Some(field)),
            "{}",
            wrong.detail
        );
    }
    let first = decide(asked(), "application/json").await;
    assert_eq!(first.status(), 200);
    let first = first.text().await.unwrap();
    assert!(first.contains("\"by\":\"Wang\""), "{first}");
    let again = decide(asked(), "application/json").await;
    assert_eq!(again.text().await.unwrap(), first, "the first answer again");
    let other = problem(decide_as(&li, asked(), "application/json").await).await;
    assert_eq!((other.status, other.title.as_str()), (409, "decided"));

    let listed: Value = get(&url).await.json().await.unwrap();
    assert_eq!(listed["conflicts"], json!([]));
    let all: Value = get(&format!("{url}?all=true")).await.json().await.unwrap();
    assert_eq!(all["conflicts"][0]["end"]["how"], "resolved");
    assert_eq!(get(&format!("{url}/nonsense")).await.status(), 404);
    let state = server.state().await;
    assert_eq!(state["books"]["balanced"], true);
    assert_eq!(state["counts"]["conflicts"], 0);
    for minute in [120, 170, 220] {
        let entry = gate.passes(Direction::Entry, account(0xcd), minute);
        server.send(&gate, &entry).await;
    }
    let all: Value = get(&format!("{url}?all=true")).await.json().await.unwrap();
    assert_eq!(all["next"], Value::Null);
    let (mut paged, mut asked) = (Vec::new(), format!("{url}?all=true&most=1"));
    loop {
        let page: Value = get(&asked).await.json().await.unwrap();
        paged.extend(page["conflicts"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        asked = format!("{url}?all=true&most=1&before={next}");
    }
    assert_eq!(json!(paged), all["conflicts"]);
    server.end().await;
}

#[tokio::test]
async fn programs_are_told_how_the_server_is_doing() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let get = async |path: &str| {
        let answer = server.client.get(format!("{}{path}", server.status));
        answer.send().await.unwrap()
    };
    assert_eq!(get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(get("/readyz").await.text().await.unwrap(), "ready\n");
    let entry = gate.passes(Direction::Entry, account(1), 1);
    server.send(&gate, &entry).await;
    server.send(&gate, &entry).await;
    let id = "0a".repeat(16);
    let bad = json!({"records": [{"id": id, "envelope": "AA"}]}).to_string();
    server.post("PGY-01", bad).await;
    let page = get("/metrics").await;
    assert_eq!(
        page.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let page = page.text().await.unwrap();
    for line in [
        "fareserver_database_up 1",
        "fareserver_database_errors_total 0",
        "fareserver_records_total{outcome=\"accepted\"} 2",
        "fareserver_records_total{outcome=\"repeated\"} 2",
        "fareserver_records_refused_total{code=\"malformed\"} 1",
        "fareserver_requests_total{listener=\"gates\",route=\"/v1/gates/{gate}/records\",method=\"POST\",status=\"200\"} 3",
        "fareserver_requests_total{listener=\"status\",route=\"/readyz\",method=\"GET\",status=\"200\"} 1",
        "fareserver_journeys_unpaired 1",
        "fareserver_gate_chain_length{gate=\"PGY-01\",station=\"PGY\"} 2",
    ] {
        assert!(page.lines().any(|l| l == line), "no {line} in {page}");
    }
    server.database.script("ALTER TABLE fork RENAME TO away");
    let page = get("/metrics").await.text().await.unwrap();
    assert!(page.contains("fareserver_database_up 0"), "{page}");
    assert!(
        page.contains("fareserver_database_errors_total 1"),
        "{page}"
    );
    server.database.script("ALTER TABLE away RENAME TO fork");
    server.end().await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_not_ready() {
    let server = Running::new(&[]).await;
    server.database.becomes_newer();
    let answer = server.client.get(format!("{}/readyz", server.status));
    let answer = problem(answer.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.title.as_str()), (503, "not-ready"));
    assert!(
        answer.detail.contains("use a newer one"),
        "{}",
        answer.detail
    );
    server.end().await;
}
