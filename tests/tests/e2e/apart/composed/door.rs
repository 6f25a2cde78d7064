//! A person at the gateway.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::super::PATIENCE;
use crate::foreign_client::python;

/// Somebody who asks over HTTPS, and who stays signed in.
pub(super) struct Door {
    _browser: Child,
    asks: ChildStdin,
    hears: Lines<BufReader<ChildStdout>>,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status; 0 where nobody answered.
    pub(super) status: u64,
    /// The document.
    pub(super) document: Value,
}

impl Door {
    /// Somebody who trusts this CA.
    pub(super) fn new(ca: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/gateway_door.py");
        let mut command = Command::from(python());
        command.arg(script).arg(ca).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut browser = command.spawn().unwrap();
        let (asks, hears) = (browser.stdin.take().unwrap(), browser.stdout.take().unwrap());
        Self { _browser: browser, asks, hears: BufReader::new(hears).lines() }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, method: &str, url: &str, body: Option<Value>) -> Answer {
        let mut wish = json!({"method": method, "url": url});
        if let Some(body) = body {
            wish["body"] = body;
        }
        self.asks.write_all(format!("{wish}\n").as_bytes()).await.unwrap();
        let line = timeout(PATIENCE, self.hears.next_line()).await.expect("nothing hangs").unwrap();
        let answer: Value = serde_json::from_str(&line.expect("the script runs")).unwrap();
        Answer { status: answer["status"].as_u64().unwrap(), document: answer["document"].clone() }
    }
}

impl Answer {
    /// The document of an answer that is a success; else the reason why not.
    pub(super) fn good(self) -> Result<Value, String> {
        match self.status {
            0 => Err("NOBODY".to_owned()),
            200..300 => Ok(self.document),
            status => {
                let problem = &self.document;
                // Each problem says itself what it is.
                assert_eq!(problem["status"], status, "{problem}");
                assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
                Err(problem["reason"].as_str().unwrap_or_else(|| panic!("{problem}")).to_owned())
            }
        }
    }
}
