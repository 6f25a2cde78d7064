//! Ways to other services: who calls over them, and how a failure says which step it was.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::licensing::v1::{ReleaseRequest, ReleaseResponse};
use leasehold_runtime::Caller;
use leasehold_runtime::config::{Config, Sources};
use leasehold_runtime::peer::{Outward, OutwardStep, PeerError, in_process, remote};
use leasehold_runtime::server::{Options, bind};
use leasehold_runtime::tls::Transport;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::Running;
use crate::service::Obedient;

async fn release(channel: Channel) -> Result<ReleaseResponse, Status> {
    let answer = LicensingServiceClient::new(channel).release(ReleaseRequest::default()).await;
    answer.map(Response::into_inner)
}

#[tokio::test]
async fn within_the_process_a_caller_is_who_it_was_wired_as() {
    let (sync, from_sync) = in_process(Caller::service("sync"));
    let (updates, from_updates) = in_process(Caller::service("updates"));
    let server =
        Obedient::default().server(Options::default()).await.with_arrivals([from_sync, from_updates]);
    let listener = bind("127.0.0.1:0".parse().unwrap(), "licensing.listen").await.unwrap();
    let shutdown = CancellationToken::new();
    // A call that comes before the server runs waits for it.
    let early = tokio::spawn(release(sync.clone()));
    let ended = tokio::spawn(server.run(listener, Transport::loopback(), shutdown.clone()));
    early.await.unwrap().unwrap();
    release(sync).await.unwrap();
    assert_eq!(release(updates).await.unwrap_err().code(), Code::PermissionDenied);
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_way_out_says_which_step_has_failed_and_what_to_do() {
    let running = Running::start(Options::default()).await;
    let way = Outward::new(None).open(&format!("http://{}", running.address)).await.unwrap();
    assert_eq!(steps(&way.passed), [OutwardStep::Resolve, OutwardStep::Connect]);
    release(way.channel).await.unwrap();

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        ("ftp://x".to_owned(), OutwardStep::Resolve, "give https://HOST"),
        ("https://no-such-host.invalid".to_owned(), OutwardStep::Resolve, "this machine's DNS"),
        ("http://192.0.2.1".to_owned(), OutwardStep::Resolve, "write https://"),
        (format!("http://{free}"), OutwardStep::Connect, "firewall"),
        (format!("https://{}", running.address), OutwardStep::Tls, "it does not speak TLS"),
    ];
    for (address, step, part) in cases {
        let ca = tempfile::tempdir().unwrap();
        let error = Outward::new(Some(papers(ca.path()).join("ca.pem"))).open(&address).await.unwrap_err();
        assert_eq!(error.step, step, "{address}: {error}");
        assert!(error.message.contains(part), "{address}: {error}");
    }
}

#[tokio::test]
async fn a_secured_way_checks_the_ca_and_shows_a_certificate() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, other) = (papers(ours.path()), papers(other.path()));
    let config = |papers: &Path| {
        let file = |name: &str| papers.join(name).display().to_string();
        let flags = [("tls.certificate", "sync.pem"), ("tls.key", "sync.key"), ("tls.client_ca", "ca.pem")];
        let flags = flags.map(|(key, name)| (key.to_owned(), file(name))).to_vec();
        Config::load(&Sources { flags, directory: papers.to_owned(), ..Sources::default() }).unwrap()
    };
    let (good, bad) = (config(&ours), config(&other));
    let address = "127.0.0.1:0".parse().unwrap();
    let transport = Transport::open(&good.tls, &good.security, address, "licensing.listen").unwrap();
    let listener = bind(address, "licensing.listen").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Obedient::default().server(Options::default()).await;
    let shutdown = CancellationToken::new();
    tokio::spawn(server.run(listener, transport, shutdown.clone()));

    let address = format!("https://localhost:{port}");
    let way =
        |config: &Config| remote(&address, "services.licensing", &config.tls, &config.services).unwrap();
    release(way(&good)).await.unwrap();
    assert_eq!(release(way(&bad)).await.unwrap_err().code(), Code::Unavailable);

    let way = Outward::new(Some(ours.join("ca.pem"))).open(&address).await.unwrap();
    assert_eq!(steps(&way.passed), [OutwardStep::Resolve, OutwardStep::Connect, OutwardStep::Tls]);
    // Whoever shows nothing is nobody in particular.
    assert_eq!(release(way.channel).await.unwrap_err().code(), Code::Unauthenticated);
    let error = Outward::new(Some(other.join("ca.pem"))).open(&address).await.unwrap_err();
    assert_eq!(error.step, OutwardStep::Tls);
    assert!(error.message.contains("sync.vendor_ca"), "{error}");
    shutdown.cancel();
}

#[test]
fn a_way_that_asks_for_tls_needs_papers() {
    let config = Config::load(&Sources::default()).unwrap();
    let wrong = remote("https://x:1", "services.sync", &config.tls, &config.services).unwrap_err();
    assert!(matches!(wrong, PeerError::Incomplete { missing: "services.ca", .. }), "{wrong}");
}

fn steps(passed: &[(OutwardStep, Duration)]) -> Vec<OutwardStep> {
    passed.iter().map(|(step, _)| *step).collect()
}

/// A CA, and the certificate of the service sync on this machine, in a folder that outlives the test's use of it.
fn papers(folder: &Path) -> std::path::PathBuf {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::URI("leasehold://service/sync".try_into().unwrap()));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    for (name, text) in
        [("ca.pem", ca.pem()), ("sync.pem", certificate.pem()), ("sync.key", key.serialize_pem())]
    {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.to_owned()
}
