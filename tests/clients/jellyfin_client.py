"""jellyfin-apiclient-python against the fake Jellyfin: jellyfin_client.py URL USER PASSWORD."""

import sys

from jellyfin_apiclient_python import JellyfinClient

url, user, password = sys.argv[1:4]
client = JellyfinClient()
client.config.app("Playrelay tests", "0.1.0", "a test", "a-device")
client.config.data["auth.ssl"] = False
state = client.auth.connect_to_address(url)
assert state["State"] != 0, state
token = client.auth.login(url, user, password)
assert token and token["User"]["Name"] == user, token

assert user in [it["Name"] for it in client.jellyfin.get_users()]
(session,) = client.jellyfin.sessions()
assert (session["NowPlayingItem"]["Name"], session["UserName"]) == ("Inception", "mia"), session
assert client.jellyfin.get_system_info is not None
print("done")
