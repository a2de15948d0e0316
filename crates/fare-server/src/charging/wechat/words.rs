//! What WeChat Pay's JSON means: states of orders and refunds, errors, notices, certificates.

use super::super::error::ChargeError;
use super::super::message::Response;
use super::super::platform::{
    Decline, DeclineReason, Means, Notice, NoticeAbout, OrderNo, Outcome, Paid, RefundOutcome,
};
use super::{Sealed, WeChat, unreadable};
use crate::clock;
use fare_protocol::{Currency, Money};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Amount {
    total: Option<i64>,
    refund: Option<i64>,
    currency: Option<String>,
}

/// An order, in answers and notices.
#[derive(Deserialize)]
pub(super) struct Transaction {
    mchid: Option<String>,
    out_trade_no: Option<String>,
    transaction_id: Option<String>,
    trade_state: Option<String>,
    success_time: Option<String>,
    amount: Option<Amount>,
    code_url: Option<String>,
}

/// An error's body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub code: String,
    pub message: String,
}

#[derive(Deserialize)]
struct RefundAnswer {
    out_refund_no: String,
    out_trade_no: Option<String>,
    mchid: Option<String>,
    // `status` in answers, `refund_status` in notices.
    #[serde(alias = "refund_status")]
    status: String,
    amount: Option<Amount>,
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, ChargeError> {
    serde_json::from_str(body).map_err(|err| unreadable(&err.to_string()))
}

pub(super) fn transaction(body: &str) -> Result<Transaction, ChargeError> {
    read(body)
}

pub(super) fn failure(body: &str) -> Failure {
    serde_json::from_str(body).unwrap_or_default()
}

/// What has become of the order `no`.
pub(super) fn outcome(told: &Transaction, no: &str, means: &Means) -> Result<Outcome, ChargeError> {
    if let (Some(url), Means::ShowCode) = (&told.code_url, means) {
        return Ok(Outcome::Shown(url.clone()));
    }
    if told.out_trade_no.as_deref().is_some_and(|got| got != no) {
        return Err(unreadable("an answer about another order"));
    }
    let declined = |code: &str| {
        Ok(Outcome::Declined(Decline {
            reason: DeclineReason::Other,
            code: code.to_owned(),
        }))
    };
    match told.trade_state.as_deref() {
        // REFUND: paid, and some of it given back since.
        Some("SUCCESS" | "REFUND") => paid(told),
        // Taken, as contracts are, and not yet tried.
        Some("NOTPAY" | "USERPAYING" | "ACCEPT") | None => Ok(Outcome::Waiting),
        Some("CLOSED" | "REVOKED") => Ok(Outcome::Ended),
        Some("PAYERROR") => declined("PAYERROR"),
        Some("PAY_FAIL") => declined("PAY_FAIL"),
        Some(state) => Err(unreadable(&format!("an unknown trade_state {state}"))),
    }
}

fn paid(told: &Transaction) -> Result<Outcome, ChargeError> {
    let reference = told.transaction_id.clone();
    let reference = reference.ok_or_else(|| unreadable("no transaction_id"))?;
    let amount = told.amount.as_ref().and_then(|amount| {
        let currency: Currency = amount.currency.as_deref().unwrap_or("CNY").parse().ok()?;
        Some(Money::new(amount.total?, currency))
    });
    let at = told.success_time.as_deref();
    Ok(Outcome::Paid(Paid {
        reference,
        amount: amount.ok_or_else(|| unreadable("no amount"))?,
        at: at.and_then(|text| clock::moment(text).ok()),
    }))
}

/// What an answer to `reverse` says: it may ask to be asked again.
pub(super) fn cancelled(body: &str) -> Result<Outcome, ChargeError> {
    #[derive(Deserialize)]
    struct Reversed {
        recall: Option<bool>,
    }
    let reversed: Reversed = read(body)?;
    Ok(if reversed.recall == Some(true) {
        Outcome::Waiting
    } else {
        Outcome::Ended
    })
}

/// What an error about an order comes to.
pub(super) fn failed(answer: &Response, body: &str) -> Result<Outcome, ChargeError> {
    let failure = failure(body);
    let reason = match failure.code.as_str() {
        "USERPAYING"
        | "SYSTEM_ERROR"
        | "SYSTEMERROR"
        | "BANK_ERROR"
        | "BANKERROR"
        | "FREQUENCY_LIMITED"
        | "FREQUENCY_LIMIT_EXCEED"
        | "ORDERPAID"
        | "ORDER_PAID"
        | "OUT_TRADE_NO_USED" => return Ok(Outcome::Waiting),
        "ORDER_NOT_EXIST" | "ORDERNOTEXIST" | "RESOURCE_NOT_EXISTS" => return Ok(Outcome::Missing),
        "ORDER_CLOSED" | "ORDERCLOSED" | "ORDERREVERSED" | "ORDER_REVERSED" => {
            return Ok(Outcome::Ended);
        }
        "NOT_ENOUGH" | "NOTENOUGH" | "NOTSUPORTCARD" => DeclineReason::NoMoney,
        "AUTH_CODE_EXPIRE" | "AUTHCODEEXPIRE" | "AUTH_CODE_INVALID" | "AUTH_CODE_ERROR"
        | "CONTRACT_NOT_EXIST" | "CONTRACT_NOTEXIST" | "CONTRACT_ERROR" => DeclineReason::Means,
        "RULE_LIMIT"
        | "RULELIMIT"
        | "TRADE_ERROR"
        | "ACCOUNT_ERROR"
        | "ACCOUNTERROR"
        | "USER_ACCOUNT_ABNORMAL" => DeclineReason::Forbidden,
        _ => {
            let other = rejection(answer);
            return Err(other.unwrap_or_else(|| unreadable("an error that is none")));
        }
    };
    Ok(Outcome::Declined(Decline {
        reason,
        code: failure.code,
    }))
}

/// The error for an answer that refuses our request as such; none when the status says yes.
pub(super) fn rejection(answer: &Response) -> Option<ChargeError> {
    if answer.status < 400 {
        return None;
    }
    let failure = failure(std::str::from_utf8(&answer.body).unwrap_or_default());
    let remedy = match (answer.status, failure.code.as_str()) {
        (401, _) => {
            "look at `merchant_id`, `serial_no`, `key` and whether this machine's clock is right"
        }
        (403, _) => "look at what the merchant may do at WeChat Pay",
        (429, _) => "ask less often",
        (500.., _) => "wait",
        (_, "PARAM_ERROR" | "INVALID_REQUEST" | "APPID_MCHID_NOT_MATCH") => {
            "look at `app_id` and `merchant_id`"
        }
        (_, _) => "look it up in WeChat Pay's list of errors",
    };
    Some(ChargeError::Rejected {
        platform: WeChat::ID,
        code: format!("{} {}", answer.status, failure.code),
        message: failure.message,
        remedy,
    })
}

fn refund_outcome(told: &RefundAnswer) -> Result<RefundOutcome, ChargeError> {
    match told.status.as_str() {
        "SUCCESS" => {
            let amount = told.amount.as_ref().and_then(|amount| {
                let currency = amount.currency.as_deref().unwrap_or("CNY").parse().ok()?;
                Some(Money::new(amount.refund?, currency))
            });
            amount
                .map(RefundOutcome::Done)
                .ok_or_else(|| unreadable("no amount"))
        }
        "PROCESSING" => Ok(RefundOutcome::Waiting),
        "CLOSED" | "ABNORMAL" => Ok(RefundOutcome::Refused(told.status.clone())),
        status => Err(unreadable(&format!("an unknown refund status {status}"))),
    }
}

pub(super) fn refunded(body: &str, no: &str) -> Result<RefundOutcome, ChargeError> {
    let told: RefundAnswer = read(body)?;
    if told.out_refund_no != no {
        return Err(unreadable("an answer about another refund"));
    }
    refund_outcome(&told)
}

pub(super) fn refund_failed(answer: &Response, body: &str) -> Result<RefundOutcome, ChargeError> {
    let failure = failure(body);
    match failure.code.as_str() {
        "RESOURCE_NOT_EXISTS" | "ORDER_NOT_EXIST" => Ok(RefundOutcome::Missing),
        "SYSTEM_ERROR" | "FREQUENCY_LIMITED" | "NOT_ENOUGH" => Ok(RefundOutcome::Waiting),
        "INVALID_REQUEST"
        | "REFUND_FEE_MISMATCH"
        | "TRADE_STATE_ERROR"
        | "USER_ACCOUNT_ABNORMAL" => Ok(RefundOutcome::Refused(failure.code)),
        _ => {
            let other = rejection(answer);
            Err(other.unwrap_or_else(|| unreadable("an error that is none")))
        }
    }
}

/// A notice whose signature holds.
pub(super) fn notice(body: &str, us: &WeChat) -> Result<Notice, ChargeError> {
    #[derive(Deserialize)]
    struct Told {
        id: String,
        event_type: String,
        resource: Sealed,
    }
    let told: Told = read(body)?;
    let plain = us.api_key.open(&told.resource)?;
    let plain = super::text(&plain)?;
    let ours = |mchid: Option<&str>| match mchid {
        Some(mchid) if mchid != us.merchant_id => Err(ChargeError::NotOurs {
            platform: WeChat::ID,
            got: format!("merchant {mchid}"),
        }),
        Some(_) | None => Ok(()),
    };
    let number = |no: Option<&str>| {
        let no = no.and_then(|no| no.parse::<OrderNo>().ok());
        no.ok_or_else(|| unreadable("a notice without our number"))
    };
    let (order, about) = if told.event_type.starts_with("REFUND.") {
        let refund: RefundAnswer = read(plain)?;
        ours(refund.mchid.as_deref())?;
        let no = number(Some(&refund.out_refund_no))?;
        let order = number(refund.out_trade_no.as_deref())?;
        (order, NoticeAbout::Refund(no, refund_outcome(&refund)?))
    } else {
        let transaction: Transaction = read(plain)?;
        ours(transaction.mchid.as_deref())?;
        let order = number(transaction.out_trade_no.as_deref())?;
        // Whatever the order is paid with: no code to show stands in a notice.
        let means = Means::PayCode(super::Secret::new(""));
        let outcome = outcome(&transaction, order.as_str(), &means)?;
        (order, NoticeAbout::Order(outcome))
    };
    Ok(Notice {
        id: told.id,
        order,
        about,
    })
}

/// Where a bill is, and its SHA-1 where that is said.
pub(super) fn download_url(body: &str) -> Result<(String, Option<String>), ChargeError> {
    #[derive(Deserialize)]
    struct Bill {
        download_url: String,
        hash_type: Option<String>,
        hash_value: Option<String>,
    }
    let bill: Bill = read(body)?;
    let is_sha1 = bill.hash_type.as_deref() == Some("SHA1");
    Ok((bill.download_url, bill.hash_value.filter(|_| is_sha1)))
}

/// The sealed certificates of an answer.
pub(super) fn certificates(body: &str) -> Result<Vec<Sealed>, ChargeError> {
    #[derive(Deserialize)]
    struct Certificate {
        encrypt_certificate: Sealed,
    }
    #[derive(Deserialize)]
    struct Certificates {
        data: Vec<Certificate>,
    }
    let told: Certificates = read(body)?;
    Ok(told
        .data
        .into_iter()
        .map(|certificate| certificate.encrypt_certificate)
        .collect())
}
