#!/usr/bin/env bash
# container-engine.sh podman|docker BASE.tar CONTEXT: builds deploy/container/Containerfile by that engine upon a base system of debootstrap in place of the registry's,
# and runs the image as its README says, in a network of its own: healthy, its page answers, no privileges left, ends in order. Needs root and the network.
set -euo pipefail
name=$1 base=$2 context=$3
file=$(realpath "$(dirname "$0")/../deploy/container/Containerfile")
from=$(sed -n 's/^FROM \(docker[^ ]*\).*/\1/p' "$file" | sort -u)
store=$(mktemp -d)
container=
fail() { echo "container-engine: $name: $*" >&2; exit 1; }
end() {
    [ -z "$container" ] || engine rm --force "$container" >/dev/null 2>&1 || true
    finish
    rm -rf --one-file-system "$store"
}

# A store, and of Docker a daemon, of its own: nothing of what the machine's user keeps is touched, and no bridge or firewall is set up.
case $name in
podman)
    engine() { podman --root "$store/images" --runroot "$store/state" --cgroup-manager cgroupfs --runtime runc "$@"; }
    start() { :; }
    finish() {
        engine rmi --all --force >/dev/null 2>&1 || true
        umount "$store/images/overlay" 2>/dev/null || true
    }
    build=(--format docker --isolation chroot --pull=never)
    run=(--health-interval disable)
    healthy() { engine healthcheck run "$container" >/dev/null 2>&1; }
    ;;
docker)
    engine() { DOCKER_BUILDKIT=0 docker --config "$store/client" --host "unix://$store/socket" "$@"; }
    start() {
        mkdir "$store/etc" "$store/work"
        echo '{}' >"$store/daemon.json"
        # It leaves a key in /etc/docker, wherever the rest is.
        # shellcheck disable=SC2016
        unshare --mount sh -c 'mount -t overlay -o "lowerdir=/etc,upperdir=$0/etc,workdir=$0/work" overlay /etc && exec "$@"' "$store" \
            dockerd --config-file "$store/daemon.json" --host "unix://$store/socket" --data-root "$store/images" --exec-root "$store/state" \
            --pidfile "$store/pid" --bridge=none --iptables=false --ip-forward=false --ip-masq=false >"$store/daemon.log" 2>&1 &
        daemon=$!
        for _ in $(seq 150); do
            engine info >/dev/null 2>&1 && return
            kill -0 "$daemon" 2>/dev/null || break
            sleep 0.2
        done
        tail -n 20 "$store/daemon.log" >&2
        fail "the daemon does not start"
    }
    finish() { [ ! -f "$store/pid" ] || { kill "$daemon" && wait "$daemon"; } || true; }
    build=()
    run=(--health-interval 1s)
    healthy() { [ "$(engine inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; }
    ;;
*) echo "container-engine: no engine $name is known" >&2; exit 2 ;;
esac
trap end EXIT
start

limits=(--ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=8192:8192) # no more than this machine and Podman itself allow
trust=()
if [ -n "${NODE_EXTRA_CA_CERTS-}" ]; then # whom this machine trusts, for registries behind a proxy of its own
    cp "$base" "$store/base.tar"
    tar --append --dereference --file "$store/base.tar" --absolute-names --transform 's|.*|./etc/extra-ca.pem|' "$NODE_EXTRA_CA_CERTS"
    base=$store/base.tar trust=(--change "ENV NODE_EXTRA_CA_CERTS=/etc/extra-ca.pem")
fi
engine import "${trust[@]}" "$base" "$from" >"$store/log" 2>&1 || { tail -n 20 "$store/log" >&2; fail "the base system is not taken"; }
echo "$name $(engine version --format '{{.Client.Version}}'): building upon $from"
engine build "${build[@]}" --network host "${limits[@]}" --file "$file" --tag myturn "$context" >"$store/log" 2>&1 ||
    { tail -n 40 "$store/log" >&2; fail "the image does not build"; }
container=$(engine run --detach "${limits[@]}" --network none "${run[@]}" --read-only --cap-drop ALL --security-opt no-new-privileges myturn)
for _ in $(seq 100); do
    healthy && break
    [ "$(engine inspect --format '{{.State.Running}}' "$container")" = true ] || { engine logs "$container" >&2; fail "the server ended"; }
    sleep 0.2
done
healthy || { engine logs "$container" >&2; fail "the health check fails"; }
inside() { engine exec "$container" bash -c "$1"; }
inside 'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3 && grep -qi "<html" <&3' || fail "the page does not answer"
[ "$(inside 'id -un')" = myturn ] || fail "it runs as somebody else"
inside 'grep -q "^CapEff:[[:space:]]*0*$" /proc/1/status && grep -q "^NoNewPrivs:[[:space:]]*1" /proc/1/status' || fail "it keeps privileges"
inside 'grep -q "^[^ ]* / [^ ]* ro[, ]" /proc/mounts' || fail "its files can be written"
engine stop --time 10 "$container" >/dev/null 2>&1
status=$(engine inspect --format '{{.State.ExitCode}}' "$container")
[ "$status" = 0 ] || fail "the server ended with status $status"
echo "$name: built ($(engine image inspect --format '{{.Size}}' myturn | awk '{printf "%.0f MB", $1 / 1e6}')), healthy, its page answers, runs as user myturn without privileges, ends in order"
