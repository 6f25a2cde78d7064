//! `ListReleases`: the releases, newest first within a product.

use leasehold_domain::updates::Release;
use leasehold_proto::updates::v1 as pb;

use crate::page::{self, List};
use crate::site::Site;
use crate::state::State;
use crate::{Error, convert};

pub(crate) async fn list_releases(
    state: &State,
    site: &Site,
    message: pb::ListReleasesRequest,
) -> Result<pb::ListReleasesResponse, Error> {
    let query = page::query(List::Releases, message.page)?;
    let product = page::of_product(&message.product)?;
    let known = site.known(&*state.store).await?;
    let search = query.search.to_lowercase();
    let is_wanted = |release: &&Release| {
        let texts = [&release.product, &release.version, &release.channel, &release.target];
        product.is_none_or(|product| release.product == product)
            && texts.into_iter().any(|text| text.to_lowercase().contains(&search))
    };
    let mut rows: Vec<&Release> = known.releases.iter().filter(is_wanted).collect();
    rows.sort_by_cached_key(|release| key(release));
    let page = page::cut(rows, &query, |release| key(release));
    let releases = page.rows.iter().map(|release| convert::release(release, known.holds(release))).collect();
    Ok(pb::ListReleasesResponse { releases, page: Some(page::info(List::Releases, &page)) })
}

/// By product, then what was seen last, then what came out last.
fn key(release: &Release) -> String {
    let backwards = |at: jiff::Timestamp| i64::MAX - at.as_second().max(0);
    let (seen, out) = (backwards(release.seen_at), backwards(release.out_since()));
    format!("{}\u{0}{seen:020}\u{0}{out:020}\u{0}{}", release.product, release.target)
}
