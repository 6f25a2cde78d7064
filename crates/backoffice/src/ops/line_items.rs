//! Line items of an entitlement: what they may be, and their stored form.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_domain::{LineItem, LineItemId};
use leasehold_proto::licensing::v1 as licensing;
use leasehold_store::backoffice::{EntitlementId, LineItemContent, Product};
use prost::Message;

use crate::Error;
use crate::state::State;

/// Most line items of one entitlement.
const MAX_LINE_ITEMS: usize = 10_000;
/// Most bytes of all line items of a licence server, so that a bundle fits in a message.
const MAX_RIGHTS: usize = 3 * 1024 * 1024;

/// Reads the line items of a request. One without an id gets one.
pub(super) async fn read(
    state: &State,
    messages: &[licensing::LineItem],
) -> Result<Vec<LineItemContent>, Error> {
    if messages.len() > MAX_LINE_ITEMS {
        return Err(Error::field(
            "line_items",
            format_args!("give at most {MAX_LINE_ITEMS} in one entitlement"),
        ));
    }
    let mut items = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        items.push(read_one(state, index, message)?);
    }
    unique(&items)?;
    check_products(&catalogue(state, &items).await?, &items)?;
    Ok(items.iter().map(encode).collect())
}

/// Checks that the line items fit beside those of the server's other entitlements.
pub(super) fn check_beside(
    own: EntitlementId,
    items: &[LineItemContent],
    all: &[(EntitlementId, LineItemContent)],
) -> Result<(), Error> {
    let others: BTreeMap<&LineItemId, EntitlementId> =
        all.iter().filter(|(of, _)| *of != own).map(|(of, item)| (&item.id, *of)).collect();
    if let Some((item, other)) = items.iter().find_map(|item| Some((item, others.get(&item.id)?))) {
        let id = item.id.as_str();
        let text = format!("entitlement {other} has a line item {id:?} already; choose another id");
        return Err(Error::AlreadyExists(text));
    }
    let others = all.iter().filter(|(of, _)| *of != own).map(|(_, item)| item.content.len());
    let size: usize = items.iter().map(|item| item.content.len()).chain(others).sum();
    if size > MAX_RIGHTS {
        let text = format!(
            "the line items of the licence server would have {size} bytes in all, and {MAX_RIGHTS} are allowed; give \
             less, or shorter texts"
        );
        return Err(Error::TooMuch(text));
    }
    Ok(())
}

/// The stored form back as a message.
pub(super) fn decode(item: &LineItemContent) -> Result<licensing::LineItem, Error> {
    licensing::LineItem::decode(item.content.as_slice())
        .map_err(|error| Error::broken(format_args!("line item {}: {error}", item.id)))
}

fn read_one(state: &State, index: usize, message: &licensing::LineItem) -> Result<LineItem, Error> {
    let at = |field: &str| format!("line_items[{index}].{field}");
    let named;
    let message = if message.line_item_id.is_empty() {
        named = licensing::LineItem { line_item_id: state.id().to_string(), ..message.clone() };
        &named
    } else {
        message
    };
    let item = LineItem::try_from(message).map_err(|error| Error::field(at(&error.field), error.problem))?;
    // What is signed must be what a server can keep, or it would hear of a change with every bundle.
    let item = item.in_microseconds();
    match (item.starts_at, item.expires_at) {
        (Some(start), Some(end)) if start >= end => Err(Error::field(
            at("expires_at"),
            format_args!("must be after starts_at ({start}); found {end}"),
        )),
        _ => Ok(item),
    }
}

fn unique(items: &[LineItem]) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(first) = seen.insert(&item.id, index) {
            let problem = format!("line_items[{first}] has this id already; choose another");
            return Err(Error::field(format!("line_items[{index}].line_item_id"), problem));
        }
    }
    Ok(())
}

/// The products that the line items name.
async fn catalogue(state: &State, items: &[LineItem]) -> Result<BTreeMap<String, Product>, Error> {
    let names: BTreeSet<&str> =
        items.iter().map(|item| item.product.as_str()).filter(|name| !name.is_empty()).collect();
    let mut products = BTreeMap::new();
    for name in names {
        if let Some(product) = state.store.product(name).await? {
            products.insert(name.to_owned(), product);
        }
    }
    Ok(products)
}

fn check_products(products: &BTreeMap<String, Product>, items: &[LineItem]) -> Result<(), Error> {
    for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.product.is_empty()) {
        let at = |field: &str| format!("line_items[{index}].{field}");
        let Some(product) = products.get(&item.product) else {
            let problem = format!("there is no product {:?}; add it first, or leave it out", item.product);
            return Err(Error::field(at("product"), problem));
        };
        if !product.features.is_empty() && !product.features.contains(&item.feature) {
            let (feature, product) = (item.feature.as_str(), &item.product);
            let problem = format!("the product {product:?} has no feature {feature:?}");
            return Err(Error::field(at("feature"), problem));
        }
    }
    Ok(())
}

fn encode(item: &LineItem) -> LineItemContent {
    LineItemContent { id: item.id.clone(), content: licensing::LineItem::from(item).encode_to_vec() }
}
