#!/usr/bin/env bash
# Makes the tables of datasets/almanac again from the npm packages that they come from, or checks what is there.
#
#   scripts/make-almanac.sh           download the packages (npm's registry), write the tables, check everything
#   scripts/make-almanac.sh --check   only check the committed files; needs no network
#
# Versions and their checksums are pinned, so running it twice gives the same bytes. Needs node 18+, npm and tar.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/npm.sh
source "$root/scripts/npm.sh"
out=$root/datasets/almanac

packages=(
    "vega-datasets@3.2.1 sha512-lTSwZA6yq6qSU2YZm+6bqILiIvTPPxn4itir7jPGFmHIdPvUfQ9pCzzcrklYywMJgLUbaIeSkZQdiJd6wBxPug=="
    "countries-list@3.4.1 sha512-sKLGAZD5EAdzQwQ19vOp/9u33MTjmZ0CkdXPYtp/An6cyIlJ/E8TwGf2FcPe1AnzHO+h7nbTfoHyXIi58Hpa+Q=="
    "periodic-table@0.0.8 sha512-6UyOC7CwfV+vtNc13/eQ71m+u+A9jrrkYpuTMZqZOxwDpgX6KRtEJVYnMxwS23YdI/VOVzAomrXzcc5iixTuzg=="
)

case ${1-} in
    '') ;;
    --check) exec node "$root/scripts/check-almanac.mjs" "$out" ;;
    *) echo "usage: scripts/make-almanac.sh [--check]" >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in "${packages[@]}"; do
    # shellcheck disable=SC2086  # a name and a checksum
    fetch $package
done
node "$root/scripts/make-almanac.mjs" "$work" "$out"
node "$root/scripts/check-almanac.mjs" "$out"
