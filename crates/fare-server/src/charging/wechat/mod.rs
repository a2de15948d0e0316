//! WeChat Pay, API v3: JSON over paths, each request signed in its `Authorization`, each answer and notice
//! in `Wechatpay-…` headers, notices sealed with AES-256-GCM besides.
//! <https://pay.weixin.qq.com/doc/v3/merchant/>: code pay, native, contract deduction (`papay`), query,
//! reverse and close, refunds, bills, platform certificates.

mod bill;
mod sealed;
mod sign;
#[cfg(test)]
pub(super) mod tests;
mod words;

pub use bill::bill_rows;
pub use sealed::{ApiKey, Sealed};
pub use sign::{CLOCK_OFF_MS_MAX, PlatformKeys, SCHEME, authorization, sign_answer};

use super::error::ChargeError;
use super::keys::{MerchantKey, PlatformKey};
use super::local::date;
use super::message::{BillFile, Call, Method, Moment, Protocol, Request, Response};
use super::platform::{
    BEYOND, BillRow, Capability, Means, Notice, Order, Outcome, PlatformId, Refund, RefundOutcome,
    Secret,
};
use fare_protocol::{Currency, Money, UnixMs};
use serde::Serialize;
use serde_json::json;

/// What is ours at WeChat Pay.
pub struct WeChat {
    /// The application's id.
    pub app_id: String,
    /// The merchant's.
    pub merchant_id: String,
    /// The serial number of our certificate there.
    pub serial_no: String,
    /// Signs requests.
    pub key: MerchantKey,
    /// Opens notices and certificates.
    pub api_key: ApiKey,
    /// WeChat Pay's, which sign answers and notices.
    pub platform_keys: PlatformKeys,
    /// Where notices go. WeChat Pay wants one for codes to show and for agreements.
    pub notify_url: String,
}

#[derive(Serialize)]
struct Amount {
    total: i64,
    currency: Currency,
}

#[derive(Serialize)]
struct Payer<'a> {
    auth_code: &'a str,
}

/// Bodies of the three ways to charge; fields stand in the order in which they are written.
#[derive(Serialize)]
struct Charge<'a> {
    appid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mchid: Option<&'a str>,
    description: &'a str,
    out_trade_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_notify_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer<'a>>,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<Scene>,
}

#[derive(Serialize)]
struct Scene {
    store_info: Shop,
}

#[derive(Serialize)]
struct Shop {
    id: &'static str,
}

#[derive(Serialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: Currency,
}

#[derive(Serialize)]
struct RefundBody<'a> {
    out_trade_no: &'a str,
    out_refund_no: &'a str,
    amount: RefundAmount,
}

#[derive(Serialize)]
struct Ours<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    mchid: &'a str,
}

impl WeChat {
    const ID: PlatformId = PlatformId::WeChat;

    fn request(
        &self,
        method: Method,
        target: String,
        body: String,
        moment: &Moment,
    ) -> Result<Request, ChargeError> {
        let signed = authorization(self, method, &target, &body, moment)?;
        let mut headers = vec![
            ("authorization", signed),
            ("accept", "application/json".to_owned()),
        ];
        if method == Method::Post {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(id) = self.platform_keys.public_key_id() {
            // With a public key instead of certificates, WeChat Pay signs with the one that is named.
            headers.push(("wechatpay-serial", id.to_owned()));
        }
        Ok(Request {
            method,
            target,
            headers,
            body,
        })
    }

    fn post(
        &self,
        target: String,
        body: &impl Serialize,
        moment: &Moment,
    ) -> Result<Request, ChargeError> {
        let body = serde_json::to_string(body);
        let body = body.map_err(|err| unreadable(&err.to_string()))?;
        self.request(Method::Post, target, body, moment)
    }

    fn charge(&self, order: &Order, moment: &Moment) -> Result<Request, ChargeError> {
        let base = Charge {
            appid: &self.app_id,
            mchid: Some(&self.merchant_id),
            description: &order.subject,
            out_trade_no: order.no.as_str(),
            notify_url: None,
            transaction_notify_url: None,
            contract_id: None,
            payer: None,
            amount: in_cny(order.amount)?,
            scene_info: None,
        };
        let (target, body) = match &order.means {
            Means::PayCode(code) => (
                "/v3/pay/transactions/codepay",
                Charge {
                    payer: Some(Payer {
                        auth_code: code.reveal(),
                    }),
                    scene_info: Some(Scene {
                        store_info: Shop { id: "metro" },
                    }),
                    ..base
                },
            ),
            Means::ShowCode => (
                "/v3/pay/transactions/native",
                Charge {
                    notify_url: Some(&self.notify_url),
                    ..base
                },
            ),
            Means::Agreement(contract) => (
                "/v3/papay/pay/transactions/apply",
                Charge {
                    mchid: None,
                    transaction_notify_url: Some(&self.notify_url),
                    contract_id: Some(contract.reveal()),
                    ..base
                },
            ),
            Means::Balance(_) => {
                return Err(ChargeError::Unsupported {
                    platform: Self::ID,
                    capability: Capability::Balance,
                });
            }
        };
        self.post(target.to_owned(), &body, moment)
    }

    fn cancel(&self, order: &Order, moment: &Moment) -> Result<Request, ChargeError> {
        let no = order.no.as_str();
        let path = format!("/v3/pay/transactions/out-trade-no/{no}");
        match order.means {
            // What the rider's own code paid is given back; what nobody has paid yet is closed.
            Means::PayCode(_) | Means::Agreement(_) | Means::Balance(_) => {
                let ours = Ours {
                    appid: Some(&self.app_id),
                    mchid: &self.merchant_id,
                };
                self.post(format!("{path}/reverse"), &ours, moment)
            }
            Means::ShowCode => {
                let ours = Ours {
                    appid: None,
                    mchid: &self.merchant_id,
                };
                self.post(format!("{path}/close"), &ours, moment)
            }
        }
    }

    /// The answer's body, signed by WeChat Pay.
    fn signed<'r>(&self, answer: &'r Response, now: UnixMs) -> Result<&'r str, ChargeError> {
        let held = self.platform_keys.verify(answer, now);
        match held {
            Ok(()) => text(&answer.body),
            // Who signs badly himself gets an answer without a signature.
            Err(err) => match words::rejection(answer) {
                Some(rejected) if answer.header("wechatpay-signature").is_none() => Err(rejected),
                Some(_) | None => Err(err),
            },
        }
    }
}

fn text(body: &[u8]) -> Result<&str, ChargeError> {
    std::str::from_utf8(body).map_err(|err| unreadable(&err.to_string()))
}

fn unreadable(what: &str) -> ChargeError {
    ChargeError::Unreadable {
        platform: WeChat::ID,
        what: what.to_owned(),
    }
}

fn in_cny(amount: Money) -> Result<Amount, ChargeError> {
    if amount.currency == Currency::CNY {
        Ok(Amount {
            total: amount.minor,
            currency: amount.currency,
        })
    } else {
        Err(ChargeError::Currency {
            platform: WeChat::ID,
            got: amount.currency,
        })
    }
}

impl Protocol for WeChat {
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
                let (no, us) = (order.no.as_str(), &self.merchant_id);
                let target = format!("/v3/pay/transactions/out-trade-no/{no}?mchid={us}");
                self.request(Method::Get, target, String::new(), moment)
            }
            Call::Cancel(order) => self.cancel(order, moment),
            Call::Refund(refund) => {
                let body = RefundBody {
                    out_trade_no: refund.order.as_str(),
                    out_refund_no: refund.no.as_str(),
                    amount: RefundAmount {
                        refund: in_cny(refund.amount)?.total,
                        total: in_cny(refund.charged)?.total,
                        currency: Currency::CNY,
                    },
                };
                self.post("/v3/refund/domestic/refunds".to_owned(), &body, moment)
            }
            Call::QueryRefund(refund) => {
                let target = format!("/v3/refund/domestic/refunds/{}", refund.no);
                self.request(Method::Get, target, String::new(), moment)
            }
            Call::Bill(day) => {
                let day = date(*day);
                let target = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
                self.request(Method::Get, target, String::new(), moment)
            }
        }
    }

    fn order_answer(
        &self,
        call: &Call<'_>,
        order: &Order,
        answer: &Response,
        now: UnixMs,
    ) -> Result<Outcome, ChargeError> {
        let body = self.signed(answer, now)?;
        let cancelling = matches!(call, Call::Cancel(_));
        match answer.status {
            200 if !body.is_empty() => {
                if cancelling {
                    return words::cancelled(body);
                }
                words::outcome(&words::transaction(body)?, order.no.as_str(), &order.means)
            }
            200 | 202 | 204 => Ok(if cancelling {
                Outcome::Ended
            } else {
                Outcome::Waiting
            }),
            _ => words::failed(answer, body),
        }
    }

    fn refund_answer(
        &self,
        _call: &Call<'_>,
        refund: &Refund,
        answer: &Response,
        now: UnixMs,
    ) -> Result<RefundOutcome, ChargeError> {
        let body = self.signed(answer, now)?;
        match answer.status {
            200 => words::refunded(body, refund.no.as_str()),
            _ => words::refund_failed(answer, body),
        }
    }

    fn notice(&self, told: &Response, now: UnixMs) -> Result<Notice, ChargeError> {
        self.platform_keys.verify(told, now)?;
        words::notice(text(&told.body)?, self)
    }

    fn notice_answer(&self) -> (&'static str, &'static str) {
        ("application/json", r#"{"code":"SUCCESS"}"#)
    }

    fn bill_file(
        &self,
        answer: &Response,
        moment: &Moment,
    ) -> Result<Option<BillFile>, ChargeError> {
        let body = self.signed(answer, moment.now)?;
        if answer.status != 200 {
            return match words::failure(body).code.as_str() {
                "NO_STATEMENT_EXIST" => Ok(None),
                _ => Err(words::rejection(answer).unwrap_or_else(|| unreadable("no bill"))),
            };
        }
        let (url, sha1) = words::download_url(body)?;
        // What is signed is path and query, wherever the host.
        let path = url
            .find("://")
            .and_then(|at| url.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
        let path = path.and_then(|at| url.get(at..)).unwrap_or("/").to_owned();
        let mut request = self.request(Method::Get, path, String::new(), moment)?;
        request.target = url;
        Ok(Some(BillFile { request, sha1 }))
    }

    fn bill_rows(&self, file: &Response) -> Result<Vec<BillRow>, ChargeError> {
        bill_rows(text(&file.body)?).map_err(|what| unreadable(&what))
    }

    fn certificates(&self, moment: &Moment) -> Result<Option<Request>, ChargeError> {
        if self.platform_keys.public_key_id().is_some() {
            return Ok(None);
        }
        let target = "/v3/certificates".to_owned();
        self.request(Method::Get, target, String::new(), moment)
            .map(Some)
    }

    /// The answer is signed with one of the certificates in it; that they were sealed with our key is what
    /// makes them WeChat Pay's.
    fn take_certificates(&self, answer: &Response, now: UnixMs) -> Result<usize, ChargeError> {
        if let Some(rejected) = words::rejection(answer) {
            return Err(rejected);
        }
        let sealed = words::certificates(text(&answer.body)?)?;
        let mut keys = Vec::new();
        for sealed in sealed {
            let plain = self.api_key.open(&sealed)?;
            let key = PlatformKey::parse(text(&plain)?);
            keys.push(key.map_err(|err| unreadable(&err.to_string()))?);
        }
        self.platform_keys.take(keys, answer, now)
    }
}

/// A pay code of WeChat Pay's: 18 digits that begin with 10 to 15.
pub fn is_pay_code(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let begins = text.get(..2).and_then(|two| two.parse::<u8>().ok());
    digits && text.len() == 18 && begins.is_some_and(|two| (10..=15).contains(&two))
}

/// The pay code in a text, hidden.
pub fn pay_code(text: &str) -> Option<Means> {
    is_pay_code(text).then(|| Means::PayCode(Secret::new(text)))
}

/// The body of an error, as WeChat Pay writes it.
pub fn error_body(code: &str, message: &str) -> String {
    json!({"code": code, "message": message}).to_string()
}
