//! `CreateProduct` and `ListProducts`.

use std::collections::BTreeSet;

use leasehold_domain::FeatureName;
use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_store::backoffice::Product;

use super::{MAX_LONG, MAX_SHORT, needed, optional, page};
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;

/// Most features of a product.
const MAX_FEATURES: usize = 1_000;

pub(crate) async fn create(
    state: &State,
    actor: &str,
    message: pb::CreateProductRequest,
) -> Result<pb::CreateProductResponse, Error> {
    let product = message.product.unwrap_or_default();
    let product = Product {
        name: needed("product.name", &product.name, MAX_SHORT)?,
        description: optional("product.description", &product.description, MAX_LONG)?,
        features: features(&product.features)?,
        created_at: state.now(),
    };
    let record = record(product.created_at, actor, Action::ProductCreated, &product.name, "");
    if !state.store.create_product(&product, &record).await? {
        return Err(Error::AlreadyExists(format!("there is a product {:?} already", product.name)));
    }
    Ok(pb::CreateProductResponse { product: Some(to_message(&product)) })
}

pub(crate) async fn list(
    state: &State,
    message: pb::ListProductsRequest,
) -> Result<pb::ListProductsResponse, Error> {
    let page = state.store.products(&page::query(page::List::Products, message.page)?).await?;
    Ok(pb::ListProductsResponse {
        products: page.rows.iter().map(to_message).collect(),
        page: Some(page::info(page::List::Products, &page)),
    })
}

fn features(names: &[String]) -> Result<Vec<FeatureName>, Error> {
    if names.len() > MAX_FEATURES {
        return Err(Error::field("product.features", format_args!("give at most {MAX_FEATURES}")));
    }
    let (mut seen, mut features) = (BTreeSet::new(), Vec::with_capacity(names.len()));
    for (index, name) in names.iter().enumerate() {
        let field = format!("product.features[{index}]");
        let feature = FeatureName::new(name).map_err(|error| Error::field(&field, error))?;
        if !seen.insert(name) {
            return Err(Error::field(field, "is in the list before; give each feature once"));
        }
        features.push(feature);
    }
    Ok(features)
}

fn to_message(product: &Product) -> pb::Product {
    pb::Product {
        name: product.name.clone(),
        description: product.description.clone(),
        features: product.features.iter().map(ToString::to_string).collect(),
        created_at: Some(timestamp(product.created_at)),
    }
}
