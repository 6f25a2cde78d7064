//! `GetStatus`: where the repository is, how the last run went, and what is held.

use std::collections::BTreeSet;

use leasehold_domain::updates::{Release, ReleaseKind, newest};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::updates::v1 as pb;

use crate::site::{Known, Site};
use crate::state::State;
use crate::{Error, convert, mirror};

pub(crate) async fn get_status(state: &State, site: &Site) -> Result<pb::GetStatusResponse, Error> {
    let upstream = state.store.upstream(site.instance.id).await?.unwrap_or_default();
    let known = site.known(&*state.store).await?;
    let (address, source) = mirror::address(state, site).await.unwrap_or_default();
    let kind = if address.is_empty() { pb::ConnectionKind::None } else { pb::ConnectionKind::Direct };
    Ok(pb::GetStatusResponse {
        kind: kind.into(),
        address,
        address_source: source.to_owned(),
        versions: Some(convert::versions(upstream.versions)),
        expires_at: upstream.expires_at.map(timestamp),
        last_run: upstream.last.as_ref().map(convert::run),
        succeeded_at: upstream.succeeded_at.map(timestamp),
        next_at: upstream.next_at.map(timestamp),
        definitions: definitions(&known),
    })
}

/// The newest definition file of each product and channel, by what is approved.
fn definitions(known: &Known) -> Vec<pb::HeldDefinition> {
    let definitions = || known.releases.iter().filter(|release| release.kind == ReleaseKind::Definition);
    let named: BTreeSet<(&str, &str)> =
        definitions().map(|release| (release.product.as_str(), release.channel.as_str())).collect();
    let found = named.into_iter().filter_map(|(product, channel)| newest(definitions(), product, channel));
    found.map(|release| held_definition(release, known.holds(release))).collect()
}

fn held_definition(release: &Release, held: bool) -> pb::HeldDefinition {
    pb::HeldDefinition {
        product: release.product.clone(),
        channel: release.channel.clone(),
        version: release.version.clone(),
        file: release.file().to_owned(),
        length: release.length,
        held,
        released_at: release.released_at.map(timestamp),
        seen_at: Some(timestamp(release.seen_at)),
    }
}
