"""Signs and verifies DSSE envelopes with securesystemslib, for comparison.

dsse.py verify FILE PUBLIC_KEY_HEX   prints the key's id, the payload's type and the payload
dsse.py sign FILE TYPE PAYLOAD       writes an envelope by a new key, prints its public key
"""

import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def verify(path, public):
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    with open(path, encoding="utf-8") as file:
        envelope = Envelope.from_dict(json.load(file))
    envelope.verify([key], 1)
    print(key.keyid, envelope.payload_type, envelope.payload.hex())


def sign(path, payload_type, payload):
    signer = CryptoSigner.generate_ed25519()
    envelope = Envelope(payload.encode(), payload_type, {})
    envelope.sign(signer)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(envelope.to_dict(), file, indent=2)
    print(signer.public_key.keyval["public"])


if __name__ == "__main__":
    {"verify": verify, "sign": sign}[sys.argv[1]](*sys.argv[2:])
