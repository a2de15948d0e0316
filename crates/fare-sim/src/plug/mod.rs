//! Pulling the plug of a real gate, again and again: `faregate run` is killed with SIGKILL at moments
//! drawn from a seed while riders tap, and started again on the same journal, beside a real
//! `fareserver` that it uploads to. What the barrier did is kept here, outside, and at last compared
//! with what the journal and the server hold.
//!
//! SIGKILL takes the program away, not the kernel: what was written but not synced survives it.
//! `fare_sim::cuts` is for that.

mod verdict;

pub use verdict::Outcome;

use crate::beside::{self, Running};
use crate::board::{Board, BoardEvent, BoardHandle, Habits, Happening};
use crate::city::GateFiles;
use crate::crowd::{Crowd, Optics};
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize};
use anyhow::{Context, ensure};
use fare_protocol::{AccountId, Millis, UnixMs};
use faregate::journal::OutboxFile;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a gate may take to look at its camera, and at the end to empty its outbox.
const PATIENCE: Duration = Duration::from_secs(30);

/// A rider who is not let in by then goes away.
const RIDER_PATIENCE: Duration = Duration::from_millis(1_500);

/// The plug is pulled at most so long after a gate began to look, or after it could see a code.
const CUT_AFTER_START_MS: u64 = 1_500;
const CUT_AFTER_CODE_MS: u64 = 250;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the plug is pulled.
    pub cycles: u32,
    /// Moments, riders and hands follow from this number.
    pub seed: u64,
}

/// The leaves opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) at: UnixMs,
    /// Who stood before the camera then: a rider, and the one who was about to go.
    pub(crate) before: [Option<AccountId>; 2],
}

/// When the plug is pulled.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the gate began to look at its camera.
    AfterStart(Duration),
    /// So long after its camera first saw a code in this cycle.
    AfterCode(Duration),
}

/// The gate's surroundings, which the plug does not reach.
struct Platform {
    files: GateFiles,
    log: PathBuf,
    board: BoardHandle,
    crowd: Crowd,
    random: Seed,
    riders: u64,
    /// Who stands before the camera, until when; and who stood there before.
    rider: Option<(AccountId, Instant)>,
    left: Option<AccountId>,
    openings: Vec<Opening>,
}

/// Pulls the plug `plan.cycles` times, lets the gate drain, and compares.
///
/// # Errors
/// When something could not be started, or the gate does not come back. What was lost or doubled is
/// in the outcome.
pub async fn run(plan: Plan) -> anyhow::Result<Outcome> {
    let folder = TempDir::with_prefix("fare-plug-").context("no temporary folder")?;
    match cycles(plan, folder.path()).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => {
            let kept = folder.keep();
            Err(error.context(format!("seed {}, files in {}", plan.seed, kept.display())))
        }
    }
}

async fn cycles(plan: Plan, folder: &Path) -> anyhow::Result<Outcome> {
    let seed = Seed::new(plan.seed);
    let (city, server, files) = beside::with_entry_gate(&seed, folder).await?;
    let mut platform = Platform::new(&seed, files.clone(), folder)?;
    for cycle in 0..plan.cycles {
        let gate = platform.start().await?;
        verdict::openings(&files.journal, &platform.openings)
            .with_context(|| format!("after {cycle} cuts"))?;
        platform.serve(gate).await?;
    }
    let gate = platform.start().await?;
    drain(&files.journal).await?;
    gate.pull_the_plug()?;
    server.pull_the_plug()?;
    let openings = &platform.openings;
    verdict::outcome(plan, platform.riders, openings, &files, &city)
}

/// Waits until nothing waits for the server.
async fn drain(journal: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    while OutboxFile::open(journal)?.counts()?.pending > 0 {
        ensure!(begun.elapsed() < PATIENCE, "the outbox does not get empty");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

impl Platform {
    fn new(seed: &Seed, files: GateFiles, folder: &Path) -> anyhow::Result<Self> {
        let habits = Habits {
            passage_after: Millis(60),
            beam: Millis(40),
            annul_every: None,
        };
        let board = Board::spawn(&files.board, habits)?;
        let optics = Optics {
            size: FrameSize::VGA,
            fps: 30,
            difficulty: Difficulty::Easy,
        };
        let mut crowd = Crowd::new(seed, optics);
        // The first gate is waited for like any other.
        let _watched = crowd.add_camera(files.gate, &files.camera)?;
        Ok(Self {
            log: folder.join(format!("{}.log", files.gate)),
            files,
            board,
            crowd,
            random: seed.fork("plug", 0),
            riders: 0,
            rider: None,
            left: None,
            openings: Vec::new(),
        })
    }

    /// Starts the gate and waits until it looks at its camera.
    async fn start(&mut self) -> anyhow::Result<Running> {
        let gone = self.crowd.reading(self.files.gate, false)?;
        timeout(PATIENCE, gone).await.context("the old gate")?;
        let mut gate = beside::gate(&self.files, &self.log)?;
        let looks = self.crowd.reading(self.files.gate, true)?;
        if timeout(PATIENCE, looks).await.is_err() {
            gate.check()?;
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            anyhow::bail!("the gate does not come back: {log}");
        }
        Ok(gate)
    }

    /// Lets riders through until the moment comes at which the plug is pulled.
    async fn serve(&mut self, mut gate: Running) -> anyhow::Result<()> {
        let moment = self.moment();
        let mut cut = match moment {
            Moment::AfterStart(after) => Some(Instant::now() + after),
            Moment::AfterCode(_) => None,
        };
        // Half of those who stood there when the light went out are patient and show the same code.
        if self.random.happens(0.5) {
            self.go_on()?;
        } else if let Some((_, patience)) = &mut self.rider {
            *patience = Instant::now() + RIDER_PATIENCE;
        }
        loop {
            if self.rider.is_none() {
                let shown = self.next_rider()?;
                if let Moment::AfterCode(after) = moment
                    && cut.is_none()
                {
                    // One who is hidden by the one before is seen a little later.
                    let seen = timeout(RIDER_PATIENCE, shown).await;
                    drop(seen);
                    cut = Some(Instant::now() + after);
                }
            }
            let far = Instant::now() + RIDER_PATIENCE;
            let patience = self.rider.map_or(far, |(_, patience)| patience);
            tokio::select! {
                () = sleep_until(cut.unwrap_or(far)), if cut.is_some() => break,
                () = sleep_until(patience) => self.go_on()?,
                happening = self.board.next_event() => {
                    self.note(happening.context("the board is gone")?)?;
                }
            }
        }
        gate.check()?;
        gate.pull_the_plug()?;
        // What the board had got before it still does.
        while let Ok(Some(happening)) =
            timeout(Duration::from_millis(50), self.board.next_event()).await
        {
            self.note(happening)?;
        }
        Ok(())
    }

    fn moment(&mut self) -> Moment {
        let after_code = self.random.happens(0.5);
        let after = |ms| Duration::from_micros(ms);
        if after_code {
            Moment::AfterCode(after(self.random.below(CUT_AFTER_CODE_MS * 1_000)))
        } else {
            Moment::AfterStart(after(self.random.below(CUT_AFTER_START_MS * 1_000)))
        }
    }

    fn note(&mut self, happening: Happening) -> anyhow::Result<()> {
        match happening.event {
            BoardEvent::Opened => self.openings.push(Opening {
                at: happening.t_ms,
                before: [self.rider.map(|(account, _)| account), self.left],
            }),
            BoardEvent::Passed => self.go_on()?,
            BoardEvent::Ready
            | BoardEvent::Closed
            | BoardEvent::Fire { .. }
            | BoardEvent::Obstructed { .. } => {}
        }
        Ok(())
    }

    /// Whoever stands before the camera goes on.
    fn go_on(&mut self) -> anyhow::Result<()> {
        self.crowd.leave(self.files.gate)?;
        if let Some((account, _)) = self.rider.take() {
            self.left = Some(account);
        }
        Ok(())
    }

    /// Somebody comes who never came before. Answers when the camera sees the code.
    fn next_rider(&mut self) -> anyhow::Result<impl Future<Output = ()> + use<>> {
        self.riders += 1;
        let shown = self.crowd.show(self.files.gate, self.riders)?;
        let account = self.crowd.account(self.riders);
        self.rider = Some((account, Instant::now() + RIDER_PATIENCE));
        Ok(async move { drop(shown.await) })
    }
}
