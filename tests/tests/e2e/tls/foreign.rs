//! Others' clients and others' judgement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use leasehold::certs::{DEFAULT_DAYS, Validity, hosts};
use leasehold_testkit::Process;
use serde_json::{Value, json};

use super::{Site, now, today};
use crate::foreign_client::python;

const PATIENCE: Duration = Duration::from_mins(2);
/// Names the scanner to use.
const SSLYZE: &str = "LEASEHOLD_TEST_SSLYZE";

async fn seen_by_python(site: &Site, certificate: Option<&str>) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/tls_client.py");
    let mut command = python();
    command.arg(script).arg(format!("localhost:{}", site.address().port())).arg(site.path("ca.pem"));
    if let Some(name) = certificate {
        command.arg(site.path(&format!("{name}.pem"))).arg(site.path(&format!("{name}-key.pem")));
    }
    let mut process = Process::spawn(command).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{status}\n{}", process.stderr());
    serde_json::from_str(&process.stdout()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_language_is_known_by_its_certificate() {
    let site = Site::serve(&[]).await;
    for name in ["admin", "sync"] {
        site.write(name, &site.authority.caller(name, today()).unwrap());
    }
    let anybody = seen_by_python(&site, None).await;
    assert_eq!(anybody, json!({"heartbeat": "INVALID_ARGUMENT", "features": "UNAUTHENTICATED"}));
    let admin = seen_by_python(&site, Some("admin")).await;
    assert_eq!(admin, json!({"heartbeat": "INVALID_ARGUMENT", "features": "OK"}));
    let sync = seen_by_python(&site, Some("sync")).await;
    assert_eq!(sync, json!({"heartbeat": "INVALID_ARGUMENT", "features": "PERMISSION_DENIED"}));
    site.stop().await;
}

/// The scanner; one that is named has to work.
fn sslyze() -> Option<PathBuf> {
    let named = std::env::var_os(SSLYZE);
    let program = PathBuf::from(named.clone().unwrap_or_else(|| "sslyze".into()));
    let tried = Command::new(&program).arg("--help").output();
    let works = tried.is_ok_and(|output| output.status.success());
    assert!(works || named.is_none(), "{SSLYZE} names {}, which is no sslyze", program.display());
    works.then_some(program)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_finds_nothing_beyond_the_strictest_profile() {
    let Some(scanner) = sslyze() else {
        eprintln!(
            "SKIPPED: there is no sslyze; run `python3 -m venv DIR && DIR/bin/pip install sslyze` and set {SSLYZE} to \
             DIR/bin/sslyze"
        );
        return;
    };
    let site = Site::new();
    // What `leasehold certs init` gives where nobody says otherwise.
    let days = Validity::days(now(), DEFAULT_DAYS).unwrap();
    site.write("licensing", &site.authority.service("licensing", &hosts([]), days).unwrap());
    let mut command = Command::new(scanner);
    let paths = ["licensing.pem", "licensing-key.pem", "ca.pem"].map(|name| site.path(name));
    let [certificate, key, ca] = paths.each_ref().map(|path| path.to_str().unwrap());
    let settings = [("tls.certificate", certificate), ("tls.key", key), ("tls.client_ca", ca)];
    let running = super::start(&settings, super::loopback()).await.unwrap();
    command.args(["--mozilla_config=modern", "--certinfo_ca_file", ca]);
    command.arg(format!("localhost:{}", running.licensing_addr().port()));
    let mut process = Process::spawn(command).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    let report = process.stdout();
    assert!(status.success() && report.contains("OK - Compliant"), "{status}\n{report}");
    running.stop().await.unwrap();
}
