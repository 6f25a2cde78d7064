"""A client with a CA and perhaps a certificate: what it may call, by the code of each answer.

Usage: tls_client.py HOST:PORT CA [CERTIFICATE KEY]. Prints one JSON document.
"""

import json
import sys

import grpc

PATIENCE = 30
METHODS = {
    "heartbeat": "/leasehold.licensing.v1.LicensingService/Heartbeat",
    "features": "/leasehold.licensing.v1.LicensingAdminService/ListFeatures",
}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(address, ca, certificate=None, key=None):
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read(ca),
        private_key=read(key) if key else None,
        certificate_chain=read(certificate) if certificate else None,
    )
    seen = {}
    with grpc.secure_channel(address, credentials) as channel:
        grpc.channel_ready_future(channel).result(timeout=PATIENCE)
        for name, path in METHODS.items():
            call = channel.unary_unary(path, lambda message: message, lambda message: message)
            try:
                call(b"", timeout=PATIENCE)
                seen[name] = "OK"
            except grpc.RpcError as error:
                seen[name] = error.code().name
    print(json.dumps(seen))


main(*sys.argv[1:])
