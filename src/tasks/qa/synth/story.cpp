#include "tasks/qa/synth/story.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvmem::synth {

std::size_t Story::begin_line() {
    text_ += std::to_string(++lines_);
    text_ += ' ';
    return text_.size();
}

int Story::tell(Parts sentence) {
    const std::size_t begin = begin_line();
    for (const std::string_view part : sentence) text_ += part;
    if (ends_.empty()) opening_ = XXH3_64bits_withSeed(text_.data() + begin, text_.size() - begin, opening_);
    text_ += '\n';
    return lines_;
}

void Story::ask(Parts question, std::string_view answer, Ids support) {
    begin_line();
    for (const std::string_view part : question) text_ += part;
    text_ += '\t';
    text_ += answer;
    std::sort(support.begin(), support.end());
    support.erase(std::unique(support.begin(), support.end()), support.end());
    char separator = '\t';
    for (const int id : support) {
        text_ += separator;
        text_ += std::to_string(id);
        separator = ' ';
    }
    text_ += '\n';
    ends_.push_back(text_.size());
}

void Story::cut(Index n) {
    if (n >= questions()) return;
    ends_.resize(n);
    text_.resize(ends_.empty() ? 0 : ends_.back());
}

void Story::clear() {
    text_.clear();  // keeps its memory
    ends_.clear();
    opening_ = 0;
    lines_ = 0;
}

}  // namespace kvmem::synth
