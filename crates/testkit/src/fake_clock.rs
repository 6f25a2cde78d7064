//! A wall clock for one process that a test can step, by libfaketime. Monotonic clocks stay true.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Error;

const LIBRARY: &str = "libfaketimeMT.so.1";
/// Where packages put the library, below folders of libraries.
const FOLDERS: &[&str] = &["/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// A wall clock that starts true and shows what the test says from then on.
#[derive(Debug)]
pub struct FakeClock {
    library: PathBuf,
    folder: TempDir,
}

impl FakeClock {
    /// What to do where [`Self::new`] finds no library.
    pub const INSTALL: &str = "libfaketime is not installed; on Debian: sudo apt-get install libfaketime";

    /// A true clock, or `None` where the library is not installed.
    pub fn new() -> Result<Option<Self>, Error> {
        let Some(library) = find() else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("clock-").tempdir();
        let folder = folder.map_err(Error::system("cannot make a temporary folder"))?;
        // A server that does not run as this user must be able to read it.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))
            .map_err(Error::system("cannot open the clock's folder to everybody"))?;
        let clock = Self { library, folder };
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// What a process must have in its environment to go by this clock.
    pub fn environment(&self) -> Vec<(String, String)> {
        let file = self.file().display().to_string();
        let pairs = [
            // The C library's allocator goes first: another one, as Redis has, may ask for the time before
            // libfaketime is ready to tell it.
            ("LD_PRELOAD", format!("{}:libc.so.6", self.library.display())),
            ("FAKETIME_TIMESTAMP_FILE", file),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Makes a command, and what it starts, go by this clock.
    pub fn apply(&self, command: &mut Command) {
        command.envs(self.environment());
    }

    /// Lets the clock show the true time and so many seconds more, or less. 0 makes it true again.
    pub fn set(&self, ahead: i64) -> Result<(), Error> {
        // Never half written: a process may read it at any moment.
        let new = self.folder.path().join("new");
        let written = std::fs::write(&new, format!("{ahead:+}\n"));
        let renamed = written.and_then(|()| std::fs::rename(&new, self.file()));
        renamed.map_err(Error::system("cannot step the clock"))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }
}

fn find() -> Option<PathBuf> {
    let below = |folder: &Path| {
        let own = folder.join("faketime").join(LIBRARY);
        own.is_file().then_some(own)
    };
    FOLDERS.iter().map(Path::new).find_map(|folder| {
        let machines = folder.read_dir().into_iter().flatten().flatten();
        below(folder).or_else(|| machines.into_iter().find_map(|machine| below(&machine.path())))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Postgres, Process, Redis};

    const DAY: i64 = 86_400;
    const LONG: Duration = Duration::from_secs(30);

    fn true_seconds() -> i64 {
        let now = Command::new("date").arg("+%s").output().unwrap().stdout;
        String::from_utf8_lossy(&now).trim().parse().unwrap()
    }

    /// How many days the text, a time in seconds, is ahead.
    fn days_ahead(seconds: &str) -> i64 {
        let ahead = seconds.split(['.', '\n']).next().unwrap().parse::<i64>().unwrap() - true_seconds();
        (ahead + DAY / 2).div_euclid(DAY)
    }

    #[tokio::test]
    async fn processes_go_by_it_and_see_its_steps() {
        let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do date +'it is %s '; sleep 0.02; done"]);
        clock.apply(&mut command);
        let mut process = Process::spawn(command).unwrap();
        process.wait_for_line("it is", LONG).await.unwrap();
        let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
        let postgres = Postgres::start_with_clock(&[], &clock).await.unwrap();
        for ahead in [0, 1, -1, 0] {
            clock.set(ahead * DAY).unwrap();
            assert_eq!(days_ahead(&redis.ask(&["TIME"]).await.unwrap()), ahead, "Redis");
            let sql = "select extract(epoch from clock_timestamp())";
            let output = postgres.psql(["-c", sql]).output().unwrap();
            assert_eq!(days_ahead(&String::from_utf8_lossy(&output.stdout)), ahead, "Postgres");
            let seen = process.stdout().lines().count();
            let deadline = tokio::time::Instant::now() + LONG;
            // The line after next was begun after the step.
            while process.stdout().lines().count() < seen + 2 {
                assert!(tokio::time::Instant::now() < deadline, "the process stands still");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let lines = process.stdout();
            let last = lines.lines().nth(seen + 1).unwrap().split(' ').nth(2).unwrap();
            assert_eq!(days_ahead(last), ahead, "date");
        }
    }
}
