#!/usr/bin/env bash
# The unit of systemd: its keys are known, and it gives the program no more than it needs. The templates of Unraid: they are XML with what its store
# asks for.
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
python3 - "$(dirname "$0")/../unraid" <<'PY'
import pathlib, sys, xml.etree.ElementTree as xml
folder = pathlib.Path(sys.argv[1])
template = xml.parse(folder / "playrelay.xml").getroot()
for field in ("Name", "Repository", "Category", "Icon", "Overview", "Project", "Support", "TemplateURL", "WebUI"):
    assert (template.findtext(field) or "").strip(), f"playrelay.xml has no {field}"
targets = {it.get("Target"): it for it in template.findall("Config")}
assert set(targets) == {"8787", "/config", "PUID", "PGID"}, sorted(targets)
assert not targets["/config"].get("Default").startswith("/mnt/user"), "a database needs locks, which /mnt/user has not"
assert xml.parse(folder / "ca_profile.xml").getroot().findtext("Profile"), "ca_profile.xml has no Profile"
PY
say "the templates of Unraid have what is asked for"
rm -r "$work"
