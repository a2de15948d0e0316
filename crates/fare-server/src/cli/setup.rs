//! `fareserver setup`: keys, certificates and a configuration for a new server.

use super::Usage;
use crate::pki::{self, Authority};
use anyhow::Context;
use clap::Args;
use fare_protocol::Signer;
use fare_protocol::wire::TariffText;
use fare_rules::Tariff;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// The folder to fill; it must be empty or not there
    folder: PathBuf,
    /// A name or address by which gates reach this server; may be given more than once
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// What journeys cost
    #[arg(long, value_name = "FILE")]
    tariff: PathBuf,
    /// How far apart stations are
    #[arg(long, value_name = "FILE")]
    stations: PathBuf,
}

/// Paths start at the configuration's folder; words in angle brackets are filled in.
const CONFIG: &str = r#"# Made by `fareserver setup`. crates/fare-server/server.example.toml explains every key.
database = "fares.sqlite3"
listen = "0.0.0.0:8443"
console_listen = "127.0.0.1:8080"
signing_key = "keys/server.key"
issuers = "keys/issuers.json"
tariff = "tariff.toml"
stations = "stations.toml"
journey_valid_ms = 14_400_000

[tls]
cert = "keys/server.pem"
key = "keys/server-tls.key"
client_ca = "keys/authority.pem"

[enrolment]
listen = "0.0.0.0:8444"
address = "https://<host>:8444"
authority = "keys/authority.pem"
authority_key = "keys/authority.key"
certificate_days = 730

# Behind something that speaks HTTPS to the riders' phones.
[riders]
listen = "127.0.0.1:8082"
issuer_key = "keys/issuer.key"
fare_limit_minor = 5000
code_lifetime_ms = 60_000
offline_days = 7
"#;

pub(super) fn run(args: &SetupArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let is_empty = |folder: &Path| fs::read_dir(folder).is_ok_and(|mut all| all.next().is_none());
    if folder.exists() && !is_empty(folder) {
        let shown = folder.display();
        return Err(Usage(format!("{shown} is not empty; keys are never written over")).into());
    }
    let read = |file: &Path| {
        let text = fs::read_to_string(file);
        text.with_context(|| format!("cannot read {}", file.display()))
    };
    let text = TariffText {
        tariff: read(&args.tariff)?,
        stations: read(&args.stations)?,
    };
    Tariff::parse(&text).map_err(|err| Usage(format!("the tariff: {err}")))?;
    let keys = folder.join("keys");
    fs::create_dir_all(&keys).with_context(|| format!("cannot make {}", keys.display()))?;
    pki::write_public(&folder.join("tariff.toml"), &text.tariff)?;
    pki::write_public(&folder.join("stations.toml"), &text.stations)?;
    let (server, issuer) = (pki::new_signing_key()?, pki::new_signing_key()?);
    pki::write_signing_key(&keys.join("server.key"), &server)?;
    pki::write_signing_key(&keys.join("issuer.key"), &issuer)?;
    pki::write_key_set(&keys.join("issuers.json"), &[&issuer])?;
    let authority = Authority::new()?;
    pki::write_public(&keys.join("authority.pem"), authority.certificate())?;
    pki::write_private(&keys.join("authority.key"), &authority.private_key())?;
    let hosts: Vec<&str> = args.hosts.iter().map(String::as_str).collect();
    authority
        .server(&hosts)?
        .write(&keys.join("server.pem"), &keys.join("server-tls.key"))?;
    let config = folder.join("server.toml");
    let host = hosts.first().copied().unwrap_or("localhost");
    pki::write_public(&config, &CONFIG.replace("<host>", host))?;
    let shown = config.display();
    writeln!(
        io::stdout().lock(),
        "{shown}, and keys in {}; the server's own key is {}\n\
         start it:       fareserver run --config {shown}\n\
         invite a gate:  fareserver gate invite --config {shown} --qr gate.toml",
        keys.display(),
        Signer::public(&server),
    )?;
    Ok(ExitCode::SUCCESS)
}
