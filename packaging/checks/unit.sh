#!/usr/bin/env bash
# The unit of systemd: its keys are known, and it gives the program no more than it needs.
source "$(dirname "$0")/common.sh"
need systemd-analyze systemd
unit=$(dirname "$0")/../playrelay.service

# The program is not at its place here; all other complaints count.
complaints=$(systemd-analyze verify "$unit" 2>&1 | grep 'playrelay' | grep -v 'is not executable' || true)
[ -z "$complaints" ] || fail "$complaints"
score=$(systemd-analyze security --offline=yes --no-pager "$unit" | tail -1)
say "$score"
level=$(sed -E 's/.*: ([0-9]+\.[0-9]+) .*/\1/' <<<"$score")
awk -v level="$level" 'BEGIN { exit !(level < 2.0) }' || fail "the exposure is $level; expected less than 2.0"
! grep --quiet '^MemoryDenyWriteExecute' "$unit" || fail "MemoryDenyWriteExecute leaves out every plugin"
rm -r "$work"
