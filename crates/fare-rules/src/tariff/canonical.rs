//! What a tariff's hash is over; the form is documented at [`super::Tariff::hash`].

use super::calendar::{By, Calendar, DayType, Period, Span};
use super::network::Network;
use super::products::{Covers, Off, Product};
use super::rules::{
    Cap, From, How, Maximum, Measured, PaperRefunds, Rules, Transfer, TransferPrice,
};
use super::structure::{Fare, Pairs, Structure};
use super::table::{ByClass, Table, class_name};
use super::zones::Zones;
use fare_protocol::{RiderClass, StationId, TariffHash};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

pub(super) fn hash(table: &Table, rules: &Rules, network: &Network) -> TariffHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(Sha256::digest(form(table, rules, network)).split_at(16).0);
    TariffHash(hash)
}

/// No name holds a line break, so no two tariffs have the same form.
pub(super) fn form(table: &Table, rules: &Rules, network: &Network) -> String {
    let mut lines = vec![
        "faregate tariff 1".to_owned(),
        format!("name {}", table.name),
        format!("valid-from {}", table.valid_from),
    ];
    lines.extend(rules.valid_until.map(|day| format!("valid-until {day}")));
    lines.push(format!("currency {}", table.currency));
    if table.calendar != Calendar::default() {
        calendar(&mut lines, &table.calendar);
    }
    let periods = &table.periods;
    periods.iter().for_each(|one| period(&mut lines, one));
    structure(&mut lines, &table.structure, periods);
    let class = |class| format!("class {} {}", class_name(class), table.percent.of(class));
    lines.extend(RiderClass::ALL.into_iter().map(class));
    self::rules(&mut lines, rules);
    lines.extend(network.ids().map(|id| format!("station {id}")));
    if table.structure.is_distance() {
        let mut links: Vec<_> = network.links().collect();
        links.sort_unstable();
        let links = links.into_iter();
        lines.extend(links.map(|(a, b, metres)| format!("link {a} {b} {metres}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn calendar(lines: &mut Vec<String>, calendar: &Calendar) {
    lines.push(format!("utc-offset {}", calendar.offset_min));
    let changes = calendar.changes.iter();
    lines.extend(changes.map(|(at, offset)| format!("utc-offset-from {at} {offset}")));
    lines.push(format!("day-starts {}", calendar.starts_min));
    lines.extend(calendar.holidays.iter().map(|day| format!("holiday {day}")));
    lines.extend(calendar.workdays.iter().map(|day| format!("workday {day}")));
}

fn period(lines: &mut Vec<String>, period: &Period) {
    let Period { id, percent, .. } = period;
    let by = match period.by {
        By::Entry => "entry",
        By::Exit => "exit",
    };
    lines.push(format!("period {id} {by} {percent}"));
    lines.extend(period.by_date.then(|| format!("period-by-date {id}")));
    let days = period.days.iter();
    lines.extend(days.map(|day| format!("period-day {id} {}", word(*day, &DayType::ALL))));
    let times = period.times.iter();
    lines.extend(times.map(|(from, to)| format!("period-time {id} {from} {to}")));
    let mut class = period.class.clone();
    class.sort_unstable();
    lines.extend(class.into_iter().map(|(class, percent)| {
        let class = class_name(class);
        format!("period-class {id} {class} {percent}")
    }));
}

fn structure(lines: &mut Vec<String>, structure: &Structure, periods: &[Period]) {
    match structure {
        Structure::Distance(distance) => {
            for step in distance.all_steps() {
                let up_to_m = step.up_to_m;
                lines.push(format!("step {up_to_m} {}", step.fare.minor));
                named(lines, &format!("step-in {up_to_m}"), &step.fare, periods);
            }
            let beyond = distance.beyond;
            lines.push(format!("beyond {} {}", beyond.every_m, beyond.add_minor));
        }
        Structure::Flat(fare) => {
            lines.push(format!("flat {}", fare.minor));
            named(lines, "flat-in", fare, periods);
        }
        Structure::Zones(all) => zones(lines, all, periods),
        Structure::Pairs(all) => pairs(lines, all, periods),
    }
}

fn named(lines: &mut Vec<String>, what: &str, fare: &Fare, periods: &[Period]) {
    for (period, minor) in &fare.in_period {
        lines.push(format!("{what} {} {minor}", id(periods, *period)));
    }
    by_class(lines, &format!("{what} class"), &fare.in_class);
    for (period, class) in &fare.in_period_class {
        let what = format!("{what} {} class", id(periods, *period));
        by_class(lines, &what, class);
    }
}

fn id(periods: &[Period], number: usize) -> &str {
    periods.get(number).map_or("", |period| &period.id)
}

fn zones(lines: &mut Vec<String>, zones: &Zones, periods: &[Period]) {
    for (station, of) in &zones.of {
        lines.extend(of.iter().map(|zone| format!("zone {zone} {station}")));
    }
    for ((a, b), fare) in &zones.fares {
        lines.push(format!("zone-fare {a} {b} {}", fare.minor));
        named(lines, &format!("zone-fare-in {a} {b}"), fare, periods);
    }
    for ((a, b), fare) in &zones.one_way {
        lines.push(format!("zone-fare-one-way {a} {b} {}", fare.minor));
        named(
            lines,
            &format!("zone-fare-one-way-in {a} {b}"),
            fare,
            periods,
        );
    }
}

fn pairs(lines: &mut Vec<String>, pairs: &Pairs, periods: &[Period]) {
    for from in pairs.numbers.keys() {
        for to in pairs.numbers.keys() {
            if let Some(fare) = pairs.fare(*from, *to) {
                lines.push(format!("pair {from} {to} {}", fare.minor));
            }
        }
    }
    let named = pairs.in_period.iter();
    for (period, fares) in named {
        let id = id(periods, *period);
        let line = |((from, to), minor): (&(StationId, StationId), &i64)| {
            format!("pair-in {id} {from} {to} {minor}")
        };
        lines.extend(BTreeMap::iter(fares).map(line));
    }
}

fn rules(lines: &mut Vec<String>, rules: &Rules) {
    if rules.rounding != super::rules::Rounding::default() {
        let how = word(rules.rounding.how, &How::ALL);
        lines.push(format!("rounding {} {how}", rules.rounding.to_minor));
    }
    lines.extend(rules.same_station.map(|rule| {
        let (grace, within) = (rule.grace_min, rule.within_minor);
        format!("same-station {grace} {within} {}", or_none(rule.fare_minor))
    }));
    lines.extend(rules.over_time.map(|rule| {
        let (after, add) = (rule.after_min, rule.add_minor);
        let (every, most) = (or_none(rule.every_min), or_none(rule.most_minor));
        format!("over-time {after} {add} {every} {most}")
    }));
    rules.transfers.iter().for_each(|one| transfer(lines, one));
    lines.extend(rules.discounts.iter().map(|discount| {
        let (span, percent) = (discount.span.word(), discount.percent);
        let from = match discount.from {
            From::Minor(minor) => format!("paid {minor}"),
            From::Journeys(journeys) => format!("journeys {journeys}"),
        };
        format!("discount {span} {from} {percent}")
    }));
    rules.caps.iter().for_each(|one| cap(lines, one));
    if rules.maximum != Maximum::default() {
        let maximum = &rules.maximum;
        let (exit, entry) = (
            or_none(maximum.no_exit_minor),
            or_none(maximum.no_entry_minor),
        );
        lines.push(format!("maximum {exit} {entry}"));
        by_class(lines, "maximum-class", &maximum.class);
    }
    lines.extend(
        rules
            .completed_from
            .map(|percent| format!("completion {percent}")),
    );
    rules.products.iter().for_each(|one| product(lines, one));
    if rules.paper_refunds != PaperRefunds::default() {
        let PaperRefunds {
            unused_fee_minor: unused,
            rest_fee_minor: rest,
        } = rules.paper_refunds;
        lines.push(format!("paper-code-refund {unused} {}", or_none(rest)));
    }
}

fn product(lines: &mut Vec<String>, product: &Product) {
    let Product { id, promise, .. } = product;
    let covers = match promise.covers {
        Covers::Pass => "pass".to_owned(),
        Covers::MultiRide { rides } => format!("rides {rides}"),
        Covers::Coupon { uses, off } => match off {
            Off::Minor(minor) => format!("off {minor} {uses}"),
            Off::Percent(percent) => format!("off-percent {percent} {uses}"),
        },
    };
    let (price, days, most) = (product.price_minor, product.valid_days, promise.most_minor);
    lines.push(format!(
        "product {id} {price} {days} {} {covers}",
        or_none(most)
    ));
    let zones = promise.zones.iter();
    lines.extend(zones.map(|zone| format!("product-zone {id} {zone}")));
    if promise.missing_end {
        lines.push(format!("product-missing-end {id}"));
    }
    if let Some(fee) = promise.refund_fee_minor {
        lines.push(format!("product-refund {id} {fee}"));
    }
}

fn transfer(lines: &mut Vec<String>, transfer: &Transfer) {
    let Transfer {
        id,
        within_min,
        most,
        ..
    } = transfer;
    let measured = word(transfer.measured, &Measured::ALL);
    let price = match transfer.price {
        TransferPrice::OneJourney => "one-journey".to_owned(),
        TransferPrice::Fixed(minor) => format!("fare {minor}"),
        TransferPrice::Add(minor) => format!("add {minor}"),
        TransferPrice::Total {
            minor,
            further_minor,
        } => match further_minor {
            Some(further) => format!("total {minor} further {further}"),
            None => format!("total {minor}"),
        },
    };
    lines.push(format!(
        "transfer {id} {within_min} {measured} {most} {price}"
    ));
    if transfer.since_first {
        lines.push(format!("transfer-since-first {id}"));
    }
    by_class(lines, &format!("transfer-class {id}"), &transfer.class);
    let between = transfer.between.iter();
    lines.extend(between.map(|(a, b)| format!("transfer-between {id} {a} {b}")));
}

fn cap(lines: &mut Vec<String>, cap: &Cap) {
    let Cap { id, most_minor, .. } = cap;
    let span: Span = cap.span;
    lines.push(format!("cap {id} {} {most_minor}", span.word()));
    by_class(lines, &format!("cap-class {id}"), &cap.class);
    lines.extend(cap.zones.iter().map(|zone| format!("cap-zone {id} {zone}")));
}

fn by_class(lines: &mut Vec<String>, what: &str, class: &ByClass) {
    let named = RiderClass::ALL
        .into_iter()
        .filter_map(|one| Some((class_name(one), class.of(one)?)));
    lines.extend(named.map(|(class, minor)| format!("{what} {class} {minor}")));
}

fn or_none<N: ToString>(value: Option<N>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn word<T: PartialEq>(value: T, all: &[(T, &'static str)]) -> &'static str {
    let found = all.iter().find(|(one, _)| *one == value);
    found.map_or("", |(_, word)| word)
}
