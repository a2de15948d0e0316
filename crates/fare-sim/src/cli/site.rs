//! `fare-sim site`: a server's and a gate's files, for benchmarks and for trying by hand.

use crate::cast::Cast;
use crate::city::{City, GateSite};
use crate::clock;
use crate::seed::Seed;
use anyhow::Context;
use fare_protocol::{LaneNo, StationId};
use fare_rules::Role;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Write keys, certificates, tariff and configurations of one server (server.toml) and one gate for
/// both directions (STATION-01.toml) into a folder. The server takes a free port and says in
/// ready.json which.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, which must not be there yet.
    #[arg(long)]
    out: PathBuf,
    /// Where the gate stands.
    #[arg(long, default_value = super::STATION)]
    station: StationId,
    /// Where the gate's configuration says that the server is.
    #[arg(long, default_value = "127.0.0.1:8443")]
    server: SocketAddr,
    /// Both take pay codes; the platform that would charge them is not there.
    #[arg(long)]
    pay_codes: bool,
    /// The issuer whose riders the gate believes follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    std::fs::create_dir(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let city = City::write(
        &args.out,
        &[Cast::new(&Seed::new(args.seed), clock::now()).issuer()],
    )?;
    let site = GateSite {
        station: args.station,
        lane: LaneNo(1),
        role: Role::Both,
    };
    let gate = city.write_gate(site, Some(args.server))?;
    if args.pay_codes {
        city.charge_through("http://127.0.0.1:9")?;
        gate.take_pay_codes("")?;
    }
    Ok(())
}
