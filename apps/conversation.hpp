// A prompt for many lines on standard input.
#pragma once

#include "kvmem/core/error.hpp"
#include "line_reader.hpp"

#include <unistd.h>

#include <iostream>

namespace kvmem::apps {

// Calls take(line) for each line of stdin. On a terminal, it ends at "quit" or when take() returns false. An Error is
// printed, and the next line follows. Returns the exit code.
template <class Take>
int converse(const char* greeting, const char* prompt, Take take) {
    const bool conversation = ::isatty(STDIN_FILENO) != 0;
    int code = 0;
    if (conversation) std::cerr << greeting << "\n";
    LineReader reader(prompt);
    while (const auto line = reader.next()) {
        if (conversation && (*line == "quit" || *line == "exit")) break;
        if (conversation && *line == "help") {
            std::cerr << greeting << "\n";
            continue;
        }
        try {
            if (!take(*line) && conversation) break;
        } catch (const Error& e) {
            const std::string& where = e.problem().where;
            const std::string line_and_where = reader.place() + (where.empty() ? "" : ": ") + where;
            std::cerr << "error: " << Error(e.problem_at(conversation ? where : line_and_where)).what() << std::endl;
            if (!conversation) code = 1;
        }
    }
    return code;
}

}  // namespace kvmem::apps
