//! What the service for updates is asked.

use http::StatusCode;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_client::UpdateAdminServiceClient;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_runtime::http::Problem;
use leasehold_runtime::telemetry::Propagate;
use tower::Layer as _;

use super::{LARGEST, Services, Way, answered};
use crate::model::{
    List, Listing, MirrorRun, UpdateClient, UpdateEvent, UpdateProduct, UpdateRelease, UpstreamStatus,
    UpstreamStep,
};

impl Services<'_> {
    /// The products that there are releases of.
    pub(crate) async fn update_products(
        &self,
        instance: &str,
        list: &List,
    ) -> Result<Listing<UpdateProduct>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListProductsRequest { instance, page });
        let answer = answered(self.to_updates()?.list_products(request).await)?;
        Ok(Listing::answered(answer.products, answer.page, UpdateProduct::from))
    }

    /// The releases of a product; of all, where it is empty.
    pub(crate) async fn update_releases(
        &self,
        instance: &str,
        product: &str,
        list: &List,
    ) -> Result<Listing<UpdateRelease>, Problem> {
        let (instance, product) = (instance.to_owned(), product.to_owned());
        let request = self.ask(pb::ListReleasesRequest { instance, product, page: Some(list.request()) });
        let answer = answered(self.to_updates()?.list_releases(request).await)?;
        Ok(Listing::answered(answer.releases, answer.page, UpdateRelease::from))
    }

    /// The clients that follow a product; all, where it is empty.
    pub(crate) async fn update_clients(
        &self,
        instance: &str,
        product: &str,
        list: &List,
    ) -> Result<Listing<UpdateClient>, Problem> {
        let (instance, product) = (instance.to_owned(), product.to_owned());
        let request = self.ask(pb::ListClientsRequest { instance, product, page: Some(list.request()) });
        let answer = answered(self.to_updates()?.list_clients(request).await)?;
        Ok(Listing::answered(answer.clients, answer.page, UpdateClient::from))
    }

    /// One client, and a part of what it did, newest first.
    pub(crate) async fn update_client(
        &self,
        instance: &str,
        id: &str,
        list: &List,
    ) -> Result<(UpdateClient, Listing<UpdateEvent>), Problem> {
        let (instance, client_id) = (instance.to_owned(), id.to_owned());
        let request = self.ask(pb::GetClientRequest { instance, client_id, page: Some(list.request()) });
        let answer = answered(self.to_updates()?.get_client(request).await)?;
        let events = Listing::answered(answer.events, answer.page, UpdateEvent::from);
        Ok((answer.client.unwrap_or_default().into(), events))
    }

    /// Where the vendor's repository is, and how its mirror stands.
    pub(crate) async fn upstream_status(&self, instance: &str) -> Result<UpstreamStatus, Problem> {
        let request = self.ask(pb::GetStatusRequest { instance: instance.to_owned() });
        answered(self.to_upstream()?.get_status(request).await).map(UpstreamStatus::from)
    }

    /// Mirrors the vendor's repository, and waits for it.
    pub(crate) async fn refresh_upstream(&self, instance: &str) -> Result<MirrorRun, Problem> {
        let request = self.ask_slowly(pb::SyncNowRequest { instance: instance.to_owned() });
        let answer = answered(self.to_upstream()?.sync_now(request).await)?;
        Ok(answer.run.unwrap_or_default().into())
    }

    /// Walks the steps to the vendor's repository without changing anything.
    pub(crate) async fn test_upstream(&self, instance: &str) -> Result<Vec<UpstreamStep>, Problem> {
        let request = self.ask_slowly(pb::TestConnectionRequest { instance: instance.to_owned() });
        let answer = answered(self.to_upstream()?.test_connection(request).await)?;
        Ok(answer.steps.into_iter().map(UpstreamStep::from).collect())
    }

    fn to_updates(&self) -> Result<UpdateAdminServiceClient<Way>, Problem> {
        let way = self.way_to_updates()?;
        Ok(UpdateAdminServiceClient::new(way).max_decoding_message_size(LARGEST))
    }

    fn to_upstream(&self) -> Result<UpstreamServiceClient<Way>, Problem> {
        let way = self.way_to_updates()?;
        Ok(UpstreamServiceClient::new(way).max_decoding_message_size(LARGEST))
    }

    fn way_to_updates(&self) -> Result<Way, Problem> {
        let channel = self.channels.updates.clone().ok_or_else(not_served)?;
        Ok(Propagate.layer(channel))
    }
}

/// What is told where nobody serves updates: it does not pass by itself.
fn not_served() -> Problem {
    let message = "updates are not served here: run `leasehold serve updates`, and say in the gateway's setting \
                   `services.updates` where it is";
    Problem::new(StatusCode::NOT_FOUND, "UPDATES_NOT_SERVED", message)
}
