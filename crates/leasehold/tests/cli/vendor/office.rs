//! A back office of the test's own, and a machine that asks it by file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use leasehold_proto::sync::v1::{SyncRequest, SyncResponse};
use leasehold_signing::sealed_file::{self, Form, Identity};
use leasehold_signing::{Envelope, ExposeSecret, FileKind, PayloadType, SignedFile, SigningKey};
use prost::Message;
use rand::rngs::StdRng;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Place, ended, send, until};

/// Sets a vendor up; the name is to follow.
pub(super) const INIT: [&str; 7] = ["vendor", "init", "--dir", "office", "--vendor-id", "example", "--name"];

/// A back office that is killed when the test ends, however it ends.
pub(super) struct Office {
    pub(super) child: Child,
    address: String,
    lines: Receiver<String>,
}

impl Office {
    /// Sets a vendor up and serves it on any free port.
    pub(super) fn open(place: &Place) -> Self {
        place.leasehold(INIT.into_iter().chain(["Example Ltd", "--mail", "help@example.com"])).expect(0);
        Self::start(place.command(["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"]))
    }

    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut office = Self { child, address: String::new(), lines };
        let mut seen = String::new();
        loop {
            let line = office.lines.recv_timeout(Duration::from_mins(1));
            let line = line.unwrap_or_else(|_| panic!("it is not ready: {seen}"));
            let record: Value = serde_json::from_str(&line).unwrap_or_default();
            if record["message"] == "backoffice is ready" {
                record["address"].as_str().unwrap().clone_into(&mut office.address);
                return office;
            }
            seen += &line;
        }
    }

    /// Runs a command of the vendor's staff.
    pub(super) fn vendor(&self, place: &Place, args: &[&str]) -> Ended {
        let args = ["vendor"].iter().chain(args);
        ended(place.command(args).env("LEASEHOLD_VENDOR_SERVER", &self.address))
    }

    /// The first row that a command prints as JSON.
    pub(super) fn row(&self, place: &Place, name: &str, args: &[&str]) -> Value {
        let args: Vec<_> = args.iter().copied().chain(["-o", "json"]).collect();
        self.vendor(place, &args).expect(0).json()[name][0].clone()
    }

    /// Adds a customer with a licence server, whose enrolment is written to `enrolment.json`.
    pub(super) fn license_server(&self, place: &Place) -> String {
        self.vendor(place, &["customer", "create", "Acme", "--mail", "it@acme.example"]).expect(0);
        let create = ["server", "create", "Berlin", "--customer", "Acme", "--out", "enrolment.json"];
        let row = self.row(place, "license_servers", &create);
        row["license_server_id"].as_str().unwrap().to_owned()
    }

    /// Stops it in order and returns its exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        send(Signal::TERM, self.child.id());
        until("the back office ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A licence server, as far as a request file shows it.
pub(super) struct Machine {
    pub(super) key: SigningKey,
    identity: Identity,
    enrolment: Value,
}

impl Machine {
    pub(super) fn new(place: &Place) -> Self {
        let mut rng: StdRng = rand::make_rng();
        let (key, identity) = (SigningKey::generate(&mut rng), Identity::generate(&mut rng));
        let enrolment = fs::read(place.path("enrolment.json")).unwrap();
        Self { key, identity, enrolment: serde_json::from_slice(&enrolment).unwrap() }
    }

    /// Writes a request file.
    pub(super) fn request(&self, path: &Path, number: u64) {
        let text = |key: &str| self.enrolment[key].as_str().unwrap().to_owned();
        let message = SyncRequest {
            license_server_id: text("license_server_id"),
            vendor_id: text("vendor_id"),
            number,
            signing_key: self.key.verifying_key().as_bytes().to_vec(),
            recipient: self.identity.recipient().to_string(),
            nonce: vec![1; 32],
            ..SyncRequest::default()
        };
        let envelope = Envelope::sign(PayloadType::SyncRequest, message.encode_to_vec(), &self.key).unwrap();
        let file = SignedFile { kind: FileKind::Request, envelope, certificates: Vec::new() };
        let recipient = text("vendor_recipient").parse().unwrap();
        let sealed = sealed_file::seal(file.to_json().as_bytes(), &recipient, Form::Armored).unwrap();
        fs::write(path, sealed).unwrap();
    }

    /// What a response file says.
    pub(super) fn response(&self, path: &Path) -> SyncResponse {
        let content = sealed_file::open(&fs::read(path).unwrap(), &self.identity).unwrap();
        let file = SignedFile::from_json(content.expose_secret(), FileKind::Response).unwrap();
        SyncResponse::decode(file.envelope.unverified_payload()).unwrap()
    }
}
