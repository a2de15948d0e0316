//! Identifiers: short codes that people read, and 16-byte numbers that machines make.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Longest short code, in bytes.
pub(crate) const CODE_LEN_MAX: usize = 16;

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A short code with a wrong length or character.
    #[error("{what} {got:?} is not 1 to 16 characters of A-Z, 0-9 and '-'")]
    BadCode {
        /// Which kind of identifier.
        what: &'static str,
        /// What stood there, cut to 32 characters.
        got: String,
    },
    /// A number that is not the right count of hexadecimal digits.
    #[error("{what} is not {digits} hexadecimal digits")]
    BadHex {
        /// Which kind of identifier.
        what: &'static str,
        /// How many digits it has.
        digits: usize,
    },
}

macro_rules! short_code {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            len: u8,
            bytes: [u8; CODE_LEN_MAX],
        }

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                // Only checked ASCII gets in, so neither fallback is ever taken.
                let code = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
                std::str::from_utf8(code).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bad = || IdError::BadCode { what: $what, got: text.chars().take(32).collect() };
                let ok = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'-';
                let mut bytes = [0; CODE_LEN_MAX];
                let len = u8::try_from(text.len()).map_err(|_| bad())?;
                let room = bytes.get_mut(..text.len()).ok_or_else(bad)?;
                if len == 0 || !text.as_bytes().iter().all(ok) {
                    return Err(bad());
                }
                room.copy_from_slice(text.as_bytes());
                Ok(Self { len, bytes })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Lower-case hexadecimal, two digits a byte. For machines: people are shown less.
            pub fn to_hex(&self) -> String {
                to_hex(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                from_hex(text).map(Self).ok_or(IdError::BadHex { what: $what, digits: 2 * $len })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(number: $name) -> Self {
                number.to_hex()
            }
        }
    };
}

macro_rules! shown_whole {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }
    )*};
}

short_code!(
    /// One gate: one controller on one lane, for example `PGY-01`.
    GateId, "gate id"
);
short_code!(
    /// A station, for example `PGY`.
    StationId, "station id"
);
short_code!(
    /// A line, for example `1`.
    LineId, "line id"
);

number!(
    /// The pseudonymous party that pays. Shown masked: the last four digits only.
    AccountId, 16, "account id"
);
number!(
    /// One record of a gate's chain: a UUIDv7 made at the gate before anything is sent.
    RecordId, 16, "record id"
);
number!(
    /// One journey, made by the server.
    JourneyId, 16, "journey id"
);
number!(
    /// One voucher, made by the server.
    VoucherId, 16, "voucher id"
);
number!(
    /// One command to a gate: a UUIDv7 made by the server.
    CommandId, 16, "command id"
);
number!(
    /// One conflict, made by the server.
    ConflictId, 16, "conflict id"
);
number!(
    /// One product that an account has, made by the server.
    ProductId, 16, "product id"
);
number!(
    /// Which code was shown, without being it: the first 16 bytes of a SHA-256.
    CodeRef, 16, "code reference"
);
number!(
    /// Which tariff priced something: the first 16 bytes of the SHA-256 of its canonical form.
    TariffHash, 16, "tariff hash"
);

impl CodeRef {
    /// The reference of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(Sha256::digest(bytes).split_at(16).0);
        Self(id)
    }
}

shown_whole!(
    RecordId, JourneyId, VoucherId, ConflictId, CommandId, ProductId, CodeRef, TariffHash
);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [.., a, b] = self.0;
        f.pad(&format!("…{a:02x}{b:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Lower-case hexadecimal of `bytes`.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The `N` bytes that `text` spells in hexadecimal, or nothing when it does not.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |d: &u8| {
            char::from(*d)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        let [high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn short_codes_hold_what_people_read() {
        for good in ["1", "PGY", "PGY-01", "ABCDEFGHIJKLMNOP"] {
            assert_eq!(good.parse::<GateId>().unwrap().as_str(), good);
        }
        for bad in ["", "pgy", "A B", "ABCDEFGHIJKLMNOPQ", "É", &"A".repeat(300)] {
            assert!(bad.parse::<GateId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_hexadecimal_in_text() {
        let id = RecordId(*b"0123456789abcdef");
        assert_eq!(id.to_hex().parse::<RecordId>().unwrap(), id);
        for bad in [
            "",
            "00",
            "zz",
            &"0".repeat(31),
            &"g".repeat(32),
            &"é".repeat(16),
        ] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn accounts_are_masked_where_people_read_them() {
        let account = AccountId([0xab; 16]);
        assert_eq!(format!("{account} {account:?}"), "…abab …abab");
    }
}
