# Turns the plain comments of a header into Doxygen's: the first block is the file's, one beside a declaration is that
# declaration's with the lines below it that begin in the same column. Any other is that of the declarations that follow
# in the same column without an empty line. Several names of one declaration have the same comment.
#
# A declaration without a comment takes what stands elsewhere: a type that the file is named after, the file's; a member
# of a struct of settings, its help in the list of fields (train/settings.hpp). `fields`, `kind` and `choices` mean the
# same everywhere.
function code_of(line) {
    sub(/ +\/\/.*/, "", line)
    return line
}
function without_tags(text) {
    gsub(/<[a-z]/, "\\\\&", text)
    return text
}
# The name of the type whose body the line begins, or "".
function type_of(line) {
    if (line !~ /^ *(struct|class) .*\{$/) return ""
    sub(/^ *(struct|class) /, "", line)
    sub(/[^A-Za-z0-9_].*/, "", line)
    return line
}
# The adjacent string literals from the first one on, joined.
function literals(text, joined) {
    joined = ""
    sub(/^[^"]*/, "", text)
    while (match(text, /^ *"[^"]*"/)) {
        joined = joined substr(text, index(text, "\"") + 1, RLENGTH - index(text, "\"") - 1)
        text = substr(text, RLENGTH + 1)
    }
    return joined
}
# Reads the fields of all structs of a header: help[struct, member], and has_fields[struct].
function read_fields(file, line, type, name, member, text) {
    while ((getline line < file) > 0) {
        if (type_of(line) != "") type = type_of(line)
        if (line ~ /^ *static void fields\(/) has_fields[type] = 1
        if (line !~ /^ *field\("/) continue
        while (line !~ /\);/ && (getline text < file) > 0) line = line text
        name = literals(line)
        sub(/^ *field\("[^"]*", *[a-z]+\./, "", line)
        member = line
        sub(/[^A-Za-z0-9_].*/, "", member)
        sub(/^[^",]*/, "", line)
        text = literals(line)
        if ((type, member) in help) text = help[type, member] "; " name ": " text
        else text = name ": " text
        help[type, member] = without_tags(text)
    }
    close(file)
}
# Splits a declaration of several names, "T a = 1, b;": names[1..n] are "T a = 1;" and "T b;". Returns n, or 1.
function split_names(code, names, type, n, i) {
    names[1] = code
    if (!match(code, /^ *((static|constexpr|const) )*[A-Za-z_][A-Za-z0-9_:]*(<[^;=()]*>)? /)) return 1
    type = substr(code, 1, RLENGTH)
    code = substr(code, RLENGTH + 1)
    if (code !~ /, .*;$/) return 1
    n = split(substr(code, 1, length(code) - 1), parts, /, /)
    for (i = 1; i <= n; ++i)
        if (parts[i] !~ /^[*&]*[A-Za-z_][A-Za-z0-9_]*( = [^{}]*| = \{\}|\{\})?$/ || parts[i] ~ /\([^)]*$/) return 1
    for (i = 1; i <= n; ++i) names[i] = type parts[i] ";"
    return n
}
# The name that a declaration of one variable declares, or "".
function variable_of(code) {
    if (code !~ /^ +[^()]*;$/ && code !~ /^ +[^()]* = .*;$/) return ""
    sub(/( = .*|\{.*)?;$/, "", code)
    sub(/.*[ *&]/, "", code)
    return code
}
# The comment of a declaration that has none of its own, or "".
function known_meaning(line, name) {
    name = type_of(line)
    if (name != "" && tolower(name) == noun) return "///" file_comment
    if (name != "" && name in has_fields) return "/// Settings, with the list of their fields (train/settings.hpp)."
    if (line ~ /^ *template <class Self, class Field>$/) return "/// Lists all fields (train/settings.hpp)."
    if (line ~ /static constexpr const char\* kind = /) return "/// The name of this kind of settings in files and options."
    if (line ~ /^inline std::span<const char\* const> choices\(/) return "/// The names of all values, in their order."
    name = variable_of(line)
    return name != "" && (type, name) in help ? "/// " help[type, name] : ""
}
# Whether the line may have the comment of its group: it is a declaration without a comment beside it.
function may_share() { return !/^ *[})]/ && (comment == 0 || code_of($0) ~ /\{$/) }
FNR == 1 {
    read_fields(FILENAME)
    noun = FILENAME
    gsub(/.*\/|\.hpp$|_/, "", noun)
    in_file_comment = 1
}
{ comment = index($0, "//") }
!/^\/\// { in_file_comment = 0 }
in_file_comment { file_comment = (FNR == 1 ? "" : file_comment "\n///") without_tags(substr($0, 3)) }
/^ *\/\// {
    if (comment != beside) beside = 0
    sub(/\/\//, FNR == 1 ? "/// @file " FILENAME : beside ? "///<" : "///")
    $0 = without_tags($0)
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
    has_own = in_block || comment > 0
    beside = in_block = 0
    indent = match($0, /[^ ]/)
}
type_of($0) != "" { type = type_of($0) }
indent == 0 || indent < column || (indent == column && /^ *(public|protected|private|namespace|template|#)/) { block = "" }
/^([^#"]|"[^"]*")*[;,}A-Za-z0-9_] +\/\/ / && !/^ *(public|protected|private):/ && !/^ *\}/ {
    beside = comment
    sub(/\/\/ /, "///< ")
}
{
    in_group = block != "" && indent == column
    names_count = split_names(code_of($0), names)
    for (i = 1; i <= names_count; ++i) {
        meaning = has_own ? "" : known_meaning(names[i])
        # The second and later declarations under one comment have it, too.
        if (meaning == "" && in_group && covered > 0 && (is_start || i > 1) && may_share()) meaning = block
        if (meaning != "") print meaning
        print names[i] substr($0, length(code_of($0)) + 1)
        if (in_group) covered = 1
    }
    if (indent > 0) is_start = code_of($0) ~ /[;}]$/ || code_of($0) ~ /^ *(public|protected|private):$/
}
