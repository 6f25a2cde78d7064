//! What those who run the service can do to it without a connection. Each is what the method of the contract does.

use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::{ApiError, CallContext};

use crate::Error;
use crate::ops::{apply_bundle, enrol_instance, reservation_groups};
use crate::state::Licensing;

/// Who does it, for the activity log.
const ACTOR: &str = "server";

impl Licensing {
    /// Makes an instance one of a vendor's licence servers.
    pub async fn enrol(
        &self,
        request: pb::EnrolInstanceRequest,
    ) -> Result<pb::EnrolInstanceResponse, ApiError> {
        enrol_instance::enrol_instance(&self.0, &request, ACTOR).await.map_err(ApiError::from)
    }

    /// Puts a bundle of rights in force.
    pub async fn apply_bundle(
        &self,
        request: pb::ApplyBundleRequest,
    ) -> Result<pb::ApplyBundleResponse, ApiError> {
        apply_bundle::apply_bundle(&self.0, &request, ACTOR).await.map_err(ApiError::from)
    }

    /// Adds a reservation group.
    pub async fn create_reservation_group(
        &self,
        request: pb::CreateReservationGroupRequest,
    ) -> Result<pb::CreateReservationGroupResponse, ApiError> {
        let (call, request) = CallContext::enter(tonic::Request::new(request))
            .map_err(|status| Error::Defect(status.to_string()))?;
        reservation_groups::create(&self.0, &call, request).await.map_err(ApiError::from)
    }
}
