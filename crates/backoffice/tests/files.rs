//! Request files and the response files they get.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use leasehold_proto::backoffice::v1 as pb;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::ErrorReason;
use leasehold_signing::sealed_file::{self, Form};
use leasehold_signing::{FileKind, SignedFile};

use support::{World, ask};

async fn process(world: &World, file: &[u8], armored: bool) -> Result<pb::ProcessFileResponse, ApiError> {
    world.back_office.process_file(pb::ProcessFileRequest { file: file.to_vec(), armored }).await
}

#[tokio::test]
async fn a_file_is_answered_as_the_same_request_over_the_network_is() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    world.entitle(&server, &[("cad", 5)]).await;
    let request = server.request();
    let answered = process(&world, &server.file(&request, Form::Binary), false).await.unwrap();
    assert_eq!((answered.license_server_id, answered.bundle_sequence), (server.id(), 1));
    let signed = server.open(&answered.file);
    assert_eq!(ask(&world.back_office, &request).await.unwrap(), signed);

    // The other form, in the text of a mail, both ways.
    let mail = [b"> Dear vendor,\r\n".as_slice(), &server.file(&request, Form::Armored), b"\r\nYours\r\n"];
    let again = process(&world, &mail.concat(), true).await.unwrap();
    assert!(again.file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----"));
    assert_eq!(server.open(&again.file), signed);
    assert_eq!(server.apply(&signed).line_items.len(), 1);
}

#[tokio::test]
async fn a_response_file_is_for_its_server_alone() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let request = server.request();
    let answered = process(&world, &server.file(&request, Form::Binary), false).await.unwrap();
    let other = server.reinstalled();
    assert_eq!(
        sealed_file::open(&answered.file, &other.identity).unwrap_err(),
        sealed_file::SealedFileError::ForAnother
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_changes_nothing() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let request = server.request();
    let file = server.file(&request, Form::Binary);
    let json = |kind| SignedFile { kind, envelope: request.clone(), certificates: Vec::new() }.to_json();
    let sealed = |content: &str| {
        let recipient = server.enrolment.vendor_recipient.parse().unwrap();
        sealed_file::seal(content.as_bytes(), &recipient, Form::Binary).unwrap()
    };
    let for_another = {
        let content = json(FileKind::Request);
        sealed_file::seal(content.as_bytes(), server.identity.recipient(), Form::Binary).unwrap()
    };
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (bytes, says) in [
        (b"a letter".to_vec(), "no sealed file"),
        (file[..file.len() - 1].to_vec(), "damaged"),
        (file[..100].to_vec(), "cut short"),
        (damaged, "damaged"),
        (for_another, "for somebody else"),
        (sealed("{\"format\":"), "cut short"),
        (sealed("[]"), "not an object"),
        (sealed(&json(FileKind::Response)), "leasehold-sync-response"),
    ] {
        let error = process(&world, &bytes, false).await.unwrap_err();
        assert_eq!(error.reason, ErrorReason::FileUnreadable, "{error}");
        assert!(error.message.contains(says), "{says:?} is not in {error}");
    }
    let error = process(&world, b"", false).await.unwrap_err();
    assert_eq!((error.reason, error.fields[0].0.as_str()), (ErrorReason::InvalidField, "file"));
    assert_eq!(world.look(&server).await.bundle_sequence, 0);
}

#[tokio::test]
async fn a_file_is_refused_as_a_request_over_the_network_is() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    server.synchronize(&world.back_office).await.unwrap();
    let mut second = server.reinstalled();
    let request = second.request();
    let error = process(&world, &second.file(&request, Form::Binary), false).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::KeyAlreadyBound);

    let message = server.message();
    let file = second.file(&second.sign(&message), Form::Armored);
    let error = process(&world, &file, false).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::SignatureInvalid);

    let mut message = server.message();
    message.nonce.clear();
    let file = server.file(&server.sign(&message), Form::Binary);
    assert_eq!(process(&world, &file, false).await.unwrap_err().fields[0].0, "file.nonce");
}
