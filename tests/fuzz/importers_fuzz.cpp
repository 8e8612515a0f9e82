// The importers: the first byte picks one, the rest is the texts of its files, separated by "\x1e".
#include "tasks/qa/import/sources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

using namespace kvmem;

// Hands out one file after the other; one that is empty is not there.
class Files {
  public:
    explicit Files(std::string_view texts) : texts_(texts) {}

    Source needed(const char* name) {
        const std::size_t end = std::min(texts_.find('\x1e'), texts_.size());
        Source source{name, std::string(texts_.substr(0, end))};
        texts_.remove_prefix(std::min(end + 1, texts_.size()));
        return source;
    }
    std::optional<Source> optional(const char* name) {
        Source source = needed(name);
        if (source.text.empty()) return std::nullopt;
        return source;
    }
    std::vector<Source> some(const char* name) {
        const std::optional<Source> source = optional(name);
        return source ? std::vector{*source} : std::vector<Source>{};
    }
    std::vector<TypedSource> typed(const char* name) {
        const std::optional<Source> source = optional(name), types = optional("types.txt");
        return source ? std::vector{TypedSource{*source, types}} : std::vector<TypedSource>{};
    }
    QuestionSources questions() {
        QuestionSources sources;
        sources.train = some("train.tsv");
        sources.valid = some("valid.jsonl");
        sources.test = some("test.tsv");
        return sources;
    }

  private:
    std::string_view texts_;
};

static QaDataset import_files(unsigned importer, int choices, Files files, const ImportOptions& options) {
    if (importer == 0) {
        const Source kb = files.needed("kb.txt");
        MetaqaSources sources;
        sources.train = files.typed("train.txt");
        sources.split = files.typed("split.txt");
        sources.test = files.typed("test.txt");
        const MetaqaOptions metaqa{.split = {},
                                   .held_out_phrasings = choices & 1,
                                   .train_limit = choices & 2,
                                   .without_marks = MetaqaOptions::WithoutMarks{choices % 3}};
        return metaqa_from(kb, sources, options, metaqa);
    }
    if (importer == 1) {
        const Source kb = files.needed("kb.txt");
        const std::optional<Source> entities = files.optional("entities.txt");
        return wikimovies_from(kb, entities, files.questions(), options);
    }
    if (importer == 2) {
        const Source facts = files.needed("facts.tsv");
        const std::optional<Source> templates = files.optional("templates.tsv");
        return kb_from({facts}, templates, {.file = {}, .test_entity_fraction = 0.3}, files.questions(), options);
    }
    if (importer == 3) return jsonl_from(files.questions(), options);
    std::vector<BabiSource> stories;
    stories.push_back({{1, "qa1", "train"}, files.needed("qa1_train.txt")});
    stories.push_back({{2, "qa2", "train"}, files.needed("qa2_train.txt")});
    stories.push_back({{2, "qa2", "test"}, files.needed("qa2_test.txt")});
    return babi_from(stories, options);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view texts(reinterpret_cast<const char*>(data) + 1, size - 1);
    ImportOptions options;
    options.valid_fraction = data[0] & 8u ? 0.3 : 0;
    std::optional<QaDataset> dataset;
    try {
        dataset = import_files(data[0] & 7u, data[0] >> 4, Files(texts), options);
    } catch (const Error&) {
        return 0;
    }
    dataset->validate("what an importer made");  // nothing but consistent data may come out
    return 0;
}
