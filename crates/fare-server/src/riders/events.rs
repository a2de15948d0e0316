//! Vouchers for phones: as they are made, by server-sent events, or at the next contact.

use super::Riders;
use super::auth::{Refused, RiderAsks};
use super::limit::TooOften;
use crate::api::problem::Problem;
use crate::bulletin::Board;
use crate::net::stopped;
use crate::sse::Sent;
use crate::store::{KeptVoucher, StoreError, VoucherKind};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use fare_protocol::wire::Envelope;
use fare_protocol::{AccountId, RecordId, UnixMs};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// Most vouchers in one answer; the rest follows when asked with its `cursor`.
const VOUCHERS_MAX: u32 = 100;

/// Shortest time between two looks for one phone.
const LOOK_MIN: Duration = Duration::from_millis(300);

/// How soon a phone learns of what its gates are not told, decisions of staff for instance.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// Longest time without a word, so that what stands between keeps the connection open.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Journeys whose changes are told; older ones change when staff decide, and are seen when asked for.
const WATCHED: u32 = 10;

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    after: u64,
}

/// Vouchers, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Vouchers {
    /// At most 100.
    pub vouchers: Vec<VoucherView>,
    /// What to ask after next.
    pub cursor: u64,
}

/// One voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct VoucherView {
    /// Its place among the rider's, from 1.
    pub number: u64,
    /// Whether it answers an entry or an exit.
    pub kind: VoucherKind,
    /// The entry of its journey.
    pub entry: RecordId,
    /// As the server signed it.
    pub envelope: Envelope,
    /// Beside an entry voucher: the text of the picture that is shown at the exit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl From<KeptVoucher> for VoucherView {
    fn from(kept: KeptVoucher) -> Self {
        Self {
            number: kept.number,
            kind: kept.kind,
            entry: kept.entry,
            envelope: Envelope(kept.envelope),
            picture: kept.picture,
        }
    }
}

pub(super) async fn missed(
    State(riders): State<Riders>,
    asked: Result<Query<Asked>, QueryRejection>,
    RiderAsks { rider, .. }: RiderAsks,
) -> Result<Json<Vouchers>, Problem> {
    let Asked { after } = checked(asked)?;
    let account = rider.account;
    let work = move |tx: &crate::store::Tx<'_>| tx.vouchers_after(account, after, VOUCHERS_MAX);
    let kept = riders.app.store.read(work).await?;
    let cursor = kept.last().map_or(after, |last| last.number);
    let vouchers = kept.into_iter().map(VoucherView::from).collect();
    Ok(Json(Vouchers { vouchers, cursor }))
}

pub(super) async fn follow(
    State(riders): State<Riders>,
    asked: Result<Query<Asked>, QueryRejection>,
    RiderAsks { rider, .. }: RiderAsks,
) -> Result<impl IntoResponse, Refused> {
    let Asked { after } = checked(asked)?;
    let Ok(room) = riders.streams.clone().try_acquire_owned() else {
        return Err(TooOften { after_s: 60 }.into());
    };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stopping = riders.app.stopping.clone();
        tokio::select! {
            () = tell(&riders, rider.account, after, &sender) => {}
            () = stopped(&mut stopping) => {}
        }
        drop(room);
    });
    Ok((
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::new(Sent(receiver)),
    ))
}

fn checked(asked: Result<Query<Asked>, QueryRejection>) -> Result<Asked, Problem> {
    let asked =
        asked.map_err(|err| Problem::bad_query("?after=NUMBER, whole", &err, &["after"]))?;
    Ok(asked.0)
}

/// What a phone is told about: how its newest journeys stand.
type Standing = Vec<(RecordId, String, Option<String>)>;

/// Sends what is new until the phone is gone.
async fn tell(riders: &Riders, account: AccountId, mut after: u64, sender: &mpsc::Sender<Bytes>) {
    let store = &riders.app.store;
    let (mut changes, mut boards) = (store.changes(), riders.app.bulletin.boards());
    let mut told: Option<Standing> = None;
    loop {
        changes.mark_unchanged();
        let seen = boards.borrow_and_update().end();
        let look = move |tx: &crate::store::Tx<'_>| {
            let vouchers = tx.vouchers_after(account, after, VOUCHERS_MAX)?;
            let newest = tx.own_journeys(account, UnixMs(i64::MAX), WATCHED)?;
            let standing = newest.into_iter().map(|own| {
                let decided = own.correction.map(|said| said.how.unwrap_or_default());
                (own.entry, own.state, decided)
            });
            Ok::<_, StoreError>((vouchers, standing.collect::<Standing>()))
        };
        let mut events = String::new();
        match store.read(look).await {
            Ok((vouchers, standing)) => {
                for kept in vouchers {
                    after = kept.number;
                    events.push_str(&event(&VoucherView::from(kept)));
                }
                if told
                    .replace(standing.clone())
                    .is_some_and(|before| before != standing)
                {
                    events.push_str("event: journeys\ndata: {}\n\n");
                }
            }
            Err(err) => tracing::warn!(%err, "a phone could not be told what is new"),
        }
        if events.is_empty() {
            // A comment shows whether the phone is still there.
            events.push_str(":\n\n");
        }
        if sender.send(events.into()).await.is_err() {
            return;
        }
        sleep(LOOK_MIN).await;
        let anything = async {
            sleep(LOOK_ANYWAY).await;
            changes.changed().await
        };
        let either = async {
            tokio::select! {
                _ = anything => {}
                () = told_of(account, seen, &mut boards) => {}
            }
        };
        let _nothing_new = timeout(SILENCE_MAX, either).await;
    }
}

/// Returns once the gates are told something of the account that they were not by `seen`.
async fn told_of(account: AccountId, seen: u64, boards: &mut watch::Receiver<Arc<Board>>) {
    let _gone = boards.wait_for(|board| board.is_about(account, seen)).await;
}

fn event(voucher: &VoucherView) -> String {
    let json = serde_json::to_string(voucher).unwrap_or_default();
    format!("event: voucher\nid: {}\ndata: {json}\n\n", voucher.number)
}
