//! Calls, and the batches that decided them.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_and_its_batch_are_part_of_the_callers_trace() {
    let collector = Collector::start(None).await;
    // Nothing but what the caller wants traced.
    let mut server = server(&collector, "0").await;
    check_out(&mut server.licensing(), 1).await;
    server.licensing().request_capabilities(request("D2", &[("cad", 1)])).await.unwrap();
    server.stop().await;

    let spans = collector.spans();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let call = named(&spans, "grpc.licensing.RequestCapabilities")[0];
    assert_eq!((&call["trace"], &call["parent"]), (&json!(trace(1)), &json!(caller(1))), "{call:#}");
    assert_eq!(call["kind"], "SPAN_KIND_SERVER");
    assert_eq!(call["resource"]["service.name"], "leasehold");
    let attributes = &call["attributes"];
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "leasehold.licensing.v1.LicensingService"),
        ("rpc.method", "RequestCapabilities"),
        ("rpc.code", "OK"),
    ] {
        assert_eq!(attributes[key], value, "{call:#}");
    }

    let batch = named(&spans, "licensing.batch")[0];
    assert_eq!((&batch["trace"], &batch["parent"]), (&call["trace"], &call["id"]), "{batch:#}");
    assert_eq!(
        (&batch["attributes"]["batch.size"], &batch["attributes"]["batch.calls"]),
        (&json!(1), &json!(1))
    );
    assert_eq!((&batch["status"], &batch["links"]), (&json!("STATUS_CODE_UNSET"), &json!([])));
    let phases: Vec<&str> =
        batch["events"].as_array().unwrap().iter().filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(phases, ["load", "decide", "commit", "settle"], "{batch:#}");

    let (queue, decided) = (micros(attributes, "queue.duration.us"), micros(attributes, "batch.duration.us"));
    let took = call["nanos"].as_i64().unwrap() / 1_000;
    assert!(queue >= 0 && decided > 0 && queue + decided <= took, "{queue} + {decided} of {took} µs");
    let phases: i64 =
        batch["events"].as_array().unwrap().iter().map(|event| micros(event, "duration.us")).sum();
    assert!(phases > 0 && phases <= decided, "{phases} of {decided} µs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_batch_are_linked_with_it() {
    const CALLS: u64 = 64;
    let collector = Collector::start(None).await;
    let mut server = server(&collector, "0").await;
    let licensing = server.licensing();
    let calls = (1..=CALLS).map(|number| {
        let mut licensing = licensing.clone();
        tokio::spawn(async move { check_out(&mut licensing, number).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    server.stop().await;

    let spans = collector.spans();
    let (calls, batches) =
        (named(&spans, "grpc.licensing.RequestCapabilities"), named(&spans, "licensing.batch"));
    assert_eq!(calls.len() as u64, CALLS);
    assert!(batches.len() < calls.len(), "some were decided together");
    let mut found = 0;
    for batch in batches {
        let first = calls.iter().find(|call| call["id"] == batch["parent"]).expect("it belongs to a call");
        assert_eq!(first["trace"], batch["trace"]);
        let others: Vec<_> = batch["links"].as_array().unwrap().iter().collect();
        for other in &others {
            let call = calls.iter().find(|call| call["id"] == **other).expect("a link leads to a call");
            assert_eq!(call["links"], json!([batch["id"]]), "and back");
        }
        let members = 1 + others.len();
        assert_eq!(batch["attributes"]["batch.calls"], json!(members), "{batch:#}");
        assert!(batch["attributes"]["batch.size"].as_u64().unwrap() >= members as u64, "{batch:#}");
        found += members;
    }
    assert_eq!(found, calls.len(), "each call is in one batch");
}
