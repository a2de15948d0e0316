//! What must be known of an X.509 certificate (RFC 5280) besides what TLS checks: whom it names, whose key it
//! is for, and from when until when. Reads only; that somebody signed it is TLS's to say.

use crate::{PublicKey, UnixMs};

/// The object identifier of a common name, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The object identifier of Ed25519, 1.3.101.112 (RFC 8410).
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];

/// Tags of DER (X.690) that stand in certificates.
mod tag {
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const OBJECT: u8 = 0x06;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name of its subject; a gate's is its id.
    pub common_name: Option<String>,
    /// Its key, when that is an Ed25519 one.
    pub key: Option<PublicKey>,
    /// First moment at which it counts.
    pub from: UnixMs,
    /// Last second in which it does.
    pub until: UnixMs,
}

/// Values of DER, one after another.
#[derive(Clone, Copy)]
struct Der<'b>(&'b [u8]);

impl<'b> Der<'b> {
    /// The next value's tag and contents.
    fn next(&mut self) -> Option<(u8, &'b [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&len, rest) = rest.split_first()?;
                (usize::from(len), rest)
            }
            0x82 => {
                let (len, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*len)), rest)
            }
            // Nothing in a certificate is longer.
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// The next value, which must have this tag.
    fn take(&mut self, wanted: u8) -> Option<&'b [u8]> {
        let (tag, contents) = self.next()?;
        (tag == wanted).then_some(contents)
    }

    fn sequence(&mut self) -> Option<Self> {
        self.take(tag::SEQUENCE).map(Self)
    }
}

impl Certificate {
    /// Reads a certificate; nothing when the bytes are none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut whole = Der(der).sequence()?;
        let mut fields = whole.sequence()?;
        if fields.0.first() == Some(&tag::VERSION) {
            fields.next()?;
        }
        let _serial = fields.next()?;
        let _algorithm = fields.sequence()?;
        let _issuer = fields.sequence()?;
        let mut validity = fields.sequence()?;
        let (from, until) = (time(validity.next()?)?, time(validity.next()?)?);
        let subject = fields.sequence()?;
        let key = fields.sequence()?;
        Some(Self {
            common_name: common_name(subject),
            key: ed25519(key),
            from,
            until,
        })
    }

    /// From when on it should be renewed: when a third of its time is left.
    pub fn renew_from(&self) -> UnixMs {
        let third = self.until.since(self.from) / 3;
        UnixMs(self.until.0.saturating_sub(third))
    }
}

/// The last common name of a subject: a sequence of sets of name and value.
fn common_name(mut subject: Der<'_>) -> Option<String> {
    let mut found = None;
    while let Some((tag, set)) = subject.next() {
        let mut parts = Der(set);
        while tag == tag::SET
            && let Some(mut part) = parts.sequence()
        {
            if part.take(tag::OBJECT)? == COMMON_NAME {
                let (_, name) = part.next()?;
                found = std::str::from_utf8(name).ok().map(str::to_owned);
            }
        }
    }
    found
}

fn ed25519(mut key: Der<'_>) -> Option<PublicKey> {
    let algorithm = key.sequence()?.take(tag::OBJECT)?;
    let (unused_bits, point) = key.take(tag::BIT_STRING)?.split_first()?;
    if algorithm != ED25519 || *unused_bits != 0 {
        return None;
    }
    PublicKey::from_bytes(point.try_into().ok()?)
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time((tag, text): (u8, &[u8])) -> Option<UnixMs> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        tag::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            let century = if year < 50 { 2_000 } else { 1_900 };
            (year.checked_add(century)?, rest)
        }
        tag::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| -> Option<i64> { rest.get(at..at.checked_add(2)?)?.parse().ok() };
    let days = days_since_1970(year, two(0)?, two(2)?)?;
    let seconds = days
        .checked_mul(86_400)?
        .checked_add(two(4)?.checked_mul(3_600)?)?
        .checked_add(two(6)?.checked_mul(60)?)?
        .checked_add(two(8)?)?;
    Some(UnixMs(seconds.checked_mul(1_000)?))
}

/// Counted in years that begin in March, so that a leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(0..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month.checked_sub(3)?)
    } else {
        (year.checked_sub(1)?, month.checked_add(9)?)
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let before_month = month.checked_mul(153)?.checked_add(2)? / 5;
    let before_year = year
        .checked_mul(365)?
        .checked_add(year / 4)?
        .checked_sub(year / 100)?;
    era.checked_mul(146_097)?
        .checked_add(before_year)?
        .checked_add(before_month)?
        .checked_add(day)?
        .checked_sub(1 + 719_468)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(tag: u8, text: &str) -> Option<String> {
        time((tag, text.as_bytes())).map(UnixMs::to_rfc3339)
    }

    #[test]
    fn times_are_read_as_certificates_write_them() {
        for (tag, text, read) in [
            (tag::UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (tag::UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (tag::UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z"),
            (tag::UTC_TIME, "261129140322Z", "2026-11-29T14:03:22Z"),
            (
                tag::GENERALIZED_TIME,
                "20000229120000Z",
                "2000-02-29T12:00:00Z",
            ),
            (
                tag::GENERALIZED_TIME,
                "40960101000000Z",
                "4096-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(at(tag, text).as_deref(), Some(read), "{text}");
        }
        for (tag, wrong) in [
            (tag::UTC_TIME, "20000229120000Z"),
            (tag::UTC_TIME, "261329140322Z"),
            (tag::UTC_TIME, "2611291403Z"),
            (tag::UTC_TIME, "261129140322"),
            (tag::UTC_TIME, "26112914+322Z"),
            (tag::GENERALIZED_TIME, "261129140322Z"),
            (tag::SET, "261129140322Z"),
        ] {
            assert_eq!(at(tag, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for wrong in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x03\x30\x01\x00",
        ] {
            assert_eq!(Certificate::read(wrong), None, "{wrong:02x?}");
        }
    }
}
