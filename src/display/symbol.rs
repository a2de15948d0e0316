//! A receipt's QR code as the page draws it.

use fare_protocol::SignedRecord;
use fare_protocol::receipt::Receipt;
use fast_qr::{ECL, Mode, QRBuilder};
use serde::Serialize;

/// The modules of a QR code, without its quiet zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symbol {
    /// Modules along one side.
    size: usize,
    /// `1` for each dark module and `0` for each light one, row by row.
    modules: String,
}

impl Symbol {
    /// The receipt that `record` is; nothing when it is no confirmation.
    pub fn of_receipt(record: &SignedRecord) -> Option<Self> {
        let text = Receipt::text(record)?;
        // Level L: the screen is clean and near, and larger modules are read sooner.
        let code = QRBuilder::new(text)
            .ecl(ECL::L)
            .mode(Mode::Alphanumeric)
            .build()
            .ok()?;
        let modules = code.data.iter().take(code.size * code.size);
        Some(Self {
            size: code.size,
            modules: modules
                .map(|module| if module.value() { '1' } else { '0' })
                .collect(),
        })
    }
}
