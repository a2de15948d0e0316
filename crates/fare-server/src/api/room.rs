//! Room for uploads, and for asks. Only so many are read, checked and taken at once, whatever number of gates comes
//! back in one minute: the body of any other is not even read, and its gate is told when to come
//! again. So memory stays bounded, and what was let in is answered in time.

use super::App;
use super::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gates that are turned away are told to come again after 1 to so many seconds, in turn, so that they
/// do not come back all at once.
const SPREAD_S: u64 = 15;

/// Permits for uploads. Clones share them.
#[derive(Clone, Debug)]
pub struct Room {
    permits: Arc<Semaphore>,
    turned_away: Arc<AtomicU64>,
}

impl Room {
    /// Room for `uploads_max` uploads at once.
    pub fn new(uploads_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(uploads_max)),
            turned_away: Arc::default(),
        }
    }

    /// A place, until dropped; none when all are taken.
    pub(super) fn try_enter(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    pub(super) fn full(&self) -> Response {
        let turned_away = self.turned_away.fetch_add(1, Ordering::Relaxed);
        let after_s = 1 + turned_away % SPREAD_S;
        let detail =
            format!("too many gates ask at once; nothing was taken, send it again in {after_s} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail);
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        response
    }
}

/// Lets an upload in when there is room for it.
pub(super) async fn enter(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.room.try_enter() {
        Some(permit) => {
            let response = next.run(request).await;
            drop(permit);
            response
        }
        None => {
            app.metrics.turned_away();
            app.room.full()
        }
    }
}
