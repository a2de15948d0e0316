//! How long to wait after a failure: longer each time, never in step with the other gates.

use fare_protocol::Millis;
use std::time::Duration;

/// Longest wait that a server can ask for with `Retry-After`.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// The bounds of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Never shorter.
    pub min: Millis,
    /// Never longer, unless the server asks for it.
    pub max: Millis,
}

impl Backoff {
    /// The wait after this many failures in a row: anything from `min` to a ceiling that doubles
    /// with each failure up to `max`, picked by `random` (full jitter).
    pub fn wait(self, failures: u32, random: u64) -> Duration {
        let floor = u64::from(self.min.0);
        // Beyond 32 doublings every ceiling is over every maximum.
        let doubled = floor.saturating_mul(1 << failures.min(32));
        let ceiling = doubled.clamp(floor, u64::from(self.max.0).max(floor));
        let span = ceiling - floor + 1;
        Duration::from_millis(floor + random % span)
    }

    /// When the server says when it wants to hear from us again, it is by that: not before, and
    /// spread over half as long again, because it tells many gates the same.
    pub(super) fn wait_for_server(
        self,
        failures: u32,
        random: u64,
        retry_after: Option<Duration>,
    ) -> Duration {
        let Some(asked) = retry_after else {
            return self.wait(failures, random);
        };
        let asked = asked.min(RETRY_AFTER_MAX).max(self.wait(0, 0));
        let spread = u64::try_from(asked.as_millis() / 2).unwrap_or(0) + 1;
        asked + Duration::from_millis(random % spread)
    }
}

/// The seconds form of a `Retry-After` header (RFC 9110, section 10.2.3).
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let digits = value.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // More digits than a number holds still mean a long time.
    plain.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Backoff = Backoff {
        min: Millis(500),
        max: Millis(60_000),
    };

    fn ms(backoff: Backoff, failures: u32, random: u64) -> u128 {
        backoff.wait(failures, random).as_millis()
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let backoff = USUAL;
        for (failures, ceiling) in [
            (0, 500),
            (1, 1_000),
            (2, 2_000),
            (6, 32_000),
            (7, 60_000),
            (63, 60_000),
            (u32::MAX, 60_000),
        ] {
            let span = ceiling - 500 + 1;
            assert_eq!(ms(backoff, failures, 0), 500, "{failures} failures");
            assert_eq!(
                ms(backoff, failures, span - 1),
                u128::from(ceiling),
                "{failures} failures"
            );
            assert_eq!(ms(backoff, failures, span), 500, "{failures} failures");
        }
    }

    #[test]
    fn the_wait_is_anywhere_between_the_bounds() {
        let backoff = USUAL;
        let waits: Vec<u128> = (0..1_000u64)
            .map(|n| ms(backoff, 4, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        assert!(waits.iter().all(|wait| (500..=8_000).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 1_500) && waits.iter().any(|wait| *wait > 7_000));
    }

    #[test]
    fn odd_bounds_do_no_harm() {
        let backward = Backoff {
            min: Millis(1_000),
            max: Millis(10),
        };
        assert_eq!(ms(backward, 5, u64::MAX), 1_000);
        let nothing = Backoff {
            min: Millis(0),
            max: Millis(0),
        };
        assert_eq!(ms(nothing, 5, u64::MAX), 0);
        let all = Backoff {
            min: Millis(1),
            max: Millis(u32::MAX),
        };
        assert!(ms(all, 40, u64::MAX) <= u128::from(u32::MAX));
    }

    #[test]
    fn gates_that_are_told_the_same_come_back_one_after_the_other() {
        let wait = |failures, random| {
            let asked = Some(Duration::from_secs(4));
            USUAL.wait_for_server(failures, random, asked).as_millis()
        };
        assert_eq!((wait(1, 0), wait(1, 2_000)), (4_000, 6_000));
        // However often it had to say so: it knows best.
        assert_eq!(wait(40, 1_999), 5_999);
    }

    #[test]
    fn the_server_may_ask_for_more_time_but_not_for_ever() {
        let backoff = USUAL;
        let wait = |asked: &str| {
            backoff
                .wait_for_server(1, 0, retry_after(asked))
                .as_secs_f64()
        };
        for (asked, seconds) in [
            ("7", 7.0),
            (" 7 ", 7.0),
            ("0", 0.5),
            ("", 0.5),
            ("-3", 0.5),
            ("soon", 0.5),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0.5),
            ("86400", 300.0),
            ("99999999999999999999999999", 300.0),
        ] {
            assert!(
                (wait(asked) - seconds).abs() < 1e-9,
                "Retry-After: {asked:?}"
            );
        }
    }
}
