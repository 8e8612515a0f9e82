#!/usr/bin/env bash
# Switches off one effect of the shop that is made up after the other, and prints the hits at 10 of each way to
# recommend, less those with all effects: which model rests on which effect. Means over shops of several seeds.
#
#   scripts/shop-effects.sh [--seeds '1 2 3'] [--users 400] [--items 200] [--train MODEL [--epochs N ...]]
#
# The floors count and take a second a shop. --train, with options of 'kvmem train' behind it, adds a trained model.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kvmem=${KVMEM:-build/release/apps/kvmem}
seeds='1 2 3' users=400 items=200 train=(popularity)
effects=(tastes switching brands prices popularity seasons complements replenishment coupons returns noise late-items
    late-users)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs kvmem; what it says goes to $work/said, and is shown if it fails.
noted() {
    "$kvmem" "$@" >>"$work/said" 2>&1 || {
        cat "$work/said" >&2
        return 1
    }
}

# hits EFFECTS: a line of each model and its hits, on the shop of $seed without the effects.
hits() {
    rm -rf "$work/run" "$work/said"
    noted synth shop --users "$users" --items "$items" --seed "$seed" --off "$1" --targets buy -o "$work/shop.h5"
    noted train "$work/shop.h5" --run "$work/run" --model "${train[@]}"
    awk '/^ *all +hit@10/ { print "true probabilities\t" $3 + 0 }' "$work/said"
    "$kvmem" evaluate "$work/run" --json | awk -v RS='{"name":"' -F'"' '
        /"hit":{"mean":/ { split($0, part, "\"hit\":{\"mean\":"); print $1 "\t" part[2] + 0 }' | sed "s|^$work/run|${train[0]}|"
}

# Sessions end with a purchase of what was viewed, which any model foresees; so they are off.
measure() {
    local effect
    for seed in $seeds; do
        for effect in none "${effects[@]}"; do
            hits "sessions$([[ $effect == none ]] || echo ",$effect")" | sed "s/^/$effect\t/"
        done
    done
}

table() {
    awk -F'\t' '
        !($1 in row) { row[$1]; rows[++nr] = $1 }
        !($2 in col) { col[$2]; cols[++nc] = $2 }
        { sum[$1, $2] += $3; if ($1 == "none") n[$2]++ }
        END {
            printf "%-15s", "off"
            for (c = 1; c <= nc; ++c) printf "  %s", cols[c]
            print ""
            for (r = 1; r <= nr; ++r) {
                printf "%-15s", rows[r]
                for (c = 1; c <= nc; ++c)
                    printf rows[r] == "none" ? "  %*.3f" : "  %+*.3f", length(cols[c]),
                        (sum[rows[r], cols[c]] - (rows[r] == "none" ? 0 : sum["none", cols[c]])) / n[cols[c]]
                print ""
            }
        }'
}

while (($# > 0)); do
    case $1 in
    --seeds) seeds=${2:?"--seeds needs a value"} && shift 2 ;;
    --users) users=${2:?"--users needs a value"} && shift 2 ;;
    --items) items=${2:?"--items needs a value"} && shift 2 ;;
    --train) train=("${2:?"--train needs a model"}" "${@:3}") && shift $# ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
    esac
done
measure | table
