# Turns what `kvmem VERB --help` says into a manual page. Variables: name, summary, version.

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    return text ~ /^[.']/ ? "\\&" text : text
}
# Lines as they are, which tables and examples need.
function begin_lines() { if (!lines) print ".nf"; lines = 1 }
function end_lines() { if (lines) print ".fi"; lines = 0 }

BEGIN {
    printf ".TH %s 1 \"\" \"%s\"\n.SH NAME\n%s \\- %s\n", toupper(name), version, roff(name), roff(summary)
}
NR == 1 {
    print ".SH SYNOPSIS"
    begin_lines()
    sub(/^usage: /, "")
    in_usage = 1
}
in_usage && $0 == "" {
    end_lines()
    print ".SH DESCRIPTION"
    begin_lines()
    in_usage = 0
    next
}
in_usage { sub(/^ */, ""); print roff($0); next }
/^Options.*:$/ {
    end_lines()
    sub(/:$/, "")
    print ".SH " toupper($0)
    in_options = 1
    next
}
# An option: its syntax ends where two spaces or the line do. Help that goes on is indented further.
in_options && /^  -/ {
    sub(/^ */, "")
    at = match($0, /  +|\) [^ ]/)
    syntax = at ? substr($0, 1, substr($0, at, 1) == ")" ? at : at - 1) : $0
    help = substr($0, length(syntax) + 1)
    sub(/^ */, "", help)
    printf ".TP\n.B %s\n", roff(syntax)
    if (help != "") print roff(help)
    next
}
in_options && $0 != "" { sub(/^ */, ""); print roff($0); next }
in_options { next }
{ print roff($0) }
END { end_lines() }
