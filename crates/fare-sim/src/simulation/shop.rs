//! What riders bought before the day: products on their accounts, and printed tickets for one journey each.

use super::RuleBroken;
use super::server::{Server, signer};
use crate::seed::Seed;
use fare_protocol::{AccountId, Currency, Money, PaperCode, RiderClass, UnixMs};
use fare_rules::tariff::Held;
use fare_server::paper_codes;
use fare_server::products::{Sale, sell};
use fare_server::store::PaidBy;
use std::collections::BTreeMap;

/// What the tariff sells, beside its fares.
pub(super) const ON_SALE: &str = r#"
[[product]]
id = "day"
name = "Day pass"
price_minor = 900
valid_days = 2
pass = true
most_minor = 300
[[product]]
id = "three"
name = "Three rides"
price_minor = 1000
valid_days = 2
rides = 3
[[product]]
id = "half"
name = "Half price, twice"
price_minor = 100
valid_days = 2
off_percent = 50
uses = 2
"#;

/// What the first riders have bought; the others pay money for each journey.
const BOUGHT: [&[&str]; 6] = [
    &["three"],
    &["half"],
    &["day"],
    &["three", "half"],
    &["half", "day"],
    &["three", "three"],
];

/// How many riders after those have tickets, and how many each.
const TICKET_RIDERS: usize = 3;
const TICKETS: usize = 12;

/// How long a ticket is good: from before the day, as gates' clocks may be off.
const HOUR_MS: i64 = 3_600_000;

/// Everything that was bought, by account.
#[derive(Default)]
pub(super) struct Shop {
    /// Products, none used yet.
    pub(super) held: BTreeMap<AccountId, Vec<Held>>,
    /// What was paid for each ticket.
    pub(super) tickets: BTreeMap<AccountId, Money>,
}

/// Whether this rider has tickets and no phone.
pub(super) fn has_tickets(rider: usize) -> bool {
    (BOUGHT.len()..BOUGHT.len() + TICKET_RIDERS).contains(&rider)
}

impl Shop {
    /// Sells to a rider what riders of this number buy.
    pub(super) fn sell(
        &mut self,
        server: &mut Server,
        (rider, account): (usize, AccountId),
        now: UnixMs,
    ) -> Result<(), RuleBroken> {
        let tariff = server.settlement.tariff.clone();
        for offer in BOUGHT.get(rider).copied().unwrap_or_default() {
            let sale = Sale {
                account,
                offer: (*offer).to_owned(),
                paid: PaidBy::Cash,
                from: None,
                person: "desk".to_owned(),
            };
            let row = server.database.write(|tx| sell(tx, &tariff, &sale, now));
            let row = row.map_err(|err| RuleBroken::Simulation(format!("a sale: {err}")))?;
            self.held.entry(account).or_default().push(Held {
                id: row.id,
                offer: row.offer,
                promise: row.promise,
                price_minor: row.price.minor,
                from: row.from,
                until: row.until,
                used: 0,
                earned_minor: 0,
                lapsed: false,
                refunded_minor: 0,
                uses_kept: None,
            });
        }
        Ok(())
    }

    /// Prints a rider's tickets; answers what they say.
    pub(super) fn print(
        &mut self,
        server: &mut Server,
        chance: &mut Seed,
        now: UnixMs,
    ) -> Result<Vec<String>, RuleBroken> {
        let mut texts = Vec::new();
        for n in 0..TICKETS {
            // Some are worth less than the dearest ways cost.
            let minor = if n % 4 == 3 { 400 } else { 700 };
            let code = PaperCode {
                account: PaperCode::account(chance.bytes()),
                class: RiderClass::Adult,
                value: Money::new(minor, Currency::CNY),
                valid_from: UnixMs(now.0 - 24 * HOUR_MS),
                valid_until: UnixMs(now.0 + 96 * HOUR_MS),
            };
            server
                .database
                .write(|tx| paper_codes::keep(tx, &code, "desk", now))?;
            self.tickets.insert(code.account, code.value);
            texts.push(code.seal(&signer()));
        }
        Ok(texts)
    }

    /// What was paid for all products, in minor units.
    pub(super) fn prices(&self) -> i64 {
        let all = self.held.values().flatten();
        all.map(|held| held.price_minor).sum()
    }
}
