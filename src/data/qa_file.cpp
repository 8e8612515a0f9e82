// The kvmem-qa file, version 1, as datasets/README.md specifies it.
#include "data/hdf5.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/data/qa_dataset.hpp"

#include <algorithm>

namespace kvmem {

static constexpr const char* format = "kvmem-qa";
static constexpr int version = 1;

static Vocabulary read_vocabulary(const hdf5::Reader& file) {
    const auto refuse = [&file](const std::string& what, const std::string& expected, const std::string& got) {
        throw Error({.what = what, .expected = expected, .got = got, .where = file.name() + ": /vocab", .hint = {}});
    };
    const auto texts = file.strings("/vocab");
    const auto kinds = file.bytes("/vocab/kinds");
    const auto counts = file.int64s("/vocab/counts");
    if (kinds.size() != texts.size() || counts.size() != texts.size())
        refuse("the vocabulary's parts differ in length", std::to_string(texts.size()) + " kinds and counts",
               std::to_string(kinds.size()) + " and " + std::to_string(counts.size()));
    Vocabulary vocabulary;
    const std::string& unknown = vocabulary.text(unknown_token);
    if (texts.empty() || texts[0] != unknown || kinds[0] != static_cast<int>(TokenKind::special))
        refuse("the vocabulary has no unknown token", "entry 0 to be the special '" + unknown + "'",
               texts.empty() ? "no entries" : "'" + texts[0] + "'");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (kinds[i] > static_cast<int>(TokenKind::relation))
            refuse("a token's kind is wrong", "0 to 3", std::to_string(kinds[i]) + " at " + std::to_string(i));
        const Token token = vocabulary.add(static_cast<TokenKind>(kinds[i]), texts[i]);
        if (static_cast<std::size_t>(token) != i)
            refuse("the vocabulary has an entry twice", "other text or kind than entry " + std::to_string(token),
                   "'" + texts[i] + "' at " + std::to_string(i));
        vocabulary.set_count(token, counts[i]);
    }
    return vocabulary;
}

static Split read_split(const hdf5::Reader& file, const std::string& path) {
    Split split;
    split.question = file.ragged(path + "/question");
    split.answer = file.ragged(path + "/answer");
    if (file.has(path + "/slot_offsets")) {
        split.own_offsets = file.int64s(path + "/slot_offsets");
        split.own.key = file.ragged(path + "/slot_key");
        split.own.value = file.ragged(path + "/slot_value");
    }
    return split;
}

static QaDataset read_dataset(const hdf5::Reader& file) {
    QaDataset dataset;
    dataset.info = {.title = file.attribute("/", "title"),
                    .source = file.attribute("/", "source"),
                    .license = file.attribute("/", "license"),
                    .generator = file.attribute("/", "generator")};
    dataset.vocabulary = read_vocabulary(file);
    if (file.has("/memory")) dataset.memory = {file.ragged("/memory/key"), file.ragged("/memory/value")};
    if (file.has("/candidates")) dataset.candidates = file.int32s("/candidates");
    for (const std::string& name : file.children("/splits"))
        dataset.splits.emplace(name, read_split(file, "/splits/" + name));
    dataset.validate(file.name());
    return dataset;
}

QaDataset load_dataset(const std::filesystem::path& path) { return read_dataset(hdf5::Reader(path, format, version)); }

QaDataset load_dataset(std::span<const std::byte> bytes, const std::string& name) {
    return read_dataset(hdf5::Reader(bytes, name, format, version));
}

static void write_vocabulary(hdf5::Writer& file, const Vocabulary& vocabulary) {
    std::vector<std::string> texts;
    std::vector<std::uint8_t> kinds;
    std::vector<std::int64_t> counts;
    for (Token token = 0; token < vocabulary.size(); ++token) {
        texts.push_back(vocabulary.text(token));
        kinds.push_back(static_cast<std::uint8_t>(vocabulary.kind(token)));
        counts.push_back(vocabulary.count(token));
    }
    file.write("/vocab", std::span<const std::string>(texts));
    file.write("/vocab/kinds", std::span<const std::uint8_t>(kinds));
    file.write("/vocab/counts", std::span<const std::int64_t>(counts));
}

static void write_split(hdf5::Writer& file, const std::string& path, const Split& split) {
    file.write(path + "/question", split.question);
    file.write(path + "/answer", split.answer);
    if (!split.has_own_slots()) return;
    file.write(path + "/slot_offsets", std::span<const Index>(split.own_offsets));
    file.write(path + "/slot_key", split.own.key);
    file.write(path + "/slot_value", split.own.value);
}

void save_dataset(const QaDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(format, version);
    file.attribute("/", "title", dataset.info.title);
    file.attribute("/", "source", dataset.info.source);
    file.attribute("/", "license", dataset.info.license);
    file.attribute("/", "generator", dataset.info.generator);
    write_vocabulary(file, dataset.vocabulary);
    file.write("/memory/key", dataset.memory.key);
    file.write("/memory/value", dataset.memory.value);
    file.write("/candidates", std::span<const Token>(dataset.candidates));
    for (const auto& [name, split] : dataset.splits) write_split(file, "/splits/" + name, split);
    file.save(path);
}

}  // namespace kvmem
