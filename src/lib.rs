//! The gate.

pub mod clock;
pub mod decode;
pub mod frame;
pub mod replay;
