//! `fareserver products`: what is on sale, selling it at a desk, what accounts have, and what was sold by
//! mistake.

use super::{database, deed, operator};
use crate::clock::{self, rfc3339};
use crate::config::{self, Overrides};
use crate::products::{self, ProductError, Sale, TakenBack};
use crate::store::{Database, DatabaseUrl, PaidBy, ProductRow, Tx, Used};
use clap::{Args, Subcommand, ValueEnum};
use fare_protocol::{AccountId, Money, ProductId, UnixMs};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ProductsArgs {
    #[command(subcommand)]
    command: ProductsCommand,
}

#[derive(Debug, Subcommand)]
enum ProductsCommand {
    /// List what the tariff of today sells, in the order in which journeys use it
    Offers(OffersArgs),
    /// Sell a product to an account
    Sell(SellArgs),
    /// List what an account has, or the newest that were sold
    List(ListArgs),
    /// Take back a product: all of its price when no journey uses it, else what its tariff pays back
    TakeBack(TakeBackArgs),
}

#[derive(Debug, Args)]
struct OffersArgs {
    /// The server's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct SellArgs {
    /// The server's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What, as `offers` lists it
    #[arg(long, value_name = "OFFER")]
    offer: String,
    /// In cash at the desk, or by whatever charges the account's journeys
    #[arg(long, value_enum)]
    paid: Paid,
    /// Valid from then on: 2026-12-01T04:30:00+08:00; from now on when absent
    #[arg(long, value_name = "TIME", value_parser = clock::moment)]
    from: Option<UnixMs>,
    /// Who sells it
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The account: 32 hex digits
    account: AccountId,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Paid {
    Cash,
    Account,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// At most so many when no account is named
    #[arg(long, default_value_t = 100)]
    most: u32,
    /// The account: 32 hex digits
    account: Option<AccountId>,
}

#[derive(Debug, Args)]
struct TakeBackArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The product's id, as `list` shows it
    product: ProductId,
}

pub(super) fn run(args: ProductsArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        ProductsCommand::Offers(args) => offers(&mut out, &args)?,
        ProductsCommand::Sell(args) => sell(&mut out, args)?,
        ProductsCommand::List(args) => list(&mut out, &args)?,
        ProductsCommand::TakeBack(args) => take_back(&mut out, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn offers(out: &mut impl Write, args: &OffersArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config, Overrides::default())?;
    let mut database = Database::open_existing(&config.database)?;
    database.read(|tx| config.settlement.released.look(tx))?;
    let tariff = config.settlement.tariff_at(clock::now());
    for product in tariff.products() {
        let price = Money::new(product.price_minor, tariff.currency()).to_string();
        let (id, code, name) = (&product.id, product.promise.covers.code(), &product.name);
        let uses = product.promise.covers.uses();
        let uses = uses.map_or_else(String::new, |uses| format!(", {uses} journeys"));
        let days = product.valid_days;
        writeln!(
            out,
            "{id:<16} {price:>12}  {name} ({code}{uses}, {days} days)"
        )?;
    }
    if tariff.products().is_empty() {
        writeln!(out, "the tariff {} sells no products", tariff.name())?;
    }
    Ok(())
}

fn sell(out: &mut impl Write, args: SellArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config, Overrides::default())?;
    let mut database = Database::open_existing(&config.database)?;
    database.read(|tx| config.settlement.released.look(tx))?;
    let now = clock::now();
    let tariff = config.settlement.tariff_at(now);
    let sale = Sale {
        account: args.account,
        offer: args.offer,
        paid: match args.paid {
            Paid::Cash => PaidBy::Cash,
            Paid::Account => PaidBy::Account,
        },
        from: args.from,
        person: args.by.unwrap_or_else(operator),
    };
    let row = database.write(|tx| {
        let row = products::sell(tx, &tariff, &sale, now)?;
        let about = format!(
            "{}: {} {} by {}",
            row.account,
            row.offer,
            row.price,
            row.paid.code()
        );
        tx.audit(&deed(&sale.person, "products-sell", &about, ""), now)?;
        Ok::<_, ProductError>(row)
    })?;
    line(out, &row, Used::default())
}

fn take_back(out: &mut impl Write, args: &TakeBackArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let done = Database::open_existing(&args.database)?.write(|tx| {
        let done = products::take_back(tx, args.product, now)?;
        let TakenBack { row, back, .. } = &done;
        let about = format!("{}: {} {back} of {}", row.account, row.offer, row.price);
        tx.audit(
            &deed(&args.by, "products-take-back", &about, &args.reason),
            now,
        )?;
        Ok::<_, ProductError>(done)
    })?;
    let TakenBack { row, back, used } = done;
    let (account, offer, price) = (row.account, row.offer, row.price);
    if used == 0 {
        writeln!(out, "{account}: {offer} taken back, {back}")?;
    } else {
        writeln!(
            out,
            "{account}: {offer} taken back, {back} of {price}; {used} journeys keep their use of it"
        )?;
    }
    Ok(())
}

fn list(out: &mut impl Write, args: &ListArgs) -> anyhow::Result<()> {
    let read = |tx: &Tx<'_>| {
        let rows = match args.account {
            Some(account) => tx.products_of(account)?,
            None => tx.newest_products(args.most)?,
        };
        let mut all = Vec::new();
        for row in rows {
            let used = tx.used(row.account)?.get(&row.id).copied();
            all.push((row, used.unwrap_or_default()));
        }
        Ok::<_, ProductError>(all)
    };
    for (row, used) in Database::open_existing(&args.database)?.read(read)? {
        line(out, &row, used)?;
    }
    Ok(())
}

fn line(out: &mut impl Write, row: &ProductRow, used: Used) -> anyhow::Result<()> {
    let (from, until) = (rfc3339(row.from), rfc3339(row.until));
    let used = match row.promise.covers.uses() {
        None => format!("{} journeys", used.journeys),
        Some(uses) => format!("{} of {uses} journeys", used.journeys),
    };
    let end = match (row.unsold, row.refunded, row.lapsed) {
        (Some(_), _, _) => ", taken back".to_owned(),
        (None, Some(_), _) => {
            let back = Money::new(row.refunded_minor, row.price.currency);
            format!(", taken back, {back} of it")
        }
        (None, None, Some(_)) => ", lapsed".to_owned(),
        (None, None, None) => String::new(),
    };
    let (id, account, offer, price) = (row.id, row.account, &row.offer, row.price);
    writeln!(
        out,
        "{id} {account} {offer:<16} {price:>12}  {from} to {until}  {used}{end}"
    )?;
    Ok(())
}
