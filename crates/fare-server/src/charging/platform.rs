//! What a payment platform is to us: the trait, orders, and what becomes of them.

use super::error::ChargeError;
use super::message::Response;
use fare_protocol::{AccountId, Money, UnixMs};
use fare_rules::tariff::Day;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

/// Which platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformId {
    /// What riders paid in beforehand; ours.
    StoredValue,
    /// Alipay.
    Alipay,
    /// WeChat Pay.
    WeChat,
}

impl PlatformId {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::StoredValue, Self::Alipay, Self::WeChat];

    /// Its name in configurations, paths and the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StoredValue => "stored-value",
            Self::Alipay => "alipay",
            Self::WeChat => "wechat",
        }
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for PlatformId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|id| id.code() == text);
        found.ok_or_else(|| {
            format!("no payment platform {text:?}; write stored-value, alipay or wechat")
        })
    }
}

/// What a platform can do. Ask before asking it: see [`Platform::capabilities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Charges the rider's pay code, shown once and short-lived.
    PayCode,
    /// Charges by an agreement, the rider not being there.
    Agreement,
    /// Gives a code that the rider scans and pays.
    ShowCode,
    /// Charges what the rider paid in beforehand.
    Balance,
    /// Says what became of an order.
    Query,
    /// Takes an order back: nothing is charged, or it is given back whole.
    Cancel,
    /// Gives back a part of what was charged, several times.
    PartialRefund,
    /// Tells by itself what became of an order.
    Notice,
    /// Lists a day's charges and refunds.
    Bill,
}

impl Capability {
    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PayCode => "pay code",
            Self::Agreement => "agreement",
            Self::ShowCode => "code to show",
            Self::Balance => "balance",
            Self::Query => "query",
            Self::Cancel => "cancel",
            Self::PartialRefund => "partial refund",
            Self::Notice => "notice",
            Self::Bill => "bill",
        }
    }
}

/// What both platforms beyond a network can do.
pub(super) const BEYOND: &[Capability] = &[
    Capability::PayCode,
    Capability::Agreement,
    Capability::ShowCode,
    Capability::Query,
    Capability::Cancel,
    Capability::PartialRefund,
    Capability::Notice,
    Capability::Bill,
];

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// An order's or a refund's number at the platform: ours, 6 to 32 letters and digits, made before it is
/// sent and never used for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNo(String);

impl OrderNo {
    /// The number of an id of ours: its 32 hexadecimal digits.
    pub fn of(id: [u8; 16]) -> Self {
        Self(crate::ids::hex(&id))
    }

    /// Its letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that it is the number of; none when it is not one of ours.
    pub fn id(&self) -> Option<[u8; 16]> {
        let mut id = [0; 16];
        if self.0.len() != 32 {
            return None;
        }
        for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(self.0.get(at..at + 2)?, 16).ok()?;
        }
        Some(id)
    }
}

impl FromStr for OrderNo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letters = text.bytes().all(|b| b.is_ascii_alphanumeric());
        if letters && (6..=32).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an order's number is 6 to 32 letters and digits".to_owned())
        }
    }
}

impl fmt::Display for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What must not stand in logs: a pay code, the number of an agreement.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the platform's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// How a rider pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// The code on the rider's phone, valid for a minute or two.
    PayCode(Secret),
    /// The number of an agreement that the rider made with the platform.
    Agreement(Secret),
    /// The rider scans a code that the platform gives.
    ShowCode,
    /// From what the account paid in beforehand.
    Balance(AccountId),
}

impl Means {
    /// What a platform must be able to do to take it.
    pub const fn needs(&self) -> Capability {
        match self {
            Self::PayCode(_) => Capability::PayCode,
            Self::Agreement(_) => Capability::Agreement,
            Self::ShowCode => Capability::ShowCode,
            Self::Balance(_) => Capability::Balance,
        }
    }
}

/// A demand on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number, ours.
    pub no: OrderNo,
    /// How much: more than nothing.
    pub amount: Money,
    /// How it is paid.
    pub means: Means,
    /// What the rider reads on the platform's receipt; names no journey.
    pub subject: String,
}

/// Money to give back, from one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its number, ours.
    pub no: OrderNo,
    /// Of which order.
    pub order: OrderNo,
    /// What that order charged.
    pub charged: Money,
    /// How much of it, in the same currency.
    pub amount: Money,
}

/// What has been charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The platform's own number of it.
    pub reference: String,
    /// How much: who asked compares it with the order.
    pub amount: Money,
    /// When, by the platform's clock, where it says so.
    pub at: Option<UnixMs>,
}

/// Why a platform declined, as far as it matters to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclineReason {
    /// Not enough money: later there may be.
    NoMoney,
    /// The code or agreement is not valid, or no longer.
    Means,
    /// The platform does not let this rider pay so much, or at all.
    Forbidden,
    /// For another reason.
    Other,
}

impl DeclineReason {
    /// Its name, for people and the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoMoney => "no-money",
            Self::Means => "means",
            Self::Forbidden => "forbidden",
            Self::Other => "other",
        }
    }
}

/// A no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// As far as it matters to us.
    pub reason: DeclineReason,
    /// The platform's own word for it.
    pub code: String,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Charged.
    Paid(Paid),
    /// Not yet known: the rider is asked, or the platform takes its time. Query it.
    Waiting,
    /// Not yet paid: the text of the code for the rider to scan.
    Shown(String),
    /// Not charged, and never under this number.
    Declined(Decline),
    /// Taken back: nothing is charged under this number, what was is given back.
    Ended,
    /// The platform has no order of this number.
    Missing,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way to the rider.
    Done(Money),
    /// Taken, not yet done. Query it.
    Waiting,
    /// It will not be: the platform's word for why.
    Refused(String),
    /// The platform has no refund of this number.
    Missing,
}

/// What a platform tells by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for a notice that is told again.
    pub id: String,
    /// About which order.
    pub order: OrderNo,
    /// What it says.
    pub about: NoticeAbout,
}

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeAbout {
    /// What became of the order.
    Order(Outcome),
    /// That a refund of it was done or not.
    Refund(OrderNo, RefundOutcome),
}

/// One line of a day's bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// Our number of the order.
    pub order: String,
    /// Our number of the refund, when the line is one.
    pub refund: Option<String>,
    /// The platform's own number.
    pub reference: String,
    /// What was charged or given back: more than nothing in both.
    pub amount: Money,
}

/// An answer that is waited for.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChargeError>> + Send + 'a>>;

/// A payment platform. All of it may be asked again with the same numbers: nothing is charged or given back
/// twice. An error never means "not charged"; only an [`Outcome`] does.
pub trait Platform: Send + Sync {
    /// Which one.
    fn id(&self) -> PlatformId;

    /// What it can do.
    fn capabilities(&self) -> &'static [Capability];

    /// Charges the order, or asks the rider to pay it.
    fn charge<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome>;

    /// What has become of the order.
    fn query<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome>;

    /// Takes the order back, whatever has become of it.
    fn cancel<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome>;

    /// Gives back a part of an order, or all of it.
    fn refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome>;

    /// What has become of the refund.
    fn query_refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome>;

    /// Reads what the platform tells by itself; believes nothing that it has not signed.
    ///
    /// # Errors
    /// When it is not the platform's, not about us, too old, or cannot be read.
    fn notice(&self, told: &Response, now: UnixMs) -> Result<Notice, ChargeError>;

    /// What to answer to a notice that was taken: content type and body.
    fn notice_answer(&self) -> (&'static str, &'static str);

    /// All charges and refunds of one day in the platform's own time zone.
    fn bill(&self, day: Day, now: UnixMs) -> Answer<'_, Vec<BillRow>>;
}

impl dyn Platform {
    /// Whether it can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities().contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_of_ids_and_back() {
        let id = [0xa7; 16];
        let no = OrderNo::of(id);
        assert_eq!(no.as_str(), "a7".repeat(16));
        assert_eq!(no.id(), Some(id));
        assert_eq!("a7b8c9".parse::<OrderNo>().unwrap().id(), None);
        for bad in [
            "short",
            "with space and more",
            &"x".repeat(33),
            "地铁地铁地铁",
        ] {
            assert!(bad.parse::<OrderNo>().is_err(), "{bad}");
        }
    }

    #[test]
    fn codes_and_agreements_do_not_show() {
        let means = Means::PayCode(Secret::new("280000000000000001"));
        assert_eq!(format!("{means:?}"), "PayCode(hidden)");
    }
}
