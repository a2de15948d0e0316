//! The courier against servers that answer by hand, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bundle;
mod feed;
mod server;
mod tls;
mod upload;

use super::*;
use crate::journal::CommitRequest;
use crate::journal::tests::{Gate, confirmation, stamp};
use ed25519_dalek::SigningKey;
use fare_protocol::{Direction, KeyEntry, Millis, Signer};
use server::Server;
use std::path::Path;

/// Longer than anything here takes, so that what hangs fails.
const LONG: Duration = Duration::from_secs(30);

/// The shortest waits: a test has no time.
const AT_ONCE: Backoff = Backoff {
    min: Millis(1),
    max: Millis(4),
};

fn clock() -> UnixMs {
    UnixMs(1_700_000_000_000)
}

fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn config() -> CourierConfig {
    let key = server_key().public();
    let entry = KeyEntry {
        key,
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    };
    CourierConfig {
        gate: "PGY-01".parse().unwrap(),
        server: "https://localhost".to_owned(),
        ca: PathBuf::new(),
        cert: PathBuf::new(),
        key: PathBuf::new(),
        renewed: PathBuf::new(),
        record_key: Arc::new(SigningKey::from_bytes(&[3; 32])),
        server_keys: KeySet(vec![entry]),
        batch_max: 500,
        backoff: AT_ONCE,
    }
}

/// A courier that speaks plain HTTP with `server`.
fn plain(server: &Server, gate: &Gate, batch_max: usize) -> (Courier, CourierNews) {
    let client = Client::plain(&server.url("http"), config().gate).unwrap();
    let config = CourierConfig {
        batch_max,
        ..config()
    };
    Courier::with(client, config, gate.journal.clone(), Arc::new(clock))
}

/// A gate with `records` confirmations in its outbox, numbered from 1.
async fn gate(records: u64) -> Gate {
    let gate = Gate::new();
    for n in 1..=records {
        commit(&gate, n).await;
    }
    gate
}

async fn commit(gate: &Gate, n: u64) {
    let draft = confirmation(n, Direction::Entry, 7);
    gate.journal
        .commit(CommitRequest {
            draft,
            stamp: stamp(1_000),
        })
        .await
        .unwrap();
}

fn pending(gate: &Gate) -> u64 {
    gate.journal.counts().unwrap().pending
}

/// Waits until the status satisfies `condition`.
async fn until(news: &mut CourierNews, condition: impl FnMut(&CourierStatus) -> bool) {
    let waited = tokio::time::timeout(LONG, news.status.wait_for(condition)).await;
    waited.expect("the courier never got there").unwrap();
}

/// Runs the courier until `work` is done, then stops it.
async fn while_running(courier: Courier, work: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(false);
    let courier = tokio::spawn(courier.run(stopped));
    work.await;
    stop.send(true).unwrap();
    tokio::time::timeout(LONG, courier)
        .await
        .expect("the courier does not stop")
        .unwrap();
}

#[tokio::test]
async fn it_stops_at_once_even_in_the_middle_of_a_request() {
    let gate = gate(3).await;
    // Never answers.
    let server = Server::start(|_| None);
    let (courier, _news) = plain(&server, &gate, 500);
    while_running(courier, async {
        server.requests(2).await;
    })
    .await;
    assert_eq!(pending(&gate), 3);

    let (courier, _news) = plain(&server, &gate, 500);
    let (stop, stopped) = watch::channel(false);
    drop(stop);
    tokio::time::timeout(LONG, courier.run(stopped))
        .await
        .expect("nobody is left to stop it");
}

#[test]
fn a_wrong_configuration_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let not_pem = dir.path().join("not.pem");
    std::fs::write(&not_pem, "hello").unwrap();
    let missing = dir.path().join("missing.pem");
    let with = |server: &str, ca: &Path| {
        let gate = Gate::new();
        let config = CourierConfig {
            server: server.to_owned(),
            ca: ca.to_owned(),
            ..config()
        };
        let courier = Courier::new(config, gate.journal.clone(), Arc::new(clock));
        courier.map(|_| ()).unwrap_err().to_string()
    };
    for (server, ca, part) in [
        ("http://localhost", &missing, "records go over https only"),
        (
            "localhost:8443",
            &missing,
            "server address \"localhost:8443\"",
        ),
        ("", &missing, "server address \"\""),
        ("https://", &missing, "server address \"https://\""),
        ("https://localhost", &missing, "missing.pem: No such file"),
        ("https://localhost", &not_pem, "not.pem: no items found"),
    ] {
        let text = with(server, ca);
        assert!(text.contains(part), "{server}: {text}");
    }
}
