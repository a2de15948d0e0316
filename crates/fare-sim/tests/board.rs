//! The simulated board on its serial line: hand-made bytes, and a Modbus client that is not ours.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fare_protocol::Millis;
use fare_sim::board::{Board, BoardCommand, BoardEvent, BoardHandle, Habits};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use tokio_modbus::client::{Client, Context, Reader, Writer, rtu};
use tokio_modbus::prelude::{ExceptionCode, Slave};
use tokio_serial::SerialStream;

const QUICK: Habits = Habits {
    passage_after: Millis(20),
    beam: Millis(10),
    annul_every: None,
};

struct Bench {
    board: BoardHandle,
    link: PathBuf,
    _dir: tempfile::TempDir,
}

fn bench(habits: Habits) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("board");
    Bench {
        board: Board::spawn(&link, habits).unwrap(),
        link,
        _dir: dir,
    }
}

async fn expect(board: &mut BoardHandle, events: &[BoardEvent]) {
    for event in events {
        assert_eq!(
            board.next_event().await.map(|happening| happening.event),
            Some(*event)
        );
    }
}

/// Writes `request` and reads an answer of `len` bytes, as a terminal program would.
async fn exchange(link: &Path, request: &'static [u8], len: usize) -> Vec<u8> {
    let link = link.to_owned();
    let talk = move || {
        let mut line = File::options().read(true).write(true).open(link).unwrap();
        line.write_all(request).unwrap();
        let mut answer = vec![0; len];
        line.read_exact(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

fn client(link: &Path) -> Context {
    let line = SerialStream::open(&tokio_serial::new(link.to_str().unwrap(), 115_200)).unwrap();
    rtu::attach_slave(line, Slave(1))
}

#[tokio::test]
async fn hand_made_bytes_open_the_board() {
    let mut bench = bench(QUICK);
    expect(&mut bench.board, &[BoardEvent::Ready]).await;
    // Write single coil 0 = on; the answer is the request. CRC as in the Modbus serial line guide.
    let open = b"\x01\x05\x00\x00\xFF\x00\x8C\x3A";
    assert_eq!(exchange(&bench.link, open, 8).await, open);
    expect(&mut bench.board, &[BoardEvent::Opened]).await;
}

#[tokio::test]
async fn hand_made_bytes_read_the_inputs() {
    let mut bench = bench(QUICK);
    bench.board.command(BoardCommand::Fire(true));
    // Four discrete inputs from 0: fire (2) and open (3) are on, so 0x0C.
    let answer = exchange(&bench.link, b"\x01\x02\x00\x00\x00\x04\x79\xC9", 6).await;
    assert_eq!(answer[..4], [0x01, 0x02, 0x01, 0x0C]);
    expect(
        &mut bench.board,
        &[BoardEvent::Ready, BoardEvent::Fire { on: true }],
    )
    .await;
}

#[tokio::test]
async fn noise_and_other_units_are_not_answered_but_what_follows_is() {
    let bench = bench(QUICK);
    // A broken CRC, then the same request to unit 2, then one of ours.
    let bytes = b"\x01\x05\x00\x00\xFF\x00\x00\x00\x02\x05\x00\x00\xFF\x00\x8C\x09\
        \x01\x05\x00\x00\xFF\x00\x8C\x3A";
    assert_eq!(
        exchange(&bench.link, bytes, 8).await,
        b"\x01\x05\x00\x00\xFF\x00\x8C\x3A"
    );
}

#[tokio::test]
async fn a_client_opens_and_sees_the_rider_pass() {
    let mut bench = bench(QUICK);
    let mut client = client(&bench.link);
    client.write_single_coil(0, true).await.unwrap().unwrap();
    let open = client.read_discrete_inputs(0, 4).await.unwrap().unwrap();
    assert_eq!((open[1], open[2], open[3]), (false, false, true));
    let expected = [
        BoardEvent::Ready,
        BoardEvent::Opened,
        BoardEvent::Passed,
        BoardEvent::Closed,
    ];
    expect(&mut bench.board, &expected).await;
    assert_eq!(
        client.read_input_registers(0, 2).await.unwrap().unwrap(),
        [1, 0]
    );
    assert_eq!(
        client.read_discrete_inputs(0, 4).await.unwrap().unwrap(),
        [false; 4]
    );
    assert_eq!(client.read_coils(0, 1).await.unwrap().unwrap(), [false]);
    assert_eq!(bench.board.passages(), 1);
}

#[tokio::test]
async fn when_nobody_passes_the_gate_closes() {
    let every = Habits {
        annul_every: NonZeroU32::new(1),
        ..QUICK
    };
    let mut bench = bench(every);
    let mut client = client(&bench.link);
    client.write_single_coil(0, true).await.unwrap().unwrap();
    assert_eq!(client.read_coils(0, 1).await.unwrap().unwrap(), [true]);
    client.write_single_coil(0, false).await.unwrap().unwrap();
    expect(
        &mut bench.board,
        &[BoardEvent::Ready, BoardEvent::Opened, BoardEvent::Closed],
    )
    .await;
    assert_eq!(bench.board.passages(), 0);
}

#[tokio::test]
async fn what_the_board_does_not_have_is_an_exception() {
    let bench = bench(QUICK);
    let mut client = client(&bench.link);
    let address = Err(ExceptionCode::IllegalDataAddress);
    assert_eq!(client.read_discrete_inputs(1, 4).await.unwrap(), address);
    assert_eq!(
        client.write_single_coil(1, true).await.unwrap(),
        address.map(|_| ())
    );
    let function = Err(ExceptionCode::IllegalFunction);
    assert_eq!(client.read_holding_registers(0, 1).await.unwrap(), function);
}

#[tokio::test]
async fn a_gate_may_leave_and_come_back() {
    let mut bench = bench(Habits {
        passage_after: Millis(60_000),
        ..QUICK
    });
    expect(&mut bench.board, &[BoardEvent::Ready]).await;
    let mut first = client(&bench.link);
    first.write_single_coil(0, true).await.unwrap().unwrap();
    first.disconnect().await.unwrap();
    drop(first);
    expect(&mut bench.board, &[BoardEvent::Opened, BoardEvent::Ready]).await;
    // The board was never without power, so its leaves are still open.
    let mut second = client(&bench.link);
    assert_eq!(second.read_coils(0, 1).await.unwrap().unwrap(), [true]);
}

#[tokio::test]
async fn a_board_takes_its_link_away() {
    let Bench { board, link, _dir } = bench(QUICK);
    assert!(link.symlink_metadata().is_ok());
    drop(board);
    assert!(link.symlink_metadata().is_err());
}

#[tokio::test]
async fn a_link_in_no_folder_is_an_error_that_names_it() {
    let error = Board::spawn(Path::new("/nowhere/board"), QUICK)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot make the link /nowhere/board:"),
        "{error}"
    );
}
