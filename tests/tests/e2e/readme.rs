//! The README's quick start, word for word.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use leasehold_testkit::{Process, Signal};

use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(1);

/// The commands below a heading, line by line.
pub(crate) fn commands(readme: &str, heading: &str) -> Vec<String> {
    let section = readme.split(&format!("\n## {heading}\n")).nth(1).expect("there is such a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// A shell that knows the program under test by its name.
pub(crate) fn shell(folder: &Path, line: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("leasehold() {{ '{}' \"$@\"; }}; {line}", leasehold().display());
    command.args(["-c", &script]).current_dir(folder);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"))
    {
        command.env_remove(name);
    }
    // One port cannot be everybody's.
    command
        .env("LEASEHOLD__ADMIN__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quick_start_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (examples, place) = (folder.path().join("examples"), folder.path().join("try"));
    std::fs::create_dir_all(&examples).unwrap();
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(root.join("examples/line-items.json"), examples.join("line-items.json")).unwrap();
    let (mut running, mut listed, mut ran) = (Vec::new(), String::new(), 0);
    for line in commands(&readme, "Quick start") {
        if ["cargo build", "alias", "mkdir", "cd try"].iter().any(|start| line.starts_with(start)) {
            continue;
        }
        ran += 1;
        if line == "leasehold serve" || line.starts_with("leasehold vendor serve ") {
            // In place of the shell, so that it ends with the test.
            let line = line.replacen("leasehold", &format!("exec '{}'", leasehold().display()), 1);
            let process = Process::spawn(shell(&place, &line)).unwrap();
            let start = Instant::now();
            while !process.stderr().contains(" is ready") {
                assert!(start.elapsed() < PATIENCE, "{line}: {}", process.stderr());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            running.push(process);
            continue;
        }
        let output = shell(&place, &line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        if line == "leasehold feature list" {
            listed = String::from_utf8(output.stdout).unwrap();
        }
    }
    assert!(ran >= 13, "{ran} commands");
    assert!(listed.contains("3D Rendering") && readme.contains(listed.trim_end()), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lines = commands(&readme, "Demonstration");
    let built = format!("exec '{}'", leasehold().display());
    let lines: Vec<String> =
        lines.iter().map(|line| line.replace("cargo run --release --", &built)).collect();
    let [watched, headless] = lines.as_slice() else { panic!("two commands: {lines:?}") };

    let mut process = Process::spawn(shell(folder.path(), watched)).unwrap();
    process.wait_for_line("Ctrl-C ends it.", PATIENCE).await.unwrap();
    process.signal(Signal::Interrupt).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    assert!(process.stdout().contains("S1  kept"), "{status}: {}\n{}", process.stdout(), process.stderr());

    let output = shell(folder.path(), headless).output().unwrap();
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && result["ok"] == true, "{result:#}");
}
