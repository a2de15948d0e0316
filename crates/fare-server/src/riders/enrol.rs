//! A phone's key becomes a rider, and gets an issuer part: now, and again before it ends.

use super::Riders;
use super::auth::{Refused, RiderAsks, SignedRequest};
use crate::api::problem::Problem;
use crate::clock;
use crate::store::{RiderRow, StoreError, Tx};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fare_protocol::wire::Envelope;
use fare_protocol::{AccountId, IssuerPart, Millis, Money, PublicKey, RiderClass, Signer, UnixMs};
use serde::Serialize;
use std::sync::Arc;

/// What this server grants as an issuer.
#[derive(Clone)]
pub struct Grant {
    /// Signs issuer parts; gates believe it because the issuers' list has its key.
    pub issuer: Arc<dyn Signer>,
    /// The most that one journey may cost without asking the server.
    pub fare_limit: Money,
    /// How long each code lives.
    pub code_lifetime: Millis,
    /// How long an issuer part lasts: so long a phone makes codes with no network.
    pub part_valid: Millis,
}

/// What a phone is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Enrolled {
    /// Who pays.
    pub account: AccountId,
    /// Which fares apply.
    pub class: RiderClass,
    /// First moment at which the proof for that counts no longer: an issuer part from then on says adult. Nothing
    /// where there is none.
    pub class_until_ms: Option<UnixMs>,
    /// What codes are made around.
    pub issuer_part: Envelope,
    /// How long each code lives.
    pub code_lifetime_ms: Millis,
    /// First moment at which gates believe the issuer part no longer.
    pub not_after_ms: UnixMs,
    /// The key that signs vouchers.
    pub server_key: PublicKey,
}

/// What staff have said of an account.
struct Standing {
    denied: bool,
    /// The class that was granted, and until when.
    class: Option<(RiderClass, UnixMs)>,
}

fn standing(tx: &Tx<'_>, rider: &RiderRow, now: UnixMs) -> Result<Standing, StoreError> {
    let class = tx.class_of(rider.account, now)?;
    Ok(Standing {
        denied: tx.is_denied(rider.account)? || tx.is_key_denied(rider.device_key)?,
        class: class.map(|class| (class.class, class.until)),
    })
}

/// Riders begin as adults: nobody can say of oneself to pay less.
const FIRST_CLASS: RiderClass = RiderClass::Adult;

pub(super) async fn enrol(
    State(riders): State<Riders>,
    asked: SignedRequest,
) -> Result<(StatusCode, Json<Enrolled>), Refused> {
    let account = crate::ids::new_account().map_err(|err| Problem::unavailable(&err))?;
    let new = RiderRow {
        account,
        device_key: asked.key,
        class: FIRST_CLASS,
    };
    let now = clock::now();
    let work = move |tx: &Tx<'_>| {
        let (rider, is_new) = tx.enrol(&new, now)?;
        let standing = standing(tx, &rider, now)?;
        Ok::<_, StoreError>((rider, is_new, standing))
    };
    let (rider, is_new, standing) = riders.app.store.write(work).await.map_err(Problem::from)?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    if is_new {
        tracing::info!(account = %rider.account, "rider enrolled");
    }
    Ok((status, Json(grant(&riders, &rider, &standing, now)?)))
}

pub(super) async fn refresh(
    State(riders): State<Riders>,
    RiderAsks { rider, .. }: RiderAsks,
) -> Result<Json<Enrolled>, Problem> {
    let (asks, now) = (rider, clock::now());
    let work = move |tx: &Tx<'_>| standing(tx, &asks, now);
    let standing = riders.app.store.read(work).await?;
    Ok(Json(grant(&riders, &rider, &standing, now)?))
}

fn grant(
    riders: &Riders,
    rider: &RiderRow,
    standing: &Standing,
    now: UnixMs,
) -> Result<Enrolled, Problem> {
    if standing.denied {
        let detail = "gates refuse this account or phone at present; ask at a service desk";
        return Err(Problem::new(StatusCode::FORBIDDEN, "denied", detail));
    }
    let (class, until) = match standing.class {
        Some((class, until)) => (class, Some(until)),
        None => (rider.class, None),
    };
    let grant = &riders.grant;
    let part = IssuerPart {
        account: rider.account,
        device_key: rider.device_key,
        class,
        fare_limit: grant.fare_limit,
        lifetime: grant.code_lifetime,
        not_after: now.after(grant.part_valid),
    };
    Ok(Enrolled {
        account: rider.account,
        class,
        class_until_ms: until,
        issuer_part: Envelope(part.seal(grant.issuer.as_ref())),
        code_lifetime_ms: grant.code_lifetime,
        not_after_ms: part.not_after,
        server_key: riders.app.settlement.signer.public(),
    })
}
