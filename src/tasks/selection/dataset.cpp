// The file kvmem-sentences, version 1, as datasets/README.md specifies it.
#include "kvmem/tasks/selection/dataset.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/hdf5.hpp"

#include <algorithm>

namespace kvmem {

static constexpr const char* format = "kvmem-sentences";
static constexpr int version = 1;
static constexpr const char* split_names[] = {"test", "train", "valid"};

Index SelectionQuestion::answers() const { return std::ranges::count(right, 1); }

const std::vector<SelectionQuestion>& SentencesDataset::split(const std::string& name) const {
    if (const auto found = splits.find(name); found != splits.end()) return found->second;
    std::string names;
    for (const auto& [known, questions] : splits) names += (names.empty() ? "" : ", ") + known;
    throw Error({.what = "no such split", .expected = names, .got = name, .where = info.title});
}

static void validate_question(const SelectionQuestion& question, const std::string& where) {
    const auto fail = [&](const char* what, const char* expected, Index got) {
        throw Error({.what = what, .expected = expected, .got = std::to_string(got), .where = where});
    };
    if (question.text.empty()) fail("a question is empty", "a text", 0);
    if (question.sentences.empty()) fail("a question has no candidates", "one or more", 0);
    if (question.right.size() != question.sentences.size())
        fail("sentences and their labels differ in number", "one label for each sentence", std::ssize(question.right));
    for (const std::uint8_t right : question.right)
        if (right > 1) fail("a label is wrong", "0 or 1", right);
}

void SentencesDataset::validate(const std::string& where) const {
    Index questions = 0;
    for (const auto& [name, split] : splits) {
        if (std::ranges::find(split_names, name) == std::end(split_names))
            throw Error({.what = "no such split", .expected = "train, valid or test", .got = name, .where = where});
        for (std::size_t i = 0; i < split.size(); ++i)
            validate_question(split[i], where + ": /splits/" + name + ", question " + std::to_string(i));
        questions += std::ssize(split);
    }
    if (questions == 0)
        throw Error({.what = "the data set has no questions", .expected = "one or more", .got = "0", .where = where});
}

// The texts of a split, one for each question.
static constexpr std::pair<const char*, std::string SelectionQuestion::*> text_columns[] = {
    {"ids", &SelectionQuestion::id},
    {"questions", &SelectionQuestion::text},
    {"titles", &SelectionQuestion::title},
    {"headings", &SelectionQuestion::heading}};

static void require_equal(std::size_t got, std::size_t expected, const std::string& where) {
    if (got != expected)
        throw Error({.what = "columns differ in length",
                     .expected = std::to_string(expected),
                     .got = std::to_string(got),
                     .where = where});
}

static void read_candidates(const hdf5::Reader& file, const std::string& path,
                            std::vector<SelectionQuestion>& questions) {
    const std::string where = file.name() + ": " + path;
    std::vector<std::string> sentences = file.strings(path + "/sentences");
    const std::vector<std::uint8_t> right = file.bytes(path + "/right");
    const std::vector<std::int64_t> offsets = file.int64s(path + "/offsets");
    require_equal(right.size(), sentences.size(), where + "/right");
    require_equal(offsets.size(), questions.size() + 1, where + "/offsets");
    if (offsets.front() != 0 || offsets.back() != std::ssize(sentences) || !std::ranges::is_sorted(offsets))
        throw Error({.what = "offsets are wrong",
                     .expected = "numbers that rise from 0 to " + std::to_string(sentences.size()),
                     .got = "others",
                     .where = where + "/offsets"});
    for (std::size_t i = 0; i < questions.size(); ++i) {
        questions[i].sentences.assign(std::make_move_iterator(sentences.begin() + offsets[i]),
                                      std::make_move_iterator(sentences.begin() + offsets[i + 1]));
        questions[i].right.assign(right.begin() + offsets[i], right.begin() + offsets[i + 1]);
    }
}

static std::vector<SelectionQuestion> read_split(const hdf5::Reader& file, const std::string& path) {
    std::vector<SelectionQuestion> questions;
    for (const auto& [name, column] : text_columns) {
        std::vector<std::string> texts = file.strings(path + "/" + name);
        if (column == &SelectionQuestion::id) questions.resize(texts.size());
        require_equal(texts.size(), questions.size(), file.name() + ": " + path + "/" + name);
        for (std::size_t i = 0; i < texts.size(); ++i) questions[i].*column = std::move(texts[i]);
    }
    read_candidates(file, path, questions);
    return questions;
}

static SentencesDataset read(const hdf5::Reader& file) {
    SentencesDataset dataset;
    dataset.info = read_info(file);
    for (const std::string& name : file.children("/splits")) dataset.splits[name] = read_split(file, "/splits/" + name);
    dataset.validate(file.name());
    return dataset;
}

SentencesDataset load_sentences(const std::filesystem::path& path) { return read(hdf5::Reader(path, format, version)); }

SentencesDataset load_sentences(std::span<const std::byte> bytes, const std::string& name) {
    return read(hdf5::Reader(bytes, name, format, version));
}

static void write_split(hdf5::Writer& file, const std::string& path, const std::vector<SelectionQuestion>& questions) {
    for (const auto& [name, column] : text_columns) {
        std::vector<std::string> texts;
        texts.reserve(questions.size());
        for (const SelectionQuestion& question : questions) texts.push_back(question.*column);
        file.write(path + "/" + name, std::span<const std::string>(texts));
    }
    std::vector<std::string> sentences;
    std::vector<std::uint8_t> right;
    std::vector<std::int64_t> offsets{0};
    for (const SelectionQuestion& question : questions) {
        sentences.insert(sentences.end(), question.sentences.begin(), question.sentences.end());
        right.insert(right.end(), question.right.begin(), question.right.end());
        offsets.push_back(std::ssize(sentences));
    }
    file.write(path + "/sentences", std::span<const std::string>(sentences));
    file.write(path + "/right", std::span<const std::uint8_t>(right));
    file.write(path + "/offsets", std::span<const std::int64_t>(offsets));
}

void save_sentences(const SentencesDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(format, version);
    write_info(file, dataset.info);
    for (const auto& [name, questions] : dataset.splits) write_split(file, "/splits/" + name, questions);
    file.save(path);
}

}  // namespace kvmem
