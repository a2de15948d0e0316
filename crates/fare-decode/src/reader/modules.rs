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
            let sums = |row: usize| &self.sums[row * (n + 1)..][..=n];
            let (above, below) = (sums(top), sums(low));
            let sharp = &self.sharp[row * n..][..n];
            let margins = sharp.iter().enumerate().map(|(column, level)| {
                let (left, right) = (column.saturating_sub(reach), (column + reach + 1).min(n));
                let sum = below[right] - above[right] - below[left] + above[left];
                sum / ((low - top) * (right - left)) as f32 - level
            });
            for margin in margins {
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
        let line = |row: usize| &levels[row * n..][..n];
        for (row, sharp) in self.sharp.chunks_exact_mut(n).enumerate() {
            // Beyond the code lies more of the same.
            let (own, above, below) = (line(row), row.saturating_sub(1), (row + 1).min(n - 1));
            let (above, below) = (line(above), line(below));
            for (column, sharp) in sharp.iter_mut().enumerate() {
                let (mine, left) = (own[column], own[column.saturating_sub(1)]);
                let right = own[(column + 1).min(n - 1)];
                let around = left + right + above[column] + below[column];
                *sharp = mine + share * (mine - around / 4.0);
            }
        }
    }

    /// Sums of all levels above and to the left.
    fn sum(&mut self, levels: &[f32]) {
        let n = self.size;
        self.sums.clear();
        self.sums.resize((n + 1) * (n + 1), 0.0);
        let mut above = [].as_slice();
        for (levels, sums) in levels
            .chunks_exact(n)
            .zip(self.sums[n + 1..].chunks_exact_mut(n + 1))
        {
            let mut line = 0.0;
            for (column, (&level, sum)) in levels.iter().zip(&mut sums[1..]).enumerate() {
                line += level;
                *sum = line + above.get(column + 1).copied().unwrap_or(0.0);
            }
            above = sums;
        }
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
