//! Bytes that say yes or no, as bits of one number: sixty-four are looked at at once.

/// One bit for each of up to 64 bytes that are 0 or 1, the first lowest.
#[inline]
pub(crate) fn bits(bytes: &[u8]) -> u64 {
    // Puts the lowest bits of eight bytes side by side at the top.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut bits = 0;
    for (at, word) in words.iter().enumerate() {
        bits |= (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) << (8 * at);
    }
    for (at, &byte) in rest.iter().enumerate() {
        bits |= u64::from(byte) << (8 * words.len() + at);
    }
    bits
}
