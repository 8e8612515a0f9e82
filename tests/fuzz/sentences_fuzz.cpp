// Questions with candidate sentences. The first byte is that of an HDF5 file, or picks a layout; what was imported is
// read as a model reads it.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/selection/reading.hpp"
#include "tasks/selection/import/sources.hpp"

#include <cstdint>
#include <string_view>

using namespace kvmem;

static SentencesDataset import(unsigned choice, std::string_view text) {
    SentencesImport options;
    options.layout = static_cast<SentencesLayout>(choice % 4);
    if (choice & 8u) options.on_bad_line = [](const Error&) {};
    SentencesDataset dataset;
    dataset.splits["train"] = questions_from({"x.txt", std::string(text)}, options);
    hide_labels(dataset.splits["train"]);
    return dataset;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    try {
        if (data[0] >= 0x80) {
            load_sentences(std::as_bytes(std::span(data, size)), "fuzz").validate("fuzz");
            return 0;
        }
        const SentencesDataset dataset = import(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
        dataset.validate("what an importer made");
        const SentenceLexicon lexicon = make_lexicon(dataset, {}, 0);
        for (const SelectionQuestion& question : dataset.split("train")) (void)read_question(question, lexicon);
    } catch (const Error&) {
    }
    return 0;
}
