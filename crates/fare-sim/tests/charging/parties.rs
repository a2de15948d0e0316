//! An adapter with the platform at its other end.

use crate::fresh::Fresh;
use crate::gate::account;
use fare_protocol::{Currency, Money, UnixMs};
use fare_rules::tariff::Day;
use fare_server::charging::alipay::Alipay;
use fare_server::charging::wechat::{ApiKey, PlatformKeys, WeChat};
use fare_server::charging::{
    Answer, BillRow, Capability, ChargeError, Means, MerchantKey, Notice, Order, OrderNo, Outcome,
    Platform, PlatformId, PlatformKey, Refund, RefundOutcome, Remote, Response, Secret,
    StoredValue, Transport, TransportError, top_up,
};
use fare_server::store::{Store, StoreError, Tx};
use fare_sim::platform::{self, Fault, Operation, Sandbox};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2025-11-29 07:45:09 UTC.
pub(crate) const NOW: UnixMs = UnixMs(1_764_402_309_000);

/// Where notices would go.
pub(crate) const NOTIFY: &str = "http://127.0.0.1:9/v1/notices/";

/// What an account at stored value has at first.
const PAID_IN: i64 = 100_000;

/// An adapter and its platform.
pub(crate) struct Party {
    other: Other,
    pub(crate) platform: Arc<dyn Platform>,
}

/// What is at an adapter's other end.
enum Other {
    /// A platform beyond a network.
    Sandbox(Sandbox),
    /// Our own database, and what loses calls on the way to it.
    Book {
        store: Store,
        loses: Arc<Loses>,
        _fresh: Fresh,
    },
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
        if id == PlatformId::StoredValue {
            return Self::stored_value().await;
        }
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
            PlatformId::StoredValue => unreachable!(),
        };
        let other = Other::Sandbox(sandbox);
        Self { other, platform }
    }

    async fn stored_value() -> Self {
        let fresh = crate::fresh::sqlite();
        let (store, _thread) = Store::open(&fresh.url).unwrap();
        let paid_in = |tx: &Tx<'_>| top_up(tx, [200; 16], account(1), cny(PAID_IN), NOW);
        let paid_in: Result<Money, StoreError> = store.write(paid_in).await;
        assert_eq!(paid_in.unwrap(), cny(PAID_IN));
        let loses = Arc::new(Loses {
            inner: StoredValue::new(store.clone()),
            faults: Mutex::default(),
        });
        Self {
            platform: loses.clone(),
            other: Other::Book {
                store,
                loses,
                _fresh: fresh,
            },
        }
    }

    /// The platform beyond a network.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        match &self.other {
            Other::Sandbox(sandbox) => sandbox,
            Other::Book { .. } => panic!("stored value is here"),
        }
    }

    /// Has the next call go wrong.
    pub(crate) fn tell(&self, operation: Operation, fault: Fault) {
        match &self.other {
            Other::Sandbox(sandbox) => sandbox.tell(operation, fault, 1),
            Other::Book { loses, .. } => loses.faults.lock().unwrap().push((operation, fault)),
        }
    }

    /// Lets go what was held back.
    pub(crate) fn release(&self) {
        if let Other::Sandbox(sandbox) = &self.other {
            sandbox.release();
        }
    }

    /// What the platform has taken from riders and not given back.
    pub(crate) async fn taken_minor(&self) -> i64 {
        match &self.other {
            Other::Sandbox(sandbox) => sandbox.book().taken_minor(),
            Other::Book { store, .. } => {
                let left = store.read(|tx| tx.stored_value(account(1), Currency::CNY));
                let left: Result<Money, StoreError> = left.await;
                PAID_IN - left.unwrap().minor
            }
        }
    }

    /// The order, so that it will be declined.
    pub(crate) fn to_be_declined(&self, order: Order) -> Order {
        match &self.other {
            Other::Sandbox(sandbox) => {
                sandbox.tell(Operation::Charge, Fault::Decline, 1);
                order
            }
            Other::Book { .. } => Order {
                amount: cny(PAID_IN + 1),
                ..order
            },
        }
    }

    /// The ways to pay that need no more of the rider.
    pub(crate) fn means(&self) -> Vec<Means> {
        let all = [
            Means::PayCode(Secret::new(match self.platform.id() {
                PlatformId::Alipay | PlatformId::StoredValue => "280000000000000001",
                PlatformId::WeChat => "130000000000000001",
            })),
            Means::Balance(account(1)),
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
            PlatformId::Alipay | PlatformId::StoredValue => self.sandbox().alipay_notice(no),
            PlatformId::WeChat => self.sandbox().wechat_notice(no),
        }
        .unwrap()
    }
}

/// Stored value with calls that are lost on the way there or back, as when a server ends in the middle.
struct Loses {
    inner: StoredValue,
    faults: Mutex<Vec<(Operation, Fault)>>,
}

impl Loses {
    /// Does the work unless it is lost before, and answers unless that is lost.
    async fn lossy<T>(&self, operation: Operation, work: Answer<'_, T>) -> Result<T, ChargeError> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let at = faults.iter().position(|(known, _)| *known == operation);
            at.map(|at| faults.remove(at).1)
        };
        let lost = ChargeError::Unanswered {
            platform: PlatformId::StoredValue,
            err: TransportError::TooLong,
        };
        match fault {
            None => work.await,
            Some(Fault::LoseRequest) => Err(lost),
            Some(Fault::LoseAnswer | Fault::Hold) => {
                work.await?;
                Err(lost)
            }
            Some(other) => panic!("stored value does no {other:?}"),
        }
    }
}

impl Platform for Loses {
    fn id(&self) -> PlatformId {
        self.inner.id()
    }

    fn capabilities(&self) -> &'static [Capability] {
        self.inner.capabilities()
    }

    fn charge<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(self.lossy(Operation::Charge, self.inner.charge(order, now)))
    }

    fn query<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(self.lossy(Operation::Query, self.inner.query(order, now)))
    }

    fn cancel<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(self.lossy(Operation::Cancel, self.inner.cancel(order, now)))
    }

    fn refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome> {
        Box::pin(self.lossy(Operation::Refund, self.inner.refund(refund, now)))
    }

    fn query_refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome> {
        self.inner.query_refund(refund, now)
    }

    fn notice(&self, told: &Response, now: UnixMs) -> Result<Notice, ChargeError> {
        self.inner.notice(told, now)
    }

    fn notice_answer(&self) -> (&'static str, &'static str) {
        self.inner.notice_answer()
    }

    fn bill(&self, day: Day, now: UnixMs) -> Answer<'_, Vec<BillRow>> {
        Box::pin(self.lossy(Operation::Bill, self.inner.bill(day, now)))
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
