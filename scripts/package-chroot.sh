#!/usr/bin/env bash
# package-chroot.sh SUITE DEBS|SOURCES: in a clean Debian the packages are installed, started by the unit's ExecStart as the unit's user, asked for the page, upgraded,
# removed and purged. No systemd runs in there. Given a folder of sources they are built first, in another clean one. Needs root and the network.
set -euo pipefail
suite=$1 given=$(realpath "$2")
cd "$(dirname "$0")/.."
base=$(scripts/base-system.sh "$suite")
build=$(mktemp -d) clean=$(mktemp -d)
say() { echo "== $*"; }
fail() { echo "package-chroot: $*" >&2; exit 1; }
end() {
    local root
    for root in "$build" "$clean"; do
        [ ! -f "$root/run/myturnd.pid" ] || kill "$(cat "$root/run/myturnd.pid")" 2>/dev/null || true
        umount "$root/proc" 2>/dev/null || true
        rm -rf --one-file-system "$root"
    done
}
trap end EXIT
inside() { # ROOT COMMAND…
    local root=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
quietly() { "$@" >"$build.log" 2>&1 || { tail -n 40 "$build.log" >&2; fail "failed: $*"; }; }

prepare() { # ROOT
    tar --extract --file "$base" --directory "$1"
    chmod 755 "$1" # its root is passed through by the server's user
    mkdir -p "$1/proc" "$1/sys"
    mount -t proc proc "$1/proc"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/try" # it is thrown away afterwards
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    quietly inside "$1" apt-get update
}
# next_version DEB INTO: the same package under a later version
next_version() {
    local work
    work=$(mktemp -d)
    dpkg-deb --raw-extract "$1" "$work"
    sed -i "s/^Version: .*/&+next/; s/(= [^)]*/&+next/g" "$work/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$work" "$2" >/dev/null
    rm -rf "$work"
}

prepare "$clean"
mkdir "$clean/old" "$clean/new"
if [ -f "$given/debian/control" ]; then
    prepare "$build"
    profiles=${MT_PROFILES-}
    say "building in $suite${profiles:+ ($profiles)}"
    cp -r "$given" "$build/myturn"
    quietly inside "$build" apt-get install -y --no-install-recommends build-essential
    quietly inside "$build" env DEB_BUILD_PROFILES="$profiles" apt-get build-dep -y --no-install-recommends ./myturn
    quietly inside "$build" sh -c "cd /myturn && DEB_BUILD_PROFILES='$profiles' dpkg-buildpackage -b -us -uc -j2"
    given=$build
fi
cp "$given"/*.deb "$clean/old/"
rm -f "$clean"/old/*dbgsym*
for deb in "$clean"/old/*.deb; do next_version "$deb" "$clean/new/"; done

begin() { # starts what the unit starts, as its user, and asks it
    local command user
    command=$(sed -n 's/^ExecStart=//p' "$clean"/lib/systemd/system/myturnd.service "$clean"/usr/lib/systemd/system/myturnd.service 2>/dev/null | head -n 1)
    user=$(sed -n 's/^User=//p' "$clean"/lib/systemd/system/myturnd.service "$clean"/usr/lib/systemd/system/myturnd.service 2>/dev/null | head -n 1)
    inside "$clean" getent passwd "$user" >/dev/null || fail "there is no user $user"
    # exec, so that the number kept is the server's own and not a shell's around it
    # shellcheck disable=SC2086
    (exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$clean" setpriv --reuid "$user" --regid "$user" --clear-groups ${command/\$MYTURND_OPTIONS/} --http 127.0.0.1:0 --sip 127.0.0.1:0 \
        >"$clean/run/try-ready" 2>"$clean/run/try-log") &
    echo $! >"$clean/run/myturnd.pid"
    for _ in $(seq 100); do grep -q '^ready' "$clean/run/try-ready" && break; sleep 0.1; done
    local url
    url=http://$(sed -n 's/^ready http=\([^ ]*\).*/\1/p' "$clean/run/try-ready")
    curl --silent --fail --max-time 10 "$url/healthz" >/dev/null || { cat "$clean/run/try-log" >&2; fail "the server does not answer"; }
    if [ -d "$clean/usr/share/myturn/web" ]; then
        curl --silent --fail --max-time 10 "$url/" | grep -qi '<html' || fail "the page does not answer"
    fi
    say "version $(inside "$clean" myturnd --version), $(inside "$clean" dpkg-query -W -f '${Version}' myturnd) answers as user $user"
}
finish() {
    local pid
    pid=$(cat "$clean/run/myturnd.pid")
    rm "$clean/run/myturnd.pid"
    kill "$pid"
    wait "$pid" || fail "the server ended with status $?"
}

say "installing"
inside "$clean" sh -c 'find / -xdev -path /proc -prune -o -print | sort' >"$build/before"
quietly inside "$clean" sh -c 'apt-get install -y --no-install-recommends /old/*.deb'
inside "$clean" dpkg --audit | grep . && fail "dpkg is not content"
begin
[ ! -x "$clean/usr/bin/myturn" ] || inside "$clean" myturn --version
say "upgrading; the configuration was changed by the operator and stays"
echo '; mine' >>"$clean/etc/myturnd.conf"
quietly inside "$clean" sh -c 'apt-get install -y --no-install-recommends /new/*.deb'
grep -q '; mine' "$clean/etc/myturnd.conf" || fail "the upgrade took the operator's configuration"
finish
begin
finish
say "removing and purging"
quietly inside "$clean" apt-get remove -y myturnd
[ -f "$clean/etc/myturnd.conf" ] || fail "remove took the configuration"
quietly inside "$clean" sh -c "dpkg-query -W -f '\${Package}\n' | grep -i myturn | xargs apt-get purge -y"
left=$(find "$clean" -xdev \( -iname '*myturn*' -o -path "$clean/proc" -prune \) -a ! -path "$clean/proc" -a ! -path "$clean/old/*" -a ! -path "$clean/new/*" \
    -a ! -path '*/var/log/*' -a ! -path '*/var/cache/apt/*' -print)
[ -z "$left" ] || fail "left after purge: $left"
say "$suite: installed, answered, upgraded, purged"
