//! Where a gate stands.

use crate::cbor::{Reader, Writer};
use crate::{FormatError, LineId, StationId};
use serde::{Deserialize, Serialize};

/// A lane's number in its gate line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneNo(pub u8);

/// A WGS84 point in units of 1e-7 degree, about a centimetre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GeoPoint {
    /// Latitude, north positive.
    pub lat_e7: i32,
    /// Longitude, east positive.
    pub lon_e7: i32,
}

/// Station, line, lane and point: a confirmation's stamp of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The station.
    pub station: StationId,
    /// The line whose gate line this is.
    pub line: LineId,
    /// The lane.
    pub lane: LaneNo,
    /// The point.
    pub point: GeoPoint,
}

impl GeoPoint {
    const LAT_E7_MAX: i32 = 900_000_000;
    const LON_E7_MAX: i32 = 1_800_000_000;

    /// The point at these coordinates in 1e-7 degree; nothing when they are off the globe.
    pub fn from_e7(lat_e7: i32, lon_e7: i32) -> Option<Self> {
        let on_globe = (-Self::LAT_E7_MAX..=Self::LAT_E7_MAX).contains(&lat_e7)
            && (-Self::LON_E7_MAX..=Self::LON_E7_MAX).contains(&lon_e7);
        on_globe.then_some(Self { lat_e7, lon_e7 })
    }
}

impl Location {
    /// Five elements: station, line, lane, latitude, longitude.
    pub(crate) const FIELDS: u64 = 5;

    pub(crate) fn write(&self, w: &mut Writer) {
        w.text(self.station.as_str());
        w.text(self.line.as_str());
        w.uint(self.lane.0.into());
        w.int(self.point.lat_e7.into());
        w.int(self.point.lon_e7.into());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let station = r.code("station")?;
        let line = r.code("line")?;
        let lane = LaneNo(r.u8("lane")?);
        let lat_e7 = r.i32("latitude")?;
        let lon_e7 = r.i32("longitude")?;
        let point = GeoPoint::from_e7(lat_e7, lon_e7)
            .ok_or_else(|| r.error("latitude, longitude", crate::Problem::OutOfRange))?;
        Ok(Self {
            station,
            line,
            lane,
            point,
        })
    }
}
