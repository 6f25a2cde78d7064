//! What the back office does, to those who run it in their process: the methods of both gRPC services, and `actor`, who
//! is named in the audit log.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_runtime::ApiError;

use crate::BackOffice;
use crate::ops::{
    clear_server_keys, customer, entitlement, license_server, list_audit, process_file, product, synchronize,
    vendor,
};

impl BackOffice {
    /// Who answers.
    pub async fn greet(&self) -> Result<pb::GreetResponse, ApiError> {
        Ok(vendor::greet(&self.0).await?)
    }

    /// Answers a licence server's request.
    pub async fn synchronize(
        &self,
        message: pb::SynchronizeRequest,
    ) -> Result<pb::SynchronizeResponse, ApiError> {
        Ok(synchronize::synchronize(&self.0, message).await?)
    }

    /// Answers a request file with a response file.
    pub async fn process_file(
        &self,
        message: pb::ProcessFileRequest,
    ) -> Result<pb::ProcessFileResponse, ApiError> {
        Ok(process_file::process_file(&self.0, message).await?)
    }

    /// Who the vendor is, and how its keys stand.
    pub async fn get_vendor(&self) -> Result<pb::GetVendorResponse, ApiError> {
        Ok(vendor::get_vendor(&self.0).await?)
    }

    /// Says where the vendor's update repository is.
    pub async fn set_update_repository(
        &self,
        actor: &str,
        message: pb::SetUpdateRepositoryRequest,
    ) -> Result<pb::SetUpdateRepositoryResponse, ApiError> {
        Ok(vendor::set_update_repository(&self.0, actor, message).await?)
    }

    /// Adds a product.
    pub async fn create_product(
        &self,
        actor: &str,
        message: pb::CreateProductRequest,
    ) -> Result<pb::CreateProductResponse, ApiError> {
        Ok(product::create(&self.0, actor, message).await?)
    }

    /// The products.
    pub async fn list_products(
        &self,
        message: pb::ListProductsRequest,
    ) -> Result<pb::ListProductsResponse, ApiError> {
        Ok(product::list(&self.0, message).await?)
    }

    /// Adds a customer.
    pub async fn create_customer(
        &self,
        actor: &str,
        message: pb::CreateCustomerRequest,
    ) -> Result<pb::CreateCustomerResponse, ApiError> {
        Ok(customer::create(&self.0, actor, message).await?)
    }

    /// The customers.
    pub async fn list_customers(
        &self,
        message: pb::ListCustomersRequest,
    ) -> Result<pb::ListCustomersResponse, ApiError> {
        Ok(customer::list(&self.0, message).await?)
    }

    /// Adds a licence server, and says what it needs to be enrolled.
    pub async fn create_license_server(
        &self,
        actor: &str,
        message: pb::CreateLicenseServerRequest,
    ) -> Result<pb::CreateLicenseServerResponse, ApiError> {
        Ok(license_server::create(&self.0, actor, message).await?)
    }

    /// One licence server.
    pub async fn get_license_server(
        &self,
        message: pb::GetLicenseServerRequest,
    ) -> Result<pb::GetLicenseServerResponse, ApiError> {
        Ok(license_server::get(&self.0, message).await?)
    }

    /// The licence servers.
    pub async fn list_license_servers(
        &self,
        message: pb::ListLicenseServersRequest,
    ) -> Result<pb::ListLicenseServersResponse, ApiError> {
        Ok(license_server::list(&self.0, message).await?)
    }

    /// Frees a licence server's id from its keys.
    pub async fn clear_server_keys(
        &self,
        actor: &str,
        message: pb::ClearServerKeysRequest,
    ) -> Result<pb::ClearServerKeysResponse, ApiError> {
        Ok(clear_server_keys::clear_server_keys(&self.0, actor, message).await?)
    }

    /// Gives a licence server rights.
    pub async fn create_entitlement(
        &self,
        actor: &str,
        message: pb::CreateEntitlementRequest,
    ) -> Result<pb::CreateEntitlementResponse, ApiError> {
        Ok(entitlement::create(&self.0, actor, message).await?)
    }

    /// Replaces the line items of an entitlement.
    pub async fn update_entitlement(
        &self,
        actor: &str,
        message: pb::UpdateEntitlementRequest,
    ) -> Result<pb::UpdateEntitlementResponse, ApiError> {
        Ok(entitlement::update(&self.0, actor, message).await?)
    }

    /// Removes an entitlement.
    pub async fn delete_entitlement(
        &self,
        actor: &str,
        message: pb::DeleteEntitlementRequest,
    ) -> Result<pb::DeleteEntitlementResponse, ApiError> {
        Ok(entitlement::delete(&self.0, actor, message).await?)
    }

    /// The entitlements.
    pub async fn list_entitlements(
        &self,
        message: pb::ListEntitlementsRequest,
    ) -> Result<pb::ListEntitlementsResponse, ApiError> {
        Ok(entitlement::list(&self.0, message).await?)
    }

    /// What was done.
    pub async fn list_audit(&self, message: pb::ListAuditRequest) -> Result<pb::ListAuditResponse, ApiError> {
        Ok(list_audit::list_audit(&self.0, message).await?)
    }
}
