//! Redis over TLS: a server of a CA that is trusted, and those that are not to be believed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use leasehold_testkit::free_port;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::*;

/// A Redis with a plain port and one for TLS, and the CA of its certificate, `ca.pem`, beside another one,
/// `other.pem`.
struct Site {
    redis: Redis,
    tls_port: u16,
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
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (ca, certificate.pem(), key.serialize_pem())
}

impl Site {
    /// One whose certificate is for this name.
    async fn of(name: &str) -> Self {
        Self::with(name, &[]).await
    }

    async fn with(name: &str, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (ca, certificate, key) = certificates(name);
        for (name, text) in [
            ("ca.pem", ca),
            ("redis.pem", certificate),
            ("redis-key.pem", key),
            ("other.pem", certificates(name).0),
        ] {
            std::fs::write(path(name), text).unwrap();
        }
        let tls_port = free_port().unwrap();
        let port = tls_port.to_string();
        let (certificate, key, ca) = (path("redis.pem"), path("redis-key.pem"), path("ca.pem"));
        let mut settings = vec![
            ("tls-port", port.as_str()),
            ("tls-cert-file", &certificate),
            ("tls-key-file", &key),
            ("tls-ca-cert-file", &ca),
            ("tls-auth-clients", "no"),
        ];
        settings.extend(more);
        let redis = Redis::start_with(&settings, None).await.unwrap();
        Self { redis, tls_port, folder }
    }

    fn settings(&self, url: String, ca: Option<&str>) -> Settings {
        Settings { ca: ca.map(|name| self.folder.path().join(name)), ..Settings::new(url) }
    }

    fn secure_url(&self) -> String {
        format!("rediss://localhost:{}", self.tls_port)
    }

    /// Why it is not connected to.
    async fn refusal(&self, url: String, ca: Option<&str>) -> String {
        let error = RedisLeases::connect(&self.settings(url, ca)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
        error.to_string()
    }
}

#[tokio::test]
async fn passes_the_conformance_suite_over_tls() {
    let site = Site::of("localhost").await;
    let settings = site.settings(site.secure_url(), Some("ca.pem"));
    conformance::all(&Replica::with(&Settings { time: Time::Callers, ..settings }).await.0).await;
    let clients = site.redis.ask(&["INFO", "commandstats"]).await.unwrap();
    assert!(clients.contains("cmdstat_evalsha"), "it was this server: {clients}");
}

#[tokio::test]
async fn a_user_and_a_password_in_the_url_count() {
    let site = Site::of("localhost").await;
    let user = ["ACL", "SETUSER", "alice", "on", ">right-one", "~*", "&*", "+@all"];
    site.redis.ask(&user).await.unwrap();
    let url = |password| format!("rediss://alice:{password}@localhost:{}/2", site.tls_port);
    let settings = site.settings(url("right-one"), Some("ca.pem"));
    let replica = Replica::with(&settings).await;
    replica.look().await;
    let clients = site.redis.ask(&["CLIENT", "LIST"]).await.unwrap();
    let ours =
        clients.lines().find(|line| line.contains("user=alice")).unwrap_or_else(|| panic!("{clients}"));
    assert!(ours.contains("db=2"), "{ours}");
    let refused = RedisLeases::connect(&site.settings(url("wrong-one"), Some("ca.pem"))).await;
    assert!(matches!(&refused, Err(ConnectError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_believed() {
    let site = Site::of("localhost").await;
    // Without a file the system's CAs count, and they know nothing of this one.
    for ca in [Some("other.pem"), None] {
        let told = site.refusal(site.secure_url(), ca).await;
        // A machine without any CA says so.
        assert!(told.contains("of no CA that is trusted") || told.contains("trusts no CA"), "{told}");
        assert!(told.contains("redis.ca"), "{told}");
    }
}

#[tokio::test]
async fn a_server_of_another_name_is_not_believed() {
    let site = Site::of("cache.example.com").await;
    let told = site.refusal(site.secure_url(), Some("ca.pem")).await;
    for part in ["localhost", "cache.example.com", "redis.url"] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn plain_text_and_tls_tell_each_other_apart() {
    let site = Site::of("localhost").await;
    let told = site.refusal(format!("redis://localhost:{}", site.tls_port), None).await;
    assert!(told.contains("write rediss://"), "{told}");
    let told = site.refusal(format!("rediss://localhost:{}", site.redis.port()), Some("ca.pem")).await;
    assert!(told.contains("does not speak TLS"), "{told}");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_us_is_explained() {
    let site = Site::with("localhost", &[("tls-auth-clients", "yes")]).await;
    let told = site.refusal(site.secure_url(), Some("ca.pem")).await;
    assert!(told.contains("tls-auth-clients no"), "{told}");
}

#[tokio::test]
async fn it_is_found_again_after_it_was_away() {
    let mut site = Site::of("localhost").await;
    let replica = Replica::with(&site.settings(site.secure_url(), Some("ca.pem"))).await;
    let first = replica.look().await;
    site.redis.kill().unwrap();
    assert!(replica.0.look(instance()).await.is_err());
    site.redis.start_again().await.unwrap();
    assert_ne!(replica.heal().await, first);
}
