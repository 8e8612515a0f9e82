#!/usr/bin/env bash
# Makes Debian packages in build/package: kvmem (the program), libkvmem0.1 and libkvmem-dev.
#
#   scripts/package.sh [--try]   --try: as root, installs, uses and purges them in a fresh Debian made by debootstrap
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

build=build/package

make_packages() {
    scripts/bootstrap.sh
    quietly cmake --preset release -B "$build" -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_PREFIX=/usr \
        -DCMAKE_INSTALL_LIBDIR=lib
    cmake --build "$build" --parallel "$jobs"
    rm -f "$build"/*.deb
    (cd "$build" && quietly cpack)
    ls -1 "$build"/*.deb
}

# Runs as another would: the program, and a program that is built against the library.
try_packages() {
    local root
    root=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory is known now
    trap "rm -rf '$root'" EXIT
    debootstrap --variant=minbase bookworm "$root" >"$build/debootstrap.log"
    cp "$build"/*.deb "$root/tmp/"
    cp apps/examples/07-store.cpp "$root/tmp/"
    chroot "$root" bash -euo pipefail <<'INSIDE'
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update </dev/null
apt-get -qq install -y --no-install-recommends /tmp/*.deb g++ pkg-config >/tmp/install.log 2>&1 </dev/null
cd /tmp
kvmem version --build
printf '%s\tcapital\t%s\n' Peru Lima Chile Santiago Japan Tokyo >facts.tsv
printf 'capital\twhat is the capital of {}\ttrain\n' >templates.tsv
kvmem import kb --facts facts.tsv --templates templates.tsv -o data.h5
test -s /usr/share/bash-completion/completions/kvmem
test -s /usr/share/man/man1/kvmem-ask.1 || test -s /usr/share/man/man1/kvmem-ask.1.gz
g++ -O1 07-store.cpp $(pkg-config --cflags --libs kvmem) -o store
./store
apt-get -qq purge -y kvmem libkvmem-dev 'libkvmem0*' >/dev/null 2>&1 </dev/null
[[ ! -e /usr/bin/kvmem ]]
left=$(find /usr /etc -path '*kvmem*' | head)
[[ -z $left ]] || { echo "left behind: $left" >&2; exit 1; }
INSIDE
    echo "package: installed, used and purged"
}

make_packages
if [[ ${1:-} == --try ]]; then try_packages; fi
