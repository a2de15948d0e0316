//! Gates that are believed no longer: what came before stays, what comes after is refused, and they are told.

use super::api::{Running, problem};
use crate::gate::{Gate, account};
use fare_protocol::wire::{Feed, FeedChange, RecordRefusal, Revocation};
use fare_protocol::{Direction, PublicKey, Signer, UnixMs};
use fare_server::store::{Invitation, Scope, Shower, StoreError, Tx};
use serde_json::{Value, json};

const AT: UnixMs = UnixMs(1_795_430_000_000);

fn work<T: Send>(server: &Running, work: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Sync) -> T {
    server
        .database
        .with(|database| database.write(&work).unwrap())
}

fn revoke(server: &Running, gate: &Gate) -> bool {
    let registered = gate.registered();
    work(server, |tx| {
        tx.revoke(&registered, "stolen".parse().unwrap(), AT)
    })
}

fn word(gate: &Gate) -> Revocation {
    Revocation {
        gate: gate.id,
        key: Signer::public(&gate.key),
        at_ms: AT,
        reason: "stolen".parse().unwrap(),
    }
}

#[tokio::test]
async fn what_came_before_stays_and_what_comes_after_is_refused() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let entry = a.passes(Direction::Entry, account(7), 1);
    let first = server.send(&a, &entry).await;
    assert!(revoke(&server, &a));
    assert!(!revoke(&server, &a), "once");
    let late = a.passes(Direction::Entry, account(8), 2);
    let answers = server.send(&a, &[&entry[..], &late].concat()).await;
    assert_eq!(
        answers["answers"][0], first["answers"][0],
        "a repeat gets its first answer"
    );
    assert_eq!(answers["answers"][1], first["answers"][1]);
    for answer in [&answers["answers"][2], &answers["answers"][3]] {
        assert_eq!(answer["outcome"], "refused");
        assert_eq!(answer["code"], json!(RecordRefusal::Revoked));
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            reason.contains("revoked at 2026-11-23T") && reason.contains("stolen"),
            "{reason}"
        );
    }
    let state = server.state().await;
    assert_eq!(state["counts"]["records"], 2, "{state}");
    // The rider's record is before people, once however often it comes; the passage is not one.
    server.send(&a, &late).await;
    let kind = fare_rules::conflict::ConflictKind::AfterRevocation;
    let raised = work(&server, |tx| {
        let about = tx.kinds_about(a.id)?;
        Ok((about, tx.raised(Scope::Gate(a.id), kind)?))
    });
    assert_eq!(raised, (vec!["after-revocation".to_owned()], 1));
    // The rider who went in goes out elsewhere, as if nothing had been.
    let exit = server
        .send(&b, &b.passes(Direction::Exit, account(7), 30))
        .await;
    assert_eq!(exit["answers"][0]["outcome"], "accepted");
    let books = server.state().await;
    assert_eq!(books["books"]["balanced"], true, "{books}");
    server.end().await;
}

#[tokio::test]
async fn it_hears_one_signed_word_and_nothing_of_riders() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let cursor = work(&server, |tx| Ok(tx.news(0)?.cursor));
    let waiting = async { server.feed_of("PGY-01", cursor, 20_000).await };
    let revoking = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        server
            .send(&b, &b.passes(Direction::Entry, account(7), 1))
            .await;
        revoke(&server, &a);
    };
    let (heard, ()) = tokio::join!(waiting, revoking);
    // Perhaps the entry came first, and was all that it heard.
    let last = server.feed_of("PGY-01", heard.cursor, 20_000).await;
    let only = |feed: &Feed| feed.changes == [FeedChange::GateRevoked(word(&a))];
    assert!(only(&last) && last.cursor == heard.cursor, "{last:?}");
    let anew = server.feed_of("PGY-01", 0, 0).await;
    assert!(
        only(&anew) && !anew.snapshot && anew.issuers.is_none(),
        "{anew:?}"
    );
    // Others are told, and go on.
    let other = server.feed_of("XDN-02", cursor, 0).await;
    assert!(
        other.changes.contains(&FeedChange::GateRevoked(word(&a))),
        "{other:?}"
    );
    let answer = server
        .send(&b, &b.passes(Direction::Entry, account(9), 2))
        .await;
    assert_eq!(answer["answers"][0]["outcome"], "accepted");
    let renewal = json!({"tls_key": "00".repeat(32), "record_proof": "", "tls_proof": ""});
    let url = format!("{}/v1/gates/PGY-01/certificate", server.gates);
    let refused = server.client.post(url).json(&renewal).send().await.unwrap();
    assert_eq!(problem(refused).await.title, "gate-revoked");
    // Its receipts are believed no longer, and staff see why.
    let keys: Value = server
        .client
        .get(format!("{}/v1/gates", server.riders))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(keys.as_array().unwrap().len(), 1, "{keys}");
    let viewer = server.signs_in(&server.staff, "Qian", "viewer").await;
    let station = server
        .client
        .get(format!("{}/v1/stations/PGY", server.staff));
    let station = station.header("cookie", viewer).send().await.unwrap();
    let station: Value = station.json().await.unwrap();
    assert_eq!(station["gates"][0]["alarms"][0], "revoked: stolen");
    server.end().await;
}

#[tokio::test]
async fn its_certificate_is_refused_and_the_one_of_its_new_keys_is_not() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let key = |n: u8| Signer::public(&ed25519_dalek::SigningKey::from_bytes(&[n; 32]));
    let shows = |tls_key: Option<PublicKey>| {
        let shower = Shower {
            gate: gate.id,
            tls_key,
        };
        work(&server, |tx| tx.revocation_of(&shower))
    };
    assert_eq!(shows(None), None);
    assert_eq!(shows(Some(key(1))), None);
    revoke(&server, &gate);
    assert_eq!(shows(None), Some(word(&gate)));
    assert_eq!(shows(Some(key(1))), Some(word(&gate)));
    // It enrols anew: with the same key it is not taken, with others it is, and the old certificate is none.
    let secret = fare_protocol::enrol::Secret([5; 16]);
    let invitation = Invitation {
        gate: gate.id,
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        config: "config".to_owned(),
    };
    work(&server, |tx| {
        tx.invite(&secret, &invitation, AT, UnixMs(i64::MAX))
    });
    let same = work(&server, |tx| {
        tx.enrol_gate(&secret, &Signer::public(&gate.key), &key(2), AT)
    });
    assert_eq!(same, fare_server::store::Shown::Revoked);
    let anew = work(&server, |tx| tx.enrol_gate(&secret, &key(3), &key(2), AT));
    assert_eq!(anew, fare_server::store::Shown::Enrolled(invitation));
    assert_eq!(shows(Some(key(2))), None);
    assert_eq!(shows(Some(key(1))), Some(word(&gate)));
    assert_eq!(shows(None), Some(word(&gate)));
    server.end().await;
}

#[tokio::test]
async fn a_server_without_an_authority_renews_nothing() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let url = format!("{}/v1/gates/PGY-01/certificate", server.gates);
    let asked = fare_protocol::renewal::RenewalRequest::new(gate.id, &gate.key, &gate.key);
    let answer = server.client.post(&url).json(&asked).send().await.unwrap();
    let answer = problem(answer).await;
    assert_eq!(
        (answer.status, answer.title.as_str()),
        (404, "no-authority")
    );
    let wrong = server.client.post(&url).json(&json!({"tls_key": 1}));
    let wrong = problem(wrong.send().await.unwrap()).await;
    assert_eq!(
        (wrong.status, wrong.field.as_deref()),
        (400, Some("tls_key"))
    );
    server.end().await;
}
