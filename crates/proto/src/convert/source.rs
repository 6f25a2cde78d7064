//! Sources: where a count is charged.

use leasehold_domain::{EntryId, Source};

use super::field::{FieldError, required, short_text, uuid};
use crate::licensing::v1 as pb;
use crate::licensing::v1::source::Source as Which;

impl From<&Source> for pb::Source {
    fn from(source: &Source) -> Self {
        let which = match source {
            Source::Default => Which::DefaultPool(pb::DefaultPool {}),
            Source::Pool(name) => Which::Pool(name.clone()),
            Source::Reservation(entry) => Which::ReservationEntryId(entry.to_string()),
        };
        Self { source: Some(which) }
    }
}

impl TryFrom<&pb::Source> for Source {
    type Error = FieldError;

    fn try_from(message: &pb::Source) -> Result<Self, FieldError> {
        match required("source", message.source.as_ref())? {
            Which::DefaultPool(_) => Ok(Self::Default),
            Which::Pool(name) => Ok(Self::Pool(short_text("pool", name)?)),
            Which::ReservationEntryId(id) => {
                Ok(Self::Reservation(EntryId(uuid("reservation_entry_id", id)?)))
            }
        }
    }
}
