//! What a server's administrators can see of its state: what devices hold, and how counters stand.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::types::v1 as types;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::form::{Counts, PoolText};
use super::request::hostid;

const PAGE_SIZE: i32 = 500;
/// The pool of what no reservation and no named pool took.
const DEFAULT_POOL: &str = "default";

/// Looks at one server.
pub(super) struct Observer {
    admin: LicensingAdminServiceClient<Channel>,
}

/// Everything that a repeated request must leave alone.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    grants: Vec<pb::Grant>,
    features: Vec<pb::FeatureSummary>,
}

impl Observer {
    pub(super) fn new(channel: Channel) -> Self {
        Self { admin: LicensingAdminServiceClient::new(channel) }
    }

    /// What a device holds, by feature.
    pub(super) async fn held(&mut self, device: &str) -> Result<Counts, String> {
        let mut counts = Counts::new();
        for grant in self.grants(Some(hostid(device)?)).await? {
            *counts.entry(grant.feature).or_default() += grant.count;
        }
        Ok(counts)
    }

    /// What a device holds, by line item.
    pub(super) async fn line_items(&mut self, device: &str) -> Result<Counts, String> {
        let mut counts = Counts::new();
        for part in self.grants(Some(hostid(device)?)).await?.into_iter().flat_map(|grant| grant.parts) {
            *counts.entry(part.line_item_id).or_default() += part.count;
        }
        Ok(counts)
    }

    /// Counts of a feature in use beyond those owned.
    pub(super) async fn overdraft_used(&mut self, feature: &str) -> Result<i64, String> {
        let rows = self.features(feature).await?;
        Ok(rows.iter().filter(|row| row.name == feature).map(|row| row.overdraft_used).sum())
    }

    /// A pool's counter for a feature, summed over line items; zero where it has none.
    pub(super) async fn pool(&mut self, pool: &str, feature: &str) -> Result<PoolText, String> {
        let request = pb::GetFeatureRequest { instance: String::new(), name: feature.to_owned() };
        let items = match self.admin.get_feature(request).await {
            Ok(response) => response.into_inner().line_items,
            Err(status) if status.code() == Code::NotFound => Vec::new(),
            Err(status) => return Err(refused("GetFeature", &status)),
        };
        let mut sum = PoolText::default();
        for cell in items.iter().flat_map(|item| &item.cells).filter(|cell| is_of(cell, pool)) {
            sum.allocated += cell.allocated;
            sum.used += cell.used;
        }
        Ok(sum)
    }

    /// All grants and all features.
    pub(super) async fn state(&mut self) -> Result<State, String> {
        Ok(State { grants: self.grants(None).await?, features: self.features("").await? })
    }

    async fn grants(&mut self, hostid: Option<types::HostId>) -> Result<Vec<pb::Grant>, String> {
        let (mut grants, mut page) = (Vec::new(), first_page(""));
        loop {
            let (instance, feature) = (String::new(), String::new());
            let request =
                pb::ListGrantsRequest { instance, feature, hostid: hostid.clone(), page: Some(page) };
            let answer = self.admin.list_grants(request).await;
            let answer = answer.map_err(|status| refused("ListGrants", &status))?.into_inner();
            grants.extend(answer.grants);
            match next_page("", answer.page) {
                Some(next) => page = next,
                None => return Ok(grants),
            }
        }
    }

    async fn features(&mut self, search: &str) -> Result<Vec<pb::FeatureSummary>, String> {
        let (mut features, mut page) = (Vec::new(), first_page(search));
        loop {
            let request = pb::ListFeaturesRequest { instance: String::new(), page: Some(page) };
            let answer = self.admin.list_features(request).await;
            let answer = answer.map_err(|status| refused("ListFeatures", &status))?.into_inner();
            features.extend(answer.features);
            match next_page(search, answer.page) {
                Some(next) => page = next,
                None => return Ok(features),
            }
        }
    }
}

/// What a call was answered with in place of its answer.
pub(super) fn refused(method: &str, status: &Status) -> String {
    format!("{method} failed with {:?}: {}", status.code(), status.message())
}

fn first_page(search: &str) -> types::PageRequest {
    types::PageRequest { page_size: PAGE_SIZE, search: search.to_owned(), ..types::PageRequest::default() }
}

fn next_page(search: &str, info: Option<types::PageInfo>) -> Option<types::PageRequest> {
    let page_token = info?.next_page_token;
    (!page_token.is_empty()).then(|| types::PageRequest { page_token, ..first_page(search) })
}

fn is_of(cell: &pb::CellStatus, pool: &str) -> bool {
    match cell.source.as_ref().and_then(|source| source.source.as_ref()) {
        Some(pb::source::Source::DefaultPool(_)) => pool == DEFAULT_POOL,
        Some(pb::source::Source::Pool(name)) => pool == name,
        Some(pb::source::Source::ReservationEntryId(_)) | None => false,
    }
}
