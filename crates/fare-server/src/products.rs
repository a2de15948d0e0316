//! Products that accounts bought: selling them, what journeys use of them, and what is left when their time
//! is over. What they cover is [`fare_rules::tariff::Tariff::cover`]'s to say; it is booked here. A use is taken
//! with the exit's tap and posted with its passage, as the fare is.

use crate::ids;
use crate::store::{PaidBy, ProductRow, StoreError, Tx, UseRow};
use fare_protocol::{AccountId, Millis, Money, ProductId, RecordId, UnixMs};
use fare_rules::Tariff;
use fare_rules::ledger::{LedgerAccount, Posting, PostingError};
use fare_rules::tariff::{Returned, Use};

/// How long after a product's end what is left of its price lapses: records of its last journeys may come
/// late.
pub const LAPSE_AFTER: Millis = Millis(30 * 86_400_000);

/// Most products that lapse in one transaction; the next one takes the rest.
const LAPSED_MAX: u32 = 500;

/// Why a product was not sold, or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    /// Nothing of this name is on sale.
    #[error("the tariff {tariff} sells no {offer}; it sells: {known}")]
    NotOnSale {
        /// What was asked for.
        offer: String,
        /// By which tariff.
        tariff: String,
        /// What is on sale.
        known: String,
    },
    /// It would be valid in the past.
    #[error("a product is valid from now on at the earliest: journeys before are charged already")]
    Past,
    /// There is no such product.
    #[error("there is no product {0}; `fareserver products list` shows them")]
    NoProduct(ProductId),
    /// It cannot be taken back.
    #[error("the product {id} cannot be taken back: {why}")]
    Kept {
        /// Which.
        id: ProductId,
        /// Why.
        why: &'static str,
    },
    /// An amount that cannot be posted.
    #[error("a posting: {0}")]
    Posting(#[from] PostingError),
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What is sold to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// To whom.
    pub account: AccountId,
    /// The short name of what is on sale.
    pub offer: String,
    /// How it is paid.
    pub paid: PaidBy,
    /// First moment at which it is valid; now when there is none.
    pub from: Option<UnixMs>,
    /// Who sells it.
    pub person: String,
}

/// Sells a product of this tariff in the caller's transaction.
///
/// # Errors
/// When it is not on sale, would be valid in the past, or the store fails.
pub fn sell(
    tx: &Tx<'_>,
    tariff: &Tariff,
    sale: &Sale,
    now: UnixMs,
) -> Result<ProductRow, ProductError> {
    let product = tariff.products().iter().find(|one| one.id == sale.offer);
    let product = product.ok_or_else(|| {
        let known: Vec<_> = tariff
            .products()
            .iter()
            .map(|one| one.id.as_str())
            .collect();
        ProductError::NotOnSale {
            offer: sale.offer.clone(),
            tariff: tariff.name().to_owned(),
            known: if known.is_empty() {
                "nothing".to_owned()
            } else {
                known.join(", ")
            },
        }
    })?;
    let from = sale.from.unwrap_or(now);
    if from < now {
        return Err(ProductError::Past);
    }
    let row = ProductRow {
        id: ProductId(ids::new_id(now)?),
        account: sale.account,
        offer: product.id.clone(),
        name: product.name.clone(),
        promise: product.promise.clone(),
        price: Money::new(product.price_minor, tariff.currency()),
        paid: sale.paid,
        from,
        until: tariff.valid_until_of(product, from),
        sold: now,
        person: sale.person.clone(),
        lapsed: None,
        unsold: None,
        refunded: None,
        refunded_minor: 0,
        uses_kept: None,
    };
    tx.insert_product(&row)?;
    let posting = Posting::sell(payer(&row), row.price)?;
    post(tx, &row, &posting, now)?;
    Ok(row)
}

/// A product that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// It, as it was before.
    pub row: ProductRow,
    /// What is given back of its price.
    pub back: Money,
    /// How many journeys keep their use of it.
    pub used: u32,
}

/// Takes back a product in the caller's transaction: all of its price when no journey uses it, else what the tariff that it
/// was sold by pays back.
///
/// # Errors
/// When there is no such product, it was taken back before, its time is over, or nothing is paid back.
pub fn take_back(tx: &Tx<'_>, id: ProductId, now: UnixMs) -> Result<TakenBack, ProductError> {
    let row = tx.product(id)?.ok_or(ProductError::NoProduct(id))?;
    let kept = |why| Err(ProductError::Kept { id, why });
    if row.unsold.is_some() || row.refunded.is_some() {
        return kept("it was taken back before");
    }
    if row.lapsed.is_some() {
        return kept("its time is over and what was left of its price has lapsed");
    }
    let used = tx.used(row.account)?.get(&id).copied();
    let minor = match used {
        None => row.price.minor,
        Some(used) => {
            let returned = Returned {
                price_minor: row.price.minor,
                used: used.journeys,
                earned_minor: used.earned_minor,
                from: row.from,
                until: row.until,
            };
            match row.promise.pays_back(&returned, now) {
                Some(0) => return kept("nothing is left of it to pay back, after the fee"),
                Some(minor) => minor,
                None => {
                    return kept(
                        "a journey uses it, and its tariff pays nothing back of it then; correct the journey \
                         first: `fareserver journeys correct`",
                    );
                }
            }
        }
    };
    let used = used.map(|used| used.journeys);
    match used {
        None => tx.note_unsold(&row, now)?,
        Some(used) => tx.note_refunded(&row, (minor, used), now)?,
    }
    let back = Money::new(minor, row.price.currency);
    post(tx, &row, &Posting::unsell(payer(&row), back)?, now)?;
    let used = used.unwrap_or(0);
    Ok(TakenBack { row, back, used })
}

/// Lets lapse what is left of products whose time was over [`LAPSE_AFTER`] before `now`; answers how many, at
/// most 500.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn lapse(tx: &Tx<'_>, now: UnixMs) -> Result<usize, ProductError> {
    let over = tx.products_over(now.before(LAPSE_AFTER), LAPSED_MAX)?;
    for row in &over {
        let used = tx
            .used(row.account)?
            .get(&row.id)
            .copied()
            .unwrap_or_default();
        // What a passage is still to earn stays.
        let left = row.price.minor.saturating_sub(row.refunded_minor);
        let left = left.saturating_sub(used.earned_minor).max(0);
        let posting = Posting::lapse(Money::new(left, row.price.currency))?;
        post(tx, row, &posting, now)?;
        tx.note_lapsed(row, now)?;
    }
    Ok(over.len())
}

/// How far after a journey the account's products reach: the end of the last one.
pub(crate) fn reach(tx: &Tx<'_>, account: AccountId) -> Result<Option<UnixMs>, StoreError> {
    if !tx.has_products(account)? {
        return Ok(None);
    }
    let products = tx.products_of(account)?;
    Ok(products.iter().map(|product| product.until).max())
}

/// What a journey is to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What it has used so far.
    Same,
    /// These and nothing else.
    These(Vec<Use>),
}

/// Has the journey of this entry use what is wanted, and posts what differs: what is earned once somebody has
/// `passed`. Answers whether it uses anything else than before. `exit_before` is the exit that the journey had until now.
pub(crate) fn book(
    tx: &Tx<'_>,
    account: AccountId,
    (entered, entry, exit_before): (UnixMs, RecordId, Option<RecordId>),
    wanted: &Wanted,
    passed: bool,
    now: UnixMs,
) -> Result<bool, ProductError> {
    if !tx.has_products(account)? {
        return Ok(false);
    }
    let (before, products) = (tx.uses_of(account, entry)?, tx.products_of(account)?);
    let wanted = match wanted {
        Wanted::Same => before.iter().map(|row| row.used).collect(),
        Wanted::These(uses) => uses.clone(),
    };
    let mut after = Vec::new();
    for used in wanted {
        let product = products.iter().find(|product| product.id == used.product);
        let product = product.ok_or(StoreError::Corrupt("a use of no product"))?;
        after.push(UseRow {
            used,
            currency: product.price.currency,
            posted_minor: if passed { used.earned_minor } else { 0 },
        });
    }
    after.sort_by_key(|row| row.used.product);
    if before == after {
        return Ok(false);
    }
    let uses = |rows: &[UseRow]| rows.iter().map(|row| row.used).collect::<Vec<_>>();
    let differs = uses(&before) != uses(&after);
    for row in &before {
        let stays = after
            .iter()
            .find(|other| other.used.product == row.used.product);
        if stays.is_none_or(|other| other.posted_minor != row.posted_minor) {
            let part = Money::new(row.posted_minor, row.currency);
            let back = Posting::return_product(part)?;
            if let Some(id) = post_use(tx, account, (row, entry), &back, now)? {
                tx.note_exit(account, id, exit_before)?;
            }
        }
    }
    for row in &after {
        let was = before
            .iter()
            .find(|other| other.used.product == row.used.product);
        if was.is_none_or(|other| other.posted_minor != row.posted_minor) {
            let part = Money::new(row.posted_minor, row.currency);
            post_use(tx, account, (row, entry), &Posting::use_product(part)?, now)?;
        }
    }
    tx.replace_uses(account, (entered, entry), &after)?;
    Ok(differs)
}

fn payer(row: &ProductRow) -> LedgerAccount {
    match row.paid {
        PaidBy::Cash => LedgerAccount::Cash,
        PaidBy::Account => LedgerAccount::Rider(row.account),
    }
}

/// Answers the posting's id, if anything moves.
fn post_use(
    tx: &Tx<'_>,
    account: AccountId,
    (row, entry): (&UseRow, RecordId),
    posting: &Posting,
    now: UnixMs,
) -> Result<Option<[u8; 16]>, ProductError> {
    if !moves(posting) {
        return Ok(None);
    }
    let id = ids::new_id(now)?;
    let about = (account, row.used.product, Some(entry));
    tx.post_product(id, about, posting, now)?;
    Ok(Some(id))
}

fn post(tx: &Tx<'_>, row: &ProductRow, posting: &Posting, now: UnixMs) -> Result<(), ProductError> {
    if moves(posting) {
        let about = (row.account, row.id, None);
        tx.post_product(ids::new_id(now)?, about, posting, now)?;
        if row.paid == PaidBy::Account {
            tx.look_at_account(row.account, now)?;
        }
    }
    Ok(())
}

/// Nothing is posted about nothing.
fn moves(posting: &Posting) -> bool {
    posting
        .entries()
        .iter()
        .any(|entry| entry.amount.minor != 0)
}
