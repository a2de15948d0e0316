//! `server.toml`: read, checked whole, and everything it names loaded before anything is bound.
//! `server.example.toml` beside the crate's manifest explains every key.

mod charging;
mod enrolment;
mod pay_codes;
mod problem;
mod raw;
mod riders;
mod staff;

pub use charging::Charging;
pub use enrolment::Enrolment;
pub use problem::{ConfigError, Problem};
pub use riders::Riders;
pub use staff::StaffListener;

use crate::books::clearing::Rule;
use crate::books::keeper::Sharing;
use crate::fares::Released;
use crate::health::is_private;
use crate::pay_codes::PayCodes;
use crate::store::DatabaseUrl;
use crate::tls;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::TariffText;
use fare_protocol::{KeySet, Millis, Signer, UnixMs};
use fare_rules::Tariff;
use raw::RawServer;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

/// Longest time that a journey may be declared valid: two days.
pub const JOURNEY_VALID_MS_MAX: u32 = 48 * 3_600_000;

/// Uploads taken at once when nothing is configured: each may hold some MiB while it is read.
pub const UPLOADS_MAX_DEFAULT: usize = 32;

/// Most uploads that may be configured to be taken at once.
pub const UPLOADS_MAX_MAX: u32 = 1_024;

/// A checked configuration with everything it names.
pub struct Config {
    /// Where everything is kept.
    pub database: DatabaseUrl,
    /// Where gates connect.
    pub listen: SocketAddr,
    /// Where the console is shown: a loopback address.
    pub console_listen: Option<SocketAddr>,
    /// Where health and metrics are told: an address that riders cannot reach.
    pub status_listen: Option<SocketAddr>,
    /// Written when both listeners are open.
    pub ready_file: Option<PathBuf>,
    /// What the server says and signs.
    pub settlement: Settlement,
    /// The key that it signs with, to open what gates sealed for it.
    pub key: SigningKey,
    /// How many uploads are taken at once; gates beyond are told to come again.
    pub uploads_max: usize,
    /// The riders' API and the wallet.
    pub riders: Option<Riders>,
    /// Where staff sign in.
    pub staff: Option<StaffListener>,
    /// How what riders owe is charged.
    pub charging: Option<Charging>,
    /// How gates' riders pay by platforms' codes.
    pub pay_codes: Option<PayCodes>,
    /// Where gates come by their identity.
    pub enrolment: Option<Enrolment>,
    /// How fares are shared out among operators, after each close of the books.
    pub sharing: Option<Sharing>,
    /// The gate API's TLS: certificate, and whose client certificates are let in.
    pub tls: Arc<rustls::ServerConfig>,
}

/// What the server believes, charges and signs with.
#[derive(Clone)]
pub struct Settlement {
    /// Signs vouchers and feeds.
    pub signer: Arc<dyn Signer>,
    /// Handed on to the gates.
    pub issuers: KeySet,
    /// Handed on to the gates.
    pub tariff_text: TariffText,
    /// The same, ready to quote: it counts where no released table is valid.
    pub tariff: Arc<Tariff>,
    /// The tables that people have released.
    pub released: Released,
    /// How long after an entry a journey may be finished without a supplement.
    pub journey_valid: Millis,
}

impl Settlement {
    /// The tariff that prices journeys which begin at this moment.
    pub fn tariff_at(&self, entered: UnixMs) -> Arc<Tariff> {
        let released = self.released.at(entered);
        released.map_or_else(|| self.tariff.clone(), |live| live.tariff)
    }

    /// The same as gates get it.
    pub fn tariff_text_at(&self, now: UnixMs) -> TariffText {
        let released = self.released.at(now);
        released.map_or_else(|| self.tariff_text.clone(), |live| live.text)
    }

    /// How far after a journey others may look back at it; `None` when none ever does.
    pub fn reach(&self) -> Option<Millis> {
        let released = self.released.all();
        let reaches = released.iter().map(|live| live.tariff.reach());
        reaches.chain([self.tariff.reach()]).max().flatten()
    }
}

/// What the command line sets instead of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--database`
    pub database: Option<DatabaseUrl>,
    /// `--listen`
    pub listen: Option<SocketAddr>,
}

/// Reads and checks `file` and everything it names.
///
/// # Errors
/// Every problem with its line and what to write instead.
pub fn load(file: &Path, overrides: Overrides) -> Result<Config, ConfigError> {
    let text = fs::read_to_string(file).map_err(|err| ConfigError::unreadable(file, &err))?;
    let raw: RawServer =
        toml::from_str(&text).map_err(|err| ConfigError::toml(file, &text, &err))?;
    let mut check = Check {
        file,
        text: &text,
        problems: Vec::new(),
    };
    let config = check.config(raw, overrides);
    match config {
        Some(config) if check.problems.is_empty() => Ok(config),
        Some(_) | None => {
            check.problems.sort_by_key(|problem| problem.line);
            Err(ConfigError {
                file: file.to_owned(),
                problems: check.problems,
            })
        }
    }
}

/// Collects problems, so that one run shows them all.
struct Check<'t> {
    file: &'t Path,
    text: &'t str,
    problems: Vec<Problem>,
}

impl Check<'_> {
    // long: one part after another
    fn config(&mut self, raw: RawServer, overrides: Overrides) -> Option<Config> {
        let database = self.database(&raw.database);
        let listen = self.address(&raw.listen);
        let console_listen = raw.console_listen.as_ref().map(|text| self.loopback(text));
        let status_listen = raw.status_listen.as_ref().map(|text| self.private(text));
        let key = self.signing_key(&raw.signing_key);
        let settlement = self.settlement(&raw, key.clone());
        let tls = self.tls(&raw.tls);
        let uploads_max = match &raw.uploads_max {
            Some(most) => self.uploads_max(most),
            None => Some(UPLOADS_MAX_DEFAULT),
        };
        let console_listen = match console_listen {
            Some(address) => Some(address?),
            None => None,
        };
        let status_listen = match status_listen {
            Some(address) => Some(address?),
            None => None,
        };
        let riders = match &raw.riders {
            Some(riders) => Some(self.riders(riders, settlement.as_ref()?)?),
            None => None,
        };
        let charging = match &raw.charging {
            Some(charging) => Some(self.charging(charging)?),
            None => None,
        };
        let pay_codes = match &raw.pay_codes {
            Some(raw) => Some(self.pay_codes(raw, charging.as_ref())?),
            None => None,
        };
        let staff = match &raw.staff {
            Some(staff) => Some(self.staff(staff)?),
            None => None,
        };
        let enrolment = match &raw.enrolment {
            Some(enrolment) => Some(self.enrolment(enrolment, &raw.tls)?),
            None => None,
        };
        let sharing = match &raw.books {
            Some(books) => Some(self.sharing(books)?),
            None => None,
        };
        Some(Config {
            database: overrides.database.or(database)?,
            listen: overrides.listen.or(listen)?,
            console_listen,
            status_listen,
            ready_file: raw.ready_file.map(|path| self.path(&path)),
            settlement: settlement?,
            key: key?,
            uploads_max: uploads_max?,
            riders,
            staff,
            charging,
            pay_codes,
            enrolment,
            sharing,
            tls: tls?,
        })
    }

    fn sharing(&mut self, raw: &raw::RawBooks) -> Option<Sharing> {
        let text = self.read(&raw.clearing)?;
        let rule = Rule::parse(&text).map_err(|err| err.to_string());
        Some(Sharing {
            rule: self.keep(&raw.clearing, rule)?,
            statements: raw.statements.as_ref().map(|folder| self.path(folder)),
        })
    }

    fn settlement(&mut self, raw: &RawServer, key: Option<SigningKey>) -> Option<Settlement> {
        let issuers = self.issuers(&raw.issuers);
        let tariff = self.read(&raw.tariff);
        let stations = self.read(&raw.stations);
        let journey_valid = self.journey_valid(&raw.journey_valid_ms);
        let tariff_text = TariffText {
            tariff: tariff?,
            stations: stations?,
        };
        let tariff = Tariff::parse(&tariff_text).map_err(|err| err.to_string());
        let tariff = self.keep(&raw.tariff, tariff)?;
        Some(Settlement {
            signer: Arc::new(key?),
            issuers: issuers?,
            tariff_text,
            tariff: Arc::new(tariff),
            released: Released::default(),
            journey_valid: journey_valid?,
        })
    }

    fn database(&mut self, at: &Spanned<String>) -> Option<DatabaseUrl> {
        let url = at.get_ref().parse::<DatabaseUrl>();
        let url = self.keep(at, url.map_err(|err| err.to_string()))?;
        Some(url.within(self.file.parent().unwrap_or(Path::new(""))))
    }

    fn address(&mut self, at: &Spanned<String>) -> Option<SocketAddr> {
        let text = at.get_ref();
        let address = text.parse::<SocketAddr>().map_err(|_| {
            format!("{text:?} is not an address and port; write one like \"127.0.0.1:8443\"")
        });
        self.keep(at, address)
    }

    fn loopback(&mut self, at: &Spanned<String>) -> Option<SocketAddr> {
        let address = self.address(at)?;
        let address = if address.ip().is_loopback() {
            Ok(address)
        } else {
            Err(format!(
                "the console is plain HTTP without a login, so {address} would show it to others; \
                 write a loopback address like \"127.0.0.1:8080\""
            ))
        };
        self.keep(at, address)
    }

    fn private(&mut self, at: &Spanned<String>) -> Option<SocketAddr> {
        let address = self.address(at)?;
        let address = if is_private(address.ip()) {
            Ok(address)
        } else {
            Err(format!(
                "metrics are for your own network, and {address} may be reached from others; write \
                 a loopback or private address like \"127.0.0.1:9100\" or \"10.0.0.5:9100\""
            ))
        };
        self.keep(at, address)
    }

    fn journey_valid(&mut self, at: &Spanned<u32>) -> Option<Millis> {
        let ms = *at.get_ref();
        let valid = if (1..=JOURNEY_VALID_MS_MAX).contains(&ms) {
            Ok(Millis(ms))
        } else {
            Err(format!(
                "got {ms} ms; write 1 to {JOURNEY_VALID_MS_MAX}, for example 14400000"
            ))
        };
        self.keep(at, valid)
    }

    fn uploads_max(&mut self, at: &Spanned<u32>) -> Option<usize> {
        let most = *at.get_ref();
        let checked = if (1..=UPLOADS_MAX_MAX).contains(&most) {
            usize::try_from(most).map_err(|err| err.to_string())
        } else {
            Err(format!(
                "got {most}; write 1 to {UPLOADS_MAX_MAX}, for example 32"
            ))
        };
        self.keep(at, checked)
    }

    fn signing_key(&mut self, at: &Spanned<String>) -> Option<SigningKey> {
        let key = read_seed(&self.path(at.get_ref()));
        self.keep(at, key)
    }

    fn issuers(&mut self, at: &Spanned<String>) -> Option<KeySet> {
        let text = self.read(at)?;
        let keys = serde_json::from_str::<KeySet>(&text).map_err(|err| {
            format!(
                "{}: {err}; write a list of {{\"key\": \"64 hex digits\", \"from_ms\": 0, \
                 \"until_ms\": 0}}",
                self.path(at.get_ref()).display()
            )
        });
        self.keep(at, keys)
    }

    fn tls(&mut self, raw: &raw::RawTls) -> Option<Arc<rustls::ServerConfig>> {
        let cert = tls::certificates(&self.path(raw.cert.get_ref()));
        let cert = self.keep(&raw.cert, cert.map_err(|err| err.to_string()));
        let key = tls::private_key(&self.path(raw.key.get_ref()));
        let key = self.keep(&raw.key, key.map_err(|err| err.to_string()));
        let clients = tls::client_verifier(&self.path(raw.client_ca.get_ref()));
        let clients = self.keep(&raw.client_ca, clients.map_err(|err| err.to_string()));
        let config = tls::server_config(cert?, key?, clients?);
        self.keep(&raw.cert, config.map_err(|err| err.to_string()))
    }

    /// The text of the file that `at` names.
    fn read(&mut self, at: &Spanned<String>) -> Option<String> {
        let path = self.path(at.get_ref());
        let text = fs::read_to_string(&path)
            .map_err(|err| format!("cannot read {}: {err}", path.display()));
        self.keep(at, text)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The value, or its problem noted at `at`.
    fn keep<T, V>(&mut self, at: &Spanned<V>, value: Result<T, String>) -> Option<T> {
        value
            .map_err(|message| {
                self.problems
                    .push(Problem::at(self.text, at.span(), message))
            })
            .ok()
    }
}

/// Reads a file that only its owner can read; `hint` says what belongs there when it cannot be read.
fn read_private(path: &Path, hint: &str) -> Result<String, String> {
    let shown = path.display();
    let unreadable = |err| format!("cannot read {shown}: {err}{hint}");
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "{shown} has mode {mode:03o}: others could read the key; run `chmod 600 {shown}`"
        ));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// Reads a key of a payment platform that only its owner can read.
fn read_secret(path: &Path) -> Result<String, String> {
    let text = read_private(path, "; put the key there")?;
    Ok(text.trim().to_owned())
}

/// Reads an Ed25519 seed of 64 hexadecimal digits that only its owner can read.
fn read_seed(path: &Path) -> Result<SigningKey, String> {
    let shown = path.display();
    let text = read_private(path, "; write 64 hex digits there")?;
    fare_protocol::signing_key(text.trim()).map_err(|_| {
        format!("{shown} is not 64 hexadecimal digits; make one with `openssl rand -hex 32`")
    })
}

#[cfg(test)]
mod tests;
