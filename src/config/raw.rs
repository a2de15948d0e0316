//! The configuration as it was typed. Every value keeps its place, for the messages.

use crate::display::Arrow;
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGate {
    pub gate: Spanned<String>,
    pub role: fare_rules::Role,
    pub location: Spanned<RawLocation>,
    pub keys: RawKeys,
    pub tariff: RawTariff,
    pub frames: Option<Spanned<RawFrames>>,
    pub scanner: Option<RawScanner>,
    pub barrier: RawBarrier,
    pub journal: RawJournal,
    pub lane: RawLane,
    pub clock: RawClock,
    pub server: Option<RawServer>,
    pub display: Option<RawDisplay>,
    #[serde(default)]
    pub status: RawStatus,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLocation {
    pub station: Spanned<String>,
    pub line: Spanned<String>,
    pub lane: u8,
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeys {
    pub signing_key: Spanned<String>,
    pub issuers: Spanned<String>,
    pub servers: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTariff {
    pub file: Spanned<String>,
    pub stations: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFrames {
    pub source: RawSource,
    pub path: Option<String>,
    pub device: Option<u32>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fps: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawSource {
    Camera,
    Y4m,
    Folder,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScanner {
    pub kind: RawScannerKind,
    pub device: Spanned<String>,
    pub baud: Option<Spanned<u32>>,
    pub data_bits: Option<Spanned<u8>>,
    pub parity: Option<Spanned<Parity>>,
    pub grab: Option<Spanned<bool>>,
    pub prefix: Option<Spanned<String>>,
    pub suffix: Option<Spanned<String>>,
    #[serde(default)]
    pub aim: bool,
    pub len_max: Option<Spanned<usize>>,
    pub silence_ms: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawScannerKind {
    Serial,
    Keyboard,
}

/// The bit of each byte that makes up for the others.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Parity {
    /// There is none.
    #[default]
    None,
    /// The number of ones is even.
    Even,
    /// The number of ones is odd.
    Odd,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBarrier {
    pub serial: Spanned<String>,
    #[serde(default = "default_baud")]
    pub baud: u32,
    pub unit: Option<Spanned<u8>>,
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJournal {
    pub path: Spanned<String>,
    #[serde(default = "default_keep_days")]
    pub keep_days: u16,
    #[serde(default = "default_size_max_mib")]
    pub size_max_mib: Spanned<u32>,
}

/// No defaults: these decide about money and about people standing at a barrier.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLane {
    pub grace_ms: u32,
    pub passage_timeout_ms: u32,
    pub future_tolerance_ms: u32,
    pub passback_window_ms: u32,
    pub exit_without_entry: fare_rules::ExitWithoutEntry,
    pub cache_fresh_ms: u32,
    pub refusal_shown_ms: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub error_max_ms: Spanned<u32>,
    pub beyond: fare_rules::ClockBeyond,
    #[serde(default = "default_drift_ppm")]
    pub drift_ppm: Spanned<u32>,
    pub system_error_ms: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub url: Spanned<String>,
    pub ca: Spanned<String>,
    pub certificate: Spanned<String>,
    pub private_key: Spanned<String>,
    #[serde(default = "default_backoff_min_ms")]
    pub backoff_min_ms: u32,
    #[serde(default = "default_backoff_max_ms")]
    pub backoff_max_ms: u32,
}

/// The lane's screen; no section, no page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDisplay {
    pub listen: Spanned<String>,
    #[serde(default = "default_languages")]
    pub languages: Vec<Spanned<String>>,
    #[serde(default = "default_true")]
    pub together: bool,
    #[serde(default)]
    pub arrow: Arrow,
    #[serde(default = "default_true")]
    pub sounds: bool,
    #[serde(default = "default_true")]
    pub receipts: bool,
}

fn default_languages() -> Vec<Spanned<String>> {
    vec![Spanned::new(0..0, "en".to_owned())]
}

const fn default_true() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatus {
    pub file: Option<String>,
    pub metrics: Option<String>,
    #[serde(default = "default_every_s")]
    pub every_s: u32,
}

impl Default for RawStatus {
    fn default() -> Self {
        Self {
            file: None,
            metrics: None,
            every_s: default_every_s(),
        }
    }
}

const fn default_every_s() -> u32 {
    10
}

const fn default_baud() -> u32 {
    115_200
}

const fn default_poll_ms() -> u32 {
    20
}

const fn default_keep_days() -> u16 {
    30
}

fn default_size_max_mib() -> Spanned<u32> {
    Spanned::new(0..0, 1_024)
}

fn default_drift_ppm() -> Spanned<u32> {
    Spanned::new(0..0, 100)
}

const fn default_backoff_min_ms() -> u32 {
    500
}

const fn default_backoff_max_ms() -> u32 {
    60_000
}
