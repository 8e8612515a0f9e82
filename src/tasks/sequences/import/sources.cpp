#include "tasks/sequences/import/sources.hpp"

#include "kvmem/core/number.hpp"
#include "kvmem/core/option_error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

UnitChoice unit_choice(std::string_view text, const char* option) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string_view name = text.substr(0, colon);
    const auto names = choices(UnitKind{});
    const auto kind = std::ranges::find(names, name);
    const std::optional<Token> size = colon == text.size() ? 0 : number_of<Token>(text.substr(colon + 1));
    const bool has_size = colon < text.size();
    const bool known = kind != names.end() && size && (has_size ? *size > 0 && name != "chars" : name != "bpe");
    if (!known)
        throw OptionError(option, "chars, words, words:N or bpe:N, of N tokens at most", "'" + std::string(text) + "'");
    return {static_cast<UnitKind>(kind - names.begin()), *size};
}

SequenceSources read_sequence_sources(const SequenceImport& options) {
    require_valid_fraction(options.valid_fraction, !options.valid.empty(), "data");
    const std::string what = "a file of text";
    if (options.train.empty()) throw usage_error("nothing to learn units from", "a file to train on");
    return {read_sources(options.train, what), read_sources(options.valid, what), read_sources(options.test, what)};
}

void require_two(Index count, const char* parts) {
    if (count < 2)
        throw Error({.what = "this is too little to take a part for validation",
                     .expected = std::string("two ") + parts + " or more",
                     .got = std::to_string(count)});
}

Index validation_count(double fraction, Index count, const char* parts) {
    require_two(count, parts);
    return std::clamp<Index>(std::llround(fraction * static_cast<double>(count)), 1, count - 1);
}

}  // namespace kvmem
