"""A client that has nothing but the server's address: it learns the contract by reflection.

Usage: licensing_client.py HOST:PORT. Calls the licensing service and prints one JSON document of what it saw;
judging that is the caller's affair.
"""

import json
import queue
import sys
import uuid

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

CLIENTS = "leasehold.licensing.v1.LicensingService"
ADMINISTRATORS = "leasehold.licensing.v1.LicensingAdminService"
HEALTH = "grpc.health.v1.Health"
PATIENCE = 30


class Server:
    """A server and its contract, as it tells it."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self.channel).result(timeout=PATIENCE)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(self.database)

    def method(self, service, name):
        """A method as something to call, and the class of its requests."""
        method = self.pool.FindServiceByName(service).FindMethodByName(name)
        request = message_factory.GetMessageClass(method.input_type)
        response = message_factory.GetMessageClass(method.output_type)
        kinds = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, True): self.channel.stream_stream,
        }
        kind = kinds[method.client_streaming, method.server_streaming]
        path = f"/{service}/{name}"
        call = kind(path, request_serializer=request.SerializeToString, response_deserializer=response.FromString)
        return call, request

    def call(self, service, name, /, **fields):
        """Calls a method with one message."""
        call, request = self.method(service, name)
        return call(request(**fields), timeout=PATIENCE)

    def send(self, path, data):
        """Sends bytes to a method, whatever they are."""
        call = self.channel.unary_unary(path, request_serializer=lambda it: it, response_deserializer=lambda it: it)
        return call(data, timeout=PATIENCE)


def plain(message):
    """A message as JSON has it, names as in the contract."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def error_of(action):
    """What the error of a call that must fail says."""
    try:
        answer = action()
        if not hasattr(answer, "SerializeToString") and not isinstance(answer, bytes):
            list(answer)
    except grpc.RpcError as error:
        seen = {"code": error.code().name, "message": error.details(), "details": []}
        status = rpc_status.from_call(error)
        for detail in status.details if status is not None else []:
            kind = detail.type_url.rsplit(".", 1)[-1]
            unpacked = getattr(error_details_pb2, kind)()
            detail.Unpack(unpacked)
            seen["details"].append(kind)
            if kind == "ErrorInfo":
                seen.update(reason=unpacked.reason, domain=unpacked.domain, metadata=dict(unpacked.metadata))
            if kind == "BadRequest":
                seen["fields"] = [violation.field for violation in unpacked.field_violations]
        return seen
    return {"code": "OK"}


def device(name):
    return {"type": "HOST_ID_TYPE_STRING", "value": name}


def wanted(name, count=1):
    return {"name": name, "version": "1.0", "count": count}


def request(server, name, features, /, **fields):
    """Asks for features for a device."""
    fields.setdefault("request_id", str(uuid.uuid4()))
    return server.call(CLIENTS, "RequestCapabilities", hostids=[device(name)], features=features, **fields)


def session(server, grant):
    """Keeps a grant alive on a session and ends the session."""
    call, message = server.method(CLIENTS, "Session")
    messages = queue.SimpleQueue()
    messages.put(message(leases=[grant]))
    events = call(iter(messages.get, None), timeout=PATIENCE)
    first = next(events)
    messages.put(None)
    return [plain(event) for event in [first, *events]]


def work(server):
    """What a client does on a good day."""
    asked = {"request_id": str(uuid.uuid4()), "nonce": b"nonce"}
    features = [wanted("cad", 2), wanted("nothing")]
    answer = request(server, "P1", features, **asked)
    again = request(server, "P1", features, **asked)
    grant = answer.outcomes[0].grant
    seen = {
        "request": plain(answer),
        "repeat_is_equal": answer.SerializeToString() == again.SerializeToString(),
        "heartbeat": plain(server.call(CLIENTS, "Heartbeat", leases=[grant])),
        "session": session(server, grant),
        "features_held": plain(server.call(ADMINISTRATORS, "ListFeatures")),
        "release": plain(server.call(CLIENTS, "Release", grants=[grant])),
        "heartbeat_after_release": plain(server.call(CLIENTS, "Heartbeat", leases=[grant])),
        "features_free": plain(server.call(ADMINISTRATORS, "ListFeatures")),
    }
    return seen


def mistakes(server):
    """What a client hears when it does something wrong."""
    first = request(server, "P2", [wanted("cad")]).outcomes[0].grant
    used = str(uuid.uuid4())
    request(server, "P2", [wanted("cad")], request_id=used)
    big = bytes(5 << 20)
    return {
        "duplicate_feature": error_of(lambda: request(server, "P3", [wanted("cad"), wanted("cad")])),
        "unknown_instance": error_of(lambda: request(server, "P3", [wanted("cad")], instance="elsewhere")),
        "request_id_reused": error_of(lambda: request(server, "P2", [wanted("cad", 2)], request_id=used)),
        "stale_renewal": error_of(lambda: request(server, "P2", [wanted("cad")], renews=[first])),
        "garbage": error_of(lambda: server.send(f"/{CLIENTS}/RequestCapabilities", b"\xff\xff\xff\xff")),
        "too_large": error_of(lambda: request(server, "P3", [wanted("cad")], nonce=big)),
        "unknown_method": error_of(lambda: server.send(f"/{CLIENTS}/NoSuchMethod", b"")),
        "unknown_service": error_of(lambda: server.send("/no.such.Service/Method", b"")),
        "not_implemented": error_of(lambda: server.call(CLIENTS, "VerifySeat")),
        "stream_not_implemented": error_of(lambda: server.call(CLIENTS, "WaitForCapability")),
    }


def main(address):
    server = Server(address)
    methods = server.pool.FindServiceByName(CLIENTS).methods
    seen = {
        "services": sorted(server.database.get_services()),
        "methods": sorted(method.name for method in methods),
        "health": [
            plain(server.call(HEALTH, "Check", service=service)).get("status") for service in ("", CLIENTS)
        ],
        "work": work(server),
        "mistakes": mistakes(server),
    }
    json.dump(seen, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
