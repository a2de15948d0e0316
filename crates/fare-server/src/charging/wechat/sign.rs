//! Signatures of API v3: over method, path, time, nonce and body in requests; over time, nonce and body in
//! answers and notices.

use super::super::error::ChargeError;
use super::super::keys::{KeyError, MerchantKey, PlatformKey};
use super::super::message::{Method, Moment, Response};
use super::super::platform::PlatformId;
use super::WeChat;
use fare_protocol::UnixMs;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The one kind of signature: RSA of 2048 bits, SHA-256, PKCS #1 v1.5.
pub const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// How far an answer's or notice's time may be from ours: five minutes, as WeChat Pay has it for ours.
pub const CLOCK_OFF_MS_MAX: i64 = 300_000;

/// The `Authorization` of a request.
///
/// # Errors
/// When our key does not sign.
pub fn authorization(
    us: &WeChat,
    method: Method,
    target: &str,
    body: &str,
    moment: &Moment,
) -> Result<String, KeyError> {
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let (at, nonce) = (seconds(moment.now), &moment.nonce);
    let message = format!("{method}\n{target}\n{at}\n{nonce}\n{body}\n");
    let signature = us.key.sign(message.as_bytes())?;
    let (mchid, serial) = (&us.merchant_id, &us.serial_no);
    Ok(format!(
        "{SCHEME} mchid=\"{mchid}\",nonce_str=\"{nonce}\",signature=\"{signature}\",\
         timestamp=\"{at}\",serial_no=\"{serial}\""
    ))
}

/// The signature of an answer or notice, as a platform makes it: for simulators.
///
/// # Errors
/// When the key does not sign.
pub fn sign_answer(
    key: &MerchantKey,
    at: UnixMs,
    nonce: &str,
    body: &str,
) -> Result<String, KeyError> {
    let at = seconds(at);
    key.sign(format!("{at}\n{nonce}\n{body}\n").as_bytes())
}

fn seconds(at: UnixMs) -> i64 {
    at.0.div_euclid(1_000)
}

/// WeChat Pay's keys: a public key with an id, or certificates that come and go, by serial number.
pub struct PlatformKeys {
    public: Option<String>,
    known: Mutex<BTreeMap<String, PlatformKey>>,
}

impl PlatformKeys {
    /// A public key, as newer merchants have it: `PUB_KEY_ID_…`.
    pub fn public_key(id: &str, key: PlatformKey) -> Self {
        Self {
            public: Some(id.to_owned()),
            known: Mutex::new(BTreeMap::from([(id.to_owned(), key)])),
        }
    }

    /// Certificates that are known already; others are fetched.
    pub fn certificates(known: Vec<PlatformKey>) -> Self {
        let known = known.into_iter().filter_map(with_serial).collect();
        Self {
            public: None,
            known: Mutex::new(known),
        }
    }

    /// The id of the public key, when there is one instead of certificates.
    pub fn public_key_id(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// Whether the key of this serial number or id is known.
    pub fn knows(&self, serial: &str) -> bool {
        self.find(serial).is_some()
    }

    fn find(&self, serial: &str) -> Option<PlatformKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(serial).cloned()
    }

    /// Whether an answer or notice is signed by one of these keys, now.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, told: &Response, now: UnixMs) -> Result<(), ChargeError> {
        let header = |name: &str| {
            let found = told.header(name);
            found.ok_or_else(|| forged(format!("no header {name}")))
        };
        let serial = header("wechatpay-serial")?;
        let key = self.find(serial);
        let key = key.ok_or_else(|| forged(format!("signed with the unknown key {serial}")))?;
        verify_with(&key, told, now)
    }

    /// Takes certificates that were opened with our own key, if `answer`, which brought them, is signed
    /// with one of them; those before are forgotten. Answers how many are known now.
    ///
    /// # Errors
    /// When it is not.
    pub fn take(
        &self,
        keys: Vec<PlatformKey>,
        answer: &Response,
        now: UnixMs,
    ) -> Result<usize, ChargeError> {
        let keys: BTreeMap<_, _> = keys.into_iter().filter_map(with_serial).collect();
        let serial = answer.header("wechatpay-serial").unwrap_or_default();
        let key = keys.get(serial);
        let key = key.ok_or_else(|| forged(format!("certificates without that of {serial}")))?;
        verify_with(key, answer, now)?;
        let count = keys.len();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(count)
    }
}

fn with_serial(key: PlatformKey) -> Option<(String, PlatformKey)> {
    Some((key.serial()?.to_owned(), key))
}

fn verify_with(key: &PlatformKey, told: &Response, now: UnixMs) -> Result<(), ChargeError> {
    let header = |name: &str| {
        let found = told.header(name);
        found.ok_or_else(|| forged(format!("no header {name}")))
    };
    let at = header("wechatpay-timestamp")?;
    let (nonce, signature) = (header("wechatpay-nonce")?, header("wechatpay-signature")?);
    let mut message = format!("{at}\n{nonce}\n").into_bytes();
    message.extend_from_slice(&told.body);
    message.push(b'\n');
    let held = key.verify(&message, signature);
    held.map_err(|err| forged(err.to_string()))?;
    // Last, so that a stranger cannot make us think that our clock is wrong.
    let at = at.parse::<i64>().map_err(|err| forged(err.to_string()))?;
    let theirs = UnixMs(at.saturating_mul(1_000));
    if (now.0 - theirs.0).abs() > CLOCK_OFF_MS_MAX {
        return Err(ChargeError::Clock {
            platform: PlatformId::WeChat,
            ours: now,
            theirs,
        });
    }
    Ok(())
}

fn forged(what: String) -> ChargeError {
    ChargeError::Forged {
        platform: PlatformId::WeChat,
        what,
    }
}
