"""Checks what was received once more, with the library of another language."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

held = asked = 0


def hold(what, good):
    global held, asked
    asked += 1
    held += good
    if not good:
        print("does not hold:", what)


def good(secret, body, headers):
    try:
        return Webhook(secret).verify(body, headers) is not None
    except WebhookVerificationError:
        return False


with open(sys.argv[1]) as file:
    received = json.load(file)
hold("something was received", len(received) > 0)
for one in received:
    what = one["headers"]["webhook-id"]
    for secret in one["secrets"]:
        hold(f"{what} is signed", good(secret, one["body"], one["headers"]))
    secret = one["secrets"][0]
    hold(f"{what} with another body is refused", not good(secret, one["body"] + " ", one["headers"]))
    for header, value in (("webhook-id", "msg_other"), ("webhook-timestamp", str(int(one["headers"]["webhook-timestamp"]) + 1))):
        hold(f"{what} with another {header} is refused", not good(secret, one["body"], {**one["headers"], header: value}))
print(f"{held} of {asked} held")
sys.exit(held != asked)
