//! The daemon: threads, tasks and signals around one controller.
//!
//! ```text
//! frame thread -> latest frame -> decode thread -> lane loop -> journal thread
//!                                       scanner ---^  |   ^
//!                                   barrier attendant   courier (feed: issuers, tariff)
//! ```

mod asking;
mod eyes;
mod lane_loop;
mod modes;
mod notes;
mod publish;
mod tally;
mod trial;
mod watchdog;

pub(crate) use eyes::open_source;

use crate::barrier;
use crate::clock::{GateTime, Stopwatch};
use crate::config::{GateConfig, ServerConfig};
use crate::control;
use crate::controller::Controller;
use crate::courier::{Courier, CourierConfig, CourierNews};
use crate::display::{self, Panel};
use crate::ids::new_record_id;
use crate::journal::{Journal, JournalHandle};
use crate::scanner;
use crate::service::{self, NotifyState};
use crate::signals::Signals;
use crate::trial::{Keeper, Parts};
use anyhow::Context;
use fare_protocol::Modes;
use fare_rules::Tariff;
use lane_loop::{Inlets, LaneLoop, Outlets};
use modes::ModeSwitch;
use publish::{Publisher, Sources};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use trial::Trials;
use watchdog::Watchdog;

/// Commands that may wait for the barrier: an open, a close, and those of a shutdown.
const BARRIER_COMMANDS_MAX: usize = 8;

/// Requests of people that may wait for the lane.
const ASKED_MAX: usize = 4;

/// Events that may wait for the lane.
const BARRIER_EVENTS_MAX: usize = 64;

/// How often what is known of the clock is written down beside the journal.
const CLOCK_NOTE_EVERY: Duration = Duration::from_secs(60);

/// How long the courier may take to stop; what it had under way is sent again later.
const COURIER_STOP_MAX: Duration = Duration::from_millis(300);

/// Why the daemon came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody stopped it.
    Stopped,
    /// It wants to be started anew, with another configuration.
    StartAnew,
}

/// Runs the gate until Ctrl-C or SIGTERM, or until it is to start with another configuration. Without `keeper`
/// none of the server's is taken.
///
/// # Errors
/// When the journal cannot be opened or its thread is gone, or the courier cannot be built: nothing
/// else stops a gate.
pub async fn run(config: GateConfig, keeper: Option<Keeper>) -> anyhow::Result<Ending> {
    let since_start = Stopwatch::start();
    let (journal, time) = open_journal(&config)?;
    let cached = journal.cached()?;
    let issuers = cached.issuers.unwrap_or_else(|| config.issuers.clone());
    let tariff = cached
        .tariff
        .unwrap_or_else(|| Arc::new(config.tariff.clone()));

    let (stop, stopped) = watch::channel(false);
    let courier = match &config.server {
        Some(server) => Some(courier(&config, server, &journal, &time)?),
        None => None,
    };
    let asker = courier.as_ref().map(|(courier, _)| courier.asker());
    let (courier, news) = courier.unzip();
    let courier = courier.map(|courier| tokio::spawn(courier.run(stopped.clone())));
    let sources = sources(news.as_ref(), &tariff, (&journal, &time));
    let sight = Arc::clone(&sources.sight);
    let lamps_answer = Arc::clone(&sources.lamps_answer);
    let (barrier, mut inlets) = start_devices(&config, news, &sources)?;
    let trials = trials(keeper, &config, &sources, &mut inlets);
    let trials = trials.map(|trials| tokio::spawn(trials.run(stopped)));
    let outlets = Outlets {
        barrier,
        panel: panel(&config),
        signals: Signals::start(config.lamps.clone(), config.voice.clone(), &lamps_answer),
        tally: Arc::clone(&sources.tally),
        tariff: Arc::clone(&sources.tariff),
        asker,
    };
    let publisher = Publisher::start(&config, sources).context("starting a thread")?;

    let set = journal.modes()?;
    let controller = Controller::new(&config, issuers, tariff, journal.clone(), set.modes);
    say_ready(&config, &journal, set.modes, since_start)?;
    tokio::spawn(write_down(time.clone()));
    let watchdog = Watchdog::new(sight, journal.clone());
    let switch = ModeSwitch::new(config.gate, set);
    let switch = (config.gate, switch);
    let lane = LaneLoop::new(controller, journal.clone(), outlets, switch, time, watchdog);
    let served = lane.run(inlets, termination()?, &stop).await;

    stop_courier(courier).await;
    if let Some(trials) = trials {
        trials.await.context("keeping the server's configuration")?;
    }
    tokio::task::spawn_blocking(move || publisher.stop()).await?;
    let ending = served.context("nothing can be recorded any more, start the gate anew")?;
    tokio::task::spawn_blocking(move || journal.close())
        .await?
        .context("closing the journal")?;
    tracing::info!(gate = %config.gate, "stopped");
    Ok(ending)
}

fn say_ready(
    config: &GateConfig,
    journal: &JournalHandle,
    modes: Modes,
    since_start: Stopwatch,
) -> anyhow::Result<()> {
    tracing::info!(
        gate = %config.gate,
        station = %config.location.station,
        role = ?config.policy.role,
        %modes,
        pending = journal.counts()?.pending,
        ready_ms = since_start.elapsed().as_millis(),
        "ready"
    );
    service::tell(&[NotifyState::Ready]);
    Ok(())
}

/// Writes down how good the time is, from time to time, for ever.
async fn write_down(time: GateTime) {
    loop {
        let time = time.clone();
        // Only a panic in it could be told here, and that is logged where it happens.
        let _written = tokio::task::spawn_blocking(move || time.write_down()).await;
        tokio::time::sleep(CLOCK_NOTE_EVERY).await;
    }
}

/// Opens the journal, takes the time up from it, and finishes what a power cut left open.
fn open_journal(config: &GateConfig) -> anyhow::Result<(JournalHandle, GateTime)> {
    let journal = Journal::open_keeping(&config.journal, config.identity(), config.retention)?;
    let time = GateTime::start(&config.clock, journal.last_stamp()?, &config.journal);
    let now = time.stamp();
    for unfinished in journal.recover(now, || new_record_id(now.at))? {
        tracing::warn!(
            confirmation = %unfinished.confirmation.id,
            "power went away before this passage was seen; recorded as unknown"
        );
    }
    Ok((journal, time))
}

fn courier(
    config: &GateConfig,
    server: &ServerConfig,
    journal: &JournalHandle,
    time: &GateTime,
) -> anyhow::Result<(Courier, CourierNews)> {
    let config = CourierConfig::new(config, server);
    let time = time.clone();
    let clock = Arc::new(move || time.probably());
    Courier::new(config, journal.clone(), clock).context("preparing the courier")
}

/// Where others look how the gate is doing.
fn sources(
    news: Option<&CourierNews>,
    tariff: &Tariff,
    (journal, time): (&JournalHandle, &GateTime),
) -> Sources {
    Sources {
        sight: Arc::default(),
        scanner: Arc::default(),
        tally: Arc::default(),
        board_answers: Arc::default(),
        lamps_answer: Arc::default(),
        courier: news.map(|news| news.status.clone()),
        tariff: Arc::new(Mutex::new(publish::in_force(tariff))),
        journal: journal.clone(),
        time: time.clone(),
    }
}

/// Whoever takes up the server's configurations, where they can be kept.
fn trials(
    keeper: Option<Keeper>,
    config: &GateConfig,
    sources: &Sources,
    inlets: &mut Inlets,
) -> Option<Trials> {
    let (start_anew, wanted) = watch::channel(false);
    inlets.start_anew = wanted;
    Some(Trials::new(keeper?, Parts::of(config), sources, start_anew))
}

/// The lane's end of the screen, whose page is served when there is a screen.
fn panel(config: &GateConfig) -> Panel {
    let receipts = config.display.as_ref().is_some_and(|it| it.look.receipts);
    let (panel, screens) = Panel::new(receipts);
    if let Some(display) = &config.display {
        tokio::spawn(display::serve(display.clone(), screens));
    }
    panel
}

/// Starts the eyes, the scanner, the barrier's attendant and the control socket.
fn start_devices(
    config: &GateConfig,
    news: Option<CourierNews>,
    sources: &Sources,
) -> anyhow::Result<(mpsc::Sender<barrier::BarrierCommand>, Inlets)> {
    let scans = match &config.frames {
        Some(frames) => eyes::open(frames.clone(), &sources.sight)?,
        None => mpsc::channel(1).1,
    };
    let (codes, scanner) = watch::channel(None);
    if let Some(config) = &config.scanner {
        tokio::spawn(scanner::tend(
            config.clone(),
            codes,
            Arc::clone(&sources.scanner),
        ));
    }
    let (commands, wanted) = mpsc::channel(BARRIER_COMMANDS_MAX);
    let (events, barrier) = mpsc::channel(BARRIER_EVENTS_MAX);
    let poll = Duration::from_millis(config.barrier.poll.0.into());
    let (board, answers) = (config.barrier.clone(), Arc::clone(&sources.board_answers));
    tokio::spawn(barrier::tend(board, poll, wanted, events, answers));
    let (asking, asked) = mpsc::channel(ASKED_MAX);
    tokio::spawn(control::listen(control::socket(&config.journal), asking));
    Ok((
        commands,
        Inlets {
            scans,
            scanner,
            barrier,
            news,
            asked,
            mode_commands: sources.journal.commands(),
            revoked: sources.journal.revoked(),
            start_anew: watch::channel(false).1,
        },
    ))
}

/// Resolves at the first Ctrl-C or SIGTERM.
fn termination() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}

async fn stop_courier(courier: Option<JoinHandle<()>>) {
    let Some(courier) = courier else { return };
    let abort = courier.abort_handle();
    if tokio::time::timeout(COURIER_STOP_MAX, courier)
        .await
        .is_err()
    {
        abort.abort();
    }
}
