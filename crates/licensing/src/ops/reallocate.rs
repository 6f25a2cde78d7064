//! Divides the counts anew when a line item starts, expires or ends its grace.

use jiff::Timestamp;
use leasehold_domain::allocation::next_boundary;
use leasehold_domain::{ActivityKind, InstanceId};

use super::rights_edit::RightsEdit;
use crate::Error;
use crate::state::State;

/// Does so now, and says when the next time is.
pub(crate) async fn reallocate(state: &State, instance: InstanceId) -> Result<Option<Timestamp>, Error> {
    let mut edit = RightsEdit::begin(state, instance).await?;
    edit.allocate();
    let next = next_boundary(edit.items.values().map(|state| &state.item), edit.now);
    if edit.is_changed() {
        edit.save(
            state,
            ActivityKind::RightsChanged,
            "counts divided anew: a line item started or ended",
            "server",
        )
        .await?;
    }
    Ok(next)
}
