//! One example of each format, the same in every test.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use ed25519_dalek::SigningKey;
use fare_protocol::bundle::BundleKind;
use fare_protocol::rider::RiderRequest;
use fare_protocol::wire::{Feed, FeedChange, OpenJourney};
use fare_protocol::{
    AccountId, ChainBefore, CommandId, ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome,
    Confirmation, Covers, Currency, Direction, EntryVoucher, ExitVoucher, FareReason, FareSpan,
    FareStep, GeoPoint, InHand, IssuerPart, JourneyId, KeyEntry, KeySet, LaneNo, LetThrough,
    LetThroughBy, LetThroughCommand, Location, Millis, Mode, ModeChange, ModeCommand, ModeSource,
    Modes, Money, Off, PaidBefore, PaperCode, Passage, PassageOutcome, Picture, Record, RecordBody,
    RecordHash, RecordId, Remark, RideCode, RiderClass, RoundingHow, Seq, Signer, Stamp, StationId,
    StepRounding, TariffHash, UnixMs, Voucher, VoucherId,
};

pub const NOW: UnixMs = UnixMs(1_795_430_096_789);
pub const ACCOUNT: AccountId = AccountId(*b"account-00000001");

pub fn issuer() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub fn device() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub fn gate_key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

pub fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

pub fn believed(key: &SigningKey) -> KeySet {
    let (from_ms, until_ms) = (UnixMs(0), UnixMs(i64::MAX));
    KeySet(vec![KeyEntry {
        key: key.public(),
        from_ms,
        until_ms,
    }])
}

pub fn yuan(fen: i64) -> Money {
    Money::new(fen, Currency::CNY)
}

pub fn rider_request() -> RiderRequest<'static> {
    RiderRequest {
        method: "POST",
        target: "/v1/rider/corrections",
        at: NOW,
        body: br#"{"station":"GMO"}"#,
    }
}

pub fn issuer_part() -> IssuerPart {
    IssuerPart {
        account: ACCOUNT,
        device_key: device().public(),
        class: RiderClass::Student,
        fare_limit: yuan(2_000),
        lifetime: Millis(60_000),
        not_after: UnixMs(1_798_761_600_000),
    }
}

pub fn ride_code() -> String {
    RideCode::make(&issuer_part().seal(&issuer()), NOW, 42, &device())
}

pub fn confirmation() -> Record {
    let code = RideCode::parse(ride_code().as_bytes()).unwrap();
    Record {
        id: RecordId(*b"confirmation-001"),
        gate: "GMO-02".parse().unwrap(),
        seq: Seq(1),
        previous: RecordHash::NONE,
        stamp: Stamp {
            at: NOW,
            error_ms: Millis(40),
        },
        body: RecordBody::Confirmation(Confirmation {
            direction: Direction::Exit,
            code_ref: code.claims().code_ref,
            account: ACCOUNT,
            class: RiderClass::Student,
            location: Location {
                station: "GMO".parse().unwrap(),
                line: "1".parse().unwrap(),
                lane: LaneNo(2),
                point: GeoPoint::from_e7(399_085_000, 1_164_615_000).unwrap(),
            },
            mode: Mode::Normal,
            fare_quoted: Some(yuan(500)),
            tariff: Some(TariffHash(*b"tariff-hash-0001")),
            rules: 1,
            entry: None,
        }),
    }
}

/// The exit of a rider who showed a picture.
pub fn naming_confirmation() -> Record {
    let mut record = confirmation();
    if let RecordBody::Confirmation(said) = &mut record.body {
        said.entry = Some(picture().entry);
    }
    record
}

pub fn picture() -> Picture {
    let entered_at = NOW.before(Millis(1_800_000));
    Picture {
        journey: JourneyId(*b"journey-00000001"),
        entry: RecordId(*b"confirmation-000"),
        account: ACCOUNT,
        class: RiderClass::Student,
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at,
        as_of: entered_at.after(Millis(2_000)),
        valid_until: entered_at.after(Millis(14_400_000)),
        paid_before: Some(PaidBefore {
            tariff: TariffHash(*b"tariff-hash-0001"),
            caps: vec![1_200, 4_500],
            discounts: vec![(10_500, 31), (10_500, 31)],
            chain: Some(ChainBefore {
                rule: Some(0),
                from: "GCH".parse().unwrap(),
                entered_at: entered_at.before(Millis(5_400_000)),
                last_entered_at: entered_at.before(Millis(2_400_000)),
                last_to: "PGY".parse().unwrap(),
                last_left_at: entered_at.before(Millis(600_000)),
                journeys: 2,
                minor: 700,
                metres: 12_345,
            }),
        }),
        balance: None,
        products: Vec::new(),
    }
}

/// The same of an account on stored value.
pub fn picture_balance() -> Picture {
    Picture {
        balance: Some(yuan(4_350)),
        ..picture()
    }
}

/// The same of an account with a pass, a multi-ride and a coupon.
pub fn picture_products() -> Picture {
    let product = |offer: &str, covers, used| InHand {
        offer: offer.to_owned(),
        covers,
        used,
        most_minor: None,
        zones: Vec::new(),
    };
    let off = Off::Percent(50);
    Picture {
        products: vec![
            InHand {
                most_minor: Some(400),
                zones: vec!["1".to_owned(), "centre".to_owned()],
                ..product("month", Covers::Pass, 17)
            },
            product("ten", Covers::MultiRide { rides: 10 }, 6),
            product("half", Covers::Coupon { uses: 2, off }, 0),
        ],
        ..picture()
    }
}

pub fn paper_code() -> PaperCode {
    PaperCode {
        account: PaperCode::account(*b"....paper-000001"),
        class: RiderClass::Adult,
        value: yuan(700),
        valid_from: NOW.before(Millis(3_600_000)),
        valid_until: NOW.after(Millis(82_800_000)),
    }
}

pub fn passage() -> Record {
    Record {
        id: RecordId(*b"passage-00000001"),
        seq: Seq(2),
        previous: confirmation().sign(&gate_key()).hash(),
        body: RecordBody::Passage(Passage {
            confirmation: confirmation().id,
            outcome: PassageOutcome::Passed,
        }),
        ..confirmation()
    }
}

pub fn mode_change() -> Record {
    Record {
        id: RecordId(*b"mode-change-0001"),
        seq: Seq(3),
        previous: passage().sign(&gate_key()).hash(),
        body: RecordBody::ModeChange(ModeChange {
            modes: mode_command().modes,
            source: ModeSource::Server,
            command: Some(mode_command().id),
            reason: mode_command().reason,
        }),
        ..confirmation()
    }
}

pub fn mode_command() -> ModeCommand {
    ModeCommand {
        id: CommandId(*b"command-00000001"),
        gate: "GMO-02".parse().unwrap(),
        modes: Modes {
            entry: Mode::Closed,
            exit: Mode::Free,
        },
        reason: "crowd after the match".parse().unwrap(),
    }
}

pub fn let_through() -> Record {
    let command = let_through_command();
    Record {
        id: RecordId(*b"let-through-0001"),
        seq: Seq(4),
        previous: mode_change().sign(&gate_key()).hash(),
        body: RecordBody::LetThrough(LetThrough {
            direction: command.direction,
            by: LetThroughBy::Server(command.id),
            reason: command.reason,
        }),
        ..confirmation()
    }
}

pub fn config_change() -> Record {
    let command = config_command();
    Record {
        id: RecordId(*b"configuration-01"),
        seq: Seq(5),
        previous: let_through().sign(&gate_key()).hash(),
        body: RecordBody::Config(ConfigChange {
            command: command.id,
            outcome: ConfigOutcome::RolledBack,
            in_force: ConfigHash::of("gate = \"GMO-02\"\n"),
            why: Remark::cut("the barrier's board did not answer within 60 s"),
        }),
        ..confirmation()
    }
}

pub fn config_command() -> ConfigCommand {
    ConfigCommand {
        id: CommandId(*b"command-00000003"),
        gate: "GMO-02".parse().unwrap(),
        toml: "gate = \"GMO-02\" # …\n".to_owned(),
        prove_ms: Millis(60_000),
        reason: "new board".parse().unwrap(),
    }
}

pub fn let_through_command() -> LetThroughCommand {
    LetThroughCommand {
        id: CommandId(*b"command-00000002"),
        gate: "GMO-02".parse().unwrap(),
        direction: Direction::Exit,
        reason: "phone is dead".parse().unwrap(),
        until_ms: NOW.after(Millis(30_000)),
    }
}

pub fn entry_voucher() -> Voucher {
    Voucher::Entry(EntryVoucher {
        id: VoucherId(*b"voucher-entry-01"),
        journey: JourneyId(*b"journey-00000001"),
        confirmation: RecordId(*b"confirmation-000"),
        account: ACCOUNT,
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at: NOW.before(Millis(1_800_000)),
        valid_until: NOW.after(Millis(12_600_000)),
        fare_limit: yuan(2_000),
    })
}

/// An exit voucher of version 1.
pub fn exit_voucher() -> Voucher {
    let step = |text: &str, minor| FareStep {
        reason: FareReason::Said {
            text: text.to_owned(),
        },
        minor,
    };
    exit_voucher_with(vec![step("up to 6 km", 300), step("to 22 km", 200)])
}

/// An exit voucher whose steps are data.
pub fn exit_voucher_steps() -> Voucher {
    let reason = FareReason::Distance {
        from: "PGY".parse().unwrap(),
        to: "GMO".parse().unwrap(),
        metres: 21_345,
        up_to_m: 22_000,
        period: None,
        class: Some(RiderClass::Student),
    };
    let cap = FareReason::Cap {
        rule: "daily".to_owned(),
        paid_minor: 1_500,
        span: FareSpan::Day,
        most_minor: 2_000,
    };
    exit_voucher_with(vec![
        FareStep { reason, minor: 600 },
        FareStep {
            reason: cap,
            minor: -100,
        },
    ])
}

pub fn exit_voucher_with(steps: Vec<FareStep>) -> Voucher {
    Voucher::Exit(ExitVoucher {
        id: VoucherId(*b"voucher-exit-001"),
        journey: JourneyId(*b"journey-00000001"),
        entry: RecordId(*b"confirmation-000"),
        exit: RecordId(*b"confirmation-001"),
        account: ACCOUNT,
        from: "PGY".parse().unwrap(),
        to: "GMO".parse().unwrap(),
        entered_at: NOW.before(Millis(1_800_000)),
        left_at: NOW,
        fare: yuan(500),
        tariff: TariffHash(*b"tariff-hash-0001"),
        steps,
    })
}

/// One of every reason, with every value there.
// long: one list
pub fn reasons() -> Vec<FareReason> {
    let (from, to) = ("PGY".parse().unwrap(), "GMO".parse().unwrap());
    let (period, class) = (Some("peak".to_owned()), Some(RiderClass::Child));
    let text = str::to_owned;
    let (how, to_minor) = (RoundingHow::Nearest, 10);
    let rounding = StepRounding { how, to_minor };
    let named = |make: fn(Named) -> FareReason| {
        make(Named {
            from,
            to,
            period: period.clone(),
            class,
        })
    };
    vec![
        named(|by| FareReason::Distance {
            from: by.from,
            to: by.to,
            metres: 21_345,
            up_to_m: 22_000,
            period: by.period,
            class: by.class,
        }),
        named(|by| FareReason::Flat {
            from: by.from,
            to: by.to,
            period: by.period,
            class: by.class,
        }),
        named(|by| FareReason::Zones {
            from: by.from,
            to: by.to,
            from_zone: "1".to_owned(),
            to_zone: "2".to_owned(),
            period: by.period,
            class: by.class,
        }),
        named(|by| FareReason::Pair {
            from: by.from,
            to: by.to,
            period: by.period,
            class: by.class,
        }),
        FareReason::Beyond {
            metres: 20_001,
            times: 2,
            every_m: 20_000,
        },
        FareReason::PeriodShare {
            period: text("off-peak"),
            percent: 80,
            rounding,
        },
        FareReason::ClassShare {
            class: RiderClass::Student,
            percent: 50,
            rounding,
        },
        FareReason::SameStation { at: from },
        FareReason::SameStationWithin {
            at: from,
            minutes: 15,
        },
        FareReason::Transfer {
            rule: text("bus-to-metro"),
            from,
            paid_minor: 300,
        },
        FareReason::DiscountPaid {
            paid_minor: 15_000,
            span: FareSpan::Month,
            percent: 50,
            rounding,
        },
        FareReason::DiscountJourneys {
            journeys: 31,
            span: FareSpan::Week,
            percent: 80,
            rounding,
        },
        FareReason::OverTime {
            minutes: 7,
            after_min: 240,
        },
        FareReason::Cap {
            rule: text("daily"),
            paid_minor: 1_500,
            span: FareSpan::Day,
            most_minor: 2_000,
        },
        FareReason::NoExit {
            class: RiderClass::Adult,
        },
        FareReason::NoEntry {
            class: RiderClass::Staff,
        },
        FareReason::Waived {},
        FareReason::PaperValue { value_minor: 600 },
        FareReason::AsShown {},
        FareReason::Pass {
            product: text("month"),
        },
        FareReason::MultiRide {
            product: text("ten"),
            nth: 3,
            rides: 10,
        },
        FareReason::Coupon {
            product: text("welcome"),
            nth: 1,
            uses: 2,
        },
        FareReason::Said {
            text: text("up to 6 km"),
        },
    ]
}

struct Named {
    from: StationId,
    to: StationId,
    period: Option<String>,
    class: Option<RiderClass>,
}

pub fn feed() -> Feed {
    Feed {
        as_of_ms: NOW,
        cursor: 7,
        snapshot: false,
        issuers: Some(believed(&issuer())),
        tariff: None,
        changes: vec![
            FeedChange::JourneyOpened(OpenJourney {
                account: ACCOUNT,
                entry: RecordId(*b"confirmation-000"),
                station: "PGY".parse().unwrap(),
                line: "1".parse().unwrap(),
                entered_at_ms: NOW,
            }),
            FeedChange::Denied { account: ACCOUNT },
            FeedChange::ModeCommanded(mode_command()),
            FeedChange::LetThroughCommanded(let_through_command()),
            FeedChange::ConfigCommanded(Box::new(config_command())),
        ],
    }
}

pub fn bundle_part(kind: BundleKind) -> Vec<u8> {
    let (writer, reader) = match kind {
        BundleKind::Records => (gate_key(), server_key()),
        BundleKind::Answers => (server_key(), gate_key()),
    };
    let gate = "PGY-01".parse().unwrap();
    let json = br#"{"what":"stands here"}"#;
    fare_protocol::bundle::seal(kind, gate, json, &writer, &reader.public(), [9; 32]).unwrap()
}
