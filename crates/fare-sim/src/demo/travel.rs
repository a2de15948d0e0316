//! Riders on their way: in at the one gate, a short walk, out at the other.

use super::metro::GateView;
use super::process::Commands;
use crate::board::{BoardEvent, Happening};
use crate::crowd::Shown;
use anyhow::Context;
use fare_protocol::UnixMs;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// How long a rider waits for the barrier before making a new code.
const PATIENCE: Duration = Duration::from_secs(6);
/// How often a rider tries.
const TRIES_MAX: u32 = 3;
/// Between two tries, and between two riders at one gate.
const PAUSE: Duration = Duration::from_millis(400);

/// A rider let through a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Let {
    /// From the first frame that could have been read to the leaves being open.
    pub(super) tap_to_open_ms: i64,
    /// Codes shown before one opened.
    pub(super) tries: u32,
}

/// A rider who has left the metro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Travelled {
    pub(super) rider: u64,
    pub(super) entry: Let,
    pub(super) exit: Let,
}

/// Sends `riders` in at `entry` and out at `exit`, one at a time at each gate, until there are no
/// more. `walk` is the least time between the two. An error ends everything.
pub(super) async fn send_through(
    riders: impl Iterator<Item = u64>,
    commands: Arc<Mutex<Commands>>,
    entry: Arc<Mutex<GateView>>,
    exit: Arc<Mutex<GateView>>,
    walk: Duration,
    done: mpsc::UnboundedSender<Travelled>,
) -> anyhow::Result<()> {
    let (inside, mut arriving) = mpsc::unbounded_channel();
    let enter = async {
        for rider in riders {
            let entry = pass(&mut *entry.lock().await, &commands, rider).await?;
            // The other half is gone only when it failed, and then it says so itself.
            let _ = inside.send((rider, entry, tokio::time::Instant::now() + walk));
            tokio::time::sleep(PAUSE).await;
        }
        drop(inside);
        Ok(())
    };
    let leave = async {
        while let Some((rider, entry, there)) = arriving.recv().await {
            tokio::time::sleep_until(there).await;
            let exit = pass(&mut *exit.lock().await, &commands, rider).await?;
            let _ = done.send(Travelled { rider, entry, exit });
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    };
    tokio::try_join!(enter, leave).map(|((), ())| ())
}

/// Rider `rider` goes through one gate.
async fn pass(gate: &mut GateView, riders: &Mutex<Commands>, rider: u64) -> anyhow::Result<Let> {
    let id = gate.gate;
    for tries in 1..=TRIES_MAX {
        while gate.board.try_recv().is_ok() || gate.shown.try_recv().is_ok() {}
        riders
            .lock()
            .await
            .send(&format!("show {id} {rider}"))
            .await?;
        let opened = tokio::time::timeout(PATIENCE, see_open(gate, rider)).await;
        riders.lock().await.send(&format!("leave {id}")).await?;
        match opened {
            Ok(opened) => {
                let (shown, opened) = opened?;
                tokio::time::timeout(PATIENCE, see(&mut gate.board, BoardEvent::Closed))
                    .await
                    .with_context(|| format!("gate {id} did not close behind rider {rider}"))??;
                return Ok(Let {
                    tap_to_open_ms: opened.since(shown),
                    tries,
                });
            }
            Err(_) => tracing::info!(gate = %id, rider, tries, "not let through; a new code"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("gate {id} did not open for rider {rider}, who showed {TRIES_MAX} codes")
}

/// When the code was first shown, and when the leaves were open.
async fn see_open(gate: &mut GateView, rider: u64) -> anyhow::Result<(UnixMs, UnixMs)> {
    let shown = loop {
        let shown: Shown = gate.shown.recv().await.context("the riders are gone")?;
        if shown.rider == rider {
            break shown.t_ms;
        }
    };
    Ok((shown, see(&mut gate.board, BoardEvent::Opened).await?))
}

pub(super) async fn see(
    board: &mut mpsc::UnboundedReceiver<Happening>,
    wanted: BoardEvent,
) -> anyhow::Result<UnixMs> {
    loop {
        let happening = board.recv().await.context("a barrier board is gone")?;
        if happening.event == wanted {
            return Ok(happening.t_ms);
        }
    }
}
