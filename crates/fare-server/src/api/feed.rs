//! `GET /v1/gates/{gate}/feed?after=CURSOR&wait_ms=N`: what gates must know, in the server's
//! envelope. Waits for news as long as it is asked to, and no longer once the server stops.

use super::problem::Problem;
use super::{App, Asking, registered};
use crate::clock;
use crate::net::stopped;
use crate::store::News;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use fare_protocol::wire::{FEED_WAIT_MS_MAX, Feed, FeedChange, Revocation};
use fare_protocol::{GateId, UnixMs};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u32,
}

pub(super) async fn answer(
    State(app): State<App>,
    Path(gate): Path<String>,
    asking: Asking,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Query(asked) = asked.map_err(|err| {
        let expected = "?after=CURSOR&wait_ms=N, both whole";
        Problem::bad_query(expected, &err, &["after", "wait_ms"])
    })?;
    let standing = registered(&app, &gate, asking).await?;
    let feed = match standing.revocation {
        Some(revocation) => last_word(&asked, revocation),
        None => {
            let id = standing.gate.id;
            let feed = feed_of(&app, id, &asked).await?;
            // It may have been revoked while it waited.
            let key = standing.gate.key;
            let now = app.store.read(move |tx| tx.revocation(id, &key)).await?;
            now.map_or(feed, |revocation| last_word(&asked, revocation))
        }
    };
    let sealed = feed.seal(app.settlement.signer.as_ref());
    let sealed = sealed.map_err(|err| Problem::unavailable(&err))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/cose; cose-type=\"cose-sign1\"",
        )],
        sealed,
    ))
}

/// All that a gate hears which is believed no longer.
fn last_word(asked: &Asked, revocation: Revocation) -> Feed {
    Feed {
        as_of_ms: clock::now(),
        cursor: asked.after,
        snapshot: false,
        issuers: None,
        tariff: None,
        changes: vec![FeedChange::GateRevoked(revocation)],
    }
}

/// The news, as soon as there are any or the time is over.
async fn feed_of(app: &App, gate: GateId, asked: &Asked) -> Result<Feed, Problem> {
    let after = asked.after;
    let until = Instant::now() + Duration::from_millis(asked.wait_ms.min(FEED_WAIT_MS_MAX).into());
    let mut changes = app.store.changes();
    let mut over = false;
    loop {
        changes.mark_unchanged();
        // Taken before looking: what is told is at least as new as it says.
        let as_of_ms = clock::now();
        let news = app.store.read(move |tx| tx.news_for(gate, after)).await?;
        if over || !news.is_empty() {
            return Ok(feed(app, as_of_ms, news));
        }
        over = !changed(&mut changes, app.stopping.clone(), until).await;
    }
}

/// Waits for a change; answers false when the time is over or the server stops.
async fn changed(
    changes: &mut watch::Receiver<u64>,
    mut stopping: watch::Receiver<bool>,
    until: Instant,
) -> bool {
    tokio::select! {
        changed = changes.changed() => changed.is_ok(),
        () = stopped(&mut stopping) => false,
        () = sleep_until(until) => false,
    }
}

fn feed(app: &App, as_of_ms: UnixMs, news: News) -> Feed {
    let settlement = &app.settlement;
    Feed {
        as_of_ms,
        cursor: news.cursor,
        snapshot: news.snapshot,
        issuers: news.issuers.then(|| settlement.issuers.clone()),
        tariff: news.tariff.then(|| settlement.tariff_text_at(as_of_ms)),
        changes: news.changes,
    }
}
