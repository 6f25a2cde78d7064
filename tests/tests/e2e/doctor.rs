//! `leasehold doctor` on a database and a Redis: before, while and after they can be used.

use std::path::Path;
use std::process::Command;

use leasehold_testkit::{Postgres, Redis};
use serde_json::Value;

use crate::binary::leasehold;

fn command(folder: &Path, (postgres, redis): (&Postgres, &Redis), args: &[&str]) -> Command {
    let mut command = Command::new(leasehold());
    // What the machine has set must not change what is tested.
    let ambient = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
    for (name, _) in ambient {
        command.env_remove(name);
    }
    for listener in [
        "LICENSING__LISTEN",
        "SYNC__LISTEN",
        "GATEWAY__LISTEN",
        "UPDATES__LISTEN",
        "UPDATES__HTTP_LISTEN",
        "ADMIN__LISTEN",
    ] {
        command.env(format!("LEASEHOLD__{listener}"), "127.0.0.1:0");
    }
    command.env("LEASEHOLD__POSTGRES__URL", postgres.url()).env("LEASEHOLD__REDIS__URL", redis.url());
    command.env("LEASEHOLD__POSTGRES__MIGRATE", "check").env("LEASEHOLD_MASTER_KEY", "0f".repeat(32));
    command.args(args).current_dir(folder);
    command
}

/// The exit code, and every finding as `check RESULT found`.
fn doctor(folder: &Path, stores: (&Postgres, &Redis)) -> (Option<i32>, Vec<String>) {
    let output = command(folder, stores, &["doctor", "--json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| format!("{} {} {}", text(row, "check"), text(row, "result"), text(row, "found"));
    (output.status.code(), document["checks"].as_array().unwrap().iter().map(row).collect())
}

#[track_caller]
fn has(found: &[String], begin: &str, part: &str) {
    assert!(
        found.iter().any(|line| line.starts_with(begin) && line.contains(part)),
        "{begin} … {part}: {found:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_told_to_be_empty_then_good_then_away() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, mut postgres, mut redis) =
        (folder.path(), Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    let (code, found) = doctor(folder, (&postgres, &redis));
    assert_eq!(code, Some(1), "{found:#?}");
    has(&found, "database FAILED", "licensing has no tables yet");
    has(&found, "postgres PASSED", "answers for the database postgres");
    has(&found, "clock PASSED", "PostgreSQL's clock");
    has(&found, "clock PASSED", "Redis' clock");
    assert!(command(folder, (&postgres, &redis), &["migrate"]).output().unwrap().status.success());
    let (code, found) = doctor(folder, (&postgres, &redis));
    assert_eq!(code, Some(0), "{found:#?}");
    has(&found, "database PASSED", "the tables of sync are up to date");
    has(&found, "vendor WARNING", "enrolled with no vendor");
    has(&found, "master_key PASSED", "LEASEHOLD_MASTER_KEY");

    redis.kill().unwrap();
    postgres.stop().await.unwrap();
    let (code, found) = doctor(folder, (&postgres, &redis));
    assert_eq!(code, Some(1), "{found:#?}");
    has(&found, "postgres FAILED", "check that PostgreSQL runs there");
    has(&found, "redis FAILED", "does not answer");
    assert!(!found.iter().any(|line| line.starts_with("database")), "one cause is told once: {found:#?}");
}
