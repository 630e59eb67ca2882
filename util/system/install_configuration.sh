#!/bin/sh
# install_configuration.sh FILE: installs it as /etc/fuse.conf, unless the administrator has one.
set -eu
target="${DESTDIR:-}/etc/fuse.conf"
[ -e "$target" ] || install -D -m 644 "$1" "$target"
