//! What the looks add up to: by set, in all, and as ratios to the peers.

use crate::replay::expect::Reading;
use crate::replay::summary::Spread;
use serde::Serialize;

/// What came of one decoder's look at one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It read what is there.
    Read,
    /// It read something else, or something where nothing is.
    Wrong,
    /// It read nothing.
    Nothing,
    /// It panicked, which was contained.
    Panicked,
}

impl Outcome {
    /// Judges the texts of the codes read, in UTF-8 or as the codes' bytes; `None` stands for a panic.
    pub fn of(codes: Option<&[Vec<u8>]>, reading: &Reading) -> Self {
        match codes {
            None => Self::Panicked,
            Some([]) => Self::Nothing,
            Some(codes) if reading.allows(codes) => Self::Read,
            Some(_) => Self::Wrong,
        }
    }
}

/// One decoder's look at one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// The decoder.
    pub decoder: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// Processor time in milliseconds.
    pub cpu_ms: f64,
}

/// One picture and what every decoder made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PictureRow {
    /// The picture as its manifest names it.
    pub file: String,
    /// The set it belongs to.
    pub set: String,
    /// Whether a QR code is there to be read.
    pub has_code: bool,
    /// One look of each decoder, in the order of [`DecodeFigures::decoders`].
    pub looks: Vec<Look>,
}

/// How one decoder fared on a group of pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// The decoder.
    pub decoder: &'static str,
    /// Pictures it read right.
    pub read: usize,
    /// Pictures it read wrong.
    pub wrong: usize,
    /// Pictures it panicked on.
    pub panicked: usize,
    /// Processor time for a picture, in milliseconds.
    pub cpu_ms: Spread,
}

/// Some pictures, and how the decoders fared on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The set, or what the pictures have in common.
    pub name: String,
    /// How many there are.
    pub pictures: usize,
    /// Pictures that at least one peer read right; unset without peers.
    pub read_by_any_peer: Option<usize>,
    /// The peer that read most; unset without peers, or when none read any.
    pub best_peer: Option<BestPeer>,
    /// One tally of each decoder.
    pub tallies: Vec<Tally>,
}

/// The peer that read most of a group; of equal ones the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BestPeer {
    /// The decoder.
    pub decoder: &'static str,
    /// Pictures it read right.
    pub read: usize,
}

/// Our time over a peer's: below 1 we are faster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The peer.
    pub peer: &'static str,
    /// Medians over the pictures with a code.
    pub median: Option<f64>,
    /// 95th percentiles over the pictures with a code.
    pub p95: Option<f64>,
    /// Medians over the pictures without a code.
    pub empty_median: Option<f64>,
    /// Medians over the noise frames.
    pub noise_median: Option<f64>,
}

/// All figures of a run. The first decoder is ours; the others are its peers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecodeFigures {
    /// The decoders, ours first.
    pub decoders: Vec<&'static str>,
    /// The sets, in the order in which the manifests name them first.
    pub sets: Vec<Group>,
    /// All pictures with a code, if there are any.
    pub with_code: Option<Group>,
    /// All pictures without a code, if there are any.
    pub without_code: Option<Group>,
    /// The noise frames.
    pub noise: Option<Group>,
    /// Ours to each peer.
    pub ratios: Vec<Ratio>,
    /// Every picture, in the manifests' order.
    pub pictures: Vec<PictureRow>,
}

impl DecodeFigures {
    /// Adds up the looks at the pictures, and those at the noise frames.
    pub(super) fn of(
        decoders: Vec<&'static str>,
        pictures: Vec<PictureRow>,
        noise: &[Vec<Look>],
    ) -> Self {
        let looks = |of: &dyn Fn(&PictureRow) -> bool| -> Vec<&[Look]> {
            let rows = pictures.iter().filter(|row| of(row));
            rows.map(|row| row.looks.as_slice()).collect()
        };
        let noise: Vec<&[Look]> = noise.iter().map(Vec::as_slice).collect();
        let with_code = Group::of("with a code", &looks(&|row| row.has_code));
        let without_code = Group::of("without a code", &looks(&|row| !row.has_code));
        let noise = Group::of("noise frames", &noise);
        let sets = set_names(&pictures)
            .into_iter()
            .filter_map(|set| Group::of(set, &looks(&|row| row.set == set)))
            .collect();
        let peers = decoders.iter().enumerate().skip(1);
        let ratios = peers
            .map(|(at, peer)| Ratio {
                peer,
                median: ratio(with_code.as_ref(), at, |spread| spread.p50),
                p95: ratio(with_code.as_ref(), at, |spread| spread.p95),
                empty_median: ratio(without_code.as_ref(), at, |spread| spread.p50),
                noise_median: ratio(noise.as_ref(), at, |spread| spread.p50),
            })
            .collect();
        Self {
            decoders,
            sets,
            with_code,
            without_code,
            noise,
            ratios,
            pictures,
        }
    }
}

/// Each set once, in the order of its first picture.
fn set_names(pictures: &[PictureRow]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in pictures {
        if !names.contains(&row.set.as_str()) {
            names.push(&row.set);
        }
    }
    names
}

/// The first decoder's figure over that of the one at `peer`.
fn ratio(group: Option<&Group>, peer: usize, figure: fn(&Spread) -> f64) -> Option<f64> {
    let tallies = &group?.tallies;
    Some(figure(&tallies.first()?.cpu_ms) / figure(&tallies.get(peer)?.cpu_ms))
}

impl Group {
    /// Adds up the looks at each picture; nothing for no pictures.
    fn of(name: &str, pictures: &[&[Look]]) -> Option<Self> {
        let decoders = pictures.first()?.len();
        let tallies: Vec<Tally> = (0..decoders)
            .filter_map(|at| Tally::of(pictures.iter().map(|looks| &looks[at]).collect()))
            .collect();
        let peers = tallies.iter().skip(1);
        let read_by_a_peer = |looks: &&&[Look]| {
            let mut peers = looks.iter().skip(1);
            peers.any(|look| look.outcome == Outcome::Read)
        };
        Some(Self {
            name: name.to_owned(),
            pictures: pictures.len(),
            read_by_any_peer: (decoders > 1)
                .then(|| pictures.iter().filter(read_by_a_peer).count()),
            best_peer: best(peers),
            tallies,
        })
    }
}

fn best<'a>(peers: impl Iterator<Item = &'a Tally>) -> Option<BestPeer> {
    let better =
        |best: BestPeer, tally: BestPeer| if tally.read > best.read { tally } else { best };
    peers
        .map(|tally| BestPeer {
            decoder: tally.decoder,
            read: tally.read,
        })
        .reduce(better)
        .filter(|best| best.read > 0)
}

impl Tally {
    /// Adds up one decoder's looks; nothing for none.
    fn of(looks: Vec<&Look>) -> Option<Self> {
        let count = |outcome: Outcome| looks.iter().filter(|look| look.outcome == outcome).count();
        Some(Self {
            decoder: looks.first()?.decoder,
            read: count(Outcome::Read),
            wrong: count(Outcome::Wrong),
            panicked: count(Outcome::Panicked),
            cpu_ms: Spread::of(looks.iter().map(|look| look.cpu_ms).collect())?,
        })
    }
}
