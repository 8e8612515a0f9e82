#include "kvmem/tasks/sequences/metrics.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"
#include "text/nearest_names.hpp"
#include "text/unit_parts.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace kvmem {

static void require_utf8(std::string_view text) {
    if (const std::size_t at = invalid_utf8_at(text); at != std::string_view::npos)
        throw Error({.what = "bad text", .expected = "UTF-8", .got = "another byte at " + std::to_string(at)});
}

static Symbols parts_of(UnitKind kind, std::string_view text) {
    require_utf8(text);
    Symbols parts;
    unit_parts(kind, text, [&](std::string_view part) { parts.emplace_back(part); });
    return parts;
}

Symbols words_of(std::string_view text) { return parts_of(UnitKind::words, text); }
Symbols characters_of(std::string_view text) { return parts_of(UnitKind::chars, text); }

Match match(const Symbols& output, std::span<const Symbols> references) {
    require_shape(!references.empty(), "match", "a reference at least");
    std::map<std::string_view, char32_t> numbers;
    const auto numbered = [&](const Symbols& symbols) {
        std::u32string text;
        for (const std::string& symbol : symbols)
            text += numbers.try_emplace(symbol, static_cast<char32_t>(numbers.size())).first->second;
        return text;
    };
    const std::u32string ours = numbered(output);
    Match nearest;
    for (std::size_t i = 0; i < references.size(); ++i) {
        const auto edits = static_cast<Index>(edit_distance(ours, numbered(references[i])));
        if (i == 0 || edits < nearest.edits) nearest = {edits, std::ssize(references[i]), static_cast<Index>(i)};
    }
    return nearest;
}

void MatchReport::add(const Match& match) {
    ++lines;
    right += match.edits == 0 ? 1 : 0;
    edits += match.edits;
    symbols += match.length;
}

static double share(Index part, Index whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1));
}

double MatchReport::exact() const { return share(right, lines); }
double MatchReport::symbol_error() const { return share(edits, symbols); }

std::vector<LengthBucket> by_length(std::span<const Match> matches, std::span<const Index> lengths) {
    require_shape(matches.size() == lengths.size(), "by_length", "a length for each match");
    if (matches.empty()) return {};
    const Index width = *std::ranges::max_element(lengths) / 10 + 1;
    std::map<Index, LengthBucket> buckets;
    for (std::size_t i = 0; i < matches.size(); ++i) {
        const Index min = lengths[i] / width * width;
        buckets.try_emplace(min, LengthBucket{min, min + width - 1, {}}).first->second.report.add(matches[i]);
    }
    std::vector<LengthBucket> all;
    all.reserve(buckets.size());
    for (auto& [min, bucket] : buckets) all.push_back(bucket);
    return all;
}

std::vector<Index> worst(std::span<const Match> matches, Index count) {
    std::vector<Index> wrong;
    for (Index i = 0; i < std::ssize(matches); ++i)
        if (matches[i].edits > 0) wrong.push_back(i);
    std::ranges::stable_sort(wrong, std::greater(),
                             [&](Index i) { return share(matches[i].edits, matches[i].length); });
    wrong.resize(static_cast<std::size_t>(std::clamp<Index>(count, 0, std::ssize(wrong))));
    return wrong;
}

double perplexity(std::span<const double> log_probabilities) {
    if (log_probabilities.empty()) return 1;
    const double sum = std::accumulate(log_probabilities.begin(), log_probabilities.end(), 0.0);
    return std::exp(-sum / static_cast<double>(log_probabilities.size()));
}

}  // namespace kvmem
