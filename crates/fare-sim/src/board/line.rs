//! The board's serial line: a pty, found through a symbolic link, speaking Modbus RTU.

use super::state::{BoardState, DISCRETE_INPUTS, INPUT_REGISTERS};
use super::{BoardEvent, Shared};
use std::future::{Ready, ready};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::{Service, rtu::Server};
use tokio_serial::{SerialPort, SerialStream};

/// The board's number on the line.
const UNIT: u8 = 1;
/// Pause before another try when there is no pty to be had.
const RETRY: Duration = Duration::from_millis(100);

/// Why a board has no serial line.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The kernel gave no pty.
    #[error("cannot open a pty: {0}; check that /dev/pts is mounted")]
    Pty(#[from] tokio_serial::Error),
    /// The pty's path could not be found out.
    #[error("the pty has no path; check that /dev/pts is mounted")]
    NoPath,
    /// The link cannot be made.
    #[error("cannot make the link {path}: {source}; check its folder", path = path.display())]
    Link {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A pty of which nobody but the board holds an end yet.
pub(super) struct Line {
    ours: SerialStream,
    theirs: SerialStream,
}

impl Line {
    /// Opens a pty and points `link` at it, in one step for whoever opens the link meanwhile.
    pub(super) fn open(link: &Path) -> Result<Self, BoardError> {
        let (ours, theirs) = SerialStream::pair()?;
        let path = theirs.name().ok_or(BoardError::NoPath)?;
        let failed = |source| BoardError::Link {
            path: link.to_owned(),
            source,
        };
        let mut new = link.as_os_str().to_owned();
        new.push(".new");
        // Left behind by a board that was killed, if it is there at all.
        let _ = std::fs::remove_file(&new);
        std::os::unix::fs::symlink(path, &new).map_err(failed)?;
        std::fs::rename(&new, link).map_err(failed)?;
        Ok(Self { ours, theirs })
    }
}

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
