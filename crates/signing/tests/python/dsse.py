"""Signs and verifies DSSE envelopes with securesystemslib, for comparison.

dsse.py verify FILE PUBLIC_KEY_HEX            prints the key's id, the payload's type and the payload
dsse.py sign FILE TYPE PAYLOAD                writes an envelope by a new key, prints its public key
dsse.py sign-file FILE FORMAT TYPE PAYLOAD    the same within a file of this format

The FILE to verify is an envelope, or a file with one in it.
"""

import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def verify(path, public):
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    envelope = Envelope.from_dict(content.get("envelope", content))
    envelope.verify([key], 1)
    print(key.keyid, envelope.payload_type, envelope.payload.hex())


def signed(payload_type, payload):
    signer = CryptoSigner.generate_ed25519()
    envelope = Envelope(payload.encode(), payload_type, {})
    envelope.sign(signer)
    print(signer.public_key.keyval["public"])
    return envelope.to_dict()


def sign(path, payload_type, payload):
    write(path, signed(payload_type, payload))


def sign_file(path, file_format, payload_type, payload):
    envelope = signed(payload_type, payload)
    write(path, {"certificates": [], "envelope": envelope, "format": file_format, "version": 1})


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)


if __name__ == "__main__":
    {"verify": verify, "sign": sign, "sign-file": sign_file}[sys.argv[1]](*sys.argv[2:])
