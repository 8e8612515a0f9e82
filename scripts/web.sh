#!/usr/bin/env bash
# Installs what the tests of the page of kvmem serve need from npm, as tests/web/package-lock.json says, into build/web.
# Where that cannot be it says so, and the tests do without. Chromium comes from Debian: scripts/bootstrap.sh --dev.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder=$PWD/build/web

without() { echo "web: $1: the page of kvmem serve is not tested in Chromium" >&2; exit 0; }

[[ -d $folder/node_modules/playwright-core ]] && exit
command -v npm >/dev/null || without "no npm here"
command -v chromium >/dev/null || without "no chromium here"
mkdir -p "$folder"
cp tests/web/package.json tests/web/package-lock.json "$folder"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund || without "npm cannot install it"
