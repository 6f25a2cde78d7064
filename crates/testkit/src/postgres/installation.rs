//! Where Postgres's programs are, and as whom its server may run.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Debian keeps each version's programs away from PATH.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user that Debian's packages make.
const USER: &str = "postgres";

/// A user to run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Programs of one version.
#[derive(Debug)]
pub(super) struct Installation {
    bin: PathBuf,
    user: Option<User>,
}

impl Installation {
    /// The first one on PATH, else the newest of Debian's; `own` is a folder that we made.
    pub(super) fn find(own: &Path) -> Result<Self, Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = std::env::split_paths(&path)
            .find_map(|dir| server_dir(&dir))
            .or_else(|| newest(Path::new(DEBIAN)))
            .ok_or(Error::PostgresNotInstalled)?;
        Ok(Self { bin, user: user_instead_of_root(own)? })
    }

    /// The user that the server's files must belong to; `None` for the one that we are.
    pub(super) fn user(&self) -> Option<User> {
        self.user
    }

    /// A program that works on the server's files, run as their owner.
    pub(super) fn server_program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        // Messages are read for a line, so they have to be in one language.
        command.current_dir("/").env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGOPTIONS");
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// A program that connects, of the same version where it is there.
    pub(super) fn client_program(&self, name: &str) -> Command {
        let own = self.bin.join(name);
        Command::new(if own.is_file() { own } else { PathBuf::from(name) })
    }
}

/// The folder of a server's programs that `dir` holds or links to.
fn server_dir(dir: &Path) -> Option<PathBuf> {
    if !dir.join("postgres").is_file() {
        return None;
    }
    let initdb = dir.join("initdb").canonicalize().ok()?;
    initdb.parent().map(Path::to_owned)
}

/// The programs of the highest version below `versions`.
fn newest(versions: &Path) -> Option<PathBuf> {
    let dirs = versions.read_dir().ok()?.flatten();
    let version = |dir: &Path| dir.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let numbered = dirs.filter_map(|dir| Some((version(&dir.path())?, server_dir(&dir.path().join("bin"))?)));
    numbered.max_by_key(|(version, _)| *version).map(|(_, bin)| bin)
}

fn user_instead_of_root(own: &Path) -> Result<Option<User>, Error> {
    let own = own.metadata().map_err(Error::system("cannot find out which user this is"))?;
    if own.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(Error::system("cannot read /etc/passwd"))?;
    find_user(&users, USER).map(Some).ok_or(Error::NoUserForPostgres)
}

/// Looks a user up in the lines of `/etc/passwd`.
fn find_user(users: &str, name: &str) -> Option<User> {
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
    Some(User { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_with_a_server_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        for (version, programs) in
            [("9", ["initdb", "postgres"]), ("15", ["initdb", "postgres"]), ("17", ["psql", "x"])]
        {
            let bin = dir.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            for program in programs {
                std::fs::write(bin.join(program), "").unwrap();
            }
        }
        std::fs::create_dir(dir.path().join("common")).unwrap();
        assert!(newest(dir.path()).unwrap().ends_with("15/bin"));
        assert_eq!(newest(&dir.path().join("common")), None);
    }

    #[test]
    fn links_lead_to_the_folder_of_all_programs() {
        let dir = tempfile::tempdir().unwrap();
        let (real, linked) = (dir.path().join("real"), dir.path().join("linked"));
        std::fs::create_dir(&real).unwrap();
        std::fs::create_dir(&linked).unwrap();
        for program in ["initdb", "postgres"] {
            std::fs::write(real.join(program), "").unwrap();
            std::os::unix::fs::symlink(real.join(program), linked.join(program)).unwrap();
        }
        assert_eq!(server_dir(&linked), Some(real.canonicalize().unwrap()));
        assert_eq!(server_dir(dir.path()), None);
    }

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0::/:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104:PostgreSQL,,,:/var:/bin/sh\n";
        assert_eq!(find_user(users, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(find_user(users, "nobody"), None);
    }
}
