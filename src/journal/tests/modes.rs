//! Modes in the journal: kept over a restart, a link of the chain each, commands taken once.

use super::*;
use fare_protocol::wire::{Feed, FeedChange};
use fare_protocol::{CommandId, ModeChange, ModeCommand, ModeSource, Modes};
use fare_rules::ModeChangeDraft;

fn change(n: u8, modes: Modes, source: ModeSource, command: Option<u8>) -> Draft {
    Draft::ModeChange(ModeChangeDraft {
        id: RecordId([n; 16]),
        change: ModeChange {
            modes,
            source,
            command: command.map(|n| CommandId([n; 16])),
            reason: "a test".parse().unwrap(),
        },
    })
}

fn command(n: u8, gate: &str, mode: Mode) -> ModeCommand {
    ModeCommand {
        id: CommandId([n; 16]),
        gate: gate.parse().unwrap(),
        modes: Modes::both(mode),
        reason: "crowd".parse().unwrap(),
    }
}

fn feed(cursor: u64, commands: &[ModeCommand]) -> Feed {
    Feed {
        as_of_ms: UnixMs(1),
        cursor,
        snapshot: cursor == 1,
        issuers: None,
        tariff: None,
        changes: commands
            .iter()
            .copied()
            .map(FeedChange::ModeCommanded)
            .collect(),
    }
}

#[test]
fn modes_outlive_a_restart_and_a_fire_sets_none() {
    let gate = Gate::new();
    assert_eq!(gate.journal.modes().unwrap(), SetModes::NEW);
    let closed = Modes::default().with(Some(Direction::Exit), Mode::Closed);
    gate.commit(change(1, closed, ModeSource::Staff, None), 1_000);
    let fire = Modes::both(Mode::Emergency);
    let record = gate.commit(change(2, fire, ModeSource::Fire, None), 2_000);
    assert!(matches!(record.record().body, RecordBody::ModeChange(said) if said.modes == fire));
    let gate = gate.restarted();
    let set = gate.journal.modes().unwrap();
    let how = set.how.unwrap();
    assert_eq!(
        (set.modes, how.source, how.at),
        (closed, ModeSource::Staff, UnixMs(1_000))
    );
    gate.commit(
        change(3, Modes::default(), ModeSource::Server, Some(7)),
        3_000,
    );
    gate.commit(change(4, closed, ModeSource::Staff, None), 4_000);
    let set = gate.restarted().journal.modes().unwrap();
    assert_eq!(set.last_command, Some(CommandId([7; 16])));
}

#[tokio::test]
async fn the_newest_command_to_this_gate_counts_whatever_comes_after() {
    let gate = Gate::new();
    let seen = gate.journal.commands();
    assert_eq!(*seen.borrow(), None);
    let ours = command(5, "PGY-01", Mode::Free);
    let others = command(9, "GMO-02", Mode::Closed);
    gate.journal
        .apply_feed(feed(1, &[ours, others]))
        .await
        .unwrap();
    assert_eq!(*seen.borrow(), Some(ours));
    let older = command(4, "PGY-01", Mode::Closed);
    gate.journal.apply_feed(feed(2, &[older])).await.unwrap();
    assert_eq!(*seen.borrow(), Some(ours));
    drop(seen);
    let gate = gate.restarted();
    assert_eq!(*gate.journal.commands().borrow(), Some(ours));
}
