//! Against the vectors that an SDK of others made (`scripts/charging-vectors`), and against liars.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::charging::platform::{DeclineReason, NoticeAbout, OrderNo};
use fare_rules::tariff::Day;
use serde_json::Value;

pub(crate) const VECTORS: &str = include_str!("../../../tests/charging/vectors.json");
pub(crate) const MERCHANT: &str =
    include_str!("../../../../fare-sim/src/platform/keys/merchant.pem");
pub(crate) const MERCHANT_PUBLIC: &str =
    include_str!("../../../../fare-sim/src/platform/keys/merchant.pub.pem");
pub(crate) const PLATFORM: &str =
    include_str!("../../../../fare-sim/src/platform/keys/platform.pem");
pub(crate) const PLATFORM_PUBLIC: &str =
    include_str!("../../../../fare-sim/src/platform/keys/platform.pub.pem");
pub(crate) const PLATFORM_CERT: &str =
    include_str!("../../../../fare-sim/src/platform/keys/platform.crt");

pub(crate) const ORDER: &str = "0190000000007000800000000000000a";
pub(crate) const REFUND: &str = "0190000000007000800000000000000b";

const NOW: UnixMs = UnixMs(1_764_402_309_000);
const SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";

pub(crate) fn no(text: &str) -> OrderNo {
    text.parse().unwrap()
}

pub(crate) fn order(means: Means) -> Order {
    Order {
        no: no(ORDER),
        amount: Money::new(300, Currency::CNY),
        means,
        subject: "Metro fare".to_owned(),
    }
}

fn code() -> Order {
    order(Means::PayCode(Secret::new("130000000000000001")))
}

fn us() -> WeChat {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    WeChat {
        app_id: "wx0000000000000001".to_owned(),
        merchant_id: "1900000109".to_owned(),
        serial_no: "3775B6A45ACD588826D15E583A95F5DD8F6D7C11".to_owned(),
        key: MerchantKey::parse(MERCHANT).unwrap(),
        api_key: ApiKey::parse(vectors["wechat"]["api_v3_key"].as_str().unwrap()).unwrap(),
        platform_keys: PlatformKeys::certificates(vec![PlatformKey::parse(PLATFORM_CERT).unwrap()]),
        notify_url: "https://fares.example/v1/notices/wechat".to_owned(),
    }
}

fn moment() -> Moment {
    Moment {
        now: NOW,
        nonce: NONCE.to_owned(),
    }
}

/// A body with headers that the sandbox's platform key signs, at this time.
fn signed(status: u16, body: &str, at: UnixMs) -> Response {
    let key = MerchantKey::parse(PLATFORM).unwrap();
    let signature = sign_answer(&key, at, NONCE, body).unwrap();
    told(status, body, &(at.0 / 1_000).to_string(), &signature)
}

fn told(status: u16, body: &str, at: &str, signature: &str) -> Response {
    let headers = [
        ("wechatpay-serial", SERIAL),
        ("wechatpay-timestamp", at),
        ("wechatpay-nonce", NONCE),
        ("wechatpay-signature", signature),
    ];
    Response {
        status,
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn requests_are_signed_as_the_sdk_signs_them() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (code, shown) = (code(), order(Means::ShowCode));
    let contract = order(Means::Agreement(Secret::new("20250000000000000001")));
    let refund = Refund {
        no: no(REFUND),
        order: no(ORDER),
        charged: Money::new(300, Currency::CNY),
        amount: Money::new(120, Currency::CNY),
    };
    let calls = [
        Call::Charge(&code),
        Call::Charge(&shown),
        Call::Charge(&contract),
        Call::Query(&code),
        Call::Cancel(&code),
        Call::Cancel(&shown),
        Call::Refund(&refund),
        Call::QueryRefund(&refund),
        Call::Bill(Day::of(2025, 11, 28).unwrap()),
    ];
    let made = vectors["wechat"]["requests"].as_array().unwrap();
    assert_eq!(made.len(), calls.len());
    for (call, vector) in calls.iter().zip(made) {
        let request = us().ask(call, &moment()).unwrap();
        assert_eq!(request.target, vector["path"].as_str().unwrap());
        assert_eq!(request.body, vector["body"].as_str().unwrap());
        assert_eq!(
            request.headers[0].1,
            vector["authorization"].as_str().unwrap()
        );
    }
}

#[test]
fn an_answer_is_believed_as_the_sdk_believes_it() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = &vectors["wechat"]["answer"];
    let field = |name: &str| vector[name].as_str().unwrap();
    let answer = |body: &str, at: &str| told(404, body, at, field("signature"));
    let (query, read) = (code(), us());
    let hear =
        |answer: &Response, now| read.order_answer(&Call::Query(&query), &query, answer, now);
    let good = answer(field("body"), field("timestamp"));
    assert_eq!(hear(&good, NOW).unwrap(), Outcome::Missing);
    for (what, bad) in [
        (
            "the body",
            answer(&field("body").replace('O', "0"), field("timestamp")),
        ),
        ("the time", answer(field("body"), "1764402310")),
    ] {
        assert!(
            matches!(hear(&bad, NOW), Err(ChargeError::Forged { .. })),
            "{what}"
        );
    }
    let mut unsigned = good.clone();
    unsigned.headers.clear();
    // Without a signature it is an error, never the outcome "missing".
    assert!(matches!(
        hear(&unsigned, NOW),
        Err(ChargeError::Rejected { .. })
    ));
    unsigned.status = 200;
    assert!(matches!(
        hear(&unsigned, NOW),
        Err(ChargeError::Forged { .. })
    ));
    let mut stranger = good.clone();
    stranger.headers[0].1 = "00".to_owned();
    assert!(matches!(
        hear(&stranger, NOW),
        Err(ChargeError::Forged { .. })
    ));
    for off in [CLOCK_OFF_MS_MAX, -CLOCK_OFF_MS_MAX] {
        assert!(hear(&good, UnixMs(NOW.0 + off)).is_ok());
        let late = hear(&good, UnixMs(NOW.0 + off + off.signum()));
        assert!(matches!(late, Err(ChargeError::Clock { .. })));
    }
}

#[test]
fn a_notice_is_opened_as_the_sdk_opens_it() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = &vectors["wechat"]["notice"];
    let field = |name: &str| vector[name].as_str().unwrap();
    let notice = told(0, field("body"), field("timestamp"), field("signature"));
    let got = us().notice(&notice, NOW).unwrap();
    assert_eq!(got.order.as_str(), ORDER);
    let NoticeAbout::Order(Outcome::Paid(paid)) = got.about else {
        panic!()
    };
    assert_eq!(paid.amount.to_string(), "CNY 3.00");
    assert_eq!(paid.at.unwrap().to_rfc3339(), "2025-11-29T07:45:10Z");
    let sealed = us()
        .api_key
        .seal(field("plain"), field("about"), field("sealed_nonce"));
    assert_eq!(
        sealed.unwrap().ciphertext,
        field("sealed"),
        "we seal as they do"
    );
    let mut other = us();
    other.api_key = ApiKey::parse(&"x".repeat(32)).unwrap();
    assert!(matches!(
        other.notice(&notice, NOW),
        Err(ChargeError::Forged { .. })
    ));
    let mut other = us();
    other.merchant_id = "1900000110".to_owned();
    assert!(matches!(
        other.notice(&notice, NOW),
        Err(ChargeError::NotOurs { .. })
    ));
    assert!(ApiKey::parse("short").is_err());
}

#[test]
fn certificates_are_believed_because_they_were_sealed_for_us() {
    let mut us = us();
    us.platform_keys = PlatformKeys::certificates(vec![]);
    let request = us.certificates(&moment()).unwrap().unwrap();
    assert_eq!(request.target, "/v3/certificates");
    let body = |key: &ApiKey| {
        let sealed = key
            .seal(PLATFORM_CERT, "certificate", "abcdefghijkl")
            .unwrap();
        json!({"data": [{"serial_no": SERIAL, "encrypt_certificate": sealed}]}).to_string()
    };
    let stranger = ApiKey::parse(&"s".repeat(32)).unwrap();
    let forged = us.take_certificates(&signed(200, &body(&stranger), NOW), NOW);
    assert!(matches!(forged, Err(ChargeError::Forged { .. })));
    assert!(!us.platform_keys.knows(SERIAL));
    let answer = signed(200, &body(&us.api_key), NOW);
    assert_eq!(us.take_certificates(&answer, NOW).unwrap(), 1);
    assert!(us.platform_keys.knows(SERIAL));
    let key = PlatformKey::parse(PLATFORM_PUBLIC).unwrap();
    us.platform_keys = PlatformKeys::public_key("PUB_KEY_ID_1", key);
    assert_eq!(us.certificates(&moment()).unwrap(), None);
    let asked = us.ask(&Call::Query(&code()), &moment()).unwrap();
    assert!(
        asked
            .headers
            .contains(&("wechatpay-serial", "PUB_KEY_ID_1".to_owned()))
    );
}

#[test]
// long: one table
fn what_wechat_pay_says_comes_to_one_outcome() {
    let (code, shown) = (code(), order(Means::ShowCode));
    let state = |state: &str| {
        json!({
            "out_trade_no": ORDER, "transaction_id": "42", "trade_state": state,
            "amount": {"total": 300, "currency": "CNY"},
        })
        .to_string()
    };
    let declined = |reason, code: &str| {
        Outcome::Declined(super::super::platform::Decline {
            reason,
            code: code.to_owned(),
        })
    };
    let yes = Outcome::Paid(super::super::platform::Paid {
        reference: "42".to_owned(),
        amount: Money::new(300, Currency::CNY),
        at: None,
    });
    let no_of = |code: &str| error_body(code, "no");
    for (call, status, body, expected) in [
        (Call::Charge(&code), 200, state("SUCCESS"), yes.clone()),
        (
            Call::Charge(&code),
            202,
            no_of("USERPAYING"),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            400,
            no_of("USERPAYING"),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            500,
            no_of("SYSTEM_ERROR"),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            403,
            no_of("NOT_ENOUGH"),
            declined(DeclineReason::NoMoney, "NOT_ENOUGH"),
        ),
        (
            Call::Charge(&code),
            400,
            no_of("AUTH_CODE_EXPIRE"),
            declined(DeclineReason::Means, "AUTH_CODE_EXPIRE"),
        ),
        (Call::Query(&code), 200, state("SUCCESS"), yes.clone()),
        (Call::Query(&code), 200, state("REFUND"), yes),
        (
            Call::Query(&code),
            200,
            state("USERPAYING"),
            Outcome::Waiting,
        ),
        (Call::Query(&code), 200, state("NOTPAY"), Outcome::Waiting),
        (Call::Query(&code), 200, state("REVOKED"), Outcome::Ended),
        (
            Call::Query(&code),
            404,
            no_of("ORDER_NOT_EXIST"),
            Outcome::Missing,
        ),
        (
            Call::Cancel(&code),
            200,
            json!({"out_trade_no": ORDER}).to_string(),
            Outcome::Ended,
        ),
        (
            Call::Cancel(&code),
            200,
            json!({"recall": true}).to_string(),
            Outcome::Waiting,
        ),
        (Call::Cancel(&code), 204, String::new(), Outcome::Ended),
    ] {
        let answer = signed(status, &body, NOW);
        let got = us().order_answer(&call, &code, &answer, NOW).unwrap();
        assert_eq!(got, expected, "{status} {body}");
    }
    let answer = signed(200, r#"{"code_url":"weixin://wxpay/x"}"#, NOW);
    let got = us()
        .order_answer(&Call::Charge(&shown), &shown, &answer, NOW)
        .unwrap();
    assert_eq!(got, Outcome::Shown("weixin://wxpay/x".to_owned()));
    let other = signed(200, &state("SUCCESS").replace(ORDER, REFUND), NOW);
    let other = us().order_answer(&Call::Query(&code), &code, &other, NOW);
    assert!(matches!(other, Err(ChargeError::Unreadable { .. })));
}

#[test]
fn a_bill_is_read_by_the_names_of_its_columns() {
    let bill = format!(
        "\u{feff}交易时间,微信订单号,商户订单号,交易状态,货币种类,商户退款单号,商品名称,订单金额,申请退款金额\r\n\
         `2025-11-28 10:00:00,`42,`{ORDER},`SUCCESS,`CNY,`0,`a, b,`3.00,`0.00\r\n\
         `2025-11-28 11:00:00,`42,`{ORDER},`REFUND,`CNY,`{REFUND},`fare,`0.00,`1.20\r\n\
         总交易单数,应结订单总金额\r\n`2,`3.00\r\n"
    );
    let rows = bill_rows(&bill).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].refund.as_deref(), rows[0].amount.minor),
        (None, 300)
    );
    assert_eq!(
        (rows[1].refund.as_deref(), rows[1].amount.minor),
        (Some(REFUND), 120)
    );
    assert!(bill_rows("a,b\n").unwrap_err().contains("no column"));
    let bad = bill_rows(&bill.replace("`3.00,", "`x,")).unwrap_err();
    assert_eq!(bad, "line 2: no sum in yuan");
}
