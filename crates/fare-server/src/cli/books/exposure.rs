//! `fareserver books exposure`: what riders may still not pay, at worst.

use crate::books::exposure::{Exposure, OfGate, Sum, exposure};
use crate::clock::{self, rfc3339};
use crate::config::{self, Overrides};
use crate::store::Database;
use clap::Args;
use fare_protocol::{Currency, Money};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ExposureArgs {
    /// The server's configuration: its database and its tariff
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many accounts, those that may cost most
    #[arg(long, value_name = "N", default_value_t = 20)]
    accounts: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ExposureArgs) -> anyhow::Result<ExitCode> {
    let config = config::load(&args.config, Overrides::default())?;
    let mut database = Database::open_existing(&config.database)?;
    let mut found = database.read(|tx| {
        config.settlement.released.look(tx)?;
        exposure(tx, &config.settlement, clock::now())
    })?;
    found.accounts.truncate(args.accounts);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
    } else {
        print(&mut out, &found)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn money(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_string()
}

fn print(out: &mut impl Write, found: &Exposure) -> io::Result<()> {
    if found.all.is_empty() {
        writeln!(out, "nothing: all fares are paid, and nobody is inside")?;
    }
    for sum in &found.all {
        let say = |minor| money(minor, sum.currency);
        writeln!(out, "at worst {:>18}", say(sum.worst_minor()))?;
        writeln!(
            out,
            "unpaid   {:>18}  fares taken or held",
            say(sum.unpaid_minor)
        )?;
        writeln!(
            out,
            "  debt   {:>18}  of it declined by platforms",
            say(sum.debt_minor)
        )?;
        let inside = say(sum.inside_minor);
        let riders = sum.inside;
        writeln!(
            out,
            "inside   {inside:>18}  {riders} riders, each at the most that may come"
        )?;
    }
    if !found.accounts.is_empty() {
        let (account, worst) = ("account", "at worst");
        writeln!(
            out,
            "\n{account:<10}{worst:>16}{:>16}{:>16}  inside",
            "unpaid", "debt"
        )?;
    }
    for of in &found.accounts {
        account(out, &of.account, &of.sum)?;
    }
    let (gate, cost) = ("gate", "may cost");
    writeln!(
        out,
        "\n{gate:<18}inside{cost:>16}{:>22}{:>22}  newest record",
        "an hour unheard", "first rides unheard"
    )?;
    found.gates.iter().try_for_each(|of| gate_line(out, of))
}

fn account(out: &mut impl Write, account: &str, sum: &Sum) -> io::Result<()> {
    let say = |minor| money(minor, sum.currency);
    let (worst, unpaid, debt) = (sum.worst_minor(), sum.unpaid_minor, sum.debt_minor);
    let (worst, unpaid, debt) = (say(worst), say(unpaid), say(debt));
    let inside = sum.inside;
    writeln!(
        out,
        "{account:<10}{worst:>16}{unpaid:>16}{debt:>16}  {inside}"
    )
}

fn gate_line(out: &mut impl Write, of: &OfGate) -> io::Result<()> {
    let say = |minor| money(minor, of.currency);
    let (cost, unheard) = (say(of.inside_minor), say(of.unheard_minor_per_h));
    let heard = of.heard_ms.map_or_else(|| "none".to_owned(), rfc3339);
    let (gate, inside) = (&of.gate, of.inside);
    let first = of
        .first_rides_max_minor
        .map_or_else(|| "no limit known".to_owned(), say);
    writeln!(
        out,
        "{gate:<18}{inside:>6}{cost:>16}{unheard:>22}{first:>22}  {heard}"
    )
}
