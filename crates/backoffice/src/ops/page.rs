//! The lists of this service.

pub(crate) use leasehold_pages::{info, query};

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Products,
    Customers,
    LicenseServers,
    Entitlements,
    Audit,
}

impl leasehold_pages::List for List {
    fn mark(self) -> &'static str {
        match self {
            Self::Products => "p",
            Self::Customers => "k",
            Self::LicenseServers => "s",
            Self::Entitlements => "e",
            Self::Audit => "a",
        }
    }
}
