//! Identifiers and tokens. They are made outside, by an [`IdSource`]; here they are only compared.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::text::{self, TextError};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

uuid_id! {
    /// One logical licence server.
    InstanceId
}
uuid_id! {
    /// What one holder holds of one feature.
    GrantId
}
uuid_id! {
    /// A reservation group.
    GroupId
}
uuid_id! {
    /// A reservation entry.
    EntryId
}
uuid_id! {
    /// A request, named by the client before sending.
    RequestId
}

/// The vendor's id of a line item: 1 to 255 bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineItemId(Arc<str>);

impl LineItemId {
    /// The id, if it keeps the rules.
    pub fn new(text: &str) -> Result<Self, TextError> {
        text::check(text, 255)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LineItemId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Grows with every change that a holder makes to its grant; an older one has no power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(pub u64);

impl FencingToken {
    /// The token of a new grant.
    pub const FIRST: Self = Self(1);

    /// The token after a change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The secret of a grant, known to its holder alone. Never printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub [u8; 16]);

impl fmt::Debug for LeaseToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LeaseToken(…)")
    }
}

/// Where fresh ids and secrets come from.
pub trait IdSource {
    /// A UUID that sorts by the time of its making.
    fn uuid(&mut self) -> Uuid;
    /// An unguessable token.
    fn lease_token(&mut self) -> LeaseToken;
}
