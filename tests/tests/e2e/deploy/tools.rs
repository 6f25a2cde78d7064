//! The programs that judge.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the folder of the programs that judge the deployment.
const FOLDER: &str = "LEASEHOLD_TEST_DEPLOYMENT_TOOLS";
/// Names Prometheus' checker of rules.
const PROMTOOL: &str = "LEASEHOLD_TEST_PROMTOOL";

/// A program that judges the deployment. Where nobody has named a folder and it is not on the path either, `None`, and a
/// line says so.
pub(super) fn tool(name: &str) -> Option<Command> {
    let named = std::env::var_os(FOLDER).map(|folder| Path::new(&folder).join(name));
    found(name, named.as_deref(), FOLDER)
}

/// Prometheus' checker of rules; as above.
pub(super) fn promtool() -> Option<Command> {
    found("promtool", std::env::var_os(PROMTOOL).map(PathBuf::from).as_deref(), PROMTOOL)
}

/// One that is named has to be there.
fn found(name: &str, named: Option<&Path>, variable: &str) -> Option<Command> {
    let program = named.map_or_else(|| name.into(), Path::to_owned);
    let works = if let Some(path) = named { path.is_file() } else { is_on_path(name) };
    assert!(works || named.is_none(), "{variable} leads to {}, which is not there", program.display());
    if !works {
        eprintln!("SKIPPED: there is no {name}; `cargo xtask test` brings it and sets {variable}");
        return None;
    }
    let mut command = Command::new(program);
    // The tools are told everything by flags.
    command
        .current_dir(super::file(""))
        .stdin(Stdio::null())
        .env_remove("COMPOSE_FILE")
        .env_remove("COMPOSE_PROFILES");
    Some(command)
}

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs it with these arguments; what it printed, and whether it was content.
pub(super) fn judged<S: AsRef<OsStr>>(mut command: Command, words: &[S]) -> (bool, String) {
    let output = command.args(words).output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// Runs it, and fails unless it is content.
#[track_caller]
pub(super) fn passes<S: AsRef<OsStr>>(command: Command, words: &[S]) {
    let (content, said) = judged(command, words);
    assert!(content, "{said}");
}

/// Documents in YAML as JSON, read by the Python that is beside the tools.
pub(super) fn documents(yaml: &str) -> Option<Vec<serde_json::Value>> {
    let script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.yaml");
    std::fs::write(&path, yaml).unwrap();
    // Any Python would be on the path; only the one beside the tools can read YAML for sure.
    std::env::var_os(FOLDER)?;
    let output = tool("python")?.args(["-c", script]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
