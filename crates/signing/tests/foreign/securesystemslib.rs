//! securesystemslib signs and verifies envelopes.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use leasehold_signing::{Envelope, PayloadType, SigningKey, VerifyingKey};

use crate::{run, works};

/// Names the Python to use.
const PYTHON: &str = "LEASEHOLD_TEST_PYTHON";
const TYPE: PayloadType = PayloadType::SyncResponse;

/// The script that uses it.
pub(crate) struct Script(OsString);

impl Script {
    /// With a Python that has securesystemslib; one that is named has to have it.
    pub(crate) fn find() -> Option<Self> {
        let advice = "run `python3 -m venv DIR && DIR/bin/pip install 'securesystemslib[crypto]'`";
        let Some(program) = std::env::var_os(PYTHON) else {
            eprintln!("SKIPPED: {advice} and set {PYTHON}");
            return None;
        };
        let has_it = works(Command::new(&program).args(["-c", "import cryptography, securesystemslib.dsse"]));
        assert!(has_it, "{} has no securesystemslib; {advice}", program.display());
        Some(Self(program))
    }

    pub(crate) fn command(&self, does: &str, file: &Path) -> Command {
        let mut command = Command::new(&self.0);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/dsse.py");
        command.arg(script).arg(does).arg(file);
        command
    }

    /// What it says of the key's id, the payload's type and the payload.
    pub(crate) fn verify(&self, file: &Path, key: &VerifyingKey) -> String {
        String::from_utf8(run(self.command("verify", file).arg(key.to_string()))).unwrap()
    }
}

#[test]
fn securesystemslib_verifies_what_we_sign() {
    let Some(script) = Script::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("envelope.json");
    let keys = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let mut envelope = Envelope::sign(TYPE, b"signed by us \xff\x00".to_vec(), &keys[0]).unwrap();
    envelope.add_signature(&keys[1]).unwrap();
    std::fs::write(&file, envelope.to_json()).unwrap();
    for key in &keys {
        let said = script.verify(&file, key.verifying_key());
        assert_eq!(said, format!("{} {TYPE} {}\n", key.id(), payload_hex()));
    }
    let other = SigningKey::from_seed(&[3; 32]).verifying_key().to_string();
    assert!(!works(script.command("verify", &file).arg(other)), "a key that has not signed must not verify");
}

fn payload_hex() -> String {
    data_encoding::HEXLOWER.encode(b"signed by us \xff\x00")
}

#[test]
fn we_verify_what_securesystemslib_signs() {
    let Some(script) = Script::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("envelope.json");
    let mut sign = script.command("sign", &file);
    let public = String::from_utf8(run(sign.arg(TYPE.to_string()).arg("signed by others"))).unwrap();
    let key: VerifyingKey = public.trim().parse().unwrap();
    let envelope = Envelope::from_json(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(envelope.signatures()[0].key_id(), key.id());
    assert_eq!(envelope.open(TYPE, &key).unwrap(), b"signed by others");
    let other = SigningKey::from_seed(&[3; 32]);
    assert_eq!(envelope.open(TYPE, other.verifying_key()).unwrap_err().reason(), "SIGNED_BY_ANOTHER_KEY");
}
