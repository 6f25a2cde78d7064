//! `ApplyBundle`: puts the rights that the vendor grants in force.
//!
//! Licensing verifies the bundle itself, whoever brings it. Its line items take the place of all others, and that it is
//! in force is noted, in one transaction: no server ever has the rights of one bundle under the number of another. The
//! same bundle once more changes nothing, and an older one is refused.
//! Reference: `docs/reference/licensing.md`, "Bundles".

mod items;
mod offer;

use leasehold_domain::ActivityKind;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::{Bundle, Enrolment};

use super::rights_edit::RightsEdit;
use crate::Error;
use crate::pin::Pin;
use crate::state::State;
use offer::Offer;

/// Most changes that an answer names; how many more there were is said.
const MAX_CHANGES: usize = 1_000;
/// Most characters of a record.
const MAX_DETAIL: usize = 1_000;

pub(crate) async fn apply_bundle(
    state: &State,
    message: &pb::ApplyBundleRequest,
    actor: &str,
) -> Result<pb::ApplyBundleResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let enrolment = state.store.standing(instance.id).await?.enrolment;
    let enrolment = enrolment.ok_or_else(|| Error::NotEnrolled(instance.name.clone()))?;
    let Offer { bundle, items } =
        Offer::read(&Pin::of(&enrolment)?, &message.envelope, &message.certificates)?;
    let mut edit = RightsEdit::begin(state, instance.id).await?;
    if !is_new(&mut edit, &enrolment, &bundle).await? {
        return Ok(answer(&bundle, false, Vec::new()));
    }
    let mut changes = items::replace(&mut edit.items, items);
    edit.allocate();
    edit.bundle = Some(bundle);
    edit.save(state, ActivityKind::RightsChanged, &summary(&bundle, &changes), actor).await?;
    state.metrics.leave(&instance.name, Some(bundle.leave()), state.clock(instance.id).now());
    state.keyring(instance.id).hurry(bundle.sequence);
    tracing::info!(
        instance.name,
        bundle.sequence,
        synchronize_before = %bundle.synchronize_before,
        changes = changes.len(),
        "a bundle is in force"
    );
    shorten(&mut changes);
    Ok(answer(&bundle, true, changes))
}

/// Whether it has yet to be put in force; what is neither that nor in force already is refused.
async fn is_new(edit: &mut RightsEdit, verified_for: &Enrolment, bundle: &Bundle) -> Result<bool, Error> {
    let standing = edit.standing().await?;
    if standing.enrolment.as_ref() != Some(verified_for) {
        return Err(Error::Foreign("the instance was enrolled anew while it came".to_owned()));
    }
    match standing.bundle {
        Some(own) if own.sequence == bundle.sequence && own.digest == bundle.digest => Ok(false),
        Some(own) if own.sequence >= bundle.sequence => {
            Err(Error::BundleRollback { offered: bundle.sequence, in_force: own.sequence })
        }
        _ => Ok(true),
    }
}

fn answer(bundle: &Bundle, applied: bool, changes: Vec<String>) -> pb::ApplyBundleResponse {
    pb::ApplyBundleResponse { sequence: bundle.sequence, applied, changes }
}

fn summary(bundle: &Bundle, changes: &[String]) -> String {
    let Bundle { sequence, synchronize_before, .. } = bundle;
    let what = if changes.is_empty() { "nothing changed".to_owned() } else { changes.join("; ") };
    let text = format!("bundle {sequence}, to be renewed before {synchronize_before}: {what}");
    text.chars().take(MAX_DETAIL).collect()
}

fn shorten(changes: &mut Vec<String>) {
    if changes.len() > MAX_CHANGES {
        let more = changes.len() - (MAX_CHANGES - 1);
        changes.truncate(MAX_CHANGES - 1);
        changes.push(format!("and {more} more"));
    }
}

#[cfg(test)]
mod tests;
