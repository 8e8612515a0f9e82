// kvmem completion SHELL: a script that completes verbs and options, which it takes from the program itself.
#include "program.hpp"

#include <iostream>
#include <map>

namespace kvmem::apps {

// Each script runs `kvmem WORDS... --list-options`, which prints a name, a tab and a line of help for each verb or
// option that may follow. So it never falls behind the program, and knows the options of the --model that was typed.
// `kvmem WORDS... --list-values` prints values, or nothing where a file may follow.
static const std::map<std::string, const char*> scripts = {
    {"bash", R"sh(# bash completion of kvmem; eval "$(kvmem completion bash)"
_kvmem() {
    local word=${COMP_WORDS[COMP_CWORD]} list=--list-options names
    if ((COMP_CWORD > 1)) && [[ $word != -* ]]; then list=--list-values; fi
    names=$("${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$list" 2>/dev/null | cut -f1)
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
}
complete -o default -F _kvmem kvmem
)sh"},
    {"zsh", R"sh(#compdef kvmem
# zsh completion of kvmem; source <(kvmem completion zsh)
_kvmem() {
    local -a names
    if ((CURRENT > 2)) && [[ ${words[CURRENT]} != -* ]]; then
        names=("${(@f)$("${words[1]}" "${(@)words[2,CURRENT-1]}" --list-values 2>/dev/null)}")
        if [[ -n ${names[1]} ]]; then compadd -a names; else _files; fi
        return
    fi
    names=("${(@f)$("${words[1]}" "${(@)words[2,CURRENT-1]}" --list-options 2>/dev/null | sed 's/:/\\:/g; s/\t/:/')}")
    _describe kvmem names
}
if [[ $funcstack[1] == _kvmem ]]; then _kvmem; else compdef _kvmem kvmem; fi
)sh"},
    {"fish", R"sh(# fish completion of kvmem; kvmem completion fish | source
function __kvmem_list
    set -l words (commandline -opc)
    command $words $argv[1] 2>/dev/null
end
complete -c kvmem -n 'test (count (commandline -opc)) -eq 1' -f -a '(__kvmem_list --list-options)'
complete -c kvmem -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__kvmem_list --list-options)'
complete -c kvmem -n 'test (count (commandline -opc)) -gt 1' -a '(__kvmem_list --list-values)'
)sh"}};

int run_completion(const Arguments& arguments) {
    const CommandLine line{
        .usage = "kvmem completion bash|zsh|fish",
        .about =
            "Prints a script that completes verbs and options. For this shell: eval \"$(kvmem completion bash)\",\n"
            "source <(kvmem completion zsh), or kvmem completion fish | source. For all to come, put the line into\n"
            "~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish.",
        .positional = {"shell"},
        .choices = {{"shell", {"bash", "zsh", "fish"}}}};
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const auto script = scripts.find(required(values, "shell", "bash, zsh or fish"));
    if (script == scripts.end())
        throw UsageError({.what = "no such shell",
                          .expected = "bash, zsh or fish",
                          .got = values["shell"].as<std::string>(),
                          .hint = "see 'kvmem completion --help'"});
    std::cout << script->second;
    return 0;
}

}  // namespace kvmem::apps
