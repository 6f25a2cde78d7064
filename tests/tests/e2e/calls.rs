//! Messages and what errors say, in the short forms that tests need.

use std::sync::atomic::{AtomicU64, Ordering};

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::types::v1 as types;
use prost::Message as _;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

/// What licence holders call.
pub(crate) type Licensing = LicensingServiceClient<Channel>;
/// What administrators call.
pub(crate) type Admin = LicensingAdminServiceClient<Channel>;

/// A request id that no other request of this process has.
pub(crate) fn fresh_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    Uuid::from_u128((0x7e57_u128 << 112) | number).to_string()
}

/// A hostid of type `STRING`.
pub(crate) fn hostid(value: &str) -> types::HostId {
    types::HostId { r#type: types::HostIdType::String.into(), value: value.to_owned() }
}

/// A feature at any version from 1.0.
pub(crate) fn feature(name: &str, count: i64) -> pb::DesiredFeature {
    pb::DesiredFeature { name: name.to_owned(), version: "1.0".to_owned(), count }
}

/// A plain request of a device under a fresh id.
pub(crate) fn request(device: &str, features: &[(&str, i64)]) -> pb::RequestCapabilitiesRequest {
    pb::RequestCapabilitiesRequest {
        request_id: fresh_id(),
        hostids: vec![hostid(device)],
        features: features.iter().map(|(name, count)| feature(name, *count)).collect(),
        ..Default::default()
    }
}

/// An answer as it is kept: without its signed form, which has to be there and to say the same.
pub(crate) fn unsigned(answer: &[u8]) -> Vec<u8> {
    let mut answer = pb::RequestCapabilitiesResponse::decode(answer).expect("answers are messages");
    let signed = answer.signed.take().unwrap_or_else(|| panic!("no signed form: {answer:?}"));
    let said = pb::CapabilityAnswer::decode(signed.answer.as_slice()).expect("what is signed is a message");
    assert_eq!(said.answer.as_ref(), Some(&answer), "what is signed is what is said");
    answer.encode_to_vec()
}

/// Sends a request and gives the answer.
pub(crate) async fn ask(
    licensing: &mut Licensing,
    request: pb::RequestCapabilitiesRequest,
) -> pb::RequestCapabilitiesResponse {
    licensing.request_capabilities(request).await.unwrap().into_inner()
}

/// Sends a request for one feature, which must be granted, and gives the grant.
pub(crate) async fn check_out(
    licensing: &mut Licensing,
    request: pb::RequestCapabilitiesRequest,
) -> pb::GrantRef {
    let answer = ask(licensing, request).await;
    let [outcome] = answer.outcomes.as_slice() else { panic!("one outcome: {answer:?}") };
    assert_eq!(outcome.outcome(), pb::Outcome::Granted, "{outcome:?}");
    outcome.grant.clone().expect("a granted feature names its grant")
}

/// Sends a heartbeat for one grant and gives its result.
pub(crate) async fn beat(licensing: &mut Licensing, grant: &pb::GrantRef) -> pb::LeaseResult {
    let request = pb::HeartbeatRequest { leases: vec![grant.clone()], ..Default::default() };
    let mut answer = licensing.heartbeat(request).await.unwrap().into_inner();
    assert_eq!(answer.results.len(), 1);
    answer.results.remove(0)
}

/// Returns one grant and gives the result.
pub(crate) async fn give_back(licensing: &mut Licensing, grant: &pb::GrantRef) -> pb::LeaseResult {
    let request = pb::ReleaseRequest { grants: vec![grant.clone()], ..Default::default() };
    let mut answer = licensing.release(request).await.unwrap().into_inner();
    assert_eq!(answer.results.len(), 1);
    answer.results.remove(0)
}

/// The rows of features, devices, grants and activity that the server counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) devices: i64,
    pub(crate) grants: i64,
    pub(crate) activity: i64,
    pub(crate) used: i64,
}

/// How many rows of each kind there are now.
pub(crate) async fn totals(admin: &mut Admin) -> Totals {
    let total = |page: Option<types::PageInfo>| page.expect("lists say where they stand").total;
    let features = admin.list_features(pb::ListFeaturesRequest::default()).await.unwrap().into_inner();
    let devices = admin.list_devices(pb::ListDevicesRequest::default()).await.unwrap().into_inner();
    let grants = admin.list_grants(pb::ListGrantsRequest::default()).await.unwrap().into_inner();
    let activity = admin.list_activity(pb::ListActivityRequest::default()).await.unwrap().into_inner();
    Totals {
        devices: total(devices.page),
        grants: total(grants.page),
        activity: total(activity.page),
        used: features.features.iter().map(|feature| feature.used).sum(),
    }
}

/// What an error of the server tells a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) reason: String,
    /// The paths of the fields that break a rule.
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
}

/// What an error says; `None` where it is not one of the server's own, as when nobody answered.
pub(crate) fn told(status: &Status) -> Option<Told> {
    let details = status.get_error_details();
    let info = details.error_info()?;
    assert_eq!(info.domain, "leasehold", "{status:?}");
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    Some(Told {
        code: status.code(),
        reason: info.reason.clone(),
        fields: violations.iter().map(|violation| violation.field.clone()).collect(),
        message: status.message().to_owned(),
    })
}
