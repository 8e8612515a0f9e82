#!/usr/bin/env bash
# Programs on several ranks of this machine, as tests start them.
#
#   scripts/mpi.sh RANKS PROGRAM [ARGUMENT...]     runs it; mpirun has the options that ranks on shared cores need
#   scripts/mpi.sh --test RANK_PROGRAM KVMEM       the tests of kvmem_mpi_rank and of `mpirun kvmem train|index|ask|query`
#   scripts/mpi.sh --kills COUNT KVMEM             kills a random rank of a training this often, and resumes it
set -euo pipefail

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Ranks share cores: none is bound to one, and waiting ranks yield. Without a network, messages go through memory.
mpi=(mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1 --mca btl "self,vader")
run() {
    local ranks=$1
    shift
    "${mpi[@]}" -n "$ranks" "$@"
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
    fails_with "rank 2: what the last rank says" 10 run 3 "$1" throw
    fails_with "rank" 10 run 3 "$1" return
}

make_data() {
    kvmem=$(realpath "$1") work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$kvmem" synth pairs --task reverse --output "$work/data" --lines 400 --valid 40 --test 10 2>"$work/said" || fail "$(cat "$work/said")"
    settings=(--model transformer --width 32 --inner 64 --batch 32 --threads 1 --patience 0 --save-seconds 0)
}

train() {
    local ranks=$1
    shift
    run "$ranks" "$kvmem" train "$@" >"$work/said" 2>&1
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# What an epoch measured, but for the time that it took.
curve() { sed 's/"seconds":[^,]*,//' "$work/$1/metrics.jsonl"; }

test_training() {
    local ranks
    "$kvmem" train "$work/data/pairs.h5" --run "$work/alone" "${settings[@]}" --epochs 3 2>/dev/null
    for ranks in 2 3 4 8; do
        train "$ranks" "$work/data/pairs.h5" --run "$work/run-$ranks" "${settings[@]}" --epochs 3 || fail "$(cat "$work/said")"
        [[ $(curve "run-$ranks") == "$(curve alone)" ]] || fail "other numbers on $ranks ranks"
    done
    # Ranks take the instruction set that all have.
    local train=("$kvmem" train "$work/data/pairs.h5" "${settings[@]}" --epochs 1 --run)
    KVMEM_ISA=avx2 "${train[@]}" "$work/alone-avx2" 2>/dev/null
    "${mpi[@]}" -n 1 env KVMEM_ISA=avx2 "${train[@]}" "$work/avx2" : -n 1 "${train[@]}" "$work/avx2" 2>/dev/null
    [[ $(curve avx2) == "$(curve alone-avx2)" ]] || fail "other numbers with another instruction set"
    if "${mpi[@]}" -n 1 "${train[@]}" "$work/other" : -n 1 "${train[@]}" "$work/other" --seed 2 >"$work/said" 2>&1; then
        fail "other settings are no error"
    fi
    grep -q "^error: rank . of 2 on .*: rank 1 has other settings or data" "$work/said" || fail "$(cat "$work/said")"
    fails_with "rank 0 of 3" 10 run 3 "$kvmem" train "$work/no.h5" --run "$work/none"
    # A rank that fails alone ends rank 0, which waits for it.
    fails_with "rank 1 of 2" 8 "${mpi[@]}" -n 1 "${train[@]}" "$work/one" : -n 1 "$kvmem" train "$work/no.h5" --run "$work/one"
    fails_with "rank 1 has other settings or data" 10 "${mpi[@]}" -n 1 "${train[@]}" "$work/groups" --runs 2 : -n 1 "${train[@]}" "$work/groups" --runs 3
    fails_with "a run is here already" 10 run 3 "$kvmem" train "$work/data/pairs.h5" --run "$work/alone" "${settings[@]}"
    train 3 "$work/data/pairs.h5" --run "$work/group" "${settings[@]}" --epochs 1 --runs 4 || fail "$(cat "$work/said")"
    [[ -e $work/group/run-4/results.json && -e $work/group/results.json ]] || fail "a group without results"
}

# Stores, documents and facts in shards, asked on several ranks and in one process.
test_shards() {
    local ranks what
    seq 1 90 | awk '{ printf "Engine %d\tEngine %d was built by Maker %d in %d. It pumps water.\n", $1, $1, $1 % 13, 1700 + $1 }' >"$work/notes.tsv"
    "$kvmem" import documents "$work/notes.tsv" -o "$work/notes.h5" 2>/dev/null
    "$kvmem" shard "$work/notes.h5" -o "$work/notes.json" --shards 3 2>/dev/null
    seq 1 600 | awk '{ printf "name%d", $1; for (i = 1; i <= 6; ++i) printf " %d", ($1 * (i * 7 + 3)) % 31; print "" }' >"$work/rows.txt"
    "$kvmem" index "$work/rows.txt" --values "$work/rows.txt" -o "$work/rows.json" --shards 3 --lists 5 >/dev/null
    local question="who built engine 42"
    for ranks in 2 3 5; do
        run "$ranks" "$kvmem" ask "$work/notes.json" "$question" --json >"$work/out" 2>"$work/said" || fail "$(cat "$work/said")"
        "$kvmem" ask "$work/notes.h5" "$question" --json | cmp - "$work/out" || fail "another answer on $ranks ranks"
        for what in "--name name7" "--slot 3 --read --json" "--name name20 --filter 1-99" "--name name9 --probes 2"; do
            # shellcheck disable=SC2086 # the words of an option
            run "$ranks" "$kvmem" query "$work/rows.json" $what >"$work/out" 2>"$work/said" || fail "$(cat "$work/said")"
            # shellcheck disable=SC2086
            "$kvmem" query "$work/rows.json" $what | cmp - "$work/out" || fail "other slots on $ranks ranks"
        done
    done
    # A trained reader of documents, whose answers quote them.
    seq 1 90 | awk '{ printf "Engine %d\tbuilt by\tMaker %d\n", $1, $1 % 13 }' >"$work/built.tsv"
    printf 'built by\twho built {}\ttrain\n' >"$work/who.tsv"
    for what in window-centre-title edges; do
        "$kvmem" import kb --facts "$work/built.tsv" --templates "$work/who.tsv" --test-entities 0 --documents "$work/notes.tsv" --representation $what \
            -o "$work/read.h5" 2>"$work/said" || fail "$(cat "$work/said")"
        rm -rf "$work/run"
        "$kvmem" train "$work/read.h5" --run "$work/run" --epochs 1 --threads 1 2>"$work/said" || fail "$(cat "$work/said")"
        "$kvmem" shard "$work/read.h5" -o "$work/read.json" --shards 3 2>/dev/null
        run 2 "$kvmem" ask "$work/run" "who built Engine 42" --memory "$work/read.json" --json >"$work/out" 2>"$work/said" || fail "$(cat "$work/said")"
        grep -q "notes.tsv:42:" "$work/out" || fail "no place: $(cat "$work/out")"
        "$kvmem" ask "$work/run" "who built Engine 42" --json | cmp - "$work/out" || fail "another answer of $what"
    done
    rm "$work/notes.1-of-3.h5" "$work/rows.2-of-3.h5"
    fails_with "error: rank 0 of 3" 8 run 3 "$kvmem" ask "$work/notes.json" "$question"
    fails_with "notes.1-of-3.h5, on rank 1" 8 run 3 "$kvmem" ask "$work/notes.json" "$question"
    fails_with "rows.2-of-3.h5, on rank 2" 8 run 3 "$kvmem" query "$work/rows.json" --name name7
    fails_with "in shards alone" 8 run 2 "$kvmem" ask "$work/notes.h5" "$question"
}

# same RANK_PROGRAM SHARDS ARGUMENT...: `kvmem index` of several ranks writes the bytes of one process.
same() {
    local rank_program=$1 shards=$2 ranks
    shift 2
    rm -f "$work"/made*
    "$kvmem" index "$@" -o "$work/made.json" --shards "$shards" >"$work/alone.out" 2>"$work/said" || fail "$(cat "$work/said")"
    for ranks in 1 2 3; do
        run "$ranks" "$kvmem" index "$@" -o "$work/made-$ranks.json" --shards "$shards" >"$work/out" 2>"$work/said" || fail "$(cat "$work/said")"
        sed "s/made-$ranks/made/" "$work/out" | cmp - "$work/alone.out" || fail "another line on $ranks ranks"
        "$rank_program" same "$work/made.json" "$work/made-$ranks.json" || fail "another store on $ranks ranks: $*"
    done
}

# Stores of vectors, of a run's memory and of text, made by several ranks and by one process.
test_index() {
    seq 1 40000 | awk '{ printf "name%d", $1; for (i = 1; i <= 6; ++i) printf " %d", ($1 * (i * 7 + 3)) % 997; print "" }' >"$work/rows.txt"
    same "$1" 4 "$work/rows.txt" --values "$work/rows.txt" # more rows than a change has, and than have lists
    head -90 "$work/rows.txt" >"$work/few.txt"
    same "$1" 1 "$work/few.txt" --metric cosine --form float32
    seq 1 60 | awk '{ printf "Country%d\tcapital\tCity%d\nCountry%d\tspeaks\tTongue%d\n", $1, $1, $1, $1 % 7 }' >"$work/facts.tsv"
    printf 'capital\twhat is the capital of {}\ttrain\nspeaks\twhat do people speak in {}\ttrain\n' >"$work/templates.tsv"
    "$kvmem" import kb --facts "$work/facts.tsv" --templates "$work/templates.tsv" --test-entities 0 --output "$work/facts.h5" 2>"$work/said" || fail "$(cat "$work/said")"
    "$kvmem" train "$work/facts.h5" --run "$work/reader" --model kv-mem-nn --epochs 1 --width 8 --threads 1 2>"$work/said" || fail "$(cat "$work/said")"
    same "$1" 3 --run "$work/reader" --lists 4
    printf 'what is Country1\nCity2\nthe capital\n' >"$work/lines.txt"
    same "$1" 5 --run "$work/reader" --text "$work/lines.txt"
    # What fails on any rank leaves nothing.
    rm -f "$work"/made*
    fails_with "error: rank 0 of 2 on" 8 run 2 "$kvmem" index "$work/none.txt" -o "$work/made.json" --shards 2
    fails_with "none.txt, on rank 0" 8 run 2 "$kvmem" index "$work/none.txt" -o "$work/made.json" --shards 2
    fails_with "files that several ranks make" 8 run 2 "$kvmem" index "$work/few.txt" -o "$work/made.json"
    fails_with "bad value of --resume" 8 run 2 "$kvmem" index "$work/few.txt" -o "$work/made.json" --shards 2 --resume
    fails_with "made.1-of-2.h5.unfinished, on rank 1" 8 "${mpi[@]}" -n 1 "$kvmem" index "$work/few.txt" -o "$work/made.json" --shards 2 : -n 1 "$kvmem" index "$work/few.txt" -o "$work/nowhere/made.json" --shards 2
    ! compgen -G "$work/made*" || fail "files of a store that was not made"
}

# started RANKS ARGUMENT...: `kvmem train` in the background, once all ranks are there. Sets mpirun_id and rank_ids.
started() {
    local ranks=$1
    shift
    "${mpi[@]}" -n "$ranks" "$kvmem" train "$@" >"$work/said" 2>&1 &
    mpirun_id=$!
    rank_ids=()
    while ((${#rank_ids[@]} < ranks)) && kill -0 $mpirun_id 2>/dev/null; do
        mapfile -t rank_ids < <(pgrep -P $mpirun_id -x kvmem || true)
    done
}

# A rank that has SIGTERM saves and ends all.
test_signal() {
    started 3 "$work/data/pairs.h5" --run "$work/stopped" "${settings[@]}" --epochs 1000000
    until [[ -e $work/stopped/model-last.h5 ]]; do kill -0 "$mpirun_id" || fail "$(cat "$work/said")"; done
    kill -TERM "${rank_ids[1]}"
    local status=0
    wait "$mpirun_id" || status=$?
    ((status == 143)) || fail "ended with $status: $(cat "$work/said")"
    grep -q "saved; go on with" "$work/said" || fail "$(cat "$work/said")"
}

# Kills a random rank at a random time, again and again, on 2 to 4 ranks. The run then ends as one that nobody killed.
test_kills() {
    local count=$1 killed=0 end longest=0 took rank
    "$kvmem" train "$work/data/pairs.h5" --run "$work/alone" "${settings[@]}" --epochs 40 2>/dev/null
    for ((killed = 0; killed < count; ++killed)); do
        if [[ -e $work/killed/config.json ]]; then
            [[ -e $work/killed/results.json ]] && mv "$work/killed" "$work/done-$killed"
        fi
        if [[ -e $work/killed/config.json ]]; then
            started $((2 + RANDOM % 3)) --resume --run "$work/killed" --threads 1
        else
            started $((2 + RANDOM % 3)) "$work/data/pairs.h5" --run "$work/killed" "${settings[@]}" --epochs 40
        fi
        sleep "$((RANDOM % 3)).$((RANDOM % 1000))"
        rank=${rank_ids[$((RANDOM % ${#rank_ids[@]}))]}
        kill -KILL "$rank" 2>/dev/null || true
        end=$(milliseconds)
        wait "$mpirun_id" || true
        for rank in "${rank_ids[@]}"; do
            while kill -0 "$rank" 2>/dev/null && (($(milliseconds) - end < 5000)); do sleep 0.05; done
        done
        took=$(($(milliseconds) - end))
        ((took > longest)) && longest=$took
        ((took < 5000)) || fail "$took ms until all ranks had ended"
    done
    train 3 --resume --run "$work/killed" --threads 1 || fail "$(cat "$work/said")"
    for run in killed done-*; do
        [[ ! -d $work/$run || $(curve "$run") == "$(curve alone)" ]] || fail "other numbers after kills"
    done
    echo "$count kills, the last rank gone after $longest ms at most"
}

case ${1:-} in
--test)
    test_cluster "$2"
    make_data "$3"
    test_training
    test_signal
    test_shards
    test_index "$2"
    ;;
--kills)
    make_data "$3"
    test_kills "$2"
    ;;
[1-9]*) run "$@" ;;
*)
    sed -n '4,6p' "$0" >&2
    exit 2
    ;;
esac
