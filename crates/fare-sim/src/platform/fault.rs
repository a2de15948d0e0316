//! What the sandbox does wrong when told to.

use serde::{Deserialize, Serialize};

/// Which calls go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Charging an order.
    Charge,
    /// Asking after one.
    Query,
    /// Taking one back.
    Cancel,
    /// Giving back, and asking after it.
    Refund,
    /// The day's bill.
    Bill,
    /// The next notice.
    Notice,
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Does it, and answers when it is let go.
    Hold,
    /// Does it, and closes the connection.
    LoseAnswer,
    /// Closes the connection and does nothing.
    LoseRequest,
    /// Says no.
    Decline,
    /// Asks the rider: waits until somebody pays.
    AskRider,
    /// Signs with a key that is not the platform's.
    MisSign,
    /// Charges so much more, in minor units; less when negative.
    WrongAmount(i64),
    /// Charges in this currency.
    WrongCurrency(String),
    /// Signs as if its clock were so far ahead, in milliseconds.
    ClockOff(i64),
}
