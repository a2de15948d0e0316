//! Sheets of paper codes as SVG, A4, for any printer: browsers print them, and so does whatever else knows SVG.

use fare_protocol::{AccountId, Money, PaperCode};
use fast_qr::{ECL, QRBuilder};
use std::fmt::Write;

/// Codes on one sheet: three beside and four above one another.
pub const ON_A_SHEET: usize = COLUMNS * ROWS;

const COLUMNS: usize = 3;
const ROWS: usize = 4;

/// All lengths are millimetres.
const SHEET: (usize, usize) = (210, 297);
const MARGIN: (usize, usize) = (6, 8);
const CELL: (usize, usize) = (66, 70);
const CODE: usize = 46;

/// The light border that a QR code needs, in modules.
const QUIET: usize = 4;

/// What stands before each code's account.
const ACCOUNT: &str = "data-account=\"";

/// A paper code as it is printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// What it says.
    pub code: PaperCode,
    /// The same as the text of its QR code.
    pub text: String,
    /// Its last day as people write it, such as `2026-12-01`.
    pub last_day: String,
}

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
#[error("a paper code of {0} characters makes no QR code")]
pub struct TooLong(usize);

/// A sheet with up to [`ON_A_SHEET`] codes under this title; what is more is left out.
///
/// # Errors
/// When a text is longer than a QR code can be.
pub fn sheet(title: &str, codes: &[Printed]) -> Result<String, TooLong> {
    let (width, height) = SHEET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" text-anchor=\"middle\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (place, printed) in codes.iter().take(ON_A_SHEET).enumerate() {
        let left = MARGIN.0 + place % COLUMNS * CELL.0;
        let top = MARGIN.1 + place / COLUMNS * CELL.1;
        cell(&mut svg, title, printed, (left, top))?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The accounts of the codes on a sheet; none on what is no sheet.
pub fn accounts(svg: &str) -> Vec<AccountId> {
    let parts = svg.split(ACCOUNT).skip(1);
    let account = |part: &str| part.get(..32)?.parse().ok();
    parts.filter_map(account).collect()
}

fn cell(
    svg: &mut String,
    title: &str,
    printed: &Printed,
    (left, top): (usize, usize),
) -> Result<(), TooLong> {
    let (class, value) = (printed.code.class.word(), printed.code.value);
    let number = printed.code.account.to_hex().split_off(24);
    let (middle, title) = (left + CELL.0 / 2, escaped(title));
    let until = escaped(&printed.last_day);
    let value = amount(value);
    // By it a desk pays back what of a sheet was not sold.
    let account = printed.code.account.to_hex();
    // Writing into a text cannot fail.
    let _written = write!(
        svg,
        "<rect {ACCOUNT}{account}\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#999\" \
         stroke-width=\".2\" stroke-dasharray=\"2 2\"/>\n\
         <text x=\"{middle}\" y=\"{}\" font-size=\"4\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"{middle}\" y=\"{}\" font-size=\"3.2\">{value}, {class}, until {until}</text>\n\
         <text x=\"{middle}\" y=\"{}\" font-size=\"2.6\">{number}</text>\n",
        CELL.0,
        CELL.1,
        top + 6,
        top + 11,
        top + CELL.1 - 4,
    );
    let (x, y) = (left + (CELL.0 - CODE) / 2, top + 14);
    symbol(svg, &printed.text, (x, y))
}

/// The QR code, row by row, dark runs as one stroke each.
fn symbol(svg: &mut String, text: &str, (x, y): (usize, usize)) -> Result<(), TooLong> {
    let code = QRBuilder::new(text).ecl(ECL::M).build();
    let code = code.map_err(|_| TooLong(text.len()))?;
    let side = code.size + 2 * QUIET;
    let mut path = String::new();
    for row in 0..code.size {
        let mut column = 0;
        while column < code.size {
            let run = (column..code.size)
                .take_while(|at| code[row][*at].value())
                .count();
            if run > 0 {
                let (at, down) = (column + QUIET, row + QUIET);
                let _written = write!(path, "M{at} {down}h{run}v1h-{run}z");
            }
            column += run.max(1);
        }
    }
    let _written = writeln!(
        svg,
        "<svg x=\"{x}\" y=\"{y}\" width=\"{CODE}\" height=\"{CODE}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path d=\"{path}\"/></svg>"
    );
    Ok(())
}

fn amount(value: Money) -> String {
    escaped(&value.to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{Currency, RiderClass, UnixMs};

    fn printed(number: u8) -> Printed {
        Printed {
            code: PaperCode {
                account: PaperCode::account([number; 16]),
                class: RiderClass::Child,
                value: Money::new(300, Currency::CNY),
                valid_from: UnixMs(0),
                valid_until: UnixMs(1),
            },
            text: "FT1:ABC".to_owned(),
            last_day: "2026-12-01".to_owned(),
        }
    }

    #[test]
    fn a_sheet_has_twelve_codes_at_most_each_with_what_it_is() {
        for (count, wanted) in [(1, 1), (12, 12), (13, 12)] {
            let codes: Vec<_> = (0..count).map(printed).collect();
            let svg = sheet("Metro <ticket> & more", &codes).unwrap();
            assert_eq!(svg.matches("<path d=\"M").count(), wanted);
            assert_eq!(
                svg.matches("Metro &lt;ticket&gt; &amp; more").count(),
                wanted
            );
            assert_eq!(
                svg.matches("CNY 3.00, child, until 2026-12-01").count(),
                wanted
            );
            assert!(svg.contains(">00000000<"), "its number: {svg}");
            let of = codes.iter().take(12).map(|printed| printed.code.account);
            assert_eq!(accounts(&svg), of.collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_stands_outside_of_the_paper() {
        let (across, down) = (MARGIN.0 + COLUMNS * CELL.0, MARGIN.1 + ROWS * CELL.1);
        assert!(across <= SHEET.0 - MARGIN.0 && down <= SHEET.1 - MARGIN.1);
        let long = Printed {
            text: "A".repeat(5_000),
            ..printed(1)
        };
        assert!(sheet("", &[long]).is_err());
    }
}
