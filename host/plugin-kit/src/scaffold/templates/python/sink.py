"""Sends what was watched to a service that takes JSON."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http, settings
from wit_world.imports import types as contract
from wit_world.imports.events import Action_Watched


def retry(reason, after_ms=None):
    return Err(contract.Failure_Retry(contract.RetryLater(after_ms, reason)))


def receipt(outcome, remote_id=None):
    return contract.Receipt(outcome, remote_id, [], None)


def ids(found):
    return {it.namespace: it.value for it in found}


def title(kind):
    it = kind.value
    if isinstance(kind, contract.ItemKind_Movie):
        return {"movie": it.title, "year": it.year, "ids": ids(it.ids)}
    if isinstance(kind, contract.ItemKind_Episode):
        return {"show": it.show.title, "ids": ids(it.show.ids), "season": it.season, "episodes": list(it.numbers)}
    return None


def post(url, body):
    headers = [contract.Field("content-type", "application/json")]
    request = http.Request(http.Method.POST, url, headers, http.Body_Text(json.dumps(body)), None, [])
    try:
        return http.send(request)
    except Err as error:
        if isinstance(error.value, http.Error_Denied):
            raise Err(contract.Failure_Blocked(error.value.value))
        raise retry(str(getattr(error.value, "value", "the answer is too large")))


def remote_id(response):
    """The service's own id of what it stored."""
    try:
        found = json.loads(response.body.value)["id"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return str(found) if isinstance(found, int) else None


def is_page(response):
    return any(it.name == "content-type" and it.value.startswith("text/html") for it in response.headers)


def retry_after_ms(response):
    """How long the service asks to wait."""
    found = next((it.value for it in response.headers if it.name == "retry-after"), "")
    return int(found) * 1000 if found.isdigit() and int(found) < 4_000_000 else None


class Sink(exports.Sink):
    def submit(self, event):
        what = title(event.item.kind)
        if not isinstance(event.action, Action_Watched) or what is None:
            return receipt(contract.Outcome.UNSUPPORTED)
        address = (settings.get("url") or "").rstrip("/")
        # The id is the same for each attempt: a service that keeps it counts nothing twice.
        response = post(f"{address}/plays", {"key": event.id, "title": what, "watched_at": event.at})
        status = response.status
        if is_page(response):
            # A gateway or a portal answered in place of the service.
            raise retry("a web page came in place of an answer")
        if 200 <= status < 300:
            return receipt(contract.Outcome.ACCEPTED, remote_id(response))
        if status == 409:
            return receipt(contract.Outcome.DUPLICATE)
        if status == 401:
            raise Err(contract.Failure_Unauthorized("the service refuses the key"))
        if status == 403:
            raise Err(contract.Failure_Blocked("the service forbids it"))
        if 300 <= status < 400 or status in (408, 425, 429) or status >= 500:
            raise retry(f"the service answered {status}", retry_after_ms(response))
        raise Err(contract.Failure_Rejected(f"the service answered {status}"))
