use super::*;

fn ask(postgres: &Postgres, sql: &str) -> Result<String, String> {
    let output = postgres.psql(["-c", sql]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let mut postgres = Postgres::start().await.unwrap();
    assert_eq!(ask(&postgres, "select 1").unwrap(), "1");
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(ask(&postgres, &format!("show {setting}")).unwrap(), "on", "{setting}");
    }
    ask(&postgres, "create table t (n int); insert into t values (42)").unwrap();
    let (url, children) = (postgres.url(), children(postgres.server.id()));
    assert!(!children.is_empty(), "the server has processes of its own");

    postgres.kill().unwrap();
    assert!(children.iter().all(|child| !is_alive(*child)), "all of them are dead");
    assert!(ask(&postgres, "select 1").is_err());

    postgres.start_again().await.unwrap();
    assert!(postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
    assert_eq!(ask(&postgres, "select n from t").unwrap(), "42");
    assert_eq!(postgres.url(), url);

    postgres.stop().await.unwrap();
    postgres.start_again().await.unwrap();
    assert!(!postgres.log().contains("automatic recovery"), "a stop leaves nothing to recover");
}

#[tokio::test]
async fn one_that_stands_still_answers_when_it_goes_on() {
    let mut postgres = Postgres::start().await.unwrap();
    let sleep = postgres.psql(["-c", "select pg_sleep(0.3), 'slept'"]);
    let mut standing = Process::spawn(sleep).unwrap();
    postgres.pause().unwrap();
    assert!(standing.wait(Duration::from_secs(1)).await.is_err(), "a session that was open stands still");
    let mut late = Process::spawn(postgres.psql(["-c", "select 'late'"])).unwrap();
    assert!(late.wait(Duration::from_millis(300)).await.is_err(), "and a new one gets no answer");
    postgres.resume().unwrap();
    assert!(standing.wait(PATIENCE).await.unwrap().success());
    assert!(late.wait(PATIENCE).await.unwrap().success());
    assert_eq!((standing.stdout().trim(), late.stdout().trim()), ("|slept", "late"));
}

#[tokio::test]
async fn it_goes_without_a_trace() {
    let postgres = Postgres::start_with(&[("max_connections", "7")]).await.unwrap();
    assert_eq!(ask(&postgres, "show max_connections").unwrap(), "7");
    let version = postgres.pgbench(["--version"]).output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("pgbench (PostgreSQL)"));
    let mut processes = children(postgres.server.id());
    processes.push(postgres.server.id());
    let folder = postgres.folder.path().to_owned();
    assert!(postgres.socket_dir().join(format!(".s.PGSQL.{}", postgres.port())).exists());
    drop(postgres);
    assert!(!folder.exists());
    assert!(processes.iter().all(|process| !is_alive(*process)));
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let error = Postgres::start_with(&[("no_such_setting", "1")]).await.unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}
