//! Alipay's open platform: one gateway, parameters signed with `RSA2`, answers whose node is signed as it
//! stands. <https://opendocs.alipay.com/open/>: `alipay.trade.pay` (`bar_code` and by agreement),
//! `precreate`, `query`, `cancel`, `refund`, `fastpay.refund.query`, notices, `bill.downloadurl.query`.
//!
//! ```text
//! 10000 done   10003 the rider is asked   20000 unknown, query   40004 no: `sub_code` says why
//! anything else: the request was wrong
//! ```

mod bill;
mod sign;
#[cfg(test)]
mod tests;

pub use bill::{BILL_COLUMNS, bill_rows};
pub use sign::{SIGN_TYPE, node, signed, verify};

use super::error::ChargeError;
use super::keys::{MerchantKey, PlatformKey};
use super::local::{beijing, date, from_beijing, from_yuan, yuan};
use super::message::{BillFile, Call, Method, Moment, Protocol, Request, Response};
use super::platform::{
    BEYOND, BillRow, Capability, Decline, DeclineReason, Means, Notice, NoticeAbout, Order,
    OrderNo, Outcome, Paid, PlatformId, Refund, RefundOutcome, Secret,
};
use fare_protocol::{Currency, Money, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is ours at Alipay.
pub struct Alipay {
    /// The application's id.
    pub app_id: String,
    /// Signs requests.
    pub key: MerchantKey,
    /// Alipay's, which signs answers and notices.
    pub platform_key: PlatformKey,
    /// Where notices go; none for no notices.
    pub notify_url: Option<String>,
}

/// What goes into `biz_content`. Fields stand in the order in which they are written.
#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a OrderNoText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement_params: Option<Agreement<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_request_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_date: Option<String>,
}

type OrderNoText<'a> = &'a str;

#[derive(Serialize)]
struct Agreement<'a> {
    agreement_no: &'a str,
}

const EMPTY: Content<'static> = Content {
    out_trade_no: None,
    total_amount: None,
    subject: None,
    product_code: None,
    scene: None,
    auth_code: None,
    agreement_params: None,
    refund_amount: None,
    out_request_no: None,
    bill_type: None,
    bill_date: None,
};

/// What an answer's node may hold.
#[derive(Debug, Default, Deserialize)]
struct Node {
    code: String,
    #[serde(default)]
    msg: String,
    sub_code: Option<String>,
    sub_msg: Option<String>,
    out_trade_no: Option<String>,
    trade_no: Option<String>,
    trade_status: Option<String>,
    total_amount: Option<String>,
    trans_currency: Option<String>,
    gmt_payment: Option<String>,
    send_pay_date: Option<String>,
    qr_code: Option<String>,
    retry_flag: Option<String>,
    refund_status: Option<String>,
    refund_amount: Option<String>,
    fund_change: Option<String>,
    bill_download_url: Option<String>,
}

impl Node {
    fn why(&self) -> &str {
        self.sub_code.as_deref().unwrap_or(&self.code)
    }
}

impl Alipay {
    /// Path of the gateway below its address.
    pub const GATEWAY: &'static str = "/gateway.do";

    const ID: PlatformId = PlatformId::Alipay;

    fn request(
        &self,
        method: &str,
        content: &Content<'_>,
        notified: bool,
        moment: &Moment,
    ) -> Result<Request, ChargeError> {
        let content = serde_json::to_string(content);
        let content = content.map_err(|err| unreadable(&err.to_string()))?;
        let mut params = BTreeMap::from([
            ("app_id".to_owned(), self.app_id.clone()),
            ("biz_content".to_owned(), content),
            ("charset".to_owned(), "utf-8".to_owned()),
            ("method".to_owned(), method.to_owned()),
            ("sign_type".to_owned(), SIGN_TYPE.to_owned()),
            ("timestamp".to_owned(), beijing(moment.now)),
            ("version".to_owned(), "1.0".to_owned()),
        ]);
        if let Some(url) = self.notify_url.as_ref().filter(|_| notified) {
            params.insert("notify_url".to_owned(), url.clone());
        }
        let params = signed(params, &self.key)?;
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&params)
            .finish();
        Ok(Request {
            method: Method::Post,
            target: format!("{}?charset=utf-8", Self::GATEWAY),
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded;charset=utf-8".to_owned(),
            )],
            body,
        })
    }

    fn charge(&self, order: &Order, moment: &Moment) -> Result<Request, ChargeError> {
        let no = order.no.as_str();
        let base = Content {
            out_trade_no: Some(&no),
            total_amount: Some(yuan(in_cny(order.amount)?)),
            subject: Some(&order.subject),
            ..EMPTY
        };
        let (method, content) = match &order.means {
            Means::PayCode(code) => (
                "alipay.trade.pay",
                Content {
                    product_code: Some("FACE_TO_FACE_PAYMENT"),
                    scene: Some("bar_code"),
                    auth_code: Some(code.reveal()),
                    ..base
                },
            ),
            Means::Agreement(no) => (
                "alipay.trade.pay",
                Content {
                    product_code: Some("GENERAL_WITHHOLDING"),
                    agreement_params: Some(Agreement {
                        agreement_no: no.reveal(),
                    }),
                    ..base
                },
            ),
            Means::ShowCode => ("alipay.trade.precreate", base),
            Means::Balance(_) => return Err(unsupported(Capability::Balance)),
        };
        self.request(method, &content, true, moment)
    }

    /// The node of the answer, signed by Alipay, when it says yes, no, or that nothing is known.
    fn node(&self, answer: &Response, name: &str) -> Result<Node, ChargeError> {
        let text = node(&answer.body, name, &self.platform_key)?;
        let node: Node = serde_json::from_str(&text).map_err(|err| unreadable(&err.to_string()))?;
        match node.code.as_str() {
            "10000" | "10003" | "20000" | "40004" => Ok(node),
            _ => Err(rejected(&node)),
        }
    }

    fn paid(&self, node: &Node, order: &Order) -> Result<Outcome, ChargeError> {
        if node.out_trade_no.as_deref() != Some(order.no.as_str()) {
            return Err(unreadable("an answer about another order"));
        }
        let at = node
            .gmt_payment
            .as_deref()
            .or(node.send_pay_date.as_deref());
        paid(
            node.trade_no.as_deref(),
            node.total_amount.as_deref(),
            node.trans_currency.as_deref(),
            at,
        )
    }

    fn charged(&self, node: &Node, order: &Order) -> Result<Outcome, ChargeError> {
        match (node.code.as_str(), &order.means) {
            ("10000", Means::ShowCode) => {
                let code = node.qr_code.clone();
                Ok(Outcome::Shown(
                    code.ok_or_else(|| unreadable("no qr_code"))?,
                ))
            }
            ("10000", Means::PayCode(_) | Means::Agreement(_) | Means::Balance(_)) => {
                self.paid(node, order)
            }
            ("40004", _) => Ok(declined(node.why())),
            (_, _) => Ok(Outcome::Waiting),
        }
    }

    fn queried(&self, node: &Node, order: &Order) -> Result<Outcome, ChargeError> {
        if node.code == "40004" {
            return match node.why() {
                "ACQ.TRADE_NOT_EXIST" => Ok(Outcome::Missing),
                _ => Ok(Outcome::Waiting),
            };
        }
        match (node.code.as_str(), node.trade_status.as_deref()) {
            ("10000", Some("TRADE_SUCCESS" | "TRADE_FINISHED")) => self.paid(node, order),
            ("10000", Some("TRADE_CLOSED")) => Ok(Outcome::Ended),
            ("10000", Some("WAIT_BUYER_PAY")) | ("10003" | "20000", _) => Ok(Outcome::Waiting),
            (_, _) => Err(unreadable("an unknown trade_status")),
        }
    }

    fn cancelled(node: &Node) -> Outcome {
        match (node.code.as_str(), node.retry_flag.as_deref(), node.why()) {
            ("10000", Some("N") | None, _) => Outcome::Ended,
            ("40004", _, "ACQ.TRADE_NOT_EXIST") => Outcome::Missing,
            (_, _, _) => Outcome::Waiting,
        }
    }
}

fn unreadable(what: &str) -> ChargeError {
    ChargeError::Unreadable {
        platform: Alipay::ID,
        what: what.to_owned(),
    }
}

fn unsupported(capability: Capability) -> ChargeError {
    ChargeError::Unsupported {
        platform: Alipay::ID,
        capability,
    }
}

fn rejected(node: &Node) -> ChargeError {
    let remedy = match node.why() {
        "isv.invalid-timestamp" | "isv.missing-timestamp" => "set this machine's clock right",
        "isv.invalid-signature" | "isv.missing-signature" => {
            "register the public key of `key` with the application at Alipay"
        }
        "isv.invalid-app-id" | "isv.missing-app-id" => "look at `app_id`",
        _ => "look at the application's state and contracts at Alipay",
    };
    ChargeError::Rejected {
        platform: Alipay::ID,
        code: node.why().to_owned(),
        message: node.sub_msg.clone().unwrap_or_else(|| node.msg.clone()),
        remedy,
    }
}

fn in_cny(amount: Money) -> Result<Money, ChargeError> {
    if amount.currency == Currency::CNY {
        Ok(amount)
    } else {
        Err(ChargeError::Currency {
            platform: Alipay::ID,
            got: amount.currency,
        })
    }
}

/// `trans_currency` stands in answers about cross-border trades; without it they are in CNY.
fn paid(
    reference: Option<&str>,
    amount: Option<&str>,
    currency: Option<&str>,
    at: Option<&str>,
) -> Result<Outcome, ChargeError> {
    let reference = reference.ok_or_else(|| unreadable("no trade_no"))?;
    let amount = amount.and_then(from_yuan);
    let amount = amount.ok_or_else(|| unreadable("no total_amount in yuan"))?;
    let currency = currency.unwrap_or("CNY").parse::<Currency>();
    let currency = currency.map_err(|_| unreadable("a trans_currency that is none"))?;
    Ok(Outcome::Paid(Paid {
        reference: reference.to_owned(),
        amount: Money::new(amount.minor, currency),
        at: at.and_then(from_beijing),
    }))
}

/// What a `sub_code` of 40004 comes to. Those that say nothing for certain are asked after.
fn declined(code: &str) -> Outcome {
    let reason = match code.strip_prefix("ACQ.").unwrap_or(code) {
        // The first attempt may have been charged.
        "SYSTEM_ERROR" | "TRADE_HAS_SUCCESS" | "UNKNOW_ERROR" | "AOP.SYSTEM_ERROR" => {
            return Outcome::Waiting;
        }
        "TRADE_HAS_CLOSE" => return Outcome::Ended,
        "BUYER_BALANCE_NOT_ENOUGH"
        | "BUYER_BANKCARD_BALANCE_NOT_ENOUGH"
        | "NO_PAYMENT_INSTRUMENTS_AVAILABLE"
        | "ERROR_BALANCE_PAYMENT_DISABLE" => DeclineReason::NoMoney,
        "PAYMENT_AUTH_CODE_INVALID"
        | "SOUNDWAVE_PARSER_FAIL"
        | "AGREEMENT_NOT_EXIST"
        | "AGREEMENT_INVALID"
        | "AGREEMENT_ERROR"
        | "AGREEMENT_STATUS_NOT_NORMAL"
        | "USER_AGREEMENT_VERIFY_FAIL" => DeclineReason::Means,
        "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR"
        | "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR"
        | "TOTAL_FEE_EXCEED"
        | "PAYMENT_REQUEST_HAS_RISK"
        | "BUYER_ENABLE_STATUS_FORBID"
        | "BLOCK_USER_FORBBIDEN_SEND" => DeclineReason::Forbidden,
        _ => DeclineReason::Other,
    };
    Outcome::Declined(Decline {
        reason,
        code: code.to_owned(),
    })
}

impl Protocol for Alipay {
    fn id(&self) -> PlatformId {
        Self::ID
    }

    fn capabilities(&self) -> &'static [Capability] {
        BEYOND
    }

    fn ask(&self, call: &Call<'_>, moment: &Moment) -> Result<Request, ChargeError> {
        match call {
            Call::Charge(order) => self.charge(order, moment),
            Call::Query(order) => {
                let no = order.no.as_str();
                let content = Content {
                    out_trade_no: Some(&no),
                    ..EMPTY
                };
                self.request("alipay.trade.query", &content, false, moment)
            }
            Call::Cancel(order) => {
                let no = order.no.as_str();
                let content = Content {
                    out_trade_no: Some(&no),
                    ..EMPTY
                };
                self.request("alipay.trade.cancel", &content, false, moment)
            }
            Call::Refund(refund) => {
                let no = refund.order.as_str();
                let content = Content {
                    out_trade_no: Some(&no),
                    refund_amount: Some(yuan(in_cny(refund.amount)?)),
                    out_request_no: Some(refund.no.as_str()),
                    ..EMPTY
                };
                self.request("alipay.trade.refund", &content, false, moment)
            }
            Call::QueryRefund(refund) => {
                let no = refund.order.as_str();
                let content = Content {
                    out_trade_no: Some(&no),
                    out_request_no: Some(refund.no.as_str()),
                    ..EMPTY
                };
                self.request("alipay.trade.fastpay.refund.query", &content, false, moment)
            }
            Call::Bill(day) => {
                let content = Content {
                    bill_type: Some("trade"),
                    bill_date: Some(date(*day)),
                    ..EMPTY
                };
                self.request(BILL_METHOD, &content, false, moment)
            }
        }
    }

    fn order_answer(
        &self,
        call: &Call<'_>,
        order: &Order,
        answer: &Response,
        _now: UnixMs,
    ) -> Result<Outcome, ChargeError> {
        match call {
            Call::Charge(_) => {
                let method = match order.means {
                    Means::ShowCode => "alipay_trade_precreate_response",
                    Means::PayCode(_) | Means::Agreement(_) | Means::Balance(_) => {
                        "alipay_trade_pay_response"
                    }
                };
                self.charged(&self.node(answer, method)?, order)
            }
            Call::Query(_) => {
                self.queried(&self.node(answer, "alipay_trade_query_response")?, order)
            }
            Call::Cancel(_) => {
                let node = self.node(answer, "alipay_trade_cancel_response")?;
                Ok(Self::cancelled(&node))
            }
            Call::Refund(_) | Call::QueryRefund(_) | Call::Bill(_) => {
                Err(unreadable("an answer to something else"))
            }
        }
    }

    fn refund_answer(
        &self,
        call: &Call<'_>,
        refund: &Refund,
        answer: &Response,
        _now: UnixMs,
    ) -> Result<RefundOutcome, ChargeError> {
        let name = match call {
            Call::QueryRefund(_) => "alipay_trade_fastpay_refund_query_response",
            Call::Charge(_)
            | Call::Query(_)
            | Call::Cancel(_)
            | Call::Refund(_)
            | Call::Bill(_) => "alipay_trade_refund_response",
        };
        let node = self.node(answer, name)?;
        if node.code == "40004" {
            return Ok(match node.why() {
                "ACQ.TRADE_NOT_EXIST" => RefundOutcome::Missing,
                "ACQ.SYSTEM_ERROR" | "ACQ.SELLER_BALANCE_NOT_ENOUGH" => RefundOutcome::Waiting,
                why => RefundOutcome::Refused(why.to_owned()),
            });
        }
        if node.code != "10000" {
            return Ok(RefundOutcome::Waiting);
        }
        Ok(match call {
            // A repeat says `fund_change: N`: no money moves again. The fee of `refund_fee` is the sum of all
            // refunds of the order, so that the answer is no proof of this one's amount; the query is.
            Call::Refund(_) => match node.fund_change.as_deref() {
                Some("Y") => RefundOutcome::Done(refund.amount),
                _ => RefundOutcome::Waiting,
            },
            Call::Charge(_)
            | Call::Query(_)
            | Call::Cancel(_)
            | Call::QueryRefund(_)
            | Call::Bill(_) => {
                match (node.refund_status.as_deref(), node.refund_amount) {
                    (Some("REFUND_SUCCESS"), Some(amount)) => RefundOutcome::Done(
                        from_yuan(&amount).ok_or_else(|| unreadable("no refund_amount"))?,
                    ),
                    // Without a status there is no such refund.
                    (None, _) => RefundOutcome::Missing,
                    (_, _) => RefundOutcome::Waiting,
                }
            }
        })
    }

    fn notice(&self, told: &Response, _now: UnixMs) -> Result<Notice, ChargeError> {
        let fields: BTreeMap<String, String> =
            form_urlencoded::parse(&told.body).into_owned().collect();
        verify(&fields, &self.platform_key)?;
        let field = |name: &str| fields.get(name).map(String::as_str);
        if field("app_id") != Some(&self.app_id) {
            return Err(ChargeError::NotOurs {
                platform: Self::ID,
                got: format!("app {}", field("app_id").unwrap_or("?")),
            });
        }
        let order = field("out_trade_no").and_then(|no| no.parse::<OrderNo>().ok());
        let order = order.ok_or_else(|| unreadable("a notice without our order's number"))?;
        let about = match (
            field("trade_status"),
            field("out_biz_no"),
            field("refund_fee"),
        ) {
            (_, Some(refund), Some(fee)) => {
                let no = refund.parse::<OrderNo>();
                let no = no.map_err(|_| unreadable("a refund's number that is not ours"))?;
                // `refund_fee` is the sum of all refunds of the order: who asks learns this one's.
                from_yuan(fee).ok_or_else(|| unreadable("no refund_fee"))?;
                NoticeAbout::Refund(no, RefundOutcome::Waiting)
            }
            (Some("TRADE_SUCCESS" | "TRADE_FINISHED"), _, _) => NoticeAbout::Order(paid(
                field("trade_no"),
                field("total_amount"),
                field("trans_currency"),
                field("gmt_payment"),
            )?),
            (Some("TRADE_CLOSED"), _, _) => NoticeAbout::Order(Outcome::Ended),
            (_, _, _) => NoticeAbout::Order(Outcome::Waiting),
        };
        let id = field("notify_id").ok_or_else(|| unreadable("a notice without notify_id"))?;
        Ok(Notice {
            id: id.to_owned(),
            order,
            about,
        })
    }

    fn notice_answer(&self) -> (&'static str, &'static str) {
        ("text/plain", "success")
    }

    fn bill_file(
        &self,
        answer: &Response,
        _moment: &Moment,
    ) -> Result<Option<BillFile>, ChargeError> {
        let name = "alipay_data_dataservice_bill_downloadurl_query_response";
        let node = self.node(answer, name)?;
        match (node.code.as_str(), node.why()) {
            ("40004", "isp.bill_not_exist") => Ok(None),
            ("40004", _) => Err(rejected(&node)),
            _ => {
                let url = node.bill_download_url;
                let request = Request {
                    method: Method::Get,
                    target: url.ok_or_else(|| unreadable("no bill_download_url"))?,
                    headers: vec![],
                    body: String::new(),
                };
                Ok(Some(BillFile {
                    request,
                    sha1: None,
                }))
            }
        }
    }

    fn bill_rows(&self, file: &Response) -> Result<Vec<BillRow>, ChargeError> {
        bill_rows(&file.body).map_err(|what| unreadable(&what))
    }
}

/// Asks where a day's bill is.
pub const BILL_METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";

/// A pay code of Alipay's: 16 to 24 digits that begin with 25 to 30.
pub fn is_pay_code(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let begins = text.get(..2).and_then(|two| two.parse::<u8>().ok());
    digits && (16..=24).contains(&text.len()) && begins.is_some_and(|two| (25..=30).contains(&two))
}

/// The pay code in a text, hidden.
pub fn pay_code(text: &str) -> Option<Means> {
    is_pay_code(text).then(|| Means::PayCode(Secret::new(text)))
}
