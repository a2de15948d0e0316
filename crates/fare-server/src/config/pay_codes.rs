//! The part `[pay_codes]`: payment platforms' codes at gates.

use super::raw::RawPayCodes;
use super::{Charging, Check, read_private};
use crate::charging::Capability;
use crate::pay_codes::{PayCodes, Seal};

impl Check<'_> {
    pub(super) fn pay_codes(
        &mut self,
        raw: &RawPayCodes,
        charging: Option<&Charging>,
    ) -> Option<PayCodes> {
        let remote = charging.map(|charging| charging.remote.as_slice());
        let able = remote.unwrap_or_default().iter();
        let able = able.filter(|platform| platform.can(Capability::PayCode));
        let platforms: Vec<_> = able.map(|platform| platform.id()).collect();
        let found = if platforms.is_empty() {
            let message = "nothing charges pay codes; write [charging.alipay] or [charging.wechat], \
                           or leave [pay_codes] out";
            Err(message.to_owned())
        } else {
            Ok(platforms)
        };
        let platforms = self.keep(&raw.key, found);
        let path = self.path(raw.key.get_ref());
        let hint = "; make one with `openssl rand -hex 32` and chmod 600";
        let seal = read_private(&path, hint).and_then(|text| {
            let key = hex(text.trim()).ok_or("the key is not hexadecimal digits".to_owned())?;
            Seal::new(&key).map_err(|err| format!("the key is 64 hexadecimal digits: {err}"))
        });
        let seal = self.keep(&raw.key, seal);
        Some(PayCodes {
            seal: seal?,
            platforms: platforms?,
        })
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}
