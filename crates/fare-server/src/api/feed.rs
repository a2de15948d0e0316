//! `GET /v1/gates/{gate}/feed?after=CURSOR&wait_ms=N`: what gates must know, in the server's
//! envelope. Waits for news as long as it is asked to, and no longer once the server stops. Who waits is told
//! from the bulletin, the same bytes as all others; what that does not hold is asked of the database.

use super::problem::Problem;
use super::{App, Asking, Standing, registered_lately};
use crate::bulletin::{Board, Since};
use crate::clock;
use crate::net::stopped;
use crate::store::{Gate, News, StoreError};
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use fare_protocol::UnixMs;
use fare_protocol::wire::{FEED_WAIT_MS_MAX, Feed, FeedChange, Revocation};
use serde::Deserialize;
use std::sync::Arc;
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
    let Standing { gate, revocation } = registered_lately(&app, &gate, asking).await?;
    let sealed = match revocation {
        Some(revocation) => seal(&app, &last_word(asked.after, revocation))?,
        None => feed_of(&app, &gate, &asked).await?,
    };
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/cose; cose-type=\"cose-sign1\"",
        )],
        sealed,
    ))
}

/// All that a gate hears which is believed no longer.
fn last_word(after: u64, revocation: Revocation) -> Feed {
    Feed {
        as_of_ms: clock::now(),
        cursor: after,
        snapshot: false,
        issuers: None,
        tariff: None,
        changes: vec![FeedChange::GateRevoked(revocation)],
    }
}

/// The news, as soon as there are any or the time is over.
async fn feed_of(app: &App, gate: &Gate, asked: &Asked) -> Result<Bytes, Problem> {
    let after = asked.after;
    let until = Instant::now() + Duration::from_millis(asked.wait_ms.min(FEED_WAIT_MS_MAX).into());
    let mut boards = app.bulletin.boards();
    // Who does not wait is told how it stands now, and not how the bulletin saw it last.
    let mut over = asked.wait_ms == 0;
    loop {
        let board = Arc::clone(&boards.borrow_and_update());
        let here = if over {
            Since::NotHere
        } else {
            board.since(gate.id, after)
        };
        match here {
            Since::Changes(changes) => {
                return board.sealed(after, || seal(app, &posted(&board, &changes)));
            }
            Since::Nothing => {}
            Since::NotHere => {
                let told = ask(app, gate, after, over).await?;
                if let Some(feed) = told {
                    return seal(app, &feed);
                }
            }
        }
        over = !changed(&mut boards, app.stopping.clone(), until).await;
    }
}

/// What the database has; nothing when that is no news and it is not to be told `anyway`.
async fn ask(app: &App, gate: &Gate, after: u64, anyway: bool) -> Result<Option<Feed>, Problem> {
    // Taken before looking: what is told is at least as new as it says.
    let as_of_ms = clock::now();
    let (id, key) = (gate.id, gate.key);
    let look = move |tx: &crate::store::Tx<'_>| {
        // It may have been revoked while it waited.
        let revocation = tx.revocation(id, &key)?;
        Ok::<_, StoreError>((tx.news_for(id, after)?, revocation))
    };
    let (news, revocation) = app.store.read(look).await?;
    Ok(match revocation {
        Some(revocation) => Some(last_word(after, revocation)),
        None => (anyway || !news.is_empty()).then(|| feed(app, as_of_ms, news)),
    })
}

fn seal(app: &App, feed: &Feed) -> Result<Bytes, Problem> {
    let sealed = feed.seal(app.settlement.signer.as_ref());
    let sealed = sealed.map_err(|err| Problem::unavailable(&err))?;
    Ok(Bytes::from(sealed))
}

/// Waits for another board; answers false when the time is over or the server stops.
async fn changed(
    boards: &mut watch::Receiver<Arc<Board>>,
    mut stopping: watch::Receiver<bool>,
    until: Instant,
) -> bool {
    tokio::select! {
        changed = boards.changed() => changed.is_ok(),
        () = stopped(&mut stopping) => false,
        () = sleep_until(until) => false,
    }
}

/// What all who know everything up to the same place are told.
fn posted(board: &Board, changes: &[&FeedChange]) -> Feed {
    Feed {
        as_of_ms: board.as_of(),
        cursor: board.end(),
        snapshot: false,
        issuers: None,
        tariff: None,
        changes: changes.iter().copied().cloned().collect(),
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
