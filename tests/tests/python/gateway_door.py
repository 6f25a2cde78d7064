"""A person's way through the gateway, by HTTP and the standard library alone.

Usage: gateway_door.py CA. Reads requests from standard input, one JSON document a line with `method`, `url` and perhaps
`body`, and prints an answer a line: `status` and `document`, or `status` 0 where nobody answered. Whoever signs in stays so.
"""

import json
import ssl
import sys
import urllib.error
import urllib.request

PATIENCE = 60


def asked(request, context):
    try:
        return urllib.request.urlopen(request, timeout=PATIENCE, context=context)
    except urllib.error.HTTPError as error:
        return error


def main(ca):
    context = ssl.create_default_context(cafile=ca)
    session = {}
    for line in sys.stdin:
        wish = json.loads(line)
        headers, body = dict(session), None
        if "body" in wish:
            body, headers["Content-Type"] = json.dumps(wish["body"]).encode(), "application/json"
        request = urllib.request.Request(wish["url"], body, headers, method=wish["method"])
        try:
            with asked(request, context) as answer:
                text, status = answer.read().decode(), answer.status
                cookie = answer.headers["Set-Cookie"]
        except OSError as error:
            print(json.dumps({"status": 0, "document": str(error)}), flush=True)
            continue
        try:
            document = json.loads(text) if text else None
        except ValueError:
            document = text
        if cookie and "form_token" in document:
            session = {"Cookie": cookie.split(";")[0], "X-Form-Token": document["form_token"]}
        print(json.dumps({"status": status, "document": document}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
