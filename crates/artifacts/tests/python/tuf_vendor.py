"""Writes repositories with python-tuf, good ones and hostile ones, each in a folder of its own below the one named.

All have the same keys and one history: `good`, then `next`, then every other. Everything is good for 30 days from NOW.
"""

import copy
import datetime
import hashlib
import os
import shutil
import sys

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

NOW = datetime.datetime.fromtimestamp(1_800_000_000, datetime.timezone.utc)
LATER = NOW + datetime.timedelta(days=30)
PAST = NOW - datetime.timedelta(days=1)
TOP = ["root", "targets", "snapshot", "timestamp"]
PATH = "acme/1.0/rules.db"


class Vendor:
    def __init__(self):
        self.signers = {role: CryptoSigner.generate_ed25519() for role in TOP + ["acme"]}
        self.root = Root(expires=LATER, consistent_snapshot=True)
        for role in TOP:
            self.root.add_key(self.signers[role].public_key, role)
        key = self.signers["acme"].public_key
        delegated = DelegatedRole("acme", [key.keyid], 1, True, paths=["acme/*/*"])
        self.targets = Targets(expires=LATER, delegations=Delegations({key.keyid: key}, {"acme": delegated}))
        self.acme = Targets(expires=LATER)
        self.snapshot = Snapshot(expires=LATER)
        self.timestamp = Timestamp(expires=LATER)
        self.roots = []
        self.content = {}
        self.files = {}
        self.root_signers = [self.signers["root"]]

    def add(self, path, content):
        digest = hashlib.sha256(content).hexdigest()
        self.acme.targets[path] = TargetFile(len(content), {"sha256": digest}, path, {"custom": {"by": "python"}})
        folder, name = os.path.split(path)
        self.content[f"{folder}/{digest}.{name}"] = content

    def sign(self, role, signers):
        metadata = Metadata(role)
        for index, signer in enumerate(signers):
            metadata.sign(signer, append=index > 0)
        return metadata.to_bytes(JSONSerializer())

    def sign_root(self):
        self.roots.append((self.root.version, self.sign(self.root, self.root_signers)))

    def build(self):
        """Signs everything bottom up, and lists it above."""
        for name in ["targets", "acme"]:
            role = getattr(self, name)
            content = self.sign(role, [self.signers[name]])
            self.files[f"{role.version}.{name}.json"] = content
            self.snapshot.meta[f"{name}.json"] = listed(role.version, content)
        self.sign_snapshot()

    def sign_snapshot(self):
        content = self.sign(self.snapshot, [self.signers["snapshot"]])
        self.files[f"{self.snapshot.version}.snapshot.json"] = content
        self.timestamp.snapshot_meta = listed(self.snapshot.version, content)
        self.sign_timestamp()

    def sign_timestamp(self):
        self.files["timestamp.json"] = self.sign(self.timestamp, [self.signers["timestamp"]])

    def bump(self, *roles):
        for role in roles or ("acme", "snapshot", "timestamp"):
            getattr(self, role).version += 1

    def rotate(self, role):
        new = CryptoSigner.generate_ed25519()
        self.root.revoke_key(self.signers[role].public_key.keyid, role)
        self.root.add_key(new.public_key, role)
        self.signers[role] = new
        if role == "root":
            self.root_signers = [*self.root_signers[-1:], new]

    def write(self, folder):
        os.makedirs(os.path.join(folder, "metadata"))
        for version, content in self.roots:
            put(os.path.join(folder, "metadata", f"{version}.root.json"), content)
        for name, content in self.files.items():
            put(os.path.join(folder, "metadata", name), content)
        for path, content in self.content.items():
            put(os.path.join(folder, "targets", path), content)

    def copy(self):
        other = copy.copy(self)
        for name in [*TOP, "acme"]:
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        for name in ["signers", "roots", "content", "files", "root_signers"]:
            setattr(other, name, copy.copy(getattr(self, name)))
        return other


def listed(version, content):
    return MetaFile(version, len(content), {"sha256": hashlib.sha256(content).hexdigest()})


def put(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def recovered(vendor):
    """The online keys were stolen and versions driven up: the vendor starts anew with other keys and low versions."""
    vendor.rotate("timestamp")
    vendor.rotate("snapshot")
    vendor.root.version += 1
    vendor.sign_root()
    vendor.acme.version += 1
    vendor.snapshot.version = vendor.timestamp.version = 1
    vendor.build()


def two_rotations(vendor):
    for role in [*TOP, "root"]:
        vendor.rotate(role)
        vendor.root.version += 1
        vendor.sign_root()
        vendor.root_signers = vendor.root_signers[-1:]
    vendor.bump("targets")
    vendor.bump()
    vendor.build()


def expired(role):
    def change(vendor):
        getattr(vendor, role).expires = PAST
        vendor.bump("targets")
        vendor.bump()
        if role == "root":
            vendor.root.version += 1
            vendor.sign_root()
        vendor.build()

    return change


def rollback_snapshot(vendor):
    vendor.bump("timestamp")
    vendor.timestamp.snapshot_meta = listed(1, vendor.files["1.snapshot.json"])
    vendor.sign_timestamp()


def rollback_role(vendor):
    vendor.bump("snapshot", "timestamp")
    vendor.snapshot.meta["acme.json"] = listed(1, vendor.files["1.acme.json"])
    vendor.sign_snapshot()


def removed_role(vendor):
    vendor.bump("snapshot", "timestamp")
    del vendor.snapshot.meta["acme.json"]
    vendor.sign_snapshot()


def signed_by_another(role):
    def change(vendor):
        vendor.signers[role] = CryptoSigner.generate_ed25519()
        vendor.bump("targets")
        vendor.bump()
        vendor.build()

    return change


def root_by_another(vendor):
    vendor.root.version += 1
    vendor.root_signers = [CryptoSigner.generate_ed25519()]
    vendor.sign_root()


def root_skips(vendor):
    vendor.root.version += 2
    content = vendor.sign(vendor.root, vendor.root_signers)
    vendor.roots.append((vendor.root.version - 1, content))


def mixed(role):
    """The file of a role is of another set, as well signed as this one's."""

    def change(vendor):
        vendor.bump("targets")
        vendor.bump()
        vendor.build()
        other = getattr(vendor, role)
        other.expires += datetime.timedelta(days=1)
        vendor.files[f"{other.version}.{role}.json"] = vendor.sign(other, [vendor.signers[role]])

    return change


def oversize(name):
    def change(vendor):
        vendor.bump()
        vendor.build()
        for file in vendor.files:
            if file.endswith(name):
                vendor.files[file] += b" " * 20_000

    return change


def oversize_root(vendor):
    vendor.root.version += 1
    vendor.sign_root()
    version, content = vendor.roots.pop()
    vendor.roots.append((version, content + b" " * 600_000))


def missing(vendor):
    vendor.bump()
    vendor.build()
    del vendor.files[f"{vendor.snapshot.version}.snapshot.json"]


def garbage(vendor):
    vendor.files["timestamp.json"] = b"<html>Please sign in</html>"


def other_content(vendor):
    vendor.content = {path: content.swapcase() for path, content in vendor.content.items()}


def longer_content(vendor):
    vendor.content = {path: content + b"!" for path, content in vendor.content.items()}


CHANGES = {
    "recovered": recovered,
    "rotated": two_rotations,
    "rollback-snapshot": rollback_snapshot,
    "rollback-role": rollback_role,
    "removed-role": removed_role,
    "root-by-another": root_by_another,
    "root-skips": root_skips,
    "oversize-root": oversize_root,
    "missing": missing,
    "garbage": garbage,
    "other-content": other_content,
    "longer-content": longer_content,
}
for name in [*TOP, "acme"]:
    CHANGES[f"expired-{name}"] = expired(name)
for name in ["targets", "snapshot", "timestamp", "acme"]:
    CHANGES[f"by-another-{name}"] = signed_by_another(name)
for name in ["targets", "snapshot", "acme"]:
    CHANGES[f"mixed-{name}"] = mixed(name)
for name in ["timestamp", "snapshot", "acme"]:
    CHANGES[f"oversize-{name}"] = oversize(f"{name}.json")


def main(folder):
    vendor = Vendor()
    vendor.add(PATH, b"the first rules")
    vendor.sign_root()
    vendor.build()
    vendor.write(os.path.join(folder, "good"))
    vendor.bump()
    vendor.add("acme/2.0/rules.db", b"the second rules")
    vendor.build()
    vendor.write(os.path.join(folder, "next"))
    for name, change in CHANGES.items():
        hostile = vendor.copy()
        change(hostile)
        hostile.write(os.path.join(folder, name))


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    main(sys.argv[1])
