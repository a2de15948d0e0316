//! Other decoders, through their crates; only in builds with the feature `peers`.
//!
//! Each is told to look for QR codes alone and is otherwise left at its defaults. What a decoder needs
//! once is made once; what it needs for each frame is made and counted for each frame.

use super::Contender;
use rxing::BarcodeFormat;
use rxing::helpers::{detect_in_luma_filtered, detect_in_luma_slice};
use zbar_rust::{ZBarConfig, ZBarImageScanner, ZBarSymbolType};
use zxingcpp::ImageFormat;

/// All peers that could be made.
pub(super) fn all() -> Vec<Contender> {
    [zxing_cpp(), rxing_filtered(), rxing(), zbar()]
        .into_iter()
        .chain(quirc())
        .chain([quircs(), rqrr()])
        .collect()
}

/// zxing-cpp, C++, bundled with its crate.
fn zxing_cpp() -> Contender {
    let reader = zxingcpp::read().formats(zxingcpp::BarcodeFormat::QRCode);
    Contender::new("zxing-cpp", move |frame| {
        zxingcpp::ImageView::from_slice(
            frame.luma(),
            frame.width(),
            frame.height(),
            ImageFormat::Lum,
        )
        .and_then(|view| reader.from(view))
        .into_iter()
        .flatten()
        .map(|code| code.text().into_bytes())
        .collect()
    })
}

/// rxing's one pass with its hint `TryHarder`, which is its default. It reads one code a frame.
fn rxing() -> Contender {
    Contender::new("rxing", |frame| {
        let (width, height) = (frame.width(), frame.height());
        let code = detect_in_luma_slice(frame.luma(), width, height, Some(BarcodeFormat::QR_CODE));
        code.iter()
            .map(|code| code.getText().as_bytes().to_vec())
            .collect()
    })
}

/// rxing's reader of several scales, each also with gaps closed.
fn rxing_filtered() -> Contender {
    Contender::new("rxing-filtered", |frame| {
        let (luma, width, height) = (frame.luma().to_vec(), frame.width(), frame.height());
        let code = detect_in_luma_filtered(luma, width, height, Some(BarcodeFormat::QR_CODE));
        code.iter()
            .map(|code| code.getText().as_bytes().to_vec())
            .collect()
    })
}

/// ZBar, C, as the system has it.
fn zbar() -> Contender {
    let mut scanner = ZBarImageScanner::new();
    let set = [
        (ZBarSymbolType::ZBarNone, 0),
        (ZBarSymbolType::ZBarQRCode, 1),
    ]
    .map(|(kind, on)| scanner.set_config(kind, ZBarConfig::ZBarCfgEnable, on));
    debug_assert!(set.iter().all(Result::is_ok), "{set:?}");
    Contender::new("ZBar", move |frame| {
        scanner
            .scan_y800(frame.luma(), frame.width(), frame.height())
            .into_iter()
            .flatten()
            .map(|code| code.data)
            .collect()
    })
}

/// quirc 1.0, C, bundled with its crate; nothing when it cannot have memory.
fn quirc() -> Option<Contender> {
    let mut coder = quirc::QrCoder::new().ok()?;
    Some(Contender::new("quirc", move |frame| {
        coder
            .codes(frame.luma(), frame.width(), frame.height())
            .into_iter()
            .flatten()
            .flatten()
            .map(|code| code.payload)
            .collect()
    }))
}

/// quirc in Rust.
fn quircs() -> Contender {
    let mut quirc = quircs::Quirc::default();
    Contender::new("quircs", move |frame| {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        quirc
            .identify(width, height, frame.luma())
            .flatten()
            .filter_map(|code| code.decode().ok())
            .map(|code| code.payload)
            .collect()
    })
}

/// rqrr as it is, without what this gate puts around it. May panic.
fn rqrr() -> Contender {
    Contender::new("rqrr", |frame| {
        let (width, luma) = (frame.width() as usize, frame.luma());
        let mut picture =
            rqrr::PreparedImage::prepare_from_greyscale(width, frame.height() as usize, |x, y| {
                luma[y * width + x]
            });
        let decoded = picture.detect_grids().into_iter().map(|grid| {
            let mut bytes = Vec::new();
            grid.decode_to(&mut bytes).map(|_| bytes)
        });
        decoded.filter_map(Result::ok).collect()
    })
}
