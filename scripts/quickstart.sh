#!/usr/bin/env bash
# From a fresh clone to a memory network that answers questions, to one that turns dates in words into ISO dates, and to
# one that recommends what a customer buys next, with the purchases that this rests on: a few minutes the first time,
# seconds when run again, because whatever is already there is used. Everything it makes is in build/.
#
#   scripts/quickstart.sh             facts, dates in words, and a shop
#   scripts/quickstart.sh documents   the almanac in prose: asked without training, and by a network that reads it
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi

kvmem=build/release/apps/kvmem
work=build/quickstart
data=$work/almanac.h5
run=$work/run
dates=$work/dates
dates_run=$work/dates-run
shop=$work/shop.h5
shop_run=$work/shop-run
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
        "$kvmem" import kb --facts "${facts[@]}" --templates "$templates" --title Almanac \
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
        "$kvmem" train "$data" --run "$run"
    fi
}

ask_questions() {
    local question
    for question in "${questions[@]}"; do
        printf '\n$ kvmem ask %s "%s"\n' "$run" "$question"
        "$kvmem" ask "$run" "$question"
    done
}

# A second network turns dates in words into ISO dates, one symbol after the other.
learn_dates() {
    if ! is_newer "$dates/pairs.h5"; then "$kvmem" synth pairs --task dates --output "$dates"; fi
    if is_newer "$dates_run/results.json" "$dates/pairs.h5"; then
        echo "$dates_run is trained"
    else
        rm -rf "$dates_run"
        "$kvmem" train "$dates/pairs.h5" --run "$dates_run" --model seq2seq --width 64 --embedding 32 --epochs 4 \
            --batch 32 --rate 0.005 --dropout 0.1 --label-smoothing 0
    fi
    "$kvmem" evaluate "$dates_run" --split test
    printf '\n$ kvmem align %s "%s"\n' "$dates_run" "the 5th of March, 2016"
    "$kvmem" align "$dates_run" "the 5th of March, 2016"
}

# A third network learns from the purchases of a shop that is made up, whose best reachable figures are known.
learn_shop() {
    if ! is_newer "$shop"; then
        "$kvmem" synth shop --users 400 --items 200 --off sessions --targets buy --output "$shop"
    fi
    if is_newer "$shop_run/results.json" "$shop"; then
        echo "$shop_run is trained"
    else
        rm -rf "$shop_run"
        "$kvmem" train "$shop" --run "$shop_run" --model sequence-memory --epochs 6 \
            --batch 8 --rate 0.005
    fi
    "$kvmem" evaluate "$shop_run"
    printf '\n$ kvmem recommend %s --user user-7 --k 3 --explain\n' "$shop_run"
    "$kvmem" recommend "$shop_run" --user user-7 --k 3 --explain
}

# Answers from documents on films, elements and countries without training, then by a network that reads them.
read_documents() {
    local prose=("$almanac"/prose/{films,elements,countries}.tsv) question
    local notes=$work/notes.h5 reading=$work/prose.h5 reading_run=$work/prose-run
    heading "Ask documents without training: $notes"
    mkdir -p "$work"
    "$kvmem" import documents "${prose[@]}" --output "$notes"
    for question in "what is the capital of Peru" "when was fluorine isolated" "who directed Fight Club"; do
        printf '\n$ kvmem ask %s "%s"\n' "$notes" "$question"
        "$kvmem" ask "$notes" "$question" --answers 1
    done
    heading "Read documents into a memory, with the questions that they answer: $reading"
    if ! is_newer "$reading" "${prose[@]}" "${facts[@]}" "$templates"; then
        "$kvmem" import kb --facts "${facts[@]}" --templates "$templates" --documents "${prose[@]}" --stated --window 15 \
            --title "The almanac in prose" --source "see datasets/almanac/prose/README.md" \
            --license "CC-BY-SA-4.0, public domain, WordNet 3.0" \
            --output "$reading" 2> >(grep -v ^warning >&2)
    fi
    heading "Train a network that points at mentions: $reading_run"
    if ! is_newer "$reading_run/results.json" "$reading"; then
        rm -rf "$reading_run"
        "$kvmem" train "$reading" --run "$reading_run" --epochs 3
    fi
    "$kvmem" evaluate "$reading_run" --split test
    for question in "who directed 12 Angry Men" "which films did David Fincher direct" "what is the capital of Peru"; do
        printf '\n$ kvmem ask %s "%s"\n' "$reading_run" "$question"
        "$kvmem" ask "$reading_run" "$question"
    done
}

main() {
    heading "Build the kvmem program"
    build_program
    if [[ ${1:-} == documents ]]; then
        read_documents
        return
    fi
    heading "Turn facts and question templates into a data set: $data"
    import_data
    heading "Train a network on it that follows facts, hop by hop: $run"
    train_model
    heading "Ask it the questions of the test split, which it has never seen"
    "$kvmem" evaluate "$run" --split test
    heading "Ask it anything"
    ask_questions
    heading "Turn dates in words into ISO dates, and show what each symbol was read from: $dates_run"
    learn_dates
    heading "Recommend what a customer of a shop buys next, with the purchases that it rests on: $shop_run"
    learn_shop
    printf '\nGo on: %s ask %s\n       %s translate %s\n       %s recommend %s item-3 item-5\n' \
        "$kvmem" "$run" "$kvmem" "$dates_run" "$kvmem" "$shop_run"
    printf 'In a browser: %s serve %s %s %s    (then open http://localhost:8080/)\n' "$kvmem" "$run" "$dates_run" "$shop_run"
}

main "$@"
