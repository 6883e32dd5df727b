#!/bin/sh
# After the files are there, at a first install and at an upgrade, of a deb or of an rpm.
set -e

if ! getent passwd playrelay >/dev/null; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers playrelay.conf
    else
        useradd --system --user-group --home-dir /var/lib/playrelay --no-create-home --shell /usr/sbin/nologin playrelay
    fi
fi
# The pages write the configuration, which may hold secrets.
chown playrelay:playrelay /etc/playrelay /etc/playrelay/playrelay.toml
chmod 0750 /etc/playrelay
install --directory --owner=playrelay --group=playrelay --mode=0700 /var/lib/playrelay

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # Whoever runs it gets the new one.
    systemctl try-restart playrelay.service
fi
case "$1:$2" in
    configure:|1:)
        echo "Playrelay is installed. Start it with: systemctl enable --now playrelay"
        echo "Then open http://<this machine>:8787; the code of the set-up is in: journalctl -u playrelay"
        ;;
esac
