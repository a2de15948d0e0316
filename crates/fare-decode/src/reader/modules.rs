//! Which modules are dark, judged beside the modules around them.

use super::version::Version;

/// No one picture's margin counts for more than so many mean ones: a mirrored lamp is very sure of
/// itself.
const SHARE_MAX: f32 = 2.0;

/// Dark and light modules of one code.
#[derive(Clone, Debug, Default)]
pub(super) struct Modules {
    size: usize,
    dark: Vec<bool>,
    /// How sure each is: the distance from its threshold, in grey levels.
    pub margin: Vec<f32>,
    sums: Vec<f32>,
    sharp: Vec<f32>,
}

impl Modules {
    /// Judges `levels` against the mean of `reach` modules to each side. `sharpen` takes from each
    /// module that share of its difference to its four neighbours: what blur has smeared.
    pub(super) fn judge(&mut self, version: Version, levels: &[f32], reach: usize, sharpen: f32) {
        let n = version.size();
        self.size = n;
        self.sharpen(levels, sharpen);
        self.sum(levels);
        self.dark.clear();
        self.margin.clear();
        for row in 0..n {
            let (top, low) = (row.saturating_sub(reach), (row + reach + 1).min(n));
            for column in 0..n {
                let (left, right) = (column.saturating_sub(reach), (column + reach + 1).min(n));
                let sum = self.total(low, right) - self.total(top, right) - self.total(low, left)
                    + self.total(top, left);
                let mean = sum / ((low - top) * (right - left)) as f32;
                let margin = mean - self.sharp[row * n + column];
                self.dark.push(margin > 0.0);
                self.margin.push(margin.abs());
            }
        }
    }

    /// By how much each module is dark, light being negative, in shares of the mean margin.
    pub(super) fn signed(&self) -> impl Iterator<Item = f32> + '_ {
        let mean = self.margin.iter().sum::<f32>() / self.margin.len().max(1) as f32;
        let unit = 1.0 / mean.max(f32::MIN_POSITIVE);
        self.dark
            .iter()
            .zip(&self.margin)
            .map(move |(&dark, &margin)| {
                let share = (margin * unit).min(SHARE_MAX);
                if dark { share } else { -share }
            })
    }

    /// Judges by such sums over several pictures.
    pub(super) fn set(&mut self, version: Version, sums: &[f32]) {
        self.size = version.size();
        self.dark.clear();
        self.dark.extend(sums.iter().map(|&sum| sum > 0.0));
        self.margin.clear();
        self.margin.extend(sums.iter().map(|sum| sum.abs()));
    }

    fn sharpen(&mut self, levels: &[f32], share: f32) {
        let n = self.size;
        self.sharp.clear();
        self.sharp.extend_from_slice(levels);
        if share == 0.0 {
            return;
        }
        for row in 0..n {
            for column in 0..n {
                let at = row * n + column;
                let mine = levels[at];
                let mut around = 0.0;
                around += if column > 0 { levels[at - 1] } else { mine };
                around += if column + 1 < n { levels[at + 1] } else { mine };
                around += if row > 0 { levels[at - n] } else { mine };
                around += if row + 1 < n { levels[at + n] } else { mine };
                self.sharp[at] = mine + share * (mine - around / 4.0);
            }
        }
    }

    /// Sums of all levels above and to the left.
    fn sum(&mut self, levels: &[f32]) {
        let n = self.size;
        self.sums.clear();
        self.sums.resize((n + 1) * (n + 1), 0.0);
        for row in 0..n {
            let mut line = 0.0;
            for column in 0..n {
                line += levels[row * n + column];
                self.sums[(row + 1) * (n + 1) + column + 1] =
                    self.sums[row * (n + 1) + column + 1] + line;
            }
        }
    }

    fn total(&self, row: usize, column: usize) -> f32 {
        self.sums[row * (self.size + 1) + column]
    }

    pub(super) fn is_dark(&self, row: usize, column: usize) -> bool {
        self.dark[row * self.size + column]
    }
}

impl Modules {
    pub(super) fn dark_at(&self, at: usize) -> bool {
        self.dark[at]
    }
}

#[cfg(test)]
mod tests;
