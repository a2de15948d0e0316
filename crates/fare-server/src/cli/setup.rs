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
status_listen = "127.0.0.1:8090"
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
# wallet = "wallet"    # the folder that `make wallet` builds; without it there is the API alone

# Who pays with what was paid in beforehand: riders after `fareserver charges bind --platform stored-value` and
# `charges top-up`, and printed tickets by themselves. Who is bound to nothing is not charged: what is owed stands in the books.
[charging]
policy = "end-of-day"
retry_days = [1, 3, 7]
subject = "Metro fare"
stored_value = true
# Alipay and WeChat Pay want a contract and keys of theirs: crates/fare-server/server.example.toml has all that goes here.
# notices_listen = "127.0.0.1:8083"
# [charging.alipay]
# [charging.wechat]

# Riders who show a payment app's code: once one of the two above is there, take away the # here, and write [pay_codes] into the
# gates' configurations too. The key is made; all servers on one database need the same.
# [pay_codes]
# key = "keys/pay-codes.key"

# Staff at other computers, behind something that speaks HTTPS; first: fareserver staff add.
# [staff]
# listen = "127.0.0.1:8081"
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
    pki::write_signing_key(&keys.join("pay-codes.key"), &pki::new_signing_key()?)?;
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
    let server = Signer::public(&server);
    let keys = keys.display();
    writeln!(
        io::stdout().lock(),
        "{shown}, and keys in {keys}; the server's own key is {server}\n\
         Keep a copy of {keys} apart: who has it is this server, and nobody can make it anew.\n\
         start it:        fareserver run --config {shown}\n\
         look at it:      http://127.0.0.1:8080/ on this computer; http://127.0.0.1:8090/healthz\n\
         invite a gate:   fareserver gate invite --config {shown} --qr gate.toml\n\
         staff who act:   fareserver staff add --help\n\
         sell a ticket:   fareserver paper-codes print --config {shown} --help\n\
         sell a pass:     fareserver products offers --config {shown}  (the tariff says what is on sale)\n\
         how riders pay:  [charging] in {shown}",
    )?;
    Ok(ExitCode::SUCCESS)
}
