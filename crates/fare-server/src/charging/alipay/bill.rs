//! Alipay's bill of a day: a ZIP of tables in GBK, one of which lists each charge and refund.

use super::super::local::from_yuan;
use super::super::platform::BillRow;
use fare_protocol::Money;
use std::io::{Cursor, Read};

/// The columns that are read, by their names: platform's number, ours, kind of business, sum, refund's number.
pub const BILL_COLUMNS: [&str; 5] = [
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "订单金额（元）",
    "退款批次号/请求号",
];

/// Longest table that is read, unpacked.
const TABLE_LEN_MAX: u64 = 256 * 1024 * 1024;

/// The lines of the bill in a ZIP.
///
/// # Errors
/// When it is no ZIP, has no table of this kind, or a line cannot be read; says which.
pub fn bill_rows(zip: &[u8]) -> Result<Vec<BillRow>, String> {
    let mut files = zip::ZipArchive::new(Cursor::new(zip)).map_err(|err| err.to_string())?;
    for n in 0..files.len() {
        let mut packed = Vec::new();
        let file = files.by_index(n).map_err(|err| err.to_string())?;
        let mut file = file.take(TABLE_LEN_MAX);
        file.read_to_end(&mut packed)
            .map_err(|err| err.to_string())?;
        let (text, _, _) = encoding_rs::GBK.decode(&packed);
        if let Some(rows) = table(&text)? {
            return Ok(rows);
        }
    }
    Err("no table of charges in the ZIP".to_owned())
}

/// The rows of a table; none when it is another kind of table.
fn table(text: &str) -> Result<Option<Vec<BillRow>>, String> {
    let mut lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.starts_with('#'));
    let Some(head) = lines.next().map(|(line, _)| cells(line)) else {
        return Ok(None);
    };
    let place = |name: &str| head.iter().position(|cell| *cell == name);
    let places: Option<Vec<_>> = BILL_COLUMNS.into_iter().map(place).collect();
    let Some([reference, order, kind, sum, refund]) = places.as_deref() else {
        return Ok(None);
    };
    let mut rows = Vec::new();
    for (line, n) in lines {
        let cells = cells(line);
        let cell = |n: &usize| cells.get(*n).copied().unwrap_or_default();
        let amount = from_yuan(cell(sum).trim_start_matches('-'));
        let amount = amount.ok_or_else(|| format!("line {n}: no sum in yuan"))?;
        let is_refund = cell(kind).contains("退款");
        rows.push(BillRow {
            order: cell(order).to_owned(),
            refund: is_refund.then(|| cell(refund).to_owned()),
            reference: cell(reference).to_owned(),
            amount: Money::new(amount.minor, amount.currency),
        });
    }
    Ok(Some(rows))
}

fn cells(line: &str) -> Vec<&str> {
    line.split(',').map(str::trim).collect()
}
