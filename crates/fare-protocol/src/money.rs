//! Money in whole minor units of one currency; checked arithmetic only.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An ISO 4217 alphabetic currency code, for example `CNY`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount in minor units (cents, fen) of `currency`; negative in postings only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units.
    pub minor: i64,
    /// Which currency's minor units.
    pub currency: Currency,
}

/// What can go wrong with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three upper-case ASCII letters.
    #[error("a currency is three upper-case letters of ISO 4217, for example CNY")]
    NotACurrency,
    /// Two amounts of different currencies met.
    #[error("cannot add {got} to {expected}: one posting has one currency")]
    CurrencyDiffers {
        /// The currency of the left side.
        expected: Currency,
        /// The currency of the right side.
        got: Currency,
    },
    /// The result does not fit 64 bits.
    #[error("the amount does not fit in 64 bits of minor units")]
    Overflow,
}

impl Currency {
    /// Chinese yuan renminbi.
    pub const CNY: Self = Self(*b"CNY");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // The only constructors check for ASCII letters, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl Currency {
    /// How many decimals its amounts have, by ISO 4217: 2 for most.
    pub const fn decimals(&self) -> u8 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            Ok(_) | Err(_) => Err(MoneyError::NotACurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The sum of both.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyDiffers {
                expected: self.currency,
                got: other.currency,
            });
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }

    /// The same amount with the other sign.
    ///
    /// # Errors
    /// When the amount is the smallest 64-bit number.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self {
            minor,
            currency: self.currency,
        })
    }
}

/// `CNY 3.00`, `JPY 210`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let (minor, decimals) = (self.minor.unsigned_abs(), self.currency.decimals());
        let one = 10_u64.pow(decimals.into());
        let (whole, part) = (minor / one, minor % one);
        let text = match decimals {
            0 => format!("{} {sign}{whole}", self.currency),
            _ => {
                let width = usize::from(decimals);
                format!("{} {sign}{whole}.{part:0width$}", self.currency)
            }
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn currencies_are_three_upper_case_letters() {
        assert_eq!("CNY".parse::<Currency>(), Ok(Currency::CNY));
        for bad in ["", "cny", "CN", "CNYX", "C1Y", "人"] {
            assert_eq!(
                bad.parse::<Currency>(),
                Err(MoneyError::NotACurrency),
                "{bad}"
            );
        }
    }

    #[test]
    fn sums_are_checked() {
        let eur: Currency = "EUR".parse().unwrap();
        let three = Money::new(300, Currency::CNY);
        assert_eq!(three.checked_add(three).unwrap().minor, 600);
        assert!(matches!(
            three.checked_add(Money::new(1, eur)),
            Err(MoneyError::CurrencyDiffers { .. })
        ));
        assert_eq!(
            Money::new(i64::MAX, eur).checked_add(Money::new(1, eur)),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            Money::new(i64::MIN, eur).checked_neg(),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn money_reads_as_people_write_it() {
        assert_eq!(Money::new(300, Currency::CNY).to_string(), "CNY 3.00");
        assert_eq!(Money::new(-5, Currency::CNY).to_string(), "CNY -0.05");
        let of = |minor, code: &str| Money::new(minor, code.parse().unwrap()).to_string();
        assert_eq!(of(210, "JPY"), "JPY 210");
        assert_eq!(of(-1_250, "KRW"), "KRW -1250");
        assert_eq!(of(1_250, "KWD"), "KWD 1.250");
    }
}
