//! The network between a gate and the server: whole, late, twice, cut in half, or not at all.

use crate::seed::Seed;

/// One delivery of a message.
pub(super) struct Delivery {
    pub(super) after_ms: i64,
    pub(super) bytes: Vec<u8>,
}

/// What becomes of a message: nothing, or one or two deliveries in any order. `faults` says how bad
/// the network is: 0 is perfect.
pub(super) fn deliver(bytes: &[u8], faults: f32, chance: &mut Seed) -> Vec<Delivery> {
    if chance.happens(0.1 * faults) {
        return Vec::new();
    }
    let copies = if chance.happens(0.05 * faults) { 2 } else { 1 };
    let delivery = |_| {
        let late = chance.happens(0.05 * faults);
        let most = if late { 60_000 } else { 800 };
        let after_ms = 10 + i64::try_from(chance.below(most)).unwrap_or(0);
        let cut = chance.happens(0.03 * faults);
        let whole = bytes.len() as u64;
        let len = if cut { chance.below(whole) } else { whole };
        let bytes = bytes.get(..usize::try_from(len).unwrap_or(0));
        Delivery {
            after_ms,
            bytes: bytes.unwrap_or_default().to_vec(),
        }
    };
    (0..copies).map(delivery).collect()
}
