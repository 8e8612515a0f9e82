// Documents with headings, lists of titles and words that repeat, for tests of shards.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kvmem::test {

inline std::string random_sentence(Rng& rng) {
    static const std::vector<std::string> names{"Savery", "Newcomen", "Watt", "Trevithick", "Stephenson", "Brunel"};
    static const std::vector<std::string> verbs{"built", "sold", "repaired", "invented", "painted"};
    static const std::vector<std::string> things{"engine", "boiler", "bridge", "wheel", "lantern", "kettle", "tunnel"};
    static const std::vector<std::string> places{"Cornwall", "London", "Bristol", "Glasgow"};
    const auto one_of = [&](const std::vector<std::string>& all) { return all[rng.below(std::ssize(all))]; };
    std::string text = one_of(names) + " " + one_of(verbs) + " the " + one_of(things) + " in " + one_of(places);
    if (rng.uniform() < 0.5) text += " in " + std::to_string(1700 + rng.below(99));
    if (rng.uniform() < 0.3) text += " for the " + one_of(things) + " of " + one_of(names);
    return text + ". ";
}

// A file of Markdown, one of titles with texts, and two texts. Empty documents are among them.
inline documents::Collection many_documents() {
    Rng rng(5, {1});
    const auto sentences = [&](Index count) {
        std::string text;
        for (Index i = 0; i < count; ++i) text += random_sentence(rng);
        return text;
    };
    std::string markdown = "# Works\n\n", lines;
    for (int i = 0; i < 12; ++i)
        markdown += (i % 3 ? "## Part " : "# Book ") + std::to_string(i) + "\n\n" + sentences(3) + "\n\n" +
                    sentences(2) + "\n\n";
    for (int i = 0; i < 25; ++i) lines += "Title " + std::to_string(i) + "\t" + (i % 9 == 4 ? "" : sentences(3)) + "\n";
    std::vector<documents::Collection> files;
    files.push_back(documents::read_bytes("a.md", markdown, documents::Layout::markdown));
    files.push_back(documents::read_bytes("b.tsv", lines, documents::Layout::tsv));
    files.push_back(
        documents::read_bytes("c.txt", "The lantern went out.\n\n" + sentences(4), documents::Layout::text));
    files.push_back(documents::read_bytes("d.txt", sentences(40), documents::Layout::text));
    std::vector<documents::Piece> pieces;
    for (const documents::Collection& file : files) pieces.push_back({&file, 0});
    return documents::merge(pieces);
}

inline QaDataset dataset_of(documents::Collection collection) {
    QaDataset dataset;
    dataset.info.title = "Many documents";
    auto corpus = std::make_shared<documents::Corpus>();
    corpus->postings = documents::make_postings(collection);
    corpus->collection = std::move(collection);
    dataset.documents = std::move(corpus);
    return dataset;
}

}  // namespace kvmem::test
