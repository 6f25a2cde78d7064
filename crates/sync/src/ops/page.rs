//! The lists of this service.

pub(crate) use leasehold_pages::{info, query};

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Exchanges,
}

impl leasehold_pages::List for List {
    fn mark(self) -> &'static str {
        match self {
            Self::Exchanges => "x",
        }
    }
}
