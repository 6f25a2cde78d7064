//! What synchronisation asks of licensing. Not responsible for what licensing decides.

use std::time::Duration;

use leasehold_domain::InstanceId;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::licensing::v1::licensing_internal_service_client::LicensingInternalServiceClient;
use leasehold_proto::sync::v1::{Signed, SyncStep};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_store::sync::Enrolment;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::error::Failed;
use crate::instances::Instance;
use crate::vendor::Trouble;
use crate::{Error, peer_status};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long putting a bundle in force may take.
const APPLYING: Duration = Duration::from_mins(1);

/// Licensing, over the way that the wiring made.
pub(crate) struct Licensing {
    admin: LicensingAdminServiceClient<Channel>,
    internal: LicensingInternalServiceClient<Channel>,
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
        let found = within(PATIENCE, request, |request| stub.get_instance(request)).await;
        let found = found.map_err(|status| match peer_status::reason(&status) {
            Some(ErrorReason::UnknownInstance) => Error::UnknownInstance(name.to_owned()),
            _ => failure(&status),
        })?;
        let id = Uuid::parse_str(&found.instance_id).map_err(|error| {
            Error::Defect(format!("an instance has the id {:?}: {error}", found.instance_id))
        })?;
        Ok(Instance { id: InstanceId(id), name: found.name })
    }

    /// Has the vendor's root pinned there too.
    pub(crate) async fn enrol(&self, instance: InstanceId, enrolment: &Enrolment) -> Result<(), Error> {
        let request = pb::EnrolInstanceRequest {
            instance: instance.to_string(),
            vendor_id: enrolment.vendor_id.clone(),
            license_server_id: enrolment.license_server_id.to_string(),
            root_key: enrolment.vendor_root.to_vec(),
        };
        let mut stub = self.internal.clone();
        let enrolled = within(PATIENCE, request, |request| stub.enrol_instance(request)).await;
        enrolled.map(drop).map_err(|status| match peer_status::reason(&status) {
            Some(ErrorReason::AlreadyEnrolled) => Error::AlreadyEnrolled(peer_status::words(&status)),
            _ => failure(&status),
        })
    }

    /// Puts a bundle in force; what it changed.
    pub(crate) async fn apply(&self, instance: InstanceId, response: Signed) -> Result<Vec<String>, Trouble> {
        let request = pb::ApplyBundleRequest {
            instance: instance.to_string(),
            envelope: response.envelope,
            certificates: response.certificates,
        };
        let mut stub = self.internal.clone();
        let applied = within(APPLYING, request, |request| stub.apply_bundle(request)).await;
        applied.map(|applied| applied.changes).map_err(|status| not_applied(&status))
    }
}

async fn within<M, T, F>(
    patience: Duration,
    message: M,
    call: impl FnOnce(Request<M>) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(patience);
    let late = |_| Err(Status::deadline_exceeded(format!("no answer within {} s", patience.as_secs())));
    timeout(patience, call(request)).await.unwrap_or_else(late).map(Response::into_inner)
}

fn failure(status: &Status) -> Error {
    match peer_status::reason(status).filter(|reason| !passes(*reason)) {
        Some(reason) => Error::Licensing { reason, message: peer_status::words(status) },
        None => Error::LicensingAway(format!("{:?}: {}", status.code(), status.message())),
    }
}

fn not_applied(status: &Status) -> Trouble {
    let words = peer_status::words(status);
    match peer_status::reason(status).filter(|reason| is_about_the_bundle(*reason)) {
        Some(reason) => Trouble::ForGood(Failed::new(
            SyncStep::Apply,
            reason,
            format!("licensing refused the bundle, and nothing was changed: {words}; tell the vendor"),
        )),
        None => Trouble::Passing(Failed::new(
            SyncStep::Apply,
            ErrorReason::StoreUnavailable,
            format!(
                "the bundle is here and licensing could not put it in force: {words}; it is repeated by itself, see \
                 the log of licensing"
            ),
        )),
    }
}

/// Whether the same call may succeed later.
fn passes(reason: ErrorReason) -> bool {
    use ErrorReason as Reason;
    matches!(
        reason,
        Reason::Overloaded
            | Reason::DeadlineExceeded
            | Reason::ShuttingDown
            | Reason::StoreUnavailable
            | Reason::Cancelled
            | Reason::Internal
            | Reason::Unspecified
    )
}

/// Whether licensing refuses the bundle itself, which no repetition would change. Everything else is about the way or
/// about licensing: a bundle must not be lost to that.
fn is_about_the_bundle(reason: ErrorReason) -> bool {
    use ErrorReason as Reason;
    matches!(
        reason,
        Reason::InvalidField
            | Reason::MalformedMessage
            | Reason::MessageTooLarge
            | Reason::LimitExceeded
            | Reason::UnknownInstance
            | Reason::AlreadyExists
            | Reason::ReservationUnsatisfied
            | Reason::NotEnrolled
            | Reason::SignatureInvalid
            | Reason::Foreign
            | Reason::Replayed
            | Reason::NotOutstanding
            | Reason::BundleRollback
    )
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::ApiError;

    use super::*;

    #[test]
    fn only_a_refusal_of_the_bundle_is_for_good() {
        for reason in (0..64).filter_map(|number| ErrorReason::try_from(number).ok()) {
            let trouble = not_applied(&ApiError::new(reason, "why").into());
            let (for_good, failed) = match &trouble {
                Trouble::ForGood(failed) => (true, failed),
                Trouble::Passing(failed) => (false, failed),
            };
            assert_eq!(for_good, is_about_the_bundle(reason), "{reason:?}");
            assert!(!(for_good && passes(reason)), "{reason:?}");
            assert!(failed.step == SyncStep::Apply && failed.message.contains("why"), "{failed:?}");
        }
        assert!(matches!(not_applied(&Status::unavailable("gone")), Trouble::Passing(_)));
    }
}
