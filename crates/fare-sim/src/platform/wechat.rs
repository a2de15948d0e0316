//! WeChat Pay's side of API v3: checks `Authorization`, does it, signs the answer in headers.

use super::bill;
use super::book::{Demand, Entry, State};
use super::fault::{Fault, Operation};
use super::{
    API_V3_KEY, MERCHANT_SERIAL, PLATFORM_CERTIFICATE, PLATFORM_SERIAL, Reply, Shared, WECHAT_APP,
    WECHAT_MERCHANT, plain,
};
use bytes::Bytes;
use fare_protocol::UnixMs;
use fare_server::charging::wechat::{ApiKey, CLOCK_OFF_MS_MAX, SCHEME, error_body, sign_answer};
use fare_server::charging::{Response, sha1};

use hyper::http::request::Parts;
use serde_json::{Value, json};
use std::sync::Arc;

const ORDERS: &str = "/v3/pay/transactions/out-trade-no/";
const REFUNDS: &str = "/v3/refund/domestic/refunds";

fn operation(path: &str) -> Operation {
    if path.ends_with("/reverse") || path.ends_with("/close") {
        Operation::Cancel
    } else if path.starts_with(ORDERS) {
        Operation::Query
    } else if path.starts_with(REFUNDS) {
        Operation::Refund
    } else if path.starts_with("/v3/bill/") {
        Operation::Bill
    } else {
        Operation::Charge
    }
}

pub(super) async fn serve(shared: &Arc<Shared>, head: &Parts, body: &Bytes) -> Reply {
    let path = head.uri.path();
    let fault = match path {
        "/v3/certificates" => None,
        _ => shared.book().fault(operation(path)),
    };
    if fault == Some(Fault::LoseRequest) {
        return None;
    }
    let off = match &fault {
        Some(Fault::ClockOff(ms)) => *ms,
        _ => 0,
    };
    if let Err(message) = check(shared, head, body) {
        // Unsigned, as WeChat Pay answers who it does not know.
        let text = error_body("SIGN_ERROR", message);
        return Some(plain(401, "application/json", text));
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let (status, said) = act(shared, head, &asked, fault.as_ref());
    match fault {
        Some(Fault::LoseAnswer) => return None,
        Some(Fault::Hold) => {
            let _gone = shared.released.subscribe().changed().await;
        }
        _ => {}
    }
    let at = UnixMs(shared.book().now().0 + off);
    let key = match fault {
        Some(Fault::MisSign) => &shared.wrong_key,
        _ => &shared.key,
    };
    let nonce = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS";
    let mut answer = plain(status, "application/json", said.clone());
    let signature = sign_answer(key, at, nonce, &said).ok()?;
    for (name, value) in signed_headers(at, nonce, &signature) {
        let value = value.parse().ok()?;
        answer.headers_mut().insert(name, value);
    }
    Some(answer)
}

fn signed_headers(at: UnixMs, nonce: &str, signature: &str) -> [(&'static str, String); 5] {
    [
        ("wechatpay-serial", PLATFORM_SERIAL.to_owned()),
        ("wechatpay-timestamp", (at.0 / 1_000).to_string()),
        ("wechatpay-nonce", nonce.to_owned()),
        ("wechatpay-signature", signature.to_owned()),
        ("wechatpay-signature-type", SCHEME.to_owned()),
    ]
}

/// Whether the request is the merchant's, of now, and the first with its nonce.
fn check(shared: &Shared, head: &Parts, body: &Bytes) -> Result<(), &'static str> {
    let said = head.headers.get("authorization");
    let said = said
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let said = said.strip_prefix(SCHEME).ok_or("no signature")?;
    let field = |name: &str| {
        let mut fields = said
            .split(',')
            .filter_map(|field| field.trim().split_once('='));
        let found = fields.find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.trim_matches('"'))
    };
    if (field("mchid"), field("serial_no")) != (WECHAT_MERCHANT, MERCHANT_SERIAL) {
        return Err("an unknown merchant or certificate");
    }
    let (at, nonce) = (field("timestamp"), field("nonce_str"));
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let body = String::from_utf8_lossy(body);
    let message = format!("{}\n{target}\n{at}\n{nonce}\n{body}\n", head.method);
    let held = shared
        .merchant
        .verify(message.as_bytes(), field("signature"));
    held.map_err(|_| "the signature does not hold")?;
    let mut book = shared.book();
    let at = at.parse::<i64>().map_err(|_| "no timestamp")?;
    if (book.now().0 - at * 1_000).abs() > CLOCK_OFF_MS_MAX {
        return Err("the timestamp is off by more than five minutes");
    }
    if book.nonces.iter().any(|known| known == nonce) {
        return Err("the nonce came before");
    }
    book.nonces.push(nonce.to_owned());
    Ok(())
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, error_body(code, code))
}

fn act(shared: &Shared, head: &Parts, asked: &Value, fault: Option<&Fault>) -> (u16, String) {
    let path = head.uri.path();
    if path == "/v3/certificates" {
        return certificates();
    }
    if path == "/v3/bill/tradebill" {
        let query = head.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let day = pairs.find(|(name, _)| name == "bill_date");
        let day = day.map(|(_, day)| day.into_owned()).unwrap_or_default();
        let url = format!("http://{}/bill/wechat/{day}", shared.address);
        let hash = match fault {
            // The file is another one than it says.
            Some(Fault::WrongAmount(_)) => sha1(b"another file"),
            Some(_) | None => bill::wechat_hash(shared, &day),
        };
        let told = json!({"hash_type": "SHA1", "hash_value": hash, "download_url": url});
        return (200, told.to_string());
    }
    if path.starts_with(REFUNDS) {
        return refund(shared, path, asked, fault);
    }
    let Some(rest) = path.strip_prefix(ORDERS) else {
        return charge(shared, path, asked, fault);
    };
    let mut book = shared.book();
    match rest.split_once('/') {
        None => match book
            .entry(rest)
            .filter(|entry| entry.state != State::Declined)
        {
            Some(entry) => (200, transaction(entry).to_string()),
            None => error(404, "ORDER_NOT_EXIST"),
        },
        Some((order, "close")) => {
            book.cancel(order);
            (204, String::new())
        }
        Some((order, _)) if book.cancel(order) => (
            200,
            json!({"mchid": WECHAT_MERCHANT, "out_trade_no": order}).to_string(),
        ),
        Some(_) => error(404, "ORDER_NOT_EXIST"),
    }
}

fn charge(shared: &Shared, path: &str, asked: &Value, fault: Option<&Fault>) -> (u16, String) {
    let (shown, contract) = (path.ends_with("/native"), path.ends_with("/apply"));
    let code = asked["payer"]["auth_code"].as_str();
    let means = code.or(asked["contract_id"].as_str());
    let notify = asked["notify_url"].as_str();
    let notify = notify.or(asked["transaction_notify_url"].as_str());
    let (Some(order), Some(minor)) = (
        asked["out_trade_no"].as_str(),
        asked["amount"]["total"].as_i64(),
    ) else {
        return error(400, "PARAM_ERROR");
    };
    let demand = Demand {
        order,
        wechat: true,
        minor,
        currency: asked["amount"]["currency"].as_str().unwrap_or("CNY"),
        means: if shown { None } else { means },
        notify_url: notify.map(str::to_owned),
    };
    let (entry, new) = shared.book().charge(demand, fault);
    match (entry.state, new) {
        (State::Waiting, _) if shown => {
            let url = format!("weixin://wxpay/bizpayurl?pr={order}");
            (200, json!({"code_url": url}).to_string())
        }
        (State::Declined, _) => error(403, "NOT_ENOUGH"),
        (State::Waiting, _) => error(400, "USERPAYING"),
        (State::Closed, _) => error(400, "ORDER_CLOSED"),
        // A contract is taken at once and charged a little later.
        (State::Paid, _) if contract => {
            let amount = json!({"total": minor, "currency": "CNY"});
            let said = json!({"appid": WECHAT_APP, "out_trade_no": order, "amount": amount});
            (200, said.to_string())
        }
        (State::Paid, true) => (200, transaction(&entry).to_string()),
        (State::Paid, false) => error(400, "ORDERPAID"),
    }
}

fn refund(shared: &Shared, path: &str, asked: &Value, fault: Option<&Fault>) -> (u16, String) {
    let mut book = shared.book();
    let said = |order: &str, number: &str, minor: i64| {
        json!({
            "refund_id": "50300", "out_refund_no": number, "out_trade_no": order, "status": "SUCCESS",
            "amount": {"refund": minor, "currency": "CNY"},
        })
        .to_string()
    };
    if let Some(number) = path
        .strip_prefix(REFUNDS)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        let all = book.entries();
        let found = all.iter().find_map(|e| Some((e, *e.refunds.get(number)?)));
        return match found {
            Some((entry, minor)) => (200, said(&entry.order, number, minor)),
            None => error(404, "RESOURCE_NOT_EXISTS"),
        };
    }
    if fault == Some(&Fault::Decline) {
        return error(400, "TRADE_STATE_ERROR");
    }
    let order = asked["out_trade_no"].as_str().unwrap_or_default();
    let number = asked["out_refund_no"].as_str().unwrap_or_default();
    let minor = asked["amount"]["refund"].as_i64().unwrap_or_default();
    match book.refund(order, number, minor) {
        Ok(_) => (200, said(order, number, minor)),
        Err("missing") => error(404, "RESOURCE_NOT_EXISTS"),
        Err(_) => error(400, "INVALID_REQUEST"),
    }
}

fn transaction(entry: &Entry) -> Value {
    let state = match entry.state {
        State::Waiting => "USERPAYING",
        State::Paid if entry.refunds.is_empty() => "SUCCESS",
        State::Paid => "REFUND",
        State::Declined => "PAYERROR",
        State::Closed => "REVOKED",
    };
    let mut told = json!({
        "appid": WECHAT_APP, "mchid": WECHAT_MERCHANT, "out_trade_no": entry.order,
        "transaction_id": entry.reference, "trade_type": "MICROPAY", "trade_state": state,
        "amount": {"total": entry.minor, "payer_total": entry.minor, "currency": entry.currency},
    });
    if let Some(at) = entry.paid_ms {
        let at = super::alipay::local(UnixMs(at)).replace(' ', "T");
        told["success_time"] = format!("{at}+08:00").into();
    }
    told
}

fn certificates() -> (u16, String) {
    let sealed = ApiKey::parse(API_V3_KEY)
        .and_then(|key| key.seal(PLATFORM_CERTIFICATE, "certificate", "cert-nonce-1"));
    match sealed {
        Ok(sealed) => {
            let certificate = json!({"serial_no": PLATFORM_SERIAL, "encrypt_certificate": sealed});
            (200, json!({"data": [certificate]}).to_string())
        }
        Err(err) => error(500, &err),
    }
}

/// What the merchant is told of an order.
pub(super) fn notice(shared: &Shared, order: &str) -> anyhow::Result<Response> {
    let mut book = shared.book();
    let fault = book.fault(Operation::Notice);
    let id = book.notice_id(order);
    let off = match &fault {
        Some(Fault::ClockOff(ms)) => *ms,
        _ => 0,
    };
    let now = UnixMs(book.now().0 + off);
    let entry = book.entry(order);
    let entry = entry.ok_or_else(|| anyhow::anyhow!("no order {order}"))?;
    let plain = transaction(entry).to_string();
    let key = ApiKey::parse(API_V3_KEY).map_err(anyhow::Error::msg)?;
    let sealed = key.seal(&plain, "transaction", "fdasflkja484");
    let sealed = sealed.map_err(anyhow::Error::msg)?;
    let body = json!({
        "id": id, "event_type": "TRANSACTION.SUCCESS", "resource_type": "encrypt-resource",
        "resource": sealed,
    });
    let body = body.to_string();
    let (nonce, key) = match fault {
        Some(Fault::MisSign) => ("N1", &shared.wrong_key),
        _ => ("N1", &shared.key),
    };
    let signature = sign_answer(key, now, nonce, &body)?;
    let headers = signed_headers(now, nonce, &signature);
    Ok(Response {
        status: 0,
        headers: headers.map(|(n, v)| (n.to_owned(), v)).to_vec(),
        body: body.into_bytes(),
    })
}
