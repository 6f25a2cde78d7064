//! Collectors that speak TLS, and those that are not to be believed.

use leasehold::certs::{Authority, Validity, files, hosts};
use leasehold::{Clock as _, SystemClock};
use tempfile::TempDir;

use super::*;

/// A collector with a certificate of the CA in `ca.pem`, and another CA in `other.pem`.
struct Site {
    folder: TempDir,
    collector: Collector,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let today = Validity::days(SystemClock::new().now(), 2).unwrap();
        let [ca, other] = [(); 2].map(|()| Authority::new("Test CA", today).unwrap());
        std::fs::write(folder.path().join("ca.pem"), ca.certificate()).unwrap();
        std::fs::write(folder.path().join("other.pem"), other.certificate()).unwrap();
        ca.service("collector", &hosts([]), today).unwrap().write(folder.path(), "collector").unwrap();
        let (certificate, key) = files(folder.path(), "collector");
        let collector = Collector::start(Some((&certificate, &key))).await;
        Self { folder, collector }
    }

    /// Has a server trace a call to this scheme's address of the collector, with this CA.
    async fn trace(&self, scheme: &str, ca: Option<&str>) -> Server {
        let endpoint = format!("{scheme}://localhost:{}", self.collector.port);
        let ca = ca.map(|name| self.folder.path().join(name).to_str().unwrap().to_owned());
        let mut settings = vec![("telemetry.otlp_endpoint", endpoint.as_str())];
        settings.extend(ca.as_deref().map(|ca| ("telemetry.otlp_ca", ca)));
        let server = Server::start(&estate(), &settings).await;
        check_out(&mut server.licensing(), 1).await;
        server
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_go_to_a_collector_of_the_ca() {
    let site = Site::start().await;
    let mut server = site.trace("https", Some("ca.pem")).await;
    server.stop().await;
    let spans = site.collector.spans();
    let call = named(&spans, "grpc.licensing.RequestCapabilities")[0];
    assert_eq!((&call["trace"], &call["parent"]), (&json!(trace(1)), &json!(caller(1))), "{call:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_span_goes_to_a_collector_that_is_not_believed() {
    let site = Site::start().await;
    // Without a file the system's CAs count, and they know nothing of this one.
    for (scheme, ca, reason) in
        [("https", Some("other.pem"), "certificate"), ("https", None, "certificate"), ("http", None, "")]
    {
        let mut server = site.trace(scheme, ca).await;
        let start = Instant::now();
        let line = loop {
            let log = server.log();
            if let Some(line) = log.lines().find(|line| line.contains("traces cannot be exported")) {
                break line.to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "nobody is told:\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(line.contains("telemetry.otlp_ca") && line.contains(reason), "{line}");
        println!("{line}");
        server.stop().await;
        assert!(site.collector.spans().is_empty(), "{:?}", site.collector.spans());
    }
}
