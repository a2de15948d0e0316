//! Given what, which verdict: one line each.

use super::*;
use crate::sample::{Phone, START, account, at, cny, open_journey, policy, quote, tap};
use Direction::{Entry, Exit};
use fare_protocol::{Currency, Millis, Money, UnixMs};

const HOUR: i64 = 3_600_000;

/// What a verdict depends on. By default everything is in order.
#[derive(Clone, Copy, Debug)]
struct Given {
    role: Role,
    mode: Mode,
    /// The time after the code was made.
    age: i64,
    clock_error: u32,
    /// The time before the credential ends.
    credential_left: i64,
    denied: bool,
    counter: u32,
    last_counter: Option<u32>,
    /// The age of the open journey.
    entered: Option<i64>,
    just_left: bool,
    exit_without_entry: ExitWithoutEntry,
    /// The age of what the caches hold.
    cache: Option<i64>,
    fare: Option<i64>,
    limit: Money,
    not_believed: Option<Refusal>,
}

const OK: Given = Given {
    role: Role::Entry,
    mode: Mode::Normal,
    age: 1_000,
    clock_error: 0,
    credential_left: HOUR,
    denied: false,
    counter: 8,
    last_counter: Some(7),
    entered: None,
    just_left: false,
    exit_without_entry: ExitWithoutEntry::Refuse,
    cache: Some(1_000),
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
            last_counter: self.last_counter,
            denied: self.denied,
            cache_as_of: self.cache.map(ago),
            quote: self.fare.map(quote),
        };
        let policy = LanePolicy {
            exit_without_entry: self.exit_without_entry,
            ..policy(self.role)
        };
        let just_left = |who| self.just_left && who == account(1);
        Admission {
            policy: &policy,
            mode: self.mode,
            just_left,
            now,
        }
        .decide(&tap)
    }
}

fn check(rows: &[(&str, Given, Result<Direction, Refusal>)]) {
    for (what, given, expected) in rows {
        let got = given.verdict().map(|draft| draft.direction);
        assert_eq!(got, *expected, "{what}: {given:?}");
    }
}

#[test]
fn riders_in_order_are_admitted() {
    check(&[
        ("entry", OK, Ok(Entry)),
        ("exit", OUT, Ok(Exit)),
        ("both ways, not inside", BOTH, Ok(Entry)),
        (
            "both ways, inside",
            Given {
                entered: Some(HOUR / 2),
                ..BOTH
            },
            Ok(Exit),
        ),
        (
            "both ways, inside for days",
            Given {
                entered: Some(99 * HOUR),
                ..BOTH
            },
            Ok(Exit),
        ),
        (
            "nothing ever seen of the phone",
            Given {
                last_counter: None,
                ..OK
            },
            Ok(Entry),
        ),
        (
            "nothing ever heard of the server",
            Given { cache: None, ..OK },
            Ok(Entry),
        ),
    ]);
}

#[test]
fn what_is_not_believed_is_refused_as_it_is() {
    for refusal in [
        Refusal::Unreadable,
        Refusal::NotOurs,
        Refusal::BadSignature,
        Refusal::UnknownIssuerKey,
        Refusal::IssuerKeyNotValid,
    ] {
        let given = Given {
            not_believed: Some(refusal),
            ..OK
        };
        assert_eq!(given.verdict(), Err(refusal));
        let closed = Given {
            mode: Mode::Closed,
            ..given
        };
        assert_eq!(closed.verdict(), Err(Refusal::GateClosed));
    }
}

#[test]
fn a_code_lives_from_its_making_for_its_lifetime() {
    use Refusal::{CodeExpired, CredentialExpired, MadeInFuture};
    let aged = |age, clock_error| Given {
        age,
        clock_error,
        ..OK
    };
    let left = |credential_left, clock_error| Given {
        credential_left,
        clock_error,
        ..OK
    };
    let exempt = |mode, given: Given| Given { mode, ..given };
    check(&[
        ("last moment", aged(60_000, 0), Ok(Entry)),
        ("past it", aged(60_001, 0), Err(CodeExpired)),
        (
            "past it, but for the gate's clock",
            aged(60_500, 500),
            Ok(Entry),
        ),
        ("past it by any clock", aged(60_501, 500), Err(CodeExpired)),
        ("phone a little ahead", aged(-2_000, 0), Ok(Entry)),
        ("phone ahead", aged(-2_001, 0), Err(MadeInFuture)),
        (
            "phone ahead, but for the gate's clock",
            aged(-2_500, 500),
            Ok(Entry),
        ),
        (
            "phone ahead of any clock",
            aged(-2_501, 500),
            Err(MadeInFuture),
        ),
        (
            "time exempt, old",
            exempt(Mode::TimeExempt, aged(HOUR, 0)),
            Ok(Entry),
        ),
        (
            "time exempt, ahead",
            exempt(Mode::TimeExempt, aged(-HOUR, 0)),
            Ok(Entry),
        ),
        (
            "date exempt, old",
            exempt(Mode::DateExempt, aged(HOUR, 0)),
            Err(CodeExpired),
        ),
        ("credential's last moment", left(1, 0), Ok(Entry)),
        ("credential's end", left(0, 0), Err(CredentialExpired)),
        (
            "credential's end, but for the gate's clock",
            left(-499, 500),
            Ok(Entry),
        ),
        (
            "credential's end by any clock",
            left(-500, 500),
            Err(CredentialExpired),
        ),
        (
            "date exempt",
            exempt(Mode::DateExempt, left(-HOUR, 0)),
            Ok(Entry),
        ),
        (
            "time exempt",
            exempt(Mode::TimeExempt, left(-HOUR, 0)),
            Err(CredentialExpired),
        ),
    ]);
}

#[test]
fn accounts_and_phones_that_are_known() {
    check(&[
        ("denied", Given { denied: true, ..OK }, Err(Refusal::Denied)),
        (
            "denied on the way out",
            Given {
                denied: true,
                ..OUT
            },
            Err(Refusal::Denied),
        ),
        (
            "the last code again",
            Given { counter: 7, ..OK },
            Err(Refusal::CounterReplayed),
        ),
        (
            "an older code",
            Given { counter: 1, ..OK },
            Err(Refusal::CounterReplayed),
        ),
        (
            "time exempt does not excuse a copy",
            Given {
                counter: 7,
                mode: Mode::TimeExempt,
                ..OK
            },
            Err(Refusal::CounterReplayed),
        ),
    ]);
}

#[test]
fn the_journey_decides_the_direction() {
    use Refusal::{NoEntry, Passback, WrongDirection};
    let inside = |ms| Given {
        entered: Some(ms),
        ..OK
    };
    let lost = Given {
        entered: None,
        fare: None,
        ..OUT
    };
    let left = Given {
        just_left: true,
        ..lost
    };
    let admit = |given: Given| Given {
        exit_without_entry: ExitWithoutEntry::Admit,
        ..given
    };
    let exempt = |given: Given| Given {
        mode: Mode::EntryExitExempt,
        ..given
    };
    check(&[
        ("inside already", inside(HOUR), Err(Passback)),
        ("an entry long ago", inside(HOUR + 1), Ok(Entry)),
        (
            "an entry by a clock that is ahead",
            inside(-1_000),
            Err(Passback),
        ),
        ("exempt, inside already", exempt(inside(1)), Ok(Entry)),
        ("no entry", lost, Err(NoEntry)),
        (
            "no entry, last fresh moment",
            Given {
                cache: Some(60_000),
                ..lost
            },
            Err(NoEntry),
        ),
        (
            "no entry, as far as an old cache goes",
            Given {
                cache: Some(60_001),
                ..lost
            },
            Ok(Exit),
        ),
        (
            "no entry, never heard of the server",
            Given {
                cache: None,
                ..lost
            },
            Ok(Exit),
        ),
        ("no entry, admitted by policy", admit(lost), Ok(Exit)),
        ("no entry, exempt", exempt(lost), Ok(Exit)),
        ("out again", left, Err(WrongDirection)),
        (
            "out again, whatever the cache",
            Given {
                cache: None,
                ..left
            },
            Err(WrongDirection),
        ),
        (
            "out again, whatever the policy",
            admit(left),
            Err(WrongDirection),
        ),
        ("out again, exempt", exempt(left), Ok(Exit)),
        (
            "out, in elsewhere, out",
            Given {
                just_left: true,
                ..OUT
            },
            Ok(Exit),
        ),
        (
            "out and in again at a gate for both",
            Given {
                just_left: true,
                ..BOTH
            },
            Ok(Entry),
        ),
        (
            "out and in again",
            Given {
                just_left: true,
                ..OK
            },
            Ok(Entry),
        ),
    ]);
}

#[test]
fn the_fare_must_be_within_the_limit() {
    let fare = |fare| Given {
        fare: Some(fare),
        ..OUT
    };
    let euro = Money {
        currency: "EUR".parse().unwrap_or(Currency::CNY),
        ..OK.limit
    };
    check(&[
        ("at the limit", fare(1_000), Ok(Exit)),
        ("above it", fare(1_001), Err(Refusal::OverFareLimit)),
        (
            "above it, fare exempt",
            Given {
                mode: Mode::FareExempt,
                ..fare(1_001)
            },
            Ok(Exit),
        ),
        (
            "a limit in another money",
            Given { limit: euro, ..OUT },
            Err(Refusal::OverFareLimit),
        ),
        (
            "nothing to pay",
            Given {
                limit: euro,
                ..fare(0)
            },
            Ok(Exit),
        ),
        (
            "an entry costs nothing yet",
            Given {
                fare: Some(1_001),
                ..OK
            },
            Ok(Entry),
        ),
        (
            "no quote",
            Given {
                fare: None,
                limit: cny(0),
                ..OUT
            },
            Ok(Exit),
        ),
    ]);
}

#[test]
fn the_first_rule_that_fails_wins() {
    let mut given = Given {
        role: Role::Exit,
        credential_left: 0,
        age: 60_001,
        denied: true,
        counter: 7,
        entered: None,
        just_left: true,
        fare: Some(1_001),
        ..OK
    };
    let mends: [(Refusal, fn(&mut Given)); 7] = [
        (Refusal::CredentialExpired, |given| {
            given.credential_left = 1
        }),
        (Refusal::CodeExpired, |given| given.age = 0),
        (Refusal::Denied, |given| given.denied = false),
        (Refusal::CounterReplayed, |given| given.counter = 8),
        (Refusal::WrongDirection, |given| given.just_left = false),
        (Refusal::NoEntry, |given| given.cache = None),
        (Refusal::OverFareLimit, |given| given.fare = None),
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
    let entry = entry.map(|draft| (draft.fare_quoted, draft.tariff, draft.counter, draft.rules));
    assert_eq!(entry, Ok((None, None, 8, RULES_VERSION)));
}
