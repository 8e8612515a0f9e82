#include "kvmem/tasks/qa/model_file.hpp"

#include "io/vocabulary_file.hpp"
#include "io/word_vectors_group.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"

#include <boost/json.hpp>
#include <charconv>

namespace kvmem {

// The shortest text that number_of() reads as this number.
static std::string shortest(double number) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

Metadata metadata_of(const Model& model) {
    const auto candidates = model.candidates();
    return {{"model", model.kind()},
            {"config", to_json(model.settings())},
            {"tokens", vocabulary_json(model.vocabulary())},
            {"candidates", boost::json::serialize(boost::json::array(candidates.begin(), candidates.end()))}};
}

void write_model_info(hdf5::Writer& file, const Model& model) {
    write_settings(file, model.settings(), question_answering());
    if (model.phase() + 1 < model.phases()) file.attribute("/", "phase", std::to_string(model.phase()));
    if (model.min_certainty() > 0) file.attribute("/", "min_certainty", shortest(model.min_certainty()));
    write_vocabulary(file, model.vocabulary());
    file.write("/candidates", model.candidates());
    if (const WordVectors* vectors = model.lexicon().vectors()) write_word_vectors(file, *vectors);
}

void save_model(const Model& model, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model_info(file, model);
    write_parameters(file, model.parameters());
    file.save(path);
}

static void check_candidates(const std::vector<Token>& candidates, const Vocabulary& vocabulary,
                             const std::string& where) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
        if (candidates[i] < 0 || candidates[i] >= vocabulary.size() || (i > 0 && candidates[i] <= candidates[i - 1]))
            throw Error({.what = "candidates do not fit the vocabulary",
                         .expected = "rising tokens below " + std::to_string(vocabulary.size()),
                         .got = std::to_string(candidates[i]) + " at " + std::to_string(i),
                         .where = where});
}

// The phase that a file was written in; the last one when it does not say.
static void set_phase(Model& model, const std::string& text, const std::string& where) {
    if (text.empty()) return;
    const std::optional<Index> phase = number_of<Index>(text);
    if (!phase || *phase < 0 || *phase >= model.phases())
        throw Error({.what = "the model has no such phase",
                     .expected = "0 to " + std::to_string(model.phases() - 1),
                     .got = text.substr(0, 40),
                     .where = where});
    model.set_phase(*phase);
}

double read_min_certainty(const hdf5::Reader& file) {
    const std::string text = file.attribute("/", "min_certainty");
    if (text.empty()) return 0;
    const std::optional<double> certainty = number_of<double>(text);
    if (!certainty || !(*certainty >= 0 && *certainty <= 1))
        throw Error({.what = "answers cannot need this certainty",
                     .expected = "a number from 0 to 1",
                     .got = text.substr(0, 40),
                     .where = file.name()});
    return *certainty;
}

std::unique_ptr<Model> load_model(const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    const Settings settings = read_settings(file, question_answering());
    ModelWords words(read_vocabulary(file), read_word_vectors(file));
    std::vector<Token> candidates = file.int32s("/candidates");
    check_candidates(candidates, words.vocabulary, file.name());
    try {
        auto model = make_model(settings, std::move(words), std::move(candidates),
                                [&](const std::string& name) { return load_parameter(file, "/parameters/" + name); });
        set_phase(*model, file.attribute("/", "phase"), file.name());
        model->set_min_certainty(read_min_certainty(file));
        return model;
    } catch (const Error& e) {  // the model knows no files
        Problem problem = e.problem();
        if (problem.where.empty()) problem.where = file.name();
        throw Error(std::move(problem));
    }
}

void require_same_vocabulary(const Vocabulary& ours, const hdf5::Reader& file) {
    const Vocabulary theirs = read_vocabulary(file);
    bool same = ours.size() == theirs.size();
    for (Token t = 0; same && t < ours.size(); ++t)
        same = ours.kind(t) == theirs.kind(t) && ours.text(t) == theirs.text(t);
    if (!same)
        throw Error({.what = "the data set has changed since this checkpoint",
                     .expected = "the same vocabulary",
                     .got = "another",
                     .where = file.name(),
                     .hint = "begin a new run"});
}

}  // namespace kvmem
