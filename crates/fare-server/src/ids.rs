//! Where new identifiers come from: the one place that uses randomness.

use fare_protocol::{AccountId, UnixMs};
use uuid::Builder;

/// Sixteen bytes of a new UUIDv7 (RFC 9562) made at `now`: for journeys, vouchers and postings.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_id(now: UnixMs) -> Result<[u8; 16], getrandom::Error> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)?;
    let ms = u64::try_from(now.0).unwrap_or(0);
    let id = Builder::from_unix_timestamp_millis(ms, &random).into_uuid();
    Ok(id.into_bytes())
}

/// The account of a new rider: sixteen random bytes, which say nothing, not even when.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_account() -> Result<AccountId, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(AccountId(random))
}

/// 32 hexadecimal digits that no other request has: for signed requests to payment platforms.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_nonce() -> Result<String, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02X}")).collect())
}

/// Bytes as small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let early = new_id(UnixMs(1_795_434_909_000)).unwrap();
        let late = new_id(UnixMs(1_795_434_909_001)).unwrap();
        assert!(early < late);
        assert_eq!(uuid::Uuid::from_bytes(late).get_version_num(), 7);
    }
}
