"""Shows notifications by a service that takes JSON."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.notify import Urgency
from wit_world.imports import http, settings
from wit_world.imports import types as contract

PRIORITIES = {Urgency.LOW: 1, Urgency.NORMAL: 2, Urgency.HIGH: 3}


def retry(reason, after_ms=None):
    return Err(contract.Failure_Retry(contract.RetryLater(after_ms, reason)))


def post(url, body):
    headers = [contract.Field("content-type", "application/json")]
    request = http.Request(http.Method.POST, url, headers, http.Body_Text(json.dumps(body)), None, [])
    try:
        return http.send(request)
    except Err as error:
        if isinstance(error.value, http.Error_Denied):
            raise Err(contract.Failure_Blocked(error.value.value))
        raise retry(str(getattr(error.value, "value", "the answer is too large")))


def retry_after_ms(response):
    """How long the service asks to wait."""
    found = next((it.value for it in response.headers if it.name == "retry-after"), "")
    return int(found) * 1000 if found.isdigit() and int(found) < 4_000_000 else None


class Notify(exports.Notify):
    def send(self, notification):
        address = (settings.get("url") or "").rstrip("/")
        body = {
            # The id is the same for each attempt: a service that keeps it shows nothing twice.
            "key": notification.id,
            "title": notification.title,
            "text": notification.text,
            "priority": PRIORITIES[notification.urgency],
            "url": notification.link,
        }
        response = post(f"{address}/messages", body)
        status = response.status
        if 200 <= status < 300:
            return
        if status == 401:
            raise Err(contract.Failure_Unauthorized("the service refuses the key"))
        if status in (403, 404):
            raise Err(contract.Failure_Blocked(f"the service answered {status}: look at the settings"))
        if 300 <= status < 400 or status in (408, 425, 429) or status >= 500:
            raise retry(f"the service answered {status}", retry_after_ms(response))
        raise Err(contract.Failure_Rejected(f"the service answered {status}"))
