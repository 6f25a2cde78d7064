//! What signals, panics and its log do to a process: these tests start themselves as that process.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::Stdio;
use std::time::Duration;

use leasehold_runtime::config::{LogFormat, Logging, Telemetry};
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
    let logging =
        Logging { level: "info".into(), format: LogFormat::Json, file: None, file_size: 1, file_keep: 0 };
    let telemetry = telemetry::init(&logging, &Telemetry::default()).unwrap();
    assert!(telemetry::init(&logging, &Telemetry::default()).is_err(), "once in a process");
    assert!(tokio::spawn(async { panic!("a task of nobody's") }).await.is_err());
    let background = Background::new(CancellationToken::new());
    background.spawn("reaper", async { panic!("a task of ours") });
    background.stop(PATIENCE).await.unwrap();
    telemetry.finish().await;
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

/// Names the folder of a log file to a process that is another test.
const FOLDER: &str = "LOG_FOLDER";

#[tokio::test]
#[ignore = "is the process of another test"]
async fn logs_more_than_anybody_reads() {
    let logging =
        Logging { level: "info".into(), format: LogFormat::Json, file: None, file_size: 1, file_keep: 0 };
    let telemetry = telemetry::init(&logging, &Telemetry::default()).unwrap();
    let filling = "x".repeat(1_000);
    for number in 0..50_000 {
        tracing::info!(number, filling, "nobody reads this");
    }
    println!("\nlogged");
    telemetry.finish().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_nobody_up() {
    let mut process = process("logs_more_than_anybody_reads").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let unread = process.stderr.take().unwrap();
    expect(&mut lines, "logged").await;
    // The end does not wait for a reader either.
    assert!(timeout(PATIENCE, process.wait()).await.unwrap().unwrap().success());
    drop(unread);
}

#[tokio::test]
#[ignore = "is the process of another test"]
async fn logs_to_a_file() {
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let file = Some(folder.join("server.log"));
    let logging =
        Logging { level: "info".into(), format: LogFormat::Human, file, file_size: 4_096, file_keep: 2 };
    let telemetry = telemetry::init(&logging, &Telemetry::default()).unwrap();
    for number in 0..200 {
        tracing::info!(number, "a line");
    }
    telemetry.finish().await;
}

#[tokio::test]
async fn the_log_file_is_json_is_set_aside_when_full_and_has_the_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let child = process("logs_to_a_file").env(FOLDER, folder.path()).stderr(Stdio::piped()).spawn().unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 200, "standard error has them too");
    let mut numbers = Vec::new();
    for name in ["server.log.2", "server.log.1", "server.log"] {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.len() <= 4_096, "{name}: {}", text.len());
        let line =
            |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_u64().unwrap();
        numbers.extend(text.lines().map(line));
    }
    assert!(!folder.path().join("server.log.3").exists());
    let first = numbers[0];
    assert!(first > 0, "the oldest are gone");
    assert_eq!(numbers, (first..200).collect::<Vec<_>>(), "in order, none lost at a change of files");
}
