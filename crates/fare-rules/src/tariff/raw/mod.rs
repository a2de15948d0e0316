//! From the two TOML texts to checked parts: every check that a fare depends on stands here.

mod day;
mod fares;
mod products;
mod rules;
mod stations;
mod text;

pub(super) use fares::complete;
pub(super) use stations::network;

use super::rules::Rules;
use super::table::{FARE_MINOR_MAX, Percent, Table};
use super::{TariffError, TariffPart, TariffProblem};
use day::{RawDay, RawPeriod};
use fare_protocol::RiderClass;
use fares::{RawFares, RawPair};
use rules::RawRules;
use serde::Deserialize;
use std::collections::BTreeMap;
use text::Text;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTariff {
    name: Spanned<String>,
    currency: Spanned<String>,
    valid_from: Spanned<String>,
    valid_until: Option<Spanned<String>>,
    /// For people; whoever loads the texts knows where they are.
    #[serde(rename = "stations")]
    _stations: String,
    day: Option<RawDay>,
    #[serde(default)]
    period: Vec<Spanned<RawPeriod>>,
    step: Option<Vec<fares::RawStep>>,
    beyond: Option<fares::RawBeyond>,
    flat: Option<fares::RawFlat>,
    zone: Option<Vec<fares::RawZone>>,
    #[serde(default)]
    zone_fare: Vec<fares::RawZoneFare>,
    pair: Option<RawPair>,
    #[serde(default)]
    pair_in: BTreeMap<Spanned<String>, RawPair>,
    class: Spanned<RawClass>,
    rounding: Option<rules::RawRounding>,
    same_station: Option<rules::RawSameStation>,
    over_time: Option<rules::RawOverTime>,
    #[serde(default)]
    transfer: Vec<Spanned<rules::RawTransfer>>,
    #[serde(default)]
    discount: Vec<Spanned<rules::RawDiscount>>,
    #[serde(default)]
    cap: Vec<Spanned<rules::RawCap>>,
    maximum: Option<rules::RawMaximum>,
    completion: Option<rules::RawCompletion>,
    #[serde(default)]
    product: Vec<Spanned<products::RawProduct>>,
    paper_code: Option<rules::RawPaperCode>,
}

/// A number for each class that is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass<N = u32> {
    adult: Option<Spanned<N>>,
    child: Option<Spanned<N>>,
    student: Option<Spanned<N>>,
    senior: Option<Spanned<N>>,
    disabled: Option<Spanned<N>>,
    staff: Option<Spanned<N>>,
}

/// Reads and checks the tariff's own text.
pub(super) fn table(text: &str) -> Result<(Table, Rules), TariffError> {
    let text = Text {
        part: TariffPart::Tariff,
        text,
    };
    let raw: RawTariff = text.parse()?;
    let calendar = day::calendar(&text, raw.day.as_ref())?;
    let periods = day::periods(&text, &raw.period)?;
    let valid_from = day::date(&text, &raw.valid_from)?;
    let valid_until = raw.valid_until.as_ref();
    let valid_until = valid_until
        .map(|value| day::last_date(&text, value, valid_from))
        .transpose()?;
    let percent = percent(&text, &raw.class)?;
    let raw_fares = RawFares {
        step: raw.step.as_deref(),
        beyond: raw.beyond.as_ref(),
        flat: raw.flat.as_ref(),
        zone: raw.zone.as_deref(),
        zone_fare: &raw.zone_fare,
        pair: raw.pair.as_ref(),
        pair_in: &raw.pair_in,
    };
    let structure = fares::structure(&text, &raw_fares, &periods)?;
    let raw_rules = RawRules {
        rounding: raw.rounding.as_ref(),
        same_station: raw.same_station.as_ref(),
        over_time: raw.over_time.as_ref(),
        transfer: &raw.transfer,
        discount: &raw.discount,
        cap: &raw.cap,
        maximum: raw.maximum.as_ref(),
        completion: raw.completion.as_ref(),
        paper_code: raw.paper_code.as_ref(),
    };
    let rules = Rules {
        products: products::products(&text, &raw.product)?,
        ..rules::rules(&text, &raw_rules, valid_until)?
    };
    let of_caps = raw.cap.iter().flat_map(|raw| &raw.get_ref().zones);
    let of_products = raw.product.iter().flat_map(|raw| &raw.get_ref().zones);
    rules::zones_are_known(&text, of_caps.chain(of_products), &structure)?;
    if raw.day.is_none() {
        day::is_not_needed(&text, &raw)?;
    }
    let currency = raw.currency.get_ref().parse();
    let table = Table {
        name: text.name(&raw.name, "name")?,
        valid_from,
        currency: currency.map_err(|err| text.wrong(raw.currency.span(), err))?,
        calendar,
        periods,
        structure,
        percent,
    };
    Ok((table, rules))
}

fn percent(text: &Text<'_>, raw: &Spanned<RawClass>) -> Result<Percent, TariffError> {
    let class = raw.get_ref();
    let adult = class.adult.as_ref();
    let adult = adult.ok_or_else(|| text.wrong(raw.span(), TariffProblem::NoAdult))?;
    let adult = text.in_range(adult, "adult", 0, 100)?;
    let percent = |value: &Option<Spanned<u32>>, what| match value {
        Some(value) => text.in_range(value, what, 0, 100),
        None => Ok(adult),
    };
    Ok(Percent {
        adult,
        child: percent(&class.child, "child")?,
        student: percent(&class.student, "student")?,
        senior: percent(&class.senior, "senior")?,
        disabled: percent(&class.disabled, "disabled")?,
        staff: percent(&class.staff, "staff")?,
    })
}

impl<N: Copy + PartialOrd + Into<i64>> RawClass<N> {
    fn named(&self) -> impl Iterator<Item = (RiderClass, &'static str, &Spanned<N>)> {
        let all = [
            (RiderClass::Adult, "adult", &self.adult),
            (RiderClass::Child, "child", &self.child),
            (RiderClass::Student, "student", &self.student),
            (RiderClass::Senior, "senior", &self.senior),
            (RiderClass::Disabled, "disabled", &self.disabled),
            (RiderClass::Staff, "staff", &self.staff),
        ];
        all.into_iter()
            .filter_map(|(class, what, value)| Some((class, what, value.as_ref()?)))
    }

    /// What the classes that are named have, each from `min` to `max`.
    fn checked(
        &self,
        text: &Text<'_>,
        min: N,
        max: N,
    ) -> Result<Vec<(RiderClass, N)>, TariffError> {
        self.named()
            .map(|(class, what, value)| Ok((class, text.in_range(value, what, min, max)?)))
            .collect()
    }
}

/// A fare in minor units.
fn fare_minor(
    text: &Text<'_>,
    value: &Spanned<i64>,
    what: &'static str,
) -> Result<i64, TariffError> {
    text.in_range(value, what, 0, FARE_MINOR_MAX)
}
