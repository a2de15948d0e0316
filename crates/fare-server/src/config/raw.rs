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
pub(super) struct RawTls {
    pub cert: Spanned<String>,
    pub key: Spanned<String>,
    pub client_ca: Spanned<String>,
}
