#!/bin/sh
# Run by meson at installation: the page for browsers, where it has been built (web/build.mjs).
set -eu
from="$MESON_SOURCE_ROOT/web/dist"
to="$MESON_INSTALL_DESTDIR_PREFIX/$1"
[ -f "$from/index.html" ] || { echo "web/dist is not built: no page for browsers is installed"; exit 0; }
rm -rf "$to"
mkdir -p "$to"
cp -R "$from/." "$to/"
