//! `ListActivity`: what happened, newest first.

use leasehold_proto::licensing::v1 as pb;

use super::page;
use crate::Error;
use crate::state::State;

pub(crate) async fn list_activity(
    state: &State,
    message: pb::ListActivityRequest,
) -> Result<pb::ListActivityResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let page = state.store.activity(instance, &page::query(page::List::Activity, message.page)?).await?;
    Ok(pb::ListActivityResponse {
        activity: page.rows.iter().map(Into::into).collect(),
        page: Some(page::info(page::List::Activity, &page)),
    })
}
