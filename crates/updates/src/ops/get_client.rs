//! `GetClient`: one client and what it did, newest first.

use leasehold_proto::updates::v1 as pb;

use super::check_in::client_id;
use crate::page::{self, List};
use crate::site::Site;
use crate::state::State;
use crate::{Error, convert};

pub(crate) async fn get_client(
    state: &State,
    site: &Site,
    message: pb::GetClientRequest,
) -> Result<pb::GetClientResponse, Error> {
    let id = client_id("client_id", &message.client_id)?;
    let query = page::query(List::Events, message.page)?;
    let client = state.store.client(site.instance.id, id).await?;
    let client = client.ok_or_else(|| Error::NotFound(format!("client {id}")))?;
    let page = state.store.events(site.instance.id, id, &query).await?;
    let known = site.known(&*state.store).await?;
    Ok(pb::GetClientResponse {
        client: Some(convert::client(&client, &known)),
        events: page.rows.iter().map(convert::kept_event).collect(),
        page: Some(page::info(List::Events, &page)),
    })
}
