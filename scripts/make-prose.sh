#!/usr/bin/env bash
# Makes elements.tsv and countries.tsv of datasets/almanac/prose again from Debian's packages dict-elements and
# wordnet-base, whose versions are those of Debian 12. Needs apt-get, dpkg-deb and node 18+.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if (($#)); then
    sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]] && exit
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -q dict-elements=20001107-a-9.1 wordnet-base=1:3.0-37
for package in *.deb; do dpkg-deb -x "$package" unpacked; done
node "$root/scripts/make-prose.mjs" unpacked "$root/datasets/almanac"
