//! Tests of mending: up to the limit always, beyond it never wrongly without saying so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

/// In GF(256), bit by bit and without tables.
fn slow_product(a: u8, b: u8) -> u8 {
    let mut sum = 0_u32;
    for bit in (0..8).filter(|bit| b >> bit & 1 == 1) {
        sum ^= u32::from(a) << bit;
    }
    for bit in (8..15).rev() {
        if sum >> bit & 1 == 1 {
            sum ^= 0x11d << (bit - 8);
        }
    }
    sum as u8
}

/// `data` with its check bytes, by division.
fn block(data: &[u8], check: usize) -> Vec<u8> {
    let mut generator = vec![1_u8];
    let mut root = 1;
    for _ in 0..check {
        let times_root: Vec<u8> = generator.iter().map(|&t| slow_product(t, root)).collect();
        generator.push(0);
        for (term, old) in generator.iter_mut().skip(1).zip(times_root) {
            *term ^= old;
        }
        root = slow_product(root, 2);
    }
    let mut rest = data.to_vec();
    rest.resize(data.len() + check, 0);
    for at in 0..data.len() {
        let lead = rest[at];
        for (byte, &term) in rest[at..].iter_mut().zip(&generator) {
            *byte ^= slow_product(lead, term);
        }
    }
    [data, &rest[data.len()..]].concat()
}

#[test]
fn the_standards_example_has_the_standards_check_bytes() {
    // Annex I: 01234567 in a code of version 1 and level M.
    let data = [
        0x10, 0x20, 0x0c, 0x56, 0x61, 0x80, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec,
        0x11,
    ];
    let check = [0xa5, 0x24, 0xd4, 0xc1, 0xed, 0x36, 0xc7, 0x87, 0x2c, 0x55];
    let mut whole = [&data[..], &check].concat();
    assert_eq!(block(&data, 10), whole);
    assert_eq!(mend(&mut whole, 10, &[], 0), Some(0));
}

#[test]
fn products_are_those_of_the_field() {
    for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
        assert_eq!(product(a, b), slow_product(a, b), "{a} * {b}");
        if b != 0 {
            assert_eq!(quotient(product(a, b), b), a, "{a} * {b} / {b}");
        }
    }
}

#[test]
fn a_block_that_cannot_be_one_is_refused() {
    for (length, check) in [(0, 0), (0, 7), (7, 7), (3, 10), (256, 30), (60, 31)] {
        let mut block = vec![1; length];
        assert_eq!(mend(&mut block, check, &[], 0), None, "{length}, {check}");
    }
}

#[test]
fn more_erasures_than_check_bytes_are_refused() {
    let mut block = block(b"a ride code", 10);
    block[0] ^= 1;
    let erased: Vec<u8> = (0..11).collect();
    assert_eq!(mend(&mut block, 10, &erased, 0), None);
    assert_eq!(mend(&mut block, 10, &erased[..8], 4), None);
}

/// Data bytes, check bytes, wrong and erased places with what is wrong there.
#[derive(Clone, Debug)]
struct Damage {
    whole: Vec<u8>,
    check: usize,
    changes: Vec<(usize, u8)>,
}

/// Blocks of all sizes that the standard has, damaged in up to `check + 4` places.
fn damage() -> impl Strategy<Value = Damage> {
    (prop::collection::vec(any::<u8>(), 1..=120), 2..=CHECK_MAX).prop_flat_map(|(data, check)| {
        let whole = block(&data, check);
        let places: Vec<usize> = (0..whole.len()).collect();
        let most = (check + 4).min(whole.len());
        let places = prop::sample::subsequence(places, 0..=most).prop_shuffle();
        let sizes = prop::collection::vec(1_u8.., most);
        (Just(whole), Just(check), places, sizes).prop_map(|(whole, check, places, sizes)| Damage {
            whole,
            check,
            changes: places.into_iter().zip(sizes).collect(),
        })
    })
}

impl Damage {
    fn done(&self) -> Vec<u8> {
        let mut block = self.whole.clone();
        for &(place, by) in &self.changes {
            block[place] ^= by;
        }
        block
    }

    /// The first of the wrong places.
    fn known(&self, count: usize) -> Vec<u8> {
        let places = self.changes.iter().take(count);
        places.map(|&(place, _)| place as u8).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn up_to_the_limit_errors_are_mended(damage in damage()) {
        prop_assume!(2 * damage.changes.len() <= damage.check);
        let mut block = damage.done();
        prop_assert_eq!(mend(&mut block, damage.check, &[], 0), Some(damage.changes.len()));
        prop_assert_eq!(block, damage.whole);
    }

    #[test]
    fn errors_and_erasures_share_the_limit(damage in damage(), known in 0..=CHECK_MAX) {
        let known = damage.known(known);
        let wrong = damage.changes.len() - known.len();
        prop_assume!(2 * wrong + known.len() <= damage.check);
        let mut block = damage.done();
        prop_assert!(mend(&mut block, damage.check, &known, 0).is_some());
        prop_assert_eq!(block, damage.whole);
    }

    #[test]
    fn an_erased_place_may_hold_what_is_right(damage in damage(), right in 0_usize..8) {
        let mut erased = damage.known(damage.changes.len());
        let free = (0..damage.whole.len() as u8).filter(|place| !erased.contains(place));
        let free: Vec<u8> = free.take(right).collect();
        erased.extend(free);
        prop_assume!(erased.len() <= damage.check);
        let mut block = damage.done();
        prop_assert!(mend(&mut block, damage.check, &erased, 0).is_some());
        prop_assert_eq!(block, damage.whole);
    }

    #[test]
    fn what_is_called_mended_is_a_block(damage in damage(), known in 0..=CHECK_MAX) {
        let known = damage.known(known.min(damage.check));
        let mut block = damage.done();
        if mend(&mut block, damage.check, &known, 0).is_some() {
            prop_assert_eq!(self::block(&block[..block.len() - damage.check], damage.check), block);
        }
    }

    #[test]
    fn with_spare_bytes_damage_beyond_the_limit_is_told(damage in damage()) {
        // Eight bytes that are not spent: a wrong mending is as likely as one in 2^32 at most.
        prop_assume!(damage.check >= 10);
        let mut block = damage.done();
        let mended = mend(&mut block, damage.check, &[], 8).is_some();
        prop_assert_eq!(mended, 2 * damage.changes.len() + 8 <= damage.check);
        prop_assert!(!mended || block == damage.whole);
    }
}
