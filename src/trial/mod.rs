//! The server's configuration for this gate: staged, tried, and kept or taken back.
//!
//! ```text
//! feed ─▶ journal ─▶ checked as `config check` does, and that it leaves the gate's own alone ─▶ staged
//!   ─▶ nobody under way: the program ends with RESTART and is started anew ─▶ begun
//!        ─▶ what worked before works again, in time              ─▶ in force
//!        ─▶ it does not, or the program ended before it had shown ─▶ the one before is in force again
//! ```
//! The gate's own `gate.toml` is never written to: under systemd the daemon may not. What the server sent lies
//! beside the journal in one file ([`Kept`]) that is swapped whole, so that a gate which loses its power at any
//! moment finds either the old or the new. Who changes `gate.toml` by hand has the last word: what the server
//! sent before is set aside.

mod begin;
mod keeper;
mod kept;

pub use begin::{Begun, begin, config_in_force, in_force};
pub use keeper::Keeper;
pub use kept::{Ended, Kept, Parts, Served, Standing, Trial, forget, look};

/// Exit status of a daemon that wants to be started anew, with another configuration.
pub const RESTART: u8 = 75;

#[cfg(test)]
mod tests;
