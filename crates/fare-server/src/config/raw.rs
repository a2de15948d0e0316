//! The configuration as it was typed. Values that are checked later keep their place.

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub database: Spanned<String>,
    pub listen: Spanned<String>,
    pub console_listen: Option<Spanned<String>>,
    pub status_listen: Option<Spanned<String>>,
    pub ready_file: Option<String>,
    pub signing_key: Spanned<String>,
    pub issuers: Spanned<String>,
    pub tariff: Spanned<String>,
    pub stations: Spanned<String>,
    pub journey_valid_ms: Spanned<u32>,
    pub uploads_max: Option<Spanned<u32>>,
    pub riders: Option<RawRiders>,
    pub staff: Option<RawStaff>,
    pub charging: Option<RawCharging>,
    pub pay_codes: Option<RawPayCodes>,
    pub enrolment: Option<RawEnrolment>,
    pub books: Option<RawBooks>,
    pub tls: RawTls,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStaff {
    pub listen: Spanned<String>,
    pub cert: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRiders {
    pub listen: Spanned<String>,
    pub cert: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub wallet: Option<Spanned<String>>,
    pub issuer_key: Spanned<String>,
    pub fare_limit_minor: Spanned<i64>,
    pub code_lifetime_ms: Spanned<u32>,
    pub offline_days: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEnrolment {
    pub listen: Spanned<String>,
    pub address: Spanned<String>,
    pub authority: Spanned<String>,
    pub authority_key: Spanned<String>,
    pub certificate_days: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBooks {
    pub clearing: Spanned<String>,
    pub statements: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub cert: Spanned<String>,
    pub key: Spanned<String>,
    pub client_ca: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCharging {
    pub notices_listen: Option<Spanned<String>>,
    pub policy: Spanned<String>,
    pub threshold_minor: Option<i64>,
    pub retry_days: Spanned<Vec<u16>>,
    pub subject: String,
    pub answer_ms: Option<u64>,
    #[serde(default)]
    pub stored_value: bool,
    pub alipay: Option<RawAlipay>,
    pub wechat: Option<RawWeChat>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPayCodes {
    pub key: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlipay {
    pub gateway: Spanned<String>,
    pub authorities: Option<String>,
    pub app_id: String,
    pub key: Spanned<String>,
    pub platform_key: Spanned<String>,
    pub notify_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeChat {
    pub api: Spanned<String>,
    pub authorities: Option<String>,
    pub app_id: String,
    pub merchant_id: String,
    pub serial_no: String,
    pub key: Spanned<String>,
    pub api_v3_key: Spanned<String>,
    pub platform_key: Option<Spanned<String>>,
    pub platform_key_id: Option<String>,
    pub notify_url: String,
}
