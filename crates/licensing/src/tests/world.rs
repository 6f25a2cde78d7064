//! The service under test, with methods that read like what happens to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{InstanceId, LineItem};
use leasehold_leases::{InProcessLeases, Leases};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use leasehold_runtime::{ApiError, Background, CallContext, Clock, ManualClock, SystemIds};
use leasehold_signing::{MasterKey, ServiceKey, ServiceName};
use leasehold_store::LicensingStore;
use leasehold_store::conformance::sample;
use leasehold_store::licensing::{Instance, Standing};
use leasehold_store_sqlite::SqliteLicensingStore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::vendor::{Mood, TestCertifier, TestVendor};
use crate::state::Shared;
use crate::{Config, Deps, Error, Licensing, ops};

/// Long enough for what must happen, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(30);
pub(crate) const INSTANCE: InstanceId = InstanceId(Uuid::from_u128(1));
pub(crate) const NONCE: &[u8] = b"a nonce of the client";

/// When every test starts.
pub(crate) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// What a service is started with.
pub(crate) struct Site {
    pub(crate) store: Arc<SqliteLicensingStore>,
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) clock: ManualClock,
    pub(crate) vendor: TestVendor,
    pub(crate) certifier: Arc<TestCertifier>,
    pub(crate) master: [u8; 32],
    pub(crate) addresses: Vec<String>,
}

impl Site {
    /// An empty store with one instance.
    pub(crate) async fn new() -> Self {
        let store = Arc::new(SqliteLicensingStore::open_in_memory().await.unwrap());
        let instance = Instance { id: INSTANCE, name: "main".to_owned(), is_default: true };
        store.create_instance(&instance).await.unwrap();
        let (vendor, clock) = (TestVendor::new(1, start()), ManualClock::new(start()));
        Self {
            store,
            leases: Arc::new(InProcessLeases::new()),
            certifier: TestCertifier::new(&vendor, &clock, Mood::Good),
            clock,
            vendor,
            master: [7; 32],
            addresses: vec!["here:16770".to_owned()],
        }
    }

    /// Starts a service; the site stays, for another one on the same store.
    pub(crate) async fn start(&self) -> Result<World, Error> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let deps = Deps {
            store: self.store.clone(),
            leases: self.leases.clone(),
            ids: SystemIds::new(Arc::clone(&clock)),
            clock,
            clock_decides: true,
            signing_key: Arc::new(service_key(self.master)),
            certifier: self.certifier.clone(),
        };
        let config = Config { addresses: self.addresses.clone(), ..config() };
        let stop = CancellationToken::new();
        let (licensing, _) = crate::build(deps, config, &Background::new(stop.clone())).await?;
        Ok(World {
            state: licensing.0.clone(),
            licensing,
            store: self.store.clone(),
            clock: self.clock.clone(),
            vendor: self.vendor.clone(),
            certifier: self.certifier.clone(),
            _stop: stop.drop_guard(),
        })
    }
}

fn config() -> Config {
    Config {
        policies: leasehold_domain::Policies::default(),
        queue_capacity: 100,
        max_batch: 10,
        max_message_size: 1 << 20,
        request_id_retention: SignedDuration::from_hours(1_000),
        activity_retention: SignedDuration::from_hours(1_000),
        remember_holders: SignedDuration::from_hours(1),
        addresses: Vec::new(),
        restored: false,
    }
}

fn service_key(master: [u8; 32]) -> ServiceKey {
    MasterKey::from_slice(&master).unwrap().for_service(&ServiceName::new("licensing").unwrap())
}

/// A service that runs. Dropping it stops it.
pub(crate) struct World {
    pub(crate) state: Shared,
    pub(crate) licensing: Licensing,
    pub(crate) store: Arc<SqliteLicensingStore>,
    pub(crate) clock: ManualClock,
    pub(crate) vendor: TestVendor,
    pub(crate) certifier: Arc<TestCertifier>,
    _stop: tokio_util::sync::DropGuard,
}

impl World {
    /// A service that is enrolled and nothing else.
    pub(crate) async fn enrolled() -> Self {
        let world = Site::new().await.start().await.unwrap();
        world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
        world
    }

    /// A service with a bundle of these line items, and a certified key.
    pub(crate) async fn with(items: &[LineItem]) -> Self {
        let world = Self::enrolled().await;
        world.apply(1, items).await.unwrap();
        world.certified().await;
        world
    }

    /// Puts a bundle in force that is made now.
    pub(crate) async fn apply(
        &self,
        sequence: u64,
        items: &[LineItem],
    ) -> Result<pb::ApplyBundleResponse, ApiError> {
        self.licensing.apply_bundle(self.vendor.bundle(sequence, self.now(), items)).await
    }

    /// Waits until a key is certified that is good now.
    pub(crate) async fn certified(&self) {
        self.until(async || self.state.keyring(INSTANCE).good_at(self.now()).is_some()).await;
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, mut is_so: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, wait).await.expect("it happens");
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.advance(time.unsigned_abs());
    }

    /// Asks for one feature; `with` fills the request in.
    pub(crate) async fn ask(
        &self,
        device: &str,
        id: u128,
        with: impl FnOnce(&mut pb::RequestCapabilitiesRequest),
    ) -> pb::RequestCapabilitiesResponse {
        let mut message = pb::RequestCapabilitiesRequest {
            request_id: Uuid::from_u128(id).to_string(),
            hostids: vec![hostid(device)],
            features: vec![pb::DesiredFeature {
                name: "cad".to_owned(),
                version: "1.0".to_owned(),
                count: 1,
            }],
            nonce: NONCE.to_vec(),
            ..Default::default()
        };
        with(&mut message);
        let (call, message) = CallContext::enter(tonic::Request::new(message)).unwrap();
        ops::request_capabilities::request_capabilities(&self.state, &call, message).await.unwrap()
    }

    /// Checks out one count, which there has to be.
    pub(crate) async fn check_out(&self, device: &str, id: u128) -> pb::GrantRef {
        let mut answer = self.ask(device, id, |_| {}).await;
        assert_eq!(answer.refusal_message, "");
        answer.outcomes[0].grant.take().expect("there are counts enough")
    }

    pub(crate) async fn instance(&self) -> pb::GetInstanceResponse {
        ops::get_instance::get_instance(&self.state, pb::GetInstanceRequest::default()).await.unwrap()
    }

    pub(crate) async fn standing(&self) -> Standing {
        self.store.standing(INSTANCE).await.unwrap()
    }

    /// The line items with what is out of them.
    pub(crate) async fn items(&self) -> Vec<(LineItem, u64)> {
        let items = self.store.line_items(INSTANCE).await.unwrap();
        items.into_iter().map(|state| (state.item.clone(), state.out())).collect()
    }

    /// The line items as the store has them.
    pub(crate) async fn store_items(&self) -> Vec<LineItemState> {
        self.store.line_items(INSTANCE).await.unwrap()
    }

    /// The details of the activity records, newest first.
    pub(crate) async fn activity(&self) -> Vec<String> {
        let page = self.store.activity(INSTANCE, &sample::all()).await.unwrap();
        page.rows.into_iter().map(|record| format!("{}: {}", record.kind.name(), record.detail)).collect()
    }
}

/// A plain line item of this many counts.
pub(crate) fn item(id: &str, feature: &str, count: u64) -> LineItem {
    sample::item(id, feature, count).item
}

pub(crate) fn hostid(value: &str) -> types::HostId {
    types::HostId { r#type: types::HostIdType::String.into(), value: value.to_owned() }
}

/// The name of an error's reason.
pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, ApiError>) -> &'static str {
    leasehold_proto::convert::error_reason_name(result.expect_err("it is refused").reason)
}
