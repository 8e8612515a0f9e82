#!/usr/bin/env bash
# From a fresh clone to a trained memory network that answers questions: a few minutes the first time, seconds
# when run again, because whatever is already there is used. Everything it makes is in build/.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kvmem=build/release/apps/kvmem
work=build/quickstart
data=$work/almanac.h5
run=$work/run
almanac=datasets/almanac
facts=("$almanac"/{films,countries,elements}.tsv)
templates=$almanac/templates.tsv
questions=(
    "what is the capital of Peru"
    "which films did David Fincher direct"
    "what is the currency of the country whose capital is Lima"
    "which films share a director with Fight Club"
)

heading() { printf '\n== %s\n' "$*"; }

build_program() {
    scripts/bootstrap.sh
    build release kvmem_program
}

# is_newer FILE SOURCE...: FILE is there and no SOURCE was changed after it was made.
is_newer() {
    local file=$1 source
    shift
    [[ -e $file ]] || return
    for source in "$@"; do
        [[ ! $source -nt $file ]] || return
    done
}

import_data() {
    if is_newer "$data" "${facts[@]}" "$templates"; then
        echo "$data is up to date"
    else
        mkdir -p "$work"
        "$kvmem" import kb --facts "${facts[@]}" --templates "$templates" --valid-fraction 0.1 --title Almanac \
            --source "vega-datasets, countries-list, periodic-table (npm)" --license "BSD-3-Clause, MIT, ISC" \
            --output "$data"
    fi
    "$kvmem" inspect "$data"
}

# results.json is written when training has come to its end.
train_model() {
    if is_newer "$run/results.json" "$data"; then
        echo "$run is trained"
    else
        rm -rf "$run"
        "$kvmem" train "$data" --model path-reader --run "$run"
    fi
}

ask_questions() {
    local question
    for question in "${questions[@]}"; do
        printf '\n$ kvmem ask %s "%s"\n' "$run" "$question"
        "$kvmem" ask "$run" "$question"
    done
}

main() {
    heading "Build the kvmem program"
    build_program
    heading "Turn facts and question templates into a data set: $data"
    import_data
    heading "Train a network on it that follows facts, hop by hop: $run"
    train_model
    heading "Ask it the questions of the test split, which it has never seen"
    "$kvmem" evaluate "$run" --split test
    heading "Ask it anything"
    ask_questions
    printf '\nGo on: %s ask %s\n' "$kvmem" "$run"
}

main "$@"
