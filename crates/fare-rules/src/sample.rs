//! Riders, codes and gates for the tests of this crate. Only for tests.

#![allow(clippy::unwrap_used)]

use crate::lane::{
    ALONE_STEPS_MAX, ClockBeyond, Display, Draft, Effect, ExitWithoutEntry, Facts, Heard,
    LanePolicy, LetThroughAsked, Note, PayCodePolicy, Role, Tap,
};
use crate::tariff::ByProducts;
use crate::{Quote, Refusal};
use ed25519_dalek::SigningKey;
use fare_protocol::ride_code::VerifiedRideCode;
use fare_protocol::wire::OpenJourney;
use fare_protocol::{
    AccountId, Annulment, CodeRef, Currency, Direction, FareReason, FareStep, IssuerPart,
    JourneyId, KeyEntry, KeySet, LetThrough, LetThroughBy, Millis, Money, PaperCode,
    PassageOutcome, Picture, RecordId, RideCode, RiderClass, ShownPayCode, Signer, Stamp,
    TariffHash, UnixMs, VerifiedCredential,
};

/// When the tests' times begin.
pub(crate) const START: UnixMs = UnixMs(1_800_000_000_000);

/// `ms` after the start, by a clock without error.
pub(crate) fn at(ms: i64) -> Stamp {
    Stamp {
        at: UnixMs(START.0 + ms),
        error_ms: Millis(0),
    }
}

pub(crate) fn policy(role: Role) -> LanePolicy {
    LanePolicy {
        role,
        grace: Millis(10_000),
        passage_timeout: Millis(5_000),
        future_tolerance: Millis(2_000),
        passback_window: Millis(3_600_000),
        exit_without_entry: ExitWithoutEntry::Refuse,
        cache_fresh: Millis(60_000),
        refusal_shown: Millis(3_000),
        clock_error_max: Millis(30_000),
        clock_beyond: ClockBeyond::TimeExempt,
        pay_codes: PayCodePolicy::default(),
        alone: [None; ALONE_STEPS_MAX],
    }
}

/// A code as a phone would make it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phone {
    /// Its key and its rider's account.
    pub(crate) rider: u8,
    pub(crate) made_at: UnixMs,
    pub(crate) counter: u32,
    pub(crate) limit: Money,
    pub(crate) lifetime: Millis,
    pub(crate) not_after: UnixMs,
}

impl Phone {
    pub(crate) fn of(rider: u8) -> Self {
        Self {
            rider,
            made_at: START,
            counter: 1,
            limit: cny(1_000),
            lifetime: Millis(60_000),
            not_after: UnixMs(START.0 + 86_400_000),
        }
    }

    /// Signed by the issuer and by the phone, and believed.
    pub(crate) fn code(&self) -> VerifiedRideCode {
        let issuer = SigningKey::from_bytes(&[200; 32]);
        let device = SigningKey::from_bytes(&[self.rider; 32]);
        let part = IssuerPart {
            account: account(self.rider),
            device_key: device.public(),
            class: RiderClass::Adult,
            fare_limit: self.limit,
            lifetime: self.lifetime,
            not_after: self.not_after,
        };
        let text = RideCode::make(&part.seal(&issuer), self.made_at, self.counter, &device);
        let (from_ms, until_ms) = (UnixMs(i64::MIN), UnixMs(i64::MAX));
        let issuers = KeySet(vec![KeyEntry {
            key: issuer.public(),
            from_ms,
            until_ms,
        }]);
        RideCode::parse(text.as_bytes())
            .unwrap()
            .verify(&issuers, START)
            .unwrap()
    }
}

/// A picture of `rider`, who entered a minute ago, good for an hour, and believed.
pub(crate) fn picture(rider: u8, change: impl FnOnce(&mut Picture)) -> VerifiedCredential {
    let server = SigningKey::from_bytes(&[201; 32]);
    let entered_at = START.before(Millis(60_000));
    let mut picture = Picture {
        journey: JourneyId([98; 16]),
        entry: RecordId([99; 16]),
        account: account(rider),
        class: RiderClass::Adult,
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at,
        as_of: entered_at,
        valid_until: entered_at.after(Millis(3_600_000)),
        paid_before: None,
        balance: None,
        products: Vec::new(),
    };
    change(&mut picture);
    let (from_ms, until_ms) = (UnixMs(i64::MIN), UnixMs(i64::MAX));
    let servers = KeySet(vec![KeyEntry {
        key: server.public(),
        from_ms,
        until_ms,
    }]);
    let signed = Picture::parse(picture.seal(&server).as_bytes()).unwrap();
    signed.verify_within(&servers, at(0)).unwrap().into()
}

/// A paper code worth CNY 5.00, good for two hours from an hour ago, and believed.
pub(crate) fn paper_code(number: u8) -> VerifiedCredential {
    let server = SigningKey::from_bytes(&[201; 32]);
    let code = PaperCode {
        account: PaperCode::account([number; 16]),
        class: RiderClass::Adult,
        value: cny(500),
        valid_from: START.before(Millis(3_600_000)),
        valid_until: START.after(Millis(3_600_000)),
    };
    let (from_ms, until_ms) = (UnixMs(i64::MIN), UnixMs(i64::MAX));
    let servers = KeySet(vec![KeyEntry {
        key: server.public(),
        from_ms,
        until_ms,
    }]);
    let signed = PaperCode::parse(code.seal(&server).as_bytes()).unwrap();
    signed.verify_within(&servers, at(0)).unwrap().into()
}

pub(crate) fn account(rider: u8) -> AccountId {
    AccountId([rider; 16])
}

pub(crate) fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

pub(crate) fn quote(minor: i64) -> Quote {
    let steps = vec![FareStep {
        reason: FareReason::Waived {},
        minor,
    }];
    Quote {
        fare: cny(minor),
        tariff: TariffHash([7; 16]),
        steps,
    }
}

pub(crate) fn open_journey(rider: u8, entered_at_ms: UnixMs) -> OpenJourney {
    OpenJourney {
        account: account(rider),
        entry: RecordId([99; 16]),
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at_ms,
    }
}

/// The confirmation of the tap numbered `n`.
pub(crate) fn confirmation(n: u8) -> RecordId {
    RecordId([n; 16])
}

/// The passage of the tap numbered `n`.
pub(crate) fn passage(n: u8) -> RecordId {
    let mut id = [n; 16];
    id[0] = b'p';
    RecordId(id)
}

/// The tap numbered `n`, showing the bytes called `shown`.
pub(crate) fn tap(n: u8, shown: u8, credential: Result<VerifiedRideCode, Refusal>) -> Tap {
    Tap {
        id: confirmation(n),
        passage_id: passage(n),
        shown: CodeRef([shown; 16]),
        credential: credential.map(Into::into),
        facts: Facts::default(),
        heard: Heard::NotAsked,
    }
}

/// The tap numbered `n`: `rider` shows a pay code.
pub(crate) fn pay_tap(n: u8, rider: u8) -> Tap {
    let code = ShownPayCode {
        account: account(rider),
        code_ref: CodeRef([n; 16]),
    };
    Tap {
        credential: Ok(code.into()),
        ..tap(n, 100 + rider, Err(Refusal::NotOurs))
    }
}

/// Staff let somebody through, as the tap numbered `n` would go.
pub(crate) fn let_through(n: u8, direction: Direction) -> LetThroughAsked {
    LetThroughAsked {
        id: confirmation(n),
        passage_id: passage(n),
        what: LetThrough {
            direction,
            by: LetThroughBy::Staff,
            reason: "phone is dead".parse().unwrap(),
        },
    }
}

/// Effects in few words; times relative to `now`, taps by their numbers.
pub(crate) fn say(effects: &[Effect], now: UnixMs) -> String {
    let words: Vec<_> = effects
        .iter()
        .map(|effect| say_effect(effect, now))
        .collect();
    words.join(", ")
}

fn say_effect(effect: &Effect, now: UnixMs) -> String {
    match effect {
        Effect::Commit(Draft::Confirmation(draft)) => {
            format!(
                "commit {} confirmation{}",
                draft.direction,
                number(draft.id)
            )
        }
        Effect::Commit(Draft::LetThrough(draft)) => {
            let (direction, by) = (draft.what.direction, draft.what.by.code());
            format!(
                "commit let through{}: {direction} by {by}",
                number(draft.id)
            )
        }
        Effect::Commit(Draft::Passage(draft)) => {
            let (outcome, number) = (say_outcome(draft.passage.outcome), number(draft.id));
            format!("commit passage{number}: {outcome}")
        }
        Effect::Commit(Draft::ModeChange(draft)) => format!("commit mode: {}", draft.change.modes),
        Effect::Commit(Draft::Config(draft)) => {
            format!("commit configuration: {}", draft.change.outcome.words())
        }
        Effect::Ask(question) => {
            let (direction, number) = (question.direction, number(question.id));
            format!("ask about {direction}{number}")
        }
        Effect::Open => "open".to_owned(),
        Effect::OpenForAll => "open for all".to_owned(),
        Effect::Close => "close".to_owned(),
        Effect::Show(display) => format!("show {}", say_display(display)),
        Effect::Wake(at) => format!("wake in {} ms", at.since(now)),
        Effect::Note(note) => format!("note {}", say_note(note)),
        Effect::Finished => "finished".to_owned(),
    }
}

/// Tap 1 is the one that is meant when there is only one.
fn number(id: RecordId) -> String {
    match id.0[15] {
        1 => String::new(),
        n => format!(" {n}"),
    }
}

fn say_outcome(outcome: PassageOutcome) -> &'static str {
    match outcome {
        PassageOutcome::Passed => "passed",
        PassageOutcome::Annulled(Annulment::TimedOut) => "annulled, timed out",
        PassageOutcome::Annulled(Annulment::Cancelled) => "annulled, cancelled",
        PassageOutcome::Annulled(Annulment::NotOpened) => "annulled, not opened",
        PassageOutcome::Unknown => "unknown",
    }
}

fn say_display(display: &Display) -> String {
    match display {
        Display::Ready => "ready".to_owned(),
        Display::Asking => "asking".to_owned(),
        Display::Admitted {
            fare,
            by,
            balance,
            as_of,
            ..
        } => {
            let fare = fare.map_or(String::new(), |fare| format!(" for {fare}"));
            let fare = fare + &say_products(*by);
            let left = balance.map_or(String::new(), |left| format!(", {left} left"));
            let as_of = as_of.map_or(String::new(), |at| format!(", as of {}", at.0));
            format!("admitted{fare}{left}{as_of}")
        }
        Display::LetThrough => "let through".to_owned(),
        Display::Refused(refusal) => refusal.to_string(),
        Display::Closed => "closed".to_owned(),
        Display::FreePassage => "free passage".to_owned(),
        Display::OutOfService => "out of service".to_owned(),
    }
}

fn say_products(by: ByProducts) -> String {
    let pass = by.pass.then(|| ", by a pass".to_owned());
    let rides = by
        .rides_left
        .map(|left| format!(", by a multi-ride with {left} left"));
    let coupon = by.coupon.then(|| ", by a coupon".to_owned());
    [pass, rides, coupon].into_iter().flatten().collect()
}

fn say_note(note: &Note) -> String {
    match note {
        Note::Admitted { .. } => "admitted".to_owned(),
        Note::LetThrough { .. } => "let through".to_owned(),
        Note::NotLetThrough { .. } => "not let through".to_owned(),
        Note::Refused { refusal, .. } => refusal.to_string(),
        Note::Passed { after, .. } => format!("passed after {after}"),
        Note::Annulled { .. } => "annulled".to_owned(),
        Note::PassageUnknown { .. } => "passage unknown".to_owned(),
        Note::UnaskedPassage => "unasked passage".to_owned(),
        Note::FreePassage => "free passage".to_owned(),
        Note::PassageNotCommitted { .. } => "passage not committed".to_owned(),
        Note::BarrierFailed => "barrier failed".to_owned(),
        Note::FireAlarm(true) => "fire alarm".to_owned(),
        Note::FireAlarm(false) => "fire alarm over".to_owned(),
        Note::ModeChanged(_) => "mode changed".to_owned(),
        Note::ClockUnsure { unsure: true, .. } => "clock unsure".to_owned(),
        Note::ClockUnsure { unsure: false, .. } => "clock sure".to_owned(),
    }
}

/// Whether a file under `docs/` says `text`; `UPDATE_DOCS=1` makes it say so.
pub(crate) fn assert_documented(name: &str, text: &str) {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let documented = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        documented == text,
        "docs/{name} does not say what the code does; \
         run `UPDATE_DOCS=1 cargo nextest run -p fare-rules documented` and look at the difference"
    );
}
