//! What ISO/IEC 18004 says of each version: size and places of the alignment patterns.

/// Modules from the edge to the middle of a finder pattern.
pub(super) const FINDER_MIDDLE: f32 = 3.5;

/// A QR version, 1 to 40.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(u8);

/// Middles of alignment patterns along one side, in whole modules.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlignmentPlaces {
    places: [u8; 7],
    count: usize,
}

impl Version {
    pub(super) fn new(number: i32) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|n| (1..=40).contains(n))
            .map(Self)
    }

    /// The version whose finder patterns lie nearest to `arm` modules apart.
    pub(super) fn of_arm(arm: f32) -> i32 {
        ((arm + 7.0 - 17.0) / 4.0).round() as i32
    }

    pub(super) const fn number(self) -> u8 {
        self.0
    }

    /// The version whose information differs least from these 18 bits, and in how many; annex D of
    /// the standard.
    pub(super) fn nearest(bits: u32) -> (u32, Self) {
        let distance = |number: u8| (information(u32::from(number)) ^ bits).count_ones();
        let (distance, number) = (7..=40)
            .map(|number| (distance(number), number))
            .min()
            .unwrap_or((18, 7));
        (distance, Self(number))
    }

    /// Modules along a side.
    pub(super) const fn size(self) -> usize {
        17 + 4 * self.0 as usize
    }

    /// Places of alignment patterns along a side, the first and last of which are finder patterns'
    /// in three of four corners. Empty for version 1. Annex E of the standard.
    pub(super) fn alignment(self) -> AlignmentPlaces {
        let mut found = AlignmentPlaces {
            places: [0; 7],
            count: 0,
        };
        if self.0 == 1 {
            return found;
        }
        let version = usize::from(self.0);
        let count = version / 7 + 2;
        // Even steps back from the last; the first step takes what is left. Version 32 is the
        // standard's one exception.
        let step = if version == 32 {
            26
        } else {
            (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2
        };
        found.count = count;
        found.places[0] = 6;
        for (back, place) in found.places[1..count].iter_mut().rev().enumerate() {
            *place = (self.size() - 7 - back * step) as u8;
        }
        found
    }
}

/// Six bits of version with their twelve check bits.
const fn information(version: u32) -> u32 {
    let mut rest = version << 12;
    let mut bit = 17;
    while bit >= 12 {
        if rest & (1 << bit) != 0 {
            rest ^= 0x1f25 << (bit - 12);
        }
        bit -= 1;
    }
    version << 12 | rest
}

impl AlignmentPlaces {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.places[..self.count]
    }
}

#[cfg(test)]
mod tests;
