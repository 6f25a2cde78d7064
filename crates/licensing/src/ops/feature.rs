//! `ListFeatures` and `GetFeature`: line items summed by name and version, and who holds them.

use std::collections::HashMap;

use leasehold_domain::cell::LineItemState;
use leasehold_domain::feature::{Summary, summarize};
use leasehold_domain::{Device, FeatureName, HostId, Version};
use leasehold_proto::convert::grant::feature_holder;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{GrantFilter, PageQuery};

use super::page;
use crate::Error;
use crate::state::{State, expiry};

/// Holders that the answer about one feature names; the list of grants pages over all.
const MAX_HOLDERS: u32 = 500;

pub(crate) async fn list_features(
    state: &State,
    message: pb::ListFeaturesRequest,
) -> Result<pb::ListFeaturesResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let query = page::query(page::List::Features, message.page)?;
    let items = state.store.line_items(instance).await?;
    let search = query.search.to_lowercase();
    let mut rows = summarize(&items);
    rows.retain(|row| row.name.as_str().to_lowercase().contains(&search));
    let page = page::cut(rows, &query, sort_key);
    Ok(pb::ListFeaturesResponse {
        features: page.rows.iter().map(Into::into).collect(),
        page: Some(page::info(page::List::Features, &page)),
    })
}

/// Sorts as the list is sorted: by name, then by version as numbers.
fn sort_key(row: &Summary) -> String {
    format!("{}\u{0}{}", row.name, version_key(&row.version))
}

fn version_key(version: &Version) -> String {
    version.components().map(|component| format!("{component:010}")).join(".")
}

pub(crate) async fn get_feature(
    state: &State,
    message: pb::GetFeatureRequest,
) -> Result<pb::GetFeatureResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let name = FeatureName::new(&message.name).map_err(|error| Error::field("name", error.to_string()))?;
    let mut items: Vec<LineItemState> = state.store.line_items(instance).await?;
    items.retain(|item| item.item.feature == name);
    if items.is_empty() {
        return Err(Error::NotFound { what: "feature", name: message.name });
    }
    let filter = GrantFilter { feature: Some(name), device: None };
    let first = PageQuery { limit: MAX_HOLDERS, after: None, skip: 0, search: String::new() };
    let grants = state.store.grants(instance, &filter, &first).await?.rows;
    let mut devices: HashMap<HostId, Device> = HashMap::new();
    for grant in &grants {
        let hostid = &grant.holder.device;
        if !devices.contains_key(hostid)
            && let Some(row) = state.store.device(instance, hostid).await?
        {
            devices.insert(hostid.clone(), row.device);
        }
    }
    let holder = |grant| {
        let grant: &leasehold_domain::Grant = grant;
        feature_holder(grant, expiry(grant), devices.get(&grant.holder.device))
    };
    Ok(pb::GetFeatureResponse {
        versions: summarize(&items).iter().map(Into::into).collect(),
        line_items: items.iter().map(Into::into).collect(),
        holders: grants.iter().map(holder).collect(),
    })
}
