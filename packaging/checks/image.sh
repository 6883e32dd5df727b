#!/usr/bin/env bash
# The image: as compose.yaml runs it, as compose.nas.yaml does, and as any user, with a read-only root and no rights.
source "$(dirname "$0")/common.sh"
need umoci umoci runc runc curl curl setpriv util-linux
# What is published is smaller than a quick build, which is optimized less: MB resident, bytes compressed.
most=40 largest=25000000
[ "${2:-}" != quick ] || most=100 largest=60000000
trap 'runc delete --force playrelay-check >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# umoci takes the manifest of this machine out of the list of all.
layout=$work/image
cp -r "$dist/image" "$layout"
python3 - "$layout" "$(dpkg --print-architecture)" <<'PY'
import json, pathlib, sys
layout, arch = pathlib.Path(sys.argv[1]), sys.argv[2]
index = json.loads((layout / "index.json").read_text())
blob = lambda descriptor: json.loads((layout / "blobs/sha256" / descriptor["digest"].split(":")[1]).read_text())
images = blob(index["manifests"][0])["manifests"]
mine = next(image for image in images if image["platform"]["architecture"] == arch)
mine["annotations"] = {"org.opencontainers.image.ref.name": "check"}
index["manifests"] = [mine]
(layout / "index.json").write_text(json.dumps(index))
PY
bytes=$(du --bytes --summarize "$dist/image" | cut --fields 1)
layers=$(find "$dist/image/blobs/sha256" -size +1M | wc -l)
say "$((bytes / layers / 1000000)) MB compressed for each of $layers architectures"
[ $((bytes / layers)) -lt "$largest" ] || fail "an image is larger than $largest bytes"

# Runs the image: run_image USER:GROUP CAPABILITIES FOLDER ENV... -- ARGUMENTS...
run_image() {
    local user=$1 capabilities=$2 folder=$3
    shift 3
    rm -rf "$work/bundle"
    umoci unpack --image "$layout:check" "$work/bundle" >/dev/null
    python3 - "$work/bundle/config.json" "$user" "$capabilities" "$folder" "$@" <<'PY'
import json, sys
path, user, capabilities, folder, *rest = sys.argv[1:]
split = rest.index("--")
config = json.load(open(path))
process = config["process"]
process["terminal"] = False
process["user"] = dict(zip(("uid", "gid"), map(int, user.split(":"))))
process["env"] += rest[:split]
if rest[split + 1:]:
    process["args"] = process["args"][:1] + rest[split + 1:]
process["noNewPrivileges"] = True
names = ["CAP_" + name for name in capabilities.split(",") if name]
process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
config["root"]["readonly"] = True
linux = config["linux"]
# The network of this machine, so that it can be asked; no groups of processes, which a container in a container may not make.
linux["namespaces"] = [it for it in linux["namespaces"] if it["type"] not in ("network", "cgroup", "user")]
linux.pop("resources", None)
linux.pop("uidMappings", None)
linux.pop("gidMappings", None)
config["mounts"] = [it for it in config["mounts"] if it["destination"] not in ("/config", "/sys", "/sys/fs/cgroup", "/etc/resolv.conf")]
config["mounts"] += [
    {"destination": "/config", "type": "bind", "source": folder, "options": ["rbind", "rw"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
]
json.dump(config, open(path, "w"))
PY
    runc run --bundle "$work/bundle" playrelay-check
}

# Starts the image, sends a webhook, and stops it: try_image WHAT USER:GROUP CAPABILITIES OWNER-OF-THE-FOLDER EXPECTED-USER:GROUP ENV...
try_image() {
    local what=$1 user=$2 capabilities=$3 owner=$4 expected=$5
    shift 5
    local folder=$work/config-$RANDOM
    mkdir "$folder"
    write_config "$folder" /config
    chown --recursive "$owner" "$folder"
    run_image "$user" "$capabilities" "$folder" "$@" -- > "$work/log" 2>&1 &
    local container=$!
    until_true 60 "$what: $(tail -3 "$work/log")" is_healthy
    local pid
    pid=$(runc state playrelay-check | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
    local is
    is=$(awk '/^Uid:/ { uid = $2 } /^Gid:/ { gid = $2 } END { print uid ":" gid }' "/proc/$pid/status")
    [ "$is" = "$expected" ] || fail "$what: it runs as $is; expected $expected"
    is=$(stat --format %u:%g "$folder" "$folder/playrelay.db" | sort --unique)
    [ "$is" = "$expected" ] || fail "$what: the folder and the database belong to $is; expected $expected"
    grep --quiet 'no certificates' "$work/log" && fail "$what: the image has no certificates"
    grep --quiet 'The code of the set-up is' "$work/log" || fail "$what: no code of the set-up: $(cat "$work/log")"
    send_webhook 1
    runc exec playrelay-check /playrelay health >/dev/null || fail "$what: health"
    until_true 20 "$what: the event" has_event
    local memory
    memory=$(awk '/^VmRSS:/ { all = $2 } /^RssAnon:/ { own = $2 } END { printf "%d %d", all / 1000, own / 1000 }' "/proc/$pid/status")
    [ "${memory% *}" -lt "$most" ] || fail "$what: it has ${memory% *} MB resident; expected less than $most"
    local began
    began=$(date +%s)
    kill -TERM "$pid"
    wait "$container" || fail "$what: it ended with $?: $(tail -3 "$work/log")"
    [ $(($(date +%s) - began)) -lt 10 ] || fail "$what: it took more than 10 s to stop"
    say "$what: healthy, took a webhook, stopped; runs as $expected; ${memory% *} MB resident, ${memory#* } of them its own"
}
has_event() { runc exec --user "$(stat --format %u:%g "$folder")" playrelay-check /playrelay events | grep --quiet 'A Film 1'; }

try_image 'compose.yaml, user 1000:1000' 1000:1000 '' 1000:1000 1000:1000
try_image 'user 568:568 (TrueNAS)' 568:568 '' 568:568 568:568
try_image 'compose.nas.yaml, PUID=99 PGID=100 (Unraid)' 0:0 CHOWN,DAC_OVERRIDE,SETGID,SETUID 0:0 99:100 PUID=99 PGID=100
try_image 'plain docker run' 0:0 CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID,KILL 0:0 1000:1000

# Without the right to become somebody else it says what to do.
folder=$work/refused
mkdir "$folder"
if run_image 0:0 '' "$folder" -- > "$work/log" 2>&1; then
    fail "root without capabilities was not refused"
fi
grep --quiet 'user: "1000:1000"' "$work/log" || fail "root without capabilities: $(cat "$work/log")"
say "root without capabilities: $(tail -1 "$work/log" | cut --characters 1-100)…"
# Nobody lives there now.
run_image 1000:1000 '' "$folder" -- health > "$work/log" 2>&1 && fail "health without a daemon"
say "health without a daemon: $(tail -1 "$work/log" | cut --characters 1-100)"
