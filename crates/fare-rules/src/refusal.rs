//! Why a rider is not admitted: one ordered list for display, log, journal, counters and documents.
//!
//! The order of the variants is the order of the rules: the first one that fails is the one the
//! rider is told. Numbers are stable and never used for anything else again. The table for people
//! is `docs/refusals.md`.

use std::fmt;

/// Why a rider is not admitted; earlier variants win over later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The gate admits nobody.
    GateClosed,
    /// A ride code by its first characters, and not one by its bytes.
    Unreadable,
    /// Some other code: an advertisement, a ticket of another network.
    NotOurs,
    /// A picture, which lets nobody in.
    PictureAtEntry,
    /// A payment platform's code, at a gate that takes none.
    PayCodeNotTaken,
    /// Altered or forged: a signature does not hold.
    BadSignature,
    /// Signed by an issuer key this gate does not have.
    UnknownIssuerKey,
    /// Signed by an issuer key outside its time.
    IssuerKeyNotValid,
    /// The issuer's part has passed its end date.
    CredentialExpired,
    /// The code has outlived its lifetime.
    CodeExpired,
    /// The code's time of making lies ahead of the gate's clock.
    MadeInFuture,
    /// The gate's clock may be off by too much to judge any time.
    ClockUnsure,
    /// The picture has outlived its time.
    PictureExpired,
    /// The paper code is not good at this time.
    PaperCodeExpired,
    /// The account is on the deny list.
    Denied,
    /// The code, or a later one of the same phone, was used before.
    CounterReplayed,
    /// This gate saw the account go through since the entry that the picture is for.
    PictureUsed,
    /// The server would not charge the pay code.
    PayCodeNotAccepted,
    /// The account was let in as often as is allowed while the server's news is old.
    OfflineLimit,
    /// The paper code's journey is over, as this gate saw or the server says; or staff have withdrawn it.
    PaperCodeUsed,
    /// The phone's key is on the deny list.
    KeyDenied,
    /// A first ride, and first rides may cost as much as is allowed while the server's news is old.
    FirstRides,
    /// The account has entered and not left.
    Passback,
    /// The account has just left through this gate and is shown to go out once more.
    WrongDirection,
    /// Exit without a known entry.
    NoEntry,
    /// The server says that the picture's journey is over.
    JourneyEnded,
    /// The journey costs more than the issuer allows without asking.
    OverFareLimit,
    /// The journal could not commit the confirmation.
    NotRecorded,
    /// The barrier did not open.
    BarrierFault,
    /// The server was asked about a pay code and did not answer in time.
    ServerSilent,
}

impl Refusal {
    /// All refusals, in order of precedence.
    pub const ALL: [Self; 30] = [
        Self::GateClosed,
        Self::Unreadable,
        Self::NotOurs,
        Self::PictureAtEntry,
        Self::PayCodeNotTaken,
        Self::BadSignature,
        Self::UnknownIssuerKey,
        Self::IssuerKeyNotValid,
        Self::CredentialExpired,
        Self::CodeExpired,
        Self::MadeInFuture,
        Self::ClockUnsure,
        Self::PictureExpired,
        Self::PaperCodeExpired,
        Self::Denied,
        Self::CounterReplayed,
        Self::PictureUsed,
        Self::PayCodeNotAccepted,
        Self::OfflineLimit,
        Self::PaperCodeUsed,
        Self::KeyDenied,
        Self::FirstRides,
        Self::Passback,
        Self::WrongDirection,
        Self::NoEntry,
        Self::JourneyEnded,
        Self::OverFareLimit,
        Self::NotRecorded,
        Self::BarrierFault,
        Self::ServerSilent,
    ];

    /// The stable number: tens are groups (gate, reading, trust, time, account, journey, money,
    /// devices).
    pub fn number(self) -> u16 {
        match self {
            Self::GateClosed => 10,
            Self::Unreadable => 20,
            Self::NotOurs => 21,
            Self::PictureAtEntry => 22,
            Self::PayCodeNotTaken => 23,
            Self::BadSignature => 30,
            Self::UnknownIssuerKey => 31,
            Self::IssuerKeyNotValid => 32,
            Self::CredentialExpired => 40,
            Self::CodeExpired => 41,
            Self::MadeInFuture => 42,
            Self::ClockUnsure => 43,
            Self::PictureExpired => 44,
            Self::PaperCodeExpired => 45,
            Self::Denied => 50,
            Self::CounterReplayed => 51,
            Self::PictureUsed => 52,
            Self::PayCodeNotAccepted => 53,
            Self::OfflineLimit => 54,
            Self::PaperCodeUsed => 55,
            Self::KeyDenied => 56,
            Self::FirstRides => 58,
            Self::Passback => 60,
            Self::WrongDirection => 61,
            Self::NoEntry => 62,
            Self::JourneyEnded => 63,
            Self::OverFareLimit => 70,
            Self::NotRecorded => 80,
            Self::BarrierFault => 81,
            Self::ServerSilent => 82,
        }
    }

    /// The stable name in logs, files and messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::GateClosed => "gate-closed",
            Self::Unreadable => "unreadable",
            Self::NotOurs => "not-ours",
            Self::PictureAtEntry => "picture-at-entry",
            Self::PayCodeNotTaken => "pay-code-not-taken",
            Self::BadSignature => "bad-signature",
            Self::UnknownIssuerKey => "unknown-issuer-key",
            Self::IssuerKeyNotValid => "issuer-key-not-valid",
            Self::CredentialExpired => "credential-expired",
            Self::CodeExpired => "code-expired",
            Self::MadeInFuture => "made-in-future",
            Self::ClockUnsure => "clock-unsure",
            Self::PictureExpired => "picture-expired",
            Self::PaperCodeExpired => "paper-code-expired",
            Self::Denied => "denied",
            Self::CounterReplayed => "counter-replayed",
            Self::PictureUsed => "picture-used",
            Self::PaperCodeUsed => "paper-code-used",
            Self::PayCodeNotAccepted => "pay-code-not-accepted",
            Self::OfflineLimit => "offline-limit",
            Self::KeyDenied => "key-denied",
            Self::FirstRides => "first-rides",
            Self::Passback => "passback",
            Self::WrongDirection => "wrong-direction",
            Self::NoEntry => "no-entry",
            Self::JourneyEnded => "journey-ended",
            Self::OverFareLimit => "over-fare-limit",
            Self::NotRecorded => "not-recorded",
            Self::BarrierFault => "barrier-fault",
            Self::ServerSilent => "server-silent",
        }
    }

    /// What was found, in a few words for people who look at logs; at most 50 characters.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::GateClosed => "this gate is closed",
            Self::Unreadable => "the code could not be read",
            Self::NotOurs => "not a ride code",
            Self::PictureAtEntry => "a picture for the exit was shown at an entry",
            Self::PayCodeNotTaken => "a pay code, and this gate takes none",
            Self::BadSignature => "the code was altered or forged",
            Self::UnknownIssuerKey => "signed with a key this gate does not know",
            Self::IssuerKeyNotValid => "signed with a key outside its time",
            Self::CredentialExpired => "the wallet's credential has expired",
            Self::CodeExpired => "the code is too old",
            Self::MadeInFuture => "the phone's clock is ahead of the gate's",
            Self::ClockUnsure => "the gate's clock may be too far off",
            Self::PictureExpired => "the picture is too old",
            Self::PaperCodeExpired => "the paper code is not good at this time",
            Self::Denied => "the account is on the deny list",
            Self::CounterReplayed => "this code, or a later one, was used before",
            Self::PictureUsed => "the picture was used at this gate before",
            Self::PaperCodeUsed => "the paper code was used, or withdrawn",
            Self::PayCodeNotAccepted => "the server did not accept the pay code",
            Self::OfflineLimit => "entered too often while the gate is alone",
            Self::KeyDenied => "the phone is on the deny list",
            Self::FirstRides => "new here, and the gate has been alone too long",
            Self::Passback => "the account has entered and not left",
            Self::WrongDirection => "the account has just left through this gate",
            Self::NoEntry => "no entry is known",
            Self::JourneyEnded => "the picture's journey is over",
            Self::OverFareLimit => "the fare is above what the issuer allows",
            Self::NotRecorded => "the journal could not record it",
            Self::BarrierFault => "the barrier did not open",
            Self::ServerSilent => "the server did not answer about a pay code in time",
        }
    }

    /// The refusal with this stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    /// What the display tells the rider; at most 60 characters.
    pub fn rider(self) -> &'static str {
        match self {
            Self::GateClosed => "This gate is closed. Please use another one.",
            Self::Unreadable => "We could not read the code. Please show it again.",
            Self::NotOurs => "This is not a ride code. Please show your ride code.",
            Self::PictureAtEntry => "This picture is for the exit. Please show your ride code.",
            Self::PayCodeNotTaken => "Pay codes are not taken here. Please show a ride code.",
            Self::BadSignature => "This code is not valid. Please make a new one.",
            Self::UnknownIssuerKey => "We cannot check this code here yet. Please ask staff.",
            Self::IssuerKeyNotValid => "Please update your wallet and try again.",
            Self::CredentialExpired => "Please go online once to renew your ride code.",
            Self::CodeExpired => "This code is too old. Please make a new one.",
            Self::MadeInFuture => "Please check the time on your phone.",
            Self::ClockUnsure => "This gate does not know the time. Please use another one.",
            Self::PictureExpired => "This picture is too old. Please show your ride code.",
            Self::PaperCodeExpired => "This ticket is not good today. Please ask staff.",
            Self::Denied => "Please settle your account, or ask staff.",
            Self::CounterReplayed => "This code was used. Please make a new one.",
            Self::PictureUsed => "This picture was used here before. Please ask staff.",
            Self::PaperCodeUsed => "This ticket was used already. Please ask staff.",
            Self::PayCodeNotAccepted => "Your pay code was not accepted. Please ask staff.",
            Self::OfflineLimit => "No more rides here for now. Please ask staff.",
            Self::KeyDenied => "This phone is not accepted. Please ask staff.",
            Self::FirstRides => "We cannot take new riders just now. Please ask staff.",
            Self::Passback => "You have already entered. Please ask staff.",
            Self::WrongDirection => "You have just left. Please use an entry gate.",
            Self::NoEntry => "We found no entry for you. Please ask staff.",
            Self::JourneyEnded => "This journey is over already. Please ask staff.",
            Self::OverFareLimit => "This fare is above your limit. Please ask staff.",
            Self::NotRecorded => "Sorry, please try again or use another gate.",
            Self::BarrierFault => "Sorry, the barrier is stuck. Please use another gate.",
            Self::ServerSilent => "We could not check your pay code. Please try again.",
        }
    }

    /// What station staff can do about it.
    // long: one table
    pub fn staff(self) -> &'static str {
        match self {
            Self::GateClosed => "Send the rider to another gate, or open this one.",
            Self::Unreadable => {
                "Ask for a brighter screen held still; clean the glass if it recurs."
            }
            Self::NotOurs => "Ask the rider to open the wallet and show a ride code.",
            Self::PictureAtEntry => {
                "Ask for the ride code instead; the journey of the picture may still be open."
            }
            Self::PayCodeNotTaken => "Ask for a ride code; this gate takes no pay codes.",
            Self::BadSignature => {
                "Ask the rider to reload the wallet; if it recurs, take it for forged."
            }
            Self::UnknownIssuerKey => {
                "Let the rider pass by hand; check that the gate gets the issuer keys."
            }
            Self::IssuerKeyNotValid | Self::CredentialExpired => {
                "Ask the rider to go online once; if many are refused, check the gate's clock."
            }
            Self::CodeExpired => {
                "Ask for a new code, no picture of one; if many, check the gate's clock."
            }
            Self::MadeInFuture => {
                "The phone's clock must be automatic; if many are refused, check the gate's."
            }
            Self::ClockUnsure => {
                "Send riders to other gates; bring the gate's network or NTP back, or change its mode."
            }
            Self::PictureExpired => {
                "Ask for the ride code; if many are refused, check the gate's clock."
            }
            Self::PaperCodeExpired => {
                "Its days are printed on it; if many are refused, check the gate's clock."
            }
            Self::Denied => "The account is on the deny list: send the rider to the desk.",
            Self::CounterReplayed => {
                "Ask for a new code; if it recurs, it may be a copy: look who holds it."
            }
            Self::PictureUsed => {
                "The journey ended here: it may be a copy of the picture, look who holds it."
            }
            Self::PaperCodeUsed => {
                "It is good for one journey: it may be a copy, look who holds it; sell another."
            }
            Self::PayCodeNotAccepted => "Ask for another payment app, or for a ride code.",
            Self::OfflineLimit => "See the rider at the desk; bring the gate's network back.",
            Self::KeyDenied => {
                "The phone was reported, as when it is lost: look who holds it, send the rider to the desk."
            }
            Self::FirstRides => {
                "Sell a paper code, or try another gate; bring this gate's network back."
            }
            Self::Passback => "Look whether two riders share the account, or an exit is missing.",
            Self::WrongDirection => {
                "The account left here just now: look whether a second rider uses it."
            }
            Self::NoEntry => "Ask where the rider entered and settle the journey at the desk.",
            Self::JourneyEnded => {
                "Look at the wallet's receipt; it may be a copy of the picture, look who holds it."
            }
            Self::OverFareLimit => "Send the rider to the desk to pay this journey.",
            Self::NotRecorded => {
                "Send riders to other gates; check the gate's disk and call service."
            }
            Self::BarrierFault => {
                "Clear the lane, check the barrier's power and cable, call service if it stays."
            }
            Self::ServerSilent => "Ask for a ride code; if it recurs, check the gate's network.",
        }
    }

    /// Whether the reason goes away by itself, so that the rider may simply try again.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Unreadable
            | Self::UnknownIssuerKey
            | Self::MadeInFuture
            | Self::ClockUnsure
            | Self::NotRecorded
            | Self::BarrierFault
            | Self::ServerSilent => true,
            Self::GateClosed
            | Self::NotOurs
            | Self::PictureAtEntry
            | Self::PayCodeNotTaken
            | Self::BadSignature
            | Self::IssuerKeyNotValid
            | Self::CredentialExpired
            | Self::CodeExpired
            | Self::PictureExpired
            | Self::PaperCodeExpired
            | Self::Denied
            | Self::CounterReplayed
            | Self::PictureUsed
            | Self::PaperCodeUsed
            | Self::PayCodeNotAccepted
            | Self::OfflineLimit
            | Self::KeyDenied
            | Self::FirstRides
            | Self::Passback
            | Self::WrongDirection
            | Self::NoEntry
            | Self::JourneyEnded
            | Self::OverFareLimit => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests;
