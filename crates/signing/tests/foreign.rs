//! What others made of the same formats: securesystemslib signs and verifies.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests and what they share")]

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use leasehold_signing::{Envelope, PayloadType, SigningKey, VerifyingKey};

/// Names the Python to use.
const PYTHON: &str = "LEASEHOLD_TEST_PYTHON";
const TYPE: PayloadType = PayloadType::SyncResponse;

/// A Python with securesystemslib; one that is named has to have it.
fn python() -> Option<OsString> {
    let advice = "run `python3 -m venv DIR && DIR/bin/pip install 'securesystemslib[crypto]'`";
    let Some(program) = std::env::var_os(PYTHON) else {
        eprintln!("SKIPPED: {advice} and set {PYTHON}");
        return None;
    };
    let tried = Command::new(&program).args(["-c", "import cryptography, securesystemslib.dsse"]).output();
    let works = tried.is_ok_and(|output| output.status.success());
    assert!(works, "{} has no securesystemslib; {advice}", program.display());
    Some(program)
}

/// What the command says on standard output; it has to end well.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/dsse.py")
}

#[test]
fn securesystemslib_verifies_what_we_sign() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("envelope.json");
    let keys = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let mut envelope = Envelope::sign(TYPE, b"signed by us \xff\x00".to_vec(), &keys[0]).unwrap();
    envelope.add_signature(&keys[1]).unwrap();
    std::fs::write(&file, envelope.to_json()).unwrap();
    for key in &keys {
        let public = key.verifying_key().to_string();
        let said = run(Command::new(&python).arg(script()).arg("verify").arg(&file).arg(public));
        assert_eq!(String::from_utf8(said).unwrap(), format!("{} {TYPE} {}\n", key.id(), payload_hex()));
    }
    let other = SigningKey::from_seed(&[3; 32]).verifying_key().to_string();
    let said = Command::new(&python).arg(script()).arg("verify").arg(&file).arg(other).output().unwrap();
    assert!(!said.status.success(), "a key that has not signed must not verify");
}

fn payload_hex() -> String {
    data_encoding::HEXLOWER.encode(b"signed by us \xff\x00")
}

#[test]
fn we_verify_what_securesystemslib_signs() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("envelope.json");
    let mut sign = Command::new(&python);
    sign.arg(script()).arg("sign").arg(&file).arg(TYPE.to_string()).arg("signed by others");
    let public = String::from_utf8(run(&mut sign)).unwrap();
    let key: VerifyingKey = public.trim().parse().unwrap();
    let envelope = Envelope::from_json(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(envelope.signatures()[0].key_id(), key.id());
    assert_eq!(envelope.open(TYPE, &key).unwrap(), b"signed by others");
    let other = SigningKey::from_seed(&[3; 32]);
    assert_eq!(envelope.open(TYPE, other.verifying_key()).unwrap_err().reason(), "SIGNED_BY_ANOTHER_KEY");
}
