//! `fareserver charges`: how accounts pay, what was charged and declined, refunds, and platforms' bills.

use super::conflicts::money;
use super::{Usage, database, deed, operator};
use crate::charging::desk::{self, Desk, Heard};
use crate::charging::{Books, Means, PlatformId, Secret, differences, top_up};
use crate::clock::{self, rfc3339};
use crate::config::{self, Overrides};
use crate::ids;
use crate::store::{
    ChargeRow, ChargeView, Database, DatabaseUrl, MoveKind, Payer, RefundRow, Store, StoreError, Tx,
};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use fare_protocol::{AccountId, Money, UnixMs};
use fare_rules::charging::{ChargeState, Policy};
use fare_rules::tariff::Day;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct ChargesArgs {
    #[command(subcommand)]
    command: ChargesCommand,
}

#[derive(Debug, Subcommand)]
enum ChargesCommand {
    /// List charges with their newest orders, the newest first
    List(ListArgs),
    /// Say how an account pays
    Bind(BindArgs),
    /// Charge an account no longer
    Unbind(AccountArgs),
    /// Take money at the desk into an account's stored value
    TopUp(TopUpArgs),
    /// Try a declined charge again at the server's next round
    Retry(RetryArgs),
    /// Give back what a corrected journey cost too much
    Refund(RefundArgs),
    /// Have a rider pay a charge now: by a code to scan, or by the code on the rider's phone
    Pay(PayArgs),
    /// Compare a platform's bill of a day with our books; exit status 1 when they differ
    Bill(BillArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Only those in this state: due, sent, paid, debt, differs
    #[arg(long, value_parser = state)]
    state: Option<ChargeState>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    most: u32,
}

#[derive(Debug, Args)]
struct AccountArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The account: 32 hex digits
    account: AccountId,
}

#[derive(Debug, Args)]
struct BindArgs {
    #[command(flatten)]
    whose: AccountArgs,
    /// stored-value, alipay or wechat
    #[arg(long)]
    platform: PlatformId,
    /// A file with the number of the agreement; a platform's word, not to be shown on a command line
    #[arg(long, value_name = "FILE")]
    agreement: Option<PathBuf>,
    /// per-journey, end-of-day or threshold:MINOR, instead of the server's
    #[arg(long, value_parser = policy)]
    policy: Option<Policy>,
}

#[derive(Debug, Args)]
struct TopUpArgs {
    #[command(flatten)]
    whose: AccountArgs,
    /// How much: currency and minor units, for example CNY:5000
    #[arg(long, value_name = "CURRENCY:MINOR", value_parser = money)]
    amount: Money,
    /// A number of your own, 32 hex digits: said again with the same, nothing is taken twice
    #[arg(long, value_parser = id)]
    id: Option<Id>,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Its id, as `list` shows it
    #[arg(value_parser = id)]
    charge: Id,
}

#[derive(Debug, Args)]
struct RefundArgs {
    #[command(flatten)]
    what: RetryArgs,
    /// How much: currency and minor units, for example CNY:120
    #[arg(long, value_name = "CURRENCY:MINOR", value_parser = money)]
    amount: Money,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A number of your own, 32 hex digits: said again with the same, nothing is given back twice
    #[arg(long, value_parser = id)]
    id: Option<Id>,
}

#[derive(Debug, Args)]
struct PayArgs {
    /// The server's configuration, with its platforms
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// alipay or wechat
    #[arg(long)]
    platform: PlatformId,
    /// Read the code on the rider's phone from standard input, instead of showing one to scan
    #[arg(long)]
    pay_code: bool,
    /// The charge's id, as `list` shows it
    #[arg(value_parser = id)]
    charge: Id,
}

#[derive(Debug, Args)]
struct BillArgs {
    /// The server's configuration, with its platforms
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// stored-value, alipay or wechat
    #[arg(long)]
    platform: PlatformId,
    /// The day in the platform's time zone: 2026-11-28
    #[arg(long, value_name = "DATE", value_parser = day)]
    day: Day,
}

/// A charge's id.
#[derive(Clone, Copy, Debug)]
struct Id([u8; 16]);

fn id(text: &str) -> Result<Id, String> {
    let no = text.parse::<crate::charging::OrderNo>();
    let id = no.ok().and_then(|no| no.id());
    id.map(Id)
        .ok_or_else(|| "a charge's id has 32 hex digits".to_owned())
}

fn state(text: &str) -> Result<ChargeState, String> {
    let found = ChargeState::ALL.into_iter().find(|one| one.code() == text);
    found.ok_or_else(|| "write due, sent, paid, debt or differs".to_owned())
}

fn policy(text: &str) -> Result<Policy, String> {
    match text.split_once(':') {
        None if text == "per-journey" => Ok(Policy::Journey),
        None if text == "end-of-day" => Ok(Policy::Day),
        Some(("threshold", minor)) => match minor.parse() {
            Ok(minor) if minor > 0 => Ok(Policy::Threshold(minor)),
            Ok(_) | Err(_) => Err("a threshold is minor units, more than 0".to_owned()),
        },
        None | Some(_) => Err("write per-journey, end-of-day or threshold:5000".to_owned()),
    }
}

fn day(text: &str) -> Result<Day, String> {
    let noon = clock::moment(&format!("{text}T12:00:00Z"));
    let noon = noon.map_err(|_| "write a day like 2026-11-28".to_owned())?;
    Ok(Day(noon.0.div_euclid(86_400_000)))
}

pub(super) fn run(args: ChargesArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        ChargesCommand::List(args) => {
            let views = Database::open_existing(&args.database)?
                .read(|tx| tx.charge_views(args.state, args.most))?;
            for view in &views {
                line(&mut out, view)?;
            }
        }
        ChargesCommand::Bind(args) => bind(&args)?,
        ChargesCommand::Unbind(args) => {
            let known = Database::open_existing(&args.database)?.write(|tx| {
                audit(tx, "charges-unbind", args.account, "")?;
                tx.remove_payer(args.account)
            })?;
            let what = if known {
                "bound no longer"
            } else {
                "was not bound"
            };
            writeln!(out, "{}: {what}", args.account)?;
        }
        ChargesCommand::TopUp(args) => {
            if args.amount.minor <= 0 {
                return Err(Usage("--amount must be more than zero".to_owned()).into());
            }
            let now = clock::now();
            let new = chosen(args.id, now)?;
            let (account, amount) = (args.whose.account, args.amount);
            let left = Database::open_existing(&args.whose.database)?
                .write(|tx| take_in(tx, new, account, amount, now))?;
            writeln!(out, "{account}: {left}")?;
        }
        ChargesCommand::Retry(args) => retry(&args)?,
        ChargesCommand::Refund(args) => refund(args)?,
        ChargesCommand::Pay(args) => return pay(&mut out, &args),
        ChargesCommand::Bill(args) => return bill(&mut out, &args),
    }
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut impl Write, view: &ChargeView) -> io::Result<()> {
    let ChargeRow {
        id, charge, made, ..
    } = view.row;
    let no = crate::charging::OrderNo::of(id);
    let (at, account, amount) = (rfc3339(made), charge.account, charge.amount);
    let state = charge.state.code();
    write!(out, "{no} {at} {account} {state:<7} {amount:>12}")?;
    if let Some(order) = &view.newest {
        let why = order.why.as_deref().unwrap_or("");
        write!(
            out,
            "  {} {} {} {why}",
            order.platform,
            order.way.code(),
            order.state
        )?;
    }
    if view.refunded_minor > 0 {
        let back = Money::new(view.refunded_minor, amount.currency);
        write!(out, "  given back {back}")?;
    }
    let next = view.row.next.map(rfc3339);
    match next {
        Some(next) => writeln!(out, "  next {next}"),
        None => writeln!(out),
    }
}

fn bind(args: &BindArgs) -> anyhow::Result<()> {
    let agreement = match (&args.agreement, args.platform) {
        (None, PlatformId::StoredValue) => None,
        (Some(file), PlatformId::Alipay | PlatformId::WeChat) => {
            let text = std::fs::read_to_string(file);
            let text = text.with_context(|| format!("cannot read {}", file.display()))?;
            Some(Secret::new(text.trim()))
        }
        (Some(_), PlatformId::StoredValue) => {
            return Err(Usage("stored value needs no --agreement".to_owned()).into());
        }
        (None, PlatformId::Alipay | PlatformId::WeChat) => {
            let needs = "this platform charges by an agreement: name its file with --agreement";
            return Err(Usage(needs.to_owned()).into());
        }
    };
    let payer = Payer {
        account: args.whose.account,
        platform: args.platform,
        agreement,
        policy: args.policy,
    };
    let bound = Database::open_existing(&args.whose.database)?.write(|tx| {
        audit(tx, "charges-bind", payer.account, payer.platform.code())?;
        tx.put_payer(&payer, clock::now())
    });
    bound.map_err(|err: StoreError| err.into())
}

/// Keeps who did what to an account.
fn audit(tx: &Tx<'_>, what: &str, account: AccountId, why: &str) -> Result<(), StoreError> {
    let (by, about) = (operator(), account.to_string());
    tx.audit(&deed(&by, what, &about, why), clock::now())
}

fn found(row: Option<ChargeRow>) -> anyhow::Result<ChargeRow> {
    row.ok_or_else(|| anyhow!("there is no such charge; `fareserver charges list` shows them"))
}

fn retry(args: &RetryArgs) -> anyhow::Result<()> {
    let work = |tx: &Tx<'_>| -> anyhow::Result<()> {
        let mut row = found(tx.charge_of_any(args.charge.0)?)?;
        if row.charge.state != ChargeState::Debt {
            let state = row.charge.state.code();
            return Err(anyhow!("the charge is {state}; only a debt is tried again"));
        }
        row.next = Some(clock::now());
        audit(tx, "charges-retry", row.charge.account, "")?;
        Ok(tx.update_charge(&row)?)
    };
    Database::open_existing(&args.database)?.write(work)
}

/// The number that was given, or a new one.
fn chosen(id: Option<Id>, now: UnixMs) -> anyhow::Result<[u8; 16]> {
    match id {
        Some(Id(id)) => Ok(id),
        None => ids::new_id(now).context("no randomness for an id"),
    }
}

/// Money is paid in once for each number; answers what there is now.
fn take_in(
    tx: &Tx<'_>,
    new: [u8; 16],
    account: AccountId,
    amount: Money,
    now: UnixMs,
) -> anyhow::Result<Money> {
    let no = crate::charging::OrderNo::of(new);
    match tx.move_of(account, no.as_str())? {
        None => {
            audit(tx, "charges-top-up", account, &amount.to_string())?;
            Ok(top_up(tx, new, account, amount, now)?)
        }
        Some(before) if before.kind == MoveKind::TopUp && before.amount == amount => {
            Ok(tx.stored_value(account, amount.currency)?)
        }
        Some(before) => {
            let (kind, was) = (before.kind.code(), before.amount);
            Err(anyhow!(
                "{no} was used before, for a {kind} of {was}; choose another --id"
            ))
        }
    }
}

fn refund(args: RefundArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let new = chosen(args.id, now)?;
    let by = (args.by, args.reason);
    let (charge, amount) = (args.what.charge.0, args.amount);
    Database::open_existing(&args.what.database)?
        .write(|tx| ask_refund(tx, new, charge, amount, &by, now))
}

/// Keeps a refund for the server's next round; not more than was paid, nor than we owe by corrections.
fn ask_refund(
    tx: &Tx<'_>,
    new: [u8; 16],
    charge: [u8; 16],
    amount: Money,
    by: &(String, String),
    now: UnixMs,
) -> anyhow::Result<()> {
    let row = found(tx.charge_of_any(charge)?)?;
    let account = row.charge.account;
    if let Some(before) = tx.refund_of(account, new)? {
        return match (before.charge, before.amount) == (charge, amount) {
            true => Ok(()),
            false => Err(anyhow!(
                "{} was used before, to give back {}; choose another --id",
                crate::charging::OrderNo::of(new),
                before.amount
            )),
        };
    }
    let order = tx.newest_try(account, charge)?;
    let order = order.filter(|order| order.state == "paid");
    let paid = order.as_ref().and_then(|order| Some((order, order.paid?)));
    let (order, charged) = paid.ok_or_else(|| anyhow!("nothing was paid for this charge"))?;
    let left = charged.minor - tx.refunded(account, charge)?;
    if amount.currency != charged.currency || amount.minor <= 0 || amount.minor > left {
        let left = Money::new(left, charged.currency);
        return Err(anyhow!(
            "cannot give back {amount}: at most {left} is left of this charge"
        ));
    }
    let credit = tx.owed_back(account, amount.currency)?;
    if amount.minor > credit.minor {
        return Err(anyhow!(
            "we owe the account {credit}, not {amount}; correct the journey first with \
             `fareserver journeys correct`"
        ));
    }
    let refund = RefundRow {
        id: new,
        account,
        charge,
        order: order.order.clone(),
        platform: order.platform,
        charged,
        amount,
        state: "asked".to_owned(),
        why: None,
        by: by.clone(),
    };
    let (person, reason) = by;
    let about = account.to_string();
    tx.audit(&deed(person, "charges-refund", &about, reason), now)?;
    Ok(desk::ask_refund(tx, &refund, now)?)
}

/// Does something with the platforms of a configuration.
fn with_desk<T>(
    file: &std::path::Path,
    work: impl AsyncFnOnce(Desk, Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = config::load(file, Overrides::default())?;
    let Some(charging) = config.charging else {
        return Err(Usage(format!("{} has no part [charging]", file.display())).into());
    };
    let holder = ids::new_id(clock::now()).context("no randomness for an id")?;
    let (store, thread) = Store::open(&config.database)?;
    let settlement = Arc::new(config.settlement);
    let platforms = charging.platforms(&store);
    let desk = Desk::new(store.clone(), settlement, charging.rules, platforms, holder);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(work(desk, store));
    if thread.join().is_err() {
        return Err(anyhow!("the store's thread did not end in order"));
    }
    done
}

fn pay(out: &mut impl Write, args: &PayArgs) -> anyhow::Result<ExitCode> {
    let means = if args.pay_code {
        let mut code = String::new();
        io::stdin().read_line(&mut code)?;
        Means::PayCode(Secret::new(code.trim()))
    } else {
        Means::ShowCode
    };
    let heard = with_desk(&args.config, async |desk, _store| {
        let row = found(desk.charge(args.charge.0).await?)?;
        let platform = desk.platform(args.platform).cloned();
        let platform = platform.ok_or_else(|| anyhow!("{} is not configured", args.platform))?;
        Ok(desk
            .try_by(&row, platform.as_ref(), means, clock::now())
            .await?)
    })?;
    match heard {
        Some(Heard::Shown(code)) => writeln!(out, "have the rider scan: {code}")?,
        Some(Heard::Paid) => writeln!(out, "paid")?,
        Some(Heard::Waiting) => writeln!(out, "the rider is asked; the server asks after it")?,
        Some(Heard::Differs) => writeln!(out, "paid, but another amount; see `charges list`")?,
        Some(Heard::Declined) => {
            writeln!(out, "declined; see `charges list`")?;
            return Ok(ExitCode::FAILURE);
        }
        Some(Heard::Known) | None => {
            writeln!(
                out,
                "the charge is paid already, or an order for it is on its way"
            )?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn bill(out: &mut impl Write, args: &BillArgs) -> anyhow::Result<ExitCode> {
    let (platform, day) = (args.platform, args.day);
    let (rows, found) = with_desk(&args.config, async |desk, store| {
        let from = desk.platform(platform).cloned();
        let from = from.ok_or_else(|| anyhow!("{platform} is not configured"))?;
        let bill = from.bill(day, clock::now()).await?;
        let books = store.read(move |tx| Books::read(tx, platform, day)).await;
        let books: Result<Books, StoreError> = books;
        Ok((bill.len(), differences(&bill, &books?)))
    })?;
    for difference in &found {
        writeln!(out, "{difference}")?;
    }
    writeln!(out, "{rows} lines in the bill, {} differences", found.len())?;
    Ok(if found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
