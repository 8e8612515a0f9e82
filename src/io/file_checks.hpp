// Checks of the parts that data files share, for readers that trust nothing. Not installed.
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/io/dataset_info.hpp"

#include <span>
#include <string>

namespace kvmem {

// Each check throws Error with the file and the part of it.
struct FileChecks {
    std::string file;

    [[noreturn]] void refuse(const std::string& part, const std::string& what, const std::string& expected,
                             const std::string& got) const;
    void text(const std::string& part, const std::string& text) const;  // is UTF-8
    void info(const DatasetInfo& info) const;
    // Is fit for a part of a path.
    void plain_name(const std::string& part, const char* what, const std::string& name) const;
    void split_name(const std::string& name) const;
    void same_size(const std::string& part, const char* what, Index expected, Index got) const;
    // Rise from 0 to `size`.
    void offsets(const std::string& part, std::span<const Index> offsets, Index size) const;
    // Are below the size of the vocabulary.
    void tokens(const std::string& part, std::span<const Token> tokens, Token vocabulary_size) const;
    void rows(const std::string& part, const Ragged<Token>& rows, Token vocabulary_size) const;
};

}  // namespace kvmem
