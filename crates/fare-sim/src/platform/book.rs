//! What the sandbox has charged and given back. A number is charged once.

use super::fault::{Fault, Operation};
use crate::clock;
use fare_protocol::UnixMs;
use serde::Serialize;
use std::collections::BTreeMap;

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody has paid yet.
    Waiting,
    /// Charged.
    Paid,
    /// Declined: never charged.
    Declined,
    /// Taken back.
    Closed,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The merchant's number.
    pub order: String,
    /// The platform's.
    pub reference: String,
    /// Whether it came in WeChat Pay's words; in Alipay's otherwise.
    pub wechat: bool,
    /// What the merchant wants, in minor units.
    pub asked_minor: i64,
    /// What is charged.
    pub minor: i64,
    /// In which currency.
    pub currency: String,
    /// How far it has come.
    pub state: State,
    /// When it was charged.
    pub paid_ms: Option<i64>,
    /// What was given back, by the merchant's numbers of refunds.
    pub refunds: BTreeMap<String, i64>,
    /// How many requests to charge it came.
    pub asked_times: u32,
    /// Where the merchant wants to be told.
    pub notify_url: Option<String>,
}

/// All orders, and what is to go wrong next.
#[derive(Default)]
pub struct Book {
    entries: BTreeMap<String, Entry>,
    /// What goes wrong next, first come first served.
    pub faults: Vec<(Operation, Fault)>,
    /// Pay codes and agreements that are declined until they are no longer here.
    pub declined_means: Vec<String>,
    /// Nonces of WeChat Pay's requests: none comes twice.
    pub(super) nonces: Vec<String>,
    /// Where the clock stands still.
    pub(super) time: Option<UnixMs>,
    notices: u64,
}

/// A demand, in either platform's words.
pub(super) struct Demand<'a> {
    pub order: &'a str,
    pub wechat: bool,
    pub minor: i64,
    pub currency: &'a str,
    /// The pay code or agreement; none for a code to show.
    pub means: Option<&'a str>,
    pub notify_url: Option<String>,
}

impl Book {
    /// By its clock.
    pub fn now(&self) -> UnixMs {
        self.time.unwrap_or_else(clock::now)
    }

    /// An order.
    pub fn entry(&self, order: &str) -> Option<&Entry> {
        self.entries.get(order)
    }

    /// All orders by their numbers.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.values().cloned().collect()
    }

    /// What all riders paid less what they got back, in minor units.
    pub fn taken_minor(&self) -> i64 {
        let paid = self.entries.values().filter(|e| e.state == State::Paid);
        paid.map(|e| e.minor - e.refunds.values().sum::<i64>())
            .sum()
    }

    pub(super) fn notify_url(&self, order: &str) -> Option<String> {
        self.entry(order)?.notify_url.clone()
    }

    /// The next fault for this kind of call.
    pub(super) fn fault(&mut self, on: Operation) -> Option<Fault> {
        let at = self.faults.iter().position(|(known, _)| *known == on)?;
        Some(self.faults.remove(at).1)
    }

    /// Charges an order that is new; answers it as it is now, and whether it was new.
    pub(super) fn charge(&mut self, demand: Demand<'_>, fault: Option<&Fault>) -> (Entry, bool) {
        if let Some(known) = self.entries.get_mut(demand.order) {
            known.asked_times += 1;
            return (known.clone(), false);
        }
        let declined = matches!(fault, Some(Fault::Decline))
            || demand
                .means
                .is_some_and(|means| self.declined_means.iter().any(|m| m == means));
        let asked = demand.means.is_none() || matches!(fault, Some(Fault::AskRider));
        let state = match (declined, asked) {
            (true, _) => State::Declined,
            (false, true) => State::Waiting,
            (false, false) => State::Paid,
        };
        let (mut minor, mut currency) = (demand.minor, demand.currency.to_owned());
        match fault {
            Some(Fault::WrongAmount(more)) => minor += more,
            Some(Fault::WrongCurrency(other)) => currency.clone_from(other),
            Some(
                Fault::Hold
                | Fault::LoseAnswer
                | Fault::LoseRequest
                | Fault::Decline
                | Fault::AskRider
                | Fault::MisSign
                | Fault::ClockOff(_),
            )
            | None => {}
        }
        let entry = Entry {
            order: demand.order.to_owned(),
            reference: format!("4200{:024}", self.entries.len() + 1),
            wechat: demand.wechat,
            asked_minor: demand.minor,
            minor,
            currency,
            state,
            paid_ms: (state == State::Paid).then(|| self.now().0),
            refunds: BTreeMap::new(),
            asked_times: 1,
            notify_url: demand.notify_url,
        };
        self.entries.insert(entry.order.clone(), entry.clone());
        (entry, true)
    }

    /// The rider pays an order that waits; answers whether one did.
    pub fn pay(&mut self, order: &str, now: UnixMs) -> bool {
        let now = self.time.unwrap_or(now);
        match self.entries.get_mut(order) {
            Some(entry) if entry.state == State::Waiting => {
                entry.state = State::Paid;
                entry.paid_ms = Some(now.0);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes an order back; answers whether there was one.
    pub(super) fn cancel(&mut self, order: &str) -> bool {
        let Some(entry) = self.entries.get_mut(order) else {
            return false;
        };
        if entry.state != State::Declined {
            entry.state = State::Closed;
        }
        true
    }

    /// Gives back; answers the order, and whether this refund is new. An error is the platform's word.
    pub(super) fn refund(
        &mut self,
        order: &str,
        refund: &str,
        minor: i64,
    ) -> Result<(Entry, bool), &'static str> {
        let entry = self.entries.get_mut(order).ok_or("missing")?;
        if let Some(known) = entry.refunds.get(refund) {
            let same = *known == minor;
            return same.then(|| (entry.clone(), false)).ok_or("mismatch");
        }
        let left = entry.minor - entry.refunds.values().sum::<i64>();
        if entry.state != State::Paid || minor <= 0 || minor > left {
            return Err("too much");
        }
        entry.refunds.insert(refund.to_owned(), minor);
        Ok((entry.clone(), true))
    }

    /// A number for a notice: the same for notices of one order in one state.
    pub(super) fn notice_id(&mut self, order: &str) -> String {
        self.notices += 1;
        format!("notice-{order}")
    }
}
