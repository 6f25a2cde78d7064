//! `LicensingAdminService`: what administrators call.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_server::LicensingAdminService;
use tonic::{Request, Response, Status};

use super::{enter, not_implemented, status};
use crate::ops::{
    device, drop_device, drop_grant, feature, get_instance, list_activity, list_grants, list_policies,
    reservation_groups, restored, set_device_blocked, suspension, usage,
};
use crate::state::Shared;

pub(super) struct Admin(pub(super) Shared);

#[tonic::async_trait]
impl LicensingAdminService for Admin {
    async fn get_instance(
        &self,
        request: Request<pb::GetInstanceRequest>,
    ) -> Result<Response<pb::GetInstanceResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        get_instance::get_instance(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn suspend_instance(
        &self,
        request: Request<pb::SuspendInstanceRequest>,
    ) -> Result<Response<pb::SuspendInstanceResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        suspension::suspend(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn resume_instance(
        &self,
        request: Request<pb::ResumeInstanceRequest>,
    ) -> Result<Response<pb::ResumeInstanceResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        suspension::resume(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn confirm_restored(
        &self,
        request: Request<pb::ConfirmRestoredRequest>,
    ) -> Result<Response<pb::ConfirmRestoredResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        restored::confirm(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn list_features(
        &self,
        request: Request<pb::ListFeaturesRequest>,
    ) -> Result<Response<pb::ListFeaturesResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        feature::list_features(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn get_feature(
        &self,
        request: Request<pb::GetFeatureRequest>,
    ) -> Result<Response<pb::GetFeatureResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        feature::get_feature(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_devices(
        &self,
        request: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        device::list_devices(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn get_device(
        &self,
        request: Request<pb::GetDeviceRequest>,
    ) -> Result<Response<pb::GetDeviceResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        device::get_device(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn drop_device(
        &self,
        request: Request<pb::DropDeviceRequest>,
    ) -> Result<Response<pb::DropDeviceResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        drop_device::drop_device(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn set_device_blocked(
        &self,
        request: Request<pb::SetDeviceBlockedRequest>,
    ) -> Result<Response<pb::SetDeviceBlockedResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        set_device_blocked::set_device_blocked(&self.0, &call, message)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        list_grants::list_grants(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn drop_grant(
        &self,
        request: Request<pb::DropGrantRequest>,
    ) -> Result<Response<pb::DropGrantResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        drop_grant::drop_grant(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn list_reservation_groups(
        &self,
        request: Request<pb::ListReservationGroupsRequest>,
    ) -> Result<Response<pb::ListReservationGroupsResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        reservation_groups::list(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn create_reservation_group(
        &self,
        request: Request<pb::CreateReservationGroupRequest>,
    ) -> Result<Response<pb::CreateReservationGroupResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        reservation_groups::create(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn update_reservation_group(
        &self,
        request: Request<pb::UpdateReservationGroupRequest>,
    ) -> Result<Response<pb::UpdateReservationGroupResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        reservation_groups::update(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn delete_reservation_group(
        &self,
        request: Request<pb::DeleteReservationGroupRequest>,
    ) -> Result<Response<pb::DeleteReservationGroupResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance)?;
        reservation_groups::delete(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn import_reservations(
        &self,
        _: Request<pb::ImportReservationsRequest>,
    ) -> Result<Response<pb::ImportReservationsResponse>, Status> {
        Err(not_implemented("ImportReservations"))
    }

    async fn export_reservations(
        &self,
        _: Request<pb::ExportReservationsRequest>,
    ) -> Result<Response<pb::ExportReservationsResponse>, Status> {
        Err(not_implemented("ExportReservations"))
    }

    async fn upload_model(
        &self,
        _: Request<pb::UploadModelRequest>,
    ) -> Result<Response<pb::UploadModelResponse>, Status> {
        Err(not_implemented("UploadModel"))
    }

    async fn get_model(
        &self,
        _: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        Err(not_implemented("GetModel"))
    }

    async fn delete_model(
        &self,
        _: Request<pb::DeleteModelRequest>,
    ) -> Result<Response<pb::DeleteModelResponse>, Status> {
        Err(not_implemented("DeleteModel"))
    }

    async fn list_pools(
        &self,
        _: Request<pb::ListPoolsRequest>,
    ) -> Result<Response<pb::ListPoolsResponse>, Status> {
        Err(not_implemented("ListPools"))
    }

    async fn list_queue(
        &self,
        _: Request<pb::ListQueueRequest>,
    ) -> Result<Response<pb::ListQueueResponse>, Status> {
        Err(not_implemented("ListQueue"))
    }

    async fn reserve_seat(
        &self,
        _: Request<pb::ReserveSeatRequest>,
    ) -> Result<Response<pb::ReserveSeatResponse>, Status> {
        Err(not_implemented("ReserveSeat"))
    }

    async fn list_seats(
        &self,
        _: Request<pb::ListSeatsRequest>,
    ) -> Result<Response<pb::ListSeatsResponse>, Status> {
        Err(not_implemented("ListSeats"))
    }

    async fn set_seat_blocked(
        &self,
        _: Request<pb::SetSeatBlockedRequest>,
    ) -> Result<Response<pb::SetSeatBlockedResponse>, Status> {
        Err(not_implemented("SetSeatBlocked"))
    }

    async fn transfer_seat(
        &self,
        _: Request<pb::TransferSeatRequest>,
    ) -> Result<Response<pb::TransferSeatResponse>, Status> {
        Err(not_implemented("TransferSeat"))
    }

    async fn verify_seats_now(
        &self,
        _: Request<pb::VerifySeatsNowRequest>,
    ) -> Result<Response<pb::VerifySeatsNowResponse>, Status> {
        Err(not_implemented("VerifySeatsNow"))
    }

    async fn get_license_summary(
        &self,
        _: Request<pb::GetLicenseSummaryRequest>,
    ) -> Result<Response<pb::GetLicenseSummaryResponse>, Status> {
        Err(not_implemented("GetLicenseSummary"))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        list_policies::list_policies(&self.0, &message).map(Response::new).map_err(status)
    }

    async fn set_policy(
        &self,
        _: Request<pb::SetPolicyRequest>,
    ) -> Result<Response<pb::SetPolicyResponse>, Status> {
        Err(not_implemented("SetPolicy"))
    }

    async fn list_usage(
        &self,
        request: Request<pb::ListUsageRequest>,
    ) -> Result<Response<pb::ListUsageResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        usage::list_usage(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_denials(
        &self,
        request: Request<pb::ListDenialsRequest>,
    ) -> Result<Response<pb::ListDenialsResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        usage::list_denials(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_activity(
        &self,
        request: Request<pb::ListActivityRequest>,
    ) -> Result<Response<pb::ListActivityResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance)?;
        list_activity::list_activity(&self.0, message).await.map(Response::new).map_err(status)
    }
}
