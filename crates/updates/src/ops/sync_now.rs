//! `SyncNow`: mirrors the vendor's repository now, and waits for it.

use std::sync::Arc;

use leasehold_proto::updates::v1 as pb;
use leasehold_runtime::CallContext;

use crate::site::Site;
use crate::state::Shared;
use crate::{Error, convert, mirror};

/// Who asks where nobody is known.
const LOCAL: &str = "local";

pub(crate) async fn sync_now(
    state: &Shared,
    site: &Arc<Site>,
    call: &CallContext,
) -> Result<pb::SyncNowResponse, Error> {
    let run = mirror::run(state, site, call.actor().unwrap_or(LOCAL)).await?;
    Ok(pb::SyncNowResponse { run: Some(convert::run(&run)) })
}
