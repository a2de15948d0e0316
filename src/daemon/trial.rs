//! Configurations of the server's, beside the lane: takes them up, watches whether one that is tried works, and
//! asks the lane loop to end when the program is to start anew.

use super::publish::Sources;
use super::watchdog::Frames;
use crate::clock::{GateTime, Stopwatch};
use crate::ids::new_record_id;
use crate::journal::{CommitRequest, JournalError, JournalHandle};
use crate::trial::{Keeper, Parts};
use fare_protocol::wire::Revocation;
use fare_protocol::{ConfigCommand, ConfigOutcome, Millis};
use fare_rules::{ConfigDraft, Draft};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::sleep;

/// Between two looks at the gate's parts.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The same while nothing is to be tried.
const IDLE_LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long after its start a gate waits for its parts before it says which of them work.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A configuration is not believed to work before the gate has lived with it for so long.
const PROVE_LEAST: Duration = Duration::from_secs(2);

/// Before an outcome that could not be recorded is told again.
const RETRY: Duration = Duration::from_secs(60);

/// Tells which of the gate's parts work now.
type Seen = Box<dyn Fn() -> Parts + Send + Sync>;

/// Takes up the server's configurations.
pub(super) struct Trials {
    keeper: Keeper,
    /// What this gate has.
    has: Parts,
    seen: Seen,
    /// What has worked at any moment since the start.
    worked: Parts,
    since: Stopwatch,
    journal: JournalHandle,
    time: GateTime,
    commands: watch::Receiver<Option<Arc<ConfigCommand>>>,
    revoked: watch::Receiver<Option<Revocation>>,
    start_anew: watch::Sender<bool>,
}

/// Looks at the same places as whoever publishes how the gate is doing.
fn seen(sources: &Sources) -> Seen {
    let (sight, scanner) = (Arc::clone(&sources.sight), Arc::clone(&sources.scanner));
    let (board, lamps) = (
        Arc::clone(&sources.board_answers),
        Arc::clone(&sources.lamps_answer),
    );
    let courier = sources.courier.clone();
    Box::new(move || Parts {
        frames: matches!(sight.frames(), Frames::Coming(looked_at) if looked_at > 0),
        scanner: scanner.is_open(),
        barrier: board.load(Ordering::Relaxed),
        lamps: lamps.load(Ordering::Relaxed),
        server: courier
            .as_ref()
            .is_some_and(|status| status.borrow().is_online()),
    })
}

impl Trials {
    pub(super) fn new(
        keeper: Keeper,
        has: Parts,
        sources: &Sources,
        start_anew: watch::Sender<bool>,
    ) -> Self {
        Self {
            keeper,
            has,
            seen: seen(sources),
            worked: Parts::default(),
            since: Stopwatch::start(),
            journal: sources.journal.clone(),
            time: sources.time.clone(),
            commands: sources.journal.configurations(),
            revoked: sources.journal.revoked(),
            start_anew,
        }
    }

    /// Works until `stop` becomes true.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.work() => {}
        }
        // Told to stop by somebody, and not by itself: that is no fault of the configuration.
        if !*self.start_anew.borrow() {
            self.noted(Keeper::stopped);
        }
    }

    async fn work(&mut self) {
        self.tell().await;
        if self.keeper.on_trial().is_some() {
            self.prove().await;
        }
        loop {
            let command = self.commands.borrow_and_update().clone();
            let command = command.filter(|command| self.keeper.is_new(command));
            match command {
                Some(command) if self.revoked.borrow().is_none() => self.take(&command).await,
                Some(_) | None => {
                    let changed = self.until_command().await;
                    if !changed {
                        return std::future::pending().await;
                    }
                }
            }
        }
    }

    /// Looks on until a command comes; false when none can come any more.
    async fn until_command(&mut self) -> bool {
        loop {
            self.worked = self.worked.or((self.seen)());
            tokio::select! {
                changed = self.commands.changed() => return changed.is_ok(),
                () = sleep(IDLE_LOOK_EVERY) => {}
            }
        }
    }

    /// Takes a command up: what it brings is in force already, refused, or staged.
    async fn take(&mut self, command: &ConfigCommand) {
        let id = command.id;
        if self.keeper.is_in_force(command) {
            tracing::info!(configuration = %id, "the server's configuration is in force already");
            return self.end(command, ConfigOutcome::Live, String::new()).await;
        }
        let config = match block_in_place(|| self.keeper.check(command)) {
            Ok(config) => config,
            Err(err) => {
                tracing::error!(configuration = %id, "the server's configuration is refused:\n{err}");
                return self
                    .end(command, ConfigOutcome::Refused, err.to_string())
                    .await;
            }
        };
        self.settle().await;
        let must = Parts::due(Parts::of(&config), self.has, self.worked);
        let now = self.time.stamp().at;
        if self.noted(|keeper| keeper.stage(command, must, now)) {
            tracing::info!(configuration = %id, reason = %command.reason,
                "the server's configuration is staged; tried as soon as nobody is under way");
            // One that was staged before is not tried any more.
            self.tell().await;
            self.start_anew.send_replace(true);
        } else {
            sleep(RETRY).await;
        }
    }

    /// Waits until everything works that the gate has, or it is clear that something does not.
    async fn settle(&mut self) {
        loop {
            self.worked = self.worked.or((self.seen)());
            let settled = self.has.missing(self.worked).is_empty();
            if settled || self.since.elapsed() > SETTLE_MAX {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Watches whether the configuration that is tried works, and decides.
    async fn prove(&mut self) {
        let Some(trial) = self.keeper.on_trial().cloned() else {
            return;
        };
        let (id, within) = (trial.served.command, within(trial.prove_ms));
        tracing::info!(configuration = %id, within_s = within.as_secs(),
            "the server's configuration is tried");
        let mut missing = vec!["the journal does not answer"];
        while self.since.elapsed() < within {
            sleep(LOOK_EVERY).await;
            let now = (self.seen)();
            self.worked = self.worked.or(now);
            missing = trial.must.missing(now);
            let answers = tokio::time::timeout(within, self.journal.answers()).await;
            if !matches!(answers, Ok(Ok(()))) {
                missing.push("the journal does not answer");
            }
            if missing.is_empty() && self.since.elapsed() >= PROVE_LEAST {
                return self.proved().await;
            }
        }
        let why = format!("{} within {} s", missing.join(", "), within.as_secs());
        tracing::error!(configuration = %id, why, "the server's configuration is taken back");
        let now = self.time.stamp().at;
        // Also when that cannot be written: the next start finds it begun, and takes it back.
        self.noted(|keeper| keeper.take_back(why, now));
        self.tell().await;
        self.start_anew.send_replace(true);
        std::future::pending().await
    }

    async fn proved(&mut self) {
        let now = self.time.stamp().at;
        while !self.noted(|keeper| keeper.proved(now)) {
            sleep(RETRY).await;
        }
        tracing::info!("the server's configuration works and is in force");
        self.tell().await;
    }

    async fn end(&mut self, command: &ConfigCommand, outcome: ConfigOutcome, why: String) {
        let now = self.time.stamp().at;
        if self.noted(|keeper| keeper.ended(command, outcome, why, now)) {
            self.tell().await;
        } else {
            sleep(RETRY).await;
        }
    }

    /// Records what became of the newest that came to an end, once, however often it is told.
    async fn tell(&self) {
        let Some(change) = self.keeper.last_change() else {
            return;
        };
        let stamp = self.time.stamp();
        let draft = Draft::Config(ConfigDraft {
            id: new_record_id(stamp.at),
            change,
        });
        match self.journal.commit(CommitRequest { draft, stamp }).await {
            Ok(_) | Err(JournalError::Rejected { .. }) => {}
            Err(err) => {
                tracing::warn!(%err, "what became of a configuration is not recorded; told again at the next start");
            }
        }
    }

    /// Changes what is kept; answers whether it is on the disk.
    fn noted(&mut self, change: impl FnOnce(&mut Keeper) -> io::Result<()>) -> bool {
        let noted = block_in_place(|| change(&mut self.keeper));
        if let Err(err) = &noted {
            tracing::error!(%err, "what is kept of the server's configuration cannot be written; look at the disk");
        }
        noted.is_ok()
    }
}

fn within(ms: Millis) -> Duration {
    Duration::from_millis(ms.0.into()).max(PROVE_LEAST * 2)
}
