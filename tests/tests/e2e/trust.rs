//! A server that is told of no CA: it believes those that its system trusts, and no others.

use std::process::Command;
use std::time::{Duration, Instant};

use leasehold::certs::{Authority, Validity, files, hosts};
use leasehold::{Clock as _, SystemClock};
use leasehold_proto::licensing::v1 as pb;
use leasehold_testkit::{Postgres, Process, Redis, free_port};
use tempfile::TempDir;

use crate::binary::leasehold;
use crate::calls::Admin;
use crate::server::channel;
use crate::traces::Collector;

const PATIENCE: Duration = Duration::from_mins(1);

/// A database, a lease store and a collector with certificates of the CA in `ca.pem`; another CA is in `other.pem`.
struct Site {
    folder: TempDir,
    postgres: Postgres,
    redis_port: u16,
    _redis: Redis,
    collector: Collector,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let today = Validity::days(SystemClock::new().now(), 2).unwrap();
        let [ca, other] = [(); 2].map(|()| Authority::new("Test CA", today).unwrap());
        std::fs::write(folder.path().join("ca.pem"), ca.certificate()).unwrap();
        std::fs::write(folder.path().join("other.pem"), other.certificate()).unwrap();
        let pair = ca.service("back-end", &hosts([]), today).unwrap();
        pair.write(folder.path(), "back-end").unwrap();
        let (certificate, key) = files(folder.path(), "back-end");
        let postgres = Postgres::start_with_tls(&pair.certificate, &pair.key).await.unwrap();
        let collector = Collector::start(Some((&certificate, &key))).await;
        let redis_port = free_port().unwrap();
        let port = redis_port.to_string();
        let settings = [
            ("tls-port", port.as_str()),
            ("tls-cert-file", certificate.to_str().unwrap()),
            ("tls-key-file", key.to_str().unwrap()),
            ("tls-auth-clients", "no"),
        ];
        let redis = Redis::start_with(&settings, None).await.unwrap();
        Self { folder, postgres, redis_port, _redis: redis, collector }
    }

    /// A server whose system trusts this CA alone, to serve at a port of this machine.
    fn serve(&self, ca: &str, database: &str, redis: &str) -> (Process, u16) {
        let port = free_port().unwrap();
        let mut command = Command::new(leasehold());
        let ambient =
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
        for (name, _) in ambient {
            command.env_remove(name);
        }
        command.env("SSL_CERT_FILE", self.folder.path().join(ca)).env_remove("SSL_CERT_DIR");
        let endpoint = format!("https://localhost:{}", self.collector.port);
        command.env("LEASEHOLD__TELEMETRY__OTLP_ENDPOINT", endpoint);
        command
            .env("LEASEHOLD__TELEMETRY__SAMPLE_PERCENT", "100")
            .env("LEASEHOLD__ADMIN__LISTEN", "")
            .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0");
        command.env("LEASEHOLD_MASTER_KEY", "0f".repeat(32));
        command.args(["serve", "--database-url", database, "--redis-url", redis, "--listen"]);
        command.arg(format!("127.0.0.1:{port}")).args(["--sync-listen", "127.0.0.1:0"]);
        command.current_dir(self.folder.path());
        (Process::spawn(command).unwrap(), port)
    }

    fn database(&self, mode: &str) -> String {
        format!("postgres://postgres@localhost:{}/postgres?sslmode={mode}", self.postgres.port())
    }

    fn redis(&self) -> String {
        format!("rediss://localhost:{}", self.redis_port)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_a_ca_that_the_system_trusts_are_believed() {
    let site = Site::start().await;
    let (mut process, port) = site.serve("ca.pem", &site.database("verify-full"), &site.redis());
    process.wait_for_port(port, PATIENCE).await.unwrap();
    let mut admin = Admin::new(channel(port));
    let start = Instant::now();
    while let Err(status) = admin.get_instance(pb::GetInstanceRequest::default()).await {
        assert!(process.status().unwrap().is_none(), "the server ended: {}", process.stderr());
        assert!(start.elapsed() < PATIENCE, "{status}\n{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(process.terminate(PATIENCE).await.unwrap().success(), "{}", process.stderr());
    assert!(!site.collector.spans().is_empty(), "{}", process.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_no_ca_that_the_system_trusts_keep_it_from_starting() {
    let site = Site::start().await;
    for (mode, part) in [("verify-full", "PostgreSQL"), ("disable", "Redis")] {
        let start = Instant::now();
        let (mut process, _) = site.serve("other.pem", &site.database(mode), &site.redis());
        let status = process.wait(PATIENCE).await.unwrap();
        let told = process.stderr();
        assert_eq!(status.code(), Some(1), "{told}");
        let line = told.lines().find(|line| line.contains("of no CA that is trusted"));
        assert!(line.is_some_and(|line| line.contains(part)), "{told}");
        assert!(start.elapsed() < Duration::from_secs(20), "it does not wait for what will not pass");
    }
}
