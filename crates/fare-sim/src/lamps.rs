//! A simulated box of lamps: Modbus RTU coils on a pty.

use crate::pty::{Line, PtyError};
use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::{Service, rtu::Server};
use tokio_serial::SerialStream;

/// The box's number on the line.
const UNIT: u8 = 1;

/// Coils that it has.
const COILS: u16 = 8;

/// A box at work. Dropping it takes its serial line away.
#[derive(Debug)]
pub struct LampBox {
    written: mpsc::UnboundedReceiver<(u16, bool)>,
    link: PathBuf,
    task: JoinHandle<()>,
}

impl LampBox {
    /// Starts a box whose serial line is reached through the symbolic link `link`.
    ///
    /// # Errors
    /// When there is no pty to be had, or `link` cannot be made.
    pub fn spawn(link: &Path) -> Result<Self, PtyError> {
        let Line { ours, theirs } = Line::open(link)?;
        let (sender, written) = mpsc::unbounded_channel();
        let coils = Coils {
            written: sender,
            keeper: Mutex::new(Some(theirs)),
        };
        let task = tokio::spawn(async move {
            if let Err(error) = Server::new(ours).serve_forever(coils).await {
                tracing::debug!(%error, "the gate closed the line");
            }
        });
        Ok(Self {
            written,
            link: link.to_owned(),
            task,
        })
    }

    /// The next coil that is written, and how; nothing when the line is closed.
    pub async fn next_write(&mut self) -> Option<(u16, bool)> {
        self.written.recv().await
    }
}

impl Drop for LampBox {
    fn drop(&mut self) {
        self.task.abort();
        // A link that is gone already is as good.
        let _ = std::fs::remove_file(&self.link);
    }
}

struct Coils {
    written: mpsc::UnboundedSender<(u16, bool)>,
    /// The gate's end, held until the gate has it: a pty that nobody holds reports an end.
    keeper: Mutex<Option<SerialStream>>,
}

impl Service for Coils {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, request: SlaveRequest<'static>) -> Self::Future {
        let keeper = self.keeper.lock();
        drop(keeper.unwrap_or_else(PoisonError::into_inner).take());
        if request.slave != UNIT {
            return ready(Ok(None));
        }
        let Request::WriteSingleCoil(coil, on) = request.request else {
            return ready(Err(ExceptionCode::IllegalFunction));
        };
        if coil >= COILS {
            return ready(Err(ExceptionCode::IllegalDataAddress));
        }
        // Nobody has to look.
        let _ = self.written.send((coil, on));
        ready(Ok(Some(Response::WriteSingleCoil(coil, on))))
    }
}
