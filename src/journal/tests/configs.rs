//! Configurations in the journal: the newest for this gate, what became of each a link of the chain once; and
//! what a newer server tells of that this program does not know.

use super::*;
use fare_protocol::wire::{Feed, FeedChange};
use fare_protocol::{
    CommandId, ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome, Millis, Remark,
};
use fare_rules::ConfigDraft;

fn command(n: u8, gate: &str) -> ConfigCommand {
    ConfigCommand {
        id: CommandId([n; 16]),
        gate: gate.parse().unwrap(),
        toml: format!("# the configuration {n} of {gate}\n"),
        prove_ms: Millis(60_000),
        reason: "new board".parse().unwrap(),
    }
}

fn feed(cursor: u64, changes: Vec<FeedChange>) -> Feed {
    Feed {
        as_of_ms: UnixMs(1),
        cursor,
        snapshot: cursor == 1,
        issuers: None,
        tariff: None,
        changes,
    }
}

fn told(commands: &[ConfigCommand]) -> Vec<FeedChange> {
    let commands = commands.iter().cloned().map(Box::new);
    commands.map(FeedChange::ConfigCommanded).collect()
}

fn outcome(n: u8, of: u8, outcome: ConfigOutcome) -> Draft {
    Draft::Config(ConfigDraft {
        id: RecordId([n; 16]),
        change: ConfigChange {
            command: CommandId([of; 16]),
            outcome,
            in_force: ConfigHash::of(""),
            why: Remark::cut("a test"),
        },
    })
}

#[tokio::test]
async fn the_newest_for_this_gate_is_there_after_a_restart() {
    let gate = Gate::new();
    let seen = gate.journal.configurations();
    let (ours, others, older) = (
        command(5, "PGY-01"),
        command(9, "GMO-02"),
        command(4, "PGY-01"),
    );
    let changes = told(&[ours.clone(), others]);
    gate.journal.apply_feed(feed(1, changes)).await.unwrap();
    assert_eq!(seen.borrow().as_deref(), Some(&ours));
    gate.journal
        .apply_feed(feed(2, told(&[older])))
        .await
        .unwrap();
    assert_eq!(seen.borrow().as_deref(), Some(&ours));
    drop(seen);
    let gate = gate.restarted();
    let seen = gate.journal.configurations();
    assert_eq!(seen.borrow().as_deref(), Some(&ours));
}

#[test]
fn what_became_of_one_is_recorded_once_however_often_it_is_told() {
    let gate = Gate::new();
    let record = gate.commit(outcome(1, 7, ConfigOutcome::Live), 1_000);
    let RecordBody::Config(said) = record.record().body else {
        panic!("{record:?}")
    };
    assert_eq!(said.outcome, ConfigOutcome::Live);
    let again = |draft| {
        let stamp = Stamp {
            at: UnixMs(2_000),
            error_ms: Millis(0),
        };
        let request = CommitRequest { draft, stamp };
        gate.journal.commit_blocking(request)
    };
    let err = again(outcome(2, 7, ConfigOutcome::Live)).unwrap_err();
    assert!(matches!(err, JournalError::Rejected { .. }), "{err}");
    assert!(again(outcome(3, 7, ConfigOutcome::SetAside)).is_ok());
    assert!(again(outcome(4, 8, ConfigOutcome::Live)).is_ok());
}

#[tokio::test]
async fn what_an_older_program_left_out_is_asked_for_again() {
    let gate = Gate::new();
    let newer = r#"{"change": "lift-moved", "lift": 7}"#;
    let newer: FeedChange = serde_json::from_str(newer).unwrap();
    let changes = vec![newer.clone(), newer];
    gate.journal.apply_feed(feed(7, changes)).await.unwrap();
    assert_eq!(gate.number("SELECT count FROM unknown_changes"), 2);
    assert_eq!(gate.journal.cached().unwrap().cursor, 7, "others go on");
    // As if this program had learned of it since.
    gate.execute("UPDATE unknown_changes SET name = 'denied'");
    let gate = gate.restarted();
    assert_eq!(gate.journal.cached().unwrap().cursor, 0);
    gate.journal.apply_feed(feed(1, vec![])).await.unwrap();
    let gate = gate.restarted();
    assert_eq!(gate.journal.cached().unwrap().cursor, 1, "everything came");
}
