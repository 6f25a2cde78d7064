//! `ExportSyncData`: makes a request file, sealed for the vendor.

use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_signing::sealed_file::{self, Form, Recipient};
use leasehold_signing::{FileKind, SignedFile};
use leasehold_store::sync::{Identity, Way};

use crate::Error;
use crate::exchange::request;
use crate::state::State;

pub(crate) async fn export_sync_data(
    state: &State,
    call: &CallContext,
    message: pb::ExportSyncDataRequest,
) -> Result<pb::ExportSyncDataResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let form = if message.armored { Form::Armored } else { Form::Binary };
    let actor = super::actor(call);
    let made = request::make(state, instance.id, Way::File, &actor, |identity, envelope| {
        let file =
            SignedFile { kind: FileKind::Request, envelope: envelope.clone(), certificates: Vec::new() };
        sealed_file::seal(file.to_json().as_bytes(), &recipient(identity)?, form)
            .map_err(|error| Error::Defect(format!("a request cannot be sealed: {error}")))
    });
    let (number, file) = made.await?;
    Ok(pb::ExportSyncDataResponse { file, number })
}

fn recipient(identity: &Identity) -> Result<Recipient, Error> {
    // What does not parse was not checked when it came: as good as none.
    identity.enrolment.vendor_recipient.parse().map_err(|_| Error::NoRecipient)
}
