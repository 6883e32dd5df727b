# What the scripts beside share. Each is called as root with the folder that `cargo xtask dist` has filled, and with `quick` after a quick build.
set -euo pipefail

dist=$(realpath "$1")
work=$(mktemp --directory)
# What a program says. It is read while that begins.
touch "$work/log"
# The ports on which the programs listen that are tried.
port=28787
token=a-token-for-the-checks

say() { printf '   %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# Debian's packages that a check needs: name of a program, name of its package.
need() {
    while [ $# -gt 0 ]; do
        if ! command -v "$1" >/dev/null; then
            apt-get install --yes --no-install-recommends "$2" >/dev/null ||
                { apt-get update >/dev/null && apt-get install --yes --no-install-recommends "$2" >/dev/null; }
        fi
        shift 2
    done
}

# A configuration with a source whose webhook has a known token: write_config FOLDER DATA
write_config() {
    printf '[server]\nlisten = "127.0.0.1:%s"\ndata_dir = "%s"\n\n[sources.home]\nplugin = "jellyfin"\nwebhook_token = "%s"\n' \
        "$port" "$2" "$token" > "$1/playrelay.toml"
}

# Waits until a condition holds: until_true SECONDS WHAT COMMAND...
until_true() {
    local end=$(($(date +%s) + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || fail "waited in vain: $what"
        sleep 0.1
    done
}

is_healthy() { [ "$(curl --silent --max-time 2 "http://127.0.0.1:$port/healthz")" = ok ]; }

# Sends the webhook of a film that begins, numbered so that each is another one.
send_webhook() {
    curl --silent --fail --max-time 20 --header 'content-type: application/json' --data @- \
        "http://127.0.0.1:$port/webhook/home/$token" <<JSON
{"NotificationType":"PlaybackStart","ServerId":"0e7f44197df844fc4a503f7366b746ad","ServerName":"attic","ItemId":"item$1",
 "ItemType":"Movie","Name":"A Film $1","Year":2020,"RunTimeTicks":54000000000,"Provider_imdb":"tt137566$1",
 "NotificationUsername":"mia","UserId":"50e1109a03fd4e13a3a5dd9bb27e08ec","DeviceId":"tv","DeviceName":"TV","ClientName":"Jellyfin Web",
 "PlaybackPositionTicks":0,"PlaybackPosition":"00:00:00","IsPaused":false}
JSON
}
