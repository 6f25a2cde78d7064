//! Speaks to systemd by `systemctl`. Not responsible for units.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use crate::exit::{Exit, Failure};

/// A manager of services.
#[derive(Clone, Debug)]
pub(super) enum Manager {
    /// The system's.
    System,
    /// The one of whoever calls.
    User,
    /// None: the system below this directory does not run.
    Image(PathBuf),
}

impl Manager {
    /// Runs `systemctl` and gives what it printed.
    pub(super) fn run(&self, args: &[&str]) -> Result<String, Failure> {
        let mut all: Vec<OsString> = match self {
            Self::System => Vec::new(),
            Self::User => vec!["--user".into()],
            Self::Image(root) => {
                let mut flag = OsString::from("--root=");
                flag.push(root);
                vec![flag]
            }
        };
        all.extend(args.iter().map(OsString::from));
        let output = Command::new("systemctl").args(&all).output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::new(
                Exit::Unavailable,
                "there is no `systemctl` here: this system is not managed by systemd. `leasehold service install --print` \
                 prints a unit; elsewhere let the manager of this system run `leasehold serve`",
            ),
            _ => Failure::error(format!("`systemctl` cannot be started: {error}")),
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(self.failure(args, &told))
    }

    fn failure(&self, args: &[&str], told: &str) -> Failure {
        let command = args.join(" ");
        if told.contains("has not been booted with systemd") || told.contains("Failed to connect to bus") {
            let who = if matches!(self, Self::User) { " for this user" } else { "" };
            let text = format!(
                "systemd does not run{who} here ({}); `leasehold service install --print` prints a unit for elsewhere",
                told.lines().next().unwrap_or_default()
            );
            return Failure::new(Exit::Unavailable, text);
        }
        let denied = ["Access denied", "Permission denied", "authentication required"];
        if denied.iter().any(|word| told.contains(word)) {
            return Failure::new(
                Exit::Denied,
                format!("`systemctl {command}` is not allowed: {told}; run it as root"),
            );
        }
        let unit = args.last().copied().unwrap_or_default();
        Failure::error(format!(
            "`systemctl {command}` has failed: {told}; `journalctl --unit {unit}` may say more"
        ))
    }
}
