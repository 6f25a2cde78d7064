//! `ClearServerKeys`: frees a licence server's id from its keys, and ends the suspicion of a clone.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_signing::VerifyingKey;
use leasehold_store::backoffice::LicenseServer;

use super::license_server::{not_found, to_message};
use super::{MAX_LONG, needed, server_id};
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;

pub(crate) async fn clear_server_keys(
    state: &State,
    actor: &str,
    message: pb::ClearServerKeysRequest,
) -> Result<pb::ClearServerKeysResponse, Error> {
    let id = server_id("license_server_id", &message.license_server_id)?;
    let reason = needed("reason", &message.reason, MAX_LONG)?;
    let mut turn = state.store.begin(id).await?.ok_or_else(|| not_found(id))?;
    let old = turn.license_server().clone();
    let detail = format!("{reason} ({})", whose(&old));
    // The sequence stays: what was applied must never be newer than what comes.
    let server = LicenseServer { binding: None, clone_suspected: String::new(), ..old };
    turn.save(&server).await?;
    // Other keys have another history.
    turn.forget_exchanges(server.sequence).await?;
    turn.record(&record(state.now(), actor, Action::KeysCleared, &id, detail)).await?;
    turn.commit().await?;
    Ok(pb::ClearServerKeysResponse { license_server: Some(to_message(&server)) })
}

/// Which keys are cleared, for the audit.
fn whose(server: &LicenseServer) -> String {
    match &server.binding {
        None => "no keys were bound".to_owned(),
        Some(binding) => match VerifyingKey::from_slice(&binding.signing_key) {
            Ok(key) => format!("keys of {}", key.id().fingerprint()),
            Err(error) => format!("keys that cannot be used: {error}"),
        },
    }
}
