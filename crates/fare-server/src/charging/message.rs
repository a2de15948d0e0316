//! HTTP as values: what a platform's protocol makes and reads, with no network.

use super::error::ChargeError;
use super::platform::{
    BillRow, Capability, Notice, Order, Outcome, PlatformId, Refund, RefundOutcome,
};
use fare_protocol::UnixMs;
use fare_rules::tariff::Day;

/// GET or POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Without a body.
    Get,
    /// With one.
    Post,
}

/// A request, to be sent byte for byte: its signature covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Path and query at the platform's address, or a whole address that the platform gave.
    pub target: String,
    /// Headers beside those of HTTP itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: String,
}

/// Where a bill is. The file itself is not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillFile {
    /// How it is fetched.
    pub request: Request,
    /// Its SHA-1, hexadecimal, where the platform has signed that.
    pub sha1: Option<String>,
}

impl BillFile {
    /// Whether this is the file, as far as the platform has said what is in it.
    pub fn is(&self, file: &[u8]) -> bool {
        self.sha1
            .as_ref()
            .is_none_or(|said| said.eq_ignore_ascii_case(&sha1(file)))
    }
}

/// SHA-1, hexadecimal: the one with which WeChat Pay says what is in a bill.
pub fn sha1(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// An answer, or a notice: both are headers and a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP's status; 0 for a notice.
    pub status: u16,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// When a request is made, with a text that no other request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By our clock.
    pub now: UnixMs,
    /// 32 letters and digits.
    pub nonce: String,
}

/// What is asked of a platform.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// Charge it.
    Charge(&'a Order),
    /// What became of it.
    Query(&'a Order),
    /// Take it back.
    Cancel(&'a Order),
    /// Give back.
    Refund(&'a Refund),
    /// What became of the refund.
    QueryRefund(&'a Refund),
    /// Where the day's bill is.
    Bill(Day),
}

impl Call<'_> {
    /// What a platform must be able to do.
    pub const fn needs(&self) -> Capability {
        match self {
            Self::Charge(order) => order.means.needs(),
            Self::Query(_) => Capability::Query,
            Self::Cancel(_) => Capability::Cancel,
            Self::Refund(_) | Self::QueryRefund(_) => Capability::PartialRefund,
            Self::Bill(_) => Capability::Bill,
        }
    }
}

/// A platform's words and signatures: requests out of calls, outcomes out of answers. Pure: what it does not
/// get as a parameter it does not know.
pub trait Protocol: Send + Sync {
    /// Which platform.
    fn id(&self) -> PlatformId;

    /// What it can do.
    fn capabilities(&self) -> &'static [Capability];

    /// The request for a call.
    ///
    /// # Errors
    /// When the platform cannot do it, or our key does not sign.
    fn ask(&self, call: &Call<'_>, moment: &Moment) -> Result<Request, ChargeError>;

    /// What an answer to `call`, which is about `order`, says.
    ///
    /// # Errors
    /// When it is not signed by the platform, cannot be read, or says that the request was wrong.
    fn order_answer(
        &self,
        call: &Call<'_>,
        order: &Order,
        answer: &Response,
        now: UnixMs,
    ) -> Result<Outcome, ChargeError>;

    /// The same of one about a refund.
    ///
    /// # Errors
    /// As `order_answer`.
    fn refund_answer(
        &self,
        call: &Call<'_>,
        refund: &Refund,
        answer: &Response,
        now: UnixMs,
    ) -> Result<RefundOutcome, ChargeError>;

    /// What a notice says.
    ///
    /// # Errors
    /// As `order_answer`, or when it is for somebody else.
    fn notice(&self, told: &Response, now: UnixMs) -> Result<Notice, ChargeError>;

    /// What to answer to a notice that was taken.
    fn notice_answer(&self) -> (&'static str, &'static str);

    /// Where the bill itself is, out of the answer to [`Call::Bill`]; none when the day has no bill.
    ///
    /// # Errors
    /// As `order_answer`.
    fn bill_file(
        &self,
        answer: &Response,
        moment: &Moment,
    ) -> Result<Option<BillFile>, ChargeError>;

    /// The lines of the bill.
    ///
    /// # Errors
    /// When it cannot be read.
    fn bill_rows(&self, file: &Response) -> Result<Vec<BillRow>, ChargeError>;

    /// A request for the platform's newest certificates, for platforms that change them; none otherwise.
    ///
    /// # Errors
    /// When our key does not sign.
    fn certificates(&self, _moment: &Moment) -> Result<Option<Request>, ChargeError> {
        Ok(None)
    }

    /// Takes the certificates in the answer; answers how many are known now.
    ///
    /// # Errors
    /// When they are not the platform's.
    fn take_certificates(&self, _answer: &Response, _now: UnixMs) -> Result<usize, ChargeError> {
        Ok(0)
    }
}
