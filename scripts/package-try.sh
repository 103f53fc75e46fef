#!/usr/bin/env bash
# package-try.sh FOLDER: unpacks the packages of FOLDER beside the system and looks whether all is where it belongs and works from there.
set -euo pipefail
folder=$1
root=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$root"' EXIT
say() { echo "   $*"; }
fail() { echo "package-try: $*" >&2; exit 1; }

for deb in "$folder"/*.deb; do
    case $deb in *-dbgsym_*) continue ;; esac
    dpkg-deb --extract "$deb" "$root"
done
for file in usr/bin/myturnd usr/share/man/man1/myturnd.1.gz usr/share/man/man5/myturnd.conf.5.gz etc/myturnd.conf \
    usr/lib/sysusers.d/myturnd.conf; do
    [ -e "$root/$file" ] || fail "$file is missing"
done
unit=$(find "$root" -name myturnd.service)
[ -n "$unit" ] || fail "the unit is missing"
for name in $(sed -n 's/^User=//p' "$unit"); do
    grep -q "^u $name " "$root/usr/lib/sysusers.d/myturnd.conf" || fail "the unit's user $name is not made"
done
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify --man=no --root="$root" "$unit" 2>&1 | grep -i 'myturnd.service:.*\(unknown\|invalid\|failed\)' && fail "the unit has errors"
    say "unit: exposure $(systemd-analyze security --offline=yes "$unit" 2>/dev/null | tail -n 1 | grep -o '[0-9.]* [A-Z]*' | head -n 1)"
fi
if [ -e "$root/usr/bin/myturn" ]; then
    library=$(dirname "$(find "$root" -name 'libmyturn.so.0')")
    LD_LIBRARY_PATH=$library "$root/usr/bin/myturn" --version
    PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs libmyturn >"$root/flags"
    printf '#include <myturn/myturn.h>\nint main(void) { return myturn_state_str(MYTURN_IDLE)[0] == 0; }\n' >"$root/one.c"
    # shellcheck disable=SC2046
    gcc "$root/one.c" -o "$root/one" $(cat "$root/flags") && LD_LIBRARY_PATH=$library "$root/one" || fail "a program with libmyturn does not build or run"
    say "a program builds with pkg-config and runs"
fi
# The unit's command, from there; free ports over the configuration's.
sed "s|/usr/share/myturn|$root/usr/share/myturn|" "$root/etc/myturnd.conf" >"$root/myturnd.conf"
command=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s|/usr/bin/myturnd|$root/usr/bin/myturnd|; s|/etc/myturnd.conf|$root/myturnd.conf|; s|\$MYTURND_OPTIONS||; s|--sandbox require|--sandbox try|")
$command --http 127.0.0.1:0 --sip 127.0.0.1:0 >"$root/ready" 2>"$root/log" &
pid=$!
for _ in $(seq 100); do grep -q '^ready' "$root/ready" && break; sleep 0.1; done
url=http://$(sed -n 's/^ready http=\([^ ]*\).*/\1/p' "$root/ready")
curl --silent --fail --max-time 10 "$url/healthz" >/dev/null || { cat "$root/log" >&2; fail "the server does not answer"; }
if [ -d "$root/usr/share/myturn/web" ]; then
    curl --silent --fail --max-time 10 "$url/" | grep -qi '<html' || fail "the page does not answer"
    say "the server and its page answer"
else
    say "the server answers; there is no page in these packages"
fi
kill "$pid"
wait "$pid" || fail "the server ended with status $?"
pid=
