"""A script of an administrator's, by HTTP and the standard library alone.

Usage: gateway_client.py URL CODE [CA]. Makes the first administrator and two tokens, goes on with the lesser one, and prints one
JSON document.
"""

import datetime
import json
import ssl
import sys
import urllib.error
import urllib.request

PATIENCE = 30


class Door:
    """The gateway, with what is sent every time."""

    def __init__(self, url, context):
        self.url, self.context, self.headers = url, context, {}

    def ask(self, method, path, document=None):
        """The status, the headers and the document of an answer."""
        headers = dict(self.headers)
        body = None
        if document is not None:
            body, headers["Content-Type"] = json.dumps(document).encode(), "application/json"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=PATIENCE, context=self.context)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None


def main(url, code, ca=None):
    context = ssl.create_default_context(cafile=ca) if ca else None
    door = Door(url, context)
    seen = {}
    seen["stranger"] = door.ask("GET", "/api/v1/instances/~/features?page_size=many")[::2]
    first = {"code": code, "name": "kim", "password": "correct horse battery"}
    status, headers, session = door.ask("POST", "/api/v1/first-administrator", first)
    seen["first"], seen["cookie"] = status, headers["Set-Cookie"]
    door.headers = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Form-Token": session["form_token"]}
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    token = {"name": "script", "roles": ["OPERATOR"], "expires_at": until.isoformat()}
    seen["everything"] = door.ask("POST", "/api/v1/tokens", {**token, "roles": ["ADMIN"]})[2]["secret"]
    seen["token"], _, made = door.ask("POST", "/api/v1/tokens", token)
    door.headers = {"Authorization": "Bearer " + made["secret"]}
    seen["services"] = door.ask("GET", "/api/v1/services")[2]
    seen["features"] = door.ask("GET", "/api/v1/instances/~/features")[2]
    seen["sync"] = door.ask("GET", "/api/v1/instances/~/sync")[2]
    seen["suspended"] = door.ask("POST", "/api/v1/instances/~/suspend", {"text": "Maintenance"})[::2]
    activity = door.ask("GET", "/api/v1/instances/~/activity")[2].get("items", [])
    seen["activity"] = [row for row in activity if row["kind"] == "INSTANCE_CHANGED" and "Maintenance" in row["detail"]]
    seen["denied"] = door.ask("GET", "/api/v1/users")[::2]
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
