#include "encoded_text.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/compiled_memory.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/text/entity_linker.hpp"
#include "model_source.hpp"
#include "next_sentence.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kvmem::apps {

std::vector<Index> picked_rows(const PickRows& pick, Index rows) {
    if (pick) return pick(rows);
    std::vector<Index> all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), Index{0});
    return all;
}

// The sentences of the documents that --memory names, or that the run was trained on.
static EncodedRows encoded_sentences(const po::variables_map& values, const PickRows& pick) {
    const auto model = open_next_sentence(find_run(values));
    const std::string data = values.count("memory") ? values["memory"].as<std::string>() : data_of_run(values);
    const auto corpus = documents::load_documents(data);
    const documents::Collection& all = corpus->collection;
    EncodedRows rows;
    Ragged<Token> words;
    const std::vector<Index> picked = picked_rows(pick, std::ssize(all.sentences));
    rows.keys.names.reserve(picked.size());
    for (const Index row : picked) {
        rows.keys.names.emplace_back(all.text_of(all.sentences[static_cast<std::size_t>(row)]));
        words.push_row(model->read(rows.keys.names.back()));
    }
    rows.keys.vectors = model->encode(words);
    return rows;
}

EncodedRows encoded_memory(const po::variables_map& values, const PickRows& pick) {
    if (is_run_of_next_sentence(values)) return encoded_sentences(values, pick);
    ModelSource source = open_model(values, "memory");
    const std::vector<Token> to = source.model->extend(source.memory);
    Slots& memory = source.memory.memory;
    translate(memory, to);
    const bool is_empty = memory.size() == 0;
    if (pick) {
        Slots picked;
        for (const Index slot : pick(memory.size())) picked.push(memory.key[slot], memory.value[slot]);
        memory = std::move(picked);
    }
    CompiledSlots compiled = compile_memory(*source.model, memory);
    if (is_empty)
        throw Error({.what = "this data set has no memory that all questions share",
                     .expected = "slots",
                     .where = values["run"].as<std::string>(),
                     .hint = "lines of text become slots with --text FILE"});
    return {{std::move(compiled.vectors.key), std::move(compiled.texts)}, std::move(compiled.vectors.value)};
}

static std::vector<std::string> lines_of(const std::string& text, const std::string& name) {
    std::vector<std::string> all;
    TextLines lines(text, name);
    for (std::string_view line; lines.next(line);) all.emplace_back(line);
    return all;
}

VectorFile encoded_lines(const po::variables_map& values, const std::string& text, const std::string& name,
                         const PickRows& pick) {
    const std::vector<std::string> lines = lines_of(text, name);
    if (lines.empty()) throw Error({.what = "there is no text", .expected = "lines", .where = name});
    const std::vector<Index> picked = picked_rows(pick, std::ssize(lines));
    VectorFile encoded;
    // The tokens of each line. read(line) may throw Error.
    const auto bags_by = [&](auto read) {
        Ragged<Token> bags;
        for (const Index line : picked) {
            try {
                bags.push_row(read(encoded.names.emplace_back(lines[static_cast<std::size_t>(line)])));
            } catch (const Error& e) {
                throw Error(e.problem_at(name + ":" + std::to_string(line + 1)));
            }
        }
        return bags;
    };
    if (is_run_of_next_sentence(values)) {
        const auto model = open_next_sentence(find_run(values));
        encoded.vectors = model->encode(bags_by([&](const std::string& line) { return model->read(line); }));
        return encoded;
    }
    const std::unique_ptr<Model> model = open_model_alone(values);
    const EntityLinker linker(model->vocabulary());
    encoded.vectors =
        model->encode_questions(bags_by([&](const std::string& line) { return linker.link(line).tokens; }));
    return encoded;
}

std::string text_from(const std::string& source) { return source == "-" ? read_standard_input() : read_file(source); }

}  // namespace kvmem::apps
