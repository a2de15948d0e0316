//! Pay codes: the server is asked, and what happens until it answers, or when it does not.

use super::*;
use fare_protocol::CodeRef;

fn yes(facts: Facts) -> Said {
    Said::Yes(facts)
}

/// What the server knows of who entered a minute ago, for 4.00.
fn inside(rider: u8) -> Facts {
    Facts {
        open_journey: Some(open_journey(rider, START)),
        quote: Some(quote(400)),
        cache_as_of: Some(START),
        ..Facts::default()
    }
}

/// A gate that admits so many an hour when the server says nothing.
fn admitting(role: Role, per_hour: u16) -> Gate {
    let mut policy = policy(role);
    policy.pay_codes.without_server = WithoutServer::Admit { per_hour };
    Gate::with(policy, Mode::Normal)
}

#[test]
fn the_server_says_yes() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 payer(1) => "ask about entry, show asking, wake in 300 ms";
         33 payer(1) => NOTHING;
         80 answered(1, yes(Facts::default())) => "commit entry confirmation, wake in 3000 ms";
         90 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        500 Passed => "commit passage: passed, note passed after 410 ms, close, wake in 3000 ms";
        520 passage_committed(1) => "show ready";
        600 payer(1) => NOTHING;
    });
}

#[test]
fn an_exit_is_priced_by_what_the_server_says() {
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    gate.run(day! {
         0 payer(1) => "ask about exit, show asking, wake in 300 ms";
        80 answered(1, yes(inside(1))) => "commit exit confirmation, wake in 3000 ms";
        90 committed(1) => "open, show admitted for CNY 4.00, note admitted, wake in 5000 ms";
    });
}

#[test]
fn at_a_gate_for_both_the_answer_says_which_way() {
    let mut gate = Gate::new(Role::Both, Mode::Normal);
    gate.run(day! {
         0 payer(1) => "ask about entry, show asking, wake in 300 ms";
        80 answered(1, yes(inside(1))) => "commit exit confirmation, wake in 3000 ms";
    });
}

#[test]
fn the_server_says_no() {
    let mut gate = Gate::entry();
    let no = || answered(1, Said::No(Refusal::PayCodeNotAccepted));
    gate.run(day! {
             0 payer(1) => "ask about entry, show asking, wake in 300 ms";
            80 no() => "note pay-code-not-accepted, show pay-code-not-accepted, wake in 3000 ms";
        // The phone is still there: the same tap, and nobody is asked again.
           100 payer(2) => "ask about entry 2, show asking, wake in 300 ms";
           120 no() => NOTHING;
           400 Deadline => "note server-silent, show server-silent, wake in 3000 ms";
           410 Event::Tap(Box::new(pay_tap(9, 1))) => "show pay-code-not-accepted, wake in 3000 ms";
        10_081 Event::Tap(Box::new(pay_tap(4, 1))) => "ask about entry 4, show asking, wake in 300 ms";
    });
}

#[test]
fn a_yes_does_not_overrule_the_gate() {
    let mut gate = Gate::entry();
    gate.run(day! {
         0 payer(1) => "ask about entry, show asking, wake in 300 ms";
        80 answered(1, yes(inside(1))) => "note passback, show passback, wake in 3000 ms";
    });
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    let knows_none = Facts {
        cache_as_of: Some(START),
        ..Facts::default()
    };
    gate.run(day! {
         0 payer(1) => "ask about exit, show asking, wake in 300 ms";
        80 answered(1, yes(knows_none)) => "note no-entry, show no-entry, wake in 3000 ms";
    });
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 payer(1) => "ask about entry, show asking, wake in 300 ms";
        299 Deadline => "wake in 1 ms";
        300 Deadline => "note server-silent, show server-silent, wake in 3000 ms";
        // Too late: the rider has been told.
        310 answered(1, yes(Facts::default())) => NOTHING;
    });
    gate.is("idle");
}

#[test]
fn a_network_that_is_gone_is_not_waited_for_at_all() {
    let mut gate = Gate::entry();
    gate.run(day! {
        0 payer(1) => "ask about entry, show asking, wake in 300 ms";
        5 answered(1, Said::Nothing) => "note server-silent, show server-silent, wake in 3000 ms";
    });
}

#[test]
fn a_policy_admits_without_the_server_so_many_an_hour() {
    let mut gate = admitting(Role::Entry, 1);
    gate.run(day! {
              0 payer(1) => "ask about entry, show asking, wake in 300 ms";
            300 Deadline => "commit entry confirmation, wake in 3000 ms";
            310 answered(1, Said::No(Refusal::Denied)) => NOTHING;
            320 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
            800 Passed => "commit passage: passed, note passed after 480 ms, close, wake in 3000 ms";
            810 passage_committed(1) => "show ready";
          1_000 payer(2) => "ask about entry 2, show asking, wake in 300 ms";
          1_001 answered(2, Said::Nothing) => "note server-silent, show server-silent, wake in 3000 ms";
      3_700_000 payer(3) => "ask about entry 3, show asking, wake in 300 ms";
    });
}

#[test]
fn without_the_server_the_gates_own_rules_hold() {
    let mut gate = admitting(Role::Entry, 9);
    let mut tap = pay_tap(1, 1);
    tap.facts.open_journey = Some(open_journey(1, START));
    gate.run(day! {
          0 Event::Tap(Box::new(tap)) => "ask about entry, show asking, wake in 300 ms";
        300 Deadline => "note passback, show passback, wake in 3000 ms";
    });
    let mut denied = pay_tap(2, 2);
    denied.facts.denied = true;
    gate.run(day! {
        5_000 Event::Tap(Box::new(denied)) => "note denied, show denied, wake in 3000 ms";
    });
}

#[test]
fn who_needs_no_answer_does_not_wait_for_one() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 payer(1) => "ask about entry, show asking, wake in 300 ms";
         10 poster(2) => NOTHING;
         20 payer(3) => NOTHING;
         40 rider(4) => "commit entry confirmation 4, wake in 3000 ms";
         50 answered(1, yes(Facts::default())) => NOTHING;
         60 committed(4) => "open, show admitted, note admitted, wake in 5000 ms";
    });
}

#[test]
fn the_next_pay_code_has_its_turn_when_the_first_is_answered() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 payer(1) => "ask about entry, show asking, wake in 300 ms";
         20 payer(2) => NOTHING;
        300 Deadline => "note server-silent, show server-silent, wake in 3000 ms";
        320 payer(2) => "ask about entry 2, show asking, wake in 300 ms";
    });
}

#[test]
fn nothing_is_asked_where_nobody_can_be_admitted() {
    let mut gate = Gate::new(Role::Entry, Mode::Closed);
    gate.run(day! {
        0 payer(1) => "note gate-closed, show gate-closed, wake in 3000 ms";
    });
    let mut gate = Gate::entry();
    gate.run(day! {
        0 BarrierFailed => "note barrier failed, show out of service, wake in 5000 ms";
        1 payer(1) => "note barrier-fault, show barrier-fault, wake in 3000 ms";
    });
}

#[test]
fn a_question_lapses_when_the_lane_has_other_cares() {
    for (event, effects, state) in [
        (
            FireAlarm(true),
            "open for all, note fire alarm, show free passage",
            "free-passage",
        ),
        (
            set(Mode::Closed),
            "note mode changed, show closed",
            "closed",
        ),
        (
            BarrierFailed,
            "note barrier failed, show out of service, wake in 5000 ms",
            "fault",
        ),
        (Shutdown, "show out of service, finished", "idle"),
    ] {
        let mut gate = Gate::entry();
        gate.on(0, payer(1));
        assert_eq!(gate.on(10, event), effects);
        gate.is(state);
        assert_eq!(gate.on(20, answered(1, yes(Facts::default()))), NOTHING);
    }
}

#[test]
fn the_confirmation_says_whether_the_server_knows_the_code() {
    let drafted = |gate: &mut Gate, event| {
        let (lane, effects) = gate.lane.clone().on(event, at(300));
        gate.lane = lane;
        let draft = effects.into_iter().find_map(|effect| {
            if let Effect::Commit(Draft::Confirmation(draft)) = effect {
                Some(draft)
            } else {
                None
            }
        });
        draft.unwrap()
    };
    let mut gate = admitting(Role::Entry, 1);
    gate.on(0, payer(1));
    let draft = drafted(&mut gate, answered(1, yes(Facts::default())));
    let (answered_it, entry) = (true, None);
    let used = Used::PayCode {
        answered: answered_it,
        entry,
    };
    assert_eq!(draft.used, used);
    assert_eq!((draft.id, draft.account), (confirmation(1), account(1)));
    assert_eq!(draft.code_ref, CodeRef([1; 16]), "of this showing alone");
    let mut gate = admitting(Role::Entry, 1);
    gate.on(0, payer(1));
    let draft = drafted(&mut gate, Deadline);
    let used = Used::PayCode {
        answered: false,
        entry: None,
    };
    assert_eq!(draft.used, used);
    assert_eq!(draft.id, confirmation(1), "the id that was asked with");
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    gate.on(0, payer(1));
    let draft = drafted(&mut gate, answered(1, yes(inside(1))));
    assert_eq!(draft.used.entry(), Some(open_journey(1, START).entry));
}
