//! The master key: that it is there and is one, and that nobody else reads it.

use std::path::{Path, PathBuf};

use super::{Finding, Patient};
use crate::app::existing_master_key;

const CHECK: &str = "master_key";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let in_directory = config.runtime.data_dir.join("master.key");
    // Before the first start there is none, and the data directory has said so.
    if patient.is_embedded()
        && config.security.master_key().is_none()
        && !config.runtime.data_dir.join("format").exists()
    {
        return Vec::new();
    }
    if let Err(error) = existing_master_key(config) {
        return vec![Finding::error(CHECK, error)];
    }
    let row =
        |key: &str| config.effective().iter().find(|row| row.key == key).filter(|row| !row.value.is_empty());
    let file = match (row("security.master_key_file"), row("security.master_key")) {
        (Some(file), _) => PathBuf::from(&file.value),
        (None, Some(given)) => {
            let found = format!("it comes from {}", given.origin);
            return vec![inline(
                found,
                matches!(given.origin, leasehold_runtime::config::Origin::File { .. }),
            )];
        }
        (None, None) => in_directory,
    };
    let mut findings = vec![readable_by_others(&file).unwrap_or_else(|| {
        Finding::passed(CHECK, format!("{} holds one, for its owner alone", file.display()))
    })];
    let beside = file.parent().is_some_and(|folder| folder == config.runtime.data_dir);
    if beside && patient.is_embedded() {
        let found = "it lies beside the data, and backups leave it out: keep a copy elsewhere";
        findings.push(Finding::passed(CHECK, found));
    }
    findings
}

fn inline(found: String, in_file: bool) -> Finding {
    if in_file {
        let remedy = "put it into a file of its own that only the server reads, and name that in security.master_key_file";
        return Finding::warning(CHECK, format!("{found}, among settings that others may read"), remedy);
    }
    Finding::passed(CHECK, found)
}

#[cfg(unix)]
fn readable_by_others(file: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let shown = file.display();
        let found = format!("others than its owner may read {shown} (mode {mode:03o})");
        Finding::warning(CHECK, found, format!("`chmod 600 {shown}`, unless its folder lets nobody in"))
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<Finding> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    #[test]
    fn a_key_that_is_missing_wrong_or_for_everybody_is_told_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().to_str().unwrap();
        let key = "0f".repeat(32);
        let embedded = config(&[("runtime.data_dir", directory)]);
        let look = || check(&patient(&embedded));
        assert!(look().is_empty(), "there is no data directory yet");
        fs::write(folder.path().join("format"), "1").unwrap();
        assert_eq!(the(&look(), "is missing").verdict, Verdict::Failed);
        let file = folder.path().join("master.key");
        fs::write(&file, "short").unwrap();
        assert_eq!(the(&look(), "cannot be used").verdict, Verdict::Failed);
        fs::write(&file, &key).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(the(&look(), "mode 644").verdict, Verdict::Warning);
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        all_passed(&look());
        assert!(!format!("{:?}", look()).contains(&key));
        let shared = [("postgres.url", "postgres://db/x"), ("runtime.data_dir", directory)];
        let shared = config(&shared);
        assert_eq!(the(&check(&patient(&shared)), "master_key_file").verdict, Verdict::Failed);
    }
}
