//! `ListClients`: the clients, with what they hold.

use leasehold_proto::updates::v1 as pb;

use crate::page::{self, List};
use crate::site::Site;
use crate::state::State;
use crate::{Error, convert};

pub(crate) async fn list_clients(
    state: &State,
    site: &Site,
    message: pb::ListClientsRequest,
) -> Result<pb::ListClientsResponse, Error> {
    let query = page::query(List::Clients, message.page)?;
    let product = page::of_product(&message.product)?;
    let page = state.store.clients(site.instance.id, product, &query).await?;
    let known = site.known(&*state.store).await?;
    let clients = page.rows.iter().map(|client| convert::client(client, &known)).collect();
    Ok(pb::ListClientsResponse { clients, page: Some(page::info(List::Clients, &page)) })
}
