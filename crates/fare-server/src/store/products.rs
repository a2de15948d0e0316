//! Products that accounts bought, and which journeys use them.

use super::sql::{Bind, Row, Value};
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Currency, Money, ProductId, RecordId, UnixMs};
use fare_rules::ledger::Posting;
use fare_rules::tariff::{Held, Promise, Use};
use std::collections::BTreeMap;

/// How a product was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidBy {
    /// In cash at a desk.
    Cash,
    /// By whatever charges the account's journeys.
    Account,
}

/// A product that an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductRow {
    /// Its id.
    pub id: ProductId,
    /// Whose.
    pub account: AccountId,
    /// What it was on sale as.
    pub offer: String,
    /// Its name then.
    pub name: String,
    /// What was promised.
    pub promise: Promise,
    /// What it cost.
    pub price: Money,
    /// How that was paid.
    pub paid: PaidBy,
    /// First moment at which it is valid.
    pub from: UnixMs,
    /// First moment at which it is no longer.
    pub until: UnixMs,
    /// When it was sold.
    pub sold: UnixMs,
    /// By whom.
    pub person: String,
    /// When what was left of its price lapsed.
    pub lapsed: Option<UnixMs>,
    /// When it was found to be sold by mistake.
    pub unsold: Option<UnixMs>,
    /// When a part of its price was paid back.
    pub refunded: Option<UnixMs>,
    /// How much.
    pub refunded_minor: i64,
    /// How many journeys may use it since; as many as were promised where there is none.
    pub uses_kept: Option<u32>,
}

/// A journey's use of a product, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseRow {
    /// Of which product, how much.
    pub used: Use,
    /// In which currency.
    pub currency: Currency,
    /// What of the product's price is posted as earned.
    pub posted_minor: i64,
}

/// What an account's journeys have used of one product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How many.
    pub journeys: u32,
    /// What they earn of its price.
    pub earned_minor: i64,
    /// What of that is posted.
    pub posted_minor: i64,
}

impl PaidBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cash, Self::Account];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Account => "account",
        }
    }
}

const PRODUCT: &str =
    "SELECT product, account, offer, name, promise, price_minor, currency, paid, from_ms,
                              until_ms, sold_ms, person, lapsed_ms, unsold_ms, refunded_ms, refunded_minor,
                              uses_kept FROM product";

impl Tx<'_> {
    /// Keeps a product that was sold.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_product(&self, new: &ProductRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO product (account, product, offer, name, promise, price_minor, currency, paid,
                                        from_ms, until_ms, sold_ms, person)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let promise = serde_json::to_string(&new.promise);
        let promise = promise.map_err(|_| StoreError::Corrupt("a product"))?;
        let (minor, currency) = (new.price.minor, new.price.currency);
        self.run(
            sql,
            &[
                &new.account,
                &new.id,
                &new.offer,
                &new.name,
                &promise,
                &minor,
                &currency,
                &new.paid.code(),
                &new.from,
                &new.until,
                &new.sold,
                &new.person,
            ],
        )?;
        self.batch.borrow_mut().note_products(new.account);
        Ok(())
    }

    /// The product with this id, whoever has it; for people.
    pub fn product(&self, id: ProductId) -> Result<Option<ProductRow>, StoreError> {
        let row = self.row(&format!("{PRODUCT} WHERE product = $1"), &[&id])?;
        row.as_ref().map(read_product).transpose()
    }

    /// The products of an account, those that end first the first.
    pub fn products_of(&self, account: AccountId) -> Result<Vec<ProductRow>, StoreError> {
        let sql = format!("{PRODUCT} WHERE account = $1 ORDER BY until_ms, product");
        let rows = self.rows(&sql, &[&account])?;
        rows.iter().map(read_product).collect()
    }

    /// The newest products, for people.
    pub fn newest_products(&self, most: u32) -> Result<Vec<ProductRow>, StoreError> {
        let sql = format!("{PRODUCT} ORDER BY sold_ms DESC, product LIMIT $1");
        let rows = self.rows(&sql, &[&most])?;
        rows.iter().map(read_product).collect()
    }

    /// Whether the account ever had a product.
    pub fn has_products(&self, account: AccountId) -> Result<bool, StoreError> {
        if let Some(known) = self.batch.borrow().has_products(account) {
            return Ok(known);
        }
        let sql = "SELECT 1 FROM product WHERE account = $1 LIMIT 1";
        self.exists(sql, &[&account])
    }

    /// The account's products as a journey that began so finds them: with what journeys that began before
    /// used of them. Those sold by mistake are not there.
    pub fn held_products(
        &self,
        account: AccountId,
        (entered, entry): (UnixMs, RecordId),
    ) -> Result<Vec<Held>, StoreError> {
        let used = self.used_before(account, (entered, entry))?;
        let rows = self.products_of(account)?.into_iter();
        let held = rows.filter(|row| row.unsold.is_none()).map(|row| {
            let used = used.get(&row.id).copied().unwrap_or_default();
            Held {
                id: row.id,
                offer: row.offer,
                promise: row.promise,
                price_minor: row.price.minor,
                from: row.from,
                until: row.until,
                used: used.journeys,
                earned_minor: used.earned_minor,
                lapsed: row.lapsed.is_some(),
                refunded_minor: row.refunded_minor,
                uses_kept: row.uses_kept,
            }
        });
        Ok(held.collect())
    }

    /// What journeys that began before one have used of the account's products.
    pub fn used_before(
        &self,
        account: AccountId,
        (entered, entry): (UnixMs, RecordId),
    ) -> Result<BTreeMap<ProductId, Used>, StoreError> {
        let sql = "SELECT product, count(*), CAST(sum(earned_minor) AS BIGINT),
                          CAST(sum(posted_minor) AS BIGINT)
                   FROM product_use WHERE account = $1 AND (entered_ms, entry) < ($2, $3)
                   GROUP BY product";
        let rows = self.rows(sql, &[&account, &entered, &entry])?;
        let read = |row: &Row| {
            let journeys: u64 = row.get(1)?;
            let used = Used {
                journeys: u32::try_from(journeys).unwrap_or(u32::MAX),
                earned_minor: row.get(2)?,
                posted_minor: row.get(3)?,
            };
            Ok((row.get(0)?, used))
        };
        rows.iter().map(read).collect()
    }

    /// What all journeys have used of the account's products.
    pub fn used(&self, account: AccountId) -> Result<BTreeMap<ProductId, Used>, StoreError> {
        self.used_before(account, (UnixMs(i64::MAX), RecordId([0xff; 16])))
    }

    /// What a journey uses, in the order of the products' ids.
    pub fn uses_of(&self, account: AccountId, entry: RecordId) -> Result<Vec<UseRow>, StoreError> {
        let sql = "SELECT product, covered_minor, earned_minor, posted_minor, currency
                   FROM product_use JOIN product USING (account, product)
                   WHERE account = $1 AND entry = $2 ORDER BY product";
        let read = |row: &Row| {
            Ok(UseRow {
                used: Use {
                    product: row.get(0)?,
                    covered_minor: row.get(1)?,
                    earned_minor: row.get(2)?,
                },
                posted_minor: row.get(3)?,
                currency: row.get(4)?,
            })
        };
        self.rows(sql, &[&account, &entry])?
            .iter()
            .map(read)
            .collect()
    }

    /// Has a journey use these products and no others.
    pub fn replace_uses(
        &self,
        account: AccountId,
        (entered, entry): (UnixMs, RecordId),
        uses: &[UseRow],
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM product_use WHERE account = $1 AND entry = $2";
        self.run(sql, &[&account, &entry])?;
        let sql = "INSERT INTO product_use (account, entry, product, entered_ms, covered_minor, earned_minor,
                                            posted_minor)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        for row in uses {
            let Use {
                product,
                covered_minor,
                earned_minor,
            } = row.used;
            let values: [&dyn Bind; 7] = [
                &account,
                &entry,
                &product,
                &entered,
                &covered_minor,
                &earned_minor,
                &row.posted_minor,
            ];
            self.run(sql, &values)?;
        }
        Ok(())
    }

    /// Books a posting about a product, and the journey that uses it if one does.
    pub fn post_product(
        &self,
        id: [u8; 16],
        (account, product, entry): (AccountId, ProductId, Option<RecordId>),
        posting: &Posting,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let lines = (1_i64..).zip(posting.entries()).map(|(line, part)| {
            vec![
                account.value(),
                id.value(),
                line.value(),
                part.account.code().value(),
                part.amount.minor.value(),
                part.amount.currency.value(),
            ]
        });
        let lines: Vec<Vec<Value>> = lines.collect();
        self.run_each(super::taps::INSERT_LINE, &lines)?;
        let sql = "INSERT INTO posting (account, posting, entry, kind, made_ms, product)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let kind = posting.kind().code();
        self.run(sql, &[&account, &id, &entry, &kind, &now, &product])?;
        Ok(())
    }

    /// Products whose time was over before `before` and of which nothing has lapsed: at most `most`.
    pub fn products_over(&self, before: UnixMs, most: u32) -> Result<Vec<ProductRow>, StoreError> {
        let sql = format!(
            "{PRODUCT} WHERE until_ms < $1 AND lapsed_ms IS NULL AND unsold_ms IS NULL
             ORDER BY until_ms LIMIT $2"
        );
        let rows = self.rows(&sql, &[&before, &most])?;
        rows.iter().map(read_product).collect()
    }

    /// Notes that what was left of a product's price has lapsed.
    pub fn note_lapsed(&self, row: &ProductRow, now: UnixMs) -> Result<(), StoreError> {
        let sql = "UPDATE product SET lapsed_ms = $1 WHERE account = $2 AND product = $3";
        self.run(sql, &[&now, &row.account, &row.id])?;
        Ok(())
    }

    /// Notes that a product was sold by mistake.
    pub fn note_unsold(&self, row: &ProductRow, now: UnixMs) -> Result<(), StoreError> {
        let sql = "UPDATE product SET unsold_ms = $1 WHERE account = $2 AND product = $3";
        self.run(sql, &[&now, &row.account, &row.id])?;
        Ok(())
    }

    /// Notes that a part of a product's price was paid back: it is valid for those journeys alone that used it.
    pub fn note_refunded(
        &self,
        row: &ProductRow,
        (minor, used): (i64, u32),
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let last = "SELECT coalesce(max(entered_ms), $1) FROM product_use WHERE account = $2 AND product = $3";
        // A gate's clock may be ahead.
        let last: i64 = self
            .only(last, &[&row.from, &row.account, &row.id])?
            .get(0)?;
        let until = UnixMs(now.0.max(last.saturating_add(1)).min(row.until.0));
        let sql = "UPDATE product SET refunded_ms = $1, refunded_minor = $2, uses_kept = $3, until_ms = $4
                   WHERE account = $5 AND product = $6";
        self.run(sql, &[&now, &minor, &used, &until, &row.account, &row.id])?;
        Ok(())
    }

    /// Has what began after this journey priced again, for what the journey used is there again.
    pub fn note_price_again(&self, account: AccountId, entry: RecordId) -> Result<(), StoreError> {
        let sql = "INSERT INTO price_again (account, entry) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.run(sql, &[&account, &entry])?;
        Ok(())
    }

    /// Journeys after which others are to be priced again: at most `most`.
    pub fn to_price_again(&self, most: u32) -> Result<Vec<(AccountId, RecordId)>, StoreError> {
        let sql = "SELECT account, entry FROM price_again ORDER BY account, entry LIMIT $1";
        let rows = self.rows(sql, &[&most])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// It is done.
    pub fn priced_again(&self, account: AccountId, entry: RecordId) -> Result<(), StoreError> {
        let sql = "DELETE FROM price_again WHERE account = $1 AND entry = $2";
        self.run(sql, &[&account, &entry])?;
        Ok(())
    }
}

fn read_product(row: &Row) -> Result<ProductRow, StoreError> {
    let (promise, paid): (String, String) = (row.get(4)?, row.get(7)?);
    let promise = serde_json::from_str(&promise);
    let kept: Option<i64> = row.get(16)?;
    let paid = PaidBy::ALL.into_iter().find(|one| one.code() == paid);
    Ok(ProductRow {
        id: row.get(0)?,
        account: row.get(1)?,
        offer: row.get(2)?,
        name: row.get(3)?,
        promise: promise.map_err(|_| StoreError::Corrupt("a product's promise"))?,
        price: Money::new(row.get(5)?, row.get(6)?),
        paid: paid.ok_or(StoreError::Corrupt("how a product was paid"))?,
        from: row.get(8)?,
        until: row.get(9)?,
        sold: row.get(10)?,
        person: row.get(11)?,
        lapsed: row.get(12)?,
        unsold: row.get(13)?,
        refunded: row.get(14)?,
        refunded_minor: row.get(15)?,
        uses_kept: kept.and_then(|kept| u32::try_from(kept).ok()),
    })
}
