//! The barrier, opened and shut through its own board with nobody before it.

use super::Check;
use crate::barrier::{BarrierBoard, BarrierError, Connect, Inputs, Motion};
use crate::journal::ProbeSynced;
use std::time::Duration;

/// How long it stays open: long enough to be seen.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// Why it was not moved, or what the board said afterwards.
enum Found {
    Blocked,
    Fire,
    Moved(Inputs),
}

/// Opens and shuts it. It does not move unless the probe note is on the disk.
pub(super) async fn check<C: Connect>(connector: C, _recorded: &ProbeSynced) -> Check {
    match work(connector).await {
        Ok(Found::Moved(Inputs { fault: 0, .. })) => {
            Check::passed("barrier", "it opened and shut, its board reports no fault")
        }
        Ok(Found::Moved(Inputs { fault, .. })) => Check::failed(
            "barrier",
            format!("its board reports fault {fault}"),
            "look the number up in the board's manual",
        ),
        Ok(Found::Blocked) => Check::failed(
            "barrier",
            "not moved: something stands in the lane",
            "clear the lane, or check the sensors, and try again",
        ),
        Ok(Found::Fire) => Check::failed(
            "barrier",
            "not moved: the fire input is on",
            "end the alarm, or check the input's wiring",
        ),
        Err(err) => Check::failed(
            "barrier",
            err.to_string(),
            "check the board's power and cable, and [barrier] in the configuration",
        ),
    }
}

async fn work<C: Connect>(connector: C) -> Result<Found, BarrierError> {
    let mut board = connector.connect()?;
    let before = board.inputs().await?;
    if before.fire {
        return Ok(Found::Fire);
    }
    if before.obstructed {
        return Ok(Found::Blocked);
    }
    let opened = board.release(Motion::OpenForOne).await;
    if opened.is_ok() {
        tokio::time::sleep(OPEN_FOR).await;
    }
    // Also after a failure: an open command may have arrived all the same.
    let shut = board.release(Motion::Close).await;
    opened.and(shut)?;
    Ok(Found::Moved(board.inputs().await?))
}
