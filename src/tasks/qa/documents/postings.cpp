#include "kvmem/tasks/qa/documents/postings.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "text/stemmer.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace kvmem::documents {

std::string stem(std::string_view word, const std::string& language) { return Stemmer(language)(word); }

Token Postings::find(std::string_view stem) const {
    const auto found = std::ranges::lower_bound(stems, stem);
    return found != stems.end() && *found == stem ? static_cast<Token>(found - stems.begin()) : -1;
}

void Postings::validate(const Collection& collection, const std::string& where) const {
    const auto require = [&](bool holds, const char* what, const char* expected) {
        if (!holds) throw Error({.what = what, .expected = expected, .where = where});
    };
    const auto is_within = [](auto bound) {
        return [=](auto x) { return 0 <= x && x < static_cast<decltype(x)>(bound); };
    };
    const std::size_t size = passage.size();
    require(stem_of.size() == collection.words.size() && std::ranges::all_of(stem_of, is_within(stems.size())),
            "the stems of words do not fit", "a stem of each word");
    require(std::ranges::adjacent_find(stems, std::greater_equal()) == stems.end(), "stems have another order",
            "each stem once, rising");
    require(std::ranges::all_of(stems, [](const std::string& s) { return invalid_utf8_at(s) == s.npos; }),
            "a stem is not text", "UTF-8");
    require(offsets.size() == stems.size() + 1 && offsets.front() == 0 && offsets.back() == std::ssize(passage) &&
                std::ranges::is_sorted(offsets) && count.size() == size && fields.size() == size,
            "the postings of stems do not fit", "offsets that cover them");
    require(std::ranges::all_of(passage, is_within(collection.passages.size())), "a posting has no passage",
            "a passage");
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
        require(std::is_sorted(passage.begin() + offsets[s], passage.begin() + offsets[s + 1], std::less_equal()) ||
                    offsets[s + 1] - offsets[s] < 2,
                "postings have another order", "rising passages");
}

namespace {

// A stem of a passage.
struct Posting {
    Token stem;
    std::int32_t passage;
    std::uint8_t count, fields;
};

// Stems of words and of the words of titles.
struct Stems {
    std::vector<std::vector<Token>> titles;  // of each document

    Stems(const Collection& collection, Postings& postings) {
        const Stemmer stemmer(postings.language);
        std::vector<std::string> all;
        for (const std::string& word : collection.words) all.push_back(stemmer(word));
        std::vector<std::vector<std::string>> title_stems;
        for (const Document& document : collection.documents) {
            title_stems.emplace_back();
            for (const Word& word : split_words(document.title)) title_stems.back().push_back(stemmer(word.text));
        }
        postings.stems = all;
        for (const auto& of : title_stems) postings.stems.insert(postings.stems.end(), of.begin(), of.end());
        std::ranges::sort(postings.stems);
        postings.stems.erase(std::unique(postings.stems.begin(), postings.stems.end()), postings.stems.end());
        for (const std::string& stem : all) postings.stem_of.push_back(postings.find(stem));
        for (const auto& of : title_stems) {
            titles.emplace_back();
            for (const std::string& stem : of) titles.back().push_back(postings.find(stem));
        }
    }
};

// Makes the postings of passages, each with all its stems.
struct PassageReader {
    const Collection& collection;
    const Postings& postings;
    const Stems& stems;
    std::vector<Posting>& out;
    std::vector<Posting> passage{};  // the stems of one passage, unsorted

    void add_tokens(const Passage& of, std::int32_t number, std::uint8_t count, std::uint8_t fields) {
        if (of.sentences.size() == 0) return;
        const Range tokens{collection.sentences[of.sentences.first].tokens.first,
                           collection.sentences[of.sentences.last - 1].tokens.last};
        for (Index t = tokens.first; t < tokens.last; ++t)
            passage.push_back({postings.stem_of[collection.tokens[t].word], number, count, fields});
    }

    void read(Index number, Index document) {
        const Passage& of = collection.passages[number];
        const auto at = static_cast<std::int32_t>(number);
        passage.clear();
        add_tokens(of, at, 1, 0);
        for (Index h = of.heading; h >= 0; h = collection.passages[h].heading)
            add_tokens(collection.passages[h], at, 0, in_heading);
        for (const Token stem : stems.titles[document]) passage.push_back({stem, at, 0, in_title});
        std::ranges::sort(passage, {}, &Posting::stem);
        for (auto first = passage.begin(); first != passage.end();) {
            const auto last =
                std::find_if(first, passage.end(), [&](const Posting& p) { return p.stem != first->stem; });
            int count = 0;
            Posting sum{first->stem, at, 0, 0};
            for (; first != last; ++first) {
                count += first->count;
                sum.fields |= first->fields;
            }
            sum.count = static_cast<std::uint8_t>(std::min(count, 255));
            out.push_back(sum);
        }
    }
};

}  // namespace

// Whether each passage is found: all but headings that have passages.
static std::vector<bool> found_passages(const Collection& collection) {
    std::vector<bool> found(collection.passages.size(), true);
    for (const Passage& passage : collection.passages)
        if (passage.heading >= 0) found[passage.heading] = false;
    return found;
}

static std::vector<std::vector<Posting>> read_passages(const Collection& collection, const Postings& postings,
                                                       const Stems& stems) {
    static constexpr Index grain = 2048;
    const Index count = std::ssize(collection.passages);
    const std::vector<bool> found = found_passages(collection);
    std::vector<std::vector<Posting>> parts((count + grain - 1) / grain);
    parallel_for(std::ssize(parts), 1, [&](Index first, Index last) {
        for (Index part = first; part < last; ++part) {
            PassageReader reader{collection, postings, stems, parts[part]};
            for (Index p = part * grain; p < std::min(count, (part + 1) * grain); ++p)
                if (found[p]) reader.read(p, collection.document_of(p));
        }
    });
    return parts;
}

Postings make_postings(const Collection& collection, const std::string& language) {
    Postings postings;
    postings.language = language;
    const Stems stems(collection, postings);
    const auto parts = read_passages(collection, postings, stems);
    postings.offsets.assign(postings.stems.size() + 1, 0);
    for (const auto& part : parts)
        for (const Posting& posting : part) ++postings.offsets[posting.stem + 1];
    std::partial_sum(postings.offsets.begin(), postings.offsets.end(), postings.offsets.begin());
    std::vector<Index> next(postings.offsets.begin(), postings.offsets.end() - 1);
    postings.passage.resize(postings.offsets.back());
    postings.count.resize(postings.offsets.back());
    postings.fields.resize(postings.offsets.back());
    for (const auto& part : parts)
        for (const Posting& posting : part) {
            const Index at = next[posting.stem]++;
            postings.passage[at] = posting.passage;
            postings.count[at] = posting.count;
            postings.fields[at] = posting.fields;
        }
    return postings;
}

}  // namespace kvmem::documents
