//! Riders of whom nothing is known, while the server's news is old: a real journal under the pure lane.

use super::feed::feed;
use super::*;
use fare_protocol::{Currency, IssuerPart, KeyEntry, KeySet, Modes, Money, RideCode, Signer};
use fare_rules::{
    ALONE_STEPS_MAX, AloneStep, ClockBeyond, Display, Effect, Event, ExitWithoutEntry, FirstRide,
    Heard, Lane, LanePolicy, PayCodePolicy, Refusal, Role, Tap,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RIDERS: u8 = 6;
const MOST: i64 = 1_500;
const OLD_MS: i64 = 60_000;

/// What a ride of this rider may cost.
fn cost(rider: u8) -> Money {
    Money::new(200 * i64::from(rider), Currency::CNY)
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    /// A rider comes in; whether the rider goes through.
    Comes(u8, bool),
    /// A rider goes out, from elsewhere.
    Leaves(u8),
    /// The server is heard.
    News,
    /// The gate is started anew.
    Restarts,
    Waits(i64),
}

fn doing() -> impl Strategy<Value = Doing> {
    let rider = 1..=RIDERS;
    prop_oneof![
        8 => (rider.clone(), any::<bool>()).prop_map(|(rider, goes)| Doing::Comes(rider, goes)),
        2 => rider.prop_map(Doing::Leaves),
        1 => Just(Doing::News),
        1 => Just(Doing::Restarts),
        3 => (1..OLD_MS).prop_map(Doing::Waits),
    ]
}

fn policy(role: Role) -> LanePolicy {
    let mut alone = [None; ALONE_STEPS_MAX];
    alone[0] = Some(AloneStep {
        after: Millis(u32::try_from(OLD_MS).unwrap()),
        entries: 1_000,
        first_rides_minor: Some(MOST),
    });
    LanePolicy {
        role,
        grace: Millis(1),
        passage_timeout: Millis(5_000),
        future_tolerance: Millis(2_000),
        // Who turns round after a first entry may come in again.
        passback_window: Millis(0),
        exit_without_entry: ExitWithoutEntry::Admit,
        cache_fresh: Millis(60_000),
        refusal_shown: Millis(2_000),
        clock_error_max: Millis(30_000),
        clock_beyond: ClockBeyond::TimeExempt,
        pay_codes: PayCodePolicy::default(),
        alone,
    }
}

/// The gate, and what is known of it without its journal.
struct Trial {
    gate: Gate,
    now: i64,
    tap: u64,
    news: u64,
    heard: Option<i64>,
    /// Who tapped in here before the news.
    known: BTreeSet<u8>,
    since: BTreeSet<u8>,
    /// What first rides since may cost.
    taken: BTreeMap<u64, i64>,
}

impl Trial {
    fn code(&self, rider: u8) -> fare_protocol::VerifiedCredential {
        let (issuer, phone) = (
            SigningKey::from_bytes(&[200; 32]),
            SigningKey::from_bytes(&[rider; 32]),
        );
        let part = IssuerPart {
            account: account(rider),
            device_key: device(rider),
            class: RiderClass::Adult,
            fare_limit: Money::new(10_000, Currency::CNY),
            lifetime: Millis(60_000),
            not_after: UnixMs(i64::MAX / 2),
        };
        let at = UnixMs(self.now);
        let counter = u32::try_from(self.tap).unwrap();
        let text = RideCode::make(&part.seal(&issuer), at, counter, &phone);
        let issuers = KeySet(vec![KeyEntry {
            key: Signer::public(&issuer),
            from_ms: UnixMs(i64::MIN),
            until_ms: UnixMs(i64::MAX),
        }]);
        let code = RideCode::parse(text.as_bytes()).unwrap();
        code.verify(&issuers, at).unwrap().into()
    }

    /// The verdict on a rider, by what the journal knows.
    fn taps(&mut self, rider: u8, role: Role) -> Result<ConfirmationDraft, Refusal> {
        self.tap += 2;
        self.now += 1_000;
        let facts = self.gate.facts(rider);
        let first_ride = facts.first_ride.map(|first| FirstRide {
            may_cost: Some(cost(rider)),
            ..first
        });
        let tap = Tap {
            id: id(self.tap),
            passage_id: id(self.tap + 1),
            shown: CodeRef([rider; 16]),
            credential: Ok(self.code(rider)),
            facts: Facts {
                first_ride,
                ..facts
            },
            heard: Heard::NotAsked,
        };
        let lane = Lane::new(policy(role), Modes::default());
        let (_, effects) = lane.on(Event::Tap(Box::new(tap)), stamp(self.now));
        for effect in effects {
            if let Effect::Commit(Draft::Confirmation(draft)) = effect {
                return Ok(draft);
            }
            if let Effect::Show(Display::Refused(refusal)) = effect {
                return Err(refusal);
            }
        }
        panic!("no verdict")
    }

    fn comes(&mut self, rider: u8, goes: bool) {
        let is_old = self
            .heard
            .is_none_or(|heard| self.now + 1_000 - 20 - heard >= OLD_MS);
        let is_first = !self.known.contains(&rider);
        let taken: i64 = self.taken.values().sum();
        let allowed = !(is_old && is_first && taken + cost(rider).minor > MOST);
        let verdict = self.taps(rider, Role::Entry);
        let Ok(draft) = verdict else {
            assert_eq!(verdict.unwrap_err(), Refusal::FirstRides);
            assert!(!allowed, "rider {rider} was refused with {taken} taken");
            return;
        };
        assert!(allowed, "rider {rider} was let in with {taken} taken");
        self.gate.commit(Draft::Confirmation(draft), self.now);
        self.since.insert(rider);
        let (n, confirmed) = (self.tap, self.now);
        let outcome = if goes { PassageOutcome::Passed } else { NOBODY };
        if is_first && goes {
            self.taken.insert(n, cost(rider).minor);
        }
        let passage = passage(n + 1, n, Direction::Entry, rider, confirmed, outcome);
        self.gate.commit(passage, confirmed + 500);
    }

    fn leaves(&mut self, rider: u8) {
        let draft = self.taps(rider, Role::Exit).unwrap();
        assert_eq!((draft.direction, draft.first_ride), (Direction::Exit, None));
    }

    fn hears(&mut self, runtime: &tokio::runtime::Runtime) {
        self.news += 1;
        let mut feed = feed(self.news, false, vec![]);
        feed.as_of_ms = UnixMs(self.now);
        let again = feed.clone();
        runtime.block_on(self.gate.apply(feed));
        self.heard = Some(self.now);
        self.known.append(&mut self.since);
        self.taken.clear();
        // The same news once more is none.
        runtime.block_on(self.gate.apply(again));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn first_rides_never_cost_more_than_old_news_allows(doings in vec(doing(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut trial = Trial {
            gate: Gate::new(),
            now: 1_800_000_000_000,
            tap: 0,
            news: 0,
            heard: None,
            known: BTreeSet::new(),
            since: BTreeSet::new(),
            taken: BTreeMap::new(),
        };
        for doing in doings {
            match doing {
                Doing::Comes(rider, goes) => trial.comes(rider, goes),
                Doing::Leaves(rider) => trial.leaves(rider),
                Doing::News => {
                    trial.now += 1;
                    trial.hears(&runtime);
                }
                Doing::Restarts => trial.gate = trial.gate.restarted(),
                Doing::Waits(ms) => trial.now += ms,
            }
        }
    }
}

#[test]
fn a_sum_stands_for_status_and_is_gone_with_the_news() {
    let gate = Gate::new();
    let sum = |gate: &Gate| {
        let view = JournalView::open(&gate.path()).unwrap();
        view.books().unwrap().first_rides
    };
    assert_eq!(sum(&gate), None);
    let Draft::Confirmation(entry) = confirmation(1, Direction::Entry, 1) else {
        panic!("a confirmation")
    };
    for (n, rider) in [(1, 1), (3, 2)] {
        let draft = ConfirmationDraft {
            id: id(n),
            account: account(rider),
            first_ride: Some(cost(rider)),
            ..entry
        };
        gate.commit(Draft::Confirmation(draft), 1_000);
    }
    assert_eq!(sum(&gate), Some(Money::new(600, Currency::CNY)));
    gate.commit(passage(4, 3, Direction::Entry, 2, 1_000, NOBODY), 2_000);
    assert_eq!(sum(&gate), Some(Money::new(200, Currency::CNY)));
    assert!(
        gate.facts(2).first_ride.is_some(),
        "not known by turning round"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(gate.apply(feed(1, true, vec![])));
    assert_eq!(sum(&gate), None);
    assert_eq!(gate.facts(1).first_ride, None, "the phone was seen");
}
