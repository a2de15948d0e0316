//! The sandbox platform of the demo, for riders with pay codes: started, and looked at when they have left.

use super::process::{Processes, listen};
use anyhow::Context;
use fare_protocol::Money;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::mpsc;

/// How long the platform may take to listen.
const READY_MAX: Duration = Duration::from_secs(20);
/// How long a journey may take from its end until the platform has charged it: the server looks every 5 s.
const CHARGED_MAX: Duration = Duration::from_secs(30);
/// How often its book is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where the platform is.
#[derive(Clone, Debug)]
pub(super) struct Till {
    base: String,
}

/// What it says first.
#[derive(Debug, Deserialize)]
struct Listening {
    listen: String,
}

/// One order in its book, as far as the demo looks.
#[derive(Clone, Debug, Deserialize)]
struct Order {
    minor: i64,
    state: String,
    asked_times: u32,
}

impl Till {
    /// Starts the platform.
    pub(super) async fn start(processes: &Processes, dir: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("platform");
        let (_commands, answers) = processes.start_talker("platform", command, dir)?;
        let (sender, mut said) = mpsc::unbounded_channel();
        tokio::spawn(listen(answers, move |listening: Listening| {
            let _ = sender.send(listening);
        }));
        let said = tokio::time::timeout(READY_MAX, said.recv()).await;
        let said = said.context("waited in vain for the platform to listen")?;
        let base = said.context("the platform ended")?.listen;
        Ok(Self { base })
    }

    /// Where orders go.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Waits until it has charged each of these fares, once; an error when it has charged anything else.
    pub(super) async fn charged(
        &self,
        http: &reqwest::Client,
        fares: &[Money],
    ) -> anyhow::Result<()> {
        let mut expected: Vec<i64> = fares.iter().map(|fare| fare.minor).collect();
        expected.sort_unstable();
        let since = crate::clock::monotonic();
        loop {
            let orders = self.orders(http).await?;
            let mut paid: Vec<i64> = orders.iter().map(|order| order.minor).collect();
            paid.sort_unstable();
            let all_paid = orders.iter().all(|order| order.state == "paid");
            if all_paid && paid == expected {
                return Ok(());
            }
            anyhow::ensure!(
                since.elapsed() < CHARGED_MAX,
                "the platform has charged {orders:?}, and not {expected:?} minor units"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn orders(&self, http: &reqwest::Client) -> anyhow::Result<Vec<Order>> {
        let answer = http.get(format!("{}/sandbox/orders", self.base)).send();
        let orders: Vec<Order> = answer.await?.error_for_status()?.json().await?;
        let twice = orders.iter().find(|order| order.asked_times > 1);
        if let Some(order) = twice {
            tracing::info!(?order, "an order was sent again under its number");
        }
        Ok(orders)
    }
}
