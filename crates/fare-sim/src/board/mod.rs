//! A simulated barrier board: Modbus RTU bytes on a pty, a rider behind it.
//!
//! ```text
//! unit 1, 115200 8N1
//! coil 0            release: 1 opens; the board closes by itself after a passage, or when 0 is written
//! discrete inputs   0 beam broken now   1 obstructed   2 fire alarm   3 fully open
//! input registers   0 passages, wrapping at 65536      1 status, 0 is sound
//! ```

mod line;
mod state;
mod turnstile;

pub use state::{BoardCommand, BoardEvent, Habits};
pub use turnstile::SETTINGS as TURNSTILE_SETTINGS;

use crate::clock;
use crate::pty::{Line, PtyError};
use fare_protocol::{Millis, UnixMs};
use serde::{Deserialize, Serialize};
use state::BoardState;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinHandle;

/// Events that may wait for a line that is slow.
const SPOKEN_MAX: usize = 256;

/// An event and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When it happened.
    pub t_ms: UnixMs,
    /// What happened.
    #[serde(flatten)]
    pub event: BoardEvent,
}

/// A running board. Dropping it takes its serial line away.
#[derive(Debug)]
pub struct BoardHandle {
    shared: Arc<Shared>,
    events: mpsc::UnboundedReceiver<Happening>,
    link: PathBuf,
    tasks: [JoinHandle<()>; 2],
}

/// What the serial line, the rider and the tester work on.
#[derive(Debug)]
struct Shared {
    state: Mutex<BoardState>,
    events: mpsc::UnboundedSender<Happening>,
    /// The same for a line on which the board speaks by itself.
    spoken: broadcast::Sender<BoardEvent>,
    /// The rider's next step may have another time now.
    changed: Notify,
}

/// Starts boards.
#[derive(Debug)]
pub struct Board;

impl Default for Habits {
    fn default() -> Self {
        Self {
            passage_after: Millis(300),
            beam: Millis(150),
            annul_every: None,
        }
    }
}

impl Board {
    /// Starts a board whose serial line is reached through the symbolic link `link`. Needs a tokio
    /// runtime with time and I/O. The first event is [`BoardEvent::Ready`].
    ///
    /// # Errors
    /// When there is no pty to be had, or `link` cannot be made.
    pub fn spawn(link: &Path, habits: Habits) -> Result<BoardHandle, PtyError> {
        Self::start(link, habits, |line, link, shared| {
            tokio::spawn(line::serve(line, link, shared))
        })
    }

    /// The same with an old turnstile's bytes in place of Modbus: those of [`TURNSTILE_SETTINGS`].
    ///
    /// # Errors
    /// As [`Self::spawn`].
    pub fn spawn_turnstile(link: &Path, habits: Habits) -> Result<BoardHandle, PtyError> {
        Self::start(link, habits, |line, link, shared| {
            tokio::spawn(turnstile::serve(line, link, shared))
        })
    }

    fn start(
        link: &Path,
        habits: Habits,
        serve: impl FnOnce(Line, PathBuf, Arc<Shared>) -> JoinHandle<()>,
    ) -> Result<BoardHandle, PtyError> {
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(BoardState::new(habits)),
            events: sender,
            spoken: broadcast::channel(SPOKEN_MAX).0,
            changed: Notify::new(),
        });
        let line = Line::open(link)?;
        shared.tell([BoardEvent::Ready]);
        let tasks = [
            serve(line, link.to_owned(), Arc::clone(&shared)),
            tokio::spawn(walk_riders(Arc::clone(&shared))),
        ];
        Ok(BoardHandle {
            shared,
            events,
            link: link.to_owned(),
            tasks,
        })
    }
}

impl BoardHandle {
    /// The next event; nothing when the board is no more.
    pub async fn next_event(&mut self) -> Option<Happening> {
        self.events.recv().await
    }

    /// Does something to the board.
    pub fn command(&self, command: BoardCommand) {
        self.shared.change(|state, _| state.command(command));
    }

    /// Passages counted so far, wrapping.
    pub fn passages(&self) -> u16 {
        let mut passages = 0;
        self.shared.change(|state, _| {
            [passages, _] = state.registers();
            Vec::new()
        });
        passages
    }
}

impl Drop for BoardHandle {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        // A link that is gone already is as good.
        let _ = std::fs::remove_file(&self.link);
    }
}

impl Shared {
    /// Lets `change` work on the state and tells what came of it.
    fn change(&self, change: impl FnOnce(&mut BoardState, UnixMs) -> Vec<BoardEvent>) {
        // The state is whole between any two statements, so a poisoned lock is as good.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let events = change(&mut state, clock::now());
        self.tell(events);
        drop(state);
        self.changed.notify_one();
    }

    fn tell(&self, events: impl IntoIterator<Item = BoardEvent>) {
        for event in events {
            // Nobody has to listen.
            let _ = self.spoken.send(event);
            let _ = self.events.send(Happening {
                t_ms: clock::now(),
                event,
            });
        }
    }

    fn deadline(&self) -> Option<UnixMs> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .deadline()
    }
}

/// Takes the riders' steps when they are due.
async fn walk_riders(shared: Arc<Shared>) {
    loop {
        let changed = shared.changed.notified();
        match shared.deadline() {
            None => changed.await,
            Some(due) => {
                let wait = u64::try_from(due.since(clock::now())).unwrap_or(0);
                let due = tokio::time::sleep(Duration::from_millis(wait));
                tokio::select! {
                    () = changed => {}
                    () = due => shared.change(BoardState::tick),
                }
            }
        }
    }
}
