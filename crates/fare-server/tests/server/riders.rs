//! The riders' API over real sockets: phones that prove themselves, and those that cannot.

use super::api::{Running, problem};
use super::phone::Phone;
use super::site::{forever, settlement};
use crate::gate::{Gate, MORNING, Tap};
use fare_protocol::rider::{KEY_HEADER, SIGNATURE_HEADER, SKEW_MS_MAX, TIME_HEADER};
use fare_protocol::wire::{ApiProblem, Envelope};
use fare_protocol::{
    Currency, Direction, Millis, Money, PassageOutcome, Picture, RideCode, RiderClass,
    SignedRecord, Signer, Stamp, UnixMs, Voucher,
};
use fare_rules::Tariff;
use fare_server::charging::{PlatformId, top_up};
use fare_server::clock;
use fare_server::products::{Sale, sell};
use fare_server::store::{ClassProof, DeniedKey, PaidBy, Payer, StoreError};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

async fn refused(response: Response) -> (u16, String, Option<String>) {
    let ApiProblem {
        status,
        title,
        field,
        ..
    } = problem(response).await;
    (status, title, field)
}

fn said(status: u16, title: &str, field: &str) -> (u16, String, Option<String>) {
    let field = Some(field.to_owned()).filter(|field| !field.is_empty());
    (status, title.to_owned(), field)
}

fn envelope(value: &Value) -> Vec<u8> {
    Envelope::try_from(value.as_str().unwrap().to_owned())
        .unwrap()
        .0
}

#[tokio::test]
async fn a_phone_enrols_once_and_makes_codes_that_gates_believe() {
    let server = Running::new(&[]).await;
    let phone = Phone::new(&server, 1);
    let (enrolled, account) = phone.enrol().await;
    let again = phone.post("/v1/rider", &Value::Null).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(again.headers().contains_key("server-time"));
    assert_eq!(
        again.json::<Value>().await.unwrap()["account"],
        enrolled["account"]
    );

    let fresh = phone.post("/v1/rider/issuer-part", &Value::Null).await;
    let fresh: Value = fresh.json().await.unwrap();
    for part in [&enrolled, &fresh] {
        let now = clock::now();
        let text = RideCode::make(&envelope(&part["issuer_part"]), now, 1, &phone.key);
        let code = RideCode::parse(text.as_bytes()).unwrap();
        let code = code.verify(&settlement().issuers, now).unwrap();
        let issuer = code.claims().issuer;
        assert_eq!((issuer.account, issuer.class), (account, RiderClass::Adult));
        assert_eq!(issuer.device_key, Signer::public(&phone.key));
        assert_eq!(issuer.fare_limit.to_string(), "CNY 50.00");
        let days = issuer.not_after.since(now) / 86_400_000;
        assert!((6..=7).contains(&days), "{days} days");
    }
    let (_, other) = Phone::new(&server, 2).enrol().await;
    assert_ne!(account, other);
    server.end().await;
}

#[tokio::test]
async fn who_cannot_prove_the_key_is_told_why_and_gets_nothing() {
    let server = Running::new(&[]).await;
    let (phone, thief) = (Phone::new(&server, 1), Phone::new(&server, 2));
    phone.enrol().await;
    let journeys = "/v1/rider/journeys";

    let bare = server.client.get(format!("{}{journeys}", server.riders));
    let bare = bare.send().await.unwrap();
    assert_eq!(refused(bare).await, said(401, "not-signed", KEY_HEADER));

    // Signed by another key than the one it names.
    let mut forged = phone.request(Method::GET, journeys, &Value::Null);
    forged.signature = thief.request(Method::GET, journeys, &Value::Null).signature;
    assert_eq!(
        refused(phone.send(&forged).await).await,
        said(401, "bad-signature", SIGNATURE_HEADER)
    );
    // Moved to another address.
    let mut moved = phone.request(Method::GET, journeys, &Value::Null);
    moved.target = "/v1/rider/vouchers".to_owned();
    assert_eq!(
        refused(phone.send(&moved).await).await,
        said(401, "bad-signature", SIGNATURE_HEADER)
    );
    // With another body.
    let mut changed = phone.request(Method::POST, "/v1/rider/corrections", &json!({}));
    changed.body = b"{ }".to_vec();
    assert_eq!(
        refused(phone.send(&changed).await).await,
        said(401, "bad-signature", SIGNATURE_HEADER)
    );
    for off in [SKEW_MS_MAX + 2_000, -SKEW_MS_MAX - 2_000] {
        let at = UnixMs(clock::now().0 + off);
        let stale = phone.signed(Method::GET, journeys, at, Vec::new());
        assert_eq!(
            refused(phone.send(&stale).await).await,
            said(401, "stale-time", TIME_HEADER),
            "{off}"
        );
    }
    let once = phone.request(Method::GET, journeys, &Value::Null);
    assert_eq!(phone.send(&once).await.status(), StatusCode::OK);
    assert_eq!(
        refused(phone.send(&once).await).await,
        said(409, "repeated", TIME_HEADER)
    );

    let stranger = Phone::new(&server, 3);
    assert_eq!(
        refused(stranger.get(journeys).await).await,
        said(401, "not-enrolled", KEY_HEADER)
    );
    let long = json!({ "note": "x".repeat(20_000) });
    let long = phone.post("/v1/rider/corrections", &long).await;
    assert_eq!(refused(long).await, said(413, "too-large", ""));
    server.end().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let server = Running::new(&[]).await;
    let (phone, other) = (Phone::new(&server, 1), Phone::new(&server, 2));
    phone.enrol().await;
    other.enrol().await;
    let mut last = None;
    for _ in 0..200 {
        let answer = phone.get("/v1/rider/vouchers").await;
        if answer.status() != StatusCode::OK {
            last = Some(answer);
            break;
        }
    }
    let last = last.expect("200 requests at once are too many");
    let after: u32 = last.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=5).contains(&after), "{after} s");
    assert_eq!(refused(last).await, said(429, "too-often", ""));
    assert_eq!(
        other.get("/v1/rider/vouchers").await.status(),
        StatusCode::OK
    );
    server.end().await;
}

#[tokio::test]
async fn a_denied_account_gets_no_new_issuer_part_and_still_sees_its_journeys() {
    let server = Running::new(&[]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let deny = |tx: &fare_server::store::Tx<'_>| tx.deny(account, UnixMs(1));
    assert!(
        server
            .database
            .with(|database| database.write(deny).unwrap())
    );
    for target in ["/v1/rider", "/v1/rider/issuer-part"] {
        let answer = phone.post(target, &Value::Null).await;
        assert_eq!(refused(answer).await, said(403, "denied", ""));
    }
    assert_eq!(
        phone.json("/v1/rider/journeys").await["journeys"],
        json!([])
    );
    // A phone that was lost gets none either, and may not enrol anew.
    let lost = Phone::new(&server, 2);
    let (_, account) = lost.enrol().await;
    let deny = |tx: &fare_server::store::Tx<'_>| {
        tx.deny_key(&DeniedKey {
            key: tx.phone_of(account)?.unwrap(),
            since: UnixMs(1),
            person: "Wang".to_owned(),
            reason: "lost".to_owned(),
        })
    };
    let new: Result<bool, StoreError> = server.database.with(|database| database.write(deny));
    assert!(new.unwrap());
    for target in ["/v1/rider", "/v1/rider/issuer-part"] {
        let answer = lost.post(target, &Value::Null).await;
        assert_eq!(refused(answer).await, said(403, "denied", ""));
    }
    server.end().await;
}

#[tokio::test]
// long: one journey, looked at from all sides
async fn a_journey_comes_with_its_vouchers_and_its_receipt_to_its_own_rider_alone() {
    let (entry_gate, exit_gate) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&entry_gate, &exit_gate]).await;
    let (phone, other) = (Phone::new(&server, 1), Phone::new(&server, 2));
    let (enrolled, account) = phone.enrol().await;
    other.enrol().await;

    let entry = entry_gate.passes(Direction::Entry, account, 1);
    server.send(&entry_gate, &entry).await;
    let open = phone.json("/v1/rider/journeys").await["journeys"][0].clone();
    assert_eq!(open["state"], "open");
    assert_eq!(
        open["from"],
        json!({"id": "PGY", "name": "Pingguoyuan", "local": "苹果园"})
    );
    assert_eq!((&open["to"], &open["fare"]), (&Value::Null, &Value::Null));
    assert_eq!(open["entered_at_ms"], MORNING + 60_000);

    let exit = exit_gate.passes(Direction::Exit, account, 40);
    server.send(&exit_gate, &exit).await;
    let journeys = phone.json("/v1/rider/journeys").await;
    let closed = &journeys["journeys"][0];
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed["to"]["name"], "Xidan");
    assert_eq!(closed["fare"], json!({"minor": 500, "currency": "CNY"}));
    let steps = closed["steps"].as_array().unwrap();
    let sum: i64 = steps
        .iter()
        .map(|step| step["minor"].as_i64().unwrap())
        .sum();
    assert!(!steps.is_empty() && sum == 500, "{steps:?}");
    assert_eq!(steps[0]["code"], "distance");
    assert_eq!(steps[0]["values"]["from"]["local"], "苹果园");
    assert_eq!(steps[0]["values"]["period"], Value::Null);
    let said = steps[0]["text"].as_str().unwrap();
    assert!(said.starts_with("PGY to XDN, "), "{said}");

    let vouchers = phone.json("/v1/rider/vouchers").await;
    assert_eq!(vouchers["cursor"], 2);
    assert_eq!(vouchers["vouchers"][0]["kind"], "entry");
    assert_eq!(vouchers["vouchers"][1]["envelope"], closed["voucher"]);
    assert_eq!(
        enrolled["server_key"],
        settlement().signer.public().to_string()
    );
    for voucher in vouchers["vouchers"].as_array().unwrap() {
        assert_eq!(voucher["entry"], entry[0].record().id.to_hex());
        let bytes = envelope(&voucher["envelope"]);
        Voucher::verify(&bytes, &forever(&*settlement().signer), UnixMs(1)).unwrap();
    }
    assert_eq!(
        phone.json("/v1/rider/vouchers?after=2").await["vouchers"],
        json!([])
    );
    let old = format!("/v1/rider/journeys?before={}", MORNING + 60_000);
    assert_eq!(phone.json(&old).await["journeys"], json!([]));

    assert_eq!(
        other.json("/v1/rider/journeys").await["journeys"],
        json!([])
    );
    assert_eq!(
        other.json("/v1/rider/vouchers").await["vouchers"],
        json!([])
    );
    server.end().await;
}

/// The picture is the server's own word about the journey, and an exit that names it ends it.
#[tokio::test]
async fn an_entry_voucher_comes_with_the_picture_for_the_exit() {
    let (entry_gate, exit_gate) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&entry_gate, &exit_gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let minute = (clock::now().0 - MORNING) / 60_000 - 30;
    let entry = entry_gate.entry_at(account, minute);
    let passage = entry_gate.passage(&entry, PassageOutcome::Passed);
    server.send(&entry_gate, &[entry.clone(), passage]).await;
    let vouchers = phone.json("/v1/rider/vouchers").await;
    let text = vouchers["vouchers"][0]["picture"].as_str().unwrap();
    assert!(text.len() <= 535, "version 12-L: {} characters", text.len());

    let now = Stamp {
        at: clock::now(),
        error_ms: Millis(0),
    };
    let signed = Picture::parse(text.as_bytes()).unwrap();
    let verified = signed.verify_within(&forever(&*settlement().signer), now);
    let picture = verified.unwrap().picture().clone();
    let said = entry.record();
    let (Voucher::Entry(voucher), _) =
        Voucher::parse(&envelope(&vouchers["vouchers"][0]["envelope"])).unwrap()
    else {
        panic!("{vouchers}")
    };
    assert_eq!(
        (picture.journey, picture.entry, picture.account),
        (voucher.journey, said.id, account)
    );
    assert_eq!(
        (picture.entered_at, picture.valid_until),
        (said.stamp.at, voucher.valid_until)
    );
    assert!(picture.as_of <= now.at && now.at.since(picture.as_of) < 60_000);
    let paid_before = picture.paid_before.unwrap();
    assert_eq!(paid_before.tariff, settlement().tariff.hash());

    let exit = exit_gate.tap(Tap {
        direction: Direction::Exit,
        account,
        minute: minute + 30,
        quoted: Some(Money::new(500, Currency::CNY)),
        names: Some(picture.entry),
        code: 9,
    });
    let passage = exit_gate.passage(&exit, PassageOutcome::Passed);
    server.send(&exit_gate, &[exit, passage]).await;
    let vouchers = phone.json("/v1/rider/vouchers?after=1").await;
    assert_eq!(vouchers["vouchers"][0]["kind"], "exit");
    assert!(vouchers["vouchers"][0].get("picture").is_none());
    let journeys = phone.json("/v1/rider/journeys").await;
    assert_eq!(journeys["journeys"][0]["state"], "closed");
    assert_eq!(journeys["journeys"][0]["fare"]["minor"], 500);
    server.end().await;
}

/// Who pays by stored value is told what is left: by the picture as of its making, by the list as of now.
#[tokio::test]
async fn the_balance_of_stored_value_is_told_less_what_is_not_yet_paid() {
    let (entry_gate, exit_gate) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&entry_gate, &exit_gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let list = phone.json("/v1/rider/journeys").await;
    assert_eq!(list["balance"], Value::Null, "nobody said how it pays");
    let bind = move |tx: &fare_server::store::Tx<'_>| -> Result<(), StoreError> {
        let payer = Payer {
            account,
            platform: PlatformId::StoredValue,
            agreement: None,
            policy: None,
        };
        tx.put_payer(&payer, UnixMs(MORNING))?;
        let ten = Money::new(1_000, Currency::CNY);
        top_up(tx, [9; 16], account, ten, UnixMs(MORNING)).map(|_| ())
    };
    server
        .database
        .with(|database| database.write(bind).unwrap());
    let minute = (clock::now().0 - MORNING) / 60_000 - 60;
    for (nth, left) in [(0, 1_000), (1, 500), (2, 0), (3, -500)] {
        let entered = minute + 15 * nth;
        let list = phone.json("/v1/rider/journeys").await;
        assert_eq!(list["balance"], json!({"minor": left, "currency": "CNY"}));
        assert!(clock::now().0 - list["as_of_ms"].as_i64().unwrap() < 60_000);
        let nth_code = u8::try_from(nth).unwrap();
        let entry = entry_gate.tap(Tap {
            direction: Direction::Entry,
            account,
            minute: entered,
            quoted: None,
            names: None,
            code: 20 + nth_code,
        });
        let passage = entry_gate.passage(&entry, PassageOutcome::Passed);
        server.send(&entry_gate, &[entry.clone(), passage]).await;
        let target = format!("/v1/rider/vouchers?after={}", 2 * nth);
        let vouchers = phone.json(&target).await;
        let text = vouchers["vouchers"][0]["picture"].as_str().unwrap();
        let signed = Picture::parse(text.as_bytes()).unwrap();
        let balance = signed.picture().balance.unwrap();
        assert_eq!(balance, Money::new(left, Currency::CNY));
        let exit = exit_gate.tap(Tap {
            direction: Direction::Exit,
            account,
            minute: entered + 10,
            quoted: Some(Money::new(500, Currency::CNY)),
            names: Some(entry.record().id),
            code: 10 + nth_code,
        });
        let passage = exit_gate.passage(&exit, PassageOutcome::Passed);
        server.send(&exit_gate, &[exit, passage]).await;
    }
    server.end().await;
}

/// Whose picture would be over when it came gets none.
#[tokio::test]
async fn an_entry_of_long_ago_comes_without_a_picture() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let minute = (clock::now().0 - MORNING) / 60_000 - 241;
    server.send(&gate, &[gate.entry_at(account, minute)]).await;
    let vouchers = phone.json("/v1/rider/vouchers").await;
    assert_eq!(vouchers["vouchers"][0]["kind"], "entry");
    assert!(vouchers["vouchers"][0].get("picture").is_none());
    server.end().await;
}

/// The exit's records come before the entry's: its gate was answered without a voucher.
#[tokio::test]
async fn an_exit_that_came_first_gets_its_voucher_when_the_entry_comes() {
    let (entry_gate, exit_gate) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&entry_gate, &exit_gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    server
        .send(&exit_gate, &exit_gate.passes(Direction::Exit, account, 40))
        .await;
    server
        .send(
            &entry_gate,
            &entry_gate.passes(Direction::Entry, account, 1),
        )
        .await;
    let journeys = phone.json("/v1/rider/journeys").await;
    assert_eq!(journeys["journeys"][0]["state"], "closed");
    assert!(
        !journeys["journeys"][0]["steps"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let vouchers = phone.json("/v1/rider/vouchers").await;
    let kinds: Vec<_> = vouchers["vouchers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["kind"])
        .collect();
    assert_eq!(kinds, ["entry", "exit"]);
    server.end().await;
}

#[tokio::test]
async fn vouchers_come_by_server_sent_events_and_so_does_a_change_of_state() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let mut events = phone.get("/v1/rider/events").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let tap = gate.entry(account, 1);
    server.send(&gate, std::slice::from_ref(&tap)).await;
    let text = read_until(&mut events, "event: voucher").await;
    assert!(
        text.contains("\"kind\":\"entry\"") && text.contains("id: 1\n"),
        "{text}"
    );
    let passage = gate.passage(&tap, PassageOutcome::Passed);
    server.send(&gate, &[passage]).await;
    read_until(&mut events, "event: journeys").await;
    // At the next contact only what was missed is told.
    let mut later = phone.get("/v1/rider/events?after=1").await;
    let first = later.chunk().await.unwrap().unwrap();
    assert_eq!(&first[..], b":\n\n");
    let wrong = phone.get("/v1/rider/events?after=x").await;
    assert_eq!(refused(wrong).await, said(400, "bad-request", "after"));
    server.end().await;
}

async fn read_until(events: &mut Response, wanted: &str) -> String {
    let mut text = String::new();
    while !(text.contains(wanted) && text.ends_with("\n\n")) {
        text += &String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap());
    }
    text
}

/// Where corrections are sent.
const CORRECTIONS: &str = "/v1/rider/corrections";

/// When the rider of these tests left.
const LEFT: i64 = MORNING + 30 * 60_000;

/// What a rider says of the journey of `entry`.
fn correction(entry: &str, station: &str, left: i64, note: &str) -> Value {
    json!({"entry": entry, "station": station, "left_at_ms": left, "note": note})
}

/// Enrols the phone and lets its rider in; answers the entry's id.
async fn goes_in(server: &Running, gate: &Gate, phone: &Phone<'_>) -> String {
    let (_, account) = phone.enrol().await;
    let entry: [SignedRecord; 2] = gate.passes(Direction::Entry, account, 1);
    server.send(gate, &entry).await;
    entry[0].record().id.to_hex()
}

#[tokio::test]
async fn a_correction_that_cannot_be_taken_names_its_field() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let (phone, other) = (Phone::new(&server, 1), Phone::new(&server, 2));
    let id = goes_in(&server, &gate, &phone).await;
    other.enrol().await;
    let tell = |station: &str, left: i64, note: &str| correction(&id, station, left, note);
    let nobody = "00".repeat(16);
    for (body, status, title, field) in [
        (tell("NOWHERE", LEFT, ""), 400, "bad-request", "station"),
        (tell("no station", LEFT, ""), 400, "bad-request", "station"),
        (tell("GMO", MORNING, ""), 400, "bad-request", "left_at_ms"),
        (tell("GMO", i64::MAX, ""), 400, "bad-request", "left_at_ms"),
        (
            tell("GMO", LEFT, &"x".repeat(301)),
            400,
            "bad-request",
            "note",
        ),
        (
            correction("zz", "GMO", LEFT, ""),
            400,
            "bad-request",
            "entry",
        ),
        (
            correction(&nobody, "GMO", LEFT, ""),
            404,
            "no-such-journey",
            "entry",
        ),
        (json!([]), 400, "bad-request", "entry"),
    ] {
        let answer = refused(phone.post(CORRECTIONS, &body).await).await;
        assert_eq!(answer, said(status, title, field), "{body}");
    }
    let foreign = refused(other.post(CORRECTIONS, &tell("GMO", LEFT, "")).await).await;
    assert_eq!(foreign, said(404, "no-such-journey", "entry"));
    server.end().await;
}

#[tokio::test]
async fn a_rider_tells_of_a_missing_exit_once_and_staff_decide() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let phone = Phone::new(&server, 1);
    let id = goes_in(&server, &gate, &phone).await;
    let good = correction(&id, "GMO", LEFT, "the doors\nstood open");
    let told = phone.post(CORRECTIONS, &good).await;
    assert_eq!(told.status(), StatusCode::CREATED);
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["correction"]["state"], "waiting");
    assert_eq!(told["correction"]["station"]["name"], "Guomao");
    let again = phone.post(CORRECTIONS, &good).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.json::<Value>().await.unwrap(), told);
    let other = correction(&id, "GMO", LEFT, "or another door");
    let other = refused(phone.post(CORRECTIONS, &other).await).await;
    assert_eq!(other, said(409, "told-already", "entry"));

    let inbox = format!("{}/v1/conflicts", server.console);
    let listed = server.client.get(&inbox).send().await.unwrap();
    let listed: Value = listed.json().await.unwrap();
    let case = &listed["conflicts"][0];
    assert_eq!(case["kind"], "exit-claimed");
    let proposal =
        json!({"decision": "charge", "fare": {"minor": 600, "currency": "CNY"}, "why": "as-told"});
    assert_eq!(case["proposal"], proposal);
    let detail = case["detail"].as_str().unwrap();
    let begins = "the rider says: left at GMO, 2026-11-23T08:30:00Z";
    assert!(detail.starts_with(begins), "{detail}");
    assert!(detail.ends_with("the doors stood open"), "{detail}");
    let url = format!("{inbox}/{}/resolution", case["conflict"].as_str().unwrap());
    let ruling = json!({"decision": "charge", "fare": {"minor": 500, "currency": "CNY"},
                        "reason": "seen on the hall's camera"});
    let cookie = server.signs_in(&server.console, "Wang", "finance").await;
    let request = server.client.post(url).header("cookie", cookie);
    let decided = request.json(&ruling).send().await.unwrap();
    assert_eq!(decided.status(), StatusCode::OK);
    let journeys = phone.json("/v1/rider/journeys").await;
    assert_eq!(journeys["journeys"][0]["correction"]["state"], "decided");
    assert_eq!(server.state().await["books"]["balanced"], true);
    server.end().await;
}

#[tokio::test]
async fn an_exit_that_comes_after_all_clears_what_the_rider_told() {
    let (entry_gate, exit_gate) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&entry_gate, &exit_gate]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let entry = entry_gate.passes(Direction::Entry, account, 1);
    server.send(&entry_gate, &entry).await;
    let body = json!({"entry": entry[0].record().id.to_hex(), "station": "XDN",
                      "left_at_ms": MORNING + 40 * 60_000});
    assert_eq!(
        phone.post("/v1/rider/corrections", &body).await.status(),
        201
    );
    server
        .send(&exit_gate, &exit_gate.passes(Direction::Exit, account, 40))
        .await;
    let journeys = phone.json("/v1/rider/journeys").await;
    assert_eq!(journeys["journeys"][0]["correction"]["state"], "cleared");
    let again = phone.post("/v1/rider/corrections", &body).await;
    assert_eq!(again.status(), StatusCode::OK, "the same is answered again");
    let other = json!({"entry": body["entry"], "station": "GMO", "left_at_ms": body["left_at_ms"]});
    let late = refused(phone.post("/v1/rider/corrections", &other).await).await;
    assert_eq!(late, said(409, "nothing-missing", "entry"));
    assert_eq!(server.state().await["counts"]["conflicts"], 0);
    server.end().await;
}

#[tokio::test]
async fn stations_and_gates_are_for_anybody_and_what_is_not_there_is_said_as_a_problem() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let keys = server.client.get(format!("{}/v1/gates", server.riders));
    let keys: Value = keys.send().await.unwrap().json().await.unwrap();
    let key = Signer::public(&gate.key).to_string();
    assert_eq!(keys, json!([{ "gate": "PGY-01", "key": key }]));
    let get = |path: &str| server.client.get(format!("{}{path}", server.riders)).send();
    let stations: Value = get("/v1/stations").await.unwrap().json().await.unwrap();
    let guomao = json!({"id": "GMO", "name": "Guomao", "local": "国贸"});
    assert!(stations.as_array().unwrap().contains(&guomao));
    assert_eq!(
        refused(get("/").await.unwrap()).await,
        said(404, "not-found", "path")
    );
    let wrong = refused(get("/v1/rider").await.unwrap()).await;
    assert_eq!(wrong.0, 405);
    server.end().await;
}

/// What staff grant upon a proof reaches the phone with its next issuer part, and ends by itself.
#[tokio::test]
// long: one rider's story
async fn a_class_is_granted_upon_a_proof_until_its_end() {
    let server = Running::new(&[]).await;
    let phone = Phone::new(&server, 1);
    let (enrolled, account) = phone.enrol().await;
    assert_eq!(enrolled["class"], "adult");
    assert_eq!(enrolled["class_until_ms"], Value::Null);
    let now = clock::now();
    let granted = |id: u8, class: RiderClass, until: i64| ClassProof {
        id: [id; 16],
        account,
        class,
        proof: "student list 2026, line 4711".to_owned(),
        made: UnixMs(now.0 - 1_000 + i64::from(id)),
        until: UnixMs(now.0 + until),
        person: "Wang".to_owned(),
        ended: None,
    };
    let write = |proof: ClassProof| {
        server.database.with(|database| {
            let done: Result<(), StoreError> = database.write(|tx| tx.grant_class(&proof));
            done.unwrap();
        });
    };
    let renew = async || {
        let answer = phone.post("/v1/rider/issuer-part", &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let fresh: Value = answer.json().await.unwrap();
        let (now, part) = (clock::now(), envelope(&fresh["issuer_part"]));
        let code = RideCode::make(&part, now, 1, &phone.key);
        let code = RideCode::parse(code.as_bytes()).unwrap();
        let code = code.verify(&settlement().issuers, now).unwrap();
        (code.claims().issuer.class, fresh)
    };
    for (id, class, name) in [
        (1, RiderClass::Student, "student"),
        (2, RiderClass::Senior, "senior"),
    ] {
        write(granted(id, class, 86_400_000));
        let (in_code, fresh) = renew().await;
        assert_eq!(
            (in_code, &fresh["class"]),
            (class, &json!(name)),
            "the newest counts"
        );
        assert_eq!(fresh["class_until_ms"], now.0 + 86_400_000);
    }
    // Over a moment after it was granted.
    write(granted(3, RiderClass::Child, -990));
    let (in_code, fresh) = renew().await;
    assert_eq!(in_code, RiderClass::Adult);
    assert_eq!(
        (&fresh["class"], &fresh["class_until_ms"]),
        (&json!("adult"), &Value::Null)
    );
    write(granted(4, RiderClass::Disabled, 86_400_000));
    server.database.with(|database| {
        let ended: Result<bool, StoreError> =
            database.write(|tx| tx.end_class(account, clock::now()));
        assert!(ended.unwrap());
    });
    assert_eq!(renew().await.0, RiderClass::Adult);
    server.end().await;
}

#[tokio::test]
async fn a_rider_sees_what_was_bought_and_nobody_elses() {
    let server = Running::new(&[]).await;
    let (phone, other) = (Phone::new(&server, 1), Phone::new(&server, 2));
    let (_, account) = phone.enrol().await;
    other.enrol().await;
    let mut text = settlement().tariff_text;
    text.tariff.push_str(
        "[[product]]\nid = \"ten\"\nname = \"Ten rides\"\nprice_minor = 4500\nvalid_days = 30\n\
         rides = 10\n",
    );
    let tariff = Tariff::parse(&text).unwrap();
    let sale = Sale {
        account,
        offer: "ten".to_owned(),
        paid: PaidBy::Cash,
        from: None,
        person: "Wang".to_owned(),
    };
    let sold = server.database.with(|database| {
        let sold = database.write(|tx| sell(tx, &tariff, &sale, clock::now()));
        sold.unwrap()
    });
    let seen = phone.json("/v1/rider/products").await;
    let product = &seen["products"][0];
    assert_eq!(product["product"], sold.id.to_hex());
    assert_eq!(
        (
            &product["name"],
            &product["kind"],
            &product["used"],
            &product["uses"]
        ),
        (
            &json!("Ten rides"),
            &json!("multi-ride"),
            &json!(0),
            &json!(10)
        )
    );
    assert_eq!(product["until_ms"], sold.until.0);
    assert_eq!(
        seen["on_sale"],
        json!([]),
        "the tariff of the server sells nothing"
    );
    assert!(clock::now().0 - seen["as_of_ms"].as_i64().unwrap() < 60_000);
    assert_eq!(
        other.json("/v1/rider/products").await["products"],
        json!([])
    );
    server.end().await;
}
