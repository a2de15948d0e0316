//! The modules of a code over several pictures of a stream: what noise or a passing lamp hides in one
//! is seen in another. Modules stay where they are in the code however the phone moves.

use super::modules::Modules;
use super::version::Version;

/// Pictures without the code after which it is forgotten.
const AGE_MAX: u32 = 6;

/// Pictures whose modules are added up: newer ones count as much as all before them together.
const WEIGHT_MAX: f32 = 8.0;

/// Sums of signed margins of one code's modules.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    code: Option<Version>,
    sums: Vec<f32>,
    weight: f32,
    age: u32,
}

impl Memory {
    /// Begins another picture of the stream.
    pub(super) fn next_picture(&mut self) {
        self.age += 1;
        if self.age > AGE_MAX {
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        self.code = None;
    }

    /// Adds one picture's modules; the sums, if there was something to add them to.
    pub(super) fn add(&mut self, version: Version, modules: &Modules) -> Option<&[f32]> {
        self.age = 0;
        if self.code != Some(version) {
            self.code = Some(version);
            self.sums.clear();
            self.sums.extend(modules.signed());
            self.weight = 1.0;
            return None;
        }
        let keep = if self.weight >= WEIGHT_MAX {
            1.0 - 1.0 / WEIGHT_MAX
        } else {
            1.0
        };
        for (sum, margin) in self.sums.iter_mut().zip(modules.signed()) {
            *sum = *sum * keep + margin;
        }
        self.weight = self.weight * keep + 1.0;
        Some(&self.sums)
    }
}
