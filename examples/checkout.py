"""Checks a feature out, keeps it alive for a few heartbeats and returns it, with nothing but gRPC reflection.

    pip install grpcio grpcio-reflection
    python examples/checkout.py "3D Rendering" 2
"""

import os
import sys
import time
import uuid

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "leasehold.licensing.v1.LicensingService"

channel = grpc.insecure_channel(os.environ.get("LEASEHOLD_SERVER", "localhost:16770"))
pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
service = pool.FindServiceByName(SERVICE)


def call(name, **fields):
    """Calls a method with a message that is built from what the server says about itself."""
    method = service.FindMethodByName(name)
    request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    invoke = channel.unary_unary(f"/{SERVICE}/{name}", request.SerializeToString, answer.FromString)
    return invoke(request(**fields), timeout=10)


def main(feature, count):
    # The request id is made before sending: sent again after a lost answer, it changes nothing twice.
    answer = call(
        "RequestCapabilities",
        request_id=str(uuid.uuid4()),
        hostids=[{"value": "python-example"}],
        features=[{"name": feature, "version": "0", "count": count}],
    )
    outcome = answer.outcomes[0]
    if not outcome.HasField("grant"):
        sys.exit(f"refused: {outcome.refusals[0].message}")
    print(f"holding {outcome.count} of {feature} as grant {outcome.grant.grant_id}")

    try:
        for _ in range(3):
            time.sleep(1)
            beat = call("Heartbeat", leases=[outcome.grant])
            print(f"still held for {beat.results[0].ttl.seconds} s after this heartbeat")
    finally:
        call("Release", grants=[outcome.grant])
        print("returned")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: checkout.py FEATURE [COUNT]")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
