//! `ImportLicenseFile`: takes a response file, in either form, and puts its bundle in force.

use leasehold_proto::sync::v1 as pb;
use leasehold_signing::{ExposeSecret as _, FileKind, SignedFile, sealed_file};
use leasehold_store::sync::{Exchange, Way};

use crate::exchange::accept::{Traffic, accept};
use crate::exchange::alone::{A_MOMENT, alone};
use crate::exchange::response::{Received, unreadable};
use crate::exchange::{in_force, plan};
use crate::instances::Instance;
use crate::state::{Shared, State};
use crate::{Error, convert, keys};

pub(crate) async fn import_license_file(
    state: &Shared,
    message: pb::ImportLicenseFileRequest,
) -> Result<pb::ImportLicenseFileResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let (working, id) = (state.clone(), instance.id);
    let work = async move {
        let came = import(&working, &instance, &message.file).await;
        working.metrics.attempt(Way::File, came.as_ref().err().map(Error::reason));
        came
    };
    let exchange = alone(state, id, A_MOMENT, work).await?;
    Ok(pb::ImportLicenseFileResponse { exchange: Some(convert::exchange(&exchange)) })
}

async fn import(state: &State, instance: &Instance, file: &[u8]) -> Result<Exchange, Error> {
    let identity = state.identity(instance.id).await?;
    let opener = keys::identity(state, instance.id, &identity.keys)?;
    let content = sealed_file::open(file, &opener).map_err(unreadable)?;
    let signed = SignedFile::from_json(content.expose_secret(), FileKind::Response).map_err(unreadable)?;
    let received = Received::from_file(signed);
    // What is wrong with the file itself is told whether licensing answers or not.
    received.verify(&identity.enrolment.vendor_root)?;
    in_force::resume(state, instance).await?;
    let traffic = Traffic { sent: 0, received: file.len() as u64 };
    let number = accept(state, instance.id, &received, None, traffic).await?;
    let exchange = in_force::put(state, instance, number).await?;
    plan::after(state, instance.id, true).await?;
    Ok(exchange)
}
