//! Bytes from outside that are no pictures. Each target reads them as the program would, and when
//! they mean something, that must be the same once written and read again.

use ed25519_dalek::SigningKey;
use fare_protocol::bundle::{self, BundleKind, SignedPart};
use fare_protocol::wire::{Feed, TariffText};
use fare_protocol::{
    KeyEntry, KeySet, Millis, PaperCode, Picture, RideCode, SignedRecord, Signer, Stamp, UnixMs,
    Voucher,
};
use fare_rules::Tariff;
use fare_server::intake::Rows;
use fare_server::store::Gate;
use faregate::barrier::bytes::{BytesBoard, Dialect, Meaning, Script};
use faregate::barrier::{BarrierBoard, ModbusBoard, Motion};
use faregate::config::GateConfig;
use faregate::frame::y4m::{Times, Y4m};
use faregate::frame::{FrameRate, FrameSource, SourceItem, Timing};
use faregate::scanner::{End, EventReader, Framed, Framer, LineFormat, Typist};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A moment at which the keys of the seeds are valid.
const NOW: UnixMs = UnixMs(1_795_000_000_000);

/// Splits an input of two texts: no TOML has this line.
const BETWEEN: &str = "\n---8<---\n";

/// Most frames that a stream of a few bytes can have.
const FRAMES_MAX: usize = 1_000;

/// A ride code as a camera hands it over.
pub fn ride_code(bytes: &[u8]) {
    let claimed = RideCode::is_claimed_by(bytes);
    let Ok(code) = RideCode::parse(bytes) else {
        return;
    };
    assert!(claimed, "a code that does not begin as one");
    let error_ms = Millis(u32::MAX);
    let keys = believed(&key(1));
    if let Ok(code) = code.verify_within(&keys, Stamp { at: NOW, error_ms }) {
        let claims = code.claims();
        assert!(claims.issuer.fare_limit.minor >= 0, "{claims:?}");
    }
}

/// A paper code as a camera hands it over.
pub fn paper_code(bytes: &[u8]) {
    let claimed = PaperCode::is_claimed_by(bytes);
    let Ok(signed) = PaperCode::parse(bytes) else {
        return;
    };
    assert!(claimed, "a paper code that does not begin as one");
    let said = *signed.code();
    assert!(said.value.minor > 0 && said.valid_until > said.valid_from);
    let text = said.seal(&key(4));
    let again = PaperCode::parse(text.as_bytes()).expect("what is written can be read");
    assert_eq!(again.code(), &said);
    let error_ms = Millis(0);
    let keys = believed(&key(4));
    assert!(
        again
            .verify_within(&keys, Stamp { at: NOW, error_ms })
            .is_ok()
    );
}

/// A picture as a camera hands it over.
pub fn picture(bytes: &[u8]) {
    let claimed = Picture::is_claimed_by(bytes);
    let Ok(signed) = Picture::parse(bytes) else {
        return;
    };
    assert!(claimed, "a picture that does not begin as one");
    let said = signed.picture().clone();
    let again = Picture::parse(said.seal(&key(4)).as_bytes()).expect("what is written can be read");
    assert_eq!(again.picture(), &said);
    let error_ms = Millis(0);
    let keys = believed(&key(4));
    assert!(
        again
            .verify_within(&keys, Stamp { at: NOW, error_ms })
            .is_ok()
    );
}

/// A record of a gate.
pub fn record(bytes: &[u8]) {
    let Ok(record) = SignedRecord::parse(bytes) else {
        return;
    };
    assert_eq!(record.bytes(), bytes);
    let again = record.record().sign(&key(3));
    let read = SignedRecord::parse(again.bytes()).expect("what is written can be read");
    assert_eq!(read.record(), record.record());
    assert!(read.verify(&key(3).public()).is_ok());
}

/// A voucher of the server.
pub fn voucher(bytes: &[u8]) {
    let Ok((voucher, _)) = Voucher::parse(bytes) else {
        return;
    };
    let again = voucher.sign(&key(4));
    let (read, _) = Voucher::parse(&again).expect("what is written can be read");
    assert_eq!(read, voucher);
    assert!(Voucher::verify(&again, &believed(&key(4)), NOW).is_ok());
}

/// A feed: in its envelope, and what stands inside.
pub fn feed(bytes: &[u8]) {
    let servers = believed(&key(4));
    let _ = Feed::open(bytes, &servers, NOW);
    let Ok(feed) = serde_json::from_slice::<Feed>(bytes) else {
        return;
    };
    let sealed = feed.seal(&key(4)).expect("a feed can be written");
    let read = Feed::open(&sealed, &servers, NOW).expect("what is written can be read");
    assert_eq!(read, feed);
}

/// A part of a file that is carried by hand.
pub fn bundle(bytes: &[u8]) {
    if let Some(prefix) = bytes.first_chunk() {
        let _ = bundle::part_len(*prefix);
    }
    for kind in [BundleKind::Records, BundleKind::Answers] {
        let Ok(part) = SignedPart::parse(kind, bytes) else {
            continue;
        };
        let _ = (part.gate(), part.key());
        if let Ok(part) = part.clone().verify(&key(3).public()) {
            let _ = part.open(&key(4));
        }
        if let Ok(part) = part.verify_any(&believed(&key(4)), NOW) {
            let _ = part.open(&key(3));
        }
    }
}

/// The body of an upload, as the server takes it.
pub fn upload(bytes: &[u8]) {
    let Ok(rows) = Rows::read(bytes) else {
        return;
    };
    let gate = Gate {
        id: "PGY-01".parse().expect("a gate"),
        key: key(3).public(),
        station: "PGY".parse().expect("a station"),
        line: "1".parse().expect("a line"),
    };
    let _ = rows.check(&gate);
}

/// A gate's configuration. Its problems have places, which must be inside of it.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let nowhere = Path::new("/nonexistent/gate.toml");
    let problems = GateConfig::parse(nowhere, text)
        .map(|_| ())
        .map_err(|err| err.to_string());
    let problems = problems.expect_err("its key files are nowhere");
    let lines = text.split('\n').count();
    for problem in problems
        .lines()
        .filter(|line| line.starts_with("/nonexistent/"))
    {
        let place = problem
            .split(':')
            .nth(1)
            .and_then(|line| line.trim().parse().ok());
        assert!(
            place.is_none_or(|line: usize| line <= lines.max(1)),
            "{problem}"
        );
    }
}

/// A tariff and its stations.
pub fn tariff(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (tariff, stations) = text.split_once(BETWEEN).unwrap_or((text, ""));
    let text = TariffText {
        tariff: tariff.to_owned(),
        stations: stations.to_owned(),
    };
    match Tariff::parse(&text) {
        Ok(tariff) => {
            let again = Tariff::parse(&text).expect("the same text");
            assert_eq!(again.hash(), tariff.hash());
        }
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

/// A stream of frames.
pub fn y4m(bytes: &[u8]) {
    let rate = FrameRate::new(30.0).expect("a rate");
    let times = Times::Recorded(Timing {
        start: UnixMs(0),
        rate,
    });
    let Ok(mut stream) = Y4m::new(bytes, "fuzz", times) else {
        return;
    };
    for _ in 0..FRAMES_MAX {
        match stream.next_frame() {
            Ok(Some(SourceItem::Frame { frame, .. })) => {
                let (width, height) = (frame.width() as usize, frame.height() as usize);
                assert_eq!(frame.luma().len(), width * height);
                assert!(frame.luma().len() <= bytes.len(), "pixels from nowhere");
            }
            Ok(Some(SourceItem::Skipped { why, .. })) => assert!(!why.is_empty()),
            Ok(None) | Err(_) => return,
        }
    }
}

/// What a barrier board answers, byte for byte, to the gate's questions.
pub fn modbus(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let line = Line {
            bytes: bytes.to_vec(),
            at: 0,
        };
        let mut board = ModbusBoard::over(line, 1);
        for _ in 0..3 {
            let _ = board.inputs().await;
            let _ = board.release(Motion::OpenForOne).await;
        }
    });
}

/// What a turnstile says, in the pieces in which it comes, to a gate that asks and commands.
pub fn turnstile(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let patterns = [
        (Meaning::Ack, "06"),
        (Meaning::Nak, "15"),
        (Meaning::Idle, "02 49 03"),
        (Meaning::Passed, "02 50 .. 03"),
        (Meaning::Passages, "02 43 nn 03"),
        (Meaning::Fault, "02 .. nn 04"),
    ];
    let script = |text: &str| text.parse::<Script>().expect("a script");
    let dialect = Dialect {
        open: script("02 4F 03"),
        open_all: None,
        close: Some(script("02 43 03")),
        poll: Some(script("02 53 03")),
        patterns: patterns
            .map(|(meaning, text)| (meaning, text.parse().expect("a pattern")))
            .to_vec(),
        answer: Duration::from_millis(1),
    };
    runtime.block_on(async {
        let line = Line {
            bytes: bytes.to_vec(),
            at: 0,
        };
        let mut board = BytesBoard::over(line, dialect);
        for motion in [Motion::OpenForOne, Motion::OpenForAll, Motion::Close] {
            let _ = board.release(motion).await;
            let _ = board.inputs().await;
        }
    });
}

/// What a scanner says: the first byte chooses its settings, and whether the others are its line's or
/// events of its keys.
pub fn scanner(bytes: &[u8]) {
    let Some((settings, bytes)) = bytes.split_first() else {
        return;
    };
    let bit = |n: u8| settings & (1 << n) != 0;
    let format = LineFormat {
        prefix: if bit(0) { vec![2] } else { Vec::new() },
        end: match (bit(1), bit(2)) {
            (false, false) => End::Newline,
            (true, false) => End::Bytes(vec![3]),
            (false, true) => End::Bytes(b"##\n".to_vec()),
            (true, true) => End::Silence,
        },
        aim: bit(3),
        len_max: if bit(4) { 8 } else { 400 },
    };
    let typed: Vec<u8> = if bit(5) {
        let mut typist = Typist::default();
        let events = EventReader::default().push(bytes);
        events
            .into_iter()
            .filter_map(|event| typist.hear(event))
            .collect()
    } else {
        bytes.to_vec()
    };
    let len_max = format.len_max;
    let mut framer = Framer::new(format);
    let mut framed: Vec<_> = typed.iter().filter_map(|byte| framer.push(*byte)).collect();
    framed.extend(framer.silence());
    assert!(framer.is_empty(), "silence leaves nothing behind");
    for line in framed {
        let Framed::Line(code) = line else { continue };
        assert!(!code.is_empty() && code.len() <= len_max);
        ride_code(&code);
    }
}

/// A serial line at whose other end somebody says these bytes, a few at a time, and then hangs up.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    at: usize,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        // How many at once depends on what they are, so that every cut is tried.
        let count = rest.first().map_or(0, |first| 1 + usize::from(*first) % 11);
        let count = count.min(rest.len()).min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The keys of the golden vectors: 1 the issuer, 3 the gate, 4 the server.
fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn believed(key: &SigningKey) -> KeySet {
    KeySet(vec![KeyEntry {
        key: key.public(),
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }])
}
