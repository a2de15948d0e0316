//! Alipay's side of its gateway: checks what is signed, does it, signs the answer's node.

use super::book::{Book, Demand, Entry, State};
use super::fault::{Fault, Operation};
use super::{ALIPAY_APP, Reply, Shared, plain};
use bytes::Bytes;
use fare_protocol::UnixMs;
use fare_server::charging::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a request's time may be off.
const TIMESTAMP_OFF_MS_MAX: i64 = 900_000;

const AHEAD_MS: i64 = 8 * 3_600_000;

/// `2025-11-29 15:45:09`, in Beijing.
pub(super) fn local(at: UnixMs) -> String {
    let text = UnixMs(at.0 + AHEAD_MS).to_rfc3339();
    text.trim_end_matches('Z').replace('T', " ")
}

pub(super) fn yuan(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn minor(text: &Value) -> Option<i64> {
    let (whole, part) = text.as_str()?.split_once('.')?;
    Some(whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()?)
}

/// `a=1&b=2` of all but those named, by name.
fn joined(fields: &BTreeMap<String, String>, without: &[&str]) -> String {
    let wanted = fields
        .iter()
        .filter(|(name, value)| !without.contains(&name.as_str()) && !value.is_empty());
    let pairs: Vec<_> = wanted
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn invalid(sub_code: &str) -> Value {
    json!({"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_code})
}

fn no(sub_code: &str) -> Value {
    json!({"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_code})
}

pub(super) async fn serve(shared: &Arc<Shared>, body: &Bytes) -> Reply {
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let method = fields.get("method").cloned().unwrap_or_default();
    let operation = match method.as_str() {
        "alipay.trade.pay" | "alipay.trade.precreate" => Operation::Charge,
        "alipay.trade.query" => Operation::Query,
        "alipay.trade.cancel" => Operation::Cancel,
        "alipay.data.dataservice.bill.downloadurl.query" => Operation::Bill,
        _ => Operation::Refund,
    };
    let fault = shared.book().fault(operation);
    if fault == Some(Fault::LoseRequest) {
        return None;
    }
    let off = match &fault {
        Some(Fault::ClockOff(ms)) => *ms,
        _ => 0,
    };
    if let Err(sub_code) = check(shared, &fields, off) {
        let name = method.replace('.', "_");
        // Unsigned, as Alipay answers who it does not know.
        let text = json!({format!("{name}_response"): invalid(sub_code)}).to_string();
        return Some(plain(200, "application/json", text));
    }
    let content = fields.get("biz_content").map_or("{}", String::as_str);
    let content: Value = serde_json::from_str(content).unwrap_or_default();
    let node = act(shared, &method, &content, &fields, fault.as_ref());
    match fault {
        Some(Fault::LoseAnswer) => return None,
        Some(Fault::Hold) => {
            let _gone = shared.released.subscribe().changed().await;
        }
        _ => {}
    }
    let node = node.to_string();
    let key = match fault {
        Some(Fault::MisSign) => &shared.wrong_key,
        _ => &shared.key,
    };
    let sign = key.sign(node.as_bytes()).ok()?;
    let name = method.replace('.', "_");
    let text = format!("{{\"{name}_response\":{node},\"sign\":\"{sign}\"}}");
    Some(plain(200, "application/json;charset=utf-8", text))
}

/// Whether the request is the merchant's, of now.
fn check(shared: &Shared, fields: &BTreeMap<String, String>, off: i64) -> Result<(), &'static str> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("app_id") != ALIPAY_APP {
        return Err("isv.invalid-app-id");
    }
    let message = joined(fields, &["sign"]);
    let held = shared.merchant.verify(message.as_bytes(), field("sign"));
    held.map_err(|_| "isv.invalid-signature")?;
    let at = field("timestamp").replace(' ', "T");
    let at = fare_server::clock::moment(&format!("{at}+08:00"));
    let now = shared.book().now().0 + off;
    match at {
        Ok(at) if (at.0 - now).abs() <= TIMESTAMP_OFF_MS_MAX => Ok(()),
        Ok(_) | Err(_) => Err("isv.invalid-timestamp"),
    }
}

fn act(
    shared: &Shared,
    method: &str,
    content: &Value,
    fields: &BTreeMap<String, String>,
    fault: Option<&Fault>,
) -> Value {
    let order = content["out_trade_no"].as_str().unwrap_or_default();
    let mut book = shared.book();
    match method {
        "alipay.trade.pay" | "alipay.trade.precreate" => {
            pay(&mut book, method, content, fields, fault)
        }
        "alipay.trade.query" => book.entry(order).map_or_else(
            || no("ACQ.TRADE_NOT_EXIST"),
            |entry| {
                let mut node = success(entry);
                node["trade_status"] = status(entry).into();
                if entry.state == State::Declined {
                    return no("ACQ.TRADE_NOT_EXIST");
                }
                node
            },
        ),
        "alipay.trade.cancel" => {
            let known = book.cancel(order);
            // Alipay has nothing to take back of an order that it does not know, and says yes all the same.
            let action = if known { "refund" } else { "close" };
            json!({"code": "10000", "msg": "Success", "out_trade_no": order, "retry_flag": "N", "action": action})
        }
        "alipay.trade.refund" => refund(&mut book, content, fault),
        "alipay.trade.fastpay.refund.query" => {
            let number = content["out_request_no"].as_str().unwrap_or_default();
            let found = book
                .entry(order)
                .and_then(|entry| entry.refunds.get(number));
            match found {
                Some(minor) => json!({
                    "code": "10000", "msg": "Success", "out_trade_no": order, "out_request_no": number,
                    "refund_status": "REFUND_SUCCESS", "refund_amount": yuan(*minor),
                }),
                None => json!({"code": "10000", "msg": "Success"}),
            }
        }
        "alipay.data.dataservice.bill.downloadurl.query" => {
            let day = content["bill_date"].as_str().unwrap_or_default();
            let url = format!("http://{}/bill/alipay/{day}", shared.address);
            json!({"code": "10000", "msg": "Success", "bill_download_url": url})
        }
        _ => invalid("isv.invalid-method"),
    }
}

fn pay(
    book: &mut Book,
    method: &str,
    content: &Value,
    fields: &BTreeMap<String, String>,
    fault: Option<&Fault>,
) -> Value {
    let order = content["out_trade_no"].as_str().unwrap_or_default();
    let shown = method == "alipay.trade.precreate";
    let code = content["auth_code"].as_str();
    let means = code.or(content["agreement_params"]["agreement_no"].as_str());
    let Some(minor) = minor(&content["total_amount"]) else {
        return invalid("isv.invalid-parameter");
    };
    let demand = Demand {
        order,
        wechat: false,
        minor,
        currency: "CNY",
        means: if shown { None } else { means },
        notify_url: fields.get("notify_url").cloned(),
    };
    let (entry, new) = book.charge(demand, fault);
    charged(&entry, new, shown)
}

fn refund(book: &mut Book, content: &Value, fault: Option<&Fault>) -> Value {
    let order = content["out_trade_no"].as_str().unwrap_or_default();
    let number = content["out_request_no"].as_str().unwrap_or_default();
    let amount = minor(&content["refund_amount"]).unwrap_or_default();
    if let Some(Fault::Decline) = fault {
        return no("ACQ.TRADE_STATUS_ERROR");
    }
    match book.refund(order, number, amount) {
        Ok((entry, new)) => {
            let sum: i64 = entry.refunds.values().sum();
            let mut node = success(&entry);
            node["fund_change"] = if new { "Y" } else { "N" }.into();
            node["refund_fee"] = yuan(sum).into();
            node
        }
        Err("missing") => no("ACQ.TRADE_NOT_EXIST"),
        Err("mismatch") => no("ACQ.DISCORDANT_REPEAT_REQUEST"),
        Err(_) => no("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
    }
}

fn status(entry: &Entry) -> &'static str {
    match entry.state {
        State::Waiting => "WAIT_BUYER_PAY",
        State::Paid => "TRADE_SUCCESS",
        State::Declined | State::Closed => "TRADE_CLOSED",
    }
}

fn success(entry: &Entry) -> Value {
    let mut node = json!({
        "code": "10000", "msg": "Success", "out_trade_no": entry.order, "trade_no": entry.reference,
        "total_amount": yuan(entry.minor), "buyer_logon_id": "159****5620",
    });
    if entry.currency != "CNY" {
        node["trans_currency"] = entry.currency.clone().into();
    }
    if let Some(at) = entry.paid_ms {
        node["gmt_payment"] = local(UnixMs(at)).into();
    }
    node
}

fn charged(entry: &Entry, new: bool, shown: bool) -> Value {
    match (entry.state, shown, new) {
        (State::Waiting, true, _) => json!({
            "code": "10000", "msg": "Success", "out_trade_no": entry.order,
            "qr_code": format!("https://qr.alipay.example/{}", entry.order),
        }),
        (State::Paid, _, true) => success(entry),
        (State::Paid, _, false) => no("ACQ.TRADE_HAS_SUCCESS"),
        (State::Waiting, false, _) => json!({
            "code": "10003", "msg": "order success pay inprocess", "out_trade_no": entry.order,
            "trade_no": entry.reference,
        }),
        (State::Declined, _, _) => no("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        (State::Closed, _, _) => no("ACQ.TRADE_HAS_CLOSE"),
    }
}

/// What the merchant is told of an order.
pub(super) fn notice(shared: &Shared, order: &str) -> anyhow::Result<Response> {
    let mut book = shared.book();
    let fault = book.fault(Operation::Notice);
    let id = book.notice_id(order);
    let now = book.now();
    let entry = book.entry(order);
    let entry = entry.ok_or_else(|| anyhow::anyhow!("no order {order}"))?;
    let mut fields = BTreeMap::from([
        ("app_id", ALIPAY_APP.to_owned()),
        ("charset", "utf-8".to_owned()),
        ("notify_id", id),
        ("notify_time", local(now)),
        ("notify_type", "trade_status_sync".to_owned()),
        ("out_trade_no", entry.order.clone()),
        ("trade_no", entry.reference.clone()),
        ("trade_status", status(entry).to_owned()),
        ("total_amount", yuan(entry.minor)),
        ("version", "1.0".to_owned()),
    ]);
    if entry.currency != "CNY" {
        fields.insert("trans_currency", entry.currency.clone());
    }
    if let Some(at) = entry.paid_ms {
        fields.insert("gmt_payment", local(UnixMs(at)));
    }
    let owned: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let key = match fault {
        Some(Fault::MisSign) => &shared.wrong_key,
        _ => &shared.key,
    };
    fields.insert("sign", key.sign(joined(&owned, &[]).as_bytes())?);
    fields.insert("sign_type", "RSA2".to_owned());
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let content = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
    Ok(Response {
        status: 0,
        headers: vec![("content-type".to_owned(), content)],
        body: body.into_bytes(),
    })
}
