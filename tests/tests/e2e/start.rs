//! Starts on a database and a Redis: one that goes well, one that waits, and those that cannot succeed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leasehold_testkit::{Postgres, Process, Redis};

use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(1);
const WAITING: &str = "waiting for the database";

/// `leasehold serve` on these servers.
fn serve(folder: &Path, database: &str, redis: &str) -> Process {
    let mut command = Command::new(leasehold());
    // What the machine has set must not change what is tested.
    let ambient = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
    for (name, _) in ambient {
        command.env_remove(name);
    }
    // One port cannot be everybody's.
    command
        .env("LEASEHOLD__ADMIN__LISTEN", "")
        .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD_MASTER_KEY", "0f".repeat(32));
    command.args(["serve", "--listen", "127.0.0.1:0", "--sync-listen", "127.0.0.1:0"]).current_dir(folder);
    command.args(["--database-url", database, "--redis-url", redis]);
    Process::spawn(command).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_succeed_fails_at_once_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (postgres, redis) = (Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    let database = postgres.url();
    let missing = format!("{}/missing", database.rsplit_once('/').unwrap().0);
    let nobody = database.replace("postgres@", "nobody@");
    let numbered = format!("{}/99", redis.url());
    for (database, redis, parts) in [
        (&missing, &redis.url(), ["missing", "`createdb --owner postgres missing`"]),
        (&nobody, &redis.url(), ["nobody", "`createuser nobody`"]),
        (&database, &numbered, ["database 99", "redis.url"]),
    ] {
        let mut server = serve(folder.path(), database, redis);
        let status = server.wait(PATIENCE).await.unwrap();
        let told = server.stderr();
        assert_eq!(status.code(), Some(1), "{told}");
        let error = told.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{told}"));
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!told.contains(WAITING), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (mut postgres, redis) = (Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    postgres.stop().await.unwrap();
    let mut server = serve(folder.path(), &postgres.url(), &redis.url());
    let line = server.wait_for_line(WAITING, PATIENCE).await.unwrap();
    assert!(line.contains(&format!("127.0.0.1:{}", postgres.port())), "{line}");
    postgres.start_again().await.unwrap();
    server.wait_for_line("licensing is ready", PATIENCE).await.unwrap();
    server.terminate(PATIENCE).await.unwrap();

    // With both there, there is nothing to warn of.
    let mut server = serve(folder.path(), &postgres.url(), &redis.url());
    server.wait_for_line("licensing is ready", PATIENCE).await.unwrap();
    server.terminate(PATIENCE).await.unwrap();
    let log = server.stderr();
    assert!(log.contains("\"level\":\"INFO\"") && !log.contains("\"level\":\"WARN\""), "{log}");
}
