//! Where the workspace and its build directory are, and `cargo` itself.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

/// The checked-out project.
pub(crate) struct Workspace {
    /// The folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The workspace that this program was started in or, outside cargo, built from.
    pub(crate) fn find() -> crate::Result<Self> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here
            .ancestors()
            .nth(2)
            .filter(|root| root.join("Cargo.toml").is_file())
            .ok_or_else(|| format!("no workspace above {}; start it as `cargo xtask`", here.display()))?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => std::path::absolute(dir).map_err(|error| format!("CARGO_TARGET_DIR: {error}"))?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// `cargo` of the running toolchain, in the workspace's folder.
    pub(crate) fn cargo(&self) -> Command {
        self.program(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from))
    }

    /// Any program, in the workspace's folder and with nothing to read.
    pub(crate) fn program(&self, path: impl AsRef<Path>) -> Command {
        let mut command = Command::new(path.as_ref());
        command.current_dir(&self.root).stdin(std::process::Stdio::null());
        command
    }
}

/// Runs a command with our own output, and says how it ended.
pub(crate) fn run(command: &mut Command) -> crate::Result<ExitStatus> {
    command.status().map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))
}

/// The exit status of a program as our own; 1 where a signal ended it.
pub(crate) fn passed_through(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(crate::FAILED))
}
