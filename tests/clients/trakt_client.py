"""pytrakt against the fake Trakt: trakt_client.py URL CLIENT_ID TOKEN."""

import sys
import time

import trakt.core

url, client_id, token = sys.argv[1:4]
trakt.core.BASE_URL = f"{url}/"
trakt.core.CLIENT_ID = client_id
trakt.core.OAUTH_TOKEN = token
trakt.core.AUTH_METHOD = trakt.core.OAUTH_AUTH
# A token that expires would be refreshed first.
trakt.core.OAUTH_EXPIRES_AT = int(time.time()) + 86_400

from trakt import sync  # noqa: E402
from trakt.movies import Movie  # noqa: E402
from trakt.users import get_user_settings  # noqa: E402

assert get_user_settings()["user"]["username"] == "sean"


def paced(call, *arguments, **named):
    """One write a second."""
    time.sleep(1.1)
    return call(*arguments, **named)


ids = {"trakt": 16662, "slug": "inception-2010", "imdb": "tt1375666", "tmdb": 27205}
film = Movie("Inception", year=2010, slug="inception-2010", ids=ids)
added = paced(sync.add_to_history, film)
assert added["added"]["movies"] == 1, added
rated = paced(sync.rate, film, 8)
assert rated["added"]["movies"] == 1, rated
listed = paced(sync.add_to_watchlist, film)
assert listed["added"]["movies"] == 1, listed
(entry,) = sync.get_watchlist("movies")
assert entry.title == "Inception", entry
unlisted = paced(sync.remove_from_watchlist, film)
assert unlisted["deleted"]["movies"] == 1, unlisted
scrobbler = paced(film.scrobble, 12.5, "0.1.0", "2026-11-01")
paced(scrobbler.pause)
(point,) = sync.get_playback("movies")
assert (point.data["title"], point.progress) == ("Inception", 12.5), point
removed = paced(sync.remove_from_history, film)
assert removed["deleted"]["movies"] == 1, removed
print("done")
