use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::*;
use crate::envelope::Field;
use crate::sealed_file::{self, Form, Identity};
use crate::{PayloadType, SigningKey};

fn envelope(kind: PayloadType) -> Envelope {
    Envelope::sign(kind, b"content".to_vec(), &SigningKey::from_seed(&[1; 32])).unwrap()
}

fn response() -> SignedFile {
    SignedFile {
        kind: FileKind::Response,
        envelope: envelope(PayloadType::SyncResponse),
        certificates: vec![envelope(PayloadType::KeyCertificate)],
    }
}

/// The file after a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<SignedFile, FileError> {
    let mut json: Value = serde_json::from_str(&response().to_json()).unwrap();
    change(&mut json);
    SignedFile::from_json(json.to_string().as_bytes(), FileKind::Response)
}

/// The form does not change unseen.
#[test]
fn a_file_is_written_as_described() {
    let file = SignedFile {
        kind: FileKind::Request,
        envelope: envelope(PayloadType::SyncRequest),
        certificates: Vec::new(),
    };
    let envelope = file.envelope.to_json();
    assert_eq!(
        file.to_json(),
        format!(
            r#"{{"format":"leasehold-sync-request","version":1,"envelope":{envelope},"certificates":[]}}"#
        )
    );
    let certificate = response().certificates[0].to_json();
    assert!(
        response().to_json().starts_with(r#"{"format":"leasehold-sync-response","version":1,"envelope":{"#)
    );
    assert!(response().to_json().ends_with(&format!(r#","certificates":[{certificate}]}}"#)));
}

#[test]
fn both_kinds_come_back_whole() {
    assert_eq!(SignedFile::from_json(response().to_json().as_bytes(), FileKind::Response), Ok(response()));
    let request = SignedFile { kind: FileKind::Request, certificates: Vec::new(), ..response() };
    assert_eq!(SignedFile::from_json(request.to_json().as_bytes(), FileKind::Request), Ok(request.clone()));
    let error = SignedFile::from_json(request.to_json().as_bytes(), FileKind::Response).unwrap_err();
    assert_eq!(error, FileError::OtherKind { wanted: FileKind::Response, found: FileKind::Request });
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&request.to_json()).unwrap()).unwrap();
    assert_eq!(SignedFile::from_json(pretty.as_bytes(), FileKind::Request), Ok(request));
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    type Change = fn(&mut Value);
    let kind = |part, expected| FileError::WrongKind { part, expected };
    let cases: [(Change, FileError); 12] = [
        (|json| json["format"] = Value::Null, FileError::Missing(Part::Format)),
        (|json| json["format"] = json!(1), kind(Part::Format, "a string")),
        (|json| json["format"] = json!("zip"), FileError::Format("zip".into())),
        (|json| json["version"] = Value::Null, FileError::Missing(Part::Version)),
        (|json| json["version"] = json!("1"), kind(Part::Version, "a whole number")),
        (|json| json["version"] = json!(1.0), kind(Part::Version, "a whole number")),
        (|json| json["version"] = json!(-1), kind(Part::Version, "a whole number")),
        (|json| json["envelope"] = Value::Null, FileError::Missing(Part::Envelope)),
        (|json| json["certificates"] = Value::Null, FileError::Missing(Part::Certificates)),
        (|json| json["certificates"] = json!({}), kind(Part::Certificates, "a list")),
        (
            |json| json["envelope"]["payload"] = json!("?"),
            FileError::Envelope { part: Part::Envelope, source: EnvelopeError::Base64(Field::Payload) },
        ),
        (
            |json| json["certificates"][0]["payloadType"] = Value::Null,
            FileError::Envelope {
                part: Part::Certificate(0),
                source: EnvelopeError::Missing(Field::PayloadType),
            },
        ),
    ];
    for (change, error) in cases {
        assert_eq!(changed(change), Err(error));
    }
    let error = changed(|json| json["certificates"][0] = json!(7)).unwrap_err();
    assert!(error.to_string().contains("`certificates[0]`"), "{error}");
    let long = changed(|json| json["format"] = json!("é".repeat(1000))).unwrap_err();
    assert_eq!(long, FileError::Format("é".repeat(SHOWN)));
}

/// Whatever else has changed in it.
#[test]
fn a_later_version_is_told_first() {
    let later = r#"{"version":2,"format":"leasehold-sync-response","envelope":7,"certificates":{}}"#;
    assert_eq!(SignedFile::from_json(later.as_bytes(), FileKind::Response), Err(FileError::Version(2)));
}

#[test]
fn a_file_is_an_object_whose_keys_stand_once() {
    let json = response().to_json();
    let twice = json.replacen('{', r#"{"version":1,"#, 1);
    let value: Value = serde_json::from_str(&json).unwrap();
    let list =
        json!([value["format"], value["version"], value["envelope"], value["certificates"]]).to_string();
    for text in [twice, list, "7".into(), format!("{json}x")] {
        let error = SignedFile::from_json(text.as_bytes(), FileKind::Response).unwrap_err();
        assert_eq!(error.reason(), "FILE_MALFORMED", "{text}: {error}");
    }
    for end in 0..json.len() {
        let error = SignedFile::from_json(&json.as_bytes()[..end], FileKind::Response).unwrap_err();
        assert_eq!(error, FileError::Truncated, "{end}");
    }
    assert_eq!(changed(|json| json["note"] = json!({"format": [1]})), Ok(response()));
}

#[test]
fn certificates_are_bounded() {
    let with = |count: usize| {
        changed(|json| json["certificates"] = Value::Array(vec![json["certificates"][0].clone(); count]))
    };
    assert_eq!(with(0).unwrap().certificates, []);
    assert_eq!(with(8).unwrap().certificates.len(), 8);
    assert_eq!(with(9), Err(FileError::TooManyCertificates));
    // None of them is looked at.
    assert_eq!(
        changed(|json| json["certificates"] = json!(vec![0; 1000])),
        Err(FileError::TooManyCertificates)
    );
}

/// Whatever can be signed can be sent.
#[test]
fn the_largest_payload_fits_into_a_sealed_file_of_either_form() {
    let key = SigningKey::from_seed(&[1; 32]);
    let envelope = Envelope::sign(PayloadType::SyncResponse, vec![7; Envelope::MAX_PAYLOAD], &key).unwrap();
    let json = SignedFile { envelope, ..response() }.to_json();
    let receiver = Identity::generate(&mut StdRng::seed_from_u64(1));
    for form in [Form::Binary, Form::Armored] {
        assert!(sealed_file::seal(json.as_bytes(), receiver.recipient(), form).is_ok(), "{form:?}");
    }
}
