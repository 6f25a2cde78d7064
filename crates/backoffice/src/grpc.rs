//! The gRPC services: enter the call, call the operation, convert its error. There is nothing else to find here.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::backoffice::v1::back_office_service_server::{
    BackOfficeService, BackOfficeServiceServer,
};
use leasehold_proto::backoffice::v1::producer_service_server::{ProducerService, ProducerServiceServer};
use leasehold_runtime::{Access, CallContext, Services, limits};
use leasehold_signing::sealed_file::MAX_FILE;
use tonic::{Request, Response, Status};

use crate::BackOffice;

/// Bytes of a message around the file in it.
const AROUND_A_FILE: usize = 1_024;

/// Who may call what besides programs on the same machine.
const ACCESS: [(&str, Access); 2] = [
    ("leasehold.backoffice.v1.BackOfficeService", Access::Anyone),
    ("leasehold.backoffice.v1.ProducerService", Access::Services(&["producer", "admin"])),
];

/// Both services, to be served together.
pub(crate) fn services(back_office: &BackOffice, max_message_size: usize) -> Services {
    let servers = BackOfficeServiceServer::new(Servers(back_office.clone()));
    let staff = ProducerServiceServer::new(Staff(back_office.clone()));
    // A request file is one message.
    let with_files = max_message_size.max(MAX_FILE + AROUND_A_FILE);
    let services = Services::new()
        .add(limits!(servers, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(staff, with_files), leasehold_proto::DESCRIPTOR_SET);
    ACCESS.into_iter().fold(services, |services, (what, access)| services.allow(what, access))
}

/// Who a member of the staff is, for the audit log.
fn actor(call: &CallContext) -> &str {
    call.actor().unwrap_or("staff")
}

/// What licence servers call.
struct Servers(BackOffice);

/// What the vendor's staff calls.
struct Staff(BackOffice);

#[tonic::async_trait]
impl BackOfficeService for Servers {
    async fn greet(&self, request: Request<pb::GreetRequest>) -> Result<Response<pb::GreetResponse>, Status> {
        let (_, pb::GreetRequest {}) = CallContext::enter(request)?;
        Ok(Response::new(self.0.greet().await?))
    }

    async fn synchronize(
        &self,
        request: Request<pb::SynchronizeRequest>,
    ) -> Result<Response<pb::SynchronizeResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.synchronize(message).await?))
    }
}

#[tonic::async_trait]
impl ProducerService for Staff {
    async fn get_vendor(
        &self,
        request: Request<pb::GetVendorRequest>,
    ) -> Result<Response<pb::GetVendorResponse>, Status> {
        let (_, pb::GetVendorRequest {}) = CallContext::enter(request)?;
        Ok(Response::new(self.0.get_vendor().await?))
    }

    async fn set_update_repository(
        &self,
        request: Request<pb::SetUpdateRepositoryRequest>,
    ) -> Result<Response<pb::SetUpdateRepositoryResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.set_update_repository(actor(&call), message).await?))
    }

    async fn create_product(
        &self,
        request: Request<pb::CreateProductRequest>,
    ) -> Result<Response<pb::CreateProductResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.create_product(actor(&call), message).await?))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.list_products(message).await?))
    }

    async fn create_customer(
        &self,
        request: Request<pb::CreateCustomerRequest>,
    ) -> Result<Response<pb::CreateCustomerResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.create_customer(actor(&call), message).await?))
    }

    async fn list_customers(
        &self,
        request: Request<pb::ListCustomersRequest>,
    ) -> Result<Response<pb::ListCustomersResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.list_customers(message).await?))
    }

    async fn create_entitlement(
        &self,
        request: Request<pb::CreateEntitlementRequest>,
    ) -> Result<Response<pb::CreateEntitlementResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.create_entitlement(actor(&call), message).await?))
    }

    async fn update_entitlement(
        &self,
        request: Request<pb::UpdateEntitlementRequest>,
    ) -> Result<Response<pb::UpdateEntitlementResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.update_entitlement(actor(&call), message).await?))
    }

    async fn delete_entitlement(
        &self,
        request: Request<pb::DeleteEntitlementRequest>,
    ) -> Result<Response<pb::DeleteEntitlementResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.delete_entitlement(actor(&call), message).await?))
    }

    async fn list_entitlements(
        &self,
        request: Request<pb::ListEntitlementsRequest>,
    ) -> Result<Response<pb::ListEntitlementsResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.list_entitlements(message).await?))
    }

    async fn create_license_server(
        &self,
        request: Request<pb::CreateLicenseServerRequest>,
    ) -> Result<Response<pb::CreateLicenseServerResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.create_license_server(actor(&call), message).await?))
    }

    async fn get_license_server(
        &self,
        request: Request<pb::GetLicenseServerRequest>,
    ) -> Result<Response<pb::GetLicenseServerResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.get_license_server(message).await?))
    }

    async fn list_license_servers(
        &self,
        request: Request<pb::ListLicenseServersRequest>,
    ) -> Result<Response<pb::ListLicenseServersResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.list_license_servers(message).await?))
    }

    async fn clear_server_keys(
        &self,
        request: Request<pb::ClearServerKeysRequest>,
    ) -> Result<Response<pb::ClearServerKeysResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.clear_server_keys(actor(&call), message).await?))
    }

    async fn process_file(
        &self,
        request: Request<pb::ProcessFileRequest>,
    ) -> Result<Response<pb::ProcessFileResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.process_file(message).await?))
    }

    async fn list_audit(
        &self,
        request: Request<pb::ListAuditRequest>,
    ) -> Result<Response<pb::ListAuditResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        Ok(Response::new(self.0.list_audit(message).await?))
    }
}
