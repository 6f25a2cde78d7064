//! `PostgreSQL` over TLS: a server of a CA that is trusted, and those that are not to be believed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use leasehold_store::LicensingStore as _;
use leasehold_store_postgres::{OpenError, PostgresLicensingStore, Settings};
use leasehold_testkit::Postgres;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A server, and in a folder the CA of its certificate, `ca.pem`, and another one, `other.pem`.
struct Site {
    postgres: Postgres,
    folder: TempDir,
}

/// A CA's certificate, and a certificate for this name with its key, PEM.
fn certificates(name: &str) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (ca, params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

impl Site {
    /// One whose certificate is for this name.
    async fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ca, certificate, key) = certificates(name);
        std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
        std::fs::write(folder.path().join("other.pem"), certificates(name).0).unwrap();
        std::fs::write(folder.path().join("empty.pem"), "").unwrap();
        Self { postgres: Postgres::start_with_tls(&certificate, &key).await.unwrap(), folder }
    }

    fn url(&self, mode: &str, ca: Option<&str>) -> String {
        let ca = ca.map(|name| format!("&sslrootcert={}", self.folder.path().join(name).display()));
        format!(
            "postgres://postgres@localhost:{}/postgres?sslmode={mode}{}",
            self.postgres.port(),
            ca.unwrap_or_default()
        )
    }

    async fn open(&self, mode: &str, ca: Option<&str>) -> Result<PostgresLicensingStore, OpenError> {
        PostgresLicensingStore::open(&Settings::new(self.url(mode, ca))).await
    }

    /// Why it is not connected to.
    async fn refusal(&self, mode: &str, ca: Option<&str>) -> String {
        refusal(self.open(mode, ca).await)
    }
}

fn refusal(outcome: Result<PostgresLicensingStore, OpenError>) -> String {
    let error = outcome.err().unwrap();
    assert!(matches!(error, OpenError::Tls { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_server_of_the_ca_serves_and_what_it_says_is_secret() {
    let site = Site::of("localhost").await;
    let store = site.open("verify-full", Some("ca.pem")).await.unwrap();
    store.ping().await.unwrap();
    let sql = "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'leasehold'";
    let output = site.postgres.psql(["-c", sql]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "t", "every connection is secured");
    store.close().await;
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_believed() {
    let site = Site::of("localhost").await;
    // Without a file the system's CAs count, and they know nothing of this one.
    for ca in [Some("other.pem"), None] {
        let told = site.refusal("verify-full", ca).await;
        assert!(told.contains("of no CA that is trusted") && told.contains("sslrootcert=FILE"), "{told}");
    }
}

#[tokio::test]
async fn a_server_of_another_name_is_not_believed() {
    let site = Site::of("database.example.com").await;
    let told = site.refusal("verify-full", Some("ca.pem")).await;
    for part in ["localhost", "database.example.com", "in the address"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_wanted() {
    let postgres = Postgres::start().await.unwrap();
    for mode in ["require", "verify-full"] {
        let url = format!("{}?sslmode={mode}", postgres.url());
        let told = refusal(PostgresLicensingStore::open(&Settings::new(url)).await);
        assert!(told.contains("does not support TLS") && told.contains("`ssl = on`"), "{told}");
    }
}

#[tokio::test]
async fn a_ca_that_would_not_be_heeded_is_refused() {
    let site = Site::of("localhost").await;
    for mode in ["require", "prefer", "disable"] {
        let told = site.refusal(mode, Some("ca.pem")).await;
        assert!(told.contains("add sslmode=verify-full"), "{told}");
    }
    for (name, part) in [("missing.pem", "cannot be read: "), ("empty.pem", "holds no certificate")] {
        let told = site.refusal("verify-full", Some(name)).await;
        assert!(told.contains(part) && told.contains("check sslrootcert"), "{told}");
    }
}
