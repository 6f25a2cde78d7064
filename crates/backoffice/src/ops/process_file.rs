//! `ProcessFile`: answers a request file with a response file.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_signing::sealed_file::{self, Form};
use leasehold_signing::{Envelope, ExposeSecret, FileKind, SignedFile, read_chain};

use super::answer::{self, Answered};
use crate::Error;
use crate::state::State;

pub(crate) async fn process_file(
    state: &State,
    message: pb::ProcessFileRequest,
) -> Result<pb::ProcessFileResponse, Error> {
    if message.file.is_empty() {
        return Err(Error::field("file", "is empty; give the content of a request file"));
    }
    let request = open(state, &message.file).await?;
    let answered = answer::answer(state, &request.envelope, "file").await?;
    let form = if message.armored { Form::Armored } else { Form::Binary };
    Ok(pb::ProcessFileResponse {
        file: seal(&answered, form)?,
        license_server_id: answered.license_server.to_string(),
        bundle_sequence: answered.sequence,
    })
}

async fn open(state: &State, file: &[u8]) -> Result<SignedFile, Error> {
    let identity = state.vendor().await?.identity;
    let content =
        sealed_file::open(file, &identity).map_err(|error| Error::FileUnreadable(error.to_string()))?;
    SignedFile::from_json(content.expose_secret(), FileKind::Request)
        .map_err(|error| Error::FileUnreadable(error.to_string()))
}

fn seal(answered: &Answered, form: Form) -> Result<Vec<u8>, Error> {
    let response = SignedFile {
        kind: FileKind::Response,
        envelope: Envelope::from_protobuf(&answered.signed.envelope).map_err(Error::broken)?,
        certificates: read_chain(&answered.signed.certificates).map_err(Error::broken)?,
    };
    sealed_file::seal(response.to_json().as_bytes(), &answered.recipient, form)
        .map_err(|error| Error::TooMuch(error.to_string()))
}
