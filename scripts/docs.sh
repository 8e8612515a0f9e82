#!/usr/bin/env bash
# Makes build/docs/index.html of the public headers with Doxygen, and says how many names of each lack a comment. Fails
# when Doxygen finds anything else wrong, or more such names than `ceiling`.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

ceiling=0 # may only fall

command -v doxygen >/dev/null || { echo "error: no doxygen; scripts/bootstrap.sh --docs installs it" >&2; exit 1; }

configuration() {
    cat <<END
PROJECT_NAME = kvmem
PROJECT_BRIEF = "Key-value memory networks in C++20"
PROJECT_NUMBER = $(sed -n 's/^#define KVMEM_VERSION //p' include/kvmem/version.hpp)
INPUT = include/kvmem
FILE_PATTERNS = *.hpp
RECURSIVE = YES
FULL_PATH_NAMES = YES
STRIP_FROM_PATH = include
INPUT_FILTER = "awk -f scripts/docs.awk"
HAVE_DOT = NO
JAVADOC_AUTOBRIEF = YES
ENABLE_PREPROCESSING = YES
MACRO_EXPANSION = YES
OUTPUT_DIRECTORY = build/docs
HTML_OUTPUT = .
GENERATE_LATEX = NO
QUIET = YES
WARN_IF_UNDOCUMENTED = YES
END
}

# What needs no comment: what the language would make by itself, and whatever is said of its class.
needs_comment() {
    grep 'is not documented' |
        grep -vE 'Member (operator=\(|operator(==|<=>)\(.*=default|~|[A-Za-z0-9_]+\(\)=default|([A-Za-z0-9_]+)\((const \3 ?&|\3 ?&&))' || true
}

mkdir -p build/docs
configuration | doxygen - 2>build/docs/warnings.txt
without=$(sort -u build/docs/warnings.txt | needs_comment)
count=$(grep -c . <<<"$without" || true)
((count == 0)) || sed -E 's,^.*include/(kvmem/[^:]*):.*,\1,' <<<"$without" | sort | uniq -c | sort -rn
echo "$count public names without a comment, $ceiling are allowed"
! grep -v 'is not documented' build/docs/warnings.txt || exit 1
((count <= ceiling))
