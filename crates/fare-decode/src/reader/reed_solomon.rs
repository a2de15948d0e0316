//! Reed-Solomon over GF(256) as QR codes use it: wrong bytes are found and mended, and bytes known
//! to be unreadable cost half as much as wrong ones.
//!
//! ISO/IEC 18004 section 7.5; the algorithm is Berlekamp-Massey started from the erasures, then
//! Chien's search and Forney's formula (Blahut, Algebraic Codes for Data Transmission, chapter 7).

/// Check bytes of one block at most.
pub(super) const CHECK_MAX: usize = 30;
const TERMS: usize = CHECK_MAX + 2;

type Polynomial = [u8; TERMS];

struct Tables {
    /// The generator's powers twice over, then zeros for what has no logarithm.
    exp: [u8; 4 * NO_LOG],
    log: [u16; 256],
}

/// What stands for the logarithm of 0: so far out that sums with it are too.
const NO_LOG: usize = 512;

const TABLES: Tables = tables();

const fn tables() -> Tables {
    let (mut exp, mut log) = ([0; 4 * NO_LOG], [0; 256]);
    let mut value: u16 = 1;
    let mut power = 0;
    while power < 255 {
        exp[power as usize] = value as u8;
        exp[power as usize + 255] = value as u8;
        log[value as usize] = power;
        value <<= 1;
        if value & 0x100 != 0 {
            value ^= 0x11d;
        }
        power += 1;
    }
    log[0] = NO_LOG as u16;
    Tables { exp, log }
}

static T: Tables = TABLES;

fn log(value: u8) -> usize {
    usize::from(T.log[usize::from(value)])
}

/// Without a branch: half of the factors are 0, and nobody can tell which.
fn product(a: u8, b: u8) -> u8 {
    T.exp[log(a) + log(b)]
}

fn quotient(a: u8, b: u8) -> u8 {
    if a == 0 {
        0
    } else {
        T.exp[log(a) + 255 - log(b)]
    }
}

/// The generator to this power, less than 510; 0 for what is no logarithm.
fn power(of: usize) -> u8 {
    T.exp[of]
}

/// Mends `block`, whose last `check` bytes are check bytes. `erased` are places that hold nothing
/// to rely on. `spare` check bytes are kept to tell a mended block from an arbitrary one.
/// How many bytes were changed, or `None` when there is too much to mend.
pub(super) fn mend(block: &mut [u8], check: usize, erased: &[u8], spare: usize) -> Option<usize> {
    let syndromes = syndromes(block, check)?;
    let Some(syndromes) = syndromes else {
        return Some(0);
    };
    if erased.len() + spare > check {
        return None;
    }
    let (locator, degree) = locate(&syndromes, block.len(), check, erased)?;
    if 2 * degree > check - spare + erased.len() {
        return None;
    }
    let roots = correct(block, &syndromes, &locator[..=degree], check)?;
    (roots == degree && self::syndromes(block, check)?.is_none()).then_some(degree)
}

/// The block's polynomial at the generator's powers; `Some(None)` if all are 0, `None` for a block
/// that cannot be one.
#[expect(
    clippy::option_option,
    reason = "a block can be impossible, whole or wrong"
)]
fn syndromes(block: &[u8], check: usize) -> Option<Option<Polynomial>> {
    if check > CHECK_MAX || check >= block.len() || block.len() > 255 {
        return None;
    }
    let mut found = [0; TERMS];
    // Byte by byte for all roots, for one root alone would wait for each byte's product.
    for &byte in block {
        for (root, sum) in found[..check].iter_mut().enumerate() {
            *sum = byte ^ power(log(*sum) + root);
        }
    }
    let wrong = found.iter().fold(0, |all, &sum| all | sum);
    Some((wrong != 0).then_some(found))
}

/// The polynomial whose roots are the places of wrong and erased bytes, and its degree.
fn locate(
    syndromes: &Polynomial,
    length: usize,
    check: usize,
    erased: &[u8],
) -> Option<(Polynomial, usize)> {
    let mut locator = [0; TERMS];
    locator[0] = 1;
    for (degree, &place) in erased.iter().enumerate() {
        let x = power(length - 1 - usize::from(place));
        for term in (0..=degree).rev() {
            let carried = product(locator[term], x);
            locator[term + 1] ^= carried;
        }
    }
    let mut before = locator;
    let mut degree = erased.len();
    for step in erased.len()..check {
        let mut gap = 0;
        for term in 0..=step.min(TERMS - 1) {
            gap ^= product(locator[term], syndromes[step - term]);
        }
        before.copy_within(0..TERMS - 1, 1);
        before[0] = 0;
        if gap == 0 {
            continue;
        }
        let mut next = locator;
        for (term, &old) in next.iter_mut().zip(&before) {
            *term ^= product(old, gap);
        }
        if 2 * degree <= step + erased.len() {
            degree = step + 1 + erased.len() - degree;
            for (term, &now) in before.iter_mut().zip(&locator) {
                *term = quotient(now, gap);
            }
        }
        locator = next;
    }
    (degree <= check).then_some((locator, degree))
}

/// Mends the bytes at the locator's roots; how many roots there were.
fn correct(
    block: &mut [u8],
    syndromes: &Polynomial,
    locator: &[u8],
    check: usize,
) -> Option<usize> {
    let mut evaluator = [0; TERMS];
    for (sum, term) in evaluator.iter_mut().enumerate().take(check) {
        for (back, &factor) in locator.iter().enumerate().take(sum + 1) {
            *term ^= product(syndromes[sum - back], factor);
        }
    }
    let length = block.len();
    let mut roots = 0;
    // Chien: from one place to the next each term grows by its own power of the generator.
    let first = 256 - length;
    let mut terms = [(0, 0); TERMS];
    let mut count = 0;
    for (degree, &factor) in locator
        .iter()
        .enumerate()
        .filter(|(_, factor)| **factor != 0)
    {
        terms[count] = (degree, (log(factor) + degree * first) % 255);
        count += 1;
    }
    for (place, byte) in block.iter_mut().enumerate() {
        // The place stands for the generator to this power; the root is its inverse.
        let inverse = (first + place) % 255;
        let mut sum = 0;
        for (degree, at) in &mut terms[..count] {
            sum ^= power(*at);
            *at += *degree;
            *at -= if *at >= 255 { 255 } else { 0 };
        }
        if sum != 0 {
            continue;
        }
        let slope = slope(locator, inverse);
        if slope == 0 {
            return None;
        }
        // Forney, for generator powers that begin at 0: one more factor of the place itself.
        let size = quotient(value(&evaluator, inverse), slope);
        *byte ^= product(size, power((255 - inverse) % 255));
        roots += 1;
    }
    Some(roots)
}

/// A polynomial at the generator's `at`th power.
fn value(terms: &[u8], at: usize) -> u8 {
    let above = |sum, &term: &u8| term ^ power(log(sum) + at);
    terms.iter().rev().fold(0, above)
}

/// The formal derivative there: odd terms alone are left over a field of characteristic 2.
fn slope(terms: &[u8], at: usize) -> u8 {
    let mut sum = 0;
    for (degree, &term) in terms.iter().enumerate().skip(1).step_by(2) {
        if term != 0 {
            sum ^= power((log(term) + at * (degree - 1)) % 255);
        }
    }
    sum
}

#[cfg(test)]
mod tests;
