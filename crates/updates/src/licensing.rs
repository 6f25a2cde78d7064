//! What updates asks of licensing. Not responsible for what licensing decides.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::licensing::v1::licensing_internal_service_client::LicensingInternalServiceClient;
use leasehold_proto::types::v1 as types;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_store::updates::Newest;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::site::Instance;
use crate::{Error, peer_status};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a notice stands.
const NOTICE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Longest name of a notice, in bytes.
const MAX_KEY: usize = 255;

/// Licensing, over the way that the wiring made.
pub(crate) struct Licensing {
    admin: LicensingAdminServiceClient<Channel>,
    internal: LicensingInternalServiceClient<Channel>,
}

/// A device, and what it shows.
pub(crate) struct Device {
    pub(crate) hostid: types::HostId,
    pub(crate) leases: Vec<pb::GrantRef>,
    pub(crate) after_end: SignedDuration,
}

impl Licensing {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            admin: LicensingAdminServiceClient::new(channel.clone()),
            internal: LicensingInternalServiceClient::new(channel),
        }
    }

    /// The instance of this id or name; empty for the default one.
    pub(crate) async fn instance(&self, name: &str) -> Result<Instance, Error> {
        let request = pb::GetInstanceRequest { instance: name.to_owned() };
        let mut stub = self.admin.clone();
        let found = within(request, |request| stub.get_instance(request)).await;
        let found = found.map_err(|status| match peer_status::reason(&status) {
            Some(ErrorReason::UnknownInstance) => Error::UnknownInstance(name.to_owned()),
            _ => away(&status),
        })?;
        let id = Uuid::parse_str(&found.instance_id).map_err(|error| {
            Error::Defect(format!("an instance has the id {:?}: {error}", found.instance_id))
        })?;
        Ok(Instance { id: InstanceId(id), name: found.name })
    }

    /// Whether the device holds one of these features, or held it lately; without features, any of the product.
    pub(crate) async fn is_licensed(
        &self,
        instance: InstanceId,
        device: &Device,
        product: &str,
        features: &[String],
    ) -> Result<bool, Error> {
        let request = pb::CheckLicensedRequest {
            instance: instance.to_string(),
            hostid: Some(device.hostid.clone()),
            leases: device.leases.clone(),
            features: features.to_vec(),
            product: if features.is_empty() { product.to_owned() } else { String::new() },
            after: Some(duration(device.after_end)),
        };
        let mut stub = self.internal.clone();
        let answer = within(request, |request| stub.check_licensed(request)).await;
        answer.map(|answer| answer.licensed).map_err(|status| match peer_status::reason(&status) {
            Some(ErrorReason::InvalidField) => {
                Error::field("hostid", format!("licensing refuses it or the leases: {}", status.message()))
            }
            _ => away(&status),
        })
    }

    /// Lets clients hear of this release with their heartbeats; where there is none any more, of nothing.
    pub(crate) async fn tell(
        &self,
        instance: InstanceId,
        newest: &Newest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (instance, key) = (instance.to_string(), key(newest));
        let mut stub = self.internal.clone();
        let told = if newest.target.is_empty() {
            let request = pb::WithdrawNoticeRequest { instance, key };
            within(request, |request| stub.withdraw_notice(request)).await.map(drop)
        } else {
            let request = notice(instance, key, newest, now);
            within(request, |request| stub.publish_notice(request)).await.map(drop)
        };
        told.map_err(|status| match peer_status::reason(&status) {
            Some(reason @ (ErrorReason::LimitExceeded | ErrorReason::InvalidField)) => {
                Error::Defect(format!("licensing does not take a notice, {reason:?}: {}", status.message()))
            }
            _ => away(&status),
        })
    }
}

fn notice(instance: String, key: String, newest: &Newest, now: Timestamp) -> pb::PublishNoticeRequest {
    let product = if newest.features.is_empty() { newest.product.clone() } else { String::new() };
    pb::PublishNoticeRequest {
        instance,
        key,
        product,
        features: newest.features.clone(),
        until: Some(timestamp(now.saturating_add(NOTICE).unwrap_or(now))),
        update: Some(pb::UpdateAvailable {
            product: newest.product.clone(),
            channel: newest.channel.clone(),
            version: newest.version.clone(),
        }),
        ..pb::PublishNoticeRequest::default()
    }
}

/// What the notice about a product's channel is called.
fn key(newest: &Newest) -> String {
    let key = format!("update/{}/{}", newest.product, newest.channel);
    if key.len() <= MAX_KEY {
        return key;
    }
    let hash: [u8; 32] = Sha256::digest(&key).into();
    format!("update/{}", leasehold_artifacts::Digest::from_bytes(hash))
}

async fn within<M, T, F>(message: M, call: impl FnOnce(Request<M>) -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    let late = |_| Err(Status::deadline_exceeded(format!("no answer within {} s", PATIENCE.as_secs())));
    timeout(PATIENCE, call(request)).await.unwrap_or_else(late).map(Response::into_inner)
}

fn away(status: &Status) -> Error {
    Error::Away { service: "licensing", detail: peer_status::words(status) }
}
