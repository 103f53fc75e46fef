# Debian and Ubuntu packages by purpose, and the function that installs what is missing. Sourced, not run.
# shellcheck shell=bash disable=SC2034

packages_build="gcc libc6-dev meson ninja-build pkg-config python3 gettext
 libssl-dev libuv1-dev libhttp-parser-dev libcjson-dev libutf8proc-dev libinih-dev libseccomp-dev
 libglib2.0-dev libsoup-3.0-dev libjson-glib-dev libsofia-sip-ua-dev libsofia-sip-ua-glib-dev
 glib-networking libnice-dev libsrtp2-dev libusrsctp-dev libedit-dev libopus-dev libspeexdsp-dev libpulse-dev libcmocka-dev
 libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-pulseaudio"
packages_web="nodejs npm"
packages_gtk="libgtk-4-dev libgtk-4-bin libadwaita-1-dev desktop-file-utils librsvg2-common adwaita-icon-theme gstreamer1.0-plugins-base"
packages_demo="espeak-ng"
packages_test="gstreamer1.0-plugins-bad python3-pytest python3-pytest-xdist python3-pytest-timeout python3-numpy sip-tester baresip-core linphone-cli kamailio coturn nginx-light caddy nftables nodejs npm pulseaudio pulseaudio-utils
 xvfb xdotool dbus at-spi2-core python3-gi gir1.2-atspi-2.0 libglib2.0-bin imagemagick appstream desktop-file-utils fonts-cantarell
 debootstrap tcpdump tshark espeak-ng sox tmux iproute2 procps git curl openssl"
packages_browsers="chromium firefox-esr" # Ubuntu has them as snaps only: tests use what is there
packages_bench="debootstrap nginx python3-flask kamailio sip-tester nodejs npm baresip-core libasound2-plugins chromium pulseaudio pulseaudio-utils python3-numpy openssl iproute2 procps"
packages_package="debhelper dpkg-dev fakeroot lintian debootstrap git curl systemd"
packages_podman="podman runc"
packages_docker="docker.io docker-cli" # Debian 12 has the second in the first
packages_fuzz="clang llvm libclang-rt-dev"

# Installs the packages of the given lists that are not there yet; says what it does, and what to do if it cannot.
install_missing() {
    local missing=() name
    for name in $*; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && continue
        # A program of the same name that came another way serves as well.
        case $name in
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
        esac
        missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || {
        echo "These packages are needed and apt-get is not here to install them: ${missing[*]}" >&2
        return 1
    }
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Run as root, or install by hand: apt-get install ${missing[*]}" >&2; return 1; }
        sudo=(sudo)
    fi
    echo "Installing ${#missing[@]} packages: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "apt-get could not install the packages above; see its message." >&2
        return 1
    fi
    rm -f "$log"
}

# known NAMES: those of the packages that the distribution has.
known() {
    local name
    for name in $1; do
        if apt-cache show "$name" >/dev/null 2>&1 || dpkg-query -W "$name" >/dev/null 2>&1; then echo "$name"; fi
    done
}

# logged COMMAND …: runs it, and shows what it said only if it fails.
logged() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || { status=$?; tail -n 60 "$log" >&2; }
    rm -f "$log"
    return $status
}

# configure FOLDER [meson options]: once, that is. Warnings of a compiler that is newer than ours stop nobody.
configure() {
    [ -f "$1/build.ninja" ] || { echo "Configuring $1"; logged meson setup -Dwerror=false "$@"; }
}

# compile FOLDER [TARGET …]: without targets all of it.
compile() {
    echo "Building $1"
    logged ninja -C "$@"
}

# build FOLDER [meson options]: configures once, then compiles. Quiet when it goes well.
build() {
    configure "$@" && compile "$1"
}

# build_with_gtk: what ./run builds and the graphical client, also where it was configured before the client's packages were there.
build_with_gtk() {
    [ ! -f build/build.ninja ] || [ -e build/myturn-gtk ] || logged meson configure build -Dgtk=enabled || return
    build build --buildtype=release -Dtests=false -Dgtk=enabled
}

# build_web [all]: the page, into web/dist; installs what the lock file names if that is not there yet. all: what checks it, too.
build_web() {
    local log wanted=esbuild omit=--omit=dev
    [ "${1-}" != all ] || { wanted=eslint omit=--include=dev; }
    log=$(mktemp)
    echo "Building web/dist"
    if {
        { [ -d "web/node_modules/$wanted" ] && [ web/node_modules/.package-lock.json -nt web/package-lock.json ]; } ||
            npm ci --prefix web "$omit" --ignore-scripts --no-audit --no-fund
    } >"$log" 2>&1 && node web/build.mjs >>"$log" 2>&1; then
        rm -f "$log"
    else
        tail -n 30 "$log" >&2
        rm -f "$log"
        return 1
    fi
}
