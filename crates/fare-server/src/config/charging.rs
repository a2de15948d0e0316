//! The part `[charging]`: when accounts are charged, and the platforms with their keys.

use super::raw::{RawAlipay, RawCharging, RawWeChat};
use super::{Check, Problem, read_secret};
use crate::charging::alipay::Alipay;
use crate::charging::desk::Rules;
use crate::charging::wechat::{ApiKey, PlatformKeys, WeChat};
use crate::charging::{
    ANSWER_MAX, MerchantKey, Platform, PlatformKey, Remote, StoredValue, Transport,
};
use crate::store::Store;
use fare_rules::charging::{Policy, RetryCalendar};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// The authorities that Debian believes, when no others are named.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A checked `[charging]`.
#[derive(Clone)]
pub struct Charging {
    /// Where platforms tell what became of orders: a loopback address.
    pub notices_listen: Option<SocketAddr>,
    /// When accounts are charged, and again after a decline.
    pub rules: Rules,
    /// Whether accounts may pay with stored value.
    pub stored_value: bool,
    /// The platforms beyond a network.
    pub remote: Vec<Arc<dyn Platform>>,
}

impl Charging {
    /// All platforms; stored value keeps its book in `store`.
    pub fn platforms(&self, store: &Store) -> Vec<Arc<dyn Platform>> {
        let mut all = self.remote.clone();
        if self.stored_value {
            all.push(Arc::new(StoredValue::new(store.clone())));
        }
        all
    }
}

impl Check<'_> {
    pub(super) fn charging(&mut self, raw: &RawCharging) -> Option<Charging> {
        let notices_listen = match &raw.notices_listen {
            Some(at) => Some(self.loopback_for(
                at,
                "notices come over plain HTTP from what speaks HTTPS before this server",
            )?),
            None => None,
        };
        let policy = self.policy(raw);
        let retry = RetryCalendar::new(raw.retry_days.get_ref().clone());
        let retry = self.keep(&raw.retry_days, retry.map_err(|err| err.to_string()));
        let answer = raw.answer_ms.map_or(ANSWER_MAX, Duration::from_millis);
        let mut remote: Vec<Arc<dyn Platform>> = Vec::new();
        if let Some(raw) = &raw.alipay {
            remote.push(Arc::new(self.alipay(raw, answer)?));
        }
        if let Some(raw) = &raw.wechat {
            remote.push(Arc::new(self.wechat(raw, answer)?));
        }
        Some(Charging {
            notices_listen,
            rules: Rules {
                policy: policy?,
                retry: retry?,
                subject: raw.subject.clone(),
            },
            stored_value: raw.stored_value,
            remote,
        })
    }

    fn policy(&mut self, raw: &RawCharging) -> Option<Policy> {
        let minor = raw.threshold_minor;
        let policy = match (raw.policy.get_ref().as_str(), minor) {
            ("per-journey", None) => Ok(Policy::Journey),
            ("end-of-day", None) => Ok(Policy::Day),
            ("threshold", Some(minor)) if minor > 0 => Ok(Policy::Threshold(minor)),
            ("threshold", _) => Err("`threshold` needs `threshold_minor`, more than 0".to_owned()),
            ("per-journey" | "end-of-day", Some(_)) => {
                Err("`threshold_minor` belongs to the policy \"threshold\"".to_owned())
            }
            (other, _) => Err(format!(
                "got {other:?}; write \"per-journey\", \"end-of-day\" or \"threshold\""
            )),
        };
        self.keep(&raw.policy, policy)
    }

    fn alipay(&mut self, raw: &RawAlipay, answer: Duration) -> Option<Remote<Alipay>> {
        let key = self.merchant_key(&raw.key);
        let platform_key = self.platform_key(&raw.platform_key);
        let transport = self.transport(&raw.gateway, raw.authorities.as_deref(), answer);
        let us = Alipay {
            app_id: raw.app_id.clone(),
            key: key?,
            platform_key: platform_key?,
            notify_url: raw.notify_url.clone(),
        };
        Some(Remote::new(us, transport?))
    }

    fn wechat(&mut self, raw: &RawWeChat, answer: Duration) -> Option<Remote<WeChat>> {
        let key = self.merchant_key(&raw.key);
        let api_key = read_secret(&self.path(raw.api_v3_key.get_ref()));
        let api_key = api_key.and_then(|text| ApiKey::parse(&text));
        let api_key = self.keep(&raw.api_v3_key, api_key);
        let transport = self.transport(&raw.api, raw.authorities.as_deref(), answer);
        let platform_keys = match (&raw.platform_key, &raw.platform_key_id) {
            (Some(at), Some(id)) => PlatformKeys::public_key(id, self.platform_key(at)?),
            (None, None) => PlatformKeys::certificates(vec![]),
            (Some(at), None) => {
                let together = "`platform_key` and `platform_key_id` go together; write both, or \
                                neither and certificates are fetched";
                return self.keep(at, Err(together.to_owned()));
            }
            (None, Some(_)) => {
                let together = "`platform_key_id` needs `platform_key` beside it";
                return self.keep(&raw.api, Err(together.to_owned()));
            }
        };
        let us = WeChat {
            app_id: raw.app_id.clone(),
            merchant_id: raw.merchant_id.clone(),
            serial_no: raw.serial_no.clone(),
            key: key?,
            api_key: api_key?,
            platform_keys,
            notify_url: raw.notify_url.clone(),
        };
        Some(Remote::new(us, transport?))
    }

    fn merchant_key(&mut self, at: &Spanned<String>) -> Option<MerchantKey> {
        let text = read_secret(&self.path(at.get_ref()));
        let key = text.and_then(|text| MerchantKey::parse(&text).map_err(|err| err.to_string()));
        self.keep(at, key)
    }

    fn platform_key(&mut self, at: &Spanned<String>) -> Option<PlatformKey> {
        let text = self.read(at)?;
        let key = PlatformKey::parse(&text).map_err(|err| err.to_string());
        self.keep(at, key)
    }

    fn transport(
        &mut self,
        at: &Spanned<String>,
        authorities: Option<&str>,
        answer: Duration,
    ) -> Option<Transport> {
        let file = authorities.map_or_else(|| PathBuf::from(AUTHORITIES), |file| self.path(file));
        let transport = Transport::new(at.get_ref(), &file, answer);
        self.keep(at, transport.map_err(|err| err.to_string()))
    }

    fn loopback_for(&mut self, at: &Spanned<String>, why: &str) -> Option<SocketAddr> {
        let address = self.address(at)?;
        if address.ip().is_loopback() {
            return Some(address);
        }
        let message = format!("{why}: write a loopback address like \"127.0.0.1:8083\"");
        self.problems
            .push(Problem::at(self.text, at.span(), message));
        None
    }
}
