//! The part `[staff]`: where staff sign in.

use super::Check;
use super::raw::RawStaff;
use std::net::SocketAddr;
use std::sync::Arc;

/// A checked `[staff]`.
pub struct StaffListener {
    /// Where browsers of staff connect.
    pub listen: SocketAddr,
    /// The server's certificate; plain HTTP without one, on a loopback address.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Check<'_> {
    pub(super) fn staff(&mut self, raw: &RawStaff) -> Option<StaffListener> {
        let listen = self.address(&raw.listen);
        let tls = self.served_tls((&raw.listen, &raw.cert, &raw.key), "staff are", listen);
        Some(StaffListener {
            listen: listen?,
            tls: tls?,
        })
    }
}
