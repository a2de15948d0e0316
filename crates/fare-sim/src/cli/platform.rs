//! `fare-sim platform`: a payment platform to try against.

use crate::platform::Sandbox;
use anyhow::Context;
use std::net::SocketAddr;

/// A payment platform that speaks Alipay's and WeChat Pay's words with their signatures.
///
/// Prints `{"listen":"…"}` and serves until it is ended. POST /sandbox/fault tells it to do wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it listens; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let sandbox = Sandbox::start(args.listen).await?;
        super::lines::print_json(&serde_json::json!({"listen": sandbox.base()}))?;
        sandbox.wait().await;
        Ok(())
    })
}
