# Turns the plain comments of a header into Doxygen's: the first block is the file's, one beside a declaration is that
# declaration's with the lines below it that begin in the same column. Any other is that of the declarations that follow
# in the same column without an empty line.
function code_of(line) {
    sub(/ +\/\/.*/, "", line)
    return line
}
{ comment = index($0, "//") }
/^ *\/\// {
    if (comment != beside) beside = 0
    sub(/\/\//, FNR == 1 ? "/// @file " FILENAME : beside ? "///<" : "///")
    gsub(/<[a-z]/, "\\\\&")  # no tags
    if (!beside) {
        block = in_block ? block "\n" $0 : $0
        in_block = 1
        column = comment
        covered = 0
    }
    print
    next
}
{
    beside = in_block = 0
    indent = match($0, /[^ ]/)
}
indent == 0 || indent < column || (indent == column && /^ *(public|protected|private|namespace|template|#)/) { block = "" }
# The second and later declarations under one comment have it, too.
block != "" && indent == column && is_start && covered++ > 0 && !/^ *[})]/ && !(comment > 0) { print block }
{ if (indent > 0) is_start = code_of($0) ~ /[;}]$/ || code_of($0) ~ /^ *(public|protected|private):$/ || in_block }
block != "" && indent == column && covered == 0 { covered = 1 }
/^[^#"]*[;,A-Za-z0-9_] +\/\/ / && !/^ *(public|protected|private):/ {
    beside = comment
    sub(/\/\/ /, "///< ")
}
{ print }
