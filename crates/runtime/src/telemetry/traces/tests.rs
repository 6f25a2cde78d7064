use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, LazyLock, Mutex};

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use tower::{Layer as _, Service, ServiceExt, service_fn};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use super::super::Place;
use super::super::tests::OTHER;
use super::*;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Keeps what is exported.
#[derive(Clone, Debug, Default)]
struct Exported(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Runs a call that was asked for with this `traceparent`, and gives what was exported and the `traceparent`
/// of a call that it made.
async fn traced(traceparent: Option<&str>, sample_percent: u8) -> (Vec<SpanData>, Option<String>) {
    let exported = Exported::default();
    let provider = provider(exported.clone(), sample_percent);
    LazyLock::force(&OTHER);
    let guard = tracing::subscriber::set_default(registry().with(layer(&provider)));
    let mut headers = HeaderMap::new();
    if let Some(value) = traceparent {
        headers.insert("traceparent", value.parse().unwrap());
    }
    let span = call_span("grpc.licensing.Release", "leasehold.licensing.v1.S", "Release", &headers);
    let mut channel = Propagate.layer(service_fn(|request: Request<()>| {
        ready(Ok::<_, Infallible>(request.headers().get("traceparent").cloned()))
    }));
    let work = tracing::debug_span!(parent: &span, "op.release_grants");
    let call = async { channel.ready().await?.call(Request::new(())).await };
    let outgoing = call.instrument(work).await.unwrap();
    span.record("rpc.code", "INTERNAL");
    span.record("otel.status_code", "ERROR");
    drop((span, guard));
    provider.force_flush().unwrap();
    let spans = exported.0.lock().unwrap().clone();
    (spans, outgoing.map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_callers_trace_goes_on_here_and_in_calls_made_from_here() {
    let (spans, outgoing) = traced(Some(CALLER), 0).await;
    assert_eq!(spans.len(), 2, "the caller has decided: {spans:?}");
    let (work, call) = (&spans[0], &spans[1]);
    assert_eq!((work.name.as_ref(), call.name.as_ref()), ("op.release_grants", "grpc.licensing.Release"));
    assert_eq!(call.span_kind, SpanKind::Server);
    assert_eq!(call.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(call.parent_span_id.to_string(), "b7ad6b7169203331");
    assert!(call.parent_span_is_remote);
    assert_eq!(work.parent_span_id, call.span_context.span_id());
    assert!(matches!(call.status, Status::Error { .. }));
    let code = call.attributes.iter().find(|pair| pair.key.as_str() == "rpc.code").unwrap();
    assert_eq!(code.value, Value::from("INTERNAL"));
    let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", work.span_context.span_id());
    assert_eq!(outgoing, Some(expected));
}

#[tokio::test]
async fn who_decides_what_is_sampled() {
    let (spans, outgoing) = traced(Some(NOT_SAMPLED), 100).await;
    assert!(spans.is_empty(), "the caller has decided against it");
    assert!(outgoing.unwrap().ends_with("-00"), "and those after us learn of that");
    assert!(traced(None, 0).await.0.is_empty());
    let (spans, outgoing) = traced(None, 100).await;
    assert_eq!(spans.len(), 2);
    assert!(outgoing.unwrap().contains(&spans[1].span_context.trace_id().to_string()));
    for nonsense in ["", "00-0-0-01", "x"] {
        assert_eq!(traced(Some(nonsense), 100).await.0.len(), 2, "{nonsense} begins a trace");
    }
}

#[test]
fn without_traces_there_is_no_span_and_no_header() {
    let mut headers = HeaderMap::new();
    let subscriber = registry().with(LevelFilter::INFO);
    tracing::subscriber::with_default(subscriber, || {
        let span = call_span("n", "s", "m", &HeaderMap::new());
        assert!(span.is_disabled() && trace_id(&span).is_none());
        span.in_scope(|| inject(&mut headers));
    });
    assert!(headers.is_empty());
}

#[tokio::test]
async fn work_for_several_calls_is_part_of_one_and_linked_with_the_others() {
    let exported = Exported::default();
    let provider = provider(exported.clone(), 100);
    LazyLock::force(&OTHER);
    let guard = tracing::subscriber::set_default(registry().with(layer(&provider)));
    let call =
        || call_span("grpc.licensing.Release", "leasehold.licensing.v1.S", "Release", &HeaderMap::new());
    let (first, second) = (call(), call());
    let [one, two] = [&first, &second].map(|span| span.in_scope(Place::current).unwrap());
    // A place does not keep a call from ending.
    let work = tracing::debug_span!(parent: None, "work");
    one.adopt(&work);
    let place = Place::of(&work).unwrap();
    place.link(&two);
    place.done("phase", Duration::from_micros(7));
    place.failed("it was");
    two.took("waited.us", Duration::from_millis(2));
    drop((second, first));
    provider.force_flush().unwrap();
    assert_eq!(exported.0.lock().unwrap().len(), 2);
    drop((work, guard));
    provider.force_flush().unwrap();

    let spans = exported.0.lock().unwrap().clone();
    let [second, first, work] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(work.parent_span_id, first.span_context.span_id());
    assert_eq!(work.span_context.trace_id(), first.span_context.trace_id());
    assert_ne!(work.span_context.trace_id(), second.span_context.trace_id());
    assert_eq!(work.links[0].span_context, second.span_context);
    assert_eq!(second.links[0].span_context, work.span_context);
    assert!(first.links.is_empty());
    assert_eq!(work.events[0].name, "phase");
    assert_eq!(work.events[0].attributes, [KeyValue::new("duration.us", 7)]);
    assert!(matches!(work.status, Status::Error { .. }));
    assert!(second.attributes.contains(&KeyValue::new("waited.us", 2_000)), "{second:?}");
}

#[tokio::test]
async fn what_is_not_exported_has_no_place() {
    let provider = provider(Exported::default(), 0);
    LazyLock::force(&OTHER);
    let guard = tracing::subscriber::set_default(registry().with(layer(&provider)));
    let span = call_span("n", "s", "m", &HeaderMap::new());
    assert!(!span.is_disabled() && Place::of(&span).is_none(), "nobody wants it");
    drop(guard);
    let log_alone = registry().with(LevelFilter::DEBUG);
    tracing::subscriber::with_default(log_alone, || {
        assert!(call_span("n", "s", "m", &HeaderMap::new()).in_scope(Place::current).is_none());
    });
    assert!(Place::current().is_none());
}
