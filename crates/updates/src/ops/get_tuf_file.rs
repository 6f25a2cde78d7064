//! `GetTufFile`: a file of the vendor's metadata, byte for byte.

use leasehold_proto::updates::v1 as pb;

use crate::state::State;
use crate::{Error, ticket};

const MAX_NAME: usize = 255;

pub(crate) async fn get_tuf_file(
    state: &State,
    message: pb::GetTufFileRequest,
) -> Result<pb::GetTufFileResponse, Error> {
    let site = state.site(&message.instance).await?;
    ticket::check(state, &site, &message.ticket)?;
    if message.name.is_empty() || message.name.len() > MAX_NAME {
        return Err(Error::field("name", "give the name of a metadata file, for instance `timestamp.json`"));
    }
    let content = site.mirror().and_then(|mirror| mirror.metadata(&message.name));
    let found = content.is_some();
    Ok(pb::GetTufFileResponse { found, content: content.unwrap_or_default().into() })
}
