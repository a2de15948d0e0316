//! Journeys as stories: what arrives, in which order, and what must be in the books then.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::ledger::books::Balances;
use crate::ledger::{LedgerAccount, Posting};
use fare_protocol::{Annulment, Currency, GeoPoint, LaneNo, Location, ProductId, TariffHash};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RIDER: AccountId = AccountId([7; 16]);

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn id(number: u8) -> RecordId {
    RecordId([number; 16])
}

/// A tap whose number is its id and its minute.
fn tap(number: u8, direction: Direction) -> Tap {
    Tap {
        id: id(number),
        gate: "PGY-01".parse().unwrap(),
        at: UnixMs(i64::from(number) * 60_000),
        confirmation: Confirmation {
            direction,
            code_ref: CodeRef([number; 16]),
            account: RIDER,
            class: RiderClass::Adult,
            location: Location {
                station: "PGY".parse().unwrap(),
                line: "1".parse().unwrap(),
                lane: LaneNo(1),
                point: GeoPoint::from_e7(0, 0).unwrap(),
            },
            mode: Mode::Normal,
            fare_quoted: None,
            entry: None,
            tariff: None,
            rules: 1,
        },
        passage: None,
        evidence: None,
        follows: None,
    }
}

/// The same by a picture of this entry.
fn named_exit(number: u8, entry: u8) -> Tap {
    let mut exit = tap(number, Direction::Exit);
    exit.confirmation.entry = Some(id(entry));
    exit.follows = Some(tap(entry, Direction::Entry).at);
    exit
}

/// The fare between two taps: tells by its digits which two they are.
fn fare_between(entry: RecordId, exit: RecordId) -> Money {
    let ([from, ..], [to, ..]) = (entry.0, exit.0);
    cny(1000 * i64::from(from) + i64::from(to))
}

/// What arrives: a tap without its passage, or a passage.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Confirmation(Tap),
    Passage(RecordId, PassageOutcome),
}

/// One account as a server keeps it.
#[derive(Default)]
struct Account {
    taps: BTreeMap<RecordId, Tap>,
    early: BTreeMap<RecordId, PassageOutcome>,
    journeys: BTreeMap<RecordId, Journey>,
    conflicts: BTreeSet<(RecordId, ConflictKind)>,
    inside: BTreeSet<RecordId>,
    books: Balances,
}

impl Account {
    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Confirmation(tap) if !self.taps.contains_key(&tap.id) => {
                let passage = self.early.get(&tap.id).copied();
                self.taps.insert(tap.id, Tap { passage, ..tap });
                self.weigh(tap.id);
                self.settle(tap.id);
                let before = self
                    .taps
                    .values()
                    .filter(|other| other.place() < tap.place());
                let before = before
                    .max_by_key(|other| other.place())
                    .map(|before| before.id);
                if let Some(before) = before.filter(|before| self.weigh(*before)) {
                    self.settle(before);
                }
            }
            Arrival::Confirmation(_) => {}
            Arrival::Passage(of, outcome) => {
                if self.early.insert(of, outcome).is_some() {
                    return;
                }
                if let Some(tap) = self.taps.get_mut(&of) {
                    tap.passage = Some(outcome);
                    self.weigh(of);
                    self.settle(of);
                }
            }
        }
    }

    /// Looks at the next tap for evidence about an unknown passage; answers whether that is new.
    fn weigh(&mut self, of: RecordId) -> bool {
        let tap = self.taps[&of];
        let next = self.next_of(&tap).map(|next| next.direction());
        let evidence = next.map(|next| Evidence::of_next(tap.direction(), next));
        let changed = tap.is_unknown() && evidence != tap.evidence;
        if changed {
            self.taps.insert(of, Tap { evidence, ..tap });
        }
        changed
    }

    /// The account's next tap, whatever became of it.
    fn next_of(&self, tap: &Tap) -> Option<&Tap> {
        let after = self
            .taps
            .values()
            .filter(|other| other.place() > tap.place());
        after.min_by_key(|other| other.place())
    }

    fn settle(&mut self, of: RecordId) {
        let tap = self.taps[&of];
        let others = || self.taps.values().filter(|other| other.has_place());
        let before = others().filter(|other| other.place() < tap.place());
        let after = others().filter(|other| other.place() > tap.place());
        let before = before.max_by_key(|other| other.place()).copied();
        let after = after.min_by_key(|other| other.place()).copied();
        let around = Neighbours {
            before: before.as_ref(),
            tap: &tap,
            after: after.as_ref(),
        };
        for finding in around.findings() {
            let conflict = (finding.tap.id, finding.kind);
            if finding.stands {
                self.conflicts.insert(conflict);
            } else {
                self.conflicts.remove(&conflict);
            }
        }
        for link in around.links() {
            let entry = link.entry.id;
            let event = link.event(|exit| Some(fare_between(entry, exit.id)));
            let was = self.journeys.get(&entry).copied();
            let (is, actions) = was.unwrap_or(Journey::Tapped).on(event);
            self.journeys.insert(entry, is);
            actions
                .into_iter()
                .for_each(|action| self.act(entry, action));
            assert_eq!(
                is.on(event),
                (is, vec![]),
                "the same again asks for nothing"
            );
        }
    }

    fn act(&mut self, entry: RecordId, action: Action) {
        let posting = match action {
            Action::Open => return assert!(self.inside.insert(entry)),
            Action::Close => return assert!(self.inside.remove(&entry)),
            Action::Conflict(_) => return,
            Action::Hold(fare) => Posting::hold(RIDER, fare),
            Action::Capture(fare) => Posting::capture(fare),
            Action::Void(fare) => Posting::void(RIDER, fare),
            Action::Reverse(fare) => Posting::reverse(RIDER, fare),
        };
        self.books.post(&posting.unwrap()).unwrap();
        assert!(self.books.is_balanced());
        assert!(self.held() >= 0 && self.revenue() >= 0 && self.paid() <= 0);
    }

    fn held(&self) -> i64 {
        self.books.of(LedgerAccount::Held, Currency::CNY)
    }

    fn revenue(&self) -> i64 {
        self.books.of(LedgerAccount::FareRevenue, Currency::CNY)
    }

    fn paid(&self) -> i64 {
        self.books.of(LedgerAccount::Rider(RIDER), Currency::CNY)
    }

    /// Whether nothing tells about an unknown passage; checks what is taken to have happened.
    fn is_untold(&self, tap: &Tap) -> bool {
        let next = self
            .next_of(tap)
            .map(|next| next.direction() == tap.direction());
        if tap.is_unknown() {
            let told = match (next, tap.direction()) {
                (Some(true), _) => Standing::Annulled,
                (None, Direction::Exit) => Standing::Pending,
                (Some(false), _) | (None, Direction::Entry) => Standing::Passed,
            };
            assert_eq!(tap.standing(), told);
        }
        tap.is_unknown() && next.is_none()
    }

    /// What the journeys and conflicts must be, worked out at once from everything known.
    // long: one look at all taps
    fn expected(
        &self,
    ) -> (
        BTreeMap<RecordId, Journey>,
        BTreeSet<(RecordId, ConflictKind)>,
    ) {
        let mut placed: Vec<&Tap> = self.taps.values().filter(|tap| tap.has_place()).collect();
        placed.sort_by_key(|tap| tap.place());
        let (mut journeys, mut conflicts) = (BTreeMap::new(), BTreeSet::new());
        for tap in self.taps.values() {
            if tap.direction() == Direction::Entry && !tap.has_place() {
                let annulled = tap.passage.is_some();
                let journey = if annulled {
                    Journey::Annulled
                } else {
                    Journey::Tapped
                };
                journeys.insert(tap.id, journey);
            }
            if self.is_untold(tap) {
                conflicts.insert((tap.id, ConflictKind::PassageUnknown));
            }
        }
        for (n, tap) in placed.iter().enumerate() {
            let previous = n.checked_sub(1).map(|n| placed[n].direction());
            match (tap.direction(), placed.get(n + 1)) {
                (Direction::Exit, _) if previous == Some(Direction::Entry) => {}
                (Direction::Exit, _) => {
                    let names = tap.confirmation.entry;
                    let first = n.checked_sub(1).and_then(|n| placed[n].confirmation.entry);
                    let kind = match names.is_some() && first == names {
                        true => ConflictKind::PictureTwice,
                        false => ConflictKind::ExitWithoutEntry,
                    };
                    conflicts.insert((tap.id, kind));
                }
                (Direction::Entry, None) => {
                    journeys.insert(tap.id, Journey::Open);
                }
                (Direction::Entry, Some(next)) if next.direction() == Direction::Entry => {
                    journeys.insert(tap.id, Journey::Incomplete);
                    conflicts.insert((tap.id, ConflictKind::EntryTwice));
                }
                (Direction::Entry, Some(exit)) => {
                    let fare = fare_between(tap.id, exit.id);
                    let charge = Charge {
                        exit: exit.id,
                        fare,
                    };
                    let closed = exit.standing() == Standing::Passed;
                    let state = if closed {
                        Journey::Closed
                    } else {
                        Journey::Held
                    };
                    journeys.insert(tap.id, state(charge));
                }
            }
        }
        (journeys, conflicts)
    }

    fn check(&self) {
        let (journeys, conflicts) = self.expected();
        assert_eq!(self.journeys, journeys);
        assert_eq!(self.conflicts, conflicts);
        let sum = |captured: bool| -> i64 {
            let journeys = self.journeys.values();
            let journeys = journeys.filter(|journey| journey.captured().is_some() == captured);
            journeys
                .filter_map(|j| j.charge())
                .map(|charge| charge.fare.minor)
                .sum()
        };
        assert_eq!((self.revenue(), self.held()), (sum(true), sum(false)));
        assert_eq!(self.paid(), -(sum(true) + sum(false)));
        let inside = self
            .journeys
            .iter()
            .filter(|(_, journey)| journey.is_inside());
        assert_eq!(self.inside, inside.map(|(entry, _)| *entry).collect());
    }
}

/// Taps in the words of the tables below: `E1+` entry 1, passed; `X2` exit 2, pending; `-`
/// annulled; `?` unknown. A passage that comes by itself: `1+`. `P3/1+`: exit 3 by the picture of entry 1.
fn arrivals(story: &str) -> Vec<Arrival> {
    let mut all = Vec::new();
    for word in story.split_whitespace() {
        let digits = |part: &str| {
            part.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        let (word_of, named) = word.split_once('/').unwrap_or((word, ""));
        let number: u8 = digits(word_of).parse().unwrap();
        if word.starts_with('E') {
            all.push(Arrival::Confirmation(tap(number, Direction::Entry)));
        } else if word.starts_with('X') {
            all.push(Arrival::Confirmation(tap(number, Direction::Exit)));
        } else if word.starts_with('P') {
            let entry = digits(named).parse().unwrap();
            all.push(Arrival::Confirmation(named_exit(number, entry)));
        }
        let outcome = match word.chars().next_back().unwrap() {
            '+' => PassageOutcome::Passed,
            '-' => PassageOutcome::Annulled(Annulment::TimedOut),
            '?' => PassageOutcome::Unknown,
            _ => continue,
        };
        all.push(Arrival::Passage(id(number), outcome));
    }
    all
}

#[test]
// long: one table
fn journeys_follow_what_happened_in_whatever_order_it_is_told() {
    // story | journeys by entry | open conflicts | held, revenue
    for (story, journeys, conflicts, held, revenue) in [
        ("E1", "1 tapped", "", 0, 0),
        ("E1-", "1 annulled", "", 0, 0),
        ("E1+", "1 open", "", 0, 0),
        ("E1+ X2", "1 held", "", 1002, 0),
        ("E1+ X2-", "1 open", "", 0, 0),
        ("E1+ X2+", "1 closed", "", 0, 1002),
        ("E1+ X2- X3+", "1 closed", "", 0, 1003),
        ("X2+ E1+", "1 closed", "", 0, 1002),
        ("X2+", "", "2 exit-without-entry", 0, 0),
        ("E1 X2+", "1 tapped", "2 exit-without-entry", 0, 0),
        ("E1 X2+ 1+", "1 closed", "", 0, 1002),
        ("1+ 2+ X2 E1", "1 closed", "", 0, 1002),
        ("E1+ E3+", "1 incomplete, 3 open", "1 entry-twice", 0, 0),
        ("E1+ E3+ X2+", "1 closed, 3 open", "", 0, 1002),
        (
            "E1+ E2+ X3+",
            "1 incomplete, 2 closed",
            "1 entry-twice",
            0,
            2003,
        ),
        (
            // The exit tap shows that the rider was inside; nothing yet shows that the rider left.
            "E1? X2?",
            "1 held",
            "2 passage-unknown",
            1002,
            0,
        ),
        ("E1? X2? E3-", "1 closed, 3 annulled", "", 0, 1002),
        ("E1? X2? X3+", "1 closed", "", 0, 1003),
        ("E1?", "1 open", "1 passage-unknown", 0, 0),
        ("E1? E2+", "1 annulled, 2 open", "", 0, 0),
        ("E1? E3+ X2-", "1 incomplete, 3 open", "1 entry-twice", 0, 0),
        (
            "E1+ X4+ E3+",
            "1 incomplete, 3 closed",
            "1 entry-twice",
            0,
            3004,
        ),
        ("E1+ X4+ E3+ X2+", "1 closed, 3 closed", "", 0, 4006),
        ("E1+ X4 X2+", "1 closed", "4 exit-without-entry", 0, 1002),
        ("E1+ X2 X4+ 2-", "1 closed", "", 0, 1004),
        ("E1+ P2/1+", "1 closed", "", 0, 1002),
        ("P2/1+", "", "2 exit-without-entry", 0, 0),
        ("E1+ P2/1- P3/1+", "1 closed", "", 0, 1003),
        ("E1+ P2/1+ P3/1+", "1 closed", "3 picture-twice", 0, 1002),
        ("E1+ P3/1+ P2/1+", "1 closed", "3 picture-twice", 0, 1002),
        // The gate cannot tell about the first; that the picture is shown again does.
        ("E1+ P2/1? P3/1+", "1 closed", "", 0, 1003),
        // Two with one account: each exit belongs to the entry that it names.
        ("E1+ E2+ P4/1+ P5/2+", "1 closed, 2 closed", "", 0, 3009),
        (
            "E1+ P2/1+ E3+ P4/1+ P5/3+",
            "1 closed, 3 closed",
            "4 picture-twice",
            0,
            4007,
        ),
    ] {
        let mut account = Account::default();
        arrivals(story)
            .into_iter()
            .for_each(|arrival| account.arrive(arrival));
        account.check();
        let show =
            |(entry, journey): (&RecordId, &Journey)| format!("{} {}", entry.0[0], journey.code());
        let got: Vec<String> = account.journeys.iter().map(show).collect();
        assert_eq!(got.join(", "), journeys, "{story}");
        let show = |(tap, kind): &(RecordId, ConflictKind)| format!("{} {}", tap.0[0], kind.code());
        let got: Vec<String> = account.conflicts.iter().map(show).collect();
        assert_eq!(got.join(", "), conflicts, "{story}");
        assert_eq!(
            (account.held(), account.revenue()),
            (held, revenue),
            "{story}"
        );
    }
}

#[test]
fn a_wrong_pair_is_reversed_and_said() {
    let charge = |exit, fare| Charge {
        exit: id(exit),
        fare: cny(fare),
    };
    let event = Event::Exit {
        exit: id(2),
        passed: true,
        fare: Some(cny(300)),
    };
    let (is, actions) = Journey::Closed(charge(4, 500)).on(event);
    assert_eq!(is, Journey::Closed(charge(2, 300)));
    assert_eq!(
        actions,
        [
            Action::Reverse(cny(500)),
            Action::Conflict(ConflictKind::Repaired),
            Action::Hold(cny(300)),
            Action::Capture(cny(300)),
        ]
    );
}

#[test]
fn an_exit_without_a_price_holds_nothing() {
    let event = Event::Exit {
        exit: id(2),
        passed: true,
        fare: None,
    };
    let (is, actions) = Journey::Open.on(event);
    assert_eq!(
        (is, actions),
        (Journey::Unpriced { exit: id(2) }, vec![Action::Close])
    );
}

#[test]
fn riders_pay_what_they_were_shown_or_less() {
    let eur: Currency = "EUR".parse().unwrap();
    // quoted, mode | fare, differs
    for (quoted, mode, fare, differs) in [
        (None, Mode::Normal, 400, false),
        (Some(cny(400)), Mode::Normal, 400, false),
        (Some(cny(300)), Mode::Normal, 300, true),
        (Some(cny(500)), Mode::Normal, 400, true),
        (Some(cny(-1)), Mode::Normal, 400, true),
        (Some(Money::new(1, eur)), Mode::Normal, 400, true),
        (None, Mode::FareExempt, 0, false),
        (Some(cny(0)), Mode::Emergency, 0, false),
    ] {
        let mut exit = tap(2, Direction::Exit);
        exit.confirmation.fare_quoted = quoted;
        exit.confirmation.mode = mode;
        let steps = vec![FareStep {
            reason: FareReason::Waived {},
            minor: 400,
        }];
        let quote = Quote {
            fare: cny(400),
            tariff: TariffHash([0; 16]),
            steps,
        };
        let Price {
            charged,
            quote_differs,
            ..
        } = price(&exit, quote.clone(), quote.fare);
        assert_eq!(
            (charged.fare, quote_differs),
            (cny(fare), differs),
            "{quoted:?}"
        );
        let steps = charged.steps.iter().map(|step| step.minor).sum::<i64>();
        assert_eq!(steps, fare, "the steps sum to the fare");
    }
}

/// A picture told the gate of earlier journeys, so it should have shown what the server finds.
#[test]
fn an_exit_by_a_picture_is_held_against_the_price_with_earlier_journeys() {
    // quoted | fare, differs
    for (quoted, fare, differs) in [(200, 200, false), (150, 150, true), (400, 200, true)] {
        let mut exit = named_exit(2, 1);
        exit.confirmation.fare_quoted = Some(cny(quoted));
        let steps = vec![FareStep {
            reason: FareReason::Waived {},
            minor: 200,
        }];
        let quote = Quote {
            fare: cny(200),
            tariff: TariffHash([0; 16]),
            steps,
        };
        let price = price(&exit, quote, cny(400));
        assert_eq!(
            (price.charged.fare, price.quote_differs),
            (cny(fare), differs),
            "{quoted}"
        );
        assert_eq!(price.expected, cny(200));
    }
}

/// A gate that knew of the products showed what they leave, one that did not the whole fare; a journey uses them
/// all the same, and nobody pays more than was shown.
#[test]
fn an_exit_by_a_picture_may_have_shown_the_fare_with_products_or_without() {
    // named, quoted, what products cover | fare, differs
    for (named, quoted, covered, fare, differs) in [
        (true, Some(0), 400, 0, false),
        (true, Some(400), 400, 0, false),
        (true, Some(200), 200, 200, false),
        (true, Some(300), 200, 200, true),
        (true, Some(0), 0, 0, true),
        (true, Some(100), 200, 100, true),
        (true, None, 200, 200, false),
        (false, Some(400), 400, 0, false),
        (false, Some(0), 400, 0, true),
    ] {
        let mut exit = if named {
            named_exit(2, 1)
        } else {
            tap(2, Direction::Exit)
        };
        exit.confirmation.fare_quoted = quoted.map(cny);
        let steps = vec![FareStep {
            reason: FareReason::Waived {},
            minor: 400,
        }];
        let quote = Quote {
            fare: cny(400),
            tariff: TariffHash([0; 16]),
            steps,
        };
        let cover = |mut quote: Quote| {
            let reason = FareReason::Pass {
                product: "p".to_owned(),
            };
            let minor = -covered;
            quote.steps.push(FareStep { reason, minor });
            quote.fare = cny(400 - covered);
            let product = ProductId([1; 16]);
            let used = Use {
                product,
                covered_minor: covered,
                earned_minor: 0,
            };
            (quote, vec![used])
        };
        let (price, uses) = price_covered(&exit, quote, cny(400), cover);
        let said = (price.charged.fare, price.quote_differs, uses.len());
        assert_eq!(said, (cny(fare), differs, 1), "{quoted:?} of {covered}");
        let steps = price
            .charged
            .steps
            .iter()
            .map(|step| step.minor)
            .sum::<i64>();
        assert_eq!(steps, fare, "the steps sum to the fare");
    }
}

fn outcome() -> impl Strategy<Value = Option<PassageOutcome>> {
    prop_oneof![
        6 => Just(Some(PassageOutcome::Passed)),
        1 => Just(Some(PassageOutcome::Unknown)),
        2 => Just(Some(PassageOutcome::Annulled(Annulment::TimedOut))),
        1 => Just(None),
    ]
}

/// Up to twelve taps of one account with their passages, shuffled, some of it told again.
fn any_order() -> impl Strategy<Value = Vec<Arrival>> {
    let direction = prop_oneof![Just(Direction::Entry), Just(Direction::Exit)];
    let named = prop::option::of(any::<prop::sample::Index>());
    let taps = prop::collection::vec((direction, outcome(), named), 1..12);
    let all = taps.prop_map(|taps| {
        let mut all = Vec::new();
        let mut entries = Vec::new();
        for (number, (direction, outcome, named)) in (1..).zip(taps) {
            let named = named.filter(|_| direction == Direction::Exit && !entries.is_empty());
            all.push(Arrival::Confirmation(match named {
                Some(named) => named_exit(number, *named.get(&entries)),
                None => tap(number, direction),
            }));
            if direction == Direction::Entry {
                entries.push(number);
            }
            all.extend(outcome.map(|outcome| Arrival::Passage(id(number), outcome)));
        }
        all
    });
    let all = (all, any::<prop::sample::Index>()).prop_map(|(mut all, from): (Vec<_>, _)| {
        all.extend_from_within(from.index(all.len())..);
        all
    });
    all.prop_shuffle()
}

proptest! {
    #[test]
    fn any_order_and_any_repeat_gives_the_same_journeys_and_books(arrivals in any_order()) {
        let mut account = Account::default();
        for arrival in arrivals {
            account.arrive(arrival);
            account.check();
        }
    }
}
