//! Beijing's time and yuan with two decimals, as both platforms write them. China has one time zone and no
//! summer time.

use crate::clock;
use fare_protocol::{Currency, Money, UnixMs};
use fare_rules::tariff::Day;

/// Ahead of UTC, in milliseconds.
const AHEAD_MS: i64 = 8 * 3_600_000;

/// `2025-11-29 15:45:09`.
pub(super) fn beijing(at: UnixMs) -> String {
    let text = UnixMs(at.0.saturating_add(AHEAD_MS)).to_rfc3339();
    text.trim_end_matches('Z').replace('T', " ")
}

/// The moment that such a text means.
pub(super) fn from_beijing(text: &str) -> Option<UnixMs> {
    let (day, time) = text.split_once(' ')?;
    clock::moment(&format!("{day}T{time}+08:00")).ok()
}

/// `2025-11-29`.
pub(super) fn date(day: Day) -> String {
    let text = UnixMs(day.0.saturating_mul(86_400_000)).to_rfc3339();
    text.get(..10).unwrap_or_default().to_owned()
}

/// `3.00`: an amount that is not negative, without its currency.
pub(super) fn yuan(amount: Money) -> String {
    let minor = amount.minor.unsigned_abs();
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// The amount that such a text means, in CNY; none when it is not whole fen, negative, or no number.
pub(super) fn from_yuan(text: &str) -> Option<Money> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let tens = if part.len() == 1 { 10 } else { 1 };
    let fen = part.parse::<i64>().ok()?.checked_mul(tens)?;
    let minor = whole.parse::<i64>().ok()?.checked_mul(100)?;
    Some(Money::new(minor.checked_add(fen)?, Currency::CNY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_beijings() {
        let at = UnixMs(1_764_402_309_000);
        assert_eq!(beijing(at), "2025-11-29 15:45:09");
        assert_eq!(from_beijing("2025-11-29 15:45:09"), Some(at));
        assert_eq!(date(Day::of(2025, 11, 29).unwrap()), "2025-11-29");
    }

    #[test]
    fn amounts_that_are_not_whole_fen_are_none() {
        for bad in [
            "", "1.234", "-1.00", "1,00", "1.", ".50", "1e2", "+1.00", "１.00",
        ] {
            assert_eq!(from_yuan(bad), None, "{bad}");
        }
        assert_eq!(from_yuan("92233720368547758.08"), None, "too much");
        assert_eq!(from_yuan("3.5"), Some(Money::new(350, Currency::CNY)));
        assert_eq!(from_yuan("3"), Some(Money::new(300, Currency::CNY)));
    }

    proptest! {
        #[test]
        fn every_amount_is_read_as_it_was_written(minor in 0..=i64::MAX) {
            let amount = Money::new(minor, Currency::CNY);
            prop_assert_eq!(from_yuan(&yuan(amount)), Some(amount));
        }
    }
}
