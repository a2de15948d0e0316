//! The board's serial line: a pty, found through a symbolic link, speaking Modbus RTU.

use super::state::{BoardState, DISCRETE_INPUTS, INPUT_REGISTERS};
use super::{BoardEvent, Shared};
use crate::pty::Line;
use std::future::{Ready, ready};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::{Service, rtu::Server};
use tokio_serial::SerialStream;

/// The board's number on the line.
const UNIT: u8 = 1;
/// Pause before another try when there is no pty to be had.
const RETRY: Duration = Duration::from_millis(100);

/// Answers on `line`, and on a new one each time that the gate has closed the old one.
///
/// A new pty, because a gate that was killed leaves the old one marked as exclusively its own.
pub(super) async fn serve(mut line: Line, link: PathBuf, shared: Arc<Shared>) {
    loop {
        let slave = Slave {
            shared: Arc::clone(&shared),
            keeper: Mutex::new(Some(line.theirs)),
        };
        // Ends with an I/O error when the last one who had the gate's end open closed it.
        if let Err(error) = Server::new(line.ours).serve_forever(slave).await {
            tracing::debug!(%error, "the gate closed the line");
        }
        line = loop {
            match Line::open(&link) {
                Ok(line) => break line,
                Err(error) => tracing::warn!(%error, "no serial line"),
            }
            tokio::time::sleep(RETRY).await;
        };
        shared.tell([BoardEvent::Ready]);
    }
}

struct Slave {
    shared: Arc<Shared>,
    /// The gate's end, held until the gate has it: a pty that nobody holds reports an end.
    keeper: Mutex<Option<SerialStream>>,
}

impl Service for Slave {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, request: SlaveRequest<'static>) -> Self::Future {
        drop(
            self.keeper
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        // A request to another unit on the line is not ours to answer.
        if request.slave != UNIT {
            return ready(Ok(None));
        }
        let mut answer = Err(ExceptionCode::IllegalFunction);
        self.shared.change(|state, now| {
            if let Request::WriteSingleCoil(address, on) = request.request {
                let ours = address == 0;
                let echo = Ok(Response::WriteSingleCoil(address, on));
                answer = if ours {
                    echo
                } else {
                    Err(ExceptionCode::IllegalDataAddress)
                };
                return if ours {
                    state.write_release(on, now)
                } else {
                    Vec::new()
                };
            }
            answer = read(state, &request.request);
            Vec::new()
        });
        ready(answer.map(Some))
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other functions are refused alike"
)]
fn read(state: &BoardState, request: &Request<'_>) -> Result<Response, ExceptionCode> {
    match *request {
        Request::ReadCoils(from, count) => Ok(Response::ReadCoils(part(
            &[state.released()],
            1,
            from,
            count,
        )?)),
        Request::ReadDiscreteInputs(from, count) => Ok(Response::ReadDiscreteInputs(part(
            &state.inputs(),
            DISCRETE_INPUTS,
            from,
            count,
        )?)),
        Request::ReadInputRegisters(from, count) => Ok(Response::ReadInputRegisters(part(
            &state.registers(),
            INPUT_REGISTERS,
            from,
            count,
        )?)),
        _ => Err(ExceptionCode::IllegalFunction),
    }
}

/// `count` of the `len` values in `table`, beginning at `from`.
fn part<T: Copy>(table: &[T], len: u16, from: u16, count: u16) -> Result<Vec<T>, ExceptionCode> {
    let end = from
        .checked_add(count)
        .filter(|end| count > 0 && *end <= len);
    end.and_then(|end| table.get(usize::from(from)..usize::from(end)))
        .map(<[T]>::to_vec)
        .ok_or(ExceptionCode::IllegalDataAddress)
}
