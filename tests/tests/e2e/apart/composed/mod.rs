//! The five processes of docker-compose.yml, with nothing on a disk that two of them share.

mod containers;
mod door;
mod killed;
mod program;
mod works;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leasehold::probe::{self, Condition, Question};
use leasehold_client::{Client, ClientCertificate, Options, Pem, Tls};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_testkit::{Postgres, Process, Redis};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{CUSTOMER, FEATURE, PATIENCE, said, text};
use crate::deploy::{compose, file};
use containers::Containers;
use door::Door;

const LICENSING: (&str, u16) = ("licensing", 16770);
const UPDATES: (&str, u16) = ("update-distribution", 16771);
const MIRROR: (&str, u16) = ("update-distribution", 16773);
const SYNC: (&str, u16) = ("back-office-sync", 16772);
const GATEWAY: (&str, u16) = ("admin-gateway", 7070);
const BACK_OFFICE: (&str, u16) = ("back-office", 16780);
const PRODUCT: &str = "scanner";
const PASSWORD: &str = "correct horse battery";
/// As the file lets a health check wait.
const PROBE: Duration = Duration::from_secs(5);
/// Counts that the vendor sells.
const COUNT: i64 = 20;
/// Short, so that the tests see leases end that nobody keeps up.
const LEASE: Duration = Duration::from_secs(10);

/// Where it all runs.
struct Site {
    // Fields are dropped in order: processes before what they use.
    running: BTreeMap<String, Process>,
    door: Door,
    enrolment: Value,
    containers: Containers,
    postgres: Postgres,
    redis: Redis,
    folder: TempDir,
}

impl Site {
    /// Starts everything in the order of the file, and waits until it is ready; `None` where Docker Compose, which reads
    /// the file, is not here.
    async fn start() -> Option<Self> {
        let variables = [("LEASEHOLD_HOSTIDS", "a1b2/MACHINE_ID")];
        let compose = compose::read_with("deploy/demo.env", &variables)?;
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        succeeds(Command::new("sh").arg(file("deploy/secrets.sh")).arg(&secrets)).await;
        let postgres = database(&secrets).await;
        let redis = leases(&compose, &secrets).await;
        let foreign = [("postgres", 5432, postgres.port()), ("redis", 6379, redis.port())];
        let mut containers = Containers::new(compose, folder.path(), &foreign);
        let lease = format!("{}s", LEASE.as_secs());
        containers.change(LICENSING.0, "LEASEHOLD__LICENSING__LEASE_TTL", lease);
        let reached = format!("localhost:{}", containers.port(LICENSING.0, LICENSING.1));
        containers.change(LICENSING.0, "LEASEHOLD__RUNTIME__ADVERTISED_ADDRESSES", reached);
        let running = up(&containers).await;
        let door = Door::new(&containers.in_volume("tls-client", "ca.crt"));
        let enrolment = Value::Null;
        let mut site = Self { running, door, enrolment, containers, postgres, redis, folder };
        site.healthy().await;
        Some(site)
    }

    /// The same, enrolled and synchronised by an administrator at the gateway, with rights from the vendor.
    async fn set_up() -> Option<Self> {
        let mut site = Self::start().await?;
        site.first_administrator().await;
        site.sell().await;
        let enrolment = site.enrolment.clone();
        let enrolled = site.api("PUT", "/instances/~/sync", Some(enrolment)).await;
        enrolled.unwrap_or_else(|reason| panic!("{reason}: {}", site.log("back-office-sync")));
        let run = site.api("POST", "/instances/~/sync/run", None).await;
        run.unwrap_or_else(|reason| panic!("{reason}: {}", site.log("back-office-sync")));
        Some(site)
    }

    async fn first_administrator(&mut self) {
        let log = self.log(GATEWAY.0);
        let line =
            log.lines().find(|line| line.contains("nobody can sign in")).unwrap_or_else(|| panic!("{log}"));
        let line: Value = serde_json::from_str(line).unwrap();
        let first = json!({"code": line["code"], "name": "kim", "password": PASSWORD});
        self.api("POST", "/first-administrator", Some(first)).await.unwrap();
    }

    /// What the vendor's staff does before a server can be one of its own.
    async fn sell(&mut self) {
        self.admin(&["vendor", "customer", "create", CUSTOMER]).await;
        let made =
            self.admin(&["vendor", "server", "create", "one", "--customer", CUSTOMER, "-o", "json"]).await;
        let server = text(&made, "license_server_id");
        let enrolment = self.admin(&["vendor", "server", "enrolment", &server]).await;
        self.enrolment = serde_json::from_str(&enrolment).unwrap();
        let count = COUNT.to_string();
        let words = ["vendor", "entitlement", "create", "--server-id", &server, "--id", "L1"];
        let item = ["--feature", FEATURE, "--version", "1.0", "--count", &count];
        self.admin(&[&words[..], &item[..]].concat()).await;
    }

    /// A command of `docker compose run --rm admin`; what it prints.
    async fn admin(&self, words: &[&str]) -> String {
        succeeds(&mut self.containers.command("admin", words)).await
    }

    /// The vendor publishes a definition file.
    async fn publish(&self, version: &str, content: &str) {
        let rules = self.folder.path().join("rules.db");
        std::fs::write(&rules, content).unwrap();
        let dir = "--dir=/var/lib/leasehold/vendor";
        let add = ["vendor", "updates", "add", rules.to_str().unwrap(), dir, "--product", PRODUCT];
        let told = ["--version", version, "--kind", "definition", "--feature", FEATURE];
        for words in [&[&add[..], &told[..]].concat()[..], &["vendor", "updates", "publish", dir]] {
            succeeds(&mut self.containers.command("back-office-updates", words)).await;
        }
    }

    /// Mirrors what the vendor has published.
    async fn mirror(&self) {
        let mut upstream = UpstreamServiceClient::new(self.channel(UPDATES).await);
        let run = upstream.sync_now(pb::SyncNowRequest::default()).await;
        let run = run.unwrap_or_else(|status| panic!("{status}: {}", self.log(UPDATES.0)));
        let run = run.into_inner().run.unwrap();
        assert_eq!((run.failure_reason.as_str(), run.missing_files), ("", 0), "{}", run.message);
    }

    /// The administrator's wish at the gateway, with the document or with the reason why not.
    async fn api(&mut self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let url = format!("https://{}/api/v1{path}", self.address(GATEWAY));
        self.door.ask(method, &url, body).await.good()
    }

    /// The grants that the API shows, oldest first.
    async fn grants(&mut self) -> Vec<Value> {
        let list = self.api("GET", "/instances/~/grants", None).await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Where a service is here.
    fn address(&self, (service, port): (&str, u16)) -> String {
        format!("localhost:{}", self.containers.port(service, port))
    }

    /// Calls to a service with an administrator's certificate.
    async fn channel(&self, service: (&str, u16)) -> Channel {
        let mut options = Options::new(self.address(service).parse().unwrap());
        options.hostids = vec!["admin".parse().unwrap()];
        let of = |name: &str| self.containers.in_volume("tls-admin", name);
        let mut tls = Tls::new(Pem::File(of("ca.crt")));
        tls.certificate = Some(ClientCertificate { certificate: of("tls.crt"), key: of("tls.key") });
        options.tls = Some(tls);
        Client::connect(options).await.unwrap().channel()
    }

    /// Waits until everything is ready, on the admin listeners and by the health of gRPC.
    async fn healthy(&mut self) {
        let names: Vec<String> = self.running.keys().cloned().collect();
        for name in names {
            self.ready(&name).await;
        }
        for service in [LICENSING, UPDATES, SYNC, BACK_OFFICE] {
            let mut health = HealthClient::new(self.channel(service).await);
            let start = Instant::now();
            loop {
                let answer = health.check(HealthCheckRequest::default()).await;
                if matches!(&answer, Ok(answer) if answer.get_ref().status() == ServingStatus::Serving) {
                    break;
                }
                assert!(start.elapsed() < PATIENCE, "{}: {answer:?}", service.0);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn ready(&mut self, name: &str) {
        let (start, admin) = (Instant::now(), self.admin_listener(name));
        loop {
            let condition = probe::ask(admin, Question::Ready, PROBE).await;
            if matches!(condition, Condition::Well(_)) {
                return;
            }
            let process = self.running.get_mut(name).expect("it was started");
            let ended = process.status().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "{name}: {condition:?}, {ended:?}: {}",
                process.stderr()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn admin_listener(&self, name: &str) -> SocketAddr {
        let variables = compose::environment(self.containers.service(name));
        let listen = variables.into_iter().find(|(key, _)| key == "LEASEHOLD__ADMIN__LISTEN").unwrap().1;
        let port = listen.strip_prefix("0.0.0.0:").unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], self.containers.port(name, port)))
    }

    fn log(&self, name: &str) -> String {
        self.running.get(name).map(Process::stderr).unwrap_or_default()
    }
}

/// Starts everything of ours in the order of the file: what ends by itself is waited for.
async fn up(containers: &Containers) -> BTreeMap<String, Process> {
    let mut running = BTreeMap::new();
    let mut begun = vec!["postgres".to_owned(), "redis".to_owned()];
    loop {
        let due: Vec<String> = containers
            .ours()
            .filter(|(name, service)| {
                let waits_for = compose::names(service, "depends_on");
                !compose::names(service, "profiles").contains(&"tools")
                    && !begun.iter().any(|other| other == name)
                    && waits_for.iter().all(|other| begun.iter().any(|name| name == other))
            })
            .map(|(name, _)| name.to_owned())
            .collect();
        if due.is_empty() {
            return running;
        }
        for name in due {
            if containers.service(&name)["restart"] == "no" {
                succeeds(&mut containers.started(&name)).await;
            } else {
                running.insert(name.clone(), Process::spawn(containers.started(&name)).unwrap());
            }
            begun.push(name);
        }
    }
}

/// A database as the image of `PostgreSQL` makes it, which wants the password.
async fn database(secrets: &Path) -> Postgres {
    let postgres = Postgres::start().await.unwrap();
    let password = std::fs::read_to_string(secrets.join("postgres_password")).unwrap();
    let role = format!("CREATE ROLE leasehold LOGIN PASSWORD '{password}'");
    for statement in [role.as_str(), "CREATE DATABASE leasehold OWNER leasehold"] {
        succeeds(&mut postgres.psql(["--command", statement])).await;
    }
    let access =
        "host all postgres 127.0.0.1/32 trust\nhost leasehold leasehold 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(postgres.socket_dir().join("data/pg_hba.conf"), access).unwrap();
    succeeds(&mut postgres.psql(["--command", "SELECT pg_reload_conf()"])).await;
    postgres
}

/// A Redis as the file starts it.
async fn leases(compose: &Value, secrets: &Path) -> Redis {
    let words = compose::names(&compose["services"]["redis"], "command");
    assert_eq!(words[0], "redis-server");
    let value = |word: &str| word.replace("/run/secrets", secrets.to_str().unwrap());
    let settings: Vec<(String, String)> = words[1..]
        .chunks(2)
        .map(|pair| (pair[0].strip_prefix("--").unwrap().to_owned(), value(pair[1])))
        .collect();
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Redis::start_with(&settings, None).await.unwrap()
}

/// What a command prints, which has to succeed.
async fn succeeds(command: &mut Command) -> String {
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    said(output).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
