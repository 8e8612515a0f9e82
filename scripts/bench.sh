#!/usr/bin/env bash
# Compares kvmem's attention with its peers in one run, on pinned cores, and prints the table (tests/bench/README.md):
#
#   scripts/bench.sh attention [--quick] [--threads 1,2] [--only REGEX] [--out DIR] [--install-peers]
#
# --quick: fewer rounds, and the large sizes a quarter; --only: the cases whose name the expression finds; --out: where
# attention.md and attention.json go (build/bench). Peers that are not installed are left out; --install-peers installs
# them: libtorch, oneDNN and OpenBLAS from Debian, onnxruntime-node from npm into build/bench-peers.
#   scripts/bench.sh recurrent [the same options]
#
# LSTM and GRU layers beside their peers: recurrent.md and recurrent.json.
#   scripts/bench.sh decode [the same options]
#
# Greedy and beam search of a Transformer, and a language model's tokens: decode.md and decode.json.
#   scripts/bench.sh training [the same options]
#
# Steps of training, those of attention among them: training.md and training.json.
#   scripts/bench.sh store [--quick] [--threads '1 2'] [--only exact|approximate] [--install-peers]
#
# The store of vectors beside FAISS and hnswlib, with recall beside speed; --install-peers installs them from Debian.
#   scripts/bench.sh documents [--install-peers] PATH...
#
# Questions to documents beside SQLite's FTS5 and Xapian: files of SQuAD's layout, or folders, whose headings are asked.
#   scripts/bench.sh training-scale DATA... [--models NAME...] [--seconds 5] [--rounds 3] [--threads 0]
#
# Examples a second of training on data sets of several sizes, the smallest first, with how long and how much memory the
# start takes.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(libtorch-dev libdnnl-dev libopenblas-openmp-dev)
peers=$PWD/build/bench-peers
built=build/bench/tests/bench

usage() {
    sed -n '2,27s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

install_peers() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${packages[@]}"
    scripts/onnxruntime.sh
}

# The options --contestant of the driver: kvmem first, then whatever there is.
contestants() {
    local program
    echo --contestant "$PWD/$built/contestants/kvmem"
    for program in "$built"/contestants/*; do
        [[ $program == */kvmem ]] || echo --contestant "$PWD/$program"
    done
    if [[ -d $peers/node_modules/onnxruntime-node ]]; then
        echo --contestant "node $PWD/tests/bench/onnxruntime.mjs"
    fi
}

bench_store() {
    local as_root=() options=()
    ((EUID == 0)) || as_root=(sudo)
    while (($# > 0)); do
        case $1 in
        --quick) options+=("$1") ;;
        --threads | --only)
            # shellcheck disable=SC2206 # "1 2" are two values
            options+=("$1" ${2:?"$1 needs a value"}) && shift
            ;;
        --install-peers)
            "${as_root[@]}" apt-get -qq install -y --no-install-recommends libfaiss-dev libhnswlib-dev \
                libopenblas-openmp-dev dataset-fashion-mnist
            ;;
        *) usage ;;
        esac
        shift
    done
    scripts/bootstrap.sh
    build bench bench_store >&2
    "$built/bench_store" "${options[@]}"
}

bench_documents() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    if [[ ${1:-} == --install-peers ]]; then
        "${as_root[@]}" apt-get -qq install -y --no-install-recommends libsqlite3-dev libxapian-dev
        shift
    fi
    (($# > 0)) || usage
    scripts/bootstrap.sh
    build bench bench_documents >&2
    "$built/bench_documents" "$@"
}

if [[ ${1:-} == store ]]; then
    bench_store "${@:2}"
    exit
fi
if [[ ${1:-} == documents ]]; then
    bench_documents "${@:2}"
    exit
fi
if [[ ${1:-} == training-scale ]]; then
    (($# > 1)) || usage
    scripts/bootstrap.sh
    build bench bench_training_scale >&2
    exec "$built/bench_training_scale" "${@:2}"
fi
[[ ${1:-} =~ ^(attention|recurrent|decode|training)$ ]] || usage
options=(--jobs "$1")
shift
out=build/bench
while (($# > 0)); do
    case $1 in
    --quick) options+=("$1") ;;
    --out) out=${2:?"--out needs a folder"} && shift ;;
    --threads | --only) options+=("$1" "${2:?"$1 needs a value"}") && shift ;;
    --install-peers) install_peers ;;
    *) usage ;;
    esac
    shift
done

scripts/bootstrap.sh
build bench bench_driver contestants >&2
while read -r option command; do options+=("$option" "$command"); done < <(contestants)
KVMEM_BENCH_PEERS=$peers "$built/bench_driver" --out "$out" "${options[@]}"
