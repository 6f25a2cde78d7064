"""A collector of traces: takes spans by OTLP over gRPC and prints each as one line of JSON.

Usage: otlp_receiver.py [CERTIFICATE KEY]. Listens on a free port of this machine, which is its first line; with TLS where
it is given a certificate. Judging what it prints is the caller's affair.
"""

import json
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

PRINTING = threading.Lock()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def values(attributes):
    """Attributes by their keys, each with its own type."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def plain(span, resource):
    return {
        "name": span.name,
        "kind": trace_pb2.Span.SpanKind.Name(span.kind),
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "nanos": span.end_time_unix_nano - span.start_time_unix_nano,
        "attributes": values(span.attributes),
        "events": [{"name": event.name, **values(event.attributes)} for event in span.events],
        "links": [link.span_id.hex() for link in span.links],
        "status": trace_pb2.Status.StatusCode.Name(span.status.code),
        "resource": values(resource.attributes),
    }


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        for group in request.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    with PRINTING:
                        print(json.dumps(plain(span, group.resource)), flush=True)
        return trace_service_pb2.ExportTraceServiceResponse()


def main(certificate=None, key=None):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Receiver(), server)
    if certificate is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        credentials = grpc.ssl_server_credentials([(read(key), read(certificate))])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    print(f"listening on {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
