#!/usr/bin/env bash
# The program for arm64, on this machine, by emulation: plugins are compiled and called, webhooks taken, and it stops.
source "$(dirname "$0")/common.sh"
program=$dist/../aarch64-unknown-linux-musl/published/playrelay
need curl curl
run=("$program")
if [ "$(uname --machine)" != aarch64 ]; then
    need qemu-aarch64-static qemu-user-static
    # The program starts itself to compile plugins: the kernel has to know the emulator, or proot stands between.
    formats=/proc/sys/fs/binfmt_misc
    [ -e $formats/register ] || mount --types binfmt_misc binfmt_misc $formats 2>/dev/null || true
    if [ -e $formats/register ] && [ ! -e $formats/qemu-aarch64 ]; then
        printf ':qemu-aarch64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:%s:F' \
            "$(command -v qemu-aarch64-static)" > $formats/register 2>/dev/null || true
    fi
    if ! "$program" --version >/dev/null 2>&1; then
        need proot proot
        run=(proot -q qemu-aarch64-static "$program")
    fi
fi
trap '[ -z "${daemon:-}" ] || kill "$daemon" 2>/dev/null || true; rm -rf "$work"' EXIT

say "$("${run[@]}" --version)"
cd "$work"
write_config "$work" "$work/data"
"${run[@]}" serve > "$work/log" 2>&1 &
daemon=$!
until_true 300 "the daemon for arm64: $(tail -3 "$work/log")" is_healthy
active=$("${run[@]}" plugin list | grep --count ' active ')
[ "$active" -ge 7 ] || fail "$active plugins are active; expected 7 or more"
for number in 1 2 3 4 5; do
    send_webhook "$number"
done
until_true 60 "five events" eval '[ "$("${run[@]}" events | grep --count "A Film")" -ge 5 ]'
began=$(date +%s)
kill -TERM "$daemon"
wait "$daemon" || fail "it ended with $?: $(tail -3 "$work/log")"
daemon=
[ $(($(date +%s) - began)) -lt 30 ] || fail "it took more than 30 s to stop"
say "$active plugins active, 5 webhooks parsed, stopped"
