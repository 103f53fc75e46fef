#!/usr/bin/env bash
# asterisk-root.sh: Asterisk 16 with chan_sip in a Debian 11 of its own, out/chroot/asterisk; prints where it is. Debian 12 and 13 have no Asterisk, and later
# ones no chan_sip. Kept for the next time. Needs root and the network.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/out/chroot/asterisk
mkdir -p out/chroot
exec 9>out/chroot/asterisk.lock
flock 9
if [ ! -d "$root" ]; then
    base=$(scripts/base-system.sh bullseye)
    new=$root.new log=$root.log
    trap 'umount "$new/proc" 2>/dev/null || true; rm -rf --one-file-system "$new" "$log"' EXIT
    rm -rf --one-file-system "$new"
    mkdir "$new"
    tar --extract --file "$base" --directory "$new"
    chmod 755 "$new"
    mkdir -p "$new/proc" "$new/mnt"
    mount -t proc proc "$new/proc"
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d" # nothing is started
    chmod 755 "$new/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/try"
    cp /etc/resolv.conf "$new/etc/resolv.conf"
    echo "== installing Asterisk in a Debian 11 of its own" >&2
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$new" sh -c 'apt-get update && apt-get install -y --no-install-recommends asterisk && apt-get clean' >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; exit 1; }
    umount "$new/proc"
    mv "$new" "$root"
fi
echo "$root"
