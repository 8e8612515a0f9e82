#!/usr/bin/env bash
# Writes what --help says of every verb and model into apps/README.md, behind its heading "Every option". With --check,
# only compares.
#
#   scripts/cheatsheet.sh [--check] [PROGRAM]   PROGRAM: default build/release/apps/kvmem
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

check=no
if [[ ${1:-} == --check ]]; then
    check=yes
    shift
fi
kvmem=${1:-build/release/apps/kvmem}
page=apps/README.md

help_of() { "$kvmem" "$@" --help | sed 's/ *$//'; }
verbs() { "$kvmem" --help | awk '/^  / { print $1 }'; }
# The program lists its models when there is none of a name.
models() { { "$kvmem" train --model . 2>&1 || true; } | sed -n 's/.*expected one of \(.*\), got.*/\1/p' | tr -d ','; }

# shellcheck disable=SC2016 # the backticks are Markdown's
section() { printf '\n### %s\n\n```\n%s\n```\n' "$1" "$2"; }

generate() {
    local verb model
    sed '/^## Every option/q' "$page"
    for verb in $(verbs); do section "kvmem $verb" "$(help_of "$verb")"; done
    for verb in "import pairs" "import text" "import weights" "import hdf5" "import events" "import sentences" "import documents" "synth pairs" "synth shop"; do
        section "kvmem $verb" "$(help_of "${verb% *}" "${verb#* }")"
    done
    for model in $(models); do
        section "kvmem train --model $model" "$(help_of train --model "$model" | sed -n '/^Options of /,$p')"
    done
}

generated=$(generate)
if [[ $check == yes ]]; then
    diff -u "$page" - <<<"$generated" || { echo "error: $page is old; scripts/cheatsheet.sh makes it anew" >&2; exit 1; }
else
    printf '%s\n' "$generated" >"$page"
fi
