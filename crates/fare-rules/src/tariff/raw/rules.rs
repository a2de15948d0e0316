//! The rules beside the table.

use super::text::Text;
use super::{RawClass, fare_minor};
use crate::tariff::calendar::{Day, Span};
use crate::tariff::rules::{
    Cap, Discount, From, How, Maximum, Measured, OverTime, PaperRefunds, RULES_MAX, Rounding,
    Rules, SameStation, TRANSFERS_MAX, Transfer, TransferPrice,
};
use crate::tariff::structure::Structure;
use crate::tariff::table::{ByClass, FARE_MINOR_MAX};
use crate::tariff::zones::Zone;
use crate::tariff::{TariffError, TariffProblem};
use fare_protocol::StationId;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// Longest grace, time limit and stay, in minutes: a day.
const MINUTES_MAX: u32 = 1_440;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRounding {
    to_minor: Spanned<i64>,
    how: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSameStation {
    grace_min: Spanned<u32>,
    within_minor: Spanned<i64>,
    fare_minor: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOverTime {
    after_min: Spanned<u32>,
    add_minor: Spanned<i64>,
    every_min: Option<Spanned<u32>>,
    most_minor: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransfer {
    id: Spanned<String>,
    within_min: Spanned<u32>,
    measured: Spanned<String>,
    #[serde(default)]
    between: Vec<[Spanned<String>; 2]>,
    most: Spanned<u32>,
    since: Option<Spanned<String>>,
    one_journey: Option<bool>,
    fare_minor: Option<Spanned<i64>>,
    add_minor: Option<Spanned<i64>>,
    total_minor: Option<Spanned<i64>>,
    further_minor: Option<Spanned<i64>>,
    class: Option<RawClass<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDiscount {
    span: Spanned<String>,
    from_minor: Option<Spanned<i64>>,
    from_journeys: Option<Spanned<u32>>,
    percent: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCap {
    id: Spanned<String>,
    span: Spanned<String>,
    most_minor: Spanned<i64>,
    class: Option<RawClass<i64>>,
    #[serde(default)]
    pub(super) zones: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaximum {
    no_exit_minor: Option<Spanned<i64>>,
    no_entry_minor: Option<Spanned<i64>>,
    class: Option<RawClass<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCompletion {
    at_least: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPaperCode {
    refund_unused_fee_minor: Option<Spanned<i64>>,
    refund_rest_fee_minor: Option<Spanned<i64>>,
}

/// Everything of a tariff's text that its rules are in.
pub(super) struct RawRules<'r> {
    pub(super) rounding: Option<&'r RawRounding>,
    pub(super) same_station: Option<&'r RawSameStation>,
    pub(super) over_time: Option<&'r RawOverTime>,
    pub(super) transfer: &'r [Spanned<RawTransfer>],
    pub(super) discount: &'r [Spanned<RawDiscount>],
    pub(super) cap: &'r [Spanned<RawCap>],
    pub(super) maximum: Option<&'r RawMaximum>,
    pub(super) completion: Option<&'r RawCompletion>,
    pub(super) paper_code: Option<&'r RawPaperCode>,
}

pub(super) fn rules(
    text: &Text<'_>,
    raw: &RawRules<'_>,
    valid_until: Option<Day>,
) -> Result<Rules, TariffError> {
    let rounding = raw.rounding.map(|raw| rounding(text, raw)).transpose()?;
    text.count(raw.transfer.len(), "transfers", RULES_MAX)?;
    text.count(raw.discount.len(), "discounts", RULES_MAX)?;
    text.count(raw.cap.len(), "caps", RULES_MAX)?;
    let mut known = BTreeSet::new();
    let transfers = raw.transfer.iter().map(|raw| {
        let id = &raw.get_ref().id;
        text.once(id.span(), id.get_ref(), known.insert(id.get_ref().clone()))?;
        transfer(text, raw)
    });
    let transfers = transfers.collect::<Result<_, _>>()?;
    let discounts = raw.discount.iter().map(|raw| discount(text, raw));
    let mut known = BTreeSet::new();
    let caps = raw.cap.iter().map(|raw| {
        let id = &raw.get_ref().id;
        text.once(id.span(), id.get_ref(), known.insert(id.get_ref().clone()))?;
        cap(text, raw.get_ref())
    });
    let maximum = raw.maximum.map(|raw| maximum(text, raw)).transpose()?;
    Ok(Rules {
        valid_until,
        rounding: rounding.unwrap_or_default(),
        same_station: raw
            .same_station
            .map(|raw| same_station(text, raw))
            .transpose()?,
        over_time: raw.over_time.map(|raw| over_time(text, raw)).transpose()?,
        transfers,
        discounts: discounts.collect::<Result<_, _>>()?,
        caps: caps.collect::<Result<_, _>>()?,
        maximum: maximum.unwrap_or_default(),
        completed_from: raw
            .completion
            .map(|given| completed_from(text, given, raw.maximum))
            .transpose()?,
        paper_refunds: raw
            .paper_code
            .map(|raw| paper_refunds(text, raw))
            .transpose()?
            .unwrap_or_default(),
        products: Vec::new(),
    })
}

/// Zones of caps and products must be zones of the table.
pub(super) fn zones_are_known<'r>(
    text: &Text<'_>,
    mut named: impl Iterator<Item = &'r Spanned<String>>,
    structure: &Structure,
) -> Result<(), TariffError> {
    let known: BTreeSet<&Zone> = match structure {
        Structure::Zones(zones) => zones.of.values().flatten().collect(),
        Structure::Distance(_) | Structure::Flat(_) | Structure::Pairs(_) => BTreeSet::new(),
    };
    let unknown = named.find(|name| !known.contains(&Zone((*name.get_ref()).clone())));
    match unknown {
        Some(name) => {
            let problem = TariffProblem::UnknownZone(name.get_ref().clone());
            Err(text.wrong(name.span(), problem))
        }
        None => Ok(()),
    }
}

fn rounding(text: &Text<'_>, raw: &RawRounding) -> Result<Rounding, TariffError> {
    Ok(Rounding {
        to_minor: text.in_range(&raw.to_minor, "to_minor", 1, 1_000_000)?,
        how: text.word(&raw.how, &How::ALL)?,
    })
}

fn minutes(text: &Text<'_>, value: &Spanned<u32>, what: &'static str) -> Result<u32, TariffError> {
    text.in_range(value, what, 1, MINUTES_MAX)
}

fn same_station(text: &Text<'_>, raw: &RawSameStation) -> Result<SameStation, TariffError> {
    let fare = raw.fare_minor.as_ref();
    let fare = fare.map(|fare| fare_minor(text, fare, "fare_minor"));
    Ok(SameStation {
        grace_min: text.in_range(&raw.grace_min, "grace_min", 0, MINUTES_MAX)?,
        within_minor: fare_minor(text, &raw.within_minor, "within_minor")?,
        fare_minor: fare.transpose()?,
    })
}

fn over_time(text: &Text<'_>, raw: &RawOverTime) -> Result<OverTime, TariffError> {
    let every = raw.every_min.as_ref();
    let every = every.map(|every| minutes(text, every, "every_min"));
    let most = raw.most_minor.as_ref();
    let most = most.map(|most| fare_minor(text, most, "most_minor"));
    Ok(OverTime {
        after_min: minutes(text, &raw.after_min, "after_min")?,
        add_minor: fare_minor(text, &raw.add_minor, "add_minor")?,
        every_min: every.transpose()?,
        most_minor: most.transpose()?,
    })
}

fn transfer(text: &Text<'_>, raw: &Spanned<RawTransfer>) -> Result<Transfer, TariffError> {
    let price = transfer_price(text, raw)?;
    let raw = raw.get_ref();
    let mut between = BTreeSet::new();
    for [a, b] in &raw.between {
        let pair: (StationId, StationId) = (text.id(a)?, text.id(b)?);
        between.insert((pair.0.min(pair.1), pair.0.max(pair.1)));
    }
    let since = raw.since.as_ref();
    let since = since.map(|since| text.word(since, &[(false, "last"), (true, "first")]));
    let class = raw.class.as_ref();
    let class = class.map(|class| {
        // No class pays more than an adult does.
        let (least, most) = match price {
            TransferPrice::OneJourney => {
                let stray = TariffProblem::Stray("class in a transfer that is one journey");
                return Err(text.wrong(raw.id.span(), stray));
            }
            TransferPrice::Fixed(minor) => (0, minor),
            TransferPrice::Add(minor) => (-FARE_MINOR_MAX, minor),
            TransferPrice::Total {
                minor,
                further_minor,
            } => (0, minor.min(further_minor.unwrap_or(minor))),
        };
        class.checked(text, least, most)
    });
    Ok(Transfer {
        id: text.label(&raw.id)?,
        within_min: minutes(text, &raw.within_min, "within_min")?,
        measured: text.word(&raw.measured, &Measured::ALL)?,
        between,
        most: text.in_range(&raw.most, "most", 1, TRANSFERS_MAX)?,
        since_first: since.transpose()?.unwrap_or(false),
        price,
        class: ByClass(class.transpose()?.unwrap_or_default()),
    })
}

fn transfer_price(
    text: &Text<'_>,
    raw: &Spanned<RawTransfer>,
) -> Result<TransferPrice, TariffError> {
    let at = raw.span();
    let raw = raw.get_ref();
    let further = &raw.further_minor;
    if let Some(further) = further.as_ref().filter(|_| raw.total_minor.is_none()) {
        let stray = TariffProblem::Stray("further_minor without total_minor");
        return Err(text.wrong(further.span(), stray));
    }
    let (fare, total) = (&raw.fare_minor, &raw.total_minor);
    match (raw.one_journey, fare, &raw.add_minor, total) {
        (Some(true), None, None, None) => Ok(TransferPrice::OneJourney),
        (None, Some(fare), None, None) => {
            fare_minor(text, fare, "fare_minor").map(TransferPrice::Fixed)
        }
        (None, None, Some(add), None) => {
            let (least, most) = (-FARE_MINOR_MAX, FARE_MINOR_MAX);
            let add = text.in_range(add, "add_minor", least, most);
            add.map(TransferPrice::Add)
        }
        (None, None, None, Some(total)) => {
            let further = further.as_ref();
            let further = further.map(|minor| fare_minor(text, minor, "further_minor"));
            Ok(TransferPrice::Total {
                minor: fare_minor(text, total, "total_minor")?,
                further_minor: further.transpose()?,
            })
        }
        (_, _, _, _) => {
            let one = "one_journey = true, fare_minor, add_minor or total_minor";
            Err(text.wrong(at, TariffProblem::OneOf(one)))
        }
    }
}

fn discount(text: &Text<'_>, raw: &Spanned<RawDiscount>) -> Result<Discount, TariffError> {
    let at = raw.span();
    let raw = raw.get_ref();
    let from = match (&raw.from_minor, &raw.from_journeys) {
        (Some(minor), None) => From::Minor(text.in_range(minor, "from_minor", 1, i64::MAX)?),
        (None, Some(journeys)) => {
            From::Journeys(text.in_range(journeys, "from_journeys", 1, 100_000)?)
        }
        (_, _) => {
            let problem = TariffProblem::OneOf("from_minor or from_journeys");
            return Err(text.wrong(at, problem));
        }
    };
    Ok(Discount {
        span: text.word(&raw.span, &Span::ALL)?,
        from,
        percent: text.in_range(&raw.percent, "percent", 0, 100)?,
    })
}

fn cap(text: &Text<'_>, raw: &RawCap) -> Result<Cap, TariffError> {
    let most_minor = fare_minor(text, &raw.most_minor, "most_minor")?;
    let class = raw.class.as_ref();
    let class = class.map(|class| class.checked(text, 0, most_minor));
    let zones = raw.zones.iter().map(|zone| text.label(zone).map(Zone));
    Ok(Cap {
        id: text.label(&raw.id)?,
        span: text.word(&raw.span, &Span::ALL)?,
        most_minor,
        class: ByClass(class.transpose()?.unwrap_or_default()),
        zones: zones.collect::<Result<_, _>>()?,
    })
}

fn maximum(text: &Text<'_>, raw: &RawMaximum) -> Result<Maximum, TariffError> {
    let fare = |value: &Option<Spanned<i64>>, what| {
        let value = value.as_ref();
        value.map(|value| fare_minor(text, value, what)).transpose()
    };
    let class = raw.class.as_ref();
    let class = class.map(|class| class.checked(text, 0, FARE_MINOR_MAX));
    Ok(Maximum {
        no_exit_minor: fare(&raw.no_exit_minor, "no_exit_minor")?,
        no_entry_minor: fare(&raw.no_entry_minor, "no_entry_minor")?,
        class: ByClass(class.transpose()?.unwrap_or_default()),
    })
}

fn completed_from(
    text: &Text<'_>,
    raw: &RawCompletion,
    maximum: Option<&RawMaximum>,
) -> Result<u32, TariffError> {
    if maximum.is_none() {
        let stray = TariffProblem::Stray("[completion] without [maximum]");
        return Err(text.wrong(raw.at_least.span(), stray));
    }
    text.in_range(&raw.at_least, "at_least", 50, 100)
}

fn paper_refunds(text: &Text<'_>, raw: &RawPaperCode) -> Result<PaperRefunds, TariffError> {
    let fee = |value: &Option<Spanned<i64>>, what| {
        let value = value.as_ref();
        value.map(|value| fare_minor(text, value, what)).transpose()
    };
    let unused = fee(&raw.refund_unused_fee_minor, "refund_unused_fee_minor")?;
    Ok(PaperRefunds {
        unused_fee_minor: unused.unwrap_or(0),
        rest_fee_minor: fee(&raw.refund_rest_fee_minor, "refund_rest_fee_minor")?,
    })
}
