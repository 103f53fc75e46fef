#!/usr/bin/env bash
# container-podman.sh BASE.tar CONTEXT: builds deploy/container/Containerfile by Podman upon a base system of debootstrap in place of the registry's, and runs the
# image as its README says, in a network of its own: healthy, its page answers, no privileges left, ends in order. Needs root and the network.
set -euo pipefail
base=$1 context=$2
file=$(realpath "$(dirname "$0")/../deploy/container/Containerfile")
from=$(sed -n 's/^FROM \(docker[^ ]*\).*/\1/p' "$file" | sort -u)
store=$(mktemp -d)
container=
# A store of its own: nothing of what the machine's user keeps is touched.
engine() { podman --root "$store/images" --runroot "$store/state" --cgroup-manager cgroupfs --runtime runc "$@"; }
fail() { echo "container-podman: $*" >&2; exit 1; }
end() {
    [ -z "$container" ] || engine rm --force --time 2 "$container" >/dev/null 2>&1 || true
    engine rmi --all --force >/dev/null 2>&1 || true
    umount "$store/images/overlay" 2>/dev/null || true
    rm -rf --one-file-system "$store"
}
trap end EXIT

limits=(--ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" --ulimit nproc=8192:8192) # no more than this machine and Podman itself allow
trust=()
[ -z "${NODE_EXTRA_CA_CERTS-}" ] || trust=(--volume "$NODE_EXTRA_CA_CERTS:/run/extra-ca.pem:ro" --env NODE_EXTRA_CA_CERTS=/run/extra-ca.pem)
engine import "$base" "$from" >/dev/null 2>&1
echo "podman $(podman --version | cut -d ' ' -f 3): building upon $from"
engine build --format docker --isolation chroot --network host --pull=never "${limits[@]}" "${trust[@]}" --file "$file" --tag myturn "$context" >"$store/log" 2>&1 ||
    { tail -n 40 "$store/log" >&2; fail "the image does not build"; }
container=$(engine run --detach "${limits[@]}" --network none --health-interval disable --read-only --cap-drop ALL --security-opt no-new-privileges myturn)
for _ in $(seq 50); do
    engine healthcheck run "$container" >/dev/null 2>&1 && break
    [ "$(engine inspect --format '{{.State.Running}}' "$container")" = true ] || { engine logs "$container" >&2; fail "the server ended"; }
    sleep 0.2
done
engine healthcheck run "$container" >/dev/null || { engine logs "$container" >&2; fail "the health check fails"; }
inside() { engine exec "$container" bash -c "$1"; }
inside 'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3 && grep -qi "<html" <&3' || fail "the page does not answer"
[ "$(inside 'id -un')" = myturn ] || fail "it runs as somebody else"
inside 'grep -q "^CapEff:[[:space:]]*0*$" /proc/1/status && grep -q "^NoNewPrivs:[[:space:]]*1" /proc/1/status' || fail "it keeps privileges"
engine stop --time 10 "$container" >/dev/null 2>&1
status=$(engine inspect --format '{{.State.ExitCode}}' "$container")
[ "$status" = 0 ] || fail "the server ended with status $status"
echo "podman: built ($(engine image inspect --format '{{.Size}}' myturn | awk '{printf "%.0f MB", $1 / 1e6}')), healthy, its page answers, runs as user myturn without privileges, ends in order"
