//! Taps as a busy gate has them, without phones and frames: what the journal gets of each.

use crate::journal::CommitRequest;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    AccountId, CodeRef, Direction, Millis, Mode, Passage, PassageOutcome, PublicKey, RecordId,
    RiderClass, Signer, Stamp, UnixMs,
};
use fare_rules::{ConfirmationDraft, Draft, PassageDraft, RULES_VERSION, Used};

/// Between two taps, in ms: 40 a minute.
const STEP_MS: u64 = 1_500;

/// Coprime to the number of riders, so that they take turns in an order that looks like none.
const STRIDE: u64 = 7_919;

/// Riders who tap in turn. Their phones are made beforehand, so that making them is not measured.
pub(super) struct Taps {
    phones: Vec<PublicKey>,
    /// The time of tap 0.
    from: UnixMs,
    both_ways: bool,
}

impl Taps {
    /// So many riders, who all enter.
    pub(super) fn in_one_direction(riders: u64, from: UnixMs) -> Self {
        let phone = |n: u64| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&n.to_be_bytes());
            SigningKey::from_bytes(&seed).public()
        };
        Self {
            phones: (0..riders.max(1)).map(phone).collect(),
            from,
            both_ways: false,
        }
    }

    /// So many riders, who enter and leave in turn.
    pub(super) fn both_ways(riders: u64, from: UnixMs) -> Self {
        Self {
            both_ways: true,
            ..Self::in_one_direction(riders, from)
        }
    }

    /// How long so many taps take, in ms.
    pub(super) fn span_ms(taps: u64) -> i64 {
        i64::try_from(taps.saturating_mul(STEP_MS)).unwrap_or(i64::MAX)
    }

    fn confirmation(&self, n: u64) -> ConfirmationDraft {
        let riders = self.phones.len() as u64;
        let rider = n.wrapping_mul(STRIDE) % riders;
        let leaves = self.both_ways && (n / riders) % 2 == 1;
        let phone = usize::try_from(rider).unwrap_or(0);
        ConfirmationDraft {
            id: id(2 * n),
            direction: if leaves {
                Direction::Exit
            } else {
                Direction::Entry
            },
            code_ref: CodeRef(u128::from(n).to_be_bytes()),
            account: AccountId(u128::from(rider).to_be_bytes()),
            class: RiderClass::Adult,
            used: Used::Code {
                device_key: self.phones[phone],
                counter: u32::try_from(n).unwrap_or(u32::MAX),
            },
            mode: Mode::Normal,
            fare_quoted: None,
            tariff: None,
            rules: RULES_VERSION,
            first_ride: None,
        }
    }

    fn at(&self, n: u64) -> UnixMs {
        UnixMs(self.from.0.saturating_add(Self::span_ms(n)))
    }

    fn request(&self, n: u64, draft: Draft) -> CommitRequest {
        let error_ms = Millis(50);
        let stamp = Stamp {
            at: self.at(n),
            error_ms,
        };
        CommitRequest { draft, stamp }
    }

    /// The `n`th tap of all.
    pub(super) fn commit(&self, n: u64) -> CommitRequest {
        self.request(n, Draft::Confirmation(self.confirmation(n)))
    }

    /// Its passage.
    pub(super) fn pass(&self, n: u64) -> CommitRequest {
        let of = self.confirmation(n);
        let passage = PassageDraft {
            id: id(2 * n + 1),
            passage: Passage {
                confirmation: of.id,
                outcome: PassageOutcome::Passed,
            },
            direction: of.direction,
            account: Some(of.account),
            confirmed_at: self.at(n),
        };
        self.request(n, Draft::Passage(passage))
    }
}

fn id(n: u64) -> RecordId {
    // Ascending in its first bytes, as UUIDv7 are.
    RecordId(((u128::from(n) << 80) | 0x7000_8000_0000_0000_0000).to_be_bytes())
}
