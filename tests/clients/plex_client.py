"""plexapi against the fake Plex: plex_client.py URL TOKEN."""

import sys
import threading
from datetime import datetime, timedelta

from plexapi.alert import AlertListener
from plexapi.server import PlexServer

url, token = sys.argv[1:3]
server = PlexServer(url, token)
assert server.machineIdentifier and server.friendlyName == "Media-Server", server.friendlyName

people = {account.id: account.name for account in server.systemAccounts()}
assert "ada" in people.values(), people

film = server.fetchItem("/library/metadata/1")
assert (film.type, film.title, film.year) == ("movie", "Inception", 2010), film
assert "imdb://tt1375666" in [guid.id for guid in film.guids], film.guids
assert [marker.type for marker in film.markers] == ["intro", "credits"], film.markers
episode = server.fetchItem(2)
assert (episode.grandparentTitle, episode.parentIndex, episode.index) == ("Breaking Bad", 1, 1), episode
assert episode.show().title == "Breaking Bad"

(session,) = server.sessions()
assert (session.title, session.usernames, session.viewOffset) == ("Inception", ["ada"], 600000), session
assert session.players[0].state == "playing", session.players
assert session.source().ratingKey == film.ratingKey

plays = server.history()
assert [play.title for play in plays] == ["Inception"], plays
assert people[plays[0].accountID] == "ada" and plays[0].viewedAt
assert not server.history(mindate=datetime.now() + timedelta(days=1))

heard = threading.Event()
alerts = []


def hear(alert):
    alerts.append(alert)
    if alert["type"] == "playing":
        heard.set()


listener = AlertListener(server, hear)
listener.start()
print("listening", flush=True)
assert heard.wait(30), f"nothing was heard: {alerts}"
listener.stop()
(state,) = alerts[-1]["PlaySessionStateNotification"]
assert (state["sessionKey"], state["state"]) == ("7", "paused"), state
print("done")
