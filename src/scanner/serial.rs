//! A scanner on a serial line: USB-CDC or RS-232.

use crate::config::SerialLine;
use std::io;
use std::path::Path;
use tokio_serial::{DataBits, Parity, SerialPortBuilder, SerialStream, StopBits};

/// Opens the line.
pub(super) fn open(path: &Path, line: &SerialLine) -> io::Result<SerialStream> {
    Ok(SerialStream::open(&builder(path, line))?)
}

/// The line as configured; without flow control.
pub(crate) fn builder(path: &Path, line: &SerialLine) -> SerialPortBuilder {
    tokio_serial::new(path.to_string_lossy(), line.baud)
        .data_bits(if line.seven_bits {
            DataBits::Seven
        } else {
            DataBits::Eight
        })
        .parity(match line.parity {
            crate::config::Parity::None => Parity::None,
            crate::config::Parity::Even => Parity::Even,
            crate::config::Parity::Odd => Parity::Odd,
        })
        .stop_bits(StopBits::One)
}
