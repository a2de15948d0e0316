//! Configurations of gates: only the gate that is meant hears one, and what its chain says of it is kept.

use super::api::Running;
use crate::gate::Gate;
use fare_protocol::enrol::Secret;
use fare_protocol::wire::{Feed, FeedChange};
use fare_protocol::{
    ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome, Millis, RecordBody, Remark, Signer,
    UnixMs,
};
use fare_server::configs::{self, ConfigsError};
use fare_server::store::{Deed, Invitation, StoreError, Via};
use fare_server::{clock, staff};

const WHO: Deed<'_> = Deed {
    issuer: staff::LOCAL,
    person: "Ann",
    via: Via::Command,
    what: "gate-config",
    about: "",
    why: "",
};

fn wanted(gate: &Gate, toml: &str) -> Invitation {
    let Gate { id, .. } = *gate;
    let registered = gate.registered();
    Invitation {
        gate: id,
        station: registered.station,
        line: registered.line,
        config: toml.to_owned(),
    }
}

fn send(server: &Running, wanted: &Invitation) -> Result<ConfigCommand, ConfigsError> {
    server.database.with(|database| {
        database.write(|tx| {
            let how = (Millis(60_000), "new board".parse().unwrap());
            configs::tell(tx, wanted, how, &WHO, clock::now())
        })
    })
}

fn heard(feed: &Feed) -> Vec<ConfigCommand> {
    let config = |change: &FeedChange| {
        if let FeedChange::ConfigCommanded(command) = change {
            return Some((**command).clone());
        }
        None
    };
    feed.changes.iter().filter_map(config).collect()
}

#[tokio::test]
async fn the_newest_is_in_the_feed_of_its_gate_and_of_no_other() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let start = server.feed_of("PGY-01", 0, 0).await.cursor;
    send(&server, &wanted(&a, "first = 1\n")).unwrap();
    let newest = send(&server, &wanted(&a, "second = 2\n")).unwrap();
    let news = server.feed_of("PGY-01", start, 20_000).await;
    assert_eq!(heard(&news), std::slice::from_ref(&newest));
    assert!(news.cursor > start && !news.snapshot);
    assert!(heard(&server.feed_of("PGY-01", news.cursor, 0).await).is_empty());
    let other = server.feed_of("XDN-02", start, 0).await;
    assert_eq!((heard(&other), other.cursor), (vec![], news.cursor));
    // Who starts anew hears it too, unless it enrolled with a newer one since.
    let snapshot = server.feed_of("PGY-01", 0, 0).await;
    assert!(snapshot.snapshot);
    assert_eq!(heard(&snapshot), [newest]);
    let secret = Secret([9; 16]);
    let invitation = wanted(&a, "third = 3\n");
    let key = Signer::public(&a.key);
    server.database.with(|database| {
        database
            .write(|tx| {
                let now = clock::now();
                tx.invite(&secret, &invitation, now, now.after(Millis(60_000)))?;
                tx.enrol_gate(&secret, &key, &key, now.after(Millis(1)))?;
                Ok::<_, StoreError>(())
            })
            .unwrap();
    });
    assert!(heard(&server.feed_of("PGY-01", 0, 0).await).is_empty());
    server.end().await;
}

#[tokio::test]
async fn what_the_gate_made_of_it_is_kept_and_shown_to_staff() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let command = send(&server, &wanted(&gate, "board = 2\n")).unwrap();
    let sent = |server: &Running| {
        server.database.with(|database| {
            let sent = database.read(|tx| tx.sent_config(command.gate));
            sent.unwrap().unwrap()
        })
    };
    assert_eq!(sent(&server).outcome, None);
    assert_eq!(sent(&server).person, "Ann");
    let minute = (clock::now().0 - crate::gate::MORNING) / 60_000;
    let record = gate.make(
        minute,
        RecordBody::Config(ConfigChange {
            command: command.id,
            outcome: ConfigOutcome::RolledBack,
            in_force: ConfigHash::of("board = 1\n"),
            why: Remark::cut("the barrier's board does not answer within 60 s"),
        }),
    );
    let answers = server.send(&gate, &[record]).await;
    assert_eq!(answers["answers"][0]["outcome"], "accepted", "{answers}");
    let end = sent(&server).outcome.unwrap();
    assert_eq!(end.outcome, ConfigOutcome::RolledBack);
    assert_eq!(end.in_force, ConfigHash::of("board = 1\n"));
    assert!(end.at > UnixMs(0) && end.why.contains("board"));
    let cookie = server.signs_in(&server.staff, "Zhao", "steward").await;
    let station = server
        .client
        .get(format!("{}/v1/stations/PGY", server.staff));
    let station = station.header("cookie", cookie).send().await.unwrap();
    let station: serde_json::Value = station.json().await.unwrap();
    let alarms = station["gates"][0]["alarms"].to_string();
    assert!(
        alarms.contains("configuration tried and taken back: the barrier"),
        "{alarms}"
    );
    server.end().await;
}

#[tokio::test]
async fn what_is_not_this_gates_is_not_sent() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let mut moved = wanted(&gate, "");
    moved.station = "GMO".parse().unwrap();
    let err = send(&server, &moved).unwrap_err();
    assert!(matches!(err, ConfigsError::Elsewhere { .. }), "{err}");
    let mut unknown = wanted(&gate, "");
    unknown.gate = "PGY-09".parse().unwrap();
    let err = send(&server, &unknown).unwrap_err();
    assert!(matches!(err, ConfigsError::NoGate(_)), "{err}");
    let audits = server.database.with(|database| {
        let all = (UnixMs(0), UnixMs(i64::MAX));
        database.read(|tx| tx.audits(all, None, 10)).unwrap()
    });
    assert!(audits.is_empty(), "nothing was done");
    server.end().await;
}
