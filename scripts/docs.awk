# Turns the plain comments of a header into Doxygen's: the first block is the file's, one beside a declaration is that
# declaration's with the lines below it that begin in the same column, any other is that of what follows.
{ comment = index($0, "//") }
/^ *\/\// {
    if (comment != beside) beside = 0
    sub(/\/\//, FNR == 1 ? "/// @file " FILENAME : beside ? "///<" : "///")
    gsub(/<[a-z]/, "\\\\&")  # no tags
    print
    next
}
{ beside = 0 }
/^[^#"]*[;,A-Za-z0-9_] +\/\/ / && !/^ *(public|protected|private):/ {
    beside = comment
    sub(/\/\/ /, "///< ")
}
{ print }
