#!/usr/bin/env bash
# Installs onnxruntime-node from npm into build/bench-peers, where the tests of exported graphs and scripts/bench.sh look for it.
# Where that cannot be it says so, and the tests do without.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

peers=$PWD/build/bench-peers

without() { echo "onnxruntime: $1: exported graphs are not run in ONNX Runtime" >&2; exit 0; }

[[ -d $peers/node_modules/onnxruntime-node ]] && exit
command -v npm >/dev/null || without "no npm here"
mkdir -p "$peers"
# Its script would only fetch the library for graphics processors.
npm install --prefix "$peers" --ignore-scripts --no-save --no-audit --no-fund onnxruntime-node@1.30 || without "npm cannot install it"
