//! What a gate asks of the server about a pay code, and the answer. JSON over the gates' mutual TLS.

use super::PayCode;
use crate::wire::OpenJourney;
use crate::{AccountId, Direction, PaidBefore, RecordId, UnixMs};
use serde::{Deserialize, Serialize};

/// Longest body of an ask, in bytes.
pub const ASK_LEN_MAX: usize = 2 * 1024;

/// Longest answer, in bytes.
pub const ANSWER_LEN_MAX: usize = 16 * 1024;

/// May this rider go in or out? Holds the pay code: never to be logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayCodeAsk {
    /// The id of the confirmation, should there be one: made before anything is sent, and the same however
    /// often it is asked.
    pub id: RecordId,
    /// Where the rider wants to go, as far as the gate can tell.
    pub direction: Direction,
    /// When the code was shown, by the gate's clock.
    pub at_ms: UnixMs,
    /// The code.
    #[serde(flatten)]
    pub code: PayCode,
}

/// What the server says. A repeat of the ask gets the first answer back, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayCodeAnswer {
    /// To which ask.
    pub id: RecordId,
    /// The server's time behind what it says.
    pub as_of_ms: UnixMs,
    /// Yes or no.
    #[serde(flatten)]
    pub outcome: PayCodeOutcome,
}

/// Yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made for an ask, none is stored"
)]
pub enum PayCodeOutcome {
    /// The server would charge this code. Unused it lapses and costs nothing.
    Admit {
        /// Who pays: what the gate derives too.
        account: AccountId,
        /// The account's journey without an exit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open: Option<OpenJourney>,
        /// What the account paid before that journey, as far as it matters for its price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid_before: Option<PaidBefore>,
    },
    /// The server would not.
    Refuse {
        /// Why, for programs.
        code: PayCodeRefusal,
        /// Why, for people.
        reason: String,
    },
}

/// Why the server would not charge a pay code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayCodeRefusal {
    /// The server takes no pay codes at all.
    NotTaken,
    /// It charges through no platform of this name.
    NoPlatform,
    /// The account is on the deny list.
    Denied,
}

impl PayCodeRefusal {
    /// Its name, as it stands in the answer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotTaken => "not-taken",
            Self::NoPlatform => "no-platform",
            Self::Denied => "denied",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ASK: &str = r#"{"id":"01010101010101010101010101010101","direction":"exit","at_ms":5,"platform":"alipay","code":"280000000000000001"}"#;

    #[test]
    fn an_ask_is_read_as_it_was_written() {
        let ask: PayCodeAsk = serde_json::from_str(ASK).unwrap();
        assert_eq!(ask.code.reveal(), "280000000000000001");
        assert_eq!(serde_json::to_string(&ask).unwrap(), ASK);
        assert!(!format!("{ask:?}").contains("28000"));
        for bad in [
            ASK.replace("alipay", "Alipay"),
            ASK.replace("2800", "28 0"),
            ASK.replace("exit", "out"),
        ] {
            let err = serde_json::from_str::<PayCodeAsk>(&bad).unwrap_err();
            assert!(!err.to_string().contains("0000001"), "{err}");
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        let open = OpenJourney {
            account: AccountId([7; 16]),
            entry: RecordId([9; 16]),
            station: "PGY".parse().unwrap(),
            line: "1".parse().unwrap(),
            entered_at_ms: UnixMs(3),
        };
        let outcomes = [
            PayCodeOutcome::Admit {
                account: AccountId([7; 16]),
                open: Some(open),
                paid_before: None,
            },
            PayCodeOutcome::Admit {
                account: AccountId([7; 16]),
                open: None,
                paid_before: None,
            },
            PayCodeOutcome::Refuse {
                code: PayCodeRefusal::NoPlatform,
                reason: "none".to_owned(),
            },
        ];
        for outcome in outcomes {
            let answer = PayCodeAnswer {
                id: RecordId([1; 16]),
                as_of_ms: UnixMs(4),
                outcome,
            };
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(
                serde_json::from_str::<PayCodeAnswer>(&text).unwrap(),
                answer
            );
        }
        for code in [
            PayCodeRefusal::NotTaken,
            PayCodeRefusal::NoPlatform,
            PayCodeRefusal::Denied,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.code());
        }
    }
}
