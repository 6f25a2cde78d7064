"""A stock TUF client, for comparison.

tuf_client.py ADDRESS ROOT FOLDER PATH…

Trusts the root in the file ROOT, refreshes from ADDRESS with its state in FOLDER, and fetches each PATH. Prints one JSON
document: the versions, and for each path `null` or its length, hash and custom. What it refuses, it prints as {"refused": NAME}.
"""

import hashlib
import json
import os
import sys

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def main(address, root, folder, paths):
    targets = os.path.join(folder, "targets")
    os.makedirs(targets, exist_ok=True)
    with open(root, "rb") as file:
        pinned = file.read()
    updater = Updater(
        os.path.join(folder, "metadata"), address + "/metadata/", targets, address + "/targets/", bootstrap=pinned
    )
    updater.refresh()
    trusted = updater._trusted_set
    said = {"root": trusted.root.version, "timestamp": trusted.timestamp.version}
    said |= {"snapshot": trusted.snapshot.version, "targets": trusted.targets.version, "files": {}}
    for path in paths:
        info = updater.get_targetinfo(path)
        if info is None:
            said["files"][path] = None
            continue
        with open(updater.download_target(info, os.path.join(targets, "file")), "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        custom = info.unrecognized_fields.get("custom")
        said["files"][path] = {"length": len(content), "sha256": digest, "custom": custom}
    return said


try:
    result = main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
except (RepositoryError, DownloadError) as error:
    result = {"refused": type(error).__name__, "text": str(error)}
print(json.dumps(result))
