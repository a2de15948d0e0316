//! Journeys: which exit belongs to which entry, and what follows for the money.
//!
//! Records arrive in any order, some days late; the outcome depends only on what they say. One rule
//! makes it so: **the taps of an account stand in the order of the gates' times, and a journey is an
//! entry together with the very next tap, when that is an exit.** A new tap therefore touches only
//! its two neighbours ([`Neighbours`]), and what it changes is worked out by comparing what a
//! journey was with what it is now ([`Journey::on`]). When a late record shows that a charged
//! journey was paired wrongly, the charge is reversed and the right one made.
//!
//! An exit that names its entry, because a picture was shown, stands right behind that entry whenever it was
//! made, so that the two are a journey whatever lies between. A second exit that names it stands behind the first
//! one and ends nothing: a copy of the picture.
//!
//! An entry takes its place once its passage is known to be passed; an exit from its tap on. Annulled
//! taps have no place. When the gate cannot tell about a passage, the account's next tap does: an
//! entry tap shows that the rider was outside, an exit tap that the rider was inside ([`Evidence`]).
//! Without it an entry counts as passed, which costs nothing and lets the rider out; an exit's fare
//! stays held, and is voided when the time for evidence is over.
//!
//! ```text
//! entry             the tap after it          journey     money
//! tapped            -                         Tapped      -
//! annulled          -                         Annulled    -
//! passed            none yet                  Open        -
//! passed            an entry                  Incomplete  -            conflict: double entry
//! passed            an exit, passage pending  Held        hold
//! passed            an exit, passed           Closed      hold, capture
//! passed            an exit without a price   Unpriced    -            conflict: unpriced
//! passed            no exit, its day over     NoExit      hold, capture of the maximum fare, if any
//! ```
//! The day of an entry is over at the end of its service day, or of the one on which the server learnt of
//! it. An exit that comes later still takes its place: the maximum is reversed, the journey priced.
//!
//! An exit after no entry is listed as a conflict for as long as that is so.

use crate::conflict::{ConflictKind, entered_again};
use crate::tariff::Use;
use crate::{End, Paid, Quote, Ride};
use fare_protocol::{
    AccountId, CodeRef, Confirmation, Direction, FareReason, FareStep, GateId, Millis, Mode, Money,
    PassageOutcome, Record, RecordId, RiderClass, StationId, UnixMs,
};
use serde::{Deserialize, Serialize};

/// A tap as the server knows it: a confirmation and, once it has come, its passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The confirmation.
    pub id: RecordId,
    /// Which gate made it.
    pub gate: GateId,
    /// When, by that gate's clock.
    pub at: UnixMs,
    /// What it says.
    pub confirmation: Confirmation,
    /// What the sensors saw, once known.
    pub passage: Option<PassageOutcome>,
    /// When they saw nothing: what else tells.
    pub evidence: Option<Evidence>,
    /// Of an exit that names an entry: when that was, or its own time while that is not known.
    pub follows: Option<UnixMs>,
}

/// Where a tap stands among its account's: by time, an exit that names its entry right behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The time by which it is ordered: its own, or that of the entry it names.
    pub at: UnixMs,
    id: RecordId,
    /// Of an exit that stands behind its entry `id`: its own time and id.
    behind: Option<(UnixMs, RecordId)>,
}

/// How long the server waits for evidence about a passage that a gate cannot tell, from the moment
/// it learnt of it: the next tap may have been made at a gate that is offline.
pub const EVIDENCE_WAIT: Millis = Millis(24 * 3_600_000);

/// What tells about a passage of which the gate cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The account's next tap was on the other side.
    Passed,
    /// The account's next tap was on the same side.
    Annulled,
    /// There was no next tap within [`EVIDENCE_WAIT`]. A later one still counts.
    Expired,
}

impl Evidence {
    /// What a tap in direction `next`, the account's next one, tells about a tap in direction `tap`.
    /// The tap counts, whatever became of it: it shows on which side the rider stood.
    pub fn of_next(tap: Direction, next: Direction) -> Self {
        if next == tap {
            Self::Annulled
        } else {
            Self::Passed
        }
    }
}

/// What is known of somebody's going through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No passage has come yet.
    Pending,
    /// Somebody went through, or so it is taken.
    Passed,
    /// Nobody went through, or so it is taken.
    Annulled,
}

/// A journey, named by its entry confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journey {
    /// The entry's passage is not known yet.
    Tapped,
    /// Nobody entered.
    Annulled,
    /// Somebody is inside.
    Open,
    /// Another entry followed.
    Incomplete,
    /// An exit followed, and nothing can be charged for it yet.
    Unpriced {
        /// The exit confirmation.
        exit: RecordId,
    },
    /// An exit was tapped; its fare is held.
    Held(Charge),
    /// The exit was passed; its fare is captured.
    Closed(Charge),
    /// The service day ended without an exit; the maximum fare is captured, where there is one.
    NoExit(Option<Money>),
}

/// What a journey costs, and since which exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The exit confirmation.
    pub exit: RecordId,
    /// Zero or more.
    pub fare: Money,
}

/// What became known about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its tap.
    Tapped,
    /// Nobody entered.
    Annulled,
    /// Somebody entered, and no tap follows yet.
    Alone,
    /// An entry follows.
    EnteredAgain,
    /// No exit has come, and the day is over; what that costs, if anything.
    NoExit(Option<Money>),
    /// An exit follows.
    Exit {
        /// The exit confirmation.
        exit: RecordId,
        /// Whether its passage is known.
        passed: bool,
        /// What it costs; `None` when no price could be found.
        fare: Option<Money>,
    },
}

/// What has to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the gates that the account is inside.
    Open,
    /// Tell the gates that it is not any more.
    Close,
    /// Post a hold.
    Hold(Money),
    /// Post a capture.
    Capture(Money),
    /// Post a void.
    Void(Money),
    /// Post a reversal of a hold and its capture.
    Reverse(Money),
    /// A conflict about the entry.
    Conflict(ConflictKind),
}

/// A tap between the taps that take their places next to it in its account.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'t> {
    /// The nearest earlier tap that has a place.
    pub before: Option<&'t Tap>,
    /// The tap that is new or whose passage became known.
    pub tap: &'t Tap,
    /// The nearest later tap that has a place.
    pub after: Option<&'t Tap>,
}

/// An entry and the tap that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'t> {
    /// The entry.
    pub entry: &'t Tap,
    /// What follows.
    pub next: Option<&'t Tap>,
}

/// Whether a tap has a conflict of this kind now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'t> {
    /// The tap.
    pub tap: &'t Tap,
    /// Of which kind.
    pub kind: ConflictKind,
    /// Raise it, or clear it when it is there.
    pub stands: bool,
    /// The other tap that it is about, when there is one.
    pub other: Option<&'t Tap>,
}

/// What an exit costs, and how that compares with what its gate showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What is charged, and how it came about.
    pub charged: Quote,
    /// What its gate should have shown: what the tariff says, without the account's earlier journeys unless
    /// a picture told of them.
    pub expected: Money,
    /// Whether the gate showed anything else than that.
    pub quote_differs: bool,
}

impl Tap {
    /// The tap that `record` makes when it is a confirmation.
    pub fn new(record: &Record, confirmation: Confirmation) -> Self {
        Self {
            id: record.id,
            gate: record.gate,
            at: record.stamp.at,
            confirmation,
            passage: None,
            evidence: None,
            follows: confirmation.entry.map(|_| record.stamp.at),
        }
    }

    /// Whose.
    pub fn account(&self) -> AccountId {
        self.confirmation.account
    }

    /// Entry or exit.
    pub fn direction(&self) -> Direction {
        self.confirmation.direction
    }

    /// Where.
    pub fn station(&self) -> StationId {
        self.confirmation.location.station
    }

    /// Where and when, as a tariff prices it.
    pub fn end(&self) -> End {
        End {
            station: self.station(),
            at: self.at,
        }
    }

    /// By which fares.
    pub fn class(&self) -> RiderClass {
        self.confirmation.class
    }

    /// With which code.
    pub fn code_ref(&self) -> CodeRef {
        self.confirmation.code_ref
    }

    /// What is known of somebody's going through.
    pub fn standing(&self) -> Standing {
        match self.passage {
            None => Standing::Pending,
            Some(PassageOutcome::Passed) => Standing::Passed,
            Some(PassageOutcome::Annulled(_)) => Standing::Annulled,
            Some(PassageOutcome::Unknown) => match (self.evidence, self.direction()) {
                (Some(Evidence::Passed), _) => Standing::Passed,
                (Some(Evidence::Annulled), _) => Standing::Annulled,
                (None | Some(Evidence::Expired), Direction::Entry) => Standing::Passed,
                (None, Direction::Exit) => Standing::Pending,
                (Some(Evidence::Expired), Direction::Exit) => Standing::Annulled,
            },
        }
    }

    /// Whether the gate could not tell about the passage.
    pub fn is_unknown(&self) -> bool {
        self.passage == Some(PassageOutcome::Unknown)
    }

    /// Whether the tap has a place among its account's taps.
    pub fn has_place(&self) -> bool {
        match (self.direction(), self.standing()) {
            (_, Standing::Annulled) | (Direction::Entry, Standing::Pending) => false,
            (_, Standing::Passed) | (Direction::Exit, Standing::Pending) => true,
        }
    }

    /// Where that place is.
    pub fn place(&self) -> Place {
        match (self.confirmation.entry, self.follows) {
            (Some(entry), Some(at)) => Place {
                at,
                id: entry,
                behind: Some((self.at, self.id)),
            },
            (_, _) => Place {
                at: self.at,
                id: self.id,
                behind: None,
            },
        }
    }

    fn is(&self, direction: Direction) -> bool {
        self.direction() == direction
    }
}

impl Place {
    /// What orders it among those of one time, as bytes: the id, and of an exit behind its entry its own time and
    /// id. Bytes compare as places do.
    pub fn key(&self) -> Vec<u8> {
        let mut key = self.id.0.to_vec();
        if let Some((at, id)) = self.behind {
            // The sign bit the other way round, so that times before 1970 come first.
            key.extend((at.0 ^ i64::MIN).to_be_bytes());
            key.extend(id.0);
        }
        key
    }
}

impl<'t> Neighbours<'t> {
    /// The entries whose journeys the tap may change, in the order of time.
    pub fn links(&self) -> Vec<Link<'t>> {
        let (tap, after) = (self.tap, self.after);
        let next = if tap.has_place() { Some(tap) } else { after };
        let before = self.before.map(|entry| Link { entry, next });
        let own = Link {
            entry: tap,
            next: after,
        };
        let links = before.into_iter().chain([own]);
        links
            .filter(|link| link.entry.is(Direction::Entry))
            .collect()
    }

    /// The conflicts that the tap may raise or clear.
    pub fn findings(&self) -> Vec<Finding<'t>> {
        let has_place = self.tap.has_place();
        let mut findings = Vec::new();
        let mut found = |tap, kind, stands, other| {
            findings.push(Finding {
                tap,
                kind,
                stands,
                other,
            });
        };
        for Link { entry, next } in self.links() {
            let second = next.filter(|next| entry.has_place() && next.is(Direction::Entry));
            let again = second.map(|second| entered_again(entry, second));
            for kind in [ConflictKind::DoubleEntry, ConflictKind::EntryTwice] {
                found(entry, kind, again == Some(kind), second);
            }
        }
        let previous = if has_place {
            Some(self.tap)
        } else {
            self.before
        };
        let exits = [(Some(self.tap), self.before), (self.after, previous)];
        for (exit, previous) in exits {
            let Some(exit) = exit.filter(|exit| exit.is(Direction::Exit)) else {
                continue;
            };
            let paired = exit.has_place() && follows_entry(previous);
            let alone = exit.has_place() && !paired;
            let first = previous.filter(|first| alone && names_the_same(first, exit));
            let is_copy = first.is_some();
            found(exit, ConflictKind::PictureTwice, is_copy, first);
            found(
                exit,
                ConflictKind::ExitWithoutEntry,
                alone && !is_copy,
                None,
            );
            if !paired {
                found(exit, ConflictKind::QuoteDiffers, false, None);
                found(exit, ConflictKind::Unpriced, false, None);
            }
        }
        let untold = match self.tap.evidence {
            None | Some(Evidence::Expired) => self.tap.is_unknown(),
            Some(Evidence::Passed | Evidence::Annulled) => false,
        };
        found(self.tap, ConflictKind::PassageUnknown, untold, None);
        findings
    }
}

/// Whether both are exits of one picture's journey.
fn names_the_same(first: &Tap, second: &Tap) -> bool {
    let (first, second) = (first.confirmation.entry, second.confirmation.entry);
    first.is_some() && first == second
}

fn follows_entry(previous: Option<&Tap>) -> bool {
    previous.is_some_and(|previous| previous.is(Direction::Entry))
}

impl Link<'_> {
    /// What the link says about its entry. `fare` finds what the exit costs.
    pub fn event(&self, fare: impl FnOnce(&Tap) -> Option<Money>) -> Event {
        match (self.entry.standing(), self.next) {
            (Standing::Pending, _) => Event::Tapped,
            (Standing::Annulled, _) => Event::Annulled,
            (Standing::Passed, None) => Event::Alone,
            (Standing::Passed, Some(next)) => match next.direction() {
                Direction::Entry => Event::EnteredAgain,
                Direction::Exit => Event::Exit {
                    exit: next.id,
                    passed: next.standing() == Standing::Passed,
                    fare: fare(next),
                },
            },
        }
    }
}

impl Event {
    /// The same once the day of the entry is over, when a missing exit costs `maximum`.
    #[must_use]
    pub fn once_over(self, maximum: Option<Money>) -> Self {
        match self {
            Self::Alone | Self::EnteredAgain | Self::NoExit(_) => Self::NoExit(maximum),
            Self::Tapped | Self::Annulled | Self::Exit { .. } => self,
        }
    }
}

impl Journey {
    /// What the journey is after `event`, and what has to be done to bring that about. Telling it
    /// the same thing again asks for nothing.
    pub fn on(self, event: Event) -> (Self, Vec<Action>) {
        let next = Self::from(event);
        let mut actions = Vec::new();
        if self.money() != next.money() {
            actions.extend(self.undo_for(next));
            actions.extend(next.money().map(|(_, fare)| Action::Hold(fare)));
            actions.extend(next.captured().map(Action::Capture));
        } else if self.captured() != next.captured() {
            actions.extend(next.captured().map(Action::Capture));
        }
        if self.is_inside() && !next.is_inside() {
            actions.push(Action::Close);
        } else if next.is_inside() && !self.is_inside() {
            actions.push(Action::Open);
        }
        (next, actions)
    }

    /// What was charged, or is held, for this exit: a journey is priced once.
    pub fn fare_for(self, exit: RecordId) -> Option<Money> {
        let charge = self.charge().filter(|charge| charge.exit == exit);
        charge.map(|charge| charge.fare)
    }

    /// What is held or captured.
    pub fn charge(self) -> Option<Charge> {
        match self {
            Self::Held(charge) | Self::Closed(charge) => Some(charge),
            Self::Tapped
            | Self::Annulled
            | Self::Open
            | Self::Incomplete
            | Self::Unpriced { .. }
            | Self::NoExit(_) => None,
        }
    }

    /// The exit confirmation, when there is one.
    pub fn exit(self) -> Option<RecordId> {
        match self {
            Self::Held(charge) | Self::Closed(charge) => Some(charge.exit),
            Self::Unpriced { exit } => Some(exit),
            Self::Tapped | Self::Annulled | Self::Open | Self::Incomplete | Self::NoExit(_) => None,
        }
    }

    /// Its name, for the database and for people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tapped => "tapped",
            Self::Annulled => "annulled",
            Self::Open => "open",
            Self::Incomplete => "incomplete",
            Self::Unpriced { .. } => "unpriced",
            Self::Held(_) => "held",
            Self::Closed(_) => "closed",
            Self::NoExit(_) => "no-exit",
        }
    }

    /// What was charged, or is held, by the journey itself.
    pub fn fare(self) -> Option<Money> {
        self.money().map(|(_, fare)| fare)
    }

    /// The same with the exit that it is for.
    fn money(self) -> Option<(Option<RecordId>, Money)> {
        match self {
            Self::NoExit(fare) => fare.map(|fare| (None, fare)),
            Self::Tapped
            | Self::Annulled
            | Self::Open
            | Self::Incomplete
            | Self::Unpriced { .. }
            | Self::Held(_)
            | Self::Closed(_) => {
                let charge = self.charge();
                charge.map(|charge| (Some(charge.exit), charge.fare))
            }
        }
    }

    fn captured(self) -> Option<Money> {
        match self {
            Self::Closed(charge) => Some(charge.fare),
            Self::NoExit(fare) => fare,
            Self::Tapped
            | Self::Annulled
            | Self::Open
            | Self::Incomplete
            | Self::Unpriced { .. }
            | Self::Held(_) => None,
        }
    }

    /// Whether gates are to know the account as inside: until an exit's passage.
    fn is_inside(self) -> bool {
        match self {
            Self::Open | Self::Held(_) => true,
            Self::Tapped
            | Self::Annulled
            | Self::Incomplete
            | Self::Unpriced { .. }
            | Self::NoExit(_)
            | Self::Closed(_) => false,
        }
    }

    /// What undoes it. That an incident spares the maximum fare, or that another product covers it, needs nobody to look.
    fn undo_for(self, next: Self) -> Vec<Action> {
        match (self, next) {
            (Self::NoExit(Some(fare)), Self::NoExit(_)) => vec![Action::Reverse(fare)],
            (_, _) => self.undo(),
        }
    }

    fn undo(self) -> Vec<Action> {
        match self {
            Self::Held(charge) => vec![Action::Void(charge.fare)],
            Self::Closed(Charge { fare, .. }) | Self::NoExit(Some(fare)) => vec![
                Action::Reverse(fare),
                Action::Conflict(ConflictKind::Repaired),
            ],
            Self::Tapped
            | Self::Annulled
            | Self::Open
            | Self::Incomplete
            | Self::NoExit(None)
            | Self::Unpriced { .. } => Vec::new(),
        }
    }
}

impl From<Event> for Journey {
    fn from(event: Event) -> Self {
        match event {
            Event::Tapped => Self::Tapped,
            Event::Annulled => Self::Annulled,
            Event::Alone => Self::Open,
            Event::EnteredAgain => Self::Incomplete,
            Event::NoExit(fare) => Self::NoExit(fare),
            Event::Exit {
                exit, fare: None, ..
            } => Self::Unpriced { exit },
            Event::Exit {
                exit,
                passed,
                fare: Some(fare),
            } => {
                let charge = Charge { exit, fare };
                if passed {
                    Self::Closed(charge)
                } else {
                    Self::Held(charge)
                }
            }
        }
    }
}

/// The journey between these taps as a tariff prices it, after `earlier` ones of the account.
pub fn ride<'h>(entry: &Tap, exit: &Tap, earlier: &'h [Paid]) -> Ride<'h> {
    Ride {
        class: exit.class(),
        class_until: None,
        entry: entry.end(),
        exit: exit.end(),
        earlier,
    }
}

/// What an exit costs when the tariff says `quote`: nothing where its gate's mode takes no fare,
/// else what the gate showed where that is lower. `alone` is what the tariff says without the account's
/// earlier journeys, of which a gate knows only by a picture.
pub fn price(exit: &Tap, quote: Quote, alone: Money) -> Price {
    price_covered(exit, quote, alone, |quote| (quote, Vec::new())).0
}

/// The same when the account has products, which `cover` lays over a price; and what that uses of them. A gate that
/// was shown a picture may have laid them over the fare that it showed, or may know of none.
pub fn price_covered(
    exit: &Tap,
    quote: Quote,
    alone: Money,
    cover: impl FnOnce(Quote) -> (Quote, Vec<Use>),
) -> (Price, Vec<Use>) {
    let (quote, alone) = match exit.confirmation.mode {
        Mode::FareExempt | Mode::Emergency | Mode::Free => {
            (quote.waived(), Money::zero(alone.currency))
        }
        Mode::Normal
        | Mode::EntryExitExempt
        | Mode::TimeExempt
        | Mode::DateExempt
        | Mode::Closed => (quote, alone),
    };
    let full = quote.fare;
    let (covered, uses) = cover(quote);
    let (priced, shown) = (covered.fare, exit.confirmation.fare_quoted);
    let lower = shown.filter(|shown| {
        shown.currency == priced.currency && (0..priced.minor).contains(&shown.minor)
    });
    let (expected, without) = match exit.confirmation.entry {
        Some(_) => (priced, full),
        None => (alone, alone),
    };
    let price = Price {
        charged: match lower {
            Some(shown) => lowered(covered, shown),
            None => covered,
        },
        expected,
        quote_differs: shown.is_some_and(|shown| shown != expected && shown != without),
    };
    (price, uses)
}

/// The same journey for the fare that the gate showed.
fn lowered(mut quote: Quote, shown: Money) -> Quote {
    let minor = shown.minor.saturating_sub(quote.fare.minor);
    quote.steps.push(FareStep {
        reason: FareReason::AsShown {},
        minor,
    });
    quote.fare = shown;
    quote
}

#[cfg(test)]
mod tests;
