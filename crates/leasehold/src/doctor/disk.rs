//! The disk of the data directory: its file system, and the room on it.

#[cfg(unix)]
pub(super) use on_unix::check;

#[cfg(not(unix))]
pub(super) fn check(_: &super::Patient<'_>) -> Vec<super::Finding> {
    Vec::new()
}

#[cfg(unix)]
mod on_unix {
    use rustix::fs::statvfs;

    use super::super::{Finding, Patient};

    const CHECK: &str = "disk";
    const MIB: u64 = 1 << 20;
    /// With less a database cannot work for long.
    const LEAST: u64 = 64 * MIB;
    /// With less somebody should look.
    const ENOUGH: u64 = 1_024 * MIB;

    pub(in super::super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
        let path = &patient.config.runtime.data_dir;
        // What is not there yet will be made in the nearest folder that is.
        let Some(there) = path.ancestors().find(|folder| folder.exists()) else { return Vec::new() };
        let there = if there.as_os_str().is_empty() { std::path::Path::new(".") } else { there };
        let mut findings = Vec::new();
        match statvfs(there) {
            Ok(room) => findings.push(judge_room(room.f_bavail.saturating_mul(room.f_frsize))),
            Err(error) => {
                let found = format!("{} cannot be looked at: {error}", there.display());
                findings.push(Finding::warning(CHECK, found, "check its permissions"));
            }
        }
        #[cfg(target_os = "linux")]
        if let Ok(system) = rustix::fs::statfs(there) {
            // The kernel's numbers have 32 bits, whatever the type is here.
            findings.extend(u64::try_from(i128::from(system.f_type) & 0xffff_ffff).ok().and_then(judge_kind));
        }
        findings
    }

    /// `free` is in bytes.
    fn judge_room(free: u64) -> Finding {
        let found = format!("{} MiB are free where the data directory is", free / MIB);
        let remedy = "make room; `licensing.activity_retention` says how long activity is kept, which takes most of it";
        match free {
            ..LEAST => Finding::failed(CHECK, found, remedy),
            LEAST..ENOUGH => Finding::warning(CHECK, found, remedy),
            _ => Finding::passed(CHECK, found),
        }
    }

    /// `kind` is the number of `statfs(2)`.
    #[cfg(target_os = "linux")]
    fn judge_kind(kind: u64) -> Option<Finding> {
        let network = match kind {
            0x6969 => "NFS",
            0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
            0x00c3_6400 => "Ceph",
            0x0102_1997 => "9p",
            0x5346_414f | 0x6b41_4653 => "AFS",
            0x0bd0_0bd0 => "Lustre",
            0x4750_4653 => "GPFS",
            0x0116_1970 => "GFS2",
            0x7461_636f => "OCFS2",
            0x0102_1994 | 0x8584_58f6 => {
                let found =
                    "the data directory is in memory (tmpfs): it is gone when the machine starts again";
                return Some(Finding::failed(CHECK, found, "keep it on a disk (runtime.data_dir)"));
            }
            0x6573_5546 => "FUSE, which may be a network's",
            _ => return None,
        };
        let found = format!(
            "the data directory is on {network}: locks and writes of SQLite are not safe on a network"
        );
        let remedy = "keep it on a disk of this machine (runtime.data_dir), or use PostgreSQL (postgres.url)";
        Some(Finding::warning(CHECK, found, remedy))
    }

    #[cfg(test)]
    mod tests {
        use super::super::super::Verdict::{Failed, Passed, Warning};
        use super::super::super::testing::{config, patient};
        use super::*;

        #[test]
        fn too_little_room_is_told_before_there_is_none() {
            for (free, verdict) in [(0, Failed), (LEAST, Warning), (ENOUGH - 1, Warning), (ENOUGH, Passed)] {
                assert_eq!(judge_room(free).verdict, verdict, "{free}");
            }
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn memory_and_the_file_systems_of_networks_are_told() {
            assert!(
                judge_kind(0xef53).is_none()
                    && judge_kind(0x5846_5342).is_none()
                    && judge_kind(0x794c_7630).is_none()
            );
            for kind in [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x6573_5546] {
                assert_eq!(judge_kind(kind).unwrap().verdict, Warning, "{kind:x}");
            }
            assert_eq!(judge_kind(0x0102_1994).unwrap().verdict, Failed);
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn a_directory_in_memory_is_recognised() {
            let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
            let path = folder.path().join("data");
            let config = config(&[("runtime.data_dir", path.to_str().unwrap())]);
            let findings = check(&patient(&config));
            let is_told = findings.iter().any(|finding| finding.found.contains("tmpfs"));
            let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
            let is_memory = mounts.lines().any(|line| line.contains(" /dev/shm tmpfs "));
            assert_eq!(is_told, is_memory, "{findings:?}");
        }
    }
}
