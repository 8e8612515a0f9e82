#include "tasks/qa/documents/sentences.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>

namespace kvmem::documents {

using Breaks = std::unique_ptr<UBreakIterator, void (*)(UBreakIterator*)>;

static void require_success(UErrorCode status) {
    if (U_FAILURE(status) != 0)
        throw Error({.what = "sentences cannot be found", .expected = "ICU with its data", .got = u_errorName(status)});
}

static Breaks open_breaks() {
    UErrorCode status = U_ZERO_ERROR;
    Breaks breaks(ubrk_open(UBRK_SENTENCE, "", nullptr, 0, &status), ubrk_close);
    require_success(status);
    return breaks;
}

// Words whose period ends no sentence.
static constexpr std::string_view abbreviations[] = {
    "al",  "approx", "apr", "aug", "ca",  "capt", "cf",   "ch",   "col", "dec", "dept", "dr",  "e.g",
    "ed",  "eds",    "eq",  "est", "etc", "feb",  "fig",  "figs", "gen", "gov", "hon",  "i.e", "jan",
    "lt",  "maj",    "mr",  "mrs", "ms",  "mt",   "no",   "nos",  "nov", "oct", "op",   "pp",  "prof",
    "ref", "rep",    "rev", "sec", "sen", "sep",  "sept", "sgt",  "st",  "viz", "vol",  "vs"};

static bool is_upper(char c) { return 'A' <= c && c <= 'Z'; }
// The bytes [first, last) without blanks around them.
static Range trimmed(std::string_view text, Range range) {
    constexpr std::string_view blanks = " \t\r\n\f\v";
    while (range.size() > 0 && blanks.find(text[range.first]) != blanks.npos) ++range.first;
    while (range.size() > 0 && blanks.find(text[range.last - 1]) != blanks.npos) --range.last;
    return range;
}

// Whether a sentence cannot end with `sentence`: its last word is an abbreviation, an initial, or a number alone.
static bool goes_on(std::string_view sentence) {
    if (!sentence.ends_with('.')) return false;
    sentence.remove_suffix(1);
    const std::string_view word = sentence.substr(sentence.find_last_of(" \t\n([{\"'") + 1);
    if (word.empty()) return false;
    if (word.size() == 1 && is_upper(word[0])) return true;
    if (word.size() == sentence.size() && std::ranges::all_of(word, is_digit)) return true;
    std::string lower(word.substr(0, 8));
    for (char& c : lower)
        if (is_upper(c)) c = static_cast<char>(c + 32);
    return std::ranges::binary_search(abbreviations, std::string_view(lower));
}

std::vector<Range> split_sentences(std::string_view paragraph) {
    thread_local const Breaks breaks = open_breaks();
    std::string line(paragraph);
    std::ranges::replace_if(
        line, [](char c) { return c == '\n' || c == '\r' || c == '\f' || c == '\v'; }, ' ');
    UErrorCode status = U_ZERO_ERROR;
    UText* const opened = utext_openUTF8(nullptr, line.data(), static_cast<std::int64_t>(line.size()), &status);
    const std::unique_ptr<UText, UText* (*)(UText*)> source(opened, utext_close);
    ubrk_setUText(breaks.get(), source.get(), &status);
    require_success(status);
    std::vector<Range> sentences;
    Index first = 0;
    for (std::int32_t end = ubrk_next(breaks.get()); end != UBRK_DONE; end = ubrk_next(breaks.get())) {
        const Range sentence = trimmed(line, {first, end});
        const bool is_last = end == static_cast<std::int32_t>(line.size());
        if (!is_last && goes_on(std::string_view(line).substr(sentence.first, sentence.size()))) continue;
        if (sentence.size() > 0) sentences.push_back(sentence);
        first = end;
    }
    return sentences;
}

}  // namespace kvmem::documents
