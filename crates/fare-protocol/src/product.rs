//! What a product does for a fare, and products in hand: those that a picture tells the exit gate of.

use crate::cbor::{Reader, Writer};
use crate::{FormatError, Problem};
use serde::{Deserialize, Serialize};

/// Most products of which a picture tells.
pub const IN_HAND_MAX: usize = 6;

/// Most zones of one of them.
pub const IN_HAND_ZONES_MAX: usize = 8;

/// Longest name of a product or zone, in characters.
pub const LABEL_LEN_MAX: usize = 24;

/// What of a fare a product covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Covers {
    /// All journeys while it is valid.
    Pass,
    /// So many journeys.
    MultiRide {
        /// How many.
        rides: u32,
    },
    /// A part of so many journeys.
    Coupon {
        /// How many.
        uses: u32,
        /// How much less they cost.
        off: Off,
    },
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Off {
    /// So many minor units.
    Minor(i64),
    /// So many per cent.
    Percent(u32),
}

/// A product that the rider of an open journey has, as it was promised at its sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHand {
    /// What it was on sale as; at most [`LABEL_LEN_MAX`] characters.
    pub offer: String,
    /// What of a fare it covers.
    pub covers: Covers,
    /// How many journeys that began before used it; fewer than it is for.
    pub used: u32,
    /// At most so much of one journey, in minor units.
    pub most_minor: Option<i64>,
    /// Only journeys within these zones; all when there is none.
    pub zones: Vec<String>,
}

impl Covers {
    /// Its name, for files and people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::MultiRide { .. } => "multi-ride",
            Self::Coupon { .. } => "coupon",
        }
    }

    /// For how many journeys; nothing when for all.
    pub const fn uses(self) -> Option<u32> {
        match self {
            Self::Pass => None,
            Self::MultiRide { rides } => Some(rides),
            Self::Coupon { uses, .. } => Some(uses),
        }
    }

    fn write(self, w: &mut Writer) {
        match self {
            Self::Pass => {
                w.nested(1);
                w.uint(PASS);
            }
            Self::MultiRide { rides } => {
                w.nested(2);
                w.uint(MULTI_RIDE);
                w.uint(rides.into());
            }
            Self::Coupon { uses, off } => {
                w.nested(3);
                match off {
                    Off::Minor(minor) => {
                        w.uint(COUPON_MINOR);
                        w.uint(uses.into());
                        w.int(minor);
                    }
                    Off::Percent(percent) => {
                        w.uint(COUPON_PERCENT);
                        w.uint(uses.into());
                        w.uint(percent.into());
                    }
                }
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        const FIELD: &str = "product, covers";
        let fields = r.list(FIELD, 3)?;
        let (kind, wanted) = match r.uint(FIELD)? {
            kind @ PASS => (kind, 1),
            kind @ MULTI_RIDE => (kind, 2),
            kind @ (COUPON_MINOR | COUPON_PERCENT) => (kind, 3),
            got => {
                let known = COUPON_PERCENT;
                return Err(r.error(FIELD, Problem::Unknown { got, known }));
            }
        };
        if fields != wanted {
            let (got, expected) = (fields, wanted);
            return Err(r.error(FIELD, Problem::Length { got, expected }));
        }
        if kind == PASS {
            return Ok(Self::Pass);
        }
        let uses = r.u32(FIELD)?;
        if kind == MULTI_RIDE {
            return Ok(Self::MultiRide { rides: uses });
        }
        let off = match kind == COUPON_MINOR {
            true => Off::Minor(r.int(FIELD)?),
            false => Off::Percent(r.u32(FIELD)?),
        };
        Ok(Self::Coupon { uses, off })
    }
}

const PASS: u64 = 0;
const MULTI_RIDE: u64 = 1;
const COUPON_MINOR: u64 = 2;
const COUPON_PERCENT: u64 = 3;

impl InHand {
    const FIELDS: u64 = 5;

    /// Whether a picture can carry it.
    pub fn fits(&self) -> bool {
        self.zones.len() <= IN_HAND_ZONES_MAX
            && self.offer.len() <= LABEL_LEN_MAX
            && self.zones.iter().all(|zone| zone.len() <= LABEL_LEN_MAX)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.nested(Self::FIELDS);
        w.text(&self.offer);
        self.covers.write(w);
        w.uint(self.used.into());
        match self.most_minor {
            Some(most) => w.int(most),
            None => w.null(),
        }
        w.nested(u64::try_from(self.zones.len()).unwrap_or(u64::MAX));
        for zone in &self.zones {
            w.text(zone);
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.nested("product", Self::FIELDS)?;
        let offer = r.text("product, offer", LABEL_LEN_MAX)?.to_owned();
        let covers = Covers::read(r)?;
        let used = r.u32("product, used")?;
        if covers.uses().is_some_and(|uses| used >= uses) {
            return Err(r.error("product, used", Problem::OutOfRange));
        }
        let most_minor = r.optional("product, most", |r| r.int("product, most"))?;
        let mut zones = Vec::new();
        for _ in 0..r.list("product, zones", IN_HAND_ZONES_MAX as u64)? {
            zones.push(r.text("product, zones", LABEL_LEN_MAX)?.to_owned());
        }
        Ok(Self {
            offer,
            covers,
            used,
            most_minor,
            zones,
        })
    }
}
