//! Environment variables of a container, held against the program's own list of settings.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::binary::leasehold;

/// Fails unless `leasehold config check` takes this environment, every variable of it.
#[track_caller]
pub(super) fn taken(whose: &str, environment: &[(String, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let own: Vec<(String, String)> = environment
        .iter()
        .filter(|(name, _)| name.starts_with("LEASEHOLD__"))
        .map(|(name, value)| (name.clone(), here(folder.path(), name, value)))
        .collect();
    let output = command(folder.path(), &own).args(["config", "check", "-o", "json"]).output().unwrap();
    assert!(output.status.success(), "{whose}: {}", String::from_utf8_lossy(&output.stderr));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = checked["settings"].as_array().unwrap();
    for (name, _) in &own {
        assert!(rows.iter().any(|row| row["source"] == name.as_str()), "{whose}: {name} sets nothing");
    }
}

/// The program, with this environment and nothing of the tests'.
fn command(folder: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(leasehold());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LEASEHOLD_") {
            command.env_remove(name);
        }
    }
    command.envs(environment.iter().map(|(name, value)| (name, value))).current_dir(folder);
    command
}

/// A file that is read with the configuration lies here and not where the container has it.
fn here(folder: &Path, name: &str, value: &str) -> String {
    if !name.ends_with("_FILE") {
        return value.to_owned();
    }
    let path = folder.join(Path::new(value).file_name().unwrap());
    std::fs::write(&path, "0f".repeat(32)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[should_panic(expected = "unknown environment variable")]
fn a_setting_that_there_is_not_is_found() {
    taken("nobody", &[("LEASEHOLD__LICENSING__LISTENS".to_owned(), "0.0.0.0:1".to_owned())]);
}
