//! The board that the configuration names.

use super::bytes::BytesBoard;
use super::gpio::GpioBoard;
use super::{BarrierBoard, BarrierError, Connect, Inputs, ModbusBoard, Motion};
use crate::config::{BarrierConfig, BoardConfig};
use crate::scanner;
use tokio_serial::SerialStream;

/// A board of any kind.
pub enum AnyBoard {
    /// Modbus RTU.
    Modbus(ModbusBoard),
    /// Byte sequences on a serial line.
    Bytes(BytesBoard<SerialStream>),
    /// GPIO lines.
    Gpio(GpioBoard),
}

impl Connect for BarrierConfig {
    type Board = AnyBoard;

    fn connect(&self) -> Result<AnyBoard, BarrierError> {
        match &self.board {
            BoardConfig::Modbus { serial, baud, unit } => {
                let line = tokio_serial::new(serial.to_string_lossy(), *baud);
                Ok(AnyBoard::Modbus(ModbusBoard::over(
                    open(&line, serial)?,
                    *unit,
                )))
            }
            BoardConfig::Bytes {
                serial,
                line,
                dialect,
            } => {
                let line = scanner::serial_builder(serial, line);
                let line = open(&line, serial)?;
                Ok(AnyBoard::Bytes(BytesBoard::over(line, (**dialect).clone())))
            }
            BoardConfig::Gpio(lines) => Ok(AnyBoard::Gpio(GpioBoard::open(lines)?)),
        }
    }
}

fn open(
    line: &tokio_serial::SerialPortBuilder,
    path: &std::path::Path,
) -> Result<SerialStream, BarrierError> {
    SerialStream::open(line).map_err(|source| BarrierError::Open {
        path: path.display().to_string(),
        source,
    })
}

impl BarrierBoard for AnyBoard {
    async fn release(&mut self, motion: Motion) -> Result<(), BarrierError> {
        match self {
            Self::Modbus(board) => board.release(motion).await,
            Self::Bytes(board) => board.release(motion).await,
            Self::Gpio(board) => board.release(motion).await,
        }
    }

    async fn inputs(&mut self) -> Result<Inputs, BarrierError> {
        match self {
            Self::Modbus(board) => board.inputs().await,
            Self::Bytes(board) => board.inputs().await,
            Self::Gpio(board) => board.inputs().await,
        }
    }
}
