#!/bin/sh
# After the files are gone. The plays in /var/lib/playrelay stay, also at a purge: they cannot be had again.
set -e

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ "$1" = purge ] && [ -d /var/lib/playrelay ]; then
    echo "Your plays are still in /var/lib/playrelay; remove that folder yourself if you want them gone."
fi
