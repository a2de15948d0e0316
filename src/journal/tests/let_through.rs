//! Whom staff let through: a record and its passage, an opening once for each command, nobody's journey.

use super::*;
use fare_protocol::{CommandId, LetThrough, LetThroughBy};
use fare_rules::LetThroughDraft;

fn let_through(n: u64, by: LetThroughBy) -> Draft {
    Draft::LetThrough(LetThroughDraft {
        id: id(n),
        what: LetThrough {
            direction: Direction::Exit,
            by,
            reason: "phone is dead".parse().unwrap(),
        },
    })
}

fn passage_of(n: u64, of: u64, outcome: PassageOutcome) -> Draft {
    let Draft::Passage(passage) = passage(n, of, Direction::Exit, 1, 1_000, outcome) else {
        panic!("a passage is a passage");
    };
    Draft::Passage(PassageDraft {
        account: None,
        ..passage
    })
}

#[test]
fn it_is_a_link_of_the_chain_with_its_passage_and_nobodys_journey() {
    let gate = Gate::new();
    let record = gate.commit(let_through(1, LetThroughBy::Staff), 1_000);
    let RecordBody::LetThrough(said) = record.record().body else {
        panic!("{record:?}");
    };
    assert_eq!(said.by, LetThroughBy::Staff);
    let passed = gate.commit(passage_of(2, 1, PassageOutcome::Passed), 2_000);
    assert_eq!(passed.record().previous, record.hash());
    let facts = gate.journal.facts(account(1), &device(1)).unwrap();
    assert_eq!(facts.open_journey, None);
    assert!(
        gate.journal
            .recover(stamp(3_000), || id(9))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_power_cut_leaves_a_passage_of_unknown_outcome() {
    let gate = Gate::new();
    gate.commit(let_through(1, LetThroughBy::Staff), 1_000);
    let gate = gate.restarted();
    let recovered = gate.journal.recover(stamp(2_000), || id(2)).unwrap();
    assert_eq!(recovered.len(), 1);
    assert_eq!(recovered[0].confirmation.account, None);
    let RecordBody::Passage(passage) = recovered[0].passage.get().record().body else {
        panic!("a passage");
    };
    assert_eq!(
        (passage.confirmation, passage.outcome),
        (id(1), PassageOutcome::Unknown)
    );
}

#[test]
fn a_command_opens_once_also_after_a_restart() {
    let command = |n| LetThroughBy::Server(CommandId([n; 16]));
    let gate = Gate::new();
    gate.commit(let_through(1, command(7)), 1_000);
    gate.commit(passage_of(2, 1, PassageOutcome::Passed), 2_000);
    let again = |gate: &Gate, n: u64, draft: Draft| {
        let stamp = stamp(3_000);
        let request = CommitRequest { draft, stamp };
        let err = gate.journal.commit_blocking(request).unwrap_err();
        assert!(
            matches!(&err, JournalError::Rejected { id: of, detail, .. }
                     if *of == id(n) && detail.contains("opened once")),
            "{err}"
        );
    };
    again(&gate, 3, let_through(3, command(7)));
    let gate = gate.restarted();
    again(&gate, 4, let_through(4, command(7)));
    // Nothing of it is left behind: the chain goes on, and no passage is awaited.
    assert!(
        gate.journal
            .recover(stamp(4_000), || id(9))
            .unwrap()
            .is_empty()
    );
    let next = gate.commit(let_through(5, command(8)), 5_000);
    assert_eq!(next.record().seq, Seq(3));
}
