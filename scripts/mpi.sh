#!/usr/bin/env bash
# Programs on several ranks of this machine, as tests start them.
#
#   scripts/mpi.sh RANKS PROGRAM [ARGUMENT...]     runs it; mpirun has the options that ranks on shared cores need
#   scripts/mpi.sh --test RANK_PROGRAM KVMEM       the tests of kvmem_mpi_rank and of `mpirun kvmem train`
set -euo pipefail

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Ranks share cores: none is bound to one, and waiting ranks yield. Without a network, messages go through memory.
run() {
    local ranks=$1
    shift
    mpirun -q -n "$ranks" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1 --mca btl self,vader "$@"
}

fail() {
    echo "mpi: error: $*" >&2
    exit 1
}

# fails_with TEXT SECONDS COMMAND...: the command fails with the text, within the time.
fails_with() {
    local text=$1 end=$((SECONDS + $2)) said
    shift 2
    if said=$("$@" 2>&1); then fail "did not fail: $*"; fi
    [[ $said == *"$text"* ]] || fail "expected '$text', got: $said"
    ((SECONDS <= end)) || fail "took too long to fail: $*"
}

test_cluster() {
    local ranks
    for ranks in 1 2 3 4 8; do
        [[ $(run "$ranks" "$1" check) == "holds on $ranks ranks" ]] || fail "does not hold on $ranks ranks"
    done
    fails_with "rank 2: what the last rank says" 5 run 3 "$1" throw
    fails_with "rank" 5 run 3 "$1" return
}

case ${1:-} in
--test) test_cluster "$2" ;;
[1-9]*) run "$@" ;;
*)
    sed -n '2,5p' "$0" >&2
    exit 2
    ;;
esac
