//! Server-sent events: the page's parts, sent again when they have changed.

use super::page::{Parts, parts};
use super::state::State;
use super::who::Who;
use crate::api::App;
use crate::net::stopped;
use crate::sse::Sent;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::header;
use axum::response::IntoResponse;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Shortest time between two looks: the page is for eyes.
const LOOK_MIN: Duration = Duration::from_millis(500);

/// Longest time between two looks: gates that fall silent change nothing else.
const LOOK_MAX: Duration = Duration::from_secs(5);

pub(super) async fn events(Shared(app): Shared<App>, who: Who) -> impl IntoResponse {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stopping = app.stopping.clone();
        tokio::select! {
            () = follow(&app, &who, &sender) => {}
            () = stopped(&mut stopping) => {}
        }
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::new(Sent(receiver)),
    )
}

/// Sends changes until the reader is gone, or signed in no longer.
async fn follow(app: &App, who: &Who, sender: &mpsc::Sender<Bytes>) {
    let mut changes = app.store.changes();
    let mut shown: Option<Parts> = None;
    loop {
        changes.mark_unchanged();
        if !who.is_still_there(app).await {
            return;
        }
        let now = match State::of(app).await {
            Ok(state) => Some(parts(&state, &app.settlement.tariff)),
            Err(err) => {
                tracing::warn!(%err, "the console could not be brought up to date");
                None
            }
        };
        // A comment, when nothing is new, shows whether the reader is still there.
        let event = match &now {
            Some(parts) if now != shown => event(parts),
            Some(_) | None => ":\n\n".to_owned(),
        };
        if sender.send(event.into()).await.is_err() {
            return;
        }
        shown = now.or(shown);
        sleep(LOOK_MIN).await;
        let _nothing_new = timeout(LOOK_MAX, changes.changed()).await;
    }
}

fn event(parts: &Parts) -> String {
    let json = serde_json::to_string(parts).unwrap_or_default();
    format!("event: page\ndata: {json}\n\n")
}
