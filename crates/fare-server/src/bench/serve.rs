//! The server under test: the gates' API over plain HTTP on a loopback port, in a process of its own so
//! that its memory can be told.

use super::BenchError;
use crate::api::room::Room;
use crate::api::{self, ASKS_MAX, App, AskRates, Seen};
use crate::bulletin::Bulletin;
use crate::clock;
use crate::config::{Settlement, UPLOADS_MAX_DEFAULT};
use crate::metrics::Metrics;
use crate::net;
use crate::store::{DatabaseUrl, Store};
use ed25519_dalek::SigningKey;
use fare_protocol::wire::TariffText;
use fare_protocol::{KeySet, Millis};
use fare_rules::Tariff;
use std::io::{self, Read, Write};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves until standard input ends, with `caps` in its tariff or without; says its port first and its greatest memory in KiB last.
///
/// # Errors
/// When the database or a port cannot be had.
pub fn serve(url: &DatabaseUrl, caps: bool) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (store, thread) = Store::open(url)?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        say(listener.local_addr()?.port())?;
        let (stop, stopping) = watch::channel(false);
        let app = App {
            store,
            settlement: Arc::new(settlement(caps)?),
            stopping: stopping.clone(),
            bulletin: Bulletin::default(),
            seen: Seen::default(),
            room: Room::new(UPLOADS_MAX_DEFAULT),
            pay_codes: None,
            ask_room: Room::new(ASKS_MAX),
            ask_rates: AskRates::default(),
            metrics: Metrics::new(clock::now()),
            engine: url.engine(),
            certifier: None,
        };
        let open = app.metrics.open();
        let telling = tokio::spawn(app.bulletin.clone().keep(app.store.clone()));
        tokio::task::spawn_blocking(move || {
            // Whether it ended or failed: nobody wants the server any more.
            let _ended = io::stdin().read_to_end(&mut Vec::new());
            stop.send_replace(true);
        });
        net::serve(listener, None, api::router(app), (stopping, open)).await;
        telling.abort();
        Ok::<_, BenchError>(())
    })?;
    drop(runtime);
    let ended = thread.join();
    ended.map_err(|_| BenchError::Wrong("the store's thread panicked".to_owned()))?;
    say(peak_kib()?)
}

fn say(number: impl std::fmt::Display) -> Result<(), BenchError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{number}")?;
    Ok(out.flush()?)
}

/// The most memory that this process has had.
fn peak_kib() -> Result<u64, BenchError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| BenchError::Wrong("no VmHWM in /proc/self/status".to_owned()))
}

/// What Beijing does not have: the most that an account pays in a day and in a month.
const CAPS: &str = r#"
[[cap]]
id = "daily"
span = "day"
most_minor = 1400

[[cap]]
id = "monthly"
span = "month"
most_minor = 20000
"#;

/// Beijing's fares on Line 1, and a key that nobody needs to believe.
fn settlement(caps: bool) -> Result<Settlement, BenchError> {
    let tariff = include_str!("../../../../gate-config/tariff-beijing.toml");
    let tariff_text = TariffText {
        tariff: format!("{tariff}{}", if caps { CAPS } else { "" }),
        stations: include_str!("../../../../gate-config/stations-beijing-line1.toml").to_owned(),
    };
    let tariff = Tariff::parse(&tariff_text).map_err(|err| BenchError::Wrong(err.to_string()))?;
    Ok(Settlement {
        signer: Arc::new(SigningKey::from_bytes(&[9; 32])),
        issuers: KeySet(Vec::new()),
        tariff: Arc::new(tariff),
        released: crate::fares::Released::default(),
        tariff_text,
        journey_valid: Millis(14_400_000),
    })
}
