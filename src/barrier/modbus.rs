//! A barrier board that speaks Modbus RTU (Modbus over Serial Line V1.02) on a serial line, 8N1.
//!
//! ```text
//! coil 0              1 opens the barrier, 0 closes it
//! discrete input 0    beam broken          input register 0   passages, wrapping
//! discrete input 1    obstructed           input register 1   fault, 0 is none
//! discrete input 2    fire alarm
//! discrete input 3    fully open
//! ```

use super::{BarrierBoard, BarrierError, Inputs, Motion};
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_modbus::client::{Context, Reader, Writer, rtu};
use tokio_modbus::{Result as ModbusResult, Slave};

const COIL_RELEASE: u16 = 0;
const INPUT_FIRST: u16 = 0;
const INPUT_COUNT: u16 = 4;
const REGISTER_FIRST: u16 = 0;
const REGISTER_COUNT: u16 = 2;

/// Longest wait for one answer: a request and its answer take 3 ms at 115 200 bits a second.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// An open serial line to one board.
pub struct ModbusBoard {
    context: Context,
}

impl ModbusBoard {
    /// Speaks to the board `unit` at the other end of `line`.
    pub fn over<T>(line: T, unit: u8) -> Self
    where
        T: AsyncRead + AsyncWrite + fmt::Debug + Unpin + Send + 'static,
    {
        Self {
            context: rtu::attach_slave(line, Slave(unit)),
        }
    }
}

impl BarrierBoard for ModbusBoard {
    async fn release(&mut self, motion: Motion) -> Result<(), BarrierError> {
        let open = motion != Motion::Close;
        answered(self.context.write_single_coil(COIL_RELEASE, open)).await
    }

    async fn inputs(&mut self) -> Result<Inputs, BarrierError> {
        let bits = answered(self.context.read_discrete_inputs(INPUT_FIRST, INPUT_COUNT)).await?;
        let words = answered(
            self.context
                .read_input_registers(REGISTER_FIRST, REGISTER_COUNT),
        )
        .await?;
        let [_beam, obstructed, fire, _fully_open] = exactly(&bits)?;
        let [passages, fault] = exactly(&words)?;
        Ok(Inputs {
            obstructed,
            fire,
            passages,
            fault,
        })
    }
}

async fn answered<T>(request: impl Future<Output = ModbusResult<T>>) -> Result<T, BarrierError> {
    match timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => Ok(answer??),
        Err(_elapsed) => Err(BarrierError::Silent(ANSWER_TIMEOUT)),
    }
}

fn exactly<T: Copy, const N: usize>(values: &[T]) -> Result<[T; N], BarrierError> {
    let short = |_| BarrierError::Short {
        got: values.len(),
        expected: N,
    };
    values.try_into().map_err(short)
}
