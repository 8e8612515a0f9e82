#include "kvmem/core/text.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <algorithm>

namespace kvmem::documents {

using Lines = std::span<const std::string_view>;

static bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\f\v") == line.npos; }

static bool is_underline(std::string_view line) {
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    return line.size() >= 3 && (line[0] == '=' || line[0] == '-') && line.find_first_not_of(line[0]) == line.npos;
}

// A line alone in capitals, as manuals have them.
static bool is_capitals(std::string_view line) {
    const auto count = [&](char first, char last) {
        return std::ranges::count_if(line, [=](char c) { return first <= c && c <= last; });
    };
    return line.size() <= 80 && count('A', 'Z') >= 3 && count('a', 'z') == 0 && !line.ends_with('.');
}

// Whether a line begins far from the margin, or has columns.
static bool is_apart(std::string_view line) {
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    return begin >= 4 || line.find('\t') != line.npos || line.find("   ", begin) < line.find_last_not_of(' ');
}

// The text from the beginning of the first line to the end of the last one.
static std::string_view joined(Lines lines) {
    return {lines.front().data(),
            static_cast<std::size_t>(lines.back().data() - lines.front().data()) + lines.back().size()};
}

using Slice = std::function<MappedText(std::string_view)>;

static void read_block(Builder& builder, Lines lines, const Slice& slice) {
    const bool underlined = lines.size() >= 2 && is_underline(lines[1]) && lines[0].size() <= 200;
    if (underlined || (lines.size() == 1 && is_capitals(lines[0]))) {
        builder.heading(!underlined ? 2 : lines[1][0] == '=' ? 1 : 2, slice(lines[0]));
        lines = lines.subspan(underlined ? 2 : 1);
    }
    if (lines.empty()) return;
    const bool is_table = lines.size() >= 2 && std::ranges::count_if(lines, is_apart) * 3 >= std::ssize(lines) * 2;
    builder.passage(is_table ? PassageKind::table : PassageKind::text, slice(joined(lines)));
}

void read_text(Builder& builder, std::string_view text, const Slice& slice) {
    std::vector<std::string_view> block;
    TextLines lines(text, {});
    for (std::string_view line; lines.next(line);) {
        if (!is_blank(line)) {
            block.push_back(line);
        } else if (!block.empty()) {
            read_block(builder, block, slice);
            block.clear();
        }
    }
    if (!block.empty()) read_block(builder, block, slice);
}

void read_text(Builder& builder) {
    const std::string_view text = builder.text();
    read_text(builder, text, [&](std::string_view part) { return mapped(part, text); });
}

void read_text(Builder& builder, const MappedText& text) {
    read_text(builder, text.text, [&](std::string_view part) {
        const Index first = part.data() - text.text.data();
        return text.part({first, first + std::ssize(part)});
    });
}

}  // namespace kvmem::documents
