//! Against the vectors that an SDK of others made (`scripts/charging-vectors`), and against liars.
#![allow(clippy::unwrap_used)]

use super::super::wechat::tests::{
    MERCHANT, ORDER, PLATFORM, PLATFORM_PUBLIC, REFUND, VECTORS, no, order,
};
use super::*;
use fare_rules::tariff::Day;
use serde_json::{Value, json};
use std::io::Write;

const NOW: UnixMs = UnixMs(1_764_402_309_000);

fn us() -> Alipay {
    Alipay {
        app_id: "2021000000000001".to_owned(),
        key: MerchantKey::parse(MERCHANT).unwrap(),
        platform_key: PlatformKey::parse(PLATFORM_PUBLIC).unwrap(),
        notify_url: Some("https://fares.example/v1/notices/alipay".to_owned()),
    }
}

fn moment() -> Moment {
    Moment {
        now: NOW,
        nonce: String::new(),
    }
}

fn refund() -> Refund {
    Refund {
        no: no(REFUND),
        order: no(ORDER),
        charged: Money::new(300, Currency::CNY),
        amount: Money::new(120, Currency::CNY),
    }
}

/// An answer whose node the sandbox's platform key signs.
fn answer(name: &str, node: &Value) -> Response {
    let key = MerchantKey::parse(PLATFORM).unwrap();
    let node = node.to_string();
    let sign = key.sign(node.as_bytes()).unwrap();
    Response {
        status: 200,
        headers: vec![],
        body: format!("{{\"{name}\":{node},\"sign\":\"{sign}\"}}").into_bytes(),
    }
}

#[test]
fn requests_are_signed_as_the_sdk_signs_them() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let code = order(Means::PayCode(Secret::new("280000000000000001")));
    let agreement = order(Means::Agreement(Secret::new("20250000000000000001")));
    let (shown, refund) = (order(Means::ShowCode), refund());
    let calls = [
        Call::Charge(&code),
        Call::Charge(&agreement),
        Call::Charge(&shown),
        Call::Query(&code),
        Call::Cancel(&code),
        Call::Refund(&refund),
        Call::QueryRefund(&refund),
    ];
    let made = vectors["alipay"]["requests"].as_array().unwrap();
    assert_eq!(made.len(), calls.len());
    for (call, vector) in calls.iter().zip(made) {
        let request = us().ask(call, &moment()).unwrap();
        let fields: BTreeMap<String, String> = form_urlencoded::parse(request.body.as_bytes())
            .into_owned()
            .collect();
        let mut expected = vector["params"].clone();
        expected["sign"] = vector["sign"].clone();
        assert_eq!(json!(fields), expected, "{}", vector["message"]);
    }
}

#[test]
fn an_answer_is_believed_by_the_raw_text_of_its_node() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let raw = vectors["alipay"]["answer"]["raw"].as_str().unwrap();
    let code = order(Means::PayCode(Secret::new("280000000000000001")));
    let told = |text: &str| {
        let answer = Response {
            status: 200,
            body: text.as_bytes().to_vec(),
            ..Response::default()
        };
        us().order_answer(&Call::Charge(&code), &code, &answer, NOW)
    };
    let Outcome::Paid(paid) = told(raw).unwrap() else {
        panic!()
    };
    assert_eq!(paid.amount, Money::new(300, Currency::CNY));
    assert_eq!(paid.at, from_beijing("2025-11-29 15:45:10"));
    for (what, from, to) in [
        ("the amount", "\"3.00\"", "\"3.01\""),
        ("a space", "\"code\":", "\"code\": "),
        ("the signature", "\"sign\":\"", "\"sign\":\"A"),
    ] {
        let changed = told(&raw.replacen(from, to, 1));
        assert!(matches!(changed, Err(ChargeError::Forged { .. })), "{what}");
    }
    let unsigned = told(r#"{"alipay_trade_pay_response":{"code":"10000","msg":"Success"}}"#);
    assert!(matches!(unsigned, Err(ChargeError::Forged { .. })));
    let refused = told(
        r#"{"error_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-timestamp"}}"#,
    );
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("clock"), "{refused}");
}

#[test]
fn a_notice_is_believed_as_the_sdk_believes_it() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let fields: BTreeMap<String, String> =
        serde_json::from_value(vectors["alipay"]["notice"]["fields"].clone()).unwrap();
    let told = |fields: &BTreeMap<String, String>| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let notice = Response {
            body: body.into_bytes(),
            ..Response::default()
        };
        us().notice(&notice, NOW)
    };
    let notice = told(&fields).unwrap();
    assert_eq!(notice.order.as_str(), ORDER);
    assert!(matches!(notice.about, NoticeAbout::Order(Outcome::Paid(_))));
    for (name, value) in [
        ("total_amount", "0.01"),
        ("extra", "1"),
        ("sign_type", "RSA"),
    ] {
        let mut changed = fields.clone();
        changed.insert(name.to_owned(), value.to_owned());
        assert!(
            matches!(told(&changed), Err(ChargeError::Forged { .. })),
            "{name}"
        );
    }
    let mut other = us();
    other.app_id = "2021000000000002".to_owned();
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let notice = Response {
        body: body.into_bytes(),
        ..Response::default()
    };
    assert!(matches!(
        other.notice(&notice, NOW),
        Err(ChargeError::NotOurs { .. })
    ));
}

#[test]
// long: one table
fn what_alipay_says_comes_to_one_outcome() {
    let code = order(Means::PayCode(Secret::new("280000000000000001")));
    let shown = order(Means::ShowCode);
    let ours = |mut node: Value| {
        node["out_trade_no"] = ORDER.into();
        node["trade_no"] = "2025".into();
        node
    };
    let paid = |code: &str| ours(json!({"code": code, "total_amount": "3.00"}));
    let no_of = |sub: &str| json!({"code": "40004", "sub_code": sub});
    let declined = |reason, code: &str| {
        Outcome::Declined(Decline {
            reason,
            code: code.to_owned(),
        })
    };
    let yes = Outcome::Paid(Paid {
        reference: "2025".to_owned(),
        amount: Money::new(300, Currency::CNY),
        at: None,
    });
    for (call, name, node, expected) in [
        (Call::Charge(&code), "pay", paid("10000"), yes.clone()),
        (
            Call::Charge(&code),
            "pay",
            json!({"code": "10003"}),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            "pay",
            json!({"code": "20000"}),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            "pay",
            no_of("ACQ.SYSTEM_ERROR"),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            "pay",
            no_of("ACQ.TRADE_HAS_SUCCESS"),
            Outcome::Waiting,
        ),
        (
            Call::Charge(&code),
            "pay",
            no_of("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
            declined(DeclineReason::NoMoney, "ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        ),
        (
            Call::Charge(&code),
            "pay",
            no_of("ACQ.PAYMENT_AUTH_CODE_INVALID"),
            declined(DeclineReason::Means, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
        ),
        (
            Call::Charge(&shown),
            "precreate",
            json!({"code": "10000", "out_trade_no": ORDER, "qr_code": "https://qr.alipay.com/x"}),
            Outcome::Shown("https://qr.alipay.com/x".to_owned()),
        ),
        (
            Call::Query(&code),
            "query",
            ours(json!({"code": "10000", "trade_status": "TRADE_SUCCESS", "total_amount": "3.00"})),
            yes,
        ),
        (
            Call::Query(&code),
            "query",
            json!({"code": "10000", "trade_status": "WAIT_BUYER_PAY"}),
            Outcome::Waiting,
        ),
        (
            Call::Query(&code),
            "query",
            json!({"code": "10000", "trade_status": "TRADE_CLOSED"}),
            Outcome::Ended,
        ),
        (
            Call::Query(&code),
            "query",
            no_of("ACQ.TRADE_NOT_EXIST"),
            Outcome::Missing,
        ),
        (
            Call::Cancel(&code),
            "cancel",
            json!({"code": "10000", "retry_flag": "N", "action": "refund"}),
            Outcome::Ended,
        ),
        (
            Call::Cancel(&code),
            "cancel",
            json!({"code": "10000", "retry_flag": "Y"}),
            Outcome::Waiting,
        ),
    ] {
        let order = if name == "precreate" { &shown } else { &code };
        let answer = answer(&format!("alipay_trade_{name}_response"), &node);
        let got = us().order_answer(&call, order, &answer, NOW).unwrap();
        assert_eq!(got, expected, "{node}");
    }
}

#[test]
fn an_order_in_another_currency_is_not_sent_and_one_paid_so_is_told() {
    let mut code = order(Means::PayCode(Secret::new("280000000000000001")));
    let node = json!({
        "code": "10000", "out_trade_no": ORDER, "trade_no": "1", "total_amount": "3.00",
        "trans_currency": "USD",
    });
    let told = answer("alipay_trade_pay_response", &node);
    let got = us()
        .order_answer(&Call::Charge(&code), &code, &told, NOW)
        .unwrap();
    let Outcome::Paid(paid) = got else { panic!() };
    assert_eq!(paid.amount.to_string(), "USD 3.00");
    code.amount = Money::new(300, "HKD".parse().unwrap());
    let refused = us().ask(&Call::Charge(&code), &moment());
    assert!(matches!(refused, Err(ChargeError::Currency { .. })));
}

#[test]
fn a_bill_is_read_out_of_its_zip() {
    let head = "支付宝交易号,商户订单号,业务类型,商品名称,订单金额（元）,退款批次号/请求号,备注";
    let text = format!(
        "#支付宝业务明细查询\n{head}\n2025\t,{ORDER}\t,交易     ,fare,3.00,,\n\
         2025\t,{ORDER}\t,退款     ,fare,-1.20,{REFUND}\t,\n#交易合计：1笔\n"
    );
    let pack = |text: &str| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("sums.csv", options).unwrap();
        zip.write_all(&encoding_rs::GBK.encode("#x\n门店编号,1\n").0)
            .unwrap();
        zip.start_file("detail.csv", options).unwrap();
        zip.write_all(&encoding_rs::GBK.encode(text).0).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let rows = bill_rows(&pack(&text)).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].order.as_str(), rows[0].refund.as_deref()),
        (ORDER, None)
    );
    assert_eq!(rows[1].refund.as_deref(), Some(REFUND));
    assert_eq!(rows[1].amount, Money::new(120, Currency::CNY));
    assert!(bill_rows(b"no zip").is_err());
    let bad = bill_rows(&pack(&text.replace("3.00", "three"))).unwrap_err();
    assert_eq!(bad, "line 3: no sum in yuan");
    assert_eq!(date(Day(0)), "1970-01-01");
}

#[test]
fn pay_codes_are_known_by_their_digits() {
    for code in ["2800000000000001", "301234567890123456789012"] {
        assert!(is_pay_code(code), "{code}");
    }
    for other in [
        "130000000000000001",
        "28000",
        "2800000000000000000000000",
        "28000000000000a1",
    ] {
        assert!(!is_pay_code(other), "{other}");
    }
}
