//! Journeys become charges, charges become orders, and what platforms say becomes postings.
//!
//! ```text
//! round:  collect   postings that nothing has charged -> charges, by each account's policy
//!         send      charges that are due, or debts whose day has come -> orders at platforms
//!         ask       orders whose outcome nobody knows -> asked after, sent again when they never arrived
//!         refunds   what people want given back -> platforms
//! notice: what a platform tells by itself, at any time
//! ```
//! Every order is stored before it is sent. Each step is right when two servers do it at once: an order belongs to
//! who stored it, and what has ended does not end again. `Desk::round` is done under a lease to spare work.

mod collect;
mod hear;
mod pay_codes;

pub use collect::{Done, collect};
pub use hear::{Heard, ask_refund, hear, hear_refund};

use super::error::ChargeError;
use super::platform::{
    Means, NoticeAbout, Order, OrderNo, Outcome, Platform, PlatformId, Refund, RefundOutcome,
    Secret,
};
use super::{Response, ids_failed};
use crate::config::Settlement;
use crate::ids;
use crate::pay_codes::Seal;
use crate::store::{ChargeRow, Payer, RefundRow, Store, StoreError, TryRow, Tx, Way};
use fare_protocol::{AccountId, Millis, UnixMs};
use fare_rules::charging::{ChargeState, Policy, RetryCalendar};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most charges, accounts or refunds that one round looks at.
const MOST: u32 = 200;

/// How long who did a round last does the next ones alone.
const LEASE: Millis = Millis(60_000);

/// When an order is asked after, in milliseconds after it was sent or asked after; the last one goes on.
const ASK_AFTER_MS: [i64; 6] = [5_000, 15_000, 60_000, 300_000, 1_800_000, 3_600_000];

/// How charging is done here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When accounts are charged that have no policy of their own.
    pub policy: Policy,
    /// When declines are tried again.
    pub retry: RetryCalendar,
    /// What riders read on the platform's receipt.
    pub subject: String,
}

/// How long a code to scan, or one that was scanned, is waited for.
const CODE_VALID_MS: i64 = 900_000;

/// What charges.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    settlement: Arc<Settlement>,
    rules: Rules,
    platforms: BTreeMap<PlatformId, Arc<dyn Platform>>,
    /// Which of several servers this is.
    holder: [u8; 16],
    /// What riders' pay codes are sealed with, where they are taken.
    seal: Option<Seal>,
}

/// When to ask again after so many times.
pub(super) fn ask_again(asked: u32, now: UnixMs) -> UnixMs {
    let nth = usize::try_from(asked).unwrap_or(usize::MAX);
    let last = ASK_AFTER_MS[ASK_AFTER_MS.len() - 1];
    let wait = ASK_AFTER_MS.get(nth).copied().unwrap_or(last);
    UnixMs(now.0.saturating_add(wait))
}

impl Desk {
    /// Charges through these platforms.
    pub fn new(
        store: Store,
        settlement: Arc<Settlement>,
        rules: Rules,
        platforms: Vec<Arc<dyn Platform>>,
        holder: [u8; 16],
    ) -> Self {
        let platforms = platforms.into_iter().map(|one| (one.id(), one)).collect();
        Self {
            store,
            settlement,
            rules,
            platforms,
            holder,
            seal: None,
        }
    }

    /// Charges by riders' pay codes too, which lie sealed in the database.
    #[must_use]
    pub fn with_pay_codes(self, seal: Option<Seal>) -> Self {
        Self { seal, ..self }
    }

    /// A platform, when it is configured.
    pub fn platform(&self, id: PlatformId) -> Option<&Arc<dyn Platform>> {
        self.platforms.get(&id)
    }

    /// Does what is to be done now, if this server has the lease. What a platform does not answer is logged and
    /// asked after later.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn round(&self, now: UnixMs) -> Result<Done, ChargeError> {
        let (holder, until) = (self.holder, now.after(LEASE));
        let lease = move |tx: &Tx<'_>| tx.lease("charging", holder, now, until);
        if !self.store.write(lease).await? {
            return Ok(Done::default());
        }
        let (rules, settlement) = (self.rules.clone(), self.settlement.clone());
        let work = move |tx: &Tx<'_>| collect(tx, &rules, &settlement, now, MOST);
        let mut done = self.store.write(work).await?;
        let next = move |tx: &Tx<'_>| tx.charges_next(now, MOST);
        for row in self.store.read(next).await? as Vec<ChargeRow> {
            match row.charge.state {
                ChargeState::Due | ChargeState::Debt => self.send(&row, now, &mut done).await?,
                ChargeState::Sent => self.ask(&row, now, &mut done).await?,
                ChargeState::Paid | ChargeState::Differs => {}
            }
        }
        let next = move |tx: &Tx<'_>| tx.refunds_next(now, MOST);
        for row in self.store.read(next).await? as Vec<RefundRow> {
            self.give_back(&row, now, &mut done).await?;
        }
        Ok(done)
    }

    /// Sends a charge by the account's own means.
    async fn send(&self, row: &ChargeRow, now: UnixMs, done: &mut Done) -> Result<(), ChargeError> {
        let account = row.charge.account;
        let (payer, code) = self.payer(account).await?;
        let configured = payer.and_then(|payer| {
            let platform = self.platforms.get(&payer.platform)?.clone();
            Some((payer, platform))
        });
        let Some((payer, platform)) = configured else {
            return self.put_off(row, now).await;
        };
        let id = platform.id();
        let means = match (payer.agreement, id) {
            (Some(agreement), _) => Means::Agreement(agreement),
            (None, PlatformId::StoredValue) => Means::Balance(account),
            (None, PlatformId::Alipay | PlatformId::WeChat) => match code {
                Some(code) => Means::PayCode(code),
                None => return self.without_code(row, id, now, done).await,
            },
        };
        let sent = self.try_by(row, platform.as_ref(), means, now).await?;
        done.sent += u64::from(sent.is_some());
        done.count(sent.as_ref());
        Ok(())
    }

    /// How the account pays, and its pay code while that is kept.
    async fn payer(
        &self,
        account: AccountId,
    ) -> Result<(Option<Payer>, Option<Secret>), ChargeError> {
        let work =
            move |tx: &Tx<'_>| Ok::<_, StoreError>((tx.payer(account)?, tx.pay_code(account)?));
        let (payer, sealed): (_, Option<Vec<u8>>) = self.store.read(work).await?;
        Ok((payer, self.opened(account, sealed.as_deref())))
    }

    /// Nobody to send it to: tomorrow there may be.
    async fn put_off(&self, row: &ChargeRow, now: UnixMs) -> Result<(), ChargeError> {
        let mut row = *row;
        row.next = Some(now.after(Millis(86_400_000)));
        let work = move |tx: &Tx<'_>| tx.update_charge(&row);
        Ok(self.store.write(work).await?)
    }

    /// Sends a charge by these means and hears what becomes of it; nothing when it is not to be sent any more, or
    /// the platform did not answer.
    ///
    /// # Errors
    /// Those of the database; or that the platform does not take these means.
    pub async fn try_by(
        &self,
        row: &ChargeRow,
        platform: &dyn Platform,
        means: Means,
        now: UnixMs,
    ) -> Result<Option<Heard>, ChargeError> {
        let (way, id) = (way(&means), platform.id());
        if !platform.capabilities().contains(&means.needs()) {
            let capability = means.needs();
            return Err(ChargeError::Unsupported {
                platform: id,
                capability,
            });
        }
        let no = OrderNo::of(ids::new_id(now).map_err(|_| ids_failed())?);
        let (account, charge) = (row.charge.account, row.id);
        let order = self.order(row, no.clone(), means);
        let begin = move |tx: &Tx<'_>| {
            let new = TryRow {
                order: no.clone(),
                platform: id,
                way,
                state: "sent".to_owned(),
                reference: None,
                paid: None,
                why: None,
                sent: now,
            };
            hear::begin(tx, account, charge, &new, now)
        };
        if !self.store.write(begin).await? {
            return Ok(None);
        }
        let outcome = platform.charge(&order, now).await;
        self.take(&order, outcome, now).await
    }

    fn order(&self, row: &ChargeRow, no: OrderNo, means: Means) -> Order {
        Order {
            no,
            amount: row.charge.amount,
            means,
            subject: self.rules.subject.clone(),
        }
    }

    /// Asks after the newest order of a charge; sends it again when it never arrived.
    async fn ask(&self, row: &ChargeRow, now: UnixMs, done: &mut Done) -> Result<(), ChargeError> {
        let (account, charge) = (row.charge.account, row.id);
        let work = move |tx: &Tx<'_>| tx.newest_try(account, charge);
        let newest: Option<TryRow> = self.store.read(work).await?;
        let (payer, code) = self.payer(account).await?;
        let Some(newest) = newest else {
            return self.put_off(row, now).await;
        };
        let Some(platform) = self.platforms.get(&newest.platform).cloned() else {
            return self.put_off(row, now).await;
        };
        let agreement = payer.and_then(|payer| payer.agreement);
        let (means, again) = match newest.way {
            Way::Balance => (Means::Balance(account), true),
            Way::Agreement => match agreement {
                Some(agreement) => (Means::Agreement(agreement), true),
                None => (Means::Agreement(Secret::new("")), false),
            },
            Way::PayCode => {
                let kept = code.is_some();
                (
                    Means::PayCode(code.unwrap_or_else(|| Secret::new(""))),
                    kept,
                )
            }
            Way::ShowCode => (Means::ShowCode, false),
        };
        let order = self.order(row, newest.order.clone(), means);
        let outcome = platform.query(&order, now).await;
        done.asked += 1;
        let over = !again && now.since(newest.sent) > CODE_VALID_MS;
        let outcome = match outcome {
            // It never arrived: the same number may be sent again.
            Ok(Outcome::Missing) if again => platform.charge(&order, now).await,
            // A code that nobody scanned, or whose rider does not answer, is taken back.
            Ok(Outcome::Missing | Outcome::Waiting) if over => {
                match platform.cancel(&order, now).await {
                    Ok(Outcome::Missing) => Ok(Outcome::Ended),
                    other => other,
                }
            }
            Ok(Outcome::Missing) => Ok(Outcome::Waiting),
            other => other,
        };
        let heard = self.take(&order, outcome, now).await?;
        done.count(heard.as_ref());
        Ok(())
    }

    /// Takes what a platform says, or that it says nothing.
    async fn take(
        &self,
        order: &Order,
        outcome: Result<Outcome, ChargeError>,
        now: UnixMs,
    ) -> Result<Option<Heard>, ChargeError> {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(err) => {
                tracing::warn!(order = %order.no, %err, "what became of an order is not known");
                Outcome::Waiting
            }
        };
        let (no, rules) = (order.no.clone(), self.rules.clone());
        let work = move |tx: &Tx<'_>| hear(tx, &rules, &no, &outcome, now);
        Ok(self.store.write(work).await?)
    }

    async fn give_back(
        &self,
        row: &RefundRow,
        now: UnixMs,
        done: &mut Done,
    ) -> Result<(), ChargeError> {
        let Some(platform) = self.platforms.get(&row.platform).cloned() else {
            return Ok(());
        };
        let refund = Refund {
            no: OrderNo::of(row.id),
            order: row.order.clone(),
            charged: row.charged,
            amount: row.amount,
        };
        // Asked first: it may have been sent before, and the answer was lost.
        let mut outcome = platform.query_refund(&refund, now).await;
        if let Ok(RefundOutcome::Missing) = outcome {
            outcome = platform.refund(&refund, now).await;
        }
        let outcome = outcome.unwrap_or_else(|err| {
            tracing::warn!(refund = %refund.no, %err, "what became of a refund is not known");
            RefundOutcome::Waiting
        });
        let row = row.clone();
        let work = move |tx: &Tx<'_>| hear_refund(tx, &row, &outcome, now);
        done.refunded += u64::from(self.store.write(work).await?);
        Ok(())
    }

    /// Takes a notice; one that is told again changes nothing.
    ///
    /// # Errors
    /// When it is not the platform's, or the database could not take it: the platform tells it again.
    pub async fn notice(
        &self,
        platform: PlatformId,
        told: &Response,
        now: UnixMs,
    ) -> Result<(), ChargeError> {
        let Some(from) = self.platforms.get(&platform) else {
            return Err(ChargeError::NotOurs {
                platform,
                got: "a platform that is not configured".to_owned(),
            });
        };
        let notice = from.notice(told, now)?;
        let (rules, order) = (self.rules.clone(), notice.order.clone());
        match notice.about {
            NoticeAbout::Order(outcome) => {
                let work = move |tx: &Tx<'_>| hear(tx, &rules, &order, &outcome, now);
                let heard: Option<Heard> = self.store.write(work).await?;
                tracing::info!(%platform, order = %notice.order, ?heard, "a notice");
            }
            // A refund is asked after, so that its own amount is known.
            NoticeAbout::Refund(refund, _) => {
                tracing::info!(%platform, order = %notice.order, %refund, "a notice of a refund");
            }
        }
        Ok(())
    }

    /// The charge of this id, whoever's.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn charge(&self, id: [u8; 16]) -> Result<Option<ChargeRow>, ChargeError> {
        Ok(self.store.read(move |tx| tx.charge_of_any(id)).await?)
    }
}

fn way(means: &Means) -> Way {
    match means {
        Means::PayCode(_) => Way::PayCode,
        Means::Agreement(_) => Way::Agreement,
        Means::ShowCode => Way::ShowCode,
        Means::Balance(_) => Way::Balance,
    }
}
