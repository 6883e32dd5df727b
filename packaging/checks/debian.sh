#!/usr/bin/env bash
# The Debian package, in a bare Debian: installed, upgraded with plays in the database, removed, purged.
source "$(dirname "$0")/common.sh"
need debootstrap debootstrap curl curl lintian lintian
arch=$(dpkg --print-architecture)
package=$(ls "$dist"/playrelay_*_"$arch".deb)
root=$work/root
trap '[ -z "${daemon:-}" ] || kill "$daemon" 2>/dev/null || true; umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT

# The program is static on purpose: it runs on every Linux, and its parts are listed in it.
complaints=$(lintian --allow-root --fail-on error --suppress-tags statically-linked-binary,embedded-library "$package") ||
    fail "lintian: $complaints"
debootstrap --variant=minbase bookworm "$root" > "$work/debootstrap.log" 2>&1 || fail "$(tail -3 "$work/debootstrap.log")"
mount --types proc proc "$root/proc"
cp "$package" "$root/tmp/new.deb"
# The same files as a version before.
dpkg-deb --raw-extract "$package" "$work/old"
sed --in-place 's/^Version: .*/Version: 0.0.1/' "$work/old/DEBIAN/control"
dpkg-deb --root-owner-group --build "$work/old" "$root/tmp/old.deb" >/dev/null

in_root() { chroot "$root" "$@"; }
in_root dpkg --install /tmp/old.deb > "$work/dpkg.log" 2>&1 || fail "$(cat "$work/dpkg.log")"
grep --quiet 'systemctl enable --now playrelay' "$work/dpkg.log" || fail "it does not say how to go on"
in_root id playrelay >/dev/null || fail "there is no user playrelay"
[ "$(in_root stat --format '%U %a' /var/lib/playrelay)" = 'playrelay 700' ] || fail "the data folder is not for its user alone"
[ "$(in_root stat --format '%U %a' /etc/playrelay/playrelay.toml)" = 'playrelay 640' ] || fail "the configuration is not for its user"

# What an administrator changes stays.
write_config "$root/etc/playrelay" /var/lib/playrelay
start() {
    chroot --userspec=playrelay:playrelay "$root" /usr/bin/playrelay serve > "$work/log" 2>&1 &
    daemon=$!
    until_true 60 "the installed daemon: $(tail -3 "$work/log")" is_healthy
}
stop() { kill -TERM "$daemon"; wait "$daemon" || fail "it ended with $?"; daemon=; }
events() { chroot --userspec=playrelay:playrelay "$root" /usr/bin/playrelay events | grep --count 'A Film'; }
start
send_webhook 1
until_true 20 "the event" eval '[ "$(events)" = 1 ]'
stop
in_root dpkg --install /tmp/new.deb > "$work/dpkg.log" 2>&1 || fail "$(cat "$work/dpkg.log")"
grep --quiet "$token" "$root/etc/playrelay/playrelay.toml" || fail "the upgrade changed the configuration"
start
send_webhook 2
until_true 20 "both events" eval '[ "$(events)" = 2 ]'
stop
in_root dpkg --remove playrelay > "$work/dpkg.log" 2>&1 || fail "$(cat "$work/dpkg.log")"
[ -e "$root/etc/playrelay/playrelay.toml" ] || fail "a removal took the configuration"
in_root dpkg --purge playrelay > "$work/dpkg.log" 2>&1 || fail "$(cat "$work/dpkg.log")"
[ ! -e "$root/etc/playrelay/playrelay.toml" ] || fail "a purge left the configuration"
[ -e "$root/var/lib/playrelay/playrelay.db" ] || fail "a purge took the plays"
say "$(basename "$package"): installed, upgraded with its plays and its configuration, removed, purged"
