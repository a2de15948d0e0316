//! The processes of the demo: server, boards, gates, riders; started in order, stopped in order.

use super::Plan;
use super::console::Console;
use super::process::{Commands, Processes, listen};
use super::till::Till;
use crate::board::{BoardEvent, Happening};
use crate::cast::Cast;
use crate::city::{City, GateFiles, GateSite};
use crate::cli::riders::RiderEvent;
use crate::clock;
use crate::crowd::Shown;
use crate::seed::Seed;
use anyhow::Context;
use fare_protocol::{GateId, LaneNo};
use fare_rules::{Role, Tariff};
use serde::Deserialize;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::{Mutex, mpsc};

/// How long everything may take to be ready.
const READY_MAX: Duration = Duration::from_secs(20);
/// How often something is looked at that does not tell by itself.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What can be seen and said while everything runs.
#[derive(Debug)]
pub(super) struct Metro {
    city: City,
    pub(super) console: Console,
    /// The platform that charges pay codes, when there are any.
    pub(super) till: Option<Till>,
    /// Where the wallet is, when there is one.
    pub(super) wallet: Option<SocketAddr>,
    /// To the riders.
    pub(super) riders: Arc<Mutex<Commands>>,
    pub(super) entry: Arc<Mutex<GateView>>,
    pub(super) exit: Arc<Mutex<GateView>>,
    /// Pages of the screens at the entry gate and at the exit gate.
    pub(super) screens: [String; 2],
}

/// What can be seen at one gate from outside.
#[derive(Debug)]
pub(super) struct GateView {
    pub(super) gate: GateId,
    pub(super) board: mpsc::UnboundedReceiver<Happening>,
    pub(super) shown: mpsc::UnboundedReceiver<Shown>,
}

/// What the server writes when it listens.
#[derive(Debug, Deserialize)]
struct Ready {
    listen: SocketAddr,
    console_listen: SocketAddr,
    riders_listen: Option<SocketAddr>,
}

/// Starts the processes.
struct Starter<'a> {
    plan: &'a Plan,
    dir: &'a Path,
    processes: &'a Processes,
}

/// The riders' process.
struct Riders {
    commands: Commands,
    /// Gates that have begun to look at their cameras.
    watched: mpsc::UnboundedReceiver<GateId>,
    at_entry: mpsc::UnboundedReceiver<Shown>,
    at_exit: mpsc::UnboundedReceiver<Shown>,
}

impl Metro {
    /// Starts everything in `dir` and waits until the gates see their cameras. What was started is
    /// in `processes`, even when this fails.
    // long: one process after the other
    pub(super) async fn start(
        plan: &Plan,
        dir: &Path,
        database: Option<String>,
        processes: &Processes,
    ) -> anyhow::Result<Self> {
        let starter = Starter {
            plan,
            dir,
            processes,
        };
        let cast = Cast::new(&Seed::new(plan.seed), clock::now());
        let city = City::write(dir, &[cast.issuer()])?;
        let file = city.database().display().to_string();
        let database = match database {
            Some(url) => {
                city.use_database(&url)?;
                url
            }
            None => file,
        };
        if let Some(wallet) = &plan.wallet {
            let wallet = wallet.canonicalize();
            let wallet = wallet.context("there is no wallet; build it with `make wallet`")?;
            city.open_to_riders(cast.issuer_key(), Some(&wallet))?;
        }
        let till = match plan.pay_codes {
            0 => None,
            _ => Some(Till::start(processes, dir).await?),
        };
        if let Some(till) = &till {
            city.charge_through(till.base())?;
        }
        let ready = starter.server(&city).await?;
        let site = |station, lane, role| GateSite {
            station,
            lane: LaneNo(lane),
            role,
        };
        let entry = city.write_gate(site(plan.from, 1, Role::Entry), Some(ready.listen))?;
        let exit = city.write_gate(site(plan.to, 2, Role::Exit), Some(ready.listen))?;
        let screens = [give_screen(&entry)?, give_screen(&exit)?];
        if till.is_some() {
            entry.take_pay_codes("")?;
            exit.take_pay_codes("")?;
        }
        register(&database, &entry).await?;
        register(&database, &exit).await?;
        let entry_board = starter.board(&entry).await?;
        let exit_board = starter.board(&exit).await?;
        let mut riders = starter.riders(&entry, &exit)?;
        starter
            .wait_for_files("the riders' cameras", [&entry.camera, &exit.camera])
            .await?;
        starter.gate(&entry)?;
        starter.gate(&exit)?;
        for _ in 0..2 {
            starter
                .wait("the gates to look at their cameras", riders.watched.recv())
                .await?;
        }
        let view = |gate, board, shown| Arc::new(Mutex::new(GateView { gate, board, shown }));
        Ok(Self {
            city,
            console: Console::new(ready.console_listen)?,
            till,
            wallet: ready.riders_listen,
            riders: Arc::new(Mutex::new(riders.commands)),
            entry: view(entry.gate, entry_board, riders.at_entry),
            exit: view(exit.gate, exit_board, riders.at_exit),
            screens,
        })
    }

    /// What journeys cost.
    pub(super) const fn tariff(&self) -> &Tariff {
        self.city.tariff()
    }
}

impl Starter<'_> {
    async fn server(&self, city: &City) -> anyhow::Result<Ready> {
        let mut command = Command::new(beside("fareserver")?);
        command.arg("run").arg("--config").arg(city.server_config());
        self.processes.start("fareserver", command, self.dir)?;
        let path = city.server_ready();
        let ready = async {
            loop {
                // Not there yet, or not yet whole.
                let text = std::fs::read(&path).unwrap_or_default();
                if let Ok(ready) = serde_json::from_slice(&text) {
                    return Some(ready);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.wait("the server to listen", ready).await
    }

    async fn board(&self, gate: &GateFiles) -> anyhow::Result<mpsc::UnboundedReceiver<Happening>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("board").arg("--link").arg(&gate.board);
        let name = format!("{}-board", gate.gate);
        // Nothing is said to the boards; they do not mind that nobody could.
        let (_commands, answers) = self.processes.start_talker(&name, command, self.dir)?;
        let (sender, mut events) = mpsc::unbounded_channel();
        tokio::spawn(listen(answers, move |happening| {
            let _ = sender.send(happening);
        }));
        let ready: Happening = self.wait("a board to be ready", events.recv()).await?;
        anyhow::ensure!(
            ready.event == BoardEvent::Ready,
            "a board began with {ready:?}"
        );
        Ok(events)
    }

    fn riders(&self, entry: &GateFiles, exit: &GateFiles) -> anyhow::Result<Riders> {
        let optics = self.plan.optics;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("riders")
            .arg("--seed")
            .arg(self.plan.seed.to_string());
        command.arg("--size").arg(optics.size.to_string());
        command.arg("--fps").arg(optics.fps.to_string());
        command
            .arg("--difficulty")
            .arg(optics.difficulty.to_string());
        for gate in [entry, exit] {
            command
                .arg("--camera")
                .arg(format!("{}={}", gate.gate, gate.camera.display()));
        }
        let (commands, answers) = self.processes.start_talker("riders", command, self.dir)?;
        let (seen, watched) = mpsc::unbounded_channel();
        let (to_entry, at_entry) = mpsc::unbounded_channel();
        let (to_exit, at_exit) = mpsc::unbounded_channel();
        let entry = entry.gate;
        tokio::spawn(listen(answers, move |event| match event {
            RiderEvent::Watched { gate, .. } => {
                let _ = seen.send(gate);
            }
            RiderEvent::Held { .. } => {}
            RiderEvent::Shown(shown) if shown.gate == entry => {
                let _ = to_entry.send(shown);
            }
            RiderEvent::Shown(shown) => {
                let _ = to_exit.send(shown);
            }
        }));
        Ok(Riders {
            commands,
            watched,
            at_entry,
            at_exit,
        })
    }

    fn gate(&self, gate: &GateFiles) -> anyhow::Result<()> {
        let mut command = Command::new(beside("faregate")?);
        command.arg("run").arg("--config").arg(&gate.config);
        self.processes.start(gate.gate.as_str(), command, self.dir)
    }

    /// Waits until there are `files`.
    async fn wait_for_files(&self, what: &str, files: [&Path; 2]) -> anyhow::Result<()> {
        let there = async {
            while !files.iter().all(|file| file.exists()) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Some(())
        };
        self.wait(what, there).await
    }

    /// What `ready` brings, unless it takes too long or a process ends.
    async fn wait<T>(
        &self,
        what: &str,
        ready: impl Future<Output = Option<T>>,
    ) -> anyhow::Result<T> {
        let ended = async {
            loop {
                if let Err(error) = self.processes.check() {
                    return error;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            ready = tokio::time::timeout(READY_MAX, ready) => ready
                .with_context(|| format!("waited {} s for {what}", READY_MAX.as_secs()))?
                .with_context(|| format!("waited in vain for {what}")),
            error = ended => Err(error.context(format!("waited for {what}"))),
        }
    }
}

/// Gives a gate a screen, at a port that is free now; its page's address.
fn give_screen(gate: &GateFiles) -> anyhow::Result<String> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let free = free.context("there is no free port for a gate's screen")?;
    let section = format!("\n[display]\nlisten = \"{free}\"\nlanguages = [\"en\", \"zh\"]\n");
    let config = File::options().append(true).open(&gate.config);
    let written = config.and_then(|mut config| config.write_all(section.as_bytes()));
    written.with_context(|| format!("cannot add to {}", gate.config.display()))?;
    Ok(format!("http://{free}/"))
}

/// Tells the server whom to believe.
async fn register(database: &str, gate: &GateFiles) -> anyhow::Result<()> {
    let mut command = Command::new(beside("fareserver")?);
    command
        .args(["gate", "add"])
        .arg("--database")
        .arg(database);
    command.args([
        "--id",
        gate.gate.as_str(),
        "--key",
        &gate.public_key.to_string(),
    ]);
    command.args([
        "--station",
        gate.station.id.as_str(),
        "--line",
        gate.station.line.as_str(),
    ]);
    let output = command.output().await.context("cannot start fareserver")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "cannot register gate {}: {}",
        gate.gate,
        said.trim()
    );
    Ok(())
}

/// The program of this name next to the one that runs.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(here.with_file_name(name))
}
