//! Payment platforms' codes that gates ask about: the answer, the code kept until it is charged, and what is
//! forgotten. `docs/decisions/0011-pay-codes.md` says why.
//!
//! ```text
//! ask -> first answer, if there is one -> deny list, platforms -> answer kept, code sealed and kept
//! confirmation, passage: as of any other account; the exit is charged by the desk, with the code
//! charged, declined, or never used -> the code is forgotten
//! ```

mod seal;

pub use seal::{Seal, SealError};

use crate::charging::PlatformId;
use crate::config::Settlement;
use crate::intake;
use crate::store::{AskRow, Gate, Keep, StoreError, Tx};
use fare_protocol::pay_code::PayCodeId;
use fare_protocol::wire::{PayCodeAnswer, PayCodeAsk, PayCodeOutcome, PayCodeRefusal};
use fare_protocol::{Millis, UnixMs};

/// A code by which nothing is to be charged is forgotten after this: the rider was not admitted, or was told late;
/// or the gate has not come to upload, and then the same code is learnt again at the exit.
const UNUSED: Millis = Millis(3_600_000);

/// Longest time for which a code is kept: a service day, and the charge of a missing exit at its end.
const KEPT: Millis = Millis(30 * 3_600_000);

/// How long an ask gets its first answer.
const ANSWERED: Millis = Millis(7 * 86_400_000);

/// How pay codes are taken here.
#[derive(Clone, Debug)]
pub struct PayCodes {
    /// Under what they lie in the database.
    pub seal: Seal,
    /// The platforms that charge them.
    pub platforms: Vec<PlatformId>,
}

/// Why an ask could not be answered; nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The code could not be sealed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// An answer that JSON cannot hold.
    #[error("an answer: {0}")]
    Json(#[from] serde_json::Error),
}

/// An answer's bytes, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What goes to the gate.
    pub json: String,
    /// What is counted.
    pub outcome: Outcome,
}

/// What became of an ask, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The server would charge the code.
    Admitted,
    /// It would not.
    Refused,
    /// It was answered before.
    Repeated,
}

impl Outcome {
    const fn of(admitted: bool) -> Self {
        match admitted {
            true => Self::Admitted,
            false => Self::Refused,
        }
    }

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::Repeated => "repeated",
        }
    }
}

/// Answers what a gate asks about a code, of which `id` was derived before.
///
/// # Errors
/// When nothing could be kept: the gate asks again, or goes by its own policy.
pub fn answer(
    tx: &Tx<'_>,
    settlement: &Settlement,
    house: Option<&PayCodes>,
    (gate, ask, id): (&Gate, &PayCodeAsk, PayCodeId),
    now: UnixMs,
) -> Result<Answered, AskError> {
    let account = id.account();
    if let Some(json) = tx.pay_answer(account, ask.id)? {
        let outcome = Outcome::Repeated;
        return Ok(Answered { json, outcome });
    }
    let platform = house.and_then(|house| Some((house, house.platform(ask)?)));
    let denied = tx.is_denied(account)?;
    let refusal = refusal(house.is_some(), platform.is_some(), denied);
    // Also of who is refused: a gate that admitted by itself has made a fare that is owed.
    if let Some((house, platform)) = platform {
        let sealed = house.seal.seal(account, &ask.code)?;
        tx.put_pay_code(account, platform, &sealed, now)?;
    }
    let admitted = refusal.is_none();
    let outcome = match refusal {
        Some(code) => PayCodeOutcome::Refuse {
            code,
            reason: reason(code, ask),
        },
        None => {
            let (open, paid_before) = intake::open_journey(settlement, tx, account)?.unzip();
            PayCodeOutcome::Admit {
                account,
                open,
                paid_before,
            }
        }
    };
    let json = serde_json::to_string(&PayCodeAnswer {
        id: ask.id,
        as_of_ms: now,
        outcome,
    })?;
    let row = AskRow {
        account,
        ask: ask.id,
        gate: gate.id,
        admitted,
        answer: json.clone(),
    };
    tx.insert_pay_ask(&row, now)?;
    Ok(Answered {
        json,
        outcome: Outcome::of(admitted),
    })
}

fn refusal(taken: bool, has_platform: bool, denied: bool) -> Option<PayCodeRefusal> {
    match (taken, has_platform, denied) {
        (false, _, _) => Some(PayCodeRefusal::NotTaken),
        (true, false, _) => Some(PayCodeRefusal::NoPlatform),
        (true, true, true) => Some(PayCodeRefusal::Denied),
        (true, true, false) => None,
    }
}

/// For people, at the gate and in the conflict inbox.
fn reason(code: PayCodeRefusal, ask: &PayCodeAsk) -> String {
    match code {
        PayCodeRefusal::NotTaken => {
            "this server takes no pay codes; it has no [pay_codes]".to_owned()
        }
        PayCodeRefusal::NoPlatform => {
            let platform = ask.code.platform();
            format!("no platform {platform} that charges pay codes in [charging]")
        }
        PayCodeRefusal::Denied => "the account is on the deny list".to_owned(),
    }
}

/// Forgets codes and asks whose time is over; answers how many codes.
///
/// # Errors
/// Those of the database.
pub fn forget(tx: &Tx<'_>, now: UnixMs) -> Result<u64, StoreError> {
    tx.forget_pay_codes(Keep {
        unused_before: now.before(UNUSED),
        codes_before: now.before(KEPT),
        asks_before: now.before(ANSWERED),
    })
}

impl PayCodes {
    fn platform(&self, ask: &PayCodeAsk) -> Option<PlatformId> {
        let name = ask.code.platform().as_str();
        let mut platforms = self.platforms.iter().copied();
        platforms.find(|id| id.code() == name)
    }
}
