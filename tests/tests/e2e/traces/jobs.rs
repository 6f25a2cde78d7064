//! What the server does by itself.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_asked_for_has_spans_of_its_own() {
    let collector = Collector::start(None).await;
    let endpoint = format!("http://127.0.0.1:{}", collector.port);
    let settings = [
        ("telemetry.otlp_endpoint", endpoint.as_str()),
        ("telemetry.sample_percent", "100"),
        ("licensing.lease_ttl", "10s"),
    ];
    let mut server = Server::start(&estate(), &settings).await;
    let mut licensing = server.licensing();
    licensing.request_capabilities(request("D1", &[("cad", 1)])).await.unwrap();
    // Its holder says nothing any more.
    let took = collector.wait_for("job.take_back").await;
    assert_eq!(took["attributes"]["grants.silent"], json!(1), "{took:#}");
    assert_eq!((&took["parent"], &took["kind"]), (&json!(""), &json!("SPAN_KIND_INTERNAL")));
    server.stop().await;

    let spans = collector.spans();
    let jobs: Vec<&str> =
        spans.iter().filter_map(|span| span["name"].as_str()?.strip_prefix("job.")).collect();
    assert!(jobs.contains(&"reallocate"), "the counts were divided at the start: {jobs:?}");
    // One for each piece of work that was done, none for looks that found nothing to do.
    assert!(jobs.iter().filter(|job| **job != "tallies").count() <= 4, "{jobs:?}");
    for tallies in named(&spans, "job.tallies") {
        assert_ne!(tallies["attributes"]["rows"], json!(0), "{tallies:#}");
    }
    let took = named(&spans, "job.take_back").into_iter().find(|span| {
        span["attributes"]["grants.asked"] == json!(1) || span["attributes"]["grants.believed"] == json!(1)
    });
    let took = took.unwrap_or_else(|| panic!("{spans:#?}"));
    let batch = named(&spans, "licensing.batch").into_iter().find(|batch| batch["parent"] == took["id"]);
    assert_eq!(batch.unwrap()["trace"], took["trace"], "its batch is part of it");
}
