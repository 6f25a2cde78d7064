//! What is measured of each call. This is the hot path: the handles of a method are made once, and a call costs
//! a few atomic operations.

use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, SharedString, counter, gauge, histogram};
use tonic::Code;

use super::{CALL_DURATION, CALLS, CALLS_IN_FLIGHT};

/// Status codes of gRPC: 0 to 16.
const CODES: usize = 17;
/// Stands for service and method of calls that no service has.
const UNKNOWN: &str = "unknown";

/// The handles of one method.
#[derive(Debug)]
pub(crate) struct Meter {
    service: SharedString,
    method: SharedString,
    span: String,
    in_flight: Gauge,
    /// Streams take as long as their clients live, which says nothing.
    duration: Option<Histogram>,
    /// Made when a code is met first: most never are.
    ended: [OnceLock<Counter>; CODES],
}

impl Meter {
    /// For a method by its path, `/package.Service/Method`.
    pub(crate) fn new(path: &str, streaming: bool) -> Self {
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((UNKNOWN, UNKNOWN));
        Self::of(service, method, streaming)
    }

    /// For all calls of methods that there are not: their callers make up the paths.
    pub(crate) fn unknown() -> Self {
        Self::of(UNKNOWN, UNKNOWN, true)
    }

    fn of(service: &str, method: &str, streaming: bool) -> Self {
        let short = service.strip_prefix("leasehold.").and_then(|rest| rest.split('.').next());
        let span = format!("grpc.{}.{method}", short.unwrap_or(service));
        let (service, method) =
            (SharedString::from(service.to_owned()), SharedString::from(method.to_owned()));
        let labels = [("service", service.clone()), ("method", method.clone())];
        let in_flight = gauge!(CALLS_IN_FLIGHT, &labels);
        let duration = (!streaming).then(|| histogram!(CALL_DURATION, &labels));
        let meter = Self { service, method, span, in_flight, duration, ended: Default::default() };
        // From the start, so that rates are right from the first call.
        meter.ended(Code::Ok);
        meter
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The name of a span of this method: `grpc.licensing.RequestCapabilities`.
    pub(crate) fn span(&self) -> &str {
        &self.span
    }

    pub(crate) fn begin(&self) {
        self.in_flight.increment(1.0);
    }

    /// Every call that began ends, once.
    pub(crate) fn end(&self, code: Code, took: Duration) {
        self.in_flight.decrement(1.0);
        self.ended(code).increment(1);
        if let Some(duration) = &self.duration {
            duration.record(took);
        }
    }

    fn ended(&self, code: Code) -> &Counter {
        let index = usize::try_from(code as i32).unwrap_or_default();
        self.ended[index].get_or_init(|| {
            counter!(
                CALLS,
                "service" => self.service.clone(),
                "method" => self.method.clone(),
                "code" => crate::server::code_name(code)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let (recorder, metrics) = Metrics::new();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let (unary, stream) = (Meter::new("/leasehold.a.v1.S/Get", false), Meter::new("/b.S/Watch", true));
        for code in [Code::Ok, Code::Ok, Code::NotFound] {
            unary.begin();
            unary.end(code, Duration::from_millis(3));
        }
        stream.begin();
        let text = metrics.render();
        for line in [
            "leasehold_grpc_calls_total{service=\"leasehold.a.v1.S\",method=\"Get\",code=\"OK\"} 2\n",
            "leasehold_grpc_calls_total{service=\"leasehold.a.v1.S\",method=\"Get\",code=\"NOT_FOUND\"} 1\n",
            "leasehold_grpc_calls_total{service=\"b.S\",method=\"Watch\",code=\"OK\"} 0\n",
            "leasehold_grpc_calls_in_flight{service=\"leasehold.a.v1.S\",method=\"Get\"} 0\n",
            "leasehold_grpc_calls_in_flight{service=\"b.S\",method=\"Watch\"} 1\n",
            "leasehold_grpc_call_duration_seconds_bucket{service=\"leasehold.a.v1.S\",method=\"Get\",le=\"0.0025\"} 0\n",
            "leasehold_grpc_call_duration_seconds_bucket{service=\"leasehold.a.v1.S\",method=\"Get\",le=\"0.005\"} 3\n",
            "leasehold_grpc_call_duration_seconds_count{service=\"leasehold.a.v1.S\",method=\"Get\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("call_duration_seconds_count{service=\"b.S\""), "streams have no duration");
        assert_eq!((unary.span(), stream.span()), ("grpc.a.Get", "grpc.b.S.Watch"));
    }
}
