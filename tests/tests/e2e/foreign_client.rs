//! A client of another language that learns the contract from the server alone.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leasehold_testkit::Process;
use serde_json::{Value, json};

use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(2);
/// Names the Python to use.
const PYTHON: &str = "LEASEHOLD_TEST_PYTHON";
/// What that Python must be able to import.
const IMPORTS: &str = "import grpc, grpc_reflection, grpc_status, google.protobuf, google.rpc.error_details_pb2, opentelemetry.proto";

/// A Python with gRPC. Without one the test fails, and says what to install.
pub(crate) fn python() -> Command {
    let program = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&program).args(["-c", IMPORTS]).output();
    let problem = match tried {
        Ok(output) if output.status.success() => return Command::new(program),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "{program} cannot be used as a gRPC client ({problem}); run \
         `python3 -m venv DIR && DIR/bin/pip install grpcio grpcio-reflection grpcio-status opentelemetry-proto` and \
         set {PYTHON} to DIR/bin/python"
    );
}

async fn seen_by_python(server: &Server) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/licensing_client.py");
    let mut command = python();
    command.arg(script).arg(server.address());
    let mut process = Process::spawn(command).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{status}\n{}\n{}", process.stderr(), server.log());
    serde_json::from_str(&process.stdout()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_language_needs_nothing_but_the_address() {
    let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "1.0", "count": 5}]});
    let mut server = Server::start(&estate, &[("logging.level", "warn")]).await;
    let seen = seen_by_python(&server).await;

    let services: Vec<&str> = seen["services"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for service in [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "leasehold.licensing.v1.LicensingAdminService",
        "leasehold.licensing.v1.LicensingService",
    ] {
        assert!(services.contains(&service), "{service} is missing in {services:?}");
    }
    let methods =
        json!(["Heartbeat", "Release", "RequestCapabilities", "Session", "VerifySeat", "WaitForCapability"]);
    assert_eq!(seen["methods"], methods);
    assert_eq!(seen["health"], json!(["SERVING", "SERVING"]));
    good_day(&seen["work"]);
    mistakes(&seen["mistakes"]);
    server.stop().await;
}

fn good_day(seen: &Value) {
    let outcomes = &seen["request"]["outcomes"];
    assert_eq!(outcomes[0]["outcome"], "OUTCOME_GRANTED", "{seen:#}");
    assert_eq!((&outcomes[0]["count"], &outcomes[0]["lease_ttl"]), (&json!("2"), &json!("600s")));
    assert_eq!(outcomes[0]["parts"][0]["line_item_id"], "L1");
    assert_eq!(outcomes[1]["outcome"], "OUTCOME_REFUSED");
    assert_eq!(outcomes[1]["refusals"][0]["reason"], "REFUSAL_REASON_UNKNOWN_FEATURE");
    // "nonce" in base64.
    assert_eq!(seen["request"]["nonce"], "bm9uY2U=");
    assert_eq!(seen["repeat_is_equal"], true);

    assert_eq!(seen["heartbeat"]["results"][0]["status"], "LEASE_STATUS_OK");
    assert_eq!(seen["heartbeat"]["results"][0]["ttl"], "600s");
    let session = seen["session"].as_array().unwrap();
    assert_eq!(session.len(), 1, "the session ends when its client does: {session:?}");
    assert_eq!(session[0]["heartbeat"]["results"][0]["status"], "LEASE_STATUS_OK");
    assert_eq!(seen["release"]["results"][0]["status"], "LEASE_STATUS_RELEASED");
    let after = &seen["heartbeat_after_release"]["results"][0];
    assert_eq!(
        (&after["status"], &after["reason"]),
        (&json!("LEASE_STATUS_LOST"), &json!("LOST_REASON_RETURNED"))
    );

    let (held, free) = (&seen["features_held"]["features"][0], &seen["features_free"]["features"][0]);
    assert_eq!((&held["name"], &held["total"], &held["used"]), (&json!("cad"), &json!("5"), &json!("2")));
    assert_eq!((&held["available"], &free["available"]), (&json!("3"), &json!("5")));
}

fn mistakes(seen: &Value) {
    for (name, code, reason) in [
        ("duplicate_feature", "INVALID_ARGUMENT", "INVALID_FIELD"),
        ("unknown_instance", "NOT_FOUND", "UNKNOWN_INSTANCE"),
        ("request_id_reused", "ALREADY_EXISTS", "REQUEST_ID_REUSED"),
        ("stale_renewal", "FAILED_PRECONDITION", "STALE_TOKEN"),
        ("garbage", "INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
        ("too_large", "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"),
        ("unknown_method", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        ("unknown_service", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        ("not_implemented", "UNIMPLEMENTED", "NOT_IMPLEMENTED"),
        ("stream_not_implemented", "UNIMPLEMENTED", "NOT_IMPLEMENTED"),
    ] {
        let error = &seen[name];
        let found = (&error["code"], &error["reason"], &error["domain"]);
        assert_eq!(found, (&json!(code), &json!(reason), &json!("leasehold")), "{name}: {error:#}");
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 10), "{name}: {error:#}");
    }
    assert_eq!(seen["duplicate_feature"]["fields"], json!(["features[1].name"]));
    assert_eq!(seen["duplicate_feature"]["details"], json!(["ErrorInfo", "BadRequest"]));
    assert_eq!(seen["stale_renewal"]["metadata"]["lost"], "STALE_TOKEN");
}
