#include "io/file_checks.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <algorithm>

namespace kvmem {

void FileChecks::refuse(const std::string& part, const std::string& what, const std::string& expected,
                        const std::string& got) const {
    throw Error({.what = what, .expected = expected, .got = got, .where = file + ": " + part});
}

void FileChecks::text(const std::string& part, const std::string& text) const {
    if (const std::size_t at = invalid_utf8_at(text); at != std::string::npos)
        refuse(part, "a text is not UTF-8", "UTF-8", "another byte at " + std::to_string(at));
}

void FileChecks::info(const DatasetInfo& info) const {
    const auto check = [this](const std::string& name, const std::string& value) {
        text("@" + name, value);
        if (value.find('\0') != std::string::npos) refuse("@" + name, "a text holds a zero byte", "none", "one");
    };
    check("title", info.title);
    check("source", info.source);
    check("license", info.license);
    check("generator", info.generator);
}

void FileChecks::plain_name(const std::string& part, const char* what, const std::string& name) const {
    const bool plain =
        !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
    if (!plain) refuse(part, what, "letters a-z, digits, _ and -", "'" + name + "'");
}

void FileChecks::split_name(const std::string& name) const { plain_name("/splits", "a split's name is wrong", name); }

void FileChecks::same_size(const std::string& part, const char* what, Index expected, Index got) const {
    if (expected != got) refuse(part, what, std::to_string(expected), std::to_string(got));
}

void FileChecks::offsets(const std::string& part, std::span<const Index> offsets, Index size) const {
    if (offsets.empty() || offsets.front() != 0 || offsets.back() != size ||
        !std::is_sorted(offsets.begin(), offsets.end()))
        refuse(part, "the offsets are wrong", "them to rise from 0 to " + std::to_string(size), "others");
}

void FileChecks::tokens(const std::string& part, std::span<const Token> tokens, Token vocabulary_size) const {
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (tokens[i] < 0 || tokens[i] >= vocabulary_size)
            refuse(part, "a token is not in the vocabulary", "0 to " + std::to_string(vocabulary_size - 1),
                   std::to_string(tokens[i]) + " at " + std::to_string(i));
}

void FileChecks::rows(const std::string& part, const Ragged<Token>& rows, Token vocabulary_size) const {
    offsets(part + "/offsets", rows.offsets, static_cast<Index>(rows.values.size()));
    tokens(part + "/values", rows.values, vocabulary_size);
}

}  // namespace kvmem
