//! `ListProducts`: the products that there are releases of.

use std::collections::BTreeSet;

use leasehold_domain::updates::{Release, ReleaseState, newest};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::updates::v1 as pb;
use leasehold_store::updates::Holding;

use crate::Error;
use crate::convert::count;
use crate::page::{self, List};
use crate::site::Site;
use crate::state::State;

pub(crate) async fn list_products(
    state: &State,
    site: &Site,
    message: pb::ListProductsRequest,
) -> Result<pb::ListProductsResponse, Error> {
    let query = page::query(List::Products, message.page)?;
    let known = site.known(&*state.store).await?;
    let holdings = state.store.holdings(site.instance.id).await?;
    let search = query.search.to_lowercase();
    let names: BTreeSet<&str> = known.releases.iter().map(|release| release.product.as_str()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.to_lowercase().contains(&search)).collect();
    let page = page::cut(names, &query, |name| (*name).to_owned());
    let products = page.rows.iter().map(|name| product(name, &known.releases, &holdings)).collect();
    Ok(pb::ListProductsResponse { products, page: Some(page::info(List::Products, &page)) })
}

fn product(name: &str, releases: &[Release], holdings: &[Holding]) -> pb::Product {
    let of_it: Vec<&Release> = releases.iter().filter(|release| release.product == name).collect();
    let channels: BTreeSet<&str> = of_it.iter().map(|release| release.channel.as_str()).collect();
    let newest_each: Vec<&Release> =
        channels.iter().filter_map(|channel| newest(of_it.iter().copied(), name, channel)).collect();
    let last = newest_each.iter().max_by_key(|release| release.out_since());
    // Those for other machines are as new as the newest of their version.
    let is_current = |holding: &&Holding| {
        let held = of_it.iter().find(|release| Some(release.sha256) == holding.sha256);
        held.is_some_and(|held| {
            let same = |newest: &&Release| newest.channel == held.channel && newest.version == held.version;
            held.state == ReleaseState::Approved && newest_each.iter().any(same)
        })
    };
    let following: Vec<&Holding> = holdings.iter().filter(|holding| holding.product == name).collect();
    let sum =
        |holdings: &mut dyn Iterator<Item = &Holding>| count(holdings.map(|holding| holding.clients).sum());
    pb::Product {
        name: name.to_owned(),
        releases: count(of_it.len() as u64),
        newest_version: last.map(|release| release.version.clone()).unwrap_or_default(),
        newest_released_at: last.map(|release| timestamp(release.out_since())),
        clients: sum(&mut following.iter().copied()),
        current_clients: sum(&mut following.iter().copied().filter(is_current)),
    }
}
