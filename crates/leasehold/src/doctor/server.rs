//! The server that runs on this machine, as its admin listener tells it.

use std::time::Duration;

use leasehold_store_sqlite::directory;

use super::{Finding, Patient};
use crate::config::Config;
use crate::probe::{self, Condition, Question};

const CHECK: &str = "server";
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a service that runs alone has its admin listener, unless the configuration says it.
const PORTS: [(&str, u16); 3] = [("updates", 9091), ("sync", 9092), ("gateway", 9094)];

/// Takes the admin port that these services have where licensing is not among them, as `serve` does.
pub(super) fn set_default_port(config: &mut Config, services: &[String]) {
    let named = |service: &str| services.iter().any(|named| named == service);
    if let Some((_, port)) = PORTS.iter().find(|(service, _)| named(service)).filter(|_| !named("licensing"))
    {
        config.set_default_admin_port(*port);
    }
}

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(address) = patient.config.admin.listen else {
        let found = "admin.listen is empty: nobody can ask a server how it is, and nothing is measured";
        return vec![Finding::warning(CHECK, found, "set it, to 127.0.0.1:9090 for instance")];
    };
    if address.port() == 0 {
        return vec![Finding::passed(CHECK, "admin.listen is on any free port: the log says which to ask")];
    }
    let condition = probe::ask(probe::reachable(address), Question::Ready, PATIENCE).await;
    let works =
        patient.is_embedded() && matches!(directory::holder(&patient.config.runtime.data_dir), Ok(Some(_)));
    vec![judge(condition, works)]
}

/// `works` is whether somebody has the data directory.
fn judge(condition: Condition, works: bool) -> Finding {
    match condition {
        Condition::Well(line) => Finding::passed(CHECK, format!("it runs: {line}")),
        Condition::Degraded(line) => {
            Finding::warning(CHECK, format!("it runs: {line}"), "see what is away there")
        }
        Condition::NotReady(line) => Finding::failed(
            CHECK,
            format!("it runs and takes no calls: {line}"),
            "see what is away there, and its log",
        ),
        Condition::Nobody(line) if works => {
            let remedy =
                "it may be starting, or have another admin.listen than this configuration; see its log";
            Finding::failed(CHECK, format!("a process has the data directory, and {line}"), remedy)
        }
        Condition::Nobody(_) => Finding::passed(CHECK, "none runs here"),
        Condition::Strange(line) => Finding::failed(CHECK, line, "set admin.listen to a port of its own"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use leasehold_store_sqlite::DataDir;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    /// Somebody who answers one request in this way, and the settings that lead there.
    fn answering(status: &'static str, body: &'static str) -> Config {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        });
        config(&[("admin.listen", &address), ("runtime.data_dir", "/nowhere")])
    }

    #[tokio::test]
    async fn what_the_server_says_of_itself_is_told() {
        let ready = answering("200 OK", r#"{"state":"ready"}"#);
        let found = check(&patient(&ready)).await;
        all_passed(&found);
        the(&found, "it runs: ready");
        all_passed(&check(&patient(&ready)).await); // It has gone.
        let away = r#"{"dependencies":[{"name":"redis","ok":false}],"state":"degraded"}"#;
        let found = check(&patient(&answering("200 OK", away))).await;
        assert_eq!(the(&found, "degraded: redis").verdict, Verdict::Warning);
        let away = r#"{"dependencies":[{"name":"postgres","ok":false}],"state":"not_ready"}"#;
        let found = check(&patient(&answering("503 Service Unavailable", away))).await;
        assert_eq!(the(&found, "not_ready: postgres").verdict, Verdict::Failed);
        let found = check(&patient(&answering("200 OK", "<html>"))).await;
        assert_eq!(the(&found, "no admin listener of Leasehold").verdict, Verdict::Failed);
        assert_eq!(check(&patient(&config(&[("admin.listen", "")]))).await[0].verdict, Verdict::Warning);
    }

    #[tokio::test]
    async fn a_process_that_works_and_does_not_answer_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let held = DataDir::create(&path).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let config = config(&[("admin.listen", &address), ("runtime.data_dir", path.to_str().unwrap())]);
        assert_eq!(the(&check(&patient(&config)).await, "has the data directory").verdict, Verdict::Failed);
        drop(held);
        the(&check(&patient(&config)).await, "none runs here");
    }
}
