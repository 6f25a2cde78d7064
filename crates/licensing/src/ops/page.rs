//! The lists of this service.

pub(crate) use leasehold_pages::{cut, info, query};

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Features,
    Devices,
    Grants,
    Groups,
    Activity,
    Usage,
    Denials,
}

impl leasehold_pages::List for List {
    fn mark(self) -> &'static str {
        match self {
            Self::Features => "f",
            Self::Devices => "d",
            Self::Grants => "g",
            Self::Groups => "r",
            Self::Activity => "a",
            Self::Usage => "u",
            Self::Denials => "n",
        }
    }
}
