"""A stock TUF client that fetches one update from a mirror.

tuf_mirror_client.py MIRROR ROOT FOLDER PATH

MIRROR is an address with metadata/ and targets/ below it, ROOT a file with the pinned root, FOLDER where the client keeps
its state. Prints one JSON document: the versions it trusts and what came of PATH, or the name of what it refuses.
"""

import hashlib
import json
import os
import sys

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def fetch(mirror, root, folder, path):
    metadata, targets = os.path.join(folder, "metadata"), os.path.join(folder, "targets")
    os.makedirs(targets, exist_ok=True)
    with open(root, "rb") as file:
        pinned = file.read()
    updater = Updater(metadata, f"{mirror}/metadata/", targets, f"{mirror}/targets/", bootstrap=pinned)
    updater.refresh()
    info = updater.get_targetinfo(path)
    if info is None:
        return {"found": False}
    with open(updater.download_target(info), "rb") as file:
        content = file.read()
    return {"found": True, "sha256": hashlib.sha256(content).hexdigest(), "length": len(content)}


try:
    said = fetch(*sys.argv[1:5])
except (RepositoryError, DownloadError) as error:
    said = {"refused": type(error).__name__, "text": str(error)}
print(json.dumps(said))
