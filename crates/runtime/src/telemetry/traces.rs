//! Traces: one span for each call, as part of the caller's trace, exported by OTLP where that is configured.
//!
//! Without an endpoint no layer wants the spans, so none is made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::metrics::Counter;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::{Error, collector};
use crate::config::Telemetry as Settings;
use crate::metrics;

/// How long the collector has to take a batch of spans.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);
/// Nothing but this program's own spans is exported.
const OWN: &str = "leasehold";

/// Starts exporting to the endpoint of the settings. Within the async runtime.
pub(super) fn exporting(settings: &Settings) -> Result<Option<SdkTracerProvider>, Error> {
    let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
    let mut exporter =
        OtlpExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_DEADLINE);
    if let Some(tls) = collector::tls(endpoint, settings.otlp_ca.as_deref())? {
        exporter = exporter.with_tls_config(tls);
    }
    let exporter = exporter.build().map_err(|error| Error::Traces(error.to_string()))?;
    Ok(Some(provider(Watched::new(exporter), settings.sample_percent)))
}

fn provider(exporter: impl SpanExporter + 'static, sample_percent: u8) -> SdkTracerProvider {
    // A caller that has decided is followed, so that traces have no holes.
    let sampler =
        Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(f64::from(sample_percent) / 100.0)));
    let resource = Resource::builder_empty()
        .with_service_name("leasehold")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build()
}

/// The layer that makes traces of spans.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let layer: OpenTelemetryLayer<S, SdkTracer> =
        tracing_opentelemetry::layer().with_tracer(provider.tracer("leasehold"));
    // Where in the source a span was made, and by which thread, helps nobody who reads traces.
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
    layer.with_filter(Targets::new().with_target(OWN, LevelFilter::DEBUG))
}

/// An exporter whose success is counted, and whose failure is logged once until it passes.
#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    failing: AtomicBool,
    exported: Counter,
    lost: Counter,
}

impl<E> Watched<E> {
    fn new(exporter: E) -> Self {
        let count = |result: &'static str| ::metrics::counter!(metrics::SPANS, "result" => result);
        Self { exporter, failing: false.into(), exported: count("exported"), lost: count("lost") }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.exporter.export(batch).await;
        let failed = result.is_err();
        let counter = if failed { &self.lost } else { &self.exported };
        counter.increment(spans);
        let failed_before = self.failing.swap(failed, Ordering::Relaxed);
        match &result {
            Err(error) if !failed_before => tracing::warn!(
                %error,
                "traces cannot be exported and are lost; check `telemetry.otlp_endpoint`, `telemetry.otlp_ca` and the \
                 collector"
            ),
            Ok(()) if failed_before => tracing::info!("traces are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The span of a call, part of the trace that the caller's `traceparent` names. Disabled without traces.
pub(crate) fn call_span(name: &str, service: &str, method: &str, headers: &HeaderMap) -> Span {
    let span = tracing::debug_span!(
        "grpc",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.code = tracing::field::Empty,
    );
    if !span.is_disabled() && headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Incoming(headers));
        // It fails where spans are made for the log alone.
        let _ = span.set_parent(parent);
    }
    span
}

/// The span of a request over HTTP, part of the trace that the caller's `traceparent` names. Disabled without traces.
pub(crate) fn request_span(service: &str, method: &str, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::debug_span!(
        "http",
        otel.name = format_args!("http.{service} {method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
    );
    if !span.is_disabled() && headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Incoming(headers));
        // As above.
        let _ = span.set_parent(parent);
    }
    span
}

/// The trace that a span belongs to, 32 hexadecimal digits, where it is exported.
pub(crate) fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_sampled().then(|| context.trace_id().to_string())
}

/// Adds to an outgoing request the `traceparent` of the span at work, where there is one.
fn inject(headers: &mut HeaderMap) {
    let span = Span::current();
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Outgoing(headers));
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// Continues the trace of the call at work in the calls that it makes: a layer for a client's channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Propagate;

impl<S> tower::Layer<S> for Propagate {
    type Service = Propagating<S>;

    fn layer(&self, inner: S) -> Propagating<S> {
        Propagating(inner)
    }
}

/// A channel with [`Propagate`] around it.
#[derive(Clone, Debug)]
pub struct Propagating<S>(S);

impl<S, B> tower::Service<Request<B>> for Propagating<S>
where
    S: tower::Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        inject(request.headers_mut());
        self.0.call(request)
    }
}

#[cfg(test)]
mod tests;
