//! An adapter with the platform at its other end.

use fare_protocol::{Currency, Money, UnixMs};
use fare_server::charging::alipay::Alipay;
use fare_server::charging::wechat::{ApiKey, PlatformKeys, WeChat};
use fare_server::charging::{
    Capability, Means, MerchantKey, Order, OrderNo, Platform, PlatformId, PlatformKey, Refund,
    Remote, Response, Secret, Transport,
};
use fare_sim::platform::{self, Sandbox};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// 2025-11-29 07:45:09 UTC.
pub(crate) const NOW: UnixMs = UnixMs(1_764_402_309_000);

/// Where notices would go.
pub(crate) const NOTIFY: &str = "http://127.0.0.1:9/v1/notices/";

/// An adapter and its platform.
pub(crate) struct Party {
    pub(crate) sandbox: Sandbox,
    pub(crate) platform: Arc<dyn Platform>,
}

fn transport(sandbox: &Sandbox) -> Transport {
    // So short that an answer which is held back does not hold back the tests.
    let most = Duration::from_millis(400);
    Transport::new(&sandbox.base(), Path::new("/nowhere"), most).unwrap()
}

pub(crate) fn alipay(sandbox: &Sandbox, notify: &str) -> Remote<Alipay> {
    let us = Alipay {
        app_id: platform::ALIPAY_APP.to_owned(),
        key: MerchantKey::parse(platform::MERCHANT_KEY).unwrap(),
        platform_key: PlatformKey::parse(platform::PLATFORM_PUBLIC).unwrap(),
        notify_url: Some(format!("{notify}alipay")),
    };
    Remote::new(us, transport(sandbox))
}

/// It knows no certificate yet and fetches them by itself.
pub(crate) fn wechat(sandbox: &Sandbox, notify: &str) -> Remote<WeChat> {
    let us = WeChat {
        app_id: platform::WECHAT_APP.to_owned(),
        merchant_id: platform::WECHAT_MERCHANT.to_owned(),
        serial_no: platform::MERCHANT_SERIAL.to_owned(),
        key: MerchantKey::parse(platform::MERCHANT_KEY).unwrap(),
        api_key: ApiKey::parse(platform::API_V3_KEY).unwrap(),
        platform_keys: PlatformKeys::certificates(vec![]),
        notify_url: format!("{notify}wechat"),
    };
    Remote::new(us, transport(sandbox))
}

impl Party {
    pub(crate) async fn new(id: PlatformId) -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        sandbox.set_time(Some(NOW));
        let platform: Arc<dyn Platform> = match id {
            PlatformId::Alipay => Arc::new(alipay(&sandbox, NOTIFY)),
            PlatformId::WeChat => {
                let remote = wechat(&sandbox, NOTIFY);
                assert_eq!(remote.fetch_certificates(NOW).await.unwrap(), 1);
                Arc::new(remote)
            }
            PlatformId::StoredValue => panic!("ours: it has no other end"),
        };
        Self { sandbox, platform }
    }

    /// The ways to pay that need no more of the rider.
    pub(crate) fn means(&self) -> Vec<Means> {
        let all = [
            Means::PayCode(Secret::new(match self.platform.id() {
                PlatformId::Alipay | PlatformId::StoredValue => "280000000000000001",
                PlatformId::WeChat => "130000000000000001",
            })),
            Means::Agreement(Secret::new("20250000000000000001")),
        ];
        let can = |means: &Means| self.platform.capabilities().contains(&means.needs());
        all.into_iter().filter(can).collect()
    }

    pub(crate) fn can(&self, capability: Capability) -> bool {
        self.platform.capabilities().contains(&capability)
    }

    pub(crate) fn notice(&self, order: &Order) -> Response {
        let no = order.no.as_str();
        match self.platform.id() {
            PlatformId::Alipay | PlatformId::StoredValue => self.sandbox.alipay_notice(no),
            PlatformId::WeChat => self.sandbox.wechat_notice(no),
        }
        .unwrap()
    }
}

pub(crate) fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

pub(crate) fn order(n: u8, means: &Means) -> Order {
    Order {
        no: OrderNo::of([n; 16]),
        amount: cny(300),
        means: means.clone(),
        subject: "Metro fare".to_owned(),
    }
}

pub(crate) fn refund(n: u8, order: &Order, minor: i64) -> Refund {
    Refund {
        no: OrderNo::of([n; 16]),
        order: order.no.clone(),
        charged: order.amount,
        amount: cny(minor),
    }
}
