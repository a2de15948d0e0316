//! Every state meets every event once; what follows is `docs/lane.md`.

use super::*;
use crate::lane::*;
use crate::sample::assert_documented;

const INTRODUCTION: &str = "\
# The lane

What the lane of a gate does: for each state, each event, the state that follows and the effects in
their order. *Its* confirmation or passage is the one of the ride under way, or the record of who is
let through. *Remembered* means that
there is nothing to do now, but that it will count later. An event that a state does not list is
ignored.

- The lane opens for a rider only in answer to the journal's word that this rider's confirmation is
  committed. `open for all` is fire and the modes free and emergency.
- Staff let one person through the same way: recorded first, then opened, then the passage recorded;
  also where the gate is closed or the barrier failed before. Nobody is charged. A gate that leads the
  other way, is shutting down, or has somebody in it, ignores it, and whoever asked is told so.
- A passage that comes in the last moment counts: the barrier is told to close first, and the
  annulment is drafted half a second later, or later still while somebody is in the lane. A passage
  after that is noted; the record stays as it is.
- A rider with a pay code waits for the server's answer until the deadline of `[pay_codes]`; then the gate's own
  policy decides (`without_server`). Who needs no answer and comes meanwhile is admitted, and the question lapses.
- A ride that a fire alarm interrupts gets the passage *unknown*: the barrier is open for all, so
  nobody can tell whether this rider went through.
- A passage that the journal cannot commit is tried again every quarter of a second, with the same
  id.
- A shutdown is finished within 1900 ms. What is not committed by then the journal records as
  *unknown* at its next start.

The times are those of a policy with `passage_timeout_ms = 5000`, `refusal_shown_ms = 3000` and pay codes at
their defaults; the others are constants of `crates/fare-rules/src/lane/policy.rs`. This file is generated:
`UPDATE_DOCS=1 cargo nextest run -p fare-rules documented`.
";

/// When the states of the table are reached, and their events come.
const NOW: i64 = 100;

/// A name and the events that lead there.
fn states() -> Vec<(&'static str, Lane)> {
    let entry = Lane::new(policy(Role::Entry), Modes::default());
    let closed = Lane::new(policy(Role::Entry), Modes::both(Mode::Closed));
    let after = |lane: &Lane, events: Vec<Event>| {
        let start = lane.clone().on(Deadline, at(0)).0;
        events
            .into_iter()
            .fold(start, |lane, event| lane.on(event, at(NOW)).0)
    };
    let deciding = after(&entry, vec![rider(1)]);
    let releasing = after(&deciding, vec![committed(1)]);
    let passing = after(&releasing, vec![BarrierOpened]);
    vec![
        ("Closed", after(&closed, vec![])),
        ("Idle", after(&entry, vec![])),
        ("Asking", after(&entry, vec![payer(1)])),
        ("Deciding", deciding.clone()),
        (
            "Deciding, staff let somebody through",
            after(&entry, vec![let_through::asked(1)]),
        ),
        ("Releasing", releasing.clone()),
        ("Passing", passing.clone()),
        (
            "Restoring, barrier closing",
            after(&releasing, vec![BarrierFailed]),
        ),
        (
            "Restoring, passage in the journal",
            after(&passing, vec![Passed]),
        ),
        (
            "FreePassage, no ride under way",
            after(&entry, vec![FireAlarm(true)]),
        ),
        (
            "FreePassage, confirmation in the journal",
            after(&deciding, vec![FireAlarm(true)]),
        ),
        (
            "FreePassage, passage in the journal",
            after(&passing, vec![FireAlarm(true)]),
        ),
        ("Fault", after(&entry, vec![BarrierFailed])),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("Tap, in order", rider(1)),
        ("Tap, not in order", poster(8)),
        ("Tap, a pay code", payer(3)),
        ("Answered, yes", answered(1, Said::Yes(Facts::default()))),
        (
            "Answered, no",
            answered(1, Said::No(Refusal::PayCodeNotAccepted)),
        ),
        ("Answered, nothing", answered(1, Said::Nothing)),
        ("Answered, another", answered(7, Said::Nothing)),
        ("LetThrough, this way", let_through::asked(1)),
        ("Committed, its confirmation", committed(1)),
        ("CommitFailed, its confirmation", not_committed(1)),
        ("Committed, its passage", passage_committed(1)),
        ("CommitFailed, its passage", passage_not_committed(1)),
        ("Committed, another", committed(7)),
        ("CommitFailed, another", not_committed(7)),
        ("BarrierOpened", BarrierOpened),
        ("BarrierFailed", BarrierFailed),
        ("Passed", Passed),
        ("Obstructed, yes", Obstructed(true)),
        ("Obstructed, no", Obstructed(false)),
        ("FireAlarm, on", FireAlarm(true)),
        ("FireAlarm, off", FireAlarm(false)),
        ("SetMode, normal", set(Mode::Normal)),
        ("SetMode, closed", set(Mode::Closed)),
        ("SetMode, free", set(Mode::Free)),
        ("SetMode, emergency", set(Mode::Emergency)),
        ("Shutdown", Shutdown),
        ("Deadline, when due", Deadline),
    ]
}

/// Nothing when nothing follows.
fn row(lane: &Lane, name: &str, event: Event) -> Option<String> {
    let now = match lane.memory.wake.filter(|_| event == Deadline) {
        Some(at) => Stamp {
            at,
            error_ms: Millis(0),
        },
        None => at(NOW),
    };
    let (next, effects) = lane.clone().on(event, now);
    let said = say(&effects, now.at);
    let (before, after) = (lane.state_name(), next.state_name());
    let wake = lane.memory.wake;
    let effects = match said.as_str() {
        "" if before != after => "-",
        "" if next.state == lane.state
            && Memory {
                wake,
                ..next.memory
            } == lane.memory =>
        {
            return None;
        }
        "" => "remembered",
        said => said,
    };
    let next = if before == after { "-" } else { after };
    Some(format!("| {name} | {next} | {effects} |\n"))
}

fn table() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (name, lane) in states() {
        text.push_str(&format!(
            "\n## {name}\n\n| event | next | effects |\n|---|---|---|\n"
        ));
        text.extend(
            events()
                .into_iter()
                .filter_map(|(name, event)| row(&lane, name, event)),
        );
    }
    text
}

#[test]
fn every_state_and_event_is_documented() {
    assert_documented("lane.md", &table());
}

#[test]
fn every_state_is_in_the_table() {
    let names: std::collections::BTreeSet<_> =
        states().iter().map(|(_, lane)| lane.state_name()).collect();
    assert_eq!(names.len(), 9, "{names:?}");
}
