//! Feeds: believed only when the server signed them, applied, announced.

use super::server::{Request, ok, reply};
use super::*;
use crate::courier::error::Kind;
use crate::journal::tests::{account, device};
use fare_protocol::wire::{Feed, FeedChange, TariffText};

fn feed(cursor: u64) -> Feed {
    let changes = vec![FeedChange::Denied {
        account: account(3),
    }];
    Feed {
        as_of_ms: UnixMs(5),
        cursor,
        snapshot: true,
        issuers: None,
        tariff: None,
        changes,
    }
}

fn issuers() -> KeySet {
    let key = device(1);
    KeySet(vec![KeyEntry {
        key,
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }])
}

fn tariff() -> TariffText {
    TariffText {
        tariff: include_str!("../../../gate-config/tariff-beijing.toml").to_owned(),
        stations: include_str!("../../../gate-config/stations-beijing-line1.toml").to_owned(),
    }
}

fn sealed(feed: &Feed) -> Vec<u8> {
    feed.seal(&server_key()).unwrap()
}

fn denied(gate: &Gate) -> bool {
    gate.journal.facts(account(3), &device(3)).unwrap().denied
}

#[tokio::test]
async fn what_is_not_signed_by_the_server_changes_nothing() {
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let mut forged = sealed(&feed(4));
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    for (body, kind, part) in [
        (
            ok(&feed(4).seal(&stranger).unwrap()),
            Kind::NotBelieved,
            "no key",
        ),
        (ok(&forged), Kind::NotBelieved, "feed not believed"),
        (ok(b"<html>\x07"), Kind::NotBelieved, "\"<html>\\x07\""),
        (ok(b""), Kind::NotBelieved, "feed not believed"),
        (ok(&vec![0; 17 * 1024 * 1024]), Kind::TooLong, "longer than"),
        (
            reply("404 Not Found", "", b"no such gate"),
            Kind::Status(404),
            "no such gate",
        ),
    ] {
        let gate = gate(0).await;
        let server = Server::start(move |_| Some(body.clone()));
        let (courier, news) = plain(&server, &gate, 500);
        let failure = courier.feed().once(0).await.unwrap_err();
        let text = failure.to_string();
        assert_eq!(failure.kind(), kind, "{text}");
        assert!(text.contains(part), "{part}: {text}");
        assert!(!denied(&gate) && news.issuers.borrow().is_none(), "{text}");
        assert_eq!(gate.journal.cached().unwrap().cursor, 0, "{text}");
    }
}

#[tokio::test]
async fn news_is_applied_announced_and_asked_for_from_there_on() {
    let gate = gate(0).await;
    let first = Feed {
        issuers: Some(issuers()),
        tariff: Some(tariff()),
        ..feed(4)
    };
    let server = Server::start(move |request: &Request| {
        request
            .line
            .contains("after=0&")
            .then(|| ok(&sealed(&first)))
    });
    let (courier, mut news) = plain(&server, &gate, 500);
    while_running(courier, async {
        let told = async {
            news.issuers.wait_for(Option::is_some).await.unwrap();
            news.tariff.wait_for(Option::is_some).await.unwrap();
        };
        tokio::time::timeout(LONG, told).await.expect("no news");
        let requests = server.requests(2).await;
        assert_eq!(
            requests[0].line,
            "GET /v1/gates/PGY-01/feed?after=0&wait_ms=0"
        );
        assert_eq!(
            requests[1].line,
            "GET /v1/gates/PGY-01/feed?after=4&wait_ms=30000"
        );
    })
    .await;
    assert_eq!(*news.issuers.borrow(), Some(issuers()));
    assert!(denied(&gate));
    let said = news.server_time.borrow().expect("no time");
    assert!(said.as_of == UnixMs(5) && said.asked <= said.heard);

    let server = Server::start(|_| None);
    let (courier, _news) = plain(&server, &gate, 500);
    while_running(courier, async {
        let requests = server.requests(1).await;
        assert!(
            requests[0].line.contains("after=4&"),
            "{}: after a restart",
            requests[0].line
        );
    })
    .await;
}

#[tokio::test]
async fn a_bad_tariff_is_reported_and_the_rest_announced() {
    let gate = gate(0).await;
    let broken = TariffText {
        tariff: "steps = 7".to_owned(),
        ..tariff()
    };
    let news = Feed {
        issuers: Some(issuers()),
        tariff: Some(broken),
        ..feed(4)
    };
    let server = Server::start(move |_| Some(ok(&sealed(&news))));
    let (courier, news) = plain(&server, &gate, 500);
    let failure = courier.feed().once(0).await.unwrap_err();
    assert!(
        failure.to_string().contains("its tariff is wrong"),
        "{failure}"
    );
    assert!(denied(&gate));
    assert!(news.issuers.borrow().is_some() && news.tariff.borrow().is_none());
}

#[tokio::test]
async fn a_failing_feed_is_tried_again() {
    let gate = gate(0).await;
    let mut left = 3;
    let server = Server::start(move |request| {
        left -= 1;
        match left {
            2 => Some(Vec::new()),
            1 => Some(ok(b"nonsense")),
            _ => request
                .line
                .contains("after=0&")
                .then(|| ok(&sealed(&feed(4)))),
        }
    });
    let (courier, mut news) = plain(&server, &gate, 500);
    while_running(courier, async {
        until(&mut news, |status| {
            matches!(status.feed, Link::Offline { .. })
        })
        .await;
        until(&mut news, |status| {
            matches!(status.feed, Link::Online { .. })
        })
        .await;
    })
    .await;
    assert!(denied(&gate));
}

#[tokio::test]
async fn a_restored_server_is_asked_for_everything() {
    let gate = gate(0).await;
    gate.journal.apply_feed(feed(9)).await.unwrap();
    let restored = Feed {
        changes: Vec::new(),
        ..feed(2)
    };
    let server = Server::start(move |request| {
        let line = &request.line;
        let snapshot = line.contains("after=0&");
        let answer = sealed(&Feed {
            snapshot,
            ..restored.clone()
        });
        (!line.contains("after=2&")).then(|| ok(&answer))
    });
    let (courier, _news) = plain(&server, &gate, 500);
    while_running(courier, async {
        let lines: Vec<_> = server
            .requests(3)
            .await
            .into_iter()
            .map(|seen| seen.line)
            .collect();
        for (line, after) in lines.iter().zip(["after=9&", "after=0&", "after=2&"]) {
            assert!(line.contains(after), "{line}");
        }
    })
    .await;
    assert!(!denied(&gate), "what the server forgot is forgotten here");
}
