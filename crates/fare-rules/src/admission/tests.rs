//! Given what, which verdict: one line each.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::FirstRide;
use crate::sample::{
    Phone, START, account, at, cny, open_journey, paper_code, picture, policy, quote, tap,
};
use Direction::{Entry, Exit};
use Refusal::*;
use fare_protocol::{Currency, Millis, Money, Signer, UnixMs};

/// Each line: what, given what besides, which verdict.
macro_rules! verdicts {
    ($($what:literal: $base:ident { $($field:ident: $value:expr),* } => $verdict:expr;)*) => {$(
        #[allow(unused_mut)]
        let mut given = $base;
        $(given.$field = $value;)*
        let got = given.verdict().map(|draft| draft.direction);
        assert_eq!(got, $verdict, "{}: {given:?}", $what);
    )*};
}

const HOUR: i64 = 3_600_000;

/// What a verdict depends on. By default everything is in order.
#[derive(Clone, Copy, Debug)]
struct Given {
    role: Role,
    mode: Mode,
    /// The time after the code was made.
    age: i64,
    clock_error: u32,
    beyond: ClockBeyond,
    /// The time before the credential ends.
    credential_left: i64,
    denied: bool,
    key_denied: bool,
    counter: u32,
    last_counter: Option<u32>,
    /// The age of the open journey.
    entered: Option<i64>,
    just_left: bool,
    exit_without_entry: ExitWithoutEntry,
    /// The age of what the caches hold.
    cache: Option<i64>,
    /// How often the account came in since then.
    entries: u32,
    /// Nothing is known of the account.
    first: Option<FirstRide>,
    fare: Option<i64>,
    limit: Money,
    not_believed: Option<Refusal>,
}

const OK: Given = Given {
    role: Role::Entry,
    mode: Mode::Normal,
    age: 1_000,
    clock_error: 0,
    beyond: ClockBeyond::TimeExempt,
    credential_left: HOUR,
    denied: false,
    key_denied: false,
    counter: 8,
    last_counter: Some(7),
    entered: None,
    just_left: false,
    exit_without_entry: ExitWithoutEntry::Refuse,
    cache: Some(1_000),
    entries: 0,
    first: None,
    fare: None,
    limit: Money::new(1_000, Currency::CNY),
    not_believed: None,
};

const OUT: Given = Given {
    role: Role::Exit,
    entered: Some(HOUR / 2),
    fare: Some(300),
    ..OK
};

const LOST: Given = Given {
    role: Role::Exit,
    ..OK
};

const BOTH: Given = Given {
    role: Role::Both,
    ..OK
};

impl Given {
    fn verdict(&self) -> Result<ConfirmationDraft, Refusal> {
        let now = Stamp {
            error_ms: Millis(self.clock_error),
            ..at(0)
        };
        let ago = |ms: i64| UnixMs(START.0 - ms);
        let phone = Phone {
            made_at: ago(self.age),
            counter: self.counter,
            limit: self.limit,
            not_after: ago(-self.credential_left),
            ..Phone::of(1)
        };
        let mut tap = tap(1, 1, self.not_believed.map_or(Ok(phone.code()), Err));
        tap.facts = Facts {
            open_journey: self.entered.map(|ms| open_journey(1, ago(ms))),
            ended: None,
            last_counter: self.last_counter,
            denied: self.denied,
            key_denied: self.key_denied,
            cache_as_of: self.cache.map(ago),
            entries_since: self.entries,
            first_ride: self.first,
            quote: self.fare.map(quote),
        };
        let policy = LanePolicy {
            alone: [Some(SOON), Some(LATE), None, None],
            exit_without_entry: self.exit_without_entry,
            clock_beyond: self.beyond,
            ..policy(self.role)
        };
        let just_left = |who| self.just_left && who == account(1);
        Admission {
            policy: &policy,
            mode: self.mode,
            direction: direction(policy.role, &tap.facts),
            just_left,
            now,
        }
        .decide(&tap)
    }
}

const SOON: AloneStep = AloneStep {
    after: Millis(600_000),
    entries: 4,
    first_rides_minor: Some(2_000),
};

const LATE: AloneStep = AloneStep {
    after: Millis(7_200_000),
    entries: 1,
    first_rides_minor: Some(1_000),
};

#[test]
fn a_gate_that_is_alone_lets_one_account_in_so_often_and_keeps_nobody_inside() {
    let (soon, late) = (Some(600_000), Some(7_200_000));
    verdicts! {
        "fresh news, however often": OK { cache: Some(599_999), entries: 99 } => Ok(Entry);
        "old news, fewer": OK { cache: soon, entries: 3 } => Ok(Entry);
        "old news, as often": OK { cache: soon, entries: 4 } => Err(OfflineLimit);
        "old news, but for the gate's clock": OK { cache: soon, entries: 4, clock_error: 1 } => Ok(Entry);
        "older news is stricter": OK { cache: late, entries: 1 } => Err(OfflineLimit);
        "older news, the first ride": OK { cache: late } => Ok(Entry);
        "no news ever": OK { cache: None, entries: 1 } => Err(OfflineLimit);
        "no fare is taken": OK { cache: late, entries: 9, mode: Mode::FareExempt } => Ok(Entry);
        "out": OUT { cache: late, entries: 9 } => Ok(Exit);
        "denied first": OK { cache: late, entries: 9, denied: true } => Err(Denied);
        "an old code first": OK { cache: late, entries: 9, last_counter: Some(8) } => Err(CounterReplayed);
        "passback after": OK { cache: late, entries: 9, entered: Some(1_000) } => Err(OfflineLimit);
    }
}

/// A first ride that may cost so much, after such rides for so much.
fn first(taken_minor: i64, minor: i64) -> Option<FirstRide> {
    let may_cost = Some(cny(minor));
    Some(FirstRide {
        taken_minor,
        may_cost,
    })
}

#[test]
fn first_rides_cost_so_much_together_while_the_news_is_old() {
    let (soon, late) = (Some(600_000), Some(7_200_000));
    let trusted = Some(FirstRide {
        taken_minor: 9_999,
        may_cost: None,
    });
    verdicts! {
        "fresh news, whatever it costs": OK { first: first(99_000, 600) } => Ok(Entry);
        "old news, room": OK { cache: soon, first: first(1_400, 600) } => Ok(Entry);
        "old news, no room": OK { cache: soon, first: first(1_401, 600) } => Err(FirstRides);
        "an account that is known": OK { cache: soon, first: None } => Ok(Entry);
        "older news, less": OK { cache: late, first: first(401, 600) } => Err(FirstRides);
        "no news ever": OK { cache: None, first: first(401, 600) } => Err(FirstRides);
        "who costs nothing": OK { cache: late, first: first(9_999, 0) } => Ok(Entry);
        "paid for, or answered for": OK { cache: late, first: trusted } => Ok(Entry);
        "no fare is taken": OK { cache: late, first: first(9_999, 600), mode: Mode::FareExempt } => Ok(Entry);
        "out": OUT { cache: late, first: first(9_999, 600) } => Ok(Exit);
        "both ways, out": BOTH { cache: late, first: first(9_999, 600), entered: Some(HOUR / 2) } => Ok(Exit);
        "denied first": OK { cache: late, first: first(9_999, 600), denied: true } => Err(Denied);
        "too often first": OK { cache: late, first: first(9_999, 600), entries: 1 } => Err(OfflineLimit);
        "passback after": OK { cache: late, first: first(9_999, 600), entered: Some(1_000) } => Err(FirstRides);
    }
    let takes = |given: Given| given.verdict().unwrap().first_ride.map(|takes| takes.minor);
    let new = Given {
        first: first(0, 600),
        ..OK
    };
    assert_eq!(takes(new), Some(600), "also while the news is fresh");
    assert_eq!(takes(OK), None);
    let out = Given {
        first: first(0, 600),
        ..OUT
    };
    assert_eq!(takes(out), None, "an entry alone");
}

#[test]
fn riders_in_order_are_admitted() {
    verdicts! {
        "entry": OK {} => Ok(Entry);
        "exit": OUT {} => Ok(Exit);
        "both ways, not inside": BOTH {} => Ok(Entry);
        "both ways, inside": BOTH { entered: Some(HOUR / 2) } => Ok(Exit);
        "both ways, inside for days": BOTH { entered: Some(99 * HOUR) } => Ok(Exit);
        "nothing ever seen of the phone": OK { last_counter: None } => Ok(Entry);
        "nothing ever heard of the server": OK { cache: None } => Ok(Entry);
    }
}

#[test]
fn what_is_not_believed_is_refused_as_it_is() {
    for refusal in [
        Unreadable,
        NotOurs,
        BadSignature,
        UnknownIssuerKey,
        IssuerKeyNotValid,
    ] {
        let not_believed = Some(refusal);
        verdicts! {
            "open": OK { not_believed: not_believed } => Err(refusal);
            "closed": OK { not_believed: not_believed, mode: Mode::Closed } => Err(GateClosed);
        }
    }
}

#[test]
fn a_code_lives_from_its_making_for_its_lifetime() {
    verdicts! {
        "last moment": OK { age: 60_000 } => Ok(Entry);
        "past it": OK { age: 60_001 } => Err(CodeExpired);
        "past it, but for the gate's clock": OK { age: 60_500, clock_error: 500 } => Ok(Entry);
        "past it by any clock": OK { age: 60_501, clock_error: 500 } => Err(CodeExpired);
        "phone a little ahead": OK { age: -2_000 } => Ok(Entry);
        "phone ahead": OK { age: -2_001 } => Err(MadeInFuture);
        "phone ahead, but for the gate's clock": OK { age: -2_500, clock_error: 500 } => Ok(Entry);
        "phone ahead of any clock": OK { age: -2_501, clock_error: 500 } => Err(MadeInFuture);
        "time exempt, old": OK { age: HOUR, mode: Mode::TimeExempt } => Ok(Entry);
        "time exempt, ahead": OK { age: -HOUR, mode: Mode::TimeExempt } => Ok(Entry);
        "date exempt, old": OK { age: HOUR, mode: Mode::DateExempt } => Err(CodeExpired);
    }
}

#[test]
fn a_clock_that_may_be_far_off_judges_no_age() {
    let refuse = ClockBeyond::Refuse;
    verdicts! {
        "old, at the limit": OK { age: 90_000, clock_error: 30_000 } => Ok(Entry);
        "older than the limit widens": OK { age: 90_001, clock_error: 30_000 } => Err(CodeExpired);
        "beyond the limit": OK { age: HOUR, clock_error: 30_001 } => Ok(Entry);
        "ahead, beyond the limit": OK { age: -HOUR, clock_error: u32::MAX } => Ok(Entry);
        "the limit refuses nobody": OK { clock_error: 30_000, beyond: refuse } => Ok(Entry);
        "beyond it": OK { clock_error: 30_001, beyond: refuse } => Err(ClockUnsure);
        "whatever else": OK { clock_error: 30_001, beyond: refuse, denied: true } => Err(ClockUnsure);
        "what is known all the same":
            OK { clock_error: 30_001, beyond: refuse, not_believed: Some(NotOurs) } => Err(NotOurs);
        "ended by any clock": OK { credential_left: -HOUR, clock_error: 30_001 }
            => Err(CredentialExpired);
        "may not have ended": OK { credential_left: -HOUR, clock_error: u32::MAX } => Ok(Entry);
        "a copy": OK { counter: 7, clock_error: u32::MAX } => Err(CounterReplayed);
        "fresh by any clock":
            LOST { cache: Some(30_000), clock_error: 30_000 } => Err(NoEntry);
        "perhaps not fresh": LOST { cache: Some(30_001), clock_error: 30_000 } => Ok(Exit);
    }
    let mode = |given: Given| given.verdict().map(|draft| draft.mode);
    let unsure = Given {
        clock_error: 30_001,
        ..OK
    };
    assert_eq!(mode(OK), Ok(Mode::Normal));
    assert_eq!(mode(unsure), Ok(Mode::TimeExempt));
    for other in [Mode::EntryExitExempt, Mode::FareExempt, Mode::DateExempt] {
        let given = Given {
            mode: other,
            ..unsure
        };
        assert_eq!(mode(given), Ok(other), "one mode stands in a confirmation");
    }
}

#[test]
fn a_credential_ends_at_its_date() {
    verdicts! {
        "last moment": OK { credential_left: 1 } => Ok(Entry);
        "end": OK { credential_left: 0 } => Err(CredentialExpired);
        "end, but for the gate's clock": OK { credential_left: -499, clock_error: 500 } => Ok(Entry);
        "end by any clock": OK { credential_left: -500, clock_error: 500 } => Err(CredentialExpired);
        "date exempt": OK { credential_left: -HOUR, mode: Mode::DateExempt } => Ok(Entry);
        "time exempt": OK { credential_left: 0, mode: Mode::TimeExempt } => Err(CredentialExpired);
    }
}

#[test]
fn accounts_and_phones_that_are_known() {
    verdicts! {
        "denied": OK { denied: true } => Err(Denied);
        "denied on the way out": OUT { denied: true } => Err(Denied);
        "a lost phone": OK { key_denied: true } => Err(KeyDenied);
        "a lost phone on the way out": OUT { key_denied: true } => Err(KeyDenied);
        "a lost phone of a denied account": OK { key_denied: true, denied: true } => Err(Denied);
        "the last code again": OK { counter: 7 } => Err(CounterReplayed);
        "an older code": OK { counter: 1 } => Err(CounterReplayed);
        "a copy, time exempt": OK { counter: 7, mode: Mode::TimeExempt } => Err(CounterReplayed);
    }
}

#[test]
fn nobody_enters_twice() {
    verdicts! {
        "inside already": OK { entered: Some(HOUR) } => Err(Passback);
        "an entry long ago": OK { entered: Some(HOUR + 1) } => Ok(Entry);
        "an entry by a clock that is ahead": OK { entered: Some(-1_000) } => Err(Passback);
        "exempt": OK { entered: Some(1), mode: Mode::EntryExitExempt } => Ok(Entry);
        "out and in again": OK { just_left: true } => Ok(Entry);
    }
}

#[test]
fn nobody_leaves_who_has_not_entered() {
    let admit = ExitWithoutEntry::Admit;
    verdicts! {
        "no entry": LOST {} => Err(NoEntry);
        "last fresh moment": LOST { cache: Some(60_000) } => Err(NoEntry);
        "as far as an old cache goes": LOST { cache: Some(60_001) } => Ok(Exit);
        "never heard of the server": LOST { cache: None } => Ok(Exit);
        "admitted by policy": LOST { exit_without_entry: admit } => Ok(Exit);
        "exempt": LOST { mode: Mode::EntryExitExempt } => Ok(Exit);
    }
}

#[test]
fn nobody_leaves_twice() {
    let admit = ExitWithoutEntry::Admit;
    verdicts! {
        "out again": LOST { just_left: true } => Err(WrongDirection);
        "whatever the cache": LOST { just_left: true, cache: None } => Err(WrongDirection);
        "whatever the policy":
            LOST { just_left: true, exit_without_entry: admit } => Err(WrongDirection);
        "exempt": LOST { just_left: true, mode: Mode::EntryExitExempt } => Ok(Exit);
        "out, in elsewhere, out": OUT { just_left: true } => Ok(Exit);
        "at a gate for both it is an entry": BOTH { just_left: true } => Ok(Entry);
    }
}

#[test]
fn the_fare_must_be_within_the_limit() {
    let euro = Money {
        currency: "EUR".parse().unwrap(),
        ..OK.limit
    };
    verdicts! {
        "at the limit": OUT { fare: Some(1_000) } => Ok(Exit);
        "above it": OUT { fare: Some(1_001) } => Err(OverFareLimit);
        "above it, exempt": OUT { fare: Some(1_001), mode: Mode::FareExempt } => Ok(Exit);
        "a limit in another money": OUT { limit: euro } => Err(OverFareLimit);
        "nothing to pay": OUT { limit: euro, fare: Some(0) } => Ok(Exit);
        "an entry costs nothing yet": OK { fare: Some(1_001) } => Ok(Entry);
        "no quote": OUT { fare: None, limit: cny(0) } => Ok(Exit);
    }
}

/// Mends one thing.
type Mend = fn(&mut Given);

#[test]
fn the_first_rule_that_fails_wins() {
    let mut given = Given {
        credential_left: 0,
        age: 60_001,
        denied: true,
        counter: 7,
        just_left: true,
        fare: Some(1_001),
        ..LOST
    };
    let mends: [(Refusal, Mend); 7] = [
        (CredentialExpired, |given| given.credential_left = 1),
        (CodeExpired, |given| given.age = 0),
        (Denied, |given| given.denied = false),
        (CounterReplayed, |given| given.counter = 8),
        (WrongDirection, |given| given.just_left = false),
        (NoEntry, |given| given.cache = None),
        (OverFareLimit, |given| given.fare = None),
    ];
    for (refusal, mend) in mends {
        assert_eq!(given.verdict(), Err(refusal));
        mend(&mut given);
    }
    assert!(given.verdict().is_ok());
}

#[test]
fn a_confirmation_says_what_was_decided_on() {
    let exit = OUT
        .verdict()
        .map(|draft| (draft.fare_quoted, draft.tariff.is_some(), draft.mode));
    assert_eq!(exit, Ok((Some(cny(300)), true, Mode::Normal)));
    let free = Given {
        mode: Mode::FareExempt,
        ..OUT
    }
    .verdict();
    let free = free.map(|draft| (draft.fare_quoted, draft.tariff.is_some(), draft.mode));
    assert_eq!(free, Ok((Some(cny(0)), true, Mode::FareExempt)));
    let entry = Given {
        fare: Some(300),
        ..OK
    }
    .verdict();
    let entry = entry.map(|draft| (draft.fare_quoted, draft.tariff, draft.used, draft.rules));
    let device_key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).public();
    let used = Used::Code {
        device_key,
        counter: 8,
    };
    assert_eq!(entry, Ok((None, None, used, RULES_VERSION)));
}

/// A picture at a gate, `ms` after its rider entered.
#[derive(Clone, Copy, Debug)]
struct Shown {
    role: Role,
    mode: Mode,
    ms: i64,
    clock_error: u32,
    beyond: ClockBeyond,
    denied: bool,
    ended: Option<Ended>,
    fare: Option<i64>,
}

const SHOWN: Shown = Shown {
    role: Role::Exit,
    mode: Mode::Normal,
    ms: HOUR / 2,
    clock_error: 0,
    beyond: ClockBeyond::TimeExempt,
    denied: false,
    ended: None,
    fare: Some(300),
};

impl Shown {
    fn verdict(&self) -> Result<ConfirmationDraft, Refusal> {
        let entered_at = UnixMs(START.0 - self.ms);
        let picture = picture(1, |picture| {
            picture.entered_at = entered_at;
            picture.valid_until = UnixMs(entered_at.0 + HOUR);
        });
        let mut tap = tap(1, 1, Err(NotOurs));
        tap.credential = Ok(picture);
        tap.facts = Facts {
            open_journey: Some(open_journey(1, entered_at)),
            ended: self.ended,
            denied: self.denied,
            quote: self.fare.map(quote),
            ..Facts::default()
        };
        let policy = LanePolicy {
            clock_beyond: self.beyond,
            ..policy(self.role)
        };
        Admission {
            policy: &policy,
            mode: self.mode,
            direction: direction(policy.role, &tap.facts),
            // Of the account; what a picture is used up by is its journey.
            just_left: |_| true,
            now: Stamp {
                error_ms: Millis(self.clock_error),
                ..at(0)
            },
        }
        .decide(&tap)
    }
}

#[test]
fn a_picture_lets_its_rider_out_once() {
    let (here, elsewhere) = (Some(Ended::Here), Some(Ended::Elsewhere));
    let refuse = ClockBeyond::Refuse;
    let exempt = Mode::EntryExitExempt;
    verdicts! {
        "out": SHOWN {} => Ok(Exit);
        "at a gate for both it is an exit": SHOWN { role: Role::Both } => Ok(Exit);
        "a fare that could not be found": SHOWN { fare: None } => Ok(Exit);
        "a fare above any ride code's limit": SHOWN { fare: Some(100_000) } => Ok(Exit);
        "not in": SHOWN { role: Role::Entry } => Err(PictureAtEntry);
        "not in, however old": SHOWN { role: Role::Entry, ms: 9 * HOUR } => Err(PictureAtEntry);
        "last moment": SHOWN { ms: HOUR - 1 } => Ok(Exit);
        "over": SHOWN { ms: HOUR } => Err(PictureExpired);
        "over, but for the gate's clock": SHOWN { ms: HOUR + 499, clock_error: 500 } => Ok(Exit);
        "over by any clock": SHOWN { ms: HOUR + 500, clock_error: 500 } => Err(PictureExpired);
        "over, time exempt": SHOWN { ms: 9 * HOUR, mode: Mode::TimeExempt } => Ok(Exit);
        "over, by a clock that is unsure": SHOWN { ms: 9 * HOUR, clock_error: 30_001 } => Ok(Exit);
        "a clock that refuses": SHOWN { clock_error: 30_001, beyond: refuse } => Err(ClockUnsure);
        "by a clock that is behind": SHOWN { ms: -HOUR } => Ok(Exit);
        "denied": SHOWN { denied: true, ended: here } => Err(Denied);
        "used here": SHOWN { ended: here } => Err(PictureUsed);
        "used here, exempt": SHOWN { ended: here, mode: exempt } => Err(PictureUsed);
        "over elsewhere": SHOWN { ended: elsewhere } => Err(JourneyEnded);
        "over elsewhere, exempt": SHOWN { ended: elsewhere, mode: exempt } => Ok(Exit);
        "closed": SHOWN { mode: Mode::Closed } => Err(GateClosed);
    }
}

#[test]
fn the_confirmation_of_a_picture_names_its_entry() {
    let draft = SHOWN.verdict().unwrap();
    let entry = open_journey(1, START).entry;
    assert_eq!(draft.used, Used::Picture { entry });
    assert_eq!(
        (draft.account, draft.fare_quoted),
        (account(1), Some(cny(300)))
    );
    assert_eq!(draft.used.entry(), Some(entry));
}

/// A paper code before a gate. By default everything is in order, at an entry.
#[derive(Clone, Copy, Debug)]
struct Paper {
    role: Role,
    mode: Mode,
    /// The time; it is good from an hour before the start to an hour after.
    ms: i64,
    clock_error: u32,
    beyond: ClockBeyond,
    denied: bool,
    ended: Option<Ended>,
    /// How long ago its journey began.
    entered: Option<i64>,
    fare: Option<i64>,
    /// The age of what the caches hold.
    cache: Option<i64>,
}

const PAPER: Paper = Paper {
    role: Role::Entry,
    mode: Mode::Normal,
    ms: 0,
    clock_error: 0,
    beyond: ClockBeyond::TimeExempt,
    denied: false,
    ended: None,
    entered: None,
    fare: None,
    cache: Some(1_000),
};

const PAPER_OUT: Paper = Paper {
    role: Role::Exit,
    entered: Some(HOUR / 2),
    fare: Some(500),
    ..PAPER
};

impl Paper {
    fn verdict(&self) -> Result<ConfirmationDraft, Refusal> {
        let now = UnixMs(START.0 + self.ms);
        let ago = |ms: i64| UnixMs(now.0 - ms);
        let mut tap = tap(1, 1, Err(NotOurs));
        tap.credential = Ok(paper_code(1));
        tap.facts = Facts {
            open_journey: self.entered.map(|ms| open_journey(1, ago(ms))),
            ended: self.ended,
            denied: self.denied,
            quote: self.fare.map(quote),
            cache_as_of: self.cache.map(ago),
            ..Facts::default()
        };
        let policy = LanePolicy {
            clock_beyond: self.beyond,
            ..policy(self.role)
        };
        Admission {
            policy: &policy,
            mode: self.mode,
            direction: direction(policy.role, &tap.facts),
            just_left: |_| false,
            now: Stamp {
                at: now,
                error_ms: Millis(self.clock_error),
            },
        }
        .decide(&tap)
    }
}

#[test]
fn a_paper_code_lets_one_rider_in_and_out() {
    let (here, both) = (Some(Ended::Here), Role::Both);
    let (refuse, exempt) = (ClockBeyond::Refuse, Mode::TimeExempt);
    verdicts! {
        "in": PAPER {} => Ok(Entry);
        "in, both ways": PAPER { role: both } => Ok(Entry);
        "out": PAPER_OUT {} => Ok(Exit);
        "out, both ways": PAPER_OUT { role: both } => Ok(Exit);
        "nothing ever heard of the server": PAPER { cache: None } => Ok(Entry);
        "first moment": PAPER { ms: -HOUR } => Ok(Entry);
        "too early": PAPER { ms: -HOUR - 1 } => Err(PaperCodeExpired);
        "too early, but for the gate's clock": PAPER { ms: -HOUR - 500, clock_error: 500 } => Ok(Entry);
        "last moment": PAPER { ms: HOUR - 1 } => Ok(Entry);
        "over": PAPER { ms: HOUR } => Err(PaperCodeExpired);
        "over, time exempt": PAPER { ms: 9 * HOUR, mode: exempt } => Ok(Entry);
        "over, and the rider is inside": PAPER_OUT { ms: 9 * HOUR } => Ok(Exit);
        "a clock that refuses": PAPER { clock_error: 30_001, beyond: refuse } => Err(ClockUnsure);
        "in already": PAPER { entered: Some(9_000) } => Err(Passback);
        "in already, days ago": PAPER { entered: Some(99 * HOUR) } => Err(Passback);
        "used, as the server says": PAPER { denied: true } => Err(PaperCodeUsed);
        "used, as the server says, out": PAPER_OUT { denied: true } => Err(PaperCodeUsed);
        "used here": PAPER { ended: here } => Err(PaperCodeUsed);
        "used here, both ways": PAPER { ended: here, role: both } => Err(PaperCodeUsed);
        "used here, out": PAPER_OUT { ended: here, entered: None } => Err(PaperCodeUsed);
        "out without an entry": PAPER_OUT { entered: None } => Err(NoEntry);
        "out, offline": PAPER_OUT { entered: None, fare: None, cache: Some(2 * HOUR) } => Ok(Exit);
        "out for more than it is worth": PAPER_OUT { fare: Some(501) } => Err(OverFareLimit);
        "closed": PAPER { mode: Mode::Closed } => Err(GateClosed);
    }
}

#[test]
fn a_paper_code_has_a_reference_for_each_way() {
    let (way_in, way_out) = (PAPER.verdict().unwrap(), PAPER_OUT.verdict().unwrap());
    assert_ne!(way_in.code_ref, way_out.code_ref);
    assert_eq!(way_in.account, way_out.account);
    assert_eq!(
        (way_out.used, way_out.used.entry()),
        (Used::PaperCode, None)
    );
    assert_eq!(way_out.fare_quoted, Some(cny(500)));
}
