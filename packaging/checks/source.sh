#!/usr/bin/env bash
# The two commands from source, in a bare Debian with a compiler of C and Rust, and nothing else. It takes as long as a first build, so that
# `cargo xtask dist --check` leaves it out: `bash packaging/checks/source.sh target/dist`.
source "$(dirname "$0")/common.sh"
need debootstrap debootstrap curl curl
root=$work/root
repository=$(realpath "$(dirname "$0")/../..")
# Cargo has started the daemon, and does not end it: both are of one group. Nothing is removed below what is still mounted.
clean_up() {
    if [ -n "${daemon:-}" ]; then
        kill -- "-$daemon" 2>/dev/null || true
        until_true 60 "the end of the daemon" is_gone
    fi
    umount -R "$root/proc" "$root/rust" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
is_gone() { ! kill -0 -- "-$daemon"; }
trap clean_up EXIT

debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates bookworm "$root" > "$work/debootstrap.log" 2>&1 ||
    fail "$(tail -3 "$work/debootstrap.log")"
mount --types proc proc "$root/proc"
# Rust as rustup has installed it here, with its target for plugins; the registry of crates starts empty.
mkdir "$root/rust"
mount --bind "$(rustc --print sysroot)" "$root/rust"
# Nothing here may change it, nor remove it at the end.
mount --options remount,bind,ro "$root/rust"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Where the network has an authority of its own, this machine knows it.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
git clone --quiet "$repository" "$root/playrelay"
setsid chroot "$root" env --ignore-environment HOME=/root PATH=/rust/bin:/usr/bin:/bin \
    sh -c 'cd /playrelay && exec cargo xtask run' > "$work/log" 2>&1 &
daemon=$!
port=8787
is_healthy_or_gone() { is_healthy || ! kill -0 "$daemon" 2>/dev/null; }
until_true 3600 "the first page" is_healthy_or_gone
is_healthy || fail "it ended: $(tail -5 "$work/log")"
grep --quiet 'The code of the set-up is' "$work/log" || fail "no code of the set-up: $(tail -5 "$work/log")"
grep 'The code of the set-up is' "$work/log" | sed 's/is .*, at/is …, at/; s/^/   /'
say "cargo xtask run: built and healthy after $SECONDS s"
