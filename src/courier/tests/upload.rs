//! Uploads: nothing is lost, whatever the server says.

use super::server::{Request, accept, good, ok, reply};
use super::*;
use crate::courier::error::Kind;
use crate::journal::tests::id;
use fare_protocol::RecordId;
use std::sync::Mutex;

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<RecordId> {
    numbers.into_iter().map(id).collect()
}

#[tokio::test]
// long: a table of cases
async fn nonsense_is_named_and_marks_nothing() {
    let unknown = accept(&[id(77)]);
    let garbled = format!(
        r#"{{"answers":[7,null,{{"id":"zz","outcome":"accepted"}},{{"id":"{}","outcome":"later"}}]}}"#,
        id(1)
    );
    let long = ok(&vec![b' '; 5 * 1024 * 1024]);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ans".to_vec();
    let busy = reply("503 Service Unavailable", "retry-after: 7\r\n", b"busy");
    let elsewhere = reply("302 Found", "location: http://example.invalid/\r\n", b"");
    let failed = reply("500 Internal Server Error", "", b"\x1b[31mboom\n");
    for (answer, kind, part) in [
        (
            ok(b"<html>oops</html>"),
            Kind::Nonsense,
            "\"<html>oops</html>\"",
        ),
        (ok(b""), Kind::Nonsense, "EOF"),
        (
            ok(b"{\"answers\":7}"),
            Kind::Nonsense,
            "{\\\"answers\\\":7}",
        ),
        (
            ok(b"{\"answers\":[]}"),
            Kind::Unanswered,
            "3 records unanswered",
        ),
        (
            ok(garbled.as_bytes()),
            Kind::Unanswered,
            "3 records unanswered",
        ),
        (unknown, Kind::Unanswered, "3 records unanswered"),
        (long, Kind::TooLong, "longer than 4194304 bytes"),
        (failed, Kind::Status(500), "\"\\x1b[31mboom\\n\""),
        (busy, Kind::Status(503), "\"busy\""),
        (elsewhere, Kind::Status(302), "status 302"),
        (
            reply("204 No Content", "", b""),
            Kind::Status(204),
            "status 204",
        ),
        (
            cut,
            Kind::Unreached,
            "end of file before message length reached",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
            Kind::Unreached,
            "invalid HTTP version",
        ),
        (Vec::new(), Kind::Unreached, "not reached"),
    ] {
        let gate = gate(3).await;
        let server = Server::start(move |_| Some(answer.clone()));
        let (courier, _news) = plain(&server, &gate, 500);
        let failure = courier.upload().turn().await.unwrap_err();
        let text = failure.to_string();
        assert_eq!(failure.kind(), kind, "{text}");
        assert!(text.contains(part), "{part}: {text}");
        assert!(text.len() < 600, "{text}");
        assert_eq!(pending(&gate), 3, "{text}");
        let asked = failure.retry_after().map(|wait| wait.as_secs());
        assert_eq!(asked, (kind == Kind::Status(503)).then_some(7));
    }
}

#[tokio::test]
async fn only_answered_records_are_marked_and_the_others_go_again() {
    let gate = gate(4).await;
    let server = Server::start(|request| {
        let ids = request.ids();
        Some(if ids.len() == 4 {
            accept(&[ids[2], id(77), ids[0], ids[0]])
        } else {
            accept(&ids)
        })
    });
    let (courier, _news) = plain(&server, &gate, 500);
    let mut upload = courier.upload();
    let failure = upload.turn().await.unwrap_err();
    assert_eq!(failure.kind(), Kind::Unanswered);
    assert_eq!(pending(&gate), 2);
    upload.turn().await.unwrap();
    let requests = server.requests(2).await;
    assert_eq!(requests[0].line, "POST /v1/gates/PGY-01/records");
    assert_eq!(requests[1].ids(), ids([2, 4]));
    assert_eq!(pending(&gate), 0);
}

#[tokio::test]
async fn refused_records_are_quarantined_and_the_rest_flows() {
    let gate = gate(2).await;
    let body = format!(
        r#"{{"answers":[{{"id":"{}","outcome":"refused","code":"fork","reason":"seq 1 is taken"}},
            {{"id":"{}","outcome":"accepted","later":"fields are fine"}}],"server_time_ms":5}}"#,
        id(1),
        id(2)
    );
    let server = Server::start(move |_| Some(ok(body.as_bytes())));
    let (courier, _news) = plain(&server, &gate, 500);
    courier.upload().turn().await.unwrap();
    let counts = gate.journal.counts().unwrap();
    assert_eq!((counts.pending, counts.quarantined), (0, 1));
}

#[tokio::test]
async fn batches_go_in_chain_order_and_a_commit_starts_one() {
    let gate = gate(20).await;
    let server = Server::start(good);
    let (courier, mut news) = plain(&server, &gate, 7);
    while_running(courier, async {
        until(&mut news, |status| {
            status.pending == 0 && status.is_online()
        })
        .await;
        commit(&gate, 21).await;
        let uploads = uploads(&server, 4).await;
        let sent: Vec<_> = uploads.iter().map(Request::ids).collect();
        assert_eq!(sent, [ids(1..=7), ids(8..=14), ids(15..=20), ids([21])]);
    })
    .await;
}

/// The next so many uploads, without the feed's requests.
async fn uploads(server: &Server, count: usize) -> Vec<Request> {
    let mut uploads = Vec::new();
    while uploads.len() < count {
        uploads.extend(
            server
                .requests(1)
                .await
                .into_iter()
                .filter(|seen| !seen.is_feed()),
        );
    }
    uploads
}

#[tokio::test]
async fn an_absent_server_is_tried_until_it_is_back() {
    let gate = gate(3).await;
    let mut left = 6;
    let server = Server::start(move |request| {
        if request.is_feed() {
            return None;
        }
        left -= 1;
        match left {
            5 | 4 => Some(Vec::new()),
            3 => Some(reply("502 Bad Gateway", "", b"")),
            2 | 1 => Some(ok(b"it works!")),
            _ => Some(accept(&request.ids())),
        }
    });
    let (courier, mut news) = plain(&server, &gate, 500);
    while_running(courier, async {
        until(&mut news, |status| {
            matches!(status.upload, Link::Offline { .. })
        })
        .await;
        until(&mut news, |status| {
            status.pending == 0 && status.is_online()
        })
        .await;
    })
    .await;
    assert_eq!(pending(&gate), 0);
}

#[tokio::test]
async fn a_server_that_has_too_much_to_do_gets_no_more_and_smaller_requests() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let gate = gate(20).await;
        let mut turned_away = false;
        let server = Server::start(move |request| {
            if std::mem::replace(&mut turned_away, true) {
                good(request)
            } else {
                Some(reply(status, "retry-after: 7\r\n", b""))
            }
        });
        let (courier, _news) = plain(&server, &gate, 500);
        let mut upload = courier.upload();
        let failure = upload.turn().await.unwrap_err();
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
        upload.turn().await.unwrap();
        let requests = server.requests(2).await;
        assert_eq!(requests[1].ids(), ids(1..=20), "{status}");
        assert_eq!(pending(&gate), 0);
    }
}

#[tokio::test]
async fn one_record_that_the_server_cannot_take_does_not_hold_up_the_rest() {
    let gate = gate(20).await;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let server = Server::start({
        let taken = Arc::clone(&taken);
        move |request| {
            if request.is_feed() {
                return None;
            }
            let ids = request.ids();
            if ids.contains(&id(3)) {
                return Some(reply(
                    "500 Internal Server Error",
                    "",
                    b"index out of bounds",
                ));
            }
            taken.lock().unwrap().extend(ids.clone());
            Some(accept(&ids))
        }
    });
    let (courier, mut news) = plain(&server, &gate, 500);
    while_running(courier, async {
        until(&mut news, |status| status.pending == 1).await;
        commit(&gate, 21).await;
        until(&mut news, |status| status.pending == 2).await;
        until(&mut news, |status| status.pending == 1).await;
    })
    .await;
    let mut rest = ids((1..=21).filter(|n| *n != 3));
    taken.lock().unwrap().sort();
    rest.sort();
    assert_eq!(*taken.lock().unwrap(), rest, "each once");
    let left = gate.journal.pending(None, 9).unwrap();
    assert_eq!(
        left.iter().map(|record| record.id).collect::<Vec<_>>(),
        [id(3)]
    );
}

proptest::proptest! {
    #[test]
    fn answers_are_read_from_any_bytes_without_a_panic(body: Vec<u8>) {
        let _read = crate::courier::upload::read(&body);
    }

    #[test]
    fn answers_are_read_from_any_words_without_a_panic(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"answers\"", "\"id\"", "\"outcome\"", "null", "1e999",
                "\"accepted\"", "\"refused\"", "\"voucher\"", "\"00000000000000000000000000000001\"",
            ]),
            0..40,
        )
    ) {
        let _read = crate::courier::upload::read(words.concat().as_bytes());
    }
}
