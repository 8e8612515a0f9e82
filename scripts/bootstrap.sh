#!/usr/bin/env bash
# Installs on Debian 12 what kvmem is built from. Does nothing, and asks nobody, when all of it is there.
#
#   scripts/bootstrap.sh          to build, test and run kvmem
#   scripts/bootstrap.sh --dev    also to work on it: clang and its tools, h5py, ccache, valgrind, chromium, Python's headers
#   scripts/bootstrap.sh --docs   also to make the reference: doxygen
#   scripts/bootstrap.sh --mpi    also to train on several machines: Open MPI and Boost.MPI, for -DKVMEM_MPI=ON
#
# KVMEM_SKIP_BOOTSTRAP=1 skips it: for machines where the libraries are installed in other ways.
set -Eeuo pipefail
trap 'echo "bootstrap: error: line $LINENO failed: $BASH_COMMAND" >&2' ERR

packages=(g++ cmake ninja-build libboost1.81-dev libboost-json1.81-dev libboost-program-options1.81-dev
    libeigen3-dev libhdf5-dev zlib1g-dev libtbb-dev libxxhash-dev libutf8proc-dev libicu-dev
    libgumbo-dev libmd4c-dev libstemmer-dev libedit-dev catch2)
dev_packages=(clang clang-format clang-tidy libclang-rt-14-dev llvm python3-h5py ccache valgrind shellcheck chromium
    pybind11-dev python3-dev python3-pytest python3-numpy python3-hypothesis mypy)
docs_packages=(doxygen)
mpi_packages=(libboost-mpi1.81-dev openmpi-bin)

say() { echo "bootstrap: $*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# The arguments that are not installed, one a line.
missing_of() {
    local package
    for package in "$@"; do
        is_installed "$package" || echo "$package"
    done
}

require_debian() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && return
    fail "there is no apt-get here. Install by hand g++ >= 12 or clang >= 14, CMake >= 3.25, Ninja, Boost >= 1.81" \
        "(JSON, Program_options), Eigen 3.4, HDF5 >= 1.10 (C), zlib, oneTBB >= 2021, xxHash, ICU, utf8proc, gumbo, md4c, libstemmer, and if you like a" \
        "serial libedit and (for the tests) Catch2 2.13; then run this again with KVMEM_SKIP_BOOTSTRAP=1"
}

# Sets `as_root`: what goes before a command that root must run.
require_root() {
    as_root=()
    ((EUID == 0)) && return
    command -v sudo >/dev/null || fail "installing needs root, and there is no sudo. As root, run: apt-get install $*"
    as_root=(sudo)
}

# Debian lets one version of Boost's development files be installed at a time.
require_no_other_boost() {
    local other
    [[ " $* " == *" libboost1.81-dev "* ]] || return 0
    # All packages, not 'libboost*-dev': dpkg-query fails when a pattern fits none, as on a fresh machine.
    other=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
        sed -n 's/^installed \(libboost[0-9]*\.[0-9]*-dev\)$/\1/p' | { grep -v '^libboost1.81-dev$' || true; })
    [[ -z $other ]] || fail "kvmem needs libboost1.81-dev, and Debian does not install it beside $other." \
        "If nothing else here needs that: apt-get remove $other, then run this again." \
        "Or have Boost >= 1.81 elsewhere, set CMAKE_PREFIX_PATH to it, and KVMEM_SKIP_BOOTSTRAP=1"
}

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >&2; }

# Whether apt knows all of them from lists it already has.
are_known() { apt-cache show -- "$@" >/dev/null 2>&1; }

install() {
    say "installing $*"
    if are_known "$@" && apt install -y --no-install-recommends "$@"; then return; fi
    apt update || say "apt-get update failed: is there a network?"
    are_known "$@" || fail "apt does not know all of: $*. Is there a network, and is this Debian 12 (bookworm) or later?" \
        "Libraries from elsewhere do as well: then set KVMEM_SKIP_BOOTSTRAP=1"
    apt install -y --no-install-recommends "$@" || fail "apt-get could not install: $*. What it said is above; is there a network?"
}

# require_version NAME LEAST FOUND
require_version() {
    [[ $(printf '%s\n' "$2" "$3" | sort -V | head -n 1) == "$2" ]] ||
        fail "$1 is ${3:-not in PATH}, and kvmem needs $2 or later; Debian 12 has it in /usr/bin. ${4:-}"
}

check_versions() {
    require_version g++ 12 "$("${CXX:-g++}" -dumpversion 2>/dev/null || true)" "Name another compiler with CXX=..."
    require_version cmake 3.25 "$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')"
}

main() {
    [[ ${KVMEM_SKIP_BOOTSTRAP:-} == 1 ]] && return
    local option missing
    for option in "$@"; do
        case $option in
        --dev) packages+=("${dev_packages[@]}") ;;
        --docs) packages+=("${docs_packages[@]}") ;;
        --mpi) packages+=("${mpi_packages[@]}") ;;
        *) fail "unknown option $option (there are --dev, --docs and --mpi)" ;;
        esac
    done

    require_debian
    mapfile -t missing < <(missing_of "${packages[@]}")
    if ((${#missing[@]} > 0)); then
        require_no_other_boost "${missing[@]}"
        require_root "${missing[@]}"
        install "${missing[@]}"
        say "installed"
    fi
    check_versions
}

main "$@"
