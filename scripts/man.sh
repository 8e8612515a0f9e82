#!/usr/bin/env bash
# Writes manual pages of the program and each verb, from what --help says.
#
#   scripts/man.sh PROGRAM DIRECTORY
set -euo pipefail
kvmem=$1
directory=$2
awk_script=$(dirname "${BASH_SOURCE[0]}")/man.awk
version=$("$kvmem" --version)

mkdir -p "$directory"
"$kvmem" --list-options | while IFS=$'\t' read -r verb summary; do
    "$kvmem" "$verb" --help |
        awk -f "$awk_script" -v name="kvmem-$verb" -v summary="$summary" -v version="$version" >"$directory/kvmem-$verb.1"
done
{
    printf '.TH KVMEM 1 "" "%s"\n.SH NAME\nkvmem \\- key\\-value memory networks and stores\n' "$version"
    printf '.SH SYNOPSIS\n.B kvmem\nVERB [options]\n.SH VERBS\n'
    "$kvmem" --list-options | awk -F '\t' '{ printf ".TP\n.BR kvmem\\-%s (1)\n%s\n", $1, $2 }'
    printf '.SH ENVIRONMENT\n.TP\n.B KVMEM_ISA\nlimits the instruction set: baseline, avx2, avx512 or avx512vnni.\n'
    printf '.SH EXIT STATUS\n0, 1 after an error, 2 for wrong usage, 130 or 143 when a signal ended a saved training.\n'
} >"$directory/kvmem.1"
