//! From what was typed to what it means.

use super::problem::{ConfigError, Problem};
use super::raw::{
    RawClock, RawDisplay, RawFrames, RawGate, RawJournal, RawKeys, RawLocation, RawServer,
    RawSource, RawStatus, RawTariff,
};
use super::{ClockConfig, FramesConfig, GateConfig, PayCodesConfig, ServerConfig, StatusConfig};
use crate::display::{DisplayConfig, Language, Look};
use crate::frame::FrameRate;
use crate::journal::Retention;
use crate::service::credentials;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::TariffText;
use fare_protocol::{GeoPoint, IdError, KeySet, LaneNo, Location, Millis, signing_key};
use fare_rules::clock::Ppm;
use fare_rules::{ALONE_STEPS_MAX, LanePolicy, PayCodePolicy, Tariff};
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

const DEFAULT_FPS: u32 = 30;
const FPS_MAX: u32 = 240;
const DEFAULT_WIDTH: u32 = 1_280;
const DEFAULT_HEIGHT: u32 = 720;
const E7: f64 = 1e7;
const DAY_MS: i64 = 24 * 3_600_000;
const SIZE_MAX_MIB_LEAST: u32 = 16;

/// Windows must not be narrower than what the network alone does to a reading, nor wider than an hour.
const CLOCK_ERROR_MAX_MS: RangeInclusive<u32> = 500..=3_600_000;

/// No crystal is better, and none that is worse is a clock.
const DRIFT_PPM: RangeInclusive<u32> = 1..=1_000;

pub(super) fn check(file: &Path, text: &str, raw: RawGate) -> Result<GateConfig, ConfigError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut checker = Checker {
        text,
        folder,
        problems: Vec::new(),
    };
    let config = checker.gate(raw);
    checker
        .problems
        .sort_by_key(|problem| (problem.line, problem.column));
    match config {
        Some(config) if checker.problems.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigError {
            file: file.to_owned(),
            problems: checker.problems,
        }),
    }
}

/// Collects every problem, so that one run names them all. `None` means: a problem was noted.
pub(super) struct Checker<'t> {
    text: &'t str,
    folder: &'t Path,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    pub(super) fn wrong<T>(&mut self, span: Range<usize>, message: String) -> Option<T> {
        self.problems.push(Problem::at(self.text, span, message));
        None
    }

    fn gate(&mut self, raw: RawGate) -> Option<GateConfig> {
        let gate = self.id(&raw.gate);
        let keys = self.keys(&raw.keys);
        let tariff = self.tariff(&raw.tariff);
        let location = self.location(&raw.location, tariff.as_ref().map(|(tariff, _)| tariff));
        let frames = raw.frames.as_ref().map(|frames| self.frames(frames));
        let scanner = raw.scanner.as_ref().map(|scanner| self.scanner(scanner));
        if frames.is_none() && scanner.is_none() {
            let message = "nothing reads codes here; write [frames] for a camera, or [scanner]";
            self.wrong::<()>(0..0, message.to_owned());
        }
        let clock = self.clock(&raw.clock);
        let server = raw.server.as_ref().map(|server| self.server(server));
        let pay_codes = raw.pay_codes.as_ref();
        let pay_codes = pay_codes.map(|raw_codes| self.pay_codes(raw_codes, raw.server.is_some()));
        let alone = self.alone(&raw.alone, raw.server.is_some());
        let display = raw.display.as_ref().map(|display| self.display(display));
        let lamps = raw.lamps.as_ref().map(|lamps| self.lamps(lamps));
        let voice = raw.voice.as_ref().map(|voice| self.voice(voice));
        let barrier = self.barrier(&raw.barrier);
        let retention = self.retention(&raw.journal);
        let pay_codes = pay_codes.map_or(Some(None), |pay_codes| pay_codes.map(Some))?;
        let (signing_key, issuers, servers) = keys?;
        let (tariff, tariff_text) = tariff?;
        Some(GateConfig {
            gate: gate?,
            location: location?,
            signing_key: Arc::new(signing_key),
            issuers,
            servers,
            tariff,
            tariff_text,
            policy: LanePolicy {
                alone: alone?,
                ..policy(&raw, pay_codes.as_ref())
            },
            pay_codes,
            clock: clock?,
            frames: frames.map_or(Some(None), |frames| frames.map(Some))?,
            scanner: scanner.map_or(Some(None), |scanner| scanner.map(Some))?,
            barrier: barrier?,
            lamps: lamps.map_or(Some(None), |lamps| lamps.map(Some))?,
            voice: voice.map_or(Some(None), |voice| voice.map(Some))?,
            journal: self.path(&raw.journal.path),
            retention: retention?,
            status: status(
                &raw.status,
                self.folder,
                self.path(&raw.journal.path),
                raw.server.is_some(),
            ),
            server: server.unwrap_or_default(),
            display: display.unwrap_or_default(),
        })
    }

    fn id<T: FromStr<Err = IdError>>(&mut self, value: &Spanned<String>) -> Option<T> {
        match value.get_ref().parse() {
            Ok(id) => Some(id),
            Err(err) => self.wrong(value.span(), format!("{err}; write for example \"PGY-01\"")),
        }
    }

    pub(super) fn path(&self, value: &Spanned<String>) -> PathBuf {
        self.folder.join(value.get_ref())
    }

    /// The file that is meant: a path, or a credential of the service.
    fn file(&mut self, value: &Spanned<String>) -> Option<PathBuf> {
        match credentials::path(value.get_ref()) {
            None => Some(self.path(value)),
            Some(Ok(path)) => Some(path),
            Some(Err(err)) => self.wrong(value.span(), err.to_string()),
        }
    }

    fn read(&mut self, value: &Spanned<String>, what: &str) -> Option<String> {
        let path = self.file(value)?;
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(err) => {
                let path = path.display();
                let message = format!("cannot read {what} {path}: {err}; write the path of one");
                self.wrong(value.span(), message)
            }
        }
    }

    fn keys(&mut self, raw: &RawKeys) -> Option<(SigningKey, KeySet, KeySet)> {
        let signing = self.signing_key(&raw.signing_key);
        let issuers = self.key_set(&raw.issuers, "the issuers' public keys");
        let servers = self.key_set(&raw.servers, "the servers' public keys");
        Some((signing?, issuers?, servers?))
    }

    fn signing_key(&mut self, value: &Spanned<String>) -> Option<SigningKey> {
        let text = self.read(value, "the gate's signing key")?;
        let path = self.file(value)?;
        let mode = std::fs::metadata(&path).map_or(0, |meta| meta.permissions().mode());
        // systemd guards its credentials itself, and an access list of its shows as a group's right.
        let guarded = value.get_ref().starts_with(credentials::PREFIX);
        if mode & 0o077 != 0 && !guarded {
            let path = path.display();
            let message = format!("others may read the signing key; run: chmod 600 {path}");
            return self.wrong(value.span(), message);
        }
        match signing_key(text.trim()) {
            Ok(key) => Some(key),
            Err(_) => {
                let message = "the signing key file must hold 64 hexadecimal digits";
                self.wrong(value.span(), message.to_owned())
            }
        }
    }

    fn key_set(&mut self, value: &Spanned<String>, what: &str) -> Option<KeySet> {
        let text = self.read(value, what)?;
        match serde_json::from_str(&text) {
            Ok(KeySet(keys)) if !keys.is_empty() => Some(KeySet(keys)),
            Ok(KeySet(_)) => self.wrong(value.span(), format!("{what}: the list is empty")),
            Err(err) => {
                let path = self.file(value)?;
                let wanted = r#"[{"key": "64 hexadecimal digits", "from_ms": 0, "until_ms": 0}]"#;
                let message = format!("{what} {}: {err}; write {wanted}", path.display());
                self.wrong(value.span(), message)
            }
        }
    }

    fn tariff(&mut self, raw: &RawTariff) -> Option<(Tariff, TariffText)> {
        let tariff = self.read(&raw.file, "the tariff");
        let stations = self.read(&raw.stations, "the station table");
        let text = TariffText {
            tariff: tariff?,
            stations: stations?,
        };
        match Tariff::parse(&text) {
            Ok(tariff) => Some((tariff, text)),
            Err(err) => self.wrong(raw.file.span(), err.to_string()),
        }
    }

    fn location(
        &mut self,
        raw: &Spanned<RawLocation>,
        tariff: Option<&Tariff>,
    ) -> Option<Location> {
        let at = raw.get_ref();
        let station = self.id(&at.station);
        let line = self.id(&at.line);
        if let (Some(station), Some(tariff)) = (station, tariff)
            && tariff.station(station).is_none()
        {
            let known: Vec<_> = tariff.stations().map(|s| s.id.as_str()).collect();
            let message = format!(
                "station {station} is not in the station table; write one of {}",
                known.join(", ")
            );
            return self.wrong(at.station.span(), message);
        }
        let Some(point) = point(at.latitude, at.longitude) else {
            let message = "latitude must lie in -90..90 and longitude in -180..180 degrees";
            return self.wrong(raw.span(), message.to_owned());
        };
        Some(Location {
            station: station?,
            line: line?,
            lane: LaneNo(at.lane),
            point,
        })
    }

    fn frames(&mut self, raw: &Spanned<RawFrames>) -> Option<FramesConfig> {
        let frames = raw.get_ref();
        let fps = frames
            .fps
            .as_ref()
            .map_or(DEFAULT_FPS, |fps| *fps.get_ref());
        if fps == 0 || fps > FPS_MAX {
            let span = frames.fps.as_ref().map_or(raw.span(), Spanned::span);
            return self.wrong(span, format!("fps is {fps}; write 1 to {FPS_MAX}"));
        }
        let path = frames.path.as_ref().map(|path| self.folder.join(path));
        match (frames.source, path) {
            (RawSource::Camera, _) => Some(FramesConfig::Camera {
                device: frames.device.unwrap_or(0),
                width: frames.width.unwrap_or(DEFAULT_WIDTH),
                height: frames.height.unwrap_or(DEFAULT_HEIGHT),
                fps,
            }),
            (RawSource::Y4m, Some(path)) => Some(FramesConfig::Y4m { path }),
            (RawSource::Folder, Some(path)) => match FrameRate::new(f64::from(fps)) {
                Ok(rate) => Some(FramesConfig::Folder { path, rate }),
                Err(err) => self.wrong(raw.span(), err.to_string()),
            },
            (RawSource::Y4m | RawSource::Folder, None) => {
                let message = "this source needs a path; write path = \"...\"";
                self.wrong(raw.span(), message.to_owned())
            }
        }
    }

    fn retention(&mut self, raw: &RawJournal) -> Option<Retention> {
        let mib = *raw.size_max_mib.get_ref();
        if mib < SIZE_MAX_MIB_LEAST {
            let message = format!("size_max_mib is {mib}; write {SIZE_MAX_MIB_LEAST} or more");
            return self.wrong(raw.size_max_mib.span(), message);
        }
        Some(Retention {
            keep_ms: i64::from(raw.keep_days).saturating_mul(DAY_MS),
            size_max: u64::from(mib).saturating_mul(1024 * 1024),
        })
    }

    fn clock(&mut self, raw: &RawClock) -> Option<ClockConfig> {
        let (most, drift) = (*raw.error_max_ms.get_ref(), *raw.drift_ppm.get_ref());
        if !CLOCK_ERROR_MAX_MS.contains(&most) {
            let (least, top) = (CLOCK_ERROR_MAX_MS.start(), CLOCK_ERROR_MAX_MS.end());
            let message = format!("error_max_ms is {most}; write {least} to {top}");
            return self.wrong(raw.error_max_ms.span(), message);
        }
        if !DRIFT_PPM.contains(&drift) {
            let (least, top) = (DRIFT_PPM.start(), DRIFT_PPM.end());
            let message = format!("drift_ppm is {drift}; write {least} to {top}");
            return self.wrong(raw.drift_ppm.span(), message);
        }
        if let Some(error) = &raw.system_error_ms
            && *error.get_ref() > most
        {
            let message = format!(
                "system_error_ms is {}, over error_max_ms: the gate would never know the time; \
                 write {most} or less",
                error.get_ref()
            );
            return self.wrong(error.span(), message);
        }
        let system_error = raw.system_error_ms.as_ref();
        Some(ClockConfig {
            system_error: system_error.map(|error| Millis(*error.get_ref())),
            drift: Ppm(drift),
        })
    }

    fn server(&mut self, raw: &RawServer) -> Option<ServerConfig> {
        if !raw.url.get_ref().starts_with("https://") {
            let message = "the server's address must begin with https://".to_owned();
            return self.wrong(raw.url.span(), message);
        }
        let pem = [
            (&raw.ca, "the authority's certificate"),
            (&raw.certificate, "the gate's certificate"),
            (&raw.private_key, "the certificate's private key"),
        ];
        for (value, what) in pem {
            self.read(value, what)?;
        }
        Some(ServerConfig {
            url: raw.url.get_ref().trim_end_matches('/').to_owned(),
            ca: self.file(&raw.ca)?,
            certificate: self.file(&raw.certificate)?,
            private_key: self.file(&raw.private_key)?,
            backoff_min: Millis(raw.backoff_min_ms.max(1)),
            backoff_max: Millis(raw.backoff_max_ms.max(raw.backoff_min_ms).max(1)),
        })
    }

    fn display(&mut self, raw: &RawDisplay) -> Option<DisplayConfig> {
        let listen = raw.listen.get_ref().parse::<SocketAddr>().ok();
        let Some(listen) = listen.filter(|listen| listen.ip().is_loopback()) else {
            let message = "the screen's page is for a browser on this box; \
                           write for example \"127.0.0.1:8088\"";
            return self.wrong(raw.listen.span(), message.to_owned());
        };
        let languages: Vec<_> = raw
            .languages
            .iter()
            .map(|name| self.language(name))
            .collect();
        if languages.is_empty() {
            let message = "write at least one language, for example languages = [\"en\"]";
            return self.wrong(raw.listen.span(), message.to_owned());
        }
        Some(DisplayConfig {
            listen,
            look: Look {
                languages: languages.into_iter().collect::<Option<_>>()?,
                together: raw.together,
                arrow: raw.arrow,
                sounds: raw.sounds,
                receipts: raw.receipts,
            },
        })
    }

    /// A built-in language, or one of a file.
    fn language(&mut self, name: &Spanned<String>) -> Option<Language> {
        let language = if name.get_ref().ends_with(".toml") {
            Language::parse(&self.read(name, "the language")?)
        } else {
            Language::built_in(name.get_ref())
        };
        match language {
            Ok(language) => Some(language),
            Err(err) => self.wrong(name.span(), err.to_string()),
        }
    }
}

/// Without a file of its own it lies beside the journal, where the gate may write.
pub(super) fn status(
    raw: &RawStatus,
    folder: &Path,
    journal: PathBuf,
    has_server: bool,
) -> StatusConfig {
    let beside_journal = || {
        let mut name = journal.as_os_str().to_owned();
        name.push(".status");
        PathBuf::from(name)
    };
    let file = raw.file.as_ref().map(|file| folder.join(file));
    StatusConfig {
        file: file.unwrap_or_else(beside_journal),
        metrics: raw.metrics.as_ref().map(|file| folder.join(file)),
        every: Duration::from_secs(raw.every_s.max(1).into()),
        journal,
        has_server,
    }
}

fn policy(gate: &RawGate, pay_codes: Option<&PayCodesConfig>) -> LanePolicy {
    let RawGate {
        role,
        lane: raw,
        clock,
        ..
    } = gate;
    LanePolicy {
        role: *role,
        grace: Millis(raw.grace_ms),
        passage_timeout: Millis(raw.passage_timeout_ms),
        future_tolerance: Millis(raw.future_tolerance_ms),
        passback_window: Millis(raw.passback_window_ms),
        exit_without_entry: raw.exit_without_entry,
        cache_fresh: Millis(raw.cache_fresh_ms),
        refusal_shown: Millis(raw.refusal_shown_ms),
        clock_error_max: Millis(*clock.error_max_ms.get_ref()),
        clock_beyond: clock.beyond,
        pay_codes: pay_codes.map_or_else(PayCodePolicy::default, |pay_codes| pay_codes.policy),
        alone: [None; ALONE_STEPS_MAX],
    }
}

/// Degrees to 1e-7 degree; nothing when off the globe or not a number.
fn point(latitude: f64, longitude: f64) -> Option<GeoPoint> {
    let e7 = |degrees: f64| (degrees * E7).round();
    let fits = |e7: f64| (-1.8e9..=1.8e9).contains(&e7);
    let (lat, lon) = (e7(latitude), e7(longitude));
    #[allow(
        clippy::cast_possible_truncation,
        reason = "checked to fit the line before"
    )]
    let point = GeoPoint::from_e7(lat as i32, lon as i32);
    if fits(lat) && fits(lon) { point } else { None }
}
