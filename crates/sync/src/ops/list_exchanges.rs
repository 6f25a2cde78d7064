//! `ListExchanges`: every exchange with the vendor, newest first.

use leasehold_proto::sync::v1 as pb;

use super::page;
use crate::state::State;
use crate::{Error, convert};

pub(crate) async fn list_exchanges(
    state: &State,
    message: pb::ListExchangesRequest,
) -> Result<pb::ListExchangesResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let query = page::query(page::List::Exchanges, message.page)?;
    let page = state.store.exchanges(instance.id, &query).await?;
    Ok(pb::ListExchangesResponse {
        exchanges: page.rows.iter().map(convert::exchange).collect(),
        page: Some(page::info(page::List::Exchanges, &page)),
    })
}
