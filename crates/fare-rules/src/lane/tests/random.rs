//! Anything may happen in any order: what must hold all the same.
//!
//! Goal: the lane's promises, checked after each of up to 60 random events. Method: a world that
//! behaves like journal, barrier and clock keeps its own books of what the lane asked for; at the
//! end it answers everything and lets time pass until the lane is at rest, or shuts down.

use super::*;
use crate::lane::*;
use fare_protocol::{CodeRef, RecordId, UnixMs};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Signing is slow, so all riders make their code once.
static CODES: LazyLock<Vec<VerifiedRideCode>> = LazyLock::new(|| (0..4).map(code).collect());

/// Riders whom the lane admits within an hour when the server says nothing.
const UNASKED_MAX: u16 = 3;

#[derive(Clone, Debug)]
enum Act {
    Tap {
        rider: u8,
        inside: bool,
        denied: bool,
    },
    Disbelieved {
        n: u8,
        refusal: Refusal,
    },
    /// A pay code is shown.
    Pays {
        rider: u8,
        inside: bool,
    },
    /// The server answers the question under way, or one before it.
    Says {
        back: u8,
        said: Said,
    },
    LetThrough(Direction),
    Answer {
        committed: bool,
    },
    Stale {
        n: u8,
        committed: bool,
    },
    Tell(Event),
    Wake,
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let some = vec![Mode::Normal, Mode::Closed, Mode::Emergency, Mode::Free];
    let mode = prop::sample::select(some);
    let modes = (mode.clone(), mode).prop_map(|(entry, exit)| Modes { entry, exit });
    let refusal = prop::sample::select(vec![Refusal::NotOurs, Refusal::BadSignature]);
    let said = prop::sample::select(vec![
        Said::Yes(Facts::default()),
        Said::No(Refusal::PayCodeNotAccepted),
        Said::Nothing,
    ]);
    prop_oneof![
        8 => (0..4_u8, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(rider, inside, denied)| Act::Tap { rider, inside, denied }),
        1 => (10..14_u8, refusal).prop_map(|(n, refusal)| Act::Disbelieved { n, refusal }),
        4 => (0..4_u8, any::<bool>()).prop_map(|(rider, inside)| Act::Pays { rider, inside }),
        4 => (prop::sample::select(vec![0, 0, 0, 1]), said)
            .prop_map(|(back, said)| Act::Says { back, said }),
        2 => prop::sample::select(vec![Direction::Entry, Direction::Exit]).prop_map(Act::LetThrough),
        8 => prop::bool::weighted(0.8).prop_map(|committed| Act::Answer { committed }),
        1 => (0..60_u8, any::<bool>()).prop_map(|(n, committed)| Act::Stale { n, committed }),
        4 => Just(Act::Tell(BarrierOpened)),
        1 => Just(Act::Tell(BarrierFailed)),
        4 => Just(Act::Tell(Passed)),
        2 => any::<bool>().prop_map(|on| Act::Tell(Obstructed(on))),
        1 => any::<bool>().prop_map(|on| Act::Tell(FireAlarm(on))),
        1 => modes.prop_map(|modes| Act::Tell(SetMode(modes))),
        6 => Just(Act::Wake),
        4 => (0..4_000_i64).prop_map(Act::Wait),
    ]
}

/// What the world outside the lane knows.
struct World {
    lane: Lane,
    now: i64,
    wake: Option<UnixMs>,
    taps: u8,
    fire: bool,
    modes: Modes,
    /// Handed to the journal, not answered, oldest first.
    pending: Vec<Draft>,
    committed: BTreeSet<RecordId>,
    opened: BTreeSet<RecordId>,
    /// Records of people whom staff let through.
    let_through: BTreeSet<RecordId>,
    /// The one passage of each confirmation.
    passages: BTreeMap<RecordId, PassageDraft>,
    /// When each code was last confirmed.
    confirmed: BTreeMap<CodeRef, i64>,
    barrier_open: bool,
    /// What the server was asked, the newest last.
    asked: Vec<(RecordId, i64)>,
    /// Who was admitted without its word; all within one hour.
    unasked: u16,
    shutdown: Option<i64>,
    finished: Option<i64>,
}

impl World {
    fn new() -> Self {
        let mut policy = policy(Role::Both);
        policy.pay_codes.without_server = WithoutServer::Admit {
            per_hour: UNASKED_MAX,
        };
        let lane = Lane::new(policy, Modes::default());
        let mut world = Self {
            lane,
            now: 0,
            wake: None,
            taps: 0,
            fire: false,
            modes: Modes::default(),
            pending: Vec::new(),
            committed: BTreeSet::new(),
            opened: BTreeSet::new(),
            let_through: BTreeSet::new(),
            passages: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            barrier_open: false,
            asked: Vec::new(),
            unasked: 0,
            shutdown: None,
            finished: None,
        };
        world.tell(Deadline);
        world
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Tap {
                rider,
                inside,
                denied,
            } => {
                let mut tap = tap(self.taps, rider, Ok(CODES[usize::from(rider)]));
                tap.facts.denied = denied;
                tap.facts.open_journey = inside.then(|| open_journey(rider, START));
                self.show(tap);
            }
            Act::Pays { rider, inside } => {
                let mut tap = pay_tap(self.taps, rider);
                tap.facts.open_journey = inside.then(|| open_journey(rider, START));
                self.show(tap);
            }
            Act::Says { back, said } => {
                let of = self.asked.len().checked_sub(1 + usize::from(back));
                if let Some(id) = of.map(|of| self.asked[of].0) {
                    self.tell(Event::Answered(Box::new(Answered { id, said })));
                }
            }
            Act::Disbelieved { n, refusal } => self.show(tap(self.taps, n, Err(refusal))),
            Act::LetThrough(direction) => {
                let asked = crate::sample::let_through(self.taps, direction);
                self.taps += 1;
                self.tell(Event::LetThrough(asked));
            }
            Act::Answer { committed } => self.answer(committed),
            Act::Stale { n, committed } => self.stale(confirmation(n), committed),
            Act::Tell(event) => self.tell(event),
            Act::Wake => self.wake(),
            Act::Wait(ms) => self.now += ms,
        }
    }

    fn is_free(&self) -> bool {
        self.fire || self.modes.entry.is_open() || self.modes.exit.is_open()
    }

    fn show(&mut self, tap: Tap) {
        self.taps += 1;
        self.tell(Event::Tap(Box::new(tap)));
    }

    fn answer(&mut self, committed: bool) {
        if self.pending.is_empty() {
            return;
        }
        let id = self.pending.remove(0).id();
        if committed {
            self.committed.insert(id);
            self.tell(Event::Committed(id));
        } else {
            self.tell(Event::CommitFailed(id));
        }
    }

    /// An answer that nobody waits for.
    fn stale(&mut self, id: RecordId, committed: bool) {
        let waits = |draft: &Draft| draft.id() == id;
        if !self.pending.iter().any(waits) {
            self.tell(if committed {
                Event::Committed(id)
            } else {
                Event::CommitFailed(id)
            });
        }
    }

    /// Time passes until the lane wants to be woken.
    fn wake(&mut self) {
        if let Some(at) = self.wake.take() {
            self.now = self.now.max(at.since(START));
            self.tell(Deadline);
        }
    }

    fn tell(&mut self, event: Event) {
        match &event {
            FireAlarm(on) => self.fire = *on,
            SetMode(modes) => self.modes = *modes,
            Shutdown => self.shutdown = Some(self.now),
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) => {}
            Event::Committed(_) | Event::CommitFailed(_) => {}
            BarrierOpened | BarrierFailed | Passed | Obstructed(_) | Deadline => {}
        }
        let before = self.lane.clone();
        let (lane, effects) = before.clone().on(event.clone(), at(self.now));
        self.lane = lane;
        for effect in effects {
            self.check(&before, &event, effect);
        }
        let free = self.is_free();
        assert!(!free || self.lane.state_name() == "free-passage");
        if self.lane.is_idle() && !free {
            assert!(!self.barrier_open, "an idle lane leaves the barrier open");
        }
    }

    fn check(&mut self, before: &Lane, event: &Event, effect: Effect) {
        match effect {
            Effect::Commit(draft) => {
                self.check_draft(before, event, &draft);
                self.pending.push(draft);
            }
            Effect::Ask(question) => {
                assert!(matches!(event, Event::Tap(_)), "asked on {event:?}");
                assert_eq!(self.shutdown, None, "asked after a shutdown");
                assert_eq!(question.until, at(self.now + 300).at);
                self.asked.push((question.id, self.now));
            }
            Effect::Open => {
                let Event::Committed(id) = event else {
                    panic!("opened on {event:?}")
                };
                assert!(self.committed.contains(id) && is_confirmation(id));
                assert!(self.opened.insert(*id), "opened twice for one confirmation");
                assert_eq!(self.shutdown, None, "opened after a shutdown");
                self.barrier_open = true;
            }
            Effect::OpenForAll => {
                assert!(self.is_free());
                self.barrier_open = true;
            }
            Effect::Close => {
                assert!(!self.is_free(), "closed on people in a fire");
                self.barrier_open = false;
            }
            Effect::Wake(at) => self.wake = Some(at),
            Effect::Finished => {
                assert_eq!(self.finished.replace(self.now), None, "finished twice");
            }
            Effect::Show(_) | Effect::Note(_) => {}
        }
    }

    fn check_draft(&mut self, before: &Lane, event: &Event, draft: &Draft) {
        match draft {
            Draft::Confirmation(draft) => {
                assert_eq!(self.shutdown, None, "confirmed after a shutdown");
                let shown = match event {
                    Event::Tap(tap) => {
                        assert!(matches!(before.state_name(), "idle" | "asking"));
                        assert!(!tap.needs_server(), "admitted without asking");
                        tap.shown
                    }
                    Event::Answered(_) | Deadline => self.check_asked(before, event, draft),
                    Event::LetThrough(_)
                    | Event::Committed(_)
                    | Event::CommitFailed(_)
                    | SetMode(_)
                    | FireAlarm(_)
                    | Shutdown
                    | BarrierOpened
                    | BarrierFailed
                    | Passed
                    | Obstructed(_) => {
                        panic!("confirmed on {event:?}")
                    }
                };
                let grace = i64::from(policy(Role::Both).grace.0);
                let last = self.confirmed.insert(shown, self.now);
                assert!(
                    last.is_none_or(|last| self.now - last > grace),
                    "twice within the grace"
                );
            }
            Draft::LetThrough(draft) => {
                let Event::LetThrough(asked) = event else {
                    panic!("let through on {event:?}")
                };
                assert_eq!((draft.id, draft.what), (asked.id, asked.what));
                assert!(before.is_idle() && before.state_name() != "free-passage");
                assert_eq!(self.shutdown, None, "let through after a shutdown");
                self.let_through.insert(draft.id);
            }
            Draft::Passage(draft) => {
                let confirmation = draft.passage.confirmation;
                assert!(
                    self.committed.contains(&confirmation),
                    "a passage without a record"
                );
                let first = *self.passages.entry(confirmation).or_insert(*draft);
                assert_eq!(first, *draft, "a passage was changed");
                assert!(!self.committed.contains(&draft.id), "committed already");
                let nobody = self.let_through.contains(&confirmation);
                assert_eq!(draft.account.is_none(), nobody, "whose passage is it?");
            }
            Draft::ModeChange(_) | Draft::Config(_) => {
                panic!("the lane records no such thing: {draft:?}")
            }
        }
    }

    /// A rider who was asked about: which code it was.
    fn check_asked(&mut self, before: &Lane, event: &Event, draft: &ConfirmationDraft) -> CodeRef {
        assert_eq!(before.state_name(), "asking");
        let (asked, since) = *self.asked.last().unwrap();
        assert_eq!(draft.id, asked, "the id is the one that was asked with");
        let yes = matches!(event, Event::Answered(answer) if matches!(answer.said, Said::Yes(_)));
        let is_so = matches!(draft.used, Used::PayCode { answered, .. } if answered == yes);
        assert!(is_so, "{:?}", draft.used);
        if event == &Deadline {
            assert!(self.now - since >= 300, "did not wait");
        }
        self.unasked += u16::from(!yes);
        assert!(self.unasked <= UNASKED_MAX, "more than the policy allows");
        CodeRef([100 + draft.account.0[0]; 16])
    }

    /// Answers everything and lets time pass until the lane is at rest.
    fn come_to_rest(&mut self) {
        self.tell(FireAlarm(false));
        self.tell(set(Mode::Normal));
        self.tell(Obstructed(false));
        for _ in 0..100 {
            if self.lane.state_name() == "idle" && self.pending.is_empty() {
                return;
            }
            self.answer(true);
            self.wake();
        }
        panic!("never at rest: {:?}", self.lane);
    }

    fn assert_every_ride_is_finished(&self) {
        for id in self.committed.iter().filter(|id| is_confirmation(id)) {
            let passage = self.passages.get(id);
            assert!(
                passage.is_some_and(|p| self.committed.contains(&p.id)),
                "{id} has no passage"
            );
        }
    }
}

/// Fewer taps are made than would reach the first byte of a passage.
fn is_confirmation(id: &RecordId) -> bool {
    id.0[0] != b'p'
}

proptest! {
    #[test]
    fn every_ride_is_finished(acts in prop::collection::vec(act(), 0..60)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        world.come_to_rest();
        world.assert_every_ride_is_finished();
    }

    #[test]
    fn every_shutdown_is_finished_in_time(
        acts in prop::collection::vec(act(), 0..30),
        after in prop::collection::vec(act(), 0..10),
        journal_answers in any::<bool>(),
    ) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        world.tell(Shutdown);
        let asked = world.now;
        for act in after {
            // Whoever drives the lane wakes it in time.
            if world.wake.is_some_and(|wake| wake <= at(world.now).at) {
                world.wake();
            }
            if !matches!(act, Act::Wait(_) | Act::Wake) {
                world.act(act);
            }
        }
        for _ in 0..20 {
            if journal_answers {
                world.answer(true);
            }
            if world.finished.is_none() {
                world.wake();
            }
        }
        let finished = world.finished.expect("never finished");
        prop_assert!(finished - asked <= 1_900);
        if journal_answers && finished - asked < 1_900 {
            world.assert_every_ride_is_finished();
        }
    }
}
