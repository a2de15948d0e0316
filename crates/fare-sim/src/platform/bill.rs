//! Bills of a day as both platforms write them.

use super::alipay::{local, yuan};
use super::book::{Entry, State};
use super::{Reply, Shared, plain};
use fare_protocol::UnixMs;
use fare_server::charging::sha1;
use std::io::{Cursor, Write};

/// `PLATFORM/DAY`.
pub(super) fn serve(shared: &Shared, rest: &str) -> Reply {
    let (platform, day) = rest.split_once('/')?;
    let wechat = platform == "wechat";
    let entries = entries(shared, wechat, day);
    if wechat {
        Some(plain(200, "text/plain", wechat_bill(&entries)))
    } else {
        Some(plain(200, "application/zip", alipay_bill(&entries).ok()?))
    }
}

/// The SHA-1 of WeChat Pay's bill of a day.
pub(super) fn wechat_hash(shared: &Shared, day: &str) -> String {
    sha1(wechat_bill(&entries(shared, true, day)).as_bytes())
}

fn entries(shared: &Shared, wechat: bool, day: &str) -> Vec<Entry> {
    let of_day = |entry: &Entry| {
        let at = entry.paid_ms.map(|at| local(UnixMs(at)));
        entry.wechat == wechat
            && entry.state == State::Paid
            && at.is_some_and(|at| at.starts_with(day))
    };
    shared.book().entries().into_iter().filter(of_day).collect()
}

fn wechat_bill(entries: &[Entry]) -> String {
    let mut text =
        "\u{feff}交易时间,公众账号ID,商户号,微信订单号,商户订单号,交易状态,货币种类,微信退款单号,\
                    商户退款单号,退款金额,商品名称,手续费,订单金额,申请退款金额\r\n"
            .to_owned();
    for entry in entries {
        let Entry {
            order,
            reference,
            currency,
            ..
        } = entry;
        let at = local(UnixMs(entry.paid_ms.unwrap_or_default()));
        let sum = yuan(entry.minor);
        text.push_str(&format!(
            "`{at},`wx,`1900000109,`{reference},`{order},`SUCCESS,`{currency},`0,`0,`0.00,`Metro fare,`0.00000,`{sum},`0.00\r\n"
        ));
        for (refund, minor) in &entry.refunds {
            let minor = yuan(*minor);
            text.push_str(&format!(
                "`{at},`wx,`1900000109,`{reference},`{order},`REFUND,`{currency},`503,`{refund},`{minor},`Metro fare,`0.00000,`0.00,`{minor}\r\n"
            ));
        }
    }
    text.push_str("总交易单数,应结订单总金额\r\n");
    text.push_str(&format!("`{},`0.00\r\n", entries.len()));
    text
}

fn alipay_bill(entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let mut text = "#支付宝业务明细查询\r\n支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,订单金额（元）,\
                    商家实收（元）,退款批次号/请求号,服务费（元）,备注\r\n"
        .to_owned();
    for entry in entries {
        let Entry {
            order, reference, ..
        } = entry;
        let at = local(UnixMs(entry.paid_ms.unwrap_or_default()));
        let sum = yuan(entry.minor);
        text.push_str(&format!(
            "{reference}\t,{order}\t,交易      ,Metro fare,{at},{at},{sum},{sum},,0.00,\r\n"
        ));
        for (refund, minor) in &entry.refunds {
            let minor = yuan(*minor);
            text.push_str(&format!(
                "{reference}\t,{order}\t,退款      ,Metro fare,{at},{at},-{minor},-{minor},{refund},0.00,\r\n"
            ));
        }
    }
    text.push_str("#-----列表结束-----\r\n");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("detail.csv", zip::write::SimpleFileOptions::default())?;
    zip.write_all(&encoding_rs::GBK.encode(&text).0)?;
    Ok(zip.finish()?.into_inner())
}
