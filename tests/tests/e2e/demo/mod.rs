//! The demonstration: it judges itself, so these tests look at whether it does, and at what it leaves alone.

mod broken;
mod foreign;
mod tutorial;

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use leasehold_testkit::{Postgres, Process, Redis, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(3);
const PROMISES: [&str; 6] = ["S1", "S11", "S2", "S3", "S4", "S8"];

/// A demonstration that runs by itself.
struct Demo(Process);

/// How one ended.
struct Ended {
    status: ExitStatus,
    report: Value,
    stderr: String,
}

impl Demo {
    fn start(folder: &Path, words: &[&str]) -> Self {
        Self(Process::spawn(command(folder, &[&["--headless", "--json"], words].concat())).unwrap())
    }

    /// Tells it to end as Ctrl-C does.
    fn interrupt(&mut self) {
        self.0.signal(Signal::Interrupt).unwrap();
    }

    async fn end(mut self) -> Ended {
        let status = self.0.wait(PATIENCE).await.unwrap();
        let (stdout, stderr) = (self.0.stdout(), self.0.stderr());
        let report =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
        Ended { status, report, stderr }
    }
}

impl Ended {
    /// Fails unless everything was kept, and there was much to judge.
    #[track_caller]
    fn expect_kept(&self) {
        let Self { status, report, stderr } = self;
        assert!(status.success(), "{status}: {report:#}\n{stderr}");
        assert_eq!(report["ok"], true, "{report:#}");
        let promises = report["promises"].as_object().unwrap();
        assert_eq!(promises.keys().collect::<Vec<_>>(), PROMISES);
        assert!(promises.values().all(|promise| promise == "kept"), "{report:#}");
        for something in ["granted", "denied", "heartbeats", "duplicates", "compared", "fenced", "samples"] {
            assert!(report[something].as_u64().unwrap() > 0, "{something}: {report:#}");
        }
        assert_eq!(report["clients"], 50);
    }

    /// Fails unless an update reached devices, and the server heard of it from them.
    #[track_caller]
    fn expect_updated(&self) {
        let update = &self.report["update"];
        let number =
            |name: &str| update[name].as_u64().unwrap_or_else(|| panic!("{name}: {:#}", self.report));
        let (heard, installed, reported) = (number("heard"), number("installed"), number("reported"));
        assert!(0 < reported && reported <= installed && installed <= heard, "{update:#}");
        assert_eq!((&update["product"], &update["version"]), (&"materials".into(), &"1.0".into()));
    }

    /// The promises that were found broken. The exit status has to say so.
    #[track_caller]
    fn broken(&self) -> Vec<&str> {
        assert_eq!(self.status.code(), Some(1), "{:#}\n{}", self.report, self.stderr);
        assert_eq!(self.report["ok"], false);
        let promises = self.report["promises"].as_object().unwrap();
        promises
            .iter()
            .filter(|(_, promise)| *promise == "broken")
            .map(|(number, _)| number.as_str())
            .collect()
    }
}

/// The command, with nothing of this machine's own settings.
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(leasehold());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"))
    {
        command.env_remove(name);
    }
    command.arg("demo").args(words).current_dir(folder);
    // What it makes for a while is made here.
    command.env("TMPDIR", folder);
    command
}

/// A database server and a lease store of one's own.
async fn servers() -> (Postgres, Redis) {
    (Postgres::start().await.unwrap(), Redis::start().await.unwrap())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_demonstration_keeps_its_promises_and_leaves_nothing() {
    let folder = folder();
    let ended = Demo::start(folder.path(), &["--duration", "10s", "--seed", "7"]).end().await;
    ended.expect_kept();
    ended.expect_updated();
    assert_eq!((&ended.report["stores"], &ended.report["seed"]), (&"embedded".into(), &7.into()));
    assert_eq!(ended.stderr, "", "it says nothing but the result");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary directory is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demonstration_on_postgres_and_redis_keeps_its_promises_each_time() {
    let (folder, (postgres, redis)) = (folder(), servers().await);
    let (database, redis) = (postgres.url(), redis.url());
    for duration in ["10s", "3s"] {
        let words = ["--duration", duration, "--database-url", &database, "--redis-url", &redis];
        let ended = Demo::start(folder.path(), &words).end().await;
        ended.expect_kept();
        // In less time than between two heartbeats nobody hears of it.
        if duration == "10s" {
            ended.expect_updated();
        }
        assert_eq!(ended.report["stores"], "postgres");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_demonstration_ends_in_order_and_a_second_one_goes_on_with_its_data() {
    let folder = folder();
    for _ in 0..2 {
        let mut demo = Demo::start(folder.path(), &["--duration", "1h", "--data-dir", "data"]);
        let file = folder.path().join("data/server/licensing.db");
        broken::until_granted(&mut demo.0, &file).await;
        demo.interrupt();
        let ended = demo.end().await;
        assert!(ended.status.success(), "{:#}\n{}", ended.report, ended.stderr);
        assert_eq!(ended.report["ok"], true);
    }
}
