//! The running server: everything bound, said, served, and ended in order.

use crate::api::room::Room;
use crate::api::{self, ASKS_MAX, App, AskRates, Seen};
use crate::books::keeper::Keeper;
use crate::bulletin::Bulletin;
use crate::charging::desk::Desk;
use crate::charging::notices;
use crate::clock;
use crate::config::{self, Config, Settlement};
use crate::console;
use crate::enrol;
use crate::health;
use crate::intake;
use crate::metrics::Metrics;
use crate::net;
use crate::pay_codes;
use crate::products;
use crate::riders;
use crate::store::{DatabaseUrl, Store, StoreError};
use fare_protocol::{Millis, UnixMs};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How often to look whether another program (`fareserver deny`) changed the database.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look for released tables of fares, and whether the day of an entry is over that has no exit.
const END_DAYS: Duration = Duration::from_secs(60);

/// How often to look whether the time for evidence about unknown passages is over, and to forget what
/// gates need not be told any more.
const EXPIRE: Duration = Duration::from_secs(60);

/// How long who did so last does it alone: twice as long, and some.
const EXPIRE_LEASE: Millis = Millis(150_000);

/// How often to look for what is to be charged.
const CHARGE: Duration = Duration::from_secs(5);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {err}; is another program using it?")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        err: io::Error,
    },
    /// The ready file.
    #[error("cannot write {file}: {err}")]
    ReadyFile {
        /// Which one.
        file: PathBuf,
        /// Why.
        err: io::Error,
    },
    /// No randomness for the name under which this server charges.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// The issuers, as JSON.
    #[error("the issuers: {0}")]
    Json(#[from] serde_json::Error),
}

/// A listener and where it listens.
type Bound = (TcpListener, SocketAddr);

/// A server that listens.
pub struct Server {
    app: App,
    tls: TlsAcceptor,
    gates: Bound,
    console: Option<Bound>,
    riders: Option<(Bound, config::Riders)>,
    desk: Option<Desk>,
    notices: Option<Bound>,
    status: Option<Bound>,
    staff: Option<(Bound, Option<TlsAcceptor>)>,
    enrolment: Option<(Bound, config::Enrolment)>,
    keeper: Keeper,
    store_thread: JoinHandle<()>,
}

impl Server {
    /// Opens the database, announces new keys and tariffs, binds both listeners and says where.
    /// `stopping` ends the server once it turns true.
    ///
    /// # Errors
    /// When the database, a listener or the ready file cannot be had.
    // long: one listener after another
    pub async fn start(
        config: Config,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let (store, store_thread) = Store::open(&config.database)?;
        announce(&store, &config.settlement).await?;
        let gates = listen(config.listen).await?;
        let console = listen_if(config.console_listen).await?;
        let status = listen_if(config.status_listen).await?;
        let staff = match config.staff {
            Some(staff) => Some((
                listen(staff.listen).await?,
                staff.tls.map(TlsAcceptor::from),
            )),
            None => None,
        };
        let riders = match config.riders {
            Some(riders) => Some((listen(riders.listen).await?, riders)),
            None => None,
        };
        let settlement = Arc::new(config.settlement);
        let (desk, notices) = charging(config.charging.as_ref(), &store, &settlement).await?;
        let seal = config.pay_codes.as_ref().map(|house| house.seal.clone());
        let desk = desk.map(|desk| desk.with_pay_codes(seal));
        let enrolment = match config.enrolment {
            Some(enrolment) => Some((listen(enrolment.listen).await?, enrolment)),
            None => None,
        };
        let keeper = Keeper {
            database: config.database.clone(),
            settlement: settlement.clone(),
            sharing: config.sharing,
        };
        let server = Self {
            app: App {
                store,
                settlement,
                stopping,
                bulletin: Bulletin::default(),
                seen: Seen::default(),
                room: Room::new(config.uploads_max),
                pay_codes: config.pay_codes,
                ask_room: Room::new(ASKS_MAX),
                ask_rates: AskRates::default(),
                metrics: Metrics::new(clock::now()),
                engine: config.database.engine(),
                certifier: enrolment.as_ref().map(|(_, it)| Arc::clone(&it.certifier)),
            },
            tls: TlsAcceptor::from(config.tls),
            gates,
            console,
            riders,
            status,
            staff,
            desk,
            notices,
            enrolment,
            keeper,
            store_thread,
        };
        if let Some(file) = config.ready_file {
            server
                .write_ready(&file)
                .map_err(|err| StartError::ReadyFile { file, err })?;
        }
        server.say_listening(&config.database);
        Ok(server)
    }

    fn say_listening(&self, database: &DatabaseUrl) {
        let listen = self.address();
        let console_listen = self.console_address().map(tracing::field::display);
        let riders_listen = self.riders_address().map(tracing::field::display);
        let staff_listen = self.staff_address().map(tracing::field::display);
        let enrolment_listen = self.enrolment_address().map(tracing::field::display);
        let status_listen = self.status_address().map(tracing::field::display);
        tracing::info!(
            %listen, console_listen, riders_listen, staff_listen, enrolment_listen, status_listen,
            %database,
            "listening"
        );
    }

    /// Where gates connect.
    pub fn address(&self) -> SocketAddr {
        self.gates.1
    }

    /// Where the console is.
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console.as_ref().map(|(_, address)| *address)
    }

    /// Where the wallet and the riders' API are.
    pub fn riders_address(&self) -> Option<SocketAddr> {
        self.riders.as_ref().map(|((_, address), _)| *address)
    }

    /// Where gates enrol.
    pub fn enrolment_address(&self) -> Option<SocketAddr> {
        self.enrolment.as_ref().map(|((_, address), _)| *address)
    }

    /// Where staff sign in.
    pub fn staff_address(&self) -> Option<SocketAddr> {
        self.staff.as_ref().map(|((_, address), _)| *address)
    }

    /// Where health and metrics are.
    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(|(_, address)| *address)
    }

    /// Where payment platforms tell what became of orders.
    pub fn notices_address(&self) -> Option<SocketAddr> {
        self.notices.as_ref().map(|(_, address)| *address)
    }

    /// Writes the addresses whole or not at all, so that who waits for the file can read it.
    fn write_ready(&self, file: &Path) -> io::Result<()> {
        let ready = serde_json::json!({
            "listen": self.address(),
            "console_listen": self.console_address(),
            "riders_listen": self.riders_address(),
            "staff_listen": self.staff_address(),
            "enrolment_listen": self.enrolment_address(),
            "status_listen": self.status_address(),
            "notices_listen": self.notices_address(),
        });
        let half = file.with_extension("part");
        fs::write(&half, format!("{ready}\n"))?;
        fs::rename(half, file)
    }

    /// Serves until `stopping` turns true, then ends: waiting feeds are answered, requests under way
    /// finished, open batches committed. With none under way that takes less than two seconds.
    pub async fn run(self) {
        let stopping = (self.app.stopping.clone(), self.app.metrics.open());
        let looking = tokio::spawn(look(self.app.store.clone()));
        let telling = tokio::spawn(self.app.bulletin.clone().keep(self.app.store.clone()));
        let expiring = tokio::spawn(expire(self.app.clone()));
        let ending = tokio::spawn(end_days(self.app.clone()));
        let console = self.console.map(|(listener, _)| {
            let router = console::router(self.app.clone(), console::Site::LOOPBACK);
            net::serve(listener, None, router, stopping.clone())
        });
        let staff = self.staff.map(|((listener, _), tls)| {
            let site = console::Site::network(tls.is_some());
            let router = console::router(self.app.clone(), site);
            net::serve(listener, tls, router, stopping.clone())
        });
        let riders = self.riders.map(|((listener, _), config)| {
            let router = riders::router(self.app.clone(), &config);
            let tls = config.tls.map(TlsAcceptor::from);
            net::serve(listener, tls, router, stopping.clone())
        });
        let charging = tokio::spawn(charge(self.desk.clone()));
        let books = keep_books(self.keeper);
        let notices = self.notices.zip(self.desk).map(|((listener, _), desk)| {
            net::serve(listener, None, notices::router(desk), stopping.clone())
        });
        let status = self.status.map(|(listener, _)| {
            let router = health::router(self.app.clone());
            net::serve(listener, None, router, stopping.clone())
        });
        let enrolment = self.enrolment.map(|((listener, _), config)| {
            let router = enrol::router(self.app.clone(), &config);
            net::serve(listener, Some(config.tls.into()), router, stopping.clone())
        });
        let gates = net::serve(
            self.gates.0,
            Some(self.tls),
            api::router(self.app),
            stopping,
        );
        tokio::join!(
            gates,
            when_there(console),
            when_there(riders),
            when_there(staff),
            when_there(status),
            when_there(notices),
            when_there(enrolment)
        );
        drop(books);
        for task in [looking, telling, expiring, ending, charging] {
            task.abort();
            let _cancelled = task.await;
        }
        // The last handle to the store is gone, so its thread ends when its line is empty.
        let ended = tokio::task::spawn_blocking(move || self.store_thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the store's thread did not end in order");
        }
        tracing::info!("stopped");
    }
}

/// What charges, and where platforms tell of it.
async fn charging(
    config: Option<&config::Charging>,
    store: &Store,
    settlement: &Arc<Settlement>,
) -> Result<(Option<Desk>, Option<Bound>), StartError> {
    let Some(config) = config else {
        return Ok((None, None));
    };
    let holder = crate::ids::new_id(clock::now()).map_err(|_| StartError::NoRandomness)?;
    let (platforms, rules) = (config.platforms(store), config.rules.clone());
    let desk = Desk::new(store.clone(), settlement.clone(), rules, platforms, holder);
    Ok((Some(desk), listen_if(config.notices_listen).await?))
}

/// Keeps the books for as long as what this answers is kept.
fn keep_books(keeper: Keeper) -> Option<mpsc::Sender<()>> {
    let holder = crate::ids::new_id(clock::now());
    let started = match holder {
        Ok(holder) => keeper.start(holder).map_err(|err| err.to_string()),
        Err(err) => Err(err.to_string()),
    };
    let failed = started.inspect_err(|err| tracing::error!(err, "this server keeps no books"));
    failed.ok()
}

/// Charges what is to be charged, for as long as the server runs.
async fn charge(desk: Option<Desk>) {
    let Some(desk) = desk else { return };
    let mut ticks = tokio::time::interval(CHARGE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match desk.round(clock::now()).await {
            Ok(done) if done.is_nothing() => {}
            Ok(done) => tracing::info!(?done, "charged"),
            Err(err) => tracing::error!(%err, "charging did not go on"),
        }
    }
}

async fn when_there(serving: Option<impl Future<Output = ()>>) {
    if let Some(serving) = serving {
        serving.await;
    }
}

async fn announce(store: &Store, settlement: &Settlement) -> Result<(), StartError> {
    let issuers = serde_json::to_string(&settlement.issuers)?;
    let issuers = store
        .write(move |tx| tx.announce("issuers", &issuers))
        .await?;
    let tariff = announce_tariff(store, settlement, clock::now()).await?;
    let tariff_now = settlement.tariff_at(clock::now());
    let name = tariff_now.name();
    tracing::info!(
        new_issuers = issuers,
        new_tariff = tariff,
        tariff = name,
        "announced"
    );
    Ok(())
}

/// Looks for released tables and tells the gates when another one counts now; answers whether it did.
async fn announce_tariff(
    store: &Store,
    settlement: &Settlement,
    now: UnixMs,
) -> Result<bool, StartError> {
    let settlement = settlement.clone();
    let tell = move |tx: &crate::store::Tx<'_>| {
        if let Some(tables) = settlement.released.look(tx)? {
            tracing::info!(tables, "released tables of fares");
        }
        let text = serde_json::to_string(&settlement.tariff_text_at(now))?;
        Ok::<_, StartError>(tx.announce("tariff", &text)?)
    };
    store.write(tell).await
}

async fn listen_if(address: Option<SocketAddr>) -> Result<Option<Bound>, StartError> {
    match address {
        Some(address) => Ok(Some(listen(address).await?)),
        None => Ok(None),
    }
}

async fn listen(address: SocketAddr) -> Result<Bound, StartError> {
    let bad = |err| StartError::Listen { address, err };
    let listener = TcpListener::bind(address).await.map_err(bad)?;
    let address = listener.local_addr().map_err(bad)?;
    Ok((listener, address))
}

async fn look(store: Store) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        if let Err(err) = store.look().await {
            if matches!(err, StoreError::Gone) {
                return;
            }
            tracing::error!(%err, "cannot look for changes by other programs");
        }
    }
}

/// Gives up waiting for evidence about passages that gates cannot tell.
async fn expire(app: App) {
    let mut ticks = tokio::time::interval(EXPIRE);
    // Which of several servers on one database this is.
    let Ok(holder) = crate::ids::new_id(clock::now()) else {
        tracing::error!("no randomness: this server leaves the work of every minute to others");
        return;
    };
    loop {
        ticks.tick().await;
        let (settlement, now) = (app.settlement.clone(), clock::now());
        let work = move |tx: &crate::store::Tx<'_>| {
            if !tx.lease("expire", holder, now, now.after(EXPIRE_LEASE))? {
                return Ok(0);
            }
            tx.forget_changes()?;
            tx.forget_sessions(now)?;
            pay_codes::forget(tx, now)?;
            intake::look_at_overruled(&settlement, tx, now)?;
            intake::expire(&settlement, tx, now)
        };
        match app.store.write(work).await {
            Ok(0) => {}
            Ok(passages) => tracing::warn!(passages, "unknown passages given up: fares voided"),
            Err(err) => tracing::error!(%err, "unknown passages could not be looked at"),
        }
    }
}

/// Looks for released tables of fares, and ends journeys without an exit whose service day is over.
async fn end_days(app: App) {
    let mut ticks = tokio::time::interval(END_DAYS);
    let Ok(holder) = crate::ids::new_id(clock::now()) else {
        tracing::error!("no randomness: this server leaves the end of days to others");
        return;
    };
    loop {
        ticks.tick().await;
        let (settlement, now) = (app.settlement.clone(), clock::now());
        match announce_tariff(&app.store, &settlement, now).await {
            Ok(true) => tracing::info!(tariff = settlement.tariff_at(now).name(), "announced"),
            Ok(false) => {}
            Err(err) => tracing::error!(%err, "released tables could not be looked at"),
        }
        let work = move |tx: &crate::store::Tx<'_>| {
            if !tx.lease("end-days", holder, now, now.after(EXPIRE_LEASE))? {
                return Ok(Vec::new());
            }
            products::lapse(tx, now)?;
            let spared = intake::look_at_incidents(&settlement, tx, now)?;
            let again = intake::price_again(&settlement, tx, now)?;
            if again > 0 {
                tracing::info!(
                    journeys = again,
                    "priced what followed them again: what they had used was given back"
                );
            }
            let alone = intake::charge_without_entry(&settlement, tx, now)?;
            if spared > 0 || alone > 0 {
                tracing::info!(
                    spared,
                    alone,
                    "maximum fares given back, exits without an entry charged"
                );
            }
            tx.forget_paper_codes(now)?;
            intake::close_ended(&settlement, tx, now)
        };
        match app.store.write(work).await {
            Ok(ended) if ended.is_empty() => {}
            Ok(ended) => tracing::info!(journeys = ended.len(), "ended without an exit"),
            Err(err) => tracing::error!(%err, "journeys without an exit could not be ended"),
        }
    }
}
