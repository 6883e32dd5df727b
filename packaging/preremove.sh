#!/bin/sh
# Before the files go. An upgrade stops nothing: the program that runs is replaced afterwards.
set -e

case "$1" in
    remove|0)
        if [ -d /run/systemd/system ]; then
            systemctl disable --now playrelay.service || true
        fi
        ;;
esac
