//! How much the QR decoder reads, how long it takes, and how other decoders fare beside it.
//!
//! Each picture of the manifests is shown to every decoder in turn, in one thread and in one run, so
//! that all are measured in the same weather. The first look warms up and is the one whose reading
//! counts; the processor time is the median of [`TIMED_LOOKS`] more. Beside the pictures stand
//! frames of noise: what a gate sees when nobody is there.

mod contender;
mod figures;
mod noise;
#[cfg(feature = "peers")]
mod peers;
mod pictures;

pub use contender::{Contender, PeersMissing, ours, ours_and_peers};
pub use figures::{BestPeer, DecodeFigures, Group, Look, Outcome, PictureRow, Ratio, Tally};
pub use pictures::ManifestError;

use crate::clock::CpuStopwatch;
use crate::contain;
use crate::frame::Frame;
use crate::replay::expect::Reading;
use pictures::Listed;
use std::hint::black_box;
use std::path::PathBuf;

/// Looks at each picture that are timed, after a first one that is not.
pub const TIMED_LOOKS: usize = 3;

/// Shows every picture of the manifests, and the noise frames, to all decoders. `seen` is called
/// after each picture with how many are done and how many there are.
///
/// # Errors
/// [`ManifestError`], with the line, when a manifest or one of its pictures cannot be used.
pub fn decode(
    manifests: &[PathBuf],
    contenders: &mut [Contender],
    seen: &mut dyn FnMut(usize, usize),
) -> Result<DecodeFigures, ManifestError> {
    contain::install_quiet_hook();
    let listed = pictures::list(manifests)?;
    let total = listed.len() + noise::FRAMES;
    let mut rows = Vec::with_capacity(listed.len());
    for picture in listed {
        let frame = picture.read()?;
        rows.push(row(picture, &frame, contenders));
        seen(rows.len(), total);
    }
    let mut noise = Vec::with_capacity(noise::FRAMES);
    for frame in noise::frames() {
        let looks = look_all(&frame, &Reading::Nothing, contenders);
        noise.push(looks);
        seen(rows.len() + noise.len(), total);
    }
    let names = contenders.iter().map(Contender::name).collect();
    Ok(DecodeFigures::of(names, rows, &noise))
}

fn row(picture: Listed, frame: &Frame, contenders: &mut [Contender]) -> PictureRow {
    PictureRow {
        looks: look_all(frame, &picture.reading, contenders),
        has_code: picture.reading != Reading::Nothing,
        file: picture.file,
        set: picture.set,
    }
}

fn look_all(frame: &Frame, reading: &Reading, contenders: &mut [Contender]) -> Vec<Look> {
    contenders
        .iter_mut()
        .map(|contender| look(frame, reading, contender))
        .collect()
}

fn look(frame: &Frame, reading: &Reading, contender: &mut Contender) -> Look {
    let first = contain::contain(|| contender.read(frame));
    let mut times_ms = [0.0; TIMED_LOOKS];
    for time_ms in &mut times_ms {
        let watch = CpuStopwatch::start();
        let again = contain::contain(|| contender.read(frame));
        *time_ms = watch.elapsed().as_secs_f64() * 1e3;
        // Not before: giving the texts back is not decoding.
        drop(black_box(again));
    }
    times_ms.sort_unstable_by(f64::total_cmp);
    Look {
        decoder: contender.name(),
        outcome: Outcome::of(first.as_deref().ok(), reading),
        cpu_ms: times_ms[TIMED_LOOKS / 2],
    }
}

#[cfg(test)]
mod tests;
