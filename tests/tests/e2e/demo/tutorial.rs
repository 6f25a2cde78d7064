//! The tutorial, word for word.

use std::path::Path;
use std::process::Command;

use leasehold_testkit::{Process, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::broken::{until_granted, until_updated};
use super::{PATIENCE, folder};
use crate::binary::leasehold;
use crate::readme::{commands, shell};

/// The terminal in which the demonstration runs.
const STAGE: &str = "leasehold demo --data-dir";

/// Where a part of the demonstration that runs is, as it says itself.
fn address(process: &Process, what: &str) -> String {
    let said = process.stderr();
    let line = said.lines().find_map(|line| line.trim().strip_prefix(what).map(str::trim));
    line.unwrap_or_else(|| panic!("{what} is not in {said}")).to_owned()
}

async fn begin(place: &Path, line: &str) -> Process {
    // In place of the shell, so that it ends with the test.
    let line = line.replacen("leasehold", &format!("exec '{}'", leasehold().display()), 1);
    let mut process = Process::spawn(shell(place, &line)).unwrap();
    process.wait_for_line("Ctrl-C ends it.", PATIENCE).await.unwrap();
    process
}

/// Lets it work until there is something to judge, and ends it.
async fn end(mut process: Process, place: &Path) {
    until_updated(&mut process, &place.join("firm/devices")).await;
    until_granted(&mut process, &place.join("firm/server/licensing.db")).await;
    process.signal(Signal::Interrupt).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{status}: {}\n{}", process.stdout(), process.stderr());
    assert!(process.stdout().contains("S11 kept"), "{}", process.stdout());
}

/// Makes the first administrator with the code that the demonstration shows, as the console's page does, and gives the
/// status line of the answer.
async fn enter(process: &Process) -> String {
    let url = address(process, "console");
    let host =
        url.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/')).expect("the console's address");
    let (code, password) = (address(process, "one-time code"), "a password of one's own");
    let body = serde_json::json!({"code": code, "name": "kim", "password": password}).to_string();
    let request = format!(
        "POST /api/v1/first-administrator HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// A line in the other terminal, against the demonstration that runs, wherever it found its ports.
fn beside(place: &Path, line: &str, process: &Process) -> Command {
    let mut command = shell(place, line);
    command.env("LEASEHOLD_SERVER", address(process, "licensing"));
    command.env("LEASEHOLD_SYNC_SERVER", address(process, "synchronisation"));
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tutorial_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tutorial = std::fs::read_to_string(root.join("docs/tutorial.md")).unwrap();
    let place = folder();
    let headings = tutorial.lines().filter_map(|line| line.strip_prefix("## "));
    let (mut running, mut ran): (Option<Process>, usize) = (None, 0);
    for line in headings.flat_map(|heading| commands(&tutorial, heading)) {
        ran += 1;
        if line.starts_with(STAGE) {
            // Ctrl-C in that terminal comes before it is started again.
            let again = running.is_some();
            if let Some(process) = running.take() {
                end(process, place.path()).await;
            }
            let process = begin(place.path(), &line).await;
            if again {
                assert!(
                    !process.stderr().contains("one-time code"),
                    "the administrator is there: {}",
                    process.stderr()
                );
            } else {
                assert_eq!(enter(&process).await, "HTTP/1.1 201 Created");
            }
            running = Some(process);
            continue;
        }
        // What is refused says so behind it.
        let (line, wanted) = match line.split_once(" # exit code ") {
            Some((line, code)) => (line, code.parse().unwrap()),
            None => (line.as_str(), 0),
        };
        let mut command = match &running {
            Some(process) => beside(place.path(), line, process),
            None => shell(place.path(), line),
        };
        let output = command.output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(wanted),
            "{line}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    end(running.expect("the tutorial has a demonstration"), place.path()).await;
    assert!(ran >= 16, "{ran} commands");
}
