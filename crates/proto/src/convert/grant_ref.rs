//! Grant references: what a caller shows to act on a grant.

use std::fmt;

use leasehold_domain::{FencingToken, GrantId, GrantRef, LeaseToken};

use super::field::{FieldError, each, uuid};
use crate::licensing::v1 as pb;

/// Most grants that one call may name.
pub const MAX_GRANTS: usize = 1_000;

/// The secret is left out, so that no log ever has it.
impl fmt::Debug for pb::GrantRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GrantRef")
            .field("grant_id", &self.grant_id)
            .field("fencing_token", &self.fencing_token)
            .finish_non_exhaustive()
    }
}

impl From<GrantRef> for pb::GrantRef {
    fn from(reference: GrantRef) -> Self {
        Self {
            grant_id: reference.id.to_string(),
            fencing_token: reference.fencing_token.0,
            lease_token: reference.lease_token.map(|token| token.0.to_vec()).unwrap_or_default(),
        }
    }
}

impl TryFrom<&pb::GrantRef> for GrantRef {
    type Error = FieldError;

    fn try_from(message: &pb::GrantRef) -> Result<Self, FieldError> {
        let lease_token = match message.lease_token.as_slice() {
            [] => None,
            bytes => Some(LeaseToken(bytes.try_into().map_err(|_| {
                FieldError::new(
                    "lease_token",
                    "give the 16 bytes of the grant's token, or nothing for a borrow",
                )
            })?)),
        };
        Ok(Self {
            id: GrantId(uuid("grant_id", &message.grant_id)?),
            fencing_token: FencingToken(message.fencing_token),
            lease_token,
        })
    }
}

/// The 1 to [`MAX_GRANTS`] grants that a message names in `field`.
pub fn read_grant_refs(field: &str, messages: &[pb::GrantRef]) -> Result<Vec<GrantRef>, FieldError> {
    if messages.is_empty() {
        return Err(FieldError::new(field, "name 1 to 1,000 grants"));
    }
    read_any_grant_refs(field, messages)
}

/// The grants, at most [`MAX_GRANTS`], that a message names in `field`.
pub fn read_any_grant_refs(field: &str, messages: &[pb::GrantRef]) -> Result<Vec<GrantRef>, FieldError> {
    if messages.len() > MAX_GRANTS {
        return Err(FieldError::new(field, "name at most 1,000 grants in one call"));
    }
    each(field, messages, GrantRef::try_from)
}
