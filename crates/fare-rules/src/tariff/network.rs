//! Stations, links, and the shortest distance between any two, worked out once.

use fare_protocol::{GeoPoint, LineId, StationId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Most stations of a tariff; the table of their distances then takes 4 MB.
pub const STATIONS_MAX: usize = 1_000;

/// Most links of a tariff.
pub const LINKS_MAX: usize = 5_000;

/// Longest link, in metres; with the most stations no distance leaves 32 bits.
pub const LINK_M_MAX: u32 = 100_000;

/// A station as riders know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its id.
    pub id: StationId,
    /// Its name in Latin letters.
    pub name: String,
    /// Its name as it stands on the platform.
    pub name_local: String,
    /// The line it is on.
    pub line: LineId,
    /// Where it is.
    pub point: GeoPoint,
}

/// A link by the numbers of its stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) metres: u32,
}

/// Stations; where fares are by distance, all connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    stations: Vec<Station>,
    numbers: BTreeMap<StationId, usize>,
    links: Vec<Link>,
    /// Row by row, from each station to each; empty when nobody asks.
    distances_m: Vec<u32>,
}

/// The numbers of two stations without a way between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotConnected(pub(super) usize, pub(super) usize);

impl Network {
    /// All links' numbers must be those of stations.
    pub(super) fn new(stations: Vec<Station>, links: Vec<Link>) -> Result<Self, NotConnected> {
        let mut near = vec![Vec::new(); stations.len()];
        for link in &links {
            near[link.from].push((link.to, link.metres));
            near[link.to].push((link.from, link.metres));
        }
        let mut distances_m = Vec::with_capacity(stations.len() * stations.len());
        for from in 0..stations.len() {
            for (to, distance_m) in shortest(&near, from).into_iter().enumerate() {
                distances_m.push(distance_m.ok_or(NotConnected(from, to))?);
            }
        }
        Ok(Self {
            distances_m,
            ..Self::unmeasured(stations, links)
        })
    }

    /// Without distances, for fares that do not need them.
    pub(super) fn unmeasured(stations: Vec<Station>, links: Vec<Link>) -> Self {
        let numbered = stations.iter().enumerate();
        let numbers = numbered.map(|(n, station)| (station.id, n)).collect();
        Self {
            stations,
            numbers,
            links,
            distances_m: Vec::new(),
        }
    }

    pub(super) fn station(&self, id: StationId) -> Option<&Station> {
        self.stations.get(*self.numbers.get(&id)?)
    }

    pub(super) fn stations(&self) -> impl Iterator<Item = &Station> {
        self.stations.iter()
    }

    /// In the order of their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = StationId> {
        self.numbers.keys().copied()
    }

    /// Both ends and the metres, the smaller id first, in no order.
    pub(super) fn links(&self) -> impl Iterator<Item = (StationId, StationId, u32)> {
        self.links.iter().map(|link| {
            let (a, b) = (self.stations[link.from].id, self.stations[link.to].id);
            (a.min(b), a.max(b), link.metres)
        })
    }

    /// The shortest way, or the station that is not known.
    pub(super) fn distance_m(&self, from: StationId, to: StationId) -> Result<u32, StationId> {
        let number = |id| self.numbers.get(&id).copied().ok_or(id);
        let (row, column) = (number(from)?, number(to)?);
        let place = row * self.stations.len() + column;
        Ok(self.distances_m.get(place).copied().unwrap_or_default())
    }
}

/// Dijkstra's algorithm; nothing for a station that cannot be reached.
fn shortest(near: &[Vec<(usize, u32)>], from: usize) -> Vec<Option<u32>> {
    let mut best = vec![None; near.len()];
    let mut queue = BinaryHeap::from([Reverse((0_u32, from))]);
    while let Some(Reverse((distance, at))) = queue.pop() {
        if best[at].is_some() {
            continue;
        }
        best[at] = Some(distance);
        for (next, metres) in near[at].iter().filter(|(next, _)| best[*next].is_none()) {
            queue.push(Reverse((distance.saturating_add(*metres), *next)));
        }
    }
    best
}
