#include "tasks/selection/features.hpp"

#include "kernels/vector.hpp"
#include "tasks/selection/overlap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace kvmem {

namespace {

struct Feature {
    const char* name;
    double (*value)(const Overlap& overlap, Index candidate);
};

}  // namespace

static double words_in(const Overlap& overlap, Index candidate) {
    return static_cast<double>(overlap.source().candidate(candidate).words.size());
}

static double lengths(const Overlap& overlap, Index candidate) {
    return std::max(1.0, words_in(overlap, candidate) + static_cast<double>(overlap.terms()));
}

static double idf_share(const Overlap& overlap, Index candidate) { return overlap.idf_share(candidate); }

static constexpr double saturation = 1.2, length_share = 0.75;

static double bm25(const Overlap& overlap, Index candidate) {
    const double length = words_in(overlap, candidate) / overlap.source().lexicon.mean_words;
    return overlap.share([&](Index t) { return overlap.weight(t); },
                         [&](Index t) {
                             const double count = overlap.count(candidate, t);
                             const double norm = saturation * (1 - length_share + length_share * length);
                             return count * (saturation + 1) / (count + norm);
                         });
}

static double like_share(const Overlap& overlap, Index candidate) {
    return overlap.share([&](Index t) { return overlap.weight(t); },
                         [&](Index t) { return overlap.likeness(candidate, t); });
}

// The likeness of the terms that the candidate lacks.
static double like_rest(const Overlap& overlap, Index candidate) {
    return overlap.share([&](Index t) { return overlap.count(candidate, t) > 0 ? 0 : overlap.weight(t); },
                         [&](Index t) { return overlap.likeness(candidate, t); });
}

static std::vector<Real> mean_vector(const FeatureSource& source, const ListedText& text) {
    std::vector<Real> mean(static_cast<std::size_t>(source.vectors.cols));
    for (const Token word : text.words)
        if (!source.list.words[word].is_function)
            detail::axpy(static_cast<Real>(source.list.stems[source.list.words[word].stem].idf),
                         source.vectors.row(word), mean.data(), source.vectors.cols);
    return mean;
}

static double cosine(const Overlap& overlap, Index candidate) {
    const FeatureSource& source = overlap.source();
    const std::vector<Real> a = mean_vector(source, source.question());
    const std::vector<Real> b = mean_vector(source, source.candidate(candidate));
    const auto dot = [](const std::vector<Real>& x, const std::vector<Real>& y) {
        return static_cast<double>(detail::dot(x.data(), y.data(), std::ssize(x)));
    };
    const double lengths = std::sqrt(dot(a, a) * dot(b, b));
    return lengths > 0 ? dot(a, b) / lengths : 0;
}

static double list_share(const Overlap& overlap, Index candidate) {
    return overlap.share([&](Index t) { return overlap.list_weight(t); },
                         [&](Index t) { return overlap.count(candidate, t) > 0; });
}

// The number of terms in common over the lengths of both.
static double common_per_length(const Overlap& overlap, Index candidate) {
    double common = 0;
    for (Index t = 0; t < overlap.terms(); ++t) common += overlap.weight(t) > 0 && overlap.count(candidate, t) > 0;
    return 4 * common / lengths(overlap, candidate);
}

static double idf_per_length(const Overlap& overlap, Index candidate) {
    double common = 0;
    for (Index t = 0; t < overlap.terms(); ++t)
        if (overlap.count(candidate, t) > 0) common += overlap.weight(t);
    return common / lengths(overlap, candidate);
}

// With a part of what a neighbour has.
static double share_with_neighbours(const Overlap& overlap, Index candidate) {
    const auto has = [&](Index c, Index t) {
        return 0 <= c && c < overlap.source().size() && overlap.count(c, t) > 0 ? 1.0 : 0.0;
    };
    return overlap.share([&](Index t) { return overlap.weight(t); },
                         [&](Index t) {
                             const double beside = std::max(has(candidate - 1, t), has(candidate + 1, t));
                             return std::max(has(candidate, t), 0.5 * beside);
                         });
}

static double word_overlap(const Overlap& overlap, Index candidate) {
    const std::vector<Token>& question = overlap.source().question().words;
    const std::vector<Token>& sentence = overlap.source().candidate(candidate).words;
    const std::set<Token> words(question.begin(), question.end()), others(sentence.begin(), sentence.end());
    const auto common = std::ranges::count_if(words, [&](Token word) { return others.contains(word); });
    return words.empty() ? 0 : static_cast<double>(common) / static_cast<double>(words.size());
}

// Of the neighbouring terms of the question, the share that are neighbours in the candidate.
static double pairs(const Overlap& overlap, Index candidate) {
    double found = 0;
    Index last = -2;
    for (const Index term : overlap.terms_of(overlap.source().candidate(candidate))) {
        found += term >= 0 && term == last + 1;
        last = term < 0 ? -2 : term;
    }
    return std::min(1.0, found / static_cast<double>(std::max<Index>(1, overlap.terms() - 1)));
}

static double longest_run(const Overlap& overlap, Index candidate) {
    double longest = 0, run = 0;
    Index last = -2;
    for (const Index term : overlap.terms_of(overlap.source().candidate(candidate))) {
        run = term < 0 ? 0 : term == last + 1 ? run + 1 : 1;
        last = term < 0 ? -2 : term;
        longest = std::max(longest, run);
    }
    return longest / static_cast<double>(std::max<Index>(1, overlap.terms()));
}

static double title_share(const Overlap& overlap, const ListedText& title, Index candidate) {
    const FeatureSource& source = overlap.source();
    std::set<Token> stems;
    for (const Token word : source.candidate(candidate).words) stems.insert(source.list.words[word].stem);
    double found = 0;
    for (const Token word : title.words) found += stems.contains(source.list.words[word].stem);
    return title.words.empty() ? 0 : found / static_cast<double>(title.words.size());
}

static double share_beyond_title(const Overlap& overlap, Index candidate) {
    return overlap.share([&](Index t) { return overlap.in_title(t) ? 0 : overlap.weight(t); },
                         [&](Index t) { return overlap.count(candidate, t) > 0; });
}

static double begins_with_pronoun(const Overlap& overlap, Index candidate) {
    static constexpr auto pronouns =
        std::to_array<std::string_view>({"he", "she", "it", "they", "this", "these", "his", "her"});
    const ListedText& text = overlap.source().candidate(candidate);
    return !text.words.empty() &&
           std::ranges::find(pronouns, overlap.source().list.words[text.words[0]].text) != pronouns.end();
}

static double has_rarest(const Overlap& overlap, Index candidate) {
    Index rarest = 0;
    for (Index t = 1; t < overlap.terms(); ++t)
        if (overlap.weight(t) > overlap.weight(rarest)) rarest = t;
    return overlap.terms() > 0 && overlap.count(candidate, rarest) > 0;
}

// Of the candidate's words that say something, the share that the question lacks.
static double new_words(const Overlap& overlap, Index candidate) {
    const FeatureSource& source = overlap.source();
    const std::vector<Index> terms = overlap.terms_of(source.candidate(candidate));
    double all = 0, unknown = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        if (source.list.words[source.candidate(candidate).words[i]].is_function) continue;
        ++all;
        unknown += terms[i] < 0;
    }
    return all > 0 ? unknown / all : 0;
}

// The best of a list counts as well.
static constexpr Feature relative_features[] = {
    {"share", idf_share},
    {"bm25", bm25},
    {"like", like_share},
    {"cosine", cosine},
    {"per length", common_per_length},
    {"share by list", list_share},
    {"share with neighbours", share_with_neighbours},
    {"idf per length", idf_per_length},
};
static constexpr Feature absolute_features[] = {
    {"word overlap", word_overlap},
    {"like rest", like_rest},
    {"pairs", pairs},
    {"longest run", longest_run},
    {"first", [](const Overlap&, Index c) { return c == 0 ? 1.0 : 0.0; }},
    {"second", [](const Overlap&, Index c) { return c == 1 ? 1.0 : 0.0; }},
    {"last", [](const Overlap& o, Index c) { return c + 1 == o.source().size() ? 1.0 : 0.0; }},
    {"place", [](const Overlap&, Index c) { return 1 / static_cast<double>(c + 1); }},
    {"place in list",
     [](const Overlap& o, Index c) { return static_cast<double>(c) / static_cast<double>(o.source().size()); }},
    {"length", [](const Overlap& o, Index c) { return std::log(1 + words_in(o, c)) / 4; }},
    {"short", [](const Overlap& o, Index c) { return words_in(o, c) < 6 ? 1.0 : 0.0; }},
    {"long", [](const Overlap& o, Index c) { return words_in(o, c) > 40 ? 1.0 : 0.0; }},
    {"title", [](const Overlap& o, Index c) { return title_share(o, o.source().title, c); }},
    {"heading", [](const Overlap& o, Index c) { return title_share(o, o.source().heading, c); }},
    {"share beyond title", share_beyond_title},
    {"pronoun", begins_with_pronoun},
    {"share before", [](const Overlap& o, Index c) { return o.idf_share(c - 1); }},
    {"share behind", [](const Overlap& o, Index c) { return o.idf_share(c + 1); }},
    {"rarest", has_rarest},
    {"new words", new_words},
};
static constexpr Index relatives = std::ssize(relative_features), absolutes = std::ssize(absolute_features);

const std::vector<std::string>& feature_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Feature& feature : relative_features)
            for (const char* form : {"", ", less the best", ", is the best"})
                all.push_back(std::string(feature.name) + form);
        for (const Feature& feature : absolute_features) all.emplace_back(feature.name);
        return all;
    }();
    return names;
}

Index bm25_feature() { return 3; }
Index overlap_feature() { return 3 * relatives; }

// Writes a measure, how far it is below the best of the list, and whether it is the best.
static void write_relative(const std::vector<double>& values, Index column, Matrix& features) {
    const double best = *std::ranges::max_element(values);
    for (Index c = 0; c < features.rows(); ++c) {
        features(c, column) = static_cast<Real>(values[c]);
        features(c, column + 1) = static_cast<Real>(values[c] - best);
        features(c, column + 2) = values[c] == best && best > 0 ? Real{1} : Real{0};
    }
}

Matrix features_of(const FeatureSource& source) {
    const Overlap overlap(source);
    Matrix features(source.size(), 3 * relatives + absolutes);
    std::vector<double> values(static_cast<std::size_t>(source.size()));
    for (Index f = 0; f < relatives; ++f) {
        for (Index c = 0; c < source.size(); ++c) values[c] = relative_features[f].value(overlap, c);
        write_relative(values, 3 * f, features);
    }
    for (Index c = 0; c < source.size(); ++c)
        for (Index f = 0; f < absolutes; ++f)
            features(c, 3 * relatives + f) = static_cast<Real>(absolute_features[f].value(overlap, c));
    return features;
}

}  // namespace kvmem
