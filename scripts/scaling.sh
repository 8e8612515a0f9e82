#!/usr/bin/env bash
# Measures a training of two ranks in two network namespaces, and predicts it. Needs root, ip, tc, and a build with
# KVMEM_MPI.
#
#   scripts/scaling.sh BUILD DATA STEPS [TRAIN_OPTION...]
#
# Each link is measured first: the time a of an exchange of 8 bytes, and the bytes b in a second of large ones. The same
# training over memory, less what its messages take there, is the time of a step alone, C. The prediction is
# C + 3 a + bytes / b: a step has three exchanges. The rounds take turns, and what counts is the median.
set -euo pipefail

build=$(realpath "$1") data=$(realpath "$2") steps=$3
shift 3
options=("$@")
rounds=${ROUNDS:-5}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
a=kvmem-a b=kvmem-b

clean() {
    ip netns del $a 2>/dev/null || true
    ip netns del $b 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT

make_namespaces() {
    ip netns add $a
    ip netns add $b
    ip link add veth-a netns $a type veth peer name veth-b netns $b
    ip -n $a addr add 10.77.0.1/24 dev veth-a
    ip -n $b addr add 10.77.0.2/24 dev veth-b
    local space
    for space in $a $b; do
        ip -n "$space" link set lo up
        ip -n "$space" link set "veth-${space#kvmem-}" up
    done
    # What mpirun starts on the other machine: in its namespace, and with a name of its own.
    cat >"$work/agent.sh" <<'END'
#!/usr/bin/env bash
shift
exec ip netns exec kvmem-b unshare --uts bash -c "hostname kvmem-b; $*"
END
    chmod +x "$work/agent.sh"
}

# shape RATE: limits what either side sends; "veth" does not.
shape() {
    local space
    for space in $a $b; do
        tc -n "$space" qdisc del dev "veth-${space#kvmem-}" root 2>/dev/null || true
        [[ $1 == veth ]] || tc -n "$space" qdisc add dev "veth-${space#kvmem-}" root tbf rate "$1" burst 256kb latency 50ms
    done
}

# over LINK PROGRAM...: on two ranks, over memory or over the network between the namespaces.
over() {
    local link=$1
    shift
    if [[ $link == memory ]]; then
        "$here/mpi.sh" 2 "$@"
        return
    fi
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    ip netns exec $a unshare --uts bash -c 'hostname kvmem-a; exec "$@"' bash mpirun -q -n 2 --host 10.77.0.1:1,10.77.0.2:1 \
        --bind-to none --mca mpi_yield_when_idle 1 --mca plm rsh --mca plm_rsh_agent "$work/agent.sh" --mca pml ob1 --mca btl_tcp_flags send \
        --mca btl self,tcp --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 "$@"
}

# Seconds of a step, and bytes that rank 0 has sent in one.
train() {
    local link=$1 run="$work/run" said
    rm -rf "$run"
    said=$(over "$link" "$build/apps/kvmem" train "$data" --run "$run" --threads 1 --epochs 1 --shards 8 "${options[@]}" 2>&1) ||
        { echo "$said" >&2; return 1; }
    local seconds bytes
    seconds=$(sed -n 's/.*"seconds":\([0-9.e-]*\).*/\1/p' "$run/results.json")
    bytes=$(sed -n 's/.* of \([0-9,]*\) bytes\{0,1\} to other ranks.*/\1/p' <<<"$said" | tr -d ,)
    echo "$seconds $bytes"
}

median() { sort -g | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }

main() {
    make_namespaces
    local link round seconds bytes exchange bandwidth exchange_memory bandwidth_memory
    over memory "$build/tests/kvmem_mpi_rank" measure >"$work/link-memory"
    read -r exchange_memory bandwidth_memory <"$work/link-memory"
    for link in 1gbit veth; do
        shape $link
        over $link "$build/tests/kvmem_mpi_rank" measure >"$work/link-$link"
        for ((round = 0; round < rounds; ++round)); do
            train memory >>"$work/memory-$link"
            train $link >>"$work/steps-$link"
        done
        read -r _ bytes <"$work/steps-$link"
        read -r exchange bandwidth <"$work/link-$link"
        seconds=$(cut -d' ' -f1 "$work/steps-$link" | median)
        awk -v link=$link -v a="$exchange" -v b="$bandwidth" -v t0="$(cut -d' ' -f1 "$work/memory-$link" | median)" \
            -v am="$exchange_memory" -v bm="$bandwidth_memory" -v t="$seconds" -v bytes="$bytes" -v steps="$steps" 'BEGIN {
            step = t / steps; alone = t0 / steps - 3 * am - bytes / steps / bm; predicted = alone + 3 * a + bytes / steps / b
            printf "%s: exchange %.0f us, %.0f MB/s; step alone %.2f ms, %.0f bytes; predicted %.2f ms, measured %.2f ms (%+.1f %%)\n",
                link, 1e6 * a, b / 1e6, 1e3 * alone, bytes / steps, 1e3 * predicted, 1e3 * step, 100 * (predicted / step - 1) }'
    done
}

main
