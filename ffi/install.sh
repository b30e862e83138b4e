#!/usr/bin/env bash
# Builds liblooseroute and installs it with its headers and looseroute.pc.
#
#   ffi/install.sh PREFIX [PROFILE]      PROFILE as cargo's: release (the default), dev, sim
#
# DESTDIR is honoured. Nothing outside of $DESTDIR$PREFIX and cargo's target directory is touched.
set -euo pipefail

case "${1-}" in
/*) prefix=${1%/} ;;
*)
    echo "usage: ffi/install.sh /ABSOLUTE/PREFIX [PROFILE]" >&2
    exit 2
    ;;
esac
profile=${2-release}
cd "$(dirname "$0")/.."
"${CARGO:-cargo}" build --quiet -p looseroute-ffi --profile "$profile"

case $profile in
dev) built=${CARGO_TARGET_DIR:-target}/debug ;;
*) built=${CARGO_TARGET_DIR:-target}/$profile ;;
esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
to=${DESTDIR-}$prefix
mkdir -p "$to/lib/pkgconfig" "$to/include"
install -m 644 include/looseroute.h include/looseroute.hpp "$to/include/"
install -m 644 "$built/liblooseroute.a" "$to/lib/"
if [ "$(uname -s)" = Darwin ]; then
    install -m 755 "$built/liblooseroute.dylib" "$to/lib/liblooseroute.0.dylib"
    ln -sf liblooseroute.0.dylib "$to/lib/liblooseroute.dylib"
else
    # The number is the soname's (ffi/build.rs).
    install -m 755 "$built/liblooseroute.so" "$to/lib/liblooseroute.so.0"
    ln -sf liblooseroute.so.0 "$to/lib/liblooseroute.so"
fi
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" ffi/looseroute.pc.in \
    >"$to/lib/pkgconfig/looseroute.pc"
