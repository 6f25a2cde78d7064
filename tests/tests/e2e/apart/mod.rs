//! Licensing, synchronisation and the back office in processes of their own, on one Postgres, with mutual TLS between
//! the first two and a proxy on every way. `composed` has all five processes, as docker-compose.yml starts them.

mod composed;
mod gateway;
mod killed;
mod part;

use std::process::Output;
use std::time::Duration;

use leasehold_testkit::{FaultProxy, Postgres, Process, Redis, free_port};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use part::Part;

const PATIENCE: Duration = Duration::from_mins(1);
const FEATURE: &str = "cad";
const CUSTOMER: &str = "Plant";

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Licensing,
    Sync,
    BackOffice,
}

/// Whose way, and where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    LicensingToDatabase,
    SyncToDatabase,
    SyncToLicensing,
    SyncToBackOffice,
    BackOfficeToDatabase,
}

/// Three processes, and the ways between them.
struct Apart {
    // Fields are dropped in order: processes before what they use.
    licensing: Part,
    sync: Part,
    back_office: Part,
    ways: Ways,
    server_id: String,
    entitlement: String,
    postgres: Postgres,
    _redis: Redis,
    folder: TempDir,
}

/// Proxies, by whose way they are and where it leads.
struct Ways {
    licensing_to_postgres: FaultProxy,
    licensing_to_sync: FaultProxy,
    sync_to_postgres: FaultProxy,
    sync_to_licensing: FaultProxy,
    sync_to_back_office: FaultProxy,
    back_office_to_postgres: FaultProxy,
}

impl Ways {
    /// `ports` of licensing, sync and the back office.
    async fn start(postgres: &Postgres, [licensing, sync, back_office]: [u16; 3]) -> Self {
        let way = async |port| FaultProxy::start(port).await.unwrap();
        Self {
            licensing_to_postgres: way(postgres.port()).await,
            licensing_to_sync: way(sync).await,
            sync_to_postgres: way(postgres.port()).await,
            sync_to_licensing: way(licensing).await,
            sync_to_back_office: way(back_office).await,
            back_office_to_postgres: way(postgres.port()).await,
        }
    }

    fn of(&self, way: Way) -> &FaultProxy {
        match way {
            Way::LicensingToDatabase => &self.licensing_to_postgres,
            Way::SyncToDatabase => &self.sync_to_postgres,
            Way::SyncToLicensing => &self.sync_to_licensing,
            Way::SyncToBackOffice => &self.sync_to_back_office,
            Way::BackOfficeToDatabase => &self.back_office_to_postgres,
        }
    }
}

impl Apart {
    /// A vendor that has sold so many counts, and a server that is enrolled with it and synchronised.
    async fn start(count: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (postgres, redis) = (Postgres::start().await.unwrap(), Redis::start().await.unwrap());
        let ports = [(); 3].map(|()| free_port().unwrap());
        let [licensing, sync, back_office] = ports;
        let ways = Ways::start(&postgres, ports).await;
        let database = |proxy: &FaultProxy| {
            postgres.url().replace(&format!(":{}", postgres.port()), &format!(":{}", proxy.port()))
        };
        let licensing = Part::new(
            folder.path(),
            "licensing",
            licensing,
            &[
                ("postgres.url", &database(&ways.licensing_to_postgres)),
                ("redis.url", &redis.url()),
                ("services.sync", &format!("https://localhost:{}", ways.licensing_to_sync.port())),
            ],
        );
        let sync = Part::new(
            folder.path(),
            "sync",
            sync,
            &[
                ("postgres.url", &database(&ways.sync_to_postgres)),
                ("services.licensing", &format!("https://localhost:{}", ways.sync_to_licensing.port())),
            ],
        );
        let back_office =
            Part::back_office(folder.path(), back_office, &database(&ways.back_office_to_postgres));
        let mut apart = Self {
            licensing,
            sync,
            back_office,
            ways,
            server_id: String::new(),
            entitlement: String::new(),
            postgres,
            _redis: redis,
            folder,
        };
        apart.set_up(count).await;
        apart
    }

    async fn set_up(&mut self, count: i64) {
        let address = format!("http://127.0.0.1:{}", self.ways.sync_to_back_office.port());
        self.plain(&["certs", "init", "--out", "tls"]).await;
        self.back_office.set_up(&address).await;
        for name in [Name::BackOffice, Name::Licensing, Name::Sync] {
            self.part(name).begin();
        }
        for name in [Name::BackOffice, Name::Licensing, Name::Sync] {
            self.part(name).ready().await;
        }
        self.vendor(&["customer", "create", CUSTOMER]).await;
        let made = self.vendor(&["server", "create", "one", "--customer", CUSTOMER, "-o", "json"]).await;
        self.server_id = text(&made, "license_server_id");
        let enrolment = self.vendor(&["server", "enrolment", &self.server_id]).await;
        std::fs::write(self.folder.path().join("enrolment.json"), enrolment).unwrap();
        let count = count.to_string();
        let server_id = self.server_id.clone();
        let words = ["entitlement", "create", "--server-id", &server_id, "--id", "L1", "--feature", FEATURE];
        let words = [words.as_slice(), &["--version", "1.0", "--count", &count, "-o", "json"]].concat();
        let made = self.vendor(&words).await;
        self.entitlement = text(&made, "entitlement_id");
        self.sync_command(&["enrol", "--file", "enrolment.json"]).await.expect("enrolled");
        self.synchronize().await;
    }

    fn part(&mut self, name: Name) -> &mut Part {
        match name {
            Name::Licensing => &mut self.licensing,
            Name::Sync => &mut self.sync,
            Name::BackOffice => &mut self.back_office,
        }
    }

    /// Lets the vendor change what is owned.
    async fn sell(&self, count: i64) {
        let count = count.to_string();
        let words = ["entitlement", "update", &self.entitlement, "--id", "L1", "--feature", FEATURE];
        self.vendor(&[words.as_slice(), &["--version", "1.0", "--count", &count]].concat()).await;
    }

    /// Synchronises, which must succeed.
    async fn synchronize(&self) {
        self.sync_command(&["now"]).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// A synchronisation that an administrator has asked for.
    fn synchronising(&self) -> JoinHandle<Result<String, String>> {
        let (folder, words) = (self.folder.path().to_owned(), secured(&self.sync, &["sync", "now"]));
        tokio::spawn(async move { said(part::run(&folder, &words).await) })
    }

    /// What licensing says: the counts that are owned, and the sequence number of the bundle in force.
    async fn in_force(&self) -> (i64, u64) {
        loop {
            let before = self.sequence().await;
            let features = self.to(&self.licensing, &["feature", "list", "-o", "json"]).await.unwrap();
            // A bundle may come into force between two questions.
            if self.sequence().await == before {
                return (features["features"][0]["total"].as_i64().unwrap(), before);
            }
        }
    }

    async fn sequence(&self) -> u64 {
        let instance = self.to(&self.licensing, &["instance", "show", "-o", "json"]).await.unwrap();
        instance["instances"][0]["bundle_sequence"].as_u64().unwrap()
    }

    /// The claim of a process that was killed ends by itself; this spares the wait.
    async fn forget_claims(&self) {
        let mut connection = PgConnection::connect(&self.postgres.url()).await.unwrap();
        sqlx::query("DELETE FROM sync.claims").execute(&mut connection).await.unwrap();
    }

    /// A command of the vendor's staff, which must succeed; what it prints.
    async fn vendor(&self, words: &[&str]) -> String {
        let address = self.back_office.address();
        self.plain(&[&["vendor"], words, &["--server", &address]].concat()).await
    }

    /// A command of the administrator's to sync.
    async fn sync_command(&self, words: &[&str]) -> Result<String, String> {
        let words = secured(&self.sync, &[&["sync"], words].concat());
        said(part::run(self.folder.path(), &words).await)
    }

    /// A command of the administrator's that prints JSON.
    async fn to(&self, part: &Part, words: &[&str]) -> Result<Value, String> {
        Ok(serde_json::from_str(&said(part::run(self.folder.path(), &secured(part, words)).await)?).unwrap())
    }

    async fn plain(&self, words: &[&str]) -> String {
        said(part::run(self.folder.path(), words).await).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }
}

/// A command of an administrator's to one of the services that want a certificate.
fn secured(part: &Part, words: &[&str]) -> Vec<String> {
    let address = format!("localhost:{}", part.port());
    let papers = ["--ca", "tls/ca.pem", "--cert", "tls/admin.pem", "--key", "tls/admin-key.pem"];
    let words = [words, &["--server", &address, "--timeout", "60"], papers.as_slice()].concat();
    words.into_iter().map(str::to_owned).collect()
}

fn said(output: Output) -> Result<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// A text in what a command printed as JSON, wherever it stands.
fn text(printed: &str, key: &str) -> String {
    fn find(value: &Value, key: &str) -> Option<String> {
        match value {
            Value::Object(map) => {
                let own = map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                own.map(str::to_owned).or_else(|| map.values().find_map(|value| find(value, key)))
            }
            Value::Array(list) => list.iter().find_map(|value| find(value, key)),
            _ => None,
        }
    }
    let value = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    find(&value, key).unwrap_or_else(|| panic!("no {key}: {printed}"))
}

/// Whether a process has ended by itself, with its last words.
fn ended(process: &mut Process) -> Option<String> {
    process.status().unwrap().map(|status| format!("{status}\n{}", process.stderr()))
}
