//! A demonstration keeps away from what is not a demonstration's.

use std::process::Output;

use sqlx::{Connection, PgConnection};

use super::{command, folder, servers};
use crate::binary::leasehold;

#[track_caller]
fn refused(output: &Output, code: i32, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_real_server_is_left_as_it_is() {
    let (folder, (postgres, redis)) = (folder(), servers().await);
    let (url, redis) = (postgres.url(), redis.url());
    let mut database = PgConnection::connect(&url).await.unwrap();
    let real = "CREATE SCHEMA licensing; CREATE TABLE licensing.instances (id int); INSERT INTO licensing.instances \
                VALUES (1)";
    sqlx::raw_sql(real).execute(&mut database).await.unwrap();
    let words = ["--headless", "--duration", "1s", "--database-url", &url, "--redis-url", &redis];
    let output = command(folder.path(), &words).output().unwrap();
    refused(&output, 6, &["not a demonstration's", "nothing was changed", "createdb"]);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM licensing.instances")
        .fetch_one(&mut database)
        .await
        .unwrap();
    let schemas =
        "SELECT count(*) FROM pg_namespace WHERE nspname IN ('leasehold_demo', 'sync', 'backoffice')";
    let made: i64 = sqlx::query_scalar(schemas).fetch_one(&mut database).await.unwrap();
    assert_eq!((kept, made), (1, 0));
}

#[test]
fn a_directory_of_a_real_server_is_left_as_it_is() {
    let folder = folder();
    let init = std::process::Command::new(leasehold())
        .args(["init", "--data-dir", "data"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let files = || {
        let entries = std::fs::read_dir(folder.path().join("data")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let output =
        command(folder.path(), &["--headless", "--duration", "1s", "--data-dir", "data"]).output().unwrap();
    refused(&output, 6, &["data holds other files than a demonstration's", "empty or new directory"]);
    assert_eq!(files(), before);
}

#[test]
fn wrong_flags_are_told() {
    let folder = folder();
    let table: &[(&[&str], &str)] = &[
        (&["--duration", "soon"], "--duration"),
        (&["--duration", "0s"], "at least 1s"),
        (&["--clients", "0"], "--clients"),
        (&["--seed", "x"], "--seed"),
        (&["--redis-url", "redis://127.0.0.1"], "--database-url"),
        (&["--database-url", "postgres://127.0.0.1/x"], "--redis-url"),
        (
            &[
                "--data-dir",
                "d",
                "--database-url",
                "postgres://127.0.0.1/x",
                "--redis-url",
                "redis://127.0.0.1",
            ],
            "cannot be used with",
        ),
        (&["--log-level", "loud"], "logging.level"),
    ];
    for (words, part) in table {
        let output = command(folder.path(), &[&["--headless"], *words].concat()).output().unwrap();
        refused(&output, 2, &[part]);
    }
    let nobody = ["--database-url", "postgres://127.0.0.1:1/x", "--redis-url", "redis://127.0.0.1:1"];
    let output = command(folder.path(), &[&["--headless"], &nobody[..]].concat()).output().unwrap();
    refused(&output, 1, &["the database cannot be used", "--database-url"]);
}
