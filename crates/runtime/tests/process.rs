//! What signals and panics do to a process: these tests start themselves as that process.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::Stdio;
use std::time::Duration;

use leasehold_runtime::config::{LogFormat, Logging};
use leasehold_runtime::{Background, lifecycle, telemetry};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

/// The test of this name, which is a process of its own.
fn process(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
#[ignore = "is the process of another test"]
async fn waits_for_signals() {
    let shutdown = lifecycle::on_signals().unwrap();
    println!("\nready");
    shutdown.cancelled().await;
    println!("stopping");
    std::future::pending::<()>().await;
}

async fn expect(lines: &mut Lines<BufReader<ChildStdout>>, wanted: &str) {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == wanted {
                return;
            }
        }
        panic!("the process ended before it said `{wanted}`");
    };
    timeout(PATIENCE, found).await.unwrap();
}

async fn send(signal: &str, child: &Child) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

#[tokio::test]
async fn the_first_signal_stops_in_order_and_the_second_at_once() {
    for (first, second, exit_code) in [("-TERM", "-TERM", 143), ("-INT", "-INT", 130), ("-TERM", "-INT", 130)]
    {
        let mut process = process("waits_for_signals").spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        expect(&mut lines, "ready").await;
        send(first, &process).await;
        expect(&mut lines, "stopping").await;
        assert_eq!(process.try_wait().unwrap(), None, "the first leaves time to stop");
        send(second, &process).await;
        let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(exit_code), "{first} {second}");
    }
}

#[tokio::test]
#[ignore = "is the process of another test"]
async fn panics() {
    let settings = Logging { level: "info".into(), format: LogFormat::Json };
    telemetry::init(&settings).unwrap();
    assert!(telemetry::init(&settings).is_err(), "once in a process");
    assert!(tokio::spawn(async { panic!("a task of nobody's") }).await.is_err());
    let background = Background::new(CancellationToken::new());
    background.spawn("reaper", async { panic!("a task of ours") });
    background.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn every_panic_is_logged_once_with_its_place() {
    let process = process("panics").stderr(Stdio::piped()).spawn().unwrap();
    let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, message) in lines.iter().zip(["a task of nobody's at ", "a task of ours at "]) {
        let panic = line["panic"].as_str().unwrap();
        assert!(panic.starts_with(message) && panic.contains("process.rs:"), "{panic}");
        assert_eq!(line["level"], "ERROR");
    }
    assert_eq!(lines[1]["task"], "reaper");
}
