//! WeChat Pay's bill of a day: a table whose values each begin with a back quote, then a table of sums.

use super::super::local::from_yuan;
use super::super::platform::BillRow;
use fare_protocol::{Currency, Money};

/// The lines of the bill.
///
/// # Errors
/// When a column is missing or a line cannot be read; says which.
pub fn bill_rows(text: &str) -> Result<Vec<BillRow>, String> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    let (head, _) = lines.next().ok_or("an empty bill")?;
    let head: Vec<_> = head.split(',').map(str::trim).collect();
    let place = |name: &str| {
        let found = head.iter().position(|cell| *cell == name);
        found.ok_or_else(|| format!("the bill has no column {name}"))
    };
    let (reference, order, state) = (
        place("微信订单号")?,
        place("商户订单号")?,
        place("交易状态")?,
    );
    let (currency, sum) = (place("货币种类")?, place("订单金额")?);
    let (refund, refunded) = (place("商户退款单号")?, place("申请退款金额")?);
    let mut rows = Vec::new();
    // The table of sums begins with another head, whose line has no back quotes.
    for (line, n) in lines.take_while(|(line, _)| line.starts_with('`')) {
        let cells: Vec<_> = line
            .split(",`")
            .map(|cell| cell.trim_start_matches('`').trim())
            .collect();
        let cell = |n: usize| cells.get(n).copied().unwrap_or_default();
        let is_refund = match cell(state) {
            "SUCCESS" => false,
            "REFUND" | "REVOKED" => true,
            other => return Err(format!("line {n}: an unknown state {other:?}")),
        };
        let sum = from_yuan(cell(if is_refund { refunded } else { sum }));
        let sum = sum.ok_or_else(|| format!("line {n}: no sum in yuan"))?;
        let currency = cell(currency).parse::<Currency>();
        let currency = currency.map_err(|err| format!("line {n}: {err}"))?;
        rows.push(BillRow {
            order: cell(order).to_owned(),
            refund: is_refund.then(|| cell(refund).to_owned()),
            reference: cell(reference).to_owned(),
            amount: Money::new(sum.minor, currency),
        });
    }
    Ok(rows)
}
