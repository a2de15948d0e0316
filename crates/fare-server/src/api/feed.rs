//! `GET /v1/gates/{gate}/feed?after=CURSOR&wait_ms=N`: what gates must know, in the server's
//! envelope. Waits for news as long as it is asked to, and no longer once the server stops.

use super::problem::Problem;
use super::{App, registered};
use crate::clock;
use crate::net::stopped;
use crate::store::News;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use fare_protocol::wire::{FEED_WAIT_MS_MAX, Feed};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u32,
}

pub(super) async fn feed(
    State(app): State<App>,
    Path(gate): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Query(asked) = asked.map_err(|err| {
        Problem::bad_request(format!(
            "expected ?after=CURSOR&wait_ms=N, both whole: {err}"
        ))
    })?;
    registered(&app, &gate).await?;
    let news = news(&app, &asked).await?;
    let sealed = feed_of(&app, news).seal(app.settlement.signer.as_ref());
    let sealed = sealed.map_err(|err| Problem::unavailable(&err))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/cose; cose-type=\"cose-sign1\"",
        )],
        sealed,
    ))
}

async fn news(app: &App, asked: &Asked) -> Result<News, Problem> {
    let after = asked.after;
    let wait = Duration::from_millis(asked.wait_ms.min(FEED_WAIT_MS_MAX).into());
    let until = deadline(wait);
    let mut changes = app.store.changes();
    let mut stopping = app.stopping.clone();
    loop {
        changes.mark_unchanged();
        let news = app.store.read(move |tx| tx.news(after)).await?;
        if !news.is_empty() {
            return Ok(news);
        }
        let change = async {
            tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                () = stopped(&mut stopping) => false,
            }
        };
        match timeout_at(until, change).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return Ok(news),
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a length of waiting, which no record carries"
)]
fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait
}

fn feed_of(app: &App, news: News) -> Feed {
    let settlement = &app.settlement;
    Feed {
        as_of_ms: clock::now(),
        cursor: news.cursor,
        snapshot: news.snapshot,
        issuers: news.issuers.then(|| settlement.issuers.clone()),
        tariff: news.tariff.then(|| settlement.tariff_text.clone()),
        changes: news.changes,
    }
}
