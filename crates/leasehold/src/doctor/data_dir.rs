//! The data directory: that it is one, whose it is, who may enter it, and who works in it.

use std::path::Path;

use jiff::Timestamp;
use leasehold_store_sqlite::{DataDir, DataDirError, directory};

use super::{Finding, Patient};

const CHECK: &str = "data_directory";
/// How far in the future a file may have been changed before a clock is to blame.
const FUTURE: std::time::Duration = std::time::Duration::from_mins(5);

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let path = &patient.config.runtime.data_dir;
    let shown = path.display();
    match DataDir::check(path) {
        Err(error @ DataDirError::NotInitialised { .. }) => {
            return vec![Finding::failed(CHECK, error, "or name another in runtime.data_dir")];
        }
        Err(error) => return vec![Finding::error(CHECK, error)],
        Ok(()) => {}
    }
    let mut findings = Vec::new();
    match directory::holder(path) {
        Ok(None) => {
            findings.push(Finding::passed(CHECK, format!("{shown} is there, and no server works in it")));
        }
        Ok(Some(holder)) => {
            let who = holder.pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
            findings.push(Finding::passed(CHECK, format!("{shown} is there, and {who} works in it")));
        }
        Err(error) => findings.push(Finding::failed(CHECK, error, "check its owner and permissions")),
    }
    findings.extend(rights(path));
    findings.extend(restoring(path));
    findings.extend(from_the_future(path, patient.now));
    findings
}

/// Whose it is, and who may do what in it.
#[cfg(unix)]
fn rights(path: &Path) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{Access, access};

    let shown = path.display();
    let mut findings = Vec::new();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return vec![Finding::failed(CHECK, format!("{shown}: {error}"), "check its permissions")];
        }
    };
    let (owner, me) = (metadata.uid(), rustix::process::geteuid());
    if metadata.mode() & 0o077 != 0 {
        let found = format!("others than its owner may enter {shown} (mode {:03o})", metadata.mode() & 0o777);
        findings.push(Finding::warning(CHECK, found, format!("`chmod 700 {shown}`")));
    }
    if !me.is_root() && owner != me.as_raw() {
        let found = format!("{shown} belongs to user {owner}, and this is user {}", me.as_raw());
        let remedy = "run this as the user that the server runs as";
        findings.push(Finding::warning(CHECK, found, remedy));
    }
    if access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let found = format!("user {} may not write in {shown}", me.as_raw());
        let remedy = "give the directory to the user that the server runs as, with everything in it, and check that it is \
                      not mounted read-only";
        findings.push(Finding::failed(CHECK, found, remedy));
    }
    findings
}

#[cfg(not(unix))]
fn rights(_: &Path) -> Vec<Finding> {
    Vec::new()
}

/// Whether a backup was put into it, and not all of that is done.
fn restoring(path: &Path) -> Option<Finding> {
    path.join("restored").exists().then(|| {
        Finding::warning(
            CHECK,
            "a backup was restored here, and no server has started on it since",
            "start it; then `leasehold instance confirm-restored`, as operations says",
        )
    })
}

/// Whether its files were changed at a time that has not come: somebody's clock is wrong.
fn from_the_future(path: &Path, now: Timestamp) -> Option<Finding> {
    let changed =
        std::fs::metadata(path.join("licensing.db")).and_then(|metadata| metadata.modified()).ok()?;
    let ahead = changed.duration_since(now.into()).ok()?;
    (ahead > FUTURE).then(|| {
        Finding::warning(
            "clock",
            format!(
                "licensing.db was changed {} s in the future: this machine's clock was set back",
                ahead.as_secs()
            ),
            "set the clock by NTP (`timedatectl set-ntp true`)",
        )
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    #[test]
    fn each_thing_that_is_wrong_with_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let config = config(&[("runtime.data_dir", path.to_str().unwrap())]);
        let look = || check(&patient(&config));
        assert_eq!(the(&look(), "leasehold init").verdict, Verdict::Failed);
        assert!(!path.exists(), "looking makes nothing");
        let held = DataDir::create(&path).unwrap();
        all_passed(&look());
        the(&look(), &format!("process {} works in it", std::process::id()));
        drop(held);
        the(&look(), "no server works in it");
        drop(DataDir::open(&path).expect("looking keeps no lock"));

        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(the(&look(), "mode 755").verdict, Verdict::Warning);
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        let database = File::create(path.join("licensing.db")).unwrap();
        all_passed(&look());
        database
            .set_modified(std::time::SystemTime::from(patient(&config).now) + Duration::from_hours(1))
            .unwrap();
        assert_eq!(the(&look(), "set back").check, "clock");
        fs::remove_file(path.join("licensing.db")).unwrap();
        File::create(path.join("restored")).unwrap();
        assert_eq!(the(&look(), "a backup was restored").verdict, Verdict::Warning);
        fs::remove_file(path.join("restored")).unwrap();
        if !rustix::process::geteuid().is_root() {
            fs::set_permissions(&path, Permissions::from_mode(0o500)).unwrap();
            assert_eq!(the(&look(), "may not write").verdict, Verdict::Failed);
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        }
        fs::write(path.join("format"), "99").unwrap();
        assert_eq!(the(&look(), "newer release").verdict, Verdict::Failed);
    }
}
