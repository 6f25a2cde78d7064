//! Whole files between a server and its vendor: age around them, and securesystemslib for what is signed in them.

use leasehold_signing::sealed_file::{self, Form, Identity};
use leasehold_signing::{
    Envelope, ExposeSecret, FileKind, PayloadType, SignedFile, SigningKey, VerifyingKey,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::age::Age;
use crate::run;
use crate::securesystemslib::Script;

const FORMS: [Form; 2] = [Form::Binary, Form::Armored];

#[test]
fn stock_tools_open_and_verify_our_file() {
    let (Some(age), Some(script)) = (Age::find(), Script::find()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let receiver = Identity::generate(&mut StdRng::seed_from_u64(1));
    let key = SigningKey::from_seed(&[1; 32]);
    let kind = PayloadType::SyncRequest;
    for form in FORMS {
        let envelope = Envelope::sign(kind, b"a request".to_vec(), &key).unwrap();
        let file = SignedFile { kind: FileKind::Request, envelope, certificates: Vec::new() };
        let path = dir.path().join("request");
        let sealed = sealed_file::seal(file.to_json().as_bytes(), receiver.recipient(), form).unwrap();
        std::fs::write(&path, sealed).unwrap();
        let opened = dir.path().join("request.json");
        std::fs::write(&opened, age.open(&path, &receiver)).unwrap();
        let said = script.verify(&opened, key.verifying_key());
        let payload = data_encoding::HEXLOWER.encode(b"a request");
        assert_eq!(said, format!("{} {kind} {payload}\n", key.id()), "{form:?}");
    }
}

#[test]
fn we_open_and_verify_the_file_of_stock_tools() {
    let (Some(age), Some(script)) = (Age::find(), Script::find()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let receiver = Identity::generate(&mut StdRng::seed_from_u64(1));
    let kind = PayloadType::SyncResponse;
    for form in FORMS {
        let path = dir.path().join("response.json");
        let mut sign = script.command("sign-file", &path);
        sign.args([FileKind::Response.format(), &kind.to_string(), "a response"]);
        let public: VerifyingKey = String::from_utf8(run(&mut sign)).unwrap().trim().parse().unwrap();
        let sealed = age.seal(&path, receiver.recipient(), form);
        let content = sealed_file::open(&sealed, &receiver).unwrap();
        let file = SignedFile::from_json(content.expose_secret(), FileKind::Response).unwrap();
        assert_eq!(file.certificates, []);
        assert_eq!(file.envelope.open(kind, &public).unwrap(), b"a response", "{form:?}");
    }
}
