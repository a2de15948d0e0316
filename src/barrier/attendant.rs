//! Tends one board: commands first, then the inputs, for ever.

use super::{BarrierBoard, BarrierError, Connect, Inputs, Motion, OpenOrder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How long to wait before a board that failed is opened again.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);

/// More passages than this between two polls are a counter that was reset, not riders.
const PASSAGES_PER_POLL_MAX: u16 = 32;

/// What the lane wants of the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierCommand {
    /// Open it.
    Open(OpenOrder),
    /// Close it.
    Close,
}

/// What the board had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierEvent {
    /// It took the open command.
    Opened,
    /// It did not.
    OpenFailed,
    /// Somebody went through.
    Passed,
    /// Something stands in the way, or does no longer.
    Obstructed(bool),
    /// The fire alarm went on or off.
    Fire(bool),
}

/// Tends the board that `connector` opens until `commands` closes. `answers` says whether the board
/// answered last.
pub async fn tend<C: Connect>(
    connector: C,
    poll: Duration,
    mut commands: Receiver<BarrierCommand>,
    events: Sender<BarrierEvent>,
    answers: Arc<AtomicBool>,
) {
    let mut memory = Memory {
        answers,
        ..Memory::default()
    };
    loop {
        match connector.connect() {
            Ok(mut board) => {
                let end = serve(&mut board, poll, &mut commands, &events, &mut memory).await;
                match end {
                    Ok(()) => return,
                    Err(err) => memory.failed(&err),
                }
            }
            Err(err) => memory.failed(&err),
        }
        if !refuse_while_absent(&mut commands, &events, &mut memory).await {
            return;
        }
    }
}

/// What was last seen, so that only changes become events, also across a lost line.
#[derive(Default)]
struct Memory {
    seen: Option<Inputs>,
    failing: bool,
    /// A close command did not reach the board: a board that comes back may still stand open.
    close_due: bool,
    answers: Arc<AtomicBool>,
}

impl Memory {
    fn failed(&mut self, err: &BarrierError) {
        self.answers.store(false, Ordering::Relaxed);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%err, "barrier board lost, trying again");
        }
    }

    fn answered(&mut self) {
        self.answers.store(true, Ordering::Relaxed);
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!("barrier board is back");
        }
    }

    /// What changed between the last inputs and `now`.
    fn changes(&mut self, now: Inputs) -> Vec<BarrierEvent> {
        let first = Inputs {
            passages: now.passages,
            ..Inputs::default()
        };
        let before = self.seen.replace(now).unwrap_or(first);
        let mut events = Vec::new();
        let mut passages = now.passages.wrapping_sub(before.passages);
        if passages > PASSAGES_PER_POLL_MAX {
            tracing::warn!(
                before = before.passages,
                now = now.passages,
                "passage counter reset"
            );
            passages = 0;
        }
        events.extend((0..passages).map(|_| BarrierEvent::Passed));
        if now.obstructed != before.obstructed {
            events.push(BarrierEvent::Obstructed(now.obstructed));
        }
        if now.fire != before.fire {
            events.push(BarrierEvent::Fire(now.fire));
        }
        if now.fault != before.fault {
            tracing::error!(fault = now.fault, "barrier board reports a fault number");
        }
        events
    }
}

/// Until the line breaks (the error) or the daemon has no more commands (`Ok`).
async fn serve<B: BarrierBoard>(
    board: &mut B,
    poll: Duration,
    commands: &mut Receiver<BarrierCommand>,
    events: &Sender<BarrierEvent>,
    memory: &mut Memory,
) -> Result<(), BarrierError> {
    if memory.close_due {
        board.release(Motion::Close).await?;
        memory.close_due = false;
    }
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => obey(board, command, events, memory).await?,
                None => return Ok(()),
            },
            _ = ticks.tick() => {
                let inputs = board.inputs().await?;
                memory.answered();
                for event in memory.changes(inputs) {
                    send(events, event).await;
                }
            }
        }
    }
}

async fn obey<B: BarrierBoard>(
    board: &mut B,
    command: BarrierCommand,
    events: &Sender<BarrierEvent>,
    memory: &mut Memory,
) -> Result<(), BarrierError> {
    match command {
        BarrierCommand::Close => {
            let done = board.release(Motion::Close).await;
            memory.close_due = done.is_err();
            done
        }
        BarrierCommand::Open(order) => {
            tracing::debug!(?order, "opening");
            memory.close_due = false;
            let done = board.release(order.motion()).await;
            let event = if done.is_ok() {
                BarrierEvent::Opened
            } else {
                BarrierEvent::OpenFailed
            };
            send(events, event).await;
            done
        }
    }
}

/// While there is no board, an open command fails at once and a close is kept for its return. False
/// when the daemon is gone.
async fn refuse_while_absent(
    commands: &mut Receiver<BarrierCommand>,
    events: &Sender<BarrierEvent>,
    memory: &mut Memory,
) -> bool {
    let wait = sleep(RECONNECT_WAIT);
    tokio::pin!(wait);
    loop {
        tokio::select! {
            () = &mut wait => return true,
            command = commands.recv() => match command {
                Some(BarrierCommand::Open(_)) => {
                    memory.close_due = false;
                    send(events, BarrierEvent::OpenFailed).await;
                }
                Some(BarrierCommand::Close) => memory.close_due = true,
                None => return false,
            },
        }
    }
}

/// The lane's end of the channel only closes when the daemon stops, and then nobody listens.
async fn send(events: &Sender<BarrierEvent>, event: BarrierEvent) {
    let _gone = events.send(event).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn inputs(passages: u16) -> Inputs {
        Inputs {
            passages,
            ..Inputs::default()
        }
    }

    #[test]
    fn only_changes_become_events() {
        let mut memory = Memory::default();
        assert_eq!(
            memory.changes(inputs(7)),
            [],
            "the first reading is where counting starts"
        );
        assert_eq!(memory.changes(inputs(7)), []);
        assert_eq!(
            memory.changes(inputs(9)),
            [BarrierEvent::Passed, BarrierEvent::Passed]
        );
        let blocked = Inputs {
            obstructed: true,
            fire: true,
            ..inputs(9)
        };
        assert_eq!(
            memory.changes(blocked),
            [BarrierEvent::Obstructed(true), BarrierEvent::Fire(true)]
        );
        assert_eq!(
            memory.changes(inputs(9)),
            [BarrierEvent::Obstructed(false), BarrierEvent::Fire(false)]
        );
    }

    /// Boards that tell what they were told; the first is not there.
    struct Returning {
        told: tokio::sync::mpsc::UnboundedSender<Motion>,
        absent: AtomicBool,
    }

    struct Told(tokio::sync::mpsc::UnboundedSender<Motion>);

    impl BarrierBoard for Told {
        async fn release(&mut self, motion: Motion) -> Result<(), BarrierError> {
            let _gone = self.0.send(motion);
            Ok(())
        }

        async fn inputs(&mut self) -> Result<Inputs, BarrierError> {
            Ok(Inputs::default())
        }
    }

    impl Connect for Returning {
        type Board = Told;

        fn connect(&self) -> Result<Told, BarrierError> {
            if self.absent.swap(false, Ordering::Relaxed) {
                return Err(BarrierError::Silent(Duration::ZERO));
            }
            Ok(Told(self.told.clone()))
        }
    }

    #[tokio::test]
    async fn a_close_that_met_no_board_is_done_when_it_is_back() {
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (commands, wanted) = tokio::sync::mpsc::channel(8);
        let (events, mut seen) = tokio::sync::mpsc::channel(8);
        let board = Returning {
            told,
            absent: true.into(),
        };
        let order = OpenOrder::free_passage();
        commands.send(BarrierCommand::Open(order)).await.unwrap();
        commands.send(BarrierCommand::Close).await.unwrap();
        let (poll, answers) = (Duration::from_millis(20), Arc::<AtomicBool>::default());
        let seen_answers = Arc::clone(&answers);
        let attendant = tokio::spawn(tend(board, poll, wanted, events, answers));
        assert_eq!(seen.recv().await, Some(BarrierEvent::OpenFailed));
        assert_eq!(
            heard.recv().await,
            Some(Motion::Close),
            "closed, and not opened for nobody"
        );
        while !seen_answers.load(Ordering::Relaxed) {
            sleep(poll).await;
        }
        drop(commands);
        attendant.await.unwrap();
        assert_eq!(heard.recv().await, None, "told more than once");
    }

    #[test]
    fn a_fire_alarm_that_is_on_at_the_start_is_an_event() {
        let mut memory = Memory::default();
        let burning = Inputs {
            fire: true,
            ..inputs(3)
        };
        assert_eq!(memory.changes(burning), [BarrierEvent::Fire(true)]);
    }

    #[test]
    fn the_passage_counter_wraps_and_survives_a_reset() {
        let mut memory = Memory::default();
        memory.changes(inputs(65_535));
        assert_eq!(memory.changes(inputs(0)), [BarrierEvent::Passed]);
        memory.changes(inputs(500));
        assert_eq!(
            memory.changes(inputs(0)),
            [],
            "a board that restarted is no crowd of riders"
        );
    }
}
