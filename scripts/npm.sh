#!/usr/bin/env bash
# Packages of npm's registry with pinned checksums, for scripts that source this one. Needs node 18+, npm and tar.

fetch() { # fetch NAME@VERSION CHECKSUM: unpacks the package to $work/NAME, a folder of the caller
    local name=${1%@*} got archive
    # shellcheck disable=SC2154  # of the caller
    npm pack --silent --pack-destination "$work" "$1" >"$work/archive"
    archive=$work/$(tail -n 1 "$work/archive")
    got=sha512-$(node -e 'const h = require("crypto").createHash("sha512");
        process.stdout.write(h.update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$archive")
    if [[ $got != "$2" ]]; then
        echo "error: $1 is not what it was: expected $2, got $got" >&2
        exit 1
    fi
    mkdir "$work/$name"
    tar -xzf "$archive" -C "$work/$name" --strip-components=1
}
