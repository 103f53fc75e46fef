#!/usr/bin/env bash
# base-system.sh SUITE: a clean Debian by debootstrap, from the mirror that this machine's apt uses, as out/chroot/SUITE.tar; prints where it is. Kept for the
# next time. Needs root and the network.
set -euo pipefail
suite=$1
cd "$(dirname "$0")/.."
base=$PWD/out/chroot/$suite.tar
[ "$(id -u)" -eq 0 ] || { echo "a chroot needs root" >&2; exit 1; }
if [ ! -f "$base" ]; then
    mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
        sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' | awk '/\/debian\/?$/ && !seen++')
    mirror=${mirror:-http://deb.debian.org/debian}
    echo "== debootstrap $suite from $mirror" >&2
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root" "$root.log"' EXIT
    mkdir -p "$(dirname "$base")"
    debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
    [ ! -d /etc/apt/apt.conf.d ] || { grep -lis 'proxy' /etc/apt/apt.conf.d/* || true; } | xargs -r -I{} cp {} "$root/etc/apt/apt.conf.d/"
    chmod 755 "$root"
    tar --create --file "$base.new" --directory "$root" --exclude=./proc/* --exclude=./sys/* .
    mv "$base.new" "$base"
fi
echo "$base"
