//! The conflict inbox: both records, a proposal, one decision, its postings, and what overtakes it.

use super::site::{NOW, Site};
use crate::gate::{Gate, Tap, account, upload};
use fare_protocol::{
    Annulment, ConflictId, Currency, Direction, Money, PassageOutcome, SignedRecord, UnixMs,
};
use fare_rules::conflict::{ConflictKind, Decision, Why};
use fare_rules::journey::EVIDENCE_WAIT;
use fare_server::inbox::{Ruling, RulingError, resolve};
use fare_server::intake::{Intake, IntakeError, check, expire};
use fare_server::store::{Case, End};

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn ruling(decision: Decision) -> Ruling {
    Ruling {
        decision,
        by: "Wang".to_owned(),
        reason: "asked the rider".to_owned(),
    }
}

fn charge(minor: i64) -> Ruling {
    ruling(Decision::Charge { fare: cny(minor) })
}

impl Site {
    /// The one conflict of this kind that stands.
    fn standing(&mut self, kind: ConflictKind) -> Case {
        let cases = self.database.read(|tx| tx.conflicts(false, 100)).unwrap();
        let mut cases = cases.into_iter().filter(|case| case.kind == kind);
        let case = cases.next().unwrap_or_else(|| panic!("no {kind:?} stands"));
        assert_eq!(cases.next(), None);
        case
    }

    fn resolve(&mut self, id: ConflictId, ruling: &Ruling, at: i64) -> Result<Case, RulingError> {
        let now = UnixMs(NOW.0 + at);
        let case = self.database.write(|tx| resolve(tx, id, ruling, now));
        assert!(self.books().balanced);
        case
    }

    fn expire(&mut self, now: UnixMs) -> usize {
        let settlement = &self.settlement;
        let done: Result<usize, IntakeError> =
            self.database.write(|tx| expire(settlement, tx, now));
        done.unwrap()
    }
}

fn ids(case: &Case) -> Vec<fare_protocol::RecordId> {
    let records = case.told.records.iter().flatten();
    records.map(|record| record.record().id).collect()
}

fn entered_twice() -> (Site, Gate, [SignedRecord; 2], [SignedRecord; 2]) {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let first = gate.passes(Direction::Entry, account(1), 1);
    let second = gate.passes(Direction::Entry, account(1), 90);
    site.send(&gate, &[&first[0], &first[1], &second[0], &second[1]]);
    (site, gate, first, second)
}

#[test]
fn a_conflict_holds_both_records_and_a_proposal_and_is_decided_once() {
    let (mut site, _, first, second) = entered_twice();
    let case = site.standing(ConflictKind::EntryTwice);
    assert_eq!(ids(&case), [first[0].record().id, second[0].record().id]);
    let signed = case.told.records[0].as_ref().unwrap();
    assert_eq!(signed.bytes(), first[0].bytes(), "as the gate signed it");
    assert_eq!(case.told.proposal.why, Why::LeastFare);
    assert_eq!(
        case.told.proposal.decision,
        Decision::Charge { fare: cny(300) },
        "the least fare from PGY"
    );
    let decided = site.resolve(case.id, &charge(300), 1).unwrap();
    assert!(matches!(decided.end, Some(End::Resolved(_))));
    assert_eq!(site.sums(), (-300, 0, 300));
    assert_eq!(
        site.resolve(case.id, &charge(300), 2).unwrap(),
        decided,
        "the same ruling again gets the same answer"
    );
    let refused = site.resolve(case.id, &charge(400), 3).unwrap_err();
    assert!(refused.to_string().contains("decided by Wang"), "{refused}");
    assert_eq!(site.sums(), (-300, 0, 300));
    assert_eq!(site.conflict_kinds(), [""; 0]);
}

#[test]
fn a_decision_about_a_charged_journey_reverses_and_charges_anew() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let exit = b.tap(Tap {
        direction: Direction::Exit,
        account: account(1),
        minute: 40,
        quoted: Some(cny(400)),
        names: None,
        code: 40,
    });
    site.send(&b, &[&exit]);
    let case = site.standing(ConflictKind::QuoteDiffers);
    assert_eq!(ids(&case).len(), 2, "the exit and its entry");
    let pending = site.resolve(case.id, &charge(500), 1).unwrap_err();
    assert!(matches!(pending, RulingError::PassagePending), "{pending}");
    site.send(&b, &[&b.passage(&exit, PassageOutcome::Passed)]);
    let before = site.books().postings;
    site.resolve(case.id, &charge(500), 2).unwrap();
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.books().postings, before + 2, "reversal and new charge");
    assert_eq!(
        site.journeys()[0].fare,
        Some(cny(400)),
        "as it was by itself"
    );
}

#[test]
fn a_late_record_overtakes_a_decision_which_is_reversed_and_raised_anew() {
    let (mut site, gate, _, second) = entered_twice();
    let case = site.standing(ConflictKind::EntryTwice);
    site.resolve(case.id, &charge(600), 1).unwrap();
    assert_eq!(site.sums(), (-600, 0, 600));
    // The exit between the two entries was on a gate that was offline.
    let other = Gate::new("GCH-01", "GCH");
    let register = |tx: &fare_server::store::Tx<'_>| tx.put_gate(&other.registered());
    site.database.write(register).unwrap();
    let late = other.passes(Direction::Exit, account(1), 30);
    site.send(&other, &late.each_ref());
    assert_eq!(site.sums(), (-300, 0, 300), "PGY to GCH, once");
    let overtaken = site.standing(ConflictKind::Overtaken);
    assert_eq!(ids(&overtaken).len(), 2);
    let decided = site.database.read(|tx| tx.conflict(case.id)).unwrap();
    let Some(End::Resolved(done)) = decided.unwrap().end else {
        panic!("the decision stays on record")
    };
    assert!(done.overtaken.is_some());
    // The reversed one can be decided anew, about what the journey is now.
    site.resolve(overtaken.id, &charge(0), 5).unwrap();
    assert_eq!(site.sums(), (0, 0, 0));
    let again = site.send(&gate, &[&second[0]]);
    assert!(again[0].contains("accepted"));
    assert_eq!(site.sums(), (0, 0, 0), "a repeat undoes nothing");
}

#[test]
fn an_exit_without_an_entry_is_charged_by_decision_until_its_entry_comes() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let exit = b.exit(account(1), 40);
    site.send(&b, &[&exit]);
    let case = site.standing(ConflictKind::ExitWithoutEntry);
    assert!(matches!(
        site.resolve(case.id, &charge(300), 1),
        Err(RulingError::PassagePending)
    ));
    site.send(&b, &[&b.passage(&exit, PassageOutcome::Passed)]);
    site.resolve(case.id, &charge(300), 2).unwrap();
    assert_eq!(site.sums(), (-300, 0, 300));
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    assert_eq!(site.sums(), (-500, 0, 500), "the journey, and only that");
    site.standing(ConflictKind::Overtaken);
}

#[test]
fn what_was_kept_stays_decided_and_gates_move_no_money() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let first = gate.entry(account(1), 1);
    let _lost = gate.entry(account(2), 2);
    let third = gate.entry(account(3), 3);
    site.send(&gate, &[&first, &third]);
    let gap = site.standing(ConflictKind::ChainGap);
    assert_eq!(ids(&gap), [first.record().id, third.record().id]);
    let refused = site.resolve(gap.id, &charge(300), 1).unwrap_err();
    assert!(refused.to_string().contains("moves no money"), "{refused}");
    let blank = Ruling {
        reason: "  ".to_owned(),
        ..ruling(Decision::Keep)
    };
    let refused = site.resolve(gap.id, &blank, 1).unwrap_err();
    assert!(refused.to_string().contains("`reason`"), "{refused}");
    site.resolve(gap.id, &ruling(Decision::Keep), 1).unwrap();
    site.send(&gate, &[&gate.entry(account(4), 4)]);
    assert_eq!(
        site.conflict_kinds(),
        [""; 0],
        "the same gap is not raised again"
    );
    let nothing = ConflictId([0; 16]);
    assert!(matches!(
        site.resolve(nothing, &ruling(Decision::Keep), 1),
        Err(RulingError::NoConflict(_))
    ));
}

#[test]
fn a_fork_is_shown_with_the_record_that_stays_and_the_one_that_was_refused() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let (first, second) = (gate.entry(account(1), 1), gate.entry(account(2), 2));
    site.send(&gate, &[&first, &second]);
    gate.rewind(&first);
    let other = gate.entry(account(3), 3);
    site.send(&gate, &[&other]);
    let fork = site.standing(ConflictKind::ChainFork);
    assert_eq!(ids(&fork), [second.record().id, other.record().id]);
}

#[test]
fn one_credential_at_two_gates_is_a_double_entry_that_costs_once() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("PGY-02", "PGY"));
    let out = Gate::new("XDN-02", "XDN");
    let mut site = Site::new(&[&a, &b, &out]);
    for gate in [&a, &b] {
        let entry = gate.tap(Tap {
            direction: Direction::Entry,
            account: account(1),
            minute: 1,
            quoted: None,
            names: None,
            code: 9,
        });
        let passed = gate.passage(&entry, PassageOutcome::Passed);
        site.send(gate, &[&entry, &passed]);
    }
    site.send(
        &out,
        &out.passes(Direction::Exit, account(1), 40).each_ref(),
    );
    assert_eq!(site.conflict_kinds(), ["double-entry", "same-code"]);
    let case = site.standing(ConflictKind::DoubleEntry);
    assert_eq!(case.told.proposal.decision, Decision::Keep);
    assert_eq!(case.told.proposal.why, Why::OneRide);
    assert_eq!(site.sums(), (-500, 0, 500));
}

#[test]
fn a_clock_out_of_bounds_is_shown_once_for_its_gate() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let days = 24 * 60;
    // Five days on the server's clock is now; the gate is ahead, then goes back.
    let ahead: Vec<_> = (1..4)
        .map(|n| gate.entry_at(account(n), 5 * days + i64::from(n) * 10))
        .collect();
    let back = gate.entry_at(account(4), 1);
    site.send(&gate, &[&ahead[0], &ahead[1], &ahead[2], &back]);
    let cases = site.database.read(|tx| tx.conflicts(false, 100)).unwrap();
    let of_clock = |case: &&Case| case.kind == ConflictKind::ClockOutOfBounds;
    let mut subjects: Vec<_> = cases.iter().filter(of_clock).map(|c| &c.subject).collect();
    subjects.sort();
    assert_eq!(subjects, ["ahead", "backwards"]);
    assert_eq!(
        site.journeys().len(),
        4,
        "the records are taken all the same"
    );
}

#[test]
fn an_annulled_tap_voids_its_hold_and_a_repeat_of_it_does_nothing_more() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    for (n, why) in [
        Annulment::TimedOut,
        Annulment::Cancelled,
        Annulment::NotOpened,
    ]
    .into_iter()
    .enumerate()
    {
        let exit = b.exit(account(1), 40 + i64::try_from(n).unwrap());
        site.send(&b, &[&exit]);
        assert_eq!(site.sums(), (-500, 500, 0), "held at the tap");
        let annulled = b.passage(&exit, PassageOutcome::Annulled(why));
        for _ in 0..2 {
            site.send(&b, &[&annulled]);
            assert_eq!(site.sums(), (0, 0, 0), "{why:?}");
        }
        assert_eq!(site.journeys()[0].state, "open");
    }
    assert_eq!(site.books().postings, 6, "three holds, three voids");
    assert_eq!(site.conflict_kinds(), [""; 0]);
}

/// An entry that passed and an exit of which the gate cannot tell.
fn unknown_exit() -> (Site, Gate, Gate) {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let exit = b.exit(account(1), 40);
    let unknown = b.passage(&exit, PassageOutcome::Unknown);
    site.send(&b, &[&exit, &unknown]);
    assert_eq!(site.sums(), (-500, 500, 0), "held, not captured");
    assert_eq!(site.conflict_kinds(), ["passage-unknown"]);
    let untold = site.database.read(|tx| tx.counts()).unwrap().untold;
    assert_eq!(untold, 1, "visible in the books");
    (site, a, b)
}

#[test]
fn an_unknown_exit_is_captured_once_an_entry_shows_that_the_rider_was_outside() {
    let (mut site, a, _) = unknown_exit();
    let entry = a.entry(account(1), 200);
    site.send(&a, &[&entry]);
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.conflict_kinds(), [""; 0]);
    let annulled = a.passage(&entry, PassageOutcome::Annulled(Annulment::TimedOut));
    site.send(&a, &[&annulled]);
    assert_eq!(site.sums(), (-500, 0, 500), "standing there was enough");
}

#[test]
fn an_unknown_exit_is_voided_once_an_exit_shows_that_the_rider_was_inside() {
    let (mut site, _, b) = unknown_exit();
    site.send(&b, &b.passes(Direction::Exit, account(1), 42).each_ref());
    assert_eq!(site.sums(), (-500, 0, 500), "charged once, for the second");
    assert_eq!(site.conflict_kinds(), [""; 0]);
    assert_eq!(site.journeys()[0].state, "closed");
}

#[test]
fn an_unknown_exit_is_voided_when_nothing_tells_in_time_and_captured_when_something_does() {
    let (mut site, a, _) = unknown_exit();
    let last = NOW.after(EVIDENCE_WAIT);
    assert_eq!(site.expire(last), 0);
    assert_eq!(site.expire(UnixMs(last.0 + 1)), 1);
    assert_eq!(site.expire(UnixMs(last.0 + 2)), 0, "once");
    assert_eq!(site.sums(), (0, 0, 0));
    let case = site.standing(ConflictKind::PassageUnknown);
    assert_eq!(case.told.proposal.why, Why::NoEvidence);
    site.send(&a, &a.passes(Direction::Entry, account(1), 200).each_ref());
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.conflict_kinds(), [""; 0]);
}

#[test]
fn an_unknown_exit_that_was_voided_can_be_charged_by_a_person() {
    let (mut site, a, _) = unknown_exit();
    let case = site.standing(ConflictKind::PassageUnknown);
    let pending = site.resolve(case.id, &charge(500), 1).unwrap_err();
    assert!(matches!(pending, RulingError::PassagePending), "{pending}");
    site.expire(UnixMs(NOW.after(EVIDENCE_WAIT).0 + 1));
    site.resolve(case.id, &charge(500), 2).unwrap();
    assert_eq!(site.sums(), (-500, 0, 500));
    site.send(&a, &a.passes(Direction::Entry, account(1), 200).each_ref());
    assert_eq!(site.sums(), (-500, 0, 500), "never twice");
}

#[test]
fn an_unknown_entry_lets_the_rider_out_and_costs_nothing_by_itself() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    for again in [Direction::Entry, Direction::Exit] {
        let mut site = Site::new(&[&a, &b]);
        let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
        let entry = a.entry(account(1), 1);
        let unknown = a.passage(&entry, PassageOutcome::Unknown);
        site.send(&a, &[&entry, &unknown]);
        assert_eq!(
            site.news(0).changes.len(),
            1,
            "gates know the rider as inside"
        );
        assert_eq!(site.conflict_kinds(), ["passage-unknown"]);
        let (gate, fare) = match again {
            Direction::Entry => (&a, 0),
            Direction::Exit => (&b, 500),
        };
        site.send(gate, &gate.passes(again, account(1), 5).each_ref());
        assert_eq!(site.sums(), (-fare, 0, fare), "{again:?}");
        assert_eq!(site.conflict_kinds(), [""; 0], "{again:?}");
    }
}

#[test]
fn a_decision_is_whole_or_not_at_all() {
    let (mut site, _, _, _) = entered_twice();
    let case = site.standing(ConflictKind::EntryTwice);
    let work = |tx: &fare_server::store::Tx<'_>| -> Result<(), RulingError> {
        resolve(tx, case.id, &charge(300), NOW)?;
        Err(RulingError::PassagePending)
    };
    site.database.write(work).unwrap_err();
    assert_eq!(site.sums(), (0, 0, 0));
    site.resolve(case.id, &charge(300), 1).unwrap();
}

#[test]
fn repeats_and_batches_of_any_cut_raise_nothing_twice() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let records: Vec<_> = (1..=9)
        .map(|minute| gate.entry(account(1), minute))
        .collect();
    let registered = gate.registered();
    for cut in [
        &records[6..9],
        &records[0..2],
        &records[6..9],
        &records[1..9],
    ] {
        let checked: Vec<_> = cut
            .iter()
            .map(|record| check(&upload(record), &registered))
            .collect();
        let settlement = &site.settlement;
        let done: Result<_, IntakeError> = site
            .database
            .write(|tx| Intake::new(settlement, tx, registered, NOW).take(&checked));
        let gaps = done.unwrap().conflicts;
        assert!(gaps.len() <= 1, "{gaps:?}");
    }
    let all = site.database.read(|tx| tx.conflicts(true, 100)).unwrap();
    assert_eq!(all.len(), 1, "one gap, cleared: {all:?}");
    assert!(matches!(all[0].end, Some(End::Cleared(NOW))));
}
