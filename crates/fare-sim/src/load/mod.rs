//! What a gate's daemon takes of its computer, measured from outside: a real `faregate` with a camera, a board
//! and a real `fareserver`, first before an empty hall, then with riders at a steady rate; and how long it takes
//! from its start to the first rider for whom the barrier opens.

mod process;

pub use process::Memory;

use crate::beside::{self, Running};
use crate::board::{Board, BoardEvent, BoardHandle, Habits};
use crate::city::GateFiles;
use crate::clock;
use crate::crowd::{Crowd, Optics};
use crate::seed::Seed;
use anyhow::{Context, ensure};
use fare_protocol::UnixMs;
use process::Watched;
use serde::Serialize;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, interval, sleep, timeout};

/// How long a gate may take to open for its first rider.
const PATIENCE: Duration = Duration::from_secs(60);

/// Before the empty hall is measured: connections are made, the scene is learnt.
const SETTLE: Duration = Duration::from_secs(5);

/// Riders before the measurement whose opening says how long a start takes. Their numbers are no others'.
const FIRST_RIDER: u64 = 1_000_000;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long each of both is measured.
    pub measure: Duration,
    /// Riders a minute.
    pub per_minute: u32,
    /// How often the daemon is started to its first opening.
    pub starts: u32,
    /// Riders and hands follow from this number.
    pub seed: u64,
    /// How the camera sees.
    pub optics: Optics,
    /// The daemon to measure, with what goes before its own arguments; this folder's when empty.
    pub gate: Vec<OsString>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Width and height in pixels, frames a second.
    pub camera: (u32, u32, u32),
    /// From the daemon's start to the open barrier, a phone on its way to the glass: each start, in ms.
    pub first_open_ms: Vec<u64>,
    /// Before an empty hall.
    pub idle: Share,
    /// With riders.
    pub busy: Share,
    /// Riders who came, a minute.
    pub per_minute: u32,
    /// For how many the barrier opened.
    pub opened: u64,
    /// Who came.
    pub riders: u64,
    /// The greatest resident set of the whole run, in KiB.
    pub peak_kib: u64,
}

/// What the daemon took over some time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    /// How long it was watched, in seconds.
    pub seconds: f64,
    /// Processor time, of one core, in percent.
    pub cpu_percent: f64,
    /// Memory at the end of that time.
    #[serde(flatten)]
    pub memory: Memory,
}

/// Measures.
///
/// # Errors
/// When something could not be started, or the barrier does not open for riders.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = TempDir::with_prefix("fare-load-").context("no temporary folder")?;
    let mut hall = Hall::new(plan, folder.path()).await?;
    let mut first_open_ms = Vec::new();
    let mut gate = None;
    for n in 0..plan.starts.max(1) {
        drop(gate.take());
        let (started, took) = hall.start(u64::from(n)).await?;
        first_open_ms.push(took);
        gate = Some(started);
    }
    let gate = gate.context("no gate was started")?;
    let watched = Watched::new(gate.id());
    sleep(SETTLE).await;
    let idle = watched.over(sleep(plan.measure)).await?.0;
    let (busy, opened) = watched.over(hall.riders(plan)).await?;
    let opened = opened?;
    let (riders, peak_kib) = (hall.came, gate.peak_kib()?);
    ensure!(opened > 0, "the barrier opened for nobody");
    let size = plan.optics.size;
    Ok(Outcome {
        camera: (size.width, size.height, plan.optics.fps),
        first_open_ms,
        idle,
        busy,
        per_minute: plan.per_minute,
        opened,
        riders,
        peak_kib,
    })
}

/// A gate's surroundings.
struct Hall {
    files: GateFiles,
    program: Vec<OsString>,
    log: std::path::PathBuf,
    board: BoardHandle,
    crowd: Crowd,
    came: u64,
    _server: Running,
}

impl Hall {
    async fn new(plan: &Plan, folder: &Path) -> anyhow::Result<Self> {
        let seed = Seed::new(plan.seed);
        let (_city, server, files) = beside::with_entry_gate(&seed, folder).await?;
        let board = Board::spawn(&files.board, Habits::default())?;
        let mut crowd = Crowd::new(&seed, plan.optics);
        // Each start waits for it.
        let _watched = crowd.add_camera(files.gate, &files.camera)?;
        Ok(Self {
            log: folder.join("faregate.log"),
            files,
            program: plan.gate.clone(),
            board,
            crowd,
            came: 0,
            _server: server,
        })
    }

    /// Starts the daemon with a rider on the way to its glass; how long it took until the barrier was open.
    async fn start(&mut self, n: u64) -> anyhow::Result<(Running, u64)> {
        let gone = self.crowd.reading(self.files.gate, false)?;
        timeout(PATIENCE, gone).await.context("the gate before")?;
        let _shown = self.crowd.show(self.files.gate, FIRST_RIDER + n)?;
        let begun = clock::now();
        let mut gate = beside::gate_of(&self.program, &self.files, &self.log)?;
        let Some(opened) = self.sees(BoardEvent::Opened, PATIENCE).await? else {
            gate.check()?;
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            anyhow::bail!("the barrier does not open: {log}");
        };
        self.sees(BoardEvent::Closed, PATIENCE).await?;
        self.crowd.leave(self.files.gate)?;
        let took = u64::try_from(opened.since(begun)).unwrap_or(0);
        Ok((gate, took))
    }

    /// Riders, one after the other at a steady rate; for how many the barrier opened.
    async fn riders(&mut self, plan: &Plan) -> anyhow::Result<u64> {
        let every = Duration::from_secs(60) / plan.per_minute.max(1);
        let (begun, mut turns, mut opened) = (Instant::now(), interval(every), 0);
        while begun.elapsed() < plan.measure {
            turns.tick().await;
            self.came += 1;
            let _shown = self.crowd.show(self.files.gate, self.came)?;
            if self.sees(BoardEvent::Opened, every).await?.is_some() {
                opened += 1;
            }
            // Through before the next one comes, or not at all.
            self.sees(BoardEvent::Passed, every / 2).await?;
            self.crowd.leave(self.files.gate)?;
        }
        Ok(opened)
    }

    /// When the board saw this; nothing when it did not in time.
    async fn sees(
        &mut self,
        wanted: BoardEvent,
        within: Duration,
    ) -> anyhow::Result<Option<UnixMs>> {
        let found = async {
            while let Some(happening) = self.board.next_event().await {
                if happening.event == wanted {
                    return Ok(happening.t_ms);
                }
            }
            anyhow::bail!("the board is gone")
        };
        timeout(within, found).await.ok().transpose()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut starts = self.first_open_ms.clone();
        starts.sort_unstable();
        let (least, most) = (starts.first().copied(), starts.last().copied());
        let median = starts.get(starts.len() / 2).copied().unwrap_or(0);
        let (width, height, fps) = self.camera;
        writeln!(f, "camera          {width}x{height}, {fps} frames a second")?;
        writeln!(
            f,
            "first opening   {median} ms after the start (median of {}, {} to {})",
            starts.len(),
            least.unwrap_or(0),
            most.unwrap_or(0)
        )?;
        writeln!(f, "idle            {}", self.idle)?;
        writeln!(f, "{:<2} riders/min   {}", self.per_minute, self.busy)?;
        writeln!(
            f,
            "opened          for {} of {} riders",
            self.opened, self.riders
        )?;
        write!(f, "peak memory     {:.1} MiB", mib(self.peak_kib))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} % of a core over {:.0} s; {:.1} MiB resident, of it {:.1} MiB its own",
            self.cpu_percent,
            self.seconds,
            mib(self.memory.resident_kib),
            mib(self.memory.own_kib)
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "some thousands")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
