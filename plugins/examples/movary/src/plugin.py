"""Adds the films that were watched to the history of Movary (https://docs.movary.org), by day."""

import json
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import check
from wit_world.imports import http, settings
from wit_world.imports import types as contract
from wit_world.imports.events import Action_Watched

# Plays of a history that are looked at for one whose answer was lost: the newest days come first.
HISTORY_LIMIT = 100


def retry(reason, after_ms=None):
    return Err(contract.Failure_Retry(contract.RetryLater(after_ms, reason)))


def receipt(outcome, remote_id=None, note=None):
    return contract.Receipt(outcome, remote_id, [], note)


def send(method, path, body=None):
    address = (settings.get("url") or "").rstrip("/")
    headers = [contract.Field("accept", "application/json")]
    content = http.Body_None_()
    if body is not None:
        headers.append(contract.Field("content-type", "application/json"))
        content = http.Body_Text(json.dumps(body))
    try:
        response = http.send(http.Request(method, f"{address}/api{path}", headers, content, None, []))
    except Err as error:
        if isinstance(error.value, http.Error_Denied):
            raise Err(contract.Failure_Blocked(error.value.value))
        raise retry(str(getattr(error.value, "value", "the answer is too large")))
    complain(response)
    return response


def complain(response):
    """Raises what the host has to know of an answer that is none of Movary's."""
    status = response.status
    if any(it.name == "content-type" and it.value.startswith("text/html") for it in response.headers):
        # A gateway or a portal answered in place of Movary.
        raise retry("a web page came in place of an answer")
    if status in (401, 403):
        # Movary says 403 for a token that it does not know, and for a history of somebody else.
        raise Err(contract.Failure_Unauthorized("Movary refuses the token for this user"))
    if 300 <= status < 400 or status in (408, 425, 429) or status >= 500:
        after = next((it.value for it in response.headers if it.name == "retry-after"), "")
        after_ms = int(after) * 1000 if after.isascii() and after.isdigit() and len(after) < 7 else None
        raise retry(f"Movary answered {status}", after_ms)


def content(response):
    """The JSON of an answer; an empty one where it has none."""
    try:
        found = json.loads(response.body.value)
    except (AttributeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def zone():
    """Where the user lives, from `offset`: +02:00."""
    text = settings.get("offset") or "+00:00"
    try:
        hours, minutes = (int(part) for part in text[1:].split(":"))
        distance = timedelta(hours=hours, minutes=minutes)
        return timezone({"+": distance, "-": -distance}[text[0]])
    except (KeyError, ValueError):
        raise Err(contract.Failure_Blocked("`offset` is no offset from UTC; expected one as +02:00"))


def day(at):
    """The day of an instant where the user lives."""
    return datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(zone()).date().isoformat()


def history():
    return f"/users/{quote(settings.get('user') or '', safe='')}/history/movies"


def is_in_history(movary_id, date):
    response = send(http.Method.GET, f"{history()}?limit={HISTORY_LIMIT}&sortOrder=desc")
    rows = content(response).get("history")
    if response.status == 404:
        raise Err(contract.Failure_Blocked("Movary has no user of this name"))
    if response.status != 200 or not isinstance(rows, list):
        # Nobody knows whether the play is there: it must not be added once more.
        raise retry(f"Movary answered {response.status} to a look at the history")
    return any(
        row["movie"]["ids"]["movary"] == movary_id and str(row["watchedAt"]).startswith(date)
        for row in rows
        if is_play(row)
    )


def is_play(row):
    ids = row.get("movie", {}).get("ids") if isinstance(row, dict) and isinstance(row.get("movie"), dict) else None
    return isinstance(ids, dict) and "movary" in ids and "watchedAt" in row


class Sink(exports.Sink):
    def submit(self, event):
        if not isinstance(event.action, Action_Watched) or not isinstance(event.item.kind, contract.ItemKind_Movie):
            return receipt(contract.Outcome.UNSUPPORTED)
        ids = {it.namespace: it.value for it in event.item.kind.value.ids}
        tmdb = ids.get("tmdb", "")
        if not (tmdb.isascii() and tmdb.isdigit()):
            return receipt(contract.Outcome.UNMATCHED, note="Movary knows films by the id of TMDb, and this one has none")
        # A film that it has already is given with its number.
        added = send(http.Method.POST, "/movies/add", {"tmdbId": int(tmdb)})
        if added.status == 400:
            return receipt(contract.Outcome.UNMATCHED, note=f"TMDb has no film {tmdb}")
        movary_id = content(added).get("movaryId")
        if added.status != 200 or not isinstance(movary_id, int):
            raise Err(contract.Failure_Rejected(f"Movary answered {added.status} to a film"))
        date = day(event.at)
        # Movary counts each request: one whose answer was lost is looked for first.
        if event.uncertain and is_in_history(movary_id, date):
            return receipt(contract.Outcome.DUPLICATE, str(movary_id))
        play = {"movaryId": movary_id, "watchedAt": date, "plays": 1}
        response = send(http.Method.POST, history(), [play])
        if 200 <= response.status < 300:
            return receipt(contract.Outcome.ACCEPTED, str(movary_id))
        if response.status == 404:
            raise Err(contract.Failure_Blocked("Movary has no user of this name"))
        raise Err(contract.Failure_Rejected(f"Movary answered {response.status}"))


class Check(exports.Check):
    def account(self):
        user = content(send(http.Method.GET, "/authentication/token")).get("user")
        name = user.get("name") if isinstance(user, dict) else None
        if not isinstance(name, str):
            raise retry("Movary does not say whose token it is")
        return check.AccountInfo(name, str(user.get("userId")), [])
