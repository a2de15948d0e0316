//! Chains: once, in order, no forks, gaps shown until they are filled; poison refuses only itself.

use super::site::{Site, refusal};
use crate::gate::{Gate, account, upload};
use fare_protocol::wire::Envelope;
use fare_protocol::{Direction, PassageOutcome};

#[test]
fn a_repeat_gets_the_first_answer_byte_for_byte_and_changes_nothing() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("GCH-01", "GCH"));
    let mut site = Site::new(&[&a, &b]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    let exit = b.passes(Direction::Exit, account(1), 9);
    let first_entry = site.send(&a, &entry.each_ref());
    let first_exit = site.send(&b, &exit.each_ref());
    let (journeys, postings) = (site.journeys(), site.books().postings);
    for _ in 0..3 {
        assert_eq!(site.send(&a, &entry.each_ref()), first_entry);
        assert_eq!(
            site.send(&b, &[&exit[0], &exit[1], &exit[0]])[..2],
            first_exit[..]
        );
    }
    assert_eq!(
        (site.journeys(), site.books().postings),
        (journeys, postings)
    );
    assert_eq!(site.sum("fare-revenue"), 300);
    assert!(site.conflicts().is_empty());
}

#[test]
fn a_repeat_is_known_even_after_the_gate_got_a_new_key() {
    let old = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&old]);
    let entry = old.entry(account(1), 1);
    let first = site.send(&old, &[&entry]);
    let mut new = Gate::new("PGY-01", "PGY");
    new.key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    assert_eq!(site.send(&new, &[&entry]), first);
    let next = old.entry(account(2), 2);
    assert_eq!(refusal(&site.send(&new, &[&next])[0]), "bad-signature");
}

#[test]
fn a_fork_is_refused_kept_and_shown() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let first = gate.entry(account(1), 1);
    let second = gate.entry(account(2), 2);
    site.send(&gate, &[&first, &second]);
    // The same place once more.
    gate.rewind(&first);
    let other = gate.entry(account(3), 3);
    let refused = site.send(&gate, &[&other]);
    assert_eq!(refusal(&refused[0]), "fork");
    assert_eq!(
        site.send(&gate, &[&other]),
        refused,
        "the refusal is repeated byte for byte"
    );
    // The next place, upon a record that the server does not have there.
    let third = gate.entry(account(4), 4);
    assert_eq!(refusal(&site.send(&gate, &[&third])[0]), "fork");
    assert_eq!(site.conflict_kinds(), ["chain-fork", "chain-fork"]);
    assert_eq!(site.journeys().len(), 2);
    // What follows the chain that stands is taken.
    gate.rewind(&second);
    let good = gate.entry(account(5), 5);
    assert!(site.send(&gate, &[&good])[0].contains("accepted"));
}

#[test]
fn a_first_record_that_follows_something_is_a_fork() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let nothing = gate.entry(account(1), 1);
    let again = Gate::new("PGY-01", "PGY");
    again.rewind(&nothing);
    let follower = again.entry(account(2), 2);
    let mut record = *follower.record();
    record.seq = fare_protocol::Seq::FIRST;
    let forged = record.sign(&gate.key);
    assert_eq!(refusal(&site.send(&gate, &[&forged])[0]), "fork");
}

#[test]
fn a_gap_is_shown_until_it_is_filled() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let records = (1..=6)
        .map(|minute| gate.entry(account(1), minute))
        .collect::<Vec<_>>();
    let gaps = |site: &mut Site| {
        let conflicts = site
            .conflicts()
            .into_iter()
            .filter(|c| c.kind == "chain-gap");
        conflicts.map(|c| (c.about, c.detail)).collect::<Vec<_>>()
    };
    let one = |detail: &str| vec![("gate PGY-01".to_owned(), detail.to_owned())];
    for (sent, gap) in [
        (1, ""),
        (5, "records 2 to 4 have not arrived"),
        (6, "records 2 to 4 have not arrived"),
        (2, "records 3 to 4 have not arrived"),
        (4, "record 3 has not arrived"),
        (3, ""),
    ] {
        let answer = site.send(&gate, &[&records[sent - 1]]);
        assert!(answer[0].contains("accepted"), "{answer:?}");
        let expected = if gap.is_empty() { vec![] } else { one(gap) };
        assert_eq!(gaps(&mut site), expected, "after record {sent}");
    }
}

#[test]
fn what_fills_a_gap_must_fit_what_follows_it() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let first = gate.entry(account(1), 1);
    let _second = gate.entry(account(2), 2);
    let third = gate.entry(account(3), 3);
    site.send(&gate, &[&first, &third]);
    gate.rewind(&first);
    let false_second = gate.entry(account(4), 4);
    assert_eq!(refusal(&site.send(&gate, &[&false_second])[0]), "fork");
    assert_eq!(
        site.conflict_kinds(),
        ["chain-fork", "chain-gap", "entry-twice"][..2]
    );
}

#[test]
fn poison_refuses_only_itself() {
    let (gate, other) = (Gate::new("PGY-01", "PGY"), Gate::new("GCH-01", "GCH"));
    let mut site = Site::new(&[&gate, &other]);
    let first = gate.entry(account(1), 1);
    let foreign = other.entry(account(2), 2);
    let mut unsigned = upload(&gate.entry(account(3), 3));
    *unsigned.envelope.0.last_mut().unwrap() ^= 1;
    gate.rewind(&first);
    let good = gate.passage(&first, PassageOutcome::Passed);
    let mut truncated = upload(&first);
    truncated.envelope.0.truncate(40);
    let mut renamed = upload(&first);
    renamed.id = foreign.record().id;
    let empty = fare_protocol::wire::UploadRecord {
        id: renamed.id,
        envelope: Envelope(vec![]),
    };
    let batch = [
        upload(&first),
        truncated,
        renamed,
        empty,
        upload(&foreign),
        unsigned,
        upload(&good),
    ];
    let answers = site.send_raw(&gate, &batch);
    let codes = answers[1..6]
        .iter()
        .map(|answer| refusal(answer))
        .collect::<Vec<_>>();
    let expected = [
        "malformed",
        "malformed",
        "malformed",
        "wrong-gate",
        "bad-signature",
    ];
    assert_eq!(codes, expected);
    assert!(answers[0].contains("accepted") && answers[6].contains("accepted"));
    assert_eq!(site.journeys()[0].state, "open");
}

#[test]
fn an_id_is_used_once() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let first = gate.entry(account(1), 1);
    let mut second = *gate.entry(account(1), 2).record();
    second.id = first.record().id;
    let second = second.sign(&gate.key);
    let answers = site.send(&gate, &[&first, &second]);
    assert_eq!(refusal(&answers[1]), "fork");
}
