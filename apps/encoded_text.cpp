#include "encoded_text.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/compiled_memory.hpp"
#include "kvmem/text/entity_linker.hpp"
#include "model_source.hpp"

#include <algorithm>

namespace kvmem::apps {

EncodedRows encoded_memory(const po::variables_map& values) {
    ModelSource source = open_model(values, "memory");
    const std::vector<Token> to = source.model->extend(source.memory);
    Slots& memory = source.memory.memory;
    translate(memory, to);
    CompiledSlots compiled = compile_memory(*source.model, memory);
    if (memory.size() == 0)
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

static std::vector<Token> tokens_of(const EntityLinker& linker, const std::string& line, const std::string& where) {
    try {
        return linker.link(line).tokens;
    } catch (const Error& e) {
        throw Error(e.problem_at(where));
    }
}

VectorFile encoded_lines(const po::variables_map& values, const std::string& text, const std::string& name) {
    const std::unique_ptr<Model> model = open_model_alone(values);
    const EntityLinker linker(model->vocabulary());
    VectorFile encoded{{}, lines_of(text, name)};
    if (encoded.names.empty()) throw Error({.what = "there is no text", .expected = "lines", .where = name});
    Ragged<Token> bags;
    for (std::size_t i = 0; i < encoded.names.size(); ++i)
        bags.push_row(tokens_of(linker, encoded.names[i], name + ":" + std::to_string(i + 1)));
    encoded.vectors = model->encode_questions(bags);
    return encoded;
}

std::string text_from(const std::string& source) { return source == "-" ? read_standard_input() : read_file(source); }

}  // namespace kvmem::apps
