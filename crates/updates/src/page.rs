//! The lists of this service, and what they may be asked for besides a page.

use leasehold_domain::text;

use crate::Error;

pub(crate) use leasehold_pages::{cut, info, query};

const MAX_PRODUCT: usize = 255;

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Products,
    Releases,
    Clients,
    Events,
}

impl leasehold_pages::List for List {
    fn mark(self) -> &'static str {
        match self {
            Self::Products => "p",
            Self::Releases => "r",
            Self::Clients => "c",
            Self::Events => "e",
        }
    }
}

/// The product that a list is about; `None`: about all. A database does not take every text.
pub(crate) fn of_product(name: &str) -> Result<Option<&str>, Error> {
    text::check_optional(name, MAX_PRODUCT).map_err(|error| Error::field("product", error.to_string()))?;
    Ok((!name.is_empty()).then_some(name))
}
