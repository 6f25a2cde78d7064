//! Migrations apart from the server: several at once, by whom, and a server that leaves them to others.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use leasehold_testkit::{Postgres, Process, Redis};

use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(1);

fn command(folder: &Path, database: &str, args: &[&str]) -> Command {
    let mut command = Command::new(leasehold());
    // What the machine has set must not change what is tested.
    let ambient = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
    for (name, _) in ambient {
        command.env_remove(name);
    }
    command
        .env("LEASEHOLD__ADMIN__LISTEN", "")
        .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD_MASTER_KEY", "0f".repeat(32));
    command.args(args).args(["--database-url", database]).current_dir(folder);
    command
}

/// `leasehold serve` that leaves migrations to others.
fn serve(folder: &Path, database: &str, redis: &Redis) -> Process {
    let args = ["serve", "--listen", "127.0.0.1:0", "--sync-listen", "127.0.0.1:0"];
    let mut command = command(folder, database, &args);
    command.args(["--redis-url", &redis.url()]).env("LEASEHOLD__POSTGRES__MIGRATE", "check");
    Process::spawn(command).unwrap()
}

fn ended(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

fn sql(postgres: &Postgres, statements: &str) -> String {
    let output = postgres.psql(["-c", statements]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_leaves_migrations_to_others_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, postgres, redis) =
        (folder.path(), Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    let url = postgres.url();
    let (code, told) = ended(command(folder, &url, &["migrate", "--check"]));
    assert_eq!(code, Some(6), "{told}");
    assert!(told.contains("pending: to be made") && told.contains("pending: licensing, "), "{told}");
    let mut early = serve(folder, &url, &redis);
    let status = early.wait(PATIENCE).await.unwrap();
    let told = early.stderr();
    assert_eq!(status.code(), Some(1), "{told}");
    for part in
        ["licensing (not there yet)", "sync (not there yet)", "postgres.migrate", "run `leasehold migrate`"]
    {
        assert!(told.contains(part), "{told}");
    }
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('licensing', 'sync', 'backoffice')";
    assert_eq!(sql(&postgres, schemas), "0", "nobody has made anything");

    let jobs: Vec<Process> =
        (0..4).map(|_| Process::spawn(command(folder, &url, &["migrate"])).unwrap()).collect();
    for mut job in jobs {
        let status = job.wait(PATIENCE).await.unwrap();
        assert_eq!(status.code(), Some(0), "{}", job.stderr());
        assert!(job.stdout().contains("licensing"), "{}", job.stdout());
    }
    assert_eq!(sql(&postgres, schemas), "2", "the vendor's is not a licence server's");
    assert_eq!(ended(command(folder, &url, &["migrate", "--check"])).0, Some(0));
    let mut server = serve(folder, &url, &redis);
    server.wait_for_line("licensing is ready", PATIENCE).await.unwrap();
    server.terminate(PATIENCE).await.unwrap();

    let (code, told) = ended(command(folder, &url, &["migrate", "backoffice"]));
    assert!(code == Some(0) && told.contains("backoffice") && !told.contains("sync"), "{told}");
    assert_eq!(sql(&postgres, schemas), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_service_is_newer_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, postgres) = (folder.path(), Postgres::start().await.unwrap());
    let url = postgres.url();
    assert_eq!(ended(command(folder, &url, &["migrate", "sync"])).0, Some(0));
    sql(&postgres, "INSERT INTO sync.schema_versions VALUES (99, 'later', '')");
    for args in [&["migrate"][..], &["migrate", "--check"]] {
        let (code, told) = ended(command(folder, &url, args));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("newer release") && told.contains("version 99"), "{told}");
    }
    assert_eq!(sql(&postgres, "SELECT to_regnamespace('licensing') IS NULL"), "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_needs_no_right_to_change_tables() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, postgres, redis) =
        (folder.path(), Postgres::start().await.unwrap(), Redis::start().await.unwrap());
    let url = postgres.url();
    assert_eq!(ended(command(folder, &url, &["migrate"])).0, Some(0));
    // As the reference has it.
    sql(
        &postgres,
        "CREATE ROLE leasehold_server LOGIN; \
         GRANT USAGE ON SCHEMA licensing, sync, updates, gateway TO leasehold_server; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA licensing, sync, updates, gateway \
            TO leasehold_server; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA licensing, sync, updates, gateway TO leasehold_server",
    );
    let mut server = serve(folder, &url.replace("postgres@", "leasehold_server@"), &redis);
    server.wait_for_line("licensing is ready", PATIENCE).await.unwrap();
    server.terminate(PATIENCE).await.unwrap();
    assert!(!server.stderr().contains("permission denied"), "{}", server.stderr());
}
