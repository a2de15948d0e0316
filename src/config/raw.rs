//! The configuration as it was typed. Every value keeps its place, for the messages.

use crate::barrier::gpio::Pull;
use crate::display::Arrow;
use fare_protocol::pay_code::PayCodeLetters;
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
    pub barrier: Spanned<RawBarrier>,
    pub journal: RawJournal,
    pub lane: RawLane,
    #[serde(default)]
    pub alone: Vec<Spanned<RawAlone>>,
    pub clock: RawClock,
    pub server: Option<RawServer>,
    pub pay_codes: Option<Spanned<RawPayCodes>>,
    pub display: Option<RawDisplay>,
    pub lamps: Option<Spanned<RawLamps>>,
    pub voice: Option<RawVoice>,
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
    #[serde(default)]
    pub kind: RawBarrierKind,
    pub serial: Option<Spanned<String>>,
    pub baud: Option<Spanned<u32>>,
    pub data_bits: Option<Spanned<u8>>,
    pub parity: Option<Spanned<Parity>>,
    pub unit: Option<Spanned<u8>>,
    pub poll_ms: Option<u32>,
    pub bytes: Option<Spanned<RawBytes>>,
    pub gpio: Option<Spanned<RawGpio>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawBarrierKind {
    #[default]
    Modbus,
    Bytes,
    Gpio,
}

/// What a turnstile is told and says, as bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBytes {
    pub open: Spanned<String>,
    pub open_all: Option<Spanned<String>>,
    pub close: Option<Spanned<String>>,
    pub poll: Option<Spanned<String>>,
    pub answer_ms: Option<Spanned<u32>>,
    pub ack: Option<Spanned<String>>,
    pub nak: Option<Spanned<String>>,
    pub alive: Option<Spanned<String>>,
    pub idle: Option<Spanned<String>>,
    pub passed: Option<Spanned<String>>,
    pub passing: Option<Spanned<String>>,
    pub passages: Option<Spanned<String>>,
    pub obstructed: Option<Spanned<String>>,
    pub clear: Option<Spanned<String>>,
    pub fire: Option<Spanned<String>>,
    pub fire_off: Option<Spanned<String>>,
    pub fault: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGpio {
    pub chip: Spanned<String>,
    pub open: RawOutput,
    pub close: Option<RawOutput>,
    pub passed: RawInput,
    pub tailgate: Option<RawInput>,
    pub obstructed: Option<RawInput>,
    pub fire: Option<RawInput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutput {
    pub line: Spanned<u32>,
    #[serde(default)]
    pub active_low: bool,
    pub pulse_ms: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub line: Spanned<u32>,
    #[serde(default)]
    pub active_low: bool,
    pub pull: Option<Pull>,
    pub debounce_ms: Option<Spanned<u32>>,
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

/// How often one account is let in while the server's news is so old, and what first rides may cost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlone {
    pub after_ms: Spanned<u32>,
    pub entries_max: Spanned<u16>,
    pub first_rides_max_minor: Option<Spanned<u32>>,
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

/// Codes of payment platforms; no section, none is taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPayCodes {
    pub answer_ms: Option<Spanned<u32>>,
    #[serde(default)]
    pub without_server: RawWithoutServer,
    pub admit_per_hour: Option<Spanned<u16>>,
    pub pattern: Option<Vec<Spanned<RawPattern>>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawWithoutServer {
    #[default]
    Refuse,
    Admit,
}

/// How the codes of one platform look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPattern {
    pub platform: Spanned<String>,
    pub letters: Option<PayCodeLetters>,
    pub length: [usize; 2],
    pub prefixes: Vec<Spanned<String>>,
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

/// Lamps and buzzer; numbers are lines or coils.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLamps {
    pub kind: RawLampsKind,
    pub chip: Option<Spanned<String>>,
    #[serde(default)]
    pub active_low: bool,
    pub serial: Option<Spanned<String>>,
    pub baud: Option<Spanned<u32>>,
    pub unit: Option<Spanned<u8>>,
    pub green: Option<Spanned<u16>>,
    pub red: Option<Spanned<u16>>,
    pub amber: Option<Spanned<u16>>,
    pub buzzer: Option<Spanned<u16>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawLampsKind {
    Gpio,
    Modbus,
}

/// Spoken sentences; no section, no voice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVoice {
    pub folder: Spanned<String>,
    pub languages: Spanned<Vec<String>>,
    #[serde(default = "default_player")]
    pub player: Spanned<Vec<String>>,
}

pub(super) fn default_player() -> Spanned<Vec<String>> {
    Spanned::new(0..0, vec!["aplay".to_owned(), "-q".to_owned()])
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
