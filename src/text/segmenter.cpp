// Words of scripts without spaces, by ICU's dictionaries (Unicode, UAX 29 and section 4 of its notes on dictionaries).
#include "kvmem/core/error.hpp"
#include "text/words.hpp"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include <memory>

namespace kvmem {

using Breaks = std::unique_ptr<UBreakIterator, void (*)(UBreakIterator*)>;

static Breaks open_breaks() {
    UErrorCode status = U_ZERO_ERROR;
    Breaks breaks(ubrk_open(UBRK_WORD, "", nullptr, 0, &status), ubrk_close);
    if (U_FAILURE(status) != 0)
        throw Error({.what = "words of scripts without spaces cannot be found",
                     .expected = "ICU with its data",
                     .got = u_errorName(status)});
    return breaks;
}

// Appends the sizes of the words that a run of characters makes. A boundary within a unit is ignored.
static void group_run(std::span<const Word> run, std::vector<std::size_t>& sizes) {
    thread_local const Breaks breaks = open_breaks();
    const std::string text = words::joined(run).text;
    UErrorCode status = U_ZERO_ERROR;
    UText* const opened = utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &status);
    const std::unique_ptr<UText, UText* (*)(UText*)> source(opened, utext_close);
    ubrk_setUText(breaks.get(), source.get(), &status);
    if (U_FAILURE(status) != 0)
        throw Error({.what = "the words of a script without spaces cannot be found", .got = u_errorName(status)});
    std::size_t end = 0, size = 0;
    for (const Word& unit : run) {
        end += unit.text.size();
        ++size;
        const bool is_last = end == text.size();
        if (!is_last && ubrk_isBoundary(breaks.get(), static_cast<std::int32_t>(end)) == 0) continue;
        sizes.push_back(size);
        size = 0;
    }
}

std::vector<std::size_t> words::group_words(std::span<const Word> units, std::string_view text) {
    std::vector<std::size_t> sizes;
    while (!units.empty()) {
        std::size_t run = 0;
        while (run < units.size() && stands_alone(text, units[run].begin) &&
               (run == 0 || units[run].begin == units[run - 1].end))
            ++run;
        if (run > 0)
            group_run(units.first(run), sizes);
        else
            sizes.push_back(run = 1);
        units = units.subspan(run);
    }
    return sizes;
}

}  // namespace kvmem
