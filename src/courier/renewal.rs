//! The loop that renews the gate's certificate when a third of its time is left. A failure is an alarm of the
//! status and is tried again; it never stops the gate, whose riders need no certificate.

use super::client::Client;
use super::error::Failure;
use super::own::{NotTaken, OwnCertificate};
use super::status::CourierStatus;
use super::{Clock, body};
use ed25519_dalek::SigningKey;
use fare_protocol::certificate::Certificate;
use fare_protocol::renewal::{RenewalRequest, RenewedCertificate};
use fare_protocol::{GateId, Signer, UnixMs};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often the certificate is looked at: clocks are set, and files are changed by hand.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Between two attempts.
const RETRY: Duration = Duration::from_secs(15 * 60);

/// How the certificate is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStanding {
    /// When it ends.
    pub until: UnixMs,
    /// Why it could not be renewed last, when that was due.
    pub failure: Option<String>,
}

/// Why it was not renewed.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    /// The gate's key is another program's.
    #[error("the gate's TLS key was not made by `faregate enroll`; renew the certificate by hand")]
    StrangeKey,
    /// The server did not.
    #[error("{0}")]
    Server(#[from] Failure),
    /// What it sent is no good.
    #[error("{0}")]
    NotTaken(#[from] NotTaken),
}

pub(super) struct Renewal<'c> {
    pub(super) gate: GateId,
    pub(super) client: &'c Client,
    pub(super) own: Option<&'c Arc<OwnCertificate>>,
    pub(super) record_key: Arc<SigningKey>,
    pub(super) tls_key: Option<SigningKey>,
    pub(super) clock: Clock,
    pub(super) status: watch::Sender<CourierStatus>,
}

impl Renewal<'_> {
    /// Never returns.
    pub(super) async fn run(self) {
        let Some(own) = self.own else {
            return std::future::pending().await;
        };
        loop {
            let Some(says) = own.says() else {
                tracing::warn!("the gate's certificate cannot be read; it is not renewed");
                return std::future::pending().await;
            };
            if (self.clock)() < says.renew_from() {
                self.report(&says, None);
                sleep(LOOK_EVERY).await;
                continue;
            }
            match self.renew(own).await {
                Ok(()) => tracing::info!("the gate's certificate is renewed"),
                Err(err) => {
                    let (until, err) = (says.until.to_rfc3339(), err.to_string());
                    tracing::warn!(%until, %err, "the gate's certificate is not renewed yet");
                    self.report(&says, Some(err));
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn renew(&self, own: &OwnCertificate) -> Result<(), NotRenewed> {
        let tls_key = self.tls_key.as_ref().ok_or(NotRenewed::StrangeKey)?;
        let request = RenewalRequest::new(self.gate, self.record_key.as_ref(), tls_key);
        let answer = self.client.renew(&request).await?;
        let sent: RenewedCertificate =
            serde_json::from_slice(&answer).map_err(|err| Failure::Nonsense {
                detail: err.to_string(),
                head: body::head(&answer),
            })?;
        let whose = (self.gate, &Signer::public(tls_key));
        Ok(own.take(&sent.certificate, whose, (self.clock)())?)
    }

    fn report(&self, says: &Certificate, failure: Option<String>) {
        let standing = CertificateStanding {
            until: says.until,
            failure,
        };
        self.status.send_if_modified(|status| {
            let is_new = status.certificate.as_ref() != Some(&standing);
            status.certificate = Some(standing);
            is_new
        });
    }
}
