//! What systemd is to the gate: it hears when the gate is ready, keeps a watchdog, takes the log with
//! fields, and hands over credentials. Everything here does nothing where systemd is not.
//!
//! The protocol of the first two is a datagram to `$NOTIFY_SOCKET`, see `sd_notify(3)`.

pub mod credentials;
pub mod journald;

pub use sd_notify::NotifyState;

use std::time::Duration;

/// Tells the service manager. That it cannot be told does not stop a gate.
pub fn tell(state: &[NotifyState<'_>]) {
    if let Err(err) = sd_notify::notify(state) {
        tracing::warn!(%err, "systemd cannot be told of the gate's state");
    }
}

/// How long the service manager waits for a sign of life; nothing when it does not (`WatchdogSec=`).
pub fn watchdog_patience() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero())
}
