//! A small metro in a folder: keys, certificates, tariff and configuration files for one server and
//! its gates, as `fareserver` and `faregate` read them.

use crate::pki::{self, Authority, PkiError};
use crate::platform;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::TariffText;
use fare_protocol::{GateId, IdError, LaneNo, PublicKey, Signer, StationId};
use fare_rules::{Role, Station, Tariff, TariffError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Beijing's distance fares, as they stand in `gate-config/`.
const TARIFF: &str = include_str!("../../../gate-config/tariff-beijing.toml");
/// The stations of Beijing's line 1, as they stand in `gate-config/`.
const STATIONS: &str = include_str!("../../../gate-config/stations-beijing-line1.toml");

/// Why a city could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// The folder cannot be made.
    #[error("cannot make the folder {path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key, certificate or file could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The tariff in `gate-config/` is wrong.
    #[error("the tariff in gate-config: {0}")]
    Tariff(#[from] TariffError),
    /// The tariff has no such station.
    #[error("the tariff has no station {0}; take one of gate-config/stations-beijing-line1.toml")]
    NoStation(StationId),
    /// Station and lane make no gate id.
    #[error("station and lane make no gate id: {0}")]
    GateId(#[from] IdError),
}

/// A metro on disk, without gates yet.
#[derive(Debug)]
pub struct City {
    dir: PathBuf,
    authority: Authority,
    tariff: Tariff,
}

/// Which gate to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateSite {
    /// Where.
    pub station: StationId,
    /// In which lane.
    pub lane: LaneNo,
    /// Which way it leads.
    pub role: Role,
}

/// A gate on disk.
#[derive(Clone, Debug)]
pub struct GateFiles {
    /// Its id: station and lane.
    pub gate: GateId,
    /// Its station.
    pub station: Station,
    /// The key that its records are signed with.
    pub public_key: PublicKey,
    /// `faregate run --config` this.
    pub config: PathBuf,
    /// Where it looks for its barrier board.
    pub board: PathBuf,
    /// The named pipe it takes its frames from.
    pub camera: PathBuf,
    /// Its journal.
    pub journal: PathBuf,
}

impl City {
    /// Writes keys, certificates, tariff and `server.toml` into `dir`, which is made. The server
    /// takes free ports and says in `ready.json` which.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(dir: &Path, issuers: &[&dyn Signer]) -> Result<Self, CityError> {
        let keys = dir.join("keys");
        std::fs::create_dir_all(&keys).map_err(|source| CityError::Folder {
            path: keys.clone(),
            source,
        })?;
        let authority = Authority::new()?;
        let server = pki::new_signing_key()?;
        pki::write_public(&keys.join("ca.pem"), authority.certificate())?;
        authority
            .server(&["localhost", "127.0.0.1"])?
            .write(&keys.join("server.pem"), &keys.join("server-tls.key"))?;
        pki::write_signing_key(&keys.join("server.key"), &server)?;
        pki::write_key_set(&keys.join("servers.json"), &[&server])?;
        pki::write_key_set(&keys.join("issuers.json"), issuers)?;
        pki::write_public(&dir.join("tariff.toml"), TARIFF)?;
        pki::write_public(&dir.join("stations.toml"), STATIONS)?;
        pki::write_public(&dir.join("server.toml"), SERVER)?;
        let text = TariffText {
            tariff: TARIFF.to_owned(),
            stations: STATIONS.to_owned(),
        };
        Ok(Self {
            dir: dir.to_owned(),
            authority,
            tariff: Tariff::parse(&text)?,
        })
    }

    /// Lets riders enrol at the server, which issues with the key `issuer`; `wallet` is the folder
    /// that `make wallet` filled, when there is one.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn open_to_riders(
        &self,
        issuer: &SigningKey,
        wallet: Option<&Path>,
    ) -> Result<(), CityError> {
        pki::write_signing_key(&self.dir.join("keys/issuer.key"), issuer)?;
        let wallet = wallet.map_or(String::new(), |folder| {
            format!("wallet = {:?}\n", folder.display().to_string())
        });
        append(&self.server_config(), &[SERVER_RIDERS, &wallet].concat())
    }

    /// Has the server charge journeys through a sandbox platform at `base` (`fare-sim platform`), as soon as they
    /// are paid, and take pay codes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn charge_through(&self, base: &str) -> Result<(), CityError> {
        let keys = self.dir.join("keys");
        let secret = |name: &str, text: &str| pki::write_private(&keys.join(name), text);
        secret("merchant.pem", platform::MERCHANT_KEY)?;
        secret("wechat-api-v3.key", platform::API_V3_KEY)?;
        secret("pay-codes.key", &"5a".repeat(32))?;
        pki::write_public(&keys.join("platform.pem"), platform::PLATFORM_PUBLIC)?;
        let values = [
            ("<base>", base),
            ("<alipay-app>", platform::ALIPAY_APP),
            ("<wechat-app>", platform::WECHAT_APP),
            ("<merchant>", platform::WECHAT_MERCHANT),
            ("<serial>", platform::MERCHANT_SERIAL),
        ];
        let fill = |text: String, (word, value): &(&str, &str)| text.replace(word, value);
        let section = values.iter().fold(SERVER_CHARGING.to_owned(), fill);
        append(&self.server_config(), &section)
    }

    /// What journeys cost here.
    pub const fn tariff(&self) -> &Tariff {
        &self.tariff
    }

    /// `fareserver run --config` this.
    pub fn server_config(&self) -> PathBuf {
        self.dir.join("server.toml")
    }

    /// The server's database, when it is a file.
    pub fn database(&self) -> PathBuf {
        self.dir.join("fares.sqlite3")
    }

    /// Has the server use this database instead of a file.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn use_database(&self, url: &str) -> Result<(), CityError> {
        let server = SERVER.replace("fares.sqlite3", url);
        Ok(pki::write_public(&self.server_config(), &server)?)
    }

    /// Written by the server when it listens.
    pub fn server_ready(&self) -> PathBuf {
        self.dir.join("ready.json")
    }

    /// Makes a gate's keys and certificate and writes its configuration. Without a server it works
    /// alone.
    ///
    /// # Errors
    /// When the station is unknown or a file cannot be written.
    pub fn write_gate(
        &self,
        site: GateSite,
        server: Option<SocketAddr>,
    ) -> Result<GateFiles, CityError> {
        let station = self
            .tariff
            .station(site.station)
            .ok_or(CityError::NoStation(site.station))?
            .clone();
        let gate: GateId = format!("{}-{:02}", site.station, site.lane.0).parse()?;
        let in_keys = |end: &str| self.dir.join("keys").join(format!("{gate}{end}"));
        let key: SigningKey = pki::new_signing_key()?;
        pki::write_signing_key(&in_keys(".key"), &key)?;
        self.authority
            .gate(gate)?
            .write(&in_keys(".pem"), &in_keys("-tls.key"))?;
        let in_dir = |end: &str| self.dir.join(format!("{gate}{end}"));
        let files = GateFiles {
            gate,
            station,
            public_key: key.public(),
            config: in_dir(".toml"),
            board: in_dir(".board"),
            camera: in_dir(".camera"),
            journal: in_dir(".journal"),
        };
        pki::write_public(&files.config, &gate_config(&files, site, server))?;
        Ok(files)
    }
}

impl GateFiles {
    /// Has the gate take pay codes; `more` are further lines of that section.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn take_pay_codes(&self, more: &str) -> Result<(), CityError> {
        append(&self.config, &format!("\n[pay_codes]\n{more}"))
    }
}

/// Adds a part to a configuration.
fn append(file: &Path, part: &str) -> Result<(), CityError> {
    let config = std::fs::read_to_string(file).map_err(|source| CityError::Folder {
        path: file.to_owned(),
        source,
    })?;
    Ok(pki::write_public(file, &[&config, part].concat())?)
}

/// The server's configuration; paths start at its folder.
const SERVER: &str = r#"database = "fares.sqlite3"
listen = "127.0.0.1:0"
console_listen = "127.0.0.1:0"
ready_file = "ready.json"
signing_key = "keys/server.key"
issuers = "keys/issuers.json"
tariff = "tariff.toml"
stations = "stations.toml"
journey_valid_ms = 14_400_000

[tls]
cert = "keys/server.pem"
key = "keys/server-tls.key"
client_ca = "keys/ca.pem"
"#;

/// The part for a server that riders may come to.
const SERVER_RIDERS: &str = r#"
[riders]
listen = "127.0.0.1:0"
issuer_key = "keys/issuer.key"
fare_limit_minor = 5000
code_lifetime_ms = 60_000
offline_days = 7
"#;

/// The part for a server that charges through a sandbox platform.
const SERVER_CHARGING: &str = r#"
[charging]
policy = "per-journey"
retry_days = [1, 3]
subject = "Metro fare"

[charging.alipay]
gateway = "<base>"
app_id = "<alipay-app>"
key = "keys/merchant.pem"
platform_key = "keys/platform.pem"

[charging.wechat]
api = "<base>"
app_id = "<wechat-app>"
merchant_id = "<merchant>"
serial_no = "<serial>"
key = "keys/merchant.pem"
api_v3_key = "keys/wechat-api-v3.key"
notify_url = "<base>/nobody"

[pay_codes]
key = "keys/pay-codes.key"
"#;

/// A gate's configuration; paths start at its folder, words in angle brackets are filled in.
const GATE: &str = r#"gate = "<gate>"
role = "<role>"

[location]
station = "<station>"
line = "<line>"
lane = <lane>
latitude = <latitude>
longitude = <longitude>

[keys]
signing_key = "keys/<gate>.key"
issuers = "keys/issuers.json"
servers = "keys/servers.json"

[tariff]
file = "tariff.toml"
stations = "stations.toml"

[frames]
source = "y4m"
path = "<gate>.camera"

[barrier]
serial = "<gate>.board"
baud = 115200
unit = 1
poll_ms = 20

[journal]
path = "<gate>.journal"

[lane]
grace_ms = 5000
passage_timeout_ms = 5000
future_tolerance_ms = 2000
passback_window_ms = 14400000
exit_without_entry = "refuse"
cache_fresh_ms = 30000
refusal_shown_ms = 2000

[clock]
error_max_ms = 30000
beyond = "time-exempt"
system_error_ms = 50
"#;

/// The part for a gate that has a server.
const GATE_SERVER: &str = r#"
[server]
url = "https://<server>"
ca = "keys/ca.pem"
certificate = "keys/<gate>.pem"
private_key = "keys/<gate>-tls.key"
backoff_min_ms = 200
backoff_max_ms = 5000
"#;

fn gate_config(files: &GateFiles, site: GateSite, server: Option<SocketAddr>) -> String {
    let GateFiles { gate, station, .. } = files;
    let role = match site.role {
        Role::Entry => "entry",
        Role::Exit => "exit",
        Role::Both => "both",
    };
    let degrees = |e7: i32| format!("{:.7}", f64::from(e7) / 1e7);
    let server = server.map(|server| server.to_string());
    let template = if server.is_some() {
        [GATE, GATE_SERVER].concat()
    } else {
        GATE.to_owned()
    };
    let values = [
        ("<gate>", gate.to_string()),
        ("<role>", role.to_owned()),
        ("<station>", station.id.to_string()),
        ("<line>", station.line.to_string()),
        ("<lane>", site.lane.0.to_string()),
        ("<latitude>", degrees(station.point.lat_e7)),
        ("<longitude>", degrees(station.point.lon_e7)),
        ("<server>", server.unwrap_or_default()),
    ];
    values
        .iter()
        .fold(template, |text, (word, value)| text.replace(word, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_city_has_what_its_configurations_name() {
        let dir = tempfile::tempdir().unwrap();
        let issuer = SigningKey::from_bytes(&[1; 32]);
        let city = City::write(dir.path(), &[&issuer]).unwrap();
        let site = GateSite {
            station: "PGY".parse().unwrap(),
            lane: LaneNo(1),
            role: Role::Entry,
        };
        let files = city
            .write_gate(site, Some("127.0.0.1:8443".parse().unwrap()))
            .unwrap();
        assert_eq!(files.gate.as_str(), "PGY-01");
        for config in [&files.config, &city.server_config()] {
            let text = std::fs::read_to_string(config).unwrap();
            let table: toml::Table = text.parse().unwrap();
            let named = |section: &str, key: &str| {
                let value = table[section].as_table().unwrap()[key].as_str().unwrap();
                assert!(
                    dir.path().join(value).is_file(),
                    "{value} of {}",
                    config.display()
                );
            };
            if config == &files.config {
                for key in ["signing_key", "issuers", "servers"] {
                    named("keys", key);
                }
                for key in ["ca", "certificate", "private_key"] {
                    named("server", key);
                }
                named("tariff", "file");
                named("tariff", "stations");
            } else {
                for key in ["cert", "key", "client_ca"] {
                    named("tls", key);
                }
            }
        }
    }

    #[test]
    fn a_station_off_the_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let city = City::write(dir.path(), &[]).unwrap();
        let site = GateSite {
            station: "XXX".parse().unwrap(),
            lane: LaneNo(1),
            role: Role::Both,
        };
        let error = city.write_gate(site, None).unwrap_err().to_string();
        assert!(error.contains("no station XXX"), "{error}");
    }
}
