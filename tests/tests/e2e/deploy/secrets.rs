//! The script that makes the secrets of docker-compose.yml.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use leasehold_testkit::{Process, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{file, text};

const PATIENCE: Duration = Duration::from_secs(20);

fn make(folder: &Path) -> BTreeMap<String, String> {
    let output = Command::new("sh").arg(file("deploy/secrets.sh")).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    entries.map(|entry| (entry.file_name().into_string().unwrap(), read(&entry.path()))).collect()
}

#[test]
fn secrets_are_made_once_and_only_those_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("secrets");
    let made = make(&folder);
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(names, ["master_key", "postgres_password", "redis_password", "redis_users"]);
    for name in &names[..3] {
        assert!(
            made[*name].len() == 64 && made[*name].bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name}"
        );
        assert!(text("docker-compose.yml").contains(&format!("file: ./deploy/secrets/{name}\n")), "{name}");
    }
    assert_ne!(made["master_key"], made["postgres_password"]);
    assert!(!made["redis_users"].contains(&made["redis_password"]));
    // Nobody else on the machine gets into the folder; whoever a container runs as reads what it is shown.
    let access = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((access(&folder), access(&folder.join("master_key"))), (0o700, 0o444));

    assert_eq!(make(&folder), made);
    fs::remove_file(folder.join("redis_password")).unwrap();
    let again = make(&folder);
    assert_eq!(again["master_key"], made["master_key"]);
    assert_ne!(again["redis_password"], made["redis_password"]);
    assert_ne!(again["redis_users"], made["redis_users"], "it goes with the password");
}

#[tokio::test]
async fn redis_knows_the_password_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path());
    let port = free_port().unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder.path()).arg("--aclfile").arg(folder.path().join("redis_users"));
    let _redis = Process::spawn(command).unwrap();
    let refused = ask(port, "PING").await;
    assert!(refused.starts_with("-NOAUTH"), "{refused}");
    let wrong = ask(port, "AUTH wrong").await;
    assert!(wrong.starts_with("-WRONGPASS"), "{wrong}");
    let taken = ask(port, &format!("AUTH {}", made["redis_password"])).await;
    assert_eq!(taken, "+OK\r\n");
}

/// Sends a line to a Redis that may only be starting; what it answers.
async fn ask(port: u16, line: &str) -> String {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    };
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 256];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[test]
fn secrets_stay_out_of_the_repository() {
    assert_eq!(text("deploy/secrets/.gitignore"), "*\n!.gitignore\n");
}
