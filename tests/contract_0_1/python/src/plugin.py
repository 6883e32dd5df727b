"""Reads the webhooks of a player that sends JSON."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import reports
from wit_world.imports.types import ExternalId, Item, ItemKind_Movie, Movie

STATES = {
    "start": reports.PlaybackState.PLAYING,
    "resume": reports.PlaybackState.PLAYING,
    "pause": reports.PlaybackState.PAUSED,
    "stop": reports.PlaybackState.STOPPED,
}


def text(value):
    return value if isinstance(value, str) and value else None


def whole(value, most):
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value <= most else None


def milliseconds(seconds):
    seconds = whole(seconds, 4_294_967)
    return None if seconds is None else seconds * 1000


def movie(message):
    found = message.get("movie")
    title = text(found.get("title")) if isinstance(found, dict) else None
    if title is None:
        raise Err(reports.ParseError_Unsupported("the message has no `movie` with a title"))
    imdb = text(found.get("imdb"))
    ids = [] if imdb is None else [ExternalId("imdb", imdb)]
    kind = ItemKind_Movie(Movie(title, None, whole(found.get("year"), 0xFFFF), ids))
    return Item(kind, None, None, milliseconds(message.get("length_s")), [])


# Python's parser crashes where thousands of brackets stand in each other. No player sends so many.
MOST_BRACKETS = 400


def parsed(body):
    if body.count("[") + body.count("{") > MOST_BRACKETS:
        raise Err(reports.ParseError_Malformed("the body has too many brackets"))
    try:
        return json.loads(body)
    except ValueError:
        raise Err(reports.ParseError_Malformed("the body is no JSON"))


class Webhook(exports.Webhook):
    def parse(self, request):
        message = parsed(request.body)
        event = text(message.get("event")) if isinstance(message, dict) else None
        if event is None:
            raise Err(reports.ParseError_Unsupported("the message has no `event`"))
        if event not in STATES:
            return [reports.Report_Ignored(reports.Ignored("event", event))]
        playback = reports.Playback(
            server=reports.Server(None, None),
            user=reports.User(None, text(message.get("user"))),
            player=reports.Player(None, text(message.get("device")), None),
            session=None,
            item=movie(message),
            state=STATES[event],
            position_ms=milliseconds(message.get("position_s")),
            completion=reports.Completion.NONE,
            credits_start_ms=None,
            content=reports.Content.ON_DEMAND,
            library=None,
            paths=[],
            at=None,
            ext=[],
        )
        return [reports.Report_Playback(playback)]
